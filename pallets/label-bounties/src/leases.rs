//! Requests, draws, and leases that end without a commit.

use crate::{
    Balance, Batch, Batches, Campaign, Campaigns, Config, Error, Event, Expiring, HoldReason,
    OpenPage, Page, Pages, Pallet, Queue, QueueEnds, Request, Seen, SeenPages, SignedVoucher, Slot,
    VoucherUse, WeightInfo, Window, Windows, Worker, WorkerOf, Workers, EXPIRY_TICKS,
};
use alloc::vec::Vec;
use athanor_label_math::{Prior, WorkerSums};
use athanor_primitives::labels::{
    lease_draw, voucher_text, BatchId, BatchState, Gate, PageIndex, Refusal, Ticks, WorkerIndex,
    MAX_LEASES, MAX_WINDOW, MAX_WORKERS, SPONSORED_A_SLOT, WINDOW_PAGES,
};
use frame_support::{
    defensive, ensure,
    traits::Get,
    weights::{Weight, WeightMeter},
};
use sp_runtime::{traits::Verify, AccountId32, DispatchError, DispatchResult, SaturatedConversion};

/// Blocks between a request and its draw: the author of the request's block knew that block's VRF.
pub(crate) const DRAW_DELAY: u32 = 2;

/// Unopened pages looked at for one draw. Only those closed before they were opened are passed
/// over.
const LOOK_AHEAD: u32 = 4;

/// Skips that cost nothing at all, beside one for each [`COMMITS_A_SKIP`] commits.
const FREE_SKIPS: u32 = 2;
const COMMITS_A_SKIP: u32 = 8;

/// What a request is about, found good.
pub(crate) struct Requested<AccountId> {
    batch: Batch<AccountId>,
    campaign: Campaign<AccountId>,
    worker: Option<(WorkerIndex, Worker<AccountId>)>,
}

impl<AccountId> Requested<AccountId> {
    /// Requests of the account so far.
    pub(crate) fn requests(&self) -> u32 {
        self.worker
            .as_ref()
            .map_or(0, |(_, worker)| worker.requests)
    }
}

/// Where an account's slot is.
pub(crate) struct SlotPlace {
    pub(crate) worker: WorkerIndex,
    pub(crate) page: Page,
    pub(crate) slot: usize,
}

/// A lease, with all that a call on it changes.
pub(crate) struct Lease<AccountId> {
    pub(crate) batch: Batch<AccountId>,
    pub(crate) index: WorkerIndex,
    pub(crate) worker: Worker<AccountId>,
    pub(crate) page: Page,
    pub(crate) slot: usize,
}

