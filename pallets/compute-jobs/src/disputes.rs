//! Threads: what challengers announce, ask and prove, what claimants answer, and
//! what requesters let deliver.
//!
//! An open thread keeps its job in `Claimed`, so functions on threads need no
//! `advance` before them. Closing the last one may let the verdict fall.

pub(crate) mod close;
pub(crate) mod try_state;
pub mod types;
pub(crate) mod views;

use crate::{
    Answers, Balance, BlockNumber, Config, Due, Error, Event, Fault, FirstAnswered, HoldReason,
    Job, JobStatus, Jobs, NodeRoots, Pallet, Replica, Threads, Trace,
};
use alloc::{boxed::Box, vec::Vec};
use athanor_content_tree::{chunk_count, verify, Chunks, Error as TreeError, Step, Subtree, CHUNK};
use athanor_primitives::{
    dispute::{MAX_ANSWERS, PIECE_CHUNKS},
    Asked, JobId, ModelRegistry, Opening, Root, ThreadId, Value,
};
use athanor_tensor_program::{
    judge::{judge, Claim, FraudProof, Refused, Verdict, MAX_PROOF_BYTES},
    load, Constant, Operand, Validated,
};
use close::stands;
use codec::Encode;
use frame_support::{
    ensure,
    traits::{
        fungible::Inspect as _,
        tokens::{Fortitude, Preservation},
        Defensive,
    },
    weights::Weight,
};
use sp_runtime::{DispatchError, Permill};
use types::{
    AnswerBytes, Demand, Line, Thread, ThreadEnd, ThreadKind, ThreadStatus, ASKED_EACH,
    MAX_DELIVERIES,
};

/// Share of the highest pay that a thread's bond is at least.
const BOND: Permill = Permill::from_percent(10);

/// A tensor of a claim.
struct Tensor {
    root: Root,
    len: u64,
}

impl<T: Config> Pallet<T> {
    /// Runs `f` on a thread of a live job, and afterwards `advance`. Gives what `f`
    /// does, and the weight of the latter.
    fn with_thread<R>(
        id: JobId,
        thread_id: ThreadId,
        f: impl FnOnce(&mut Job<T::AccountId>, Thread<T::AccountId>) -> Result<R, DispatchError>,
    ) -> Result<(R, Weight), DispatchError> {
        let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        let thread = Threads::<T>::get(id, thread_id).ok_or(Error::<T>::NoSuchThread)?;
        let result = f(&mut job, thread)?;
        let progress = Self::advance(id, &mut job, None);
        Self::keep(id, job, Self::now());
        Ok((result, progress.weight))
    }

    /// Stores a thread, queued for its deadline.
    pub(crate) fn keep_thread(
        id: JobId,
        thread_id: ThreadId,
        mut thread: Thread<T::AccountId>,
        now: BlockNumber,
    ) {
        let due = thread.deadline.max(now.saturating_add(1));
        Self::requeue(Due::Thread(id, thread_id), &mut thread.queued, Some(due));
        Threads::<T>::insert(id, thread_id, thread);
    }

    /// Nodes of a live job's program: what loading it costs grows with them.
    pub(crate) fn nodes_of(id: JobId) -> u32 {
        Jobs::<T>::get(id).map_or(0, |job| job.nodes)
    }

    /// Whether threads may be opened.
    fn in_window(job: &Job<T::AccountId>, now: BlockNumber) -> bool {
        job.status == JobStatus::Claimed && now < job.deadline
    }

    /// Bond of a thread about a job.
    fn thread_bond(job: &Job<T::AccountId>) -> Balance {
        let pays = job.replicas.iter().map(|replica| replica.pay);
        let share = BOND.mul_ceil(pays.max().unwrap_or_default());
        share.max(job.rules.thread_bond)
    }

