//! The deadline queue under load.

use crate::{mock::*, *};
use frame_support::{assert_ok, traits::Hooks, weights::Weight};

#[test]
fn a_full_block_does_nothing_and_the_next_catches_up() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let id = create(terms(OPTIMISTIC));
        crawl_to(System::block_number() + 30);
        assert_eq!(status(id), JobStatus::Open);
        check();
        run_to(System::block_number() + 1);
        assert_eq!(status(id), JobStatus::Assigned);
    });
}

#[test]
fn a_block_with_room_for_one_job_does_one() {
    build_and_execute(|| {
        for _ in 0..3 {
            create(terms(OPTIMISTIC));
        }
        crawl_to(101);
        let most = ComputeJobs::most_advance()
            .saturating_add(<() as WeightInfo>::queue_job())
            .saturating_add(<() as WeightInfo>::queue_bucket().saturating_mul(10));
        for left in (0..=2).rev() {
            run_to_with(System::block_number() + 1, most);
            check();
            assert_eq!(Jobs::<Test>::iter().count(), left);
        }
    });
}

#[test]
fn a_job_moves_to_an_earlier_bucket_when_its_deadline_does() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        let before = job(id).queued.unwrap();
        accept(id, &keys[0]);
        let after = job(id).queued.unwrap();
        assert_eq!(after, job(id).deadline);
        assert!(after < before);
        check();
    });
}

#[test]
fn hooks_charge_no_more_than_they_are_given() {
    build_and_execute(|| {
        providers(3, AUR);
        for _ in 0..10 {
            create(terms(TWO_OF_THREE));
        }
        crawl_to(System::block_number() + 4);
        for limit in [0u64, 1_000_000_000, 50_000_000_000, 1_000_000_000_000] {
            let limit = Weight::from_parts(limit, u64::MAX);
            let used = ComputeJobs::on_idle(System::block_number(), limit);
            assert!(used.all_lte(limit), "{used} of {limit}");
        }
    });
}

#[test]
fn a_chain_that_adds_the_pallet_late_catches_up() {
    build_and_execute(|| {
        System::set_block_number(10_000);
        begin(10_001);
        providers(1, AUR);
        let id = create(terms(OPTIMISTIC));
        run_to(10_400);
        assert!(Jobs::<Test>::get(id).is_none() || status(id) != JobStatus::Open);
        assert_ok!(ComputeJobs::do_try_state());
    });
}
