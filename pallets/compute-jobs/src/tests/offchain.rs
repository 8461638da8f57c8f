//! The off-chain worker, with a node around it and a daemon at its side. Its
//! transactions are decoded, checked and applied as a block would.

mod node;
mod watch;

use crate::{crypto::WorkerKey, mock::*, *};
use athanor_primitives::{
    Duty, JobId, OFFCHAIN_TROUBLES, OFFCHAIN_WORKER_TOKEN, OFFCHAIN_WORKER_URL,
};
use athanor_worker_duties::{daemon::MAX_ANSWER, Flight, Record, MORTAL, SHOW_AGAIN};
use codec::{Decode, Encode};
use frame_support::{
    dispatch::GetDispatchInfo,
    storage::{with_transaction, TransactionOutcome},
    traits::{fungible::Mutate, OffchainWorker},
};
use frame_system::offchain::AppCrypto;
use node::{Mood, Node};
use sp_core::crypto::KeyTypeId;
use sp_keystore::{testing::MemoryKeystore, Keystore, KeystoreExt};
use sp_runtime::{
    traits::{Applyable, Checkable},
    DispatchError, MultiSignature, MultiSigner, StateVersion,
};
use std::sync::Arc;

const ME: &str = "Alice";
const GPUW: KeyTypeId = KeyTypeId(*b"gpuw");

/// Two replicas, so that there is something to commit to.
const BOTH: Policy = Policy::Replicated {
    n: 2,
    quorum: 2,
    window: 100,
};

/// The account of this node's key.
fn me() -> AccountId {
    account(ME)
}

/// Runs a test on a node whose keystore holds the key of `ME`, registered as the
/// worker of provider 0.
fn on_a_node(test: impl FnOnce(&Node)) {
    let node = Node::new();
    node.world().roots = trace(0).into_inner();
    node.world().outputs = vec![2];
    let mut ext = new_test_ext();
    node.register(&mut ext);
    let keystore = MemoryKeystore::new();
    keystore
        .sr25519_generate_new(GPUW, Some(&format!("//{ME}")))
        .unwrap();
    ext.register_extension(KeystoreExt(Arc::new(keystore)));
    ext.execute_with(|| {
        let who = signed(&provider(0));
        try_register(who.clone(), me(), Default::default()).unwrap();
        ComputeJobs::add_bond(who.clone(), 900 * AUR).unwrap();
        ComputeJobs::set_offer(who, offer(AUR)).unwrap();
        next_block(0);
        test(&node);
    });
}

/// Registers provider 1, whose key is in no keystore.
fn another_provider() {
    let who = signed(&provider(1));
    try_register(who.clone(), worker(1), Default::default()).unwrap();
    ComputeJobs::add_bond(who.clone(), 900 * AUR).unwrap();
    ComputeJobs::set_offer(who, offer(AUR)).unwrap();
    next_block(0);
}

/// The next block, on fork `fork`.
fn next_block(fork: u8) {
    let number = System::block_number();
    let mut hash = [fork; 32];
    hash[..4].copy_from_slice(&number.to_le_bytes());
    frame_system::BlockHash::<Test>::insert(number, sp_core::H256(hash));
    run_to(number + 1);
}

fn blocks(count: u32) {
    (0..count).for_each(|_| next_block(0));
}

/// A job of this policy with this node's provider among those drawn.
fn assigned(policy: Policy) -> JobId {
    let id = create(terms(policy));
    blocks(5);
    assert_eq!(status(id), JobStatus::Assigned);
    assert!(workers(id).contains(&me()));
    id
}

/// Runs the off-chain worker on the present state, which it must not change.
fn work() {
    let before = sp_io::storage::root(StateVersion::V1);
    <ComputeJobs as OffchainWorker<u32>>::offchain_worker(System::block_number());
    assert_eq!(
        sp_io::storage::root(StateVersion::V1),
        before,
        "chain storage was written"
    );
}

