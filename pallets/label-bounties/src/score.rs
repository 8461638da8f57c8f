//! The end of a batch, in units of one page or one worker: Score, Rank, Pay, and removal.
//!
//! Each unit reads and writes what belongs to its page or worker, and adds to the batch. In how
//! many calls the units are done makes no difference to any result.

use crate::{
    Balance, Batch, BatchResult, Batches, Campaign, Campaigns, Config, Contributions, Event,
    GoldOf, HoldReason, Outcome, Pages, Pallet, Ranks, Requesters, Results, Seen, Slot, WorkerOf,
    Workers,
};
use alloc::vec::Vec;
use athanor_label_math as math;
use athanor_primitives::labels::{self, BatchId, BatchState, PageIndex, WorkerIndex};
use frame_support::{
    defensive,
    traits::{Defensive, Get},
};
use math::{Agreement, Gold, Hist, PageScore};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

/// What came of a unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cranked {
    /// A unit was done.
    More,
    /// Nothing was done, for nothing is due before the batch's deadline.
    Wait,
    /// The last unit was done: nothing of the batch is left but its result.
    Gone,
}

/// What the units of one call share: read once, written once, paid once.
pub(crate) struct Till<T: Config> {
    /// Who called; nobody if a hook did.
    by: Option<T::AccountId>,
    campaign: Option<Campaign<T::AccountId>>,
    hist: Option<Hist>,
    treasury: Balance,
    /// Slots with a commit, of pages that were scored.
    scored: u32,
    /// Slots with a commit, of workers who were paid.
    paid: u32,
    paid_answers: u64,
    /// What the caller earned.
    reward: Balance,
}

impl<T: Config> Till<T> {
    pub(crate) fn new(by: Option<T::AccountId>) -> Self {
        Self {
            by,
            campaign: None,
            hist: None,
            treasury: 0,
            scored: 0,
            paid: 0,
            paid_answers: 0,
            reward: 0,
        }
    }
}

/// ⌈amount · part / whole⌉, at most the amount.
fn part_of(amount: Balance, part: u32, whole: u32) -> Balance {
    multiply_by_rational_with_rounding(amount, part.into(), whole.into(), Rounding::Up)
        .map_or(amount, |share| share.min(amount))
}

impl<T: Config> Pallet<T> {
    /// Begins with a batch whose gold is open.
    pub(crate) fn start_scoring(id: BatchId, batch: &mut Batch<T::AccountId>) {
        batch.result = labels::result_start(&Self::genesis(), id);
        Self::enter(id, batch, BatchState::Score { page: 0 }, Self::clock());
    }

    /// Does one unit of work of a batch from `Score` on.
    pub(crate) fn crank(
        id: BatchId,
        batch: &mut Batch<T::AccountId>,
        till: &mut Till<T>,
    ) -> Cranked {
        let prunes = matches!(batch.state, BatchState::Paid | BatchState::Pruning { .. });
        if till.campaign.is_none() && !prunes {
            till.campaign = Campaigns::<T>::get(batch.campaign);
        }
        match batch.state {
            BatchState::Score { page } => {
                Self::score_one(id, batch, page, till);
                let next = page.saturating_add(1);
                if next < batch.pages {
                    batch.state = BatchState::Score { page: next };
                } else if batch.workers > 0 {
                    Self::enter(id, batch, BatchState::Rank { worker: 0 }, Self::clock());
                } else {
                    Self::end_rank(id, batch, till);
                    Self::end_pay(id, batch, till);
                }
                Cranked::More
            }
            BatchState::Rank { worker } => {
                Self::rank_one(id, batch, worker, till);
                let next = worker.saturating_add(1);
                if next < batch.workers {
                    batch.state = BatchState::Rank { worker: next };
                } else {
                    Self::end_rank(id, batch, till);
                }
                Cranked::More
            }
            BatchState::Pay { worker } => {
                Self::pay_one(id, batch, worker, till);
                let next = worker.saturating_add(1);
                if next < batch.workers {
                    batch.state = BatchState::Pay { worker: next };
                } else {
                    Self::end_pay(id, batch, till);
                }
                Cranked::More
            }
            BatchState::Paid if Self::clock() < batch.deadline => Cranked::Wait,
            BatchState::Paid => {
                Self::enter(id, batch, BatchState::Pruning { next: 0 }, Self::clock());
                Self::prune_one(id, batch, 0)
            }
            BatchState::Pruning { next } => Self::prune_one(id, batch, next),
            _ => {
                defensive!("a batch is scored before its time");
                Cranked::Wait
            }
        }
    }

    /// Writes and pays what the units of a call collected. Gives what the caller earned.
    pub(crate) fn settle(
        id: BatchId,
        batch: &mut Batch<T::AccountId>,
        mut till: Till<T>,
    ) -> Balance {
        if let Some(hist) = till.hist.take() {
            Ranks::<T>::insert(id, hist);
        }
        Self::empty(batch, &mut till);
        till.reward
    }

