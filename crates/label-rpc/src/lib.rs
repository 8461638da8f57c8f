//! JSON-RPC of label bounties: `labels_campaigns`, `labels_next`, `labels_payload`,
//! `labels_submit`, `labels_status`, `labels_results`.
//!
//! Enough to label with `curl` and anything that signs bytes. All but `labels_submit`
//! answer from the state after one block: the best, or the one named by `at`.
//! `labels_submit` wraps a call that its own signature authorises into a transaction,
//! which needs no account of its own and no fee. Shapes are stable and written down in
//! `docs/json-rpc.md`, whose worked example the tests run; see [`json`] for the rules.
//!
//! [`Labels`] is generic over [`State`], so that it can be tested without a chain. A node
//! uses [`ClientState`], which asks the runtime's view functions and knows the pool.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod client;
pub mod json;
mod state;

pub use athanor_compute_rpc::RuntimeViewFunction;
pub use client::ClientState;
pub use state::{Batch, State, StateError, SubmitError};

use athanor_label_math::pack;
use athanor_primitives::labels::{
    answer_commitment, commit_text, BatchId, CampaignId, PageIndex, Refusal,
};
use json::{
    Account, Answers, Bytes, Call, Campaigns, Hash, Lease, Next, Payload, Results, Signature, Slot,
    Status, Submitted,
};
use jsonrpsee::{
    core::{async_trait, RpcResult},
    proc_macros::rpc,
    types::{error::INVALID_PARAMS_CODE, ErrorObjectOwned},
};
use sp_core::H256;
use std::sync::Arc;

/// The block named by `at` is not known to this node, or its state is no longer
/// kept.
pub const UNKNOWN_BLOCK: i32 = -32_050;

/// There is no batch of that number, or it was pruned.
pub const NO_SUCH_BATCH: i32 = -32_051;

/// The answers are none of the batch's type.
pub const BAD_ANSWERS: i32 = -32_052;

/// The runtime could not be asked, or did not answer.
pub const RUNTIME_FAILED: i32 = -32_053;

/// Node and runtime are of different versions.
pub const OTHER_RUNTIME: i32 = -32_054;

/// The call was refused; `data` has the [`Refusal`], if there is one.
pub const REFUSED: i32 = -32_055;

/// The pool has this call already, or one for the same page of the same worker.
pub const ALREADY_PENDING: i32 = -32_056;

/// The pool does not take the transaction for another reason; it may later.
pub const POOL_FAILED: i32 = -32_057;

/// Most campaigns in one answer.
pub const MAX_CAMPAIGNS: u32 = 64;

/// Campaigns in one answer when nothing else is said.
const DEFAULT_CAMPAIGNS: u32 = 16;

/// The methods. Parameters may be given by position or by name.
#[rpc(client, server)]
pub trait LabelsApi {
    /// Campaigns with open batches by number, at most `limit` (1 to [`MAX_CAMPAIGNS`], 16
    /// if left out), those behind `after`.
    #[method(name = "labels_campaigns", blocking)]
    fn campaigns(
        &self,
        after: Option<CampaignId>,
        limit: Option<u32>,
        at: Option<H256>,
    ) -> RpcResult<Campaigns>;

    /// The pages an account is to answer now.
    #[method(name = "labels_next", blocking)]
    fn next(&self, account: Account, at: Option<H256>) -> RpcResult<Next>;

    /// Sheet, hash and text of a commit. A convenience: whoever would rather not tell this
    /// node what he answers before he commits makes them himself. Errors:
    /// [`NO_SUCH_BATCH`], [`BAD_ANSWERS`].
    #[method(name = "labels_payload", blocking)]
    fn payload(
        &self,
        batch: BatchId,
        page: PageIndex,
        answers: Answers,
        salt: Hash,
        account: Account,
        sealed: Option<Bytes>,
        at: Option<H256>,
    ) -> RpcResult<Payload>;

    /// Gives a call to the pool. `signature` is the account's of the call's text; none for
    /// `reveal`. Errors: [`REFUSED`], [`ALREADY_PENDING`], [`POOL_FAILED`].
    #[method(name = "labels_submit")]
    async fn submit(&self, call: Call, signature: Option<Signature>) -> RpcResult<Submitted>;

    /// An account's part in the batches the chain still keeps.
    #[method(name = "labels_status", blocking)]
    fn status(&self, account: Account, at: Option<H256>) -> RpcResult<Status>;

    /// What a batch came to, and, while it is kept, the labels of one page. Errors:
    /// [`NO_SUCH_BATCH`].
    #[method(name = "labels_results", blocking)]
    fn results(
        &self,
        batch: BatchId,
        page: Option<PageIndex>,
        at: Option<H256>,
    ) -> RpcResult<Results>;
}

/// The methods' server side.
pub struct Labels<S> {
    state: Arc<S>,
}

impl<S> Labels<S> {
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

impl From<SubmitError> for ErrorObjectOwned {
    fn from(reason: SubmitError) -> Self {
        match reason {
            SubmitError::Refused(Some(refusal)) => {
                Self::owned(REFUSED, reason.to_string(), Some(refusal))
            }
            SubmitError::Refused(None) => error(REFUSED, reason.to_string()),
            SubmitError::Pending => error(ALREADY_PENDING, reason.to_string()),
            SubmitError::Call(_) => error(INVALID_PARAMS_CODE, reason.to_string()),
            SubmitError::Pool(_) => error(POOL_FAILED, reason.to_string()),
        }
    }
}

impl<S: State> Labels<S> {
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

