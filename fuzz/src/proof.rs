use crate::memory;
use athanor_tensor_program::{
    interpret,
    judge::{judge, prove_element, Claim, Data, FraudProof, Verdict},
    testing::{Choices, Job, Limits, OPERATORS},
    Root,
};
use codec::{Decode, Encode};
use std::sync::OnceLock;

struct Honest {
    job: Job,
    input: Root,
    weights: Vec<Root>,
    trace: Vec<Root>,
}

/// A small job with a node of each operator, and its honest claim.
fn jobs() -> &'static [Honest] {
    static JOBS: OnceLock<Vec<Honest>> = OnceLock::new();
    JOBS.get_or_init(|| (0..OPERATORS.len()).map(honest).collect())
}

fn honest(operator: usize) -> Honest {
    let limits = Limits {
        nodes: 3,
        elements: 300,
        steps: 3_000,
        max_batch: 2,
    };
    let choices = &mut Choices::seeded(operator as u64);
    let job = Job::draw(choices, &limits, Some(operator));
    let weights = job.weights();
    let run = interpret(&job.program, job.batch, &job.input, &weights);
    let roots = weights
        .iter()
        .map(|weight| athanor_content_tree::root(weight));
    Honest {
        input: athanor_content_tree::root(&job.input),
        weights: roots.collect(),
        trace: run.expect("a drawn job runs").trace(),
        job,
    }
}

/// Decodes a fraud proof and judges an honest claim by it: nothing convicts
/// that. The first byte chooses the operator.
pub fn proof(data: &[u8]) {
    let Some((operator, mut rest)) = data.split_first() else {
        return;
    };
    let Honest {
        job,
        input,
        weights,
        trace,
    } = &jobs()[usize::from(*operator) % OPERATORS.len()];
    let limit = rest.len() * 64 + (1 << 20);
    let Ok(proof) = memory::within(limit, || FraudProof::decode(&mut rest)) else {
        return;
    };
    let claim = Claim {
        batch: job.batch,
        input,
        weights,
        trace,
    };
    let verdict = memory::within(1 << 20, || judge(&job.program, &claim, &proof));
    assert_ne!(verdict, Ok(Verdict::Convicted));
}

/// Proofs of true elements, one for each operator: seeds.
pub fn proofs() -> Vec<Vec<u8>> {
    let made = jobs().iter().enumerate().map(|(operator, honest)| {
        let job = &honest.job;
        let weights = job.weights();
        let run = interpret(&job.program, job.batch, &job.input, &weights).expect("it ran before");
        let node = job.program.node_count() - 1;
        let data = Data::new(&job.program, job.batch, &job.input, &weights, &run);
        let data = data.expect("the job's own data");
        let proof = prove_element(&data, node as u16, 0, run.node(node)).expect("a true element");
        [vec![operator as u8], proof.encode()].concat()
    });
    made.collect()
}
