//! What strangers send, decoded: every input gives a value or a specific error,
//! in bounded memory, and never a panic.
//!
//! Each target is a plain function, so that libFuzzer, a replay and a test can
//! call it. `scripts/fuzz-short` runs the light ones for a few seconds each, `scripts/fuzz`
//! all of them for as long as wanted. Those of the worker (feature `worker`) are run by its tests
//! too, on mutated seeds; those of the clients by theirs alone.

mod content;
mod market;
mod memory;
mod onnx;
mod program;
mod proof;
mod sheet;
#[cfg(feature = "worker")]
pub mod worker;

pub use content::{answer, slice};
pub use market::{evidence, sample, stream};
pub use onnx::onnx;
pub use program::program;
pub use proof::{proof, proofs};
pub use sheet::sheet;

/// Bytes that follow from a seed: SplitMix64.
fn noise(mut seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = seed;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
