//! `gpu-worker`: runs tensor programs for a provider's node.

#![deny(unsafe_code)]

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use gpu_worker::{
    commands::{bench, config, doctor, provide, run, selftest, serve, status},
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
  gpu-worker provide --node wss://node.example --key worker.key
      A provider without a node of its own.
  gpu-worker status --watch
      What the daemon does.
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

const PROVIDE_EXAMPLES: &str = "\
Examples:
  gpu-worker provide --node ws://127.0.0.1:9944 --key worker.key
      Follows a node, runs jobs in this process, signs with worker.key.
  gpu-worker provide --node wss://a.example --node wss://b.example \\
      --key worker.key --daemon http://127.0.0.1:9955
      Two nodes, and a daemon that runs already.
  gpu-worker provide --node wss://a.example --key worker.key --watch 0.1 \\
      --gateway https://store.example
      Also checks a tenth of what other providers claim.

Register the key first: `athanor provider register --worker ADDRESS`. One key
belongs to one process: two would sign, and one of them be struck.";

const RUN_EXAMPLES: &str = "\
Examples:
  gpu-worker run program.bin --weights w0.bin w1.bin --input input.bin \\
      --batch 1797 --output output.bin
  gpu-worker run program.bin --input input.bin --format json";

const STATUS_EXAMPLES: &str = "\
Examples:
  gpu-worker status
  gpu-worker status --watch 5
  gpu-worker status --config /etc/athanor/gpu-worker.toml --json";

const CONFIG_EXAMPLES: &str = "\
Examples:
  gpu-worker config
  gpu-worker config --config /etc/athanor/gpu-worker.toml --queue 32

What is printed can be used as a configuration file. Tokens are not shown.";

const BENCH_EXAMPLES: &str = "\
Examples:
  gpu-worker bench
  gpu-worker bench --backend cpu --gemm 1x4096x4096 1024x384x1536:i16 --threads 1 2
  gpu-worker bench --program program.bin --batch 64 --threads 2 --json

One line a figure: name, value, unit, what it is compared with, ratio.";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  gpu-worker doctor
  gpu-worker doctor --config /etc/athanor/gpu-worker.toml --format json

Exit code 0 if `serve` can run with these settings, 1 if not.";

const SELFTEST_EXAMPLES: &str = "\
Examples:
  gpu-worker selftest
  gpu-worker selftest --require-cuda --jobs 1000 --seed 7

Exit code 0 if everything that could be tried gave the reference's bits.";

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
    /// Do what a provider's key owes, following a node over RPC.
    #[command(after_help = PROVIDE_EXAMPLES)]
    Provide(Box<provide::ProvideArgs>),
    /// Run one job offline and print its receipt.
    #[command(after_help = RUN_EXAMPLES)]
    Run(run::RunArgs),
    /// Show what a running daemon does.
    #[command(after_help = STATUS_EXAMPLES)]
    Status(status::StatusArgs),
    /// Print the settings in effect, and where each comes from.
    #[command(after_help = CONFIG_EXAMPLES)]
    Config(Box<config::ConfigArgs>),
    /// Say what this machine has, and whether `serve` would start.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Box<doctor::DoctorArgs>),
    /// Try every kernel on every device here against the reference.
    #[command(after_help = SELFTEST_EXAMPLES)]
    Selftest(selftest::SelftestArgs),
    /// Measure the backend on this machine.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match start(&cli, &matches) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli, matches: &ArgMatches) -> anyhow::Result<bool> {
    // Offline commands print their result; the log is for what goes wrong.
    let default = match cli.command {
        Command::Serve(_) | Command::Provide(_) => cli.log.as_str(),
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
        Command::Provide(args) => block_on(provide::provide(args)).map(|()| true),
        Command::Status(args) => block_on(status::status(args)).map(|()| true),
        Command::Config(args) => {
            let own = matches.subcommand().map_or(matches, |(_, own)| own);
            config::config(args, own).map(|()| true)
        }
        Command::Selftest(args) => selftest::selftest(args),
        Command::Doctor(args) => block_on(doctor::doctor(args)),
        Command::Bench(args) => bench::bench(args).map(|()| true),
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

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_into_80_columns() {
        for name in [
            "serve", "provide", "run", "status", "config", "doctor", "selftest",
        ] {
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
