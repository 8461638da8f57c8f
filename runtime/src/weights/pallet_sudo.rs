//! Weights of `pallet_sudo`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-sudo 50.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_sudo`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_sudo::WeightInfo for WeightInfo<T> {
    // Storage: `Sudo::Key` (r:1 w:1)
    // Proof: `Sudo::Key` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
    fn set_key() -> Weight {
        // Minimum execution time: 14_447_000 picoseconds.
        Weight::from_parts(22_652_000, 1517)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Sudo::Key` (r:1 w:0)
    // Proof: `Sudo::Key` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
    fn sudo() -> Weight {
        // Minimum execution time: 16_050_000 picoseconds.
        Weight::from_parts(28_704_000, 1517).saturating_add(T::DbWeight::get().reads(1_u64))
    }
    // Storage: `Sudo::Key` (r:1 w:0)
    // Proof: `Sudo::Key` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
    fn sudo_as() -> Weight {
        // Minimum execution time: 15_940_000 picoseconds.
        Weight::from_parts(22_683_000, 1517).saturating_add(T::DbWeight::get().reads(1_u64))
    }
    // Storage: `Sudo::Key` (r:1 w:1)
    // Proof: `Sudo::Key` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
    fn remove_key() -> Weight {
        // Minimum execution time: 13_345_000 picoseconds.
        Weight::from_parts(18_254_000, 1517)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Sudo::Key` (r:1 w:0)
    // Proof: `Sudo::Key` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
    fn check_only_sudo_account() -> Weight {
        // Minimum execution time: 6_593_000 picoseconds.
        Weight::from_parts(7_754_000, 1517).saturating_add(T::DbWeight::get().reads(1_u64))
    }
}
