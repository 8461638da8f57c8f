//! Pools: parts to the unit, consent, campaigns, and what remains.

use super::goods::*;
use crate::{
    mock::{self, *},
    pools::entitled,
    *,
};
use athanor_primitives::market::{Beneficiary, ListingTerms, PoolId, LISTING_UNITS};
use frame_support::{assert_noop, assert_ok};
use proptest::prelude::*;
use sp_core::U512;

type E = Error<Test>;

const PRICE: Balance = 10 * AUR + 7;
const NET: Balance = PRICE - PRICE * 2 / 100;

fn campaign_pool(id: u64) -> PoolId {
    PoolId::Campaign(id)
}

/// Sells once what has these shares.
fn sold(parts: &[(Beneficiary<AccountId>, u32)]) -> Sale {
    let sale = listed(parts);
    sale.sell("buyer");
    sale
}

fn listed(parts: &[(Beneficiary<AccountId>, u32)]) -> Sale {
    try_list("seller", parts, None).unwrap()
}

fn try_list(
    name: &str,
    parts: &[(Beneficiary<AccountId>, u32)],
    derive: Option<u32>,
) -> Result<Sale, sp_runtime::DispatchError> {
    let who = seller(name);
    let id = NextListingId::<Test>::get();
    let goods = Goods::new(&who, 100, id as u32);
    let terms = ListingTerms {
        shares: shares(parts),
        derive,
        ..goods.terms(PRICE)
    };
    DataMarket::list(signed(&who), terms)?;
    let sale = Sale {
        goods,
        seller: who,
        id,
    };
    sale.seal();
    Ok(sale)
}

fn part(name: &str, units: u32) -> (Beneficiary<AccountId>, u32) {
    (to(&account(name)), units)
}

fn pool_part(pool: PoolId, units: u32) -> (Beneficiary<AccountId>, u32) {
    (Beneficiary::Pool(pool), units)
}

fn up(child: PoolId, parent: PoolId) -> sp_runtime::DispatchResult {
    DataMarket::claim(signed(&account("poker")), child, Beneficiary::Pool(parent))
}

proptest! {
    #[test]
    fn a_part_is_that_of_whole_numbers(
        received: u128,
        supply in 1u64..,
        units: u32,
    ) {
        let units = u32::try_from(u64::from(units).min(supply)).unwrap();
        let whole = U512::from(received) * U512::from(units) / U512::from(supply);
        prop_assert_eq!(U512::from(entitled(received, units, supply)), whole);
    }

    /// Whatever comes in between, and whoever claims when: claims sum to the part of all, and less
    /// than a unit for each holder is left.
    #[test]
    fn claims_in_any_order_give_the_same(
        units in prop::collection::vec(1u32..=u32::MAX, 1..12),
        steps in prop::collection::vec((0u128..1u128 << 90, any::<u16>()), 1..60),
    ) {
        let supply: u64 = units.iter().map(|units| u64::from(*units)).sum();
        let mut claimed = vec![0u128; units.len()];
        let mut received = 0;
        for (amount, who) in steps {
            received += amount;
            let who = usize::from(who) % units.len();
            claimed[who] += entitled(received, units[who], supply) - claimed[who];
        }
        for (claimed, units) in claimed.iter_mut().zip(&units) {
            *claimed += entitled(received, *units, supply) - *claimed;
            prop_assert_eq!(*claimed, entitled(received, *units, supply));
        }
        let sum: u128 = claimed.iter().sum();
        prop_assert!(sum <= received && received - sum < units.len() as u128);
    }
}

#[test]
fn units_that_are_no_part_of_the_supply_get_nothing() {
    assert_eq!(entitled(100, 1, 0), 0);
    assert_eq!(entitled(100, 2, 1), 0);
    assert_eq!(entitled(u128::MAX, u32::MAX, u32::MAX.into()), u128::MAX);
    assert_eq!(
        entitled(u128::MAX, 1, u64::MAX),
        u128::MAX / u128::from(u64::MAX)
    );
}

