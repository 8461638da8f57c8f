//! Jobs of real programs, claims about them true and false, and what a watcher and a
//! claimant do.

use crate::{mock::*, *};
use athanor_content_tree::{root, Chunks, Shape as TreeShape, Subtree, Trail};
use athanor_primitives::{dispute::MAX_ANSWERS, JobId, Opening, Root, ThreadId, Value};
use athanor_tensor_program::{
    interpret,
    judge::{claimed_range, prove_operands, Data, FraudProof},
    ops::Clamp,
    testing, validate, DType, Execution, Node, Op, Operand, Program, Shape, TensorType,
};
use frame_support::dispatch::DispatchResultWithPostInfo;

/// A program with data and an honest run.
pub(super) struct Work {
    pub(super) job: testing::Job,
    pub(super) run: Execution,
    pub(super) model: athanor_primitives::ModelId,
}

/// What a replica claims: the bytes of every node's output, and their roots.
#[derive(Clone)]
pub(super) struct Claimed {
    pub(super) nodes: Vec<Vec<u8>>,
    pub(super) trace: Vec<Root>,
}

impl Claimed {
    pub(super) fn new(nodes: Vec<Vec<u8>>) -> Self {
        let trace = nodes.iter().map(|bytes| root(bytes)).collect();
        Claimed { nodes, trace }
    }

    pub(super) fn root(&self) -> Root {
        athanor_tensor_program::trace_root(&self.trace)
    }
}

impl Work {
    pub(super) fn new(job: testing::Job) -> Self {
        let run = interpret(&job.program, job.batch, &job.input, &job.weights()).unwrap();
        let weights = job.constants.iter().map(|bytes| root(bytes)).collect();
        let model = register(job.program.program(), weights);
        Work { job, run, model }
    }

    pub(super) fn len(&self, node: u16) -> u64 {
        self.job
            .program
            .node_len(node.into(), self.job.batch)
            .unwrap()
    }

    pub(super) fn node_count(&self) -> usize {
        self.job.program.node_count()
    }

    pub(super) fn data(&self, f: impl FnOnce(Data<'_>) -> FraudProof) -> FraudProof {
        let weights = self.job.weights();
        let job = &self.job;
        f(Data::new(&job.program, job.batch, &job.input, &weights, &self.run).unwrap())
    }

    pub(super) fn honest(&self) -> Claimed {
        let nodes = (0..self.node_count()).map(|i| self.run.node(i).to_vec());
        Claimed::new(nodes.collect())
    }

    /// The honest claim but for one element of a node.
    pub(super) fn lie(&self, node: u16, element: u64) -> Claimed {
        let mut claimed = self.honest();
        let ty = self.job.program.node_type(node.into()).unwrap();
        let at = (element * ty.dtype.width()) as usize;
        claimed.nodes[usize::from(node)][at] ^= 1;
        Claimed::new(claimed.nodes)
    }

    pub(super) fn terms(&self, policy: Policy) -> JobTerms {
        JobTerms {
            model: self.model,
            input_root: root(&self.job.input),
            batch: self.job.batch,
            ..terms(policy)
        }
    }

    /// A proof of an element against claimed bytes that are all at hand.
    pub(super) fn proof(&self, claimed: &Claimed, node: u16, element: u64) -> FraudProof {
        let bytes = &claimed.nodes[usize::from(node)];
        self.data(|data| {
            athanor_tensor_program::judge::prove_element(&data, node, element, bytes).unwrap()
        })
    }
}

/// Two nodes on `elements` bytes: the input clipped to −100..100, and that to −50..50.
pub(super) fn two_clamps(elements: u32) -> Work {
    two_clamps_of(vec![elements])
}

pub(super) fn two_clamps_of(shape: Vec<u32>) -> Work {
    let shape = Shape(shape);
    let elements = shape.elements().unwrap();
    let clamp = |lo, hi, operand| Node {
        op: Op::Clamp(Clamp { lo, hi }),
        operands: vec![operand],
    };
    let program = Program {
        version: 1,
        max_batch: 1,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape,
        }],
        constants: vec![],
        nodes: vec![
            clamp(-100, 100, Operand::Input(0)),
            clamp(-50, 50, Operand::Node(0)),
        ],
        outputs: vec![1],
    };
    Work::new(testing::Job {
        program: validate(&program).unwrap(),
        batch: 1,
        input: testing::random_bytes(7, DType::I8, elements),
        constants: vec![],
    })
}

