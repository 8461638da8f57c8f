//! Weights of `pallet_scheduler`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-scheduler 51.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_scheduler`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_scheduler::WeightInfo for WeightInfo<T> {
    // Storage: `Scheduler::IncompleteSince` (r:1 w:1)
    // Proof: `Scheduler::IncompleteSince` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn service_agendas_base() -> Weight {
        // Minimum execution time: 8_386_000 picoseconds.
        Weight::from_parts(9_738_000, 1489)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // `s` is in `[0, 50]`.
    fn service_agenda_base(s: u32) -> Weight {
        // Minimum execution time: 5_932_000 picoseconds.
        Weight::from_parts(12_280_863, 13928)
            // Standard error: 7_356
            .saturating_add(Weight::from_parts(850_842, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    fn service_task_base() -> Weight {
        // Minimum execution time: 5_520_000 picoseconds.
        Weight::from_parts(11_762_000, 0)
    }
    // Storage: `Preimage::PreimageFor` (r:1 w:1)
    // Proof: `Preimage::PreimageFor` (`max_values`: None, `max_size`: Some(4194344), added: 4196819, mode: `Measured`)
    // Storage: `Preimage::StatusFor` (r:1 w:0)
    // Proof: `Preimage::StatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // Storage: `Preimage::RequestStatusFor` (r:1 w:1)
    // Proof: `Preimage::RequestStatusFor` (`max_values`: None, `max_size`: Some(91), added: 2566, mode: `MaxEncodedLen`)
    // `s` is in `[128, 4194304]`.
    fn service_task_fetched(s: u32) -> Weight {
        // Minimum execution time: 27_191_000 picoseconds.
        Weight::from_parts(30_597_000, 3605)
            // Standard error: 37
            .saturating_add(Weight::from_parts(2_504, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
            .saturating_add(Weight::from_parts(0, 1).saturating_mul(s.into()))
    }
    // Storage: `Scheduler::Lookup` (r:0 w:1)
    // Proof: `Scheduler::Lookup` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    fn service_task_named() -> Weight {
        // Minimum execution time: 8_355_000 picoseconds.
        Weight::from_parts(14_507_000, 0).saturating_add(T::DbWeight::get().writes(1_u64))
    }
    fn service_task_periodic() -> Weight {
        // Minimum execution time: 5_440_000 picoseconds.
        Weight::from_parts(8_255_000, 0)
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    fn execute_dispatch_signed() -> Weight {
        // Minimum execution time: 12_273_000 picoseconds.
        Weight::from_parts(18_234_000, 3997).saturating_add(T::DbWeight::get().reads(2_u64))
    }
    fn execute_dispatch_unsigned() -> Weight {
        // Minimum execution time: 4_428_000 picoseconds.
        Weight::from_parts(7_134_000, 0)
    }
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // `s` is in `[0, 49]`.
    fn schedule(s: u32) -> Weight {
        // Minimum execution time: 17_632_000 picoseconds.
        Weight::from_parts(26_216_783, 13928)
            // Standard error: 10_066
            .saturating_add(Weight::from_parts(886_161, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Lookup` (r:0 w:1)
    // Proof: `Scheduler::Lookup` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    // `s` is in `[1, 50]`.
    fn cancel(s: u32) -> Weight {
        // Minimum execution time: 25_818_000 picoseconds.
        Weight::from_parts(29_765_987, 13928)
            // Standard error: 9_580
            .saturating_add(Weight::from_parts(1_114_659, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Scheduler::Lookup` (r:1 w:1)
    // Proof: `Scheduler::Lookup` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // `s` is in `[0, 49]`.
    fn schedule_named(s: u32) -> Weight {
        // Minimum execution time: 22_732_000 picoseconds.
        Weight::from_parts(36_007_316, 13928)
            // Standard error: 10_396
            .saturating_add(Weight::from_parts(1_104_865, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Scheduler::Lookup` (r:1 w:1)
    // Proof: `Scheduler::Lookup` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    // `s` is in `[1, 50]`.
    fn cancel_named(s: u32) -> Weight {
        // Minimum execution time: 29_184_000 picoseconds.
        Weight::from_parts(39_245_619, 13928)
            // Standard error: 13_477
            .saturating_add(Weight::from_parts(1_810_875, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    // `s` is in `[1, 50]`.
    fn schedule_retry(s: u32) -> Weight {
        // Minimum execution time: 15_289_000 picoseconds.
        Weight::from_parts(22_656_059, 13928)
            // Standard error: 4_890
            .saturating_add(Weight::from_parts(151_712, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Scheduler::Agenda` (r:1 w:0)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn set_retry() -> Weight {
        // Minimum execution time: 41_227_000 picoseconds.
        Weight::from_parts(82_084_000, 13928)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Scheduler::Lookup` (r:1 w:0)
    // Proof: `Scheduler::Lookup` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:0)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn set_retry_named() -> Weight {
        // Minimum execution time: 49_983_000 picoseconds.
        Weight::from_parts(83_877_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Scheduler::Agenda` (r:1 w:0)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn cancel_retry() -> Weight {
        // Minimum execution time: 38_462_000 picoseconds.
        Weight::from_parts(67_376_000, 13928)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Scheduler::Lookup` (r:1 w:0)
    // Proof: `Scheduler::Lookup` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:0)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn cancel_retry_named() -> Weight {
        // Minimum execution time: 47_449_000 picoseconds.
        Weight::from_parts(78_456_000, 13928)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
