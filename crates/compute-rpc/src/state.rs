//! Where the answers come from.

use crate::json::Terms;
use athanor_primitives::{JobId, Question, Ticket};
use codec::{DecodeAll, Encode};
use frame_support::view_functions::{
    runtime_api::RuntimeViewFunction, ViewFunction, ViewFunctionDispatchError, ViewFunctionId,
};
use pallet_compute_jobs::{
    Config, JobView, JobViewFunction, OfferView, OffersViewFunction, QuestionsViewFunction,
    QuoteView, QuoteViewFunction, WorkViewFunction,
};
use sp_api::{ApiError, ProvideRuntimeApi};
use sp_blockchain::{BlockStatus, HeaderBackend};
use sp_core::H256;
use sp_runtime::{traits::Block as BlockT, AccountId32};
use std::{marker::PhantomData, sync::Arc};

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

/// The state after any block, as the view functions of `pallet-compute-jobs` show it.
pub trait State: Send + Sync + 'static {
    /// The best block.
    fn best(&self) -> H256;

    /// Whether `at` is a block of this chain.
    fn knows(&self, at: H256) -> Result<bool, StateError>;

    /// A live job.
    fn job(&self, at: H256, job: JobId) -> Result<Option<JobView<AccountId32>>, StateError>;

    /// All offers.
    fn offers(&self, at: H256) -> Result<Vec<OfferView<AccountId32>>, StateError>;

    /// At most `limit` tickets of a worker key.
    fn work(&self, at: H256, worker: AccountId32, limit: u32) -> Result<Vec<Ticket>, StateError>;

    /// At most `limit` questions that a worker key owes answers to.
    fn questions(
        &self,
        at: H256,
        worker: AccountId32,
        limit: u32,
    ) -> Result<Vec<Question>, StateError>;

    /// A quote.
    fn quote(&self, at: H256, terms: Terms) -> Result<Option<QuoteView>, StateError>;
}

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

/// Asks the runtime a view function.
///
/// # Errors
///
/// A [`StateError`]: the block is gone, or the runtime does not know the question.
pub fn ask<C, B, V>(client: &C, at: B::Hash, question: &V) -> Result<V::ReturnType, StateError>
where
    B: BlockT,
    C: ProvideRuntimeApi<B>,
    C::Api: RuntimeViewFunction<B>,
    V: ViewFunction + Encode,
    V::ReturnType: DecodeAll,
{
    answer(client, at, V::id(), question.encode())
}

fn answer<C, B, R>(
    client: &C,
    at: B::Hash,
    id: ViewFunctionId,
    arguments: Vec<u8>,
) -> Result<R, StateError>
where
    B: BlockT,
    C: ProvideRuntimeApi<B>,
    C::Api: RuntimeViewFunction<B>,
    R: DecodeAll,
{
    let bytes = client
        .runtime_api()
        .execute_view_function(at, id, arguments)
        .map_err(|error| match error {
            ApiError::UnknownBlock(block) => StateError::UnknownBlock(block),
            // The state backend says so only in words.
            other if other.to_string().contains("State already discarded") => {
                StateError::UnknownBlock(format!("{at:?}"))
            }
            other => StateError::Runtime(other.to_string()),
        })?
        .map_err(|error| {
            StateError::OtherRuntime(match error {
                ViewFunctionDispatchError::NotImplemented => {
                    "the runtime has no view functions".into()
                }
                ViewFunctionDispatchError::NotFound(_) => {
                    "the runtime does not know the view function".into()
                }
                ViewFunctionDispatchError::Codec => {
                    "the runtime cannot read the view function's arguments".into()
                }
            })
        })?;
    R::decode_all(&mut &bytes[..])
        .map_err(|error| StateError::OtherRuntime(format!("its answer cannot be read: {error}")))
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

    fn job(&self, at: H256, job: JobId) -> Result<Option<JobView<AccountId32>>, StateError> {
        ask::<_, B, _>(&*self.client, at, &JobViewFunction::<T>::new(job))
    }

    fn offers(&self, at: H256) -> Result<Vec<OfferView<AccountId32>>, StateError> {
        ask::<_, B, _>(&*self.client, at, &OffersViewFunction::<T>::new())
    }

    fn work(&self, at: H256, worker: AccountId32, limit: u32) -> Result<Vec<Ticket>, StateError> {
        ask::<_, B, _>(
            &*self.client,
            at,
            &WorkViewFunction::<T>::new(worker, limit),
        )
    }

    fn questions(
        &self,
        at: H256,
        worker: AccountId32,
        limit: u32,
    ) -> Result<Vec<Question>, StateError> {
        let question = QuestionsViewFunction::<T>::new(worker, limit);
        ask::<_, B, _>(&*self.client, at, &question)
    }

    fn quote(&self, at: H256, terms: Terms) -> Result<Option<QuoteView>, StateError> {
        let question = QuoteViewFunction::<T>::new(terms.into());
        ask::<_, B, _>(&*self.client, at, &question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_runtime::{generic, traits::BlakeTwo256, OpaqueExtrinsic};

    type Block = generic::Block<generic::Header<u32, BlakeTwo256>, OpaqueExtrinsic>;

    /// Answers each view function with what its arguments say.
    #[derive(Clone)]
    struct Api;

    #[derive(Default)]
    struct Client;

    impl ProvideRuntimeApi<Block> for Client {
        type Api = Api;

        fn runtime_api(&self) -> sp_api::ApiRef<'_, Api> {
            Api.into()
        }
    }

    sp_api::mock_impl_runtime_apis! {
        impl RuntimeViewFunction<Block> for Api {
            #[advanced]
            fn execute_view_function(
                _at: H256,
                id: ViewFunctionId,
                input: Vec<u8>,
            ) -> Result<Result<Vec<u8>, ViewFunctionDispatchError>, ApiError> {
                match input.first() {
                    Some(0) => Ok(Ok(input.get(1..).unwrap_or_default().to_vec())),
                    Some(1) => Ok(Err(ViewFunctionDispatchError::NotFound(id))),
                    Some(2) => Ok(Err(ViewFunctionDispatchError::Codec)),
                    Some(3) => Ok(Err(ViewFunctionDispatchError::NotImplemented)),
                    Some(4) => Err(ApiError::UnknownBlock("0x07".into())),
                    Some(5) => Err(ApiError::Application(
                        "State already discarded for 0x07".into(),
                    )),
                    _ => Err(ApiError::Application("trap".into())),
                }
            }
        }
    }

    fn asked(input: Vec<u8>) -> Result<Option<u32>, StateError> {
        let id = ViewFunctionId {
            prefix: [1; 16],
            suffix: [2; 16],
        };
        answer::<_, Block, _>(&Client, H256::zero(), id, input)
    }

    #[test]
    fn answers_are_read_to_their_last_byte() {
        let say = |bytes: &[u8]| asked([&[0], bytes].concat());
        assert_eq!(say(&Some(7u32).encode()), Ok(Some(7)));
        assert_eq!(say(&None::<u32>.encode()), Ok(None));
        for bytes in [&[][..], &[1, 2], &[0, 0], &[7]] {
            assert!(
                matches!(say(bytes), Err(StateError::OtherRuntime(_))),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn refusals_say_whose_fault_they_are() {
        for input in [1, 2, 3] {
            assert!(matches!(
                asked(vec![input]),
                Err(StateError::OtherRuntime(_))
            ));
        }
        for input in [4, 5] {
            assert!(matches!(
                asked(vec![input]),
                Err(StateError::UnknownBlock(_))
            ));
        }
        assert_eq!(asked(vec![6]), Err(StateError::Runtime("trap".into())));
    }
}
