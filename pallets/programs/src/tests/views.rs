//! View functions.

use crate::{mock::*, samples};
use athanor_tensor_program::load;
use frame_support::assert_ok;

#[test]
fn a_program_and_its_model_are_shown_whole() {
    build_and_execute(|| {
        let program = samples::two_layers(8);
        assert_ok!(Programs::register_program(
            RuntimeOrigin::signed(ALICE),
            program.encoded().try_into().expect("fits"),
        ));
        let id = super::models::register(ALICE, &program);

        let shown = Programs::program(program.hash()).expect("shown");
        assert_eq!((shown.owner, shown.models), (ALICE, 1));
        assert_eq!(shown.bytes, program.encoded());
        let model = Programs::model(id).expect("shown");
        assert_eq!(model.roots.len(), samples::TWO_LAYERS_ROOTS);
        assert_eq!(model.licence, b"Apache-2.0");
        assert_eq!(model.max_batch, 8);
        assert_eq!(shown.deposit + model.deposit, held(ALICE));

        let valid = load(&program.encoded()).expect("valid");
        assert_eq!(Programs::cost(id, 3), valid.cost(3));
        assert_eq!(Programs::memory(id, 3), valid.memory(3));
    });
}

#[test]
fn what_is_not_there_is_not_shown() {
    build_and_execute(|| {
        assert_eq!(Programs::program([1; 32]), None);
        assert_eq!(Programs::model(0), None);
        assert_eq!(Programs::cost(0, 1), None);
        assert_eq!(Programs::memory(0, 1), None);
    });
}
