//! Version 0 to 1: a model knows the bytes that its deposit was taken for.
//!
//! Its roots and licence settle a model's deposit. Version 0 has to read the roots, up to 32 KiB, to
//! tell their number; version 1 keeps the sum in the entry, as programs do.
//!
//! The map of models is walked in the order of its hashed keys, a bounded number of models a block.
//! While that lasts, entries of both layouts lie side by side, and a runtime of version 1 cannot
//! read those of version 0. `pallet-migrations` therefore holds back extrinsics, `on_poll` and
//! `on_idle`; what runs all the same, `on_initialize` and calls of the scheduler, must not touch
//! models. What asks off chain sees no model until it is translated.

use crate::{Config, DepositOf, MaxLicence, Pallet, WeightInfo};
use alloc::{collections::BTreeMap, vec::Vec};
use athanor_primitives::{ModelId, ProgramHash, Root};
use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::{
    ensure,
    migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
    pallet_prelude::{GetStorageVersion, PalletInfoAccess, StorageVersion, Twox64Concat},
    storage_alias,
    traits::Get,
    weights::WeightMeter,
    BoundedVec,
};
use sp_runtime::TryRuntimeError;

/// Bytes of a root.
const ROOT_BYTES: usize = core::mem::size_of::<Root>();

/// What is stored before.
// `storage_alias` makes a struct without docs.
#[allow(missing_docs)]
pub mod v0 {
    use super::*;

    /// A model version.
    #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
    pub struct ModelEntry<AccountId, Deposit> {
        /// Who registered it and holds the deposit.
        pub owner: AccountId,
        /// The deposit.
        pub deposit: Deposit,
        /// The program it runs.
        pub program_hash: ProgramHash,
        /// Terms of use.
        pub licence: BoundedVec<u8, MaxLicence>,
        /// BLAKE3 root of its model card.
        pub card_root: Option<Root>,
        /// The version it was made from.
        pub parent: Option<ModelId>,
        /// It takes no new jobs.
        pub retired: bool,
        /// Number of live jobs that use it.
        pub users: u32,
    }

    /// [`ModelEntry`] of a runtime.
    pub type ModelEntryOf<T> = ModelEntry<<T as frame_system::Config>::AccountId, DepositOf<T>>;

    /// The map of models.
    #[storage_alias]
    pub type Models<T: Config> = StorageMap<Pallet<T>, Twox64Concat, ModelId, ModelEntryOf<T>>;
}

/// What is stored after.
#[allow(missing_docs)]
pub mod layout {
    use super::*;

    /// A model version.
    #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
    pub struct ModelEntry<AccountId, Deposit> {
        /// As it was.
        pub before: v0::ModelEntry<AccountId, Deposit>,
        /// Bytes of its roots and licence.
        pub bytes: u32,
    }

    /// [`ModelEntry`] of a runtime.
    pub type ModelEntryOf<T> = ModelEntry<<T as frame_system::Config>::AccountId, DepositOf<T>>;

    /// The map of models.
    #[storage_alias]
    pub type Models<T: Config> = StorageMap<Pallet<T>, Twox64Concat, ModelId, ModelEntryOf<T>>;
}

/// Translates at most `Limit` models a block.
pub struct AddModelBytes<T, Limit>(PhantomData<(T, Limit)>);

impl<T: Config, Limit: Get<u32>> SteppedMigration for AddModelBytes<T, Limit> {
    /// The model that was translated last.
    type Cursor = ModelId;
    type Identifier = MigrationId<15>;

    fn id() -> Self::Identifier {
        MigrationId {
            pallet_id: *b"pallet-programs",
            version_from: 0,
            version_to: 1,
        }
    }

    fn migrating_prefixes() -> Option<impl IntoIterator<Item = Vec<u8>>> {
        Some([frame_support::storage::storage_prefix(
            <Pallet<T> as PalletInfoAccess>::name().as_bytes(),
            b"Models",
        )
        .to_vec()])
    }

