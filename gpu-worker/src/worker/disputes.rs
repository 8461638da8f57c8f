//! Disputes: what claimants answer, and what challengers do next.
//!
//! Values are not kept, they are made again: execution is exact. A value that was
//! made again is stored for a day under its root, so that the next question about
//! it costs a look. What takes longer than [`GLANCE`] goes on by itself as an
//! errand of the engine, one at a time; whoever asked asks again.

use super::{lock, Fault, Inner, Stop, TicketError, Worker};
use crate::{
    api::Status,
    backend::{BackendError, Control, Run},
    blobs::FetchError,
    dispute::{self, by_roots, DisputeError, Found, Line, Next},
    engine::{Attempt, Blob, Outcome, ReceiptError, Role, Task},
    fault,
};
use athanor_content_tree::{prove, Chunks, Subtree};
use athanor_primitives::{
    dispute::{Asked, Question, Value, PIECE_CHUNKS},
    JobId, Root, Ticket,
};
use athanor_tensor_program::{
    judge::{judge, Claim, Data, Verdict},
    Execution, Operand, MAX_OUTPUTS,
};
use bytes::Bytes;
use codec::Encode;
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::{atomic::Ordering, Arc},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use tracing::Instrument;

/// How long a caller waits for an errand.
pub const GLANCE: Duration = Duration::from_millis(100);

/// Results of errands that are kept: 48 KiB each at most.
const KEPT: usize = 256;

/// A demand is not answered, or a dispute does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisputeProblem {
    /// The job is not known, or has no receipt.
    #[error("{0}")]
    Receipt(#[from] ReceiptError),
    /// It is being computed.
    #[error("{0}: ask again later")]
    Later(&'static str),
    /// Answers that do not open the claimed root.
    #[error("{0}")]
    Answers(String),
    /// The parameters are about something else.
    #[error("{0}")]
    Params(String),
    /// It can't be computed here now.
    #[error("{0}")]
    Cannot(String),
}

impl From<DisputeError> for DisputeProblem {
    fn from(error: DisputeError) -> Self {
        let text = error.to_string();
        match error {
            DisputeError::BadAnswer { .. } | DisputeError::AnswerTooMany(_) => {
                DisputeProblem::Answers(text)
            }
            DisputeError::Bug(_) => DisputeProblem::Cannot(text),
            _ => DisputeProblem::Params(text),
        }
    }
}

impl From<FetchError> for DisputeProblem {
    fn from(error: FetchError) -> Self {
        DisputeProblem::Cannot(match error {
            FetchError::Missing(why) => why,
            FetchError::Refused(refusal) => refusal.message,
            FetchError::Failed(failure) => failure.message,
        })
    }
}

fn cannot(why: impl ToString) -> DisputeProblem {
    DisputeProblem::Cannot(why.to_string())
}

/// What an errand yields.
#[derive(Clone, Debug)]
enum Product {
    Answer(Vec<u8>),
    Next(Next),
}

type Yield = Result<Product, DisputeProblem>;

/// Errands under way, and the results of those that ended.
#[derive(Debug, Default)]
pub(super) struct Errands {
    slots: HashMap<[u8; 32], Option<Yield>>,
    ended: VecDeque<[u8; 32]>,
}

impl Errands {
    /// What is known of an errand: `None` nothing, `Some(None)` it is under way. A
    /// failure is told once, then the errand is tried again.
    fn look(&mut self, key: &[u8; 32]) -> Option<Option<Yield>> {
        let found = self.slots.get(key)?.clone();
        if let Some(Err(_)) = found {
            self.slots.remove(key);
        }
        Some(found)
    }

    fn end(&mut self, key: [u8; 32], result: Yield) {
        self.slots.insert(key, Some(result));
        self.ended.retain(|ended| *ended != key);
        self.ended.push_back(key);
        while self.ended.len() > KEPT {
            if let Some(oldest) = self.ended.pop_front() {
                // Unless it is under way once more.
                if let Some(Some(_)) = self.slots.get(&oldest) {
                    self.slots.remove(&oldest);
                }
            }
        }
    }
}

/// Where the bytes of a disputed value come from.
#[derive(Clone, Copy, Debug)]
enum Content {
    /// The input or a weight.
    Blob,
    /// The output of this node, which does not repeat another's.
    Node(u16),
}

/// A question that is about this daemon's own claim.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    content: Content,
    blob: Blob,
    asked: Asked,
}

