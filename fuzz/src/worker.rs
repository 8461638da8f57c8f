//! Targets that need the worker: its own tests run them too, on mutated seeds.

use athanor_content_store::{Limits as StoreLimits, Store};
use athanor_primitives::{ticket::to_hex, Duty, Ticket};
use athanor_worker_duties::{daemon, Request as Question};
use axum::{
    body::{to_bytes, Body},
    http::Request,
    Router,
};
use codec::{Decode, Encode};
use gpu_worker::{
    backend::cpu::Cpu,
    engine::Task,
    journal,
    metrics::Metrics,
    receipts,
    server::{self, Options, MAX_RESPONSE},
    worker::{Settings, Worker},
};
use std::{sync::OnceLock, time::Duration};
use tower::ServiceExt;

/// Clamps four `i8`.
const PROGRAM: &[u8] = &[
    1, 8, 0, 0, 0, 4, 0, 4, 4, 0, 0, 0, 0, 4, 7, 0, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0,
];

/// Decodes a ticket, from SCALE as the node keeps it and from JSON as it comes:
/// what is taken says the same again.
pub fn ticket(data: &[u8]) {
    if let Ok(ticket) = Ticket::decode(&mut &data[..]) {
        let encoded = ticket.encode();
        assert!(data.starts_with(&encoded));
    }
    let Ok(ticket) = serde_json::from_slice::<Ticket>(data) else {
        return;
    };
    let text = serde_json::to_string(&ticket).expect("a ticket is JSON");
    let again: Ticket = serde_json::from_str(&text).expect("its own JSON");
    assert_eq!(again, ticket);
    // Another program than it names, or one that is none.
    for program in [PROGRAM, data] {
        if let Ok(task) = Task::new(ticket.clone(), program) {
            assert!(task.blobs().len() <= 1 + ticket.weights.len());
            let _ = task.check(&Default::default());
        }
    }
}

/// Reads receipts and journal entries from the disk, and the daemon's answers as
/// the node reads them.
pub fn receipt(data: &[u8]) {
    static TASK: OnceLock<Task> = OnceLock::new();
    let task = TASK.get_or_init(|| {
        let ticket = Ticket {
            job: 1,
            duty: Duty::Accept,
            deadline: 1,
            model: 0,
            program_hash: hash(PROGRAM),
            weights: vec![],
            input_root: [1; 32],
            batch: 1,
            inline_output: true,
        };
        Task::new(ticket, PROGRAM).expect("the program is the ticket's")
    });
    if let Ok(outcome) = receipts::parse(data, task) {
        assert_eq!(outcome.node_roots.len(), task.program().node_count());
    }
    if let Some(pending) = journal::parse(data) {
        let _ = Task::new(pending.ticket, &pending.program);
    }
    let cancelled = false;
    for question in [
        Question::Submit { cancelled },
        Question::Status,
        Question::Receipt,
        Question::Cancel,
    ] {
        let _ = daemon::answer(&question, 1, 200, data);
    }
}

/// The hash a ticket names `program` by.
fn hash(program: &[u8]) -> [u8; 32] {
    let loaded = athanor_tensor_program::load(program);
    loaded.expect("a valid program").program().hash()
}

struct Service {
    runtime: tokio::runtime::Runtime,
    router: Router,
    folder: tempfile::TempDir,
}

fn service() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let router = runtime.block_on(async {
            let limits = StoreLimits {
                max_blob: 1 << 16,
                max_total: 1 << 20,
            };
            let store = Store::open(folder.path(), limits).await.expect("a store");
            let backend = std::sync::Arc::new(Cpu::new(1));
            let mut settings = Settings {
                tick: Duration::from_secs(1),
                ..Settings::default()
            };
            settings.limits.queue = 4;
            settings.limits.remembered = 16;
            use gpu_worker::backend::Backend;
            let metrics = Metrics::new(backend.device(), 4).expect("metrics");
            let worker = Worker::start(settings, store.clone(), &[], backend, metrics);
            let worker = worker.expect("a worker");
            server::router(worker, store, &Options::default()).0
        });
        Service {
            runtime,
            router,
            folder,
        }
    })
}

/// Posts a JSON-RPC request, as any program on the machine may: the answer is
/// JSON-RPC, whatever was asked.
pub fn rpc(data: &[u8]) {
    let service = service();
    let request = Request::post("/")
        .header("content-type", "application/json")
        .body(Body::from(data.to_vec()))
        .expect("a request");
    let (status, body) = service.runtime.block_on(async {
        let answer = service.router.clone().oneshot(request);
        let (parts, body) = answer.await.expect("the router answers").into_parts();
        let body = to_bytes(body, MAX_RESPONSE as usize).await;
        (parts.status.as_u16(), body.expect("a bounded answer"))
    });
    match status {
        200 if body.is_empty() => {}
        200 => {
            let answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            let one = match &answer {
                serde_json::Value::Array(answers) => answers.first(),
                one => Some(one),
            };
            let version = one.and_then(|one| one.get("jsonrpc"));
            assert_eq!(version.and_then(|version| version.as_str()), Some("2.0"));
        }
        400 | 408 | 413 => {}
        other => panic!("HTTP status {other}"),
    }
}

/// Removes what the daemon of [`rpc`] left on the disk.
pub fn clean_up() {
    let _ = std::fs::remove_dir_all(service().folder.path());
}

/// Seeds that take what the program's hash is: a submission that is right, and
/// the ticket alone.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let ticket = Ticket {
        job: 1,
        duty: Duty::Accept,
        deadline: 100,
        model: 3,
        program_hash: hash(PROGRAM),
        weights: vec![],
        input_root: [1; 32],
        batch: 2,
        inline_output: true,
    };
    let json = serde_json::json!(ticket);
    let submit = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "worker_submit",
        "params": [ticket, to_hex(PROGRAM)],
    });
    let entry = serde_json::json!({"ticket": ticket, "program": to_hex(PROGRAM)});
    vec![
        ("ticket", json.to_string().into()),
        ("ticket", ticket.encode()),
        ("rpc", submit.to_string().into()),
        ("receipt", entry.to_string().into()),
    ]
}
