//! Nodes and daemons killed at every step of a job.
//!
//! In one part two providers share jobs whose commitments and reveals must agree: one works by
//! `gpu-worker provide` and follows two nodes, the other has a node and a daemon. In the other part
//! a provider lies and a watcher convicts it, between whose announcement and proof either side is
//! killed, also while the liar owes an answer; meanwhile the first provider does a job for a
//! requester who is interrupted whenever he waits. The first validator keeps the chain going. Each
//! time a job or its replica comes to another step something is killed and started again. Every job
//! must end as designed, and then every account have, and have on hold, to the unit what the money
//! table says.

mod money;
mod requester;

use crate::{
    athanor::{aur, Athanor},
    chain::{self, JobState, Replica},
    daemon::Fault,
    digits::Digits,
    load::follow::Signer,
    market::{
        self,
        ledger::{Key, Ledger, Snapshot},
    },
    network::{DaemonPlan, Network},
    node::NodePlan,
    progress::{Progress, Step},
    provide::{Provide, Runner},
    rpc::wait_for,
    story::{publish, register_model, Job, Order, Outcome, Policy, Provider},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use money::{End, Expected};
use requester::Requester;
use serde_json::json;
use std::{collections::BTreeMap, path::Path, time::Duration};

/// Digits in a job of two providers.
const BATCH: u32 = 64;
/// Digits in a disputed job: the first node's output is too long for one answer.
const LONG: u32 = 600;
/// A provider's bond.
const BOND: u128 = 1_000_000_000_000_000;
/// The most a job pays a provider.
const MAX_PAY: &str = "1 AUR";
const BUDGET: u128 = 1_000_000_000_000;
/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a job may take after the last kill.
const JOB_SECONDS: u64 = 1_200;
/// Who orders the jobs of two providers and the disputed ones, and who is interrupted.
const REQUESTERS: [&str; 2] = ["//Eve", "//Charlie"];
/// Secrets of the provider without a node, and of its worker key.
const NODELESS: [&str; 2] = ["//ProviderAlice", "//WorkerAlice"];
/// Secrets of the provider whose node and daemon are killed, and of its worker key.
const HONEST: [&str; 2] = ["//ProviderBob", "//Worker"];
/// Secret of the watcher's key.
const WATCHER: &str = "//Watcher";
/// For the watcher's fees, bonds and questions.
const WATCHER_MONEY: &str = "100 AUR";
/// For a worker key: more than a settlement fills it up to.
const WORKER_MONEY: &str = "10 AUR";
/// A middle value's element is wrong, and all that follows.
const LIE: Fault = Fault::WrongElement(0);

/// Declared so slow that no deadline passes while a node starts again: about four blocks for the
/// run and fifty for the blobs.
const SLOW: [&str; 4] = ["--macs-time", "25000000000", "--bandwidth", "100"];
/// For the long input, with which this is as slow.
const LESS_SLOW: [&str; 4] = ["--macs-time", "2000000000", "--bandwidth", "1000"];
/// What turns to another node needs less.
const FAIRLY_FAST: [&str; 2] = ["--macs-time", "200000000"];

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Victim {
    /// A provider's node.
    Node,
    /// A provider's daemon.
    Daemon,
    /// Both at a time.
    Both,
    /// The provider without a node.
    Provide,
    /// A liar's node and daemon.
    Liar,
    /// The node and the daemon of the watcher who convicts it.
    Watcher,
    /// Those of the liar and of the watcher at a time.
    Disputants,
}

impl Victim {
    fn name(self) -> &'static str {
        match self {
            Victim::Node => "the node",
            Victim::Daemon => "the daemon",
            Victim::Both => "the node and the daemon",
            Victim::Provide => "the provider without a node",
            Victim::Liar => "the liar's node and daemon",
            Victim::Watcher => "the watcher's node and daemon",
            Victim::Disputants => "the liar's and the watcher's nodes and daemons",
        }
    }

    /// Whether its job is a disputed one.
    fn disputes(self) -> bool {
        matches!(self, Victim::Liar | Victim::Watcher | Victim::Disputants)
    }

    fn nodes(self) -> &'static [&'static str] {
        match self {
            Victim::Node | Victim::Both | Victim::Liar => &["bob"],
            Victim::Watcher => &["watcher"],
            Victim::Disputants => &["bob", "watcher"],
            Victim::Daemon | Victim::Provide => &[],
        }
    }

    fn daemons(self) -> &'static [&'static str] {
        match self {
            Victim::Daemon => &["bob"],
            Victim::Node | Victim::Provide => &[],
            _ => self.nodes(),
        }
    }

    /// The steps it is killed at whatever else happens, the most wanted first. The others may pass
    /// unseen: whoever takes them last may do it while something is started again.
    fn steps(self) -> &'static [Point] {
        match self {
            Victim::Liar | Victim::Disputants => &[
                ASKED,
                Point::Running,
                ASKED_AGAIN,
                Point::Assigned,
                Point::Ended,
            ],
            Victim::Watcher => &[Point::Claimed, Point::Assigned, Point::Ended],
            // What signs may be up again in time to open the reveals by its own.
            Victim::Daemon | Victim::Provide => &[
                Point::Running,
                Point::Sealed,
                Point::Assigned,
                Point::Claimed,
                Point::Open,
                Point::Ended,
            ],
            // A node commits, or reveals, as soon as it runs again, and that may be before it counts
            // as started.
            Victim::Node | Victim::Both => &[
                Point::Running,
                Point::Assigned,
                Point::Claimed,
                Point::Open,
                Point::Ended,
            ],
        }
    }

    /// Steps of which it is killed at one at least, whichever is seen.
    fn either(self) -> &'static [Point] {
        match self {
            Victim::Node | Victim::Both => &[Point::Sealed, Point::Revealing],
            _ => &[],
        }
    }
}

