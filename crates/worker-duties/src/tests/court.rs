//! A chain with disputes, forks and keys, each with local storage and a daemon of its
//! own, without any I/O. The rules of the threads are those of the pallet.

use crate::{
    daemon,
    dispute::{Claim, Claimed, Stage, Thread},
    turn::{Host, StorageFailed, View},
    Answer, Call, Chain, Flight, Problem, Request, Shape,
};
use athanor_content_tree::{prove, root, verify, Chunks, Step, Subtree, Trail};
use athanor_primitives::{
    ticket::to_hex, Asked, Duty, JobId, Opening, Question, Root, ThreadId, Ticket, Value,
};
use athanor_tensor_program::{judge::FraudProof, trace_root};
use codec::{Decode, Encode};
use serde_json::{json, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const GENESIS: [u8; 32] = [1; 32];
pub(crate) const JOB: JobId = 7;
pub(crate) const CLOSES: u32 = 1_200;

/// Node whose fraud is proved without any answer, as a reshape's.
const BARE: u16 = 0;

/// Node whose rows of [`ROW`] bytes are proved false as a whole, as a TopK's.
const ROWS: u16 = 3;
const ROW: usize = 20;

/// Outputs of the nodes of an honest run: one chunk, 98 chunks, three, 34.
pub(crate) fn truth() -> Vec<Vec<u8>> {
    [40usize, 100_000, 3_000, 34_000]
        .iter()
        .enumerate()
        .map(|(node, len)| (0..*len).map(|i| (i * 7 + i / 251 + node) as u8).collect())
        .collect()
}

/// What a liar claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing: it is honest.
    None,
    /// This byte of this node is wrong.
    Byte(u16, usize),
    /// The root of this node is that of nothing.
    Root(u16),
    /// The row of node [`ROWS`] that lies in two parts is wrong in both.
    Across,
}

impl Lie {
    /// The tensors it holds, and the roots it claims.
    pub(crate) fn claim(self) -> (Vec<Vec<u8>>, Vec<Root>) {
        let mut held = truth();
        if let Lie::Byte(node, byte) = self {
            let tensor = &mut held[usize::from(node)];
            let byte = byte % tensor.len();
            tensor[byte] ^= 1;
        }
        if self == Lie::Across {
            let tensor = &mut held[usize::from(ROWS)];
            tensor[9_215] ^= 1;
            tensor[9_216] ^= 1;
            for byte in tensor[10_240..].iter_mut().step_by(999) {
                *byte ^= 1;
            }
        }
        let mut roots: Vec<Root> = held.iter().map(|tensor| root(tensor)).collect();
        if let Lie::Root(node) = self {
            roots[usize::from(node)] = [0xee; 32];
        }
        (held, roots)
    }
}

pub(crate) fn ticket() -> Ticket {
    Ticket {
        job: JOB,
        duty: Duty::Wait,
        deadline: CLOSES,
        model: 1,
        program_hash: [4; 32],
        weights: vec![[5; 32]],
        input_root: [6; 32],
        batch: 1,
        inline_output: false,
    }
}

#[derive(Clone, Debug)]
struct Open {
    challenger: [u8; 32],
    announcement: [u8; 32],
    at: u32,
    deadline: u32,
    opening: Option<Opening>,
    subtree: Option<Subtree>,
    asked: bool,
    answers: Vec<Vec<u8>>,
}

/// The state of one block.
#[derive(Clone, Debug)]
pub(crate) struct Court {
    pub(crate) block: u32,
    pub(crate) hashes: Vec<[u8; 32]>,
    pub(crate) spec_version: u32,
    nonces: BTreeMap<[u8; 32], u64>,
    /// Replicas and the claim of each.
    pub(crate) claims: Vec<([u8; 32], Vec<Root>)>,
    pub(crate) struck: BTreeSet<Root>,
    threads: BTreeMap<ThreadId, Open>,
    next_thread: ThreadId,
    /// Threads that ended without a conviction.
    pub(crate) lost: u32,
    /// Threads that other people open about this or that.
    pub(crate) strangers: u32,
}

