//! From a program to its schedule.

mod linear;
mod rows;
mod shape;

use super::{
    kernels::{Kernel, Params},
    schedule::{At, Buf, Buffer, Launch, NodePlan, Schedule, Source, Step},
};
use athanor_tensor_program::{
    ops::{Requant, Scale},
    Constant, DType, Op, Operand, Validated,
};
use std::collections::HashMap;

/// Which products go to cuBLASLt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Library {
    /// None: the library is not there.
    #[default]
    Never,
    /// Those that leave i32 sums with nothing to be done to them.
    Sums,
    /// All it can do, with the rest done by a kernel of ours afterwards. To measure and to test.
    Always,
}

/// How a program is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What cuBLASLt does.
    pub library: Library,
    /// Products of at least this many tiles of 128 × 128 elements take large tiles.
    pub many_tiles: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            library: Library::Never,
            // Enough to keep a large device busy.
            many_tiles: 96,
        }
    }
}

/// A program met something lowering does not expect of a validated one: a bug.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node} ({op}) has operands that validation excludes, or is too large to address")]
pub struct Unexpected {
    /// Index of the node.
    pub node: usize,
    /// Its operator.
    pub op: &'static str,
}

/// The schedule of a program at a batch inside its range.
pub fn lower(program: &Validated, batch: u32, options: Options) -> Result<Schedule, Unexpected> {
    let mut lowering = Lowering {
        program,
        batch: u64::from(batch),
        options,
        room: Room::default(),
        given: HashMap::new(),
        bytes: HashMap::new(),
        outputs: Vec::new(),
    };
    let roots = lowering.scratch(32 * program.node_count() as u64);
    let mut nodes = Vec::with_capacity(program.node_count());
    for (index, node) in program.program().nodes.iter().enumerate() {
        let plan = lowering
            .node(index, &node.op, &node.operands, roots)
            .ok_or(Unexpected {
                node: index,
                op: node.op.name(),
            })?;
        nodes.push(plan);
    }
    Ok(Schedule {
        buffers: lowering.room.buffers,
        nodes,
        roots,
        outputs: program.outputs().iter().map(|o| usize::from(*o)).collect(),
    })
}

/// What hashes a tensor of `bytes` bytes that is there already, as the schedule of one node: for tests.
pub fn hash_steps(bytes: u64) -> Schedule {
    let mut lowering = Room::default();
    let output = lowering.scratch(bytes);
    let roots = lowering.scratch(32);
    lowering.hash(output.into(), bytes, roots.into());
    Schedule {
        buffers: lowering.buffers,
        nodes: vec![NodePlan {
            output,
            repeats: None,
            steps: Vec::new(),
            hash: lowering.steps,
        }],
        roots,
        outputs: vec![0],
    }
}

struct Lowering<'a> {
    program: &'a Validated,
    batch: u64,
    options: Options,
    room: Room,
    given: HashMap<Operand, Buf>,
    bytes: HashMap<Vec<u8>, Buf>,
    outputs: Vec<Buf>,
}

/// The buffers so far, and the steps since they were last taken.
#[derive(Default)]
struct Room {
    buffers: Vec<Buffer>,
    steps: Vec<Step>,
}

/// An operand of a node, as kernels need it.
#[derive(Clone, Debug)]
struct Tensor {
    at: At,
    dtype: DType,
    /// Axes, with the batch if it has one.
    axes: Vec<u64>,
}

impl Tensor {
    fn elements(&self) -> u64 {
        self.axes.iter().product()
    }

    fn width(&self) -> u64 {
        self.dtype.width()
    }

    /// Length of the last axis, and the product of the others.
    fn rows(&self) -> Option<(u64, u64)> {
        let (last, others) = self.axes.split_last()?;
        Some((*last, others.iter().product()))
    }
}

fn code(dtype: DType) -> u32 {
    match dtype {
        DType::I8 => 0,
        DType::I16 => 1,
        DType::I32 => 2,
    }
}

/// Elements from one index to the next, for each axis of a row-major tensor.
fn strides(axes: &[u64]) -> Vec<u64> {
    let mut strides = vec![1; axes.len()];
    for axis in (1..axes.len()).rev() {
        strides[axis - 1] = strides[axis] * axes[axis];
    }
    strides
}

impl Params {
    fn requant(self, r: &Requant) -> Self {
        self.i32(r.m.into())
            .u32(r.s.into())
            .i32(r.z)
            .i32(r.lo)
            .i32(r.hi)
            .u32(code(r.out))
    }

    /// A requantisation of which only the output type counts.
    fn only_type(self, out: DType) -> Self {
        self.clip(out, 0, 0)
    }

