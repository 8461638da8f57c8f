//! Who is not drawn: one test for each reason, each with the same draw that goes
//! through once the reason is gone.

use crate::{mock::*, *};
use athanor_primitives::JobId;
use frame_support::assert_ok;

/// A job that finds nobody in two rounds.
fn finds_nobody(terms: JobTerms) -> JobId {
    let id = create(terms);
    finds_nobody_for(id);
    id
}

fn finds_nobody_for(id: JobId) {
    run_to(System::block_number() + 30);
    assert_eq!((status(id), workers(id)), (JobStatus::Open, vec![]));
}

/// The same job finds the first provider now.
fn finds_it(id: JobId) {
    run_to(System::block_number() + 25);
    assert_eq!(status(id), JobStatus::Assigned);
    assert_eq!(workers(id), [worker(0)]);
}

fn set(terms: OfferTerms) {
    assert_ok!(ComputeJobs::set_offer(signed(&provider(0)), terms));
}

/// An offer that is no good for a job is not drawn, and one for 1 AUR is.
fn no_good(bad: OfferTerms, terms: JobTerms) {
    build_and_execute(|| {
        providers(1, AUR);
        set(bad);
        run_to(System::block_number() + 1);
        let id = finds_nobody(terms);
        set(offer(AUR));
        finds_it(id);
    });
}

#[test]
fn too_dear() {
    no_good(offer(10 * AUR + 1), terms(OPTIMISTIC));
}

