use super::world::{roots, ticket, Daemon, Did, Driver, Mood, State, GENESIS, JOB, KEY};
use crate::{
    identity, next, Call, Flight, Key, Lane, Problem, Record, Request, Step, Trace, MORTAL,
    SHOW_AGAIN,
};
use athanor_primitives::{commitment, Duty, Ticket};
use athanor_tensor_program::trace_root;

fn done() -> Daemon {
    Daemon {
        known: true,
        done: true,
        ..Daemon::new()
    }
}

fn expected_commitment() -> [u8; 32] {
    let salt = Record::new(&KEY, &GENESIS, &ticket(Duty::Accept)).salt;
    commitment(&GENESIS, JOB, &KEY.worker, &trace_root(&roots()), &salt)
}

/// Runs one block and includes what was signed.
fn run_and_include(driver: &mut Driver, chain: &mut State, daemon: &mut Daemon) -> Did {
    let did = driver.run(chain, daemon);
    chain.advance(0);
    if let Did::Signed(call) = &did {
        assert!(chain.include(driver.flight.as_ref().unwrap(), call));
    }
    did
}

#[test]
fn a_job_is_accepted_committed_and_revealed() {
    let (mut driver, mut chain, mut daemon) = (Driver::default(), State::new(), Daemon::new());
    let mut signed = |daemon: &mut Daemon| run_and_include(&mut driver, &mut chain, daemon);
    assert_eq!(signed(&mut daemon), Did::Signed(Call::Accept));
    assert_eq!(signed(&mut daemon), Did::Rested);
    daemon.done = true;
    assert_eq!(
        signed(&mut daemon),
        Did::Signed(Call::Commit {
            commitment: expected_commitment()
        })
    );
    let Did::Signed(Call::Reveal { trace, output, .. }) = signed(&mut daemon) else {
        panic!("a reveal")
    };
    assert_eq!(trace, Trace::Roots(roots()));
    assert_eq!(output, Some(b"out!".to_vec()));
    assert_eq!(signed(&mut daemon), Did::Rested);
}

#[test]
fn a_single_unaudited_replica_reveals_at_once() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        at_once: true,
        accepted: true,
        ..State::new()
    };
    assert!(matches!(
        run_and_include(&mut driver, &mut chain, &mut daemon),
        Did::Signed(Call::Reveal {
            trace: Trace::Roots(_),
            ..
        })
    ));
    assert!(chain.revealed);
}

#[test]
fn a_trace_whose_roots_are_on_chain_is_only_named() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let chain = State {
        at_once: true,
        accepted: true,
        roots_known: true,
        ..State::new()
    };
    assert!(matches!(
        driver.run(&chain, &mut daemon),
        Did::Signed(Call::Reveal { trace: Trace::Root(root), output: None, .. })
            if root == trace_root(&roots())
    ));
}

#[test]
fn nothing_is_accepted_that_the_daemon_does_not_hold() {
    let (mut driver, chain) = (Driver::default(), State::new());
    let mut daemon = Daemon {
        mood: Mood::Failing,
        ..Daemon::new()
    };
    assert_eq!(
        driver.run(&chain, &mut daemon),
        Did::Reported(Problem::JobFailed("no_memory: 7 GiB".into()))
    );
    daemon.mood = Mood::Dead;
    let mut later = chain;
    later.advance(0);
    assert_eq!(
        driver.run(&later, &mut daemon),
        Did::Reported(Problem::Unreachable)
    );
}

#[test]
fn a_failed_job_is_submitted_again_after_a_while() {
    let (mut driver, mut chain) = (Driver::default(), State::new());
    let mut daemon = Daemon {
        mood: Mood::Failing,
        ..Daemon::new()
    };
    for _ in 0..40 {
        driver.run(&chain, &mut daemon);
        chain.advance(0);
    }
    let submissions = daemon
        .asked
        .iter()
        .filter(|r| matches!(r, Request::Submit { .. }))
        .count();
    assert_eq!(submissions, 3);
    assert_eq!(daemon.asked.len(), 40);
}

