//! What surrounds an off-chain worker: local storage, clock, HTTP with a daemon at
//! its other end, and a transaction pool. Unlike the SDK's test extension it knows
//! failing status codes, silence and refused connections.

use athanor_primitives::{ticket::to_hex, JobId, Root};
use serde_json::{json, Value};
use sp_core::offchain::{
    storage::InMemOffchainStorage, DbExternalities, Externalities, HttpError, HttpRequestId,
    HttpRequestStatus, OffchainDbExt, OffchainStorage, OffchainWorkerExt, OpaqueNetworkState,
    StorageKind, Timestamp, TransactionPool, TransactionPoolExt,
};
use sp_core::OpaquePeerId;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// Where the daemon listens.
pub(crate) const URL: &str = "http://127.0.0.1:9955";

/// How the daemon behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Honest,
    /// Nobody listens.
    Dead,
    /// It listens and never answers.
    Silent,
    /// It answers with this status and body.
    Says(u16, Vec<u8>),
    /// Its trace root is not the hash of its roots.
    Lying,
}

struct Request {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    answer: Option<(u16, Vec<u8>)>,
    read: usize,
}

pub(crate) struct World {
    pub(crate) clock: u64,
    seed: u8,
    storage: InMemOffchainStorage,
    requests: BTreeMap<u16, Request>,
    next_request: u16,
    pub(crate) mood: Mood,
    /// Token the daemon wants.
    pub(crate) token: Option<String>,
    /// Tickets it knows.
    pub(crate) tickets: BTreeMap<JobId, Value>,
    /// It has run what it knows.
    pub(crate) done: bool,
    /// Roots of a run, and its output if it goes inline.
    pub(crate) roots: Vec<Root>,
    pub(crate) outputs: Vec<u16>,
    pub(crate) output: Option<Vec<u8>>,
    /// It can't run what it knows.
    pub(crate) failed: bool,
    /// Its next step in a dispute that was answered.
    pub(crate) step: Value,
    /// What it answers to challengers.
    pub(crate) answer: Vec<u8>,
    /// Methods called.
    pub(crate) called: Vec<String>,
    /// What the pool holds.
    pub(crate) pool: Vec<Vec<u8>>,
    /// Every transaction that was ever submitted.
    pub(crate) submitted: Vec<Vec<u8>>,
    pub(crate) pool_refuses: bool,
}

impl World {
    /// The reply to one JSON-RPC request.
    fn reply(&mut self, request: &Request) -> (u16, Vec<u8>) {
        if let Mood::Says(status, body) = &self.mood {
            return (*status, body.clone());
        }
        let header = |name: &str| {
            request
                .headers
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(header("Content-Type").as_deref(), Some("application/json"));
        if let Some(token) = &self.token {
            if header("Authorization") != Some(format!("Bearer {token}")) {
                return (401, b"no".to_vec());
            }
        }
        let call: Value = serde_json::from_slice(&request.body).expect("requests are JSON");
        let method = call["method"].as_str().expect("a method").to_string();
        self.called.push(method.clone());
        let id = call["id"].clone();
        let error = |code: i64| {
            let body =
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "no"}});
            (200, body.to_string().into_bytes())
        };
        let job = match method.as_str() {
            "worker_submit" | "worker_watch" => {
                let ticket = call["params"][0].clone();
                let job = ticket["job"].as_u64().expect("a job");
                assert!(call["params"][1]
                    .as_str()
                    .expect("a program")
                    .starts_with("0x"));
                self.tickets.insert(job, ticket);
                job
            }
            _ => call["params"][0].as_u64().expect("a job"),
        };
        if !self.tickets.contains_key(&job) {
            return error(-32011);
        }
        let result = match method.as_str() {
            "worker_dispute" if call["params"][3] == json!([]) => json!({"step": "ask"}),
            "worker_dispute" => self.step.clone(),
            "worker_answer" => json!(to_hex(&self.answer)),
            "worker_receipt" if !self.done => return error(-32012),
            "worker_receipt" => {
                let honest = athanor_tensor_program::trace_root(&self.roots);
                let trace = if self.mood == Mood::Lying {
                    [7; 32]
                } else {
                    honest
                };
                let output = athanor_tensor_program::output_root(&self.outputs, &self.roots);
                json!({
                    "job": job,
                    "trace_root": to_hex(&trace),
                    "output_root": to_hex(&output.expect("an output")),
                    "node_roots": self.roots.iter().map(|root| to_hex(root)).collect::<Vec<_>>(),
                    "output": self.output.as_ref().map(|bytes| to_hex(bytes)),
                })
            }
            _ => json!({
                "job": job,
                "state": match (self.failed, self.done) {
                    (true, _) => "failed",
                    (_, true) => "done",
                    _ => "running",
                },
                "held": true,
                "progress": 50,
                "error": self.failed.then(|| json!({"code": "no_blob", "message": "nowhere"})),
            }),
        };
        (
            200,
            json!({"jsonrpc": "2.0", "id": id, "result": result})
                .to_string()
                .into_bytes(),
        )
    }
}

