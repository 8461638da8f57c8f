//! `athanor job`: buying a run.

mod deliver;

use super::{blocks, constant, field, field_u64, model_of, number, Context, Model};
use crate::{
    amount::{human_bytes, Amount, Bytes},
    blobs,
    chain::{Call, Chain, Event, State, MORTALITY},
    clock::Clock,
    error::{Error, Result},
    history::{self, History, PALLET},
    keys,
    outcomes::Stakes,
    output,
    pending::{self, Entry, Pending},
    scale,
    terms::{JobTerms, Policy, QuoteTerms, AUDIT_RATES},
};
use athanor_content_store::Client;
use athanor_primitives::{ticket::root_from_hex, Root, MAX_INLINE_OUTPUT};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{json, Map, Value};
use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

/// Window when nothing else is said, if the chain allows it.
const DEFAULT_WINDOW: u32 = 1_200;

/// Blocks an ended job's events are looked for in when nothing else is said.
const DEFAULT_LOOKBACK: u64 = 2_000;

/// Create, watch and fetch jobs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show what a job would hold, and what each way it can end costs
    ///
    /// Needs no key and changes nothing.
    #[command(after_help = "\
Examples:
  athanor job quote --model 0 --batch 1797 --max-pay '1 AUR'
  athanor job quote --model 0 --input digits.bin --max-pay '1 AUR' \\
    --policy replicated --replicas 3 --quorum 2")]
    Quote(Box<Terms>),
    /// Create a job; its whole budget is held
    ///
    /// An input file is hashed, checked against the length the model wants and
    /// uploaded to --store before any money moves. What is not paid out
    /// returns when the job ends. On a terminal you are shown every way the
    /// job can end and asked first. With --wait the command stays until the
    /// end, with --out it fetches the output then; after Ctrl-C the job goes
    /// on, and `athanor job watch` takes it up again.
    #[command(after_help = "\
Examples:
  athanor job create --model 0 --input digits.bin --max-pay '1 AUR' \\
    --suri //Alice --store http://127.0.0.1:9955
  athanor job create --model 0 --input digits.bin --max-pay '1 AUR' \\
    --yes --out output.bin --key ~/.config/athanor/key
  athanor job create --model 0 --batch 1797 --max-pay '1 AUR' \\
    --input-root \\
0x1212121212121212121212121212121212121212121212121212121212121212 \\
    --policy replicated --replicas 3 --quorum 2 --suri //Alice --dry-run")]
    Create(Box<Create>),
    /// Follow a job until it ends
    ///
    /// Prints a line for each event and a summary at the end. The exit code is
    /// 0 if the job settled and 3 if it ended otherwise. A job that has ended
    /// is looked for in the last blocks. Without a number the last job that
    /// was created from here is followed, also one whose `create` was
    /// interrupted before its number was known.
    #[command(after_help = "\
Examples:
  athanor job watch 7
  athanor job watch 7 --timeout 600 --output json
  athanor job watch")]
    Watch(Watch),
    /// Show a live job, or its kept receipt
    #[command(after_help = "\
Examples:
  athanor job show 7")]
    Show(Show),
    /// Download the output of a job and check it
    ///
    /// The output is found by its root, in the stores given, or, only when
    /// asked for, at the addresses the job's providers publish. An interrupted
    /// download is continued by the same command.
    #[command(after_help = "\
Examples:
  athanor job fetch 7 --out output.bin --store http://127.0.0.1:9955
  athanor job fetch 7 --out output.bin --from-provider")]
    Fetch(Fetch),
    /// Demand an output that nobody serves, on the chain
    ///
    /// While a job's window is open, its requester can make those who claim the
    /// output show it, piece by piece, for a price a piece; whoever does not is
    /// struck. At most 64 pieces of 32 KiB. What was asked for before is not
    /// asked for again.
    #[command(after_help = "\
Examples:
  athanor job deliver 7 --out output.bin --key ~/.config/athanor/key
  athanor job deliver 7 --out output.bin --suri //Alice --dry-run")]
    Deliver(deliver::Deliver),
    /// Cancel a job of yours that nobody was drawn for
    #[command(after_help = "\
Examples:
  athanor job cancel 7 --suri //Alice")]
    Cancel(Show),
    /// Carry out what is due for a job
    ///
    /// The chain does this by itself when its blocks have room. Whoever does
    /// it is paid from the job's tip.
    #[command(after_help = "\
Examples:
  athanor job poke 7 --suri //Alice")]
    Poke(Show),
    /// Remove a kept receipt of yours and get its deposit back
    #[command(after_help = "\
Examples:
  athanor job forget 7 --suri //Alice")]
    Forget(Show),
    /// List live jobs
    #[command(after_help = "\
Examples:
  athanor job list
  athanor job list --mine --key ~/.config/athanor/key
  athanor job list --requester //Alice --state open --state running")]
    List(List),
}

/// How a job is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyName {
    /// One provider. Anybody may prove it wrong in the window, and audits are drawn.
    Optimistic,
    /// Several providers, a quorum of which must agree.
    Replicated,
}

/// A window: blocks, or the shortest the chain allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The chain's least.
    Shortest,
    /// So many blocks.
    Blocks(u32),
}

impl std::str::FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "min" {
            return Ok(Self::Shortest);
        }
        text.parse()
            .map(Self::Blocks)
            .map_err(|_| format!("'{text}' is no number of blocks: write digits, or 'min'"))
    }
}

/// What is asked for.
#[derive(Args, Clone, Debug)]
pub struct Terms {
    /// Number of the model
    #[arg(long, value_name = "ID")]
    pub model: u64,
    /// File with the input
    #[arg(long, value_name = "FILE", conflicts_with = "input_root")]
    pub input: Option<PathBuf>,
    /// Root of an input that is stored already
    #[arg(long, value_name = "ROOT", value_parser = blobs::parse_root)]
    pub input_root: Option<Root>,
    /// Samples in the input [default: what the file's length says]
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Most that one provider is paid, like '1 AUR'
    #[arg(long, value_name = "AMOUNT")]
    pub max_pay: Amount,
    /// How the result is checked
    #[arg(long, value_enum, value_name = "POLICY", default_value = "optimistic")]
    pub policy: PolicyName,
    /// Optimistic: audits in 256 jobs: 0, 4, 8, 16, 32 or 64
    #[arg(long, value_name = "RATE", default_value_t = 0)]
    pub audit: u8,
    /// Replicated: how many providers, 1 to 7
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub replicas: u8,
    /// Replicated: how many must agree [default: more than half]
    #[arg(long, value_name = "N")]
    pub quorum: Option<u8>,
    /// Blocks between the results and the verdict, or 'min' [default: 1200]
    #[arg(long, value_name = "BLOCKS")]
    pub window: Option<Window>,
    /// For whoever carries out the job's deadlines, like '10 mAUR'
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    pub tip: Amount,
    /// Keep a receipt on the chain, for a deposit
    #[arg(long)]
    pub keep_receipt: bool,
    /// Least collateral of a provider, for results worth more than the pay
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    pub min_collateral: Amount,
    /// Most blocks fetching and the run may take [default: the most allowed]
    #[arg(long, value_name = "BLOCKS")]
    pub max_wait: Option<u32>,
}

/// Options of `job create`.
#[derive(Args, Clone, Debug)]
pub struct Create {
    /// What is asked for.
    #[command(flatten)]
    pub terms: Terms,
    /// Have the output, of at most 1 KiB, written to the chain
    #[arg(long)]
    pub inline_output: bool,
    /// Show call, fee and what would be held; upload and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before money is held
    #[arg(long, short)]
    pub yes: bool,
    /// Stay until the job has ended
    #[arg(long)]
    pub wait: bool,
    /// Stay, and write the output here when the job has settled
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// With --out: also ask the addresses that the job's providers publish
    #[arg(long, requires = "out")]
    pub from_provider: bool,
}

/// Options of `job watch`.
#[derive(Args, Debug)]
pub struct Watch {
    /// Number of the job [default: the last one created from here]
    #[arg(value_name = "ID")]
    pub id: Option<u64>,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Follow best blocks, which may still be replaced, not final ones
    #[arg(long)]
    pub best: bool,
    /// Past blocks an ended job is looked for in
    #[arg(long, value_name = "BLOCKS", default_value_t = DEFAULT_LOOKBACK)]
    pub lookback: u64,
}

