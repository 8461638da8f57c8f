//! `athanor provider`: bonds and offers.

use super::{constant, field, field_u64, number, read_file, texts, Context};
use crate::{
    amount::{Amount, Bytes},
    chain::{Call, State},
    clock::Clock,
    earnings::Earnings,
    error::{Error, Result},
    keys, output,
    terms::{OfferFile, OfferFlags, OfferTerms},
};
use athanor_primitives::{
    ticket::{bytes_from_hex, to_hex},
    worker_consent,
};
use clap::{Args, Subcommand};
use futures::future::join_all;
use serde_json::{json, Value};
use std::path::PathBuf;
use subxt::{
    dynamic::Value as Dynamic,
    ext::scale_value::{Composite, ValueDef, Variant},
    utils::AccountId32,
};
use subxt_signer::sr25519::Keypair;

/// The pallet of all calls here.
const PALLET: &str = "ComputeJobs";

/// Longest endpoint on the chain.
const MAX_ENDPOINT: usize = 128;

/// Longest offer file.
const MAX_OFFER_FILE: u64 = 65_536;

/// Offer a machine for jobs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Register as a provider and lock a bond
    ///
    /// The worker key signs for the provider and lies in the keystore of one
    /// node; the provider's own key stays cold. The worker's account pays fees
    /// and needs a small balance.
    #[command(after_help = "\
Examples:
  athanor provider register --worker //Bob --suri //Bob//stash \\
    --endpoint http://gpu.example:9955 --bond '1000 AUR'
  athanor provider register --worker 5F… --consent 0x… --key stash.key \\
    --endpoint https://gpu.example

The worker key has to agree. Where its secret is, `athanor provider consent`
shows what to give as --consent; a development key agrees at once.")]
    Register(Register),
    /// Let a worker key agree to sign for a provider
    ///
    /// Signs with the worker key and sends nothing. What it shows goes to
    /// `register` or `set-worker` as --consent.
    #[command(after_help = "\
Examples:
  athanor provider consent 5G… --key worker.key")]
    Consent(Consent),
    /// Make or change the offer
    ///
    /// Prices are per million of each cost of a run. What is paid for a run is
    /// the larger of --minimum and the sum. Flags go over the file's values.
    #[command(after_help = "\
Examples:
  athanor provider offer --minimum '0.1 AUR' --any-model-bytes 1GiB \\
    --slots 2 --suri //Bob//stash
  athanor provider offer --file offer.json --minimum '0.2 AUR' \\
    --suri //Bob//stash

An offer file has the same names, all optional:
  {\"minimum\": \"0.1 AUR\", \"rates\": {\"macs\": \"10 uAUR\"},
   \"times\": {\"macs\": 1000000}, \"slots\": 2, \"memory\": 1073741824,
   \"bandwidth\": 10485760, \"max_cost\": 1000000, \"models\": [0, 1],
   \"valid_for\": 864000}")]
    Offer(Box<Offer>),
    /// Show a provider: bond, offer, jail, live jobs, worker key
    ///
    /// Warns of what keeps it from being drawn or paid.
    #[command(after_help = "\
Examples:
  athanor provider status //Bob//stash
  athanor provider status --key ~/.config/athanor/key")]
    Status(Status),
    /// Show what a provider was paid, and what it lost, in the last blocks
    ///
    /// Reads the events of past blocks. A node keeps the state of its last 256
    /// blocks unless it is started with --state-pruning; an archive node has
    /// them all.
    #[command(after_help = "\
Examples:
  athanor provider earnings //Bob//stash
  athanor provider earnings --blocks 28800 --node wss://archive.example \\
    --key ~/.config/athanor/key")]
    Earnings(EarningsOptions),
    /// List all offers
    #[command(after_help = "\
Examples:
  athanor provider list")]
    List,
    /// Take the offer out of all draws, at once
    #[command(after_help = "\
Examples:
  athanor provider pause --suri //Bob//stash")]
    Pause,
    /// Put the offer back into the draws of later jobs
    #[command(after_help = "\
Examples:
  athanor provider resume --suri //Bob//stash")]
    Resume,
    /// Lock more bond
    #[command(after_help = "\
Examples:
  athanor provider add-bond '100 AUR' --suri //Bob//stash")]
    AddBond(AddBond),
    /// Let another worker key sign for jobs drawn from now on
    #[command(after_help = "\
Examples:
  athanor provider set-worker //Charlie --suri //Bob//stash
  athanor provider set-worker 5F… --consent 0x… --key stash.key")]
    SetWorker(SetWorker),
    /// Stop being a provider and start unbonding
    #[command(after_help = "\
Examples:
  athanor provider deregister --suri //Bob//stash")]
    Deregister,
    /// Get an unbonded provider's bond back to it
    #[command(after_help = "\
Examples:
  athanor provider withdraw --suri //Bob//stash
  athanor provider withdraw //Bob//stash --suri //Alice")]
    Withdraw(Status),
    /// Leave jail after its time, with a full bond
    #[command(after_help = "\
Examples:
  athanor provider unjail --suri //Bob//stash")]
    Unjail,
}