impl Wanted {
    fn of(
        task: &Task,
        outcome: &Outcome,
        question: &Question,
        fault: Option<Fault>,
    ) -> Result<Self, DisputeProblem> {
        let params = |why: String| DisputeProblem::Params(why);
        if question.trace_root != outcome.trace_root {
            return Err(params("the question is about another claim".into()));
        }
        let (program, ticket) = (task.program(), task.ticket());
        let found = match question.value {
            Value::Node(node) => {
                let index = usize::from(node);
                let root = outcome.node_roots.get(index).copied();
                let owner = fault::owner(program, node, fault);
                root.zip(program.node_len(index, ticket.batch))
                    .map(|found| (Content::Node(owner), found))
            }
            Value::Input => program
                .input_len(ticket.batch)
                .map(|len| (Content::Blob, (ticket.input_root, len))),
            Value::Constant(index) => {
                let index = usize::from(index);
                let root = ticket.weights.get(index).copied();
                root.zip(program.root_constants().nth(index))
                    .map(|found| (Content::Blob, found))
            }
        };
        let Some((content, (root, len))) = found else {
            return Err(params(format!("there is no {:?}", question.value)));
        };
        if (question.root, question.len) != (root, len) {
            return Err(params(format!(
                "{:?} has another root or length in this daemon's claim",
                question.value
            )));
        }
        let fits = match question.asked {
            Asked::Subtree {
                start,
                count,
                value,
            } => Subtree::new(len, start, count, value).is_ok(),
            Asked::Slice { start, count } => {
                let chunks = athanor_content_tree::chunk_count(len);
                let end = start.checked_add(count);
                (1..=PIECE_CHUNKS).contains(&count) && end.is_some_and(|end| end <= chunks)
            }
        };
        if !fits {
            return Err(params("the value has no such part".into()));
        }
        Ok(Wanted {
            content,
            blob: Blob { root, len },
            asked: question.asked,
        })
    }

    fn answer(&self, bytes: &[u8]) -> Result<Vec<u8>, DisputeProblem> {
        let len = self.blob.len;
        match self.asked {
            Asked::Subtree {
                start,
                count,
                value,
            } => {
                let subtree = Subtree::new(len, start, count, value).map_err(cannot)?;
                let part = bytes.get(dispute::bytes_of(&subtree));
                subtree
                    .answer(part.unwrap_or_default())
                    .map_err(|_| DisputeProblem::Params("the value has another part there".into()))
            }
            Asked::Slice { start, count } => {
                let chunks = Chunks::from_indices(len, start..start.saturating_add(count));
                prove(bytes, &chunks.map_err(cannot)?).map_err(cannot)
            }
        }
    }
}

impl Worker {
    /// Takes on a ticket to see whether others did it right: after everything that
    /// is assigned, and not after a restart. If the tensors of `claim` are to be had,
    /// they are checked, and the job is not run.
    pub async fn watch(
        &self,
        ticket: Ticket,
        program: &[u8],
        claim: Option<Vec<Root>>,
    ) -> Result<Status, TicketError> {
        let status = self.take_on(ticket, program, Role::Watched, claim).await?;
        self.0.metrics.watches.inc();
        Ok(status)
    }

    /// Answers a demand, or a request for delivery, about this daemon's own claim.
    pub async fn answer(&self, question: Question) -> Result<Vec<u8>, DisputeProblem> {
        let inner = &self.0;
        let (task, outcome) = lock(&inner.engine).receipt(question.job)?;
        let wanted = Wanted::of(&task, &outcome, &question, inner.settings.fault)?;
        if inner.settings.fault.is_some_and(Fault::withholds) {
            return Err(DisputeProblem::Later("withheld on purpose"));
        }
        let key = (b"answer", task.identity(), question.value, wanted.asked);
        let key = key.using_encoded(|bytes| *blake3::hash(bytes).as_bytes());
        let work = {
            let (inner, task) = (inner.clone(), task.clone());
            move |attempt, stop| async move {
                let bytes = match wanted.content {
                    Content::Blob => inner.fetched(&wanted.blob).await?,
                    Content::Node(node) => {
                        let made = inner
                            .values(attempt, &task, &outcome, &[node], &stop)
                            .await?;
                        made.into_iter().next().ok_or_else(|| cannot("no value"))?
                    }
                };
                let answer = tokio::task::spawn_blocking(move || wanted.answer(&bytes));
                answer.await.map_err(cannot)?.map(Product::Answer)
            }
        };
        match inner.errand(key, task, work).await? {
            Product::Answer(answer) => {
                inner.metrics.answers.inc();
                Ok(answer)
            }
            Product::Next(_) => Err(cannot("a step for an answer: this is a bug")),
        }
    }

