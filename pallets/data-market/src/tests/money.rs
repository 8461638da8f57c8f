//! Held money, whatever the accounts have become.

use super::goods::*;
use crate::{mock::*, *};
use athanor_held_money::HeldMoney;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

const REASON: HoldReason = HoldReason::OrderPrice;

fn holder() -> AccountId {
    let who = account("holder");
    assert_ok!(DataMarket::hold(REASON, &who, 10 * AUR));
    who
}

/// Without the pallet's own check: these holds are of no order.
fn execute(test: impl FnOnce()) {
    new_test_ext().execute_with(test);
}

#[test]
fn held_money_moves_and_comes_back() {
    execute(|| {
        let (who, to) = (holder(), account("payee"));
        assert!(DataMarket::move_held(REASON, &who, &to, 3 * AUR));
        assert_eq!(free(&to), FUNDS + 3 * AUR);
        assert_eq!(DataMarket::on_hold(REASON, &who), 7 * AUR);
        DataMarket::give_back(REASON, &who, 7 * AUR);
        assert_eq!(free(&who), FUNDS - 3 * AUR);
        assert_eq!(events(), []);
    });
}

#[test]
fn nothing_is_always_paid() {
    execute(|| {
        let who = poor("nobody");
        assert_ok!(DataMarket::hold(REASON, &who, 0));
        DataMarket::give_back(REASON, &who, 0);
        assert!(DataMarket::move_held(REASON, &who, &poor("other"), 0));
        assert_eq!(events(), []);
    });
}

#[test]
fn what_is_not_there_is_not_held() {
    execute(|| {
        let who = account("holder");
        assert_noop!(
            DataMarket::hold(REASON, &who, FUNDS),
            TokenError::FundsUnavailable
        );
    });
}

#[test]
fn enough_opens_an_account_and_too_little_goes_to_the_treasury() {
    execute(|| {
        let (who, new) = (holder(), poor("new"));
        assert!(!DataMarket::move_held(REASON, &who, &new, ED - 1));
        assert_eq!(free(&treasury()), AUR + ED - 1);
        assert_eq!(
            events(),
            [Event::PaymentDiverted {
                intended: new.clone(),
                amount: ED - 1
            }]
        );
        assert!(DataMarket::move_held(REASON, &who, &new, ED));
        assert_eq!(free(&new), ED);
    });
}

#[test]
fn without_a_treasury_money_stays_with_whose_it_was() {
    execute(|| {
        let (who, new) = (holder(), poor("new"));
        use frame_support::traits::{fungible::Mutate, tokens::Preservation};
        Balances::transfer(&treasury(), &who, AUR, Preservation::Expendable).unwrap();
        assert!(!DataMarket::move_held(REASON, &who, &new, ED - 1));
        DataMarket::to_treasury(REASON, &who, ED - 1);
        assert_eq!(DataMarket::on_hold(REASON, &who), 10 * AUR - 2 * (ED - 1));
        assert_eq!(all_money(&who), FUNDS + AUR);
        assert_eq!(events().len(), 2);
    });
}

#[test]
fn to_oneself_it_is_given_back() {
    execute(|| {
        let who = holder();
        assert!(DataMarket::move_held(REASON, &who, &who, 4 * AUR));
        assert_eq!(DataMarket::on_hold(REASON, &who), 6 * AUR);
        assert_eq!(all_money(&who), FUNDS);
    });
}

#[test]
fn a_vote_delays_no_payment() {
    execute(|| {
        let who = holder();
        freeze_all(&who);
        assert!(DataMarket::move_held(REASON, &who, &account("payee"), AUR));
        assert_eq!(DataMarket::on_hold(REASON, &who), 9 * AUR);
    });
}

#[test]
fn bonds_and_fees_round_down_and_have_a_floor() {
    execute(|| {
        let floor = 2 * (AUR / 100 + 70 * (AUR / 100_000));
        assert_eq!(DataMarket::order_bond(AUR / 100), floor);
        assert_eq!(DataMarket::order_bond(10 * floor + 9), floor);
        assert_eq!(DataMarket::order_bond(10 * floor + 10), floor + 1);
        assert_eq!(DataMarket::fee_of(49), 0);
        assert_eq!(DataMarket::fee_of(149), 2);
        assert_eq!(DataMarket::fee_of(10 * AUR), AUR / 5);
    });
}
