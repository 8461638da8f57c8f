//! Registering and removing programs.

use crate::{mock::*, samples, Error, Event, ProgramBytes, Programs as Stored};
use athanor_tensor_program::{load, validate, Invalid, Operand, Program, Shape, MAX_PROGRAM_BYTES};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo, BoundedVec};
use sp_io::hashing::blake2_256;
use sp_runtime::DispatchError;

fn bounded(bytes: Vec<u8>) -> BoundedVec<u8, crate::MaxProgramBytes> {
    bytes.try_into().expect("the sample fits")
}

fn register(
    who: AccountId,
    program: &Program,
) -> frame_support::dispatch::DispatchResultWithPostInfo {
    Programs::register_program(RuntimeOrigin::signed(who), bounded(program.encoded()))
}

#[test]
fn a_valid_program_is_stored_under_its_hash() {
    build_and_execute(|| {
        let program = samples::two_layers(8);
        let bytes = program.encoded();
        assert_ok!(register(ALICE, &program));

        let hash = blake2_256(&bytes);
        let entry = Stored::<Test>::get(hash).expect("stored");
        assert_eq!(entry.owner, ALICE);
        assert_eq!(entry.models, 0);
        assert_eq!(entry.bytes as usize, bytes.len());
        assert_eq!(
            ProgramBytes::<Test>::get(hash).map(|b| b.into_inner()),
            Some(bytes.clone())
        );
        assert_eq!(
            events(),
            [Event::ProgramRegistered {
                program_hash: hash,
                owner: ALICE,
                bytes: bytes.len() as u32,
                nodes: 2
            }]
        );
    });
}

#[test]
fn the_stored_terms_are_the_validators_for_every_batch() {
    build_and_execute(|| {
        for max_batch in [1, 2, 9] {
            let program = samples::two_layers(max_batch);
            assert_ok!(register(ALICE, &program));
            let valid = load(&program.encoded()).expect("valid");
            let terms = Stored::<Test>::get(program.hash()).expect("stored").terms;
            for batch in 0..=max_batch + 1 {
                let quote = terms.quote(program.hash(), batch);
                assert_eq!(
                    quote.as_ref().map(|q| q.cost),
                    valid.cost(batch),
                    "cost of {batch}"
                );
                assert_eq!(quote.as_ref().map(|q| q.memory), valid.memory(batch));
                assert_eq!(quote.as_ref().map(|q| q.input_len), valid.input_len(batch));
                assert_eq!(
                    quote.as_ref().map(|q| q.output_len),
                    valid.output_len(batch)
                );
            }
        }
    });
}

#[test]
fn a_program_is_stored_once() {
    build_and_execute(|| {
        assert_ok!(register(ALICE, &samples::two_layers(8)));
        assert_noop!(
            register(BOB, &samples::two_layers(8)),
            Error::<Test>::ProgramExists
        );
    });
}

#[test]
fn bytes_that_are_no_program_are_refused_with_the_validators_reason() {
    build_and_execute(|| {
        let origin = || RuntimeOrigin::signed(ALICE);
        let whole = samples::two_layers(8).encoded();
        let cases = [
            (vec![], Error::<Test>::ProgramMalformed),
            (
                whole[..whole.len() - 1].to_vec(),
                Error::<Test>::ProgramMalformed,
            ),
            (
                [whole.clone(), vec![0]].concat(),
                Error::<Test>::ProgramTrailingBytes,
            ),
        ];
        for (bytes, error) in cases {
            assert_noop!(Programs::register_program(origin(), bounded(bytes)), error);
        }
    });
}