/// Takes a job to `Claimed`, each replica with its claim.
pub(super) fn claim_all(terms: JobTerms, claims: &[&Claimed]) -> (JobId, Vec<AccountId>) {
    let (id, keys) = create_and_draw(terms);
    assert_eq!(keys.len(), claims.len());
    for (key, claim) in keys.iter().zip(claims) {
        let commitment = athanor_primitives::commitment(
            &ComputeJobs::genesis(),
            id,
            key.as_ref(),
            &claim.root(),
            &SALT,
        );
        ComputeJobs::commit(signed(key), id, commitment).unwrap();
    }
    run_to(job(id).deadline + 1);
    for (key, claim) in keys.iter().zip(claims) {
        let trace = TraceReveal::Roots(claim.trace.clone().try_into().unwrap());
        ComputeJobs::reveal(signed(key), id, SALT, trace, None).unwrap();
    }
    assert_eq!(status(id), JobStatus::Claimed);
    (id, keys)
}

/// Registers the first providers and takes an `Optimistic` job to `Claimed`.
pub(super) fn claim_one(work: &Work, claim: &Claimed) -> (JobId, AccountId) {
    providers(1, 10 * AUR);
    let (id, keys) = claim_all(work.terms(OPTIMISTIC), &[claim]);
    (id, keys[0].clone())
}

pub(super) fn opening(claim: &Claimed, node: u16) -> Opening {
    Opening {
        trace_root: claim.root(),
        node,
        salt: [6; 32],
    }
}

pub(super) fn announcement(who: &AccountId, id: JobId, opening: &Opening) -> [u8; 32] {
    opening.announcement(&ComputeJobs::genesis(), who.as_ref(), id)
}

/// Announces, gives the thread's number.
pub(super) fn announce(who: &AccountId, id: JobId, opening: &Opening) -> ThreadId {
    let thread = job(id).next_thread;
    ComputeJobs::announce(signed(who), id, announcement(who, id, opening)).unwrap();
    thread
}

/// Announces and waits until the announcement may be acted upon.
pub(super) fn announce_and_wait(who: &AccountId, id: JobId, opening: &Opening) -> ThreadId {
    let thread = announce(who, id, opening);
    run_to(System::block_number() + 2);
    thread
}

pub(super) fn challenge(
    who: &AccountId,
    id: JobId,
    thread: ThreadId,
    opening: Option<Opening>,
    proof: FraudProof,
) -> DispatchResultWithPostInfo {
    ComputeJobs::challenge(signed(who), id, thread, opening, proof.into())
}

pub(super) fn first(opening: Opening, value: Value) -> Demand {
    Demand::First { opening, value }
}

pub(super) fn demand(
    who: &AccountId,
    id: JobId,
    thread: ThreadId,
    demand: Demand,
) -> DispatchResultWithPostInfo {
    ComputeJobs::demand(signed(who), id, thread, demand)
}

/// What a claimant that keeps its bytes answers to a thread's question.
pub(super) fn true_answer(id: JobId, thread: ThreadId, bytes: &[u8]) -> Vec<u8> {
    use athanor_primitives::Asked;
    let line = Threads::<Test>::get(id, thread).unwrap().line.unwrap();
    match line.asked {
        Asked::Subtree {
            start,
            count,
            value,
        } => {
            let subtree = Subtree::new(line.len, start, count, value).unwrap();
            let end = ((start + count) * 1_024).min(line.len) as usize;
            subtree.answer(&bytes[start as usize * 1_024..end]).unwrap()
        }
        Asked::Slice { start, count } => {
            let chunks = Chunks::from_indices(line.len, start..start + count).unwrap();
            athanor_content_tree::prove(bytes, &chunks).unwrap()
        }
    }
}

pub(super) fn answer(
    key: &AccountId,
    id: JobId,
    thread: ThreadId,
    bytes: Vec<u8>,
) -> DispatchResultWithPostInfo {
    ComputeJobs::answer(signed(key), id, thread, bytes.try_into().unwrap())
}

