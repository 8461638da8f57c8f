//! `athanor bench`: how much a chain takes.

mod follow;
mod kind;
mod sample;
mod send;

use super::Context;
use crate::{
    error::{Error, Result},
    output,
};
use clap::{Args, Subcommand};
use follow::{Block, Watch};
use kind::{Bank, Kind};
use sample::{Probe, Sampled};
use send::Sending;
use serde_json::{json, Value};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Put a chain under load and measure it.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Send transactions as fast as the chain takes them
    ///
    /// Signs them all beforehand, sends them over websockets, and follows them
    /// until they are final. Each kind is a run of its own, in the order given;
    /// `remark`, an empty System.remark, is the cheapest transaction there is:
    /// the baseline of the others.
    ///
    /// The signing account pays for all of it: accounts derived from it are
    /// funded, and keep what is left.
    #[command(after_help = "\
Examples:
  athanor bench chain --suri //Alice
  athanor bench chain --suri //Alice --kind transfer,commit,job \\
    --count 5000 --prometheus http://127.0.0.1:9615/metrics
  athanor bench chain --suri //Alice --kind transfer --seconds 600 \\
    --rate 50 --pid 4242 --db /var/lib/athanor --output json
  athanor bench chain --suri //Alice --beside ws://127.0.0.1:9945 \\
    --prometheus http://127.0.0.1:9615/metrics \\
    --prometheus http://127.0.0.1:9616/metrics")]
    Chain(Options),
}

/// Options of `bench chain`.
#[derive(Args, Debug)]
pub struct Options {
    /// What is sent: any of remark, transfer, commit, job
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "KIND",
        default_value = "remark,transfer"
    )]
    pub kind: Vec<Kind>,
    /// Transactions of each kind
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: u32,
    /// Seconds to send each kind for, signing on the way; not for commits
    #[arg(long, value_name = "N", conflicts_with = "count")]
    pub seconds: Option<u64>,
    /// Accounts that send; commits take one for every four
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub accounts: u32,
    /// Websocket connections
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub senders: u32,
    /// Most transactions a second [default: no limit]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Another node of the network, to see how fast blocks reach it
    #[arg(long, value_name = "URL")]
    pub beside: Vec<String>,
    /// A node's Prometheus endpoint: an author's for the time to construct a
    /// block, another's for the time to import one
    #[arg(long, value_name = "URL")]
    pub prometheus: Vec<String>,
    /// The node's process on this machine, for its memory
    #[arg(long)]
    pub pid: Option<u32>,
    /// The node's database on this machine, for its growth
    #[arg(long, value_name = "DIR")]
    pub db: Option<PathBuf>,
}

/// No block took any of ours for so long: what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often the state of things is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Runs a command of the group.
///
/// # Errors
///
/// If the node is not reached, refuses what prepares a run, or Ctrl-C came before anything was
/// measured.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    let Command::Chain(options) = command;
    if options.seconds.is_some() && options.kind.contains(&Kind::Commit) {
        return Err(Error::Usage(
            "commits need leases, which are made beforehand: give --count, not --seconds".into(),
        ));
    }
    let mut runs = Vec::new();
    let mut interrupted = false;
    for kind in &options.kind {
        let prepared = tokio::select! {
            prepared = Bank::prepare(*kind, &options, context) => Some(prepared?),
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(bank) = prepared else {
            interrupted = true;
            break;
        };
        let (value, stopped) = measure(bank, &options, context).await?;
        runs.push(value);
        if stopped {
            interrupted = true;
            break;
        }
    }
    if runs.is_empty() {
        return Err(Error::Interrupted { next: None });
    }
    let value = json!({ "interrupted": interrupted, "runs": runs });
    context.output.result(&value, || {
        let parts: Vec<_> = runs.iter().map(table).collect();
        parts.join("\n\n")
    });
    Ok(())
}

/// One run; whether Ctrl-C ended it.
async fn measure(bank: Bank, options: &Options, context: &Context) -> Result<(Value, bool)> {
    let kind = bank.kind();
    let probe = Probe::new(options);
    let mut watch = Watch::start(&context.settings.node, &options.beside).await?;
    let before = probe.sample().await;
    let began = Instant::now();
    let until = options
        .seconds
        .map(|seconds| began + Duration::from_secs(seconds));
    let total = bank.total(options);
    let progress = context.output.steps(format!("{kind}: sending"), total);
    let sending = Sending::start(&context.settings.node, options, bank, until).await?;

    let mut blocks: Vec<Block> = Vec::new();
    let mut samples = vec![before.clone()];
    let mut last_news = Instant::now();
    let mut last_sample = Instant::now();
    let mut stopped = false;
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            _ = tokio::signal::ctrl_c() => {
                stopped = true;
                sending.stop();
                break;
            }
        }
        for block in watch.finalised(&sending).await? {
            if block.ours > 0 {
                last_news = Instant::now();
            }
            blocks.push(block);
        }
        let included: u64 = blocks.iter().map(|block| block.ours).sum();
        progress.transferred(included, total.max(sending.sent()));
        if last_sample.elapsed() >= Duration::from_secs(5) {
            samples.push(probe.sample().await);
            last_sample = Instant::now();
        }
        if sending.is_done() && (sending.outstanding() == 0 || last_news.elapsed() > PATIENCE) {
            break;
        }
    }
    drop(progress);
    samples.push(probe.sample().await);
    let limits = watch.limits();
    let value = summary(kind, &sending, &blocks, &watch, began, limits, &samples);
    Ok((value, stopped))
}

