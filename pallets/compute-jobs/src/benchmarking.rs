//! Benchmarks of every call and hook, each at its dearest.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use crate::*;
use alloc::{boxed::Box, vec, vec::Vec};
use athanor_content_tree::root;
use athanor_primitives::{
    dispute::MAX_DEMANDED, JobId, ModelRegistry, Opening, Root, ThreadId, Value,
};
use athanor_tensor_program::{
    interpret,
    judge::{prove_element, Data, FraudProof},
    ops::{Clamp, Conv2d, Epilogue, MatMul, Scale, Window, ZeroPoint},
    testing::{largest, Job, Largest, LARGEST},
    validate, Constant, DType, Node, Op, Operand, Program, Shape, TensorType,
};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{fungible::Mutate, Get, Hooks},
    BoundedVec,
};
use frame_system::{pallet_prelude::BlockNumberFor, Pallet as System, RawOrigin};
use sp_core::crypto::KeyTypeId;

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

/// A worker key, and its consent to sign for a provider.
fn consenting<T: Config>(provider: &T::AccountId) -> (T::AccountId, [u8; 64]) {
    let message =
        athanor_primitives::worker_consent(&Pallet::<T>::genesis(), &provider.clone().into());
    let key = sp_io::crypto::sr25519_generate(KeyTypeId(*b"test"), None);
    let signature = sp_io::crypto::sr25519_sign(KeyTypeId(*b"test"), &key, &message).unwrap();
    (key.0.into(), signature.0)
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
    assigned_to::<T>(terms::<T>(seven::<T>(), MAX_TRACE))
}

