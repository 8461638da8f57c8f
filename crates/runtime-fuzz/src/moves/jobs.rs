//! Jobs: providers, escrow, and disputes about claims.

use super::{amount, somebody, Act};
use crate::{dice::Dice, people};
use athanor_primitives::{worker_consent, JobId, Opening, Root, Value};
use athanor_runtime::{AccountId, Balance, ComputeJobs, Runtime, System, MILLI_UNIT, UNIT};
use athanor_tensor_program::judge::FraudProof;
use pallet_compute_jobs::{
    AnswerBytes, Call, Config, Demand, InlineOutput, Job, JobStatus, JobTerms, Jobs, ModelFilter,
    NodeRoots, OfferTerms, Policy, Providers, Rates, Receipts, Replica, Thread, ThreadKind,
    ThreadStatus, Threads, Times, Trace, TraceReveal,
};
use pallet_programs::Models;
use sp_core::Pair;

/// Accounts that provide, the first of the rich ones.
pub const PROVIDERS: usize = 6;
const SALT: [u8; 32] = [5; 32];
/// Traces that replicas may claim: 0 is the honest one.
const KINDS: u8 = 3;

fn consent(provider: &AccountId, worker: &AccountId) -> [u8; 64] {
    let message = worker_consent(&ComputeJobs::genesis(), &provider.clone().into());
    people::key(worker).map_or([0; 64], |key| key.sign(&message).0)
}

/// Registers a provider.
pub fn register(provider: &AccountId, worker: u32) -> Act {
    let worker = people::worker(worker);
    Act::signed(
        provider,
        Call::register_provider {
            consent: consent(provider, &worker),
            worker,
            endpoint: Default::default(),
        },
    )
}

/// A plain offer.
pub fn offer(price: Balance, slots: u8) -> OfferTerms {
    OfferTerms {
        rates: Rates::default(),
        minimum: price,
        times: Times {
            macs: 1_000,
            ..Times::default()
        },
        bandwidth: 1_000_000,
        max_cost: 1_000_000,
        memory: 1 << 30,
        slots,
        models: ModelFilter::AnyUpTo(1 << 30),
        max_collateral: Balance::MAX,
        max_window: u32::MAX,
        valid_until: 1_000_000,
    }
}

fn output(kind: u8, job: &Job<AccountId>) -> Vec<u8> {
    vec![kind; job.output_len as usize]
}

fn trace(kind: u8, job: &Job<AccountId>) -> Trace {
    let of_node = |node: u32| {
        if job.outputs.iter().any(|output| u32::from(*output) == node) {
            athanor_content_tree::root(&output(kind, job))
        } else {
            [(node as u8).wrapping_mul(KINDS).wrapping_add(kind); 32]
        }
    };
    Trace::truncate_from((0..job.nodes).map(of_node).collect())
}

fn root_of(kind: u8, job: &Job<AccountId>) -> Root {
    athanor_tensor_program::trace_root(&trace(kind, job))
}

fn commitment(id: JobId, key: &AccountId, root: &Root) -> [u8; 32] {
    athanor_primitives::commitment(&ComputeJobs::genesis(), id, key.as_ref(), root, &SALT)
}

/// What a replica owes.
fn due(
    dice: &mut Dice,
    id: JobId,
    job: &Job<AccountId>,
    replica: &Replica<AccountId>,
) -> Option<Act> {
    let key = &replica.worker;
    let lies = dice.one_in(6);
    let kind = u8::from(lies) * (1 + dice.below(2) as u8);
    let reveal = |kind: u8| {
        let root = root_of(kind, job);
        let known = NodeRoots::<Runtime>::contains_key(id, root);
        let trace = if known {
            TraceReveal::Root(root)
        } else {
            TraceReveal::Roots(trace(kind, job))
        };
        let shown = job.terms.inline_output && !known;
        let output = shown.then(|| InlineOutput::truncate_from(output(kind, job)));
        let salt = SALT;
        Act::signed(
            key,
            Call::reveal {
                job: id,
                salt,
                trace,
                output,
            },
        )
    };
    let commit = || {
        let commitment = commitment(id, key, &root_of(kind, job));
        Act::signed(
            key,
            Call::commit {
                job: id,
                commitment,
            },
        )
    };
    match job.status {
        JobStatus::Assigned if !replica.accepted && dice.below(5) > 0 => {
            Some(Act::signed(key, Call::accept { job: id }))
        }
        JobStatus::Assigned | JobStatus::Running if job.terms.policy.reveals_at_once() => {
            Some(reveal(kind))
        }
        JobStatus::Assigned | JobStatus::Running if replica.commitment.is_none() => Some(commit()),
        JobStatus::Revealing if replica.trace_root.is_none() => {
            let of =
                |kind: &u8| replica.commitment == Some(commitment(id, key, &root_of(*kind, job)));
            Some(reveal((0..KINDS).find(of).unwrap_or(0)))
        }
        _ => None,
    }
}

