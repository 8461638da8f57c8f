//! Weights of `pallet_label_bounties`.
//!
//! From the reads and writes of each step and the cost of a signature, not measured.

#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::ParityDbWeight, constants::WEIGHT_REF_TIME_PER_MICROS, Weight},
};

/// Weight functions needed for `pallet_label_bounties`.
pub trait WeightInfo {
    fn create_campaign() -> Weight;
    fn set_gateway() -> Weight;
    fn open_batch() -> Weight;
    fn close_page() -> Weight;
    /// `w` is the number of leased pages of the window, in `[0, 256]`.
    fn cancel(w: u32) -> Weight;
    fn request_pages() -> Weight;
    fn request_sponsored() -> Weight;
    /// On top of a request with a voucher.
    fn voucher() -> Weight;
    fn skip() -> Weight;
    fn commit() -> Weight;
    /// On top of a call that changes the batch: a page's first commit, or its end.
    fn page_done() -> Weight;
    /// `s` is the sheet's length, in `[1, 1024]`.
    fn reveal(s: u32) -> Weight;
    fn expire() -> Weight;
    fn withdraw() -> Weight;
    fn authorize_request() -> Weight;
    fn authorize_skip() -> Weight;
    fn authorize_commit() -> Weight;
    /// `s` is the sheet's length, in `[1, 1024]`.
    fn authorize_reveal(s: u32) -> Weight;
    fn begin_block() -> Weight;
    fn draw_request() -> Weight;
    fn draw_page() -> Weight;
    fn idle_base() -> Weight;
    fn idle_bucket() -> Weight;
    fn idle_deadline() -> Weight;
    /// Of a call or a batch's turn in `on_idle`, without its units.
    fn advance() -> Weight;
    fn transition() -> Weight;
    fn score_page() -> Weight;
    fn rank_worker() -> Weight;
    fn pay_worker() -> Weight;
    fn prune_unit() -> Weight;
    /// `n` is the number of pages, in `[1, 32]`.
    fn open_gold(n: u32) -> Weight;
    fn create_domain() -> Weight;
    fn admit() -> Weight;
    fn close_campaign() -> Weight;
    /// `n` is the number of records, in `[1, 256]`.
    fn prune_campaign(n: u32) -> Weight;
}

/// Weights for `pallet_label_bounties` on a node with ParityDB.
pub struct SubstrateWeight<T>(PhantomData<T>);

/// Of `micros` µs of computing, `reads` and `writes`.
fn of(
    database: frame_support::weights::RuntimeDbWeight,
    micros: u64,
    reads: u64,
    writes: u64,
) -> Weight {
    Weight::from_parts(WEIGHT_REF_TIME_PER_MICROS.saturating_mul(micros), 0)
        .saturating_add(database.reads_writes(reads, writes))
}

macro_rules! weights {
    ($database:expr) => {
        fn create_campaign() -> Weight {
            of($database, 20, 6, 4)
        }
        fn set_gateway() -> Weight {
            of($database, 10, 1, 1)
        }
        fn open_batch() -> Weight {
            of($database, 60, 9, 8)
        }
        fn close_page() -> Weight {
            of($database, 15, 3, 1)
        }
        fn cancel(w: u32) -> Weight {
            of($database, 20, 4, 4).saturating_add(of($database, 2, 1, 1).saturating_mul(w.into()))
        }
        fn request_pages() -> Weight {
            of($database, 25, 10, 7)
        }
        fn request_sponsored() -> Weight {
            of($database, 20, 9, 6)
        }
        fn voucher() -> Weight {
            of($database, 55, 2, 1)
        }
        fn skip() -> Weight {
            of($database, 20, 8, 6)
        }
        fn commit() -> Weight {
            of($database, 12, 4, 2)
        }
        fn page_done() -> Weight {
            of($database, 15, 8, 6)
        }
        fn reveal(s: u32) -> Weight {
            of($database, 12, 4, 4)
                .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(s.into()))
        }
        fn expire() -> Weight {
            of($database, 12, 5, 4)
        }
        fn withdraw() -> Weight {
            of($database, 40, 5, 5)
        }
        fn authorize_request() -> Weight {
            of($database, 110, 12, 0)
        }
        fn authorize_skip() -> Weight {
            of($database, 60, 7, 0)
        }
        fn authorize_commit() -> Weight {
            of($database, 60, 7, 0)
        }
        fn authorize_reveal(s: u32) -> Weight {
            of($database, 12, 7, 0)
                .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(s.into()))
        }
        fn begin_block() -> Weight {
            of($database, 5, 12, 2)
        }
        fn draw_request() -> Weight {
            of($database, 15, 9, 7)
        }
        fn draw_page() -> Weight {
            of($database, 20, 5, 2)
        }
        fn idle_base() -> Weight {
            of($database, 5, 11, 3)
        }
        fn idle_bucket() -> Weight {
            of($database, 5, 2, 0)
        }
        fn idle_deadline() -> Weight {
            of($database, 8, 5, 3)
        }
        fn advance() -> Weight {
            of($database, 40, 8, 6)
        }
        fn transition() -> Weight {
            of($database, 15, 6, 8)
        }
        fn score_page() -> Weight {
            of($database, 1_000, 13, 12)
        }
        fn rank_worker() -> Weight {
            of($database, 10, 1, 1)
        }
        fn pay_worker() -> Weight {
            of($database, 60, 8, 8)
        }
        fn prune_unit() -> Weight {
            of($database, 20, 3, 4)
        }
        fn open_gold(n: u32) -> Weight {
            of($database, 20, 3, 3).saturating_add(of($database, 40, 2, 2).saturating_mul(n.into()))
        }
        fn create_domain() -> Weight {
            of($database, 30, 3, 4)
        }
        fn admit() -> Weight {
            of($database, 15, 2, 2)
        }
        fn close_campaign() -> Weight {
            of($database, 15, 2, 1)
        }
        fn prune_campaign(n: u32) -> Weight {
            of($database, 30, 3, 3).saturating_add(of($database, 5, 2, 1).saturating_mul(n.into()))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    weights!(ParityDbWeight::get());
}
