//! A watcher among more claims than it has places for, some of which nobody serves the blobs of.

use super::court::{Lie, GENESIS};
use crate::{
    daemon,
    dispute::{Claim, Claimed},
    turn::{self, Host, Rules, StorageFailed, Tally, Trouble, View, MAX_WATCHED},
    Answer, Call, Chain, Problem, Request, Shape,
};
use athanor_primitives::{ticket::to_hex, Duty, JobId, Question, Root, Ticket};
use athanor_tensor_program::trace_root;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Blocks for which the daemon keeps a job that nobody asks for: 120 s.
const KEPT: u32 = 40;

/// Honest claims of jobs, by number, with the block in which the window of each closes.
#[derive(Default)]
struct Claims {
    block: u32,
    open: BTreeMap<JobId, u32>,
}

impl Claims {
    fn claim(&self, job: JobId) -> Option<Claimed> {
        let closes = *self.open.get(&job).filter(|closes| self.block < **closes)?;
        Some(Claimed {
            ticket: Ticket {
                job,
                duty: Duty::Wait,
                deadline: closes,
                model: 1,
                program_hash: [4; 32],
                weights: vec![[5; 32]],
                input_root: [6; 32],
                batch: 1,
                inline_output: false,
            },
            closes,
            claims: vec![Claim {
                trace_root: trace_root(&Lie::None.claim().1),
                struck: false,
            }],
            threads: vec![],
        })
    }
}

impl Chain for Claims {
    fn genesis(&self) -> [u8; 32] {
        GENESIS
    }
    fn block(&self) -> u32 {
        self.block
    }
    fn nonce(&self) -> u64 {
        0
    }
    fn spec_version(&self) -> u32 {
        100
    }
    fn hash(&self, block: u32) -> Option<[u8; 32]> {
        Some([block as u8; 32])
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
    fn roots_known(&self, _: JobId, _: &Root) -> bool {
        true
    }
}

impl View for Claims {
    fn tickets(&self, _: usize) -> Vec<Ticket> {
        vec![]
    }
    fn is_assigned(&self, _: JobId) -> bool {
        false
    }
    fn questions(&self, _: usize) -> Vec<(Question, u32)> {
        vec![]
    }
    fn claimed(&self, job: JobId) -> Option<Claimed> {
        self.claim(job)
    }
    fn claims(&self, from: JobId, limit: usize) -> Vec<Claimed> {
        let jobs = self.open.range(from..).map(|(job, _)| *job);
        jobs.filter_map(|job| self.claim(job)).take(limit).collect()
    }
    fn trace(&self, _: JobId, _: &Root) -> Option<Vec<Root>> {
        Some(Lie::None.claim().1)
    }
}

/// How the daemon fares with a job.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Missing,
    Loading,
    Refused,
    Slow,
    /// The daemon is busy with others.
    Shut,
}

/// A machine whose daemon has as many places for watched jobs as a real one.
#[derive(Default)]
struct Machine {
    storage: BTreeMap<Vec<u8>, Vec<u8>>,
    block: u32,
    fates: BTreeMap<JobId, Fate>,
    /// Block in which somebody asked for each job last.
    places: BTreeMap<JobId, u32>,
    /// Jobs whose result was read.
    read: BTreeSet<JobId>,
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
        let value = change(self.storage.get(key).cloned());
        self.storage.insert(key.to_vec(), value);
        Ok(())
    }
    fn remove(&mut self, key: &[u8]) {
        self.storage.remove(key);
    }
    fn random(&mut self) -> [u8; 32] {
        [9; 32]
    }
    fn ask(&mut self, request: &Request, ticket: &Ticket) -> Result<Answer, Problem> {
        let job = ticket.job;
        let fate = self.fates.get(&job).copied();
        let place = self.places.contains_key(&job);
        let bad = |code: i64| json!({"jsonrpc": "2.0", "id": job, "error": {"code": code, "message": "no"}});
        let good = |value| json!({"jsonrpc": "2.0", "id": job, "result": value});
        let status = |state: &str, error: Option<&str>| {
            let held = !matches!(fate, Some(Fate::Missing | Fate::Loading | Fate::Refused));
            let error = error.map(|code| json!({"code": code, "message": "in words"}));
            good(json!({"job": job, "state": state, "held": held, "progress": 0, "error": error}))
        };
        let reply = match (request, fate) {
            (Request::Watch { .. } | Request::Status | Request::Receipt, None) => {
                self.places.remove(&job);
                if *request == Request::Receipt {
                    self.read.insert(job);
                    let roots = Lie::None.claim().1;
                    good(json!({
                        "job": job, "trace_root": to_hex(&trace_root(&roots)),
                        "output_root": to_hex(&roots[2]),
                        "node_roots": roots.iter().map(|root| to_hex(root)).collect::<Vec<_>>(),
                        "output": null,
                    }))
                } else {
                    status("done", None)
                }
            }
            (_, Some(Fate::Shut)) => bad(daemon::ASK_LATER),
            (Request::Watch { .. } | Request::Status, Some(fate)) => {
                let block = self.block;
                if !place && *request == Request::Status {
                    bad(daemon::UNKNOWN_JOB)
                } else {
                    if !place && self.places.len() >= MAX_WATCHED {
                        self.places.retain(|_, asked| *asked + KEPT > block);
                    }
                    if !place && self.places.len() >= MAX_WATCHED {
                        bad(daemon::ASK_LATER)
                    } else {
                        self.places.insert(job, block);
                        match fate {
                            Fate::Missing => status("fetching", Some("blob_missing")),
                            Fate::Refused => status("refused", Some("memory")),
                            Fate::Loading => status("fetching", None),
                            Fate::Slow | Fate::Shut => status("running", None),
                        }
                    }
                }
            }
            _ => panic!("{request:?}"),
        };
        daemon::answer(request, job, 200, reply.to_string().as_bytes())
    }
    fn sign(&mut self, _: JobId, call: &Call, _: u64) -> Option<Vec<u8>> {
        panic!("every claim is true: {call:?}")
    }
    fn submit(&mut self, _: Vec<u8>) -> bool {
        false
    }
    fn sent(&mut self, _: JobId, _: &Call) {}
}

