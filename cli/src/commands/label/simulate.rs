//! `athanor label simulate`: what a crowd would be paid.

use super::super::{read_file, Context};
use crate::{
    amount::Amount,
    error::{Error, Result},
    output::{pairs, table, Progress},
};
use athanor_label_math::LabelType;
use athanor_label_sim::{
    parse_group, parse_truth, parse_type, published, run as play, svg, Group, Pages, Report,
    Scenario, ScenarioError, Truth,
};
use clap::Args;
use serde_json::{json, Value};
use std::{
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
};

/// Longest file of truth.
const MAX_TRUTH_BYTES: u64 = 1 << 28;

/// Options of `label simulate`.
#[derive(Args, Debug)]
pub struct Simulate {
    /// Type of the answers
    ///
    /// classification:K, preference, rating:R, multi-label:F, safety:W,W,… (a
    /// weight for each flag), ranking:K or span:TOKENS.
    #[arg(long = "type", value_name = "TYPE", default_value = "classification:2", value_parser = parse_type)]
    pub label: LabelType,
    /// Workers of one kind, and how often they are right [default accuracy: 0.85]
    ///
    /// Kinds are honest, constant (always the same answer), random,
    /// half-effort (the same answer to half of the tasks), colluding (all from
    /// one answer key), opposite, and sybil (one honest person's answers under
    /// many accounts). Can be given more than once.
    #[arg(
        long,
        value_name = "KIND[@ACCURACY]=WORKERS",
        value_delimiter = ',',
        value_parser = parse_group,
        default_value = "honest=20,constant=2,random=2,half-effort=2"
    )]
    pub crowd: Vec<Group>,
    /// Pages of each worker
    #[arg(long, value_name = "N", default_value_t = 4, conflicts_with = "pages")]
    pub pages_each: u32,
    /// Pages of a batch
    #[arg(long, value_name = "N")]
    pub pages: Option<u32>,
    /// Tasks of a page [default: 32, or 8 for spans]
    #[arg(long, value_name = "N")]
    pub page_tasks: Option<u8>,
    /// Gold tasks of a page
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub gold: u8,
    /// Workers of a page
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub panel: u8,
    /// Part of the gold whose answer is false
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub false_gold: f64,
    /// How frequent each class is, like 9:1
    #[arg(long, value_name = "WEIGHTS", value_delimiter = ':')]
    pub balance: Vec<f64>,
    /// Give gold every class equally often
    #[arg(long)]
    pub balanced_gold: bool,
    /// File of true answers, one a line
    ///
    /// A class, choice or step by its code; flags that are set, severities, or
    /// items from first to last between commas; spans as label, start and
    /// length. A line `-` is no flag or span.
    #[arg(long, value_name = "FILE", conflicts_with = "balance")]
    pub truth: Option<PathBuf>,
    /// Price of an answer
    #[arg(long, value_name = "AMOUNT", default_value = "20 mAUR")]
    pub pay: Amount,
    /// Batches to play
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub batches: u32,
    /// The same number gives the same crowds
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Draw the shares of each kind into a file (.svg)
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Play the crowds of the specification, beside its figures
    #[arg(
        long,
        conflicts_with_all = ["label", "crowd", "pages_each", "pages", "page_tasks", "gold",
            "panel", "false_gold", "balance", "balanced_gold", "truth", "pay", "plot"]
    )]
    pub published: bool,
}

/// Ends a simulation when the command is interrupted.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn on_all_cores<T: Send + 'static>(
    progress: Progress,
    work: impl FnOnce(&(dyn Fn() -> bool + Sync)) -> T + Send + 'static,
) -> Result<T> {
    let stop = Stop(Arc::default());
    let stopped = stop.0.clone();
    let running = tokio::task::spawn_blocking(move || {
        work(&|| {
            progress.step();
            !stopped.load(Ordering::Relaxed)
        })
    });
    running
        .await
        .map_err(|error| Error::Usage(format!("the simulation broke off: {error}")))
}

fn refused(error: &ScenarioError) -> Error {
    Error::Usage(error.to_string())
}

fn scenario(options: &Simulate) -> Result<Scenario> {
    let truth = match &options.truth {
        Some(path) => {
            let bad = |reason: String| Error::BadFile {
                path: path.clone(),
                reason,
            };
            let bytes = read_file(path, MAX_TRUTH_BYTES, "a file of answers")?;
            let text = String::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
            let answers =
                parse_truth(&options.label, &text).map_err(|error| bad(error.to_string()))?;
            Truth::Listed(answers)
        }
        None if options.balance.is_empty() => Truth::Uniform,
        None => Truth::Weighted(options.balance.clone()),
    };
    let tasks = options.page_tasks.unwrap_or(options.label.max_tasks());
    let price = u64::try_from(options.pay.0)
        .map_err(|_| Error::Usage("the price of an answer is too high".into()))?;
    let scenario = Scenario {
        label: options.label,
        tasks,
        gold: options.gold,
        panel: options.panel,
        pages: options
            .pages
            .map_or(Pages::Each(options.pages_each), Pages::Total),
        groups: options.crowd.clone(),
        truth,
        balanced_gold: options.balanced_gold,
        false_gold: options.false_gold,
        price,
        batches: options.batches,
        seed: options.seed,
        ..Scenario::default()
    };
    scenario.check().map_err(|error| refused(&error))?;
    Ok(scenario)
}

