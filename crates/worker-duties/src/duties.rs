//! The decision: what one key does next about one ticket.

use crate::{
    daemon::{Answer, DaemonReceipt, Request, State, ASK_LATER, OTHER_TICKET, UNKNOWN_JOB},
    problem::Problem,
    record::{identity, Record, Run, Sent},
    LAZY_POLL, SUBMIT_AGAIN,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use athanor_primitives::{
    commitment, Duty, JobId, Opening, Root, ThreadId, Ticket, Value, MAX_INLINE_OUTPUT,
};
use athanor_tensor_program::{output_root, trace_root};

/// A worker key.
#[derive(Clone, Copy)]
pub struct Key {
    /// Its public half, which is its account.
    pub worker: [u8; 32],
    /// Random bytes stored locally when the key was first seen; salts follow from
    /// it. Never leaves the machine.
    pub secret: [u8; 32],
}

/// What a receipt for a program must look like at one batch size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of nodes.
    pub nodes: u32,
    /// Output nodes, in order.
    pub outputs: Vec<u16>,
    /// Bytes of all outputs joined.
    pub output_len: u64,
}

/// The state a decision is made on.
pub trait Chain {
    /// Hash of the genesis block.
    fn genesis(&self) -> [u8; 32];
    /// Number of the best block.
    fn block(&self) -> u32;
    /// Next nonce of the key in that block's state.
    fn nonce(&self) -> u64;
    /// `spec_version` of the runtime in that block's state, which every signature is
    /// over.
    fn spec_version(&self) -> u32;
    /// Hash of an ancestor, if it is still known.
    fn hash(&self, block: u32) -> Option<[u8; 32]>;
    /// Shape of the ticket's program at the ticket's batch size.
    fn shape(&self, ticket: &Ticket) -> Option<Shape>;
    /// The key's commitment for this job, if there is one.
    fn committed(&self, job: JobId) -> Option<[u8; 32]>;
    /// Whether the state holds the node roots of this trace.
    fn roots_known(&self, job: JobId, trace_root: &Root) -> bool;
}

/// What a reveal says about the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// The node roots, for the first of a trace.
    Roots(Vec<Root>),
    /// The trace root, when its node roots are on chain.
    Root(Root),
}

/// A call to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Input and weights are held.
    Accept,
    /// The commitment.
    Commit {
        /// See [`commitment`].
        commitment: [u8; 32],
    },
    /// The result.
    Reveal {
        /// Salt of the commitment.
        salt: [u8; 32],
        /// The trace.
        trace: Trace,
        /// The output, if it goes inline: with the node roots only.
        output: Option<Vec<u8>>,
    },
    /// That a claim is false, hidden until it is acted upon.
    Announce {
        /// See [`Opening::announcement`].
        announcement: [u8; 32],
    },
    /// The proof that it is.
    Challenge {
        /// The thread.
        thread: ThreadId,
        /// What the announcement hid; `None` if a demand has shown it.
        opening: Option<Opening>,
        /// A SCALE-encoded `athanor_tensor_program::FraudProof`.
        proof: Vec<u8>,
    },
    /// The claimant is to open a tensor.
    Demand {
        /// The thread.
        thread: ThreadId,
        /// What the announcement hid.
        opening: Opening,
        /// The tensor.
        value: Value,
    },
    /// The claimant is to open a group of what it last answered.
    Descend {
        /// The thread.
        thread: ThreadId,
        /// Answers given so far.
        answers: u8,
        /// Index of the group.
        group: u64,
        /// Its chaining value.
        value: [u8; 32],
        /// Its siblings, from the group upwards.
        siblings: Vec<[u8; 32]>,
    },
    /// What a challenger asked for.
    Answer {
        /// The thread.
        thread: ThreadId,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

impl Call {
    /// A small number for what is to be achieved, as records hold it. A proof and a
    /// demand that the same state of a thread allows have the same one.
    pub fn index(&self) -> u8 {
        match self {
            Call::Accept => 0,
            Call::Commit { .. } => 1,
            Call::Reveal { .. } => 2,
            Call::Announce { .. } => 3,
            Call::Answer { .. } => 4,
            Call::Demand { .. }
            | Call::Challenge {
                opening: Some(_), ..
            } => OPEN,
            Call::Challenge { opening: None, .. } => PROVE,
            Call::Descend { answers, .. } => PROVE.saturating_add(*answers),
        }
    }

    /// The name of the call.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Accept => "accept",
            Call::Commit { .. } => "commit",
            Call::Reveal { .. } => "reveal",
            Call::Announce { .. } => "announce",
            Call::Challenge { .. } => "challenge",
            Call::Demand { .. } | Call::Descend { .. } => "demand",
            Call::Answer { .. } => "answer",
        }
    }
}

/// Number of the calls that open an announcement.
pub(crate) const OPEN: u8 = 5;

/// Number of a proof after answers; with the number of answers added, that of the
/// demand that follows them.
pub(crate) const PROVE: u8 = 6;

