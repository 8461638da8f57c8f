//! Label bounties: what chain, RPC and clients share.
//!
//! Everything that is hashed or signed is a function here, with frozen vectors. Times are
//! *ticks* of the pallet's clock, which counts the blocks in which its calls were allowed, except
//! for [`Voucher::expires`], which is a block number.

mod bytes;

pub use athanor_label_math::{LabelType, ScoreTerms};
pub use bytes::*;

use crate::Root;
use alloc::vec::Vec;
use athanor_label_math::{TermsError as ScoreTermsError, TypeError};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Number of a campaign. Ids are never used twice.
pub type CampaignId = u64;
/// Number of a batch. Ids are never used twice.
pub type BatchId = u64;
/// Number of a page within its batch.
pub type PageIndex = u32;
/// Number of a worker within a batch, in order of the first request.
pub type WorkerIndex = u32;
/// Number of a domain. Ids are never used twice.
pub type DomainId = u32;
/// Ticks of the pallet's clock.
pub type Ticks = u32;

/// Most pages of a batch.
pub const MAX_PAGES: u32 = 4_096;
/// Most slots of a page.
pub const MAX_PANEL: u32 = 9;
/// Most gold tasks of a page.
pub const MAX_GOLD: u32 = 16;
/// Most accounts enrolled in a batch.
pub const MAX_WORKERS: u32 = 16_384;
/// Most live leases of a staked account in a batch, hence most pages of one request.
pub const MAX_LEASES: u32 = 4;
/// Longest sheet in bytes.
pub const MAX_SHEET: u32 = athanor_label_math::MAX_SHEET;
/// Longest sealed opening in bytes: a sheet, a salt, an encapsulated key and a tag.
pub const MAX_SEALED: u32 = MAX_SHEET + 32 + 32 + 16;
/// Most pages whose gold one call opens.
pub const MAX_OPENINGS: u32 = 32;
/// Longest Merkle path: ⌈log2 4,096⌉.
pub const MAX_PATH: u32 = 12;
/// Most follow-up batches joined to a batch.
pub const MAX_CHILDREN: u32 = 2;
/// Pages a batch's window starts with and is filled up to.
pub const WINDOW_PAGES: u32 = 64;
/// Most pages of a window.
pub const MAX_WINDOW: u32 = 256;
/// Sponsored requests a batch may have for each of its slots. They are free, so that what a
/// requester prepays has to bound them.
pub const SPONSORED_A_SLOT: u32 = 4;
/// Least gold tasks of a batch that has gold.
pub const LEAST_GOLD: u32 = 8;
/// Longest page file in bytes.
pub const MAX_PAGE_BYTES: u32 = 256 * 1024;

/// Who may lease pages of a campaign.
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
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Everybody with a stake.
    #[codec(index = 0)]
    Open,
    /// Accounts whose record in a domain is good enough.
    #[codec(index = 1)]
    Domain {
        /// The domain.
        id: DomainId,
        /// Least lower bound of the record, in 2^-16.
        bound: u32,
    },
    /// Accounts with a voucher of the terms' `voucher_key`.
    #[codec(index = 2)]
    Voucher,
}

/// How a text campaign's answers are judged. Reserved: terms with it are refused.
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
    Serialize,
    Deserialize,
)]
pub struct JudgingTerms {
    /// Pay of a judge for one pair.
    #[serde(with = "amount")]
    pub pay: u128,
    /// Judges a page.
    pub panel: u8,
    /// Who may judge.
    pub gate: Gate,
}

