//! Label bounties off the chain: what requesters, workers and their programs exchange.
//!
//! - [`page`], [`index`]: the files of a batch, and the tree whose root stands on the chain.
//! - [`schema`]: names for the codes of an answer, and answers as text and JSON.
//! - [`import`], [`plan`]: from a JSONL or CSV file to pages with balanced gold.
//! - [`private`], [`seal`]: encrypted pages, wrapped page keys, sealed openings.
//! - [`seed`]: the secret behind a worker's salts, with its backup file.
//! - [`account`], [`voucher`]: signatures of accounts, and permissions made of them.
//! - [`text`], [`order`]: what a worker sees: clean text, in an order of his own.
//! - [`table`], [`export`]: the raw table, and data sets for training.
//!
//! Nothing here talks to a chain or a network. Files, keys and messages of strangers are
//! bounded before they are read, and refused with an error that names line and reason.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod account;
mod error;
pub mod export;
pub mod import;
pub mod index;
pub mod order;
pub mod page;
pub mod plan;
pub mod private;
pub mod schema;
pub mod seal;
pub mod seed;
pub mod table;
pub mod text;
mod tree;
pub mod voucher;

pub use error::{Error, Result};
