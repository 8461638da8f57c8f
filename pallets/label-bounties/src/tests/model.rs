//! A second account of everybody's money, kept from what was called and from what the events say
//! was leased, and from the money table and the three steps of `docs/spec/label-bounties.md`.
//! Random walks are compared with it to the last unit.
//!
//! Fees and rewards are one purse here: who of the two gets an eighth of a slot's fee depends on
//! who did the work, and is checked in `attacks`.

use super::{
    crowd::*,
    rule::{self, Answered, Rule},
};
use crate::{mock::*, *};
use athanor_label_math::{LabelType, ScoreTerms};
use athanor_primitives::labels::{
    request_text, voucher_text, BatchId, BatchState, CampaignId, CampaignTerms, Gate, Voucher,
};
use frame_support::assert_ok;
use proptest::test_runner::{Config as Walks, TestRunner};
use sp_core::Pair;
use std::collections::{BTreeMap, BTreeSet};

const WHOLE: i128 = 65_536;

fn equal(a: u32, b: u32) -> i128 {
    if a == b {
        WHOLE
    } else {
        0
    }
}

fn near(a: u32, b: u32) -> i128 {
    WHOLE - WHOLE * i128::from(a.abs_diff(b)) / 4
}

fn overlap(a: u32, b: u32) -> i128 {
    if a | b == 0 {
        return WHOLE;
    }
    WHOLE * i128::from((a & b).count_ones()) / i128::from((a | b).count_ones())
}

/// A kind of task: type, number of codes, κ and its mark.
type Kind = (LabelType, u32, fn(u32, u32) -> i128, i128);

const KINDS: [Kind; 4] = [
    (LabelType::Classification { classes: 2 }, 2, equal, WHOLE),
    (LabelType::Classification { classes: 4 }, 4, equal, WHOLE),
    (LabelType::Rating { steps: 5 }, 5, near, 49_152),
    (LabelType::MultiLabel { flags: 4 }, 16, overlap, 49_152),
];

/// How often what happened, so that a test can tell that it was not about nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    paid: u32,
    workers: u32,
    full: u32,
    part: u32,
    nothing: u32,
    junk: u32,
    hidden: u32,
    abandoned: u32,
    skipped: u32,
    expired: u32,
    no_page: u32,
    cancelled: u32,
    bonds_lost: u32,
    contested: u32,
    credits: u32,
    pruned: u32,
    closed: u32,
}

#[derive(Clone, Debug, Default)]
struct Part {
    leased: u32,
    skipped: u32,
    waiting: u32,
    sponsored: bool,
    /// Answers by page, and whether they are shown.
    answers: BTreeMap<u32, (Vec<u32>, bool)>,
}

struct Lot {
    deal: Deal,
    kind: Kind,
    parts: BTreeMap<AccountId, Part>,
    opened: BTreeSet<u32>,
    deposit: Balance,
    paid: bool,
}

impl Lot {
    fn page_pay(&self) -> Balance {
        self.deal.terms.pay * Balance::from(self.deal.terms.tasks)
    }

    fn stake(&self) -> Balance {
        (self.page_pay() * Balance::from(self.deal.terms.stake)).div_ceil(10_000)
    }

    fn fee(&self) -> Balance {
        (self.page_pay() * 2).div_ceil(100)
    }

    fn slots(&self) -> Balance {
        self.deal.made.len() as Balance * Balance::from(self.deal.terms.panel_max)
    }

    fn slot(&self) -> Balance {
        self.page_pay() + self.fee() + SlotFee::get()
    }

    fn bond(&self) -> Balance {
        (self.slots() * self.page_pay()).div_ceil(10)
    }

    fn staked(&self, part: &Part) -> Balance {
        if part.sponsored || self.paid {
            return 0;
        }
        Balance::from(part.leased - part.skipped + part.waiting) * self.stake()
    }
}