/// What is played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is killed, each in a job of its own.
    pub victims: Vec<Victim>,
    /// At how many steps of each job; at every step if none is given.
    pub points: Option<usize>,
}

/// A step of a job's life, as far as one replica sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    /// Created, nobody drawn.
    Open,
    /// Drawn, not accepted.
    Assigned,
    /// Accepted, others may not have.
    Accepted,
    /// Everybody accepted; not committed.
    Running,
    /// Committed, others may not have.
    Committed,
    /// Everybody committed.
    Sealed,
    /// Reveals are open; not revealed.
    Revealing,
    /// Revealed, others may not have.
    Revealed,
    /// The window, and nobody doubts.
    Claimed,
    /// A dispute: 0 announced, 1 asked, 2 answered, 3 asked again, and so on.
    Disputed(u8),
    /// The end.
    Ended,
}

/// The claimant owes its first answer, and its second.
const ASKED: Point = Point::Disputed(1);
const ASKED_AGAIN: Point = Point::Disputed(3);

/// Where a job is, for the replica of one worker key; a job that is gone has ended.
fn point(job: Option<&JobState>, worker: &Key) -> Point {
    let Some(job) = job else { return Point::Ended };
    let own: Option<&Replica> = job.replicas.iter().find(|r| r.worker == *worker);
    match (job.status.as_str(), own) {
        ("Open", _) => Point::Open,
        ("Assigned", Some(own)) if own.accepted => Point::Accepted,
        ("Assigned", _) => Point::Assigned,
        ("Running", Some(own)) if own.committed => Point::Committed,
        ("Running", _) => Point::Running,
        ("Sealed", _) => Point::Sealed,
        ("Revealing", Some(own)) if own.revealed => Point::Revealed,
        ("Revealing", _) => Point::Revealing,
        ("Claimed", _) => job
            .threads
            .iter()
            .map(|thread| {
                let asked = u8::from(thread.status == "Asked");
                Point::Disputed(thread.answers.saturating_mul(2).saturating_add(asked))
            })
            .max()
            .unwrap_or(Point::Claimed),
        _ => Point::Ended,
    }
}

/// What all jobs share.
struct Stage<'a> {
    network: Network,
    provide: Provide,
    cli: &'a Athanor,
    ws: &'a str,
    ledger: Ledger,
    answer_price: u128,
    window: u32,
    points: Option<usize>,
    accounts: Vec<Key>,
}

