//! One node: what is prepared once a run, and how its output is made.

use super::{linear, spread::Team};
use crate::backend::{op_name, BackendError};
use athanor_exact_kernels::{
    element::{self, Channels, Side, Table16},
    gemm::Width,
    layout::Permutation,
    rows::{self, Norm, Scratch},
};
use athanor_tensor_program::{
    interpret,
    ops::{self, Scale},
    validate, Constant, DType, Node, Op, Operand, Program, RunError, Shape, TensorType, Validated,
};
use std::cell::RefCell;

/// An operand: all bytes of a constant, or those of the samples at hand.
#[derive(Clone, Copy)]
pub(super) struct Arg<'a> {
    pub(super) ty: &'a TensorType,
    pub(super) bytes: &'a [u8],
    pub(super) constant: bool,
}

/// A node came to nothing.
#[derive(Debug)]
pub(super) enum Failed {
    /// Operands or output are not as validated.
    Shape,
    /// The reference said so.
    Reference(RunError),
}

impl Failed {
    pub(super) fn at(self, index: usize, node: &Node) -> BackendError {
        let op = op_name(&node.op);
        match self {
            Failed::Shape => BackendError::Bug(format!(
                "node {index} ({op}): operands are not as validated"
            )),
            Failed::Reference(RunError::OutOfMemory { bytes, .. }) => BackendError::OutOfMemory {
                node: index,
                op,
                bytes,
            },
            Failed::Reference(error) => BackendError::Bug(format!(
                "node {index} ({op}): the reference failed: {error}"
            )),
        }
    }
}

/// What is made of a node's attributes and constants before the run.
pub(super) enum Prepared {
    /// Its bytes are an earlier node's.
    Alias,
    /// Nothing beyond the node itself.
    Plain,
    Linear(linear::Linear),
    Conv(linear::Conv),
    Product(linear::Product),
    Channels(Channels),
    Table(Table16),
    Norm(Norm),
    Axes(Permutation),
    Reference(Box<Reference>),
}

pub(super) fn width(dtype: DType) -> Width {
    match dtype {
        DType::I8 => Width::I8,
        DType::I16 => Width::I16,
        DType::I32 => Width::I32,
    }
}

pub(super) fn size(axis: u32) -> usize {
    axis as usize
}

fn shape(ty: &TensorType) -> Vec<usize> {
    ty.shape.0.iter().copied().map(size).collect()
}

fn elements(ty: &TensorType) -> usize {
    shape(ty).iter().product()
}

fn last(ty: &TensorType) -> usize {
    ty.shape.last().map_or(1, size)
}

pub(super) fn requant(r: &ops::Requant) -> element::Requant {
    element::Requant {
        m: r.m,
        s: r.s,
        z: r.z,
        lo: r.lo,
        hi: r.hi,
        out: width(r.out),
    }
}

fn constant<'a>(node: &Node, operand: usize, constants: &[&'a [u8]]) -> Option<&'a [u8]> {
    match node.operands.get(operand)? {
        Operand::Const(index) => constants.get(usize::from(*index)).copied(),
        _ => None,
    }
}

impl Prepared {
    /// What node `index` needs. `None` if the program is not as validated.
    pub(super) fn new(
        program: &Validated,
        index: usize,
        constants: &[&[u8]],
        chunk: usize,
        team: &Team<'_>,
    ) -> Option<Prepared> {
        let node = program.program().nodes.get(index)?;
        let ty = |operand: usize| program.operand_type(*node.operands.get(operand)?);
        Some(match &node.op {
            Op::Reshape(_) => Prepared::Alias,
            Op::MatMul(op) => {
                Prepared::Linear(linear::Linear::new(op, program, node, constants, team)?)
            }
            Op::BatchMatMul(op) => {
                Prepared::Product(linear::Product::new(op, program, node, constants)?)
            }
            Op::Conv2d(op) => Prepared::Conv(linear::Conv::new(
                op,
                program,
                node,
                constants,
                program.node_type(index)?,
                team,
            )?),
            Op::Requantize(op) => match op.scale {
                Scale::Tensor { .. } => Prepared::Plain,
                Scale::Channel => {
                    Prepared::Channels(Channels::new(constant(node, 1, constants)?, op.zx))
                }
            },
            Op::Lut16(_) => Prepared::Table(Table16::new(constant(node, 1, constants)?)),
            Op::LayerNorm(op) => Prepared::Norm(Norm::new(
                None,
                op.e,
                optional(op.params, || constant(node, 1, constants))?,
                requant(&op.requant),
            )),
            Op::RmsNorm(op) => Prepared::Norm(Norm::new(
                Some(op.zx),
                op.e,
                optional(op.params, || constant(node, 1, constants))?,
                requant(&op.requant),
            )),
            Op::Transpose(op) => {
                let x = ty(0)?;
                let perm: Vec<usize> = op.perm.iter().copied().map(usize::from).collect();
                Prepared::Axes(Permutation::new(&shape(x), &perm, width(x.dtype))?)
            }
            Op::Add(_)
            | Op::Mul(_)
            | Op::Select(_)
            | Op::Clamp(_)
            | Op::Abs(_)
            | Op::AddBias(_)
            | Op::Lut8(_)
            | Op::RowSum(_)
            | Op::RowMax(_)
            | Op::RowMean(_)
            | Op::Softmax(_)
            | Op::Gather(_)
            | Op::Slice(_)
            | Op::Concat(_)
            | Op::MaxPool2d(_)
            | Op::AvgPool2d(_) => Prepared::Plain,
            _ => Prepared::Reference(Box::new(Reference::new(program, node, chunk)?)),
        })
    }
}

