//! Listings: terms, seals, prices and who may order.

use super::goods::*;
use crate::{mock::*, *};
use athanor_primitives::market::{Fault, ListingId, ListingStatus, ListingTerms, MAX_PARENT_UNITS};
use frame_support::{assert_noop, assert_ok, traits::Hooks};
use sp_runtime::{DispatchError, TokenError};

type E = Error<Test>;

const PRICE: Balance = 10 * AUR;

fn record(id: ListingId) -> Listing<AccountId> {
    Listings::<Test>::get(id).unwrap()
}

/// Goods of one group, and usual terms of them.
fn usual() -> (AccountId, ListingTerms<AccountId>) {
    let who = seller("seller");
    let terms = Goods::new(&who, 500, 0).terms(PRICE);
    (who, terms)
}

fn refused(change: impl FnOnce(&mut ListingTerms<AccountId>), error: E) {
    let (who, mut terms) = usual();
    change(&mut terms);
    assert_noop!(DataMarket::list(signed(&who), terms), error);
}

fn listed(change: impl FnOnce(&mut ListingTerms<AccountId>)) -> ListingId {
    let (who, mut terms) = usual();
    change(&mut terms);
    list(&who, terms)
}

#[test]
fn a_listing_costs_a_fee_and_a_deposit() {
    build_and_execute(|| {
        let (who, terms) = usual();
        let (before, held_before) = (free(&who), held(HoldReason::Deposit, &who));
        let id = list(&who, terms.clone());
        assert_eq!(free(&treasury()), AUR + AUR / 2);
        let held = held(HoldReason::Deposit, &who) - held_before;
        let pool = Pools::<Test>::get(athanor_primitives::market::PoolId::Listing(id)).unwrap();
        assert_eq!(held, record(id).deposit + pool.deposit);
        assert_eq!(free(&who), before - AUR / 2 - held);
        let listing = record(id);
        assert_eq!(listing.status, ListingStatus::Open);
        assert_eq!(listing.listed_at, 1);
        assert_eq!(listing.x_root, terms.x_root);
        assert_eq!(Sellers::<Test>::get(&who).unwrap().listings, 1);
        assert!(events().contains(&Event::Listed {
            listing: id,
            seller: who
        }));
    });
}

#[test]
fn only_registered_sellers_list() {
    build_and_execute(|| {
        let who = account("stranger");
        let terms = Goods::new(&who, 500, 0).terms(PRICE);
        assert_noop!(DataMarket::list(signed(&who), terms), E::NotRegistered);
    });
}

#[test]
fn who_cannot_pay_the_fee_lists_nothing() {
    build_and_execute(|| {
        let (who, terms) = usual();
        give(&who, &treasury(), free(&who) - AUR / 4);
        assert_noop!(
            DataMarket::list(signed(&who), terms),
            DispatchError::Token(TokenError::FundsUnavailable)
        );
    });
}

#[test]
fn goods_have_one_byte_to_a_tebibyte() {
    build_and_execute(|| {
        refused(|terms| terms.length = 0, E::BadLength);
        refused(|terms| terms.length = (1 << 40) + 1, E::BadLength);
        listed(|terms| terms.length = 1);
        listed(|terms| {
            terms.length = 1 << 40;
            terms.dispute_window = 7_200 + 20 * 1_024;
        });
    });
}

#[test]
fn a_price_is_nothing_or_something() {
    build_and_execute(|| {
        refused(|terms| terms.price = 1, E::PriceTooLow);
        refused(|terms| terms.price = AUR / 100 - 1, E::PriceTooLow);
        refused(|terms| terms.price = 1 << 96, E::Overflow);
        listed(|terms| terms.price = 0);
        listed(|terms| terms.price = AUR / 100);
        listed(|terms| terms.price = (1 << 96) - 1);
    });
}

#[test]
fn windows_have_bounds() {
    build_and_execute(|| {
        refused(|terms| terms.reveal_window = 599, E::BadRevealWindow);
        refused(|terms| terms.reveal_window = 201_601, E::BadRevealWindow);
        refused(|terms| terms.dispute_window = 7_219, E::BadDisputeWindow);
        refused(|terms| terms.dispute_window = 403_201, E::BadDisputeWindow);
        for (reveal, dispute) in [(600, 7_220), (201_600, 403_200)] {
            listed(|terms| {
                terms.reveal_window = reveal;
                terms.dispute_window = dispute;
            });
        }
    });
}

