//! The engine's hands: fetching, running, storing, on tokio.
//!
//! # Crashes
//!
//! Killed at any moment, the worker goes on where it was when it is started
//! again: see [`crate::journal`]. What each phase leaves on disk before the next
//! begins is durable.
//!
//! | killed while | what the next start does |
//! |---|---|
//! | waiting, for a place or for the device | waits again; blobs that are held stay held |
//! | fetching | fetches what is missing; a long blob from where it broke off |
//! | running, or storing the output | runs again |
//! | the receipt is on disk | takes it |
//!
//! # Room
//!
//! When the store is full, blobs nobody needs make room, those unused for
//! longest first: weights of models nobody asks for, inputs of jobs that came to
//! nothing, uploads. Blobs of jobs that have not ended stay, and so do the
//! input, trace and output of every receipt until its retention is over.

use crate::{
    api::{
        Capabilities, HexBytes, JobReceipt, JobState, Overview, Readiness, Status, Trouble,
        MAX_OVERVIEW,
    },
    backend::{Backend, BackendError, Control, Run, Trace},
    blobs::{Blobs, FetchError},
    engine::{
        Action, Attempt, Blob, Engine, Failure, FailureCode, Limits, Outcome, ProgramError,
        ReceiptError, Refusal, Role, SubmitError, Task,
    },
    fault,
    journal::{Journal, JournalError, Pending},
    metrics::Metrics,
    receipts::Receipts,
    NAME, SEMANTIC_VERSION, VERSION,
};
use athanor_content_store::{Error as StoreError, Store};
use athanor_freivalds::Key;
use athanor_primitives::{ticket::to_hex, JobId, Root, Ticket, MAX_INLINE_OUTPUT};
use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Mutex, MutexGuard, PoisonError, Weak,
    },
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, Notify, RwLock};
use tracing::Instrument;

mod disputes;
mod traces;
mod verify;

pub use crate::fault::Fault;
pub use disputes::{DisputeProblem, GLANCE};

/// How a worker behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it takes on.
    pub limits: Limits,
    /// A fault made on purpose.
    pub fault: Option<Fault>,
    /// How long receipts, inputs and outputs are kept after they were last
    /// used. `None` keeps them for ever.
    pub retention: Option<Duration>,
    /// Bytes of node outputs of recent jobs to keep for whoever checks the claims, 0
    /// for none.
    pub trace_limit: u64,
    /// How long the tensors of a watched claim may take to come before the job is run
    /// instead: a claimant among the gateways must not use up the window by being slow.
    pub claim_patience: Duration,
    /// How often time is told to the engine.
    pub tick: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limits: Limits::default(),
            fault: None,
            retention: None,
            trace_limit: 0,
            claim_patience: Duration::from_secs(120),
            tick: Duration::from_millis(200),
        }
    }
}

/// A worker did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A gateway's URL is no URL, or the like.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The folder of receipts can't be used.
    #[error("{0}")]
    Receipts(#[from] crate::receipts::ReceiptFileError),
    /// The journal of jobs can't be used.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// A ticket was not taken on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// Its program was not taken.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The engine did not take it.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The daemon stops.
    #[error("the daemon is shutting down")]
    ShuttingDown,
}

/// The worker. Cheap to clone; stops when told to, see [`Worker::shut_down`].
#[derive(Clone)]
pub struct Worker(Arc<Inner>);

struct Inner {
    engine: Mutex<Engine>,
    stops: Mutex<HashMap<Attempt, Arc<Stop>>>,
    errands: Mutex<disputes::Errands>,
    /// The errand whose turn it is holds it.
    errand_turn: Arc<tokio::sync::Mutex<()>>,
    /// Errands that wait for the device.
    grants: Mutex<HashMap<Attempt, oneshot::Sender<()>>>,
    blobs: Blobs,
    receipts: Receipts,
    journal: Journal,
    /// Held for reading while a blob gains a reason to stay, for writing while
    /// blobs without one are removed.
    gate: RwLock<()>,
    backend: Arc<dyn Backend>,
    metrics: Metrics,
    settings: Settings,
    started: Instant,
    closing: AtomicBool,
    broken: AtomicBool,
    /// For checks that a claimant must not foresee.
    secret: Key,
}

/// How an attempt under way is stopped.
#[derive(Default)]
struct Stop {
    flag: AtomicBool,
    notify: Notify,
}

/// What came of an attempt.
enum Report {
    Fetched,
    Waits(Trouble),
    Refused(Refusal),
    Failed(Failure),
    Finished(Box<Outcome>),
    Lost,
    Stopped,
}

impl Report {
    /// Whether the job has ended.
    fn is_end(&self) -> bool {
        matches!(
            self,
            Report::Refused(_) | Report::Failed(_) | Report::Finished(_)
        )
    }
}

