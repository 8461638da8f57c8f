//! What always holds of threads.

use super::types::{ThreadKind, ThreadStatus};
use crate::{
    Answers, Balance, Config, Fault, FirstAnswered, HoldReason, JobStatus, Jobs, NodeRoots, Pallet,
    Threads, MAX_SEATS,
};
use alloc::collections::{BTreeMap, BTreeSet};
use athanor_primitives::{dispute::MAX_ANSWERS, JobId, ThreadId};
use frame_support::ensure;
use sp_runtime::TryRuntimeError;

type Checked = Result<(), TryRuntimeError>;

impl<T: Config> Pallet<T> {
    /// A job counts its open threads, keeps `Claimed` while there are any, and gives
    /// no number twice.
    pub(crate) fn try_state_threads() -> Checked {
        let mut open: BTreeMap<JobId, u32> = BTreeMap::new();
        for (id, number, _) in Threads::<T>::iter() {
            let count = open.entry(id).or_default();
            *count = count.saturating_add(1);
            let job = Jobs::<T>::get(id).ok_or("an ended job has threads")?;
            ensure!(
                number < job.next_thread,
                "a thread has a number to be given"
            );
        }
        for (id, job) in Jobs::<T>::iter() {
            ensure!(
                open.remove(&id).unwrap_or(0) == job.threads,
                "threads are miscounted"
            );
            ensure!(
                job.threads == 0 || job.status == JobStatus::Claimed,
                "a job without claims has threads"
            );
        }
        ensure!(open.is_empty(), "an ended job has threads");
        Ok(())
    }

    /// What is held for threads is the sum of their bonds and of prepaid answers, per
    /// challenger. An answer is prepaid while it is waited for, and no longer.
    pub(crate) fn try_state_thread_bonds() -> Checked {
        let mut sums: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        for (id, _, thread) in Threads::<T>::iter() {
            let price = Jobs::<T>::get(id).map(|job| job.rules.answer_price);
            let prepaid = price.filter(|_| thread.status == ThreadStatus::Asked);
            ensure!(
                thread.prepaid == prepaid.unwrap_or(0),
                "an answer is not prepaid, or one that nobody waits for"
            );
            let sum = sums.entry(thread.challenger).or_default();
            *sum = sum
                .saturating_add(thread.bond)
                .saturating_add(thread.prepaid);
        }
        for (who, sum) in sums {
            ensure!(
                Self::on_hold(HoldReason::ThreadBond, &who) == sum,
                "bonds of threads are not held"
            );
        }
        Ok(())
    }

    /// A thread names a claim of its job from its first demand on; a replica counts
    /// the threads that wait for data of its claim.
    pub(crate) fn try_state_lines() -> Checked {
        let mut asking: BTreeMap<(JobId, [u8; 32]), u32> = BTreeMap::new();
        for (id, _, thread) in Threads::<T>::iter() {
            let is_delivery = matches!(thread.kind, ThreadKind::Delivery { .. });
            ensure!(
                thread.line.is_none() == (thread.status == ThreadStatus::Announced),
                "a thread asks for nothing"
            );
            ensure!(
                thread.opening.is_some() == (thread.line.is_some() && !is_delivery),
                "a thread asks for what it did not announce"
            );
            ensure!(!is_delivery || thread.bond == 0, "a delivery has a bond");
            ensure!(
                thread.answers <= MAX_ANSWERS,
                "a thread has too many answers"
            );
            if let Some(line) = thread.line {
                ensure!(
                    NodeRoots::<T>::contains_key(id, line.trace_root),
                    "a thread is about no claim"
                );
                if thread.status == ThreadStatus::Asked {
                    let count = asking.entry((id, line.trace_root)).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
        for (id, job) in Jobs::<T>::iter() {
            for replica in job.replicas {
                let asked = replica
                    .trace_root
                    .and_then(|root| asking.get(&(id, root)).copied());
                ensure!(
                    replica.asking == asked.unwrap_or(0),
                    "threads that ask are miscounted"
                );
                ensure!(
                    u32::from(replica.free_threads) < MAX_SEATS,
                    "a replica has more threads without bond than there are others"
                );
            }
        }
        Ok(())
    }

    /// All answers of open threads are kept, and no other; who was answered first is
    /// an open thread about that node.
    pub(crate) fn try_state_answers() -> Checked {
        let mut kept: BTreeSet<(JobId, ThreadId, u8)> = Answers::<T>::iter_keys().collect();
        for (id, number, thread) in Threads::<T>::iter() {
            for answer in 0..thread.answers {
                ensure!(kept.remove(&(id, number, answer)), "an answer is missing");
            }
        }
        ensure!(kept.is_empty(), "an answer is kept for no thread");
        for ((id, trace_root, node), number) in FirstAnswered::<T>::iter() {
            let thread = Threads::<T>::get(id, number).ok_or("who was first is gone")?;
            ensure!(thread.answers > 0, "who was first has no answer");
            ensure!(
                thread
                    .opening
                    .is_some_and(|opening| opening.trace_root == trace_root
                        && opening.node == node),
                "who was first asked about something else"
            );
        }
        Ok(())
    }

    /// Every claim that was struck is recorded once, and no other.
    pub(crate) fn try_state_convictions() -> Checked {
        for job in Jobs::<T>::iter_values() {
            let struck: BTreeSet<_> = job
                .convictions
                .iter()
                .map(|conviction| conviction.trace_root)
                .collect();
            ensure!(
                struck.len() == job.convictions.len(),
                "a claim was struck twice"
            );
            for replica in &job.replicas {
                let Some(root) = replica.trace_root else {
                    continue;
                };
                let fault = matches!(
                    replica.fault,
                    Some(Fault::FraudProven | Fault::DataWithheld)
                );
                ensure!(
                    struck.contains(&root) == fault,
                    "a struck claim's replica stands, or the other way round"
                );
            }
        }
        Ok(())
    }
}