/// Terms of a campaign. They never change.
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
    Serialize,
    Deserialize,
)]
pub struct CampaignTerms {
    /// What a task asks for.
    pub label: LabelType,
    /// Tasks of a page, m.
    pub tasks: u8,
    /// Gold tasks of a page, g.
    pub gold: u8,
    /// Answers with which the requester may close a page early.
    pub panel_min: u8,
    /// Slots of a page.
    pub panel_max: u8,
    /// Full pay of an answer, b.
    #[serde(with = "amount")]
    pub pay: u128,
    /// The curve from score to pay.
    pub score: ScoreTerms,
    /// Stake a page, in basis points of b·m.
    pub stake: u16,
    /// Ticks a lease lasts.
    pub lease: Ticks,
    /// Ticks a joined batch may end after its parent.
    pub join_delay: Ticks,
    /// Whether accounts enrolled in a batch are served in one joined to it.
    pub serve_group: bool,
    /// Who may lease pages.
    pub gate: Gate,
    /// Account whose signature makes vouchers.
    #[serde(with = "maybe_hex32")]
    pub voucher_key: Option<[u8; 32]>,
    /// X25519 key openings may be sealed to.
    #[serde(with = "maybe_hex32")]
    pub seal_key: Option<[u8; 32]>,
    /// Domain whose records gold answers count into, if its owner admitted the requester.
    pub domain: Option<DomainId>,
    /// BLAKE3 root of the guideline.
    #[serde(with = "crate::ticket::hex32")]
    pub guideline: Root,
    /// Whether page files are encrypted and keys are handed out to who holds a lease.
    pub private: bool,
    /// Whether paid answers count towards a share of later revenue.
    pub share_revenue: bool,
    /// Ticks in which opened gold may be challenged. Reserved: 0.
    pub dispute_for: Ticks,
    /// How text is judged. Reserved: `None`.
    pub judging: Option<JudgingTerms>,
}

/// What terms may say. Set by governance, for new campaigns only.
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
pub struct TermsLimits {
    /// Least b·m.
    pub least_page_pay: u128,
    /// Least and most φ.
    pub base: (u16, u16),
    /// Least and most `s0`.
    pub s0: (u16, u16),
    /// Least and most `s1`.
    pub s1: (u16, u16),
    /// Least and most expected agreement.
    pub floor: (u16, u16),
    /// Least and most gold target.
    pub gold_target: (u16, u16),
    /// Least and most stake.
    pub stake: (u16, u16),
    /// Least and most ticks of a lease.
    pub lease: (Ticks, Ticks),
    /// Most ticks of a join delay.
    pub join_delay: Ticks,
}

impl TermsLimits {
    /// The design's limits on a chain with blocks of three seconds: 10 minutes to 24 hours a
    /// lease, 3 days to join.
    #[must_use]
    pub const fn standard(existential_deposit: u128) -> Self {
        Self {
            least_page_pay: existential_deposit.saturating_mul(10),
            base: (0, 10_000),
            s0: (1, 9_000),
            s1: (1_000, 12_500),
            floor: (625, 2_500),
            gold_target: (3_333, 8_000),
            stake: (1_000, 10_000),
            lease: (200, 28_800),
            join_delay: 86_400,
        }
    }
}

/// Why terms are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TermsError {
    /// Free text is reserved.
    TextReserved,
    /// A bound of the type, see [`LabelType::check`].
    Type,
    /// Not 4..=32 tasks a page, 4..=8 for spans.
    Tasks,
    /// Not 3..=9 slots (1..=9 behind vouchers), or fewer than `panel_min`.
    Panel,
    /// Not m/8..=m/2 gold tasks. None only with a gate.
    Gold,
    /// b·m is less than ten existential deposits, or b is not below 2^64.
    Pay,
    /// φ is out of its range.
    Base,
    /// `s0` or `s1` is out of its range, or `s0` is not below `s1`.
    Scores,
    /// The expected agreement is out of its range.
    Floor,
    /// The gold target is out of its range.
    GoldTarget,
    /// The stake is out of its range.
    Stake,
    /// The lease is out of its range.
    Lease,
    /// The join delay is out of its range.
    JoinDelay,
    /// Behind vouchers without a key that makes them.
    VoucherKey,
    /// A bound above 2^16.
    Gate,
    /// Disputes are reserved: the window must be 0.
    DisputeReserved,
    /// Judging is reserved: it must be `None`.
    JudgingReserved,
}

