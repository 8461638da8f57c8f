//! `provide` against nodes that speak JSON-RPC over WebSocket, with a chain behind them
//! that checks every signature, nonce and era as a real one does.

#[path = "provide/chain.rs"]
mod chain;

use athanor_primitives::ticket::to_hex;
use axum::{extract::State, routing::post, Router};
use chain::{Chain, Node, JOB};
use gpu_worker::provide::{provide, records::RecordsError, stats::Stats, ProvideError, Settings};
use serde_json::{json, Value};
use std::{
    future::Future,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use subxt_signer::sr25519::{dev, Keypair};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

fn key() -> Keypair {
    dev::alice()
}

/// A daemon whose runs are done as soon as they are submitted.
async fn daemon() -> String {
    #[derive(Default)]
    struct Known(bool);
    async fn call(State(known): State<Arc<Mutex<Known>>>, body: String) -> String {
        let call: Value = serde_json::from_str(&body).unwrap();
        let mut guard = known.lock().unwrap();
        let known = &mut guard.0;
        let good = |value: Value| json!({"jsonrpc": "2.0", "id": call["id"], "result": value});
        if call["method"] == "worker_submit" {
            assert_eq!(call["params"][1], to_hex(&chain::PROGRAM));
            *known = true;
        }
        let reply = match (call["method"].as_str().unwrap(), *known) {
            (_, false) => json!({"jsonrpc": "2.0", "id": call["id"],
                "error": {"code": -32011, "message": "unknown"}}),
            ("worker_receipt", _) => {
                let roots = chain::roots();
                good(json!({
                    "job": JOB,
                    "trace_root": to_hex(&athanor_tensor_program::trace_root(&roots)),
                    "output_root": to_hex(&roots[1]),
                    "node_roots": roots.iter().map(|root| to_hex(root)).collect::<Vec<_>>(),
                    "output": null,
                }))
            }
            _ => good(
                json!({"job": JOB, "state": "done", "held": true, "progress": 100,
                "error": null}),
            ),
        };
        reply.to_string()
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/", post(call))
        .with_state(Arc::new(Mutex::new(Known::default())));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A running provider.
struct Provider {
    task: JoinHandle<Result<(), ProvideError>>,
    stop: watch::Sender<bool>,
    stats: Stats,
}

impl Provider {
    fn start(nodes: &[&Node], daemon: &str, data: &Path) -> Self {
        let nodes = nodes.iter().map(|node| node.url()).collect();
        let mut settings = Settings::new(nodes, key(), daemon.into(), data.into());
        settings.stall = Duration::from_secs(2);
        let stats = Stats::new().unwrap();
        let (stop, mut told) = watch::channel(false);
        let task = tokio::spawn(provide(settings, stats.clone(), async move {
            let _ = told.wait_for(|stop| *stop).await;
        }));
        Provider { task, stop, stats }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(20), self.task)
            .await
            .expect("it stops")
            .unwrap()
            .unwrap();
    }

    /// As a kill does: whatever is going on is left where it is.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

/// Makes blocks, each with what the pool holds, until `done`.
async fn blocks_until(chain: &Chain, nodes: &[&Node], what: &str, done: impl Fn(&Chain) -> bool) {
    for _ in 0..120 {
        if done(chain) {
            return;
        }
        chain.block(true);
        for node in nodes {
            node.tell();
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("never: {what}");
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

#[test]
fn a_job_is_accepted_committed_and_revealed() {
    run(async {
        let chain = Chain::new(1, &key());
        let node = Node::start(&chain).await;
        let data = tempfile::tempdir().unwrap();
        let provider = Provider::start(&[&node], &daemon().await, data.path());
        blocks_until(&chain, &[&node], "the reveal", Chain::revealed).await;
        assert_eq!(chain.submitted().len(), 3);
        let text = provider.stats.text().unwrap();
        for call in ["accept", "commit", "reveal"] {
            let line = format!("athanor_provide_sent_total{{call=\"{call}\"}} 1");
            assert!(text.contains(&line), "{text}");
        }
        assert!(text.contains("athanor_duties_blocked 0"), "{text}");
        provider.stop().await;
    });
}

#[test]
fn another_node_goes_on_where_the_first_one_died() {
    run(async {
        let chain = Chain::new(1, &key());
        let (first, second) = (Node::start(&chain).await, Node::start(&chain).await);
        let data = tempfile::tempdir().unwrap();
        let provider = Provider::start(&[&first, &second], &daemon().await, data.path());
        blocks_until(&chain, &[&first], "the accept", Chain::accepted).await;
        first.stop().await;
        blocks_until(&chain, &[&second], "the reveal", Chain::revealed).await;
        assert_eq!(chain.submitted().len(), 3);
        assert!(provider.stats.disconnects.get() >= 1);
        provider.stop().await;
    });
}

#[test]
fn a_node_that_stalls_is_left() {
    run(async {
        let chain = Chain::new(1, &key());
        let (first, second) = (Node::start(&chain).await, Node::start(&chain).await);
        let data = tempfile::tempdir().unwrap();
        let provider = Provider::start(&[&first, &second], &daemon().await, data.path());
        until("a block", || provider.stats.connected.get() == 1).await;
        // The first one says nothing any more, though its connection stands.
        blocks_until(&chain, &[&second], "the reveal", Chain::revealed).await;
        assert_eq!(chain.submitted().len(), 3);
        provider.stop().await;
    });
}

#[test]
fn a_provider_killed_at_any_time_signs_nothing_twice() {
    run(async {
        let chain = Chain::new(1, &key());
        let node = Node::start(&chain).await;
        let daemon = daemon().await;
        let data = tempfile::tempdir().unwrap();
        for wait in [0, 40, 90, 150, 220, 300, 400, 500, 50, 120, 600, 250] {
            let provider = Provider::start(&[&node], &daemon, data.path());
            tokio::time::sleep(Duration::from_millis(wait)).await;
            provider.kill().await;
            // What the pool holds stays there: no block takes it.
            chain.block(false);
            node.tell();
            // The turn that was going on may still have the lock for a moment.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(chain.submitted().len() <= 1, "nothing was included");
        let provider = Provider::start(&[&node], &daemon, data.path());
        blocks_until(&chain, &[&node], "the reveal", Chain::revealed).await;
        // The chain itself refuses two of one nonce, and asserts that none was offered.
        assert_eq!(chain.submitted().len(), 3);
        provider.stop().await;
    });
}

#[test]
fn a_fork_without_the_commit_gets_the_same_commitment() {
    run(async {
        let chain = Chain::new(1, &key());
        let node = Node::start(&chain).await;
        let data = tempfile::tempdir().unwrap();
        let provider = Provider::start(&[&node], &daemon().await, data.path());
        blocks_until(&chain, &[&node], "the commit", |chain| {
            chain.commitment().is_some()
        })
        .await;
        let first = chain.commitment();
        chain.reorg(12);
        assert_eq!(chain.commitment(), None);
        blocks_until(&chain, &[&node], "the commit", |chain| {
            chain.commitment().is_some()
        })
        .await;
        assert_eq!(chain.commitment(), first);
        blocks_until(&chain, &[&node], "the reveal", Chain::revealed).await;
        provider.stop().await;
    });
}

#[test]
fn a_node_of_another_chain_is_not_followed() {
    run(async {
        let (chain, other) = (Chain::new(1, &key()), Chain::new(2, &key()));
        let (good, bad) = (Node::start(&chain).await, Node::start(&other).await);
        let data = tempfile::tempdir().unwrap();
        let provider = Provider::start(&[&good, &bad], &daemon().await, data.path());
        blocks_until(&chain, &[&good], "the accept", Chain::accepted).await;
        good.stop().await;
        until("it tries the other", || {
            provider.stats.disconnects.get() >= 2
        })
        .await;
        assert!(other.submitted().is_empty());
        provider.stop().await;
    });
}

#[test]
fn one_key_belongs_to_one_process() {
    run(async {
        let chain = Chain::new(1, &key());
        let node = Node::start(&chain).await;
        let data = tempfile::tempdir().unwrap();
        let daemon = daemon().await;
        let first = Provider::start(&[&node], &daemon, data.path());
        until("a block", || first.stats.connected.get() == 1).await;
        let second = Provider::start(&[&node], &daemon, data.path());
        let ended = tokio::time::timeout(Duration::from_secs(20), second.task)
            .await
            .unwrap()
            .unwrap();
        assert!(matches!(
            ended,
            Err(ProvideError::Records(RecordsError::Taken(_)))
        ));
        first.stop().await;
    });
}

#[test]
fn a_daemon_that_is_not_there_is_a_trouble_and_costs_nothing() {
    run(async {
        let chain = Chain::new(1, &key());
        let node = Node::start(&chain).await;
        let data = tempfile::tempdir().unwrap();
        let provider = Provider::start(&[&node], "http://127.0.0.1:9", data.path());
        until("a trouble", || provider.stats.blocked.get() == 1).await;
        assert!(chain.submitted().is_empty());
        provider.stop().await;
    });
}
