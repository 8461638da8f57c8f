//! Opening batches, closing pages, cancelling.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{BatchId, BatchState, CampaignTerms, Gate, MAX_PAGES};
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

#[test]
fn a_batch_holds_escrow_bond_and_deposit() {
    build_and_execute(|| {
        let requester = account("requester");
        let id = batch(terms(), 10);
        let page_pay = terms().page_pay();
        let slot = page_pay + page_pay / 50 + SlotFee::get();
        assert_eq!(held(HoldReason::BatchEscrow, &requester), 30 * slot);
        assert_eq!(held(HoldReason::RequesterBond, &requester), 3 * page_pay);
        let money = get(id).money;
        assert_eq!((money.escrow, money.bond), (30 * slot, 3 * page_pay));
        assert_eq!(money.deposited, money.escrow + money.bond);
        let campaign = Campaigns::<Test>::get(0).unwrap();
        assert_eq!((campaign.batches, campaign.live_batches), (1, 1));
        assert_eq!(
            LabelBounties::price_of_batch(&campaign, 10),
            Some((money.escrow, money.bond, get(id).deposit))
        );
        assert_eq!(state(id), BatchState::Open);
        assert_eq!(Windows::<Test>::get(id).pages.len(), 10);
    });
}

#[test]
fn a_window_starts_with_64_pages() {
    build_and_execute(|| {
        let id = batch(terms(), 300);
        let window = Windows::<Test>::get(id);
        assert_eq!(window.next, 64);
        assert!(window.pages.iter().map(|open| open.page).eq(0..64));
    });
}

#[test]
fn what_is_no_batch_is_refused_by_its_own_error() {
    build_and_execute(|| {
        let id = campaign(terms());
        let end = until(&terms());
        assert_noop!(try_open(9, 10, end, None), E::NoSuchCampaign);
        let mallory = account("mallory");
        assert_noop!(
            LabelBounties::open_batch(signed(&mallory), id, [1; 32], [1; 32], 10, end, None),
            E::NotRequester
        );
        for pages in [0, MAX_PAGES + 1] {
            let open = LabelBounties::open_batch(
                signed(&account("requester")),
                id,
                [1; 32],
                [1; 32],
                pages,
                end,
                None,
            );
            assert_noop!(open, E::BadPageCount);
        }
        assert_noop!(try_open(id, 1, end, None), E::TooLittleGold);
        let now = LabelBounties::clock();
        for until in [0, now, now + 50, now + MaxOpen::get() + 1, u32::MAX] {
            assert_noop!(try_open(id, 10, until, None), E::BadUntil);
        }
        assert_ok!(try_open(id, 10, now + 51, None));
        assert_ok!(try_open(id, 10, now + MaxOpen::get(), None));
        assert_noop!(try_open(id, 10, end, Some(77)), E::BadParent);
        Campaigns::<Test>::mutate(id, |campaign| {
            campaign.as_mut().unwrap().settled_at = Some(1)
        });
        assert_noop!(try_open(id, 10, end, None), E::CampaignClosed);
        Campaigns::<Test>::mutate(id, |campaign| campaign.as_mut().unwrap().settled_at = None);
    });
}

#[test]
fn a_batch_without_gold_needs_none() {
    build_and_execute(|| {
        batch(
            CampaignTerms {
                gold: 0,
                gate: Gate::Voucher,
                ..gated()
            },
            1,
        );
    });
}

