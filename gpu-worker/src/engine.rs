//! The job engine: which job is where, and what has to be done next.
//!
//! It does no I/O, has no clock and starts nothing: callers tell it what
//! happened and when, and carry out the [`Action`]s it hands back.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> queued: submit
//!     queued --> fetching
//!     fetching --> fetching: a blob is nowhere yet, asked again later
//!     fetching --> ready: input and weights held, roots and lengths right
//!     ready --> running: the device is free
//!     running --> fetching: a held blob vanished
//!     running --> queued: a watched job makes room for an assigned one
//!     running --> done
//!     queued --> refused: over a limit
//!     fetching --> refused: wrong bytes
//!     fetching --> failed: nobody asked for it any more
//!     running --> failed
//!     ready --> failed: its place was needed and nobody asked for it
//!     refused --> queued: submitted again, if that can help
//!     failed --> queued: submitted again
//! ```
//!
//! # Order
//!
//! Of the jobs that wait for a fetch slot or for the device, the next is
//!
//! 1. one that somebody asked for within [`Limits::patience`]: a job that has
//!    gone from the chain is not asked for any more, and runs when nothing else
//!    wants to;
//! 2. among those, one that was assigned: a job that is only watched waits, and
//!    stops if it runs, as long as there is anything else to do;
//! 3. among those, one that has waited for [`Limits::aging`], the longest wait
//!    first: so nothing starves, whatever deadlines others bring;
//! 4. then the one with the earliest deadline;
//! 5. then the one that came first.
//!
//! The price plays no part: the draw on chain has settled it, and what a late
//! job costs is its collateral, whatever it pays.
//!
//! *Errands* are work for jobs that are done: values made again for a dispute. One
//! at a time gets the device, after the assigned jobs that are ready and before the
//! watched ones; one that has waited for [`Limits::aging`] is the next.
//!
//! # Properties
//!
//! - At most one job runs at a time, and at most [`Limits::fetches`] fetch.
//! - A job whose blobs nobody serves holds no fetch slot while it waits.
//! - A full queue gives up a waiting job that nobody asks for before it turns
//!   another away, and a waiting job that is only watched before it turns an
//!   assigned one away.
//! - Everything a report could concern carries the epoch of its attempt, so a
//!   report that comes after a cancel or a restart of the job changes nothing.
//! - Jobs that ended are forgotten, oldest first, beyond [`Limits::remembered`].

use crate::api::{JobDetail, JobState, PhaseSeconds, Status, Trouble, Unit, Work};
use athanor_primitives::{JobId, Root, Ticket};
use athanor_tensor_program::{Invalid, Validated, MAX_PROGRAM_BYTES};
use codec::Encode;
use sp_crypto_hashing::blake2_256;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

/// What the engine takes on. Everything is checked before anything is fetched
/// or allocated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Jobs that may wait, fetch or run at a time.
    pub queue: usize,
    /// Jobs among these that may be watched only.
    pub watches: usize,
    /// Errands that may wait or run at a time.
    pub errands: usize,
    /// Jobs that may fetch at a time.
    pub fetches: usize,
    /// Bytes of this machine's memory that one run may use.
    pub memory: u64,
    /// Bytes that one run may use of the memory of the device's own. `None`: it has none, and
    /// uses this machine's.
    pub device_memory: Option<u64>,
    /// Units one run may cost.
    pub max_cost: u64,
    /// Bytes of the largest blob.
    pub max_blob: u64,
    /// Bytes that all blobs of one job may take: what the store can hold.
    pub store: u64,
    /// Jobs that ended and are still known.
    pub remembered: usize,
    /// Least time before a job that ended badly is taken up again.
    pub retry_after: Duration,
    /// How long a job waits for a blob while nobody asks for the job. Short, so
    /// that dead jobs do not fill the queue: a live ticket is submitted again.
    pub patience: Duration,
    /// How long a job waits before it comes ahead of those with earlier
    /// deadlines.
    pub aging: Duration,
    /// First pause before a missing blob is asked for again; it doubles each
    /// time, up to 16 times this.
    pub backoff: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            queue: 64,
            watches: 16,
            errands: 64,
            fetches: 4,
            memory: 4 << 30,
            device_memory: None,
            max_cost: u64::MAX,
            max_blob: 4 << 30,
            store: u64::MAX,
            remembered: 1_024,
            retry_after: Duration::from_secs(30),
            patience: Duration::from_secs(120),
            aging: Duration::from_secs(600),
            backoff: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// Bytes that one run may use where the backend keeps its values.
    pub fn run_memory(&self) -> u64 {
        self.device_memory.unwrap_or(self.memory)
    }
}

/// Why a ticket can't be run. Stable: clients compare the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalCode {
    /// The ticket names more or fewer weights than the program has.
    WeightsCount,
    /// The batch is 0 or above the program's `max_batch`.
    BatchOutOfRange,
    /// A run needs more memory than a job may use.
    MemoryLimit,
    /// A run costs more units than a job may.
    CostLimit,
    /// Input, output or a weight is longer than the largest blob taken.
    BlobTooLarge,
    /// The blobs of the job are more than the whole store holds.
    StoreLimit,
    /// Whoever served a blob served other bytes than its root names.
    RootMismatch,
    /// A blob has another length than program and batch say.
    WrongLength,
}

