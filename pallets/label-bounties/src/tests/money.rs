//! Where the money of every slot ends: the rows of the design's table, to the unit.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{BatchId, BatchState, CampaignTerms};
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

fn fee() -> Balance {
    Campaigns::<Test>::get(0).unwrap().fee
}

fn slot_fee() -> Balance {
    SlotFee::get()
}

fn reveal_all(id: BatchId, names: &[&str]) {
    for name in names {
        let committed: Vec<u32> = Pages::<Test>::iter_prefix(id)
            .filter(|(_, page)| {
                page.slot_of(WorkerOf::<Test>::get(id, poor(name)).unwrap())
                    .is_some_and(|slot| matches!(page.slots[slot], Slot::Committed { .. }))
            })
            .map(|(page, _)| page)
            .collect();
        for page in committed {
            reveal(id, name, page);
        }
    }
}

fn open_gold(id: BatchId, terms: &CampaignTerms) {
    let pages = get(id).pages;
    for page in 0..pages {
        if Pages::<Test>::get(id, page).is_some_and(|page| page.revealed() > 0) {
            assert_ok!(LabelBounties::open_gold(
                signed(&treasury()),
                id,
                vec![opening(terms, pages, page)].try_into().unwrap()
            ));
        }
    }
}

/// Advances a batch by calls of an account until it is paid.
fn settle(id: BatchId, by: &AccountId) {
    stop_idle(true);
    while state(id) != BatchState::Paid {
        assert_ok!(LabelBounties::advance(signed(by), id, 3));
    }
    stop_idle(false);
}

#[test]
fn a_good_answer_is_paid_in_full_and_its_fees_go_where_they_belong() {
    build_and_execute(|| {
        let requester = account("requester");
        let crank = account("crank");
        let id = batch(terms(), 2);
        for name in ["a", "b", "c"] {
            label(id, name, 2);
        }
        run_blocks(1);
        reveal_all(id, &["a", "b", "c"]);
        run_blocks(1);
        open_gold(id, &terms());
        let (fees, saved) = (free(&block_fees()), free(&treasury()));
        let deposit = get(id).deposit;
        settle(id, &crank);
        for name in ["a", "b", "c"] {
            let who = poor(name);
            assert_eq!(free(&who), FUNDS + 2 * terms().page_pay());
            assert_eq!(held(HoldReason::WorkerStake, &who), 0);
        }
        let money = get(id).money;
        assert_eq!(money.paid, 6 * terms().page_pay());
        assert_eq!(money.treasury, 6 * fee());
        assert_eq!(free(&treasury()) - saved, 6 * fee());
        // Three quarters of the slot fees are fees, a quarter is for who advanced.
        assert_eq!(money.fees + money.rewards, 6 * slot_fee());
        let quarter = 6 * slot_fee() / 4;
        assert!(money.rewards <= quarter + 12 && money.rewards + 12 >= quarter);
        assert_eq!(free(&crank) - FUNDS, money.rewards);
        assert_eq!(free(&block_fees()) - fees, money.fees);
        // All gold is opened and none contested: the bond is back.
        assert_eq!(money.refunded, 6 * terms().page_pay() / 10);
        assert_eq!(
            free(&requester),
            FUNDS - 6 * (terms().page_pay() + fee() + slot_fee()) - AUR / 10 - deposit
        );
    });
}

#[test]
fn what_nobody_sold_goes_back_to_the_requester() {
    build_and_execute(|| {
        let requester = account("requester");
        let id = batch(terms(), 8);
        let deposit = get(id).deposit;
        let pages = lease(id, "a", 3);
        assert_ok!(try_skip(id, "a", pages[0]));
        pass(50);
        assert_ok!(try_cancel(id));
        pass(EXPIRY_TICKS);
        run_blocks(2);
        assert_eq!(state(id), BatchState::Paid);
        // The second abandoned lease costs half a stake.
        assert_eq!(free(&poor("a")), FUNDS - stake() / 2);
        let money = get(id).money;
        assert_eq!(money.refunded, money.deposited);
        assert_eq!(free(&requester), FUNDS - deposit - AUR / 10);
        pass(RetainFor::get());
        run_blocks(30);
        assert_eq!(Batches::<Test>::get(id), None);
        assert_eq!(free(&requester), FUNDS - AUR / 10);
        assert_eq!(held(HoldReason::Deposit, &requester), AUR / 10);
    });
}

#[test]
fn a_commit_without_a_reveal_costs_the_stake_and_returns_nothing_to_the_requester() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        for name in ["a", "b", "c"] {
            label(id, name, 2);
        }
        run_blocks(1);
        reveal_all(id, &["a", "b"]);
        pass(RevealFor::get());
        run_blocks(3);
        open_gold(id, &terms());
        settle(id, &account("crank"));
        assert_eq!(free(&poor("c")), FUNDS - 2 * stake());
        let money = get(id).money;
        assert_eq!(money.paid, 4 * terms().page_pay());
        assert_eq!(money.treasury, 6 * fee() + 2 * terms().page_pay());
        assert_eq!(money.refunded, 6 * terms().page_pay() / 10);
    });
}

