//! Whole states, checked by [`athanor_state_check`].

use athanor_runtime::{
    AccountId, Balances, Runtime, RuntimeHoldReason, System, EXISTENTIAL_DEPOSIT, VERSION,
};
use athanor_runtime_fuzz::chain;
use athanor_state_check::{Report, State, Unchecked};
use frame_support::traits::fungible::MutateHold;
use frame_system::{Account, LastRuntimeUpgrade, LastRuntimeUpgradeInfo};
use pallet_compute_jobs::HoldReason;

/// The state after a change to that of the first block.
fn state(change: impl FnOnce()) -> State {
    chain::genesis().unwrap().execute_with(|| {
        change();
        let mut state = State::default();
        let mut key = Vec::new();
        while let Some(next) = sp_io::storage::next_key(&key) {
            let value = sp_io::storage::get(&next).unwrap();
            state.insert(next.clone(), value.into());
            key = next;
        }
        state
    })
}

fn report(change: impl FnOnce()) -> Report {
    state(change).check().unwrap()
}

fn broken(change: impl FnOnce()) -> Vec<&'static str> {
    report(change).broken().map(|(name, _)| name).collect()
}

fn somebody() -> AccountId {
    Account::<Runtime>::iter()
        .find(|(_, account)| account.data.free > 2 * EXISTENTIAL_DEPOSIT)
        .unwrap()
        .0
}

#[test]
fn everything_holds_of_the_first_block() {
    let report = report(|| {});
    let broken: Vec<_> = report.broken().collect();
    assert!(broken.is_empty(), "{broken:?}");
    assert_eq!(report.checks.len(), 18);
    assert_eq!(
        (report.block, report.spec_version),
        (0, VERSION.spec_version)
    );
    assert!(report.size.0 > 50 && report.size.1 > 5_000, "{report:?}");
}

#[test]
fn what_is_broken_is_named() {
    let hold = |reason: RuntimeHoldReason| Balances::hold(&reason, &somebody(), 5).unwrap();
    assert_eq!(broken(|| hold(HoldReason::JobBudget.into())), ["escrow"]);
    let deposit = pallet_programs::HoldReason::Deposit;
    assert_eq!(broken(|| hold(deposit.into())), ["escrow"]);
    assert_eq!(
        broken(|| hold(pallet_preimage::HoldReason::Preimage.into())),
        ["preimages"]
    );
    let more = || Account::<Runtime>::mutate(somebody(), |account| account.data.free += 1);
    assert_eq!(broken(more), ["money"]);
    let referred = || Account::<Runtime>::mutate(somebody(), |account| account.consumers += 1);
    assert_eq!(broken(referred), ["references"]);
    let counted = || pallet_referenda::ReferendumCount::<Runtime>::put(1);
    assert_eq!(broken(counted), ["referenda"]);
    let late = || System::set_block_number(7);
    assert!(broken(late).is_empty());
}

#[test]
fn what_this_runtime_did_not_write_is_not_judged() {
    assert_eq!(State::default().check(), Err(Unchecked::NoRuntime));
    let next = VERSION.spec_version + 1;
    let other = state(|| {
        LastRuntimeUpgrade::<Runtime>::put(LastRuntimeUpgradeInfo {
            spec_version: next.into(),
            spec_name: VERSION.spec_name.clone(),
        })
    });
    let wrote = ("athanor".to_string(), next);
    assert_eq!(other.check(), Err(Unchecked::OtherRuntime { wrote }));
    let mut cut = state(|| {});
    cut.expect_root([7; 32].into());
    assert_eq!(cut.check(), Err(Unchecked::OtherRoot));
    let half = state(|| {
        let stuck = pallet_migrations::MigrationCursor::Stuck;
        pallet_migrations::Cursor::<Runtime>::put(stuck)
    });
    assert_eq!(half.check(), Err(Unchecked::Migrating));
    let mut child = state(|| {});
    child.insert(b":child_storage:default:x".to_vec(), vec![1]);
    assert_eq!(child.check(), Err(Unchecked::ChildTries));
}