#[test]
fn everybody_claims_his_part_and_the_seller_has_his_at_once() {
    build_and_execute(|| {
        let (alice, bob, who) = (account("alice"), account("bob"), seller("seller"));
        let sale = listed(&[part("seller", 7_001), part("alice", 2_999)]);
        let before = (all_money(&alice), all_money(&who));
        sale.sell("buyer");
        assert_eq!(all_money(&who), before.1 + NET * 7_001 / 10_000);
        assert_eq!(all_money(&alice), before.0);
        let due = NET * 2_999 / 10_000;
        assert_eq!(DataMarket::claimable(sale.pool(), to(&alice)), due);
        assert_ok!(claim(sale.pool(), &alice));
        assert_eq!(all_money(&alice), before.0 + due);
        System::assert_last_event(
            Event::Claimed {
                pool: sale.pool(),
                beneficiary: to(&alice),
                amount: due,
            }
            .into(),
        );
        assert_noop!(claim(sale.pool(), &alice), E::NothingToClaim);
        assert_noop!(claim(sale.pool(), &who), E::NothingToClaim);
        assert_noop!(claim(sale.pool(), &bob), E::NoSuchHolder);
        assert_noop!(claim(PoolId::Listing(99), &alice), E::NoSuchPool);
        assert_eq!(DataMarket::claimable(sale.pool(), to(&bob)), 0);
        assert_eq!(DataMarket::claimable(PoolId::Listing(99), to(&alice)), 0);
    });
}

#[test]
fn shares_that_are_none_are_refused() {
    build_and_execute(|| {
        let parent = try_list("parent", &[part("parent", LISTING_UNITS)], Some(1)).unwrap();
        seller("seller");
        let refused = |parts: &[(Beneficiary<AccountId>, u32)], error: E| {
            let id = NextListingId::<Test>::get();
            let goods = Goods::new(&account("seller"), 100, 1);
            let terms = ListingTerms {
                shares: shares(parts),
                ..goods.terms(PRICE)
            };
            assert_noop!(DataMarket::list(signed(&account("seller")), terms), error);
            assert_eq!(NextListingId::<Test>::get(), id);
        };
        refused(&[], E::BadShares);
        refused(&[part("a", 9_999)], E::BadShares);
        refused(&[part("a", 10_001)], E::BadShares);
        refused(&[part("a", u32::MAX), part("b", 10_001)], E::BadShares);
        refused(&[part("a", 10_000), part("b", 0)], E::BadShares);
        refused(&[part("a", 5_000), part("a", 5_000)], E::BadShares);
        refused(&[(to(&DataMarket::pot()), 10_000)], E::BadShares);
        let nine: Vec<_> = (0..9)
            .map(|i| part(&format!("p{i}"), if i == 0 { 2_000 } else { 1_000 }))
            .collect();
        refused(&nine, E::BadShares);
        refused(
            &[part("a", 6_999), pool_part(parent.pool(), 3_001)],
            E::TooManyUnitsToPools,
        );
        refused(
            &[
                part("a", 9_000),
                pool_part(parent.pool(), 500),
                pool_part(parent.pool(), 500),
            ],
            E::BadShares,
        );
        refused(
            &[part("a", 9_000), pool_part(PoolId::Listing(77), 1_000)],
            E::NoSuchPool,
        );
        // A pool of its own.
        let next = PoolId::Listing(NextListingId::<Test>::get());
        refused(&[part("a", 9_000), pool_part(next, 1_000)], E::NoSuchPool);
        refused(
            &[part("a", 9_000), pool_part(campaign_pool(3), 1_000)],
            E::CampaignNotSettled,
        );
        assert_eq!(Pools::<Test>::get(parent.pool()).unwrap().children, 0);
    });
}

