//! Transactions as bytes: whatever comes from the network is decoded before anything is known of it.

use crate::{dice::Dice, moves, walk};
use athanor_runtime::{opaque, UncheckedExtrinsic};
use codec::{DecodeAll, DecodeLimit, Encode};

/// How deep calls may be nested in each other, as in the runtime.
const DEPTH: u32 = 256;

/// What became of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// They are a transaction.
    Transaction,
    /// They are none.
    Nothing,
}

/// Decodes bytes as a transaction.
///
/// # Errors
///
/// If they are decoded and another encoding comes out, or if the depth limit refuses what the
/// plain decoder took though it is not deep.
pub fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    // As a node gets it: bytes with a length, not looked into.
    let _ = opaque::UncheckedExtrinsic::decode_all(&mut &*bytes);
    let limited = UncheckedExtrinsic::decode_all_with_depth_limit(DEPTH, &mut &*bytes);
    let Ok(xt) = limited else {
        return Ok(Decoded::Nothing);
    };
    let again = xt.encode();
    if again != bytes {
        return Err(format!("{} bytes became {}", bytes.len(), again.len()));
    }
    Ok(Decoded::Transaction)
}

/// Bytes of transactions that make sense, from the states of a walk.
///
/// # Errors
///
/// If the walk fails.
pub fn seeds(seed: u64, count: usize) -> Result<Vec<Vec<u8>>, String> {
    walk::sample(&walk::steps_of(seed, count), |dice, book| {
        moves::next(dice, book)
            .iter()
            .filter_map(moves::Act::transaction)
            .map(|(_, xt)| xt.encode())
            .collect()
    })
}

/// The same bytes with a few changed, taken out, put in, or taken from another.
pub fn spoil(dice: &mut Dice, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(bytes.len() as u32) as usize;
        match dice.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), dice.below(256) as u8),
            2 if at < bytes.len() => {
                bytes.remove(at);
            }
            3 => {
                let from = dice.below(other.len() as u32) as usize;
                bytes.truncate(at);
                bytes.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
        }
    }
    bytes
}
