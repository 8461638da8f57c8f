//! Audits: premium, draw, pay, verdict, and every way an auditor can fail.

use crate::{mock::*, *};
use athanor_primitives::JobId;
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

/// A quarter of these jobs is audited.
const QUARTER: Policy = Policy::Optimistic {
    window: 100,
    audit: 64,
};

/// 64 of 256 of the most pay.
const PREMIUM: Balance = 3 * AUR;
const FEE: Balance = 2 * AUR / 10;
const NET: Balance = 98 * AUR / 10;
/// Seven times the price of 10.
const COLLATERAL: Balance = 70 * AUR;

/// Most pay 12, price 10.
fn dear() -> JobTerms {
    JobTerms {
        max_pay: 12 * AUR,
        keep_receipt: true,
        ..terms(QUARTER)
    }
}

fn fill_pot(amount: Balance) {
    assert_ok!(Balances::transfer_allow_death(
        signed(&bystander()),
        pot(),
        amount
    ));
}

/// A job whose first provider has committed to a kind of trace, in its first `Sealed`.
fn sealed(kind: u8) -> (JobId, AccountId) {
    let (id, keys) = create_and_draw(dear());
    commit(id, &keys[0], kind);
    assert_eq!(status(id), JobStatus::Sealed);
    (id, keys[0].clone())
}

/// The same past its audit draw.
fn drawn(kind: u8) -> (JobId, AccountId, Option<AccountId>) {
    let (id, claimant) = sealed(kind);
    run_to(job(id).deadline + 1);
    let auditor = job(id).auditor().map(|replica| replica.worker.clone());
    (id, claimant, auditor)
}

/// A job that was drawn for an audit: claimant and auditor. Those that were not end
/// well before.
fn audited(kind: u8) -> (JobId, AccountId, AccountId) {
    loop {
        match drawn(kind) {
            (id, claimant, Some(auditor)) => return (id, claimant, auditor),
            (id, claimant, None) => {
                reveal(id, &claimant, kind);
                finish(id);
            }
        }
    }
}

/// The same with both having revealed.
fn both_revealed(claimed: u8, found: u8) -> (JobId, AccountId, AccountId) {
    let (id, claimant, auditor) = audited(claimed);
    commit(id, &auditor, found);
    run_to(job(id).deadline + 1);
    reveal(id, &claimant, claimed);
    reveal(id, &auditor, found);
    assert_eq!(status(id), JobStatus::Claimed);
    (id, claimant, auditor)
}

fn grade(id: JobId) -> Grade {
    Receipts::<Test>::get(id).expect("a kept receipt").grade
}

/// What a bystander's proof does.
fn convict(id: JobId, claim: athanor_primitives::Root) {
    assert_ok!(ComputeJobs::announce(signed(&bystander()), id, [0; 32]));
    let thread = Threads::<Test>::get(id, 0).unwrap();
    let (mut record, now) = (job(id), System::block_number());
    ComputeJobs::strike_claim(id, &mut record, claim, &thread, Fault::FraudProven, now);
    ComputeJobs::close_thread(id, &mut record, 0, thread, ThreadEnd::Convicted);
    ComputeJobs::keep(id, record, now);
}

struct Totals {
    claimant: Balance,
    auditor: Balance,
    requester: Balance,
    treasury: Balance,
    pot: Balance,
}

fn totals(claimant: &AccountId, auditor: &AccountId) -> Totals {
    Totals {
        claimant: total(&owner_of(claimant)),
        auditor: total(&owner_of(auditor)),
        requester: total(&requester()),
        treasury: free(&treasury()),
        pot: total(&pot()),
    }
}

#[test]
fn the_premium_is_held_and_paid_into_the_pot_by_the_draw() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let id = create(dear());
        assert_eq!(
            held(HoldReason::JobBudget, &requester()),
            12 * AUR + PREMIUM
        );
        assert_eq!(total(&pot()), ED);
        run_to(System::block_number() + 5);
        assert_eq!(status(id), JobStatus::Assigned);
        assert_eq!(held(HoldReason::JobBudget, &requester()), 12 * AUR);
        assert_eq!(total(&pot()), ED + PREMIUM);
        assert!(events().contains(&Event::PremiumPaid {
            job: id,
            amount: PREMIUM
        }));
    });
}

