//! Types of the pallet's storage, events and calls.

use athanor_label_math::{Agreement, BatchSums, Prior, Reference, WorkerSums};
use athanor_primitives::{
    labels::{
        BatchId, BatchState, CampaignId, CampaignTerms, PageIndex, Ticks, Voucher, WorkerIndex,
        MAX_CHILDREN, MAX_GOLD, MAX_PANEL, MAX_PATH, MAX_SEALED, MAX_SHEET, MAX_WINDOW,
    },
    Root,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::{MultiSignature, Permill};

/// Amounts of money, in the smallest unit.
pub type Balance = u128;
/// Block numbers.
pub type BlockNumber = u32;
/// BLAKE2b-256 hashes.
pub type Hash = [u8; 32];

/// A worker's packed answers to a page.
pub type Sheet = BoundedVec<u8, ConstU32<MAX_SHEET>>;
/// An opening sealed to the requester. Never stored.
pub type Sealed = BoundedVec<u8, ConstU32<MAX_SEALED>>;
/// Where a requester's service gives page files and keys to who holds a lease.
pub type Gateway = BoundedVec<u8, ConstU32<MAX_GATEWAY>>;
/// Longest [`Gateway`], in bytes.
pub const MAX_GATEWAY: u32 = 96;

/// A campaign: terms that never change, and what its batches share.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Campaign<AccountId> {
    /// Who buys answers.
    pub requester: AccountId,
    /// What for, and by which rules.
    pub terms: CampaignTerms,
    /// URL of the requester's service, if there is one.
    pub gateway: Gateway,
    /// Fee of an answered slot, to the treasury.
    pub fee: Balance,
    /// Prepaid for each slot's calls.
    pub slot_fee: Balance,
    /// Bond of a batch, as a share of its full pay.
    pub bond: Permill,
    /// Held for this record.
    pub deposit: Balance,
    /// Batches opened so far.
    pub batches: u32,
    /// Batches that are not paid yet.
    pub live_batches: u32,
    /// When a batch was paid last, at first when the campaign was created.
    pub last_paid: Ticks,
    /// When it was closed.
    pub settled_at: Option<Ticks>,
}

impl<AccountId> Campaign<AccountId> {
    /// What is held for one slot: full pay of a sheet, fee and slot fee.
    pub fn slot_price(&self) -> Balance {
        self.terms
            .page_pay()
            .saturating_add(self.fee)
            .saturating_add(self.slot_fee)
    }
}

/// Money of a batch. `deposited = paid + refunded + treasury + fees + rewards + escrow + bond`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct BatchMoney {
    /// Escrow still held.
    pub escrow: Balance,
    /// Bond still held.
    pub bond: Balance,
    /// Held at first, both together.
    pub deposited: Balance,
    /// Went to workers.
    pub paid: Balance,
    /// Went to the treasury.
    pub treasury: Balance,
    /// Went back to the requester.
    pub refunded: Balance,
    /// Went where transaction fees go.
    pub fees: Balance,
    /// Went to those who advanced the batch.
    pub rewards: Balance,
}

/// Where a batch waits for its next step.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Place {
    /// In [`crate::Deadlines`], at this tick.
    Deadline(Ticks),
    /// In [`crate::Cranking`]: something is due.
    Cranking,
}

/// A batch of pages: what is opened, answered, scored and paid together.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Batch<AccountId> {
    /// Its campaign.
    pub campaign: CampaignId,
    /// The campaign's requester.
    pub requester: AccountId,
    /// Where it is in its life.
    pub state: BatchState,
    /// Its first tick.
    pub opened: Ticks,
    /// First tick in which no lease lasts any more.
    pub until: Ticks,
    /// First tick in which its state's calls are too late. In `Open` the same as `until`.
    pub deadline: Ticks,
    /// Number of pages.
    pub pages: u32,
    /// Root of the tree over the page leaves.
    pub pages_root: Hash,
    /// BLAKE3 root of the index file.
    pub index_root: Root,
    /// The batch it follows up.
    pub joins: Option<BatchId>,
    /// Those that follow it up.
    pub children: BoundedVec<BatchId, ConstU32<MAX_CHILDREN>>,
    /// No page takes leases any more.
    pub cancelled: bool,
    /// Accounts enrolled.
    pub workers: u32,
    /// Sponsored requests.
    pub sponsored: u32,
    /// Pages that are closed and have no live lease.
    pub done: u32,
    /// Pages that were closed early and still have live leases.
    pub closing: u32,
    /// Pages with a commit.
    pub answered: u32,
    /// Pages whose every commit is revealed.
    pub complete: u32,
    /// Pages with a reveal.
    pub revealed_pages: u32,
    /// Pages whose gold is opened.
    pub gold_pages: u32,
    /// Commits, counted in `Score`.
    pub used_slots: u32,
    /// Reveals, counted in `Score`.
    pub revealed_slots: u32,
    /// What `Score` adds up.
    pub sums: BatchSums,
    /// What `Rank` measures agreement against.
    pub reference: Option<Reference>,
    /// Hash of all revealed sheets and gold up to the page being scored.
    pub result: Hash,
    /// Its money.
    pub money: BatchMoney,
    /// Held for its records.
    pub deposit: Balance,
    /// Where it waits.
    pub place: Option<Place>,
}

