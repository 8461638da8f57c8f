//! Creating and cancelling jobs, and each call's refusals.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo};

type E = Error<Test>;

fn try_create(terms: JobTerms) -> sp_runtime::DispatchResult {
    ComputeJobs::create_job(signed(&requester()), terms)
}

#[test]
fn creating_a_job_holds_its_whole_budget() {
    build_and_execute(|| {
        let id = create(JobTerms {
            tip: AUR,
            keep_receipt: true,
            ..terms(TWO_OF_THREE)
        });
        assert_eq!(held(HoldReason::JobBudget, &requester()), 31 * AUR);
        assert_eq!(held(HoldReason::Deposit, &requester()), AUR / 10);
        let job = job(id);
        assert_eq!((job.status, job.deadline), (JobStatus::Open, 101));
        assert_eq!(users_of(MODEL), 1);
        assert_eq!(create(terms(OPTIMISTIC)), id + 1);
    });
}

#[test]
fn a_job_beyond_the_requesters_means_is_refused() {
    build_and_execute(|| {
        assert_noop!(
            try_create(JobTerms {
                max_pay: 10_001 * AUR,
                ..terms(OPTIMISTIC)
            }),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}

#[test]
fn overflow_in_budget_arithmetic() {
    build_and_execute(|| {
        let most = Balance::MAX;
        assert_noop!(
            try_create(JobTerms {
                max_pay: most / 2,
                ..terms(TWO_OF_THREE)
            }),
            E::BudgetOverflow
        );
        assert_noop!(
            try_create(JobTerms {
                max_pay: most,
                tip: 1,
                ..terms(OPTIMISTIC)
            }),
            E::BudgetOverflow
        );
        // Prices that overflow make an offer ineligible, nothing else.
        providers(1, AUR);
        let rates = Rates {
            macs: most,
            ..Rates::default()
        };
        let terms_of_offer = OfferTerms { rates, ..offer(1) };
        assert_ok!(ComputeJobs::set_offer(signed(&provider(0)), terms_of_offer));
        let times = Times {
            macs: u64::MAX,
            nodes: u64::MAX,
            ..Times::default()
        };
        run_to(3);
        let id = create(terms(OPTIMISTIC));
        run_to(20);
        assert_eq!(status(id), JobStatus::Open);
        assert_ok!(ComputeJobs::set_offer(
            signed(&provider(0)),
            OfferTerms { times, ..offer(1) }
        ));
        run_to(40);
        assert_eq!(status(id), JobStatus::Open);
        // A collateral that overflows does so too.
        let id = create(JobTerms {
            min_collateral: most,
            ..terms(OPTIMISTIC)
        });
        assert_ok!(ComputeJobs::set_offer(signed(&provider(0)), offer(1)));
        run_to(70);
        assert_eq!(status(id), JobStatus::Open);
    });
}

#[test]
fn unknown_models_and_batches_are_refused() {
    build_and_execute(|| {
        assert_noop!(
            try_create(JobTerms {
                model: 99,
                ..terms(OPTIMISTIC)
            }),
            E::UnknownModel
        );
        assert_noop!(
            try_create(JobTerms {
                batch: 0,
                ..terms(OPTIMISTIC)
            }),
            E::UnknownModel
        );
        assert_noop!(
            try_create(JobTerms {
                batch: 101,
                ..terms(OPTIMISTIC)
            }),
            E::UnknownModel
        );
        retire_models();
        assert_noop!(try_create(terms(OPTIMISTIC)), E::UnknownModel);
    });
}

#[test]
fn policies_the_chain_does_not_run_are_refused() {
    build_and_execute(|| {
        let replicated = |n, quorum| Policy::Replicated {
            n,
            quorum,
            window: 100,
        };
        for (n, quorum) in [(0, 0), (8, 5), (3, 1), (4, 2), (3, 4), (2, 1), (255, 255)] {
            assert_noop!(try_create(terms(replicated(n, quorum))), E::BadQuorum);
        }
        for (n, quorum) in [(1, 1), (2, 2), (3, 2), (7, 4), (7, 7)] {
            assert_ok!(try_create(terms(replicated(n, quorum))));
        }
        for audit in [4, 8, 16, 32, 64] {
            let policy = Policy::Optimistic { window: 100, audit };
            assert_ok!(try_create(terms(policy)));
        }
        for audit in [1, 2, 5, 128, 255] {
            let policy = Policy::Optimistic { window: 100, audit };
            assert_noop!(try_create(terms(policy)), E::BadAuditRate);
        }
        for window in [0, 9, 100_001] {
            let policy = Policy::Optimistic { window, audit: 0 };
            assert_noop!(try_create(terms(policy)), E::BadWindow);
        }
    });
}

#[test]
fn waits_that_nobody_or_everybody_could_promise_are_refused() {
    build_and_execute(|| {
        assert_noop!(
            try_create(JobTerms {
                max_wait: 19,
                ..terms(OPTIMISTIC)
            }),
            E::BadMaxWait
        );
        assert_noop!(
            try_create(JobTerms {
                max_wait: 1_001,
                ..terms(OPTIMISTIC)
            }),
            E::BadMaxWait
        );
    });
}

#[test]
fn only_a_small_single_output_can_be_wanted_inline() {
    build_and_execute(|| {
        let inline = |model, batch| {
            try_create(JobTerms {
                inline_output: true,
                model,
                batch,
                ..terms(OPTIMISTIC)
            })
        };
        assert_ok!(inline(MODEL, 16));
        assert_noop!(inline(MODEL, 17), E::OutputNotInline);
        assert_noop!(inline(TWO_OUTPUTS, 1), E::OutputNotInline);
    });
}

#[test]
fn job_numbers_run_out_before_they_repeat() {
    build_and_execute(|| {
        NextJobId::<Test>::put(u64::MAX);
        assert_noop!(try_create(terms(OPTIMISTIC)), E::TooManyJobs);
    });
}

#[test]
fn an_open_job_can_be_cancelled_by_its_requester_alone() {
    build_and_execute(|| {
        let id = create(JobTerms {
            tip: AUR,
            keep_receipt: true,
            ..terms(TWO_OF_THREE)
        });
        assert_noop!(
            ComputeJobs::cancel(signed(&bystander()), id),
            E::NotRequester
        );
        assert_ok!(ComputeJobs::cancel(signed(&requester()), id));
        assert_eq!(free(&requester()), 10_000 * AUR);
        assert_noop!(ComputeJobs::cancel(signed(&requester()), id), E::NoSuchJob);
        assert_eq!(
            events().last(),
            Some(&Event::JobCancelled {
                job: id,
                refunded: 31 * AUR
            })
        );
    });
}

#[test]
fn a_job_whose_draw_is_due_cannot_be_cancelled() {
    build_and_execute(|| {
        providers(1, AUR);
        let id = create(terms(OPTIMISTIC));
        crawl_to(System::block_number() + 4);
        assert_eq!(status(id), JobStatus::Open);
        assert_noop!(
            ComputeJobs::cancel(signed(&requester()), id),
            E::UnexpectedStatus
        );
    });
}

#[test]
fn calls_on_no_job_are_refused() {
    build_and_execute(|| {
        let who = || signed(&worker(0));
        assert_noop!(ComputeJobs::cancel(who(), 7), E::NoSuchJob);
        assert_noop!(ComputeJobs::accept(who(), 7), E::NoSuchJob);
        assert_noop!(ComputeJobs::commit(who(), 7, [0; 32]), E::NoSuchJob);
        assert_noop!(
            ComputeJobs::reveal(who(), 7, SALT, TraceReveal::Root([0; 32]), None),
            E::NoSuchJob
        );
        assert_noop!(ComputeJobs::poke(who(), 7), E::NoSuchJob);
        assert_noop!(ComputeJobs::remove_receipt(who(), 7), E::NoSuchReceipt);
    });
}

#[test]
fn accepting_and_committing_twice_is_refused() {
    build_and_execute(|| {
        providers(3, AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        accept(id, &keys[0]);
        assert_noop!(
            ComputeJobs::accept(signed(&keys[0]), id),
            E::AlreadyAccepted
        );
        commit(id, &keys[0], 0);
        assert_noop!(
            ComputeJobs::commit(signed(&keys[0]), id, [1; 32]),
            E::AlreadyCommitted
        );
        assert_noop!(
            ComputeJobs::accept(signed(&keys[0]), id),
            E::AlreadyAccepted
        );
    });
}

#[test]
fn a_malformed_reveal_is_refused_and_changes_nothing() {
    build_and_execute(|| {
        providers(3, AUR);
        let (id, keys) = to_revealing(TWO_OF_THREE, &[0, 0, 0]);
        let key = signed(&keys[0]);
        let reveal_with =
            |salt, trace, output| ComputeJobs::reveal(key.clone(), id, salt, trace, output);
        let roots = || TraceReveal::Roots(trace(0));
        for count in [0usize, 1, 2, 4, 1_024] {
            let wrong: Trace = vec![[1; 32]; count].try_into().unwrap();
            assert_noop!(
                reveal_with(SALT, TraceReveal::Roots(wrong), None),
                E::WrongTraceLength
            );
        }
        assert_noop!(reveal_with([6; 32], roots(), None), E::CommitmentMismatch);
        assert_noop!(
            reveal_with(SALT, TraceReveal::Roots(trace(1)), None),
            E::CommitmentMismatch
        );
        assert_noop!(
            reveal_with(SALT, TraceReveal::Root(root_of(0)), None),
            E::UnknownTrace
        );
        assert_noop!(
            reveal_with(SALT, roots(), Some(output(0))),
            E::OutputNotWanted
        );
        assert_ok!(reveal_with(SALT, roots(), None));
        assert_noop!(reveal_with(SALT, roots(), None), E::AlreadyRevealed);
    });
}

#[test]
fn an_output_wanted_inline_comes_with_the_first_reveal_of_its_trace() {
    build_and_execute(|| {
        providers(3, AUR);
        let terms = JobTerms {
            inline_output: true,
            ..terms(TWO_OF_THREE)
        };
        let (id, keys) = create_and_draw(terms);
        keys.iter().for_each(|key| commit(id, key, 0));
        run_to(job(id).deadline + 1);
        let reveal_with = |key: &AccountId, output| {
            let roots = TraceReveal::Roots(trace(0));
            ComputeJobs::reveal(signed(key), id, SALT, roots, output)
        };
        assert_noop!(reveal_with(&keys[0], None), E::OutputMissing);
        assert_noop!(reveal_with(&keys[0], Some(output(1))), E::OutputMismatch);
        let short: InlineOutput = vec![0; 63].try_into().unwrap();
        assert_noop!(reveal_with(&keys[0], Some(short)), E::OutputMismatch);
        assert_ok!(reveal_with(&keys[0], Some(output(0))));
        // It was sent before anybody's was known.
        assert_ok!(reveal_with(&keys[1], Some(output(0))));
        assert_ok!(ComputeJobs::reveal(
            signed(&keys[2]),
            id,
            SALT,
            TraceReveal::Root(root_of(0)),
            None
        ));
        assert_eq!(status(id), JobStatus::Claimed);
    });
}

#[test]
fn a_kept_receipt_is_its_owners_to_remove() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(JobTerms {
            keep_receipt: true,
            ..terms(OPTIMISTIC)
        });
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        finish(id);
        let kept = Receipts::<Test>::get(id).unwrap();
        assert_eq!(kept.trace_root, root_of(0));
        assert_eq!(kept.output_root, trace(0)[2]);
        assert_eq!(kept.providers.to_vec(), [provider(0)]);
        assert_eq!(kept.grade, Grade::WatchedOnly);
        assert_eq!(free(&requester()), 9_990 * AUR - AUR / 10);
        check();
        assert_noop!(
            ComputeJobs::remove_receipt(signed(&bystander()), id),
            E::NotReceiptOwner
        );
        assert_ok!(ComputeJobs::remove_receipt(signed(&requester()), id));
        assert_eq!(free(&requester()), 9_990 * AUR);
    });
}

#[test]
fn commit_and_reveal_are_operational_and_charge_for_the_roots() {
    build_and_execute(|| {
        use frame_support::dispatch::DispatchClass::*;
        let class = |call: Call<Test>| call.get_dispatch_info().class;
        assert_eq!(class(Call::accept { job: 0 }), Normal);
        assert_eq!(
            class(Call::commit {
                job: 0,
                commitment: [0; 32]
            }),
            Operational
        );
        let reveal = |roots: usize| Call::<Test>::reveal {
            job: 0,
            salt: SALT,
            trace: TraceReveal::Roots(vec![[0; 32]; roots].try_into().unwrap()),
            output: None,
        };
        assert_eq!(class(reveal(1)), Operational);
        let weight = |roots| reveal(roots).get_dispatch_info().call_weight.ref_time();
        assert!(weight(1_024) > weight(1));
    });
}
