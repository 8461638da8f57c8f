//! Checking a claim whose tensors are at hand, node by node.
//!
//! Every node is checked against its *claimed* operands. A product that puts out its
//! exact sums is checked by keyed Freivalds, at a small part of what it takes to
//! multiply; everything else, products with a fused requantisation among them, is
//! executed. The first node that fails is computed, and its true root takes the
//! place of the claimed one in the receipt: from there on the dispute goes as any
//! other.

use super::{lock, Attempt, DeviceRun, Inner, Report, Stop};
use crate::{
    backend::{BackendError, Control, Run},
    engine::{Blob, Checked, Failure, FailureCode, Outcome, Task},
    part::{alias, Part},
};
use athanor_freivalds::{Check, Key, Right, ZeroPoint};
use athanor_primitives::Root;
use athanor_tensor_program::{
    ops::{Epilogue, MatMul, ZeroPoint as Zero},
    Constant, Op, Operand,
};
use bytes::Bytes;
use rayon::prelude::*;
use std::sync::{atomic::Ordering, Arc};

/// What a node's check says.
enum Verdict {
    /// The claimed output is the true one.
    Right,
    /// The true output, which is another.
    Wrong(Vec<u8>),
}

/// How it was found.
enum How {
    Product,
    Executed,
}

fn failed(why: impl ToString) -> Report {
    Report::Failed(Failure::new(FailureCode::Internal, why.to_string()))
}

impl Inner {
    /// The blobs of a claim: a root and a length for each node.
    fn claimed(task: &Task, claim: &[Root]) -> Option<Vec<Blob>> {
        let batch = task.ticket().batch;
        if claim.len() != task.program().node_count() {
            return None;
        }
        let blobs = claim.iter().enumerate().map(|(index, root)| {
            let len = task.program().node_len(index, batch)?;
            Some(Blob { root: *root, len })
        });
        blobs.collect()
    }

