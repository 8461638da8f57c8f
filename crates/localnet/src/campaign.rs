//! A labelling campaign at full speed on one development node: how many answers a second are
//! committed, revealed and scored, how full the blocks are, and how much state it takes.
//!
//! Workers are keys of this program. Nine in ten are right with a task in nine of ten cases, the
//! others answer at random. They ask for pages as long as few enough leases are without a commit,
//! since a batch lets no more than a window of its pages be leased at a time. The clock runs from the
//! first commit handed over until the batch is paid.

use crate::{
    chain,
    load::{
        account,
        follow::{Block, Encoded, Follower, Signer, State, INHERENTS},
        quantile, BATCH, PATIENCE, POOL, UNIT,
    },
    network::Network,
    progress::{Progress, Step},
    rpc::Rpc,
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use athanor_primitives::labels::{
    answer_commitment, answer_salt, commit_text, gold_commitment, page_path, pages_root, BatchId,
    CampaignTerms, LabelType, PageLeaf, Ticks,
};
use codec::Encode;
use comfy_table::{presets::UTF8_FULL_CONDENSED, Table};
use serde_json::json;
use sp_crypto_hashing::{blake2_256, twox_128};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};
use subxt::dynamic::{self, Value};

/// The pallet, as the chain calls it.
const PALLET: &str = "LabelBounties";
/// Tasks of a page.
const TASKS: u8 = 32;
/// Gold tasks of a page.
const GOLD: u8 = 4;
/// Answers to a task.
const PANEL: u8 = 5;
/// Pages that an account may hold at a time, all asked for in one call.
const PAGES_EACH: u32 = 4;
/// Full pay of an answer.
const PAY: u128 = UNIT / 100;
/// Slots asked for or leased, and not committed, at a time.
const UNDER_WAY: usize = 800;
/// For a worker's stakes and the fee of its request.
const WORKER_MONEY: u128 = 10 * UNIT;
/// Pages of gold opened in one call.
const OPENINGS: usize = 32;
/// Blocks in which nothing happens, at most.
const QUIET: u32 = 200;

/// How large.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Answers, gold ones included.
    pub answers: u32,
    /// Whether to wait until the batch is pruned.
    pub prune: bool,
}

impl Plan {
    fn pages(self) -> u32 {
        self.answers
            .div_ceil(u32::from(TASKS) * u32::from(PANEL))
            .max(2)
    }

    fn sheets(self) -> u32 {
        self.pages() * u32::from(PANEL)
    }
}

/// Random bits that follow from what they are for.
fn bits(what: &str, number: u32) -> [u8; 32] {
    blake2_256(format!("campaign {what} {number}").as_bytes())
}

/// The true answers of a page, a bit each.
fn truth(page: u32) -> [u8; 4] {
    let drawn = bits("truth", page);
    [drawn[0], drawn[1], drawn[2], drawn[3]]
}

/// What a worker answers.
fn sheet(page: u32, worker: u32) -> [u8; 4] {
    let drawn = blake2_256(&[bits("sheet", page), bits("worker", worker)].concat());
    let mut sheet = truth(page);
    for task in 0..usize::from(TASKS) {
        let random = drawn[task];
        let wrong = if worker % 10 == 9 {
            random & 1 == 1
        } else {
            random < 26
        };
        if wrong {
            sheet[task / 8] ^= 1 << (task % 8);
        }
    }
    sheet
}

/// Gold of a page: position and answer of its first tasks.
fn gold(page: u32) -> Vec<(u8, Vec<u8>)> {
    let truth = truth(page)[0];
    (0..GOLD)
        .map(|task| (task, vec![truth >> task & 1]))
        .collect()
}

/// The campaign under way.
struct Campaign {
    follower: Follower,
    genesis: [u8; 32],
    batch: BatchId,
    workers: BTreeMap<[u8; 32], (u32, Signer)>,
    leases: Vec<(u32, [u8; 32])>,
}

