//! The attacks of the design that disputes have to withstand, each a test named after
//! it. A wrong result in every operator kind, and roots of garbage, are in
//! `operators.rs`.

use super::support::*;
use crate::{mock::*, *};
use athanor_content_tree::root;
use athanor_primitives::{Asked, Opening, Value};
use codec::{DecodeAll, Encode};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};

type E = Error<Test>;

const BOND: Balance = AUR;
const PRICE: Balance = AUR / 50;
const RICH: Balance = 10_000 * AUR;

fn watcher() -> AccountId {
    bystander()
}

fn alice() -> AccountId {
    account("Alice")
}

#[test]
fn false_challenge() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let right = opening(&honest, 1);
        let number = announce_and_wait(&alice(), id, &right);
        // A true element, and the accuser's own invention of a false one.
        let harmless = work.proof(&honest, 1, 9);
        let invented = work.proof(&work.lie(1, 9), 1, 9);
        for (proof, error) in [(harmless, E::ProofHarmless), (invented, E::BadClaimedSlice)] {
            assert_noop!(challenge(&alice(), id, number, Some(right), proof), error);
        }
        finish_all(id);
        assert_eq!(end_of(id, number), Some(ThreadEnd::Lapsed));
        assert_eq!(total(&alice()), RICH - BOND);
        // The accused is paid, and half the bond for the delay.
        let earned = 10 * AUR * 98 / 100 + BOND / 2;
        assert_eq!(total(&owner_of(&key)), RICH + earned);
    });
}

/// Runs until a job has ended, its threads as well.
fn finish_all(id: athanor_primitives::JobId) {
    for _ in 0..400 {
        if !Jobs::<Test>::contains_key(id) {
            return;
        }
        run_to(System::block_number() + 10);
    }
    panic!("a job does not end");
}

#[test]
fn copied_proof() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 9);
        let (id, _) = claim_one(&work, &lie);
        let right = opening(&lie, 1);
        let number = announce_and_wait(&watcher(), id, &right);
        let proof = work.proof(&lie, 1, 9);
        // The proof is in the pool. A copier has no announcement of that age, can't
        // use the watcher's thread, and can't take its announcement over.
        assert_noop!(
            challenge(&alice(), id, number, Some(right), proof.clone()),
            E::NotChallenger
        );
        let copied = job(id).next_thread;
        let made_for_another = announcement(&watcher(), id, &right);
        assert_ok!(ComputeJobs::announce(
            signed(&alice()),
            id,
            made_for_another
        ));
        let own = announce(&alice(), id, &right);
        for number in [copied, own] {
            assert_noop!(
                challenge(&alice(), id, number, Some(right), proof.clone()),
                E::AnnouncementTooYoung
            );
        }
        run_to(System::block_number() + 1);
        assert_ok!(challenge(
            &watcher(),
            id,
            number,
            Some(right),
            proof.clone()
        ));
        run_to(System::block_number() + 1);
        assert_noop!(
            challenge(&alice(), id, copied, Some(right), proof.clone()),
            E::AnnouncementMismatch
        );
        let late = challenge(&alice(), id, own, Some(right), proof).unwrap();
        assert_eq!(late.pays_fee, Pays::Yes);
        finish_all(id);
        assert_eq!(total(&watcher()), RICH + 20 * AUR);
        assert_eq!(total(&alice()), RICH);
    });
}