/// A job's number.
#[derive(Args, Debug)]
pub struct Show {
    /// Number of the job
    #[arg(value_name = "ID")]
    pub id: u64,
}

/// Options of `job fetch`.
#[derive(Args, Debug)]
pub struct Fetch {
    /// Number of the job
    #[arg(value_name = "ID")]
    pub id: u64,
    /// Where to write the output
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Also ask the addresses that the job's providers publish
    #[arg(long)]
    pub from_provider: bool,
    /// Refuse outputs longer than this
    #[arg(long, value_name = "BYTES", default_value = "16GiB")]
    pub limit: Bytes,
    /// Past blocks an ended job is looked for in
    #[arg(long, value_name = "BLOCKS", default_value_t = DEFAULT_LOOKBACK)]
    pub lookback: u64,
}

/// Options of `job list`.
#[derive(Args, Debug)]
pub struct List {
    /// Only jobs of this account
    #[arg(long, value_name = "ACCOUNT")]
    pub requester: Option<String>,
    /// Only jobs of the signing account, and receipts it keeps
    #[arg(long, conflicts_with = "requester")]
    pub mine: bool,
    /// Only jobs in this state; may be given several times
    #[arg(long, value_name = "STATE")]
    pub state: Vec<String>,
    /// Most jobs to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Quote(options) => quote(*options, context).await,
        Command::Create(options) => create(*options, context).await,
        Command::Watch(options) => watch(options, context).await,
        Command::Show(options) => show(options, context).await,
        Command::Fetch(options) => fetch(options, context).await,
        Command::Deliver(options) => deliver::run(options, context).await,
        Command::Cancel(options) => cancel(options, context).await,
        Command::Poke(options) => poke(options, context).await,
        Command::Forget(options) => forget(options, context).await,
        Command::List(options) => list(options, context).await,
    }
}

/// The chain's bounds for windows.
#[derive(Clone, Copy, Debug)]
struct Windows {
    least: u32,
    most: u32,
}

fn policy(options: &Terms, windows: Windows) -> Result<Policy> {
    let window = match options.window {
        None => DEFAULT_WINDOW.min(windows.most).max(windows.least),
        Some(Window::Shortest) => windows.least,
        Some(Window::Blocks(blocks)) => blocks,
    };
    if !(windows.least..=windows.most).contains(&window) {
        return Err(Error::Usage(format!(
            "a window has {} to {} blocks on this chain: change --window",
            windows.least, windows.most
        )));
    }
    match options.policy {
        PolicyName::Optimistic => {
            if !AUDIT_RATES.contains(&options.audit) {
                return Err(Error::Usage(format!(
                    "the audit rate is one of {AUDIT_RATES:?}: change --audit"
                )));
            }
            Ok(Policy::Optimistic {
                window,
                audit: options.audit,
            })
        }
        PolicyName::Replicated => {
            let n = options.replicas;
            let quorum = options.quorum.unwrap_or(n / 2 + 1);
            if !(1..=7).contains(&n) || quorum > n || quorum <= n / 2 {
                return Err(Error::Usage(
                    "a job has 1 to 7 --replicas and a --quorum of more than half of them".into(),
                ));
            }
            Ok(Policy::Replicated { n, quorum, window })
        }
    }
}

/// The batch, checked against the input's length if that is known.
fn batch(model: &Model, id: u64, given: Option<u32>, len: Option<u64>) -> Result<u32> {
    let program = &model.program;
    let most = program.max_batch();
    let one = program.input_len(1).filter(|len| *len != 0);
    let batch = match (given, len, one) {
        (Some(batch), ..) => batch,
        (None, Some(len), Some(one)) if len % one == 0 => {
            u32::try_from(len / one).unwrap_or(u32::MAX)
        }
        (None, Some(len), one) => {
            return Err(Error::Usage(format!(
                "the input has {len} bytes, which is no number of samples of {} bytes",
                one.unwrap_or_default()
            )))
        }
        (None, None, _) => {
            return Err(Error::Usage(
                "say how many samples the input has: --batch N".into(),
            ))
        }
    };
    let wanted = program
        .input_len(batch)
        .filter(|_| (1..=most).contains(&batch))
        .ok_or_else(|| {
            Error::Usage(format!("model {id} takes 1 to {most} samples, not {batch}"))
        })?;
    match len {
        Some(len) if len != wanted => Err(Error::Usage(format!(
            "model {id} takes {wanted} bytes for {batch} samples, the input has {len}"
        ))),
        _ => Ok(batch),
    }
}

/// The most blocks that fetching and the run may take.
fn max_wait_of(options: &Terms, bounds: RangeInclusive<u32>) -> Result<u32> {
    let (least, most) = bounds.clone().into_inner();
    let max_wait = options.max_wait.unwrap_or(most);
    if bounds.contains(&max_wait) {
        return Ok(max_wait);
    }
    Err(Error::Usage(format!(
        "a job may wait {least} to {most} blocks on this chain: change --max-wait"
    )))
}

/// Everything a job's price follows from.
struct Prepared {
    model: Model,
    batch: u32,
    policy: Policy,
    max_wait: u32,
    input: Option<blobs::FileBlob>,
    quote: Value,
    stakes: Stakes,
    clock: Clock,
}

/// What the ways the job can end follow from.
fn stakes(options: &Terms, policy: Policy, quote: &Value, state: &State) -> Result<Stakes> {
    let amount = |name| constant(state, PALLET, name);
    let money = |key: &str| quote.get(key).and_then(number).unwrap_or_default();
    let max_pay = options.max_pay.0;
    let dear = max_pay.saturating_mul(policy.replicas().into()) >= amount("HighValue")?;
    let open_for = if dear { "OpenForHighValue" } else { "OpenFor" };
    let cheapest = quote.get("cheapest").and_then(Value::as_array);
    Ok(Stakes {
        policy,
        max_pay,
        tip: options.tip.0,
        held: money("held"),
        deposit: money("deposit"),
        cheapest: cheapest.into_iter().flatten().filter_map(number).collect(),
        min_collateral: amount("MinCollateral")?.max(options.min_collateral.0),
        open_for: blocks(state, open_for)?.into(),
        poke_reward: amount("PokeReward")?,
    })
}

async fn prepare(options: &Terms, state: &State, context: &Context) -> Result<Prepared> {
    let windows = Windows {
        least: blocks(state, "MinWindow")?,
        most: blocks(state, "MaxWindow")?,
    };
    let policy = policy(options, windows)?;
    let bounds = blocks(state, "WorkBase")?..=blocks(state, "MaxWait")?;
    let max_wait = max_wait_of(options, bounds)?;
    let model = model_of(state, options.model).await?;
    if model.view.get("retired").and_then(Value::as_bool) == Some(true) {
        return Err(Error::Refused(format!(
            "model {} is retired and takes no new jobs: use a newer version",
            options.model
        )));
    }
    let input = match &options.input {
        Some(path) => Some(blobs::hash(path, &context.output).await?),
        None => None,
    };
    let batch = batch(
        &model,
        options.model,
        options.batch,
        input.as_ref().map(|blob| blob.len),
    )?;
    let terms = QuoteTerms {
        model: options.model,
        batch,
        policy,
        max_pay: options.max_pay.0,
        max_wait: Some(max_wait),
        min_collateral: options.min_collateral.0,
        tip: options.tip.0,
        keep_receipt: options.keep_receipt,
    };
    let quote = state.view(PALLET, "quote", (terms,)).await?;
    if quote.is_null() {
        return Err(Error::Refused(
            "the chain does not quote this job: the amounts may be more than can exist".into(),
        ));
    }
    let stakes = stakes(options, policy, &quote, state)?;
    Ok(Prepared {
        model,
        batch,
        policy,
        max_wait,
        input,
        quote,
        stakes,
        clock: Clock::of(state)?,
    })
}