impl RefusalCode {
    /// The code in a status.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalCode::WeightsCount => "weights_count",
            RefusalCode::BatchOutOfRange => "batch_out_of_range",
            RefusalCode::MemoryLimit => "memory_limit",
            RefusalCode::CostLimit => "cost_limit",
            RefusalCode::BlobTooLarge => "blob_too_large",
            RefusalCode::StoreLimit => "store_limit",
            RefusalCode::RootMismatch => "root_mismatch",
            RefusalCode::WrongLength => "wrong_length",
        }
    }

    /// Whether trying again may end otherwise: what a gateway serves can
    /// change, what a ticket says cannot.
    fn may_pass(self) -> bool {
        matches!(self, RefusalCode::RootMismatch | RefusalCode::WrongLength)
    }
}

/// A ticket that can't be run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub code: RefusalCode,
    /// The reason with its numbers.
    pub message: String,
}

impl Refusal {
    /// A refusal for `code`, explained by `message`.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Refusal {
            code,
            message: message.into(),
        }
    }
}

/// Something broke on this machine. Stable: clients compare the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureCode {
    /// Nobody served a blob for as long as anybody asked for the job.
    FetchTimeout,
    /// Nobody asked for the job any more, and another needed its place.
    Abandoned,
    /// The local store could not be read or written.
    Store,
    /// The backend gave up.
    Backend,
    /// A bug: the log has more.
    Internal,
}

impl FailureCode {
    /// The code in a status.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureCode::FetchTimeout => "fetch_timeout",
            FailureCode::Abandoned => "abandoned",
            FailureCode::Store => "store_error",
            FailureCode::Backend => "backend_error",
            FailureCode::Internal => "internal",
        }
    }
}

/// A run that broke, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason.
    pub code: FailureCode,
    /// What happened.
    pub message: String,
}

impl Failure {
    /// A failure for `code`, explained by `message`.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Failure {
            code,
            message: message.into(),
        }
    }
}

/// The program of a ticket was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// Longer than any program.
    #[error("the program has {0} bytes, a program has at most {MAX_PROGRAM_BYTES}")]
    TooLong(usize),
    /// Other bytes than the ticket names.
    #[error("the program hashes to {found}, the ticket names {named}: send the program's bytes as registered")]
    OtherHash {
        /// Hash of the bytes that came.
        found: String,
        /// Hash in the ticket.
        named: String,
    },
    /// The validator's own reason.
    #[error("the program is not valid: {0}")]
    Invalid(Invalid),
}

/// A blob a job needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// BLAKE3 root of its bytes.
    pub root: Root,
    /// Its length, which follows from program and batch.
    pub len: u64,
}

/// A ticket with its program.
pub struct Task {
    ticket: Ticket,
    identity: [u8; 32],
    program: Validated,
    memory: Option<u64>,
    claim: Option<Vec<Root>>,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

impl Task {
    /// Pairs a ticket with the bytes of the program it names.
    pub fn new(ticket: Ticket, program: &[u8]) -> Result<Self, ProgramError> {
        if program.len() > MAX_PROGRAM_BYTES {
            return Err(ProgramError::TooLong(program.len()));
        }
        let found = blake2_256(program);
        if found != ticket.program_hash {
            return Err(ProgramError::OtherHash {
                found: athanor_primitives::ticket::to_hex(&found),
                named: athanor_primitives::ticket::to_hex(&ticket.program_hash),
            });
        }
        let program = athanor_tensor_program::load(program).map_err(ProgramError::Invalid)?;
        Ok(Task {
            identity: identity(&ticket),
            ticket,
            program,
            memory: None,
            claim: None,
        })
    }

    /// The same task, known to need `memory` bytes on the backend that is to run
    /// it. Without this, [`Task::check`] takes the program's own figure.
    #[must_use]
    pub fn planned(self, memory: u64) -> Self {
        Task {
            memory: Some(memory),
            ..self
        }
    }

    /// The same task, to be checked against a claim of these node roots if its
    /// tensors are to be had. A claim of another length is none.
    #[must_use]
    pub fn against(self, claim: Option<Vec<Root>>) -> Self {
        let nodes = self.program.node_count();
        Task {
            claim: claim.filter(|claim| claim.len() == nodes),
            ..self
        }
    }

    /// The claim it is to be checked against: a root for every node.
    pub fn claim(&self) -> Option<&[Root]> {
        self.claim.as_deref()
    }

    /// Bytes that the store must find room for beside the blobs the job starts
    /// from: each output node's, all of them joined, and the trace.
    pub fn products(&self) -> u64 {
        let output = self.program.output_len(self.ticket.batch).unwrap_or(0);
        let trace = u64::try_from(self.program.node_count()).unwrap_or(u64::MAX);
        output
            .saturating_mul(2)
            .saturating_add(trace.saturating_mul(32))
    }

    /// The ticket.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The program.
    pub fn program(&self) -> &Validated {
        &self.program
    }

    /// What makes two tickets of one job the same work: see [`identity`].
    pub fn identity(&self) -> [u8; 32] {
        self.identity
    }

    /// Units one run costs.
    pub fn units(&self) -> u64 {
        self.program
            .cost(self.ticket.batch)
            .map_or(0, |cost| cost.units())
    }

    /// The weights in order, then the input. Empty if the ticket does not fit
    /// the program.
    pub fn blobs(&self) -> Vec<Blob> {
        let Some(len) = self.program.input_len(self.ticket.batch) else {
            return Vec::new();
        };
        self.ticket
            .weights
            .iter()
            .zip(self.program.root_constants())
            .map(|(root, len)| Blob { root: *root, len })
            .chain([Blob {
                root: self.ticket.input_root,
                len,
            }])
            .collect()
    }

