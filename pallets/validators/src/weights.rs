//! Weights of `pallet_validators`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-22:
//! 50 steps, 20 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: 60a042ff8fd08c3790d878924ac0e683 over 6 files; changed since it was measured, accepted by review.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::ParityDbWeight, Weight},
};

/// Weight functions needed for `pallet_validators`.
pub trait WeightInfo {
    fn bond() -> Weight;
    fn unbond() -> Weight;
    fn poke() -> Weight;
    fn jail() -> Weight;
    fn unjail() -> Weight;
    fn on_offence() -> Weight;
    /// `v` is in `[1, 250]`.
    fn begin_session(v: u32) -> Weight;
}

/// Weights for `pallet_validators` on a node with ParityDB.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `Validators::Bonds` (r:1 w:1)
    // Proof: `Validators::Bonds` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    fn bond() -> Weight {
        // Minimum execution time: 59_879_000 picoseconds.
        Weight::from_parts(63_935_000, 3874)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Validators::Bonds` (r:1 w:1)
    // Proof: `Validators::Bonds` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:0)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::CandidateList` (r:1 w:0)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `Session::CurrentIndex` (r:1 w:0)
    // Proof: `Session::CurrentIndex` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    fn unbond() -> Weight {
        // Minimum execution time: 25_808_000 picoseconds.
        Weight::from_parts(30_676_000, 11673)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Session::CurrentIndex` (r:1 w:0)
    // Proof: `Session::CurrentIndex` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `Validators::Bonds` (r:1 w:1)
    // Proof: `Validators::Bonds` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `Validators::Sentences` (r:1 w:1)
    // Proof: `Validators::Sentences` (`max_values`: None, `max_size`: Some(1846), added: 4321, mode: `MaxEncodedLen`)
    fn poke() -> Weight {
        // Minimum execution time: 62_584_000 picoseconds.
        Weight::from_parts(68_051_000, 5311)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Session::CurrentIndex` (r:1 w:0)
    // Proof: `Session::CurrentIndex` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `Validators::Sentences` (r:1 w:1)
    // Proof: `Validators::Sentences` (`max_values`: None, `max_size`: Some(1846), added: 4321, mode: `MaxEncodedLen`)
    // Storage: `Session::DisabledValidators` (r:1 w:0)
    // Proof: `Session::DisabledValidators` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `Session::Validators` (r:1 w:0)
    // Proof: `Session::Validators` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `CollatorSelection::CandidateList` (r:1 w:1)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:0)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::LastAuthoredBlock` (r:0 w:1)
    // Proof: `CollatorSelection::LastAuthoredBlock` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn jail() -> Weight {
        // Minimum execution time: 36_124_000 picoseconds.
        Weight::from_parts(55_853_000, 13472)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Session::CurrentIndex` (r:1 w:0)
    // Proof: `Session::CurrentIndex` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `Validators::Sentences` (r:1 w:1)
    // Proof: `Validators::Sentences` (`max_values`: None, `max_size`: Some(1846), added: 4321, mode: `MaxEncodedLen`)
    fn unjail() -> Weight {
        // Minimum execution time: 14_462_000 picoseconds.
        Weight::from_parts(16_655_000, 5311)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Session::DisabledValidators` (r:1 w:1)
    // Proof: `Session::DisabledValidators` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `Session::Validators` (r:1 w:0)
    // Proof: `Session::Validators` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `CollatorSelection::CandidateList` (r:1 w:1)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:0)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // Storage: `Validators::Bonds` (r:1 w:1)
    // Proof: `Validators::Bonds` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    // Storage: `Session::CurrentIndex` (r:1 w:0)
    // Proof: `Session::CurrentIndex` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `Validators::Sentences` (r:1 w:1)
    // Proof: `Validators::Sentences` (`max_values`: None, `max_size`: Some(1846), added: 4321, mode: `MaxEncodedLen`)
    // Storage: `Validators::Reporting` (r:1 w:0)
    // Proof: `Validators::Reporting` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::LastAuthoredBlock` (r:0 w:1)
    // Proof: `CollatorSelection::LastAuthoredBlock` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn on_offence() -> Weight {
        // Minimum execution time: 203_973_000 picoseconds.
        Weight::from_parts(247_929_000, 23747)
            .saturating_add(T::DbWeight::get().reads(11_u64))
            .saturating_add(T::DbWeight::get().writes(8_u64))
    }
    // Storage: `Session::Validators` (r:1 w:0)
    // Proof: `Session::Validators` (`max_values`: Some(1), `max_size`: None, mode: `Measured`)
    // Storage: `Validators::Sentences` (r:250 w:0)
    // Proof: `Validators::Sentences` (`max_values`: None, `max_size`: Some(1846), added: 4321, mode: `MaxEncodedLen`)
    // Storage: `Validators::Bonds` (r:250 w:250)
    // Proof: `Validators::Bonds` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    fn begin_session(v: u32) -> Weight {
        // Minimum execution time: 14_311_000 picoseconds.
        Weight::from_parts(14_852_000, 1684)
            // Standard error: 1_522_054
            .saturating_add(Weight::from_parts(48_616_168, 0).saturating_mul(v.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(v.into())))
            .saturating_add(Weight::from_parts(0, 4321).saturating_mul(v.into()))
    }
}

// For tests.
impl WeightInfo for () {
    fn bond() -> Weight {
        Weight::from_parts(63_935_000, 3874)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn unbond() -> Weight {
        Weight::from_parts(30_676_000, 11673)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn poke() -> Weight {
        Weight::from_parts(68_051_000, 5311)
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn jail() -> Weight {
        Weight::from_parts(55_853_000, 13472)
            .saturating_add(ParityDbWeight::get().reads(6_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn unjail() -> Weight {
        Weight::from_parts(16_655_000, 5311)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn on_offence() -> Weight {
        Weight::from_parts(247_929_000, 23747)
            .saturating_add(ParityDbWeight::get().reads(11_u64))
            .saturating_add(ParityDbWeight::get().writes(8_u64))
    }
    fn begin_session(v: u32) -> Weight {
        Weight::from_parts(14_852_000, 1684)
            .saturating_add(Weight::from_parts(48_616_168, 0).saturating_mul(v.into()))
            .saturating_add(ParityDbWeight::get().reads(1_u64))
            .saturating_add(ParityDbWeight::get().reads((2_u64).saturating_mul(v.into())))
            .saturating_add(ParityDbWeight::get().writes((1_u64).saturating_mul(v.into())))
            .saturating_add(Weight::from_parts(0, 4321).saturating_mul(v.into()))
    }
}