fn quote_rows(prepared: &Prepared, max_pay: Amount, tip: Amount) -> String {
    let quote = &prepared.quote;
    let count = |key: &str| quote.get(key).and_then(Value::as_u64).unwrap_or_default();
    let money = |key: &str| Amount(quote.get(key).and_then(number).unwrap_or_default()).to_string();
    let replicas = prepared.policy.replicas();
    let cheapest = quote
        .get("cheapest")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let prices: Vec<String> = cheapest
        .iter()
        .filter_map(number)
        .map(|planck| Amount(planck).to_string())
        .collect();
    let clock = &prepared.clock;
    let window = prepared.policy.window();
    let window = format!("window of {window} blocks ({})", clock.span(window.into()));
    let policy = match prepared.policy {
        Policy::Replicated { n, quorum, .. } => {
            format!("{n} replicas, {quorum} must agree, {window}")
        }
        Policy::Optimistic { audit: 0, .. } => {
            format!("one provider, watched only, {window}")
        }
        Policy::Optimistic { audit, .. } => {
            format!("one provider, audited {audit} in 256 times, {window}")
        }
    };
    let least = prepared.stakes.cheapest.first().copied();
    let (premium, stake) = (prepared.stakes.premium(), prepared.stakes.stake());
    let rows = output::pairs(&[
        ("policy", policy),
        ("samples", prepared.batch.to_string()),
        ("input", human_bytes(count("input_len"))),
        ("output", human_bytes(count("output_len"))),
        ("units", count("units").to_string()),
        ("held, the sum of", money("held")),
        ("- pay at most", format!("{replicas} × {max_pay}")),
        ("- for audits", Amount(premium).to_string()),
        (
            "- stake",
            format!("{}, lost if too few accept", Amount(stake)),
        ),
        ("- tip", tip.to_string()),
        ("receipt deposit", money("deposit")),
        ("offers that fit", count("eligible").to_string()),
        (
            "cheapest",
            if prices.is_empty() {
                "none".into()
            } else {
                prices.join(", ")
            },
        ),
        (
            "a provider risks",
            match least {
                Some(pay) => format!("{} or more", Amount(prepared.stakes.collateral(pay))),
                None => "nothing: there is no offer that fits".into(),
            },
        ),
    ]);
    format!("{rows}\n\n{}", prepared.stakes.table(clock))
}

async fn quote(options: Terms, context: &Context) -> Result<()> {
    let state = context.chain().await?.best().await?;
    let prepared = prepare(&options, &state, context).await?;
    let mut value = prepared.quote.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("cases".into(), prepared.stakes.json(&prepared.clock));
        fields.insert("model".into(), json!(options.model));
        fields.insert("batch".into(), json!(prepared.batch));
        let root = prepared
            .input
            .as_ref()
            .map(|blob| blob.root)
            .or(options.input_root);
        fields.insert(
            "input_root".into(),
            json!(root.map(|root| scale::hex(&root))),
        );
    }
    context.output.result(&value, || {
        quote_rows(&prepared, options.max_pay, options.tip)
    });
    Ok(())
}

async fn create(options: Create, context: &Context) -> Result<()> {
    let terms = &options.terms;
    if terms.input.is_none() && terms.input_root.is_none() {
        return Err(Error::Usage(
            "a job needs an input: --input FILE or --input-root ROOT".into(),
        ));
    }
    let signer = context.signer()?;
    let uploads = context.upload_client()?;
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let prepared = prepare(terms, &state, context).await?;

    if options.inline_output {
        let program = &prepared.model.program;
        let len = program.output_len(prepared.batch).unwrap_or(u64::MAX);
        if program.outputs().len() != 1 || len > u64::from(MAX_INLINE_OUTPUT) {
            return Err(Error::Usage(format!(
                "only a single output of at most {MAX_INLINE_OUTPUT} bytes can be written to the \
                 chain; this job has {} of {len} bytes together",
                program.outputs().len()
            )));
        }
    }
    let root = match (&prepared.input, terms.input_root) {
        (Some(blob), _) => blob.root,
        (None, Some(root)) => root,
        (None, None) => return Err(Error::Usage("a job needs an input".into())),
    };
    let held = field(&prepared.quote, "held")
        .map(number)?
        .unwrap_or_default();
    let deposit = field(&prepared.quote, "deposit")
        .map(number)?
        .unwrap_or_default();
    let job = JobTerms {
        model: terms.model,
        input_root: root,
        batch: prepared.batch,
        policy: prepared.policy,
        max_pay: terms.max_pay.0,
        max_wait: prepared.max_wait,
        min_collateral: terms.min_collateral.0,
        inline_output: options.inline_output,
        keep_receipt: terms.keep_receipt,
        tip: terms.tip.0,
    };
    let call = Call::new(PALLET, "create_job", (job,));
    context
        .output
        .note(quote_rows(&prepared, terms.max_pay, terms.tip));
    if field_u64(&prepared.quote, "eligible")? < u64::from(prepared.policy.replicas()) {
        context
            .output
            .warn("fewer offers fit than the job needs; it may expire and be refunded");
    }
    if options.dry_run {
        let amounts = [("held", held), ("receipt deposit", deposit)];
        return context.show_dry_run(&chain, &signer, call, &amounts).await;
    }

    let account = keys::account(&signer);
    let free = state.balance(&account).await?.free;
    if free < held.saturating_add(deposit) {
        return Err(Error::Refused(format!(
            "{account} has {} free, and the job holds {}: lower --max-pay or add funds",
            Amount(free),
            Amount(held.saturating_add(deposit))
        )));
    }
    if !options.yes {
        let total = Amount(held.saturating_add(deposit));
        context
            .output
            .confirm(&format!("Hold {total} of {account} for this job?"))?;
    }
    match (&prepared.input, &uploads) {
        (Some(blob), Some(client)) => {
            blobs::upload(client, blob, &context.output).await?;
        }
        (Some(_), None) => context.output.warn(
            "no --store given: the input was not uploaded, and providers cannot run the job \
             without it",
        ),
        (None, _) => {}
    }
    let mut remembered = remember(
        &options,
        &chain,
        &state,
        &root,
        &account.to_string(),
        context,
    );
    context.set_next(
        "the transaction may still be included: `athanor job watch` finds out and goes on",
    );
    let included = match context.submit(&chain, &signer, call).await {
        Ok(included) => included,
        Err(error) => {
            // What the chain refused left nothing to come back to.
            if let (false, Some(entry)) = (error.may_come_true(), &remembered) {
                entry.remove();
            }
            return Err(error);
        }
    };
    let id = included
        .field(PALLET, "JobCreated", "job")?
        .as_u64()
        .ok_or_else(|| Error::protocol("the event JobCreated", "its job is no number"))?;
    context.set_next(format!("the job goes on: `athanor job watch {id}`"));
    let held = included.field(PALLET, "JobCreated", "held")?;
    if let Some(Err(error)) = remembered.as_mut().map(|entry| entry.set_job(id)) {
        context.output.warn(error.to_string());
    }
    let created = json!({
        "job": id,
        "input_root": scale::hex(&root),
        "held": held,
        "deposit": deposit.to_string(),
        "block": included.block_hex(),
    });
    if !options.wait && options.out.is_none() {
        context.output.result(&created, || {
            format!(
                "{}\n\nFollow it with: athanor job watch {id}",
                output::describe(&created)
            )
        });
        return Ok(());
    }
    context.output.note(format!("created job {id}"));
    let watching = Watch {
        id: Some(id),
        timeout: None,
        best: false,
        lookback: DEFAULT_LOOKBACK,
    };
    let history = follow(&chain, id, &watching, context).await?;
    let fetching = options.out.as_ref().map(|out| Fetch {
        id,
        out: out.clone(),
        from_provider: options.from_provider,
        limit: Bytes(blobs::MAX_BLOB),
        lookback: DEFAULT_LOOKBACK,
    });
    finish(&chain, id, &history, fetching, Some(&created), context).await
}

/// Notes a job that is about to be created, for `watch` to find after an
/// interruption. That this is not possible is no reason to refuse the job.
fn remember(
    options: &Create,
    chain: &Chain,
    state: &State,
    root: &Root,
    requester: &str,
    context: &Context,
) -> Option<Entry> {
    let pending = Pending {
        genesis: scale::hex(chain.genesis().as_ref()),
        requester: requester.into(),
        job: None,
        model: options.terms.model,
        input_root: scale::hex(root),
        sent_at: state.number(),
        time: pending::now(),
        out: options
            .out
            .as_ref()
            .map(|out| std::path::absolute(out).unwrap_or_else(|_| out.clone())),
    };
    match context.journal()?.begin(pending) {
        Ok(entry) => Some(entry),
        Err(error) => {
            context
                .output
                .warn(format!("{error}; the job is not remembered here"));
            None
        }
    }
}

