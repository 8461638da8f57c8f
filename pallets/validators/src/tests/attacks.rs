//! Each is something somebody would try.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};

#[test]
fn unbonding_before_the_report_saves_nothing() {
    build_and_execute(|| {
        // 1 makes a double block in session 10, leaves at once, and has its bond called back.
        world(|w| w.invulnerables.retain(|who| *who != 1));
        assert_ok!(Validators::unbond(signed(1)));
        rotate_to(10 + KEPT);
        assert_noop!(Validators::poke(signed(1), 1), Error::<Test>::NothingDue);
        report(1, 60, 10);
        assert_eq!(held(1), 400);
        rotate_to(40);
        assert_ok!(Validators::poke(signed(9), 1));
        assert_eq!(free(1), FUNDS - 600);
        assert_eq!(free(TREASURY), ED + 600);
    });
}

#[test]
fn a_notice_of_one_who_still_serves_waits_for_what_he_does() {
    build_and_execute(|| {
        world(|w| w.invulnerables.retain(|who| *who != 1));
        assert_ok!(Validators::unbond(signed(1)));
        // For whatever reason, it is among the validators much longer.
        rotate();
        world(|w| w.queued.push(1));
        for _ in 0..5 {
            rotate();
            world(|w| w.queued.push(1));
        }
        let last = world(|w| w.session) + 1;
        rotate();
        rotate_to(last + KEPT);
        assert_noop!(Validators::poke(signed(1), 1), Error::<Test>::NothingDue);
        rotate();
        assert_ok!(Validators::poke(signed(1), 1));
        assert_eq!(free(1), FUNDS);
    });
}

#[test]
fn a_prisoner_cannot_stand_again_however_much_he_bonds() {
    build_and_execute(|| {
        report(1, 1, 10);
        assert_ok!(Validators::bond(signed(1), BOND));
        assert!(!Validators::may_stand(&1));
        // Even on the list, he is not chosen.
        assert_eq!(Validators::choose(vec![1, 2], vec![], 0), [2]);
        assert_eq!(Validators::choose(vec![2], vec![1], 1), [2]);
    });
}

#[test]
fn giving_notice_and_taking_it_back_ends_no_term() {
    build_and_execute(|| {
        report(1, 1, 10);
        assert_ok!(Validators::bond(signed(1), BOND));
        assert_ok!(Validators::unbond(signed(1)));
        assert_ok!(Validators::bond(signed(1), 0));
        assert!(!Validators::may_stand(&1));
    });
}

#[test]
fn two_reports_of_one_session_cost_as_much_as_one() {
    build_and_execute(|| {
        report(1, 30, 10);
        report(1, 30, 10);
        report(1, 20, 10);
        assert_eq!(held(1), 700);
        assert_eq!(Sentences::<Test>::get(1).unwrap().offences.len(), 1);
    });
}

#[test]
fn a_fraction_that_grows_is_paid_in_full() {
    build_and_execute(|| {
        report(1, 30, 10);
        // Another is caught in the same slot: both pay more.
        report(1, 90, 10);
        assert_eq!(held(1), 100);
        assert_eq!(free(TREASURY), ED + 900);
    });
}

#[test]
fn a_bond_added_after_the_first_report_does_not_pay_for_it() {
    build_and_execute(|| {
        report(1, 50, 10);
        assert_ok!(Validators::bond(signed(1), BOND));
        report(1, 100, 10);
        // The whole of the bond it answered with then, and nothing of what came later.
        assert_eq!(held(1), BOND);
    });
}

#[test]
fn offences_of_two_sessions_are_paid_for_one_after_the_other() {
    build_and_execute(|| {
        report(1, 50, 10);
        report(1, 50, 11);
        assert_eq!(held(1), 250);
        report(1, 50, 10);
        assert_eq!(held(1), 250);
        assert_eq!(Sentences::<Test>::get(1).unwrap().offences.len(), 2);
    });
}

#[test]
fn a_release_is_no_licence_to_be_paid_twice() {
    build_and_execute(|| {
        report(1, 50, 10);
        assert_ok!(Validators::unjail(RuntimeOrigin::root(), 1));
        report(1, 50, 10);
        assert_eq!(held(1), 500);
        assert_eq!(Validators::jailed(&1), None);
    });
}

#[test]
fn a_sentence_has_room_for_every_session_that_can_be_reported() {
    build_and_execute(|| {
        for session in 5..=10 {
            report(1, 1, session);
        }
        rotate();
        report(1, 1, 11);
        let sentence = Sentences::<Test>::get(1).unwrap();
        let sessions: Vec<_> = sentence.offences.iter().map(|o| o.session).collect();
        // Session 5 is out of reach, and made room.
        assert_eq!(sessions, [6, 7, 8, 9, 10, 11]);
    });
}

#[test]
fn a_cascade_of_offences_does_not_empty_the_set() {
    build_and_execute(|| {
        for who in 1..=4 {
            report(who, 100, 10);
        }
        assert_eq!(world(|w| w.invulnerables.clone()), [4]);
        for _ in 0..5 {
            rotate();
            assert!(!world(|w| w.validators.is_empty()));
        }
        // It ends when one who may stand is found.
        assert_ok!(Validators::bond(signed(5), BOND));
        world(|w| w.candidates.push(5));
        rotate();
        rotate();
        assert_eq!(world(|w| w.validators.clone()), [5]);
    });
}

#[test]
fn a_small_set_keeps_a_majority_enabled() {
    build_and_execute(|| {
        report(1, 1, 10);
        report(2, 1, 10);
        assert_eq!(world(|w| w.disabled.clone()), [1]);
        rotate();
        assert_eq!(world(|w| w.disabled.clone()), [1]);
        rotate();
        assert_eq!(world(|w| w.validators.clone()), [3, 4]);
        report(3, 1, 12);
        assert!(world(|w| w.disabled.is_empty()));
    });
}

#[test]
fn an_invulnerable_offender_loses_seat_and_bond() {
    build_and_execute(|| {
        report(2, 100, 10);
        assert_eq!((held(2), free(2)), (0, FUNDS - BOND));
        assert!(!world(|w| w.invulnerables.contains(&2)));
        // Governance's list alone does not bring it back.
        world(|w| w.invulnerables.push(2));
        rotate();
        rotate();
        assert!(!world(|w| w.validators.contains(&2)));
    });
}

#[test]
fn an_offender_without_a_bond_is_jailed_all_the_same() {
    build_and_execute(|| {
        report(7, 100, 10);
        assert_eq!(free(7), FUNDS);
        assert!(Validators::jailed(&7).is_some());
    });
}

#[test]
fn only_the_bond_is_slashed() {
    build_and_execute(|| {
        let before = free(1);
        report(1, 100, 10);
        report(1, 100, 11);
        assert_eq!((held(1), free(1)), (0, before));
    });
}
