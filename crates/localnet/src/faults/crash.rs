//! Validators killed as a crash of their machine would.

use super::{block_hash, catch_up, no_offence, same_chain, without, Outcome, Stage, PATIENCE};
use crate::{chain, rpc::wait_for};
use anyhow::{anyhow, ensure, Result};

/// Blocks finalised without the one.
const WITHOUT: u64 = 5;
/// Blocks made after the kill in which rounds of finality that were under way may still end.
const SETTLE: u64 = 2;
/// Blocks made without one being finalised.
const STALLED: u64 = 5;
/// How far two blocks that compete for one height may push back the best chain, and more.
const DEEP: u64 = 3;

/// Three of four are more than two thirds: nothing stops.
pub(super) async fn one(stage: &Stage<'_>) -> Result<Outcome> {
    let mut network = stage.network(&[]).await?;

    let step = stage.progress.step("kill one of four");
    network.node_mut("dave")?.kill()?;
    let killed_at = network.first()?.rpc().finalized_block().await?;
    network
        .wait_for_finality(&without(&["dave"]), killed_at + WITHOUT, PATIENCE)
        .await?;
    step.done(format!("{WITHOUT} more blocks are finalised without it"));

    let step = stage.progress.step("start it again");
    let same = catch_up(&mut network, "dave").await?;
    step.done(format!("it finalised block {same} as the others did"));

    let step = stage.progress.step("check the state and the database");
    let dave = network.node_mut("dave")?;
    chain::audit(&dave.ws()).await?;
    dave.stop()?;
    stage.check_database("dave", [killed_at, killed_at + 1])?;
    no_offence(&network).await?;
    step.done("blocks from before and after the kill execute to the same states");
    Ok(Outcome::Passed)
}

/// Two of four are not: blocks go on, finality waits for a third.
pub(super) async fn two(stage: &Stage<'_>) -> Result<Outcome> {
    let mut network = stage.network(&[]).await?;
    let alice = network.first()?;
    let before = stage.give(alice, "//Before the fault").await?;

    let step = stage.progress.step("kill two of four");
    let killed = ["charlie", "dave"];
    for name in killed {
        network.node_mut(name)?.kill()?;
    }
    let (alice, bob) = (network.node("alice")?, network.node("bob")?);
    let best = alice.rpc().best_block().await?;
    wait_for("blocks by two validators", PATIENCE, || async {
        Ok((alice.rpc().best_block().await? >= best + SETTLE).then_some(()))
    })
    .await?;
    let stopped = alice
        .rpc()
        .finalized_block()
        .await?
        .max(bob.rpc().finalized_block().await?);
    let best = alice.rpc().best_block().await?;
    let during = stage.give(alice, "//During the fault").await?;
    let grown = wait_for("blocks without finality", PATIENCE, || async {
        for node in [alice, bob] {
            let finalized = node.rpc().finalized_block().await?;
            if finalized > stopped {
                return Ok(Some(Err(anyhow!(
                    "two of four finalised block {finalized} after block {stopped}"
                ))));
            }
        }
        let now = alice.rpc().best_block().await?;
        Ok((now >= best + STALLED).then_some(Ok(now)))
    })
    .await??;
    let deep = grown - DEEP;
    let kept = block_hash(alice.rpc(), deep).await?;
    step.done(format!(
        "finality stays at block {stopped} while the best block is {grown}"
    ));

    let step = stage.progress.step("start one of them again");
    network.node_mut("charlie")?.restart().await?;
    network
        .wait_for_finality(&without(&["dave"]), grown, PATIENCE)
        .await?;
    step.done(format!("block {grown} is finalised"));

    let step = stage.progress.step("start the other again");
    let same = catch_up(&mut network, "dave").await?;
    step.done(format!("all four finalised block {same}"));

    let step = stage.progress.step("check that nothing was lost");
    for node in network.nodes() {
        ensure!(
            block_hash(node.rpc(), deep).await? == kept,
            "block {deep}, made by two validators, is not in the chain of {}",
            node.name()
        );
        stage.has_gift(node, &before).await?;
        stage.has_gift(node, &during).await?;
    }
    chain::audit(&network.node("dave")?.ws()).await?;
    no_offence(&network).await?;
    same_chain(&network).await?;
    step.done("transfers from before and during the fault are in the finalised state of all");
    Ok(Outcome::Passed)
}