    /// Gets the tensors of the claim that a watched job is to be checked against, if
    /// they are to be had. What is missing is no fault: the job is run then.
    pub(super) async fn fetch_claim(&self, task: &Task) {
        let Some(claim) = task.claim() else { return };
        let Some(mut blobs) = Self::claimed(task, claim) else {
            return;
        };
        blobs.sort_unstable_by_key(|blob| (blob.root, blob.len));
        blobs.dedup();
        let limits = &self.settings.limits;
        let all = blobs
            .iter()
            .map(|blob| blob.len)
            .fold(0, u64::saturating_add);
        let longest = blobs.iter().map(|blob| blob.len).max().unwrap_or(0);
        if all > limits.store || longest > limits.max_blob {
            return;
        }
        for blob in &blobs {
            match self.blobs.held(blob).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(_) => return,
            }
            self.mark_input(&blob.root).await;
            let got = match self.make_room(blob.len).await {
                Ok(()) => self.blobs.ensure(blob, |_| ()).await.is_ok(),
                Err(_) => false,
            };
            if !got {
                tracing::debug!("a claimed tensor is nowhere: the job is run");
                return;
            }
        }
    }

    /// Checks the claim that `task` is to be checked against. `None` if there is none,
    /// or not all of its tensors are here.
    pub(super) async fn verify(
        self: &Arc<Self>,
        attempt: Attempt,
        task: &Arc<Task>,
        stop: &Arc<Stop>,
    ) -> Result<Option<Outcome>, Report> {
        let Some(claim) = task.claim() else {
            return Ok(None);
        };
        let Some(blobs) = Self::claimed(task, claim) else {
            return Ok(None);
        };
        for blob in &blobs {
            if !self.blobs.held(blob).await.unwrap_or(false) {
                return Ok(None);
            }
        }
        let program = task.program();
        let nodes = &program.program().nodes;
        let mut checked = Checked {
            products: 0,
            executed: 0,
            wrong: None,
        };
        let mut roots = claim.to_vec();
        let total = nodes.len() as u64;
        for (index, node) in nodes.iter().enumerate() {
            if stop.flag.load(Ordering::Relaxed) {
                return Err(Report::Stopped);
            }
            let node16 = u16::try_from(index).map_err(failed)?;
            let (Some(root), Some(blob)) = (claim.get(index), blobs.get(index)) else {
                return Err(failed("a claim of another length"));
            };
            if let Some(earlier) = alias(node) {
                let operand = claim.get(usize::from(earlier)).copied();
                if operand != Some(*root) {
                    checked.wrong = Some(node16);
                    roots[index] = operand.unwrap_or_default();
                    break;
                }
                continue;
            }
            let Some(read) = self.operands(task, &blobs, node16).await? else {
                return Ok(None);
            };
            let Some(output) = self.held_bytes(blob).await? else {
                return Ok(None);
            };
            let (inner, task, stop) = (self.clone(), task.clone(), stop.clone());
            let key = self.secret.clone();
            let work = move || {
                let device = DeviceRun {
                    inner: &inner,
                    attempt,
                    stop: &stop,
                };
                check(
                    &inner,
                    &task,
                    node16,
                    &read,
                    &output,
                    &key,
                    &Silent(&device),
                )
            };
            let done = tokio::task::spawn_blocking(work).await.map_err(failed)?;
            let (how, verdict) = match done {
                Ok(done) => done,
                Err(BackendError::Stopped) => return Err(Report::Stopped),
                Err(error) => {
                    let failure = Failure::new(FailureCode::Backend, error.to_string());
                    return Err(Report::Failed(failure));
                }
            };
            match how {
                How::Product => checked.products += 1,
                How::Executed => checked.executed += 1,
            }
            lock(&self.engine).run_progress(self.now(), attempt, index as u64 + 1, total);
            if let Verdict::Wrong(truth) = verdict {
                let truth = Bytes::from(truth);
                let hashed = truth.clone();
                let hash = move || *blake3::hash(&hashed).as_bytes();
                let own = tokio::task::spawn_blocking(hash).await.map_err(failed)?;
                let blob = Blob {
                    root: own,
                    len: blob.len,
                };
                self.keep_for_a_day(&blob, truth).await;
                roots[index] = own;
                checked.wrong = Some(node16);
                break;
            }
        }
        self.metrics.checked(&checked);
        let output_root = athanor_tensor_program::output_root(program.outputs(), &roots);
        Ok(Some(Outcome {
            trace_root: athanor_tensor_program::trace_root(&roots),
            output_root: output_root.unwrap_or_default(),
            node_roots: roots,
            inline: None,
            checked: Some(checked),
        }))
    }

    /// The operands of a node as the claim has them, `None` if one is gone.
    async fn operands(
        &self,
        task: &Task,
        claimed: &[Blob],
        node: u16,
    ) -> Result<Option<Vec<Bytes>>, Report> {
        let (program, batch) = (task.program(), task.ticket().batch);
        let blobs = task.blobs();
        let Some((input, weights)) = blobs.split_last() else {
            return Err(failed("a job without an input"));
        };
        let node = program.program().nodes.get(usize::from(node));
        let operands = node
            .map(|node| node.operands.as_slice())
            .unwrap_or_default();
        let mut read = Vec::with_capacity(operands.len());
        for operand in operands {
            let bytes = match operand {
                Operand::Node(earlier) => match claimed.get(usize::from(*earlier)) {
                    Some(blob) => self.held_bytes(blob).await?,
                    None => None,
                },
                Operand::Input(index) => {
                    let range = program.input_range(usize::from(*index), batch);
                    let whole = self.held_bytes(input).await?;
                    whole.zip(range).and_then(|(whole, range)| {
                        let start = usize::try_from(range.start).ok()?;
                        let end = usize::try_from(range.end).ok()?;
                        (start <= end && end <= whole.len()).then(|| whole.slice(start..end))
                    })
                }
                Operand::Const(index) => {
                    let index = usize::from(*index);
                    match (
                        program.program().constants.get(index),
                        program.root_constant_index(index),
                    ) {
                        (Some(Constant::Inline { bytes, .. }), _) => {
                            Some(Bytes::copy_from_slice(bytes))
                        }
                        (_, Some(weight)) => match weights.get(weight) {
                            Some(blob) => self.held_bytes(blob).await?,
                            None => None,
                        },
                        _ => None,
                    }
                }
            };
            let Some(bytes) = bytes else { return Ok(None) };
            read.push(bytes);
        }
        Ok(Some(read))
    }

    async fn held_bytes(&self, blob: &Blob) -> Result<Option<Bytes>, Report> {
        if blob.len > self.settings.limits.memory {
            return Ok(None);
        }
        Ok(self
            .blobs
            .store()
            .read(&blob.root, blob.len)
            .await
            .ok()
            .flatten())
    }
}

/// A part of a run whose progress nobody wants to hear.
struct Silent<'a>(&'a dyn Control);

impl Control for Silent<'_> {
    fn progress(&self, _done: u64, _total: u64) {}

    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}

