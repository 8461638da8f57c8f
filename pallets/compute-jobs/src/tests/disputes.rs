//! Threads: each call's works and refusals. Attacks, every operator and the table of
//! states and calls are in modules of their own.

mod attacks;
mod operators;
mod support;
mod table;
mod try_state;

use crate::{mock::*, *};
use athanor_primitives::{Asked, Opening, Value};
use athanor_tensor_program::judge::FraudProof;
use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use support::*;

type E = Error<Test>;

const BOND: Balance = AUR;
const PRICE: Balance = AUR / 50;

fn watcher() -> AccountId {
    bystander()
}

/// A trace of another length than the program can't be revealed; if state had one, a
/// proof about it would show nothing.
#[test]
fn a_claim_that_does_not_fit_its_program_is_not_judged() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let work = two_clamps(40 * 1_024);
        let lie = work.lie(1, 9);
        let (id, _) = claim_all(work.terms(TWO_OF_THREE), &[&lie, &lie, &lie]);
        let right = opening(&lie, 1);
        let thread = announce_and_wait(&bystander(), id, &right);
        let whole = NodeRoots::<Test>::get(id, lie.root()).unwrap();
        NodeRoots::<Test>::mutate(id, lie.root(), |roots| {
            roots.as_mut().unwrap().try_push([7; 32]).unwrap()
        });
        let proof = work.proof(&lie, 1, 9);
        assert_noop!(
            challenge(&bystander(), id, thread, Some(right), proof.clone()),
            Error::<Test>::NotJudged
        );
        NodeRoots::<Test>::insert(id, lie.root(), whole);
        assert_ok!(challenge(&bystander(), id, thread, Some(right), proof));
    });
}

#[test]
fn an_announcement_holds_its_bond_and_keeps_the_job_from_its_verdict() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let (id, _) = claim_one(&work, &work.honest());
        let over = job(id).deadline;
        let number = announce(&watcher(), id, &opening(&work.honest(), 0));
        // A tenth of the pay, more than the least bond.
        assert_eq!(held(HoldReason::ThreadBond, &watcher()), BOND);
        let opened = thread(id, number);
        assert_eq!(opened.status, ThreadStatus::Announced);
        assert_eq!(opened.deadline, System::block_number() + 40);
        assert_eq!((job(id).threads, job(id).queued), (1, None));
        crawl_to(over + 10);
        assert_noop!(ComputeJobs::poke(signed(&bystander()), id), E::NothingDue);
        assert_eq!(status(id), JobStatus::Claimed);
        assert_ok!(ComputeJobs::poke_thread(signed(&bystander()), id, number));
        // The last thread's end lets the verdict fall.
        assert_eq!(Jobs::<Test>::get(id), None);
        assert_eq!(end_of(id, number), Some(ThreadEnd::Lapsed));
    });
}

#[test]
fn a_small_pay_takes_the_least_bond() {
    build_and_execute(|| {
        let work = two_clamps(100);
        providers(1, AUR);
        let (id, _) = claim_all(work.terms(OPTIMISTIC), &[&work.honest()]);
        announce(&watcher(), id, &opening(&work.honest(), 0));
        assert_eq!(held(HoldReason::ThreadBond, &watcher()), AUR / 2);
    });
}

#[test]
fn threads_are_opened_in_the_window_only() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let (id, _) = claim_one(&work, &work.honest());
        let hash = [1; 32];
        assert_noop!(
            ComputeJobs::announce(signed(&watcher()), id + 1, hash),
            E::NoSuchJob
        );
        announce(&watcher(), id, &opening(&work.honest(), 0));
        let over = job(id).deadline;
        crawl_to(over - 1);
        assert_ok!(ComputeJobs::announce(signed(&watcher()), id, hash));
        crawl_to(over);
        // Still `Claimed`, for its threads, and no new ones.
        assert_eq!(status(id), JobStatus::Claimed);
        assert_noop!(
            ComputeJobs::announce(signed(&watcher()), id, hash),
            E::UnexpectedStatus
        );
        let claim = work.honest().root();
        assert_noop!(
            ComputeJobs::deliver(signed(&requester()), id, claim, 0, 0),
            E::UnexpectedStatus
        );
    });
}

#[test]
fn an_announcement_needs_its_bond() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let (id, _) = claim_one(&work, &work.honest());
        assert_noop!(
            ComputeJobs::announce(signed(&nth("poor", 0)), id, [1; 32]),
            sp_runtime::TokenError::FundsUnavailable
        );
        Jobs::<Test>::mutate(id, |job| job.as_mut().unwrap().next_thread = u32::MAX);
        assert_noop!(
            ComputeJobs::announce(signed(&watcher()), id, [1; 32]),
            E::TooManyThreads
        );
    });
}

