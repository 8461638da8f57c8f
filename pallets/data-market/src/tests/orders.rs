//! Orders: the money table's rows, and what is refused on the way.

use super::goods::*;
use crate::{mock::*, *};
use athanor_content_tree::market::{Evidence, Secret};
use athanor_primitives::market::{
    Fault, Granted, ListingStatus, OrderState, RefundReason, Reveal, Right, SkipReason,
};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use sp_runtime::{DispatchError, TokenError};

type E = Error<Test>;

const PRICE: Balance = 10 * AUR + 19;
const FEE: Balance = PRICE / 50;
const BOND: Balance = PRICE / 10;

fn seller_of(sale: &Sale) -> Seller<AccountId> {
    Sellers::<Test>::get(&sale.seller).unwrap()
}

fn order_of(bought: &Bought) -> Order<AccountId> {
    Orders::<Test>::get(bought.id).unwrap()
}

fn ensure_gone(sale: &Sale, bought: &Bought) {
    assert!(Orders::<Test>::get(bought.id).is_none());
    assert!(!OpenOrders::<Test>::contains_key(&sale.seller, bought.id));
    assert_eq!(held(HoldReason::OrderPrice, &bought.buyer), 0);
    assert_eq!(sale.record().open_orders, 0);
    assert_eq!(seller_of(sale).locked, 0);
    assert_noop!(
        DataMarket::poke(signed(&bought.buyer), bought.id),
        E::NoSuchOrder
    );
}

/// A key that is not the seal's.
fn wrong() -> Secret {
    Secret::new([7; 32])
}

fn refused(sale: &Sale, who: &AccountId, error: E) {
    assert_eq!(
        sale.try_order(who, None).err(),
        Some(DispatchError::from(error))
    );
}

#[test]
fn an_order_holds_the_price_and_locks_bond() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let watch = poor("watch");
        let bought = sale
            .try_order(&account("buyer"), Some(watch.clone()))
            .unwrap();
        assert_eq!(held(HoldReason::OrderPrice, &bought.buyer), PRICE);
        assert_eq!(
            held(HoldReason::Deposit, &bought.buyer),
            DataMarket::right_deposit()
        );
        assert_eq!(seller_of(&sale).locked, BOND);
        let order = order_of(&bought);
        assert_eq!((order.price, order.fee, order.bond), (PRICE, FEE, BOND));
        assert_eq!(order.watch, Some(watch));
        assert_eq!(order.state, OrderState::Locked { until: 1 + REVEAL });
        assert_eq!(
            Rights::<Test>::get(sale.id, &bought.buyer),
            Some(Right::Pending(bought.id))
        );
        assert!(OpenOrders::<Test>::contains_key(&sale.seller, bought.id));
        assert_eq!(
            events().last(),
            Some(&Event::Ordered {
                order: bought.id,
                listing: sale.id,
                buyer: bought.buyer
            })
        );
    });
}

#[test]
fn a_sale_that_stands_pays_seller_and_treasury() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let buyer = account("buyer");
        let before = [&buyer, &sale.seller, &treasury()].map(all_money);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        pass(DISPUTE);
        assert_noop!(DataMarket::poke(signed(&buyer), bought.id), E::TooEarly);
        pass(1);
        events();
        poke(&bought);
        assert_eq!(
            events()[0],
            Event::Settled {
                order: bought.id,
                paid: PRICE,
                fee: FEE
            }
        );
        let after = [&buyer, &sale.seller, &treasury()].map(all_money);
        assert_eq!(after[0], before[0] - PRICE);
        assert_eq!(after[1], before[1] + PRICE - FEE);
        assert_eq!(after[2], before[2] + FEE);
        ensure_gone(&sale, &bought);
        assert_eq!((sale.record().settled, seller_of(&sale).settled), (1, 1));
        let Some(Right::Granted(Granted {
            order,
            at,
            fee,
            deposit,
            context,
            rated,
            ..
        })) = Rights::<Test>::get(sale.id, &buyer)
        else {
            panic!("no right");
        };
        assert_eq!(
            (order, at, fee, rated),
            (bought.id, 2 + DISPUTE, FEE, false)
        );
        assert_eq!(context, *sale.goods.context.as_bytes());
        assert_eq!(held(HoldReason::Deposit, &buyer), deposit);
    });
}

