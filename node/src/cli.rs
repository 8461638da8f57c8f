//! Command line of the node.

use clap::Parser;
use std::path::PathBuf;

/// A node of the Athanor chain.
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  athanor-node --dev\n  athanor-node --dev --tmp --gpu-worker http://127.0.0.1:9955\n  athanor-node --gpu-worker http://127.0.0.1:9955 --watch 0.1\n  athanor-node --chain spec.json --validator --name my-validator\n  athanor-node export-chain-spec --chain local --raw --output local.json"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) subcommand: Option<Subcommand>,

    #[clap(flatten)]
    pub(crate) run: sc_cli::RunCmd,

    #[clap(flatten)]
    pub(crate) worker: WorkerParams,
}

/// How this node's off-chain worker reaches a GPU worker, and what it watches.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct WorkerParams {
    /// JSON-RPC address of the `gpu-worker` daemon that runs this node's jobs, such as
    /// http://127.0.0.1:9955. Without it the node leaves jobs alone.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    pub(crate) gpu_worker: Option<String>,

    /// File with the daemon's bearer token (the one given to its --token-file).
    #[arg(long, value_name = "FILE", requires = "gpu_worker")]
    pub(crate) gpu_worker_token_file: Option<PathBuf>,

    /// Share of other providers' claims to run again and check, 0 to 1. A false one is disputed
    /// with the gpww key in the keystore, which pays fees and bonds and earns the reward.
    #[arg(long, value_name = "RATE", value_parser = parse_rate, requires = "gpu_worker")]
    pub(crate) watch: Option<f64>,
}

fn parse_url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .ok_or("the daemon is reached by http:// (keep it on this machine or a private network)")?;
    if rest.is_empty() || rest.starts_with('/') || text.len() > 256 {
        return Err("expected http://HOST:PORT".into());
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the address may hold printable ASCII only".into());
    }
    Ok(text.trim_end_matches('/').into())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0 to 1".into()),
    }
}

#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant)]
pub(crate) enum Subcommand {
    /// Make, inspect and insert keys.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Write a chain specification to standard output (kept for tools that look for it; prefer
    /// export-chain-spec).
    #[allow(deprecated)]
    BuildSpec(sc_cli::BuildSpecCmd),

    /// Write a chain specification.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),

    /// Run a block of this chain again and check it.
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Write blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Write the state of a block as a chain specification.
    ExportState(sc_cli::ExportStateCmd),

    /// Read blocks from a file.
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Delete this chain's database.
    PurgeChain(sc_cli::PurgeChainCmd),

    /// Go back some blocks.
    Revert(sc_cli::RevertCmd),

    /// Show what the database holds.
    ChainInfo(sc_cli::ChainInfoCmd),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_address_is_http_with_a_host() {
        assert_eq!(
            parse_url("http://127.0.0.1:9955/").as_deref(),
            Ok("http://127.0.0.1:9955")
        );
        for text in [
            "",
            "127.0.0.1:9955",
            "https://a:1",
            "http://",
            "http:///x",
            "http://a b",
        ] {
            assert!(parse_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_watch_rate_lies_between_0_and_1() {
        assert_eq!(parse_rate("0.25"), Ok(0.25));
        for text in ["-0.1", "1.1", "NaN", "all", ""] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_file_without_a_daemon_is_refused() {
        let args = ["athanor-node", "--gpu-worker-token-file", "t"];
        assert!(Cli::try_parse_from(args).is_err());
    }

    #[test]
    fn watching_without_a_daemon_is_refused() {
        assert!(Cli::try_parse_from(["athanor-node", "--watch", "1"]).is_err());
        let args = ["athanor-node", "--watch", "1", "--gpu-worker", "http://a:1"];
        assert_eq!(Cli::try_parse_from(args).unwrap().worker.watch, Some(1.0));
    }

    #[test]
    fn the_flags_network_tools_pass_are_known() {
        let args = [
            "athanor-node",
            "--chain",
            "x.json",
            "--name",
            "alice",
            "--rpc-cors",
            "all",
            "--rpc-methods",
            "unsafe",
            "--no-telemetry",
            "--prometheus-external",
            "--validator",
            "--rpc-port",
            "1",
            "--prometheus-port",
            "2",
            "--listen-addr",
            "/ip4/0.0.0.0/tcp/3/ws",
            "--base-path",
            "d",
            "--unsafe-force-node-key-generation",
        ];
        assert!(Cli::try_parse_from(args).is_ok());
    }
}
