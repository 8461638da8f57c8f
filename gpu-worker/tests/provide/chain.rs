//! A chain with one job and one replica, and nodes that show it over JSON-RPC.

use athanor_primitives::{commitment, Duty, JobId, Question, Root, Ticket};
use codec::{Compact, Decode, Encode};
use jsonrpsee::{
    core::StringError,
    server::{Server, ServerHandle},
    types::ErrorObjectOwned,
    PendingSubscriptionSink, RpcModule, SubscriptionMessage,
};
use scale_info::{meta_type, TypeInfo};
use serde_json::{json, Value};
use sp_crypto_hashing::{blake2_256, twox_128, twox_64};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};
use subxt::{
    ext::frame_metadata::{v14, v15, v16, RuntimeMetadataPrefixed},
    utils::{AccountId32, MultiAddress, MultiSignature},
};
use subxt_signer::sr25519::{verify, Keypair, PublicKey, Signature};
use tokio::sync::broadcast;

pub(crate) const JOB: JobId = 7;
pub(crate) const PROGRAM: [u8; 3] = [1, 2, 3];
const SPEC: u32 = 100;
const TRANSACTIONS: u32 = 1;
const PALLET: u8 = 61;

pub(crate) fn roots() -> Vec<Root> {
    vec![[3; 32], [4; 32]]
}

#[derive(Clone, Debug, Encode, Decode, TypeInfo)]
enum TraceReveal {
    Roots(Vec<Root>),
    Root(Root),
}

#[derive(Clone, Debug, Encode, Decode, TypeInfo)]
#[allow(non_camel_case_types)]
enum Call {
    #[codec(index = 10)]
    accept { job: u64 },
    #[codec(index = 11)]
    commit { job: u64, commitment: [u8; 32] },
    #[codec(index = 12)]
    reveal {
        job: u64,
        salt: [u8; 32],
        trace: TraceReveal,
        output: Option<Vec<u8>>,
    },
}

#[derive(Clone, Debug, Encode, Decode, TypeInfo)]
enum RuntimeCall {
    #[codec(index = 61)]
    ComputeJobs(Call),
}

#[derive(Clone, Debug, Encode, TypeInfo)]
#[allow(dead_code)]
enum Nothing {
    Nothing,
}

#[derive(TypeInfo)]
#[allow(dead_code)]
struct Era(u8, u8);

#[derive(Encode, TypeInfo)]
struct JobView {
    id: u64,
    job: Job,
    claims: Vec<ClaimOf>,
    due: u32,
}

#[derive(Encode, TypeInfo)]
struct Job {
    requester: AccountId32,
    nodes: u32,
    outputs: Vec<u16>,
    output_len: u64,
    replicas: Vec<Replica>,
}

#[derive(Encode, TypeInfo)]
struct Replica {
    worker: AccountId32,
    accepted: bool,
    commitment: Option<[u8; 32]>,
    trace_root: Option<Root>,
    fault: Option<Fault>,
}

#[derive(Encode, TypeInfo)]
#[allow(dead_code)]
enum Fault {
    Late,
}

#[derive(Encode, TypeInfo)]
#[allow(dead_code)]
struct ClaimOf {
    trace_root: Root,
    output_root: Root,
}

#[derive(Encode, TypeInfo)]
struct ProgramView {
    owner: AccountId32,
    bytes: Vec<u8>,
}

#[derive(Encode, TypeInfo)]
#[allow(dead_code)]
struct ClaimView {
    job: u64,
    deadline: u32,
    ticket: Ticket,
    claims: Vec<ClaimedTrace>,
}

#[derive(Encode, TypeInfo)]
#[allow(dead_code)]
struct ClaimedTrace {
    trace_root: Root,
    agreed: u8,
    struck: bool,
}

/// No thread is ever open here.
#[derive(Encode, TypeInfo)]
#[allow(dead_code)]
struct ThreadView {
    id: u32,
}

#[derive(Encode, TypeInfo)]
struct AccountInfo {
    nonce: u32,
    consumers: u32,
    providers: u32,
    sufficients: u32,
    data: AccountData,
}