/// What became of a transaction.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
enum Fate {
    /// It can't be in a block of this fork.
    Void,
    Applied(RuntimeCall, Result<(), DispatchError>),
}

/// Applies a transaction as a block does.
fn apply(bytes: &[u8]) -> Fate {
    let extrinsic = Extrinsic::decode(&mut &bytes[..]).expect("the pool holds extrinsics");
    let call = extrinsic.function.clone();
    let info = call.get_dispatch_info();
    let context = frame_system::ChainContext::<Test>::default();
    let Ok(checked) = extrinsic.check(&context) else {
        return Fate::Void;
    };
    match checked.apply::<Test>(&info, bytes.len()) {
        Ok(result) => Fate::Applied(call, result.map(drop).map_err(|failed| failed.error)),
        Err(_) => Fate::Void,
    }
}

/// A block with whatever the pool holds.
fn include(node: &Node) -> Vec<RuntimeCall> {
    next_block(0);
    let pool = std::mem::take(&mut node.world().pool);
    pool.iter()
        .map(|bytes| match apply(bytes) {
            Fate::Applied(call, Ok(())) => call,
            fate => panic!("{fate:?}"),
        })
        .collect()
}

/// Works and includes what comes of it.
fn turn(node: &Node) -> Vec<RuntimeCall> {
    work();
    include(node)
}

fn accept_call(job: JobId) -> RuntimeCall {
    Call::accept { job }.into()
}

/// Calls in the pool.
fn pool(node: &Node) -> Vec<RuntimeCall> {
    let decode = |bytes: &Vec<u8>| Extrinsic::decode(&mut &bytes[..]).unwrap().function;
    node.world().pool.iter().map(decode).collect()
}

fn is_commit(call: &RuntimeCall) -> bool {
    matches!(call, RuntimeCall::ComputeJobs(Call::commit { .. }))
}

/// Since when there are how many troubles, as the node is told.
fn troubles(node: &Node) -> Option<(u32, u32)> {
    let mut stored = node.stored(OFFCHAIN_TROUBLES);
    let (_, value) = stored.pop()?;
    Some(codec::DecodeAll::decode_all(&mut &value[..]).unwrap())
}

/// A job with a commitment due, its result known to the daemon.
fn commit_due(node: &Node) -> JobId {
    another_provider();
    let id = assigned(BOTH);
    assert_eq!(turn(node), [accept_call(id)]);
    crate::mock::accept(id, &worker(1));
    assert_eq!(status(id), JobStatus::Running);
    node.world().done = true;
    id
}

/// A job with a reveal due.
fn reveal_due(node: &Node) -> JobId {
    let id = commit_due(node);
    assert!(is_commit(&turn(node)[0]));
    commit(id, &worker(1), 0);
    assert_eq!(status(id), JobStatus::Sealed);
    while ComputeJobs::work(me(), 1)[0].duty != Duty::Reveal {
        assert!(turn(node).is_empty());
    }
    next_block(0);
    id
}

#[test]
fn a_job_is_accepted_committed_and_revealed() {
    on_a_node(|node| {
        let id = reveal_due(node);
        let calls = turn(node);
        assert!(matches!(
            &calls[..],
            [RuntimeCall::ComputeJobs(Call::reveal {
                job, trace: TraceReveal::Roots(roots), output: None, ..
            })] if *job == id && *roots == trace(0)
        ));
        reveal(id, &worker(1), 0);
        assert_eq!(status(id), JobStatus::Claimed);
        finish(id);
        assert!(free(&me()) > 0);
    });
}

#[test]
fn a_single_replica_reveals_at_once() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        node.world().done = true;
        assert_eq!(turn(node), [accept_call(id)]);
        assert!(matches!(
            &turn(node)[..],
            [RuntimeCall::ComputeJobs(Call::reveal {
                trace: TraceReveal::Roots(_),
                ..
            })]
        ));
        assert_eq!(status(id), JobStatus::Claimed);
        assert!(turn(node).is_empty());
    });
}