/// What was seen while something was carried out.
#[derive(Default)]
struct Phase {
    name: &'static str,
    seconds: f64,
    blocks: u64,
    transactions: usize,
    fullness: Vec<f64>,
}

impl Phase {
    fn add(&mut self, block: &Block) {
        self.blocks += 1;
        self.transactions += block.extrinsics.saturating_sub(INHERENTS);
        self.fullness.push(block.fullness);
    }

    fn end(&mut self, since: Instant) {
        self.seconds = since.elapsed().as_secs_f64();
        self.fullness.sort_by(f64::total_cmp);
    }
}

/// Blocks in a row in which nothing happened.
#[derive(Default)]
struct Quiet(u32);

impl Quiet {
    fn see(&mut self, block: &Block, name: &str) -> Result<()> {
        ensure!(
            block.refused == 0,
            "{} calls failed in block {}",
            block.refused,
            block.number
        );
        if block.extrinsics > INHERENTS || !block.entered.is_empty() {
            self.0 = 0;
        } else {
            self.0 += 1;
        }
        ensure!(self.0 <= QUIET, "{name}: nothing happens any more");
        Ok(())
    }
}

impl Campaign {
    /// Leases every slot and commits its sheet. Answers when the first commit was handed over.
    async fn lease_and_commit(&mut self, step: &Step, wanted: usize) -> Result<(Phase, Instant)> {
        let since = Instant::now();
        let mut first_commit = None;
        let mut phase = Phase {
            name: "lease and commit",
            ..Phase::default()
        };
        let mut idle: VecDeque<[u8; 32]> = self.workers.keys().copied().collect();
        // What each worker has left to ask for.
        let mut room: BTreeMap<[u8; 32], u32> =
            idle.iter().map(|worker| (*worker, PAGES_EACH)).collect();
        let (mut asked, mut committed) = (0usize, 0usize);
        let mut quiet = Quiet::default();
        let mut revealing = false;
        while committed < wanted || !revealing {
            let state = self.follower.state().await?;
            let mut requests = Vec::new();
            while asked + self.leases.len() < wanted
                && asked + self.leases.len() < committed + UNDER_WAY
            {
                let worker = idle.pop_front().context("there are too few workers")?;
                let pages = room.insert(worker, 0).unwrap_or_default();
                let none: Option<u8> = None;
                let args = (self.batch, pages, none).encode();
                let (_, signer) = self.workers.get_mut(&worker).context("nobody's request")?;
                requests.push(signer.sign_encoded(&state, "LabelBounties.request_pages", args)?);
                asked += pages as usize;
            }
            for part in requests.chunks(BATCH) {
                self.follower.rpc.submit(part).await?;
            }
            let block = self.follower.next().await?;
            quiet.see(&block, phase.name)?;
            phase.add(&block);
            committed += block.committed;
            revealing |= block.entered.iter().any(|state| state == "Reveal");
            for (worker, missing) in &block.missing {
                asked = asked.saturating_sub(*missing as usize);
                room.insert(*worker, *missing);
                idle.push_back(*worker);
            }
            asked = asked.saturating_sub(block.leased.len());
            let commits = block
                .leased
                .iter()
                .map(|(page, worker)| self.commit(&state, *page, worker))
                .collect::<Result<Vec<_>>>()?;
            self.leases.extend(block.leased.iter().copied());
            if !commits.is_empty() {
                first_commit.get_or_insert_with(Instant::now);
            }
            for part in commits.chunks(BATCH) {
                self.follower.rpc.submit(part).await?;
            }
            note(step, &block, committed, wanted);
        }
        phase.end(since);
        Ok((phase, first_commit.context("nothing was committed")?))
    }

