//! Puts a program together: constants stored once, equal nodes made once, what
//! nothing reads left out.

use crate::error::{Error, Result};
use athanor_tensor_program::{
    arith::pack_scale,
    ops::{BatchMatMul, Clamp, Epilogue, Lut8, MatMul, Op, Requantize, Scale, Transpose},
    Constant, DType, Node, Operand, Program, Shape, TensorType, VERSION,
};
use codec::Encode;
use std::collections::HashMap;

/// Longest constant that may stand in the program itself.
const MAX_INLINE: usize = 1_100;
/// Most bytes of such constants together, so that the program stays far below its
/// limit.
const MAX_INLINE_TOTAL: usize = 24_576;
/// Most nodes before unused ones are left out.
const MAX_BUILT: usize = 16_384;

/// Whether a constant belongs to the weights or to the program's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Named by root whatever its length.
    Weight,
    /// In the program if it is short.
    Table,
}

struct Built {
    node: Node,
    ty: TensorType,
    origin: usize,
}

/// A product and the steps that were fused into it.
struct Raw {
    /// The product, without `params` and with no last step.
    op: Op,
    /// Whether there was a bias operand.
    params: bool,
    /// Whether there was a table operand behind it.
    lut: bool,
    last: Requantize,
}

/// A program being built.
#[derive(Default)]
pub(crate) struct Builder {
    inputs: Vec<TensorType>,
    constants: Vec<(TensorType, Vec<u8>, Kind)>,
    nodes: Vec<Built>,
    constant_ids: HashMap<[u8; 32], u16>,
    node_ids: HashMap<Vec<u8>, u16>,
    /// The ONNX node that nodes are built for.
    pub(crate) origin: usize,
    /// Whether products put out their sums, with the requantisation a node of its own.
    pub(crate) raw_products: bool,
}

/// A finished program with what belongs to it.
pub(crate) struct Finished {
    pub(crate) program: Program,
    /// Bytes of the constants named by root, in order.
    pub(crate) weights: Vec<Vec<u8>>,
    /// For every input of the program, its index in the builder.
    pub(crate) inputs: Vec<usize>,
    /// For every node of the program, the ONNX node it came from.
    pub(crate) origins: Vec<usize>,
    /// For every node of the program, the type the mapping took it to have.
    pub(crate) types: Vec<TensorType>,
}

impl Builder {
    pub(crate) fn input(&mut self, dtype: DType, shape: &[u32]) -> Result<Operand> {
        let index = index(self.inputs.len())?;
        self.inputs.push(ty(dtype, shape));
        Ok(Operand::Input(index))
    }

    pub(crate) fn constant(
        &mut self,
        dtype: DType,
        shape: &[u32],
        bytes: Vec<u8>,
        kind: Kind,
    ) -> Result<Operand> {
        let ty = ty(dtype, shape);
        let mut key = ty.encode();
        key.push(u8::from(kind == Kind::Weight));
        key.extend_from_slice(&bytes);
        let key = athanor_content_tree::root(&key);
        if let Some(known) = self.constant_ids.get(&key) {
            return Ok(Operand::Const(*known));
        }
        let index = index(self.constants.len())?;
        self.constants.push((ty, bytes, kind));
        self.constant_ids.insert(key, index);
        Ok(Operand::Const(index))
    }

    pub(crate) fn node(
        &mut self,
        op: Op,
        operands: Vec<Operand>,
        dtype: DType,
        shape: &[u32],
    ) -> Result<Operand> {
        match self.raw(&op, &operands) {
            Some(raw) => self.split(raw, operands, dtype, shape),
            None => self.whole(op, operands, dtype, shape),
        }
    }

    /// What a product with a fused last step is without it, if products are to be
    /// taken apart and the semantics have it so.
    fn raw(&self, op: &Op, operands: &[Operand]) -> Option<Raw> {
        if !self.raw_products || self.dtype(*operands.first()?)? != DType::I8 {
            return None;
        }
        let (epilogue, params, op) = match op {
            Op::MatMul(op) => {
                let raw = MatMul {
                    params: false,
                    epilogue: Epilogue::Raw,
                    ..*op
                };
                (op.epilogue, op.params, Op::MatMul(raw))
            }
            Op::BatchMatMul(op) => {
                let raw = BatchMatMul {
                    epilogue: Epilogue::Raw,
                    ..*op
                };
                (op.epilogue, false, Op::BatchMatMul(raw))
            }
            _ => return None,
        };
        match epilogue {
            Epilogue::Raw => None,
            Epilogue::Requant {
                scale,
                z,
                lo,
                hi,
                out,
                lut,
            } => Some(Raw {
                op,
                params,
                lut,
                last: Requantize {
                    zx: 0,
                    scale,
                    z,
                    lo,
                    hi,
                    out,
                },
            }),
        }
    }

