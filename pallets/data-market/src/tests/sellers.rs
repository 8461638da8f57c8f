//! Sellers and their bonds.

use crate::{mock::*, *};
use athanor_primitives::market::Endpoint;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

type E = Error<Test>;

fn endpoint(len: usize) -> Endpoint {
    vec![b'u'; len].try_into().unwrap()
}

fn register(who: &AccountId, len: usize) {
    assert_ok!(DataMarket::register(signed(who), endpoint(len), None));
}

fn record(who: &AccountId) -> Seller<AccountId> {
    Sellers::<Test>::get(who).unwrap()
}

#[test]
fn a_seller_registers_for_a_deposit_by_the_endpoints_length() {
    build_and_execute(|| {
        let who = account("seller");
        register(&who, 0);
        let empty = held(HoldReason::Deposit, &who);
        assert_eq!(record(&who).deposit, empty);
        register(&who, 128);
        let byte = AUR / 100_000;
        assert_eq!(held(HoldReason::Deposit, &who), empty + 128 * byte);
        register(&who, 1);
        assert_eq!(held(HoldReason::Deposit, &who), empty + byte);
        assert_eq!(
            events().last(),
            Some(&Event::SellerRegistered { seller: who })
        );
    });
}

#[test]
fn without_money_nobody_registers() {
    build_and_execute(|| {
        assert_noop!(
            DataMarket::register(signed(&poor("nobody")), endpoint(3), None),
            TokenError::FundsUnavailable
        );
    });
}

#[test]
fn registering_again_changes_endpoint_and_agent_only() {
    build_and_execute(|| {
        let who = account("seller");
        register(&who, 3);
        assert_ok!(DataMarket::bond(signed(&who), AUR));
        let agent = poor("agent");
        assert_ok!(DataMarket::register(
            signed(&who),
            endpoint(4),
            Some(agent.clone())
        ));
        let seller = record(&who);
        assert_eq!(seller.agent, Some(agent));
        assert_eq!(seller.endpoint, endpoint(4));
        assert_eq!(seller.bonded, AUR);
    });
}

#[test]
fn bond_goes_in_and_out() {
    build_and_execute(|| {
        let who = account("seller");
        register(&who, 3);
        assert_ok!(DataMarket::bond(signed(&who), 5 * AUR));
        assert_ok!(DataMarket::bond(signed(&who), AUR));
        assert_eq!(held(HoldReason::SellerBond, &who), 6 * AUR);
        assert_ok!(DataMarket::unbond(signed(&who), 2 * AUR));
        assert_eq!(held(HoldReason::SellerBond, &who), 4 * AUR);
        assert_eq!(record(&who).bonded, 4 * AUR);
        assert_eq!(
            events().last(),
            Some(&Event::BondReturned {
                seller: who,
                amount: 2 * AUR
            })
        );
    });
}

#[test]
fn only_sellers_bond_and_only_what_they_have() {
    build_and_execute(|| {
        let who = account("seller");
        assert_noop!(DataMarket::bond(signed(&who), AUR), E::NotRegistered);
        assert_noop!(DataMarket::unbond(signed(&who), AUR), E::NotRegistered);
        register(&who, 3);
        assert_noop!(DataMarket::bond(signed(&who), 0), E::NothingToDo);
        assert_noop!(DataMarket::unbond(signed(&who), 0), E::NothingToDo);
        assert_noop!(
            DataMarket::bond(signed(&who), FUNDS),
            TokenError::FundsUnavailable
        );
        assert_ok!(DataMarket::bond(signed(&who), AUR));
        assert_noop!(DataMarket::unbond(signed(&who), AUR + 1), E::BondIsLocked);
        assert_noop!(DataMarket::bond(signed(&who), Balance::MAX), E::Overflow);
    });
}

#[test]
fn a_seller_leaves_with_all_his_money() {
    build_and_execute(|| {
        let who = account("seller");
        register(&who, 3);
        assert_ok!(DataMarket::bond(signed(&who), AUR));
        assert_ok!(DataMarket::deregister(signed(&who)));
        assert_eq!(free(&who), FUNDS);
        assert!(Sellers::<Test>::get(&who).is_none());
        assert_noop!(DataMarket::deregister(signed(&who)), E::NotRegistered);
    });
}
