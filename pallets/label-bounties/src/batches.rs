//! Campaigns and batches: opening, closing pages, cancelling.

use crate::{
    Balance, Batch, BatchMoney, Batches, Campaign, Campaigns, Config, Domains, Error, Event,
    Gateway, Hash, HoldReason, NextBatchId, NextCampaignId, OpenPage, Page, Pages, Pallet, Slot,
    Window, Windows,
};
use alloc::vec::Vec;
use athanor_label_math::BatchSums;
use athanor_primitives::{
    labels::{
        result_start, BatchId, BatchState, CampaignId, CampaignTerms, Gate, PageIndex, Ticks,
        LEAST_GOLD, MAX_PAGES, WINDOW_PAGES,
    },
    Root,
};
use frame_support::{ensure, traits::Get, weights::Weight, BoundedVec};
use sp_runtime::{traits::Zero, DispatchError, DispatchResult};

use crate::WeightInfo;

impl<T: Config> Pallet<T> {
    /// Hash of the chain's first block, which binds signatures and hashes to it.
    pub fn genesis() -> [u8; 32] {
        let hash = frame_system::Pallet::<T>::block_hash(
            frame_system::pallet_prelude::BlockNumberFor::<T>::zero(),
        );
        let mut bytes = [0u8; 32];
        for (to, from) in bytes.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        bytes
    }

    /// What the clock shows.
    pub fn clock() -> Ticks {
        crate::Clock::<T>::get()
    }

    pub(crate) fn do_create_campaign(
        requester: T::AccountId,
        terms: CampaignTerms,
        gateway: Gateway,
    ) -> DispatchResult {
        terms.check(&T::Limits::get()).map_err(Error::<T>::from)?;
        let gate = match terms.gate {
            Gate::Domain { id, .. } => Some(id),
            _ => None,
        };
        for domain in terms.domain.into_iter().chain(gate) {
            ensure!(Domains::<T>::contains_key(domain), Error::<T>::NoSuchDomain);
        }
        let id = NextCampaignId::<T>::get();
        let next = id.checked_add(1).ok_or(Error::<T>::Overflow)?;
        let deposit = T::CampaignDeposit::get();
        Self::hold(HoldReason::Deposit, &requester, deposit)?;
        NextCampaignId::<T>::put(next);
        Campaigns::<T>::insert(
            id,
            Campaign {
                requester: requester.clone(),
                terms,
                gateway,
                fee: T::Fee::get().mul_ceil(terms.page_pay()),
                slot_fee: T::SlotFee::get(),
                bond: T::Bond::get(),
                deposit,
                batches: 0,
                live_batches: 0,
                last_paid: Self::clock(),
                settled_at: None,
            },
        );
        Self::deposit_event(Event::CampaignCreated {
            campaign: id,
            requester,
        });
        Ok(())
    }

    pub(crate) fn do_set_gateway(
        requester: T::AccountId,
        id: CampaignId,
        gateway: Gateway,
    ) -> DispatchResult {
        let mut campaign = Campaigns::<T>::get(id).ok_or(Error::<T>::NoSuchCampaign)?;
        ensure!(campaign.requester == requester, Error::<T>::NotRequester);
        ensure!(campaign.gateway != gateway, Error::<T>::NothingToDo);
        campaign.gateway = gateway;
        Campaigns::<T>::insert(id, campaign);
        Self::deposit_event(Event::GatewaySet { campaign: id });
        Ok(())
    }

    /// Bytes that a batch's pages take at most: slots with a hash or a sheet, and gold.
    fn page_bytes(terms: &CampaignTerms, pages: u32) -> Balance {
        let sheet = terms.label.max_sheet(terms.tasks).max(32);
        let answer = terms.label.max_sheet(1);
        let slots = u32::from(terms.panel_max).saturating_mul(sheet.saturating_add(7));
        let gold = u32::from(terms.gold).saturating_mul(answer.saturating_add(4));
        let page = slots.saturating_add(gold).saturating_add(8);
        Balance::from(pages).saturating_mul(page.into())
    }

    /// What opening a batch holds: escrow, bond and deposit. `None` on overflow.
    pub fn price_of_batch(
        campaign: &Campaign<T::AccountId>,
        pages: u32,
    ) -> Option<(Balance, Balance, Balance)> {
        let terms = &campaign.terms;
        let slots = Balance::from(pages).checked_mul(terms.panel_max.into())?;
        let escrow = slots.checked_mul(campaign.slot_price())?;
        let bond = campaign.bond.mul_ceil(slots.checked_mul(terms.page_pay())?);
        let deposit = Self::page_bytes(terms, pages)
            .checked_mul(T::DepositPerByte::get())?
            .checked_add(T::BatchDeposit::get())?;
        escrow.checked_add(bond)?.checked_add(deposit)?;
        Some((escrow, bond, deposit))
    }