impl<T: Config> Pallet<T> {
    /// Whether an account may request pages. The voucher's signature, which is dear, comes last.
    pub(crate) fn check_request(
        who: &T::AccountId,
        id: BatchId,
        pages: u32,
        voucher: Option<&SignedVoucher>,
        sponsored: bool,
    ) -> Result<Requested<T::AccountId>, Refusal> {
        let batch = Batches::<T>::get(id).ok_or(Refusal::NoSuchBatch)?;
        ensure!(batch.state == BatchState::Open, Refusal::UnexpectedState);
        let campaign = Campaigns::<T>::get(batch.campaign).ok_or(Refusal::NoSuchBatch)?;
        let terms = &campaign.terms;
        let now = Self::clock();
        ensure!(
            Self::may_lease(&batch, terms.lease, now),
            Refusal::ClosesTooSoon
        );
        ensure!(batch.requester != *who, Refusal::IsRequester);
        let most = if sponsored { 1 } else { MAX_LEASES };
        ensure!((1..=most).contains(&pages), Refusal::TooManyLeases);
        let worker = WorkerOf::<T>::get(id, who)
            .and_then(|index| Workers::<T>::get(id, index).map(|worker| (index, worker)));
        let had = match &worker {
            Some((_, worker)) => {
                ensure!(worker.sponsored == sponsored, Refusal::OtherMode);
                ensure!(worker.waiting == 0, Refusal::RequestPending);
                ensure!(worker.blocked_until <= now, Refusal::SkippedTooOften);
                ensure!(
                    pages.saturating_add(worker.live.into()) <= most,
                    Refusal::TooManyLeases
                );
                worker.leased.saturating_sub(worker.skipped)
            }
            None => {
                ensure!(batch.workers < MAX_WORKERS, Refusal::BatchFull);
                0
            }
        };
        ensure!(
            had.saturating_add(pages) <= terms.quota(batch.pages),
            Refusal::QuotaReached
        );
        let slots = batch.pages.saturating_mul(terms.panel_max.into());
        ensure!(
            !sponsored || batch.sponsored < slots.saturating_mul(SPONSORED_A_SLOT),
            Refusal::SponsoringUsedUp
        );
        if !terms.serve_group {
            let elsewhere = Self::group(id, &batch)
                .into_iter()
                .any(|other| WorkerOf::<T>::contains_key(other, who));
            ensure!(!elsewhere, Refusal::EnrolledInGroup);
        }
        ensure!(
            QueueEnds::<T>::get().len() < T::MaxQueue::get().into(),
            Refusal::QueueFull
        );
        if let Gate::Domain { id, bound } = terms.gate {
            ensure!(Self::record_bound(id, who) >= bound, Refusal::RecordTooLow);
        }
        if Self::counts_voucher(&campaign, sponsored) {
            let signed = voucher.ok_or(Refusal::VoucherMissing)?;
            let voucher = &signed.voucher;
            let block: u32 = frame_system::Pallet::<T>::block_number().saturated_into();
            ensure!(voucher.expires >= block, Refusal::VoucherExpired);
            ensure!(voucher.sponsored || !sponsored, Refusal::NotSponsored);
            let used = VoucherUse::<T>::get(batch.campaign, who).saturating_add(pages);
            ensure!(used <= voucher.pages, Refusal::VoucherUsedUp);
            let key = terms.voucher_key.ok_or(Refusal::VoucherInvalid)?;
            let text = voucher_text(
                &Self::genesis(),
                batch.campaign,
                &who.clone().into(),
                voucher,
            );
            ensure!(
                signed.signature.verify(&text[..], &AccountId32::new(key)),
                Refusal::VoucherInvalid
            );
        }
        Ok(Requested {
            batch,
            campaign,
            worker,
        })
    }

    /// Whether a page's lease of a worker counts into [`VoucherUse`].
    fn counts_voucher(campaign: &Campaign<T::AccountId>, sponsored: bool) -> bool {
        sponsored || campaign.terms.gate == Gate::Voucher
    }

    /// Whether a lease granted now would end before the batch does.
    fn may_lease(batch: &Batch<T::AccountId>, lease: Ticks, now: Ticks) -> bool {
        batch.state == BatchState::Open
            && !batch.cancelled
            && now.saturating_add(lease) <= batch.until
    }

    pub(crate) fn do_request(
        who: T::AccountId,
        id: BatchId,
        pages: u32,
        voucher: Option<&SignedVoucher>,
        sponsored: bool,
    ) -> DispatchResult {
        let Requested {
            mut batch,
            campaign,
            worker,
        } = Self::check_request(&who, id, pages, voucher, sponsored).map_err(Error::<T>::from)?;
        let stake = if sponsored {
            0
        } else {
            campaign
                .terms
                .page_stake()
                .checked_mul(pages.into())
                .ok_or(Error::<T>::Overflow)?
        };
        Self::hold(HoldReason::WorkerStake, &who, stake)?;
        if sponsored {
            batch.sponsored = batch.sponsored.saturating_add(1);
        }
        let is_new = worker.is_none();
        let (index, mut worker) = match worker {
            Some(enrolled) => enrolled,
            None => {
                let index = batch.workers;
                batch.workers = batch.workers.saturating_add(1);
                WorkerOf::<T>::insert(id, &who, index);
                let prior = campaign
                    .terms
                    .domain
                    .map(|domain| Self::prior_of(domain, &who))
                    .unwrap_or_default();
                (index, Self::enrolled(who.clone(), sponsored, prior))
            }
        };
        worker.requests = worker.requests.saturating_add(1);
        // At most MAX_LEASES.
        worker.waiting = pages as u8;
        worker.staked = worker.staked.saturating_add(stake);
        Workers::<T>::insert(id, index, worker);
        if is_new || sponsored {
            Batches::<T>::insert(id, &batch);
        }
        if Self::counts_voucher(&campaign, sponsored) {
            VoucherUse::<T>::mutate(batch.campaign, &who, |used| {
                *used = used.saturating_add(pages);
            });
        }
        let mut ends = QueueEnds::<T>::get();
        let number = ends.tail;
        ends.tail = number.saturating_add(1);
        QueueEnds::<T>::put(ends);
        Queue::<T>::insert(
            number,
            Request {
                batch: id,
                worker: index,
                pages: pages as u8,
                since: frame_system::Pallet::<T>::block_number().saturated_into(),
            },
        );
        Self::deposit_event(Event::PagesRequested {
            batch: id,
            worker: who,
            pages,
            request: number,
        });
        Ok(())
    }

