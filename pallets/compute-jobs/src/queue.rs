//! The deadline queue, and seeds.
//!
//! A bucket of jobs and threads per block is a to-do list, nothing more: the deadline
//! that counts is in the job or thread. Each waits in one bucket or, when all that may take it are
//! full, in the backlog, from which it is carried out or finds a bucket when blocks have room.

use crate::{
    draw, Backlog, BacklogEnd, BacklogStart, BlockNumber, Config, Deadlines, Due, EpochSeeds, Job,
    JobStatus, Jobs, Pallet, QueueCursor, Seeds, Threads, WeightInfo, BACKLOG,
};
use alloc::vec::Vec;
use athanor_primitives::JobId;
use frame_support::{
    traits::Get,
    weights::{Weight, WeightMeter},
    BoundedVec,
};

/// Buckets tried for an entry, from its block on.
pub(crate) const SPILL: BlockNumber = 16;

/// Buckets worked off in one block.
const MAX_BUCKETS: u32 = 64;

/// Entries of the backlog looked at in one block.
const MAX_BACKLOG: u64 = 256;

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
            (_, JobStatus::Claimed) if !job.stands() => 0,
            _ => job.deadline,
        }
    }

    /// Writes a job back: removed if it has ended, else queued for when it is due.
    pub(crate) fn keep(id: JobId, mut job: Job<T::AccountId>, now: BlockNumber) {
        let ended = job.status.is_final();
        // The last thread to be closed queues the job again.
        let waits = job.threads > 0;
        let first = Self::due(&job).max(now.saturating_add(1));
        let first = (!ended && !waits).then_some(first);
        Self::requeue(Due::Job(id), &mut job.queued, first);
        if ended {
            Jobs::<T>::remove(id);
        } else {
            Jobs::<T>::insert(id, job);
        }
    }

    /// Moves an entry to block `first` or soon after, to the backlog if none of these has room, or
    /// out of the queue.
    pub(crate) fn requeue(
        entry: Due,
        queued: &mut Option<BlockNumber>,
        first: Option<BlockNumber>,
    ) {
        let wanted = first.map(|first| first..first.saturating_add(SPILL));
        if let (Some(at), Some(wanted)) = (&queued, &wanted) {
            if wanted.contains(at) {
                return;
            }
        }
        let was_behind = *queued == Some(BACKLOG);
        if let Some(at) = queued.take().filter(|_| !was_behind) {
            Deadlines::<T>::mutate_exists(at, |bucket| {
                if let Some(entries) = bucket {
                    entries.retain(|other| *other != entry);
                    if entries.is_empty() {
                        *bucket = None;
                    }
                }
            });
        }
        if let Some(mut wanted) = wanted {
            let bucket = wanted.find(|at| Deadlines::<T>::try_append(at, entry).is_ok());
            // What leaves the backlog stays in its list, and is passed over when its turn comes.
            if bucket.is_none() && !was_behind {
                let end = BacklogEnd::<T>::get();
                Backlog::<T>::insert(end, entry);
                BacklogEnd::<T>::put(end.saturating_add(1));
            }
            *queued = Some(bucket.unwrap_or(BACKLOG));
        }
    }

    /// Takes the first entry out of the backlog: does what is due for it, or finds it a bucket.
    /// Gives the weight.
    fn work_off_backlog(at: u64, now: BlockNumber) -> Weight {
        let weight = T::WeightInfo::queue_backlog();
        let waits = |queued: Option<BlockNumber>| queued == Some(BACKLOG);
        match Backlog::<T>::take(at) {
            Some(entry @ Due::Job(id))
                if Jobs::<T>::get(id).is_some_and(|job| waits(job.queued)) =>
            {
                weight.saturating_add(Self::work_off(entry, now))
            }
            Some(entry @ Due::Thread(id, number)) => {
                match Threads::<T>::get(id, number).filter(|thread| waits(thread.queued)) {
                    Some(thread) if thread.deadline <= now => {
                        weight.saturating_add(Self::work_off(entry, now))
                    }
                    Some(mut thread) => {
                        thread.queued = None;
                        Self::keep_thread(id, number, thread, now);
                        weight.saturating_add(T::WeightInfo::queue_thread())
                    }
                    None => weight,
                }
            }
            _ => weight,
        }
    }

    /// Does what is due for an entry that was taken out of the queue. Gives the weight.
    pub(crate) fn work_off(entry: Due, now: BlockNumber) -> Weight {
        match entry {
            Due::Job(id) => {
                let spent = T::WeightInfo::queue_job();
                let Some(mut job) = Jobs::<T>::get(id) else {
                    return spent;
                };
                job.queued = None;
                let progress = Self::advance(id, &mut job, None);
                Self::keep(id, job, now);
                spent.saturating_add(progress.weight)
            }
            Due::Thread(id, number) => {
                let pair = Jobs::<T>::get(id).zip(Threads::<T>::get(id, number));
                if let Some((mut job, mut thread)) = pair {
                    thread.queued = None;
                    Self::settle_thread(id, &mut job, number, thread, now);
                    Self::keep(id, job, now);
                }
                T::WeightInfo::queue_thread()
            }
        }
    }

    /// Carries out what is due for the jobs and threads whose block has come, as far as
    /// `remaining` goes.
    pub(crate) fn work_off_queue(now: BlockNumber, remaining: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(remaining);
        let bucket_cost = T::WeightInfo::queue_bucket();
        if meter.try_consume(bucket_cost).is_err() {
            return meter.consumed();
        }
        let start = QueueCursor::<T>::get();
        let mut cursor = start;
        for _ in 0..MAX_BUCKETS {
            if cursor > now || meter.try_consume(bucket_cost).is_err() {
                break;
            }
            let entries = Deadlines::<T>::take(cursor);
            let mut done = 0usize;
            for entry in entries.iter() {
                let most = match entry {
                    Due::Job(_) => T::WeightInfo::queue_job().saturating_add(Self::most_advance()),
                    Due::Thread(..) => T::WeightInfo::queue_thread(),
                };
                if !meter.can_consume(most) {
                    break;
                }
                done = done.saturating_add(1);
                meter.consume(Self::work_off(*entry, now));
            }
            if done < entries.len() {
                let rest: Vec<Due> = entries.into_iter().skip(done).collect();
                Deadlines::<T>::insert(cursor, BoundedVec::truncate_from(rest));
                break;
            }
            cursor = cursor.saturating_add(1);
        }
        if cursor != start {
            QueueCursor::<T>::put(cursor);
        }
        if cursor > now {
            Self::work_off_backlogs(now, &mut meter);
        }
        meter.consumed()
    }

    /// Works off the backlog as far as `meter` goes: what is put back into it waits for another
    /// block.
    pub(crate) fn work_off_backlogs(now: BlockNumber, meter: &mut WeightMeter) {
        let most = T::WeightInfo::queue_backlog()
            .saturating_add(T::WeightInfo::queue_thread())
            .saturating_add(T::WeightInfo::queue_job())
            .saturating_add(Self::most_advance());
        let start = BacklogStart::<T>::get();
        let end = BacklogEnd::<T>::get().min(start.saturating_add(MAX_BACKLOG));
        let mut at = start;
        while at < end && meter.can_consume(most) {
            meter.consume(Self::work_off_backlog(at, now));
            at = at.saturating_add(1);
        }
        if at != start {
            BacklogStart::<T>::put(at);
        }
    }
}
