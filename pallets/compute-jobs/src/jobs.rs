//! Creating a job, and what requester and workers do with it. Every function on a
//! live job runs `advance` before and after.

use crate::{
    draw, Audit, Balance, BlockNumber, Config, Draw, Error, Event, HoldReason, InlineOutput, Job,
    JobStatus, JobTerms, Jobs, NextJobId, NodeRoots, Pallet, Policy, Providers, Purpose, Receipts,
    Rules, TraceReveal, WeightInfo, MAX_INLINE, MAX_REPLICAS,
};
use athanor_primitives::{commitment, JobId, ModelQuote, ModelRegistry, Root};
use frame_support::{
    ensure,
    traits::{Defensive, Get},
    weights::Weight,
    BoundedVec,
};
use sp_runtime::{traits::Zero, DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    /// Hash of the genesis block, which commitments and seeds are bound to.
    pub fn genesis() -> [u8; 32] {
        let hash = frame_system::Pallet::<T>::block_hash(
            frame_system::pallet_prelude::BlockNumberFor::<T>::zero(),
        );
        let mut bytes = [0u8; 32];
        for (to, from) in bytes.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        bytes
    }

    /// The constants a job created now is held to.
    pub(crate) fn rules(high_value: bool) -> Rules {
        Rules {
            open_for: if high_value {
                T::OpenForHighValue::get()
            } else {
                T::OpenFor::get()
            },
            round_blocks: T::RoundBlocks::get(),
            accept_base: T::AcceptBase::get(),
            work_base: T::WorkBase::get(),
            seal_blocks: T::SealBlocks::get(),
            reveal_blocks: T::RevealBlocks::get(),
            min_window: T::MinWindow::get(),
            block_time: T::BlockTimeMs::get(),
            min_collateral: T::MinCollateral::get(),
            fee: T::ProtocolFee::get(),
            float: T::WorkerFloat::get(),
            poke_reward: T::PokeReward::get(),
            announce_blocks: T::AnnounceBlocks::get(),
            announced_for: T::AnnouncedFor::get(),
            asked_for: T::AskedFor::get(),
            answered_for: T::AnsweredFor::get(),
            thread_bond: T::ThreadBond::get(),
            answer_price: T::AnswerPrice::get(),
        }
    }

    /// Refuses a wait that no offer could keep to, or that is longer than all may be held up.
    pub(crate) fn check_max_wait(max_wait: BlockNumber) -> Result<(), Error<T>> {
        ensure!(
            (T::WorkBase::get()..=T::MaxWait::get()).contains(&max_wait),
            Error::<T>::BadMaxWait
        );
        Ok(())
    }

    /// Refuses a policy the chain does not run.
    pub(crate) fn check_policy(policy: &Policy) -> Result<(), Error<T>> {
        match policy {
            Policy::Replicated { n, quorum, .. } => {
                let most = quorum.checked_mul(2).is_some_and(|twice| twice > *n);
                ensure!(
                    (1..=MAX_REPLICAS).contains(n) && quorum <= n && most,
                    Error::<T>::BadQuorum
                );
            }
            Policy::Optimistic { audit, .. } => ensure!(
                matches!(audit, 0 | 4 | 8 | 16 | 32 | 64),
                Error::<T>::BadAuditRate
            ),
        }
        let window = policy.window();
        ensure!(
            window >= T::MinWindow::get() && window <= T::MaxWindow::get(),
            Error::<T>::BadWindow
        );
        Ok(())
    }

    /// What a requester stands to lose if nobody can run its job: so much for each
    /// provider drawn at first. `None` on overflow.
    pub(crate) fn stake(policy: &Policy) -> Option<Balance> {
        T::SeatStake::get().checked_mul(policy.replicas().into())
    }

    /// A draw that counts from block `from` on, or the block that is running.
    pub(crate) fn new_draw(job: &Job<T::AccountId>, purpose: Purpose, want: u8) -> Draw {
        let now = Self::now();
        let high_value = job.is_high_value(T::HighValue::get());
        Draw {
            purpose,
            from: now,
            round: 0,
            want,
            next: now.saturating_add(draw::SEEDS_PER_ROUND).saturating_add(1),
            epoch: T::EpochRandomness::get()
                .filter(|_| high_value)
                .map(|(epoch, _)| epoch),
        }
    }

    pub(crate) fn do_create_job(requester: T::AccountId, terms: JobTerms) -> DispatchResult {
        Self::check_policy(&terms.policy)?;
        Self::check_max_wait(terms.max_wait)?;
        let ModelQuote {
            program_hash,
            cost,
            memory,
            output_len,
            nodes,
            outputs,
            ..
        } = T::Models::quote(terms.model, terms.batch).ok_or(Error::<T>::UnknownModel)?;
        let outputs = BoundedVec::try_from(outputs).map_err(|_| Error::<T>::UnknownModel)?;
        if terms.inline_output {
            ensure!(
                outputs.len() == 1 && output_len <= MAX_INLINE.into(),
                Error::<T>::OutputNotInline
            );
        }
        let budget = terms
            .max_pay
            .checked_mul(terms.policy.replicas().into())
            .ok_or(Error::<T>::BudgetOverflow)?;
        let premium = terms
            .policy
            .premium(terms.max_pay)
            .ok_or(Error::<T>::BudgetOverflow)?;
        let stake = Self::stake(&terms.policy).ok_or(Error::<T>::BudgetOverflow)?;
        let held = budget
            .checked_add(premium)
            .and_then(|sum| sum.checked_add(stake))
            .and_then(|sum| sum.checked_add(terms.tip))
            .ok_or(Error::<T>::BudgetOverflow)?;
        let high_value = budget >= T::HighValue::get() && T::EpochRandomness::get().is_some();
        let rules = Self::rules(high_value);
        let now = Self::now();
        let id = NextJobId::<T>::get();
        let next = id.checked_add(1).ok_or(Error::<T>::TooManyJobs)?;
        let deposit = if terms.keep_receipt {
            T::ReceiptDeposit::get()
        } else {
            0
        };
        Self::hold(HoldReason::JobBudget, &requester, held)?;
        Self::hold(HoldReason::Deposit, &requester, deposit)?;
        T::Models::acquire(terms.model);
        NextJobId::<T>::put(next);
        let mut job = Job {
            requester: requester.clone(),
            program_hash,
            cost,
            memory,
            output_len,
            nodes,
            outputs,
            rules,
            created: now,
            status: JobStatus::Open,
            deadline: now.saturating_add(rules.open_for),
            draw: None,
            audit: if terms.policy.audit() > 0 {
                Audit::Ahead
            } else {
                Audit::None
            },
            redraws: 0,
            replicas: BoundedVec::new(),
            released: BoundedVec::new(),
            budget,
            premium,
            stake,
            tip: terms.tip,
            deposit,
            work_blocks: 0,
            threads: 0,
            next_thread: 0,
            deliveries: 0,
            convictions: BoundedVec::new(),
            queued: None,
            terms,
        };
        job.draw = Some(Self::new_draw(
            &job,
            Purpose::Assign,
            job.terms.policy.replicas(),
        ));
        Self::deposit_event(Event::JobCreated {
            job: id,
            requester,
            model: job.terms.model,
            held,
            deadline: job.deadline,
        });
        Self::keep(id, job, now);
        Ok(())
    }

    /// Runs `f` on a live job between two rounds of `advance`. Gives the weight of
    /// these.
    pub(crate) fn with_job(
        id: JobId,
        f: impl FnOnce(&mut Job<T::AccountId>) -> DispatchResult,
    ) -> Result<Weight, DispatchError> {
        let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        let before = Self::advance(id, &mut job, None);
        ensure!(!job.status.is_final(), Error::<T>::UnexpectedStatus);
        f(&mut job)?;
        let after = Self::advance(id, &mut job, None);
        Self::keep(id, job, Self::now());
        Ok(before
            .weight
            .saturating_add(after.weight)
            .saturating_add(T::WeightInfo::queue_job()))
    }

    pub(crate) fn do_cancel(requester: T::AccountId, id: JobId) -> Result<Weight, DispatchError> {
        Self::with_job(id, |job| {
            ensure!(job.requester == requester, Error::<T>::NotRequester);
            ensure!(job.status == JobStatus::Open, Error::<T>::UnexpectedStatus);
            Self::end_unassigned(id, job, JobStatus::Cancelled);
            Ok(())
        })
    }

    pub(crate) fn do_accept(worker: T::AccountId, id: JobId) -> Result<Weight, DispatchError> {
        Self::with_job(id, |job| {
            let seat = job.seat_of(&worker).ok_or(Error::<T>::NotAssigned)?;
            ensure!(
                job.status == JobStatus::Assigned,
                Error::<T>::UnexpectedStatus
            );
            let replica = job.replicas.get_mut(seat).ok_or(Error::<T>::NotAssigned)?;
            ensure!(!replica.accepted, Error::<T>::AlreadyAccepted);
            Self::note_accepted(id, job, seat);
            Ok(())
        })
    }

    /// Marks a replica accepted, which counts earlier releases of the job against
    /// those released.
    fn note_accepted(id: JobId, job: &mut Job<T::AccountId>, seat: usize) {
        let Some(replica) = job.replicas.get_mut(seat) else {
            return;
        };
        replica.accepted = true;
        let provider = replica.provider.clone();
        Providers::<T>::mutate_extant(&provider, |record| record.releases_in_a_row = 0);
        Self::deposit_event(Event::ReplicaAccepted { job: id, provider });
        Self::count_releases(job);
    }

    pub(crate) fn do_commit(
        worker: T::AccountId,
        id: JobId,
        commitment: [u8; 32],
    ) -> Result<Weight, DispatchError> {
        Self::with_job(id, |job| {
            let seat = job.seat_of(&worker).ok_or(Error::<T>::NotAssigned)?;
            ensure!(
                matches!(job.status, JobStatus::Assigned | JobStatus::Running),
                Error::<T>::UnexpectedStatus
            );
            let replica = job.replicas.get_mut(seat).ok_or(Error::<T>::NotAssigned)?;
            ensure!(replica.commitment.is_none(), Error::<T>::AlreadyCommitted);
            replica.commitment = Some(commitment);
            let provider = replica.provider.clone();
            if !replica.accepted {
                Self::note_accepted(id, job, seat);
            }
            Self::deposit_event(Event::ReplicaCommitted {
                job: id,
                provider,
                commitment,
            });
            Ok(())
        })
    }

    pub(crate) fn do_reveal(
        worker: T::AccountId,
        id: JobId,
        salt: [u8; 32],
        trace: TraceReveal,
        output: Option<InlineOutput>,
    ) -> Result<Weight, DispatchError> {
        Self::with_job(id, |job| {
            let seat = job.seat_of(&worker).ok_or(Error::<T>::NotAssigned)?;
            let replica = job.replicas.get_mut(seat).ok_or(Error::<T>::NotAssigned)?;
            let at_once = job.status == JobStatus::Running && job.terms.policy.reveals_at_once();
            if job.status == JobStatus::Running && !at_once {
                return Err(match replica.commitment {
                    Some(_) => Error::<T>::UnexpectedStatus.into(),
                    None => Error::<T>::NotCommitted.into(),
                });
            }
            ensure!(
                at_once || matches!(job.status, JobStatus::Revealing | JobStatus::Claimed),
                Error::<T>::UnexpectedStatus
            );
            ensure!(replica.trace_root.is_none(), Error::<T>::AlreadyRevealed);
            ensure!(
                job.status != JobStatus::Claimed,
                Error::<T>::UnexpectedStatus
            );

            let (trace_root, roots, is_new) = match trace {
                TraceReveal::Roots(roots) => {
                    ensure!(
                        roots.len() == job.nodes as usize,
                        Error::<T>::WrongTraceLength
                    );
                    let root = athanor_tensor_program::trace_root(&roots);
                    let is_new = !NodeRoots::<T>::contains_key(id, root);
                    (root, roots, is_new)
                }
                TraceReveal::Root(root) => {
                    let roots = NodeRoots::<T>::get(id, root).ok_or(Error::<T>::UnknownTrace)?;
                    (root, roots, false)
                }
            };
            if let Some(committed) = replica.commitment {
                let key: [u8; 32] = worker.clone().into();
                let given = commitment(&Self::genesis(), id, &key, &trace_root, &salt);
                ensure!(given == committed, Error::<T>::CommitmentMismatch);
            } else {
                ensure!(at_once, Error::<T>::NotCommitted);
            }
            let output_root = athanor_tensor_program::output_root(&job.outputs, &roots)
                .ok_or(Error::<T>::WrongTraceLength)?;
            match &output {
                Some(bytes) => {
                    ensure!(job.terms.inline_output, Error::<T>::OutputNotWanted);
                    ensure!(
                        u64::try_from(bytes.len()) == Ok(job.output_len)
                            && athanor_content_tree::root(bytes) == output_root,
                        Error::<T>::OutputMismatch
                    );
                }
                None => ensure!(
                    !(job.terms.inline_output && is_new),
                    Error::<T>::OutputMissing
                ),
            }
            replica.trace_root = Some(trace_root);
            let provider = replica.provider.clone();
            if is_new {
                NodeRoots::<T>::insert(id, trace_root, roots);
            }
            Self::deposit_event(Event::ReplicaRevealed {
                job: id,
                provider,
                trace_root,
                output_root,
                // Replicas that reveal in the same block all bring it.
                output: output.filter(|_| is_new),
            });
            Ok(())
        })
    }

    pub(crate) fn do_poke(poker: T::AccountId, id: JobId) -> Result<Weight, DispatchError> {
        let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        let progress = Self::advance(id, &mut job, Some(&poker));
        ensure!(progress.moved, Error::<T>::NothingDue);
        Self::keep(id, job, Self::now());
        Ok(progress.weight.saturating_add(T::WeightInfo::queue_job()))
    }

    pub(crate) fn do_remove_receipt(owner: T::AccountId, id: JobId) -> DispatchResult {
        let receipt = Receipts::<T>::get(id).ok_or(Error::<T>::NoSuchReceipt)?;
        ensure!(receipt.owner == owner, Error::<T>::NotReceiptOwner);
        Receipts::<T>::remove(id);
        Self::give_back(HoldReason::Deposit, &owner, receipt.deposit);
        Self::deposit_event(Event::ReceiptRemoved { job: id });
        Ok(())
    }

    /// Root of the output that a revealed trace implies.
    pub(crate) fn output_root_of(
        id: JobId,
        job: &Job<T::AccountId>,
        trace_root: &Root,
    ) -> Option<Root> {
        let roots = NodeRoots::<T>::get(id, trace_root).defensive()?;
        athanor_tensor_program::output_root(&job.outputs, &roots)
    }
}
