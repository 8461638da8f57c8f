//! One turn: everything a key does on the state of one block.
//!
//! The driver gives the state ([`View`]) and what surrounds it ([`Host`]); order,
//! bounds, what is stored before what, and what is forgotten when are decided here,
//! once for all drivers.
//!
//! What is stored is named by `athanor/duties/`, a word, the genesis hash, the key, and
//! what follows the word in this table:
//!
//! | word | of | value |
//! |---|---|---|
//! | `secret` | | 32 random bytes that salts follow from |
//! | `lane` | | transactions that may be under way |
//! | `index` | | records there are |
//! | `record` | job, ticket identity | what is known of one ticket |
//! | `suits` | job, ticket identity | what is known of its disputes |
//! | `parts` | job, ticket identity | what was answered in threads that need each other |
//! | `watched` | | jobs that are checked, and how many were |

use crate::{
    daemon::{Answer, Request},
    dispute::{self, Claim, Claimed, Reply, Seat, Suit, MAX_THREADS},
    duties::{self, Call, Chain, Heard, Key, Role, Step},
    flight::{Flight, Lane},
    problem::Problem,
    record::{identity, Record},
    MAX_STEPS,
};
use alloc::vec::Vec;
use athanor_primitives::{Duty, JobId, Question, Root, ThreadId, Ticket};
use codec::{Decode, DecodeAll, Encode};
use sp_crypto_hashing::blake2_256;

/// Most tickets of a key that are worked on in one block, and most questions.
pub const MAX_TICKETS: usize = 16;

/// Most tickets of a key that are looked at: as many as a provider has slots.
pub const MAX_SLOTS: usize = 64;

/// Most jobs of others that are being checked at a time: as many as a daemon takes.
pub const MAX_WATCHED: usize = 16;

/// Blocks after which a claim that the daemon does not get on with, mostly because nobody serves its
/// blobs, gives its place to another. Longer than a daemon keeps a job that nobody asks for.
const GIVES_WAY: u32 = 64;

/// Blocks between two looks around for claims to check.
const LOOK_EVERY: u32 = 4;

/// Most claimed jobs that are looked at in one look around.
pub const MAX_LOOKED_AT: usize = 16;

/// Most jobs that are remembered as checked. When there are more, some are looked at
/// twice.
const MAX_CHECKED: usize = 1_024;

/// Most records of a key. Live jobs of a key are far fewer.
const MAX_RECORDS: usize = 512;

/// Blocks for which a record is kept after its job ended: longer than re-orgs are deep.
const KEEP_RECORDS: u32 = 1_200;

/// Most questions of a job whose answers are remembered.
const MAX_REPLIES: usize = 64;

/// Calls the pool may refuse in one turn before no other is tried.
const MAX_REFUSALS: usize = 3;

/// The state of one block, as a key sees it.
pub trait View: Chain {
    /// What the key owes, at most `limit` tickets, the most urgent first.
    fn tickets(&self, limit: usize) -> Vec<Ticket>;
    /// Whether the key is assigned to this live job.
    fn is_assigned(&self, job: JobId) -> bool;
    /// What the key owes answers to, the most urgent first, each with the key's place
    /// among those who may answer.
    fn questions(&self, limit: usize) -> Vec<(Question, u32)>;
    /// A job whose results are claimed.
    fn claimed(&self, job: JobId) -> Option<Claimed>;
    /// Such jobs from number `from` on, in order.
    fn claims(&self, from: JobId, limit: usize) -> Vec<Claimed>;
    /// Node roots of a claim.
    fn trace(&self, job: JobId, trace_root: &Root) -> Option<Vec<Root>>;
}

/// Something went wrong with local storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageFailed;

