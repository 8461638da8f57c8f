//! JSON-RPC methods beside those every Substrate node has.

use athanor_compute_rpc::RuntimeViewFunction;
use athanor_runtime::{opaque::Block, AccountId, Balance, Nonce, Runtime};
use jsonrpsee::RpcModule;
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_babe_rpc::{Babe, BabeApiServer};
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sc_transaction_pool_api::TransactionPool;
use sp_api::ProvideRuntimeApi;
use sp_block_builder::BlockBuilder;
use sp_blockchain::{Error as BlockChainError, HeaderBackend, HeaderMetadata};
use sp_consensus::SelectChain;
use sp_consensus_babe::BabeApi;
use sp_keystore::KeystorePtr;
use std::sync::Arc;

/// What the BABE methods need.
pub(crate) struct BabeDeps {
    pub(crate) worker: BabeWorkerHandle<Block>,
    pub(crate) keystore: KeystorePtr,
}

/// What the GRANDPA methods need.
pub(crate) struct GrandpaDeps<B> {
    pub(crate) voter_state: SharedVoterState,
    pub(crate) authority_set: SharedAuthoritySet<athanor_runtime::Hash, u32>,
    pub(crate) justifications: GrandpaJustificationStream<Block>,
    pub(crate) executor: SubscriptionTaskExecutor,
    pub(crate) finality: Arc<FinalityProofProvider<B, Block>>,
}

/// What the methods need.
pub(crate) struct FullDeps<C, P, SC, B> {
    pub(crate) client: Arc<C>,
    pub(crate) pool: Arc<P>,
    pub(crate) select_chain: SC,
    pub(crate) chain_spec: Box<dyn sc_chain_spec::ChainSpec>,
    pub(crate) babe: BabeDeps,
    pub(crate) grandpa: GrandpaDeps<B>,
}

/// All methods of this node.
pub(crate) fn create_full<C, P, SC, B>(
    deps: FullDeps<C, P, SC, B>,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>>
where
    C: ProvideRuntimeApi<Block>
        + HeaderBackend<Block>
        + HeaderMetadata<Block, Error = BlockChainError>
        + sc_client_api::AuxStore
        + Send
        + Sync
        + 'static,
    C::Api: substrate_frame_rpc_system::AccountNonceApi<Block, AccountId, Nonce>
        + pallet_transaction_payment_rpc::TransactionPaymentRuntimeApi<Block, Balance>
        + BabeApi<Block>
        + BlockBuilder<Block>
        + RuntimeViewFunction<Block>,
    P: TransactionPool<Block = Block, Hash = athanor_runtime::Hash> + 'static,
    SC: SelectChain<Block> + 'static,
    B: sc_client_api::Backend<Block> + Send + Sync + 'static,
{
    use athanor_compute_rpc::{ClientState, Compute, ComputeApiServer};
    use athanor_label_rpc::{ClientState as LabelState, Labels, LabelsApiServer};
    use athanor_market_rpc::{ClientState as MarketState, Market, MarketApiServer};
    use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
    use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
    use substrate_frame_rpc_system::{System, SystemApiServer};

    let FullDeps {
        client,
        pool,
        select_chain,
        chain_spec,
        babe,
        grandpa,
    } = deps;
    let mut module = RpcModule::new(());

    module.merge(System::new(client.clone(), pool.clone()).into_rpc())?;
    module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
    let jobs = ClientState::<C, Block, Runtime>::new(client.clone());
    module.merge(Compute::new(Arc::new(jobs)).into_rpc())?;
    let labels = LabelState::<C, P, Block, Runtime>::new(client.clone(), pool);
    module.merge(Labels::new(Arc::new(labels)).into_rpc())?;
    let market = MarketState::<C, Block, Runtime>::new(client.clone());
    module.merge(Market::new(Arc::new(market)).into_rpc())?;
    module.merge(
        Babe::new(
            client.clone(),
            babe.worker.clone(),
            babe.keystore,
            select_chain,
        )
        .into_rpc(),
    )?;
    module.merge(
        Grandpa::new(
            grandpa.executor,
            grandpa.authority_set.clone(),
            grandpa.voter_state,
            grandpa.justifications,
            grandpa.finality,
        )
        .into_rpc(),
    )?;
    module.merge(
        SyncState::new(chain_spec, client, grandpa.authority_set, babe.worker)?.into_rpc(),
    )?;
    Ok(module)
}
