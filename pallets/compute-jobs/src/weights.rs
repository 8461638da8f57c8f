//! Weights of `pallet_compute_jobs`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-22:
//! 50 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: 0a6f9eac98c698574e2a9007c2c57691 over 116 files; changed since it was measured, accepted by review.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::ParityDbWeight, Weight},
};

/// Weight functions needed for `pallet_compute_jobs`.
pub trait WeightInfo {
    fn register_provider() -> Weight;
    fn set_worker() -> Weight;
    fn set_offer() -> Weight;
    fn pause() -> Weight;
    fn resume() -> Weight;
    fn deregister() -> Weight;
    fn withdraw() -> Weight;
    fn unjail() -> Weight;
    fn add_bond() -> Weight;
    fn create_job() -> Weight;
    fn cancel() -> Weight;
    fn accept() -> Weight;
    fn commit() -> Weight;
    /// `r` is in `[1, 1024]`.
    fn reveal(r: u32) -> Weight;
    fn poke() -> Weight;
    fn remove_receipt() -> Weight;
    fn on_initialize() -> Weight;
    fn queue_bucket() -> Weight;
    fn queue_job() -> Weight;
    fn queue_backlog() -> Weight;
    /// `o` is in `[7, 256]`.
    fn draw(o: u32) -> Weight;
    fn transition() -> Weight;
    fn announce() -> Weight;
    /// `p` is in `[2048, 43000]`.
    /// `n` is in `[1, 1024]`.
    fn challenge(p: u32, n: u32) -> Weight;
    /// `n` is in `[1, 1024]`.
    fn demand(n: u32) -> Weight;
    /// `b` is in `[1, 32768]`.
    fn answer(b: u32) -> Weight;
    /// `n` is in `[1, 1024]`.
    fn deliver(n: u32) -> Weight;
    fn poke_thread() -> Weight;
    fn queue_thread() -> Weight;
}