#[derive(Default)]
struct Model {
    /// Money, free and held.
    total: BTreeMap<AccountId, Balance>,
    credits: BTreeMap<AccountId, Balance>,
    /// Of fees and rewards together.
    purse: Balance,
    lots: BTreeMap<BatchId, Lot>,
    campaigns: BTreeMap<CampaignId, (AccountId, Balance)>,
    met: Met,
}

fn crank() -> AccountId {
    account("crank")
}

impl Model {
    fn of(&mut self, who: &AccountId) -> &mut Balance {
        self.total
            .entry(who.clone())
            .or_insert_with(|| all_money(who))
    }

    fn gain(&mut self, who: &AccountId, amount: Balance) {
        *self.of(who) += amount;
    }

    fn lose(&mut self, who: &AccountId, amount: Balance) {
        let money = self.of(who);
        *money = money.checked_sub(amount).expect("as much as is lost");
    }

    /// A worker's pay: his, or a credit until it opens his account.
    fn pay(&mut self, who: &AccountId, amount: Balance) {
        if amount == 0 {
            return;
        }
        if *self.of(who) > 0 || amount >= ED {
            return self.gain(who, amount);
        }
        self.met.credits += 1;
        let credit = self.credits.entry(who.clone()).or_default();
        *credit += amount;
        if *credit >= ED {
            let all = core::mem::take(credit);
            self.gain(who, all);
        }
    }

    fn part(&mut self, batch: BatchId, who: &AccountId) -> &mut Part {
        let lot = self.lots.get_mut(&batch).expect("a batch");
        lot.parts.entry(who.clone()).or_default()
    }

    fn see(&mut self, event: Event<Test>) {
        match event {
            Event::PagesRequested {
                batch,
                worker,
                pages,
                ..
            } => self.part(batch, &worker).waiting = pages,
            Event::PageLeased { batch, worker, .. } => {
                let part = self.part(batch, &worker);
                part.leased += 1;
                part.waiting -= 1;
            }
            Event::NoPage {
                batch,
                worker,
                missing,
            } => {
                self.part(batch, &worker).waiting -= missing;
                self.met.no_page += 1;
            }
            Event::PageSkipped { batch, worker, .. } => {
                self.part(batch, &worker).skipped += 1;
                self.met.skipped += 1;
            }
            Event::LeaseExpired { .. } => self.met.expired += 1,
            Event::SheetRevealed {
                batch,
                page,
                worker,
            } => {
                let part = self.part(batch, &worker);
                part.answers.get_mut(&page).expect("a commit").1 = true;
            }
            Event::GoldOpened { batch, page } => {
                let lot = self.lots.get_mut(&batch).expect("a batch");
                assert!(lot.opened.insert(page));
            }
            Event::BatchCancelled { .. } => self.met.cancelled += 1,
            Event::BatchPaid { batch, .. } => self.end(batch),
            Event::BatchPruned { batch } => {
                let lot = self.lots.get_mut(&batch).expect("a batch");
                assert!(lot.paid);
                lot.deposit = 0;
                self.met.pruned += 1;
            }
            Event::CampaignPruned { campaign } => {
                self.campaigns.remove(&campaign).expect("a campaign");
                self.met.closed += 1;
            }
            Event::CreditPaid { worker, amount } => {
                // Paid by a call; the other way is followed in `pay`.
                if let Some(credit) = self.credits.remove(&worker).filter(|credit| *credit > 0) {
                    assert_eq!(credit, amount);
                    self.gain(&worker, amount);
                }
            }
            Event::PaymentDiverted { intended, .. } => panic!("{intended} was not paid"),
            _ => {}
        }
    }

