//! Weights of `pallet_compute_jobs`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-22:
//! 50 steps, 20 repeats, CPU `AMD EPYC`. Not edited by hand.

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
    /// `o` is in `[7, 256]`.
    fn draw(o: u32) -> Weight;
    fn transition() -> Weight;
    fn announce() -> Weight;
    /// `p` is a proof's length, in `[0, 49152]`, `n` the program's nodes, in `[1, 1024]`.
    fn challenge(p: u32, n: u32) -> Weight;
    /// `n` is in `[0, 1024]`; 0 for a demand that needs no program.
    fn demand(n: u32) -> Weight;
    /// `b` is in `[0, 34816]`.
    fn answer(b: u32) -> Weight;
    /// `n` is in `[1, 1024]`.
    fn deliver(n: u32) -> Weight;
    fn poke_thread() -> Weight;
    fn queue_thread() -> Weight;
}

/// Weights for `pallet_compute_jobs` on a node with ParityDB.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::WorkerOf` (r:1 w:1)
    // Proof: `ComputeJobs::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:1 w:0)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    // Storage: `Parameters::Parameters` (r:1 w:0)
    // Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(36), added: 2511, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(193), added: 2668, mode: `MaxEncodedLen`)
    fn register_provider() -> Weight {
        // Minimum execution time: 66_900_000 picoseconds.
        Weight::from_parts(110_054_000, 4027)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::WorkerOf` (r:1 w:2)
    // Proof: `ComputeJobs::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:1 w:0)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    fn set_worker() -> Weight {
        // Minimum execution time: 24_216_000 picoseconds.
        Weight::from_parts(39_609_000, 4027)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:257 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:258 w:2)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::CounterForOffers` (r:1 w:1)
    // Proof: `ComputeJobs::CounterForOffers` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn set_offer() -> Weight {
        // Minimum execution time: 4_342_070_000 picoseconds.
        Weight::from_parts(6_696_141_000, 833814)
            .saturating_add(T::DbWeight::get().reads(516_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:0)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    fn pause() -> Weight {
        // Minimum execution time: 17_046_000 picoseconds.
        Weight::from_parts(30_956_000, 4218)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    fn resume() -> Weight {
        // Minimum execution time: 20_741_000 picoseconds.
        Weight::from_parts(38_307_000, 4218)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::CounterForOffers` (r:1 w:1)
    // Proof: `ComputeJobs::CounterForOffers` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn deregister() -> Weight {
        // Minimum execution time: 24_026_000 picoseconds.
        Weight::from_parts(47_441_000, 4218)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(193), added: 2668, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::WorkerOf` (r:0 w:1)
    // Proof: `ComputeJobs::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    fn withdraw() -> Weight {
        // Minimum execution time: 59_509_000 picoseconds.
        Weight::from_parts(95_051_000, 3740)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `Parameters::Parameters` (r:1 w:0)
    // Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(36), added: 2511, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    fn unjail() -> Weight {
        // Minimum execution time: 23_305_000 picoseconds.
        Weight::from_parts(42_634_000, 4218)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::Providers` (r:1 w:1)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(193), added: 2668, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Offers` (r:1 w:1)
    // Proof: `ComputeJobs::Offers` (`max_values`: None, `max_size`: Some(753), added: 3228, mode: `MaxEncodedLen`)
    fn add_bond() -> Weight {
        // Minimum execution time: 67_881_000 picoseconds.
        Weight::from_parts(103_825_000, 4218)
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
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(193), added: 2668, mode: `MaxEncodedLen`)
    // Storage: `Babe::EpochIndex` (r:1 w:0)
    // Proof: `Babe::EpochIndex` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `Babe::NextRandomness` (r:1 w:0)
    // Proof: `Babe::NextRandomness` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1038), added: 3513, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Jobs` (r:0 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(2524), added: 4999, mode: `MaxEncodedLen`)
    fn create_job() -> Weight {
        // Minimum execution time: 141_291_000 picoseconds.
        Weight::from_parts(255_851_000, 4503)
            .saturating_add(T::DbWeight::get().reads(9_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(2524), added: 4999, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(193), added: 2668, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1038), added: 3513, mode: `MaxEncodedLen`)
    fn cancel() -> Weight {
        // Minimum execution time: 129_753_000 picoseconds.
        Weight::from_parts(215_841_000, 5989)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(2524), added: 4999, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:22 w:22)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    fn accept() -> Weight {
        // Minimum execution time: 191_485_000 picoseconds.
        Weight::from_parts(326_406_000, 61490)
            .saturating_add(T::DbWeight::get().reads(23_u64))
            .saturating_add(T::DbWeight::get().writes(23_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(2524), added: 4999, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:22 w:22)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    fn commit() -> Weight {
        // Minimum execution time: 215_640_000 picoseconds.
        Weight::from_parts(319_425_000, 61490)
            .saturating_add(T::DbWeight::get().reads(23_u64))
            .saturating_add(T::DbWeight::get().writes(23_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(2524), added: 4999, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::NodeRoots` (r:1 w:1)
    // Proof: `ComputeJobs::NodeRoots` (`max_values`: None, `max_size`: Some(32834), added: 35309, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn reveal(r: u32) -> Weight {
        // Minimum execution time: 97_795_000 picoseconds.
        Weight::from_parts(105_686_378, 36299)
            // Standard error: 4_461
            .saturating_add(Weight::from_parts(233_558, 0).saturating_mul(r.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(2524), added: 4999, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(193), added: 2668, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:1)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1038), added: 3513, mode: `MaxEncodedLen`)
    fn poke() -> Weight {
        // Minimum execution time: 163_703_000 picoseconds.
        Weight::from_parts(269_911_000, 6196)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `ComputeJobs::Receipts` (r:1 w:1)
    // Proof: `ComputeJobs::Receipts` (`max_values`: None, `max_size`: Some(468), added: 2943, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(193), added: 2668, mode: `MaxEncodedLen`)
    fn remove_receipt() -> Weight {
        // Minimum execution time: 79_899_000 picoseconds.
        Weight::from_parts(122_853_000, 3933)
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
        // Minimum execution time: 11_978_000 picoseconds.
        Weight::from_parts(19_419_000, 3513)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `ComputeJobs::QueueCursor` (r:1 w:1)
    // Proof: `ComputeJobs::QueueCursor` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:1 w:0)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1038), added: 3513, mode: `MaxEncodedLen`)
    fn queue_bucket() -> Weight {
        // Minimum execution time: 5_748_000 picoseconds.
        Weight::from_parts(9_795_000, 4503)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `ComputeJobs::Jobs` (r:1 w:1)
    // Proof: `ComputeJobs::Jobs` (`max_values`: None, `max_size`: Some(2524), added: 4999, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Deadlines` (r:2 w:2)
    // Proof: `ComputeJobs::Deadlines` (`max_values`: None, `max_size`: Some(1038), added: 3513, mode: `MaxEncodedLen`)
    fn queue_job() -> Weight {
        // Minimum execution time: 22_173_000 picoseconds.
        Weight::from_parts(41_192_000, 8016)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
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
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:7 w:7)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    fn draw(o: u32) -> Weight {
        // Minimum execution time: 298_564_000 picoseconds.
        Weight::from_parts(510_490_653, 22249)
            // Standard error: 547_707
            .saturating_add(Weight::from_parts(18_712_806, 0).saturating_mul(o.into()))
            .saturating_add(T::DbWeight::get().reads(13_u64))
            .saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(o.into())))
            .saturating_add(T::DbWeight::get().writes(14_u64))
            .saturating_add(Weight::from_parts(0, 3228).saturating_mul(o.into()))
    }
    // Storage: `System::Account` (r:10 w:6)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:4 w:4)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(193), added: 2668, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::NodeRoots` (r:1 w:4)
    // Proof: `ComputeJobs::NodeRoots` (`max_values`: None, `max_size`: Some(32834), added: 35309, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Providers` (r:7 w:7)
    // Proof: `ComputeJobs::Providers` (`max_values`: None, `max_size`: Some(275), added: 2750, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Assignments` (r:7 w:7)
    // Proof: `ComputeJobs::Assignments` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
    // Storage: `Programs::Models` (r:1 w:1)
    // Proof: `Programs::Models` (`max_values`: None, `max_size`: Some(209), added: 2684, mode: `MaxEncodedLen`)
    // Storage: `ComputeJobs::Receipts` (r:0 w:1)
    // Proof: `ComputeJobs::Receipts` (`max_values`: None, `max_size`: Some(468), added: 2943, mode: `MaxEncodedLen`)
    fn transition() -> Weight {
        // Minimum execution time: 733_451_000 picoseconds.
        Weight::from_parts(1_211_032_000, 36299)
            .saturating_add(T::DbWeight::get().reads(30_u64))
            .saturating_add(T::DbWeight::get().writes(30_u64))
    }
    // From here on estimates, not yet measured: database reads and writes are counted in the
    // code, times are those of like calls above.
    fn announce() -> Weight {
        Weight::from_parts(250_000_000, 5989)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(7_u64))
    }
    fn challenge(p: u32, n: u32) -> Weight {
        Weight::from_parts(1_800_000_000, 140_000)
            .saturating_add(Weight::from_parts(120_000, 0).saturating_mul(p.into()))
            .saturating_add(Weight::from_parts(2_600_000, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(30_u64))
            .saturating_add(T::DbWeight::get().writes(25_u64))
    }
    fn demand(n: u32) -> Weight {
        Weight::from_parts(900_000_000, 140_000)
            .saturating_add(Weight::from_parts(2_600_000, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(12_u64))
            .saturating_add(T::DbWeight::get().writes(9_u64))
    }
    fn answer(b: u32) -> Weight {
        Weight::from_parts(300_000_000, 5989)
            .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(9_u64))
    }
    fn deliver(n: u32) -> Weight {
        Weight::from_parts(900_000_000, 140_000)
            .saturating_add(Weight::from_parts(2_600_000, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(12_u64))
            .saturating_add(T::DbWeight::get().writes(9_u64))
    }
    fn poke_thread() -> Weight {
        Weight::from_parts(1_200_000_000, 36299)
            .saturating_add(T::DbWeight::get().reads(30_u64))
            .saturating_add(T::DbWeight::get().writes(30_u64))
    }
    fn queue_thread() -> Weight {
        Weight::from_parts(1_200_000_000, 36299)
            .saturating_add(T::DbWeight::get().reads(30_u64))
            .saturating_add(T::DbWeight::get().writes(30_u64))
    }
}

// For tests.
impl WeightInfo for () {
    fn register_provider() -> Weight {
        Weight::from_parts(110_054_000, 4027)
            .saturating_add(ParityDbWeight::get().reads(6_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn set_worker() -> Weight {
        Weight::from_parts(39_609_000, 4027)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn set_offer() -> Weight {
        Weight::from_parts(6_696_141_000, 833814)
            .saturating_add(ParityDbWeight::get().reads(516_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn pause() -> Weight {
        Weight::from_parts(30_956_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn resume() -> Weight {
        Weight::from_parts(38_307_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn deregister() -> Weight {
        Weight::from_parts(47_441_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn withdraw() -> Weight {
        Weight::from_parts(95_051_000, 3740)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn unjail() -> Weight {
        Weight::from_parts(42_634_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn add_bond() -> Weight {
        Weight::from_parts(103_825_000, 4218)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn create_job() -> Weight {
        Weight::from_parts(255_851_000, 4503)
            .saturating_add(ParityDbWeight::get().reads(9_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn cancel() -> Weight {
        Weight::from_parts(215_841_000, 5989)
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(5_u64))
    }
    fn accept() -> Weight {
        Weight::from_parts(326_406_000, 61490)
            .saturating_add(ParityDbWeight::get().reads(23_u64))
            .saturating_add(ParityDbWeight::get().writes(23_u64))
    }
    fn commit() -> Weight {
        Weight::from_parts(319_425_000, 61490)
            .saturating_add(ParityDbWeight::get().reads(23_u64))
            .saturating_add(ParityDbWeight::get().writes(23_u64))
    }
    fn reveal(r: u32) -> Weight {
        Weight::from_parts(105_686_378, 36299)
            .saturating_add(Weight::from_parts(233_558, 0).saturating_mul(r.into()))
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn poke() -> Weight {
        Weight::from_parts(269_911_000, 6196)
            .saturating_add(ParityDbWeight::get().reads(6_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn remove_receipt() -> Weight {
        Weight::from_parts(122_853_000, 3933)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn on_initialize() -> Weight {
        Weight::from_parts(19_419_000, 3513)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn queue_bucket() -> Weight {
        Weight::from_parts(9_795_000, 4503)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn queue_job() -> Weight {
        Weight::from_parts(41_192_000, 8016)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn draw(o: u32) -> Weight {
        Weight::from_parts(510_490_653, 22249)
            .saturating_add(Weight::from_parts(18_712_806, 0).saturating_mul(o.into()))
            .saturating_add(ParityDbWeight::get().reads(13_u64))
            .saturating_add(ParityDbWeight::get().reads((2_u64).saturating_mul(o.into())))
            .saturating_add(ParityDbWeight::get().writes(14_u64))
            .saturating_add(Weight::from_parts(0, 3228).saturating_mul(o.into()))
    }
    fn transition() -> Weight {
        Weight::from_parts(1_211_032_000, 36299)
            .saturating_add(ParityDbWeight::get().reads(30_u64))
            .saturating_add(ParityDbWeight::get().writes(30_u64))
    }
    // From here on estimates, not yet measured: database reads and writes are counted in the
    // code, times are those of like calls above.
    fn announce() -> Weight {
        Weight::from_parts(250_000_000, 5989)
            .saturating_add(ParityDbWeight::get().reads(6_u64))
            .saturating_add(ParityDbWeight::get().writes(7_u64))
    }
    fn challenge(p: u32, n: u32) -> Weight {
        Weight::from_parts(1_800_000_000, 140_000)
            .saturating_add(Weight::from_parts(120_000, 0).saturating_mul(p.into()))
            .saturating_add(Weight::from_parts(2_600_000, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(30_u64))
            .saturating_add(ParityDbWeight::get().writes(25_u64))
    }
    fn demand(n: u32) -> Weight {
        Weight::from_parts(900_000_000, 140_000)
            .saturating_add(Weight::from_parts(2_600_000, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(12_u64))
            .saturating_add(ParityDbWeight::get().writes(9_u64))
    }
    fn answer(b: u32) -> Weight {
        Weight::from_parts(300_000_000, 5989)
            .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(b.into()))
            .saturating_add(ParityDbWeight::get().reads(8_u64))
            .saturating_add(ParityDbWeight::get().writes(9_u64))
    }
    fn deliver(n: u32) -> Weight {
        Weight::from_parts(900_000_000, 140_000)
            .saturating_add(Weight::from_parts(2_600_000, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(12_u64))
            .saturating_add(ParityDbWeight::get().writes(9_u64))
    }
    fn poke_thread() -> Weight {
        Weight::from_parts(1_200_000_000, 36299)
            .saturating_add(ParityDbWeight::get().reads(30_u64))
            .saturating_add(ParityDbWeight::get().writes(30_u64))
    }
    fn queue_thread() -> Weight {
        Weight::from_parts(1_200_000_000, 36299)
            .saturating_add(ParityDbWeight::get().reads(30_u64))
            .saturating_add(ParityDbWeight::get().writes(30_u64))
    }
}
