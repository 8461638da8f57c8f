//! A wrong result in every single operator kind, and roots that match no data.

use super::support::*;
use crate::{mock::*, *};
use athanor_primitives::Value;
use athanor_tensor_program::testing::{self, Choices, OPERATORS};

/// A small job with a node of this operator, and that node.
fn work_with(operator: usize, seed: u64) -> (Work, u16) {
    let program = testing::random_program_with(operator, seed);
    let name = OPERATORS[operator];
    let node = program
        .nodes
        .iter()
        .position(|node| node.op.name() == name)
        .expect(name);
    let mut choices = Choices::seeded(seed + 1);
    let job = testing::Job::with_data(program, &mut choices);
    (Work::new(job), node as u16)
}

/// One element of a node of each operator is wrong, the claimant answers every demand:
/// announced, asked, answered, challenged, convicted, and paid for.
#[test]
fn a_wrong_result_in_every_single_operator_kind() {
    for (operator, name) in OPERATORS.iter().enumerate() {
        for seed in 0..3 {
            build_and_execute(|| {
                let (work, node) = work_with(operator, 100 * operator as u64 + seed);
                let ty = work.job.program.node_type(node.into()).unwrap();
                let elements = work.len(node) / ty.dtype.width();
                let element = (seed * 7_919) % elements;
                let lie = work.lie(node, element);
                let (id, key) = claim_one(&work, &lie);
                let start = total(&bystander());
                let answers = expose(&work, id, &bystander(), &key, &lie, node);
                assert_eq!(faults(id), [Some(Fault::FraudProven)], "{name}");
                check();
                finish(id);
                let price = AUR / 50 * Balance::from(answers);
                let paid = total(&bystander()) - start;
                assert_eq!(paid, 20 * AUR - price, "{name}");
                assert_no_struck_replica_was_paid();
            });
        }
    }
}

/// The claim of an honest run cannot be convicted at any node of any operator.
#[test]
fn an_honest_claim_in_every_single_operator_kind_stands() {
    for operator in 0..OPERATORS.len() {
        build_and_execute(|| {
            let (work, _) = work_with(operator, 7 + operator as u64);
            let honest = work.honest();
            let (id, key) = claim_one(&work, &honest);
            for node in 0..work.node_count() as u16 {
                let opening = opening(&honest, node);
                let number = announce_and_wait(&bystander(), id, &opening);
                frame_support::assert_noop!(
                    challenge(
                        &bystander(),
                        id,
                        number,
                        Some(opening),
                        work.proof(&honest, node, 0)
                    ),
                    Error::<Test>::ProofHarmless
                );
                demand(&bystander(), id, number, first(opening, Value::Node(node))).unwrap();
                let bytes = true_answer(id, number, &honest.nodes[usize::from(node)]);
                answer(&key, id, number, bytes).unwrap();
            }
            finish(id);
            run_to(System::block_number() + 200);
            assert_eq!(Jobs::<Test>::get(id), None);
            assert!(events()
                .iter()
                .any(|event| matches!(event, Event::JobSettled { .. })));
        });
    }
}

/// A root of garbage instead of each node's: nobody can open it, so whoever asks for
/// the node's data convicts the claim by the claimant's silence.
#[test]
fn a_root_that_matches_no_data_at_every_position_of_the_trace() {
    let nodes = work_with(0, 5).0.node_count().max(2) as u16;
    let mut positions = 0;
    for node in 0..nodes {
        build_and_execute(|| {
            let (work, _) = work_with(0, 5);
            if usize::from(node) >= work.node_count() {
                return;
            }
            positions += 1;
            let honest = work.honest();
            let mut lie = honest.clone();
            lie.trace[usize::from(node)] = [0xEE; 32];
            let (id, key) = claim_one(&work, &lie);
            let opening = opening(&lie, node);
            let number = announce_and_wait(&bystander(), id, &opening);
            demand(&bystander(), id, number, first(opening, Value::Node(node))).unwrap();
            let bytes = &honest.nodes[usize::from(node)];
            let wrong = if bytes.len() > 32 * 1_024 {
                vec![0; bytes.len().div_ceil(1_024) * 32]
            } else {
                bytes.clone()
            };
            frame_support::assert_noop!(
                answer(&key, id, number, wrong),
                Error::<Test>::AnswerMismatch
            );
            let start = total(&bystander());
            run_to(thread(id, number).deadline + 1);
            assert_eq!(faults(id), [Some(Fault::DataWithheld)]);
            assert_eq!(end_of(id, number), Some(ThreadEnd::Withheld));
            finish(id);
            assert_eq!(total(&bystander()), start + 20 * AUR);
            assert_no_struck_replica_was_paid();
        });
    }
    assert!(positions >= 2);
}
