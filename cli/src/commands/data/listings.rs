//! `athanor data listings`, `show`, `order`: what the chain says of them.

use super::shared::{hex, pool_text};
use crate::{
    amount::{human_bytes, Amount},
    chain::State,
    clock::Clock,
    commands::Context,
    error::{Error, Result},
    keys,
    market::{
        view::{self, Listing, Seller},
        PALLET,
    },
    output,
};
use athanor_primitives::market::{
    ListingStatus, OrderProblem, OrderState, PoolId, Right, Use, UseFlags,
};
use clap::Args;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use subxt::utils::AccountId32;

/// Options of `data listings`.
#[derive(Args, Debug)]
pub struct Listings {
    /// Only of this seller
    #[arg(long, value_name = "ACCOUNT", value_parser = keys::parse_account)]
    pub seller: Option<AccountId32>,
    /// Only of goods with this root
    #[arg(long, value_name = "ROOT", value_parser = crate::blobs::parse_root)]
    pub root: Option<[u8; 32]>,
    /// Those that take no orders too
    #[arg(long)]
    pub all: bool,
    /// Only listings behind this one
    #[arg(long, value_name = "ID")]
    pub after: Option<u64>,
    /// Most listings to show
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

/// Options of `data show`.
#[derive(Args, Debug)]
pub struct Show {
    /// The listing
    #[arg(value_name = "LISTING")]
    pub listing: u64,
    /// Show what it would cost this account [default: the signing account]
    #[arg(long, value_name = "ACCOUNT", value_parser = keys::parse_account)]
    pub buyer: Option<AccountId32>,
}

/// Options of `data order`.
#[derive(Args, Debug)]
pub struct Order {
    /// The order
    #[arg(value_name = "ORDER")]
    pub order: u64,
}

/// Sellers as they are asked for.
pub(super) struct Sellers<'a> {
    state: &'a State,
    known: BTreeMap<[u8; 32], Option<Seller>>,
}

impl<'a> Sellers<'a> {
    pub(super) fn new(state: &'a State) -> Self {
        Self {
            state,
            known: BTreeMap::new(),
        }
    }

    pub(super) async fn of(&mut self, account: &AccountId32) -> Result<Option<&Seller>> {
        if !self.known.contains_key(&account.0) {
            let seller = view::seller(self.state, account).await?;
            self.known.insert(account.0, seller);
        }
        Ok(self.known.get(&account.0).and_then(Option::as_ref))
    }
}

/// A listing's state in a word.
pub(super) fn status(listing: &Listing) -> &'static str {
    match listing.status {
        _ if listing.frozen.is_some() => "frozen",
        ListingStatus::Open if listing.price == 0 => "free",
        ListingStatus::Open if listing.seals.is_empty() => "no seal",
        ListingStatus::Open => "open",
        ListingStatus::Paused { fault: Some(_) } => "fault",
        ListingStatus::Paused { fault: None } => "paused",
        ListingStatus::Closed => "closed",
    }
}

/// A mean of stars with the fees that stand behind it.
pub(super) fn rating(listing: &Listing) -> String {
    if listing.rating_weight == 0 {
        return "–".into();
    }
    let tenths = listing
        .rating_sum
        .saturating_mul(10)
        .checked_div(listing.rating_weight)
        .unwrap_or(0);
    format!(
        "{}.{} ({})",
        tenths / 10,
        tenths % 10,
        Amount(listing.rating_weight)
    )
}

/// A seller's faults beside his sales.
pub(super) fn record(seller: Option<&Seller>) -> String {
    seller.map_or_else(
        || "gone".into(),
        |seller| {
            format!(
                "{}/{}/{}, {}",
                seller.settled, seller.missed, seller.proven, seller.unsold
            )
        },
    )
}

fn is_listed(listing: &Listing, options: &Listings) -> bool {
    options.seller.is_none_or(|seller| seller == listing.seller)
        && options.root.is_none_or(|root| root == listing.x_root)
        && options.after.is_none_or(|after| listing.id > after)
        && (options.all || matches!(status(listing), "open" | "free"))
}

