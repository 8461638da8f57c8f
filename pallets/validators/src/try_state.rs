//! What always holds.

use crate::{Balance, Bonds, Config, Pallet, Sentences};
use alloc::collections::BTreeMap;
use frame_support::ensure;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
    /// Runs all checks.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        Self::try_state_holds()?;
        Self::try_state_sentences()
    }

    /// What is held of anybody is what his bond's record says, and of everybody else nothing. No
    /// record is empty.
    fn try_state_holds() -> Result<(), TryRuntimeError> {
        let mut bonds: BTreeMap<T::AccountId, Balance> = Bonds::<T>::iter()
            .map(|(who, bond)| (who, bond.held))
            .collect();
        ensure!(bonds.values().all(|held| *held > 0), "a bond of nothing");
        for who in frame_system::Account::<T>::iter_keys() {
            let held = bonds.remove(&who).unwrap_or(0);
            ensure!(
                Self::on_hold(&who) == held,
                "a hold differs from its bond's record"
            );
        }
        ensure!(bonds.is_empty(), "a bond without an account");
        Ok(())
    }

    /// A sentence has one entry a session, and none took more than its part of the bond.
    fn try_state_sentences() -> Result<(), TryRuntimeError> {
        for (_, sentence) in Sentences::<T>::iter() {
            let mut sessions: alloc::vec::Vec<_> =
                sentence.offences.iter().map(|o| o.session).collect();
            sessions.sort_unstable();
            sessions.dedup();
            ensure!(
                sessions.len() == sentence.offences.len(),
                "two entries of one session"
            );
            ensure!(
                sentence
                    .offences
                    .iter()
                    .all(|o| o.slashed <= o.fraction.mul_ceil(o.base)),
                "an offence took more than its part"
            );
        }
        Ok(())
    }
}