#[test]
fn no_key_in_time_refunds_and_costs_half_the_bond() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let buyer = account("buyer");
        let before = [&buyer, &sale.seller, &treasury()].map(all_money);
        let bought = sale.order("buyer");
        pass(REVEAL);
        assert_noop!(DataMarket::poke(signed(&buyer), bought.id), E::TooEarly);
        pass(1);
        events();
        poke(&bought);
        let after = [&buyer, &sale.seller, &treasury()].map(all_money);
        assert_eq!(after[0], before[0] + PRICE / 100);
        assert_eq!(after[1], before[1] - BOND / 2);
        assert_eq!(after[2], before[2] + BOND / 2 - PRICE / 100);
        ensure_gone(&sale, &bought);
        assert_eq!(held(HoldReason::Deposit, &buyer), 0);
        assert!(Rights::<Test>::get(sale.id, &buyer).is_none());
        let fault = Some(Fault::NotRevealed);
        assert_eq!(sale.record().status, ListingStatus::Paused { fault });
        assert_eq!((sale.record().missed, seller_of(&sale).missed), (1, 1));
        assert_eq!(seller_of(&sale).bonded, 1_000 * AUR - BOND / 2);
        assert_eq!(
            events().last(),
            Some(&Event::Refunded {
                order: bought.id,
                reason: RefundReason::NotRevealed,
                buyer_gets: PRICE / 100,
                watch_gets: 0,
                seller_loses: BOND / 2,
            })
        );
        assert_ok!(DataMarket::resume(signed(&sale.seller), sale.id));
        sale.order("buyer");
    });
}

/// A proven complaint by `who`, and what it moved for buyer, watch, seller and treasury.
fn proven(who: &str) -> [i128; 4] {
    let sale = Sale::honest("seller", PRICE);
    let all = ["buyer", "watch", "seller"].map(account);
    account(who);
    let money = || {
        let [buyer, watch, seller] = &all;
        [buyer, watch, seller, &treasury()].map(|who| all_money(who) as i128)
    };
    let before = money();
    let bought = sale.try_order(&all[0], Some(all[1].clone())).unwrap();
    sale.reveal_as(sale.wrapped_as(&bought, &wrong()));
    events();
    let info = complain(&account(who), &bought, Evidence::of_key(&bought.b)).unwrap();
    assert_eq!(info.pays_fee, Pays::No);
    assert_eq!(
        events()[0],
        Event::SealProvenBad {
            seal_id: sale.goods.seal_id()
        }
    );
    ensure_gone(&sale, &bought);
    assert!(BadSeals::<Test>::contains_key(sale.goods.seal_id()));
    assert_eq!((sale.record().proven, seller_of(&sale).proven), (1, 1));
    assert_eq!(seller_of(&sale).bonded, 1_000 * AUR - BOND);
    let after = money();
    core::array::from_fn(|i| after[i] - before[i])
}

#[test]
fn a_proven_complaint_gives_the_buyer_half_the_bond() {
    build_and_execute(|| {
        let [half, bond] = [BOND / 2, BOND].map(|part| part as i128);
        assert_eq!(proven("buyer"), [half, 0, -bond, bond - half]);
    });
}

#[test]
fn a_watch_that_complains_gets_a_tenth_of_the_bond() {
    build_and_execute(|| {
        let [half, tenth, bond] = [BOND / 2, BOND / 10, BOND].map(|part| part as i128);
        assert_eq!(proven("watch"), [half - tenth, tenth, -bond, bond - half]);
    });
}

#[test]
fn anybody_else_who_complains_gets_nothing() {
    build_and_execute(|| {
        let [half, bond] = [BOND / 2, BOND].map(|part| part as i128);
        assert_eq!(proven("stranger"), [half, 0, -bond, bond - half]);
    });
}

