//! Wires the node's parts: database, pool, BABE, GRANDPA, network, RPC, off-chain workers.

use crate::{cli::WorkerParams, equivocation::DoubleBlocks, rpc, seats};
use athanor_primitives::{
    keys, OFFCHAIN_TROUBLES, OFFCHAIN_WATCHED, OFFCHAIN_WATCH_RATE, OFFCHAIN_WORKER_TOKEN,
    OFFCHAIN_WORKER_URL,
};
use athanor_runtime::{apis::RuntimeApi, opaque::Block};
use codec::{Decode, Encode};
use futures::{FutureExt, StreamExt};
use sc_client_api::{Backend, BlockBackend};
use sc_consensus_babe::{BabeLink, SlotProportion};
use sc_network::{config::NetworkBackendType, Event, NetworkBackend, NetworkEventStream};
use sc_service::{
    config::Configuration, error::Error as ServiceError, TaskManager, WarpSyncConfig,
};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool_api::{OffchainTransactionPoolFactory, RejectAllTxPool};
use sp_core::offchain::{OffchainStorage, STORAGE_PREFIX};
use sp_inherents::CreateInherentDataProviders;
use sp_runtime::traits::Block as BlockT;
use std::{sync::Arc, time::Duration};
use substrate_prometheus_endpoint::{register, Gauge, PrometheusError, Registry, U64};

/// The wasm executor with the standard host functions only, so that every other client runs the
/// same runtime.
pub(crate) type Executor = sc_executor::WasmExecutor<sp_io::SubstrateHostFunctions>;
/// The client.
pub(crate) type FullClient = sc_service::TFullClient<Block, RuntimeApi, Executor>;
/// The database.
pub(crate) type FullBackend = sc_service::TFullBackend<Block>;
type FullSelectChain = sc_consensus::LongestChain<FullBackend, Block>;
type FullPool = sc_transaction_pool::TransactionPoolHandle<Block, FullClient>;
type FullGrandpaBlockImport =
    sc_consensus_grandpa::GrandpaBlockImport<FullBackend, Block, FullClient, FullSelectChain>;
type InherentProviders = Arc<
    dyn CreateInherentDataProviders<
        Block,
        (),
        InherentDataProviders = (
            sp_consensus_babe::inherents::InherentDataProvider,
            sp_timestamp::InherentDataProvider,
        ),
    >,
>;
type FullBabeBlockImport = DoubleBlocks<
    sc_consensus_babe::BabeBlockImport<
        Block,
        FullClient,
        FullGrandpaBlockImport,
        InherentProviders,
        FullSelectChain,
    >,
    FullClient,
>;

/// The fewest blocks between two justifications kept.
const GRANDPA_JUSTIFICATION_PERIOD: u32 = 512;

/// What [`new_partial`] makes beside the usual parts.
pub(crate) struct Extra {
    block_import: FullBabeBlockImport,
    grandpa_link: sc_consensus_grandpa::LinkHalf<Block, FullClient, FullSelectChain>,
    babe_link: BabeLink<Block>,
    babe_worker: sc_consensus_babe::BabeWorkerHandle<Block>,
    inherents: InherentProviders,
    telemetry: Option<Telemetry>,
}

/// The parts of a node that need no network.
pub(crate) type Partial = sc_service::PartialComponents<
    FullClient,
    FullBackend,
    FullSelectChain,
    sc_consensus::DefaultImportQueue<Block>,
    FullPool,
    Extra,
>;

