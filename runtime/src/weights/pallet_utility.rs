//! Weights of `pallet_utility`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-utility 50.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_utility`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_utility::WeightInfo for WeightInfo<T> {
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `c` is in `[0, 1000]`.
    fn batch(c: u32) -> Weight {
        // Minimum execution time: 8_826_000 picoseconds.
        Weight::from_parts(201_788_589, 3997)
            // Standard error: 95_235
            .saturating_add(Weight::from_parts(9_091_260, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    fn as_derivative() -> Weight {
        // Minimum execution time: 15_208_000 picoseconds.
        Weight::from_parts(24_706_000, 3997).saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `c` is in `[0, 1000]`.
    fn batch_all(c: u32) -> Weight {
        // Minimum execution time: 8_746_000 picoseconds.
        Weight::from_parts(323_203_833, 3997)
            // Standard error: 103_673
            .saturating_add(Weight::from_parts(9_226_298, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
    }
    fn dispatch_as() -> Weight {
        // Minimum execution time: 10_820_000 picoseconds.
        Weight::from_parts(20_989_000, 0)
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `c` is in `[0, 1000]`.
    fn force_batch(c: u32) -> Weight {
        // Minimum execution time: 8_636_000 picoseconds.
        Weight::from_parts(64_317_686, 3997)
            // Standard error: 94_484
            .saturating_add(Weight::from_parts(9_899_454, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
    }
    fn dispatch_as_fallible() -> Weight {
        // Minimum execution time: 10_751_000 picoseconds.
        Weight::from_parts(20_167_000, 0)
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:2 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    fn if_else() -> Weight {
        // Minimum execution time: 25_457_000 picoseconds.
        Weight::from_parts(47_077_000, 7004).saturating_add(T::DbWeight::get().reads(3_u64))
    }
}
