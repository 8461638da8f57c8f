//! Weights. `make weights` regenerates the figures with frame-omni-bencher; these
//! are estimates on the safe side: reads and writes counted from the code, and time
//! for hashing and sorting.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Weights of the calls and hooks of this pallet.
pub trait WeightInfo {
    /// Call `register_provider`.
    fn register_provider() -> Weight;
    /// Call `set_worker`.
    fn set_worker() -> Weight;
    /// Call `set_offer` with the list of offers full.
    fn set_offer() -> Weight;
    /// Call `pause`.
    fn pause() -> Weight;
    /// Call `resume`.
    fn resume() -> Weight;
    /// Call `deregister`.
    fn deregister() -> Weight;
    /// Call `withdraw`.
    fn withdraw() -> Weight;
    /// Call `unjail`.
    fn unjail() -> Weight;
    /// Call `add_bond`.
    fn add_bond() -> Weight;
    /// Call `create_job`.
    fn create_job() -> Weight;
    /// Call `cancel`, without `advance`.
    fn cancel() -> Weight;
    /// Call `accept`, without `advance`.
    fn accept() -> Weight;
    /// Call `commit`, without `advance`.
    fn commit() -> Weight;
    /// Call `reveal` with `r` node roots, without `advance`.
    fn reveal(r: u32) -> Weight;
    /// Call `poke`, without `advance`.
    fn poke() -> Weight;
    /// Call `remove_receipt`.
    fn remove_receipt() -> Weight;
    /// Hook `on_initialize`.
    fn on_initialize() -> Weight;
    /// Looking at one bucket of the deadline queue.
    fn queue_bucket() -> Weight;
    /// Loading and storing one queued job.
    fn queue_job() -> Weight;
    /// One round of a draw among `o` offers.
    fn draw(o: u32) -> Weight;
    /// One transition of a job; the dearest is the end of one with seven replicas.
    fn transition() -> Weight;
}

fn estimate(db: RuntimeDbWeight, micros: u64, proof: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(micros.saturating_mul(1_000_000), proof)
        .saturating_add(db.reads_writes(reads, writes))
}

macro_rules! estimates {
    ($db:expr) => {
        fn register_provider() -> Weight {
            estimate($db, 60, 12_000, 5, 4)
        }
        fn set_worker() -> Weight {
            estimate($db, 40, 10_000, 3, 3)
        }
        fn set_offer() -> Weight {
            // 256 offers and their providers are read.
            estimate($db, 2_700, 1_700_000, 520, 5)
        }
        fn pause() -> Weight {
            estimate($db, 30, 7_000, 2, 1)
        }
        fn resume() -> Weight {
            estimate($db, 30, 7_000, 2, 2)
        }
        fn deregister() -> Weight {
            estimate($db, 40, 7_000, 3, 3)
        }
        fn withdraw() -> Weight {
            estimate($db, 60, 10_000, 4, 5)
        }
        fn unjail() -> Weight {
            estimate($db, 30, 7_000, 2, 2)
        }
        fn add_bond() -> Weight {
            estimate($db, 60, 10_000, 4, 4)
        }
        fn create_job() -> Weight {
            // Includes reading the program (up to 64 KiB) and its cost.
            estimate($db, 500, 100_000, 12, 8)
        }
        fn cancel() -> Weight {
            estimate($db, 60, 16_000, 6, 7)
        }
        fn accept() -> Weight {
            // Up to 21 earlier releases are counted, with provider and offer each.
            estimate($db, 150, 90_000, 48, 46)
        }
        fn commit() -> Weight {
            estimate($db, 150, 90_000, 48, 46)
        }
        fn reveal(r: u32) -> Weight {
            // Naming a known trace reads it: up to 32 KiB, so that much is charged always.
            estimate(
                $db,
                u64::from(r).saturating_div(4).saturating_add(400),
                60_000,
                6,
                5,
            )
        }
        fn poke() -> Weight {
            estimate($db, 60, 16_000, 5, 5)
        }
        fn remove_receipt() -> Weight {
            estimate($db, 50, 8_000, 3, 3)
        }
        fn on_initialize() -> Weight {
            estimate($db, 20, 4_000, 4, 4)
        }
        fn queue_bucket() -> Weight {
            estimate($db, 10, 4_000, 2, 2)
        }
        fn queue_job() -> Weight {
            estimate($db, 40, 12_000, 3, 4)
        }
        fn draw(o: u32) -> Weight {
            let o = u64::from(o);
            estimate(
                $db,
                o.saturating_mul(15).saturating_add(200),
                o.saturating_mul(6_500).saturating_add(220_000),
                o.saturating_mul(2).saturating_add(70),
                0,
            )
        }
        fn transition() -> Weight {
            // Seven replicas: provider, assignments, offer, worker's account; requester,
            // treasury, node roots, model, receipt.
            estimate($db, 1_500, 300_000, 70, 70)
        }
    };
}

/// Estimates over the runtime's database weights.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    estimates!(T::DbWeight::get());
}

impl WeightInfo for () {
    estimates!(RocksDbWeight::get());
}
