//! Properties over random programs and random data. `PROPTEST_CASES=20000` for a long run.

use athanor_content_tree::root;
use athanor_tensor_program::{
    interpret,
    judge::{accuse, judge, prove_element, Claim, Data, FraudProof, Verdict, MAX_PROOF_BYTES},
    load,
    ops::{Conv2d, Epilogue, MatMul, Scale, Window, ZeroPoint},
    output_root,
    testing::{self, Choices, Kind, Limits, OPERATORS},
    trace_root, validate, Constant, DType, Execution, Node, Op, Operand, Program, Root, RunError,
    Shape, TensorType,
};
use codec::{Decode, Encode};
use proptest::prelude::*;
use std::ops::Deref;

/// A job with what its judge knows.
#[derive(Debug)]
struct Job(testing::Job);

impl Deref for Job {
    type Target = testing::Job;

    fn deref(&self) -> &testing::Job {
        &self.0
    }
}

impl Job {
    fn run(&self) -> Execution {
        interpret(&self.program, self.batch, &self.input, &self.weights()).unwrap()
    }

    fn judge(&self, trace: &[Root], proof: &FraudProof) -> Option<Verdict> {
        let input = root(&self.input);
        let weights: Vec<Root> = self.constants.iter().map(|w| root(w)).collect();
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

    /// A claim of these bytes for a node is convicted, by a proof that fits.
    fn convicts(&self, run: &Execution, node: usize, claimed: &[u8]) {
        let weights = self.weights();
        let data = Data::new(&self.program, self.batch, &self.input, &weights, run).unwrap();
        let name = self.program.program().nodes[node].op.name();
        let mut trace = run.trace();
        trace[node] = root(claimed);
        let proof = accuse(&data, node as u16, claimed).unwrap().expect(name);
        assert!(proof.encode().len() <= MAX_PROOF_BYTES, "{name}");
        let verdict = self.judge(&trace, &proof);
        assert_eq!(verdict, Some(Verdict::Convicted), "{name}: {proof:?}");
        let verdict = self.judge(&run.trace(), &proof);
        assert_ne!(verdict, Some(Verdict::Convicted), "{name}");
    }
}

/// Jobs with a node of every operator alike.
fn jobs() -> impl Strategy<Value = Job> {
    let bytes = prop::collection::vec(any::<u8>(), 0..600);
    (0..OPERATORS.len(), bytes, any::<u64>()).prop_map(|(operator, bytes, seed)| {
        let limits = Limits::default();
        let program = testing::program(&mut Choices::from_bytes(&bytes), &limits, Some(operator));
        Job(testing::Job::with_data(program, &mut Choices::seeded(seed)))
    })
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
            job.convicts(&run, node, &claimed);
        }
    }

    #[test]
    fn a_wrong_output_of_any_node_is_convicted(
        job in jobs(),
        from in any::<prop::sample::Index>(),
        len in 1usize..200,
        kind in prop::sample::select(Kind::ALL.to_vec()),
        seed in any::<u64>(),
    ) {
        let run = job.run();
        for node in 0..job.program.node_count() {
            let dtype = job.program.node_type(node).unwrap().dtype;
            let width = dtype.width() as usize;
            let mut claimed = run.node(node).to_vec();
            let first = from.index(claimed.len() / width) * width;
            let noise = kind.bytes(dtype, len as u64, seed);
            for (claimed, noise) in claimed[first..].iter_mut().zip(noise) {
                *claimed = noise;
            }
            if claimed != run.node(node) {
                job.convicts(&run, node, &claimed);
            }
        }
    }

    #[test]
    fn indices_that_are_true_in_another_order_are_convicted(
        seed in any::<u64>(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let operator = OPERATORS.iter().position(|name| *name == "TopK");
        let mut choices = Choices::seeded(seed);
        let job = Job(testing::Job::draw(&mut choices, &Limits::default(), operator));
        let run = job.run();
        for node in 0..job.program.node_count() {
            if job.program.program().nodes[node].op.name() != "TopK" {
                continue;
            }
            let k = job.program.node_type(node).unwrap().shape.last().unwrap() as usize;
            let mut claimed = run.node(node).to_vec();
            let row = from.index(claimed.len() / (4 * k)) * 4 * k;
            let (from, to) = (row + 4 * from.index(k), row + 4 * to.index(k));
            for byte in 0..4 {
                claimed.swap(from + byte, to + byte);
            }
            if from != to {
                job.convicts(&run, node, &claimed);
            }
            // The last index twice, and the true one before it left out.
            if k > 1 {
                let mut claimed = run.node(node).to_vec();
                claimed.copy_within(row + 4 * (k - 1)..row + 4 * k, row + 4 * (k - 2));
                job.convicts(&run, node, &claimed);
            }
        }
    }

    #[test]
    fn arbitrary_proofs_never_panic_and_never_convict_the_truth(
        job in jobs(),
        node in 0u16..8,
        element in prop_oneof![0u64..5_000, any::<u64>()],
        witness in prop::option::of(prop_oneof![0u64..50, any::<u64>()]),
        claimed in prop::collection::vec(any::<u8>(), 0..40),
        operands in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5),
    ) {
        let trace = job.run().trace();
        let proof = FraudProof { node, element, witness, claimed, operands };
        prop_assert_ne!(job.judge(&trace, &proof), Some(Verdict::Convicted));
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

#[test]
fn a_wrong_element_of_every_operator_is_convicted() {
    for operator in 0..OPERATORS.len() {
        for seed in 0..40 {
            let mut choices = Choices::seeded(seed);
            let limits = Limits {
                nodes: 1,
                ..Limits::default()
            };
            let job = Job(testing::Job::draw(&mut choices, &limits, Some(operator)));
            let run = job.run();
            for node in 0..job.program.node_count() {
                let truth = run.node(node);
                for _ in 0..8 {
                    let mut claimed = truth.to_vec();
                    let byte = choices.below(claimed.len().min(65_536));
                    claimed[byte] ^= choices.byte().max(1);
                    job.convicts(&run, node, &claimed);
                }
            }
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

/// One convolution, padded by 1, over a 5 × 5 image, with a square kernel.
fn convolution(c: u32, groups: u32, kernel: u32) -> Program {
    Program {
        version: 1,
        max_batch: 3,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape::from([5, 5, c]),
        }],
        constants: vec![Constant::Root {
            ty: TensorType {
                dtype: DType::I8,
                shape: Shape::from([groups, kernel, kernel, c / groups]),
            },
        }],
        nodes: vec![Node {
            op: Op::Conv2d(Conv2d {
                window: Window {
                    stride: [1; 2],
                    dilation: [1; 2],
                    pad: [1; 4],
                },
                groups,
                za: 0,
                zb: ZeroPoint::Tensor(0),
                params: false,
                epilogue: Epilogue::Raw,
            }),
            operands: vec![Operand::Input(0), Operand::Const(0)],
        }],
        outputs: vec![0],
    }
}

#[test]
fn the_largest_judgeable_convolution_fits_a_proof_at_every_element() {
    let dense = |c: u32, kernel: u32| convolution(c, 1, kernel);
    let depthwise = |c: u32, kernel: u32| convolution(c, c, kernel);
    for (of, kernel) in [
        (&dense as &dyn Fn(u32, u32) -> Program, 1),
        (&dense, 3),
        (&dense, 5),
        (&depthwise, 3),
        (&depthwise, 7),
    ] {
        let most = (1..20_000)
            .rev()
            .find(|c| validate(&of(*c, kernel)).is_ok())
            .expect("some width is valid");
        let valid = validate(&of(most, kernel)).unwrap();
        let input = vec![1u8; valid.input_len(3).unwrap() as usize];
        let weights: Vec<Vec<u8>> = valid
            .root_constants()
            .map(|len| vec![1; len as usize])
            .collect();
        let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
        let run = interpret(&valid, 3, &input, &weights).unwrap();
        let data = Data::new(&valid, 3, &input, &weights, &run).unwrap();
        let elements = run.node(0).len() as u64 / 4;
        for element in (0..elements).step_by(1 + elements as usize / 500) {
            let proof = prove_element(&data, 0, element, run.node(0)).unwrap();
            assert!(proof.encode().len() <= MAX_PROOF_BYTES, "{most} {kernel}");
        }
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