impl Court {
    pub(crate) fn new(claims: Vec<([u8; 32], Vec<Root>)>) -> Self {
        Court {
            block: 10,
            hashes: (0..=10).map(|number| [number; 32]).collect(),
            spec_version: 100,
            nonces: BTreeMap::new(),
            claims,
            struck: BTreeSet::new(),
            threads: BTreeMap::new(),
            next_thread: 0,
            lost: 0,
            strangers: 0,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.block >= CLOSES && self.threads.is_empty()
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.len()
    }

    fn claimed(&self) -> Vec<Claim> {
        let mut roots: Vec<Root> = self.claims.iter().map(|(_, it)| trace_root(it)).collect();
        roots.sort_unstable();
        roots.dedup();
        let claim = |trace_root| Claim {
            trace_root,
            struck: self.struck.contains(&trace_root),
        };
        roots.into_iter().map(claim).collect()
    }

    fn roots(&self, claim: &Root) -> Option<&Vec<Root>> {
        let mut claims = self.claims.iter().map(|(_, roots)| roots);
        claims.find(|roots| trace_root(roots) == *claim)
    }

    fn strike(&mut self, claim: Root) {
        self.struck.insert(claim);
        self.threads
            .retain(|_, thread| thread.opening.is_none_or(|open| open.trace_root != claim));
    }

    /// One more block on fork `fork`.
    pub(crate) fn advance(&mut self, fork: u8) {
        self.block += 1;
        let mut hash = [fork; 32];
        hash[..4].copy_from_slice(&self.block.to_le_bytes());
        self.hashes.push(hash);
        let late: Vec<_> = self
            .threads
            .iter()
            .filter(|(_, thread)| thread.deadline <= self.block)
            .map(|(id, thread)| (*id, thread.clone()))
            .collect();
        for (id, thread) in late {
            self.threads.remove(&id);
            match thread.opening {
                Some(opening) if thread.asked => self.strike(opening.trace_root),
                _ => self.lost += 1,
            }
        }
        if self.strangers > 0 {
            self.strangers -= 1;
            self.open([0x99; 32], [0x98; 32]);
        }
    }

    fn open(&mut self, challenger: [u8; 32], announcement: [u8; 32]) {
        self.threads.insert(
            self.next_thread,
            Open {
                challenger,
                announcement,
                at: self.block,
                deadline: self.block + 400,
                opening: None,
                subtree: None,
                asked: false,
                answers: vec![],
            },
        );
        self.next_thread += 1;
    }

    /// Includes the transaction of `who` if this fork can. Whether it had an effect.
    pub(crate) fn include(&mut self, who: [u8; 32], flight: &Flight, call: &Call) -> Option<bool> {
        let nonce = self.nonces.entry(who).or_default();
        if flight.nonce != *nonce
            || flight.spec_version != self.spec_version
            || self.block >= flight.until
            || self.hashes.get(flight.birth as usize).copied() != flight.birth_hash
        {
            return None;
        }
        *nonce += 1;
        Some(self.dispatch(who, call).is_some())
    }

    fn dispatch(&mut self, who: [u8; 32], call: &Call) -> Option<()> {
        let now = self.block;
        match call {
            Call::Announce { announcement } => {
                (now < CLOSES).then_some(())?;
                self.open(who, *announcement);
            }
            Call::Demand {
                thread,
                opening,
                value,
            } => {
                if self.struck.contains(&opening.trace_root) {
                    self.opened(who, *thread, opening)?;
                    self.threads.remove(thread);
                    return Some(());
                }
                let node = match value {
                    Value::Node(node) if *node == opening.node => *node,
                    _ => return None,
                };
                let root = *self.roots(&opening.trace_root)?.get(usize::from(node))?;
                let len = truth()[usize::from(node)].len() as u64;
                let thread = self.opened(who, *thread, opening)?;
                thread.opening = Some(*opening);
                thread.subtree = Some(Subtree::whole(root, len));
                thread.asked = true;
                thread.deadline = now + 1_200;
            }
            Call::Descend {
                thread,
                group,
                value,
                siblings,
                ..
            } => {
                let thread = self.threads.get_mut(thread)?;
                (thread.challenger == who && !thread.answers.is_empty() && !thread.asked)
                    .then_some(())?;
                let step = Step {
                    group: *group,
                    value: *value,
                    siblings: siblings.clone(),
                };
                thread.subtree = Some(thread.subtree?.descend(&step).ok()?);
                thread.asked = true;
                thread.deadline = now + 1_200;
            }
            Call::Answer { thread, bytes } => {
                let thread = self.threads.get_mut(thread)?;
                thread.asked.then_some(())?;
                thread.subtree?.check(bytes).ok()?;
                thread.answers.push(bytes.clone());
                thread.asked = false;
                thread.deadline = now + 400;
            }
            Call::Challenge {
                thread,
                opening,
                proof,
            } => {
                let opening = match opening {
                    Some(opening) => {
                        self.opened(who, *thread, opening)?;
                        *opening
                    }
                    None => {
                        let thread = self.threads.get(thread)?;
                        (thread.challenger == who && !thread.asked).then_some(())?;
                        thread.opening?
                    }
                };
                if !self.struck.contains(&opening.trace_root) {
                    let proof = FraudProof::decode(&mut &proof[..]).ok()?;
                    self.judge(&opening, proof)?;
                }
                self.threads.remove(thread);
                self.strike(opening.trace_root);
            }
            _ => return None,
        }
        Some(())
    }

    fn opened(&mut self, who: [u8; 32], id: ThreadId, opening: &Opening) -> Option<&mut Open> {
        let now = self.block;
        let thread = self.threads.get_mut(&id)?;
        let announcement = opening.announcement(&GENESIS, &who, JOB);
        (thread.challenger == who
            && thread.opening.is_none()
            && thread.announcement == announcement
            && now >= thread.at + 2)
            .then_some(thread)
    }

    /// Whether `proof` shows a byte of the claim that is not the true one.
    fn judge(&self, opening: &Opening, proof: FraudProof) -> Option<()> {
        let claimed = self
            .roots(&opening.trace_root)?
            .get(usize::from(opening.node))?;
        let truth = &truth()[usize::from(opening.node)];
        if opening.node == BARE {
            return (*claimed != root(truth)).then_some(());
        }
        let FraudProof {
            element,
            claimed: slice,
            ..
        } = proof;
        let len = truth.len() as u64;
        let range = opened(opening.node, element, len);
        let chunks = Chunks::from_ranges(len, [range.clone()]).ok()?;
        let slice = verify(claimed, len, &chunks, &slice).ok()?;
        let honest = &truth[range.start as usize..range.end as usize];
        (slice.read(range).ok()? != honest).then_some(())
    }
}

/// What a proof of `element` opens of a node's output: a row, of others a chunk.
fn opened(node: u16, element: u64, len: u64) -> std::ops::Range<u64> {
    let width = if node == ROWS { ROW as u64 } else { 1_024 };
    element * width..len.min((element + 1) * width)
}

/// A state as one key sees it.
pub(crate) struct Eyes<'a> {
    pub(crate) court: &'a Court,
    pub(crate) key: [u8; 32],
}

