//! `athanor data price`, `pause`, `resume`, `close`, `remove`, `allow`, `invite`, `forget`, `poke`,
//! `enrol`, `rate`: one call each.

use super::shared::Send;
use crate::{
    amount::Amount,
    chain::Call,
    commands::Context,
    error::{Error, Result},
    keys,
    market::{view, PALLET},
};
use athanor_primitives::market::{OrderState, STARS};
use clap::Args;
use serde_json::json;
use subxt::utils::AccountId32;

/// Options of `data price`.
#[derive(Args, Debug)]
pub struct Price {
    /// The listing
    #[arg(value_name = "LISTING")]
    pub listing: u64,
    /// The new price, like '5 AUR'
    #[arg(value_name = "AMOUNT")]
    pub price: Amount,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of commands that take a listing.
#[derive(Args, Debug)]
pub struct OfListing {
    /// The listing
    #[arg(value_name = "LISTING")]
    pub listing: u64,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data allow` and `invite`.
#[derive(Args, Debug)]
pub struct OfAccount {
    /// The listing
    #[arg(value_name = "LISTING")]
    pub listing: u64,
    /// The account
    #[arg(value_name = "ACCOUNT", value_parser = keys::parse_account)]
    pub account: AccountId32,
    /// Take it back
    #[arg(long)]
    pub undo: bool,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data poke`.
#[derive(Args, Debug)]
pub struct Poke {
    /// The order
    #[arg(value_name = "ORDER")]
    pub order: u64,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data enrol`.
#[derive(Args, Debug)]
pub struct Enrol {
    /// The campaign
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: u64,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data rate`.
#[derive(Args, Debug)]
pub struct Rate {
    /// The listing
    #[arg(value_name = "LISTING")]
    pub listing: u64,
    /// 1 to 5 stars
    #[arg(value_name = "STARS", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub stars: u8,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `data price`.
pub(super) async fn price(options: &Price, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let call = Call::new(PALLET, "set_price", (options.listing, options.price.0));
    let value = json!({"listing": options.listing, "price": options.price.planck()});
    send.call(call, &[("price", options.price.0)], value).await
}

async fn of_listing(options: &OfListing, name: &'static str, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let call = Call::new(PALLET, name, (options.listing,));
    let value = json!({"listing": options.listing, "done": name});
    send.call(call, &[], value).await
}

/// `data pause`.
pub(super) async fn pause(options: &OfListing, context: &Context) -> Result<()> {
    of_listing(options, "pause", context).await
}

/// `data resume`.
pub(super) async fn resume(options: &OfListing, context: &Context) -> Result<()> {
    of_listing(options, "resume", context).await
}

/// `data close`.
pub(super) async fn close(options: &OfListing, context: &Context) -> Result<()> {
    of_listing(options, "close", context).await
}

/// `data remove`.
pub(super) async fn remove(options: &OfListing, context: &Context) -> Result<()> {
    of_listing(options, "remove", context).await
}

/// `data allow`.
pub(super) async fn allow(options: &OfAccount, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let allowed = !options.undo;
    let call = Call::new(PALLET, "allow", (options.listing, options.account, allowed));
    let value = json!({
        "listing": options.listing,
        "account": options.account.to_string(),
        "allowed": allowed,
    });
    send.call(call, &[], value).await
}

/// `data invite`.
pub(super) async fn invite(options: &OfAccount, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let invited = !options.undo;
    let call = Call::new(
        PALLET,
        "invite",
        (options.listing, options.account, invited),
    );
    let value = json!({
        "listing": options.listing,
        "seller": options.account.to_string(),
        "invited": invited,
    });
    send.call(call, &[], value).await
}

/// `data forget`.
pub(super) async fn forget(options: &OfListing, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let buyer = send.account();
    let call = Call::new(PALLET, "forget_right", (options.listing, buyer));
    let value = json!({"listing": options.listing, "buyer": buyer.to_string(), "forgotten": true});
    send.call(call, &[], value).await
}

/// `data poke`.
pub(super) async fn poke(options: &Poke, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let state = send.chain.best().await?;
    let order = view::order(&state, options.order).await?.ok_or_else(|| {
        Error::NotFound(format!(
            "there is no open order {}: it has ended, or never was",
            options.order
        ))
    })?;
    let (now, _) = view::clock(&state).await?;
    let until = view::until(&order);
    if !order.seal_is_bad && now <= until {
        let what = match order.state {
            OrderState::Locked { .. } => "the seller may still reveal its key",
            OrderState::Revealed { .. } => "the buyer may still complain",
        };
        return Err(Error::Refused(format!(
            "order {} cannot end yet: {what}, for {} blocks",
            options.order,
            until.saturating_sub(now).saturating_add(1)
        )));
    }
    let call = Call::new(PALLET, "poke", (options.order,));
    let value = json!({"order": options.order, "listing": order.listing, "poked": true});
    send.call_with(call, &[], value, |included, mut value| {
        for (name, key) in [("Settled", "settled"), ("Refunded", "refunded")] {
            let found = included
                .events
                .iter()
                .find(|event| event.is(PALLET, name))
                .map(|event| event.fields.clone());
            if let (Some(fields), Some(found)) = (value.as_object_mut(), found) {
                fields.insert(key.into(), found);
            }
        }
        Ok(value)
    })
    .await
}

/// `data enrol`.
pub(super) async fn enrol(options: &Enrol, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let call = Call::new(PALLET, "enrol", (options.campaign,));
    let value = json!({
        "campaign": options.campaign,
        "account": send.account().to_string(),
        "enrolled": true,
    });
    send.call(call, &[], value).await
}

/// `data rate`.
pub(super) async fn rate(options: &Rate, context: &Context) -> Result<()> {
    if !STARS.contains(&options.stars) {
        return Err(Error::Usage(format!(
            "a rating has {} to {} stars",
            STARS.start(),
            STARS.end()
        )));
    }
    let send = Send::new(context, options.dry_run).await?;
    let call = Call::new(PALLET, "rate", (options.listing, options.stars));
    let value = json!({"listing": options.listing, "stars": options.stars});
    send.call(call, &[], value).await
}