#[test]
fn a_price_beyond_all_money() {
    let rates = Rates {
        macs: Balance::MAX,
        ..Rates::default()
    };
    no_good(
        OfferTerms {
            rates,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn a_collateral_beyond_all_money() {
    no_good(
        offer(Balance::MAX / 4),
        JobTerms {
            min_collateral: 0,
            ..terms(OPTIMISTIC)
        },
    );
}

#[test]
fn too_slow() {
    // 46 blocks of 3 s: 20 + 4 · 46 is more than 200.
    let times = Times {
        macs: 3_000_000_000 * 46,
        ..Times::default()
    };
    no_good(
        OfferTerms {
            times,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn a_time_beyond_all_blocks() {
    let times = Times {
        macs: u64::MAX,
        load: u64::MAX,
        ..Times::default()
    };
    no_good(
        OfferTerms {
            times,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn too_slow_a_line() {
    no_good(
        OfferTerms {
            bandwidth: 1,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn too_little_memory() {
    no_good(
        OfferTerms {
            memory: (1 << 20) - 1,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn too_large_a_run() {
    no_good(
        OfferTerms {
            max_cost: 4,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn too_many_bytes_to_load() {
    no_good(
        OfferTerms {
            models: ModelFilter::AnyUpTo(999_999),
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn another_model() {
    no_good(
        OfferTerms {
            models: ModelFilter::List(vec![TWO_OUTPUTS].try_into().unwrap()),
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn more_at_risk_than_the_offer_allows() {
    no_good(
        OfferTerms {
            max_collateral: 5 * AUR - 1,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn a_longer_window_than_the_offer_allows() {
    no_good(
        OfferTerms {
            max_window: 99,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn a_longer_window_than_the_offer_allows_if_others_are_slow() {
    // The least window of 10 and twice the 200 blocks that another may work.
    let audited = Policy::Optimistic {
        window: 100,
        audit: 4,
    };
    no_good(
        OfferTerms {
            max_window: 10 + 400 - 1,
            ..offer(AUR)
        },
        terms(audited),
    );
}

#[test]
fn over() {
    no_good(
        OfferTerms {
            valid_until: 6,
            ..offer(AUR)
        },
        terms(OPTIMISTIC),
    );
}

#[test]
fn paused() {
    build_and_execute(|| {
        providers(1, AUR);
        let who = signed(&provider(0));
        assert_ok!(ComputeJobs::pause(who.clone()));
        let id = finds_nobody(terms(OPTIMISTIC));
        assert_ok!(ComputeJobs::resume(who));
        finds_it(id);
    });
}

#[test]
fn jailed() {
    build_and_execute(|| {
        providers(1, AUR);
        ComputeJobs::jail(&provider(0), 0, Fault::Outvoted, 0);
        run_to(101);
        let id = finds_nobody(terms(OPTIMISTIC));
        assert_ok!(ComputeJobs::unjail(signed(&provider(0))));
        finds_it(id);
    });
}

#[test]
fn unbonding() {
    build_and_execute(|| {
        OpenFor::set(1_000);
        providers(1, AUR);
        let who = signed(&provider(0));
        assert_ok!(ComputeJobs::deregister(who.clone()));
        let id = finds_nobody(terms(OPTIMISTIC));
        run_to(250);
        assert_eq!(status(id), JobStatus::Open);
        assert_ok!(ComputeJobs::withdraw(who.clone(), provider(0)));
        assert_ok!(try_register(who, worker(0), Default::default()));
        set(offer(AUR));
        finds_it(id);
    });
}

#[test]
fn no_free_slot() {
    build_and_execute(|| {
        providers(1, AUR);
        set(OfferTerms {
            slots: 1,
            ..offer(AUR)
        });
        run_to(System::block_number() + 1);
        let (first, _) = create_and_draw(terms(OPTIMISTIC));
        let second = finds_nobody(terms(OPTIMISTIC));
        // It never accepts, so the first job lets it go.
        run_to(job(first).deadline + 1);
        run_to(System::block_number() + 20);
        assert_eq!(workers(second), [worker(0)]);
    });
}

#[test]
fn too_little_free_bond() {
    build_and_execute(|| {
        providers(1, AUR);
        let id = finds_nobody(JobTerms {
            min_collateral: 1_001 * AUR,
            ..terms(OPTIMISTIC)
        });
        assert_ok!(ComputeJobs::add_bond(signed(&provider(0)), AUR));
        finds_it(id);
    });
}

#[test]
fn the_requester_itself() {
    build_and_execute(|| {
        providers(1, AUR);
        let id = NextJobId::<Test>::get();
        assert_ok!(ComputeJobs::create_job(
            signed(&provider(0)),
            terms(OPTIMISTIC)
        ));
        finds_nobody_for(id);
        let others = create(terms(OPTIMISTIC));
        finds_it(others);
    });
}

#[test]
fn whom_the_requester_signs_for() {
    build_and_execute(|| {
        providers(1, AUR);
        let id = NextJobId::<Test>::get();
        assert_ok!(ComputeJobs::create_job(
            signed(&worker(0)),
            JobTerms {
                max_pay: AUR / 2,
                ..terms(OPTIMISTIC)
            }
        ));
        set(offer(AUR / 2));
        finds_nobody_for(id);
        assert_ok!(try_set_worker(signed(&provider(0)), worker(1)));
        run_to(System::block_number() + 25);
        assert_eq!(workers(id), [worker(1)]);
    });
}

/// A change in the block of the job, when its seed is still unknown, is too young for
/// round 0 and old enough for round 1.
fn too_young(change: impl Fn(RuntimeOrigin)) {
    build_and_execute(|| {
        providers(1, AUR);
        let id = create(terms(OPTIMISTIC));
        change(signed(&provider(0)));
        run_to(System::block_number() + 19);
        assert_eq!(status(id), JobStatus::Open);
        finds_it(id);
    });
}

#[test]
fn an_offer_set_in_the_block_the_round_counts_from() {
    too_young(|who| {
        assert_ok!(ComputeJobs::set_offer(who, offer(AUR)));
    });
}

#[test]
fn an_offer_resumed_in_the_block_the_round_counts_from() {
    too_young(|who| {
        assert_ok!(ComputeJobs::pause(who.clone()));
        assert_ok!(ComputeJobs::resume(who));
    });
}

#[test]
fn a_bond_added_in_the_block_the_round_counts_from() {
    too_young(|who| {
        assert_ok!(ComputeJobs::add_bond(who, 1));
    });
}

#[test]
fn jail_left_in_the_block_the_round_counts_from() {
    too_young(|who| {
        Providers::<Test>::mutate(provider(0), |record| {
            record.as_mut().unwrap().jailed_until = Some(0)
        });
        assert_ok!(ComputeJobs::unjail(who));
    });
}

#[test]
fn a_part_in_the_job_already() {
    build_and_execute(|| {
        providers(1, AUR);
        let (id, _) = create_and_draw(terms(Policy::Replicated {
            n: 1,
            quorum: 1,
            window: 100,
        }));
        let mut record = job(id);
        let now = System::block_number();
        let eligible = |job: &Job<AccountId>| ComputeJobs::candidates(job, now, now).len();
        assert_eq!(eligible(&record), 0);
        record.replicas = Default::default();
        assert_eq!(eligible(&record), 1);
    });
}

#[test]
fn released_from_the_job_before() {
    build_and_execute(|| {
        providers(1, AUR);
        let (id, _) = create_and_draw(terms(OPTIMISTIC));
        run_to(job(id).deadline + 1);
        let mut record = job(id);
        let now = System::block_number();
        let eligible = |job: &Job<AccountId>| ComputeJobs::candidates(job, now, now).len();
        assert_eq!((record.replicas.len(), record.released.len()), (0, 1));
        assert_eq!(eligible(&record), 0);
        record.released = Default::default();
        assert_eq!(eligible(&record), 1);
    });
}
