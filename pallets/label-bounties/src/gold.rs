//! Opening gold: what the requester committed to before anybody answered.

use crate::{
    Batches, Config, Error, Event, GoldItem, GoldItems, GoldOf, GoldOpening, Pages, Pallet, Slot,
};
use alloc::vec::Vec;
use athanor_primitives::labels::{self, BatchId, BatchState, PageLeaf};
use frame_support::ensure;
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    /// Opens the gold of pages of a batch; of all that are given, or of none.
    pub(crate) fn do_open_gold(id: BatchId, openings: Vec<GoldOpening>) -> DispatchResult {
        ensure!(!openings.is_empty(), Error::<T>::NothingToDo);
        let mut batch = Batches::<T>::get(id).ok_or(Error::<T>::NoSuchBatch)?;
        ensure!(batch.state == BatchState::Gold, Error::<T>::UnexpectedState);
        let campaign = Self::campaign_of(&batch)?;
        let terms = &campaign.terms;
        for opening in openings {
            let page = opening.page;
            ensure!(page < batch.pages, Error::<T>::NoSuchPage);
            let mut record = Pages::<T>::get(id, page).ok_or(Error::<T>::NothingRevealed)?;
            ensure!(
                record
                    .slots
                    .iter()
                    .any(|slot| matches!(slot, Slot::Revealed { .. })),
                Error::<T>::NothingRevealed
            );
            ensure!(!record.gold_opened, Error::<T>::AlreadyOpened);
            let entries = opening.entries.as_slice();
            ensure!(
                entries.len() == usize::from(terms.gold),
                Error::<T>::BadGold
            );
            ensure!(
                entries
                    .iter()
                    .zip(entries.iter().skip(1))
                    .all(|(a, b)| a.0 < b.0)
                    && entries.iter().all(|(position, _)| *position < terms.tasks),
                Error::<T>::BadGold
            );
            for (_, answer) in entries {
                athanor_label_math::check_answer(&terms.label, answer)
                    .map_err(|_| Error::<T>::BadGold)?;
            }
            let genesis = Self::genesis();
            let leaf = PageLeaf {
                page,
                content_root: opening.content_root,
                bytes: opening.bytes,
                gold_commit: labels::gold_commitment(
                    &genesis,
                    page,
                    &opening.entries,
                    &opening.salt,
                ),
            };
            ensure!(
                leaf.is_in(&batch.pages_root, batch.pages, &opening.path),
                Error::<T>::WrongGold
            );
            let items: Vec<GoldItem> = opening
                .entries
                .into_iter()
                .map(|(position, answer)| GoldItem {
                    position,
                    answer,
                    void: false,
                    contested: false,
                })
                .collect();
            GoldOf::<T>::insert(
                id,
                page,
                GoldItems::try_from(items).map_err(|_| Error::<T>::BadGold)?,
            );
            record.gold_opened = true;
            Pages::<T>::insert(id, page, record);
            batch.gold_pages = batch.gold_pages.saturating_add(1);
            Self::deposit_event(Event::GoldOpened { batch: id, page });
        }
        Self::requeue(id, &mut batch);
        Batches::<T>::insert(id, batch);
        Ok(())
    }
}