    pub(crate) fn do_open_batch(
        requester: T::AccountId,
        campaign_id: CampaignId,
        pages_root: Hash,
        index_root: Root,
        pages: u32,
        until: Ticks,
        joins: Option<BatchId>,
    ) -> DispatchResult {
        let mut campaign = Campaigns::<T>::get(campaign_id).ok_or(Error::<T>::NoSuchCampaign)?;
        ensure!(campaign.requester == requester, Error::<T>::NotRequester);
        ensure!(campaign.settled_at.is_none(), Error::<T>::CampaignClosed);
        ensure!((1..=MAX_PAGES).contains(&pages), Error::<T>::BadPageCount);
        let terms = &campaign.terms;
        ensure!(
            terms.gold == 0 || pages.saturating_mul(terms.gold.into()) >= LEAST_GOLD,
            Error::<T>::TooLittleGold
        );
        let now = Self::clock();
        ensure!(
            until > now.saturating_add(terms.lease)
                && until <= now.saturating_add(T::MaxOpen::get()),
            Error::<T>::BadUntil
        );
        let id = NextBatchId::<T>::get();
        let next = id.checked_add(1).ok_or(Error::<T>::Overflow)?;
        let parent = joins
            .map(|parent| Self::join(parent, id, &requester, until, now))
            .transpose()?;
        let (escrow, bond, deposit) =
            Self::price_of_batch(&campaign, pages).ok_or(Error::<T>::Overflow)?;
        Self::hold(HoldReason::BatchEscrow, &requester, escrow)?;
        Self::hold(HoldReason::RequesterBond, &requester, bond)?;
        Self::hold(HoldReason::Deposit, &requester, deposit)?;
        // Both fit, for their sum with the deposit does.
        let deposited = escrow.saturating_add(bond);
        campaign.batches = campaign.batches.saturating_add(1);
        campaign.live_batches = campaign.live_batches.saturating_add(1);
        Campaigns::<T>::insert(campaign_id, campaign);
        if let Some((parent, record)) = parent {
            Batches::<T>::insert(parent, record);
        }
        NextBatchId::<T>::put(next);
        let first = pages.min(WINDOW_PAGES);
        let open: Vec<OpenPage> = (0..first).map(|page| OpenPage { page, used: 0 }).collect();
        Windows::<T>::insert(
            id,
            Window {
                next: first,
                pages: BoundedVec::truncate_from(open),
            },
        );
        let mut batch = Batch {
            campaign: campaign_id,
            requester,
            state: BatchState::Open,
            opened: now,
            until,
            deadline: until,
            pages,
            pages_root,
            index_root,
            joins,
            children: BoundedVec::new(),
            cancelled: false,
            workers: 0,
            sponsored: 0,
            done: 0,
            closing: 0,
            answered: 0,
            complete: 0,
            revealed_pages: 0,
            gold_pages: 0,
            used_slots: 0,
            revealed_slots: 0,
            sums: BatchSums::default(),
            reference: None,
            result: result_start(&Self::genesis(), id),
            money: BatchMoney {
                escrow,
                bond,
                deposited,
                ..Default::default()
            },
            deposit,
            place: None,
        };
        Self::requeue(id, &mut batch);
        Batches::<T>::insert(id, batch);
        Self::deposit_event(Event::BatchOpened {
            batch: id,
            campaign: campaign_id,
            pages,
            until,
            held: deposited,
        });
        Ok(())
    }

    /// The batch to follow up, with the follower in it.
    fn join(
        parent_id: BatchId,
        id: BatchId,
        requester: &T::AccountId,
        until: Ticks,
        now: Ticks,
    ) -> Result<(BatchId, Batch<T::AccountId>), DispatchError> {
        let mut parent = Batches::<T>::get(parent_id).ok_or(Error::<T>::BadParent)?;
        ensure!(
            parent.state == BatchState::Open
                && parent.requester == *requester
                && parent.joins.is_none()
                && !parent.is_closed(now),
            Error::<T>::BadParent
        );
        let delay = Campaigns::<T>::get(parent.campaign)
            .ok_or(Error::<T>::BadParent)?
            .terms
            .join_delay;
        ensure!(
            until <= parent.until.saturating_add(delay),
            Error::<T>::EndsTooLate
        );
        parent
            .children
            .try_push(id)
            .map_err(|_| Error::<T>::BadParent)?;
        Ok((parent_id, parent))
    }