/// A handle on the world, to be registered as the extensions.
#[derive(Clone)]
pub(crate) struct Node(Arc<Mutex<World>>);

impl Node {
    pub(crate) fn new() -> Self {
        let node = Node(Arc::new(Mutex::new(World {
            clock: 1_000_000,
            seed: 0,
            storage: InMemOffchainStorage::default(),
            requests: BTreeMap::new(),
            next_request: 0,
            mood: Mood::Honest,
            token: None,
            tickets: BTreeMap::new(),
            done: false,
            roots: vec![],
            outputs: vec![],
            output: None,
            failed: false,
            step: Value::Null,
            answer: vec![],
            called: vec![],
            pool: vec![],
            submitted: vec![],
            pool_refuses: false,
        })));
        node.configure(athanor_primitives::OFFCHAIN_WORKER_URL, URL);
        node
    }

    pub(crate) fn register(&self, ext: &mut sp_io::TestExternalities) {
        ext.register_extension(OffchainWorkerExt::new(self.clone()));
        ext.register_extension(OffchainDbExt::new(self.clone()));
        ext.register_extension(TransactionPoolExt::new(self.clone()));
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Writes a setting as the node's flags do.
    pub(crate) fn configure(&self, key: &[u8], value: &str) {
        let value = codec::Encode::encode(&value.as_bytes().to_vec());
        self.world().storage.set(b"", key, &value);
    }

    pub(crate) fn unconfigure(&self, key: &[u8]) {
        self.world().storage.remove(b"", key);
    }

    /// Keys and values in local storage that begin with `prefix`.
    pub(crate) fn stored(&self, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.world()
            .storage
            .clone()
            .into_iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .collect()
    }

    pub(crate) fn set_stored(&self, key: &[u8], value: &[u8]) {
        self.world().storage.set(b"", key, value);
    }

    pub(crate) fn forget(&self, prefix: &[u8]) {
        for (key, _) in self.stored(prefix) {
            self.world().storage.remove(b"", &key);
        }
    }

    /// What was called since the last time.
    pub(crate) fn take_called(&self) -> Vec<String> {
        std::mem::take(&mut self.world().called)
    }
}

impl Externalities for Node {
    fn is_validator(&self) -> bool {
        false
    }

    fn network_state(&self) -> Result<OpaqueNetworkState, ()> {
        Err(())
    }

    fn timestamp(&mut self) -> Timestamp {
        Timestamp::from_unix_millis(self.world().clock)
    }

    fn sleep_until(&mut self, deadline: Timestamp) {
        self.world().clock = deadline.unix_millis();
    }

    fn random_seed(&mut self) -> [u8; 32] {
        let mut world = self.world();
        world.seed += 1;
        [world.seed; 32]
    }

    fn http_request_start(
        &mut self,
        method: &str,
        uri: &str,
        _: &[u8],
    ) -> Result<HttpRequestId, ()> {
        assert_eq!((method, uri), ("POST", URL));
        let mut world = self.world();
        let id = world.next_request;
        world.next_request += 1;
        let request = Request {
            headers: vec![],
            body: vec![],
            answer: None,
            read: 0,
        };
        world.requests.insert(id, request);
        Ok(HttpRequestId(id))
    }

