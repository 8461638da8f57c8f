//! Every invariant of `try_state`, broken by hand: the check says which.

use super::goods::*;
use crate::{mock::*, *};
use athanor_primitives::market::{Beneficiary, ListingId, PoolId, Right};
use frame_support::{
    storage::{with_transaction, TransactionOutcome},
    traits::{fungible::MutateHold, tokens::Precision},
};
use sp_runtime::DispatchError;
use std::collections::BTreeSet;

const PRICE: Balance = 10 * AUR;

/// Spoils a state that is sound, expects the check to say this of it, and takes it back.
fn finds(error: &str, spoil: impl FnOnce()) {
    DataMarket::do_try_state().unwrap();
    let said = with_transaction(|| {
        spoil();
        let said = DataMarket::do_try_state();
        TransactionOutcome::Rollback(Ok::<_, DispatchError>(said))
    });
    match said.unwrap() {
        Err(DispatchError::Other(said)) => assert_eq!(said, error),
        other => panic!("{other:?}, not {error:?}"),
    }
}

fn spoil_listing(id: ListingId, f: impl FnOnce(&mut Listing<AccountId>)) {
    Listings::<Test>::mutate(id, |listing| f(listing.as_mut().unwrap()));
}

fn spoil_order(bought: &Bought, f: impl FnOnce(&mut Order<AccountId>)) {
    Orders::<Test>::mutate(bought.id, |order| f(order.as_mut().unwrap()));
}

fn spoil_seller(who: &AccountId, f: impl FnOnce(&mut Seller<AccountId>)) {
    Sellers::<Test>::mutate(who, |seller| f(seller.as_mut().unwrap()));
}

fn spoil_pool(sale: &Sale, f: impl FnOnce(&mut Pool<AccountId>)) {
    Pools::<Test>::mutate(sale.pool(), |pool| f(pool.as_mut().unwrap()));
}

/// The seller's part of what a listing earns.
fn spoil_holder(sale: &Sale, f: impl FnOnce(&mut Holder)) {
    Holders::<Test>::mutate(sale.pool(), to(&sale.seller), |holder| {
        f(holder.as_mut().unwrap())
    });
}

/// Takes a unit from a listing's seller for somebody else.
fn part_with_a_unit(sale: &Sale, to: Beneficiary<AccountId>) {
    spoil_holder(sale, |holder| holder.units -= 1);
    spoil_pool(sale, |pool| pool.holders += 1);
    Holders::<Test>::insert(sale.pool(), to, one_unit());
}

fn one_unit() -> Holder {
    Holder {
        units: 1,
        claimed: 0,
        deposit: 0,
    }
}

fn release(reason: HoldReason, who: &AccountId, amount: Balance) {
    Balances::release(&reason.into(), who, amount, Precision::Exact).unwrap();
}

fn hold(reason: HoldReason, who: &AccountId, amount: Balance) {
    Balances::hold(&reason.into(), who, amount).unwrap();
}

/// A listing that was sold once and is ordered again, and one that nobody has bought.
struct Scene {
    sold: Sale,
    order: Bought,
    fresh: Sale,
}

impl Scene {
    fn new() -> Self {
        let sold = Sale::honest("seller", PRICE);
        sold.sell("first");
        let order = sold.order("buyer");
        let fresh = Sale::honest("other", PRICE);
        Scene { sold, order, fresh }
    }
}

#[test]
fn prices_that_are_not_held_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { order, .. } = Scene::new();
        finds("a fee is more than the price", || {
            spoil_order(&order, |order| order.fee = order.price + 1)
        });
        finds("prices are not held", || {
            spoil_order(&order, |order| order.price += 1)
        });
        finds("prices are not held", || {
            release(HoldReason::OrderPrice, &order.buyer, 1)
        });
        // Of whom there is no order.
        finds("prices are not held", || {
            hold(HoldReason::OrderPrice, &account("stranger"), 1)
        });
    });
}

