//! Who is chosen.

use crate::mock::*;
use frame_support::assert_ok;

fn none() -> [u64; 0] {
    []
}

#[test]
fn a_bonded_candidate_gets_a_seat_and_one_without_does_not_keep_it_from_him() {
    build_and_execute(|| {
        assert_ok!(Validators::bond(signed(6), BOND));
        // 5 offers more, but has no bond.
        world(|w| w.candidates = vec![5, 6]);
        rotate();
        rotate();
        assert_eq!(world(|w| w.validators.clone()), [1, 2, 3, 4, 6]);
    });
}

#[test]
fn candidates_take_no_more_seats_than_there_are() {
    build_and_execute(|| {
        for who in 5..=7 {
            assert_ok!(Validators::bond(signed(who), BOND));
        }
        assert_eq!(Validators::choose(vec![1], vec![7, 5, 6], 2), [1, 7, 5]);
        assert_eq!(Validators::choose(vec![1], vec![7, 5, 6], 0), [1]);
    });
}

#[test]
fn nobody_is_chosen_twice() {
    build_and_execute(|| {
        for who in 5..=6 {
            assert_ok!(Validators::bond(signed(who), BOND));
        }
        assert_eq!(Validators::choose(vec![1, 5], vec![5, 6], 1), [1, 5, 6]);
        // Nor where bonds do not matter.
        assert_eq!(Validators::choose(vec![7, 8], vec![8, 9], 2), [7, 8, 9]);
    });
}

#[test]
fn nobody_is_chosen_without_keys() {
    build_and_execute(|| {
        world(|w| w.without_keys = vec![2, 3]);
        assert_eq!(Validators::choose(vec![1, 2, 3, 4], vec![], 0), [1, 4]);
    });
}

#[test]
fn a_chain_without_bonds_goes_on() {
    build_and_execute(|| {
        assert_eq!(Validators::choose(vec![5, 6], vec![7], 1), [5, 6, 7]);
    });
}

#[test]
fn a_chain_of_prisoners_goes_on_with_whom_it_has() {
    build_and_execute(|| {
        for who in 1..=4 {
            assert_ok!(Validators::jail(RuntimeOrigin::root(), who, None));
        }
        world(|w| w.without_keys = vec![4]);
        assert_eq!(Validators::choose(vec![1], vec![], 0), [1, 2, 3]);
    });
}

#[test]
fn without_anybody_nobody_is_chosen() {
    build_and_execute(|| {
        world(|w| w.without_keys = (1..=9).collect());
        assert_eq!(Validators::choose(vec![1, 2], vec![3], 1), none());
    });
}

#[test]
fn a_session_without_prisoners_disables_nobody() {
    build_and_execute(|| {
        rotate();
        assert_eq!(world(|w| w.disabled.clone()), none());
    });
}
