//! A second account of everybody's money: kept from the events that say what was done,
//! and from the money table of `docs/spec/compute-jobs.md` for what that costs whom.
//! Nothing of it is read from the pallet's records, and events of payments are not
//! looked at: what they say must follow.

use crate::{mock::*, *};
use athanor_primitives::{JobId, Root, ThreadId};
use sp_core::U256;
use std::collections::{BTreeMap, BTreeSet};

const FLOAT: Balance = AUR;
const LEAST_COLLATERAL: Balance = AUR;
const LEAST_BOND: Balance = 100 * AUR;
const POKE: Balance = AUR / 100;
const RECEIPT: Balance = AUR / 10;
const LEAST_THREAD_BOND: Balance = AUR / 2;
/// What a walk's requesters stake for each seat.
pub(crate) const SEAT: Balance = AUR / 20;
const ANSWER: Balance = AUR / 50;

fn percent(amount: Balance, percent: Balance) -> Balance {
    amount * percent / 100
}

fn percent_up(amount: Balance, percent: Balance) -> Balance {
    (amount * percent).div_ceil(100)
}

/// Collateral as a multiple of the pay.
fn risk(policy: Policy) -> Balance {
    match policy {
        Policy::Optimistic { audit: 4, .. } => 107,
        Policy::Optimistic { audit: 8, .. } => 54,
        Policy::Optimistic { audit: 16, .. } => 27,
        Policy::Optimistic { audit: 32, .. } => 14,
        Policy::Optimistic { audit: 64, .. } => 7,
        _ => 5,
    }
}

/// Providers at first, and least number that must agree.
fn numbers(policy: Policy) -> (usize, usize) {
    match policy {
        Policy::Replicated { n, quorum, .. } => (n.into(), quorum.into()),
        Policy::Optimistic { .. } => (1, 1),
    }
}

fn rate(policy: Policy) -> Balance {
    match policy {
        Policy::Optimistic { audit, .. } => audit.into(),
        Policy::Replicated { .. } => 0,
    }
}

/// A provider's part in a job.
#[derive(Clone, Debug)]
struct Seat {
    provider: AccountId,
    worker: AccountId,
    pay: Balance,
    collateral: Balance,
    accepted: bool,
    committed: bool,
    root: Option<Root>,
    fault: Option<Fault>,
    free_threads: usize,
}

impl Seat {
    /// Lost everything.
    fn is_struck(&self) -> bool {
        self.fault.is_some_and(|fault| fault != Fault::Late)
    }

    fn stands(&self) -> bool {
        self.root.is_some() && self.fault.is_none()
    }
}

/// A live job.
#[derive(Clone, Debug)]
struct Deal {
    requester: AccountId,
    terms: JobTerms,
    budget: Balance,
    premium: Balance,
    stake: Balance,
    tip: Balance,
    deposit: Balance,
    seats: Vec<Seat>,
    auditor: Option<AccountId>,
    drawn: bool,
    /// Who shares in what the replicas of a struck claim lose.
    convictions: BTreeMap<Root, [AccountId; 2]>,
    threads: BTreeMap<ThreadId, Line>,
}

/// An open thread.
#[derive(Clone, Debug)]
struct Line {
    challenger: AccountId,
    bond: Balance,
    prepaid: Balance,
    claim: Option<Root>,
}

impl Deal {
    fn held(&self) -> Balance {
        self.budget + self.premium + self.stake + self.tip
    }

    fn seat(&mut self, provider: &AccountId) -> &mut Seat {
        self.seats
            .iter_mut()
            .find(|seat| seat.provider == *provider)
            .expect("somebody with a part in the job")
    }

