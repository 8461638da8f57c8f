//! The engine's hands: fetching, running, storing, on tokio.

use crate::{
    api::{Capabilities, HexBytes, JobReceipt, Status, Trouble},
    backend::{Backend, BackendError, Control, Run, Trace},
    blobs::{Blobs, FetchError},
    engine::{
        Action, Attempt, Engine, Failure, FailureCode, Limits, Outcome, ProgramError, ReceiptError,
        Refusal, SubmitError, Task,
    },
    metrics::Metrics,
    receipts::Receipts,
    NAME, SEMANTIC_VERSION, VERSION,
};
use athanor_content_store::{Error as StoreError, Store};
use athanor_primitives::{ticket::to_hex, JobId, Root, Ticket, MAX_INLINE_OUTPUT};
use bytes::Bytes;
use clap::ValueEnum;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Mutex, MutexGuard, PoisonError, Weak,
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// A fault made on purpose, to see it found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Flip the last byte of the last node's output before it is hashed.
    WrongOutput,
}

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
    /// How often time is told to the engine.
    pub tick: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limits: Limits::default(),
            fault: None,
            retention: None,
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
    blobs: Blobs,
    receipts: Receipts,
    backend: Arc<dyn Backend>,
    metrics: Metrics,
    settings: Settings,
    started: Instant,
    closing: AtomicBool,
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
    Finished(Outcome),
    Lost,
    Stopped,
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
        let worker = Worker(Arc::new(Inner {
            engine: Mutex::new(Engine::new(settings.limits.clone())),
            stops: Mutex::default(),
            blobs: Blobs::new(store, gateways, metrics.clone())?,
            receipts,
            backend,
            metrics,
            started: Instant::now(),
            closing: AtomicBool::new(false),
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
        self.0.metrics.set_jobs(&lock(&self.0.engine).counts());
        self.0.metrics.text()
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
            memory: limits.memory,
            queue_limit: u64::try_from(limits.queue).unwrap_or(u64::MAX),
            semantic_version: SEMANTIC_VERSION,
        }
    }

    /// Takes on a ticket with its program's bytes.
    pub async fn submit(&self, ticket: Ticket, program: &[u8]) -> Result<Status, TicketError> {
        if self.0.closing.load(Ordering::Relaxed) {
            return Err(TicketError::ShuttingDown);
        }
        let task = Task::new(ticket, program)?;
        let job = task.ticket().job;
        let known = lock(&self.0.engine).knows(job);
        let kept = if known {
            None
        } else {
            self.0.kept(&task).await
        };
        let reused = kept.is_some();
        let status = lock(&self.0.engine).submit(self.0.now(), task, kept)?;
        if reused {
            self.0.metrics.receipts_reused.inc();
        }
        if !known {
            tracing::info!(job, state = status.state.as_str(), reused, "ticket taken");
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
        })
    }

    /// Stops and forgets a job. `false` if it was not known.
    pub fn cancel(&self, job: JobId) -> bool {
        let known = lock(&self.0.engine).cancel(self.0.now(), job);
        self.0.act();
        if known {
            tracing::info!(job, "job cancelled");
        }
        known
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
        let given_up = lock(&inner.engine).tick(inner.now());
        for job in given_up {
            inner.metrics.job_ended(FailureCode::FetchTimeout.as_str());
            tracing::warn!(
                job,
                "job given up: a blob is missing and nobody asks for the job"
            );
        }
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
        drop(inner);
        tokio::time::sleep(retention.min(Duration::from_secs(3_600))).await;
    }
}