/// Builds what a node and the database subcommands share.
pub(crate) fn new_partial(config: &Configuration) -> Result<Partial, ServiceError> {
    let telemetry = config
        .telemetry_endpoints
        .clone()
        .filter(|endpoints| !endpoints.is_empty())
        .map(|endpoints| -> Result<_, sc_telemetry::Error> {
            let worker = TelemetryWorker::new(16)?;
            let telemetry = worker.handle().new_telemetry(endpoints);
            Ok((worker, telemetry))
        })
        .transpose()?;

    let executor = sc_service::new_wasm_executor(&config.executor);
    let (client, backend, keystore_container, task_manager) =
        sc_service::new_full_parts::<Block, RuntimeApi, _>(
            config,
            telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
            executor,
            Default::default(),
        )?;
    let client = Arc::new(client);

    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager
            .spawn_handle()
            .spawn("telemetry", None, worker.run());
        telemetry
    });

    let select_chain = sc_consensus::LongestChain::new(backend.clone());

    let transaction_pool = Arc::from(
        sc_transaction_pool::Builder::new(
            task_manager.spawn_essential_handle(),
            client.clone(),
            config.role.is_authority().into(),
        )
        .with_options(config.transaction_pool.clone())
        .with_prometheus(config.prometheus_registry())
        .build(),
    );

    let (grandpa_block_import, grandpa_link) = sc_consensus_grandpa::block_import(
        client.clone(),
        GRANDPA_JUSTIFICATION_PERIOD,
        &client,
        select_chain.clone(),
        telemetry.as_ref().map(|telemetry| telemetry.handle()),
    )?;
    let justification_import = grandpa_block_import.clone();

    let babe_config = sc_consensus_babe::configuration(&*client)?;
    let slot_duration = babe_config.slot_duration();
    let inherents: InherentProviders = Arc::new(move |_, ()| async move {
        let timestamp = sp_timestamp::InherentDataProvider::from_system_time();
        let slot =
            sp_consensus_babe::inherents::InherentDataProvider::from_timestamp_and_slot_duration(
                *timestamp,
                slot_duration,
            );
        Ok((slot, timestamp))
    });

    let (block_import, babe_link) = sc_consensus_babe::block_import(
        babe_config,
        grandpa_block_import,
        client.clone(),
        inherents.clone(),
        select_chain.clone(),
        // Its reports of double blocks prove nothing, and would keep ours out of the pool.
        OffchainTransactionPoolFactory::new(RejectAllTxPool::default()),
    )?;
    let block_import = DoubleBlocks::new(
        block_import,
        client.clone(),
        OffchainTransactionPoolFactory::new(transaction_pool.clone()),
        keystore_container.keystore(),
        config.prometheus_registry(),
    )?;

    let (import_queue, babe_worker) =
        sc_consensus_babe::import_queue(sc_consensus_babe::ImportQueueParams {
            link: babe_link.clone(),
            block_import: block_import.clone(),
            justification_import: Some(Box::new(justification_import)),
            client: client.clone(),
            slot_duration,
            spawner: &task_manager.spawn_essential_handle(),
            registry: config.prometheus_registry(),
            telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
        })?;

    Ok(sc_service::PartialComponents {
        client,
        backend,
        task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other: Extra {
            block_import,
            grandpa_link,
            babe_link,
            babe_worker,
            inherents,
            telemetry,
        },
    })
}

/// Builds and starts a node.
pub(crate) fn new_full(
    mut config: Configuration,
    worker: WorkerParams,
) -> Result<TaskManager, ServiceError> {
    // The SDK runs off-chain workers on validators only; a provider's or watcher's node need not
    // be one.
    if worker.gpu_worker.is_some() {
        config.offchain_worker.enabled = true;
    }
    match config.network.network_backend {
        NetworkBackendType::Libp2p => {
            start::<sc_network::NetworkWorker<Block, <Block as BlockT>::Hash>>(config, worker)
        }
        NetworkBackendType::Litep2p => start::<sc_network::Litep2pNetworkBackend>(config, worker),
    }
}