#[test]
fn the_premium_is_rounded_up() {
    let policy = |audit| Policy::Optimistic { window: 100, audit };
    assert_eq!(policy(4).premium(64), Some(1));
    assert_eq!(policy(4).premium(65), Some(2));
    assert_eq!(policy(64).premium(0), Some(0));
    assert_eq!(policy(0).premium(Balance::MAX), Some(0));
    assert_eq!(policy(4).premium(Balance::MAX), None);
    assert_eq!(TWO_OF_THREE.premium(Balance::MAX), Some(0));
}

#[test]
fn a_job_that_expires_or_is_cancelled_gets_its_premium_back() {
    build_and_execute(|| {
        let cancelled = create(dear());
        assert_ok!(ComputeJobs::cancel(signed(&requester()), cancelled));
        let expired = create(dear());
        finish(expired);
        assert_eq!(free(&requester()), 10_000 * AUR);
        assert_eq!(total(&pot()), ED);
    });
}

#[test]
fn a_redraw_pays_no_second_premium() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        let (id, _) = create_and_draw(dear());
        run_to(job(id).deadline + 6);
        assert_eq!((status(id), job(id).redraws), (JobStatus::Assigned, 1));
        assert_eq!(total(&pot()), ED + PREMIUM);
    });
}

#[test]
fn a_pot_without_account_is_opened_by_the_first_premium_that_can() {
    new_test_ext().execute_with(|| {
        use frame_support::traits::{
            fungible::Mutate,
            tokens::{Fortitude, Precision, Preservation},
        };
        providers(1, 10 * AUR);
        assert_ok!(Balances::burn_from(
            &pot(),
            ED,
            Preservation::Expendable,
            Precision::Exact,
            Fortitude::Force
        ));
        let small = JobTerms {
            max_pay: 2 * ED,
            ..dear()
        };
        assert_ok!(ComputeJobs::set_offer(signed(&provider(0)), offer(ED)));
        run_to(System::block_number() + 1);
        create_and_draw(small);
        assert_eq!(total(&pot()), 0);
        assert!(events().contains(&Event::PaymentDiverted {
            intended: pot(),
            amount: ED / 2
        }));
        create_and_draw(dear());
        assert_eq!(total(&pot()), PREMIUM);
        assert_eq!(ComputeJobs::in_audit_pot(), PREMIUM - ED);
        check();
    });
}

#[test]
fn the_audit_draw_waits_for_the_blocks_after_the_commitment() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, _) = sealed(0);
        let from = System::block_number();
        let ahead = job(id);
        assert_eq!(ahead.audit, Audit::Ahead);
        let draw = ahead.draw.unwrap();
        assert_eq!((draw.purpose, draw.from), (Purpose::Audit, from));
        assert_eq!(ahead.deadline, from + 6);
        run_to(from + 6);
        assert_eq!(job(id).audit, Audit::Ahead);
        run_to(from + 7);
        assert_ne!(job(id).audit, Audit::Ahead);
    });
}

#[test]
fn without_a_hit_the_claimant_reveals_and_is_graded_as_sampled() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant) = loop {
            match drawn(0) {
                (id, claimant, None) => break (id, claimant),
                (id, _, Some(_)) => finish(id),
            }
        };
        assert_eq!(status(id), JobStatus::Revealing);
        assert!(events().contains(&Event::AuditDrawn {
            job: id,
            called: false,
            auditor: None
        }));
        reveal(id, &claimant, 0);
        finish(id);
        assert_eq!(grade(id), Grade::Sampled { audit: 64 });
    });
}

#[test]
fn a_hit_seats_an_auditor_and_sets_its_pay_aside() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(0);
        let record = job(id);
        assert_eq!(record.status, JobStatus::Assigned);
        assert_eq!(record.replicas.len(), 2);
        assert_ne!(claimant, auditor);
        assert_eq!(record.replicas[1].collateral, COLLATERAL);
        assert_eq!(record.audit, Audit::Drawn(owner_of(&auditor)));
        assert_eq!(held(HoldReason::AuditPay, &pot()), 10 * AUR);
        assert!(events().contains(&Event::AuditDrawn {
            job: id,
            called: true,
            auditor: Some(owner_of(&auditor))
        }));
    });
}