/// Options of `provider register`.
#[derive(Args, Debug)]
pub struct Register {
    /// The key that signs: an address, 0x public key or development key
    #[arg(long, value_name = "ACCOUNT")]
    pub worker: String,
    /// Its consent, shown by `athanor provider consent`
    #[arg(long, value_name = "HEX")]
    pub consent: Option<String>,
    /// Where requesters' clients may fetch outputs
    #[arg(long, value_name = "URL")]
    pub endpoint: String,
    /// How much to lock [default: the chain's least bond]
    #[arg(long, value_name = "AMOUNT")]
    pub bond: Option<Amount>,
    /// Show call, fee and bond; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `provider offer`.
#[derive(Args, Debug, Default)]
pub struct Offer {
    /// JSON file with the terms
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Least pay for a run, like '0.1 AUR'
    #[arg(long, value_name = "AMOUNT")]
    pub minimum: Option<Amount>,
    /// Price of a million multiply-accumulates
    #[arg(long, value_name = "AMOUNT", help_heading = "Prices")]
    pub macs_rate: Option<Amount>,
    /// Price of a million element operations
    #[arg(long, value_name = "AMOUNT", help_heading = "Prices")]
    pub ops_rate: Option<Amount>,
    /// Price of a million bytes between nodes
    #[arg(long, value_name = "AMOUNT", help_heading = "Prices")]
    pub bytes_rate: Option<Amount>,
    /// Price of a million nodes started
    #[arg(long, value_name = "AMOUNT", help_heading = "Prices")]
    pub nodes_rate: Option<Amount>,
    /// Price of a million bytes loaded
    #[arg(long, value_name = "AMOUNT", help_heading = "Prices")]
    pub load_rate: Option<Amount>,
    /// Nanoseconds for a million multiply-accumulates [default: 1000000]
    #[arg(long, value_name = "NS", help_heading = "Durations")]
    pub macs_time: Option<u64>,
    /// Nanoseconds for a million element operations [default: 1000000]
    #[arg(long, value_name = "NS", help_heading = "Durations")]
    pub ops_time: Option<u64>,
    /// Nanoseconds for a million bytes between nodes [default: 1000000]
    #[arg(long, value_name = "NS", help_heading = "Durations")]
    pub bytes_time: Option<u64>,
    /// Nanoseconds for a million nodes started [default: 100000000000]
    #[arg(long, value_name = "NS", help_heading = "Durations")]
    pub nodes_time: Option<u64>,
    /// Nanoseconds for a million bytes loaded [default: 1000000]
    #[arg(long, value_name = "NS", help_heading = "Durations")]
    pub load_time: Option<u64>,
    /// Bytes per second for fetching blobs [default: 10MiB]
    #[arg(long, value_name = "BYTES")]
    pub bandwidth: Option<Bytes>,
    /// Largest run taken, in units [default: 1000000]
    #[arg(long, value_name = "UNITS")]
    pub max_cost: Option<u64>,
    /// Memory a run may need [default: 1GiB]
    #[arg(long, value_name = "BYTES")]
    pub memory: Option<Bytes>,
    /// Jobs at a time, 1 to 64 [default: 1]
    #[arg(long, value_name = "N")]
    pub slots: Option<u8>,
    /// Model to take; may be given several times
    #[arg(long, value_name = "ID")]
    pub model: Vec<u64>,
    /// Take any model that loads at most this much
    #[arg(long, value_name = "BYTES")]
    pub any_model_bytes: Option<Bytes>,
    /// Most collateral to lock in one job [default: 100 AUR]
    #[arg(long, value_name = "AMOUNT", help_heading = "Risk")]
    pub max_collateral: Option<Amount>,
    /// Longest window that collateral stays locked for, in blocks [default:
    /// 28800]
    #[arg(long, value_name = "BLOCKS", help_heading = "Risk")]
    pub max_window: Option<u32>,
    /// Blocks the offer holds [default: 864000]
    #[arg(long, value_name = "BLOCKS")]
    pub valid_for: Option<u32>,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// An account that may be left out.
#[derive(Args, Debug)]
pub struct Status {
    /// Address, 0x public key or development key [default: the signing account]
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
}

/// Options of `provider earnings`.
#[derive(Args, Debug)]
pub struct EarningsOptions {
    /// Address, 0x public key or development key [default: the signing account]
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// How many of the last blocks to read
    #[arg(long, value_name = "N", default_value_t = 1_200)]
    pub blocks: u64,
}

/// Options of `provider add-bond`.
#[derive(Args, Debug)]
pub struct AddBond {
    /// How much more to lock, like '100 AUR'
    #[arg(value_name = "AMOUNT")]
    pub amount: Amount,
    /// Show call, fee and bond; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `provider set-worker`.
#[derive(Args, Debug)]
pub struct SetWorker {
    /// The key that signs: an address, 0x public key or development key
    #[arg(value_name = "ACCOUNT")]
    pub worker: String,
    /// Its consent, shown by `athanor provider consent`
    #[arg(long, value_name = "HEX")]
    pub consent: Option<String>,
}

/// Options of `provider consent`.
#[derive(Args, Debug)]
pub struct Consent {
    /// The provider to sign for: address, 0x public key or development key
    #[arg(value_name = "PROVIDER")]
    pub provider: String,
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Register(options) => register(options, context).await,
        Command::Consent(options) => consent(options, context).await,
        Command::Offer(options) => offer(*options, context).await,
        Command::Status(options) => status(options, context).await,
        Command::Earnings(options) => earnings(options, context).await,
        Command::List => list(context).await,
        Command::Pause => simple("pause", "paused", context).await,
        Command::Resume => simple("resume", "resumed", context).await,
        Command::AddBond(options) => add_bond(options, context).await,
        Command::SetWorker(options) => set_worker(options, context).await,
        Command::Deregister => deregister(context).await,
        Command::Withdraw(options) => withdraw(options, context).await,
        Command::Unjail => simple("unjail", "unjailed", context).await,
    }
}

fn check_endpoint(url: &str) -> Result<()> {
    let http = url.starts_with("http://") || url.starts_with("https://");
    if http && url.len() <= MAX_ENDPOINT && url.is_ascii() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "'{url}' is no endpoint: an http:// or https:// URL of at most {MAX_ENDPOINT} characters"
    )))
}