impl Chain for Eyes<'_> {
    fn genesis(&self) -> [u8; 32] {
        GENESIS
    }
    fn block(&self) -> u32 {
        self.court.block
    }
    fn nonce(&self) -> u64 {
        self.court.nonces.get(&self.key).copied().unwrap_or(0)
    }
    fn spec_version(&self) -> u32 {
        self.court.spec_version
    }
    fn hash(&self, block: u32) -> Option<[u8; 32]> {
        self.court.hashes.get(block as usize).copied()
    }
    fn shape(&self, _: &Ticket) -> Option<Shape> {
        Some(Shape {
            nodes: 4,
            outputs: vec![2],
            output_len: 3_000,
        })
    }
    fn committed(&self, _: JobId) -> Option<[u8; 32]> {
        None
    }
    fn roots_known(&self, _: JobId, root: &Root) -> bool {
        self.court.roots(root).is_some()
    }
}

impl View for Eyes<'_> {
    fn tickets(&self, limit: usize) -> Vec<Ticket> {
        let live = !self.court.is_over() && self.is_assigned(JOB);
        (live && limit > 0).then(ticket).into_iter().collect()
    }
    fn is_assigned(&self, job: JobId) -> bool {
        job == JOB && self.court.claims.iter().any(|(key, _)| *key == self.key)
    }
    fn questions(&self, limit: usize) -> Vec<(Question, u32)> {
        let mine: Vec<Root> = self
            .court
            .claims
            .iter()
            .filter(|(key, _)| *key == self.key)
            .map(|(_, roots)| trace_root(roots))
            .collect();
        let of = |(id, thread): (&ThreadId, &Open)| {
            let opening = thread.opening.filter(|_| thread.asked)?;
            let subtree = thread.subtree?;
            mine.contains(&opening.trace_root).then_some(())?;
            let group = self
                .court
                .claims
                .iter()
                .filter(|(_, roots)| trace_root(roots) == opening.trace_root);
            let rank = group.take_while(|(key, _)| *key != self.key).count();
            let root = self.court.roots(&opening.trace_root)?[usize::from(opening.node)];
            let question = Question {
                job: JOB,
                thread: *id,
                trace_root: opening.trace_root,
                value: Value::Node(opening.node),
                root,
                len: subtree.content_len(),
                asked: Asked::Subtree {
                    start: subtree.start(),
                    count: subtree.count(),
                    value: subtree.value(),
                },
                deadline: thread.deadline,
            };
            Some((question, rank as u32))
        };
        self.court
            .threads
            .iter()
            .filter_map(of)
            .take(limit)
            .collect()
    }
    fn claimed(&self, job: JobId) -> Option<Claimed> {
        if job != JOB || self.court.is_over() {
            return None;
        }
        let threads = self
            .court
            .threads
            .iter()
            .filter(|(_, thread)| thread.challenger == self.key)
            .map(|(id, thread)| Thread {
                id: *id,
                deadline: thread.deadline,
                stage: match thread.opening {
                    None => Stage::Announced {
                        announcement: thread.announcement,
                        at: thread.at,
                    },
                    Some(opening) if thread.asked => Stage::Asked { opening },
                    Some(opening) => Stage::Answered {
                        opening,
                        answers: thread.answers.clone(),
                    },
                },
            })
            .collect();
        Some(Claimed {
            ticket: ticket(),
            closes: CLOSES,
            claims: self.court.claimed(),
            threads,
        })
    }
    fn claims(&self, from: JobId, limit: usize) -> Vec<Claimed> {
        let job = (from <= JOB && limit > 0).then(|| self.claimed(JOB));
        job.flatten().into_iter().collect()
    }
    fn trace(&self, job: JobId, trace_root: &Root) -> Option<Vec<Root>> {
        (job == JOB).then(|| self.court.roots(trace_root).cloned())?
    }
}

