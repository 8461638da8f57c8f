//! As many offers, jobs and deadlines as there may be at once.

use crate::{mock::*, *};
use athanor_primitives::JobId;
use frame_support::{
    assert_ok,
    traits::{fungible::Mutate, Hooks},
    weights::Weight,
};
use std::collections::BTreeMap;

/// What full blocks leave to `on_idle`.
const ROOM: Weight = Weight::from_parts(1_500_000_000_000, u64::MAX);

/// Finishes a block within `room` and begins the next.
fn next_block(room: Weight) {
    let now = System::block_number();
    let used = ComputeJobs::on_idle(now, room);
    assert!(used.all_lte(room), "block {now}: {used} of {room}");
    begin(now + 1);
}

/// 256 providers with an offer of 64 slots at 1/10 AUR each, by worker key.
fn crowd() -> BTreeMap<AccountId, AccountId> {
    let price = AUR / 10;
    let crowd: BTreeMap<_, _> = (0..256)
        .map(|i| (key("crowd", i), nth("crowd", i)))
        .collect();
    for (worker, who) in &crowd {
        Balances::set_balance(worker, AUR);
        Balances::set_balance(who, 200 * AUR);
        let who = signed(who);
        assert_ok!(try_register(
            who.clone(),
            worker.clone(),
            Default::default()
        ));
        let terms = OfferTerms {
            slots: 64,
            ..offer(price)
        };
        assert_ok!(ComputeJobs::set_offer(who, terms));
    }
    begin(System::block_number() + 1);
    assert_eq!(Offers::<Test>::count(), 256);
    crowd
}

#[test]
fn ten_thousand_live_jobs_of_256_offers_all_end() {
    const JOBS: JobId = 10_000;
    new_test_ext().execute_with(|| {
        OpenFor::set(400);
        MaxDeadlinesPerBlock::set(128);
        crowd();
        Balances::set_balance(&requester(), 100_000 * AUR);
        let issued = Balances::total_issuance();
        let job_terms = JobTerms {
            max_pay: AUR / 10,
            ..terms(Policy::Optimistic {
                window: 400,
                audit: 0,
            })
        };
        let (mut created, mut most, mut settled, mut other) = (0, 0, 0u64, 0u64);
        while created < JOBS || Jobs::<Test>::iter_keys().next().is_some() {
            // About as many as the block can draw.
            for _ in 0..100 {
                if created < JOBS {
                    create(job_terms.clone());
                    created += 1;
                }
            }
            next_block(ROOM);
            let events = events();
            System::reset_events();
            for event in events {
                match event {
                    // Every eighth has a silent provider, and another in its place.
                    Event::ReplicaAssigned { job: id, .. }
                        if id % 8 == 0 && job(id).redraws == 0 => {}
                    Event::ReplicaAssigned {
                        job: id, worker, ..
                    } => {
                        accept(id, &worker);
                        reveal(id, &worker, 0);
                    }
                    Event::JobSettled { .. } => settled += 1,
                    Event::JobFailed { .. } | Event::JobExpired { .. } => other += 1,
                    _ => (),
                }
            }
            if created == JOBS && most == 0 {
                most = Jobs::<Test>::iter_keys().count() as JobId;
                check();
            }
        }
        assert_eq!(most, JOBS, "all are live at once");
        assert_eq!((settled, other), (JOBS, 0));
        check();
        assert_eq!(Balances::total_issuance(), issued);
        assert_eq!(held(HoldReason::JobBudget, &requester()), 0);
        assert!(Deadlines::<Test>::iter_keys().next().is_none());
        assert!(Providers::<Test>::iter_values().all(|record| record.live == 0));
    });
}

#[test]
fn a_thousand_deadlines_in_one_block_roll_over() {
    build_and_execute(|| {
        MaxDeadlinesPerBlock::set(128);
        let cheap = JobTerms {
            max_pay: AUR / 10,
            ..terms(OPTIMISTIC)
        };
        let ids: Vec<_> = (0..1_000).map(|_| create(cheap.clone())).collect();
        let deadline = job(ids[0]).deadline;
        assert!(ids
            .iter()
            .all(|id| job(*id).deadline == deadline && job(*id).queued.is_some()));
        // Room for about fifty of them a block.
        let each = ComputeJobs::most_advance().saturating_add(<() as WeightInfo>::queue_job());
        let room = each.saturating_mul(50);
        let mut left = vec![1_000];
        while left.last() != Some(&0) {
            next_block(room);
            left.push(Jobs::<Test>::iter_keys().count());
            assert!(left.len() < 400, "{left:?}");
        }
        let worked: Vec<_> = left.windows(2).map(|pair| pair[0] - pair[1]).collect();
        let busy = worked.iter().filter(|count| **count > 0).count();
        assert!(busy > 3, "one block did all: {worked:?}");
        // Late, and not one block before.
        assert_eq!(
            worked[..deadline as usize - 2],
            vec![0; deadline as usize - 2]
        );
        assert_eq!(free(&requester()), 10_000 * AUR);
    });
}

#[test]
fn a_full_bucket_costs_no_more_than_it_is_weighed() {
    build_and_execute(|| {
        MaxDeadlinesPerBlock::set(128);
        for _ in 0..2_048 {
            create(JobTerms {
                max_pay: AUR / 10,
                ..terms(OPTIMISTIC)
            });
        }
        let from = System::block_number();
        // Blocks without any room, for longer than all buckets reach: nothing moves.
        crawl_to(from + 130);
        assert_eq!(Jobs::<Test>::iter_keys().count(), 2_048);
        check();
        // One transition fits at a time, and still all of them end.
        let one = ComputeJobs::most_advance()
            .saturating_add(<() as WeightInfo>::queue_job())
            .saturating_add(<() as WeightInfo>::queue_bucket().saturating_mul(4));
        let mut blocks = 0;
        while Jobs::<Test>::iter_keys().next().is_some() {
            next_block(one);
            blocks += 1;
            assert!(blocks <= 2_100, "{blocks} blocks");
        }
        assert!(blocks > 100, "{blocks} blocks");
    });
}

#[test]
fn four_thousand_jobs_of_one_block_leave_nothing_behind() {
    build_and_execute(|| {
        MaxDeadlinesPerBlock::set(128);
        let cheap = JobTerms {
            max_pay: AUR / 10,
            ..terms(OPTIMISTIC)
        };
        let ids: Vec<_> = (0..4_000).map(|_| create(cheap.clone())).collect();
        let behind = |id: &&JobId| job(**id).queued == Some(BACKLOG);
        assert_eq!(ids.iter().filter(behind).count(), 4_000 - 16 * 128);
        check();
        let each = ComputeJobs::most_advance().saturating_add(<() as WeightInfo>::queue_job());
        let mut blocks = 0;
        while Jobs::<Test>::iter_keys().next().is_some() {
            next_block(each.saturating_mul(60));
            blocks += 1;
            assert!(
                blocks < 400,
                "{} jobs are left",
                Jobs::<Test>::iter_keys().count()
            );
            if blocks % 16 == 0 {
                check();
            }
        }
        assert!(Backlog::<Test>::iter_keys().next().is_none());
        assert_eq!(free(&requester()), 10_000 * AUR);
    });
}
