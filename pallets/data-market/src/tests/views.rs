//! What the view functions show, while it goes on and after it ended.

use super::goods::*;
use crate::{
    mock::*,
    views::{MAX_HOLDERS_SHOWN, MAX_ORDERS_SHOWN},
    *,
};
use athanor_content_tree::market::public_key;
use athanor_primitives::market::{
    Beneficiary, HolderView, ListingTerms, OrderId, OrderState, PoolId, Right,
};
use frame_support::assert_ok;

const PRICE: Balance = 10 * AUR + 7;
const NET: Balance = PRICE - PRICE * 2 / 100;

#[test]
fn an_order_is_shown_with_its_terms_until_it_ends() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale
            .try_order(&account("buyer"), Some(account("friend")))
            .unwrap();
        let shown = DataMarket::order_of(bought.id).unwrap();
        assert_eq!((shown.id, shown.listing), (bought.id, sale.id));
        assert_eq!(shown.seller, sale.seller);
        assert_eq!(shown.buyer, bought.buyer);
        assert_eq!(shown.watch, Some(account("friend")));
        assert_eq!(
            (shown.x_root, shown.length),
            (sale.goods.x_root, sale.goods.len)
        );
        assert_eq!(
            (shown.nonce, shown.z_root),
            (sale.goods.nonce, sale.goods.z_root)
        );
        assert_eq!(
            (shown.h_k, shown.seal_id),
            (sale.goods.h_k(), sale.goods.seal_id())
        );
        assert_eq!((shown.price, shown.fee), (PRICE, PRICE - NET));
        assert_eq!(shown.bond, DataMarket::order_bond(PRICE));
        assert_eq!(shown.right_deposit, DataMarket::right_deposit());
        assert_eq!(shown.buyer_key, public_key(&bought.b));
        assert_eq!(shown.placed_at, System::block_number());
        assert!(!shown.seal_is_bad);
        let until = DataMarket::clock().0 + REVEAL;
        assert_eq!(shown.state, OrderState::Locked { until });

        sale.reveal(&bought);
        let wrapped = sale.wrapped(&bought);
        let until = DataMarket::clock().0 + sale.record().dispute_window;
        assert_eq!(
            DataMarket::order_of(bought.id).unwrap().state,
            OrderState::Revealed {
                until,
                seller_key: wrapped.seller_key,
                wrapped: wrapped.wrapped,
            }
        );
        pass(sale.record().dispute_window + 1);
        poke(&bought);
        assert_eq!(DataMarket::order_of(bought.id), None);
    });
}

#[test]
fn an_order_of_a_seal_proven_bad_says_so() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 40_000, 1).spoilt(|z| z[20_000] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let (awake, asleep) = (sale.order("awake"), sale.order("asleep"));
        sale.reveal(&awake);
        let group = sale.goods.wrong_group(&sale.unwrap(&awake)).unwrap();
        let evidence = sale.goods.evidence(&awake.b, group);
        assert!(!DataMarket::order_of(asleep.id).unwrap().seal_is_bad);
        assert_ok!(complain(&awake.buyer, &awake, evidence));
        assert!(DataMarket::order_of(asleep.id).unwrap().seal_is_bad);
    });
}

#[test]
fn a_sellers_open_orders_come_by_number_and_in_pages() {
    build_and_execute(|| {
        let (one, two) = (Sale::honest("one", PRICE), Sale::honest("two", PRICE));
        let ids = |after, limit| -> Vec<_> {
            DataMarket::open_orders(one.seller.clone(), after, limit)
                .iter()
                .map(|order| order.id)
                .collect()
        };
        assert!(ids(None, 10).is_empty());
        let mut orders = Vec::new();
        for i in 0..5 {
            orders.push(one.order(&format!("buyer{i}")));
            two.order(&format!("buyer{i}"));
        }
        let all: Vec<_> = orders.iter().map(|order| order.id).collect();
        assert_eq!(ids(None, u32::MAX), all);
        assert_eq!(ids(None, 2), all[..2]);
        assert_eq!(ids(Some(all[1]), 2), all[2..4]);
        // The number of an order that is another's, or gone, is a place all the same.
        assert_eq!(ids(Some(all[1] + 1), 10), all[2..]);
        assert_eq!(ids(Some(all[4]), 10), Vec::<OrderId>::new());
        assert_eq!(ids(None, 0), Vec::<OrderId>::new());
        one.reveal(&orders[2]);
        pass(one.record().dispute_window + 1);
        poke(&orders[2]);
        assert_eq!(ids(None, 10), [all[0], all[1], all[3], all[4]]);
        for order in DataMarket::open_orders(one.seller.clone(), None, 10) {
            assert_eq!(Some(&order), DataMarket::order_of(order.id).as_ref());
        }
    });
}

#[test]
fn one_answer_has_a_bound_whatever_is_asked_for() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        assert_ok!(DataMarket::bond(signed(&sale.seller), 1_000 * AUR));
        for i in 0..MAX_ORDERS_SHOWN + 3 {
            sale.order(&format!("buyer{i}"));
        }
        let first = DataMarket::open_orders(sale.seller.clone(), None, u32::MAX);
        assert_eq!(first.len() as u32, MAX_ORDERS_SHOWN);
        let last = first.last().unwrap().id;
        let rest = DataMarket::open_orders(sale.seller, Some(last), u32::MAX);
        assert_eq!(rest.len(), 3);
    });
}