/// What surrounds a turn.
pub trait Host {
    /// Reads a value that outlives the process.
    fn load(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailed>;
    /// Replaces a value by what `change` makes of it, undisturbed by others. It is on
    /// disk when this returns.
    fn update(
        &mut self,
        key: &[u8],
        change: &mut dyn FnMut(Option<Vec<u8>>) -> Vec<u8>,
    ) -> Result<(), StorageFailed>;
    /// Removes a value.
    fn remove(&mut self, key: &[u8]);
    /// Bytes that nobody can guess.
    fn random(&mut self) -> [u8; 32];
    /// Asks the daemon about the ticket's job.
    fn ask(&mut self, request: &Request, ticket: &Ticket) -> Result<Answer, Problem>;
    /// Signs a call for `job` with this nonce and an era of [`crate::MORTAL`] blocks
    /// born at the block before the one whose state is worked on.
    fn sign(&mut self, job: JobId, call: &Call, nonce: u64) -> Option<Vec<u8>>;
    /// Gives a signed extrinsic to the pool; whether it took it.
    fn submit(&mut self, extrinsic: Vec<u8>) -> bool;
    /// A call was signed and given to the pool.
    fn sent(&mut self, job: JobId, call: &Call);
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Share of others' claims to check, in 1/2^32.
    pub watch: u32,
    /// Whether the key can pay for a call.
    pub may_sign: bool,
}

/// Something the operator has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The key can't sign.
    CannotSign,
    /// The pool did not take a call.
    PoolRefused {
        /// The job.
        job: JobId,
        /// The call.
        call: &'static str,
    },
    /// Local storage did not take a record or can't be read.
    Storage,
    /// A duty can't be done.
    Duty {
        /// The job.
        job: JobId,
        /// Why.
        problem: Problem,
    },
    /// A claim that should be checked can't be.
    Unchecked {
        /// The job.
        job: JobId,
        /// Why.
        problem: Problem,
    },
}

/// What became of watching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tally {
    /// Jobs being checked now.
    pub watching: u32,
    /// Jobs that were run and compared.
    pub checked: u64,
    /// Jobs whose window closed before their input and weights were found and run.
    pub unchecked: u64,
    /// Jobs with a claim that was found false.
    pub disputed: u64,
}

impl Tally {
    /// The sum of two.
    pub fn plus(&self, other: &Tally) -> Tally {
        Tally {
            watching: self.watching.saturating_add(other.watching),
            checked: self.checked.saturating_add(other.checked),
            unchecked: self.unchecked.saturating_add(other.unchecked),
            disputed: self.disputed.saturating_add(other.disputed),
        }
    }
}

/// A watched job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Watched {
    job: JobId,
    identity: [u8; 32],
    /// First block in which it can't be disputed any more.
    closes: u32,
    /// Whether a claim is false, once it was run and compared.
    found: Option<bool>,
    /// The same, as it was counted.
    counted: Option<bool>,
    /// Hash of the claims all of which are right.
    agreed: Option<[u8; 32]>,
    /// Last block in which it was given a place among those being checked, or in which the
    /// daemon got on with it. `None`: it gave its place to another, and waits for one.
    since: Option<u32>,
}

impl Watched {
    /// Whether it is one of the [`MAX_WATCHED`].
    fn is_busy(&self) -> bool {
        self.agreed.is_none() && self.since.is_some()
    }
}

/// What is kept about watching.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct Watching {
    /// Job from which on claims are looked at next.
    cursor: JobId,
    jobs: Vec<Watched>,
    tally: Tally,
}

impl Watching {
    /// Whether another claim may be checked; the one that was stuck for longest makes room for it.
    fn make_room(&mut self, now: u32) -> bool {
        let busy = self.jobs.iter().filter(|job| job.is_busy()).count();
        if busy < MAX_WATCHED {
            return true;
        }
        let gives_way = |job: &Watched| {
            let long = |since: u32| since.saturating_add(GIVES_WAY) <= now;
            job.is_busy() && job.found.is_none() && job.since.is_some_and(long)
        };
        let longest = self.jobs.iter_mut().filter(|job| gives_way(job));
        longest.min_by_key(|job| job.since).is_some_and(|job| {
            job.since = None;
            true
        })
    }

    /// Gives a claim a place among those being checked.
    fn place(&mut self, job: JobId, identity: [u8; 32], closes: u32, now: u32) {
        let mut known = self.jobs.iter_mut();
        if let Some(known) = known.find(|known| known.job == job && known.identity == identity) {
            known.since = Some(now);
            return;
        }
        self.jobs.push(Watched {
            job,
            identity,
            closes,
            found: None,
            counted: None,
            agreed: None,
            since: Some(now),
        });
    }
}

/// One entry of the list of records.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
struct Entry {
    job: JobId,
    identity: [u8; 32],
    /// Block in which the job was first seen to have ended.
    gone: Option<u32>,
}

