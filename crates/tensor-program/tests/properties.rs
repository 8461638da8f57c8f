//! Properties over random programs and random data. `PROPTEST_CASES=20000` for a long run.

use athanor_content_tree::root;
use athanor_tensor_program::{
    interpret,
    judge::{accuse, judge, prove_element, Claim, Data, FraudProof, Verdict, MAX_PROOF_BYTES},
    load,
    ops::{ArgMax, Clamp, Epilogue, Lut8, MatMul, Requantize, Reshape, Scale, ZeroPoint},
    output_root, trace_root, validate, Constant, DType, Execution, Node, Op, Operand, Program,
    Root, RunError, Shape, TensorType, Validated,
};
use codec::{Decode, Encode};
use proptest::prelude::*;

/// Reads choices from random bytes, so that shrinking the bytes shrinks the program.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or_default()
    }

    fn below(&mut self, n: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % n
    }

    fn dtype(&mut self) -> DType {
        [DType::I8, DType::I16, DType::I32][self.below(3)]
    }

    fn value(&mut self, dtype: DType) -> i32 {
        match self.below(4) {
            0 => dtype.min(),
            1 => dtype.max(),
            _ => i32::from(self.byte() as i8),
        }
    }

    fn range(&mut self, dtype: DType) -> (i32, i32) {
        let (a, b) = (self.value(dtype), self.value(dtype));
        match self.below(3) {
            0 => (a.min(b), a.max(b)),
            _ => (dtype.min(), dtype.max()),
        }
    }

    fn scale(&mut self, channel: bool) -> Scale {
        match channel {
            true => Scale::Channel,
            false => Scale::Tensor {
                m: u16::from_le_bytes([self.byte(), self.byte()]),
                s: [0, 1, 7, 14, 20, 30, 62][self.below(7)],
            },
        }
    }
}