    /// A product as up to three nodes: sums, requantisation, table. The bias goes with
    /// the requantisation, which adds it in 64 bits as the fused product does: a sum of
    /// 32 bits with its bias could be saturated.
    fn split(
        &mut self,
        raw: Raw,
        mut operands: Vec<Operand>,
        dtype: DType,
        shape: &[u32],
    ) -> Result<Operand> {
        let mut last = |present: bool| match present {
            true => operands.pop().map(Some).ok_or_else(|| Error::Internal {
                reason: "a product lacks an operand".into(),
            }),
            false => Ok(None),
        };
        let (table, params) = (last(raw.lut)?, last(raw.params)?);
        let sums = self.whole(raw.op, operands, DType::I32, shape)?;
        let mut requantise = raw.last;
        let mut read = vec![sums];
        if let Some(params) = params {
            read.push(match requantise.scale {
                Scale::Channel => params,
                Scale::Tensor { m, s } => self.with_scale(params, pack_scale(m, s))?,
            });
            requantise.scale = Scale::Channel;
        }
        let out = requantise.out;
        let at = self.whole(Op::Requantize(requantise), read, out, shape)?;
        match table {
            Some(table) => self.whole(Op::Lut8(Lut8), vec![at, table], dtype, shape),
            None => Ok(at),
        }
    }

    /// The constant `params` with `word` as every channel's packed scale.
    fn with_scale(&mut self, params: Operand, word: i32) -> Result<Operand> {
        let found = match params {
            Operand::Const(index) => self.constants.get(usize::from(index)),
            _ => None,
        };
        let Some((ty, bytes, kind)) = found else {
            return Err(Error::Internal {
                reason: "a bias is no constant".into(),
            });
        };
        let mut bytes = bytes.clone();
        for pair in bytes.chunks_exact_mut(8) {
            pair[4..].copy_from_slice(&word.to_le_bytes());
        }
        let (dtype, shape, kind) = (ty.dtype, ty.shape.0.clone(), *kind);
        self.constant(dtype, &shape, bytes, kind)
    }

    fn dtype(&self, operand: Operand) -> Option<DType> {
        let ty = match operand {
            Operand::Input(index) => self.inputs.get(usize::from(index)),
            Operand::Const(index) => self.constants.get(usize::from(index)).map(|c| &c.0),
            Operand::Node(index) => self.nodes.get(usize::from(index)).map(|node| &node.ty),
        };
        ty.map(|ty| ty.dtype)
    }

    fn whole(
        &mut self,
        op: Op,
        operands: Vec<Operand>,
        dtype: DType,
        shape: &[u32],
    ) -> Result<Operand> {
        let node = Node { op, operands };
        let key = node.encode();
        if let Some(known) = self.node_ids.get(&key) {
            return Ok(Operand::Node(*known));
        }
        let operand = self.push(node, dtype, shape)?;
        if let Operand::Node(index) = operand {
            self.node_ids.insert(key, index);
        }
        Ok(operand)
    }

    fn push(&mut self, node: Node, dtype: DType, shape: &[u32]) -> Result<Operand> {
        if self.nodes.len() >= MAX_BUILT {
            return Err(Error::TooLarge {
                what: "the number of a program's nodes",
                limit: athanor_tensor_program::MAX_NODES as u64,
                found: self.nodes.len() as u64,
            });
        }
        let at = index(self.nodes.len())?;
        self.nodes.push(Built {
            node,
            ty: ty(dtype, shape),
            origin: self.origin,
        });
        Ok(Operand::Node(at))
    }

    /// A node with the same values as `from`, different from every other node.
    pub(crate) fn copy(&mut self, from: Operand, dtype: DType, shape: &[u32]) -> Result<Operand> {
        let node = Node {
            op: Op::Clamp(Clamp {
                lo: dtype.min(),
                hi: dtype.max(),
            }),
            operands: vec![from],
        };
        self.push(node, dtype, shape)
    }

