//! What the view functions read. Nothing here writes, and nothing here is bounded by a block: a
//! node answers these outside of one.

use crate::{
    Balance, Batch, BatchResult, Batches, Campaign, Campaigns, Config, Credits, Gateway, GoldOf,
    Hash, Outcome, Page, Pages, Pallet, Queue, QueueEnds, RequesterRecord, Requesters, Sheet, Slot,
    Windows, Worker, WorkerOf, Workers,
};
use alloc::{collections::BTreeMap, vec::Vec};
use athanor_label_math::{
    self as math, Agreement, BatchSums, Consensus, Gold, Pay, Prior, Record, Reference, WorkerSums,
};
use athanor_primitives::{
    labels::{BatchId, BatchState, CampaignId, CampaignTerms, DomainId, PageIndex, Ticks},
    Root,
};
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Most campaigns of one answer of `campaigns`.
pub const MAX_CAMPAIGNS_SHOWN: u32 = 100;
/// Most batches of one answer of `worker`.
pub const MAX_BATCHES_SHOWN: u32 = 64;
/// Most pages of one answer of `explain`.
pub const MAX_PAGES_SHOWN: u32 = 256;
/// Most pairs of one answer of `twins`.
pub const MAX_TWINS_SHOWN: u32 = 64;

/// The pallet at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StatusView {
    /// Blocks in which the pallet's calls were allowed.
    pub clock: Ticks,
    /// Milliseconds of a block.
    pub block_ms: u64,
    /// Requests that wait for a draw.
    pub waiting: u64,
    /// Batches in storage.
    pub batches: u32,
    /// Of these, batches whose pages are open.
    pub open: u32,
}

/// A batch that takes answers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BatchBrief {
    /// Its number.
    pub id: BatchId,
    /// Pages.
    pub pages: u32,
    /// First tick in which no lease lasts any more.
    pub until: Ticks,
    /// Slots that may still be leased, at most.
    pub free_slots: u32,
    /// Requests that wait.
    pub waiting: u32,
}

/// A campaign, and what its requester is known for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CampaignView<AccountId> {
    /// Its number.
    pub id: CampaignId,
    /// Who buys answers.
    pub requester: AccountId,
    /// What for, and by which rules.
    pub terms: CampaignTerms,
    /// URL of the requester's service; empty if there is none.
    pub gateway: Gateway,
    /// Batches that are not paid yet.
    pub live_batches: u32,
    /// When it was closed.
    pub settled_at: Option<Ticks>,
    /// What the requester's paid batches say.
    pub record: RequesterRecord,
    /// Batches that take answers.
    pub open: Vec<BatchBrief>,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BatchView<AccountId> {
    /// Its number.
    pub id: BatchId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// Who buys answers.
    pub requester: AccountId,
    /// Where it is in its life.
    pub state: BatchState,
    /// First tick in which its state's calls are too late.
    pub deadline: Ticks,
    /// First tick in which no lease lasts any more.
    pub until: Ticks,
    /// Pages.
    pub pages: u32,
    /// Root of the tree over the page leaves.
    pub pages_root: Hash,
    /// BLAKE3 root of the index file.
    pub index_root: Root,
    /// The batch it follows up.
    pub joins: Option<BatchId>,
    /// Accounts enrolled.
    pub workers: u32,
    /// Pages with a reveal.
    pub revealed_pages: u32,
    /// Pages whose gold is opened.
    pub gold_pages: u32,
    /// Escrow still held.
    pub escrow: Balance,
    /// Bond still held.
    pub bond: Balance,
    /// Paid to workers so far.
    pub paid: Balance,
}

/// What a slot holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum SlotStatus {
    /// Somebody is at work, or was and ran out of time.
    Leased {
        /// First tick in which it is too late to commit.
        until: Ticks,
    },
    /// Somebody is done.
    Committed {
        /// What was committed to.
        hash: Hash,
    },
    /// The answers are known.
    Revealed {
        /// The packed answers.
        sheet: Sheet,
    },
}

/// A worker's slot of a page.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SlotView {
    /// The page.
    pub page: PageIndex,
    /// What it holds.
    pub status: SlotStatus,
}