/// Builds a valid program: nodes are drawn until there are enough, each reads what
/// fits it, and every node nobody reads becomes an output.
fn build(choices: &mut Choices<'_>) -> Program {
    let axes = match choices.below(4) {
        0 => vec![1 + choices.below(1500) as u32],
        1 => vec![1 + choices.below(4) as u32, 1 + choices.below(40) as u32],
        2 => vec![1 + choices.below(3) as u32, 2, 1 + choices.below(8) as u32],
        _ => vec![1 + choices.below(12) as u32],
    };
    let mut program = Program {
        version: 1,
        max_batch: 4,
        inputs: vec![
            TensorType {
                dtype: DType::I16,
                shape: Shape::from([3]),
            },
            TensorType {
                dtype: DType::I8,
                shape: Shape(axes),
            },
        ],
        constants: vec![],
        nodes: vec![],
        outputs: vec![],
    };
    let mut types: Vec<TensorType> = vec![];
    let wanted = 1 + choices.below(6);
    for _ in 0..50 {
        if program.nodes.len() == wanted {
            break;
        }
        let operand = match choices.below(types.len() + 1) {
            0 => Operand::Input(choices.below(2) as u16),
            n => Operand::Node(n as u16 - 1),
        };
        let ty = match operand {
            Operand::Input(i) => program.inputs[usize::from(i)].clone(),
            Operand::Node(i) => types[usize::from(i)].clone(),
            Operand::Const(_) => unreachable!(),
        };
        let mut operands = vec![operand];
        let mut constants = vec![];
        let op = match choices.below(6) {
            0 => {
                let Some(k) = ty.shape.last().filter(|_| ty.dtype != DType::I32) else {
                    continue;
                };
                let wide = ty.dtype == DType::I16;
                let n = 1 + choices.below(20) as u32;
                constants.push((DType::I8, vec![n, k]));
                let zb = match choices.below(2) {
                    0 => ZeroPoint::Tensor(choices.value(DType::I8) as i8),
                    _ => {
                        constants.push((DType::I8, vec![n]));
                        ZeroPoint::Channel
                    }
                };
                let params = choices.below(2) == 1;
                if params {
                    constants.push((DType::I32, vec![n, 2]));
                }
                let epilogue = if !wide && choices.below(3) == 0 {
                    Epilogue::Raw
                } else {
                    let out = [DType::I8, DType::I16][choices.below(2)];
                    let lut = out == DType::I8 && choices.below(2) == 1;
                    if lut {
                        constants.push((choices.dtype(), vec![256]));
                    }
                    let channel = params && choices.below(2) == 1;
                    let scale = choices.scale(channel);
                    let (lo, hi) = choices.range(out);
                    Epilogue::Requant {
                        scale,
                        z: choices.value(out),
                        lo,
                        hi,
                        out,
                        lut,
                    }
                };
                let za = if wide {
                    0
                } else {
                    choices.value(DType::I8) as i8
                };
                Op::MatMul(MatMul {
                    za,
                    zb,
                    params,
                    epilogue,
                })
            }
            1 => {
                let channel = ty.shape.last().filter(|_| choices.below(2) == 1);
                if let Some(n) = channel {
                    constants.push((DType::I32, vec![n, 2]));
                }
                let out = choices.dtype();
                let (lo, hi) = choices.range(out);
                Op::Requantize(Requantize {
                    zx: choices.value(ty.dtype),
                    scale: choices.scale(channel.is_some()),
                    z: choices.value(out),
                    lo,
                    hi,
                    out,
                })
            }
            2 => {
                let (lo, hi) = choices.range(ty.dtype);
                Op::Clamp(Clamp { lo, hi })
            }
            3 if ty.dtype == DType::I8 => {
                constants.push((choices.dtype(), vec![256]));
                Op::Lut8(Lut8)
            }
            4 if ty.shape.last().is_some() => Op::ArgMax(ArgMax),
            5 if matches!(operand, Operand::Node(_)) => Op::Reshape(Reshape {
                shape: Shape(vec![ty.shape.elements().unwrap() as u32]),
            }),
            _ => continue,
        };
        for (dtype, axes) in constants {
            operands.push(Operand::Const(program.constants.len() as u16));
            let ty = TensorType {
                dtype,
                shape: Shape(axes),
            };
            let len = ty.bytes().unwrap() as usize;
            program.constants.push(match choices.below(3) {
                0 if len <= 2_000 => Constant::Inline {
                    ty,
                    bytes: (0..len).map(|_| choices.byte()).collect(),
                },
                _ => Constant::Root { ty },
            });
        }
        program.nodes.push(Node { op, operands });
        // An output is needed to infer the new node's type.
        program.outputs = unread(&program);
        let valid = validate(&program).unwrap_or_else(|invalid| panic!("{invalid}: {program:?}"));
        types = (0..valid.node_count())
            .map(|i| valid.node_type(i).unwrap().clone())
            .collect();
    }
    if program.nodes.is_empty() {
        program.nodes.push(Node {
            op: Op::Clamp(Clamp { lo: -5, hi: 5 }),
            operands: vec![Operand::Input(1)],
        });
        program.outputs = vec![0];
    }
    program
}

fn unread(program: &Program) -> Vec<u16> {
    let read = |i: u16| {
        program
            .nodes
            .iter()
            .any(|n| n.operands.contains(&Operand::Node(i)))
    };
    (0..program.nodes.len() as u16)
        .filter(|i| !read(*i))
        .collect()
}

/// A job: a valid program with data, and its run.
#[derive(Debug)]
struct Job {
    program: Validated,
    batch: u32,
    input: Vec<u8>,
    weights: Vec<Vec<u8>>,
}