/// Kills each victim at every step of a job of its own.
///
/// # Errors
///
/// If a job ends otherwise than it should, or a balance is another.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    plan: &Plan,
    progress: Progress,
) -> Result<()> {
    let digits = Digits::find()?;
    let disputes = plan.victims.iter().any(|victim| victim.disputes());
    let shared = plan.victims.iter().any(|victim| !victim.disputes());
    let step = progress.step("start the nodes, their daemons, and a provider without a node");
    let mut daemons = vec![DaemonPlan::honest("provide"), DaemonPlan::honest("bob")];
    if disputes {
        daemons.push(DaemonPlan::honest("watcher"));
    }
    let mut network = Network::on_preset(tools, workspace, "development", &daemons).await?;
    for plan in [NodePlan::validator("alice"), NodePlan::full("bob")] {
        network.add_node(tools, workspace, plan).await?;
    }
    if disputes {
        let watching = NodePlan::full("watcher").with_args(&["--watch", "1"]);
        network.add_node(tools, workspace, watching).await?;
    }
    network.wait_for_finality(&[], 1, PATIENCE).await?;
    let ws = network.first()?.ws();
    let store = network.daemon("provide")?.url().to_string();
    let followed = [network.node("bob")?.ws(), ws.clone()];
    let runner = Runner::Daemon(&store);
    let [_, worker] = NODELESS;
    let provide = Provide::start(tools, workspace, "nodeless", &followed, worker, runner).await?;
    step.done(&ws);

    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let rpc = network.first()?.rpc().clone();
    let mut stage = Stage {
        network,
        provide,
        cli: &cli,
        ws: &ws,
        ledger: Ledger::new(&rpc, &ws).await?,
        answer_price: chain::job_constant(&ws, "AnswerPrice").await?,
        window: chain::job_constant(&ws, "MinWindow").await?,
        points: plan.points,
        accounts: vec![market::treasury()],
    };
    let step = progress.step("register the digits model and the provider without a node");
    let model = publish(&cli, &digits, &store, "//Dave").await?;
    let own = model.id.to_string();
    let offer = ["--model", own.as_str()];
    stage
        .register(NODELESS, &[&FAIRLY_FAST[..], &offer].concat())
        .await?;
    for requester in REQUESTERS {
        stage.accounts.push(Signer::new(requester)?.account().0);
    }
    let input = workspace.data("input")?.join("digits.bin");
    step.done("");

    let mut kills = 0;
    if shared {
        let step = progress.step("register a provider with a node");
        stage.insert_key("bob", "gpuw", HONEST[1]).await?;
        stage
            .register(HONEST, &[&SLOW[..], &offer].concat())
            .await?;
        let input_root = put(&cli, &digits, BATCH, &input, &store).await?;
        step.done("");
        for victim in plan.victims.iter().filter(|victim| !victim.disputes()) {
            let step = progress.step(format!("kill {} at every step", victim.name()));
            let (killed, paid) = stage.share(*victim, model.id, &input_root, &step).await?;
            kills += killed;
            step.done(format!(
                "killed {killed} times, settled, {} paid",
                aur(paid)
            ));
        }
        let pause = ["provider", "pause", "--suri", HONEST[0]];
        cli.run(&pause).await?;
    }
    if disputes {
        let step = progress.step("register a model for liars, and a watcher");
        let lies = register_model(&cli, &digits, &model.program_hash, &store, "//Dave").await?;
        let watcher = cli.address(WATCHER).await?;
        cli.transfer("//Alice//stash", &watcher, WATCHER_MONEY)
            .await?;
        stage.insert_key("watcher", "gpww", WATCHER).await?;
        stage.accounts.push(Signer::new(WATCHER)?.account().0);
        let input_root = put(&cli, &digits, LONG, &input, &store).await?;
        let daemon = stage.network.daemon_mut("bob")?;
        daemon.set_fault(Some(LIE));
        daemon.restart().await?;
        let requester =
            Requester::new(tools, workspace, &ws, &store, &digits, REQUESTERS[1]).await?;
        step.done(&watcher);
        let disputed = plan.victims.iter().filter(|victim| victim.disputes());
        for (number, victim) in disputed.enumerate() {
            let step = progress.step(format!("dispute {number}: register a liar"));
            // Once convicted it is in jail.
            let (owner, worker) = (format!("//Liar//{number}"), format!("//Lies//{number}"));
            stage.insert_key("bob", "gpuw", &worker).await?;
            let model_text = lies.to_string();
            let offer = [&LESS_SLOW[..], &["--model", &model_text]].concat();
            let liar = stage.register([&owner, &worker], &offer).await?;
            step.done(&liar);
            let step = progress.step(format!("kill {} at every step", victim.name()));
            // One interruption at each step is enough.
            let aside = (number == 0).then_some((&requester, model.id));
            let killed = stage
                .dispute(*victim, (&liar, &worker), lies, &input_root, aside, &step)
                .await?;
            kills += killed;
            step.done(format!("killed {killed} times, the liar was convicted"));
        }
    }
    println!("killed {kills} times, every job ended as designed, every balance to the unit");
    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    Ok(())
}

