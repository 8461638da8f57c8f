//! A load of jobs on a development chain: how many settle a second, and how full the blocks are.
//!
//! Every provider and requester is a key of this program, which signs for them all as fast as the
//! chain takes it. Nothing is computed: the results are made up, and nobody objects. It is the
//! chain that is measured, not the work.

pub(crate) mod follow;

use crate::{
    athanor::{number, text, Athanor},
    chain,
    digits::Digits,
    network::Network,
    progress::Progress,
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use athanor_primitives::worker_consent;
use comfy_table::{presets::UTF8_FULL_CONDENSED, CellAlignment, Table};
use follow::{Block, Follower, Signer, State, INHERENTS};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use subxt::{dynamic::Value, utils::AccountId32};

/// The smallest units of an AUR.
pub(crate) const UNIT: u128 = 1_000_000_000_000;
/// Locked for each job: the least collateral of the runtime.
const COLLATERAL: u128 = 10 * UNIT;
/// The least pay of every offer.
const PAY: u128 = UNIT / 100;
/// For fees.
pub(crate) const POCKET_MONEY: u128 = 100 * UNIT;
/// Transactions handed over in one request.
pub(crate) const BATCH: usize = 100;
/// Jobs that may wait to be drawn. The chain draws a hundred a block, with 256 offers, and a job
/// that is not drawn in time expires.
const AHEAD: usize = 1_000;
/// Times that jobs are created, until enough of them have their deadline in one block.
const ROUNDS: usize = 8;
/// Jobs that a block surely has room to create: some seven hundred fill what normal calls may have.
const AT_ONCE: usize = 500;
/// Jobs of high value for each of those who create them, with [`HIGH_VALUE`] for each job.
const EACH: usize = 90;
/// What a job must pay to be of high value, and so open longer.
const HIGH_VALUE: u128 = 10_000 * UNIT;
/// More than any offer locks.
const TOO_MUCH: u128 = 1_000 * COLLATERAL;
/// Who has money for jobs of high value.
const RICH: [&str; 8] = [
    "//Alice",
    "//Bob",
    "//Charlie",
    "//Ferdie",
    "//Bob//stash",
    "//Charlie//stash",
    "//Dave//stash",
    "//Eve//stash",
];
/// Blocks in a row in which nothing may happen.
const QUIET: usize = 600;
/// Longest wait for anything to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
/// Most transactions the node keeps waiting.
pub(crate) const POOL: &str = "65536";

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Jobs, all live at the same time.
    pub jobs: u32,
    /// Providers with an offer, at most 256 and enough for 64 jobs each.
    pub offers: u32,
    /// Jobs that no offer takes, with their deadline in one block.
    pub expiring: u32,
}

pub(crate) fn account(account: &AccountId32) -> Value {
    Value::from_bytes(account.0)
}

fn numbers<const N: usize>(fields: [(&str, u128); N]) -> Value {
    Value::named_composite(fields.map(|(name, amount)| (name, Value::u128(amount))))
}

/// The network under load: who signs, and what was sent and not taken yet.
struct Load {
    follower: Follower,
    workers: BTreeMap<[u8; 32], Signer>,
    worker_of: BTreeMap<u64, [u8; 32]>,
    reveal: Vec<Value>,
    waiting: Vec<String>,
}

impl Load {
    /// Hands over what was signed, so much at a time.
    async fn submit(&mut self) -> Result<()> {
        for batch in std::mem::take(&mut self.waiting).chunks(BATCH) {
            self.follower.rpc.submit(batch).await?;
        }
        Ok(())
    }

    /// Signs what the replicas of a block owe.
    fn work(&mut self, state: &State, block: &Block) -> Result<()> {
        for (job, worker) in &block.assigned {
            self.worker_of.insert(*job, *worker);
            let signer = self
                .workers
                .get_mut(worker)
                .context("somebody else's worker")?;
            let call = signer.sign(state, "ComputeJobs.accept", vec![id(*job)])?;
            self.waiting.push(call);
        }
        for job in &block.running {
            let worker = self.worker_of.get(job).context("an unknown job runs")?;
            let signer = self
                .workers
                .get_mut(worker)
                .context("somebody else's worker")?;
            let mut args = vec![id(*job)];
            args.extend(self.reveal.iter().cloned());
            let call = signer.sign(state, "ComputeJobs.reveal", args)?;
            self.waiting.push(call);
        }
        Ok(())
    }