#[test]
fn a_lapsed_threads_bond_goes_to_those_it_delayed_and_the_treasury() {
    build_and_execute(|| {
        let work = two_clamps(100);
        providers(3, 10 * AUR);
        let honest = work.honest();
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&honest, &honest, &honest]);
        let before: Vec<_> = keys.iter().map(|key| total(&owner_of(key))).collect();
        let start = free(&watcher());
        let number = announce(&watcher(), id, &opening(&honest, 0));
        run_to(thread(id, number).deadline + 1);
        assert_eq!(end_of(id, number), Some(ThreadEnd::Lapsed));
        let each = BOND / 2 / 3;
        for (key, before) in keys.iter().zip(before) {
            assert_eq!(total(&owner_of(key)), before + each);
        }
        assert_eq!(free(&treasury()), AUR + BOND - 3 * each);
        assert_eq!(total(&watcher()), start - BOND);
    });
}

#[test]
fn a_proof_that_leaves_nobody_standing_ends_the_job_at_once() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 2_500);
        let (id, key) = claim_one(&work, &lie);
        let start = free(&watcher());
        let opening = opening(&lie, 1);
        let number = announce_and_wait(&watcher(), id, &opening);
        let proof = work.proof(&lie, 1, 2_500);
        let done = challenge(&watcher(), id, number, Some(opening), proof).unwrap();
        assert_eq!(done.pays_fee, Pays::No);
        assert_eq!(faults(id), [Some(Fault::FraudProven)]);
        assert_eq!(end_of(id, number), Some(ThreadEnd::Convicted));
        let liar = Providers::<Test>::get(owner_of(&key)).unwrap();
        assert!(liar.jailed_until.is_some());
        assert_eq!((liar.locked, liar.live), (0, 0));
        assert!(Jobs::<Test>::get(id).is_none());
        assert_eq!(free(&watcher()), start + 20 * AUR);
        assert_eq!(total(&owner_of(&key)), 9_950 * AUR);
        // The budget, and a fifth of it, which is less than one of the collateral.
        assert_eq!(total(&requester()), 10_002 * AUR);
        assert_eq!(free(&treasury()), AUR + 28 * AUR);
        assert_no_struck_replica_was_paid();
    });
}

#[test]
fn a_proof_is_paid_at_the_end_while_somebody_stands() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let (honest, lie) = (work.honest(), work.lie(1, 2_500));
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&honest, &honest, &lie]);
        let start = free(&watcher());
        let opening = opening(&lie, 1);
        let number = announce_and_wait(&watcher(), id, &opening);
        let proof = work.proof(&lie, 1, 2_500);
        challenge(&watcher(), id, number, Some(opening), proof).unwrap();
        assert_eq!(faults(id), [None, None, Some(Fault::FraudProven)]);
        assert_eq!(free(&watcher()), start);
        let liar = Providers::<Test>::get(owner_of(&keys[2])).unwrap();
        // Its slot and collateral stay locked until the end.
        assert_eq!((liar.locked, liar.live), (50 * AUR, 1));
        finish(id);
        assert_eq!(total(&watcher()), start + 20 * AUR);
        assert_no_struck_replica_was_paid();
    });
}

#[test]
fn a_job_nobody_stands_by_waits_for_the_threads_that_are_open() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 2_500);
        let (id, _) = claim_one(&work, &lie);
        let right = opening(&lie, 1);
        let late = account("Alice");
        let before = total(&late);
        let other = announce(&late, id, &right);
        let number = announce_and_wait(&watcher(), id, &right);
        let proof = work.proof(&lie, 1, 2_500);
        challenge(&watcher(), id, number, Some(right), proof).unwrap();
        assert_eq!(job(id).threads, 1);
        assert_ok!(ComputeJobs::poke_thread(signed(&watcher()), id, other));
        assert!(Jobs::<Test>::get(id).is_none());
        assert_eq!(total(&watcher()), 10_000 * AUR + 20 * AUR);
        assert_eq!(total(&late), before);
    });
}

#[test]
fn the_reward_is_shared_with_who_was_answered_first() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 7);
        let (id, key) = claim_one(&work, &lie);
        let (first_one, second) = (account("Alice"), account("Bob"));
        let opening = opening(&lie, 1);
        let a = announce(&first_one, id, &opening);
        let b = announce_and_wait(&second, id, &opening);
        for (who, number) in [(&first_one, a), (&second, b)] {
            demand(who, id, number, first(opening, Value::Node(1))).unwrap();
            let bytes = true_answer(id, number, &lie.nodes[1]);
            answer(&key, id, number, bytes).unwrap();
        }
        let proof = work.proof(&lie, 1, 7);
        challenge(&second, id, b, None, proof).unwrap();
        finish(id);
        // Each paid for an answer, the first for nothing else.
        assert_eq!(total(&first_one), 10_000 * AUR - PRICE + 10 * AUR);
        assert_eq!(total(&second), 10_000 * AUR - PRICE + 10 * AUR);
        assert_eq!(end_of(id, a), Some(ThreadEnd::Moot));
    });
}

