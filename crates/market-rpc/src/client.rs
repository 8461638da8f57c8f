//! The state a node's client has.

use crate::{
    json::{Amount, Clock, Holder, Listing, Order, Pool, PoolId, Quote, Seller},
    state::{State, StateError},
};
use athanor_compute_rpc::{ask, RuntimeViewFunction};
use athanor_primitives::market::{ListingId, OrderId};
use pallet_data_market::{
    ClaimableViewFunction, ClockViewFunction, Config, ListingViewFunction, ListingsViewFunction,
    OrderOfViewFunction, PoolViewFunction, QuoteViewFunction, SellerViewFunction,
};
use sp_api::ProvideRuntimeApi;
use sp_blockchain::{BlockStatus, HeaderBackend};
use sp_core::H256;
use sp_runtime::{traits::Block as BlockT, AccountId32};
use std::{marker::PhantomData, sync::Arc};

/// The state a node's client has, asked through the view functions of runtime `T`.
pub struct ClientState<C, B, T> {
    client: Arc<C>,
    of: PhantomData<fn() -> (B, T)>,
}

impl<C, B, T> ClientState<C, B, T> {
    /// Answers from what `client` knows.
    pub fn new(client: Arc<C>) -> Self {
        Self {
            client,
            of: PhantomData,
        }
    }
}

impl<C, B, T> State for ClientState<C, B, T>
where
    B: BlockT<Hash = H256>,
    C: ProvideRuntimeApi<B> + HeaderBackend<B> + Send + Sync + 'static,
    C::Api: RuntimeViewFunction<B>,
    T: Config + frame_system::Config<AccountId = AccountId32> + 'static,
{
    fn best(&self) -> H256 {
        self.client.info().best_hash
    }

    fn knows(&self, at: H256) -> Result<bool, StateError> {
        self.client
            .status(at)
            .map(|status| status == BlockStatus::InChain)
            .map_err(|error| StateError::Runtime(error.to_string()))
    }

    fn clock(&self, at: H256) -> Result<Clock, StateError> {
        let (now, block) = ask::<_, B, _>(&*self.client, at, &ClockViewFunction::<T>::new())?;
        Ok(Clock { now, block })
    }

    fn listings(
        &self,
        at: H256,
        after: Option<ListingId>,
        limit: u32,
    ) -> Result<(Vec<Listing>, Option<ListingId>), StateError> {
        // One more than asked for says whether there are more.
        let question = ListingsViewFunction::<T>::new(after, limit.saturating_add(1));
        let mut listings = ask::<_, B, _>(&*self.client, at, &question)?;
        let more = listings.len() > limit as usize;
        listings.truncate(limit as usize);
        let next = listings.last().filter(|_| more).map(|listing| listing.id);
        Ok((listings, next))
    }

    fn listing(&self, at: H256, listing: ListingId) -> Result<Option<Listing>, StateError> {
        let question = ListingViewFunction::<T>::new(listing);
        Ok(ask::<_, B, _>(&*self.client, at, &question)?)
    }

    fn seller(&self, at: H256, account: AccountId32) -> Result<Option<Seller>, StateError> {
        let question = SellerViewFunction::<T>::new(account);
        let found = ask::<_, B, _>(&*self.client, at, &question)?;
        Ok(found.map(Seller::from))
    }

    fn order(&self, at: H256, order: OrderId) -> Result<Option<Order>, StateError> {
        let question = OrderOfViewFunction::<T>::new(order);
        Ok(ask::<_, B, _>(&*self.client, at, &question)?)
    }

    fn quote(
        &self,
        at: H256,
        listing: ListingId,
        buyer: Option<AccountId32>,
    ) -> Result<Option<Quote>, StateError> {
        let question = QuoteViewFunction::<T>::new(listing, buyer);
        Ok(ask::<_, B, _>(&*self.client, at, &question)?)
    }

    fn pool(&self, at: H256, pool: PoolId) -> Result<Option<Pool>, StateError> {
        let question = PoolViewFunction::<T>::new(pool);
        Ok(ask::<_, B, _>(&*self.client, at, &question)?)
    }

    fn claimable(&self, at: H256, pool: PoolId, holder: Holder) -> Result<Amount, StateError> {
        let question = ClaimableViewFunction::<T>::new(pool, holder.into());
        Ok(Amount(ask::<_, B, _>(&*self.client, at, &question)?))
    }
}
