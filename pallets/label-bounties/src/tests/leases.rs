//! Requests, leases, skips and expiry.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{CampaignTerms, Gate, Voucher};
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

#[test]
fn a_request_holds_stakes_and_is_served_two_blocks_later() {
    build_and_execute(|| {
        let id = batch(terms(), 10);
        let who = account("a");
        assert_ok!(request(id, "a", 3));
        assert_eq!(held(HoldReason::WorkerStake, &who), 3 * stake());
        assert_eq!(worker(id, "a").waiting, 3);
        run_blocks(1);
        assert!(leases(id, "a").is_empty());
        run_blocks(1);
        assert_eq!(leases(id, "a").len(), 3);
        let record = worker(id, "a");
        assert_eq!((record.waiting, record.live, record.leased), (0, 3, 3));
        assert_eq!(record.staked, 3 * stake());
        let until = LabelBounties::clock() + 50;
        for page in leases(id, "a") {
            let page = Pages::<Test>::get(id, page).unwrap();
            assert_eq!(page.slots.len(), 3);
            assert_eq!(page.slots[0], Slot::Leased { worker: 0, until });
        }
    });
}

#[test]
fn who_may_not_request_is_told_why() {
    build_and_execute(|| {
        let id = batch(terms(), 16);
        account("a");
        assert_noop!(request(9, "a", 1), E::NoSuchBatch);
        assert_noop!(request(id, "requester", 1), E::IsRequester);
        for pages in [0, 5, u32::MAX] {
            assert_noop!(request(id, "a", pages), E::TooManyLeases);
        }
        assert_ok!(request(id, "a", 1));
        assert_noop!(request(id, "a", 1), E::RequestPending);
        run_blocks(2);
        assert_noop!(request(id, "a", 4), E::TooManyLeases);
        assert_ok!(request(id, "a", 3));
        run_blocks(2);
        for page in leases(id, "a") {
            commit(id, "a", page);
        }
        // ⌈16 · 3 / 4⌉ = 12.
        for _ in 0..2 {
            label(id, "a", 4);
        }
        assert_noop!(request(id, "a", 1), E::QuotaReached);
        assert_noop!(
            LabelBounties::request_pages(signed(&poor("nobody")), id, 1, None),
            sp_runtime::TokenError::FundsUnavailable
        );
        assert_eq!(get(id).workers, 1);
    });
}

#[test]
fn a_lease_must_end_before_the_batch() {
    build_and_execute(|| {
        let end = LabelBounties::clock() + 60;
        let id = open(campaign(terms()), 10, end, None);
        account("a");
        account("b");
        pass(10);
        // 50 ticks are left, but not when the draw comes.
        assert_ok!(request(id, "a", 2));
        run_blocks(1);
        assert_noop!(request(id, "b", 1), E::ClosesTooSoon);
        run_blocks(1);
        assert!(leases(id, "a").is_empty());
        assert_eq!(worker(id, "a").staked, 0);
        System::assert_has_event(
            Event::NoPage {
                batch: id,
                worker: poor("a"),
                missing: 2,
            }
            .into(),
        );
    });
}

#[test]
fn a_full_queue_takes_no_more() {
    build_and_execute(|| {
        MaxQueue::set(2);
        let id = batch(terms(), 10);
        account("c");
        assert_ok!(request(id, "a", 1));
        assert_ok!(request(id, "b", 1));
        assert_noop!(request(id, "c", 1), E::QueueFull);
        run_blocks(2);
        assert_ok!(request(id, "c", 1));
    });
}

#[test]
fn a_full_batch_enrols_nobody_else() {
    build_and_execute(|| {
        let id = batch(terms(), 10);
        label(id, "a", 1);
        Batches::<Test>::mutate(id, |batch| {
            batch.as_mut().unwrap().workers = athanor_primitives::labels::MAX_WORKERS
        });
        account("b");
        assert_noop!(request(id, "b", 1), E::BatchFull);
        assert_ok!(request(id, "a", 1));
        Batches::<Test>::mutate(id, |batch| batch.as_mut().unwrap().workers = 1);
    });
}

#[test]
fn without_a_vrf_requests_wait() {
    build_and_execute(|| {
        let id = batch(terms(), 10);
        stop_vrf(true);
        assert_ok!(request(id, "a", 1));
        run_blocks(5);
        assert_eq!(worker(id, "a").waiting, 1);
        stop_vrf(false);
        run_blocks(1);
        assert_eq!(worker(id, "a").live, 1);
    });
}

#[test]
fn a_block_serves_no_more_pages_than_it_may() {
    build_and_execute(|| {
        MaxDraws::set(5);
        let id = batch(terms(), 30);
        for name in ["a", "b", "c"] {
            assert_ok!(request(id, name, 2));
        }
        run_blocks(2);
        assert_eq!(leases(id, "a").len() + leases(id, "b").len(), 4);
        assert_eq!(worker(id, "c").waiting, 2);
        run_blocks(1);
        assert_eq!(leases(id, "c").len(), 2);
    });
}

