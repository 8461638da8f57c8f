//! What happens to a network when something breaks: each story breaks one thing on four validators,
//! checks what the network does meanwhile, mends it, and checks that nothing was lost.

mod clock;
mod crash;
mod disk;
mod sandbox;
mod split;
mod warp;

use crate::{
    athanor::Athanor,
    chain,
    network::{Network, LOCAL_VALIDATORS},
    node::Node,
    progress::Progress,
    rpc::{wait_for, Rpc},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{bail, ensure, Context, Result};
use clap::ValueEnum;
use comfy_table::{presets::UTF8_FULL_CONDENSED, CellAlignment, Table};
use serde_json::json;
use sp_crypto_hashing::twox_128;
use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

/// Exit code if nothing failed, but something could not be tried: neither success nor failure.
pub const NOT_TRIED: u8 = 77;

/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(240);
/// Who pays for transfers.
const PAYER: &str = "//Bob//stash";
/// What transfers bring, as the command line takes it, and in the smallest unit.
const GIFT: (&str, u128) = ("2.5 AUR", 2_500_000_000_000);

/// What nodes say of two blocks for one slot, or two votes in one round.
const EQUIVOCATIONS: [&str; 3] = [
    "is equivocating at slot",
    "vote equivocation in the finality worker",
    "commit equivocation in the finality worker",
];

/// Something that breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Story {
    /// One of four validators is killed and comes back.
    OneDown,
    /// Two of four validators are killed and come back.
    TwoDown,
    /// A node that lost its database takes the state of a chain with three changes of authorities.
    Warp,
    /// The network is cut in two halves, and healed.
    Split,
    /// A validator's clock is fast, then slow.
    ClockSkew,
    /// The disk of a validator is full.
    FullDisk,
}

impl Story {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneDown => "one-down",
            Self::TwoDown => "two-down",
            Self::Warp => "warp",
            Self::Split => "split",
            Self::ClockSkew => "clock-skew",
            Self::FullDisk => "full-disk",
        }
    }

    /// What is broken, and what is checked.
    pub fn about(self) -> &'static str {
        match self {
            Self::OneDown => {
                "one of four validators killed: finality goes on, the database is intact"
            }
            Self::TwoDown => "two of four validators killed: finality stops and resumes",
            Self::Warp => "a database wiped after three changes of authorities: warp sync",
            Self::Split => "the network cut in two halves and healed: one chain, no offence",
            Self::ClockSkew => "a clock 15 seconds fast, then slow: the others go on",
            Self::FullDisk => "a full disk: the node stops, says why, and recovers",
        }
    }

    /// Whether it needs network interfaces or mounts of its own.
    fn needs_sandbox(self) -> bool {
        matches!(self, Self::Split | Self::FullDisk)
    }
}

/// Which stories to play.
#[derive(Clone, Debug, clap::Args)]
pub struct Chosen {
    /// Stories, in this order; all if none is named.
    #[arg(value_enum)]
    stories: Vec<Story>,

    /// List the stories and play none.
    #[arg(long)]
    pub list: bool,
}

impl Chosen {
    fn stories(&self) -> &[Story] {
        if self.stories.is_empty() {
            Story::value_variants()
        } else {
            &self.stories
        }
    }

    /// Goes into a sandbox if a story needs one: then this program begins anew there, and this does
    /// not return. Where the system grants none, those stories cannot be tried.
    pub fn enter_sandbox(&self) {
        if self.stories().iter().any(|story| story.needs_sandbox()) && !sandbox::inside() {
            sandbox::enter();
        }
    }
}

/// How a story ended that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// Why it could not be tried.
    NotTried(String),
}

/// No story failed, and these could not be tried here.
#[derive(Debug)]
pub struct NotTried(pub Vec<&'static str>);

impl std::fmt::Display for NotTried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NOT TRIED, which is no success: {}", self.0.join(", "))
    }
}

impl std::error::Error for NotTried {}

/// Prints what stories there are.
pub fn list() {
    for story in Story::value_variants() {
        println!("  {:<11} {}", story.name(), story.about());
    }
}