#[derive(Encode, TypeInfo)]
struct AccountData {
    free: u128,
    reserved: u128,
    frozen: u128,
    flags: u128,
}

fn metadata() -> Vec<u8> {
    let param = |name: &'static str, ty| v16::FunctionParamMetadata { name, ty };
    let view = |id: u8, name: &'static str, inputs, output| v16::PalletViewFunctionMetadata {
        id: [id; 32],
        name,
        inputs,
        output,
        docs: vec![],
        deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
    };
    let map = |name: &'static str, hasher, key, value| v16::StorageEntryMetadata {
        name,
        modifier: v14::StorageEntryModifier::Optional,
        ty: v14::StorageEntryType::Map {
            hashers: vec![hasher],
            key,
            value,
        },
        default: vec![],
        docs: vec![],
        deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
    };
    let pallet = |name: &'static str, index: u8| v16::PalletMetadata {
        name,
        storage: None,
        calls: None,
        event: None,
        constants: vec![],
        error: None,
        associated_types: vec![],
        view_functions: vec![],
        index,
        docs: vec![],
        deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
    };
    let system = v16::PalletMetadata {
        storage: Some(v16::PalletStorageMetadata {
            prefix: "System",
            entries: vec![
                map(
                    "Account",
                    v14::StorageHasher::Blake2_128Concat,
                    meta_type::<AccountId32>(),
                    meta_type::<AccountInfo>(),
                ),
                map(
                    "BlockHash",
                    v14::StorageHasher::Twox64Concat,
                    meta_type::<u32>(),
                    meta_type::<[u8; 32]>(),
                ),
            ],
        }),
        ..pallet("System", 0)
    };
    let programs = v16::PalletMetadata {
        view_functions: vec![view(
            1,
            "program",
            vec![param("program_hash", meta_type::<[u8; 32]>())],
            meta_type::<Option<ProgramView>>(),
        )],
        ..pallet("Programs", 60)
    };
    let (job, limit) = (
        || param("job", meta_type::<u64>()),
        || param("limit", meta_type::<u32>()),
    );
    let worker = || param("worker", meta_type::<AccountId32>());
    let jobs = v16::PalletMetadata {
        calls: Some(v16::PalletCallMetadata {
            ty: meta_type::<Call>(),
            deprecation_info: v16::EnumDeprecationInfo::nothing_deprecated(),
        }),
        constants: vec![v16::PalletConstantMetadata {
            name: "WorkerFloat",
            ty: meta_type::<u128>(),
            value: 1_000u128.encode(),
            docs: vec![],
            deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
        }],
        view_functions: vec![
            view(
                2,
                "work",
                vec![worker(), limit()],
                meta_type::<Vec<Ticket>>(),
            ),
            view(3, "job", vec![job()], meta_type::<Option<JobView>>()),
            view(
                4,
                "questions",
                vec![worker(), limit()],
                meta_type::<Vec<Question>>(),
            ),
            view(
                5,
                "claims",
                vec![job(), limit()],
                meta_type::<Vec<ClaimView>>(),
            ),
            view(6, "threads", vec![job()], meta_type::<Vec<ThreadView>>()),
            view(
                7,
                "trace",
                vec![job(), param("trace_root", meta_type::<Root>())],
                meta_type::<Option<Vec<Root>>>(),
            ),
        ],
        ..pallet("ComputeJobs", PALLET)
    };
    let extension = |identifier: &'static str, ty, implicit| v16::TransactionExtensionMetadata {
        identifier,
        ty,
        implicit,
    };
    let none = meta_type::<()>;
    let extensions = vec![
        extension("CheckSpecVersion", none(), meta_type::<u32>()),
        extension("CheckTxVersion", none(), meta_type::<u32>()),
        extension("CheckGenesis", none(), meta_type::<[u8; 32]>()),
        extension(
            "CheckMortality",
            meta_type::<Era>(),
            meta_type::<[u8; 32]>(),
        ),
        extension("CheckNonce", meta_type::<Compact<u64>>(), none()),
    ];
    let extrinsic = v16::ExtrinsicMetadata {
        versions: vec![4],
        address_ty: meta_type::<MultiAddress<AccountId32, u32>>(),
        call_ty: meta_type::<RuntimeCall>(),
        signature_ty: meta_type::<MultiSignature>(),
        transaction_extensions_by_version: BTreeMap::from([(
            0,
            (0..5).map(Compact::<u32>).collect(),
        )]),
        transaction_extensions: extensions,
    };
    let outer = v15::OuterEnums {
        call_enum_ty: meta_type::<RuntimeCall>(),
        event_enum_ty: meta_type::<Nothing>(),
        error_enum_ty: meta_type::<Nothing>(),
    };
    let custom = v15::CustomMetadata {
        map: BTreeMap::new(),
    };
    let metadata = v16::RuntimeMetadataV16::new(
        vec![system, programs, jobs],
        extrinsic,
        vec![],
        outer,
        custom,
    );
    RuntimeMetadataPrefixed::from(metadata).encode()
}

