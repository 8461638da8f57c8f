//! The state of one block, read from a node by the metadata the node itself serves.

use athanor_primitives::{Duty, JobId, Opening, Question, Root, Ticket};
use athanor_worker_duties::{
    dispute::{Claim, Claimed, Stage, Thread},
    turn::{View, MAX_SLOTS},
    Chain, Shape,
};
use codec::{Compact, Decode, DecodeAll, Encode};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use subxt::{
    backend::LegacyBackend,
    config::{substrate::H256, RpcConfigFor},
    dynamic,
    ext::{
        frame_decode::{helpers::IntoEncodableValues, storage::IntoDecodableValues},
        scale_decode::DecodeAsType,
        scale_value,
    },
    rpcs::{
        client::RpcSubscription,
        methods::legacy::{LegacyRpcMethods, NumberOrHex},
        Error as RpcError, RpcClient,
    },
    utils::AccountId32,
    OnlineClient, OnlineClientAtBlock, SubstrateConfig,
};
use tokio::runtime::Handle;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a node is of no use now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// It can't be reached.
    #[error("the node can't be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("the node did not answer in time")]
    TimedOut,
    /// No new block for a while.
    #[error("the node has had no new block for {0} s")]
    Stalled(u64),
    /// It is not up to date yet.
    #[error("the node is still synchronising")]
    Syncing,
    /// It follows another chain.
    #[error("the node follows another chain than the one before: correct --node")]
    OtherChain,
    /// The runtime does not have what is asked for.
    #[error("the node's chain has no {0}: is it an Athanor chain, of this gpu-worker's version?")]
    Missing(String),
    /// The answer can't be read, or is a refusal.
    #[error("the node's answer is of no use: {0}")]
    Answer(String),
}

fn answer(error: impl std::fmt::Display) -> NodeError {
    NodeError::Answer(error.to_string())
}

/// A connected node.
pub struct Node {
    client: OnlineClient<SubstrateConfig>,
    legacy: LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>,
    rpc: RpcClient,
}

/// The stream of new heads, without what they say.
pub struct Heads(RpcSubscription<serde_json::Value>);

impl Heads {
    /// The next new head. `None` when the connection is closed.
    pub async fn next(&mut self) -> Option<Result<(), NodeError>> {
        match self.0.next().await? {
            Ok(_) => Some(Ok(())),
            Err(error) => Some(Err(answer(error))),
        }
    }
}

impl Node {
    /// Connects to the WebSocket address `url`.
    pub async fn connect(url: &str) -> Result<Self, NodeError> {
        let unreachable = |error: String| NodeError::Unreachable(error);
        let connecting = async {
            let rpc = RpcClient::from_insecure_url(url)
                .await
                .map_err(|error| unreachable(error.to_string()))?;
            let legacy = LegacyRpcMethods::new(rpc.clone());
            let backend = LegacyBackend::builder().build(rpc.clone());
            let client = OnlineClient::from_backend(Arc::new(backend))
                .await
                .map_err(|error| unreachable(error.to_string()))?;
            Ok(Node {
                client,
                legacy,
                rpc,
            })
        };
        let node = within(CONNECT, connecting).await?;
        let health = within(PATIENCE, async {
            node.legacy.system_health().await.map_err(answer)
        });
        if health.await?.is_syncing {
            return Err(NodeError::Syncing);
        }
        Ok(node)
    }

    /// Hash of the chain's genesis block.
    pub fn genesis(&self) -> [u8; 32] {
        self.client.genesis_hash().0
    }

    /// New heads from now on.
    pub async fn heads(&self) -> Result<Heads, NodeError> {
        let subscribing = self.rpc.subscribe(
            "chain_subscribeNewHeads",
            subxt::rpcs::rpc_params![],
            "chain_unsubscribeNewHeads",
        );
        within(PATIENCE, async { subscribing.await.map_err(answer) })
            .await
            .map(Heads)
    }