/// Each vice of a daemon is named and nothing is committed.
#[test]
fn daemon_lying() {
    for (mood, problem) in [
        (Mood::Dead, Problem::Unreachable),
        (Mood::Slow, Problem::TimedOut),
        (Mood::Http(401), Problem::Token(401)),
        (Mood::Http(500), Problem::Http(500)),
        (
            Mood::Garbage,
            Problem::Malformed {
                method: "worker_submit",
            },
        ),
        (
            Mood::OtherJob,
            Problem::OtherJob {
                asked: JOB,
                got: JOB + 1,
            },
        ),
        (Mood::WrongTraceRoot, Problem::TraceRoot),
        (
            Mood::TooFewRoots,
            Problem::NodeCount {
                expected: 3,
                got: 2,
            },
        ),
        (Mood::WrongOutput, Problem::InlineOutput),
        (Mood::NoOutput, Problem::NoInlineOutput),
    ] {
        let mut driver = Driver::default();
        let mut chain = State {
            accepted: true,
            ..State::new()
        };
        let mut daemon = Daemon { mood, ..done() };
        assert_eq!(
            driver.run(&chain, &mut daemon),
            Did::Reported(problem),
            "{mood:?}"
        );
        // It recovers, and so does the worker.
        daemon.mood = Mood::Honest;
        chain.advance(0);
        assert!(matches!(
            driver.run(&chain, &mut daemon),
            Did::Signed(Call::Commit { .. })
        ));
    }
}

/// A daemon that was restarted gets the job again.
#[test]
fn daemon_restarted() {
    let (mut driver, mut chain, mut daemon) = (Driver::default(), State::new(), Daemon::new());
    run_and_include(&mut driver, &mut chain, &mut daemon);
    daemon.known = false;
    daemon.asked.clear();
    assert_eq!(driver.run(&chain, &mut daemon), Did::Rested);
    assert_eq!(
        daemon.asked,
        [Request::Status, Request::Submit { cancelled: false }]
    );
    assert!(daemon.known);
}

#[test]
fn the_job_of_an_abandoned_fork_is_cancelled_at_the_daemon() {
    let (mut driver, chain) = (Driver::default(), State::new());
    let mut daemon = Daemon {
        foreign: true,
        ..Daemon::new()
    };
    assert_eq!(driver.run(&chain, &mut daemon), Did::Signed(Call::Accept));
    assert_eq!(
        daemon.asked,
        [
            Request::Submit { cancelled: false },
            Request::Cancel,
            Request::Submit { cancelled: true }
        ]
    );
}

#[test]
fn once_the_result_is_stored_the_daemon_is_not_needed() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    run_and_include(&mut driver, &mut chain, &mut daemon);
    daemon.mood = Mood::Dead;
    daemon.asked.clear();
    assert!(matches!(
        driver.run(&chain, &mut daemon),
        Did::Signed(Call::Reveal { .. })
    ));
    assert_eq!(daemon.asked, []);
}

#[test]
fn the_same_block_twice_signs_once() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let chain = State {
        accepted: true,
        ..State::new()
    };
    assert!(matches!(driver.run(&chain, &mut daemon), Did::Signed(_)));
    assert_eq!(driver.run(&chain, &mut daemon), Did::Rested);
}

#[test]
fn a_call_that_is_not_included_is_signed_again_only_when_it_has_expired() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    let first = driver.run(&chain, &mut daemon);
    let mut again = None;
    for _ in 0..2 * MORTAL {
        chain.advance(0);
        match driver.run(&chain, &mut daemon) {
            Did::Rested => {}
            did => {
                again = Some(did);
                break;
            }
        }
    }
    assert_eq!(again, Some(first));
    assert_eq!(chain.block, 10 + MORTAL - 2);
}

