//! What judging one element costs for each byte of its proof.
//!
//! The runtime weighs a challenge by the length of its proof alone, which holds as
//! long as no operator needs much more time a byte than hashing the proof does. Prints
//! for proofs at the limits of every operator with more than a few steps: length of
//! the proof, time to judge it, and both times a byte against BLAKE3 of as many bytes.
//!
//! ```sh
//! cargo run --release -p athanor-tensor-program --example judge_work
//! ```

use athanor_content_tree::root;
use athanor_tensor_program::{
    interpret,
    judge::{judge, prove_element, Claim, Data, Verdict},
    ops::{
        Add, ArgMax, AvgPool2d, BatchMatMul, Conv2d, Epilogue, Gather, LayerNorm, Lut16, MatMul,
        MaxPool2d, Pairs, Requant, RmsNorm, Rope, RowMean, RowSum, Scale, Softmax, TopK, Window,
        ZeroPoint,
    },
    testing::random_bytes,
    validate, Constant, DType, Node, Op, Operand, Program, Root, Shape, TensorType,
};
use codec::Encode;
use std::{hint::black_box, time::Instant};

type Given = (&'static str, DType, Vec<u32>);

const REQUANT: Requant = Requant {
    m: 20_000,
    s: 15,
    z: 0,
    lo: -128,
    hi: 127,
    out: DType::I8,
};

const EPILOGUE: Epilogue = Epilogue::Requant {
    scale: Scale::Tensor { m: 20_000, s: 25 },
    z: 0,
    lo: -128,
    hi: 127,
    out: DType::I8,
    lut: false,
};

const PLAIN: Window = Window {
    stride: [1, 1],
    dilation: [1, 1],
    pad: [0; 4],
};

fn conv(pad: u8, groups: u32) -> Op {
    Op::Conv2d(Conv2d {
        window: Window {
            pad: [pad; 4],
            ..PLAIN
        },
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

fn cases() -> Vec<(&'static str, Op, Vec<Given>)> {
    use DType::{I16, I32, I8};
    let matmul = |za| {
        Op::MatMul(MatMul {
            za,
            zb: ZeroPoint::Tensor(0),
            params: false,
            epilogue: EPILOGUE,
        })
    };
    let row = |name, op, dtype, n| (name, op, vec![("x", dtype, vec![n])]);
    let map = |name, op, axes: [u32; 3]| (name, op, vec![("x", I8, axes.to_vec())]);
    let most = |kernel| {
        Op::MaxPool2d(MaxPool2d {
            kernel,
            window: PLAIN,
        })
    };
    let softmax = Softmax {
        mask: true,
        causal: false,
        fine: powers(),
        coarse: Some(powers()),
        requant: REQUANT,
    };
    vec![
        (
            "matmul_i8_16384",
            matmul(1),
            vec![("a", I8, vec![16_384]), ("const", I8, vec![4, 16_384])],
        ),
        (
            "matmul_i16_12000",
            matmul(0),
            vec![("a", I16, vec![12_000]), ("const", I8, vec![4, 12_000])],
        ),
        (
            "batch_matmul_i8_16384",
            Op::BatchMatMul(BatchMatMul {
                za: 1,
                zb: 1,
                epilogue: EPILOGUE,
            }),
            vec![("a", I8, vec![2, 16_384]), ("b", I8, vec![2, 16_384])],
        ),
        (
            "conv_3x3x512",
            conv(1, 1),
            vec![
                ("x", I8, vec![14, 14, 512]),
                ("const", I8, vec![8, 3, 3, 512]),
            ],
        ),
        (
            "conv_depthwise_60x60",
            conv(0, 4),
            vec![
                ("x", I8, vec![60, 60, 4]),
                ("const", I8, vec![4, 60, 60, 1]),
            ],
        ),
        (
            "conv_dilated_32x32_inline",
            Op::Conv2d(Conv2d {
                window: Window {
                    dilation: [1, 2],
                    ..PLAIN
                },
                groups: 1,
                za: 3,
                zb: ZeroPoint::Tensor(-5),
                params: false,
                epilogue: EPILOGUE,
            }),
            vec![
                ("x", I8, vec![32, 63, 1]),
                ("inline", I8, vec![1, 32, 32, 1]),
            ],
        ),
        (
            "conv_all_padding_inline",
            conv(100, 1),
            vec![
                ("x", I8, vec![1, 1, 1]),
                ("inline", I8, vec![1, 200, 200, 1]),
            ],
        ),
        row(
            "row_sum_i16_16384",
            Op::RowSum(RowSum { zx: 0 }),
            I16,
            16_384,
        ),
        (
            "row_mean_i16_14000_mask",
            Op::RowMean(RowMean {
                zx: 0,
                mask: true,
                requant: REQUANT,
            }),
            vec![("x", I16, vec![14_000]), ("mask", I8, vec![14_000])],
        ),
        (
            "softmax_i16_14000_mask",
            Op::Softmax(softmax),
            vec![("x", I16, vec![14_000]), ("mask", I8, vec![14_000])],
        ),
        row(
            "layer_norm_i16_16384",
            Op::LayerNorm(LayerNorm {
                params: false,
                e: 1,
                requant: REQUANT,
            }),
            I16,
            16_384,
        ),
        row(
            "rms_norm_i8_16384",
            Op::RmsNorm(RmsNorm {
                zx: 1,
                params: false,
                e: 1,
                requant: REQUANT,
            }),
            I8,
            16_384,
        ),
        row("arg_max_i8_1048576", Op::ArgMax(ArgMax), I8, 1 << 20),
        row("top_k_64_i8_1048576", Op::TopK(TopK { k: 64 }), I8, 1 << 20),
        map("max_pool_64x64x1", most([64, 64]), [64, 64, 1]),
        map("max_pool_5x5x2048", most([5, 5]), [8, 8, 2_048]),
        (
            "avg_pool_32x32x8_i16",
            Op::AvgPool2d(AvgPool2d {
                kernel: [32, 32],
                window: PLAIN,
                count_pad: false,
                zx: 0,
                requant: REQUANT,
            }),
            vec![("x", I16, vec![32, 32, 8])],
        ),
        (
            "rope_i16",
            Op::Rope(Rope {
                pairs: Pairs::Halves,
                offset: 0,
                zx: 0,
                requant: REQUANT,
            }),
            vec![
                ("x", I16, vec![512, 512]),
                ("const", I16, vec![512, 256, 2]),
            ],
        ),
        (
            "gather_i8",
            Op::Gather(Gather),
            vec![("const", I8, vec![4_096, 384]), ("idx", I32, vec![128])],
        ),
        (
            "lut16",
            Op::Lut16(Lut16),
            vec![("x", I16, vec![4_096]), ("inline", I16, vec![513])],
        ),
        (
            "add_i16_tiny",
            Op::Add(Add {
                za: 0,
                zb: 0,
                ma: 1,
                mb: -1,
                s: 1,
                z: 0,
                lo: -128,
                hi: 127,
                out: I8,
            }),
            vec![("a", I16, vec![2]), ("b", I16, vec![2])],
        ),
    ]
}

fn median(mut once: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            let mut runs = 0u32;
            while start.elapsed().as_millis() < 10 {
                once();
                runs += 1;
            }
            start.elapsed().as_secs_f64() / f64::from(runs)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("case proof_bytes judge_us judge_ns_per_byte blake3_ns_per_byte ratio");
    for (name, op, operands) in cases() {
        let mut inputs: Vec<usize> = (0..operands.len())
            .filter(|i| !["const", "inline"].contains(&operands[*i].0))
            .collect();
        inputs.sort_by_key(|i| std::cmp::Reverse(operands[*i].1.width()));
        let ty = |(_, dtype, axes): &Given| TensorType {
            dtype: *dtype,
            shape: Shape(axes.clone()),
        };
        let data = |seed: usize, given: &Given| {
            let elements = ty(given).shape.elements().unwrap_or_default();
            random_bytes(seed as u64 + 1, given.1, elements)
        };
        let (mut constants, mut weights, mut named) = (vec![], vec![], vec![]);
        for (i, given) in operands.iter().enumerate() {
            let constant = match given.0 {
                "const" => {
                    weights.push(data(i, given));
                    Constant::Root { ty: ty(given) }
                }
                "inline" => Constant::Inline {
                    ty: ty(given),
                    bytes: data(i, given),
                },
                _ => {
                    let at = inputs.iter().position(|at| *at == i).unwrap_or_default();
                    named.push(Operand::Input(at as u16));
                    continue;
                }
            };
            named.push(Operand::Const(constants.len() as u16));
            constants.push(constant);
        }
        let program = validate(&Program {
            version: 1,
            max_batch: 1,
            inputs: inputs.iter().map(|i| ty(&operands[*i])).collect(),
            constants,
            nodes: vec![Node {
                op,
                operands: named,
            }],
            outputs: vec![0],
        })?;
        let input: Vec<u8> = inputs
            .iter()
            .flat_map(|i| data(*i, &operands[*i]))
            .collect();
        let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
        let roots: Vec<Root> = weights.iter().map(|bytes| root(bytes)).collect();
        let run = interpret(&program, 1, &input, &weights)?;
        let data = Data::new(&program, 1, &input, &weights, &run)?;
        // The last of a list is compared with the one before, the first with nothing.
        let element = if name.starts_with("top_k") { 63 } else { 0 };
        let proof = prove_element(&data, 0, element, run.node(0))?;
        let trace = run.trace();
        let claim = Claim {
            batch: 1,
            input: &root(&input),
            weights: &roots,
            trace: &trace,
        };
        let verdict = judge(&program, &claim, &proof)?;
        assert_eq!(verdict, Verdict::Upheld);
        let bytes = proof.encode();
        let judging = median(|| {
            let _ = black_box(judge(&program, black_box(&claim), &proof));
        });
        let hashing = median(|| {
            black_box(root(black_box(&bytes)));
        });
        let len = bytes.len() as f64;
        println!(
            "{name} {} {:.1} {:.2} {:.2} {:.1}",
            bytes.len(),
            judging * 1e6,
            judging * 1e9 / len,
            hashing * 1e9 / len,
            judging / hashing
        );
    }
    Ok(())
}