    /// Pays what was collected out of the escrow. An eighth of the fee of each slot goes to whoever
    /// had its page scored, an eighth to whoever had its worker paid; the rest, and what hooks
    /// did, to the block fees.
    fn empty(batch: &mut Batch<T::AccountId>, till: &mut Till<T>) {
        let Some(campaign) = &till.campaign else {
            return;
        };
        let requester = batch.requester.clone();
        let scored: Balance = core::mem::take(&mut till.scored).into();
        let paid: Balance = core::mem::take(&mut till.paid).into();
        let eighth = campaign.slot_fee.checked_div(8).unwrap_or(0);
        let of_score = eighth.saturating_mul(scored);
        let of_pay = eighth.saturating_mul(paid);
        let mut fees = campaign
            .slot_fee
            .saturating_sub(eighth.saturating_mul(2))
            .saturating_mul(paid);
        let both = of_score.saturating_add(of_pay);
        let mut reward = 0;
        if let Some(by) = &till.by {
            reward = both;
            Self::move_held(HoldReason::BatchEscrow, &requester, by, reward);
        } else {
            fees = fees.saturating_add(both);
        }
        Self::to_block_fees(HoldReason::BatchEscrow, &requester, fees);
        let treasury = core::mem::take(&mut till.treasury);
        Self::move_held(
            HoldReason::BatchEscrow,
            &requester,
            &T::Treasury::get(),
            treasury,
        );
        till.reward = till.reward.saturating_add(reward);
        let money = &mut batch.money;
        money.escrow = money
            .escrow
            .saturating_sub(treasury)
            .saturating_sub(reward)
            .saturating_sub(fees);
        money.treasury = money.treasury.saturating_add(treasury);
        money.rewards = money.rewards.saturating_add(reward);
        money.fees = money.fees.saturating_add(fees);
        let answers = core::mem::take(&mut till.paid_answers);
        if answers > 0 {
            Requesters::<T>::mutate(&requester, |record| {
                record.paid_answers = record.paid_answers.saturating_add(answers);
            });
        }
    }

    // Score.

    fn score_one(
        id: BatchId,
        batch: &mut Batch<T::AccountId>,
        page: PageIndex,
        till: &mut Till<T>,
    ) {
        let mut indices = Vec::new();
        let mut sheets = Vec::new();
        let slots = Pages::<T>::get(id, page)
            .map(|page| page.slots)
            .unwrap_or_default();
        for slot in slots {
            if slot.is_used() {
                batch.used_slots = batch.used_slots.saturating_add(1);
                till.scored = till.scored.saturating_add(1);
            }
            if let Slot::Revealed { worker, sheet } = slot {
                batch.revealed_slots = batch.revealed_slots.saturating_add(1);
                indices.push(worker);
                sheets.push(sheet);
            }
        }
        let mut gold = if sheets.is_empty() {
            Default::default()
        } else {
            GoldOf::<T>::get(id, page).unwrap_or_default()
        };
        let score = till
            .campaign
            .as_ref()
            .and_then(|campaign| {
                let gold: Vec<_> = gold
                    .iter()
                    .map(|item| Gold {
                        position: item.position,
                        answer: &item.answer,
                        void: item.void,
                    })
                    .collect();
                let terms = &campaign.terms;
                math::score_page(&terms.label, terms.tasks, &sheets, &gold).ok()
            })
            .defensive_unwrap_or_else(PageScore::default);

        let mut authors = Vec::new();
        for (index, sums) in indices.iter().zip(&score.workers) {
            let Some(mut worker) = Workers::<T>::get(id, index).defensive() else {
                continue;
            };
            worker.revealed = worker.revealed.saturating_add(1);
            if worker.sums.add(sums).is_err() {
                defensive!("a worker's sums are out of bounds");
            }
            let account: [u8; 32] = worker.account.clone().into();
            authors.push(account);
            Workers::<T>::insert(id, index, worker);
        }
        if batch.sums.add(&score.batch).is_err() {
            defensive!("a batch's sums are out of bounds");
        }
        if score.contested != 0 {
            for item in gold.iter_mut() {
                let bit = 1u32.checked_shl(item.position.into()).unwrap_or(0);
                item.contested = score.contested & bit != 0;
            }
            GoldOf::<T>::insert(id, page, &gold);
        }
        let sheets: Vec<_> = authors.into_iter().zip(sheets).collect();
        let gold: Vec<_> = gold
            .into_iter()
            .map(|item| (item.position, item.answer, item.void))
            .collect();
        batch.result = labels::result_next(&batch.result, page, &sheets, &gold);
    }

