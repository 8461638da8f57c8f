//! The seam to whoever runs models.

use crate::{mock::*, samples, Models};
use athanor_primitives::{ModelId, ModelRegistry};
use athanor_tensor_program::load;
use frame_support::assert_ok;

type Registry = Programs;

fn model() -> ModelId {
    let program = samples::two_layers(8);
    assert_ok!(Programs::register_program(
        RuntimeOrigin::signed(ALICE),
        program.encoded().try_into().expect("fits"),
    ));
    super::models::register(ALICE, &program)
}

#[test]
fn a_quote_is_what_the_validator_says() {
    build_and_execute(|| {
        let model = model();
        let program = samples::two_layers(8);
        let valid = load(&program.encoded()).expect("valid");
        let quote = Registry::quote(model, 5).expect("quoted");
        assert_eq!(quote.program_hash, program.hash());
        assert_eq!(Some(quote.cost), valid.cost(5));
        assert_eq!(Some(quote.memory), valid.memory(5));
        assert_eq!(Some(quote.input_len), valid.input_len(5));
        assert_eq!(Some(quote.output_len), valid.output_len(5));
        assert_eq!(quote.nodes as usize, valid.node_count());
        assert_eq!(quote.outputs, valid.outputs());
    });
}

#[test]
fn a_batch_out_of_range_gets_no_quote() {
    build_and_execute(|| {
        let model = model();
        for batch in [0, 9, u32::MAX] {
            assert_eq!(Registry::quote(model, batch), None, "batch {batch}");
        }
    });
}

#[test]
fn an_unknown_model_gets_no_answer() {
    build_and_execute(|| {
        assert_eq!(Registry::quote(3, 1), None);
        assert_eq!(Registry::quote_any(3, 1), None);
        assert_eq!(<Registry as ModelRegistry>::program(3), None);
        assert_eq!(Registry::weights(3), None);
    });
}

#[test]
fn a_retired_model_is_quoted_for_jobs_in_flight_only() {
    build_and_execute(|| {
        let model = model();
        assert_ok!(Programs::retire(RuntimeOrigin::signed(ALICE), model));
        assert_eq!(Registry::quote(model, 1), None);
        assert!(Registry::quote_any(model, 1).is_some());
    });
}

#[test]
fn program_and_weights_are_those_registered() {
    build_and_execute(|| {
        let model = model();
        assert_eq!(
            <Registry as ModelRegistry>::program(model),
            Some(samples::two_layers(8).encoded())
        );
        let roots = Registry::weights(model).expect("known");
        assert_eq!(roots.len(), samples::TWO_LAYERS_ROOTS);
        assert_eq!(roots.first(), Some(&[0; 32]));
    });
}

#[test]
fn users_are_counted() {
    build_and_execute(|| {
        let model = model();
        Registry::acquire(model);
        Registry::acquire(model);
        Registry::release(model);
        assert_eq!(Models::<Test>::get(model).map(|entry| entry.users), Some(1));
    });
}