    /// The trace that wins, by the rule: alone with a quorum, or among several with a
    /// quorum and more than half of those who revealed. Those outvoted stood until then.
    fn winner(&self) -> Option<Root> {
        let mut groups: BTreeMap<Root, usize> = BTreeMap::new();
        for seat in &self.seats {
            if matches!(seat.fault, None | Some(Fault::Outvoted)) {
                if let Some(root) = seat.root {
                    *groups.entry(root).or_default() += 1;
                }
            }
        }
        let revealed = self.seats.iter().filter(|seat| seat.root.is_some()).count();
        let (_, quorum) = numbers(self.terms.policy);
        let alone = groups.len() == 1;
        groups
            .into_iter()
            .find(|(_, count)| *count >= quorum && (alone || 2 * count > revealed))
            .map(|(root, _)| root)
    }
}

/// How often what happened, so that a test can tell that it was not about nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) settled: u32,
    pub(crate) failed: u32,
    pub(crate) expired: u32,
    pub(crate) struck: u32,
    pub(crate) late: u32,
    pub(crate) released: u32,
    pub(crate) audits: u32,
    pub(crate) auditors_paid: u32,
    pub(crate) auditors_alone: u32,
    pub(crate) undecided: u32,
    pub(crate) pokes: u32,
    pub(crate) receipts: u32,
    pub(crate) diverted: u32,
    pub(crate) threads: u32,
    pub(crate) free_threads: u32,
    pub(crate) lapsed: u32,
    pub(crate) convicted: u32,
    pub(crate) unserved: u32,
    pub(crate) answered: u32,
    pub(crate) withheld: u32,
}

impl Seen {
    pub(crate) fn plus(self, other: Seen) -> Seen {
        Seen {
            settled: self.settled + other.settled,
            failed: self.failed + other.failed,
            expired: self.expired + other.expired,
            struck: self.struck + other.struck,
            late: self.late + other.late,
            released: self.released + other.released,
            audits: self.audits + other.audits,
            auditors_paid: self.auditors_paid + other.auditors_paid,
            auditors_alone: self.auditors_alone + other.auditors_alone,
            undecided: self.undecided + other.undecided,
            pokes: self.pokes + other.pokes,
            receipts: self.receipts + other.receipts,
            diverted: self.diverted + other.diverted,
            threads: self.threads + other.threads,
            free_threads: self.free_threads + other.free_threads,
            lapsed: self.lapsed + other.lapsed,
            convicted: self.convicted + other.convicted,
            unserved: self.unserved + other.unserved,
            answered: self.answered + other.answered,
            withheld: self.withheld + other.withheld,
        }
    }
}

/// Who must have what.
pub(crate) struct Model {
    free: BTreeMap<AccountId, Balance>,
    bonds: BTreeMap<AccountId, Balance>,
    prices: BTreeMap<AccountId, Balance>,
    jobs: BTreeMap<JobId, Deal>,
    receipts: BTreeMap<JobId, AccountId>,
    /// Terms of the call to `create_job` that is being made.
    asked: Option<JobTerms>,
    /// Price of the last call to `set_offer`.
    offered: Option<Balance>,
    pub(crate) seen: Seen,
}

impl Model {
    /// What genesis gave everybody, before any call.
    pub(crate) fn at_genesis() -> Self {
        let free = frame_system::Account::<Test>::iter()
            .map(|(who, record)| {
                assert_eq!(record.data.reserved, 0);
                (who, record.data.free)
            })
            .collect();
        Model {
            free,
            bonds: BTreeMap::new(),
            prices: BTreeMap::new(),
            jobs: BTreeMap::new(),
            receipts: BTreeMap::new(),
            asked: None,
            offered: None,
            seen: Seen::default(),
        }
    }

    /// A job is about to be asked for.
    pub(crate) fn asks(&mut self, terms: &JobTerms) {
        self.asked = Some(terms.clone());
    }

    /// An offer at this price is about to be made.
    pub(crate) fn offers(&mut self, price: Balance) {
        self.offered = Some(price);
    }

    /// Money went from one to another by a call that has nothing to do with jobs.
    pub(crate) fn transferred(&mut self, from: &AccountId, to: &AccountId, amount: Balance) {
        if amount > 0 {
            *self.free_of(from) -= amount;
            *self.free_of(to) += amount;
        }
    }

    fn free_of(&mut self, who: &AccountId) -> &mut Balance {
        self.free.entry(who.clone()).or_default()
    }

