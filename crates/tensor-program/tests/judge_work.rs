//! The runtime weighs a challenge by the length of its proof alone. That is fair only
//! if what an operator does with the bytes it opens is in proportion to the proof: at
//! most one product or 16 simple steps a byte. `examples/judge_work.rs` measures it.

use athanor_tensor_program::{
    interpret,
    judge::{claimed_range, prove_element, ranges, Data},
    testing::{Choices, Job, Limits, OPERATORS},
    DType, Op, Operand,
};
use codec::Encode;

/// Products and simple steps of judging one element that reads `bytes` of the
/// operands that are no constants, of type `x`, and `reads` values in all.
fn work(op: &Op, x: DType, bytes: u64, reads: u64) -> (u64, u64) {
    let values = bytes / x.width();
    match op {
        // Half of a BatchMatMul's bytes are the right side's.
        Op::MatMul(_) | Op::BatchMatMul(_) | Op::Conv2d(_) => (values, reads),
        Op::Softmax(_) => (0, 12 * values),
        Op::LayerNorm(_) | Op::RmsNorm(_) => (0, 8 * values),
        Op::TopK(op) => (0, 4 * u64::from(op.k)),
        _ => (0, 4 * (values + reads)),
    }
}

#[test]
fn work_is_in_proportion_to_the_proof() {
    let mut judged = vec![0; OPERATORS.len()];
    for (operator, judged) in judged.iter_mut().enumerate() {
        for seed in 0..30 {
            let mut choices = Choices::seeded(seed * 64 + operator as u64);
            let job = Job::draw(&mut choices, &Limits::default(), Some(operator));
            let weights = job.weights();
            let run = interpret(&job.program, job.batch, &job.input, &weights).unwrap();
            let data = Data::new(&job.program, job.batch, &job.input, &weights, &run).unwrap();
            for (index, node) in job.program.program().nodes.iter().enumerate() {
                let (at, own) = (index as u16, run.node(index));
                let ty = job.program.node_type(index).unwrap();
                let count = own.len() as u64 / ty.dtype.width();
                for element in [0, count / 2, count - 1] {
                    let place = claimed_range(&job.program, job.batch, at, element).unwrap();
                    let Some(place) = place else {
                        continue;
                    };
                    let opened = &own[place.start as usize..place.end as usize];
                    let proof = prove_element(&data, at, element, own).unwrap();
                    let found = ranges(&data, at, proof.element, proof.witness, opened).unwrap();
                    let len = proof.encode().len() as u64;
                    let (mut bytes, mut pieces) = (0, 0);
                    for (operand, (_, ranges)) in node.operands.iter().zip(&found.operands) {
                        pieces += ranges.len() as u64;
                        if !matches!(operand, Operand::Const(_)) {
                            bytes += ranges.iter().map(|r| r.end - r.start).sum::<u64>();
                        }
                    }
                    let x = job.program.operand_type(node.operands[0]).unwrap().dtype;
                    let (products, steps) = work(&node.op, x, bytes, pieces);
                    let label = format!("{} element {element} seed {seed}", node.op.name());
                    assert!(products <= len, "{label}: {products} of {len}");
                    assert!(steps <= 16 * len, "{label}: {steps} of {len}");
                    assert!(pieces <= len, "{label}: {pieces} ranges of {len}");
                    *judged += 1;
                }
            }
        }
    }
    assert!(judged.iter().all(|count| *count > 0));
}