    /// Whether the ticket fits its program and `limits`.
    pub fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let (ticket, program) = (&self.ticket, &self.program);
        let wanted = program.root_constant_count();
        if ticket.weights.len() != wanted {
            return Err(Refusal::new(
                RefusalCode::WeightsCount,
                format!(
                    "the program has {wanted} weights, the ticket names {}",
                    ticket.weights.len()
                ),
            ));
        }
        let (Some(cost), Some(memory), Some(output)) = (
            program.cost(ticket.batch),
            program.memory(ticket.batch),
            program.output_len(ticket.batch),
        ) else {
            return Err(Refusal::new(
                RefusalCode::BatchOutOfRange,
                format!(
                    "batch {} is outside 1..={} of the program",
                    ticket.batch,
                    program.max_batch()
                ),
            ));
        };
        if let Some(blob) = self.blobs().iter().find(|blob| blob.len > limits.max_blob) {
            return Err(Refusal::new(
                RefusalCode::BlobTooLarge,
                format!(
                    "a blob of {} bytes, at most {} are taken",
                    blob.len, limits.max_blob
                ),
            ));
        }
        if output > limits.max_blob {
            return Err(Refusal::new(
                RefusalCode::BlobTooLarge,
                format!(
                    "an output of {output} bytes, at most {} are kept",
                    limits.max_blob
                ),
            ));
        }
        let mut distinct = self.blobs();
        distinct.sort_unstable_by_key(|blob| blob.root);
        distinct.dedup();
        let all = distinct
            .iter()
            .map(|blob| blob.len)
            .fold(self.products(), u64::saturating_add);
        if all > limits.store {
            return Err(Refusal::new(
                RefusalCode::StoreLimit,
                format!(
                    "the blobs of the job are {all} bytes, the whole store holds {}: raise \
                     --store-limit",
                    limits.store
                ),
            ));
        }
        let memory = self.memory.unwrap_or(memory);
        if memory > limits.run_memory() {
            let whose = limits
                .device_memory
                .map_or("", |_| " of the device's memory");
            return Err(Refusal::new(
                RefusalCode::MemoryLimit,
                format!(
                    "the run needs {memory} bytes{whose}, a job may use {}",
                    limits.run_memory()
                ),
            ));
        }
        // What goes to the device lies in this machine's memory before, and what comes back after.
        if limits.device_memory.is_some() && all > limits.memory {
            return Err(Refusal::new(
                RefusalCode::MemoryLimit,
                format!(
                    "the run's blobs take {all} bytes of this machine's memory, a job may use {}",
                    limits.memory
                ),
            ));
        }
        if cost.units() > limits.max_cost {
            return Err(Refusal::new(
                RefusalCode::CostLimit,
                format!(
                    "the run costs {} units, a job may cost {}",
                    cost.units(),
                    limits.max_cost
                ),
            ));
        }
        Ok(())
    }
}

/// `blake2_256` of everything a ticket says about the work: all but duty and
/// deadline, which change while a job goes on.
pub fn identity(ticket: &Ticket) -> [u8; 32] {
    let Ticket {
        job,
        duty: _,
        deadline: _,
        model,
        program_hash,
        weights,
        input_root,
        batch,
        inline_output,
    } = ticket;
    (
        job,
        model,
        program_hash,
        weights,
        input_root,
        batch,
        inline_output,
    )
        .using_encoded(blake2_256)
}

/// What a run yielded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Root of every node's output, in node order.
    pub node_roots: Vec<Root>,
    /// BLAKE3 of the joined node roots.
    pub trace_root: Root,
    /// Trace entry of the output node; BLAKE3 of the joined entries if several.
    pub output_root: Root,
    /// All outputs joined, if they are at most 1 KiB.
    pub inline: Option<Vec<u8>>,
    /// Set if it was not run, but a claim of it checked: see [`Checked`].
    pub checked: Option<Checked>,
}

/// How a claim was checked without running the job.
///
/// The roots of such an outcome are the claimed ones, but for the first wrong node's,
/// which is its true root for the claimed operands. What comes after a wrong node was
/// not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Products checked by keyed Freivalds.
    pub products: u32,
    /// Nodes executed over the claimed operands.
    pub executed: u32,
    /// The first wrong node.
    pub wrong: Option<u16>,
}

/// One attempt at a job. A job that is cancelled or taken up again gets
/// another epoch, and reports about the old one are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// Number of the attempt, never used twice.
    pub epoch: u64,
}

/// What the engine wants done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Get every blob of the task into the local store, then report
    /// [`Engine::fetched`], [`Engine::waits`], [`Engine::refused`] or
    /// [`Engine::failed`].
    Fetch(Attempt, Arc<Task>),
    /// Run the task, then report [`Engine::finished`], [`Engine::lost`] or
    /// [`Engine::failed`].
    Run(Attempt, Arc<Task>),
    /// Stop whatever is done for the attempt. A run that stops still reports.
    Stop(Attempt),
    /// The device is this errand's until [`Engine::errand_ended`].
    Grant(Attempt),
}

/// Why a job is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is this worker's to do.
    Assigned,
    /// To see whether others did it right.
    Watched,
}

/// An errand that waits for the device, or has it.
#[derive(Debug)]
struct Errand {
    attempt: Attempt,
    task: Arc<Task>,
    /// Since when it has been ready for the device.
    ready: Option<Duration>,
    granted: bool,
}

/// A ticket was not taken on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The job is known with other content.
    #[error("job {0} is known with another ticket: cancel it first if the chain has changed")]
    OtherTicket(JobId),
    /// No room.
    #[error("{0} jobs are waiting or running, which is the limit: submit again later")]
    QueueFull(usize),
    /// No room for a job that is only watched.
    #[error("{0} jobs are watched, which is the limit: ask again later")]
    WatchesFull(usize),
}