#[test]
fn a_right_is_pending_then_granted_then_gone() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let buyer = account("buyer");
        let right = || DataMarket::right(sale.id, buyer.clone());
        assert_eq!(right(), None);
        let bought = sale.order("buyer");
        assert_eq!(right(), Some(Right::Pending(bought.id)));
        assert_eq!(DataMarket::right(sale.id, account("another")), None);
        assert_eq!(DataMarket::right(sale.id + 1, buyer.clone()), None);
        let wrapped = sale.wrapped(&bought);
        sale.reveal(&bought);
        pass(sale.record().dispute_window + 1);
        poke(&bought);
        let Some(Right::Granted(granted)) = right() else {
            panic!("no right after a sale");
        };
        assert_eq!((granted.order, granted.fee), (bought.id, PRICE - NET));
        assert_eq!(granted.deposit, DataMarket::right_deposit());
        assert_eq!(
            (granted.seller_key, granted.wrapped),
            (wrapped.seller_key, wrapped.wrapped)
        );
        assert!(!granted.rated);
        assert_ok!(DataMarket::rate(signed(&buyer), sale.id, 3));
        assert!(matches!(right(), Some(Right::Granted(granted)) if granted.rated));
        assert_ok!(DataMarket::forget_right(
            signed(&buyer),
            sale.id,
            buyer.clone()
        ));
        assert_eq!(right(), None);
    });
}

#[test]
fn a_refunded_order_leaves_no_right() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        pass(REVEAL + 1);
        poke(&bought);
        assert_eq!(DataMarket::right(sale.id, bought.buyer), None);
        assert_eq!(DataMarket::order_of(bought.id), None);
    });
}

#[test]
fn a_listings_pool_shows_what_each_has_and_can_have() {
    build_and_execute(|| {
        let (who, alice) = (seller("seller"), account("alice"));
        let goods = Goods::new(&who, 100, 1);
        let terms = ListingTerms {
            shares: shares(&[(to(&who), 7_000), (to(&alice), 3_000)]),
            ..goods.terms(PRICE)
        };
        let sale = Sale::with(goods, terms);
        assert_eq!(DataMarket::pool(PoolId::Listing(99)), None);
        sale.sell("buyer");
        let shown = DataMarket::pool(sale.pool()).unwrap();
        assert_eq!((shown.pool, shown.supply), (sale.pool(), 10_000));
        let (sellers, hers) = (NET * 7_000 / 10_000, NET * 3_000 / 10_000);
        assert_eq!((shown.received, shown.claimed), (NET, sellers));
        assert_eq!((shown.closes_at, shown.holder_count), (None, 2));
        let mut holders = shown.holders;
        holders.sort_by_key(|holder| holder.units);
        let holder = |who: &AccountId, units, claimed, claimable| HolderView {
            beneficiary: Beneficiary::Account(who.clone()),
            units,
            claimed,
            claimable,
        };
        assert_eq!(
            holders,
            [
                holder(&alice, 3_000, 0, hers),
                holder(&who, 7_000, sellers, 0)
            ]
        );
        assert_ok!(claim(sale.pool(), &alice));
        assert_eq!(
            DataMarket::pool(sale.pool()).unwrap().claimed,
            sellers + hers
        );
        assert_ok!(DataMarket::close(signed(&who), sale.id));
        assert_ok!(DataMarket::remove(signed(&who), sale.id));
        assert_eq!(DataMarket::pool(sale.pool()), None);
    });
}

#[test]
fn a_campaigns_pool_pays_nothing_before_it_closes_and_shows_a_bounded_part() {
    build_and_execute(|| {
        let who = seller("seller");
        let workers: Vec<_> = (0..MAX_HOLDERS_SHOWN + 2)
            .map(|i| (account(&format!("worker{i}")), 1))
            .collect();
        contribute(5, &who, &workers, 0);
        let campaign = PoolId::Campaign(5);
        assert_eq!(DataMarket::pool(campaign), None);
        for (worker, _) in &workers {
            assert_ok!(DataMarket::enrol(signed(worker), 5));
        }
        let goods = Goods::new(&who, 100, 1);
        let terms = ListingTerms {
            shares: shares(&[(to(&who), 9_000), (Beneficiary::Pool(campaign), 1_000)]),
            ..goods.terms(PRICE)
        };
        let sale = Sale::with(goods, terms);
        sale.sell("buyer");
        let up = Beneficiary::Pool(campaign);
        assert_ok!(DataMarket::claim(signed(&who), sale.pool(), up));
        let shown = DataMarket::pool(campaign).unwrap();
        let all = MAX_HOLDERS_SHOWN + 2;
        assert_eq!((shown.supply, shown.holder_count), (all.into(), all));
        assert_eq!(shown.holders.len() as u32, MAX_HOLDERS_SHOWN);
        assert_eq!(shown.received, NET / 10);
        let closes_at = shown.closes_at.unwrap();
        assert!(closes_at > DataMarket::clock().0);
        assert!(shown.holders.iter().all(|holder| holder.claimable == 0));
        pass(closes_at - DataMarket::clock().0);
        let shown = DataMarket::pool(campaign).unwrap();
        let each = NET / 10 / u128::from(all);
        assert!(shown.holders.iter().all(|holder| holder.claimable == each));
    });
}
