//! Registering, retiring and removing model versions.

use crate::{mock::*, samples, Error, Event, ModelRoots, Models, NextModelId};
use athanor_primitives::{ModelId, ModelRegistry, Root};
use athanor_tensor_program::Program;
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};

fn try_register(
    who: AccountId,
    hash: [u8; 32],
    roots: usize,
    licence: &[u8],
    parent: Option<ModelId>,
) -> DispatchResult {
    let roots: Vec<Root> = (0..roots).map(|i| [i as u8; 32]).collect();
    Programs::register_model(
        RuntimeOrigin::signed(who),
        hash,
        roots.try_into().expect("at most 1,024"),
        licence.to_vec().try_into().expect("at most 64"),
        Some([9; 32]),
        parent,
    )
}

fn program() -> Program {
    let program = samples::two_layers(8);
    assert_ok!(Programs::register_program(
        RuntimeOrigin::signed(ALICE),
        program.encoded().try_into().expect("fits"),
    ));
    program
}

/// Registers a model of a registered program.
pub(super) fn register(who: AccountId, program: &Program) -> ModelId {
    let model = NextModelId::<Test>::get();
    assert_ok!(try_register(
        who,
        program.hash(),
        samples::TWO_LAYERS_ROOTS,
        b"Apache-2.0",
        None
    ));
    model
}

#[test]
fn a_model_of_anybodys_program_is_stored() {
    build_and_execute(|| {
        let program = program();
        let model = register(BOB, &program);
        let entry = Models::<Test>::get(model).expect("stored");
        assert_eq!((entry.owner, entry.program_hash), (BOB, program.hash()));
        assert_eq!((entry.users, entry.retired), (0, false));
        assert_eq!(
            ModelRoots::<Test>::get(model).map(|roots| roots.len()),
            Some(samples::TWO_LAYERS_ROOTS)
        );
        assert_eq!(
            crate::Programs::<Test>::get(program.hash()).map(|p| p.models),
            Some(1)
        );
        assert_eq!(
            events().last(),
            Some(&Event::ModelRegistered {
                model,
                program_hash: program.hash(),
                owner: BOB,
                parent: None
            })
        );
    });
}

#[test]
fn every_version_gets_an_id_of_its_own() {
    build_and_execute(|| {
        let program = program();
        let first = register(ALICE, &program);
        let second = register(ALICE, &program);
        assert_ok!(Programs::retire(RuntimeOrigin::signed(ALICE), second));
        assert_ok!(Programs::remove_model(RuntimeOrigin::signed(ALICE), second));
        let third = register(ALICE, &program);
        assert_eq!((first, second, third), (0, 1, 2));
    });
}

#[test]
fn a_version_may_name_the_one_it_was_made_from() {
    build_and_execute(|| {
        let program = program();
        let parent = register(ALICE, &program);
        assert_ok!(try_register(
            BOB,
            program.hash(),
            samples::TWO_LAYERS_ROOTS,
            b"MIT",
            Some(parent)
        ));
        assert_eq!(
            Models::<Test>::get(1).and_then(|model| model.parent),
            Some(parent)
        );
    });
}

#[test]
fn a_parent_that_is_not_there_is_refused() {
    build_and_execute(|| {
        let program = program();
        assert_noop!(
            try_register(
                ALICE,
                program.hash(),
                samples::TWO_LAYERS_ROOTS,
                b"MIT",
                Some(0)
            ),
            Error::<Test>::NoSuchParent
        );
    });
}

#[test]
fn a_model_of_an_unknown_program_is_refused() {
    build_and_execute(|| {
        assert_noop!(
            try_register(ALICE, [7; 32], 0, b"MIT", None),
            Error::<Test>::NoSuchProgram
        );
    });
}

#[test]
fn a_model_may_have_as_many_roots_as_a_program_constants() {
    build_and_execute(|| {
        let program = samples::tables(1_024);
        assert_ok!(Programs::register_program(
            RuntimeOrigin::signed(ALICE),
            program.encoded().try_into().expect("fits"),
        ));
        assert_ok!(try_register(ALICE, program.hash(), 1_024, b"MIT", None));
        assert_eq!(
            ModelRoots::<Test>::get(0).map(|roots| roots.len()),
            Some(1_024)
        );
    });
}