#[test]
fn announcements_held_as_options() {
    // Against a true claim an option is only a cost, each time.
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let honest = work.honest();
        let (id, _) = claim_one(&work, &honest);
        for node in 0..2 {
            announce(&alice(), id, &opening(&honest, node));
        }
        finish_all(id);
        assert_eq!(total(&alice()), RICH - 2 * BOND);
    });
    // Against a false one, it has to be on the right claim and node, young enough, and
    // gets half at most: the other half is for whose demand was answered.
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 9);
        let (id, key) = claim_one(&work, &lie);
        let right = opening(&lie, 1);
        let stale = announce(&alice(), id, &right);
        crawl_to(thread(id, stale).deadline - 10);
        let option = announce(&alice(), id, &right);
        let other = announce(&alice(), id, &opening(&lie, 0));
        let number = announce_and_wait(&watcher(), id, &right);
        demand(&watcher(), id, number, first(right, Value::Node(1))).unwrap();
        crawl_to(thread(id, stale).deadline);
        answer(&key, id, number, true_answer(id, number, &lie.nodes[1])).unwrap();
        let proof = work.proof(&lie, 1, 9);
        assert_noop!(
            challenge(&alice(), id, stale, Some(right), proof.clone()),
            E::UnexpectedStatus
        );
        assert_noop!(
            challenge(&alice(), id, other, Some(opening(&lie, 0)), proof.clone()),
            E::WrongNode
        );
        assert_ok!(challenge(&alice(), id, option, Some(right), proof.clone()));
        // The watcher's own proof comes second: it loses nothing but half of it.
        assert_ok!(challenge(&watcher(), id, number, None, proof));
        assert_ok!(ComputeJobs::poke_thread(signed(&alice()), id, stale));
        finish_all(id);
        assert_eq!(total(&watcher()), RICH - PRICE + 10 * AUR);
        assert_eq!(total(&alice()), RICH + 10 * AUR);
    });
}

#[test]
fn demand_flood() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let right = opening(&honest, 1);
        let numbers: Vec<_> = (0..60).map(|_| announce(&alice(), id, &right)).collect();
        run_to(System::block_number() + 2);
        let start = System::block_number();
        for number in &numbers {
            demand(&alice(), id, *number, first(right, Value::Node(1))).unwrap();
        }
        check();
        // Each question gives two blocks more to answer it: one after the other is in
        // time, however late the first.
        run_to(start + 119);
        for number in &numbers {
            answer(
                &key,
                id,
                *number,
                true_answer(id, *number, &honest.nodes[1]),
            )
            .unwrap();
            run_to(System::block_number() + 2);
            check();
        }
        finish_all(id);
        // The claimant is paid for its answers and its delay, as for the job.
        assert_eq!(free(&key), AUR + 60 * PRICE);
        let earned = 10 * AUR * 98 / 100 + 60 * (BOND / 2);
        assert_eq!(total(&owner_of(&key)), RICH + earned);
        assert_eq!(total(&alice()), RICH - 60 * (BOND + PRICE));
    });
}

#[test]
fn accomplice_threads_around_a_false_claim() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 9);
        let (id, key) = claim_one(&work, &lie);
        // The liar's friend asks first, about everything, and is answered first.
        let mut friends = Vec::new();
        for i in 0..40 {
            friends.push((announce(&alice(), id, &opening(&lie, i % 2)), i % 2));
        }
        run_to(System::block_number() + 2);
        for (number, node) in &friends {
            let asking = first(opening(&lie, *node), Value::Node(*node));
            demand(&alice(), id, *number, asking).unwrap();
            let bytes = true_answer(id, *number, &lie.nodes[usize::from(*node)]);
            answer(&key, id, *number, bytes).unwrap();
        }
        // There is still room, in the last block of the window as well.
        run_to(job(id).deadline - 1);
        assert_eq!(expose(&work, id, &watcher(), &key, &lie, 1), 1);
        assert!(events().iter().any(|event| matches!(
            event,
            Event::ClaimStruck { prover, .. } if *prover == watcher()
        )));
        // The friends' threads lapsed, or end with their bonds back: nobody is stuck.
        finish_all(id);
        let friend = total(&alice());
        assert!(friend <= RICH - 40 * PRICE + 10 * AUR);
        // Half of the reward at least is the watcher's, and the liars together lose.
        assert!(total(&watcher()) >= RICH - PRICE + 10 * AUR);
        let liars = total(&owner_of(&key)) + friend + total(&key);
        assert!(liars < 2 * RICH + AUR - 30 * AUR);
    });
}