#[test]
fn an_output_wanted_inline_is_revealed() {
    on_a_node(|node| {
        let id = create(JobTerms {
            inline_output: true,
            ..terms(OPTIMISTIC)
        });
        blocks(5);
        node.world().done = true;
        node.world().output = Some(output(0).into_inner());
        turn(node);
        assert!(matches!(
            &turn(node)[..],
            [RuntimeCall::ComputeJobs(Call::reveal { output: Some(bytes), .. })]
                if *bytes == output(0)
        ));
        assert_eq!(status(id), JobStatus::Claimed);
    });
}

#[test]
fn a_trace_that_another_replica_revealed_is_only_named() {
    on_a_node(|node| {
        let id = reveal_due(node);
        reveal(id, &worker(1), 0);
        let calls = turn(node);
        assert!(matches!(
            &calls[..],
            [RuntimeCall::ComputeJobs(Call::reveal { trace: TraceReveal::Root(root), .. })]
                if *root == root_of(0)
        ));
        assert_eq!(status(id), JobStatus::Claimed);
    });
}

#[test]
fn transactions_are_signed_by_the_registered_key_and_no_other() {
    on_a_node(|node| {
        assigned(OPTIMISTIC);
        work();
        let bytes = node.world().pool[0].clone();
        let extrinsic = Extrinsic::decode(&mut &bytes[..]).unwrap();
        let sp_runtime::generic::Preamble::Signed(who, signature, _) = &extrinsic.preamble else {
            panic!("signed")
        };
        assert_eq!(*who, me());
        assert!(matches!(signature, MultiSignature::Sr25519(_)));
        // And the key is of the type it should be.
        type Public = <WorkerKey as AppCrypto<MultiSigner, MultiSignature>>::RuntimeAppPublic;
        assert_eq!(
            <Public as sp_application_crypto::RuntimeAppPublic>::ID,
            GPUW
        );
    });
}

#[test]
fn a_key_that_is_not_registered_does_nothing() {
    on_a_node(|node| {
        try_set_worker(signed(&provider(0)), worker(2)).unwrap();
        let id = create(terms(OPTIMISTIC));
        blocks(5);
        assert_eq!(workers(id), [worker(2)]);
        work();
        assert!(node.take_called().is_empty());
        assert!(pool(node).is_empty());
    });
}

#[test]
fn a_replaced_key_finishes_its_jobs() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        try_set_worker(signed(&provider(0)), worker(2)).unwrap();
        assert_eq!(turn(node), [accept_call(id)]);
    });
}

#[test]
fn nothing_is_asked_when_nothing_is_due() {
    on_a_node(|node| {
        work();
        assert!(node.take_called().is_empty());
        assert!(pool(node).is_empty());
    });
}

#[test]
fn the_same_block_twice_sends_nothing_twice() {
    on_a_node(|node| {
        commit_due(node);
        work();
        node.take_called();
        for _ in 0..3 {
            work();
        }
        assert_eq!(pool(node).len(), 1);
        assert_eq!(node.world().submitted.len(), 2);
        assert!(node.take_called().is_empty());
    });
}

/// A node killed after every single write sends nothing twice.
#[test]
fn node_restarted_mid_job() {
    on_a_node(|node| {
        let id = commit_due(node);
        work();
        let first = pool(node);
        // Killed between signing and noting it, the lane is lost.
        node.forget(b"athanor/duties/lane");
        work();
        assert_eq!(pool(node), first);
        // The record is lost as well: the same commitment comes of it.
        node.forget(b"athanor/duties/record");
        work();
        let calls = pool(node);
        assert_eq!(calls[0], calls[1]);
        next_block(0);
        let transactions = std::mem::take(&mut node.world().pool);
        assert!(matches!(apply(&transactions[0]), Fate::Applied(_, Ok(()))));
        assert_eq!(apply(&transactions[1]), Fate::Void, "the nonce is used up");
        assert!(job(id)
            .replicas
            .iter()
            .all(|r| r.worker != me() || r.commitment.is_some()));
    });
}