    pub(crate) fn do_close_page(
        requester: T::AccountId,
        id: BatchId,
        index: PageIndex,
    ) -> Result<Weight, DispatchError> {
        let mut batch = Batches::<T>::get(id).ok_or(Error::<T>::NoSuchBatch)?;
        ensure!(batch.requester == requester, Error::<T>::NotRequester);
        ensure!(batch.state == BatchState::Open, Error::<T>::UnexpectedState);
        ensure!(index < batch.pages, Error::<T>::NoSuchPage);
        ensure!(!batch.cancelled, Error::<T>::PageIsClosed);
        let campaign = Self::campaign_of(&batch)?;
        let mut page = Self::page_or_new(id, index, &campaign);
        ensure!(!page.closed, Error::<T>::PageIsClosed);
        let used = page.used();
        ensure!(
            used == 0 || used >= campaign.terms.panel_min.into(),
            Error::<T>::TooFewCommits
        );
        page.closed = true;
        if page.leases() == 0 {
            batch.done = batch.done.saturating_add(1);
        } else {
            batch.closing = batch.closing.saturating_add(1);
        }
        Pages::<T>::insert(id, index, page);
        Self::leave_window(id, &batch, &campaign, index);
        Self::requeue(id, &mut batch);
        Batches::<T>::insert(id, batch);
        Self::deposit_event(Event::PageClosed {
            batch: id,
            page: index,
        });
        Ok(T::WeightInfo::page_done())
    }

    /// Closes all pages; gives how many of the window were looked at.
    pub(crate) fn do_cancel(requester: T::AccountId, id: BatchId) -> Result<u32, DispatchError> {
        let mut batch = Batches::<T>::get(id).ok_or(Error::<T>::NoSuchBatch)?;
        ensure!(batch.requester == requester, Error::<T>::NotRequester);
        ensure!(batch.state == BatchState::Open, Error::<T>::UnexpectedState);
        ensure!(!batch.cancelled, Error::<T>::AlreadyCancelled);
        batch.cancelled = true;
        let window = Windows::<T>::take(id);
        let mut pages = 0u32;
        // Live leases are on pages of the window, or of pages closed before, which are counted.
        for open in window.pages.iter().filter(|open| open.used > 0) {
            pages = pages.saturating_add(1);
            Pages::<T>::mutate_exists(id, open.page, |page| {
                if let Some(page) = page.as_mut().filter(|page| page.leases() > 0) {
                    page.closed = true;
                    batch.closing = batch.closing.saturating_add(1);
                }
            });
        }
        Self::requeue(id, &mut batch);
        Batches::<T>::insert(id, batch);
        Self::deposit_event(Event::BatchCancelled { batch: id });
        Ok(pages)
    }

    pub(crate) fn campaign_of(
        batch: &Batch<T::AccountId>,
    ) -> Result<Campaign<T::AccountId>, DispatchError> {
        Campaigns::<T>::get(batch.campaign).ok_or(Error::<T>::NoSuchCampaign.into())
    }

    pub(crate) fn page_or_new(
        id: BatchId,
        index: PageIndex,
        campaign: &Campaign<T::AccountId>,
    ) -> Page {
        Pages::<T>::get(id, index).unwrap_or_else(|| {
            let slots = (0..campaign.terms.panel_max).map(|_| Slot::Free).collect();
            Page {
                slots: BoundedVec::truncate_from(slots),
                closed: false,
                gold_opened: false,
            }
        })
    }

    /// The other batches that leave `Open` together with this one.
    pub(crate) fn group(id: BatchId, batch: &Batch<T::AccountId>) -> Vec<BatchId> {
        match batch.joins {
            None => batch.children.to_vec(),
            Some(parent) => {
                let siblings = Batches::<T>::get(parent)
                    .map(|parent| parent.children)
                    .unwrap_or_default();
                core::iter::once(parent)
                    .chain(siblings.into_iter().filter(|sibling| *sibling != id))
                    .collect()
            }
        }
    }
}

impl<AccountId> Batch<AccountId> {
    /// Whether no lease is live and none will be.
    pub fn is_closed(&self, now: Ticks) -> bool {
        now >= self.until || (self.closing == 0 && (self.cancelled || self.done == self.pages))
    }
}
