//! A chain with forks and a daemon with every vice, without any I/O.

use crate::{
    daemon, next, Call, Chain, Flight, Heard, Key, Lane, Problem, Record, Request, Shape, Step,
    Trace, MAX_STEPS,
};
use athanor_primitives::{commitment, ticket::to_hex, Duty, JobId, Root, Ticket};
use athanor_tensor_program::trace_root;
use serde_json::{json, Value};

pub(crate) const GENESIS: [u8; 32] = [1; 32];
pub(crate) const KEY: Key = Key {
    worker: [2; 32],
    secret: [3; 32],
};
pub(crate) const JOB: JobId = 7;
const NODES: [&[u8]; 3] = [b"in", b"mid", b"out!"];

pub(crate) fn ticket(duty: Duty) -> Ticket {
    Ticket {
        job: JOB,
        duty,
        deadline: u32::MAX,
        model: 1,
        program_hash: [4; 32],
        weights: vec![[5; 32]],
        input_root: [6; 32],
        batch: 1,
        inline_output: true,
    }
}

pub(crate) fn roots() -> Vec<Root> {
    NODES
        .iter()
        .map(|node| athanor_content_tree::root(node))
        .collect()
}

/// One replica's part of one job in the state of one block.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) block: u32,
    pub(crate) nonce: u64,
    pub(crate) spec_version: u32,
    /// Hash of every ancestor: number and fork.
    pub(crate) hashes: Vec<[u8; 32]>,
    pub(crate) accepted: bool,
    pub(crate) committed: Option<[u8; 32]>,
    pub(crate) revealed: bool,
    pub(crate) roots_known: bool,
    pub(crate) at_once: bool,
}

impl State {
    pub(crate) fn new() -> Self {
        State {
            block: 10,
            nonce: 0,
            spec_version: 100,
            hashes: (0..=10).map(|number| [number; 32]).collect(),
            accepted: false,
            committed: None,
            revealed: false,
            roots_known: false,
            at_once: false,
        }
    }

    pub(crate) fn duty(&self) -> Duty {
        match (self.accepted, self.committed, self.revealed) {
            (false, ..) => Duty::Accept,
            (true, _, true) => Duty::Wait,
            (true, None, false) if self.at_once => Duty::RevealAtOnce,
            (true, None, false) => Duty::Commit,
            (true, Some(_), false) => Duty::Reveal,
        }
    }

    /// One more block on fork `fork`.
    pub(crate) fn advance(&mut self, fork: u8) {
        self.block += 1;
        let mut hash = [fork; 32];
        hash[..4].copy_from_slice(&self.block.to_le_bytes());
        self.hashes.push(hash);
    }

    /// Includes the transaction if this fork can.
    pub(crate) fn include(&mut self, flight: &Flight, call: &Call) -> bool {
        let birth = flight.birth as usize;
        if flight.nonce != self.nonce
            || flight.spec_version != self.spec_version
            || self.block >= flight.until
            || self.hashes.get(birth).copied() != flight.birth_hash
        {
            return false;
        }
        self.nonce += 1;
        match (call, self.duty()) {
            (Call::Accept, Duty::Accept) => self.accepted = true,
            (Call::Commit { commitment }, Duty::Commit) => self.committed = Some(*commitment),
            (Call::Reveal { salt, trace, .. }, Duty::Reveal) => {
                let root = match trace {
                    Trace::Roots(roots) => trace_root(roots),
                    Trace::Root(root) => *root,
                };
                let opened = commitment(&GENESIS, JOB, &KEY.worker, &root, salt);
                assert_eq!(
                    Some(opened),
                    self.committed,
                    "a reveal opens the commitment"
                );
                self.revealed = true;
            }
            (Call::Reveal { .. }, Duty::RevealAtOnce) => self.revealed = true,
            _ => {}
        }
        true
    }
}

impl Chain for State {
    fn genesis(&self) -> [u8; 32] {
        GENESIS
    }
    fn block(&self) -> u32 {
        self.block
    }
    fn nonce(&self) -> u64 {
        self.nonce
    }
    fn spec_version(&self) -> u32 {
        self.spec_version
    }
    fn hash(&self, block: u32) -> Option<[u8; 32]> {
        self.hashes.get(block as usize).copied()
    }
    fn shape(&self, _: &Ticket) -> Option<Shape> {
        Some(Shape {
            nodes: 3,
            outputs: vec![2],
            output_len: 4,
        })
    }
    fn committed(&self, _: JobId) -> Option<[u8; 32]> {
        self.committed
    }
    fn roots_known(&self, _: JobId, _: &Root) -> bool {
        self.roots_known
    }
}

/// How the daemon behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Honest,
    Dead,
    Slow,
    Failing,
    /// A receipt with roots that hash to something else.
    WrongTraceRoot,
    TooFewRoots,
    WrongOutput,
    NoOutput,
    OtherJob,
    Http(u16),
    Garbage,
}