    /// Ends every slot of a batch in one row of the money table.
    fn end(&mut self, id: BatchId) {
        let mut lot = self.lots.remove(&id).expect("a batch");
        assert!(!core::mem::replace(&mut lot.paid, true));
        let workers: Vec<AccountId> = lot.parts.keys().cloned().collect();
        let pages: Vec<_> = lot
            .deal
            .made
            .iter()
            .map(|made| {
                let page = made.leaf.page;
                let sheets: Vec<_> = workers
                    .iter()
                    .enumerate()
                    .filter_map(|(at, who)| {
                        let (codes, shown) = lot.parts[who].answers.get(&page)?;
                        shown.then(|| (at, codes.clone()))
                    })
                    .collect();
                let opened = lot.opened.contains(&page);
                assert!(!opened || !sheets.is_empty());
                let gold = (0..usize::from(lot.deal.terms.gold))
                    .filter(|_| opened)
                    .map(|task| (task, made.truth[task]))
                    .collect();
                Answered { sheets, gold }
            })
            .collect();
        let terms = &lot.deal.terms;
        let rule = Rule {
            kappa: lot.kind.2,
            mark: lot.kind.3,
            tasks: terms.tasks.into(),
            price: terms.pay,
            phi: terms.score.phi_bp.into(),
            s0: terms.score.s0_bp.into(),
            s1: terms.score.s1_bp.into(),
            floor: terms.score.floor_bp.into(),
            gold_target: terms.score.gold_target_bp.into(),
        };
        let judged = rule::judge(&rule, &pages, workers.len());
        self.met.paid += 1;
        self.met.contested += judged.contested;

        let requester = lot.deal.requester.clone();
        let (page_pay, fee, stake) = (lot.page_pay(), lot.fee(), lot.stake());
        let mut used = 0;
        let mut to_treasury = 0;
        for (who, verdict) in workers.iter().zip(&judged.workers) {
            let part = &lot.parts[who];
            let committed = part.answers.len() as Balance;
            let shown = part.answers.values().filter(|(_, shown)| *shown).count() as Balance;
            let hidden = committed - shown;
            assert_eq!(verdict.answers, shown * Balance::from(terms.tasks));
            let abandoned = part.leased - part.skipped - committed as u32;
            let mut lost = 0;
            if !part.sponsored {
                lost += hidden * stake + Balance::from(abandoned.saturating_sub(1)) * (stake / 2);
                lost += if verdict.junk { shown * stake } else { 0 };
            }
            used += committed;
            to_treasury += committed * (page_pay + fee) - verdict.pay + lost;
            self.lose(who, lost);
            self.pay(who, verdict.pay);
            let met = &mut self.met;
            met.workers += 1;
            met.junk += u32::from(verdict.junk);
            met.hidden += hidden as u32;
            met.abandoned += abandoned.saturating_sub(1);
            if shown > 0 {
                match verdict.share_bp {
                    0 => met.nothing += 1,
                    10_000 => met.full += 1,
                    _ => met.part += 1,
                }
            }
        }
        let mut bond_lost = 0;
        let shown: BTreeSet<u32> = (0..)
            .zip(&pages)
            .filter(|(_, page)| !page.sheets.is_empty())
            .map(|(page, _)| page)
            .collect();
        let shut = shown.len() - lot.opened.len();
        if terms.gold > 0 && shut > 0 {
            bond_lost = (lot.bond() * shut as Balance).div_ceil(shown.len() as Balance);
        }
        if judged.contested * 4 > judged.opened {
            bond_lost = bond_lost.max(lot.bond().div_ceil(2));
        }
        self.met.bonds_lost += u32::from(bond_lost > 0);
        let fees = used * SlotFee::get();
        self.lose(&requester, used * (page_pay + fee) + fees + bond_lost);
        self.gain(&treasury(), to_treasury + bond_lost);
        self.purse += fees;
        self.lots.insert(id, lot);
    }

    /// Takes in what happened since the last time.
    fn follow(&mut self) {
        let events = System::events();
        System::reset_events();
        for record in events {
            if let RuntimeEvent::LabelBounties(event) = record.event {
                self.see(event);
            }
        }
    }

