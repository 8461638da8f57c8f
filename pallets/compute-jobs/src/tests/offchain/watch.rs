//! Watcher keys, disputes and answers: what the off-chain worker signs. That such calls
//! convict is tested with the calls themselves, and how disputes go in
//! `athanor-worker-duties`.

use super::{blocks, include, node::Node, on_a_node, pool, troubles, turn, work, GPUW};
use crate::{mock::*, *};
use athanor_primitives::{
    dispute::MAX_DEMANDED, keys::GPU_WATCHER, Asked, JobId, Opening, Value, OFFCHAIN_WATCHED,
    OFFCHAIN_WATCH_RATE,
};
use athanor_tensor_program::judge::FraudProof;
use athanor_worker_duties::turn::Tally;
use codec::{DecodeAll, Encode};
use serde_json::json;
use sp_keystore::{testing::MemoryKeystore, Keystore, KeystoreExt};
use std::sync::Arc;

const ME: &str = "Bob";

fn me() -> AccountId {
    account(ME)
}

/// A node that watches this share, in 1/2^32, and whose own runs are of kind 0.
fn on_a_watcher(rate: u32, test: impl FnOnce(&Node)) {
    let node = Node::new();
    node.world().roots = trace(0).into_inner();
    node.world().outputs = vec![2];
    node.world().done = true;
    node.set_stored(OFFCHAIN_WATCH_RATE, &rate.encode());
    let mut ext = new_test_ext();
    node.register(&mut ext);
    let keystore = MemoryKeystore::new();
    keystore
        .sr25519_generate_new(GPU_WATCHER, Some(&format!("//{ME}")))
        .unwrap();
    ext.register_extension(KeystoreExt(Arc::new(keystore)));
    ext.execute_with(|| test(&node));
}

/// A claimed job whose single replica says that this kind of trace came out.
fn claim_of(kind: u8) -> (JobId, AccountId) {
    providers(1, AUR);
    let (id, keys) = to_claimed(OPTIMISTIC, &[kind]);
    (id, keys[0].clone())
}

fn tally(node: &Node) -> Tally {
    let stored = node.stored(OFFCHAIN_WATCHED);
    stored.first().map_or_else(Tally::default, |(_, value)| {
        Tally::decode_all(&mut &value[..]).unwrap()
    })
}

/// Works until something is signed, at most 20 blocks.
fn signed_next(node: &Node) -> Vec<RuntimeCall> {
    for _ in 0..20 {
        work();
        let calls = pool(node);
        if !calls.is_empty() {
            return calls;
        }
        blocks(1);
    }
    vec![]
}

/// The opening that the watcher shows in its first demand.
fn shown(call: &RuntimeCall) -> Opening {
    match call {
        RuntimeCall::ComputeJobs(Call::demand {
            demand: Demand::First { opening, value },
            ..
        }) => {
            assert_eq!(*value, Value::Node(opening.node));
            *opening
        }
        call => panic!("{call:?}"),
    }
}

/// Announces and signs the first demand. Gives what it shows.
fn demanded(node: &Node, id: JobId) -> Opening {
    let calls = signed_next(node);
    let [RuntimeCall::ComputeJobs(Call::announce { job, announcement })] = calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!(job, id);
    assert_eq!(include(node).len(), 1);
    let since = System::block_number();
    let calls = signed_next(node);
    assert_eq!(calls.len(), 1);
    // A transaction of this state is in the next block at the earliest.
    assert_eq!(System::block_number() + 1, since + 2);
    let opening = shown(&calls[0]);
    let expected = opening.announcement(&ComputeJobs::genesis(), me().as_ref(), id);
    assert_eq!(announcement, expected);
    node.world().pool.clear();
    opening
}

