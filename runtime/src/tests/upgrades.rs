//! What becomes of the chain when a migration fails, and the way out.

use super::externalities;
use crate::*;
use frame_support::{
    assert_ok,
    migrations::{FailedMigrationHandler, FailedMigrationHandling, MultiStepMigrator},
    traits::Contains,
};
use pallet_migrations::{Cursor, MigrationCursor};
use sp_runtime::traits::Dispatchable;

type Handler = <Runtime as pallet_migrations::Config>::FailedMigrationHandler;

fn transfer() -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_all {
        dest: AccountId::new([1; 32]).into(),
        keep_alive: false,
    })
}

#[test]
fn a_failed_migration_leaves_the_chain_in_safe_mode_until_governance_frees_it() {
    for entered_before in [false, true] {
        externalities("staging").execute_with(|| {
            System::set_block_number(1);
            if entered_before {
                let enter = pallet_safe_mode::Call::force_enter {};
                assert_ok!(RuntimeCall::SafeMode(enter).dispatch(RuntimeOrigin::root()));
            }
            assert!(matches!(
                Handler::failed(Some(0)),
                FailedMigrationHandling::KeepStuck
            ));
            // What pallet-migrations does with that answer.
            Cursor::<Runtime>::set(Some(MigrationCursor::Stuck));
            assert_eq!(
                pallet_safe_mode::EnteredUntil::<Runtime>::get(),
                Some(BlockNumber::MAX)
            );
            assert!(<Runtime as frame_system::Config>::MultiBlockMigrator::ongoing());
            assert!(!<Runtime as frame_system::Config>::BaseCallFilter::contains(&transfer()));

            let unstick = pallet_migrations::Call::force_set_cursor { cursor: None };
            let free = [
                RuntimeCall::MultiBlockMigrations(unstick),
                RuntimeCall::SafeMode(pallet_safe_mode::Call::force_exit {}),
            ];
            for call in free {
                assert_ok!(call.dispatch(RuntimeOrigin::root()));
            }
            assert!(!<Runtime as frame_system::Config>::MultiBlockMigrator::ongoing());
            assert!(<Runtime as frame_system::Config>::BaseCallFilter::contains(
                &transfer()
            ));
        });
    }
}

/// The migration of the rehearsal, run by the runtime as at an upgrade.
#[cfg(feature = "rehearsal")]
mod rehearsal {
    use super::*;
    use athanor_primitives::Root;
    use frame_support::{
        pallet_prelude::StorageVersion,
        traits::{Footprint, Hooks},
    };
    use pallet_programs::{migrations::v1::v0, DepositOf};
    use sp_keyring::Sr25519Keyring;

    const MODELS: u64 = 2_500;

    fn old_models() {
        use frame_support::traits::Consideration;
        let owner = Sr25519Keyring::Dave.to_account_id();
        let deposit = DepositOf::<Runtime>::new(&owner, Footprint::from_parts(2, 32))
            .expect("Dave can pay it");
        for id in 0..MODELS {
            let model = v0::ModelEntry {
                owner: owner.clone(),
                deposit: deposit.clone(),
                program_hash: [1; 32],
                licence: b"MIT".to_vec().try_into().expect("short"),
                card_root: None,
                parent: None,
                retired: false,
                users: 0,
            };
            v0::Models::<Runtime>::insert(id, model);
            let roots: Vec<Root> = vec![[2; 32]];
            pallet_programs::ModelRoots::<Runtime>::insert(
                id,
                frame_support::BoundedVec::truncate_from(roots),
            );
        }
        StorageVersion::new(0).put::<Programs>();
    }

    /// Blocks until it has ended.
    fn migrate() -> u64 {
        MultiBlockMigrations::on_runtime_upgrade();
        let mut blocks = 0;
        while matches!(Cursor::<Runtime>::get(), Some(MigrationCursor::Active(_))) {
            System::set_block_number(System::block_number() + 1);
            <Runtime as frame_system::Config>::MultiBlockMigrator::step();
            blocks += 1;
        }
        blocks
    }

    #[test]
    fn it_takes_several_blocks_and_is_not_run_again() {
        externalities("staging").execute_with(|| {
            System::set_block_number(1);
            old_models();
            assert!(pallet_programs::Models::<Runtime>::get(1).is_none());
            let least = MODELS.div_ceil(migrations::ModelsPerBlock::get().into());
            let blocks = migrate();
            assert!(blocks >= least, "{blocks} blocks");
            assert!(Cursor::<Runtime>::get().is_none());
            assert_eq!(StorageVersion::get::<Programs>(), 1);
            for id in 0..MODELS {
                let model = pallet_programs::Models::<Runtime>::get(id).expect("translated");
                assert_eq!(model.bytes, 32 + 3);
            }
            assert!(!SafeMode::is_entered());
            assert!(migrate() <= 1, "only to see that all are done");
        });
    }

    // With `try-runtime` a failure panics instead, on purpose.
    #[cfg(not(feature = "try-runtime"))]
    #[test]
    fn a_model_that_cannot_be_read_stops_the_chain_for_governance() {
        externalities("staging").execute_with(|| {
            System::set_block_number(1);
            old_models();
            let last = v0::Models::<Runtime>::iter_keys().last().expect("models");
            sp_io::storage::set(&v0::Models::<Runtime>::hashed_key_for(last), &[1]);
            migrate();
            assert_eq!(Cursor::<Runtime>::get(), Some(MigrationCursor::Stuck));
            assert!(SafeMode::is_entered());
            assert_eq!(StorageVersion::get::<Programs>(), 0);
        });
    }
}