/// A worker's part in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct WorkView {
    /// The batch.
    pub batch: BatchId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// Where it is in its life.
    pub state: BatchState,
    /// First tick in which its state's calls are too late.
    pub deadline: Ticks,
    /// First tick in which no lease lasts any more.
    pub until: Ticks,
    /// Root of the tree over the page leaves.
    pub pages_root: Hash,
    /// BLAKE3 root of the index file.
    pub index_root: Root,
    /// Whether the account works without a stake.
    pub sponsored: bool,
    /// Stake held.
    pub stake: Balance,
    /// Requests so far; what the next request text's `lease` line says.
    pub requests: u32,
    /// Pages leased.
    pub leased: u32,
    /// Pages committed.
    pub committed: u32,
    /// Pages revealed; counted when the page is scored.
    pub revealed: u32,
    /// Pages skipped.
    pub skipped: u32,
    /// Leases that ran out.
    pub abandoned: u32,
    /// Whether a request waits.
    pub requested: bool,
    /// First tick in which pages may be requested after too many skips.
    pub blocked_until: Ticks,
    /// What became of the answers, once paid.
    pub outcome: Option<Outcome>,
    /// Slots the account holds, until the batch is scored.
    pub slots: Vec<SlotView>,
}

/// An account as a worker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct WorkerView {
    /// Pay that waits until it can open the account.
    pub credit: Balance,
    /// Batches it is enrolled in, newest first, at most [`MAX_BATCHES_SHOWN`].
    pub batches: Vec<WorkView>,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct PageView<AccountId> {
    /// Slots that are not free, in order.
    pub slots: Vec<(AccountId, SlotStatus)>,
    /// It takes no leases any more.
    pub closed: bool,
    /// Its gold is opened.
    pub gold_opened: bool,
    /// Opened gold: position, answer packed alone, whether the panel contests it.
    pub gold: Vec<(u8, Vec<u8>, bool)>,
}

/// How a worker's sheet of a page compares.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct PageExplained<AccountId> {
    /// The page.
    pub page: PageIndex,
    /// What the page added to the worker's sums.
    pub sums: WorkerSums,
    /// Agreement above chance with each colleague, in units of 2^-32. With three or more, one
    /// largest and one smallest are left out.
    pub peers: Vec<(AccountId, i64)>,
    /// Positions of contested gold, bit by bit.
    pub contested: u32,
}

/// Every number that leads to a worker's pay.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Explained<AccountId> {
    /// Score: the worker's pages, at most [`MAX_PAGES_SHOWN`].
    pub pages: Vec<PageExplained<AccountId>>,
    /// Score: the worker's sums so far.
    pub sums: WorkerSums,
    /// Score: the batch's sums so far.
    pub batch: BatchSums,
    /// Score: V, V_g and whether gold counts.
    pub agreement: Agreement,
    /// Rank: what agreement is measured against; `None` before its end.
    pub reference: Option<Reference>,
    /// Pay: score, share, pay and whether the stake is lost; `None` before the end of Rank.
    pub pay: Option<Pay>,
    /// Pay for each page at the full share.
    pub page_pay: Balance,
    /// Stake of each page.
    pub page_stake: Balance,
    /// Pages leased, skipped, committed, revealed.
    pub leased: u32,
    /// Of these, pages skipped.
    pub skipped: u32,
    /// Pages committed.
    pub committed: u32,
    /// Pages revealed.
    pub revealed: u32,
    /// Leases that ran out: the first is free, each further one costs half a stake.
    pub abandoned: u32,
    /// Record at enrolment, which the worker's weight in labels starts with.
    pub prior: Prior,
    /// What was done; `None` before the worker is paid.
    pub outcome: Option<Outcome>,
}

/// Two workers who answer alike.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Twins<AccountId> {
    /// One.
    pub first: AccountId,
    /// The other.
    pub second: AccountId,
    /// Tasks both answered.
    pub tasks: u32,
    /// Of these, tasks answered the same.
    pub alike: u32,
}

fn status_of(slot: Slot) -> Option<SlotStatus> {
    match slot {
        Slot::Free => None,
        Slot::Leased { until, .. } => Some(SlotStatus::Leased { until }),
        Slot::Committed { hash, .. } => Some(SlotStatus::Committed { hash }),
        Slot::Revealed { sheet, .. } => Some(SlotStatus::Revealed { sheet }),
    }
}

fn sheets_of(page: &Page) -> impl Iterator<Item = (u32, &Sheet)> {
    page.slots.iter().filter_map(|slot| match slot {
        Slot::Revealed { worker, sheet } => Some((*worker, sheet)),
        _ => None,
    })
}

impl<T: Config> Pallet<T> {
    pub(crate) fn view_status() -> StatusView {
        let mut batches = 0u32;
        let mut open = 0u32;
        for batch in Batches::<T>::iter_values() {
            batches = batches.saturating_add(1);
            if batch.state == BatchState::Open {
                open = open.saturating_add(1);
            }
        }
        StatusView {
            clock: Self::clock(),
            block_ms: <T::BlockTimeMs as frame_support::traits::Get<u64>>::get(),
            waiting: QueueEnds::<T>::get().len(),
            batches,
            open,
        }
    }

