//! A validator whose clock is wrong, by a library that answers other times to it alone.
//!
//! Whenever its clock goes back, the validator is down for as long: else it comes to slots again for
//! which it has made blocks. It signs others for them, which its own database refuses, and the node
//! reports itself for an equivocation.

use super::{block_hash, catch_up, logged_since, no_offence, without, Outcome, Stage, PATIENCE};
use crate::{chain, network::Network, rpc::wait_for};
use anyhow::{ensure, Result};
use std::{path::PathBuf, time::Duration};

/// Five slots.
const SKEW: Duration = Duration::from_secs(15);
/// A slot and the time to start, both generously.
const SLOT: Duration = Duration::from_secs(4);
/// Blocks finalised meanwhile.
const MEANWHILE: u64 = 6;
/// What a node says of a block whose slot is more than one ahead of its own clock.
const REFUSED: &str = "too far in the future";
/// Where distributions put libfaketime, below the folders of libraries.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

pub(super) async fn play(stage: &Stage<'_>) -> Result<Outcome> {
    let Some(library) = library() else {
        return Ok(Outcome::NotTried(
            "it needs libfaketime (Debian package libfaketime; `make faults` installs it)".into(),
        ));
    };
    let mut network = stage.network(&[]).await?;

    let step = stage.progress.step("a clock that is fast");
    skew(&mut network, &library, '+').await?;
    let from = network.node("dave")?.logged()?.len();
    finalise_without_dave(&network).await?;
    let (alice, dave) = (network.node("alice")?, network.node("dave")?);
    let made = wait_for("a block by the fast validator", PATIENCE, || async {
        let log = dave.logged()?;
        let made = sealed(log.get(from..).unwrap_or_default());
        Ok((!made.is_empty()).then_some(made))
    })
    .await?;
    wait_for("the refusal of its block", PATIENCE, || async {
        for name in without(&["dave"]) {
            if network.node(name)?.has_logged(REFUSED)? {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await?;
    // Later, when its slot has come, such a block may be taken after all: beside the chain.
    for (number, hash) in &made {
        ensure!(
            block_hash(alice.rpc(), *number).await?.as_ref() != Some(hash),
            "block {number} by the fast validator is in the chain"
        );
    }
    step.done(format!(
        "the others finalise and refuse its blocks: none of {} is in the chain",
        made.len()
    ));

    let step = stage
        .progress
        .step("set it right, after as long as it was fast");
    network.node_mut("dave")?.stop()?;
    tokio::time::sleep(SKEW + SLOT).await;
    network.node_mut("dave")?.set_env(vec![]);
    let same = catch_up(&mut network, "dave").await?;
    takes_part(&network).await?;
    no_offence(&network).await?;
    step.done(format!(
        "it finalised block {same} with the others, its blocks are taken again"
    ));

    let step = stage.progress.step("a clock that is slow");
    let from = network.node("dave")?.logged()?.len();
    skew(&mut network, &library, '-').await?;
    finalise_without_dave(&network).await?;
    let dave = network.node("dave")?;
    logged_since(dave, from, REFUSED).await?;
    step.done("the others finalise; it refused their blocks as too early");

    let step = stage.progress.step("set it right");
    network.node_mut("dave")?.stop()?;
    network.node_mut("dave")?.set_env(vec![]);
    let same = catch_up(&mut network, "dave").await?;
    no_offence(&network).await?;
    chain::audit(&network.node("dave")?.ws()).await?;
    step.done(format!("it finalised block {same} with the others"));
    Ok(Outcome::Passed)
}

/// Starts the validator anew with another clock.
async fn skew(network: &mut Network, library: &str, sign: char) -> Result<()> {
    let dave = network.node_mut("dave")?;
    dave.stop()?;
    if sign == '-' {
        tokio::time::sleep(SKEW + SLOT).await;
    }
    dave.set_env(
        [
            ("LD_PRELOAD", library.to_string()),
            ("FAKETIME", format!("{sign}{}s", SKEW.as_secs())),
            // Waiting goes by this clock.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
        ]
        .map(|(key, value)| (key.to_string(), value))
        .into(),
    );
    dave.restart().await
}

async fn finalise_without_dave(network: &Network) -> Result<()> {
    let at = network.first()?.rpc().finalized_block().await?;
    network
        .wait_for_finality(&without(&["dave"]), at + MEANWHILE, PATIENCE)
        .await
}

/// Waits until a block that dave made since now is in alice's chain.
async fn takes_part(network: &Network) -> Result<()> {
    let (alice, dave) = (network.node("alice")?, network.node("dave")?);
    let from = dave.logged()?.len();
    wait_for("a block by the validator set right", PATIENCE, || async {
        let log = dave.logged()?;
        for (number, hash) in sealed(log.get(from..).unwrap_or_default()) {
            if block_hash(alice.rpc(), number).await?.as_deref() == Some(hash.as_str()) {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await
}

/// Numbers and hashes of the blocks that a log tells to be made.
fn sealed(log: &str) -> Vec<(u64, String)> {
    let read = |line: &str| -> Option<(u64, String)> {
        let (_, rest) = line.split_once("Pre-sealed block for proposal at ")?;
        let (number, rest) = rest.split_once(". Hash now ")?;
        let (hash, _) = rest.split_once(',')?;
        Some((number.parse().ok()?, hash.to_string()))
    };
    log.lines().filter_map(read).collect()
}

/// The library's file, if it is installed.
fn library() -> Option<String> {
    let libraries = PathBuf::from("/usr/lib");
    let below = std::fs::read_dir(&libraries)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    [
        libraries.clone(),
        "/usr/local/lib".into(),
        "/usr/lib64".into(),
    ]
    .into_iter()
    .chain(below)
    .map(|folder| folder.join(LIBRARY))
    .find(|file| file.is_file())
    .map(|file| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_blocks_are_read_from_a_log() {
        let log = "🎁 Prepared block for proposing at 2 (1 ms)\n\
            🔖 Pre-sealed block for proposal at 2. Hash now 0x0c8d, previously 0x301f.\n\
            🏆 Imported #2 (0x94fa → 0x0c8d)\n\
            🔖 Pre-sealed block for proposal at 13. Hash now 0x0e, previously 0x31.";
        assert_eq!(sealed(log), [(2, "0x0c8d".into()), (13, "0x0e".into())]);
    }
}
