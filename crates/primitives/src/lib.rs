//! Types and traits shared by the Athanor runtime, node, worker and clients.
//!
//! Everything here is `no_std`, SCALE-encodable where it lives on chain, and
//! serde-serialisable where it crosses JSON-RPC. Byte strings cross JSON as
//! `0x`-prefixed lower-case hex.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod consent;
pub mod dispute;
pub mod keys;
pub mod labels;
pub mod market;
pub mod model;
pub mod receipt;
pub mod ticket;

pub use athanor_tensor_program::Cost;
pub use consent::worker_consent;
pub use dispute::{Asked, Opening, Question, ThreadId, Value};
pub use model::{ModelQuote, ModelRegistry};
pub use receipt::{commitment, Receipt};
pub use ticket::{Duty, Ticket};

/// Number of a job. Ids are never used twice.
pub type JobId = u64;

/// Number of a model version. Ids are never used twice.
pub type ModelId = u64;

/// BLAKE3 root of a content blob.
pub type Root = [u8; 32];

/// BLAKE2b-256 hash of a tensor program's canonical encoding.
pub type ProgramHash = [u8; 32];

/// Largest number of nodes of a tensor program, hence of roots of a trace.
pub const MAX_NODES: u32 = 1_024;

/// Largest output that may be revealed inline, in bytes.
pub const MAX_INLINE_OUTPUT: u32 = 1_024;

/// Off-chain storage key (persistent, local to a node) of the `gpu-worker`
/// daemon's URL, SCALE-encoded bytes of UTF-8.
pub const OFFCHAIN_WORKER_URL: &[u8] = b"athanor/gpu-worker/url";

/// Off-chain storage key (persistent, local to a node) of the bearer token for
/// the `gpu-worker` daemon, SCALE-encoded bytes of UTF-8.
pub const OFFCHAIN_WORKER_TOKEN: &[u8] = b"athanor/gpu-worker/token";

/// Off-chain storage key (persistent, local to a node) of what keeps a node's worker
/// keys from their duties: a SCALE-encoded `(u32, u32)` of the block since which this
/// many troubles were found, and their number, which is not zero. Written by the
/// off-chain worker when the number changes; absent while there are none.
pub const OFFCHAIN_TROUBLES: &[u8] = b"athanor/gpu-worker/troubles";

/// Off-chain storage key (persistent, local to a node) of the share of claims to
/// watch, a SCALE-encoded `u32` in 1/2^32.
pub const OFFCHAIN_WATCH_RATE: &[u8] = b"athanor/watch/rate";

/// Off-chain storage key (persistent, local to a node) of what became of watching: a
/// SCALE-encoded `(u32, u64, u64, u64)` of the jobs being checked, those that were, those
/// whose window closed unchecked because input or weights could not be had, and those
/// with a claim that was found false. Absent while there are none.
pub const OFFCHAIN_WATCHED: &[u8] = b"athanor/watch/tally";
