//! Disputes: what a challenger does next about a claim it finds false, and what a
//! claimant owes those who ask.
//!
//! Nothing about a dispute has to be remembered: the thread, what was asked and every
//! answer are in state, the salt of the announcement follows from the key's secret,
//! and the daemon can compute its trace again. What is kept saves fees, but for one thing:
//! where it takes two threads to show what is wrong, the answers in one outlive it, or a
//! claimant could be slow in the other until it has lapsed.

use crate::{
    daemon::{Answer, Move, Request, State, ASK_LATER, NOT_DONE, OTHER_TICKET, UNKNOWN_JOB},
    duties::{held_back, Call, Chain, Heard, Key, Role, Step, OPEN, PROVE},
    problem::Problem,
    record::{Run, Sent},
    SUBMIT_AGAIN,
};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use athanor_content_tree::{verify, Chunks, Subtree};
use athanor_primitives::{
    dispute::{MAX_ANSWERS, PIECE_CHUNKS},
    Asked, JobId, Opening, Question, Root, ThreadId, Ticket, Value,
};
use athanor_tensor_program::judge::FraudProof;
use codec::{Decode, DecodeAll, Encode};
use sp_crypto_hashing::blake2_256;

/// Blocks between an announcement's block and the first in which it may be opened.
pub const ANNOUNCED: u32 = 2;

/// Threads that a key may lose about one claim before it stops: it is more likely
/// that its own machine is wrong.
pub const MAX_LOST: u8 = 2;

/// Most threads about one claim: what is wrong in a tensor can lie in two of its parts,
/// and there are two ways to the second.
pub const MAX_THREADS: u8 = 3;

/// Most siblings on the way to a group of at most 1,024.
const MAX_SIBLINGS: usize = 10;

/// Blocks before a deadline from which waiting for the daemon is reported.
const LATE: u32 = 64;

/// A job whose results are claimed and may be disputed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What was run. Its duty is to wait.
    pub ticket: Ticket,
    /// First block in which nothing can be announced any more.
    pub closes: u32,
    /// What was claimed.
    pub claims: Vec<Claim>,
    /// Threads of the key whose state this is.
    pub threads: Vec<Thread>,
}

/// What some replicas of a job say came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Claim {
    /// Root of the trace.
    pub trace_root: Root,
    /// It was found to be false already.
    pub struck: bool,
}

/// A thread that the key opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number.
    pub id: ThreadId,
    /// First block in which the next step is too late.
    pub deadline: u32,
    /// How far it is.
    pub stage: Stage,
}

/// How far a thread is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// To be opened by a demand or a proof.
    Announced {
        /// What was announced.
        announcement: [u8; 32],
        /// Block it was included in.
        at: u32,
    },
    /// The claimant has the word.
    Asked {
        /// What was announced.
        opening: Opening,
    },
    /// The challenger has the word.
    Answered {
        /// What was announced.
        opening: Opening,
        /// Every answer of the thread.
        answers: Vec<Vec<u8>>,
    },
}

/// What is kept about one thread about a claim that the key disputes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Suit {
    /// The last call signed about it.
    pub sent: Option<Sent>,
    /// The thread last seen, and its deadline.
    pub open: Option<(ThreadId, u32)>,
    /// Times that it ended without a conviction.
    pub lost: u8,
    /// Threads there should be about this claim; 0 as long as nobody was asked.
    pub threads: u8,
    /// It was answered all that it can ask for, which is kept.
    pub spent: bool,
}

/// One of the threads that a key opens about a claim.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    /// Its number, below [`MAX_THREADS`].
    pub turn: u8,
    /// What is kept about it.
    pub suit: &'a Suit,
    /// What was answered in the others, by their number.
    pub others: &'a [(u8, Vec<Vec<u8>>)],
}

impl Suit {
    /// This suit after `call` was signed on the state that `chain` shows.
    pub fn signed(&self, chain: &impl Chain, call: &Call) -> Self {
        Suit {
            sent: Some(Sent::new(chain, call.index(), self.sent.as_ref())),
            ..self.clone()
        }
    }
}

