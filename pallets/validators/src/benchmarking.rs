//! Benchmarks of every call, and of what a report and a new session cost, each at its dearest.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

use crate::*;
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible::Mutate, EnsureOrigin, Get};
use frame_system::RawOrigin;
use sp_runtime::Perbill;
use sp_staking::SessionIndex;

/// The largest set a session is measured with.
const MAX_VALIDATORS: u32 = 250;

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
    let who: T::AccountId = account(name, index, 0);
    T::Currency::set_balance(&who, T::MinBond::get() * 100);
    who
}

fn bonded<T: Config>(index: u32) -> T::AccountId {
    let who = funded::<T>("validator", index);
    Pallet::<T>::do_bond(who.clone(), T::MinBond::get()).unwrap();
    who
}

/// A sentence as long as can be, over in the first session.
fn sentence<T: Config>(who: &T::AccountId, term: Term) {
    let offences: Vec<_> = (0..T::MaxOffences::get())
        .map(|_| Offence {
            session: 0,
            kind: *b"benchmark:kind!!",
            fraction: Perbill::from_percent(1),
            base: T::MinBond::get(),
            slashed: 0,
        })
        .collect();
    let offences = offences.try_into().ok().unwrap();
    Sentences::<T>::insert(who, Sentence { term, offences });
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn bond() {
        let who = bonded::<T>(0);
        Pallet::<T>::do_unbond(who.clone()).unwrap();
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), T::MinBond::get());
        assert_eq!(Bonds::<T>::get(&who).unwrap().held, T::MinBond::get() * 2);
    }

    #[benchmark]
    fn unbond() {
        let who = bonded::<T>(0);
        // The list is as long as it gets, and he is not on it.
        T::Sessions::list(&[]);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(Bonds::<T>::get(&who).unwrap().state != BondState::Active);
    }

    #[benchmark]
    fn poke() {
        let who = bonded::<T>(0);
        let state = BondState::Leaving { until: 0 };
        Bonds::<T>::mutate(&who, |entry| entry.as_mut().unwrap().state = state);
        Sentences::<T>::insert(
            &who,
            Sentence {
                term: Term::Until(0),
                offences: Default::default(),
            },
        );
        let anybody = funded::<T>("anybody", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(anybody), who.clone());
        assert!(!Bonds::<T>::contains_key(&who) && !Sentences::<T>::contains_key(&who));
    }

    #[benchmark]
    fn jail() -> Result<(), BenchmarkError> {
        let origin =
            T::JailOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        let who = bonded::<T>(0);
        sentence::<T>(&who, Term::Until(0));
        T::Sessions::list(core::slice::from_ref(&who));
        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, who.clone(), None);
        assert!(Pallet::<T>::jailed(&who).is_some());
        Ok(())
    }

    #[benchmark]
    fn unjail() -> Result<(), BenchmarkError> {
        let origin =
            T::JailOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        let who = bonded::<T>(0);
        sentence::<T>(&who, Term::UntilReleased);
        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, who.clone());
        assert!(Pallet::<T>::jailed(&who).is_none());
        Ok(())
    }

    #[benchmark]
    fn on_offence() {
        let validators: Vec<T::AccountId> = (0..MAX_VALIDATORS).map(bonded::<T>).collect();
        let who = validators.last().cloned().unwrap();
        sentence::<T>(&who, Term::Until(0));
        T::Sessions::list(core::slice::from_ref(&who));
        T::Sessions::set_validators(validators);
        let session: SessionIndex = 1;
        #[block]
        {
            Pallet::<T>::punish(&who, Perbill::from_percent(50), session);
        }
        assert!(Bonds::<T>::get(&who).unwrap().held < T::MinBond::get());
    }

    #[benchmark]
    fn begin_session(v: Linear<1, MAX_VALIDATORS>) {
        let validators: Vec<T::AccountId> = (0..v).map(bonded::<T>).collect();
        for who in &validators {
            let state = BondState::Leaving { until: 0 };
            Bonds::<T>::mutate(who, |entry| entry.as_mut().unwrap().state = state);
        }
        T::Sessions::set_validators(validators.clone());
        #[block]
        {
            Pallet::<T>::begin_session(1);
        }
        let until = Pallet::<T>::unreportable_after(1);
        for who in &validators {
            let state = BondState::Leaving { until };
            assert_eq!(Bonds::<T>::get(who).unwrap().state, state);
        }
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