    /// A requantisation of which only the bounds and the output type count.
    fn clip(self, out: DType, lo: i32, hi: i32) -> Self {
        self.requant(&Requant {
            m: 0,
            s: 0,
            z: 0,
            lo,
            hi,
            out,
        })
    }
}

impl Room {
    fn buffer(&mut self, bytes: u64, source: Source) -> Buf {
        let index = self.buffers.len() as u32;
        self.buffers.push(Buffer { bytes, source });
        Buf(index)
    }

    fn scratch(&mut self, bytes: u64) -> Buf {
        self.buffer(bytes, Source::Nothing)
    }

    fn push(&mut self, launch: Launch) {
        self.steps.push(Step::Launch(launch));
    }

    /// BLAKE3 of `bytes` bytes, to `root`.
    fn hash(&mut self, at: At, bytes: u64, root: At) {
        const GROUP: u64 = 128;
        let mut count = bytes.div_ceil(1_024).max(1).div_ceil(GROUP);
        let target = |this: &mut Self, count: u64| {
            if count == 1 {
                root
            } else {
                this.scratch(32 * count).into()
            }
        };
        let mut values = target(self, count);
        self.push(Params::default().at(at).at(values).u64(bytes).launch(
            Kernel::Blake3Chunks,
            count,
            128,
        ));
        while count > 1 {
            let groups = count.div_ceil(GROUP);
            let next = target(self, groups);
            self.push(Params::default().at(values).at(next).u64(count).launch(
                Kernel::Blake3Tree,
                groups,
                128,
            ));
            (values, count) = (next, groups);
        }
    }
}