#[test]
fn threads_about_a_struck_claim_get_their_bonds_back_and_others_go_on() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let (honest, one, two) = (work.honest(), work.lie(1, 9), work.lie(0, 9));
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&honest, &one, &two]);
        let about_one = opening(&one, 1);
        let announced = announce(&alice(), id, &about_one);
        let asked = announce(&alice(), id, &about_one);
        let other = announce_and_wait(&alice(), id, &opening(&two, 0));
        demand(&alice(), id, asked, first(about_one, Value::Node(1))).unwrap();
        expose(&work, id, &watcher(), &keys[1], &one, 1);
        assert_eq!(faults(id), [None, Some(Fault::FraudProven), None]);
        let bytes = true_answer(id, asked, &one.nodes[1]);
        assert_noop!(answer(&keys[1], id, asked, bytes), E::NotClaimant);
        assert_ok!(ComputeJobs::poke_thread(signed(&watcher()), id, asked));
        let whole = first(about_one, Value::Node(1));
        assert_ok!(demand(&alice(), id, announced, whole));
        for number in [asked, announced] {
            assert_eq!(end_of(id, number), Some(ThreadEnd::Moot));
        }
        assert_eq!(held(HoldReason::ThreadBond, &alice()), BOND);
        let proof = work.proof(&two, 0, 9);
        assert_ok!(challenge(
            &alice(),
            id,
            other,
            Some(opening(&two, 0)),
            proof
        ));
        let proven = Some(Fault::FraudProven);
        assert_eq!(faults(id), [None, proven, proven]);
        finish_all(id);
        assert_eq!(total(&alice()), RICH + 20 * AUR);
        assert_eq!(total(&watcher()), RICH - PRICE + 20 * AUR);
        // One is no quorum: the honest replica is paid from what the others lost.
        assert_eq!(total(&owner_of(&keys[0])), RICH + 10 * AUR * 98 / 100);
        assert_no_struck_replica_was_paid();
    });
}

#[test]
fn malformed_proofs_and_answers() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 9);
        let (id, key) = claim_one(&work, &lie);
        let right = opening(&lie, 1);
        let proof = work.proof(&lie, 1, 9);
        let number = announce_and_wait(&watcher(), id, &right);
        let with = |change: &dyn Fn(&mut athanor_tensor_program::judge::FraudProof)| {
            let mut proof = proof.clone();
            change(&mut proof);
            proof
        };
        let cases = [
            // Truncated.
            (
                with(&|proof| proof.claimed.truncate(1_000)),
                E::BadClaimedSlice,
            ),
            (
                with(&|proof| proof.operands[0].truncate(31)),
                E::BadOperandSlice,
            ),
            (with(&|proof| proof.claimed.clear()), E::BadClaimedSlice),
            // Oversized.
            (with(&|proof| proof.claimed.push(0)), E::BadClaimedSlice),
            (with(&|proof| proof.operands[0].push(0)), E::BadOperandSlice),
            (
                with(&|proof| proof.claimed.resize(49_152, 0)),
                E::ProofTooLong,
            ),
            // Bytes of another root.
            (with(&|proof| proof.claimed[3] ^= 1), E::BadClaimedSlice),
            (with(&|proof| proof.operands[0][3] ^= 1), E::BadOperandSlice),
            (work.proof(&work.lie(1, 10), 1, 9), E::BadClaimedSlice),
            // Another index.
            (with(&|proof| proof.element = 2_999), E::BadClaimedSlice),
            (with(&|proof| proof.element = 3_000), E::NoSuchElement),
            (with(&|proof| proof.element = u64::MAX), E::NoSuchElement),
            (with(&|proof| proof.node = 0), E::WrongNode),
            (with(&|proof| proof.node = 2), E::WrongNode),
            // Too few or too many parts.
            (with(&|proof| proof.operands.clear()), E::WrongOperandCount),
            (
                with(&|proof| proof.operands.push(vec![])),
                E::WrongOperandCount,
            ),
            (with(&|proof| proof.witness = Some(0)), E::BadWitness),
        ];
        for (proof, error) in cases {
            assert_noop!(challenge(&watcher(), id, number, Some(right), proof), error);
        }
        let call = Call::<Test>::challenge {
            job: id,
            thread: number,
            opening: Some(right),
            proof: proof.clone().into(),
        };
        let bytes = call.encode();
        for len in [0, 1, 20, bytes.len() - 1] {
            assert!(Call::<Test>::decode_all(&mut &bytes[..len]).is_err());
        }

        demand(&watcher(), id, number, first(right, Value::Node(1))).unwrap();
        let bytes = true_answer(id, number, &lie.nodes[1]);
        let honest = &work.honest().nodes[1];
        let long = vec![0; MAX_ANSWER as usize];
        let cases = [
            (vec![], E::WrongAnswerLength),
            (bytes[..2_999].to_vec(), E::WrongAnswerLength),
            ([&bytes[..], &[0]].concat(), E::WrongAnswerLength),
            (long, E::WrongAnswerLength),
            (honest.clone(), E::AnswerMismatch),
            (vec![0; 3_000], E::AnswerMismatch),
        ];
        for (wrong, error) in cases {
            assert_noop!(answer(&key, id, number, wrong), error);
        }
        assert!(AnswerBytes::try_from(vec![0; MAX_ANSWER as usize + 1]).is_err());
        assert_ok!(answer(&key, id, number, bytes));
        assert_ok!(challenge(&watcher(), id, number, None, proof));
    });
}