/// A fork without the commit gets the same commit.
#[test]
fn reorg_across_a_commit() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    chain.advance(0);
    let mut other = chain.clone();
    let committed = run_and_include(&mut driver, &mut chain, &mut daemon);
    chain.advance(0);
    assert!(matches!(
        driver.run(&chain, &mut daemon),
        Did::Signed(Call::Reveal { .. })
    ));
    // The other fork shares no block from the era's birth on.
    other.hashes.truncate(10);
    other.block = 9;
    for _ in 0..3 {
        other.advance(1);
    }
    assert_eq!(other.duty(), Duty::Commit);
    assert_eq!(driver.run(&other, &mut daemon), committed);
}

/// A fork without the reveal gets the same reveal, once no fork can include the first.
#[test]
fn reorg_across_a_reveal() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    run_and_include(&mut driver, &mut chain, &mut daemon);
    chain.advance(0);
    let committed = chain.clone();
    let Did::Signed(reveal) = run_and_include(&mut driver, &mut chain, &mut daemon) else {
        panic!("signed")
    };
    assert!(chain.revealed);
    assert!(matches!(
        reveal,
        Call::Reveal {
            trace: Trace::Roots(_),
            ..
        }
    ));
    let flight = driver.flight.clone().unwrap();

    // A fork that has the block the era was born in can include the first one.
    let mut near = committed.clone();
    near.advance(1);
    assert_eq!(near.duty(), Duty::Reveal);
    assert!(flight.alive(&near));
    assert_eq!(driver.run(&near, &mut daemon), Did::Rested);
    assert!(near.clone().include(&flight, &reveal));

    // One that has not gets the same salt and roots again.
    let mut far = committed;
    let birth = flight.birth as usize;
    far.hashes.truncate(birth);
    far.block = flight.birth - 1;
    for _ in 0..4 {
        far.advance(2);
    }
    assert!(!flight.alive(&far));
    let again = driver.run(&far, &mut daemon);
    assert_eq!(again, Did::Signed(reveal.clone()));
    let second = driver.flight.clone().unwrap();
    assert!(second.alive(&far) && !second.alive(&near));
    assert!(!far.clone().include(&flight, &reveal));
    assert!(far.include(&second, &reveal));
    assert!(far.revealed);
}

/// Another fork drew another job under the number, for another key: the daemon drops the
/// old one, and nothing of it is signed.
#[test]
fn reorg_across_a_draw() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    let Did::Signed(Call::Commit { commitment: old }) =
        run_and_include(&mut driver, &mut chain, &mut daemon)
    else {
        panic!("a commitment")
    };
    let old_flight = driver.flight.clone().unwrap();
    let mut other = State::new();
    other.hashes.truncate(9);
    other.block = 8;
    for _ in 0..5 {
        other.advance(1);
    }
    assert!(!old_flight.alive(&other));
    let new = Ticket {
        input_root: [9; 32],
        ..ticket(Duty::Accept)
    };
    assert_ne!(identity(&new), identity(&ticket(Duty::Accept)));
    // The record of the old draw is not for this ticket, and the daemon has the old job.
    let record = driver.record.take().unwrap();
    let refused = next(&other, &KEY, &new, &record, None);
    assert_eq!(refused, Step::Report(Problem::OtherTicket));
    daemon.foreign = true;
    daemon.asked.clear();
    driver.record = Some(Record::new(&KEY, &GENESIS, &new));
    assert_eq!(
        driver.run_ticket(&other, &new, &mut daemon),
        Did::Signed(Call::Accept)
    );
    assert_eq!(
        daemon.asked[..],
        [
            Request::Submit { cancelled: false },
            Request::Cancel,
            Request::Submit { cancelled: true }
        ]
    );
    assert!(other.include(driver.flight.as_ref().unwrap(), &Call::Accept));
    // Whatever is signed from here on is of the new ticket.
    other.advance(1);
    let commit = Ticket {
        duty: other.duty(),
        ..new
    };
    match driver.run_ticket(&other, &commit, &mut daemon) {
        Did::Signed(Call::Commit { commitment }) => assert_ne!(commitment, old),
        did => panic!("{did:?}"),
    }
}

