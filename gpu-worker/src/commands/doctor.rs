//! `gpu-worker doctor`: what this machine has, and whether `serve` would start.

use super::{pairs, Format};
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
    /// What was found, and what to do about it.
    pub found: String,
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
            println!(
                "{}",
                if good {
                    "gpu-worker serve can run here."
                } else {
                    "gpu-worker serve can't run."
                }
            );
        }
    }
    Ok(good)
}

/// Looks at everything.
pub async fn examine(args: &ServeArgs) -> Vec<Finding> {
    let mut findings = vec![cpu(), memory()];
    findings.extend(cuda_found());
    match args.settle() {
        Err(error) => {
            findings.push(Finding {
                name: "settings",
                verdict: Verdict::Bad,
                found: error.to_string(),
            });
        }
        Ok(config) => {
            findings.push(settings(&config));
            findings.push(backend_found(&config));
            findings.push(store(&config).await);
            findings.push(port(&config).await);
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
    Finding {
        name: "cpu",
        verdict: Verdict::Ok,
        found: format!("{name}, {cores} cores; integer features: {features}"),
    }
}

fn memory() -> Finding {
    match system::memory() {
        Some(memory) => Finding {
            name: "memory",
            verdict: if memory.available < 1 << 30 {
                Verdict::Note
            } else {
                Verdict::Ok
            },
            found: format!(
                "{} of {} free",
                human_bytes(memory.available),
                human_bytes(memory.total)
            ),
        },
        None => Finding {
            name: "memory",
            verdict: Verdict::Note,
            found: "this system does not say; set --memory".into(),
        },
    }
}

fn cuda_found() -> Vec<Finding> {
    let driver = match cuda::probe() {
        Probe::Present(devices) => devices
            .iter()
            .map(|device| Finding {
                name: "cuda",
                verdict: Verdict::Note,
                found: format!(
                    "{}, {}, sm_{}{}; this version has no CUDA kernels yet",
                    device.name,
                    human_bytes(device.memory),
                    device.capability.0,
                    device.capability.1
                ),
            })
            .collect(),
        Probe::Absent(why) => {
            vec![Finding {
                name: "cuda",
                verdict: Verdict::Note,
                found: why.to_string(),
            }]
        }
    };
    let nvrtc = Finding {
        name: "nvrtc",
        verdict: Verdict::Note,
        found: match cuda::nvrtc() {
            Nvrtc::Present(major, minor) => format!("version {major}.{minor}"),
            Nvrtc::Broken(why) => format!("found, but it does not work: {why}"),
            Nvrtc::Absent => {
                "no CUDA compiler library (libnvrtc) found; the cpu backend needs none".into()
            }
        },
    };
    driver.into_iter().chain([nvrtc]).collect()
}

fn settings(config: &Config) -> Finding {
    let retention = config.retention.map_or_else(
        || "for ever".into(),
        |time| format!("{} days", time.as_secs() / 86_400),
    );
    Finding {
        name: "settings",
        verdict: Verdict::Ok,
        found: format!(
            "{} a job, blobs to {}, {} jobs, kept {retention}, {}",
            human_bytes(config.limits.memory),
            human_bytes(config.limits.max_blob),
            config.limits.queue,
            if config.token.is_some() {
                "with a token"
            } else {
                "no token"
            },
        ),
    }
}

fn backend_found(config: &Config) -> Finding {
    match backend::choose(config.backend, config.threads, cuda::probe) {
        Ok((_, why)) => Finding {
            name: "backend",
            verdict: Verdict::Ok,
            found: why,
        },
        Err(error) => Finding {
            name: "backend",
            verdict: Verdict::Bad,
            found: error.to_string(),
        },
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
        Ok(found) => Finding {
            name: "store",
            verdict: Verdict::Ok,
            found,
        },
        Err(why) => Finding {
            name: "store",
            verdict: Verdict::Bad,
            found: format!("{path}: {why}; give another --store"),
        },
    }
}

async fn port(config: &Config) -> Finding {
    let (verdict, found) = match TcpListener::bind(config.listen).await {
        Ok(_) => (Verdict::Ok, format!("{} is free", config.listen)),
        Err(error) => (
            Verdict::Bad,
            format!(
                "{}: {error}; is a gpu-worker running already?",
                config.listen
            ),
        ),
    };
    Finding {
        name: "port",
        verdict,
        found,
    }
}

async fn gateway(url: &str) -> Finding {
    let asked = async {
        // Nobody has the blob of this name: what counts is an answer.
        Client::new(url, None)?.head(&[0; 32]).await
    };
    let (verdict, found) = match tokio::time::timeout(Duration::from_secs(10), asked).await {
        Ok(Ok(_)) => (Verdict::Ok, format!("{url} answers")),
        Ok(Err(error)) => (Verdict::Note, error.to_string()),
        Err(_) => (Verdict::Note, format!("{url} did not answer within 10 s")),
    };
    Finding {
        name: "gateway",
        verdict,
        found,
    }
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

    fn verdict(findings: &[Finding], name: &str) -> Verdict {
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
            "cpu", "memory", "cuda", "nvrtc", "settings", "backend", "store", "port",
        ] {
            assert_ne!(verdict(&findings, name), Verdict::Bad, "{name}");
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
        for name in ["backend", "store", "port"] {
            assert_eq!(verdict(&findings, name), Verdict::Bad, "{name}");
        }
    }

    #[tokio::test]
    async fn a_gateway_that_does_not_answer_is_a_note() {
        let dir = tempfile::tempdir().unwrap();
        let findings = examine(&ServeArgs {
            gateways: vec!["http://127.0.0.1:1".into()],
            ..args(&dir)
        })
        .await;
        assert_eq!(verdict(&findings, "gateway"), Verdict::Note);
    }
}