#[test]
fn a_requester_who_cannot_pay_opens_nothing() {
    build_and_execute(|| {
        let dear = CampaignTerms {
            pay: 1_000 * AUR,
            ..terms()
        };
        let id = campaign(dear);
        assert_noop!(
            try_open(id, 10, until(&dear), None),
            sp_runtime::TokenError::FundsUnavailable
        );
        let most = CampaignTerms {
            pay: u64::MAX.into(),
            ..terms()
        };
        let id = campaign(most);
        assert_noop!(
            try_open(id, MAX_PAGES, until(&most), None),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}

#[test]
fn a_page_closes_before_the_first_commit_or_from_panel_min_on() {
    build_and_execute(|| {
        let five = CampaignTerms {
            panel_max: 5,
            ..terms()
        };
        let id = batch(five, 2);
        assert_ok!(try_close(id, 1));
        assert!(Pages::<Test>::get(id, 1).unwrap().closed);
        assert_noop!(try_close(id, 1), E::PageIsClosed);
        assert_noop!(try_close(id, 2), E::NoSuchPage);
        let mallory = account("mallory");
        assert_noop!(
            LabelBounties::close_page(signed(&mallory), id, 0),
            E::NotRequester
        );
        for (i, name) in ["a", "b", "c"].into_iter().enumerate() {
            if i > 0 {
                assert_noop!(try_close(id, 0), E::TooFewCommits);
            }
            label(id, name, 1);
        }
        assert_ok!(try_close(id, 0));
        assert_eq!(get(id).done, 2);
        // Nothing is left to answer.
        run_blocks(1);
        assert_eq!(state(id), BatchState::Reveal);
        assert_noop!(try_close(id, 0), E::UnexpectedState);
    });
}

#[test]
fn a_closed_page_gives_no_leases_and_live_ones_may_commit() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        assert_eq!(lease(id, "a", 2), [0, 1]);
        assert_ok!(try_close(id, 0));
        assert_eq!((get(id).done, get(id).closing), (0, 1));
        assert_eq!(lease(id, "b", 2), [1]);
        commit(id, "a", 0);
        assert_eq!((get(id).done, get(id).closing), (1, 0));
        assert_eq!(state(id), BatchState::Open);
    });
}

#[test]
fn a_cancelled_batch_gives_no_leases_and_live_ones_may_commit() {
    build_and_execute(|| {
        let id = batch(terms(), 10);
        let pages = lease(id, "a", 3);
        commit(id, "a", pages[0]);
        assert_ok!(request(id, "b", 2));
        let mallory = account("mallory");
        assert_noop!(LabelBounties::cancel(signed(&mallory), id), E::NotRequester);
        assert_ok!(try_cancel(id));
        assert_noop!(try_cancel(id), E::AlreadyCancelled);
        assert_noop!(try_close(id, 0), E::PageIsClosed);
        assert_noop!(request(id, "a", 1), E::ClosesTooSoon);
        run_blocks(3);
        // The request that was waiting found nothing.
        assert_eq!(worker(id, "b").staked, 0);
        assert_eq!(worker(id, "b").waiting, 0);
        assert_eq!(state(id), BatchState::Open);
        commit(id, "a", pages[1]);
        run_blocks(1);
        assert_eq!(state(id), BatchState::Open);
        assert_ok!(try_skip(id, "a", pages[2]));
        run_blocks(1);
        assert_eq!(state(id), BatchState::Reveal);
        assert_noop!(try_cancel(id), E::UnexpectedState);
        assert_eq!(get(id).answered, 2);
    });
}

#[test]
fn a_cancelled_batch_waits_for_leases_that_run_out() {
    build_and_execute(|| {
        let id = batch(terms(), 10);
        lease(id, "a", 1);
        assert_ok!(try_cancel(id));
        run_blocks(2);
        assert_eq!(state(id), BatchState::Open);
        pass(50 + EXPIRY_TICKS);
        run_blocks(2);
        assert_ne!(state(id), BatchState::Open);
        assert_eq!(worker(id, "a").abandoned(), 1);
    });
}

#[test]
fn a_batch_cancelled_before_anybody_came_ends_at_once() {
    build_and_execute(|| {
        let id = batch(terms(), 10);
        assert_ok!(try_cancel(id));
        run_blocks(1);
        assert_ne!(state(id), BatchState::Open);
    });
}

#[test]
fn the_last_batch_number_is_not_given_out() {
    build_and_execute(|| {
        let id = campaign(terms());
        NextBatchId::<Test>::put(BatchId::MAX);
        assert_noop!(try_open(id, 10, until(&terms()), None), E::Overflow);
    });
}

#[test]
fn no_terms_cost_more_than_can_be_counted() {
    build_and_execute(|| {
        let id = campaign(terms());
        let mut campaign = Campaigns::<Test>::get(id).unwrap();
        campaign.fee = Balance::from(u64::MAX);
        campaign.terms = CampaignTerms {
            pay: u64::MAX.into(),
            tasks: u8::MAX,
            panel_max: u8::MAX,
            stake: 10_000,
            ..terms()
        };
        assert!(LabelBounties::price_of_batch(&campaign, MAX_PAGES).is_some());
        let stake = campaign.terms.page_stake();
        assert!(stake.checked_mul(MAX_PAGES.into()).is_some());
    });
}