/// Checks one node's claimed `output` against its `operands`.
fn check(
    inner: &Inner,
    task: &Task,
    node: u16,
    operands: &[Bytes],
    output: &Bytes,
    key: &Key,
    control: &dyn Control,
) -> Result<(How, Verdict), BackendError> {
    let program = task.program();
    let op = program
        .program()
        .nodes
        .get(usize::from(node))
        .map(|node| &node.op);
    if let Some(Op::MatMul(op)) = op {
        // Which claim is checked: the vectors of another say nothing about it.
        let mut context = task.ticket().job.to_le_bytes().to_vec();
        context.extend_from_slice(&node.to_le_bytes());
        context.extend_from_slice(blake3::hash(output).as_bytes());
        let k = program
            .program()
            .nodes
            .get(usize::from(node))
            .and_then(|node| program.operand_type(*node.operands.first()?)?.shape.last())
            .and_then(|k| usize::try_from(k).ok());
        match k.and_then(|k| is_product(op, k, operands, output, key, &context)) {
            Some(true) => return Ok((How::Product, Verdict::Right)),
            Some(false) => {
                let truth = execute(inner, task, node, operands, control)?;
                return Ok((How::Product, Verdict::Wrong(truth)));
            }
            None => {}
        }
    }
    let truth = execute(inner, task, node, operands, control)?;
    Ok(match truth == output[..] {
        true => (How::Executed, Verdict::Right),
        false => (How::Executed, Verdict::Wrong(truth)),
    })
}

/// Whether `output` is the product that `op` says, by keyed Freivalds. `None` if that
/// can't be checked so: the sums were requantised, or a bias may have clipped them.
fn is_product(
    op: &MatMul,
    k: usize,
    operands: &[Bytes],
    output: &[u8],
    key: &Key,
    context: &[u8],
) -> Option<bool> {
    if op.epilogue != Epilogue::Raw {
        return None;
    }
    let mut operands = operands.iter();
    let (a, b) = (signed(operands.next()?), signed(operands.next()?));
    let per_column = match op.zb {
        Zero::Tensor(_) => Vec::new(),
        Zero::Channel => signed(operands.next()?),
    };
    let zb = match op.zb {
        Zero::Tensor(zb) => ZeroPoint::All(zb),
        Zero::Channel => ZeroPoint::PerColumn(&per_column),
    };
    let bias: Option<Vec<i32>> = match op.params {
        // A bias and a packed scale for each column.
        true => Some(words(operands.next()?).into_iter().step_by(2).collect()),
        false => None,
    };
    let right = Right::new(&b, k, op.za, zb, bias.as_deref()).ok()?;
    let check = Check::new(key, context, &right);
    let c = words(output);
    // Rows are independent, so threads take blocks of them.
    let rows = (a.len() / k).div_ceil(rayon::current_num_threads()).max(1);
    let pieces = a.par_chunks(rows * k).zip(c.par_chunks(rows * right.n()));
    let wrong: Option<Vec<bool>> = pieces
        .map(|(a, c)| Some(check.first_wrong_row(a, c).ok()?.is_some()))
        .collect();
    Some(!wrong?.contains(&true))
}

fn signed(bytes: &[u8]) -> Vec<i8> {
    bytes.iter().map(|byte| *byte as i8).collect()
}

fn words(bytes: &[u8]) -> Vec<i32> {
    let words = bytes.as_chunks::<4>().0;
    words.iter().map(|word| i32::from_le_bytes(*word)).collect()
}

/// Runs one node over these operands.
fn execute(
    inner: &Inner,
    task: &Task,
    node: u16,
    operands: &[Bytes],
    control: &dyn Control,
) -> Result<Vec<u8>, BackendError> {
    let program = task.program();
    let bug = || BackendError::Bug(format!("node {node} can't be run alone"));
    let part = Part::alone(program, node).ok_or_else(bug)?;
    let found = program
        .program()
        .nodes
        .get(usize::from(node))
        .ok_or_else(bug)?;
    let named = found.operands.iter().zip(operands);
    let mut input = Vec::new();
    for wanted in &part.inputs {
        let bytes = named.clone().find(|(operand, _)| *operand == wanted);
        input.extend_from_slice(bytes.ok_or_else(bug)?.1);
    }
    let weights: Vec<&[u8]> = part
        .weights
        .iter()
        .map(|wanted| {
            let bytes = named.clone().find(|(operand, _)| match operand {
                Operand::Const(index) => {
                    program.root_constant_index(usize::from(*index)) == Some(*wanted)
                }
                _ => false,
            });
            bytes.map(|(_, bytes)| &bytes[..])
        })
        .collect::<Option<_>>()
        .ok_or_else(bug)?;
    let run = Run {
        program: &part.program,
        batch: task.ticket().batch,
        input: &input,
        weights: &weights,
        roots: &[],
    };
    let needed = inner
        .backend
        .plan_bytes(&part.program, run.batch)
        .unwrap_or(u64::MAX);
    if needed > inner.settings.limits.memory {
        return Err(BackendError::DeviceMemory {
            bytes: needed,
            free: inner.settings.limits.memory,
        });
    }
    inner.backend.run(run, control)?.take(0).ok_or_else(bug)
}
