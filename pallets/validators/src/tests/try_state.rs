//! Every invariant of `try_state`, broken by hand: the check says which.

use crate::{mock::*, *};
use frame_support::{
    storage::{with_transaction, TransactionOutcome},
    traits::{fungible::MutateHold, tokens::Precision},
};
use sp_runtime::DispatchError;

/// Spoils a state that is sound, expects the check to say this of it, and takes it back.
fn finds(error: &str, spoil: impl FnOnce()) {
    Validators::do_try_state().unwrap();
    let said = with_transaction(|| {
        spoil();
        let said = Validators::do_try_state();
        TransactionOutcome::Rollback(Ok::<_, DispatchError>(said))
    });
    match said.unwrap() {
        Err(DispatchError::Other(said)) => assert_eq!(said, error),
        other => panic!("{other:?}, not {error:?}"),
    }
}

fn spoil_offence(who: AccountId, f: impl FnOnce(&mut Offence)) {
    Sentences::<Test>::mutate(who, |sentence| {
        f(sentence
            .as_mut()
            .unwrap()
            .offences
            .iter_mut()
            .last()
            .unwrap())
    });
}

#[test]
fn bonds_that_are_not_what_is_held_are_found() {
    new_test_ext().execute_with(|| {
        let bond = Bonds::<Test>::get(1).unwrap();
        finds("a bond of nothing", || {
            Bonds::<Test>::insert(9, Bond { held: 0, ..bond })
        });
        finds("a hold differs from its bond's record", || {
            let held = bond.held + 1;
            Bonds::<Test>::insert(1, Bond { held, ..bond })
        });
        finds("a hold differs from its bond's record", || {
            Balances::release(&HoldReason::Bond.into(), &1, 1, Precision::Exact)
                .map(drop)
                .unwrap()
        });
        // Of whom there is no record.
        finds("a hold differs from its bond's record", || {
            Bonds::<Test>::remove(1)
        });
        finds("a bond without an account", || {
            Bonds::<Test>::insert(1_000, bond)
        });
    });
}

#[test]
fn sentences_that_no_report_made_are_found() {
    new_test_ext().execute_with(|| {
        report(1, 10, 9);
        report(1, 20, 10);
        finds("two entries of one session", || {
            spoil_offence(1, |offence| offence.session = 9)
        });
        finds("an offence took more than its part", || {
            spoil_offence(1, |offence| offence.slashed = offence.base)
        });
    });
}