    /// Whether no batch is between two payments.
    fn is_calm(&self) -> bool {
        Batches::<Test>::iter_values().all(|batch| {
            !matches!(
                batch.state,
                BatchState::Score { .. } | BatchState::Rank { .. } | BatchState::Pay { .. }
            )
        })
    }

    /// Everybody has what is due to them, free and held.
    fn compare(&self) {
        let mut escrow: BTreeMap<AccountId, Balance> = BTreeMap::new();
        let mut bonds: BTreeMap<AccountId, Balance> = BTreeMap::new();
        let mut stakes: BTreeMap<AccountId, Balance> = BTreeMap::new();
        let mut deposits: BTreeMap<AccountId, Balance> = BTreeMap::new();
        for lot in self.lots.values() {
            let requester = &lot.deal.requester;
            if !lot.paid {
                *escrow.entry(requester.clone()).or_default() += lot.slots() * lot.slot();
                *bonds.entry(requester.clone()).or_default() += lot.bond();
            }
            *deposits.entry(requester.clone()).or_default() += lot.deposit;
            for (who, part) in &lot.parts {
                *stakes.entry(who.clone()).or_default() += lot.staked(part);
            }
        }
        for (requester, deposit) in self.campaigns.values() {
            *deposits.entry(requester.clone()).or_default() += deposit;
        }
        for (who, total) in &self.total {
            assert_eq!(all_money(who), *total, "money of {who}");
        }
        for (reason, sums) in [
            (HoldReason::BatchEscrow, escrow),
            (HoldReason::RequesterBond, bonds),
            (HoldReason::WorkerStake, stakes),
            (HoldReason::Deposit, deposits),
        ] {
            for (who, sum) in sums {
                assert_eq!(held(reason, &who), sum, "{reason:?} of {who}");
            }
        }
        let credits: Balance = self.credits.values().sum();
        assert_eq!(held(HoldReason::Credit, &LabelBounties::pot()), credits);
        let purse = all_money(&crank()) - FUNDS + all_money(&block_fees()) - AUR;
        assert_eq!(purse, self.purse, "fees and rewards");
        assert!(all_money(&crank()) - FUNDS <= self.purse / 4);
    }
}