/// What `make` makes, if it is wanted; `None` if it is wanted and cannot be made.
pub(super) fn optional<T>(wanted: bool, make: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
    match wanted {
        true => make().map(Some),
        false => Some(None),
    }
}

/// Bytes of what [`Prepared::new`] makes, at most.
pub(super) fn prepared_bytes(program: &Validated, index: usize) -> Option<u64> {
    let node = program.program().nodes.get(index)?;
    let ty = |operand: usize| program.operand_type(*node.operands.get(operand)?);
    let bytes = match &node.op {
        Op::MatMul(_) => linear::linear_bytes(ty(1)?),
        Op::Conv2d(op) => linear::conv_bytes(op, ty(1)?),
        Op::BatchMatMul(_) => 1_024,
        Op::Requantize(_) => Channels::bytes(last(ty(0)?)),
        Op::Lut16(_) => Table16::BYTES,
        Op::LayerNorm(_) | Op::RmsNorm(_) => Norm::bytes(last(ty(0)?)),
        _ => 0,
    };
    u64::try_from(bytes).ok()
}

/// Bytes that making `samples` samples of a node takes beside its operands and its
/// output, at most.
pub(super) fn working_bytes(
    program: &Validated,
    index: usize,
    samples: usize,
    threads: usize,
) -> Option<usize> {
    let node = program.program().nodes.get(index)?;
    let ty = |operand: usize| program.operand_type(*node.operands.get(operand)?);
    let bytes = match &node.op {
        Op::MatMul(_) => linear::rows_bytes(last(ty(0)?), ty(0)?.dtype == DType::I16),
        Op::Conv2d(op) => linear::windows_bytes(op, ty(0)?, ty(1)?, program.node_type(index)?),
        Op::BatchMatMul(_) => linear::product_bytes(ty(0)?, ty(1)?),
        Op::Softmax(_) | Op::LayerNorm(_) | Op::RmsNorm(_) => Scratch::BYTES,
        Op::Rope(_) | Op::TopK(_) | Op::ArgMax(_) | Op::Pad(_) => {
            let mut sample = elements(program.node_type(index)?) * 4;
            for operand in &node.operands {
                if !matches!(operand, Operand::Const(_)) {
                    let ty = program.operand_type(*operand)?;
                    sample = sample.checked_add(usize::try_from(ty.bytes()?).ok()?)?;
                }
            }
            return sample.checked_mul(samples);
        }
        _ => 0,
    };
    bytes.checked_mul(threads)
}

thread_local! {
    static ROW: RefCell<Scratch> = RefCell::default();
}

