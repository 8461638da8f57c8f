//! The JSON-RPC interface: methods, JSON shapes, error codes.

use crate::dispute::Next;
use athanor_primitives::{
    dispute::Question,
    ticket::{hex32, hex32s},
    JobId, Root, Ticket,
};
use codec::Encode;
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

/// Of `worker_dispute` and `worker_answer`: it is being computed, or as much is as
/// may be. Ask again in a block or two. (The number of [`QUEUE_FULL`], which also
/// means "later".)
pub const LATER: i32 = -32_013;

/// Of `worker_dispute`: the answers do not open the claimed root, so they are none
/// of this claim and node. (The number of [`BAD_PROGRAM`], which `worker_dispute`
/// never gives.)
pub const BAD_ANSWERS: i32 = -32_014;

/// Of `worker_dispute` and `worker_answer`: it can't be computed here, for the
/// reason in the message: a blob is nowhere, memory does not suffice, a value made
/// again differs from the claim. Asking again tries again.
pub const CANNOT: i32 = -32_016;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The job.
    pub job: JobId,
    /// Where it is.
    pub state: JobState,
    /// Input and weights are held and match their roots.
    pub held: bool,
    /// The job is not this worker's to do, it only sees whether others did it right.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watched: bool,
    /// How much of the whole job is done, in percent.
    pub progress: u8,
    /// Why it was refused, failed, or what it waits for.
    pub error: Option<Trouble>,
    /// `freivalds` if the job was not run, but a claim of it checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
    /// How far the fetch or the run under way has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
}

/// What [`Work`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes of input and weights, those held before included.
    Bytes,
    /// Parts of a run, of about equal work each: as the backend cuts it.
    Parts,
}

/// How far a fetch or a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// What is counted.
    pub unit: Unit,
    /// Done so far.
    pub done: u64,
    /// Done at the end.
    pub total: u64,
    /// Done each second since it started. `None` in its first moments.
    pub per_second: Option<f64>,
    /// Seconds it will take at that rate.
    pub eta_seconds: Option<u64>,
}

/// Seconds a job spent in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseSeconds {
    /// Waiting for a place among the fetches.
    pub queued: f64,
    /// Fetching, or waiting for blobs that are nowhere.
    pub fetching: f64,
    /// Waiting for the device.
    pub ready: f64,
    /// On the device, and storing what came out.
    pub running: f64,
}

impl PhaseSeconds {
    /// The figure of `state`; `None` for states that are an end.
    pub fn of(&mut self, state: JobState) -> Option<&mut f64> {
        match state {
            JobState::Queued => Some(&mut self.queued),
            JobState::Fetching => Some(&mut self.fetching),
            JobState::Ready => Some(&mut self.ready),
            JobState::Running => Some(&mut self.running),
            JobState::Done | JobState::Refused | JobState::Failed => None,
        }
    }
}

/// A job of [`Overview`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDetail {
    /// Where it is.
    pub status: Status,
    /// The model it runs.
    pub model: u64,
    /// Samples in its input.
    pub batch: u32,
    /// Units it costs.
    pub units: u64,
    /// First block in which its next step is too late.
    pub deadline: u32,
    /// Times its blobs were fetched or asked for.
    pub attempts: u32,
    /// Seconds since it was taken on.
    pub age_seconds: u64,
    /// Seconds in each state.
    pub phases: PhaseSeconds,
}

/// Answer of `worker_overview`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// What the daemon is and takes.
    pub worker: Capabilities,
    /// Whether it takes jobs now; if not, why not.
    pub ready: Readiness,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Jobs that wait, fetch or run.
    pub live: u64,
    /// Bytes in the store.
    pub store_used: u64,
    /// Bytes the store may hold.
    pub store_limit: u64,
    /// Jobs: those under way, those that wait in the order they will be served,
    /// those that ended, the latest first. At most [`MAX_OVERVIEW`].
    pub jobs: Vec<JobDetail>,
    /// Jobs known beyond these.
    pub left_out: u64,
}

/// Most jobs in an [`Overview`].
pub const MAX_OVERVIEW: usize = 256;

/// Whether a daemon takes jobs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// It does.
    Ready,
    /// As many jobs wait as it takes.
    QueueFull,
    /// The store can't be written.
    StoreBroken,
    /// It was told to stop.
    Stopping,
}

impl Readiness {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Readiness::Ready => "ready",
            Readiness::QueueFull => "queue_full",
            Readiness::StoreBroken => "store_broken",
            Readiness::Stopping => "stopping",
        }
    }
}

impl std::fmt::Display for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
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
    /// The fault it makes on purpose: see [`Fault`](crate::fault::Fault). An honest
    /// daemon has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
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
    /// `freivalds` if the job was not run, but the claim that `worker_watch` named
    /// checked, node by node: products that put out exact sums by keyed Freivalds,
    /// the others by executing them over the claimed operands. `node_roots` are the
    /// claimed ones then, but for that of `wrong_node`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
    /// The first wrong node of the claim that was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_node: Option<u16>,
}

/// A list of roots, at most 1,024, each as `0x` hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roots(#[serde(with = "hex32s")] pub Vec<Root>);

/// What was answered in another thread about the same node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherThread {
    /// Its number among the threads about this node, from 0.
    pub turn: u8,
    /// The answers, oldest first, each as `0x` hex: at most 3 of at most 32 KiB.
    pub answers: Vec<String>,
}