#[test]
fn draws_take_no_more_weight_than_they_may() {
    build_and_execute(|| {
        MaxDrawWeight::set(LabelBounties::most_draw());
        let id = batch(terms(), 30);
        for name in ["a", "b"] {
            assert_ok!(request(id, name, 4));
        }
        run_blocks(2);
        assert_eq!((worker(id, "a").live, worker(id, "b").live), (4, 0));
        run_blocks(1);
        assert_eq!(worker(id, "b").live, 4);
    });
}

#[test]
fn a_worker_gets_each_page_once_and_then_none() {
    build_and_execute(|| {
        let id = batch(
            CampaignTerms {
                panel_max: 4,
                ..terms()
            },
            3,
        );
        assert_eq!(lease(id, "a", 2).len(), 2);
        for page in leases(id, "a") {
            commit(id, "a", page);
        }
        assert_eq!(lease(id, "a", 1).len(), 1);
        assert_eq!(worker(id, "a").leased, 3);
        assert_noop!(request(id, "a", 1), E::QuotaReached);
    });
}

#[test]
fn a_request_that_finds_too_few_pages_gets_the_rest_of_its_stake_back() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        for name in ["a", "b", "c"] {
            lease(id, name, 1);
        }
        // Three of six slots are taken; of two pages only those with a free slot count.
        let free: Vec<u32> = Windows::<Test>::get(id)
            .pages
            .iter()
            .filter(|open| open.used < 3)
            .map(|open| open.page)
            .collect();
        assert_eq!(lease(id, "d", 2), free);
        assert_eq!(worker(id, "d").staked, free.len() as u128 * stake());
        assert_eq!(
            held(HoldReason::WorkerStake, &poor("d")),
            free.len() as u128 * stake()
        );
    });
}

#[test]
fn a_draw_for_which_there_is_no_page_changes_nothing() {
    build_and_execute(|| {
        let one = CampaignTerms {
            gold: 4,
            gate: Gate::Voucher,
            panel_min: 1,
            panel_max: 1,
            ..gated()
        };
        let id = batch(one, 2);
        let give = |name: &str| {
            let who = account(name);
            let voucher = voucher(0, name, 4, false);
            assert_ok!(LabelBounties::request_pages(
                signed(&who),
                id,
                1,
                Some(voucher)
            ));
            run_blocks(2);
        };
        give("a");
        give("b");
        give("c");
        assert_eq!((worker(id, "c").leased, worker(id, "c").staked), (0, 0));
        assert_eq!(VoucherUse::<Test>::get(0, poor("c")), 0);
        assert_eq!(VoucherUse::<Test>::get(0, poor("b")), 1);
    });
}

#[test]
fn panels_fill_up_before_later_pages_open() {
    build_and_execute(|| {
        let id = batch(terms(), 100);
        // Two workers with four live pages each: later pages do not open while 64 are free.
        for name in ["a", "b"] {
            label(id, name, 4);
            label(id, name, 4);
        }
        let window = Windows::<Test>::get(id);
        assert_eq!(window.next, 64);
        assert_eq!(window.pages.len(), 64);
        let used: u32 = window.pages.iter().map(|open| u32::from(open.used)).sum();
        assert_eq!(used, 16);
    });
}

#[test]
fn a_window_grows_for_who_has_seen_all_of_it() {
    build_and_execute(|| {
        let id = batch(terms(), 70);
        for _ in 0..13 {
            label(id, "a", 4);
        }
        // 52 of ⌈70 · 3 / 4⌉ = 53 pages.
        assert_eq!(worker(id, "a").committed, 52);
        let seen = Seen::<Test>::get(id, 0);
        assert_eq!(seen.len(), 52);
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
        Seen::<Test>::insert(id, 0, SeenPages::truncate_from((0..64).collect()));
        let before = Windows::<Test>::get(id).next;
        assert_eq!(lease(id, "a", 1), [before]);
        assert_eq!(Windows::<Test>::get(id).next, before + 1);
    });
}

#[test]
fn a_full_page_leaves_the_window_and_the_next_enters() {
    build_and_execute(|| {
        let id = batch(terms(), 66);
        for page in 1..64 {
            assert_ok!(try_close(id, page));
        }
        let open = |id| -> Vec<u32> {
            let window = Windows::<Test>::get(id);
            window.pages.iter().map(|open| open.page).collect()
        };
        assert_eq!(open(id), [0, 64, 65]);
        for name in ["a", "b", "c"] {
            label(id, name, 3);
        }
        assert!(open(id).is_empty());
        run_blocks(1);
        assert_ne!(state(id), athanor_primitives::labels::BatchState::Open);
    });
}