/// `data listings`.
pub(super) async fn listings(options: &Listings, context: &Context) -> Result<()> {
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let mut found = {
        let _progress = context.output.spinner("reading listings");
        view::all_listings(&state, |listing| is_listed(listing, options)).await?
    };
    let more = found.len() > options.limit;
    found.truncate(options.limit);
    // The same goods stand together, the oldest listing of them first.
    let mut first: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    for listing in &found {
        first.entry(listing.x_root).or_insert(listing.id);
    }
    found.sort_by_key(|listing| (first.get(&listing.x_root).copied(), listing.id));
    let mut sellers = Sellers::new(&state);
    let mut rows = Vec::new();
    let mut shown = Vec::new();
    for listing in &found {
        let same = found
            .iter()
            .filter(|other| other.x_root == listing.x_root)
            .count();
        let seller = sellers.of(&listing.seller).await?;
        rows.push(vec![
            if same > 1 {
                format!("{} ≡{same}", listing.id)
            } else {
                listing.id.to_string()
            },
            Amount(listing.price).to_string(),
            human_bytes(listing.length),
            status(listing).to_owned(),
            listing.settled.to_string(),
            rating(listing),
            record(seller),
            listing.seller.to_string(),
        ]);
        shown.push(json!({
            "listing": listing,
            "same_goods": same,
            "seller": seller.map(record_json),
        }));
    }
    let value = json!({"listings": shown, "more": more});
    context.output.result(&value, || {
        if rows.is_empty() {
            return "There is nothing on sale.".into();
        }
        let more = if more {
            "\nThere are more: --limit N shows more of them, --after ID later ones."
        } else {
            ""
        };
        format!(
            "{}\n\nThe rating's weight is the fees of the sales that were rated. The seller's \
             record: sales that\nstood / keys not revealed in time / proven bad, and listings \
             closed unsold. ≡N: N listings of\nthe same goods, the oldest first.{more}",
            output::table(
                &["Listing", "Price", "Length", "State", "Sold", "Rating", "Record", "Seller"],
                rows
            )
        )
    });
    Ok(())
}

/// A seller's record.
pub(super) fn record_json(seller: &Seller) -> Value {
    json!({
        "settled": seller.settled,
        "missed": seller.missed,
        "proven": seller.proven,
        "closed_unsold": seller.unsold,
        "bonded": seller.bonded.to_string(),
        "locked": seller.locked.to_string(),
        "endpoint": view::endpoint(seller),
    })
}

/// Why an order would be refused, in words.
pub(super) fn why_not(problem: OrderProblem) -> &'static str {
    match problem {
        OrderProblem::NotOpen => "the listing is paused or closed",
        OrderProblem::Frozen => "governance stopped its orders",
        OrderProblem::IsFree => "it is free, and there is nothing to order",
        OrderProblem::NoSeal => "the seller has not published a ciphertext",
        OrderProblem::SealIsBad => "its ciphertext was proven bad",
        OrderProblem::IsSeller => "a seller can't buy from himself",
        OrderProblem::NotAllowed => "only accounts the seller allowed may order",
        OrderProblem::AlreadyBought => "this account has an order or a purchase here",
        OrderProblem::SellerAtCapacity => "the seller's free bond does not cover another order",
    }
}

/// The uses a licence allows.
pub(super) fn uses(uses: &UseFlags) -> String {
    let word = |of| match of {
        Use::NotAllowed => "no",
        Use::Allowed => "yes",
        Use::Constrained => "see licence",
    };
    format!(
        "data mining {}, AI training {}, generative training {}, inference {}",
        word(uses.data_mining),
        word(uses.ai_training),
        word(uses.generative_training),
        word(uses.inference)
    )
}