#[test]
fn other_orders_of_a_bad_seal_are_refunded_by_poke_at_once() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let (locked, revealed, caught) = (
            sale.order("locked"),
            sale.order("revealed"),
            sale.order("caught"),
        );
        sale.reveal(&revealed);
        sale.reveal_as(sale.wrapped_as(&caught, &wrong()));
        assert_ok!(complain(
            &caught.buyer,
            &caught,
            Evidence::of_key(&caught.b)
        ));
        for bought in [&locked, &revealed] {
            let before = [&sale.seller, &treasury()].map(all_money);
            events();
            poke(bought);
            assert_eq!(all_money(&bought.buyer), FUNDS + BOND / 2);
            assert_eq!(all_money(&sale.seller), before[0] - BOND);
            assert_eq!(all_money(&treasury()), before[1] + BOND - BOND / 2);
            assert_eq!(
                events().last(),
                Some(&Event::Refunded {
                    order: bought.id,
                    reason: RefundReason::SealProvenBad,
                    buyer_gets: BOND / 2,
                    watch_gets: 0,
                    seller_loses: BOND,
                })
            );
        }
        ensure_gone(&sale, &locked);
        assert_eq!(seller_of(&sale).proven, 3);
    });
}

#[test]
fn a_bad_seal_can_neither_be_revealed_nor_outwaited() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let (locked, asleep, caught) = (
            sale.order("locked"),
            sale.order("asleep"),
            sale.order("caught"),
        );
        sale.reveal(&asleep);
        sale.reveal_as(sale.wrapped_as(&caught, &wrong()));
        assert_ok!(complain(
            &caught.buyer,
            &caught,
            Evidence::of_key(&caught.b)
        ));
        skipped(&sale.seller, sale.wrapped(&locked), SkipReason::SealIsBad);
        pass(DISPUTE + 1);
        poke(&asleep);
        assert_eq!(all_money(&asleep.buyer), FUNDS + BOND / 2);
        poke(&locked);
    });
}

fn skipped(who: &AccountId, item: Reveal, reason: SkipReason) {
    let before = Orders::<Test>::get(item.order);
    events();
    assert_ok!(DataMarket::reveal(
        signed(who),
        vec![item].try_into().unwrap()
    ));
    assert_eq!(
        events(),
        [Event::RevealSkipped {
            order: item.order,
            reason
        }]
    );
    assert_eq!(Orders::<Test>::get(item.order), before);
}

#[test]
fn the_agent_reveals_and_does_nothing_else() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let agent = account("agent");
        let endpoint = b"https://example.org".to_vec().try_into().unwrap();
        assert_ok!(DataMarket::register(
            signed(&sale.seller),
            endpoint,
            Some(agent.clone())
        ));
        let bought = sale.order("buyer");
        let item = sale.wrapped(&bought);
        assert_ok!(DataMarket::reveal(
            signed(&agent),
            vec![item].try_into().unwrap()
        ));
        assert_eq!(
            order_of(&bought).state,
            OrderState::Revealed {
                until: 1 + DISPUTE,
                seller_key: item.seller_key,
                wrapped: item.wrapped,
            }
        );
        assert_noop!(DataMarket::pause(signed(&agent), sale.id), E::NotSeller);
        assert_noop!(DataMarket::unbond(signed(&agent), 1), E::NotRegistered);
    });
}

#[test]
fn each_key_stands_alone() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let (first, second) = (sale.order("first"), sale.order("second"));
        let nowhere = Reveal {
            order: 99,
            ..sale.wrapped(&first)
        };
        events();
        assert_ok!(DataMarket::reveal(
            signed(&sale.seller),
            vec![sale.wrapped(&first), nowhere, sale.wrapped(&second)]
                .try_into()
                .unwrap()
        ));
        assert_eq!(
            events(),
            [
                Event::Revealed { order: first.id },
                Event::RevealSkipped {
                    order: 99,
                    reason: SkipReason::NoSuchOrder
                },
                Event::Revealed { order: second.id },
            ]
        );
    });
}

#[test]
fn keys_of_others_again_and_too_late_are_skipped() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        let item = sale.wrapped(&bought);
        skipped(&seller("rival"), item, SkipReason::NotSeller);
        let late = sale.order("late");
        pass(REVEAL);
        sale.reveal(&bought);
        skipped(&sale.seller, item, SkipReason::AlreadyRevealed);
        pass(1);
        skipped(&sale.seller, sale.wrapped(&late), SkipReason::TooLate);
    });
}