#[test]
fn the_number_of_roots_must_be_the_programs() {
    build_and_execute(|| {
        let hash = program().hash();
        for roots in [
            0,
            samples::TWO_LAYERS_ROOTS - 1,
            samples::TWO_LAYERS_ROOTS + 1,
            1_024,
        ] {
            assert_noop!(
                try_register(ALICE, hash, roots, b"MIT", None),
                Error::<Test>::WrongRootCount
            );
        }
    });
}

#[test]
fn a_licence_must_be_printable_ascii() {
    build_and_execute(|| {
        let hash = program().hash();
        for licence in [&b""[..], b"MIT\n", b"\0", "licença".as_bytes(), &[0xFF; 64]] {
            assert_noop!(
                try_register(ALICE, hash, samples::TWO_LAYERS_ROOTS, licence, None),
                Error::<Test>::BadLicence
            );
        }
    });
}

#[test]
fn the_last_id_is_not_given_out() {
    build_and_execute(|| {
        let hash = program().hash();
        NextModelId::<Test>::put(ModelId::MAX);
        assert_noop!(
            try_register(ALICE, hash, samples::TWO_LAYERS_ROOTS, b"MIT", None),
            Error::<Test>::NoMoreIds
        );
    });
}

#[test]
fn the_owner_retires_a_model() {
    build_and_execute(|| {
        let model = register(BOB, &program());
        assert_ok!(Programs::retire(RuntimeOrigin::signed(BOB), model));
        assert_eq!(
            Models::<Test>::get(model).map(|entry| entry.retired),
            Some(true)
        );
        assert_eq!(events().last(), Some(&Event::ModelRetired { model }));
    });
}

#[test]
fn nobody_else_retires_a_model() {
    build_and_execute(|| {
        let model = register(BOB, &program());
        assert_noop!(
            Programs::retire(RuntimeOrigin::signed(ALICE), model),
            Error::<Test>::NotOwner
        );
    });
}

#[test]
fn a_retired_model_is_not_retired_again() {
    build_and_execute(|| {
        let model = register(BOB, &program());
        assert_ok!(Programs::retire(RuntimeOrigin::signed(BOB), model));
        assert_noop!(
            Programs::retire(RuntimeOrigin::signed(BOB), model),
            Error::<Test>::AlreadyRetired
        );
    });
}

#[test]
fn an_unknown_model_is_neither_retired_nor_removed() {
    build_and_execute(|| {
        assert_noop!(
            Programs::retire(RuntimeOrigin::signed(BOB), 5),
            Error::<Test>::NoSuchModel
        );
        assert_noop!(
            Programs::remove_model(RuntimeOrigin::signed(BOB), 5),
            Error::<Test>::NoSuchModel
        );
    });
}

#[test]
fn a_retired_model_is_removed_with_its_roots() {
    build_and_execute(|| {
        let program = program();
        let model = register(BOB, &program);
        assert_ok!(Programs::retire(RuntimeOrigin::signed(BOB), model));
        assert_ok!(Programs::remove_model(RuntimeOrigin::signed(BOB), model));
        assert_eq!(Models::<Test>::get(model), None);
        assert_eq!(ModelRoots::<Test>::get(model), None);
        assert_eq!(
            crate::Programs::<Test>::get(program.hash()).map(|p| p.models),
            Some(0)
        );
        assert_eq!(
            events().last(),
            Some(&Event::ModelRemoved { model, owner: BOB })
        );
    });
}

#[test]
fn a_live_model_is_not_removed() {
    build_and_execute(|| {
        let model = register(BOB, &program());
        assert_noop!(
            Programs::remove_model(RuntimeOrigin::signed(BOB), model),
            Error::<Test>::NotRetired
        );
    });
}

#[test]
fn nobody_else_removes_a_model() {
    build_and_execute(|| {
        let model = register(BOB, &program());
        assert_ok!(Programs::retire(RuntimeOrigin::signed(BOB), model));
        assert_noop!(
            Programs::remove_model(RuntimeOrigin::signed(ALICE), model),
            Error::<Test>::NotOwner
        );
    });
}

#[test]
fn a_model_that_a_live_job_uses_stays() {
    build_and_execute(|| {
        let model = register(BOB, &program());
        <Programs as ModelRegistry>::acquire(model);
        assert_ok!(Programs::retire(RuntimeOrigin::signed(BOB), model));
        assert_noop!(
            Programs::remove_model(RuntimeOrigin::signed(BOB), model),
            Error::<Test>::ModelInUse
        );
        <Programs as ModelRegistry>::release(model);
        assert_ok!(Programs::remove_model(RuntimeOrigin::signed(BOB), model));
    });
}
