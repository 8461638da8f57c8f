//! A batch's way from `Open` to the beginning of `Score`, and the loop over its units of work.

use crate::{
    score::{Cranked, Till},
    Batch, Batches, Config, Error, Event, Pallet, WeightInfo, Windows,
};
use athanor_primitives::labels::{BatchId, BatchState, Ticks};
use frame_support::{ensure, traits::Get, weights::Weight};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Weight of the heaviest unit.
    pub(crate) fn most_unit() -> Weight {
        [
            T::WeightInfo::transition(),
            T::WeightInfo::score_page(),
            T::WeightInfo::rank_worker(),
            T::WeightInfo::pay_worker(),
            T::WeightInfo::prune_unit(),
        ]
        .into_iter()
        .fold(Weight::zero(), |most, weight| most.max(weight))
    }

    /// Weight of an `advance` of so many units.
    pub(crate) fn most_advance(limit: u32) -> Weight {
        let units = limit.min(T::MaxAdvance::get());
        T::WeightInfo::advance().saturating_add(Self::most_unit().saturating_mul(units.into()))
    }

    pub(crate) fn do_advance(
        who: T::AccountId,
        id: BatchId,
        limit: u32,
    ) -> Result<Weight, DispatchError> {
        ensure!(T::CallsAllowed::get(), Error::<T>::Paused);
        ensure!(limit > 0, Error::<T>::NothingToDo);
        ensure!(Batches::<T>::contains_key(id), Error::<T>::NoSuchBatch);
        let (units, spent) = Self::run(id, limit.min(T::MaxAdvance::get()), Some(&who));
        ensure!(units > 0, Error::<T>::NothingDue);
        Ok(spent)
    }

    /// Does up to `limit` units of what is due for a batch. Gives how many, and the weight.
    pub(crate) fn run(id: BatchId, limit: u32, who: Option<&T::AccountId>) -> (u32, Weight) {
        let mut spent = T::WeightInfo::advance();
        let Some(mut batch) = Batches::<T>::get(id) else {
            return (0, spent);
        };
        let mut till = Till::<T>::new(who.cloned());
        let mut units = 0u32;
        let mut gone = false;
        while units < limit && !gone {
            let weight = match batch.state {
                BatchState::Score { .. } => T::WeightInfo::score_page(),
                BatchState::Rank { .. } => T::WeightInfo::rank_worker(),
                BatchState::Pay { .. } => T::WeightInfo::pay_worker(),
                BatchState::Pruning { .. } => T::WeightInfo::prune_unit(),
                _ => T::WeightInfo::transition(),
            };
            match Self::unit(id, &mut batch, &mut till) {
                Cranked::Wait => break,
                Cranked::More => (),
                Cranked::Gone => gone = true,
            }
            units = units.saturating_add(1);
            spent = spent.saturating_add(weight);
        }
        if units == 0 {
            // An entry of the to-do list may have come too early.
            Self::requeue(id, &mut batch);
            Batches::<T>::insert(id, batch);
            return (0, spent);
        }
        let reward = Self::settle(id, &mut batch, till);
        if gone {
            Self::unqueue(id, &mut batch);
        } else {
            Self::requeue(id, &mut batch);
            Batches::<T>::insert(id, batch);
        }
        if let Some(who) = who {
            Self::deposit_event(Event::Advanced {
                batch: id,
                who: who.clone(),
                units,
                reward,
            });
        }
        (units, spent)
    }

    fn unit(id: BatchId, batch: &mut Batch<T::AccountId>, till: &mut Till<T>) -> Cranked {
        let now = Self::clock();
        let over = now >= batch.deadline;
        match batch.state {
            BatchState::Open => Self::leave_open(id, batch, now),
            BatchState::Reveal if over || batch.complete == batch.answered => {
                let has_gold = Self::campaign_of(batch)
                    .map(|campaign| campaign.terms.gold > 0)
                    .unwrap_or(false);
                if has_gold && batch.revealed_pages > 0 {
                    let deadline = now.saturating_add(T::GoldFor::get());
                    Self::enter(id, batch, BatchState::Gold, deadline);
                } else {
                    Self::enter_dispute(id, batch, now);
                }
                Cranked::More
            }
            BatchState::Gold if over || batch.gold_pages == batch.revealed_pages => {
                Self::enter_dispute(id, batch, now);
                Cranked::More
            }
            BatchState::Dispute if over => {
                Self::start_scoring(id, batch);
                Cranked::More
            }
            BatchState::Reveal | BatchState::Gold | BatchState::Dispute => Cranked::Wait,
            BatchState::Score { .. }
            | BatchState::Rank { .. }
            | BatchState::Pay { .. }
            | BatchState::Paid
            | BatchState::Pruning { .. } => Self::crank(id, batch, till),
            BatchState::Judging { .. } => Cranked::Wait,
        }
    }

    /// Lets a batch and its group leave `Open`, if all of them are closed.
    fn leave_open(id: BatchId, batch: &mut Batch<T::AccountId>, now: Ticks) -> Cranked {
        if !batch.is_closed(now) {
            return Cranked::Wait;
        }
        let others: alloc::vec::Vec<_> = Self::group(id, batch)
            .into_iter()
            .filter_map(|other| Batches::<T>::get(other).map(|record| (other, record)))
            .collect();
        if others.iter().any(|(_, other)| !other.is_closed(now)) {
            return Cranked::Wait;
        }
        Self::enter_reveal(id, batch, now);
        for (id, mut other) in others {
            Self::enter_reveal(id, &mut other, now);
            Self::requeue(id, &mut other);
            Batches::<T>::insert(id, other);
        }
        Cranked::More
    }

    fn enter_reveal(id: BatchId, batch: &mut Batch<T::AccountId>, now: Ticks) {
        Windows::<T>::remove(id);
        let deadline = now.saturating_add(T::RevealFor::get());
        Self::enter(id, batch, BatchState::Reveal, deadline);
    }

    fn enter_dispute(id: BatchId, batch: &mut Batch<T::AccountId>, now: Ticks) {
        let window = Self::campaign_of(batch)
            .map(|campaign| campaign.terms.dispute_for)
            .unwrap_or(0);
        Self::enter(id, batch, BatchState::Dispute, now.saturating_add(window));
    }

    /// Changes a batch's state.
    pub(crate) fn enter(
        id: BatchId,
        batch: &mut Batch<T::AccountId>,
        state: BatchState,
        deadline: Ticks,
    ) {
        batch.state = state;
        batch.deadline = deadline;
        Self::deposit_event(Event::BatchAdvanced {
            batch: id,
            state,
            deadline,
        });
    }
}
