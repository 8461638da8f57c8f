//! The JSON-RPC interface: methods, JSON shapes, error codes.

use athanor_primitives::{ticket::hex32, JobId, Root, Ticket};
use jsonrpsee::{core::RpcResult, proc_macros::rpc};
use serde::{Deserialize, Serialize};

/// The job is known with another ticket: model, program, weights, input or
/// batch differ.
pub const OTHER_TICKET: i32 = -32_010;

/// The job is not known: submit its ticket first.
pub const UNKNOWN_JOB: i32 = -32_011;

/// The job is known, but has no receipt (yet).
pub const NOT_DONE: i32 = -32_012;

/// As many jobs are waiting as the daemon takes: submit again later.
pub const QUEUE_FULL: i32 = -32_013;

/// The program's bytes are too long, not the ones the ticket names, or no
/// valid program.
pub const BAD_PROGRAM: i32 = -32_014;

/// The daemon is shutting down.
pub const SHUTTING_DOWN: i32 = -32_015;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Accepted, nothing done yet.
    Queued,
    /// Its blobs are being fetched, or waited for.
    Fetching,
    /// Input and weights are held and verified; it waits for the device.
    Ready,
    /// The device works on it.
    Running,
    /// It has a receipt.
    Done,
    /// It can't be run as the ticket stands.
    Refused,
    /// Something broke on this machine; submitting again retries it.
    Failed,
}

impl JobState {
    /// Every state, in the order a job goes through them.
    pub const ALL: [JobState; 7] = [
        JobState::Queued,
        JobState::Fetching,
        JobState::Ready,
        JobState::Running,
        JobState::Done,
        JobState::Refused,
        JobState::Failed,
    ];

    /// The state's name in JSON and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Fetching => "fetching",
            JobState::Ready => "ready",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Refused => "refused",
            JobState::Failed => "failed",
        }
    }

    /// Whether the job leaves this state only when it is submitted again.
    pub fn is_terminal(self) -> bool {
        matches!(self, JobState::Done | JobState::Refused | JobState::Failed)
    }
}

impl std::fmt::Display for JobState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a job waits, was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Stable name of the reason.
    pub code: String,
    /// What happened, for people.
    pub message: String,
}

/// Answer of `worker_submit` and `worker_status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The job.
    pub job: JobId,
    /// Where it is.
    pub state: JobState,
    /// Input and weights are held and match their roots.
    pub held: bool,
    /// How much of the whole job is done, in percent.
    pub progress: u8,
    /// Why it was refused, failed, or what it waits for.
    pub error: Option<Trouble>,
}

/// Answer of `worker_capabilities`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Name of the daemon.
    pub name: String,
    /// Version of the daemon.
    pub version: String,
    /// Backend in use: `cpu` or `cuda`.
    pub backend: String,
    /// The device the backend runs on.
    pub device: String,
    /// Bytes of memory one job may use.
    pub memory: u64,
    /// Jobs that may wait or run at a time.
    pub queue_limit: u64,
    /// Version of the operators' meaning.
    pub semantic_version: u32,
}

/// A byte string as `0x`-prefixed hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexBytes(pub Vec<u8>);

impl Serialize for HexBytes {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&athanor_primitives::ticket::to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        athanor_primitives::ticket::bytes_from_hex(&text, text.len())
            .map(HexBytes)
            .ok_or_else(|| serde::de::Error::custom("expected 0x and pairs of hex digits"))
    }
}

/// Answer of `worker_receipt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReceipt {
    /// The job.
    pub job: JobId,
    /// BLAKE3 of the joined node roots.
    #[serde(with = "hex32")]
    pub trace_root: Root,
    /// Trace entry of the output node; BLAKE3 of the joined entries if several.
    #[serde(with = "hex32")]
    pub output_root: Root,
    /// Root of every node's output, in node order.
    #[serde(with = "athanor_primitives::ticket::hex32s")]
    pub node_roots: Vec<Root>,
    /// The output itself, if the ticket wants it inline and it is at most 1 KiB.
    pub output: Option<HexBytes>,
}

/// The daemon's methods. Parameters are positional.
#[rpc(server, client, namespace = "worker")]
pub trait WorkerApi {
    /// What this daemon is and how much it takes.
    #[method(name = "capabilities")]
    async fn capabilities(&self) -> RpcResult<Capabilities>;

    /// Takes on a ticket. `program` is the program's canonical encoding as
    /// `0x` hex. The same ticket may be submitted any number of times; duty
    /// and deadline may differ between times.
    #[method(name = "submit")]
    async fn submit(&self, ticket: Ticket, program: String) -> RpcResult<Status>;

    /// Where a job is.
    #[method(name = "status")]
    async fn status(&self, job: JobId) -> RpcResult<Status>;

    /// The roots of a job that is done.
    #[method(name = "receipt")]
    async fn receipt(&self, job: JobId) -> RpcResult<JobReceipt>;

    /// Stops and forgets a job. `false` if it was not known.
    #[method(name = "cancel")]
    async fn cancel(&self, job: JobId) -> RpcResult<bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_agreed_json() {
        let status = Status {
            job: 7,
            state: JobState::Refused,
            held: false,
            progress: 0,
            error: Some(Trouble {
                code: "root_mismatch".into(),
                message: "no".into(),
            }),
        };
        assert_eq!(
            serde_json::to_value(&status).unwrap(),
            serde_json::json!({
                "job": 7, "state": "refused", "held": false, "progress": 0,
                "error": {"code": "root_mismatch", "message": "no"},
            })
        );
    }

    #[test]
    fn a_receipt_has_the_agreed_json() {
        let receipt = JobReceipt {
            job: 1,
            trace_root: [1; 32],
            output_root: [2; 32],
            node_roots: vec![[2; 32]],
            output: Some(HexBytes(vec![0xab])),
        };
        let json = serde_json::to_value(&receipt).unwrap();
        assert_eq!(json["trace_root"], format!("0x{}", "01".repeat(32)));
        assert_eq!(json["node_roots"][0], format!("0x{}", "02".repeat(32)));
        assert_eq!(json["output"], "0xab");
        assert_eq!(serde_json::from_value::<JobReceipt>(json).unwrap(), receipt);
    }

    #[test]
    fn names_in_json_and_metrics_are_the_same() {
        for state in JobState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