#[test]
fn a_program_that_breaks_a_rule_is_refused_with_that_rule() {
    build_and_execute(|| {
        type Breakage = fn(&mut Program);
        let cases: [(Breakage, Error<Test>); 8] = [
            (|p| p.version = 9, Error::ProgramVersionUnknown),
            (|p| p.max_batch = 0, Error::ProgramMaxBatch),
            (|p| p.outputs = vec![], Error::ProgramOutputCount),
            (
                |p| p.outputs = vec![0, 7],
                Error::OutputUnknown { output: 1 },
            ),
            (
                |p| p.outputs = vec![1, 1],
                Error::OutputDuplicate { node: 1 },
            ),
            (|p| p.outputs = vec![0], Error::NodeDead { node: 1 }),
            (
                |p| p.inputs[0].shape = Shape::from([5]),
                Error::NodeOperandShape { node: 0 },
            ),
            (
                |p| p.nodes[1].operands[0] = Operand::Node(1),
                Error::NodeUnknownOperand { node: 1 },
            ),
        ];
        for (break_it, error) in cases {
            let mut program = samples::two_layers(8);
            break_it(&mut program);
            assert_noop!(register(ALICE, &program), error);
        }
    });
}

/// The decoder counts before the validator does, the call bounds the bytes, and no value has two
/// encodings: these errors are for who validates a program that he has not as bytes.
#[test]
fn what_the_decoder_refuses_never_gets_to_the_validator() {
    build_and_execute(|| {
        let same = |reason: Invalid, error: Error<Test>| {
            assert_eq!(
                DispatchError::from(Error::<Test>::from(reason)),
                error.into()
            );
        };
        type Breakage = fn(&mut Program);
        let cases: [(Breakage, Invalid, Error<Test>); 3] = [
            (
                |p| p.inputs = vec![p.inputs[0].clone(); 17],
                Invalid::TooManyInputs { count: 17 },
                Error::ProgramTooManyInputs,
            ),
            (
                |p| p.constants = vec![p.constants[0].clone(); 1_025],
                Invalid::TooManyConstants { count: 1_025 },
                Error::ProgramTooManyConstants,
            ),
            (
                |p| p.nodes = vec![p.nodes[1].clone(); 1_025],
                Invalid::TooManyNodes { count: 1_025 },
                Error::ProgramTooManyNodes,
            ),
        ];
        for (break_it, reason, error) in cases {
            let mut program = samples::two_layers(8);
            break_it(&mut program);
            assert_noop!(register(ALICE, &program), Error::<Test>::ProgramMalformed);
            assert_eq!(validate(&program).map(drop), Err(reason));
            same(reason, error);
        }

        let bytes = vec![0; MAX_PROGRAM_BYTES + 1];
        same(load(&bytes).unwrap_err(), Error::ProgramTooLong);
        assert!(BoundedVec::<u8, crate::MaxProgramBytes>::try_from(bytes).is_err());

        // Behind version and largest batch, the number of inputs, 1, in two bytes.
        let canonical = samples::two_layers(8).encoded();
        assert_eq!(canonical[5], 1 << 2);
        let longer = [&canonical[..5], &[0b101, 0], &canonical[6..]].concat();
        assert_noop!(
            Programs::register_program(RuntimeOrigin::signed(ALICE), bounded(longer)),
            Error::<Test>::ProgramMalformed
        );
        same(Invalid::NotCanonical, Error::ProgramNotCanonical);
    });
}

#[test]
fn every_reason_of_the_validator_has_an_error_of_its_own() {
    let (value, node) = (Operand::Const(3), 4);
    let reasons = [
        Invalid::TooLong { bytes: 1 },
        Invalid::Malformed,
        Invalid::TrailingBytes { bytes: 1 },
        Invalid::NotCanonical,
        Invalid::UnknownVersion { version: 9 },
        Invalid::MaxBatch { max_batch: 0 },
        Invalid::TooManyInputs { count: 17 },
        Invalid::TooManyConstants { count: 1_025 },
        Invalid::TooManyNodes { count: 1_025 },
        Invalid::OutputCount { count: 0 },
        Invalid::Rank { value },
        Invalid::Axis { value, axis: 0 },
        Invalid::TooLarge { value },
        Invalid::InputTooLarge,
        Invalid::InputOrder { input: 1 },
        Invalid::InlineLength { constant: 1 },
        Invalid::OperandCount {
            node,
            expected: 1,
            found: 2,
        },
        Invalid::UnknownOperand {
            node,
            operand: value,
        },
        Invalid::NotActivation { node, operand: 0 },
        Invalid::NotConstant { node, operand: 0 },
        Invalid::NotNode { node, operand: 0 },
        Invalid::OperandType {
            node,
            operand: 0,
            found: athanor_tensor_program::DType::I8,
        },
        Invalid::OperandShape { node, operand: 0 },
        Invalid::Attribute {
            node,
            attribute: "za",
        },
        Invalid::ReductionTooLong { node, k: 1 },
        Invalid::NotJudgeable { node, bytes: 1 },
        Invalid::ElementsChange { node },
        Invalid::NoSuchOutput { output: 1 },
        Invalid::DuplicateOutput { node },
        Invalid::DeadNode { node },
        Invalid::TotalTooLarge,
        Invalid::CostOverflow,
    ];
    let mut names = std::collections::BTreeSet::new();
    for reason in reasons {
        let error = Error::<Test>::from(reason);
        let name = format!("{error:?}");
        assert!(!name.starts_with("InvalidProgram"), "{reason:?}");
        assert!(names.insert(name), "{reason:?}");
    }
}

