//! What the demo has to know of the chain beside what the command line tells: constants, and
//! whether the money adds up.

use crate::rpc::Rpc;
use anyhow::{bail, ensure, Context, Result};
use athanor_state_check::Unchecked;
use codec::Decode;
use serde_json::json;
use sp_crypto_hashing::twox_128;
use std::sync::Arc;
use subxt::{
    backend::LegacyBackend,
    dynamic::{self, At, Value},
    ext::scale_decode::DecodeAsType,
    ext::scale_value::{Composite, ValueDef},
    rpcs::RpcClient,
    utils::H256,
    OnlineClient, OnlineClientAtBlock, SubstrateConfig,
};

/// The runtime API that checks the invariants of our pallets. `fast-runtime` builds have it.
const CHECK_STATE: &str = "ChainCheck_check_state";

type State = OnlineClientAtBlock<SubstrateConfig>;

/// A constant of the job escrow.
///
/// # Errors
///
/// If the node cannot be reached or its chain has no such constant.
pub async fn job_constant<T: DecodeAsType>(ws: &str, name: &str) -> Result<T> {
    state(ws)
        .await?
        .constants()
        .entry(dynamic::constant::<T>("ComputeJobs", name))
        .with_context(|| format!("the chain has no constant ComputeJobs.{name}"))
}

/// Checks all invariants, of our pallets and the SDK's, in the node's last finalised state: here, by
/// the runtime in this program, and those of our pallets by the chain's own. Answers what was
/// checked.
///
/// # Errors
///
/// If one does not hold.
pub async fn audit(ws: &str) -> Result<String> {
    audit_of(ws, false).await
}

/// The same of a chain that runs another runtime than this program has: by the chain's own alone.
///
/// # Errors
///
/// As [`audit`].
pub async fn audit_upgraded(ws: &str) -> Result<String> {
    audit_of(ws, true).await
}

async fn audit_of(ws: &str, upgraded: bool) -> Result<String> {
    let mut said = Vec::new();
    let rpc = Rpc::new(&ws.replacen("ws://", "http://", 1))?;
    let at: String = rpc.call("chain_getFinalizedHead", json!([])).await?;
    let answer: String = rpc
        .call("state_call", json!([CHECK_STATE, "0x", at]))
        .await
        .context("the chain's invariants cannot be checked")?;
    let answer = hex::decode(answer.trim_start_matches("0x")).context("not hex")?;
    match answer.split_first() {
        Some((0, [])) => said.push("try_state passes".to_string()),
        // A SCALE byte string: its text follows a length of one byte.
        Some((1, words)) => bail!(
            "an invariant does not hold: {}",
            String::from_utf8_lossy(words.get(1..).unwrap_or_default())
        ),
        _ => bail!(
            "{CHECK_STATE} answers something else: {}",
            hex::encode(&answer)
        ),
    }
    let state = athanor_state_check::rpc::fetch(ws, Some(&at), |_| {}).await?;
    match state.check() {
        Ok(report) => {
            let broken: Vec<String> = report
                .broken()
                .map(|(name, broken)| format!("{name}: {broken}"))
                .collect();
            ensure!(broken.is_empty(), "does not hold: {}", broken.join("; "));
            said.push(format!(
                "{} invariants hold of the {} entries of block {}",
                report.checks.len(),
                report.size.0,
                report.block
            ));
        }
        Err(Unchecked::OtherRuntime { .. }) if upgraded => {}
        Err(error) => return Err(error.into()),
    }
    Ok(said.join("; "))
}

/// A connection that ends when it is dropped. That of subxt's default backend is kept open by a task
/// of its own, and a node accepts a hundred.
async fn connect(ws: &str) -> Result<OnlineClient<SubstrateConfig>> {
    let connecting = async {
        let rpc = RpcClient::from_insecure_url(ws).await?;
        let backend = LegacyBackend::builder().build(rpc);
        anyhow::Ok(OnlineClient::from_backend(Arc::new(backend)).await?)
    };
    connecting
        .await
        .with_context(|| format!("cannot reach {ws}"))
}

/// The node's last finalised state.
pub(crate) async fn state(ws: &str) -> Result<State> {
    let client = connect(ws).await?;
    client
        .at_current_block()
        .await
        .context("the node has no finalised block")
}

/// A live job, as far as its steps go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// Name of its state.
    pub status: String,
    /// Who runs it.
    pub replicas: Vec<Replica>,
    /// Open disputes about it.
    pub threads: Vec<ThreadState>,
}

/// An open thread of announcement, demands and answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadState {
    /// Name of its state.
    pub status: String,
    /// Answers so far.
    pub answers: u8,
}

/// One provider's part in a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The key that signs.
    pub worker: [u8; 32],
    /// Whether it accepted.
    pub accepted: bool,
    /// Whether it committed.
    pub committed: bool,
    /// Whether it revealed.
    pub revealed: bool,
}