#[test]
fn larger_goods_take_longer_to_check() {
    build_and_execute(|| {
        let gib = 1 << 30;
        for (length, least) in [(gib, 7_220), (gib + 1, 7_240), (10 * gib, 7_400)] {
            let shorter = least - 1;
            refused(
                |terms| (terms.length, terms.dispute_window) = (length, shorter),
                E::BadDisputeWindow,
            );
            listed(|terms| (terms.length, terms.dispute_window) = (length, least));
        }
    });
}

#[test]
fn a_sample_has_at_most_all_groups() {
    build_and_execute(|| {
        refused(|terms| terms.samples = 2, E::TooManySamples);
        listed(|terms| terms.samples = 1);
        listed(|terms| (terms.length, terms.samples) = (16_385, 2));
    });
}

#[test]
fn a_parent_asks_for_no_more_than_parents_may_have() {
    build_and_execute(|| {
        refused(
            |terms| terms.derive = Some(MAX_PARENT_UNITS + 1),
            E::TooManyUnitsToPools,
        );
        listed(|terms| terms.derive = Some(MAX_PARENT_UNITS));
    });
}

#[test]
fn a_new_version_supersedes_ones_own_listing() {
    build_and_execute(|| {
        let first = listed(|_| ());
        let second = listed(|terms| terms.supersedes = Some(first));
        assert_eq!(record(second).supersedes, Some(first));
        refused(|terms| terms.supersedes = Some(77), E::NoSuchListing);
        let other = seller("other");
        let mut terms = Goods::new(&other, 500, 0).terms(PRICE);
        terms.supersedes = Some(first);
        assert_noop!(DataMarket::list(signed(&other), terms), E::NotSeller);
    });
}

#[test]
fn a_seal_is_bound_to_chain_seller_goods_ciphertext_and_key() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let seals = sale.record().seals;
        assert_eq!(seals.len(), 1);
        assert_eq!(seals[0].seal_id, sale.goods.seal_id());
        assert_eq!(
            events().last(),
            Some(&Event::Sealed {
                listing: sale.id,
                seal_id: sale.goods.seal_id()
            })
        );
    });
}

fn try_seal(sale: &Sale, goods: &Goods) -> sp_runtime::DispatchResult {
    DataMarket::seal(
        signed(&sale.seller),
        sale.id,
        goods.nonce,
        goods.z_root,
        goods.h_k(),
    )
}

#[test]
fn only_the_seller_seals_and_never_the_same_twice() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let Goods { nonce, z_root, .. } = sale.goods;
        let h_k = sale.goods.h_k();
        let thief = seller("thief");
        assert_noop!(
            DataMarket::seal(signed(&thief), sale.id, nonce, z_root, h_k),
            E::NotSeller
        );
        assert_noop!(
            DataMarket::seal(signed(&sale.seller), 9, nonce, z_root, h_k),
            E::NoSuchListing
        );
        assert_noop!(try_seal(&sale, &sale.goods), E::NothingToDo);
        assert_ok!(DataMarket::close(signed(&sale.seller), sale.id));
        let again = sale.goods.sealed_again(5);
        assert_noop!(try_seal(&sale, &again), E::ListingClosed);
    });
}

#[test]
fn the_seal_before_stays_for_its_time_and_a_third_waits_for_it() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        pass(10);
        let second = sale.goods.sealed_again(1);
        assert_ok!(try_seal(&sale, &second));
        let third = sale.goods.sealed_again(2);
        pass(OldSealFor::get() - 1);
        assert_noop!(try_seal(&sale, &third), E::SealTooSoon);
        pass(1);
        assert_ok!(try_seal(&sale, &third));
        let seals: Vec<_> = sale
            .record()
            .seals
            .iter()
            .map(|seal| seal.seal_id)
            .collect();
        assert_eq!(seals, [second.seal_id(), third.seal_id()]);
    });
}

/// Proves the sale's seal bad.
fn spoil(sale: &Sale) {
    let bought = sale.order("victim");
    let other = athanor_content_tree::market::Secret::new([9; 32]);
    sale.reveal_as(sale.wrapped_as(&bought, &other));
    let evidence = athanor_content_tree::market::Evidence::of_key(&bought.b);
    assert_ok!(complain(&bought.buyer, &bought, evidence));
}

