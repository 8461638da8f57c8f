//! JSON-RPC of the job escrow: `compute_quote`, `compute_job`, `compute_offers`,
//! `compute_work`.
//!
//! The methods answer from the state after one block: the best, or the one named
//! by `at`. They read and never write. Shapes are stable and written down in
//! `docs/json-rpc.md`, whose examples the tests run; see [`json`] for the rules.
//!
//! [`Compute`] is generic over [`State`], so that it can be tested without a
//! chain. A node uses [`ClientState`], which asks the runtime's view functions.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

pub mod json;
mod state;

pub use frame_support::view_functions::runtime_api::RuntimeViewFunction;
pub use state::{ask, ClientState, State, StateError};

use athanor_primitives::JobId;
use json::{Account, Job, Offers, Quote, Terms, Work};
use jsonrpsee::{
    core::RpcResult,
    proc_macros::rpc,
    types::{error::INVALID_PARAMS_CODE, ErrorObjectOwned},
};
use sp_core::H256;
use std::sync::Arc;

/// The block named by `at` is not known to this node, or its state is no longer
/// kept.
pub const UNKNOWN_BLOCK: i32 = -32_030;

/// There is no live job of that number: it has ended, or never was.
pub const NO_SUCH_JOB: i32 = -32_031;

/// `create_job` would refuse the model, batch, policy, wait or amounts.
pub const NOT_QUOTED: i32 = -32_032;

/// The runtime could not be asked, or did not answer.
pub const RUNTIME_FAILED: i32 = -32_033;

/// The runtime has no such question, or answers it in another shape: node and
/// runtime are of different versions.
pub const OTHER_RUNTIME: i32 = -32_034;

/// Most offers in one answer; the chain has no more by default.
pub const MAX_OFFERS: u32 = 256;

/// Most tickets in one answer, and most questions: a worker key has no more
/// assignments.
pub const MAX_WORK: u32 = 64;

/// Offers in one answer when nothing else is said.
const DEFAULT_OFFERS: u32 = 64;

/// Tickets in one answer when nothing else is said.
const DEFAULT_WORK: u32 = 16;

/// The methods. Parameters may be given by position or by name.
#[rpc(client, server)]
pub trait ComputeApi {
    /// What a job on these terms would hold, and what the offers that take it ask
    /// for. Errors: [`NOT_QUOTED`], [`UNKNOWN_BLOCK`].
    #[method(name = "compute_quote", blocking)]
    fn quote(&self, terms: Terms, at: Option<H256>) -> RpcResult<Quote>;

    /// A live job. Errors: [`NO_SUCH_JOB`], [`UNKNOWN_BLOCK`].
    #[method(name = "compute_job", blocking)]
    fn job(&self, job: JobId, at: Option<H256>) -> RpcResult<Job>;

    /// Offers by account, at most `limit` (1 to [`MAX_OFFERS`], 64 if left out), those
    /// behind `after`. `next` of the answer is the `after` of the next page.
    #[method(name = "compute_offers", blocking)]
    fn offers(
        &self,
        after: Option<Account>,
        limit: Option<u32>,
        at: Option<H256>,
    ) -> RpcResult<Offers>;

    /// What a worker key owes now, the most urgent first: at most `limit` tickets and
    /// as many questions (1 to [`MAX_WORK`], 16 if left out).
    #[method(name = "compute_work", blocking)]
    fn work(&self, worker: Account, limit: Option<u32>, at: Option<H256>) -> RpcResult<Work>;
}

/// The methods' server side.
pub struct Compute<S> {
    state: Arc<S>,
}

impl<S> Compute<S> {
    /// Answers from `state`.
    pub fn new(state: Arc<S>) -> Self {
        Self { state }
    }
}

impl<S: State> Compute<S> {
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

impl From<StateError> for ErrorObjectOwned {
    fn from(error: StateError) -> Self {
        let code = match error {
            StateError::UnknownBlock(_) => UNKNOWN_BLOCK,
            StateError::Runtime(_) => RUNTIME_FAILED,
            StateError::OtherRuntime(_) => OTHER_RUNTIME,
        };
        Self::owned(code, error.to_string(), None::<()>)
    }
}

fn limit(given: Option<u32>, default: u32, most: u32) -> RpcResult<usize> {
    match given.unwrap_or(default) {
        limit if (1..=most).contains(&limit) => Ok(limit as usize),
        limit => Err(ErrorObjectOwned::owned(
            INVALID_PARAMS_CODE,
            format!("limit is 1 to {most}, not {limit}"),
            None::<()>,
        )),
    }
}

impl<S: State> ComputeApiServer for Compute<S> {
    fn quote(&self, terms: Terms, at: Option<H256>) -> RpcResult<Quote> {
        let at = self.at(at)?;
        let view = self.state.quote(at, terms)?.ok_or_else(|| {
            ErrorObjectOwned::owned(
                NOT_QUOTED,
                "such a job would be refused: the model is unknown or retired, its program takes \
                 no such batch, the policy is not offered, the wait is too short or too long, or \
                 the amounts are more than can exist",
                None::<()>,
            )
        })?;
        Ok(Quote::new(at, view))
    }

    fn job(&self, job: JobId, at: Option<H256>) -> RpcResult<Job> {
        let at = self.at(at)?;
        let view = self.state.job(at, job)?.ok_or_else(|| {
            ErrorObjectOwned::owned(
                NO_SUCH_JOB,
                format!(
                    "there is no live job {job}: it has ended or never was; its last events, or \
                     the receipt it kept, tell which"
                ),
                None::<()>,
            )
        })?;
        Ok(Job::new(at, view))
    }

    fn offers(
        &self,
        after: Option<Account>,
        count: Option<u32>,
        at: Option<H256>,
    ) -> RpcResult<Offers> {
        let count = limit(count, DEFAULT_OFFERS, MAX_OFFERS)?;
        let at = self.at(at)?;
        Ok(Offers::page(at, self.state.offers(at)?, after, count))
    }

    fn work(&self, worker: Account, count: Option<u32>, at: Option<H256>) -> RpcResult<Work> {
        let count = limit(count, DEFAULT_WORK, MAX_WORK)?;
        let at = self.at(at)?;
        let mut tickets = self.state.work(at, worker.0.clone(), count as u32)?;
        tickets.truncate(count);
        let mut questions = self.state.questions(at, worker.0, count as u32)?;
        questions.truncate(count);
        Ok(Work {
            at,
            tickets,
            questions,
        })
    }
}