/// There is no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Never submitted, cancelled, or forgotten.
    #[error("job {0} is not known: submit its ticket")]
    Unknown(JobId),
    /// Not yet, or never.
    #[error("job {0} is {1}, not done")]
    NotDone(JobId, JobState),
}

#[derive(Debug)]
enum State {
    Queued,
    /// `active`: somebody is at it; otherwise it waits until `again`.
    Fetching {
        active: bool,
        again: Duration,
        pause: Duration,
        waits_for: Option<Trouble>,
    },
    Ready,
    Running,
    Done(Arc<Outcome>),
    Refused(Refusal),
    Failed(Failure),
}

impl State {
    fn name(&self) -> JobState {
        match self {
            State::Queued => JobState::Queued,
            State::Fetching { .. } => JobState::Fetching,
            State::Ready => JobState::Ready,
            State::Running => JobState::Running,
            State::Done(_) => JobState::Done,
            State::Refused(_) => JobState::Refused,
            State::Failed(_) => JobState::Failed,
        }
    }
}

#[derive(Debug)]
struct Entry {
    task: Arc<Task>,
    epoch: u64,
    state: State,
    held: bool,
    progress: u8,
    deadline: u32,
    asked: Duration,
    ended: Duration,
    /// When the job was taken on, and when it entered the state it is in.
    came: Duration,
    since: Duration,
    /// Time spent so far in each state before the present one.
    phases: PhaseSeconds,
    /// Fetches and runs started.
    attempts: u32,
    role: Role,
    /// It runs and was told to make room.
    yields: bool,
    /// What is known of the fetch or run under way.
    measured: Option<Measured>,
}

/// Progress of a fetch or a run: `first` of `total` were done at `since`.
#[derive(Clone, Copy, Debug)]
struct Measured {
    since: Duration,
    first: u64,
    done: u64,
    total: u64,
}

impl Measured {
    fn work(&self, now: Duration, unit: Unit) -> Work {
        let made = self.done.saturating_sub(self.first);
        let seconds = now.saturating_sub(self.since).as_secs_f64();
        // A rate of the first moments would be noise.
        let rate = (made > 0 && seconds >= 0.1).then(|| made as f64 / seconds);
        let left = self.total.saturating_sub(self.done) as f64;
        Work {
            unit,
            done: self.done,
            total: self.total,
            per_second: rate,
            eta_seconds: rate.map(|rate| (left / rate).ceil() as u64),
        }
    }
}

impl Entry {
    /// Moves to `state`; gives the state left and the time it took.
    fn enter(&mut self, now: Duration, state: State) -> (JobState, Duration) {
        let took = now.saturating_sub(self.since);
        let left = self.state.name();
        if let Some(total) = self.phases.of(left) {
            *total += took.as_secs_f64();
        }
        (self.state, self.since, self.measured) = (state, now, None);
        self.yields = false;
        (left, took)
    }

    fn measure(&mut self, now: Duration, done: u64, total: u64) {
        let done = done.min(total);
        let measured = self.measured.get_or_insert(Measured {
            since: now,
            first: done,
            done,
            total,
        });
        // A download that starts over goes back; the rate starts over with it.
        if done < measured.first {
            (measured.since, measured.first) = (now, done);
        }
        (measured.done, measured.total) = (done, total);
    }

    fn is_waiting(&self) -> bool {
        matches!(
            self.state,
            State::Queued | State::Ready | State::Fetching { active: false, .. }
        )
    }

    fn is_forsaken(&self, now: Duration, limits: &Limits) -> bool {
        now >= self.asked.saturating_add(limits.patience)
    }

    /// Least first: see "Order" in the module's documentation.
    fn rank(&self, now: Duration, limits: &Limits) -> (bool, bool, bool, u128, u64) {
        let aged = now >= self.came.saturating_add(limits.aging);
        let order = if aged {
            self.came.as_nanos()
        } else {
            self.deadline.into()
        };
        let watched = self.role == Role::Watched;
        (
            self.is_forsaken(now, limits),
            watched,
            !aged,
            order,
            self.epoch,
        )
    }

    fn detail(&self, now: Duration) -> JobDetail {
        let mut phases = self.phases;
        if let Some(total) = phases.of(self.state.name()) {
            *total += now.saturating_sub(self.since).as_secs_f64();
        }
        let ticket = &self.task.ticket;
        JobDetail {
            status: self.status(now),
            model: ticket.model,
            batch: ticket.batch,
            units: self.task.units(),
            deadline: self.deadline,
            attempts: self.attempts,
            age_seconds: now.saturating_sub(self.came).as_secs(),
            phases,
        }
    }

    fn status(&self, now: Duration) -> Status {
        let error = match &self.state {
            State::Fetching { waits_for, .. } => waits_for.clone(),
            State::Refused(refusal) => Some(Trouble {
                code: refusal.code.as_str().into(),
                message: refusal.message.clone(),
            }),
            State::Failed(failure) => Some(Trouble {
                code: failure.code.as_str().into(),
                message: failure.message.clone(),
            }),
            _ => None,
        };
        Status {
            job: self.task.ticket.job,
            state: self.state.name(),
            held: self.held,
            watched: self.role == Role::Watched,
            progress: self.progress,
            error,
            checked: match &self.state {
                State::Done(outcome) => outcome.checked.map(|_| "freivalds".into()),
                _ => None,
            },
            work: self.measured.map(|measured| {
                let unit = match self.state {
                    State::Running => Unit::Parts,
                    _ => Unit::Bytes,
                };
                measured.work(now, unit)
            }),
        }
    }
}

/// Share of a job's progress that fetching is, in percent.
const FETCH_SHARE: u8 = 30;

