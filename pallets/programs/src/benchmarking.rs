//! Benchmarks of the calls.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used
)]

use crate::{pallet::*, samples, types::*};
use alloc::{vec, vec::Vec};
use athanor_primitives::{ModelId, Root};
use athanor_tensor_program::{Program, MAX_PROGRAM_BYTES};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{Consideration, Footprint},
    BoundedVec,
};
use frame_system::RawOrigin;

/// An account that can pay every deposit of one benchmark.
fn payer<T: Config>() -> T::AccountId {
    let who: T::AccountId = account("payer", 0, 0);
    for _ in 0..4 {
        DepositOf::<T>::ensure_successful(&who, Footprint::from_parts(2, 2 * MAX_PROGRAM_BYTES));
    }
    who
}

fn store<T: Config>(owner: &T::AccountId, program: &Program) -> [u8; 32] {
    let bytes = program.encoded().try_into().expect("samples fit");
    if Programs::<T>::get(program.hash()).is_none() {
        Pallet::<T>::do_register_program(owner.clone(), bytes).expect("samples are valid");
    }
    program.hash()
}

fn roots<T: Config>(count: u32) -> BoundedVec<Root, MaxRoots> {
    (0..count)
        .map(|i| [i as u8; 32])
        .collect::<Vec<Root>>()
        .try_into()
        .expect("at most 1,024")
}

fn store_model<T: Config>(owner: &T::AccountId, program: &Program, count: u32) -> ModelId {
    let hash = store::<T>(owner, program);
    let licence = vec![b'A'; 64].try_into().expect("64 bytes");
    Pallet::<T>::do_register_model(owner.clone(), hash, roots::<T>(count), licence, None, None)
        .expect("samples make models")
}

/// A model whose program has `nodes` nodes, 1 to 1,024.
pub(crate) fn model_with_nodes<T: Config>(nodes: u32) -> ModelId {
    store_model::<T>(&payer::<T>(), &samples::chain(nodes.clamp(1, 1_024), 0), 0)
}

/// A model of this program.
pub(crate) fn model_of<T: Config>(program: &Program, weights: Vec<Root>) -> ModelId {
    let owner = payer::<T>();
    let hash = store::<T>(&owner, program);
    let licence = vec![b'A'; 64].try_into().expect("64 bytes");
    let roots = weights.try_into().expect("at most 1,024");
    Pallet::<T>::do_register_model(owner, hash, roots, licence, None, None)
        .expect("programs with their roots make models")
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register_program(b: Linear<16_384, 65_536>, n: Linear<1, 1_024>) {
        let caller = payer::<T>();
        let program = samples::chain(n, b);
        let bytes: BoundedVec<u8, MaxProgramBytes> =
            program.encoded().try_into().expect("the sample fits");

        #[extrinsic_call]
        _(RawOrigin::Signed(caller), bytes);

        assert!(Programs::<T>::contains_key(program.hash()));
    }

    #[benchmark]
    fn register_model(r: Linear<0, 1_024>) {
        let caller = payer::<T>();
        let hash = store::<T>(&caller, &samples::tables(r));
        let parent = store_model::<T>(&caller, &samples::two_layers(1), 2);
        let licence = vec![b'A'; 64].try_into().expect("64 bytes");

        #[extrinsic_call]
        _(
            RawOrigin::Signed(caller),
            hash,
            roots::<T>(r),
            licence,
            Some([1; 32]),
            Some(parent),
        );

        assert_eq!(
            ModelRoots::<T>::get(parent + 1).map(|roots| roots.len()),
            Some(r as usize)
        );
    }

    #[benchmark]
    fn retire() {
        let caller = payer::<T>();
        let model = store_model::<T>(&caller, &samples::two_layers(1), 2);

        #[extrinsic_call]
        _(RawOrigin::Signed(caller), model);

        assert!(Models::<T>::get(model).is_some_and(|entry| entry.retired));
    }

    #[benchmark]
    fn remove_model() {
        let caller = payer::<T>();
        let model = store_model::<T>(&caller, &samples::two_layers(1), 2);
        Pallet::<T>::do_retire(&caller, model).expect("just registered");

        #[extrinsic_call]
        _(RawOrigin::Signed(caller), model);

        assert!(Models::<T>::get(model).is_none());
    }

    #[benchmark]
    fn remove_program() {
        let caller = payer::<T>();
        let hash = store::<T>(&caller, &samples::chain(1, MAX_PROGRAM_BYTES as u32));

        #[extrinsic_call]
        _(RawOrigin::Signed(caller), hash);

        assert!(!Programs::<T>::contains_key(hash));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
