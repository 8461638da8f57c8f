//! `gpu-worker doctor`: what this machine has, and whether `serve` would start.

use super::{pairs, status::who_listens, Format};
use crate::{
    backend,
    config::{Config, ServeArgs},
    cuda::{self, Nvrtc, Probe},
    system::{self, human_bytes},
};
use athanor_content_store::{Client, Store};
use clap::Args;
use serde::Serialize;
use std::{path::Path, time::Duration};
use tokio::net::TcpListener;

/// What to look at.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// The settings `serve` would run with.
    #[command(flatten)]
    pub serve: ServeArgs,

    /// How the findings are printed: table or json.
    #[arg(long, value_enum, default_value_t = Format::Table, hide_possible_values = true)]
    pub format: Format,
}

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing; `serve` works all the same.
    Note,
    /// `serve` would not start, or not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What it is.
    pub name: &'static str,
    /// How good it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Finding {
    fn new(name: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Finding {
            name,
            verdict,
            found: found.into(),
            next: None,
        }
    }

    fn next(self, next: impl Into<String>) -> Self {
        Finding {
            next: Some(next.into()),
            ..self
        }
    }
}

/// Looks at everything. Whether all of it is good enough for `serve`.
pub async fn doctor(args: &DoctorArgs) -> anyhow::Result<bool> {
    let findings = examine(&args.serve).await;
    let good = findings
        .iter()
        .all(|finding| finding.verdict != Verdict::Bad);
    match args.format {
        Format::Json => println!(
            "{}",
            serde_json::to_string_pretty(&serde_json::json!({"ok": good, "findings": findings}))?
        ),
        Format::Table => {
            let rows = findings.iter().map(|finding| {
                let mark = match finding.verdict {
                    Verdict::Ok => "ok",
                    Verdict::Note => "note",
                    Verdict::Bad => "BAD",
                };
                (format!("{mark:<4} {}", finding.name), finding.found.clone())
            });
            println!("{}", pairs(rows));
            println!("{}", verdict(&findings, good));
        }
    }
    Ok(good)
}

/// What all of it comes to, and what to do next.
fn verdict(findings: &[Finding], good: bool) -> String {
    let mut text = match good {
        true => "gpu-worker serve can run here.".to_owned(),
        false => "gpu-worker serve can't run.".to_owned(),
    };
    let steps = findings
        .iter()
        // What does not keep it from running is only worth doing once it can.
        .filter(|finding| good || finding.verdict == Verdict::Bad)
        .filter_map(|finding| Some((finding.name, finding.next.as_ref()?)));
    for (number, (name, next)) in steps.enumerate() {
        if number == 0 {
            text.push_str(" Next:");
        }
        text.push_str(&format!("\n  {}. {name}: {next}", number + 1));
    }
    text
}

/// Looks at everything.
pub async fn examine(args: &ServeArgs) -> Vec<Finding> {
    let mut findings = vec![cpu(), memory()];
    findings.extend(cuda_found());
    match args.settle() {
        Err(error) => {
            findings.push(
                Finding::new("settings", Verdict::Bad, error.to_string())
                    .next("correct the setting; `gpu-worker config` shows those in effect"),
            );
        }
        Ok(config) => {
            findings.push(settings(&config));
            findings.extend(config.fault.map(|fault| {
                Finding::new(
                    "fault",
                    Verdict::Bad,
                    format!("{fault}: wrong results or none, on purpose"),
                )
                .next("remove --fault, or the provider loses its collateral")
            }));
            findings.push(backend_found(&config));
            findings.push(store(&config).await);
            findings.extend(port(args, &config).await);
            findings.push(gateways(&config));
            for url in &config.gateways {
                findings.push(gateway(url).await);
            }
        }
    }
    findings
}

fn cpu() -> Finding {
    let name = system::cpu_name().unwrap_or_else(|| std::env::consts::ARCH.into());
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let features: Vec<&str> = system::cpu_features()
        .into_iter()
        .filter_map(|(feature, present)| present.then_some(feature))
        .collect();
    let features = if features.is_empty() {
        "none known".into()
    } else {
        features.join(" ")
    };
    let found = format!("{name}, {cores} cores; integer features: {features}");
    Finding::new("cpu", Verdict::Ok, found)
}