/// Answers by claim and the number of the thread about it.
type Parts = Vec<(Root, u8, Vec<Vec<u8>>)>;

/// What is kept about the disputes of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct Suits {
    /// Those the key leads, by claim and the number of the thread about it.
    suits: Vec<(Root, u8, Suit)>,
    /// Questions it answers, by thread.
    replies: Vec<(ThreadId, Reply)>,
}

/// The name of a stored value.
fn name(genesis: &[u8; 32], id: &[u8; 32], word: &[u8]) -> Vec<u8> {
    [b"athanor/duties/", word, genesis, id].concat()
}

/// What became of watching by the key `id` on the chain `genesis`.
pub fn tally(host: &impl Host, genesis: &[u8; 32], id: &[u8; 32]) -> Tally {
    host.load(&name(genesis, id, b"watched"))
        .ok()
        .flatten()
        .and_then(|bytes| Watching::decode_all(&mut &bytes[..]).ok())
        .unwrap_or_default()
        .tally
}

/// Does everything that the key `id` does in this block.
pub fn take<V: View, H: Host>(view: &V, host: &mut H, id: [u8; 32], rules: Rules) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    match Turn::new(view, host, id, rules) {
        Ok(mut turn) => turn.run(&mut troubles),
        Err(trouble) => troubles.push(trouble),
    }
    troubles
}

/// Whether the turn can go on.
type Done = Result<(), Trouble>;

struct Turn<'a, V, H> {
    view: &'a V,
    host: &'a mut H,
    key: Key,
    lane: Lane,
    rules: Rules,
    refusals: usize,
}

impl<'a, V: View, H: Host> Turn<'a, V, H> {
    fn new(view: &'a V, host: &'a mut H, id: [u8; 32], rules: Rules) -> Result<Self, Trouble> {
        let genesis = view.genesis();
        let mut turn = Turn {
            key: Key {
                worker: id,
                secret: secret(host, &genesis, &id)?,
            },
            view,
            host,
            lane: Lane::default(),
            rules,
            refusals: 0,
        };
        turn.lane = turn.read(b"lane", &[])?.unwrap_or_default();
        Ok(turn)
    }

    fn name(&self, word: &[u8], rest: &[&[u8]]) -> Vec<u8> {
        let mut name = name(&self.view.genesis(), &self.key.worker, word);
        for part in rest {
            name.extend_from_slice(part);
        }
        name
    }

    /// A stored value. One that this version can't read is as good as none: what may
    /// not be lost is derived from the secret.
    fn read<T: Decode>(&self, word: &[u8], rest: &[&[u8]]) -> Result<Option<T>, Trouble> {
        let bytes = self
            .host
            .load(&self.name(word, rest))
            .map_err(|_| Trouble::Storage)?;
        Ok(bytes.and_then(|bytes| T::decode_all(&mut &bytes[..]).ok()))
    }

    fn write<T: Encode>(&mut self, word: &[u8], rest: &[&[u8]], value: &T) -> Done {
        let name = self.name(word, rest);
        self.host
            .update(&name, &mut |_| value.encode())
            .map_err(|_| Trouble::Storage)
    }

    fn run(&mut self, troubles: &mut Vec<Trouble>) {
        if let Err(trouble) = self.try_run(troubles) {
            troubles.push(trouble);
        }
    }