fn start<N: NetworkBackend<Block, <Block as BlockT>::Hash>>(
    config: Configuration,
    worker: WorkerParams,
) -> Result<TaskManager, ServiceError> {
    let sc_service::PartialComponents {
        client,
        backend,
        mut task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other:
            Extra {
                block_import,
                grandpa_link,
                babe_link,
                babe_worker,
                inherents,
                mut telemetry,
            },
    } = new_partial(&config)?;

    let keystore = keystore_container.keystore();
    insert_dev_keys(&config, &*keystore)?;
    if worker.watch.is_some_and(|rate| rate > 0.0)
        && keystore.sr25519_public_keys(keys::GPU_WATCHER).is_empty()
    {
        tracing::warn!(
            "⚠️ --watch is given, but there is no key to dispute false claims with: insert one \
             with `athanor-node key insert --key-type gpww --scheme sr25519` and transfer it some \
             AUR for fees and bonds"
        );
    }
    tell_off_chain_worker(&backend, &worker)?;

    if let (Some(registry), Some(storage)) =
        (config.prometheus_registry(), backend.offchain_storage())
    {
        task_manager.spawn_handle().spawn(
            "athanor-duties-metric",
            None,
            show_duties(storage, Gauges::register(registry)?),
        );
    }
    if let Some(registry) = config.prometheus_registry() {
        let gauges = seats::Gauges::register(registry)?;
        task_manager.spawn_handle().spawn(
            "athanor-seats-metric",
            None,
            seats::show(client.clone(), keystore_container.keystore(), gauges),
        );
    }

    let metrics = N::register_notification_metrics(
        config
            .prometheus_config
            .as_ref()
            .map(|config| &config.registry),
    );
    let mut net_config = sc_network::config::FullNetworkConfiguration::<
        Block,
        <Block as BlockT>::Hash,
        N,
    >::new(&config.network, config.prometheus_registry().cloned());
    let peer_store_handle = net_config.peer_store_handle();

    let genesis_hash = client
        .block_hash(0)?
        .ok_or_else(|| ServiceError::Other("the database has no genesis block".into()))?;
    let grandpa_protocol_name =
        sc_consensus_grandpa::protocol_standard_name(&genesis_hash, &config.chain_spec);
    let (grandpa_protocol_config, grandpa_notification_service) =
        sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
            grandpa_protocol_name.clone(),
            metrics.clone(),
            peer_store_handle,
        );
    net_config.add_notification_protocol(grandpa_protocol_config);

    let warp_sync = Arc::new(sc_consensus_grandpa::warp_proof::NetworkProvider::new(
        backend.clone(),
        grandpa_link.shared_authority_set().clone(),
        Vec::new(),
    ));

    let (network, system_rpc_tx, tx_handler_controller, sync_service, _bitswap) =
        sc_service::build_network(sc_service::BuildNetworkParams {
            config: &config,
            net_config,
            client: client.clone(),
            transaction_pool: transaction_pool.clone(),
            spawn_handle: task_manager.spawn_handle(),
            spawn_essential_handle: task_manager.spawn_essential_handle(),
            import_queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;

    if config.offchain_worker.enabled {
        let offchain_workers =
            sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
                runtime_api_provider: client.clone(),
                keystore: Some(keystore_container.keystore()),
                offchain_db: backend.offchain_storage(),
                transaction_pool: Some(OffchainTransactionPoolFactory::new(
                    transaction_pool.clone(),
                )),
                network_provider: Arc::new(network.clone()),
                is_validator: config.role.is_authority(),
                enable_http_requests: true,
                custom_extensions: |_| vec![],
            })?;
        task_manager.spawn_handle().spawn(
            "offchain-workers-runner",
            "offchain-worker",
            offchain_workers
                .run(client.clone(), task_manager.spawn_handle())
                .boxed(),
        );
    }

    let role = config.role;
    let force_authoring = config.force_authoring;
    let name = config.network.node_name.clone();
    let enable_grandpa = !config.disable_grandpa;
    let prometheus_registry = config.prometheus_registry().cloned();
    let publish_non_global_ips = config.network.allow_non_globals_in_dht;
    let public_addresses = config.network.public_addresses.clone();
    let network_path = config.network.net_config_path.clone();
    let shared_voter_state = sc_consensus_grandpa::SharedVoterState::empty();

    let rpc_builder = {
        let client = client.clone();
        let pool = transaction_pool.clone();
        let select_chain = select_chain.clone();
        let keystore = keystore_container.keystore();
        let chain_spec = config.chain_spec.cloned_box();
        let authority_set = grandpa_link.shared_authority_set().clone();
        let justifications = grandpa_link.justification_stream();
        let voter_state = shared_voter_state.clone();
        let finality = sc_consensus_grandpa::FinalityProofProvider::new_for_service(
            backend.clone(),
            Some(authority_set.clone()),
        );
        Box::new(move |executor: sc_rpc::SubscriptionTaskExecutor| {
            rpc::create_full(rpc::FullDeps {
                client: client.clone(),
                pool: pool.clone(),
                select_chain: select_chain.clone(),
                chain_spec: chain_spec.cloned_box(),
                babe: rpc::BabeDeps {
                    worker: babe_worker.clone(),
                    keystore: keystore.clone(),
                },
                grandpa: rpc::GrandpaDeps {
                    voter_state: voter_state.clone(),
                    authority_set: authority_set.clone(),
                    justifications: justifications.clone(),
                    executor,
                    finality: finality.clone(),
                },
            })
            .map_err(Into::into)
        })
    };

    let _rpc_handlers = sc_service::spawn_tasks(sc_service::SpawnTasksParams {
        network: network.clone(),
        client: client.clone(),
        keystore: keystore_container.keystore(),
        task_manager: &mut task_manager,
        transaction_pool: transaction_pool.clone(),
        rpc_builder,
        backend,
        system_rpc_tx,
        tx_handler_controller,
        sync_service: sync_service.clone(),
        config,
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;

    if role.is_authority() {
        let proposer = sc_basic_authorship::ProposerFactory::new(
            task_manager.spawn_handle(),
            client.clone(),
            transaction_pool.clone(),
            prometheus_registry.as_ref(),
            telemetry.as_ref().map(|telemetry| telemetry.handle()),
        );
        let babe = sc_consensus_babe::start_babe(sc_consensus_babe::BabeParams {
            keystore: keystore_container.keystore(),
            client: client.clone(),
            select_chain,
            env: proposer,
            block_import,
            sync_oracle: sync_service.clone(),
            justification_sync_link: sync_service.clone(),
            create_inherent_data_providers: inherents,
            force_authoring,
            backoff_authoring_blocks: Some(
                sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging::default(),
            ),
            babe_link,
            block_proposal_slot_portion: SlotProportion::new(0.5),
            max_block_proposal_slot_portion: None,
            telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
        })?;
        task_manager.spawn_essential_handle().spawn_blocking(
            "babe-proposer",
            Some("block-authoring"),
            babe,
        );

        let dht_events = network
            .event_stream("authority-discovery")
            .filter_map(|event| async {
                match event {
                    Event::Dht(event) => Some(event),
                    _ => None,
                }
            });
        let (discovery, _service) = sc_authority_discovery::new_worker_and_service_with_config(
            sc_authority_discovery::WorkerConfig {
                publish_non_global_ips,
                public_addresses,
                persisted_cache_directory: network_path,
                ..Default::default()
            },
            client.clone(),
            Arc::new(network.clone()),
            Box::pin(dht_events),
            sc_authority_discovery::Role::PublishAndDiscover(keystore_container.keystore()),
            prometheus_registry.clone(),
            task_manager.spawn_handle(),
        );
        task_manager.spawn_handle().spawn(
            "authority-discovery-worker",
            Some("networking"),
            discovery.run(),
        );
    }

    if enable_grandpa {
        let keystore = role.is_authority().then(|| keystore_container.keystore());
        let voter = sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
            config: sc_consensus_grandpa::Config {
                gossip_duration: Duration::from_millis(333),
                justification_generation_period: GRANDPA_JUSTIFICATION_PERIOD,
                name: Some(name),
                observer_enabled: false,
                keystore,
                local_role: role,
                telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
                protocol_name: grandpa_protocol_name,
            },
            link: grandpa_link,
            network,
            sync: Arc::new(sync_service),
            notification_service: grandpa_notification_service,
            voting_rule: sc_consensus_grandpa::VotingRulesBuilder::default().build(),
            prometheus_registry,
            shared_voter_state,
            telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
            offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(transaction_pool),
        })?;
        task_manager
            .spawn_essential_handle()
            .spawn_blocking("grandpa-voter", None, voter);
    }

    Ok(task_manager)
}