    /// The next step of a challenger that calls node `node` of `claim` false, in the
    /// thread `line` of demands for that node's output, given what was answered in
    /// `others`.
    pub async fn dispute(
        &self,
        job: JobId,
        claim: Vec<Root>,
        node: u16,
        line: Line,
        others: Vec<Line>,
    ) -> Result<Next, DisputeProblem> {
        let inner = &self.0;
        let (task, outcome) = lock(&inner.engine).receipt(job)?;
        let roots = &outcome.node_roots;
        let (batch, given) = (task.ticket().batch, line.answers.len());
        let next = match by_roots(task.program(), batch, node, roots, &claim, given)? {
            Some(next) => next,
            None => {
                let lines = |line: &Line| (line.turn, line.answers.clone());
                let others_given: Vec<_> = others.iter().map(lines).collect();
                let given = (lines(&line), others_given);
                let key = (b"dispute", task.identity(), &claim, node, given);
                let key = key.using_encoded(|bytes| *blake3::hash(bytes).as_bytes());
                let work = {
                    let (inner, task) = (inner.clone(), task.clone());
                    move |attempt, stop| async move {
                        inner
                            .challenge(attempt, task, &outcome, claim, node, (line, others), &stop)
                            .await
                            .map(Product::Next)
                    }
                };
                match inner.errand(key, task, work).await? {
                    Product::Next(next) => next,
                    Product::Answer(_) => {
                        return Err(cannot("an answer for a step: this is a bug"))
                    }
                }
            }
        };
        inner.metrics.disputed(&next);
        Ok(next)
    }
}

impl Inner {
    /// Looks up or starts an errand, and waits a moment for it.
    async fn errand<W, F>(self: &Arc<Self>, key: [u8; 32], task: Arc<Task>, work: W) -> Yield
    where
        W: FnOnce(Attempt, Arc<Stop>) -> F + Send + 'static,
        F: Future<Output = Yield> + Send + 'static,
    {
        let computing = DisputeProblem::Later("being computed");
        if self.closing.load(Ordering::Relaxed) {
            return Err(DisputeProblem::Later("the daemon is shutting down"));
        }
        let attempt = {
            let mut errands = lock(&self.errands);
            match errands.look(&key) {
                Some(Some(result)) => return result,
                Some(None) => return Err(computing),
                None => {}
            }
            let Some(attempt) = lock(&self.engine).errand(task) else {
                return Err(DisputeProblem::Later("as much is being computed as may be"));
            };
            errands.slots.insert(key, None);
            attempt
        };
        let stop = Arc::new(Stop::default());
        lock(&self.stops).insert(attempt, stop.clone());
        let (done, ended) = oneshot::channel::<()>();
        let inner = self.clone();
        let span = tracing::info_span!("errand", job = attempt.job, errand = attempt.epoch);
        let handle = tokio::spawn({
            let (inner, stop) = (inner.clone(), stop);
            let work = async move {
                // One at a time, so that one at a time takes memory.
                let turn = inner.errand_turn.clone();
                let _turn = turn.lock_owned().await;
                work(attempt, stop).await
            };
            work.instrument(span)
        });
        tokio::spawn(async move {
            let result = handle.await.unwrap_or_else(|error| {
                tracing::error!(job = attempt.job, %error, "an errand broke: this is a bug");
                Err(cannot(error))
            });
            if let Err(problem) = &result {
                tracing::warn!(job = attempt.job, %problem, "errand came to nothing");
            }
            lock(&inner.grants).remove(&attempt);
            lock(&inner.stops).remove(&attempt);
            lock(&inner.engine).errand_ended(inner.now(), attempt);
            lock(&inner.errands).end(key, result);
            let _ = done.send(());
            inner.act();
        });
        if tokio::time::timeout(GLANCE, ended).await.is_err() {
            return Err(computing);
        }
        let found = lock(&self.errands).look(&key);
        found.flatten().unwrap_or(Err(computing))
    }