#[test]
fn an_auditor_that_agrees_is_paid_by_the_pot() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = both_revealed(0, 0);
        let before = totals(&claimant, &auditor);
        let fees = Providers::<Test>::get(owner_of(&auditor)).unwrap().fees;
        finish(id);
        let after = totals(&claimant, &auditor);
        assert_eq!(after.claimant, before.claimant + NET);
        assert_eq!(after.auditor, before.auditor + NET);
        assert_eq!(after.requester, before.requester - 10 * AUR);
        assert_eq!(after.treasury, before.treasury + 2 * FEE);
        assert_eq!(after.pot, before.pot - 10 * AUR);
        assert_eq!(grade(id), Grade::Audited);
        let earned = Providers::<Test>::get(owner_of(&auditor)).unwrap().fees;
        assert!(earned > fees, "audits count for reputation");
    });
}

#[test]
fn two_answers_and_no_proof_fail_the_job_and_pay_nobody() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = both_revealed(1, 0);
        let before = totals(&claimant, &auditor);
        finish(id);
        let after = totals(&claimant, &auditor);
        // Neither has more than half: a vote decides nothing, and who is right has
        // to prove it. The pot keeps the auditor's pay, or garbage would earn it.
        assert_eq!(after.claimant, before.claimant);
        assert_eq!(after.auditor, before.auditor);
        assert_eq!(after.requester, before.requester);
        assert_eq!(after.treasury, before.treasury);
        assert_eq!(after.pot, before.pot);
        assert!(matches!(
            events().last(),
            Some(Event::JobFailed {
                reason: FailReason::NoMajority,
                ..
            })
        ));
        for who in [&claimant, &auditor] {
            let record = Providers::<Test>::get(owner_of(who)).unwrap();
            assert_eq!((record.locked, record.jailed_until), (0, None));
        }
    });
}

#[test]
fn an_auditor_whose_claimant_is_struck_settles_alone() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = both_revealed(1, 0);
        let before = totals(&claimant, &auditor);
        let bystander_had = total(&bystander());
        convict(id, root_of(1));
        finish(id);
        let after = totals(&claimant, &auditor);
        let compensation = 24 * AUR / 10;
        let reward = COLLATERAL * 4 / 10;
        assert_eq!(after.claimant, before.claimant - COLLATERAL);
        assert_eq!(after.auditor, before.auditor + NET);
        assert_eq!(after.pot, before.pot - 10 * AUR);
        // The requester has its result for nothing.
        assert_eq!(after.requester, before.requester + compensation);
        assert_eq!(
            after.treasury,
            before.treasury + COLLATERAL - compensation - reward + FEE
        );
        assert_eq!(total(&bystander()), bystander_had + reward);
        let receipt = Receipts::<Test>::get(id).unwrap();
        assert_eq!(receipt.trace_root, root_of(0));
        assert_eq!(receipt.providers.to_vec(), [owner_of(&auditor)]);
        assert_eq!(receipt.grade, Grade::WatchedOnly);
    });
}

#[test]
fn a_claimant_whose_auditor_is_struck_settles_alone() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = both_revealed(0, 1);
        let before = totals(&claimant, &auditor);
        convict(id, root_of(1));
        finish(id);
        let after = totals(&claimant, &auditor);
        assert_eq!(after.claimant, before.claimant + NET);
        assert_eq!(after.auditor, before.auditor - COLLATERAL);
        assert_eq!(after.pot, before.pot, "a struck auditor is paid nothing");
        assert_eq!(grade(id), Grade::Sampled { audit: 64 });
    });
}

#[test]
fn an_auditor_that_does_not_accept_is_released_and_counts() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(0);
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Revealing);
        assert_eq!(workers(id), std::slice::from_ref(&claimant));
        assert_eq!(held(HoldReason::AuditPay, &pot()), 0);
        let record = Providers::<Test>::get(owner_of(&auditor)).unwrap();
        assert_eq!((record.locked, record.releases_in_a_row), (0, 1));
        reveal(id, &claimant, 0);
        finish(id);
        assert_eq!(grade(id), Grade::Sampled { audit: 64 });
    });
}

