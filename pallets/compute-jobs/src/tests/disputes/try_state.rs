//! Every invariant of threads, broken by hand.

use super::support::*;
use crate::{
    mock::*,
    tests::try_state::{finds, spoil_job, Bucket},
    *,
};
use athanor_primitives::{dispute::MAX_ANSWERS, JobId, Opening, ThreadId, Value};

fn spoil_thread(id: JobId, number: ThreadId, f: impl FnOnce(&mut Thread<AccountId>)) {
    Threads::<Test>::mutate(id, number, |thread| f(thread.as_mut().unwrap()));
}

/// A job about which one thread is announced, one waits for an answer and one has it.
struct Scene {
    lie: Claimed,
    id: JobId,
    announced: ThreadId,
    asked: ThreadId,
    answered: ThreadId,
}

impl Scene {
    fn new() -> Self {
        providers(3, 10 * AUR);
        let work = two_clamps(40 * 1_024);
        let lie = work.lie(1, 9);
        let (id, keys) = claim_all(work.terms(TWO_OF_THREE), &[&lie, &lie, &lie]);
        let who = bystander();
        let opening = |salt| Opening {
            salt: [salt; 32],
            ..opening(&lie, 1)
        };
        let ask = |salt| {
            let number = announce_and_wait(&who, id, &opening(salt));
            demand(&who, id, number, first(opening(salt), Value::Node(1))).unwrap();
            number
        };
        let asked = ask(1);
        let answered = ask(2);
        let bytes = true_answer(id, answered, &lie.nodes[1]);
        answer(&keys[0], id, answered, bytes).unwrap();
        let announced = announce(&who, id, &opening(3));
        assert_eq!(
            [announced, asked, answered].map(|number| thread(id, number).status),
            [
                ThreadStatus::Announced,
                ThreadStatus::Asked,
                ThreadStatus::Answered
            ]
        );
        Scene {
            lie,
            id,
            announced,
            asked,
            answered,
        }
    }
}

#[test]
fn threads_that_are_miscounted_or_of_no_job_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { id, announced, .. } = Scene::new();
        finds("a thread is queued elsewhere than it says", || {
            spoil_thread(id, announced, |thread| thread.queued = None)
        });
        finds("an ended job has threads", || {
            let at = System::block_number() + 500;
            let lost = Thread {
                queued: Some(at),
                ..thread(id, announced)
            };
            Threads::<Test>::insert(id + 1, 0, lost);
            let bucket = vec![Due::Thread(id + 1, 0)];
            Deadlines::<Test>::insert(at, Bucket::try_from(bucket).unwrap());
        });
        finds("a thread has a number to be given", || {
            spoil_job(id, |job| job.next_thread = 0)
        });
        finds("threads are miscounted", || {
            spoil_job(id, |job| job.threads += 1)
        });
        finds("a job without claims has threads", || {
            spoil_job(id, |job| job.status = JobStatus::Revealing)
        });
    });
}

#[test]
fn bonds_of_threads_that_do_not_add_up_are_found() {
    new_test_ext().execute_with(|| {
        let Scene {
            id,
            announced,
            asked,
            ..
        } = Scene::new();
        finds(
            "an answer is not prepaid, or one that nobody waits for",
            || spoil_thread(id, announced, |thread| thread.prepaid = 1),
        );
        finds(
            "an answer is not prepaid, or one that nobody waits for",
            || spoil_thread(id, asked, |thread| thread.prepaid = 0),
        );
        finds("bonds of threads are not held", || {
            spoil_thread(id, announced, |thread| thread.bond += 1)
        });
    });
}

#[test]
fn lines_that_nobody_asked_for_are_found() {
    new_test_ext().execute_with(|| {
        let Scene {
            id,
            announced,
            answered,
            ..
        } = Scene::new();
        finds("a thread asks for nothing", || {
            spoil_thread(id, announced, |thread| {
                thread.status = ThreadStatus::Answered
            })
        });
        finds("a thread asks for what it did not announce", || {
            let opening = thread(id, answered).opening;
            spoil_thread(id, announced, |thread| thread.opening = opening)
        });
        finds("a delivery has a bond", || {
            spoil_thread(id, announced, |thread| {
                thread.kind = ThreadKind::Delivery {
                    output: 0,
                    piece: 0,
                }
            })
        });
        finds("a thread has too many answers", || {
            spoil_thread(id, answered, |thread| thread.answers = MAX_ANSWERS + 1)
        });
        finds("a thread is about no claim", || {
            spoil_thread(id, answered, |thread| {
                thread.line.as_mut().unwrap().trace_root = [9; 32]
            })
        });
        finds("threads that ask are miscounted", || {
            spoil_job(id, |job| job.replicas[0].asking += 1)
        });
        finds(
            "a replica has more threads without bond than there are others",
            || spoil_job(id, |job| job.replicas[0].free_threads = MAX_SEATS as u8),
        );
    });
}

#[test]
fn answers_that_are_lost_or_somebody_elses_are_found() {
    new_test_ext().execute_with(|| {
        let Scene {
            lie,
            id,
            announced,
            answered,
            ..
        } = Scene::new();
        let nobody = job(id).next_thread;
        finds("an answer is missing", || {
            Answers::<Test>::remove((id, answered, 0u8))
        });
        finds("an answer is kept for no thread", || {
            Answers::<Test>::insert((id, nobody, 0u8), AnswerBytes::default())
        });
        let first =
            |number: ThreadId| FirstAnswered::<Test>::insert((id, lie.root(), 0u16), number);
        finds("who was first is gone", || first(nobody));
        finds("who was first has no answer", || first(announced));
        finds("who was first asked about something else", || {
            first(answered)
        });
    });
}

#[test]
fn convictions_without_a_strike_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { lie, id, .. } = Scene::new();
        let conviction = |trace_root| Conviction {
            trace_root,
            prover: bystander(),
            asker: bystander(),
        };
        finds("a claim was struck twice", || {
            let twice = vec![conviction([9; 32]); 2];
            spoil_job(id, |job| job.convictions = twice.try_into().unwrap())
        });
        finds(
            "a struck claim's replica stands, or the other way round",
            || spoil_job(id, |job| job.replicas[0].fault = Some(Fault::FraudProven)),
        );
        finds(
            "a struck claim's replica stands, or the other way round",
            || {
                let one = vec![conviction(lie.root())];
                spoil_job(id, |job| job.convictions = one.try_into().unwrap())
            },
        );
    });
}