#[test]
fn a_parents_part_goes_up_by_hops_and_is_split_again() {
    build_and_execute(|| {
        let top = try_list("top", &[part("top", 6_000), part("ann", 4_000)], Some(100)).unwrap();
        let middle = try_list(
            "middle",
            &[part("middle", 9_000), pool_part(top.pool(), 1_000)],
            Some(500),
        )
        .unwrap();
        let low = listed(&[part("seller", 7_500), pool_part(middle.pool(), 2_500)]);
        low.sell("buyer");
        let ann = account("ann");
        let before = all_money(&ann);
        let pot = all_money(&DataMarket::pot());
        assert_noop!(claim(top.pool(), &ann), E::NothingToClaim);
        assert_noop!(up(middle.pool(), top.pool()), E::NothingToClaim);
        assert_ok!(up(low.pool(), middle.pool()));
        assert_ok!(up(middle.pool(), top.pool()));
        assert_eq!(all_money(&DataMarket::pot()), pot);
        assert_ok!(claim(top.pool(), &ann));
        let at_middle = NET * 2_500 / 10_000;
        let at_top = at_middle * 1_000 / 10_000;
        assert_eq!(all_money(&ann), before + at_top * 4_000 / 10_000);
        assert_noop!(up(low.pool(), middle.pool()), E::NothingToClaim);
        assert_noop!(up(low.pool(), top.pool()), E::NoSuchHolder);
    });
}

#[test]
fn consent_is_an_offer_an_invitation_or_ones_own() {
    build_and_execute(|| {
        let offers = try_list("parent", &[part("parent", LISTING_UNITS)], Some(500)).unwrap();
        let silent = try_list("parent", &[part("parent", LISTING_UNITS)], None).unwrap();
        let derive = |parent: &Sale, units: u32| {
            let parts = [
                part("seller", LISTING_UNITS - units),
                pool_part(parent.pool(), units),
            ];
            try_list("seller", &parts, None).map(drop)
        };
        let refused = Err(E::NoConsent.into());
        assert_eq!(derive(&offers, 499), refused);
        assert_ok!(derive(&offers, 500));
        assert_eq!(derive(&silent, 3_000), refused);
        let invite = |listing, invited| {
            DataMarket::invite(
                signed(&account("parent")),
                listing,
                account("seller"),
                invited,
            )
        };
        let deposits = held(HoldReason::Deposit, &account("parent"));
        assert_ok!(invite(silent.id, true));
        assert_noop!(invite(silent.id, true), E::NothingToDo);
        assert!(held(HoldReason::Deposit, &account("parent")) > deposits);
        assert_ok!(derive(&silent, 1));
        assert_ok!(invite(silent.id, false));
        assert_eq!(held(HoldReason::Deposit, &account("parent")), deposits);
        assert_noop!(invite(silent.id, false), E::NothingToDo);
        assert_eq!(derive(&silent, 1), refused);
        let (who, other) = (signed(&account("seller")), account("b"));
        assert_noop!(
            DataMarket::invite(who, silent.id, other, true),
            E::NotSeller
        );
        let own = try_list(
            "parent",
            &[part("parent", 9_999), pool_part(silent.pool(), 1)],
            None,
        );
        assert!(own.is_ok());
        assert_eq!(Pools::<Test>::get(silent.pool()).unwrap().children, 2);
    });
}

/// A campaign of these workers' answers, settled for so long.
fn contribute(answers: &[u32], settled_for: u32) -> Vec<AccountId> {
    let workers: Vec<_> = (0..answers.len())
        .map(|i| account(&format!("worker{i}")))
        .collect();
    let pairs: Vec<_> = workers
        .iter()
        .cloned()
        .zip(answers.iter().copied())
        .collect();
    mock::contribute(1, &account("seller"), &pairs, settled_for);
    workers
}

fn enrol(who: &AccountId) -> sp_runtime::DispatchResult {
    DataMarket::enrol(signed(who), 1)
}