impl Lowering<'_> {
    fn scratch(&mut self, bytes: u64) -> Buf {
        self.room.scratch(bytes)
    }

    fn push(&mut self, launch: Launch) {
        self.room.push(launch);
    }

    /// A buffer with these bytes; the same bytes give the same buffer.
    fn constant(&mut self, bytes: Vec<u8>) -> Buf {
        if let Some(buf) = self.bytes.get(&bytes) {
            return *buf;
        }
        let buf = self
            .room
            .buffer(bytes.len() as u64, Source::Bytes(bytes.clone()));
        self.bytes.insert(bytes, buf);
        buf
    }

    fn tensor(&mut self, operand: Operand) -> Option<Tensor> {
        let ty = self.program.operand_type(operand)?.clone();
        let buf = match operand {
            Operand::Node(index) => *self.outputs.get(usize::from(index))?,
            Operand::Input(_) | Operand::Const(_) => match self.given.get(&operand) {
                Some(buf) => *buf,
                None => {
                    let buf = self.given_buffer(operand)?;
                    self.given.insert(operand, buf);
                    buf
                }
            },
        };
        let mut axes: Vec<u64> = ty.shape.0.iter().map(|axis| u64::from(*axis)).collect();
        if !matches!(operand, Operand::Const(_)) {
            axes.insert(0, self.batch);
        }
        Some(Tensor {
            at: buf.into(),
            dtype: ty.dtype,
            axes,
        })
    }

    fn given_buffer(&mut self, operand: Operand) -> Option<Buf> {
        match operand {
            Operand::Input(index) => {
                let batch = u32::try_from(self.batch).ok()?;
                let range = self.program.input_range(usize::from(index), batch)?;
                Some(
                    self.room
                        .buffer(range.end - range.start, Source::Input(range)),
                )
            }
            Operand::Const(index) => {
                let index = usize::from(index);
                match self.program.program().constants.get(index)? {
                    Constant::Inline { bytes, .. } => Some(self.constant(bytes.clone())),
                    Constant::Root { ty } => {
                        let weight = self.program.root_constant_index(index)?;
                        Some(self.room.buffer(ty.bytes()?, Source::Weight(weight)))
                    }
                }
            }
            Operand::Node(_) => None,
        }
    }

    fn node(
        &mut self,
        index: usize,
        op: &Op,
        operands: &[Operand],
        roots: Buf,
    ) -> Option<NodePlan> {
        if let (Op::Reshape(_), [Operand::Node(earlier)]) = (op, operands) {
            let repeats = usize::from(*earlier);
            let output = *self.outputs.get(repeats)?;
            self.outputs.push(output);
            return Some(NodePlan {
                output,
                repeats: Some(repeats),
                steps: Vec::new(),
                hash: Vec::new(),
            });
        }
        let args = operands
            .iter()
            .map(|operand| self.tensor(*operand))
            .collect::<Option<Vec<_>>>()?;
        let batch = u32::try_from(self.batch).ok()?;
        let bytes = self.program.node_len(index, batch)?;
        let output = self.scratch(bytes);
        let ty = self.program.node_type(index)?;
        let mut axes: Vec<u64> = ty.shape.0.iter().map(|axis| u64::from(*axis)).collect();
        axes.insert(0, self.batch);
        let out = Tensor {
            at: output.into(),
            dtype: ty.dtype,
            axes,
        };
        self.operator(op, &args, &out)?;
        self.outputs.push(output);
        let steps = std::mem::take(&mut self.room.steps);
        self.room.hash(
            output.into(),
            bytes,
            At::from(roots).plus(32 * index as u64),
        );
        let hash = std::mem::take(&mut self.room.steps);
        Some(NodePlan {
            output,
            repeats: None,
            steps,
            hash,
        })
    }

    fn operator(&mut self, op: &Op, args: &[Tensor], out: &Tensor) -> Option<()> {
        let x = args.first()?;
        match op {
            Op::MatMul(op) => self.matmul(op, args, out),
            Op::BatchMatMul(op) => self.batch_matmul(op, args, out),
            Op::Conv2d(op) => self.conv2d(op, args, out),
            Op::AddBias(_) => {
                let channels = *x.axes.last()?;
                let bias = args.get(1)?.at;
                self.map(Kernel::MapAddBias, x, out, Some(bias), channels, 0, |p| {
                    p.only_type(DType::I32)
                });
                Some(())
            }
            Op::Requantize(op) => {
                let clip = |m, s| Requant {
                    m,
                    s,
                    z: op.z,
                    lo: op.lo,
                    hi: op.hi,
                    out: op.out,
                };
                match op.scale {
                    Scale::Tensor { m, s } => {
                        self.map(Kernel::MapRequantize, x, out, None, 1, op.zx, |p| {
                            p.requant(&clip(m, s))
                        });
                    }
                    Scale::Channel => {
                        let (kernel, channels) = (Kernel::MapRequantizeChannel, *x.axes.last()?);
                        let params = args.get(1)?.at;
                        self.map(kernel, x, out, Some(params), channels, op.zx, |p| {
                            p.requant(&clip(0, 0))
                        });
                    }
                }
                Some(())
            }
            Op::Clamp(op) => {
                self.map(Kernel::MapClamp, x, out, None, 1, 0, |p| {
                    p.clip(out.dtype, op.lo, op.hi)
                });
                Some(())
            }
            Op::Abs(_) => {
                self.map(Kernel::MapAbs, x, out, None, 1, 0, |p| {
                    p.only_type(out.dtype)
                });
                Some(())
            }
            Op::Lut8(_) | Op::Lut16(_) => {
                let kernel = match op {
                    Op::Lut8(_) => Kernel::MapLut8,
                    _ => Kernel::MapLut16,
                };
                let table = args.get(1)?.at;
                self.map(kernel, x, out, Some(table), 1, 0, |p| {
                    p.only_type(out.dtype)
                });
                Some(())
            }
            Op::Add(op) => {
                let requant = Requant {
                    m: 0,
                    s: op.s,
                    z: op.z,
                    lo: op.lo,
                    hi: op.hi,
                    out: op.out,
                };
                let points = [op.za, op.zb, op.ma, op.mb];
                self.combine(Kernel::CombineAdd, args, None, out, points, &requant)
            }
            Op::Mul(op) => self.combine(
                Kernel::CombineMul,
                args,
                None,
                out,
                [op.za, op.zb, 0, 0],
                &op.requant,
            ),
            Op::Select(_) => {
                let (c, rest) = args.split_first()?;
                let requant = Requant {
                    m: 0,
                    s: 0,
                    z: 0,
                    lo: 0,
                    hi: 0,
                    out: out.dtype,
                };
                self.combine(Kernel::CombineSelect, rest, Some(c), out, [0; 4], &requant)
            }
            Op::RowSum(_)
            | Op::RowMax(_)
            | Op::RowMean(_)
            | Op::Softmax(_)
            | Op::LayerNorm(_)
            | Op::RmsNorm(_)
            | Op::ArgMax(_)
            | Op::TopK(_) => self.rows(op, args, out),
            Op::Transpose(_)
            | Op::Slice(_)
            | Op::Concat(_)
            | Op::Pad(_)
            | Op::Gather(_)
            | Op::Rope(_)
            | Op::MaxPool2d(_)
            | Op::AvgPool2d(_) => self.shape(op, args, out),
            // The same bytes under another shape, of something that is no node.
            _ => None,
        }
    }

    fn map(
        &mut self,
        kernel: Kernel,
        x: &Tensor,
        out: &Tensor,
        extra: Option<At>,
        channels: u64,
        zx: i32,
        requant: impl FnOnce(Params) -> Params,
    ) {
        let n = out.elements();
        let params = Params::default()
            .at(x.at)
            .at(out.at)
            .maybe(extra)
            .u64(n)
            .u64(channels)
            .u32(code(x.dtype))
            .i32(zx);
        self.push(requant(params).items(kernel, n / 4 + 1));
    }

    fn combine(
        &mut self,
        kernel: Kernel,
        args: &[Tensor],
        c: Option<&Tensor>,
        out: &Tensor,
        [za, zb, ma, mb]: [i32; 4],
        requant: &Requant,
    ) -> Option<()> {
        let [a, b] = args else { return None };
        let mut layouts = vec![
            broadcast(a, &out.axes)?,
            broadcast(b, &out.axes)?,
            match c {
                Some(c) => broadcast(c, &out.axes)?,
                None => vec![0; out.axes.len()],
            },
        ];
        let dims = merge(&out.axes, &mut layouts);
        let n = out.elements();
        let params = Params::default()
            .at(a.at)
            .at(b.at)
            .maybe(c.map(|c| c.at))
            .at(out.at)
            .u64(n)
            .u64s(&dims, 6)
            .u64s(&layouts[0], 6)
            .u64s(&layouts[1], 6)
            .u64s(&layouts[2], 6)
            .u32(dims.len() as u32)
            .u32(code(a.dtype))
            .u32(code(b.dtype))
            .i32(za)
            .i32(zb)
            .i32(ma)
            .i32(mb)
            .requant(requant);
        self.push(params.items(kernel, n.div_ceil(4)));
        Some(())
    }
}