/// Uploads the first digits, by way of a file. Answers the root.
async fn put(
    cli: &Athanor,
    digits: &Digits,
    batch: u32,
    file: &Path,
    store: &str,
) -> Result<String> {
    std::fs::write(file, digits.input(batch)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    cli.put(file, store).await
}

impl Stage<'_> {
    /// Puts a secret's key into a node's keystore.
    async fn insert_key(&mut self, node: &str, kind: &str, suri: &str) -> Result<()> {
        let key = format!("0x{}", hex::encode(self.cli.public_key(suri).await?));
        let node = self.network.node_mut(node)?;
        node.rpc()
            .call("author_insertKey", json!([kind, suri, key]))
            .await
    }

    /// Registers a provider of these two secrets. Answers its address.
    async fn register(&mut self, [owner, worker]: [&str; 2], offer: &[&str]) -> Result<String> {
        let worker_address = self.cli.address(worker).await?;
        self.cli
            .transfer("//Alice//stash", &worker_address, WORKER_MONEY)
            .await?;
        let provider = Provider {
            owner,
            worker,
            endpoint: self.provide.url(),
            bond: BOND,
            funder: "//Alice//stash",
            offer,
        };
        for suri in [owner, worker] {
            self.accounts.push(Signer::new(suri)?.account().0);
        }
        provider.register(self.cli).await
    }

    /// Everybody's money after the last final block, once all that is done now is final.
    async fn snapshot(&self) -> Result<Snapshot> {
        let head = self.ledger.rpc.best_block().await?;
        self.network
            .wait_for_finality(&["alice"], head, PATIENCE)
            .await?;
        self.ledger.snapshot(&self.accounts).await
    }

    /// A job of both honest providers. Answers how often something was killed and what was paid.
    async fn share(
        &mut self,
        victim: Victim,
        model: u64,
        input_root: &str,
        step: &Step,
    ) -> Result<(usize, u128)> {
        let before = self.snapshot().await?;
        let order = Order {
            model,
            input_root,
            batch: BATCH,
            policy: Policy::Replicated {
                replicas: 2,
                quorum: 2,
            },
            window: self.window,
            max_pay: MAX_PAY,
            requester: REQUESTERS[0],
        };
        let job = order.create(self.cli).await?;
        let [_, worker] = if victim == Victim::Provide {
            NODELESS
        } else {
            HONEST
        };
        let worker = Signer::new(worker)?.account().0;
        let killed = self.torment(&job, &worker, victim, step).await?;
        let outcome = Outcome::watch(self.cli, &job, JOB_SECONDS, step).await?;
        outcome.ensure_settled()?;
        ensure!(
            outcome.struck.is_empty() && outcome.paid.len() == 2,
            "not both providers were paid, or somebody was struck: {outcome:?}"
        );
        self.running()?;
        let after = self.snapshot().await?;
        let ended = [(job.id, REQUESTERS[0], End::Settled)];
        self.ensure_money(&before, &after, &ended)?;
        self.ensure_signed_once(&before, &after, &[job.id]).await?;
        Ok((killed, outcome.total_paid()))
    }

    /// A job of a liar, and beside it one of the provider without a node for a requester who is
    /// interrupted. Answers how often something was killed.
    async fn dispute(
        &mut self,
        victim: Victim,
        (liar, worker): (&str, &str),
        model: u64,
        input_root: &str,
        aside: Option<(&Requester<'_>, u64)>,
        step: &Step,
    ) -> Result<usize> {
        let before = self.snapshot().await?;
        if aside.is_some() {
            // Back to the first of its nodes, which is killed soon.
            self.provide.restart().await?;
        }
        let left = self.provide.logged(LEFT)?;
        let order = Order {
            model,
            input_root,
            batch: LONG,
            policy: Policy::Optimistic,
            window: self.window,
            max_pay: MAX_PAY,
            requester: REQUESTERS[0],
        };
        let worker = Signer::new(worker)?.account().0;
        let (window, cli) = (self.window, self.cli);
        let beside = async {
            match aside {
                Some((requester, model)) => requester.play(model, window).await.map(Some),
                None => Ok(None),
            }
        };
        let disputed = async {
            let job = order.create(cli).await?;
            let killed = self.torment(&job, &worker, victim, step).await?;
            let outcome = Outcome::watch(cli, &job, JOB_SECONDS, step).await?;
            anyhow::Ok((job, killed, outcome))
        };
        let ((job, killed, outcome), beside) = tokio::try_join!(disputed, beside)?;
        ensure!(
            outcome.state == "failed"
                && outcome.struck == [(liar.to_string(), "fraud_proven".to_string())]
                && outcome.paid.is_empty(),
            "the liar was not convicted: {outcome:?}"
        );
        self.running()?;
        let after = self.snapshot().await?;
        let challenger = Signer::new(WATCHER)?.account().0;
        let mut ended = vec![(job.id, REQUESTERS[0], End::Struck { challenger })];
        if let Some((id, _)) = beside {
            ended.push((id, REQUESTERS[1], End::Settled));
            ensure!(
                victim == Victim::Watcher || self.provide.logged(LEFT)? > left,
                "the provider without a node has not left a node that was killed"
            );
        }
        self.ensure_money(&before, &after, &ended)?;
        let answers = after.jobs.get(&job.id).map_or(0, |job| job.answers.len());
        ensure!(answers >= 2, "only {answers} demands were answered");
        if let Some((id, _)) = beside {
            self.ensure_signed_once(&before, &after, &[id]).await?;
        }
        Ok(killed)
    }

    fn running(&mut self) -> Result<()> {
        self.network.ensure_running()?;
        self.provide.ensure_running()
    }

    /// Compares every account with the money table of the jobs that ended between two snapshots:
    /// job, requester and end of each.
    fn ensure_money(
        &self,
        before: &Snapshot,
        after: &Snapshot,
        ended: &[(u64, &str, End)],
    ) -> Result<()> {
        let treasury = market::treasury();
        let mut expected = Expected::default();
        for (id, requester, end) in ended {
            let happened = after.jobs.get(id).context("a job without events")?;
            let job = money::Job {
                requester: Signer::new(requester)?.account().0,
                budget: BUDGET,
                end: *end,
                happened,
            };
            expected.ends(&job, self.answer_price, treasury)?;
        }
        let jobs = after.jobs.len().checked_sub(before.jobs.len());
        ensure!(
            jobs == Some(ended.len()),
            "{jobs:?} jobs were created, not {}",
            ended.len()
        );
        for key in &self.accounts {
            let of = |snapshot: &Snapshot| -> Result<(i128, i128)> {
                let total = snapshot.total.get(key).copied().unwrap_or_default();
                let fees = if *key == treasury {
                    -i128::try_from(snapshot.fees_to_treasury)?
                } else {
                    i128::try_from(snapshot.fees.get(key).copied().unwrap_or_default())?
                };
                let held = snapshot.held.get(key).copied().unwrap_or_default();
                Ok((i128::try_from(total)? + fees, i128::try_from(held)?))
            };
            let ((total, held), (had, had_held)) = (of(after)?, of(before)?);
            let (got, wanted) = (total - had, expected.total.of(key));
            ensure!(
                got == wanted,
                "the account 0x{} should have {wanted} more than before and has {got}, fees apart",
                hex::encode(key)
            );
            let (got, wanted) = (held - had_held, expected.held(key));
            ensure!(
                got == wanted,
                "of the account 0x{}, {wanted} more than before should be held, and {got} is",
                hex::encode(key)
            );
        }
        Ok(())
    }

    /// Whether the provider without a node signed what these jobs asked of it once each, and nothing
    /// that a pool still has or the chain refused.
    async fn ensure_signed_once(
        &self,
        before: &Snapshot,
        after: &Snapshot,
        jobs: &[u64],
    ) -> Result<()> {
        let [provider, worker] = NODELESS;
        let (provider, worker) = (
            Signer::new(provider)?.account(),
            Signer::new(worker)?.account(),
        );
        let count = |of: &BTreeMap<Key, u64>| of.get(&worker.0).copied().unwrap_or_default();
        let refused = count(&after.refused) - count(&before.refused);
        ensure!(refused == 0, "{refused} calls of {worker} were refused");
        for id in jobs {
            let happened = after.jobs.get(id).context("a job without events")?;
            let times = |list: &[Key]| list.iter().filter(|key| **key == provider.0).count();
            let (commits, reveals) = (times(&happened.committed), times(&happened.revealed));
            ensure!(
                commits <= 1 && reveals == 1,
                "in job {id} {provider} committed {commits} times and revealed {reveals} times"
            );
        }
        let next = self.ledger.rpc.nonce(&worker.to_string()).await?;
        let signed = count(&after.signed);
        ensure!(
            next == signed,
            "{worker} has signed {next} transactions, of which {signed} are in blocks"
        );
        Ok(())
    }

    /// Kills the victim each time the job comes to another step, until it has ended. Answers how
    /// often that happened.
    async fn torment(
        &mut self,
        job: &Job,
        worker: &Key,
        victim: Victim,
        step: &Step,
    ) -> Result<usize> {
        let sure = victim.steps();
        let chosen: Option<Vec<Point>> = self
            .points
            .map(|points| sure.iter().copied().take(points).collect());
        let (mut last, mut killed) = (None, Vec::new());
        while last != Some(Point::Ended) {
            let ws = self.ws;
            let now = wait_for("the job's next step", PATIENCE, || async {
                let state = chain::job(ws, job.id).await?;
                let now = point(state.as_ref(), worker);
                Ok(last.is_none_or(|last| now > last).then_some(now))
            })
            .await?;
            last = Some(now);
            if chosen.as_ref().is_some_and(|chosen| !chosen.contains(&now)) {
                continue;
            }
            self.kill(victim).await?;
            killed.push(now);
            step.note(format!("job {}: killed at {now:?}", job.id));
        }
        let wanted = chosen.as_deref().unwrap_or(sure);
        let either = if chosen.is_some() {
            &[]
        } else {
            victim.either()
        };
        let seen = |point: &Point| killed.contains(point);
        ensure!(
            wanted.iter().all(seen) && (either.is_empty() || either.iter().any(seen)),
            "some steps were too short to be seen; killed at {killed:?} only"
        );
        Ok(killed.len())
    }

    /// Kills all of a victim, and starts it again.
    async fn kill(&mut self, victim: Victim) -> Result<()> {
        for name in victim.daemons() {
            self.network.daemon_mut(name)?.kill()?;
        }
        for name in victim.nodes() {
            self.network.node_mut(name)?.kill()?;
        }
        if victim == Victim::Provide {
            self.provide.restart().await?;
        }
        for name in victim.daemons() {
            self.network.daemon_mut(name)?.restart().await?;
        }
        for name in victim.nodes() {
            self.network.node_mut(name)?.restart().await?;
        }
        Ok(())
    }
}

/// What a provider without a node says when its node fails it.
const LEFT: &str = "left the node";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::ThreadState;

    fn state(status: &str, accepted: bool, committed: bool, revealed: bool) -> JobState {
        JobState {
            status: status.into(),
            replicas: vec![Replica {
                worker: [1; 32],
                accepted,
                committed,
                revealed,
            }],
            threads: vec![],
        }
    }

    fn disputed(threads: &[(&str, u8)]) -> JobState {
        let threads = threads.iter().map(|(status, answers)| ThreadState {
            status: (*status).into(),
            answers: *answers,
        });
        JobState {
            threads: threads.collect(),
            ..state("Claimed", true, true, true)
        }
    }

    #[test]
    fn a_replicas_steps_follow_each_other() {
        let life = [
            state("Open", false, false, false),
            state("Assigned", false, false, false),
            state("Assigned", true, false, false),
            state("Running", true, false, false),
            state("Running", true, true, false),
            state("Sealed", true, true, false),
            state("Revealing", true, true, false),
            state("Revealing", true, true, true),
            state("Claimed", true, true, true),
            disputed(&[("Announced", 0)]),
            disputed(&[("Asked", 0)]),
            disputed(&[("Answered", 1)]),
            disputed(&[("Announced", 0), ("Asked", 1)]),
            disputed(&[("Answered", 2)]),
        ];
        let mut seen: Vec<_> = life.iter().map(|job| point(Some(job), &[1; 32])).collect();
        seen.push(point(None, &[1; 32]));
        assert!(seen.is_sorted());
        seen.dedup();
        assert_eq!(seen.len(), 15);
        assert_eq!((seen[10], seen[12]), (ASKED, ASKED_AGAIN));
    }

    #[test]
    fn others_steps_are_not_the_replicas() {
        let job = state("Assigned", true, false, false);
        assert_eq!(point(Some(&job), &[2; 32]), Point::Assigned);
    }

    #[test]
    fn all_steps_that_are_sure_are_twenty_and_more() {
        use clap::ValueEnum;
        let all = Victim::value_variants();
        let sure: usize = all.iter().map(|victim| victim.steps().len()).sum();
        assert!(sure >= 20, "{sure}");
    }
}