#[test]
fn the_largest_program_is_accepted() {
    build_and_execute(|| {
        let program = samples::chain(1_024, MAX_PROGRAM_BYTES as u32);
        assert_eq!(program.encoded().len(), MAX_PROGRAM_BYTES);
        assert_ok!(register(ALICE, &program));
    });
}

#[test]
fn an_unsigned_origin_registers_nothing() {
    build_and_execute(|| {
        assert_noop!(
            Programs::register_program(
                RuntimeOrigin::none(),
                bounded(samples::two_layers(8).encoded())
            ),
            sp_runtime::traits::BadOrigin
        );
    });
}

#[test]
fn weight_is_charged_for_the_most_nodes_and_given_back_for_the_real_ones() {
    build_and_execute(|| {
        let bytes = bounded(samples::chain(3, 9_000).encoded());
        let call = crate::Call::<Test>::register_program {
            bytes: bytes.clone(),
        };
        let before = call.get_dispatch_info().call_weight;
        let after = Programs::register_program(RuntimeOrigin::signed(ALICE), bytes)
            .expect("registers")
            .actual_weight
            .expect("corrects the weight");
        assert!(after.all_lt(before) || after.ref_time() < before.ref_time());
    });
}

#[test]
fn no_program_has_more_nodes_than_its_weight_assumes() {
    for nodes in [1, 2, 100, 1_024] {
        let bytes = samples::shortest(nodes).encoded();
        assert!(load(&bytes).is_ok());
        assert!(
            crate::types::most_nodes(bytes.len() as u32) >= nodes,
            "{nodes} nodes"
        );
    }
}

#[test]
fn an_unused_program_is_removed_by_its_owner() {
    build_and_execute(|| {
        let program = samples::two_layers(8);
        assert_ok!(register(ALICE, &program));
        assert_ok!(Programs::remove_program(
            RuntimeOrigin::signed(ALICE),
            program.hash()
        ));
        assert_eq!(Stored::<Test>::get(program.hash()), None);
        assert_eq!(ProgramBytes::<Test>::get(program.hash()), None);
        assert_eq!(
            events().last(),
            Some(&Event::ProgramRemoved {
                program_hash: program.hash(),
                owner: ALICE
            })
        );
        assert_ok!(register(BOB, &program));
    });
}

#[test]
fn an_unknown_program_cannot_be_removed() {
    build_and_execute(|| {
        assert_noop!(
            Programs::remove_program(RuntimeOrigin::signed(ALICE), [7; 32]),
            Error::<Test>::NoSuchProgram
        );
    });
}

#[test]
fn nobody_else_removes_a_program() {
    build_and_execute(|| {
        let program = samples::two_layers(8);
        assert_ok!(register(ALICE, &program));
        assert_noop!(
            Programs::remove_program(RuntimeOrigin::signed(BOB), program.hash()),
            Error::<Test>::NotOwner
        );
    });
}

#[test]
fn a_program_that_a_model_runs_stays() {
    build_and_execute(|| {
        let program = samples::two_layers(8);
        assert_ok!(register(ALICE, &program));
        super::models::register(BOB, &program);
        assert_noop!(
            Programs::remove_program(RuntimeOrigin::signed(ALICE), program.hash()),
            Error::<Test>::ProgramInUse
        );
    });
}