#[test]
fn bonds_that_are_not_those_of_the_orders_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { sold, order, .. } = Scene::new();
        finds("an order has no bond", || {
            spoil_order(&order, |order| order.bond = 0)
        });
        finds("a locked bond is not that of the orders", || {
            spoil_seller(&sold.seller, |seller| seller.locked += 1)
        });
        finds("more is locked than is bonded", || {
            spoil_seller(&sold.seller, |seller| seller.bonded = seller.locked - 1)
        });
        finds("an order is of no seller", || {
            Sellers::<Test>::remove(&sold.seller)
        });
        finds("bonds are not held", || {
            release(HoldReason::SellerBond, &sold.seller, 1)
        });
    });
}

#[test]
fn deposits_that_no_record_accounts_for_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { sold, order, fresh } = Scene::new();
        finds("an entry outlives its listing", || {
            Allowed::<Test>::insert(99, &order.buyer, 0)
        });
        finds("a pool paid a deposit", || {
            let holder = Holder {
                deposit: 1,
                ..one_unit()
            };
            Holders::<Test>::insert(sold.pool(), Beneficiary::Pool(fresh.pool()), holder)
        });
        finds("deposits are not held", || {
            release(HoldReason::Deposit, &order.buyer, 1)
        });
        finds("deposits are not held", || {
            spoil_order(&order, |order| order.deposit += 1)
        });
    });
}

#[test]
fn pools_that_do_not_add_up_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { sold, fresh, .. } = Scene::new();
        finds("the pallet's account has less than is in the pools", || {
            spoil_pool(&sold, |pool| pool.received += 1_000 * AUR)
        });
        finds("a holder outlives his pool", || {
            let beneficiary = to(&sold.seller);
            Holders::<Test>::insert(PoolId::Listing(99), beneficiary, one_unit())
        });
        finds("a holder has no units", || {
            spoil_holder(&fresh, |holder| holder.units = 0)
        });
        finds("a holder has claimed too much", || {
            spoil_holder(&sold, |holder| holder.claimed += 1_000 * AUR)
        });
        finds("holders are miscounted", || {
            spoil_pool(&sold, |pool| pool.holders += 1)
        });
        finds("claims are not those of the holders", || {
            spoil_pool(&sold, |pool| pool.left += 1)
        });
        finds("more is claimed than was received", || {
            spoil_pool(&sold, |pool| {
                pool.left += pool.received + 1;
                pool.claimed += pool.received + 1;
            })
        });
        finds("there are units too many", || {
            spoil_holder(&fresh, |holder| holder.units += 1)
        });
        finds("a pool paid before it closed", || {
            spoil_pool(&sold, |pool| pool.closes_at = Some(u32::MAX))
        });
        finds("units are missing", || {
            spoil_holder(&fresh, |holder| holder.units -= 1)
        });
        finds("a pool closes that should not, or stays open", || {
            spoil_pool(&sold, |pool| pool.closes_at = Some(0))
        });
    });
}

#[test]
fn pools_that_pay_into_the_wrong_ones_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { sold, fresh, .. } = Scene::new();
        let third = Sale::honest("other", PRICE);
        finds("a campaign's pool pays into a pool", || {
            let campaign = PoolId::Campaign(1);
            let pool = Pool {
                supply: 1,
                received: 0,
                claimed: 0,
                left: 0,
                holders: 1,
                closes_at: Some(0),
                deposit: 0,
                ..Pools::<Test>::get(fresh.pool()).unwrap()
            };
            Pools::<Test>::insert(campaign, pool);
            Holders::<Test>::insert(campaign, Beneficiary::Pool(sold.pool()), one_unit());
        });
        finds("a parent is not older than its child", || {
            part_with_a_unit(&fresh, Beneficiary::Pool(third.pool()))
        });
        finds("children are miscounted", || {
            spoil_pool(&sold, |pool| pool.children += 1)
        });
        finds("a pool pays into none", || {
            part_with_a_unit(&fresh, Beneficiary::Pool(PoolId::Campaign(9)))
        });
        finds("a listing has no pool", || {
            let pool = Pools::<Test>::take(third.pool()).unwrap();
            let holder = Holders::<Test>::take(third.pool(), to(&third.seller)).unwrap();
            release(
                HoldReason::Deposit,
                &pool.owner,
                pool.deposit + holder.deposit,
            );
        });
        finds("a listing's pool has another supply", || {
            spoil_pool(&fresh, |pool| pool.supply += 1);
            spoil_holder(&fresh, |holder| holder.units += 1);
        });
    });
}