    /// A blob of the job, from the store or a gateway.
    async fn fetched(&self, blob: &Blob) -> Result<Bytes, DisputeProblem> {
        self.room_in_memory(blob.len)?;
        if !self.blobs.held(blob).await? {
            self.make_room(blob.len).await.map_err(cannot)?;
            self.blobs.ensure(blob, |_| ()).await?;
        }
        let read = self.blobs.store().read(&blob.root, blob.len).await;
        let gone = || cannot("a held blob is gone");
        read.map_err(cannot)?.ok_or_else(gone)
    }

    fn room_in_memory(&self, bytes: u64) -> Result<(), DisputeProblem> {
        let most = self.settings.limits.memory;
        if bytes > most {
            return Err(cannot(format!(
                "it takes {bytes} bytes of memory, {most} may be used: raise --memory"
            )));
        }
        Ok(())
    }

    /// Outputs of nodes that do not repeat others, in their order: from the store,
    /// or made again.
    async fn values(
        self: &Arc<Self>,
        attempt: Attempt,
        task: &Arc<Task>,
        outcome: &Outcome,
        nodes: &[u16],
        stop: &Arc<Stop>,
    ) -> Result<Vec<Bytes>, DisputeProblem> {
        let batch = task.ticket().batch;
        let blob = |node: u16| {
            let index = usize::from(node);
            let root = outcome.node_roots.get(index).copied();
            let blob = root.zip(task.program().node_len(index, batch));
            blob.map(|(root, len)| Blob { root, len })
                .ok_or_else(|| cannot("no such node"))
        };
        let all: Vec<Blob> = nodes
            .iter()
            .map(|node| blob(*node))
            .collect::<Result<_, _>>()?;
        let total = all.iter().map(|blob| blob.len).fold(0, u64::saturating_add);
        self.room_in_memory(total)?;
        let mut found: HashMap<u16, Bytes> = HashMap::new();
        let mut missing: Vec<u16> = Vec::new();
        for (node, blob) in nodes.iter().zip(&all) {
            if found.contains_key(node) || missing.contains(node) {
                continue;
            }
            match self.blobs.store().read(&blob.root, blob.len).await {
                Ok(Some(bytes)) if bytes.len() as u64 == blob.len => {
                    found.insert(*node, bytes);
                }
                _ => missing.push(*node),
            }
        }
        if !missing.is_empty() {
            let made = self.make_again(attempt, task, &missing, stop).await?;
            for (node, bytes) in missing.into_iter().zip(made) {
                let blob = blob(node)?;
                let root = {
                    let bytes = bytes.clone();
                    tokio::task::spawn_blocking(move || *blake3::hash(&bytes).as_bytes())
                        .await
                        .map_err(cannot)?
                };
                if root != blob.root {
                    tracing::error!(
                        node,
                        "made again, a value has other bytes than the claim: it was claimed \
                         falsely, or the device computes wrongly"
                    );
                    return Err(cannot(format!(
                        "node {node} has other bytes than its claim"
                    )));
                }
                self.keep_for_a_day(&blob, bytes.clone()).await;
                found.insert(node, bytes);
            }
        }
        nodes
            .iter()
            .map(|node| found.get(node).cloned().ok_or_else(|| cannot("no value")))
            .collect()
    }

    /// Stores a value that was made again, if there is room.
    pub(super) async fn keep_for_a_day(&self, blob: &Blob, bytes: Bytes) {
        self.mark_input(&blob.root).await;
        let kept = match self.make_room(blob.len).await {
            Ok(()) => self.blobs.store().put_bytes(bytes).await.map(|_| ()),
            Err(why) => {
                tracing::debug!(why, "a value made again is not kept");
                return;
            }
        };
        if let Err(error) = kept {
            tracing::debug!(%error, "a value made again is not kept");
        }
    }

