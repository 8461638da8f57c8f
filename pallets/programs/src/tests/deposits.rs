//! What is held, and that it comes back.

use crate::{mock::*, samples, DepositOf};
use frame_support::{
    assert_noop, assert_ok,
    traits::{Consideration, Footprint},
};
use sp_runtime::TokenError;

fn bytes() -> Vec<u8> {
    samples::two_layers(8).encoded()
}

#[test]
fn a_program_costs_two_items_and_its_length() {
    build_and_execute(|| {
        assert_ok!(Programs::register_program(
            RuntimeOrigin::signed(ALICE),
            bytes().try_into().expect("fits")
        ));
        assert_eq!(held(ALICE), 2 * BASE + PER_BYTE * bytes().len() as Balance);
    });
}

#[test]
fn a_model_costs_two_items_its_roots_and_its_licence() {
    build_and_execute(|| {
        let program = samples::two_layers(8);
        assert_ok!(Programs::register_program(
            RuntimeOrigin::signed(ALICE),
            program.encoded().try_into().expect("fits")
        ));
        super::models::register(BOB, &program);
        let size = (32 * samples::TWO_LAYERS_ROOTS + b"Apache-2.0".len()) as Balance;
        assert_eq!(held(BOB), 2 * BASE + PER_BYTE * size);
    });
}

#[test]
fn removing_returns_all_of_it() {
    build_and_execute(|| {
        let program = samples::two_layers(8);
        assert_ok!(Programs::register_program(
            RuntimeOrigin::signed(ALICE),
            program.encoded().try_into().expect("fits")
        ));
        let model = super::models::register(ALICE, &program);
        assert_ok!(Programs::retire(RuntimeOrigin::signed(ALICE), model));
        assert_ok!(Programs::remove_model(RuntimeOrigin::signed(ALICE), model));
        assert_ok!(Programs::remove_program(
            RuntimeOrigin::signed(ALICE),
            program.hash()
        ));
        assert_eq!(held(ALICE), 0);
        assert_eq!(Balances::free_balance(ALICE), WEALTH);
    });
}

#[test]
fn who_cannot_pay_the_deposit_registers_nothing() {
    build_and_execute(|| {
        assert_noop!(
            Programs::register_program(
                RuntimeOrigin::signed(POOR),
                bytes().try_into().expect("fits")
            ),
            TokenError::FundsUnavailable
        );
    });
}

#[test]
fn a_deposit_encodes_as_its_amount() {
    build_and_execute(|| {
        let deposit = DepositOf::<Test>::new(&ALICE, Footprint::from_parts(1, 7)).expect("held");
        assert_eq!(Programs::amount(&deposit), Some(BASE + 7 * PER_BYTE));
        assert_ok!(deposit.drop(&ALICE));
    });
}

#[test]
fn a_missing_deposit_is_found_by_try_state() {
    new_test_ext().execute_with(|| {
        use frame_support::traits::{fungible::MutateHold, tokens::Precision};
        assert_ok!(Programs::register_program(
            RuntimeOrigin::signed(ALICE),
            bytes().try_into().expect("fits")
        ));
        assert_ok!(Programs::do_try_state());
        assert_ok!(Balances::release(
            &crate::HoldReason::Deposit.into(),
            &ALICE,
            1,
            Precision::Exact
        ));
        assert!(Programs::do_try_state().is_err());
    });
}
