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
    request_text, voucher_text, BatchId, BatchState, CampaignId, CampaignTerms, DomainId, Gate,
    Voucher,
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

/// A tie is half of either side.
fn beside(a: u32, b: u32) -> i128 {
    match (a.min(b), a.max(b)) {
        (a, b) if a == b => WHOLE,
        (0 | 1, 2) => WHOLE / 2,
        _ => 0,
    }
}

/// Two flags of two bits, the first of three times the weight.
fn severe(a: u32, b: u32) -> i128 {
    let (mut least, mut most) = (0, 0);
    for (flag, weight) in [(0, 3), (1, 1)] {
        let of = |code: u32| i128::from(code >> (2 * flag) & 3);
        least += weight * of(a).min(of(b));
        most += weight * of(a).max(of(b));
    }
    if most == 0 {
        WHOLE
    } else {
        WHOLE * least / most
    }
}

/// Pairs of three items that stand the other way round, of three.
fn reordered(a: u32, b: u32) -> i128 {
    let place = |code: u32, item: u32| (0..3).find(|place| code >> (3 * place) & 7 == item);
    let other = [(0, 1), (0, 2), (1, 2)]
        .into_iter()
        .filter(|(i, j)| (place(a, *i) < place(a, *j)) != (place(b, *i) < place(b, *j)));
    WHOLE - WHOLE * other.count() as i128 / 3
}

/// F1 of the labelled tokens.
fn shared(a: u32, b: u32) -> i128 {
    let tokens = |code: u32| -> BTreeSet<(u8, u16)> {
        SPANS[code as usize]
            .iter()
            .flat_map(|&(label, start, len)| (start..start + len).map(move |at| (label, at)))
            .collect()
    };
    let (a, b) = (tokens(a), tokens(b));
    if a.is_empty() && b.is_empty() {
        return WHOLE;
    }
    2 * WHOLE * a.intersection(&b).count() as i128 / (a.len() + b.len()) as i128
}

/// A kind of task: its name, type, codes, κ and its mark.
type Kind = (
    &'static str,
    LabelType,
    &'static [u32],
    fn(u32, u32) -> i128,
    i128,
);

const SAFETY: LabelType = LabelType::Safety {
    weights: [3, 1, 0, 0, 0, 0, 0, 0],
    quorum: 2,
};

/// The six orders of three items, the item at a place in three bits.
const ORDERS: &[u32] = &[
    1 << 3 | 2 << 6,
    2 << 3 | 1 << 6,
    1 | 2 << 6,
    1 | 2 << 3,
    2 | 1 << 6,
    2 | 1 << 3,
];

const CODES: &[u32] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

#[rustfmt::skip]
const KINDS: [Kind; 8] = [
    ("two classes", LabelType::Classification { classes: 2 }, CODES.split_at(2).0, equal, WHOLE),
    ("four classes", LabelType::Classification { classes: 4 }, CODES.split_at(4).0, equal, WHOLE),
    ("preference", LabelType::Preference, CODES.split_at(4).0, beside, WHOLE),
    ("rating", LabelType::Rating { steps: 5 }, CODES.split_at(5).0, near, 49_152),
    ("multi-label", LabelType::MultiLabel { flags: 4 }, CODES, overlap, 49_152),
    ("safety", SAFETY, CODES, severe, 49_152),
    ("ranking", LabelType::Ranking { items: 3 }, ORDERS, reordered, 49_152),
    ("spans", LabelType::Span { tokens: 8 }, CODES.split_at(SPANS.len()).0, shared, 49_152),
];

/// What has to happen in the walks for them to be about everything.
const WANTED: [&str; 25] = [
    "paid",
    "workers",
    "full",
    "part",
    "nothing",
    "junk",
    "hidden",
    "abandoned",
    "skipped",
    "expired",
    "expired by a call",
    "no page",
    "cancelled",
    "bonds lost",
    "contested",
    "false gold opened",
    "credits",
    "pruned",
    "closed",
    "joined and answered",
    "left open together",
    "requesters admitted",
    "records",
    "let in by their record",
    "kept out by their record",
];

