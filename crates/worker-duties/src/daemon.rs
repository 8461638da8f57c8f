//! The JSON-RPC spoken with the `gpu-worker` daemon.

use crate::{problem::tidy, Problem};
use alloc::{format, string::String, vec::Vec};
use athanor_primitives::{
    dispute::MAX_DEMANDED,
    ticket::{bytes_from_hex, hex32, hex32s, to_hex},
    JobId, Question, Root, Ticket, MAX_INLINE_OUTPUT,
};
use athanor_tensor_program::judge::MAX_PROOF_BYTES;
use codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Largest answer that is read, in bytes: 1,024 roots and 1 KiB of output in hex
/// take about 75 KiB, the longest proof 96 KiB.
pub const MAX_ANSWER: usize = 128 * 1024;

/// Longest answer to a question, in bytes: a piece of [`MAX_DEMANDED`] bytes with its
/// path to the root.
pub const MAX_OPENED: usize = MAX_DEMANDED as usize + 4 * 1_024;

/// The job is known with another ticket.
pub const OTHER_TICKET: i64 = -32010;
/// The job is not known.
pub const UNKNOWN_JOB: i64 = -32011;
/// The job is not done yet.
pub const NOT_DONE: i64 = -32012;
/// What is asked for was dropped and is computed again.
pub const ASK_LATER: i64 = -32013;

/// A question to the daemon about one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `worker_submit`: take this ticket. Idempotent.
    Submit {
        /// Another ticket of the same number was cancelled just now.
        cancelled: bool,
    },
    /// `worker_watch`: run this ticket of others when there is nothing else to do.
    /// Idempotent.
    Watch {
        /// Another ticket of the same number was cancelled just now.
        cancelled: bool,
    },
    /// `worker_status`: how far is the job?
    Status,
    /// `worker_receipt`: what came out?
    Receipt,
    /// `worker_cancel`: forget the job. Only for a ticket of an abandoned fork.
    Cancel,
    /// `worker_dispute`: what exposes a claim?
    Dispute {
        /// Node roots of the claim.
        claim: Vec<Root>,
        /// Node that is called false.
        node: u16,
        /// Number of the thread among those about this node.
        turn: u8,
        /// What the claimant answered in it so far.
        answers: Vec<Vec<u8>>,
        /// What was answered in other threads about this node, by their number.
        others: Vec<(u8, Vec<Vec<u8>>)>,
    },
    /// `worker_answer`: what answers this question?
    Answer(Question),
}

#[derive(Serialize)]
struct Envelope<P> {
    jsonrpc: &'static str,
    id: u64,
    method: &'static str,
    params: P,
}

#[derive(Serialize)]
struct Other {
    turn: u8,
    answers: Vec<String>,
}

impl Request {
    /// The JSON-RPC method.
    pub fn method(&self) -> &'static str {
        match self {
            Request::Submit { .. } => "worker_submit",
            Request::Watch { .. } => "worker_watch",
            Request::Status => "worker_status",
            Request::Receipt => "worker_receipt",
            Request::Cancel => "worker_cancel",
            Request::Dispute { .. } => "worker_dispute",
            Request::Answer(_) => "worker_answer",
        }
    }

    /// Whether [`Request::body`] needs the program's bytes.
    pub fn needs_program(&self) -> bool {
        matches!(self, Request::Submit { .. } | Request::Watch { .. })
    }

    /// The body to POST. `program` is the canonical encoding of the ticket's
    /// program, used by submissions only. The request's id is the job's number.
    pub fn body(&self, ticket: &Ticket, program: &[u8]) -> Vec<u8> {
        let (jsonrpc, id, method) = ("2.0", ticket.job, self.method());
        // Serialising these types into memory can't fail; an empty body would be
        // refused by the daemon.
        match self {
            Request::Submit { .. } | Request::Watch { .. } => serde_json::to_vec(&Envelope {
                jsonrpc,
                id,
                method,
                params: (ticket, to_hex(program)),
            }),
            Request::Dispute {
                claim,
                node,
                turn,
                answers,
                others,
            } => {
                let hex = |answers: &[Vec<u8>]| -> Vec<String> {
                    answers.iter().map(|answer| to_hex(answer)).collect()
                };
                let claim: Vec<String> = claim.iter().map(|root| to_hex(root)).collect();
                let answers = hex(answers);
                let others: Vec<Other> = others
                    .iter()
                    .map(|(turn, answers)| Other {
                        turn: *turn,
                        answers: hex(answers),
                    })
                    .collect();
                serde_json::to_vec(&Envelope {
                    jsonrpc,
                    id,
                    method,
                    params: (ticket.job, claim, node, answers, turn, others),
                })
            }
            Request::Answer(question) => serde_json::to_vec(&Envelope {
                jsonrpc,
                id,
                method,
                params: (ticket.job, question),
            }),
            Request::Status | Request::Receipt | Request::Cancel => serde_json::to_vec(&Envelope {
                jsonrpc,
                id,
                method,
                params: [ticket.job],
            }),
        }
        .unwrap_or_default()
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting for the device.
    Queued,
    /// Fetching input and weights.
    Fetching,
    /// Input and weights are held and verified.
    Ready,
    /// Running.
    Running,
    /// The receipt is ready.
    Done,
    /// The daemon won't do it.
    Refused,
    /// It went wrong.
    Failed,
}

/// Answer to [`Request::Submit`] and [`Request::Status`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How far the job is.
    pub state: State,
    /// Input and weights are held and verified.
    pub held: bool,
    /// Per cent.
    pub progress: u8,
    /// The reason, for a job refused or failed.
    pub error: Option<String>,
}