    /// Follows the chain until `done`, having handed `calls` over.
    async fn phase(
        &mut self,
        name: &'static str,
        calls: Vec<String>,
        mut done: impl FnMut(&Block) -> bool,
    ) -> Result<Phase> {
        let since = Instant::now();
        for part in calls.chunks(BATCH) {
            self.follower.rpc.submit(part).await?;
        }
        let mut phase = Phase {
            name,
            ..Phase::default()
        };
        let mut quiet = Quiet::default();
        loop {
            let block = self.follower.next().await?;
            quiet.see(&block, name)?;
            phase.add(&block);
            if done(&block) {
                break;
            }
        }
        phase.end(since);
        Ok(phase)
    }

    /// A transaction that nobody signs.
    fn unsigned(&self, state: &State, call: &str, args: Vec<u8>) -> Result<String> {
        let payload = dynamic::tx("LabelBounties", call, Encoded(args));
        let call = state
            .transactions()
            .call_data(&payload)
            .context("the chain has no such call")?;
        let transaction = athanor_cli::chain::general_transaction(&state.metadata(), &call)?;
        Ok(format!("0x{}", hex::encode(transaction)))
    }

    fn commit(&self, state: &State, page: u32, worker: &[u8; 32]) -> Result<String> {
        let (number, signer) = self.workers.get(worker).context("somebody else's lease")?;
        let salt = answer_salt(&bits("seed", *number), self.batch, page);
        let sheet = sheet(page, *number);
        let hash = answer_commitment(&self.genesis, self.batch, page, worker, &sheet, &salt);
        let text = commit_text(&self.genesis, self.batch, page, worker, &hash, None);
        let signature = signer.key.sign(&text).0;
        let none: Option<Vec<u8>> = None;
        // A MultiSignature's variant 1 is sr25519.
        let signed = Some((1u8, signature));
        let args = (self.batch, page, worker, hash, none, signed).encode();
        self.unsigned(state, "commit", args)
    }

    fn reveal(&self, state: &State, page: u32, worker: &[u8; 32]) -> Result<String> {
        let (number, _) = self.workers.get(worker).context("somebody else's lease")?;
        let salt = answer_salt(&bits("seed", *number), self.batch, page);
        let sheet = sheet(page, *number).to_vec();
        let args = (self.batch, page, worker, sheet, salt).encode();
        self.unsigned(state, "reveal", args)
    }

    /// Bytes of the values that each of the pallet's items holds, and of all together.
    async fn state_bytes(&self) -> Result<Bytes> {
        let metadata = self.follower.state().await?.metadata();
        let storage = metadata
            .pallet_by_name(PALLET)
            .and_then(|pallet| pallet.storage())
            .context("the pallet has no storage")?;
        let size = |prefix: Vec<u8>| async move {
            let size: Option<u64> = self
                .follower
                .rpc
                .call(
                    "state_getStorageSize",
                    json!([format!("0x{}", hex::encode(prefix))]),
                )
                .await?;
            anyhow::Ok(size.unwrap_or_default())
        };
        let pallet = twox_128(PALLET.as_bytes());
        let mut items = BTreeMap::new();
        for entry in storage.entries() {
            let item = twox_128(entry.name().as_bytes());
            let bytes = size([pallet, item].concat()).await?;
            items.insert(entry.name().to_string(), bytes);
        }
        let whole = size(pallet.to_vec()).await?;
        Ok(Bytes { items, whole })
    }
}

/// What the pallet's storage holds at some moment.
struct Bytes {
    items: BTreeMap<String, u64>,
    whole: u64,
}

impl Bytes {
    fn of(&self, item: &str) -> u64 {
        self.items.get(item).copied().unwrap_or_default()
    }
}

/// The pallet's state at the moments that matter, with what the specification's first design reckoned.
struct States {
    empty: Bytes,
    /// When the batch has just left `Open`: every slot is a commit.
    committed: Bytes,
    /// When it has just left `Reveal`: every slot is a sheet.
    revealed: Bytes,
    pruned: Option<Bytes>,
}