/// What is kept about one question that the key answers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Reply {
    /// Hash of the question without its deadline.
    pub question: [u8; 32],
    /// Block in which it was first seen.
    pub since: u32,
    /// The last answer signed.
    pub sent: Option<Sent>,
}

impl Reply {
    /// What is known of a question that is seen for the first time.
    pub fn new(chain: &impl Chain, question: &Question) -> Self {
        Reply {
            question: name(question),
            since: chain.block(),
            sent: None,
        }
    }

    /// Whether this is about `question`: on another fork one number can mean two.
    pub fn is_about(&self, question: &Question) -> bool {
        self.question == name(question)
    }

    /// This reply after `call` was signed on the state that `chain` shows.
    pub fn signed(&self, chain: &impl Chain, call: &Call) -> Self {
        Reply {
            sent: Some(Sent::new(chain, call.index(), self.sent.as_ref())),
            ..self.clone()
        }
    }
}

fn name(question: &Question) -> [u8; 32] {
    let Question {
        job,
        thread,
        trace_root,
        value,
        root,
        len,
        asked,
        deadline: _,
    } = question;
    (
        b"athanor/question",
        (job, thread, trace_root),
        (value, root, len, asked),
    )
        .using_encoded(blake2_256)
}

/// Whether a watcher that checks `rate`/2^32 of all claims checks those of `job`.
/// Nobody without the key's secret can tell.
pub fn is_watched(key: &Key, genesis: &[u8; 32], job: JobId, rate: u32) -> bool {
    let hash = (b"athanor/watch", key.secret, genesis, job).using_encoded(blake2_256);
    let [a, b, c, d, ..] = hash;
    rate > 0 && u32::from_le_bytes([a, b, c, d]) <= rate
}

/// The opening of this key's announcement of thread `turn` about `node` of the claim
/// `trace_root`: the same after any crash and on every fork.
pub fn opening(
    chain: &impl Chain,
    key: &Key,
    job: JobId,
    trace_root: &Root,
    node: u16,
    turn: u8,
) -> Opening {
    let mut seed = (
        b"athanor/thread-salt",
        (key.secret, chain.genesis(), key.worker),
        (job, trace_root, node),
    )
        .encode();
    if turn > 0 {
        seed.push(turn);
    }
    Opening {
        trace_root: *trace_root,
        node,
        salt: blake2_256(&seed),
    }
}

/// The number of a thread that was opened with `opened`. One that is not this key's own
/// work counts as the first.
fn turn_of(chain: &impl Chain, key: &Key, job: JobId, opened: &Opening) -> u8 {
    let Opening {
        trace_root, node, ..
    } = opened;
    (0..MAX_THREADS)
        .find(|turn| opening(chain, key, job, trace_root, *node, *turn) == *opened)
        .unwrap_or(0)
}

/// What is answered, and can be seen of it, in thread `turn` of `key` about `claim`.
pub fn answers<'a>(
    chain: &impl Chain,
    key: &Key,
    job: &'a Claimed,
    claim: &Claim,
    turn: u8,
) -> &'a [Vec<u8>] {
    let id = job.ticket.job;
    let found = job.threads.iter().find_map(|thread| match &thread.stage {
        Stage::Answered { opening, answers }
            if opening.trace_root == claim.trace_root
                && turn_of(chain, key, id, opening) == turn =>
        {
            Some(&answers[..])
        }
        _ => None,
    });
    found.unwrap_or_default()
}

/// The first node whose root differs, or the first that one has and the other has not.
pub fn first_difference(own: &[Root], claimed: &[Root]) -> Option<u16> {
    let same = own.iter().zip(claimed).take_while(|(a, b)| a == b).count();
    (same < own.len().max(claimed.len())).then(|| u16::try_from(same).unwrap_or(u16::MAX))
}

