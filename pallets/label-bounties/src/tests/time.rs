//! Every state's end, by itself and by a poke, and what a pause does.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{BatchId, BatchState, CampaignTerms};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};

type E = Error<Test>;

/// Two pages, answered by a, b and c.
fn answered() -> BatchId {
    let id = batch(terms(), 2);
    for name in ["a", "b", "c"] {
        label(id, name, 2);
    }
    id
}

fn reveal_all(id: BatchId) {
    for name in ["a", "b", "c"] {
        for page in 0..2 {
            reveal(id, name, page);
        }
    }
}

#[test]
fn nothing_is_done_before_its_time() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        assert_noop!(try_advance(id, 1), E::NothingDue);
        assert_noop!(try_advance(id, 0), E::NothingToDo);
        assert_noop!(try_advance(9, 1), E::NoSuchBatch);
    });
}

#[test]
fn open_ends_by_a_poke() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        label(id, "a", 1);
        stop_idle(true);
        pass(get(id).until - LabelBounties::clock() - 1);
        assert_noop!(try_advance(id, 1), E::NothingDue);
        pass(1);
        let info = LabelBounties::advance(signed(&treasury()), id, 1).unwrap();
        assert_eq!(info.pays_fee, Pays::No);
        assert_eq!(state(id), BatchState::Reveal);
        assert_eq!(get(id).deadline, LabelBounties::clock() + RevealFor::get());
        assert_noop!(try_advance(id, 1), E::NothingDue);
    });
}

#[test]
fn open_ends_by_itself() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        label(id, "a", 1);
        pass(get(id).until - LabelBounties::clock());
        run_blocks(12);
        assert_eq!(state(id), BatchState::Reveal);
    });
}

#[test]
fn reveal_ends_with_the_last_reveal() {
    build_and_execute(|| {
        let id = answered();
        run_blocks(1);
        assert_eq!(state(id), BatchState::Reveal);
        assert_noop!(try_advance(id, 1), E::NothingDue);
        reveal_all(id);
        run_blocks(1);
        assert_eq!(state(id), BatchState::Gold);
        assert_eq!(
            get(id).deadline,
            LabelBounties::clock() + GoldFor::get() - 1
        );
    });
}

#[test]
fn reveal_ends_at_its_deadline() {
    build_and_execute(|| {
        let id = answered();
        run_blocks(1);
        reveal(id, "a", 1);
        pass(RevealFor::get());
        run_blocks(3);
        assert_eq!(state(id), BatchState::Gold);
        assert_eq!(get(id).revealed_pages, 1);
    });
}

#[test]
fn gold_ends_at_its_deadline() {
    build_and_execute(|| {
        let id = answered();
        run_blocks(1);
        reveal_all(id);
        stop_idle(true);
        assert_ok!(try_advance(id, 1));
        assert_eq!(state(id), BatchState::Gold);
        pass(GoldFor::get() - 1);
        assert_noop!(try_advance(id, 9), E::NothingDue);
        pass(1);
        assert_ok!(try_advance(id, 1));
        // The window for disputes is 0 ticks.
        assert_eq!(state(id), BatchState::Dispute);
        assert_ok!(try_advance(id, 1));
        assert_eq!(state(id), BatchState::Score { page: 0 });
    });
}

#[test]
fn without_a_reveal_no_gold_is_waited_for() {
    build_and_execute(|| {
        let id = answered();
        run_blocks(1);
        stop_idle(true);
        pass(RevealFor::get());
        assert_ok!(try_advance(id, 2));
        assert_eq!(state(id), BatchState::Score { page: 0 });
    });
}

#[test]
fn without_gold_none_is_waited_for() {
    build_and_execute(|| {
        let id = batch(CampaignTerms { gold: 0, ..gated() }, 2);
        let who = account("a");
        assert_ok!(LabelBounties::request_pages(
            signed(&who),
            id,
            1,
            Some(voucher(0, "a", 9, false))
        ));
        run_blocks(2);
        let page = leases(id, "a")[0];
        commit(id, "a", page);
        assert_ok!(try_cancel(id));
        run_blocks(1);
        reveal(id, "a", page);
        stop_idle(true);
        assert_ok!(try_advance(id, 2));
        assert_eq!(state(id), BatchState::Score { page: 0 });
    });
}