/// A fork without the commit gets the same commit.
#[test]
fn reorg_across_a_commit() {
    on_a_node(|node| {
        let id = commit_due(node);
        let commitment_of = |id: JobId| {
            let job = job(id);
            let mine = job
                .replicas
                .iter()
                .find(|replica| replica.worker == me())
                .cloned();
            mine.and_then(|replica| replica.commitment)
        };
        let first = with_transaction(|| {
            next_block(1);
            work();
            next_block(1);
            let bytes = std::mem::take(&mut node.world().pool).remove(0);
            assert!(matches!(apply(&bytes), Fate::Applied(_, Ok(()))));
            TransactionOutcome::Rollback(Ok::<_, DispatchError>((bytes, commitment_of(id))))
        })
        .unwrap();
        assert!(first.1.is_some());
        // The other fork parts before the block the transaction's era was born in.
        for _ in 0..4 {
            next_block(2);
        }
        assert_eq!(commitment_of(id), None);
        assert_eq!(apply(&first.0), Fate::Void);
        work();
        let bytes = node.world().pool.remove(0);
        next_block(2);
        assert!(matches!(apply(&bytes), Fate::Applied(_, Ok(()))));
        assert_eq!(commitment_of(id), first.1);
    });
}

#[test]
fn a_fork_that_can_include_the_transaction_gets_no_second_one() {
    on_a_node(|node| {
        let id = commit_due(node);
        work();
        let bytes = std::mem::take(&mut node.world().pool).remove(0);
        let _ = with_transaction(|| {
            next_block(1);
            assert!(matches!(apply(&bytes), Fate::Applied(_, Ok(()))));
            work();
            TransactionOutcome::Rollback(Ok::<_, DispatchError>(()))
        });
        next_block(2);
        work();
        assert!(pool(node).is_empty());
        assert!(matches!(apply(&bytes), Fate::Applied(_, Ok(()))));
        assert!(job(id)
            .replicas
            .iter()
            .any(|replica| replica.commitment.is_some()));
    });
}

#[test]
fn a_transaction_the_pool_lost_is_shown_again() {
    on_a_node(|node| {
        commit_due(node);
        work();
        let first = std::mem::take(&mut node.world().pool);
        for _ in 1..SHOW_AGAIN {
            next_block(0);
            work();
            assert!(pool(node).is_empty());
        }
        next_block(0);
        work();
        assert_eq!(node.world().pool, first);
        assert_eq!(node.world().submitted.len(), 2);
    });
}

#[test]
fn an_expired_transaction_is_signed_anew() {
    on_a_node(|node| {
        reveal_due(node);
        work();
        let first = pool(node);
        let signed = node.world().submitted.len();
        for _ in 0..MORTAL {
            node.world().pool.clear();
            assert_eq!(node.world().submitted.len(), signed);
            next_block(0);
            work();
            if node.world().submitted.len() > signed {
                break;
            }
        }
        assert_eq!(pool(node), first);
        assert!(matches!(
            &include(node)[..],
            [RuntimeCall::ComputeJobs(Call::reveal { .. })]
        ));
    });
}

#[test]
fn what_was_signed_for_another_runtime_is_signed_anew() {
    on_a_node(|node| {
        commit_due(node);
        work();
        let first = pool(node);
        let signed = node.world().submitted.len();
        next_block(0);
        work();
        assert_eq!(node.world().submitted.len(), signed);
        // As if the runtime had been upgraded since.
        let version = System::runtime_version().spec_version;
        for (key, value) in node.stored(b"athanor/duties/lane") {
            let mut flights = Vec::<Flight>::decode(&mut &value[..]).unwrap();
            for flight in &mut flights {
                assert_eq!(flight.spec_version, version);
                flight.spec_version += 1;
            }
            node.set_stored(&key, &flights.encode());
        }
        for (key, value) in node.stored(b"athanor/duties/record") {
            let mut record = Record::decode(&mut &value[..]).unwrap();
            let sent = record.sent.as_mut().unwrap();
            assert_eq!(sent.spec_version, version);
            sent.spec_version += 1;
            node.set_stored(&key, &record.encode());
        }
        node.world().pool.clear();
        work();
        assert_eq!(node.world().submitted.len(), signed + 1);
        assert_eq!(pool(node), first);
        assert!(is_commit(&include(node)[0]));
    });
}