fn memory() -> Finding {
    let Some(memory) = system::memory() else {
        return Finding::new("memory", Verdict::Note, "this system does not say")
            .next("set --memory to what a job may use");
    };
    let found = format!(
        "{} of {} free",
        human_bytes(memory.available),
        human_bytes(memory.total)
    );
    if memory.available < 1 << 30 {
        return Finding::new("memory", Verdict::Note, found)
            .next("with less than 1 GiB free only small models run: stop what else uses it");
    }
    Finding::new("memory", Verdict::Ok, found)
}

fn cuda_found() -> Vec<Finding> {
    let mut findings = match cuda::probe() {
        Probe::Present(devices) => devices
            .iter()
            .map(|device| {
                let found = format!(
                    "{}, {}, sm_{}{}",
                    device.name,
                    human_bytes(device.memory),
                    device.capability.0,
                    device.capability.1
                );
                Finding::new("cuda", Verdict::Ok, found)
            })
            .collect(),
        Probe::Absent(why) => vec![Finding::new("cuda", Verdict::Note, why.to_string())],
    };
    findings.push(match cuda::nvrtc() {
        Nvrtc::Present(major, minor) => {
            Finding::new("nvrtc", Verdict::Ok, format!("version {major}.{minor}"))
        }
        Nvrtc::Broken(why) => {
            let found = format!("found, but it does not work: {why}");
            Finding::new("nvrtc", Verdict::Note, found)
                .next("reinstall the CUDA toolkit's libnvrtc, if jobs are to run on a card")
        }
        Nvrtc::Absent => Finding::new(
            "nvrtc",
            Verdict::Note,
            "no CUDA compiler library (libnvrtc) found; the cpu backend needs none",
        ),
    });
    findings
}

fn settings(config: &Config) -> Finding {
    let retention = config.retention.map_or_else(
        || "for ever".into(),
        |time| format!("{} days", time.as_secs() / 86_400),
    );
    let found = format!(
        "{} a job, blobs to {}, {} jobs, kept {retention}, {}",
        human_bytes(config.limits.memory),
        human_bytes(config.limits.max_blob),
        config.limits.queue,
        if config.token.is_some() {
            "with a token"
        } else {
            "no token"
        },
    );
    if config.store_limits.max_total < config.limits.max_blob {
        let next = "raise --store-limit, or lower --max-blob: jobs whose blobs the store can't \
                    hold are refused";
        return Finding::new("settings", Verdict::Note, found).next(next);
    }
    Finding::new("settings", Verdict::Ok, found)
}

fn backend_found(config: &Config) -> Finding {
    match backend::choose(config.backend, config.threads, cuda::probe) {
        Ok((backend, why)) => {
            let found = match config.device_memory_of(&*backend) {
                Some(bytes) => format!("{why}, {} of its memory a job", human_bytes(bytes)),
                None => why,
            };
            Finding::new("backend", Verdict::Ok, found)
        }
        Err(error) => Finding::new("backend", Verdict::Bad, error.to_string())
            .next("use --backend cpu, or mend what the message says"),
    }
}

async fn store(config: &Config) -> Finding {
    let path = config.store.display().to_string();
    let found = if config.store.exists() {
        Store::open(config.store.clone(), config.store_limits)
            .await
            .map(|store| {
                let limit = human_bytes(config.store_limits.max_total);
                format!("{path}, {} of {limit} used", human_bytes(store.used()))
            })
            .map_err(|error| error.to_string())
    } else {
        // Nothing is made here; only whether it could be.
        let parent = config.store.ancestors().find(|path| path.is_dir());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        tempfile::tempfile_in(parent)
            .map(|_| format!("{path}, which `serve` will make"))
            .map_err(|error| format!("cannot write into {}: {error}", parent.display()))
    };
    match found {
        Ok(found) => Finding::new("store", Verdict::Ok, found),
        Err(why) => Finding::new("store", Verdict::Bad, format!("{path}: {why}"))
            .next("give the user that runs gpu-worker this folder, or give another --store"),
    }
}

