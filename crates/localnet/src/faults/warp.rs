//! A node that lost its database takes the proof of finality and the state, and no block before.

use super::{block_hash, no_offence, same_chain, Outcome, Stage, PATIENCE};
use crate::{
    chain,
    network::Network,
    node::{Node, NodePlan},
    rpc::{wait_for, Rpc},
};
use anyhow::{bail, ensure, Context, Result};
use serde_json::{json, Value};
use std::time::Duration;

/// Changes of the set of authorities that the proof leads through.
const CHANGES: u64 = 3;
/// Sessions last a minute in `fast-runtime` builds.
const SESSIONS: Duration = Duration::from_secs(540);
/// The SDK's client (sc-service 0.58) refuses the state of a block whose parent came with the proof,
/// the first of a session; the next attempt finds another block.
const ATTEMPTS: u32 = 3;
/// A block whose state no node has that did not execute it.
const EARLY: u64 = 2;

pub(super) async fn play(stage: &Stage<'_>) -> Result<Outcome> {
    let mut network = stage.network(&["eve"]).await?;
    let account = stage.give(network.first()?, "//Before the fault").await?;

    let step = stage
        .progress
        .step(format!("wait for {CHANGES} changes of authorities"));
    let alice = network.first()?.rpc().clone();
    wait_for("changes of authorities", SESSIONS, || async {
        Ok((authority_set(&alice).await? >= CHANGES).then_some(()))
    })
    .await?;
    let (set, height) = (authority_set(&alice).await?, alice.finalized_block().await?);
    ensure!(
        has_state(network.node("eve")?.rpc(), &alice, EARLY).await?,
        "the node does not keep the state of block {EARLY} though it executed it"
    );
    step.done(format!("set {set} at block {height}"));

    let step = stage
        .progress
        .step("wipe a node's database, start it again");
    let mut attempt = 1;
    loop {
        network.remove_node("eve")?;
        let base = stage.workspace.data("eve")?;
        std::fs::remove_dir_all(&base)
            .with_context(|| format!("cannot wipe {}", base.display()))?;
        let from = log_length(stage)?;
        network
            .add_node(stage.tools, stage.workspace, NodePlan::warping("eve"))
            .await?;
        let eve = network.node("eve")?;
        if synced(eve, from).await? {
            verify(&network, eve, from, height).await?;
            break;
        }
        ensure!(attempt < ATTEMPTS, "no attempt could take the state");
        attempt += 1;
    }
    let alice = network.first()?;
    let target = alice.rpc().finalized_block().await? + 2;
    network
        .wait_for_finality(&["eve"], target, PATIENCE)
        .await?;
    step.done(format!(
        "in attempt {attempt} of {ATTEMPTS}, from the proof and the state alone; it follows finality"
    ));

    let step = stage.progress.step("check the state at its head");
    let eve = network.node("eve")?;
    stage.has_gift(eve, &account).await?;
    chain::audit(&eve.ws()).await?;
    let same = same_chain(&network).await?;
    no_offence(&network).await?;
    step.done(format!(
        "a balance and all invariants are right, block {same} is everybody's"
    ));
    Ok(Outcome::Passed)
}

/// How long the log of the node's earlier runs is.
fn log_length(stage: &Stage<'_>) -> Result<usize> {
    let log = stage.workspace.log("eve");
    let length = std::fs::metadata(&log)
        .with_context(|| format!("cannot read {}", log.display()))?
        .len();
    usize::try_from(length).context("a log without bounds")
}

/// Waits for the end of the warp sync: whether the state was taken.
async fn synced(eve: &Node, from: usize) -> Result<bool> {
    wait_for("the end of the warp sync", PATIENCE, || async {
        let log = eve.logged()?;
        let log = log.get(from..).unwrap_or_default();
        if log.contains("State sync failed") {
            return Ok(Some(false));
        }
        Ok(log.contains("State sync is complete").then_some(true))
    })
    .await
}

/// Checks that the node did not execute the chain from its beginning.
async fn verify(network: &Network, eve: &Node, from: usize, height: u64) -> Result<()> {
    let log = eve.logged()?;
    let log = log.get(from..).unwrap_or_default();
    ensure!(
        log.contains("Warp sync is complete"),
        "the state was taken without a proof"
    );
    if let Some(first) = first_imported(log) {
        ensure!(
            first >= height,
            "it imported block {first}, though it was wiped at block {height}"
        );
    }
    let state: Value = eve.rpc().call("system_syncState", json!([])).await?;
    let current = state.get("currentBlock").and_then(Value::as_u64);
    ensure!(
        current.is_some_and(|current| current >= height),
        "its state of sync is {state} at block {height}"
    );
    ensure!(
        !has_state(eve.rpc(), network.first()?.rpc(), EARLY).await?,
        "it has the state of block {EARLY}, which only a full sync brings"
    );
    Ok(())
}

/// Number of the first block that a log tells to be imported as the best one.
fn first_imported(log: &str) -> Option<u64> {
    log.lines().find_map(|line| {
        let (_, rest) = line.split_once("Imported #")?;
        rest.split(' ').next()?.parse().ok()
    })
}

/// Whether a node has the state after a block of another's chain.
async fn has_state(rpc: &Rpc, of: &Rpc, number: u64) -> Result<bool> {
    let Some(hash) = block_hash(of, number).await? else {
        bail!("there is no block {number}");
    };
    // `:code`'s size: of every state.
    let size = rpc
        .call::<Option<u64>>("state_getStorageSize", json!(["0x3a636f6465", hash]))
        .await;
    Ok(matches!(size, Ok(Some(_))))
}

/// Number of the set of authorities that votes on finality.
async fn authority_set(rpc: &Rpc) -> Result<u64> {
    let state: Value = rpc.call("grandpa_roundState", json!([])).await?;
    state
        .get("setId")
        .and_then(Value::as_u64)
        .with_context(|| format!("no number of a set in {state}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_imported_block_is_read_from_a_log() {
        let log = "Warp sync is complete\n🏆 Imported #71 (0x01 → 0x02)\n🏆 Imported #72 (";
        assert_eq!(first_imported(log), Some(71));
        assert_eq!(first_imported("Warp sync is complete"), None);
    }
}