/// A job of the node's best state; `None` if there is none of this number, or no longer.
///
/// # Errors
///
/// If the node cannot be reached.
pub async fn job(ws: &str, id: u64) -> Result<Option<JobState>> {
    let client = connect(ws).await?;
    let best: H256 = Rpc::new(&ws.replacen("ws://", "http://", 1))?
        .call("chain_getBlockHash", json!([]))
        .await?;
    let state = client.at_block(best).await.context("the best block")?;
    let entry = dynamic::storage::<(u64,), Value>("ComputeJobs", "Jobs");
    let what = || format!("cannot read job {id}");
    let Some(value) = state
        .storage()
        .try_fetch(entry, (id,))
        .await
        .with_context(what)?
    else {
        return Ok(None);
    };
    let job = value.decode().with_context(what)?;
    let replicas = replicas_of(&job)?.map(replica).collect::<Result<_>>()?;
    let status = job.at("status").map(reason).unwrap_or_default();
    let threads = match status.as_str() {
        "Claimed" => threads(&state, id).await?,
        _ => Vec::new(),
    };
    Ok(Some(JobState {
        status,
        replicas,
        threads,
    }))
}

async fn threads(state: &State, job: u64) -> Result<Vec<ThreadState>> {
    let what = || format!("cannot read the threads of job {job}");
    let storage = state.storage();
    let entry = storage
        .entry(dynamic::storage::<Vec<Value>, Value>(
            "ComputeJobs",
            "Threads",
        ))
        .with_context(what)?;
    let of_job = vec![Value::u128(job.into())];
    let mut entries = entry.iter(of_job).await.with_context(what)?;
    let mut threads = Vec::new();
    while let Some(entry) = entries.next().await {
        let entry = entry.with_context(what)?;
        let value = entry.value().decode().with_context(what)?;
        threads.push(ThreadState {
            status: value.at("status").map(reason).unwrap_or_default(),
            answers: value
                .at("answers")
                .and_then(first_amount)
                .and_then(|answers| u8::try_from(answers).ok())
                .context("a thread without its answers")?,
        });
    }
    Ok(threads)
}

/// The replicas of a job, as values.
fn replicas_of(job: &Value) -> Result<impl Iterator<Item = &Value>> {
    let replicas = job.at("replicas").context("a job without replicas")?;
    // A bounded list may be wrapped.
    let list = match children(replicas).next() {
        Some(inner) if inner.at("worker").is_none() => inner,
        _ => replicas,
    };
    Ok(children(list))
}

fn replica(value: &Value) -> Result<Replica> {
    let some = |name: &str| {
        value
            .at(name)
            .is_some_and(|option| reason(option) != "None")
    };
    let mut worker = Vec::new();
    collect_bytes(
        value.at("worker").context("a replica without worker")?,
        &mut worker,
    );
    Ok(Replica {
        worker: worker
            .try_into()
            .map_err(|_| anyhow::anyhow!("a key of another form"))?,
        accepted: value.at("accepted").and_then(Value::as_bool) == Some(true),
        committed: some("commitment"),
        revealed: some("trace_root"),
    })
}

/// The bytes of a value, however they are wrapped.
pub(crate) fn collect_bytes(value: &Value, bytes: &mut Vec<u8>) {
    match &value.value {
        ValueDef::Composite(parts) => parts.values().for_each(|part| collect_bytes(part, bytes)),
        _ => bytes.extend(value.as_u128().and_then(|byte| u8::try_from(byte).ok())),
    }
}

/// Accounts of the validators of the current session, and how many of them are disabled until its
/// end, in the node's best state.
///
/// # Errors
///
/// If the node cannot be reached.
pub async fn validators(rpc: &Rpc) -> Result<(Vec<[u8; 32]>, usize)> {
    let validators = session_item(rpc, "Validators").await?;
    let disabled: Vec<(u32, u32)> = session_item(rpc, "DisabledValidators").await?;
    Ok((validators, disabled.len()))
}

/// A list of the session pallet.
async fn session_item<T: Decode>(rpc: &Rpc, name: &str) -> Result<Vec<T>> {
    let key = [twox_128(b"Session"), twox_128(name.as_bytes())].concat();
    let key = format!("0x{}", hex::encode(key));
    let value: Option<String> = rpc.call("state_getStorage", json!([key])).await?;
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let bytes = hex::decode(value.trim_start_matches("0x")).context("not hex")?;
    Vec::decode(&mut &bytes[..]).with_context(|| format!("Session.{name} has another form"))
}

fn children(value: &Value) -> impl Iterator<Item = &Value> {
    let composite = match &value.value {
        ValueDef::Composite(composite) => Some(composite),
        ValueDef::Variant(variant) => Some(&variant.values),
        _ => None,
    };
    composite.into_iter().flat_map(Composite::values)
}

/// The first number in a value: amounts may be wrapped.
fn first_amount(value: &Value) -> Option<u128> {
    value
        .as_u128()
        .or_else(|| children(value).find_map(first_amount))
}

/// Names of nested variants, joined by dots.
fn reason(value: &Value) -> String {
    match &value.value {
        ValueDef::Variant(variant) => {
            let inner = variant
                .values
                .values()
                .next()
                .map(reason)
                .unwrap_or_default();
            if inner.is_empty() {
                variant.name.clone()
            } else {
                format!("{}.{inner}", variant.name)
            }
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_amount_is_found() {
        let deposit = Value::unnamed_composite([Value::u128(9), Value::unnamed_composite([])]);
        assert_eq!(first_amount(&deposit), Some(9));
        assert_eq!(first_amount(&Value::bool(true)), None);
    }
}