    /// Money for `who`; the treasury's if the account would be too small to exist.
    fn credit(&mut self, who: &AccountId, amount: Balance) {
        if amount == 0 {
            return;
        }
        let free = self.free_of(who);
        if *free + amount >= ED {
            *free += amount;
        } else {
            self.seen.diverted += 1;
            *self.free_of(&treasury()) += amount;
        }
    }

    /// A replica's pay: the fee, the worker key's float, the provider.
    fn pay(&mut self, seat: &Seat, pay: Balance) {
        let fee = percent_up(pay, 2);
        self.credit(&treasury(), fee);
        let of_worker = *self.free_of(&seat.worker);
        let mut to_worker = FLOAT.saturating_sub(of_worker).min(pay - fee);
        if seat.worker == seat.provider || of_worker + to_worker < ED {
            to_worker = 0;
        }
        self.credit(&seat.worker, to_worker);
        self.credit(&seat.provider, pay - fee - to_worker);
    }

    /// Takes part of a bond.
    fn slash(&mut self, who: &AccountId, amount: Balance) {
        let bond = self.bonds.get_mut(who).expect("a provider");
        *bond = bond.checked_sub(amount).expect("as much bond as is lost");
    }

    /// The end of a job that providers were drawn for. Gives what of budget, premium and
    /// tip returns.
    fn share_out(&mut self, job: JobId, settled: bool) -> Deal {
        let mut deal = self.jobs.remove(&job).expect("a live job");
        let mut compensation = percent(deal.budget, 20);
        let mut lost: i128 = 0;
        for seat in deal.seats.iter().filter(|seat| seat.is_struck()) {
            let part = percent(seat.collateral, 20).min(compensation);
            compensation -= part;
            self.slash(&seat.provider, seat.collateral);
            self.credit(&deal.requester, part);
            let shown_by = seat.root.and_then(|root| deal.convictions.get(&root));
            let share = percent(seat.collateral, 40) / 2;
            for who in shown_by.into_iter().flatten() {
                self.credit(who, share);
                lost -= share as i128;
            }
            lost += (seat.collateral - part) as i128;
        }
        let standing: Vec<Seat> = deal
            .seats
            .iter()
            .filter(|seat| seat.stands())
            .cloned()
            .collect();
        let owed: Balance = standing.iter().map(|seat| seat.pay).sum();
        let mut lost = Balance::try_from(lost).expect("no more is given than lost");
        let in_hand = lost;
        for seat in &standing {
            if !settled {
                let pay = if in_hand >= owed {
                    seat.pay
                } else {
                    let product = U256::from(seat.pay) * U256::from(in_hand);
                    (product / U256::from(owed)).as_u128()
                };
                lost -= pay;
                self.pay(seat, pay);
                continue;
            }
            if Some(&seat.provider) == deal.auditor.as_ref() {
                deal.auditor = None;
                self.seen.auditors_paid += 1;
                self.seen.auditors_alone += u32::from(standing.len() == 1);
            } else {
                deal.budget -= seat.pay;
            }
            self.pay(seat, seat.pay);
        }
        self.credit(&treasury(), lost);
        self.release_auditor(&mut deal);
        *self.free_of(&deal.requester) += deal.held();
        deal
    }

    /// The pot has an auditor's pay back.
    fn release_auditor(&mut self, deal: &mut Deal) {
        if let Some(auditor) = deal.auditor.take() {
            let pay = deal.seat(&auditor).pay;
            self.credit(&pot(), pay);
        }
    }

    /// Takes in what happened since the last time.
    pub(crate) fn follow(&mut self) {
        for event in events() {
            self.see(event);
        }
        System::reset_events();
    }

    fn deal(&mut self, job: JobId) -> &mut Deal {
        self.jobs.get_mut(&job).expect("a live job")
    }