#[test]
fn without_a_caller_the_whole_slot_fee_goes_where_fees_go() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        for name in ["a", "b", "c"] {
            label(id, name, 2);
        }
        run_blocks(1);
        reveal_all(id, &["a", "b", "c"]);
        run_blocks(1);
        open_gold(id, &terms());
        run_blocks(9);
        assert_eq!(state(id), BatchState::Paid);
        let money = get(id).money;
        assert_eq!((money.fees, money.rewards), (6 * slot_fee(), 0));
    });
}

#[test]
fn a_caller_without_an_account_earns_nothing_and_stops_nothing() {
    build_and_execute(|| {
        let nobody = poor("nobody");
        let id = batch(terms(), 2);
        for name in ["a", "b", "c"] {
            label(id, name, 2);
        }
        run_blocks(1);
        reveal_all(id, &["a", "b", "c"]);
        run_blocks(1);
        open_gold(id, &terms());
        SlotFee::set(8);
        settle(id, &nobody);
        let money = get(id).money;
        assert_eq!(money.fees + money.rewards, 6 * (AUR / 1_000 + 7));
    });
}

#[test]
fn pay_an_account_cannot_take_waits_and_adds_up() {
    build_and_execute(|| {
        let requester = account("requester");
        let newcomer = poor("newcomer");
        let escrow = |amount| {
            assert_ok!(LabelBounties::hold(
                HoldReason::BatchEscrow,
                &requester,
                amount
            ));
        };
        let pay = |amount| {
            LabelBounties::pay_or_credit(HoldReason::BatchEscrow, &requester, &newcomer, amount)
        };
        escrow(3 * ED);
        pay(ED / 2);
        assert_eq!(Credits::<Test>::get(&newcomer), ED / 2);
        assert_eq!(held(HoldReason::Credit, &LabelBounties::pot()), ED / 2);
        assert_noop!(
            LabelBounties::withdraw(signed(&requester), newcomer.clone()),
            E::CreditTooSmall
        );
        pay(ED / 4);
        assert_eq!(Credits::<Test>::get(&newcomer), ED * 3 / 4);
        // Now it is enough, and all of it is paid at once.
        pay(ED / 4);
        assert_eq!(Credits::<Test>::get(&newcomer), 0);
        assert_eq!(free(&newcomer), ED);
        pay(1);
        assert_eq!(free(&newcomer), ED + 1);
        LabelBounties::give_back(HoldReason::BatchEscrow, &requester, 2 * ED - 1);
    });
}

#[test]
fn a_credit_is_paid_to_an_account_that_came_into_being() {
    build_and_execute(|| {
        let requester = account("requester");
        let newcomer = poor("newcomer");
        assert_ok!(LabelBounties::hold(
            HoldReason::BatchEscrow,
            &requester,
            ED / 2
        ));
        LabelBounties::pay_or_credit(HoldReason::BatchEscrow, &requester, &newcomer, ED / 2);
        assert_noop!(
            LabelBounties::withdraw(signed(&requester), requester.clone()),
            E::NoCredit
        );
        assert_eq!(account("newcomer"), newcomer);
        let info = LabelBounties::withdraw(signed(&requester), newcomer.clone()).unwrap();
        assert_eq!(info.pays_fee, frame_support::dispatch::Pays::No);
        assert_eq!(free(&newcomer), FUNDS + ED / 2);
        assert_eq!(held(HoldReason::Credit, &LabelBounties::pot()), 0);
        assert_noop!(
            LabelBounties::withdraw(signed(&requester), newcomer),
            E::NoCredit
        );
    });
}

#[test]
fn a_credit_the_pallets_account_cannot_hold_goes_to_the_treasury() {
    build_and_execute(|| {
        let requester = account("requester");
        empty(&LabelBounties::pot());
        let saved = free(&treasury());
        assert_ok!(LabelBounties::hold(
            HoldReason::BatchEscrow,
            &requester,
            ED / 2
        ));
        LabelBounties::pay_or_credit(
            HoldReason::BatchEscrow,
            &requester,
            &poor("newcomer"),
            ED / 2,
        );
        assert_eq!(free(&treasury()), saved + ED / 2);
        assert_eq!(Credits::<Test>::get(poor("newcomer")), 0);
    });
}

#[test]
fn a_requesters_record_adds_up() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        for name in ["a", "b", "c"] {
            label(id, name, 2);
        }
        run_blocks(1);
        reveal_all(id, &["a", "b", "c"]);
        run_blocks(1);
        open_gold(id, &terms());
        run_blocks(9);
        assert_eq!(
            Requesters::<Test>::get(poor("requester")),
            RequesterRecord {
                batches: 1,
                answers: 48,
                paid_answers: 48,
                gold_opened: 8,
                gold_contested: 0,
            }
        );
        assert_eq!(Campaigns::<Test>::get(0).unwrap().live_batches, 0);
    });
}