    /// Place of the replica that `who` signs for, if it may open another thread
    /// without a bond: one for each claim but its own.
    fn free_seat(job: &Job<T::AccountId>, who: &T::AccountId) -> Option<usize> {
        let seat = job.seat_of(who)?;
        let own = job.replicas.get(seat).filter(|own| own.is_standing())?;
        let mut others: Vec<_> = job
            .replicas
            .iter()
            .filter(|other| other.is_standing() && other.trace_root != own.trace_root)
            .filter_map(|other| other.trace_root)
            .collect();
        others.sort_unstable();
        others.dedup();
        (usize::from(own.free_threads) < others.len()).then_some(seat)
    }

    /// Stores a new thread of a job.
    fn open_thread(
        id: JobId,
        job: &mut Job<T::AccountId>,
        thread: Thread<T::AccountId>,
        now: BlockNumber,
    ) -> Result<(), DispatchError> {
        let thread_id = job.next_thread;
        job.next_thread = thread_id.checked_add(1).ok_or(Error::<T>::TooManyThreads)?;
        job.threads = job.threads.saturating_add(1);
        Self::hold(HoldReason::ThreadBond, &thread.challenger, thread.bond)?;
        Self::hold(HoldReason::ThreadBond, &thread.challenger, thread.prepaid)?;
        Self::deposit_event(Event::ThreadOpened {
            job: id,
            thread: thread_id,
            challenger: thread.challenger.clone(),
            kind: thread.kind,
            bond: thread.bond,
            deadline: thread.deadline,
        });
        if thread.status == ThreadStatus::Asked {
            Self::ask(id, job, thread_id, thread, now);
        } else {
            Self::keep_thread(id, thread_id, thread, now);
        }
        Ok(())
    }

    /// Puts a thread into `Asked` and stores it. Its line must be set, its answer paid.
    fn ask(
        id: JobId,
        job: &mut Job<T::AccountId>,
        thread_id: ThreadId,
        mut thread: Thread<T::AccountId>,
        now: BlockNumber,
    ) {
        let claim = thread.trace_root();
        let others = job
            .replicas
            .iter()
            .find(|replica| replica.trace_root == claim)
            .map_or(0, |replica| replica.asking);
        thread.status = ThreadStatus::Asked;
        thread.deadline = now
            .saturating_add(job.rules.asked_for)
            .saturating_add(others.saturating_mul(ASKED_EACH));
        Self::count_asking(job, &thread, true);
        if let Some(line) = thread.line {
            Self::deposit_event(Event::DataDemanded {
                job: id,
                thread: thread_id,
                trace_root: line.trace_root,
                value: line.value,
                asked: line.asked,
                deadline: thread.deadline,
            });
        }
        Self::keep_thread(id, thread_id, thread, now);
    }

    pub(crate) fn do_announce(
        challenger: T::AccountId,
        id: JobId,
        announcement: [u8; 32],
    ) -> Result<Weight, DispatchError> {
        Self::with_job(id, |job| {
            let now = Self::now();
            ensure!(Self::in_window(job, now), Error::<T>::UnexpectedStatus);
            let seat = Self::free_seat(job, &challenger);
            let bond = match seat.and_then(|seat| job.replicas.get_mut(seat)) {
                Some(replica) => {
                    replica.free_threads = replica.free_threads.saturating_add(1);
                    0
                }
                None => Self::thread_bond(job),
            };
            let deadline = now.saturating_add(job.rules.announced_for);
            let thread = Thread {
                challenger,
                kind: ThreadKind::Dispute {
                    announcement,
                    since: now,
                },
                status: ThreadStatus::Announced,
                deadline,
                bond,
                prepaid: 0,
                opening: None,
                line: None,
                answers: 0,
                queued: None,
            };
            Self::open_thread(id, job, thread, now)
        })
    }