    fn see(&mut self, event: Event<Test>) {
        match event {
            Event::ProviderRegistered { provider, bond, .. } => {
                assert_eq!(bond, LEAST_BOND);
                *self.free_of(&provider) -= bond;
                assert_eq!(self.bonds.insert(provider, bond), None);
            }
            Event::BondAdded { provider, amount } => {
                *self.free_of(&provider) -= amount;
                *self.bonds.get_mut(&provider).expect("a provider") += amount;
            }
            Event::BondWithdrawn { provider, amount } => {
                assert_eq!(self.bonds.remove(&provider), Some(amount));
                *self.free_of(&provider) += amount;
            }
            Event::OfferSet { provider } => {
                let price = self.offered.expect("the price of an offer");
                self.prices.insert(provider, price);
            }
            Event::JobCreated {
                job,
                requester,
                held,
                ..
            } => self.see_created(job, requester, held),
            Event::JobCancelled { job, refunded } | Event::JobExpired { job, refunded } => {
                let deal = self.jobs.remove(&job).expect("a live job");
                assert!(!deal.drawn && deal.seats.is_empty());
                assert_eq!(refunded, deal.held());
                *self.free_of(&deal.requester) += deal.held() + deal.deposit;
                self.seen.expired += 1;
            }
            Event::ReplicaAssigned {
                job,
                provider,
                worker,
                pay,
                collateral,
            } => self.see_assigned(job, provider, worker, pay, collateral),
            Event::AuditDrawn {
                job,
                called,
                auditor,
            } => {
                assert!(called || auditor.is_none());
                let deal = self.deal(job);
                assert!(rate(deal.terms.policy) > 0 && deal.auditor.is_none());
                assert!(deal.seats.iter().all(|seat| seat.committed));
                deal.auditor = auditor;
            }
            Event::ReplicaAccepted { job, provider } => {
                self.deal(job).seat(&provider).accepted = true;
            }
            Event::ReplicaCommitted { job, provider, .. } => {
                let seat = self.deal(job).seat(&provider);
                assert!(seat.accepted && !seat.committed);
                seat.committed = true;
            }
            Event::ReplicaRevealed {
                job,
                provider,
                trace_root,
                ..
            } => {
                let deal = self.deal(job);
                let single = matches!(
                    deal.terms.policy,
                    Policy::Replicated { n: 1, .. } | Policy::Optimistic { audit: 0, .. }
                );
                let seat = deal.seat(&provider);
                assert!(seat.committed || single);
                assert_eq!(seat.root.replace(trace_root), None);
            }
            Event::ReplicaReleased { job, provider } => {
                let mut deal = self.jobs.remove(&job).expect("a live job");
                assert!(!deal.seat(&provider).accepted);
                if deal.auditor.as_ref() == Some(&provider) {
                    self.release_auditor(&mut deal);
                }
                deal.seats.retain(|seat| seat.provider != provider);
                self.jobs.insert(job, deal);
                self.seen.released += 1;
            }
            Event::ReplicaStruck {
                job,
                provider,
                fault,
                amount,
            } => self.see_struck(job, provider, fault, amount),
            Event::JobPoked { job, poker, reward } => {
                let deal = self.deal(job);
                assert_eq!(reward, deal.tip.min(POKE));
                deal.tip -= reward;
                self.credit(&poker, reward);
                self.seen.pokes += 1;
            }
            Event::JobSettled {
                job,
                trace_root,
                refunded,
                ..
            } => {
                let deal = self.deal(job);
                assert_eq!(deal.winner(), Some(trace_root));
                for seat in &deal.seats {
                    let outvoted = seat.root.is_some_and(|root| {
                        root != trace_root && !deal.convictions.contains_key(&root)
                    });
                    assert_eq!(outvoted, seat.fault == Some(Fault::Outvoted));
                }
                assert!(deal.threads.is_empty());
                let deal = self.share_out(job, true);
                assert_eq!(refunded, deal.held());
                if deal.deposit > 0 {
                    self.receipts.insert(job, deal.requester);
                    self.seen.receipts += 1;
                }
                self.seen.settled += 1;
            }
            Event::JobFailed {
                job,
                reason,
                refunded,
            } => self.see_failed(job, reason, refunded),
            Event::ThreadOpened {
                job,
                thread,
                challenger,
                kind,
                bond,
                ..
            } => self.see_opened(job, thread, challenger, kind, bond),
            Event::DataDemanded {
                job,
                thread,
                trace_root,
                ..
            } => {
                let line = self.line(job, thread);
                assert!(line.claim.is_none_or(|claim| claim == trace_root));
                assert_eq!(line.prepaid, 0);
                line.claim = Some(trace_root);
                line.prepaid = ANSWER;
                let challenger = line.challenger.clone();
                *self.free_of(&challenger) -= ANSWER;
            }
            Event::DataAnswered {
                job,
                thread,
                worker,
                ..
            } => {
                let price = core::mem::take(&mut self.line(job, thread).prepaid);
                assert_eq!(price, ANSWER);
                self.credit(&worker, price);
                self.seen.answered += 1;
            }
            Event::ClaimStruck {
                job,
                trace_root,
                prover,
                asker,
                ..
            } => {
                let deal = self.deal(job);
                assert!(deal
                    .seats
                    .iter()
                    .any(|seat| seat.stands() && seat.root == Some(trace_root)));
                let shown_by = [prover, asker];
                assert_eq!(deal.convictions.insert(trace_root, shown_by), None);
                self.seen.convicted += 1;
            }
            Event::ThreadClosed {
                job,
                thread,
                end,
                lost,
            } => self.see_closed(job, thread, end, lost),
            Event::ReceiptRemoved { job } => {
                let owner = self.receipts.remove(&job).expect("a kept receipt");
                *self.free_of(&owner) += RECEIPT;
            }
            // What follows from the rest, and what moves no money.
            Event::PremiumPaid { .. }
            | Event::ReplicaPaid { .. }
            | Event::RequesterCompensated { .. }
            | Event::ChallengerRewarded { .. }
            | Event::PaymentDiverted { .. }
            | Event::WorkerSet { .. }
            | Event::OfferPaused { .. }
            | Event::OfferResumed { .. }
            | Event::OfferRemoved { .. }
            | Event::ProviderDeregistered { .. }
            | Event::ProviderJailed { .. }
            | Event::ProviderUnjailed { .. }
            | Event::JobAdvanced { .. }
            | Event::ReceiptKept { .. } => (),
            Event::__Ignore(..) => unreachable!(),
        }
    }