    fn try_run(&mut self, troubles: &mut Vec<Trouble>) -> Done {
        let again = self.lane.show_again(self.view);
        if !again.is_empty() {
            let lane = self.lane.clone();
            self.write(b"lane", &[], &lane)?;
            for bytes in again {
                // A pool that still has it refuses it, as it should.
                self.host.submit(bytes);
            }
        }
        let tickets = self.view.tickets(MAX_SLOTS);
        let mut watching = self.look_around(&tickets)?;
        self.tidy(&tickets, &watching)?;

        let rank = |ticket: &Ticket| match ticket.duty {
            Duty::Commit | Duty::Reveal | Duty::RevealAtOnce => 0u8,
            Duty::Accept => 1,
            Duty::Wait => 2,
        };
        let of_rank = |wanted: u8| tickets.iter().filter(move |ticket| rank(ticket) == wanted);
        // A missed reveal, an unanswered question and an outvoted claim each cost the
        // whole collateral; a missed accept costs nothing.
        let mut left = MAX_TICKETS;
        for ticket in of_rank(0).take(left) {
            left = left.saturating_sub(1);
            let done = self.work_on(ticket);
            self.note(done, troubles);
        }
        if !tickets.is_empty() {
            for (question, place) in self.view.questions(MAX_TICKETS) {
                let done = self.answer(&question, place);
                self.note(done, troubles);
            }
        }
        for ticket in of_rank(2) {
            let done = self.contest(ticket);
            self.note(done, troubles);
        }
        for watched in watching.iter_mut().flat_map(|watching| &mut watching.jobs) {
            let done = self.check(watched);
            self.note(done, troubles);
        }
        for ticket in of_rank(1).chain(of_rank(2)).take(left) {
            let done = self.work_on(ticket);
            self.note(done, troubles);
        }
        match watching {
            Some(watching) => self.count(watching),
            None => Ok(()),
        }
    }

    /// Notes what stands in the way; some of it is in the way of everything else.
    fn note(&mut self, done: Done, troubles: &mut Vec<Trouble>) {
        let Err(trouble) = done else { return };
        match &trouble {
            Trouble::Duty { .. } | Trouble::Unchecked { .. } => {}
            // One call may be unfit; if several are, it is the key or the pool.
            Trouble::PoolRefused { .. } => {
                self.refusals = self.refusals.saturating_add(1);
                self.rules.may_sign &= self.refusals < MAX_REFUSALS;
            }
            Trouble::CannotSign | Trouble::Storage => self.rules.may_sign = false,
        }
        troubles.push(trouble);
    }

    fn can_sign(&self) -> bool {
        self.rules.may_sign && !self.lane.busy(self.view)
    }

    fn record(&self, ticket: &Ticket) -> Result<Record, Trouble> {
        let identity = identity(ticket);
        let stored = self.read(b"record", &[&ticket.job.to_le_bytes(), &identity])?;
        Ok(stored.unwrap_or_else(|| Record::new(&self.key, &self.view.genesis(), ticket)))
    }

    /// Stores `record`, keeping salt and run of what is stored already.
    fn save(&mut self, job: JobId, record: Record) -> Result<Record, Trouble> {
        let name = self.name(b"record", &[&job.to_le_bytes(), &record.identity]);
        let mut merged = record;
        self.host
            .update(&name, &mut |stored| {
                let stored = stored.and_then(|bytes| Record::decode_all(&mut &bytes[..]).ok());
                merged = merged.clone().merge(stored);
                merged.encode()
            })
            .map_err(|_| Trouble::Storage)?;
        Ok(merged)
    }

    /// Does what is due for one ticket.
    fn work_on(&mut self, ticket: &Ticket) -> Done {
        let mut record = self.record(ticket)?;
        let mut heard = None;
        for _ in 0..MAX_STEPS {
            match duties::next(self.view, &self.key, ticket, &record, heard.take()) {
                Step::Ask(request) => heard = Some(self.ask(request, ticket)),
                Step::Save(new) => record = self.save(ticket.job, *new)?,
                Step::Sign(call) => {
                    if !self.can_sign() {
                        return Ok(());
                    }
                    let signed = record.signed(self.view, &call);
                    let job = ticket.job;
                    return self.send(job, &call, |turn, sent| {
                        let record = if sent { signed.clone() } else { record.clone() };
                        turn.save(job, record).map(drop)
                    });
                }
                Step::Rest => return Ok(()),
                Step::Report(problem) => return Err(duty(ticket.job, problem)),
            }
        }
        Ok(())
    }

    fn ask(&mut self, request: Request, ticket: &Ticket) -> Heard {
        let answer = self.host.ask(&request, ticket);
        Heard { request, answer }
    }