#[test]
fn workers_enrol_until_the_pool_closes_and_share_all_since_the_first_sale() {
    build_and_execute(|| {
        let workers = contribute(&[5, 3, 0, 9], 10);
        seller("seller");
        let sale = sold(&[part("seller", 8_000), pool_part(campaign_pool(1), 2_000)]);
        assert_ok!(enrol(&workers[0]));
        assert_ok!(enrol(&workers[1]));
        assert_noop!(enrol(&workers[0]), E::AlreadyEnrolled);
        assert_noop!(enrol(&workers[2]), E::NothingToEnrol);
        assert_noop!(
            DataMarket::enrol(signed(&workers[0]), 2),
            E::CampaignNotSettled
        );
        assert_ok!(up(sale.pool(), campaign_pool(1)));
        assert_noop!(claim(campaign_pool(1), &workers[0]), E::PoolNotOpen);
        assert_eq!(DataMarket::claimable(campaign_pool(1), to(&workers[0])), 0);
        let closes_at = Pools::<Test>::get(campaign_pool(1))
            .unwrap()
            .closes_at
            .unwrap();
        pass(closes_at - DataMarket::now());
        assert_noop!(enrol(&workers[3]), E::EnrolmentClosed);
        let all = NET * 2_000 / 10_000;
        for (worker, units) in [(&workers[0], 5), (&workers[1], 3)] {
            let before = all_money(worker);
            assert_ok!(claim(campaign_pool(1), worker));
            assert_eq!(all_money(worker), before + all * units / 8);
        }
    });
}

#[test]
fn a_campaigns_time_to_enrol_runs_from_its_settlement() {
    build_and_execute(|| {
        let workers = contribute(&[1], EnrolFor::get());
        assert_noop!(enrol(&workers[0]), E::EnrolmentClosed);
        contribute(&[1], EnrolFor::get() - 1);
        assert_ok!(enrol(&workers[0]));
        let pool = Pools::<Test>::get(campaign_pool(1)).unwrap();
        assert_eq!(pool.closes_at, Some(DataMarket::now() + 1));
        pass(1);
        // It is closed but known; listings may still name it.
        let ok = try_list(
            "seller",
            &[part("seller", 9_000), pool_part(campaign_pool(1), 1_000)],
            None,
        );
        assert!(ok.is_ok());
    });
}

#[test]
fn only_its_requester_sells_in_a_campaigns_name() {
    build_and_execute(|| {
        contribute(&[1], 0);
        let parts = [part("other", 9_000), pool_part(campaign_pool(1), 1_000)];
        assert_eq!(
            try_list("other", &parts, None).map(drop),
            Err(E::NoConsent.into())
        );
        assert!(!Pools::<Test>::contains_key(campaign_pool(1)));
        assert!(try_list("seller", &parts, None).is_ok());
    });
}

#[test]
fn what_nobody_enrolled_for_is_the_treasurys() {
    build_and_execute(|| {
        let workers = contribute(&[4], 0);
        let sale = sold(&[part("seller", 8_000), pool_part(campaign_pool(1), 2_000)]);
        assert_ok!(up(sale.pool(), campaign_pool(1)));
        pass(EnrolFor::get());
        assert_noop!(enrol(&workers[0]), E::EnrolmentClosed);
        assert_noop!(claim(campaign_pool(1), &workers[0]), E::NoSuchHolder);
        let before = all_money(&treasury());
        let due = NET * 2_000 / 10_000;
        assert_eq!(
            DataMarket::claimable(campaign_pool(1), to(&treasury())),
            due
        );
        assert_ok!(claim(campaign_pool(1), &treasury()));
        assert_eq!(all_money(&treasury()), before + due);
        assert_noop!(claim(campaign_pool(1), &treasury()), E::NothingToClaim);
        // Nobody is left to sell for.
        let parts = [part("seller", 9_000), pool_part(campaign_pool(1), 1_000)];
        assert_eq!(
            try_list("seller", &parts, None).map(drop),
            Err(E::NoSuchPool.into())
        );
    });
}

fn remove(sale: &Sale) {
    assert_ok!(DataMarket::close(signed(&sale.seller), sale.id));
    assert_ok!(DataMarket::remove(signed(&sale.seller), sale.id));
}

#[test]
fn a_pool_without_money_ends_with_its_listing() {
    build_and_execute(|| {
        let sale = listed(&[part("seller", LISTING_UNITS)]);
        remove(&sale);
        assert!(!Pools::<Test>::contains_key(sale.pool()));
        assert_eq!(Holders::<Test>::iter().count(), 0);
        System::assert_last_event(Event::PoolEnded { pool: sale.pool() }.into());
    });
}