/// Shows how a job ended, fetches its output if that is wanted and forgets what
/// was remembered of it.
async fn finish(
    chain: &Chain,
    id: u64,
    history: &History,
    fetching: Option<Fetch>,
    created: Option<&Value>,
    context: &Context,
) -> Result<()> {
    let settled = history.state() == Some("settled");
    let genesis = scale::hex(chain.genesis().as_ref());
    let entry = context
        .journal()
        .and_then(|journal| journal.of_job(&genesis, id));
    let mut value = history.summary();
    if let (Some(fields), Some(Value::Object(more))) = (value.as_object_mut(), created) {
        for (key, more) in more {
            fields.entry(key.clone()).or_insert_with(|| more.clone());
        }
    }
    let mut fetched = Ok(());
    if let (true, Some(options)) = (settled, &fetching) {
        context.set_next(format!(
            "the job has settled: `athanor job fetch {id} --out {}`",
            options.out.display()
        ));
        match download(options, chain, context).await {
            Ok(file) => {
                if let Some(fields) = value.as_object_mut() {
                    fields.insert("file".into(), file);
                }
            }
            Err(error) => fetched = Err(error),
        }
    }
    context.output.result(&value, || {
        let file = value.get("file").map(output::describe);
        match file {
            Some(file) => format!("{}\n\n{file}", history.describe()),
            None => history.describe(),
        }
    });
    if let (Ok(()), Some(entry)) = (&fetched, entry) {
        entry.remove();
    }
    fetched?;
    match history.state() {
        Some("settled") => Ok(()),
        state => Err(Error::JobEnded {
            job: id,
            state: state.unwrap_or("unknown").to_owned(),
        }),
    }
}

async fn job_view(state: &State, id: u64) -> Result<Option<Value>> {
    let view = state.view(PALLET, "job", (id,)).await?;
    Ok((!view.is_null()).then_some(view))
}

/// Refuses a number no job has had.
async fn check_exists(state: &State, id: u64) -> Result<()> {
    let next = state
        .storage(PALLET, "NextJobId", ())
        .await?
        .and_then(|value| value.as_u64());
    match next {
        Some(next) if id >= next => Err(Error::NotFound(if next == 0 {
            format!("there is no job {id}: the chain has had none")
        } else {
            format!("there is no job {id}: the last one is job {}", next - 1)
        })),
        _ => Ok(()),
    }
}

/// Events of `history`'s job in the blocks before `head`, newest first, until its
/// creation, `lookback` blocks, or what the node still has.
async fn look_back(
    chain: &Chain,
    head: &State,
    first: u64,
    history: &mut History,
    progress: &output::Progress,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut number = head.number();
    loop {
        progress.message(format!("looking through block {number}"));
        let state = if number == head.number() {
            None
        } else {
            match chain.at(number).await {
                Ok(state) => Some(state),
                Err(error @ Error::NodeUnreachable { .. }) => return Err(error),
                // The node has pruned it: nothing older can be had here.
                Err(_) => break,
            }
        };
        let events = match state.as_ref().unwrap_or(head).events().await {
            Ok(events) => events,
            Err(error @ Error::NodeUnreachable { .. }) => return Err(error),
            Err(_) => break,
        };
        let ours: Vec<_> = events
            .into_iter()
            .filter(|event| history.concerns(event))
            .collect();
        let created = ours.iter().any(|event| event.name == "JobCreated");
        if !ours.is_empty() {
            found.push((number, ours));
        }
        if created || number <= first || number == 0 {
            break;
        }
        number -= 1;
    }
    Ok(found
        .into_iter()
        .rev()
        .flat_map(|(number, events)| history.block(number, &events))
        .collect())
}

/// The block a job was created in, as its view says.
fn created(view: Option<&Value>) -> Option<u64> {
    view?.pointer("/job/created")?.as_u64()
}

/// The history of a job up to `head`. `live` is its view in `head` or, if it is
/// younger, in the best block.
async fn past(
    chain: &Chain,
    head: &State,
    id: u64,
    live: Option<&Value>,
    lookback: u64,
    context: &Context,
) -> Result<(History, Vec<String>)> {
    let mut history = History::new(id);
    let created = created(live);
    if created.is_some_and(|block| block > head.number()) {
        return Ok((history, Vec::new()));
    }
    let first = created
        .unwrap_or(0)
        .max(head.number().saturating_sub(lookback));
    let progress = context.output.spinner("looking for the job");
    let lines = look_back(chain, head, first, &mut history, &progress).await?;
    Ok((history, lines))
}

async fn watch(options: Watch, context: &Context) -> Result<()> {
    let chain = context.chain().await?;
    let (id, out) = match options.id {
        Some(id) => {
            let genesis = scale::hex(chain.genesis().as_ref());
            let entry = context
                .journal()
                .and_then(|journal| journal.of_job(&genesis, id));
            let out = match entry {
                Some(entry) if !is_stale(&chain.best().await?, &entry.pending).await? => {
                    entry.pending.out
                }
                _ => None,
            };
            (id, out)
        }
        None => {
            let (id, out) = last_created(&chain, context).await?;
            context.output.note(format!("job {id}"));
            (id, out)
        }
    };
    context.set_next(format!("the job goes on: `athanor job watch {id}`"));
    let following = follow(&chain, id, &options, context);
    let history = match options.timeout {
        None => following.await?,
        Some(seconds) => tokio::time::timeout(Duration::from_secs(seconds), following)
            .await
            .map_err(|_| Error::TimedOut(format!("job {id} has not ended in {seconds} s")))??,
    };
    let fetching = out.map(|out| Fetch {
        id,
        out,
        from_provider: false,
        limit: Bytes(blobs::MAX_BLOB),
        lookback: options.lookback,
    });
    finish(&chain, id, &history, fetching, None, context).await
}

/// The job created last from this machine on this chain, and where its output should
/// go. One whose transaction was sent and not seen in a block is looked for.
async fn last_created(chain: &Chain, context: &Context) -> Result<(u64, Option<PathBuf>)> {
    let genesis = scale::hex(chain.genesis().as_ref());
    let entries = context.journal().map(|journal| journal.entries(&genesis));
    let head = chain.best().await?;
    let mut last = None;
    for entry in entries.into_iter().flatten() {
        if is_stale(&head, &entry.pending).await? {
            entry.remove();
        } else {
            last = Some(entry);
            break;
        }
    }
    let Some(mut entry) = last else {
        return Err(Error::Usage(
            "no job that was created from here is open on this chain: name one, \
             `athanor job list --mine` has them"
                .into(),
        ));
    };
    let out = entry.pending.out.clone();
    if let Some(id) = entry.pending.job {
        return Ok((id, out));
    }
    let pending = entry.pending.clone();
    let last = head
        .number()
        .min(pending.sent_at.saturating_add(MORTALITY + 1));
    let progress = context.output.spinner("looking for the transaction");
    for number in pending.sent_at + 1..=last {
        progress.message(format!("looking for the transaction in block {number}"));
        let events = chain.at(number).await?.events().await?;
        for id in created_by(&events, &pending) {
            // Which of several jobs it is, its input tells while it lives.
            let view = job_view(&head, id).await?;
            if view.is_none_or(|view| is_of(&view, &pending)) {
                drop(progress);
                if let Err(error) = entry.set_job(id) {
                    context.output.warn(error.to_string());
                }
                return Ok((id, out));
            }
        }
    }
    drop(progress);
    if head.number() <= pending.sent_at.saturating_add(MORTALITY) {
        return Err(Error::TimedOut(format!(
            "the transaction sent at block {} is in no block yet, and may be included until \
             block {}",
            pending.sent_at,
            pending.sent_at.saturating_add(MORTALITY)
        )));
    }
    entry.remove();
    Err(Error::NotFound(
        "the transaction was never included, and nothing was held: create the job again".into(),
    ))
}

/// Whether an entry is of a chain that was started anew from the same genesis, as
/// development chains are.
async fn is_stale(head: &State, pending: &Pending) -> Result<bool> {
    let Some(id) = pending.job else {
        return Ok(pending.sent_at > head.number());
    };
    match job_view(head, id).await? {
        Some(view) => Ok(!is_of(&view, pending)),
        None => Ok(check_exists(head, id).await.is_err()),
    }
}

