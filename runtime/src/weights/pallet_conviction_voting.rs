//! Weights of `pallet_conviction_voting`.
//!
//! Measured by `make weights` with frame-omni-bencher (engine 64.0.0) on 2026-11-23:
//! 20 steps, 10 repeats, CPU `AMD EPYC`. Not edited by hand.
//! Sources: pallet-conviction-voting 50.0.0.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weights for `pallet_conviction_voting`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_conviction_voting::WeightInfo for WeightInfo<T> {
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `ConvictionVoting::VotingFor` (r:1 w:1)
    // Proof: `ConvictionVoting::VotingFor` (`max_values`: None, `max_size`: Some(13673), added: 16148, mode: `MaxEncodedLen`)
    // Storage: `ConvictionVoting::ClassLocksFor` (r:1 w:1)
    // Proof: `ConvictionVoting::ClassLocksFor` (`max_values`: None, `max_size`: Some(95), added: 2570, mode: `MaxEncodedLen`)
    // Storage: `Balances::Locks` (r:1 w:1)
    // Proof: `Balances::Locks` (`max_values`: None, `max_size`: Some(1299), added: 3774, mode: `MaxEncodedLen`)
    // Storage: `Balances::Freezes` (r:1 w:0)
    // Proof: `Balances::Freezes` (`max_values`: None, `max_size`: Some(49), added: 2524, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:1 w:1)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    fn vote_new() -> Weight {
        // Minimum execution time: 136_985_000 picoseconds.
        Weight::from_parts(172_001_000, 17138)
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `ConvictionVoting::VotingFor` (r:1 w:1)
    // Proof: `ConvictionVoting::VotingFor` (`max_values`: None, `max_size`: Some(13673), added: 16148, mode: `MaxEncodedLen`)
    // Storage: `ConvictionVoting::ClassLocksFor` (r:1 w:1)
    // Proof: `ConvictionVoting::ClassLocksFor` (`max_values`: None, `max_size`: Some(95), added: 2570, mode: `MaxEncodedLen`)
    // Storage: `Balances::Locks` (r:1 w:1)
    // Proof: `Balances::Locks` (`max_values`: None, `max_size`: Some(1299), added: 3774, mode: `MaxEncodedLen`)
    // Storage: `Balances::Freezes` (r:1 w:0)
    // Proof: `Balances::Freezes` (`max_values`: None, `max_size`: Some(49), added: 2524, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:2 w:2)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn vote_existing() -> Weight {
        // Minimum execution time: 174_145_000 picoseconds.
        Weight::from_parts(223_347_000, 26866)
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().writes(7_u64))
    }
    // Storage: `ConvictionVoting::VotingFor` (r:1 w:1)
    // Proof: `ConvictionVoting::VotingFor` (`max_values`: None, `max_size`: Some(13673), added: 16148, mode: `MaxEncodedLen`)
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:1)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:2 w:2)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:1)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    fn remove_vote() -> Weight {
        // Minimum execution time: 144_710_000 picoseconds.
        Weight::from_parts(185_936_000, 26866)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(5_u64))
    }
    // Storage: `ConvictionVoting::VotingFor` (r:1 w:1)
    // Proof: `ConvictionVoting::VotingFor` (`max_values`: None, `max_size`: Some(13673), added: 16148, mode: `MaxEncodedLen`)
    // Storage: `Referenda::ReferendumInfoFor` (r:1 w:0)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    fn remove_other_vote() -> Weight {
        // Minimum execution time: 65_092_000 picoseconds.
        Weight::from_parts(83_396_000, 17138)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    // Storage: `ConvictionVoting::VotingFor` (r:2 w:2)
    // Proof: `ConvictionVoting::VotingFor` (`max_values`: None, `max_size`: Some(13673), added: 16148, mode: `MaxEncodedLen`)
    // Storage: `Referenda::ReferendumInfoFor` (r:100 w:100)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:2 w:2)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `ConvictionVoting::ClassLocksFor` (r:1 w:1)
    // Proof: `ConvictionVoting::ClassLocksFor` (`max_values`: None, `max_size`: Some(95), added: 2570, mode: `MaxEncodedLen`)
    // Storage: `Balances::Locks` (r:1 w:1)
    // Proof: `Balances::Locks` (`max_values`: None, `max_size`: Some(1299), added: 3774, mode: `MaxEncodedLen`)
    // Storage: `Balances::Freezes` (r:1 w:0)
    // Proof: `Balances::Freezes` (`max_values`: None, `max_size`: Some(49), added: 2524, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:50)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    // `r` is in `[0, 100]`.
    fn delegate(r: u32) -> Weight {
        // Minimum execution time: 88_075_000 picoseconds.
        Weight::from_parts(185_583_895, 33286)
            // Standard error: 2_210_233
            .saturating_add(Weight::from_parts(66_866_194, 0).saturating_mul(r.into()))
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(r.into())))
            .saturating_add(T::DbWeight::get().writes(17_u64))
            .saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(r.into())))
            .saturating_add(Weight::from_parts(0, 2841).saturating_mul(r.into()))
    }
    // Storage: `ConvictionVoting::VotingFor` (r:2 w:2)
    // Proof: `ConvictionVoting::VotingFor` (`max_values`: None, `max_size`: Some(13673), added: 16148, mode: `MaxEncodedLen`)
    // Storage: `Referenda::ReferendumInfoFor` (r:100 w:100)
    // Proof: `Referenda::ReferendumInfoFor` (`max_values`: None, `max_size`: Some(366), added: 2841, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Agenda` (r:2 w:2)
    // Proof: `Scheduler::Agenda` (`max_values`: None, `max_size`: Some(10463), added: 12938, mode: `MaxEncodedLen`)
    // Storage: `Scheduler::Retries` (r:0 w:50)
    // Proof: `Scheduler::Retries` (`max_values`: None, `max_size`: Some(30), added: 2505, mode: `MaxEncodedLen`)
    // `r` is in `[0, 100]`.
    fn undelegate(r: u32) -> Weight {
        // Minimum execution time: 48_160_000 picoseconds.
        Weight::from_parts(57_387_000, 33286)
            // Standard error: 779_601
            .saturating_add(Weight::from_parts(79_946_390, 0).saturating_mul(r.into()))
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(r.into())))
            .saturating_add(T::DbWeight::get().writes(15_u64))
            .saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(r.into())))
            .saturating_add(Weight::from_parts(0, 2841).saturating_mul(r.into()))
    }
    // Storage: `ConvictionVoting::VotingFor` (r:1 w:1)
    // Proof: `ConvictionVoting::VotingFor` (`max_values`: None, `max_size`: Some(13673), added: 16148, mode: `MaxEncodedLen`)
    // Storage: `ConvictionVoting::ClassLocksFor` (r:1 w:1)
    // Proof: `ConvictionVoting::ClassLocksFor` (`max_values`: None, `max_size`: Some(95), added: 2570, mode: `MaxEncodedLen`)
    // Storage: `Balances::Locks` (r:1 w:1)
    // Proof: `Balances::Locks` (`max_values`: None, `max_size`: Some(1299), added: 3774, mode: `MaxEncodedLen`)
    // Storage: `Balances::Freezes` (r:1 w:0)
    // Proof: `Balances::Freezes` (`max_values`: None, `max_size`: Some(49), added: 2524, mode: `MaxEncodedLen`)
    fn unlock() -> Weight {
        // Minimum execution time: 92_002_000 picoseconds.
        Weight::from_parts(109_774_000, 17138)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
}