#[test]
fn a_batch_waits_in_one_place_only() {
    build_and_execute(|| {
        let places = || {
            (
                Deadlines::<Test>::iter().count(),
                Cranking::<Test>::iter().count(),
            )
        };
        let id = batch(terms(), 2);
        assert_eq!(places(), (1, 0));
        for name in ["a", "b", "c"] {
            label(id, name, 2);
        }
        assert_eq!(places(), (0, 1));
        run_blocks(1);
        assert_eq!(places(), (1, 0));
        reveal_all(id);
        assert_eq!(places(), (0, 1));
    });
}

#[test]
fn a_pause_stops_the_clock_in_open() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        let pages = lease(id, "a", 2);
        let clock = LabelBounties::clock();
        allow_calls(false);
        run_blocks(500);
        assert_eq!(LabelBounties::clock(), clock);
        assert_eq!(
            refusal(&commit_call(id, "a", 0)),
            Some(athanor_primitives::labels::Refusal::Paused)
        );
        allow_calls(true);
        for page in pages {
            commit(id, "a", page);
        }
    });
}

#[test]
fn a_pause_serves_no_requests() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        assert_ok!(request(id, "a", 2));
        allow_calls(false);
        run_blocks(5);
        assert_eq!(worker(id, "a").waiting, 2);
        allow_calls(true);
        run_blocks(1);
        assert_eq!(worker(id, "a").live, 2);
    });
}

#[test]
fn a_pause_stops_the_clock_in_reveal_and_gold() {
    build_and_execute(|| {
        let id = answered();
        run_blocks(1);
        allow_calls(false);
        run_blocks(2 * RevealFor::get());
        assert_eq!(state(id), BatchState::Reveal);
        assert_noop!(try_advance(id, 1), E::Paused);
        allow_calls(true);
        reveal_all(id);
        run_blocks(1);
        assert_eq!(state(id), BatchState::Gold);
        let deadline = get(id).deadline;
        allow_calls(false);
        run_blocks(2 * GoldFor::get());
        assert_eq!(state(id), BatchState::Gold);
        allow_calls(true);
        assert!(LabelBounties::clock() < deadline);
    });
}

#[test]
fn a_pause_of_one_call_that_matters_stops_the_clock() {
    build_and_execute(|| {
        let clock = LabelBounties::clock;
        for name in [
            "request_pages",
            "request_sponsored",
            "skip",
            "commit",
            "reveal",
            "close_page",
            "open_gold",
            "advance",
        ] {
            pause_call(Some(name));
            let before = clock();
            run_blocks(2);
            assert_eq!(clock(), before, "{name}");
        }
        // Nobody has a deadline for this one.
        pause_call(Some("create_campaign"));
        let before = clock();
        run_blocks(2);
        assert_eq!(clock(), before + 2);
    });
}

#[test]
fn many_batches_are_served_in_turn() {
    build_and_execute(|| {
        let ids: Vec<_> = (0..5).map(|_| batch(terms(), 2)).collect();
        for (i, id) in ids.iter().enumerate() {
            label(*id, &format!("w{i}"), 1);
            assert_ok!(try_cancel(*id));
        }
        assert_eq!(
            Cranking::<Test>::iter().count() + Deadlines::<Test>::iter().count(),
            5
        );
        run_blocks(1);
        for id in &ids {
            assert_eq!(state(*id), BatchState::Reveal);
        }
    });
}

#[test]
fn hooks_without_weight_do_nothing_and_catch_up() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        label(id, "a", 1);
        stop_idle(true);
        pass(get(id).until - LabelBounties::clock());
        run_blocks(200);
        assert_eq!(state(id), BatchState::Open);
        stop_idle(false);
        run_blocks(20);
        assert_eq!(state(id), BatchState::Reveal);
    });
}

#[test]
fn hooks_take_no_more_weight_than_they_are_given() {
    build_and_execute(|| {
        use frame_support::{traits::Hooks, weights::Weight};
        for i in 0..6 {
            let id = batch(terms(), 2);
            lease(id, &format!("w{i}"), 2);
        }
        stop_idle(true);
        pass(get(0).until + 70 - LabelBounties::clock());
        for micros in [0u64, 100, 500, 1_000, 2_000, 5_000, 100_000] {
            let most = Weight::from_parts(micros * 1_000_000, u64::MAX);
            let spent = LabelBounties::on_idle(System::block_number(), most);
            assert!(
                spent.ref_time() <= most.ref_time(),
                "{micros} µs: {spent:?}"
            );
        }
    });
}