#[test]
fn a_pool_with_money_outlives_its_listing_until_it_is_claimed() {
    build_and_execute(|| {
        let who = seller("seller");
        let deposits = held(HoldReason::Deposit, &who);
        let sale = sold(&[
            part("seller", 3_333),
            part("alice", 3_333),
            part("bob", 3_334),
        ]);
        remove(&sale);
        assert!(Pools::<Test>::contains_key(sale.pool()));
        assert!(held(HoldReason::Deposit, &who) > deposits);
        assert_noop!(claim(sale.pool(), &who), E::NothingToClaim);
        assert_ok!(claim(sale.pool(), &account("alice")));
        assert!(Pools::<Test>::contains_key(sale.pool()));
        let before = all_money(&treasury());
        assert_ok!(claim(sale.pool(), &account("bob")));
        assert!(!Pools::<Test>::contains_key(sale.pool()));
        assert_eq!(held(HoldReason::Deposit, &who), deposits);
        let parts = NET * 3_333 / 10_000 * 2 + NET * 3_334 / 10_000;
        assert_eq!(all_money(&treasury()), before + NET - parts);
        assert_eq!(all_money(&DataMarket::pot()), ED);
    });
}

#[test]
fn a_parents_pool_stays_while_it_has_a_child() {
    build_and_execute(|| {
        let parent = try_list("parent", &[part("parent", LISTING_UNITS)], Some(1)).unwrap();
        let child = listed(&[part("seller", 9_000), pool_part(parent.pool(), 1_000)]);
        remove(&parent);
        assert!(Pools::<Test>::contains_key(parent.pool()));
        child.sell("buyer");
        assert_ok!(up(child.pool(), parent.pool()));
        assert_ok!(claim(parent.pool(), &account("parent")));
        assert!(Pools::<Test>::contains_key(parent.pool()));
        remove(&child);
        assert!(!Pools::<Test>::contains_key(child.pool()));
        // Nothing to pay, but a record to remove and a deposit to return.
        assert_eq!(Pools::<Test>::get(parent.pool()).unwrap().children, 0);
        assert_ok!(claim(parent.pool(), &account("parent")));
        assert!(!Pools::<Test>::contains_key(parent.pool()));
        assert_eq!(all_money(&DataMarket::pot()), ED);
    });
}

/// A removed listing whose pool owes an account that does not exist less than opens it.
fn owing_too_little() -> (Sale, AccountId, Balance) {
    let nobody = poor("nobody");
    let sale = sold(&[part("seller", 9_999), (to(&nobody), 1)]);
    let due = NET / 10_000;
    assert!(due < ED);
    remove(&sale);
    (sale, nobody, due)
}

#[test]
fn who_can_never_be_paid_keeps_no_deposit_for_ever() {
    build_and_execute(|| {
        let who = seller("seller");
        let deposits = held(HoldReason::Deposit, &who);
        let (sale, nobody, due) = owing_too_little();
        assert!(held(HoldReason::Deposit, &who) > deposits);
        assert_noop!(claim(sale.pool(), &nobody), E::CannotBePaid);
        pass(PoolIdle::get() - 1);
        assert_noop!(claim(sale.pool(), &who), E::NothingToClaim);
        pass(1);
        assert_noop!(claim(sale.pool(), &nobody), E::CannotBePaid);
        let before = all_money(&treasury());
        assert_ok!(claim(sale.pool(), &who));
        assert!(!Pools::<Test>::contains_key(sale.pool()));
        assert_eq!(Holders::<Test>::iter_prefix(sale.pool()).count(), 0);
        assert_eq!(held(HoldReason::Deposit, &who), deposits);
        let dust = NET - NET * 9_999 / 10_000 - due;
        assert_eq!(all_money(&treasury()), before + due + dust);
        assert_eq!(all_money(&DataMarket::pot()), ED);
        assert_eq!(all_money(&nobody), 0);
    });
}