/// The watcher's thread as it is after `answers`.
fn answered(id: JobId, opening: Opening, answers: &[Vec<u8>]) {
    Threads::<Test>::mutate(id, 0, |thread| {
        let thread = thread.as_mut().unwrap();
        thread.status = ThreadStatus::Answered;
        thread.opening = Some(opening);
        thread.answers = answers.len() as u8;
        thread.deadline = System::block_number() + 500;
    });
    for (i, answer) in answers.iter().enumerate() {
        let answer = AnswerBytes::try_from(answer.clone()).unwrap();
        Answers::<Test>::insert((id, 0, i as u8), answer);
    }
}

#[test]
fn a_false_claim_is_run_again_announced_and_opened() {
    on_a_watcher(u32::MAX, |node| {
        let (id, _) = claim_of(1);
        let opening = demanded(node, id);
        assert_eq!(opening.trace_root, root_of(1));
        // Node 0 is the same in all traces.
        assert_eq!(opening.node, 1);
        assert!(node.world().called.contains(&"worker_watch".to_string()));
        let tally = tally(node);
        assert_eq!((tally.checked, tally.disputed), (1, 1));
        assert_eq!(troubles(node), None);
    });
}

#[test]
fn answers_are_followed_down_to_a_proof() {
    on_a_watcher(u32::MAX, |node| {
        let (id, _) = claim_of(1);
        let opening = demanded(node, id);
        answered(id, opening, &[vec![1; 64]]);
        // Until the demand is void.
        blocks(70);
        let value = athanor_primitives::ticket::to_hex(&[9; 32]);
        node.world().step =
            json!({"step": "descend", "group": 1, "value": value, "siblings": [value]});
        work();
        assert_eq!(
            pool(node),
            [Call::demand {
                job: id,
                thread: 0,
                demand: Demand::Next {
                    group: 1,
                    value: [9; 32],
                    siblings: vec![[9; 32]].try_into().unwrap(),
                },
            }
            .into()]
        );
        node.world().pool.clear();
        answered(id, opening, &[vec![1; 64], vec![2; 64]]);
        blocks(70);
        let proof = FraudProof {
            node: 1,
            element: 3,
            witness: None,
            claimed: vec![4],
            operands: vec![],
        };
        let hex = athanor_primitives::ticket::to_hex(&proof.encode());
        node.world().step = json!({"step": "prove", "proof": hex});
        work();
        assert_eq!(
            pool(node),
            [Call::challenge {
                job: id,
                thread: 0,
                opening: None,
                proof: Box::new(proof),
            }
            .into()]
        );
    });
}

#[test]
fn a_proof_that_is_none_is_reported_and_not_sent() {
    on_a_watcher(u32::MAX, |node| {
        let (id, _) = claim_of(1);
        let opening = demanded(node, id);
        answered(id, opening, &[vec![1; 64]]);
        blocks(70);
        node.world().step = json!({"step": "prove", "proof": "0x00"});
        work();
        assert!(pool(node).is_empty());
        assert_eq!(troubles(node).unwrap().1, 1);
    });
}

#[test]
fn a_true_claim_is_checked_and_left_alone() {
    on_a_watcher(u32::MAX, |node| {
        let (id, _) = claim_of(0);
        assert!(signed_next(node).is_empty());
        let tally = tally(node);
        assert_eq!((tally.watching, tally.checked, tally.disputed), (0, 1, 0));
        assert_eq!(troubles(node), None);
        finish(id);
    });
}

#[test]
fn at_rate_0_nothing_is_asked() {
    on_a_watcher(0, |node| {
        claim_of(1);
        assert!(signed_next(node).is_empty());
        assert!(node.take_called().is_empty());
    });
}

#[test]
fn what_cannot_be_run_is_counted_and_no_trouble_of_the_duties() {
    on_a_watcher(u32::MAX, |node| {
        let (id, _) = claim_of(1);
        node.world().failed = true;
        assert!(signed_next(node).is_empty());
        assert_eq!(tally(node).watching, 1);
        assert_eq!(troubles(node), None);
        finish(id);
        blocks(1);
        work();
        let tally = tally(node);
        assert_eq!((tally.watching, tally.checked, tally.unchecked), (0, 0, 1));
    });
}

