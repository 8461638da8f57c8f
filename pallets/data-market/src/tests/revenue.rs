//! Revenue of a thousand sales, shared by people, parents and contributors, claimed in any order.

use super::goods::*;
use crate::{
    mock::{self, *},
    *,
};
use athanor_primitives::market::{Beneficiary, ListingTerms, PoolId};
use frame_support::assert_ok;
use std::collections::BTreeMap;

const SALES: u32 = 1_000;
const WORKERS: u32 = 200;
const CAMPAIGN: PoolId = PoolId::Campaign(1);

/// Who may claim what, and what a claim of all comes to: by plain sums over the whole of the sales.
struct Due {
    accounts: BTreeMap<(PoolId, AccountId), Balance>,
    hops: Vec<(PoolId, PoolId)>,
}

fn units_of_accounts() -> [u32; 8] {
    [2_131, 1_777, 1_013, 877, 601, 307, 211, 83]
}

fn workers() -> Vec<(AccountId, u32)> {
    (0..WORKERS)
        .map(|i| {
            (
                account(&format!("worker{i}")),
                1 + dice((i, "answers")) % 4_000,
            )
        })
        .collect()
}

/// The prices of the child's sales, and of one parent's.
fn price(sale: u32) -> Balance {
    AUR / 2 + Balance::from(dice((sale, "price"))) * 211
}

fn net(price: Balance) -> Balance {
    price - price * 2 / 100
}

fn list_with(name: &str, parts: &[(Beneficiary<AccountId>, u32)], derive: Option<u32>) -> Sale {
    let who = seller(name);
    let goods = Goods::new(&who, 100, NextListingId::<Test>::get() as u32);
    let terms = ListingTerms {
        shares: shares(parts),
        derive,
        ..goods.terms(AUR)
    };
    Sale::with(goods, terms)
}

fn of(name: &str, units: u32) -> (Beneficiary<AccountId>, u32) {
    (to(&account(name)), units)
}

fn order_at(sale: &Sale, name: &str, price: Balance) -> Bought {
    assert_ok!(DataMarket::set_price(signed(&sale.seller), sale.id, price));
    sale.order(name)
}

/// Reveals them all, 64 at a time.
fn reveal_all(sale: &Sale, bought: &[Bought]) {
    for some in bought.chunks(64) {
        let items: Vec<_> = some.iter().map(|bought| sale.wrapped(bought)).collect();
        assert_ok!(DataMarket::reveal(
            signed(&sale.seller),
            items.try_into().unwrap()
        ));
    }
}

fn shuffled<T>(mut all: Vec<T>, seed: u32) -> Vec<T> {
    for i in (1..all.len()).rev() {
        all.swap(i, dice((seed, i as u32, "shuffle")) as usize % (i + 1));
    }
    all
}

/// Claims that may have nothing to pay yet.
fn claim_some(due: &Due, seed: u32, count: usize) {
    let accounts = due
        .accounts
        .keys()
        .map(|(pool, who)| (*pool, to(who)))
        .collect::<Vec<_>>();
    let hops = due
        .hops
        .iter()
        .map(|(child, parent)| (*child, Beneficiary::Pool(*parent)));
    // Hops more often, or little would come up before the end.
    let all = hops.clone().chain(hops).chain(accounts).collect::<Vec<_>>();
    for (pool, beneficiary) in shuffled(all, seed).into_iter().take(count) {
        let claimable = DataMarket::claimable(pool, beneficiary.clone());
        let result = DataMarket::claim(signed(&account("poker")), pool, beneficiary);
        assert_eq!(result.is_ok(), claimable > 0);
    }
}

