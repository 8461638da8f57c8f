//! The deadline queue, and seeds.
//!
//! A bucket of job ids per block is a to-do list, nothing more: the deadline that
//! counts is in the job. A job waits in at most one bucket.

use crate::{
    draw, BlockNumber, Config, Deadlines, EpochSeeds, Job, JobStatus, Jobs, Pallet, QueueCursor,
    Seeds, WeightInfo,
};
use athanor_primitives::JobId;
use frame_support::{
    traits::Get,
    weights::{Weight, WeightMeter},
    BoundedVec,
};

/// Buckets tried for a job, from its block on.
const SPILL: BlockNumber = 16;

/// Buckets worked off in one block.
const MAX_BUCKETS: u32 = 64;

impl<T: Config> Pallet<T> {
    /// Stores what the author of the last block drew, and each epoch's randomness.
    pub(crate) fn note_seeds(now: BlockNumber) {
        let last = now.saturating_sub(1);
        if let Some(output) = T::AuthorVrf::get() {
            Seeds::<T>::insert(last, output);
        }
        if let Some(old) = last.checked_sub(draw::SEEDS_KEPT) {
            Seeds::<T>::remove(old);
        }
        if let Some((epoch, randomness)) = T::EpochRandomness::get() {
            if !EpochSeeds::<T>::contains_key(epoch) {
                EpochSeeds::<T>::insert(epoch, randomness);
                if let Some(old) = epoch.checked_sub(draw::EPOCHS_KEPT) {
                    EpochSeeds::<T>::remove(old);
                }
            }
        }
    }

    /// Block from which something is due for a job.
    pub(crate) fn due(job: &Job<T::AccountId>) -> BlockNumber {
        match (&job.draw, job.status) {
            (Some(draw), JobStatus::Open | JobStatus::Assigned) => job.deadline.min(draw.next),
            _ => job.deadline,
        }
    }

    /// Writes a job back: removed if it has ended, else queued for when it is due.
    pub(crate) fn keep(id: JobId, mut job: Job<T::AccountId>, now: BlockNumber) {
        let first = Self::due(&job).max(now.saturating_add(1));
        let last = first.saturating_add(SPILL);
        let ended = job.status.is_final();
        let stays = !ended && job.queued.is_some_and(|at| (first..last).contains(&at));
        if !stays {
            if let Some(at) = job.queued.take() {
                Deadlines::<T>::mutate_exists(at, |bucket| {
                    if let Some(jobs) = bucket {
                        jobs.retain(|other| *other != id);
                        if jobs.is_empty() {
                            *bucket = None;
                        }
                    }
                });
            }
            if !ended {
                job.queued = (first..last).find(|at| Deadlines::<T>::try_append(at, id).is_ok());
            }
        }
        if ended {
            Jobs::<T>::remove(id);
        } else {
            Jobs::<T>::insert(id, job);
        }
    }

    /// Advances the jobs whose block has come, as far as `remaining` goes.
    pub(crate) fn work_off_queue(now: BlockNumber, remaining: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(remaining);
        let bucket_cost = T::WeightInfo::queue_bucket();
        let job_cost = T::WeightInfo::queue_job();
        let most = job_cost.saturating_add(Self::most_advance());
        if meter.try_consume(bucket_cost).is_err() {
            return meter.consumed();
        }
        let start = QueueCursor::<T>::get();
        let mut cursor = start;
        for _ in 0..MAX_BUCKETS {
            if cursor > now || meter.try_consume(bucket_cost).is_err() {
                break;
            }
            let jobs = Deadlines::<T>::take(cursor);
            let mut done = 0usize;
            for id in jobs.iter() {
                if !meter.can_consume(most) {
                    break;
                }
                done = done.saturating_add(1);
                let Some(mut job) = Jobs::<T>::get(id) else {
                    continue;
                };
                job.queued = None;
                let progress = Self::advance(*id, &mut job, None);
                Self::keep(*id, job, now);
                meter.consume(job_cost.saturating_add(progress.weight));
            }
            if done < jobs.len() {
                let rest: alloc::vec::Vec<JobId> = jobs.into_iter().skip(done).collect();
                Deadlines::<T>::insert(cursor, BoundedVec::truncate_from(rest));
                break;
            }
            cursor = cursor.saturating_add(1);
        }
        if cursor != start {
            QueueCursor::<T>::put(cursor);
        }
        meter.consumed()
    }
}