#[test]
fn an_auditor_that_is_late_loses_a_tenth_and_the_job_goes_on() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(0);
        accept(id, &auditor);
        assert_eq!(status(id), JobStatus::Running);
        let before = totals(&claimant, &auditor);
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Sealed);
        assert_eq!(job(id).replicas[1].fault, Some(Fault::Late));
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Revealing);
        reveal(id, &claimant, 0);
        finish(id);
        let after = totals(&claimant, &auditor);
        assert_eq!(after.claimant, before.claimant + NET);
        assert_eq!(after.auditor, before.auditor - COLLATERAL / 10);
        assert_eq!(after.pot, before.pot);
        assert_eq!(grade(id), Grade::Sampled { audit: 64 });
    });
}

#[test]
fn an_auditor_that_does_not_reveal_loses_all() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(0);
        commit(id, &auditor, 0);
        run_to(job(id).deadline + 1);
        reveal(id, &claimant, 0);
        let before = totals(&claimant, &auditor);
        run_to(job(id).deadline + 1);
        assert_eq!(job(id).replicas[1].fault, Some(Fault::NoReveal));
        finish(id);
        let after = totals(&claimant, &auditor);
        assert_eq!(after.claimant, before.claimant + NET);
        assert_eq!(after.auditor, before.auditor - COLLATERAL);
        assert_eq!(after.pot, before.pot);
    });
}

#[test]
fn a_claimant_that_hides_from_its_auditor_loses_all_and_the_auditor_settles() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(1);
        commit(id, &auditor, 0);
        run_to(job(id).deadline + 1);
        reveal(id, &auditor, 0);
        let before = totals(&claimant, &auditor);
        finish(id);
        let after = totals(&claimant, &auditor);
        assert_eq!(after.claimant, before.claimant - COLLATERAL);
        assert_eq!(after.auditor, before.auditor + NET);
        assert_eq!(after.pot, before.pot - 10 * AUR);
        assert_eq!(Receipts::<Test>::get(id).unwrap().trace_root, root_of(0));
    });
}

#[test]
fn nobody_who_reveals_fails_the_job_and_the_pot_keeps_the_pay() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(0);
        commit(id, &auditor, 0);
        let before = totals(&claimant, &auditor);
        finish(id);
        let after = totals(&claimant, &auditor);
        assert_eq!(after.pot, before.pot);
        assert_eq!(held(HoldReason::AuditPay, &pot()), 0);
        assert_eq!(after.claimant, before.claimant - COLLATERAL);
        assert_eq!(after.auditor, before.auditor - COLLATERAL);
        assert_eq!(Jobs::<Test>::get(id), None);
    });
}

#[test]
fn a_job_is_audited_once() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(8, 10 * AUR);
        let (id, _, auditor) = audited(0);
        commit(id, &auditor, 0);
        assert_eq!((status(id), job(id).draw), (JobStatus::Sealed, None));
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Revealing);
        assert_eq!(job(id).replicas.len(), 2);
    });
}

fn drain_pot() {
    let left = ComputeJobs::in_audit_pot();
    let root = RuntimeOrigin::root();
    assert_ok!(Balances::force_transfer(root, pot(), bystander(), left));
}

fn was_called(id: JobId) -> bool {
    events()
        .iter()
        .any(|event| matches!(event, Event::AuditDrawn { job, called: true, .. } if *job == id))
}

#[test]
fn a_pot_that_cannot_pay_means_no_audit() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let mut called = 0;
        for _ in 0..24 {
            // Its own premium of 3 does not pay for an auditor at 10.
            drain_pot();
            let (id, claimant, auditor) = drawn(0);
            assert_eq!(auditor, None);
            called += usize::from(was_called(id));
            reveal(id, &claimant, 0);
            finish(id);
        }
        assert!(called > 0);
    });
}

