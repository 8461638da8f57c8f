//! Checks the books of a chain that runs, or of a state that was exported.

use anyhow::{Context, Result};
use athanor_state_check::{export, rpc, Report, State};
use clap::Parser;
use indicatif::ProgressBar;
use serde_json::json;
use std::{fs::File, io::BufReader, process::ExitCode, time::Duration};

/// Checks every invariant of the runtime's pallets on the state of a block: where all money is, what
/// every record says of the others. Nothing is written.
///
/// The runtime that wrote the state must be the one of this program's release; build both with or
/// both without `fast-runtime`.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  state-check http://127.0.0.1:9944        the last final block of a node
  state-check wss://node.example --at 0x…  another block, of an archive node
  state-check http://127.0.0.1:8000 --fork a fork of a chain, by Chopsticks
  athanor-node export-state --chain local > state.json && state-check state.json

Exit status: 0 if all holds, 1 if something does not, 2 if the state could not be checked."
)]
struct Options {
    /// URL of a node, or a file that `athanor-node export-state` wrote.
    #[arg(value_name = "URL|FILE")]
    of: String,
    /// Hash of the block; the last final one by default.
    #[arg(long, value_name = "HASH")]
    at: Option<String>,
    /// The node is a fork whose headers have no true state roots. Without this, a state that is not
    /// the one its block's header names is refused.
    #[arg(long)]
    fork: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match report(&options) {
        Ok(report) => {
            print(&report, options.json);
            ExitCode::from(u8::from(report.broken().next().is_some()))
        }
        Err(error) => {
            eprintln!("state-check: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn report(options: &Options) -> Result<Report> {
    Ok(state(options)?.check()?)
}

fn state(options: &Options) -> Result<State> {
    if !options.of.contains("://") {
        anyhow::ensure!(
            options.at.is_none(),
            "--at is for nodes; a file has one state"
        );
        let file = File::open(&options.of)
            .with_context(|| format!("{}: neither a URL nor a file", options.of))?;
        return export::read(BufReader::new(file)).with_context(|| options.of.clone());
    }
    let bar = ProgressBar::new_spinner().with_message("entries");
    bar.enable_steady_tick(Duration::from_millis(200));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let state = runtime.block_on(rpc::fetch(&options.of, options.at.as_deref(), |count| {
        bar.set_message(format!("{count} entries"));
    }));
    bar.finish_and_clear();
    let mut state = state?;
    if options.fork {
        state.expect_any_root();
    }
    Ok(state)
}

fn print(report: &Report, as_json: bool) {
    let (entries, bytes) = report.size;
    if as_json {
        let checks: serde_json::Map<_, _> = report
            .checks
            .iter()
            .map(|(name, found)| (name.to_string(), json!(found.as_ref().err())))
            .collect();
        println!(
            "{}",
            json!({
                "block": report.block, "specVersion": report.spec_version, "entries": entries,
                "bytes": bytes, "holds": report.broken().next().is_none(), "broken": checks,
            })
        );
        return;
    }
    println!(
        "block {}, runtime {}: {entries} entries, {} KiB",
        report.block,
        report.spec_version,
        bytes.div_ceil(1024)
    );
    for (name, found) in &report.checks {
        match found {
            Ok(()) => println!("  holds   {name}"),
            Err(broken) => println!("  BROKEN  {name}: {broken}"),
        }
    }
}
