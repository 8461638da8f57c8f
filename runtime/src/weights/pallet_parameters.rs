//! Weights of `pallet_parameters`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-parameters 0.21.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_parameters`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_parameters::WeightInfo for WeightInfo<T> {
    // Storage: `Parameters::Parameters` (r:1 w:1)
    // Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(36), added: 2511, mode: `MaxEncodedLen`)
    fn set_parameter() -> Weight {
        // Minimum execution time: 12_784_000 picoseconds.
        Weight::from_parts(19_947_000, 3501)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
