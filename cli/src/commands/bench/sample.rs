//! What can be seen of the node from outside: its metrics, its memory, its database.

use super::Options;
use serde_json::{json, Map, Value};
use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
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
    prometheus: Vec<String>,
    pid: Option<u32>,
    db: Option<PathBuf>,
    client: reqwest::Client,
}

/// What was seen at one time.
#[derive(Clone, Debug)]
pub(super) struct Sampled {
    at: Instant,
    metrics: BTreeMap<String, f64>,
    memory: Option<Memory>,
    database: Option<u64>,
}

/// A process's resident memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    /// Its own: heap and stacks.
    own: u64,
    /// All, with the pages of files it maps, such as a database's.
    resident: u64,
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
        let mut metrics = BTreeMap::<String, f64>::new();
        for url in &self.prometheus {
            let request = self.client.get(url).timeout(Duration::from_secs(5));
            if let Ok(answer) = request.send().await {
                if let Ok(bytes) = answer.bytes().await {
                    let text = String::from_utf8_lossy(bytes.get(..MOST).unwrap_or(&bytes));
                    for (name, value) in parse(&text) {
                        *metrics.entry(name).or_default() += value;
                    }
                }
            }
        }
        Sampled {
            at: Instant::now(),
            metrics,
            memory: self.pid.and_then(memory_of),
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

/// Memory of a process, by `RssAnon` and `VmRSS` of its status (proc(5)).
fn memory_of(pid: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let bytes = |name: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1_024)
    };
    Some(Memory {
        own: bytes("RssAnon:")?,
        resident: bytes("VmRSS:")?,
    })
}

/// Bytes on the disk of all files under a folder: ParityDB's files have holes, and are much longer.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(found) if found.is_file() => found.blocks() * 512,
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

/// The node's own memory over the run, and what is resident with the files it maps, in MiB.
pub(super) fn memory(samples: &[Sampled]) -> Value {
    let part = |of: fn(Memory) -> u64| {
        let seen: Vec<(Instant, u64)> = samples
            .iter()
            .filter_map(|sampled| Some((sampled.at, of(sampled.memory?))))
            .collect();
        let first = seen.first()?.1;
        let middle = seen.get(seen.len() / 2)?.1;
        let most = seen.iter().map(|(_, bytes)| *bytes).max()?;
        Some(json!({
            "first_mib": mib(first),
            "middle_mib": mib(middle),
            "last_mib": mib(seen.last()?.1),
            "most_mib": mib(most),
            "mib_per_minute": slope(&seen).map(|slope| (slope * 1_000.0).round() / 1_000.0),
        }))
    };
    let mut seen = samples.iter().filter(|sampled| sampled.memory.is_some());
    let Some(began) = seen.next() else {
        return Value::Null;
    };
    let ended = seen.next_back().unwrap_or(began);
    json!({
        "own": part(|memory| memory.own),
        "resident": part(|memory| memory.resident),
        "over_seconds": ended.at.saturating_duration_since(began.at).as_secs(),
    })
}

/// Growth by least squares over the second half of the samples, in MiB a minute: in the first half,
/// caches fill.
fn slope(seen: &[(Instant, u64)]) -> Option<f64> {
    let half = seen.get(seen.len() / 2..)?;
    let (began, _) = half.first()?;
    let points: Vec<(f64, f64)> = half
        .iter()
        .map(|(at, bytes)| {
            let minutes = at.saturating_duration_since(*began).as_secs_f64() / 60.0;
            (minutes, *bytes as f64 / MIB)
        })
        .collect();
    let mean = |of: fn(&(f64, f64)) -> f64| {
        points.iter().map(of).sum::<f64>() / points.len().max(1) as f64
    };
    let (middle, level) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|(x, _)| (x - middle).powi(2)).sum();
    let both: f64 = points.iter().map(|(x, y)| (x - middle) * (y - level)).sum();
    (points.len() > 2 && spread > 0.0).then(|| both / spread)
}

/// The node's memory at every sample, in seconds since the first and MiB.
pub(super) fn course(samples: &[Sampled]) -> Value {
    let Some(began) = samples.first().map(|first| first.at) else {
        return Value::Null;
    };
    samples
        .iter()
        .filter_map(|sampled| {
            let second = sampled.at.saturating_duration_since(began).as_secs_f64();
            let second = (second * 10.0).round() / 10.0;
            let Memory { own, resident } = sampled.memory?;
            Some(json!({ "second": second, "own_mib": mib(own), "resident_mib": mib(resident) }))
        })
        .collect()
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
            memory: Some(Memory {
                own: memory,
                resident: memory + MIB as u64,
            }),
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
    fn the_slope_of_memory_is_that_of_the_second_half() {
        let began = Instant::now();
        let at = |minute: u64, mib: u64| (began + Duration::from_secs(60 * minute), mib << 20);
        // Steep while caches fill, then 3 MiB a minute.
        let grows: Vec<_> = (0..10)
            .map(|minute| at(minute, (60 * minute).min(240 + 3 * minute)))
            .collect();
        let slope_of = |seen: &[(Instant, u64)]| (slope(seen).unwrap() * 1e6).round() / 1e6;
        assert_eq!(slope_of(&grows), 3.0);
        let flat: Vec<_> = (0..10).map(|minute| at(minute, 300)).collect();
        assert_eq!(slope_of(&flat), 0.0);
        assert_eq!(slope(&flat[..4]), None);
        assert_eq!(slope(&[]), None);
    }

    #[test]
    fn a_process_has_memory_of_its_own_beside_what_it_maps() {
        let samples = [sampled("", 2 << 20, 0), sampled("", 5 << 20, 0)];
        let memory = memory(&samples);
        assert_eq!(memory["own"]["first_mib"], json!(2.0));
        assert_eq!(memory["own"]["most_mib"], json!(5.0));
        assert_eq!(memory["resident"]["last_mib"], json!(6.0));
        assert_eq!(super::memory(&[]), Value::Null);
        assert_eq!(course(&samples)[1]["own_mib"], json!(5.0));
        assert_eq!(course(&samples)[1]["resident_mib"], json!(6.0));
    }

    #[test]
    fn this_process_has_memory_and_a_folder_a_size() {
        let memory = memory_of(std::process::id()).unwrap();
        assert!(
            memory.own > 1 << 18 && memory.resident > memory.own,
            "{memory:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        let write = |name: &str| {
            let mut file = std::fs::File::create(folder.path().join(name)).unwrap();
            let bytes: Vec<u8> = (0..100_000u32)
                .map(|n| (n.wrapping_mul(n) >> 7) as u8)
                .collect();
            std::io::Write::write_all(&mut file, &bytes).unwrap();
            // Bytes that a file does not have on the disk do not count.
            file.set_len(1 << 30).unwrap();
            file.sync_all().unwrap();
        };
        write("c");
        let one = size(folder.path());
        write("a/b");
        let two = size(folder.path());
        assert!(one > 50_000 && two > one && two < 1 << 24, "{one} {two}");
    }
}
