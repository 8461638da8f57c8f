//! One `gpu-worker` daemon.

use crate::{ports, process::Process, tools::Tools, workspace::Workspace};
use anyhow::{Context, Result};
use std::{path::PathBuf, time::Duration};

/// How long a daemon may take until it answers.
const START: Duration = Duration::from_secs(60);

/// In place of a node's number: no program has so many nodes, so it is the last of each.
pub const LAST_NODE: u16 = 1_023;

/// A way in which a daemon lies, for tests and the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The last byte of the last node's output is flipped.
    WrongOutput,
    /// One element of this node's output is wrong; demands for it are answered.
    WrongElement(u16),
    /// The same, and no demand is answered.
    HiddenElement(u16),
    /// The root of this node's output is that of nothing: demands for it cannot be answered.
    WrongRoot(u16),
}

impl Fault {
    /// Its name on the daemon's command line.
    pub(crate) fn flag(self) -> String {
        match self {
            Fault::WrongOutput => "wrong-output".into(),
            Fault::WrongElement(node) => format!("wrong-element={node}"),
            Fault::HiddenElement(node) => format!("hidden-element={node}"),
            Fault::WrongRoot(node) => format!("wrong-root={node}"),
        }
    }
}

/// A running daemon: it runs jobs and serves a content store.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    url: String,
    program: PathBuf,
    args: Vec<String>,
    fault: Option<Fault>,
}

impl Daemon {
    /// Starts a daemon on the CPU backend and waits until it answers. What its own store lacks it
    /// looks up in the content stores at `gateways`.
    ///
    /// # Errors
    ///
    /// If it cannot be started, ends, or does not answer within a minute.
    pub async fn start(
        tools: &Tools,
        workspace: &Workspace,
        name: &str,
        gateways: &[String],
        fault: Option<Fault>,
    ) -> Result<Self> {
        let port = ports::free()?;
        let listen = format!("127.0.0.1:{port}");
        let store = workspace.data(name)?.display().to_string();
        let mut args = vec![
            "serve",
            "--backend",
            "cpu",
            "--store",
            &store,
            "--listen",
            &listen,
        ];
        for gateway in gateways {
            args.extend(["--gateway", gateway]);
        }
        let args: Vec<String> = args.into_iter().map(String::from).collect();
        let all = with_fault(&args, fault);
        let process = Process::spawn(name, &tools.worker, &all, &workspace.log(name))?;
        let mut daemon = Self {
            process,
            url: format!("http://{listen}"),
            program: tools.worker.clone(),
            args,
            fault,
        };
        daemon.wait_until_ready().await?;
        Ok(daemon)
    }

    /// Kills it as a crash would, and starts it again on the same port and data.
    ///
    /// # Errors
    ///
    /// As [`Daemon::start`].
    pub async fn restart(&mut self) -> Result<()> {
        let args = with_fault(&self.args, self.fault);
        self.process.restart(&self.program, args, |_| {})?;
        self.wait_until_ready().await
    }

    /// Kills it as a crash would.
    ///
    /// # Errors
    ///
    /// If it cannot be signalled or collected.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// How it lies from its next start on.
    pub fn set_fault(&mut self, fault: Option<Fault>) {
        self.fault = fault;
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let health = format!("{}/healthz", self.url);
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()
            .context("cannot set up an HTTP client")?;
        self.process
            .wait_until_ready(START, || {
                let request = http.get(&health).send();
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

    /// Its address: JSON-RPC and content store.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.process.name()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Checks that it still runs.
    ///
    /// # Errors
    ///
    /// If it has ended; the message has the end of its log.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.process.ensure_running()
    }

    pub(crate) fn request_stop(&mut self) {
        self.process.request_stop();
    }
}

fn with_fault(args: &[String], fault: Option<Fault>) -> Vec<String> {
    let mut args = args.to_vec();
    if let Some(fault) = fault {
        args.extend(["--fault".into(), fault.flag()]);
    }
    args
}