#[test]
fn a_demand_about_another_node_earns_no_share() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 7);
        let (id, key) = claim_one(&work, &lie);
        let alice = account("Alice");
        let a = announce_and_wait(&alice, id, &opening(&lie, 0));
        demand(&alice, id, a, first(opening(&lie, 0), Value::Node(0))).unwrap();
        answer(&key, id, a, true_answer(id, a, &lie.nodes[0])).unwrap();
        let start = total(&watcher());
        assert_eq!(expose(&work, id, &watcher(), &key, &lie, 1), 1);
        finish(id);
        assert_eq!(total(&alice), 10_000 * AUR - PRICE);
        assert_eq!(total(&watcher()), start - PRICE + 20 * AUR);
    });
}

#[test]
fn who_gives_up_has_no_share() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let lie = work.lie(1, 7);
        let (id, key) = claim_one(&work, &lie);
        let alice = account("Alice");
        let a = announce_and_wait(&alice, id, &opening(&lie, 1));
        demand(&alice, id, a, first(opening(&lie, 1), Value::Node(1))).unwrap();
        answer(&key, id, a, true_answer(id, a, &lie.nodes[1])).unwrap();
        run_to(thread(id, a).deadline + 1);
        assert_eq!(end_of(id, a), Some(ThreadEnd::Lapsed));
        assert_eq!(FirstAnswered::<Test>::iter().count(), 0);
        expose(&work, id, &watcher(), &key, &lie, 1);
        finish(id);
        assert_eq!(total(&alice), 10_000 * AUR - PRICE - BOND);
        assert_eq!(total(&watcher()), 10_000 * AUR - PRICE + 20 * AUR);
    });
}

#[test]
fn an_answer_is_paid_to_who_gives_it() {
    build_and_execute(|| {
        let work = two_clamps(3_000);
        let honest = work.honest();
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&honest, &honest, &honest]);
        let opening = opening(&honest, 1);
        let number = announce_and_wait(&watcher(), id, &opening);
        demand(&watcher(), id, number, first(opening, Value::Node(0))).unwrap();
        let asked = thread(id, number);
        assert_eq!(asked.deadline, System::block_number() + 120);
        assert_eq!(held(HoldReason::ThreadBond, &watcher()), BOND + PRICE);
        // Any of the group may answer.
        let bytes = true_answer(id, number, &honest.nodes[0]);
        answer(&keys[2], id, number, bytes.clone()).unwrap();
        assert_eq!(free(&keys[2]), AUR + PRICE);
        assert_eq!(held(HoldReason::ThreadBond, &watcher()), BOND);
        assert_eq!(ComputeJobs::threads(id)[0].answers, [bytes]);
        let answered = thread(id, number);
        assert_eq!(answered.status, ThreadStatus::Answered);
        assert_eq!(answered.deadline, System::block_number() + 40);
    });
}

#[test]
fn the_input_and_constants_can_be_asked_for() {
    build_and_execute(|| {
        let program = |seed| athanor_tensor_program::testing::random_program_with(0, seed);
        let choices = &mut athanor_tensor_program::testing::Choices::seeded(3);
        let is_plain = |program: &athanor_tensor_program::Program| {
            program.nodes[0].operands.len() > 1
                && matches!(
                    program.constants[0],
                    athanor_tensor_program::Constant::Root { .. }
                )
        };
        let program = (0..).map(program).find(is_plain).unwrap();
        let work = Work::new(athanor_tensor_program::testing::Job::with_data(
            program, choices,
        ));
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let opening = opening(&honest, 0);
        let cases = [
            (Value::Input, &work.job.input),
            (Value::Constant(0), &work.job.constants[0]),
            (Value::Node(0), &honest.nodes[0]),
        ];
        for (value, bytes) in cases {
            let number = announce_and_wait(&watcher(), id, &opening);
            assert_ok!(demand(&watcher(), id, number, first(opening, value)));
            assert_eq!(
                thread(id, number).line.unwrap().root,
                athanor_content_tree::root(bytes)
            );
            let bytes = true_answer(id, number, bytes);
            assert_ok!(answer(&key, id, number, bytes));
        }
        let number = announce_and_wait(&watcher(), id, &opening);
        let others = [
            Value::Constant(99),
            Value::Node(work.node_count() as u16),
            Value::Node(u16::MAX),
        ];
        for value in others {
            assert_noop!(
                demand(&watcher(), id, number, first(opening, value)),
                E::NotAnOperand
            );
        }
    });
}

#[test]
fn only_operands_of_the_announced_node_can_be_asked_for() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let honest = work.honest();
        let (id, _) = claim_one(&work, &honest);
        let at = |node| opening(&honest, node);
        let number = announce_and_wait(&watcher(), id, &at(1));
        for value in [Value::Input, Value::Constant(0), Value::Node(2)] {
            assert_noop!(
                demand(&watcher(), id, number, first(at(1), value)),
                E::NotAnOperand
            );
        }
        assert_ok!(demand(&watcher(), id, number, first(at(1), Value::Node(0))));
        let number = announce_and_wait(&watcher(), id, &at(0));
        assert_noop!(
            demand(&watcher(), id, number, first(at(0), Value::Node(1))),
            E::NotAnOperand
        );
        let number = announce_and_wait(&watcher(), id, &at(2));
        assert_noop!(
            demand(&watcher(), id, number, first(at(2), Value::Node(2))),
            E::NoSuchNode
        );
    });
}

