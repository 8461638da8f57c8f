//! The dashboards and alerts of `monitoring/` name nothing that is not served.

use gpu_worker::{api::JobState, backend::Device, dispute::Next, fault::Fault, metrics::Metrics};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Metrics of every Substrate node that the files use, with the crate that registers
/// each and whether it is a histogram.
const SUBSTRATE: [(&str, &str, bool); 11] = [
    ("substrate_block_height", "sc-service", false),
    (
        "substrate_block_verification_and_import_time",
        "sc-consensus",
        true,
    ),
    (
        "substrate_finality_grandpa_round",
        "sc-consensus-grandpa",
        false,
    ),
    ("substrate_node_roles", "sc-service", false),
    ("substrate_number_leaves", "sc-service", false),
    (
        "substrate_proposer_block_constructed",
        "sc-proposer-metrics",
        true,
    ),
    (
        "substrate_proposer_number_of_transactions",
        "sc-proposer-metrics",
        false,
    ),
    ("substrate_ready_transactions_number", "sc-service", false),
    ("substrate_rpc_calls_finished", "sc-rpc-server", false),
    (
        "substrate_sub_libp2p_is_major_syncing",
        "sc-network-sync",
        false,
    ),
    ("substrate_sub_libp2p_peers_count", "sc-network", false),
];

/// Metrics of Prometheus' node exporter that the files use.
const MACHINE: [&str; 3] = [
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_filesystem_readonly",
];

/// Where the metrics of sellers and of content stores are registered.
const SELLERS: [&str; 2] = ["cli/src/market", "crates/content-store/src/server"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of the daemon's metrics, as its `/metrics` has them, with their labels.
fn worker_metrics() -> BTreeMap<String, BTreeSet<String>> {
    let device = Device {
        backend: "cpu",
        name: "cpu".into(),
        memory: 1,
    };
    let metrics = Metrics::new(&device, 3).unwrap();
    // A family without a value is not shown.
    metrics.set_jobs(&[(JobState::Done, 2)]);
    metrics.job_ended("done");
    metrics.phase(JobState::Ready, Duration::from_millis(3));
    metrics.fetch_failed("root_mismatch");
    metrics.call("worker_submit", false);
    metrics.disputed(&Next::Agree);
    metrics.fault(Some(Fault::WrongElement(3)));
    let mut names = BTreeMap::new();
    for line in metrics.text().unwrap().lines() {
        if line.starts_with('#') {
            continue;
        }
        let end = line.find(['{', ' ']).unwrap();
        let labels: &mut BTreeSet<String> = names.entry(line[..end].to_owned()).or_default();
        for part in line[end..].split(['{', ',']).skip(1) {
            labels.extend(part.split_once('=').map(|(label, _)| label.to_owned()));
        }
    }
    names
}

/// `athanor_…` names in the source of whatever registers metrics beside the daemon.
fn registered(folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(root().join(folder)).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for literal in text.split('"') {
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if literal.starts_with("athanor_") && literal.chars().all(word) {
                    found.insert(literal.to_owned());
                }
            }
        }
    }
    found
}

/// Everything that may be named.
fn served() -> BTreeSet<String> {
    let rendered: BTreeSet<String> = worker_metrics().into_keys().collect();
    let mut names = registered("node/src");
    names.extend(registered("gpu-worker/src/provide"));
    names.extend(SELLERS.into_iter().flat_map(registered));
    // A histogram is served in three parts and never under its own name.
    names.extend(
        registered("gpu-worker/src")
            .into_iter()
            .filter(|name| !rendered.contains(&format!("{name}_bucket"))),
    );
    names.extend(rendered);
    for (name, _, histogram) in SUBSTRATE {
        if histogram {
            names.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            names.insert(name.into());
        }
    }
    names.extend(MACHINE.map(String::from));
    names.insert("up".into());
    names
}

/// What looks like a metric in a query.
fn identifiers(query: &str) -> Vec<&str> {
    query
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| {
            *word == "up"
                || ["athanor_", "substrate_", "node_"]
                    .iter()
                    .any(|prefix| word.starts_with(prefix))
        })
        .collect()
}