impl States {
    /// What the design reckons for an item: with every sheet committed, revealed, and in the end.
    fn designed(&self, plan: Plan, item: &str) -> Option<[u64; 3]> {
        let pages = u64::from(plan.pages());
        let slots = u64::from(PANEL);
        let sheet = u64::from(TASKS).div_ceil(8);
        // Its records have fixed sizes, four bytes of them an index by account.
        let workers = self.committed.of("WorkerOf") / 4;
        Some(match item {
            "Campaigns" => [350; 3],
            "Batches" => [400, 400, 0],
            "Pages" => [
                pages * (6 + slots * (5 + 32)),
                pages * (6 + slots * (6 + sheet)),
                0,
            ],
            "Workers" => [workers * 120, workers * 120, 0],
            "WorkerOf" => [workers * 4, workers * 4, 0],
            "Results" => [0, 0, 140],
            "Requesters" => [0, 0, 40],
            _ => return None,
        })
    }

    fn table(&self, plan: Plan) -> Table {
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED).set_header([
            "item",
            "all committed",
            "designed",
            "all revealed",
            "designed",
            "pruned",
            "designed",
        ]);
        let moments = [
            Some(&self.committed),
            Some(&self.revealed),
            self.pruned.as_ref(),
        ];
        let mut total = [0; 3];
        let mut row = |name: &str, bytes: [Option<u64>; 3], designed: Option<[u64; 3]>| {
            let mut cells = vec![name.to_string()];
            for (at, bytes) in bytes.into_iter().enumerate() {
                cells.push(bytes.map_or(String::new(), |bytes| bytes.to_string()));
                let designed = designed.and_then(|designed| designed.get(at).copied());
                cells.push(designed.map_or(String::new(), |bytes| bytes.to_string()));
            }
            table.add_row(cells);
        };
        for item in self.committed.items.keys() {
            let bytes = moments.map(|moment| moment.map(|moment| moment.of(item)));
            let designed = self.designed(plan, item);
            for (sum, designed) in total.iter_mut().zip(designed.unwrap_or_default()) {
                *sum += designed;
            }
            if bytes
                .iter()
                .any(|bytes| bytes.is_some_and(|bytes| bytes > 0))
            {
                row(item, bytes, designed);
            }
        }
        row(
            "together",
            moments.map(|moment| moment.map(|moment| moment.whole)),
            Some(total),
        );
        table
    }
}

