//! Random walks through the whole runtime, for as long as one likes.

use athanor_runtime_fuzz::{
    decoding,
    dice::Dice,
    tally::Tally,
    walk::{self, Failure},
};
use clap::Parser;
use std::{fs, path::PathBuf, process::ExitCode, time::Instant};

/// Random blocks through the whole runtime, its state checked after every call.
///
/// Every walk follows from its seed. One that fails is made small, printed and ends the run.
#[derive(Parser)]
#[command(after_help = "Examples:
  runtime-fuzz                            a hundred walks
  runtime-fuzz --walks 10000 --state FILE goes on where it was stopped
  runtime-fuzz --from 77 --walks 1        one walk again
  runtime-fuzz --only 17,4242             a walk of these steps")]
struct Options {
    /// First seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Number of walks.
    #[arg(long, default_value_t = 100)]
    walks: u64,
    /// Steps of each.
    #[arg(long, default_value_t = 400)]
    steps: usize,
    /// Spoilt transactions decoded after each.
    #[arg(long, default_value_t = 2_000)]
    decoded: u32,
    /// File that keeps the next seed: a run that was stopped goes on there.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Runs left out of a walk that failed to make it small.
    #[arg(long, default_value_t = 300)]
    tries: u32,
    /// Takes these steps, and no others.
    #[arg(long, value_delimiter = ',', value_name = "STEP,…")]
    only: Vec<u64>,
    /// Prints why calls failed, too.
    #[arg(long)]
    errors: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.only.is_empty() {
        return match walk::run(&options.only) {
            Ok(tally) => {
                report(&tally, &options);
                ExitCode::SUCCESS
            }
            Err(failure) => tell(*failure, "these steps", &options),
        };
    }
    let mut next = match &options.state {
        Some(file) if file.exists() => match fs::read_to_string(file) {
            Ok(text) => text.trim().parse().unwrap_or(options.from),
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                return ExitCode::FAILURE;
            }
        },
        _ => options.from,
    };
    // So many from where it goes on, however many there were before.
    let end = next.saturating_add(options.walks);
    let mut sum = Tally::default();
    let began = Instant::now();
    while next < end {
        match walk::run(&walk::steps_of(next, options.steps)) {
            Ok(tally) => sum.add(&tally),
            Err(failure) => {
                return tell(*failure, &format!("the walk of seed {next}"), &options);
            }
        }
        if let Err(why) = decode(next, &options) {
            eprintln!("seed {next}: {why}");
            return ExitCode::FAILURE;
        }
        next += 1;
        if let Some(file) = &options.state {
            if let Err(error) = fs::write(file, format!("{next}\n")) {
                eprintln!("{}: {error}", file.display());
                return ExitCode::FAILURE;
            }
        }
        if next % 10 == 0 {
            let calls: u64 = sum.calls.values().map(|count| count.all()).sum();
            let seconds = began.elapsed().as_secs();
            eprintln!(
                "walk {next} of {end}: {calls} calls, {} blocks, {seconds} s",
                sum.blocks
            );
        }
    }
    report(&sum, &options);
    ExitCode::SUCCESS
}

fn report(tally: &Tally, options: &Options) {
    println!("{tally}");
    if options.errors {
        for ((pallet, call, error), count) in &tally.errors {
            println!("{count:>9} {pallet}.{call}: {error}");
        }
        for (event, count) in &tally.events {
            println!("{count:>9} {event}");
        }
    }
}

fn decode(seed: u64, options: &Options) -> Result<(), String> {
    if options.decoded == 0 {
        return Ok(());
    }
    let seeds = decoding::seeds(seed, 8)?;
    let mut dice = Dice::new(seed);
    for _ in 0..options.decoded {
        if let (Some(one), Some(other)) = (dice.clone().pick(&seeds), dice.pick(&seeds)) {
            let bytes = decoding::spoil(&mut dice, one, other);
            decoding::decode(&bytes).map_err(|why| format!("{bytes:?}: {why}"))?;
        }
    }
    Ok(())
}

fn tell(failure: Failure, what: &str, options: &Options) -> ExitCode {
    eprintln!(
        "{what} failed at step {}: {}",
        failure.steps.len(),
        failure.why
    );
    eprintln!("making it small…");
    let small = walk::shrink(failure, options.tries);
    let steps: Vec<_> = small.steps.iter().map(u64::to_string).collect();
    eprintln!("{}\n  --only {}", small.why, steps.join(","));
    ExitCode::FAILURE
}