fn within<T: PartialOrd>(value: T, (least, most): (T, T)) -> bool {
    least <= value && value <= most
}

impl CampaignTerms {
    /// Whether a campaign may have these terms.
    ///
    /// # Errors
    ///
    /// The first [`TermsError`] that applies.
    pub fn check(&self, limits: &TermsLimits) -> Result<(), TermsError> {
        let ensure = |holds: bool, error: TermsError| if holds { Ok(()) } else { Err(error) };
        self.label
            .check_tasks(self.tasks)
            .map_err(|error| match error {
                TypeError::TextReserved => TermsError::TextReserved,
                TypeError::Tasks => TermsError::Tasks,
                _ => TermsError::Type,
            })?;
        ensure(self.judging.is_none(), TermsError::JudgingReserved)?;
        ensure(self.dispute_for == 0, TermsError::DisputeReserved)?;
        let least_panel = if self.gate == Gate::Voucher { 1 } else { 3 };
        let panel = within(self.panel_min, (least_panel, self.panel_max))
            && u32::from(self.panel_max) <= MAX_PANEL;
        ensure(panel, TermsError::Panel)?;
        let gold = u16::from(self.gold);
        let tasks = u16::from(self.tasks);
        let enough = gold.saturating_mul(8) >= tasks && gold.saturating_mul(2) <= tasks;
        let none = gold == 0 && self.gate != Gate::Open;
        ensure(enough || none, TermsError::Gold)?;
        let pay = self.pay <= u128::from(u64::MAX) && self.page_pay() >= limits.least_page_pay;
        ensure(pay && self.pay > 0, TermsError::Pay)?;
        let score = &self.score;
        self.score.check().map_err(|error| match error {
            ScoreTermsError::Share => TermsError::Base,
            ScoreTermsError::Floor => TermsError::Floor,
            ScoreTermsError::GoldTarget => TermsError::GoldTarget,
            _ => TermsError::Scores,
        })?;
        ensure(within(score.phi_bp, limits.base), TermsError::Base)?;
        let scores = within(score.s0_bp, limits.s0) && within(score.s1_bp, limits.s1);
        ensure(scores, TermsError::Scores)?;
        ensure(within(score.floor_bp, limits.floor), TermsError::Floor)?;
        ensure(
            within(score.gold_target_bp, limits.gold_target),
            TermsError::GoldTarget,
        )?;
        ensure(within(self.stake, limits.stake), TermsError::Stake)?;
        ensure(within(self.lease, limits.lease), TermsError::Lease)?;
        ensure(self.join_delay <= limits.join_delay, TermsError::JoinDelay)?;
        let key = self.gate != Gate::Voucher || self.voucher_key.is_some();
        ensure(key, TermsError::VoucherKey)?;
        let bound = !matches!(self.gate, Gate::Domain { bound, .. } if bound > 1 << 16);
        ensure(bound, TermsError::Gate)
    }

    /// Full pay of a sheet, b·m.
    #[must_use]
    pub fn page_pay(&self) -> u128 {
        self.pay.saturating_mul(self.tasks.into())
    }

    /// Stake of a leased page, S, rounded up.
    #[must_use]
    pub fn page_stake(&self) -> u128 {
        self.page_pay()
            .saturating_mul(self.stake.into())
            .div_ceil(10_000)
    }

    /// Most pages one account may lease, less those skipped, in a batch of `pages`:
    /// ⌈P·n_max/4⌉, at most P.
    #[must_use]
    pub fn quota(&self, pages: u32) -> u32 {
        pages
            .saturating_mul(self.panel_max.into())
            .div_ceil(4)
            .min(pages)
    }