/// `data show`.
pub(super) async fn show(options: &Show, context: &Context) -> Result<()> {
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let listing = view::known_listing(&state, options.listing).await?;
    let buyer = match (options.buyer, &context.settings.key) {
        (Some(buyer), _) => Some(buyer),
        (None, Some(key)) => Some(keys::account(&key.load()?)),
        (None, None) => None,
    };
    let quote = view::quote(&state, options.listing, buyer.as_ref()).await?;
    let pool = view::pool(&state, PoolId::Listing(options.listing)).await?;
    let seller = view::seller(&state, &listing.seller).await?;
    let clock = market_clock(&state).await?;
    let value = json!({
        "listing": listing,
        "status": status(&listing),
        "quote": quote,
        "shares": pool.as_ref().map(|pool| &pool.holders),
        "seller": seller.as_ref().map(record_json),
    });
    context.output.result(&value, || {
        let mut rows = vec![
            ("listing".to_owned(), listing.id.to_string()),
            ("state".into(), status(&listing).into()),
            ("price".into(), Amount(listing.price).to_string()),
            ("goods".into(), hex(&listing.x_root)),
            ("length".into(), human_bytes(listing.length)),
            ("card".into(), hex(&listing.card_root)),
            ("licence".into(), hex(&listing.licence_root)),
            ("uses".into(), uses(&listing.uses)),
            (
                "key within".into(),
                clock.span(listing.reveal_window.into()),
            ),
            (
                "complaints within".into(),
                clock.span(listing.dispute_window.into()),
            ),
            ("sample groups".into(), listing.samples.to_string()),
            (
                "sold".into(),
                format!(
                    "{} stood, {} keys not revealed, {} proven bad",
                    listing.settled, listing.missed, listing.proven
                ),
            ),
            ("rating".into(), rating(&listing)),
            ("seller".into(), listing.seller.to_string()),
            (
                "his record".into(),
                format!(
                    "{} (sales / missed / proven, closed unsold)",
                    record(seller.as_ref())
                ),
            ),
            (
                "served at".into(),
                seller
                    .as_ref()
                    .and_then(view::endpoint)
                    .unwrap_or_else(|| "no readable endpoint".into()),
            ),
        ];
        if let Some(before) = listing.supersedes {
            rows.push(("new version of".into(), format!("listing {before}")));
        }
        if let Some(units) = listing.derive {
            rows.push((
                "may be derived from".into(),
                format!("for {units} of 10000 units"),
            ));
        }
        for holder in pool.iter().flat_map(|pool| &pool.holders) {
            rows.push((
                format!("{} of 10000", holder.units),
                super::shared::beneficiary_text(&holder.beneficiary),
            ));
        }
        if let Some(quote) = &quote {
            rows.push(("deposit".into(), Amount(quote.right_deposit).to_string()));
            rows.push((
                "seller's bond".into(),
                format!(
                    "{} an order, {} free",
                    Amount(quote.order_bond),
                    Amount(quote.bond_free)
                ),
            ));
            if let Some(problem) = quote.problem {
                rows.push((
                    "an order now".into(),
                    format!("would be refused: {}", why_not(problem)),
                ));
            }
        }
        output::pairs(&rows)
    });
    Ok(())
}

/// Market time, told as real time.
pub(super) async fn market_clock(state: &State) -> Result<Clock> {
    let (now, _) = view::clock(state).await?;
    let block_ms = crate::commands::constant(state, PALLET, "BlockTimeMs")?;
    Ok(Clock::new(
        now.into(),
        u64::try_from(block_ms).unwrap_or(u64::MAX),
    ))
}

/// `data order`.
pub(super) async fn order(options: &Order, context: &Context) -> Result<()> {
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let Some(order) = view::order(&state, options.order).await? else {
        return Err(Error::NotFound(format!(
            "there is no open order {}: it has ended, or never was",
            options.order
        )));
    };
    let clock = market_clock(&state).await?;
    let right = view::right(&state, order.listing, &order.buyer).await?;
    let until = view::until(&order);
    let next = match order.state {
        _ if order.seal_is_bad => "its seal was proven bad: `athanor data poke` refunds it".into(),
        OrderState::Locked { .. } if clock.now() > until.into() => {
            "the key did not come in time: `athanor data poke` refunds it".into()
        }
        OrderState::Locked { .. } => format!("the key may come for {}", left(&clock, until)),
        OrderState::Revealed { .. } if clock.now() > until.into() => {
            "nobody complained in time: `athanor data poke` settles it".into()
        }
        OrderState::Revealed { .. } => {
            format!("the buyer may complain for {}", left(&clock, until))
        }
    };
    let value = json!({
        "order": order,
        "pending": matches!(right, Some(Right::Pending(id)) if id == order.id),
        "now": clock.now(),
        "next": next,
    });
    context.output.result(&value, || {
        let state = match order.state {
            OrderState::Locked { .. } => "paid for, waits for the key",
            OrderState::Revealed { .. } => "the key was revealed",
        };
        output::pairs(&[
            ("order", order.id.to_string()),
            ("listing", order.listing.to_string()),
            ("state", state.into()),
            ("next", next.clone()),
            ("price", Amount(order.price).to_string()),
            ("fee in it", Amount(order.fee).to_string()),
            ("seller's bond", Amount(order.bond).to_string()),
            ("deposit", Amount(order.right_deposit).to_string()),
            ("seller", order.seller.to_string()),
            ("buyer", order.buyer.to_string()),
            ("seal", hex(&order.seal_id)),
            ("placed in block", order.placed_at.to_string()),
            ("pays into", pool_text(PoolId::Listing(order.listing))),
        ])
    });
    Ok(())
}

fn left(clock: &Clock, until: u32) -> String {
    clock.span(u64::from(until).saturating_sub(clock.now()))
}
