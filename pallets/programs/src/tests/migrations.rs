//! Version 0 to 1 of the storage.

use crate::{
    migrations::v1::{layout, v0, AddModelBytes},
    mock::*,
    samples, ModelRoots, Models, NextModelId,
};
use athanor_primitives::ModelId;
use codec::{Decode, Encode};
use frame_support::{
    assert_ok, assert_storage_noop,
    migrations::{SteppedMigration, SteppedMigrationError},
    pallet_prelude::StorageVersion,
    traits::ConstU32,
    weights::WeightMeter,
};
use std::collections::BTreeMap;

type Migration = AddModelBytes<Test, ConstU32<2>>;

/// A chain with `count` models as version 0 stores them.
fn old_models(count: u64) {
    let program = samples::two_layers(8);
    assert_ok!(Programs::register_program(
        RuntimeOrigin::signed(ALICE),
        program.encoded().try_into().expect("fits")
    ));
    for _ in 0..count {
        super::models::register(ALICE, &program);
    }
    // Version 1 has its new field at the end, so that this reads either.
    for id in 0..count {
        let model = v0::Models::<Test>::get(id).expect("registered");
        v0::Models::<Test>::insert(id, model);
    }
    StorageVersion::new(0).put::<Programs>();
}

fn step(cursor: Option<ModelId>) -> Result<Option<ModelId>, SteppedMigrationError> {
    Migration::transactional_step(cursor, &mut WeightMeter::new())
}

/// Bytes of each model's entry.
fn lengths() -> BTreeMap<ModelId, usize> {
    v0::Models::<Test>::iter_keys()
        .map(|id| {
            let key = v0::Models::<Test>::hashed_key_for(id);
            let raw = sp_io::storage::get(&key).expect("it is there");
            (id, raw.len())
        })
        .collect()
}

#[test]
fn a_bounded_number_of_models_is_translated_a_step_and_none_twice() {
    new_test_ext().execute_with(|| {
        old_models(5);
        let old = v0::Models::<Test>::get(0)
            .expect("registered")
            .encoded_size();
        let mut cursor = None;
        for translated in [2, 4] {
            cursor = step(cursor).expect("it goes on");
            assert!(cursor.is_some());
            let new = lengths().values().filter(|len| **len == old + 4).count();
            let left = lengths().values().filter(|len| **len == old).count();
            assert_eq!((new, left), (translated, 5 - translated));
            assert_eq!(StorageVersion::get::<Programs>(), 0);
        }
        assert_eq!(step(cursor), Ok(None));
        assert_eq!(StorageVersion::get::<Programs>(), 1);
        let size = 32 * samples::TWO_LAYERS_ROOTS + b"Apache-2.0".len();
        for id in 0..5 {
            let model = layout::Models::<Test>::get(id).expect("translated");
            assert_eq!(model.bytes as usize, size);
            assert_eq!(model.before.owner, ALICE);
        }
    });
}

#[test]
fn the_second_time_it_does_nothing() {
    new_test_ext().execute_with(|| {
        old_models(3);
        assert_eq!(step(step(None).expect("it goes on")), Ok(None));
        assert_storage_noop!(assert_eq!(step(None), Ok(None)));
        assert_storage_noop!(assert_eq!(step(Some(1)), Ok(None)));
    });
}

#[test]
fn a_chain_without_models_is_of_version_1_at_once() {
    new_test_ext().execute_with(|| {
        old_models(0);
        assert_eq!(step(None), Ok(None));
        assert_eq!(StorageVersion::get::<Programs>(), 1);
    });
}