/// Plays the campaign.
///
/// # Errors
///
/// If the chain refuses something, an invariant does not hold at the end, or the batch is not paid.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    plan: Plan,
    progress: Progress,
) -> Result<()> {
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

    let follower = Follower::new(node.rpc(), &ws).await?;
    let genesis = follower.client.genesis_hash().0;
    let mut campaign = Campaign {
        follower,
        genesis,
        batch: 0,
        workers: BTreeMap::new(),
        leases: Vec::new(),
    };
    let empty = campaign.state_bytes().await?;

    // A worker is never given a page twice, so the last slots need others than are left.
    let workers = plan.sheets().div_ceil(PAGES_EACH) * 11 / 10 + 5;
    let step = progress.step(format!("fund {workers} workers"));
    fund(&mut campaign, workers).await?;
    step.done("");

    let pages = plan.pages();
    let step = progress.step(format!("open a batch of {pages} pages"));
    let leaves = open(&mut campaign, pages).await?;
    step.done(format!("{} answers", plan.sheets() * u32::from(TASKS)));

    let wanted = plan.sheets() as usize;
    let step = progress.step(format!("lease {wanted} slots and commit their sheets"));
    let (committed, started) = campaign.lease_and_commit(&step, wanted).await?;
    let mut phases = vec![committed];
    let committed = campaign.state_bytes().await?;
    step.done(format!("{} bytes of state", committed.whole));

    let step = progress.step(format!("reveal {wanted} sheets"));
    let state = campaign.follower.state().await?;
    let reveals = campaign
        .leases
        .iter()
        .map(|(page, worker)| campaign.reveal(&state, *page, worker))
        .collect::<Result<Vec<_>>>()?;
    let mut count = 0;
    let revealed = campaign
        .phase("reveal", reveals, |block| {
            count += block.revealed;
            note(&step, block, count, wanted);
            count >= wanted && block.entered.iter().any(|state| state == "Gold")
        })
        .await?;
    phases.push(revealed);
    let revealed = campaign.state_bytes().await?;
    step.done(format!("{} bytes of state", revealed.whole));

    let step = progress.step("open the gold, score, rank and pay");
    let state = campaign.follower.state().await?;
    let mut keeper = Signer::new("//Dave")?;
    keeper.nonce = campaign
        .follower
        .rpc
        .nonce(&keeper.account().to_string())
        .await?;
    let mut openings = Vec::new();
    for part in leaves.chunks(OPENINGS) {
        let part = part
            .iter()
            .map(|leaf| {
                let path = page_path(&leaves, leaf.page).context("a page without its path")?;
                let salt = bits("gold salt", leaf.page);
                Ok((
                    leaf.page,
                    gold(leaf.page),
                    salt,
                    leaf.content_root,
                    leaf.bytes,
                    path,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        let args = (campaign.batch, part).encode();
        openings.push(keeper.sign_encoded(&state, "LabelBounties.open_gold", args)?);
    }
    let paid = campaign
        .phase("gold, score, rank, pay", openings, |block| {
            block.entered.iter().any(|state| state == "Paid")
        })
        .await?;
    phases.push(paid);
    let seconds = started.elapsed().as_secs_f64();
    step.done("");

    let mut pruned = None;
    if plan.prune {
        let step = progress.step("wait until the batch is pruned");
        campaign
            .phase("prune", vec![], |block| {
                if block.number.is_multiple_of(20) {
                    step.note(format!("block {}", block.number));
                }
                block.pruned > 0
            })
            .await?;
        let left = campaign.state_bytes().await?;
        step.done(format!("{} bytes of state are left", left.whole));
        pruned = Some(left);
    }

    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);

    let states = States {
        empty,
        committed,
        revealed,
        pruned,
    };
    report(plan, &phases, &states);
    let answers = plan.sheets() * u32::from(TASKS);
    println!("{:.0} answers/s", f64::from(answers) / seconds);
    Ok(())
}

fn note(step: &Step, block: &Block, have: usize, of: usize) {
    if block.number.is_multiple_of(5) {
        step.note(format!(
            "block {}: {:.0} % full, {have} of {of}",
            block.number,
            100.0 * block.fullness
        ));
    }
}

/// Makes the workers' accounts.
async fn fund(campaign: &mut Campaign, count: u32) -> Result<()> {
    let state = campaign.follower.state().await?;
    let mut transfers = Vec::new();
    for number in 0..count {
        let signer = Signer::new(&format!("//Campaign//Worker//{number}"))?;
        let to = signer.account();
        let call = Value::named_variant(
            "transfer_keep_alive",
            [
                ("dest", Value::unnamed_variant("Id", [account(&to)])),
                ("value", Value::u128(WORKER_MONEY)),
            ],
        );
        transfers.push(Value::unnamed_variant("Balances", [call]));
        campaign.workers.insert(to.0, (number, signer));
    }
    let mut bank = Signer::new("//Alice//stash")?;
    let rpc: &Rpc = &campaign.follower.rpc;
    bank.nonce = rpc.nonce(&bank.account().to_string()).await?;
    let calls = transfers
        .chunks(BATCH)
        .map(|part| {
            let calls = Value::unnamed_composite(part.iter().cloned());
            bank.sign(&state, "Utility.batch_all", vec![calls])
        })
        .collect::<Result<Vec<_>>>()?;
    settle(campaign, "fund", calls).await
}

/// Waits until all calls are in blocks.
async fn settle(campaign: &mut Campaign, name: &'static str, calls: Vec<String>) -> Result<()> {
    let wanted = calls.len();
    let mut done = 0;
    campaign
        .phase(name, calls, |block| {
            done += block.extrinsics.saturating_sub(INHERENTS);
            done >= wanted
        })
        .await?;
    Ok(())
}

/// Creates the campaign and its batch. Answers the leaves of its pages.
async fn open(campaign: &mut Campaign, pages: u32) -> Result<Vec<PageLeaf>> {
    let leaves: Vec<PageLeaf> = (0..pages)
        .map(|page| PageLeaf {
            page,
            content_root: bits("content", page),
            bytes: 8_000,
            gold_commit: gold_commitment(
                &campaign.genesis,
                page,
                &gold(page),
                &bits("gold salt", page),
            ),
        })
        .collect();
    let terms = CampaignTerms {
        panel_min: PANEL,
        panel_max: PANEL,
        ..CampaignTerms::standard(LabelType::Classification { classes: 2 }, TASKS, GOLD, PAY)
    };
    let mut requester = Signer::new("//Eve")?;
    requester.nonce = campaign
        .follower
        .rpc
        .nonce(&requester.account().to_string())
        .await?;
    let state = campaign.follower.state().await?;
    let gateway: Vec<u8> = Vec::new();
    let create = requester.sign_encoded(
        &state,
        "LabelBounties.create_campaign",
        (terms, gateway).encode(),
    )?;
    settle(campaign, "create a campaign", vec![create]).await?;
    let state = campaign.follower.state().await?;
    let clock = state
        .storage()
        .fetch(dynamic::storage::<(), Ticks>("LabelBounties", "Clock"), ())
        .await
        .context("the pallet's clock")?
        .decode()
        .context("the pallet's clock")?;
    let until: Ticks = clock + 4_800;
    let none: Option<BatchId> = None;
    let args = (0u64, pages_root(&leaves), [9u8; 32], pages, until, none).encode();
    let open = requester.sign_encoded(&state, "LabelBounties.open_batch", args)?;
    settle(campaign, "open a batch", vec![open]).await?;
    Ok(leaves)
}

fn report(plan: Plan, phases: &[Phase], states: &States) {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header([
        "phase",
        "s",
        "blocks",
        "transactions",
        "median full",
        "fullest",
    ]);
    for phase in phases {
        table.add_row([
            phase.name.to_string(),
            format!("{:.1}", phase.seconds),
            phase.blocks.to_string(),
            phase.transactions.to_string(),
            format!("{:.0} %", 100.0 * quantile(&phase.fullness, 0.5)),
            format!("{:.0} %", 100.0 * quantile(&phase.fullness, 1.0)),
        ]);
    }
    println!("{table}");
    println!(
        "  {} pages of {TASKS} tasks and {PANEL} slots; bytes of the values in the state, of which {} were there before",
        plan.pages(),
        states.empty.whole
    );
    println!("{}", states.table(plan));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_rounded_up_to_whole_pages() {
        let of = |answers| Plan {
            answers,
            prune: true,
        };
        let plan = of(100_000);
        assert_eq!((plan.pages(), plan.sheets()), (625, 3_125));
        assert_eq!(of(1).pages(), 2);
    }

    #[test]
    fn most_workers_are_mostly_right_and_one_in_ten_guesses() {
        let wrong = |worker: u32| -> u32 {
            (0..100)
                .map(|page| {
                    let sheet = u32::from_le_bytes(sheet(page, worker));
                    (sheet ^ u32::from_le_bytes(truth(page))).count_ones()
                })
                .sum()
        };
        assert!((200..450).contains(&wrong(0)), "{}", wrong(0));
        assert!((1_400..1_800).contains(&wrong(9)), "{}", wrong(9));
    }
}