/// What the off-chain worker, which has no metrics of its own, has noted.
struct Gauges {
    blocked: Gauge<U64>,
    watching: Gauge<U64>,
    checked: Gauge<U64>,
    unchecked: Gauge<U64>,
    disputed: Gauge<U64>,
}

impl Gauges {
    fn register(registry: &Registry) -> Result<Self, PrometheusError> {
        let gauge = |name: &str, help: &str| register(Gauge::<U64>::new(name, help)?, registry);
        Ok(Gauges {
            blocked: gauge(
                "athanor_duties_blocked",
                "Reasons for which this node's worker keys cannot do what jobs ask of them",
            )?,
            watching: gauge("athanor_watch_running", "Jobs of others being checked now")?,
            checked: gauge(
                "athanor_watch_checked",
                "Jobs of others that were run again and compared",
            )?,
            unchecked: gauge(
                "athanor_watch_unchecked",
                "Jobs of others that could not be checked in time, mostly for lack of blobs",
            )?,
            disputed: gauge(
                "athanor_watch_disputed",
                "Jobs of others with a claim that was found false",
            )?,
        })
    }
}

/// Shows what the off-chain worker has noted.
async fn show_duties(storage: impl OffchainStorage, gauges: Gauges) {
    fn read<V: Decode + Default>(storage: &impl OffchainStorage, key: &[u8]) -> V {
        storage
            .get(STORAGE_PREFIX, key)
            .and_then(|bytes| V::decode(&mut &bytes[..]).ok())
            .unwrap_or_default()
    }
    loop {
        let (_, troubles): (u32, u32) = read(&storage, OFFCHAIN_TROUBLES);
        gauges.blocked.set(troubles.into());
        let (watching, checked, unchecked, disputed): (u32, u64, u64, u64) =
            read(&storage, OFFCHAIN_WATCHED);
        gauges.watching.set(watching.into());
        gauges.checked.set(checked);
        gauges.unchecked.set(unchecked);
        gauges.disputed.set(disputed);
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

/// `--dev`, `--alice` and their like also give the node the worker and watcher keys of that
/// name.
fn insert_dev_keys(
    config: &Configuration,
    keystore: &dyn sp_keystore::Keystore,
) -> Result<(), ServiceError> {
    let Some(seed) = &config.dev_key_seed else {
        return Ok(());
    };
    for key_type in [keys::GPU_WORKER, keys::GPU_WATCHER] {
        let public = keystore
            .sr25519_generate_new(key_type, Some(seed))
            .map_err(|error| {
                ServiceError::Other(format!("{} key of {seed}: {error}", name_of(key_type)))
            })?;
        tracing::info!(
            "🔑 {} key of {seed}: {}",
            name_of(key_type),
            sp_runtime::AccountId32::from(public)
        );
    }
    Ok(())
}

fn name_of(key_type: sp_core::crypto::KeyTypeId) -> &'static str {
    if key_type == keys::GPU_WATCHER {
        "Watcher"
    } else {
        "Worker"
    }
}

/// Off-chain workers run in wasm and know of the daemon only what the node's own storage says. A
/// flag that is no longer given is forgotten.
fn tell_off_chain_worker(backend: &FullBackend, worker: &WorkerParams) -> Result<(), ServiceError> {
    let Some(mut storage) = backend.offchain_storage() else {
        return Err(ServiceError::Other(
            "the database has no off-chain storage".into(),
        ));
    };
    let token = match &worker.gpu_worker_token_file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                ServiceError::Other(format!(
                    "--gpu-worker-token-file {}: {error}",
                    path.display()
                ))
            })?;
            let token = text.trim();
            if token.is_empty()
                || token.len() > 512
                || !token.bytes().all(|byte| byte.is_ascii_graphic())
            {
                return Err(ServiceError::Other(format!(
                    "--gpu-worker-token-file {}: expected one line of 1 to 512 printable characters",
                    path.display()
                )));
            }
            Some(token.to_owned())
        }
    };
    let mut put = |key: &[u8], value: Option<Vec<u8>>| match value {
        Some(value) => storage.set(STORAGE_PREFIX, key, &value),
        None => storage.remove(STORAGE_PREFIX, key),
    };
    put(
        OFFCHAIN_WORKER_URL,
        worker
            .gpu_worker
            .as_ref()
            .map(|url| url.as_bytes().encode()),
    );
    put(
        OFFCHAIN_WORKER_TOKEN,
        token.map(|token| token.as_bytes().encode()),
    );
    // What the last run of this node noted says nothing about this one.
    put(OFFCHAIN_TROUBLES, None);
    put(
        OFFCHAIN_WATCH_RATE,
        worker
            .watch
            .map(|rate| ((rate * f64::from(u32::MAX)) as u32).encode()),
    );
    Ok(())
}
