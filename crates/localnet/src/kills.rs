//! Nodes and daemons killed at every step of a job.
//!
//! Two providers share a job whose commitments and reveals must agree. The first one's validator
//! keeps the chain going; the second one's node, or its daemon, is killed each time the job or its
//! own replica comes to another step, and started again. The job must settle with both paid, and the
//! chain's money add up.

use crate::{
    athanor::{aur, Athanor},
    chain::{self, Replica},
    digits::Digits,
    network::{DaemonPlan, Network},
    node::NodePlan,
    progress::Progress,
    rpc::wait_for,
    story::{publish, Job, Order, Outcome, Policy, Provider},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use serde_json::json;
use std::time::Duration;

/// Digits in the job.
const BATCH: u32 = 64;
/// The provider's bond.
const BOND: u128 = 1_000_000_000_000_000;
/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long the job may take after the last kill.
const JOB_SECONDS: u64 = 1_200;
/// Secret of the worker key whose node and daemon are killed.
const WORKER: &str = "//Worker";

/// Declared so slow that no deadline passes while a node starts again: about four blocks for the
/// run and fifty for the blobs.
const SLOW: [&str; 4] = ["--macs-time", "25000000000", "--bandwidth", "100"];

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Victim {
    /// The node.
    Node,
    /// The daemon.
    Daemon,
    /// Both at a time.
    Both,
}

/// A step of a job's life, as far as one replica sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Created, nobody drawn.
    Open,
    /// Drawn, not accepted.
    Assigned,
    /// Accepted, others may not have.
    Accepted,
    /// Everybody accepted; not committed.
    Running,
    /// Committed, others may not have.
    Committed,
    /// Everybody committed.
    Sealed,
    /// Reveals are open; not revealed.
    Revealing,
    /// Revealed, others may not have.
    Revealed,
    /// The window.
    Claimed,
    /// The end.
    Ended,
}

/// The steps every replica is seen at. The others pass unseen by whoever takes them last.
const ALWAYS: [Point; 7] = [
    Point::Open,
    Point::Assigned,
    Point::Running,
    Point::Sealed,
    Point::Revealing,
    Point::Claimed,
    Point::Ended,
];

/// Where a job is, for the replica of one worker key; a job that is gone has ended.
fn point(job: Option<&chain::JobState>, worker: &[u8; 32]) -> Point {
    let Some(job) = job else { return Point::Ended };
    let own: Option<&Replica> = job.replicas.iter().find(|r| r.worker == *worker);
    match (job.status.as_str(), own) {
        ("Open", _) => Point::Open,
        ("Assigned", Some(own)) if own.accepted => Point::Accepted,
        ("Assigned", _) => Point::Assigned,
        ("Running", Some(own)) if own.committed => Point::Committed,
        ("Running", _) => Point::Running,
        ("Sealed", _) => Point::Sealed,
        ("Revealing", Some(own)) if own.revealed => Point::Revealed,
        ("Revealing", _) => Point::Revealing,
        ("Claimed", _) => Point::Claimed,
        _ => Point::Ended,
    }
}