    fn enrolled(account: T::AccountId, sponsored: bool, prior: Prior) -> Worker<T::AccountId> {
        Worker {
            account,
            sponsored,
            requests: 0,
            waiting: 0,
            live: 0,
            leased: 0,
            skipped: 0,
            committed: 0,
            revealed: 0,
            blocked_until: 0,
            staked: 0,
            sums: WorkerSums::default(),
            prior,
            outcome: None,
        }
    }

    /// Weight of the heaviest request.
    pub(crate) fn most_draw() -> Weight {
        T::WeightInfo::draw_request()
            .saturating_add(T::WeightInfo::draw_page().saturating_mul(MAX_LEASES.into()))
    }

    /// Serves requests that are old enough, in their order. Gives the weight.
    pub(crate) fn serve_requests() -> Weight {
        let mut ends = QueueEnds::<T>::get();
        if ends.is_empty() {
            return Weight::zero();
        }
        let Some(seed) = T::DrawSeed::get() else {
            return Weight::zero();
        };
        let block: u32 = frame_system::Pallet::<T>::block_number().saturated_into();
        let mut meter = WeightMeter::with_limit(T::MaxDrawWeight::get());
        let mut pages = T::MaxDraws::get();
        let head = ends.head;
        while !ends.is_empty() && meter.can_consume(Self::most_draw()) {
            let Some(request) = Queue::<T>::get(ends.head) else {
                defensive!("the queue has a hole");
                ends.head = ends.head.saturating_add(1);
                continue;
            };
            let wanted = u32::from(request.pages);
            if request.since.saturating_add(DRAW_DELAY) > block || wanted > pages {
                break;
            }
            pages = pages.saturating_sub(wanted);
            Queue::<T>::remove(ends.head);
            ends.head = ends.head.saturating_add(1);
            meter.consume(Self::serve(request, &seed));
        }
        if ends.head != head {
            QueueEnds::<T>::put(ends);
        }
        meter.consumed()
    }

    /// Draws the pages of a request. Gives the weight.
    pub(crate) fn serve(request: Request, seed: &[u8; 32]) -> Weight {
        let Request {
            batch: id,
            worker: index,
            pages,
            ..
        } = request;
        let spent = T::WeightInfo::draw_request();
        let wanted = u32::from(pages);
        // A batch that ended meanwhile gave the stake back with the rest.
        let (Some(batch), Some(mut worker)) = (Batches::<T>::get(id), Workers::<T>::get(id, index))
        else {
            return spent;
        };
        let Some(campaign) = Campaigns::<T>::get(batch.campaign) else {
            defensive!("a batch has no campaign");
            return spent;
        };
        let now = Self::clock();
        let account: [u8; 32] = worker.account.clone().into();
        let mut given = 0u32;
        if Self::may_lease(&batch, campaign.terms.lease, now) {
            let mut window = Windows::<T>::get(id);
            let mut seen = Seen::<T>::get(id, index);
            seen.retain(|page| window.pages.iter().any(|open| open.page == *page));
            for i in 0..wanted {
                let random = lease_draw(seed, id, &account, i);
                let Some(page) = Self::draw(id, &batch, &campaign, &mut window, &seen, random)
                else {
                    break;
                };
                Self::lease(id, page, index, &campaign, &worker.account, now);
                Self::see(&mut seen, page);
                given = given.saturating_add(1);
            }
            Windows::<T>::insert(id, window);
            Seen::<T>::insert(id, index, seen);
        }
        worker.waiting = 0;
        worker.leased = worker.leased.saturating_add(given);
        // At most MAX_LEASES.
        worker.live = worker.live.saturating_add(given as u8);
        let missing = wanted.saturating_sub(given);
        if missing > 0 {
            Self::return_stakes(&campaign, &mut worker, missing);
            Self::return_voucher(&batch, &campaign, &worker, missing);
            Self::deposit_event(Event::NoPage {
                batch: id,
                worker: worker.account.clone(),
                missing,
            });
        }
        Workers::<T>::insert(id, index, worker);
        spent.saturating_add(T::WeightInfo::draw_page().saturating_mul(given.max(1).into()))
    }

