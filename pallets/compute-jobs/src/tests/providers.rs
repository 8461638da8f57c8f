//! Registering, offering, leaving, jail.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, BoundedVec};

type E = Error<Test>;

fn register(i: u32) {
    assert_ok!(try_register(
        signed(&provider(i)),
        worker(i),
        Default::default()
    ));
}

#[test]
fn registering_holds_the_bond() {
    build_and_execute(|| {
        let endpoint: Endpoint = b"https://example.org".to_vec().try_into().unwrap();
        assert_ok!(try_register(
            signed(&provider(0)),
            worker(0),
            endpoint.clone()
        ));
        assert_eq!(held(HoldReason::ProviderBond, &provider(0)), 100 * AUR);
        let record = Providers::<Test>::get(provider(0)).unwrap();
        assert_eq!((record.bond, record.endpoint), (100 * AUR, endpoint));
        assert_eq!(WorkerOf::<Test>::get(worker(0)), Some(provider(0)));
    });
}

#[test]
fn registering_twice_is_refused() {
    build_and_execute(|| {
        register(0);
        assert_noop!(
            try_register(signed(&provider(0)), worker(1), Default::default()),
            E::AlreadyRegistered
        );
    });
}

#[test]
fn registering_without_the_bond_is_refused() {
    build_and_execute(|| {
        assert_noop!(
            try_register(signed(&worker(0)), worker(1), Default::default()),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}

#[test]
fn a_worker_key_serves_one_provider() {
    build_and_execute(|| {
        register(0);
        assert_noop!(
            try_register(signed(&provider(1)), worker(0), Default::default()),
            E::WorkerTaken
        );
        register(1);
        assert_noop!(
            try_set_worker(signed(&provider(1)), worker(0)),
            E::WorkerTaken
        );
    });
}

#[test]
fn a_new_worker_key_counts_for_later_jobs_and_the_old_one_finishes_its_own() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (first, keys) = create_and_draw(terms(OPTIMISTIC));
        assert_eq!(keys, [worker(0)]);
        assert_ok!(try_set_worker(signed(&provider(0)), worker(5)));
        assert_eq!(WorkerOf::<Test>::get(worker(0)), None);
        accept(first, &worker(0));
        let (_, keys) = create_and_draw(terms(OPTIMISTIC));
        assert_eq!(keys, [worker(5)]);
        assert_noop!(
            try_set_worker(signed(&provider(0)), worker(0)),
            E::WorkerBusy
        );
        assert_noop!(
            ComputeJobs::accept(signed(&worker(5)), first),
            E::NotAssigned
        );
    });
}

#[test]
fn only_providers_manage_offers_and_bonds() {
    build_and_execute(|| {
        let who = signed(&bystander());
        assert_noop!(try_set_worker(who.clone(), worker(0)), E::NotAProvider);
        assert_noop!(
            ComputeJobs::set_offer(who.clone(), offer(1)),
            E::NotAProvider
        );
        assert_noop!(ComputeJobs::pause(who.clone()), E::NotAProvider);
        assert_noop!(ComputeJobs::resume(who.clone()), E::NotAProvider);
        assert_noop!(ComputeJobs::deregister(who.clone()), E::NotAProvider);
        assert_noop!(
            ComputeJobs::withdraw(who.clone(), bystander()),
            E::NotAProvider
        );
        assert_noop!(ComputeJobs::unjail(who.clone()), E::NotAProvider);
        assert_noop!(ComputeJobs::add_bond(who, 1), E::NotAProvider);
    });
}

#[test]
fn offers_with_impossible_terms_are_refused() {
    build_and_execute(|| {
        register(0);
        let set = |terms| ComputeJobs::set_offer(signed(&provider(0)), terms);
        assert_noop!(
            set(OfferTerms {
                slots: 0,
                ..offer(1)
            }),
            E::BadSlots
        );
        assert_noop!(
            set(OfferTerms {
                slots: 65,
                ..offer(1)
            }),
            E::BadSlots
        );
        assert_noop!(
            set(OfferTerms {
                bandwidth: 0,
                ..offer(1)
            }),
            E::BadBandwidth
        );
        assert_noop!(
            set(OfferTerms {
                valid_until: 1,
                ..offer(1)
            }),
            E::OfferOver
        );
        let none = ModelFilter::List(BoundedVec::new());
        assert_noop!(
            set(OfferTerms {
                models: none,
                ..offer(1)
            }),
            E::NoModels
        );
        assert_ok!(set(offer(1)));
        assert_eq!(Offers::<Test>::get(provider(0)).unwrap().terms, offer(1));
    });
}