#[test]
fn a_call_the_pool_refuses_is_tried_again_in_the_next_block() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        node.world().pool_refuses = true;
        work();
        assert!(pool(node).is_empty());
        node.world().pool_refuses = false;
        next_block(0);
        assert_eq!(turn(node), [accept_call(id)]);
    });
}

#[test]
fn a_key_has_one_call_under_way_at_a_time() {
    on_a_node(|node| {
        let ids = [create(terms(OPTIMISTIC)), create(terms(OPTIMISTIC))];
        blocks(5);
        work();
        assert_eq!(pool(node), [accept_call(ids[0])]);
        assert_eq!(node.take_called(), ["worker_submit"; 2]);
        assert_eq!(include(node).len(), 1);
        assert_eq!(turn(node), [accept_call(ids[1])]);
    });
}

/// A daemon that is down costs time alone.
#[test]
fn daemon_dead() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        node.world().mood = Mood::Dead;
        assert!(turn(node).is_empty());
        node.world().mood = Mood::Honest;
        assert_eq!(turn(node), [accept_call(id)]);
    });
}

#[test]
fn answers_that_are_no_answers_lead_to_nothing() {
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    for (status, body) in [
        (500, b"out of order".to_vec()),
        (404, vec![]),
        (302, vec![]),
        (200, vec![]),
        (200, b"<html>".to_vec()),
        (200, vec![0xff; 300]),
        (200, deep.into_bytes()),
        (200, vec![b' '; MAX_ANSWER + 1]),
        (200, vec![b' '; 20 * MAX_ANSWER]),
        (200, br#"{"jsonrpc":"2.0","id":0,"result":null}"#.to_vec()),
        (
            200,
            br#"{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"x"}}"#.to_vec(),
        ),
    ] {
        on_a_node(|node| {
            let id = assigned(OPTIMISTIC);
            node.world().mood = Mood::Says(status, body.clone());
            assert!(turn(node).is_empty(), "{status}");
            node.world().mood = Mood::Honest;
            assert_eq!(turn(node), [accept_call(id)]);
        });
    }
}

#[test]
fn a_receipt_that_contradicts_itself_is_not_committed_to() {
    on_a_node(|node| {
        commit_due(node);
        node.world().mood = Mood::Lying;
        assert!(turn(node).is_empty());
        node.world().mood = Mood::Honest;
        node.world().roots.push([0; 32]);
        assert!(turn(node).is_empty());
        node.world().roots.pop();
        assert!(is_commit(&turn(node)[0]));
    });
}

#[test]
fn a_result_once_stored_is_never_replaced() {
    on_a_node(|node| {
        let id = reveal_due(node);
        node.world().roots = trace(1).into_inner();
        node.take_called();
        assert_eq!(turn(node).len(), 1);
        assert!(node.take_called().is_empty());
        let job = job(id);
        let mine = job
            .replicas
            .iter()
            .find(|replica| replica.worker == me())
            .unwrap();
        assert_eq!(mine.trace_root, Some(root_of(0)));
    });
}

/// A silent daemon takes no more than half a block.
#[test]
fn daemon_slow() {
    on_a_node(|node| {
        for _ in 0..4 {
            create(terms(OPTIMISTIC));
        }
        blocks(5);
        assert_eq!(ComputeJobs::work(me(), 16).len(), 4);
        node.world().mood = Mood::Silent;
        let before = node.world().clock;
        work();
        assert!(node.world().clock - before <= 1_500);
        assert!(pool(node).is_empty());
    });
}

/// A restarted daemon gets its jobs again.
#[test]
fn daemon_restarted() {
    on_a_node(|node| {
        commit_due(node);
        node.world().tickets.clear();
        node.world().done = false;
        node.take_called();
        assert!(turn(node).is_empty());
        assert_eq!(node.take_called(), ["worker_status", "worker_submit"]);
        node.world().done = true;
        assert!(is_commit(&turn(node)[0]));
    });
}

#[test]
fn the_token_is_sent() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        node.world().token = Some("secret".into());
        node.configure(OFFCHAIN_WORKER_TOKEN, "secret\n");
        assert_eq!(turn(node), [accept_call(id)]);
    });
}

