//! Elements whose fraud proofs are the longest, or the dearest a byte, of their operator.

use super::{Job, Kind};
use crate::{
    ops::{
        Abs, Add, AddBias, ArgMax, AvgPool2d, BatchMatMul, Clamp, Concat, Conv2d, Epilogue, Gather,
        LayerNorm, Lut16, Lut8, MatMul, MaxPool2d, Mul, Pad, Pairs, Requant, Requantize, Reshape,
        RmsNorm, Rope, RowMax, RowMean, RowSum, Scale, Select, Slice, Softmax, TopK, Transpose,
        Window, ZeroPoint,
    },
    validate, Constant,
    DType::{self, I16, I32, I8},
    Node, Op, Operand, Program, Shape, TensorType,
};
use alloc::{boxed::Box, vec, vec::Vec};

/// A job and the element that is judged with the longest proof.
#[derive(Clone, Debug)]
pub struct Largest {
    /// What it is, in `snake_case`; begins with the operator's name.
    pub name: &'static str,
    /// The job, with batch 1.
    pub job: Job,
    /// The element, of the last node.
    pub element: u64,
}

/// Where an operand comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Input,
    Root,
    Inline,
}

type Given = (From, DType, Vec<u32>);

struct Case {
    name: &'static str,
    /// `n` is the largest for which the program is valid, at most this.
    most: u32,
    of: fn(n: u32) -> (Op, Vec<Given>),
}

const REQUANT: Requant = Requant {
    m: 20_000,
    s: 15,
    z: 0,
    lo: -128,
    hi: 127,
    out: I8,
};

const EPILOGUE: Epilogue = Epilogue::Requant {
    scale: Scale::Tensor { m: 20_000, s: 25 },
    z: 0,
    lo: -128,
    hi: 127,
    out: I8,
    lut: false,
};

const PLAIN: Window = Window {
    stride: [1, 1],
    dilation: [1, 1],
    pad: [0; 4],
};

/// Of operators that read a few elements only.
const MANY: u32 = 1 << 18;

fn matmul(za: i8) -> Op {
    Op::MatMul(MatMul {
        za,
        zb: ZeroPoint::Tensor(0),
        params: false,
        epilogue: EPILOGUE,
    })
}

fn conv(window: Window, groups: u32) -> Op {
    Op::Conv2d(Conv2d {
        window,
        groups,
        za: 3,
        zb: ZeroPoint::Tensor(-5),
        params: false,
        epilogue: EPILOGUE,
    })
}

fn powers() -> Box<[u16; 256]> {
    let mut table = Box::new([20_000u16; 256]);
    table[0] = 32_768;
    table
}

fn x(dtype: DType, axes: &[u32]) -> Given {
    (From::Input, dtype, axes.to_vec())
}

fn constant(dtype: DType, axes: &[u32]) -> Given {
    (From::Root, dtype, axes.to_vec())
}

fn inline(dtype: DType, axes: &[u32]) -> Given {
    (From::Inline, dtype, axes.to_vec())
}

const fn case(name: &'static str, most: u32, of: fn(u32) -> (Op, Vec<Given>)) -> Case {
    Case { name, most, of }
}