/// Kills each of `victims` at every step of a job of its own.
///
/// # Errors
///
/// If a job does not settle, somebody is not paid, or the money does not add up.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    victims: &[Victim],
    progress: Progress,
) -> Result<()> {
    let digits = Digits::find()?;
    let step = progress.step("start two nodes with a gpu-worker each");
    let daemons = [DaemonPlan::honest("alice"), DaemonPlan::honest("bob")];
    let mut network = Network::on_preset(tools, workspace, "development", &daemons).await?;
    for plan in [NodePlan::validator("alice"), NodePlan::full("bob")] {
        network.add_node(tools, workspace, plan).await?;
    }
    network.wait_for_finality(&[], 1, PATIENCE).await?;
    let ws = network.first()?.ws();
    step.done(&ws);

    let step = progress.step("register two providers and the digits model");
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let worker = cli.public_key(WORKER).await?;
    let key = json!(["gpuw", WORKER, format!("0x{}", hex::encode(worker))]);
    let () = network
        .node_mut("bob")?
        .rpc()
        .call("author_insertKey", key)
        .await?;
    let mut owners = Vec::new();
    for (owner, worker, node) in [
        ("//ProviderAlice", "//Alice", "alice"),
        ("//ProviderBob", WORKER, "bob"),
    ] {
        let provider = Provider {
            owner,
            worker,
            endpoint: network.daemon(node)?.url(),
            bond: BOND,
            funder: "//Alice//stash",
            offer: &SLOW,
        };
        owners.push(provider.register(&cli).await?);
    }
    cli.transfer("//Alice//stash", &cli.address(WORKER).await?, "10 AUR")
        .await?;
    let store = network.daemon("alice")?.url().to_string();
    let model = publish(&cli, &digits, &store, "//Dave").await?.id;
    let input = workspace.data("input")?.join("digits.bin");
    std::fs::write(&input, digits.input(BATCH)?)
        .with_context(|| format!("cannot write {}", input.display()))?;
    let input_root = cli.put(&input, &store).await?;
    step.done("");

    let mut kills = 0;
    for victim in victims {
        let step = progress.step(format!("kill the {} at every step", name(*victim)));
        let order = Order {
            model,
            input_root: &input_root,
            batch: BATCH,
            policy: Policy::Replicated {
                replicas: 2,
                quorum: 2,
            },
            window: chain::job_constant(&ws, "MinWindow").await?,
            max_pay: "1 AUR",
            requester: "//Eve",
        };
        let job = order.create(&cli).await?;
        let killed = torment(&mut network, &ws, &job, &worker, *victim, |point| {
            step.note(format!("killed at {point:?}"));
        })
        .await?;
        kills += killed.len();
        ensure!(
            ALWAYS.iter().all(|point| killed.contains(point)),
            "some steps were too short to be seen; killed at {killed:?} only"
        );
        let outcome = Outcome::watch(&cli, &job, JOB_SECONDS, &step).await?;
        outcome.ensure_settled()?;
        for owner in &owners {
            ensure!(
                outcome.paid_to(owner) > 0,
                "{owner} was not paid: {outcome:?}"
            );
        }
        ensure!(
            outcome.struck.is_empty(),
            "somebody was struck: {outcome:?}"
        );
        network.ensure_running()?;
        step.done(format!("settled, {} paid", aur(outcome.total_paid())));
    }
    println!("killed {kills} times, every job settled");
    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    Ok(())
}

fn name(victim: Victim) -> &'static str {
    match victim {
        Victim::Node => "node",
        Victim::Daemon => "daemon",
        Victim::Both => "node and the daemon",
    }
}

/// Kills the victim each time the job comes to another step, until it has ended. Gives the steps at
/// which that happened.
async fn torment(
    network: &mut Network,
    ws: &str,
    job: &Job,
    worker: &[u8; 32],
    victim: Victim,
    mut note: impl FnMut(Point),
) -> Result<Vec<Point>> {
    let mut killed: Vec<Point> = Vec::new();
    loop {
        let last = killed.last().copied();
        let now = wait_for("the job's next step", PATIENCE, || async {
            let state = chain::job(ws, job.id).await?;
            let now = point(state.as_ref(), worker);
            Ok((last.is_none_or(|last| now > last)).then_some(now))
        })
        .await?;
        if victim != Victim::Node {
            network.daemon_mut("bob")?.restart().await?;
        }
        if victim != Victim::Daemon {
            network.node_mut("bob")?.restart().await?;
        }
        killed.push(now);
        note(now);
        if now == Point::Ended {
            return Ok(killed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::JobState;

    fn state(status: &str, accepted: bool, committed: bool, revealed: bool) -> JobState {
        JobState {
            status: status.into(),
            replicas: vec![Replica {
                worker: [1; 32],
                accepted,
                committed,
                revealed,
            }],
        }
    }

    #[test]
    fn a_replicas_steps_follow_each_other() {
        let life = [
            state("Open", false, false, false),
            state("Assigned", false, false, false),
            state("Assigned", true, false, false),
            state("Running", true, false, false),
            state("Running", true, true, false),
            state("Sealed", true, true, false),
            state("Revealing", true, true, false),
            state("Revealing", true, true, true),
            state("Claimed", true, true, true),
        ];
        let mut seen: Vec<_> = life.iter().map(|job| point(Some(job), &[1; 32])).collect();
        seen.push(point(None, &[1; 32]));
        assert!(seen.is_sorted());
        seen.dedup();
        assert_eq!(seen.len(), 10);
    }

    #[test]
    fn others_steps_are_not_the_replicas() {
        let job = state("Assigned", true, false, false);
        assert_eq!(point(Some(&job), &[2; 32]), Point::Assigned);
    }
}
