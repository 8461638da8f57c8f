//! Local Athanor networks.
//!
//! Starts nodes and `gpu-worker` daemons as children of this process, waits until they are ready,
//! and ends every one of them when it is dropped: at the end, on an error, on Ctrl-C, and, by the
//! kernel's parent-death signal, even when this process is killed.
//!
//! The [`demo`] plays the chain's main story through the `athanor` command line, as a user would;
//! `tests/network.rs` checks that a network of five survives the loss of a validator.

#![deny(unsafe_code)]

pub mod athanor;
mod by_rpc;
pub mod campaign;
pub mod chain;
pub mod daemon;
pub mod daily;
pub mod demo;
pub mod digits;
pub mod disputes;
pub mod faults;
pub mod governance;
pub mod kills;
pub mod label_types;
pub mod labels;
pub mod load;
pub mod market;
mod metadata_hash;
pub mod network;
pub mod node;
pub mod ports;
pub mod process;
pub mod progress;
pub mod provide;
pub mod rpc;
pub mod story;
pub mod tools;
pub mod upgrade;
pub mod validators;
pub mod workspace;
