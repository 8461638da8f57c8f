//! A validator whose disk, a small one in memory, fills up.

use super::{
    catch_up, no_offence,
    sandbox::{run, WANTED},
    without, Outcome, Stage, PATIENCE,
};
use crate::chain;
use anyhow::{ensure, Context, Result};
use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// Size of the disk, for `mount`.
const SIZE: &str = "size=64m";
/// Left free by the ballast, in KiB: less than the log of the database grows by in a few blocks.
const FREE: usize = 64;
/// Blocks finalised by the others meanwhile.
const MEANWHILE: u64 = 3;
/// What the system calls it.
const WORDS: &str = "No space left on device";

/// A disk in memory; gone when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Result<Self> {
        let path = at.display().to_string();
        run(
            "mount",
            &["-t", "tmpfs", "-o", SIZE, "athanor-faults", &path],
        )?;
        Ok(Self(at.into()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Writes until nothing fits, then gives back a little.
    fn fill(&self) -> Result<()> {
        let path = self.ballast();
        let what = || format!("cannot write {}", path.display());
        let mut file = std::fs::File::create(&path).with_context(what)?;
        let mut written: u64 = 0;
        loop {
            match file.write(&[7; 4096]) {
                Ok(0) => break,
                Ok(bytes) => written += u64::try_from(bytes).with_context(what)?,
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error).with_context(what),
            }
        }
        let given_back = u64::try_from(FREE * 1024).with_context(what)?;
        file.set_len(written.saturating_sub(given_back))
            .with_context(what)
    }

    fn empty(&self) -> Result<()> {
        let path = self.ballast();
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let path = self.0.display().to_string();
        if let Err(error) = run("umount", &["--lazy", &path]) {
            tracing::warn!(%error, "the disk stays until the sandbox ends");
        }
    }
}

pub(super) async fn play(stage: &Stage<'_>) -> Result<Outcome> {
    // Before the network, so that it goes after its nodes.
    let disk = match Disk::mount(&stage.workspace.data("dave")?) {
        Ok(disk) => disk,
        Err(error) => return Ok(Outcome::NotTried(format!("{error:#}; {WANTED}"))),
    };
    let mut network = stage.network(&[]).await?;

    let step = stage.progress.step("fill the disk of one of four");
    let from = network.node("dave")?.logged()?.len();
    let filled_at = network.first()?.rpc().finalized_block().await?;
    disk.fill()?;
    let status = loop {
        if let Some(status) = network.node_mut("dave")?.try_wait()? {
            break status;
        }
        ensure!(
            network.first()?.rpc().finalized_block().await? < filled_at + 60,
            "the node runs on with a full disk"
        );
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    };
    let log = network.node("dave")?.logged()?;
    let log = log.get(from..).unwrap_or_default();
    ensure!(
        status.code().is_some_and(|code| code != 0),
        "the node did not exit with an error: {status}"
    );
    let said = log.lines().find(|line| line.contains(WORDS));
    let said = said.context("the node does not say what is wrong")?;
    step.done(format!("it ends ({status}): {}", without_time(said)));

    let step = stage.progress.step("go on without it");
    let others = without(&["dave"]);
    let at = network.first()?.rpc().finalized_block().await?;
    network
        .wait_for_finality(&others, at + MEANWHILE, PATIENCE)
        .await?;
    step.done(format!("the others finalise block {}", at + MEANWHILE));

    let step = stage.progress.step("make space, and read the database");
    disk.empty()?;
    stage.check_database("dave", [filled_at])?;
    step.done(format!("block {filled_at} executes to the same state"));

    let step = stage.progress.step("start it again");
    let same = catch_up(&mut network, "dave").await?;
    no_offence(&network).await?;
    chain::audit(&network.node("dave")?.ws()).await?;
    step.done(format!("it finalised block {same} as the others did"));
    drop(network);
    drop(disk);
    Ok(Outcome::Passed)
}

/// A line of a log without its date and time.
fn without_time(line: &str) -> &str {
    line.splitn(3, ' ').nth(2).unwrap_or(line).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lines_time_is_left_out() {
        let line = "2026-11-22 20:08:56 IO Error: No space left on device    ";
        assert_eq!(without_time(line), "IO Error: No space left on device");
        assert_eq!(without_time("short"), "short");
    }
}