/// The engine. `now` is the time since any fixed moment, never going back.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    jobs: BTreeMap<JobId, Entry>,
    actions: VecDeque<Action>,
    /// The device's attempt; it stays here after a cancel until it reports.
    running: Option<Attempt>,
    /// Attempts with a fetch under way, cancelled ones included.
    fetching: Vec<Attempt>,
    /// In the order they came.
    errands: Vec<Errand>,
    next_epoch: u64,
    /// States left since they were last taken, and the time spent in each.
    left: Vec<(JobState, Duration)>,
    /// Jobs given up since they were last taken.
    given_up: Vec<(Arc<Task>, FailureCode)>,
    /// Nothing new is started.
    draining: bool,
}

impl Engine {
    /// An engine that knows no job.
    pub fn new(limits: Limits) -> Self {
        Engine {
            limits,
            jobs: BTreeMap::new(),
            actions: VecDeque::new(),
            running: None,
            fetching: Vec::new(),
            errands: Vec::new(),
            next_epoch: 0,
            left: Vec::new(),
            given_up: Vec::new(),
            draining: false,
        }
    }

    /// Starts nothing any more. What waits keeps its state; reports about what
    /// is under way still count.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// The attempts under way whose job is fetching.
    pub fn fetches_under_way(&self) -> Vec<Attempt> {
        self.fetching.clone()
    }

    /// Whether the device is at work, be it for a job that was cancelled.
    pub fn is_running(&self) -> bool {
        self.running.is_some() || self.errands.iter().any(|errand| errand.granted)
    }

    /// Takes on an errand for a job; its blobs stay in use until it ends. `None` if
    /// there are as many as may be.
    pub fn errand(&mut self, task: Arc<Task>) -> Option<Attempt> {
        if self.errands.len() >= self.limits.errands || self.draining {
            return None;
        }
        let attempt = Attempt {
            job: task.ticket.job,
            epoch: self.epoch(),
        };
        self.errands.push(Errand {
            attempt,
            task,
            ready: None,
            granted: false,
        });
        Some(attempt)
    }

    /// An errand has what it needs but the device.
    pub fn errand_ready(&mut self, now: Duration, errand: Attempt) {
        let found = self.errands.iter_mut().find(|one| one.attempt == errand);
        if let Some(found) = found {
            found.ready.get_or_insert(now);
        }
        self.advance(now);
    }

    /// An errand is over, with or without the device.
    pub fn errand_ended(&mut self, now: Duration, errand: Attempt) {
        self.errands.retain(|one| one.attempt != errand);
        self.advance(now);
    }

    /// Why a job is run; `None` if it is not known.
    pub fn role(&self, job: JobId) -> Option<Role> {
        self.jobs.get(&job).map(|entry| entry.role)
    }

    /// Jobs that are watched only and have not ended.
    pub fn watches(&self) -> usize {
        self.jobs
            .values()
            .filter(|entry| entry.role == Role::Watched && !entry.state.name().is_terminal())
            .count()
    }

    /// The states that jobs left since this was last asked, each with the time
    /// spent in it.
    pub fn take_phase_times(&mut self) -> Vec<(JobState, Duration)> {
        std::mem::take(&mut self.left)
    }

