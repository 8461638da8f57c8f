//! Weights of `pallet_data_market`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-22:
//! 50 steps, 20 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: 86d0d7452ce4b2050b8875aad9272d68 over 103 files; changed since it was measured, accepted by review.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::ParityDbWeight, Weight},
};

/// Weight functions needed for `pallet_data_market`.
pub trait WeightInfo {
    fn register() -> Weight;
    fn bond() -> Weight;
    fn unbond() -> Weight;
    fn deregister() -> Weight;
    /// `a` is in `[1, 8]`.
    /// `p` is in `[0, 4]`.
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
    /// `n` is in `[1, 64]`.
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

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    fn register() -> Weight {
        // Minimum execution time: 57_907_000 picoseconds.
        Weight::from_parts(94_310_000, 3856)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    fn bond() -> Weight {
        // Minimum execution time: 62_704_000 picoseconds.
        Weight::from_parts(102_773_000, 3856)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    fn unbond() -> Weight {
        // Minimum execution time: 54_421_000 picoseconds.
        Weight::from_parts(82_623_000, 3856)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    fn deregister() -> Weight {
        // Minimum execution time: 85_737_000 picoseconds.
        Weight::from_parts(118_807_000, 3856)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::NextListingId` (r:1 w:1)
    // Proof: `DataMarket::NextListingId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Pools` (r:4 w:5)
    // Proof: `DataMarket::Pools` (`max_values`: None, `max_size`: Some(171), added: 2646, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Listings` (r:3 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Holders` (r:0 w:12)
    // Proof: `DataMarket::Holders` (`max_values`: None, `max_size`: Some(102), added: 2577, mode: `MaxEncodedLen`)
    fn list(a: u32, p: u32) -> Weight {
        // Minimum execution time: 178_836_000 picoseconds.
        Weight::from_parts(266_861_233, 6196)
            // Standard error: 786_405
            .saturating_add(Weight::from_parts(4_378_578, 0).saturating_mul(a.into()))
            // Standard error: 1_287_657
            .saturating_add(Weight::from_parts(42_482_894, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(p.into())))
            .saturating_add(T::DbWeight::get().writes(7_u64))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(a.into())))
            .saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(p.into())))
            .saturating_add(Weight::from_parts(0, 32).saturating_mul(a.into()))
            .saturating_add(Weight::from_parts(0, 2840).saturating_mul(p.into()))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::BadSeals` (r:2 w:0)
    // Proof: `DataMarket::BadSeals` (`max_values`: None, `max_size`: Some(32), added: 2507, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    fn seal() -> Weight {
        // Minimum execution time: 25_668_000 picoseconds.
        Weight::from_parts(41_472_000, 6004)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    fn set_price() -> Weight {
        // Minimum execution time: 15_032_000 picoseconds.
        Weight::from_parts(31_046_000, 3987)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    fn pause() -> Weight {
        // Minimum execution time: 20_541_000 picoseconds.
        Weight::from_parts(32_499_000, 3987)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::BadSeals` (r:1 w:0)
    // Proof: `DataMarket::BadSeals` (`max_values`: None, `max_size`: Some(32), added: 2507, mode: `MaxEncodedLen`)
    fn resume() -> Weight {
        // Minimum execution time: 16_134_000 picoseconds.
        Weight::from_parts(35_343_000, 3987)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    fn close() -> Weight {
        // Minimum execution time: 19_459_000 picoseconds.
        Weight::from_parts(27_060_000, 3987)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Pools` (r:5 w:5)
    // Proof: `DataMarket::Pools` (`max_values`: None, `max_size`: Some(171), added: 2646, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Holders` (r:13 w:12)
    // Proof: `DataMarket::Holders` (`max_values`: None, `max_size`: Some(102), added: 2577, mode: `MaxEncodedLen`)
    fn remove() -> Weight {
        // Minimum execution time: 379_274_000 picoseconds.
        Weight::from_parts(474_796_000, 34491)
            .saturating_add(T::DbWeight::get().reads(23_u64))
            .saturating_add(T::DbWeight::get().writes(21_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Allowed` (r:1 w:1)
    // Proof: `DataMarket::Allowed` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    fn allow() -> Weight {
        // Minimum execution time: 100_019_000 picoseconds.
        Weight::from_parts(144_225_000, 3987)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Invites` (r:1 w:1)
    // Proof: `DataMarket::Invites` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    fn invite() -> Weight {
        // Minimum execution time: 86_599_000 picoseconds.
        Weight::from_parts(140_138_000, 3987)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Allowed` (r:1 w:0)
    // Proof: `DataMarket::Allowed` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Rights` (r:1 w:1)
    // Proof: `DataMarket::Rights` (`max_values`: None, `max_size`: Some(206), added: 2681, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::BadSeals` (r:1 w:0)
    // Proof: `DataMarket::BadSeals` (`max_values`: None, `max_size`: Some(32), added: 2507, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::NextOrderId` (r:1 w:1)
    // Proof: `DataMarket::NextOrderId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Orders` (r:0 w:1)
    // Proof: `DataMarket::Orders` (`max_values`: None, `max_size`: Some(450), added: 2925, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::OpenOrders` (r:0 w:1)
    // Proof: `DataMarket::OpenOrders` (`max_values`: None, `max_size`: Some(64), added: 2539, mode: `MaxEncodedLen`)
    fn order() -> Weight {
        // Minimum execution time: 138_536_000 picoseconds.
        Weight::from_parts(261_559_000, 3987)
            .saturating_add(T::DbWeight::get().reads(9_u64))
            .saturating_add(T::DbWeight::get().writes(8_u64))
    }
    // Storage: `DataMarket::Orders` (r:64 w:64)
    // Proof: `DataMarket::Orders` (`max_values`: None, `max_size`: Some(450), added: 2925, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Sellers` (r:1 w:0)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::BadSeals` (r:1 w:0)
    // Proof: `DataMarket::BadSeals` (`max_values`: None, `max_size`: Some(32), added: 2507, mode: `MaxEncodedLen`)
    fn reveal(n: u32) -> Weight {
        // Minimum execution time: 75_463_000 picoseconds.
        Weight::from_parts(95_881_976, 3744)
            // Standard error: 1_400_927
            .saturating_add(Weight::from_parts(22_975_348, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2925).saturating_mul(n.into()))
    }
    // Storage: `DataMarket::Orders` (r:1 w:1)
    // Proof: `DataMarket::Orders` (`max_values`: None, `max_size`: Some(450), added: 2925, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::BadSeals` (r:1 w:1)
    // Proof: `DataMarket::BadSeals` (`max_values`: None, `max_size`: Some(32), added: 2507, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:4 w:4)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:2 w:2)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::OpenOrders` (r:0 w:1)
    // Proof: `DataMarket::OpenOrders` (`max_values`: None, `max_size`: Some(64), added: 2539, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Rights` (r:0 w:1)
    // Proof: `DataMarket::Rights` (`max_values`: None, `max_size`: Some(206), added: 2681, mode: `MaxEncodedLen`)
    fn complain() -> Weight {
        // Minimum execution time: 836_965_000 picoseconds.
        Weight::from_parts(1_264_702_000, 11402)
            .saturating_add(T::DbWeight::get().reads(12_u64))
            .saturating_add(T::DbWeight::get().writes(12_u64))
    }
    // Storage: `DataMarket::Orders` (r:1 w:1)
    // Proof: `DataMarket::Orders` (`max_values`: None, `max_size`: Some(450), added: 2925, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::BadSeals` (r:1 w:0)
    // Proof: `DataMarket::BadSeals` (`max_values`: None, `max_size`: Some(32), added: 2507, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Sellers` (r:1 w:1)
    // Proof: `DataMarket::Sellers` (`max_values`: None, `max_size`: Some(279), added: 2754, mode: `MaxEncodedLen`)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:4 w:4)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Pools` (r:1 w:1)
    // Proof: `DataMarket::Pools` (`max_values`: None, `max_size`: Some(171), added: 2646, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Holders` (r:1 w:1)
    // Proof: `DataMarket::Holders` (`max_values`: None, `max_size`: Some(102), added: 2577, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::OpenOrders` (r:0 w:1)
    // Proof: `DataMarket::OpenOrders` (`max_values`: None, `max_size`: Some(64), added: 2539, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Rights` (r:0 w:1)
    // Proof: `DataMarket::Rights` (`max_values`: None, `max_size`: Some(206), added: 2681, mode: `MaxEncodedLen`)
    fn poke() -> Weight {
        // Minimum execution time: 243_833_000 picoseconds.
        Weight::from_parts(402_609_000, 11402)
            .saturating_add(T::DbWeight::get().reads(13_u64))
            .saturating_add(T::DbWeight::get().writes(12_u64))
    }
    // Storage: `DataMarket::Rights` (r:1 w:1)
    // Proof: `DataMarket::Rights` (`max_values`: None, `max_size`: Some(206), added: 2681, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    fn rate() -> Weight {
        // Minimum execution time: 25_869_000 picoseconds.
        Weight::from_parts(53_029_000, 3987)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `DataMarket::Rights` (r:1 w:1)
    // Proof: `DataMarket::Rights` (`max_values`: None, `max_size`: Some(206), added: 2681, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    fn forget_right() -> Weight {
        // Minimum execution time: 65_247_000 picoseconds.
        Weight::from_parts(117_064_000, 3987)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `DataMarket::Pools` (r:1 w:1)
    // Proof: `DataMarket::Pools` (`max_values`: None, `max_size`: Some(171), added: 2646, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Campaigns` (r:1 w:0)
    // Proof: `LabelBounties::Campaigns` (`max_values`: None, `max_size`: Some(411), added: 2886, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Clock` (r:1 w:0)
    // Proof: `LabelBounties::Clock` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Holders` (r:1 w:1)
    // Proof: `DataMarket::Holders` (`max_values`: None, `max_size`: Some(102), added: 2577, mode: `MaxEncodedLen`)
    // Storage: `LabelBounties::Contributions` (r:1 w:0)
    // Proof: `LabelBounties::Contributions` (`max_values`: None, `max_size`: Some(68), added: 2543, mode: `MaxEncodedLen`)
    fn enrol() -> Weight {
        // Minimum execution time: 121_882_000 picoseconds.
        Weight::from_parts(205_937_000, 3876)
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `DataMarket::Pools` (r:5 w:5)
    // Proof: `DataMarket::Pools` (`max_values`: None, `max_size`: Some(171), added: 2646, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Skipped` (r:1 w:0)
    // Proof: `DataMarket::Skipped` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Holders` (r:13 w:12)
    // Proof: `DataMarket::Holders` (`max_values`: None, `max_size`: Some(102), added: 2577, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:3 w:3)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `DataMarket::Listings` (r:1 w:0)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(391), added: 2866, mode: `MaxEncodedLen`)
    fn claim() -> Weight {
        // Minimum execution time: 257_273_000 picoseconds.
        Weight::from_parts(408_057_000, 34491)
            .saturating_add(T::DbWeight::get().reads(24_u64))
            .saturating_add(T::DbWeight::get().writes(21_u64))
    }
    // Storage: `DataMarket::Listings` (r:1 w:1)
    // Proof: `DataMarket::Listings` (`max_values`: None, `max_size`: Some(522), added: 2997, mode: `MaxEncodedLen`)
    fn freeze() -> Weight {
        // Minimum execution time: 13_961_000 picoseconds.
        Weight::from_parts(33_450_000, 3987)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `MultiBlockMigrations::Cursor` (r:1 w:0)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    fn on_initialize() -> Weight {
        // Minimum execution time: 2_714_000 picoseconds.
        Weight::from_parts(5_288_000, 67035).saturating_add(T::DbWeight::get().reads(1_u64))
    }
}

// For tests.
impl WeightInfo for () {
    fn register() -> Weight {
        Weight::from_parts(94_310_000, 3856)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn bond() -> Weight {
        Weight::from_parts(102_773_000, 3856)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn unbond() -> Weight {
        Weight::from_parts(82_623_000, 3856)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn deregister() -> Weight {
        Weight::from_parts(118_807_000, 3856)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(3_u64))
    }
    fn list(a: u32, p: u32) -> Weight {
        Weight::from_parts(266_861_233, 6196)
            .saturating_add(Weight::from_parts(4_378_578, 0).saturating_mul(a.into()))
            .saturating_add(Weight::from_parts(42_482_894, 0).saturating_mul(p.into()))
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().reads((2_u64).saturating_mul(p.into())))
            .saturating_add(ParityDbWeight::get().writes(7_u64))
            .saturating_add(ParityDbWeight::get().writes((1_u64).saturating_mul(a.into())))
            .saturating_add(ParityDbWeight::get().writes((2_u64).saturating_mul(p.into())))
            .saturating_add(Weight::from_parts(0, 32).saturating_mul(a.into()))
            .saturating_add(Weight::from_parts(0, 2840).saturating_mul(p.into()))
    }
    fn seal() -> Weight {
        Weight::from_parts(41_472_000, 6004)
            .saturating_add(ParityDbWeight::get().reads(5_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn set_price() -> Weight {
        Weight::from_parts(31_046_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(1_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn pause() -> Weight {
        Weight::from_parts(32_499_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(1_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn resume() -> Weight {
        Weight::from_parts(35_343_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn close() -> Weight {
        Weight::from_parts(27_060_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(2_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn remove() -> Weight {
        Weight::from_parts(474_796_000, 34491)
            .saturating_add(ParityDbWeight::get().reads(23_u64))
            .saturating_add(ParityDbWeight::get().writes(21_u64))
    }
    fn allow() -> Weight {
        Weight::from_parts(144_225_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn invite() -> Weight {
        Weight::from_parts(140_138_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn order() -> Weight {
        Weight::from_parts(261_559_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(9_u64))
            .saturating_add(ParityDbWeight::get().writes(8_u64))
    }
    fn reveal(n: u32) -> Weight {
        Weight::from_parts(95_881_976, 3744)
            .saturating_add(Weight::from_parts(22_975_348, 0).saturating_mul(n.into()))
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(ParityDbWeight::get().writes((1_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2925).saturating_mul(n.into()))
    }
    fn complain() -> Weight {
        Weight::from_parts(1_264_702_000, 11402)
            .saturating_add(ParityDbWeight::get().reads(12_u64))
            .saturating_add(ParityDbWeight::get().writes(12_u64))
    }
    fn poke() -> Weight {
        Weight::from_parts(402_609_000, 11402)
            .saturating_add(ParityDbWeight::get().reads(13_u64))
            .saturating_add(ParityDbWeight::get().writes(12_u64))
    }
    fn rate() -> Weight {
        Weight::from_parts(53_029_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(3_u64))
            .saturating_add(ParityDbWeight::get().writes(2_u64))
    }
    fn forget_right() -> Weight {
        Weight::from_parts(117_064_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(4_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn enrol() -> Weight {
        Weight::from_parts(205_937_000, 3876)
            .saturating_add(ParityDbWeight::get().reads(8_u64))
            .saturating_add(ParityDbWeight::get().writes(4_u64))
    }
    fn claim() -> Weight {
        Weight::from_parts(408_057_000, 34491)
            .saturating_add(ParityDbWeight::get().reads(24_u64))
            .saturating_add(ParityDbWeight::get().writes(21_u64))
    }
    fn freeze() -> Weight {
        Weight::from_parts(33_450_000, 3987)
            .saturating_add(ParityDbWeight::get().reads(1_u64))
            .saturating_add(ParityDbWeight::get().writes(1_u64))
    }
    fn on_initialize() -> Weight {
        Weight::from_parts(5_288_000, 67035).saturating_add(ParityDbWeight::get().reads(1_u64))
    }
}