/// Strides of an operand under the axes of the output, 0 where it is repeated.
fn broadcast(tensor: &Tensor, axes: &[u64]) -> Option<Vec<u64>> {
    let missing = axes.len().checked_sub(tensor.axes.len())?;
    let mut all = vec![0; missing];
    for ((stride, own), axis) in strides(&tensor.axes)
        .into_iter()
        .zip(&tensor.axes)
        .zip(axes.get(missing..)?)
    {
        match (*own, *axis) {
            (own, axis) if own == axis => all.push(stride),
            (1, _) => all.push(0),
            _ => return None,
        }
    }
    Some(all)
}

/// Joins axes that lie side by side in every layout, and leaves out those of length 1.
fn merge(axes: &[u64], layouts: &mut [Vec<u64>]) -> Vec<u64> {
    let mut dims: Vec<u64> = Vec::new();
    let mut merged: Vec<Vec<u64>> = vec![Vec::new(); layouts.len()];
    for (axis, length) in axes.iter().enumerate() {
        if *length == 1 {
            continue;
        }
        let joins = dims.last().is_some()
            && layouts
                .iter()
                .zip(&merged)
                .all(|(old, new)| new.last() == Some(&(old[axis] * length)));
        for (old, new) in layouts.iter().zip(&mut merged) {
            if joins {
                new.pop();
            }
            new.push(old[axis]);
        }
        match dims.last_mut() {
            Some(last) if joins => *last *= length,
            _ => dims.push(*length),
        }
    }
    if dims.is_empty() {
        dims.push(1);
        for layout in &mut merged {
            layout.push(1);
        }
    }
    for (layout, new) in layouts.iter_mut().zip(merged) {
        *layout = new;
    }
    dims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_side_by_side_are_merged_and_repeated_ones_are_not() {
        let mut layouts = vec![vec![60, 20, 5, 1], vec![60, 20, 5, 1]];
        assert_eq!(merge(&[2, 3, 4, 5], &mut layouts), [120]);
        assert_eq!(layouts, [[1], [1]]);
        let mut layouts = vec![vec![60, 20, 5, 1], vec![0, 20, 5, 1]];
        assert_eq!(merge(&[2, 3, 4, 5], &mut layouts), [2, 60]);
        assert_eq!(layouts, [[60, 1], [0, 1]]);
        let mut layouts = vec![vec![15, 5, 1], vec![0, 0, 1]];
        assert_eq!(merge(&[2, 3, 5], &mut layouts), [6, 5]);
        assert_eq!(layouts, [[5, 1], [0, 1]]);
    }

    #[test]
    fn a_single_element_keeps_one_axis() {
        let mut layouts = vec![vec![1, 1]];
        assert_eq!(merge(&[1, 1], &mut layouts), [1]);
        assert_eq!(layouts, [[1]]);
    }
}