/// The daemon's answer, with what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What was asked.
    pub request: Request,
    /// What came back, through [`crate::daemon::answer`], or why nothing did.
    pub answer: Result<Answer, Problem>,
}

/// What to do next. `R` is what is kept about the duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<R = Record> {
    /// Ask the daemon and call again with its answer.
    Ask(Request),
    /// Store this record and call again with it.
    Save(Box<R>),
    /// Sign and submit; nothing more in this block.
    Sign(Call),
    /// Nothing more in this block.
    Rest,
    /// Tell the operator; nothing more in this block.
    Report(Problem),
}

/// Why a job is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The key is assigned to it.
    Worker,
    /// To check what others claim.
    Watcher,
}

impl Role {
    /// The request that hands the job's ticket to the daemon.
    pub(crate) fn submit(self, cancelled: bool) -> Request {
        match self {
            Role::Worker => Request::Submit { cancelled },
            Role::Watcher => Request::Watch { cancelled },
        }
    }
}

/// What a watcher does next to have a run of its own of `ticket`: [`Step::Rest`] when
/// it has, else as [`next`] for a duty to wait.
pub fn watch(chain: &impl Chain, ticket: &Ticket, record: &Record, heard: Option<Heard>) -> Step {
    if record.identity != identity(ticket) {
        return Step::Report(Problem::OtherTicket);
    }
    match heard {
        Some(heard) => listen(chain, Role::Watcher, ticket, record, heard),
        None => wait(chain, Role::Watcher, record),
    }
}

/// What `key` does next about `ticket`, given its stored `record` and, right after
/// [`Step::Ask`], what was heard.
pub fn next(
    chain: &impl Chain,
    key: &Key,
    ticket: &Ticket,
    record: &Record,
    heard: Option<Heard>,
) -> Step {
    if record.identity != identity(ticket) {
        return Step::Report(Problem::OtherTicket);
    }
    if let Some(heard) = heard {
        return listen(chain, Role::Worker, ticket, record, heard);
    }
    let ask = |record| ask(chain, Role::Worker, record);
    match (ticket.duty, &record.run) {
        (Duty::Wait, _) => wait(chain, Role::Worker, record),
        (Duty::Accept, Some(_)) => sign(chain, record, Call::Accept),
        (Duty::Accept, None) => match &record.seen {
            Some(seen) if seen.at == chain.block() => {
                if seen.held || seen.state == State::Done {
                    sign(chain, record, Call::Accept)
                } else {
                    work_on(chain, record)
                }
            }
            _ => ask(record),
        },
        (Duty::Commit | Duty::Reveal | Duty::RevealAtOnce, None) => match &record.seen {
            Some(seen) if seen.at == chain.block() => work_on(chain, record),
            _ => ask(record),
        },
        (Duty::Commit, Some(run)) => sign(
            chain,
            record,
            Call::Commit {
                commitment: bind(chain, key, ticket, record, run),
            },
        ),
        (Duty::Reveal, Some(run)) => match chain.committed(ticket.job) {
            Some(on_chain) if on_chain != bind(chain, key, ticket, record, run) => {
                Step::Report(Problem::CommitmentMismatch)
            }
            _ => sign(chain, record, reveal(chain, ticket, record, run)),
        },
        (Duty::RevealAtOnce, Some(run)) => sign(chain, record, reveal(chain, ticket, record, run)),
    }
}

/// What is done about a job that owes the chain nothing now.
fn wait(chain: &impl Chain, role: Role, record: &Record) -> Step {
    match (&record.run, &record.seen) {
        (Some(_), _) => Step::Rest,
        (None, Some(seen)) if is_recent(chain.block(), seen.at, LAZY_POLL) => {
            work_on(chain, record)
        }
        (None, _) => ask(chain, role, record),
    }
}

/// `at` is within the last `span` blocks. A block number above the present one was
/// seen on an abandoned fork.
pub(crate) fn is_recent(block: u32, at: u32, span: u32) -> bool {
    block.checked_sub(at).is_some_and(|since| since < span)
}

/// The question for a job without result.
fn ask(chain: &impl Chain, role: Role, record: &Record) -> Step {
    Step::Ask(match &record.seen {
        None => role.submit(false),
        Some(seen)
            if matches!(seen.state, State::Refused | State::Failed)
                && !is_recent(chain.block(), seen.submitted, SUBMIT_AGAIN) =>
        {
            role.submit(false)
        }
        Some(_) => Request::Status,
    })
}

/// What follows from what the daemon said in this block.
fn work_on(chain: &impl Chain, record: &Record) -> Step {
    let Some(seen) = &record.seen else {
        return Step::Rest;
    };
    match seen.state {
        State::Done if seen.at == chain.block() => Step::Ask(Request::Receipt),
        State::Refused | State::Failed => {
            let reason = seen.reason.as_deref().unwrap_or(b"it gave no reason");
            Step::Report(Problem::JobFailed(
                String::from_utf8_lossy(reason).into_owned(),
            ))
        }
        _ => Step::Rest,
    }
}