/// How a daemon behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    Dead,
    TimesOut,
    /// Its traces are gone and it computes.
    Computing,
    /// It can't get the blobs.
    Failing,
    Garbage,
    /// It sends what opens nothing.
    Nonsense,
}

/// A machine: local storage, a daemon, and the keystore.
pub(crate) struct Machine {
    pub(crate) key: [u8; 32],
    pub(crate) lie: Lie,
    pub(crate) storage: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) mood: Mood,
    pub(crate) known: bool,
    pub(crate) done: bool,
    pub(crate) watched: bool,
    pub(crate) asked: Vec<&'static str>,
    /// A thread that it finds no answer to.
    pub(crate) mute_in: Option<ThreadId>,
    /// Writes left before the machine is killed.
    pub(crate) life: Option<u32>,
    pub(crate) pool_refuses: bool,
    /// What was signed in this turn, and what is in the pool for good.
    pub(crate) signed: Option<(u64, Call)>,
    pub(crate) pool: Vec<(u64, Call)>,
}

impl Machine {
    pub(crate) fn new(key: u8, lie: Lie) -> Self {
        Machine {
            key: [key; 32],
            lie,
            storage: BTreeMap::new(),
            mood: Mood::Good,
            known: false,
            done: true,
            watched: false,
            asked: vec![],
            mute_in: None,
            life: None,
            pool_refuses: false,
            signed: None,
            pool: vec![],
        }
    }

    /// Forgets what a crash may take: anything but secret and lane.
    pub(crate) fn forget(&mut self) {
        let keep = |key: &Vec<u8>, word: &[u8]| {
            key.strip_prefix(b"athanor/duties/")
                .is_some_and(|rest| rest.starts_with(word))
        };
        self.storage
            .retain(|key, _| keep(key, b"secret") || keep(key, b"lane"));
    }