/// One random walk.
struct Walk {
    model: Model,
    seed: u64,
    step: u32,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut model = Model::default();
        model.of(&treasury());
        for name in names() {
            model.of(&account(&name));
        }
        for i in 0..POOR {
            model.of(&poor(&format!("poor{i}")));
        }
        crank();
        Self {
            model,
            seed,
            step: 0,
        }
    }

    fn dice(&mut self, sides: u32) -> u32 {
        self.step += 1;
        dice((self.seed, self.step)) % sides
    }

    fn requester(&mut self) -> AccountId {
        account(&format!("requester{}", self.dice(2)))
    }

    fn worker(&mut self) -> AccountId {
        let i = self.dice(RICH);
        account(&format!("rich{i}"))
    }

    fn batch(&mut self, which: impl Fn(BatchState) -> bool) -> Option<BatchId> {
        let mut all: Vec<_> = Batches::<Test>::iter()
            .filter(|(_, batch)| which(batch.state))
            .map(|(id, _)| id)
            .collect();
        all.sort_unstable();
        let at = self.dice(all.len().max(1) as u32);
        all.get(at as usize).copied()
    }

    fn open(&mut self) {
        let live = self.model.lots.values().filter(|lot| !lot.paid).count();
        if live >= 3 {
            return;
        }
        let kind = KINDS[self.dice(4) as usize];
        let tasks = [4, 8][self.dice(2) as usize];
        let gated = self.dice(3) == 0;
        let gold = if gated && self.dice(2) == 0 {
            0
        } else {
            tasks / 2
        };
        let terms = CampaignTerms {
            label: kind.0,
            pay: [AUR / 100, ED * 10 / Balance::from(tasks)][self.dice(2) as usize],
            panel_min: [1, 3][usize::from(!gated)],
            panel_max: if gated { 1 } else { 3 } + self.dice(3) as u8,
            stake: [1_000, 2_500, 10_000][self.dice(3) as usize],
            score: ScoreTerms {
                phi_bp: [500, 3_000][self.dice(2) as usize],
                ..Default::default()
            },
            gate: if gated { Gate::Voucher } else { Gate::Open },
            voucher_key: Some(poor("signup").into()),
            share_revenue: self.dice(2) == 0,
            ..binary(tasks, gold)
        };
        let requester = self.requester();
        let count = (8 / u32::from(gold.max(1))).max(1) + self.dice(4);
        let made: Vec<_> = (0..count)
            .map(|page| {
                let truth: Vec<_> = (0..tasks)
                    .map(|task| dice((self.seed, self.step, page, task)) % kind.1)
                    .collect();
                let gold: Vec<_> = (0..gold)
                    .map(|task| (task, truth[usize::from(task)]))
                    .collect();
                make(&terms, page, truth, &gold)
            })
            .collect();
        let campaign = NextCampaignId::<Test>::get();
        let deal = Deal::of(&requester, terms, made);
        let deposit = Campaigns::<Test>::get(campaign).unwrap().deposit;
        self.model
            .campaigns
            .insert(campaign, (requester.clone(), deposit));
        let lot = Lot {
            deposit: deal.batch().deposit,
            deal,
            kind,
            parts: BTreeMap::new(),
            opened: BTreeSet::new(),
            paid: false,
        };
        let batch = lot.deal.batch();
        assert_eq!(batch.money.escrow, lot.slots() * lot.slot());
        assert_eq!(batch.money.bond, lot.bond());
        self.model.lots.insert(lot.deal.id, lot);
    }

    fn request(&mut self) {
        let Some(id) = self.batch(|state| state == BatchState::Open) else {
            return;
        };
        let deal = &self.model.lots[&id].deal;
        let (campaign, gate) = (deal.campaign, deal.terms.gate);
        if gate == Gate::Open {
            let (who, pages) = (self.worker(), 1 + self.dice(4));
            let _ = LabelBounties::request_pages(signed(&who), id, pages, None);
            return;
        }
        let sponsored = self.dice(2) == 0;
        let name = if sponsored {
            format!("poor{}", self.dice(POOR))
        } else {
            format!("rich{}", self.dice(RICH))
        };
        let who = poor(&name);
        let genesis = LabelBounties::genesis();
        let worker: [u8; 32] = who.clone().into();
        let voucher = Voucher {
            pages: 3,
            sponsored,
            expires: u32::MAX,
        };
        let signature = pair("signup")
            .sign(&voucher_text(&genesis, campaign, &worker, &voucher))
            .into();
        let voucher = SignedVoucher { voucher, signature };
        if !sponsored {
            let pages = 1 + self.dice(3);
            let _ = LabelBounties::request_pages(signed(&who), id, pages, Some(voucher));
            return;
        }
        let requests = WorkerOf::<Test>::get(id, &who)
            .and_then(|index| Workers::<Test>::get(id, index))
            .map_or(0, |worker| worker.requests);
        let text = request_text(&genesis, id, &worker, requests);
        let call: RuntimeCall = Call::request_sponsored {
            batch: id,
            worker: who.clone(),
            voucher,
            signature: Some(pair(&name).sign(&text).into()),
        }
        .into();
        if authorise(&call).is_ok() {
            assert_ok!(dispatch_authorised(call));
            self.model.part(id, &who).sponsored = true;
        }
    }

    /// Some account's lease or commit.
    fn slot(&mut self, id: BatchId, which: impl Fn(&Slot) -> bool) -> Option<(u32, AccountId)> {
        let mut all: Vec<_> = Pages::<Test>::iter_prefix(id)
            .flat_map(|(page, record)| {
                let slots: Vec<_> = record
                    .slots
                    .iter()
                    .filter(|slot| which(slot))
                    .map(|slot| (page, slot.worker().unwrap()))
                    .collect();
                slots
            })
            .collect();
        all.sort_unstable();
        let at = self.dice(all.len().max(1) as u32);
        let (page, worker) = *all.get(at as usize)?;
        Some((page, Workers::<Test>::get(id, worker).unwrap().account))
    }

    fn commit(&mut self) {
        let Some(id) = self.batch(|state| state == BatchState::Open) else {
            return;
        };
        let clock = LabelBounties::clock();
        let is_live = |slot: &Slot| matches!(slot, Slot::Leased { until, .. } if clock < *until);
        let Some((page, who)) = self.slot(id, is_live) else {
            return;
        };
        let style = dice((self.seed, &who, 1u8)) % 5;
        let lot = self.model.lots.get_mut(&id).unwrap();
        let codes: Vec<_> = lot.deal.made[page as usize]
            .truth
            .iter()
            .enumerate()
            .map(|(task, truth)| {
                let random = dice((self.seed, &who, id, page, task as u32));
                match style {
                    0 => 0,
                    1 => random % lot.kind.1,
                    _ if random % 8 == 0 => (random >> 8) % lot.kind.1,
                    _ => *truth,
                }
            })
            .collect();
        lot.deal.commit(&who, page, &codes);
        let part = lot.parts.get_mut(&who).unwrap();
        assert!(part.answers.insert(page, (codes, false)).is_none());
    }

    fn reveal(&mut self) {
        let Some(id) = self.batch(|state| state == BatchState::Reveal) else {
            return;
        };
        let Some((page, who)) = self.slot(id, |slot| matches!(slot, Slot::Committed { .. })) else {
            return;
        };
        // One in nine never shows what he said.
        if dice((self.seed, &who, page)) % 9 > 0 && LabelBounties::clock() < deadline(id) {
            self.model.lots[&id].deal.reveal(&who, page);
        }
    }

    fn gold(&mut self) {
        let Some(id) = self.batch(|state| state == BatchState::Gold) else {
            return;
        };
        let deal = &self.model.lots[&id].deal;
        let shut: Vec<_> = deal
            .revealed()
            .into_iter()
            .filter(|page| !Pages::<Test>::get(id, page).unwrap().gold_opened)
            // One page in seven stays shut.
            .filter(|page| dice((self.seed, id, page)) % 7 > 0)
            .collect();
        let count = 1 + dice((self.seed, self.step)) as usize % 3;
        let some: Vec<_> = shut.into_iter().take(count).collect();
        if !some.is_empty() {
            deal.open_gold(&some);
        }
    }

    fn one(&mut self) {
        match self.dice(40) {
            0 => self.open(),
            1..=9 => self.request(),
            10..=19 => self.commit(),
            20..=26 => self.reveal(),
            27..=29 => self.gold(),
            30 => {
                if let Some(id) = self.batch(|state| state == BatchState::Open) {
                    if let Some((page, who)) =
                        self.slot(id, |slot| matches!(slot, Slot::Leased { .. }))
                    {
                        let _ = LabelBounties::skip(signed(&who), id, page, who.clone(), None);
                    }
                }
            }
            31 => {
                if let Some(id) = self.batch(|state| state == BatchState::Open) {
                    let requester = Batches::<Test>::get(id).unwrap().requester;
                    if self.dice(4) == 0 {
                        let _ = LabelBounties::cancel(signed(&requester), id);
                    } else {
                        let page = self.dice(8);
                        let _ = LabelBounties::close_page(signed(&requester), id, page);
                    }
                }
            }
            32..=34 => {
                if let Some(id) = self.batch(|_| true) {
                    let limit = 1 + self.dice(12);
                    let _ = LabelBounties::advance(signed(&crank()), id, limit);
                }
            }
            35 => stop_idle(self.dice(2) == 0),
            36 => {
                let ticks = self.dice(60);
                pass(ticks);
            }
            37 => {
                let i = self.dice(POOR);
                let _ = LabelBounties::withdraw(signed(&crank()), poor(&format!("poor{i}")));
            }
            38 => {
                let campaigns: Vec<_> = self.model.campaigns.keys().copied().collect();
                let at = self.dice(campaigns.len().max(1) as u32) as usize;
                if let Some(id) = campaigns.get(at) {
                    let requester = self.model.campaigns[id].0.clone();
                    if self.dice(4) == 0 {
                        let _ = LabelBounties::close_campaign(signed(&requester), *id);
                    }
                    let _ = LabelBounties::prune_campaign(signed(&requester), *id, 3);
                }
            }
            _ => run_blocks(1),
        }
        run_blocks(u32::from(self.dice(3) == 0));
        self.model.follow();
        if self.model.is_calm() {
            self.model.compare();
        }
    }

    /// Lets everything end.
    fn end(&mut self) {
        stop_idle(false);
        for _ in 0..2_000 {
            if Batches::<Test>::iter().next().is_none() {
                break;
            }
            pass(20);
            self.model.follow();
        }
        assert_eq!(Batches::<Test>::iter().count(), 0, "a batch never ended");
        let campaigns: Vec<_> = self.model.campaigns.keys().copied().collect();
        for id in campaigns {
            let requester = self.model.campaigns[&id].0.clone();
            let _ = LabelBounties::close_campaign(signed(&requester), id);
            pass(ContributionsKept::get());
            while Campaigns::<Test>::contains_key(id) {
                assert_ok!(LabelBounties::prune_campaign(signed(&requester), id, 2));
            }
        }
        self.model.follow();
        assert!(self.model.is_calm());
        self.model.compare();
        assert!(self.model.campaigns.is_empty());
    }
}

