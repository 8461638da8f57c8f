//! One `athanor-node`.

use crate::{ports, process::Process, rpc::Rpc, tools::Tools, workspace::Workspace};
use anyhow::{ensure, Context, Result};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a node may take until it answers.
const START: Duration = Duration::from_secs(120);

/// The chain a node follows.
#[derive(Clone, Debug)]
pub enum Chain {
    /// The one-validator development chain.
    Development,
    /// A specification exported before.
    Spec(PathBuf),
}

/// What a node is to be.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Its name.
    pub name: String,
    /// The development key it validates with: `alice`, `bob`, …; `None` if it follows only.
    pub key: Option<String>,
    /// Whether it begins with the latest finalised state instead of block 1.
    pub warp: bool,
    /// URL of the daemon that runs its jobs.
    pub daemon: Option<String>,
    /// More of its command line.
    pub more: Vec<String>,
}

impl NodePlan {
    /// A validator with the development key of this name.
    pub fn validator(name: &str) -> Self {
        Self {
            key: Some(name.into()),
            ..Self::full(name)
        }
    }

    /// A node that follows the chain only.
    pub fn full(name: &str) -> Self {
        Self {
            name: name.into(),
            key: None,
            warp: false,
            daemon: None,
            more: vec![],
        }
    }

    /// A node that follows the chain from its latest finalised state on.
    pub fn warping(name: &str) -> Self {
        Self {
            warp: true,
            ..Self::full(name)
        }
    }

    /// With more on its command line.
    pub fn with_args(self, args: &[&str]) -> Self {
        let more = args.iter().map(|arg| (*arg).into()).collect();
        Self { more, ..self }
    }

    /// With a daemon that runs its jobs.
    pub fn with_daemon(self, url: &str) -> Self {
        Self {
            daemon: Some(url.into()),
            ..self
        }
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    process: Process,
    rpc: Rpc,
    rpc_port: u16,
    p2p_port: u16,
    metrics_port: u16,
    program: PathBuf,
    args: Vec<String>,
}

impl Node {
    /// Starts a node and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it cannot be started, ends, or does not answer within two minutes.
    pub async fn start(
        tools: &Tools,
        workspace: &Workspace,
        chain: &Chain,
        plan: &NodePlan,
        boot: Option<&str>,
    ) -> Result<Self> {
        let (rpc_port, p2p_port) = (ports::free()?, ports::free()?);
        let metrics_port = ports::free()?;
        let base = workspace.data(&plan.name)?;
        let mut args: Vec<String> = match chain {
            Chain::Development => vec!["--dev".into()],
            Chain::Spec(path) => vec!["--chain".into(), path.display().to_string()],
        };
        args.extend(["--name".into(), plan.name.clone()]);
        if let (Some(key), Chain::Spec(_)) = (&plan.key, chain) {
            args.extend([format!("--{key}"), "--validator".into()]);
        }
        if plan.warp {
            args.extend(["--sync".into(), "warp".into()]);
        }
        args.extend(
            [
                ("--base-path", base.display().to_string()),
                ("--rpc-port", rpc_port.to_string()),
                ("--prometheus-port", metrics_port.to_string()),
                ("--listen-addr", format!("/ip4/127.0.0.1/tcp/{p2p_port}")),
                ("--rpc-methods", "unsafe".into()),
                ("--rpc-cors", "all".into()),
            ]
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_string(), value]),
        );
        if !plan.more.iter().any(|arg| arg == "--node-key-file") {
            args.extend(["--node-key".into(), node_key(&base)?]);
        }
        // Nodes are found by their boot address alone: two networks on one machine have the same
        // genesis, and would find and join each other.
        args.extend(["--no-telemetry".into(), "--no-mdns".into()]);
        if let Some(boot) = boot {
            args.extend(["--bootnodes".into(), boot.into()]);
        }
        if let Some(url) = &plan.daemon {
            args.extend(["--gpu-worker".into(), url.clone()]);
        }
        args.extend(plan.more.iter().cloned());
        let log = workspace.log(&plan.name);
        let process = Process::spawn(&plan.name, &tools.node, &args, &log)?;
        let rpc = Rpc::new(&format!("http://127.0.0.1:{rpc_port}"))?;
        let mut node = Self {
            process,
            rpc,
            rpc_port,
            p2p_port,
            metrics_port,
            program: tools.node.clone(),
            args,
        };
        node.wait_until_ready().await?;
        Ok(node)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.process.name()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its JSON-RPC over HTTP.
    pub fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// Where its metrics are.
    pub fn metrics(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.metrics_port)
    }

    /// Its WebSocket address, for clients.
    pub fn ws(&self) -> String {
        format!("ws://127.0.0.1:{}", self.rpc_port)
    }

    /// The address other nodes find it at.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn boot_address(&self) -> Result<String> {
        let peer: String = self.rpc.call("system_localPeerId", json!([])).await?;
        Ok(format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", self.p2p_port))
    }

    /// Checks that it still runs.
    ///
    /// # Errors
    ///
    /// If it has ended; the message has the end of its log.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.process.ensure_running()
    }

    /// Whether it has written this to its log.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    pub fn has_logged(&self, text: &str) -> Result<bool> {
        let path = self.process.log();
        let log = std::fs::read(path)
            .with_context(|| format!("cannot read the log {}", path.display()))?;
        Ok(String::from_utf8_lossy(&log).contains(text))
    }

    /// Kills it as a crash would.
    ///
    /// # Errors
    ///
    /// If it cannot be signalled or collected.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same ports and data after it was killed.
    ///
    /// # Errors
    ///
    /// As [`Node::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.process.kill()?;
        let name = self.process.name().to_string();
        let log = self.process.log().to_path_buf();
        self.process = Process::spawn(&name, &self.program, &self.args, &log)?;
        self.wait_until_ready().await
    }

    pub(crate) fn request_stop(&mut self) {
        self.process.request_stop();
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let rpc = &self.rpc;
        self.process
            .wait_until_ready(START, || async { rpc.best_block().await.map(|_| ()) })
            .await
    }
}

/// A peer key of a node's own, also among the networks of one machine. It stays the same when the
/// node is restarted, and protects nothing.
fn node_key(base: &Path) -> Result<String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let text = format!(
        "{} {} {}",
        base.display(),
        std::process::id(),
        now.as_nanos()
    );
    Ok(hex::encode(athanor_content_tree::root(text.as_bytes())))
}

/// Writes the raw specification of a preset.
///
/// # Errors
///
/// If the node refuses.
pub fn export_spec(tools: &Tools, preset: &str, path: &Path) -> Result<()> {
    let output = Command::new(&tools.node)
        .args(["export-chain-spec", "--chain", preset, "--raw", "--output"])
        .arg(path)
        .output()
        .with_context(|| format!("cannot start {}", tools.node.display()))?;
    ensure!(
        output.status.success() && path.is_file(),
        "cannot export the specification of `{preset}`: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