#[test]
fn a_bad_seal_makes_room_for_another_at_once() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        pass(10);
        let mut second = sale.clone();
        second.goods = sale.goods.sealed_again(1);
        second.seal();
        spoil(&second);
        assert_noop!(try_seal(&sale, &second.goods), E::SealIsBad);
        let third = sale.goods.sealed_again(2);
        assert_ok!(try_seal(&sale, &third));
        let seals: Vec<_> = sale
            .record()
            .seals
            .iter()
            .map(|seal| seal.seal_id)
            .collect();
        assert_eq!(seals, [sale.goods.seal_id(), third.seal_id()]);
    });
}

#[test]
fn after_a_bad_seal_a_listing_resumes_with_a_new_one_only() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        spoil(&sale);
        let fault = Some(Fault::BadKey);
        assert_eq!(sale.record().status, ListingStatus::Paused { fault });
        let who = signed(&sale.seller);
        assert_noop!(DataMarket::resume(who.clone(), sale.id), E::SealIsBad);
        assert_ok!(try_seal(&sale, &sale.goods.sealed_again(1)));
        assert_ok!(DataMarket::resume(who, sale.id));
        assert_eq!(sale.record().status, ListingStatus::Open);
    });
}

#[test]
fn a_price_changes_for_later_orders() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let thief = account("thief");
        let bought = sale.order("early");
        assert_ok!(DataMarket::set_price(
            signed(&sale.seller),
            sale.id,
            PRICE / 2
        ));
        assert_eq!(Orders::<Test>::get(bought.id).unwrap().price, PRICE);
        let late = sale.order("late");
        assert_eq!(Orders::<Test>::get(late.id).unwrap().price, PRICE / 2);
        assert_noop!(
            DataMarket::set_price(signed(&sale.seller), sale.id, 1),
            E::PriceTooLow
        );
        assert_noop!(
            DataMarket::set_price(signed(&thief), sale.id, PRICE),
            E::NotSeller
        );
        assert_ok!(DataMarket::close(signed(&sale.seller), sale.id));
        assert_noop!(
            DataMarket::set_price(signed(&sale.seller), sale.id, PRICE),
            E::ListingClosed
        );
    });
}

#[test]
fn a_listing_is_paused_resumed_and_closed_for_good() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let (who, id) = (signed(&sale.seller), sale.id);
        assert_noop!(DataMarket::resume(who.clone(), id), E::UnexpectedState);
        assert_ok!(DataMarket::pause(who.clone(), id));
        assert_noop!(DataMarket::pause(who.clone(), id), E::UnexpectedState);
        assert_eq!(
            sale.try_order(&account("buyer"), None).err(),
            Some(E::NotOpen.into())
        );
        assert_ok!(DataMarket::resume(who.clone(), id));
        sale.order("buyer");
        assert_ok!(DataMarket::close(who.clone(), id));
        for again in [
            DataMarket::close(who.clone(), id),
            DataMarket::pause(who.clone(), id),
            DataMarket::resume(who, id),
        ] {
            assert_eq!(again, Err(E::UnexpectedState.into()));
        }
    });
}

#[test]
fn nobody_else_pauses_resumes_closes_or_removes() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let who = signed(&account("thief"));
        assert_noop!(DataMarket::pause(who.clone(), sale.id), E::NotSeller);
        assert_noop!(DataMarket::resume(who.clone(), sale.id), E::NotSeller);
        assert_noop!(DataMarket::close(who.clone(), sale.id), E::NotSeller);
        assert_noop!(DataMarket::remove(who, sale.id), E::NotSeller);
    });
}

#[test]
fn a_removed_listing_leaves_nothing() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let before = held(HoldReason::Deposit, &sale.seller);
        let deposit = sale.record().deposit;
        let pool = Pools::<Test>::get(sale.pool()).unwrap().deposit;
        let who = signed(&sale.seller);
        assert_noop!(DataMarket::remove(who.clone(), sale.id), E::UnexpectedState);
        assert_ok!(DataMarket::close(who.clone(), sale.id));
        assert_ok!(DataMarket::remove(who.clone(), sale.id));
        assert_eq!(
            held(HoldReason::Deposit, &sale.seller),
            before - deposit - pool
        );
        assert!(Pools::<Test>::get(sale.pool()).is_none());
        assert_eq!(Sellers::<Test>::get(&sale.seller).unwrap().listings, 0);
        assert_noop!(DataMarket::remove(who.clone(), sale.id), E::NoSuchListing);
        assert_ok!(DataMarket::deregister(who));
    });
}

