//! A requester with pages and gold, and workers who answer: the whole life of a batch in a few
//! lines, through the pallet's calls only.

use crate::{mock::*, *};
use athanor_label_math::{pack, pack_answer, Answer, LabelType, Span};
use athanor_primitives::labels::{
    answer_commitment, answer_salt, gold_commitment, page_path, pages_root, BatchId, BatchState,
    CampaignId, CampaignTerms, PageLeaf,
};
use codec::Encode;
use frame_support::assert_ok;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

/// One page as its requester made it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) leaf: PageLeaf,
    /// The truth, a code for each task.
    pub(crate) truth: Vec<u32>,
    pub(crate) gold: Vec<(u8, Vec<u8>)>,
    pub(crate) salt: [u8; 32],
}

/// A batch, with what everybody keeps to himself.
pub(crate) struct Deal {
    pub(crate) id: BatchId,
    pub(crate) campaign: CampaignId,
    pub(crate) terms: CampaignTerms,
    pub(crate) requester: AccountId,
    pub(crate) made: Vec<Made>,
    /// Sheet and salt of each commit.
    pub(crate) kept: RefCell<BTreeMap<(AccountId, u32), (Vec<u8>, [u8; 32])>>,
}

/// All money of an account, free and held.
pub(crate) fn all_money(who: &AccountId) -> Balance {
    <Balances as frame_support::traits::fungible::Inspect<AccountId>>::total_balance(who)
}

/// Gives an account more money, out of nothing.
pub(crate) fn mint(who: &AccountId, amount: Balance) {
    use frame_support::{storage::unhashed, traits::fungible::Mutate};
    Balances::mint_into(who, amount).unwrap();
    let minted: Balance = unhashed::get_or_default(MINTED);
    unhashed::put(MINTED, &(minted + amount));
}