#[test]
fn a_fork_that_can_still_include_the_transaction_gets_no_second_one() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    let mut other = chain.clone();
    let did = run_and_include(&mut driver, &mut chain, &mut daemon);
    other.advance(1);
    assert_eq!(driver.run(&other, &mut daemon), Did::Rested);
    let Did::Signed(call) = did else {
        panic!("signed")
    };
    assert!(other.include(driver.flight.as_ref().unwrap(), &call));
}

#[test]
fn a_lost_record_is_made_again_with_the_same_salt() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    run_and_include(&mut driver, &mut chain, &mut daemon);
    driver = Driver::default();
    // `include` checks that the reveal opens the commitment.
    assert!(matches!(
        run_and_include(&mut driver, &mut chain, &mut daemon),
        Did::Signed(Call::Reveal { .. })
    ));
    assert!(chain.revealed);
}

#[test]
fn a_commitment_of_another_node_is_not_opened_in_vain() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let chain = State {
        accepted: true,
        committed: Some([8; 32]),
        ..State::new()
    };
    assert_eq!(
        driver.run(&chain, &mut daemon),
        Did::Reported(Problem::CommitmentMismatch)
    );
}

#[test]
fn a_call_without_effect_is_not_repeated_at_once() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    let mut signed = 0;
    for _ in 0..100 {
        match driver.run(&chain, &mut daemon) {
            Did::Signed(_) => {
                signed += 1;
                // Included, and failed.
                chain.nonce += 1;
            }
            Did::Reported(Problem::NoEffect { call: "commit", .. }) => {}
            did => panic!("{did:?}"),
        }
        chain.advance(0);
    }
    assert!((3..=5).contains(&signed), "{signed}");
}

#[test]
fn a_key_with_a_transaction_under_way_signs_no_other() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let chain = State::new();
    let other = Call::Commit {
        commitment: [0; 32],
    };
    driver
        .lane
        .push(&chain, Flight::new(&chain, JOB + 1, &other, vec![]));
    assert_eq!(driver.run(&chain, &mut daemon), Did::Queued(Call::Accept));
}

#[test]
fn after_a_runtime_upgrade_what_was_under_way_is_signed_anew() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    let mut chain = State {
        accepted: true,
        ..State::new()
    };
    let first = driver.run(&chain, &mut daemon);
    let Did::Signed(call) = &first else {
        panic!("signed")
    };
    let old = driver.flight.clone().unwrap();
    chain.advance(0);
    assert_eq!(driver.run(&chain, &mut daemon), Did::Rested);
    chain.spec_version += 1;
    for _ in 0..SHOW_AGAIN {
        assert!(!old.alive(&chain));
        chain.advance(0);
    }
    assert!(driver.lane.show_again(&chain).is_empty());
    assert!(!chain.include(&old, call));
    // The same commitment under the same nonce, for the new runtime.
    assert_eq!(driver.run(&chain, &mut daemon), first);
    let new = driver.flight.clone().unwrap();
    assert_eq!(new.nonce, old.nonce);
    assert_eq!(driver.run(&chain, &mut daemon), Did::Rested);
    chain.advance(0);
    assert!(chain.include(&new, call));
    assert_eq!(chain.committed, Some(expected_commitment()));
}

#[test]
fn after_a_runtime_upgrade_the_key_may_sign_for_other_jobs() {
    let mut chain = State::new();
    let mut lane = Lane::default();
    lane.push(&chain, Flight::new(&chain, JOB + 1, &Call::Accept, vec![1]));
    assert!(lane.busy(&chain));
    let before = chain.clone();
    chain.spec_version += 1;
    assert!(!lane.busy(&chain));
    // A fork that was not upgraded can still include it.
    assert!(lane.busy(&before));
}