impl Inner {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// An earlier life's receipt for `task`, and whether the task's blobs are
    /// still held. Outputs must still be in the store, or it runs again.
    async fn kept(&self, task: &Task) -> Option<(Outcome, bool)> {
        if self.settings.fault.is_some() {
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
        loop {
            let action = lock(&self.engine).next_action();
            match action {
                None => return,
                Some(Action::Stop(attempt)) => {
                    if let Some(stop) = lock(&self.stops).get(&attempt) {
                        stop.now();
                    }
                }
                Some(Action::Fetch(attempt, task)) => {
                    let inner = self.clone();
                    self.attempt(attempt, move |stop| async move {
                        inner.fetch(attempt, &task, &stop).await
                    });
                }
                Some(Action::Run(attempt, task)) => {
                    let inner = self.clone();
                    self.attempt(attempt, move |stop| async move {
                        inner.run(attempt, task, stop).await
                    });
                }
            }
        }
    }

    /// Spawns the work of one attempt and reports what came of it, whatever
    /// that is: the engine counts on a report for every action.
    fn attempt<F, W>(self: &Arc<Self>, attempt: Attempt, work: W)
    where
        F: std::future::Future<Output = Report> + Send + 'static,
        W: FnOnce(Arc<Stop>) -> F,
    {
        let stop = Arc::new(Stop::default());
        lock(&self.stops).insert(attempt, stop.clone());
        let handle = tokio::spawn(work(stop));
        let inner = self.clone();
        tokio::spawn(async move {
            let report = handle.await.unwrap_or_else(|error| {
                tracing::error!(job = attempt.job, %error, "a job's task broke: this is a bug");
                Report::Failed(Failure::new(FailureCode::Internal, error.to_string()))
            });
            lock(&inner.stops).remove(&attempt);
            inner.report(attempt, report);
            inner.act();
        });
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
                engine.finished(now, attempt, outcome);
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
        let (mut before, mut missing) = (0u64, Vec::new());
        let input = task.ticket().input_root;
        for blob in &blobs {
            if blob.root == input {
                self.mark_input(&input).await;
            }
            let progress = |done: u64| {
                let here = before.saturating_add(done);
                lock(&self.engine).fetch_progress(attempt, here, total);
            };
            match self.blobs.ensure(blob, progress).await {
                Ok(()) => before = before.saturating_add(blob.len),
                Err(FetchError::Missing(why)) => missing.push(why),
                Err(FetchError::Refused(refusal)) => return Report::Refused(refusal),
                Err(FetchError::Failed(failure)) => return Report::Failed(failure),
            }
        }
        match missing.first() {
            None => match self.room(task) {
                Ok(()) => Report::Fetched,
                Err(failure) => Report::Failed(failure),
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

    /// Whether the store has room for what `task` will put there, up to twice
    /// its output: each node's, and all of them joined. Asked while the job can
    /// still be left alone.
    fn room(&self, task: &Task) -> Result<(), Failure> {
        let output = task.program().output_len(task.ticket().batch).unwrap_or(0);
        let store = self.blobs.store();
        let wanted = store.used().saturating_add(output.saturating_mul(2));
        if wanted <= store.limits().max_total {
            return Ok(());
        }
        let why = "no room for the output: raise --store-limit";
        Err(Failure::new(FailureCode::Store, why))
    }

    async fn run(self: Arc<Self>, attempt: Attempt, task: Arc<Task>, stop: Arc<Stop>) -> Report {
        let bytes = match self.read(&task).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Report::Lost,
            Err(failure) => return Report::Failed(failure),
        };
        let fault = self.settings.fault;
        let (inner, work) = (self.clone(), task.clone());
        let done = tokio::task::spawn_blocking(move || {
            let device = DeviceRun {
                inner: &inner,
                attempt,
                stop: &stop,
            };
            let started = Instant::now();
            let made = compute(&*inner.backend, &work, &bytes, fault, &device)?;
            Ok::<_, BackendError>((made, started.elapsed()))
        })
        .await;
        let (made, took) = match done {
            Ok(Ok(done)) => done,
            Ok(Err(BackendError::Stopped)) => return Report::Stopped,
            Ok(Err(error)) => {
                return Report::Failed(Failure::new(FailureCode::Backend, error.to_string()))
            }
            Err(error) => {
                return Report::Failed(Failure::new(FailureCode::Internal, error.to_string()))
            }
        };
        self.metrics.run_seconds.observe(took.as_secs_f64());
        self.metrics.units.inc_by(task.units());
        let Made { outcome, blobs } = made;
        let mut removable = vec![task.ticket().input_root];
        for blob in blobs {
            match self.blobs.store().put_bytes(blob).await {
                Ok(root) => removable.push(root),
                Err(error) => {
                    let why = format!("the output could not be stored: {error}");
                    return Report::Failed(Failure::new(FailureCode::Store, why));
                }
            }
        }
        if fault.is_none() {
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
        Report::Finished(outcome)
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
        lock(&self.inner.engine).run_progress(self.attempt, done, total);
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
    let (program, batch) = (task.program(), task.ticket().batch);
    let Some((input, weights)) = bytes.split_last() else {
        return Err(BackendError::Bug("a run without an input".into()));
    };
    let weights: Vec<&[u8]> = weights.iter().map(|bytes| &bytes[..]).collect();
    let mut trace = backend.run(
        Run {
            program,
            batch,
            input,
            weights: &weights,
        },
        control,
    )?;
    if fault == Some(Fault::WrongOutput) {
        trace.spoil();
    }
    made(program.outputs(), trace)
}

fn made(outputs: &[u16], mut trace: Trace) -> Result<Made, BackendError> {
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
    Ok(Made {
        outcome: Outcome {
            trace_root: athanor_tensor_program::trace_root(&node_roots),
            output_root,
            node_roots,
            inline,
        },
        blobs,
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
        let made = made(&[1], trace([vec![9; 3], vec![7; 5]])).unwrap();
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
        let made = made(&[1, 0], trace).unwrap();
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
        let made = made(&[0, 1], trace([vec![1; 512], vec![2; 512]])).unwrap();
        assert_eq!(made.outcome.inline.map(|bytes| bytes.len()), Some(1_024));
    }

    #[test]
    fn outputs_that_share_their_bytes_are_stored_once() {
        let trace = Trace::new(vec![Value::Own(vec![5; 2_000]), Value::Same(0)]);
        let made = made(&[1], trace.clone()).unwrap();
        assert_eq!(made.blobs[1].len(), 2_000);
        assert_eq!(made.outcome.node_roots[0], made.outcome.output_root);
        let made = super::made(&[0, 1], trace).unwrap();
        assert_eq!(made.blobs.len(), 3);
        assert_eq!(made.blobs[2].len(), 4_000);
    }

    #[test]
    fn an_output_outside_the_trace_is_a_bug_and_no_panic() {
        assert!(matches!(
            made(&[4], trace([vec![1]])),
            Err(BackendError::Bug(_))
        ));
    }
}
