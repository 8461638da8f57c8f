//! The daemon over loopback: HTTP, WebSocket, blobs, bad input.

use athanor_content_store::{Client, Limits as StoreLimits, Store};
use athanor_primitives::{
    dispute::{Asked, Question, Value},
    ticket::to_hex,
    Duty, JobId, Ticket,
};
use athanor_tensor_program::{
    interpret, load, ops::Clamp, ops::Lut8, Constant, DType, Execution, Node, Op, Operand, Program,
    Shape, TensorType,
};
use axum::{http::StatusCode, routing::get, Router};
use bytes::Bytes;
use gpu_worker::{
    api::{
        DisputeStep, JobReceipt, JobState, OtherThread, Readiness, Roots, Status, WorkerApiClient,
        BAD_ANSWERS, BAD_PROGRAM, NOT_DONE, OTHER_TICKET, QUEUE_FULL, SHUTTING_DOWN, UNKNOWN_JOB,
    },
    backend::{cpu::Cpu, Backend, BackendError, Control, Device, Run, Trace},
    metrics::Metrics,
    server::{self, Options, Token, MAX_REQUEST},
    worker::{Fault, Settings, Worker},
};
use jsonrpsee::{
    core::client::Error as RpcError,
    http_client::{HeaderMap, HttpClient, HttpClientBuilder},
    ws_client::WsClientBuilder,
};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

const BATCH: u32 = 40;

/// A table by root, then a clamp: one weight, two nodes, one output.
fn program() -> Vec<u8> {
    let i8s = |shape| TensorType {
        dtype: DType::I8,
        shape,
    };
    Program {
        version: 1,
        max_batch: 1_000,
        inputs: vec![i8s(Shape::from([16]))],
        constants: vec![Constant::Root {
            ty: i8s(Shape::from([256])),
        }],
        nodes: vec![
            Node {
                op: Op::Lut8(Lut8),
                operands: vec![Operand::Input(0), Operand::Const(0)],
            },
            Node {
                op: Op::Clamp(Clamp { lo: -100, hi: 100 }),
                operands: vec![Operand::Node(0)],
            },
        ],
        outputs: vec![1],
    }
    .encoded()
}

fn table() -> Vec<u8> {
    (0..=255u8).rev().collect()
}

fn input(batch: u32) -> Vec<u8> {
    (0..batch * 16).map(|i| (i * 7 + i / 256) as u8).collect()
}

fn root(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

fn ticket(job: JobId) -> Ticket {
    Ticket {
        job,
        duty: Duty::Accept,
        deadline: 100,
        model: 3,
        program_hash: sp_crypto_hashing::blake2_256(&program()),
        weights: vec![root(&table())],
        input_root: root(&input(BATCH)),
        batch: BATCH,
        inline_output: false,
    }
}

fn reference(batch: u32) -> Execution {
    interpret(
        &load(&program()).unwrap(),
        batch,
        &input(batch),
        &[&table()],
    )
    .unwrap()
}

struct Daemon {
    at: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    token: Option<&'static str>,
}

struct Setup {
    settings: Settings,
    gateways: Vec<String>,
    token: Option<&'static str>,
    backend: Arc<dyn Backend>,
    store_limit: u64,
    finish: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        let mut settings = Settings {
            tick: Duration::from_millis(10),
            ..Settings::default()
        };
        settings.limits.backoff = Duration::from_millis(20);
        Setup {
            settings,
            gateways: vec![],
            token: None,
            backend: Arc::new(Cpu::new(2)),
            store_limit: 1 << 24,
            finish: Duration::ZERO,
        }
    }
}

impl Setup {
    async fn start(self, dir: &Path) -> Daemon {
        let store = Store::open(
            dir,
            StoreLimits {
                max_blob: 1 << 20,
                max_total: self.store_limit,
            },
        )
        .await
        .unwrap();
        let metrics = Metrics::new(self.backend.device(), self.settings.limits.queue).unwrap();
        let worker = Worker::start(
            self.settings,
            store.clone(),
            &self.gateways,
            self.backend,
            metrics,
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let options = Options {
            token: self.token.and_then(Token::new),
            finish: self.finish,
            ..Options::default()
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stop = async {
                stopped.await.ok();
            };
            server::serve(
                listener,
                worker,
                store,
                options,
                stop,
                std::future::pending(),
            )
            .await
            .unwrap();
        });
        Daemon {
            at,
            stop: Some(stop),
            task,
            token: self.token,
        }
    }
}

async fn start(dir: &TempDir) -> Daemon {
    Setup::default().start(dir.path()).await
}