#[test]
fn orders_that_nobody_or_the_wrong_one_knows_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { sold, order, .. } = Scene::new();
        let stranger = account("stranger");
        finds("an order has no listing", || {
            spoil_order(&order, |order| order.listing = 99)
        });
        finds("an order is not of its listing", || {
            spoil_order(&order, |order| order.length += 1)
        });
        finds("somebody buys from himself", || {
            spoil_order(&order, |order| {
                for (reason, amount) in [
                    (HoldReason::OrderPrice, order.price),
                    (HoldReason::Deposit, order.deposit),
                ] {
                    release(reason, &order.buyer, amount);
                    hold(reason, &order.seller, amount);
                }
                order.buyer = order.seller.clone();
            })
        });
        finds("a seller does not know an order", || {
            OpenOrders::<Test>::remove(&sold.seller, order.id)
        });
        finds("a buyer does not know his order", || {
            Rights::<Test>::remove(sold.id, &order.buyer)
        });
        finds("a seller knows an order that has ended", || {
            OpenOrders::<Test>::insert(&sold.seller, 99, ())
        });
        finds("a buyer knows an order that has ended", || {
            Rights::<Test>::insert(sold.id, &stranger, Right::Pending(99))
        });
        finds("a listing miscounts its open orders", || {
            spoil_listing(sold.id, |listing| listing.open_orders += 1)
        });
    });
}

#[test]
fn seals_that_are_not_their_sellers_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { sold, order, .. } = Scene::new();
        finds("a seal is not its listing's", || {
            spoil_listing(sold.id, |listing| listing.seals[0].z_root = [9; 32])
        });
        finds("a seal is there twice", || {
            spoil_listing(sold.id, |listing| {
                let seal = listing.seals[0];
                listing.seals.try_push(seal).unwrap();
            })
        });
        finds("an order's seal is not its seller's", || {
            spoil_order(&order, |order| order.seal.nonce = [9; 16])
        });
    });
}

#[test]
fn counts_of_a_listing_that_are_wrong_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { sold, fresh, .. } = Scene::new();
        finds("rights are not those of the settled orders", || {
            spoil_listing(sold.id, |listing| listing.settled += 1)
        });
        finds("there are more ratings than sales", || {
            spoil_listing(sold.id, |listing| listing.ratings = listing.settled + 1)
        });
        finds("a rating has no stars, or too many", || {
            spoil_listing(sold.id, |listing| listing.rating_sum += 1)
        });
        finds("entries of a listing are miscounted", || {
            spoil_listing(sold.id, |listing| listing.allowed += 1)
        });
        finds("listings are miscounted", || {
            spoil_seller(&sold.seller, |seller| seller.listings += 1)
        });
        finds("a listing is of no seller", || {
            let seller = Sellers::<Test>::take(&fresh.seller).unwrap();
            release(HoldReason::SellerBond, &fresh.seller, seller.bonded);
            release(HoldReason::Deposit, &fresh.seller, seller.deposit);
        });
    });
}

/// Texts in quotation marks, outside comments.
fn quoted(source: &str) -> BTreeSet<&str> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
        .collect()
}

#[test]
fn each_invariant_is_broken_by_a_test() {
    let stated = quoted(include_str!("../try_state.rs"));
    let broken: BTreeSet<_> = include_str!("try_state.rs")
        .split(concat!("finds", "("))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
        .collect();
    assert!(stated.len() > 40, "{stated:?}");
    assert_eq!(broken, stated);
}