fn round(number: f64) -> Value {
    json!((number * 1_000.0).round() / 1_000.0)
}

fn per_second(count: u64, from: Instant, to: Option<Instant>) -> Value {
    let seconds = to.map(|to| to.saturating_duration_since(from).as_secs_f64());
    match seconds {
        Some(seconds) if seconds > 0.0 && count > 0 => round(count as f64 / seconds),
        _ => Value::Null,
    }
}

/// Median, 95th percentile and most of some durations, in milliseconds.
fn spread(mut all: Vec<Duration>) -> Value {
    all.sort_unstable();
    let at = |share: usize| {
        let last = all.len().saturating_sub(1);
        all.get(last * share / 100)
            .map_or(Value::Null, |duration| json!(duration.as_millis() as u64))
    };
    json!({ "of": all.len(), "median_ms": at(50), "p95_ms": at(95), "most_ms": at(100) })
}

fn mean(of: impl Iterator<Item = f64>) -> Value {
    let all: Vec<f64> = of.collect();
    if all.is_empty() {
        return Value::Null;
    }
    round(all.iter().sum::<f64>() / all.len() as f64)
}

fn summary(
    kind: Kind,
    sending: &Sending,
    blocks: &[Block],
    watch: &Watch,
    began: Instant,
    limits: follow::Limits,
    samples: &[Sampled],
) -> Value {
    let loaded: Vec<&Block> = blocks.iter().filter(|block| block.ours > 0).collect();
    let included: u64 = loaded.iter().map(|block| block.ours).sum();
    let seen = loaded.iter().map(|block| block.seen).max();
    let finalised = loaded.iter().map(|block| block.finalised).max();
    let intervals = blocks
        .windows(2)
        .filter_map(|pair| {
            Some(
                pair.get(1)?
                    .seen
                    .saturating_duration_since(pair.first()?.seen),
            )
        })
        .collect();
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let first = samples.first();
    let last = samples.last();
    json!({
        "kind": kind.to_string(),
        "sent": sending.sent(),
        "refused": sending.refused(),
        "refusal": sending.refusal(),
        "included": included,
        "failed": loaded.iter().map(|block| block.failed).sum::<u64>(),
        "missing": sending.outstanding(),
        "seconds": round(began.elapsed().as_secs_f64()),
        "signed_beforehand_per_second": sending.signing().map(round),
        "included_per_second": per_second(included, began, seen),
        "finalised_per_second": per_second(included, began, finalised),
        "most_in_a_block": loaded.iter().map(|block| block.ours).max(),
        "blocks": {
            "loaded": loaded.len(),
            "interval": spread(intervals),
            "ref_time_share": mean(loaded.iter().map(|b| share(b.ref_time, limits.ref_time))),
            "fullest_ref_time_share": loaded
                .iter()
                .map(|b| share(b.ref_time, limits.ref_time))
                .reduce(f64::max)
                .map(round),
            "length_share": mean(loaded.iter().map(|b| share(b.length, limits.length))),
            "proof_bytes": mean(loaded.iter().map(|b| b.proof_size as f64)),
        },
        "propagation": watch
            .propagation()
            .into_iter()
            .map(|(url, delays)| json!({ "node": url, "later_by": spread(delays) }))
            .collect::<Vec<_>>(),
        "times": sample::times(first, last),
        "memory": sample::memory(samples),
        "database": sample::growth(first, last, included),
        "series": {
            "blocks": blocks
                .iter()
                .map(|block| {
                    json!({
                        "second": round(block.seen.saturating_duration_since(began).as_secs_f64()),
                        "included": block.ours,
                        "ref_time_share": round(share(block.ref_time, limits.ref_time)),
                    })
                })
                .collect::<Vec<_>>(),
            "memory": sample::course(samples),
        },
    })
}

/// A run as people read it.
fn table(run: &Value) -> String {
    let mut rest = run.clone();
    let kind = rest.get_mut("kind").map(Value::take).unwrap_or_default();
    // Hundreds of points are for programs.
    if let Some(series) = rest.get_mut("series") {
        series.take();
    }
    let mut rows = vec![("kind".to_owned(), output::scalar("kind", &kind))];
    rows_of("", &rest, &mut rows);
    output::pairs(&rows)
}

fn rows_of(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('_', " ");
                let path = if path.is_empty() {
                    name
                } else {
                    format!("{path}, {name}")
                };
                rows_of(&path, value, rows);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| rows_of(path, item, rows)),
        Value::Null => {}
        Value::String(text) => rows.push((path.into(), text.clone())),
        other => rows.push((path.into(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_what_was_measured() {
        let all = (1..=100).rev().map(Duration::from_millis).collect();
        let expected = json!({ "of": 100, "median_ms": 50, "p95_ms": 95, "most_ms": 100 });
        assert_eq!(spread(all), expected);
        assert_eq!(spread(Vec::new())["median_ms"], Value::Null);
    }

    #[test]
    fn nothing_included_has_no_rate() {
        let now = Instant::now();
        assert_eq!(per_second(0, now, Some(now + TICK)), Value::Null);
        assert_eq!(per_second(5, now, None), Value::Null);
        assert_eq!(per_second(5, now, Some(now + TICK)), json!(20.0));
    }

    #[test]
    fn a_table_leaves_out_series_and_what_was_not_measured() {
        let run = json!({
            "kind": "remark",
            "blocks": { "loaded": 3 },
            "memory": null,
            "series": { "memory": [{ "second": 0.0, "mib": 1.0 }] },
        });
        assert_eq!(table(&run), "kind            remark\nblocks, loaded  3");
    }
}