/// A call inside `Utility.batch_all`.
fn nested(call: &str, args: Vec<Dynamic>) -> Dynamic {
    let call = Dynamic::without_context(ValueDef::Variant(Variant {
        name: call.into(),
        values: Composite::Unnamed(args),
    }));
    Dynamic::unnamed_variant(PALLET, [call])
}

/// The signature of the message by which a worker key agrees.
fn agree(worker: &Keypair, genesis: [u8; 32], provider: &AccountId32) -> [u8; 64] {
    worker.sign(&worker_consent(&genesis, &provider.0)).0
}

/// A worker key and its consent: as given, or signed at once by a key whose secret was
/// given in its place.
fn consenting(
    worker: &str,
    consent: Option<&str>,
    genesis: [u8; 32],
    provider: &AccountId32,
) -> Result<(AccountId32, [u8; 64])> {
    if let Some(hex) = consent {
        let consent = bytes_from_hex(hex, 64)
            .and_then(|bytes| <[u8; 64]>::try_from(bytes).ok())
            .ok_or_else(|| {
                Error::Usage(
                    "a consent is 0x and 128 hex digits: see `athanor provider consent`".into(),
                )
            })?;
        return Ok((keys::parse_account(worker)?, consent));
    }
    let account = keys::parse_account(worker)?;
    match keys::from_suri(worker) {
        Ok(pair) if keys::account(&pair) == account => {
            Ok((account, agree(&pair, genesis, provider)))
        }
        _ => Err(Error::Usage(format!(
            "the worker key has to agree: run `athanor provider consent {provider}` with it, and \
             give what that shows as --consent"
        ))),
    }
}