/// The state after one block.
#[derive(Clone)]
struct Block {
    hash: [u8; 32],
    nonce: u64,
    accepted: bool,
    committed: Option<[u8; 32]>,
    revealed: bool,
}

struct Inner {
    fork: u8,
    /// Of this fork, from the genesis block on.
    blocks: Vec<Block>,
    pool: Vec<Vec<u8>>,
    submitted: Vec<Vec<u8>>,
    worker: PublicKey,
}

/// A chain. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Chain(Arc<Mutex<Inner>>);

/// The parts of a signed extrinsic that matter here.
struct Parts {
    birth: u64,
    nonce: u64,
    call: Call,
    signed: bool,
}

impl Inner {
    fn best(&self) -> usize {
        self.blocks.len() - 1
    }

    fn number(&self, hash: &str) -> Option<usize> {
        let hash = athanor_primitives::ticket::root_from_hex(hash)?;
        self.blocks.iter().position(|block| block.hash == hash)
    }

    fn parts(&self, bytes: &[u8]) -> Parts {
        let mut rest = bytes;
        let length = Compact::<u32>::decode(&mut rest).unwrap().0 as usize;
        assert_eq!(rest.len(), length);
        assert_eq!(u8::decode(&mut rest).unwrap(), 0x84, "signed, version 4");
        let who = MultiAddress::<AccountId32, u32>::decode(&mut rest).unwrap();
        assert_eq!(who, MultiAddress::Id(AccountId32(self.worker.0)));
        let MultiSignature::Sr25519(signature) = MultiSignature::decode(&mut rest).unwrap() else {
            panic!("an sr25519 signature")
        };
        let extra = rest;
        let era = u16::decode(&mut rest).unwrap();
        let nonce = Compact::<u64>::decode(&mut rest).unwrap().0;
        let extra = &extra[..extra.len() - rest.len()];
        let period = 2u64 << (era % 16);
        assert_eq!(period, 64, "mortal for 64 blocks");
        let phase = u64::from(era >> 4);
        let now = self.best() as u64;
        let birth = (now.max(phase) - phase) / period * period + phase;
        let call = rest;
        let RuntimeCall::ComputeJobs(decoded) = RuntimeCall::decode(&mut rest).unwrap();
        assert!(rest.is_empty());
        let hash = self.blocks.get(birth as usize).map(|block| block.hash);
        let implicit = (
            SPEC,
            TRANSACTIONS,
            self.blocks[0].hash,
            hash.unwrap_or([0; 32]),
        );
        let mut payload = [call, extra, &implicit.encode()].concat();
        if payload.len() > 256 {
            payload = blake2_256(&payload).to_vec();
        }
        Parts {
            birth,
            nonce,
            call: decoded,
            signed: verify(&Signature(signature), payload, &self.worker),
        }
    }