fn assigned_to<T: Config>(terms: JobTerms) -> (JobId, Vec<T::AccountId>) {
    set_block::<T>(2);
    for i in 0..MAX_REPLICAS.into() {
        provider::<T>(i);
    }
    let id = create::<T>(terms);
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

/// A claim about a real program that seven replicas stand by.
struct Disputed<AccountId> {
    id: JobId,
    workers: Vec<AccountId>,
    opening: Opening,
    /// Claimed bytes of node 0, in which element 0 is wrong.
    claimed: Vec<u8>,
    /// Of that element.
    proof: FraudProof,
}

fn vector(elements: u32) -> TensorType {
    TensorType {
        dtype: DType::I8,
        shape: Shape(vec![elements]),
    }
}

fn clip(operand: Operand) -> Node {
    Node {
        op: Op::Clamp(Clamp { lo: -100, hi: 100 }),
        operands: vec![operand],
    }
}

const EPILOGUE: Epilogue = Epilogue::Requant {
    scale: Scale::Tensor { m: 20_000, s: 25 },
    z: 0,
    lo: -100,
    hi: 100,
    out: DType::I8,
    lut: false,
};

/// `nodes` nodes, the first a product of a row of `k` with a matrix of four.
fn product(k: u32, nodes: u32) -> Program {
    let first = Op::MatMul(MatMul {
        za: 1,
        zb: ZeroPoint::Tensor(0),
        params: false,
        epilogue: EPILOGUE,
    });
    let matrix = TensorType {
        dtype: DType::I8,
        shape: Shape(vec![4, k]),
    };
    followed(first, vector(k), matrix, nodes)
}

/// `nodes` nodes, the first a convolution of each of four channels with a window of `side` by
/// `side`, which is all of the image.
fn depthwise(side: u32, nodes: u32) -> Program {
    let window = Window {
        stride: [1, 1],
        dilation: [1, 1],
        pad: [0; 4],
    };
    let first = Op::Conv2d(Conv2d {
        window,
        groups: 4,
        za: 3,
        zb: ZeroPoint::Tensor(-5),
        params: false,
        epilogue: EPILOGUE,
    });
    let byte = |axes: Vec<u32>| TensorType {
        dtype: DType::I8,
        shape: Shape(axes),
    };
    followed(
        first,
        byte(vec![side, side, 4]),
        byte(vec![4, side, side, 1]),
        nodes,
    )
}

/// A node with an input and a constant, and clips up to `nodes`.
fn followed(first: Op, input: TensorType, constant: TensorType, nodes: u32) -> Program {
    let first = Node {
        op: first,
        operands: vec![Operand::Input(0), Operand::Const(0)],
    };
    Program {
        version: 1,
        max_batch: 1,
        inputs: vec![input],
        constants: vec![Constant::Root { ty: constant }],
        nodes: core::iter::once(first)
            .chain((1..nodes).map(|i| clip(Operand::Node(i as u16 - 1))))
            .collect(),
        outputs: vec![nodes as u16 - 1],
    }
}

/// One node of `elements` bytes.
fn plain(elements: u32) -> Program {
    Program {
        version: 1,
        max_batch: 1,
        inputs: vec![vector(elements)],
        constants: vec![],
        nodes: vec![clip(Operand::Input(0))],
        outputs: vec![0],
    }
}

/// A job of seven in `Claimed`, all with the same false claim about element 0 of node 0.
fn disputed<T: Config>(program: &Program) -> Disputed<T::AccountId> {
    let program = validate(program).unwrap();
    let input = vec![7u8; program.input_len(1).unwrap() as usize];
    let constants = program
        .root_constants()
        .map(|len| vec![3u8; len as usize])
        .collect();
    let job = Job {
        program,
        batch: 1,
        input,
        constants,
    };
    disputed_at::<T>(&job, 0, 0)
}

/// A job of seven in `Claimed`, all with the same false claim about one element.
fn disputed_at<T: Config>(job: &Job, node: u16, element: u64) -> Disputed<T::AccountId> {
    let Job { program, input, .. } = job;
    let bytes = job.weights();
    let run = interpret(program, 1, input, &bytes).unwrap();
    let at = usize::from(node);
    let mut claimed = run.node(at).to_vec();
    let width = program.node_type(at).unwrap().dtype.width();
    claimed[(element * width) as usize] ^= 1;
    let data = Data::new(program, 1, input, &bytes, &run).unwrap();
    let proof = prove_element(&data, node, element, &claimed).unwrap();
    let mut roots = run.trace();
    roots[at] = root(&claimed);
    let trace: Trace = roots.try_into().unwrap();
    let trace_root = athanor_tensor_program::trace_root(&trace);

    let weights: Vec<Root> = bytes.iter().map(|bytes| root(bytes)).collect();
    let (id, workers) = assigned_to::<T>(JobTerms {
        model: T::Models::benchmark_program(program.program(), weights),
        input_root: root(input),
        ..terms::<T>(seven::<T>(), 1)
    });
    for worker in &workers {
        let commitment = commitment::<T>(id, worker, &trace);
        Pallet::<T>::do_commit(worker.clone(), id, commitment).unwrap();
    }
    set_block::<T>(Jobs::<T>::get(id).unwrap().deadline);
    Pallet::<T>::do_poke(funded::<T>("poker", 0), id).unwrap();
    for worker in &workers {
        let trace = TraceReveal::Roots(trace.clone());
        Pallet::<T>::do_reveal(worker.clone(), id, SALT, trace, None).unwrap();
    }
    assert_eq!(Jobs::<T>::get(id).unwrap().status, JobStatus::Claimed);
    Disputed {
        id,
        workers,
        opening: Opening {
            trace_root,
            node,
            salt: SALT,
        },
        claimed,
        proof,
    }
}

/// Announces, and waits until that may be acted upon.
fn announced<T: Config>(case: &Disputed<T::AccountId>) -> (T::AccountId, ThreadId) {
    let who = funded::<T>("challenger", 0);
    let key: [u8; 32] = who.clone().into();
    let hash = case
        .opening
        .announcement(&Pallet::<T>::genesis(), &key, case.id);
    let thread = Jobs::<T>::get(case.id).unwrap().next_thread;
    Pallet::<T>::do_announce(who.clone(), case.id, hash).unwrap();
    set_block::<T>(Pallet::<T>::now() + T::AnnounceBlocks::get());
    (who, thread)
}

fn first(opening: Opening) -> Demand {
    Demand::First {
        opening,
        value: Value::Node(0),
    }
}

/// Announces and asks for the announced node.
fn asked<T: Config>(case: &Disputed<T::AccountId>) -> (T::AccountId, ThreadId) {
    let (who, thread) = announced::<T>(case);
    Pallet::<T>::do_demand(who.clone(), case.id, thread, first(case.opening)).unwrap();
    (who, thread)
}

/// Whether the claim has fallen. If all seven made it, the job ended with it.
fn is_convicted<T: Config>(id: JobId) -> bool {
    Jobs::<T>::get(id).is_none_or(|job| job.convictions.len() == 1)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register_provider() {
        let who = funded::<T>("provider", 0);
        let (worker, consent) = consenting::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), worker, endpoint(), consent);
        assert!(Providers::<T>::contains_key(&who));
    }

    #[benchmark]
    fn set_worker() {
        let (who, _) = provider::<T>(0);
        let (worker, consent) = consenting::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), worker.clone(), consent);
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
        let job = Jobs::<T>::get(id).unwrap();
        // Out of a full bucket, and past full ones into the backlog.
        let other = Due::Job(JobId::MAX);
        let full = vec![other; T::MaxDeadlinesPerBlock::get() as usize];
        Deadlines::<T>::mutate(
            job.queued.unwrap(),
            |bucket| {
                while bucket.try_push(other).is_ok() {}
            },
        );
        let first = job.deadline + 100;
        for at in first..first + crate::queue::SPILL {
            Deadlines::<T>::insert(at, BoundedVec::truncate_from(full.clone()));
        }
        #[block]
        {
            let mut job = Jobs::<T>::get(id).unwrap();
            job.deadline = first;
            Pallet::<T>::keep(id, job, now);
        }
        assert_eq!(Jobs::<T>::get(id).unwrap().queued, Some(BACKLOG));
        assert_eq!(BacklogEnd::<T>::get(), 1);
    }

    // Without what is due for it, which is weighed beside it.
    #[benchmark]
    fn queue_backlog() {
        let (id, _) = assigned::<T>();
        Backlog::<T>::insert(0, Due::Job(id));
        BacklogEnd::<T>::put(1);
        let mut meter = frame_support::weights::WeightMeter::new();
        #[block]
        {
            Pallet::<T>::work_off_backlogs(Pallet::<T>::now(), &mut meter);
        }
        assert_eq!(BacklogStart::<T>::get(), 1);
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

    #[benchmark]
    fn announce() {
        let case = disputed::<T>(&plain(1));
        let who = funded::<T>("challenger", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), case.id, [1; 32]);
        assert_eq!(Jobs::<T>::get(case.id).unwrap().threads, 1);
    }

    // Of all operators a depthwise convolution is the dearest a byte of its proof
    // (`challenge_operator`): it opens its window piece by piece. A proof has `side²` bytes of
    // weights and all 4·`side²` of the input.
    #[benchmark]
    fn challenge(p: Linear<2_048, 43_000>, n: Linear<1, MAX_TRACE>) {
        let case = disputed::<T>(&depthwise((p / 5).isqrt(), n));
        let (who, thread) = announced::<T>(&case);
        let proof = Box::new(case.proof);
        #[extrinsic_call]
        _(
            RawOrigin::Signed(who),
            case.id,
            thread,
            Some(case.opening),
            proof,
        );
        assert!(is_convicted::<T>(case.id));
    }

    // What a challenge takes with the longest proof of each operator, one case each (the
    // names are those of `testing::largest`). `scripts/bench-judge` prints them.
    #[benchmark(extra)]
    fn challenge_operator(c: Linear<0, { LARGEST - 1 }>) {
        let Largest { job, element, .. } = largest(c);
        let node = job.program.program().nodes.len() as u16 - 1;
        let case = disputed_at::<T>(&job, node, element);
        let (who, thread) = announced::<T>(&case);
        let proof = Box::new(case.proof);
        #[extrinsic_call]
        challenge(
            RawOrigin::Signed(who),
            case.id,
            thread,
            Some(case.opening),
            proof,
        );
        assert!(is_convicted::<T>(case.id));
    }

    #[benchmark]
    fn demand(n: Linear<1, MAX_TRACE>) {
        let case = disputed::<T>(&product(64, n));
        let (who, thread) = announced::<T>(&case);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), case.id, thread, first(case.opening));
        assert_eq!(
            Threads::<T>::get(case.id, thread).unwrap().status,
            ThreadStatus::Asked
        );
    }

    #[benchmark]
    fn answer(b: Linear<1, MAX_DEMANDED>) {
        let case = disputed::<T>(&plain(b));
        let (_, thread) = asked::<T>(&case);
        let bytes = AnswerBytes::truncate_from(case.claimed);
        let worker = case.workers[6].clone();
        #[extrinsic_call]
        _(RawOrigin::Signed(worker), case.id, thread, bytes);
        assert_eq!(
            Threads::<T>::get(case.id, thread).unwrap().status,
            ThreadStatus::Answered
        );
    }

    #[benchmark]
    fn deliver(n: Linear<1, MAX_TRACE>) {
        let case = disputed::<T>(&product(64, n));
        let who: T::AccountId = account("requester", 0, 0);
        #[extrinsic_call]
        _(
            RawOrigin::Signed(who),
            case.id,
            case.opening.trace_root,
            0,
            0,
        );
        assert_eq!(Jobs::<T>::get(case.id).unwrap().deliveries, 1);
    }

    #[benchmark]
    fn poke_thread() {
        let case = disputed::<T>(&plain(1));
        let (_, thread) = asked::<T>(&case);
        set_block::<T>(Threads::<T>::get(case.id, thread).unwrap().deadline);
        // Another thread keeps the job from its verdict, which has a weight of its own.
        Jobs::<T>::mutate(case.id, |job| job.as_mut().unwrap().threads += 1);
        let poker = funded::<T>("poker", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(poker), case.id, thread);
        assert!(is_convicted::<T>(case.id));
    }

    #[benchmark]
    fn queue_thread() {
        let case = disputed::<T>(&plain(1));
        let (_, number) = asked::<T>(&case);
        let thread = Threads::<T>::get(case.id, number).unwrap();
        let (at, now) = (thread.queued.unwrap(), thread.deadline);
        set_block::<T>(now);
        Deadlines::<T>::remove(at);
        #[block]
        {
            Pallet::<T>::work_off(Due::Thread(case.id, number), now);
        }
        assert!(is_convicted::<T>(case.id));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::ext_with_keys(), crate::mock::Test);
}