    fn reply(&mut self, request: &Request) -> Json {
        let (held, roots) = self.lie.claim();
        let good = |value: Json| json!({"jsonrpc": "2.0", "id": JOB, "result": value});
        let bad = |code: i64| json!({"jsonrpc": "2.0", "id": JOB, "error": {"code": code, "message": "no"}});
        match request {
            Request::Submit { .. } => self.known = true,
            Request::Watch { .. } => {
                self.known = true;
                self.watched = true;
            }
            _ if !self.known => return bad(daemon::UNKNOWN_JOB),
            _ => {}
        }
        match request {
            Request::Submit { .. } | Request::Watch { .. } | Request::Status => {
                let (state, error) = match (self.mood, self.done) {
                    (Mood::Failing, _) => {
                        ("failed", json!({"code": "no_blob", "message": "nowhere"}))
                    }
                    (_, true) => ("done", Json::Null),
                    _ => ("running", Json::Null),
                };
                good(
                    json!({"job": JOB, "state": state, "held": self.mood != Mood::Failing,
                    "progress": 40, "error": error}),
                )
            }
            _ if !self.done || self.mood == Mood::Failing => bad(daemon::NOT_DONE),
            Request::Receipt => good(json!({
                "job": JOB, "trace_root": to_hex(&trace_root(&roots)),
                "output_root": to_hex(&roots[2]),
                "node_roots": roots.iter().map(|root| to_hex(root)).collect::<Vec<_>>(),
                "output": null,
            })),
            Request::Cancel => good(json!(true)),
            _ if self.mood == Mood::Computing => bad(daemon::ASK_LATER),
            Request::Dispute {
                claim,
                node,
                turn,
                answers,
                others,
            } => match accuse(&held, &roots, claim, *node, (*turn, answers), others) {
                Some(step) => good(step),
                // Its tensors are those of the claim: only its root is not.
                None => bad(-32016),
            },
            Request::Answer(question) if self.mute_in == Some(question.thread) => {
                bad(daemon::ASK_LATER)
            }
            Request::Answer(question) => {
                let Value::Node(node) = question.value else {
                    return bad(-32602);
                };
                let Asked::Subtree {
                    start,
                    count,
                    value,
                } = question.asked
                else {
                    return bad(-32602);
                };
                if self.mood == Mood::Nonsense {
                    return good(json!("0x00"));
                }
                let tensor = &held[usize::from(node)];
                let subtree = Subtree::new(question.len, start, count, value).unwrap();
                let from = (start * 1_024) as usize;
                let to = tensor.len().min(((start + count) * 1_024) as usize);
                match subtree.answer(&tensor[from..to]) {
                    Ok(answer) => good(json!(to_hex(&answer))),
                    // A root of nothing can't be opened.
                    Err(_) => bad(-32000),
                }
            }
        }
    }
}

/// What the daemon of a challenger says.
fn accuse(
    held: &[Vec<u8>],
    roots: &[Root],
    claim: &[Root],
    node: u16,
    (turn, answers): (u8, &[Vec<u8>]),
    others: &[(u8, Vec<Vec<u8>>)],
) -> Option<Json> {
    let at = usize::from(node);
    if claim[at] == roots[at] {
        return Some(json!({"step": "agree"}));
    }
    if node == BARE {
        return Some(prove_by(node, 0, vec![]));
    }
    if answers.is_empty() {
        let threads = if node == ROWS { 2 } else { 1 };
        return Some(json!({"step": "ask", "threads": threads}));
    }
    let tensor = &held[at];
    let len = tensor.len() as u64;
    let (trail, step) = walk(tensor, claim[at], turn, answers)?;
    if let Some(step) = step {
        return Some(json!({"step": "descend", "group": step.group,
            "value": to_hex(&step.value),
            "siblings": step.siblings.iter().map(|v| to_hex(v)).collect::<Vec<_>>()}));
    }
    let answer = answers.last()?;
    let start = (trail.current().start() * 1_024) as usize;
    let own = &tensor[start..start + answer.len()];
    let wrong = own.iter().zip(answer).position(|(a, b)| a != b)?;
    let width = if node == ROWS { ROW } else { 1_024 };
    let element = ((start + wrong) / width) as u64;
    let chunks = Chunks::from_ranges(len, [opened(node, element, len)]).unwrap();
    let others: Vec<_> = others
        .iter()
        .filter_map(|(turn, answers)| Some((walk(tensor, claim[at], *turn, answers)?, answers)))
        .filter_map(|((trail, step), answers)| {
            step.is_none().then_some(())?;
            Some((trail, answers.last()?))
        })
        .collect();
    let beside = others
        .iter()
        .map(|(trail, answer)| Some((trail, &answer[..])));
    let slice = std::iter::once(None)
        .chain(beside)
        .find_map(|other| trail.prove_with(answer, other, &chunks, tensor).ok());
    Some(match slice {
        Some(slice) => prove_by(node, element, slice),
        None => json!({"step": "rest"}),
    })
}

