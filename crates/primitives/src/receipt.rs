//! Receipts and the commitments that precede them.

use crate::{JobId, ModelId, ProgramHash, Root};
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use sp_crypto_hashing::blake2_256;

/// What a run of a job yields. Honest runs of one job give one receipt only.
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
pub struct Receipt {
    /// The job.
    pub job: JobId,
    /// Hash of the program that ran.
    #[serde(with = "crate::ticket::hex32")]
    pub program_hash: ProgramHash,
    /// The model whose constants it ran with.
    pub model: ModelId,
    /// BLAKE3 root of the input blob.
    #[serde(with = "crate::ticket::hex32")]
    pub input_root: Root,
    /// Samples in the input.
    pub batch: u32,
    /// BLAKE3 root of the joined roots of every node's output.
    #[serde(with = "crate::ticket::hex32")]
    pub trace_root: Root,
    /// Trace entry of the output node; BLAKE3 of the joined entries if several.
    #[serde(with = "crate::ticket::hex32")]
    pub output_root: Root,
}

/// The hash a replica publishes before it shows its trace root:
/// `blake2_256("athanor/commit" ‖ genesis ‖ job ‖ worker ‖ trace_root ‖ salt)`,
/// `job` as eight little-endian bytes. Bound to chain, job and key, so it can
/// be replayed for no other.
pub fn commitment(
    genesis: &[u8; 32],
    job: JobId,
    worker: &[u8; 32],
    trace_root: &Root,
    salt: &[u8; 32],
) -> [u8; 32] {
    let mut bytes = alloc::vec::Vec::with_capacity(14 + 32 + 8 + 96);
    bytes.extend_from_slice(b"athanor/commit");
    bytes.extend_from_slice(genesis);
    bytes.extend_from_slice(&job.to_le_bytes());
    bytes.extend_from_slice(worker);
    bytes.extend_from_slice(trace_root);
    bytes.extend_from_slice(salt);
    blake2_256(&bytes)
}

#[cfg(test)]
mod tests {
    use super::commitment;

    #[test]
    fn a_commitment_depends_on_every_part() {
        let base = commitment(&[1; 32], 2, &[3; 32], &[4; 32], &[5; 32]);
        assert_ne!(base, commitment(&[9; 32], 2, &[3; 32], &[4; 32], &[5; 32]));
        assert_ne!(base, commitment(&[1; 32], 9, &[3; 32], &[4; 32], &[5; 32]));
        assert_ne!(base, commitment(&[1; 32], 2, &[9; 32], &[4; 32], &[5; 32]));
        assert_ne!(base, commitment(&[1; 32], 2, &[3; 32], &[9; 32], &[5; 32]));
        assert_ne!(base, commitment(&[1; 32], 2, &[3; 32], &[4; 32], &[9; 32]));
    }
}