/// Answer to [`Request::Receipt`], unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonReceipt {
    /// BLAKE3 of the joined node roots.
    pub trace_root: Root,
    /// Trace entry of the output node; BLAKE3 of the joined entries if several.
    pub output_root: Root,
    /// Root of every node's output.
    pub node_roots: Vec<Root>,
    /// The output, if it is small and the ticket wants it inline.
    pub output: Option<Vec<u8>>,
}

/// The next step of a dispute, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// The daemon computes the claimed root itself.
    Agree,
    /// The claimant is to open the node's output first.
    Ask {
        /// Threads to have about this node.
        threads: u8,
    },
    /// Into a group of the last answer, as `athanor_content_tree::Step`.
    Descend {
        /// The group.
        group: u64,
        /// Its chaining value.
        value: [u8; 32],
        /// Its siblings, from the group upwards.
        siblings: Vec<[u8; 32]>,
    },
    /// Nothing in this thread: another one about this node goes on.
    Rest,
    /// A SCALE-encoded `athanor_tensor_program::FraudProof`.
    Prove(Vec<u8>),
}

/// What the daemon said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a submission, a watch, or a question for the status.
    Status(Status),
    /// To a question for the receipt.
    Receipt(DaemonReceipt),
    /// To a cancellation: whether there was something to cancel.
    Cancelled(bool),
    /// To a question for the next step of a dispute.
    Move(Move),
    /// To a question that a claimant owes an answer to: the answer.
    Opened(Vec<u8>),
}

#[derive(Deserialize)]
struct Reply<R> {
    id: u64,
    result: Option<R>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct StatusJson {
    job: JobId,
    state: State,
    held: bool,
    #[serde(default)]
    progress: u8,
    error: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct ReceiptJson {
    job: JobId,
    #[serde(with = "hex32")]
    trace_root: Root,
    #[serde(with = "hex32")]
    output_root: Root,
    #[serde(with = "hex32s")]
    node_roots: Vec<Root>,
    output: Option<String>,
}

/// A daemon that knows nothing of several threads.
fn one() -> u8 {
    1
}

#[derive(Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum MoveJson {
    Agree,
    Ask {
        #[serde(default = "one")]
        threads: u8,
    },
    Rest,
    Descend {
        group: u64,
        #[serde(with = "hex32")]
        value: [u8; 32],
        #[serde(with = "hex32s")]
        siblings: Vec<[u8; 32]>,
    },
    Prove {
        proof: String,
    },
}

/// Reads the daemon's reply to `request` about `job`: the HTTP status and at most
/// [`MAX_ANSWER`] bytes of body.
pub fn answer(
    request: &Request,
    job: JobId,
    http_status: u16,
    body: &[u8],
) -> Result<Answer, Problem> {
    if body.len() > MAX_ANSWER {
        return Err(Problem::TooLong { limit: MAX_ANSWER });
    }
    match http_status {
        200..=299 => {}
        401 | 403 => return Err(Problem::Token(http_status)),
        _ => return Err(Problem::Http(http_status)),
    }
    let malformed = || Problem::Malformed {
        method: request.method(),
    };
    match request {
        Request::Submit { .. } | Request::Watch { .. } | Request::Status => {
            let status: StatusJson = result(request, job, body)?;
            same_job(job, status.job)?;
            let error = status
                .error
                .map(|error| tidy(&format!("{}: {}", error.code, error.message)));
            Ok(Answer::Status(Status {
                state: status.state,
                held: status.held,
                progress: status.progress.min(100),
                error,
            }))
        }
        Request::Receipt => {
            let receipt: ReceiptJson = result(request, job, body)?;
            same_job(job, receipt.job)?;
            let output = match receipt.output {
                None => None,
                Some(text) => {
                    Some(bytes_from_hex(&text, MAX_INLINE_OUTPUT as usize).ok_or_else(malformed)?)
                }
            };
            Ok(Answer::Receipt(DaemonReceipt {
                trace_root: receipt.trace_root,
                output_root: receipt.output_root,
                node_roots: receipt.node_roots,
                output,
            }))
        }
        Request::Cancel => result(request, job, body).map(Answer::Cancelled),
        Request::Dispute { .. } => Ok(Answer::Move(match result(request, job, body)? {
            MoveJson::Agree => Move::Agree,
            MoveJson::Ask { threads } => Move::Ask { threads },
            MoveJson::Rest => Move::Rest,
            MoveJson::Descend {
                group,
                value,
                siblings,
            } => Move::Descend {
                group,
                value,
                siblings,
            },
            MoveJson::Prove { proof } => {
                Move::Prove(bytes_from_hex(&proof, MAX_PROOF_BYTES).ok_or_else(malformed)?)
            }
        })),
        Request::Answer(_) => {
            let text: String = result(request, job, body)?;
            let bytes = bytes_from_hex(&text, MAX_OPENED).ok_or_else(malformed)?;
            Ok(Answer::Opened(bytes))
        }
    }
}

fn result<R: for<'de> Deserialize<'de>>(
    request: &Request,
    job: JobId,
    body: &[u8],
) -> Result<R, Problem> {
    let malformed = Problem::Malformed {
        method: request.method(),
    };
    let Ok(reply) = serde_json::from_slice::<Reply<R>>(body) else {
        return Err(malformed);
    };
    same_job(job, reply.id)?;
    match (reply.result, reply.error) {
        (Some(result), None) => Ok(result),
        (None, Some(error)) => Err(Problem::Refused {
            method: request.method(),
            code: error.code,
            message: tidy(&error.message),
        }),
        _ => Err(malformed),
    }
}

fn same_job(asked: JobId, got: JobId) -> Result<(), Problem> {
    if asked == got {
        Ok(())
    } else {
        Err(Problem::OtherJob { asked, got })
    }
}
