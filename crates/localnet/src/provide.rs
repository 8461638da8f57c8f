//! `gpu-worker provide`: a provider without a node of its own.

use crate::{daemon::Fault, ports, process::Process, tools::Tools, workspace::Workspace};
use anyhow::{Context, Result};
use std::{
    fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt, path::PathBuf, time::Duration,
};

/// How long it may take until it serves its metrics.
const START: Duration = Duration::from_secs(60);

/// What runs the jobs of a provider without a node.
#[derive(Clone, Copy, Debug)]
pub enum Runner<'a> {
    /// The daemon at this URL.
    Daemon(&'a str),
    /// The process itself, with this content store to look blobs up in, honestly or not.
    Own {
        /// URL of the content store.
        gateway: &'a str,
        /// How it lies, if it does.
        fault: Option<Fault>,
    },
}

/// A running provider without a node.
#[derive(Debug)]
pub struct Provide {
    process: Process,
    program: PathBuf,
    args: Vec<String>,
    url: String,
    metrics: String,
}

impl Provide {
    /// Starts a provider that follows the first of `nodes` that answers, and signs with the key of
    /// the secret `suri`. Waits until it serves its metrics.
    ///
    /// # Errors
    ///
    /// If it cannot be started, ends, or does not answer within a minute.
    pub async fn start(
        tools: &Tools,
        workspace: &Workspace,
        name: &str,
        nodes: &[String],
        suri: &str,
        runner: Runner<'_>,
    ) -> Result<Self> {
        let folder = workspace.data(name)?;
        let key = folder.join("key");
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&key)
            .context("cannot write a key file")?;
        writeln!(file, "{suri}").context("cannot write a key file")?;
        let path = |path: PathBuf| path.display().to_string();
        let metrics = format!("127.0.0.1:{}", ports::free()?);
        let mut args: Vec<String> = vec!["provide".into()];
        for node in nodes {
            args.extend(["--node".into(), node.clone()]);
        }
        args.extend(["--key".into(), path(key)]);
        args.extend(["--data".into(), path(folder.join("records"))]);
        args.extend(["--metrics".into(), metrics.clone()]);
        let url = match runner {
            Runner::Daemon(url) => {
                args.extend(["--daemon", url].map(String::from));
                url.to_string()
            }
            Runner::Own { gateway, fault } => {
                let listen = format!("127.0.0.1:{}", ports::free()?);
                let url = format!("http://{listen}");
                args.extend(["--backend".into(), "cpu".into(), "--listen".into(), listen]);
                args.extend(["--store".into(), path(folder.join("store"))]);
                args.extend(["--gateway", gateway].map(String::from));
                if let Some(fault) = fault {
                    args.extend(["--fault".into(), fault.flag()]);
                }
                url
            }
        };
        let process = Process::spawn(name, &tools.worker, &args, &workspace.log(name))?;
        let mut provide = Self {
            process,
            program: tools.worker.clone(),
            args,
            url,
            metrics: format!("http://{metrics}/metrics"),
        };
        provide.wait_until_ready().await?;
        Ok(provide)
    }

    /// Kills it as a crash would, and starts it again with the same records.
    ///
    /// # Errors
    ///
    /// As [`Provide::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.process.restart(&self.program, &self.args, |_| {})?;
        self.wait_until_ready().await
    }

    /// Address of the daemon that runs its jobs.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Checks that it still runs.
    ///
    /// # Errors
    ///
    /// If it has ended; the message has the end of its log.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.process.ensure_running()
    }

    /// How often it has written this to its log, before it was restarted too.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    pub fn logged(&self, text: &str) -> Result<usize> {
        Ok(self.process.logged()?.matches(text).count())
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()
            .context("cannot set up an HTTP client")?;
        let metrics = &self.metrics;
        self.process
            .wait_until_ready(START, || {
                let request = http.get(metrics).send();
                async {
                    request
                        .await?
                        .error_for_status()
                        .map(|_| ())
                        .map_err(Into::into)
                }
            })
            .await
    }
}
