//! Weights of `pallet_assets`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-assets 54.0.1.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_assets`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_assets::WeightInfo for WeightInfo<T> {
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn create() -> Weight {
        // Minimum execution time: 38_602_000 picoseconds.
        Weight::from_parts(69_700_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn force_create() -> Weight {
        // Minimum execution time: 16_701_000 picoseconds.
        Weight::from_parts(29_565_000, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn start_destroy() -> Weight {
        // Minimum execution time: 16_000_000 picoseconds.
        Weight::from_parts(28_293_000, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:1001 w:1000)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1000 w:1000)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // `c` is in `[0, 1000]`.
    fn destroy_accounts(c: u32) -> Weight {
        // Minimum execution time: 34_945_000 picoseconds.
        Weight::from_parts(36_178_000, 3675)
            // Standard error: 515_890
            .saturating_add(Weight::from_parts(28_688_817, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64))
            .saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(c.into())))
            .saturating_add(Weight::from_parts(0, 2609).saturating_mul(c.into()))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Approvals` (r:1001 w:1000)
    // Proof: `Assets::Approvals` (`max_values`: None, `max_size`: Some(148), added: 2623, mode: `MaxEncodedLen`)
    // `a` is in `[0, 1000]`.
    fn destroy_approvals(a: u32) -> Weight {
        // Minimum execution time: 31_238_000 picoseconds.
        Weight::from_parts(31_879_000, 3675)
            // Standard error: 576_650
            .saturating_add(Weight::from_parts(30_457_400, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(a.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(a.into())))
            .saturating_add(Weight::from_parts(0, 2623).saturating_mul(a.into()))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Metadata` (r:1 w:0)
    // Proof: `Assets::Metadata` (`max_values`: None, `max_size`: Some(140), added: 2615, mode: `MaxEncodedLen`)
    // Storage: `Assets::Reserves` (r:0 w:1)
    // Proof: `Assets::Reserves` (`max_values`: None, `max_size`: Some(21), added: 2496, mode: `MaxEncodedLen`)
    fn finish_destroy() -> Weight {
        // Minimum execution time: 19_657_000 picoseconds.
        Weight::from_parts(35_467_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    fn mint() -> Weight {
        // Minimum execution time: 30_547_000 picoseconds.
        Weight::from_parts(50_975_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    fn burn() -> Weight {
        // Minimum execution time: 41_066_000 picoseconds.
        Weight::from_parts(64_750_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:2 w:2)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn transfer() -> Weight {
        // Minimum execution time: 57_217_000 picoseconds.
        Weight::from_parts(93_765_000, 6208)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:2 w:2)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn transfer_keep_alive() -> Weight {
        // Minimum execution time: 52_007_000 picoseconds.
        Weight::from_parts(88_345_000, 6208)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:2 w:2)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn force_transfer() -> Weight {
        // Minimum execution time: 57_417_000 picoseconds.
        Weight::from_parts(97_473_000, 6208)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    fn freeze() -> Weight {
        // Minimum execution time: 21_700_000 picoseconds.
        Weight::from_parts(40_546_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    fn thaw() -> Weight {
        // Minimum execution time: 21_590_000 picoseconds.
        Weight::from_parts(39_674_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn freeze_asset() -> Weight {
        // Minimum execution time: 16_140_000 picoseconds.
        Weight::from_parts(30_166_000, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn thaw_asset() -> Weight {
        // Minimum execution time: 16_150_000 picoseconds.
        Weight::from_parts(30_908_000, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Metadata` (r:1 w:0)
    // Proof: `Assets::Metadata` (`max_values`: None, `max_size`: Some(140), added: 2615, mode: `MaxEncodedLen`)
    fn transfer_ownership() -> Weight {
        // Minimum execution time: 18_585_000 picoseconds.
        Weight::from_parts(34_414_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn set_team() -> Weight {
        // Minimum execution time: 16_000_000 picoseconds.
        Weight::from_parts(28_894_000, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Reserves` (r:0 w:1)
    // Proof: `Assets::Reserves` (`max_values`: None, `max_size`: Some(21), added: 2496, mode: `MaxEncodedLen`)
    // `n` is in `[0, 5]`.
    fn set_reserves(_n: u32) -> Weight {
        // Minimum execution time: 17_713_000 picoseconds.
        Weight::from_parts(33_164_452, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Metadata` (r:1 w:1)
    // Proof: `Assets::Metadata` (`max_values`: None, `max_size`: Some(140), added: 2615, mode: `MaxEncodedLen`)
    // `n` is in `[0, 50]`.
    // `s` is in `[0, 50]`.
    fn set_metadata(_n: u32, _s: u32) -> Weight {
        // Minimum execution time: 38_742_000 picoseconds.
        Weight::from_parts(74_820_213, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Metadata` (r:1 w:1)
    // Proof: `Assets::Metadata` (`max_values`: None, `max_size`: Some(140), added: 2615, mode: `MaxEncodedLen`)
    fn clear_metadata() -> Weight {
        // Minimum execution time: 37_039_000 picoseconds.
        Weight::from_parts(65_683_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Metadata` (r:1 w:1)
    // Proof: `Assets::Metadata` (`max_values`: None, `max_size`: Some(140), added: 2615, mode: `MaxEncodedLen`)
    // `n` is in `[0, 50]`.
    // `s` is in `[0, 50]`.
    fn force_set_metadata(n: u32, s: u32) -> Weight {
        // Minimum execution time: 17_482_000 picoseconds.
        Weight::from_parts(25_853_893, 3675)
            // Standard error: 4_038
            .saturating_add(Weight::from_parts(23_200, 0).saturating_mul(n.into()))
            // Standard error: 4_038
            .saturating_add(Weight::from_parts(29_865, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Metadata` (r:1 w:1)
    // Proof: `Assets::Metadata` (`max_values`: None, `max_size`: Some(140), added: 2615, mode: `MaxEncodedLen`)
    fn force_clear_metadata() -> Weight {
        // Minimum execution time: 36_188_000 picoseconds.
        Weight::from_parts(55_774_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn force_asset_status() -> Weight {
        // Minimum execution time: 15_579_000 picoseconds.
        Weight::from_parts(26_320_000, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Approvals` (r:1 w:1)
    // Proof: `Assets::Approvals` (`max_values`: None, `max_size`: Some(148), added: 2623, mode: `MaxEncodedLen`)
    fn approve_transfer() -> Weight {
        // Minimum execution time: 43_220_000 picoseconds.
        Weight::from_parts(63_889_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Approvals` (r:1 w:1)
    // Proof: `Assets::Approvals` (`max_values`: None, `max_size`: Some(148), added: 2623, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:2 w:2)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn transfer_approved() -> Weight {
        // Minimum execution time: 85_059_000 picoseconds.
        Weight::from_parts(131_816_000, 6208)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Approvals` (r:1 w:1)
    // Proof: `Assets::Approvals` (`max_values`: None, `max_size`: Some(148), added: 2623, mode: `MaxEncodedLen`)
    fn cancel_approval() -> Weight {
        // Minimum execution time: 44_183_000 picoseconds.
        Weight::from_parts(73_206_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Approvals` (r:1 w:1)
    // Proof: `Assets::Approvals` (`max_values`: None, `max_size`: Some(148), added: 2623, mode: `MaxEncodedLen`)
    fn force_cancel_approval() -> Weight {
        // Minimum execution time: 46_006_000 picoseconds.
        Weight::from_parts(56_586_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn set_min_balance() -> Weight {
        // Minimum execution time: 16_802_000 picoseconds.
        Weight::from_parts(26_159_000, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn touch() -> Weight {
        // Minimum execution time: 44_402_000 picoseconds.
        Weight::from_parts(72_165_000, 3675)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn touch_other() -> Weight {
        // Minimum execution time: 41_909_000 picoseconds.
        Weight::from_parts(73_497_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn refund() -> Weight {
        // Minimum execution time: 41_608_000 picoseconds.
        Weight::from_parts(68_037_000, 3675)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn refund_other() -> Weight {
        // Minimum execution time: 39_484_000 picoseconds.
        Weight::from_parts(67_767_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:1 w:1)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    fn block() -> Weight {
        // Minimum execution time: 21_691_000 picoseconds.
        Weight::from_parts(33_021_000, 3675)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:1)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Account` (r:2 w:2)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn transfer_all() -> Weight {
        // Minimum execution time: 70_812_000 picoseconds.
        Weight::from_parts(104_806_000, 6208)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(4_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    fn total_issuance() -> Weight {
        // Minimum execution time: 6_292_000 picoseconds.
        Weight::from_parts(10_359_000, 3675).saturating_add(T::DbWeight::get().reads(1_u64))
    }
    // Storage: `Assets::Account` (r:1 w:0)
    // Proof: `Assets::Account` (`max_values`: None, `max_size`: Some(134), added: 2609, mode: `MaxEncodedLen`)
    fn balance() -> Weight {
        // Minimum execution time: 7_473_000 picoseconds.
        Weight::from_parts(12_583_000, 3599).saturating_add(T::DbWeight::get().reads(1_u64))
    }
    // Storage: `Assets::Approvals` (r:1 w:0)
    // Proof: `Assets::Approvals` (`max_values`: None, `max_size`: Some(148), added: 2623, mode: `MaxEncodedLen`)
    fn allowance() -> Weight {
        // Minimum execution time: 11_351_000 picoseconds.
        Weight::from_parts(18_976_000, 3613).saturating_add(T::DbWeight::get().reads(1_u64))
    }
    // Storage: `Assets::Asset` (r:1 w:0)
    // Proof: `Assets::Asset` (`max_values`: None, `max_size`: Some(210), added: 2685, mode: `MaxEncodedLen`)
    // Storage: `Assets::Reserves` (r:0 w:1)
    // Proof: `Assets::Reserves` (`max_values`: None, `max_size`: Some(21), added: 2496, mode: `MaxEncodedLen`)
    fn migration_v2_foreign_asset_set_reserve_weight() -> Weight {
        // Minimum execution time: 10_950_000 picoseconds.
        Weight::from_parts(14_838_000, 3675)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Assets::Metadata` (r:1 w:0)
    // Proof: `Assets::Metadata` (`max_values`: None, `max_size`: Some(140), added: 2615, mode: `MaxEncodedLen`)
    fn get_metadata() -> Weight {
        // Minimum execution time: 6_933_000 picoseconds.
        Weight::from_parts(10_549_000, 3605).saturating_add(T::DbWeight::get().reads(1_u64))
    }
}