#[test]
fn a_page_closed_before_it_opened_is_passed_over() {
    build_and_execute(|| {
        let id = batch(terms(), 68);
        for page in [64, 65, 66] {
            assert_ok!(try_close(id, page));
        }
        assert_ok!(try_close(id, 0));
        let window = Windows::<Test>::get(id);
        assert_eq!(window.next, 68);
        assert_eq!(window.pages.last().unwrap().page, 67);
        assert_eq!(window.pages.len(), 64);
    });
}

#[test]
fn a_skip_costs_nothing_and_the_page_never_comes_back() {
    build_and_execute(|| {
        let id = batch(terms(), 4);
        let pages = lease(id, "a", 2);
        assert_ok!(try_skip(id, "a", pages[0]));
        assert_noop!(try_skip(id, "a", pages[0]), E::NoLease);
        let record = worker(id, "a");
        assert_eq!((record.skipped, record.live), (1, 1));
        assert_eq!(record.staked, stake());
        assert_eq!(held(HoldReason::WorkerStake, &poor("a")), stake());
        for _ in 0..2 {
            for page in lease(id, "a", 1) {
                assert_ne!(page, pages[0]);
            }
        }
        // The slot is another's.
        let window = Windows::<Test>::get(id);
        assert!(window
            .pages
            .iter()
            .any(|open| open.page == pages[0] && open.used == 0));
    });
}

#[test]
fn too_many_skips_cost_two_lease_times() {
    build_and_execute(|| {
        let id = batch(terms(), 30);
        for _ in 0..3 {
            assert_noop!(try_skip(id, "a", 0), E::NoLease);
            let page = lease(id, "a", 1)[0];
            assert_ok!(try_skip(id, "a", page));
        }
        assert_noop!(request(id, "a", 1), E::SkippedTooOften);
        pass(99);
        assert_noop!(request(id, "a", 1), E::SkippedTooOften);
        pass(1);
        for _ in 0..2 {
            label(id, "a", 4);
        }
        // One more for eight commits.
        let mut other = 0;
        for name in ["b", "c"] {
            label(id, name, 4);
            label(id, name, 4);
            for _ in 0..3 {
                let page = lease(id, name, 1)[0];
                assert_ok!(try_skip(id, name, page));
            }
            other += u32::from(worker(id, name).blocked_until > 0);
        }
        assert_eq!(other, 0);
    });
}

#[test]
fn a_lease_that_ran_out_frees_its_slot_and_keeps_its_stake() {
    build_and_execute(|| {
        let id = batch(terms(), 4);
        let page = lease(id, "a", 1)[0];
        assert_noop!(try_expire(id, "a", page), E::LeaseIsLive);
        stop_idle(true);
        pass(49);
        assert_noop!(try_expire(id, "a", page), E::LeaseIsLive);
        pass(1);
        assert_noop!(try_commit(id, "a", page), E::LeaseOver);
        assert_noop!(try_skip(id, "a", page), E::LeaseOver);
        let mallory = account("mallory");
        let info = LabelBounties::expire(signed(&mallory), id, page, poor("a")).unwrap();
        assert_eq!(info.pays_fee, frame_support::dispatch::Pays::No);
        assert!(leases(id, "a").is_empty());
        let record = worker(id, "a");
        assert_eq!((record.live, record.abandoned()), (0, 1));
        assert_eq!(record.staked, stake());
        assert_noop!(try_expire(id, "a", page), E::NoLease);
        assert_noop!(try_expire(id, "nobody", page), E::NoLease);
        assert_noop!(try_expire(9, "a", page), E::NoSuchBatch);
        // It is not offered to him again.
        assert!(Seen::<Test>::get(id, 0).contains(&page));
    });
}

#[test]
fn leases_run_out_by_themselves() {
    build_and_execute(|| {
        let id = batch(terms(), 10);
        for name in ["a", "b"] {
            lease(id, name, 4);
        }
        pass(50 + EXPIRY_TICKS);
        run_blocks(1);
        for name in ["a", "b"] {
            assert!(leases(id, name).is_empty());
            assert_eq!(worker(id, name).live, 0);
        }
        assert_eq!(Expiring::<Test>::iter().count(), 0);
        let window = Windows::<Test>::get(id);
        assert!(window.pages.iter().all(|open| open.used == 0));
        assert!(ExpiryCursor::<Test>::get() > 0);
    });
}

