//! `athanor label create`, `quote`, `batch`, `resume`: from a file to a batch that workers
//! find.

use super::{
    ask::{bad_file, Ask, Input},
    cost::{Cost, Rates},
    folder::{Batch, Campaign, Folder, GoldPage, Round},
    terms::{self, Span},
    view,
    wire::ChainTerms,
    PALLET,
};
use crate::{
    amount::Amount,
    chain::{Call, Chain, State, MORTALITY},
    commands::{constant, Context},
    error::{Error, Result},
    keys, output, scale,
};
use athanor_label_client::{
    import::Imported,
    index::{Entry, Index},
    page::{content_root, Page},
    plan::{self, Plan, Shape},
    private::PageKey,
    schema::Schema,
    seal::random,
};
use athanor_label_math::pack_answer;
use athanor_primitives::labels::{
    gold_commitment, CampaignTerms, GoldEntries, TermsLimits, LEAST_GOLD,
};
use clap::Args;
use serde_json::{json, Value};
use std::path::{Path, PathBuf};
use subxt_signer::sr25519::Keypair;

/// Longest guideline, in bytes.
const MAX_GUIDELINE: u64 = 1 << 20;

/// What is asked, of whom and for how much.
#[derive(Args, Clone, Debug)]
pub struct Offer {
    /// The file.
    #[command(flatten)]
    pub input: Input,
    /// What is asked.
    #[command(flatten)]
    pub ask: Ask,
    /// The terms.
    #[command(flatten)]
    pub terms: terms::Options,
    /// Time the batch stays open
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub open_for: Span,
}

/// Options of `label create`.
#[derive(Args, Clone, Debug)]
pub struct Create {
    /// What is asked.
    #[command(flatten)]
    pub offer: Offer,
    /// New folder for gold, secrets and pages [default: FILE.labels]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Show call, fee and cost; write, upload and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before money is held
    #[arg(long, short)]
    pub yes: bool,
}

/// Options of `label batch`.
#[derive(Args, Clone, Debug)]
pub struct Next {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// The file.
    #[command(flatten)]
    pub input: Input,
    /// Join it to the folder's last batch, which must still be open
    #[arg(long)]
    pub joins: bool,
    /// Time the batch stays open
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub open_for: Span,
    /// Show call, fee and cost; write, upload and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before money is held
    #[arg(long, short)]
    pub yes: bool,
}

