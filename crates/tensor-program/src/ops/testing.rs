//! Runs one operator, and judges every element it makes.

use super::Op;
use crate::{
    arith,
    judge::{accuse, judge, prove_element, Claim, Data, Verdict, MAX_PROOF_BYTES},
    load, validate, Constant, Cost, DType, Execution, Invalid, Node, Operand, Program, Root, Shape,
    TensorType, Validated,
};
use alloc::vec::Vec;
use athanor_content_tree::root;
use codec::Encode;

/// An operand with its values, of an activation those of all samples.
pub(crate) struct Given {
    ty: TensorType,
    constant: bool,
    values: Vec<i32>,
}

fn given(dtype: DType, axes: &[u32], values: &[i32], constant: bool) -> Given {
    assert!(values.iter().all(|value| dtype.holds(*value)));
    let ty = TensorType {
        dtype,
        shape: Shape(axes.to_vec()),
    };
    Given {
        ty,
        constant,
        values: values.to_vec(),
    }
}

pub(crate) fn activation(dtype: DType, axes: &[u32], values: &[i32]) -> Given {
    given(dtype, axes, values, false)
}

pub(crate) fn constant(dtype: DType, axes: &[u32], values: &[i32]) -> Given {
    given(dtype, axes, values, true)
}

fn bytes(given: &Given) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in &given.values {
        arith::push(given.ty.dtype, *value, &mut bytes);
    }
    bytes
}

/// Values from a seed, the extremes among them.
pub(crate) fn noise(dtype: DType, count: usize, seed: u64) -> Vec<i32> {
    let mut x = seed;
    let mut next = || {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (x >> 32) as i32
    };
    (0..count)
        .map(|_| match next().rem_euclid(9) {
            0 => dtype.min(),
            1 => dtype.max(),
            _ => match dtype {
                DType::I8 => i32::from(next() as i8),
                DType::I16 => i32::from(next() as i16),
                DType::I32 => next(),
            },
        })
        .collect()
}

struct Job {
    program: Validated,
    batch: u32,
    input: Vec<u8>,
    weights: Vec<Vec<u8>>,
}

/// Inputs are declared from the widest to the narrowest, whatever the operands' order.
fn program(op: Op, operands: &[Given], batch: u32) -> (Program, Vec<usize>) {
    let mut inputs: Vec<usize> = (0..operands.len())
        .filter(|i| !operands[*i].constant)
        .collect();
    inputs.sort_by_key(|i| core::cmp::Reverse(operands[*i].ty.dtype.width()));
    let mut constants = Vec::new();
    let named = operands
        .iter()
        .enumerate()
        .map(|(i, given)| match given.constant {
            true => {
                constants.push(Constant::Root {
                    ty: given.ty.clone(),
                });
                Operand::Const(constants.len() as u16 - 1)
            }
            false => Operand::Input(inputs.iter().position(|at| *at == i).unwrap() as u16),
        })
        .collect();
    let program = Program {
        version: 1,
        max_batch: batch,
        inputs: inputs.iter().map(|i| operands[*i].ty.clone()).collect(),
        constants,
        nodes: Vec::from([Node {
            op,
            operands: named,
        }]),
        outputs: Vec::from([0]),
    };
    (program, inputs)
}

impl Job {
    fn weights(&self) -> Vec<&[u8]> {
        self.weights.iter().map(Vec::as_slice).collect()
    }

    fn verdict(&self, trace: &[Root], proof: &crate::judge::FraudProof) -> Option<Verdict> {
        let roots: Vec<Root> = self.weights.iter().map(|bytes| root(bytes)).collect();
        let claim = Claim {
            batch: self.batch,
            input: &root(&self.input),
            weights: &roots,
            trace,
        };
        assert!(proof.encode().len() <= MAX_PROOF_BYTES);
        judge(&self.program, &claim, proof).ok()
    }

    /// Every claim that differs in one element is convicted, the true one is not.
    fn judge_all(&self, run: &Execution) {
        let weights = self.weights();
        let data = Data::new(&self.program, self.batch, &self.input, &weights, run).unwrap();
        let truth = run.node(0);
        let dtype = self.program.node_type(0).unwrap().dtype;
        let width = dtype.width() as usize;
        let count = truth.len() / width;
        for element in (0..count).step_by(1 + count / 60) {
            let proof = prove_element(&data, 0, element as u64, truth).unwrap();
            assert_eq!(self.verdict(&run.trace(), &proof), Some(Verdict::Upheld));
            let own = arith::element(dtype, &truth[element * width..][..width]).unwrap();
            for other in [
                dtype.min(),
                dtype.max(),
                0,
                own.wrapping_add(1),
                own.wrapping_sub(1),
            ] {
                if other == own || !dtype.holds(other) {
                    continue;
                }
                let mut claimed = truth.to_vec();
                let mut wrong = Vec::new();
                arith::push(dtype, other, &mut wrong);
                claimed[element * width..][..width].copy_from_slice(&wrong);
                let proof = accuse(&data, 0, &claimed).unwrap().unwrap();
                assert_eq!(
                    self.verdict(&[root(&claimed)], &proof),
                    Some(Verdict::Convicted)
                );
                assert_ne!(self.verdict(&run.trace(), &proof), Some(Verdict::Convicted));
            }
        }
    }
}

/// The output of a program of one operator, every element of it judged.
pub(crate) fn run(op: Op, operands: &[Given], batch: u32) -> Vec<i32> {
    let (program, inputs) = program(op, operands, batch);
    let program = load(&program.encoded()).unwrap();
    let job = Job {
        batch,
        input: inputs.iter().flat_map(|i| bytes(&operands[*i])).collect(),
        weights: operands
            .iter()
            .filter(|given| given.constant)
            .map(bytes)
            .collect(),
        program,
    };
    let run = crate::interpret(&job.program, batch, &job.input, &job.weights()).unwrap();
    job.judge_all(&run);
    let dtype = job.program.node_type(0).unwrap().dtype;
    run.node(0)
        .chunks_exact(dtype.width() as usize)
        .map(|bytes| arith::element(dtype, bytes).unwrap())
        .collect()
}

/// What validation says of a program of one operator, for a batch of 1.
pub(crate) fn infer(op: Op, operands: &[Given]) -> Result<(TensorType, Cost), Invalid> {
    let valid = validate(&program(op, operands, 1).0)?;
    Ok((valid.node_type(0).unwrap().clone(), valid.cost(1).unwrap()))
}

/// Why a program of one operator is refused.
pub(crate) fn refused(op: Op, operands: &[Given]) -> Invalid {
    infer(op, operands).unwrap_err()
}

/// The attribute a program of one operator is refused for.
pub(crate) fn bad_attribute(op: Op, operands: &[Given]) -> &'static str {
    match refused(op, operands) {
        Invalid::Attribute { attribute, .. } => attribute,
        other => panic!("{other}"),
    }
}

/// Operands without values, for validation only.
pub(crate) fn blank(dtype: DType, axes: &[u32]) -> Given {
    activation(dtype, axes, &[])
}

/// Constants without values, for validation only.
pub(crate) fn blank_constant(dtype: DType, axes: &[u32]) -> Given {
    constant(dtype, axes, &[])
}
