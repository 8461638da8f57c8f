//! Closing a campaign, and what its workers' answers are worth in a revenue share.

use crate::{Campaigns, Config, Contributions, Error, Event, HoldReason, Pallet, VoucherUse};
use athanor_primitives::labels::{CampaignId, ContributorShares, Ticks};
use frame_support::{ensure, traits::Get};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    /// Ends a campaign: no more batches, and its contributions are final.
    pub(crate) fn do_close_campaign(who: T::AccountId, campaign: CampaignId) -> DispatchResult {
        let mut record = Campaigns::<T>::get(campaign).ok_or(Error::<T>::NoSuchCampaign)?;
        ensure!(record.settled_at.is_none(), Error::<T>::CampaignClosed);
        ensure!(record.live_batches == 0, Error::<T>::BatchIsLive);
        let now = Self::clock();
        let idle = now.saturating_sub(record.last_paid) >= T::IdleCampaign::get();
        ensure!(who == record.requester || idle, Error::<T>::NotRequester);
        record.settled_at = Some(now);
        Campaigns::<T>::insert(campaign, record);
        Self::deposit_event(Event::CampaignClosed { campaign });
        Ok(())
    }

    /// Removes up to `limit` records of a campaign that has been closed for long enough,
    /// and with the last of them the campaign. Gives how many were removed.
    pub(crate) fn do_prune_campaign(
        campaign: CampaignId,
        limit: u32,
    ) -> Result<u32, DispatchError> {
        let record = Campaigns::<T>::get(campaign).ok_or(Error::<T>::NoSuchCampaign)?;
        let settled_at = record.settled_at.ok_or(Error::<T>::CampaignIsOpen)?;
        let due = settled_at.saturating_add(T::ContributionsKept::get());
        ensure!(Self::clock() >= due, Error::<T>::TooEarly);
        ensure!(limit > 0, Error::<T>::NothingToDo);
        let mut left = limit;
        let contributions = Contributions::<T>::drain_prefix(campaign).map(drop);
        let uses = VoucherUse::<T>::drain_prefix(campaign).map(drop);
        for () in contributions.chain(uses).take(limit as usize) {
            left = left.saturating_sub(1);
        }
        if left > 0 {
            Campaigns::<T>::remove(campaign);
            Self::give_back(HoldReason::Deposit, &record.requester, record.deposit);
            Self::deposit_event(Event::CampaignPruned { campaign });
            left = left.saturating_sub(1);
        }
        Ok(limit.saturating_sub(left))
    }
}

impl<T: Config> ContributorShares<T::AccountId> for Pallet<T> {
    fn settled_at(campaign: CampaignId) -> Option<u32> {
        Campaigns::<T>::get(campaign)?.settled_at
    }

    fn settled_for(campaign: CampaignId) -> Option<Ticks> {
        let record = Campaigns::<T>::get(campaign)?;
        let settled_at = record.settled_at.filter(|_| record.terms.share_revenue)?;
        Some(Self::clock().saturating_sub(settled_at))
    }

    fn requester(campaign: CampaignId) -> Option<T::AccountId> {
        Some(Campaigns::<T>::get(campaign)?.requester)
    }

    fn paid_answers(campaign: CampaignId, worker: &T::AccountId) -> u32 {
        Contributions::<T>::get(campaign, worker)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn contribute(requester: &T::AccountId, worker: &T::AccountId, answers: u32) -> CampaignId {
        crate::benchmarking::contributed::<T>(requester, worker, answers)
    }
}
