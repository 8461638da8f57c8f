//! Weights of `pallet_utility`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, MedianSlopes, CPU `AMD EPYC`. Not edited by hand.
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
        // Minimum execution time: 8_666_000 picoseconds.
        Weight::from_parts(18_855_000, 3997)
            // Standard error: 0
            .saturating_add(Weight::from_parts(9_439_750, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    fn as_derivative() -> Weight {
        // Minimum execution time: 15_780_000 picoseconds.
        Weight::from_parts(31_890_000, 3997).saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `c` is in `[0, 1000]`.
    fn batch_all(c: u32) -> Weight {
        // Minimum execution time: 8_746_000 picoseconds.
        Weight::from_parts(77_216_920, 3997)
            // Standard error: 0
            .saturating_add(Weight::from_parts(11_938_399, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
    }
    fn dispatch_as() -> Weight {
        // Minimum execution time: 11_281_000 picoseconds.
        Weight::from_parts(22_722_000, 0)
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `c` is in `[0, 1000]`.
    fn force_batch(c: u32) -> Weight {
        // Minimum execution time: 8_767_000 picoseconds.
        Weight::from_parts(49_219_380, 3997)
            // Standard error: 0
            .saturating_add(Weight::from_parts(10_683_331, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
    }
    fn dispatch_as_fallible() -> Weight {
        // Minimum execution time: 11_191_000 picoseconds.
        Weight::from_parts(20_528_000, 0)
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:2 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    fn if_else() -> Weight {
        // Minimum execution time: 25_588_000 picoseconds.
        Weight::from_parts(47_950_000, 7004).saturating_add(T::DbWeight::get().reads(3_u64))
    }
}