    /// Terms with the design's defaults: 5 slots closed early from 3, φ 3,000, s0 4,000,
    /// s1 9,500, floor 1,875, gold target 6,667, stake 2,500, leases of 2,400 ticks, no gate.
    #[must_use]
    pub const fn standard(label: LabelType, tasks: u8, gold: u8, pay: u128) -> Self {
        Self {
            label,
            tasks,
            gold,
            panel_min: 3,
            panel_max: 5,
            pay,
            score: ScoreTerms {
                phi_bp: 3_000,
                s0_bp: 4_000,
                s1_bp: 9_500,
                floor_bp: 1_875,
                gold_target_bp: 6_667,
            },
            stake: 2_500,
            lease: 2_400,
            join_delay: 0,
            serve_group: false,
            gate: Gate::Open,
            voucher_key: None,
            seal_key: None,
            domain: None,
            guideline: [0; 32],
            private: false,
            share_revenue: false,
            dispute_for: 0,
            judging: None,
        }
    }
}

/// Permission for one account to label in a campaign. Signed by the terms' `voucher_key`, see
/// [`voucher_text`].
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
    Serialize,
    Deserialize,
)]
pub struct Voucher {
    /// Pages allowed in the campaign: leases less skips.
    pub pages: u32,
    /// Whether the account needs neither stake nor fees.
    pub sponsored: bool,
    /// Last block in which it is good.
    pub expires: u32,
}

/// A page of a batch, as the requester's tree has it. See [`PageLeaf::bytes`].
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
    Serialize,
    Deserialize,
)]
pub struct PageLeaf {
    /// The page.
    pub page: PageIndex,
    /// BLAKE3 root of the page file, as it is stored: encrypted if the campaign is private.
    #[serde(with = "crate::ticket::hex32")]
    pub content_root: Root,
    /// Length of that file.
    pub bytes: u32,
    /// See [`gold_commitment`].
    #[serde(with = "crate::ticket::hex32")]
    pub gold_commit: [u8; 32],
}

/// Where a batch is in its life.
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
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Pages are leased and answered. Left when every page of the batch and of those joined with
    /// it is closed, at the latest at their ends.
    #[codec(index = 0)]
    Open,
    /// Answers are shown. Left when every commit is revealed or the time is over.
    #[codec(index = 1)]
    Reveal,
    /// Gold is opened. Left when every page with a reveal has its gold opened or the time is over.
    #[codec(index = 2)]
    Gold,
    /// Gold may be challenged. Left when the window is over; without one at once.
    #[codec(index = 3)]
    Dispute,
    /// Pages are scored, one a step.
    #[codec(index = 4)]
    Score {
        /// The next.
        page: PageIndex,
    },
    /// Workers are ranked, one a step.
    #[codec(index = 5)]
    Rank {
        /// The next.
        worker: WorkerIndex,
    },
    /// Workers are paid, one a step.
    #[codec(index = 6)]
    Pay {
        /// The next.
        worker: WorkerIndex,
    },
    /// All money is where it belongs. Left when the retention is over.
    #[codec(index = 7)]
    Paid,
    /// Pages, then workers are removed, one a step. Only the result remains.
    #[codec(index = 8)]
    Pruning {
        /// The next: a page, and behind the last the first worker.
        next: u32,
    },
    /// A text batch waits for its judging batch. Reserved.
    #[codec(index = 9)]
    Judging {
        /// The judging batch.
        batch: BatchId,
    },
}

