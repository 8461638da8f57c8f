//! Checking a claim whose tensors are at hand, node by node.
//!
//! Every node is checked against its *claimed* operands. A product that puts out its
//! exact sums, with a constant or of two activations, is checked by keyed Freivalds,
//! at a small part of what it takes to multiply, if it has enough rows for that to be
//! less. Everything else, convolutions and products with a fused requantisation among
//! them, is executed: what was requantised no longer tells the sums. The first node
//! that fails is computed, and its true root takes the place of the claimed one in the
//! receipt: from there on the dispute goes as any other.

use super::{lock, Attempt, DeviceRun, Inner, Report, Stop};
use crate::{
    backend::{BackendError, Control, Run},
    engine::{Blob, Checked, Failure, FailureCode, Outcome, Task},
    part::{alias, Part},
};
use athanor_freivalds::{multiplications, Check, Key, Right, ZeroPoint};
use athanor_primitives::Root;
use athanor_tensor_program::{
    ops::{BatchMatMul, Epilogue, MatMul, ZeroPoint as Zero},
    Constant, Node, Op, Operand, Shape, Validated,
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
    if let Some(found) = program.program().nodes.get(usize::from(node)) {
        // Which claim is checked: the vectors of another say nothing about it.
        let mut context = task.ticket().job.to_le_bytes().to_vec();
        context.extend_from_slice(&node.to_le_bytes());
        context.extend_from_slice(blake3::hash(output).as_bytes());
        if let Some(keyed) = product(program, found, operands, output, key, &context) {
            inner
                .metrics
                .keyed_multiplications
                .inc_by(keyed.multiplications);
            inner.metrics.spared_macs.inc_by(keyed.macs);
            if keyed.right {
                return Ok((How::Product, Verdict::Right));
            }
            let truth = execute(inner, task, node, operands, control)?;
            return Ok((How::Product, Verdict::Wrong(truth)));
        }
    }
    let truth = execute(inner, task, node, operands, control)?;
    Ok(match truth == output[..] {
        true => (How::Executed, Verdict::Right),
        false => (How::Executed, Verdict::Wrong(truth)),
    })
}

/// What a keyed check found, and what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Keyed {
    /// Whether the claimed product is the true one.
    right: bool,
    /// Multiplications of the check.
    multiplications: u64,
    /// Multiply-accumulates of the product.
    macs: u64,
}

/// Whether `output` is the product that `node` says, by keyed Freivalds. `None` if that
/// can't be checked so: no product, its sums were requantised, or a bias may have
/// clipped them; or if it would take no fewer multiplications than the product.
fn product(
    program: &Validated,
    node: &Node,
    operands: &[Bytes],
    output: &[u8],
    key: &Key,
    context: &[u8],
) -> Option<Keyed> {
    let shape = |at: usize| Some(&program.operand_type(*node.operands.get(at)?)?.shape);
    match &node.op {
        Op::MatMul(op) if op.epilogue == Epilogue::Raw => {
            let k = usize::try_from(shape(0)?.last()?).ok()?;
            matmul(op, k, operands, output, key, context)
        }
        Op::BatchMatMul(op) if op.epilogue == Epilogue::Raw => {
            let heads = Heads::new(shape(0)?, shape(1)?)?;
            batch_matmul(op, &heads, operands, output, key, context)
        }
        _ => None,
    }
}

/// The counts of a check of `m` rows, `None` if the product takes as few.
fn worth(m: usize, n: usize, k: usize) -> Option<Keyed> {
    let [m, n, k] = [m, n, k].map(|side| u64::try_from(side).unwrap_or(u64::MAX));
    let keyed = Keyed {
        right: true,
        multiplications: multiplications(m, n, k),
        macs: m.saturating_mul(n).saturating_mul(k),
    };
    (keyed.multiplications < keyed.macs).then_some(keyed)
}

fn matmul(
    op: &MatMul,
    k: usize,
    operands: &[Bytes],
    output: &[u8],
    key: &Key,
    context: &[u8],
) -> Option<Keyed> {
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
    let m = a.len().checked_div(k)?;
    let keyed = worth(m, right.n(), k)?;
    let check = Check::new(key, context, &right);
    let c = words(output);
    // Rows are independent, so threads take blocks of them.
    let rows = m.div_ceil(rayon::current_num_threads()).max(1);
    let pieces = a.par_chunks(rows * k).zip(c.par_chunks(rows * right.n()));
    let wrong: Option<Vec<bool>> = pieces
        .map(|(a, c)| Some(check.first_wrong_row(a, c).ok()?.is_some()))
        .collect();
    Some(Keyed {
        right: !wrong?.contains(&true),
        ..keyed
    })
}

/// How the heads of a product of two activations lie: those of a sample one after the
/// other, and several on the left that share one on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heads {
    m: usize,
    n: usize,
    k: usize,
    /// Left heads for each right one.
    group: usize,
    /// Heads for each index of the first axis.
    rest: usize,
}