    /// Hash of the best block.
    pub async fn best(&self) -> Result<H256, NodeError> {
        within(PATIENCE, async {
            self.legacy
                .chain_get_block_hash(None::<NumberOrHex>)
                .await
                .map_err(answer)?
                .ok_or_else(|| answer("there is no best block"))
        })
        .await
    }

    /// The state after `block`, as `account` sees it. To be used outside of async code.
    pub async fn sight(&self, block: H256, account: [u8; 32]) -> Result<Sight, NodeError> {
        let at = within(PATIENCE, async {
            self.client.at_block(block).await.map_err(answer)
        })
        .await?;
        let key = AccountId32(account);
        let nonce = within(PATIENCE, async {
            at.transactions().account_nonce(&key).await.map_err(answer)
        })
        .await?;
        let mut sight = Sight {
            genesis: self.genesis(),
            number: u32::try_from(at.block_number()).map_err(answer)?,
            nonce,
            account,
            at,
            legacy: self.legacy.clone(),
            handle: Handle::current(),
            broken: Mutex::new(None),
            tickets: Vec::new(),
            jobs: Mutex::default(),
            hashes: Mutex::default(),
        };
        let limit = u32::try_from(MAX_SLOTS).unwrap_or(u32::MAX);
        sight.tickets = sight.scale("work", (key, limit)).await?;
        Ok(sight)
    }
}

/// What a panic left behind is as good as before: every write is a single one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, NodeError>>,
) -> Result<T, NodeError> {
    tokio::time::timeout(limit, work)
        .await
        .map_err(|_| NodeError::TimedOut)?
}

/// The part of a live job that duties depend on.
#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct JobView {
    job: JobPart,
    claims: Vec<ClaimPart>,
}

#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct JobPart {
    nodes: u32,
    outputs: Vec<u16>,
    output_len: u64,
    replicas: Vec<ReplicaPart>,
}

#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ReplicaPart {
    worker: [u8; 32],
    commitment: Option<[u8; 32]>,
    trace_root: Option<[u8; 32]>,
    fault: Option<scale_value::Value>,
}