impl Job {
    fn new(bytes: &[u8]) -> Job {
        let mut choices = Choices(bytes.iter());
        let program = validate(&build(&mut choices)).unwrap();
        let batch = 1 + choices.below(4) as u32;
        let mut data = |len: u64| match choices.below(4) {
            0 => vec![choices.byte(); len as usize],
            _ => {
                let mut x = u64::from(choices.byte()) << 8 | u64::from(choices.byte());
                let mut next = || {
                    x = x
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    (x >> 56) as u8
                };
                (0..len).map(|_| next()).collect()
            }
        };
        let input = data(program.input_len(batch).unwrap());
        let weights = program.root_constants().map(data).collect();
        Job {
            program,
            batch,
            input,
            weights,
        }
    }

    fn weights(&self) -> Vec<&[u8]> {
        self.weights.iter().map(Vec::as_slice).collect()
    }

    fn run(&self) -> Execution {
        interpret(&self.program, self.batch, &self.input, &self.weights()).unwrap()
    }

    fn weight_roots(&self) -> Vec<Root> {
        self.weights.iter().map(|w| root(w)).collect()
    }

    fn judge(&self, trace: &[Root], proof: &FraudProof) -> Option<Verdict> {
        let (input, weights) = (root(&self.input), self.weight_roots());
        let claim = Claim {
            batch: self.batch,
            input: &input,
            weights: &weights,
            trace,
        };
        judge(&self.program, &claim, proof).ok()
    }

    fn is_reshape(&self, node: usize) -> bool {
        matches!(self.program.program().nodes[node].op, Op::Reshape(_))
    }
}

fn jobs() -> impl Strategy<Value = Job> {
    prop::collection::vec(any::<u8>(), 0..600).prop_map(|bytes| Job::new(&bytes))
}

