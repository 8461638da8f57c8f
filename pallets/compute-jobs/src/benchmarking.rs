//! Benchmarks of every call and hook, each at its dearest.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use crate::*;
use alloc::{vec, vec::Vec};
use athanor_primitives::{JobId, ModelRegistry};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{fungible::Mutate, Get, Hooks},
    BoundedVec,
};
use frame_system::{pallet_prelude::BlockNumberFor, Pallet as System, RawOrigin};

const SALT: [u8; 32] = [5; 32];

fn set_block<T: Config>(n: BlockNumber) {
    System::<T>::set_block_number(BlockNumberFor::<T>::from(n));
}

fn funded<T: Config>(name: &'static str, i: u32) -> T::AccountId {
    let who: T::AccountId = account(name, i, 0);
    T::Currency::set_balance(&who, rich::<T>());
    who
}

fn rich<T: Config>() -> Balance {
    T::MinBond::get()
        .saturating_add(T::MinCollateral::get())
        .saturating_add(T::WorkerFloat::get())
        .saturating_mul(1_000_000)
}

fn any_offer() -> OfferTerms {
    OfferTerms {
        rates: Rates::default(),
        minimum: 1,
        times: Times::default(),
        bandwidth: u64::MAX >> 1,
        max_cost: u64::MAX,
        memory: u64::MAX,
        slots: MAX_SLOTS,
        models: ModelFilter::AnyUpTo(u64::MAX),
        max_collateral: Balance::MAX,
        max_window: BlockNumber::MAX,
        valid_until: BlockNumber::MAX,
    }
}

/// A provider with an offer of block 1 and plenty of bond, written straight into state.
fn provider<T: Config>(i: u32) -> (T::AccountId, T::AccountId) {
    let who = funded::<T>("provider", i);
    let worker = funded::<T>("worker", i);
    Pallet::<T>::do_register_provider(who.clone(), worker.clone(), endpoint()).unwrap();
    let more = T::MinCollateral::get().saturating_mul(1_000);
    Pallet::<T>::do_add_bond(who.clone(), more).unwrap();
    Offers::<T>::insert(
        &who,
        Offer {
            terms: any_offer(),
            since: 1,
            paused: false,
        },
    );
    (who, worker)
}

fn endpoint() -> Endpoint {
    vec![b'x'; MAX_ENDPOINT as usize].try_into().unwrap()
}

fn terms<T: Config>(policy: Policy, nodes: u32) -> JobTerms {
    JobTerms {
        model: T::Models::benchmark_model(nodes),
        input_root: [1; 32],
        batch: 1,
        policy,
        max_pay: T::MinCollateral::get(),
        max_wait: T::MaxWait::get(),
        min_collateral: 0,
        inline_output: false,
        keep_receipt: true,
        tip: T::PokeReward::get().saturating_mul(100),
    }
}

fn seven<T: Config>() -> Policy {
    Policy::Replicated {
        n: MAX_REPLICAS,
        quorum: 4,
        window: T::MinWindow::get(),
    }
}

fn create<T: Config>(terms: JobTerms) -> JobId {
    let id = NextJobId::<T>::get();
    Pallet::<T>::do_create_job(funded::<T>("requester", 0), terms).unwrap();
    id
}

/// Goes to where a job's first draw can be carried out, and gives it seeds.
fn to_draw<T: Config>(id: JobId) {
    let from = Jobs::<T>::get(id).unwrap().created;
    for n in 1..=crate::draw::SEEDS_PER_ROUND {
        Seeds::<T>::insert(from + n, [n as u8; 32]);
    }
    set_block::<T>(from + crate::draw::SEEDS_PER_ROUND + 1);
}

/// A job with seven replicas drawn.
fn assigned<T: Config>() -> (JobId, Vec<T::AccountId>) {
    set_block::<T>(2);
    for i in 0..MAX_REPLICAS.into() {
        provider::<T>(i);
    }
    let id = create::<T>(terms::<T>(seven::<T>(), MAX_TRACE));
    to_draw::<T>(id);
    Pallet::<T>::do_poke(funded::<T>("poker", 0), id).unwrap();
    let job = Jobs::<T>::get(id).unwrap();
    assert_eq!(job.replicas.len(), usize::from(MAX_REPLICAS));
    (
        id,
        job.replicas
            .into_iter()
            .map(|replica| replica.worker)
            .collect(),
    )
}

