//! The end of a thread, and of a claim.

use crate::{
    Answers, Balance, BlockNumber, Config, Conviction, Due, Event, Fault, FirstAnswered,
    HoldReason, Job, Pallet, Replica, Thread, ThreadEnd, ThreadKind, ThreadStatus, Threads,
};
use alloc::vec::Vec;
use athanor_primitives::{JobId, Root, ThreadId};
use frame_support::defensive;
use sp_runtime::Permill;

/// Share of the collateral that goes to whoever shows a claim to be false.
const REWARD: Permill = Permill::from_percent(40);

/// Whether anybody stands by a trace.
pub(crate) fn stands<AccountId>(job: &Job<AccountId>, trace_root: &Root) -> bool {
    job.replicas
        .iter()
        .any(|replica| replica.stands_by(trace_root))
}

impl<T: Config> Pallet<T> {
    /// Does what time, or the end of its claim, demands of a thread. The thread is
    /// stored again if it stays open. Gives whether it was closed.
    pub(crate) fn settle_thread(
        id: JobId,
        job: &mut Job<T::AccountId>,
        thread_id: ThreadId,
        thread: Thread<T::AccountId>,
        now: BlockNumber,
    ) -> bool {
        let claim = thread.trace_root();
        let moot = match &claim {
            Some(root) => !stands(job, root),
            None => !job.stands(),
        };
        let end = if moot {
            ThreadEnd::Moot
        } else if now < thread.deadline {
            Self::keep_thread(id, thread_id, thread, now);
            return false;
        } else {
            match (thread.status, thread.kind) {
                (ThreadStatus::Asked, _) => ThreadEnd::Withheld,
                (_, ThreadKind::Delivery { .. }) => ThreadEnd::Delivered,
                (_, ThreadKind::Dispute { .. }) => ThreadEnd::Lapsed,
            }
        };
        if let (ThreadEnd::Withheld, Some(root)) = (end, claim) {
            Self::strike_claim(id, job, root, &thread, Fault::DataWithheld, now);
        }
        Self::close_thread(id, job, thread_id, thread, end);
        true
    }

    /// Strikes every replica of a trace, for what `thread` has shown.
    pub(crate) fn strike_claim(
        id: JobId,
        job: &mut Job<T::AccountId>,
        trace_root: Root,
        thread: &Thread<T::AccountId>,
        fault: Fault,
        now: BlockNumber,
    ) {
        let asker = thread
            .opening
            .and_then(|opening| FirstAnswered::<T>::get((id, trace_root, opening.node)))
            .and_then(|first| Threads::<T>::get(id, first))
            .map(|first| first.challenger);
        let prover = thread.challenger.clone();
        let conviction = Conviction {
            trace_root,
            asker: asker.unwrap_or_else(|| prover.clone()),
            prover,
        };
        Self::deposit_event(Event::ClaimStruck {
            job: id,
            trace_root,
            fault,
            prover: conviction.prover.clone(),
            asker: conviction.asker.clone(),
        });
        if job.convictions.try_push(conviction).is_err() {
            defensive!("more claims struck than there are seats");
        }
        for replica in job.replicas.iter_mut() {
            if replica.stands_by(&trace_root) {
                Self::strike(id, replica, fault, now);
            }
        }
    }

    /// Removes a thread and all that state holds for it. Its bond returns, unless it
    /// lapsed: then half goes to those it kept waiting, and half to the treasury.
    pub(crate) fn close_thread(
        id: JobId,
        job: &mut Job<T::AccountId>,
        thread_id: ThreadId,
        mut thread: Thread<T::AccountId>,
        end: ThreadEnd,
    ) {
        if thread.status == ThreadStatus::Asked {
            Self::count_asking(job, &thread, false);
        }
        for answer in 0..thread.answers {
            Answers::<T>::remove((id, thread_id, answer));
        }
        if let Some(opening) = &thread.opening {
            let key = (id, opening.trace_root, opening.node);
            if FirstAnswered::<T>::get(key) == Some(thread_id) {
                FirstAnswered::<T>::remove(key);
            }
        }
        Self::requeue(Due::Thread(id, thread_id), &mut thread.queued, None);
        Threads::<T>::remove(id, thread_id);
        job.threads = job.threads.saturating_sub(1);
        Self::give_back(HoldReason::ThreadBond, &thread.challenger, thread.prepaid);
        let lost = if end == ThreadEnd::Lapsed {
            Self::forfeit(job, &thread);
            thread.bond
        } else {
            Self::give_back(HoldReason::ThreadBond, &thread.challenger, thread.bond);
            0
        };
        Self::deposit_event(Event::ThreadClosed {
            job: id,
            thread: thread_id,
            end,
            lost,
        });
    }

    /// Shares the bond of a lapsed thread out.
    fn forfeit(job: &Job<T::AccountId>, thread: &Thread<T::AccountId>) {
        let claim = thread.trace_root();
        let delayed: Vec<_> = job
            .replicas
            .iter()
            .filter(|replica| match &claim {
                Some(root) => replica.stands_by(root),
                None => replica.is_standing(),
            })
            .collect();
        let half = thread.bond >> 1;
        let each = half.checked_div(delayed.len() as Balance).unwrap_or(0);
        let mut rest = thread.bond;
        for replica in delayed {
            let (from, to) = (&thread.challenger, &replica.provider);
            Self::move_held(HoldReason::ThreadBond, from, to, each);
            rest = rest.saturating_sub(each);
        }
        Self::to_treasury(HoldReason::ThreadBond, &thread.challenger, rest);
    }

    /// Counts a thread that waits for an answer, at all who may give it.
    pub(crate) fn count_asking(
        job: &mut Job<T::AccountId>,
        thread: &Thread<T::AccountId>,
        more: bool,
    ) {
        let claim = thread.trace_root();
        for replica in job.replicas.iter_mut() {
            if replica.trace_root.is_some() && replica.trace_root == claim {
                replica.asking = if more {
                    replica.asking.saturating_add(1)
                } else {
                    replica.asking.saturating_sub(1)
                };
            }
        }
    }

    /// Pays those who showed a struck replica's claim to be false: two fifths of its
    /// collateral, half to each. Gives what was paid.
    pub(crate) fn pay_reward(
        id: JobId,
        job: &Job<T::AccountId>,
        replica: &Replica<T::AccountId>,
    ) -> Balance {
        let conviction = job
            .convictions
            .iter()
            .find(|conviction| replica.trace_root == Some(conviction.trace_root));
        let Some(conviction) = conviction else {
            return 0;
        };
        let half = REWARD.mul_floor(replica.collateral) >> 1;
        for to in [&conviction.prover, &conviction.asker] {
            Self::move_held(HoldReason::ProviderBond, &replica.provider, to, half);
            Self::deposit_event(Event::ChallengerRewarded {
                job: id,
                provider: replica.provider.clone(),
                challenger: to.clone(),
                amount: half,
            });
        }
        half.saturating_mul(2)
    }
}