/// Names used in a query and the labels each is selected by.
fn selectors(query: &str) -> Vec<(String, Vec<String>)> {
    let mut rest = query;
    let mut found = Vec::new();
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').expect("braces come in pairs") + open;
        let name = rest[..open]
            .rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .next()
            .unwrap_or_default();
        let labels = rest[open + 1..close]
            .split(',')
            .filter_map(|part| part.split(['=', '!']).next())
            .map(|label| label.trim().to_owned())
            .collect();
        found.push((name.to_owned(), labels));
        rest = &rest[close + 1..];
    }
    found
}

fn check_query(place: &str, query: &str) {
    let names = identifiers(query);
    assert!(!names.is_empty(), "{place}: no metric in {query}");
    let served = served();
    for name in names {
        // Job names of the scrape configuration are values, not metrics.
        assert!(served.contains(name), "{place}: nothing serves {name}");
    }
    for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
        let count = |bracket| query.chars().filter(|c| *c == bracket).count();
        assert_eq!(count(open), count(close), "{place}: {query}");
    }
    assert_eq!(query.matches('"').count() % 2, 0, "{place}: {query}");
    let worker = worker_metrics();
    for (name, labels) in selectors(query) {
        for label in labels {
            let target = ["instance", "job"].contains(&label.as_str());
            if let (false, Some(known)) = (target, worker.get(&name)) {
                assert!(
                    known.contains(&label),
                    "{place}: {name} has no label {label}"
                );
            }
        }
    }
}

/// Calls `visit` with every query of a dashboard and the title of its panel.
fn queries(dashboard: &Value, visit: &mut impl FnMut(&str, &str)) {
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            visit(title, target["expr"].as_str().unwrap());
        }
    }
}

#[test]
fn dashboards_name_only_metrics_that_are_served() {
    for (file, least) in [("provider", 20), ("validator", 15), ("data", 20)] {
        let text = read(&format!("monitoring/grafana/{file}.json"));
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(dashboard["uid"], format!("athanor-{file}"));
        let mut seen = 0;
        queries(&dashboard, &mut |title, query| {
            check_query(&format!("{file}, {title}"), query);
            seen += 1;
        });
        assert!(seen >= least, "{file} has {seen} queries");

        let panels = dashboard["panels"].as_array().unwrap();
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
        assert_eq!(ids.len(), panels.len(), "{file}: panels share an id");
    }
}

#[test]
fn every_metric_of_the_daemon_is_on_the_providers_dashboard() {
    let text = read("monitoring/grafana/provider.json");
    let rendered = worker_metrics().into_keys();
    let others = ["gpu-worker/src", "gpu-worker/src/provide"].map(registered);
    for name in rendered.chain(others.into_iter().flatten()) {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(&name);
        assert!(text.contains(family), "{family} is on no panel");
    }
}

#[test]
fn every_metric_of_a_seller_and_a_store_is_on_their_dashboard() {
    let text = read("monitoring/grafana/data.json");
    let names: Vec<_> = SELLERS.into_iter().flat_map(registered).collect();
    assert!(names.len() > 15, "only {names:?}");
    for name in names {
        assert!(text.contains(&name), "{name} is on no panel");
    }
}

#[test]
fn every_metric_of_the_node_is_on_a_dashboard() {
    let text =
        ["provider", "validator"].map(|name| read(&format!("monitoring/grafana/{name}.json")));
    let guide = read("docs/guides/monitoring.md");
    let mut names = registered("node/src");
    // Chains are called like that, too.
    names.retain(|name| {
        !["athanor_dev", "athanor_local", "athanor_staging"].contains(&name.as_str())
    });
    assert!(names.len() > 10, "only {names:?}");
    for name in names {
        let shown = text.iter().any(|text| text.contains(&name));
        assert!(shown, "{name} is on no panel");
        let row = format!("| `{name}` |");
        assert!(guide.contains(&row), "the guide lacks {row}");
    }
}

