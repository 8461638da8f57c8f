//! Where the answers come from.

use crate::json::{Amount, Clock, Holder, Listing, Order, Pool, PoolId, Quote, Seller};
use athanor_primitives::market::{ListingId, OrderId};
use sp_core::H256;
use sp_runtime::AccountId32;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The block is not known, or its state is no longer kept.
    #[error("block {0} is not known to this node, or its state is no longer kept")]
    UnknownBlock(String),
    /// The runtime could not be asked.
    #[error("the runtime could not be asked: {0}")]
    Runtime(String),
    /// The runtime has no such question, or another shape of answer.
    #[error("node and runtime are of different versions: {0}")]
    OtherRuntime(String),
}

impl From<athanor_compute_rpc::StateError> for StateError {
    fn from(error: athanor_compute_rpc::StateError) -> Self {
        use athanor_compute_rpc::StateError as Other;
        match error {
            Other::UnknownBlock(block) => Self::UnknownBlock(block),
            Other::OtherRuntime(reason) => Self::OtherRuntime(reason),
            other => Self::Runtime(other.to_string()),
        }
    }
}

/// The state after any block.
pub trait State: Send + Sync + 'static {
    /// The best block.
    fn best(&self) -> H256;

    /// Whether `at` is a block of this chain.
    fn knows(&self, at: H256) -> Result<bool, StateError>;

    /// The clock.
    fn clock(&self, at: H256) -> Result<Clock, StateError>;

    /// At most `limit` listings behind `after`, by number; and the `after` of the next ones, if
    /// there are some.
    fn listings(
        &self,
        at: H256,
        after: Option<ListingId>,
        limit: u32,
    ) -> Result<(Vec<Listing>, Option<ListingId>), StateError>;

    /// A listing.
    fn listing(&self, at: H256, listing: ListingId) -> Result<Option<Listing>, StateError>;

    /// A seller.
    fn seller(&self, at: H256, account: AccountId32) -> Result<Option<Seller>, StateError>;

    /// An open order.
    fn order(&self, at: H256, order: OrderId) -> Result<Option<Order>, StateError>;

    /// What an order of a listing would hold, and whether it would be taken.
    fn quote(
        &self,
        at: H256,
        listing: ListingId,
        buyer: Option<AccountId32>,
    ) -> Result<Option<Quote>, StateError>;

    /// A pool.
    fn pool(&self, at: H256, pool: PoolId) -> Result<Option<Pool>, StateError>;

    /// What a holder may claim from a pool now.
    fn claimable(&self, at: H256, pool: PoolId, holder: Holder) -> Result<Amount, StateError>;
}
