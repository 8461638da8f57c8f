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
//!     running --> done
//!     queued --> refused: over a limit
//!     fetching --> refused: wrong bytes
//!     fetching --> failed: nobody asked for it any more
//!     running --> failed
//!     refused --> queued: submitted again, if that can help
//!     failed --> queued: submitted again
//! ```
//!
//! # Properties
//!
//! - At most one job runs at a time, and at most [`Limits::fetches`] fetch.
//! - A job whose blobs nobody serves holds no fetch slot while it waits.
//! - Everything a report could concern carries the epoch of its attempt, so a
//!   report that comes after a cancel or a restart of the job changes nothing.
//! - Jobs that ended are forgotten, oldest first, beyond [`Limits::remembered`].

use crate::api::{JobState, Status, Trouble};
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
    /// Jobs that may fetch at a time.
    pub fetches: usize,
    /// Bytes of memory one run may use.
    pub memory: u64,
    /// Units one run may cost.
    pub max_cost: u64,
    /// Bytes of the largest blob.
    pub max_blob: u64,
    /// Jobs that ended and are still known.
    pub remembered: usize,
    /// Least time before a job that ended badly is taken up again.
    pub retry_after: Duration,
    /// How long a job waits for a blob while nobody asks for the job. Short, so
    /// that dead jobs do not fill the queue: a live ticket is submitted again.
    pub patience: Duration,
    /// First pause before a missing blob is asked for again; it doubles each
    /// time, up to 16 times this.
    pub backoff: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            queue: 64,
            fetches: 4,
            memory: 4 << 30,
            max_cost: u64::MAX,
            max_blob: 4 << 30,
            remembered: 1_024,
            retry_after: Duration::from_secs(30),
            patience: Duration::from_secs(120),
            backoff: Duration::from_secs(1),
        }
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
        })
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
        if memory > limits.memory {
            return Err(Refusal::new(
                RefusalCode::MemoryLimit,
                format!(
                    "the run needs {memory} bytes, a job may use {}",
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
}

/// There is no receipt.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
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
}

impl Entry {
    fn status(&self) -> Status {
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
            progress: self.progress,
            error,
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
    next_epoch: u64,
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
            next_epoch: 0,
        }
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

    /// Roots that jobs which have not ended need.
    pub fn roots_in_use(&self) -> Vec<Root> {
        self.jobs
            .values()
            .filter(|entry| !entry.state.name().is_terminal())
            .flat_map(|entry| entry.task.blobs())
            .map(|blob| blob.root)
            .collect()
    }

    fn live(&self) -> usize {
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

    /// Takes on a task. `kept` is what an earlier run of the very same task
    /// yielded, and whether its blobs are still held.
    pub fn submit(
        &mut self,
        now: Duration,
        task: Task,
        kept: Option<(Outcome, bool)>,
    ) -> Result<Status, SubmitError> {
        let job = task.ticket.job;
        if let Some(entry) = self.jobs.get_mut(&job) {
            if entry.task.identity != task.identity {
                return Err(SubmitError::OtherTicket(job));
            }
            entry.asked = now;
            entry.deadline = task.ticket.deadline;
            let retry = match &entry.state {
                State::Failed(_) => true,
                State::Refused(refusal) => refusal.code.may_pass(),
                _ => false,
            } && now >= entry.ended.saturating_add(self.limits.retry_after);
            if !retry {
                return Ok(entry.status());
            }
        }
        let (state, held, progress) = match (task.check(&self.limits), kept) {
            (Err(refusal), _) => (State::Refused(refusal), false, 0),
            (Ok(()), Some((outcome, held))) => (State::Done(Arc::new(outcome)), held, 100),
            (Ok(()), None) if self.live() >= self.limits.queue => {
                return Err(SubmitError::QueueFull(self.limits.queue));
            }
            (Ok(()), None) => (State::Queued, false, 0),
        };
        let epoch = self.epoch();
        let entry = Entry {
            deadline: task.ticket.deadline,
            task: Arc::new(task),
            epoch,
            state,
            held,
            progress,
            asked: now,
            ended: now,
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
        Some(entry.status())
    }

    /// What a job yielded, and its task.
    pub fn receipt(&self, job: JobId) -> Result<(Arc<Task>, Arc<Outcome>), ReceiptError> {
        let entry = self.jobs.get(&job).ok_or(ReceiptError::Unknown(job))?;
        match &entry.state {
            State::Done(outcome) => Ok((entry.task.clone(), outcome.clone())),
            other => Err(ReceiptError::NotDone(job, other.name())),
        }
    }

    /// Stops and forgets a job. `false` if it was not known.
    pub fn cancel(&mut self, now: Duration, job: JobId) -> bool {
        let Some(entry) = self.jobs.remove(&job) else {
            return false;
        };
        if !entry.state.name().is_terminal() {
            self.actions.push_back(Action::Stop(Attempt {
                job,
                epoch: entry.epoch,
            }));
        }
        self.advance(now);
        true
    }

    /// `done` of `total` bytes of a job's blobs are here.
    pub fn fetch_progress(&mut self, attempt: Attempt, done: u64, total: u64) {
        if let Some(entry) = self.current(attempt) {
            if matches!(entry.state, State::Fetching { .. }) {
                entry.progress = entry.progress.max(share(done, total, 0, FETCH_SHARE));
            }
        }
    }

    /// `done` of `total` parts of a run are done.
    pub fn run_progress(&mut self, attempt: Attempt, done: u64, total: u64) {
        if let Some(entry) = self.current(attempt) {
            if matches!(entry.state, State::Running) {
                entry.progress = entry.progress.max(share(done, total, FETCH_SHARE, 99));
            }
        }
    }

    /// Every blob of a job is in the local store.
    pub fn fetched(&mut self, now: Duration, attempt: Attempt) {
        self.end_fetch(attempt);
        if let Some(entry) = self.current(attempt) {
            if matches!(entry.state, State::Fetching { .. }) {
                entry.state = State::Ready;
                entry.held = true;
                entry.progress = FETCH_SHARE;
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
                entry.state = State::Queued;
                entry.held = false;
                entry.progress = 0;
            }
        }
        self.advance(now);
    }

    /// Lets time pass: waiting jobs are asked for again or given up. Says which
    /// were given up.
    pub fn tick(&mut self, now: Duration) -> Vec<JobId> {
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
        let mut given_up = Vec::with_capacity(late.len());
        for (attempt, message) in late {
            let failure = Failure::new(FailureCode::FetchTimeout, message);
            self.end(now, attempt, State::Failed(failure));
            given_up.push(attempt.job);
        }
        self.advance(now);
        given_up
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
                entry.state = state;
                entry.ended = now;
            }
        }
        self.advance(now);
    }

    /// Starts what can be started, and forgets what is too old.
    fn advance(&mut self, now: Duration) {
        while self.fetching.len() < self.limits.fetches {
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
                .min_by_key(|(_, entry)| (entry.deadline, entry.epoch));
            let Some((job, entry)) = next else { break };
            let attempt = Attempt {
                job: *job,
                epoch: entry.epoch,
            };
            match &mut entry.state {
                State::Fetching { active, .. } => *active = true,
                other => {
                    *other = State::Fetching {
                        active: true,
                        again: now,
                        pause: self.limits.backoff,
                        waits_for: None,
                    };
                }
            }
            self.actions
                .push_back(Action::Fetch(attempt, entry.task.clone()));
            self.fetching.push(attempt);
        }
        if self.running.is_none() {
            let next = self
                .jobs
                .iter_mut()
                .filter(|(_, entry)| matches!(entry.state, State::Ready))
                .min_by_key(|(_, entry)| (entry.deadline, entry.epoch));
            if let Some((job, entry)) = next {
                let attempt = Attempt {
                    job: *job,
                    epoch: entry.epoch,
                };
                entry.state = State::Running;
                self.actions
                    .push_back(Action::Run(attempt, entry.task.clone()));
                self.running = Some(attempt);
            }
        }
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

/// `from` + the part of `to − from` that `done` is of `total`.
fn share(done: u64, total: u64, from: u8, to: u8) -> u8 {
    let span = u128::from(to.saturating_sub(from));
    let part = span * u128::from(done.min(total)) / u128::from(total.max(1));
    from.saturating_add(u8::try_from(part).unwrap_or(0))
}

#[cfg(test)]
mod tests;