impl Daemon {
    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    fn rpc(&self) -> HttpClient {
        let mut headers = HeaderMap::new();
        if let Some(token) = self.token {
            headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        HttpClientBuilder::default()
            .set_headers(headers)
            .build(self.url())
            .unwrap()
    }

    fn blobs(&self) -> Client {
        Client::new(&self.url(), self.token.map(Into::into)).unwrap()
    }

    async fn put(&self, bytes: Vec<u8>) {
        self.blobs()
            .put(&root(&bytes), Bytes::from(bytes), |_, _| ())
            .await
            .unwrap();
    }

    async fn put_all(&self) {
        self.put(table()).await;
        self.put(input(BATCH)).await;
    }

    async fn submit(&self, ticket: Ticket) -> Status {
        self.rpc().submit(ticket, to_hex(&program())).await.unwrap()
    }

    async fn wait_for(&self, job: JobId, state: JobState) -> Status {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let status = self.rpc().status(job).await.unwrap();
            if status.state == state {
                return status;
            }
            assert!(
                Instant::now() < until,
                "still {status:?} instead of {state:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn done(&self, job: JobId) -> JobReceipt {
        self.wait_for(job, JobState::Done).await;
        self.rpc().receipt(job).await.unwrap()
    }

    async fn metric(&self, line: &str) -> bool {
        let text = reqwest::get(format!("{}/metrics", self.url()))
            .await
            .unwrap();
        text.text()
            .await
            .unwrap()
            .lines()
            .any(|other| other == line)
    }

    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.task.await.unwrap();
    }

    /// Posts `body` and gives the HTTP status and the text of the answer.
    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let answer = reqwest::Client::new()
            .post(self.url())
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn post_json(&self, body: serde_json::Value) -> serde_json::Value {
        serde_json::from_str(&self.post(body.to_string()).await.1).unwrap()
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, RpcError>) -> i32 {
    match result.unwrap_err() {
        RpcError::Call(error) => error.code(),
        other => panic!("not a JSON-RPC error: {other}"),
    }
}

fn trouble(status: &Status) -> &str {
    &status.error.as_ref().unwrap().code
}

/// A gateway that gives the same bytes under every root.
async fn liar(bytes: &'static [u8]) -> String {
    serve_router(Router::new().route("/blobs/{root}", get(move || async move { bytes }))).await
}

async fn serve_router(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A CPU that waits until the gate is open.
struct Gated {
    cpu: Cpu,
    open: Arc<AtomicBool>,
}

impl Gated {
    fn shared() -> (Arc<dyn Backend>, Arc<AtomicBool>) {
        let open = Arc::new(AtomicBool::new(false));
        (
            Arc::new(Gated {
                cpu: Cpu::new(1),
                open: open.clone(),
            }),
            open,
        )
    }
}

impl Backend for Gated {
    fn device(&self) -> &Device {
        self.cpu.device()
    }

    fn run(&self, run: Run<'_>, control: &dyn Control) -> Result<Trace, BackendError> {
        while !self.open.load(Ordering::Relaxed) {
            if control.stopped() {
                return Err(BackendError::Stopped);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.cpu.run(run, control)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_from_submit_to_receipt_over_http() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put_all().await;
    let status = daemon.submit(ticket(1)).await;
    assert_eq!((status.job, status.error), (1, None));
    let receipt = daemon.done(1).await;
    let status = daemon.rpc().status(1).await.unwrap();
    assert_eq!((status.held, status.progress), (true, 100));
    let expected = reference(BATCH);
    assert_eq!(receipt.node_roots, expected.trace());
    assert_eq!(
        receipt.trace_root,
        athanor_tensor_program::trace_root(&expected.trace())
    );
    assert_eq!(receipt.output_root, root(&expected.output()));
    assert_eq!(receipt.output, None);
    let output = daemon
        .blobs()
        .get(&receipt.output_root, None, 1 << 20, |_, _| ())
        .await
        .unwrap();
    assert_eq!(output, expected.output());
    let trace = daemon
        .blobs()
        .get(&receipt.trace_root, None, 1 << 20, |_, _| ())
        .await
        .unwrap();
    assert_eq!(trace, expected.trace().concat());
    assert!(daemon.metric("athanor_worker_jobs{state=\"done\"} 1").await);
    assert!(
        daemon
            .metric("athanor_worker_jobs_ended_total{outcome=\"done\"} 1")
            .await
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_from_submit_to_receipt_over_websocket() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put_all().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{}", daemon.at))
        .await
        .unwrap();
    let capabilities = client.capabilities().await.unwrap();
    assert_eq!(
        (capabilities.backend.as_str(), capabilities.semantic_version),
        ("cpu", 1)
    );
    client.submit(ticket(1), to_hex(&program())).await.unwrap();
    daemon.wait_for(1, JobState::Done).await;
    assert_eq!(
        client.receipt(1).await.unwrap().node_roots,
        reference(BATCH).trace()
    );
    assert_eq!(code(client.status(2).await), UNKNOWN_JOB);
    // An open session doesn't keep the daemon from stopping.
    daemon.stop().await;
    assert!(client.status(1).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_output_comes_inline_when_the_ticket_wants_it() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put(table()).await;
    for (job, batch, inline_output) in [(1, 64, true), (2, 64, false), (3, 65, true)] {
        daemon.put(input(batch)).await;
        let ticket = Ticket {
            batch,
            inline_output,
            input_root: root(&input(batch)),
            ..ticket(job)
        };
        daemon.submit(ticket).await;
        let output = daemon.done(job).await.output.map(|bytes| bytes.0);
        let expected = (job == 1).then(|| reference(batch).output());
        assert_eq!(output, expected, "job {job}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_ticket_may_be_submitted_again_and_runs_once() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    let receipt = daemon.done(1).await;
    let again = Ticket {
        duty: Duty::Reveal,
        deadline: 777,
        ..ticket(1)
    };
    assert_eq!(daemon.submit(again).await.state, JobState::Done);
    assert_eq!(daemon.rpc().receipt(1).await.unwrap(), receipt);
    assert!(daemon.metric("athanor_worker_run_seconds_count 1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ticket_for_the_same_job_is_an_error_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    let receipt = daemon.done(1).await;
    let other = Ticket {
        batch: 2,
        ..ticket(1)
    };
    let answer = daemon.rpc().submit(other.clone(), to_hex(&program())).await;
    assert_eq!(code(answer), OTHER_TICKET);
    assert_eq!(daemon.rpc().receipt(1).await.unwrap(), receipt);
    assert!(daemon.rpc().cancel(1).await.unwrap());
    assert!(daemon.rpc().submit(other, to_hex(&program())).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_nobody_submitted_is_unknown() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    assert_eq!(code(daemon.rpc().status(9).await), UNKNOWN_JOB);
    assert_eq!(code(daemon.rpc().receipt(9).await), UNKNOWN_JOB);
    assert!(!daemon.rpc().cancel(9).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_input_is_waited_for_and_said_so() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put(table()).await;
    daemon.submit(ticket(1)).await;
    let until = Instant::now() + Duration::from_secs(20);
    let status = loop {
        let status = daemon.wait_for(1, JobState::Fetching).await;
        if status.error.is_some() {
            break status;
        }
        assert!(Instant::now() < until);
    };
    assert_eq!((trouble(&status), status.held), ("blob_missing", false));
    assert!(status.error.unwrap().message.contains("no --gateway"));
    assert_eq!(code(daemon.rpc().receipt(1).await), NOT_DONE);
    daemon.put(input(BATCH)).await;
    assert_eq!(daemon.done(1).await.node_roots, reference(BATCH).trace());
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_come_from_a_gateway_that_has_them() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gateway = start(&other).await;
    gateway.put_all().await;
    let setup = Setup {
        gateways: vec!["http://127.0.0.1:1".into(), gateway.url()],
        ..Setup::default()
    };
    let daemon = setup.start(dir.path()).await;
    daemon.submit(ticket(1)).await;
    daemon.submit(ticket(2)).await;
    assert_eq!(daemon.done(1).await.node_roots, reference(BATCH).trace());
    daemon.done(2).await;
    let bytes = table().len() + input(BATCH).len();
    assert!(
        daemon
            .metric(&format!("athanor_worker_fetched_bytes_total {bytes}"))
            .await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_gateway_gets_the_job_refused_and_nothing_stored() {
    for (bytes, expected) in [
        (&[7u8; 256][..], "root_mismatch"),
        (&[7u8; 255][..], "wrong_length"),
        (&[7u8; 100_000][..], "wrong_length"),
    ] {
        let dir = TempDir::new().unwrap();
        let setup = Setup {
            gateways: vec![liar(bytes).await],
            ..Setup::default()
        };
        let daemon = setup.start(dir.path()).await;
        daemon.submit(ticket(1)).await;
        let status = daemon.wait_for(1, JobState::Refused).await;
        assert_eq!((trouble(&status), status.held), (expected, false));
        assert_eq!(code(daemon.rpc().receipt(1).await), NOT_DONE);
        for root in [root(&table()), root(bytes)] {
            assert_eq!(daemon.blobs().head(&root).await.unwrap(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_gateway_does_no_harm_beside_an_honest_one() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let honest = start(&other).await;
    honest.put_all().await;
    let setup = Setup {
        gateways: vec![liar(&[7; 256]).await, honest.url()],
        ..Setup::default()
    };
    let daemon = setup.start(dir.path()).await;
    daemon.submit(ticket(1)).await;
    assert_eq!(daemon.done(1).await.node_roots, reference(BATCH).trace());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_breaks_is_waited_for() {
    let broken = Router::new().route(
        "/blobs/{root}",
        get(|| async { StatusCode::INTERNAL_SERVER_ERROR }),
    );
    let dir = TempDir::new().unwrap();
    let setup = Setup {
        gateways: vec![serve_router(broken).await],
        ..Setup::default()
    };
    let daemon = setup.start(dir.path()).await;
    daemon.submit(ticket(1)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        daemon.rpc().status(1).await.unwrap().state,
        JobState::Fetching
    );
    daemon.put_all().await;
    daemon.done(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_blob_of_another_length_gets_the_job_refused() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put_all().await;
    daemon
        .submit(Ticket {
            input_root: root(&table()),
            ..ticket(1)
        })
        .await;
    let status = daemon.wait_for(1, JobState::Refused).await;
    assert_eq!(trouble(&status), "wrong_length");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_over_the_limits_is_refused_with_its_code() {
    let mut setup = Setup::default();
    setup.settings.limits.memory = 100;
    let dir = TempDir::new().unwrap();
    let daemon = setup.start(dir.path()).await;
    let status = daemon.submit(ticket(1)).await;
    assert_eq!(
        (status.state, trouble(&status)),
        (JobState::Refused, "memory_limit")
    );
    let status = daemon
        .submit(Ticket {
            batch: 0,
            ..ticket(2)
        })
        .await;
    assert_eq!(trouble(&status), "batch_out_of_range");
    let status = daemon
        .submit(Ticket {
            weights: vec![],
            ..ticket(3)
        })
        .await;
    assert_eq!(trouble(&status), "weights_count");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_none_is_an_error_and_the_job_stays_unknown() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    let rpc = daemon.rpc();
    let garbage = vec![0xAB; 65_536];
    let other_hash = Ticket {
        program_hash: sp_crypto_hashing::blake2_256(&garbage),
        ..ticket(1)
    };
    for (ticket, program, expected) in [
        (ticket(1), to_hex(&vec![0; 65_537]), BAD_PROGRAM),
        (ticket(1), to_hex(&garbage), BAD_PROGRAM),
        (other_hash, to_hex(&garbage), BAD_PROGRAM),
        (ticket(1), "0x0".into(), -32_602),
        (ticket(1), "zz".into(), -32_602),
        (ticket(1), String::new(), -32_602),
    ] {
        let size = program.len();
        assert_eq!(
            code(rpc.submit(ticket, program).await),
            expected,
            "{size} characters"
        );
    }
    assert_eq!(code(rpc.status(1).await), UNKNOWN_JOB);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_the_limit_is_refused_with_413() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    let long = "{".repeat(MAX_REQUEST as usize + 1);
    assert_eq!(daemon.post(long.clone()).await.0, 413);
    let stream = axum::body::Body::from(long).into_data_stream();
    assert_eq!(daemon.post(reqwest::Body::wrap_stream(stream)).await.0, 413);
    assert!(daemon.rpc().capabilities().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_json_rpc_errors() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    assert_eq!(daemon.post("").await.0, 400);
    assert_eq!(daemon.post("no json").await.0, 400);
    let (_, text) = daemon.post("{\"jsonrpc\":").await;
    assert!(text.contains("-32700"), "{text}");
    let call = |method: &str, params: serde_json::Value| serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let ticket = serde_json::to_value(ticket(1)).unwrap();
    let with = |field: &str, value: serde_json::Value| {
        let mut ticket = ticket.clone();
        ticket[field] = value;
        serde_json::json!([ticket, "0x00"])
    };
    for (method, params, expected) in [
        ("worker_nothing", serde_json::json!([]), -32_601),
        ("worker_status", serde_json::json!([]), -32_602),
        ("worker_status", serde_json::json!(["one"]), -32_602),
        ("worker_status", serde_json::json!([-1]), -32_602),
        ("worker_submit", serde_json::json!([ticket]), -32_602),
        ("worker_submit", serde_json::json!([{}, "0x00"]), -32_602),
        ("worker_submit", with("input_root", "0x12".into()), -32_602),
        ("worker_submit", with("duty", "sleep".into()), -32_602),
        (
            "worker_submit",
            with("batch", serde_json::json!(1u64 << 32)),
            -32_602,
        ),
        (
            "worker_submit",
            with("weights", serde_json::json!(vec![to_hex(&[0; 32]); 1_025])),
            -32_602,
        ),
    ] {
        let answer = daemon.post_json(call(method, params.clone())).await;
        assert_eq!(answer["error"]["code"], expected, "{method}: {answer}");
    }
    let batch = vec![call("worker_capabilities", serde_json::json!([])); 17];
    let answer = daemon.post_json(batch.into()).await;
    assert!(answer["error"]["code"].is_i64(), "{answer}");
    let get = reqwest::get(daemon.url()).await.unwrap();
    assert_eq!(get.status().as_u16(), 405);
    let text = reqwest::Client::new()
        .post(daemon.url())
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(text.status().as_u16(), 415);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_request_without_a_length_is_read() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    let body = serde_json::json!({
        "jsonrpc": "2.0", "id": 5, "method": "worker_submit",
        "params": [ticket(5), to_hex(&program())],
    })
    .to_string();
    let mut stream = TcpStream::connect(daemon.at).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: worker\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for piece in body.as_bytes().chunks(100) {
        let size = format!("{:x}\r\n", piece.len());
        stream
            .write_all(&[size.as_bytes(), piece, b"\r\n"].concat())
            .await
            .unwrap();
        stream.flush().await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("\"id\":5") && answer.contains("\"state\":\"fetching\""),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_set_nothing_works_without_it() {
    let dir = TempDir::new().unwrap();
    let daemon = Setup {
        token: Some("secret"),
        ..Setup::default()
    }
    .start(dir.path())
    .await;
    for wrong in [None, Some("wrong"), Some("")] {
        let stranger = Daemon {
            at: daemon.at,
            stop: None,
            task: tokio::spawn(async {}),
            token: wrong,
        };
        match stranger.rpc().capabilities().await.unwrap_err() {
            RpcError::Transport(error) => assert!(error.to_string().contains("401"), "{error}"),
            other => panic!("{other}"),
        }
        let put = reqwest::Client::new()
            .put(format!(
                "{}/blobs/{}",
                daemon.url(),
                &to_hex(&root(b"x"))[2..]
            ))
            .bearer_auth(wrong.unwrap_or_default())
            .body("x");
        assert_eq!(put.send().await.unwrap().status().as_u16(), 401);
    }
    let ws = WsClientBuilder::default()
        .build(format!("ws://{}", daemon.at))
        .await;
    assert!(ws.is_err());
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer secret".parse().unwrap());
    let ws = WsClientBuilder::default()
        .set_headers(headers)
        .build(format!("ws://{}", daemon.at))
        .await
        .unwrap();
    assert!(ws.capabilities().await.is_ok());
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    daemon.done(1).await;
    assert!(daemon.metric("athanor_worker_denied_total 4").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_may_not_call() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"worker_capabilities","params":[]}"#;
    let post = reqwest::Client::new()
        .post(daemon.url())
        .header("content-type", "application/json")
        .body(body);
    let from_page = post
        .try_clone()
        .unwrap()
        .header("origin", "https://page.example");
    assert_eq!(from_page.send().await.unwrap().status().as_u16(), 403);
    assert_eq!(post.send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_so_and_takes_more_once_there_is_room() {
    let (backend, open) = Gated::shared();
    let mut setup = Setup {
        backend,
        ..Setup::default()
    };
    setup.settings.limits.queue = 2;
    let dir = TempDir::new().unwrap();
    let daemon = setup.start(dir.path()).await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    daemon.submit(ticket(2)).await;
    let third = daemon.rpc().submit(ticket(3), to_hex(&program())).await;
    assert_eq!(code(third), QUEUE_FULL);
    assert_eq!(code(daemon.rpc().status(3).await), UNKNOWN_JOB);
    open.store(true, Ordering::Relaxed);
    daemon.done(1).await;
    daemon.submit(ticket(3)).await;
    daemon.done(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_stops_and_makes_room_for_the_next() {
    let (backend, open) = Gated::shared();
    let dir = TempDir::new().unwrap();
    let daemon = Setup {
        backend,
        ..Setup::default()
    }
    .start(dir.path())
    .await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    daemon.wait_for(1, JobState::Running).await;
    daemon.submit(ticket(2)).await;
    let waiting = daemon.wait_for(2, JobState::Ready).await;
    assert!(waiting.held);
    assert!(daemon.rpc().cancel(1).await.unwrap());
    assert_eq!(code(daemon.rpc().status(1).await), UNKNOWN_JOB);
    assert!(!daemon.rpc().cancel(1).await.unwrap());
    daemon.wait_for(2, JobState::Running).await;
    open.store(true, Ordering::Relaxed);
    assert_eq!(daemon.done(2).await.node_roots, reference(BATCH).trace());
    daemon.submit(ticket(1)).await;
    daemon.done(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_stops_does_not_wait_for_its_run() {
    let (backend, _shut) = Gated::shared();
    let dir = TempDir::new().unwrap();
    let daemon = Setup {
        backend,
        ..Setup::default()
    }
    .start(dir.path())
    .await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    daemon.wait_for(1, JobState::Running).await;
    let started = Instant::now();
    daemon.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_daemon_knows_nothing_and_gives_the_same_receipt() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    let receipt = daemon.done(1).await;
    daemon.stop().await;

    let daemon = start(&dir).await;
    assert_eq!(code(daemon.rpc().status(1).await), UNKNOWN_JOB);
    let status = daemon.submit(ticket(1)).await;
    assert_eq!((status.state, status.held), (JobState::Done, true));
    assert_eq!(daemon.rpc().receipt(1).await.unwrap(), receipt);
    assert!(
        daemon
            .metric("athanor_worker_receipts_reused_total 1")
            .await
    );
    assert!(daemon.metric("athanor_worker_run_seconds_count 0").await);
    daemon.stop().await;

    for file in std::fs::read_dir(dir.path().join("receipts")).unwrap() {
        std::fs::write(file.unwrap().path(), "{ rotten").unwrap();
    }
    let daemon = start(&dir).await;
    assert_ne!(daemon.submit(ticket(1)).await.state, JobState::Done);
    assert_eq!(daemon.done(1).await, receipt);
    assert!(daemon.metric("athanor_worker_run_seconds_count 1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_whose_output_is_gone_is_made_again() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    let receipt = daemon.done(1).await;
    daemon.stop().await;
    let store = Store::open(dir.path(), StoreLimits::default())
        .await
        .unwrap();
    assert!(store.remove(&receipt.output_root).await.unwrap());

    let daemon = start(&dir).await;
    daemon.submit(ticket(1)).await;
    assert_eq!(daemon.done(1).await, receipt);
    assert!(daemon
        .blobs()
        .head(&receipt.output_root)
        .await
        .unwrap()
        .is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_rotted_on_the_disk_is_fetched_again() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gateway = start(&other).await;
    gateway.put_all().await;
    let setup = Setup {
        gateways: vec![gateway.url()],
        ..Setup::default()
    };
    let daemon = setup.start(dir.path()).await;
    daemon.put_all().await;
    let store = Store::open(dir.path(), StoreLimits::default())
        .await
        .unwrap();
    let path = store.path(&root(&input(BATCH))).await.unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(&path, permissions).unwrap();
    std::fs::write(&path, vec![0; input(BATCH).len()]).unwrap();
    daemon.submit(ticket(1)).await;
    assert_eq!(daemon.done(1).await.node_roots, reference(BATCH).trace());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fault_flag_changes_the_last_root_and_keeps_no_receipt() {
    let dir = TempDir::new().unwrap();
    let mut setup = Setup::default();
    setup.settings.fault = Some(Fault::WrongOutput);
    let daemon = setup.start(dir.path()).await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    let wrong = daemon.done(1).await;
    let honest = reference(BATCH);
    assert_eq!(wrong.node_roots[0], honest.trace()[0]);
    assert_ne!(wrong.node_roots[1], honest.trace()[1]);
    assert_ne!(
        wrong.trace_root,
        athanor_tensor_program::trace_root(&honest.trace())
    );
    assert_eq!(
        wrong.trace_root,
        athanor_tensor_program::trace_root(&wrong.node_roots)
    );
    // The wrong output is served under its wrong root, as a liar would.
    let mut output = honest.output();
    *output.last_mut().unwrap() ^= 0xFF;
    let served = daemon
        .blobs()
        .get(&wrong.output_root, None, 1 << 20, |_, _| ())
        .await
        .unwrap();
    assert_eq!(served, output);
    daemon.stop().await;

    let daemon = start(&dir).await;
    daemon.submit(ticket(1)).await;
    assert_eq!(daemon.done(1).await.node_roots, honest.trace());
}

#[tokio::test(flavor = "multi_thread")]
async fn old_jobs_blobs_are_removed_and_weights_stay() {
    let dir = TempDir::new().unwrap();
    let daemon = start(&dir).await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    let receipt = daemon.done(1).await;
    daemon.stop().await;
    tokio::time::sleep(Duration::from_millis(20)).await;

    let mut setup = Setup::default();
    setup.settings.retention = Some(Duration::from_millis(10));
    let daemon = setup.start(dir.path()).await;
    let until = Instant::now() + Duration::from_secs(20);
    while daemon
        .blobs()
        .head(&receipt.output_root)
        .await
        .unwrap()
        .is_some()
    {
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let held = |root| {
        let blobs = daemon.blobs();
        async move { blobs.head(&root).await.unwrap().is_some() }
    };
    while held(receipt.trace_root).await || held(ticket(1).input_root).await {
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(held(root(&table())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_need_no_token() {
    let dir = TempDir::new().unwrap();
    let daemon = Setup {
        token: Some("secret"),
        ..Setup::default()
    }
    .start(dir.path())
    .await;
    let health = reqwest::get(format!("{}/healthz", daemon.url()))
        .await
        .unwrap();
    assert_eq!(health.status().as_u16(), 200);
    assert!(daemon.metric("athanor_worker_queue_limit 64").await);
    let nowhere = reqwest::get(format!("{}/nowhere", daemon.url()))
        .await
        .unwrap();
    assert_eq!(nowhere.status().as_u16(), 404);
}

#[tokio::test]
async fn a_job_without_room_for_its_output_is_refused_before_anything_is_fetched() {
    let dir = TempDir::new().unwrap();
    let blobs = (table().len() + input(BATCH).len()) as u64;
    let output = reference(BATCH).output().len() as u64;
    let trace = 32 * reference(BATCH).trace().len() as u64;
    let setup = Setup {
        store_limit: blobs + 2 * output + trace - 1,
        ..Setup::default()
    };
    let daemon = setup.start(dir.path()).await;
    let status = daemon.submit(ticket(1)).await;
    assert_eq!(
        (status.state, trouble(&status)),
        (JobState::Refused, "store_limit")
    );
    assert!(status.error.unwrap().message.contains("--store-limit"));
    daemon.stop().await;
}

/// A job with an input of its own: `BATCH` samples of `byte`.
fn own_input(job: JobId, byte: u8) -> (Ticket, Vec<u8>) {
    let input = vec![byte; BATCH as usize * 16];
    let ticket = Ticket {
        input_root: root(&input),
        ..ticket(job)
    };
    (ticket, input)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_drops_what_was_unused_longest_and_nothing_that_is_needed() {
    let (backend, open) = Gated::shared();
    let (dir, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gateway = start(&there).await;
    gateway.put_all().await;
    let daemon = Setup {
        backend,
        store_limit: 6_000,
        gateways: vec![gateway.url()],
        ..Setup::default()
    }
    .start(dir.path())
    .await;
    // One job is done, one runs.
    open.store(true, Ordering::Relaxed);
    let (done, done_input) = own_input(1, 1);
    daemon.put(done_input.clone()).await;
    daemon.submit(done).await;
    let receipt = daemon.done(1).await;
    open.store(false, Ordering::Relaxed);
    let (live, live_input) = own_input(2, 2);
    daemon.put(live_input.clone()).await;
    daemon.submit(live).await;
    daemon.wait_for(2, JobState::Running).await;
    // Uploads that nobody needs, the oldest of them read again.
    let spare: Vec<Vec<u8>> = (10..13).map(|byte| vec![byte; 1_000]).collect();
    for bytes in &spare {
        daemon.put(bytes.clone()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let first = root(&spare[0]);
    daemon
        .blobs()
        .get(&first, None, 1_000, |_, _| ())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;

    daemon.put(vec![13; 1_000]).await;
    let held = |root| {
        let blobs = daemon.blobs();
        async move { blobs.head(&root).await.unwrap().is_some() }
    };
    assert!(!held(root(&spare[1])).await, "unused longest");
    assert!(held(first).await, "read since");
    for needed in [
        root(&table()),
        root(&live_input),
        root(&done_input),
        receipt.trace_root,
        receipt.output_root,
    ] {
        assert!(held(needed).await);
    }
    // A fetch makes room as an upload does, and what can't fit says so.
    daemon.submit(ticket(3)).await;
    daemon.wait_for(3, JobState::Ready).await;
    assert!(!held(root(&spare[2])).await);
    let surplus = Bytes::from(vec![14; 5_000]);
    let error = daemon
        .blobs()
        .put(&root(&surplus), surplus, |_, _| ())
        .await;
    assert!(error.unwrap_err().to_string().contains("507"));
    assert!(held(root(&live_input)).await && held(receipt.output_root).await);
    open.store(true, Ordering::Relaxed);
    daemon.done(2).await;
    daemon.done(3).await;
    daemon.stop().await;
}

/// A gateway that gives `bytes` under every root: the first `quick` of them at
/// once, the rest when told to.
async fn stalling(bytes: Vec<u8>, quick: usize) -> (String, Arc<tokio::sync::Notify>) {
    let go = Arc::new(tokio::sync::Notify::new());
    let tell = go.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (bytes, go) = (bytes.clone(), go.clone());
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                let _ = stream.read(&mut request).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", bytes.len());
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&bytes[..quick]).await;
                go.notified().await;
                let _ = stream.write_all(&bytes[quick..]).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (url, tell)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_under_way_shows_its_bytes_and_rate() {
    let dir = TempDir::new().unwrap();
    let (url, go) = stalling(input(BATCH), 100).await;
    let daemon = Setup {
        gateways: vec![url],
        ..Setup::default()
    }
    .start(dir.path())
    .await;
    daemon.put(table()).await;
    daemon.submit(ticket(1)).await;
    let until = Instant::now() + Duration::from_secs(20);
    let work = loop {
        let status = daemon.rpc().status(1).await.unwrap();
        if let Some(work) = status.work.filter(|work| work.per_second.is_some()) {
            break work;
        }
        assert!(Instant::now() < until, "{status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let (held, total) = (
        table().len() as u64,
        (table().len() + input(BATCH).len()) as u64,
    );
    assert_eq!((work.done, work.total), (held + 100, total));
    assert!(work.eta_seconds.is_some());
    go.notify_one();
    daemon.done(1).await;
    assert_eq!(daemon.rpc().status(1).await.unwrap().work, None);
    let phases = daemon.rpc().overview().await.unwrap().jobs[0].phases;
    assert!(phases.fetching >= 0.1, "{phases:?}");
    for phase in ["queued", "fetching", "ready", "running"] {
        let line = format!("athanor_worker_phase_seconds_count{{phase=\"{phase}\"}} 1");
        assert!(daemon.metric(&line).await, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_cancelled_while_it_downloads_is_gone_at_once() {
    let dir = TempDir::new().unwrap();
    let (url, _go) = stalling(input(BATCH), 100).await;
    let mut setup = Setup {
        gateways: vec![url],
        ..Setup::default()
    };
    setup.settings.limits.fetches = 1;
    let daemon = setup.start(dir.path()).await;
    daemon.put(table()).await;
    daemon.submit(ticket(1)).await;
    daemon.wait_for(1, JobState::Fetching).await;
    let journal = || std::fs::read_dir(dir.path().join("jobs")).unwrap().count();
    assert_eq!(journal(), 1);
    assert!(daemon.rpc().cancel(1).await.unwrap());
    assert_eq!(code(daemon.rpc().status(1).await), UNKNOWN_JOB);
    assert_eq!(journal(), 0);
    // The only fetch slot is free again.
    let (other, bytes) = own_input(2, 7);
    daemon.put(bytes).await;
    daemon.submit(other).await;
    daemon.done(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_told_to_stop_lets_its_run_end_and_takes_no_more() {
    let (backend, open) = Gated::shared();
    let dir = TempDir::new().unwrap();
    let mut daemon = Setup {
        backend,
        finish: Duration::from_secs(60),
        ..Setup::default()
    }
    .start(dir.path())
    .await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    daemon.wait_for(1, JobState::Running).await;
    let (waits, bytes) = own_input(2, 7);
    daemon.put(bytes).await;
    daemon.submit(waits.clone()).await;
    daemon.wait_for(2, JobState::Ready).await;
    let url = format!("{}/readyz", daemon.url());
    let ready = || async {
        let answer = reqwest::get(&url).await;
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(ready().await, (200, "ready\n".into()));
    daemon.stop.take().unwrap().send(()).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while ready().await != (503, "stopping\n".into()) {
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let new = daemon.rpc().submit(ticket(3), to_hex(&program())).await;
    assert_eq!(code(new), SHUTTING_DOWN);
    assert_eq!(
        daemon.rpc().status(1).await.unwrap().state,
        JobState::Running
    );
    open.store(true, Ordering::Relaxed);
    daemon.task.await.unwrap();

    // The run had its time; the job that waited goes on by itself.
    let daemon = start(&dir).await;
    assert_eq!(daemon.submit(ticket(1)).await.state, JobState::Done);
    daemon.done(2).await;
    assert!(daemon.metric("athanor_worker_jobs_resumed_total 1").await);
    assert!(daemon.metric("athanor_worker_run_seconds_count 1").await);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_tells_operators_what_goes_on() {
    let (backend, open) = Gated::shared();
    let dir = TempDir::new().unwrap();
    let mut setup = Setup {
        backend,
        ..Setup::default()
    };
    setup.settings.limits.queue = 2;
    let daemon = setup.start(dir.path()).await;
    daemon.put_all().await;
    daemon.submit(ticket(1)).await;
    daemon.wait_for(1, JobState::Running).await;
    daemon.submit(ticket(2)).await;
    daemon.wait_for(2, JobState::Ready).await;
    let overview = daemon.rpc().overview().await.unwrap();
    assert_eq!((overview.live, overview.left_out), (2, 0));
    assert_eq!(overview.ready, Readiness::QueueFull);
    let jobs: Vec<_> = overview
        .jobs
        .iter()
        .map(|job| (job.status.job, job.status.state))
        .collect();
    assert_eq!(jobs, [(1, JobState::Running), (2, JobState::Ready)]);
    let used = (table().len() + input(BATCH).len()) as u64;
    assert_eq!((overview.store_used, overview.store_limit), (used, 1 << 24));
    assert!(daemon.metric("athanor_worker_ready 0").await);
    assert!(
        daemon
            .metric(&format!("athanor_worker_store_bytes {used}"))
            .await
    );
    open.store(true, Ordering::Relaxed);
    daemon.done(2).await;
    assert!(daemon.metric("athanor_worker_ready 1").await);
}

#[tokio::test]
async fn an_input_is_marked_when_its_fetch_starts() {
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let gateway = start(&there).await;
    gateway.put(input(BATCH)).await;
    let setup = Setup {
        gateways: vec![gateway.url()],
        ..Setup::default()
    };
    let daemon = setup.start(here.path()).await;
    daemon.submit(ticket(1)).await;
    let marker = |bytes: &[u8]| {
        let name = to_hex(&root(bytes)).replace("0x", "") + ".input";
        here.path().join("receipts").join(name)
    };
    let until = Instant::now() + Duration::from_secs(20);
    while !marker(&input(BATCH)).exists() {
        assert!(Instant::now() < until, "the input was never marked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!marker(&table()).exists(), "weights stay");
    daemon.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disputes_are_had_over_json_rpc() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut lying = Setup::default();
    lying.settings.fault = Some(Fault::WrongElement(1));
    let liar = lying.start(other.path()).await;
    let watcher = start(&dir).await;
    for daemon in [&liar, &watcher] {
        daemon.put_all().await;
    }
    liar.submit(ticket(1)).await;
    let claim = liar.done(1).await;
    let rpc = watcher.rpc();
    let status = rpc
        .watch(ticket(1), to_hex(&program()), None)
        .await
        .unwrap();
    assert_eq!(status.job, 1);
    assert_ne!(watcher.done(1).await.node_roots, claim.node_roots);

    let roots = || Roots(claim.node_roots.clone());
    let ask = rpc
        .dispute(1, roots(), 1, vec![], None, None)
        .await
        .unwrap();
    assert_eq!(ask, DisputeStep::Ask { threads: 1 });
    let question = Question {
        job: 1,
        thread: 4,
        trace_root: claim.trace_root,
        value: Value::Node(1),
        root: claim.node_roots[1],
        len: u64::from(BATCH) * 16,
        asked: Asked::Subtree {
            start: 0,
            count: 1,
            value: claim.node_roots[1],
        },
        deadline: 9,
    };
    let answer = liar.rpc().answer(1, question.clone()).await.unwrap();
    assert_eq!(root(&answer.0), claim.node_roots[1]);
    let step = rpc
        .dispute(1, roots(), 1, vec![to_hex(&answer.0)], None, None)
        .await
        .unwrap();
    assert!(matches!(step, DisputeStep::Prove { .. }), "{step:?}");

    let wrong = rpc
        .dispute(1, roots(), 1, vec![to_hex(&[1; 640])], None, None)
        .await;
    assert_eq!(code(wrong), BAD_ANSWERS);
    for texts in [
        vec!["zz".into()],
        vec!["0x".into(); 4],
        vec![to_hex(&[0; 32_769])],
    ] {
        let others = vec![OtherThread {
            turn: 1,
            answers: texts.clone(),
        }];
        let beside = rpc.dispute(1, roots(), 1, vec![], Some(0), Some(others));
        assert_eq!(code(beside.await), BAD_ANSWERS);
        let refused = rpc.dispute(1, roots(), 1, texts, None, None).await;
        assert_eq!(code(refused), BAD_ANSWERS);
    }
    let unknown = rpc.dispute(2, roots(), 1, vec![], None, None).await;
    assert_eq!(code(unknown), UNKNOWN_JOB);
    assert_eq!(
        code(rpc.dispute(1, roots(), 2, vec![], None, None).await),
        -32_602
    );
    let claim_too_long = rpc
        .dispute(1, Roots(vec![[0; 32]; 1_025]), 1, vec![], None, None)
        .await;
    assert_eq!(code(claim_too_long), -32_602);
    assert_eq!(code(rpc.answer(1, question.clone()).await), -32_602);
    assert_eq!(code(rpc.answer(2, question).await), -32_602);
    // The longest call: as many roots and answers as may be.
    let longest = |turn| OtherThread {
        turn,
        answers: vec![to_hex(&[0; 32_768]); 3],
    };
    let most = rpc
        .dispute(
            1,
            Roots(vec![[0; 32]; 1_024]),
            1,
            vec![to_hex(&[0; 32_768]); 3],
            Some(0),
            Some(vec![longest(1), longest(2)]),
        )
        .await;
    assert_eq!(code(most), -32_602);
}
