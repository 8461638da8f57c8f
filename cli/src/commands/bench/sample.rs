//! What can be seen of the node from outside: its metrics, its memory, its database.

use super::Options;
use serde_json::{json, Map, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Histograms of the node, and what they measure.
const TIMES: [(&str, &str); 2] = [
    ("substrate_proposer_block_constructed", "construction"),
    (
        "substrate_block_verification_and_import_time",
        "verification_and_import",
    ),
];

/// Longest answer of a Prometheus endpoint that is read.
const MOST: usize = 16 << 20;

/// Where to look.
pub(super) struct Probe {
    prometheus: Option<String>,
    pid: Option<u32>,
    db: Option<PathBuf>,
    client: reqwest::Client,
}

/// What was seen at one time.
#[derive(Clone, Debug)]
pub(super) struct Sampled {
    at: Instant,
    metrics: BTreeMap<String, f64>,
    memory: Option<u64>,
    database: Option<u64>,
}

impl Probe {
    /// Looks where the options say.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            prometheus: options.prometheus.clone(),
            pid: options.pid,
            db: options.db.clone(),
            client: reqwest::Client::new(),
        }
    }

    /// What is seen now; what cannot be seen is left out.
    pub(super) async fn sample(&self) -> Sampled {
        let mut metrics = BTreeMap::new();
        if let Some(url) = &self.prometheus {
            let request = self.client.get(url).timeout(Duration::from_secs(5));
            if let Ok(answer) = request.send().await {
                if let Ok(bytes) = answer.bytes().await {
                    let text = String::from_utf8_lossy(bytes.get(..MOST).unwrap_or(&bytes));
                    metrics = parse(&text);
                }
            }
        }
        Sampled {
            at: Instant::now(),
            metrics,
            memory: self.pid.and_then(resident),
            database: self.db.as_deref().map(size),
        }
    }
}

/// Sums and counts of the histograms, over all labels.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut metrics = BTreeMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.rsplit_once(' ') else {
            continue;
        };
        let name = name.split('{').next().unwrap_or(name);
        let wanted = TIMES.iter().any(|(histogram, _)| {
            let rest = name.strip_prefix(histogram);
            rest.is_some_and(|rest| rest == "_sum" || rest == "_count")
        });
        if let (true, Ok(value)) = (wanted, value.parse::<f64>()) {
            *metrics.entry(name.to_owned()).or_default() += value;
        }
    }
    metrics
}

/// Resident bytes of a process.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1_024)
}

/// Bytes of all files under a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(found) if found.is_file() => found.len(),
            _ => 0,
        })
        .sum()
}

/// How long the node took on average between two samples.
pub(super) fn times(first: Option<&Sampled>, last: Option<&Sampled>) -> Value {
    let mut times = Map::new();
    for (histogram, name) in TIMES {
        let delta = |suffix: &str| {
            let key = format!("{histogram}{suffix}");
            let of = |sampled: Option<&Sampled>| sampled?.metrics.get(&key).copied();
            Some(of(last)? - of(first).unwrap_or(0.0))
        };
        if let (Some(sum), Some(count)) = (delta("_sum"), delta("_count")) {
            if count > 0.0 {
                let mean = (sum / count * 10_000.0).round() / 10.0;
                times.insert(name.into(), json!({ "mean_ms": mean, "of": count }));
            }
        }
    }
    if times.is_empty() {
        Value::Null
    } else {
        Value::Object(times)
    }
}

const MIB: f64 = 1_048_576.0;

fn mib(bytes: u64) -> f64 {
    (bytes as f64 / MIB * 10.0).round() / 10.0
}

/// The node's memory over the run, in MiB.
pub(super) fn memory(samples: &[Sampled]) -> Value {
    let seen: Vec<(Instant, u64)> = samples
        .iter()
        .filter_map(|sampled| Some((sampled.at, sampled.memory?)))
        .collect();
    let (Some((began, first)), Some((ended, last))) = (seen.first(), seen.last()) else {
        return Value::Null;
    };
    let most = seen.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    // Whether it grows shows in the second half: in the first, caches fill.
    let middle = seen.get(seen.len() / 2).map_or(*first, |(_, bytes)| *bytes);
    json!({
        "first_mib": mib(*first),
        "middle_mib": mib(middle),
        "last_mib": mib(*last),
        "most_mib": mib(most),
        "over_seconds": ended.saturating_duration_since(*began).as_secs(),
    })
}

/// Growth of the database, and what it comes to for a million transactions.
pub(super) fn growth(first: Option<&Sampled>, last: Option<&Sampled>, included: u64) -> Value {
    let of = |sampled: Option<&Sampled>| sampled?.database;
    let (Some(before), Some(after)) = (of(first), of(last)) else {
        return Value::Null;
    };
    let grown = after.saturating_sub(before);
    let million =
        (included > 0).then(|| mib((grown as u128 * 1_000_000 / u128::from(included)) as u64));
    json!({
        "before_mib": mib(before),
        "after_mib": mib(after),
        "mib_per_million": million,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(text: &str, memory: u64, database: u64) -> Sampled {
        Sampled {
            at: Instant::now(),
            metrics: parse(text),
            memory: Some(memory),
            database: Some(database),
        }
    }

    #[test]
    fn means_are_those_of_the_run_alone() {
        let text = |sum: f64, count: u32| {
            format!(
                "# HELP x\n\
                 substrate_proposer_block_constructed_bucket{{le=\"1\"}} 7\n\
                 substrate_proposer_block_constructed_sum{{chain=\"dev\"}} {sum}\n\
                 substrate_proposer_block_constructed_count{{chain=\"dev\"}} {count}\n"
            )
        };
        let (first, last) = (sampled(&text(1.0, 10), 0, 0), sampled(&text(2.5, 20), 0, 0));
        assert_eq!(
            times(Some(&first), Some(&last)),
            json!({ "construction": { "mean_ms": 150.0, "of": 10.0 } })
        );
        assert_eq!(times(Some(&first), Some(&first)), Value::Null);
    }

    #[test]
    fn growth_is_for_a_million_of_what_was_included() {
        let (first, last) = (sampled("", 0, 1 << 20), sampled("", 0, 3 << 20));
        assert_eq!(
            growth(Some(&first), Some(&last), 1_000)["mib_per_million"],
            json!(2_000.0)
        );
        assert_eq!(
            growth(Some(&first), Some(&last), 0)["mib_per_million"],
            Value::Null
        );
    }

    #[test]
    fn this_process_has_memory_and_a_folder_a_size() {
        assert!(resident(std::process::id()).is_some_and(|bytes| bytes > 1 << 20));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b"), [0; 100]).unwrap();
        std::fs::write(folder.path().join("c"), [0; 11]).unwrap();
        assert_eq!(size(folder.path()), 111);
    }
}
