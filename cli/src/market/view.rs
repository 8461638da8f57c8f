//! What the chain's view functions answer, as the types they are.

use super::PALLET;
use crate::{
    chain::{Chain, State},
    commands::{constant, number},
    error::{Error, Result},
};
use athanor_content_tree::market::{Context, Sale, Wrapped};
use athanor_primitives::{
    market::{
        Beneficiary, ListingView, OrderState, OrderView, PoolId, PoolView, Quote, Right, SellerView,
    },
    ticket::bytes_from_hex,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use subxt::utils::AccountId32;

/// A listing as this client has it.
pub type Listing = ListingView<AccountId32>;
/// An order as this client has it.
pub type Order = OrderView<AccountId32>;
/// A seller as this client has it.
pub type Seller = SellerView<AccountId32>;

/// Entries that are asked for at a time.
const PAGE: u32 = 64;

/// Most pages that are asked for.
const MOST_PAGES: usize = 1_024;

fn read<T: DeserializeOwned>(what: &str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| Error::protocol(what, error))
}

fn optional<T: DeserializeOwned>(what: &str, value: Value) -> Result<Option<T>> {
    match value {
        Value::Null => Ok(None),
        value => read(what, value).map(Some),
    }
}

/// Market time and block number of the state.
pub async fn clock(state: &State) -> Result<(u32, u32)> {
    read("the market's clock", state.view(PALLET, "clock", ()).await?)
}

/// A listing.
pub async fn listing(state: &State, id: u64) -> Result<Option<Listing>> {
    optional("a listing", state.view(PALLET, "listing", (id,)).await?)
}

/// A listing that has to be there.
pub async fn known_listing(state: &State, id: u64) -> Result<Listing> {
    listing(state, id).await?.ok_or_else(|| {
        Error::NotFound(format!(
            "there is no listing {id}: `athanor data listings` shows those there are"
        ))
    })
}

/// Listings after one, in the order they were made; at most `limit` and what the chain gives.
pub async fn listings(state: &State, after: Option<u64>, limit: u32) -> Result<Vec<Listing>> {
    read(
        "listings",
        state.view(PALLET, "listings", (after, limit)).await?,
    )
}

/// All listings that satisfy `wanted`.
pub async fn all_listings(
    state: &State,
    mut wanted: impl FnMut(&Listing) -> bool,
) -> Result<Vec<Listing>> {
    let mut found = Vec::new();
    let mut after = None;
    for _ in 0..MOST_PAGES {
        let page = listings(state, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        found.extend(page.into_iter().filter(|listing| wanted(listing)));
    }
    Ok(found)
}

/// An order that has not ended.
pub async fn order(state: &State, id: u64) -> Result<Option<Order>> {
    optional("an order", state.view(PALLET, "order_of", (id,)).await?)
}

/// All open orders of a seller.
pub async fn open_orders(state: &State, seller: &AccountId32) -> Result<Vec<Order>> {
    let mut found: Vec<Order> = Vec::new();
    for _ in 0..MOST_PAGES {
        let after = found.last().map(|order| order.id);
        let answer = state
            .view(PALLET, "open_orders", (*seller, after, PAGE))
            .await?;
        let page: Vec<Order> = read("open orders", answer)?;
        // An answer that does not go on would be asked for without end.
        if page.first().is_none_or(|first| Some(first.id) <= after) {
            break;
        }
        found.extend(page);
    }
    Ok(found)
}

/// What an account has of a listing.
pub async fn right(state: &State, listing: u64, buyer: &AccountId32) -> Result<Option<Right>> {
    let answer = state.view(PALLET, "right", (listing, *buyer)).await?;
    optional("a right", answer)
}

/// What an order would cost.
pub async fn quote(
    state: &State,
    listing: u64,
    buyer: Option<&AccountId32>,
) -> Result<Option<Quote>> {
    let answer = state
        .view(PALLET, "quote", (listing, buyer.copied()))
        .await?;
    optional("a quote", answer)
}

/// A seller.
pub async fn seller(state: &State, account: &AccountId32) -> Result<Option<Seller>> {
    let mut answer = state.view(PALLET, "seller", (*account,)).await?;
    if let Some(endpoint) = answer.get_mut("endpoint") {
        let bytes = endpoint
            .as_str()
            .and_then(|hex| bytes_from_hex(hex, 1_024))
            .ok_or_else(|| Error::protocol("a seller", "its endpoint is no hex"))?;
        *endpoint = Value::Array(bytes.into_iter().map(Value::from).collect());
    }
    optional("a seller", answer)
}

/// A seller's endpoint, if it is text that a terminal can show.
pub fn endpoint(seller: &Seller) -> Option<String> {
    let text = String::from_utf8(seller.endpoint.clone()).ok()?;
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    plain.then_some(text)
}

/// A pool.
pub async fn pool(state: &State, pool: PoolId) -> Result<Option<PoolView<AccountId32>>> {
    let answer = state
        .view(PALLET, "pool", (super::wire::ChainPool::from(pool),))
        .await?;
    optional("a pool", answer)
}

/// What a beneficiary can claim from a pool.
pub async fn claimable(
    state: &State,
    pool: PoolId,
    beneficiary: &Beneficiary<AccountId32>,
) -> Result<u128> {
    let arguments = (
        super::wire::ChainPool::from(pool),
        super::wire::ChainBeneficiary::from(beneficiary),
    );
    let answer = state.view(PALLET, "claimable", arguments).await?;
    number(&answer).ok_or_else(|| Error::protocol("what can be claimed", "it is no amount"))
}

/// A constant of the pallet that counts blocks.
pub fn blocks(state: &State, name: &str) -> Result<u32> {
    Ok(u32::try_from(constant(state, PALLET, name)?).unwrap_or(u32::MAX))
}

/// The context of an order's seal.
pub fn context(chain: &Chain, order: &Order) -> Context {
    Context::new(
        &chain.genesis().0,
        &order.seller.0,
        &order.x_root,
        order.length,
        &order.nonce,
    )
}

/// All that the chain's judge knows of an order whose key was revealed; `None` if it was not.
pub fn sale(context: Context, order: &Order) -> Option<Sale> {
    let OrderState::Revealed {
        seller_key,
        wrapped,
        ..
    } = order.state
    else {
        return None;
    };
    Some(Sale {
        context,
        order: order.id,
        len: order.length,
        x_root: order.x_root,
        z_root: order.z_root,
        commitment: order.h_k,
        buyer: order.buyer_key,
        wrapped: Wrapped {
            public: seller_key,
            key: wrapped,
        },
    })
}

/// Last market time of an order's running window.
pub fn until(order: &Order) -> u32 {
    match order.state {
        OrderState::Locked { until } | OrderState::Revealed { until, .. } => until,
    }
}
