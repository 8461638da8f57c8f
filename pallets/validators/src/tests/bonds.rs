//! Bonds: made, given notice of, returned.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{traits::BadOrigin, DispatchError};

#[test]
fn a_bond_is_held_and_can_be_added_to() {
    build_and_execute(|| {
        assert_ok!(Validators::bond(signed(5), BOND));
        assert_ok!(Validators::bond(signed(5), 1));
        assert_eq!((held(5), free(5)), (BOND + 1, FUNDS - BOND - 1));
        assert_eq!(
            events(),
            [
                Event::Bonded {
                    who: 5,
                    amount: BOND,
                    held: BOND
                },
                Event::Bonded {
                    who: 5,
                    amount: 1,
                    held: BOND + 1
                },
            ]
        );
    });
}

#[test]
fn a_bond_below_the_least_is_refused() {
    build_and_execute(|| {
        assert_noop!(
            Validators::bond(signed(5), BOND - 1),
            Error::<Test>::BondTooSmall
        );
        assert_noop!(Validators::bond(signed(5), 0), Error::<Test>::NothingToDo);
        assert_noop!(Validators::bond(signed(1), 0), Error::<Test>::NothingToDo);
        assert_noop!(
            Validators::bond(signed(1), Balance::MAX),
            Error::<Test>::Overflow
        );
    });
}

#[test]
fn a_bond_beyond_the_balance_is_refused() {
    build_and_execute(|| {
        let refused = Validators::bond(signed(5), FUNDS + 1);
        assert!(
            matches!(refused, Err(DispatchError::Token(_))),
            "{refused:?}"
        );
        assert_eq!(Bonds::<Test>::get(5), None);
    });
}

#[test]
fn a_slashed_bond_is_topped_up_to_the_least_at_once() {
    build_and_execute(|| {
        report(1, 50, 10);
        assert_noop!(Validators::bond(signed(1), 1), Error::<Test>::BondTooSmall);
        assert_ok!(Validators::bond(signed(1), BOND / 2));
        assert_eq!(held(1), BOND);
    });
}

#[test]
fn notice_needs_a_bond_and_no_seat() {
    build_and_execute(|| {
        assert_noop!(Validators::unbond(signed(5)), Error::<Test>::NotBonded);
        assert_noop!(Validators::unbond(signed(1)), Error::<Test>::StillStanding);
        assert_ok!(Validators::bond(signed(5), BOND));
        world(|w| w.candidates.push(5));
        assert_noop!(Validators::unbond(signed(5)), Error::<Test>::StillStanding);
        world(|w| w.candidates.clear());
        assert_ok!(Validators::unbond(signed(5)));
        assert_noop!(Validators::unbond(signed(5)), Error::<Test>::AlreadyLeaving);
    });
}

#[test]
fn a_bond_comes_back_to_the_unit_when_its_notice_is_over_and_not_before() {
    build_and_execute(|| {
        assert_ok!(Validators::bond(signed(5), BOND + 7));
        assert_ok!(Validators::unbond(signed(5)));
        // Could still serve in 11, which can be reported for KEPT sessions.
        let until = 11 + KEPT + 1;
        assert_eq!(events().last(), Some(&Event::NoticeGiven { who: 5, until }));
        rotate_to(until - 1);
        assert_noop!(Validators::poke(signed(9), 5), Error::<Test>::NothingDue);
        rotate();
        assert_ok!(Validators::poke(signed(9), 5));
        assert_eq!((held(5), free(5)), (0, FUNDS));
        assert_noop!(Validators::poke(signed(9), 5), Error::<Test>::NothingDue);
    });
}

#[test]
fn a_notice_can_be_taken_back() {
    build_and_execute(|| {
        assert_ok!(Validators::bond(signed(5), BOND));
        assert_ok!(Validators::unbond(signed(5)));
        assert!(!Validators::may_stand(&5));
        assert_ok!(Validators::bond(signed(5), 0));
        assert!(Validators::may_stand(&5));
        rotate_to(30);
        assert_noop!(Validators::poke(signed(9), 5), Error::<Test>::NothingDue);
    });
}

#[test]
fn poking_needs_a_signature_and_something_due() {
    build_and_execute(|| {
        assert_noop!(Validators::poke(RuntimeOrigin::none(), 5), BadOrigin);
        assert_noop!(Validators::poke(signed(9), 5), Error::<Test>::NothingDue);
        assert_noop!(Validators::poke(signed(9), 1), Error::<Test>::NothingDue);
    });
}

#[test]
#[should_panic(expected = "a bond at genesis needs the least bond and a balance")]
fn a_genesis_bond_without_money_is_refused() {
    new_test_ext().execute_with(|| {
        use frame_support::traits::BuildGenesisConfig;
        GenesisConfig::<Test> {
            bonds: vec![(77, BOND)],
        }
        .build();
    });
}