#[test]
fn a_pot_that_can_pay_the_cheaper_offers_alone_draws_among_those() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        assert_ok!(ComputeJobs::set_offer(signed(&provider(2)), offer(9 * AUR)));
        run_to(System::block_number() + 1);
        let mut auditors = 0;
        for _ in 0..40 {
            // With the job's own premium that makes 9.
            drain_pot();
            fill_pot(6 * AUR);
            let (id, claimant, auditor) = drawn(0);
            match auditor {
                Some(auditor) => {
                    assert_eq!(auditor, worker(2));
                    auditors += 1;
                    commit(id, &auditor, 0);
                    run_to(job(id).deadline + 1);
                    reveal(id, &auditor, 0);
                }
                None => assert!(!was_called(id) || claimant == worker(2)),
            }
            reveal(id, &claimant, 0);
            finish(id);
        }
        assert!(auditors > 0);
    });
}

#[test]
fn pay_set_aside_for_one_audit_pays_no_other() {
    build_and_execute(|| {
        // Enough for one auditor, and none of the premiums below adds up to another.
        fill_pot(10 * AUR);
        providers(6, 10 * AUR);
        let (first, ..) = audited(0);
        drain_pot();
        assert_eq!(held(HoldReason::AuditPay, &pot()), 10 * AUR);
        assert!(
            Balances::force_transfer(RuntimeOrigin::root(), pot(), bystander(), 10 * AUR).is_err()
        );
        run_to(job(first).deadline + 1);
        assert_eq!(ComputeJobs::in_audit_pot(), 10 * AUR);
    });
}

#[test]
fn nobody_else_to_ask_means_no_audit() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(1, 10 * AUR);
        let mut called = 0;
        for _ in 0..12 {
            let (id, claimant, auditor) = drawn(0);
            assert_eq!(auditor, None);
            called += usize::from(was_called(id));
            reveal(id, &claimant, 0);
            finish(id);
        }
        assert!(called > 0);
    });
}

#[test]
fn an_audit_draw_without_seeds_waits_and_then_lets_the_job_go_on() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant) = sealed(0);
        let from = System::block_number();
        no_vrf_in(from + 1..from + 1_000);
        run_to(from + 50);
        assert_eq!(
            (status(id), job(id).audit),
            (JobStatus::Sealed, Audit::Ahead)
        );
        check();
        // 6 blocks of sealing and the 100 a job may look for offers.
        run_to(from + 106);
        assert_eq!(status(id), JobStatus::Sealed);
        run_to(from + 180);
        assert_eq!(status(id), JobStatus::Revealing);
        reveal(id, &claimant, 0);
        finish(id);
        assert_eq!(grade(id), Grade::Sampled { audit: 64 });
    });
}

#[test]
fn an_audit_draw_survives_a_gap_in_the_seeds() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, _) = sealed(0);
        let from = System::block_number();
        no_vrf_in(from + 1..from + 70);
        run_to(from + 69);
        assert_eq!(job(id).audit, Audit::Ahead);
        run_to(from + 100);
        assert_ne!(status(id), JobStatus::Sealed);
        assert!(events()
            .iter()
            .any(|event| matches!(event, Event::AuditDrawn { job, .. } if *job == id)));
    });
}

#[test]
fn full_blocks_are_no_way_around_an_audit() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant) = sealed(0);
        let from = System::block_number();
        crawl_to(from + 1_200);
        // The seeds are gone: a new draw counts from here, not none.
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        assert_eq!(
            (status(id), job(id).audit),
            (JobStatus::Sealed, Audit::Ahead)
        );
        assert_eq!(job(id).draw.unwrap().from, from + 1_200);
        assert_noop!(
            ComputeJobs::reveal(
                signed(&claimant),
                id,
                SALT,
                TraceReveal::Roots(trace(0)),
                None
            ),
            E::UnexpectedStatus
        );
        crawl_to(from + 1_204);
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        assert_ne!(status(id), JobStatus::Sealed);
    });
}

#[test]
fn the_audit_of_a_high_value_waits_for_a_later_epoch() {
    build_and_execute(|| {
        HighValue::set(12 * AUR);
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        set_epoch(5);
        run_to(System::block_number() + 1);
        let id = create(dear());
        run_to(50);
        set_epoch(7);
        run_to(90);
        assert_eq!(status(id), JobStatus::Assigned);
        commit(id, &workers(id)[0], 0);
        assert_eq!(job(id).draw.unwrap().epoch, Some(7));
        run_to(150);
        assert_eq!(status(id), JobStatus::Sealed);
        set_epoch(8);
        run_to(200);
        assert_eq!(status(id), JobStatus::Sealed);
        set_epoch(9);
        run_to(230);
        assert_ne!(status(id), JobStatus::Sealed);
    });
}

