//! A transformer encoder of the size of all-MiniLM-L6-v2, to be timed without a model
//! at hand: 6 layers of width 384, 12 heads, sequences of 64 tokens, 8-bit products,
//! 16-bit residuals and GELU. Its weights are noise, which no kernel's time depends on.

use athanor_tensor_program::{
    ops::{
        Add, BatchMatMul, Epilogue, LayerNorm, Lut16, MatMul, Requant, Requantize, Reshape,
        RmsNorm, RowMean, Scale, Softmax, Transpose, ZeroPoint,
    },
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType, VERSION,
};

const LAYERS: usize = 6;
const TOKENS: u32 = 64;
const WIDTH: u32 = 384;
const HEADS: u32 = 12;
const INNER: u32 = 1_536;

#[derive(Default)]
struct Builder {
    constants: Vec<Constant>,
    nodes: Vec<Node>,
}

fn ty(dtype: DType, axes: &[u32]) -> TensorType {
    TensorType {
        dtype,
        shape: Shape(axes.to_vec()),
    }
}

fn requant(out: DType, s: u8) -> Requant {
    Requant {
        m: 20_000,
        s,
        z: 0,
        lo: out.min(),
        hi: out.max(),
        out,
    }
}

impl Builder {
    fn constant(&mut self, dtype: DType, axes: &[u32]) -> Operand {
        self.constants.push(Constant::Root {
            ty: ty(dtype, axes),
        });
        Operand::Const((self.constants.len() - 1) as u16)
    }

    fn node(&mut self, op: Op, operands: &[Operand]) -> Operand {
        self.nodes.push(Node {
            op,
            operands: operands.to_vec(),
        });
        Operand::Node((self.nodes.len() - 1) as u16)
    }

    fn linear(&mut self, x: Operand, k: u32, n: u32, out: DType) -> Operand {
        let (b, params) = (
            self.constant(DType::I8, &[n, k]),
            self.constant(DType::I32, &[n, 2]),
        );
        let op = MatMul {
            za: 5,
            zb: ZeroPoint::Tensor(0),
            params: true,
            epilogue: Epilogue::Requant {
                scale: Scale::Channel,
                z: 0,
                lo: out.min(),
                hi: out.max(),
                out,
                lut: false,
            },
        };
        self.node(Op::MatMul(op), &[x, b, params])
    }

    fn narrow(&mut self, x: Operand, n: u32) -> Operand {
        let params = self.constant(DType::I32, &[n, 2]);
        let op = Requantize {
            zx: 0,
            scale: Scale::Channel,
            z: 0,
            lo: -128,
            hi: 127,
            out: DType::I8,
        };
        self.node(Op::Requantize(op), &[x, params])
    }

    fn heads(&mut self, x: Operand, perm: [u8; 3]) -> Operand {
        let shape = Shape::from([TOKENS, HEADS, WIDTH / HEADS]);
        let x = self.node(Op::Reshape(Reshape { shape }), &[x]);
        let perm = perm.to_vec();
        self.node(Op::Transpose(Transpose { perm }), &[x])
    }

    fn product(&mut self, a: Operand, b: Operand) -> Operand {
        let epilogue = Epilogue::Requant {
            scale: Scale::Tensor { m: 20_000, s: 24 },
            z: 0,
            lo: -128,
            hi: 127,
            out: DType::I8,
            lut: false,
        };
        let op = BatchMatMul {
            za: 3,
            zb: -2,
            epilogue,
        };
        self.node(Op::BatchMatMul(op), &[a, b])
    }

    fn add_and_norm(&mut self, a: Operand, b: Operand) -> Operand {
        let add = Add {
            za: 0,
            zb: 0,
            ma: 20_000,
            mb: 17_000,
            s: 15,
            z: 0,
            lo: -32_768,
            hi: 32_767,
            out: DType::I16,
        };
        let sum = self.node(Op::Add(add), &[a, b]);
        let params = self.constant(DType::I32, &[WIDTH, 2]);
        let norm = LayerNorm {
            params: true,
            e: 1_000,
            requant: requant(DType::I16, 30),
        };
        self.node(Op::LayerNorm(norm), &[sum, params])
    }