const CASES: [Case; 36] = [
    case("matmul_i8", 1 << 16, |n| {
        (matmul(1), vec![x(I8, &[n]), constant(I8, &[4, n])])
    }),
    case("matmul_i16", 1 << 16, |n| {
        (matmul(0), vec![x(I16, &[n]), constant(I8, &[4, n])])
    }),
    case("matmul_i8_4096", 4_096, |n| {
        (matmul(1), vec![x(I8, &[n]), constant(I8, &[4, n])])
    }),
    case("batch_matmul_i8", 1 << 16, |n| {
        let op = BatchMatMul {
            za: 1,
            zb: 1,
            epilogue: EPILOGUE,
        };
        (Op::BatchMatMul(op), vec![x(I8, &[2, n]), x(I8, &[2, n])])
    }),
    case("conv2d_3x3", 4_096, |n| {
        let operands = vec![x(I8, &[5, 5, n]), constant(I8, &[4, 3, 3, n])];
        (conv(PLAIN, 1), operands)
    }),
    case("conv2d_depthwise", 128, |n| {
        let operands = vec![x(I8, &[n, n, 4]), constant(I8, &[4, n, n, 1])];
        (conv(PLAIN, 4), operands)
    }),
    case("conv2d_dilated_inline", 1, |_| {
        let window = Window {
            dilation: [1, 2],
            ..PLAIN
        };
        let operands = vec![x(I8, &[32, 63, 1]), inline(I8, &[1, 32, 32, 1])];
        (conv(window, 1), operands)
    }),
    case("conv2d_all_padding_inline", 1, |_| {
        let window = Window {
            pad: [100; 4],
            ..PLAIN
        };
        let operands = vec![x(I8, &[1, 1, 1]), inline(I8, &[1, 200, 200, 1])];
        (conv(window, 1), operands)
    }),
    case("add_bias", MANY, |n| {
        let operands = vec![x(I32, &[n]), constant(I32, &[n])];
        (Op::AddBias(AddBias), operands)
    }),
    case("requantize_channel", MANY, |n| {
        let op = Requantize {
            zx: 0,
            scale: Scale::Channel,
            z: 0,
            lo: -128,
            hi: 127,
            out: I8,
        };
        let operands = vec![x(I32, &[n]), constant(I32, &[n, 2])];
        (Op::Requantize(op), operands)
    }),
    case("add_i32", MANY, |n| {
        let op = Add {
            za: 0,
            zb: 0,
            ma: 1,
            mb: -1,
            s: 1,
            z: 0,
            lo: -128,
            hi: 127,
            out: I8,
        };
        (Op::Add(op), vec![x(I32, &[n]), x(I32, &[n])])
    }),
    case("mul_i16", MANY, |n| {
        let op = Mul {
            za: 0,
            zb: 0,
            requant: REQUANT,
        };
        (Op::Mul(op), vec![x(I16, &[n]), x(I16, &[n])])
    }),
    case("clamp_i32", MANY, |n| {
        (Op::Clamp(Clamp { lo: -9, hi: 9 }), vec![x(I32, &[n])])
    }),
    case("abs_i32", MANY, |n| (Op::Abs(Abs), vec![x(I32, &[n])])),
    case("select_i32", MANY, |n| {
        let operands = vec![x(I8, &[n]), x(I32, &[n]), x(I32, &[n])];
        (Op::Select(Select), operands)
    }),
    case("lut8", MANY, |n| {
        (Op::Lut8(Lut8), vec![x(I8, &[n]), constant(I32, &[256])])
    }),
    case("lut16", MANY, |n| {
        (Op::Lut16(Lut16), vec![x(I16, &[n]), constant(I16, &[513])])
    }),
    case("row_sum_i16", 1 << 16, |n| {
        (Op::RowSum(RowSum { zx: 0 }), vec![x(I16, &[n])])
    }),
    case("row_max_i8", 1 << 20, |n| {
        (Op::RowMax(RowMax), vec![x(I8, &[n])])
    }),
    case("row_mean_i16_mask", 1 << 16, |n| {
        let op = RowMean {
            zx: 0,
            mask: true,
            requant: REQUANT,
        };
        (Op::RowMean(op), vec![x(I16, &[n]), x(I8, &[n])])
    }),
    case("softmax_i16_mask", 1 << 16, |n| {
        let op = Softmax {
            mask: true,
            causal: false,
            fine: powers(),
            coarse: Some(powers()),
            requant: REQUANT,
        };
        (Op::Softmax(op), vec![x(I16, &[n]), x(I8, &[n])])
    }),
    case("layer_norm_i16", 1 << 16, |n| {
        let op = LayerNorm {
            params: false,
            e: 1,
            requant: REQUANT,
        };
        (Op::LayerNorm(op), vec![x(I16, &[n])])
    }),
    case("layer_norm_i8_params", 1 << 16, |n| {
        let op = LayerNorm {
            params: true,
            e: 1,
            requant: REQUANT,
        };
        (Op::LayerNorm(op), vec![x(I8, &[n]), constant(I32, &[n, 2])])
    }),
    case("rms_norm_i8", 1 << 16, |n| {
        let op = RmsNorm {
            zx: 1,
            params: false,
            e: 1,
            requant: REQUANT,
        };
        (Op::RmsNorm(op), vec![x(I8, &[n])])
    }),
    case("arg_max_i8", 1 << 20, |n| {
        (Op::ArgMax(ArgMax), vec![x(I8, &[n])])
    }),
    case("top_k_64_i8", 1 << 20, |n| {
        (Op::TopK(TopK { k: 64 }), vec![x(I8, &[n])])
    }),
    case("reshape", MANY, |n| {
        let shape = Shape(vec![2, n / 2]);
        (Op::Reshape(Reshape { shape }), vec![x(I32, &[n / 2 * 2])])
    }),
    case("transpose", 512, |n| {
        let op = Transpose { perm: vec![1, 0] };
        (Op::Transpose(op), vec![x(I32, &[n, n])])
    }),
    case("slice", MANY, |n| {
        let op = Slice {
            axis: 0,
            start: n / 2,
            len: 1,
            step: 1,
        };
        (Op::Slice(op), vec![x(I32, &[n])])
    }),
    case("concat", MANY, |n| {
        let operands = vec![x(I32, &[n]), x(I32, &[n]), constant(I32, &[4])];
        (Op::Concat(Concat { axis: 0 }), operands)
    }),
    case("pad", MANY, |n| {
        let op = Pad {
            before: vec![0],
            after: vec![3],
            value: 1,
        };
        (Op::Pad(op), vec![x(I32, &[n])])
    }),
    case("gather", 1 << 11, |n| {
        let operands = vec![constant(I8, &[n, 384]), x(I32, &[128])];
        (Op::Gather(Gather), operands)
    }),
    case("rope_i16", 512, |n| {
        let op = Rope {
            pairs: Pairs::Halves,
            offset: 0,
            zx: 0,
            requant: REQUANT,
        };
        let operands = vec![x(I16, &[n, 512]), constant(I16, &[n, 256, 2])];
        (Op::Rope(op), operands)
    }),
    case("max_pool2d_64x64", 1, |_| {
        let op = MaxPool2d {
            kernel: [64, 64],
            window: PLAIN,
        };
        (Op::MaxPool2d(op), vec![x(I8, &[64, 64, 1])])
    }),
    case("max_pool2d_5x5", 2_048, |n| {
        let op = MaxPool2d {
            kernel: [5, 5],
            window: PLAIN,
        };
        (Op::MaxPool2d(op), vec![x(I8, &[6, 6, n])])
    }),
    case("avg_pool2d_i16", 128, |n| {
        let op = AvgPool2d {
            kernel: [n as u16, n as u16],
            window: PLAIN,
            count_pad: false,
            zx: 0,
            requant: REQUANT,
        };
        (Op::AvgPool2d(op), vec![x(I16, &[n, n, 2])])
    }),
];

