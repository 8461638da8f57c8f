//! `athanor provider`: bonds and offers.

use super::{constant, field, number, read_file, texts, Context};
use crate::{
    amount::{Amount, Bytes},
    chain::Call,
    error::{Error, Result},
    keys, output,
    terms::{OfferFile, OfferFlags, OfferTerms},
};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use std::path::PathBuf;
use subxt::{
    dynamic::Value as Dynamic,
    ext::scale_value::{Composite, ValueDef, Variant},
};

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
    --endpoint http://gpu.example:9955 --bond '1000 AUR'")]
    Register(Register),
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
    /// Show a provider with bond, offer and reputation
    #[command(after_help = "\
Examples:
  athanor provider status //Bob//stash
  athanor provider status --key ~/.config/athanor/key")]
    Status(Status),
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
  athanor provider set-worker //Charlie --suri //Bob//stash")]
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
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Register(options) => register(options, context).await,
        Command::Offer(options) => offer(*options, context).await,
        Command::Status(options) => status(options, context).await,
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

async fn register(options: Register, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let worker = keys::parse_account(&options.worker)?;
    check_endpoint(&options.endpoint)?;
    let chain = context.chain().await?;
    let least = constant(&chain.best().await?, PALLET, "MinBond")?;
    let bond = options.bond.map_or(least, |amount| amount.0);
    let more = bond.checked_sub(least).ok_or_else(|| {
        Error::Usage(format!("the least bond is {}: raise --bond", Amount(least)))
    })?;
    let endpoint = options.endpoint.as_bytes();
    let amounts = [("bond", bond)];
    let included = if more == 0 {
        let call = Call::new(PALLET, "register_provider", (worker, endpoint.to_vec()));
        if options.dry_run {
            return context.show_dry_run(&chain, &signer, call, &amounts).await;
        }
        context.submit(&chain, &signer, call).await?
    } else {
        // Both or neither: a provider with less bond than wanted would be a surprise.
        let calls = Dynamic::unnamed_composite([
            nested(
                "register_provider",
                vec![Dynamic::from_bytes(worker.0), Dynamic::from_bytes(endpoint)],
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
    }))
}

async fn status(options: Status, context: &Context) -> Result<()> {
    let account = match &options.account {
        Some(text) => keys::parse_account(text)?,
        None => keys::account(&context.signer()?),
    };
    let state = context.chain().await?.best().await?;
    let view = state.view(PALLET, "provider", (account,)).await?;
    if view.is_null() {
        return Err(Error::NotFound(format!(
            "{account} is no provider: `athanor provider register` makes it one"
        )));
    }
    let value = summary(view)?;
    context.output.result(&value, || output::describe(&value));
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
    let worker = keys::parse_account(&options.worker)?;
    let chain = context.chain().await?;
    let call = Call::new(PALLET, "set_worker", (worker,));
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
    fn a_providers_summary_is_flat() {
        let value = summary(json!({
            "account": "5P",
            "provider": {
                "worker": "5W", "endpoint": "0x687474703a2f2f78", "bond": "9", "locked": "4",
                "live": 1, "faults": 0, "jailed_until": null, "unbonding_until": null,
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
            })
        );
        assert!(summary(json!({"account": "5P"})).is_err());
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