/// Plays the chosen stories, each on a network of its own, and prints a table of how they ended.
///
/// # Errors
///
/// If one fails; or [`NotTried`] if none fails, but one cannot be tried on this machine.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    chosen: &Chosen,
    progress: Progress,
) -> Result<()> {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["fault", "result", "seconds"]);
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let (mut failed, mut not_tried) = (Vec::new(), Vec::new());
    for story in chosen.stories() {
        progress.headline(format!("{}: {}", story.name(), story.about()));
        let started = Instant::now();
        let outcome = one(tools, workspace, *story, progress).await;
        let result = match outcome {
            Ok(Outcome::Passed) => "passed",
            Ok(Outcome::NotTried(why)) => {
                println!("  ! NOT TRIED: {why}");
                not_tried.push(story.name());
                "NOT TRIED"
            }
            Err(error) => {
                println!("  ✗ {error:#}");
                failed.push(story.name());
                "FAILED"
            }
        };
        let seconds = format!("{:.0}", started.elapsed().as_secs_f32());
        table.add_row([story.name(), result, &seconds]);
    }
    println!("\n{table}");
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    if !not_tried.is_empty() {
        return Err(NotTried(not_tried).into());
    }
    Ok(())
}

async fn one(
    tools: &Tools,
    workspace: &Workspace,
    story: Story,
    progress: Progress,
) -> Result<Outcome> {
    if story.needs_sandbox() && !sandbox::inside() {
        return Ok(Outcome::NotTried(sandbox::WANTED.into()));
    }
    // Every story's nodes have the same names, and begin with empty databases.
    let stage = Stage {
        tools,
        workspace: &Workspace::at(&workspace.logs().join(story.name()))?,
        progress,
    };
    match story {
        Story::OneDown => crash::one(&stage).await,
        Story::TwoDown => crash::two(&stage).await,
        Story::Warp => warp::play(&stage).await,
        Story::Split => split::play(&stage).await,
        Story::ClockSkew => clock::play(&stage).await,
        Story::FullDisk => disk::play(&stage).await,
    }
}

/// What a story is played with.
struct Stage<'a> {
    tools: &'a Tools,
    workspace: &'a Workspace,
    progress: Progress,
}

