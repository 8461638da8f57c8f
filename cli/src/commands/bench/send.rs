//! Sending over several connections at once.

use super::{follow, kind::Bank, Options};
use crate::error::Result;
use std::{
    collections::HashSet,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Arc, Mutex, MutexGuard, PoisonError,
    },
    time::{Duration, Instant},
};
use subxt::rpcs::{client::rpc_params, RpcClient};
use tokio::{sync::mpsc, task::JoinHandle};

/// Transactions that one connection waits for at a time, each of another account: the node answers
/// requests in no order, and a nonce that comes before the one below it can be refused.
const IN_FLIGHT: usize = 32;
/// Transactions that wait for the one before.
const WAITING: usize = 8;
/// Transactions not final yet with which no more are sent. A pool has room for 8,192, and bans for
/// half an hour what it drops.
const MOST_OUTSTANDING: usize = 6_000;
/// Before a transaction that the pool had no room for is sent again.
const AGAIN: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    refused: AtomicU64,
    refusal: Mutex<Option<String>>,
    outstanding: Mutex<HashSet<[u8; 16]>>,
    stopped: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(text: &str) -> [u8; 16] {
    sp_crypto_hashing::blake2_128(text.as_bytes())
}

/// What is being sent, and what of it was taken.
pub(super) struct Sending {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    signing: Option<f64>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn submit(rpc: &RpcClient, text: String, shared: &Shared) {
    while lock(&shared.outstanding).len() >= MOST_OUTSTANDING {
        if shared.stopped.load(Ordering::Relaxed) {
            return;
        }
        tokio::time::sleep(AGAIN / 5).await;
    }
    lock(&shared.outstanding).insert(name(&text));
    loop {
        if shared.stopped.load(Ordering::Relaxed) {
            lock(&shared.outstanding).remove(&name(&text));
            return;
        }
        let answer = rpc
            .request::<String>("author_submitExtrinsic", rpc_params![&text])
            .await;
        let Err(error) = answer else {
            shared.sent.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let error = error.to_string();
        // 1016: the pool is full.
        if error.contains("1016") || error.contains("mmediately dropped") {
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        shared.refused.fetch_add(1, Ordering::Relaxed);
        lock(&shared.refusal).get_or_insert(error);
        lock(&shared.outstanding).remove(&name(&text));
        return;
    }
}

impl Sending {
    /// Begins to send: what was signed already, or, until then, what is signed on the way.
    pub(super) async fn start(
        url: &str,
        options: &Options,
        mut bank: Bank,
        until: Option<Instant>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut queues = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..options.senders {
            let rpc = follow::connect(url).await?;
            for _ in 0..IN_FLIGHT {
                let (queue, mut waiting) = mpsc::channel::<String>(WAITING);
                queues.push(queue);
                let (rpc, shared) = (rpc.clone(), shared.clone());
                tasks.push(tokio::spawn(async move {
                    while let Some(text) = waiting.recv().await {
                        submit(&rpc, text, &shared).await;
                    }
                }));
            }
        }
        let signing = bank.signing();
        let rate = options.rate;
        let stop = shared.clone();
        tasks.push(tokio::spawn(async move {
            let began = Instant::now();
            let mut count = 0u64;
            while until.is_none_or(|until| Instant::now() < until) {
                let Some((account, text)) = bank.next() else {
                    break;
                };
                if let Some(rate) = rate {
                    let due = Duration::from_secs_f64(count as f64 / f64::from(rate));
                    tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
                }
                count += 1;
                // One account's transactions go one after the other.
                let Some(queue) = queues.get(account % queues.len().max(1)) else {
                    break;
                };
                if stop.stopped.load(Ordering::Relaxed) || queue.send(text).await.is_err() {
                    break;
                }
            }
        }));
        Ok(Self {
            shared,
            tasks,
            signing,
        })
    }

    /// Signed a second, beforehand.
    pub(super) fn signing(&self) -> Option<f64> {
        self.signing
    }

    /// Sends no more.
    pub(super) fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether nothing more will be sent.
    pub(super) fn is_done(&self) -> bool {
        self.tasks.iter().all(JoinHandle::is_finished)
    }

    /// Transactions that the pool took.
    pub(super) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Transactions that the pool refused.
    pub(super) fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Why it refused the first of them.
    pub(super) fn refusal(&self) -> Option<String> {
        lock(&self.shared.refusal).clone()
    }

    /// Transactions in no final block yet.
    pub(super) fn outstanding(&self) -> usize {
        lock(&self.shared.outstanding).len()
    }

    /// A transaction stands in a final block. Whether it is ours.
    pub(super) fn arrived(&self, text: &str) -> bool {
        lock(&self.shared.outstanding).remove(&name(text))
    }
}