/// Weights for `pallet_compute_jobs` on a node with ParityDB.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::WorkerOf` (r:1 w:1)
    // Proof: `ComputeJobs::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:1 w:0)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    // Storage: `Parameters::Parameters` (r:1 w:0)
    // Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(36), added: 2511, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    fn register_provider() -> Weight {
        // Minimum execution time: 125_557_000 picoseconds.
        Weight::from_parts(239_166_000, 4027)
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::WorkerOf` (r:1 w:2)
    // Proof: `ComputeJobs::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:1 w:0)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    fn set_worker() -> Weight {
        // Minimum execution time: 83_364_000 picoseconds.
        Weight::from_parts(172_817_000, 4027)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:257 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:258 w:2)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::CounterForOffers` (r:1 w:1)
    // Proof: `ComputeJobs::CounterForOffers` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn set_offer() -> Weight {
        // Minimum execution time: 2_956_217_000 picoseconds.
        Weight::from_parts(4_963_363_000, 833814)
            .saturating_add(T::DbWeight::get().reads(516_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:0)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    fn pause() -> Weight {
        // Minimum execution time: 18_017_000 picoseconds.
        Weight::from_parts(33_340_000, 4218)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    fn resume() -> Weight {
        // Minimum execution time: 19_419_000 picoseconds.
        Weight::from_parts(36_023_000, 4218)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::CounterForOffers` (r:1 w:1)
    // Proof: `ComputeJobs::CounterForOffers` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn deregister() -> Weight {
        // Minimum execution time: 23_365_000 picoseconds.
        Weight::from_parts(43_454_000, 4218)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::WorkerOf` (r:0 w:1)
    // Proof: `ComputeJobs::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    fn withdraw() -> Weight {
        // Minimum execution time: 55_252_000 picoseconds.
        Weight::from_parts(94_330_000, 3802)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `Parameters::Parameters` (r:1 w:0)
    // Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(36), added: 2511, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    fn unjail() -> Weight {
        // Minimum execution time: 24_156_000 picoseconds.
        Weight::from_parts(39_870_000, 4218)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    fn add_bond() -> Weight {
        // Minimum execution time: 66_970_000 picoseconds.
        Weight::from_parts(109_734_000, 4218)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `Programs::Programs` (r:1 w:0)
    // Proof: `Programs::Programs` (`max_values`: None, `max_size`: Some(245), added: 2720, mode: `MaxEncodedLen`)
    // Storage: `Parameters::Parameters` (r:1 w:0)
    // Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(36), added: 2511, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::NextJobId` (r:1 w:1)
    // Proof: `ComputeJobs::NextJobId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `Babe::EpochIndex` (r:1 w:0)
    // Proof: `Babe::EpochIndex` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `Babe::NextRandomness` (r:1 w:0)
    // Proof: `Babe::NextRandomness` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Jobs` (r:0 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    fn create_job() -> Weight {
        // Minimum execution time: 151_796_000 picoseconds.
        Weight::from_parts(258_304_000, 5143)
            .saturating_add(T::DbWeight::get().reads(9_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    fn cancel() -> Weight {
        // Minimum execution time: 144_194_000 picoseconds.
        Weight::from_parts(208_350_000, 6916)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:22 w:22)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    fn accept() -> Weight {
        // Minimum execution time: 192_767_000 picoseconds.
        Weight::from_parts(308_780_000, 61798)
            .saturating_add(T::DbWeight::get().reads(23_u64))
            .saturating_add(T::DbWeight::get().writes(23_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:22 w:22)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    fn commit() -> Weight {
        // Minimum execution time: 183_573_000 picoseconds.
        Weight::from_parts(306_706_000, 61798)
            .saturating_add(T::DbWeight::get().reads(23_u64))
            .saturating_add(T::DbWeight::get().writes(23_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::NodeRoots` (r:1 w:1)
    // Proof: `ComputeJobs::NodeRoots` (`max_values`: None, `max_size`: Some(32834), added: 35309, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn reveal(r: u32) -> Weight {
        // Minimum execution time: 90_344_000 picoseconds.
        Weight::from_parts(117_237_640, 36299)
            // Standard error: 3_448
            .saturating_add(Weight::from_parts(212_000, 0).saturating_mul(r.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    fn poke() -> Weight {
        // Minimum execution time: 156_453_000 picoseconds.
        Weight::from_parts(254_018_000, 6916)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `ComputeJobs::Receipts` (r:1 w:1)
    // Proof: `ComputeJobs::Receipts` (`max_values`: None, `max_size`: Some(468), added: 2943, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    fn remove_receipt() -> Weight {
        // Minimum execution time: 77_916_000 picoseconds.
        Weight::from_parts(89_012_000, 3933)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Babe::AuthorVrfRandomness` (r:1 w:0)
    // Proof: `Babe::AuthorVrfRandomness` (`max_values`: Some(1), `max_size`: Some(33), added: 528, mode: `MaxEncodedLen`)
    // Storage: `Babe::EpochIndex` (r:1 w:0)
    // Proof: `Babe::EpochIndex` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `Babe::NextRandomness` (r:1 w:0)
    // Proof: `Babe::NextRandomness` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::EpochSeeds` (r:1 w:1)
    // Proof: `ComputeJobs::EpochSeeds` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Seeds` (r:0 w:1)
    // Proof: `ComputeJobs::Seeds` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn on_initialize() -> Weight {
        // Minimum execution time: 11_527_000 picoseconds.
        Weight::from_parts(12_629_000, 3513)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::QueueCursor` (r:1 w:1)
    // Proof: `ComputeJobs::QueueCursor` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:0)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    fn queue_bucket() -> Weight {
        // Minimum execution time: 5_428_000 picoseconds.
        Weight::from_parts(9_474_000, 5143)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:17 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::BacklogEnd` (r:1 w:1)
    // Proof: `ComputeJobs::BacklogEnd` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Backlog` (r:0 w:1)
    // Proof: `ComputeJobs::Backlog` (`max_values`: None, `max_size`: Some(29), added: 2504, mode: `MaxEncodedLen`)
    fn queue_job() -> Weight {
        // Minimum execution time: 74_090_000 picoseconds.
        Weight::from_parts(84_526_000, 71591)
            .saturating_add(T::DbWeight::get().reads(19_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `ComputeJobs::BacklogStart` (r:1 w:1)
    // Proof: `ComputeJobs::BacklogStart` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::BacklogEnd` (r:1 w:0)
    // Proof: `ComputeJobs::BacklogEnd` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Backlog` (r:1 w:1)
    // Proof: `ComputeJobs::Backlog` (`max_values`: None, `max_size`: Some(29), added: 2504, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Jobs` (r:1 w:0)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    fn queue_backlog() -> Weight {
        // Minimum execution time: 18_198_000 picoseconds.
        Weight::from_parts(21_813_000, 6916)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::CounterForOffers` (r:1 w:0)
    // Proof: `ComputeJobs::CounterForOffers` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Seeds` (r:3 w:0)
    // Proof: `ComputeJobs::Seeds` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:257 w:0)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:256 w:7)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:7 w:7)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    fn draw(o: u32) -> Weight {
        // Minimum execution time: 209_041_000 picoseconds.
        Weight::from_parts(212_867_000, 22249)
            // Standard error: 314_963
            .saturating_add(Weight::from_parts(22_192_709, 0).saturating_mul(o.into()))
            .saturating_add(T::DbWeight::get().reads(13_u64))
            .saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(o.into())))
            .saturating_add(T::DbWeight::get().writes(14_u64))
            .saturating_add(Weight::from_parts(0, 3228).saturating_mul(o.into()))
    }
    // Storage: `System::Account` (r:10 w:6)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:4 w:4)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::NodeRoots` (r:1 w:4)
    // Proof: `ComputeJobs::NodeRoots` (`max_values`: None, `max_size`: Some(32834), added: 35309, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:7 w:7)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:7 w:7)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Receipts` (r:0 w:1)
    // Proof: `ComputeJobs::Receipts` (`max_values`: None, `max_size`: Some(468), added: 2943, mode: `MaxEncodedLen`)
    fn transition() -> Weight {
        // Minimum execution time: 804_757_000 picoseconds.
        Weight::from_parts(1_156_080_000, 36299)
            .saturating_add(T::DbWeight::get().reads(30_u64))
            .saturating_add(T::DbWeight::get().writes(30_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:2 w:2)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Threads` (r:0 w:1)
    // Proof: `ComputeJobs::Threads` (`max_values`: None, `max_size`: Some(332), added: 2807, mode: `MaxEncodedLen`)
    fn announce() -> Weight {
        // Minimum execution time: 112_257_000 picoseconds.
        Weight::from_parts(192_477_000, 9296)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Threads` (r:1 w:1)
    // Proof: `ComputeJobs::Threads` (`max_values`: None, `max_size`: Some(332), added: 2807, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::NodeRoots` (r:1 w:1)
    // Proof: `ComputeJobs::NodeRoots` (`max_values`: None, `max_size`: Some(32834), added: 35309, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `Programs::ProgramBytes` (r:1 w:0)
    // Proof: `Programs::ProgramBytes` (`max_values`: None, `max_size`: Some(65572), added: 68047, mode: `MaxEncodedLen`)
    // Storage: `Programs::ModelRoots` (r:1 w:0)
    // Proof: `Programs::ModelRoots` (`max_values`: None, `max_size`: Some(32786), added: 35261, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::FirstAnswered` (r:1 w:0)
    // Proof: `ComputeJobs::FirstAnswered` (`max_values`: None, `max_size`: Some(78), added: 2553, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:7 w:7)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:10 w:10)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:9 w:9)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:7 w:7)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    fn challenge(p: u32, n: u32) -> Weight {
        // Minimum execution time: 2_343_857_000 picoseconds.
        Weight::from_parts(2_395_773_055, 69037)
            // Standard error: 2_396
            .saturating_add(Weight::from_parts(22_717, 0).saturating_mul(p.into()))
            // Standard error: 95_872
            .saturating_add(Weight::from_parts(1_317_893, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(42_u64))
            .saturating_add(T::DbWeight::get().writes(38_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Threads` (r:1 w:1)
    // Proof: `ComputeJobs::Threads` (`max_values`: None, `max_size`: Some(332), added: 2807, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::NodeRoots` (r:1 w:0)
    // Proof: `ComputeJobs::NodeRoots` (`max_values`: None, `max_size`: Some(32834), added: 35309, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:0)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `Programs::ProgramBytes` (r:1 w:0)
    // Proof: `Programs::ProgramBytes` (`max_values`: None, `max_size`: Some(65572), added: 68047, mode: `MaxEncodedLen`)
    // Storage: `Programs::ModelRoots` (r:1 w:0)
    // Proof: `Programs::ModelRoots` (`max_values`: None, `max_size`: Some(32786), added: 35261, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:2 w:2)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    fn demand(n: u32) -> Weight {
        // Minimum execution time: 167_789_000 picoseconds.
        Weight::from_parts(252_449_724, 69037)
            // Standard error: 16_146
            .saturating_add(Weight::from_parts(1_237_505, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(11_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Threads` (r:1 w:1)
    // Proof: `ComputeJobs::Threads` (`max_values`: None, `max_size`: Some(332), added: 2807, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::FirstAnswered` (r:1 w:1)
    // Proof: `ComputeJobs::FirstAnswered` (`max_values`: None, `max_size`: Some(78), added: 2553, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:2 w:2)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Answers` (r:0 w:1)
    // Proof: `ComputeJobs::Answers` (`max_values`: None, `max_size`: Some(34857), added: 37332, mode: `MaxEncodedLen`)
    fn answer(b: u32) -> Weight {
        // Minimum execution time: 132_227_000 picoseconds.
        Weight::from_parts(191_801_239, 9296)
            // Standard error: 82
            .saturating_add(Weight::from_parts(7_912, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(9_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::NodeRoots` (r:1 w:0)
    // Proof: `ComputeJobs::NodeRoots` (`max_values`: None, `max_size`: Some(32834), added: 35309, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:0)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `Programs::ProgramBytes` (r:1 w:0)
    // Proof: `Programs::ProgramBytes` (`max_values`: None, `max_size`: Some(65572), added: 68047, mode: `MaxEncodedLen`)
    // Storage: `Programs::ModelRoots` (r:1 w:0)
    // Proof: `Programs::ModelRoots` (`max_values`: None, `max_size`: Some(32786), added: 35261, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:2 w:2)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Threads` (r:0 w:1)
    // Proof: `ComputeJobs::Threads` (`max_values`: None, `max_size`: Some(332), added: 2807, mode: `MaxEncodedLen`)
    fn deliver(n: u32) -> Weight {
        // Minimum execution time: 218_995_000 picoseconds.
        Weight::from_parts(291_097_016, 69037)
            // Standard error: 11_481
            .saturating_add(Weight::from_parts(1_061_035, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(9_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Threads` (r:1 w:1)
    // Proof: `ComputeJobs::Threads` (`max_values`: None, `max_size`: Some(332), added: 2807, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::FirstAnswered` (r:1 w:0)
    // Proof: `ComputeJobs::FirstAnswered` (`max_values`: None, `max_size`: Some(78), added: 2553, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:7 w:7)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    fn poke_thread() -> Weight {
        // Minimum execution time: 206_708_000 picoseconds.
        Weight::from_parts(334_938_000, 20338)
            .saturating_add(T::DbWeight::get().reads(13_u64))
            .saturating_add(T::DbWeight::get().writes(12_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(3451), added: 5926, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Threads` (r:1 w:1)
    // Proof: `ComputeJobs::Threads` (`max_values`: None, `max_size`: Some(332), added: 2807, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::FirstAnswered` (r:1 w:0)
    // Proof: `ComputeJobs::FirstAnswered` (`max_values`: None, `max_size`: Some(78), added: 2553, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:7 w:7)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(289), added: 2764, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(337), added: 2812, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1678), added: 4153, mode: `MaxEncodedLen`)
    fn queue_thread() -> Weight {
        // Minimum execution time: 188_110_000 picoseconds.
        Weight::from_parts(288_389_000, 20338)
            .saturating_add(T::DbWeight::get().reads(13_u64))
            .saturating_add(T::DbWeight::get().writes(12_u64))
    }
}

// For tests.
impl WeightInfo for () {
    fn register_provider() -> Weight {
        Weight::from_parts(239_166_000, 4027)
            .saturating_add(ParityDbWeight::get().reads(7_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn set_worker() -> Weight {
        Weight::from_parts(172_817_000, 4027)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn set_offer() -> Weight {
        Weight::from_parts(4_963_363_000, 833814)
            .saturating_add(ParityDbWeight::get().reads(516_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn pause() -> Weight {
        Weight::from_parts(33_340_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn resume() -> Weight {
        Weight::from_parts(36_023_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn deregister() -> Weight {
        Weight::from_parts(43_454_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn withdraw() -> Weight {
        Weight::from_parts(94_330_000, 3802)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn unjail() -> Weight {
        Weight::from_parts(39_870_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn add_bond() -> Weight {
        Weight::from_parts(109_734_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn create_job() -> Weight {
        Weight::from_parts(258_304_000, 5143)
            .saturating_add(ParityDbWeight::get().reads(9_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn cancel() -> Weight {
        Weight::from_parts(208_350_000, 6916)
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(5_u64))
    }
    fn accept() -> Weight {
        Weight::from_parts(308_780_000, 61798)
            .saturating_add(ParityDbWeight::get().reads(23_u64))
            .saturating_add(ParityDbWeight::get().writes(23_u64))
    }
    fn commit() -> Weight {
        Weight::from_parts(306_706_000, 61798)
            .saturating_add(ParityDbWeight::get().reads(23_u64))
            .saturating_add(ParityDbWeight::get().writes(23_u64))
    }
    fn reveal(r: u32) -> Weight {
        Weight::from_parts(117_237_640, 36299)
            .saturating_add(Weight::from_parts(212_000, 0).saturating_mul(r.into()))
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn poke() -> Weight {
        Weight::from_parts(254_018_000, 6916)
            .saturating_add(ParityDbWeight::get().reads(6_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn remove_receipt() -> Weight {
        Weight::from_parts(89_012_000, 3933)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn on_initialize() -> Weight {
        Weight::from_parts(12_629_000, 3513)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn queue_bucket() -> Weight {
        Weight::from_parts(9_474_000, 5143)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn queue_job() -> Weight {
        Weight::from_parts(84_526_000, 71591)
            .saturating_add(ParityDbWeight::get().reads(19_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn queue_backlog() -> Weight {
        Weight::from_parts(21_813_000, 6916)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn draw(o: u32) -> Weight {
        Weight::from_parts(212_867_000, 22249)
            .saturating_add(Weight::from_parts(22_192_709, 0).saturating_mul(o.into()))
            .saturating_add(ParityDbWeight::get().reads(13_u64))
            .saturating_add(ParityDbWeight::get().reads((2_u64).saturating_mul(o.into())))
            .saturating_add(ParityDbWeight::get().writes(14_u64))
            .saturating_add(Weight::from_parts(0, 3228).saturating_mul(o.into()))
    }
    fn transition() -> Weight {
        Weight::from_parts(1_156_080_000, 36299)
            .saturating_add(ParityDbWeight::get().reads(30_u64))
            .saturating_add(ParityDbWeight::get().writes(30_u64))
    }
    fn announce() -> Weight {
        Weight::from_parts(192_477_000, 9296)
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn challenge(p: u32, n: u32) -> Weight {
        Weight::from_parts(2_395_773_055, 69037)
            .saturating_add(Weight::from_parts(22_717, 0).saturating_mul(p.into()))
            .saturating_add(Weight::from_parts(1_317_893, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(42_u64))
            .saturating_add(ParityDbWeight::get().writes(38_u64))
    }
    fn demand(n: u32) -> Weight {
        Weight::from_parts(252_449_724, 69037)
            .saturating_add(Weight::from_parts(1_237_505, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(11_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn answer(b: u32) -> Weight {
        Weight::from_parts(191_801_239, 9296)
            .saturating_add(Weight::from_parts(7_912, 0).saturating_mul(b.into()))
            .saturating_add(ParityDbWeight::get().reads(8_u64))
            .saturating_add(ParityDbWeight::get().writes(9_u64))
    }
    fn deliver(n: u32) -> Weight {
        Weight::from_parts(291_097_016, 69037)
            .saturating_add(Weight::from_parts(1_061_035, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(9_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn poke_thread() -> Weight {
        Weight::from_parts(334_938_000, 20338)
            .saturating_add(ParityDbWeight::get().reads(13_u64))
            .saturating_add(ParityDbWeight::get().writes(12_u64))
    }
    fn queue_thread() -> Weight {
        Weight::from_parts(288_389_000, 20338)
            .saturating_add(ParityDbWeight::get().reads(13_u64))
            .saturating_add(ParityDbWeight::get().writes(12_u64))
    }
}