#[test]
fn a_transaction_the_pool_refused_frees_the_lane() {
    let chain = State::new();
    let mut lane = Lane::default();
    lane.push(&chain, Flight::new(&chain, JOB, &Call::Accept, vec![]));
    assert!(lane.busy(&chain));
    lane.pop();
    assert!(!lane.busy(&chain));
}

#[test]
fn a_live_transaction_is_shown_to_the_pool_again() {
    let mut chain = State::new();
    let mut lane = Lane::default();
    lane.push(&chain, Flight::new(&chain, JOB, &Call::Accept, vec![1]));
    assert!(lane.show_again(&chain).is_empty());
    for _ in 0..SHOW_AGAIN {
        chain.advance(0);
    }
    assert_eq!(lane.show_again(&chain), [vec![1]]);
    assert!(lane.show_again(&chain).is_empty());
}

#[test]
fn a_dead_transaction_is_not_shown_again() {
    let mut chain = State::new();
    let mut lane = Lane::default();
    lane.push(&chain, Flight::new(&chain, JOB, &Call::Accept, vec![1]));
    chain.nonce += 1;
    for _ in 0..2 * MORTAL {
        chain.advance(0);
        assert!(lane.show_again(&chain).is_empty());
    }
}

#[test]
fn a_record_is_not_used_for_another_ticket() {
    let record = Record::new(&KEY, &GENESIS, &ticket(Duty::Accept));
    let mut other = ticket(Duty::Accept);
    other.input_root = [0; 32];
    assert_eq!(
        next(&State::new(), &KEY, &other, &record, None),
        Step::Report(Problem::OtherTicket)
    );
}

#[test]
fn identity_ignores_duty_and_deadline_only() {
    let base = ticket(Duty::Accept);
    let mut same = ticket(Duty::Wait);
    same.deadline -= 1;
    assert_eq!(identity(&base), identity(&same));
    let changes: [fn(&mut Ticket); 7] = [
        |t| t.job += 1,
        |t| t.model += 1,
        |t| t.program_hash[0] += 1,
        |t| t.weights.clear(),
        |t| t.input_root[0] += 1,
        |t| t.batch += 1,
        |t| t.inline_output = false,
    ];
    for change in changes {
        let mut other = base.clone();
        change(&mut other);
        assert_ne!(identity(&base), identity(&other));
    }
}

#[test]
fn salts_differ_by_key_and_chain_and_ticket() {
    let base = Record::new(&KEY, &GENESIS, &ticket(Duty::Accept)).salt;
    let other_key = Key {
        worker: [9; 32],
        ..KEY
    };
    let other_secret = Key {
        secret: [9; 32],
        ..KEY
    };
    let mut other_ticket = ticket(Duty::Accept);
    other_ticket.job += 1;
    for salt in [
        Record::new(&other_key, &GENESIS, &ticket(Duty::Accept)).salt,
        Record::new(&other_secret, &GENESIS, &ticket(Duty::Accept)).salt,
        Record::new(&KEY, &[9; 32], &ticket(Duty::Accept)).salt,
        Record::new(&KEY, &GENESIS, &other_ticket).salt,
    ] {
        assert_ne!(salt, base);
    }
}

#[test]
fn merging_never_replaces_salt_or_run() {
    let (mut driver, mut daemon) = (Driver::default(), done());
    driver.run(
        &State {
            accepted: true,
            ..State::new()
        },
        &mut daemon,
    );
    let stored = driver.record.unwrap();
    let mut new = stored.clone();
    new.salt = [0; 32];
    new.run.as_mut().unwrap().trace_root = [0; 32];
    new.sent = None;
    let merged = new.merge(Some(stored.clone()));
    assert_eq!(merged.salt, stored.salt);
    assert_eq!(merged.run, stored.run);
    assert_eq!(merged.sent, None);
}
