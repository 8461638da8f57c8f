//! Weights of `pallet_programs`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-22:
//! 50 steps, 20 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: 3b7d2e1bcdf4232bd845833a7f0236b4 over 98 files; changed since it was measured, accepted by review.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::ParityDbWeight, Weight},
};

/// Weight functions needed for `pallet_programs`.
pub trait WeightInfo {
    /// `b` is in `[16384, 65536]`.
    /// `n` is in `[1, 1024]`.
    fn register_program(b: u32, n: u32) -> Weight;
    /// `r` is in `[0, 1024]`.
    fn register_model(r: u32) -> Weight;
    fn retire() -> Weight;
    fn remove_model() -> Weight;
    fn remove_program() -> Weight;
}

/// Weights for `pallet_programs` on a node with ParityDB.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `Programs::Programs` (r:1 w:1)
    // Proof: `Programs::Programs` (`max_values`: None, `max_size`: Some(245), added: 2720, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(211), added: 2686, mode: `MaxEncodedLen`)
    // Storage: `Programs::ProgramBytes` (r:0 w:1)
    // Proof: `Programs::ProgramBytes` (`max_values`: None, `max_size`: Some(65572), added: 68047, mode: `MaxEncodedLen`)
    fn register_program(b: u32, n: u32) -> Weight {
        // Minimum execution time: 367_307_000 picoseconds.
        Weight::from_parts(239_664_027, 3710)
            // Standard error: 336
            .saturating_add(Weight::from_parts(3_827, 0).saturating_mul(b.into()))
            // Standard error: 16_166
            .saturating_add(Weight::from_parts(1_451_908, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `Programs::Programs` (r:1 w:1)
    // Proof: `Programs::Programs` (`max_values`: None, `max_size`: Some(245), added: 2720, mode: `MaxEncodedLen`)
    // Storage: `Programs::NextModelId` (r:1 w:1)
    // Proof: `Programs::NextModelId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(211), added: 2686, mode: `MaxEncodedLen`)
    // Storage: `Programs::ModelRoots` (r:0 w:1)
    // Proof: `Programs::ModelRoots` (`max_values`: None, `max_size`: Some(32786), added: 35261, mode: `MaxEncodedLen`)
    fn register_model(r: u32) -> Weight {
        // Minimum execution time: 70_245_000 picoseconds.
        Weight::from_parts(96_981_025, 3710)
            // Standard error: 961
            .saturating_add(Weight::from_parts(49_028, 0).saturating_mul(r.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    fn retire() -> Weight {
        // Minimum execution time: 12_539_000 picoseconds.
        Weight::from_parts(19_409_000, 3674)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(211), added: 2686, mode: `MaxEncodedLen`)
    // Storage: `Programs::Programs` (r:1 w:1)
    // Proof: `Programs::Programs` (`max_values`: None, `max_size`: Some(245), added: 2720, mode: `MaxEncodedLen`)
    // Storage: `Programs::ModelRoots` (r:0 w:1)
    // Proof: `Programs::ModelRoots` (`max_values`: None, `max_size`: Some(32786), added: 35261, mode: `MaxEncodedLen`)
    fn remove_model() -> Weight {
        // Minimum execution time: 57_776_000 picoseconds.
        Weight::from_parts(91_906_000, 3710)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `Programs::Programs` (r:1 w:1)
    // Proof: `Programs::Programs` (`max_values`: None, `max_size`: Some(245), added: 2720, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(211), added: 2686, mode: `MaxEncodedLen`)
    // Storage: `Programs::ProgramBytes` (r:0 w:1)
    // Proof: `Programs::ProgramBytes` (`max_values`: None, `max_size`: Some(65572), added: 68047, mode: `MaxEncodedLen`)
    fn remove_program() -> Weight {
        // Minimum execution time: 55_262_000 picoseconds.
        Weight::from_parts(100_550_000, 3710)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
}

// For tests.
impl WeightInfo for () {
    fn register_program(b: u32, n: u32) -> Weight {
        Weight::from_parts(239_664_027, 3710)
            .saturating_add(Weight::from_parts(3_827, 0).saturating_mul(b.into()))
            .saturating_add(Weight::from_parts(1_451_908, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn register_model(r: u32) -> Weight {
        Weight::from_parts(96_981_025, 3710)
            .saturating_add(Weight::from_parts(49_028, 0).saturating_mul(r.into()))
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn retire() -> Weight {
        Weight::from_parts(19_409_000, 3674)
            .saturating_add(ParityDbWeight::get().reads(1_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn remove_model() -> Weight {
        Weight::from_parts(91_906_000, 3710)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(5_u64))
    }
    fn remove_program() -> Weight {
        Weight::from_parts(100_550_000, 3710)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
}
