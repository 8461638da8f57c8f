//! `gpu-worker`: runs tensor programs for a provider's node.

#![deny(unsafe_code)]

use clap::{Parser, Subcommand, ValueEnum};
use gpu_worker::{
    commands::{doctor, run, serve},
    config::ServeArgs,
};
use std::{future::Future, io::IsTerminal, process::ExitCode, time::Duration};
use tracing_subscriber::EnvFilter;

const EXAMPLES: &str = "\
Examples:
  gpu-worker doctor
      What this machine has, and whether `serve` would start.
  gpu-worker serve --gateway https://store.example
      A daemon for a node on the same machine.
  gpu-worker serve --listen 0.0.0.0:9955 --token-file token
      One that other machines reach; they need the token.
  gpu-worker run program.bin --weights w0.bin w1.bin --input input.bin \\
      --output output.bin
      One job, offline.";

const SERVE_EXAMPLES: &str = "\
Examples:
  gpu-worker serve
      Listens on 127.0.0.1:9955; start the node with
      --gpu-worker http://127.0.0.1:9955.
  gpu-worker serve --store /srv/athanor --gateway https://store.example \\
      --memory 16GiB --queue 32
  gpu-worker serve --config /etc/athanor/gpu-worker.toml

A flag wins over its environment variable, which wins over the file.";

const RUN_EXAMPLES: &str = "\
Examples:
  gpu-worker run program.bin --weights w0.bin w1.bin --input input.bin \\
      --batch 1797 --output output.bin
  gpu-worker run program.bin --input input.bin --format json";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  gpu-worker doctor
  gpu-worker doctor --config /etc/athanor/gpu-worker.toml --format json

Exit code 0 if `serve` can run with these settings, 1 if not.";

/// Runs tensor programs for a provider's node.
#[derive(Parser)]
#[command(name = "gpu-worker", version, max_term_width = 80, after_help = EXAMPLES)]
struct Cli {
    /// What is logged to standard error: error, warn, info, debug, trace, or a
    /// filter as `warn,gpu_worker=debug`.
    #[arg(
        long,
        env = "GPU_WORKER_LOG",
        value_name = "FILTER",
        default_value = "info",
        global = true,
        help_heading = "Logging"
    )]
    log: String,

    /// How the log is written: text or json.
    #[arg(
        long,
        env = "GPU_WORKER_LOG_FORMAT",
        value_enum,
        default_value_t = LogFormat::Text,
        hide_possible_values = true,
        global = true,
        help_heading = "Logging"
    )]
    log_format: LogFormat,

    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Take jobs from a node over JSON-RPC, until SIGTERM or Ctrl-C.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<ServeArgs>),
    /// Run one job offline and print its receipt.
    #[command(after_help = RUN_EXAMPLES)]
    Run(run::RunArgs),
    /// Say what this machine has, and whether `serve` would start.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Box<doctor::DoctorArgs>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli) -> anyhow::Result<bool> {
    // Offline commands print their result; the log is for what goes wrong.
    let default = match cli.command {
        Command::Serve(_) => cli.log.as_str(),
        _ if cli.log == "info" => "warn",
        _ => cli.log.as_str(),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(default)?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match cli.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    match &cli.command {
        Command::Run(args) => run::run(args).map(|()| true),
        Command::Serve(args) => block_on(serve::serve(args)).map(|()| true),
        Command::Doctor(args) => block_on(doctor::doctor(args)),
    }
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(work);
    // Without this the process would wait for a run to reach its next stop.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_into_80_columns() {
        for name in ["serve", "run", "doctor"] {
            let mut command = Cli::command().term_width(80);
            command.build();
            let sub = command.find_subcommand_mut(name).unwrap();
            for help in [sub.render_help(), sub.render_long_help()] {
                for line in help.to_string().lines() {
                    assert!(line.chars().count() <= 80, "{name}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_fault_flag_is_in_the_long_help_only() {
        let mut command = Cli::command();
        command.build();
        let serve = command.find_subcommand_mut("serve").unwrap();
        assert!(!serve.render_help().to_string().contains("--fault"));
        assert!(serve.render_long_help().to_string().contains("--fault"));
    }
}