const KEY: [u8; 32] = [9; 32];

#[derive(Default)]
struct Watcher {
    claims: Claims,
    machine: Machine,
}

impl Watcher {
    fn claim(&mut self, job: JobId, closes: u32, fate: Option<Fate>) {
        self.claims.open.insert(job, closes);
        self.machine.fates.extend(fate.map(|fate| (job, fate)));
    }

    fn play(&mut self, blocks: u32) {
        let rules = Rules {
            watch: u32::MAX,
            may_sign: true,
        };
        for _ in 0..blocks {
            self.claims.block += 1;
            self.machine.block = self.claims.block;
            let troubles = turn::take(&self.claims, &mut self.machine, KEY, rules);
            let bad = |trouble: &&Trouble| !matches!(trouble, Trouble::Unchecked { .. });
            assert_eq!(troubles.iter().find(bad), None);
            assert!(self.tally().watching <= MAX_WATCHED as u32);
        }
    }

    fn tally(&self) -> Tally {
        turn::tally(&self.machine, &GENESIS, &KEY)
    }
}

const LONG: u32 = 100_000;

#[test]
fn claims_that_cannot_be_fetched_keep_no_watcher_from_others() {
    for fate in [Fate::Missing, Fate::Refused, Fate::Shut] {
        let mut watcher = Watcher::default();
        for job in 0..16 {
            watcher.claim(job, LONG, Some(fate));
        }
        watcher.play(20);
        assert_eq!(watcher.tally().watching, 16, "all places are taken");
        for job in 100..140 {
            watcher.claim(job, 400, None);
        }
        watcher.play(40);
        assert!(
            watcher.machine.read.is_empty(),
            "blobs are given time to come"
        );
        watcher.play(200);
        let honest: BTreeSet<JobId> = (100..140).collect();
        assert_eq!(watcher.machine.read, honest);
        assert_eq!(watcher.tally().checked, 40);
    }
}

#[test]
fn claims_that_came_later_have_their_turn_among_many_that_cannot_be_fetched() {
    for missing in [17, 25, 49, 80, 150] {
        let mut watcher = Watcher::default();
        for job in 0..missing {
            watcher.claim(job, LONG, Some(Fate::Missing));
        }
        watcher.play(600);
        for job in 1_000..1_010 {
            watcher.claim(job, LONG, None);
        }
        watcher.play(1_500);
        assert_eq!(watcher.machine.read.len(), 10, "{missing} are missing");
    }
}

#[test]
fn a_claim_that_gave_way_is_checked_once_its_blobs_are_there() {
    let mut watcher = Watcher::default();
    for job in 0..80 {
        watcher.claim(job, LONG, Some(Fate::Missing));
    }
    watcher.play(600);
    assert_eq!(watcher.tally().watching, 16);
    for job in (0..80).step_by(7) {
        watcher.machine.fates.remove(&job);
    }
    watcher.play(1_500);
    let served: BTreeSet<JobId> = (0..80).step_by(7).collect();
    assert_eq!(watcher.machine.read, served);
    assert_eq!(watcher.tally().unchecked, 0, "their windows are open");
}

#[test]
fn what_takes_long_is_not_given_up() {
    for fate in [Fate::Slow, Fate::Loading] {
        let mut watcher = Watcher::default();
        for job in 0..16 {
            watcher.claim(job, LONG, Some(fate));
        }
        for job in 100..140 {
            watcher.claim(job, LONG, None);
        }
        watcher.play(300);
        assert!(watcher.machine.read.is_empty());
        watcher.machine.fates.clear();
        watcher.play(100);
        assert_eq!(watcher.machine.read.len(), 56);
    }
}

#[test]
fn what_gave_way_and_was_never_run_counts_as_unchecked() {
    let mut watcher = Watcher::default();
    for job in 0..40 {
        watcher.claim(job, 300, Some(Fate::Missing));
    }
    watcher.play(310);
    let tally = watcher.tally();
    assert_eq!((tally.watching, tally.checked, tally.unchecked), (0, 0, 40));
}
