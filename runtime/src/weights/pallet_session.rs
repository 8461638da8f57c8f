//! Weights of `pallet_session`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-session 50.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_session`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_session::WeightInfo for WeightInfo<T> {
    // Storage: `Session::NextKeys` (r:1 w:1)
    // Proof: `Session::NextKeys` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // Storage: `Session::KeyOwner` (r:3 w:3)
    // Proof: `Session::KeyOwner` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    fn set_keys() -> Weight {
        // Minimum execution time: 270_344_000 picoseconds.
        Weight::from_parts(434_340_000, 8762)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `Session::NextKeys` (r:1 w:1)
    // Proof: `Session::NextKeys` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `Session::ExternallySetKeys` (r:1 w:0)
    // Proof: `Session::ExternallySetKeys` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // Storage: `Session::KeyOwner` (r:0 w:3)
    // Proof: `Session::KeyOwner` (`max_values`: None, `max_size`: None, mode: `Measured`)
    fn purge_keys() -> Weight {
        // Minimum execution time: 88_084_000 picoseconds.
        Weight::from_parts(141_263_000, 3874)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
}
