//! Ctrl-C ends the demo and everything it started, as often as one likes.
//!
//! Needs `athanor-node` and `gpu-worker`, built, as the network test does.

use anyhow::{ensure, Context, Result};
use nix::{
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use std::{
    fs,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(180);
/// What shells call it: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// Ends the demo however the test ends; what it started ends with it.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Demo {
    fn start(dir: &Path) -> Result<Self> {
        let log = fs::File::create(dir.join("said"))?;
        let child = Command::new(env!("CARGO_BIN_EXE_athanor-localnet"))
            .args(["demo", "--dir"])
            .arg(dir)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self(child))
    }

    /// Processes but itself that were started with this folder among their arguments.
    fn others(&self, dir: &Path) -> Result<Vec<String>> {
        let dir = dir.to_str().context("not UTF-8")?;
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == self.0.id().to_string() || !name.chars().all(|c| c.is_ascii_digit()) {
                continue;
            }
            // It may have ended since the folder was read.
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(dir) {
                found.push(line);
            }
        }
        Ok(found)
    }

    fn ended(&mut self) -> Result<ExitStatus> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < until, "the demo does not end");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind_and_can_be_started_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = &folder.path().canonicalize()?;
    for _ in 0..2 {
        let mut demo = Demo::start(dir)?;
        let said = || fs::read_to_string(dir.join("said")).unwrap_or_default();
        let until = Instant::now() + PATIENCE;
        while !demo
            .others(dir)?
            .iter()
            .any(|line| line.contains("athanor-node"))
        {
            ensure!(Instant::now() < until, "no node was started: {}", said());
            ensure!(demo.0.try_wait()?.is_none(), "it ended: {}", said());
            thread::sleep(Duration::from_millis(50));
        }
        kill(Pid::from_raw(i32::try_from(demo.0.id())?), Signal::SIGINT)?;
        let status = demo.ended()?;
        ensure!(
            status.code() == Some(INTERRUPTED),
            "it ended with {status}: {}",
            said()
        );
        let left = demo.others(dir)?;
        ensure!(left.is_empty(), "left behind: {left:?}");
    }
    Ok(())
}
