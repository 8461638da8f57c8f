//! The attacks of the design that need no dispute. Two more are tested elsewhere:
//! invented slots and prices in `sampling.rs`, overflow in `jobs.rs`.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResultWithPostInfo};

type E = Error<Test>;

fn try_reveal(
    id: athanor_primitives::JobId,
    key: &AccountId,
    kind: u8,
) -> DispatchResultWithPostInfo {
    ComputeJobs::reveal(signed(key), id, SALT, TraceReveal::Roots(trace(kind)), None)
}

#[test]
fn copying_another_replicas_answer() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        commit(id, &keys[0], 0);
        commit(id, &keys[1], 0);
        // The copier repeats a commitment it saw, and later the reveal.
        let copied = job(id).replicas[0].commitment.unwrap();
        assert_ok!(ComputeJobs::commit(signed(&keys[2]), id, copied));
        run_to(job(id).deadline + 1);
        reveal(id, &keys[0], 0);
        assert_noop!(try_reveal(id, &keys[2], 0), E::CommitmentMismatch);
        reveal(id, &keys[1], 0);
        run_to(job(id).deadline + 1);
        finish(id);
        assert_eq!(
            Providers::<Test>::get(owner_of(&keys[2])).unwrap().bond,
            950 * AUR
        );
    });
}

#[test]
fn commit_replayed_for_another_job() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (first, keys) = create_and_draw(terms(TWO_OF_THREE));
        let (second, _) = create_and_draw(terms(TWO_OF_THREE));
        for key in &keys {
            let made_for_first = commitment(first, key, 0);
            assert_ok!(ComputeJobs::commit(signed(key), second, made_for_first));
        }
        run_to(job(second).deadline + 1);
        assert_noop!(try_reveal(second, &keys[0], 0), E::CommitmentMismatch);
    });
}

#[test]
fn reveal_without_commit() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        assert_noop!(try_reveal(id, &keys[0], 0), E::UnexpectedStatus);
        keys.iter().for_each(|key| accept(id, key));
        assert_noop!(try_reveal(id, &keys[0], 0), E::NotCommitted);
        commit(id, &keys[1], 0);
        commit(id, &keys[2], 0);
        run_to(job(id).deadline + 1);
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Revealing);
        assert_noop!(try_reveal(id, &keys[0], 0), E::NotAssigned);
    });
}

#[test]
fn reveal_withheld_after_seeing_the_others() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = to_revealing(TWO_OF_THREE, &[0, 0, 1]);
        reveal(id, &keys[0], 0);
        reveal(id, &keys[1], 0);
        run_to(job(id).deadline + 1);
        assert_eq!(job(id).replicas[2].fault, Some(Fault::NoReveal));
        finish(id);
        // The same three answers again, from three others, but all revealed.
        for i in 3..6 {
            let who = signed(&provider(i));
            assert_ok!(try_register(who.clone(), worker(i), Default::default()));
            assert_ok!(ComputeJobs::add_bond(who.clone(), 900 * AUR));
            assert_ok!(ComputeJobs::set_offer(who, offer(10 * AUR)));
        }
        assert_ok!(ComputeJobs::pause(signed(&owner_of(&keys[0]))));
        assert_ok!(ComputeJobs::pause(signed(&owner_of(&keys[1]))));
        run_to(System::block_number() + 1);
        let (other, open_liars) = to_claimed(TWO_OF_THREE, &[0, 0, 1]);
        finish(other);
        let silent = total(&owner_of(&keys[2]));
        let outvoted = total(&owner_of(&open_liars[2]));
        // Silence is no cheaper exit than being outvoted.
        assert_eq!(silent, outvoted);
    });
}