    /// Draws a page of the window that the worker has not seen, or else the next unopened one.
    fn draw(
        id: BatchId,
        batch: &Batch<T::AccountId>,
        campaign: &Campaign<T::AccountId>,
        window: &mut Window,
        seen: &SeenPages,
        random: u64,
    ) -> Option<PageIndex> {
        let slots = campaign.terms.panel_max;
        Self::fill_window(id, batch, slots, window, WINDOW_PAGES);
        let eligible = |window: &Window| -> Vec<usize> {
            window
                .pages
                .iter()
                .enumerate()
                .filter(|(_, open)| open.used < slots && seen.binary_search(&open.page).is_err())
                .map(|(at, _)| at)
                .collect()
        };
        let mut places = eligible(window);
        if places.is_empty() {
            let free = Self::free_pages(window, slots);
            Self::fill_window(id, batch, slots, window, free.saturating_add(1));
            places = eligible(window);
        }
        let at = random.checked_rem(places.len() as u64)?;
        let open = window.pages.get_mut(*places.get(at as usize)?)?;
        open.used = open.used.saturating_add(1);
        Some(open.page)
    }

    /// Pages of the window with a free slot.
    fn free_pages(window: &Window, slots: u8) -> u32 {
        // At most MAX_WINDOW.
        window.pages.iter().filter(|open| open.used < slots).count() as u32
    }

    /// Lets unopened pages into the window, in their order, until `wanted` of its pages have a
    /// free slot.
    fn fill_window(
        id: BatchId,
        batch: &Batch<T::AccountId>,
        slots: u8,
        window: &mut Window,
        wanted: u32,
    ) {
        let mut free = Self::free_pages(window, slots);
        for _ in 0..LOOK_AHEAD {
            if free >= wanted
                || window.next >= batch.pages
                || window.pages.len() as u32 >= MAX_WINDOW
            {
                return;
            }
            let page = window.next;
            window.next = page.saturating_add(1);
            // Only a page that was closed before it was opened has a record.
            if Pages::<T>::contains_key(id, page) {
                continue;
            }
            if window.pages.try_push(OpenPage { page, used: 0 }).is_ok() {
                free = free.saturating_add(1);
            }
        }
    }

    /// Takes a page that was closed out of the window, and lets the next in.
    pub(crate) fn leave_window(
        id: BatchId,
        batch: &Batch<T::AccountId>,
        campaign: &Campaign<T::AccountId>,
        page: PageIndex,
    ) {
        Windows::<T>::mutate_exists(id, |window| {
            if let Some(window) = window {
                window.pages.retain(|open| open.page != page);
                Self::fill_window(id, batch, campaign.terms.panel_max, window, WINDOW_PAGES);
            }
        });
    }

    fn see(seen: &mut SeenPages, page: PageIndex) {
        if let Err(at) = seen.binary_search(&page) {
            // Its pages are of the window, which has no more than fit.
            if seen.try_insert(at, page).is_err() {
                defensive!("more pages seen than the window has");
            }
        }
    }

