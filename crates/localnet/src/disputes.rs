//! A provider that lies in every operator there is, and a watcher that catches it.
//!
//! Two nodes follow one chain. The first has the lying provider's worker key and a daemon that
//! flips a bit in the last node of whatever it runs; the second has a watcher's key and an honest
//! daemon. For each kind of operator there is a job whose program ends with it. Nobody but the two
//! nodes acts: the watcher runs what is claimed, announces, asks for the wrong tensor, and proves
//! one element of it false.
//!
//! A provider is jailed with its first lie that is shown, so a few jobs at a time are drawn to
//! each, and the next few to a new one that uses the same node and daemon.

use crate::{
    athanor::{aur, number, text, Athanor},
    chain,
    daemon::Fault,
    network::{DaemonPlan, Network},
    node::NodePlan,
    progress::Progress,
    story::{Job, Order, Outcome, Policy, Provider},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use athanor_tensor_program::testing::{self, OPERATORS};
use comfy_table::{presets::UTF8_FULL_CONDENSED, Table};
use serde_json::json;
use std::{path::PathBuf, time::Duration};
use tokio::sync::Mutex;

/// Who orders the jobs and publishes the models, side by side.
const REQUESTERS: [&str; 3] = ["//Charlie", "//Dave", "//Eve"];
/// Secret of the watcher's key.
const WATCHER: &str = "//Watcher";
/// For the watcher's fees, bonds and questions.
const WATCHER_MONEY: &str = "1000 AUR";
/// For a worker key's first fees: no job pays it before.
const WORKER_MONEY: &str = "10 AUR";
/// A provider's bond, enough for all of its jobs.
const BOND: u128 = 1_000_000_000_000_000;
/// Jobs for one provider: all are drawn before the first of its lies is shown.
const WAVE: usize = 6;
/// Blocks in which a claim may be challenged: one key signs a call a block, for all claims in turn.
const WINDOW: u32 = 80;
/// How long a job may take.
const JOB_SECONDS: u64 = 1_800;
/// How long a fresh chain may take to its first finalised blocks.
const FIRST_BLOCKS: Duration = Duration::from_secs(180);
/// Seeds that are tried for a program that ends with an operator.
const SEEDS: u64 = 10_000;

/// A job whose program ends with one operator.
struct Case {
    operator: &'static str,
    job: testing::Job,
}

/// One case for each of `count` operators, spread over all of them.
fn cases(count: usize) -> Result<Vec<Case>> {
    let all = OPERATORS.len();
    let count = count.clamp(1, all);
    (0..count).map(|i| case(i * all / count)).collect()
}

fn case(operator: usize) -> Result<Case> {
    let name = *OPERATORS.get(operator).context("no such operator")?;
    (0..SEEDS)
        .map(|seed| {
            let mut choices = testing::Choices::seeded(seed);
            testing::Job::draw(&mut choices, &testing::Limits::default(), Some(operator))
        })
        .find(|job| {
            let last = job.program.program().nodes.last();
            last.is_some_and(|node| node.op.name() == name)
        })
        .map(|job| Case {
            operator: name,
            job,
        })
        .with_context(|| format!("no program ends with {name}"))
}

/// A case on chain.
struct Ordered {
    operator: &'static str,
    job: Job,
}

/// Plays a job for each of `count` operators and checks that the liar is caught in all of them.
///
/// # Errors
///
/// If a step fails or a lie goes unpunished.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    count: usize,
    progress: Progress,
) -> Result<()> {
    let step = progress.step("make a program for each operator");
    let cases = cases(count)?;
    let total = cases.len();
    step.done(total);

    let step = progress.step("start a node with a liar's gpu-worker, and a watcher's");
    let daemons = [
        DaemonPlan::faulty("alice", Fault::WrongElement),
        DaemonPlan::honest("watcher"),
    ];
    let mut network = Network::on_preset(tools, workspace, "development", &daemons).await?;
    network
        .add_node(tools, workspace, NodePlan::validator("alice"))
        .await?;
    let watching = NodePlan::full("watcher").with_args(&["--watch", "1"]);
    network.add_node(tools, workspace, watching).await?;
    network.wait_for_finality(&[], 1, FIRST_BLOCKS).await?;
    let ws = network.first()?.ws();
    step.done(&ws);

    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let store = network.daemon("alice")?.url().to_string();
    let step = progress.step("insert the watcher's key");
    let watcher = cli.address(WATCHER).await?;
    cli.transfer("//Bob", &watcher, WATCHER_MONEY).await?;
    insert_key(&cli, &mut network, "watcher", "gpww", WATCHER).await?;
    let before = cli.total(&watcher).await?;
    step.done(&watcher);

    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_header(["operator", "job", "ended", "struck for"]);
    let mut missed = Vec::new();
    let mut cases = cases.into_iter();
    for wave in 0..total.div_ceil(WAVE) {
        let step = progress.step(format!("register provider {wave}"));
        let (owner, worker) = (
            format!("//ProviderAlice//{wave}"),
            format!("//Alice//{wave}"),
        );
        insert_key(&cli, &mut network, "alice", "gpuw", &worker).await?;
        let address = cli.address(&worker).await?;
        cli.transfer("//Bob", &address, WORKER_MONEY).await?;
        let provider = Provider {
            owner: &owner,
            worker: &worker,
            endpoint: &store,
            bond: BOND,
            funder: "//Alice//stash",
            offer: &["--slots", "64"],
        };
        let liar = provider.register(&cli).await?;
        step.done(&liar);

        let step = progress.step("order jobs");
        let queue = Mutex::new(cases.by_ref().take(WAVE).collect::<Vec<_>>().into_iter());
        let lanes = REQUESTERS.map(|requester| {
            let (queue, cli, store, step) = (&queue, &cli, &store, &step);
            async move {
                let mut ordered = Vec::new();
                loop {
                    let Some(case) = queue.lock().await.next() else {
                        return anyhow::Ok(ordered);
                    };
                    let job = order(cli, &case, requester, store, workspace)
                        .await
                        .with_context(|| format!("the job for {}", case.operator))?;
                    step.note(format!("job {}: {}", job.id, case.operator));
                    ordered.push(Ordered {
                        operator: case.operator,
                        job,
                    });
                }
            }
        });
        let mut ordered: Vec<Ordered> = futures::future::try_join_all(lanes)
            .await?
            .into_iter()
            .flatten()
            .collect();
        ordered.sort_by_key(|ordered| ordered.job.id);
        step.done(ordered.len());

        for Ordered { operator, job } in &ordered {
            let step = progress.step(format!("{operator}: wait for the end of job {}", job.id));
            let outcome = Outcome::watch(&cli, job, JOB_SECONDS, &step).await?;
            network.ensure_running()?;
            let fault = outcome
                .struck
                .iter()
                .find(|(who, _)| *who == liar)
                .map(|(_, fault)| fault.clone());
            let caught = fault.as_deref() == Some("fraud_proven") && outcome.paid_to(&liar) == 0;
            if !caught {
                missed.push(*operator);
            }
            let words = fault.unwrap_or_else(|| "nothing".into());
            table.add_row([
                (*operator).to_string(),
                job.id.to_string(),
                outcome.state.clone(),
                words.clone(),
            ]);
            step.done(format!("{}, struck for {words}", outcome.state));
        }
    }
    println!("{table}");

    let after = cli.total(&watcher).await?;
    println!("  watcher: {} before, {} after", aur(before), aur(after));
    println!("caught {} of {total}", total - missed.len());
    ensure!(missed.is_empty(), "not caught: {}", missed.join(", "));
    ensure!(after > before, "the watcher earned nothing");

    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    Ok(())
}

