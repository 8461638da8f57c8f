//! Options, and the way from the command line to an exit code.

use crate::{
    commands::{account, bench, data, job, keys, label, model, program, provider, store, Context},
    config::{Environment, Global, Settings},
    error::{Error, Result, OK, USAGE},
    output::Output,
};
use clap::{Parser, Subcommand};
use std::ffi::OsString;

/// The command line as a whole.
#[derive(Parser, Debug)]
#[command(
    name = "athanor",
    version,
    about = "Run and buy checked AI work on an Athanor chain",
    long_about = "Run and buy checked AI work on an Athanor chain.\n\n\
        A job runs a model on an input. Both are named by the BLAKE3 roots of their bytes, kept \
        in content stores, and paid for on the chain, which holds all money of a job until its \
        result has stood its window.",
    max_term_width = 80,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 a job ended other\n\
        than settled, 4 node or content store not reachable,\n\
        or a transaction that may still be included.",
    after_long_help = "\
Examples:
  athanor keys new --out ~/.config/athanor/key
  athanor account balance //Alice
  athanor job quote --model 0 --batch 16 --max-pay '1 AUR'

Settings come from flags, then from the environment (ATHANOR_NODE,
ATHANOR_STORE, ATHANOR_KEY, ATHANOR_SURI, ATHANOR_OUTPUT), then from
~/.config/athanor/config.toml:

  node = \"ws://127.0.0.1:9944\"
  store = [\"http://127.0.0.1:9955\"]
  key = \"~/.config/athanor/key\"

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 a job ended other
than settled, 4 node or content store not reachable,
or a transaction that may still be included."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The groups of commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make and show keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Put blobs into content stores and get them back
    #[command(subcommand)]
    Store(store::Command),
    /// Register and inspect tensor programs
    #[command(subcommand)]
    Program(program::Command),
    /// Register and inspect model versions
    #[command(subcommand)]
    Model(model::Command),
    /// Offer a machine for jobs
    #[command(subcommand)]
    Provider(provider::Command),
    /// Create, watch and fetch jobs
    #[command(subcommand)]
    Job(job::Command),
    /// Buy labels, and earn by giving them
    #[command(subcommand)]
    Label(label::Command),
    /// Sell data, and buy it
    #[command(subcommand)]
    Data(data::Command),
    /// Show balances and send money
    #[command(subcommand)]
    Account(account::Command),
    /// Put a chain under load and measure it
    #[command(subcommand)]
    Bench(bench::Command),
}

/// Parses the command line, runs it, and gives the process's exit code.
pub async fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, and go to standard output.
            let code = if error.use_stderr() { USAGE } else { OK };
            // Nothing is left to do if the terminal is gone.
            let _ = error.print();
            return code;
        }
    };
    log(cli.global.verbose);
    match execute(cli).await {
        Ok(()) => OK,
        Err(error) => {
            eprintln!("{}", error.render());
            error.exit_code()
        }
    }
}

async fn execute(cli: Cli) -> Result<()> {
    let settings = Settings::resolve(&cli.global, &Environment::of_process())?;
    let output = Output::new(settings.format, settings.quiet);
    let context = Context::new(settings, output);
    // What was measured until Ctrl-C is printed: the command listens for it itself.
    if let Command::Bench(command) = cli.command {
        return bench::run(command, &context).await;
    }
    let work = async {
        match cli.command {
            Command::Keys(command) => keys::run(command, &context),
            Command::Store(command) => store::run(command, &context).await,
            Command::Program(command) => program::run(command, &context).await,
            Command::Model(command) => model::run(command, &context).await,
            Command::Provider(command) => provider::run(command, &context).await,
            Command::Job(command) => job::run(command, &context).await,
            Command::Label(command) => label::run(command, &context).await,
            Command::Data(command) => data::run(command, &context).await,
            Command::Account(command) => account::run(command, &context).await,
            Command::Bench(command) => bench::run(command, &context).await,
        }
    };
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted { next: context.next() }),
    }
}

fn log(verbose: u8) {
    match verbose {
        0 => {}
        1 => log_at("athanor_cli=debug,athanor_content_store=debug,subxt=info"),
        _ => log_at("debug"),
    }
}

/// A service tells what it does without being asked, unless more was asked for.
pub(crate) fn log_service() {
    log_at("athanor_cli=info,athanor_content_store=info");
}

fn log_at(level: &str) {
    let filter = tracing_subscriber::EnvFilter::new(level);
    // A second subscriber is only ever set in tests.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn walk(command: &mut clap::Command, path: &str, visit: &mut impl FnMut(&str, String)) {
        let text = command.render_long_help().to_string();
        visit(path, text);
        let text = command.render_help().to_string();
        visit(path, text);
        let names: Vec<String> = command
            .get_subcommands()
            .map(|sub| sub.get_name().to_owned())
            .collect();
        for name in names {
            if name != "help" {
                if let Some(sub) = command.find_subcommand_mut(&name) {
                    walk(sub, &format!("{path} {name}"), visit);
                }
            }
        }
    }

    fn every_help(mut visit: impl FnMut(&str, String)) {
        let mut command = Cli::command().term_width(80);
        command.build();
        walk(&mut command, "athanor", &mut visit);
    }

    #[test]
    fn the_options_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_fits_80_columns() {
        let mut seen = 0;
        every_help(|path, text| {
            seen += 1;
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{path}: {line}");
            }
        });
        assert!(seen > 60, "{seen}");
    }

    #[test]
    fn every_command_shows_an_example() {
        let mut command = Cli::command();
        command.build();
        for group in command
            .get_subcommands()
            .filter(|group| group.get_name() != "help")
        {
            for sub in group
                .get_subcommands()
                .filter(|sub| sub.get_name() != "help")
            {
                let examples = sub
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let start = format!("athanor {} {}", group.get_name(), sub.get_name());
                assert!(examples.contains(&start), "{start} has no example");
            }
        }
    }

    #[test]
    fn every_example_parses() {
        let mut command = Cli::command();
        command.build();
        let mut checked = 0;
        for group in command.get_subcommands() {
            for sub in group.get_subcommands() {
                let examples = sub
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let joined = examples.replace("\\\n", " ");
                for line in joined.lines().map(str::trim) {
                    if line.starts_with("athanor ") {
                        let words = split(line);
                        let parsed = Cli::try_parse_from(&words);
                        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                        checked += 1;
                    }
                }
            }
        }
        assert!(checked > 30, "{checked}");
    }

    fn split(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut quoted = false;
        let mut word = String::new();
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => {
                    if !word.is_empty() {
                        words.push(std::mem::take(&mut word));
                    }
                }
                c => word.push(c),
            }
        }
        if !word.is_empty() {
            words.push(word);
        }
        words
    }

    #[test]
    fn malformed_command_lines_are_refused() {
        for line in [
            "athanor job create --model x --max-pay '1 AUR'",
            "athanor job create --model 0 --max-pay '1' --input-root 0x00",
            "athanor account transfer --to //Bob --amount 5",
            "athanor job show",
            "athanor job watch 1 --output xml",
            "athanor store get 0x12 --out x",
            "athanor frobnicate",
        ] {
            assert!(Cli::try_parse_from(split(line)).is_err(), "{line}");
        }
    }
}