    fn lease(
        id: BatchId,
        index: PageIndex,
        worker: WorkerIndex,
        campaign: &Campaign<T::AccountId>,
        account: &T::AccountId,
        now: Ticks,
    ) {
        let until = now.saturating_add(campaign.terms.lease);
        let mut page = Self::page_or_new(id, index, campaign);
        let Some(at) = page.slots.iter().position(|slot| *slot == Slot::Free) else {
            defensive!("a page of the window with a free slot has none");
            return;
        };
        if let Some(slot) = page.slots.get_mut(at) {
            *slot = Slot::Leased { worker, until };
        }
        Pages::<T>::insert(id, index, page);
        // At most MAX_PANEL.
        Expiring::<T>::insert(until.div_ceil(EXPIRY_TICKS), (id, index, at as u8), ());
        Self::deposit_event(Event::PageLeased {
            batch: id,
            page: index,
            worker: account.clone(),
            until,
        });
    }

    /// Gives a worker the stake of some pages back.
    fn return_stakes(
        campaign: &Campaign<T::AccountId>,
        worker: &mut Worker<T::AccountId>,
        pages: u32,
    ) {
        let stake = campaign
            .terms
            .page_stake()
            .saturating_mul(Balance::from(pages))
            .min(worker.staked);
        worker.staked = worker.staked.saturating_sub(stake);
        Self::give_back(HoldReason::WorkerStake, &worker.account, stake);
    }

    fn return_voucher(
        batch: &Batch<T::AccountId>,
        campaign: &Campaign<T::AccountId>,
        worker: &Worker<T::AccountId>,
        pages: u32,
    ) {
        if Self::counts_voucher(campaign, worker.sponsored) {
            VoucherUse::<T>::mutate_exists(batch.campaign, &worker.account, |used| {
                *used = used
                    .map(|used| used.saturating_sub(pages))
                    .filter(|used| *used > 0);
            });
        }
    }

    /// The live lease of an account on a page.
    pub(crate) fn check_lease(
        who: &T::AccountId,
        id: BatchId,
        index: PageIndex,
    ) -> Result<Lease<T::AccountId>, Refusal> {
        let batch = Batches::<T>::get(id).ok_or(Refusal::NoSuchBatch)?;
        ensure!(batch.state == BatchState::Open, Refusal::UnexpectedState);
        let place = Self::place_of(&batch, who, id, index)?;
        match place.page.slots.get(place.slot) {
            Some(Slot::Leased { until, .. }) if Self::clock() < *until => {
                Self::lease_at(batch, place, id)
            }
            Some(Slot::Leased { .. }) => Err(Refusal::LeaseOver),
            Some(Slot::Committed { .. } | Slot::Revealed { .. }) => Err(Refusal::AlreadyCommitted),
            _ => Err(Refusal::NoLease),
        }
    }

    /// The slot of an account on a page, whatever became of it.
    pub(crate) fn place_of(
        batch: &Batch<T::AccountId>,
        who: &T::AccountId,
        id: BatchId,
        index: PageIndex,
    ) -> Result<SlotPlace, Refusal> {
        ensure!(index < batch.pages, Refusal::NoSuchPage);
        let page = Pages::<T>::get(id, index).ok_or(Refusal::NoLease)?;
        let worker = WorkerOf::<T>::get(id, who).ok_or(Refusal::NoLease)?;
        let slot = page.slot_of(worker).ok_or(Refusal::NoLease)?;
        Ok(SlotPlace { worker, page, slot })
    }

    fn lease_at(
        batch: Batch<T::AccountId>,
        place: SlotPlace,
        id: BatchId,
    ) -> Result<Lease<T::AccountId>, Refusal> {
        let SlotPlace { worker, page, slot } = place;
        Ok(Lease {
            batch,
            index: worker,
            worker: Workers::<T>::get(id, worker).ok_or(Refusal::NoLease)?,
            page,
            slot,
        })
    }