async fn port(args: &ServeArgs, config: &Config) -> Vec<Finding> {
    let error = match TcpListener::bind(config.listen).await {
        Ok(_) => {
            let found = format!("{} is free", config.listen);
            return vec![Finding::new("port", Verdict::Ok, found)];
        }
        Err(error) => error,
    };
    let found = format!("{}: {error}", config.listen);
    let Some(listener) = who_listens(args).await else {
        return vec![Finding::new("port", Verdict::Bad, found)
            .next("stop what listens there, or give another --listen")];
    };
    let found = format!("{found}; there is {}", listener.who);
    let mut findings = vec![Finding::new("port", Verdict::Bad, found)
        .next("it runs already: `gpu-worker status` shows what it does")];
    findings.extend(listener.fault.map(|fault| {
        Finding::new(
            "daemon",
            Verdict::Bad,
            format!("runs with --fault {fault}: wrong results or none, on purpose"),
        )
        .next("stop it and start it without --fault, or the provider loses its collateral")
    }));
    findings
}

fn gateways(config: &Config) -> Finding {
    match config.gateways.len() {
        0 => Finding::new("gateways", Verdict::Note, "none").next(
            "give --gateway, or jobs run only when their input and weights are put into this \
             store by hand",
        ),
        n => Finding::new("gateways", Verdict::Ok, format!("{n} configured")),
    }
}

async fn gateway(url: &str) -> Finding {
    let asked = async {
        // Nobody has the blob of this name: what counts is an answer.
        Client::new(url, None)?.head(&[0; 32]).await
    };
    let why = match tokio::time::timeout(Duration::from_secs(10), asked).await {
        Ok(Ok(_)) => return Finding::new("gateway", Verdict::Ok, format!("{url} answers")),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("{url} did not answer within 10 s"),
    };
    Finding::new("gateway", Verdict::Note, why)
        .next("jobs wait for blobs that only this gateway has: mend or remove it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Choice;

    fn args(dir: &tempfile::TempDir) -> ServeArgs {
        ServeArgs {
            store: Some(dir.path().join("store")),
            listen: Some("127.0.0.1:0".parse().unwrap()),
            ..Default::default()
        }
    }

    fn found(findings: &[Finding], name: &str) -> Verdict {
        findings
            .iter()
            .find(|finding| finding.name == name)
            .unwrap()
            .verdict
    }

    #[tokio::test]
    async fn a_plain_machine_is_good_enough() {
        let dir = tempfile::tempdir().unwrap();
        let findings = examine(&args(&dir)).await;
        for name in [
            "cpu", "memory", "cuda", "nvrtc", "settings", "backend", "store", "port", "gateways",
        ] {
            assert_ne!(found(&findings, name), Verdict::Bad, "{name}");
        }
        assert!(!dir.path().join("store").exists());
    }

    #[tokio::test]
    async fn a_taken_port_an_unusable_store_and_a_missing_card_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        std::fs::write(dir.path().join("store"), "a file").unwrap();
        let findings = examine(&ServeArgs {
            listen: Some(taken.local_addr().unwrap()),
            backend: Some(Choice::Cuda),
            ..args(&dir)
        })
        .await;
        let text = verdict(&findings, false);
        for name in ["backend", "store", "port"] {
            assert_eq!(found(&findings, name), Verdict::Bad, "{name}");
            assert!(text.contains(&format!(". {name}: ")), "{text}");
        }
        assert!(!text.contains("gateways"), "{text}");
    }

    #[tokio::test]
    async fn a_fault_made_on_purpose_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let findings = examine(&ServeArgs {
            fault: Some(crate::fault::Fault::WrongElement(3)),
            ..args(&dir)
        })
        .await;
        assert_eq!(found(&findings, "fault"), Verdict::Bad);
        assert!(verdict(&findings, false).contains("remove --fault"));
    }

    #[tokio::test]
    async fn a_gateway_that_does_not_answer_is_a_note() {
        let dir = tempfile::tempdir().unwrap();
        let findings = examine(&ServeArgs {
            gateways: vec!["http://127.0.0.1:1".into()],
            ..args(&dir)
        })
        .await;
        assert_eq!(found(&findings, "gateway"), Verdict::Note);
    }
}
