//! What the data market computes: seals, wrapped keys, evidence and its judge, containers, samples.
//!
//! A seller publishes `z`, the goods `x` under a key that nobody else knows, before anybody pays.
//! The key then reaches each buyer wrapped to a key made for that order alone. One group that
//! decrypts wrongly proves the seller wrong: [`Sale::judge`].
//!
//! Byte formats are those of `docs/spec/data-market.md`, whose letters the docs here use. Every
//! input that is hashed has a fixed length.
//!
//! # Properties
//!
//! - *Sound*: against a seller who wrapped the key he committed to and whose `z` decrypts to the
//!   `x` he named, no evidence is proven, or somebody has found a collision of BLAKE3.
//! - *Complete*: if no group is proven bad, the buyer has `x`.
//! - *Total*: no input panics; the judge's work is bounded by one group.
//! - Secrets are kept out of `Debug`; they are not wiped from memory.

mod container;
mod judge;
mod sample;
mod seal;

pub use container::{container_len, payload_len, Header, Salts, GROUP_PAYLOAD, HEADER_LEN, SALT};
pub use judge::{Evidence, Fault, GroupEvidence, JudgeError, Sale};
pub use sample::{draw, sample_seed, SAMPLE_BLOCKS};
pub use seal::{buyer_secret, public_key, Cipher, Context, Secret, Wrapped};
