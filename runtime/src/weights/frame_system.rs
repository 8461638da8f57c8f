//! Weights of `frame_system`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, MedianSlopes, CPU `AMD EPYC`. Not edited by hand.
//! Sources: frame-system 49.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `frame_system`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> frame_system::WeightInfo for WeightInfo<T> {
    // `b` is in `[0, 3932160]`.
    fn remark(b: u32) -> Weight {
        // Minimum execution time: 3_987_000 picoseconds.
        Weight::from_parts(9_560_163, 0)
            // Standard error: 0
            .saturating_add(Weight::from_parts(677, 0).saturating_mul(b.into()))
    }
    // `b` is in `[0, 3932160]`.
    fn remark_with_event(b: u32) -> Weight {
        // Minimum execution time: 10_009_000 picoseconds.
        Weight::from_parts(127_110_271, 0)
            // Standard error: 0
            .saturating_add(Weight::from_parts(2_380, 0).saturating_mul(b.into()))
    }
    // Storage: UNKNOWN KEY `0x3a686561707061676573` (r:0 w:1)
    // Proof: UNKNOWN KEY `0x3a686561707061676573` (r:0 w:1)
    fn set_heap_pages() -> Weight {
        // Minimum execution time: 7_133_000 picoseconds.
        Weight::from_parts(11_181_000, 0).saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `MultiBlockMigrations::Cursor` (r:1 w:0)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    // Storage: UNKNOWN KEY `0x3a636f6465` (r:0 w:1)
    // Proof: UNKNOWN KEY `0x3a636f6465` (r:0 w:1)
    fn set_code() -> Weight {
        // Minimum execution time: 166_222_309_000 picoseconds.
        Weight::from_parts(216_273_391_000, 67035)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `Skipped::Metadata` (r:0 w:0)
    // Proof: `Skipped::Metadata` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // `i` is in `[0, 1000]`.
    fn set_storage(i: u32) -> Weight {
        // Minimum execution time: 4_137_000 picoseconds.
        Weight::from_parts(1_185_363, 0)
            // Standard error: 0
            .saturating_add(Weight::from_parts(1_430_685, 0).saturating_mul(i.into()))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(i.into())))
    }
    // Storage: `Skipped::Metadata` (r:0 w:0)
    // Proof: `Skipped::Metadata` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // `i` is in `[0, 1000]`.
    fn kill_storage(i: u32) -> Weight {
        // Minimum execution time: 4_318_000 picoseconds.
        Weight::from_parts(0, 0)
            // Standard error: 0
            .saturating_add(Weight::from_parts(1_175_865, 0).saturating_mul(i.into()))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(i.into())))
    }
    // Storage: `Skipped::Metadata` (r:0 w:0)
    // Proof: `Skipped::Metadata` (`max_values`: None, `max_size`: None, mode: `Measured`)
    // `p` is in `[0, 1000]`.
    fn kill_prefix(p: u32) -> Weight {
        // Minimum execution time: 7_684_000 picoseconds.
        Weight::from_parts(7_160_177, 72)
            // Standard error: 0
            .saturating_add(Weight::from_parts(1_741_765, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(p.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(p.into())))
            .saturating_add(Weight::from_parts(0, 69).saturating_mul(p.into()))
    }
    // Storage: `System::AuthorizedUpgrade` (r:0 w:1)
    // Proof: `System::AuthorizedUpgrade` (`max_values`: Some(1), `max_size`: Some(33), added: 528, mode: `MaxEncodedLen`)
    fn authorize_upgrade() -> Weight {
        // Minimum execution time: 25_017_000 picoseconds.
        Weight::from_parts(35_997_000, 0).saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `System::AuthorizedUpgrade` (r:1 w:1)
    // Proof: `System::AuthorizedUpgrade` (`max_values`: Some(1), `max_size`: Some(33), added: 528, mode: `MaxEncodedLen`)
    // Storage: `MultiBlockMigrations::Cursor` (r:1 w:0)
    // Proof: `MultiBlockMigrations::Cursor` (`max_values`: Some(1), `max_size`: Some(65550), added: 66045, mode: `MaxEncodedLen`)
    // Storage: UNKNOWN KEY `0x3a636f6465` (r:0 w:1)
    // Proof: UNKNOWN KEY `0x3a636f6465` (r:0 w:1)
    fn apply_authorized_upgrade() -> Weight {
        // Minimum execution time: 165_864_221_000 picoseconds.
        Weight::from_parts(200_120_548_000, 67035)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
}
