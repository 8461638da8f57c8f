//! `athanor label watch`, `settle`, `open-gold`: what a requester has to do until a batch is
//! paid, done in time.

use super::{
    create,
    folder::{Batch, Campaign, Folder, Round, Sheet},
    view::{self, Held, Stage},
    wire::GoldOpening,
    PALLET,
};
use crate::{
    amount::Amount,
    chain::{BlockCall, Call, Chain, State},
    commands::{constant, Context},
    error::{Error, Result},
    keys,
    output::{self, Output, Progress},
    scale,
};
use athanor_label_client::{
    index::Index,
    seal::{open_sealed, SealKey, Slot},
};
use athanor_label_math::{kappa_of, unpack, LabelType, ONE};
use athanor_primitives::{labels::MAX_OPENINGS, ticket::bytes_from_hex};
use clap::Args;
use serde_json::{json, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};
use subxt_signer::sr25519::Keypair;

/// Reveals that are sent at a time.
const AT_A_TIME: usize = 32;

/// Blocks in which nothing moves before the chain is pushed.
const PATIENCE: u64 = 6;

/// Units of work of one push.
const PUSH: u32 = 64;

/// Longest wait for a block.
const NO_BLOCK: Duration = Duration::from_secs(120);

/// Options of `label watch`.
#[derive(Args, Clone, Debug)]
pub struct Watch {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Which of its batches, from 0 [default: the last]
    #[arg(long, value_name = "N")]
    pub round: Option<u32>,
    /// Close a page early where answers agree so much, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 90)]
    pub agree: u8,
    /// Close no page early
    #[arg(long, conflicts_with = "agree")]
    pub keep_open: bool,
    /// Blocks workers have to reveal themselves before you do it for them
    #[arg(long, value_name = "BLOCKS", default_value_t = 100)]
    pub grace: u32,
    /// Give up after this many seconds; the batch goes on
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
}

/// Options of `label settle`.
#[derive(Args, Clone, Debug)]
pub struct Settle {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Which of its batches, from 0 [default: the last]
    #[arg(long, value_name = "N")]
    pub round: Option<u32>,
    /// Give up after this many seconds; the batch goes on
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
}

/// Options of `label open-gold`.
#[derive(Args, Clone, Debug)]
pub struct OpenGold {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Which of its batches, from 0 [default: the last]
    #[arg(long, value_name = "N")]
    pub round: Option<u32>,
}

/// A batch with everything needed to serve it.
struct Engine<'a> {
    context: &'a Context,
    chain: Chain,
    signer: Keypair,
    campaign: Campaign,
    round: Round,
    id: u64,
    seal: SealKey,
    close_at: Option<u8>,
    grace: u32,
    /// The chain's time to reveal in.
    reveal_for: u32,
    openings: BTreeMap<(u32, String), Sheet>,
    /// Pages that were closed from here, and reveals and gold that were sent.
    closed: BTreeSet<u32>,
    /// Stage and sums when something moved last, and the block of it.
    moved: (Value, u64),
}

async fn engine<'a>(
    path: &std::path::Path,
    round: Option<u32>,
    context: &'a Context,
) -> Result<Engine<'a>> {
    let (folder, campaign, chain): (Folder, Campaign, Chain) =
        create::opened(path, context).await?;
    let round = folder.chosen(round)?;
    let id = round.id()?;
    let signer = context.signer()?;
    let state = chain.best().await?;
    let reveal_for = constant(&state, PALLET, "RevealFor")?;
    let openings = round
        .openings()?
        .into_iter()
        .map(|sheet| ((sheet.page, sheet.worker.clone()), sheet))
        .collect();
    Ok(Engine {
        context,
        seal: folder.seal_key()?,
        chain,
        signer,
        campaign,
        round,
        id,
        close_at: None,
        grace: 0,
        reveal_for: u32::try_from(reveal_for).unwrap_or(u32::MAX),
        openings,
        closed: BTreeSet::new(),
        moved: (Value::Null, 0),
    })
}

/// `label watch`.
pub(super) async fn watch(options: &Watch, context: &Context) -> Result<()> {
    let mut engine = engine(&options.folder, options.round, context).await?;
    create::own(
        &engine.campaign,
        &engine.chain,
        &keys::account(&engine.signer).to_string(),
    )?;
    engine.close_at = (!options.keep_open).then_some(options.agree);
    engine.grace = options.grace;
    context.set_next(format!(
        "the batch goes on, but gold is opened and pages are closed only by: athanor label watch \
         {}",
        options.folder.display()
    ));
    within(options.timeout, engine.run(true)).await
}