async fn consent(options: Consent, context: &Context) -> Result<()> {
    let worker = context.signer()?;
    let provider = keys::parse_account(&options.provider)?;
    let chain = context.chain().await?;
    let consent = agree(&worker, chain.genesis().0, &provider);
    let value = json!({
        "provider": provider.to_string(),
        "worker": keys::account(&worker).to_string(),
        "consent": to_hex(&consent),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn register(options: Register, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    keys::parse_account(&options.worker)?;
    check_endpoint(&options.endpoint)?;
    let chain = context.chain().await?;
    let (worker, consent) = consenting(
        &options.worker,
        options.consent.as_deref(),
        chain.genesis().0,
        &keys::account(&signer),
    )?;
    let least = constant(&chain.best().await?, PALLET, "MinBond")?;
    let bond = options.bond.map_or(least, |amount| amount.0);
    let more = bond.checked_sub(least).ok_or_else(|| {
        Error::Usage(format!("the least bond is {}: raise --bond", Amount(least)))
    })?;
    let endpoint = options.endpoint.as_bytes();
    let amounts = [("bond", bond)];
    let included = if more == 0 {
        let call = Call::new(
            PALLET,
            "register_provider",
            (worker, endpoint.to_vec(), consent),
        );
        if options.dry_run {
            return context.show_dry_run(&chain, &signer, call, &amounts).await;
        }
        context.submit(&chain, &signer, call).await?
    } else {
        // Both or neither: a provider with less bond than wanted would be a surprise.
        let calls = Dynamic::unnamed_composite([
            nested(
                "register_provider",
                vec![
                    Dynamic::from_bytes(worker.0),
                    Dynamic::from_bytes(endpoint),
                    Dynamic::from_bytes(consent),
                ],
            ),
            nested("add_bond", vec![Dynamic::u128(more)]),
        ]);
        let call = Call::new("Utility", "batch_all", (calls,));
        if options.dry_run {
            return context.show_dry_run(&chain, &signer, call, &amounts).await;
        }
        context.submit(&chain, &signer, call).await?
    };
    let value = json!({
        "provider": keys::account(&signer).to_string(),
        "worker": worker.to_string(),
        "endpoint": options.endpoint,
        "bond": bond.to_string(),
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

fn terms(options: &Offer, now: u32) -> Result<OfferTerms> {
    let file = match &options.file {
        None => OfferFile::default(),
        Some(path) => {
            let bytes = read_file(path, MAX_OFFER_FILE, "an offer file")?;
            serde_json::from_slice(&bytes).map_err(|error| Error::BadFile {
                path: path.clone(),
                reason: error.to_string(),
            })?
        }
    };
    let flags = OfferFlags {
        rates: [
            options.macs_rate,
            options.ops_rate,
            options.bytes_rate,
            options.nodes_rate,
            options.load_rate,
        ],
        minimum: options.minimum,
        times: [
            options.macs_time,
            options.ops_time,
            options.bytes_time,
            options.nodes_time,
            options.load_time,
        ],
        bandwidth: options.bandwidth.map(|bytes| bytes.0),
        max_cost: options.max_cost,
        memory: options.memory.map(|bytes| bytes.0),
        slots: options.slots,
        models: options.model.clone(),
        any_model_bytes: options.any_model_bytes.map(|bytes| bytes.0),
        max_collateral: options.max_collateral,
        max_window: options.max_window,
        valid_for: options.valid_for,
    };
    OfferTerms::build(file, flags, now)
}

async fn offer(options: Offer, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    // What is wrong with the flags is said before the node is asked for anything.
    terms(&options, 0)?;
    let chain = context.chain().await?;
    let now = u32::try_from(chain.best().await?.number()).unwrap_or(u32::MAX);
    let offer = terms(&options, now)?;
    let call = Call::new(PALLET, "set_offer", (offer.clone(),));
    if options.dry_run {
        return context.show_dry_run(&chain, &signer, call, &[]).await;
    }
    let included = context.submit(&chain, &signer, call).await?;
    let value = json!({
        "provider": keys::account(&signer).to_string(),
        "minimum": offer.minimum.to_string(),
        "slots": offer.slots,
        "valid_until": offer.valid_until,
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

/// A provider as JSON, flat, from the chain's view of it.
fn summary(mut view: Value) -> Result<Value> {
    texts(&mut view, &["endpoint"]);
    let provider = field(&view, "provider")?;
    let of = |key: &str| provider.get(key).cloned().unwrap_or(Value::Null);
    Ok(json!({
        "provider": field(&view, "account")?,
        "worker": of("worker"),
        "endpoint": of("endpoint"),
        "bond": of("bond"),
        "locked": of("locked"),
        "free": field(&view, "free")?,
        "offer": view.get("offer"),
        "jailed_until": of("jailed_until"),
        "unbonding_until": of("unbonding_until"),
        "reputation": field(&view, "reputation")?,
        "live_jobs": of("live"),
        "faults": of("faults"),
        "last_fault": of("last_fault"),
        "releases_in_a_row": of("releases_in_a_row"),
    }))
}

fn account_or_signer(account: Option<&str>, context: &Context) -> Result<AccountId32> {
    match account {
        Some(text) => keys::parse_account(text),
        None => Ok(keys::account(&context.signer()?)),
    }
}

/// What it takes to be drawn and paid, on this chain.
struct Needs {
    least_bond: u128,
    /// What a settlement fills the worker key's account up to.
    float: u128,
    clock: Clock,
}

async fn status(options: Status, context: &Context) -> Result<()> {
    let account = account_or_signer(options.account.as_deref(), context)?;
    let state = context.chain().await?.best().await?;
    let view = state.view(PALLET, "provider", (account,)).await?;
    if view.is_null() {
        return Err(Error::NotFound(format!(
            "{account} is no provider: `athanor provider register` makes it one"
        )));
    }
    let mut value = summary(view)?;
    let needs = Needs {
        least_bond: constant(&state, PALLET, "MinBond")?,
        float: constant(&state, PALLET, "WorkerFloat")?,
        clock: Clock::of(&state)?,
    };
    let worker = value.get("worker").and_then(Value::as_str);
    let worker = keys::parse_account(worker.unwrap_or_default())?;
    let worker_free = state.balance(&worker).await?.free;
    let jobs = live_jobs(&state, &account, &worker, &value, context).await?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("worker_free".into(), json!(worker_free.to_string()));
        fields.insert("jobs".into(), Value::Array(jobs));
        fields.insert("block".into(), json!(state.number()));
    }
    let warnings = warnings(&value, &needs);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("warnings".into(), json!(warnings));
    }
    context
        .output
        .result(&value, || describe_status(&value, &needs.clock));
    for warning in warnings {
        context.output.warn(output::wrap(&warning));
    }
    Ok(())
}

/// The provider's live jobs: what its worker key is assigned to, and, if a former
/// key still has some, what a search of all jobs finds.
async fn live_jobs(
    state: &State,
    account: &AccountId32,
    worker: &AccountId32,
    value: &Value,
    context: &Context,
) -> Result<Vec<Value>> {
    let live = field_u64(value, "live_jobs")?;
    if live == 0 {
        return Ok(Vec::new());
    }
    let provider = account.to_string();
    let assigned = state.storage(PALLET, "Assignments", (*worker,)).await?;
    let assigned: Vec<u64> = assigned
        .as_ref()
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect();
    let mut jobs = Vec::new();
    if assigned.len() as u64 >= live {
        for id in assigned {
            let view = state.view(PALLET, "job", (id,)).await?;
            jobs.extend(view.get("job").and_then(|job| live_job(id, job, &provider)));
        }
    } else {
        let _progress = context.output.spinner("reading jobs");
        let all = state.entries(PALLET, "Jobs", 10_000).await?;
        jobs.extend(
            all.iter()
                .filter_map(|(id, job)| live_job(*id, job, &provider)),
        );
    }
    jobs.sort_by_key(|job| {
        (
            job.get("deadline").and_then(Value::as_u64),
            job.get("job").and_then(Value::as_u64),
        )
    });
    Ok(jobs)
}

/// A provider's part in a job.
fn live_job(id: u64, job: &Value, provider: &str) -> Option<Value> {
    let replica = job
        .get("replicas")?
        .as_array()?
        .iter()
        .find(|replica| replica.get("provider").and_then(Value::as_str) == Some(provider))?;
    let done = |key: &str| replica.get(key).is_some_and(|value| !value.is_null());
    let part = match () {
        () if done("fault") => "struck",
        () if done("trace_root") => "revealed",
        () if done("commitment") => "committed",
        () if replica.get("accepted") == Some(&Value::Bool(true)) => "accepted",
        () => "drawn",
    };
    let of = |key: &str| replica.get(key).cloned().unwrap_or(Value::Null);
    Some(json!({
        "job": id,
        "state": job.get("status")?,
        "deadline": job.get("deadline")?,
        "part": part,
        "pay": of("pay"),
        "collateral": of("collateral"),
        "fault": of("fault"),
        "threads": job.get("threads"),
    }))
}

/// What a fault was, for whoever has to see that it does not happen again.
fn fault_in_words(fault: &str) -> &str {
    match fault {
        "late" => "it accepted a job and was not done in time, which cost 10 % of the collateral",
        "no_reveal" => {
            "it committed to a result and never revealed it, which cost all the collateral. Was \
             the node down, or its database lost?"
        }
        "outvoted" => {
            "most of the replicas had another result, which cost all the collateral. Run \
             `gpu-worker selftest`"
        }
        "fraud_proven" => {
            "its result was proven wrong, which cost all the collateral. Run `gpu-worker selftest`"
        }
        "data_withheld" => {
            "it did not answer a question about its result in time, which cost all the \
             collateral. Was the node or the daemon down?"
        }
        other => other,
    }
}

fn blocks_at(value: &Value, path: &str) -> Option<u64> {
    value.pointer(path).and_then(Value::as_u64)
}

/// Why a provider is in jail, until when, and how it gets out.
fn jail_in_words(value: &Value, clock: &Clock) -> Option<String> {
    let until = blocks_at(value, "/jailed_until")?;
    let why = value
        .pointer("/last_fault/fault")
        .and_then(Value::as_str)
        .map(|fault| {
            let job = blocks_at(value, "/last_fault/job").unwrap_or_default();
            let at = blocks_at(value, "/last_fault/at").unwrap_or_default();
            format!(
                ": in job {job}, {}, {}",
                clock.until(at),
                fault_in_words(fault)
            )
        })
        .unwrap_or_default();
    let out = if until <= clock.now() {
        "its time is over, `athanor provider unjail` ends it".into()
    } else {
        format!(
            "`athanor provider unjail` ends it from {} on",
            clock.until(until)
        )
    };
    Some(format!("in jail{why}. {out}"))
}

/// What keeps the provider from being drawn or paid, and what to do about it.
fn warnings(value: &Value, needs: &Needs) -> Vec<String> {
    let money = |key: &str| value.get(key).and_then(number).unwrap_or_default();
    let clock = &needs.clock;
    let mut warnings = Vec::new();
    let leaving = blocks_at(value, "/unbonding_until");
    if let Some(until) = leaving {
        warnings.push(format!(
            "this provider is leaving; `athanor provider withdraw` returns its bond from {} on",
            clock.until(until)
        ));
        return warnings;
    }
    warnings.extend(jail_in_words(value, clock));
    let bond = money("bond");
    if bond < needs.least_bond {
        let missing = Amount(needs.least_bond.saturating_sub(bond));
        warnings.push(format!(
            "the bond is {missing} below the least: `athanor provider add-bond '{missing}'`"
        ));
    }
    let worker_free = money("worker_free");
    if worker_free < needs.float / 4 {
        warnings.push(format!(
            "the worker key has {} for fees, and a key that cannot pay them misses deadlines: \
             `athanor account transfer --to {} --amount '{}'`",
            Amount(worker_free),
            value
                .get("worker")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            Amount(needs.float.saturating_sub(worker_free))
        ));
    }
    let Some(offer) = value.get("offer").filter(|offer| !offer.is_null()) else {
        warnings.push("there is no offer: `athanor provider offer` makes one".into());
        return warnings;
    };
    if offer.get("paused") == Some(&Value::Bool(true)) {
        let releases = blocks_at(value, "/releases_in_a_row").unwrap_or_default();
        warnings.push(if releases >= 3 {
            format!(
                "the offer was paused because {releases} jobs in a row were not accepted in \
                 time: see what `gpu-worker doctor` says, then `athanor provider resume`"
            )
        } else {
            "the offer is paused: `athanor provider resume` ends that".into()
        });
    }
    match blocks_at(offer, "/terms/valid_until") {
        Some(until) if until <= clock.now() => {
            warnings.push("the offer is over: `athanor provider offer` makes a new one".into())
        }
        Some(until) if until.saturating_sub(clock.now()) < 28_800 => warnings.push(format!(
            "the offer ends at {}: `athanor provider offer` renews it",
            clock.until(until)
        )),
        _ => {}
    }
    warnings
}

/// A provider as people read it.
fn describe_status(value: &Value, clock: &Clock) -> String {
    let text = |key: &str| output::scalar(key, value.get(key).unwrap_or(&Value::Null));
    let money = |key: &str| Amount(value.get(key).and_then(number).unwrap_or_default());
    let mut rows = vec![
        ("provider", text("provider")),
        ("worker key", text("worker")),
        ("its balance", money("worker_free").to_string()),
        ("endpoint", text("endpoint")),
        (
            "bond",
            format!(
                "{}: {} locked, {} free",
                money("bond"),
                money("locked"),
                money("free")
            ),
        ),
        ("reputation", format!("{} of 64", text("reputation"))),
        ("faults", text("faults")),
    ];
    if let Some(fault) = value.pointer("/last_fault/fault").and_then(Value::as_str) {
        let job = blocks_at(value, "/last_fault/job").unwrap_or_default();
        let at = blocks_at(value, "/last_fault/at").unwrap_or_default();
        rows.push((
            "the last",
            format!(
                "{} in job {job}, {}",
                fault.replace('_', " "),
                clock.until(at)
            ),
        ));
    }
    if let Some(until) = blocks_at(value, "/jailed_until") {
        rows.push(("in jail until", clock.until(until)));
    }
    if let Some(until) = blocks_at(value, "/unbonding_until") {
        rows.push(("unbonding until", clock.until(until)));
    }
    let offer = value.get("offer").filter(|offer| !offer.is_null());
    match offer {
        None => rows.push(("offer", "none".into())),
        Some(offer) => {
            let of = |path: &str, key: &str| {
                output::scalar(key, offer.pointer(path).unwrap_or(&Value::Null))
            };
            let until = blocks_at(offer, "/terms/valid_until").unwrap_or_default();
            let paused = offer.get("paused") == Some(&Value::Bool(true));
            rows.push((
                "offer",
                format!(
                    "{}until {}",
                    if paused { "paused, " } else { "" },
                    clock.until(until)
                ),
            ));
            rows.push(("least pay", of("/terms/minimum", "minimum")));
            rows.push((
                "slots",
                format!(
                    "{} of {} taken",
                    text("live_jobs"),
                    of("/terms/slots", "slots")
                ),
            ));
        }
    }
    let jobs = value.get("jobs").and_then(Value::as_array);
    let jobs = jobs.filter(|jobs| !jobs.is_empty()).map(|jobs| {
        let rows = jobs.iter().map(|job| {
            let text = |key: &str| output::scalar(key, job.get(key).unwrap_or(&Value::Null));
            let until = blocks_at(job, "/deadline").unwrap_or_default();
            let part = match job.get("fault").and_then(Value::as_str) {
                Some(fault) => format!("struck: {}", fault.replace('_', " ")),
                None => text("part"),
            };
            vec![
                text("job"),
                text("state"),
                clock.short(until),
                part,
                text("pay"),
                text("collateral"),
            ]
        });
        let headers = ["Job", "State", "Until block", "Part", "Pay", "Collateral"];
        output::table(&headers, rows)
    });
    match jobs {
        Some(jobs) => format!("{}\n\n{jobs}", output::pairs(&rows)),
        None => format!("{}\n\nNo live jobs.", output::pairs(&rows)),
    }
}

/// Blocks whose events are asked for at a time.
const AT_A_TIME: usize = 16;

async fn earnings(options: EarningsOptions, context: &Context) -> Result<()> {
    if options.blocks == 0 {
        return Err(Error::Usage(
            "there is nothing to read: --blocks is zero".into(),
        ));
    }
    let account = account_or_signer(options.account.as_deref(), context)?;
    let chain = context.chain().await?;
    let head = chain.best().await?;
    let first = head.number().saturating_sub(options.blocks - 1);
    let view = head.view(PALLET, "provider", (account,)).await?;
    let worker = view.pointer("/provider/worker").and_then(Value::as_str);
    let mut earnings = Earnings::new(account.to_string()).with_worker(worker.map(str::to_owned));
    earnings.block(head.number(), &head.events().await?);
    let progress = context.output.steps("reading blocks", options.blocks);
    let mut older = (first..head.number()).rev();
    'back: loop {
        let numbers: Vec<u64> = older.by_ref().take(AT_A_TIME).collect();
        if numbers.is_empty() {
            break;
        }
        let reads = numbers.into_iter().map(|number| {
            let chain = &chain;
            async move { (number, chain.at(number).await) }
        });
        for (number, state) in join_all(reads).await {
            let events = match state {
                Ok(state) => state.events().await,
                Err(error) => Err(error),
            };
            match events {
                Ok(events) => earnings.block(number, &events),
                Err(error @ Error::NodeUnreachable { .. }) => return Err(error),
                Err(_) => {
                    context.output.warn(format!(
                        "this node does not keep the state of block {number} and those before: \
                         ask an archive node with --node"
                    ));
                    break 'back;
                }
            }
            progress.step();
        }
    }
    drop(progress);
    context
        .output
        .result(&earnings.json(), || earnings.describe());
    Ok(())
}

async fn list(context: &Context) -> Result<()> {
    let state = context.chain().await?.best().await?;
    let mut offers = state.view(PALLET, "offers", ()).await?;
    texts(&mut offers, &["endpoint"]);
    context.output.result(&offers, || {
        let rows = offers.as_array().into_iter().flatten().map(|offer| {
            let text = |path: &str, key: &str| {
                output::scalar(key, offer.pointer(path).unwrap_or(&Value::Null))
            };
            vec![
                text("/provider", "provider"),
                text("/offer/terms/minimum", "minimum"),
                text("/free_slots", "free_slots"),
                text("/free_bond", "free_bond"),
                text("/reputation", "reputation"),
                text("/live", "live"),
            ]
        });
        output::table(
            &[
                "Provider",
                "Least pay",
                "Slots",
                "Free bond",
                "Rep.",
                "Live",
            ],
            rows,
        )
    });
    Ok(())
}

async fn simple(call: &'static str, done: &str, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let included = context
        .submit(&chain, &signer, Call::new(PALLET, call, ()))
        .await?;
    let value = json!({
        "provider": keys::account(&signer).to_string(),
        "state": done,
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn add_bond(options: AddBond, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    if options.amount.0 == 0 {
        return Err(Error::Usage(
            "there is nothing to lock: the amount is zero".into(),
        ));
    }
    let chain = context.chain().await?;
    let call = Call::new(PALLET, "add_bond", (options.amount.0,));
    if options.dry_run {
        return context
            .show_dry_run(&chain, &signer, call, &[("bond", options.amount.0)])
            .await;
    }
    let included = context.submit(&chain, &signer, call).await?;
    let value = json!({
        "provider": keys::account(&signer).to_string(),
        "amount": options.amount.planck(),
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn set_worker(options: SetWorker, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    keys::parse_account(&options.worker)?;
    let chain = context.chain().await?;
    let (worker, consent) = consenting(
        &options.worker,
        options.consent.as_deref(),
        chain.genesis().0,
        &keys::account(&signer),
    )?;
    let call = Call::new(PALLET, "set_worker", (worker, consent));
    let included = context.submit(&chain, &signer, call).await?;
    let value = json!({
        "provider": keys::account(&signer).to_string(),
        "worker": worker.to_string(),
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn deregister(context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let included = context
        .submit(&chain, &signer, Call::new(PALLET, "deregister", ()))
        .await?;
    let until = included.field(PALLET, "ProviderDeregistered", "until")?;
    let value = json!({
        "provider": keys::account(&signer).to_string(),
        "state": "unbonding",
        "unbonding_until": until,
        "block": included.block_hex(),
    });
    context.output.result(&value, || {
        format!(
            "{}\n\nFrom block {until} on: athanor provider withdraw",
            output::describe(&value)
        )
    });
    Ok(())
}

async fn withdraw(options: Status, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let provider = match &options.account {
        Some(text) => keys::parse_account(text)?,
        None => keys::account(&signer),
    };
    let chain = context.chain().await?;
    let call = Call::new(PALLET, "withdraw", (provider,));
    let included = context.submit(&chain, &signer, call).await?;
    let amount = included.field(PALLET, "BondWithdrawn", "amount")?;
    let amount = number(&amount).unwrap_or_default();
    let value = json!({
        "provider": provider.to_string(),
        "amount": amount.to_string(),
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_development_key_agrees_at_once_and_another_needs_its_consent() {
        let provider = keys::parse_account("//Bob").unwrap();
        let alice = keys::from_suri("//Alice").unwrap();
        let address = keys::account(&alice).to_string();
        let (worker, consent) = consenting("//Alice", None, [7; 32], &provider).unwrap();
        assert_eq!(worker.to_string(), address);
        assert!(subxt_signer::sr25519::verify(
            &subxt_signer::sr25519::Signature(consent),
            worker_consent(&[7; 32], &provider.0),
            &alice.public_key(),
        ));
        let hex = to_hex(&consent);
        let given = consenting(&address, Some(&hex), [7; 32], &provider).unwrap();
        assert_eq!(given, (worker, consent));
        for (worker, consent) in [
            (address.as_str(), None),
            (&address, Some("0x12")),
            (&address, Some("no hex")),
        ] {
            let refused = consenting(worker, consent, [7; 32], &provider);
            assert!(matches!(refused, Err(Error::Usage(_))), "{refused:?}");
        }
    }

    #[test]
    fn a_providers_summary_is_flat() {
        let value = summary(json!({
            "account": "5P",
            "provider": {
                "worker": "5W", "endpoint": "0x687474703a2f2f78", "bond": "9", "locked": "4",
                "live": 1, "faults": 0, "jailed_until": null, "unbonding_until": null,
                "last_fault": null, "releases_in_a_row": 0,
            },
            "free": "5",
            "reputation": 4,
            "offer": null,
        }))
        .unwrap();
        assert_eq!(
            value,
            json!({
                "provider": "5P", "worker": "5W", "endpoint": "http://x", "bond": "9",
                "locked": "4", "free": "5", "offer": null, "jailed_until": null,
                "unbonding_until": null, "reputation": 4, "live_jobs": 1, "faults": 0,
                "last_fault": null, "releases_in_a_row": 0,
            })
        );
        assert!(summary(json!({"account": "5P"})).is_err());
    }

    fn needs() -> Needs {
        Needs {
            least_bond: 100,
            float: 40,
            clock: Clock::new(1_000, 3_000),
        }
    }

    fn good() -> Value {
        json!({
            "provider": "5P", "worker": "5W", "worker_free": "40", "endpoint": "http://x",
            "bond": "100", "locked": "30", "free": "70", "reputation": 24, "live_jobs": 1,
            "faults": 1, "jailed_until": null, "unbonding_until": null, "releases_in_a_row": 0,
            "last_fault": {"fault": "no_reveal", "job": 7, "at": 900},
            "offer": {"paused": false, "since": 1,
                      "terms": {"valid_until": 900_000, "minimum": "5", "slots": 2}},
            "jobs": [{"job": 9, "state": "running", "deadline": 1_100, "part": "accepted",
                      "pay": "5", "collateral": "30", "fault": null}],
        })
    }

    #[test]
    fn a_provider_in_order_gets_no_warning() {
        assert_eq!(warnings(&good(), &needs()), Vec::<String>::new());
        let text = describe_status(&good(), &needs().clock);
        for part in [
            "no reveal in job 7",
            "running",
            "1100, 5 min",
            "1 of 2 taken",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn whatever_keeps_a_provider_from_work_is_said_with_what_to_do() {
        let with = |path: &str, new: Value| {
            let mut value = good();
            *value.pointer_mut(path).unwrap() = new;
            warnings(&value, &needs()).join("\n")
        };
        for (path, new, part) in [
            ("/bond", json!("60"), "add-bond '0.00000000004 AUR'"),
            ("/worker_free", json!("9"), "account transfer --to 5W"),
            ("/offer", json!(null), "provider offer"),
            ("/offer/paused", json!(true), "provider resume"),
            ("/offer/terms/valid_until", json!(1_000), "is over"),
            ("/offer/terms/valid_until", json!(1_100), "renews it"),
            ("/unbonding_until", json!(1_200), "provider withdraw"),
        ] {
            let text = with(path, new);
            assert!(text.contains(part), "{path}: {text}");
        }
        let mut value = good();
        value["releases_in_a_row"] = json!(3);
        value["offer"]["paused"] = json!(true);
        assert!(warnings(&value, &needs())[0].contains("3 jobs in a row"));
    }

    #[test]
    fn jail_is_explained_with_job_time_and_way_out() {
        for (fault, part) in [
            ("late", "not done in time"),
            ("no_reveal", "never revealed it"),
            ("outvoted", "another result"),
            ("fraud_proven", "proven wrong"),
            ("data_withheld", "did not answer a question"),
        ] {
            let mut value = good();
            value["jailed_until"] = json!(1_200);
            value["last_fault"]["fault"] = json!(fault);
            let text = jail_in_words(&value, &needs().clock).unwrap();
            for part in [part, "job 7", "5 min ago", "block 1200 (in about 10 min)"] {
                assert!(text.contains(part), "{part} in {text}");
            }
        }
        let mut over = good();
        over["jailed_until"] = json!(990);
        let text = jail_in_words(&over, &needs().clock).unwrap();
        assert!(text.contains("its time is over"), "{text}");
        // A chain without the record of the last fault.
        over["last_fault"] = Value::Null;
        let text = jail_in_words(&over, &needs().clock).unwrap();
        assert!(text.starts_with("in jail. "), "{text}");
        assert_eq!(jail_in_words(&good(), &needs().clock), None);
    }

    #[test]
    fn a_live_job_shows_the_providers_own_part() {
        let replica = |who: &str, fault: Value| {
            json!({"provider": who, "pay": "5", "collateral": "9", "accepted": true,
                "commitment": "0x01", "trace_root": null, "fault": fault})
        };
        let job = json!({"status": "sealed", "deadline": 90, "threads": 0,
            "replicas": [replica("A", json!(null)), replica("B", json!("late"))]});
        let part = |who: &str| live_job(7, &job, who).map(|job| job["part"].clone());
        assert_eq!(part("A"), Some(json!("committed")));
        assert_eq!(part("B"), Some(json!("struck")));
        assert_eq!(part("C"), None);
    }

    #[test]
    fn an_endpoint_is_a_short_url() {
        assert!(check_endpoint("http://127.0.0.1:9955").is_ok());
        assert!(check_endpoint("https://gpu.example").is_ok());
        let long = format!("http://{}", "x".repeat(122));
        for url in ["", "gpu.example", "ws://x", "http://gpü.example", &long] {
            assert!(matches!(check_endpoint(url), Err(Error::Usage(_))), "{url}");
        }
    }

    #[test]
    fn an_offer_file_is_read_and_a_wrong_one_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("offer.json");
        std::fs::write(
            &path,
            r#"{"minimum": "1 AUR", "models": [3], "valid_for": 7}"#,
        )
        .unwrap();
        let options = Offer {
            file: Some(path.clone()),
            ..Offer::default()
        };
        let offer = terms(&options, 10).unwrap();
        assert_eq!(offer.valid_until, 17);

        std::fs::write(&path, r#"{"minimun": "1 AUR"}"#).unwrap();
        let error = terms(&options, 10).unwrap_err().to_string();
        assert!(
            error.contains("offer.json") && error.contains("minimun"),
            "{error}"
        );
    }
}