fn listen(chain: &impl Chain, role: Role, ticket: &Ticket, record: &Record, heard: Heard) -> Step {
    let Heard { request, answer } = heard;
    match answer {
        Ok(Answer::Status(status)) => {
            let submitted = request.needs_program();
            Step::Save(Box::new(record.seen(chain.block(), &status, submitted)))
        }
        Ok(Answer::Receipt(receipt)) => match check(chain, ticket, receipt) {
            Ok(run) => {
                let run = record.run.clone().unwrap_or(run);
                Step::Save(Box::new(Record {
                    run: Some(run),
                    ..record.clone()
                }))
            }
            Err(problem) => Step::Report(problem),
        },
        Ok(Answer::Cancelled(_)) => Step::Ask(role.submit(true)),
        Ok(Answer::Move(_) | Answer::Opened(_)) => Step::Report(Problem::Malformed {
            method: request.method(),
        }),
        // It watches as many as it can.
        Err(Problem::Refused {
            code: ASK_LATER, ..
        }) if role == Role::Watcher => Step::Rest,
        // The daemon was restarted, or its job list lost.
        Err(Problem::Refused {
            code: UNKNOWN_JOB, ..
        }) if request == Request::Status => Step::Ask(role.submit(false)),
        // It holds the job of this number of an abandoned fork.
        Err(Problem::Refused {
            code: OTHER_TICKET, ..
        }) if request == role.submit(false) => Step::Ask(Request::Cancel),
        Err(problem) => Step::Report(problem),
    }
}

/// Signs `call` unless the same call is under way or has just proved useless.
fn sign(chain: &impl Chain, record: &Record, call: Call) -> Step {
    match held_back(chain, record.sent.as_ref(), call.index(), call.name()) {
        Some(step) => step,
        None => Step::Sign(call),
    }
}

/// What is done instead of signing a call of number `index` and `name`, if such a one
/// is under way or has just proved useless.
pub(crate) fn held_back<R>(
    chain: &impl Chain,
    sent: Option<&Sent>,
    index: u8,
    name: &'static str,
) -> Option<Step<R>> {
    let sent = sent.filter(|sent| sent.call == index && sent.on(chain))?;
    let alive =
        chain.block().saturating_add(1) < sent.until && sent.spec_version == chain.spec_version();
    if sent.nonce == chain.nonce() && alive {
        return Some(Step::Rest);
    }
    if sent.nonce < chain.nonce() && chain.block() <= sent.again_after {
        let again_after = sent.again_after;
        return Some(Step::Report(Problem::NoEffect {
            call: name,
            again_after,
        }));
    }
    None
}

fn bind(chain: &impl Chain, key: &Key, ticket: &Ticket, record: &Record, run: &Run) -> [u8; 32] {
    commitment(
        &chain.genesis(),
        ticket.job,
        &key.worker,
        &run.trace_root,
        &record.salt,
    )
}

fn reveal(chain: &impl Chain, ticket: &Ticket, record: &Record, run: &Run) -> Call {
    let (trace, output) = if chain.roots_known(ticket.job, &run.trace_root) {
        (Trace::Root(run.trace_root), None)
    } else {
        (Trace::Roots(run.node_roots.clone()), run.output.clone())
    };
    Call::Reveal {
        salt: record.salt,
        trace,
        output,
    }
}

/// Checks whatever of a receipt can be checked without running the program.
fn check(chain: &impl Chain, ticket: &Ticket, receipt: DaemonReceipt) -> Result<Run, Problem> {
    let DaemonReceipt {
        trace_root: trace,
        output_root: output_entry,
        node_roots,
        output,
    } = receipt;
    let shape = chain.shape(ticket).ok_or(Problem::UnknownModel)?;
    if usize::try_from(shape.nodes) != Ok(node_roots.len()) {
        return Err(Problem::NodeCount {
            expected: shape.nodes,
            got: node_roots.len(),
        });
    }
    if trace_root(&node_roots) != trace {
        return Err(Problem::TraceRoot);
    }
    if output_root(&shape.outputs, &node_roots) != Some(output_entry) {
        return Err(Problem::OutputRoot);
    }
    // Only the output of a program with a single one goes inline.
    let inline = ticket.inline_output
        && shape.outputs.len() == 1
        && shape.output_len <= u64::from(MAX_INLINE_OUTPUT);
    let output = if inline {
        let output = output.ok_or(Problem::NoInlineOutput)?;
        let right_length = u64::try_from(output.len()) == Ok(shape.output_len);
        if !right_length || athanor_content_tree::root(&output) != output_entry {
            return Err(Problem::InlineOutput);
        }
        Some(output)
    } else {
        None
    };
    Ok(Run {
        trace_root: trace,
        node_roots,
        output,
    })
}