    fn see_created(&mut self, job: JobId, requester: AccountId, held: Balance) {
        let terms = self.asked.take().expect("the terms of a job");
        let (n, _) = numbers(terms.policy);
        let deal = Deal {
            budget: terms.max_pay * n as Balance,
            premium: (terms.max_pay * rate(terms.policy)).div_ceil(256),
            stake: SEAT * n as Balance,
            tip: terms.tip,
            deposit: if terms.keep_receipt { RECEIPT } else { 0 },
            seats: Vec::new(),
            auditor: None,
            drawn: false,
            convictions: BTreeMap::new(),
            threads: BTreeMap::new(),
            requester,
            terms,
        };
        assert_eq!(held, deal.held());
        *self.free_of(&deal.requester) -= held + deal.deposit;
        assert!(self.jobs.insert(job, deal).is_none());
    }

    fn see_assigned(
        &mut self,
        job: JobId,
        provider: AccountId,
        worker: AccountId,
        pay: Balance,
        collateral: Balance,
    ) {
        let mut deal = self.jobs.remove(&job).expect("a live job");
        assert_eq!(Some(&pay), self.prices.get(&provider));
        assert!(pay <= deal.terms.max_pay);
        assert_eq!(
            collateral,
            (pay * risk(deal.terms.policy))
                .max(LEAST_COLLATERAL)
                .max(deal.terms.min_collateral)
        );
        assert!(provider != deal.requester && worker != deal.requester);
        assert!(deal.seats.iter().all(|seat| seat.provider != provider));
        if !deal.drawn {
            deal.drawn = true;
            let premium = core::mem::take(&mut deal.premium);
            self.credit(&pot(), premium);
        }
        let (n, _) = numbers(deal.terms.policy);
        if deal.auditor.as_ref() == Some(&provider) {
            let in_pot = self.free_of(&pot());
            *in_pot -= pay;
            assert!(*in_pot >= ED);
            self.seen.audits += 1;
        } else {
            assert!(deal.seats.len() < n);
        }
        deal.seats.push(Seat {
            provider,
            worker,
            pay,
            collateral,
            accepted: false,
            committed: false,
            root: None,
            fault: None,
            free_threads: 0,
        });
        self.jobs.insert(job, deal);
    }

