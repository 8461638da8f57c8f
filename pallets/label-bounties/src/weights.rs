//! Weights of `pallet_label_bounties`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 50 steps, 20 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: 41c362ab24f4de87f93a9bb400cc45ae over 106 files; changed since it was measured, accepted by review.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::ParityDbWeight, Weight},
};

/// Weight functions needed for `pallet_label_bounties`.
pub trait WeightInfo {
    fn create_campaign() -> Weight;
    fn set_gateway() -> Weight;
    fn open_batch() -> Weight;
    fn close_page() -> Weight;
    /// `w` is in `[0, 256]`.
    fn cancel(w: u32) -> Weight;
    fn request_pages() -> Weight;
    fn request_sponsored() -> Weight;
    fn authorize_request() -> Weight;
    fn voucher() -> Weight;
    fn skip() -> Weight;
    fn authorize_skip() -> Weight;
    fn commit() -> Weight;
    fn authorize_commit() -> Weight;
    fn page_done() -> Weight;
    /// `s` is in `[1, 1024]`.
    fn reveal(s: u32) -> Weight;
    fn page_revealed() -> Weight;
    /// `s` is in `[1, 1024]`.
    fn authorize_reveal(s: u32) -> Weight;
    /// `n` is in `[1, 32]`.
    fn open_gold(n: u32) -> Weight;
    fn expire() -> Weight;
    fn withdraw() -> Weight;
    fn create_domain() -> Weight;
    fn admit() -> Weight;
    fn close_campaign() -> Weight;
    /// `n` is in `[1, 256]`.
    fn prune_campaign(n: u32) -> Weight;
    fn begin_block() -> Weight;
    fn draw_request() -> Weight;
    fn draw_page() -> Weight;
    fn idle_base() -> Weight;
    fn idle_bucket() -> Weight;
    fn idle_deadline() -> Weight;
    fn advance() -> Weight;
    fn transition() -> Weight;
    fn score_page() -> Weight;
    fn rank_worker() -> Weight;
    fn pay_worker() -> Weight;
    fn prune_unit() -> Weight;
}