    /// Shows what a thread announced. Gives the claimed trace.
    fn open_announcement(
        id: JobId,
        job: &Job<T::AccountId>,
        thread: &mut Thread<T::AccountId>,
        opening: Opening,
        now: BlockNumber,
    ) -> Result<Trace, DispatchError> {
        let ThreadKind::Dispute {
            announcement,
            since,
        } = thread.kind
        else {
            return Err(Error::<T>::UnexpectedStatus.into());
        };
        let from = since.saturating_add(job.rules.announce_blocks);
        ensure!(now >= from, Error::<T>::AnnouncementTooYoung);
        let challenger: [u8; 32] = thread.challenger.clone().into();
        ensure!(
            opening.announcement(&Self::genesis(), &challenger, id) == announcement,
            Error::<T>::AnnouncementMismatch
        );
        let trace = NodeRoots::<T>::get(id, opening.trace_root).ok_or(Error::<T>::NoSuchClaim)?;
        thread.opening = Some(opening);
        Ok(trace)
    }

    /// The program of a job, and its model's weights.
    fn program_of(job: &Job<T::AccountId>) -> Result<(Validated, Vec<Root>), Error<T>> {
        let bytes = T::Models::program(job.terms.model)
            .defensive()
            .ok_or(Error::<T>::UnknownModel)?;
        let program = load(&bytes).map_err(|_| Error::<T>::UnknownModel)?;
        let weights = T::Models::weights(job.terms.model).ok_or(Error::<T>::UnknownModel)?;
        Ok((program, weights))
    }

    /// Judges a proof in a thread. Gives the weight of what followed, and whether the
    /// claim was convicted.
    pub(crate) fn do_challenge(
        challenger: T::AccountId,
        id: JobId,
        thread_id: ThreadId,
        opening: Option<Opening>,
        proof: Box<FraudProof>,
    ) -> Result<(Convicted, Weight), DispatchError> {
        Self::with_thread(id, thread_id, |job, mut thread| {
            let now = Self::now();
            ensure!(thread.challenger == challenger, Error::<T>::NotChallenger);
            ensure!(now < thread.deadline, Error::<T>::UnexpectedStatus);
            let trace = match (thread.status, thread.opening, opening) {
                (ThreadStatus::Announced, _, Some(opening)) => {
                    Self::open_announcement(id, job, &mut thread, opening, now)?
                }
                (ThreadStatus::Announced, _, None) => {
                    return Err(Error::<T>::OpeningMissing.into());
                }
                (ThreadStatus::Answered, Some(_), Some(_)) => {
                    return Err(Error::<T>::AlreadyOpened.into());
                }
                (ThreadStatus::Answered, Some(opened), None) => {
                    NodeRoots::<T>::get(id, opened.trace_root).ok_or(Error::<T>::NoSuchClaim)?
                }
                _ => return Err(Error::<T>::UnexpectedStatus.into()),
            };
            let opening = thread.opening.ok_or(Error::<T>::OpeningMissing)?;
            if !stands(job, &opening.trace_root) {
                Self::close_thread(id, job, thread_id, thread, ThreadEnd::Moot);
                return Ok(Convicted::Before);
            }
            ensure!(proof.node == opening.node, Error::<T>::WrongNode);
            ensure!(
                proof.encoded_size() <= MAX_PROOF_BYTES,
                Error::<T>::ProofTooLong
            );
            let (program, weights) = Self::program_of(job)?;
            let claim = Claim {
                batch: job.terms.batch,
                input: &job.terms.input_root,
                weights: &weights,
                trace: &trace,
            };
            let verdict = judge(&program, &claim, &proof).map_err(Error::<T>::from)?;
            ensure!(verdict == Verdict::Convicted, Error::<T>::ProofHarmless);
            let fault = Fault::FraudProven;
            Self::strike_claim(id, job, opening.trace_root, &thread, fault, now);
            Self::close_thread(id, job, thread_id, thread, ThreadEnd::Convicted);
            Ok(Convicted::Now)
        })
    }