#[test]
fn claim_by_a_non_assignee_or_in_the_wrong_state() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        let other = worker(1 - index_of(&keys[0]));
        for stranger in [&other, &requester(), &owner_of(&keys[0])] {
            assert_noop!(ComputeJobs::accept(signed(stranger), id), E::NotAssigned);
            assert_noop!(
                ComputeJobs::commit(signed(stranger), id, [0; 32]),
                E::NotAssigned
            );
            assert_noop!(try_reveal(id, stranger, 0), E::NotAssigned);
        }
        assert_noop!(try_reveal(id, &keys[0], 0), E::UnexpectedStatus);
        commit(id, &keys[0], 0);
        assert_eq!(status(id), JobStatus::Sealed);
        assert_noop!(
            ComputeJobs::accept(signed(&keys[0]), id),
            E::UnexpectedStatus
        );
        assert_noop!(
            ComputeJobs::commit(signed(&keys[0]), id, [0; 32]),
            E::UnexpectedStatus
        );
        assert_noop!(try_reveal(id, &keys[0], 0), E::UnexpectedStatus);
        assert_noop!(
            ComputeJobs::cancel(signed(&requester()), id),
            E::UnexpectedStatus
        );
        run_to(job(id).deadline + 1);
        reveal(id, &keys[0], 0);
        assert_eq!(status(id), JobStatus::Claimed);
        assert_noop!(try_reveal(id, &keys[0], 0), E::AlreadyRevealed);
        assert_noop!(
            ComputeJobs::commit(signed(&keys[0]), id, [0; 32]),
            E::UnexpectedStatus
        );
    });
}

#[test]
fn silent_assignee() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        let (id, first) = create_and_draw(terms(OPTIMISTIC));
        run_to(job(id).deadline + 1);
        run_to(System::block_number() + 4);
        let second = workers(id);
        assert_ne!(first, second);
        accept(id, &second[0]);
        reveal(id, &second[0], 0);
        finish(id);
        assert_eq!(free(&owner_of(&second[0])), 9_000 * AUR + 98 * AUR / 10);
        // It lost time and standing, nothing else.
        let silent = Providers::<Test>::get(owner_of(&first[0])).unwrap();
        assert_eq!((silent.bond, silent.releases_in_a_row), (1_000 * AUR, 1));
    });
}

#[test]
fn input_or_weights_nobody_serves() {
    build_and_execute(|| {
        providers(9, 10 * AUR);
        let id = create(JobTerms {
            tip: AUR,
            ..terms(TWO_OF_THREE)
        });
        while Jobs::<Test>::get(id).is_some() {
            run_to(System::block_number() + 10);
        }
        // Nobody could accept, so nobody is blamed; the requester lost its tip.
        for i in 0..9 {
            let record = Providers::<Test>::get(provider(i)).unwrap();
            assert_eq!((record.bond, record.releases_in_a_row), (1_000 * AUR, 0));
            assert_eq!((record.jailed_until, record.live), (None, 0));
        }
        assert_eq!(free(&requester()), 9_999 * AUR);
    });
}

#[test]
fn a_job_that_nobody_can_run_costs_its_stake() {
    build_and_execute(|| {
        SeatStake::set(AUR / 20);
        providers(9, 10 * AUR);
        let id = create(JobTerms {
            tip: AUR,
            ..terms(TWO_OF_THREE)
        });
        let stake = 3 * AUR / 20;
        assert_eq!(held(HoldReason::JobBudget, &requester()), 31 * AUR + stake);
        while Jobs::<Test>::get(id).is_some() {
            run_to(System::block_number() + 10);
        }
        assert_eq!(free(&requester()), 9_999 * AUR - stake);
        assert_eq!(free(&treasury()), 2 * AUR + stake);
    });
}

#[test]
fn a_job_that_somebody_accepted_keeps_its_stake_whatever_becomes_of_it() {
    build_and_execute(|| {
        SeatStake::set(AUR / 20);
        providers(2, 10 * AUR);
        let cancelled = create(terms(OPTIMISTIC));
        assert_ok!(ComputeJobs::cancel(signed(&requester()), cancelled));
        let (settled, keys) = create_and_draw(terms(OPTIMISTIC));
        accept(settled, &keys[0]);
        reveal(settled, &keys[0], 0);
        finish(settled);
        let (late, keys) = create_and_draw(terms(OPTIMISTIC));
        accept(late, &keys[0]);
        finish(late);
        assert_eq!(free(&requester()), 9_990 * AUR);
    });
}

#[test]
fn provider_drawing_itself_through_the_requester() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let own = create_by(&provider(0));
        // Nor a provider whose worker key the requester holds.
        assert_ok!(try_set_worker(signed(&provider(0)), bystander()));
        let by_worker = create_by(&bystander());
        run_to(System::block_number() + 60);
        assert_eq!(status(own), JobStatus::Open);
        assert_eq!(status(by_worker), JobStatus::Open);
    });
}

