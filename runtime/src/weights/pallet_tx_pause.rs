//! Weights of `pallet_tx_pause`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-tx-pause 31.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_tx_pause`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_tx_pause::WeightInfo for WeightInfo<T> {
    // Storage: `TxPause::PausedCalls` (r:1 w:1)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    fn pause() -> Weight {
        // Minimum execution time: 18_184_000 picoseconds.
        Weight::from_parts(34_123_000, 3997)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `TxPause::PausedCalls` (r:1 w:1)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    fn unpause() -> Weight {
        // Minimum execution time: 25_417_000 picoseconds.
        Weight::from_parts(43_932_000, 3997)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
