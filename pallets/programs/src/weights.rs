//! Weights of `pallet_programs`.
//!
//! `make weights` writes this file anew with frame-omni-bencher. Until it has been run, the figures
//! are estimates.

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
    /// `b` bytes, `n` nodes.
    fn register_program(b: u32, n: u32) -> Weight;
    /// `r` roots.
    fn register_model(r: u32) -> Weight;
    fn retire() -> Weight;
    fn remove_model() -> Weight;
    fn remove_program() -> Weight;
}

/// Weights for `pallet_programs` on a node with ParityDB.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    fn register_program(b: u32, n: u32) -> Weight {
        Weight::from_parts(120_000_000, 70_000)
            .saturating_add(Weight::from_parts(60_000, 0).saturating_mul(b.into()))
            .saturating_add(Weight::from_parts(6_000_000, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    fn register_model(r: u32) -> Weight {
        Weight::from_parts(150_000_000, 5_000)
            .saturating_add(Weight::from_parts(100_000, 0).saturating_mul(r.into()))
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn retire() -> Weight {
        Weight::from_parts(60_000_000, 4_000)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn remove_model() -> Weight {
        Weight::from_parts(140_000_000, 5_000)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn remove_program() -> Weight {
        Weight::from_parts(120_000_000, 4_000)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}

// For tests.
impl WeightInfo for () {
    fn register_program(b: u32, n: u32) -> Weight {
        Weight::from_parts(120_000_000, 70_000)
            .saturating_add(Weight::from_parts(60_000, 0).saturating_mul(b.into()))
            .saturating_add(Weight::from_parts(6_000_000, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(2))
            .saturating_add(ParityDbWeight::get().writes(3))
    }
    fn register_model(r: u32) -> Weight {
        Weight::from_parts(150_000_000, 5_000)
            .saturating_add(Weight::from_parts(100_000, 0).saturating_mul(r.into()))
            .saturating_add(ParityDbWeight::get().reads(4))
            .saturating_add(ParityDbWeight::get().writes(5))
    }
    fn retire() -> Weight {
        Weight::from_parts(60_000_000, 4_000)
            .saturating_add(ParityDbWeight::get().reads(1))
            .saturating_add(ParityDbWeight::get().writes(1))
    }
    fn remove_model() -> Weight {
        Weight::from_parts(140_000_000, 5_000)
            .saturating_add(ParityDbWeight::get().reads(3))
            .saturating_add(ParityDbWeight::get().writes(4))
    }
    fn remove_program() -> Weight {
        Weight::from_parts(120_000_000, 4_000)
            .saturating_add(ParityDbWeight::get().reads(2))
            .saturating_add(ParityDbWeight::get().writes(3))
    }
}