const RICH: u32 = 7;
const POOR: u32 = 3;

fn names() -> impl Iterator<Item = String> {
    let rich = (0..RICH).map(|i| format!("rich{i}"));
    rich.chain((0..2).map(|i| format!("requester{i}")))
}

fn deadline(id: BatchId) -> u32 {
    Batches::<Test>::get(id).unwrap().deadline
}

fn walk(seed: u64, steps: u32) -> Met {
    let mut met = Met::default();
    build_and_execute(|| {
        let mut walk = Walk::new(seed);
        for step in 0..steps {
            walk.one();
            if step % 8 == 0 {
                check();
            }
        }
        walk.end();
        met = walk.model.met;
    });
    met
}

#[test]
fn random_walks_move_money_as_the_tables_say() {
    let mut sum = Met::default();
    for seed in 0..24 {
        let met = walk(seed, 600);
        sum = Met {
            paid: sum.paid + met.paid,
            workers: sum.workers + met.workers,
            full: sum.full + met.full,
            part: sum.part + met.part,
            nothing: sum.nothing + met.nothing,
            junk: sum.junk + met.junk,
            hidden: sum.hidden + met.hidden,
            abandoned: sum.abandoned + met.abandoned,
            skipped: sum.skipped + met.skipped,
            expired: sum.expired + met.expired,
            no_page: sum.no_page + met.no_page,
            cancelled: sum.cancelled + met.cancelled,
            bonds_lost: sum.bonds_lost + met.bonds_lost,
            contested: sum.contested + met.contested,
            credits: sum.credits + met.credits,
            pruned: sum.pruned + met.pruned,
            closed: sum.closed + met.closed,
        };
    }
    println!("{sum:?}");
    let Met {
        paid,
        workers,
        full,
        part,
        nothing,
        junk,
        hidden,
        abandoned,
        skipped,
        expired,
        no_page,
        cancelled,
        bonds_lost,
        contested,
        credits,
        pruned,
        closed,
    } = sum;
    for (what, count) in [
        ("paid", paid),
        ("workers", workers),
        ("full", full),
        ("part", part),
        ("nothing", nothing),
        ("junk", junk),
        ("hidden", hidden),
        ("abandoned", abandoned),
        ("skipped", skipped),
        ("expired", expired),
        ("no page", no_page),
        ("cancelled", cancelled),
        ("bonds lost", bonds_lost),
        ("contested", contested),
        ("credits", credits),
        ("pruned", pruned),
        ("closed", closed),
    ] {
        assert!(count > 0, "no walk was about {what}");
    }
}

