//! The data market off the chain: what sellers and buyers do with files.
//!
//! - [`pack`](mod@pack), [`unpack`](mod@unpack): containers; [`goods`]: what a seller keeps of them.
//! - [`card`], [`licence`], [`sample`]: what buyers see before they pay.
//! - [`seal`](mod@seal): the ciphertext and what is published with it.
//! - [`open`]: decrypting, checking, and evidence of what is wrong.
//! - [`seed`], [`journal`]: what must not be lost.
//!
//! Byte formats are those of `docs/spec/data-market.md`, whose letters the docs here use. Nothing
//! here talks to a chain or a network. Files of strangers are bounded before they are read; what is
//! made of them appears under its name only when all of it was right.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod card;
mod error;
mod files;
pub mod goods;
pub mod journal;
mod layout;
pub mod licence;
mod manifest;
pub mod open;
pub mod pack;
pub mod path;
pub mod sample;
pub mod seal;
pub mod seed;
pub mod unpack;

use serde::Serialize;

pub use error::{Error, Result};
pub use files::{write_new, Progress};
pub use manifest::{Entry, Manifest, MAX_FILES, MAX_MANIFEST};

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    Ok(bytes)
}

/// Lower-case hex digits, twice as many as bytes.
pub(crate) fn hex_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// Bytes in our JSON files: `0x` and lower-case hex digits.
pub(crate) mod hex_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("0x{}", hex::encode(bytes)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        from: D,
    ) -> Result<[u8; N], D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.strip_prefix("0x")
            .and_then(crate::hex_bytes)
            .ok_or_else(|| D::Error::custom(format!("0x and {} lower-case hex digits", 2 * N)))
    }
}

pub(crate) fn to_json(what: &'static str, value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|error| Error::malformed(what, error))?;
    bytes.push(b'\n');
    Ok(bytes)
}