/// How often what happened, so that a test can tell that it was not about nothing.
#[derive(Clone, Debug, Default)]
struct Met(BTreeMap<&'static str, u32>);

impl Met {
    fn add(&mut self, what: &'static str, times: u32) {
        *self.0.entry(what).or_default() += times;
    }
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
    /// What the requester says of each page's first tasks, and whether it is false.
    gold: Vec<Vec<(u32, bool)>>,
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
    /// Pay that was credited and whose batch has still others to pay.
    ahead: BTreeMap<AccountId, Vec<Balance>>,
    /// Of fees and rewards together.
    purse: Balance,
    lots: BTreeMap<BatchId, Lot>,
    campaigns: BTreeMap<CampaignId, (AccountId, Balance)>,
    /// Requesters that each domain admits. All domains are one owner's.
    domains: BTreeMap<DomainId, BTreeSet<AccountId>>,
    /// Right and wrong gold answers of a worker in a domain.
    records: BTreeMap<(DomainId, AccountId), (u32, u32)>,
    met: Met,
}

fn crank() -> AccountId {
    account("crank")
}

fn owner() -> AccountId {
    account("owner")
}

/// A record's lower bound, in 2^-16.
fn bound(right: u32, wrong: u32) -> u32 {
    let n = u64::from(right) + u64::from(wrong) + 2;
    let mean = (u64::from(right) + 1) * 65_536 / n;
    (mean - (mean * (65_536 - mean) / n).isqrt()) as u32
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

    /// A worker's pay, unless it is a credit: that is followed when it happens, since what several
    /// batches pay at a time opens an account together.
    fn pay(&mut self, who: &AccountId, amount: Balance) {
        let ahead = self.ahead.entry(who.clone()).or_default();
        match ahead.iter().position(|credited| *credited == amount) {
            Some(at) => drop(ahead.remove(at)),
            None => self.gain(who, amount),
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
                self.met.add("no page", 1);
            }
            Event::PageSkipped { batch, worker, .. } => {
                self.part(batch, &worker).skipped += 1;
                self.met.add("skipped", 1);
            }
            Event::LeaseExpired { .. } => self.met.add("expired", 1),
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
                let said = lot.gold[page as usize].iter();
                let untrue = said.filter(|(_, untrue)| *untrue).count() as u32;
                self.met.add("false gold opened", untrue);
            }
            Event::BatchAdvanced {
                batch,
                state: BatchState::Reveal,
                ..
            } => self.leave_open(batch),
            Event::BatchCancelled { .. } => self.met.add("cancelled", 1),
            Event::BatchPaid { batch, .. } => self.end(batch),
            Event::BatchPruned { batch } => {
                let lot = self.lots.get_mut(&batch).expect("a batch");
                assert!(lot.paid);
                lot.deposit = 0;
                self.met.add("pruned", 1);
            }
            Event::CampaignPruned { campaign } => {
                self.campaigns.remove(&campaign).expect("a campaign");
                self.met.add("closed", 1);
            }
            Event::PayCredited { worker, amount } => {
                assert!(amount > 0 && amount < ED);
                assert_eq!(*self.of(&worker), 0, "{worker} has an account");
                *self.credits.entry(worker.clone()).or_default() += amount;
                self.ahead.entry(worker).or_default().push(amount);
                self.met.add("credits", 1);
            }
            Event::CreditPaid { worker, amount } => {
                assert_eq!(self.credits.remove(&worker), Some(amount));
                self.gain(&worker, amount);
            }
            Event::PaymentDiverted { intended, .. } => panic!("{intended} was not paid"),
            _ => {}
        }
    }

    /// No batch of a group is open any more once one of it shows its answers.
    fn leave_open(&mut self, id: BatchId) {
        let Some(batch) = Batches::<Test>::get(id) else {
            return;
        };
        for other in LabelBounties::group(id, &batch) {
            let open = Batches::<Test>::get(other).filter(|other| other.state == BatchState::Open);
            assert!(open.is_none(), "{id} shows what is asked in {other}");
            self.met.add("left open together", 1);
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
                let said = lot.gold[page as usize].iter().map(|(code, _)| *code);
                let gold = said.enumerate().filter(|_| opened).collect();
                Answered { sheets, gold }
            })
            .collect();
        let terms = &lot.deal.terms;
        let rule = Rule {
            kappa: lot.kind.3,
            mark: lot.kind.4,
            tasks: terms.tasks.into(),
            price: terms.pay,
            phi: terms.score.phi_bp.into(),
            s0: terms.score.s0_bp.into(),
            s1: terms.score.s1_bp.into(),
            floor: terms.score.floor_bp.into(),
            gold_target: terms.score.gold_target_bp.into(),
        };
        let judged = rule::judge(&rule, &pages, workers.len());
        self.met.add("paid", 1);
        self.met.add("contested", judged.contested);
        if pages.iter().any(|page| page.sheets.len() > 1) {
            self.met.add(lot.kind.0, 1);
        }
        let answered = lot.parts.values().any(|part| !part.answers.is_empty());
        if lot.deal.batch().joins.is_some() && answered {
            self.met.add("joined and answered", 1);
        }

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
            met.add("workers", 1);
            met.add("junk", verdict.junk.into());
            met.add("hidden", hidden as u32);
            met.add("abandoned", abandoned.saturating_sub(1));
            if shown > 0 {
                let share = match verdict.share_bp {
                    0 => "nothing",
                    10_000 => "full",
                    _ => "part",
                };
                met.add(share, 1);
            }
            let (right, wrong) = (verdict.right, verdict.wrong);
            let domain = terms.domain.filter(|domain| {
                judged.gold_on && right + wrong > 0 && self.domains[domain].contains(&requester)
            });
            if let Some(domain) = domain {
                let record = self.records.entry((domain, who.clone())).or_default();
                *record = (record.0 + right, record.1 + wrong);
                self.met.add("records", 1);
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
        self.met.add("bonds lost", u32::from(bond_lost > 0));
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
        *deposits.entry(owner()).or_default() += self.domains.len() as Balance * AUR;
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
        for ((domain, who), (right, wrong)) in &self.records {
            let record = Record::<Test>::get(domain, who);
            assert_eq!((record.right, record.wrong), (*right, *wrong), "{who}");
        }
        let known = Record::<Test>::iter().count();
        assert_eq!(known, self.records.len(), "records");
        assert!(self.ahead.values().all(Vec::is_empty), "{:?}", self.ahead);
        assert!(self.credits.values().all(|credit| *credit < ED));
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
        model.of(&owner());
        crank();
        // Halving has its own tests.
        RecordHalving::set(u32::MAX);
        let mut walk = Self {
            model,
            seed,
            step: 0,
        };
        for _ in 0..8 {
            walk.admit();
        }
        walk
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

    /// A domain, or none.
    fn domain(&mut self) -> Option<DomainId> {
        let domains: Vec<_> = self.model.domains.keys().copied().collect();
        let at = self.dice(domains.len() as u32 + 1) as usize;
        domains.get(at).copied()
    }

    fn terms(&mut self, label: LabelType) -> CampaignTerms {
        let tasks = [4, 8][self.dice(2) as usize];
        let gate = match (self.dice(3), self.domain()) {
            (0, _) => Gate::Voucher,
            (1, Some(id)) => {
                // As good as somebody is, if anybody is.
                let records = self.model.records.iter();
                let good = records
                    .filter(|((domain, _), _)| *domain == id)
                    .map(|(_, (right, wrong))| bound(*right, *wrong))
                    .max();
                let bound = [9_000, 30_000, good.unwrap_or(15_000)][self.dice(3) as usize];
                Gate::Domain { id, bound }
            }
            _ => Gate::Open,
        };
        let gold = if gate != Gate::Open && self.dice(2) == 0 {
            0
        } else {
            tasks / 2
        };
        let few = gate == Gate::Voucher;
        CampaignTerms {
            label,
            pay: [AUR / 100, ED * 10 / Balance::from(tasks)][self.dice(2) as usize],
            panel_min: if few { 1 } else { 3 },
            panel_max: if few { 1 } else { 3 } + self.dice(3) as u8,
            stake: [1_000, 2_500, 10_000][self.dice(3) as usize],
            score: ScoreTerms {
                phi_bp: [500, 3_000][self.dice(2) as usize],
                ..Default::default()
            },
            gate,
            voucher_key: Some(poor("signup").into()),
            domain: self.domain(),
            join_delay: [0, 500][self.dice(2) as usize],
            serve_group: self.dice(2) == 0,
            share_revenue: self.dice(2) == 0,
            lease: 40,
            ..binary(tasks, gold)
        }
    }

    /// Pages, and what the requester says of their gold: one in four of them lies.
    fn pages(&mut self, kind: &Kind, terms: &CampaignTerms) -> (Vec<Made>, Vec<Vec<(u32, bool)>>) {
        let liar = self.dice(4) == 0;
        let count = (8 / u32::from(terms.gold.max(1))).max(1) + self.dice(4);
        let codes = kind.2;
        let pick = |number: u32| codes[number as usize % codes.len()];
        (0..count)
            .map(|page| {
                let truth: Vec<_> = (0..terms.tasks)
                    .map(|task| pick(dice((self.seed, self.step, page, task))))
                    .collect();
                let said: Vec<_> = (0..terms.gold)
                    .map(|task| {
                        let right = truth[usize::from(task)];
                        let lie = pick(dice((self.seed, self.step, page, task, 1u8)));
                        if liar && lie != right {
                            (lie, true)
                        } else {
                            (right, false)
                        }
                    })
                    .collect();
                let gold: Vec<_> = (0..).zip(said.iter().map(|(code, _)| *code)).collect();
                (make(terms, page, truth, &gold), said)
            })
            .unzip()
    }

    fn open(&mut self) {
        let live = self.model.lots.values().filter(|lot| !lot.paid).count();
        if live >= 4 {
            return;
        }
        let kind = KINDS[self.dice(KINDS.len() as u32) as usize];
        let terms = self.terms(kind.1);
        let requester = self.requester();
        let (made, gold) = self.pages(&kind, &terms);
        let campaign = NextCampaignId::<Test>::get();
        let deal = Deal::of(&requester, terms, made);
        let deposit = Campaigns::<Test>::get(campaign).unwrap().deposit;
        self.model.campaigns.insert(campaign, (requester, deposit));
        self.enter(deal, kind, gold);
    }

    /// A batch that follows up an open one.
    fn join(&mut self) {
        let Some(parent) = self.batch(|state| state == BatchState::Open) else {
            return;
        };
        let lot = &self.model.lots[&parent];
        let (kind, terms) = (lot.kind, lot.deal.terms);
        let (requester, campaign) = (lot.deal.requester.clone(), lot.deal.campaign);
        let batch = lot.deal.batch();
        if batch.joins.is_some()
            || batch.children.len() == 2
            || batch.is_closed(LabelBounties::clock())
            || Campaigns::<Test>::get(campaign)
                .unwrap()
                .settled_at
                .is_some()
            || until(&terms) > batch.until + terms.join_delay
        {
            return;
        }
        let (made, gold) = self.pages(&kind, &terms);
        let deal = Deal::in_campaign(&requester, campaign, terms, made, Some(parent));
        self.enter(deal, kind, gold);
    }

    fn enter(&mut self, deal: Deal, kind: Kind, gold: Vec<Vec<(u32, bool)>>) {
        let lot = Lot {
            deposit: deal.batch().deposit,
            deal,
            kind,
            gold,
            parts: BTreeMap::new(),
            opened: BTreeSet::new(),
            paid: false,
        };
        let batch = lot.deal.batch();
        assert_eq!(batch.money.escrow, lot.slots() * lot.slot());
        assert_eq!(batch.money.bond, lot.bond());
        self.model.lots.insert(lot.deal.id, lot);
    }

    /// Makes a domain, or lets somebody's gold count in one, or no longer.
    fn admit(&mut self) {
        if self.model.domains.len() < 2 {
            let id = NextDomainId::<Test>::get();
            assert_ok!(LabelBounties::create_domain(signed(&owner())));
            self.model.domains.insert(id, BTreeSet::new());
        }
        // Between two workers' pay it would count for one and not for the other.
        let requester = self.requester();
        let Some(id) = self.domain().filter(|_| self.model.is_calm()) else {
            return;
        };
        // More often let in than shut out.
        let keep = self.dice(3) > 0;
        let all = self.model.domains.get_mut(&id).unwrap();
        if keep && all.contains(&requester) {
            return;
        }
        let admitted = !all.remove(&requester);
        if admitted {
            all.insert(requester.clone());
            self.model.met.add("requesters admitted", 1);
        }
        assert_ok!(LabelBounties::admit(
            signed(&owner()),
            id,
            requester,
            admitted
        ));
    }

    /// Frees a lease by a call if it ran out.
    fn expire(&mut self) {
        let Some(id) = self.batch(|state| state == BatchState::Open) else {
            return;
        };
        let clock = LabelBounties::clock();
        let over = |slot: &Slot| matches!(slot, Slot::Leased { until, .. } if clock >= *until);
        if let Some((page, who)) = self.slot(id, over) {
            assert_ok!(LabelBounties::expire(signed(&crank()), id, page, who));
            self.model.met.add("expired by a call", 1);
        } else if let Some((page, who)) = self.slot(id, |slot| matches!(slot, Slot::Leased { .. }))
        {
            let early = LabelBounties::expire(signed(&crank()), id, page, who);
            assert_eq!(early.unwrap_err().error, Error::<Test>::LeaseIsLive.into());
        }
    }

    /// A request through a gate opens or fails by the record that the model knows.
    fn pass_gate(&mut self, who: &AccountId, id: BatchId, pages: u32, gate: (DomainId, u32)) {
        let calm = self.model.is_calm();
        let result = LabelBounties::request_pages(signed(who), id, pages, None);
        let (right, wrong) = *self
            .model
            .records
            .get(&(gate.0, who.clone()))
            .unwrap_or(&(0, 0));
        let good = bound(right, wrong) >= gate.1;
        match result {
            Ok(()) => {
                assert!(good || !calm, "{right}, {wrong} for {}", gate.1);
                let by_record = right + wrong > 0 && gate.1 > bound(0, 0);
                self.model
                    .met
                    .add("let in by their record", by_record.into());
            }
            Err(error) if error == Error::<Test>::RecordTooLow.into() => {
                assert!(!good || !calm, "{right}, {wrong} for {}", gate.1);
                self.model.met.add("kept out by their record", 1);
            }
            Err(_) => {}
        }
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
        if let Gate::Domain { id: domain, bound } = gate {
            let (mut who, pages) = (self.worker(), 1 + self.dice(4));
            // Half of them are somebody who has a record.
            let mut known = self.model.records.keys().filter(|(of, _)| *of == domain);
            if let (0, Some((_, known))) = (pages % 2, known.next()) {
                who = known.clone();
            }
            self.pass_gate(&who, id, pages, (domain, bound));
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
                let pick = |number: u32| lot.kind.2[number as usize % lot.kind.2.len()];
                match style {
                    0 => pick(0),
                    1 => pick(random),
                    _ if random % 8 == 0 => pick(random >> 8),
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
        match self.dice(44) {
            0 => self.open(),
            1..=9 => self.request(),
            10..=19 => (0..=self.dice(4)).for_each(|_| self.commit()),
            20..=26 => (0..=self.dice(12)).for_each(|_| self.reveal()),
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
                    if self.dice(2) == 0 {
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
            39 => self.join(),
            40 => self.admit(),
            41 | 42 => self.expire(),
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
            (0..60).for_each(|_| self.reveal());
            (0..6).for_each(|_| self.gold());
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
        for (what, times) in walk(seed, 600).0 {
            sum.add(what, times);
        }
    }
    println!("{sum:?}");
    for what in WANTED.into_iter().chain(KINDS.map(|kind| kind.0)) {
        let times = sum.0.get(what).copied().unwrap_or(0);
        assert!(times > 0, "no walk was about {what}");
    }
}

/// Two batches paid at a time, one of which ends before a credit of both opens an account.
#[test]
fn a_credit_of_two_batches_is_paid_once() {
    walk(15_791_608_288_627_852_145, 300);
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