/// The way that the answers of thread `turn` lead, and the step to the next, unless they
/// end with bytes.
fn walk(
    tensor: &[u8],
    claimed: Root,
    turn: u8,
    answers: &[Vec<u8>],
) -> Option<(Trail, Option<Step>)> {
    let mut trail = Trail::new(claimed, tensor.len() as u64);
    let mut last = None;
    for answer in answers {
        let subtree = *trail.current();
        last = match subtree.shape() {
            athanor_content_tree::Shape::Bytes(_) => None,
            athanor_content_tree::Shape::Groups { chunks, .. } => {
                let own = groups(tensor, subtree.start(), chunks, answer.len() / 32);
                let given = answer.as_chunks::<32>().0;
                let group = own.iter().zip(given).position(|(a, b)| a != b)?;
                let group = group as u64 + u64::from(turn);
                Some(trail.descend(answer, group).unwrap())
            }
        };
    }
    Some((trail, last))
}

/// A proof whose element is the number of the chunk or row it opens.
fn prove_by(node: u16, element: u64, claimed: Vec<u8>) -> Json {
    let proof = FraudProof {
        node,
        element,
        witness: None,
        claimed,
        operands: vec![],
    };
    json!({"step": "prove", "proof": to_hex(&proof.encode())})
}

/// Chaining values of groups of `chunks` chunks of a tensor.
fn groups(tensor: &[u8], start: u64, chunks: u64, count: usize) -> Vec<[u8; 32]> {
    let whole = Subtree::whole(root(tensor), tensor.len() as u64);
    assert_eq!(
        (start, chunks),
        (0, 1),
        "the tensors of these tests are short"
    );
    let answer = whole.answer(tensor).unwrap();
    let values = answer.as_chunks::<32>().0.to_vec();
    assert_eq!(values.len(), count);
    values
}

impl Host for Machine {
    fn load(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailed> {
        Ok(self.storage.get(key).cloned())
    }
    fn update(
        &mut self,
        key: &[u8],
        change: &mut dyn FnMut(Option<Vec<u8>>) -> Vec<u8>,
    ) -> Result<(), StorageFailed> {
        match &mut self.life {
            Some(0) => return Err(StorageFailed),
            Some(left) => *left -= 1,
            None => {}
        }
        let value = change(self.storage.get(key).cloned());
        self.storage.insert(key.to_vec(), value);
        Ok(())
    }
    fn remove(&mut self, key: &[u8]) {
        self.storage.remove(key);
    }
    fn random(&mut self) -> [u8; 32] {
        [self.key[0] ^ 0x55; 32]
    }
    fn ask(&mut self, request: &Request, ticket: &Ticket) -> Result<Answer, Problem> {
        assert_eq!(ticket.job, JOB);
        self.asked.push(request.method());
        match self.mood {
            Mood::Dead => return Err(Problem::Unreachable),
            Mood::TimesOut => return Err(Problem::TimedOut),
            Mood::Garbage => return daemon::answer(request, JOB, 200, b"{\"id\":7,\xff"),
            _ => {}
        }
        let reply = self.reply(request);
        daemon::answer(request, JOB, 200, reply.to_string().as_bytes())
    }
    fn sign(&mut self, job: JobId, call: &Call, nonce: u64) -> Option<Vec<u8>> {
        assert_eq!(job, JOB);
        // A nonce whose call the pool did not take is free for another.
        assert!(
            self.signed.is_none() || self.pool_refuses,
            "one call a turn"
        );
        self.signed = Some((nonce, call.clone()));
        Some(nonce.to_le_bytes().to_vec())
    }
    fn submit(&mut self, extrinsic: Vec<u8>) -> bool {
        if self.pool_refuses {
            return false;
        }
        let lane = self
            .storage
            .iter()
            .find(|(key, _)| key.starts_with(b"athanor/duties/lane"));
        assert!(
            lane.is_some_and(|(_, lane)| lane.windows(8).any(|part| *part == extrinsic[..])),
            "what is submitted is stored"
        );
        if let Some((nonce, call)) = &self.signed {
            if nonce.to_le_bytes().to_vec() == extrinsic {
                self.pool.push((*nonce, call.clone()));
            }
        }
        true
    }
    fn sent(&mut self, job: JobId, _: &Call) {
        assert_eq!(job, JOB);
    }
}

/// A slice proof of a tensor: what a delivery is answered by.
pub(crate) fn slice(tensor: &[u8], chunks: std::ops::Range<u64>) -> Vec<u8> {
    let chunks = Chunks::from_indices(tensor.len() as u64, chunks).unwrap();
    prove(tensor, &chunks).unwrap()
}