    /// Fails, and so changes nothing, at a model that cannot be read: going on would lose it.
    fn step(
        cursor: Option<ModelId>,
        meter: &mut WeightMeter,
    ) -> Result<Option<ModelId>, SteppedMigrationError> {
        let version = T::DbWeight::get().reads_writes(1, 1);
        // Removing a model reads and writes this and more, but not its roots.
        let model = T::WeightInfo::remove_model().saturating_add(T::DbWeight::get().reads(1));
        let required = version.saturating_add(model);
        if !meter.can_consume(required) {
            return Err(SteppedMigrationError::InsufficientWeight { required });
        }
        meter.consume(version);
        if Pallet::<T>::on_chain_storage_version() != StorageVersion::new(0) {
            return Ok(None);
        }

        let mut last = cursor;
        let mut models = match cursor {
            Some(id) => v0::Models::<T>::iter_keys_from(v0::Models::<T>::hashed_key_for(id)),
            None => v0::Models::<T>::iter_keys(),
        };
        // At least one, or it would never end.
        for _ in 0..Limit::get().max(1) {
            if meter.try_consume(model).is_err() {
                break;
            }
            let Some(id) = models.next() else {
                StorageVersion::new(1).put::<Pallet<T>>();
                return Ok(None);
            };
            let before = v0::Models::<T>::get(id).ok_or(SteppedMigrationError::Failed)?;
            let bytes = bytes_of::<T>(id, &before).ok_or(SteppedMigrationError::Failed)?;
            layout::Models::<T>::insert(id, layout::ModelEntry { before, bytes });
            last = Some(id);
        }
        Ok(last)
    }

    #[cfg(feature = "try-runtime")]
    fn pre_upgrade() -> Result<Vec<u8>, TryRuntimeError> {
        Self::before()
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(state: Vec<u8>) -> Result<(), TryRuntimeError> {
        Self::after(&state)
    }
}

impl<T: Config, Limit> AddModelBytes<T, Limit> {
    /// Checks that every model can be read, and answers all of them for [`Self::after`].
    ///
    /// # Errors
    ///
    /// If one cannot be read.
    pub fn before() -> Result<Vec<u8>, TryRuntimeError> {
        let models: BTreeMap<ModelId, v0::ModelEntryOf<T>> = v0::Models::<T>::iter().collect();
        ensure!(
            models.len() == v0::Models::<T>::iter_keys().count(),
            "a model of version 0 cannot be read"
        );
        Ok(models.encode())
    }

    /// Checks that every model of before is there, unchanged but for its bytes, and no other.
    ///
    /// # Errors
    ///
    /// If something differs.
    pub fn after(before: &[u8]) -> Result<(), TryRuntimeError> {
        let models = BTreeMap::<ModelId, v0::ModelEntryOf<T>>::decode(&mut &*before)
            .map_err(|_| "the models of before cannot be read")?;
        ensure!(
            models.len() == layout::Models::<T>::iter_keys().count(),
            "the number of models has changed"
        );
        for (id, old) in models {
            let new = layout::Models::<T>::get(id).ok_or("a model of version 1 cannot be read")?;
            ensure!(
                Some(new.bytes) == bytes_of::<T>(id, &old),
                "a model's bytes are wrong"
            );
            ensure!(new.before == old, "a model has changed");
        }
        ensure!(
            Pallet::<T>::on_chain_storage_version() == StorageVersion::new(1),
            "the storage is not of version 1"
        );
        Ok(())
    }
}

/// Bytes of a model's roots and licence. `None` if it has no roots, not even an empty list.
fn bytes_of<T: Config>(id: ModelId, model: &v0::ModelEntryOf<T>) -> Option<u32> {
    let roots = crate::ModelRoots::<T>::decode_len(id)?.checked_mul(ROOT_BYTES)?;
    u32::try_from(roots.checked_add(model.licence.len())?).ok()
}