#[test]
fn pausing_and_resuming_alternate() {
    build_and_execute(|| {
        register(0);
        let who = signed(&provider(0));
        assert_noop!(ComputeJobs::pause(who.clone()), E::NoOffer);
        assert_noop!(ComputeJobs::resume(who.clone()), E::NoOffer);
        assert_ok!(ComputeJobs::set_offer(who.clone(), offer(1)));
        assert_noop!(ComputeJobs::resume(who.clone()), E::NotPaused);
        assert_ok!(ComputeJobs::pause(who.clone()));
        assert_noop!(ComputeJobs::pause(who.clone()), E::AlreadyPaused);
        run_to(5);
        assert_ok!(ComputeJobs::resume(who));
        let offer = Offers::<Test>::get(provider(0)).unwrap();
        assert_eq!((offer.paused, offer.since), (false, 5));
    });
}

#[test]
fn a_paused_offer_is_not_drawn() {
    build_and_execute(|| {
        providers(1, AUR);
        assert_ok!(ComputeJobs::pause(signed(&provider(0))));
        let id = create(terms(OPTIMISTIC));
        run_to(System::block_number() + 50);
        assert_eq!(status(id), JobStatus::Open);
    });
}

#[test]
fn a_full_list_of_offers_gives_way_to_more_bond_only() {
    build_and_execute(|| {
        MaxOffers::set(2);
        providers(2, AUR);
        register(2);
        assert_noop!(
            ComputeJobs::set_offer(signed(&provider(2)), offer(1)),
            E::TooManyOffers
        );
        assert_ok!(ComputeJobs::add_bond(signed(&provider(2)), 900 * AUR));
        assert_noop!(
            ComputeJobs::set_offer(signed(&provider(2)), offer(1)),
            E::TooManyOffers
        );
        assert_ok!(ComputeJobs::add_bond(signed(&provider(2)), 1));
        assert_ok!(ComputeJobs::set_offer(signed(&provider(2)), offer(1)));
        assert_eq!(Offers::<Test>::count(), 2);
        assert!(Offers::<Test>::contains_key(provider(2)));
        // Changing one's own offer needs no room.
        assert_ok!(ComputeJobs::set_offer(signed(&provider(2)), offer(2)));
    });
}

#[test]
fn a_full_list_of_offers_gives_way_when_one_is_not_live() {
    build_and_execute(|| {
        MaxOffers::set(2);
        providers(2, AUR);
        assert_ok!(ComputeJobs::pause(signed(&provider(1))));
        register(2);
        assert_ok!(ComputeJobs::set_offer(signed(&provider(2)), offer(1)));
        assert!(!Offers::<Test>::contains_key(provider(1)));
    });
}

#[test]
fn bonds_can_grow_but_not_by_nothing() {
    build_and_execute(|| {
        register(0);
        assert_noop!(
            ComputeJobs::add_bond(signed(&provider(0)), 0),
            E::ZeroAmount
        );
        assert_ok!(ComputeJobs::add_bond(signed(&provider(0)), 5));
        assert_eq!(held(HoldReason::ProviderBond, &provider(0)), 100 * AUR + 5);
    });
}

#[test]
fn leaving_takes_the_unbonding_time_and_then_anybody_may_finish_it() {
    build_and_execute(|| {
        providers(1, AUR);
        let who = signed(&provider(0));
        assert_noop!(
            ComputeJobs::withdraw(who.clone(), provider(0)),
            E::NotUnbonding
        );
        assert_ok!(ComputeJobs::deregister(who.clone()));
        assert!(!Offers::<Test>::contains_key(provider(0)));
        assert_noop!(ComputeJobs::deregister(who.clone()), E::Unbonding);
        assert_noop!(ComputeJobs::set_offer(who.clone(), offer(1)), E::Unbonding);
        assert_noop!(try_set_worker(who.clone(), worker(5)), E::Unbonding);
        assert_noop!(ComputeJobs::add_bond(who.clone(), 1), E::Unbonding);
        assert_noop!(ComputeJobs::resume(who.clone()), E::Unbonding);
        assert_noop!(ComputeJobs::unjail(who), E::Unbonding);
        run_to(System::block_number() + 199);
        let anybody = signed(&bystander());
        assert_noop!(
            ComputeJobs::withdraw(anybody.clone(), provider(0)),
            E::StillUnbonding
        );
        run_to(System::block_number() + 1);
        assert_ok!(ComputeJobs::withdraw(anybody, provider(0)));
        assert_eq!(free(&provider(0)), 10_000 * AUR);
        assert!(!WorkerOf::<Test>::contains_key(worker(0)));
        register(0);
    });
}

