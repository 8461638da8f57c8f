//! A provider that lies in every operator there is, and a watcher that catches it.
//!
//! Two nodes follow one chain. The first has the lying provider's worker key and a daemon that
//! flips a bit in the last node of whatever it runs; the second has a watcher's key and an honest
//! daemon. For each kind of operator there is a job whose program ends with it. Nobody but the two
//! nodes acts: the watcher runs what is claimed, announces, asks for the wrong tensor, and proves
//! one element of it false.
//!
//! Two more liars, without nodes of their own, show nothing: one has a wrong element and answers no
//! demand for it, the other claims the root of a tensor that does not exist. They lose by silence.
//!
//! A provider is jailed with its first lie that is shown, so a few jobs at a time are drawn to
//! each, and the next few to a new one that uses the same node and daemon.

use crate::{
    athanor::{aur, number, text, Athanor},
    chain,
    daemon::{Fault, LAST_NODE},
    network::{DaemonPlan, Network},
    node::NodePlan,
    progress::{Progress, Step},
    provide::{Provide, Runner},
    rpc::wait_for,
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
/// How long a job may wait for the liar it is meant for.
const DRAWN: Duration = Duration::from_secs(300);
/// Liars who show nothing, with their names in the table and of their secrets.
const SILENT: [(&str, &str, Fault); 2] = [
    (
        "hidden element",
        "hidden-element",
        Fault::HiddenElement(LAST_NODE),
    ),
    ("wrong root", "wrong-root", Fault::WrongRoot(LAST_NODE)),
];
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
    (0..count).map(|i| case(i * all / count, 0)).collect()
}

