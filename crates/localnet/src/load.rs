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
use anyhow::{bail, ensure, Context, Result};
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
    /// Jobs that no offer takes, created in one block as far as they fit.
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

/// Terms of a job; `max_pay` below [`PAY`] makes one that no offer takes.
fn terms(model: u64, window: u32, max_pay: u128) -> Value {
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
        ("min_collateral", Value::u128(0)),
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
    let mut create = |max_pay: u128| {
        let terms = vec![terms(model, window, max_pay)];
        requester.sign(&state, "ComputeJobs.create_job", terms)
    };
    let jobs = (0..plan.jobs)
        .map(|_| create(PAY))
        .collect::<Result<Vec<_>>>()?;
    let settling = end_all(&mut load, jobs, AHEAD, &step).await?;
    ensure!(
        settling.expired == 0,
        "{} jobs expired that somebody would have done",
        settling.expired
    );
    step.done(format!("{} of {} settled", settling.settled, plan.jobs));

    let step = progress.step(format!(
        "let {} jobs expire that no offer takes",
        plan.expiring
    ));
    let jobs = (0..plan.expiring)
        .map(|_| create(1))
        .collect::<Result<Vec<_>>>()?;
    let expiring = end_all(&mut load, jobs, usize::MAX, &step).await?;
    ensure!(
        expiring.settled == 0,
        "{} jobs settled that nobody offered to do",
        expiring.settled
    );
    step.done(format!("{} of {} expired", expiring.expired, plan.expiring));

    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    report(plan, &settling, &expiring);
    Ok(())
}

/// A window so long that all jobs are live together: the chain creates, draws and takes the claims
/// of some forty a block.
fn window(jobs: u32) -> u32 {
    jobs.div_ceil(35).max(20)
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
    settled: usize,
    expired: usize,
    most_live: usize,
    most_ended_in_a_block: usize,
    settled_per_second: f64,
    fullness: Vec<f64>,
    /// What hooks and inherents used, of each block that did not begin a session.
    hooks: Vec<f64>,
    blocks: u64,
    extrinsics: usize,
}

impl Seen {
    fn ended(&self) -> usize {
        self.settled + self.expired
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
    let mut created = 0usize;
    let mut first_ended: Option<Instant> = None;
    let mut assigned = 0usize;
    let mut quiet = 0;
    while seen.ended() < jobs {
        let undrawn = created.saturating_sub(assigned.max(seen.ended()));
        let waiting = load.waiting.len();
        load.waiting
            .extend(creations.by_ref().take(ahead.saturating_sub(undrawn)));
        created += load.waiting.len() - waiting;
        load.submit().await?;
        let block = load.follower.next().await?;
        let state = load.follower.state().await?;
        load.work(&state, &block)?;
        let ended = block.settled + block.expired;
        ensure!(
            block.failed == 0,
            "{} jobs failed in block {}",
            block.failed,
            block.number
        );
        assigned += block.assigned.len();
        quiet = if ended + block.assigned.len() + block.running.len() + block.extrinsics > INHERENTS
        {
            0
        } else {
            quiet + 1
        };
        if quiet > 2 * 300 {
            bail!(
                "nothing happens, {} of {jobs} jobs have ended",
                seen.ended()
            );
        }
        if ended > 0 && first_ended.is_none() {
            first_ended = Some(Instant::now());
        }
        seen.most_live = seen.most_live.max(assigned.saturating_sub(seen.ended()));
        seen.settled += block.settled;
        seen.expired += block.expired;
        seen.most_ended_in_a_block = seen.most_ended_in_a_block.max(ended);
        seen.blocks += 1;
        seen.extrinsics += block.extrinsics.saturating_sub(INHERENTS);
        seen.fullness.push(block.fullness);
        seen.hooks.extend(block.hooks);
        if block.number.is_multiple_of(10) {
            step.note(format!(
                "block {}: {:.0} % full, {} transactions, {} of {jobs} ended",
                block.number,
                100.0 * block.fullness,
                block.extrinsics.saturating_sub(INHERENTS),
                seen.ended()
            ));
        }
    }
    let seconds = first_ended.map_or(0.0, |since| since.elapsed().as_secs_f64());
    // At least a block's time: a handful of jobs may all end in one block.
    seen.settled_per_second = seen.ended() as f64 / seconds.max(3.0);
    seen.fullness.sort_by(f64::total_cmp);
    seen.hooks.sort_by(f64::total_cmp);
    Ok(seen)
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
        "  {} offers, {} jobs live at a time at most; a block that begins a session counts as full",
        plan.offers, settling.most_live
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
}