/// A daemon.
#[derive(Clone, Debug)]
pub(crate) struct Daemon {
    pub(crate) mood: Mood,
    pub(crate) known: bool,
    pub(crate) done: bool,
    pub(crate) foreign: bool,
    pub(crate) asked: Vec<Request>,
}

impl Daemon {
    pub(crate) fn new() -> Self {
        Daemon {
            mood: Mood::Honest,
            known: false,
            done: false,
            foreign: false,
            asked: vec![],
        }
    }

    pub(crate) fn hear(&mut self, request: Request) -> Heard {
        self.asked.push(request.clone());
        let answer = self.answer(request.clone());
        Heard { request, answer }
    }

    fn answer(&mut self, request: Request) -> Result<daemon::Answer, Problem> {
        let reply = |body: Value| daemon::answer(&request, JOB, 200, body.to_string().as_bytes());
        let good = |value: Value| reply(json!({"jsonrpc": "2.0", "id": JOB, "result": value}));
        let bad = |code: i64| {
            reply(json!({"jsonrpc": "2.0", "id": JOB, "error": {"code": code, "message": "no"}}))
        };
        match self.mood {
            Mood::Dead => return Err(Problem::Unreachable),
            Mood::Slow => return Err(Problem::TimedOut),
            Mood::Http(code) => return daemon::answer(&request, JOB, code, b"sorry"),
            Mood::Garbage => return daemon::answer(&request, JOB, 200, b"\xff{\"id\":7,"),
            _ => {}
        }
        match request {
            Request::Submit { .. } if self.foreign => return bad(daemon::OTHER_TICKET),
            Request::Submit { .. } => self.known = true,
            Request::Cancel => {
                self.foreign = false;
                self.known = false;
                return good(json!(true));
            }
            _ => {}
        }
        if !self.known {
            return bad(daemon::UNKNOWN_JOB);
        }
        let job = if self.mood == Mood::OtherJob {
            JOB + 1
        } else {
            JOB
        };
        let hex = |roots: &[Root]| roots.iter().map(|root| to_hex(root)).collect::<Vec<_>>();
        if request != Request::Receipt {
            let (state, error) = match (self.mood, self.done) {
                (Mood::Failing, _) => ("failed", json!({"code": "no_memory", "message": "7 GiB"})),
                (_, true) => ("done", Value::Null),
                (_, false) => ("running", Value::Null),
            };
            return good(json!({
                "job": job, "state": state, "held": self.mood != Mood::Failing,
                "progress": 40, "error": error,
            }));
        }
        if !self.done {
            return bad(daemon::NOT_DONE);
        }
        let mut node_roots = roots();
        let mut trace = trace_root(&node_roots);
        let mut output = json!(to_hex(NODES[2]));
        match self.mood {
            Mood::WrongTraceRoot => trace = [9; 32],
            Mood::TooFewRoots => {
                node_roots.pop();
                trace = trace_root(&node_roots);
            }
            Mood::WrongOutput => output = json!("0x00000000"),
            Mood::NoOutput => output = Value::Null,
            _ => {}
        }
        good(json!({
            "job": job, "trace_root": to_hex(&trace), "output_root": to_hex(&roots()[2]),
            "node_roots": hex(&node_roots), "output": output,
        }))
    }
}

/// What a worker did in one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    Signed(Call),
    Rested,
    Reported(Problem),
    /// Held back by a transaction under way.
    Queued(Call),
}

/// A driver as the crate's documentation describes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Driver {
    pub(crate) record: Option<Record>,
    pub(crate) lane: Lane,
    /// The last transaction signed.
    pub(crate) flight: Option<Flight>,
}

impl Driver {
    pub(crate) fn run(&mut self, chain: &State, daemon: &mut Daemon) -> Did {
        self.run_ticket(chain, &ticket(chain.duty()), daemon)
    }

    pub(crate) fn run_ticket(
        &mut self,
        chain: &State,
        ticket: &Ticket,
        daemon: &mut Daemon,
    ) -> Did {
        let mut record = self
            .record
            .clone()
            .unwrap_or_else(|| Record::new(&KEY, &GENESIS, ticket));
        let mut heard = None;
        for _ in 0..MAX_STEPS {
            match next(chain, &KEY, ticket, &record, heard.take()) {
                Step::Ask(request) => heard = Some(daemon.hear(request)),
                Step::Save(new) => {
                    record = new.merge(self.record.take());
                    self.record = Some(record.clone());
                }
                Step::Sign(call) => {
                    if self.lane.busy(chain) {
                        return Did::Queued(call);
                    }
                    if call != Call::Accept {
                        let stored = self.record.as_ref().expect("stored before it is signed");
                        assert!(stored.run.is_some());
                    }
                    self.record = Some(record.signed(chain, &call).merge(self.record.take()));
                    let flight = Flight::new(chain, ticket.job, &call, vec![call.index()]);
                    self.lane.push(chain, flight.clone());
                    self.flight = Some(flight);
                    return Did::Signed(call);
                }
                Step::Rest => return Did::Rested,
                Step::Report(problem) => return Did::Reported(problem),
            }
        }
        panic!("more than {MAX_STEPS} steps");
    }
}
