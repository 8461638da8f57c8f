//! Market time: block numbers, less the blocks in which nobody could act.

use crate::{Config, Pallet, Skipped, WeightInfo};
use athanor_primitives::market::Time;
use frame_support::{migrations::MultiStepMigrator, weights::Weight};
use sp_runtime::SaturatedConversion;

impl<T: Config> Pallet<T> {
    /// The number of this block.
    pub(crate) fn block() -> u32 {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// Market time.
    pub fn now() -> Time {
        Self::block().saturating_sub(Skipped::<T>::get())
    }

    /// Skips a block that admits inherents only.
    pub(crate) fn begin_block() -> Weight {
        if <T as frame_system::Config>::MultiBlockMigrator::ongoing() {
            Skipped::<T>::mutate(|skipped| *skipped = skipped.saturating_add(1));
        }
        T::WeightInfo::on_initialize()
    }
}