#[test]
fn a_listing_with_orders_or_entries_stays() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let who = signed(&sale.seller);
        let friend = poor("friend");
        assert_ok!(DataMarket::allow(
            who.clone(),
            sale.id,
            friend.clone(),
            true
        ));
        let bought = sale.order("buyer");
        assert_ok!(DataMarket::close(who.clone(), sale.id));
        assert_noop!(DataMarket::remove(who.clone(), sale.id), E::HasOrders);
        pass(REVEAL + 1);
        poke(&bought);
        assert_noop!(DataMarket::remove(who.clone(), sale.id), E::HasEntries);
        assert_noop!(DataMarket::deregister(who.clone()), E::HasListings);
        assert_ok!(DataMarket::allow(who.clone(), sale.id, friend, false));
        assert_ok!(DataMarket::remove(who.clone(), sale.id));
        assert_noop!(DataMarket::deregister(who), E::FaultsAreKept);
    });
}

#[test]
fn listings_closed_without_a_sale_are_counted() {
    build_and_execute(|| {
        let unsold = || Sellers::<Test>::get(poor("seller")).unwrap().unsold;
        let first = Sale::honest("seller", PRICE);
        let second = Sale::honest("seller", PRICE);
        second.sell("buyer");
        assert_ok!(DataMarket::close(signed(&second.seller), second.id));
        assert_eq!(unsold(), 0);
        let bought = first.order("buyer");
        first.reveal(&bought);
        assert_ok!(DataMarket::close(signed(&first.seller), first.id));
        assert_eq!(unsold(), 1);
        pass(DISPUTE + 1);
        poke(&bought);
        assert_eq!(unsold(), 0);
    });
}

#[test]
fn only_allowed_accounts_order_from_a_restricted_listing() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 500, 0);
        let mut terms = goods.terms(PRICE);
        terms.restricted = true;
        let sale = Sale::with(goods, terms);
        let (friend, deposits) = (account("friend"), held(HoldReason::Deposit, &who));
        assert_eq!(
            sale.try_order(&friend, None).err(),
            Some(E::NotAllowed.into())
        );
        assert_ok!(DataMarket::allow(
            signed(&who),
            sale.id,
            friend.clone(),
            true
        ));
        let deposit = held(HoldReason::Deposit, &who) - deposits;
        assert_eq!(Allowed::<Test>::get(sale.id, &friend), Some(deposit));
        assert!(deposit > 0);
        sale.order("friend");
        assert_ok!(DataMarket::allow(
            signed(&who),
            sale.id,
            friend.clone(),
            false
        ));
        assert_eq!(held(HoldReason::Deposit, &who), deposits);
    });
}

#[test]
fn allowing_changes_something_and_is_the_sellers() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let (who, friend) = (signed(&sale.seller), poor("friend"));
        let thief = account("thief");
        let allow = |origin, allowed| DataMarket::allow(origin, sale.id, friend.clone(), allowed);
        assert_noop!(allow(signed(&thief), true), E::NotSeller);
        assert_noop!(allow(who.clone(), false), E::NothingToDo);
        assert_ok!(allow(who.clone(), true));
        assert_noop!(allow(who.clone(), true), E::NothingToDo);
        assert_ok!(DataMarket::close(who.clone(), sale.id));
        assert_ok!(allow(who.clone(), false));
        assert_noop!(allow(who, true), E::ListingClosed);
    });
}

#[test]
fn governance_stops_new_orders_and_nothing_else() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("early");
        assert_ok!(DataMarket::freeze(RuntimeOrigin::root(), sale.id, 451));
        assert_eq!(
            events().last(),
            Some(&Event::Frozen {
                listing: sale.id,
                code: 451
            })
        );
        assert_eq!(sale.record().frozen, Some(451));
        assert_eq!(
            sale.try_order(&account("late"), None).err(),
            Some(E::Frozen.into())
        );
        sale.reveal(&bought);
        pass(DISPUTE + 1);
        poke(&bought);
        assert_eq!(sale.record().settled, 1);
        assert_ok!(DataMarket::freeze(RuntimeOrigin::root(), sale.id, 0));
        sale.order("late");
    });
}

#[test]
fn only_governance_freezes_what_there_is() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        for who in [&sale.seller, &account("rival")] {
            assert_noop!(
                DataMarket::freeze(signed(who), sale.id, 1),
                DispatchError::BadOrigin
            );
        }
        assert_noop!(
            DataMarket::freeze(RuntimeOrigin::root(), 9, 1),
            E::NoSuchListing
        );
    });
}

#[test]
fn the_longest_goods_can_be_listed() {
    build_and_execute(|| {
        DataMarket::integrity_test();
        assert!(DataMarket::least_dispute_window(1 << 40) <= MaxDisputeWindow::get());
    });
}