/// One place in a page's panel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub enum Slot {
    /// Nobody's.
    #[default]
    #[codec(index = 0)]
    Free,
    /// Somebody is at work.
    #[codec(index = 1)]
    Leased {
        /// Who.
        worker: WorkerIndex,
        /// First tick in which it is too late to commit.
        until: Ticks,
    },
    /// Somebody is done, and nobody else knows what the answers are.
    #[codec(index = 2)]
    Committed {
        /// Who.
        worker: WorkerIndex,
        /// See [`athanor_primitives::labels::answer_commitment`].
        hash: Hash,
    },
    /// The answers are known.
    #[codec(index = 3)]
    Revealed {
        /// Whose.
        worker: WorkerIndex,
        /// Which.
        sheet: Sheet,
    },
}

impl Slot {
    /// Whose it is.
    pub fn worker(&self) -> Option<WorkerIndex> {
        match self {
            Self::Free => None,
            Self::Leased { worker, .. }
            | Self::Committed { worker, .. }
            | Self::Revealed { worker, .. } => Some(*worker),
        }
    }

    /// Whether somebody committed in it.
    pub fn is_used(&self) -> bool {
        matches!(self, Self::Committed { .. } | Self::Revealed { .. })
    }
}

/// A page that was leased or closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Page {
    /// Its panel.
    pub slots: BoundedVec<Slot, ConstU32<MAX_PANEL>>,
    /// It takes no leases any more.
    pub closed: bool,
    /// Its gold is opened.
    pub gold_opened: bool,
}

impl Page {
    /// Live leases and those that ran out and were not freed yet.
    pub fn leases(&self) -> u32 {
        self.count(|slot| matches!(slot, Slot::Leased { .. }))
    }

    /// Slots with a commit or a reveal.
    pub fn used(&self) -> u32 {
        self.count(Slot::is_used)
    }

    /// Slots with a reveal.
    pub fn revealed(&self) -> u32 {
        self.count(|slot| matches!(slot, Slot::Revealed { .. }))
    }

    /// The slot of a worker.
    pub fn slot_of(&self, worker: WorkerIndex) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.worker() == Some(worker))
    }

    fn count(&self, which: impl Fn(&Slot) -> bool) -> u32 {
        // At most MAX_PANEL.
        self.slots.iter().filter(|slot| which(slot)).count() as u32
    }
}

/// A page that takes leases, or will again if one runs out.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct OpenPage {
    /// Which.
    pub page: PageIndex,
    /// Slots that are not free.
    pub used: u8,
}

/// Pages of a batch that leases are drawn from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Window {
    /// The page that enters next.
    pub next: PageIndex,
    /// Those that are in.
    pub pages: BoundedVec<OpenPage, ConstU32<MAX_WINDOW>>,
}

/// Pages of the window a worker was given before.
pub type SeenPages = BoundedVec<PageIndex, ConstU32<MAX_WINDOW>>;

/// A worker of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Worker<AccountId> {
    /// Who.
    pub account: AccountId,
    /// Works without a stake.
    pub sponsored: bool,
    /// Requests so far; what a request text's `lease` line says.
    pub requests: u32,
    /// Pages of the request that waits.
    pub waiting: u8,
    /// Live leases and those that ran out and were not freed yet.
    pub live: u8,
    /// Pages leased.
    pub leased: u32,
    /// Of these, pages skipped.
    pub skipped: u32,
    /// Pages committed.
    pub committed: u32,
    /// Of these, pages revealed, counted in `Score`.
    pub revealed: u32,
    /// First tick in which a lease may be requested after too many skips.
    pub blocked_until: Ticks,
    /// Stake held: S for every page leased and not skipped, and for every page waited for.
    pub staked: Balance,
    /// What `Score` adds up.
    pub sums: WorkerSums,
    /// Record in the campaign's domain at enrolment.
    pub prior: Prior,
    /// What became of the answers.
    pub outcome: Option<Outcome>,
}