/// Plays a scenario. Needs neither node nor key.
pub(super) async fn run(options: &Simulate, context: &Context) -> Result<()> {
    if options.published {
        return published_table(options, context).await;
    }
    let scenario = scenario(options)?;
    let price = scenario.price;
    let progress = context.output.steps("playing", u64::from(options.batches));
    let report = on_all_cores(progress, move |go_on| play(&scenario, go_on))
        .await?
        .map_err(|error| refused(&error))?;
    if let Some(path) = &options.plot {
        plot(path, &report)?;
    }
    let cost = |answers: f64| Amount((answers * price as f64).round() as u128);
    let value = json!({
        "seed": options.seed,
        "pay": Amount(price.into()).planck(),
        "cost_of_a_label": cost(report.cost_per_label).planck(),
        "cost_of_a_true_label": cost(report.cost_per_true_label).planck(),
        "report": report,
        "plot": options.plot,
    });
    context.output.result(&value, || human(&report, &cost));
    Ok(())
}

fn plot(path: &Path, report: &Report) -> Result<()> {
    let picture = svg(report).map_err(|error| Error::BadFile {
        path: path.into(),
        reason: error.to_string(),
    })?;
    std::fs::write(path, picture).map_err(|source| Error::File {
        action: "write",
        path: path.into(),
        source,
    })
}

fn percent(part: f64) -> String {
    format!("{:.1} %", 100.0 * part)
}

fn human(report: &Report, cost: &dyn Fn(f64) -> Amount) -> String {
    let rows = report.groups.iter().map(|group| {
        vec![
            group.group.kind.name().to_owned(),
            format!("{:.0} %", 100.0 * group.group.accuracy),
            group.group.workers.to_string(),
            percent(group.share),
            format!("{:.0} to {:.0} %", 100.0 * group.low, 100.0 * group.high),
            percent(group.unpaid),
            percent(group.stake_lost),
            percent(group.net),
        ]
    });
    let headers = [
        "Kind",
        "Right",
        "No.",
        "Paid",
        "Middle 80 %",
        "Unpaid",
        "Stake\nlost",
        "Net",
    ];
    let lines = [
        (
            "Batches",
            format!("{} of {} pages", report.batches, report.pages),
        ),
        ("Labels right", percent(report.label_accuracy)),
        ("By plain majority", percent(report.majority_accuracy)),
        ("Cost of a label", cost(report.cost_per_label).to_string()),
        (
            "Of a right one",
            cost(report.cost_per_true_label).to_string(),
        ),
        ("Paid to workers", percent(report.paid)),
        ("Gold counted", percent(report.gold_on)),
        ("Agreement counted", percent(report.signal)),
    ];
    format!("{}\n\n{}", table(&headers, rows), pairs(&lines))
}

async fn published_table(options: &Simulate, context: &Context) -> Result<()> {
    let rows = published::rows(options.batches, options.seed);
    let steps = rows.len() as u64 * u64::from(options.batches);
    let progress = context.output.steps("playing", steps);
    let played = on_all_cores(progress, move |go_on| {
        rows.into_iter()
            .map(|row| {
                let report = play(&row.scenario, go_on)?;
                Ok((row, report))
            })
            .collect::<std::result::Result<Vec<_>, ScenarioError>>()
    })
    .await?
    .map_err(|error| refused(&error))?;
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for (row, report) in &played {
        let figures: Vec<Value> = row
            .figures
            .iter()
            .map(|figure| {
                let found = figure.of(report);
                let holds = figure.holds(report, published::TOLERANCE);
                let group = &row.scenario.groups[figure.group];
                lines.push(vec![
                    row.name.clone(),
                    format!("{} {:.0} %", group.kind.name(), 100.0 * group.accuracy),
                    figure.measure.name().to_owned(),
                    format!("{:.2}", figure.published),
                    format!("{found:.2}"),
                    if holds { "" } else { "off" }.to_owned(),
                ]);
                json!({
                    "kind": group.kind,
                    "accuracy": group.accuracy,
                    "measure": figure.measure,
                    "published": figure.published,
                    "found": found,
                    "within_tolerance": holds,
                })
            })
            .collect();
        values.push(json!({"name": row.name, "figures": figures, "report": report}));
    }
    let value = json!({
        "seed": options.seed,
        "batches": options.batches,
        "tolerance": published::TOLERANCE,
        "rows": values,
    });
    let headers = ["Crowd", "Kind", "Measure", "Published", "Found", ""];
    context.output.result(&value, || table(&headers, lines));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Simulate,
    }

    fn parsed(args: &[&str]) -> std::result::Result<Simulate, String> {
        let args = std::iter::once("simulate").chain(args.iter().copied());
        Line::try_parse_from(args)
            .map(|line| line.options)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn options_become_a_scenario() {
        let options = parsed(&[
            "--type",
            "rating:5",
            "--crowd",
            "honest@0.9=6,random=1",
            "--crowd",
            "sybil=3",
            "--pages",
            "7",
            "--panel",
            "3",
        ])
        .unwrap();
        let scenario = scenario(&options).unwrap();
        assert_eq!(scenario.label, LabelType::Rating { steps: 5 });
        assert_eq!(scenario.workers(), 10);
        assert_eq!((scenario.page_count(), scenario.tasks), (7, 32));
        let default = parsed(&[]).unwrap();
        assert_eq!(super::scenario(&default).unwrap().workers(), 26);
    }

    #[test]
    fn wrong_options_are_refused_by_name() {
        for (args, text) in [
            (&["--type", "colour:3"][..], "is no type"),
            (&["--crowd", "honest"], "is no group"),
            (&["--published", "--panel", "3"], "cannot be used with"),
            (&["--truth", "x", "--balance", "9:1"], "cannot be used with"),
        ] {
            let error = parsed(args).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
        for (args, text) in [
            (&["--balance", "1:2:3"][..], "one weight above 0"),
            (&["--gold", "20"], "at most half"),
            (&["--batches", "0"], "no batches"),
            (&["--crowd", "honest=3"], "no more than the crowd"),
        ] {
            let error = scenario(&parsed(args).unwrap()).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