/// What `key` does next in one of its threads about `claim` with these node `roots`, given
/// its own `run` and, right after [`Step::Ask`], what was heard.
#[allow(clippy::too_many_arguments)]
pub fn next(
    chain: &impl Chain,
    key: &Key,
    role: Role,
    job: &Claimed,
    claim: &Claim,
    roots: &[Root],
    run: &Run,
    seat: Seat<'_>,
    heard: Option<Heard>,
) -> Step<Suit> {
    let Seat { turn, suit, others } = seat;
    let Some(node) = first_difference(&run.node_roots, roots) else {
        return Step::Rest;
    };
    let id = job.ticket.job;
    let trace_root = &claim.trace_root;
    let own = opening(chain, key, id, trace_root, node, turn);
    let announcement = own.announcement(&chain.genesis(), &key.worker, id);
    let thread = job.threads.iter().find(|thread| match &thread.stage {
        Stage::Announced {
            announcement: announced,
            ..
        } => *announced == announcement,
        Stage::Asked { opening } | Stage::Answered { opening, .. } => {
            opening.trace_root == *trace_root && turn_of(chain, key, id, opening) == turn
        }
    });
    let open = thread.map(|thread| (thread.id, thread.deadline));
    if suit.open != open {
        // A thread that went before its time was on a fork that is no more.
        let lost = match (&suit.open, open) {
            (Some((_, deadline)), None) if chain.block() >= *deadline => {
                suit.lost.saturating_add(1)
            }
            _ => suit.lost,
        };
        return Step::Save(Box::new(Suit {
            open,
            lost,
            ..suit.clone()
        }));
    }
    let following = chain.block().saturating_add(1);
    let Some(thread) = thread else {
        let over = following >= job.closes || claim.struck || suit.spent;
        if over || suit.lost >= MAX_LOST && turn > 0 {
            return Step::Rest;
        }
        if suit.lost >= MAX_LOST {
            return Step::Report(Problem::GaveUp { threads: suit.lost });
        }
        let call = Call::Announce { announcement };
        return held_back(chain, suit.sent.as_ref(), call.index(), call.name())
            .unwrap_or(Step::Sign(call));
    };
    if following >= thread.deadline {
        return Step::Rest;
    }
    let node = match &thread.stage {
        Stage::Announced { .. } => node,
        Stage::Asked { opening } | Stage::Answered { opening, .. } => opening.node,
    };
    if turn == 0 && suit.threads == 0 && !claim.struck {
        // Before anything else: the other threads must be there before the window closes.
        let question = Request::Dispute {
            claim: roots.to_vec(),
            node,
            turn,
            answers: Vec::new(),
            others: Vec::new(),
        };
        return match heard {
            None => Step::Ask(question),
            Some(Heard { request, answer }) if request == question => {
                let threads = match answer {
                    Ok(Answer::Move(Move::Agree)) => {
                        return Step::Report(Problem::ChangedItsMind);
                    }
                    Ok(Answer::Move(Move::Ask { threads })) => threads.clamp(1, MAX_THREADS),
                    Ok(Answer::Move(_)) => 1,
                    Ok(_) => return Step::Report(malformed(&request)),
                    Err(problem) => {
                        return later(chain, role, &request, problem, thread.deadline);
                    }
                };
                Step::Save(Box::new(Suit {
                    threads,
                    ..suit.clone()
                }))
            }
            Some(heard) => submitted(chain, role, heard, question, thread.deadline),
        };
    }
    let (answers, index) = match &thread.stage {
        Stage::Announced { at, .. } if following < at.saturating_add(ANNOUNCED) => {
            return Step::Rest;
        }
        Stage::Announced { .. } => (&Vec::new(), OPEN),
        Stage::Asked { .. } => return Step::Rest,
        Stage::Answered { answers, .. } => {
            let given = u8::try_from(answers.len()).unwrap_or(u8::MAX);
            (answers, PROVE.saturating_add(given))
        }
    };
    if claim.struck {
        // Nobody but the announcer knows that this thread has become moot. A demand
        // shows it and brings the bond back; the others are closed without.
        let call = Call::Demand {
            thread: thread.id,
            opening: own,
            value: Value::Node(own.node),
        };
        return match thread.stage {
            Stage::Announced { .. } => {
                held_back(chain, suit.sent.as_ref(), index, call.name()).unwrap_or(Step::Sign(call))
            }
            _ => Step::Rest,
        };
    }
    // Either call would do; a daemon that thinks twice must not cost two fees.
    for index in [index, PROVE] {
        if let Some(step) = held_back(chain, suit.sent.as_ref(), index, "challenge or demand") {
            return step;
        }
    }
    let question = Request::Dispute {
        claim: roots.to_vec(),
        node,
        turn,
        answers: answers.clone(),
        others: others.to_vec(),
    };
    match heard {
        None => Step::Ask(question),
        Some(Heard { request, answer }) if request == question => match answer {
            Ok(Answer::Move(Move::Rest)) if !answers.is_empty() => match suit.spent {
                true => Step::Rest,
                false => Step::Save(Box::new(Suit {
                    spent: true,
                    ..suit.clone()
                })),
            },
            Ok(Answer::Move(step)) => play(thread, own, node, answers, step),
            Ok(_) => Step::Report(malformed(&request)),
            Err(problem) => later(chain, role, &request, problem, thread.deadline),
        },
        Some(heard) => submitted(chain, role, heard, question, thread.deadline),
    }
}

