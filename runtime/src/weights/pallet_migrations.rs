//! Weights of `pallet_migrations`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-migrations 20.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_migrations`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_migrations::WeightInfo for WeightInfo<T> {
    // Storage: `MultiBlockMigrations::Cursor` (r:1 w:1)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    // Storage: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Proof: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    fn onboard_new_mbms() -> Weight {
        // Minimum execution time: 10_911_000 picoseconds.
        Weight::from_parts(13_876_000, 67035)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `MultiBlockMigrations::Cursor` (r:1 w:0)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    fn progress_mbms_none() -> Weight {
        // Minimum execution time: 3_346_000 picoseconds.
        Weight::from_parts(4_589_000, 67035).saturating_add(T::DbWeight::get().reads(1_u64))
    }
    // Storage: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Proof: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Storage: `MultiBlockMigrations::Cursor` (r:0 w:1)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    fn exec_migration_completed() -> Weight {
        // Minimum execution time: 8_205_000 picoseconds.
        Weight::from_parts(12_754_000, 3528)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Proof: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Storage: `MultiBlockMigrations::Historic` (r:1 w:0)
    // Proof: `MultiBlockMigrations::Historic` (`max_values`: None, `max_size`: Some(266), added: 2741, mode: `MaxEncodedLen`)
    fn exec_migration_skipped_historic() -> Weight {
        // Minimum execution time: 15_739_000 picoseconds.
        Weight::from_parts(27_271_000, 3731).saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Proof: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Storage: `MultiBlockMigrations::Historic` (r:1 w:0)
    // Proof: `MultiBlockMigrations::Historic` (`max_values`: None, `max_size`: Some(266), added: 2741, mode: `MaxEncodedLen`)
    fn exec_migration_advance() -> Weight {
        // Minimum execution time: 15_539_000 picoseconds.
        Weight::from_parts(25_628_000, 3731).saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Proof: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Storage: `MultiBlockMigrations::Historic` (r:1 w:1)
    // Proof: `MultiBlockMigrations::Historic` (`max_values`: None, `max_size`: Some(266), added: 2741, mode: `MaxEncodedLen`)
    fn exec_migration_complete() -> Weight {
        // Minimum execution time: 18_124_000 picoseconds.
        Weight::from_parts(33_733_000, 3731)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Proof: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Storage: `MultiBlockMigrations::Historic` (r:1 w:0)
    // Proof: `MultiBlockMigrations::Historic` (`max_values`: None, `max_size`: Some(266), added: 2741, mode: `MaxEncodedLen`)
    // Storage: `SafeMode::EnteredUntil` (r:1 w:1)
    // Proof: `SafeMode::EnteredUntil` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
    // Storage: `MultiBlockMigrations::Cursor` (r:0 w:1)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    fn exec_migration_fail() -> Weight {
        // Minimum execution time: 24_416_000 picoseconds.
        Weight::from_parts(45_415_000, 3731)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    fn on_init_loop() -> Weight {
        // Minimum execution time: 210_000 picoseconds.
        Weight::from_parts(361_000, 0)
    }
    // Storage: `MultiBlockMigrations::Cursor` (r:0 w:1)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    fn force_set_cursor() -> Weight {
        // Minimum execution time: 4_589_000 picoseconds.
        Weight::from_parts(6_913_000, 0).saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `MultiBlockMigrations::Cursor` (r:0 w:1)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    fn force_set_active_cursor() -> Weight {
        // Minimum execution time: 5_180_000 picoseconds.
        Weight::from_parts(6_813_000, 0).saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `MultiBlockMigrations::Cursor` (r:1 w:0)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    // Storage: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    // Proof: UNKNOWN KEY `0x583359fe0e84d953a9dd84e8addb08a5` (r:1 w:0)
    fn force_onboard_mbms() -> Weight {
        // Minimum execution time: 8_966_000 picoseconds.
        Weight::from_parts(13_485_000, 67035).saturating_add(T::DbWeight::get().reads(2_u64))
    }
    // Storage: `MultiBlockMigrations::Historic` (r:256 w:256)
    // Proof: `MultiBlockMigrations::Historic` (`max_values`: None, `max_size`: Some(266), added: 2741, mode: `MaxEncodedLen`)
    // `n` is in `[0, 256]`.
    fn clear_historic(n: u32) -> Weight {
        // Minimum execution time: 25_448_000 picoseconds.
        Weight::from_parts(66_858_186, 3965)
            // Standard error: 29_335
            .saturating_add(Weight::from_parts(1_999_047, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2738).saturating_mul(n.into()))
    }
    // Storage: `Skipped::Metadata` (r:0 w:0)
    // Proof: `Skipped::Metadata` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // `n` is in `[0, 2048]`.
    fn reset_pallet_migration(n: u32) -> Weight {
        // Minimum execution time: 2_535_000 picoseconds.
        Weight::from_parts(3_086_000, 1381)
            // Standard error: 6_403
            .saturating_add(Weight::from_parts(1_478_029, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 1).saturating_mul(n.into()))
    }
}