    /// Signs and submits `call`, having stored that it does: `keep(true)` before, and
    /// `keep(false)` when the pool did not take it.
    fn send(
        &mut self,
        job: JobId,
        call: &Call,
        mut keep: impl FnMut(&mut Self, bool) -> Done,
    ) -> Done {
        let nonce = self.view.nonce();
        let extrinsic = self
            .host
            .sign(job, call, nonce)
            .ok_or(Trouble::CannotSign)?;
        keep(self, true)?;
        let before = self.lane.clone();
        let flight = Flight::new(self.view, job, call, extrinsic.clone());
        self.lane.push(self.view, flight);
        let lane = self.lane.clone();
        self.write(b"lane", &[], &lane)?;
        if !self.host.submit(extrinsic) {
            self.write(b"lane", &[], &before)?;
            self.lane = before;
            keep(self, false)?;
            let call = call.name();
            return Err(Trouble::PoolRefused { job, call });
        }
        self.host.sent(job, call);
        Ok(())
    }

    fn suits(&self, ticket: &Ticket) -> Result<Suits, Trouble> {
        let identity = identity(ticket);
        let stored = self.read(b"suits", &[&ticket.job.to_le_bytes(), &identity])?;
        Ok(stored.unwrap_or_default())
    }

    fn save_suits(&mut self, ticket: &Ticket, suits: &Suits) -> Done {
        let identity = identity(ticket);
        self.write(b"suits", &[&ticket.job.to_le_bytes(), &identity], suits)
    }

    /// Answers what a challenger asked.
    fn answer(&mut self, question: &Question, rank: u32) -> Done {
        if !self.can_sign() {
            return Ok(());
        }
        // A question that nobody can say the job of is not one.
        let Some(job) = self.view.claimed(question.job) else {
            return Ok(());
        };
        let ticket = &job.ticket;
        let mut suits = self.suits(ticket)?;
        let known = suits
            .replies
            .iter()
            .find(|(thread, reply)| *thread == question.thread && reply.is_about(question));
        let mut reply = match known {
            Some((_, reply)) => reply.clone(),
            None => {
                let reply = Reply::new(self.view, question);
                suits
                    .replies
                    .retain(|(thread, _)| *thread != question.thread);
                if suits.replies.len() >= MAX_REPLIES {
                    suits.replies.remove(0);
                }
                suits.replies.push((question.thread, reply.clone()));
                self.save_suits(ticket, &suits)?;
                reply
            }
        };
        let mut heard = None;
        for _ in 0..MAX_STEPS {
            match dispute::answer(self.view, question, rank, &reply, heard.take()) {
                Step::Ask(request) => heard = Some(self.ask(request, ticket)),
                Step::Save(new) => reply = *new,
                Step::Sign(call) => {
                    let before = suits.clone();
                    let signed = reply.signed(self.view, &call);
                    for (thread, reply) in &mut suits.replies {
                        if *thread == question.thread {
                            *reply = signed.clone();
                        }
                    }
                    return self.send(ticket.job, &call, |turn, sent| {
                        turn.save_suits(ticket, if sent { &suits } else { &before })
                    });
                }
                Step::Rest => return Ok(()),
                Step::Report(problem) => return Err(duty(ticket.job, problem)),
            }
        }
        Ok(())
    }

    /// Disputes what others claimed about a job of the key's own.
    fn contest(&mut self, ticket: &Ticket) -> Done {
        let Some(job) = self.view.claimed(ticket.job) else {
            return Ok(());
        };
        self.dispute(&job, Role::Worker).map(drop)
    }

    /// Disputes every claim that the key's own run of the job contradicts. Says whether
    /// one was found, `None` when there is no run yet.
    fn dispute(&mut self, job: &Claimed, role: Role) -> Result<Option<bool>, Trouble> {
        let Some(run) = self.record(&job.ticket)?.run else {
            return Ok(None);
        };
        let mut found = false;
        for claim in &job.claims {
            if claim.trace_root == run.trace_root {
                continue;
            }
            found = true;
            self.sue(job, role, claim, &run)?;
        }
        Ok(Some(found))
    }

    /// Goes on with every thread about a claim. A claimant can be slow in one for
    /// longer than another stays open, hence what is answered is kept.
    fn sue(&mut self, job: &Claimed, role: Role, claim: &Claim, run: &crate::Run) -> Done {
        let ticket = &job.ticket;
        let roots = self
            .view
            .trace(ticket.job, &claim.trace_root)
            .ok_or_else(|| duty(ticket.job, Problem::NoTrace))?;
        let mut done = Ok(());
        for turn in 0..MAX_THREADS {
            let suits = self.suits(ticket)?;
            let mut first = suits.suits.iter();
            let first = first.find(|(root, turn, _)| *root == claim.trace_root && *turn == 0);
            let threads = first.map_or(0, |(_, _, suit)| suit.threads);
            if turn > 0 && turn >= threads {
                break;
            }
            let others = match threads > 1 {
                true => self.others(job, claim, turn)?,
                false => Vec::new(),
            };
            let going = self.go_on(job, role, claim, &roots, run, turn, &others, suits);
            done = done.and(going);
        }
        done
    }