impl Stage<'_> {
    /// Four validators and more nodes, once they finalise.
    async fn network(&self, full: &[&str]) -> Result<Network> {
        let step = self.progress.step("start the network");
        let network = Network::local(self.tools, self.workspace, full, &[]).await?;
        network.wait_for_finality(&[], 3, PATIENCE).await?;
        step.done(format!("{} nodes finalise", network.nodes().len()));
        Ok(network)
    }

    /// The command line at a node.
    fn cli(&self, node: &Node) -> Athanor {
        Athanor::new(&self.tools.cli, &node.ws(), &self.workspace.log("athanor"))
    }

    /// Sends the gift to a new account, waits until a block has it, and answers the account.
    async fn give(&self, node: &Node, suri: &str) -> Result<String> {
        let cli = self.cli(node);
        let to = cli.address(suri).await?;
        cli.transfer(PAYER, &to, GIFT.0).await?;
        Ok(to)
    }

    /// Checks that the gift has arrived in the finalised state of a node.
    async fn has_gift(&self, node: &Node, account: &str) -> Result<()> {
        let total = self.cli(node).total(account).await?;
        ensure!(
            total == GIFT.1,
            "{account} has {total} on {}, and not {}",
            node.name(),
            GIFT.1
        );
        Ok(())
    }

    /// The specification every node follows.
    fn spec(&self) -> Result<PathBuf> {
        Ok(self.workspace.data("spec")?.join("local.raw.json"))
    }

    /// Has a node's program read and execute blocks of the database of a node that was stopped.
    fn check_database(&self, name: &str, blocks: impl IntoIterator<Item = u64>) -> Result<()> {
        let (base, spec) = (self.workspace.data(name)?, self.spec()?);
        for block in blocks {
            let output = Command::new(&self.tools.node)
                .args(["check-block", &block.to_string(), "--chain"])
                .arg(&spec)
                .arg("--base-path")
                .arg(&base)
                .output()
                .with_context(|| format!("cannot start {}", self.tools.node.display()))?;
            ensure!(
                output.status.success(),
                "block {block} in the database of {name} is not sound: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }
}

/// Checks that these nodes have the same finalised chain up to the least of their last blocks.
/// Answers its number.
async fn same_chain(network: &Network) -> Result<u64> {
    let mut least = u64::MAX;
    for node in network.nodes() {
        least = least.min(node.rpc().finalized_block().await?);
    }
    let mut hashes = Vec::new();
    for node in network.nodes() {
        hashes.push(block_hash(node.rpc(), least).await?);
    }
    ensure!(
        hashes.iter().all(|hash| Some(hash) == hashes.first()),
        "the nodes finalised different blocks {least}: {hashes:?}"
    );
    Ok(least)
}

/// Hash of a block of a node's best chain; `None` if there is none of this number.
async fn block_hash(rpc: &Rpc, number: u64) -> Result<Option<String>> {
    rpc.call("chain_getBlockHash", json!([number])).await
}

/// Checks that nobody was reported, disabled or removed, and that no node saw an equivocation.
async fn no_offence(network: &Network) -> Result<()> {
    let rpc = network.first()?.rpc();
    let (validators, disabled) = chain::validators(rpc).await?;
    ensure!(
        validators.len() == LOCAL_VALIDATORS.len() && disabled == 0,
        "{} validators are left, {disabled} of them disabled",
        validators.len()
    );
    let reports = [twox_128(b"Offences"), twox_128(b"Reports")].concat();
    let reports = format!("0x{}", hex::encode(reports));
    let keys: Vec<String> = rpc.call("state_getKeysPaged", json!([reports, 10])).await?;
    ensure!(keys.is_empty(), "offences were reported: {keys:?}");
    for node in network.nodes() {
        if let Some(line) = equivocation(&node.logged()?) {
            bail!("{} saw an equivocation: {line}", node.name());
        }
    }
    Ok(())
}

/// The first line of a log that tells of an equivocation.
fn equivocation(log: &str) -> Option<&str> {
    log.lines()
        .find(|line| EQUIVOCATIONS.iter().any(|words| line.contains(words)))
}

/// Waits until a node's log has a text beyond its first `from` bytes.
async fn logged_since(node: &Node, from: usize, text: &str) -> Result<()> {
    let what = format!("`{text}` in the log of {}", node.name());
    wait_for(&what, PATIENCE, || async {
        let log = node.logged()?;
        Ok(log
            .get(from..)
            .unwrap_or_default()
            .contains(text)
            .then_some(()))
    })
    .await
}

/// Starts a node again, and waits until it finalises with all the others.
async fn catch_up(network: &mut Network, name: &str) -> Result<u64> {
    network.node_mut(name)?.restart().await?;
    let returned = network.first()?.rpc().finalized_block().await?;
    network
        .wait_for_finality(&[], returned + 3, PATIENCE)
        .await?;
    same_chain(network).await
}

/// The validators but some.
fn without(gone: &[&str]) -> Vec<&'static str> {
    let stays = |name: &&str| !gone.contains(name);
    LOCAL_VALIDATORS.into_iter().filter(stays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_have_the_names_of_the_command_line() {
        for story in Story::value_variants() {
            let value = story.to_possible_value().unwrap();
            assert_eq!(value.get_name(), story.name());
        }
    }

    #[test]
    fn no_name_means_all() {
        let mut chosen = Chosen {
            stories: vec![],
            list: false,
        };
        assert_eq!(chosen.stories().len(), 6);
        chosen.stories.push(Story::Split);
        assert_eq!(chosen.stories(), [Story::Split]);
    }

    #[test]
    fn equivocations_are_found_in_logs() {
        assert_eq!(equivocation("Imported #1\nImported #2"), None);
        let harmless = "Error checking/reporting BABE equivocation: the state is gone";
        assert_eq!(equivocation(harmless), None);
        let line = "Slot author 0x00 is equivocating at slot 3";
        assert_eq!(equivocation(&format!("Imported #1\n{line}\n")), Some(line));
        let line = "Detected prevote equivocation in the finality worker";
        assert_eq!(equivocation(line), Some(line));
    }

    #[test]
    fn the_rest_of_the_validators_stays() {
        assert_eq!(without(&["charlie", "dave"]), ["alice", "bob"]);
    }

    #[test]
    fn what_was_not_tried_is_no_success() {
        let error = anyhow::Error::from(NotTried(vec!["split", "full-disk"]));
        assert!(error.is::<NotTried>());
        assert_eq!(
            error.to_string(),
            "NOT TRIED, which is no success: split, full-disk"
        );
    }
}