    pub(crate) fn do_skip(
        who: T::AccountId,
        id: BatchId,
        index: PageIndex,
    ) -> Result<Weight, DispatchError> {
        let mut lease = Self::check_lease(&who, id, index).map_err(Error::<T>::from)?;
        let campaign = Self::campaign_of(&lease.batch)?;
        let worker = &mut lease.worker;
        worker.skipped = worker.skipped.saturating_add(1);
        let allowed = worker
            .committed
            .checked_div(COMMITS_A_SKIP)
            .unwrap_or(0)
            .saturating_add(FREE_SKIPS);
        if worker.skipped > allowed {
            worker.blocked_until =
                Self::clock().saturating_add(campaign.terms.lease.saturating_mul(2));
        }
        Self::return_stakes(&campaign, worker, 1);
        Self::return_voucher(&lease.batch, &campaign, worker, 1);
        Self::deposit_event(Event::PageSkipped {
            batch: id,
            page: index,
            worker: who,
        });
        Ok(Self::free_slot(id, index, lease))
    }

    pub(crate) fn do_expire(
        who: T::AccountId,
        id: BatchId,
        index: PageIndex,
    ) -> Result<Weight, DispatchError> {
        let batch = Batches::<T>::get(id).ok_or(Error::<T>::NoSuchBatch)?;
        ensure!(batch.state == BatchState::Open, Error::<T>::UnexpectedState);
        let place = Self::place_of(&batch, &who, id, index).map_err(Error::<T>::from)?;
        match place.page.slots.get(place.slot) {
            Some(Slot::Leased { until, .. }) => {
                ensure!(Self::clock() >= *until, Error::<T>::LeaseIsLive);
            }
            _ => return Err(Error::<T>::NoLease.into()),
        }
        let lease = Self::lease_at(batch, place, id).map_err(Error::<T>::from)?;
        Ok(Self::expire_lease(id, index, lease))
    }

    fn expire_lease(id: BatchId, index: PageIndex, lease: Lease<T::AccountId>) -> Weight {
        Self::deposit_event(Event::LeaseExpired {
            batch: id,
            page: index,
            worker: lease.worker.account.clone(),
        });
        Self::free_slot(id, index, lease)
    }

    /// Frees a slot whose lease ran out, if it did and the batch is still open. Gives the weight.
    pub(crate) fn expire_slot(id: BatchId, index: PageIndex, slot: u8) -> Weight {
        let spent = T::WeightInfo::expire();
        let slot = usize::from(slot);
        let found = || {
            let batch = Batches::<T>::get(id).filter(|batch| batch.state == BatchState::Open)?;
            let page = Pages::<T>::get(id, index)?;
            let number = match page.slots.get(slot)? {
                Slot::Leased { worker, until } if *until <= Self::clock() => *worker,
                _ => return None,
            };
            Some(Lease {
                batch,
                index: number,
                worker: Workers::<T>::get(id, number)?,
                page,
                slot,
            })
        };
        match found() {
            Some(lease) => spent.saturating_add(Self::expire_lease(id, index, lease)),
            None => spent,
        }
    }

    /// Ends a lease without a commit. Gives the weight beyond that of the call.
    fn free_slot(id: BatchId, index: PageIndex, lease: Lease<T::AccountId>) -> Weight {
        let Lease {
            mut batch,
            index: number,
            mut worker,
            mut page,
            slot,
        } = lease;
        worker.live = worker.live.saturating_sub(1);
        Workers::<T>::insert(id, number, worker);
        if let Some(slot) = page.slots.get_mut(slot) {
            *slot = Slot::Free;
        }
        let ended = page.closed && page.leases() == 0;
        if !page.closed {
            Windows::<T>::mutate_exists(id, |window| {
                let open = window
                    .as_mut()
                    .and_then(|window| window.pages.iter_mut().find(|open| open.page == index));
                if let Some(open) = open {
                    open.used = open.used.saturating_sub(1);
                }
            });
        }
        Pages::<T>::insert(id, index, page);
        if !ended {
            return Weight::zero();
        }
        batch.closing = batch.closing.saturating_sub(1);
        batch.done = batch.done.saturating_add(1);
        Self::requeue(id, &mut batch);
        Batches::<T>::insert(id, batch);
        T::WeightInfo::page_done()
    }
}