/// The fragment that leads to a heading of the runbook.
fn anchor(alert: &str) -> String {
    format!("docs/guides/runbook.md#{}", alert.to_lowercase())
}

#[test]
fn every_alert_has_its_section_in_the_runbook() {
    let rules: Value =
        serde_yaml::from_str(&read("monitoring/prometheus/athanor.rules.yml")).unwrap();
    let runbook = read("docs/guides/runbook.md");
    let mut sections: BTreeMap<&str, &str> = BTreeMap::new();
    for section in runbook.split("\n### `").skip(1) {
        let (name, rest) = section.split_once("`\n").unwrap();
        let text = rest.split("\n## ").next().unwrap().trim();
        assert!(
            sections.insert(name, text).is_none(),
            "{name} is there twice"
        );
    }
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let name = rule["alert"].as_str().unwrap();
            assert_eq!(rule["annotations"]["runbook"], anchor(name), "{name}");
            let text = sections.remove(name);
            assert!(
                text.is_some_and(|text| text.len() > 100),
                "{name} is not in the runbook, or in name only"
            );
        }
    }
    assert!(sections.is_empty(), "sections of no alert: {sections:?}");
}

#[test]
fn alerts_are_complete_and_explained() {
    let rules: Value =
        serde_yaml::from_str(&read("monitoring/prometheus/athanor.rules.yml")).unwrap();
    let guide = read("docs/guides/monitoring.md");
    let mut names = BTreeSet::new();
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let name = rule["alert"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            check_query(name, rule["expr"].as_str().unwrap());
            let severity = rule["labels"]["severity"].as_str().unwrap();
            assert!(["critical", "warning"].contains(&severity), "{name}");
            for text in ["summary", "description"] {
                assert!(rule["annotations"][text].is_string(), "{name}: no {text}");
            }
            let row = format!("| `{name}` | {severity} |");
            assert!(guide.contains(&row), "the guide lacks {row}");
        }
    }
    let explained = guide.matches("| `Athanor").count();
    assert_eq!(explained, names.len(), "the guide has alerts that are none");
}

#[test]
fn alerts_and_dashboards_go_by_the_job_names_of_the_scrape_configuration() {
    let config: Value =
        serde_yaml::from_str(&read("monitoring/prometheus/prometheus.yml")).unwrap();
    let jobs: BTreeSet<&str> = config["scrape_configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["job_name"].as_str().unwrap())
        .collect();
    let all = ["machine", "market", "node", "provide", "store", "worker"]
        .map(|name| format!("athanor-{name}"));
    assert_eq!(jobs, all.iter().map(String::as_str).collect());
    let rules = config["rule_files"][0].as_str().unwrap();
    assert!(root().join("monitoring/prometheus").join(rules).is_file());
    for file in [
        "prometheus/athanor.rules.yml",
        "grafana/provider.json",
        "grafana/validator.json",
        "grafana/data.json",
    ] {
        let text = read(&format!("monitoring/{file}"));
        for (at, _) in text.match_indices("job=") {
            let named: String = text[at + 4..]
                .chars()
                .skip_while(|c| !c.is_ascii_alphabetic())
                .take_while(|c| *c != '"' && *c != '\\')
                .collect();
            for job in named.split('|') {
                assert!(jobs.contains(job), "{file}: no job {job}");
            }
        }
    }
}

#[test]
fn a_query_that_names_something_else_is_found() {
    let wrong =
        |query: &'static str| std::panic::catch_unwind(|| check_query("a test", query)).is_err();
    assert!(!wrong(
        "rate(athanor_worker_jobs_ended_total{outcome=\"done\"}[5m])"
    ));
    for query in [
        "athanor_worker_no_such_metric",
        "substrate_no_such_metric",
        "node_no_such_metric",
        "athanor_worker_jobs_ended_total{result=\"done\"}",
        "sum(athanor_worker_ready",
        "1 + 1",
    ] {
        assert!(wrong(query), "{query}");
    }
}