    fn see_struck(&mut self, job: JobId, provider: AccountId, fault: Fault, amount: Balance) {
        let deal = self.deal(job);
        let root = deal.seat(&provider).root;
        let convicted = root.is_some_and(|root| deal.convictions.contains_key(&root));
        let seat = deal.seat(&provider);
        assert_eq!(seat.fault, None);
        seat.fault = Some(fault);
        let due = match fault {
            Fault::Late => {
                assert!(seat.accepted && !seat.committed && seat.root.is_none());
                percent_up(core::mem::take(&mut seat.collateral), 10)
            }
            Fault::NoReveal => {
                assert!(seat.committed && seat.root.is_none());
                seat.collateral
            }
            Fault::Outvoted => {
                assert!(seat.root.is_some());
                seat.collateral
            }
            Fault::FraudProven | Fault::DataWithheld => {
                assert!(convicted);
                seat.collateral
            }
        };
        assert_eq!(amount, due);
        if fault == Fault::Late {
            self.slash(&provider, due);
            self.credit(&treasury(), due);
            self.seen.late += 1;
        } else {
            self.seen.struck += 1;
        }
    }

    fn line(&mut self, job: JobId, thread: ThreadId) -> &mut Line {
        let line = self.deal(job).threads.get_mut(&thread);
        line.expect("an open thread")
    }

    fn see_opened(
        &mut self,
        job: JobId,
        thread: ThreadId,
        challenger: AccountId,
        kind: ThreadKind,
        bond: Balance,
    ) {
        let deal = self.deal(job);
        let due = match kind {
            ThreadKind::Delivery { .. } => {
                assert_eq!(challenger, deal.requester);
                0
            }
            ThreadKind::Dispute { .. } => {
                let own = deal
                    .seats
                    .iter()
                    .position(|seat| seat.worker == challenger && seat.stands());
                let others = |root| {
                    let standing = deal.seats.iter().filter(|seat| seat.stands());
                    let roots: BTreeSet<_> = standing.filter_map(|seat| seat.root).collect();
                    roots
                        .into_iter()
                        .filter(|other| Some(*other) != root)
                        .count()
                };
                let free = own
                    .is_some_and(|own| deal.seats[own].free_threads < others(deal.seats[own].root));
                if free {
                    deal.seats[own.expect("a replica")].free_threads += 1;
                    0
                } else {
                    let dearest = deal.seats.iter().map(|seat| seat.pay).max();
                    percent_up(dearest.unwrap_or(0), 10).max(LEAST_THREAD_BOND)
                }
            }
        };
        assert_eq!(bond, due);
        let line = Line {
            challenger: challenger.clone(),
            bond,
            prepaid: 0,
            claim: None,
        };
        assert!(deal.threads.insert(thread, line).is_none());
        *self.free_of(&challenger) -= bond;
        self.seen.threads += 1;
        self.seen.free_threads += u32::from(bond == 0);
    }

    fn see_closed(&mut self, job: JobId, thread: ThreadId, end: ThreadEnd, lost: Balance) {
        let deal = self.deal(job);
        let line = deal.threads.remove(&thread).expect("an open thread");
        let delayed: Vec<AccountId> = deal
            .seats
            .iter()
            .filter(|seat| seat.stands() && (line.claim.is_none() || seat.root == line.claim))
            .map(|seat| seat.provider.clone())
            .collect();
        *self.free_of(&line.challenger) += line.prepaid;
        self.seen.withheld += u32::from(end == ThreadEnd::Withheld);
        if end != ThreadEnd::Lapsed {
            assert_eq!(lost, 0);
            *self.free_of(&line.challenger) += line.bond;
            return;
        }
        assert_eq!(lost, line.bond);
        let each = (line.bond / 2).checked_div(delayed.len() as Balance);
        let each = each.unwrap_or(0);
        for who in &delayed {
            self.credit(who, each);
        }
        self.credit(&treasury(), line.bond - each * delayed.len() as Balance);
        self.seen.lapsed += 1;
    }

