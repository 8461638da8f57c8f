//! Where the answers come from, and where calls go.

use crate::json::{Amount, Call, Campaign, Clock, Consensus, Outcomes, Signature, Work};
use athanor_primitives::{
    labels::{BatchId, BatchState, CampaignId, CampaignTerms, PageIndex, Refusal, Ticks},
    Root,
};
use sp_core::H256;
use sp_runtime::AccountId32;
use std::future::Future;

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

/// Why a call is not in the pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The chain would refuse it, for a reason that has a name or not.
    #[error("refused: {}", explain(*.0))]
    Refused(Option<Refusal>),
    /// The pool has it, or another one for the same thing.
    #[error("such a call is waiting already; look again after the next block")]
    Pending,
    /// The call itself is malformed.
    #[error("{0}")]
    Call(String),
    /// The pool does not take it now.
    #[error("the transaction pool does not take it: {0}")]
    Pool(String),
}

fn explain(refusal: Option<Refusal>) -> &'static str {
    refusal.map_or(
        "the call is not valid now: its text, signature or time is another",
        Refusal::explanation,
    )
}

/// A batch, as far as labelling needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its campaign.
    pub campaign: CampaignId,
    /// The campaign's terms.
    pub terms: CampaignTerms,
    /// Its state.
    pub state: BatchState,
    /// Tick at which the state ends at the latest.
    pub deadline: Ticks,
    /// Its pages.
    pub pages: u32,
    /// Root of the tree over the pages' leaves.
    pub pages_root: Root,
    /// Root of its index.
    pub index_root: Root,
    /// URL of the requester's service.
    pub gateway: Option<String>,
}

/// The state after any block, and the pool.
pub trait State: Send + Sync + 'static {
    /// The best block.
    fn best(&self) -> H256;

    /// The first block.
    fn genesis(&self) -> H256;

    /// Whether `at` is a block of this chain.
    fn knows(&self, at: H256) -> Result<bool, StateError>;

    /// The clock.
    fn clock(&self, at: H256) -> Result<Clock, StateError>;

    /// At most `limit` campaigns with open batches behind `after`, by number; and the
    /// `after` of the next ones, if there may be some.
    fn campaigns(
        &self,
        at: H256,
        after: Option<CampaignId>,
        limit: u32,
    ) -> Result<(Vec<Campaign>, Option<CampaignId>), StateError>;

    /// An account's credit, and its part in the batches that are kept.
    fn worker(&self, at: H256, account: AccountId32) -> Result<(Amount, Vec<Work>), StateError>;

    /// A batch that is kept.
    fn batch(&self, at: H256, batch: BatchId) -> Result<Option<Batch>, StateError>;

    /// What a batch came to.
    fn result(&self, at: H256, batch: BatchId) -> Result<Option<Outcomes>, StateError>;

    /// The labels of a page, once they are known and as long as it is kept.
    fn consensus(
        &self,
        at: H256,
        batch: BatchId,
        page: PageIndex,
    ) -> Result<Option<Vec<Consensus>>, StateError>;

    /// Gives a call to the pool, and its transaction's hash back.
    fn submit(
        &self,
        call: Call,
        signature: Option<Signature>,
    ) -> impl Future<Output = Result<H256, SubmitError>> + Send;
}
