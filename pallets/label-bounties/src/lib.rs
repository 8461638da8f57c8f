//! # Label bounties pallet
//!
//! A labelling market that pays by rule. Requesters buy answers to tasks, workers lease pages of
//! tasks, and what an answer earns is a fixed function of the revealed answers, of gold committed
//! to beforehand and of chance-corrected agreement. Nobody can reject work, and what a worker does
//! not earn never returns to the requester.
//!
//! ## Pallet API
//!
//! See the [`pallet`] module for calls, storage, events, errors and view functions.
//!
//! ## Overview
//!
//! A *campaign* is a requester's immutable terms. A *batch* is the unit of the life cycle: its
//! *pages* of m tasks are leased, answered, revealed, scored and paid together. A page has a panel
//! of *slots*, and a worker's m answers to a page are a *sheet*. *Gold* tasks of each page have
//! answers the requester committed to before the first lease.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Open: open_batch
//!     Open --> Reveal: all pages of the group closed, or its end
//!     Reveal --> Gold: every commit revealed, or deadline
//!     Gold --> Dispute: every page's gold opened, or deadline
//!     Dispute --> Score: window over (0 ticks)
//!     Score --> Rank: last page
//!     Rank --> Pay: last worker
//!     Pay --> Paid: last worker
//!     Paid --> Pruning: retention over
//!     Pruning --> [*]: last page and worker removed
//! ```
//!
//! A slot:
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Free
//!     Free --> Leased: draw
//!     Leased --> Free: skip, expiry
//!     Leased --> Committed: commit
//!     Committed --> Revealed: reveal
//! ```
//!
//! ## Low Level / Implementation Details
//!
//! *Time.* [`Clock`] counts the blocks in which the pallet's calls were allowed; every deadline is
//! in it, so safe mode, a pause or a halt costs nobody anything. Batches wait in [`Deadlines`] for
//! a tick, or in [`Cranking`] when something is due; `on_idle` works both off as far as its weight
//! goes, and anybody may `advance` a batch himself.
//!
//! *Draws.* Requests wait in a ring and are served in `on_initialize`, two blocks later at the
//! earliest, with the parent block's author VRF: whoever put the request into a block knew no VRF
//! but that block's. Pages come from a window in page order, so that panels fill up, and at random
//! within it.
//!
//! *Feeless calls.* `request_sponsored`, `skip`, `commit` and `reveal` are authorised calls. The
//! function that decides whether one is valid is the one its dispatch starts with, so a call that
//! gets into a block succeeds. The same calls may be signed.
//!
//! *Money.* All of it is `fungible` holds: escrow, bond and deposits on the requester's account,
//! stakes on workers' accounts, credits on the pallet's. A batch pays the treasury, fees and
//! rewards at the end of each `advance`.
//!
//! ## Properties
//!
//! - *Nobody's discretion*: pay follows from what was committed and revealed. Every state has a
//!   deadline after which anybody can end it.
//! - *Conserved*: for each batch what was deposited is what was paid, refunded, went to the
//!   treasury, to fees and rewards, and is still held, to the unit.
//! - *Order does not matter*: the result is the same for every order of reveals and every split of
//!   `advance` into calls.
//! - *Late at worst*: when blocks are full, transitions happen later; they change nothing else.
//! - *Not promised*: that panels are independent people, or that gold is right.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![recursion_limit = "256"]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