    /// V, V_g and whether gold counts; after the last page.
    pub(crate) fn agreement(batch: &Batch<T::AccountId>) -> Agreement {
        batch.sums.agreement().defensive_unwrap_or_default()
    }

    // Rank.

    fn rank_one(id: BatchId, batch: &Batch<T::AccountId>, index: WorkerIndex, till: &mut Till<T>) {
        let Till { campaign, hist, .. } = till;
        let (Some(campaign), Some(worker)) = (campaign.as_ref(), Workers::<T>::get(id, index))
        else {
            defensive!("a worker or campaign is missing");
            return;
        };
        let hist = hist.get_or_insert_with(|| Ranks::<T>::get(id).unwrap_or_default());
        let terms = &campaign.terms.score;
        let added = math::rank(&worker.sums, &Self::agreement(batch), terms)
            .and_then(|rank| rank.map_or(Ok(()), |rank| hist.add(rank)));
        if added.is_err() {
            defensive!("a worker's sums are out of bounds");
        }
    }

    fn end_rank(id: BatchId, batch: &mut Batch<T::AccountId>, till: &mut Till<T>) {
        let hist = till
            .hist
            .take()
            .or_else(|| Ranks::<T>::get(id))
            .unwrap_or_default();
        Ranks::<T>::remove(id);
        let agreement = Self::agreement(batch);
        let reference = till
            .campaign
            .as_ref()
            .and_then(|campaign| hist.reference(&agreement, &campaign.terms.score).ok())
            .defensive_unwrap_or_default();
        batch.reference = Some(reference);
        Self::enter(id, batch, BatchState::Pay { worker: 0 }, Self::clock());
    }

    // Pay.

    fn pay_one(
        id: BatchId,
        batch: &mut Batch<T::AccountId>,
        index: WorkerIndex,
        till: &mut Till<T>,
    ) {
        let (Some(campaign), Some(mut worker)) =
            (till.campaign.as_ref(), Workers::<T>::get(id, index))
        else {
            defensive!("a worker or campaign is missing");
            return;
        };
        let terms = &campaign.terms;
        let agreement = Self::agreement(batch);
        let Some(score) = math::pay(
            &worker.sums,
            &batch.sums,
            &agreement,
            &batch.reference.unwrap_or_default(),
            &terms.score,
            terms.pay,
        )
        .ok()
        .defensive() else {
            return;
        };
        let (committed, revealed) = (worker.committed, worker.revealed);
        let hidden = committed.saturating_sub(revealed);
        let abandoned = worker.abandoned();
        let staked = core::mem::take(&mut worker.staked);

        // Each committed slot is one row of the money table: its part of the escrow goes to
        // worker and treasury, and nothing of it back.
        let of_slots = |slots: u32, each: Balance| each.saturating_mul(slots.into());
        let earned = of_slots(revealed, terms.page_pay());
        till.treasury = till
            .treasury
            .saturating_add(earned.saturating_sub(score.pay))
            .saturating_add(of_slots(hidden, terms.page_pay()))
            .saturating_add(of_slots(committed, campaign.fee));
        till.paid = till.paid.saturating_add(committed);
        batch.money.escrow = batch.money.escrow.saturating_sub(score.pay);
        batch.money.paid = batch.money.paid.saturating_add(score.pay);
        Self::pay_or_credit(
            HoldReason::BatchEscrow,
            &batch.requester,
            &worker.account,
            score.pay,
        );

        let stake = terms.page_stake();
        let mut lost = 0;
        if !worker.sponsored {
            let half = stake.checked_div(2).unwrap_or(0);
            lost =
                of_slots(hidden, stake).saturating_add(of_slots(abandoned.saturating_sub(1), half));
            if score.junk {
                lost = lost.saturating_add(of_slots(revealed, stake));
            }
            lost = lost.min(staked);
        }
        Self::move_held(
            HoldReason::WorkerStake,
            &worker.account,
            &T::Treasury::get(),
            lost,
        );
        Self::give_back(
            HoldReason::WorkerStake,
            &worker.account,
            staked.saturating_sub(lost),
        );

        let math::WorkerSums { right, answers, .. } = worker.sums;
        if let (Some(domain), true) = (terms.domain, agreement.gold_on) {
            let wrong = worker.sums.wrong();
            Self::add_to_record(domain, &batch.requester, &worker.account, right, wrong);
        }
        let paid = u64::from(answers)
            .saturating_mul(score.share_bp.into())
            .checked_div(10_000)
            .unwrap_or(0);
        till.paid_answers = till.paid_answers.saturating_add(paid);
        if terms.share_revenue && paid > 0 {
            Contributions::<T>::mutate(batch.campaign, &worker.account, |sum| {
                *sum = sum.saturating_add(u32::try_from(paid).unwrap_or(u32::MAX));
            });
        }
        let outcome = Outcome {
            score_bp: score.score_bp,
            share_bp: score.share_bp,
            pay: score.pay,
            stake_lost: lost,
            junk: score.junk,
        };
        Self::deposit_event(Event::WorkerPaid {
            batch: id,
            worker: worker.account.clone(),
            outcome,
        });
        worker.outcome = Some(outcome);
        Seen::<T>::remove(id, index);
        Workers::<T>::insert(id, index, worker);
    }