/// A number that follows from others, for anything that should look random.
pub(crate) fn dice(what: impl Encode) -> u32 {
    let hash = sp_io::hashing::blake2_256(&what.encode());
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// Binary classification with the design's defaults, and leases of a hundred ticks.
pub(crate) fn binary(tasks: u8, gold: u8) -> CampaignTerms {
    let label = LabelType::Classification { classes: 2 };
    CampaignTerms {
        lease: 100,
        ..CampaignTerms::standard(label, tasks, gold, AUR / 100)
    }
}

/// Answers of spans that a code can stand for: label, start and length of each span.
pub(crate) const SPANS: [&[(u8, u16, u16)]; 5] = [
    &[],
    &[(0, 0, 4)],
    &[(0, 2, 4)],
    &[(0, 0, 2), (1, 4, 3)],
    &[(1, 0, 6)],
];

fn answer_of(label: &LabelType, code: u32) -> Answer {
    let LabelType::Span { .. } = label else {
        return Answer::Code(code);
    };
    let spans = SPANS[code as usize].iter();
    Answer::Spans(
        spans
            .map(|&(label, start, len)| Span { label, start, len })
            .collect(),
    )
}

/// Packs codes as a sheet of the type.
pub(crate) fn sheet_of(label: &LabelType, codes: &[u32]) -> Vec<u8> {
    let answers: Vec<_> = codes.iter().map(|code| answer_of(label, *code)).collect();
    pack(label, &answers).unwrap()
}

pub(crate) fn make(
    terms: &CampaignTerms,
    page: u32,
    truth: Vec<u32>,
    answers: &[(u8, u32)],
) -> Made {
    let gold: Vec<_> = answers
        .iter()
        .map(|(at, code)| {
            (
                *at,
                pack_answer(&terms.label, &answer_of(&terms.label, *code)).unwrap(),
            )
        })
        .collect();
    let salt = sp_io::hashing::blake2_256(&(b"gold", page).encode());
    let leaf = PageLeaf {
        page,
        content_root: [page as u8; 32],
        bytes: 1_000 + page,
        gold_commit: [0; 32],
    };
    let mut made = Made {
        leaf,
        truth,
        gold,
        salt,
    };
    made.commit_gold();
    made
}

impl Made {
    /// Commits to the page's gold as it is.
    pub(crate) fn commit_gold(&mut self) {
        let genesis = LabelBounties::genesis();
        self.leaf.gold_commit = gold_commitment(&genesis, self.leaf.page, &self.gold, &self.salt);
    }
}

/// Pages with a random truth of two codes; gold is at the first tasks and says the truth.
pub(crate) fn pages(terms: &CampaignTerms, count: u32) -> Vec<Made> {
    pages_with(terms, count, |_, _, truth| truth)
}

/// As [`pages`], with gold by page, task and truth.
pub(crate) fn pages_with(
    terms: &CampaignTerms,
    count: u32,
    gold: impl Fn(u32, u8, u32) -> u32,
) -> Vec<Made> {
    (0..count)
        .map(|page| {
            let truth: Vec<_> = (0..terms.tasks)
                .map(|task| {
                    // Gold is balanced over the labels, as the guide asks.
                    if task < terms.gold {
                        u32::from(task) % 2
                    } else {
                        dice((b"truth", page, task)) % 2
                    }
                })
                .collect();
            let answers: Vec<_> = (0..terms.gold)
                .map(|task| (task, gold(page, task, truth[usize::from(task)])))
                .collect();
            make(terms, page, truth, &answers)
        })
        .collect()
}

impl Deal {
    /// A campaign of `requester` with one batch of these pages.
    pub(crate) fn of(requester: &AccountId, terms: CampaignTerms, made: Vec<Made>) -> Self {
        let campaign = NextCampaignId::<Test>::get();
        assert_ok!(LabelBounties::create_campaign(
            signed(requester),
            terms,
            Default::default()
        ));
        Self::in_campaign(requester, campaign, terms, made, None)
    }

    /// A batch of these pages in a campaign.
    pub(crate) fn in_campaign(
        requester: &AccountId,
        campaign: CampaignId,
        terms: CampaignTerms,
        made: Vec<Made>,
        joins: Option<BatchId>,
    ) -> Self {
        let id = NextBatchId::<Test>::get();
        let leaves: Vec<_> = made.iter().map(|page| page.leaf).collect();
        assert_ok!(LabelBounties::open_batch(
            signed(requester),
            campaign,
            pages_root(&leaves),
            [7; 32],
            made.len() as u32,
            until(&terms),
            joins,
        ));
        Self {
            id,
            campaign,
            terms,
            requester: requester.clone(),
            made,
            kept: RefCell::default(),
        }
    }

    /// The usual: eight pages of eight binary tasks with four gold ones.
    pub(crate) fn usual() -> Self {
        Self::with(binary(8, 4), 8)
    }

    pub(crate) fn with(terms: CampaignTerms, count: u32) -> Self {
        Self::of(&account("requester"), terms, pages(&terms, count))
    }

    fn record(&self) -> Campaign<AccountId> {
        Campaigns::<Test>::get(self.campaign).unwrap()
    }

    /// Fee of an answered slot.
    pub(crate) fn fee(&self) -> Balance {
        self.record().fee
    }

    pub(crate) fn slot_fee(&self) -> Balance {
        self.record().slot_fee
    }

    pub(crate) fn slot_price(&self) -> Balance {
        self.record().slot_price()
    }

    pub(crate) fn batch(&self) -> Batch<AccountId> {
        Batches::<Test>::get(self.id).unwrap()
    }

    pub(crate) fn state(&self) -> BatchState {
        self.batch().state
    }

    pub(crate) fn worker(&self, who: &AccountId) -> Worker<AccountId> {
        let index = WorkerOf::<Test>::get(self.id, who).unwrap();
        Workers::<Test>::get(self.id, index).unwrap()
    }

    /// Pages on which the account has a lease.
    pub(crate) fn leases(&self, who: &AccountId) -> Vec<u32> {
        self.slots(who, |slot| matches!(slot, Slot::Leased { .. }))
    }

    /// Pages on which the account has committed.
    pub(crate) fn commits(&self, who: &AccountId) -> Vec<u32> {
        self.slots(who, Slot::is_used)
    }

    fn slots(&self, who: &AccountId, which: impl Fn(&Slot) -> bool) -> Vec<u32> {
        let Some(index) = WorkerOf::<Test>::get(self.id, who) else {
            return Vec::new();
        };
        let mut pages: Vec<_> = Pages::<Test>::iter_prefix(self.id)
            .filter(|(_, page)| {
                page.slots
                    .iter()
                    .any(|slot| slot.worker() == Some(index) && which(slot))
            })
            .map(|(page, _)| page)
            .collect();
        pages.sort_unstable();
        pages
    }

    /// Requests pages and waits for the draw. Gives the new leases.
    pub(crate) fn lease(&self, who: &AccountId, count: u32) -> Vec<u32> {
        let before: BTreeSet<_> = self.leases(who).into_iter().collect();
        assert_ok!(LabelBounties::request_pages(
            signed(who),
            self.id,
            count,
            None
        ));
        run_blocks(3);
        let mut new = self.leases(who);
        new.retain(|page| !before.contains(page));
        new
    }

    pub(crate) fn salt(&self, who: &AccountId, page: u32) -> [u8; 32] {
        answer_salt(&who.clone().into(), self.id, page)
    }

    pub(crate) fn hash(&self, who: &AccountId, page: u32, sheet: &[u8]) -> [u8; 32] {
        answer_commitment(
            &LabelBounties::genesis(),
            self.id,
            page,
            &who.clone().into(),
            sheet,
            &self.salt(who, page),
        )
    }

    /// Commits to codes on a leased page.
    pub(crate) fn commit(&self, who: &AccountId, page: u32, codes: &[u32]) {
        let sheet = sheet_of(&self.terms.label, codes);
        let hash = self.hash(who, page, &sheet);
        assert_ok!(LabelBounties::commit(
            signed(who),
            self.id,
            page,
            who.clone(),
            hash,
            None,
            None
        ));
        let salt = self.salt(who, page);
        self.kept
            .borrow_mut()
            .insert((who.clone(), page), (sheet, salt));
    }

    /// Leases up to `count` pages and commits to what `says` of page and task.
    pub(crate) fn label(
        &self,
        who: &AccountId,
        count: u32,
        says: impl Fn(&Made, usize) -> u32,
    ) -> Vec<u32> {
        let mut pages = Vec::new();
        let mut left = count;
        while left > 0 && self.state() == BatchState::Open {
            let new = self.lease(who, left.min(4));
            if new.is_empty() {
                break;
            }
            left -= new.len() as u32;
            for page in &new {
                self.answer(who, *page, &says);
            }
            pages.extend(new);
        }
        pages
    }

    /// Commits to what `says` of a leased page's tasks.
    pub(crate) fn answer(&self, who: &AccountId, page: u32, says: &impl Fn(&Made, usize) -> u32) {
        let made = &self.made[page as usize];
        let codes: Vec<_> = (0..made.truth.len()).map(|task| says(made, task)).collect();
        self.commit(who, page, &codes);
    }

    /// Closes what is open, so that the answers are shown.
    pub(crate) fn close(&self) {
        if self.state() == BatchState::Open && !self.batch().cancelled {
            assert_ok!(LabelBounties::cancel(signed(&self.requester), self.id));
        }
        while self.state() == BatchState::Open {
            run_blocks(1);
        }
    }

    pub(crate) fn reveal(&self, who: &AccountId, page: u32) {
        let (sheet, salt) = self.kept.borrow()[&(who.clone(), page)].clone();
        assert_ok!(LabelBounties::reveal(
            signed(who),
            self.id,
            page,
            who.clone(),
            sheet.try_into().unwrap(),
            salt
        ));
    }

    /// Reveals every commit but those of `silent`.
    pub(crate) fn reveal_all_but(&self, silent: &[AccountId]) {
        let all: Vec<_> = self.kept.borrow().keys().cloned().collect();
        for (who, page) in all {
            if !silent.contains(&who) {
                self.reveal(&who, page);
            }
        }
    }

    /// Waits until the batch is in another state than `state`.
    pub(crate) fn leave(&self, state: BatchState) {
        for _ in 0..4 {
            run_blocks(1);
            if self.state() != state {
                return;
            }
        }
        pass(self.batch().deadline.saturating_sub(Clock::<Test>::get()));
        while self.state() == state {
            run_blocks(1);
        }
    }

    /// What opens a page's gold.
    pub(crate) fn opening(&self, page: u32) -> GoldOpening {
        let made = &self.made[page as usize];
        let leaves: Vec<_> = self.made.iter().map(|page| page.leaf).collect();
        let entries: Vec<_> = made
            .gold
            .iter()
            .map(|(at, answer)| (*at, answer.clone().try_into().unwrap()))
            .collect();
        GoldOpening {
            page,
            entries: entries.try_into().unwrap(),
            salt: made.salt,
            content_root: made.leaf.content_root,
            bytes: made.leaf.bytes,
            path: page_path(&leaves, page).unwrap().try_into().unwrap(),
        }
    }

    /// Pages with a reveal.
    pub(crate) fn revealed(&self) -> Vec<u32> {
        let mut pages: Vec<_> = Pages::<Test>::iter_prefix(self.id)
            .filter(|(_, page)| page.revealed() > 0)
            .map(|(page, _)| page)
            .collect();
        pages.sort_unstable();
        pages
    }

    /// Opens the gold of these pages.
    pub(crate) fn open_gold(&self, pages: &[u32]) {
        for some in pages.chunks(32) {
            let openings: Vec<_> = some.iter().map(|page| self.opening(*page)).collect();
            assert_ok!(LabelBounties::open_gold(
                signed(&self.requester),
                self.id,
                openings.try_into().unwrap()
            ));
        }
    }

    /// From `Open` to the end of `Reveal`, everybody honest.
    pub(crate) fn show(&self) {
        self.show_but(&[]);
    }

    pub(crate) fn show_but(&self, silent: &[AccountId]) {
        self.close();
        self.reveal_all_but(silent);
        self.leave(BatchState::Reveal);
    }

    /// From `Open` until everybody is paid, everybody honest.
    pub(crate) fn finish(&self) {
        self.show();
        if self.terms.gold > 0 {
            self.open_gold(&self.revealed());
        }
        self.pay();
    }

    /// From wherever it is until everybody is paid.
    pub(crate) fn pay(&self) {
        while self.state() != BatchState::Paid {
            self.leave(self.state());
        }
    }

    pub(crate) fn outcome(&self, who: &AccountId) -> Outcome {
        self.worker(who).outcome.unwrap()
    }

    /// A worker's share of the full pay, in basis points.
    pub(crate) fn share(&self, who: &AccountId) -> u16 {
        self.outcome(who).share_bp
    }
}

/// What a worker of some kind says, given page and task.
pub(crate) mod says {
    use super::{dice, AccountId, Made};

    /// The truth, but for one answer in `one_in`, which differs from worker to worker.
    pub(crate) fn truth(who: &AccountId, one_in: u32) -> impl Fn(&Made, usize) -> u32 {
        let who = who.clone();
        move |made, task| {
            let wrong = dice((b"slip", &who, made.leaf.page, task as u32)) % one_in == 0;
            made.truth[task] ^ u32::from(wrong)
        }
    }

    /// Always the same.
    pub(crate) fn always(code: u32) -> impl Fn(&Made, usize) -> u32 {
        move |_, _| code
    }

    /// Anything.
    pub(crate) fn random(who: &AccountId) -> impl Fn(&Made, usize) -> u32 {
        let who = who.clone();
        move |made, task| dice((b"random", &who, made.leaf.page, task as u32)) % 2
    }

    /// The truth for half of the tasks, anything for the others.
    pub(crate) fn half(who: &AccountId) -> impl Fn(&Made, usize) -> u32 {
        let (random, truth) = (random(who), truth(who, 8));
        move |made, task| {
            if task % 2 == 0 {
                truth(made, task)
            } else {
                random(made, task)
            }
        }
    }

    /// What others who use the same key say.
    pub(crate) fn key(key: u32) -> impl Fn(&Made, usize) -> u32 {
        move |made, task| dice((b"key", key, made.leaf.page, task as u32)) % 2
    }

    /// The opposite of the truth.
    pub(crate) fn opposite() -> impl Fn(&Made, usize) -> u32 {
        |made, task| made.truth[task] ^ 1
    }
}