    fn see_failed(&mut self, job: JobId, reason: FailReason, refunded: Balance) {
        let deal = self.deal(job);
        let (_, quorum) = numbers(deal.terms.policy);
        let count = |test: fn(&Seat) -> bool| deal.seats.iter().filter(|seat| test(seat)).count();
        match reason {
            FailReason::NotAccepted => {
                assert!(count(|seat| seat.accepted) < quorum);
                let tip = core::mem::take(&mut deal.tip);
                let stake = core::mem::take(&mut deal.stake);
                self.credit(&treasury(), tip + stake);
                self.seen.unserved += 1;
            }
            FailReason::NotComputed => assert!(count(|seat| seat.committed) < quorum),
            FailReason::NotRevealed => assert_eq!(count(|seat| seat.root.is_some()), 0),
            FailReason::NoMajority => {
                assert_eq!(deal.winner(), None);
                self.seen.undecided += 1;
            }
        }
        let deal = self.share_out(job, false);
        assert_eq!(refunded, deal.held());
        *self.free_of(&deal.requester) += deal.deposit;
        self.seen.failed += 1;
    }

    /// Everybody has what is due to them, free and held.
    pub(crate) fn compare(&self) {
        let mut budgets: BTreeMap<&AccountId, Balance> = BTreeMap::new();
        let mut deposits: BTreeMap<&AccountId, Balance> = BTreeMap::new();
        let mut locked: BTreeMap<&AccountId, Balance> = BTreeMap::new();
        let mut threads: BTreeMap<&AccountId, Balance> = BTreeMap::new();
        let mut auditing = 0;
        for deal in self.jobs.values() {
            *budgets.entry(&deal.requester).or_default() += deal.held();
            *deposits.entry(&deal.requester).or_default() += deal.deposit;
            for line in deal.threads.values() {
                *threads.entry(&line.challenger).or_default() += line.bond + line.prepaid;
            }
            for seat in &deal.seats {
                *locked.entry(&seat.provider).or_default() += seat.collateral;
                if deal.auditor.as_ref() == Some(&seat.provider) {
                    auditing += seat.pay;
                }
            }
        }
        for owner in self.receipts.values() {
            *deposits.entry(owner).or_default() += RECEIPT;
        }
        let of = |sums: &BTreeMap<&AccountId, Balance>, who| sums.get(who).copied().unwrap_or(0);
        let on_hold = all_held();
        for (who, free_due) in &self.free {
            let bond = self.bonds.get(who).copied().unwrap_or(0);
            let pay = if *who == pot() { auditing } else { 0 };
            assert_eq!(free(who), *free_due, "free balance of {who}");
            for (reason, due) in [
                (HoldReason::JobBudget, of(&budgets, who)),
                (HoldReason::Deposit, of(&deposits, who)),
                (HoldReason::ProviderBond, bond),
                (HoldReason::ThreadBond, of(&threads, who)),
                (HoldReason::AuditPay, pay),
            ] {
                let held = on_hold
                    .iter()
                    .find(|((owner, what), _)| owner == who && *what == reason)
                    .map_or(0, |(_, amount)| *amount);
                assert_eq!(held, due, "{reason:?} of {who}");
            }
            assert!(of(&locked, who) <= bond, "more is at risk than bonded");
        }
        let live: Vec<JobId> = self.jobs.keys().copied().collect();
        let mut kept: Vec<JobId> = Jobs::<Test>::iter_keys().collect();
        kept.sort_unstable();
        assert_eq!(live, kept);
    }

    /// Whether any job is live.
    pub(crate) fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }
}