    /// The requester's own rows: slots that nobody used, and the bond.
    fn end_pay(id: BatchId, batch: &mut Batch<T::AccountId>, till: &mut Till<T>) {
        Self::empty(batch, till);
        let Some(campaign) = till.campaign.as_ref().defensive() else {
            return;
        };
        let terms = &campaign.terms;
        let slots = batch.pages.saturating_mul(terms.panel_max.into());
        let unused = slots.saturating_sub(batch.used_slots);
        let refund = campaign.slot_price().saturating_mul(unused.into());
        if refund != batch.money.escrow {
            defensive!("the rows of a batch are not its escrow");
        }
        let refund = core::mem::take(&mut batch.money.escrow);
        Self::give_back(HoldReason::BatchEscrow, &batch.requester, refund);

        let bond = core::mem::take(&mut batch.money.bond);
        let lost = Self::bond_lost(batch, terms.gold > 0, bond);
        let kept = bond.saturating_sub(lost);
        let treasury = T::Treasury::get();
        Self::move_held(HoldReason::RequesterBond, &batch.requester, &treasury, lost);
        Self::give_back(HoldReason::RequesterBond, &batch.requester, kept);
        let money = &mut batch.money;
        money.treasury = money.treasury.saturating_add(lost);
        money.refunded = money.refunded.saturating_add(refund).saturating_add(kept);

        let now = Self::clock();
        let Batch { sums, money, .. } = &*batch;
        let answers = u64::from(batch.revealed_slots).saturating_mul(terms.tasks.into());
        Requesters::<T>::mutate(&batch.requester, |record| {
            record.batches = record.batches.saturating_add(1);
            record.answers = record.answers.saturating_add(answers);
            record.gold_opened = record.gold_opened.saturating_add(sums.opened);
            record.gold_contested = record.gold_contested.saturating_add(sums.contested);
        });
        Results::<T>::insert(
            id,
            BatchResult {
                campaign: batch.campaign,
                root: batch.result,
                pages: batch.pages,
                workers: batch.workers,
                used_slots: batch.used_slots,
                revealed_slots: batch.revealed_slots,
                agreement: Self::agreement(batch),
                reference: batch.reference.unwrap_or_default(),
                gold_opened: sums.opened,
                gold_contested: sums.contested,
                paid: money.paid,
                treasury: money.treasury,
                ended: now,
            },
        );
        Self::deposit_event(Event::BatchPaid {
            batch: id,
            paid: money.paid,
            treasury: money.treasury,
            refunded: money.refunded,
        });
        Campaigns::<T>::mutate_extant(batch.campaign, |campaign| {
            campaign.live_batches = campaign.live_batches.saturating_sub(1);
            campaign.last_paid = now;
        });
        let deadline = now.saturating_add(T::RetainFor::get());
        Self::enter(id, batch, BatchState::Paid, deadline);
    }

    /// What of a batch's bond its requester loses: the share of pages whose gold stayed shut, or
    /// half if more than a quarter of the gold is contested, whichever is more.
    fn bond_lost(batch: &Batch<T::AccountId>, has_gold: bool, bond: Balance) -> Balance {
        let unopened = batch.revealed_pages.saturating_sub(batch.gold_pages);
        let mut lost = 0;
        if has_gold && unopened > 0 {
            lost = part_of(bond, unopened, batch.revealed_pages);
        }
        let math::BatchSums {
            opened, contested, ..
        } = batch.sums;
        if u64::from(contested).saturating_mul(4) > u64::from(opened) {
            lost = lost.max(part_of(bond, 1, 2));
        }
        lost
    }

    // Removal.

    fn prune_one(id: BatchId, batch: &mut Batch<T::AccountId>, next: u32) -> Cranked {
        if next < batch.pages {
            Pages::<T>::remove(id, next);
            GoldOf::<T>::remove(id, next);
        } else {
            let index = next.saturating_sub(batch.pages);
            if let Some(worker) = Workers::<T>::take(id, index) {
                WorkerOf::<T>::remove(id, worker.account);
            }
        }
        let next = next.saturating_add(1);
        if next < batch.pages.saturating_add(batch.workers) {
            batch.state = BatchState::Pruning { next };
            return Cranked::More;
        }
        Batches::<T>::remove(id);
        Self::give_back(HoldReason::Deposit, &batch.requester, batch.deposit);
        Self::deposit_event(Event::BatchPruned { batch: id });
        Cranked::Gone
    }
}