    fn batch(&self, at: H256, batch: BatchId) -> RpcResult<Batch> {
        self.state.batch(at, batch)?.ok_or_else(|| {
            error(
                NO_SUCH_BATCH,
                format!("there is no batch {batch}, or it was pruned"),
            )
        })
    }
}

#[async_trait]
impl<S: State> LabelsApiServer for Labels<S> {
    fn campaigns(
        &self,
        after: Option<CampaignId>,
        limit: Option<u32>,
        at: Option<H256>,
    ) -> RpcResult<Campaigns> {
        let limit = limit.unwrap_or(DEFAULT_CAMPAIGNS);
        if !(1..=MAX_CAMPAIGNS).contains(&limit) {
            return Err(error(
                INVALID_PARAMS_CODE,
                format!("limit is 1 to {MAX_CAMPAIGNS}, not {limit}"),
            ));
        }
        let at = self.at(at)?;
        let (mut campaigns, next) = self.state.campaigns(at, after, limit)?;
        campaigns.truncate(limit as usize);
        Ok(Campaigns {
            at,
            clock: self.state.clock(at)?,
            campaigns,
            next,
        })
    }

    fn next(&self, account: Account, at: Option<H256>) -> RpcResult<Next> {
        let at = self.at(at)?;
        let clock = self.state.clock(at)?;
        let (_, works) = self.state.worker(at, account.0.clone())?;
        let mut leases = Vec::new();
        let mut waiting = Vec::new();
        for work in works {
            if work.requested {
                waiting.push(work.batch);
            }
            let live: Vec<(PageIndex, u32)> = work
                .pages
                .iter()
                .filter_map(|page| match page.slot {
                    Slot::Leased { until } if until > clock.now => Some((page.page, until)),
                    _ => None,
                })
                .collect();
            if live.is_empty() {
                continue;
            }
            let batch = self.batch(at, work.batch)?;
            leases.extend(live.into_iter().map(|(page, until)| Lease {
                batch: work.batch,
                campaign: work.campaign,
                page,
                until,
                seconds: u64::from(until.saturating_sub(clock.now)).saturating_mul(clock.tick_ms)
                    / 1_000,
                label: batch.terms.label,
                tasks: batch.terms.tasks,
                page_pay: json::Amount(batch.terms.page_pay()),
                private: batch.terms.private,
                pages: batch.pages,
                pages_root: Hash(batch.pages_root),
                index_root: Hash(batch.index_root),
                guideline: Hash(batch.terms.guideline),
                seal_key: batch.terms.seal_key.map(Hash),
                gateway: batch.gateway.clone(),
            }));
        }
        leases.sort_by_key(|lease| (lease.until, lease.batch, lease.page));
        Ok(Next {
            at,
            genesis: self.state.genesis(),
            clock,
            account,
            leases,
            waiting,
        })
    }

    fn payload(
        &self,
        batch: BatchId,
        page: PageIndex,
        answers: Answers,
        salt: Hash,
        account: Account,
        sealed: Option<Bytes>,
        at: Option<H256>,
    ) -> RpcResult<Payload> {
        let at = self.at(at)?;
        let found = self.batch(at, batch)?;
        let bad = |reason: String| error(BAD_ANSWERS, reason);
        if page >= found.pages {
            return Err(bad(Refusal::NoSuchPage.explanation().into()));
        }
        let answers = answers
            .read(&found.terms.label, found.terms.tasks)
            .map_err(bad)?;
        let sheet = pack(&found.terms.label, &answers).map_err(|reason| bad(reason.to_string()))?;
        let genesis = self.state.genesis().0;
        let worker: [u8; 32] = account.0.into();
        let hash = answer_commitment(&genesis, batch, page, &worker, &sheet, &salt.0);
        let sealed = sealed.as_ref().map(|sealed| sealed.0.as_slice());
        let bytes = commit_text(&genesis, batch, page, &worker, &hash, sealed);
        Ok(Payload {
            sheet: Bytes(sheet),
            answers: Hash(hash),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes: Bytes(bytes),
        })
    }

    async fn submit(&self, call: Call, signature: Option<Signature>) -> RpcResult<Submitted> {
        match (&call, &signature) {
            (Call::Reveal { .. }, Some(_)) => {
                return Err(error(
                    INVALID_PARAMS_CODE,
                    "a reveal has no signature: leave it out",
                ))
            }
            (Call::Reveal { .. }, None) | (_, Some(_)) => {}
            (_, None) => {
                return Err(error(
                    INVALID_PARAMS_CODE,
                    "the account's signature of the call's text is missing",
                ))
            }
        }
        let transaction = self.state.submit(call, signature).await?;
        Ok(Submitted { transaction })
    }

    fn status(&self, account: Account, at: Option<H256>) -> RpcResult<Status> {
        let at = self.at(at)?;
        let (credit, batches) = self.state.worker(at, account.0.clone())?;
        Ok(Status {
            at,
            clock: self.state.clock(at)?,
            account,
            credit,
            batches,
        })
    }

    fn results(
        &self,
        batch: BatchId,
        page: Option<PageIndex>,
        at: Option<H256>,
    ) -> RpcResult<Results> {
        let at = self.at(at)?;
        let found = self.state.batch(at, batch)?;
        let result = self.state.result(at, batch)?;
        if found.is_none() && result.is_none() {
            return Err(error(
                NO_SUCH_BATCH,
                format!("there is no batch {batch}, and never was"),
            ));
        }
        let labels = match (page, &found) {
            (Some(page), Some(found)) if page >= found.pages => {
                return Err(error(
                    INVALID_PARAMS_CODE,
                    format!("the batch has {} pages", found.pages),
                ))
            }
            (Some(page), Some(_)) => self.state.consensus(at, batch, page)?,
            _ => None,
        };
        Ok(Results {
            at,
            clock: self.state.clock(at)?,
            batch,
            state: found.as_ref().map(|found| found.state),
            deadline: found.as_ref().map(|found| found.deadline),
            result,
            labels,
        })
    }
}