    /// The tensor a first demand is about: the announced node or one of its operands.
    fn tensor(
        job: &Job<T::AccountId>,
        trace: &Trace,
        node: u16,
        value: Value,
    ) -> Result<Tensor, Error<T>> {
        let (program, weights) = Self::program_of(job)?;
        let batch = job.terms.batch;
        let operands = match program.program().nodes.get(usize::from(node)) {
            Some(node) => &node.operands,
            None => return Err(Error::<T>::NoSuchNode),
        };
        let output = |index: u16| {
            let index = usize::from(index);
            let root = *trace.get(index)?;
            let len = program.node_len(index, batch)?;
            Some(Tensor { root, len })
        };
        let tensor = match value {
            Value::Node(index) if index == node => output(index),
            Value::Node(index) if operands.contains(&Operand::Node(index)) => output(index),
            Value::Input
                if operands
                    .iter()
                    .any(|operand| matches!(operand, Operand::Input(_))) =>
            {
                program.input_len(batch).map(|len| Tensor {
                    root: job.terms.input_root,
                    len,
                })
            }
            Value::Constant(wanted) => operands.iter().find_map(|operand| {
                let Operand::Const(index) = operand else {
                    return None;
                };
                let index = usize::from(*index);
                let place = program.root_constant_index(index)?;
                let Constant::Root { ty } = program.program().constants.get(index)? else {
                    return None;
                };
                (place == usize::from(wanted)).then_some(Tensor {
                    root: *weights.get(place)?,
                    len: ty.bytes()?,
                })
            }),
            _ => None,
        };
        tensor.ok_or(Error::<T>::NotAnOperand)
    }

    /// Asks for data in a thread. Gives the weight of what followed.
    pub(crate) fn do_demand(
        challenger: T::AccountId,
        id: JobId,
        thread_id: ThreadId,
        demand: Demand,
    ) -> Result<Weight, DispatchError> {
        let ((), spent) = Self::with_thread(id, thread_id, |job, mut thread| {
            let now = Self::now();
            ensure!(thread.challenger == challenger, Error::<T>::NotChallenger);
            ensure!(now < thread.deadline, Error::<T>::UnexpectedStatus);
            let (line, next) = match (thread.status, thread.line, demand) {
                (ThreadStatus::Announced, _, Demand::First { opening, value }) => {
                    let trace = Self::open_announcement(id, job, &mut thread, opening, now)?;
                    if !stands(job, &opening.trace_root) {
                        Self::close_thread(id, job, thread_id, thread, ThreadEnd::Moot);
                        return Ok(());
                    }
                    let Tensor { root, len } = Self::tensor(job, &trace, opening.node, value)?;
                    let whole = Subtree::whole(root, len);
                    let line = Line {
                        trace_root: opening.trace_root,
                        value,
                        root,
                        len,
                        asked: asked(&whole),
                    };
                    (line, whole)
                }
                (ThreadStatus::Announced, _, Demand::Next { .. }) => {
                    return Err(Error::<T>::OpeningMissing.into());
                }
                (ThreadStatus::Answered, Some(line), demand) if thread.opening.is_some() => {
                    let Demand::Next {
                        group,
                        value,
                        siblings,
                    } = demand
                    else {
                        return Err(Error::<T>::AlreadyOpened.into());
                    };
                    if !stands(job, &line.trace_root) {
                        Self::close_thread(id, job, thread_id, thread, ThreadEnd::Moot);
                        return Ok(());
                    }
                    ensure!(thread.answers < MAX_ANSWERS, Error::<T>::TooManyAnswers);
                    let current = subtree(&line).ok_or(Error::<T>::NoSuchGroup)?;
                    let step = Step {
                        group,
                        value,
                        siblings: siblings.into_inner(),
                    };
                    let next = current.descend(&step).map_err(|error| match error {
                        TreeError::NoSuchGroup { .. } => Error::<T>::NoSuchGroup,
                        TreeError::WrongPathLength { .. } => Error::<T>::WrongPathLength,
                        _ => Error::<T>::DemandMismatch,
                    })?;
                    (line, next)
                }
                _ => return Err(Error::<T>::UnexpectedStatus.into()),
            };
            thread.line = Some(Line {
                asked: asked(&next),
                ..line
            });
            thread.prepaid = job.rules.answer_price;
            Self::hold(HoldReason::ThreadBond, &challenger, thread.prepaid)?;
            Self::ask(id, job, thread_id, thread, now);
            Ok(())
        })?;
        Ok(spent)
    }