#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ClaimPart {
    trace_root: [u8; 32],
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ClaimView {
    deadline: u32,
    ticket: TicketPart,
    claims: Vec<TracePart>,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct TicketPart {
    job: JobId,
    deadline: u32,
    model: u64,
    program_hash: [u8; 32],
    weights: Vec<[u8; 32]>,
    input_root: [u8; 32],
    batch: u32,
    inline_output: bool,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct TracePart {
    trace_root: [u8; 32],
    struck: bool,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ThreadView {
    id: u32,
    thread: ThreadPart,
    answers: Vec<Vec<u8>>,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ThreadPart {
    challenger: [u8; 32],
    kind: KindPart,
    status: StatusPart,
    deadline: u32,
    opening: Option<OpeningPart>,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
enum KindPart {
    Dispute { announcement: [u8; 32], since: u32 },
    Delivery {},
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
enum StatusPart {
    Announced,
    Asked,
    Answered,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct OpeningPart {
    trace_root: [u8; 32],
    node: u16,
    salt: [u8; 32],
}

impl From<OpeningPart> for Opening {
    fn from(part: OpeningPart) -> Self {
        let OpeningPart {
            trace_root,
            node,
            salt,
        } = part;
        Opening {
            trace_root,
            node,
            salt,
        }
    }
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ProgramView {
    bytes: Vec<u8>,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountInfo {
    data: AccountData,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountData {
    free: u128,
    frozen: u128,
}

/// The state after one block. What is not known yet is asked for when it is needed; once
/// the node has failed, nothing is, and nothing may be stored or signed.
pub struct Sight {
    at: OnlineClientAtBlock<SubstrateConfig>,
    legacy: LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>,
    handle: Handle,
    genesis: [u8; 32],
    number: u32,
    nonce: u64,
    account: [u8; 32],
    tickets: Vec<Ticket>,
    broken: Mutex<Option<NodeError>>,
    jobs: Mutex<BTreeMap<JobId, Option<JobView>>>,
    hashes: Mutex<BTreeMap<u32, Option<[u8; 32]>>>,
}

impl Sight {
    /// Why the node failed, if it did.
    pub fn broken(&self) -> Option<NodeError> {
        lock(&self.broken).clone()
    }

    /// Whether the key is assigned to a job.
    pub fn has_tickets(&self) -> bool {
        !self.tickets.is_empty()
    }

    /// The block's state itself.
    pub(super) fn at(&self) -> &OnlineClientAtBlock<SubstrateConfig> {
        &self.at
    }

    /// Runs async code from the thread of a turn.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }

    /// What `work` gives. `None` when the node fails at it, or did before.
    fn get<T>(&self, work: impl Future<Output = Result<T, NodeError>>) -> Option<T> {
        if lock(&self.broken).is_some() {
            return None;
        }
        match self.wait(within(PATIENCE, work)) {
            Ok(value) => Some(value),
            Err(error) => {
                *lock(&self.broken) = Some(error);
                None
            }
        }
    }

    /// What the account can spend, in the smallest unit.
    pub fn balance(&self) -> Result<u128, NodeError> {
        let account = AccountId32(self.account);
        let info: Option<AccountInfo> = self.wait(within(
            PATIENCE,
            self.storage("System", "Account", (account,)),
        ))?;
        Ok(info.map_or(0, |info| info.data.free.saturating_sub(info.data.frozen)))
    }

    /// What a worker's account is filled up to.
    pub fn float(&self) -> Result<u128, NodeError> {
        let missing = || NodeError::Missing("constant ComputeJobs.WorkerFloat".into());
        let constant = self
            .at
            .metadata_ref()
            .pallet_by_name("ComputeJobs")
            .and_then(|pallet| pallet.constant_by_name("WorkerFloat"))
            .ok_or_else(missing)?;
        u128::decode_all(&mut constant.value()).map_err(answer)
    }

    /// Canonical encoding of a program.
    pub(super) fn program(&self, hash: [u8; 32]) -> Option<Vec<u8>> {
        let program: Option<ProgramView> = self.get(self.view("Programs", "program", (hash,)))?;
        program.map(|program| program.bytes)
    }

    /// Gives an extrinsic to the node's pool. `false` only if the pool refused it: when
    /// nothing is known, it may be on its way.
    pub(super) fn submit(&self, extrinsic: &[u8]) -> bool {
        if lock(&self.broken).is_some() {
            return true;
        }
        let sending = async {
            match self.legacy.author_submit_extrinsic(extrinsic).await {
                Ok(_) => Ok(true),
                Err(RpcError::User(refusal)) => {
                    let detail = refusal.data.map(|data| data.get().to_owned());
                    let detail = detail.unwrap_or_default();
                    tracing::debug!(%refusal.message, detail, "the pool refused a transaction");
                    Ok(false)
                }
                Err(error) => Err(answer(error)),
            }
        };
        self.get(sending).unwrap_or(true)
    }

    /// The answer of a view function of `ComputeJobs`, decoded as the type itself says.
    async fn scale<T: Decode, Args: IntoEncodableValues>(
        &self,
        function: &str,
        args: Args,
    ) -> Result<T, NodeError> {
        let (bytes, _) = self.raw_view("ComputeJobs", function, args).await?;
        T::decode_all(&mut &bytes[..]).map_err(answer)
    }

    /// The answer of a view function, decoded as the metadata says.
    async fn view<T: DecodeAsType, Args: IntoEncodableValues>(
        &self,
        pallet: &str,
        function: &str,
        args: Args,
    ) -> Result<T, NodeError> {
        let (bytes, ty) = self.raw_view(pallet, function, args).await?;
        T::decode_as_type(&mut &bytes[..], ty, self.at.metadata_ref().types()).map_err(answer)
    }

    // subxt 0.50.3 encodes neither the length of the arguments nor the result around the
    // answer, so its own `view_functions().call` cannot be used.
    async fn raw_view<Args: IntoEncodableValues>(
        &self,
        pallet: &str,
        function: &str,
        args: Args,
    ) -> Result<(Vec<u8>, u32), NodeError> {
        let missing = || NodeError::Missing(format!("view function {pallet}.{function}"));
        let ty = self
            .at
            .metadata_ref()
            .pallet_by_name(pallet)
            .and_then(|pallet| pallet.view_function_by_name(function))
            .ok_or_else(missing)?
            .output_ty();
        let views = self.at.view_functions();
        let payload = dynamic::view_function_call::<_, ()>(pallet, function, args);
        let encoded = views.encode_args(payload).map_err(answer)?;
        let (query, arguments) = encoded.split_at_checked(32).ok_or_else(missing)?;
        let mut request = query.to_vec();
        arguments.encode_to(&mut request);
        let reply = views.call_raw(Some(&request)).await.map_err(answer)?;
        let mut reply = &reply[..];
        match u8::decode(&mut reply) {
            Ok(0) => {}
            Ok(1) => return Err(missing()),
            _ => return Err(answer("a view function's answer is malformed")),
        }
        let Compact(length) = Compact::<u32>::decode(&mut reply).map_err(answer)?;
        if usize::try_from(length) != Ok(reply.len()) {
            return Err(answer("a view function's answer is cut short"));
        }
        Ok((reply.to_vec(), ty))
    }

    async fn storage<T: DecodeAsType, Keys: IntoEncodableValues + IntoDecodableValues>(
        &self,
        pallet: &str,
        entry: &str,
        keys: Keys,
    ) -> Result<Option<T>, NodeError> {
        let address = dynamic::storage::<Keys, ()>(pallet, entry);
        let storage = self.at.storage();
        let item = storage
            .entry(address)
            .map_err(|_| NodeError::Missing(format!("storage {pallet}.{entry}")))?
            .try_fetch(keys)
            .await
            .map_err(answer)?;
        let types = self.at.metadata_ref().types();
        item.map(|item| T::decode_as_type(&mut item.bytes(), item.type_id(), types))
            .transpose()
            .map_err(answer)
    }

    fn job(&self, job: JobId) -> Option<JobView> {
        if let Some(known) = lock(&self.jobs).get(&job) {
            return known.clone();
        }
        let view: Option<JobView> = self.get(self.view("ComputeJobs", "job", (job,)))?;
        lock(&self.jobs).insert(job, view.clone());
        view
    }

    fn with_threads(&self, view: ClaimView) -> Option<Claimed> {
        let job = view.ticket.job;
        let threads: Vec<ThreadView> = self.get(self.view("ComputeJobs", "threads", (job,)))?;
        let threads = threads
            .into_iter()
            .filter(|it| it.thread.challenger == self.account)
            .filter_map(
                |ThreadView {
                     id,
                     thread,
                     answers,
                 }| {
                    let KindPart::Dispute {
                        announcement,
                        since,
                    } = thread.kind
                    else {
                        return None;
                    };
                    let stage = match (thread.status, thread.opening) {
                        (StatusPart::Announced, _) | (_, None) => Stage::Announced {
                            announcement,
                            at: since,
                        },
                        (StatusPart::Asked, Some(opening)) => Stage::Asked {
                            opening: opening.into(),
                        },
                        (StatusPart::Answered, Some(opening)) => Stage::Answered {
                            opening: opening.into(),
                            answers,
                        },
                    };
                    Some(Thread {
                        id,
                        deadline: thread.deadline,
                        stage,
                    })
                },
            )
            .collect();
        let ticket = view.ticket;
        let claims = view.claims.into_iter().map(|claim| Claim {
            trace_root: claim.trace_root,
            struck: claim.struck,
        });
        Some(Claimed {
            ticket: Ticket {
                job,
                duty: Duty::Wait,
                deadline: ticket.deadline,
                model: ticket.model,
                program_hash: ticket.program_hash,
                weights: ticket.weights,
                input_root: ticket.input_root,
                batch: ticket.batch,
                inline_output: ticket.inline_output,
            },
            closes: view.deadline,
            claims: claims.collect(),
            threads,
        })
    }

    fn claim_views(&self, from: JobId, limit: usize) -> Vec<ClaimView> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.get(self.view("ComputeJobs", "claims", (from, limit)))
            .unwrap_or_default()
    }
}

impl Chain for Sight {
    fn genesis(&self) -> [u8; 32] {
        self.genesis
    }

    fn block(&self) -> u32 {
        self.number
    }

    fn nonce(&self) -> u64 {
        self.nonce
    }

    fn spec_version(&self) -> u32 {
        self.at.spec_version()
    }

    fn hash(&self, block: u32) -> Option<[u8; 32]> {
        if block == self.number {
            return Some(self.at.block_hash().0);
        }
        if block > self.number {
            return None;
        }
        if let Some(known) = lock(&self.hashes).get(&block) {
            return *known;
        }
        // The state's own list holds the ancestors of this very block.
        let hash: Option<[u8; 32]> = self.get(self.storage("System", "BlockHash", (block,)))?;
        let hash = hash.filter(|hash| *hash != [0; 32]);
        lock(&self.hashes).insert(block, hash);
        hash
    }

    fn shape(&self, ticket: &Ticket) -> Option<Shape> {
        let view = self.job(ticket.job)?;
        Some(Shape {
            nodes: view.job.nodes,
            outputs: view.job.outputs,
            output_len: view.job.output_len,
        })
    }

    fn committed(&self, job: JobId) -> Option<[u8; 32]> {
        let view = self.job(job)?;
        let mut replicas = view.job.replicas.iter();
        replicas
            .find(|replica| replica.worker == self.account)?
            .commitment
    }

    fn roots_known(&self, job: JobId, trace_root: &Root) -> bool {
        let claims = self.job(job).map(|view| view.claims).unwrap_or_default();
        claims.iter().any(|claim| claim.trace_root == *trace_root)
    }
}

impl View for Sight {
    fn tickets(&self, limit: usize) -> Vec<Ticket> {
        self.tickets.iter().take(limit).cloned().collect()
    }

    fn is_assigned(&self, job: JobId) -> bool {
        self.tickets.iter().any(|ticket| ticket.job == job)
    }

    fn questions(&self, limit: usize) -> Vec<(Question, u32)> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let asked = self.scale("questions", (AccountId32(self.account), limit));
        let questions: Vec<Question> = self.get(asked).unwrap_or_default();
        let place = |question: &Question| {
            let view = self.job(question.job)?;
            let mut group = view.job.replicas.iter().filter(|replica| {
                replica.trace_root == Some(question.trace_root) && replica.fault.is_none()
            });
            let place = group.position(|replica| replica.worker == self.account)?;
            u32::try_from(place).ok()
        };
        questions
            .into_iter()
            .map(|question| {
                let place = place(&question).unwrap_or(0);
                (question, place)
            })
            .collect()
    }

    fn claimed(&self, job: JobId) -> Option<Claimed> {
        let view = self.claim_views(job, 1).pop()?;
        (view.ticket.job == job).then(|| self.with_threads(view))?
    }

    fn claims(&self, from: JobId, limit: usize) -> Vec<Claimed> {
        self.claim_views(from, limit)
            .into_iter()
            .filter_map(|view| self.with_threads(view))
            .collect()
    }

    fn trace(&self, job: JobId, trace_root: &Root) -> Option<Vec<Root>> {
        self.get(self.scale("trace", (job, *trace_root)))?
    }
}
