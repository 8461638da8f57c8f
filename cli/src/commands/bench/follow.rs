//! Following the chain: when a node showed a block, when it was final, and what stands in it.

use super::send::Sending;
use crate::{
    chain::Chain,
    commands::field,
    error::{Error, Result},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use subxt::rpcs::{
    client::{rpc_params, RpcParams},
    RpcClient,
};
use tokio::task::JoinHandle;

/// When each block number was first seen.
type Seen = Arc<Mutex<BTreeMap<u64, Instant>>>;

/// What a block may weigh and be long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Picoseconds.
    pub(super) ref_time: u64,
    /// Bytes.
    pub(super) length: u64,
}

/// A final block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Transactions of ours.
    pub(super) ours: u64,
    /// Transactions that failed, anybody's.
    pub(super) failed: u64,
    /// Used, in picoseconds.
    pub(super) ref_time: u64,
    /// Used, in bytes.
    pub(super) proof_size: u64,
    /// Bytes of all extrinsics.
    pub(super) length: u64,
    /// When it was the best one.
    pub(super) seen: Instant,
    /// When it was final.
    pub(super) finalised: Instant,
}

/// A node, and others beside it.
pub(super) struct Watch {
    chain: Chain,
    rpc: RpcClient,
    next: u64,
    limits: Limits,
    best: Seen,
    finalised: Seen,
    beside: Vec<(String, Seen)>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub(super) async fn connect(url: &str) -> Result<RpcClient> {
    RpcClient::from_insecure_url(url)
        .await
        .map_err(|error| Error::NodeUnreachable {
            url: url.into(),
            reason: error.to_string(),
        })
}

pub(super) async fn ask<T: serde::de::DeserializeOwned>(
    rpc: &RpcClient,
    method: &str,
    params: RpcParams,
) -> Result<T> {
    rpc.request(method, params)
        .await
        .map_err(|error| Error::protocol(method, error))
}

fn lock(seen: &Seen) -> std::sync::MutexGuard<'_, BTreeMap<u64, Instant>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number_of(header: &Value) -> Option<u64> {
    let text = header.get("number")?.as_str()?;
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

/// Notes when headers come; block numbers that were passed over came with the next.
async fn heads(rpc: &RpcClient, kind: &str) -> Result<(Seen, JoinHandle<()>)> {
    let (subscribe, unsubscribe) = (
        format!("chain_subscribe{kind}Heads"),
        format!("chain_unsubscribe{kind}Heads"),
    );
    let mut stream = rpc
        .subscribe::<Value>(&subscribe, rpc_params![], &unsubscribe)
        .await
        .map_err(|error| Error::protocol(&subscribe, error))?;
    let seen = Seen::default();
    let notes = seen.clone();
    let client = rpc.clone();
    let task = tokio::spawn(async move {
        // A subscription ends with the last handle of its connection.
        let _open = client;
        while let Some(Ok(header)) = stream.next().await {
            let now = Instant::now();
            let Some(number) = number_of(&header) else {
                continue;
            };
            let mut seen = lock(&notes);
            let from = seen.keys().next_back().map_or(number, |last| last + 1);
            for number in from..=number {
                seen.entry(number).or_insert(now);
            }
        }
    });
    Ok((seen, task))
}

impl Watch {
    /// Starts to follow nodes.
    pub(super) async fn start(url: &str, beside: &[String]) -> Result<Self> {
        let chain = Chain::connect(url).await?;
        let state = chain.finalized().await?;
        let weights = state.constant("System", "BlockWeights")?;
        let ref_time = crate::commands::number(field(field(&weights, "max_block")?, "ref_time")?);
        let lengths = state.constant("System", "BlockLength")?;
        let length = field(&lengths, "max")?;
        let length = length.get("normal").and_then(crate::commands::number);
        let rpc = connect(url).await?;
        let (best, one) = heads(&rpc, "New").await?;
        let (finalised, other) = heads(&rpc, "Finalized").await?;
        let mut watch = Self {
            next: state.number() + 1,
            limits: Limits {
                ref_time: ref_time.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                length: length.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            },
            chain,
            rpc,
            best,
            finalised,
            beside: Vec::new(),
            tasks: vec![one, other],
        };
        for url in beside {
            let rpc = connect(url).await?;
            let (seen, task) = heads(&rpc, "New").await?;
            watch.beside.push((url.clone(), seen));
            watch.tasks.push(task);
        }
        Ok(watch)
    }

    /// What a block may weigh and be long.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Blocks that have become final since the last time.
    pub(super) async fn finalised(&mut self, sending: &Sending) -> Result<Vec<Block>> {
        let last = lock(&self.finalised).keys().next_back().copied();
        let mut blocks = Vec::new();
        while last.is_some_and(|last| self.next <= last) {
            blocks.push(self.read(self.next, sending).await?);
            self.next += 1;
        }
        Ok(blocks)
    }

    async fn read(&self, number: u64, sending: &Sending) -> Result<Block> {
        let now = Instant::now();
        let hash: subxt::utils::H256 =
            ask(&self.rpc, "chain_getBlockHash", rpc_params![number]).await?;
        let body: Value = ask(&self.rpc, "chain_getBlock", rpc_params![hash]).await?;
        let state = self.chain.at(hash).await?;
        let weight = state
            .storage("System", "BlockWeight", ())
            .await?
            .unwrap_or_default();
        let sum = |what: &str| -> u64 {
            ["normal", "operational", "mandatory"]
                .iter()
                .filter_map(|class| weight.get(*class)?.get(what))
                .filter_map(crate::commands::number)
                .filter_map(|part| u64::try_from(part).ok())
                .sum()
        };
        let extrinsics = field(field(&body, "block")?, "extrinsics")?;
        let extrinsics = extrinsics.as_array().cloned().unwrap_or_default();
        let texts: Vec<&str> = extrinsics.iter().filter_map(Value::as_str).collect();
        let ours = texts.iter().filter(|text| sending.arrived(text)).count() as u64;
        let length = texts.iter().map(|text| text.len() as u64 / 2 - 1).sum();
        let events = state.events().await?;
        let failed = events
            .iter()
            .filter(|event| event.is("System", "ExtrinsicFailed"))
            .count() as u64;
        let when = |seen: &Seen| lock(seen).get(&number).copied().unwrap_or(now);
        Ok(Block {
            ours,
            failed,
            ref_time: sum("ref_time"),
            proof_size: sum("proof_size"),
            length,
            seen: when(&self.best),
            finalised: when(&self.finalised),
        })
    }

    /// How much later or earlier each other node showed the blocks that both did.
    pub(super) fn propagation(&self) -> Vec<(String, Vec<Duration>)> {
        let best = lock(&self.best).clone();
        let delays = |seen: &Seen| {
            let seen = lock(seen);
            best.iter()
                .filter_map(|(number, here)| {
                    let there = *seen.get(number)?;
                    Some(if there > *here {
                        there - *here
                    } else {
                        *here - there
                    })
                })
                .collect()
        };
        self.beside
            .iter()
            .map(|(url, seen)| (url.clone(), delays(seen)))
            .collect()
    }
}