#[test]
fn who_can_be_paid_is_waited_for_however_late() {
    build_and_execute(|| {
        let (sale, nobody, due) = owing_too_little();
        pass(PoolIdle::get() + 1);
        give(&account("friend"), &nobody, ED);
        assert_noop!(claim(sale.pool(), &seller("seller")), E::NothingToClaim);
        assert!(Pools::<Test>::contains_key(sale.pool()));
        assert_ok!(claim(sale.pool(), &nobody));
        assert_eq!(all_money(&nobody), ED + due);
        assert!(!Pools::<Test>::contains_key(sale.pool()));
        assert_eq!(all_money(&DataMarket::pot()), ED);
    });
}

#[test]
fn a_parents_time_runs_from_when_its_last_child_goes() {
    build_and_execute(|| {
        let nobody = poor("nobody");
        let parts = [part("parent", 9_999), (to(&nobody), 1)];
        let parent = try_list("parent", &parts, Some(1)).unwrap();
        let child = listed(&[part("seller", 9_000), pool_part(parent.pool(), 1_000)]);
        parent.sell("buyer");
        remove(&parent);
        pass(PoolIdle::get());
        remove(&child);
        assert_eq!(Pools::<Test>::get(parent.pool()).unwrap().children, 0);
        assert_noop!(claim(parent.pool(), &account("parent")), E::NothingToClaim);
        pass(PoolIdle::get());
        assert_ok!(claim(parent.pool(), &account("parent")));
        assert!(!Pools::<Test>::contains_key(parent.pool()));
    });
}

#[test]
fn a_campaigns_pool_ends_when_it_is_long_idle_and_all_have_claimed() {
    build_and_execute(|| {
        let workers = contribute(&[5, 3], 0);
        let sale = sold(&[part("seller", 8_000), pool_part(campaign_pool(1), 2_000)]);
        for worker in &workers {
            assert_ok!(enrol(worker));
        }
        pass(EnrolFor::get());
        assert_ok!(up(sale.pool(), campaign_pool(1)));
        assert_ok!(claim(campaign_pool(1), &workers[0]));
        pass(PoolIdle::get());
        // It still has a child.
        assert_noop!(claim(campaign_pool(1), &workers[0]), E::NothingToClaim);
        remove(&sale);
        pass(PoolIdle::get() - 1);
        assert_noop!(claim(campaign_pool(1), &workers[0]), E::NothingToClaim);
        pass(1);
        // Too late for another listing.
        let parts = [part("seller", 9_000), pool_part(campaign_pool(1), 1_000)];
        assert_eq!(
            try_list("seller", &parts, None).map(drop),
            Err(E::NoSuchPool.into())
        );
        assert_ok!(claim(campaign_pool(1), &workers[0]));
        assert_eq!(held(HoldReason::Deposit, &workers[0]), 0);
        DataMarket::do_try_state().unwrap();
        assert_noop!(claim(campaign_pool(1), &workers[0]), E::NoSuchHolder);
        let (before, all) = (all_money(&workers[1]), NET * 2_000 / 10_000);
        assert_ok!(claim(campaign_pool(1), &workers[1]));
        assert_eq!(all_money(&workers[1]), before + all * 3 / 8);
        assert!(!Pools::<Test>::contains_key(campaign_pool(1)));
        assert_eq!(all_money(&DataMarket::pot()), ED);
    });
}

#[test]
fn what_is_too_little_for_an_account_waits_until_it_is_enough() {
    build_and_execute(|| {
        let nobody = poor("nobody");
        let who = seller("seller");
        let goods = Goods::new(&who, 100, 1);
        let terms = ListingTerms {
            shares: shares(&[part("seller", 9_999), (to(&nobody), 1)]),
            ..goods.terms(AUR)
        };
        let sale = Sale::with(goods, terms);
        sale.sell("buyer");
        let due = (AUR - AUR / 50) / 10_000;
        assert!(due < ED);
        assert_noop!(claim(sale.pool(), &nobody), E::CannotBePaid);
        assert_eq!(DataMarket::claimable(sale.pool(), to(&nobody)), due);
        for i in 0..10 {
            sale.sell(&format!("another{i}"));
        }
        assert_ok!(claim(sale.pool(), &nobody));
        assert_eq!(all_money(&nobody), due * 11);
    });
}
