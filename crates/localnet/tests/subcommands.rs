//! The node's subcommands on a database that a development chain has written.
//!
//! Needs `athanor-node`, built, as the network test does.

use anyhow::{bail, ensure, Context, Result};
use athanor_localnet::tools::Tools;
use athanor_state_check::export;
use nix::{
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use sp_crypto_hashing::twox_128;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Ends the node however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM)?;
        let started = Instant::now();
        while self.0.try_wait()?.is_none() {
            ensure!(
                started.elapsed() < Duration::from_secs(30),
                "the node does not end"
            );
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// Runs a development chain in `base` until it has imported block `height`.
fn grow(node: &Path, base: &Path, height: u32) -> Result<()> {
    let mut child = Command::new(node)
        .args(["--dev", "--port", "0", "--rpc-port", "0", "--no-prometheus"])
        .arg("--base-path")
        .arg(base)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .stdin(Stdio::null())
        .spawn()?;
    let log = BufReader::new(child.stderr.take().context("no log")?);
    let running = Running(child);
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let wanted = format!("Imported #{height} ");
    let started = Instant::now();
    loop {
        match lines.recv_timeout(Duration::from_secs(5)) {
            Ok(line) if line.contains(&wanted) => return running.stop(),
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the node ended"),
            _ => ensure!(
                started.elapsed() < Duration::from_secs(120),
                "no block {height} after two minutes"
            ),
        }
    }
}

fn run(node: &Path, args: &[&str], base: Option<&Path>) -> Result<Output> {
    let mut command = Command::new(node);
    command.args(args).stdin(Stdio::null());
    if let Some(base) = base {
        command.arg("--base-path").arg(base);
    }
    Ok(command.output()?)
}

fn succeed(node: &Path, args: &[&str], base: Option<&Path>) -> Result<String> {
    let output = run(node, args, base)?;
    ensure!(
        output.status.success(),
        "{args:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr))
}

/// Number of the best block of the database in `base`.
fn best(node: &Path, base: &Path) -> Result<u64> {
    let output = run(node, &["chain-info", "--dev"], Some(base))?;
    let info: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    info.pointer("/best_number")
        .and_then(serde_json::Value::as_u64)
        .with_context(|| format!("no best block in {info}"))
}

#[test]
fn a_database_can_be_checked_exported_imported_reverted_and_purged() -> Result<()> {
    let node = Tools::find()?.node;
    let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
    grow(&node, first.path(), 4)?;

    let height = best(&node, first.path())?;
    ensure!(height >= 4, "the database ends at {height}");

    succeed(&node, &["check-block", "--dev", "3"], Some(first.path()))?;
    let unknown = run(
        &node,
        &["check-block", "--dev", "1000000"],
        Some(first.path()),
    )?;
    ensure!(!unknown.status.success(), "a block that is not there");

    let state = run(&node, &["export-state", "--dev"], Some(first.path()))?;
    ensure!(state.status.success(), "the state is not exported");
    let mut state = export::read(&state.stdout[..])?;
    let report = state.clone().check()?;
    ensure!(
        u64::from(report.block) >= 4 && report.checks.len() > 10,
        "{report:?}"
    );
    ensure!(report.broken().next().is_none(), "{report:?}");
    // A unit more than all accounts have.
    let issuance = [twox_128(b"Balances"), twox_128(b"TotalIssuance")].concat();
    let total = state.get(&issuance).context("no issuance")?;
    let mut total = u128::from_le_bytes(total.try_into()?);
    total += 1;
    state.insert(issuance, total.to_le_bytes().to_vec());
    let report = state.check()?;
    ensure!(report.broken().next().is_some(), "{report:?}");

    let blocks = first.path().join("blocks");
    let file = blocks.to_str().context("not UTF-8")?;
    succeed(
        &node,
        &[
            "export-blocks",
            "--dev",
            "--binary",
            "--from",
            "1",
            "--to",
            "4",
            file,
        ],
        Some(first.path()),
    )?;
    succeed(
        &node,
        &["import-blocks", "--dev", "--binary", file],
        Some(second.path()),
    )?;
    ensure!(best(&node, second.path())? == 4, "not all was imported");

    succeed(&node, &["revert", "--dev", "1"], Some(second.path()))?;
    ensure!(best(&node, second.path())? == 3, "nothing was reverted");
    succeed(&node, &["purge-chain", "--dev", "-y"], Some(second.path()))?;
    Ok(())
}

#[test]
fn specifications_of_every_preset_are_exported_raw_and_plain() -> Result<()> {
    let node = Tools::find()?.node;
    let folder = tempfile::tempdir()?;
    for chain in ["dev", "local", "staging"] {
        let file = folder.path().join(format!("{chain}.json"));
        let path = file.to_str().context("not UTF-8")?;
        succeed(
            &node,
            &[
                "export-chain-spec",
                "--chain",
                chain,
                "--raw",
                "--output",
                path,
            ],
            None,
        )?;
        let raw: serde_json::Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        ensure!(
            raw.pointer("/genesis/raw/top").is_some(),
            "{chain} is not raw"
        );
        // A file is a chain too.
        let again = succeed(&node, &["build-spec", "--chain", path], None)?;
        ensure!(again.contains("\"protocolId\": \"aur\""), "{chain}");
    }
    let refused = run(&node, &["export-chain-spec", "--chain", "nowhere"], None)?;
    ensure!(!refused.status.success(), "an unknown chain was exported");
    Ok(())
}

#[test]
fn keys_are_made_and_the_version_names_a_commit() -> Result<()> {
    let node = Tools::find()?.node;
    let key = succeed(&node, &["key", "generate", "--output-type", "json"], None)?;
    ensure!(key.contains("ss58PublicKey"), "{key}");
    let version = succeed(&node, &["--version"], None)?;
    let commit = version
        .trim_end()
        .strip_prefix(concat!("athanor-node ", env!("CARGO_PKG_VERSION"), "-"))
        .with_context(|| version.clone())?;
    // What was unpacked from an archive knows none.
    let known = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.git")
        .exists();
    ensure!(
        !known || commit.len() >= 7 && commit.chars().all(|c| c.is_ascii_hexdigit()),
        "{version}"
    );
    Ok(())
}