#[test]
fn openings_are_held_to_their_announcement() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let lie = work.lie(1, 3);
        let (id, _) = claim_one(&work, &lie);
        let right = opening(&lie, 1);
        let proof = || work.proof(&lie, 1, 3);
        let asking = |opening| first(opening, Value::Node(1));
        let number = announce(&watcher(), id, &right);
        for _ in 0..2 {
            assert_noop!(
                challenge(&watcher(), id, number, Some(right), proof()),
                E::AnnouncementTooYoung
            );
            assert_noop!(
                demand(&watcher(), id, number, asking(right)),
                E::AnnouncementTooYoung
            );
            run_to(System::block_number() + 1);
        }
        assert_noop!(
            challenge(&watcher(), id, number, None, proof()),
            E::OpeningMissing
        );
        let next = Demand::Next {
            group: 0,
            value: [0; 32],
            siblings: Default::default(),
        };
        assert_noop!(demand(&watcher(), id, number, next), E::OpeningMissing);
        let wrong = [
            Opening { node: 0, ..right },
            Opening {
                salt: [7; 32],
                ..right
            },
            Opening {
                trace_root: [7; 32],
                ..right
            },
        ];
        for wrong in wrong {
            assert_noop!(
                challenge(&watcher(), id, number, Some(wrong), proof()),
                E::AnnouncementMismatch
            );
            assert_noop!(
                demand(&watcher(), id, number, asking(wrong)),
                E::AnnouncementMismatch
            );
        }
        // An announcement of a claim that nobody made, and of another node.
        let nobodys = wrong[2];
        let other = announce_and_wait(&watcher(), id, &nobodys);
        assert_noop!(
            challenge(&watcher(), id, other, Some(nobodys), proof()),
            E::NoSuchClaim
        );
        assert_noop!(
            demand(&watcher(), id, other, asking(nobodys)),
            E::NoSuchClaim
        );
        let zero = announce_and_wait(&watcher(), id, &wrong[0]);
        assert_noop!(
            challenge(&watcher(), id, zero, Some(wrong[0]), proof()),
            E::WrongNode
        );
        assert_ok!(challenge(&watcher(), id, number, Some(right), proof()));
        // Two more were open, about a claim that is struck now. One shows it.
        assert_ok!(challenge(&watcher(), id, zero, Some(wrong[0]), proof()));
        assert_eq!(end_of(id, zero), Some(ThreadEnd::Moot));
        // The other can't, but nobody stands any more.
        assert_ok!(ComputeJobs::poke_thread(signed(&watcher()), id, other));
        assert_eq!(end_of(id, other), Some(ThreadEnd::Moot));
        assert_eq!(held(HoldReason::ThreadBond, &watcher()), 0);
    });
}

#[test]
fn a_thread_is_its_challengers_alone() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let lie = work.lie(1, 3);
        let (id, key) = claim_one(&work, &lie);
        let right = opening(&lie, 1);
        let number = announce_and_wait(&watcher(), id, &right);
        for stranger in [account("Alice"), key.clone(), requester()] {
            assert_noop!(
                challenge(&stranger, id, number, Some(right), work.proof(&lie, 1, 3)),
                E::NotChallenger
            );
            assert_noop!(
                demand(&stranger, id, number, first(right, Value::Node(1))),
                E::NotChallenger
            );
        }
        demand(&watcher(), id, number, first(right, Value::Node(1))).unwrap();
        let bytes = true_answer(id, number, &lie.nodes[1]);
        for stranger in [account("Alice"), watcher(), owner_of(&key)] {
            assert_noop!(answer(&stranger, id, number, bytes.clone()), E::NotClaimant);
        }
        assert_ok!(answer(&key, id, number, bytes));
    });
}

#[test]
fn another_groups_worker_cannot_answer() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let (honest, lie) = (work.honest(), work.lie(1, 3));
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&honest, &honest, &lie]);
        let number = announce_and_wait(&watcher(), id, &opening(&lie, 1));
        demand(
            &watcher(),
            id,
            number,
            first(opening(&lie, 1), Value::Node(0)),
        )
        .unwrap();
        // The value is the same, the claim is not.
        let bytes = true_answer(id, number, &honest.nodes[0]);
        assert_noop!(answer(&keys[0], id, number, bytes.clone()), E::NotClaimant);
        assert_eq!(ComputeJobs::questions(keys[0].clone(), 9), []);
        assert_ok!(answer(&keys[2], id, number, bytes));
    });
}