    /// Axes of `from` in the order `perm`; two in a row become one, none if they
    /// cancel.
    pub(crate) fn transpose(
        &mut self,
        from: Operand,
        dtype: DType,
        shape: &[u32],
        perm: &[usize],
    ) -> Result<Operand> {
        let out: Vec<u32> = perm.iter().map(|i| shape[*i]).collect();
        if perm.iter().enumerate().all(|(i, p)| i == *p) {
            return Ok(from);
        }
        if let Operand::Node(index) = from {
            let built = &self.nodes[usize::from(index)];
            if let (Op::Transpose(Transpose { perm: first }), [source]) =
                (&built.node.op, built.node.operands.as_slice())
            {
                let joined: Vec<usize> = perm.iter().map(|i| usize::from(first[*i])).collect();
                let source = *source;
                let mut inner = vec![0; shape.len()];
                for (i, axis) in first.iter().enumerate() {
                    inner[usize::from(*axis)] = shape[i];
                }
                return self.transpose(source, dtype, &inner, &joined);
            }
        }
        let perm = perm.iter().map(|i| *i as u8).collect();
        self.node(Op::Transpose(Transpose { perm }), vec![from], dtype, &out)
    }

    /// Leaves out what reaches no output, orders the inputs, and decides where
    /// constants are kept.
    pub(crate) fn finish(self, outputs: &[u16], max_batch: u32) -> Finished {
        let mut live = vec![false; self.nodes.len()];
        for output in outputs {
            live[usize::from(*output)] = true;
        }
        let (mut used_constants, mut used_inputs) = (
            vec![false; self.constants.len()],
            vec![false; self.inputs.len()],
        );
        for (index, built) in self.nodes.iter().enumerate().rev() {
            if !live[index] {
                continue;
            }
            for operand in &built.node.operands {
                match operand {
                    Operand::Node(i) => live[usize::from(*i)] = true,
                    Operand::Const(i) => used_constants[usize::from(*i)] = true,
                    Operand::Input(i) => used_inputs[usize::from(*i)] = true,
                }
            }
        }
        // The widest first; a stable sort keeps the model's order among equals.
        let mut inputs: Vec<usize> = (0..self.inputs.len()).filter(|i| used_inputs[*i]).collect();
        inputs.sort_by_key(|i| std::cmp::Reverse(self.inputs[*i].dtype.width()));
        let place = |list: &[bool]| {
            let mut next = 0u16;
            list.iter()
                .map(|used| {
                    let at = next;
                    next += u16::from(*used);
                    at
                })
                .collect::<Vec<u16>>()
        };
        let (node_at, constant_at) = (place(&live), place(&used_constants));
        let input_at = |i: u16| {
            inputs
                .iter()
                .position(|at| *at == usize::from(i))
                .unwrap_or(0)
        };

        let mut constants = Vec::new();
        let mut weights = Vec::new();
        let mut inline = 0;
        for ((ty, bytes, kind), used) in self.constants.into_iter().zip(&used_constants) {
            if !used {
                continue;
            }
            let small = kind == Kind::Table
                && bytes.len() <= MAX_INLINE
                && inline + bytes.len() <= MAX_INLINE_TOTAL;
            if small {
                inline += bytes.len();
                constants.push(Constant::Inline { ty, bytes });
            } else {
                constants.push(Constant::Root { ty });
                weights.push(bytes);
            }
        }
        let mut nodes = Vec::new();
        let mut origins = Vec::new();
        let mut types = Vec::new();
        for (mut built, live) in self.nodes.into_iter().zip(&live) {
            if !live {
                continue;
            }
            for operand in &mut built.node.operands {
                *operand = match *operand {
                    Operand::Node(i) => Operand::Node(node_at[usize::from(i)]),
                    Operand::Const(i) => Operand::Const(constant_at[usize::from(i)]),
                    Operand::Input(i) => Operand::Input(input_at(i) as u16),
                };
            }
            nodes.push(built.node);
            origins.push(built.origin);
            types.push(built.ty);
        }
        Finished {
            program: Program {
                version: VERSION,
                max_batch,
                inputs: inputs.iter().map(|i| self.inputs[*i].clone()).collect(),
                constants,
                nodes,
                outputs: outputs.iter().map(|i| node_at[usize::from(*i)]).collect(),
            },
            weights,
            inputs,
            origins,
            types,
        }
    }
}

fn ty(dtype: DType, shape: &[u32]) -> TensorType {
    TensorType {
        dtype,
        shape: Shape(shape.to_vec()),
    }
}

fn index(length: usize) -> Result<u16> {
    u16::try_from(length).map_err(|_| Error::TooLarge {
        what: "the number of a program's values of one kind",
        limit: u64::from(u16::MAX),
        found: length as u64,
    })
}