/// Makes the output of `samples` samples of a node.
pub(super) fn compute(
    node: &Node,
    prepared: &Prepared,
    args: &[Arg<'_>],
    samples: usize,
    out: &mut [u8],
    team: &Team<'_>,
) -> Result<(), Failed> {
    let arg = |operand: usize| args.get(operand).ok_or(Failed::Shape);
    let level = team.level;
    match (&node.op, prepared) {
        (_, Prepared::Linear(linear)) => linear.run(arg(0)?.bytes, out, team),
        (_, Prepared::Product(product)) => {
            product.run(arg(0)?.bytes, arg(1)?.bytes, samples, out, team);
        }
        (_, Prepared::Conv(conv)) => conv.run(arg(0)?.bytes, samples, out, team),
        (_, Prepared::Reference(reference)) => return reference.run(args, samples, out, team),
        (Op::Requantize(op), Prepared::Channels(channels)) => {
            let x = arg(0)?;
            let (from, n) = (width(x.ty.dtype), last(x.ty));
            let r = element::Requant {
                m: 0,
                s: 0,
                z: op.z,
                lo: op.lo,
                hi: op.hi,
                out: width(op.out),
            };
            team.units(out, n * r.out.bytes(), |first, out| {
                let x = &x.bytes[first * n * from.bytes()..];
                element::requantize_rows(level, x, from, channels, r, out);
            });
        }
        (Op::Requantize(op), _) => {
            let Scale::Tensor { m, s } = op.scale else {
                return Err(Failed::Shape);
            };
            let x = arg(0)?;
            let from = width(x.ty.dtype);
            let r = element::Requant {
                m,
                s,
                z: op.z,
                lo: op.lo,
                hi: op.hi,
                out: width(op.out),
            };
            team.units(out, r.out.bytes(), |first, out| {
                let x = &x.bytes[first * from.bytes()..];
                element::requantize(level, x, from, op.zx, r, out);
            });
        }
        (Op::Clamp(op), _) => {
            let x = arg(0)?;
            let of = width(x.ty.dtype);
            team.units(out, of.bytes(), |first, out| {
                element::clamp(level, &x.bytes[first * of.bytes()..], of, op.lo, op.hi, out);
            });
        }
        (Op::Abs(_), _) => {
            let x = arg(0)?;
            let of = width(x.ty.dtype);
            team.units(out, of.bytes(), |first, out| {
                element::abs(level, &x.bytes[first * of.bytes()..], of, out);
            });
        }
        (Op::AddBias(_), _) => {
            let (x, bias) = (arg(0)?.bytes, arg(1)?.bytes);
            team.units(out, bias.len(), |first, out| {
                element::add_bias(level, &x[first * bias.len()..], bias, out);
            });
        }
        (Op::Lut8(_), _) => {
            let (x, table) = (arg(0)?, arg(1)?);
            let to = width(table.ty.dtype);
            team.units(out, to.bytes(), |first, out| {
                element::lut8(&x.bytes[first..], table.bytes, to, out);
            });
        }
        (Op::Lut16(_), Prepared::Table(table)) => {
            let x = arg(0)?.bytes;
            table.expect(level, x.len() / 2);
            team.units(out, 2, |first, out| {
                element::lut16(level, &x[first * 2..], table, out);
            });
        }
        (Op::Add(op), _) => {
            let sum = element::Sum {
                za: op.za,
                zb: op.zb,
                ma: op.ma,
                mb: op.mb,
                s: op.s,
                z: op.z,
                lo: op.lo,
                hi: op.hi,
                out: width(op.out),
            };
            let runs = Runs::new(&[arg(0)?, arg(1)?], samples).ok_or(Failed::Shape)?;
            runs.each(out, sum.out, team, |sides, out| {
                if let [a, b] = sides {
                    element::add(level, *a, *b, sum, out);
                }
            });
        }
        (Op::Mul(op), _) => {
            let r = requant(&op.requant);
            let runs = Runs::new(&[arg(0)?, arg(1)?], samples).ok_or(Failed::Shape)?;
            runs.each(out, r.out, team, |sides, out| {
                if let [a, b] = sides {
                    element::mul(level, *a, *b, op.za, op.zb, r, out);
                }
            });
        }
        (Op::Select(_), _) => {
            let all = [arg(0)?, arg(1)?, arg(2)?];
            let runs = Runs::new(&all, samples).ok_or(Failed::Shape)?;
            runs.each(out, width(all[1].ty.dtype), team, |sides, out| {
                if let [c, a, b] = sides {
                    element::select(level, *c, *a, *b, out);
                }
            });
        }
        (Op::RowSum(op), _) => {
            let x = arg(0)?;
            let (of, n) = (width(x.ty.dtype), last(x.ty));
            team.units(out, 4, |first, out| {
                let x = &x.bytes[first * n * of.bytes()..];
                rows::row_sum(level, x, of, n, op.zx, out);
            });
        }
        (Op::RowMax(_), _) => {
            let x = arg(0)?;
            let (of, n) = (width(x.ty.dtype), last(x.ty));
            team.units(out, of.bytes(), |first, out| {
                rows::row_max(level, &x.bytes[first * n * of.bytes()..], of, n, out);
            });
        }
        (Op::RowMean(op), _) => {
            let x = arg(0)?;
            let (of, n) = (width(x.ty.dtype), last(x.ty));
            let r = requant(&op.requant);
            let sample = elements(x.ty) / n;
            let mask = if op.mask { Some(arg(1)?.bytes) } else { None };
            team.units(out, sample * r.out.bytes(), |first, out| {
                for (index, out) in out.chunks_mut(sample * r.out.bytes()).enumerate() {
                    let at = first + index;
                    let x = &x.bytes[at * sample * n * of.bytes()..];
                    let mask = mask.map(|mask| &mask[at * n..(at + 1) * n]);
                    rows::row_mean(level, x, of, n, op.zx, mask, r, out);
                }
            });
        }
        (Op::Softmax(op), _) => {
            let x = arg(0)?;
            let (of, n) = (width(x.ty.dtype), last(x.ty));
            let mask = if op.mask { Some(arg(1)?.bytes) } else { None };
            let sample = elements(x.ty) / n;
            let axes = shape(x.ty);
            let queries = axes.len().checked_sub(2).map_or(1, |axis| axes[axis]);
            let softmax = rows::Softmax {
                fine: &op.fine,
                coarse: op.coarse.as_deref(),
                requant: requant(&op.requant),
            };
            let bytes = n * softmax.requant.out.bytes();
            team.units(out, bytes, |first, out| {
                ROW.with_borrow_mut(|scratch| {
                    for (index, out) in out.chunks_mut(bytes).enumerate() {
                        let row = first + index;
                        let x = &x.bytes[row * n * of.bytes()..(row + 1) * n * of.bytes()];
                        let mask = mask.map(|mask| &mask[row / sample * n..(row / sample + 1) * n]);
                        let limit = match op.causal {
                            true => row % queries + n - queries + 1,
                            false => n,
                        };
                        rows::softmax(level, scratch, x, of, mask, limit, softmax, out);
                    }
                });
            });
        }
        (Op::LayerNorm(_) | Op::RmsNorm(_), Prepared::Norm(norm)) => {
            let x = arg(0)?;
            let (of, n) = (width(x.ty.dtype), last(x.ty));
            let bytes = n * norm.out().bytes();
            team.units(out, bytes, |first, out| {
                ROW.with_borrow_mut(|scratch| {
                    for (index, out) in out.chunks_mut(bytes).enumerate() {
                        let row = first + index;
                        let x = &x.bytes[row * n * of.bytes()..(row + 1) * n * of.bytes()];
                        rows::norm(level, scratch, x, of, norm, out);
                    }
                });
            });
        }
        (Op::Transpose(_), Prepared::Axes(permutation)) => {
            let x = arg(0)?;
            let (axes, bytes) = (permutation, x.bytes.len() / samples);
            team.units(out, bytes, |first, out| {
                for (index, out) in out.chunks_mut(bytes).enumerate() {
                    let at = first + index;
                    axes.apply(&x.bytes[at * bytes..(at + 1) * bytes], out);
                }
            });
        }
        (Op::Gather(_), _) => {
            let (table, index) = (arg(0)?, arg(1)?);
            let of = width(index.ty.dtype);
            let most = (table.ty.shape.0.first().copied().map_or(1, size) - 1) as i64;
            let bytes = table.bytes.len() / (most as usize + 1);
            team.units(out, bytes, |first, out| {
                for (at, out) in out.chunks_mut(bytes).enumerate() {
                    let row = element::value(index.bytes, of, first + at);
                    let row = i64::from(row).clamp(0, most) as usize;
                    out.copy_from_slice(&table.bytes[row * bytes..(row + 1) * bytes]);
                }
            });
        }
        (Op::Slice(op), _) => {
            let x = arg(0)?;
            let axes = shape(x.ty);
            let axis = usize::from(op.axis);
            let w = width(x.ty.dtype).bytes();
            let inner = axes[axis + 1..].iter().product::<usize>() * w;
            let (len, start, step) = (size(op.len), size(op.start), size(op.step));
            team.units(out, len * inner, |first, out| {
                for (index, out) in out.chunks_mut(len * inner).enumerate() {
                    let from = ((first + index) * axes[axis] + start) * inner;
                    for (index, out) in out.chunks_mut(inner).enumerate() {
                        let from = from + index * step * inner;
                        out.copy_from_slice(&x.bytes[from..from + inner]);
                    }
                }
            });
        }
        (Op::Concat(op), _) => {
            let axis = usize::from(op.axis);
            let mut parts = Vec::with_capacity(args.len());
            for arg in args {
                let axes = shape(arg.ty);
                let bytes = axes[axis..].iter().product::<usize>() * width(arg.ty.dtype).bytes();
                // A constant starts over with every sample.
                let repeat = match arg.constant {
                    true => axes[..axis].iter().product(),
                    false => usize::MAX,
                };
                parts.push((arg.bytes, bytes, repeat));
            }
            let whole = parts.iter().map(|(_, bytes, _)| bytes).sum();
            team.units(out, whole, |first, out| {
                for (index, out) in out.chunks_mut(whole).enumerate() {
                    let mut out = out;
                    for (from, bytes, repeat) in &parts {
                        let at = (first + index) % repeat * bytes;
                        let (this, rest) = out.split_at_mut(*bytes);
                        this.copy_from_slice(&from[at..at + bytes]);
                        out = rest;
                    }
                }
            });
        }
        (Op::MaxPool2d(op), _) => linear::max_pool(op, arg(0)?, out, team),
        (Op::AvgPool2d(op), _) => linear::avg_pool(op, arg(0)?, out, team),
        _ => return Err(Failed::Shape),
    }
    Ok(())
}

/// Operands of one broadcast, walked in runs along which each either moves with the
/// output or stands still.
struct Runs<'a> {
    /// Lengths of the joined axes, outermost first, the last one the run.
    axes: Vec<usize>,
    /// For each operand its bytes, its type and its stride on each axis.
    operands: Vec<(&'a [u8], Width, Vec<usize>)>,
}

impl<'a> Runs<'a> {
    /// `None` if the shapes do not fit.
    fn new(args: &[&Arg<'a>], samples: usize) -> Option<Runs<'a>> {
        let rank = args.iter().map(|arg| arg.ty.shape.0.len()).max()?;
        let shapes: Vec<Vec<usize>> = args
            .iter()
            .map(|arg| {
                let mut axes = vec![if arg.constant { 1 } else { samples }];
                axes.resize(1 + rank - arg.ty.shape.0.len(), 1);
                axes.extend(shape(arg.ty));
                axes
            })
            .collect();
        let len = |axis: usize| shapes.iter().map(|shape| shape[axis]).max().unwrap_or(1);
        let out: Vec<usize> = (0..=rank).map(len).collect();
        let strides: Vec<Vec<usize>> = shapes
            .iter()
            .map(|shape| {
                let mut strides = vec![0; shape.len()];
                let mut next = 1usize;
                for axis in (0..shape.len()).rev() {
                    strides[axis] = if shape[axis] == 1 { 0 } else { next };
                    next *= shape[axis];
                }
                strides
            })
            .collect();
        let mut axes: Vec<usize> = Vec::new();
        let mut joined: Vec<Vec<usize>> = vec![Vec::new(); args.len()];
        for axis in (0..out.len()).rev().filter(|axis| out[*axis] != 1) {
            let joins = match axes.last() {
                None => false,
                Some(len) => joined
                    .iter()
                    .zip(&strides)
                    .all(|(joined, stride)| joined.last().is_some_and(|s| s * len == stride[axis])),
            };
            match axes.last_mut() {
                Some(len) if joins => *len *= out[axis],
                _ => {
                    axes.push(out[axis]);
                    for (joined, strides) in joined.iter_mut().zip(&strides) {
                        joined.push(strides[axis]);
                    }
                }
            }
        }
        if axes.is_empty() {
            axes.push(1);
            joined.iter_mut().for_each(|strides| strides.push(0));
        }
        axes.reverse();
        let operands = args
            .iter()
            .zip(joined)
            .map(|(arg, mut strides)| {
                strides.reverse();
                (arg.bytes, width(arg.ty.dtype), strides)
            })
            .collect();
        Some(Runs { axes, operands })
    }

    /// Calls `f` with the operands of parts of runs, and that part of `out`.
    fn each(
        &self,
        out: &mut [u8],
        to: Width,
        team: &Team<'_>,
        f: impl Fn(&[Side<'_>], &mut [u8]) + Sync,
    ) {
        let run = self.axes.last().copied().unwrap_or(1);
        let outer = &self.axes[..self.axes.len() - 1];
        team.units(out, to.bytes(), |first, out| {
            let (mut at, mut out) = (first, out);
            while !out.is_empty() {
                let inside = at % run;
                let count = (run - inside).min(out.len() / to.bytes());
                let (this, rest) = out.split_at_mut(count * to.bytes());
                let mut sides = [Side {
                    bytes: &[],
                    width: Width::I8,
                    one: true,
                }; 3];
                for (side, (bytes, of, strides)) in sides.iter_mut().zip(&self.operands) {
                    let mut index = at / run;
                    let step = strides.last().copied().unwrap_or(0);
                    let mut from = inside * step;
                    for (len, stride) in outer.iter().zip(strides).rev() {
                        from += index % len * stride;
                        index /= len;
                    }
                    *side = Side {
                        bytes: &bytes[from * of.bytes()..],
                        width: *of,
                        one: step == 0,
                    };
                }
                f(&sides[..self.operands.len()], this);
                (at, out) = (at + count, rest);
            }
        });
    }
}

/// A program of one node, for the reference interpreter.
pub(super) struct Reference {
    program: Validated,
    /// The node's operands that are inputs of the program, in the program's order.
    inputs: Vec<usize>,
    /// The node's operands that are constants of the program.
    constants: Vec<usize>,
}

impl Reference {
    fn new(program: &Validated, node: &Node, samples: usize) -> Option<Reference> {
        let ty = |operand: usize| program.operand_type(*node.operands.get(operand)?).cloned();
        let constant = |operand: &usize| matches!(node.operands[*operand], Operand::Const(_));
        let (constants, mut inputs): (Vec<usize>, Vec<usize>) =
            (0..node.operands.len()).partition(constant);
        // Inputs are declared from the widest type to the narrowest.
        inputs.sort_by_key(|operand| {
            std::cmp::Reverse(ty(*operand).map_or(0, |ty| ty.dtype.width()))
        });
        let types =
            |operands: &[usize]| operands.iter().map(|o| ty(*o)).collect::<Option<Vec<_>>>();
        let place = |operand: usize| {
            let at = |list: &[usize]| list.iter().position(|o| *o == operand);
            match at(&inputs) {
                Some(index) => Some(Operand::Input(u16::try_from(index).ok()?)),
                None => Some(Operand::Const(u16::try_from(at(&constants)?).ok()?)),
            }
        };
        let single = Program {
            version: program.program().version,
            max_batch: u32::try_from(samples).ok()?,
            inputs: types(&inputs)?,
            constants: types(&constants)?
                .into_iter()
                .map(|ty| Constant::Root { ty })
                .collect(),
            nodes: vec![Node {
                op: node.op.clone(),
                operands: (0..node.operands.len()).map(place).collect::<Option<_>>()?,
            }],
            outputs: vec![0],
        };
        Some(Reference {
            program: validate(&single).ok()?,
            inputs,
            constants,
        })
    }

    fn run(
        &self,
        args: &[Arg<'_>],
        samples: usize,
        out: &mut [u8],
        team: &Team<'_>,
    ) -> Result<(), Failed> {
        let weights: Vec<&[u8]> = self
            .constants
            .iter()
            .map(|operand| args[*operand].bytes)
            .collect();
        let sample = out.len() / samples;
        let failed = std::sync::Mutex::new(None);
        team.units(out, sample, |first, out| {
            let count = out.len() / sample;
            let mut input = Vec::new();
            for operand in &self.inputs {
                let bytes = args[*operand].bytes;
                let size = bytes.len() / samples;
                input.extend_from_slice(&bytes[first * size..(first + count) * size]);
            }
            match interpret(&self.program, count as u32, &input, &weights) {
                Ok(made) => out.copy_from_slice(made.node(0)),
                Err(error) => {
                    *failed
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                }
            }
        });
        match failed
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
        {
            None => Ok(()),
            Some(error) => Err(Failed::Reference(error)),
        }
    }
}

/// The shape of an operand that must have this many axes.
pub(super) fn axes<const N: usize>(ty: &TensorType) -> Option<[usize; N]> {
    let Shape(axes) = &ty.shape;
    let axes: Vec<usize> = axes.iter().copied().map(size).collect();
    axes.try_into().ok()
}