    /// Runs what it takes for the outputs of the nodes `wanted`.
    async fn make_again(
        self: &Arc<Self>,
        attempt: Attempt,
        task: &Arc<Task>,
        wanted: &[u16],
        stop: &Arc<Stop>,
    ) -> Result<Vec<Bytes>, DisputeProblem> {
        let started = Instant::now();
        let (fault, batch) = (self.settings.fault, task.ticket().batch);
        let parts = self.cut(task, wanted)?;
        let blobs = task.blobs();
        let (input, weights) = blobs.split_last().ok_or_else(|| cannot("no input"))?;
        // Everything is fetched before the device is asked for.
        let mut held = Vec::with_capacity(parts.len());
        for part in &parts {
            let used = fault::values_weights(task.program(), part, fault)
                .ok_or_else(|| cannot("the program has no such part"))?;
            let mut needed = Vec::with_capacity(used.len());
            for index in used {
                let blob = weights.get(index).ok_or_else(|| cannot("no such weight"))?;
                self.have(blob).await?;
                needed.push(*blob);
            }
            held.push(needed);
        }
        self.have(input).await?;
        let (grant, granted) = oneshot::channel();
        lock(&self.grants).insert(attempt, grant);
        lock(&self.engine).errand_ready(self.now(), attempt);
        self.act();
        tokio::select! {
            granted = granted => granted.map_err(cannot)?,
            () = stop.notify.notified() => return Err(DisputeProblem::Later("stopped")),
        }
        self.metrics.recomputations.inc();
        let mut made = Vec::with_capacity(wanted.len());
        let input = self.fetched(input).await?;
        for (part, needed) in parts.into_iter().zip(held) {
            let mut weights = Vec::with_capacity(needed.len());
            for blob in &needed {
                weights.push(self.fetched(blob).await?);
            }
            let (inner, task, input, stop) =
                (self.clone(), task.clone(), input.clone(), stop.clone());
            let run = move || {
                let weights: Vec<&[u8]> = weights.iter().map(|bytes| &bytes[..]).collect();
                let run = Run {
                    program: task.program(),
                    batch,
                    input: &input,
                    weights: &weights,
                    roots: &[],
                };
                fault::values(&*inner.backend, run, &part, fault, &Quiet(&stop))
            };
            let values = tokio::task::spawn_blocking(run).await.map_err(cannot)?;
            let values = values.map_err(|error| match error {
                BackendError::Stopped => DisputeProblem::Later("stopped"),
                error => cannot(error),
            })?;
            made.extend(values.into_iter().map(Bytes::from));
        }
        let took = started.elapsed();
        self.metrics.recompute_seconds.observe(took.as_secs_f64());
        tracing::info!(
            nodes = ?wanted,
            seconds = took.as_secs_f64(),
            "values made again for a dispute"
        );
        Ok(made)
    }

    /// As few runs as memory and a program's outputs allow.
    fn cut(&self, task: &Task, wanted: &[u16]) -> Result<Vec<Vec<u16>>, DisputeProblem> {
        let (program, batch) = (task.program(), task.ticket().batch);
        let fault = self.settings.fault;
        let needs = |part: &[u16]| {
            fault::values_bytes(&*self.backend, program, batch, part, fault)
                .ok_or_else(|| cannot("the program has no such part"))
        };
        let limits = &self.settings.limits;
        // A fault spreads through all values, which the interpreter keeps in this machine's memory.
        let most = match fault {
            Some(Fault::WrongElement(_)) => limits.memory,
            _ => limits.run_memory(),
        };
        let mut parts: Vec<Vec<u16>> = Vec::new();
        for node in wanted {
            if let Some(last) = parts.last_mut().filter(|last| last.len() < MAX_OUTPUTS) {
                last.push(*node);
                if needs(last.as_slice())? <= most {
                    continue;
                }
                last.pop();
            }
            let bytes = needs(&[*node])?;
            if bytes > most {
                return Err(cannot(format!(
                    "making it again takes {bytes} bytes of memory, {most} may be used"
                )));
            }
            parts.push(vec![*node]);
        }
        Ok(parts)
    }