#[test]
fn jail_ends_after_its_time_with_a_full_bond() {
    build_and_execute(|| {
        register(0);
        assert_ok!(ComputeJobs::set_offer(
            signed(&provider(0)),
            offer(10 * AUR)
        ));
        run_to(2);
        let who = signed(&provider(0));
        assert_noop!(ComputeJobs::unjail(who.clone()), E::NotJailed);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        commit(id, &keys[0], 0);
        run_to(job(id).deadline + 1);
        run_to(job(id).deadline);
        crawl_to(job(id).deadline + 1);
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        assert!(Jobs::<Test>::get(id).is_none());
        let record = Providers::<Test>::get(provider(0)).unwrap();
        let until = record.jailed_until.unwrap();
        assert_eq!(
            (until, record.bond),
            (System::block_number() + 100, 50 * AUR)
        );
        assert_eq!(
            record.last_fault,
            Some(LastFault {
                fault: Fault::NoReveal,
                job: id,
                at: System::block_number(),
            })
        );
        assert_noop!(ComputeJobs::unjail(who.clone()), E::StillJailed);
        run_to(until);
        assert_noop!(ComputeJobs::unjail(who.clone()), E::BondTooSmall);
        assert_ok!(ComputeJobs::add_bond(who.clone(), 50 * AUR));
        assert_ok!(ComputeJobs::unjail(who));
        run_to(until + 1);
        create_and_draw(terms(OPTIMISTIC));
    });
}

#[test]
fn jail_doubles_with_each_fault() {
    build_and_execute(|| {
        register(0);
        for times in [1u32, 2, 4, 8, 16, 32, 64, 64] {
            ComputeJobs::jail(&provider(0), 0, Fault::Late, 10);
            let until = Providers::<Test>::get(provider(0)).unwrap().jailed_until;
            assert_eq!(until, Some(10 + 100 * times));
            Providers::<Test>::mutate(provider(0), |p| p.as_mut().unwrap().jailed_until = None);
        }
    });
}

#[test]
fn a_jailed_provider_is_not_drawn() {
    build_and_execute(|| {
        providers(1, AUR);
        ComputeJobs::jail(&provider(0), 0, Fault::Late, System::block_number());
        let id = create(terms(OPTIMISTIC));
        run_to(System::block_number() + 50);
        assert_eq!(status(id), JobStatus::Open);
    });
}

#[test]
fn accepted_work_earns_reputation_and_a_fault_loses_it() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let reputation = || ComputeJobs::provider(provider(0)).unwrap().reputation;
        assert_eq!(reputation(), 4);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        finish(id);
        let earned = reputation();
        // 0.2 AUR of fees are 20 units: 4 + 4·log2(21), less what decayed since.
        assert!((20..=21).contains(&earned), "{earned}");
        ComputeJobs::jail(&provider(0), 0, Fault::NoReveal, System::block_number());
        assert_eq!(reputation(), 4);
    });
}

#[test]
fn a_worker_key_is_bound_with_its_consent_alone() {
    build_and_execute(|| {
        let register = |i, consent| {
            ComputeJobs::register_provider(
                signed(&provider(i)),
                worker(0),
                Default::default(),
                consent,
            )
        };
        let good = consent(&provider(0), &worker(0));
        // Nobody's, another key's, for another provider, for another chain, spoilt.
        let mut spoilt = good;
        spoilt[5] ^= 1;
        assert_noop!(register(0, [0; 64]), E::NoConsent);
        assert_noop!(register(0, consent(&provider(0), &worker(1))), E::NoConsent);
        assert_noop!(register(1, good), E::NoConsent);
        assert_noop!(register(0, spoilt), E::NoConsent);
        frame_system::BlockHash::<Test>::insert(0, sp_core::H256([8; 32]));
        assert_noop!(register(0, good), E::NoConsent);
        frame_system::BlockHash::<Test>::insert(0, sp_core::H256([9; 32]));
        assert_ok!(register(0, good));
        // The same when the key is changed.
        let set =
            |key: u32, consent| ComputeJobs::set_worker(signed(&provider(0)), worker(key), consent);
        assert_noop!(set(1, good), E::NoConsent);
        assert_noop!(set(1, consent(&provider(1), &worker(1))), E::NoConsent);
        assert_ok!(set(1, consent(&provider(0), &worker(1))));
    });
}