/// `label settle`.
pub(super) async fn settle(options: &Settle, context: &Context) -> Result<()> {
    let mut engine = engine(&options.folder, options.round, context).await?;
    context.set_next(format!(
        "go on with: athanor label settle {}",
        options.folder.display()
    ));
    within(options.timeout, engine.run(false)).await
}

/// `label open-gold`.
pub(super) async fn open_gold(options: &OpenGold, context: &Context) -> Result<()> {
    let engine = engine(&options.folder, options.round, context).await?;
    let state = engine.chain.best().await?;
    let batch = view::batch(&state, engine.id)
        .await?
        .ok_or_else(|| view::gone(engine.id))?;
    if batch.stage != Stage::Gold {
        return Err(Error::Refused(format!(
            "gold is opened after the answers are revealed; batch {} is in state '{}'",
            engine.id, batch.state
        )));
    }
    let pages = engine.open_gold(&state, batch.pages).await?;
    let value = json!({"batch": engine.id, "pages_opened": pages});
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn within(
    timeout: Option<u64>,
    work: impl std::future::Future<Output = Result<()>>,
) -> Result<()> {
    match timeout {
        None => work.await,
        Some(seconds) => tokio::time::timeout(Duration::from_secs(seconds), work)
            .await
            .unwrap_or_else(|_| {
                Err(Error::TimedOut(format!(
                    "the batch was not paid in {seconds} s"
                )))
            }),
    }
}

/// Mean agreement of the pairs of sheets, task by task, in percent; 100 for fewer than two.
fn agreement(label: &LabelType, tasks: u8, sheets: &[Vec<u8>]) -> u8 {
    let answers: Vec<_> = sheets
        .iter()
        .filter_map(|sheet| unpack(label, tasks, sheet).ok())
        .collect();
    let (mut sum, mut count) = (0u64, 0u64);
    for (at, first) in answers.iter().enumerate() {
        for second in answers.iter().skip(at + 1) {
            for (a, b) in first.iter().zip(second) {
                sum += u64::from(kappa_of(label, a, b).unwrap_or(0));
                count += 1;
            }
        }
    }
    if count == 0 {
        return 100;
    }
    u8::try_from(sum * 100 / (count * u64::from(ONE))).unwrap_or(100)
}

/// A `commit` of this batch with a sealed opening.
struct Found {
    page: u32,
    worker: [u8; 32],
    hash: [u8; 32],
    sealed: Vec<u8>,
}

fn found(call: &BlockCall, batch: u64) -> Option<Found> {
    if call.name != "commit" || call.args.get("batch")?.as_u64()? != batch {
        return None;
    }
    let bytes = |key: &str| {
        let most = athanor_primitives::labels::MAX_SEALED as usize;
        bytes_from_hex(call.args.get(key)?.as_str()?, most)
    };
    Some(Found {
        page: u32::try_from(call.args.get("page")?.as_u64()?).ok()?,
        worker: view::account(call.args.get("worker")?)?,
        hash: bytes("hash")?.try_into().ok()?,
        sealed: bytes("sealed")?,
    })
}

fn hex_bytes(text: &str) -> Result<Vec<u8>> {
    bytes_from_hex(text, 2_048)
        .ok_or_else(|| Error::Refused("the campaign's folder holds malformed hex".into()))
}

impl Engine<'_> {
    async fn run(&mut self, open_too: bool) -> Result<()> {
        let progress = self.context.output.spinner(format!("batch {}", self.id));
        let mut blocks = self.chain.blocks(false).await?;
        loop {
            let state = self.chain.best().await?;
            if let Some(summary) = self.step(&state, open_too, &progress).await? {
                drop(progress);
                self.context.set_next(format!(
                    "batch {} is paid; see: athanor label export",
                    self.id
                ));
                self.context
                    .output
                    .result(&summary, || self.describe(&summary));
                return Ok(());
            }
            match tokio::time::timeout(NO_BLOCK, blocks.next()).await {
                Ok(Some(Ok(_))) => {}
                _ => blocks = self.chain.blocks(false).await?,
            }
        }
    }

    /// What is due at this block. Gives the summary once the batch is paid.
    async fn step(
        &mut self,
        state: &State,
        open_too: bool,
        progress: &Progress,
    ) -> Result<Option<Value>> {
        let clock = view::clock(state).await?;
        let Some(batch) = view::batch(state, self.id).await? else {
            return match view::result(state, self.id).await? {
                Some(result) => Ok(Some(self.summary(result))),
                None => Err(view::gone(self.id)),
            };
        };
        progress.message(format!(
            "batch {}: {}, {} ticks left, {} answers opened here",
            self.id,
            batch.state,
            batch.deadline.saturating_sub(clock),
            self.openings.len()
        ));
        let shown = view::brief(&batch, clock);
        let signs = json!([
            batch.value.get("state"),
            shown.get("workers"),
            shown.get("revealed_pages"),
            shown.get("gold_pages"),
        ]);
        if signs != self.moved.0 {
            if self.moved.0.get(0) != signs.get(0) {
                progress.line(format!(
                    "block {}: batch {} is in state '{}'",
                    state.number(),
                    self.id,
                    batch.state
                ));
            }
            self.moved = (signs, state.number());
        }
        let idle = state.number().saturating_sub(self.moved.1) >= PATIENCE;
        match batch.stage {
            Stage::Open => {
                self.scan(state).await?;
                if !open_too {
                    return Err(Error::Refused(format!(
                        "batch {} still takes answers for {} ticks: `athanor label watch` serves \
                         it, `athanor label close` or `cancel` ends it earlier",
                        self.id,
                        batch.deadline.saturating_sub(clock)
                    )));
                }
                self.close_agreeing(state, progress).await?;
                if clock >= batch.deadline && idle {
                    self.push().await?;
                }
            }
            Stage::Reveal => {
                self.scan(state).await?;
                let since = clock.saturating_sub(batch.deadline.saturating_sub(self.reveal_for));
                if since >= self.grace.min(self.reveal_for / 2) {
                    self.reveal_absent(state, progress).await?;
                }
                if clock >= batch.deadline && idle {
                    self.push().await?;
                }
            }
            Stage::Gold => {
                let pages = self.open_gold(state, batch.pages).await?;
                if pages > 0 {
                    progress.line(format!("gold of {pages} pages opened"));
                } else if idle {
                    self.push().await?;
                }
            }
            Stage::Settling => {
                if idle {
                    self.push().await?;
                }
            }
            Stage::Paid => {
                keep_sheets(&self.chain, &self.round, &self.context.output).await?;
                let result = view::result(state, self.id).await?.unwrap_or(Value::Null);
                return Ok(Some(self.summary(result)));
            }
        }
        Ok(None)
    }

    fn summary(&self, result: Value) -> Value {
        json!({
            "campaign": self.campaign.campaign,
            "batch": self.id,
            "round": self.round.number(),
            "state": "paid",
            "result": result,
        })
    }

    fn describe(&self, summary: &Value) -> String {
        let of = |key: &str| {
            summary
                .pointer(&format!("/result/{key}"))
                .cloned()
                .unwrap_or(Value::Null)
        };
        let money = |key: &str| {
            let planck = crate::commands::number(&of(key)).unwrap_or_default();
            Amount(planck).to_string()
        };
        output::pairs(&[
            ("batch", format!("{} is paid", self.id)),
            ("workers", output::scalar("workers", &of("workers"))),
            (
                "pages answered",
                format!(
                    "{} of them shown",
                    output::scalar("revealed_slots", &of("revealed_slots"))
                ),
            ),
            (
                "gold",
                format!(
                    "{} opened, {} contested",
                    output::scalar("gold_opened", &of("gold_opened")),
                    output::scalar("gold_contested", &of("gold_contested"))
                ),
            ),
            ("paid to workers", money("paid")),
            ("to the treasury", money("treasury")),
            ("next", "athanor label export".into()),
        ])
    }

    /// Looks for sealed openings in the blocks since the last look.
    async fn scan(&mut self, state: &State) -> Result<()> {
        let mut batch: Batch = self.round.batch()?;
        let best = state.number();
        if batch.scanned > best {
            return Ok(());
        }
        let before = self.openings.len();
        let genesis = self.chain.genesis().0;
        for number in batch.scanned..=best {
            for call in self.chain.calls(number, PALLET, state).await? {
                let Some(found) = found(&call, self.id) else {
                    continue;
                };
                let slot = Slot {
                    genesis,
                    batch: self.id,
                    page: found.page,
                    worker: found.worker,
                };
                // Who seals something else than he committed to is not helped.
                if let Ok((sheet, salt)) =
                    open_sealed(&found.sealed, &found.hash, &slot, &self.seal)
                {
                    let worker = scale::hex(&found.worker);
                    let opened = Sheet {
                        page: found.page,
                        worker: worker.clone(),
                        sheet: scale::hex(&sheet),
                        salt: scale::hex(&salt),
                    };
                    self.openings.insert((found.page, worker), opened);
                }
            }
        }
        if self.openings.len() != before {
            let all: Vec<Sheet> = self.openings.values().cloned().collect();
            self.round.set_openings(&all)?;
        }
        // The last blocks may yet be replaced.
        batch.scanned = best.saturating_sub(8).max(batch.scanned);
        self.round.set_batch(&batch)
    }

    /// Closes pages whose answers agree.
    async fn close_agreeing(&mut self, state: &State, progress: &Progress) -> Result<()> {
        let Some(wanted) = self.close_at else {
            return Ok(());
        };
        let terms = &self.campaign.terms;
        if terms.panel_min == terms.panel_max {
            return Ok(());
        }
        let mut pages: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
        for sheet in self.openings.values() {
            let bytes = hex_bytes(&sheet.sheet)?;
            pages.entry(sheet.page).or_default().push(bytes);
        }
        for (page, sheets) in pages {
            let enough = (terms.panel_min..terms.panel_max)
                .contains(&u8::try_from(sheets.len()).unwrap_or(u8::MAX));
            if !enough
                || self.closed.contains(&page)
                || agreement(&terms.label, terms.tasks, &sheets) < wanted
            {
                continue;
            }
            if !view::page(state, self.id, page).await?.closed {
                let call = Call::new(PALLET, "close_page", (self.id, page));
                match self.context.submit(&self.chain, &self.signer, call).await {
                    Ok(_) => progress.line(format!(
                        "page {page} closed: {} answers agree",
                        sheets.len()
                    )),
                    // The last lease may have committed meanwhile; nothing is lost.
                    Err(Error::Dispatch { name, .. }) => {
                        progress.line(format!("page {page} was not closed: {name}"));
                    }
                    Err(error) => return Err(error),
                }
            }
            self.closed.insert(page);
        }
        Ok(())
    }

    /// Reveals for workers who went away, from what they sealed.
    async fn reveal_absent(&self, state: &State, progress: &Progress) -> Result<()> {
        let pages: BTreeSet<u32> = self.openings.values().map(|sheet| sheet.page).collect();
        let mut due = Vec::new();
        for page in pages {
            for (worker, held) in view::page(state, self.id, page).await?.slots {
                if let Held::Committed(_) = held {
                    let key = (page, scale::hex(&worker));
                    due.extend(self.openings.get(&key).map(|sheet| (worker, sheet)));
                }
            }
        }
        let mut revealed = 0;
        for some in due.chunks(AT_A_TIME) {
            let quiet = Output::new(crate::config::Format::Json, true);
            let mut sent = Vec::new();
            for (worker, sheet) in some {
                let salt: [u8; 32] = hex_bytes(&sheet.salt)?
                    .try_into()
                    .map_err(|_| Error::Refused("openings.jsonl holds a malformed salt".into()))?;
                let bytes = hex_bytes(&sheet.sheet)?;
                let call = Call::new(
                    PALLET,
                    "reveal",
                    (self.id, sheet.page, *worker, bytes, salt),
                );
                sent.push(self.chain.submit_authorised(call, false, &quiet));
            }
            for result in futures::future::join_all(sent).await {
                match result {
                    Ok(_) => revealed += 1,
                    // Somebody else was faster, or it is tried again at the next block.
                    Err(Error::Rejected { .. } | Error::Dispatch { .. }) => {}
                    Err(error) if error.may_come_true() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if revealed > 0 {
            progress.line(format!(
                "{revealed} sheets revealed for workers who are away"
            ));
        }
        Ok(())
    }

    /// Opens gold of the pages that need it. Gives how many.
    async fn open_gold(&self, state: &State, pages: u32) -> Result<usize> {
        let failed = |error: athanor_label_client::Error| Error::Refused(format!("index: {error}"));
        let index = Index::parse(&self.round.index()?).map_err(failed)?;
        let paths = index.paths();
        let gold: BTreeMap<u32, _> = self
            .round
            .gold()?
            .into_iter()
            .map(|gold| (gold.page, gold))
            .collect();
        let mut due = Vec::new();
        for page in 0..pages {
            let on_chain = view::page(state, self.id, page).await?;
            if on_chain.gold_opened || !on_chain.has_reveal() {
                continue;
            }
            let (Some(gold), Some(leaf), Some(path)) =
                (gold.get(&page), index.leaf(page), paths.get(page as usize))
            else {
                return Err(Error::Refused(format!(
                    "the folder lacks gold of page {page}"
                )));
            };
            let salt = hex_bytes(&gold.salt)?
                .try_into()
                .map_err(|_| Error::Refused("gold.json holds a malformed salt".into()))?;
            let entries = gold
                .entries
                .iter()
                .map(|(at, answer)| Ok((*at, hex_bytes(answer)?)))
                .collect::<Result<Vec<_>>>()?;
            due.push(GoldOpening {
                page,
                entries,
                salt,
                content_root: leaf.content_root,
                bytes: leaf.bytes,
                path: path.clone(),
            });
        }
        let opened = due.len();
        while !due.is_empty() {
            let rest = due.split_off(due.len().min(MAX_OPENINGS as usize));
            let call = Call::new(PALLET, "open_gold", (self.id, due));
            self.context.submit(&self.chain, &self.signer, call).await?;
            due = rest;
        }
        Ok(opened)
    }

    /// Carries out what is due. That there is nothing is no error.
    async fn push(&self) -> Result<()> {
        let call = Call::new(PALLET, "advance", (self.id, PUSH));
        match self.context.submit(&self.chain, &self.signer, call).await {
            Ok(_) | Err(Error::Dispatch { .. } | Error::Rejected { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Keeps what was revealed in the folder: the chain forgets it.
pub(super) async fn keep_sheets(chain: &Chain, round: &Round, output: &Output) -> Result<()> {
    if !round.sheets()?.is_empty() {
        return Ok(());
    }
    let id = round.id()?;
    let state = chain.best().await?;
    let batch = view::batch(&state, id)
        .await?
        .ok_or_else(|| view::gone(id))?;
    if batch.stage < Stage::Settling {
        return Err(Error::Refused(format!(
            "batch {id} is in state '{}': its labels are known once it is paid",
            batch.state
        )));
    }
    let progress = output.steps("fetching answers", u64::from(batch.pages));
    let mut sheets = Vec::new();
    let mut consensus = Vec::new();
    for page in 0..batch.pages {
        progress.step();
        for (worker, held) in view::page(&state, id, page).await?.slots {
            if let Held::Revealed(bytes) = held {
                sheets.push(Sheet {
                    page,
                    worker: scale::hex(&worker),
                    sheet: scale::hex(&bytes),
                    salt: String::new(),
                });
            }
        }
        let labels = state.view(PALLET, "consensus", (id, page)).await?;
        consensus.push(json!({"page": page, "labels": labels}));
    }
    round.set_consensus(&consensus)?;
    round.set_sheets(&sheets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_label_client::seal::seal_opening;
    use athanor_label_math::{pack, Answer};
    use athanor_primitives::labels::answer_commitment;

    #[test]
    fn agreement_is_the_mean_over_pairs_and_tasks() {
        let label = LabelType::Preference;
        let sheet = |codes: [u32; 4]| pack(&label, &codes.map(Answer::Code)).unwrap();
        let same = vec![sheet([0, 1, 2, 3]); 3];
        assert_eq!(agreement(&label, 4, &same), 100);
        let one_off = [sheet([0, 1, 0, 1]), sheet([0, 1, 0, 0])];
        assert_eq!(agreement(&label, 4, &one_off), 75);
        let tie = [sheet([0, 0, 0, 0]), sheet([2, 2, 2, 2])];
        assert_eq!(agreement(&label, 4, &tie), 50);
        assert_eq!(agreement(&label, 4, &same[..1]), 100);
    }

    #[test]
    fn a_sealed_opening_is_found_in_a_commit_of_the_batch() {
        let key = SealKey::derive(&[1; 32]);
        let worker = crate::keys::account(&crate::keys::from_suri("//Bob").unwrap());
        let slot = Slot {
            genesis: [3; 32],
            batch: 7,
            page: 2,
            worker: worker.0,
        };
        let hash = answer_commitment(&slot.genesis, 7, 2, &worker.0, &[1, 2], &[9; 32]);
        let sealed = seal_opening(&[1, 2], &[9; 32], &hash, &slot, &key.public()).unwrap();
        let mut call = BlockCall {
            name: "commit".into(),
            args: json!({
                "batch": 7, "page": 2, "worker": worker.to_string(),
                "hash": scale::hex(&hash), "sealed": scale::hex(&sealed), "signature": null,
            }),
        };
        let got = found(&call, 7).unwrap();
        assert_eq!((got.page, got.worker), (2, worker.0));
        assert!(open_sealed(&got.sealed, &got.hash, &slot, &key).is_ok());
        assert!(found(&call, 8).is_none());
        call.args["sealed"] = Value::Null;
        assert!(found(&call, 7).is_none());
        call.name = "reveal".into();
        assert!(found(&call, 7).is_none());
    }
}