    /// Submits `calls` and waits until the chain has carried all of them out.
    async fn settle(&mut self, calls: Vec<String>) -> Result<()> {
        let wanted = calls.len();
        self.waiting = calls;
        self.submit().await?;
        let mut done = 0;
        while done < wanted {
            done += self
                .follower
                .next()
                .await?
                .extrinsics
                .saturating_sub(INHERENTS);
        }
        Ok(())
    }
}

fn id(job: u64) -> Value {
    Value::u128(job.into())
}

/// Terms of a job; `max_pay` below [`PAY`] makes one that no offer takes, and so does a
/// `min_collateral` of [`TOO_MUCH`].
fn terms(model: u64, window: u32, max_pay: u128, min_collateral: u128) -> Value {
    let policy = Value::named_variant(
        "Optimistic",
        [
            ("window", Value::u128(window.into())),
            ("audit", Value::u128(0)),
        ],
    );
    Value::named_composite([
        ("model", id(model)),
        ("input_root", Value::from_bytes([7; 32])),
        ("batch", Value::u128(1)),
        ("policy", policy),
        ("max_pay", Value::u128(max_pay)),
        ("max_wait", Value::u128(1_000)),
        ("min_collateral", Value::u128(min_collateral)),
        ("inline_output", Value::bool(false)),
        ("keep_receipt", Value::bool(false)),
        ("tip", Value::u128(0)),
    ])
}

fn offer() -> Value {
    let zero = numbers([
        ("macs", 0),
        ("ops", 0),
        ("bytes", 0),
        ("nodes", 0),
        ("load", 0),
    ]);
    Value::named_composite([
        ("rates", zero.clone()),
        ("minimum", Value::u128(PAY)),
        ("times", zero),
        ("bandwidth", Value::u128(1 << 40)),
        ("max_cost", Value::u128(u64::MAX.into())),
        ("memory", Value::u128(u64::MAX.into())),
        ("slots", Value::u128(64)),
        (
            "models",
            Value::unnamed_variant("AnyUpTo", [Value::u128(u64::MAX.into())]),
        ),
        ("max_collateral", Value::u128(100 * COLLATERAL)),
        ("max_window", Value::u128(u32::MAX.into())),
        ("valid_until", Value::u128(u32::MAX.into())),
    ])
}

/// Plays the load.
///
/// # Errors
///
/// If the chain does not take it, loses a job, or an invariant does not hold at the end.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    plan: Plan,
    progress: Progress,
) -> Result<()> {
    ensure!(
        plan.offers >= 1 && plan.offers <= 256 && plan.jobs <= plan.offers.saturating_mul(60),
        "there are 1 to 256 offers, for 60 jobs each: {} jobs need {} of them",
        plan.jobs,
        plan.jobs.div_ceil(60)
    );
    let step = progress.step("start a node");
    let pool = [
        "--pool-limit",
        POOL,
        "--pool-kbytes",
        "131072",
        "--rpc-max-request-size",
        "64",
    ];
    let network = Network::bare(tools, workspace, &pool).await?;
    network.wait_for_finality(&[], 1, PATIENCE).await?;
    let node = network.first()?;
    let ws = node.ws();
    step.done(&ws);

    let step = progress.step("register a program and a model");
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let digits = Digits::find()?;
    let (model, nodes) = model(&cli, &digits).await?;
    step.done(format!("model {model}"));

    let reveal = vec![
        Value::from_bytes([0; 32]),
        Value::unnamed_variant(
            "Roots",
            [Value::unnamed_composite((0..nodes).map(|node| {
                let mut root = [0; 32];
                root[..8].copy_from_slice(&(node as u64).to_le_bytes());
                Value::from_bytes(root)
            }))],
        ),
        Value::unnamed_variant("None", []),
    ];
    let mut load = Load {
        follower: Follower::new(node.rpc(), &ws).await?,
        workers: BTreeMap::new(),
        worker_of: BTreeMap::new(),
        reveal,
        waiting: Vec::new(),
    };

    let step = progress.step(format!(
        "register {} providers with their offers",
        plan.offers
    ));
    let jobs_each = plan.jobs.div_ceil(plan.offers).saturating_mul(2).min(64);
    providers(&mut load, plan.offers, u128::from(jobs_each) * COLLATERAL).await?;
    step.done("");

    let step = progress.step(format!("create {} jobs and settle them", plan.jobs));
    let mut requester = Signer::new("//Eve")?;
    requester.nonce = load
        .follower
        .rpc
        .nonce(&requester.account().to_string())
        .await?;
    let window = window(plan.jobs);
    let state = load.follower.state().await?;
    let jobs = (0..plan.jobs)
        .map(|_| {
            let terms = vec![terms(model, window, PAY, 0)];
            requester.sign(&state, "ComputeJobs.create_job", terms)
        })
        .collect::<Result<Vec<_>>>()?;
    let settling = end_all(&mut load, jobs, AHEAD, &step).await?;
    ensure!(
        settling.expired == 0,
        "{} jobs expired that somebody would have done",
        settling.expired
    );
    ensure!(
        settling.most_drawn >= plan.jobs as usize,
        "{} of {} jobs were live with a provider at a time",
        settling.most_drawn,
        plan.jobs
    );
    step.done(format!(
        "{} of {} settled, {} of them live at a time",
        settling.settled, plan.jobs, settling.most_drawn
    ));

    let step = progress.step(format!(
        "let {} jobs that no offer takes expire in one block",
        plan.expiring
    ));
    let expiring = expire_together(
        &mut load,
        &mut requester,
        &terms(model, window, 1, 0),
        &terms(model, window, HIGH_VALUE, TOO_MUCH),
        plan.expiring,
        &step,
    )
    .await?;
    ensure!(
        expiring.settled == 0,
        "{} jobs settled that nobody offered to do",
        expiring.settled
    );
    step.done(format!(
        "{} of {} expired, {} deadlines in one block",
        expiring.expired,
        expiring.created,
        expiring.most_deadlines()
    ));

    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    report(plan, &settling, &expiring);
    Ok(())
}

