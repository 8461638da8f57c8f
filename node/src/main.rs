//! `athanor-node`: a full node and validator of the Athanor chain.

#![forbid(unsafe_code)]

mod chain_spec;
mod cli;
mod command;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
    command::run()
}