impl From<FetchError> for Report {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Missing(why) => Report::Waits(Trouble {
                code: "blob_missing".into(),
                message: why,
            }),
            FetchError::Refused(refusal) => Report::Refused(refusal),
            FetchError::Failed(failure) => Report::Failed(failure),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock is a bug already logged; the data is plain values.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    /// Starts a worker over `store`; it keeps receipts in the store's folder.
    /// Must be called on a tokio runtime.
    pub fn start(
        settings: Settings,
        store: Store,
        gateways: &[String],
        backend: Arc<dyn Backend>,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let receipts = Receipts::open(store.dir().join("receipts"))?;
        let journal = Journal::open(store.dir().join("jobs"))?;
        let mut settings = settings;
        let room = store.limits().max_total;
        settings.limits.store = settings.limits.store.min(room);
        metrics.store_limit.set(room.try_into().unwrap_or(i64::MAX));
        metrics.fault(settings.fault);
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let worker = Worker(Arc::new(Inner {
            engine: Mutex::new(Engine::new(settings.limits.clone())),
            stops: Mutex::default(),
            errands: Mutex::default(),
            errand_turn: Arc::default(),
            grants: Mutex::default(),
            blobs: Blobs::new(store, gateways, metrics.clone())?,
            receipts,
            journal,
            gate: RwLock::default(),
            backend,
            metrics,
            started: Instant::now(),
            closing: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            secret: Key::new(secret),
            settings,
        }));
        tokio::spawn(tick(Arc::downgrade(&worker.0), worker.0.settings.tick));
        if let Some(retention) = worker.0.settings.retention {
            tokio::spawn(expire(Arc::downgrade(&worker.0), retention));
        }
        Ok(worker)
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The metrics in Prometheus' text format.
    pub fn metrics_text(&self) -> Result<String, prometheus::Error> {
        let (inner, metrics) = (&self.0, &self.0.metrics);
        {
            let mut engine = lock(&inner.engine);
            for (phase, took) in engine.take_phase_times() {
                metrics.phase(phase, took);
            }
            metrics.set_jobs(&engine.counts());
            let wait = engine.longest_wait(inner.now()).as_secs();
            metrics.longest_wait.set(gauge(wait));
        }
        metrics.store_used.set(gauge(inner.blobs.store().used()));
        metrics
            .ready
            .set((self.readiness() == Readiness::Ready).into());
        if let Some(memory) = crate::system::memory() {
            metrics.memory_available.set(gauge(memory.available));
        }
        metrics.text()
    }

    /// Whether the worker takes jobs now.
    pub fn readiness(&self) -> Readiness {
        let inner = &self.0;
        if inner.closing.load(Ordering::Relaxed) {
            Readiness::Stopping
        } else if inner.broken.load(Ordering::Relaxed) {
            Readiness::StoreBroken
        } else if lock(&inner.engine).live() >= inner.settings.limits.queue {
            Readiness::QueueFull
        } else {
            Readiness::Ready
        }
    }

    /// What the worker does now.
    pub fn overview(&self) -> Overview {
        let inner = &self.0;
        let (jobs, live, known) = {
            let engine = lock(&inner.engine);
            let known: usize = engine.counts().iter().map(|(_, count)| count).sum();
            let jobs = engine.details(inner.now(), MAX_OVERVIEW);
            (jobs, engine.live(), known)
        };
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Overview {
            worker: self.capabilities(),
            ready: self.readiness(),
            uptime_seconds: inner.now().as_secs(),
            live: count(live),
            store_used: inner.blobs.store().used(),
            store_limit: inner.blobs.store().limits().max_total,
            left_out: count(known.saturating_sub(jobs.len())),
            jobs,
        }
    }

    /// Takes up the jobs that an earlier life of the daemon left unfinished.
    /// Gives their number.
    pub async fn resume(&self) -> usize {
        let inner = &self.0;
        let (journal, most) = (inner.journal.clone(), inner.settings.limits.queue);
        let pending = match tokio::task::spawn_blocking(move || journal.pending(most)).await {
            Ok(Ok(pending)) => pending,
            Ok(Err(error)) => {
                tracing::error!(%error, "unfinished jobs are not resumed; their nodes submit them again");
                return 0;
            }
            Err(error) => {
                tracing::error!(%error, "unfinished jobs are not resumed: this is a bug");
                return 0;
            }
        };
        let mut resumed = 0;
        for Pending { ticket, program } in pending {
            let job = ticket.job;
            let task = match Task::new(ticket, &program) {
                Ok(task) => task,
                Err(error) => {
                    tracing::warn!(job, %error, "job not resumed");
                    continue;
                }
            };
            match self.take(task, None, Role::Assigned).await {
                Ok(status) => {
                    resumed += 1;
                    inner.metrics.resumed.inc();
                    tracing::info!(job, state = status.state.as_str(), "job resumed");
                }
                Err(error) => tracing::warn!(job, %error, "job not resumed"),
            }
        }
        inner.act();
        resumed
    }

    /// Makes room in the store for the blob `root` of `bytes`, which somebody is
    /// about to upload. If there is none, the upload will say so.
    pub async fn room_for_upload(&self, root: &Root, bytes: u64) {
        let store = self.0.blobs.store();
        if bytes > store.limits().max_blob || matches!(store.has(root).await, Ok(Some(_))) {
            return;
        }
        if let Err(why) = self.0.make_room(bytes).await {
            tracing::warn!(why, "no room for an upload");
        }
    }

    /// Notes that a blob was used.
    pub async fn touch(&self, root: &Root) {
        if let Err(error) = self.0.blobs.store().touch(root).await {
            tracing::debug!(%error, "use of a blob not noted");
        }
    }

    /// What this daemon is and how much it takes.
    pub fn capabilities(&self) -> Capabilities {
        let device = self.0.backend.device();
        let limits = &self.0.settings.limits;
        Capabilities {
            name: NAME.into(),
            version: VERSION.into(),
            backend: device.backend.into(),
            device: device.name.clone(),
            memory: limits.run_memory(),
            queue_limit: u64::try_from(limits.queue).unwrap_or(u64::MAX),
            semantic_version: SEMANTIC_VERSION,
            fault: self.0.settings.fault.map(|fault| fault.to_string()),
        }
    }

    /// Takes on a ticket with its program's bytes.
    pub async fn submit(&self, ticket: Ticket, program: &[u8]) -> Result<Status, TicketError> {
        self.take_on(ticket, program, Role::Assigned, None).await
    }

    async fn take_on(
        &self,
        ticket: Ticket,
        program: &[u8],
        role: Role,
        claim: Option<Vec<Root>>,
    ) -> Result<Status, TicketError> {
        if self.0.closing.load(Ordering::Relaxed) {
            return Err(TicketError::ShuttingDown);
        }
        let task = Task::new(ticket, program)?.against(claim);
        let job = task.ticket().job;
        let known = lock(&self.0.engine).knows(job);
        let status = self.take(task, Some(program), role).await?;
        if !known {
            let watched = status.watched;
            tracing::info!(job, watched, state = status.state.as_str(), "ticket taken");
            if let (Some(trouble), true) = (&status.error, status.state.is_terminal()) {
                self.0.metrics.job_ended(&trouble.code);
                tracing::warn!(
                    job,
                    code = trouble.code,
                    reason = trouble.message,
                    "job refused"
                );
            }
        }
        self.0.act();
        Ok(status)
    }

    /// Hands a task to the engine. With `program`, writes it down first unless
    /// that is needless; without, it is in the journal and leaves it if it has
    /// ended. What is only watched is never written down.
    async fn take(
        &self,
        task: Task,
        program: Option<&[u8]>,
        role: Role,
    ) -> Result<Status, TicketError> {
        let inner = &self.0;
        let planned = inner
            .backend
            .plan_bytes(task.program(), task.ticket().batch);
        let task = match planned {
            Some(bytes) => task.planned(bytes),
            // The engine refuses the batch.
            None => task,
        };
        // From here to the engine's answer, no blob of the task is removed.
        let _gate = inner.gate.read().await;
        let (state, known_as) = {
            let engine = lock(&inner.engine);
            let job = task.ticket().job;
            (engine.state(job), engine.role(job))
        };
        let kept = match state {
            Some(_) => None,
            None => inner.kept(&task).await,
        };
        let reused = kept.is_some();
        let ended = matches!(state, None | Some(JobState::Refused | JobState::Failed));
        let upgraded = known_as == Some(Role::Watched);
        let starts = role == Role::Assigned
            && (ended || upgraded)
            && !reused
            && task.check(&inner.settings.limits).is_ok();
        let task = Arc::new(task);
        if let (Some(program), true) = (program, starts) {
            inner.write_down(&task, program).await;
        }
        let result = lock(&inner.engine).take_on(inner.now(), task.clone(), role, kept);
        if reused {
            inner.metrics.receipts_reused.inc();
        }
        let ended = match &result {
            Ok(status) => status.state.is_terminal(),
            // Another ticket of the job has another file, and this job has none.
            Err(_) => true,
        };
        if ended && (program.is_none() || starts) {
            inner.cross_out(&task).await;
        }
        Ok(result?)
    }

    /// Where a job is.
    pub fn status(&self, job: JobId) -> Option<Status> {
        lock(&self.0.engine).status(self.0.now(), job)
    }

    /// The roots of a job that is done.
    pub fn receipt(&self, job: JobId) -> Result<JobReceipt, ReceiptError> {
        let (task, outcome) = lock(&self.0.engine).receipt(job)?;
        let inline = task
            .ticket()
            .inline_output
            .then(|| outcome.inline.clone())
            .flatten();
        Ok(JobReceipt {
            job,
            trace_root: outcome.trace_root,
            output_root: outcome.output_root,
            node_roots: outcome.node_roots.clone(),
            output: inline.map(HexBytes),
            checked: outcome.checked.map(|_| "freivalds".into()),
            wrong_node: outcome.checked.and_then(|checked| checked.wrong),
        })
    }

    /// Stops and forgets a job. `false` if it was not known.
    pub async fn cancel(&self, job: JobId) -> bool {
        let task = lock(&self.0.engine).cancel(self.0.now(), job);
        self.0.act();
        let Some(task) = task else { return false };
        self.0.cross_out(&task).await;
        tracing::info!(job, "job cancelled");
        true
    }

    /// Takes no more tickets and starts nothing more. Fetches stop at once, the
    /// next start goes on with them; a run under way may end within `patience`.
    pub async fn drain(&self, patience: Duration) {
        let inner = &self.0;
        inner.closing.store(true, Ordering::Relaxed);
        let fetches = {
            let mut engine = lock(&inner.engine);
            engine.drain();
            engine.fetches_under_way()
        };
        for attempt in fetches {
            if let Some(stop) = lock(&inner.stops).get(&attempt) {
                stop.now();
            }
        }
        let deadline = Instant::now() + patience;
        while lock(&inner.engine).is_running() {
            if Instant::now() >= deadline {
                tracing::info!(
                    seconds = patience.as_secs(),
                    "a run did not end in time; the next start runs it again"
                );
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Takes no more tickets, stops what is under way, and waits until it has
    /// stopped, at most `patience`.
    pub async fn shut_down(&self, patience: Duration) {
        self.0.closing.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + patience;
        loop {
            let under_way: Vec<Arc<Stop>> = lock(&self.0.stops).values().cloned().collect();
            if under_way.is_empty() || Instant::now() >= deadline {
                return;
            }
            for stop in under_way {
                stop.now();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Stop {
    fn now(&self) {
        self.flag.store(true, Ordering::Relaxed);
        self.notify.notify_one();
    }
}

/// Tells the engine the time until the worker is gone.
async fn tick(worker: Weak<Inner>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(inner) = worker.upgrade() else {
            return;
        };
        lock(&inner.engine).tick(inner.now());
        inner.act();
    }
}

/// Removes old receipts, their blobs, and inputs that never got a receipt, until
/// the worker is gone.
async fn expire(worker: Weak<Inner>, retention: Duration) {
    loop {
        let Some(inner) = worker.upgrade() else {
            return;
        };
        let gate = inner.gate.write().await;
        let receipts = inner.receipts.clone();
        let in_use: HashSet<Root> = lock(&inner.engine).roots_in_use().into_iter().collect();
        let work = move || receipts.expire(retention, &in_use);
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(roots)) => {
                // Jobs may have come in the meantime.
                let in_use = lock(&inner.engine).roots_in_use();
                for root in roots.iter().filter(|root| !in_use.contains(root)) {
                    match inner.blobs.store().remove(root).await {
                        Ok(_) => tracing::debug!(root = %to_hex(root), "old blob removed"),
                        Err(error) => {
                            tracing::warn!(root = %to_hex(root), %error, "old blob stays");
                        }
                    }
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "old receipts stay"),
            Err(error) => tracing::warn!(%error, "old receipts stay"),
        }
        drop(gate);
        drop(inner);
        tokio::time::sleep(retention.min(Duration::from_secs(3_600))).await;
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Inner {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn lies(&self) -> bool {
        self.settings.fault.is_some_and(Fault::lies)
    }

    /// Stays here, if that is the fault to make, until the attempt is stopped.
    async fn hold(&self, at: Fault, stop: &Stop) -> Result<(), Report> {
        if self.settings.fault != Some(at) {
            return Ok(());
        }
        tracing::warn!(fault = ?at, "held on purpose");
        stop.notify.notified().await;
        Err(Report::Stopped)
    }

    async fn write_down(&self, task: &Arc<Task>, program: &[u8]) {
        let (journal, task, program) = (self.journal.clone(), task.clone(), program.to_vec());
        let job = task.ticket().job;
        let put = tokio::task::spawn_blocking(move || journal.put(&task, &program)).await;
        let why = match put {
            Ok(Ok(())) => {
                self.broken.store(false, Ordering::Relaxed);
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.broken.store(true, Ordering::Relaxed);
        tracing::error!(
            job,
            why,
            "job not written down: after a crash its node must submit it again"
        );
    }

    async fn cross_out(&self, task: &Arc<Task>) {
        let (journal, task) = (self.journal.clone(), task.clone());
        let job = task.ticket().job;
        let removed = tokio::task::spawn_blocking(move || journal.remove(&task)).await;
        let why = match removed {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            job,
            why,
            "job not crossed out: the next start finds it ended"
        );
    }

    /// Makes room for `bytes` more in the store.
    async fn make_room(&self, bytes: u64) -> Result<(), String> {
        let store = self.blobs.store();
        let limit = store.limits().max_total;
        let most = limit.saturating_sub(bytes);
        if bytes <= limit && store.used() <= most {
            return Ok(());
        }
        let _gate = self.gate.write().await;
        let mut pinned: HashSet<Root> = lock(&self.engine).roots_in_use().into_iter().collect();
        let receipts = self.receipts.clone();
        match tokio::task::spawn_blocking(move || receipts.blobs()).await {
            Ok(Ok(kept)) => pinned.extend(kept),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(error) => return Err(error.to_string()),
        }
        // A little more than is needed: looking for it reads every receipt.
        let aim = most.saturating_sub(limit / 20);
        let blobs = store
            .by_last_use()
            .await
            .map_err(|error| error.to_string())?;
        for blob in blobs {
            if store.used() <= aim {
                break;
            }
            if pinned.contains(&blob.root) {
                continue;
            }
            match store.remove(&blob.root).await {
                Ok(true) => {
                    self.metrics.evicted_blobs.inc();
                    self.metrics.evicted_bytes.inc_by(blob.len);
                    tracing::info!(
                        root = %to_hex(&blob.root),
                        bytes = blob.len,
                        "blob removed to make room"
                    );
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a blob could not be removed"),
            }
        }
        if bytes <= limit && store.used() <= most {
            return Ok(());
        }
        Err(format!(
            "no room for {bytes} bytes: {} of {limit} are taken by live jobs and kept receipts; \
             raise --store-limit or lower --retention-days",
            store.used()
        ))
    }

    /// An earlier life's receipt for `task`, and whether the task's blobs are
    /// still held. Outputs must still be in the store, or it runs again.
    async fn kept(&self, task: &Task) -> Option<(Outcome, bool)> {
        if self.lies() {
            return None;
        }
        // A small JSON file, read only when a job is first heard of.
        let outcome = match self.receipts.find(task) {
            Ok(found) => found?,
            Err(error) => {
                tracing::warn!(%error, "receipt not used");
                return None;
            }
        };
        for output in task.program().outputs() {
            let index = usize::from(*output);
            let root = outcome.node_roots.get(index)?;
            let len = task.program().node_len(index, task.ticket().batch)?;
            if self.blobs.store().has(root).await.ok()? != Some(len) {
                return None;
            }
        }
        let mut held = true;
        for blob in task.blobs() {
            held &= self.blobs.held(&blob).await.unwrap_or(false);
        }
        Some((outcome, held))
    }

    /// Carries out what the engine wants done.
    fn act(self: &Arc<Self>) {
        let (given_up, phases) = {
            let mut engine = lock(&self.engine);
            (engine.take_given_up(), engine.take_phase_times())
        };
        for (phase, took) in phases {
            self.metrics.phase(phase, took);
        }
        for (task, code) in given_up {
            self.metrics.job_ended(code.as_str());
            tracing::warn!(
                job = task.ticket().job,
                code = code.as_str(),
                "job given up: nobody asks for it"
            );
            let inner = self.clone();
            tokio::spawn(async move { inner.cross_out(&task).await });
        }
        loop {
            let action = lock(&self.engine).next_action();
            match action {
                None => return,
                Some(Action::Stop(attempt)) => {
                    if let Some(stop) = lock(&self.stops).get(&attempt) {
                        stop.now();
                    }
                }
                Some(Action::Grant(errand)) => {
                    let grant = lock(&self.grants).remove(&errand);
                    let taken = grant.is_some_and(|grant| grant.send(()).is_ok());
                    if !taken {
                        lock(&self.engine).errand_ended(self.now(), errand);
                    }
                }
                Some(Action::Fetch(attempt, task)) => {
                    let inner = self.clone();
                    self.attempt(attempt, "fetch", task.clone(), move |stop| async move {
                        inner.fetch(attempt, &task, &stop).await
                    });
                }
                Some(Action::Run(attempt, task)) => {
                    let inner = self.clone();
                    self.attempt(attempt, "run", task.clone(), move |stop| async move {
                        let report = inner.clone().run(attempt, task, stop.clone()).await;
                        report.unwrap_or_else(|report| report)
                    });
                }
            }
        }
    }

    /// Spawns the work of one attempt and reports what came of it, whatever
    /// that is: the engine counts on a report for every action.
    fn attempt<F, W>(
        self: &Arc<Self>,
        attempt: Attempt,
        phase: &'static str,
        task: Arc<Task>,
        work: W,
    ) where
        F: std::future::Future<Output = Report> + Send + 'static,
        W: FnOnce(Arc<Stop>) -> F,
    {
        let stop = Arc::new(Stop::default());
        lock(&self.stops).insert(attempt, stop.clone());
        // Every line that is logged on the way carries the job.
        let span = tracing::info_span!("job", job = attempt.job, attempt = attempt.epoch, phase);
        let handle = tokio::spawn(work(stop).instrument(span.clone()));
        let inner = self.clone();
        let end = async move {
            let report = handle.await.unwrap_or_else(|error| {
                tracing::error!(job = attempt.job, %error, "a job's task broke: this is a bug");
                Report::Failed(Failure::new(FailureCode::Internal, error.to_string()))
            });
            if report.is_end() && lock(&inner.engine).is_current(attempt) {
                inner.cross_out(&task).await;
            }
            // Before the report, which may start the same attempt again.
            lock(&inner.stops).remove(&attempt);
            inner.report(attempt, report);
            inner.act();
        };
        tokio::spawn(end.instrument(span));
    }

    fn report(&self, attempt: Attempt, report: Report) {
        let (now, job) = (self.now(), attempt.job);
        let mut engine = lock(&self.engine);
        match report {
            Report::Fetched => engine.fetched(now, attempt),
            Report::Waits(trouble) => {
                tracing::info!(job, reason = trouble.message, "job waits");
                engine.waits(now, attempt, trouble);
            }
            Report::Refused(refusal) => {
                self.metrics.job_ended(refusal.code.as_str());
                tracing::warn!(
                    job,
                    code = refusal.code.as_str(),
                    reason = refusal.message,
                    "job refused"
                );
                engine.refused(now, attempt, refusal);
            }
            Report::Failed(failure) => {
                self.metrics.job_ended(failure.code.as_str());
                tracing::error!(
                    job,
                    code = failure.code.as_str(),
                    reason = failure.message,
                    "job failed"
                );
                engine.failed(now, attempt, failure);
            }
            Report::Finished(outcome) => {
                self.metrics.job_ended("done");
                tracing::info!(
                    job,
                    trace_root = %to_hex(&outcome.trace_root),
                    output_root = %to_hex(&outcome.output_root),
                    "job done"
                );
                engine.finished(now, attempt, *outcome);
            }
            Report::Stopped if self.closing.load(Ordering::Relaxed) => {
                tracing::info!(job, "job stopped; the next start goes on with it");
                engine.handed_back(now, attempt);
            }
            Report::Stopped if engine.yields(attempt) => {
                tracing::info!(job, "watched job makes room; it is run later");
                engine.handed_back(now, attempt);
            }
            Report::Stopped => {
                self.metrics.job_ended("stopped");
                tracing::info!(job, "job stopped");
                engine.failed(now, attempt, Failure::new(FailureCode::Internal, "stopped"));
            }
            Report::Lost => {
                tracing::warn!(job, "a held blob is gone, it is fetched again");
                engine.lost(now, attempt);
            }
        }
    }

    async fn fetch(&self, attempt: Attempt, task: &Task, stop: &Stop) -> Report {
        if let Err(stopped) = self.hold(Fault::HoldFetch, stop).await {
            return stopped;
        }
        tokio::select! {
            report = self.fetch_all(attempt, task) => report,
            () = stop.notify.notified() => Report::Stopped,
        }
    }

    /// Fetches everything that is to be had, so that one missing blob does not
    /// keep the others waiting.
    async fn fetch_all(&self, attempt: Attempt, task: &Task) -> Report {
        let blobs = task.blobs();
        let total = blobs
            .iter()
            .map(|blob| blob.len)
            .fold(0, u64::saturating_add);
        let mut absent: Vec<Blob> = Vec::new();
        let mut here = 0u64;
        for blob in blobs {
            match self.blobs.held(&blob).await {
                Ok(true) => {
                    here = here.saturating_add(blob.len);
                    if let Err(error) = self.blobs.store().touch(&blob.root).await {
                        tracing::debug!(%error, "use of a blob not noted");
                    }
                }
                Ok(false) => absent.push(blob),
                Err(error) => return error.into(),
            }
        }
        let progress = |here: u64| {
            lock(&self.engine).fetch_progress(self.now(), attempt, here, total);
        };
        progress(here);
        let mut missing = Vec::new();
        let input = task.ticket().input_root;
        for blob in &absent {
            if blob.root == input {
                self.mark_input(&input).await;
            }
            if let Err(why) = self.make_room(blob.len).await {
                return Report::Failed(Failure::new(FailureCode::Store, why));
            }
            let before = here;
            let progress = |done: u64| progress(before.saturating_add(done));
            match self.blobs.ensure(blob, progress).await {
                Ok(()) => here = here.saturating_add(blob.len),
                Err(FetchError::Missing(why)) => missing.push(why),
                Err(error) => return error.into(),
            }
        }
        match missing.first() {
            // Asked while the job can still be left alone.
            None => match self.make_room(task.products()).await {
                Ok(()) => {
                    let patience = self.settings.claim_patience;
                    let claim = tokio::time::timeout(patience, self.fetch_claim(task));
                    if claim.await.is_err() {
                        tracing::debug!("the claimed tensors come too slowly: the job is run");
                    }
                    Report::Fetched
                }
                Err(why) => Report::Failed(Failure::new(FailureCode::Store, why)),
            },
            Some(first) => {
                let more = match missing.len() {
                    1 => String::new(),
                    n => format!(" (and {} more)", n - 1),
                };
                Report::Waits(Trouble {
                    code: "blob_missing".into(),
                    message: format!("{first}{more}"),
                })
            }
        }
    }

    /// Sees to it that the input `root` does not stay for ever if its job ends
    /// without a receipt. What the store has already is somebody else's: it may
    /// be a weight.
    async fn mark_input(&self, root: &Root) {
        if matches!(self.blobs.store().has(root).await, Ok(Some(_))) {
            return;
        }
        let (receipts, root) = (self.receipts.clone(), *root);
        let why = match tokio::task::spawn_blocking(move || receipts.mark_input(&root)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(root = %to_hex(&root), why, "input not marked: it may stay for ever");
    }

    async fn run(
        self: Arc<Self>,
        attempt: Attempt,
        task: Arc<Task>,
        stop: Arc<Stop>,
    ) -> Result<Report, Report> {
        let bytes = match self.read(&task).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Report::Lost),
            Err(failure) => return Ok(Report::Failed(failure)),
        };
        if let Some(outcome) = self.verify(attempt, &task, &stop).await? {
            return Ok(Report::Finished(Box::new(outcome)));
        }
        self.hold(Fault::HoldRun, &stop).await?;
        let (fault, whole) = (self.settings.fault, self.keeps_trace(&task));
        let (inner, work, halt) = (self.clone(), task.clone(), stop.clone());
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || {
            let _span = span.entered();
            let stop = halt;
            let device = DeviceRun {
                inner: &inner,
                attempt,
                stop: &stop,
            };
            let started = Instant::now();
            let made = made_by(&*inner.backend, &work, &bytes, fault, whole, &device)?;
            Ok::<_, BackendError>((made, started.elapsed()))
        })
        .await;
        let (made, took) = match done {
            Ok(Ok(done)) => done,
            Ok(Err(BackendError::Stopped)) => return Ok(Report::Stopped),
            Ok(Err(error)) => {
                let failure = Failure::new(FailureCode::Backend, error.to_string());
                return Ok(Report::Failed(failure));
            }
            Err(error) => {
                let failure = Failure::new(FailureCode::Internal, error.to_string());
                return Ok(Report::Failed(failure));
            }
        };
        self.metrics.run_seconds.observe(took.as_secs_f64());
        self.metrics.units.inc_by(task.units());
        let Made {
            outcome,
            blobs,
            values,
        } = made;
        let made_bytes = blobs.iter().map(|blob| blob.len() as u64);
        let made_bytes = made_bytes.fold(0, u64::saturating_add);
        if let Err(why) = self.make_room(made_bytes).await {
            return Ok(Report::Failed(Failure::new(FailureCode::Store, why)));
        }
        // Until the receipt names them, nothing else keeps these blobs.
        let gate = self.gate.read().await;
        let mut removable = vec![task.ticket().input_root];
        for blob in blobs {
            match self.blobs.store().put_bytes(blob).await {
                Ok(root) => removable.push(root),
                Err(error) => {
                    let why = format!("the output could not be stored: {error}");
                    return Ok(Report::Failed(Failure::new(FailureCode::Store, why)));
                }
            }
        }
        self.metrics.stored_bytes.inc_by(made_bytes);
        self.hold(Fault::HoldStore, &stop).await?;
        if !self.lies() {
            let receipts = self.receipts.clone();
            let (work, kept) = (task.clone(), outcome.clone());
            let keep = move || receipts.keep(&work, &kept, removable);
            let why = match tokio::task::spawn_blocking(keep).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = why {
                tracing::warn!(why, "receipt not kept: after a restart the job runs again");
            }
        }
        drop(gate);
        self.keep_values(values).await;
        self.hold(Fault::HoldReceipt, &stop).await?;
        Ok(Report::Finished(Box::new(outcome)))
    }

    /// The bytes of the task's blobs, the input last. `None` if one is gone.
    async fn read(&self, task: &Task) -> Result<Option<Vec<Bytes>>, Failure> {
        let mut bytes: Vec<Bytes> = Vec::new();
        let mut seen: HashMap<Root, Bytes> = HashMap::new();
        let store = self.blobs.store();
        for blob in task.blobs() {
            if let Some(known) = seen.get(&blob.root) {
                bytes.push(known.clone());
                continue;
            }
            let read = match store.read(&blob.root, blob.len).await {
                Ok(Some(read)) => read,
                Ok(None) => return Ok(None),
                // The store has moved it aside, so it is fetched anew.
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::warn!(%error, "a blob rotted on the disk");
                    return Ok(None);
                }
                Err(error) => return Err(Failure::new(FailureCode::Store, error.to_string())),
            };
            seen.insert(blob.root, read.clone());
            bytes.push(read);
        }
        Ok(Some(bytes))
    }
}

/// A run of the device, as the backend sees it.
struct DeviceRun<'a> {
    inner: &'a Inner,
    attempt: Attempt,
    stop: &'a Stop,
}

impl Control for DeviceRun<'_> {
    fn progress(&self, done: u64, total: u64) {
        let now = self.inner.now();
        lock(&self.inner.engine).run_progress(now, self.attempt, done, total);
    }

    fn stopped(&self) -> bool {
        self.stop.flag.load(Ordering::Relaxed)
    }
}

/// What a run made: roots, and the blobs to be stored.
#[derive(Debug)]
pub struct Made {
    /// The roots.
    pub outcome: Outcome,
    /// The trace (its node roots joined), every output node's output, and, if
    /// there are several, all of them joined.
    pub blobs: Vec<Bytes>,
    /// The outputs of the other nodes with their roots, if they were to be kept.
    pub values: Vec<(Root, Bytes)>,
}

/// Runs `task` on `backend` and hashes what comes out. `bytes` are the weights
/// in order, then the input.
pub fn compute(
    backend: &dyn Backend,
    task: &Task,
    bytes: &[Bytes],
    fault: Option<Fault>,
    control: &dyn Control,
) -> Result<Made, BackendError> {
    made_by(backend, task, bytes, fault, false, control)
}

/// As [`compute`]; if `whole`, with the output of every node.
fn made_by(
    backend: &dyn Backend,
    task: &Task,
    bytes: &[Bytes],
    fault: Option<Fault>,
    whole: bool,
    control: &dyn Control,
) -> Result<Made, BackendError> {
    let (program, batch) = (task.program(), task.ticket().batch);
    let Some((input, weights)) = bytes.split_last() else {
        return Err(BackendError::Bug("a run without an input".into()));
    };
    let weights: Vec<&[u8]> = weights.iter().map(|bytes| &bytes[..]).collect();
    let run = Run {
        program,
        batch,
        input,
        weights: &weights,
        roots: &task.ticket().weights,
    };
    if whole {
        let trace = fault::run_whole(backend, run, fault, control)?;
        return made(program.outputs(), trace, true);
    }
    let trace = fault::run(backend, run, fault, control)?;
    made(program.outputs(), trace, false)
}

fn made(outputs: &[u16], mut trace: Trace, whole: bool) -> Result<Made, BackendError> {
    let gone = || BackendError::Bug("an output node is not in the trace".into());
    let node_roots = trace.roots();
    let output_root = athanor_tensor_program::output_root(outputs, &node_roots).ok_or_else(gone)?;
    let mut blobs = vec![Bytes::from(node_roots.concat())];
    let (mut owners, mut len) = (Vec::new(), 0usize);
    for output in outputs {
        let index = usize::from(*output);
        len = len.saturating_add(trace.node(index).ok_or_else(gone)?.len());
        let owner = trace.owner(index).ok_or_else(gone)?;
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    let joined = match outputs {
        [_] => None,
        several => Some(trace.joined(several).ok_or_else(gone)?),
    };
    for owner in owners {
        blobs.push(trace.take(owner).ok_or_else(gone)?.into());
    }
    let small = u32::try_from(len).is_ok_and(|len| len <= MAX_INLINE_OUTPUT);
    let inline = match (&joined, blobs.last()) {
        _ if !small => None,
        (Some(joined), _) => Some(joined.clone()),
        (None, last) => last.map(|bytes| bytes.to_vec()),
    };
    blobs.extend(joined.map(Bytes::from));
    let mut values = Vec::new();
    if whole {
        // Outputs have been taken, so what is left has bytes of its own.
        for (index, root) in node_roots.iter().enumerate() {
            let bytes = trace.take(index).filter(|bytes| !bytes.is_empty());
            values.extend(bytes.map(|bytes| (*root, Bytes::from(bytes))));
        }
    }
    Ok(Made {
        outcome: Outcome {
            trace_root: athanor_tensor_program::trace_root(&node_roots),
            output_root,
            node_roots,
            inline,
            checked: None,
        },
        blobs,
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Value;

    fn trace(nodes: impl IntoIterator<Item = Vec<u8>>) -> Trace {
        Trace::new(nodes.into_iter().map(Value::Own).collect())
    }

    #[test]
    fn one_output_is_stored_under_the_output_root() {
        let made = made(&[1], trace([vec![9; 3], vec![7; 5]]), false).unwrap();
        assert_eq!(made.blobs.len(), 2);
        assert_eq!(
            blake3::hash(&made.blobs[0]).as_bytes(),
            &made.outcome.trace_root
        );
        assert_eq!(
            blake3::hash(&made.blobs[1]).as_bytes(),
            &made.outcome.output_root
        );
        assert_eq!(made.outcome.inline, Some(vec![7; 5]));
    }

    #[test]
    fn several_outputs_are_stored_each_and_joined() {
        let trace = trace([vec![1; 600], vec![2; 500], vec![3]]);
        let roots = trace.roots();
        let made = made(&[1, 0], trace, false).unwrap();
        assert_eq!(made.outcome.inline, None);
        let stored: Vec<Root> = made
            .blobs
            .iter()
            .map(|blob| *blake3::hash(blob).as_bytes())
            .collect();
        assert!(stored.contains(&roots[0]) && stored.contains(&roots[1]));
        let joined = [vec![2; 500], vec![1; 600]].concat();
        assert!(stored.contains(blake3::hash(&joined).as_bytes()));
        assert_eq!(
            made.outcome.output_root,
            *blake3::hash(&[roots[1], roots[0]].concat()).as_bytes()
        );
    }

    #[test]
    fn small_outputs_are_kept_inline_joined() {
        let made = made(&[0, 1], trace([vec![1; 512], vec![2; 512]]), false).unwrap();
        assert_eq!(made.outcome.inline.map(|bytes| bytes.len()), Some(1_024));
    }

    #[test]
    fn outputs_that_share_their_bytes_are_stored_once() {
        let trace = Trace::new(vec![Value::Own(vec![5; 2_000]), Value::Same(0)]);
        let made = made(&[1], trace.clone(), false).unwrap();
        assert_eq!(made.blobs[1].len(), 2_000);
        assert_eq!(made.outcome.node_roots[0], made.outcome.output_root);
        let made = super::made(&[0, 1], trace, false).unwrap();
        assert_eq!(made.blobs.len(), 3);
        assert_eq!(made.blobs[2].len(), 4_000);
    }

    #[test]
    fn values_are_what_is_no_output_and_no_repetition() {
        let trace = Trace::new(vec![
            Value::Own(vec![1]),
            Value::Same(0),
            Value::Own(vec![2; 3]),
            Value::Own(vec![3; 5]),
        ]);
        let root = |bytes: &[u8]| *blake3::hash(bytes).as_bytes();
        let made = made(&[2], trace, true).unwrap();
        let values: Vec<(Root, &[u8])> = made.values.iter().map(|(r, b)| (*r, &b[..])).collect();
        assert_eq!(
            values,
            [(root(&[1]), &[1][..]), (root(&[3; 5]), &[3; 5][..])]
        );
    }

    #[test]
    fn an_output_outside_the_trace_is_a_bug_and_no_panic() {
        assert!(matches!(
            made(&[4], trace([vec![1]]), false),
            Err(BackendError::Bug(_))
        ));
    }
}
