//! Weights of `pallet_balances`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-balances 51.0.2.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_balances`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_balances::WeightInfo for WeightInfo<T> {
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn transfer_allow_death() -> Weight {
        // Minimum execution time: 72_284_000 picoseconds.
        Weight::from_parts(85_049_000, 3593)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn transfer_keep_alive() -> Weight {
        // Minimum execution time: 57_818_000 picoseconds.
        Weight::from_parts(95_999_000, 3593)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn force_set_balance_creating() -> Weight {
        // Minimum execution time: 30_497_000 picoseconds.
        Weight::from_parts(55_834_000, 3593)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn force_set_balance_killing() -> Weight {
        // Minimum execution time: 31_158_000 picoseconds.
        Weight::from_parts(55_424_000, 3593)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `System::Account` (r:2 w:2)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn force_transfer() -> Weight {
        // Minimum execution time: 75_060_000 picoseconds.
        Weight::from_parts(122_388_000, 6196)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn transfer_all() -> Weight {
        // Minimum execution time: 70_922_000 picoseconds.
        Weight::from_parts(119_372_000, 3593)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `System::Account` (r:1 w:1)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    fn force_unreserve() -> Weight {
        // Minimum execution time: 26_069_000 picoseconds.
        Weight::from_parts(46_266_000, 3593)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `System::Account` (r:1000 w:1000)
    // Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
    // `u` is in `[1, 1000]`.
    fn upgrade_accounts(u: u32) -> Weight {
        // Minimum execution time: 27_732_000 picoseconds.
        Weight::from_parts(613_307_748, 990)
            // Standard error: 498_454
            .saturating_add(Weight::from_parts(29_763_253, 0).saturating_mul(u.into()))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(u.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(u.into())))
            .saturating_add(Weight::from_parts(0, 2603).saturating_mul(u.into()))
    }
    fn force_adjust_total_issuance() -> Weight {
        // Minimum execution time: 9_218_000 picoseconds.
        Weight::from_parts(19_416_000, 0)
    }
    fn burn_allow_death() -> Weight {
        // Minimum execution time: 45_104_000 picoseconds.
        Weight::from_parts(74_749_000, 0)
    }
    fn burn_keep_alive() -> Weight {
        // Minimum execution time: 30_106_000 picoseconds.
        Weight::from_parts(53_600_000, 0)
    }
}