#[test]
fn a_wrong_token_leads_to_nothing() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        node.world().token = Some("secret".into());
        assert!(turn(node).is_empty());
        node.configure(OFFCHAIN_WORKER_TOKEN, "guess");
        assert!(turn(node).is_empty());
        // A line break would be a second header.
        node.configure(OFFCHAIN_WORKER_TOKEN, "secret\r\nX: y");
        assert!(turn(node).is_empty());
        node.configure(OFFCHAIN_WORKER_TOKEN, "secret");
        assert_eq!(turn(node), [accept_call(id)]);
    });
}

#[test]
fn a_daemon_that_is_not_configured_is_not_asked() {
    on_a_node(|node| {
        assigned(OPTIMISTIC);
        node.unconfigure(OFFCHAIN_WORKER_URL);
        assert!(turn(node).is_empty());
        assert!(node.take_called().is_empty());
        node.set_stored(OFFCHAIN_WORKER_URL, b"not SCALE");
        assert!(turn(node).is_empty());
    });
}

#[test]
fn an_account_that_can_pay_no_fee_signs_nothing() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        Balances::set_balance(&me(), 0);
        assert!(turn(node).is_empty());
        // The daemon gets the job all the same.
        assert_eq!(node.take_called(), ["worker_submit"]);
        assert_eq!(troubles(node).unwrap().1, 1);
        Balances::set_balance(&me(), AUR);
        assert_eq!(turn(node), [accept_call(id)]);
        assert_eq!(troubles(node), None);
    });
}

#[test]
fn an_account_that_can_pay_for_no_reveal_is_reported_and_signs_all_the_same() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        // The existential deposit is not spent.
        Balances::set_balance(&me(), AUR / 10 + ED - 1);
        work();
        assert_eq!(troubles(node).unwrap().1, 1);
        assert_eq!(pool(node), [accept_call(id)]);
        Balances::set_balance(&me(), AUR / 10 + ED);
        work();
        assert_eq!(troubles(node), None);
    });
}

#[test]
fn an_account_without_float_and_balance_is_reported() {
    on_a_node(|node| {
        assigned(OPTIMISTIC);
        WorkerFloat::set(0);
        Balances::set_balance(&me(), ED);
        assert!(turn(node).is_empty());
        assert_eq!(troubles(node).unwrap().1, 1);
        Balances::set_balance(&me(), ED + 1);
        assert_eq!(turn(node).len(), 1);
        assert_eq!(troubles(node), None);
    });
}

#[test]
fn the_node_is_told_how_many_troubles_there_are_and_since_when() {
    on_a_node(|node| {
        work();
        assert_eq!(troubles(node), None);
        assigned(OPTIMISTIC);
        node.world().mood = Mood::Dead;
        work();
        let first = System::block_number();
        assert_eq!(troubles(node), Some((first, 1)));
        // The same number is not written again.
        next_block(0);
        work();
        assert_eq!(troubles(node), Some((first, 1)));
        // Another one is, whether or not a line is due in the log.
        Balances::set_balance(&me(), 0);
        work();
        assert_eq!(troubles(node), Some((first + 1, 2)));
        node.set_stored(OFFCHAIN_TROUBLES, &[0xff; 7]);
        next_block(0);
        work();
        assert_eq!(troubles(node), Some((first + 2, 2)));
        Balances::set_balance(&me(), AUR);
        node.world().mood = Mood::Honest;
        work();
        assert_eq!(troubles(node), None);
    });
}

