//! Two halves on either side of a bridge, which lets through nothing between them while they are
//! cut. This program sits on the bridge itself, and always reaches both.

use super::{
    block_hash, no_offence, same_chain,
    sandbox::{run, WANTED},
    Outcome, Stage, PATIENCE,
};
use crate::{
    chain,
    network::{Network, LOCAL_VALIDATORS},
    node::{NodePlan, Place},
    process::Process,
    rpc::wait_for,
};
use anyhow::{ensure, Context, Result};
use std::path::Path;

/// Name of the bridge.
const BRIDGE: &str = "athanor";
/// Blocks that each half makes alone, beyond those in which finality may still settle.
const ALONE: u64 = 4;
/// Blocks in which rounds of finality that were under way may still end.
const SETTLE: u64 = 1;

/// A namespace with an interface on the bridge; gone when dropped.
struct Half {
    port: String,
    host: String,
    holder: Process,
}

impl Half {
    fn new(stage: &Stage<'_>, number: usize) -> Result<Self> {
        let (name, host) = (format!("half{number}"), format!("10.77.0.{number}"));
        // A namespace lives as long as a process in it.
        let holder = Process::spawn(
            &name,
            Path::new("unshare"),
            ["--net", "sleep", "infinity"],
            &stage.workspace.log(&name),
        )?;
        let half = Self {
            port: name,
            host,
            holder,
        };
        half.wait_for_namespace()?;
        let pid = half.holder.pid().to_string();
        let address = format!("{}/24", half.host);
        let port = half.port.as_str();
        for args in [
            &[
                "link", "add", port, "type", "veth", "peer", "name", "net0", "netns", &pid,
            ][..],
            &["link", "set", port, "master", BRIDGE, "up"],
        ] {
            run("ip", args)?;
        }
        for args in [
            &["addr", "add", &address, "dev", "net0"][..],
            &["link", "set", "net0", "up"],
            &["link", "set", "lo", "up"],
        ] {
            run(
                "nsenter",
                &[&["--target", &pid, "--net", "ip"][..], args].concat(),
            )?;
        }
        Ok(half)
    }

    /// The process is there before its namespace.
    fn wait_for_namespace(&self) -> Result<()> {
        let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net"));
        let own = of("self").context("no namespaces in /proc")?;
        let pid = self.holder.pid().to_string();
        for _ in 0..100 {
            if of(&pid).is_ok_and(|link| link != own) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        anyhow::bail!("there is no new namespace after two seconds")
    }

    fn place(&self) -> Place {
        let pid = self.holder.pid().to_string();
        Place {
            host: self.host.clone(),
            through: ["nsenter", "--target", &pid, "--net", "--"]
                .map(String::from)
                .into(),
            env: vec![],
        }
    }

    /// An isolated port of a bridge exchanges frames with the bridge, and none with other isolated
    /// ports.
    fn isolate(&self, isolated: bool) -> Result<()> {
        let to = if isolated { "on" } else { "off" };
        let args = [
            "link",
            "set",
            &self.port,
            "type",
            "bridge_slave",
            "isolated",
            to,
        ];
        run("ip", &args).map(drop)
    }
}

/// The bridge; gone when dropped.
struct Bridge;

impl Bridge {
    fn new() -> Result<Self> {
        run("ip", &["link", "add", BRIDGE, "type", "bridge"])?;
        let bridge = Self;
        run("ip", &["addr", "add", "10.77.0.254/24", "dev", BRIDGE])?;
        run("ip", &["link", "set", BRIDGE, "up"])?;
        Ok(bridge)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Err(error) = run("ip", &["link", "delete", BRIDGE]) {
            tracing::warn!(%error, "the bridge stays until the sandbox ends");
        }
    }
}

pub(super) async fn play(stage: &Stage<'_>) -> Result<Outcome> {
    let bridge = match Bridge::new() {
        Ok(bridge) => bridge,
        Err(error) => return Ok(Outcome::NotTried(format!("{error:#}; {WANTED}"))),
    };
    let halves = [Half::new(stage, 1)?, Half::new(stage, 2)?];

    let step = stage.progress.step("start two validators in each half");
    let mut network = Network::on_preset(stage.tools, stage.workspace, "local", &[]).await?;
    for (number, name) in LOCAL_VALIDATORS.iter().enumerate() {
        let half = halves.get(number / 2).context("a third half")?;
        let plan = NodePlan::validator(name).at(half.place());
        network.add_node(stage.tools, stage.workspace, plan).await?;
    }
    wait_for_all_peers(&network).await?;
    network.wait_for_finality(&[], 3, PATIENCE).await?;
    step.done("they finalise across the bridge");

    let step = stage.progress.step("cut the network in two");
    for half in &halves {
        half.isolate(true)?;
    }
    let (one, other) = (network.node("alice")?.rpc(), network.node("charlie")?.rpc());
    let cut = [one.best_block().await?, other.best_block().await?];
    let grown = |by: u64| async move {
        let now = [one.best_block().await?, other.best_block().await?];
        anyhow::Ok(now.iter().zip(cut).all(|(now, cut)| *now >= cut + by))
    };
    wait_for("the first blocks of both halves", PATIENCE, || async {
        Ok(grown(SETTLE).await?.then_some(()))
    })
    .await?;
    let mut stopped = 0;
    for node in network.nodes() {
        stopped = stopped.max(node.rpc().finalized_block().await?);
    }
    wait_for("blocks of both halves", PATIENCE, || async {
        Ok(grown(SETTLE + ALONE).await?.then_some(()))
    })
    .await?;
    for node in network.nodes() {
        let finalized = node.rpc().finalized_block().await?;
        ensure!(
            finalized <= stopped,
            "{} finalised block {finalized} in its half, after block {stopped}",
            node.name()
        );
    }
    let height = one.best_block().await?.min(other.best_block().await?);
    let (left, right) = (
        block_hash(one, height).await?.context("no such block")?,
        block_hash(other, height).await?.context("no such block")?,
    );
    ensure!(
        left != right,
        "both halves have the same block {height}: they are not cut"
    );
    step.done(format!(
        "block {height} is another one in each half, finality stays at {stopped}"
    ));

    let step = stage.progress.step("heal it");
    for half in &halves {
        half.isolate(false)?;
    }
    network.wait_for_finality(&[], height + 3, PATIENCE).await?;
    let same = same_chain(&network).await?;
    let chosen = block_hash(one, height).await?;
    ensure!(
        block_hash(other, height).await? == chosen,
        "the halves still have different blocks {height}"
    );
    step.done(format!("all four finalised block {same}"));

    let step = stage.progress.step("check that nobody offended");
    let target = one.finalized_block().await? + 2;
    network.wait_for_finality(&[], target, PATIENCE).await?;
    no_offence(&network).await?;
    network.ensure_running()?;
    chain::audit(&network.first()?.ws()).await?;
    step.done("no equivocation, no report, nobody disabled");
    // In this order: the nodes, what holds their namespaces, the bridge.
    drop(network);
    drop(halves);
    drop(bridge);
    Ok(Outcome::Passed)
}

/// A cut leaves each half connected only if its two nodes knew each other before.
async fn wait_for_all_peers(network: &Network) -> Result<()> {
    for node in network.nodes() {
        let what = format!("connections of {} to all others", node.name());
        wait_for(&what, PATIENCE, || async {
            Ok((node.rpc().peers().await? >= 3).then_some(()))
        })
        .await?;
    }
    Ok(())
}