#[test]
fn each_state_of_a_thread_has_its_calls() {
    build_and_execute(|| {
        let work = two_clamps(40_000);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let right = opening(&honest, 1);
        let proof = || work.proof(&honest, 1, 3);
        let next = || Demand::Next {
            group: 0,
            value: [0; 32],
            siblings: Default::default(),
        };
        let asking = || first(right, Value::Node(1));
        let number = announce_and_wait(&watcher(), id, &right);
        assert_noop!(answer(&key, id, number, vec![]), E::UnexpectedStatus);
        assert_noop!(
            ComputeJobs::poke_thread(signed(&watcher()), id, number),
            E::NothingDue
        );
        demand(&watcher(), id, number, asking()).unwrap();
        assert_eq!(thread(id, number).status, ThreadStatus::Asked);
        assert_noop!(
            challenge(&watcher(), id, number, None, proof()),
            E::UnexpectedStatus
        );
        assert_noop!(
            challenge(&watcher(), id, number, Some(right), proof()),
            E::UnexpectedStatus
        );
        for demanded in [asking(), next()] {
            assert_noop!(
                demand(&watcher(), id, number, demanded),
                E::UnexpectedStatus
            );
        }
        assert_noop!(
            ComputeJobs::poke_thread(signed(&watcher()), id, number),
            E::NothingDue
        );
        let bytes = true_answer(id, number, &honest.nodes[1]);
        answer(&key, id, number, bytes.clone()).unwrap();
        assert_eq!(thread(id, number).status, ThreadStatus::Answered);
        assert_noop!(answer(&key, id, number, bytes), E::UnexpectedStatus);
        assert_noop!(
            challenge(&watcher(), id, number, Some(right), proof()),
            E::AlreadyOpened
        );
        assert_noop!(demand(&watcher(), id, number, asking()), E::AlreadyOpened);
        assert_noop!(
            ComputeJobs::poke_thread(signed(&watcher()), id, number),
            E::NothingDue
        );
        // What isn't there.
        for number in [number + 1, u32::MAX] {
            assert_noop!(answer(&key, id, number, vec![]), E::NoSuchThread);
            assert_noop!(
                challenge(&watcher(), id, number, None, proof()),
                E::NoSuchThread
            );
            assert_noop!(demand(&watcher(), id, number, next()), E::NoSuchThread);
            assert_noop!(
                ComputeJobs::poke_thread(signed(&watcher()), id, number),
                E::NoSuchThread
            );
        }
        assert_noop!(answer(&key, id + 1, 0, vec![]), E::NoSuchJob);
    });
}

#[test]
fn calls_are_in_time_before_the_deadline_only() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let lie = work.lie(1, 3);
        let (id, key) = claim_one(&work, &lie);
        let right = opening(&lie, 1);
        let proof = || work.proof(&lie, 1, 3);
        let number = announce(&watcher(), id, &right);
        crawl_to(thread(id, number).deadline);
        assert_noop!(
            challenge(&watcher(), id, number, Some(right), proof()),
            E::UnexpectedStatus
        );
        assert_noop!(
            demand(&watcher(), id, number, first(right, Value::Node(1))),
            E::UnexpectedStatus
        );
        let number = announce_and_wait(&watcher(), id, &right);
        demand(&watcher(), id, number, first(right, Value::Node(1))).unwrap();
        let bytes = true_answer(id, number, &lie.nodes[1]);
        crawl_to(thread(id, number).deadline - 1);
        answer(&key, id, number, bytes).unwrap();
        crawl_to(thread(id, number).deadline);
        assert_noop!(
            challenge(&watcher(), id, number, None, proof()),
            E::UnexpectedStatus
        );
        assert_eq!(job(id).threads, 1);
        finish(id);
        assert_eq!(end_of(id, number), Some(ThreadEnd::Lapsed));
    });
}

#[test]
fn three_answers_reach_any_byte_and_no_fourth_is_given() {
    build_and_execute(|| {
        // 40 chunks take two answers: 40 groups of one chunk, then its bytes.
        let work = two_clamps(40 * 1_024);
        let lie = work.lie(1, 39_000);
        let (id, key) = claim_one(&work, &lie);
        assert_eq!(expose(&work, id, &watcher(), &key, &lie, 1), 2);
        assert_eq!(faults(id), [Some(Fault::FraudProven)]);
        finish(id);
        assert_eq!(total(&watcher()), 10_000 * AUR - 2 * PRICE + 20 * AUR);
        assert_eq!(total(&key), AUR + 2 * PRICE);
    });
    build_and_execute(|| {
        // 40,000 chunks take three, and 40 million bytes some time.
        let work = two_clamps_of(vec![4, 10_000 * 1_024]);
        let lie = work.lie(1, 39_999 * 1_024 + 5);
        let (id, key) = claim_one(&work, &lie);
        assert_eq!(expose(&work, id, &watcher(), &key, &lie, 1), 3);
        assert_eq!(faults(id), [Some(Fault::FraudProven)]);
    });
}

