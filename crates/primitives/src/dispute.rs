//! Disputes about a job's claims: what challengers announce and ask, and what
//! claimants answer.

use crate::{ticket::hex32, JobId, Root};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_crypto_hashing::blake2_256;

/// Number of a thread of a job. Numbers of one job are never used twice.
pub type ThreadId = u32;

/// Most answers given in one thread. Three reach any byte of 32 GiB.
pub const MAX_ANSWERS: u8 = 3;

/// Longest answer to a demand, in bytes.
pub const MAX_DEMANDED: u32 = 32 * 1_024;

/// Chunks of 1,024 bytes in a piece that a requester lets deliver.
pub const PIECE_CHUNKS: u64 = 32;

/// A tensor whose root a claimant is bound to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Output of a node.
    #[codec(index = 0)]
    Node(u16),
    /// The whole input blob.
    #[codec(index = 1)]
    Input,
    /// One of the constants the program names by root, in their order.
    #[codec(index = 2)]
    Constant(u16),
}

/// What an announcement hides until it is acted upon.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct Opening {
    /// Trace root of the claim that is called false.
    pub trace_root: Root,
    /// First node that is.
    pub node: u16,
    /// Random bytes.
    pub salt: [u8; 32],
}

impl Opening {
    /// The announcement of this opening:
    /// `blake2_256("athanor/thread" ‖ genesis ‖ challenger ‖ job ‖ trace_root ‖ node ‖ salt)`,
    /// `job` as eight and `node` as two little-endian bytes. Bound to chain,
    /// challenger and job, so it can be copied for no other.
    pub fn announcement(&self, genesis: &[u8; 32], challenger: &[u8; 32], job: JobId) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(14 + 32 + 32 + 8 + 32 + 2 + 32);
        bytes.extend_from_slice(b"athanor/thread");
        bytes.extend_from_slice(genesis);
        bytes.extend_from_slice(challenger);
        bytes.extend_from_slice(&job.to_le_bytes());
        bytes.extend_from_slice(&self.trace_root);
        bytes.extend_from_slice(&self.node.to_le_bytes());
        bytes.extend_from_slice(&self.salt);
        blake2_256(&bytes)
    }
}

/// What of a value is asked for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// A subtree of the value's BLAKE3 tree, answered as
    /// `athanor_content_tree::Subtree` says.
    #[codec(index = 0)]
    Subtree {
        /// Its first chunk.
        start: u64,
        /// Its chunks.
        count: u64,
        /// Its chaining value; the root for the whole tree.
        #[serde(with = "hex32")]
        value: [u8; 32],
    },
    /// Chunks with their path to the root, as `athanor_content_tree::prove` makes
    /// them: a delivery.
    #[codec(index = 1)]
    Slice {
        /// First chunk.
        start: u64,
        /// Chunks.
        count: u64,
    },
}

/// What the workers of one claim owe an answer to.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Question {
    /// The job.
    pub job: JobId,
    /// The thread it is asked in.
    pub thread: ThreadId,
    /// The claim: root of the trace.
    #[serde(with = "hex32")]
    pub trace_root: Root,
    /// Which tensor.
    pub value: Value,
    /// The tensor's root.
    #[serde(with = "hex32")]
    pub root: Root,
    /// The tensor's length in bytes.
    pub len: u64,
    /// What of it.
    pub asked: Asked,
    /// First block in which an answer is too late.
    pub deadline: u32,
}

#[cfg(test)]
mod tests {
    use super::Opening;

    #[test]
    fn an_announcement_depends_on_every_part() {
        let opening = Opening {
            trace_root: [1; 32],
            node: 2,
            salt: [3; 32],
        };
        let base = opening.announcement(&[4; 32], &[5; 32], 6);
        let others = [
            Opening {
                trace_root: [9; 32],
                ..opening
            }
            .announcement(&[4; 32], &[5; 32], 6),
            Opening { node: 9, ..opening }.announcement(&[4; 32], &[5; 32], 6),
            Opening {
                salt: [9; 32],
                ..opening
            }
            .announcement(&[4; 32], &[5; 32], 6),
            opening.announcement(&[9; 32], &[5; 32], 6),
            opening.announcement(&[4; 32], &[9; 32], 6),
            opening.announcement(&[4; 32], &[5; 32], 9),
        ];
        assert!(others.iter().all(|other| *other != base));
    }
}
