//! Weights of `pallet_preimage`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-preimage 50.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_preimage`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_preimage::WeightInfo for WeightInfo<T> {
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `Preimage::PreimageFor` (r:0 w:1)
    // Proof: `Preimage::PreimageFor` (`max_values`: None, `max_size`: Some(4194344), added: 4196819, mode: `MaxEncodedLen`)
    // `s` is in `[0, 4194304]`.
    fn note_preimage(s: u32) -> Weight {
        // Minimum execution time: 74_439_000 picoseconds.
        Weight::from_parts(59_104_781, 3874)
            // Standard error: 42
            .saturating_add(Weight::from_parts(3_879, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::PreimageFor` (r:0 w:1)
    // Proof: `Preimage::PreimageFor` (`max_values`: None, `max_size`: Some(4194344), added: 4196819, mode: `MaxEncodedLen`)
    // `s` is in `[0, 4194304]`.
    fn note_requested_preimage(s: u32) -> Weight {
        // Minimum execution time: 23_584_000 picoseconds.
        Weight::from_parts(25_137_000, 3556)
            // Standard error: 27
            .saturating_add(Weight::from_parts(4_183, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::PreimageFor` (r:0 w:1)
    // Proof: `Preimage::PreimageFor` (`max_values`: None, `max_size`: Some(4194344), added: 4196819, mode: `MaxEncodedLen`)
    // `s` is in `[0, 4194304]`.
    fn note_no_deposit_preimage(s: u32) -> Weight {
        // Minimum execution time: 22_952_000 picoseconds.
        Weight::from_parts(6_426_401, 3556)
            // Standard error: 43
            .saturating_add(Weight::from_parts(3_970, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `Preimage::PreimageFor` (r:0 w:1)
    // Proof: `Preimage::PreimageFor` (`max_values`: None, `max_size`: Some(4194344), added: 4196819, mode: `MaxEncodedLen`)
    fn unnote_preimage() -> Weight {
        // Minimum execution time: 101_699_000 picoseconds.
        Weight::from_parts(132_848_000, 3874)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::PreimageFor` (r:0 w:1)
    // Proof: `Preimage::PreimageFor` (`max_values`: None, `max_size`: Some(4194344), added: 4196819, mode: `MaxEncodedLen`)
    fn unnote_no_deposit_preimage() -> Weight {
        // Minimum execution time: 54_822_000 picoseconds.
        Weight::from_parts(76_914_000, 3556)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    fn request_preimage() -> Weight {
        // Minimum execution time: 50_494_000 picoseconds.
        Weight::from_parts(71_173_000, 3556)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    fn request_no_deposit_preimage() -> Weight {
        // Minimum execution time: 37_891_000 picoseconds.
        Weight::from_parts(55_203_000, 3556)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    fn request_unnoted_preimage() -> Weight {
        // Minimum execution time: 35_897_000 picoseconds.
        Weight::from_parts(60_933_000, 3556)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    fn request_requested_preimage() -> Weight {
        // Minimum execution time: 17_302_000 picoseconds.
        Weight::from_parts(29_986_000, 3556)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::PreimageFor` (r:0 w:1)
    // Proof: `Preimage::PreimageFor` (`max_values`: None, `max_size`: Some(4194344), added: 4196819, mode: `MaxEncodedLen`)
    fn unrequest_preimage() -> Weight {
        // Minimum execution time: 51_997_000 picoseconds.
        Weight::from_parts(69_019_000, 3556)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    fn unrequest_unnoted_preimage() -> Weight {
        // Minimum execution time: 17_994_000 picoseconds.
        Weight::from_parts(31_599_000, 3556)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    fn unrequest_multi_referenced_preimage() -> Weight {
        // Minimum execution time: 16_692_000 picoseconds.
        Weight::from_parts(31_419_000, 3556)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Preimage::StatusFor` (r:1024 w:1024)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1024 w:1024)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1024 w:1024)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:0 w:1024)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // `n` is in `[1, 1024]`.
    fn ensure_updated(n: u32) -> Weight {
        // Minimum execution time: 91_000_000 picoseconds.
        Weight::from_parts(1_153_933_972, 990)
            // Standard error: 4_262_823
            .saturating_add(Weight::from_parts(119_494_763, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes((4_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2884).saturating_mul(n.into()))
    }
}