#[test]
fn a_later_demand_must_follow_the_last_answer() {
    build_and_execute(|| {
        let work = two_clamps(40 * 1_024);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let right = opening(&honest, 1);
        let number = announce_and_wait(&watcher(), id, &right);
        demand(&watcher(), id, number, first(right, Value::Node(1))).unwrap();
        let groups = true_answer(id, number, &honest.nodes[1]);
        answer(&key, id, number, groups.clone()).unwrap();
        let whole = athanor_content_tree::Subtree::whole(honest.trace[1], work.len(1));
        let step = whole.step(&groups, 9).unwrap();
        let next = |group, value, siblings: Vec<[u8; 32]>| Demand::Next {
            group,
            value,
            siblings: siblings.try_into().unwrap(),
        };
        let cases = [
            (next(40, step.value, step.siblings.clone()), E::NoSuchGroup),
            (next(9, step.value, vec![]), E::WrongPathLength),
            (
                next(8, step.value, step.siblings.clone()),
                E::DemandMismatch,
            ),
            (next(9, [1; 32], step.siblings.clone()), E::DemandMismatch),
        ];
        for (wrong, error) in cases {
            assert_noop!(demand(&watcher(), id, number, wrong), error);
        }
        let right = next(9, step.value, step.siblings.clone());
        demand(&watcher(), id, number, right.clone()).unwrap();
        let line = thread(id, number).line.unwrap();
        assert!(matches!(
            line.asked,
            Asked::Subtree {
                start: 9,
                count: 1,
                ..
            }
        ));
        let bytes = true_answer(id, number, &honest.nodes[1]);
        answer(&key, id, number, bytes).unwrap();
        // Bytes have no groups.
        assert_noop!(
            demand(&watcher(), id, number, right.clone()),
            E::NoSuchGroup
        );
        Threads::<Test>::mutate(id, number, |thread| {
            thread.as_mut().unwrap().answers = 3;
        });
        assert_noop!(demand(&watcher(), id, number, right), E::TooManyAnswers);
        Threads::<Test>::mutate(id, number, |thread| {
            thread.as_mut().unwrap().answers = 2;
        });
    });
}

#[test]
fn a_demand_needs_the_price_of_its_answer() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let honest = work.honest();
        let (id, _) = claim_one(&work, &honest);
        let poor = nth("poor", 0);
        let funds = BOND + ED + PRICE / 2;
        assert_ok!(Balances::transfer_allow_death(
            signed(&watcher()),
            poor.clone(),
            funds
        ));
        let number = announce_and_wait(&poor, id, &opening(&honest, 1));
        assert_noop!(
            demand(
                &poor,
                id,
                number,
                first(opening(&honest, 1), Value::Node(1))
            ),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}

#[test]
fn each_other_thread_that_asks_gives_two_blocks_more() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let right = opening(&honest, 1);
        let numbers: Vec<_> = (0..3).map(|_| announce(&watcher(), id, &right)).collect();
        run_to(System::block_number() + 2);
        for (others, number) in (0u32..).zip(&numbers) {
            demand(&watcher(), id, *number, first(right, Value::Node(1))).unwrap();
            let until = System::block_number() + 120 + 2 * others;
            assert_eq!(thread(id, *number).deadline, until);
        }
        assert_eq!(job(id).replicas[0].asking, 3);
        let questions = ComputeJobs::questions(key.clone(), 2);
        let asked: Vec<_> = questions.iter().map(|question| question.thread).collect();
        assert_eq!(asked, numbers[..2]);
        for number in &numbers {
            let bytes = true_answer(id, *number, &honest.nodes[1]);
            answer(&key, id, *number, bytes).unwrap();
        }
        assert_eq!(job(id).replicas[0].asking, 0);
        assert_eq!(ComputeJobs::questions(key, 2), []);
    });
}

#[test]
fn a_standing_replica_needs_no_bond_once_for_each_other_claim() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let honest = work.honest();
        let (one, two) = (work.lie(1, 3), work.lie(1, 4));
        providers(3, 10 * AUR);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&honest, &one, &two]);
        for (expected, claim) in [(0, &one), (0, &two)] {
            let number = announce(&keys[0], id, &opening(claim, 1));
            assert_eq!(thread(id, number).bond, expected);
        }
        let hash = [1; 32];
        assert_noop!(
            ComputeJobs::announce(signed(&keys[0]), id, hash),
            sp_runtime::TokenError::FundsUnavailable
        );
        Balances::transfer_allow_death(signed(&watcher()), keys[0].clone(), 2 * BOND).unwrap();
        assert_ok!(ComputeJobs::announce(signed(&keys[0]), id, hash));
        assert_eq!(thread(id, 2).bond, BOND);
        // Neither its owner nor a struck replica has that right.
        assert_ok!(ComputeJobs::announce(signed(&owner_of(&keys[0])), id, hash));
        assert_eq!(thread(id, 3).bond, BOND);
        run_to(System::block_number() + 2);
        let right = opening(&one, 1);
        let proof = work.proof(&one, 1, 3);
        challenge(&keys[0], id, 0, Some(right), proof).unwrap();
        Balances::transfer_allow_death(signed(&watcher()), keys[1].clone(), 2 * BOND).unwrap();
        assert_ok!(ComputeJobs::announce(signed(&keys[1]), id, hash));
        assert_eq!(thread(id, 4).bond, BOND);
    });
}

