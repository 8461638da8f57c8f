//! Tickets: what the chain asks of one worker key, and what the node hands to
//! its daemon.

use crate::{JobId, ModelId, ProgramHash, Root};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;

/// What a worker key owes the chain for one job, given the state of one block.
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
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Say that input and weights are held and match their roots, or commit.
    #[codec(index = 0)]
    Accept,
    /// Publish the commitment to the trace root.
    #[codec(index = 1)]
    Commit,
    /// Publish salt and trace root, with the node roots if nobody revealed
    /// this trace yet.
    #[codec(index = 2)]
    Reveal,
    /// Publish the node roots at once: a single unaudited replica needs no
    /// commitment.
    #[codec(index = 3)]
    RevealAtOnce,
    /// Nothing now; the job still runs and the daemon should keep its blobs.
    #[codec(index = 4)]
    Wait,
}

/// One live assignment of one worker key.
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
pub struct Ticket {
    /// The job.
    pub job: JobId,
    /// What is owed now.
    pub duty: Duty,
    /// First block in which it is too late.
    pub deadline: u32,
    /// The model to run.
    pub model: ModelId,
    /// Hash of the model's program.
    #[serde(with = "hex32")]
    pub program_hash: ProgramHash,
    /// Roots of the model's `Root` constants, in order.
    #[serde(with = "hex32s")]
    pub weights: Vec<Root>,
    /// Root of the input blob.
    #[serde(with = "hex32")]
    pub input_root: Root,
    /// Samples in the input.
    pub batch: u32,
    /// The requester wants an output of at most 1 KiB revealed inline.
    pub inline_output: bool,
}

/// Parses `0x`-prefixed hex of exactly `N` bytes.
fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.len() != N.checked_mul(2)? {
        return None;
    }
    let mut out = [0u8; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let text = core::str::from_utf8(pair).ok()?;
        if !text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(text, 16).ok()?;
    }
    Some(out)
}

/// Writes bytes as `0x`-prefixed lower-case hex.
pub fn to_hex(bytes: &[u8]) -> alloc::string::String {
    use core::fmt::Write;
    let mut text =
        alloc::string::String::with_capacity(2usize.saturating_add(bytes.len().saturating_mul(2)));
    text.push_str("0x");
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads 32 bytes from `0x`-prefixed hex.
pub fn root_from_hex(text: &str) -> Option<Root> {
    parse(text)
}

/// Reads bytes from `0x`-prefixed hex, at most `limit` of them.
pub fn bytes_from_hex(text: &str, limit: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.len() % 2 != 0 || digits.len() / 2 > limit {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let text = core::str::from_utf8(pair).ok()?;
            if !text.bytes().all(|c| c.is_ascii_hexdigit()) {
                return None;
            }
            u8::from_str_radix(text, 16).ok()
        })
        .collect()
}

/// Serde for 32 bytes as `0x` hex.
pub mod hex32 {
    use super::{parse, to_hex};
    use alloc::string::String;
    use serde::{de::Error, Deserialize, Deserializer, Serializer};

    /// Serialises 32 bytes.
    pub fn serialize<S: Serializer>(bytes: &[u8; 32], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&to_hex(bytes))
    }

    /// Deserialises 32 bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(d)?;
        parse(&text).ok_or_else(|| D::Error::custom("expected 0x and 64 hex digits"))
    }
}

/// Serde for a list of 32 bytes as `0x` hex, at most [`crate::MAX_NODES`] of them.
pub mod hex32s {
    use super::{parse, to_hex};
    use alloc::{string::String, vec::Vec};
    use serde::{de::Error, Deserialize, Deserializer, Serializer};

    /// Serialises the list.
    pub fn serialize<S: Serializer>(list: &[[u8; 32]], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(list.iter().map(|bytes| to_hex(bytes)))
    }

    /// Deserialises the list.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<[u8; 32]>, D::Error> {
        let list = Vec::<String>::deserialize(d)?;
        if list.len() > crate::MAX_NODES as usize {
            return Err(D::Error::custom("at most 1,024 roots"));
        }
        list.iter()
            .map(|text| {
                parse(text).ok_or_else(|| D::Error::custom("expected 0x and 64 hex digits"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_both_ways() {
        let root = core::array::from_fn(|i| i as u8);
        assert_eq!(root_from_hex(&to_hex(&root)), Some(root));
        assert_eq!(bytes_from_hex("0x00ff", 2), Some(alloc::vec![0, 255]));
    }

    #[test]
    fn malformed_hex_is_refused() {
        for text in ["", "0x", "00", "0x0", "0xzz", "0x+1", "0X00"] {
            assert_eq!(root_from_hex(text), None, "{text}");
        }
        for text in ["", "00", "0x0", "0xzz", "0x+1", "0x000000"] {
            assert_eq!(bytes_from_hex(text, 2), None, "{text}");
        }
    }
}
