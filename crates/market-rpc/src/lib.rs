//! JSON-RPC of the data market: `market_listings`, `market_listing`, `market_order`,
//! `market_quote`, `market_claimable`.
//!
//! The methods answer from the state after one block: the best, or the one named by `at`.
//! They read and never write; transactions go through `author_submitExtrinsic`, or the
//! `athanor` command line. Shapes are stable and written down in `docs/json-rpc.md`, whose
//! worked example the tests run; see [`json`] for the rules.
//!
//! [`Market`] is generic over [`State`], so that it can be tested without a chain. A node
//! uses [`ClientState`], which asks the runtime's view functions.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod client;
pub mod json;
mod state;

pub use athanor_compute_rpc::RuntimeViewFunction;
pub use client::ClientState;
pub use state::{State, StateError};

use athanor_primitives::market::{ListingId, OrderId};
use json::{Account, Claimable, Holder, Listings, OneListing, OneOrder, OneQuote, PoolId};
use jsonrpsee::{
    core::RpcResult,
    proc_macros::rpc,
    types::{error::INVALID_PARAMS_CODE, ErrorObjectOwned},
};
use sp_core::H256;
use std::sync::Arc;

/// The block named by `at` is not known to this node, or its state is no longer
/// kept.
pub const UNKNOWN_BLOCK: i32 = -32_070;

/// There is no listing of that number, or it was removed.
pub const NO_SUCH_LISTING: i32 = -32_071;

/// There is no open order of that number: it has ended, or never was.
pub const NO_SUCH_ORDER: i32 = -32_072;

/// The runtime could not be asked, or did not answer.
pub const RUNTIME_FAILED: i32 = -32_073;

/// Node and runtime are of different versions.
pub const OTHER_RUNTIME: i32 = -32_074;

/// There is no such pool.
pub const NO_SUCH_POOL: i32 = -32_075;

/// Most listings in one answer.
pub const MAX_LISTINGS: u32 = 64;

/// Listings in one answer when nothing else is said.
const DEFAULT_LISTINGS: u32 = 16;

/// The methods. Parameters may be given by position or by name.
#[rpc(client, server)]
pub trait MarketApi {
    /// Listings by number, at most `limit` (1 to [`MAX_LISTINGS`], 16 if left out), those
    /// behind `cursor`. `next` of the answer is the `cursor` of the next page.
    #[method(name = "market_listings", blocking)]
    fn listings(
        &self,
        cursor: Option<ListingId>,
        limit: Option<u32>,
        at: Option<H256>,
    ) -> RpcResult<Listings>;

    /// A listing with its seller and its pool. Errors: [`NO_SUCH_LISTING`].
    #[method(name = "market_listing", blocking)]
    fn listing(&self, listing: ListingId, at: Option<H256>) -> RpcResult<OneListing>;

    /// An open order. Errors: [`NO_SUCH_ORDER`].
    #[method(name = "market_order", blocking)]
    fn order(&self, order: OrderId, at: Option<H256>) -> RpcResult<OneOrder>;

    /// What an order of a listing would hold, whether the seller has bond for it, and
    /// whether it would be refused, by this `buyer` if one is given. Errors:
    /// [`NO_SUCH_LISTING`].
    #[method(name = "market_quote", blocking)]
    fn quote(
        &self,
        listing: ListingId,
        buyer: Option<Account>,
        at: Option<H256>,
    ) -> RpcResult<OneQuote>;

    /// What a holder may claim from a pool: an account, or a pool that is a parent's.
    /// Zero for who has no share. Errors: [`NO_SUCH_POOL`].
    #[method(name = "market_claimable", blocking)]
    fn claimable(&self, pool: PoolId, account: Holder, at: Option<H256>) -> RpcResult<Claimable>;
}

/// The methods' server side.
pub struct Market<S> {
    state: Arc<S>,
}

impl<S> Market<S> {
    /// Answers from `state`.
    pub fn new(state: Arc<S>) -> Self {
        Self { state }
    }
}

fn error(code: i32, message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(code, message, None::<()>)
}

impl From<StateError> for ErrorObjectOwned {
    fn from(reason: StateError) -> Self {
        let code = match reason {
            StateError::UnknownBlock(_) => UNKNOWN_BLOCK,
            StateError::Runtime(_) => RUNTIME_FAILED,
            StateError::OtherRuntime(_) => OTHER_RUNTIME,
        };
        error(code, reason.to_string())
    }
}

fn no_listing(listing: ListingId) -> ErrorObjectOwned {
    error(
        NO_SUCH_LISTING,
        format!("there is no listing {listing}, or it was removed"),
    )
}

impl<S: State> Market<S> {
    fn at(&self, at: Option<H256>) -> RpcResult<H256> {
        let Some(at) = at else {
            return Ok(self.state.best());
        };
        if self.state.knows(at)? {
            Ok(at)
        } else {
            Err(StateError::UnknownBlock(format!("{at:?}")).into())
        }
    }
}

impl<S: State> MarketApiServer for Market<S> {
    fn listings(
        &self,
        cursor: Option<ListingId>,
        limit: Option<u32>,
        at: Option<H256>,
    ) -> RpcResult<Listings> {
        let limit = limit.unwrap_or(DEFAULT_LISTINGS);
        if !(1..=MAX_LISTINGS).contains(&limit) {
            return Err(error(
                INVALID_PARAMS_CODE,
                format!("limit is 1 to {MAX_LISTINGS}, not {limit}"),
            ));
        }
        let at = self.at(at)?;
        let (listings, next) = self.state.listings(at, cursor, limit)?;
        Ok(Listings {
            at,
            clock: self.state.clock(at)?,
            listings,
            next,
        })
    }

    fn listing(&self, listing: ListingId, at: Option<H256>) -> RpcResult<OneListing> {
        let at = self.at(at)?;
        let found = self
            .state
            .listing(at, listing)?
            .ok_or_else(|| no_listing(listing))?;
        Ok(OneListing {
            at,
            clock: self.state.clock(at)?,
            seller: self.state.seller(at, found.seller.clone())?,
            listing: found,
            pool: self.state.pool(at, PoolId::Listing(listing))?,
        })
    }

    fn order(&self, order: OrderId, at: Option<H256>) -> RpcResult<OneOrder> {
        let at = self.at(at)?;
        let found = self.state.order(at, order)?.ok_or_else(|| {
            error(
                NO_SUCH_ORDER,
                format!("there is no open order {order}: it has ended, or never was"),
            )
        })?;
        Ok(OneOrder {
            at,
            clock: self.state.clock(at)?,
            order: found,
        })
    }

    fn quote(
        &self,
        listing: ListingId,
        buyer: Option<Account>,
        at: Option<H256>,
    ) -> RpcResult<OneQuote> {
        let at = self.at(at)?;
        let quote = self
            .state
            .quote(at, listing, buyer.map(|Account(buyer)| buyer))?
            .ok_or_else(|| no_listing(listing))?;
        Ok(OneQuote {
            at,
            clock: self.state.clock(at)?,
            quote,
        })
    }

    fn claimable(&self, pool: PoolId, account: Holder, at: Option<H256>) -> RpcResult<Claimable> {
        let at = self.at(at)?;
        if self.state.pool(at, pool)?.is_none() {
            return Err(error(NO_SUCH_POOL, "there is no such pool"));
        }
        Ok(Claimable {
            at,
            claimable: self.state.claimable(at, pool, account)?,
        })
    }
}
