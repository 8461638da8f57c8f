//! The GPU worker: the daemon that runs tensor programs for a provider's node.
//!
//! A node's off-chain worker hands it *tickets* over JSON-RPC. The daemon
//! fetches the blobs a ticket names, checks every one against its root and its
//! exact length, runs the program, and answers with the roots of every node's
//! output. It holds no key and never talks to the chain.
//!
//! | module | what lives there |
//! |---|---|
//! | [`engine`] | the job engine: a state machine without I/O, clock or threads |
//! | [`worker`] | the engine's hands: fetching, running, storing, on tokio |
//! | [`backend`] | what runs programs: the CPU and CUDA |
//! | [`part`] | parts of programs, to make single values of a run again |
//! | [`dispute`] | what a challenger does next, as a pure function of roots, tensors and answers |
//! | [`fault`] | faults made on purpose, for tests |
//! | [`cuda`] | what CUDA this machine has, found without needing any; the crate's only `unsafe` |
//! | [`blobs`] | blobs from the local store and the configured gateways |
//! | [`journal`] | tickets taken on and not finished, so that a crash costs no job |
//! | [`receipts`] | finished receipts on disk, so that a restart is cheap |
//! | [`api`] | the JSON-RPC methods, their JSON and their error codes |
//! | [`server`] | one port for JSON-RPC (HTTP and WebSocket), blobs, metrics and health |
//! | [`net`] | the listener: connection limit and idle timeout |
//! | [`metrics`] | every Prometheus metric |
//! | [`config`] | flags, environment and configuration file |
//! | [`system`] | memory and CPU features of this machine |
//! | [`provide`] | a worker key's duties without a node of its own |
//! | [`commands`] | `serve`, `provide`, `run`, `status`, `config`, `doctor` and `selftest` |

#![deny(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

pub mod api;
pub mod backend;
pub mod blobs;
pub mod commands;
pub mod config;
pub mod cuda;
pub mod dispute;
pub mod engine;
pub mod fault;
pub mod journal;
pub mod metrics;
pub mod net;
pub mod part;
pub mod provide;
pub mod receipts;
pub mod server;
pub mod system;
pub mod worker;

/// Name this daemon answers with.
pub const NAME: &str = "gpu-worker";

/// Version this daemon answers with.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Version of the operators' meaning: receipts of one version are only
/// comparable among themselves.
pub const SEMANTIC_VERSION: u32 = 1;
