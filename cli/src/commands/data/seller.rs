//! `athanor data seller`: who sells, and the bond that orders stand on.

use super::shared::{number_of, Send};
use crate::{
    amount::Amount,
    chain::Call,
    commands::Context,
    error::{Error, Result},
    keys,
    market::{view, PALLET},
    output,
};
use athanor_content_store::Client;
use athanor_primitives::market::MAX_ENDPOINT;
use clap::{Args, Subcommand};
use serde_json::json;
use subxt::utils::AccountId32;

/// Options of `data seller`.
#[derive(Args, Debug)]
pub struct Seller {
    /// What to do
    #[command(subcommand)]
    pub what: What,
}

/// What a seller does about himself.
#[derive(Subcommand, Debug)]
pub enum What {
    /// Register as a seller, or change endpoint and agent
    ///
    /// The agent is the hot key of `athanor data serve`: it may reveal keys for you
    /// and do nothing else.
    Register(Register),
    /// Add to the bond; each open order locks a tenth of its price of it
    Bond(Bond),
    /// Take back what no open order locks
    Unbond(Bond),
    /// Leave, once no listing and no order is left
    Deregister(Deregister),
    /// Show a seller's bond, sales and faults
    Show(Show),
}

/// Options of `data seller register`.
#[derive(Args, Debug)]
pub struct Register {
    /// Content store your files are fetched from, for everybody to read
    #[arg(long, value_name = "URL")]
    pub endpoint: String,
    /// Account that may reveal keys for you
    #[arg(long, value_name = "ACCOUNT", value_parser = keys::parse_account)]
    pub agent: Option<AccountId32>,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data seller bond` and `unbond`.
#[derive(Args, Debug)]
pub struct Bond {
    /// How much, like '100 AUR'
    #[arg(value_name = "AMOUNT")]
    pub amount: Amount,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data seller deregister`.
#[derive(Args, Debug)]
pub struct Deregister {
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data seller show`.
#[derive(Args, Debug)]
pub struct Show {
    /// Whom [default: the signing account]
    #[arg(value_name = "ACCOUNT", value_parser = keys::parse_account)]
    pub account: Option<AccountId32>,
}

/// `data seller`.
pub(super) async fn run(options: &Seller, context: &Context) -> Result<()> {
    match &options.what {
        What::Register(options) => register(options, context).await,
        What::Bond(options) => bond(options, "bond", context).await,
        What::Unbond(options) => bond(options, "unbond", context).await,
        What::Deregister(options) => {
            let send = Send::new(context, options.dry_run).await?;
            let call = Call::new(PALLET, "deregister", ());
            send.call(call, &[], json!({"deregistered": true})).await
        }
        What::Show(options) => show(options, context).await,
    }
}

async fn register(options: &Register, context: &Context) -> Result<()> {
    let most = number_of(MAX_ENDPOINT);
    if options.endpoint.len() > most {
        return Err(Error::Usage(format!(
            "an endpoint has at most {most} bytes, this has {}",
            options.endpoint.len()
        )));
    }
    // Whether it can be used at all; buyers ask it, this command does not.
    Client::new(&options.endpoint, None)?;
    let send = Send::new(context, options.dry_run).await?;
    let call = Call::new(
        PALLET,
        "register",
        (options.endpoint.as_bytes().to_vec(), options.agent),
    );
    let value = json!({
        "seller": send.account().to_string(),
        "endpoint": options.endpoint,
        "agent": options.agent.map(|agent| agent.to_string()),
    });
    send.call(call, &[], value).await
}

async fn bond(options: &Bond, name: &'static str, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let call = Call::new(PALLET, name, (options.amount.0,));
    let value = json!({
        "seller": send.account().to_string(),
        name: options.amount.planck(),
    });
    send.call(call, &[(name, options.amount.0)], value).await
}

async fn show(options: &Show, context: &Context) -> Result<()> {
    let account = match options.account {
        Some(account) => account,
        None => keys::account(&context.signer()?),
    };
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let seller = view::seller(&state, &account)
        .await?
        .ok_or_else(|| Error::NotFound(format!("{account} is no seller")))?;
    let endpoint = view::endpoint(&seller);
    let open = view::open_orders(&state, &account).await?.len();
    let free = seller.bonded.saturating_sub(seller.locked);
    let value = json!({
        "seller": account.to_string(),
        "endpoint": endpoint,
        "agent": seller.agent.map(|agent| agent.to_string()),
        "bonded": seller.bonded.to_string(),
        "locked": seller.locked.to_string(),
        "free_bond": free.to_string(),
        "open_orders": open,
        "listings": seller.listings,
        "settled": seller.settled,
        "missed": seller.missed,
        "proven": seller.proven,
        "closed_unsold": seller.unsold,
    });
    context.output.result(&value, || {
        output::pairs(&[
            ("seller", account.to_string()),
            (
                "endpoint",
                endpoint.clone().unwrap_or_else(|| "not readable".into()),
            ),
            (
                "agent",
                seller
                    .agent
                    .map_or_else(|| "none".into(), |agent| agent.to_string()),
            ),
            ("bond", Amount(seller.bonded).to_string()),
            (
                "locked",
                format!("{} by {open} open orders", Amount(seller.locked)),
            ),
            ("listings", seller.listings.to_string()),
            ("sales that stood", seller.settled.to_string()),
            ("keys not revealed", seller.missed.to_string()),
            ("proven bad", seller.proven.to_string()),
            ("listings closed unsold", seller.unsold.to_string()),
        ])
    });
    Ok(())
}