/// Whether a live job is the one that was remembered.
fn is_of(view: &Value, pending: &Pending) -> bool {
    let text = |path: &str| view.pointer(path).and_then(Value::as_str);
    text("/job/requester") == Some(pending.requester.as_str())
        && text("/job/terms/input_root") == Some(pending.input_root.as_str())
}

/// Jobs that a block's events say were created with these terms.
fn created_by(events: &[Event], pending: &Pending) -> Vec<u64> {
    events
        .iter()
        .filter(|event| {
            let of = |key: &str| event.fields.get(key);
            event.is(PALLET, "JobCreated")
                && of("requester").and_then(Value::as_str) == Some(pending.requester.as_str())
                && of("model").and_then(Value::as_u64) == Some(pending.model)
        })
        .filter_map(|event| event.fields.get("job")?.as_u64())
        .collect()
}

async fn follow(chain: &Chain, id: u64, options: &Watch, context: &Context) -> Result<History> {
    let best = chain.best().await?;
    check_exists(&best, id).await?;
    let block_ms = constant(&best, PALLET, "BlockTimeMs")?;
    let block_ms = u64::try_from(block_ms).unwrap_or(u64::MAX);
    let mut stream = chain.blocks(!options.best).await?;
    let head = if options.best {
        chain.best().await?
    } else {
        chain.finalized().await?
    };
    let live = match job_view(&head, id).await? {
        Some(view) => Some(view),
        None => job_view(&chain.best().await?, id).await?,
    };
    let (mut history, lines) =
        past(chain, &head, id, live.as_ref(), options.lookback, context).await?;
    for line in lines {
        context.output.note(line);
    }
    // An ended job without events: its end is further back than this node, or
    // --lookback, goes.
    let known = history.state().is_some() || live.is_some();
    if !known {
        return Err(Error::NotFound(format!(
            "job {id} has ended, and its last events are not in the last {} blocks this node \
             has: raise --lookback, or ask an archive node",
            options.lookback
        )));
    }
    let progress = context.output.spinner("waiting");
    let mut next = head.number() + 1;
    while !history.is_terminal() {
        let clock = Clock::new(next - 1, block_ms);
        let until = history
            .deadline()
            .map(|block| format!(", until {}", clock.until(block)))
            .unwrap_or_default();
        progress.message(format!(
            "job {id}: {}{until}, now {}",
            history.state().unwrap_or("not final yet"),
            clock.now()
        ));
        let block = stream
            .next()
            .await
            .ok_or_else(|| Error::NodeUnreachable {
                url: chain.url().to_owned(),
                reason: "the stream of blocks ended".into(),
            })?
            .map_err(|error| Error::NodeUnreachable {
                url: chain.url().to_owned(),
                reason: error.to_string(),
            })?;
        while next <= block.number() && !history.is_terminal() {
            let events = chain.at(next).await?.events().await?;
            for line in history.block(next, &events) {
                progress.line(line);
            }
            next += 1;
        }
    }
    Ok(history)
}

async fn show(options: Show, context: &Context) -> Result<()> {
    let state = context.chain().await?.best().await?;
    check_exists(&state, options.id).await?;
    let clock = Clock::of(&state)?;
    if let Some(mut view) = job_view(&state, options.id).await? {
        if blocks_of(&view, "/job/threads") > 0 {
            let threads = state.view(PALLET, "threads", (options.id,)).await?;
            if let Some(fields) = view.as_object_mut() {
                fields.insert("open_threads".into(), open_threads(&threads));
            }
        }
        let status = history::view_state(&view).map(str::to_owned);
        if let Some(fields) = view.as_object_mut() {
            fields.insert("state".into(), json!(status));
        }
        context.output.result(&view, || describe_job(&view, &clock));
        return Ok(());
    }
    if let Some(receipt) = state.storage(PALLET, "Receipts", (options.id,)).await? {
        let value = json!({"id": options.id, "state": "settled", "receipt": receipt});
        context.output.result(&value, || output::describe(&value));
        return Ok(());
    }
    Err(Error::NotFound(format!(
        "job {0} has ended and no receipt of it is kept; `athanor job watch {0}` looks for its \
         last events",
        options.id
    )))
}

