//! BLAKE3 trees over content: roots, slice proofs, outboards.
//!
//! Everything Athanor stores is a byte string named by its BLAKE3 root. This crate opens such a
//! name: it proves single chunks of the bytes to somebody who holds nothing but the root and the
//! length, for instance to the runtime judging one element of a tensor.
//!
//! # Slices
//!
//! A chunk is [`CHUNK`] = 1,024 bytes and the tree is BLAKE3's own: the left part of `n` chunks is
//! the largest power of two below `n`; chunk counters and flags are included. For a root, a length
//! and a sorted set of chunks the proof is one byte string, read in pre-order:
//!
//! - a subtree without wanted chunks is its 32-byte chaining value,
//! - a wanted chunk is its bytes,
//! - anything else is its left part, then its right part.
//!
//! The root itself is never part of the proof. A content of at most one chunk is hashed as the
//! root. The empty set has the empty proof, which proves nothing.
//!
//! # Demands
//!
//! Whoever claims a root can be made to open it piece by piece. A [`Subtree`], at first the whole
//! tree, is *answered* by its bytes when it has at most [`ANSWER_CHUNKS`] chunks, else by the
//! chaining values of its groups of 2^j chunks, j the least with at most [`ANSWER_GROUPS`] groups. A
//! [`Step`] names one group with its siblings and makes it the next subtree. Three answers reach
//! any chunk of 32 GiB; a [`Trail`] collects them and ends in an ordinary slice proof.
//!
//! # Groups
//!
//! Content that is sold or served in ranges goes by [`Groups`] of 16 KiB: each has a chaining value,
//! proven by its siblings ([`Groups::fold`]), and the nodes above the groups are a file beside the
//! content, byte-equal to `bao-tree`'s pre-order outboard at block size log 4. [`stream`] makes and
//! checks such files in bounded memory, on all cores. [`market`] seals content, wraps keys and
//! judges evidence; the byte formats stand in `docs/spec/data-market.md`.
//!
//! # Properties
//!
//! - *Sound*: [`verify`] hands out only bytes that stand at their offset in the content with that
//!   root, or somebody has found a collision of BLAKE3.
//! - *One encoding*: for a (root, length, set) at most one byte string verifies.
//! - *Bounded*: the exact length of a proof follows from length and set and is compared before
//!   anything is hashed or allocated; work is linear in the proof. Depth of recursion is at most
//!   55.
//! - *Total*: no input panics.
//! - *The length is the verifier's*: it must come from something that is known already, such as a
//!   program and its batch. A proof that opens the last chunk verifies under the true length only.
//!   One that does not may verify under another length as well, and then opens the same bytes.
//!
//! ```
//! use athanor_content_tree::{prove, root, verify, Chunks};
//!
//! let content = vec![7u8; 100_000];
//! let chunks = Chunks::from_ranges(100_000, [5_000..5_004, 99_999..100_000]).unwrap();
//! let proof = prove(&content, &chunks).unwrap();
//!
//! let slice = verify(&root(&content), 100_000, &chunks, &proof).unwrap();
//! assert_eq!(slice.read(5_000..5_004).unwrap(), [7; 4]);
//! assert!(slice.read(0..1).is_err());
//! ```

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

mod chunks;
mod demand;
mod error;
mod group;
#[cfg(feature = "market")]
pub mod market;
mod outboard;
mod slice;
#[cfg(feature = "stream")]
pub mod stream;
mod tree;

pub use chunks::Chunks;
pub use demand::{Shape, Step, Subtree, Trail, ANSWER_CHUNKS, ANSWER_GROUPS};
pub use error::{Error, ProveError};
pub use group::{GroupProof, Groups, Turn, GROUP, GROUP_LOG, MAX_CONTENT, MAX_PATH};
pub use outboard::{outboard_len, prove_with, Outboard, OutboardBuilder, MAX_GROUP_LOG};
pub use slice::{proof_len, prove, verify, Slice};
pub use tree::{chunk_count, chunk_len, root, Root, Value, CHUNK};
