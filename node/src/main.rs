//! `athanor-node`: a full node and validator of the Athanor chain.

#![forbid(unsafe_code)]
// The errors of the SDK's service and command line are large; they end the process.
#![allow(clippy::result_large_err)]

mod chain_spec;
mod cli;
mod command;
mod equivocation;
mod rpc;
mod seats;
mod service;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> sc_cli::Result<()> {
    command::run()
}