/// Why a feeless call is refused: the code of `InvalidTransaction::Custom`, and the name of the
/// pallet's error when the same call is signed.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[repr(u8)]
pub enum Refusal {
    /// The pallet's calls are paused.
    Paused = 1,
    /// There is no batch of this number, or it was pruned.
    NoSuchBatch = 2,
    /// The batch is not in the state that allows this.
    UnexpectedState = 3,
    /// The deadline for this is over.
    TooLate = 4,
    /// The account has no live lease on the page.
    NoLease = 5,
    /// The account's lease on the page has run out.
    LeaseOver = 6,
    /// The account has committed on this page, and a commit is final.
    AlreadyCommitted = 7,
    /// The account has not committed on this page.
    NotCommitted = 8,
    /// The account's sheet of this page is revealed.
    AlreadyRevealed = 9,
    /// Sheet and salt do not give the hash that was committed.
    HashMismatch = 10,
    /// The sheet is not in the canonical form of the campaign's type.
    BadSheet = 11,
    /// The signature is missing, or not the account's of the text that is signed.
    BadSignature = 12,
    /// A requester can't label his own batch.
    IsRequester = 13,
    /// The account labels in a batch joined with this one.
    EnrolledInGroup = 14,
    /// The account's record in the campaign's domain is not good enough.
    RecordTooLow = 15,
    /// The campaign takes accounts with a voucher only.
    VoucherMissing = 16,
    /// The voucher is not signed by the campaign's voucher key for this account and campaign.
    VoucherInvalid = 17,
    /// The voucher has expired.
    VoucherExpired = 18,
    /// The voucher's pages are used up.
    VoucherUsedUp = 19,
    /// The voucher is not for sponsored work.
    NotSponsored = 20,
    /// The account labels in this batch with a stake, and can't go on without, or the reverse.
    OtherMode = 21,
    /// Not 1..=4 pages, or more live leases than allowed with them.
    TooManyLeases = 22,
    /// The account has had as many pages of this batch as one may.
    QuotaReached = 23,
    /// The account skipped too many pages and has to wait.
    SkippedTooOften = 24,
    /// The account has a request waiting in this batch.
    RequestPending = 25,
    /// The queue of requests is full.
    QueueFull = 26,
    /// The batch has as many workers as it may.
    BatchFull = 27,
    /// A lease would not end before the batch does, or the batch is cancelled.
    ClosesTooSoon = 28,
    /// There is no such page in the batch.
    NoSuchPage = 29,
    /// The batch has had [`SPONSORED_A_SLOT`] sponsored requests for each of its slots.
    SponsoringUsedUp = 30,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::Paused,
        Self::NoSuchBatch,
        Self::UnexpectedState,
        Self::TooLate,
        Self::NoLease,
        Self::LeaseOver,
        Self::AlreadyCommitted,
        Self::NotCommitted,
        Self::AlreadyRevealed,
        Self::HashMismatch,
        Self::BadSheet,
        Self::BadSignature,
        Self::IsRequester,
        Self::EnrolledInGroup,
        Self::RecordTooLow,
        Self::VoucherMissing,
        Self::VoucherInvalid,
        Self::VoucherExpired,
        Self::VoucherUsedUp,
        Self::NotSponsored,
        Self::OtherMode,
        Self::TooManyLeases,
        Self::QuotaReached,
        Self::SkippedTooOften,
        Self::RequestPending,
        Self::QueueFull,
        Self::BatchFull,
        Self::ClosesTooSoon,
        Self::NoSuchPage,
        Self::SponsoringUsedUp,
    ];

    /// Its code in `InvalidTransaction::Custom`.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The refusal of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }

    /// What to tell a user.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Paused => "the chain has paused label bounties; deadlines wait too",
            Self::NoSuchBatch => "there is no such batch; it may have been pruned",
            Self::UnexpectedState => "the batch is not in a state that allows this",
            Self::TooLate => "the deadline for this is over",
            Self::NoLease => "the account has no lease on this page",
            Self::LeaseOver => "the lease on this page has run out; request pages again",
            Self::AlreadyCommitted => "this page is committed already, which is final",
            Self::NotCommitted => "nothing is committed on this page by this account",
            Self::AlreadyRevealed => "this sheet is revealed already",
            Self::HashMismatch => "sheet and salt are not what was committed",
            Self::BadSheet => "the sheet is not in the campaign's canonical form",
            Self::BadSignature => "the signature is not the account's of the text to sign",
            Self::IsRequester => "a requester cannot label an own batch",
            Self::EnrolledInGroup => "the account labels in a batch joined with this one",
            Self::RecordTooLow => "the account's record in the domain is below the bound",
            Self::VoucherMissing => "the campaign needs a voucher",
            Self::VoucherInvalid => "the voucher is not signed for this account and campaign",
            Self::VoucherExpired => "the voucher has expired",
            Self::VoucherUsedUp => "the voucher's pages are used up",
            Self::NotSponsored => "the voucher is not for sponsored work",
            Self::OtherMode => {
                "the account labels in this batch the other way, with a stake or sponsored"
            }
            Self::TooManyLeases => "too many pages at once; commit or skip some first",
            Self::QuotaReached => "the account has had its share of this batch",
            Self::SkippedTooOften => "too many pages were skipped; wait two lease times",
            Self::RequestPending => "a request of this account is waiting already",
            Self::QueueFull => "too many requests are waiting; try again in a few blocks",
            Self::BatchFull => "the batch has as many workers as it may",
            Self::ClosesTooSoon => "the batch ends before a lease would",
            Self::NoSuchPage => "there is no such page in the batch",
            Self::SponsoringUsedUp => "the batch has had as many sponsored requests as it may",
        }
    }
}

