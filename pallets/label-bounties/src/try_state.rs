//! What always holds.

use crate::{
    Admitted, Balance, Batch, BatchMoney, Batches, Campaigns, Config, Contributions, Cranking,
    Credits, Deadlines, Domains, Expiring, GoldOf, HoldReason, Page, Pages, Pallet, Place, Queue,
    QueueEnds, Ranks, Results, Seen, Slot, VoucherUse, Windows, WorkerOf, Workers, EXPIRY_TICKS,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use athanor_label_math::{score_page, BatchSums, Gold, WorkerSums};
use athanor_primitives::labels::{self, BatchId, BatchState, MAX_WORKERS};
use frame_support::{ensure, traits::fungible::hold::Inspect as _};
use sp_runtime::TryRuntimeError;

type Checked = Result<(), TryRuntimeError>;
type Sums<AccountId> = BTreeMap<AccountId, Balance>;

fn add<AccountId: Ord>(sums: &mut Sums<AccountId>, who: AccountId, amount: Balance) {
    let sum = sums.entry(who).or_default();
    *sum = sum.saturating_add(amount);
}

fn is_over(state: BatchState) -> bool {
    matches!(state, BatchState::Paid | BatchState::Pruning { .. })
}

/// Pages that are scored.
fn scored<AccountId>(batch: &Batch<AccountId>) -> u32 {
    match batch.state {
        BatchState::Score { page } => page,
        BatchState::Rank { .. } | BatchState::Pay { .. } | BatchState::Paid => batch.pages,
        _ => 0,
    }
}

/// Pages that are not removed, from the first one on.
fn removed<AccountId>(batch: &Batch<AccountId>) -> u32 {
    match batch.state {
        BatchState::Pruning { next } => next,
        _ => 0,
    }
}

impl<T: Config> Pallet<T> {
    /// Runs all checks.
    pub fn do_try_state() -> Checked {
        Self::try_state_escrows()?;
        Self::try_state_stakes()?;
        Self::try_state_credits()?;
        Self::try_state_deposits()?;
        Self::try_state_money()?;
        Self::try_state_rows()?;
        Self::try_state_panels()?;
        Self::try_state_windows()?;
        Self::try_state_workers()?;
        Self::try_state_expiring()?;
        Self::try_state_queue()?;
        Self::try_state_places()?;
        Self::try_state_groups()?;
        Self::try_state_scores()?;
        Self::try_state_results()?;
        Self::try_state_campaigns()?;
        Self::try_state_domains()?;
        Self::try_state_remains()
    }

    pub(crate) fn on_hold(reason: HoldReason, who: &T::AccountId) -> Balance {
        T::Currency::balance_on_hold(&reason.into(), who)
    }

    fn ensure_held(
        reason: fn() -> HoldReason,
        sums: Sums<T::AccountId>,
        error: &'static str,
    ) -> Checked {
        for (who, sum) in sums {
            ensure!(Self::on_hold(reason(), &who) == sum, error);
        }
        Ok(())
    }

    /// What is held for escrow and bonds is what the requester's batches say.
    fn try_state_escrows() -> Checked {
        let mut escrows = BTreeMap::new();
        let mut bonds = BTreeMap::new();
        for batch in Batches::<T>::iter_values() {
            add(&mut escrows, batch.requester.clone(), batch.money.escrow);
            add(&mut bonds, batch.requester, batch.money.bond);
        }
        Self::ensure_held(|| HoldReason::BatchEscrow, escrows, "escrow is not held")?;
        Self::ensure_held(|| HoldReason::RequesterBond, bonds, "bonds are not held")
    }

    /// What is held of a worker's money is the stake of his leases, commits and requests.
    fn try_state_stakes() -> Checked {
        let mut stakes = BTreeMap::new();
        for (id, _, worker) in Workers::<T>::iter() {
            if let Some(batch) = Batches::<T>::get(id) {
                let campaign =
                    Campaigns::<T>::get(batch.campaign).filter(|_| !is_over(batch.state));
                if let Some(campaign) = campaign.filter(|_| worker.outcome.is_none()) {
                    let pages = worker
                        .leased
                        .saturating_sub(worker.skipped)
                        .saturating_add(worker.waiting.into());
                    let due = if worker.sponsored {
                        0
                    } else {
                        campaign.terms.page_stake().saturating_mul(pages.into())
                    };
                    ensure!(worker.staked == due, "a stake is not that of the pages");
                } else {
                    ensure!(worker.staked == 0, "a stake outlives its batch");
                }
            }
            add(&mut stakes, worker.account, worker.staked);
        }
        Self::ensure_held(|| HoldReason::WorkerStake, stakes, "stakes are not held")
    }

    /// The pallet's account holds every credit and nothing else.
    fn try_state_credits() -> Checked {
        let sum = Credits::<T>::iter_values().fold(0, Balance::saturating_add);
        ensure!(
            Self::on_hold(HoldReason::Credit, &Self::pot()) == sum,
            "credits are not held"
        );
        ensure!(
            Credits::<T>::iter_values().all(|credit| credit > 0),
            "an empty credit is kept"
        );
        Ok(())
    }

    /// What is held for records is the sum of the deposits of campaigns, batches and domains.
    fn try_state_deposits() -> Checked {
        let mut sums = BTreeMap::new();
        for campaign in Campaigns::<T>::iter_values() {
            add(&mut sums, campaign.requester, campaign.deposit);
        }
        for batch in Batches::<T>::iter_values() {
            add(&mut sums, batch.requester, batch.deposit);
        }
        for domain in Domains::<T>::iter_values() {
            match domain.owner {
                Some(owner) => add(&mut sums, owner, domain.deposit),
                None => ensure!(domain.deposit == 0, "governance paid a deposit"),
            }
        }
        Self::ensure_held(|| HoldReason::Deposit, sums, "deposits are not held")
    }

    /// For each batch: paid, refunded, to treasury, fees and rewards, and held is what was
    /// deposited.
    fn try_state_money() -> Checked {
        for batch in Batches::<T>::iter_values() {
            let BatchMoney {
                escrow,
                bond,
                deposited,
                paid,
                treasury,
                refunded,
                fees,
                rewards,
            } = batch.money;
            let sum = [escrow, bond, paid, treasury, refunded, fees, rewards]
                .into_iter()
                .fold(0, Balance::saturating_add);
            ensure!(sum == deposited, "money of a batch came or went");
            ensure!(
                !is_over(batch.state) || (escrow == 0 && bond == 0),
                "a paid batch holds money"
            );
        }
        Ok(())
    }

    /// Each slot ends in one row of the money table: what is left of the escrow is that of the
    /// slots that have not ended, and what went where is what the rows of the others say.
    fn try_state_rows() -> Checked {
        for (id, batch) in Batches::<T>::iter() {
            if is_over(batch.state) {
                continue;
            }
            let campaign =
                Campaigns::<T>::get(batch.campaign).ok_or("a live batch has no terms")?;
            let terms = &campaign.terms;
            let eighth = campaign.slot_fee.checked_div(8).unwrap_or(0);
            let paid_up_to = match batch.state {
                BatchState::Pay { worker } => worker,
                _ => 0,
            };
            let mut gone = eighth.saturating_mul(batch.used_slots.into());
            let mut paid: Balance = 0;
            let mut treasury: Balance = 0;
            for worker in (0..paid_up_to).filter_map(|index| Workers::<T>::get(id, index)) {
                let outcome = worker.outcome.ok_or("a worker was passed over")?;
                let committed = Balance::from(worker.committed);
                gone = gone.saturating_add(
                    campaign
                        .slot_price()
                        .saturating_sub(eighth)
                        .saturating_mul(committed),
                );
                paid = paid.saturating_add(outcome.pay);
                treasury = treasury
                    .saturating_add(terms.page_pay().saturating_mul(committed))
                    .saturating_sub(outcome.pay)
                    .saturating_add(campaign.fee.saturating_mul(committed));
            }
            let slots = batch.pages.saturating_mul(terms.panel_max.into());
            let all = campaign.slot_price().saturating_mul(slots.into());
            ensure!(
                batch.money.escrow == all.saturating_sub(gone),
                "the escrow is not that of the slots"
            );
            ensure!(
                batch.money.paid == paid && batch.money.treasury == treasury,
                "money went elsewhere than the rows say"
            );
        }
        Ok(())
    }

    /// No worker has two slots of a page, no page more than the terms' slots, and the batch's
    /// counts of pages are sums over its pages.
    fn try_state_panels() -> Checked {
        for (id, batch) in Batches::<T>::iter() {
            if is_over(batch.state) {
                continue;
            }
            let campaign =
                Campaigns::<T>::get(batch.campaign).ok_or("a live batch has no terms")?;
            let (mut answered, mut complete, mut revealed, mut gold) = (0u32, 0u32, 0u32, 0u32);
            for (number, page) in Pages::<T>::iter_prefix(id) {
                ensure!(number < batch.pages, "there is a page too many");
                ensure!(
                    page.slots.len() <= usize::from(campaign.terms.panel_max),
                    "a page has too many slots"
                );
                let workers: Vec<_> = page.slots.iter().filter_map(Slot::worker).collect();
                let different: BTreeSet<_> = workers.iter().collect();
                ensure!(
                    workers.len() == different.len(),
                    "a worker has two slots of a page"
                );
                ensure!(
                    workers.iter().all(|worker| *worker < batch.workers),
                    "a slot is nobody's"
                );
                let past_open = batch.state != BatchState::Open;
                // One that ran out need not have been freed.
                ensure!(
                    page.slots.iter().all(|slot| match slot {
                        Slot::Leased { until, .. } => *until <= batch.until,
                        _ => true,
                    }),
                    "a lease outlasts its batch"
                );
                ensure!(
                    past_open || page.revealed() == 0,
                    "an answer is shown while others answer"
                );
                ensure!(
                    page.gold_opened == GoldOf::<T>::contains_key(id, number),
                    "gold is lost"
                );
                ensure!(
                    !page.gold_opened || page.revealed() > 0,
                    "gold is opened for nobody"
                );
                let count = |sum: &mut u32, holds: bool| {
                    *sum = sum.saturating_add(u32::from(holds));
                };
                count(&mut answered, page.used() > 0);
                count(
                    &mut complete,
                    page.used() > 0 && page.used() == page.revealed(),
                );
                count(&mut revealed, page.revealed() > 0);
                count(&mut gold, page.gold_opened);
            }
            ensure!(
                batch.answered == answered,
                "pages with commits are miscounted"
            );
            ensure!(
                batch.complete == complete,
                "pages with all reveals are miscounted"
            );
            ensure!(
                batch.revealed_pages == revealed,
                "pages with reveals are miscounted"
            );
            ensure!(batch.gold_pages == gold, "opened pages are miscounted");
        }
        Ok(())
    }

    /// An open batch's window lists pages that take leases, each with its used slots.
    fn try_state_windows() -> Checked {
        for (id, window) in Windows::<T>::iter() {
            let batch = Batches::<T>::get(id).ok_or("a window without a batch")?;
            ensure!(batch.state == BatchState::Open, "a window outlives Open");
            let mut listed = BTreeSet::new();
            for open in &window.pages {
                ensure!(listed.insert(open.page), "a page is twice in a window");
                ensure!(open.page < window.next, "a page entered out of turn");
                let page = Pages::<T>::get(id, open.page).unwrap_or_default();
                ensure!(!page.closed, "a closed page is in a window");
                let used = page
                    .slots
                    .iter()
                    .filter(|slot| !matches!(slot, Slot::Free))
                    .count();
                ensure!(
                    usize::from(open.used) == used,
                    "a window's used slots are not those of the page"
                );
            }
        }
        Ok(())
    }

    /// A batch's workers are numbered without a gap, each account once, and what they leased and
    /// committed is what the pages say.
    fn try_state_workers() -> Checked {
        for (id, batch) in Batches::<T>::iter() {
            ensure!(batch.workers <= MAX_WORKERS, "too many workers");
            if let BatchState::Pruning { .. } = batch.state {
                continue;
            }
            let mut live: BTreeMap<u32, u8> = BTreeMap::new();
            let mut committed: BTreeMap<u32, u32> = BTreeMap::new();
            for page in Pages::<T>::iter_prefix_values(id) {
                for slot in &page.slots {
                    match slot {
                        Slot::Free => {}
                        Slot::Leased { worker, .. } => {
                            let count = live.entry(*worker).or_default();
                            *count = count.saturating_add(1);
                        }
                        Slot::Committed { worker, .. } | Slot::Revealed { worker, .. } => {
                            let count = committed.entry(*worker).or_default();
                            *count = count.saturating_add(1);
                        }
                    }
                }
            }
            let mut found = 0u32;
            for (index, worker) in Workers::<T>::iter_prefix(id) {
                found = found.saturating_add(1);
                ensure!(index < batch.workers, "a worker's number is too large");
                ensure!(
                    WorkerOf::<T>::get(id, &worker.account) == Some(index),
                    "an account has not its worker's number"
                );
                ensure!(
                    worker.live == live.get(&index).copied().unwrap_or(0),
                    "live leases are miscounted"
                );
                ensure!(
                    worker.committed == committed.get(&index).copied().unwrap_or(0),
                    "commits are miscounted"
                );
                let ended = worker.skipped.saturating_add(worker.committed);
                ensure!(
                    worker.leased >= ended.saturating_add(worker.live.into()),
                    "more leases ended than began"
                );
            }
            ensure!(found == batch.workers, "a worker is missing");
            ensure!(
                WorkerOf::<T>::iter_prefix(id).count() == found as usize,
                "an account has a number without a worker"
            );
        }
        Ok(())
    }

    /// Every lease is found by those who free slots when it runs out.
    fn try_state_expiring() -> Checked {
        for (id, number, page) in Pages::<T>::iter() {
            if Batches::<T>::get(id).is_none_or(|batch| batch.state != BatchState::Open) {
                continue;
            }
            for (at, slot) in (0u8..).zip(&page.slots) {
                if let Slot::Leased { until, .. } = slot {
                    let bucket = until.div_ceil(EXPIRY_TICKS);
                    ensure!(
                        Expiring::<T>::contains_key(bucket, (id, number, at)),
                        "a lease would never run out"
                    );
                }
            }
        }
        Ok(())
    }

    /// The queue is what lies between its ends, and each request is one worker's only one.
    fn try_state_queue() -> Checked {
        let ends = QueueEnds::<T>::get();
        let mut waiting = BTreeMap::new();
        for (at, request) in Queue::<T>::iter() {
            ensure!(
                at >= ends.head && at < ends.tail,
                "a request is out of the queue"
            );
            let one = waiting.insert((request.batch, request.worker), request.pages);
            ensure!(one.is_none(), "a worker has two requests in a batch");
        }
        for (id, index, worker) in Workers::<T>::iter() {
            if worker.outcome.is_none() {
                let asked = waiting.get(&(id, index)).copied().unwrap_or(0);
                ensure!(worker.waiting == asked, "a request is lost");
            }
        }
        Ok(())
    }

    /// Every batch waits in one place, for its deadline or to be advanced.
    fn try_state_places() -> Checked {
        let mut places: BTreeMap<BatchId, Vec<Place>> = BTreeMap::new();
        for (at, id, ()) in Deadlines::<T>::iter() {
            places.entry(id).or_default().push(Place::Deadline(at));
        }
        for id in Cranking::<T>::iter_keys() {
            places.entry(id).or_default().push(Place::Cranking);
        }
        for (id, batch) in Batches::<T>::iter() {
            let found = places.remove(&id).unwrap_or_default();
            ensure!(
                found.iter().copied().eq(batch.place),
                "a batch is not where it says"
            );
            ensure!(batch.place.is_some(), "a batch is forgotten");
        }
        ensure!(places.is_empty(), "a batch that is none waits");
        Ok(())
    }

    /// Batches and those joined with them know each other, and are open together.
    fn try_state_groups() -> Checked {
        for (id, batch) in Batches::<T>::iter() {
            for child in &batch.children {
                if let Some(child) = Batches::<T>::get(child) {
                    ensure!(
                        child.joins == Some(id),
                        "a follower does not know its parent"
                    );
                    ensure!(
                        (child.state == BatchState::Open) == (batch.state == BatchState::Open),
                        "answers of a group are shown while it is open"
                    );
                }
            }
            if let Some(parent) = batch.joins.and_then(Batches::<T>::get) {
                ensure!(
                    parent.children.contains(&id),
                    "a parent does not know its follower"
                );
                ensure!(parent.joins.is_none(), "a follower has followers");
            }
        }
        Ok(())
    }

    /// Sums and result are those of the pages scored so far, whoever did it and in how many
    /// calls.
    fn try_state_scores() -> Checked {
        for (id, batch) in Batches::<T>::iter() {
            if let BatchState::Pruning { .. } = batch.state {
                continue;
            }
            let mut sums = BatchSums::default();
            let mut workers: BTreeMap<u32, (WorkerSums, u32)> = BTreeMap::new();
            let (mut used, mut revealed) = (0u32, 0u32);
            let mut result = labels::result_start(&Self::genesis(), id);
            let done = scored(&batch);
            for number in 0..done {
                let Some(campaign) = Campaigns::<T>::get(batch.campaign) else {
                    return Ok(());
                };
                let page = Pages::<T>::get(id, number).unwrap_or_default();
                used = used.saturating_add(page.used());
                revealed = revealed.saturating_add(page.revealed());
                let gold = GoldOf::<T>::get(id, number).unwrap_or_default();
                let (score, entries) = Self::score_again(id, &page, &gold, &campaign.terms)?;
                sums.add(&score.batch)
                    .map_err(|_| "a batch's sums overflow")?;
                let indices = page.slots.iter().filter_map(|slot| match slot {
                    Slot::Revealed { worker, .. } => Some(*worker),
                    _ => None,
                });
                for (index, page_sums) in indices.zip(&score.workers) {
                    let (sums, pages) = workers.entry(index).or_default();
                    sums.add(page_sums)
                        .map_err(|_| "a worker's sums overflow")?;
                    *pages = pages.saturating_add(1);
                }
                for item in &gold {
                    let bit = 1u32.checked_shl(item.position.into()).unwrap_or(0);
                    ensure!(
                        item.contested == (score.contested & bit != 0),
                        "contested gold is mismarked"
                    );
                }
                let shown: Vec<_> = gold
                    .into_iter()
                    .map(|item| (item.position, item.answer, item.void))
                    .collect();
                result = labels::result_next(&result, number, &entries, &shown);
            }
            ensure!(batch.sums == sums, "a batch's sums are not its pages'");
            ensure!(batch.used_slots == used, "commits are miscounted");
            ensure!(batch.revealed_slots == revealed, "reveals are miscounted");
            ensure!(
                done == 0 || batch.result == result,
                "a result is not that of the pages"
            );
            for (index, worker) in Workers::<T>::iter_prefix(id) {
                let (sums, pages) = workers.remove(&index).unwrap_or_default();
                ensure!(
                    worker.sums == sums && worker.revealed == pages,
                    "a worker's sums are not his pages'"
                );
            }
        }
        Ok(())
    }

    fn score_again(
        id: BatchId,
        page: &Page,
        gold: &crate::GoldItems,
        terms: &labels::CampaignTerms,
    ) -> Result<(athanor_label_math::PageScore, Vec<([u8; 32], crate::Sheet)>), TryRuntimeError>
    {
        let mut entries = Vec::new();
        for slot in &page.slots {
            if let Slot::Revealed { worker, sheet } = slot {
                let worker = Workers::<T>::get(id, worker).ok_or("a sheet is nobody's")?;
                entries.push((worker.account.into(), sheet.clone()));
            }
        }
        let sheets: Vec<_> = entries.iter().map(|(_, sheet)| sheet).collect();
        let gold: Vec<_> = gold
            .iter()
            .map(|item| Gold {
                position: item.position,
                answer: &item.answer,
                void: item.void,
            })
            .collect();
        let score = score_page(&terms.label, terms.tasks, &sheets, &gold)
            .map_err(|_| "a page can't be scored")?;
        Ok((score, entries))
    }

    /// A paid batch has its result, and a reference once its workers are ranked.
    fn try_state_results() -> Checked {
        for (id, batch) in Batches::<T>::iter() {
            let result = Results::<T>::get(id);
            ensure!(
                result.is_some() == is_over(batch.state),
                "a result is missing or too early"
            );
            if let Some(result) = result {
                ensure!(
                    result.root == batch.result
                        && result.paid == batch.money.paid
                        && result.treasury == batch.money.treasury,
                    "a result is not its batch's"
                );
            }
            let ranked = is_over(batch.state) || matches!(batch.state, BatchState::Pay { .. });
            ensure!(
                batch.reference.is_some() == ranked,
                "a reference is missing or too early"
            );
        }
        Ok(())
    }

    /// A campaign's live batches are counted, and a closed one has none.
    fn try_state_campaigns() -> Checked {
        let mut live: BTreeMap<_, u32> = BTreeMap::new();
        for batch in Batches::<T>::iter_values() {
            if !is_over(batch.state) {
                let count = live.entry(batch.campaign).or_default();
                *count = count.saturating_add(1);
            }
        }
        for (id, campaign) in Campaigns::<T>::iter() {
            let count = live.remove(&id).unwrap_or(0);
            ensure!(
                campaign.live_batches == count,
                "live batches are miscounted"
            );
            ensure!(
                campaign.settled_at.is_none() || count == 0,
                "a closed campaign has a live batch"
            );
        }
        ensure!(live.is_empty(), "a live batch has no campaign");
        Ok(())
    }

    /// A domain's admitted requesters are counted.
    fn try_state_domains() -> Checked {
        let mut admitted: BTreeMap<_, u32> = BTreeMap::new();
        for (domain, _, ()) in Admitted::<T>::iter() {
            let count = admitted.entry(domain).or_default();
            *count = count.saturating_add(1);
        }
        for (id, domain) in Domains::<T>::iter() {
            let count = admitted.remove(&id).unwrap_or(0);
            ensure!(
                domain.admitted == count,
                "admitted requesters are miscounted"
            );
        }
        ensure!(admitted.is_empty(), "somebody is admitted to no domain");
        Ok(())
    }

    /// Nothing of a removed batch or campaign remains but its result, nothing of a removed page
    /// or worker but the batch, and each record ends with its state.
    fn try_state_remains() -> Checked {
        let batches: BTreeMap<_, _> = Batches::<T>::iter().collect();
        let page_stays = |id: BatchId, page: u32| {
            batches
                .get(&id)
                .is_some_and(|batch| page >= removed(batch) && page < batch.pages)
        };
        ensure!(
            Pages::<T>::iter().all(|(id, page, _)| page_stays(id, page)),
            "a page outlives its batch"
        );
        ensure!(
            GoldOf::<T>::iter().all(|(id, page, _)| page_stays(id, page)),
            "gold outlives its page"
        );
        let worker_stays = |id: BatchId, index: u32| {
            batches.get(&id).is_some_and(|batch| {
                index < batch.workers && index.saturating_add(batch.pages) >= removed(batch)
            })
        };
        ensure!(
            Workers::<T>::iter().all(|(id, index, _)| worker_stays(id, index)),
            "a worker outlives the batch"
        );
        ensure!(
            WorkerOf::<T>::iter().all(|(id, _, index)| worker_stays(id, index)),
            "an account outlives its worker"
        );
        ensure!(
            Seen::<T>::iter().all(|(id, index, _)| worker_stays(id, index)),
            "seen pages outlive their worker"
        );
        ensure!(
            Ranks::<T>::iter_keys().all(|id| batches
                .get(&id)
                .is_some_and(|batch| matches!(batch.state, BatchState::Rank { .. }))),
            "ranks outlive Rank"
        );
        let has_campaign = |id| Campaigns::<T>::contains_key(id);
        ensure!(
            Contributions::<T>::iter().all(|(id, _, paid)| has_campaign(id) && paid > 0),
            "contributions outlive their campaign"
        );
        ensure!(
            VoucherUse::<T>::iter().all(|(id, _, _)| has_campaign(id)),
            "voucher uses outlive their campaign"
        );
        Ok(())
    }
}