/// How many there are. Every operator has one at least.
pub const LARGEST: u32 = CASES.len() as u32;

fn program(op: Op, operands: &[Given]) -> Program {
    let mut widest: Vec<usize> = (0..operands.len())
        .filter(|i| operands[*i].0 == From::Input)
        .collect();
    widest.sort_by_key(|i| core::cmp::Reverse(operands[*i].1.width()));
    let ty = |i: usize| TensorType {
        dtype: operands[i].1,
        shape: Shape(operands[i].2.clone()),
    };
    let mut constants = vec![];
    let mut named = vec![];
    for (i, given) in operands.iter().enumerate() {
        let ty = ty(i);
        match given.0 {
            From::Input => {
                let at = widest.iter().position(|other| *other == i).unwrap();
                named.push(Operand::Input(at as u16));
                continue;
            }
            From::Root => constants.push(Constant::Root { ty }),
            From::Inline => {
                let elements = ty.shape.elements().unwrap();
                let bytes = Kind::Uniform.bytes(ty.dtype, elements, i as u64);
                constants.push(Constant::Inline { ty, bytes });
            }
        }
        named.push(Operand::Const(constants.len() as u16 - 1));
    }
    let mut nodes = vec![];
    if matches!(op, Op::Reshape(_)) {
        // Only a node can be reshaped.
        let first = Op::Clamp(Clamp { lo: -9, hi: 9 });
        let operands = named;
        nodes.push(Node {
            op: first,
            operands,
        });
        named = vec![Operand::Node(0)];
    }
    nodes.push(Node {
        op,
        operands: named,
    });
    Program {
        version: 1,
        max_batch: 1,
        inputs: widest.iter().map(|i| ty(*i)).collect(),
        constants,
        outputs: vec![nodes.len() as u16 - 1],
        nodes,
    }
}