/// A window so long that all jobs are live together: the chain creates, draws and takes the claims
/// of some forty a block, and of thirty if it is slow.
fn window(jobs: u32) -> u32 {
    jobs.div_ceil(30).max(20)
}

/// Registers the model; its weights are nowhere, since nobody computes.
async fn model(cli: &Athanor, digits: &Digits) -> Result<(u64, usize)> {
    let file = digits.program_file().display().to_string();
    let answer = cli
        .run(&["program", "register", &file, "--suri", "//Dave"])
        .await?;
    let program = text(&answer, "program_hash")?;
    let mut args: Vec<String> = ["model", "register", "--program", &program]
        .map(String::from)
        .into();
    for weights in digits.weight_files() {
        args.extend(["--weights".into(), weights.display().to_string()]);
    }
    let rest = ["--licence", "Apache-2.0", "--suri", "//Dave"];
    args.extend(rest.map(String::from));
    let id = number(&cli.run(&args).await?, "model")?;
    Ok((id, digits.program().node_count()))
}

/// Funds and registers providers, each with a worker key and an offer.
async fn providers(load: &mut Load, count: u32, bond: u128) -> Result<()> {
    let state = load.follower.state().await?;
    let mut owners = Vec::new();
    let mut transfers = Vec::new();
    let pay = |to: &AccountId32, amount: u128| {
        let call = Value::named_variant(
            "transfer_keep_alive",
            [
                ("dest", Value::unnamed_variant("Id", [account(to)])),
                ("value", Value::u128(amount)),
            ],
        );
        Value::unnamed_variant("Balances", [call])
    };
    for i in 0..count {
        let owner = Signer::new(&format!("//Load//Provider//{i}"))?;
        let worker = Signer::new(&format!("//Load//Worker//{i}"))?;
        transfers.push(pay(&owner.account(), bond + 2 * POCKET_MONEY));
        transfers.push(pay(&worker.account(), POCKET_MONEY));
        owners.push((owner, worker));
    }
    let mut bank = Signer::new("//Alice//stash")?;
    bank.nonce = load.follower.rpc.nonce(&bank.account().to_string()).await?;
    let calls = transfers
        .chunks(BATCH)
        .map(|part| {
            let calls = Value::unnamed_composite(part.iter().cloned());
            bank.sign(&state, "Utility.batch_all", vec![calls])
        })
        .collect::<Result<Vec<_>>>()?;
    load.settle(calls).await?;

    let genesis = load.follower.client.genesis_hash().0;
    let mut calls = Vec::new();
    for (owner, worker) in &mut owners {
        let consent = worker
            .key
            .sign(&worker_consent(&genesis, &owner.account().0));
        let args = vec![
            account(&worker.account()),
            Value::from_bytes(b"http://127.0.0.1:1"),
            Value::from_bytes(consent.0),
        ];
        calls.push(owner.sign(&state, "ComputeJobs.register_provider", args)?);
        calls.push(owner.sign(&state, "ComputeJobs.add_bond", vec![Value::u128(bond)])?);
        calls.push(owner.sign(&state, "ComputeJobs.set_offer", vec![offer()])?);
    }
    load.settle(calls).await?;
    for (_, worker) in owners {
        load.workers.insert(worker.account().0, worker);
    }
    Ok(())
}

