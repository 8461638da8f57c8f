//! Weights of `pallet_proxy`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-proxy 50.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_proxy`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_proxy::WeightInfo for WeightInfo<T> {
    // Storage: `Proxy::Proxies` (r:1 w:0)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `p` is in `[1, 31]`.
    fn proxy(p: u32) -> Weight {
        // Minimum execution time: 29_325_000 picoseconds.
        Weight::from_parts(52_022_127, 4706)
            // Standard error: 11_372
            .saturating_add(Weight::from_parts(122_241, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
    }
    // Storage: `Proxy::Proxies` (r:1 w:0)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // Storage: `Proxy::Announcements` (r:1 w:1)
    // Proof: `Proxy::Announcements` (`max_values`: None, `max_size`: Some(2233), added: 4708, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `SafeMode::EnteredUntil` (r:1 w:0)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `TxPause::PausedCalls` (r:1 w:0)
    // Proof: `TxPause::PausedCalls` (`max_values`: None, `max_size`: Some(532), added: 3007, mode: `MaxEncodedLen`)
    // `a` is in `[0, 31]`.
    // `p` is in `[1, 31]`.
    fn proxy_announced(a: u32, p: u32) -> Weight {
        // Minimum execution time: 63_990_000 picoseconds.
        Weight::from_parts(88_287_229, 5698)
            // Standard error: 36_142
            .saturating_add(Weight::from_parts(841_246, 0).saturating_mul(a.into()))
            // Standard error: 37_368
            .saturating_add(Weight::from_parts(788_135, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Proxy::Announcements` (r:1 w:1)
    // Proof: `Proxy::Announcements` (`max_values`: None, `max_size`: Some(2233), added: 4708, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // `a` is in `[0, 31]`.
    // `p` is in `[1, 31]`.
    fn remove_announcement(a: u32, _p: u32) -> Weight {
        // Minimum execution time: 37_400_000 picoseconds.
        Weight::from_parts(67_272_950, 5698)
            // Standard error: 27_474
            .saturating_add(Weight::from_parts(229_510, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Proxy::Announcements` (r:1 w:1)
    // Proof: `Proxy::Announcements` (`max_values`: None, `max_size`: Some(2233), added: 4708, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // `a` is in `[0, 31]`.
    // `p` is in `[1, 31]`.
    fn reject_announcement(a: u32, p: u32) -> Weight {
        // Minimum execution time: 35_987_000 picoseconds.
        Weight::from_parts(38_832_591, 5698)
            // Standard error: 24_840
            .saturating_add(Weight::from_parts(316_980, 0).saturating_mul(a.into()))
            // Standard error: 25_683
            .saturating_add(Weight::from_parts(289_225, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Proxy::Proxies` (r:1 w:0)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // Storage: `Proxy::Announcements` (r:1 w:1)
    // Proof: `Proxy::Announcements` (`max_values`: None, `max_size`: Some(2233), added: 4708, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // `a` is in `[0, 31]`.
    // `p` is in `[1, 31]`.
    fn announce(a: u32, _p: u32) -> Weight {
        // Minimum execution time: 46_227_000 picoseconds.
        Weight::from_parts(61_283_311, 5698)
            // Standard error: 23_308
            .saturating_add(Weight::from_parts(161_989, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `Proxy::Proxies` (r:1 w:1)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // `p` is in `[1, 31]`.
    fn add_proxy(p: u32) -> Weight {
        // Minimum execution time: 34_193_000 picoseconds.
        Weight::from_parts(57_015_731, 4706)
            // Standard error: 11_450
            .saturating_add(Weight::from_parts(9_097, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Proxy::Proxies` (r:1 w:1)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // `p` is in `[1, 31]`.
    fn remove_proxy(p: u32) -> Weight {
        // Minimum execution time: 34_144_000 picoseconds.
        Weight::from_parts(51_575_150, 4706)
            // Standard error: 15_105
            .saturating_add(Weight::from_parts(114_575, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Proxy::Proxies` (r:1 w:1)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // `p` is in `[1, 31]`.
    fn remove_proxies(p: u32) -> Weight {
        // Minimum execution time: 33_964_000 picoseconds.
        Weight::from_parts(50_100_458, 4706)
            // Standard error: 30_923
            .saturating_add(Weight::from_parts(3_475_590, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Proxy::Proxies` (r:1 w:1)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // `p` is in `[1, 31]`.
    fn create_pure(p: u32) -> Weight {
        // Minimum execution time: 38_642_000 picoseconds.
        Weight::from_parts(50_727_550, 4706)
            // Standard error: 13_732
            .saturating_add(Weight::from_parts(51_675, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Proxy::Proxies` (r:1 w:1)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // `p` is in `[0, 30]`.
    fn kill_pure(_p: u32) -> Weight {
        // Minimum execution time: 36_589_000 picoseconds.
        Weight::from_parts(57_548_179, 4706)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Proxy::Proxies` (r:1 w:1)
    // Proof: `Proxy::Proxies` (`max_values`: None, `max_size`: Some(1241), added: 3716, mode: `MaxEncodedLen`)
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // Storage: `Proxy::Announcements` (r:1 w:1)
    // Proof: `Proxy::Announcements` (`max_values`: None, `max_size`: Some(2233), added: 4708, mode: `MaxEncodedLen`)
    fn poke_deposit() -> Weight {
        // Minimum execution time: 59_240_000 picoseconds.
        Weight::from_parts(70_572_000, 5698)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
}