fn all() -> Vec<(JobId, Job<AccountId>)> {
    let mut all: Vec<_> = Jobs::<Runtime>::iter().collect();
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

/// Blocks until something about a job is due.
pub fn deadlines() -> Vec<u32> {
    let now = System::block_number();
    let threads = Threads::<Runtime>::iter_values().map(|thread| thread.deadline);
    Jobs::<Runtime>::iter_values()
        .map(|job| job.deadline)
        .chain(threads)
        .map(|deadline| deadline.saturating_sub(now))
        .collect()
}

fn create(dice: &mut Dice) -> Option<Act> {
    let mut models: Vec<_> = Models::<Runtime>::iter_keys().collect();
    models.sort_unstable();
    let model = dice.pick(&models).copied()?;
    let window = <Runtime as Config>::MinWindow::get() + dice.below(12);
    let audits = [0, 4, 8, 16, 32, 64, 65];
    let policy = match dice.below(8) {
        0..=2 => Policy::Optimistic {
            window,
            audit: dice.pick(&audits).copied().unwrap_or_default(),
        },
        3 => Policy::Optimistic { window, audit: 64 },
        4 => Policy::Replicated {
            n: dice.below(9) as u8,
            quorum: dice.below(9) as u8,
            window,
        },
        5 => Policy::Replicated {
            n: 2,
            quorum: 2,
            window,
        },
        _ => Policy::Replicated {
            n: 3,
            quorum: 2,
            window,
        },
    };
    let terms = JobTerms {
        model,
        input_root: [3; 32],
        batch: 1 + dice.below(4),
        policy,
        max_pay: amount(dice, 20),
        max_wait: 200,
        min_collateral: Balance::from(dice.below(4) / 3) * 50 * UNIT,
        inline_output: dice.one_in(3),
        keep_receipt: dice.one_in(3),
        tip: Balance::from(dice.below(4)) * MILLI_UNIT,
    };
    let requesters = people::rich();
    // Providers ask for work too, now and then.
    let from = if dice.one_in(6) { 0 } else { PROVIDERS };
    let who = dice.pick(requesters.get(from..)?)?;
    Some(Act::signed(who, Call::create_job { terms }))
}

fn opening(dice: &mut Dice, job: &Job<AccountId>) -> Opening {
    let claims: Vec<_> = job.replicas.iter().filter_map(|r| r.trace_root).collect();
    // The node follows from the claim, so that whoever announced can open it again.
    let trace_root = dice.pick(&claims).copied().unwrap_or([1; 32]);
    let last = job.outputs.first().copied().unwrap_or_default();
    Opening {
        trace_root,
        node: last,
        salt: SALT,
    }
}

fn opening_of(id: JobId, job: &Job<AccountId>, thread: &Thread<AccountId>) -> Option<Opening> {
    let ThreadKind::Dispute { announcement, .. } = thread.kind else {
        return None;
    };
    let node = job.outputs.first().copied()?;
    job.replicas
        .iter()
        .filter_map(|replica| replica.trace_root)
        .map(|trace_root| Opening {
            trace_root,
            node,
            salt: SALT,
        })
        .find(|opening| {
            let who = thread.challenger.as_ref();
            opening.announcement(&ComputeJobs::genesis(), who, id) == announcement
        })
}

fn in_thread(dice: &mut Dice) -> Option<Act> {
    let mut threads: Vec<_> = Threads::<Runtime>::iter().collect();
    threads.sort_unstable_by_key(|(job, number, _)| (*job, *number));
    let (id, number, thread) = dice.pick(&threads)?.clone();
    let job = Jobs::<Runtime>::get(id)?;
    if dice.one_in(6) {
        let who = somebody(dice);
        return Some(Act::signed(
            &who,
            Call::poke_thread {
                job: id,
                thread: number,
            },
        ));
    }
    match thread.status {
        ThreadStatus::Announced if dice.below(5) > 0 => {
            let opening = opening_of(id, &job, &thread)?;
            let value = match dice.below(6) {
                0 => Value::Input,
                1 => Value::Constant(0),
                _ => Value::Node(opening.node),
            };
            Some(Act::signed(
                &thread.challenger,
                Call::demand {
                    job: id,
                    thread: number,
                    demand: Demand::First { opening, value },
                },
            ))
        }
        ThreadStatus::Asked => {
            let line = thread.line?;
            let kind = (0..KINDS).find(|kind| root_of(*kind, &job) == line.trace_root)?;
            let kind = if dice.one_in(5) { kind + 1 } else { kind };
            let bytes = AnswerBytes::truncate_from(output(kind, &job));
            let mine: Vec<_> = job
                .replicas
                .iter()
                .filter(|replica| replica.stands_by(&line.trace_root))
                .collect();
            let replica = dice.pick(&mine)?;
            // Some withhold what they are asked for.
            let serves = id % 3 > 0;
            serves.then(|| {
                Act::signed(
                    &replica.worker,
                    Call::answer {
                        job: id,
                        thread: number,
                        bytes,
                    },
                )
            })
        }
        _ => {
            // Abs and Clamp of eight bytes: with these operands kind 0 is right and others are not.
            let opening = opening_of(id, &job, &thread).or(thread.opening)?;
            let len = job.output_len as usize;
            let kind = (0..KINDS).find(|kind| root_of(*kind, &job) == opening.trace_root)?;
            let proof = FraudProof {
                node: opening.node,
                element: dice.below(len as u32).into(),
                witness: None,
                claimed: vec![kind; len],
                operands: vec![vec![0; len]; 1 + dice.below(2) as usize],
            };
            let fresh = thread.opening.is_none();
            Some(Act::signed(
                &thread.challenger,
                Call::challenge {
                    job: id,
                    thread: number,
                    opening: fresh.then_some(opening),
                    proof: proof.into(),
                },
            ))
        }
    }
}

fn dispute(dice: &mut Dice) -> Option<Act> {
    let claimed: Vec<_> = all()
        .into_iter()
        .filter(|(_, job)| job.status == JobStatus::Claimed)
        .collect();
    let (id, job) = dice.pick(&claimed)?.clone();
    if dice.one_in(3) {
        let trace_root = opening(dice, &job).trace_root;
        return Some(Act::signed(
            &job.requester,
            Call::deliver {
                job: id,
                trace_root,
                output: 0,
                piece: dice.below(8) / 7,
            },
        ));
    }
    let who = match dice.pick(&job.replicas) {
        Some(replica) if dice.one_in(2) => replica.worker.clone(),
        _ => somebody(dice),
    };
    let announcement = opening(dice, &job).announcement(&ComputeJobs::genesis(), who.as_ref(), id);
    Some(Act::signed(
        &who,
        Call::announce {
            job: id,
            announcement,
        },
    ))
}

fn provide(dice: &mut Dice) -> Option<Act> {
    let all = people::rich().get(..PROVIDERS)?;
    let who = dice.pick(all)?;
    let record = Providers::<Runtime>::get(who);
    Some(match dice.below(12) {
        _ if record.is_none() => register(who, dice.below(people::WORKERS)),
        0..=3 => {
            let slots = 1 + dice.below(5) as u8;
            let offer = offer(amount(dice, 12), slots);
            Act::signed(who, Call::set_offer { offer })
        }
        4 => Act::signed(who, Call::pause {}),
        5 => Act::signed(who, Call::resume {}),
        6 => Act::signed(who, Call::deregister {}),
        7 => {
            let provider = who.clone();
            Act::signed(&somebody(dice), Call::withdraw { provider })
        }
        8 | 9 => Act::signed(who, Call::unjail {}),
        10 => {
            let amount = amount(dice, 200);
            Act::signed(who, Call::add_bond { amount })
        }
        _ => {
            let worker = people::worker(dice.below(people::WORKERS));
            let consent = consent(who, &worker);
            Act::signed(who, Call::set_worker { worker, consent })
        }
    })
}

/// What can be done for a few blocks only: disputes about claims.
pub fn urgent(dice: &mut Dice) -> Option<Act> {
    in_thread(dice).or_else(|| dispute(dice))
}

/// What happens next.
pub fn next(dice: &mut Dice) -> Vec<Act> {
    let jobs = all();
    let some = dice.pick(&jobs).cloned();
    let act = match dice.below(100) {
        0..=12 => provide(dice),
        13..=27 => create(dice),
        28..=74 => {
            let Some((id, job)) = some else {
                return create(dice).into_iter().collect();
            };
            let mut acts = Vec::new();
            for replica in job.replicas.iter().filter(|replica| replica.is_live()) {
                if !dice.one_in(9) {
                    acts.extend(due(dice, id, &job, replica));
                }
            }
            // Most jobs get on.
            match (job.status, job.draw) {
                (JobStatus::Open | JobStatus::Assigned, Some(draw)) if acts.is_empty() => {
                    let wait = draw.next.saturating_sub(System::block_number());
                    acts.push(Act::Blocks((wait + 1).min(super::MOST_BLOCKS)));
                }
                (JobStatus::Sealed, _) => {
                    let wait = job.deadline.saturating_sub(System::block_number());
                    acts.push(Act::Blocks((wait + 1).min(super::MOST_BLOCKS)));
                }
                _ => {}
            }
            return acts;
        }
        75..=78 => some.map(|(id, _)| Act::signed(&somebody(dice), Call::poke { job: id })),
        79..=80 => some.map(|(id, job)| Act::signed(&job.requester, Call::cancel { job: id })),
        81 => {
            let kept: Vec<_> = Receipts::<Runtime>::iter().collect();
            dice.pick(&kept).map(|(job, receipt)| {
                Act::signed(&receipt.owner, Call::remove_receipt { job: *job })
            })
        }
        82..=88 => dispute(dice),
        _ => in_thread(dice),
    };
    act.into_iter().collect()
}