    /// Every job, as many as `most`: those that have not ended in the order they
    /// will be served, then those that ended, the latest first.
    pub fn details(&self, now: Duration, most: usize) -> Vec<JobDetail> {
        let mut jobs: Vec<&Entry> = self.jobs.values().collect();
        jobs.sort_by_key(|entry| {
            let state = entry.state.name();
            let ended = state.is_terminal();
            let last = if ended {
                Duration::MAX.saturating_sub(entry.ended)
            } else {
                Duration::ZERO
            };
            let under_way = !ended && !entry.is_waiting();
            (ended, !under_way, last, entry.rank(now, &self.limits))
        });
        jobs.into_iter()
            .take(most)
            .map(|entry| entry.detail(now))
            .collect()
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The next thing to do, if any.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether the job is known.
    pub fn knows(&self, job: JobId) -> bool {
        self.jobs.contains_key(&job)
    }

    /// Where a job is; `None` if it is not known. Other than [`Engine::status`],
    /// this does not count as asking for it.
    pub fn state(&self, job: JobId) -> Option<JobState> {
        self.jobs.get(&job).map(|entry| entry.state.name())
    }

    /// Jobs per state, in the order of [`JobState::ALL`].
    pub fn counts(&self) -> [(JobState, usize); 7] {
        JobState::ALL.map(|state| {
            (
                state,
                self.jobs
                    .values()
                    .filter(|e| e.state.name() == state)
                    .count(),
            )
        })
    }

    /// Roots that jobs and errands which have not ended need.
    pub fn roots_in_use(&self) -> Vec<Root> {
        self.jobs
            .values()
            .filter(|entry| !entry.state.name().is_terminal())
            .map(|entry| &entry.task)
            .chain(self.errands.iter().map(|errand| &errand.task))
            .flat_map(|task| {
                let claimed = task.claim().unwrap_or_default().iter().copied();
                task.blobs()
                    .into_iter()
                    .map(|blob| blob.root)
                    .chain(claimed)
            })
            .collect()
    }

    /// Jobs that have not ended.
    pub fn live(&self) -> usize {
        self.jobs
            .values()
            .filter(|entry| !entry.state.name().is_terminal())
            .count()
    }

    fn epoch(&mut self) -> u64 {
        let epoch = self.next_epoch;
        self.next_epoch = epoch.wrapping_add(1);
        epoch
    }

    /// The longest that a job which waits now has waited.
    pub fn longest_wait(&self, now: Duration) -> Duration {
        self.jobs
            .values()
            .filter(|entry| entry.is_waiting())
            .map(|entry| now.saturating_sub(entry.came))
            .max()
            .unwrap_or_default()
    }

    /// The waiting job that nobody has asked for the longest, beyond patience.
    fn forsaken(&self, now: Duration) -> Option<Attempt> {
        self.jobs
            .iter()
            .filter(|(_, entry)| entry.is_waiting() && entry.is_forsaken(now, &self.limits))
            .min_by_key(|(_, entry)| entry.asked)
            .map(|(job, entry)| Attempt {
                job: *job,
                epoch: entry.epoch,
            })
    }

    /// The waiting job that is only watched and would be served last.
    fn least_watched(&self, now: Duration) -> Option<Attempt> {
        self.jobs
            .iter()
            .filter(|(_, entry)| entry.is_waiting() && entry.role == Role::Watched)
            .max_by_key(|(_, entry)| entry.rank(now, &self.limits))
            .map(|(job, entry)| Attempt {
                job: *job,
                epoch: entry.epoch,
            })
    }

    /// Takes on a task that is this worker's to do: see [`Engine::take_on`].
    pub fn submit(
        &mut self,
        now: Duration,
        task: impl Into<Arc<Task>>,
        kept: Option<(Outcome, bool)>,
    ) -> Result<Status, SubmitError> {
        self.take_on(now, task, Role::Assigned, kept)
    }

    /// Takes on a task. `kept` is what an earlier run of the very same task
    /// yielded, and whether its blobs are still held. A watched job that is
    /// submitted as assigned is assigned from then on, never the other way round.
    pub fn take_on(
        &mut self,
        now: Duration,
        task: impl Into<Arc<Task>>,
        role: Role,
        kept: Option<(Outcome, bool)>,
    ) -> Result<Status, SubmitError> {
        let task = task.into();
        let job = task.ticket.job;
        let (mut attempts, mut role) = (0, role);
        let fresh = self.epoch();
        if let Some(entry) = self.jobs.get_mut(&job) {
            if entry.task.identity != task.identity {
                return Err(SubmitError::OtherTicket(job));
            }
            entry.asked = now;
            entry.deadline = task.ticket.deadline;
            if role == Role::Assigned && entry.task.claim.is_some() {
                // What comes of checking a claim is no run of one's own: begin anew,
                // and let whatever is under way report to nobody.
                entry.task = task.clone();
                let own = match &entry.state {
                    State::Done(outcome) => outcome.checked.is_none(),
                    State::Refused(_) | State::Failed(_) => true,
                    _ => false,
                };
                if !own {
                    let before = Attempt {
                        job,
                        epoch: entry.epoch,
                    };
                    self.actions.push_back(Action::Stop(before));
                    let left = entry.enter(now, State::Queued);
                    self.left.push(left);
                    (entry.epoch, entry.progress) = (fresh, 0);
                }
            }
            if role == Role::Assigned {
                entry.role = role;
                entry.yields = false;
            }
            role = entry.role;
            let retry = match &entry.state {
                State::Failed(_) => true,
                State::Refused(refusal) => refusal.code.may_pass(),
                _ => false,
            } && now >= entry.ended.saturating_add(self.limits.retry_after);
            if !retry {
                let status = entry.status(now);
                self.advance(now);
                return Ok(self.status(now, job).unwrap_or(status));
            }
            attempts = entry.attempts;
        }
        let (state, held, progress) = match (task.check(&self.limits), kept) {
            (Err(refusal), _) => (State::Refused(refusal), false, 0),
            (Ok(()), Some((outcome, held))) => (State::Done(Arc::new(outcome)), held, 100),
            (Ok(()), None) => {
                if role == Role::Watched && self.watches() >= self.limits.watches {
                    return Err(SubmitError::WatchesFull(self.limits.watches));
                }
                if self.live() >= self.limits.queue {
                    let (forsaken, why) = match (self.forsaken(now), role) {
                        (Some(forsaken), _) => {
                            let seconds = self.limits.patience.as_secs();
                            (
                                Some(forsaken),
                                format!("nobody asked for the job for {seconds} s"),
                            )
                        }
                        (None, Role::Assigned) => {
                            (self.least_watched(now), "the job is only watched".into())
                        }
                        (None, Role::Watched) => (None, String::new()),
                    };
                    let Some(forsaken) = forsaken else {
                        return Err(SubmitError::QueueFull(self.limits.queue));
                    };
                    let message = format!("{why}, and job {job} needed its place");
                    let failure = Failure::new(FailureCode::Abandoned, message);
                    self.give_up(now, forsaken, failure);
                }
                (State::Queued, false, 0)
            }
        };
        let entry = Entry {
            deadline: task.ticket.deadline,
            task,
            epoch: fresh,
            state,
            held,
            progress,
            asked: now,
            ended: now,
            came: now,
            since: now,
            phases: PhaseSeconds::default(),
            attempts,
            role,
            yields: false,
            measured: None,
        };
        self.jobs.insert(job, entry);
        self.advance(now);
        // Looked up again: `advance` may have started the job.
        self.status(now, job)
            .ok_or(SubmitError::QueueFull(self.limits.queue))
    }

    /// Where a job is. Asking also keeps it waiting for missing blobs.
    pub fn status(&mut self, now: Duration, job: JobId) -> Option<Status> {
        let entry = self.jobs.get_mut(&job)?;
        entry.asked = now;
        Some(entry.status(now))
    }

    /// What a job yielded, and its task.
    pub fn receipt(&self, job: JobId) -> Result<(Arc<Task>, Arc<Outcome>), ReceiptError> {
        let entry = self.jobs.get(&job).ok_or(ReceiptError::Unknown(job))?;
        match &entry.state {
            State::Done(outcome) => Ok((entry.task.clone(), outcome.clone())),
            other => Err(ReceiptError::NotDone(job, other.name())),
        }
    }

    /// Stops and forgets a job; gives its task. `None` if it was not known.
    pub fn cancel(&mut self, now: Duration, job: JobId) -> Option<Arc<Task>> {
        let entry = self.jobs.remove(&job)?;
        if !entry.state.name().is_terminal() {
            self.actions.push_back(Action::Stop(Attempt {
                job,
                epoch: entry.epoch,
            }));
        }
        self.advance(now);
        Some(entry.task)
    }

    /// `done` of `total` bytes of a job's blobs are here.
    pub fn fetch_progress(&mut self, now: Duration, attempt: Attempt, done: u64, total: u64) {
        if let Some(entry) = self.current(attempt) {
            if matches!(entry.state, State::Fetching { .. }) {
                entry.measure(now, done, total);
                entry.progress = entry.progress.max(share(done, total, 0, FETCH_SHARE));
            }
        }
    }

    /// `done` of `total` parts of a run are done.
    pub fn run_progress(&mut self, now: Duration, attempt: Attempt, done: u64, total: u64) {
        if let Some(entry) = self.current(attempt) {
            if matches!(entry.state, State::Running) {
                entry.measure(now, done, total);
                entry.progress = entry.progress.max(share(done, total, FETCH_SHARE, 99));
            }
        }
    }

    /// Every blob of a job is in the local store.
    pub fn fetched(&mut self, now: Duration, attempt: Attempt) {
        self.end_fetch(attempt);
        if let Some(entry) = self.current(attempt) {
            if matches!(entry.state, State::Fetching { .. }) {
                let left = entry.enter(now, State::Ready);
                entry.held = true;
                entry.progress = FETCH_SHARE;
                self.left.push(left);
            }
        }
        self.advance(now);
    }

    /// Some blob of a job is nowhere: ask again later.
    pub fn waits(&mut self, now: Duration, attempt: Attempt, trouble: Trouble) {
        self.end_fetch(attempt);
        let longest = self.limits.backoff.saturating_mul(16);
        if let Some(entry) = self.current(attempt) {
            if let State::Fetching {
                active,
                again,
                pause,
                waits_for,
            } = &mut entry.state
            {
                *active = false;
                *again = now.saturating_add(*pause);
                *pause = pause.saturating_mul(2).min(longest);
                *waits_for = Some(trouble);
                entry.measured = None;
            }
        }
        self.advance(now);
    }

    /// A job can't be run.
    pub fn refused(&mut self, now: Duration, attempt: Attempt, refusal: Refusal) {
        self.end_fetch(attempt);
        self.end(now, attempt, State::Refused(refusal));
    }

    /// Something broke.
    pub fn failed(&mut self, now: Duration, attempt: Attempt, failure: Failure) {
        self.end_fetch(attempt);
        self.end_run(attempt);
        self.end(now, attempt, State::Failed(failure));
    }

    /// A run is over.
    pub fn finished(&mut self, now: Duration, attempt: Attempt, outcome: Outcome) {
        self.end_run(attempt);
        self.end(now, attempt, State::Done(Arc::new(outcome)));
    }

    /// A blob that was held is gone: fetch again.
    pub fn lost(&mut self, now: Duration, attempt: Attempt) {
        self.end_run(attempt);
        if let Some(entry) = self.current(attempt) {
            if matches!(entry.state, State::Running) {
                let left = entry.enter(now, State::Queued);
                entry.held = false;
                entry.progress = 0;
                self.left.push(left);
            }
        }
        self.advance(now);
    }

    /// Lets time pass: waiting jobs are asked for again or given up.
    pub fn tick(&mut self, now: Duration) {
        let patience = self.limits.patience;
        let late: Vec<(Attempt, String)> = self
            .jobs
            .iter()
            .filter_map(|(job, entry)| match &entry.state {
                State::Fetching {
                    active: false,
                    waits_for,
                    ..
                } if now >= entry.asked.saturating_add(patience) => {
                    let reason = waits_for.as_ref().map_or("", |trouble| &trouble.message);
                    let message = format!(
                        "nobody asked for the job for {} s while a blob was missing: {reason}",
                        patience.as_secs()
                    );
                    Some((
                        Attempt {
                            job: *job,
                            epoch: entry.epoch,
                        },
                        message,
                    ))
                }
                _ => None,
            })
            .collect();
        for (attempt, message) in late {
            let failure = Failure::new(FailureCode::FetchTimeout, message);
            self.give_up(now, attempt, failure);
        }
        self.advance(now);
    }

    fn give_up(&mut self, now: Duration, attempt: Attempt, failure: Failure) {
        let code = failure.code;
        if let Some(entry) = self.current(attempt) {
            let task = entry.task.clone();
            self.given_up.push((task, code));
        }
        self.end(now, attempt, State::Failed(failure));
    }

    /// The tasks given up since this was last asked, and why.
    pub fn take_given_up(&mut self) -> Vec<(Arc<Task>, FailureCode)> {
        std::mem::take(&mut self.given_up)
    }

    /// Whether `attempt` is what its job is at now: not cancelled, not taken up
    /// again.
    pub fn is_current(&self, attempt: Attempt) -> bool {
        self.jobs
            .get(&attempt.job)
            .is_some_and(|entry| entry.epoch == attempt.epoch)
    }

    /// Whether an attempt was told to make room for another.
    pub fn yields(&self, attempt: Attempt) -> bool {
        self.jobs
            .get(&attempt.job)
            .is_some_and(|entry| entry.epoch == attempt.epoch && entry.yields)
    }

    /// An attempt was stopped because the daemon stops, or because it was told to
    /// make room: the job waits for the next start, or for its turn.
    pub fn handed_back(&mut self, now: Duration, attempt: Attempt) {
        self.end_fetch(attempt);
        self.end_run(attempt);
        if let Some(entry) = self.current(attempt) {
            if !entry.state.name().is_terminal() {
                entry.enter(now, State::Queued);
                entry.held = false;
                entry.progress = 0;
            }
        }
        self.advance(now);
    }

    fn current(&mut self, attempt: Attempt) -> Option<&mut Entry> {
        self.jobs
            .get_mut(&attempt.job)
            .filter(|entry| entry.epoch == attempt.epoch)
    }

    fn end_fetch(&mut self, attempt: Attempt) {
        self.fetching.retain(|other| *other != attempt);
    }

    fn end_run(&mut self, attempt: Attempt) {
        if self.running == Some(attempt) {
            self.running = None;
        }
    }

    fn end(&mut self, now: Duration, attempt: Attempt, state: State) {
        if let Some(entry) = self.current(attempt) {
            if !entry.state.name().is_terminal() {
                if matches!(state, State::Done(_)) {
                    entry.progress = 100;
                } else {
                    entry.held = false;
                }
                let left = entry.enter(now, state);
                entry.ended = now;
                self.left.push(left);
            }
        }
        self.advance(now);
    }

    /// Starts what can be started, and forgets what is too old.
    fn advance(&mut self, now: Duration) {
        let limits = &self.limits;
        while !self.draining && self.fetching.len() < limits.fetches {
            let next = self
                .jobs
                .iter_mut()
                .filter(|(_, entry)| match entry.state {
                    State::Queued => true,
                    State::Fetching {
                        active: false,
                        again,
                        ..
                    } => now >= again,
                    _ => false,
                })
                .min_by_key(|(_, entry)| entry.rank(now, limits));
            let Some((job, entry)) = next else { break };
            let attempt = Attempt {
                job: *job,
                epoch: entry.epoch,
            };
            entry.attempts = entry.attempts.saturating_add(1);
            if let State::Fetching { active, .. } = &mut entry.state {
                *active = true;
            } else {
                let left = entry.enter(
                    now,
                    State::Fetching {
                        active: true,
                        again: now,
                        pause: limits.backoff,
                        waits_for: None,
                    },
                );
                self.left.push(left);
            }
            self.actions
                .push_back(Action::Fetch(attempt, entry.task.clone()));
            self.fetching.push(attempt);
        }
        self.hand_out(now);
        let mut ended: Vec<(Duration, u64, JobId)> = self
            .jobs
            .iter()
            .filter(|(_, entry)| entry.state.name().is_terminal())
            .map(|(job, entry)| (entry.ended, entry.epoch, *job))
            .collect();
        if ended.len() > self.limits.remembered {
            ended.sort_unstable();
            let surplus = ended.len() - self.limits.remembered;
            for (_, _, job) in ended.into_iter().take(surplus) {
                self.jobs.remove(&job);
            }
        }
    }
}

impl Engine {
    /// Gives the device to who is next, or asks for it back.
    fn hand_out(&mut self, now: Duration) {
        if self.draining || self.errands.iter().any(|errand| errand.granted) {
            return;
        }
        let limits = &self.limits;
        let job = self
            .jobs
            .iter()
            .filter(|(_, entry)| matches!(entry.state, State::Ready))
            .min_by_key(|(_, entry)| entry.rank(now, limits))
            .map(|(job, entry)| {
                let first = entry.role == Role::Assigned && !entry.is_forsaken(now, limits);
                (*job, first)
            });
        let errand = self
            .errands
            .iter()
            .enumerate()
            .filter_map(|(index, errand)| Some((errand.ready?, index)))
            .min();
        let before_jobs = errand.is_some_and(|(ready, _)| {
            let aged = now >= ready.saturating_add(limits.aging);
            aged || job.is_none_or(|(_, first)| !first)
        });
        if let Some(running) = self.running {
            let waits = before_jobs || job.is_some_and(|(_, first)| first);
            if let Some(entry) = self.current(running) {
                let gives_way = entry.role == Role::Watched && !entry.yields;
                if waits && gives_way && matches!(entry.state, State::Running) {
                    entry.yields = true;
                    self.actions.push_back(Action::Stop(running));
                }
            }
            return;
        }
        if let (true, Some((_, index))) = (before_jobs, errand) {
            if let Some(errand) = self.errands.get_mut(index) {
                errand.granted = true;
                self.actions.push_back(Action::Grant(errand.attempt));
            }
            return;
        }
        let Some((job, _)) = job else { return };
        if let Some(entry) = self.jobs.get_mut(&job) {
            let attempt = Attempt {
                job,
                epoch: entry.epoch,
            };
            let left = entry.enter(now, State::Running);
            self.left.push(left);
            self.actions
                .push_back(Action::Run(attempt, entry.task.clone()));
            self.running = Some(attempt);
        }
    }
}

/// `from` + the part of `to − from` that `done` is of `total`.
fn share(done: u64, total: u64, from: u8, to: u8) -> u8 {
    let span = u128::from(to.saturating_sub(from));
    let part = span * u128::from(done.min(total)) / u128::from(total.max(1));
    from.saturating_add(u8::try_from(part).unwrap_or(0))
}

#[cfg(test)]
mod tests;