/// Answer of `worker_dispute`: what the challenger does next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum DisputeStep {
    /// Nothing: the claim is right about this node.
    Agree,
    /// Demand the whole output of the node.
    Ask {
        /// Threads to have about this node, 1 to 3: what is wrong may lie in more
        /// parts of its output than one thread opens.
        threads: u8,
    },
    /// Demand this part of what was demanded last.
    Descend {
        /// Index of the part.
        group: u64,
        /// Its chaining value.
        #[serde(with = "hex32")]
        value: [u8; 32],
        /// Its siblings, from the part upwards, at most ten.
        #[serde(with = "hex32s")]
        siblings: Vec<[u8; 32]>,
    },
    /// Nothing in this thread: another about this node has to go on.
    Rest,
    /// Send this proof, which convicts: the daemon has judged it as the chain will.
    Prove {
        /// SCALE encoding of a `FraudProof`.
        proof: HexBytes,
    },
}

impl From<Next> for DisputeStep {
    fn from(next: Next) -> Self {
        match next {
            Next::Agree => DisputeStep::Agree,
            Next::Ask { threads } => DisputeStep::Ask { threads },
            Next::Rest => DisputeStep::Rest,
            Next::Descend(step) => DisputeStep::Descend {
                group: step.group,
                value: step.value,
                siblings: step.siblings,
            },
            Next::Prove(proof) => DisputeStep::Prove {
                proof: HexBytes(proof.encode()),
            },
        }
    }
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

    /// Takes on a ticket of others, to see whether they did it right: parameters and
    /// answer are those of `worker_submit`, and so are `worker_status`,
    /// `worker_receipt` and `worker_cancel` afterwards. Such a job comes after all
    /// that are assigned, makes room for them, and is forgotten in a restart: call
    /// again. `worker_submit` for the same job makes it an assigned one.
    ///
    /// `claim`, which may be left out, are the claimed roots of all nodes. If every
    /// claimed tensor is in the store or at a gateway under its root, they are checked
    /// instead of running the job: see [`JobReceipt::checked`]. The claim of the first
    /// call counts.
    #[method(name = "watch")]
    async fn watch(
        &self,
        ticket: Ticket,
        program: String,
        claim: Option<Roots>,
    ) -> RpcResult<Status>;

    /// The next step against a claim about a job that is done here.
    ///
    /// `claim` are the claimed roots of all nodes, `node` the first that differs
    /// from the receipt's, `answers` what the claimant gave in one thread that
    /// demanded the output of `node`, oldest first, each as `0x` hex: at most 3 of at
    /// most 32 KiB. Never waits: see [`LATER`].
    ///
    /// Where `ask` says that there should be several threads about this node, `turn`
    /// is the number of this one, from 0, and `others` are those that have answers, at
    /// most 2, open or not. Both may be left out.
    ///
    /// Errors: [`UNKNOWN_JOB`], [`NOT_DONE`], [`LATER`], [`BAD_ANSWERS`],
    /// [`CANNOT`], and invalid parameters if node or claim are not of this program
    /// or an operand of `node` differs, too.
    #[method(name = "dispute")]
    async fn dispute(
        &self,
        job: JobId,
        claim: Roots,
        node: u16,
        answers: Vec<String>,
        turn: Option<u8>,
        others: Option<Vec<OtherThread>>,
    ) -> RpcResult<DisputeStep>;

    /// The answer to a demand, or the piece of a delivery, about this daemon's own
    /// claim: at most 32 KiB, a piece with its path to the root. Never waits: see
    /// [`LATER`].
    ///
    /// Errors: [`UNKNOWN_JOB`], [`NOT_DONE`], [`LATER`], [`CANNOT`], and invalid
    /// parameters if the question is not about this daemon's claim.
    #[method(name = "answer")]
    async fn answer(&self, job: JobId, question: Question) -> RpcResult<HexBytes>;

    /// What the daemon does now: for operators.
    #[method(name = "overview")]
    async fn overview(&self) -> RpcResult<Overview>;

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
            watched: false,
            progress: 0,
            error: Some(Trouble {
                code: "root_mismatch".into(),
                message: "no".into(),
            }),
            checked: None,
            work: None,
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
    fn work_under_way_is_in_the_status_with_rate_and_rest() {
        let work = Work {
            unit: Unit::Bytes,
            done: 1,
            total: 5,
            per_second: Some(0.5),
            eta_seconds: Some(8),
        };
        assert_eq!(
            serde_json::to_value(work).unwrap(),
            serde_json::json!({
                "unit": "bytes", "done": 1, "total": 5, "per_second": 0.5, "eta_seconds": 8,
            })
        );
    }

    #[test]
    fn steps_have_the_agreed_json() {
        let json = |step: DisputeStep| serde_json::to_value(step).unwrap();
        assert_eq!(
            json(DisputeStep::Agree),
            serde_json::json!({"step": "agree"})
        );
        assert_eq!(
            json(DisputeStep::Ask { threads: 2 }),
            serde_json::json!({"step": "ask", "threads": 2})
        );
        assert_eq!(json(DisputeStep::Rest), serde_json::json!({"step": "rest"}));
        let descend = DisputeStep::Descend {
            group: 7,
            value: [1; 32],
            siblings: vec![[2; 32]],
        };
        assert_eq!(
            json(descend),
            serde_json::json!({
                "step": "descend", "group": 7, "value": format!("0x{}", "01".repeat(32)),
                "siblings": [format!("0x{}", "02".repeat(32))],
            })
        );
        let prove = DisputeStep::Prove {
            proof: HexBytes(vec![0xab]),
        };
        assert_eq!(
            json(prove),
            serde_json::json!({"step": "prove", "proof": "0xab"})
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
            checked: None,
            wrong_node: None,
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
        for ready in [
            Readiness::Ready,
            Readiness::QueueFull,
            Readiness::StoreBroken,
            Readiness::Stopping,
        ] {
            assert_eq!(serde_json::to_value(ready).unwrap(), ready.as_str());
        }
    }
}