#[test]
fn reveal_and_refund_are_never_valid_at_once() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        for _ in 0..REVEAL {
            assert_noop!(
                DataMarket::poke(signed(&bought.buyer), bought.id),
                E::TooEarly
            );
            pass(1);
        }
        assert_noop!(
            DataMarket::poke(signed(&bought.buyer), bought.id),
            E::TooEarly
        );
        pass(1);
        skipped(&sale.seller, sale.wrapped(&bought), SkipReason::TooLate);
        poke(&bought);
    });
}

#[test]
fn a_complaint_has_its_time_and_state() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        let evidence = Evidence::of_key(&bought.b);
        assert_noop!(
            complain(&bought.buyer, &bought, evidence.clone()),
            E::UnexpectedState
        );
        sale.reveal_as(sale.wrapped_as(&bought, &wrong()));
        pass(DISPUTE + 1);
        assert_noop!(
            complain(&bought.buyer, &bought, evidence.clone()),
            E::TooLate
        );
        poke(&bought);
        assert_noop!(complain(&bought.buyer, &bought, evidence), E::NoSuchOrder);
    });
}

#[test]
fn a_complaint_in_the_last_block_counts() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        sale.reveal_as(sale.wrapped_as(&bought, &wrong()));
        pass(DISPUTE);
        assert_ok!(complain(
            &bought.buyer,
            &bought,
            Evidence::of_key(&bought.b)
        ));
    });
}

#[test]
fn a_complaint_about_nothing_is_refused_and_pays() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        let other = Evidence::of_key(&Secret::new([1; 32]));
        for (evidence, error) in [
            (Evidence::of_key(&bought.b), E::NotProven),
            (sale.goods.evidence(&bought.b, 2), E::NotProven),
            (other, E::NotThisOrdersKey),
        ] {
            let refused = complain(&bought.buyer, &bought, evidence).unwrap_err();
            assert_eq!(refused.error, DispatchError::from(error));
            assert_eq!(refused.post_info.pays_fee, Pays::Yes);
        }
        let mut stranger = sale.goods.evidence(&bought.b, 0);
        group(&mut stranger).x_cv = [0; 32];
        assert_noop!(complain(&bought.buyer, &bought, stranger), E::NotOfGoods);
        let mut other = sale.goods.evidence(&bought.b, 0);
        group(&mut other).z_group[0] ^= 1;
        assert_noop!(complain(&bought.buyer, &bought, other), E::NotOfCiphertext);
        let mut short = sale.goods.evidence(&bought.b, 0);
        group(&mut short).z_path.pop();
        assert_noop!(
            complain(&bought.buyer, &bought, short),
            E::MalformedEvidence
        );
    });
}

#[test]
fn what_cannot_be_ordered_is_not() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let buyer = account("buyer");
        refused(&sale, &sale.seller, E::IsSeller);
        let seal_id = sale.goods.seal_id();
        let order = |listing, seal_id, max_price| {
            DataMarket::order(signed(&buyer), listing, seal_id, max_price, [1; 32], None)
        };
        assert_noop!(order(9, seal_id, PRICE), E::NoSuchListing);
        assert_noop!(order(sale.id, [0; 32], PRICE), E::NotOffered);
        assert_noop!(order(sale.id, seal_id, PRICE - 1), E::PriceTooHigh);
        assert_ok!(DataMarket::set_price(signed(&sale.seller), sale.id, 0));
        assert_noop!(order(sale.id, seal_id, PRICE), E::IsFree);
        let bare = list(&sale.seller, sale.goods.terms(PRICE));
        assert_noop!(order(bare, seal_id, PRICE), E::NoSeal);
    });
}

#[test]
fn without_the_money_nobody_orders() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let buyer = account("buyer");
        give(&buyer, &treasury(), free(&buyer) - PRICE);
        assert_eq!(
            sale.try_order(&buyer, None).err(),
            Some(TokenError::FundsUnavailable.into())
        );
        assert_eq!(seller_of(&sale).locked, 0);
    });
}

#[test]
fn one_order_or_right_for_each_buyer_and_listing() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let buyer = account("buyer");
        let bought = sale.order("buyer");
        refused(&sale, &buyer, E::AlreadyBought);
        sale.reveal(&bought);
        pass(DISPUTE + 1);
        poke(&bought);
        refused(&sale, &buyer, E::AlreadyBought);
        assert_ok!(DataMarket::forget_right(
            signed(&buyer),
            sale.id,
            buyer.clone()
        ));
        sale.order("buyer");
    });
}

