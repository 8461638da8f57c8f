//! The clock, and what happens without anybody's call.
//!
//! A batch waits in [`Deadlines`] for the tick in which its state ends, or in [`Cranking`] when
//! something is due; a lease in [`Expiring`]. All three are to-do lists for `on_idle`: what
//! counts is in the batch and the slot.

use crate::{
    Batch, Batches, Clock, Config, CrankedLast, Cranking, DeadlineCursor, Deadlines, Expiring,
    ExpiryCursor, Pallet, Place, WeightInfo, EXPIRY_TICKS,
};
use alloc::vec::Vec;
use athanor_primitives::labels::{BatchId, BatchState, Ticks};
use frame_support::{
    traits::Get,
    weights::{Weight, WeightMeter},
};

/// Buckets and ticks looked at in one block.
const MAX_BUCKETS: u32 = 64;

/// Entries of a bucket read at once.
const MAX_ENTRIES: usize = 64;

/// Batches advanced in one block.
const MAX_BATCHES: u32 = 64;

impl<T: Config> Pallet<T> {
    /// Lets the clock tick and serves requests, unless calls are paused. Gives the weight.
    pub(crate) fn begin_block() -> Weight {
        let spent = T::WeightInfo::begin_block();
        if !T::CallsAllowed::get() {
            return spent;
        }
        // As many ticks as fit are 400 years of blocks of three seconds.
        Clock::<T>::mutate(|clock| *clock = clock.saturating_add(1));
        spent.saturating_add(Self::serve_requests())
    }

    /// Where a batch should wait.
    fn place_of_batch(id: BatchId, batch: &Batch<T::AccountId>) -> Place {
        let now = Self::clock();
        let due = match batch.state {
            BatchState::Open => return Self::place_of_open(id, batch, now),
            BatchState::Reveal => batch.complete == batch.answered,
            BatchState::Gold => batch.gold_pages == batch.revealed_pages,
            BatchState::Dispute | BatchState::Paid | BatchState::Judging { .. } => false,
            BatchState::Score { .. }
            | BatchState::Rank { .. }
            | BatchState::Pay { .. }
            | BatchState::Pruning { .. } => true,
        };
        if due || batch.deadline <= now {
            Place::Cranking
        } else {
            Place::Deadline(batch.deadline)
        }
    }

    /// An open batch is due when its whole group is closed; its last member to be says so.
    fn place_of_open(id: BatchId, batch: &Batch<T::AccountId>, now: Ticks) -> Place {
        if !batch.is_closed(now) {
            return Place::Deadline(batch.until);
        }
        let latest = Self::group(id, batch)
            .into_iter()
            .filter_map(Batches::<T>::get)
            .filter(|other| !other.is_closed(now))
            .map(|other| other.until)
            .max();
        latest.map_or(Place::Cranking, Place::Deadline)
    }

    /// Lets a batch wait where it should. The caller writes the batch.
    pub(crate) fn requeue(id: BatchId, batch: &mut Batch<T::AccountId>) {
        let wanted = Self::place_of_batch(id, batch);
        if batch.place == Some(wanted) {
            return;
        }
        Self::unqueue(id, batch);
        match wanted {
            Place::Deadline(tick) => Deadlines::<T>::insert(tick, id, ()),
            Place::Cranking => Cranking::<T>::insert(id, ()),
        }
        batch.place = Some(wanted);
    }

    /// Lets a batch wait nowhere. The caller writes or removes the batch.
    pub(crate) fn unqueue(id: BatchId, batch: &mut Batch<T::AccountId>) {
        match batch.place.take() {
            Some(Place::Deadline(tick)) => Deadlines::<T>::remove(tick, id),
            Some(Place::Cranking) => Cranking::<T>::remove(id),
            None => (),
        }
    }

    /// Does what is due, as far as `remaining` goes. Gives the weight.
    pub(crate) fn work_off(remaining: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(remaining);
        if meter.try_consume(T::WeightInfo::idle_base()).is_err() || !T::CallsAllowed::get() {
            return meter.consumed();
        }
        Self::work_off_leases(&mut meter);
        Self::work_off_deadlines(&mut meter);
        Self::work_off_batches(&mut meter);
        meter.consumed()
    }

