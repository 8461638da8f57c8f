//! Weights of `pallet_referenda`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-referenda 50.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_referenda`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_referenda::WeightInfo for WeightInfo<T> {
    // Storage: `Referenda::ReferendumCount` (r:1 w:1)
    // Proof: `Referenda::ReferendumCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Referenda::ReferendumInfoFor` (r:0 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    fn submit() -> Weight {
        // Minimum execution time: 45_415_000 picoseconds.
        Weight::from_parts(51_236_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:2 w:2)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn place_decision_deposit_preparing() -> Weight {
        // Minimum execution time: 61_234_000 picoseconds.
        Weight::from_parts(69_149_000, 26866)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:0)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    // Storage: `Referenda::TrackQueue` (r:1 w:1)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn place_decision_deposit_queued() -> Weight {
        // Minimum execution time: 83_636_000 picoseconds.
        Weight::from_parts(119_493_000, 13928)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:0)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    // Storage: `Referenda::TrackQueue` (r:1 w:1)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn place_decision_deposit_not_queued() -> Weight {
        // Minimum execution time: 80_630_000 picoseconds.
        Weight::from_parts(106_118_000, 13928)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:1)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:2 w:2)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn place_decision_deposit_passing() -> Weight {
        // Minimum execution time: 73_637_000 picoseconds.
        Weight::from_parts(88_836_000, 26866)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:1)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:2 w:2)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn place_decision_deposit_failing() -> Weight {
        // Minimum execution time: 69_891_000 picoseconds.
        Weight::from_parts(97_212_000, 26866)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    fn refund_decision_deposit() -> Weight {
        // Minimum execution time: 35_847_000 picoseconds.
        Weight::from_parts(43_261_000, 3831)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    fn refund_submission_deposit() -> Weight {
        // Minimum execution time: 35_236_000 picoseconds.
        Weight::from_parts(54_672_000, 3831)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn cancel() -> Weight {
        // Minimum execution time: 38_392_000 picoseconds.
        Weight::from_parts(53_970_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Referenda::MetadataOf` (r:1 w:0)
    // Proof: `Referenda::MetadataOf` (`max_values`: None, `max_size`: Some(52), added: 2527, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn kill() -> Weight {
        // Minimum execution time: 106_088_000 picoseconds.
        Weight::from_parts(155_170_000, 13928)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Referenda::TrackQueue` (r:1 w:0)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:1)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    fn one_fewer_deciding_queue_empty() -> Weight {
        // Minimum execution time: 17_904_000 picoseconds.
        Weight::from_parts(29_936_000, 5477)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Referenda::TrackQueue` (r:1 w:1)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn one_fewer_deciding_failing() -> Weight {
        // Minimum execution time: 59_071_000 picoseconds.
        Weight::from_parts(78_347_000, 13928)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Referenda::TrackQueue` (r:1 w:1)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn one_fewer_deciding_passing() -> Weight {
        // Minimum execution time: 64_039_000 picoseconds.
        Weight::from_parts(101_780_000, 13928)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:0)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::TrackQueue` (r:1 w:1)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    fn nudge_referendum_requeued_insertion() -> Weight {
        // Minimum execution time: 34_083_000 picoseconds.
        Weight::from_parts(62_045_000, 5477)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:0)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::TrackQueue` (r:1 w:1)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    fn nudge_referendum_requeued_slide() -> Weight {
        // Minimum execution time: 32_901_000 picoseconds.
        Weight::from_parts(61_365_000, 5477)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:0)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    // Storage: `Referenda::TrackQueue` (r:1 w:1)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    fn nudge_referendum_queued() -> Weight {
        // Minimum execution time: 39_935_000 picoseconds.
        Weight::from_parts(73_457_000, 5477)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:0)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    // Storage: `Referenda::TrackQueue` (r:1 w:1)
    // Proof: `Referenda::TrackQueue` (`max_values`: None, `max_size`: Some(2012), added: 4487, mode: `MaxEncodedLen`)
    fn nudge_referendum_not_queued() -> Weight {
        // Minimum execution time: 40_205_000 picoseconds.
        Weight::from_parts(66_724_000, 5477)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_no_deposit() -> Weight {
        // Minimum execution time: 30_718_000 picoseconds.
        Weight::from_parts(48_149_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_preparing() -> Weight {
        // Minimum execution time: 33_141_000 picoseconds.
        Weight::from_parts(51_125_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    fn nudge_referendum_timed_out() -> Weight {
        // Minimum execution time: 20_549_000 picoseconds.
        Weight::from_parts(31_119_000, 3831)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:1)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_begin_deciding_failing() -> Weight {
        // Minimum execution time: 41_848_000 picoseconds.
        Weight::from_parts(60_693_000, 13928)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::DecidingCount` (r:1 w:1)
    // Proof: `Referenda::DecidingCount` (`max_values`: None, `max_size`: Some(14), added: 2489, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_begin_deciding_passing() -> Weight {
        // Minimum execution time: 43_611_000 picoseconds.
        Weight::from_parts(48_821_000, 13928)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_begin_confirming() -> Weight {
        // Minimum execution time: 37_771_000 picoseconds.
        Weight::from_parts(62_327_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_end_confirming() -> Weight {
        // Minimum execution time: 37_530_000 picoseconds.
        Weight::from_parts(66_183_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_continue_not_confirming() -> Weight {
        // Minimum execution time: 36_328_000 picoseconds.
        Weight::from_parts(66_394_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_continue_confirming() -> Weight {
        // Minimum execution time: 36_077_000 picoseconds.
        Weight::from_parts(62_867_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:2 w:2)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Lookup` (r:1 w:1)
    // Proof: `Scheduler::Lookup` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    fn nudge_referendum_approved() -> Weight {
        // Minimum execution time: 51_686_000 picoseconds.
        Weight::from_parts(70_572_000, 26866)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn nudge_referendum_rejected() -> Weight {
        // Minimum execution time: 37_951_000 picoseconds.
        Weight::from_parts(63_569_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:0)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:0)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Referenda::MetadataOf` (r:0 w:1)
    // Proof: `Referenda::MetadataOf` (`max_values`: None, `max_size`: Some(52), added: 2527, mode: `MaxEncodedLen`)
    fn set_some_metadata() -> Weight {
        // Minimum execution time: 28_663_000 picoseconds.
        Weight::from_parts(50_153_000, 3831)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:0)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Referenda::MetadataOf` (r:1 w:1)
    // Proof: `Referenda::MetadataOf` (`max_values`: None, `max_size`: Some(52), added: 2527, mode: `MaxEncodedLen`)
    fn clear_metadata() -> Weight {
        // Minimum execution time: 23_053_000 picoseconds.
        Weight::from_parts(40_395_000, 3831)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