/// The call that carries out the daemon's `step` in `thread`.
fn play(thread: &Thread, own: Opening, node: u16, answers: &[Vec<u8>], step: Move) -> Step<Suit> {
    let announced = matches!(thread.stage, Stage::Announced { .. });
    let given = u8::try_from(answers.len()).unwrap_or(u8::MAX);
    Step::Sign(match step {
        Move::Agree => return Step::Report(Problem::ChangedItsMind),
        Move::Ask { .. } if announced => Call::Demand {
            thread: thread.id,
            opening: own,
            value: Value::Node(own.node),
        },
        Move::Descend {
            group,
            value,
            siblings,
        } if !announced && given < MAX_ANSWERS && siblings.len() <= MAX_SIBLINGS => Call::Descend {
            thread: thread.id,
            answers: given,
            group,
            value,
            siblings,
        },
        Move::Prove(proof) if is_about(&proof, node) => Call::Challenge {
            thread: thread.id,
            opening: announced.then_some(own),
            proof,
        },
        Move::Ask { .. } | Move::Rest | Move::Descend { .. } | Move::Prove(_) => {
            return Step::Report(Problem::Malformed {
                method: "worker_dispute",
            })
        }
    })
}

/// Whether this is an encoded proof about `node`.
fn is_about(proof: &[u8], node: u16) -> bool {
    FraudProof::decode_all(&mut &proof[..]).is_ok_and(|proof| proof.node == node)
}

/// What `key` does next about `question`, given the ticket of its job and, right after
/// [`Step::Ask`], what was heard. `rank` is the key's place among those who may answer:
/// each leaves the one before it some time, for only one answer is paid.
pub fn answer(
    chain: &impl Chain,
    question: &Question,
    rank: u32,
    reply: &Reply,
    heard: Option<Heard>,
) -> Step<Reply> {
    /// Blocks that each leaves the one before it.
    const TURN: u32 = 8;
    let following = chain.block().saturating_add(1);
    if following >= question.deadline {
        return Step::Rest;
    }
    let turn = reply.since.saturating_add(rank.saturating_mul(TURN));
    let hurried = following.saturating_add(LATE) >= question.deadline;
    if chain.block() < turn && reply.since <= chain.block() && !hurried {
        return Step::Rest;
    }
    let index = Call::Answer {
        thread: question.thread,
        bytes: Vec::new(),
    }
    .index();
    if let Some(step) = held_back(chain, reply.sent.as_ref(), index, "answer") {
        return step;
    }
    match heard {
        None => Step::Ask(Request::Answer(question.clone())),
        Some(Heard { request, answer }) if request == Request::Answer(question.clone()) => {
            match answer {
                Ok(Answer::Opened(bytes)) if opens(question, &bytes) => Step::Sign(Call::Answer {
                    thread: question.thread,
                    bytes,
                }),
                Ok(Answer::Opened(_)) => Step::Report(Problem::OpensNothing),
                Ok(_) => Step::Report(malformed(&request)),
                Err(problem) => later(chain, Role::Worker, &request, problem, question.deadline),
            }
        }
        Some(heard) => {
            let again = Request::Answer(question.clone());
            submitted(chain, Role::Worker, heard, again, question.deadline)
        }
    }
}