#[test]
fn bond_is_locked_for_each_order_and_free_again_after_it() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let who = signed(&sale.seller);
        assert_ok!(DataMarket::unbond(who.clone(), 1_000 * AUR - 2 * BOND));
        let (first, second) = (sale.order("first"), sale.order("second"));
        refused(&sale, &account("third"), E::SellerAtCapacity);
        assert_noop!(DataMarket::unbond(who.clone(), 1), E::BondIsLocked);
        sale.reveal(&first);
        sale.reveal(&second);
        pass(DISPUTE + 1);
        poke(&first);
        sale.order("third");
        refused(&sale, &account("fourth"), E::SellerAtCapacity);
        poke(&second);
        assert_ok!(DataMarket::unbond(who, BOND));
    });
}

#[test]
fn the_old_seal_is_sold_for_its_time() {
    build_and_execute(|| {
        let old = Sale::honest("seller", PRICE);
        pass(5);
        let mut new = old.clone();
        new.goods = old.goods.sealed_again(1);
        new.seal();
        let (early, fresh) = (old.order("early"), new.order("fresh"));
        assert_eq!(order_of(&early).seal.seal_id, old.goods.seal_id());
        assert_eq!(order_of(&fresh).seal.seal_id, new.goods.seal_id());
        pass(OldSealFor::get() - 1);
        old.order("slow");
        pass(1);
        refused(&old, &account("late"), E::NotOffered);
        new.order("late");
    });
}

#[test]
fn a_bad_seal_is_not_sold_by_a_listing_that_goes_on() {
    build_and_execute(|| {
        let old = Sale::honest("seller", PRICE);
        let mut new = old.clone();
        new.goods = old.goods.sealed_again(1);
        new.seal();
        let bought = old.order("victim");
        old.reveal_as(old.wrapped_as(&bought, &wrong()));
        assert_ok!(complain(
            &bought.buyer,
            &bought,
            Evidence::of_key(&bought.b)
        ));
        assert_ok!(DataMarket::resume(signed(&old.seller), old.id));
        refused(&old, &account("buyer"), E::SealIsBad);
        new.order("buyer");
    });
}

#[test]
fn nothing_a_seller_does_to_a_listing_touches_an_order() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        let before = order_of(&bought);
        let who = signed(&sale.seller);
        assert_ok!(DataMarket::set_price(who.clone(), sale.id, 99 * AUR));
        sale.goods.sealed_again(1);
        assert_ok!(DataMarket::close(who, sale.id));
        assert_ok!(DataMarket::freeze(RuntimeOrigin::root(), sale.id, 3));
        assert_eq!(order_of(&bought), before);
        sale.reveal(&bought);
        assert_eq!(sale.unwrap(&bought), sale.goods.key);
    });
}

#[test]
fn frozen_money_and_missing_payees_stop_no_end() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let (stands, missed) = (sale.order("buyer"), sale.order("sleeper"));
        for who in [&stands.buyer, &missed.buyer, &sale.seller] {
            freeze_all(who);
        }
        sale.reveal(&stands);
        pass(DISPUTE + 1);
        let before = all_money(&sale.seller);
        poke(&stands);
        poke(&missed);
        assert_eq!(all_money(&sale.seller), before + PRICE - FEE - BOND / 2);
        assert_eq!(all_money(&stands.buyer), FUNDS - PRICE);
    });
}

#[test]
fn the_smallest_price_has_the_least_bond_and_conserves() {
    build_and_execute(|| {
        let price = AUR / 100;
        let bond = DataMarket::order_bond(price);
        assert!(bond > price);
        let sale = Sale::honest("seller", price);
        let before = [&sale.seller, &treasury()].map(all_money);
        let bought = sale.order("buyer");
        pass(REVEAL + 1);
        poke(&bought);
        assert_eq!(all_money(&bought.buyer), FUNDS + price / 100);
        assert_eq!(all_money(&sale.seller), before[0] - bond / 2);
        assert_eq!(all_money(&treasury()), before[1] + bond / 2 - price / 100);
    });
}