#[test]
fn the_claimant_cannot_reveal_before_its_auditor_has_committed() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(0);
        let try_reveal = |key: &AccountId| {
            ComputeJobs::reveal(signed(key), id, SALT, TraceReveal::Roots(trace(0)), None)
        };
        // Else the auditor could copy it.
        assert_noop!(try_reveal(&claimant), E::UnexpectedStatus);
        accept(id, &auditor);
        assert_noop!(try_reveal(&claimant), E::UnexpectedStatus);
        assert_noop!(try_reveal(&auditor), E::NotCommitted);
        assert_noop!(
            ComputeJobs::commit(signed(&claimant), id, [1; 32]),
            E::AlreadyCommitted
        );
        commit(id, &auditor, 0);
        assert_noop!(try_reveal(&claimant), E::UnexpectedStatus);
    });
}

#[test]
fn the_claimant_has_nothing_to_do_while_it_is_audited() {
    use athanor_primitives::Duty;
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let duty = |key: &AccountId| ComputeJobs::work(key.clone(), 1)[0].duty;
        let (id, claimant, auditor) = audited(0);
        assert_eq!(
            (duty(&claimant), duty(&auditor)),
            (Duty::Wait, Duty::Accept)
        );
        accept(id, &auditor);
        assert_eq!(
            (duty(&claimant), duty(&auditor)),
            (Duty::Wait, Duty::Commit)
        );
        commit(id, &auditor, 0);
        assert_eq!((duty(&claimant), duty(&auditor)), (Duty::Wait, Duty::Wait));
        run_to(job(id).deadline + 1);
        assert_eq!(
            (duty(&claimant), duty(&auditor)),
            (Duty::Reveal, Duty::Reveal)
        );
        // While the draw is ahead in full blocks, a reveal would be refused.
        let (id, claimant) = sealed(0);
        crawl_to(job(id).deadline + 3);
        let ticket = ComputeJobs::work(claimant, 9)
            .into_iter()
            .find(|ticket| ticket.job == id)
            .unwrap();
        assert_eq!(ticket.duty, Duty::Wait);
    });
}

#[test]
fn an_offers_longest_window_counts_the_auditors_work_too() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let short = OfferTerms {
            max_window: 10 + 2 * 200 - 1,
            ..offer(10 * AUR)
        };
        assert_ok!(ComputeJobs::set_offer(signed(&provider(0)), short));
        run_to(System::block_number() + 1);
        let id = create(dear());
        create_and_draw(terms(OPTIMISTIC));
        assert_eq!(status(id), JobStatus::Open);
    });
}

#[test]
fn bond_withdrawn_while_audited_or_auditing() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(0);
        let both_are_liable = || {
            for who in [owner_of(&claimant), owner_of(&auditor)] {
                assert_noop!(ComputeJobs::deregister(signed(&who)), E::StillLiable);
            }
        };
        both_are_liable();
        commit(id, &auditor, 0);
        both_are_liable();
        run_to(job(id).deadline + 1);
        reveal(id, &auditor, 0);
        reveal(id, &claimant, 0);
        both_are_liable();
        finish(id);
        assert_ok!(ComputeJobs::deregister(signed(&owner_of(&auditor))));
    });
}

#[test]
fn an_auditor_cannot_copy_the_claimants_commitment() {
    build_and_execute(|| {
        fill_pot(100 * AUR);
        providers(3, 10 * AUR);
        let (id, claimant, auditor) = audited(0);
        let copied = job(id).replicas[0].commitment.unwrap();
        assert_ok!(ComputeJobs::commit(signed(&auditor), id, copied));
        run_to(job(id).deadline + 1);
        reveal(id, &claimant, 0);
        assert_noop!(
            ComputeJobs::reveal(
                signed(&auditor),
                id,
                SALT,
                TraceReveal::Root(root_of(0)),
                None
            ),
            E::CommitmentMismatch
        );
    });
}