/// Who contributed how much to a campaign whose terms share revenue. The data market's seam.
pub trait ContributorShares<AccountId> {
    /// Tick at which the campaign's contributions became final; `None` before that and after they
    /// were removed.
    fn settled_at(campaign: CampaignId) -> Option<Ticks>;

    /// Ticks since then; `None` also for a campaign whose terms share no revenue. For those who
    /// keep time by another clock.
    fn settled_for(campaign: CampaignId) -> Option<Ticks>;

    /// Who bought the answers; `None` for a campaign that is not known any more.
    fn requester(campaign: CampaignId) -> Option<AccountId>;

    /// Answers of an account that were paid.
    fn paid_answers(campaign: CampaignId, worker: &AccountId) -> u32;

    /// Makes a campaign of `requester`, settled just now, for whose answers `worker` was paid.
    #[cfg(feature = "runtime-benchmarks")]
    fn contribute(requester: &AccountId, worker: &AccountId, answers: u32) -> CampaignId;
}

/// Serde for amounts: written as decimal strings, for JSON's numbers lose digits; read as strings
/// or numbers.
pub mod amount {
    use alloc::string::{String, ToString};
    use serde::{
        de::{Error, Visitor},
        Deserializer, Serializer,
    };

    /// Serialises an amount.
    pub fn serialize<S: Serializer>(amount: &u128, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&amount.to_string())
    }

    /// Deserialises an amount.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u128, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = u128;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an amount in the smallest unit, as a decimal string or a number")
            }

            fn visit_u64<E: Error>(self, amount: u64) -> Result<u128, E> {
                Ok(amount.into())
            }

            fn visit_u128<E: Error>(self, amount: u128) -> Result<u128, E> {
                Ok(amount)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<u128, E> {
                if !text.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(E::custom("an amount is decimal digits"));
                }
                text.parse().map_err(E::custom)
            }

            fn visit_string<E: Error>(self, text: String) -> Result<u128, E> {
                self.visit_str(&text)
            }
        }
        d.deserialize_any(Amount)
    }
}

/// Serde for 32 bytes as `0x` hex, or null.
pub mod maybe_hex32 {
    use crate::ticket::{root_from_hex, to_hex};
    use alloc::string::String;
    use serde::{de::Error, Deserialize, Deserializer, Serialize, Serializer};

    /// Serialises 32 bytes, if there are any.
    pub fn serialize<S: Serializer>(bytes: &Option<[u8; 32]>, s: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| to_hex(bytes)).serialize(s)
    }

    /// Deserialises 32 bytes, if there are any.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<[u8; 32]>, D::Error> {
        Option::<String>::deserialize(d)?
            .map(|text| root_from_hex(&text))
            .map_or(Ok(None), |bytes| {
                bytes
                    .map(Some)
                    .ok_or_else(|| D::Error::custom("expected 0x and 64 hex digits"))
            })
    }
}

/// Gold of one page: position in the page and the answer, one task packed alone, ascending.
pub type GoldEntries = Vec<(u8, Vec<u8>)>;

#[cfg(test)]
mod tests;