#[test]
fn malformed_answers_by_groups_and_slices() {
    build_and_execute(|| {
        let work = two_clamps(70_000);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let right = opening(&honest, 1);
        let groups = announce_and_wait(&watcher(), id, &right);
        demand(&watcher(), id, groups, first(right, Value::Node(1))).unwrap();
        let slice = job(id).next_thread;
        ComputeJobs::deliver(signed(&requester()), id, honest.root(), 0, 1).unwrap();
        for number in [groups, slice] {
            let good = true_answer(id, number, &honest.nodes[1]);
            let mut wrong = good.clone();
            wrong[40] ^= 1;
            assert_noop!(answer(&key, id, number, wrong), E::AnswerMismatch);
            let mut swapped = good.clone();
            swapped.swap(0, 33);
            swapped.swap(1, 34);
            assert_noop!(answer(&key, id, number, swapped), E::AnswerMismatch);
            for len in [0, 32, good.len() - 32, good.len() - 1] {
                assert_noop!(
                    answer(&key, id, number, good[..len].to_vec()),
                    E::WrongAnswerLength
                );
            }
            assert_ok!(answer(&key, id, number, good));
        }
        // The largest answers fit: 32 chunks and their path.
        let line = thread(id, slice).line.unwrap();
        assert!(matches!(
            line.asked,
            Asked::Slice {
                start: 32,
                count: 32
            }
        ));
    });
}

#[test]
fn withheld_data() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 9);
        providers(3, 10 * AUR);
        let honest = work.honest();
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&lie, &honest, &lie]);
        let right = opening(&lie, 1);
        let number = announce_and_wait(&watcher(), id, &right);
        demand(&watcher(), id, number, first(right, Value::Node(1))).unwrap();
        let deadline = thread(id, number).deadline;
        crawl_to(deadline);
        let bytes = true_answer(id, number, &lie.nodes[1]);
        assert_noop!(answer(&keys[0], id, number, bytes), E::UnexpectedStatus);
        assert_ok!(ComputeJobs::poke_thread(signed(&alice()), id, number));
        assert_eq!(end_of(id, number), Some(ThreadEnd::Withheld));
        // The window was over, so the verdict fell at once.
        assert_eq!(Jobs::<Test>::get(id), None);
        // Both of the group are struck; two fifths of both collaterals, and the price
        // of the answer back.
        assert_eq!(total(&watcher()), RICH + 40 * AUR);
        for key in [&keys[0], &keys[2]] {
            assert_eq!(total(&owner_of(key)), RICH - 50 * AUR);
        }
        let struck = events()
            .into_iter()
            .filter(|event| {
                matches!(
                    event,
                    Event::ReplicaStruck {
                        fault: Fault::DataWithheld,
                        amount,
                        ..
                    } if *amount == 50 * AUR
                )
            })
            .count();
        assert_eq!(struck, 2);
        assert_no_struck_replica_was_paid();
    });
}