impl Heads {
    /// Of `a[h…,M,K]` and `b[h'…,N,K]`; `None` unless the shapes fit.
    fn new(a: &Shape, b: &Shape) -> Option<Heads> {
        let ([a_heads @ .., m, k], [b_heads @ .., n, inner]) = (a.0.as_slice(), b.0.as_slice())
        else {
            return None;
        };
        let size = |side: &u32| usize::try_from(*side).ok();
        let (group, rest) = match (a_heads, b_heads) {
            ([], []) => (1, 1),
            ([first, rest @ ..], [shared, b_rest @ ..]) if rest == b_rest => {
                let group = first.checked_div(*shared)?;
                if group.checked_mul(*shared) != Some(*first) {
                    return None;
                }
                let rest = rest
                    .iter()
                    .try_fold(1usize, |all, axis| all.checked_mul(size(axis)?))?;
                (size(&group)?, rest)
            }
            _ => return None,
        };
        let heads = Heads {
            m: size(m)?,
            n: size(n)?,
            k: size(k)?,
            group,
            rest,
        };
        (k == inner && heads.m > 0 && heads.n > 0 && heads.k > 0 && rest > 0).then_some(heads)
    }

    /// The left heads, counted over all samples, that use this right one.
    fn left(&self, right: usize) -> impl Iterator<Item = usize> + '_ {
        // Sample and first axis of the right side are one count: a group of the left
        // side follows the other in the same order.
        let (shared, inner) = (right / self.rest, right % self.rest);
        (0..self.group).map(move |at| (shared * self.group + at) * self.rest + inner)
    }
}

fn batch_matmul(
    op: &BatchMatMul,
    heads: &Heads,
    operands: &[Bytes],
    output: &[u8],
    key: &Key,
    context: &[u8],
) -> Option<Keyed> {
    let Heads { m, n, k, group, .. } = *heads;
    let [a, b] = operands else { return None };
    let (a, b, c) = (signed(a), signed(b), words(output));
    let each = worth(m.checked_mul(group)?, n, k)?;
    let (left, right) = (m.checked_mul(k)?, n.checked_mul(k)?);
    let size = m.checked_mul(n)?;
    let verdicts: Option<Vec<bool>> = b
        .par_chunks(right)
        .enumerate()
        .map(|(index, b)| {
            let right = Right::new(b, k, op.za, ZeroPoint::All(op.zb), None).ok()?;
            let mut context = context.to_vec();
            context.extend_from_slice(&u64::try_from(index).ok()?.to_le_bytes());
            let check = Check::new(key, &context, &right);
            for head in heads.left(index) {
                let a = a.chunks_exact(left).nth(head)?;
                let c = c.chunks_exact(size).nth(head)?;
                if check.first_wrong_row(a, c).ok()?.is_some() {
                    return Some(false);
                }
            }
            Some(true)
        })
        .collect();
    let verdicts = verdicts?;
    let count = u64::try_from(verdicts.len()).ok()?;
    // Every left head has to have had its turn.
    if a.len() != verdicts.len().checked_mul(group)?.checked_mul(left)? {
        return None;
    }
    Some(Keyed {
        right: !verdicts.contains(&false),
        multiplications: each.multiplications.saturating_mul(count),
        macs: each.macs.saturating_mul(count),
    })
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
    let free = inner.settings.limits.run_memory();
    if needed > free {
        return Err(BackendError::DeviceMemory {
            bytes: needed,
            free,
        });
    }
    inner.backend.run(run, control)?.take(0).ok_or_else(bug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_left_head_has_the_right_one_of_the_semantics() {
        for (a, b, samples) in [
            (vec![3, 5], vec![2, 5], 4),
            (vec![6, 3, 5], vec![6, 2, 5], 1),
            (vec![6, 3, 5], vec![2, 2, 5], 3),
            (vec![4, 3, 2, 5], vec![2, 3, 4, 5], 2),
        ] {
            let first = |shape: &[u32]| {
                if shape.len() > 2 {
                    shape[0] as usize
                } else {
                    1
                }
            };
            let (ha, hb) = (first(&a), first(&b));
            let heads = Heads::new(&Shape(a.clone()), &Shape(b.clone())).unwrap();
            let mut seen = vec![None; samples * ha * heads.rest];
            for right in 0..samples * hb * heads.rest {
                for left in heads.left(right) {
                    assert_eq!(seen[left].replace(right), None);
                }
            }
            // h' is h with its first index ⌊h·Hb/Ha⌋, sample by sample.
            for (left, right) in seen.into_iter().enumerate() {
                let (row, inner) = (left / heads.rest, left % heads.rest);
                let (sample, h) = (row / ha, row % ha);
                let expected = (sample * hb + h * hb / ha) * heads.rest + inner;
                assert_eq!(right, Some(expected), "{a:?} {b:?}");
            }
        }
        for (a, b) in [
            (vec![3, 5], vec![2, 4]),
            (vec![5], vec![5]),
            (vec![3, 2, 5], vec![2, 2, 5]),
            (vec![2, 2, 5], vec![4, 2, 5]),
            (vec![2, 2, 5], vec![2, 5]),
            (vec![2, 3, 2, 5], vec![2, 2, 2, 5]),
        ] {
            assert_eq!(Heads::new(&Shape(a), &Shape(b)), None);
        }
    }

    #[test]
    fn a_check_that_spares_nothing_is_not_made() {
        assert_eq!(worth(1, 768, 3_072), None);
        assert_eq!(worth(2, 1, 1), None);
        let keyed = worth(1_024, 768, 3_072).unwrap();
        assert!(keyed.macs / keyed.multiplications >= 300);
    }
}
