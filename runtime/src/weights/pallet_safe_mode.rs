//! Weights of `pallet_safe_mode`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-safe-mode 31.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_safe_mode`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_safe_mode::WeightInfo for WeightInfo<T> {
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn on_initialize_noop() -> Weight {
        // Minimum execution time: 3_076_000 picoseconds.
        Weight::from_parts(5_039_000, 1489).saturating_add(T::DbWeight::get().reads(1_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:1)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn on_initialize_exit() -> Weight {
        // Minimum execution time: 9_408_000 picoseconds.
        Weight::from_parts(16_981_000, 1489)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    fn enter() -> Weight {
        // Minimum execution time: 0_000 picoseconds.
        Weight::from_parts(0, 0)
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:1)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn force_enter() -> Weight {
        // Minimum execution time: 12_013_000 picoseconds.
        Weight::from_parts(20_479_000, 1489)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    fn extend() -> Weight {
        // Minimum execution time: 0_000 picoseconds.
        Weight::from_parts(0, 0)
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:1)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn force_extend() -> Weight {
        // Minimum execution time: 12_704_000 picoseconds.
        Weight::from_parts(22_743_000, 1489)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:1)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn force_exit() -> Weight {
        // Minimum execution time: 12_734_000 picoseconds.
        Weight::from_parts(19_917_000, 1489)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    fn release_deposit() -> Weight {
        // Minimum execution time: 0_000 picoseconds.
        Weight::from_parts(0, 0)
    }
    // Storage: `SafeMode::Deposits` (r:1 w:1)
    // Proof: `SafeMode::Deposits` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    fn force_release_deposit() -> Weight {
        // Minimum execution time: 61_014_000 picoseconds.
        Weight::from_parts(69_048_000, 3874)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `SafeMode::Deposits` (r:1 w:1)
    // Proof: `SafeMode::Deposits` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    fn force_slash_deposit() -> Weight {
        // Minimum execution time: 48_079_000 picoseconds.
        Weight::from_parts(52_468_000, 3874)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
}