    /// Answers what a thread asks. Gives the weight of what followed.
    pub(crate) fn do_answer(
        worker: T::AccountId,
        id: JobId,
        thread_id: ThreadId,
        bytes: AnswerBytes,
    ) -> Result<Weight, DispatchError> {
        let ((), spent) = Self::with_thread(id, thread_id, |job, mut thread| {
            let now = Self::now();
            ensure!(
                thread.status == ThreadStatus::Asked && now < thread.deadline,
                Error::<T>::UnexpectedStatus
            );
            let line = thread.line.ok_or(Error::<T>::UnexpectedStatus)?;
            let is_claimant = |replica: &Replica<T::AccountId>| {
                replica.worker == worker && replica.stands_by(&line.trace_root)
            };
            ensure!(
                job.replicas.iter().any(is_claimant),
                Error::<T>::NotClaimant
            );
            check(&line, &bytes).map_err(|error| match error {
                TreeError::WrongAnswerLength { .. } | TreeError::WrongProofLength { .. } => {
                    Error::<T>::WrongAnswerLength
                }
                _ => Error::<T>::AnswerMismatch,
            })?;
            Self::count_asking(job, &thread, false);
            Answers::<T>::insert((id, thread_id, thread.answers), bytes);
            thread.answers = thread.answers.saturating_add(1);
            thread.status = ThreadStatus::Answered;
            thread.deadline = now.saturating_add(job.rules.answered_for);
            let price = core::mem::take(&mut thread.prepaid);
            Self::move_held(HoldReason::ThreadBond, &thread.challenger, &worker, price);
            if let Some(opening) = &thread.opening {
                let key = (id, opening.trace_root, opening.node);
                if !FirstAnswered::<T>::contains_key(key) {
                    FirstAnswered::<T>::insert(key, thread_id);
                }
            }
            Self::deposit_event(Event::DataAnswered {
                job: id,
                thread: thread_id,
                worker,
                deadline: thread.deadline,
            });
            Self::keep_thread(id, thread_id, thread, now);
            Ok(())
        })?;
        Ok(spent)
    }

    /// Asks for a piece of the output.
    pub(crate) fn do_deliver(
        requester: T::AccountId,
        id: JobId,
        trace_root: Root,
        output: u8,
        piece: u32,
    ) -> Result<Weight, DispatchError> {
        Self::with_job(id, |job| {
            let now = Self::now();
            ensure!(job.requester == requester, Error::<T>::NotRequester);
            ensure!(Self::in_window(job, now), Error::<T>::UnexpectedStatus);
            ensure!(
                job.deliveries < MAX_DELIVERIES,
                Error::<T>::TooManyDeliveries
            );
            let trace = NodeRoots::<T>::get(id, trace_root).ok_or(Error::<T>::NoSuchClaim)?;
            ensure!(stands(job, &trace_root), Error::<T>::ClaimStruck);
            let node = *job
                .outputs
                .get(usize::from(output))
                .ok_or(Error::<T>::NoSuchPiece)?;
            let Tensor { root, len } = Self::tensor(job, &trace, node, Value::Node(node))?;
            let start = u64::from(piece).saturating_mul(PIECE_CHUNKS);
            let count = chunk_count(len).saturating_sub(start).min(PIECE_CHUNKS);
            ensure!(count > 0, Error::<T>::NoSuchPiece);
            job.deliveries = job.deliveries.saturating_add(1);
            let thread = Thread {
                challenger: requester,
                kind: ThreadKind::Delivery { output, piece },
                status: ThreadStatus::Asked,
                deadline: now,
                bond: 0,
                prepaid: job.rules.answer_price,
                opening: None,
                line: Some(Line {
                    trace_root,
                    value: Value::Node(node),
                    root,
                    len,
                    asked: Asked::Slice { start, count },
                }),
                answers: 0,
                queued: None,
            };
            Self::open_thread(id, job, thread, now)
        })
    }

