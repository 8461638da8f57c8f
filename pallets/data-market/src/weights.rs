//! Weights of `pallet_data_market`.
//!
//! From the reads and writes of each call and the measured cost of a judgement, not measured.

#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{
        constants::{ParityDbWeight, WEIGHT_REF_TIME_PER_MICROS},
        RuntimeDbWeight, Weight,
    },
};

/// Weight functions needed for `pallet_data_market`.
pub trait WeightInfo {
    fn register() -> Weight;
    fn bond() -> Weight;
    fn unbond() -> Weight;
    fn deregister() -> Weight;
    /// `a` is the number of accounts in the shares, in `[1, 8]`.
    /// `p` is the number of pools in the shares, in `[0, 4]`.
    fn list(a: u32, p: u32) -> Weight;
    fn seal() -> Weight;
    fn set_price() -> Weight;
    fn pause() -> Weight;
    fn resume() -> Weight;
    fn close() -> Weight;
    fn remove() -> Weight;
    fn allow() -> Weight;
    fn invite() -> Weight;
    fn order() -> Weight;
    /// `n` is the number of keys, in `[1, 64]`.
    fn reveal(n: u32) -> Weight;
    fn complain() -> Weight;
    fn poke() -> Weight;
    fn rate() -> Weight;
    fn forget_right() -> Weight;
    fn enrol() -> Weight;
    fn claim() -> Weight;
    fn freeze() -> Weight;
    fn on_initialize() -> Weight;
}

/// Weights for `pallet_data_market` on a node with ParityDB.
pub struct SubstrateWeight<T>(PhantomData<T>);

/// Of `micros` µs of computing, `reads` and `writes`.
fn of(database: RuntimeDbWeight, micros: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(WEIGHT_REF_TIME_PER_MICROS.saturating_mul(micros), 0)
        .saturating_add(database.reads_writes(reads, writes))
}

macro_rules! weights {
    ($database:expr) => {
        fn register() -> Weight {
            of($database, 40, 3, 3)
        }
        fn bond() -> Weight {
            of($database, 40, 3, 3)
        }
        fn unbond() -> Weight {
            of($database, 40, 3, 3)
        }
        fn deregister() -> Weight {
            of($database, 60, 3, 3)
        }
        fn list(a: u32, p: u32) -> Weight {
            of($database, 120, 9, 8)
                .saturating_add(of($database, 10, 1, 1).saturating_mul(a.into()))
                .saturating_add(of($database, 20, 4, 2).saturating_mul(p.into()))
        }
        fn seal() -> Weight {
            of($database, 25, 5, 1)
        }
        fn set_price() -> Weight {
            of($database, 15, 1, 1)
        }
        fn pause() -> Weight {
            of($database, 15, 1, 1)
        }
        fn resume() -> Weight {
            of($database, 15, 2, 1)
        }
        fn close() -> Weight {
            of($database, 20, 2, 2)
        }
        fn remove() -> Weight {
            of($database, 200, 32, 20)
        }
        fn allow() -> Weight {
            of($database, 40, 4, 4)
        }
        fn invite() -> Weight {
            of($database, 40, 4, 4)
        }
        fn order() -> Weight {
            of($database, 90, 10, 9)
        }
        fn reveal(n: u32) -> Weight {
            of($database, 10, 2, 0).saturating_add(of($database, 12, 3, 1).saturating_mul(n.into()))
        }
        fn complain() -> Weight {
            of($database, 800, 14, 13)
        }
        fn poke() -> Weight {
            of($database, 200, 18, 16)
        }
        fn rate() -> Weight {
            of($database, 20, 2, 2)
        }
        fn forget_right() -> Weight {
            of($database, 40, 4, 4)
        }
        fn enrol() -> Weight {
            of($database, 60, 8, 5)
        }
        fn claim() -> Weight {
            of($database, 200, 32, 20)
        }
        fn freeze() -> Weight {
            of($database, 15, 1, 1)
        }
        fn on_initialize() -> Weight {
            of($database, 2, 2, 1)
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    weights!(ParityDbWeight::get());
}
