//! Weights of `frame_system_extensions`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 20 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: frame-system 49.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `frame_system_extensions`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> frame_system::ExtensionsWeightInfo for WeightInfo<T> {
    fn check_genesis() -> Weight {
        // Minimum execution time: 2_714_000 picoseconds.
        Weight::from_parts(3_988_000, 0)
    }
    fn check_mortality_mortal_transaction() -> Weight {
        // Minimum execution time: 5_591_000 picoseconds.
        Weight::from_parts(6_892_000, 0)
    }
    fn check_mortality_immortal_transaction() -> Weight {
        // Minimum execution time: 5_611_000 picoseconds.
        Weight::from_parts(8_385_000, 0)
    }
    fn check_non_zero_sender() -> Weight {
        // Minimum execution time: 771_000 picoseconds.
        Weight::from_parts(992_000, 0)
    }
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn check_nonce() -> Weight {
        // Minimum execution time: 10_860_000 picoseconds.
        Weight::from_parts(12_463_000, 3593)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    fn check_spec_version() -> Weight {
        // Minimum execution time: 571_000 picoseconds.
        Weight::from_parts(712_000, 0)
    }
    fn check_tx_version() -> Weight {
        // Minimum execution time: 611_000 picoseconds.
        Weight::from_parts(751_000, 0)
    }
    fn check_weight() -> Weight {
        // Minimum execution time: 5_691_000 picoseconds.
        Weight::from_parts(9_949_000, 0)
    }
    fn weight_reclaim() -> Weight {
        // Minimum execution time: 3_196_000 picoseconds.
        Weight::from_parts(6_462_000, 0)
    }
}