    fn layer(&mut self, x: Operand, mask: Operand) -> Operand {
        let x8 = self.narrow(x, WIDTH);
        let [q, k, v] = [0; 3].map(|_| self.linear(x8, WIDTH, WIDTH, DType::I8));
        let (q, k) = (self.heads(q, [1, 0, 2]), self.heads(k, [1, 0, 2]));
        let v = self.heads(v, [1, 2, 0]);
        let scores = self.product(q, k);
        let weight = |i: usize| (32_768.0 * (-(i as f64) / 16.0).exp()).round() as u16;
        let softmax = Softmax {
            mask: true,
            causal: false,
            fine: Box::new(std::array::from_fn(weight)),
            coarse: None,
            requant: requant(DType::I8, 22),
        };
        let p = self.node(Op::Softmax(softmax), &[scores, mask]);
        let context = self.product(p, v);
        let perm = vec![1, 0, 2];
        let context = self.node(Op::Transpose(Transpose { perm }), &[context]);
        let shape = Shape::from([TOKENS, WIDTH]);
        let context = self.node(Op::Reshape(Reshape { shape }), &[context]);
        let out = self.linear(context, WIDTH, WIDTH, DType::I16);
        let h = self.add_and_norm(x, out);
        let h8 = self.narrow(h, WIDTH);
        let up = self.linear(h8, WIDTH, INNER, DType::I16);
        let table = self.constant(DType::I16, &[513]);
        let gelu = self.node(Op::Lut16(Lut16), &[up, table]);
        let gelu = self.narrow(gelu, INNER);
        let down = self.linear(gelu, INNER, WIDTH, DType::I16);
        self.add_and_norm(h, down)
    }
}

/// The program: inputs `i16[64,384]` and a mask `i8[64]`, output `i16[384]`.
pub(super) fn program(max_batch: u32) -> Program {
    let mut builder = Builder::default();
    let (mut x, mask) = (Operand::Input(0), Operand::Input(1));
    for _ in 0..LAYERS {
        x = builder.layer(x, mask);
    }
    let perm = vec![1, 0];
    let x = builder.node(Op::Transpose(Transpose { perm }), &[x]);
    let mean = RowMean {
        zx: 0,
        mask: true,
        requant: requant(DType::I16, 22),
    };
    let mean = builder.node(Op::RowMean(mean), &[x, mask]);
    let norm = RmsNorm {
        zx: 0,
        params: false,
        e: 1,
        requant: requant(DType::I16, 14),
    };
    builder.node(Op::RmsNorm(norm), &[mean]);
    let Builder { constants, nodes } = builder;
    Program {
        version: VERSION,
        max_batch,
        inputs: vec![ty(DType::I16, &[TOKENS, WIDTH]), ty(DType::I8, &[TOKENS])],
        constants,
        outputs: vec![(nodes.len() - 1) as u16],
        nodes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{
        cpu::{measure::noise, Cpu},
        Backend, Run,
    };
    use athanor_tensor_program::{interpret, load};
    use std::sync::atomic::AtomicBool;

    #[test]
    fn the_encoder_gives_the_references_bits() {
        let program = load(&program(2).encoded()).unwrap();
        let weights: Vec<Vec<u8>> = program
            .root_constants()
            .map(|len| noise(len as usize))
            .collect();
        let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
        let input = noise(program.input_len(1).unwrap() as usize);
        let reference = interpret(&program, 1, &input, &weights).unwrap();
        let run = Run {
            program: &program,
            batch: 1,
            input: &input,
            weights: &weights,
            roots: &[],
        };
        let trace = Cpu::new(2).run(run, &AtomicBool::new(false)).unwrap();
        assert_eq!(trace.roots(), reference.trace());
    }
}
