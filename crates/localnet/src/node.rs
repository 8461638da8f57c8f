//! One `athanor-node`.

use crate::{ports, process::Process, rpc::Rpc, tools::Tools, workspace::Workspace};
use anyhow::{ensure, Context, Result};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a node may take until it answers.
const START: Duration = Duration::from_secs(120);

/// Where nodes listen unless told otherwise.
const LOOPBACK: &str = "127.0.0.1";

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
    /// Where it runs.
    pub place: Place,
}

/// Where and how a node runs.
#[derive(Clone, Debug)]
pub struct Place {
    /// The address it listens at.
    pub host: String,
    /// A program and its arguments that start the node, whose command line follows them.
    pub through: Vec<String>,
    /// More of its environment.
    pub env: Vec<(String, String)>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            host: LOOPBACK.into(),
            through: vec![],
            env: vec![],
        }
    }
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
            place: Place::default(),
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

    /// In another place.
    pub fn at(self, place: Place) -> Self {
        Self { place, ..self }
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
    host: String,
    env: Vec<(String, String)>,
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
        let Place { host, through, env } = plan.place.clone();
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
                ("--listen-addr", format!("/ip4/{host}/tcp/{p2p_port}")),
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
        if host != LOOPBACK {
            args.extend([
                "--unsafe-rpc-external".into(),
                "--prometheus-external".into(),
            ]);
        }
        args.extend(plan.more.iter().cloned());
        let program = match through.split_first() {
            None => tools.node.clone(),
            Some((first, rest)) => {
                let node = tools.node.display().to_string();
                args = rest.iter().cloned().chain([node]).chain(args).collect();
                first.into()
            }
        };
        let log = workspace.log(&plan.name);
        let set_up = |command: &mut Command| set_env(command, &env);
        let process = Process::spawn_with(&plan.name, &program, &args, &log, set_up)?;
        let rpc = Rpc::new(&format!("http://{host}:{rpc_port}"))?;
        let mut node = Self {
            process,
            rpc,
            rpc_port,
            p2p_port,
            metrics_port,
            program,
            args,
            host,
            env,
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
        format!("http://{}:{}/metrics", self.host, self.metrics_port)
    }

    /// Its WebSocket address, for clients.
    pub fn ws(&self) -> String {
        format!("ws://{}:{}", self.host, self.rpc_port)
    }

    /// The address other nodes find it at.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn boot_address(&self) -> Result<String> {
        let peer: String = self.rpc.call("system_localPeerId", json!([])).await?;
        let Self { host, p2p_port, .. } = self;
        Ok(format!("/ip4/{host}/tcp/{p2p_port}/p2p/{peer}"))
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
        Ok(self.logged()?.contains(text))
    }

    /// All it has written to its log, before it was restarted too.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    pub fn logged(&self) -> Result<String> {
        self.process.logged()
    }

    /// Kills it as a crash would.
    ///
    /// # Errors
    ///
    /// If it cannot be signalled or collected.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Asks it to end, and kills it if it does not within ten seconds.
    ///
    /// # Errors
    ///
    /// If it cannot be signalled or collected.
    pub fn stop(&mut self) -> Result<()> {
        self.process.stop()
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Changes what its environment has more, from its next start on.
    pub fn set_env(&mut self, env: Vec<(String, String)>) {
        self.env = env;
    }

    /// Starts it again on the same ports and data after it was killed.
    ///
    /// # Errors
    ///
    /// As [`Node::start`].
    pub async fn restart(&mut self) -> Result<()> {
        let set_up = |command: &mut Command| set_env(command, &self.env);
        self.process.restart(&self.program, &self.args, set_up)?;
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

fn set_env(command: &mut Command, env: &[(String, String)]) {
    for (key, value) in env {
        command.env(key, value);
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