mod advance;
mod answers;
mod authorize;
mod batches;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod domains;
mod gold;
mod leases;
mod money;
mod queue;
mod score;
mod shares;
mod try_state;
pub mod types;
mod views;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use authorize::AllCallsAllowed;
pub use pallet::*;
pub use types::*;
pub use views::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
// What FRAME's macros expand to; our own code is in the other modules, or here without it.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::*;
    use alloc::vec::Vec;
    use athanor_label_math::{Consensus, Hist};
    use athanor_primitives::{
        labels::{
            BatchId, BatchState, CampaignId, CampaignTerms, DomainId, PageIndex, Refusal,
            TermsError, TermsLimits, Ticks, WorkerIndex, MAX_LEASES, MAX_OPENINGS,
        },
        Root,
    };
    use frame_support::{
        dispatch::{Pays, PostDispatchInfo},
        pallet_prelude::*,
        traits::{
            fungible::{hold, Credit as Imbalance, Inspect, Mutate},
            OnUnbalanced,
        },
        PalletId,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::{MultiSignature, Permill};

    /// Version of the storage layout.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// See the crate documentation.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime has to supply.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<
        RuntimeEvent: From<Event<Self>>,
        RuntimeCall: From<Call<Self>>,
        AccountId: Into<[u8; 32]> + From<[u8; 32]>,
    >
    {
        /// Weights of this pallet's calls and hooks.
        type WeightInfo: WeightInfo;

        /// The currency answers are paid in.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + Mutate<Self::AccountId>
            + hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>
            + hold::Balanced<Self::AccountId>;

        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;

        /// The account that holds credits is derived from it. It should hold the existential
        /// deposit from genesis on, or the first credits go to the treasury.
        #[pallet::constant]
        type PalletId: Get<PalletId>;

        /// Account that fees and what is lost go to. It must hold the existential deposit from
        /// genesis on, or small amounts cannot reach it.
        type Treasury: Get<Self::AccountId>;

        /// Where transaction fees go: three quarters of each used slot's fee, and of the last
        /// quarter what no account earned.
        type BlockFees: OnUnbalanced<Imbalance<Self::AccountId, Self::Currency>>;

        /// VRF output of the *previous* block's author, as `pallet_babe::AuthorVrfRandomness` has
        /// it while a block runs. `None` if that block had none: draws wait for the next.
        type DrawSeed: Get<Option<[u8; 32]>>;

        /// Whether this pallet's calls are allowed now. While they are not, the clock stands still
        /// and nothing moves. See [`AllCallsAllowed`].
        type CallsAllowed: Get<bool>;

        /// What terms of new campaigns may say.
        type Limits: Get<TermsLimits>;

        /// Fee of an answered slot, as a share of its full pay; for new campaigns.
        #[pallet::constant]
        type Fee: Get<Permill>;

        /// Bond of a batch, as a share of its full pay; for new campaigns. What unopened and
        /// contested gold costs.
        #[pallet::constant]
        type Bond: Get<Permill>;

        /// Prepaid for each slot's commit, reveal and share of scoring; for new campaigns. From
        /// the benchmarks. At least 8, so that it can be split.
        #[pallet::constant]
        type SlotFee: Get<Balance>;

        /// Deposit for a campaign's record.
        #[pallet::constant]
        type CampaignDeposit: Get<Balance>;

        /// Deposit for a batch's record.
        #[pallet::constant]
        type BatchDeposit: Get<Balance>;

        /// Deposit for each byte that a batch's pages may take.
        #[pallet::constant]
        type DepositPerByte: Get<Balance>;

        /// Deposit for a domain.
        #[pallet::constant]
        type DomainDeposit: Get<Balance>;

        /// Most ticks from `open_batch` to `until`: workers wait for their pay so long.
        #[pallet::constant]
        type MaxOpen: Get<Ticks>;

        /// Ticks to reveal in. Missing it costs the stake, so it is long.
        #[pallet::constant]
        type RevealFor: Get<Ticks>;

        /// Ticks to open gold in.
        #[pallet::constant]
        type GoldFor: Get<Ticks>;

        /// Ticks for which a paid batch's pages and workers can be read.
        #[pallet::constant]
        type RetainFor: Get<Ticks>;

        /// Most requests that wait for a draw.
        #[pallet::constant]
        type MaxQueue: Get<u32>;

        /// Most pages drawn in one block, so that hooks stay light whatever they weigh.
        #[pallet::constant]
        type MaxDraws: Get<u32>;

        /// Most weight draws may take in one block. More than that of one request.
        #[pallet::constant]
        type MaxDrawWeight: Get<Weight>;

        /// Most units of one `advance`.
        #[pallet::constant]
        type MaxAdvance: Get<u32>;

        /// Ticks after which the numbers of a record halve. At least 1.
        #[pallet::constant]
        type RecordHalving: Get<Ticks>;

        /// Ticks without a batch after which anybody may close a campaign.
        #[pallet::constant]
        type IdleCampaign: Get<Ticks>;

        /// Ticks for which a closed campaign's contributions can be read.
        #[pallet::constant]
        type ContributionsKept: Get<Ticks>;

        /// Milliseconds a block, for clients that turn ticks into time.
        #[pallet::constant]
        type BlockTimeMs: Get<u64>;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A requester's: pay, fees and slot fees of live batches.
        #[codec(index = 0)]
        BatchEscrow,
        /// A requester's: for gold that is opened and not contested.
        #[codec(index = 1)]
        RequesterBond,
        /// A worker's: for pages that are leased.
        #[codec(index = 2)]
        WorkerStake,
        /// A challenger's. Reserved.
        #[codec(index = 3)]
        ChallengeBond,
        /// A juror's. Reserved.
        #[codec(index = 4)]
        JurorBond,
        /// For records of campaigns, batches and domains.
        #[codec(index = 5)]
        Deposit,
        /// The pallet's own account's: pay that its workers' accounts can't take yet.
        #[codec(index = 6)]
        Credit,
    }

    // Accounts are chosen by their owners, hence Blake2_128Concat. Ids, indices and ticks are
    // ours to count, hence Twox64Concat.

    /// Blocks so far in which this pallet's calls were allowed.
    #[pallet::storage]
    pub type Clock<T: Config> = StorageValue<_, Ticks, ValueQuery>;

    /// Number of the next campaign.
    #[pallet::storage]
    pub type NextCampaignId<T: Config> = StorageValue<_, CampaignId, ValueQuery>;

    /// Campaigns until they are pruned.
    #[pallet::storage]
    pub type Campaigns<T: Config> = StorageMap<_, Twox64Concat, CampaignId, Campaign<T::AccountId>>;

    /// Number of the next batch.
    #[pallet::storage]
    pub type NextBatchId<T: Config> = StorageValue<_, BatchId, ValueQuery>;

    /// Batches until they are pruned.
    #[pallet::storage]
    pub type Batches<T: Config> = StorageMap<_, Twox64Concat, BatchId, Batch<T::AccountId>>;

    /// Pages, from the first lease on.
    #[pallet::storage]
    pub type Pages<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BatchId, Twox64Concat, PageIndex, Page>;

    /// Opened gold of pages.
    #[pallet::storage]
    pub type GoldOf<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BatchId, Twox64Concat, PageIndex, GoldItems>;

    /// Workers of batches, in order of their first requests.
    #[pallet::storage]
    pub type Workers<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BatchId, Twox64Concat, WorkerIndex, Worker<T::AccountId>>;

    /// Numbers of workers by account.
    #[pallet::storage]
    pub type WorkerOf<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BatchId, Blake2_128Concat, T::AccountId, WorkerIndex>;

    /// Pages of the window that a worker was given before.
    #[pallet::storage]
    pub type Seen<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        BatchId,
        Twox64Concat,
        WorkerIndex,
        SeenPages,
        ValueQuery,
    >;

    /// Pages leases are drawn from, of batches in `Open`.
    #[pallet::storage]
    pub type Windows<T: Config> = StorageMap<_, Twox64Concat, BatchId, Window, ValueQuery>;

    /// Workers by agreement, of batches in `Rank`.
    #[pallet::storage]
    pub type Ranks<T: Config> = StorageMap<_, Twox64Concat, BatchId, Hist>;

    /// Requests that wait for a draw.
    #[pallet::storage]
    pub type Queue<T: Config> = StorageMap<_, Twox64Concat, u64, Request>;

    /// Ends of [`Queue`].
    #[pallet::storage]
    pub type QueueEnds<T: Config> = StorageValue<_, Ring, ValueQuery>;

    /// Leases by the bucket of [`EXPIRY_TICKS`] ticks in which they have run out: batch, page, slot.
    /// An entry outlives a lease that ended otherwise.
    #[pallet::storage]
    pub type Expiring<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        Ticks,
        Twox64Concat,
        (BatchId, PageIndex, u8),
        (),
        OptionQuery,
    >;

    /// First bucket of [`Expiring`] that may hold entries.
    #[pallet::storage]
    pub type ExpiryCursor<T: Config> = StorageValue<_, Ticks, ValueQuery>;

    /// Batches by the tick in which their state ends.
    #[pallet::storage]
    pub type Deadlines<T: Config> =
        StorageDoubleMap<_, Twox64Concat, Ticks, Twox64Concat, BatchId, (), OptionQuery>;

    /// First tick of [`Deadlines`] that may hold entries.
    #[pallet::storage]
    pub type DeadlineCursor<T: Config> = StorageValue<_, Ticks, ValueQuery>;

    /// Batches for which something is due.
    #[pallet::storage]
    pub type Cranking<T: Config> = StorageMap<_, Twox64Concat, BatchId, (), OptionQuery>;

    /// Batch of [`Cranking`] that `on_idle` served last.
    #[pallet::storage]
    pub type CrankedLast<T: Config> = StorageValue<_, BatchId, OptionQuery>;

    /// What remains of paid batches.
    #[pallet::storage]
    pub type Results<T: Config> = StorageMap<_, Twox64Concat, BatchId, BatchResult>;

    /// Pay that accounts could not take, held on the pallet's account.
    #[pallet::storage]
    pub type Credits<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Balance, ValueQuery>;

    /// Pages a voucher was used for: requested or leased, less skipped and not found.
    #[pallet::storage]
    pub type VoucherUse<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        CampaignId,
        Blake2_128Concat,
        T::AccountId,
        u32,
        ValueQuery,
    >;

    /// What requesters' paid batches say about them.
    #[pallet::storage]
    pub type Requesters<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, RequesterRecord, ValueQuery>;

    /// Number of the next domain.
    #[pallet::storage]
    pub type NextDomainId<T: Config> = StorageValue<_, DomainId, ValueQuery>;

    /// Domains.
    #[pallet::storage]
    pub type Domains<T: Config> = StorageMap<_, Twox64Concat, DomainId, Domain<T::AccountId>>;

    /// Requesters whose gold counts in a domain.
    #[pallet::storage]
    pub type Admitted<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        DomainId,
        Blake2_128Concat,
        T::AccountId,
        (),
        OptionQuery,
    >;

    /// Gold answers by worker and domain.
    #[pallet::storage]
    pub type Record<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        DomainId,
        Blake2_128Concat,
        T::AccountId,
        GoldRecord,
        ValueQuery,
    >;

    /// Paid answers by worker, of campaigns that share revenue.
    #[pallet::storage]
    pub type Contributions<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        CampaignId,
        Blake2_128Concat,
        T::AccountId,
        u32,
        ValueQuery,
    >;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A campaign was created.
        CampaignCreated {
            /// The campaign.
            campaign: CampaignId,
            /// Whose.
            requester: T::AccountId,
        },
        /// A campaign's service moved.
        GatewaySet {
            /// The campaign.
            campaign: CampaignId,
        },
        /// A campaign takes no more batches and its contributions are final.
        CampaignClosed {
            /// The campaign.
            campaign: CampaignId,
        },
        /// A campaign's records were removed.
        CampaignPruned {
            /// The campaign.
            campaign: CampaignId,
        },
        /// A batch takes requests; escrow and bond are held.
        BatchOpened {
            /// The batch.
            batch: BatchId,
            /// Its campaign.
            campaign: CampaignId,
            /// Its pages.
            pages: u32,
            /// First tick in which no lease lasts any more.
            until: Ticks,
            /// Held, without the deposit.
            held: Balance,
        },
        /// A requester closed a page early.
        PageClosed {
            /// The batch.
            batch: BatchId,
            /// The page.
            page: PageIndex,
        },
        /// A requester closed all pages.
        BatchCancelled {
            /// The batch.
            batch: BatchId,
        },
        /// A batch changed its state.
        BatchAdvanced {
            /// The batch.
            batch: BatchId,
            /// Its state now.
            state: BatchState,
            /// First tick in which that state's calls are too late; the present one in states
            /// without calls.
            deadline: Ticks,
        },
        /// Pages were requested.
        PagesRequested {
            /// Of which batch.
            batch: BatchId,
            /// By whom.
            worker: T::AccountId,
            /// How many.
            pages: u32,
            /// Number of the request in the queue.
            request: u64,
        },
        /// A page was leased.
        PageLeased {
            /// The batch.
            batch: BatchId,
            /// The page.
            page: PageIndex,
            /// To whom.
            worker: T::AccountId,
            /// First tick in which it is too late to commit.
            until: Ticks,
        },
        /// No more pages were found for a request; the stake for them is back.
        NoPage {
            /// The batch.
            batch: BatchId,
            /// For whom.
            worker: T::AccountId,
            /// How many were not found.
            missing: u32,
        },
        /// A leased page was skipped.
        PageSkipped {
            /// The batch.
            batch: BatchId,
            /// The page.
            page: PageIndex,
            /// By whom.
            worker: T::AccountId,
        },
        /// A lease ran out.
        LeaseExpired {
            /// The batch.
            batch: BatchId,
            /// The page.
            page: PageIndex,
            /// Whose.
            worker: T::AccountId,
        },
        /// A worker committed to a sheet.
        SheetCommitted {
            /// The batch.
            batch: BatchId,
            /// The page.
            page: PageIndex,
            /// Who.
            worker: T::AccountId,
        },
        /// A sheet was shown.
        SheetRevealed {
            /// The batch.
            batch: BatchId,
            /// The page.
            page: PageIndex,
            /// Whose.
            worker: T::AccountId,
        },
        /// Gold of a page was shown.
        GoldOpened {
            /// The batch.
            batch: BatchId,
            /// The page.
            page: PageIndex,
        },
        /// A worker's answers were paid.
        WorkerPaid {
            /// The batch.
            batch: BatchId,
            /// Who.
            worker: T::AccountId,
            /// How much, and why.
            outcome: Outcome,
        },
        /// All money of a batch is where it belongs.
        BatchPaid {
            /// The batch.
            batch: BatchId,
            /// To workers.
            paid: Balance,
            /// To the treasury.
            treasury: Balance,
            /// Back to the requester.
            refunded: Balance,
        },
        /// A batch's pages and workers were removed.
        BatchPruned {
            /// The batch.
            batch: BatchId,
        },
        /// Somebody advanced a batch.
        Advanced {
            /// The batch.
            batch: BatchId,
            /// Who.
            who: T::AccountId,
            /// Units of work.
            units: u32,
            /// What was paid for them.
            reward: Balance,
        },
        /// A worker's account could not take his pay; it waits for him.
        PayCredited {
            /// Whose.
            worker: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// What waited for a worker was paid.
        CreditPaid {
            /// To whom.
            worker: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// An account could not take a payment; it went to the treasury, or stayed with whose hold
        /// it was.
        PaymentDiverted {
            /// Who should have had it.
            intended: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// A domain was created.
        DomainCreated {
            /// The domain.
            domain: DomainId,
            /// Who admits requesters; `None`: governance.
            owner: Option<T::AccountId>,
        },
        /// A requester's gold counts in a domain, or no longer.
        RequesterAdmitted {
            /// The domain.
            domain: DomainId,
            /// Whose.
            requester: T::AccountId,
            /// Which of the two.
            admitted: bool,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The pallet's calls are paused. Deadlines wait too.
        Paused,
        /// There is no batch of this number, or it was pruned. See its result.
        NoSuchBatch,
        /// The batch is not in the state that allows this. See its `state`.
        UnexpectedState,
        /// The deadline for this is over.
        TooLate,
        /// The account has no lease on this page. Request pages first.
        NoLease,
        /// The lease on this page has run out. Request pages again.
        LeaseOver,
        /// The account has committed on this page, and a commit is final.
        AlreadyCommitted,
        /// The account has not committed on this page.
        NotCommitted,
        /// The account's sheet of this page is revealed.
        AlreadyRevealed,
        /// Sheet and salt are not what was committed. Derive the salt from the seed that was used.
        HashMismatch,
        /// The sheet is not in the canonical form of the campaign's type.
        BadSheet,
        /// The signature is missing, or not the account's of the text to sign.
        BadSignature,
        /// A requester can't label his own batch.
        IsRequester,
        /// The account labels in a batch joined with this one.
        EnrolledInGroup,
        /// The account's record in the campaign's domain is below the gate's bound.
        RecordTooLow,
        /// The campaign takes accounts with a voucher only. Give the one the requester signed.
        VoucherMissing,
        /// The voucher is not signed by the campaign's voucher key for this account and campaign.
        VoucherInvalid,
        /// The voucher has expired. Ask for a new one.
        VoucherExpired,
        /// The voucher's pages are used up.
        VoucherUsedUp,
        /// The voucher is not for sponsored work. Request pages with a stake.
        NotSponsored,
        /// The account labels in this batch with a stake and can't go on without, or the reverse.
        OtherMode,
        /// Not 1..=4 pages, or too many live leases with them. Commit or skip some first.
        TooManyLeases,
        /// The account has had its share of this batch.
        QuotaReached,
        /// The account skipped too many pages. Wait two lease times.
        SkippedTooOften,
        /// The account has a request waiting in this batch.
        RequestPending,
        /// Too many requests are waiting. Try again in a few blocks.
        QueueFull,
        /// The batch has as many workers as it may.
        BatchFull,
        /// A lease would not end before the batch does, or the batch is cancelled.
        ClosesTooSoon,
        /// There is no such page in the batch.
        NoSuchPage,
        /// The batch has had as many sponsored requests as its slots allow. Request pages with a
        /// stake.
        SponsoringUsedUp,
        /// Free text is not supported yet.
        TextReserved,
        /// A bound of the label type does not hold: see its documentation.
        BadType,
        /// A page has 4 to 32 tasks, 4 to 8 for spans.
        BadTasks,
        /// A panel has 3 to 9 slots, 1 to 9 behind vouchers, and no fewer than `panel_min`.
        BadPanel,
        /// Gold is an eighth to a half of a page's tasks, or none behind a gate.
        BadGoldCount,
        /// The full pay of a page is too small, or that of an answer not below 2^64.
        BadPay,
        /// The base share is out of its range.
        BadBase,
        /// The scores of the pay curve are out of their ranges or not ascending.
        BadScores,
        /// The expected agreement is out of its range.
        BadFloor,
        /// The gold target is out of its range.
        BadGoldTarget,
        /// The stake is out of its range.
        BadStake,
        /// The lease is out of its range.
        BadLease,
        /// The join delay is out of its range.
        BadJoinDelay,
        /// A campaign behind vouchers needs a voucher key.
        NoVoucherKey,
        /// A bound of a record is at most 65,536.
        BadGate,
        /// Disputes are not supported yet. Set their window to 0.
        DisputeReserved,
        /// Judging is not supported yet. Leave it out.
        JudgingReserved,
        /// There is no campaign of this number.
        NoSuchCampaign,
        /// The campaign is closed. Create another.
        CampaignClosed,
        /// The campaign is not closed. Call `close_campaign` first.
        CampaignIsOpen,
        /// A batch of the campaign is not paid yet.
        BatchIsLive,
        /// Only the requester may do this.
        NotRequester,
        /// A batch has 1 to 4,096 pages.
        BadPageCount,
        /// A batch with gold has at least 8 gold tasks. Add pages, or gold to each page.
        TooLittleGold,
        /// The batch must last longer than a lease and at most [`Config::MaxOpen`] ticks from now.
        BadUntil,
        /// The batch to join does not exist, is another requester's, is joined itself, is closed
        /// or has two followers already.
        BadParent,
        /// The batch would end later after its parent than the parent's terms allow.
        EndsTooLate,
        /// The page is closed already.
        PageIsClosed,
        /// The page has commits, but fewer than `panel_min`. Wait for more.
        TooFewCommits,
        /// The batch is cancelled already.
        AlreadyCancelled,
        /// Nothing is due. See the batch's `deadline`.
        NothingDue,
        /// Nothing would change. Give at least one unit, item or difference.
        NothingToDo,
        /// It is too early for this.
        TooEarly,
        /// The lease has not run out.
        LeaseIsLive,
        /// Nothing waits for this account.
        NoCredit,
        /// The account can't take so little. It needs the existential deposit first.
        CreditTooSmall,
        /// No sheet of this page was revealed, so its gold is not needed.
        NothingRevealed,
        /// The gold of this page is opened already.
        AlreadyOpened,
        /// Gold has the terms' number of entries, at ascending positions of the page, with
        /// canonical answers.
        BadGold,
        /// The gold does not lead to the batch's root. Give what was committed to.
        WrongGold,
        /// There is no domain of this number.
        NoSuchDomain,
        /// Only the domain's owner may do this.
        NotDomainOwner,
        /// The domain has admitted as many requesters as it may.
        TooManyRequesters,
        /// Amounts or numbers are larger than there can be.
        Overflow,
    }

    impl<T> From<Refusal> for Error<T> {
        fn from(refusal: Refusal) -> Self {
            match refusal {
                Refusal::Paused => Self::Paused,
                Refusal::NoSuchBatch => Self::NoSuchBatch,
                Refusal::UnexpectedState => Self::UnexpectedState,
                Refusal::TooLate => Self::TooLate,
                Refusal::NoLease => Self::NoLease,
                Refusal::LeaseOver => Self::LeaseOver,
                Refusal::AlreadyCommitted => Self::AlreadyCommitted,
                Refusal::NotCommitted => Self::NotCommitted,
                Refusal::AlreadyRevealed => Self::AlreadyRevealed,
                Refusal::HashMismatch => Self::HashMismatch,
                Refusal::BadSheet => Self::BadSheet,
                Refusal::IsRequester => Self::IsRequester,
                Refusal::EnrolledInGroup => Self::EnrolledInGroup,
                Refusal::RecordTooLow => Self::RecordTooLow,
                Refusal::VoucherMissing => Self::VoucherMissing,
                Refusal::VoucherInvalid => Self::VoucherInvalid,
                Refusal::VoucherExpired => Self::VoucherExpired,
                Refusal::VoucherUsedUp => Self::VoucherUsedUp,
                Refusal::NotSponsored => Self::NotSponsored,
                Refusal::OtherMode => Self::OtherMode,
                Refusal::TooManyLeases => Self::TooManyLeases,
                Refusal::QuotaReached => Self::QuotaReached,
                Refusal::SkippedTooOften => Self::SkippedTooOften,
                Refusal::RequestPending => Self::RequestPending,
                Refusal::QueueFull => Self::QueueFull,
                Refusal::BatchFull => Self::BatchFull,
                Refusal::ClosesTooSoon => Self::ClosesTooSoon,
                Refusal::NoSuchPage => Self::NoSuchPage,
                Refusal::SponsoringUsedUp => Self::SponsoringUsedUp,
                _ => Self::BadSignature,
            }
        }
    }

    impl<T> From<TermsError> for Error<T> {
        fn from(error: TermsError) -> Self {
            match error {
                TermsError::TextReserved => Self::TextReserved,
                TermsError::Tasks => Self::BadTasks,
                TermsError::Panel => Self::BadPanel,
                TermsError::Gold => Self::BadGoldCount,
                TermsError::Pay => Self::BadPay,
                TermsError::Base => Self::BadBase,
                TermsError::Scores => Self::BadScores,
                TermsError::Floor => Self::BadFloor,
                TermsError::GoldTarget => Self::BadGoldTarget,
                TermsError::Stake => Self::BadStake,
                TermsError::Lease => Self::BadLease,
                TermsError::JoinDelay => Self::BadJoinDelay,
                TermsError::VoucherKey => Self::NoVoucherKey,
                TermsError::Gate => Self::BadGate,
                TermsError::DisputeReserved => Self::DisputeReserved,
                TermsError::JudgingReserved => Self::JudgingReserved,
                _ => Self::BadType,
            }
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_n: BlockNumberFor<T>) -> Weight {
            Self::begin_block()
        }

        fn on_idle(_n: BlockNumberFor<T>, remaining: Weight) -> Weight {
            Self::work_off(remaining)
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_n: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }

        fn integrity_test() {
            assert!(T::SlotFee::get() >= 8, "SlotFee must be at least 8");
            assert!(T::MaxQueue::get() > 0, "MaxQueue must be at least 1");
            assert!(
                T::MaxDraws::get() >= MAX_LEASES,
                "MaxDraws must serve a request"
            );
            assert!(
                T::MaxDrawWeight::get().all_gte(Self::most_draw()),
                "MaxDrawWeight must serve a request"
            );
            assert!(T::MaxAdvance::get() > 0, "MaxAdvance must be at least 1");
            assert!(T::RevealFor::get() > 0, "RevealFor must be at least 1");
            assert!(T::GoldFor::get() > 0, "GoldFor must be at least 1");
            assert!(
                T::RecordHalving::get() > 0,
                "RecordHalving must be at least 1"
            );
            let limits = T::Limits::get();
            assert!(limits.lease.0 > 0, "leases must last at least a tick");
            assert!(
                limits.lease.1 < T::MaxOpen::get(),
                "a batch must be able to outlast the longest lease"
            );
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Create a campaign.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester.
        ///
        /// ## Details
        ///
        /// Holds [`Config::CampaignDeposit`] until the campaign is pruned. Fee, slot fee and bond
        /// of its batches are those of today.
        ///
        /// ## Parameters
        ///
        /// - `terms`: they never change.
        /// - `gateway`: URL of the requester's service, or empty.
        ///
        /// ## Events
        ///
        /// [`Event::CampaignCreated`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create_campaign())]
        pub fn create_campaign(
            origin: OriginFor<T>,
            terms: CampaignTerms,
            gateway: Gateway,
        ) -> DispatchResult {
            let requester = ensure_signed(origin)?;
            Self::do_create_campaign(requester, terms, gateway)
        }

        /// Open a batch of pages.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the campaign's requester.
        ///
        /// ## Details
        ///
        /// Holds full pay, fee and slot fee of every slot, the bond, and a deposit for what the
        /// pages take in storage.
        ///
        /// ## Parameters
        ///
        /// - `campaign`: whose terms it has.
        /// - `pages_root`: root over the page leaves, see
        ///   [`athanor_primitives::labels::pages_root`].
        /// - `index_root`: BLAKE3 root of the index file.
        /// - `pages`: how many.
        /// - `until`: first tick in which no lease lasts any more.
        /// - `joins`: the batch it follows up, which is `Open` and leaves it together with this one.
        ///
        /// ## Events
        ///
        /// [`Event::BatchOpened`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::open_batch())]
        pub fn open_batch(
            origin: OriginFor<T>,
            campaign: CampaignId,
            pages_root: Hash,
            index_root: Root,
            pages: u32,
            until: Ticks,
            joins: Option<BatchId>,
        ) -> DispatchResult {
            let requester = ensure_signed(origin)?;
            Self::do_open_batch(
                requester, campaign, pages_root, index_root, pages, until, joins,
            )
        }

        /// Take no more leases for a page.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester.
        ///
        /// ## Details
        ///
        /// While nobody has committed, or once `panel_min` have. Live leases may commit.
        ///
        /// ## Parameters
        ///
        /// - `batch`, `page`: which.
        ///
        /// ## Events
        ///
        /// [`Event::PageClosed`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::close_page().saturating_add(T::WeightInfo::page_done()))]
        pub fn close_page(
            origin: OriginFor<T>,
            batch: BatchId,
            page: PageIndex,
        ) -> DispatchResultWithPostInfo {
            let requester = ensure_signed(origin)?;
            let spent = Self::do_close_page(requester, batch, page)?;
            Ok(Some(T::WeightInfo::close_page().saturating_add(spent)).into())
        }

        /// Take no more leases for any page.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester, while the batch is `Open`.
        ///
        /// ## Details
        ///
        /// Live leases may commit, and committed work is paid in full.
        ///
        /// ## Parameters
        ///
        /// - `batch`: which.
        ///
        /// ## Events
        ///
        /// [`Event::BatchCancelled`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::cancel(athanor_primitives::labels::MAX_WINDOW))]
        pub fn cancel(origin: OriginFor<T>, batch: BatchId) -> DispatchResultWithPostInfo {
            let requester = ensure_signed(origin)?;
            let pages = Self::do_cancel(requester, batch)?;
            Ok(Some(T::WeightInfo::cancel(pages)).into())
        }

        /// Ask for pages to label, with a stake.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the worker, who is not the requester.
        ///
        /// ## Details
        ///
        /// Holds the stake of each page. They are drawn two blocks later or when their turn in the
        /// queue comes; the stake for those that were not found returns.
        ///
        /// ## Parameters
        ///
        /// - `batch`: which.
        /// - `pages`: how many, 1 to 4 and no more than 4 live leases with them.
        /// - `voucher`: if the campaign asks for one.
        ///
        /// ## Events
        ///
        /// [`Event::PagesRequested`], later [`Event::PageLeased`] or [`Event::NoPage`].
        #[pallet::call_index(4)]
        #[pallet::weight(match voucher {
            Some(_) => T::WeightInfo::request_pages().saturating_add(T::WeightInfo::voucher()),
            None => T::WeightInfo::request_pages(),
        })]
        pub fn request_pages(
            origin: OriginFor<T>,
            batch: BatchId,
            pages: u32,
            voucher: Option<SignedVoucher>,
        ) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_request(worker, batch, pages, voucher.as_ref(), false)
        }

        /// Ask for a page to label, without stake or fees.
        ///
        /// ## Dispatch Origin
        ///
        /// Authorised by the worker's signature, or signed by the worker.
        ///
        /// ## Details
        ///
        /// One live lease at a time.
        ///
        /// ## Parameters
        ///
        /// - `batch`: which.
        /// - `worker`: for whom.
        /// - `voucher`: a sponsored one.
        /// - `signature`: the worker's of [`athanor_primitives::labels::request_text`]; not needed
        ///   if he signs the transaction.
        ///
        /// ## Events
        ///
        /// [`Event::PagesRequested`], later [`Event::PageLeased`] or [`Event::NoPage`].
        #[pallet::call_index(5)]
        #[pallet::weight(
            T::WeightInfo::request_sponsored().saturating_add(T::WeightInfo::voucher())
        )]
        #[pallet::authorize(Pallet::<T>::authorize_request)]
        #[pallet::weight_of_authorize(T::WeightInfo::authorize_request())]
        pub fn request_sponsored(
            origin: OriginFor<T>,
            batch: BatchId,
            worker: T::AccountId,
            voucher: SignedVoucher,
            signature: Option<MultiSignature>,
        ) -> DispatchResult {
            Self::ensure_authorized_or(origin, &worker)?;
            let _ = signature;
            Self::do_request(worker, batch, 1, Some(&voucher), true)
        }

        /// Give a leased page back unanswered.
        ///
        /// ## Dispatch Origin
        ///
        /// Authorised by the worker's signature, or signed by the worker.
        ///
        /// ## Details
        ///
        /// Costs nothing; the page is never offered to him again. With more than 2 skips and one
        /// for 8 commits no lease in this batch for two lease times.
        ///
        /// ## Parameters
        ///
        /// - `batch`, `page`, `worker`: which lease.
        /// - `signature`: the worker's of [`athanor_primitives::labels::skip_text`]; not needed if
        ///   he signs the transaction.
        ///
        /// ## Events
        ///
        /// [`Event::PageSkipped`].
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::skip().saturating_add(T::WeightInfo::page_done()))]
        #[pallet::authorize(Pallet::<T>::authorize_skip)]
        #[pallet::weight_of_authorize(T::WeightInfo::authorize_skip())]
        pub fn skip(
            origin: OriginFor<T>,
            batch: BatchId,
            page: PageIndex,
            worker: T::AccountId,
            signature: Option<MultiSignature>,
        ) -> DispatchResultWithPostInfo {
            Self::ensure_authorized_or(origin, &worker)?;
            let _ = signature;
            let spent = Self::do_skip(worker, batch, page)?;
            Ok(Some(T::WeightInfo::skip().saturating_add(spent)).into())
        }

        /// Commit to the answers of a leased page.
        ///
        /// ## Dispatch Origin
        ///
        /// Authorised by the worker's signature, or signed by the worker.
        ///
        /// ## Details
        ///
        /// Final.
        ///
        /// ## Parameters
        ///
        /// - `batch`, `page`, `worker`: which lease.
        /// - `hash`: see [`athanor_primitives::labels::answer_commitment`].
        /// - `sealed`: the opening sealed to the requester, who can then reveal for a worker who
        ///   went away. Not stored.
        /// - `signature`: the worker's of [`athanor_primitives::labels::commit_text`]; not needed
        ///   if he signs the transaction.
        ///
        /// ## Events
        ///
        /// [`Event::SheetCommitted`].
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::commit().saturating_add(T::WeightInfo::page_done()))]
        #[pallet::authorize(Pallet::<T>::authorize_commit)]
        #[pallet::weight_of_authorize(T::WeightInfo::authorize_commit())]
        pub fn commit(
            origin: OriginFor<T>,
            batch: BatchId,
            page: PageIndex,
            worker: T::AccountId,
            hash: Hash,
            sealed: Option<Sealed>,
            signature: Option<MultiSignature>,
        ) -> DispatchResultWithPostInfo {
            Self::ensure_authorized_or(origin, &worker)?;
            let _ = (sealed, signature);
            let spent = Self::do_commit(worker, batch, page, hash)?;
            Ok(Some(T::WeightInfo::commit().saturating_add(spent)).into())
        }

        /// Show the answers that were committed to.
        ///
        /// ## Dispatch Origin
        ///
        /// Authorised by the opening itself, or signed by anybody.
        ///
        /// ## Parameters
        ///
        /// - `batch`, `page`, `worker`: whose commit.
        /// - `sheet`, `salt`: of the commitment.
        ///
        /// ## Events
        ///
        /// [`Event::SheetRevealed`].
        #[pallet::call_index(8)]
        #[pallet::weight(
            T::WeightInfo::reveal(sheet.len() as u32).saturating_add(T::WeightInfo::page_revealed())
        )]
        #[pallet::authorize(Pallet::<T>::authorize_reveal)]
        #[pallet::weight_of_authorize(T::WeightInfo::authorize_reveal(sheet.len() as u32))]
        pub fn reveal(
            origin: OriginFor<T>,
            batch: BatchId,
            page: PageIndex,
            worker: T::AccountId,
            sheet: Sheet,
            salt: [u8; 32],
        ) -> DispatchResultWithPostInfo {
            Self::ensure_authorized_or_signed(origin)?;
            let bytes = sheet.len() as u32;
            let spent = Self::do_reveal(worker, batch, page, sheet, salt)?;
            Ok(Some(T::WeightInfo::reveal(bytes).saturating_add(spent)).into())
        }

        /// Open the gold of pages.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody who knows it.
        ///
        /// ## Details
        ///
        /// Of all pages given, or of none. Only of pages with a reveal.
        ///
        /// ## Parameters
        ///
        /// - `batch`: which.
        /// - `openings`: for each page what its leaf commits to, and where the leaf is in the tree.
        ///
        /// ## Events
        ///
        /// [`Event::GoldOpened`] for each page.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::open_gold(openings.len() as u32))]
        pub fn open_gold(
            origin: OriginFor<T>,
            batch: BatchId,
            openings: BoundedVec<GoldOpening, ConstU32<MAX_OPENINGS>>,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_open_gold(batch, openings.into_inner())
        }

        /// Free the slot of a lease that ran out.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody; free.
        ///
        /// ## Parameters
        ///
        /// - `batch`, `page`, `worker`: which lease.
        ///
        /// ## Events
        ///
        /// [`Event::LeaseExpired`].
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::expire().saturating_add(T::WeightInfo::page_done()))]
        pub fn expire(
            origin: OriginFor<T>,
            batch: BatchId,
            page: PageIndex,
            worker: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            let spent = Self::do_expire(worker, batch, page)?;
            Ok(PostDispatchInfo {
                actual_weight: Some(T::WeightInfo::expire().saturating_add(spent)),
                pays_fee: Pays::No,
            })
        }

        /// Carry out what is due for a batch.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody; free.
        ///
        /// ## Details
        ///
        /// A quarter of the slot fees goes to who does the work: half of it with the scoring of a
        /// page, half with the pay of a worker.
        ///
        /// ## Parameters
        ///
        /// - `batch`: which.
        /// - `limit`: most units of work: a change of state, a page or a worker each.
        ///
        /// ## Events
        ///
        /// [`Event::Advanced`] and those of what was done.
        #[pallet::call_index(11)]
        #[pallet::weight(Pallet::<T>::most_advance(*limit))]
        pub fn advance(
            origin: OriginFor<T>,
            batch: BatchId,
            limit: u32,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let spent = Self::do_advance(who, batch, limit)?;
            Ok(PostDispatchInfo {
                actual_weight: Some(spent),
                pays_fee: Pays::No,
            })
        }

        /// Pay a worker what his account could not take before.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody; free.
        ///
        /// ## Parameters
        ///
        /// - `worker`: whose credit.
        ///
        /// ## Events
        ///
        /// [`Event::CreditPaid`].
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            Self::do_withdraw(worker)?;
            Ok(Pays::No.into())
        }

        /// Create a domain.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by its owner, or root: then it is governance's.
        ///
        /// ## Details
        ///
        /// Holds [`Config::DomainDeposit`] of a signer.
        ///
        /// ## Events
        ///
        /// [`Event::DomainCreated`].
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::create_domain())]
        pub fn create_domain(origin: OriginFor<T>) -> DispatchResult {
            let owner = ensure_signed_or_root(origin)?;
            Self::do_create_domain(owner)
        }

        /// Let a requester's gold count in a domain, or no longer.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the domain's owner; root for governance's domains.
        ///
        /// ## Details
        ///
        /// What counts is whether the requester is admitted when a worker is paid. What was
        /// counted stays.
        ///
        /// ## Parameters
        ///
        /// - `domain`: where.
        /// - `requester`: whose gold.
        /// - `admitted`: which of the two.
        ///
        /// ## Events
        ///
        /// [`Event::RequesterAdmitted`].
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::admit())]
        pub fn admit(
            origin: OriginFor<T>,
            domain: DomainId,
            requester: T::AccountId,
            admitted: bool,
        ) -> DispatchResult {
            let caller = ensure_signed_or_root(origin)?;
            Self::do_admit(caller, domain, requester, admitted)
        }

        /// End a campaign: no more batches, and its contributions are final.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester, or by anybody [`Config::IdleCampaign`] ticks after a batch was
        /// paid last.
        ///
        /// ## Details
        ///
        /// Every batch must be paid.
        ///
        /// ## Parameters
        ///
        /// - `campaign`: which.
        ///
        /// ## Events
        ///
        /// [`Event::CampaignClosed`].
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::close_campaign())]
        pub fn close_campaign(origin: OriginFor<T>, campaign: CampaignId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_close_campaign(who, campaign)
        }

        /// Remove records of a campaign that has been closed for long enough.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody; free.
        ///
        /// ## Details
        ///
        /// [`Config::ContributionsKept`] ticks after it was closed. The campaign itself goes last
        /// and its deposit returns.
        ///
        /// ## Parameters
        ///
        /// - `campaign`: which.
        /// - `limit`: most records to remove, at most [`Config::MaxAdvance`].
        ///
        /// ## Events
        ///
        /// [`Event::CampaignPruned`] with the last one.
        #[pallet::call_index(16)]
        #[pallet::weight(T::WeightInfo::prune_campaign((*limit).min(T::MaxAdvance::get())))]
        pub fn prune_campaign(
            origin: OriginFor<T>,
            campaign: CampaignId,
            limit: u32,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            let done = Self::do_prune_campaign(campaign, limit.min(T::MaxAdvance::get()))?;
            Ok(PostDispatchInfo {
                actual_weight: Some(T::WeightInfo::prune_campaign(done)),
                pays_fee: Pays::No,
            })
        }

        /// Tell workers where a campaign's service is now.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester.
        ///
        /// ## Parameters
        ///
        /// - `campaign`: whose.
        /// - `gateway`: URL, or empty.
        ///
        /// ## Events
        ///
        /// [`Event::GatewaySet`].
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::set_gateway())]
        pub fn set_gateway(
            origin: OriginFor<T>,
            campaign: CampaignId,
            gateway: Gateway,
        ) -> DispatchResult {
            let requester = ensure_signed(origin)?;
            Self::do_set_gateway(requester, campaign, gateway)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The pallet at a glance.
        pub fn status() -> StatusView {
            Self::view_status()
        }

        /// The clock, and the milliseconds of one of its ticks.
        pub fn clock_now() -> (Ticks, u64) {
            (Self::clock(), T::BlockTimeMs::get())
        }

        /// Campaigns with a batch that takes answers, by number from behind `after`, at most
        /// `limit` and [`MAX_CAMPAIGNS_SHOWN`].
        pub fn campaigns(after: Option<CampaignId>, limit: u32) -> Vec<CampaignView<T::AccountId>> {
            Self::view_campaigns(after, limit)
        }

        /// A campaign that is not pruned.
        pub fn campaign(campaign: CampaignId) -> Option<CampaignView<T::AccountId>> {
            Self::view_campaign(campaign)
        }

        /// A batch that is not pruned.
        pub fn batch(batch: BatchId) -> Option<BatchView<T::AccountId>> {
            Self::view_batch(batch)
        }

        /// What remains of a paid batch.
        pub fn result(batch: BatchId) -> Option<BatchResult> {
            Self::view_result(batch)
        }

        /// An account's leases, commits and credit in all batches.
        pub fn worker(account: T::AccountId) -> WorkerView {
            Self::view_worker(&account)
        }

        /// A page that was leased or closed.
        pub fn page(batch: BatchId, page: PageIndex) -> Option<PageView<T::AccountId>> {
            Self::view_page(batch, page)
        }

        /// Pages an account's voucher was used for in a campaign.
        pub fn voucher_use(campaign: CampaignId, account: T::AccountId) -> u32 {
            VoucherUse::<T>::get(campaign, account)
        }

        /// Labels of a page's tasks; `None` before all workers are ranked and once the batch is
        /// pruned. The raw table gives the same for ever.
        pub fn consensus(batch: BatchId, page: PageIndex) -> Option<Vec<Consensus>> {
            Self::view_consensus(batch, page)
        }

        /// Every number that leads to a worker's pay.
        pub fn explain(batch: BatchId, account: T::AccountId) -> Option<Explained<T::AccountId>> {
            Self::view_explain(batch, &account)
        }

        /// Pairs of workers with two or more pages in common who gave at least `least` basis
        /// points of their answers alike, at most [`MAX_TWINS_SHOWN`]. Suspicion, not proof.
        pub fn twins(batch: BatchId, least: u32) -> Vec<Twins<T::AccountId>> {
            Self::view_twins(batch, least)
        }

        /// Right and wrong gold answers of an account in a domain as they count now, and the lower
        /// bound of its share of right ones in units of 2^-16.
        pub fn record(domain: DomainId, account: T::AccountId) -> (u32, u32, u32) {
            Self::view_record(domain, &account)
        }
    }
}

/// Ticks of one bucket of [`Expiring`].
pub const EXPIRY_TICKS: athanor_primitives::labels::Ticks = 64;