    /// Batches that take answers, by campaign.
    fn open_batches() -> BTreeMap<CampaignId, Vec<(BatchId, Batch<T::AccountId>)>> {
        let mut open: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, batch) in Batches::<T>::iter() {
            if batch.state == BatchState::Open {
                open.entry(batch.campaign).or_default().push((id, batch));
            }
        }
        open
    }

    fn waiting() -> BTreeMap<BatchId, u32> {
        let mut waiting = BTreeMap::new();
        for request in Queue::<T>::iter_values() {
            let count: &mut u32 = waiting.entry(request.batch).or_default();
            *count = count.saturating_add(1);
        }
        waiting
    }

    fn brief(
        campaign: &Campaign<T::AccountId>,
        id: BatchId,
        batch: &Batch<T::AccountId>,
        waiting: &BTreeMap<BatchId, u32>,
    ) -> BatchBrief {
        let panel = u32::from(campaign.terms.panel_max);
        let window = Windows::<T>::get(id);
        let in_window = window.pages.iter().fold(0u32, |sum, page| {
            sum.saturating_add(panel.saturating_sub(page.used.into()))
        });
        let behind = batch.pages.saturating_sub(window.next);
        let free_slots = if batch.cancelled {
            0
        } else {
            in_window.saturating_add(behind.saturating_mul(panel))
        };
        BatchBrief {
            id,
            pages: batch.pages,
            until: batch.until,
            free_slots,
            waiting: waiting.get(&id).copied().unwrap_or(0),
        }
    }

    fn campaign_view(
        id: CampaignId,
        campaign: Campaign<T::AccountId>,
        open: Vec<BatchBrief>,
    ) -> CampaignView<T::AccountId> {
        CampaignView {
            id,
            record: Requesters::<T>::get(&campaign.requester),
            requester: campaign.requester,
            terms: campaign.terms,
            gateway: campaign.gateway,
            live_batches: campaign.live_batches,
            settled_at: campaign.settled_at,
            open,
        }
    }

    /// Campaigns with a batch that takes answers, by number, from behind `after`.
    pub(crate) fn view_campaigns(
        after: Option<CampaignId>,
        limit: u32,
    ) -> Vec<CampaignView<T::AccountId>> {
        let waiting = Self::waiting();
        Self::open_batches()
            .into_iter()
            .filter(|(id, _)| after.is_none_or(|after| *id > after))
            .filter_map(|(id, mut batches)| {
                let campaign = Campaigns::<T>::get(id)?;
                batches.sort_unstable_by_key(|(batch, _)| *batch);
                let open = batches
                    .iter()
                    .map(|(batch, record)| Self::brief(&campaign, *batch, record, &waiting))
                    .collect();
                Some(Self::campaign_view(id, campaign, open))
            })
            .take(limit.min(MAX_CAMPAIGNS_SHOWN) as usize)
            .collect()
    }

    pub(crate) fn view_campaign(id: CampaignId) -> Option<CampaignView<T::AccountId>> {
        let campaign = Campaigns::<T>::get(id)?;
        let waiting = Self::waiting();
        let mut open: Vec<_> = Batches::<T>::iter()
            .filter(|(_, batch)| batch.campaign == id && batch.state == BatchState::Open)
            .map(|(batch, record)| Self::brief(&campaign, batch, &record, &waiting))
            .collect();
        open.sort_unstable_by_key(|batch| batch.id);
        Some(Self::campaign_view(id, campaign, open))
    }

    pub(crate) fn view_batch(id: BatchId) -> Option<BatchView<T::AccountId>> {
        let batch = Batches::<T>::get(id)?;
        Some(BatchView {
            id,
            campaign: batch.campaign,
            requester: batch.requester,
            state: batch.state,
            deadline: batch.deadline,
            until: batch.until,
            pages: batch.pages,
            pages_root: batch.pages_root,
            index_root: batch.index_root,
            joins: batch.joins,
            workers: batch.workers,
            revealed_pages: batch.revealed_pages,
            gold_pages: batch.gold_pages,
            escrow: batch.money.escrow,
            bond: batch.money.bond,
            paid: batch.money.paid,
        })
    }

    pub(crate) fn view_worker(account: &T::AccountId) -> WorkerView {
        let mut batches: Vec<_> = Batches::<T>::iter()
            .filter_map(|(id, batch)| {
                let index = WorkerOf::<T>::get(id, account)?;
                let worker = Workers::<T>::get(id, index)?;
                Some((id, batch, index, worker))
            })
            .collect();
        batches.sort_unstable_by_key(|(id, ..)| core::cmp::Reverse(*id));
        batches.truncate(MAX_BATCHES_SHOWN as usize);
        WorkerView {
            credit: Credits::<T>::get(account),
            batches: batches
                .into_iter()
                .map(|(id, batch, index, worker)| Self::work_view(id, batch, index, worker))
                .collect(),
        }
    }

    fn work_view(
        id: BatchId,
        batch: Batch<T::AccountId>,
        index: u32,
        worker: Worker<T::AccountId>,
    ) -> WorkView {
        let shown = matches!(
            batch.state,
            BatchState::Open | BatchState::Reveal | BatchState::Gold | BatchState::Dispute
        );
        let held = if shown {
            worker.committed.saturating_add(worker.live.into())
        } else {
            0
        };
        let mut slots: Vec<_> = Pages::<T>::iter_prefix(id)
            .filter_map(|(page, record)| {
                let at = record.slot_of(index)?;
                let status = status_of(record.slots.get(at)?.clone())?;
                Some(SlotView { page, status })
            })
            .take(held as usize)
            .collect();
        slots.sort_unstable_by_key(|slot| slot.page);
        WorkView {
            batch: id,
            campaign: batch.campaign,
            state: batch.state,
            deadline: batch.deadline,
            until: batch.until,
            pages_root: batch.pages_root,
            index_root: batch.index_root,
            sponsored: worker.sponsored,
            stake: worker.staked,
            requests: worker.requests,
            leased: worker.leased,
            committed: worker.committed,
            revealed: worker.revealed,
            skipped: worker.skipped,
            abandoned: worker.abandoned().saturating_sub(worker.live.into()),
            requested: worker.waiting > 0,
            blocked_until: worker.blocked_until,
            outcome: worker.outcome,
            slots,
        }
    }

    pub(crate) fn view_page(id: BatchId, page: PageIndex) -> Option<PageView<T::AccountId>> {
        let record = Pages::<T>::get(id, page)?;
        let slots = record
            .slots
            .into_iter()
            .filter_map(|slot| {
                let worker = Workers::<T>::get(id, slot.worker()?)?;
                Some((worker.account, status_of(slot)?))
            })
            .collect();
        let gold = GoldOf::<T>::get(id, page).unwrap_or_default();
        Some(PageView {
            slots,
            closed: record.closed,
            gold_opened: record.gold_opened,
            gold: gold
                .into_iter()
                .map(|item| (item.position, item.answer.into_inner(), item.contested))
                .collect(),
        })
    }

    /// Labels of a page's tasks; `None` before the batch's workers are ranked.
    pub(crate) fn view_consensus(id: BatchId, page: PageIndex) -> Option<Vec<Consensus>> {
        let batch = Batches::<T>::get(id)?;
        batch.reference?;
        let terms = Campaigns::<T>::get(batch.campaign)?.terms;
        let agreement = batch.sums.agreement().ok()?;
        let record = Pages::<T>::get(id, page).unwrap_or_default();
        let mut sheets = Vec::new();
        let mut weights = Vec::new();
        for (index, sheet) in sheets_of(&record) {
            let worker = Workers::<T>::get(id, index)?;
            sheets.push(sheet);
            weights.push(math::weight(
                &terms.label,
                &worker.sums,
                &agreement,
                worker.prior,
            ));
        }
        math::consensus(
            &terms.label,
            terms.tasks,
            terms.panel_min,
            &sheets,
            &weights,
        )
        .ok()
    }

    pub(crate) fn view_result(id: BatchId) -> Option<BatchResult> {
        crate::Results::<T>::get(id)
    }

    /// Record of a worker's gold in a domain as it counts now, and its lower bound in units of
    /// 2^-16.
    pub(crate) fn view_record(domain: DomainId, account: &T::AccountId) -> (u32, u32, u32) {
        let record: Record = Self::record_of(domain, account);
        (record.right, record.wrong, record.bound())
    }

    pub(crate) fn view_explain(
        id: BatchId,
        account: &T::AccountId,
    ) -> Option<Explained<T::AccountId>> {
        let batch = Batches::<T>::get(id)?;
        let terms = Campaigns::<T>::get(batch.campaign)?.terms;
        let index = WorkerOf::<T>::get(id, account)?;
        let worker = Workers::<T>::get(id, index)?;
        let agreement = batch.sums.agreement().ok()?;
        let pay = batch.reference.and_then(|reference| {
            math::pay(
                &worker.sums,
                &batch.sums,
                &agreement,
                &reference,
                &terms.score,
                terms.pay,
            )
            .ok()
        });
        let mut pages: Vec<_> = Pages::<T>::iter_prefix(id)
            .filter_map(|(page, record)| Self::explain_page(id, &terms, page, &record, index))
            .take(MAX_PAGES_SHOWN.min(worker.committed) as usize)
            .collect();
        pages.sort_unstable_by_key(|page| page.page);
        Some(Explained {
            pages,
            sums: worker.sums,
            batch: batch.sums,
            agreement,
            reference: batch.reference,
            pay,
            page_pay: terms.page_pay(),
            page_stake: terms.page_stake(),
            leased: worker.leased,
            skipped: worker.skipped,
            committed: worker.committed,
            revealed: worker.revealed,
            abandoned: worker.abandoned().saturating_sub(worker.live.into()),
            prior: worker.prior,
            outcome: worker.outcome,
        })
    }

    fn explain_page(
        id: BatchId,
        terms: &CampaignTerms,
        page: PageIndex,
        record: &Page,
        index: u32,
    ) -> Option<PageExplained<T::AccountId>> {
        let sheets: Vec<_> = sheets_of(record).collect();
        let own = sheets.iter().position(|(worker, _)| *worker == index)?;
        let gold = GoldOf::<T>::get(id, page).unwrap_or_default();
        let gold: Vec<_> = gold
            .iter()
            .map(|item| Gold {
                position: item.position,
                answer: &item.answer,
                void: item.void,
            })
            .collect();
        let bytes: Vec<_> = sheets.iter().map(|(_, sheet)| sheet).collect();
        let score = math::score_page(&terms.label, terms.tasks, &bytes, &gold).ok()?;
        let mine = bytes.get(own)?;
        let mut peers = Vec::new();
        for (worker, sheet) in &sheets {
            if *worker == index {
                continue;
            }
            // Of a page of two nothing is left out: what it adds is their agreement.
            let pair = math::score_page(&terms.label, terms.tasks, &[*mine, sheet], &[]).ok()?;
            let sums = pair.workers.first()?;
            let agreement = sums.num.checked_div(terms.tasks.into())?;
            peers.push((Workers::<T>::get(id, worker)?.account, agreement));
        }
        Some(PageExplained {
            page,
            sums: *score.workers.get(own)?,
            peers,
            contested: score.contested,
        })
    }

    /// Pairs of workers with at least two pages in common who gave the same answer to at least
    /// `least` basis points of their tasks, those with most such answers first. Suspicion, not
    /// proof: good workers agree too, most of all where one answer is common.
    pub(crate) fn view_twins(id: BatchId, least: u32) -> Vec<Twins<T::AccountId>> {
        let Some(terms) = Batches::<T>::get(id)
            .and_then(|batch| Campaigns::<T>::get(batch.campaign))
            .map(|campaign| campaign.terms)
        else {
            return Vec::new();
        };
        let tasks = u32::from(terms.tasks);
        let mut pairs: BTreeMap<(u32, u32), (u32, u32)> = BTreeMap::new();
        for record in Pages::<T>::iter_prefix_values(id) {
            let answers: Vec<_> = sheets_of(&record)
                .filter_map(|(worker, sheet)| {
                    let answers = math::unpack(&terms.label, terms.tasks, sheet).ok()?;
                    Some((worker, answers))
                })
                .collect();
            for (at, (first, ours)) in answers.iter().enumerate() {
                for (second, theirs) in answers.iter().skip(at.saturating_add(1)) {
                    let same = ours.iter().zip(theirs).filter(|(a, b)| a == b).count();
                    let pair = (*first.min(second), *first.max(second));
                    let (common, alike) = pairs.entry(pair).or_default();
                    *common = common.saturating_add(tasks);
                    *alike = alike.saturating_add(u32::try_from(same).unwrap_or(0));
                }
            }
        }
        let mut found: Vec<_> = pairs
            .into_iter()
            .filter(|(_, (common, alike))| {
                *common >= tasks.saturating_mul(2)
                    && u64::from(*alike).saturating_mul(10_000)
                        >= u64::from(*common).saturating_mul(least.into())
            })
            .collect();
        found.sort_unstable_by_key(|(pair, (_, alike))| (core::cmp::Reverse(*alike), *pair));
        found.truncate(MAX_TWINS_SHOWN as usize);
        found
            .into_iter()
            .filter_map(|((first, second), (tasks, alike))| {
                Some(Twins {
                    first: Workers::<T>::get(id, first)?.account,
                    second: Workers::<T>::get(id, second)?.account,
                    tasks,
                    alike,
                })
            })
            .collect()
    }
}