/// All sales, with claims in between by this seed; 0: none before the end. Gives what everybody
/// got.
fn run(seed: u32) -> BTreeMap<AccountId, Balance> {
    let mut got = BTreeMap::new();
    build_and_execute(|| {
        let first = list_with("first", &[of("first", 6_999), of("ann", 3_001)], Some(450));
        let second = list_with(
            "second",
            &[of("second", 3_334), of("ben", 3_333), of("cleo", 3_333)],
            None,
        );
        assert_ok!(DataMarket::invite(
            signed(&second.seller),
            second.id,
            account("seller"),
            true
        ));
        let workers = workers();
        mock::contribute(1, &account("seller"), &workers, 5);
        let mut parts: Vec<_> = units_of_accounts()
            .iter()
            .enumerate()
            .map(|(i, units)| of(&format!("split{i}"), *units))
            .collect();
        let pools = [(first.pool(), 450), (second.pool(), 873), (CAMPAIGN, 1_677)];
        parts.extend(pools.map(|(pool, units)| (Beneficiary::Pool(pool), units)));
        assert_eq!(parts.iter().map(|part| part.1).sum::<u32>(), 10_000);
        let child = list_with("seller", &parts, None);

        // What all comes to in the end.
        let all: Balance = (0..SALES).map(|sale| net(price(sale))).sum();
        let own: Balance = (0..SALES / 10).map(|sale| net(price(sale + SALES))).sum();
        let share = |received: Balance, units: u32, supply: u32| {
            received * Balance::from(units) / Balance::from(supply)
        };
        let mut due = Due {
            accounts: BTreeMap::new(),
            hops: pools.map(|(pool, _)| (child.pool(), pool)).into(),
        };
        let mut owes = |pool, name: &str, amount| {
            due.accounts.insert((pool, account(name)), amount);
        };
        for (i, units) in units_of_accounts().into_iter().enumerate() {
            owes(
                child.pool(),
                &format!("split{i}"),
                share(all, units, 10_000),
            );
        }
        let at_first = share(all, 450, 10_000) + own;
        owes(first.pool(), "first", share(at_first, 6_999, 10_000));
        owes(first.pool(), "ann", share(at_first, 3_001, 10_000));
        let at_second = share(all, 873, 10_000);
        owes(second.pool(), "second", share(at_second, 3_334, 10_000));
        owes(second.pool(), "ben", share(at_second, 3_333, 10_000));
        owes(second.pool(), "cleo", share(at_second, 3_333, 10_000));
        let at_campaign = share(all, 1_677, 10_000);
        let supply: u32 = workers.iter().map(|(_, answers)| answers).sum();
        for (i, (_, answers)) in workers.iter().enumerate() {
            owes(
                CAMPAIGN,
                &format!("worker{i}"),
                share(at_campaign, *answers, supply),
            );
        }

        // Half of the workers enrol before the first sale, the others later, but in time.
        let (early, late) = workers.split_at(WORKERS as usize / 2);
        for (worker, _) in early {
            assert_ok!(DataMarket::enrol(signed(worker), 1));
        }
        let deposit_of = |who: &AccountId| held(HoldReason::Deposit, who);
        let mut before: BTreeMap<AccountId, Balance> = due
            .accounts
            .keys()
            .map(|(_, who)| (who.clone(), all_money(who)))
            .collect();

        for round in 0..10 {
            let each = SALES / 10;
            let sales = round * each..(round + 1) * each;
            let bought: Vec<_> = sales
                .map(|sale| order_at(&child, &format!("buyer{sale}"), price(sale)))
                .collect();
            let here = SALES + round * each / 10;
            let parents: Vec<_> = (here..here + each / 10)
                .map(|sale| order_at(&first, &format!("other{sale}"), price(sale)))
                .collect();
            reveal_all(&child, &bought);
            reveal_all(&first, &parents);
            if round == 4 {
                for (worker, _) in late {
                    assert_ok!(DataMarket::enrol(signed(worker), 1));
                }
            }
            pass(DISPUTE + 1);
            for bought in bought.iter().chain(&parents) {
                poke(bought);
            }
            if seed > 0 {
                claim_some(&due, seed * 100 + round, 40);
            }
        }
        if let Some(closes_at) = Pools::<Test>::get(CAMPAIGN).unwrap().closes_at {
            pass(closes_at.saturating_sub(DataMarket::now()));
        }
        // The seller of a listing has his at once; `first` sells too.
        for hop in shuffled(due.hops.clone(), seed) {
            if DataMarket::claimable(hop.0, Beneficiary::Pool(hop.1)) > 0 {
                assert_ok!(DataMarket::claim(
                    signed(&account("poker")),
                    hop.0,
                    Beneficiary::Pool(hop.1)
                ));
            }
        }
        let holders: Vec<_> = due.accounts.keys().cloned().collect();
        for (pool, who) in shuffled(holders, seed + 1) {
            if DataMarket::claimable(pool, to(&who)) > 0 {
                assert_ok!(claim(pool, &who));
            }
        }

        for ((pool, who), amount) in &due.accounts {
            let before = before.remove(who).unwrap();
            let paid = all_money(who) - before;
            assert_eq!(paid, *amount, "{who} of {pool:?}");
            assert!(paid > 0);
            got.insert(who.clone(), paid);
            assert_eq!(DataMarket::claimable(*pool, to(who)), 0);
        }
        assert!(workers.iter().all(|(who, _)| deposit_of(who) > 0));
        // Less than a unit for each holder is left.
        let dust = all_money(&DataMarket::pot()) - ED;
        let holders = due.accounts.len() + due.hops.len();
        assert!(dust < holders as Balance, "{dust}");
        assert_eq!(dust + got.values().sum::<Balance>(), all + own);
    });
    got
}

#[test]
fn a_thousand_sales_pay_everybody_the_right_amount_whatever_the_order_of_claims() {
    let first = run(0);
    assert_eq!(first.len(), 8 + 5 + WORKERS as usize);
    for seed in 1..5 {
        assert_eq!(run(seed), first, "{seed}");
    }
}
