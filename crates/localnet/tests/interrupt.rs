//! Ctrl-C ends the demo and everything it started, as often as one likes.
//!
//! Needs `athanor-node` and `gpu-worker`, built, as the network test does.

use anyhow::{ensure, Context, Result};
use athanor_localnet::process::Process;
use nix::{
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(50);
/// What shells call it: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// Processes but `demo` that were started with this folder among their arguments.
fn others(demo: &Process, dir: &Path) -> Result<Vec<String>> {
    let dir = dir.to_str().context("not UTF-8")?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == demo.pid().to_string() || !name.chars().all(|c| c.is_ascii_digit()) {
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

#[test]
fn an_interrupted_demo_leaves_nothing_behind_and_can_be_started_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = &folder.path().canonicalize()?;
    let program = Path::new(env!("CARGO_BIN_EXE_athanor-localnet"));
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for _ in 0..2 {
        let args = ["demo".as_ref(), "--dir".as_ref(), dir.as_os_str()];
        let mut demo = Process::spawn_with("demo", program, args, &dir.join("said"), |command| {
            command.current_dir(root);
        })?;
        let until = Instant::now() + PATIENCE;
        let is_node = |line: &String| line.contains("athanor-node");
        while !others(&demo, dir)?.iter().any(is_node) {
            demo.ensure_running()?;
            ensure!(
                Instant::now() < until,
                "no node was started: {}",
                demo.logged()?
            );
            thread::sleep(LOOK);
        }
        // Not `Process::interrupt`: that kills what takes as long as the demo may wait for a node.
        kill(Pid::from_raw(i32::try_from(demo.pid())?), Signal::SIGINT)?;
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = demo.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < until, "the demo does not end");
            thread::sleep(LOOK);
        };
        ensure!(
            status.code() == Some(INTERRUPTED),
            "it ended with {status}: {}",
            demo.logged()?
        );
        let left = others(&demo, dir)?;
        ensure!(left.is_empty(), "left behind: {left:?}");
    }
    Ok(())
}