/// What was seen while jobs ended.
#[derive(Default)]
struct Seen {
    created: usize,
    settled: usize,
    expired: usize,
    /// Most jobs in the chain's state at a time.
    most_live: usize,
    /// Most of them that had a provider.
    most_drawn: usize,
    /// Jobs by the deadline they were created with.
    deadlines: BTreeMap<u32, usize>,
    most_ended_in_a_block: usize,
    /// Blocks in which jobs ended.
    ending: usize,
    first_ended: Option<Instant>,
    settled_per_second: f64,
    fullness: Vec<f64>,
    /// What hooks and inherents used, of each block that did not begin a session.
    hooks: Vec<f64>,
    blocks: u64,
    extrinsics: usize,
    quiet: usize,
}

impl Seen {
    fn ended(&self) -> usize {
        self.settled + self.expired
    }

    fn live(&self) -> usize {
        self.created.saturating_sub(self.ended())
    }

    fn most_deadlines(&self) -> usize {
        self.deadlines.values().copied().max().unwrap_or_default()
    }

    /// Counts what happened in a block.
    ///
    /// # Errors
    ///
    /// If a job failed in it, if it weighs more than a block may, or if nothing has happened for
    /// [`QUIET`] blocks.
    fn note(&mut self, block: &Block, step: &crate::progress::Step) -> Result<()> {
        let number = block.number;
        ensure!(
            block.failed == 0,
            "{} jobs failed in block {number}",
            block.failed
        );
        // What a new session weighs is as much as a block may, and on top of what is in it.
        ensure!(
            block.hooks.is_none() || block.fullness <= 1.0,
            "block {number} is {:.1} % full, {:.1} % by its hooks",
            100.0 * block.fullness,
            100.0 * block.hooks.unwrap_or_default()
        );
        self.created += block.created.len();
        for (_, deadline) in &block.created {
            *self.deadlines.entry(*deadline).or_default() += 1;
        }
        // Before those that end in the same block: hooks end them, after the calls.
        self.most_live = self.most_live.max(self.live());
        let ended = block.settled + block.expired;
        self.settled += block.settled;
        self.expired += block.expired;
        self.most_ended_in_a_block = self.most_ended_in_a_block.max(ended);
        self.blocks += 1;
        self.extrinsics += block.extrinsics.saturating_sub(INHERENTS);
        self.fullness.push(block.fullness);
        self.hooks.extend(block.hooks);
        if ended > 0 {
            self.ending += 1;
            self.first_ended.get_or_insert_with(Instant::now);
        }
        let events = ended + block.assigned.len() + block.running.len() + block.extrinsics;
        self.quiet = if events > INHERENTS {
            0
        } else {
            self.quiet + 1
        };
        ensure!(
            self.quiet <= QUIET,
            "nothing happens, {} of {} jobs have ended",
            self.ended(),
            self.created
        );
        if number.is_multiple_of(10) {
            step.note(format!(
                "block {number}: {:.0} % full, {} transactions, {} jobs live, {} ended",
                100.0 * block.fullness,
                block.extrinsics.saturating_sub(INHERENTS),
                self.live(),
                self.ended()
            ));
        }
        Ok(())
    }

    fn close(mut self) -> Self {
        let seconds = self
            .first_ended
            .map_or(0.0, |since| since.elapsed().as_secs_f64());
        // At least a block's time: a handful of jobs may all end in one block.
        self.settled_per_second = self.ended() as f64 / seconds.max(3.0);
        self.fullness.sort_by(f64::total_cmp);
        self.hooks.sort_by(f64::total_cmp);
        self
    }
}

