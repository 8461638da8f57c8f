//! What can stand between a worker key and its duty.

use alloc::string::String;
use athanor_primitives::JobId;
use thiserror::Error;

/// Why a duty can't be done now. Each says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing answers at the daemon's address.
    #[error("the gpu-worker daemon can't be reached: start it, or correct --gpu-worker")]
    Unreachable,
    /// The daemon did not answer in time.
    #[error("the gpu-worker daemon did not answer in time: is the machine overloaded?")]
    TimedOut,
    /// The daemon refuses the token.
    #[error("the gpu-worker daemon refuses the token (HTTP {0}): give node and daemon the same token file")]
    Token(u16),
    /// An HTTP status that is not success.
    #[error("the gpu-worker daemon answered HTTP {0}: see its log")]
    Http(u16),
    /// The answer is longer than any answer can be.
    #[error("the gpu-worker daemon's answer is longer than {limit} bytes: does --gpu-worker point at a gpu-worker?")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer is not JSON-RPC of the expected shape.
    #[error("the gpu-worker daemon's answer to {method} can't be read: use a gpu-worker of this node's version")]
    Malformed {
        /// The method asked.
        method: &'static str,
    },
    /// The answer is about another job.
    #[error(
        "the gpu-worker daemon answered about job {got} when asked about job {asked}: restart it"
    )]
    OtherJob {
        /// The job asked about.
        asked: JobId,
        /// The job in the answer.
        got: JobId,
    },
    /// A JSON-RPC error.
    #[error("the gpu-worker daemon refused {method}: {message} (code {code})")]
    Refused {
        /// The method asked.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// The daemon's message, shortened.
        message: String,
    },
    /// The daemon can't do the job.
    #[error("the gpu-worker daemon can't do the job: {0}")]
    JobFailed(String),
    /// The daemon waits for something, mostly for blobs.
    #[error("the gpu-worker daemon waits: {0}")]
    Waiting(String),
    /// The receipt has another number of roots than the program has nodes.
    #[error("the gpu-worker daemon's receipt has {got} node roots, the program {expected} nodes: use a gpu-worker of this node's version")]
    NodeCount {
        /// Nodes of the program.
        expected: u32,
        /// Roots in the receipt.
        got: usize,
    },
    /// The trace root is not the hash of the node roots.
    #[error("the gpu-worker daemon's trace root does not match its node roots: check the machine")]
    TraceRoot,
    /// The output root is not what the node roots say.
    #[error(
        "the gpu-worker daemon's output root does not match its node roots: check the machine"
    )]
    OutputRoot,
    /// The requester wants the output inline and the daemon gave none.
    #[error("the gpu-worker daemon gave no inline output though the ticket asks for it: use a gpu-worker of this node's version")]
    NoInlineOutput,
    /// The inline output does not hash to its trace entry.
    #[error("the gpu-worker daemon's inline output does not match the trace: check the machine")]
    InlineOutput,
    /// The state does not know the ticket's model.
    #[error("the chain no longer knows the model of this ticket")]
    UnknownModel,
    /// The record belongs to another ticket.
    #[error("the local record belongs to another ticket of the same number: records must be kept per ticket")]
    OtherTicket,
    /// What this node holds does not open the commitment on chain.
    #[error("this node's salt and trace do not open the commitment on chain: another node may use the same worker key, or local storage was lost")]
    CommitmentMismatch,
    /// The state has a claim without its node roots.
    #[error("the chain does not know the node roots of a claim")]
    NoTrace,
    /// The daemon agrees with a claim that its receipt contradicts.
    #[error("the gpu-worker daemon now agrees with a claim that its own receipt contradicts: check the machine")]
    ChangedItsMind,
    /// Threads about one claim were lost.
    #[error("this node found a claim false and lost {threads} threads about it, so it lets it stand: check the machine")]
    GaveUp {
        /// How many.
        threads: u8,
    },
    /// The daemon's answer to a challenger's question opens nothing.
    #[error("the gpu-worker daemon's answer to a challenger does not open the tensor that was claimed: check the machine, the collateral is at stake")]
    OpensNothing,
    /// A call was included and had no effect.
    #[error("{call} was included in a block without effect; it will be sent again after block {again_after}")]
    NoEffect {
        /// Name of the call.
        call: &'static str,
        /// Block after which it is sent again.
        again_after: u32,
    },
}

/// At most this many characters of a daemon's own words are kept.
const MAX_MESSAGE: usize = 200;

/// A daemon's words made fit for a log line.
pub(crate) fn tidy(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_MESSAGE)
        .collect()
}