fn create_by(who: &AccountId) -> athanor_primitives::JobId {
    let id = NextJobId::<Test>::get();
    assert_ok!(ComputeJobs::create_job(signed(who), terms(OPTIMISTIC)));
    id
}

#[test]
fn two_replicas_of_one_owner() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        assert_ok!(ComputeJobs::set_offer(
            signed(&provider(0)),
            OfferTerms {
                slots: 64,
                ..offer(AUR)
            }
        ));
        run_to(System::block_number() + 1);
        // Two providers can't make three replicas, however many slots they have.
        let id = create(terms(TWO_OF_THREE));
        run_to(System::block_number() + 60);
        assert_eq!(status(id), JobStatus::Open);
    });
}

#[test]
fn a_released_provider_is_not_drawn_for_the_same_job_again() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, _) = create_and_draw(terms(OPTIMISTIC));
        run_to(job(id).deadline + 1);
        run_to(job(id).deadline);
        assert_eq!(job(id).replicas.len(), 0);
    });
}

#[test]
fn slot_over_booking() {
    build_and_execute(|| {
        providers(1, AUR);
        let ids: Vec<_> = (0..6).map(|_| create(terms(OPTIMISTIC))).collect();
        run_to(System::block_number() + 5);
        let assigned = ids
            .iter()
            .filter(|id| status(**id) == JobStatus::Assigned)
            .count();
        assert_eq!(assigned, 4);
        assert_eq!(Providers::<Test>::get(provider(0)).unwrap().live, 4);
        assert_eq!(Assignments::<Test>::get(worker(0)).len(), 4);
    });
}

#[test]
fn collateral_is_never_booked_twice() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        // Two of 400 fit into 1,000 of bond, a third does not.
        let ids: Vec<_> = (0..3)
            .map(|_| {
                create(JobTerms {
                    min_collateral: 400 * AUR,
                    ..terms(OPTIMISTIC)
                })
            })
            .collect();
        run_to(System::block_number() + 30);
        let open = ids
            .iter()
            .filter(|id| status(**id) == JobStatus::Open)
            .count();
        assert_eq!(open, 1);
        assert_eq!(
            Providers::<Test>::get(provider(0)).unwrap().locked,
            800 * AUR
        );
    });
}

#[test]
fn offer_changed_after_the_seed_is_known() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let id = create(terms(OPTIMISTIC));
        let created = System::block_number();
        crawl_to(created + 3);
        // Whatever could raise a provider's chance takes it out of this round.
        assert_ok!(ComputeJobs::set_offer(signed(&provider(0)), offer(AUR)));
        assert_ok!(ComputeJobs::add_bond(signed(&provider(1)), AUR));
        run_to(created + 5);
        assert_eq!(workers(id), [worker(2)]);
        // An offer made in the block of the job is too young too.
        assert_ok!(ComputeJobs::pause(signed(&provider(2))));
        assert_ok!(ComputeJobs::resume(signed(&provider(2))));
        assert_ok!(ComputeJobs::pause(signed(&provider(0))));
        assert_ok!(ComputeJobs::pause(signed(&provider(1))));
        let id = create(terms(OPTIMISTIC));
        run_to(System::block_number() + 10);
        assert_eq!(status(id), JobStatus::Open);
        run_to(System::block_number() + 20);
        assert_eq!(workers(id), [worker(2)]);
    });
}

#[test]
fn poke_timed_for_a_seed() {
    // Whenever within the seeds' life it comes, the poke draws the same; see also
    // `the_same_seeds_draw_the_same_providers_whenever_the_call_comes`. And a late
    // round that fails is followed by one whose seed nobody knows.
    build_and_execute(|| {
        providers(2, 10 * AUR);
        let id = create(terms(TWO_OF_THREE));
        for wait in [4u32, 30, 7] {
            crawl_to(job(id).draw.unwrap().next.max(System::block_number()) + wait);
            assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
            let draw = job(id).draw.unwrap();
            let starts = draw.from + 20 * draw.round;
            assert!(starts >= System::block_number());
            assert_eq!(Seeds::<Test>::get(starts + 1), None);
            assert_noop!(ComputeJobs::poke(signed(&bystander()), id), E::NothingDue);
        }
    });
}