    /// What was answered in all threads about a claim but one. Keeps what is new.
    fn others(
        &mut self,
        job: &Claimed,
        claim: &Claim,
        turn: u8,
    ) -> Result<Vec<(u8, Vec<Vec<u8>>)>, Trouble> {
        let rest: &[&[u8]] = &[&job.ticket.job.to_le_bytes(), &identity(&job.ticket)];
        let mut parts: Parts = self.read(b"parts", rest)?.unwrap_or_default();
        let mut changed = false;
        for number in 0..MAX_THREADS {
            let seen = dispute::answers(self.view, &self.key, job, claim, number);
            let mut kept = parts.iter_mut();
            match kept.find(|(root, of, _)| *root == claim.trace_root && *of == number) {
                Some((_, _, kept)) if kept.len() >= seen.len() => {}
                Some((_, _, kept)) => {
                    *kept = seen.to_vec();
                    changed = true;
                }
                None if seen.is_empty() => {}
                None => {
                    parts.push((claim.trace_root, number, seen.to_vec()));
                    changed = true;
                }
            }
        }
        if changed {
            self.write(b"parts", rest, &parts)?;
        }
        let others = parts.into_iter().filter_map(|(root, number, answers)| {
            let other = root == claim.trace_root && number != turn;
            other.then_some((number, answers))
        });
        Ok(others.collect())
    }

    #[allow(clippy::too_many_arguments)]
    fn go_on(
        &mut self,
        job: &Claimed,
        role: Role,
        claim: &Claim,
        roots: &[Root],
        run: &crate::Run,
        turn: u8,
        others: &[(u8, Vec<Vec<u8>>)],
        mut suits: Suits,
    ) -> Done {
        let ticket = &job.ticket;
        let at = suits
            .suits
            .iter()
            .position(|(root, of, _)| *root == claim.trace_root && *of == turn);
        let mut suit = at.map_or_else(Suit::default, |at| suits.suits.swap_remove(at).2);
        let mut heard = None;
        for _ in 0..MAX_STEPS {
            let step = dispute::next(
                self.view,
                &self.key,
                role,
                job,
                claim,
                roots,
                run,
                Seat {
                    turn,
                    suit: &suit,
                    others,
                },
                heard.take(),
            );
            let with = |suit: &Suit| {
                let mut suits = suits.clone();
                suits.suits.push((claim.trace_root, turn, suit.clone()));
                suits
            };
            match step {
                // Nothing could be done with the answer.
                Step::Ask(_) if !self.can_sign() => return Ok(()),
                Step::Ask(request) => heard = Some(self.ask(request, ticket)),
                Step::Save(new) => {
                    suit = *new;
                    self.save_suits(ticket, &with(&suit))?;
                }
                Step::Sign(call) => {
                    if !self.can_sign() {
                        return Ok(());
                    }
                    let signed = with(&suit.signed(self.view, &call));
                    let before = with(&suit);
                    return self.send(ticket.job, &call, |turn, sent| {
                        turn.save_suits(ticket, if sent { &signed } else { &before })
                    });
                }
                Step::Rest => return Ok(()),
                Step::Report(problem) => return Err(duty(ticket.job, problem)),
            }
        }
        Ok(())
    }

    /// Runs a watched job and disputes what is false about it.
    fn check(&mut self, watched: &mut Watched) -> Done {
        if !watched.is_busy() {
            return Ok(());
        }
        let job = self.view.claimed(watched.job);
        let Some(job) = job.filter(|job| identity(&job.ticket) == watched.identity) else {
            return Ok(());
        };
        watched.closes = job.closes;
        let fetched = self.fetch(&job.ticket);
        let now = self.view.block();
        if self.record(&job.ticket)?.goes_on(now) {
            watched.since = Some(now);
        }
        if let Some(found) = self.dispute(&job, Role::Watcher)? {
            watched.found = Some(found);
            watched.agreed = (!found).then(|| hash(&job.claims));
        }
        fetched
    }