#[test]
fn watching_without_a_key_a_daemon_or_a_bond_is_a_trouble() {
    on_a_node(|node| {
        assert_eq!(troubles(node), None);
        node.set_stored(OFFCHAIN_WATCH_RATE, &1u32.encode());
        work();
        assert_eq!(troubles(node).unwrap().1, 1);
    });
    on_a_watcher(1, |node| {
        work();
        assert_eq!(troubles(node), None);
        node.unconfigure(athanor_primitives::OFFCHAIN_WORKER_URL);
        work();
        assert_eq!(troubles(node).unwrap().1, 1);
        use frame_support::traits::fungible::Mutate;
        Balances::set_balance(&me(), ED);
        work();
        assert_eq!(troubles(node).unwrap().1, 2);
    });
}

#[test]
fn a_claimant_answers_what_a_challenger_asks() {
    on_a_node(|node| {
        let id = super::assigned(OPTIMISTIC);
        node.world().done = true;
        assert_eq!(turn(node).len(), 1);
        assert_eq!(turn(node).len(), 1);
        assert_eq!(status(id), JobStatus::Claimed);
        let tensor = vec![3u8; 5_000];
        let root = athanor_content_tree::root(&tensor);
        let line = Line {
            trace_root: root_of(0),
            value: Value::Node(1),
            root,
            len: 5_000,
            asked: Asked::Subtree {
                start: 0,
                count: 5,
                value: root,
            },
        };
        ComputeJobs::announce(signed(&bystander()), id, [1; 32]).unwrap();
        Threads::<Test>::mutate(id, 0, |thread| {
            let thread = thread.as_mut().unwrap();
            thread.status = ThreadStatus::Asked;
            thread.line = Some(line);
            thread.deadline = System::block_number() + 120;
        });
        // What opens nothing is not sent.
        node.world().answer = vec![4; 5_000];
        work();
        assert!(pool(node).is_empty());
        assert_eq!(troubles(node).unwrap().1, 1);
        node.world().answer = tensor.clone();
        work();
        assert!(tensor.len() < MAX_DEMANDED as usize);
        assert_eq!(
            pool(node),
            [Call::answer {
                job: id,
                thread: 0,
                bytes: tensor.try_into().unwrap(),
            }
            .into()]
        );
        assert_eq!(troubles(node), None);
    });
}

#[test]
fn an_outvoted_replica_announces_without_being_told() {
    const TWO_OF_THREE: Policy = Policy::Replicated {
        n: 3,
        quorum: 2,
        window: 100,
    };
    on_a_node(|node| {
        assert_ne!(GPUW, GPU_WATCHER);
        super::another_provider();
        let who = signed(&provider(2));
        try_register(who.clone(), worker(2), Default::default()).unwrap();
        ComputeJobs::add_bond(who.clone(), 900 * AUR).unwrap();
        ComputeJobs::set_offer(who, offer(AUR)).unwrap();
        blocks(1);
        let id = super::assigned(TWO_OF_THREE);
        node.world().done = true;
        turn(node);
        for other in [worker(1), worker(2)] {
            crate::mock::accept(id, &other);
        }
        turn(node);
        for other in [worker(1), worker(2)] {
            commit(id, &other, 1);
        }
        while status(id) != JobStatus::Revealing {
            turn(node);
        }
        for other in [worker(1), worker(2)] {
            let known = NodeRoots::<Test>::contains_key(id, root_of(1));
            let trace = match known {
                true => TraceReveal::Root(root_of(1)),
                false => TraceReveal::Roots(trace(1)),
            };
            ComputeJobs::reveal(signed(&other), id, SALT, trace, None).unwrap();
        }
        while status(id) != JobStatus::Claimed {
            turn(node);
        }
        let calls = signed_next(node);
        assert!(matches!(
            calls[..],
            [RuntimeCall::ComputeJobs(Call::announce { job, .. })] if job == id
        ));
        include(node);
        assert_eq!(held(HoldReason::ThreadBond, &super::me()), 0);
        assert_eq!(job(id).threads, 1);
    });
}