/// Lets a job have released as many providers as it may, all to be counted.
fn with_releases<T: Config>(id: JobId) {
    let released: Vec<_> = (100..100 + MAX_RELEASED)
        .map(|i| Released {
            provider: provider::<T>(i).0,
            counted: false,
        })
        .collect();
    Jobs::<T>::mutate(id, |job| {
        job.as_mut().unwrap().released = BoundedVec::truncate_from(released);
    });
}

/// Roots of a trace of `nodes` nodes, different for each kind.
fn trace(nodes: u32, kind: u8) -> Trace {
    vec![[kind; 32]; nodes as usize].try_into().unwrap()
}

fn commitment<T: Config>(id: JobId, worker: &T::AccountId, trace: &Trace) -> [u8; 32] {
    let root = athanor_tensor_program::trace_root(trace);
    let genesis = Pallet::<T>::genesis();
    athanor_primitives::commitment(&genesis, id, &worker.clone().into(), &root, &SALT)
}

/// A job of seven in `Revealing`, with traces of `nodes` nodes: four replicas agree,
/// three don't.
fn revealing<T: Config>(nodes: u32) -> (JobId, Vec<(T::AccountId, Trace)>) {
    let (id, workers) = assigned::<T>();
    Jobs::<T>::mutate(id, |job| {
        let job = job.as_mut().unwrap();
        job.nodes = nodes;
        job.outputs = BoundedVec::truncate_from(vec![0]);
    });
    let seats: Vec<_> = workers
        .into_iter()
        .enumerate()
        .map(|(seat, worker)| (worker, trace(nodes, if seat < 4 { 0 } else { seat as u8 })))
        .collect();
    for (worker, trace) in &seats {
        let commitment = commitment::<T>(id, worker, trace);
        Pallet::<T>::do_commit(worker.clone(), id, commitment).unwrap();
    }
    set_block::<T>(Jobs::<T>::get(id).unwrap().deadline);
    Pallet::<T>::do_poke(funded::<T>("poker", 0), id).unwrap();
    assert_eq!(Jobs::<T>::get(id).unwrap().status, JobStatus::Revealing);
    (id, seats)
}

