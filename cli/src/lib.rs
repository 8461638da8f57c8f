//! The `athanor` command line: requesters create jobs, providers offer machines,
//! and everybody reads the chain, against any node, by the node's own metadata.
//!
//! - [`cli`] describes the options and runs a command.
//! - [`chain`] talks to the node, [`blobs`] to content stores.
//! - [`scale`] turns whatever the chain answers into JSON, [`output`] JSON into
//!   what people read, [`history`] events into what happened to a job, [`earnings`]
//!   into what a provider was paid.
//! - [`labeller`] shows pages of labelling tasks and takes answers.
//! - [`market`] is what sellers and buyers of data do next.
//! - [`outcomes`] says what a job can cost before it is created, [`pending`] remembers
//!   the ones that were.
//!
//! Nothing is sent to the chain before everything that can be checked here has
//! been: files, lengths, amounts, keys.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

pub mod amount;
pub mod blobs;
pub mod chain;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod earnings;
pub mod error;
pub mod history;
pub mod keys;
pub mod labeller;
pub mod market;
pub mod outcomes;
pub mod output;
pub mod pending;
pub mod scale;
pub mod terms;