#[test]
fn a_requester_gets_its_output_piece_by_piece() {
    build_and_execute(|| {
        let work = two_clamps(70_000);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let root = honest.root();
        let ask = |piece| ComputeJobs::deliver(signed(&requester()), id, root, 0, piece);
        let mut got = Vec::new();
        for piece in 0..3 {
            assert_ok!(ask(piece));
            assert_eq!(
                thread(id, piece).kind,
                ThreadKind::Delivery { output: 0, piece }
            );
            assert_eq!(held(HoldReason::ThreadBond, &requester()), PRICE);
            let question = ComputeJobs::questions(key.clone(), 1)[0].clone();
            let Asked::Slice { start, count } = question.asked else {
                panic!("a delivery asks for a slice");
            };
            assert_eq!(
                (start, count),
                (u64::from(piece) * 32, [32, 32, 5][piece as usize])
            );
            let bytes = true_answer(id, piece, &honest.nodes[1]);
            answer(&key, id, piece, bytes).unwrap();
            let given = ComputeJobs::threads(id)[0].answers[0].clone();
            let end = ((start + count) * 1_024).min(70_000);
            let chunks = athanor_content_tree::Chunks::from_indices(70_000, start..start + count);
            let slice =
                athanor_content_tree::verify(&honest.trace[1], 70_000, &chunks.unwrap(), &given)
                    .unwrap();
            got.extend_from_slice(slice.read(start * 1_024..end).unwrap());
            // Only the requester need not wait any longer.
            assert_noop!(
                ComputeJobs::poke_thread(signed(&watcher()), id, piece),
                E::NothingDue
            );
            assert_ok!(ComputeJobs::poke_thread(signed(&requester()), id, piece));
            assert_eq!(end_of(id, piece), Some(ThreadEnd::Delivered));
        }
        assert_eq!(got, honest.nodes[1]);
        assert_eq!(free(&key), AUR + 3 * PRICE);
        assert_noop!(ask(3), E::NoSuchPiece);
        assert_noop!(
            ComputeJobs::deliver(signed(&requester()), id, root, 1, 0),
            E::NoSuchPiece
        );
        assert_noop!(
            ComputeJobs::deliver(signed(&requester()), id, [1; 32], 0, 0),
            E::NoSuchClaim
        );
        assert_noop!(
            ComputeJobs::deliver(signed(&watcher()), id, root, 0, 0),
            E::NotRequester
        );
        // Left alone, a delivery closes by itself, and costs nothing more.
        assert_ok!(ask(0));
        let bytes = true_answer(id, 3, &honest.nodes[1]);
        answer(&key, id, 3, bytes).unwrap();
        // Nor can a delivery become a dispute.
        let none = FraudProof {
            node: 1,
            element: 0,
            witness: None,
            claimed: vec![],
            operands: vec![],
        };
        assert_noop!(
            challenge(&requester(), id, 3, None, none),
            E::UnexpectedStatus
        );
        let whole = first(opening(&honest, 1), Value::Node(1));
        assert_noop!(demand(&requester(), id, 3, whole), E::UnexpectedStatus);
        finish(id);
        run_to(System::block_number() + 60);
        assert_eq!(Jobs::<Test>::get(id), None);
        assert_eq!(end_of(id, 3), Some(ThreadEnd::Delivered));
        assert_eq!(total(&requester()), 10_000 * AUR - 4 * PRICE - 10 * AUR);
    });
}

#[test]
fn nothing_is_delivered_of_a_struck_claim() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let lie = work.lie(1, 3);
        let honest = work.honest();
        providers(3, 10 * AUR);
        let (id, _) = claim_all(work.terms(TWO_OF_THREE), &[&honest, &honest, &lie]);
        let right = opening(&lie, 1);
        let number = announce_and_wait(&watcher(), id, &right);
        challenge(&watcher(), id, number, Some(right), work.proof(&lie, 1, 3)).unwrap();
        assert_noop!(
            ComputeJobs::deliver(signed(&requester()), id, lie.root(), 0, 0),
            E::ClaimStruck
        );
    });
}

