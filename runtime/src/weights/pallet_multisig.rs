//! Weights of `pallet_multisig`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-multisig 50.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_multisig`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_multisig::WeightInfo for WeightInfo<T> {
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `z` is in `[0, 10000]`.
    fn as_multi_threshold_1(z: u32) -> Weight {
        // Minimum execution time: 64_370_000 picoseconds.
        Weight::from_parts(121_563_826, 3997)
            // Standard error: 141
            .saturating_add(Weight::from_parts(8_499, 0).saturating_mul(z.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: `Multisig::Multisigs` (r:1 w:1)
    // Proof: `Multisig::Multisigs` (`max_values`: None, `max_size`: Some(3346), added: 5821, mode: `MaxEncodedLen`)
    // `s` is in `[2, 100]`.
    // `z` is in `[0, 10000]`.
    fn as_multi_create(s: u32, z: u32) -> Weight {
        // Minimum execution time: 84_147_000 picoseconds.
        Weight::from_parts(78_652_825, 6811)
            // Standard error: 16_988
            .saturating_add(Weight::from_parts(405_984, 0).saturating_mul(s.into()))
            // Standard error: 167
            .saturating_add(Weight::from_parts(9_605, 0).saturating_mul(z.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Multisig::Multisigs` (r:1 w:1)
    // Proof: `Multisig::Multisigs` (`max_values`: None, `max_size`: Some(3346), added: 5821, mode: `MaxEncodedLen`)
    // `s` is in `[3, 100]`.
    // `z` is in `[0, 10000]`.
    fn as_multi_approve(s: u32, z: u32) -> Weight {
        // Minimum execution time: 60_233_000 picoseconds.
        Weight::from_parts(44_478_247, 6811)
            // Standard error: 13_489
            .saturating_add(Weight::from_parts(491_184, 0).saturating_mul(s.into()))
            // Standard error: 131
            .saturating_add(Weight::from_parts(10_725, 0).saturating_mul(z.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Multisig::Multisigs` (r:1 w:1)
    // Proof: `Multisig::Multisigs` (`max_values`: None, `max_size`: Some(3346), added: 5821, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `s` is in `[2, 100]`.
    // `z` is in `[0, 10000]`.
    fn as_multi_complete(s: u32, z: u32) -> Weight {
        // Minimum execution time: 135_292_000 picoseconds.
        Weight::from_parts(169_534_086, 6811)
            // Standard error: 45_720
            .saturating_add(Weight::from_parts(239_835, 0).saturating_mul(s.into()))
            // Standard error: 450
            .saturating_add(Weight::from_parts(8_245, 0).saturating_mul(z.into()))
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Multisig::Multisigs` (r:1 w:1)
    // Proof: `Multisig::Multisigs` (`max_values`: None, `max_size`: Some(3346), added: 5821, mode: `MaxEncodedLen`)
    // `s` is in `[2, 100]`.
    fn approve_as_multi_create(s: u32) -> Weight {
        // Minimum execution time: 41_587_000 picoseconds.
        Weight::from_parts(53_268_508, 6811)
            // Standard error: 7_023
            .saturating_add(Weight::from_parts(355_498, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Multisig::Multisigs` (r:1 w:1)
    // Proof: `Multisig::Multisigs` (`max_values`: None, `max_size`: Some(3346), added: 5821, mode: `MaxEncodedLen`)
    // `s` is in `[2, 100]`.
    fn approve_as_multi_approve(s: u32) -> Weight {
        // Minimum execution time: 25_278_000 picoseconds.
        Weight::from_parts(34_829_929, 6811)
            // Standard error: 4_381
            .saturating_add(Weight::from_parts(361_364, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Multisig::Multisigs` (r:1 w:1)
    // Proof: `Multisig::Multisigs` (`max_values`: None, `max_size`: Some(3346), added: 5821, mode: `MaxEncodedLen`)
    // `s` is in `[2, 100]`.
    fn cancel_as_multi(s: u32) -> Weight {
        // Minimum execution time: 41_157_000 picoseconds.
        Weight::from_parts(55_681_017, 6811)
            // Standard error: 8_876
            .saturating_add(Weight::from_parts(397_794, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Multisig::Multisigs` (r:1 w:1)
    // Proof: `Multisig::Multisigs` (`max_values`: None, `max_size`: Some(3346), added: 5821, mode: `MaxEncodedLen`)
    // `s` is in `[2, 100]`.
    fn poke_deposit(s: u32) -> Weight {
        // Minimum execution time: 39_032_000 picoseconds.
        Weight::from_parts(46_884_817, 6811)
            // Standard error: 6_492
            .saturating_add(Weight::from_parts(381_422, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
