//! Content-addressed blobs: a local store, its HTTP service, and a client.
//!
//! A blob is a byte string named by its BLAKE3 root ([`Root`]). Nobody is believed about content:
//! the store hashes what it takes in before it becomes visible, and the client hashes what it
//! fetches before it hands it out, so any server, a static bucket too, may serve blobs.
//!
//! - [`Store`] keeps blobs in a folder, `blobs/<first 2 hex digits>/<64 hex digits>`.
//! - [`Upload`] takes in a large one in parts, in any order, each checked against its *outboard*, the
//!   nodes of its tree above groups of 16 KiB, which is kept as `outboards/<2 digits>/<64 digits>`.
//! - [`Bucket`] is another place for the blobs of a store: S3, and what speaks as S3 does.
//! - [`router`] serves a store: `GET`, `HEAD` and `PUT /blobs/<64 hex digits>`, uploads, outboards,
//!   `GET /healthz`; [`serve`] is a listener with bounds for it. [`Tokens`] have quotas and may keep
//!   what is stored with them private, a [`DenyList`] names what is neither taken nor given.
//! - [`Client`] puts and gets, and resumes what was cut; [`fetch`] gets a large blob in checked ranges
//!   from several sources at a time.
//!
//! The folder is not `object_store`'s `LocalFileSystem`, whose multipart uploads end with their
//! process: here parts come in any order, are checked each, and an upload goes on after a restart.
//! Temporary file, sync and rename are then ours too: room is set aside for what is under way, and a
//! token's quota is charged for what becomes visible. A [`Bucket`] is `object_store`'s S3; its other
//! clouds are left out.
//!
//! # Properties
//!
//! - *Atomic*: a blob is written to a temporary file, synced and renamed. Readers see all of it or
//!   nothing; a crash leaves a temporary file, which [`Store::open`] clears away after an hour.
//! - *Bounded*: length of a blob, bytes in total (those of uploads under way included), concurrent
//!   transfers, time without a byte and average speed all have limits, on both sides.
//! - *Names are ours*: a path is made of 64 checked hex digits only, so there are no path tricks.
//!   The service never fetches a URL.
//!
//! Header and connection limits belong to whoever serves the router: [`serve`] has them. Tokens never appear in logs or
//! URLs; `https` is the job of a proxy in front.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod client;
mod error;
mod name;
mod pace;
mod sample;
mod server;
mod store;

pub use athanor_content_tree::Root;
pub use client::{
    fetch, fetch_outboard, fetch_sample, Client, ClientOptions, FetchOptions, Source,
};
pub use error::Error;
pub use name::{parse_root, root_hex};
pub use sample::Sample;
pub use server::{
    router, serve, Access, Connections, DenyList, Grant, Metrics, Peer, Reload, Tokens,
};
pub use store::{
    Blob, Bucket, Held, Incoming, Limits, Piece, Progress, Store, Stored, Upload, What,
};