/// Weights for `pallet_label_bounties` on a node with ParityDB.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `LabelBounties::Domains` (r:1 w:0)
    // Proof: `LabelBounties::Domains` (`max_values`: None, `max_size`: Some(65), added: 2540, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::NextCampaignId` (r:1 w:1)
    // Proof: `LabelBounties::NextCampaignId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:0 w:1)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    fn create_campaign() -> Weight {
        // Minimum execution time: 67_000_000 picoseconds.
        Weight::from_parts(76_895_000, 3874)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `LabelBounties::Campaigns` (r:1 w:1)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    fn set_gateway() -> Weight {
        // Minimum execution time: 14_302_000 picoseconds.
        Weight::from_parts(17_436_000, 3876)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `LabelBounties::Campaigns` (r:1 w:1)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::NextBatchId` (r:1 w:1)
    // Proof: `LabelBounties::NextBatchId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:1 w:2)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Deadlines` (r:0 w:1)
    // Proof: `LabelBounties::Deadlines` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Windows` (r:0 w:1)
    // Proof: `LabelBounties::Windows` (`max_values`: None, `max_size`: Some(1302), added: 3777, mode: `MaxEncodedLen`)
    fn open_batch() -> Weight {
        // Minimum execution time: 167_148_000 picoseconds.
        Weight::from_parts(184_444_000, 3917)
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().writes(8_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:1)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Windows` (r:1 w:1)
    // Proof: `LabelBounties::Windows` (`max_values`: None, `max_size`: Some(1302), added: 3777, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn close_page() -> Weight {
        // Minimum execution time: 58_668_000 picoseconds.
        Weight::from_parts(110_794_000, 12775)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Windows` (r:1 w:1)
    // Proof: `LabelBounties::Windows` (`max_values`: None, `max_size`: Some(1302), added: 3777, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:256 w:256)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn cancel(w: u32) -> Weight {
        // Minimum execution time: 36_214_000 picoseconds.
        Weight::from_parts(38_527_000, 4767)
            // Standard error: 1_046_167
            .saturating_add(Weight::from_parts(15_374_691, 0).saturating_mul(w.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(2_u64))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(w.into())))
            .saturating_add(Weight::from_parts(0, 11785).saturating_mul(w.into()))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:3 w:1)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::QueueEnds` (r:1 w:1)
    // Proof: `LabelBounties::QueueEnds` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Record` (r:1 w:0)
    // Proof: `LabelBounties::Record` (`max_values`: None, `max_size`: Some(72), added: 2547, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:0 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Queue` (r:0 w:1)
    // Proof: `LabelBounties::Queue` (`max_values`: None, `max_size`: Some(33), added: 2508, mode: `MaxEncodedLen`)
    fn request_pages() -> Weight {
        // Minimum execution time: 94_401_000 picoseconds.
        Weight::from_parts(108_090_000, 8619)
            .saturating_add(T::DbWeight::get().reads(10_u64))
            .saturating_add(T::DbWeight::get().writes(7_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:3 w:1)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::QueueEnds` (r:1 w:1)
    // Proof: `LabelBounties::QueueEnds` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::VoucherUse` (r:1 w:1)
    // Proof: `LabelBounties::VoucherUse` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Record` (r:1 w:0)
    // Proof: `LabelBounties::Record` (`max_values`: None, `max_size`: Some(72), added: 2547, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:0 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Queue` (r:0 w:1)
    // Proof: `LabelBounties::Queue` (`max_values`: None, `max_size`: Some(33), added: 2508, mode: `MaxEncodedLen`)
    fn request_sponsored() -> Weight {
        // Minimum execution time: 130_084_000 picoseconds.
        Weight::from_parts(193_007_000, 8619)
            .saturating_add(T::DbWeight::get().reads(10_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:3 w:0)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::QueueEnds` (r:1 w:0)
    // Proof: `LabelBounties::QueueEnds` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::VoucherUse` (r:1 w:0)
    // Proof: `LabelBounties::VoucherUse` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn authorize_request() -> Weight {
        // Minimum execution time: 148_260_000 picoseconds.
        Weight::from_parts(189_431_000, 8619).saturating_add(T::DbWeight::get().reads(11_u64))
    }
    // Storage: `LabelBounties::VoucherUse` (r:1 w:1)
    // Proof: `LabelBounties::VoucherUse` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn voucher() -> Weight {
        // Minimum execution time: 65_427_000 picoseconds.
        Weight::from_parts(80_670_000, 3533)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:1)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:1 w:0)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Windows` (r:1 w:1)
    // Proof: `LabelBounties::Windows` (`max_values`: None, `max_size`: Some(1302), added: 3777, mode: `MaxEncodedLen`)
    fn skip() -> Weight {
        // Minimum execution time: 100_690_000 picoseconds.
        Weight::from_parts(136_023_000, 12775)
            .saturating_add(T::DbWeight::get().reads(9_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:0)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:1 w:0)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:0)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn authorize_skip() -> Weight {
        // Minimum execution time: 115_282_000 picoseconds.
        Weight::from_parts(148_210_000, 12775).saturating_add(T::DbWeight::get().reads(8_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:1)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:1 w:0)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    fn commit() -> Weight {
        // Minimum execution time: 47_421_000 picoseconds.
        Weight::from_parts(75_011_000, 12775)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:0)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:1 w:0)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:0)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    fn authorize_commit() -> Weight {
        // Minimum execution time: 131_216_000 picoseconds.
        Weight::from_parts(167_509_000, 12775).saturating_add(T::DbWeight::get().reads(8_u64))
    }
    // Storage: `LabelBounties::Windows` (r:1 w:1)
    // Proof: `LabelBounties::Windows` (`max_values`: None, `max_size`: Some(1302), added: 3777, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:2 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Deadlines` (r:0 w:1)
    // Proof: `LabelBounties::Deadlines` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Cranking` (r:0 w:1)
    // Proof: `LabelBounties::Cranking` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
    fn page_done() -> Weight {
        // Minimum execution time: 32_579_000 picoseconds.
        Weight::from_parts(45_528_000, 6844)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:1)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:1 w:0)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    fn reveal(s: u32) -> Weight {
        // Minimum execution time: 44_466_000 picoseconds.
        Weight::from_parts(59_309_196, 12775)
            // Standard error: 1_120
            .saturating_add(Weight::from_parts(7_941, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Deadlines` (r:0 w:1)
    // Proof: `LabelBounties::Deadlines` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:0 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Cranking` (r:0 w:1)
    // Proof: `LabelBounties::Cranking` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
    fn page_revealed() -> Weight {
        // Minimum execution time: 10_586_000 picoseconds.
        Weight::from_parts(12_318_000, 1489)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:0)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:1 w:0)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    fn authorize_reveal(s: u32) -> Weight {
        // Minimum execution time: 39_138_000 picoseconds.
        Weight::from_parts(50_605_054, 12775)
            // Standard error: 889
            .saturating_add(Weight::from_parts(4_006, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(8_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:32 w:32)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::GoldOf` (r:0 w:32)
    // Proof: `LabelBounties::GoldOf` (`max_values`: None, `max_size`: Some(1405), added: 3880, mode: `MaxEncodedLen`)
    fn open_gold(n: u32) -> Weight {
        // Minimum execution time: 130_343_000 picoseconds.
        Weight::from_parts(148_351_000, 3917)
            // Standard error: 6_355_680
            .saturating_add(Weight::from_parts(98_046_609, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64))
            .saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 11785).saturating_mul(n.into()))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:1)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:1 w:0)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Windows` (r:1 w:1)
    // Proof: `LabelBounties::Windows` (`max_values`: None, `max_size`: Some(1302), added: 3777, mode: `MaxEncodedLen`)
    fn expire() -> Weight {
        // Minimum execution time: 57_385_000 picoseconds.
        Weight::from_parts(93_399_000, 12775)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `LabelBounties::Credits` (r:1 w:1)
    // Proof: `LabelBounties::Credits` (`max_values`: None, `max_size`: Some(64), added: 2539, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    fn withdraw() -> Weight {
        // Minimum execution time: 66_319_000 picoseconds.
        Weight::from_parts(79_107_000, 6196)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `LabelBounties::NextDomainId` (r:1 w:1)
    // Proof: `LabelBounties::NextDomainId` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Domains` (r:0 w:1)
    // Proof: `LabelBounties::Domains` (`max_values`: None, `max_size`: Some(65), added: 2540, mode: `MaxEncodedLen`)
    fn create_domain() -> Weight {
        // Minimum execution time: 57_526_000 picoseconds.
        Weight::from_parts(66_880_000, 3874)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `LabelBounties::Domains` (r:1 w:1)
    // Proof: `LabelBounties::Domains` (`max_values`: None, `max_size`: Some(65), added: 2540, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Admitted` (r:1 w:1)
    // Proof: `LabelBounties::Admitted` (`max_values`: None, `max_size`: Some(60), added: 2535, mode: `MaxEncodedLen`)
    fn admit() -> Weight {
        // Minimum execution time: 16_705_000 picoseconds.
        Weight::from_parts(26_550_000, 3530)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `LabelBounties::Campaigns` (r:1 w:1)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn close_campaign() -> Weight {
        // Minimum execution time: 17_275_000 picoseconds.
        Weight::from_parts(20_571_000, 3876)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `LabelBounties::Campaigns` (r:1 w:1)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Contributions` (r:256 w:255)
    // Proof: `LabelBounties::Contributions` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::VoucherUse` (r:1 w:0)
    // Proof: `LabelBounties::VoucherUse` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    fn prune_campaign(n: u32) -> Weight {
        // Minimum execution time: 66_860_000 picoseconds.
        Weight::from_parts(68_633_000, 3876)
            // Standard error: 1_330_593
            .saturating_add(Weight::from_parts(23_443_156, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(2_u64))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2543).saturating_mul(n.into()))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:8 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:1)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::QueueEnds` (r:1 w:0)
    // Proof: `LabelBounties::QueueEnds` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
    // Storage: `Babe::AuthorVrfRandomness` (r:1 w:0)
    // Proof: `Babe::AuthorVrfRandomness` (`max_values`: Some(1), `max_size`: Some(33), added: 528, mode: `MaxEncodedLen`)
    fn begin_block() -> Weight {
        // Minimum execution time: 38_878_000 picoseconds.
        Weight::from_parts(65_147_000, 25046)
            .saturating_add(T::DbWeight::get().reads(12_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Queue` (r:0 w:1)
    // Proof: `LabelBounties::Queue` (`max_values`: None, `max_size`: Some(33), added: 2508, mode: `MaxEncodedLen`)
    fn draw_request() -> Weight {
        // Minimum execution time: 65_107_000 picoseconds.
        Weight::from_parts(106_468_000, 3917)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `LabelBounties::Batches` (r:1 w:0)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Windows` (r:1 w:1)
    // Proof: `LabelBounties::Windows` (`max_values`: None, `max_size`: Some(1302), added: 3777, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Seen` (r:1 w:1)
    // Proof: `LabelBounties::Seen` (`max_values`: None, `max_size`: Some(1054), added: 3529, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:1)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Queue` (r:0 w:1)
    // Proof: `LabelBounties::Queue` (`max_values`: None, `max_size`: Some(33), added: 2508, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Expiring` (r:0 w:1)
    // Proof: `LabelBounties::Expiring` (`max_values`: None, `max_size`: Some(33), added: 2508, mode: `MaxEncodedLen`)
    fn draw_page() -> Weight {
        // Minimum execution time: 96_704_000 picoseconds.
        Weight::from_parts(182_832_000, 12775)
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().writes(6_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:8 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::ExpiryCursor` (r:1 w:0)
    // Proof: `LabelBounties::ExpiryCursor` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::DeadlineCursor` (r:1 w:0)
    // Proof: `LabelBounties::DeadlineCursor` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::CrankedLast` (r:1 w:0)
    // Proof: `LabelBounties::CrankedLast` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Cranking` (r:1 w:0)
    // Proof: `LabelBounties::Cranking` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
    fn idle_base() -> Weight {
        // Minimum execution time: 34_812_000 picoseconds.
        Weight::from_parts(60_090_000, 25046).saturating_add(T::DbWeight::get().reads(14_u64))
    }
    // Storage: `LabelBounties::Expiring` (r:1 w:0)
    // Proof: `LabelBounties::Expiring` (`max_values`: None, `max_size`: Some(33), added: 2508, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Cranking` (r:1 w:0)
    // Proof: `LabelBounties::Cranking` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
    fn idle_bucket() -> Weight {
        // Minimum execution time: 7_781_000 picoseconds.
        Weight::from_parts(13_840_000, 3498).saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: `LabelBounties::Batches` (r:3 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Deadlines` (r:0 w:1)
    // Proof: `LabelBounties::Deadlines` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Cranking` (r:0 w:1)
    // Proof: `LabelBounties::Cranking` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
    fn idle_deadline() -> Weight {
        // Minimum execution time: 23_855_000 picoseconds.
        Weight::from_parts(40_159_000, 9771)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:8 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:1 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:1)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:4 w:4)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:2 w:2)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Admitted` (r:1 w:0)
    // Proof: `LabelBounties::Admitted` (`max_values`: None, `max_size`: Some(60), added: 2535, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Record` (r:1 w:1)
    // Proof: `LabelBounties::Record` (`max_values`: None, `max_size`: Some(72), added: 2547, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Requesters` (r:1 w:1)
    // Proof: `LabelBounties::Requesters` (`max_values`: None, `max_size`: Some(76), added: 2551, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Results` (r:0 w:1)
    // Proof: `LabelBounties::Results` (`max_values`: None, `max_size`: Some(150), added: 2625, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Deadlines` (r:0 w:1)
    // Proof: `LabelBounties::Deadlines` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Cranking` (r:0 w:1)
    // Proof: `LabelBounties::Cranking` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Seen` (r:0 w:1)
    // Proof: `LabelBounties::Seen` (`max_values`: None, `max_size`: Some(1054), added: 3529, mode: `MaxEncodedLen`)
    fn advance() -> Weight {
        // Minimum execution time: 355_639_000 picoseconds.
        Weight::from_parts(576_097_000, 25046)
            .saturating_add(T::DbWeight::get().reads(22_u64))
            .saturating_add(T::DbWeight::get().writes(15_u64))
    }
    // Storage: `LabelBounties::Batches` (r:3 w:3)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Deadlines` (r:0 w:3)
    // Proof: `LabelBounties::Deadlines` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Windows` (r:0 w:3)
    // Proof: `LabelBounties::Windows` (`max_values`: None, `max_size`: Some(1302), added: 3777, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Cranking` (r:0 w:3)
    // Proof: `LabelBounties::Cranking` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
    fn transition() -> Weight {
        // Minimum execution time: 47_171_000 picoseconds.
        Weight::from_parts(79_248_000, 9771)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(12_u64))
    }
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Pages` (r:1 w:0)
    // Proof: `LabelBounties::Pages` (`max_values`: None, `max_size`: Some(9310), added: 11785, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::GoldOf` (r:1 w:1)
    // Proof: `LabelBounties::GoldOf` (`max_values`: None, `max_size`: Some(1405), added: 3880, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:9 w:9)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    fn score_page() -> Weight {
        // Minimum execution time: 196_842_000 picoseconds.
        Weight::from_parts(277_953_000, 24858)
            .saturating_add(T::DbWeight::get().reads(12_u64))
            .saturating_add(T::DbWeight::get().writes(10_u64))
    }
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:0)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Ranks` (r:1 w:0)
    // Proof: `LabelBounties::Ranks` (`max_values`: None, `max_size`: Some(4112), added: 6587, mode: `MaxEncodedLen`)
    fn rank_worker() -> Weight {
        // Minimum execution time: 18_147_000 picoseconds.
        Weight::from_parts(26_820_000, 7577).saturating_add(T::DbWeight::get().reads(3_u64))
    }
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Workers` (r:1 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Admitted` (r:1 w:0)
    // Proof: `LabelBounties::Admitted` (`max_values`: None, `max_size`: Some(60), added: 2535, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Record` (r:1 w:1)
    // Proof: `LabelBounties::Record` (`max_values`: None, `max_size`: Some(72), added: 2547, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Seen` (r:0 w:1)
    // Proof: `LabelBounties::Seen` (`max_values`: None, `max_size`: Some(1054), added: 3529, mode: `MaxEncodedLen`)
    fn pay_worker() -> Weight {
        // Minimum execution time: 77_846_000 picoseconds.
        Weight::from_parts(98_697_000, 3876)
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `LabelBounties::Workers` (r:1 w:1)
    // Proof: `LabelBounties::Workers` (`max_values`: None, `max_size`: Some(177), added: 2652, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(409), added: 2884, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Batches` (r:0 w:1)
    // Proof: `LabelBounties::Batches` (`max_values`: None, `max_size`: Some(452), added: 2927, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::WorkerOf` (r:0 w:1)
    // Proof: `LabelBounties::WorkerOf` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    fn prune_unit() -> Weight {
        // Minimum execution time: 60_981_000 picoseconds.
        Weight::from_parts(71_386_000, 3874)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
}

// For tests.
impl WeightInfo for () {
    fn create_campaign() -> Weight {
        Weight::from_parts(76_895_000, 3874)
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn set_gateway() -> Weight {
        Weight::from_parts(17_436_000, 3876)
            .saturating_add(ParityDbWeight::get().reads(1_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn open_batch() -> Weight {
        Weight::from_parts(184_444_000, 3917)
            .saturating_add(ParityDbWeight::get().reads(7_u64))
            .saturating_add(ParityDbWeight::get().writes(8_u64))
    }
    fn close_page() -> Weight {
        Weight::from_parts(110_794_000, 12775)
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn cancel(w: u32) -> Weight {
        Weight::from_parts(38_527_000, 4767)
            .saturating_add(Weight::from_parts(15_374_691, 0).saturating_mul(w.into()))
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().reads((1_u64).saturating_mul(w.into())))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
            .saturating_add(ParityDbWeight::get().writes((1_u64).saturating_mul(w.into())))
            .saturating_add(Weight::from_parts(0, 11785).saturating_mul(w.into()))
    }
    fn request_pages() -> Weight {
        Weight::from_parts(108_090_000, 8619)
            .saturating_add(ParityDbWeight::get().reads(10_u64))
            .saturating_add(ParityDbWeight::get().writes(7_u64))
    }
    fn request_sponsored() -> Weight {
        Weight::from_parts(193_007_000, 8619)
            .saturating_add(ParityDbWeight::get().reads(10_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn authorize_request() -> Weight {
        Weight::from_parts(189_431_000, 8619).saturating_add(ParityDbWeight::get().reads(11_u64))
    }
    fn voucher() -> Weight {
        Weight::from_parts(80_670_000, 3533)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn skip() -> Weight {
        Weight::from_parts(136_023_000, 12775)
            .saturating_add(ParityDbWeight::get().reads(9_u64))
            .saturating_add(ParityDbWeight::get().writes(5_u64))
    }
    fn authorize_skip() -> Weight {
        Weight::from_parts(148_210_000, 12775).saturating_add(ParityDbWeight::get().reads(8_u64))
    }
    fn commit() -> Weight {
        Weight::from_parts(75_011_000, 12775)
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn authorize_commit() -> Weight {
        Weight::from_parts(167_509_000, 12775).saturating_add(ParityDbWeight::get().reads(8_u64))
    }
    fn page_done() -> Weight {
        Weight::from_parts(45_528_000, 6844)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn reveal(s: u32) -> Weight {
        Weight::from_parts(59_309_196, 12775)
            .saturating_add(Weight::from_parts(7_941, 0).saturating_mul(s.into()))
            .saturating_add(ParityDbWeight::get().reads(6_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn page_revealed() -> Weight {
        Weight::from_parts(12_318_000, 1489)
            .saturating_add(ParityDbWeight::get().reads(1_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn authorize_reveal(s: u32) -> Weight {
        Weight::from_parts(50_605_054, 12775)
            .saturating_add(Weight::from_parts(4_006, 0).saturating_mul(s.into()))
            .saturating_add(ParityDbWeight::get().reads(8_u64))
    }
    fn open_gold(n: u32) -> Weight {
        Weight::from_parts(148_351_000, 3917)
            .saturating_add(Weight::from_parts(98_046_609, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
            .saturating_add(ParityDbWeight::get().writes((2_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 11785).saturating_mul(n.into()))
    }
    fn expire() -> Weight {
        Weight::from_parts(93_399_000, 12775)
            .saturating_add(ParityDbWeight::get().reads(6_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn withdraw() -> Weight {
        Weight::from_parts(79_107_000, 6196)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn create_domain() -> Weight {
        Weight::from_parts(66_880_000, 3874)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn admit() -> Weight {
        Weight::from_parts(26_550_000, 3530)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn close_campaign() -> Weight {
        Weight::from_parts(20_571_000, 3876)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn prune_campaign(n: u32) -> Weight {
        Weight::from_parts(68_633_000, 3876)
            .saturating_add(Weight::from_parts(23_443_156, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
            .saturating_add(ParityDbWeight::get().writes((1_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2543).saturating_mul(n.into()))
    }
    fn begin_block() -> Weight {
        Weight::from_parts(65_147_000, 25046)
            .saturating_add(ParityDbWeight::get().reads(12_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn draw_request() -> Weight {
        Weight::from_parts(106_468_000, 3917)
            .saturating_add(ParityDbWeight::get().reads(6_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn draw_page() -> Weight {
        Weight::from_parts(182_832_000, 12775)
            .saturating_add(ParityDbWeight::get().reads(7_u64))
            .saturating_add(ParityDbWeight::get().writes(6_u64))
    }
    fn idle_base() -> Weight {
        Weight::from_parts(60_090_000, 25046).saturating_add(ParityDbWeight::get().reads(14_u64))
    }
    fn idle_bucket() -> Weight {
        Weight::from_parts(13_840_000, 3498).saturating_add(ParityDbWeight::get().reads(2_u64))
    }
    fn idle_deadline() -> Weight {
        Weight::from_parts(40_159_000, 9771)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn advance() -> Weight {
        Weight::from_parts(576_097_000, 25046)
            .saturating_add(ParityDbWeight::get().reads(22_u64))
            .saturating_add(ParityDbWeight::get().writes(15_u64))
    }
    fn transition() -> Weight {
        Weight::from_parts(79_248_000, 9771)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(12_u64))
    }
    fn score_page() -> Weight {
        Weight::from_parts(277_953_000, 24858)
            .saturating_add(ParityDbWeight::get().reads(12_u64))
            .saturating_add(ParityDbWeight::get().writes(10_u64))
    }
    fn rank_worker() -> Weight {
        Weight::from_parts(26_820_000, 7577).saturating_add(ParityDbWeight::get().reads(3_u64))
    }
    fn pay_worker() -> Weight {
        Weight::from_parts(98_697_000, 3876)
            .saturating_add(ParityDbWeight::get().reads(7_u64))
            .saturating_add(ParityDbWeight::get().writes(5_u64))
    }
    fn prune_unit() -> Weight {
        Weight::from_parts(71_386_000, 3874)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(5_u64))
    }
}