/// Whether `bytes` are the answer to `question`.
fn opens(question: &Question, bytes: &[u8]) -> bool {
    match question.asked {
        Asked::Subtree {
            start,
            count,
            value,
        } => Subtree::new(question.len, start, count, value)
            .is_ok_and(|subtree| subtree.check(bytes).is_ok()),
        Asked::Slice { start, count } => {
            let piece = start..start.saturating_add(count.min(PIECE_CHUNKS));
            Chunks::from_indices(question.len, piece)
                .is_ok_and(|chunks| verify(&question.root, question.len, &chunks, bytes).is_ok())
        }
    }
}

fn malformed(request: &Request) -> Problem {
    Problem::Malformed {
        method: request.method(),
    }
}

/// What follows from a daemon that did not answer what was asked.
fn later<R>(
    chain: &impl Chain,
    role: Role,
    request: &Request,
    problem: Problem,
    deadline: u32,
) -> Step<R> {
    match &problem {
        Problem::Refused { code, .. } if *code == UNKNOWN_JOB => Step::Ask(role.submit(false)),
        // It may be running, or have failed: its status tells.
        Problem::Refused { code, .. } if *code == NOT_DONE => Step::Ask(Request::Status),
        Problem::Refused { code, .. } if *code == ASK_LATER => {
            waiting(chain, request.method(), deadline)
        }
        _ => Step::Report(problem),
    }
}

/// Patience, until the deadline comes near.
fn waiting<R>(chain: &impl Chain, what: &str, deadline: u32) -> Step<R> {
    let left = deadline.saturating_sub(chain.block());
    if left > LATE {
        return Step::Rest;
    }
    Step::Report(Problem::Waiting(format!(
        "for the trace, with {left} blocks left to act on {what}"
    )))
}

/// What follows from the daemon's word on a job that it had no trace of when it was asked
/// `question`.
fn submitted<R>(
    chain: &impl Chain,
    role: Role,
    heard: Heard,
    question: Request,
    deadline: u32,
) -> Step<R> {
    let Heard { request, answer } = heard;
    match answer {
        Ok(Answer::Status(status)) => match status.state {
            State::Refused | State::Failed if !request.needs_program() => {
                // Not in every block: it may be a long way to where it fails.
                if chain.block().is_multiple_of(SUBMIT_AGAIN) {
                    Step::Ask(role.submit(false))
                } else {
                    Step::Report(failed(status.error))
                }
            }
            State::Refused | State::Failed => Step::Report(failed(status.error)),
            // It was restarted and has the receipt on disk.
            State::Done if request.needs_program() => Step::Ask(question),
            _ => waiting(chain, "a dispute", deadline),
        },
        Ok(Answer::Cancelled(_)) => Step::Ask(role.submit(true)),
        Ok(_) => Step::Report(malformed(&request)),
        Err(Problem::Refused {
            code: UNKNOWN_JOB, ..
        }) if request == Request::Status => Step::Ask(role.submit(false)),
        Err(Problem::Refused {
            code: OTHER_TICKET, ..
        }) if request == role.submit(false) => Step::Ask(Request::Cancel),
        Err(problem) => Step::Report(problem),
    }
}

fn failed(reason: Option<String>) -> Problem {
    Problem::JobFailed(reason.unwrap_or_else(|| "it gave no reason".into()))
}