#[test]
fn silence_is_judged_without_anybodys_help() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 9);
        let (id, _) = claim_one(&work, &lie);
        let right = opening(&lie, 1);
        let number = announce_and_wait(&watcher(), id, &right);
        demand(&watcher(), id, number, first(right, Value::Input)).unwrap_err();
        demand(&watcher(), id, number, first(right, Value::Node(0))).unwrap();
        run_to(thread(id, number).deadline + 1);
        assert_eq!(end_of(id, number), Some(ThreadEnd::Withheld));
    });
}

#[test]
fn withheld_output() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        assert_ok!(ComputeJobs::deliver(
            signed(&requester()),
            id,
            honest.root(),
            0,
            0
        ));
        run_to(thread(id, 0).deadline + 1);
        assert_eq!(end_of(id, 0), Some(ThreadEnd::Withheld));
        finish_all(id);
        // Its result was right, but nobody has it: refund, compensation, reward.
        assert_eq!(total(&requester()), RICH + 2 * AUR + 20 * AUR);
        assert_eq!(total(&owner_of(&key)), RICH - 50 * AUR);
        assert!(!events()
            .iter()
            .any(|event| matches!(event, Event::JobSettled { .. })));
    });
}

#[test]
fn endless_delivery_demands() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let over = job(id).deadline;
        let ask = || ComputeJobs::deliver(signed(&requester()), id, honest.root(), 0, 0);
        for i in 0..64 {
            assert_ok!(ask());
            answer(&key, id, i, true_answer(id, i, &honest.nodes[1])).unwrap();
            if i % 2 == 0 {
                assert_ok!(ComputeJobs::poke_thread(signed(&requester()), id, i));
            }
        }
        assert_noop!(ask(), E::TooManyDeliveries);
        check();
        // They end by themselves, and the claimant was paid for each.
        run_to(over.max(System::block_number()) + 80);
        assert_eq!(Jobs::<Test>::get(id), None);
        assert_eq!(free(&key), AUR + 64 * PRICE);
        assert_eq!(total(&owner_of(&key)), RICH + 10 * AUR * 98 / 100);
    });
}

#[test]
fn liar_convicting_itself() {
    // Alone, through another account, with its own data and announcement: two fifths
    // come back, the rest is lost.
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 9);
        let (id, key) = claim_one(&work, &lie);
        expose(&work, id, &alice(), &key, &lie, 1);
        finish_all(id);
        let before = 2 * RICH + AUR;
        let after = total(&owner_of(&key)) + total(&key) + total(&alice());
        assert_eq!(after, before - 30 * AUR);
    });
    // By its own worker key, or its owner's.
    for owner_accuses in [false, true] {
        build_and_execute(|| {
            let work = two_clamps(3_000);
            let lie = work.lie(1, 9);
            let (id, key) = claim_one(&work, &lie);
            let who = if owner_accuses {
                owner_of(&key)
            } else {
                Balances::transfer_allow_death(signed(&owner_of(&key)), key.clone(), 2 * BOND)
                    .unwrap();
                key.clone()
            };
            expose(&work, id, &who, &key, &lie, 1);
            finish_all(id);
            let after = total(&owner_of(&key)) + total(&key);
            assert_eq!(after, RICH + AUR - 30 * AUR);
        });
    }
    // With two of three replicas: the second stands, so that it is paid from the pot,
    // and that is still less than the first loses.
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let (honest, one, two) = (work.honest(), work.lie(1, 9), work.lie(1, 10));
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&one, &two, &honest]);
        expose(&work, id, &alice(), &keys[0], &one, 1);
        finish_all(id);
        let mine = [&keys[0], &keys[1]];
        let after: Balance = mine
            .iter()
            .map(|key| total(&owner_of(key)) + total(key))
            .sum();
        assert!(after + total(&alice()) < 3 * RICH + 2 * AUR);
        assert_no_struck_replica_was_paid();
    });
}