/// One of [`LARGEST`] cases. Shapes are the largest at which one element of the operator
/// can still be judged, data are uniform.
///
/// # Panics
///
/// If there is no such case.
pub fn largest(case: u32) -> Largest {
    let case = &CASES[case as usize];
    let at = |n| {
        let (op, operands) = (case.of)(n);
        validate(&program(op, &operands)).ok()
    };
    // Valid up to `low`; a first step of `most` finds what is not bounded by its proof.
    let (mut low, mut high) = (1, case.most + 1);
    if at(case.most).is_some() {
        low = case.most;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match at(middle).is_some() {
            true => low = middle,
            false => high = middle,
        }
    }
    let program = at(low).unwrap_or_else(|| panic!("{}: not valid at {low}", case.name));
    let data = |seed: usize, ty: &TensorType| {
        let elements = ty.shape.elements().unwrap();
        Kind::Uniform.bytes(ty.dtype, elements, seed as u64 + 100)
    };
    let inputs = program.program().inputs.iter().enumerate();
    let input = inputs.flat_map(|(i, ty)| data(i, ty)).collect();
    let constants = program.program().constants.iter().enumerate();
    let constants = constants
        .filter_map(|(i, constant)| match constant {
            Constant::Root { ty } => Some(data(i + 10, ty)),
            Constant::Inline { .. } => None,
        })
        .collect();
    Largest {
        name: case.name,
        job: Job {
            program,
            batch: 1,
            input,
            constants,
        },
        // The last of a list is compared with the one before, the first with nothing.
        element: if case.name.starts_with("top_k") {
            63
        } else {
            0
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        interpret,
        judge::{judge, prove_element, Claim, Data, Verdict, MAX_PROOF_BYTES},
        testing::OPERATORS,
    };
    use athanor_content_tree::root;
    use codec::Encode;

    #[test]
    fn every_operator_has_a_largest_element_that_can_be_judged() {
        let mut seen = [false; OPERATORS.len()];
        for case in 0..LARGEST {
            let Largest { name, job, element } = largest(case);
            let last = job.program.program().nodes.len() - 1;
            let operator = job.program.program().nodes[last].op.name();
            let at = OPERATORS.iter().position(|known| *known == operator);
            seen[at.unwrap()] = true;

            let weights = job.weights();
            let run = interpret(&job.program, 1, &job.input, &weights).unwrap();
            let data = Data::new(&job.program, 1, &job.input, &weights, &run).unwrap();
            let mut claimed = run.node(last).to_vec();
            let width = job.program.node_type(last).unwrap().dtype.width();
            claimed[(element * width) as usize] ^= 1;
            let proof = prove_element(&data, last as u16, element, &claimed).unwrap();
            let len = proof.encode().len();
            assert!(len <= MAX_PROOF_BYTES, "{name}: {len}");
            // What is read in full gets close to the limit.
            let whole = ["matmul_i", "batch", "conv2d_3x3", "row_mean", "softmax"];
            let whole = whole.iter().any(|start| name.starts_with(start));
            if whole && name != "matmul_i8_4096" {
                assert!(len >= 40_000, "{name}: {len}");
            }
            let mut trace = run.trace();
            trace[last] = root(&claimed);
            let roots: Vec<_> = weights.iter().map(|bytes| root(bytes)).collect();
            let claim = Claim {
                batch: 1,
                input: &root(&job.input),
                weights: &roots,
                trace: &trace,
            };
            let verdict = judge(&job.program, &claim, &proof).unwrap();
            assert_ne!(verdict, Verdict::Upheld, "{name}");
        }
        assert!(seen.iter().all(|seen| *seen), "{seen:?}");
    }
}