/// A job of seven whose window is over.
fn judged<T: Config>() -> JobId {
    let (id, seats) = revealing::<T>(MAX_TRACE);
    for (worker, trace) in seats {
        Pallet::<T>::do_reveal(worker, id, SALT, TraceReveal::Roots(trace), None).unwrap();
    }
    set_block::<T>(Jobs::<T>::get(id).unwrap().deadline);
    id
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register_provider() {
        let who = funded::<T>("provider", 0);
        let worker: T::AccountId = account("worker", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), worker, endpoint());
        assert!(Providers::<T>::contains_key(&who));
    }

    #[benchmark]
    fn set_worker() {
        let (who, _) = provider::<T>(0);
        let worker: T::AccountId = account("worker", 1, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), worker.clone());
        assert!(WorkerOf::<T>::contains_key(&worker));
    }

    #[benchmark]
    fn set_offer() {
        for i in 1..=T::MaxOffers::get() {
            provider::<T>(i);
        }
        let (who, _) = provider::<T>(0);
        Offers::<T>::remove(&who);
        Pallet::<T>::do_add_bond(who.clone(), 1).unwrap();
        let models: Vec<_> = (0..MAX_LISTED_MODELS.into()).collect();
        let models = ModelFilter::List(BoundedVec::truncate_from(models));
        let offer = OfferTerms {
            models,
            ..any_offer()
        };
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), offer);
        assert!(Offers::<T>::contains_key(&who));
    }

    #[benchmark]
    fn pause() {
        let (who, _) = provider::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(Offers::<T>::get(&who).unwrap().paused);
    }

    #[benchmark]
    fn resume() {
        let (who, _) = provider::<T>(0);
        Pallet::<T>::do_pause(who.clone()).unwrap();
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(!Offers::<T>::get(&who).unwrap().paused);
    }

    #[benchmark]
    fn deregister() {
        let (who, _) = provider::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(!Offers::<T>::contains_key(&who));
    }

    #[benchmark]
    fn withdraw() {
        set_block::<T>(1);
        let (who, _) = provider::<T>(0);
        Pallet::<T>::do_deregister(who.clone()).unwrap();
        set_block::<T>(1 + T::UnbondingBlocks::get());
        let anybody = funded::<T>("anybody", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(anybody), who.clone());
        assert!(!Providers::<T>::contains_key(&who));
    }

    #[benchmark]
    fn unjail() {
        set_block::<T>(1);
        let (who, _) = provider::<T>(0);
        Pallet::<T>::jail(&who, 0, Fault::NoReveal, 1);
        set_block::<T>(1 + T::JailBlocks::get());
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(Providers::<T>::get(&who).unwrap().jailed_until.is_none());
    }

    #[benchmark]
    fn add_bond() {
        let (who, _) = provider::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), 1_000_000_000);
    }

    #[benchmark]
    fn create_job() {
        let who = funded::<T>("requester", 0);
        let terms = terms::<T>(seven::<T>(), MAX_TRACE);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), terms);
        assert_eq!(Jobs::<T>::iter().count(), 1);
    }

    #[benchmark]
    fn cancel() {
        let id = create::<T>(terms::<T>(seven::<T>(), MAX_TRACE));
        let who: T::AccountId = account("requester", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), id);
        assert!(!Jobs::<T>::contains_key(id));
    }

    #[benchmark]
    fn accept() {
        let (id, workers) = assigned::<T>();
        with_releases::<T>(id);
        #[extrinsic_call]
        _(RawOrigin::Signed(workers[0].clone()), id);
        assert!(Jobs::<T>::get(id).unwrap().replicas[0].accepted);
    }

    #[benchmark]
    fn commit() {
        let (id, workers) = assigned::<T>();
        with_releases::<T>(id);
        #[extrinsic_call]
        _(RawOrigin::Signed(workers[0].clone()), id, [7; 32]);
        assert!(Jobs::<T>::get(id).unwrap().replicas[0].commitment.is_some());
    }

    #[benchmark]
    fn reveal(r: Linear<1, MAX_TRACE>) {
        let (id, seats) = revealing::<T>(r);
        let (worker, trace) = seats[0].clone();
        #[extrinsic_call]
        _(
            RawOrigin::Signed(worker),
            id,
            SALT,
            TraceReveal::Roots(trace),
            None,
        );
        assert_eq!(NodeRoots::<T>::iter().count(), 1);
    }

    #[benchmark]
    fn poke() {
        let id = create::<T>(terms::<T>(seven::<T>(), MAX_TRACE));
        set_block::<T>(Jobs::<T>::get(id).unwrap().deadline);
        let poker = funded::<T>("poker", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(poker), id);
        assert!(!Jobs::<T>::contains_key(id));
    }

    #[benchmark]
    fn remove_receipt() {
        let id = judged::<T>();
        Pallet::<T>::do_poke(funded::<T>("poker", 0), id).unwrap();
        assert!(Receipts::<T>::contains_key(id));
        let who: T::AccountId = account("requester", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), id);
        assert!(!Receipts::<T>::contains_key(id));
    }

    #[benchmark]
    fn on_initialize() {
        let now = crate::draw::SEEDS_KEPT + 100;
        Seeds::<T>::insert(now - 1 - crate::draw::SEEDS_KEPT, [1; 32]);
        set_block::<T>(now);
        #[block]
        {
            Pallet::<T>::on_initialize(BlockNumberFor::<T>::from(now));
        }
        assert!(!Seeds::<T>::contains_key(now - 1 - crate::draw::SEEDS_KEPT));
    }

    #[benchmark]
    fn queue_bucket() {
        QueueCursor::<T>::put(10);
        #[block]
        {
            let limit = frame_support::weights::Weight::MAX;
            Pallet::<T>::work_off_queue(10, limit);
        }
        assert_eq!(QueueCursor::<T>::get(), 11);
    }

    #[benchmark]
    fn queue_job() {
        let (id, _) = assigned::<T>();
        let now = Pallet::<T>::now();
        #[block]
        {
            let mut job = Jobs::<T>::get(id).unwrap();
            job.deadline += 100;
            Pallet::<T>::keep(id, job, now);
        }
        assert!(Jobs::<T>::get(id).unwrap().queued.is_some());
    }

    #[benchmark]
    fn draw(o: Linear<7, 256>) {
        set_block::<T>(2);
        for i in 0..o {
            provider::<T>(i);
        }
        let id = create::<T>(terms::<T>(seven::<T>(), MAX_TRACE));
        to_draw::<T>(id);
        let mut job = Jobs::<T>::get(id).unwrap();
        #[block]
        {
            Pallet::<T>::advance(id, &mut job, None);
        }
        assert_eq!(job.status, JobStatus::Assigned);
    }

    #[benchmark]
    fn transition() {
        let id = judged::<T>();
        let poker = funded::<T>("poker", 0);
        let mut job = Jobs::<T>::get(id).unwrap();
        #[block]
        {
            Pallet::<T>::advance(id, &mut job, Some(&poker));
        }
        assert_eq!(job.status, JobStatus::Settled);
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