#[test]
fn views_show_claims_traces_threads_and_questions() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let (honest, lie) = (work.honest(), work.lie(1, 3));
        providers(3, 10 * AUR);
        let terms = || work.terms(TWO_OF_THREE);
        let (id, keys) = claim_all(terms(), &[&honest, &honest, &lie]);
        let (later, _) = claim_all(terms(), &[&honest, &honest, &honest]);
        let views = ComputeJobs::claims(0, 10);
        assert_eq!(
            views.iter().map(|view| view.job).collect::<Vec<_>>(),
            [id, later]
        );
        assert_eq!(ComputeJobs::claims(id + 1, 10), views[1..]);
        assert_eq!(ComputeJobs::claims(0, 1), views[..1]);
        assert_eq!(views[0].ticket.input_root, job(id).terms.input_root);
        assert_eq!(views[0].ticket.duty, athanor_primitives::Duty::Wait);
        let mut expected = [(honest.root(), 2, false), (lie.root(), 1, false)];
        expected.sort();
        let claims = |id| {
            let views = ComputeJobs::claims(id, 1);
            let claims = views[0].claims.iter();
            claims
                .map(|claim| (claim.trace_root, claim.agreed, claim.struck))
                .collect::<Vec<_>>()
        };
        assert_eq!(claims(id), expected);
        assert_eq!(ComputeJobs::trace(id, lie.root()), Some(lie.trace.clone()));
        assert_eq!(ComputeJobs::trace(later, lie.root()), None);
        let right = opening(&lie, 1);
        let number = announce_and_wait(&watcher(), id, &right);
        demand(&watcher(), id, number, first(right, Value::Node(1))).unwrap();
        let view = &ComputeJobs::threads(id)[0];
        assert_eq!((view.id, view.thread.clone()), (number, thread(id, number)));
        assert_eq!(ComputeJobs::questions(keys[0].clone(), 9), []);
        let asked = ComputeJobs::questions(keys[2].clone(), 9);
        assert_eq!(asked.len(), 1);
        assert_eq!((asked[0].job, asked[0].value), (id, Value::Node(1)));
        assert_eq!((asked[0].root, asked[0].len), (lie.trace[1], 100));
        answer(&keys[2], id, number, true_answer(id, number, &lie.nodes[1])).unwrap();
        challenge(&watcher(), id, number, None, work.proof(&lie, 1, 3)).unwrap();
        for entry in expected.iter_mut() {
            entry.2 = entry.0 == lie.root();
        }
        assert_eq!(claims(id), expected);
        assert_eq!(ComputeJobs::threads(id), []);
    });
}

#[test]
fn who_may_use_operational_room() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let honest = work.honest();
        let (id, key) = claim_one(&work, &honest);
        let poor = nth("poor", 0);
        assert!(ComputeJobs::may_announce(&watcher(), id));
        assert!(!ComputeJobs::may_announce(&poor, id));
        assert!(!ComputeJobs::may_announce(&watcher(), id + 1));
        // A single claim: its own worker has nobody to object to, and pays a bond.
        assert!(!ComputeJobs::may_announce(&key, id));
        let right = opening(&honest, 1);
        let number = announce_and_wait(&watcher(), id, &right);
        assert!(ComputeJobs::may_dispute(&watcher(), id, number));
        assert!(!ComputeJobs::may_dispute(&poor, id, number));
        assert!(!ComputeJobs::may_dispute(&watcher(), id, number + 1));
        demand(&watcher(), id, number, first(right, Value::Node(1))).unwrap();
        assert!(!ComputeJobs::may_dispute(&watcher(), id, number));
        crawl_to(job(id).deadline - 1);
        assert!(!ComputeJobs::may_announce(&watcher(), id));
    });
}

#[test]
fn a_job_keeps_the_constants_of_its_disputes() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let (id, _) = claim_one(&work, &work.honest());
        Jobs::<Test>::mutate(id, |job| {
            let rules = &mut job.as_mut().unwrap().rules;
            rules.announce_blocks = 5;
            rules.announced_for = 11;
            rules.asked_for = 12;
            rules.answered_for = 13;
            rules.thread_bond = 3 * AUR;
            rules.answer_price = AUR;
        });
        let right = opening(&work.honest(), 1);
        let number = announce_and_wait(&watcher(), id, &right);
        assert_eq!(thread(id, number).bond, 3 * AUR);
        let asking = || first(right, Value::Node(1));
        assert_noop!(
            demand(&watcher(), id, number, asking()),
            E::AnnouncementTooYoung
        );
        run_to(System::block_number() + 3);
        assert_eq!(thread(id, number).deadline, System::block_number() + 6);
        demand(&watcher(), id, number, asking()).unwrap();
        assert_eq!(thread(id, number).deadline, System::block_number() + 12);
        assert_eq!(thread(id, number).prepaid, AUR);
        let key = workers(id)[0].clone();
        answer(
            &key,
            id,
            number,
            true_answer(id, number, &work.honest().nodes[1]),
        )
        .unwrap();
        assert_eq!(thread(id, number).deadline, System::block_number() + 13);
        assert_eq!(free(&key), 2 * AUR);
    });
}

#[test]
fn threads_without_room_in_the_queue_wait_in_the_backlog() {
    build_and_execute(|| {
        let work = two_clamps(100);
        let honest = work.honest();
        let (id, _) = claim_one(&work, &honest);
        // 16 buckets of 8 take 128 of those that are due in one block.
        let right = opening(&honest, 1);
        let numbers: Vec<_> = (0..140).map(|_| announce(&watcher(), id, &right)).collect();
        let behind = |number: &&u32| thread(id, **number).queued == Some(BACKLOG);
        assert_eq!(numbers.iter().filter(behind).count(), 12);
        check();
        run_to(job(id).deadline + 40);
        assert_eq!(Jobs::<Test>::get(id), None);
        assert_eq!(Backlog::<Test>::iter().count(), 0);
    });
}