#[test]
fn bond_withdrawn_while_liable() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        let who = signed(&provider(0));
        for _ in 0..4 {
            assert_noop!(ComputeJobs::deregister(who.clone()), E::StillLiable);
            assert_noop!(
                ComputeJobs::withdraw(who.clone(), provider(0)),
                E::NotUnbonding
            );
            match status(id) {
                JobStatus::Assigned => accept(id, &keys[0]),
                JobStatus::Running => commit(id, &keys[0], 0),
                JobStatus::Sealed => run_to(job(id).deadline + 1),
                _ => reveal(id, &keys[0], 0),
            }
        }
        assert_eq!(status(id), JobStatus::Claimed);
        assert_noop!(ComputeJobs::deregister(who.clone()), E::StillLiable);
        finish(id);
        assert_ok!(ComputeJobs::deregister(who));
    });
}

#[test]
fn held_money_cannot_be_spent() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        create(terms(OPTIMISTIC));
        let all = |who: &AccountId| {
            assert_ok!(Balances::transfer_all(signed(who), bystander(), false));
        };
        all(&requester());
        all(&provider(0));
        assert_eq!(held(HoldReason::JobBudget, &requester()), 10 * AUR);
        assert_eq!(held(HoldReason::ProviderBond, &provider(0)), 1_000 * AUR);
    });
}

#[test]
fn a_stolen_worker_key_cannot_touch_the_free_bond() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        let thief = signed(&keys[0]);
        assert_noop!(ComputeJobs::deregister(thief.clone()), E::NotAProvider);
        assert_noop!(try_set_worker(thief.clone(), bystander()), E::NotAProvider);
        assert_ok!(ComputeJobs::commit(thief, id, [0; 32]));
        run_to(job(id).deadline + 1);
        finish(id);
        assert_eq!(Providers::<Test>::get(provider(0)).unwrap().bond, 950 * AUR);
    });
}

#[test]
fn deadline_flood_in_one_block() {
    build_and_execute(|| {
        // Buckets hold 8. All 60 jobs want the same block, and all expire.
        let ids: Vec<_> = (0..60)
            .map(|_| {
                create(JobTerms {
                    max_pay: AUR,
                    ..terms(OPTIMISTIC)
                })
            })
            .collect();
        assert!(ids.iter().all(|id| job(*id).queued.is_some()));
        run_to(140);
        assert_eq!(Jobs::<Test>::iter().count(), 0);
        assert_eq!(free(&requester()), 10_000 * AUR);
    });
}

#[test]
fn full_deadline_bucket() {
    build_and_execute(|| {
        // 16 buckets of 8 take 128 jobs; the others wait in the backlog, under the same
        // deadline.
        providers(1, AUR / 100);
        let ids: Vec<_> = (0..140)
            .map(|_| {
                create(JobTerms {
                    max_pay: AUR / 100,
                    ..terms(OPTIMISTIC)
                })
            })
            .collect();
        let left_out: Vec<_> = ids
            .iter()
            .copied()
            .filter(|id| job(*id).queued == Some(BACKLOG))
            .collect();
        assert_eq!(left_out.len(), 12);
        assert_eq!(BacklogEnd::<Test>::get(), 12);
        check();
        // One that is poked out of the backlog is passed over when its turn comes.
        let (early, deadline) = (left_out[0], job(left_out[0]).deadline);
        crawl_to(deadline);
        assert_eq!(status(early), JobStatus::Open);
        assert_noop!(
            ComputeJobs::cancel(signed(&requester()), early),
            E::UnexpectedStatus
        );
        assert_ok!(ComputeJobs::poke(signed(&bystander()), early));
        assert_eq!(Jobs::<Test>::get(early), None);
        check();
        // Nobody has to poke the others.
        run_to(deadline + 40);
        assert_eq!(Jobs::<Test>::iter().count(), 0);
        assert_eq!(Backlog::<Test>::iter().count(), 0);
        assert_eq!(BacklogStart::<Test>::get(), 12);
    });
}