/// Puts a secret's key into a node's keystore.
async fn insert_key(
    cli: &Athanor,
    network: &mut Network,
    node: &str,
    kind: &str,
    suri: &str,
) -> Result<()> {
    let key = format!("0x{}", hex::encode(cli.public_key(suri).await?));
    let node = network.node_mut(node)?;
    node.rpc()
        .call("author_insertKey", json!([kind, suri, key]))
        .await
}

/// Registers a case's program and model, uploads its blobs and creates its job.
async fn order(
    cli: &Athanor,
    case: &Case,
    requester: &str,
    store: &str,
    workspace: &Workspace,
) -> Result<Job> {
    let dir = workspace.data(&format!("case-{}", case.operator))?;
    let write = |name: String, bytes: &[u8]| -> Result<PathBuf> {
        let path = dir.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    let program = write("program.bin".into(), &case.job.program.program().encoded())?;
    let program = program.display().to_string();
    let answer = cli
        .run(&["program", "register", &program, "--suri", requester])
        .await?;
    let hash = text(&answer, "program_hash")?;
    let mut args: Vec<String> = ["model", "register", "--program", &hash]
        .map(String::from)
        .into();
    for (index, weights) in case.job.weights().into_iter().enumerate() {
        let path = write(format!("{index}.bin"), weights)?;
        args.extend(["--weights".into(), path.display().to_string()]);
    }
    let rest = [
        "--licence",
        "Apache-2.0",
        "--store",
        store,
        "--suri",
        requester,
    ];
    args.extend(rest.map(String::from));
    let model = number(&cli.run(&args).await?, "model")?;
    let input = write("input.bin".into(), &case.job.input)?;
    let root = cli.put(&input, store).await?;
    let order = Order {
        model,
        input_root: &root,
        batch: case.job.batch,
        policy: Policy::Optimistic,
        window: WINDOW,
        max_pay: "1 AUR",
        requester,
    };
    order.create(cli).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_program_that_ends_with_each_operator() {
        let cases = cases(OPERATORS.len()).unwrap();
        let names: Vec<_> = cases.iter().map(|case| case.operator).collect();
        assert_eq!(names, OPERATORS);
    }

    #[test]
    fn a_few_cases_are_spread() {
        let cases = cases(3).unwrap();
        assert_eq!(cases.len(), 3);
        assert_ne!(cases[0].operator, cases[1].operator);
    }
}