#[test]
fn a_lying_quorum_against_one_honest_replica() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let (honest, lie) = (work.honest(), work.lie(0, 9));
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&lie, &honest, &lie]);
        // Its worker key has no money for a bond, and needs none.
        let own = &keys[1];
        assert!(free(own) <= AUR);
        expose(&work, id, own, &keys[0], &lie, 0);
        let proven = Some(Fault::FraudProven);
        assert_eq!(faults(id), [proven, None, proven]);
        finish_all(id);
        // Paid out of what the majority lost, and rewarded.
        let provider = owner_of(own);
        let pay = 10 * AUR * 98 / 100;
        assert_eq!(
            total(&provider) + total(own),
            RICH + AUR + pay + 40 * AUR - PRICE
        );
        assert_eq!(Providers::<Test>::get(&provider).unwrap().bond, 1_000 * AUR);
        for liar in [&keys[0], &keys[2]] {
            assert_eq!(total(&owner_of(liar)), RICH - 50 * AUR);
        }
        // The whole budget back, and a fifth of it.
        assert_eq!(total(&requester()), RICH + 6 * AUR);
        assert_no_struck_replica_was_paid();
    });
    // Had it not disputed, it would have been outvoted.
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let (honest, lie) = (work.honest(), work.lie(0, 9));
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&lie, &honest, &lie]);
        finish_all(id);
        assert_eq!(total(&owner_of(&keys[1])), RICH - 50 * AUR);
    });
}

#[test]
fn an_honest_majority_is_paid_when_the_minority_is_proven_false() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let (honest, lie) = (work.honest(), work.lie(0, 9));
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&lie, &honest, &honest]);
        expose(&work, id, &watcher(), &keys[0], &lie, 0);
        finish_all(id);
        assert_eq!(total(&watcher()), RICH - PRICE + 20 * AUR);
        for key in &keys[1..] {
            assert_eq!(total(&owner_of(key)), RICH + 10 * AUR * 98 / 100);
        }
        assert!(events()
            .iter()
            .any(|event| matches!(event, Event::JobSettled { .. })));
    });
}

#[test]
fn a_wrong_trace_of_right_length_is_no_way_around_the_judge() {
    // A claim whose later roots belong to other tensors than its own nodes make of the
    // earlier ones: the first wrong node decides, whatever follows.
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let mut lie = work.lie(0, 9);
        lie.nodes[1] = vec![9; 3_000];
        lie.trace[1] = root(&lie.nodes[1]);
        let (id, key) = claim_one(&work, &lie);
        expose(&work, id, &watcher(), &key, &lie, 0);
        assert_eq!(faults(id), [Some(Fault::FraudProven)]);
    });
}

#[test]
fn an_opening_of_another_chain_job_or_account_opens_nothing() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let lie = work.lie(1, 9);
        let (id, _) = claim_one(&work, &lie);
        let right = Opening {
            salt: [8; 32],
            ..opening(&lie, 1)
        };
        let genesis = ComputeJobs::genesis();
        let me: [u8; 32] = watcher().into();
        let hashes = [
            right.announcement(&[1; 32], &me, id),
            right.announcement(&genesis, &me, id + 1),
            right.announcement(&genesis, alice().as_ref(), id),
        ];
        for hash in hashes {
            assert_ok!(ComputeJobs::announce(signed(&watcher()), id, hash));
        }
        run_to(System::block_number() + 2);
        for number in 0..3 {
            assert_noop!(
                challenge(&watcher(), id, number, Some(right), work.proof(&lie, 1, 9)),
                E::AnnouncementMismatch
            );
        }
    });
}

#[test]
fn a_block_works_off_no_more_threads_than_its_weight_allows() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let honest = work.honest();
        let (id, _) = claim_one(&work, &honest);
        let numbers: Vec<_> = (0..5)
            .map(|_| announce(&alice(), id, &opening(&honest, 1)))
            .collect();
        let last = numbers[4];
        run_to(thread(id, last).deadline - 1);
        crawl_to(thread(id, last).deadline);
        let room = <() as WeightInfo>::queue_thread()
            .saturating_add(<() as WeightInfo>::queue_bucket().saturating_mul(4));
        for left in (0..5).rev() {
            run_to_with(System::block_number() + 1, room);
            check();
            assert_eq!(job(id).threads, left);
        }
    });
}