/// Creates jobs, `ahead` of those drawn, and follows the chain until all of them have ended.
async fn end_all(
    load: &mut Load,
    creations: Vec<String>,
    ahead: usize,
    step: &crate::progress::Step,
) -> Result<Seen> {
    let mut seen = Seen::default();
    let jobs = creations.len();
    let mut creations = creations.into_iter();
    let mut ordered = 0usize;
    let drawn_before = load.worker_of.len();
    while seen.ended() < jobs {
        let drawn = load.worker_of.len() - drawn_before;
        let undrawn = ordered.saturating_sub(drawn.max(seen.ended()));
        let waiting = load.waiting.len();
        load.waiting
            .extend(creations.by_ref().take(ahead.saturating_sub(undrawn)));
        ordered += load.waiting.len() - waiting;
        load.submit().await?;
        let block = load.follower.next().await?;
        let state = load.follower.state().await?;
        let ended_before = seen.ended();
        seen.note(&block, step)?;
        load.work(&state, &block)?;
        // A job that is drawn again is one job.
        let drawn = load.worker_of.len() - drawn_before;
        seen.most_drawn = seen.most_drawn.max(drawn.saturating_sub(ended_before));
    }
    Ok(seen.close())
}

/// Follows the chain by a block in which nothing but jobs is created.
async fn follow(load: &mut Load, seen: &mut Seen, step: &crate::progress::Step) -> Result<()> {
    let block = load.follower.next().await?;
    ensure!(
        block.refused == 0,
        "{} transactions that create jobs failed in block {}",
        block.refused,
        block.number
    );
    seen.note(&block, step)
}

/// Signs the creation of some jobs in one transaction.
fn create_some(signer: &mut Signer, state: &State, terms: &Value, jobs: usize) -> Result<String> {
    let create = Value::unnamed_variant(
        "ComputeJobs",
        [Value::named_variant(
            "create_job",
            [("terms", terms.clone())],
        )],
    );
    let calls = Value::unnamed_composite(vec![create; jobs]);
    signer.sign(state, "Utility.batch_all", vec![calls])
}

/// Creates jobs that no offer takes until `jobs` of them have their deadline in one block, and
/// follows the chain until all have expired. An open job's deadline follows from the block it is
/// created in, so they are created many in a transaction. A block has not room to create a thousand:
/// those of high value, which are open longer, are created so much earlier.
async fn expire_together(
    load: &mut Load,
    requester: &mut Signer,
    terms: &Value,
    dear: &Value,
    jobs: u32,
    step: &crate::progress::Step,
) -> Result<Seen> {
    let jobs = jobs as usize;
    let early = jobs.saturating_sub(AT_ONCE);
    ensure!(
        early <= RICH.len() * EACH,
        "{} jobs at most have their deadline in one block",
        AT_ONCE + RICH.len() * EACH
    );
    let state = load.follower.state().await?;
    let open_for: u32 = state
        .constants()
        .entry(subxt::dynamic::constant::<u32>("ComputeJobs", "OpenFor"))
        .context("the chain has no constant ComputeJobs.OpenFor")?;
    let mut rich = Vec::new();
    for suri in RICH.iter().take(early.div_ceil(EACH)) {
        let mut signer = Signer::new(suri)?;
        let account = signer.account().to_string();
        signer.nonce = load.follower.rpc.nonce(&account).await?;
        rich.push(signer);
    }
    let mut seen = Seen::default();
    let mut ordered = 0;
    for _ in 0..ROUNDS {
        if seen.most_deadlines() >= jobs {
            break;
        }
        if early > 0 {
            // Money for jobs of high value is there once.
            while seen.live() > 0 {
                follow(load, &mut seen, step).await?;
            }
            let mut left = early;
            for signer in &mut rich {
                let some = left.min(EACH);
                left -= some;
                load.waiting.push(create_some(signer, &state, dear, some)?);
            }
            load.submit().await?;
            ordered += early;
            seen.deadlines.clear();
            while seen.created < ordered {
                follow(load, &mut seen, step).await?;
            }
            let most = seen.most_deadlines();
            let (deadline, _) = seen
                .deadlines
                .iter()
                .find(|(_, count)| **count == most)
                .context("no job was created")?;
            let next_to_last = u64::from(deadline.saturating_sub(open_for)).saturating_sub(1);
            while load.follower.seen < next_to_last {
                follow(load, &mut seen, step).await?;
            }
        }
        let mut left = jobs - early;
        while left > 0 {
            let some = left.min(BATCH);
            left -= some;
            load.waiting
                .push(create_some(requester, &state, terms, some)?);
        }
        load.submit().await?;
        ordered += jobs - early;
        while seen.created < ordered {
            follow(load, &mut seen, step).await?;
        }
    }
    ensure!(
        seen.most_deadlines() >= jobs,
        "{ROUNDS} times {jobs} jobs were created, and {} have their deadline in one block",
        seen.most_deadlines()
    );
    while seen.live() > 0 {
        follow(load, &mut seen, step).await?;
    }
    Ok(seen.close())
}