fn blocks_of(view: &Value, path: &str) -> u64 {
    view.pointer(path)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

/// Open threads without the bytes of their answers.
fn open_threads(threads: &Value) -> Value {
    let threads = threads.as_array().into_iter().flatten().map(|view| {
        let of = |path: &str| view.pointer(path).cloned().unwrap_or(Value::Null);
        json!({
            "thread": of("/id"),
            "kind": of("/thread/kind"),
            "state": of("/thread/status"),
            "deadline": of("/thread/deadline"),
            "challenger": of("/thread/challenger"),
            "trace_root": of("/thread/line/trace_root"),
            "answers": of("/thread/answers"),
        })
    });
    Value::Array(threads.collect())
}

/// Open threads in a table.
fn threads_table(threads: &[Value], clock: &Clock) -> String {
    let rows = threads.iter().map(|thread| {
        let text = |key: &str| output::scalar(key, thread.get(key).unwrap_or(&Value::Null));
        let what = match thread.pointer("/kind/delivery/piece") {
            Some(piece) => format!("delivery of piece {piece}"),
            None => "objection".into(),
        };
        vec![
            text("thread"),
            what,
            text("state"),
            clock.short(blocks_of(thread, "/deadline")),
            text("challenger"),
        ]
    });
    output::table(&["Thread", "What", "State", "Until block", "By"], rows)
}

fn describe_job(view: &Value, clock: &Clock) -> String {
    let text =
        |path: &str, key: &str| output::scalar(key, view.pointer(path).unwrap_or(&Value::Null));
    let mut rows = vec![
        ("job", text("/id", "id")),
        ("state", text("/state", "state")),
        (
            "until",
            view.pointer("/job/deadline")
                .and_then(Value::as_u64)
                .map_or_else(|| "-".into(), |block| clock.until(block)),
        ),
        ("requester", text("/job/requester", "requester")),
        ("model", text("/job/terms/model", "model")),
        ("samples", text("/job/terms/batch", "batch")),
        ("input", text("/job/terms/input_root", "input_root")),
        ("budget", text("/job/budget", "budget")),
        ("tip", text("/job/tip", "tip")),
        ("created", text("/job/created", "created")),
    ];
    for claim in view
        .get("claims")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let root = claim
            .get("output_root")
            .and_then(Value::as_str)
            .unwrap_or_default();
        rows.push(("claimed output", root.to_owned()));
    }
    let replicas = view.pointer("/job/replicas").and_then(Value::as_array);
    let table = replicas.filter(|list| !list.is_empty()).map(|list| {
        let rows = list.iter().map(|replica| {
            let text = |key: &str| output::scalar(key, replica.get(key).unwrap_or(&Value::Null));
            let done = |key: &str| replica.get(key).is_some_and(|value| !value.is_null());
            let state = match () {
                () if done("fault") => text("fault"),
                () if done("trace_root") => "revealed".into(),
                () if done("commitment") => "committed".into(),
                () if replica.get("accepted") == Some(&Value::Bool(true)) => "accepted".into(),
                () => "drawn".to_owned(),
            };
            vec![text("provider"), text("pay"), text("collateral"), state]
        });
        output::table(&["Provider", "Pay", "Collateral", "State"], rows)
    });
    let threads = view.get("open_threads").and_then(Value::as_array);
    let threads = threads.map(|threads| threads_table(threads, clock));
    [Some(output::pairs(&rows)), table, threads]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// What is known of a job's output.
#[derive(Debug, Default)]
struct Output {
    root: Option<Root>,
    /// Roots of the parts, for a program with several outputs.
    parts: Vec<Root>,
    len: Option<u64>,
    providers: Vec<String>,
    inline: Option<Vec<u8>>,
    settled: bool,
}

fn root_at(value: &Value, path: &str) -> Option<Root> {
    root_from_hex(value.pointer(path)?.as_str()?)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// The one output a live job's claims agree on.
fn claimed(view: &Value, id: u64) -> Result<(Root, Root)> {
    let claims = view
        .get("claims")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    match claims.as_slice() {
        [] => Err(Error::Refused(format!(
            "job {id} is {}: nothing was revealed yet; `athanor job watch {id}` waits for it",
            history::view_state(view).unwrap_or("unknown")
        ))),
        [claim] => root_at(claim, "/output_root")
            .zip(root_at(claim, "/trace_root"))
            .ok_or_else(|| Error::protocol("job", "its claim has no roots")),
        several => Err(Error::Refused(format!(
            "the replicas of job {id} claim {} different results, and the window is open: \
             `athanor job watch {id}` waits for the verdict",
            several.len()
        ))),
    }
}

/// Roots of a program's outputs in a revealed trace.
async fn find_pieces(state: &State, view: &Value, id: u64, trace: &Root) -> Result<Vec<Root>> {
    let outputs = view.pointer("/job/outputs").and_then(Value::as_array);
    let nodes: Vec<usize> = outputs
        .into_iter()
        .flatten()
        .filter_map(|node| usize::try_from(node.as_u64()?).ok())
        .collect();
    let roots = state.storage(PALLET, "NodeRoots", (id, *trace)).await?;
    let roots = strings(roots.as_ref());
    nodes
        .iter()
        .map(|node| roots.get(*node).and_then(|text| root_from_hex(text)))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::protocol("node roots", "an output's root is missing"))
}

async fn live_output(state: &State, view: &Value, id: u64) -> Result<Output> {
    let (root, trace) = claimed(view, id)?;
    let mut parts = Vec::new();
    let outputs = view.pointer("/job/outputs").and_then(Value::as_array);
    if outputs.is_some_and(|outputs| outputs.len() > 1) {
        parts = find_pieces(state, view, id, &trace).await?;
        if joined_root(&parts) != root {
            return Err(Error::protocol(
                "node roots",
                "they do not give the output's root",
            ));
        }
    }
    let replicas = view.pointer("/job/replicas").and_then(Value::as_array);
    let providers = replicas
        .into_iter()
        .flatten()
        .filter(|replica| root_at(replica, "/trace_root") == Some(trace))
        .filter_map(|replica| replica.get("provider")?.as_str().map(str::to_owned))
        .collect();
    let len = view.pointer("/job/output_len").and_then(Value::as_u64);
    Ok(Output {
        root: Some(root),
        parts,
        len,
        providers,
        ..Output::default()
    })
}

/// The root that stands for several outputs.
fn joined_root(parts: &[Root]) -> Root {
    athanor_content_tree::root(&parts.concat())
}

async fn find_output(options: &Fetch, chain: &Chain, context: &Context) -> Result<Output> {
    let id = options.id;
    let state = chain.best().await?;
    check_exists(&state, id).await?;
    let mut found = Output::default();
    let mut inline = true;
    let live = job_view(&state, id).await?;
    if let Some(view) = &live {
        found = live_output(&state, view, id).await?;
        inline = view.pointer("/job/terms/inline_output") == Some(&Value::Bool(true));
    } else if let Some(receipt) = state.storage(PALLET, "Receipts", (id,)).await? {
        found.root = root_at(&receipt, "/output_root");
        found.providers = strings(receipt.get("providers"));
        found.settled = true;
        inline = false;
    }
    if inline || found.root.is_none() {
        let (history, _) =
            past(chain, &state, id, live.as_ref(), options.lookback, context).await?;
        if found.root.is_none() {
            match history.state() {
                Some("settled") => {
                    found.root = history.output_root().and_then(root_from_hex);
                    found.providers = strings(history.summary().get("providers"));
                    found.settled = true;
                }
                Some(state) => {
                    return Err(Error::JobEnded {
                        job: id,
                        state: state.to_owned(),
                    });
                }
                None => {}
            }
        }
        found.inline = found.root.and_then(|root| {
            history
                .inline_output(&scale::hex(&root))
                .and_then(history::inline_bytes)
        });
    }
    if found.root.is_none() {
        return Err(Error::NotFound(format!(
            "the output's root of job {id} is not in the last {} blocks this node has: raise \
             --lookback, ask an archive node, or use `athanor store get ROOT`",
            options.lookback
        )));
    }
    Ok(found)
}

async fn provider_clients(
    chain: &Chain,
    providers: &[String],
    context: &Context,
) -> Result<Vec<Client>> {
    let state = chain.best().await?;
    let mut clients = Vec::new();
    for provider in providers {
        let account = keys::parse_account(provider)?;
        let mut view = state.view(PALLET, "provider", (account,)).await?;
        super::texts(&mut view, &["endpoint"]);
        let endpoint = view.pointer("/provider/endpoint").and_then(Value::as_str);
        match endpoint.map(|url| Client::new(url, None)) {
            Some(Ok(client)) => clients.push(client),
            Some(Err(error)) => context.output.note(format!("{provider}: {error}")),
            None => context
                .output
                .note(format!("{provider} is no provider any more")),
        }
    }
    Ok(clients)
}

async fn fetch(options: Fetch, context: &Context) -> Result<()> {
    let chain = context.chain().await?;
    let value = download(&options, &chain, context).await?;
    if value.get("settled") == Some(&Value::Bool(true)) {
        let genesis = scale::hex(chain.genesis().as_ref());
        if let Some(entry) = context
            .journal()
            .and_then(|journal| journal.of_job(&genesis, options.id))
        {
            entry.remove();
        }
    }
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

/// Writes a job's output to a file, checked against its root.
async fn download(options: &Fetch, chain: &Chain, context: &Context) -> Result<Value> {
    let mut clients = context.download_clients()?;
    let found = find_output(options, chain, context).await?;
    let root = found.root.unwrap_or_default();
    if !found.settled {
        context
            .output
            .warn("the job has not settled: the verdict is still open");
    }
    let limit = found.len.unwrap_or(options.limit.0).min(options.limit.0);
    let bytes = match &found.inline {
        Some(bytes) => blobs::write_verified(bytes, &root, &options.out)?,
        None => {
            if options.from_provider {
                clients.extend(provider_clients(chain, &found.providers, context).await?);
            }
            if clients.is_empty() {
                return Err(Error::Usage(
                    "no place to fetch from: give --store URL, or --from-provider".into(),
                ));
            }
            let fetched = if found.parts.is_empty() {
                blobs::download(&clients, &root, &options.out, limit, &context.output).await
            } else {
                fetch_parts(&clients, &found.parts, &options.out, limit, context).await
            };
            if fetched.is_err() {
                for advice in elsewhere(options, &found) {
                    context.output.note(advice);
                }
            }
            fetched?
        }
    };
    Ok(json!({
        "job": options.id,
        "root": scale::hex(&root),
        "bytes": bytes,
        "path": options.out.display().to_string(),
        "settled": found.settled,
    }))
}

/// Where an output may be had that the stores do not give.
fn elsewhere(options: &Fetch, found: &Output) -> Vec<String> {
    let mut advice = Vec::new();
    if !options.from_provider && !found.providers.is_empty() {
        advice.push("--from-provider also asks the addresses that the providers publish".into());
    }
    if !found.settled {
        advice.push(format!(
            "while the window is open, `athanor job deliver {}` makes them show it on the chain",
            options.id
        ));
    }
    advice
}

/// Fetches several outputs and joins them in order.
async fn fetch_parts(
    clients: &[Client],
    parts: &[Root],
    dest: &Path,
    limit: u64,
    context: &Context,
) -> Result<u64> {
    let failed = |source| Error::File {
        action: "write",
        path: dest.into(),
        source,
    };
    let mut files = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let mut name = dest.as_os_str().to_owned();
        name.push(format!(".{index}"));
        let path = PathBuf::from(name);
        blobs::download(clients, part, &path, limit, &context.output).await?;
        files.push(path);
    }
    let mut out = std::fs::File::create(dest).map_err(failed)?;
    let mut total = 0u64;
    for path in &files {
        let mut part = std::fs::File::open(path).map_err(failed)?;
        total = total.saturating_add(std::io::copy(&mut part, &mut out).map_err(failed)?);
    }
    for path in files {
        std::fs::remove_file(path).map_err(failed)?;
    }
    Ok(total)
}

async fn cancel(options: Show, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let call = Call::new(PALLET, "cancel", (options.id,));
    let included = context.submit(&chain, &signer, call).await?;
    let refund = included.field(PALLET, "JobCancelled", "refunded")?;
    let value = json!({
        "job": options.id,
        "state": "cancelled",
        "refund": refund,
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn poke(options: Show, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let call = Call::new(PALLET, "poke", (options.id,));
    let included = context.submit(&chain, &signer, call).await?;
    let reward = included.field(PALLET, "JobPoked", "reward")?;
    let state = included
        .events
        .iter()
        .rev()
        .find(|event| event.is(PALLET, "JobAdvanced"))
        .and_then(|event| event.fields.get("status").cloned());
    let value = json!({
        "job": options.id,
        "state": state,
        "amount": reward,
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn forget(options: Show, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let call = Call::new(PALLET, "remove_receipt", (options.id,));
    let included = context.submit(&chain, &signer, call).await?;
    let value = json!({"job": options.id, "receipt": "removed", "block": included.block_hex()});
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn list(options: List, context: &Context) -> Result<()> {
    let requester = match &options.requester {
        Some(text) => Some(keys::parse_account(text)?),
        None if options.mine => Some(keys::account(&context.signer()?)),
        None => None,
    }
    .map(|account| account.to_string());
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let clock = Clock::of(&state)?;
    let progress = context.output.spinner("reading jobs");
    let mut jobs = state.entries(PALLET, "Jobs", 10_000).await?;
    drop(progress);
    jobs.sort_by_key(|(id, _)| *id);
    let wanted = |job: &Value| {
        let text = |key: &str| job.get(key).and_then(Value::as_str).unwrap_or_default();
        requester
            .as_deref()
            .is_none_or(|who| text("requester") == who)
            && (options.state.is_empty() || options.state.iter().any(|s| s == text("status")))
    };
    let mut jobs: Vec<Value> = jobs
        .into_iter()
        .filter(|(_, job)| wanted(job))
        .take(options.limit)
        .map(|(id, job)| list_item(id, &job))
        .collect();
    if options.mine {
        let room = options.limit.saturating_sub(jobs.len());
        let who = requester.as_deref().unwrap_or_default();
        if options.state.is_empty() || options.state.iter().any(|state| state == "settled") {
            let kept = state.entries(PALLET, "Receipts", 10_000).await?;
            let kept = kept
                .into_iter()
                .filter(|(_, receipt)| receipt.get("owner").and_then(Value::as_str) == Some(who));
            jobs.extend(kept.take(room).map(|(id, receipt)| kept_item(id, &receipt)));
        }
        note_unconfirmed(&chain, who, context);
    }
    let value = Value::Array(jobs);
    context
        .output
        .result(&value, || list_table(&value, &clock, requester.is_some()));
    Ok(())
}

/// Says which transactions of this machine may have created jobs unseen.
fn note_unconfirmed(chain: &Chain, who: &str, context: &Context) {
    let genesis = scale::hex(chain.genesis().as_ref());
    let entries = context.journal().map(|journal| journal.entries(&genesis));
    for entry in entries.into_iter().flatten() {
        if entry.pending.job.is_none() && entry.pending.requester == who {
            context.output.note(format!(
                "a job for model {} was sent at block {} and not seen in a block: `athanor job \
                 watch` looks for it",
                entry.pending.model, entry.pending.sent_at
            ));
        }
    }
}

/// Live jobs and kept receipts in a table; without the requester if it is the same
/// for all.
fn list_table(value: &Value, clock: &Clock, one_requester: bool) -> String {
    let rows = value.as_array().into_iter().flatten().map(|job| {
        let text = |key: &str| output::scalar(key, job.get(key).unwrap_or(&Value::Null));
        let until = job
            .get("deadline")
            .and_then(Value::as_u64)
            .map_or_else(|| "-".into(), |block| clock.short(block));
        let mut row = vec![
            text("job"),
            text("state"),
            text("model"),
            text("batch"),
            text("budget"),
            until,
            match blocks_of(job, "/threads") {
                0 => String::new(),
                open => open.to_string(),
            },
        ];
        if !one_requester {
            row.push(text("requester"));
        }
        row
    });
    let mut headers = vec![
        "Job",
        "State",
        "Model",
        "Samples",
        "Budget",
        "Until block",
        "Threads",
    ];
    if !one_requester {
        headers.push("Requester");
    }
    output::table(&headers, rows)
}

/// A kept receipt as a list has it.
fn kept_item(id: u64, receipt: &Value) -> Value {
    let of = |key: &str| receipt.get(key).cloned().unwrap_or(Value::Null);
    json!({
        "job": id,
        "state": "settled",
        "requester": of("owner"),
        "model": of("model"),
        "batch": of("batch"),
        "input_root": of("input_root"),
        "output_root": of("output_root"),
        "deposit": of("deposit"),
        "settled": of("settled"),
    })
}

fn list_item(id: u64, job: &Value) -> Value {
    let of = |path: &str| job.pointer(path).cloned().unwrap_or(Value::Null);
    Value::Object(Map::from_iter([
        ("job".to_owned(), json!(id)),
        ("state".to_owned(), of("/status")),
        ("requester".to_owned(), of("/requester")),
        ("model".to_owned(), of("/terms/model")),
        ("batch".to_owned(), of("/terms/batch")),
        ("input_root".to_owned(), of("/terms/input_root")),
        ("policy".to_owned(), of("/terms/policy")),
        ("max_pay".to_owned(), of("/terms/max_pay")),
        ("budget".to_owned(), of("/budget")),
        ("created".to_owned(), of("/created")),
        ("deadline".to_owned(), of("/deadline")),
        ("threads".to_owned(), of("/threads")),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_tensor_program::{
        load, ops::Clamp, DType, Node, Op, Operand, Program, Shape, TensorType,
    };

    fn terms() -> Terms {
        Terms {
            model: 0,
            input: None,
            input_root: None,
            batch: None,
            max_pay: Amount(1),
            policy: PolicyName::Optimistic,
            audit: 0,
            replicas: 3,
            quorum: None,
            window: None,
            tip: Amount(0),
            keep_receipt: false,
            min_collateral: Amount(0),
            max_wait: None,
        }
    }

    const WINDOWS: Windows = Windows {
        least: 20,
        most: 2_000,
    };

    #[test]
    fn the_window_defaults_to_what_the_chain_allows() {
        let optimistic = |window| Policy::Optimistic { window, audit: 0 };
        assert_eq!(policy(&terms(), WINDOWS).unwrap(), optimistic(1_200));
        let short = Windows {
            least: 5,
            most: 100,
        };
        assert_eq!(policy(&terms(), short).unwrap(), optimistic(100));
        let least = Terms {
            window: Some(Window::Shortest),
            ..terms()
        };
        assert_eq!(policy(&least, WINDOWS).unwrap(), optimistic(20));
        for blocks in [19, 2_001] {
            let wrong = Terms {
                window: Some(Window::Blocks(blocks)),
                ..terms()
            };
            assert!(matches!(policy(&wrong, WINDOWS), Err(Error::Usage(_))));
        }
    }

    #[test]
    fn the_wait_defaults_to_the_longest_there_is() {
        let wait = |max_wait| {
            let options = Terms {
                max_wait,
                ..terms()
            };
            max_wait_of(&options, 20..=2_400)
        };
        assert_eq!(wait(None).unwrap(), 2_400);
        for blocks in [20, 600, 2_400] {
            assert_eq!(wait(Some(blocks)).unwrap(), blocks);
        }
        for blocks in [0, 19, 2_401] {
            assert!(matches!(wait(Some(blocks)), Err(Error::Usage(_))));
        }
    }

    #[test]
    fn the_quorum_defaults_to_more_than_half() {
        let replicated = |replicas, quorum| {
            let options = Terms {
                policy: PolicyName::Replicated,
                replicas,
                quorum,
                ..terms()
            };
            policy(&options, WINDOWS)
        };
        for (n, quorum) in [(1, 1), (2, 2), (3, 2), (4, 3), (7, 4)] {
            let expected = Policy::Replicated {
                n,
                quorum,
                window: 1_200,
            };
            assert_eq!(replicated(n, None).unwrap(), expected);
        }
        for (n, quorum) in [
            (0, None),
            (8, None),
            (3, Some(1)),
            (4, Some(2)),
            (3, Some(4)),
        ] {
            assert!(
                matches!(replicated(n, quorum), Err(Error::Usage(_))),
                "{n} {quorum:?}"
            );
        }
        let audit = Terms {
            audit: 5,
            ..terms()
        };
        assert!(matches!(policy(&audit, WINDOWS), Err(Error::Usage(_))));
    }

    fn model() -> Model {
        let program = Program {
            version: 1,
            max_batch: 4,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([3]),
            }],
            constants: vec![],
            nodes: vec![Node {
                op: Op::Clamp(Clamp { lo: 0, hi: 5 }),
                operands: vec![Operand::Input(0)],
            }],
            outputs: vec![0],
        };
        Model {
            view: Value::Null,
            program: load(&program.encoded()).unwrap(),
        }
    }

    #[test]
    fn the_batch_follows_from_the_files_length() {
        assert_eq!(batch(&model(), 0, None, Some(9)).unwrap(), 3);
        assert_eq!(batch(&model(), 0, Some(3), Some(9)).unwrap(), 3);
        assert_eq!(batch(&model(), 0, Some(4), None).unwrap(), 4);
    }

    #[test]
    fn an_input_of_another_length_is_refused_before_money_moves() {
        let refused = |given, len| match batch(&model(), 0, given, len) {
            Err(Error::Usage(text)) => text,
            other => panic!("a usage error, not {other:?}"),
        };
        assert!(refused(None, None).contains("--batch"));
        assert!(refused(None, Some(10)).contains("no number of samples of 3 bytes"));
        assert!(refused(Some(2), Some(9)).contains("takes 6 bytes for 2 samples"));
        assert!(refused(None, Some(15)).contains("1 to 4 samples, not 5"));
        assert!(refused(None, Some(0)).contains("not 0"));
        assert!(refused(Some(0), None).contains("not 0"));
    }

    #[test]
    fn a_live_job_has_one_output_or_none_or_a_dispute() {
        let claim = |byte: u8| json!({"trace_root": scale::hex(&[byte; 32]), "output_root": scale::hex(&[byte + 1; 32])});
        let view = |claims: Vec<Value>| json!({"job": {"status": "claimed"}, "claims": claims});
        assert_eq!(
            claimed(&view(vec![claim(1)]), 7).unwrap(),
            ([2; 32], [1; 32])
        );
        let none = claimed(&view(vec![]), 7).unwrap_err().to_string();
        assert!(none.contains("nothing was revealed"), "{none}");
        let two = claimed(&view(vec![claim(1), claim(3)]), 7)
            .unwrap_err()
            .to_string();
        assert!(two.contains("2 different results"), "{two}");
    }

    #[test]
    fn an_interrupted_creation_is_found_by_its_event() {
        let created = |requester: &str, model: u64, job: u64| Event {
            pallet: PALLET.into(),
            name: "JobCreated".into(),
            fields: json!({"job": job, "requester": requester, "model": model}),
        };
        let mut other = created("me", 3, 9);
        other.name = "JobCancelled".into();
        let events = [
            created("you", 3, 5),
            created("me", 4, 6),
            other,
            created("me", 3, 7),
            created("me", 3, 8),
        ];
        let pending = Pending {
            genesis: "0x01".into(),
            requester: "me".into(),
            job: None,
            model: 3,
            input_root: "0x02".into(),
            sent_at: 90,
            time: 0,
            out: None,
        };
        assert_eq!(created_by(&events, &pending), [7, 8]);
        let view = |requester: &str, root: &str| json!({"job": {"requester": requester, "terms": {"input_root": root}}});
        assert!(is_of(&view("me", "0x02"), &pending));
        assert!(!is_of(&view("you", "0x02"), &pending));
        assert!(!is_of(&view("me", "0x03"), &pending));
    }

    #[test]
    fn an_output_that_is_nowhere_can_be_had_from_its_providers() {
        let options = |from_provider| Fetch {
            id: 7,
            out: "x".into(),
            from_provider,
            limit: Bytes(1),
            lookback: 1,
        };
        let found = |settled| Output {
            providers: vec!["5G".into()],
            settled,
            ..Output::default()
        };
        let both = elsewhere(&options(false), &found(false)).join("\n");
        assert!(both.contains("--from-provider") && both.contains("job deliver 7"));
        assert!(elsewhere(&options(true), &found(true)).is_empty());
    }

    #[test]
    fn a_window_is_blocks_or_min() {
        assert_eq!("min".parse(), Ok(Window::Shortest));
        assert_eq!("20".parse(), Ok(Window::Blocks(20)));
        assert!("soon".parse::<Window>().is_err());
        assert!("-1".parse::<Window>().is_err());
    }

    #[test]
    fn a_live_job_is_described_with_its_replicas() {
        let view = json!({
            "id": 7,
            "state": "running",
            "job": {
                "requester": "R", "deadline": 90, "created": 3, "budget": "2000000000000",
                "tip": "0", "status": "running",
                "terms": {"model": 1, "batch": 16, "input_root": "0xaa"},
                "replicas": [
                    {"provider": "A", "pay": "1000000000000", "collateral": "5", "accepted": true,
                     "commitment": null, "trace_root": null, "fault": null},
                    {"provider": "B", "pay": "1", "collateral": "5", "accepted": true,
                     "commitment": "0x01", "trace_root": null, "fault": "late"},
                ],
            },
            "claims": [],
        });
        let text = describe_job(&view, &Clock::new(40, 3_000));
        for part in [
            "running",
            "block 90 (in about 2 min)",
            "2 AUR",
            "accepted",
            "late",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn open_threads_are_shown_without_their_bytes() {
        let threads = open_threads(&json!([{
            "id": 3,
            "answers": ["0x00"],
            "thread": {"challenger": "5C", "status": "asked", "deadline": 140, "answers": 1,
                "kind": {"delivery": {"output": 0, "piece": 9}}, "line": {"trace_root": "0x01"}},
        }]));
        assert_eq!(threads[0]["answers"], 1);
        let view = json!({"job": {"replicas": []}, "open_threads": threads});
        let text = describe_job(&view, &Clock::new(40, 3_000));
        for part in ["delivery of piece 9", "asked", "140, 5 min", "5C"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn a_list_item_is_flat() {
        let job = json!({
            "status": "open", "requester": "R", "budget": "9", "created": 1, "deadline": 2,
            "terms": {"model": 3, "batch": 4, "input_root": "0x", "max_pay": "9",
                      "policy": {"optimistic": {"window": 20, "audit": 0}}},
        });
        let item = list_item(5, &job);
        assert_eq!(item["job"], 5);
        assert_eq!(item["state"], "open");
        assert_eq!(item["policy"]["optimistic"]["window"], 20);
    }

    #[test]
    fn a_list_shows_deadlines_as_times_and_one_requester_only_once() {
        let jobs = json!([
            {"job": 5, "state": "open", "model": 3, "batch": 4, "budget": "1000000000000",
             "deadline": 140, "requester": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"},
            kept_item(4, &json!({"owner": "R", "model": 3, "batch": 4, "settled": 9})),
        ]);
        let clock = Clock::new(40, 3_000);
        let mine = list_table(&jobs, &clock, true);
        assert!(
            mine.contains("140, 5 min") && mine.contains("settled"),
            "{mine}"
        );
        assert!(!mine.contains("5Grwva"), "{mine}");
        assert!(
            mine.lines().all(|line| line.chars().count() <= 80),
            "{mine}"
        );
        assert!(list_table(&jobs, &clock, false).contains("5Grwva"));
    }

    #[test]
    fn what_a_job_can_cost_is_shown_in_80_columns() {
        let policy = Policy::Replicated {
            n: 3,
            quorum: 2,
            window: 1_200,
        };
        let unit = crate::amount::UNIT;
        let prepared = Prepared {
            model: model(),
            batch: 3,
            policy,
            max_wait: 2_400,
            input: None,
            quote: json!({"held": "3160000000000", "deposit": "0", "input_len": 9,
                "output_len": 9, "units": 1, "eligible": 4}),
            stakes: Stakes {
                policy,
                max_pay: unit,
                tip: unit / 100,
                held: 3 * unit + 3 * unit / 20 + unit / 100,
                deposit: 0,
                cheapest: vec![unit / 10, unit / 8, unit / 4],
                min_collateral: unit / 5,
                open_for: 600,
                poke_reward: 0,
            },
            clock: Clock::new(40, 3_000),
        };
        let text = quote_rows(&prepared, Amount(unit), Amount(unit / 100));
        for part in [
            "3.16 AUR",
            "3 × 1 AUR",
            "0.15 AUR, lost",
            "0.01 AUR",
            "1200 blocks (60 min)",
            "0.5 AUR or more",
            "expires",
            "proven wrong",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}