    /// Gets a run of its own of a watched job.
    fn fetch(&mut self, ticket: &Ticket) -> Done {
        let mut record = self.record(ticket)?;
        let mut heard = None;
        for _ in 0..MAX_STEPS {
            match duties::watch(self.view, ticket, &record, heard.take()) {
                Step::Ask(request) => heard = Some(self.ask(request, ticket)),
                Step::Save(new) => record = self.save(ticket.job, *new)?,
                Step::Rest | Step::Sign(_) => return Ok(()),
                Step::Report(problem) => {
                    return Err(match problem {
                        Problem::JobFailed(_) | Problem::Refused { .. } => Trouble::Unchecked {
                            job: ticket.job,
                            problem,
                        },
                        _ => duty(ticket.job, problem),
                    });
                }
            }
        }
        Ok(())
    }

    /// Looks at some more claims for some to check. `None` when the key watches
    /// nothing and never did.
    fn look_around(&mut self, tickets: &[Ticket]) -> Result<Option<Watching>, Trouble> {
        let stored: Option<Watching> = self.read(b"watched", &[])?;
        if self.rules.watch == 0 && stored.as_ref().is_none_or(|it| it.jobs.is_empty()) {
            return Ok(None);
        }
        let mut watching = stored.unwrap_or_default();
        let now = self.view.block();
        let genesis = self.view.genesis();
        // Claims stay open for long, and to list them the whole map is read.
        if !now.is_multiple_of(LOOK_EVERY) {
            return Ok(Some(watching));
        }
        let claims = self.view.claims(watching.cursor, MAX_LOOKED_AT);
        let full = claims.len() >= MAX_LOOKED_AT;
        let mut last = None;
        for claimed in claims {
            let job = claimed.ticket.job;
            let identity = identity(&claimed.ticket);
            let known = watching
                .jobs
                .iter_mut()
                .find(|known| known.job == job && known.identity == identity);
            let wants_place = match known {
                Some(known) => {
                    known.closes = claimed.closes;
                    // Another fork may have other claims.
                    if known
                        .agreed
                        .is_some_and(|agreed| agreed != hash(&claimed.claims))
                    {
                        known.agreed = None;
                    }
                    known.agreed.is_none() && known.since.is_none()
                }
                None => {
                    dispute::is_watched(&self.key, &genesis, job, self.rules.watch)
                        && !tickets.iter().any(|ticket| ticket.job == job)
                        && !self.view.is_assigned(job)
                }
            };
            if wants_place && now.saturating_add(1) < claimed.closes {
                if !watching.make_room(now) {
                    // Looking goes on here once there is room, so that everybody has a turn.
                    watching.cursor = job;
                    return Ok(Some(watching));
                }
                watching.place(job, identity, claimed.closes, now);
            }
            last = Some(job);
        }
        watching.cursor = match last {
            Some(last) if full => last.saturating_add(1),
            _ => 0,
        };
        Ok(Some(watching))
    }

    /// Stores what became of watching, and forgets what is over.
    fn count(&mut self, mut watching: Watching) -> Done {
        let now = self.view.block();
        let surplus = watching.jobs.len().saturating_sub(MAX_CHECKED);
        let Watching { jobs, tally, .. } = &mut watching;
        let more = |number: &mut u64| *number = number.saturating_add(1);
        for job in jobs.iter_mut() {
            if job.counted.is_none() && job.found.is_some() {
                more(&mut tally.checked);
            }
            if job.counted != Some(true) && job.found == Some(true) {
                more(&mut tally.disputed);
            }
            job.counted = job.counted.max(job.found);
            // Of those that wait, nobody has asked since.
            if job.since.is_none() && job.closes <= now {
                let claimed = self.view.claimed(job.job);
                job.closes = claimed.map_or(job.closes, |claimed| claimed.closes);
            }
        }
        let agreed = jobs.iter().filter(|job| job.agreed.is_some()).count();
        let mut agreed_over = surplus.min(agreed);
        let mut waiting_over = surplus.saturating_sub(agreed_over);
        jobs.retain(|job| {
            // An open thread outlives the window.
            let disputed = job.found == Some(true) && self.view.claimed(job.job).is_some();
            if job.closes <= now && !disputed {
                if job.found.is_none() {
                    more(&mut tally.unchecked);
                }
                return false;
            }
            let over = match (job.agreed, job.since) {
                (Some(_), _) => &mut agreed_over,
                (None, None) => &mut waiting_over,
                (None, Some(_)) => return true,
            };
            let keep = *over == 0;
            *over = over.saturating_sub(1);
            keep
        });
        let busy = jobs.iter().filter(|job| job.is_busy()).count();
        tally.watching = u32::try_from(busy).unwrap_or(u32::MAX);
        let stored: Option<Watching> = self.read(b"watched", &[])?;
        if stored.as_ref() == Some(&watching) {
            return Ok(());
        }
        self.write(b"watched", &[], &watching)
    }