#[test]
fn an_entry_that_outlives_its_lease_frees_nobody_elses() {
    build_and_execute(|| {
        let id = batch(terms(), 10);
        let page = lease(id, "a", 1)[0];
        assert_ok!(try_skip(id, "a", page));
        pass(40);
        // Another has the slot when the first one's lease would have run out.
        for name in ["b", "c", "d", "e"] {
            lease(id, name, 4);
        }
        let before: Vec<_> = Pages::<Test>::iter_prefix(id).collect();
        pass(20);
        run_blocks(2);
        assert_eq!(Pages::<Test>::iter_prefix(id).collect::<Vec<_>>(), before);
    });
}

#[test]
fn a_record_opens_a_gate() {
    build_and_execute(|| {
        Domains::<Test>::insert(
            0,
            Domain {
                owner: None,
                deposit: 0,
                admitted: 0,
            },
        );
        let id = batch(
            CampaignTerms {
                gate: Gate::Domain {
                    id: 0,
                    bound: 45_000,
                },
                domain: Some(0),
                ..terms()
            },
            4,
        );
        account("a");
        assert_noop!(request(id, "a", 1), E::RecordTooLow);
        Record::<Test>::insert(
            0,
            poor("a"),
            GoldRecord {
                right: 50,
                wrong: 2,
                epoch: 0,
            },
        );
        assert_ok!(request(id, "a", 1));
        // Twenty answers of the record at most.
        assert_eq!(worker(id, "a").prior.answers, 20);
    });
}

#[test]
fn a_gate_behind_vouchers_opens_for_good_ones_only() {
    build_and_execute(|| {
        let campaign = campaign(gated());
        let id = open(campaign, 20, until(&gated()), None);
        let who = account("a");
        let try_request = |voucher: Option<SignedVoucher>, pages| {
            LabelBounties::request_pages(signed(&who), id, pages, voucher)
        };
        assert_noop!(try_request(None, 1), E::VoucherMissing);
        let plain = Voucher {
            pages: 5,
            sponsored: false,
            expires: 50,
        };
        let forged = signed_voucher("mallory", campaign, "a", plain);
        assert_noop!(try_request(Some(forged), 1), E::VoucherInvalid);
        let foreign = signed_voucher("sponsor", campaign, "b", plain);
        assert_noop!(try_request(Some(foreign), 1), E::VoucherInvalid);
        let elsewhere = signed_voucher("sponsor", campaign + 1, "a", plain);
        assert_noop!(try_request(Some(elsewhere), 1), E::VoucherInvalid);
        let mut more = signed_voucher("sponsor", campaign, "a", plain);
        more.voucher.pages = 6;
        assert_noop!(try_request(Some(more), 1), E::VoucherInvalid);
        let good = signed_voucher("sponsor", campaign, "a", plain);
        assert_ok!(try_request(Some(good.clone()), 4));
        assert_eq!(VoucherUse::<Test>::get(campaign, &who), 4);
        run_blocks(2);
        for page in leases(id, "a") {
            commit(id, "a", page);
        }
        assert_noop!(try_request(Some(good.clone()), 2), E::VoucherUsedUp);
        assert_ok!(try_request(Some(good.clone()), 1));
        run_blocks(2);
        // A skip gives the page back.
        assert_ok!(try_skip(id, "a", leases(id, "a")[0]));
        assert_eq!(VoucherUse::<Test>::get(campaign, &who), 4);
        System::set_block_number(51);
        assert_noop!(try_request(Some(good), 1), E::VoucherExpired);
    });
}

#[test]
fn two_requests_cannot_use_one_page_of_a_voucher_twice() {
    build_and_execute(|| {
        let campaign = campaign(gated());
        let end = until(&gated());
        let (first, second) = (open(campaign, 20, end, None), open(campaign, 20, end, None));
        let who = account("a");
        let voucher = voucher(campaign, "a", 4, false);
        assert_ok!(LabelBounties::request_pages(
            signed(&who),
            first,
            3,
            Some(voucher.clone())
        ));
        assert_noop!(
            LabelBounties::request_pages(signed(&who), second, 2, Some(voucher.clone())),
            E::VoucherUsedUp
        );
        assert_ok!(LabelBounties::request_pages(
            signed(&who),
            second,
            1,
            Some(voucher)
        ));
    });
}

#[test]
fn requests_of_a_batch_that_is_gone_are_dropped() {
    build_and_execute(|| {
        let id = batch(terms(), 4);
        assert_ok!(request(id, "a", 2));
        // As if it had been paid and pruned meanwhile, which gives the stake back.
        let record = worker(id, "a");
        LabelBounties::give_back(HoldReason::WorkerStake, &record.account, record.staked);
        Workers::<Test>::remove(id, 0);
        WorkerOf::<Test>::remove(id, poor("a"));
        Batches::<Test>::mutate(id, |batch| batch.as_mut().unwrap().workers = 0);
        run_blocks(3);
        assert!(QueueEnds::<Test>::get().is_empty());
        assert_eq!(Queue::<Test>::iter().count(), 0);
    });
}
