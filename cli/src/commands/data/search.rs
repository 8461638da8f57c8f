//! `athanor data search`: listings by what their cards say.

use super::PALLET;
use crate::{
    amount::{human_bytes, Amount},
    chain::State,
    commands::{field, field_u64, number, Context},
    error::Result,
    keys, output,
};
use athanor_content_store::Client;
use athanor_market_client::{
    card::{self, Card, MAX_CARD},
    path::folded,
};
use clap::Args;
use serde_json::{json, Value};
use std::collections::BTreeMap;

/// Options of `data search`.
#[derive(Args, Clone, Debug)]
pub struct Search {
    /// Words, all of which name, description or keywords must have
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Only of this seller
    #[arg(long, value_name = "ACCOUNT")]
    pub seller: Option<String>,
    /// Only up to this price
    #[arg(long, value_name = "AMOUNT")]
    pub max_price: Option<Amount>,
    /// Only under this licence, by its SPDX expression
    #[arg(long, value_name = "EXPRESSION")]
    pub spdx: Option<String>,
    /// Also what cannot be ordered now
    #[arg(long)]
    pub all: bool,
    /// Most listings to show
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

/// Listings asked for at a time.
const PAGE: u32 = 100;

/// Listings of the same goods, the oldest first.
struct Hit {
    listing: Value,
    card: Option<Card>,
}

async fn card_of(clients: &[Client], listing: &Value) -> Option<Card> {
    let root = field(listing, "card_root").ok()?.as_str()?;
    let root = athanor_primitives::ticket::root_from_hex(root)?;
    for client in clients {
        let Ok(bytes) = client.get(&root, None, MAX_CARD, |_, _| {}).await else {
            continue;
        };
        let card = card::read(&bytes).ok()?;
        // A card of other goods or another seller is none.
        let hash = |key: &str| {
            let text = field(listing, key).ok()?.as_str()?;
            let account = keys::parse_account(text).ok().map(|account| account.0);
            athanor_primitives::ticket::root_from_hex(text).or(account)
        };
        let length = field_u64(listing, "length").ok()?;
        card.check(&hash("seller")?, &hash("x_root")?, length)
            .ok()?;
        return Some(card);
    }
    None
}

fn says(card: Option<&Card>, words: &[String]) -> bool {
    let Some(card) = card else {
        return words.is_empty();
    };
    let text = [&card.name, &card.description]
        .into_iter()
        .chain(&card.keywords);
    let text = folded(&text.map(String::as_str).collect::<Vec<_>>().join("\n"));
    words.iter().all(|word| text.contains(&folded(word)))
}

fn is_open(listing: &Value) -> bool {
    let status = listing.get("status").and_then(Value::as_str);
    let sealed = listing.get("seals").and_then(Value::as_array);
    let frozen = match listing.get("frozen") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(code) => code.as_u64() != Some(0),
    };
    // What is given away needs no seal.
    let free = listing.get("price").and_then(number) == Some(0);
    status.is_some_and(|status| status.eq_ignore_ascii_case("open"))
        && (free || sealed.is_some_and(|seals| !seals.is_empty()))
        && !frozen
}

async fn listings(state: &State) -> Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), None::<u64>);
    loop {
        let page = state.view(PALLET, "listings", (after, PAGE)).await?;
        let Value::Array(page) = page else { break };
        let Some(last) = page.last() else { break };
        let last = field_u64(last, "id")?;
        // A node that goes in circles must not keep us.
        if after.is_some_and(|after| last <= after) {
            break;
        }
        after = Some(last);
        all.extend(page);
    }
    Ok(all)
}

