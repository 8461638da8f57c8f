//! What watchers, claimants and the off-chain worker read of disputes.

use super::types::{ClaimView, ClaimedTrace, ThreadStatus, ThreadView};
use crate::{Answers, Assignments, Config, Job, JobStatus, Jobs, NodeRoots, Pallet, Threads};
use alloc::{collections::BTreeMap, vec::Vec};
use athanor_primitives::{Duty, JobId, ModelRegistry, Question, Root, Ticket};

impl<T: Config> Pallet<T> {
    /// Jobs in `Claimed` from number `from` on, in order, at most `limit`.
    pub(crate) fn view_claims(from: JobId, limit: u32) -> Vec<ClaimView> {
        let mut jobs: Vec<_> = Jobs::<T>::iter()
            .filter(|(id, job)| *id >= from && job.status == JobStatus::Claimed)
            .collect();
        jobs.sort_by_key(|(id, _)| *id);
        jobs.into_iter()
            .take(limit as usize)
            .filter_map(|(id, job)| Self::view_claim(id, &job))
            .collect()
    }

    /// A job in `Claimed`.
    pub(crate) fn view_claimed(id: JobId) -> Option<ClaimView> {
        let job = Jobs::<T>::get(id).filter(|job| job.status == JobStatus::Claimed)?;
        Self::view_claim(id, &job)
    }

    fn view_claim(id: JobId, job: &Job<T::AccountId>) -> Option<ClaimView> {
        let mut claims: BTreeMap<Root, ClaimedTrace> = BTreeMap::new();
        for replica in &job.replicas {
            let Some(trace_root) = replica.trace_root else {
                continue;
            };
            let claim = claims.entry(trace_root).or_insert(ClaimedTrace {
                trace_root,
                agreed: 0,
                struck: replica.fault.is_some(),
            });
            claim.agreed = claim.agreed.saturating_add(1);
        }
        Some(ClaimView {
            job: id,
            deadline: job.deadline,
            ticket: Ticket {
                job: id,
                duty: Duty::Wait,
                deadline: job.deadline,
                model: job.terms.model,
                program_hash: job.program_hash,
                weights: T::Models::weights(job.terms.model)?,
                input_root: job.terms.input_root,
                batch: job.terms.batch,
                inline_output: job.terms.inline_output,
            },
            claims: claims.into_values().collect(),
        })
    }

    /// Node roots of a revealed trace.
    pub(crate) fn view_trace(id: JobId, trace_root: Root) -> Option<Vec<Root>> {
        NodeRoots::<T>::get(id, trace_root).map(|roots| roots.into_inner())
    }

    /// Open threads of a job, in order, with all answers.
    pub(crate) fn view_threads(job: JobId) -> Vec<ThreadView<T::AccountId>> {
        let mut threads: Vec<_> = Threads::<T>::iter_prefix(job)
            .map(|(id, thread)| ThreadView {
                id,
                answers: (0..thread.answers)
                    .filter_map(|answer| Answers::<T>::get((job, id, answer)))
                    .map(|bytes| bytes.into_inner())
                    .collect(),
                thread,
            })
            .collect();
        threads.sort_by_key(|view| view.id);
        threads
    }

    /// What a worker key owes answers to, at most `limit` questions, the earliest
    /// deadline first.
    pub(crate) fn view_questions(worker: &T::AccountId, limit: u32) -> Vec<Question> {
        let mut questions: Vec<_> = Assignments::<T>::get(worker)
            .into_iter()
            .filter_map(|id| Some((id, Jobs::<T>::get(id)?)))
            .filter(|(_, job)| job.threads > 0)
            .flat_map(|(id, job)| {
                Threads::<T>::iter_prefix(id).filter_map(move |(number, thread)| {
                    let line = thread.line?;
                    let is_owed = thread.status == ThreadStatus::Asked
                        && job.replicas.iter().any(|replica| {
                            replica.worker == *worker && replica.stands_by(&line.trace_root)
                        });
                    is_owed.then_some(Question {
                        job: id,
                        thread: number,
                        trace_root: line.trace_root,
                        value: line.value,
                        root: line.root,
                        len: line.len,
                        asked: line.asked,
                        deadline: thread.deadline,
                    })
                })
            })
            .collect();
        questions.sort_by_key(|question| (question.deadline, question.job, question.thread));
        questions.truncate(limit as usize);
        questions
    }
}
