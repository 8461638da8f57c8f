//! The `gpu-worker` binary: offline runs, help, start and stop.

use athanor_content_store::Client;
use athanor_primitives::{ticket::to_hex, Duty, Ticket};
use athanor_tensor_program::{
    interpret, load, ops::Clamp, trace_root, DType, Node, Op, Operand, Program, Shape, TensorType,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{header, HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
    Router,
};
use bytes::Bytes;
use gpu_worker::api::{JobState, WorkerApiClient, SHUTTING_DOWN};
use jsonrpsee::{
    core::client::Error as RpcError,
    http_client::{HttpClient, HttpClientBuilder},
};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

fn worker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpu-worker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GPU_WORKER_") {
            command.env_remove(name);
        }
    }
    command
}

fn program() -> Vec<u8> {
    Program {
        version: 1,
        max_batch: 8,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape::from([4]),
        }],
        constants: vec![],
        nodes: vec![Node {
            op: Op::Clamp(Clamp { lo: 0, hi: 5 }),
            operands: vec![Operand::Input(0)],
        }],
        outputs: vec![0],
    }
    .encoded()
}

fn run(dir: &Path, input: &[u8], more: &[&str]) -> Output {
    std::fs::write(dir.join("program.bin"), program()).unwrap();
    std::fs::write(dir.join("input.bin"), input).unwrap();
    worker()
        .current_dir(dir)
        .args([
            "run",
            "program.bin",
            "--input",
            "input.bin",
            "--output",
            "output.bin",
        ])
        .args(more)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_short_forms_of_bench_and_selftest_work() {
    let said = |args: &[&str]| {
        // A card is not what is tested here: one job reaches few of its kernels.
        let output = worker()
            .args(args)
            .env("CUDA_VISIBLE_DEVICES", "")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let shapes = ["--gemm", "4x8x16", "2x8x16:i16", "4x8x16:sums"];
    let short = ["--threads", "1", "--runs", "1", "--seconds", "0", "--json"];
    let products = said(&[&["bench", "--backend", "cpu"][..], &shapes, &short].concat());
    let figures: Vec<serde_json::Value> = serde_json::from_str(&products).unwrap();
    let names: Vec<&str> = figures
        .iter()
        .map(|figure| figure["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "gemm_i8_4x8x16_1t",
            "gemm_i16_2x8x16_1t",
            "gemm_i8_4x8x16_sums_1t",
            "hash_1t"
        ]
    );
    assert!(figures
        .iter()
        .all(|figure| figure["value"].as_f64().unwrap() > 0.0));
    let found = said(&["selftest", "--jobs", "1"]);
    assert!(found.contains("selftest: ok"), "{found}");
}

#[test]
fn an_offline_run_prints_the_receipt_and_writes_the_output() {
    let dir = TempDir::new().unwrap();
    let input = [9, 3, 0xFF, 0, 5, 6, 7, 8];
    let output = run(dir.path(), &input, &["--format", "json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let reference = interpret(&load(&program()).unwrap(), 2, &input, &[]).unwrap();
    let hex = |root: [u8; 32]| athanor_primitives::ticket::to_hex(&root);
    assert_eq!(json["trace_root"], hex(trace_root(&reference.trace())));
    assert_eq!(json["output_root"], hex(reference.trace()[0]));
    assert_eq!(json["batch"], 2);
    assert!(json["units"].as_u64().unwrap() > 0);
    assert_eq!(
        std::fs::read(dir.path().join("output.bin")).unwrap(),
        reference.output()
    );
    let table = run(dir.path(), &input, &["--batch", "2"]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains(&hex(reference.trace()[0])), "{text}");
}

#[test]
fn an_offline_run_with_wrong_files_says_what_is_wrong() {
    let dir = TempDir::new().unwrap();
    for (input, more, expected) in [
        (&[1u8; 8][..], &["--batch", "3"][..], "a batch of 3 has 12"),
        (&[1; 7], &[], "no whole number of samples"),
        (&[1; 40], &[], "outside 1..=8"),
        (
            &[1; 8],
            &["--weights", "input.bin"],
            "the program has 0 weights",
        ),
        (&[1; 8], &["--memory", "1"], "a smaller --batch"),
        (&[1; 8], &["--backend", "cuda"], "--backend cuda"),
    ] {
        let output = run(dir.path(), input, more);
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    std::fs::write(dir.path().join("other.bin"), "no program").unwrap();
    let output = worker()
        .current_dir(dir.path())
        .args(["run", "other.bin", "--input", "input.bin"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("not a valid program"),
        "{}",
        stderr(&output)
    );
    let output = worker().args(["run", "--batch", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_digits_model_gives_the_roots_its_makers_published() {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits");
    let model: serde_json::Value =
        serde_json::from_slice(&std::fs::read(digits.join("model.json")).unwrap()).unwrap();
    let weights = model["weights"].as_array().unwrap();
    let output = worker()
        .current_dir(&digits)
        .args([
            "run",
            "program.bin",
            "--input",
            "digits.bin",
            "--format",
            "json",
            "--weights",
        ])
        .args(
            weights
                .iter()
                .map(|weight| weight["file"].as_str().unwrap()),
        )
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let published = |value: &serde_json::Value| format!("0x{}", value.as_str().unwrap());
    assert_eq!(json["trace_root"], published(&model["trace_root"]));
    assert_eq!(json["output_root"], published(&model["output"]["root"]));
    assert_eq!(json["input_root"], published(&model["input"]["root"]));
}

#[test]
fn doctor_says_in_json_and_by_exit_code_whether_serve_can_run() {
    let dir = TempDir::new().unwrap();
    let doctor = |listen: &str| {
        worker()
            .args(["doctor", "--format", "json", "--listen", listen, "--store"])
            .arg(dir.path())
            .output()
            .unwrap()
    };
    let output = doctor("127.0.0.1:0");
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["ok"], true);
    let output = doctor("0.0.0.0:0");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("--token-file"), "{text}");
}

const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon in a process of its own, which dies with this value.
struct Daemon {
    child: Child,
    at: String,
    log: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// Starts a daemon and waits until it says where it listens.
    fn start(dir: &Path, more: &[&str]) -> Daemon {
        let log = dir.join("log.json");
        let mut child = worker()
            .args(["--log-format", "json", "serve", "--listen", "127.0.0.1:0"])
            .arg("--store")
            .arg(dir.join("store"))
            .args(more)
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let at = lines(&log)
                .into_iter()
                .find_map(|line| Some(line["listen"].as_str()?.to_owned()));
            if let Some(at) = at {
                return Daemon { child, at, log };
            }
            let ended = child.try_wait().unwrap();
            let text = fs::read_to_string(&log).unwrap();
            assert!(ended.is_none() && Instant::now() < until, "{text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    fn rpc(&self) -> HttpClient {
        HttpClientBuilder::default().build(self.url()).unwrap()
    }

    async fn put(&self, bytes: &[u8]) {
        let client = Client::new(&self.url(), None).unwrap();
        let bytes = Bytes::copy_from_slice(bytes);
        client.put(&root(&bytes), bytes, |_, _| ()).await.unwrap();
    }

    async fn submit(&self, ticket: Ticket) {
        let program = to_hex(&program());
        self.rpc().submit(ticket, program).await.unwrap();
    }

    async fn wait_for(&self, job: u64, state: JobState) {
        let until = Instant::now() + PATIENCE;
        loop {
            // Known without having been submitted to this process.
            let status = self.rpc().status(job).await.unwrap();
            if status.state == state {
                return;
            }
            assert!(Instant::now() < until, "{status:?}, not {state}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for a line of the log in which `text` occurs.
    fn wait_for_line(&self, text: &str) -> serde_json::Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = lines(&self.log)
                .into_iter()
                .find(|line| line.to_string().contains(text));
            if let Some(line) = found {
                return line;
            }
            let log = fs::read_to_string(&self.log).unwrap();
            assert!(Instant::now() < until, "no {text:?} in {log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    async fn metric(&self, name: &str) -> u64 {
        let answer = reqwest::get(format!("{}/metrics", self.url())).await;
        let text = answer.unwrap().text().await.unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    }

    /// What `doctor` finds with this daemon's settings, by name.
    fn doctor(&self) -> HashMap<String, serde_json::Value> {
        let output = worker()
            .args(["doctor", "--format", "json", "--listen", &self.at])
            .arg("--store")
            .arg(self.log.with_file_name("store"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = json["findings"].as_array().unwrap();
        let name = |finding: &serde_json::Value| finding["name"].as_str().unwrap().to_owned();
        findings.iter().map(|f| (name(f), f.clone())).collect()
    }

    /// As `kill -9` does it.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
    }

    fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it goes on and on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The complete lines of a log.
fn lines(log: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    let parse = |line: &str| serde_json::from_str(line).expect(line);
    complete.lines().map(parse).collect()
}

fn root(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// A job of two samples, with an input of its own.
fn job(number: u64) -> (Ticket, Vec<u8>) {
    let input = vec![number as u8; 8];
    let ticket = Ticket {
        job: number,
        duty: Duty::Accept,
        deadline: 100,
        model: 0,
        program_hash: sp_crypto_hashing::blake2_256(&program()),
        weights: vec![],
        input_root: root(&input),
        batch: 2,
        inline_output: true,
    };
    (ticket, input)
}

/// Waits until `daemon` has done `number` by itself, and compares.
async fn finishes(daemon: &Daemon, number: u64) {
    daemon.wait_for(number, JobState::Done).await;
    let receipt = daemon.rpc().receipt(number).await.unwrap();
    let (_, input) = job(number);
    let reference = interpret(&load(&program()).unwrap(), 2, &input, &[]).unwrap();
    assert_eq!(receipt.node_roots, reference.trace());
    assert_eq!(receipt.output.unwrap().0, reference.output());
}

fn journal(dir: &Path) -> usize {
    fs::read_dir(dir.join("store/jobs")).unwrap().count()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_in_any_phase_goes_on_by_itself() {
    // What the first daemon stops at, the state of the first job then, the state
    // of the second, and how many of the two the second daemon still has to run.
    for (fault, first, second, runs) in [
        ("hold-fetch", JobState::Fetching, JobState::Queued, 2),
        ("hold-run", JobState::Running, JobState::Ready, 2),
        ("hold-store", JobState::Running, JobState::Ready, 2),
        ("hold-receipt", JobState::Running, JobState::Ready, 1),
    ] {
        let dir = TempDir::new().unwrap();
        let daemon = Daemon::start(dir.path(), &["--fetches", "1", "--fault", fault]);
        for number in [1, 2] {
            let (ticket, input) = job(number);
            daemon.put(&input).await;
            daemon.submit(ticket).await;
            let state = if number == 1 { first } else { second };
            daemon.wait_for(number, state).await;
        }
        let line = daemon.wait_for_line("held on purpose");
        assert_eq!(line["span"]["job"], 1, "{line}");
        daemon.kill();
        assert_eq!(journal(dir.path()), 2, "{fault}");

        let daemon = Daemon::start(dir.path(), &[]);
        finishes(&daemon, 1).await;
        finishes(&daemon, 2).await;
        let count = |name| daemon.metric(name);
        assert_eq!(count("athanor_worker_jobs_resumed_total").await, 2);
        assert_eq!(
            count("athanor_worker_run_seconds_count").await,
            runs,
            "{fault}"
        );
        assert_eq!(
            count("athanor_worker_receipts_reused_total").await,
            2 - runs,
            "{fault}"
        );
        assert_eq!(journal(dir.path()), 0, "{fault}");
    }
}

/// A gateway that breaks its first answer off in the middle and never ends it,
/// and keeps the `Range` of every request.
#[derive(Clone)]
struct Broken {
    bytes: Bytes,
    ranges: Arc<Mutex<Vec<Option<u64>>>>,
}

impl Broken {
    async fn start(bytes: Vec<u8>) -> (String, Broken) {
        let broken = Broken {
            bytes: bytes.into(),
            ranges: Arc::default(),
        };
        let router = Router::new()
            .route("/blobs/{root}", get(Broken::serve))
            .with_state(broken.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (url, broken)
    }

    async fn serve(State(this): State<Broken>, request: Request) -> Response {
        let range = request.headers().get(header::RANGE).map(|range| {
            let text = range.to_str().unwrap();
            let from = text.strip_prefix("bytes=").unwrap().trim_end_matches('-');
            from.parse::<u64>().unwrap()
        });
        let first = {
            let mut ranges = this.ranges.lock().unwrap();
            ranges.push(range);
            ranges.len() == 1
        };
        let total = this.bytes.len();
        let from = range.unwrap_or(0) as usize;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, (total - from).into());
        let status = match range {
            None => StatusCode::OK,
            Some(_) => {
                let span = format!("bytes {from}-{}/{total}", total - 1);
                headers.insert(header::CONTENT_RANGE, span.parse().unwrap());
                StatusCode::PARTIAL_CONTENT
            }
        };
        let body = if first {
            let half = this.bytes.slice(..total / 2);
            let (mut send, receive) = tokio::io::duplex(total);
            tokio::spawn(async move {
                tokio::io::AsyncWriteExt::write_all(&mut send, &half)
                    .await
                    .unwrap();
                std::future::pending::<()>().await;
            });
            Body::from_stream(tokio_util::io::ReaderStream::new(receive))
        } else {
            Body::from(this.bytes.slice(from..))
        };
        (status, headers, body).into_response()
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_a_killed_daemon_left_it() {
    let dir = TempDir::new().unwrap();
    let wide = wide_program();
    let samples = 1 << 18;
    let input: Vec<u8> = (0..samples * 16).map(|i: u32| (i >> 7) as u8).collect();
    let ticket = Ticket {
        program_hash: sp_crypto_hashing::blake2_256(&wide),
        batch: samples,
        input_root: root(&input),
        inline_output: false,
        ..job(1).0
    };
    let (url, gateway) = Broken::start(input.clone()).await;
    let daemon = Daemon::start(dir.path(), &["--gateway", &url]);
    daemon.rpc().submit(ticket, to_hex(&wide)).await.unwrap();
    let half = input.len() as u64 / 2;
    let until = Instant::now() + PATIENCE;
    loop {
        let status = daemon.rpc().status(1).await.unwrap();
        if status.work.is_some_and(|work| work.done == half) {
            break;
        }
        assert!(Instant::now() < until, "{status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    daemon.kill();

    let daemon = Daemon::start(dir.path(), &["--gateway", &url]);
    daemon.wait_for(1, JobState::Done).await;
    let receipt = daemon.rpc().receipt(1).await.unwrap();
    let reference = interpret(&load(&wide).unwrap(), samples, &input, &[]).unwrap();
    assert_eq!(receipt.node_roots, reference.trace());
    let ranges = gateway.ranges.lock().unwrap().clone();
    assert_eq!(ranges.len(), 2, "{ranges:?}");
    assert_eq!(ranges[0], None);
    // What the killed process had not yet handed to the system is gone.
    assert!(ranges[1].is_some_and(|from| from >= half / 4), "{ranges:?}");
    let fetched = daemon.metric("athanor_worker_fetched_bytes_total").await;
    assert_eq!(fetched, input.len() as u64);
}

fn wide_program() -> Vec<u8> {
    Program {
        version: 1,
        max_batch: 1 << 20,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape::from([16]),
        }],
        constants: vec![],
        nodes: vec![Node {
            op: Op::Clamp(Clamp { lo: 0, hi: 5 }),
            operands: vec![Operand::Input(0)],
        }],
        outputs: vec![0],
    }
    .encoded()
}

#[cfg(unix)]
#[test]
fn a_daemon_serves_until_sigterm_and_locks_its_store() {
    let dir = TempDir::new().unwrap();
    let mut daemon = Daemon::start(dir.path(), &[]);
    std::net::TcpStream::connect(&daemon.at).unwrap();
    let second = worker()
        .args(["serve", "--listen", "127.0.0.1:0", "--store"])
        .arg(dir.path().join("store"))
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        stderr(&second).contains("another gpu-worker"),
        "{}",
        stderr(&second)
    );
    daemon.terminate();
    assert_eq!(daemon.ended().code(), Some(0));
    Daemon::start(dir.path(), &[]).kill();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn at_sigterm_a_run_that_does_not_end_in_time_is_left_to_the_next_start() {
    let dir = TempDir::new().unwrap();
    let arguments = ["--fault", "hold-run", "--stop-grace", "1"];
    let mut daemon = Daemon::start(dir.path(), &arguments);
    let (ticket, input) = job(1);
    daemon.put(&input).await;
    daemon.submit(ticket).await;
    daemon.wait_for(1, JobState::Running).await;
    daemon.wait_for_line("held on purpose");
    daemon.terminate();
    daemon.wait_for_line("SIGTERM");
    let new = daemon.rpc().submit(job(2).0, to_hex(&program())).await;
    match new {
        Err(RpcError::Call(error)) => assert_eq!(error.code(), SHUTTING_DOWN),
        other => panic!("{other:?}"),
    }
    assert_eq!(daemon.ended().code(), Some(0));
    let daemon = Daemon::start(dir.path(), &[]);
    finishes(&daemon, 1).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_stops_at_once() {
    let dir = TempDir::new().unwrap();
    let arguments = ["--fault", "hold-run", "--stop-grace", "3600"];
    let mut daemon = Daemon::start(dir.path(), &arguments);
    let (ticket, input) = job(1);
    daemon.put(&input).await;
    daemon.submit(ticket).await;
    daemon.wait_for_line("held on purpose");
    daemon.terminate();
    daemon.wait_for_line("SIGTERM: stopping when");
    assert!(daemon.child.try_wait().unwrap().is_none());
    daemon.terminate();
    assert_eq!(daemon.ended().code(), Some(0));
    assert_eq!(journal(dir.path()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_what_a_daemon_does_and_says_where_there_is_none() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(dir.path(), &["--fault", "hold-run"]);
    let (ticket, input) = job(7);
    daemon.put(&input).await;
    daemon.submit(ticket).await;
    daemon.wait_for(7, JobState::Running).await;
    let status = |url: &str, more: &str| {
        let arguments = ["status", "--url", url, more];
        worker()
            .args(&arguments[..3 + usize::from(!more.is_empty())])
            .output()
            .unwrap()
    };
    let json = status(&daemon.url(), "--json");
    assert!(json.status.success(), "{}", stderr(&json));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["ready"], "ready");
    assert_eq!(json["jobs"][0]["status"]["job"], 7);
    assert_eq!(json["jobs"][0]["status"]["state"], "running");
    let table = status(&daemon.url(), "");
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(
        text.contains("running") && text.contains("1 of 64 jobs"),
        "{text}"
    );
    let nobody = status("http://127.0.0.1:1", "");
    assert_eq!(nobody.status.code(), Some(1));
    assert!(
        stderr(&nobody).contains("gpu-worker serve"),
        "{}",
        stderr(&nobody)
    );
}

#[test]
fn doctor_names_the_fault_of_a_daemon_that_runs() {
    let dir = TempDir::new().unwrap();
    let liar = Daemon::start(dir.path(), &["--fault", "wrong-element=3"]);
    let found = liar.doctor();
    let finding = &found["daemon"];
    assert_eq!(finding["verdict"], "bad");
    let text = finding["found"].as_str().unwrap();
    assert!(text.contains("--fault wrong-element=3"), "{text}");
    let next = finding["next"].as_str().unwrap();
    assert!(next.contains("without --fault"), "{next}");
    // The settings at hand have none.
    assert!(!found.contains_key("fault"), "{found:?}");

    let dir = TempDir::new().unwrap();
    let honest = Daemon::start(dir.path(), &[]).doctor();
    let text = honest["port"]["found"].as_str().unwrap();
    assert!(text.contains("there is gpu-worker"), "{text}");
    assert!(!honest.contains_key("daemon"), "{honest:?}");
}

#[test]
fn config_prints_what_serve_would_use_and_hides_the_token() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(path("token"), "very-secret\n").unwrap();
    let file = format!("queue = 3\nfetches = 2\ntoken-file = {:?}\n", path("token"));
    fs::write(path("worker.toml"), file).unwrap();
    let output = worker()
        .env("GPU_WORKER_FETCHES", "5")
        .args(["config", "--threads", "2", "--config", &path("worker.toml")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let origin = |setting: &str| {
        let line = text.lines().find(|line| line.starts_with(setting));
        line.unwrap_or_else(|| panic!("{setting} in {text}"))
            .rsplit_once("# ")
            .unwrap()
            .1
    };
    assert_eq!(origin("queue = 3 "), "file");
    assert_eq!(origin("fetches = 5 "), "environment");
    assert_eq!(origin("threads = 2 "), "flag");
    assert_eq!(origin("stop-grace = 30 "), "default");
    assert!(!text.contains("very-secret"), "{text}");
}

#[test]
fn the_example_configuration_is_one_and_sets_every_setting() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/gpu-worker.toml");
    let text = fs::read_to_string(&example).unwrap();
    // The token's file is there only once systemd has put it there.
    let text = text.replace("\ntoken-file", "\n# token-file");
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("gpu-worker.toml");
    let config = |text: &str| {
        fs::write(&path, text).unwrap();
        let output = worker()
            .args(["config", "--config"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    config(&text);
    // With every comment that is a setting taken away, each one is set.
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") && !rest.starts_with("token-file") => rest,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    for line in config(&all)
        .lines()
        .filter(|line| !line.contains("token-file"))
    {
        assert!(line.ends_with("# file"), "{line}");
    }
}

#[test]
fn the_service_runs_this_program_with_the_example_configuration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let unit = fs::read_to_string(folder.join("gpu-worker.service")).unwrap();
    let value = |key: &str| {
        unit.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or_else(|| panic!("{key}"))
    };
    let command: Vec<&str> = value("ExecStart").split(' ').collect();
    assert_eq!(
        command,
        [
            "/usr/local/bin/gpu-worker",
            "--log-format",
            "json",
            "serve",
            "--config",
            "/etc/athanor/gpu-worker.toml"
        ]
    );
    assert_eq!((value("Type"), value("Restart")), ("notify", "on-failure"));
    // systemd must not kill what the daemon still lets end.
    let config = fs::read_to_string(folder.join("gpu-worker.toml")).unwrap();
    let grace = config
        .lines()
        .find_map(|line| line.trim_start_matches("# ").strip_prefix("stop-grace = "));
    let grace: u64 = grace.unwrap().parse().unwrap();
    let stop: u64 = value("TimeoutStopSec").parse().unwrap();
    // Beside the run: 10 s for requests, 10 s for fetches.
    assert!(stop >= grace + 25, "{stop} {grace}");
    if let Ok(verify) = Command::new("systemd-analyze").arg("--version").output() {
        assert!(verify.status.success());
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("gpu-worker.service");
        // The program is not installed where the tests run.
        let here = env!("CARGO_BIN_EXE_gpu-worker");
        fs::write(&path, unit.replace("/usr/local/bin/gpu-worker", here)).unwrap();
        let verify = Command::new("systemd-analyze")
            .arg("verify")
            .arg(&path)
            .output()
            .unwrap();
        let said = stderr(&verify);
        let ours = said
            .lines()
            .filter(|line| line.contains("gpu-worker.service"));
        let ours: Vec<&str> = ours.collect();
        assert!(ours.is_empty(), "{ours:?}");
    }
}
