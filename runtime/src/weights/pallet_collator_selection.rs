//! Weights of `pallet_collator_selection`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 10 steps, 2 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-collator-selection 31.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_collator_selection`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_collator_selection::WeightInfo for WeightInfo<T> {
    // Storage: `Session::NextKeys` (r:50 w:0)
    // Proof: `Session::NextKeys` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // Storage: `CollatorSelection::Invulnerables` (r:0 w:1)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // `b` is in `[1, 50]`.
    fn set_invulnerables(b: u32) -> Weight {
        // Minimum execution time: 40_175_000 picoseconds.
        Weight::from_parts(24_314_768, 1159)
            // Standard error: 727_647
            .saturating_add(Weight::from_parts(9_540_140, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64))
            .saturating_add(Weight::from_parts(0, 2620).saturating_mul(b.into()))
    }
    // Storage: `Session::NextKeys` (r:1 w:0)
    // Proof: `Session::NextKeys` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:1)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::CandidateList` (r:1 w:1)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // `b` is in `[1, 49]`.
    // `c` is in `[1, 199]`.
    fn add_invulnerable(b: u32, c: u32) -> Weight {
        // Minimum execution time: 95_749_000 picoseconds.
        Weight::from_parts(70_450_245, 11087)
            // Standard error: 561_494
            .saturating_add(Weight::from_parts(1_062_905, 0).saturating_mul(b.into()))
            // Standard error: 136_976
            .saturating_add(Weight::from_parts(419_862, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
            .saturating_add(Weight::from_parts(0, 32).saturating_mul(b.into()))
            .saturating_add(Weight::from_parts(0, 50).saturating_mul(c.into()))
    }
    // Storage: `CollatorSelection::CandidateList` (r:1 w:0)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:1)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // `b` is in `[2, 50]`.
    fn remove_invulnerable(_b: u32) -> Weight {
        // Minimum execution time: 37_220_000 picoseconds.
        Weight::from_parts(53_429_363, 11087)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `CollatorSelection::DesiredCandidates` (r:0 w:1)
    // Proof: `CollatorSelection::DesiredCandidates` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn set_desired_candidates() -> Weight {
        // Minimum execution time: 8_235_000 picoseconds.
        Weight::from_parts(13_986_000, 0).saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `CollatorSelection::CandidacyBond` (r:1 w:1)
    // Proof: `CollatorSelection::CandidacyBond` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::CandidateList` (r:1 w:1)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:200 w:200)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::LastAuthoredBlock` (r:0 w:200)
    // Proof: `CollatorSelection::LastAuthoredBlock` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // `c` is in `[0, 200]`.
    // `k` is in `[0, 200]`.
    fn set_candidacy_bond(c: u32, k: u32) -> Weight {
        // Minimum execution time: 33_913_000 picoseconds.
        Weight::from_parts(33_913_000, 58256)
            // Standard error: 1_657_481
            .saturating_add(Weight::from_parts(9_565_675, 0).saturating_mul(c.into()))
            // Standard error: 1_657_481
            .saturating_add(Weight::from_parts(10_040_410, 0).saturating_mul(k.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(k.into())))
            .saturating_add(Weight::from_parts(0, 804).saturating_mul(c.into()))
            .saturating_add(Weight::from_parts(0, 804).saturating_mul(k.into()))
    }
    // Storage: `CollatorSelection::CandidacyBond` (r:1 w:0)
    // Proof: `CollatorSelection::CandidacyBond` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::CandidateList` (r:1 w:1)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // `c` is in `[1, 200]`.
    fn update_bond(c: u32) -> Weight {
        // Minimum execution time: 47_719_000 picoseconds.
        Weight::from_parts(35_898_028, 11087)
            // Standard error: 128_587
            .saturating_add(Weight::from_parts(545_248, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `CollatorSelection::CandidateList` (r:1 w:1)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:0)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // Storage: `Session::NextKeys` (r:1 w:0)
    // Proof: `Session::NextKeys` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // Storage: `CollatorSelection::CandidacyBond` (r:1 w:0)
    // Proof: `CollatorSelection::CandidacyBond` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::LastAuthoredBlock` (r:0 w:1)
    // Proof: `CollatorSelection::LastAuthoredBlock` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // `c` is in `[1, 199]`.
    fn register_as_candidate(c: u32) -> Weight {
        // Minimum execution time: 96_380_000 picoseconds.
        Weight::from_parts(154_288_088, 11087)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
            .saturating_add(Weight::from_parts(0, 51).saturating_mul(c.into()))
    }
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:0)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::CandidacyBond` (r:1 w:0)
    // Proof: `CollatorSelection::CandidacyBond` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `Session::NextKeys` (r:1 w:0)
    // Proof: `Session::NextKeys` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // Storage: `CollatorSelection::CandidateList` (r:1 w:1)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::LastAuthoredBlock` (r:0 w:2)
    // Proof: `CollatorSelection::LastAuthoredBlock` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // `c` is in `[1, 200]`.
    fn take_candidate_slot(c: u32) -> Weight {
        // Minimum execution time: 92_713_000 picoseconds.
        Weight::from_parts(112_922_762, 11087)
            // Standard error: 175_776
            .saturating_add(Weight::from_parts(610_538, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
            .saturating_add(Weight::from_parts(0, 51).saturating_mul(c.into()))
    }
    // Storage: `CollatorSelection::CandidateList` (r:1 w:1)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:0)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::LastAuthoredBlock` (r:0 w:1)
    // Proof: `CollatorSelection::LastAuthoredBlock` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // `c` is in `[1, 200]`.
    fn leave_intent(c: u32) -> Weight {
        // Minimum execution time: 65_542_000 picoseconds.
        Weight::from_parts(78_056_253, 11087)
            // Standard error: 88_561
            .saturating_add(Weight::from_parts(199_096, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::LastAuthoredBlock` (r:0 w:1)
    // Proof: `CollatorSelection::LastAuthoredBlock` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn note_author() -> Weight {
        // Minimum execution time: 63_499_000 picoseconds.
        Weight::from_parts(101_850_000, 6196)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `CollatorSelection::CandidateList` (r:1 w:0)
    // Proof: `CollatorSelection::CandidateList` (`max_values`: Some(1), `max_size`: Some(9602), added: 10097, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::LastAuthoredBlock` (r:200 w:0)
    // Proof: `CollatorSelection::LastAuthoredBlock` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::Invulnerables` (r:1 w:0)
    // Proof: `CollatorSelection::Invulnerables` (`max_values`: Some(1), `max_size`: Some(1601), added: 2096, mode: `MaxEncodedLen`)
    // Storage: `CollatorSelection::DesiredCandidates` (r:1 w:0)
    // Proof: `CollatorSelection::DesiredCandidates` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:177 w:177)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // `r` is in `[1, 200]`.
    // `c` is in `[1, 200]`.
    fn new_session(r: u32, c: u32) -> Weight {
        // Minimum execution time: 143_478_000 picoseconds.
        Weight::from_parts(143_478_000, 11087)
            // Standard error: 3_166_624
            .saturating_add(Weight::from_parts(23_360_306, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(c.into())))
            .saturating_add(Weight::from_parts(0, 2519).saturating_mul(c.into()))
            .saturating_add(Weight::from_parts(0, 2603).saturating_mul(r.into()))
    }
}