impl<AccountId> Worker<AccountId> {
    /// Pages leased that were neither skipped nor committed, once no lease is live.
    pub fn abandoned(&self) -> u32 {
        self.leased
            .saturating_sub(self.skipped)
            .saturating_sub(self.committed)
    }
}

/// What `Pay` decided for a worker.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Outcome {
    /// The score s, in basis points.
    pub score_bp: i32,
    /// The share of the full pay f, in basis points.
    pub share_bp: u16,
    /// What was paid.
    pub pay: Balance,
    /// What of the stake was lost.
    pub stake_lost: Balance,
    /// Whether the answers were junk.
    pub junk: bool,
}

/// A request for pages that waits for a draw.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Request {
    /// Of which batch.
    pub batch: BatchId,
    /// Whose.
    pub worker: WorkerIndex,
    /// How many.
    pub pages: u8,
    /// Block of the request.
    pub since: BlockNumber,
}

/// Ends of the queue of requests: those from `head` up to and without `tail` wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Ring {
    /// The oldest.
    pub head: u64,
    /// The next.
    pub tail: u64,
}

impl Ring {
    /// How many wait.
    pub fn len(&self) -> u64 {
        self.tail.saturating_sub(self.head)
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A voucher with its signature, by the campaign's `voucher_key`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SignedVoucher {
    /// What it allows.
    pub voucher: Voucher,
    /// Of [`athanor_primitives::labels::voucher_text`].
    pub signature: MultiSignature,
}

/// One answer packed alone.
pub type GoldAnswer = BoundedVec<u8, ConstU32<MAX_GOLD_ANSWER>>;
/// Longest answer of any type that is scored: sixteen spans.
pub const MAX_GOLD_ANSWER: u32 = 1 + 16 * 5;
/// Gold as the requester wrote it: positions ascending.
pub type GoldEntries = BoundedVec<(u8, GoldAnswer), ConstU32<MAX_GOLD>>;

/// Gold of one page, shown.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct GoldOpening {
    /// The page.
    pub page: PageIndex,
    /// What the commitment hides.
    pub entries: GoldEntries,
    /// With which salt.
    pub salt: [u8; 32],
    /// BLAKE3 root of the page file, from the page's leaf.
    pub content_root: Root,
    /// Its length.
    pub bytes: u32,
    /// From the leaf to the batch's `pages_root`, bottom up.
    pub path: BoundedVec<Hash, ConstU32<MAX_PATH>>,
}

/// An opened gold answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct GoldItem {
    /// Task of the page.
    pub position: u8,
    /// The answer, packed alone.
    pub answer: GoldAnswer,
    /// Left out of scoring. Reserved for disputes.
    pub void: bool,
    /// Four fifths of the panel said otherwise.
    pub contested: bool,
}

/// Opened gold of a page.
pub type GoldItems = BoundedVec<GoldItem, ConstU32<MAX_GOLD>>;

/// What stays of a batch for ever.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct BatchResult {
    /// Its campaign.
    pub campaign: CampaignId,
    /// Hash of all revealed sheets and gold.
    pub root: Hash,
    /// Pages.
    pub pages: u32,
    /// Accounts enrolled.
    pub workers: u32,
    /// Sheets committed.
    pub used_slots: u32,
    /// Sheets revealed.
    pub revealed_slots: u32,
    /// V, V_g and whether gold counted.
    pub agreement: Agreement,
    /// What agreement was measured against.
    pub reference: Reference,
    /// Gold answers opened.
    pub gold_opened: u32,
    /// Those contested.
    pub gold_contested: u32,
    /// Paid to workers.
    pub paid: Balance,
    /// Paid to the treasury.
    pub treasury: Balance,
    /// When it was paid.
    pub ended: Ticks,
}

/// What a requester's paid batches say about him.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct RequesterRecord {
    /// Batches.
    pub batches: u32,
    /// Answers revealed to him.
    pub answers: u64,
    /// Those that were paid, counting each by its share of the full pay.
    pub paid_answers: u64,
    /// Gold answers opened.
    pub gold_opened: u32,
    /// Those contested.
    pub gold_contested: u32,
}

/// Where gold answers add up to records.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Domain<AccountId> {
    /// Who admits requesters; `None`: governance.
    pub owner: Option<AccountId>,
    /// Held for this record.
    pub deposit: Balance,
    /// Requesters admitted.
    pub admitted: u32,
}

/// A worker's gold answers in a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct GoldRecord {
    /// Right ones.
    pub right: u32,
    /// Wrong ones.
    pub wrong: u32,
    /// Epoch the numbers are of; they halve with each.
    pub epoch: u32,
}