proptest! {
    #[test]
    fn a_run_gives_every_node_its_length_and_one_trace(job in jobs()) {
        let run = job.run();
        let trace = run.trace();
        for (i, claimed) in trace.iter().enumerate() {
            let len = job.program.node_len(i, job.batch).unwrap();
            prop_assert_eq!(run.node(i).len() as u64, len);
            prop_assert_eq!(root(run.node(i)), *claimed);
        }
        prop_assert_eq!(run.output().len() as u64, job.program.output_len(job.batch).unwrap());
        prop_assert!(output_root(job.program.outputs(), &trace).is_some());
        prop_assert_ne!(trace_root(&trace), trace_root(&trace[1..]));
        prop_assert_eq!(job.run(), run);
    }

    #[test]
    fn a_sample_depends_on_that_sample_only(job in jobs()) {
        let run = job.run();
        let p = &job.program;
        for sample in 0..job.batch as usize {
            let mut input = vec![];
            for i in 0..p.program().inputs.len() {
                let range = p.input_range(i, job.batch).unwrap();
                let one = (range.end - range.start) as usize / job.batch as usize;
                let start = range.start as usize + sample * one;
                input.extend_from_slice(&job.input[start..start + one]);
            }
            let alone = interpret(p, 1, &input, &job.weights()).unwrap();
            for node in 0..p.node_count() {
                let one = p.node_len(node, 1).unwrap() as usize;
                prop_assert_eq!(alone.node(node), &run.node(node)[sample * one..][..one]);
            }
        }
    }

    #[test]
    fn a_program_has_one_encoding(job in jobs()) {
        let program = job.program.program();
        let bytes = program.encoded();
        let decoded = Program::decode_canonical(&bytes).unwrap();
        prop_assert_eq!(&decoded, program);
        prop_assert_eq!(decoded.hash(), program.hash());
        for cut in 0..bytes.len().min(100) {
            prop_assert!(Program::decode_canonical(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn bytes_that_load_are_the_encoding_of_what_they_load(
        job in jobs(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = job.program.program().encoded();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(loaded) = load(&bytes) {
            prop_assert_eq!(loaded.program().encoded(), bytes);
            prop_assert!(loaded.cost(loaded.max_batch()).is_some());
            prop_assert!(loaded.memory(loaded.max_batch()).is_some());
        }
    }

    #[test]
    fn a_wrong_element_of_any_node_is_convicted_by_a_proof_that_fits(
        job in jobs(),
        at in any::<prop::sample::Index>(),
        change in 1u8..,
    ) {
        let run = job.run();
        let weights = job.weights();
        let data = Data::new(&job.program, job.batch, &job.input, &weights, &run).unwrap();
        for node in 0..job.program.node_count() {
            let mut claimed = run.node(node).to_vec();
            prop_assert_eq!(accuse(&data, node as u16, &claimed), Ok(None));
            let byte = at.index(claimed.len());
            claimed[byte] ^= change;
            let mut trace = run.trace();
            trace[node] = root(&claimed);
            let proof = accuse(&data, node as u16, &claimed).unwrap().unwrap();
            prop_assert!(proof.encode().len() <= MAX_PROOF_BYTES);
            prop_assert_eq!(job.judge(&trace, &proof), Some(Verdict::Convicted));
            prop_assert_ne!(job.judge(&run.trace(), &proof), Some(Verdict::Convicted));
        }
    }

    #[test]
    fn no_proof_convicts_a_true_element(
        job in jobs(),
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        witness in prop::option::of(0u64..50),
    ) {
        let run = job.run();
        let trace = run.trace();
        let weights = job.weights();
        let data = Data::new(&job.program, job.batch, &job.input, &weights, &run).unwrap();
        for node in 0..job.program.node_count() {
            let ty = job.program.node_type(node).unwrap();
            let element = at.index(run.node(node).len() / ty.dtype.width() as usize) as u64;
            let proof = prove_element(&data, node as u16, element, run.node(node)).unwrap();
            prop_assert_eq!(job.judge(&trace, &proof), Some(Verdict::Upheld));
            prop_assert!(proof.encode().len() <= MAX_PROOF_BYTES);

            let other = FraudProof { witness, ..proof.clone() };
            prop_assert_ne!(job.judge(&trace, &other), Some(Verdict::Convicted));
            let mut bytes = proof.encode();
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            if let Ok(mutated) = FraudProof::decode(&mut bytes.as_slice()) {
                prop_assert_ne!(job.judge(&trace, &mutated), Some(Verdict::Convicted));
            }
        }
    }

    #[test]
    fn only_the_one_encoding_of_a_proof_is_judged(
        job in jobs(),
        at in any::<prop::sample::Index>(),
        longer in any::<bool>(),
    ) {
        let run = job.run();
        let weights = job.weights();
        let data = Data::new(&job.program, job.batch, &job.input, &weights, &run).unwrap();
        let node = at.index(job.program.node_count());
        if job.is_reshape(node) {
            return Ok(());
        }
        let good = prove_element(&data, node as u16, 0, run.node(node)).unwrap();
        for slice in 0..=good.operands.len() {
            let mut proof = good.clone();
            let bytes = proof.operands.get_mut(slice).unwrap_or(&mut proof.claimed);
            if longer {
                bytes.push(0);
            } else if bytes.pop().is_none() {
                continue;
            }
            prop_assert_eq!(job.judge(&run.trace(), &proof), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(loaded) = load(&bytes) {
            prop_assert_eq!(loaded.program().encoded(), bytes);
        }
    }

    #[test]
    fn bytes_that_start_like_a_program_never_panic(
        tail in prop::collection::vec(prop_oneof![0u8..8, any::<u8>()], 0..200),
    ) {
        let mut bytes = vec![1, 4, 0, 0, 0, 4, 0, 4, 4, 0, 0, 0];
        bytes.extend_from_slice(&tail);
        if let Ok(loaded) = load(&bytes) {
            prop_assert_eq!(loaded.program().encoded(), bytes);
        }
    }
}

/// One MatMul over `k` columns with one row a sample, so that rows start at every
/// offset within a chunk.
fn long_row(k: u32, dtype: DType, max_batch: u32) -> Program {
    let constant = |dtype, axes: &[u32]| Constant::Root {
        ty: TensorType {
            dtype,
            shape: Shape(axes.to_vec()),
        },
    };
    Program {
        version: 1,
        max_batch,
        inputs: vec![TensorType {
            dtype,
            shape: Shape::from([k]),
        }],
        constants: vec![
            constant(DType::I8, &[3, k]),
            constant(DType::I8, &[3]),
            constant(DType::I32, &[3, 2]),
            constant(DType::I8, &[256]),
        ],
        nodes: vec![Node {
            op: Op::MatMul(MatMul {
                za: 0,
                zb: ZeroPoint::Channel,
                params: true,
                epilogue: Epilogue::Requant {
                    scale: Scale::Channel,
                    z: 0,
                    lo: -128,
                    hi: 127,
                    out: DType::I8,
                    lut: true,
                },
            }),
            operands: vec![
                Operand::Input(0),
                Operand::Const(0),
                Operand::Const(1),
                Operand::Const(2),
                Operand::Const(3),
            ],
        }],
        outputs: vec![0],
    }
}

#[test]
fn the_longest_judgeable_row_fits_a_proof_at_every_offset() {
    for dtype in [DType::I8, DType::I16] {
        let longest = (1..32_640)
            .rev()
            .find(|k| validate(&long_row(*k, dtype, 7)).is_ok())
            .expect("some length is valid");
        let valid = validate(&long_row(longest, dtype, 7)).unwrap();
        let input = vec![1u8; valid.input_len(7).unwrap() as usize];
        let weights: Vec<Vec<u8>> = valid
            .root_constants()
            .map(|len| vec![1; len as usize])
            .collect();
        let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
        let run = interpret(&valid, 7, &input, &weights).unwrap();
        let data = Data::new(&valid, 7, &input, &weights, &run).unwrap();
        for element in 0..21 {
            let proof = prove_element(&data, 0, element, run.node(0)).unwrap();
            assert!(proof.encode().len() <= MAX_PROOF_BYTES);
        }
        assert!(
            longest > if dtype == DType::I8 { 16_384 } else { 12_000 },
            "{longest}"
        );
    }
}

#[test]
fn a_run_refuses_bytes_of_another_length() {
    let valid = validate(&long_row(4, DType::I8, 2)).unwrap();
    let weights: Vec<Vec<u8>> = valid
        .root_constants()
        .map(|len| vec![0; len as usize])
        .collect();
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let refused = |batch, input: &[u8], weights: &[&[u8]]| {
        interpret(&valid, batch, input, weights).unwrap_err()
    };
    assert_eq!(
        refused(0, &[], &weights),
        RunError::Batch {
            batch: 0,
            max_batch: 2
        }
    );
    assert_eq!(
        refused(3, &[0; 12], &weights),
        RunError::Batch {
            batch: 3,
            max_batch: 2
        }
    );
    assert_eq!(
        refused(2, &[0; 7], &weights),
        RunError::InputLength {
            expected: 8,
            found: 7
        }
    );
    assert_eq!(
        refused(1, &[0; 4], &weights[1..]),
        RunError::WeightCount {
            expected: 4,
            found: 3
        }
    );
    let mut short = weights.clone();
    short[2] = &short[2][1..];
    assert_eq!(
        refused(1, &[0; 4], &short),
        RunError::WeightLength {
            index: 2,
            expected: 24,
            found: 23
        }
    );
    assert!(interpret(&valid, 2, &[0; 8], &weights).is_ok());
}

#[test]
fn an_output_outside_the_trace_has_no_root() {
    assert_eq!(output_root(&[1], &[[0; 32]]), None);
    assert_eq!(output_root(&[], &[[0; 32]]), None);
    assert_eq!(output_root(&[0], &[[7; 32]]), Some([7; 32]));
    assert_eq!(
        output_root(&[1, 0], &[[1; 32], [2; 32]]),
        Some(root(&[[2; 32], [1; 32]].concat()))
    );
}