#[test]
fn a_daemon_without_a_registered_key_is_a_trouble() {
    on_a_node(|node| {
        try_set_worker(signed(&provider(0)), worker(2)).unwrap();
        work();
        assert_eq!(troubles(node), Some((System::block_number(), 1)));
        node.unconfigure(OFFCHAIN_WORKER_URL);
        work();
        assert_eq!(troubles(node), None);
        assert!(node.stored(b"athanor/duties/secret").is_empty());
    });
}

#[test]
fn troubles_are_logged_once_a_minute() {
    on_a_node(|node| {
        assigned(OPTIMISTIC);
        node.world().mood = Mood::Dead;
        let logged = |node: &Node| {
            let mut stored = node.stored(b"athanor/duties/logged");
            stored
                .pop()
                .map(|(_, block)| u32::decode(&mut &block[..]).unwrap())
        };
        assert_eq!(logged(node), None);
        work();
        let first = System::block_number();
        assert_eq!(logged(node), Some(first));
        for _ in 1..20 {
            next_block(0);
            work();
            assert_eq!(logged(node), Some(first));
        }
        next_block(0);
        work();
        assert_eq!(logged(node), Some(first + 20));
    });
}

#[test]
fn a_run_that_is_going_on_is_waited_for_until_blocks_and_time_have_passed() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        let key = (b"athanor/duties/lock", ComputeJobs::genesis()).encode();
        let until = (System::block_number() + 4, node.world().clock + 20_000);
        node.set_stored(&key, &until.encode());
        assert!(turn(node).is_empty());
        node.world().clock += 30_000;
        assert!(turn(node).is_empty());
        blocks(3);
        assert_eq!(turn(node), [accept_call(id)]);
        assert!(node.stored(&key).is_empty(), "the lock is released");
    });
}

#[test]
fn garbage_in_local_storage_is_survived() {
    on_a_node(|node| {
        let id = reveal_due(node);
        let prefixes = ["lane", "index", "record", "logged", "lock"];
        for prefix in prefixes.map(|name| format!("athanor/duties/{name}")) {
            for (key, _) in node.stored(prefix.as_bytes()) {
                node.set_stored(&key, &[0xff; 7]);
            }
        }
        // The salt is derived again, the trace asked for again.
        assert_eq!(turn(node).len(), 1);
        reveal(id, &worker(1), 0);
        assert_eq!(status(id), JobStatus::Claimed);
    });
}

#[test]
fn without_its_secret_a_key_signs_nothing() {
    on_a_node(|node| {
        assigned(OPTIMISTIC);
        work();
        node.world().pool.clear();
        for (key, _) in node.stored(b"athanor/duties/secret") {
            node.set_stored(&key, &[1]);
        }
        blocks(SHOW_AGAIN);
        node.take_called();
        work();
        assert!(pool(node).is_empty());
        assert!(node.take_called().is_empty());
    });
}

#[test]
fn records_of_ended_jobs_are_removed_in_the_end() {
    on_a_node(|node| {
        let id = assigned(OPTIMISTIC);
        node.world().done = true;
        turn(node);
        turn(node);
        assert_eq!(node.stored(b"athanor/duties/record").len(), 1);
        finish(id);
        work();
        assert_eq!(node.stored(b"athanor/duties/record").len(), 1);
        let ended = System::block_number();
        System::set_block_number(ended + 1_199);
        work();
        assert_eq!(node.stored(b"athanor/duties/record").len(), 1);
        System::set_block_number(ended + 1_200);
        work();
        assert!(node.stored(b"athanor/duties/record").is_empty());
        assert_eq!(node.stored(b"athanor/duties/secret").len(), 1);
    });
}
