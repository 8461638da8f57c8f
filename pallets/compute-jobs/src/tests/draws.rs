//! Seeds, rounds and eligibility.

use crate::{mock::*, *};
use frame_support::assert_ok;

#[test]
fn a_job_is_drawn_four_blocks_later_and_not_before() {
    build_and_execute(|| {
        providers(1, AUR);
        let id = create(terms(OPTIMISTIC));
        let created = System::block_number();
        run_to(created + 4);
        assert_eq!(status(id), JobStatus::Open);
        run_to(created + 5);
        assert_eq!(status(id), JobStatus::Assigned);
    });
}

#[test]
fn seeds_are_those_of_the_block_before_and_the_old_ones_go() {
    build_and_execute(|| {
        run_to(1_100);
        assert_eq!(Seeds::<Test>::get(1_099), vrf_of(1_099));
        assert_eq!(Seeds::<Test>::get(1_100), None);
        assert_eq!(Seeds::<Test>::get(76), vrf_of(76));
        assert_eq!(Seeds::<Test>::get(75), None);
        assert_eq!(Seeds::<Test>::iter().count(), 1_024);
    });
}

#[test]
fn a_block_without_a_vrf_only_delays_the_draw() {
    build_and_execute(|| {
        providers(1, AUR);
        let id = create(terms(OPTIMISTIC));
        let created = System::block_number();
        no_vrf_in([created + 2, created + 3]);
        run_to(created + 6);
        assert_eq!(status(id), JobStatus::Open);
        run_to(created + 7);
        assert_eq!(status(id), JobStatus::Assigned);
    });
}

#[test]
fn a_round_without_enough_offers_waits_for_the_next() {
    build_and_execute(|| {
        providers(2, AUR);
        let id = create(terms(TWO_OF_THREE));
        let created = System::block_number();
        run_to(created + 6);
        assert_eq!(job(id).draw.unwrap().round, 1);
        let who = signed(&provider(2));
        assert_ok!(try_register(who.clone(), worker(2), Default::default()));
        assert_ok!(ComputeJobs::set_offer(who, offer(AUR)));
        run_to(created + 24);
        assert_eq!(status(id), JobStatus::Open);
        run_to(created + 25);
        assert_eq!(status(id), JobStatus::Assigned);
    });
}

#[test]
fn a_round_that_comes_too_late_starts_no_earlier_than_now() {
    build_and_execute(|| {
        providers(1, AUR);
        let id = create(terms(TWO_OF_THREE));
        let created = System::block_number();
        crawl_to(created + 50);
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        let draw = job(id).draw.unwrap();
        assert_eq!((draw.round, draw.next), (3, created + 64));
    });
}

#[test]
fn seeds_that_are_gone_are_not_replaced_by_later_ones_of_the_same_round() {
    build_and_execute(|| {
        OpenFor::set(5_000);
        providers(1, AUR);
        let id = create(terms(OPTIMISTIC));
        let created = System::block_number();
        crawl_to(created + 1_100);
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        assert_eq!(status(id), JobStatus::Open);
        let draw = job(id).draw.unwrap();
        assert!(draw.from + 20 * draw.round >= created + 1_100);
        crawl_to(draw.next);
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        assert_eq!(status(id), JobStatus::Assigned);
    });
}

#[test]
fn the_same_seeds_draw_the_same_providers_whenever_the_call_comes() {
    let drawn = |wait: u32| {
        let mut keys = Vec::new();
        build_and_execute(|| {
            providers(12, AUR);
            let id = create(terms(TWO_OF_THREE));
            crawl_to(System::block_number() + wait);
            assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
            keys = workers(id);
        });
        keys
    };
    assert_eq!(drawn(4), drawn(5));
    assert_eq!(drawn(4), drawn(90));
}

#[test]
fn offers_that_just_fit_are_drawn() {
    build_and_execute(|| {
        providers(1, AUR);
        assert_ok!(ComputeJobs::set_offer(
            signed(&provider(0)),
            OfferTerms {
                rates: Rates {
                    macs: 10 * AUR,
                    ..Rates::default()
                },
                // 45 blocks of 3 s: 20 + 4 · 45 = 200.
                times: Times {
                    macs: 3_000_000_000 * 45,
                    ..Times::default()
                },
                memory: 1 << 20,
                max_cost: 5,
                models: ModelFilter::List(vec![MODEL].try_into().unwrap()),
                max_collateral: 50 * AUR,
                // The least window and twice the 200 blocks of work.
                max_window: 10 + 400,
                ..offer(AUR)
            }
        ));
        run_to(3);
        let (id, _) = create_and_draw(terms(OPTIMISTIC));
        assert_eq!(job(id).replicas[0].pay, 10 * AUR);
        assert_eq!(job(id).replicas[0].work_blocks, 200);
    });
}

#[test]
fn high_values_wait_for_the_randomness_of_a_later_epoch() {
    build_and_execute(|| {
        HighValue::set(10 * AUR);
        providers(1, AUR);
        set_epoch(5);
        run_to(System::block_number() + 1);
        let id = create(terms(OPTIMISTIC));
        assert_eq!(job(id).rules.open_for, 1_000);
        run_to(50);
        set_epoch(6);
        run_to(100);
        assert_eq!(status(id), JobStatus::Open);
        set_epoch(7);
        run_to(130);
        assert_eq!(status(id), JobStatus::Assigned);
        // Lower values don't wait.
        create_and_draw(JobTerms {
            max_pay: 10 * AUR - 1,
            ..terms(OPTIMISTIC)
        });
    });
}

#[test]
fn an_epoch_that_was_missed_restarts_the_draw() {
    build_and_execute(|| {
        HighValue::set(10 * AUR);
        providers(1, AUR);
        set_epoch(5);
        run_to(System::block_number() + 1);
        let id = create(terms(OPTIMISTIC));
        run_to(50);
        set_epoch(8);
        run_to(100);
        assert_eq!(status(id), JobStatus::Open);
        assert_eq!(job(id).draw.unwrap().epoch, Some(8));
        set_epoch(10);
        run_to(130);
        assert_eq!(status(id), JobStatus::Assigned);
    });
}

#[test]
fn cheap_offers_with_free_slots_win_more_often() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        // q = 16 instead of 4 at the same capacity: sixteen times the weight.
        assert_ok!(ComputeJobs::set_offer(
            signed(&provider(0)),
            offer(5 * AUR / 2)
        ));
        run_to(System::block_number() + 1);
        let mut wins = 0;
        for _ in 0..60 {
            let (id, keys) = create_and_draw(terms(OPTIMISTIC));
            wins += usize::from(keys == [worker(0)]);
            accept(id, &keys[0]);
            reveal(id, &keys[0], 0);
            finish(id);
        }
        assert!(wins > 45, "{wins} of 60");
    });
}
