//! What a buyer keeps: rating it, and giving it up.

use super::goods::*;
use crate::{mock::*, *};
use athanor_primitives::market::Right;
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

const PRICE: Balance = 10 * AUR;

#[test]
fn only_a_purchase_is_rated_and_only_once() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let buyer = account("buyer");
        let rate = |stars| DataMarket::rate(signed(&buyer), sale.id, stars);
        assert_noop!(rate(5), E::NoSuchRight);
        let bought = sale.order("buyer");
        assert_noop!(rate(5), E::OrderIsOpen);
        sale.reveal(&bought);
        assert_noop!(rate(5), E::OrderIsOpen);
        pass(sale.record().dispute_window + 1);
        poke(&bought);
        for stars in [0, 6, u8::MAX] {
            assert_noop!(rate(stars), E::BadStars);
        }
        assert_ok!(rate(4));
        assert_noop!(rate(4), E::AlreadyRated);
        let (record, fee) = (sale.record(), PRICE / 50);
        assert_eq!(
            (record.ratings, record.rating_weight, record.rating_sum),
            (1, fee, 4 * fee)
        );
        let other = DataMarket::rate(signed(&account("other")), sale.id, 1);
        assert_noop!(other, E::NoSuchRight);
    });
}

#[test]
fn a_rating_has_its_time() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        for name in ["prompt", "late"] {
            sale.sell(name);
        }
        let rate = |name: &str| DataMarket::rate(signed(&account(name)), sale.id, 5);
        let since = |name: &str| match Rights::<Test>::get(sale.id, account(name)) {
            Some(Right::Granted(granted)) => granted.at,
            _ => panic!("no right"),
        };
        pass(since("prompt") + RateFor::get() - DataMarket::now());
        assert_ok!(rate("prompt"));
        pass(since("late") + RateFor::get() - DataMarket::now() + 1);
        assert_noop!(rate("late"), E::RatingTooLate);
    });
}

#[test]
fn a_right_is_forgotten_by_its_owner_alone_and_its_deposit_returns() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let [buyer, ..] = ["buyer", "thief"].map(account);
        let forget =
            |who: &str| DataMarket::forget_right(signed(&account(who)), sale.id, buyer.clone());
        assert_noop!(forget("buyer"), E::NoSuchRight);
        let bought = sale.order("buyer");
        assert_noop!(forget("buyer"), E::OrderIsOpen);
        sale.reveal(&bought);
        pass(sale.record().dispute_window + 1);
        poke(&bought);
        let deposit = held(HoldReason::Deposit, &buyer);
        assert!(deposit > 0);
        assert_noop!(forget("thief"), E::NotBuyer);
        assert_noop!(forget("seller"), E::NotBuyer);
        let before = free(&buyer);
        assert_ok!(forget("buyer"));
        assert_eq!(held(HoldReason::Deposit, &buyer), 0);
        assert_eq!(free(&buyer), before + deposit);
        assert_noop!(forget("buyer"), E::NoSuchRight);
        // Bought again, it is rated again.
        sale.sell("buyer");
        assert_ok!(DataMarket::rate(signed(&buyer), sale.id, 1));
    });
}