/// Searches.
pub(super) async fn run(options: Search, context: &Context) -> Result<()> {
    let seller = options
        .seller
        .as_deref()
        .map(keys::parse_account)
        .transpose()?;
    let chain = context.chain().await?;
    let found = listings(&chain.best().await?).await?;
    let clients = context.download_clients()?;
    let by_card = !options.words.is_empty() || options.spdx.is_some();
    if clients.is_empty() && by_card {
        return Err(crate::error::Error::Usage(
            "words and licences stand in cards, which stores have: give --store URL".into(),
        ));
    }
    let bar = context.output.steps("reading cards", found.len() as u64);
    let mut missing = 0u64;
    let mut hits: BTreeMap<String, Vec<Hit>> = BTreeMap::new();
    for listing in found {
        bar.step();
        let of_seller = seller.as_ref().is_none_or(|seller| {
            let text = listing.get("seller").and_then(Value::as_str);
            let found = text.and_then(|text| keys::parse_account(text).ok());
            found.is_some_and(|found| found.0 == seller.0)
        });
        let price = field(&listing, "price").ok().and_then(number).unwrap_or(0);
        let cheap = options.max_price.is_none_or(|most| price <= most.0);
        if !of_seller || !cheap || !(options.all || is_open(&listing)) {
            continue;
        }
        let card = card_of(&clients, &listing).await;
        missing += u64::from(card.is_none());
        let licensed = options
            .spdx
            .as_ref()
            .is_none_or(|spdx| card.as_ref().is_some_and(|card| card.spdx == *spdx));
        if licensed && says(card.as_ref(), &options.words) {
            let root = listing.get("x_root").and_then(Value::as_str);
            let root = root.unwrap_or_default().to_owned();
            hits.entry(root).or_default().push(Hit { listing, card });
        }
    }
    drop(bar);
    let mut hits: Vec<Vec<Hit>> = hits.into_values().collect();
    hits.sort_by_key(|same| {
        same.first()
            .and_then(|hit| field_u64(&hit.listing, "id").ok())
    });
    show(&hits, missing, &options, context);
    Ok(())
}

fn show(hits: &[Vec<Hit>], missing: u64, options: &Search, context: &Context) {
    let shown = || hits.iter().flatten().take(options.limit);
    let value: Vec<Value> = shown()
        .map(|hit| {
            let card = hit.card.as_ref().map(
                |card| json!({"name": card.name, "spdx": card.spdx, "keywords": card.keywords}),
            );
            json!({"listing": hit.listing, "card": card})
        })
        .collect();
    context.output.result(&json!({"found": value}), || {
        let rows = shown().map(|hit| {
            let of = |key: &str| hit.listing.get(key).cloned().unwrap_or_default();
            let text = |key: &str| match of(key) {
                Value::String(text) => text,
                Value::Null => String::new(),
                other => other.to_string(),
            };
            let card = hit.card.as_ref();
            let name = card.map_or("(card not found)", |card| card.name.as_str());
            let root = text("x_root");
            vec![
                text("id"),
                name.chars().take(40).collect(),
                human_bytes(of("length").as_u64().unwrap_or(0)),
                Amount(number(&of("price")).unwrap_or(0)).to_string(),
                card.map_or(String::new(), |card| card.spdx.clone()),
                root.chars().take(10).collect(),
            ]
        });
        if hits.is_empty() {
            return "Nothing was found.".into();
        }
        let table = output::table(
            &["Listing", "Name", "Length", "Price", "Licence", "Goods"],
            rows,
        );
        let cards = match missing {
            0 => String::new(),
            count => format!("\n{count} cards could not be fetched from the stores given."),
        };
        format!("{table}\n\nListings of the same goods stand together, the oldest first.{cards}")
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_ordered_is_open() {
        let listing = |status: Value, seals: usize, frozen: Value| json!({"status": status, "seals": vec![0; seals], "frozen": frozen});
        assert!(is_open(&listing(json!("open"), 1, Value::Null)));
        assert!(is_open(&listing(json!("Open"), 1, json!(false))));
        assert!(!is_open(&listing(json!("open"), 0, Value::Null)));
        assert!(!is_open(&listing(json!("closed"), 1, Value::Null)));
        let mut free = listing(json!("open"), 0, Value::Null);
        free["price"] = json!("0");
        assert!(is_open(&free));
        free["price"] = json!("1");
        assert!(!is_open(&free));
        assert!(!is_open(&listing(
            json!({"paused": {"fault": null}}),
            1,
            Value::Null
        )));
        assert!(!is_open(&listing(json!("open"), 1, json!(7))));
    }
}