    /// Does what is due for a thread. A requester need not wait to close a delivery
    /// that was answered. Gives the weight of what followed.
    pub(crate) fn do_poke_thread(
        who: T::AccountId,
        id: JobId,
        thread_id: ThreadId,
    ) -> Result<Weight, DispatchError> {
        let ((), spent) = Self::with_thread(id, thread_id, |job, thread| {
            let now = Self::now();
            let taken = thread.status == ThreadStatus::Answered
                && matches!(thread.kind, ThreadKind::Delivery { .. })
                && thread.challenger == who;
            if taken {
                Self::close_thread(id, job, thread_id, thread, ThreadEnd::Delivered);
                return Ok(());
            }
            let closed = Self::settle_thread(id, job, thread_id, thread, now);
            ensure!(closed, Error::<T>::NothingDue);
            Ok(())
        })?;
        Ok(spent)
    }

    /// Whether `who` has the bond of a thread about this job, or needs none, and
    /// threads may be opened: who may use the room of operational calls to announce.
    pub fn may_announce(who: &T::AccountId, id: JobId) -> bool {
        Jobs::<T>::get(id).is_some_and(|job| {
            let next = Self::now().saturating_add(1);
            let covered = || {
                T::Currency::reducible_balance(who, Preservation::Protect, Fortitude::Polite)
                    >= Self::thread_bond(&job)
            };
            Self::in_window(&job, next) && (Self::free_seat(&job, who).is_some() || covered())
        })
    }

    /// Whether it is `who`'s turn in this thread: who may use the room of operational
    /// calls to challenge and demand.
    pub fn may_dispute(who: &T::AccountId, id: JobId, thread: ThreadId) -> bool {
        Threads::<T>::get(id, thread).is_some_and(|thread| {
            thread.challenger == *who
                && thread.status != ThreadStatus::Asked
                && matches!(thread.kind, ThreadKind::Dispute { .. })
                && Self::now() < thread.deadline
        })
    }
}

/// What a proof came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Convicted {
    /// It convicts the claim.
    Now,
    /// The claim had been struck; the proof was not looked at.
    Before,
}

fn asked(subtree: &Subtree) -> Asked {
    Asked::Subtree {
        start: subtree.start(),
        count: subtree.count(),
        value: subtree.value(),
    }
}

/// What a thread's line asked for last.
fn subtree(line: &Line) -> Option<Subtree> {
    let Asked::Subtree {
        start,
        count,
        value,
    } = line.asked
    else {
        return None;
    };
    Subtree::new(line.len, start, count, value).ok()
}

/// Checks an answer against what was asked.
fn check(line: &Line, bytes: &[u8]) -> Result<(), TreeError> {
    match line.asked {
        Asked::Subtree {
            start,
            count,
            value,
        } => Subtree::new(line.len, start, count, value)?.check(bytes),
        Asked::Slice { start, count } => {
            let from = start.saturating_mul(CHUNK as u64);
            let to = start
                .saturating_add(count)
                .saturating_mul(CHUNK as u64)
                .min(line.len);
            let chunks = Chunks::from_ranges(line.len, core::iter::once(from..to))?;
            verify(&line.root, line.len, &chunks, bytes).map(|_| ())
        }
    }
}

impl<T: Config> From<Refused> for Error<T> {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooLong => Error::ProofTooLong,
            Refused::NoSuchNode => Error::NoSuchNode,
            Refused::NoSuchElement => Error::NoSuchElement,
            Refused::OperandCount => Error::WrongOperandCount,
            Refused::Witness => Error::BadWitness,
            Refused::ClaimedSlice => Error::BadClaimedSlice,
            Refused::OperandSlice { .. } => Error::BadOperandSlice,
            _ => Error::NotJudged,
        }
    }
}