/// A case for an operator, from the first seed of `from` on that gives one.
fn case(operator: usize, from: u64) -> Result<Case> {
    let name = *OPERATORS.get(operator).context("no such operator")?;
    (from..from.saturating_add(SEEDS))
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
        DaemonPlan::faulty("alice", Fault::WrongElement(LAST_NODE)),
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

    let step = progress.step("start liars without nodes, who show nothing");
    let followed = [ws.clone(), network.node("watcher")?.ws()];
    let mut silent = Vec::new();
    for liar in SILENT {
        silent.push(Silent::start(tools, workspace, &cli, &followed, &store, liar).await?);
    }
    let orders = silent
        .iter()
        .zip(REQUESTERS)
        .map(|(liar, requester)| liar.order(&cli, requester, &store, workspace, &step));
    let hidden = futures::future::try_join_all(orders).await?;
    for job in &hidden {
        wait_for("the draw of a silent liar", DRAWN, || async {
            let state = chain::job(&ws, job.id).await?;
            Ok(state.is_none_or(|job| job.status != "Open").then_some(()))
        })
        .await?;
    }
    step.done(hidden.len());

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
            let end = Caught::of(&outcome, &liar, "fraud_proven");
            if !end.caught {
                missed.push(*operator);
            }
            table.add_row(end.row(operator, job));
            step.done(end.words());
        }
    }
    let total = total + hidden.len();
    for (liar, job) in silent.iter_mut().zip(&hidden) {
        let step = progress.step(format!("{}: wait for the end of job {}", liar.name, job.id));
        let outcome = Outcome::watch(&cli, job, JOB_SECONDS, &step).await?;
        network.ensure_running()?;
        liar.provide.ensure_running()?;
        let end = Caught::of(&outcome, &liar.address, "data_withheld");
        if !end.caught {
            missed.push(liar.name);
        }
        table.add_row(end.row(liar.name, job));
        step.done(end.words());
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

/// What became of a liar.
struct Caught {
    state: String,
    fault: String,
    caught: bool,
}

impl Caught {
    /// Whether a provider was struck for `fault`, and paid nothing.
    fn of(outcome: &Outcome, liar: &str, fault: &str) -> Self {
        let found = outcome.struck.iter().find(|(who, _)| who == liar);
        let found = found.map_or("nothing", |(_, found)| found.as_str());
        Self {
            state: outcome.state.clone(),
            fault: found.into(),
            caught: found == fault && outcome.paid_to(liar) == 0,
        }
    }

    fn row(&self, name: &str, job: &Job) -> [String; 4] {
        let Self { state, fault, .. } = self;
        [
            name.into(),
            job.id.to_string(),
            state.clone(),
            fault.clone(),
        ]
    }

    fn words(&self) -> String {
        format!("{}, struck for {}", self.state, self.fault)
    }
}

/// A liar without a node, and the model that it alone takes.
struct Silent {
    name: &'static str,
    provide: Provide,
    owner: String,
    worker: String,
    case: Case,
    address: String,
}

impl Silent {
    async fn start(
        tools: &Tools,
        workspace: &Workspace,
        cli: &Athanor,
        nodes: &[String],
        store: &str,
        (name, secret, fault): (&'static str, &'static str, Fault),
    ) -> Result<Self> {
        let (owner, worker) = (format!("//Silent//{secret}"), format!("//Mute//{secret}"));
        let runner = Runner::Own {
            gateway: store,
            fault: Some(fault),
        };
        let provide = Provide::start(tools, workspace, secret, nodes, &worker, runner).await?;
        let address = cli.address(&worker).await?;
        cli.transfer("//Bob", &address, WORKER_MONEY).await?;
        Ok(Self {
            name,
            provide,
            address: cli.address(&owner).await?,
            owner,
            worker,
            // Any will do but those of the other liars: a program is registered once.
            case: Case {
                operator: secret,
                ..case(usize::from(matches!(fault, Fault::WrongRoot(_))), SEEDS)?
            },
        })
    }

    /// Publishes a model, registers the liar for it, and orders a job.
    async fn order(
        &self,
        cli: &Athanor,
        requester: &str,
        store: &str,
        workspace: &Workspace,
        step: &Step,
    ) -> Result<Job> {
        let model = publish(cli, &self.case, requester, store, workspace).await?;
        let number = model.to_string();
        let provider = Provider {
            owner: &self.owner,
            worker: &self.worker,
            endpoint: self.provide.url(),
            bond: BOND,
            funder: "//Alice//stash",
            offer: &["--model", &number],
        };
        provider.register(cli).await?;
        let job = create(cli, &self.case, model, requester, store, workspace).await?;
        step.note(format!("job {}: {}", job.id, self.name));
        Ok(job)
    }
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
    let model = publish(cli, case, requester, store, workspace).await?;
    create(cli, case, model, requester, store, workspace).await
}

/// Writes a file of a case.
fn write(workspace: &Workspace, case: &Case, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let dir = workspace.data(&format!("case-{}", case.operator))?;
    let path = dir.join(name);
    std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Registers a case's program and model, and uploads its weights. Answers the model's id.
async fn publish(
    cli: &Athanor,
    case: &Case,
    requester: &str,
    store: &str,
    workspace: &Workspace,
) -> Result<u64> {
    let program = case.job.program.program().encoded();
    let program = write(workspace, case, "program.bin", &program)?;
    let program = program.display().to_string();
    let answer = cli
        .run(&["program", "register", &program, "--suri", requester])
        .await?;
    let hash = text(&answer, "program_hash")?;
    let mut args: Vec<String> = ["model", "register", "--program", &hash]
        .map(String::from)
        .into();
    for (index, weights) in case.job.weights().into_iter().enumerate() {
        let path = write(workspace, case, &format!("{index}.bin"), weights)?;
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
    number(&cli.run(&args).await?, "model")
}

/// Uploads a case's input and creates its job.
async fn create(
    cli: &Athanor,
    case: &Case,
    model: u64,
    requester: &str,
    store: &str,
    workspace: &Workspace,
) -> Result<Job> {
    let input = write(workspace, case, "input.bin", &case.job.input)?;
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
        for (operator, own) in cases.iter().enumerate().take(SILENT.len()) {
            let other = case(operator, SEEDS).unwrap().job.program;
            assert_ne!(other.program(), own.job.program.program());
        }
    }

    #[test]
    fn who_is_struck_for_something_else_or_paid_is_not_caught() {
        let outcome = |fault: &str, paid: Vec<(String, u128)>| Outcome {
            state: "failed".into(),
            output_root: None,
            paid,
            struck: vec![("liar".into(), fault.into())],
            fees: 0,
            refund: 0,
        };
        let caught = |outcome: &Outcome| Caught::of(outcome, "liar", "data_withheld").caught;
        assert!(caught(&outcome("data_withheld", vec![])));
        assert!(!caught(&outcome("fraud_proven", vec![])));
        assert!(!caught(&outcome("data_withheld", vec![("liar".into(), 1)])));
        let other = Caught::of(&outcome("data_withheld", vec![]), "other", "data_withheld");
        assert!(!other.caught && other.words().contains("nothing"));
    }

    #[test]
    fn a_few_cases_are_spread() {
        let cases = cases(3).unwrap();
        assert_eq!(cases.len(), 3);
        assert_ne!(cases[0].operator, cases[1].operator);
    }
}
