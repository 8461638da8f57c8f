//! The JSON-RPC spoken with the `gpu-worker` daemon.

use crate::{problem::tidy, Problem};
use alloc::{format, string::String, vec::Vec};
use athanor_primitives::{
    ticket::{bytes_from_hex, hex32, hex32s, to_hex},
    JobId, Root, Ticket, MAX_INLINE_OUTPUT,
};
use codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Largest answer that is read, in bytes: 1,024 roots and 1 KiB of output in hex
/// take about 75 KiB.
pub const MAX_ANSWER: usize = 128 * 1024;

/// The job is known with another ticket.
pub const OTHER_TICKET: i64 = -32010;
/// The job is not known.
pub const UNKNOWN_JOB: i64 = -32011;
/// The job is not done yet.
pub const NOT_DONE: i64 = -32012;

/// A question to the daemon about one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `worker_submit`: take this ticket. Idempotent.
    Submit {
        /// Another ticket of the same number was cancelled just now.
        cancelled: bool,
    },
    /// `worker_status`: how far is the job?
    Status,
    /// `worker_receipt`: what came out?
    Receipt,
    /// `worker_cancel`: forget the job. Only for a ticket of an abandoned fork.
    Cancel,
}

#[derive(Serialize)]
struct Envelope<P> {
    jsonrpc: &'static str,
    id: u64,
    method: &'static str,
    params: P,
}

impl Request {
    /// The JSON-RPC method.
    pub fn method(self) -> &'static str {
        match self {
            Request::Submit { .. } => "worker_submit",
            Request::Status => "worker_status",
            Request::Receipt => "worker_receipt",
            Request::Cancel => "worker_cancel",
        }
    }

    /// Whether [`Request::body`] needs the program's bytes.
    pub fn needs_program(self) -> bool {
        matches!(self, Request::Submit { .. })
    }

    /// The body to POST. `program` is the canonical encoding of the ticket's
    /// program, used by a submission only. The request's id is the job's number.
    pub fn body(self, ticket: &Ticket, program: &[u8]) -> Vec<u8> {
        let (jsonrpc, id, method) = ("2.0", ticket.job, self.method());
        // Serialising these types into memory can't fail; an empty body would be
        // refused by the daemon.
        match self {
            Request::Submit { .. } => serde_json::to_vec(&Envelope {
                jsonrpc,
                id,
                method,
                params: (ticket, to_hex(program)),
            }),
            _ => serde_json::to_vec(&Envelope {
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

/// What the daemon said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a submission or a question for the status.
    Status(Status),
    /// To a question for the receipt.
    Receipt(DaemonReceipt),
    /// To a cancellation: whether there was something to cancel.
    Cancelled(bool),
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

/// Reads the daemon's reply to `request` about `job`: the HTTP status and at most
/// [`MAX_ANSWER`] bytes of body.
pub fn answer(
    request: Request,
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
    match request {
        Request::Submit { .. } | Request::Status => {
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
                Some(text) => Some(bytes_from_hex(&text, MAX_INLINE_OUTPUT as usize).ok_or(
                    Problem::Malformed {
                        method: request.method(),
                    },
                )?),
            };
            Ok(Answer::Receipt(DaemonReceipt {
                trace_root: receipt.trace_root,
                output_root: receipt.output_root,
                node_roots: receipt.node_roots,
                output,
            }))
        }
        Request::Cancel => result(request, job, body).map(Answer::Cancelled),
    }
}

fn result<R: for<'de> Deserialize<'de>>(
    request: Request,
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