    /// Brings the list of records up to date. Records of jobs that ended long ago are
    /// removed.
    fn tidy(&mut self, tickets: &[Ticket], watching: &Option<Watching>) -> Done {
        let stored: Vec<Entry> = self.read(b"index", &[])?.unwrap_or_default();
        let now = self.view.block();
        let watched: &[Watched] = watching.as_ref().map_or(&[], |watching| &watching.jobs);
        // The tickets are all there are, unless there are more than were asked for.
        let more = tickets.len() >= MAX_SLOTS;
        let lives = |job: JobId| {
            tickets.iter().any(|ticket| ticket.job == job)
                || watched.iter().any(|watched| watched.job == job)
                || more && self.view.is_assigned(job)
        };
        let mut index: Vec<Entry> = stored
            .iter()
            .cloned()
            .map(|mut entry| {
                entry.gone = match entry.gone {
                    _ if lives(entry.job) => None,
                    // Seen on a fork that was longer then.
                    Some(gone) if gone > now => Some(now),
                    Some(gone) => Some(gone),
                    None => Some(now),
                };
                entry
            })
            .collect();
        let tickets = tickets
            .iter()
            .map(|ticket| (ticket.job, identity(ticket)))
            .chain(
                watched
                    .iter()
                    .map(|watched| (watched.job, watched.identity)),
            );
        for (job, identity) in tickets {
            if !index
                .iter()
                .any(|entry| entry.job == job && entry.identity == identity)
            {
                index.push(Entry {
                    job,
                    identity,
                    gone: None,
                });
            }
        }
        let mut surplus = index.len().saturating_sub(MAX_RECORDS);
        let mut over = Vec::new();
        index.retain(|entry| {
            let old = entry
                .gone
                .is_some_and(|gone| gone.saturating_add(KEEP_RECORDS) <= now || surplus > 0);
            if old {
                surplus = surplus.saturating_sub(1);
                over.push((entry.job, entry.identity));
            }
            !old
        });
        for (job, identity) in over {
            for word in [&b"record"[..], b"suits", b"parts"] {
                let name = self.name(word, &[&job.to_le_bytes(), &identity]);
                self.host.remove(&name);
            }
        }
        if index != stored {
            self.write(b"index", &[], &index)?;
        }
        Ok(())
    }
}

/// The bytes that salts follow from, made when the key is first seen: long before
/// there is anything to commit to, so that no crash can take a salt with it.
fn secret(host: &mut impl Host, genesis: &[u8; 32], id: &[u8; 32]) -> Result<[u8; 32], Trouble> {
    let name = name(genesis, id, b"secret");
    let read = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).ok();
    match host.load(&name) {
        Ok(Some(bytes)) => return read(&bytes).ok_or(Trouble::Storage),
        Ok(None) => {}
        Err(StorageFailed) => return Err(Trouble::Storage),
    }
    let mut secret = host.random();
    host.update(&name, &mut |stored| {
        if let Some(stored) = stored.as_deref().and_then(read) {
            secret = stored;
        }
        secret.to_vec()
    })
    .map_err(|_| Trouble::Storage)?;
    Ok(secret)
}

fn hash(claims: &[Claim]) -> [u8; 32] {
    claims.using_encoded(blake2_256)
}

fn duty(job: JobId, problem: Problem) -> Trouble {
    Trouble::Duty { job, problem }
}