#[test]
fn random_walks_of_any_seed() {
    let mut runner = TestRunner::new(Walks {
        cases: 12,
        failure_persistence: None,
        ..Walks::default()
    });
    runner
        .run(&proptest::num::u64::ANY, |seed| {
            walk(seed, 300);
            Ok(())
        })
        .unwrap();
}

/// What a batch of the same answers comes to when they are shown in an order and the rest is done
/// in steps of so many units, by calls or by the hook.
fn ended(order: u32, limit: u32, by_hook: bool) -> (BatchResult, Vec<(AccountId, Outcome)>) {
    let mut ended = None;
    build_and_execute(|| {
        let deal = Deal::with(binary(8, 4), 6);
        for i in 0..6 {
            let who = account(&format!("worker{i}"));
            match i {
                0 => deal.label(&who, 4, says::always(1)),
                1 => deal.label(&who, 4, says::random(&who)),
                _ => deal.label(&who, 4, says::truth(&who, 6)),
            };
        }
        stop_idle(true);
        assert_ok!(LabelBounties::cancel(signed(&deal.requester), deal.id));
        let step = |limit| {
            assert_ok!(LabelBounties::advance(signed(&crank()), deal.id, limit));
        };
        step(1);
        let mut all: Vec<_> = deal.kept.borrow().keys().cloned().collect();
        all.sort_by_key(|commit| dice((order, commit)));
        // The last of all by name is never shown, in whatever order.
        let silent = all.iter().max().unwrap().clone();
        for commit in all.iter().filter(|commit| **commit != silent) {
            deal.reveal(&commit.0, commit.1);
        }
        pass(RevealFor::get());
        step(1);
        let mut pages = deal.revealed();
        pages.sort_by_key(|page| dice((order, page)));
        for page in &pages[1.min(pages.len() - 1)..] {
            if *page != 3 {
                deal.open_gold(&[*page]);
            }
        }
        if !Pages::<Test>::get(deal.id, pages[0]).unwrap().gold_opened && pages[0] != 3 {
            deal.open_gold(&[pages[0]]);
        }
        pass(GoldFor::get());
        if by_hook {
            stop_idle(false);
        }
        while deal.state() != BatchState::Paid {
            if by_hook {
                run_blocks(1);
            } else {
                step(limit);
            }
        }
        let mut result = Results::<Test>::get(deal.id).unwrap();
        // Only the time may differ.
        result.ended = 0;
        let mut outcomes: Vec<_> = Workers::<Test>::iter_prefix_values(deal.id)
            .map(|worker| (worker.account, worker.outcome.unwrap()))
            .collect();
        outcomes.sort_by(|a, b| a.0.cmp(&b.0));
        ended = Some((result, outcomes));
    });
    ended.unwrap()
}

#[test]
fn every_order_of_reveals_and_split_of_the_crank_gives_the_same() {
    let first = ended(0, 1, false);
    assert!(first.1.iter().any(|(_, outcome)| outcome.pay > 0));
    assert!(first.1.iter().any(|(_, outcome)| outcome.stake_lost > 0));
    for order in 1..6 {
        for limit in [1, 2, 3, 5, 64] {
            assert_eq!(ended(order, limit, false), first, "{order}, {limit}");
        }
        assert_eq!(ended(order, 1, true), first, "{order}, by the hook");
    }
}