/// The share below which this part of the blocks lies.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted
        .get((last * part).round() as usize)
        .copied()
        .unwrap_or_default()
}

fn report(plan: Plan, settling: &Seen, expiring: &Seen) {
    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_header(["", "settled", "expired"]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let rows: [(&str, fn(&Seen) -> String); 5] = [
        ("jobs", |s| s.ended().to_string()),
        ("jobs a second while they ended", |s| {
            format!("{:.1}", s.settled_per_second)
        }),
        ("most that ended in a block", |s| {
            s.most_ended_in_a_block.to_string()
        }),
        ("blocks", |s| s.blocks.to_string()),
        ("transactions", |s| s.extrinsics.to_string()),
    ];
    for (name, value) in rows {
        table.add_row([name.to_string(), value(settling), value(expiring)]);
    }
    for (name, part) in [
        ("median fullness of a block", 0.5),
        ("95 % of blocks below", 0.95),
        ("fullest block", 1.0),
    ] {
        let value = |s: &Seen| percent(quantile(&s.fullness, part));
        table.add_row([name.to_string(), value(settling), value(expiring)]);
    }
    for (name, part) in [("hooks, median", 0.5), ("hooks, most", 1.0)] {
        let value = |s: &Seen| percent(quantile(&s.hooks, part));
        table.add_row([name.to_string(), value(settling), value(expiring)]);
    }
    println!("{table}");
    println!(
        "  {} offers; {} jobs live at a time, {} of them with a provider; {} deadlines in one block, \
         worked off in {} blocks; a block that begins a session counts as full",
        plan.offers,
        settling.most_live,
        settling.most_drawn,
        expiring.most_deadlines(),
        expiring.ending
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_shares() {
        let shares = [0.1, 0.2, 0.3, 0.4, 0.5];
        assert_eq!(quantile(&shares, 0.5), 0.3);
        assert_eq!(quantile(&shares, 1.0), 0.5);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    fn block(number: u64, created: Vec<(u64, u32)>) -> Block {
        Block {
            number,
            fullness: 0.5,
            hooks: Some(0.1),
            extrinsics: INHERENTS + created.len(),
            created,
            settled: 0,
            expired: 0,
            failed: 0,
            assigned: Vec::new(),
            running: Vec::new(),
            leased: Vec::new(),
            missing: Vec::new(),
            committed: 0,
            revealed: 0,
            entered: Vec::new(),
            pruned: 0,
            refused: 0,
        }
    }

    #[test]
    fn deadlines_in_one_block_and_jobs_live_at_a_time_are_counted() {
        let step = Progress::default().step("count");
        let mut seen = Seen::default();
        let first = (0..3).map(|job| (job, 61)).collect();
        seen.note(&block(1, first), &step).unwrap();
        let second = (3..5).map(|job| (job, 62)).collect();
        seen.note(&block(2, second), &step).unwrap();
        assert_eq!((seen.most_deadlines(), seen.most_live), (3, 5));
        let third = Block {
            expired: 4,
            ..block(3, (5..6).map(|job| (job, 63)).collect())
        };
        seen.note(&third, &step).unwrap();
        assert_eq!((seen.most_live, seen.live(), seen.ending), (6, 2, 1));
        let over = Block {
            fullness: 1.01,
            ..block(4, Vec::new())
        };
        assert!(seen.note(&over, &step).is_err());
        let session = Block {
            hooks: None,
            ..over
        };
        seen.note(&session, &step).unwrap();
        step.done("");
    }
}