    /// Applies what this fork can include to the state of a new block.
    fn apply(&self, block: &mut Block, bytes: &[u8]) -> bool {
        let parts = self.parts(bytes);
        let late = self.blocks.len() as u64 >= parts.birth + 64;
        if !parts.signed || late || parts.nonce != block.nonce {
            return false;
        }
        block.nonce += 1;
        let worker = self.worker.0;
        match parts.call {
            Call::accept { job: JOB } => {
                assert!(!block.accepted);
                block.accepted = true;
            }
            Call::commit {
                job: JOB,
                commitment,
            } => {
                assert!(block.accepted && block.committed.is_none());
                block.committed = Some(commitment);
            }
            Call::reveal {
                job: JOB,
                salt,
                trace: TraceReveal::Roots(trace),
                output: None,
            } => {
                assert_eq!(trace, roots());
                let root = athanor_tensor_program::trace_root(&trace);
                let opened = commitment(&self.blocks[0].hash, JOB, &worker, &root, &salt);
                assert_eq!(block.committed, Some(opened), "it opens the commitment");
                block.revealed = true;
            }
            call => panic!("{call:?}"),
        }
        true
    }

    fn duty(&self, at: usize) -> Duty {
        let block = &self.blocks[at];
        match (block.accepted, block.committed, block.revealed) {
            (_, _, true) => Duty::Wait,
            (false, ..) => Duty::Accept,
            (_, None, _) => Duty::Commit,
            (_, Some(_), _) => Duty::Reveal,
        }
    }

    /// The answer of a view function, as its SCALE bytes.
    fn view(&self, at: usize, query: &[u8], mut arguments: &[u8]) -> Vec<u8> {
        let block = &self.blocks[at];
        match query[0] {
            1 => Some(ProgramView {
                owner: AccountId32([0; 32]),
                bytes: PROGRAM.to_vec(),
            })
            .encode(),
            2 => {
                let (worker, limit) = <([u8; 32], u32)>::decode(&mut arguments).unwrap();
                assert_eq!((worker, limit), (self.worker.0, 64));
                vec![Ticket {
                    job: JOB,
                    duty: self.duty(at),
                    deadline: 10_000,
                    model: 1,
                    program_hash: [2; 32],
                    weights: vec![],
                    input_root: [5; 32],
                    batch: 1,
                    inline_output: false,
                }]
                .encode()
            }
            3 => Some(JobView {
                id: JOB,
                job: Job {
                    requester: AccountId32([9; 32]),
                    nodes: 2,
                    outputs: vec![1],
                    output_len: 2_000,
                    replicas: vec![Replica {
                        worker: AccountId32(self.worker.0),
                        accepted: block.accepted,
                        commitment: block.committed,
                        trace_root: None,
                        fault: None::<Fault>,
                    }],
                },
                claims: vec![],
                due: 0,
            })
            .encode(),
            4..=6 => Vec::<u8>::new().encode(),
            7 => None::<Vec<Root>>.encode(),
            other => panic!("view function {other}"),
        }
    }
}