pub(super) fn thread(id: JobId, thread: ThreadId) -> Thread<AccountId> {
    Threads::<Test>::get(id, thread).expect("an open thread")
}

/// How a thread ended.
pub(super) fn end_of(id: JobId, number: ThreadId) -> Option<ThreadEnd> {
    events().into_iter().find_map(|event| match event {
        Event::ThreadClosed {
            job, thread, end, ..
        } if (job, thread) == (id, number) => Some(end),
        _ => None,
    })
}

/// All a watcher does about a false node, against a claimant that answers: announces,
/// follows the claimant's data to the first wrong chunk, and sends the proof. Gives the
/// number of answers it took.
pub(super) fn expose(
    work: &Work,
    id: JobId,
    watcher: &AccountId,
    key: &AccountId,
    claim: &Claimed,
    node: u16,
) -> u8 {
    let opening = opening(claim, node);
    let number = announce_and_wait(watcher, id, &opening);
    if matches!(
        work.job.program.program().nodes[usize::from(node)].op,
        Op::Reshape(_)
    ) {
        let proof = work.data(|data| prove_operands(&data, node, 0, &[], vec![]).unwrap());
        challenge(watcher, id, number, Some(opening), proof).unwrap();
        return 0;
    }
    let (ours, theirs) = (work.run.node(node.into()), &claim.nodes[usize::from(node)]);
    let byte = ours.iter().zip(theirs).position(|(a, b)| a != b).unwrap() as u64;
    let len = work.len(node);
    let mut trail = Trail::new(claim.trace[usize::from(node)], len);
    demand(watcher, id, number, first(opening, Value::Node(node))).unwrap();
    for answers in 1..=MAX_ANSWERS {
        answer(key, id, number, true_answer(id, number, theirs)).unwrap();
        let view = ComputeJobs::threads(id)
            .into_iter()
            .find(|view| view.id == number)
            .unwrap();
        let given = view.answers.last().unwrap();
        if let TreeShape::Groups { chunks, .. } = trail.current().shape() {
            let group = (byte / 1_024 - trail.current().start()) / chunks;
            let step = trail.descend(given, group).unwrap();
            let next = Demand::Next {
                group: step.group,
                value: step.value,
                siblings: step.siblings.try_into().unwrap(),
            };
            demand(watcher, id, number, next).unwrap();
            continue;
        }
        let ty = work.job.program.node_type(node.into()).unwrap();
        let element = byte / ty.dtype.width();
        let range = claimed_range(&work.job.program, work.job.batch, node, element)
            .unwrap()
            .unwrap();
        let chunks = Chunks::from_ranges(len, [range.clone()]).unwrap();
        let slice = trail.prove(given, &chunks).unwrap();
        let opened = &theirs[range.start as usize..range.end as usize];
        let proof = work.data(|data| prove_operands(&data, node, element, opened, slice).unwrap());
        let done = challenge(watcher, id, number, None, proof).unwrap();
        assert_eq!(done.pays_fee, frame_support::dispatch::Pays::No);
        return answers;
    }
    panic!("three answers reach any chunk");
}

/// Faults of a job's replicas, in the order drawn.
pub(super) fn faults(id: JobId) -> Vec<Option<Fault>> {
    if !Jobs::<Test>::contains_key(id) {
        let struck = events().into_iter().filter_map(|event| match event {
            Event::ReplicaStruck { job, fault, .. } if job == id => Some(Some(fault)),
            _ => None,
        });
        return struck.collect();
    }
    job(id)
        .replicas
        .iter()
        .map(|replica| replica.fault)
        .collect()
}

/// What a rule-abiding end leaves: no struck replica is ever paid.
pub(super) fn assert_no_struck_replica_was_paid() {
    let struck: Vec<_> = events()
        .into_iter()
        .filter_map(|event| match event {
            Event::ReplicaStruck { job, provider, .. } => Some((job, provider)),
            _ => None,
        })
        .collect();
    assert!(!struck.is_empty());
    for event in events() {
        if let Event::ReplicaPaid { job, provider, .. } = event {
            assert!(!struck.contains(&(job, provider)));
        }
    }
}