#[test]
fn the_weight_left_bounds_a_step() {
    new_test_ext().execute_with(|| {
        old_models(3);
        let mut meter = WeightMeter::with_limit(frame_support::weights::Weight::from_parts(1, 1));
        let Err(SteppedMigrationError::InsufficientWeight { required }) =
            Migration::transactional_step(None, &mut meter)
        else {
            panic!("a step in no time");
        };
        assert_eq!(meter.consumed(), frame_support::weights::Weight::zero());

        let old = v0::Models::<Test>::get(0)
            .expect("registered")
            .encoded_size();
        let mut meter = WeightMeter::with_limit(required);
        assert!(Migration::transactional_step(None, &mut meter).is_ok_and(|next| next.is_some()));
        assert_eq!(lengths().values().filter(|len| **len == old + 4).count(), 1);
        assert_eq!(meter.consumed(), required);
    });
}

#[test]
fn a_model_that_cannot_be_read_stops_it_and_nothing_changes() {
    new_test_ext().execute_with(|| {
        old_models(2);
        let last = v0::Models::<Test>::iter_keys().last().expect("two models");
        sp_io::storage::set(&v0::Models::<Test>::hashed_key_for(last), &[1, 2, 3]);
        assert!(Migration::before().is_err());
        assert_storage_noop!(assert_eq!(step(None), Err(SteppedMigrationError::Failed)));
    });
    new_test_ext().execute_with(|| {
        old_models(2);
        ModelRoots::<Test>::remove(1);
        assert_storage_noop!(assert_eq!(step(None), Err(SteppedMigrationError::Failed)));
    });
}

#[test]
fn the_checks_before_and_after_find_what_is_lost_or_changed() {
    let migrated = |harm: fn()| {
        new_test_ext().execute_with(|| {
            old_models(3);
            let before = Migration::before().expect("all can be read");
            assert!(
                Migration::after(&before).is_err(),
                "nothing is translated yet"
            );
            assert_eq!(step(step(None).expect("it goes on")), Ok(None));
            harm();
            Migration::after(&before).map_err(|error| match error {
                sp_runtime::TryRuntimeError::Other(words) => words,
                _ => "another error",
            })
        })
    };
    assert_eq!(migrated(|| ()), Ok(()));
    assert_eq!(
        migrated(|| layout::Models::<Test>::remove(1)),
        Err("the number of models has changed")
    );
    assert_eq!(
        migrated(|| layout::Models::<Test>::mutate(1, |model| {
            model.as_mut().expect("translated").bytes += 1
        })),
        Err("a model's bytes are wrong")
    );
    assert_eq!(
        migrated(|| layout::Models::<Test>::mutate(1, |model| {
            model.as_mut().expect("translated").before.users += 1
        })),
        Err("a model has changed")
    );
    assert_eq!(
        migrated(|| StorageVersion::new(0).put::<Programs>()),
        Err("the storage is not of version 1")
    );
}

/// The pallet's own type is one of the two layouts.
#[test]
fn the_pallet_stores_the_layout_of_its_version() {
    build_and_execute(|| {
        let program = samples::two_layers(8);
        assert_ok!(Programs::register_program(
            RuntimeOrigin::signed(ALICE),
            program.encoded().try_into().expect("fits")
        ));
        let model = super::models::register(ALICE, &program);
        let stored = Models::<Test>::get(model).expect("registered").encode();
        let again = if cfg!(feature = "rehearsal") {
            layout::ModelEntryOf::<Test>::decode(&mut &stored[..]).map(|entry| entry.encode())
        } else {
            v0::ModelEntryOf::<Test>::decode(&mut &stored[..]).map(|entry| entry.encode())
        };
        assert_eq!(again, Ok(stored));
        assert_eq!(NextModelId::<Test>::get(), model + 1);
    });
}

/// What a new runtime makes of the state of the old one.
#[cfg(feature = "rehearsal")]
#[test]
fn the_new_pallet_reads_what_was_translated() {
    build_and_execute(|| {
        old_models(3);
        assert!(Models::<Test>::get(1).is_none(), "not before");
        assert_eq!(step(step(None).expect("it goes on")), Ok(None));
        let size = 32 * samples::TWO_LAYERS_ROOTS + b"Apache-2.0".len();
        let seen = Programs::view_model(1).map(|model| model.bytes as usize);
        assert_eq!(seen, Some(size));
    });
}