    fn http_request_add_header(
        &mut self,
        id: HttpRequestId,
        name: &str,
        value: &str,
    ) -> Result<(), ()> {
        let mut world = self.world();
        let request = world.requests.get_mut(&id.0).ok_or(())?;
        request.headers.push((name.into(), value.into()));
        Ok(())
    }

    fn http_request_write_body(
        &mut self,
        id: HttpRequestId,
        chunk: &[u8],
        deadline: Option<Timestamp>,
    ) -> Result<(), HttpError> {
        assert!(deadline.is_some(), "a request without deadline could hang");
        let mut world = self.world();
        let request = world.requests.get_mut(&id.0).ok_or(HttpError::Invalid)?;
        request.body.extend_from_slice(chunk);
        Ok(())
    }

    fn http_response_wait(
        &mut self,
        ids: &[HttpRequestId],
        deadline: Option<Timestamp>,
    ) -> Vec<HttpRequestStatus> {
        let deadline = deadline.expect("waiting without deadline could hang");
        let mut world = self.world();
        ids.iter()
            .map(|id| {
                let Some(mut request) = world.requests.remove(&id.0) else {
                    return HttpRequestStatus::Invalid;
                };
                match world.mood {
                    Mood::Dead => return HttpRequestStatus::IoError,
                    Mood::Silent => {
                        world.clock = world.clock.max(deadline.unix_millis());
                        return HttpRequestStatus::DeadlineReached;
                    }
                    _ => {}
                }
                let answer = world.reply(&request);
                let status = answer.0;
                request.answer = Some(answer);
                world.requests.insert(id.0, request);
                HttpRequestStatus::Finished(status)
            })
            .collect()
    }

    fn http_response_headers(&mut self, _: HttpRequestId) -> Vec<(Vec<u8>, Vec<u8>)> {
        vec![]
    }

    fn http_response_read_body(
        &mut self,
        id: HttpRequestId,
        buffer: &mut [u8],
        deadline: Option<Timestamp>,
    ) -> Result<usize, HttpError> {
        assert!(deadline.is_some(), "reading without deadline could hang");
        let mut world = self.world();
        let request = world.requests.get_mut(&id.0).ok_or(HttpError::Invalid)?;
        let (_, body) = request.answer.as_ref().ok_or(HttpError::Invalid)?;
        let rest = &body[request.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        request.read += count;
        Ok(count)
    }

    fn set_authorized_nodes(&mut self, _: Vec<OpaquePeerId>, _: bool) {}
}

impl DbExternalities for Node {
    fn local_storage_set(&mut self, kind: StorageKind, key: &[u8], value: &[u8]) {
        assert_eq!(kind, StorageKind::PERSISTENT);
        self.world().storage.set(b"", key, value);
    }

    fn local_storage_clear(&mut self, kind: StorageKind, key: &[u8]) {
        assert_eq!(kind, StorageKind::PERSISTENT);
        self.world().storage.remove(b"", key);
    }

    fn local_storage_compare_and_set(
        &mut self,
        kind: StorageKind,
        key: &[u8],
        old: Option<&[u8]>,
        new: &[u8],
    ) -> bool {
        assert_eq!(kind, StorageKind::PERSISTENT);
        self.world().storage.compare_and_set(b"", key, old, new)
    }

    fn local_storage_get(&mut self, kind: StorageKind, key: &[u8]) -> Option<Vec<u8>> {
        assert_eq!(kind, StorageKind::PERSISTENT);
        self.world().storage.get(b"", key)
    }
}

impl TransactionPool for Node {
    fn submit_transaction(&mut self, extrinsic: Vec<u8>) -> Result<(), ()> {
        let mut world = self.world();
        if world.pool_refuses || world.pool.contains(&extrinsic) {
            return Err(());
        }
        world.pool.push(extrinsic.clone());
        if !world.submitted.contains(&extrinsic) {
            world.submitted.push(extrinsic);
        }
        Ok(())
    }
}
