//! Commit and reveal.

use crate::{
    leases::{Lease, SlotPlace},
    Batch, Batches, Config, Error, Event, Hash, Pages, Pallet, Sheet, Slot, WeightInfo, Workers,
};
use athanor_label_math::check_sheet;
use athanor_primitives::labels::{answer_commitment, BatchId, BatchState, PageIndex, Refusal};
use frame_support::{ensure, weights::Weight};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_commit(
        who: T::AccountId,
        id: BatchId,
        index: PageIndex,
        hash: Hash,
    ) -> Result<Weight, DispatchError> {
        let Lease {
            mut batch,
            index: number,
            mut worker,
            mut page,
            slot,
        } = Self::check_lease(&who, id, index).map_err(Error::<T>::from)?;
        let first = page.used() == 0;
        if let Some(slot) = page.slots.get_mut(slot) {
            *slot = Slot::Committed {
                worker: number,
                hash,
            };
        }
        worker.committed = worker.committed.saturating_add(1);
        worker.live = worker.live.saturating_sub(1);
        Workers::<T>::insert(id, number, worker);
        let full = page.slots.iter().all(Slot::is_used);
        let ended = full || (page.closed && page.leases() == 0);
        if first {
            batch.answered = batch.answered.saturating_add(1);
        }
        if ended {
            if page.closed {
                batch.closing = batch.closing.saturating_sub(1);
            } else {
                page.closed = true;
                let campaign = Self::campaign_of(&batch)?;
                Self::leave_window(id, &batch, &campaign, index);
            }
            batch.done = batch.done.saturating_add(1);
            Self::requeue(id, &mut batch);
        }
        Pages::<T>::insert(id, index, page);
        // Two of a page's commits change the batch, not all of them.
        if first || ended {
            Batches::<T>::insert(id, batch);
        }
        Self::deposit_event(Event::SheetCommitted {
            batch: id,
            page: index,
            worker: who,
        });
        Ok(if first || ended {
            T::WeightInfo::page_done()
        } else {
            Weight::zero()
        })
    }

    /// The slot of a commit that these answers open.
    pub(crate) fn check_reveal(
        who: &T::AccountId,
        id: BatchId,
        index: PageIndex,
        sheet: &Sheet,
        salt: &[u8; 32],
    ) -> Result<(Batch<T::AccountId>, SlotPlace), Refusal> {
        let batch = Batches::<T>::get(id).ok_or(Refusal::NoSuchBatch)?;
        ensure!(batch.state == BatchState::Reveal, Refusal::UnexpectedState);
        ensure!(Self::clock() < batch.deadline, Refusal::TooLate);
        let place = Self::place_of(&batch, who, id, index)?;
        let hash = match place.page.slots.get(place.slot) {
            Some(Slot::Committed { hash, .. }) => *hash,
            Some(Slot::Revealed { .. }) => return Err(Refusal::AlreadyRevealed),
            _ => return Err(Refusal::NotCommitted),
        };
        let worker: [u8; 32] = who.clone().into();
        ensure!(
            answer_commitment(&Self::genesis(), id, index, &worker, sheet, salt) == hash,
            Refusal::HashMismatch
        );
        let campaign = Self::campaign_of(&batch).map_err(|_| Refusal::NoSuchBatch)?;
        check_sheet(&campaign.terms.label, campaign.terms.tasks, sheet)
            .map_err(|_| Refusal::BadSheet)?;
        Ok((batch, place))
    }

    pub(crate) fn do_reveal(
        who: T::AccountId,
        id: BatchId,
        index: PageIndex,
        sheet: Sheet,
        salt: [u8; 32],
    ) -> Result<Weight, DispatchError> {
        let (mut batch, place) =
            Self::check_reveal(&who, id, index, &sheet, &salt).map_err(Error::<T>::from)?;
        let SlotPlace {
            worker: number,
            mut page,
            slot,
        } = place;
        let first = page.revealed() == 0;
        if let Some(slot) = page.slots.get_mut(slot) {
            *slot = Slot::Revealed {
                worker: number,
                sheet,
            };
        }
        let last = !page
            .slots
            .iter()
            .any(|slot| matches!(slot, Slot::Committed { .. }));
        if first {
            batch.revealed_pages = batch.revealed_pages.saturating_add(1);
        }
        if last {
            batch.complete = batch.complete.saturating_add(1);
            Self::requeue(id, &mut batch);
        }
        Pages::<T>::insert(id, index, page);
        // Two of a page's reveals change the batch, not all of them.
        if first || last {
            Batches::<T>::insert(id, batch);
        }
        Self::deposit_event(Event::SheetRevealed {
            batch: id,
            page: index,
            worker: who,
        });
        Ok(if first || last {
            T::WeightInfo::page_revealed()
        } else {
            Weight::zero()
        })
    }
}