/// Options of `label resume`.
#[derive(Args, Clone, Debug)]
pub struct Resume {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// Numbers of the chain that prices follow from.
struct Chainside {
    block_ms: u64,
    rates: Rates,
    deposit: Deposits,
}

#[derive(Clone, Copy)]
struct Deposits {
    campaign: u128,
    batch: u128,
    byte: u128,
}

fn chainside(state: &State) -> Result<Chainside> {
    let number = |name| constant(state, PALLET, name);
    Ok(Chainside {
        block_ms: u64::try_from(number("BlockTimeMs")?).unwrap_or(u64::MAX),
        rates: Rates {
            fee: number("Fee")?,
            bond: number("Bond")?,
            slot_fee: number("SlotFee")?,
        },
        deposit: Deposits {
            campaign: number("CampaignDeposit")?,
            batch: number("BatchDeposit")?,
            byte: number("DepositPerByte")?,
        },
    })
}

/// What the chain refuses in any case. Ranges of times are left to it: they are not in its
/// metadata.
fn limits(state: &State) -> Result<TermsLimits> {
    let least = constant(state, "Balances", "ExistentialDeposit")?;
    Ok(TermsLimits {
        lease: (1, u32::MAX),
        join_delay: u32::MAX,
        ..TermsLimits::standard(least)
    })
}

/// A file made into pages that have a price.
struct Prepared {
    schema: Schema,
    terms: CampaignTerms,
    plan: Plan,
    cost: Cost,
    open_for: u32,
    guideline: Option<Vec<u8>>,
    ignored: Vec<String>,
}

/// Gold a page, asked for or proposed.
fn page_gold(given: Option<u8>, tasks: u8, count: usize, worker_pages: f64) -> u8 {
    given.unwrap_or_else(|| {
        let gold = plan::propose_gold(tasks, u32::MAX, worker_pages);
        let pages = plan::pages_for(count, Shape { tasks, gold });
        plan::propose_gold(
            tasks,
            u32::try_from(pages).unwrap_or(u32::MAX),
            worker_pages,
        )
    })
}

/// Tasks that are asked besides the gold.
pub(super) fn asked(found: &Imported) -> usize {
    match found.tasks.len() {
        0 => found.gold.len(),
        tasks => tasks,
    }
}

fn check_gold(pages: usize, gold: u8) -> Result<()> {
    let all = pages.saturating_mul(gold.into());
    if gold > 0 && all < LEAST_GOLD as usize {
        return Err(Error::Usage(format!(
            "a batch has at least {LEAST_GOLD} gold answers, this would have {all}: raise \
             --page-gold, or take smaller pages with --page-tasks"
        )));
    }
    Ok(())
}

fn deposit_of(terms: &CampaignTerms, pages: u32, deposits: Deposits) -> u128 {
    view::batch_deposit(terms, pages, deposits.batch, deposits.byte)
}

fn prepare(
    offer: &Offer,
    secret: &[u8; 32],
    requester: [u8; 32],
    state: &State,
) -> Result<Prepared> {
    let schema = offer.ask.schema()?;
    let found = offer.input.read(&schema)?;
    let chain = chainside(state)?;
    let label = schema.label_type();
    let tasks = super::check::page_tasks(offer.terms.page_tasks, label.max_tasks());
    let gold = page_gold(
        offer.terms.page_gold,
        tasks,
        asked(&found),
        offer.terms.worker_pages,
    );
    let guideline = match &offer.terms.guideline {
        Some(path) => Some(crate::commands::read_file(
            path,
            MAX_GUIDELINE,
            "a guideline",
        )?),
        None => None,
    };
    let root = guideline.as_deref().map(content_root).unwrap_or_default();
    let terms = offer
        .terms
        .terms(label, tasks, gold, root, requester, chain.block_ms)?;
    terms::check(&terms, &limits(state)?)?;
    let ignored = found.ignored.iter().cloned().collect();
    let plan = plan::plan(
        &schema,
        found.tasks,
        found.gold,
        Shape { tasks, gold },
        secret,
    )
    .map_err(|error| bad_file(&offer.input.file, &error))?;
    check_gold(plan.pages.len(), gold)?;
    let pages = u32::try_from(plan.pages.len()).unwrap_or(u32::MAX);
    let deposit = chain
        .deposit
        .campaign
        .saturating_add(deposit_of(&terms, pages, chain.deposit));
    Ok(Prepared {
        cost: Cost::new(&terms, pages, chain.rates, deposit),
        open_for: offer.open_for.ticks(chain.block_ms),
        schema,
        terms,
        plan,
        guideline,
        ignored,
    })
}

fn note_plan(prepared: &Prepared, context: &Context) {
    if !prepared.ignored.is_empty() {
        context.output.note(format!(
            "ignored fields of the file: {}",
            prepared.ignored.join(", ")
        ));
    }
    let fillers: usize = prepared.plan.pages.iter().map(|p| p.fillers.len()).sum();
    if fillers > 0 {
        context.output.note(format!(
            "the last page is filled up with {fillers} tasks more: spare gold, then tasks of \
             other pages"
        ));
    }
}

/// `label quote`.
pub(super) async fn quote(offer: &Offer, context: &Context) -> Result<()> {
    let state = context.chain().await?.best().await?;
    let requester = match context.settings.key {
        Some(_) => keys::account(&context.signer()?).0,
        None => [0; 32],
    };
    let prepared = prepare(offer, &[0; 32], requester, &state)?;
    note_plan(&prepared, context);
    context
        .output
        .result(&prepared.cost.json(), || prepared.cost.table());
    Ok(())
}

fn ensure_funds(free: u128, cost: &Cost, account: &str) -> Result<()> {
    let needed = cost.held().saturating_add(cost.deposit);
    if free < needed {
        return Err(Error::Refused(format!(
            "{account} has {} free, and the batch holds {}: lower --pay or --panel, take fewer \
             tasks, or add funds",
            Amount(free),
            Amount(needed)
        )));
    }
    Ok(())
}

fn confirm(yes: bool, cost: &Cost, account: &str, context: &Context) -> Result<()> {
    if yes {
        return Ok(());
    }
    let total = Amount(cost.held().saturating_add(cost.deposit));
    context
        .output
        .confirm(&format!("Hold {total} of {account} for this batch?"))
}

/// `label create`.
pub(super) async fn create(options: &Create, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let account = keys::account(&signer);
    let path = options.folder.clone().unwrap_or_else(|| {
        let mut name = options.offer.input.file.clone().into_os_string();
        name.push(".labels");
        name.into()
    });
    let chain = context.chain().await?;
    let state = chain.best().await?;
    // The plan is made once more with the folder's secret; what it costs stays the same.
    let prepared = prepare(&options.offer, &[0; 32], account.0, &state)?;
    note_plan(&prepared, context);
    context.output.note(prepared.cost.table());
    let gateway = &options.offer.terms.gateway;
    if options.dry_run {
        let call = create_campaign(&prepared.terms, gateway);
        let cost = &prepared.cost;
        let amounts = [("held", cost.held()), ("deposits", cost.deposit)];
        return context.show_dry_run(&chain, &signer, call, &amounts).await;
    }
    if context.settings.stores.is_empty() {
        return Err(no_store());
    }
    let free = state.balance(&account).await?.free;
    ensure_funds(free, &prepared.cost, &account.to_string())?;
    confirm(options.yes, &prepared.cost, &account.to_string(), context)?;

    let mut campaign = Campaign {
        v: 1,
        genesis: scale::hex(chain.genesis().as_ref()),
        requester: account.to_string(),
        schema: prepared.schema.clone(),
        terms: prepared.terms,
        campaign: None,
        sent_at: None,
        gateway: gateway.clone(),
    };
    let folder = Folder::create(&path, &mut campaign)?;
    if let Some(guideline) = &prepared.guideline {
        folder.set_guideline(guideline)?;
    }
    let secret = folder.plan_secret(0)?;
    let prepared = prepare(&options.offer, &secret, account.0, &state)?;
    let round = write_round(&folder, &campaign, &prepared, None, &chain, context)?;
    proceed(&chain, &signer, &folder, &round, context).await
}

fn no_store() -> Error {
    Error::Usage(
        "pages go into a content store: give --store URL; `athanor store serve` runs one".into(),
    )
}

/// `label batch`.
pub(super) async fn next(options: &Next, context: &Context) -> Result<()> {
    let folder = Folder::open(&options.folder)?;
    let campaign = folder.campaign()?;
    let signer = context.signer()?;
    let account = keys::account(&signer);
    let chain = context.chain().await?;
    own(&campaign, &chain, &account.to_string())?;
    let state = chain.best().await?;
    let joins = match options.joins {
        true => Some(folder.chosen(None)?.id()?),
        false => None,
    };
    let number = folder.rounds();
    let found = options.input.read(&campaign.schema)?;
    let terms = campaign.terms;
    let sides = chainside(&state)?;
    let shape = Shape {
        tasks: terms.tasks,
        gold: terms.gold,
    };
    let ignored = found.ignored.iter().cloned().collect();
    check_used_gold(&folder, &found.gold)?;
    let plan = plan::plan(
        &campaign.schema,
        found.tasks,
        found.gold,
        shape,
        &folder.plan_secret(number)?,
    )
    .map_err(|error| bad_file(&options.input.file, &error))?;
    check_gold(plan.pages.len(), terms.gold)?;
    let pages = u32::try_from(plan.pages.len()).unwrap_or(u32::MAX);
    let deposit = deposit_of(&terms, pages, sides.deposit);
    let prepared = Prepared {
        cost: Cost::new(&terms, pages, sides.rates, deposit),
        open_for: options.open_for.ticks(sides.block_ms),
        schema: campaign.schema.clone(),
        terms,
        plan,
        guideline: None,
        ignored,
    };
    note_plan(&prepared, context);
    context.output.note(prepared.cost.table());
    if options.dry_run {
        let id = campaign.campaign.ok_or_else(|| not_created(&folder))?;
        let until = view::clock(&state).await?.saturating_add(prepared.open_for);
        let call = open_batch(id, [0; 32], [0; 32], pages, until, joins);
        let amounts = [("held", prepared.cost.held()), ("deposits", deposit)];
        return context.show_dry_run(&chain, &signer, call, &amounts).await;
    }
    if context.settings.stores.is_empty() {
        return Err(no_store());
    }
    let free = state.balance(&account).await?.free;
    ensure_funds(free, &prepared.cost, &account.to_string())?;
    confirm(options.yes, &prepared.cost, &account.to_string(), context)?;
    let round = write_round(&folder, &campaign, &prepared, joins, &chain, context)?;
    proceed(&chain, &signer, &folder, &round, context).await
}

/// Gold is used once: what an earlier batch asked as gold is known to its workers.
fn check_used_gold(
    folder: &Folder,
    gold: &[(athanor_label_client::page::Task, athanor_label_math::Answer)],
) -> Result<()> {
    let mut used = std::collections::BTreeSet::new();
    for number in 0..folder.rounds() {
        let round = folder.round(number);
        for page in round.gold()? {
            let tasks = round.page(page.page)?.tasks;
            let gold = page.entries.iter();
            used.extend(
                gold.filter_map(|(at, _)| tasks.get(usize::from(*at)))
                    .map(|task| task.content()),
            );
        }
    }
    match gold.iter().find(|(task, _)| used.contains(&task.content())) {
        Some((task, _)) => Err(Error::Refused(format!(
            "gold '{}' was used in an earlier batch, whose workers know its answer: take other \
             gold",
            athanor_label_client::text::one_line(&task.id)
        ))),
        None => Ok(()),
    }
}

/// `label resume`.
pub(super) async fn resume(options: &Resume, context: &Context) -> Result<()> {
    let folder = Folder::open(&options.folder)?;
    let campaign = folder.campaign()?;
    let signer = context.signer()?;
    let chain = context.chain().await?;
    own(&campaign, &chain, &keys::account(&signer).to_string())?;
    let round = folder.chosen(None).map_err(|_| {
        Error::Refused(format!(
            "the command stopped before the pages in {} were written, and nothing was sent: \
             remove the folder and create the campaign again",
            options.folder.display()
        ))
    })?;
    proceed(&chain, &signer, &folder, &round, context).await
}

/// Whether this chain and account are those of the folder.
pub(super) fn own(campaign: &Campaign, chain: &Chain, account: &str) -> Result<()> {
    same_chain(campaign, chain)?;
    if campaign.requester != account {
        return Err(Error::Refused(format!(
            "the folder belongs to {}, and you sign as {account}: give its --key",
            campaign.requester
        )));
    }
    Ok(())
}

/// Whether this chain is that of the folder.
pub(super) fn same_chain(campaign: &Campaign, chain: &Chain) -> Result<()> {
    let genesis = scale::hex(chain.genesis().as_ref());
    if campaign.genesis != genesis {
        return Err(Error::Refused(format!(
            "the folder belongs to the chain {}, and {} runs {genesis}: give its --node",
            campaign.genesis,
            chain.url()
        )));
    }
    Ok(())
}

/// Makes files, commitments and roots of a plan, and writes them.
fn write_round(
    folder: &Folder,
    campaign: &Campaign,
    prepared: &Prepared,
    joins: Option<u64>,
    chain: &Chain,
    context: &Context,
) -> Result<Round> {
    let failed = |error: athanor_label_client::Error| bad_file(folder.path(), &error);
    let genesis: [u8; 32] = chain.genesis().0;
    let label = prepared.schema.label_type();
    let batch_salt = random().map_err(failed)?;
    let progress = context
        .output
        .steps("packing pages", prepared.plan.pages.len() as u64);
    let (mut pages, mut stored, mut keys, mut gold) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut index = Index::default();
    for (number, planned) in (0u32..).zip(&prepared.plan.pages) {
        progress.step();
        let page = Page {
            batch_salt,
            page: number,
            schema: prepared.schema.clone(),
            tasks: planned.tasks.clone(),
        };
        let mut bytes = page.to_bytes().map_err(|error| {
            Error::Refused(format!(
                "page {number} cannot be written, {error}: take fewer tasks a page with \
                 --page-tasks"
            ))
        })?;
        if campaign.terms.private {
            let key = PageKey::generate().map_err(failed)?;
            bytes = key.encrypt(number, &bytes).map_err(failed)?;
            keys.push(key);
        }
        let salt: [u8; 32] = random().map_err(failed)?;
        let entries: GoldEntries = planned
            .gold
            .iter()
            .map(|(at, answer)| {
                let packed = pack_answer(&label, answer)
                    .map_err(|error| Error::Refused(format!("gold of page {number}: {error}")))?;
                Ok((*at, packed))
            })
            .collect::<Result<_>>()?;
        index.pages.push(Entry {
            root: content_root(&bytes),
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            gold: gold_commitment(&genesis, number, &entries, &salt),
        });
        gold.push(GoldPage {
            page: number,
            salt: scale::hex(&salt),
            entries: entries
                .iter()
                .map(|(at, answer)| (*at, scale::hex(answer)))
                .collect(),
        });
        pages.push(page);
        stored.push(bytes);
    }
    drop(progress);
    let batch = Batch {
        pages: u32::try_from(pages.len()).unwrap_or(u32::MAX),
        pages_root: scale::hex(&index.pages_root()),
        index_root: scale::hex(&index.index_root()),
        open_for: prepared.open_for,
        joins,
        stored: false,
        batch: None,
        sent_at: None,
        scanned: 0,
    };
    let round = folder.round(folder.rounds());
    round.create(&batch, &pages, &stored, &index.to_bytes(), &gold, &keys)?;
    Ok(round)
}

pub(in crate::commands) fn create_campaign(
    terms: &CampaignTerms,
    gateway: &str,
) -> Call<(ChainTerms, Vec<u8>)> {
    let args = (ChainTerms::from(terms), gateway.as_bytes().to_vec());
    Call::new(PALLET, "create_campaign", args)
}

pub(in crate::commands) type OpenBatch = (u64, [u8; 32], [u8; 32], u32, u32, Option<u64>);

pub(in crate::commands) fn open_batch(
    campaign: u64,
    pages_root: [u8; 32],
    index_root: [u8; 32],
    pages: u32,
    until: u32,
    joins: Option<u64>,
) -> Call<OpenBatch> {
    let args = (campaign, pages_root, index_root, pages, until, joins);
    Call::new(PALLET, "open_batch", args)
}

fn not_created(folder: &Folder) -> Error {
    Error::Refused(format!(
        "the campaign is not on the chain yet: `athanor label resume {}`",
        folder.path().display()
    ))
}

fn root_of(text: &str) -> Result<[u8; 32]> {
    athanor_primitives::ticket::root_from_hex(text)
        .ok_or_else(|| Error::Refused("the folder's batch.json holds a malformed root".into()))
}

/// Whether a transaction that was sent before may still come true.
fn still_open(sent_at: Option<u64>, now: u64) -> Result<()> {
    match sent_at {
        Some(sent) if now <= sent.saturating_add(MORTALITY) => Err(Error::TimedOut(format!(
            "a transaction sent at block {sent} is in no block yet and may still be included \
             until block {}: run this again after that",
            sent.saturating_add(MORTALITY)
        ))),
        _ => Ok(()),
    }
}

/// Does what is left to do of a batch that lies in the folder: upload, campaign, batch.
async fn proceed(
    chain: &Chain,
    signer: &Keypair,
    folder: &Folder,
    round: &Round,
    context: &Context,
) -> Result<()> {
    let shown = folder.path().display().to_string();
    context.set_next(format!("go on with: athanor label resume {shown}"));
    let mut batch = round.batch()?;
    if !batch.stored {
        upload(folder, round, &batch, context).await?;
        batch.stored = true;
        round.set_batch(&batch)?;
    }
    let campaign = campaign_on_chain(chain, signer, folder, context).await?;
    if batch.batch.is_none() {
        let state = chain.best().await?;
        let there = find_batch(&state, campaign, &batch.pages_root).await?;
        let id = match there {
            Some(id) => id,
            None => {
                still_open(batch.sent_at, state.number())?;
                batch.sent_at = Some(state.number());
                batch.scanned = state.number();
                round.set_batch(&batch)?;
                let until = view::clock(&state).await?.saturating_add(batch.open_for);
                let call = open_batch(
                    campaign,
                    root_of(&batch.pages_root)?,
                    root_of(&batch.index_root)?,
                    batch.pages,
                    until,
                    batch.joins,
                );
                let sent = context.submit(chain, signer, call).await;
                if let Err(error) = &sent {
                    if !error.may_come_true() {
                        batch.sent_at = None;
                        round.set_batch(&batch)?;
                    }
                }
                let id = sent?.field(PALLET, "BatchOpened", "batch")?;
                id.as_u64()
                    .ok_or_else(|| Error::protocol("BatchOpened", "its batch is no number"))?
            }
        };
        batch.batch = Some(id);
        round.set_batch(&batch)?;
    }
    let value = json!({
        "campaign": campaign,
        "batch": batch.batch,
        "round": round.number(),
        "pages": batch.pages,
        "pages_root": batch.pages_root,
        "index_root": batch.index_root,
        "folder": shown,
    });
    context.output.result(&value, || {
        format!(
            "{}\n\nKeep the folder safe: gold can't be opened without it. Then run, and leave \
             running:\n  athanor label watch {shown}",
            output::describe(&value)
        )
    });
    Ok(())
}

async fn upload(folder: &Folder, round: &Round, batch: &Batch, context: &Context) -> Result<()> {
    let client = context.upload_client()?.ok_or_else(no_store)?;
    let progress = context
        .output
        .steps("uploading pages", u64::from(batch.pages) + 1);
    for page in 0..batch.pages {
        let bytes = round.stored(page)?;
        client.put(&content_root(&bytes), bytes, |_, _| ()).await?;
        progress.step();
    }
    let index = round.index()?;
    client.put(&content_root(&index), index, |_, _| ()).await?;
    if let Some(guideline) = folder.guideline()? {
        client
            .put(&content_root(&guideline), guideline, |_, _| ())
            .await?;
    }
    Ok(())
}

/// The campaign's number; it is created if it is not there.
async fn campaign_on_chain(
    chain: &Chain,
    signer: &Keypair,
    folder: &Folder,
    context: &Context,
) -> Result<u64> {
    let mut campaign = folder.campaign()?;
    if let Some(id) = campaign.campaign {
        return Ok(id);
    }
    let state = chain.best().await?;
    let there = find_campaign(&state, &campaign).await?;
    let id = match there {
        Some(id) => id,
        None => {
            still_open(campaign.sent_at, state.number())?;
            campaign.sent_at = Some(state.number());
            folder.set_campaign(&campaign)?;
            let call = create_campaign(&campaign.terms, &campaign.gateway);
            let sent = context.submit(chain, signer, call).await;
            if let Err(error) = &sent {
                if !error.may_come_true() {
                    campaign.sent_at = None;
                    folder.set_campaign(&campaign)?;
                }
            }
            let id = sent?.field(PALLET, "CampaignCreated", "campaign")?;
            id.as_u64()
                .ok_or_else(|| Error::protocol("CampaignCreated", "its campaign is no number"))?
        }
    };
    campaign.campaign = Some(id);
    folder.set_campaign(&campaign)?;
    Ok(id)
}

/// Campaigns that are looked through after an interruption.
const LOOK_THROUGH: usize = 100_000;

/// The campaign with the folder's seal key, which no other campaign has.
async fn find_campaign(state: &State, campaign: &Campaign) -> Result<Option<u64>> {
    let Some(key) = campaign
        .terms
        .seal_key
        .filter(|_| campaign.sent_at.is_some())
    else {
        return Ok(None);
    };
    let key = json!(scale::hex(&key));
    let all = state.entries(PALLET, "Campaigns", LOOK_THROUGH).await?;
    Ok(all
        .into_iter()
        .find(|(_, found)| found.pointer("/terms/seal_key") == Some(&key))
        .map(|(id, _)| id))
}

async fn find_batch(state: &State, campaign: u64, pages_root: &str) -> Result<Option<u64>> {
    let all = state.entries(PALLET, "Batches", LOOK_THROUGH).await?;
    Ok(all
        .into_iter()
        .find(|(_, found)| {
            found.get("campaign").and_then(Value::as_u64) == Some(campaign)
                && found.get("pages_root").and_then(Value::as_str) == Some(pages_root)
        })
        .map(|(id, _)| id))
}

/// A folder and its chain, for commands that work on a batch.
pub(super) async fn opened(path: &Path, context: &Context) -> Result<(Folder, Campaign, Chain)> {
    let folder = Folder::open(path)?;
    let campaign = folder.campaign()?;
    let chain = context.chain().await?;
    same_chain(&campaign, &chain)?;
    Ok((folder, campaign, chain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gold_is_proposed_so_that_a_batch_has_enough() {
        assert_eq!(page_gold(Some(5), 32, 1_000, 4.0), 5);
        assert_eq!(page_gold(None, 32, 1_000, 4.0), 4);
        assert_eq!(page_gold(None, 32, 1_000, 1.0), 8);
        assert_eq!(page_gold(None, 32, 10, 4.0), 8);
        check_gold(2, 4).unwrap();
        check_gold(1, 0).unwrap();
        let error = check_gold(1, 4).unwrap_err().to_string();
        assert!(error.contains("--page-gold"), "{error}");
    }

    #[test]
    fn a_transaction_that_may_come_true_is_not_sent_twice() {
        still_open(None, 500).unwrap();
        still_open(Some(100), 500).unwrap();
        let error = still_open(Some(400), 500).unwrap_err().to_string();
        assert!(error.contains("block 656"), "{error}");
    }

    #[test]
    fn too_little_money_is_said_before_anything_is_sent() {
        let terms = super::super::folder::tests::campaign().terms;
        let rates = Rates {
            fee: 20_000,
            bond: 100_000,
            slot_fee: 0,
        };
        let cost = Cost::new(&terms, 2, rates, 5);
        let needed = cost.held() + 5;
        ensure_funds(needed, &cost, "5G").unwrap();
        let error = ensure_funds(needed - 1, &cost, "5G").unwrap_err();
        assert!(error.to_string().contains("--pay"), "{error}");
    }
}
