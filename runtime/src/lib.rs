//! The Athanor runtime: what the chain computes at every block.
//!
//! - [`configs`] wires the pallets, one file a subject.
//! - [`apis`] is what nodes, wallets and tools may ask.
//! - [`genesis_config_presets`] are the networks that can be started from nothing.

#![cfg_attr(not(feature = "std"), no_std)]
// `frame_support::runtime` expands once per pallet and trait.
#![recursion_limit = "512"]
// The runtime macros generate public items without documentation.
#![allow(missing_docs)]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

extern crate alloc;

pub mod apis;
pub mod check;
pub mod configs;
pub mod extensions;
pub mod genesis_config_presets;
pub mod migrations;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;

use alloc::vec::Vec;
use sp_runtime::{
    generic, impl_opaque_keys,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
    MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

pub use frame_system::Call as SystemCall;
pub use pallet_balances::Call as BalancesCall;
#[cfg(any(feature = "std", test))]
pub use sp_runtime::BuildStorage;

/// Opaque types, for code that need not know this runtime's calls and can keep syncing through
/// upgrades.
pub mod opaque {
    use super::*;
    pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

    /// Block header.
    pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
    /// Block of opaque extrinsics.
    pub type Block = generic::Block<Header, UncheckedExtrinsic>;
    /// Block id.
    pub type BlockId = generic::BlockId<Block>;
    /// Block hash.
    pub type Hash = <BlakeTwo256 as sp_runtime::traits::Hash>::Output;
}

impl_opaque_keys! {
    /// The keys a validator signs with.
    pub struct SessionKeys {
        /// Finality.
        pub grandpa: Grandpa,
        /// Block production.
        pub babe: Babe,
        /// Network addresses.
        pub authority_discovery: AuthorityDiscovery,
    }
}

/// What the runtime says of itself.
#[cfg(not(feature = "rehearsal"))]
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: alloc::borrow::Cow::Borrowed("athanor"),
    impl_name: alloc::borrow::Cow::Borrowed("athanor-node"),
    authoring_version: 1,
    spec_version: 100,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

/// What the runtime that an upgrade is rehearsed with says of itself. The attribute below reads
/// literals only.
#[cfg(feature = "rehearsal")]
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: alloc::borrow::Cow::Borrowed("athanor"),
    impl_name: alloc::borrow::Cow::Borrowed("athanor-node"),
    authoring_version: 1,
    spec_version: 101,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

/// Time: 3 s blocks.
pub mod time {
    use super::BlockNumber;

    /// Milliseconds per block.
    pub const MILLI_SECS_PER_BLOCK: u64 = 3_000;
    /// BABE slot, in milliseconds. Can't change once the chain has started.
    pub const SLOT_DURATION: u64 = MILLI_SECS_PER_BLOCK;
    /// Blocks per minute.
    pub const MINUTES: BlockNumber = 60_000 / (MILLI_SECS_PER_BLOCK as BlockNumber);
    /// Blocks per hour.
    pub const HOURS: BlockNumber = MINUTES * 60;
    /// Blocks per day.
    pub const DAYS: BlockNumber = HOURS * 24;

    /// The first value in a production build, the second with `fast-runtime`.
    #[macro_export]
    macro_rules! prod_or_fast {
        ($prod:expr, $fast:expr) => {
            if cfg!(feature = "fast-runtime") {
                $fast
            } else {
                $prod
            }
        };
    }

    /// Blocks per epoch, which is a session. GRANDPA's set id grows every session, and warp proofs
    /// carry one entry for each: hours, not minutes.
    pub const EPOCH_DURATION_IN_BLOCKS: BlockNumber = crate::prod_or_fast!(4 * HOURS, 20);
}

/// One AUR in its smallest unit: 12 decimals.
pub const UNIT: Balance = 1_000_000_000_000;
/// A thousandth of an AUR.
pub const MILLI_UNIT: Balance = UNIT / 1_000;
/// A millionth of an AUR.
pub const MICRO_UNIT: Balance = UNIT / 1_000_000;
/// The balance below which an account is removed.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLI_UNIT;

/// Deposit for `items` storage items of `bytes` bytes together.
pub const fn deposit(items: u32, bytes: u32) -> Balance {
    items as Balance * 10 * MILLI_UNIT + bytes as Balance * 10 * MICRO_UNIT
}

/// Signature of a transaction: sr25519, ed25519 or ECDSA.
pub type Signature = MultiSignature;
/// Account id: the public key or its hash.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Balance in the smallest unit of AUR.
pub type Balance = u128;
/// Number of transactions an account has sent.
pub type Nonce = u32;
/// Block and state hash.
pub type Hash = sp_core::H256;
/// Block number.
pub type BlockNumber = u32;
/// How transactions name accounts.
pub type Address = MultiAddress<AccountId, ()>;
/// Block header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// Block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// What every transaction carries beside its call. Changing it breaks clients, so it is complete
/// from genesis.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    extensions::CheckOperational,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);

/// Transaction as it goes over the wire.
pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What a transaction's signer signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Runs blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Babe = pallet_babe;
    #[runtime::pallet_index(3)]
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(4)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(5)]
    pub type TransactionPayment = pallet_transaction_payment;
    #[runtime::pallet_index(6)]
    pub type Assets = pallet_assets;

    // Genesis is built in the order of indices: bonds before the sessions that ask for them.
    #[runtime::pallet_index(9)]
    pub type Validators = pallet_validators;
    #[runtime::pallet_index(10)]
    pub type Offences = pallet_offences;
    #[runtime::pallet_index(11)]
    pub type Historical = pallet_session::historical;
    #[runtime::pallet_index(12)]
    pub type CollatorSelection = pallet_collator_selection;
    #[runtime::pallet_index(13)]
    pub type Session = pallet_session;
    #[runtime::pallet_index(14)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(15)]
    pub type AuthorityDiscovery = pallet_authority_discovery;

    #[runtime::pallet_index(20)]
    pub type Utility = pallet_utility;
    #[runtime::pallet_index(21)]
    pub type Multisig = pallet_multisig;
    #[runtime::pallet_index(22)]
    pub type Proxy = pallet_proxy;

    #[runtime::pallet_index(30)]
    pub type Preimage = pallet_preimage;
    #[runtime::pallet_index(31)]
    pub type Scheduler = pallet_scheduler;
    #[runtime::pallet_index(32)]
    pub type Referenda = pallet_referenda;
    #[runtime::pallet_index(33)]
    pub type ConvictionVoting = pallet_conviction_voting;
    #[runtime::pallet_index(34)]
    pub type Treasury = pallet_treasury;
    #[runtime::pallet_index(35)]
    pub type Origins = crate::configs::governance::custom_origins;

    #[runtime::pallet_index(40)]
    pub type Parameters = pallet_parameters;
    #[runtime::pallet_index(41)]
    pub type SafeMode = pallet_safe_mode;
    #[runtime::pallet_index(42)]
    pub type TxPause = pallet_tx_pause;
    #[runtime::pallet_index(43)]
    pub type MultiBlockMigrations = pallet_migrations;
    #[runtime::pallet_index(44)]
    pub type Sudo = pallet_sudo;

    #[runtime::pallet_index(60)]
    pub type Programs = pallet_programs;
    #[runtime::pallet_index(61)]
    pub type ComputeJobs = pallet_compute_jobs;
    #[runtime::pallet_index(62)]
    pub type LabelBounties = pallet_label_bounties;
    #[runtime::pallet_index(63)]
    pub type DataMarket = pallet_data_market;
}

/// The session keys of a validator.
pub fn session_keys(
    grandpa: sp_consensus_grandpa::AuthorityId,
    babe: sp_consensus_babe::AuthorityId,
    authority_discovery: sp_authority_discovery::AuthorityId,
) -> SessionKeys {
    SessionKeys {
        grandpa,
        babe,
        authority_discovery,
    }
}

/// BABE's parameters at genesis.
pub const BABE_GENESIS_EPOCH_CONFIG: sp_consensus_babe::BabeEpochConfiguration =
    sp_consensus_babe::BabeEpochConfiguration {
        // One slot in four has a primary author; all others have a secondary one.
        c: (1, 4),
        // Jobs, panels and auditors are drawn from block VRFs, so every block must carry one.
        allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
    };

#[cfg(test)]
mod tests;
