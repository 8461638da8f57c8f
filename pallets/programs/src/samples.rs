//! Programs for tests and benchmarks.

#![allow(clippy::arithmetic_side_effects)]
#![cfg_attr(not(test), allow(dead_code))]

use alloc::{vec, vec::Vec};
use athanor_tensor_program::{
    ops::{Abs, Clamp, Epilogue, Lut8, MatMul, MaxPool2d, Scale, Window, ZeroPoint},
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType, VERSION,
};

/// Number of `Root` constants of [`two_layers`].
pub(crate) const TWO_LAYERS_ROOTS: usize = 2;

fn i8s<const N: usize>(shape: [u32; N]) -> TensorType {
    TensorType {
        dtype: DType::I8,
        shape: Shape::from(shape),
    }
}

fn matmul(epilogue: Epilogue, operands: [Operand; 2]) -> Node {
    let op = MatMul {
        za: 0,
        zb: ZeroPoint::Tensor(0),
        params: false,
        epilogue,
    };
    Node {
        op: Op::MatMul(op),
        operands: operands.to_vec(),
    }
}

const RELU: Epilogue = Epilogue::Requant {
    scale: Scale::Tensor { m: 1 << 14, s: 18 },
    z: 0,
    lo: 0,
    hi: 127,
    out: DType::I8,
    lut: false,
};

/// Two products with weights named by root.
pub(crate) fn two_layers(max_batch: u32) -> Program {
    Program {
        version: VERSION,
        max_batch,
        inputs: vec![i8s([4])],
        constants: vec![
            Constant::Root { ty: i8s([3, 4]) },
            Constant::Root { ty: i8s([2, 3]) },
        ],
        nodes: vec![
            matmul(RELU, [Operand::Input(0), Operand::Const(0)]),
            matmul(Epilogue::Raw, [Operand::Node(0), Operand::Const(1)]),
        ],
        outputs: vec![1],
    }
}

/// `nodes` nodes in a row, the last a product with an inline constant that fills the encoding up to
/// `bytes` bytes, as far as its length can be met. Those before it are of the kind that validation
/// takes longest for: pools with 270 windows in front of their data, each of which is looked at.
pub(crate) fn chain(nodes: u32, bytes: u32) -> Program {
    let pool = MaxPool2d {
        kernel: [256, 16],
        window: Window {
            stride: [1, 1],
            dilation: [1, 1],
            pad: [255, 15, 0, 0],
        },
    };
    let before = |i: u32| match i {
        0 => Operand::Input(0),
        _ => Operand::Node(i as u16 - 1),
    };
    let last = nodes - 1;
    let with = |width: u32| {
        let mut list: Vec<Node> = (0..last)
            .map(|i| Node {
                op: Op::MaxPool2d(pool),
                operands: vec![before(i)],
            })
            .collect();
        list.push(matmul(RELU, [before(last), Operand::Const(0)]));
        Program {
            version: VERSION,
            max_batch: 4,
            inputs: vec![i8s([1, 1, 1])],
            constants: vec![Constant::Inline {
                ty: i8s([width, 1]),
                bytes: vec![1; width as usize],
            }],
            nodes: list,
            outputs: vec![last as u16],
        }
    };
    // The constant's length prefix takes 1, 2 or 4 bytes: three steps meet the length.
    let mut width = 1u32;
    for _ in 0..3 {
        let length = with(width).encoded().len() as u32;
        width = (width + bytes).saturating_sub(length).max(1);
    }
    with(width)
}

/// `roots` tables named by root, each looked up by a node of its own.
pub(crate) fn tables(roots: u32) -> Program {
    let clamp = Node {
        op: Op::Clamp(Clamp { lo: 0, hi: 1 }),
        operands: vec![Operand::Input(0)],
    };
    let lookups = (0..roots as u16).map(|i| Node {
        op: Op::Lut8(Lut8),
        operands: vec![
            if i == 0 {
                Operand::Input(0)
            } else {
                Operand::Node(i - 1)
            },
            Operand::Const(i),
        ],
    });
    let nodes: Vec<Node> = if roots == 0 {
        vec![clamp]
    } else {
        lookups.collect()
    };
    Program {
        version: VERSION,
        max_batch: 4,
        inputs: vec![i8s([1])],
        constants: (0..roots)
            .map(|_| Constant::Root { ty: i8s([256]) })
            .collect(),
        outputs: vec![nodes.len() as u16 - 1],
        nodes,
    }
}

/// The shortest encoding that `nodes` nodes can have.
pub(crate) fn shortest(nodes: u32) -> Program {
    let first = Node {
        op: Op::Clamp(Clamp { lo: 0, hi: 1 }),
        operands: vec![Operand::Input(0)],
    };
    let rest = (1..nodes as u16).map(|i| Node {
        op: Op::Abs(Abs),
        operands: vec![Operand::Node(i - 1)],
    });
    Program {
        version: VERSION,
        max_batch: 1,
        inputs: vec![i8s([])],
        constants: vec![],
        nodes: core::iter::once(first).chain(rest).collect(),
        outputs: vec![nodes as u16 - 1],
    }
}