    /// Gets a blob of the job into the store.
    async fn have(&self, blob: &Blob) -> Result<(), DisputeProblem> {
        if self.blobs.held(blob).await? {
            return Ok(());
        }
        self.make_room(blob.len).await.map_err(cannot)?;
        Ok(self.blobs.ensure(blob, |_| ()).await?)
    }

    /// The step after answers.
    async fn challenge(
        self: &Arc<Self>,
        attempt: Attempt,
        task: Arc<Task>,
        outcome: &Outcome,
        claim: Vec<Root>,
        node: u16,
        (line, others): (Line, Vec<Line>),
        stop: &Arc<Stop>,
    ) -> Result<Next, DisputeProblem> {
        let fault = self.settings.fault;
        let claimed = *claim
            .get(usize::from(node))
            .ok_or_else(|| cannot("no such node"))?;
        let own = fault::owner(task.program(), node, fault);
        let tensor = self.values(attempt, &task, outcome, &[own], stop).await?;
        let tensor = tensor.into_iter().next().unwrap_or_default();
        let found = {
            let tensor = tensor.clone();
            let follow = move || dispute::after(&tensor, &claimed, line, others);
            tokio::task::spawn_blocking(follow).await.map_err(cannot)?
        };
        let opened = match found? {
            Found::Next(next) => return Ok(next),
            Found::Opened(opened) => opened,
        };
        // The node's operands: the claimant has the same, so they are our own.
        let operands = {
            let nodes = &task.program().program().nodes;
            let node = nodes.get(usize::from(node));
            node.map(|node| node.operands.clone()).unwrap_or_default()
        };
        let blobs = task.blobs();
        let (input_blob, weight_blobs) = blobs.split_last().ok_or_else(|| cannot("no input"))?;
        let mut input = Bytes::new();
        let mut weights = vec![Bytes::new(); weight_blobs.len()];
        let mut nodes: Vec<u16> = Vec::new();
        for operand in &operands {
            match operand {
                Operand::Input(_) => input = self.fetched(input_blob).await?,
                Operand::Const(index) => {
                    let index = task.program().root_constant_index(usize::from(*index));
                    let found = index.and_then(|i| weight_blobs.get(i).zip(weights.get_mut(i)));
                    if let Some((blob, weight)) = found {
                        *weight = self.fetched(blob).await?;
                    }
                }
                Operand::Node(operand) => nodes.push(*operand),
            }
        }
        let owners: Vec<u16> = nodes
            .iter()
            .map(|node| fault::owner(task.program(), *node, fault))
            .collect();
        let values = self.values(attempt, &task, outcome, &owners, stop).await?;
        let work = move || {
            let (program, ticket) = (task.program(), task.ticket());
            let own = (node, tensor.to_vec());
            let run = nodes
                .into_iter()
                .zip(values.iter().map(|value| value.to_vec()));
            let run = Execution::partial(program, ticket.batch, run.chain([own]));
            let run = run.map_err(cannot)?;
            let weights: Vec<&[u8]> = weights.iter().map(|bytes| &bytes[..]).collect();
            let data = Data::partial(program, ticket.batch, &input, &weights, &run);
            let data = data.map_err(cannot)?;
            let proof = dispute::prove(&data, program, ticket.batch, node, &tensor, &opened)?;
            let Some(proof) = proof else {
                return Ok(Next::Rest);
            };
            let claim = Claim {
                batch: ticket.batch,
                input: &ticket.input_root,
                weights: &ticket.weights,
                trace: &claim,
            };
            // As the chain will: a proof that it would not take is not handed out.
            match judge(program, &claim, &proof).map_err(cannot)? {
                Verdict::Convicted => Ok(Next::Prove(Box::new(proof))),
                Verdict::Upheld => {
                    tracing::error!(node, "the claim is right and this daemon's value is not");
                    Ok(Next::Agree)
                }
            }
        };
        tokio::task::spawn_blocking(work).await.map_err(cannot)?
    }
}

/// A run that nobody follows.
struct Quiet<'a>(&'a Stop);

impl Control for Quiet<'_> {
    fn progress(&self, _done: u64, _total: u64) {}

    fn stopped(&self) -> bool {
        self.0.flag.load(Ordering::Relaxed)
    }
}