    /// Frees slots whose leases have run out.
    fn work_off_leases(meter: &mut WeightMeter) {
        let now = Self::clock().checked_div(EXPIRY_TICKS).unwrap_or(0);
        let most = T::WeightInfo::expire().saturating_add(T::WeightInfo::page_done());
        let start = ExpiryCursor::<T>::get();
        let mut cursor = start;
        for _ in 0..MAX_BUCKETS {
            if cursor > now || meter.try_consume(T::WeightInfo::idle_bucket()).is_err() {
                break;
            }
            let entries: Vec<_> = Expiring::<T>::iter_key_prefix(cursor)
                .take(MAX_ENTRIES)
                .collect();
            let mut done = 0usize;
            for (id, page, slot) in &entries {
                if !meter.can_consume(most) {
                    break;
                }
                Expiring::<T>::remove(cursor, (id, page, slot));
                meter.consume(Self::expire_slot(*id, *page, *slot));
                done = done.saturating_add(1);
            }
            if done < entries.len() {
                break;
            }
            if done < MAX_ENTRIES {
                cursor = cursor.saturating_add(1);
            }
        }
        if cursor != start {
            ExpiryCursor::<T>::put(cursor);
        }
    }

    /// Moves batches whose deadline has come to those that are advanced.
    fn work_off_deadlines(meter: &mut WeightMeter) {
        let now = Self::clock();
        let start = DeadlineCursor::<T>::get();
        let mut cursor = start;
        for _ in 0..MAX_BUCKETS {
            if cursor > now || meter.try_consume(T::WeightInfo::idle_bucket()).is_err() {
                break;
            }
            let entries: Vec<BatchId> = Deadlines::<T>::iter_key_prefix(cursor)
                .take(MAX_ENTRIES)
                .collect();
            let mut done = 0usize;
            for id in &entries {
                if meter.try_consume(T::WeightInfo::idle_deadline()).is_err() {
                    break;
                }
                Deadlines::<T>::remove(cursor, id);
                Batches::<T>::mutate_exists(id, |batch| {
                    if let Some(batch) = batch {
                        batch.place = None;
                        Self::requeue(*id, batch);
                    }
                });
                done = done.saturating_add(1);
            }
            if done < entries.len() {
                break;
            }
            if done < MAX_ENTRIES {
                cursor = cursor.saturating_add(1);
            }
        }
        if cursor != start {
            DeadlineCursor::<T>::put(cursor);
        }
    }

    /// Advances batches in turn, each at most once.
    fn work_off_batches(meter: &mut WeightMeter) {
        let mut first = None;
        let mut last = CrankedLast::<T>::get();
        let start = last;
        for _ in 0..MAX_BATCHES {
            let base = T::WeightInfo::idle_bucket().saturating_add(T::WeightInfo::advance());
            let one = base.saturating_add(Self::most_unit());
            if !meter.can_consume(one) {
                break;
            }
            meter.consume(T::WeightInfo::idle_bucket());
            let Some(id) = Self::next_cranking(last) else {
                break;
            };
            if first == Some(id) {
                break;
            }
            first = first.or(Some(id));
            last = Some(id);
            let left = meter.remaining().saturating_sub(T::WeightInfo::advance());
            let units = left
                .checked_div_per_component(&Self::most_unit())
                .unwrap_or(0)
                .min(T::MaxAdvance::get().into());
            // At most MaxAdvance.
            let (_, spent) = Self::run(id, units as u32, None);
            meter.consume(spent);
        }
        if last != start {
            CrankedLast::<T>::set(last);
        }
    }

    /// The batch that is advanced after another, in the order of the map's keys.
    fn next_cranking(last: Option<BatchId>) -> Option<BatchId> {
        last.and_then(|last| {
            Cranking::<T>::iter_keys_from(Cranking::<T>::hashed_key_for(last)).next()
        })
        .or_else(|| Cranking::<T>::iter_keys().next())
    }
}
