//! Weights of `pallet_treasury`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-treasury 49.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_treasury`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_treasury::WeightInfo for WeightInfo<T> {
    // Storage: `Treasury::ProposalCount` (r:1 w:1)
    // Proof: `Treasury::ProposalCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `Treasury::Approvals` (r:1 w:1)
    // Proof: `Treasury::Approvals` (`max_values`: Some(1), `max_size`: Some(402), added: 897, mode: `MaxEncodedLen`)
    // Storage: `Treasury::Proposals` (r:0 w:1)
    // Proof: `Treasury::Proposals` (`max_values`: None, `max_size`: Some(108), added: 2583, mode: `MaxEncodedLen`)
    fn spend_local() -> Weight {
        // Minimum execution time: 18_114_000 picoseconds.
        Weight::from_parts(23_504_000, 1887)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Treasury::Approvals` (r:1 w:1)
    // Proof: `Treasury::Approvals` (`max_values`: Some(1), `max_size`: Some(402), added: 897, mode: `MaxEncodedLen`)
    fn remove_approval() -> Weight {
        // Minimum execution time: 9_437_000 picoseconds.
        Weight::from_parts(15_880_000, 1887)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `System::Account` (r:1 w:0)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Treasury::Deactivated` (r:1 w:1)
    // Proof: `Treasury::Deactivated` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `Treasury::LastSpendPeriod` (r:1 w:1)
    // Proof: `Treasury::LastSpendPeriod` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // `p` is in `[0, 99]`.
    fn on_initialize_proposals(p: u32) -> Weight {
        // Minimum execution time: 18_615_000 picoseconds.
        Weight::from_parts(34_341_676, 3593)
            // Standard error: 3_770
            .saturating_add(Weight::from_parts(202_640, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Treasury::SpendCount` (r:1 w:1)
    // Proof: `Treasury::SpendCount` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `Treasury::Spends` (r:0 w:1)
    // Proof: `Treasury::Spends` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    fn spend() -> Weight {
        // Minimum execution time: 16_711_000 picoseconds.
        Weight::from_parts(30_336_000, 1489)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Treasury::Spends` (r:1 w:1)
    // Proof: `Treasury::Spends` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn payout() -> Weight {
        // Minimum execution time: 72_044_000 picoseconds.
        Weight::from_parts(110_506_000, 6196)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Treasury::Spends` (r:1 w:1)
    // Proof: `Treasury::Spends` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    fn check_status() -> Weight {
        // Minimum execution time: 17_843_000 picoseconds.
        Weight::from_parts(21_380_000, 3534)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Treasury::Spends` (r:1 w:1)
    // Proof: `Treasury::Spends` (`max_values`: None, `max_size`: Some(69), added: 2544, mode: `MaxEncodedLen`)
    fn void_spend() -> Weight {
        // Minimum execution time: 16_691_000 picoseconds.
        Weight::from_parts(20_278_000, 3534)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