impl Chain {
    pub(crate) fn new(seed: u8, worker: &Keypair) -> Self {
        let block = |number: u8| Block {
            hash: [seed, number, 0, 0].using_encoded(blake2_256),
            nonce: 0,
            accepted: false,
            committed: None,
            revealed: false,
        };
        Chain(Arc::new(Mutex::new(Inner {
            fork: seed,
            blocks: (0..20).map(block).collect(),
            pool: vec![],
            submitted: vec![],
            worker: worker.public_key(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// One more block, with what the pool holds or with nothing.
    pub(crate) fn block(&self, includes: bool) {
        let mut inner = self.lock();
        let mut block = inner.blocks.last().unwrap().clone();
        let number = inner.blocks.len() as u32;
        block.hash = (inner.fork, number, "more").using_encoded(blake2_256);
        if includes {
            let pool = std::mem::take(&mut inner.pool);
            for bytes in pool {
                // What a fork can't take is dropped, as pools do.
                inner.apply(&mut block, &bytes);
            }
        }
        inner.blocks.push(block);
    }

    /// Takes the last `back` blocks away; those that follow are others.
    pub(crate) fn reorg(&self, back: usize) {
        let mut inner = self.lock();
        let keep = inner.blocks.len().saturating_sub(back).max(2);
        inner.blocks.truncate(keep);
        inner.pool.clear();
        inner.fork = inner.fork.wrapping_add(100);
    }

    pub(crate) fn submitted(&self) -> Vec<Vec<u8>> {
        self.lock().submitted.clone()
    }

    pub(crate) fn accepted(&self) -> bool {
        self.lock().blocks.last().unwrap().accepted
    }

    pub(crate) fn commitment(&self) -> Option<[u8; 32]> {
        self.lock().blocks.last().unwrap().committed
    }

    pub(crate) fn revealed(&self) -> bool {
        self.lock().blocks.last().unwrap().revealed
    }

    /// Takes a transaction as a pool does. Two that could both be included would have
    /// been signed with one nonce: the test fails.
    fn submit(&self, bytes: Vec<u8>) -> Result<(), &'static str> {
        let mut inner = self.lock();
        if inner.pool.contains(&bytes) {
            return Err("already imported");
        }
        let parts = inner.parts(&bytes);
        if !parts.signed {
            return Err("bad proof");
        }
        if parts.nonce != inner.blocks.last().unwrap().nonce {
            return Err("stale or future");
        }
        let known = inner.submitted.contains(&bytes);
        for other in &inner.submitted {
            let earlier = inner.parts(other);
            let alive = earlier.signed
                && earlier.nonce == parts.nonce
                && (inner.blocks.len() as u64) < earlier.birth + 64;
            assert!(known || !alive, "a nonce was signed twice on one fork");
        }
        if !known {
            inner.submitted.push(bytes.clone());
        }
        inner.pool.push(bytes);
        Ok(())
    }
}

/// A node that shows a chain.
pub(crate) struct Node {
    address: SocketAddr,
    handle: ServerHandle,
    heads: broadcast::Sender<()>,
}

fn hex(bytes: &[u8]) -> Value {
    json!(athanor_primitives::ticket::to_hex(bytes))
}

fn refused(message: &str) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(1010, message.to_string(), None::<()>)
}

impl Node {
    pub(crate) async fn start(chain: &Chain) -> Self {
        let server = Server::builder().build("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let (heads, _) = broadcast::channel(64);
        let mut module = RpcModule::new((chain.clone(), heads.clone()));
        methods(&mut module);
        Node {
            address,
            handle: server.start(module),
            heads,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Says that there is a new head.
    pub(crate) fn tell(&self) {
        // Nobody may be listening.
        let _ = self.heads.send(());
    }

    /// Closes every connection, and takes no more.
    pub(crate) async fn stop(self) {
        self.handle.stop().unwrap();
        self.handle.stopped().await;
    }
}

type Context = (Chain, broadcast::Sender<()>);

fn methods(module: &mut RpcModule<Context>) {
    module
        .register_method("chain_getBlockHash", |params, (chain, _), _| {
            let number: Option<Value> = params.sequence().optional_next()?;
            let inner = chain.lock();
            let at = match number {
                None | Some(Value::Null) => inner.best(),
                Some(number) => number.as_u64().unwrap() as usize,
            };
            let block = inner.blocks.get(at);
            Ok::<_, ErrorObjectOwned>(block.map_or(Value::Null, |block| hex(&block.hash)))
        })
        .unwrap();
    module
        .register_method("chain_getFinalizedHead", |_, (chain, _), _| {
            Ok::<_, ErrorObjectOwned>(hex(&chain.lock().blocks[1].hash))
        })
        .unwrap();
    module
        .register_method("chain_getHeader", |params, (chain, _), _| {
            let hash: String = params.sequence().next()?;
            let inner = chain.lock();
            let Some(number) = inner.number(&hash) else {
                return Ok(Value::Null);
            };
            let zero = hex(&[0; 32]);
            let parent = number.checked_sub(1).map(|at| inner.blocks[at].hash);
            Ok::<_, ErrorObjectOwned>(json!({
                "parentHash": hex(&parent.unwrap_or_default()),
                "number": format!("{number:#x}"),
                "stateRoot": zero,
                "extrinsicsRoot": zero,
                "digest": {"logs": []},
            }))
        })
        .unwrap();
    module
        .register_method(
            "system_health",
            |_, _, _| json!({"peers": 3, "isSyncing": false, "shouldHavePeers": true}),
        )
        .unwrap();
    module
        .register_method("author_submitExtrinsic", |params, (chain, _), _| {
            let bytes: String = params.sequence().next()?;
            let bytes = athanor_primitives::ticket::bytes_from_hex(&bytes, 1 << 20).unwrap();
            let hash = blake2_256(&bytes);
            chain.submit(bytes).map_err(refused)?;
            Ok::<_, ErrorObjectOwned>(hex(&hash))
        })
        .unwrap();
    module
        .register_method("state_call", |params, (chain, _), _| {
            let mut params = params.sequence();
            let (name, data, at): (String, String, Option<String>) =
                (params.next()?, params.next()?, params.optional_next()?);
            let data = athanor_primitives::ticket::bytes_from_hex(&data, 1 << 20).unwrap();
            let inner = chain.lock();
            let at = match at {
                None => Some(inner.best()),
                Some(hash) => inner.number(&hash),
            };
            let at = at.ok_or_else(|| refused("unknown block"))?;
            let answer = match name.as_str() {
                "Core_version" => (
                    ("athanor", "athanor", 1u32, SPEC),
                    (1u32, Vec::<([u8; 8], u32)>::new(), TRANSACTIONS),
                    1u8,
                )
                    .encode(),
                "Metadata_metadata_versions" => vec![16u32].encode(),
                "Metadata_metadata_at_version" => Some(metadata()).encode(),
                "AccountNonceApi_account_nonce" => (inner.blocks[at].nonce as u32).encode(),
                "RuntimeViewFunction_execute_view_function" => {
                    let (query, arguments) = <([u8; 32], Vec<u8>)>::decode(&mut &data[..]).unwrap();
                    Ok::<_, ()>(inner.view(at, &query, &arguments)).encode()
                }
                other => return Err(refused(other)),
            };
            Ok::<_, ErrorObjectOwned>(hex(&answer))
        })
        .unwrap();
    module
        .register_method("state_getStorage", |params, (chain, _), _| {
            let mut params = params.sequence();
            let (key, at): (String, String) = (params.next()?, params.next()?);
            let key = athanor_primitives::ticket::bytes_from_hex(&key, 1 << 10).unwrap();
            let inner = chain.lock();
            let at = inner.number(&at).ok_or_else(|| refused("unknown block"))?;
            let prefix = |entry: &str| [twox_128(b"System"), twox_128(entry.as_bytes())].concat();
            let value = if let Some(rest) = key.strip_prefix(&prefix("BlockHash")[..]) {
                let number = u32::decode(&mut &rest[8..]).unwrap();
                assert_eq!(rest[..8], twox_64(&number.encode()));
                let ancestor = inner.blocks.get(number as usize);
                ancestor
                    .filter(|_| (number as usize) < at)
                    .map(|it| it.hash.encode())
            } else {
                assert!(key.starts_with(&prefix("Account")));
                let data = AccountData {
                    free: 5_000,
                    reserved: 0,
                    frozen: 0,
                    flags: 0,
                };
                let info = AccountInfo {
                    nonce: inner.blocks[at].nonce as u32,
                    consumers: 0,
                    providers: 1,
                    sufficients: 0,
                    data,
                };
                Some(info.encode())
            };
            Ok::<_, ErrorObjectOwned>(value.map_or(Value::Null, |value| hex(&value)))
        })
        .unwrap();
    module
        .register_subscription(
            "chain_subscribeNewHeads",
            "chain_newHead",
            "chain_unsubscribeNewHeads",
            |_, pending: PendingSubscriptionSink, context, _| async move {
                let mut heads = context.1.subscribe();
                let sink = pending.accept().await?;
                loop {
                    tokio::select! {
                        () = sink.closed() => break,
                        head = heads.recv() => {
                            if head.is_err() {
                                break;
                            }
                            let message = SubscriptionMessage::from_json(&json!({}))?;
                            sink.send(message).await?;
                        }
                    }
                }
                Ok::<(), StringError>(())
            },
        )
        .unwrap();
}
