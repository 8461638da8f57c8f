//! Types of the job escrow: offers, jobs, replicas, threads, and what the view
//! functions answer with.

use crate::disputes::types::Conviction;
use alloc::vec::Vec;
use athanor_primitives::{Cost, JobId, ModelId, ProgramHash, Root, ThreadId};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::Permill;

/// Money, in the smallest unit.
pub type Balance = u128;

/// Number of a block; also used for durations in blocks.
pub type BlockNumber = u32;

/// Longest endpoint a provider may publish, in bytes.
pub const MAX_ENDPOINT: u32 = 128;

/// In place of a bucket's block: every bucket was full, and what waits is in the backlog.
pub const BACKLOG: BlockNumber = BlockNumber::MAX;

/// Most jobs one provider works on at a time.
pub const MAX_SLOTS: u8 = 64;

/// Most models an offer lists.
pub const MAX_LISTED_MODELS: u32 = 64;

/// Most providers a `Replicated` job may ask for.
pub const MAX_REPLICAS: u8 = 7;

/// [`MAX_REPLICAS`] and the auditor.
pub const MAX_SEATS: u32 = 8;

/// How often the missing providers of a job are replaced.
pub const MAX_REDRAWS: u8 = 2;

/// Most providers a job may release: all of them, in each of three attempts.
pub const MAX_RELEASED: u32 = 21;

/// Releases in a row after which an offer is paused.
pub const MAX_RELEASES_IN_A_ROW: u8 = 3;

/// Most output nodes of a program.
pub const MAX_OUTPUTS: u32 = 8;

/// Most node roots of a trace.
pub const MAX_TRACE: u32 = athanor_primitives::MAX_NODES;

/// Largest output revealed inline, in bytes.
pub const MAX_INLINE: u32 = athanor_primitives::MAX_INLINE_OUTPUT;

/// Where a requester's client may fetch outputs: a URL in UTF-8.
pub type Endpoint = BoundedVec<u8, ConstU32<MAX_ENDPOINT>>;

/// Roots of every node's output, in node order.
pub type Trace = BoundedVec<Root, ConstU32<MAX_TRACE>>;

/// An output small enough to be revealed on chain.
pub type InlineOutput = BoundedVec<u8, ConstU32<MAX_INLINE>>;

/// Jobs one worker key is assigned to.
pub type AssignedJobs = BoundedVec<JobId, ConstU32<{ MAX_SLOTS as u32 }>>;

/// What a provider asks for, in the smallest unit of AUR per 10^6 of each of the
/// five costs of a run.
#[derive(
    Clone,
    Copy,
    Default,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct Rates {
    /// Per 10^6 multiply-accumulates.
    pub macs: Balance,
    /// Per 10^6 element operations.
    pub ops: Balance,
    /// Per 10^6 bytes read or written between nodes.
    pub bytes: Balance,
    /// Per 10^6 nodes started.
    pub nodes: Balance,
    /// Per 10^6 bytes of constants, inputs and outputs.
    pub load: Balance,
}

/// How long a provider needs, in nanoseconds per 10^6 of each of the five costs
/// of a run.
#[derive(
    Clone,
    Copy,
    Default,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct Times {
    /// Per 10^6 multiply-accumulates.
    pub macs: u64,
    /// Per 10^6 element operations.
    pub ops: u64,
    /// Per 10^6 bytes read or written between nodes.
    pub bytes: u64,
    /// Per 10^6 nodes started.
    pub nodes: u64,
    /// Per 10^6 bytes of constants, inputs and outputs.
    pub load: u64,
}

/// The models a provider runs.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub enum ModelFilter {
    /// These only.
    #[codec(index = 0)]
    List(BoundedVec<ModelId, ConstU32<MAX_LISTED_MODELS>>),
    /// Any whose run loads at most so many bytes (constants, inputs, outputs).
    #[codec(index = 1)]
    AnyUpTo(u64),
}

/// What a provider offers.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct OfferTerms {
    /// Prices.
    pub rates: Rates,
    /// Least pay for a run.
    pub minimum: Balance,
    /// Durations. Four times the duration that follows is what the provider is
    /// held to.
    pub times: Times,
    /// Bytes per second at which the provider fetches inputs and weights, at
    /// least 1.
    pub bandwidth: u64,
    /// Largest run taken, in units (10^6 of `macs + 4·ops + 64·bytes + 2^20·nodes`).
    pub max_cost: u64,
    /// Bytes of memory a run may need.
    pub memory: u64,
    /// Jobs worked on at a time, 1 to [`MAX_SLOTS`].
    pub slots: u8,
    /// Models taken.
    pub models: ModelFilter,
    /// Most collateral the provider puts at risk in one job.
    pub max_collateral: Balance,
    /// Longest window, in blocks, that a claim of the provider may stand open: its
    /// collateral is locked so long.
    pub max_window: BlockNumber,
    /// First block in which the offer no longer holds.
    pub valid_until: BlockNumber,
}

/// A provider's standing offer.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Offer {
    /// The terms.
    pub terms: OfferTerms,
    /// Block of the last change that could improve the provider's chances. Only
    /// draws that count from a later block take the offer.
    pub since: BlockNumber,
    /// No draws until the provider calls `resume`.
    pub paused: bool,
}

/// Somebody who runs jobs, with a bond.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Provider<AccountId> {
    /// Key that signs for jobs drawn from now on.
    pub worker: AccountId,
    /// Where a requester's client may fetch outputs. Nodes and daemons never
    /// call it.
    pub endpoint: Endpoint,
    /// Amount held under `ProviderBond`.
    pub bond: Balance,
    /// Part of the bond that live assignments lock.
    pub locked: Balance,
    /// Live assignments.
    pub live: u8,
    /// Protocol fees paid on accepted work, as of `fees_at`; halves with every
    /// half-life.
    pub fees: Balance,
    /// Block `fees` was last brought up to date.
    pub fees_at: BlockNumber,
    /// Releases since the last acceptance.
    pub releases_in_a_row: u8,
    /// Faults so far; each doubles the next jail time.
    pub faults: u8,
    /// Jailed; may call `unjail` from this block on.
    pub jailed_until: Option<BlockNumber>,
    /// Unbonding; the bond may be withdrawn from this block on.
    pub unbonding_until: Option<BlockNumber>,
    /// The last fault, which says why it is in jail.
    pub last_fault: Option<LastFault>,
}

/// What a provider was struck for last.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct LastFault {
    /// What for.
    pub fault: Fault,
    /// In which job.
    pub job: JobId,
    /// In which block.
    pub at: BlockNumber,
}

impl<AccountId> Provider<AccountId> {
    /// Part of the bond that nothing locks.
    pub fn free_bond(&self) -> Balance {
        self.bond.saturating_sub(self.locked)
    }
}

/// How many run a job, and how it is checked.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum Policy {
    /// `n` providers run it and at least `quorum` must agree.
    #[codec(index = 0)]
    Replicated {
        /// Providers, 1 to [`MAX_REPLICAS`].
        n: u8,
        /// Least number that must agree, more than half of `n`.
        quorum: u8,
        /// Blocks in which a claim may be challenged.
        window: BlockNumber,
    },
    /// One provider runs it, and a second with a probability of `audit` / 256.
    #[codec(index = 1)]
    Optimistic {
        /// Blocks in which a claim may be challenged.
        window: BlockNumber,
        /// 0, 4, 8, 16, 32 or 64 of 256.
        audit: u8,
    },
}

impl Policy {
    /// Providers drawn at first.
    pub fn replicas(&self) -> u8 {
        match self {
            Policy::Replicated { n, .. } => *n,
            Policy::Optimistic { .. } => 1,
        }
    }

    /// Least number of replicas that must go on, and agree.
    pub fn quorum(&self) -> u8 {
        match self {
            Policy::Replicated { quorum, .. } => *quorum,
            Policy::Optimistic { .. } => 1,
        }
    }

    /// Of 256 such jobs, how many get an auditor.
    pub fn audit(&self) -> u8 {
        match self {
            Policy::Replicated { .. } => 0,
            Policy::Optimistic { audit, .. } => *audit,
        }
    }

    /// What an audit may cost, on average and at most: paid into the audit pot when
    /// the job is drawn. `None` on overflow.
    pub fn premium(&self, max_pay: Balance) -> Option<Balance> {
        Some(max_pay.checked_mul(self.audit().into())?.div_ceil(256))
    }

    /// Blocks in which a claim may be challenged.
    pub fn window(&self) -> BlockNumber {
        match self {
            Policy::Replicated { window, .. } | Policy::Optimistic { window, .. } => *window,
        }
    }

    /// Whether the only replica may reveal without a commitment: nobody else
    /// could copy it.
    pub fn reveals_at_once(&self) -> bool {
        match self {
            Policy::Replicated { n, .. } => *n == 1,
            Policy::Optimistic { audit, .. } => *audit == 0,
        }
    }

    /// Collateral as a multiple of the pay.
    pub fn collateral_factor(&self) -> Balance {
        match self {
            Policy::Replicated { .. } | Policy::Optimistic { audit: 0, .. } => 5,
            Policy::Optimistic { audit, .. } => 427u128.div_ceil(u128::from(*audit)).max(5),
        }
    }
}

/// What a requester asks for.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct JobTerms {
    /// Model to run.
    pub model: ModelId,
    /// BLAKE3 root of the input blob. Its length follows from program and batch.
    pub input_root: Root,
    /// Samples in the input.
    pub batch: u32,
    /// How many run it and how it is checked.
    pub policy: Policy,
    /// Most that one provider is paid.
    pub max_pay: Balance,
    /// Most blocks that fetching the blobs, and the run, may take beyond the base.
    pub max_wait: BlockNumber,
    /// Least collateral a provider must lock, for results worth more than their
    /// price.
    pub min_collateral: Balance,
    /// Reveal the output on chain; it must be the program's only one and at most
    /// 1 KiB.
    pub inline_output: bool,
    /// Keep a receipt in state when the job settles, for a deposit.
    pub keep_receipt: bool,
    /// Paid to whoever pokes the job along; what is left comes back.
    pub tip: Balance,
}

/// What a quote is asked for: of [`JobTerms`], what a price and who takes it follow from.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct QuoteTerms {
    /// Model to run.
    pub model: ModelId,
    /// Samples in the input.
    pub batch: u32,
    /// How many run it and how it is checked.
    pub policy: Policy,
    /// Most that one provider is paid.
    pub max_pay: Balance,
    /// Most blocks that fetching the blobs, and the run, may take beyond the base; the
    /// most there may be if left out.
    pub max_wait: Option<BlockNumber>,
    /// Least collateral a provider must lock.
    pub min_collateral: Balance,
    /// Paid to whoever pokes the job along.
    pub tip: Balance,
    /// Keep a receipt in state when the job settles, for a deposit.
    pub keep_receipt: bool,
}

/// How a replica names its trace.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub enum TraceReveal {
    /// Roots of every node's output, for the first who reveals this trace.
    #[codec(index = 0)]
    Roots(Trace),
    /// Root of a trace that another replica of the job has revealed.
    #[codec(index = 1)]
    Root(Root),
}

/// What the deadline queue holds.
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
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum Due {
    /// A job.
    #[codec(index = 0)]
    Job(JobId),
    /// A thread of a job.
    #[codec(index = 1)]
    Thread(JobId, ThreadId),
}

/// State of a job. Every state but the last four has exactly one deadline.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum JobStatus {
    /// Waits for a draw. Left by the draw, by `cancel`, or for `Expired`.
    #[codec(index = 0)]
    Open,
    /// Providers are drawn and fetch the blobs. Left when all have called
    /// `accept` or `commit`; the missing are replaced twice, a missing auditor never.
    #[codec(index = 1)]
    Assigned,
    /// Providers compute. Left when all have called `commit`, or the only one
    /// `reveal`.
    #[codec(index = 2)]
    Running,
    /// All commitments are in; a re-org must not show a root to somebody who has
    /// yet to commit. Left by time alone, the first time by the audit draw.
    #[codec(index = 3)]
    Sealed,
    /// Left when all have called `reveal`.
    #[codec(index = 4)]
    Revealing,
    /// Results are public and may be disputed by `announce` and `deliver`. Left by
    /// time, and when every thread is closed.
    #[codec(index = 5)]
    Claimed,
    /// A result was accepted and paid. Final.
    #[codec(index = 6)]
    Settled,
    /// No result was accepted. Final.
    #[codec(index = 7)]
    Failed,
    /// Nobody eligible was found. Final.
    #[codec(index = 8)]
    Expired,
    /// Cancelled while `Open`. Final.
    #[codec(index = 9)]
    Cancelled,
}

impl JobStatus {
    /// Whether nothing more can happen.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            JobStatus::Settled | JobStatus::Failed | JobStatus::Expired | JobStatus::Cancelled
        )
    }
}

/// What a provider did wrong.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum Fault {
    /// Accepted and did not commit in time: 10 % of the collateral.
    #[codec(index = 0)]
    Late,
    /// Committed and did not reveal: all of it, or a liar who sees the others'
    /// roots would take the cheaper exit.
    #[codec(index = 1)]
    NoReveal,
    /// A majority agreed on another trace and this replica proved none of it
    /// false: all of it.
    #[codec(index = 2)]
    Outvoted,
    /// A fraud proof convicted the trace: all of it.
    #[codec(index = 3)]
    FraudProven,
    /// A demand for the trace's data went unanswered: all of it.
    #[codec(index = 4)]
    DataWithheld,
}

impl Fault {
    /// Whether the whole collateral is lost, when the job ends.
    pub fn takes_all(&self) -> bool {
        !matches!(self, Fault::Late)
    }
}

/// Why a job failed.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum FailReason {
    /// Too few providers accepted, twice redrawn: input or weights may be served
    /// by nobody.
    #[codec(index = 0)]
    NotAccepted,
    /// Too few providers committed in time.
    #[codec(index = 1)]
    NotComputed,
    /// Nobody revealed.
    #[codec(index = 2)]
    NotRevealed,
    /// No trace had the quorum and more than half of those revealed.
    #[codec(index = 3)]
    NoMajority,
}

/// What a draw is for. Part of its seed.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum Purpose {
    /// The first providers of a job.
    #[codec(index = 0)]
    Assign,
    /// Providers in place of those who did not accept.
    #[codec(index = 1)]
    Redraw,
    /// Whether there is an auditor, and who.
    #[codec(index = 2)]
    Audit,
}

/// How far the audit of a job has come.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub enum Audit<AccountId> {
    /// No audit: the policy has none, or the draw found no auditor, or the auditor
    /// did not accept.
    #[codec(index = 0)]
    None,
    /// The draw comes once the first commitment is sealed.
    #[codec(index = 1)]
    Ahead,
    /// This provider's replica is the auditor's. Its pay is held under `AuditPay`.
    #[codec(index = 2)]
    Drawn(AccountId),
}

/// A draw that waits for its seed or for enough offers.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct Draw {
    /// What for.
    pub purpose: Purpose,
    /// Block round 0 counts from.
    pub from: BlockNumber,
    /// Current round. It counts from `from + round · round_blocks`.
    pub round: u32,
    /// Providers wanted.
    pub want: u8,
    /// First block in which the round is worth trying.
    pub next: BlockNumber,
    /// Epoch this round counts from, if the job's value asks for epoch randomness.
    pub epoch: Option<u64>,
}

impl Draw {
    /// Block the current round counts from.
    pub fn start(&self, rules: &Rules) -> BlockNumber {
        self.from
            .saturating_add(self.round.saturating_mul(rules.round_blocks.max(1)))
    }
}

/// One provider's part in a job.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Replica<AccountId> {
    /// Who is bonded and paid.
    pub provider: AccountId,
    /// The key that signs.
    pub worker: AccountId,
    /// Price of the run under the offer it was drawn with.
    pub pay: Balance,
    /// Locked in the provider's bond; 0 once given back.
    pub collateral: Balance,
    /// Blocks the provider's declared bandwidth needs for the blobs.
    pub load_blocks: BlockNumber,
    /// Blocks the provider has for the run.
    pub work_blocks: BlockNumber,
    /// Said that it holds input and weights, or committed.
    pub accepted: bool,
    /// Commitment to trace root and salt.
    pub commitment: Option<[u8; 32]>,
    /// Revealed trace root.
    pub trace_root: Option<Root>,
    /// What it did wrong.
    pub fault: Option<Fault>,
    /// Threads that wait for data of its claim.
    pub asking: u32,
    /// Threads it has opened without a bond.
    pub free_threads: u8,
}

impl<AccountId> Replica<AccountId> {
    /// Whether it holds a slot and collateral. Only a late one no longer does.
    pub fn is_live(&self) -> bool {
        self.fault != Some(Fault::Late)
    }

    /// Whether it revealed and was not struck.
    pub fn is_standing(&self) -> bool {
        self.trace_root.is_some() && self.fault.is_none()
    }

    /// Whether it stands by this trace.
    pub fn stands_by(&self, trace_root: &Root) -> bool {
        self.is_standing() && self.trace_root.as_ref() == Some(trace_root)
    }
}

/// A provider that was drawn and did not accept.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Released<AccountId> {
    /// Who.
    pub provider: AccountId,
    /// Already counted against it, because another provider accepted the job.
    pub counted: bool,
}

/// The constants a job was created under, which it keeps.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct Rules {
    /// Blocks to find eligible offers in, also for a redraw.
    pub open_for: BlockNumber,
    /// Blocks between two rounds of a draw.
    pub round_blocks: BlockNumber,
    /// Blocks to accept in, beyond the time for fetching the blobs.
    pub accept_base: BlockNumber,
    /// Blocks to compute in, beyond four times the declared time.
    pub work_base: BlockNumber,
    /// Blocks between the last commitment and the first reveal.
    pub seal_blocks: BlockNumber,
    /// Blocks to reveal in.
    pub reveal_blocks: BlockNumber,
    /// Least window, to which twice the work time is added.
    pub min_window: BlockNumber,
    /// Milliseconds per block.
    pub block_time: u64,
    /// Least collateral.
    pub min_collateral: Balance,
    /// Share of each pay that goes to the treasury.
    pub fee: Permill,
    /// Free balance a settlement fills a worker's account up to.
    pub float: Balance,
    /// Paid from the tip for each poked transition.
    pub poke_reward: Balance,
    /// Blocks between an announcement and what it announces.
    pub announce_blocks: BlockNumber,
    /// Blocks in which an announcement must be acted upon.
    pub announced_for: BlockNumber,
    /// Blocks to answer a demand in, beyond those for other threads that ask.
    pub asked_for: BlockNumber,
    /// Blocks in which an answer must be acted upon.
    pub answered_for: BlockNumber,
    /// Least bond of a thread.
    pub thread_bond: Balance,
    /// Price of an answer.
    pub answer_price: Balance,
}

/// A live job.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Job<AccountId> {
    /// Who asked for it and whose money it is.
    pub requester: AccountId,
    /// What was asked for.
    pub terms: JobTerms,
    /// Program of the model.
    pub program_hash: ProgramHash,
    /// Exact cost of a run.
    pub cost: Cost,
    /// Bytes of memory a run needs.
    pub memory: u64,
    /// Bytes of all outputs joined.
    pub output_len: u64,
    /// Roots in a trace.
    pub nodes: u32,
    /// Output nodes.
    pub outputs: BoundedVec<u16, ConstU32<MAX_OUTPUTS>>,
    /// Constants it was created under.
    pub rules: Rules,
    /// Block it was created in.
    pub created: BlockNumber,
    /// State.
    pub status: JobStatus,
    /// First block in which the state's calls are too late.
    pub deadline: BlockNumber,
    /// The draw it waits for, in `Open` and in `Assigned`; in `Sealed` that for an
    /// auditor.
    pub draw: Option<Draw>,
    /// Whether an auditor is to be drawn, or has been.
    pub audit: Audit<AccountId>,
    /// Redraws so far.
    pub redraws: u8,
    /// Who runs it.
    pub replicas: BoundedVec<Replica<AccountId>, ConstU32<MAX_SEATS>>,
    /// Who was drawn and did not accept.
    pub released: BoundedVec<Released<AccountId>, ConstU32<MAX_RELEASED>>,
    /// Held under `JobBudget` for pay.
    pub budget: Balance,
    /// Held under `JobBudget` for the audit pot, until providers are drawn.
    pub premium: Balance,
    /// Held under `JobBudget` against jobs that nobody can run: lost if too few
    /// accept.
    pub stake: Balance,
    /// Held under `JobBudget` for pokes.
    pub tip: Balance,
    /// Held under `Deposit` for the receipt to keep.
    pub deposit: Balance,
    /// Blocks the run was given, known from `Running` on.
    pub work_blocks: BlockNumber,
    /// Open threads.
    pub threads: u32,
    /// Number of the next thread.
    pub next_thread: ThreadId,
    /// Pieces the requester has asked to be delivered.
    pub deliveries: u8,
    /// Claims found to be false, or whose data were withheld.
    pub convictions: BoundedVec<Conviction<AccountId>, ConstU32<MAX_SEATS>>,
    /// Bucket of the deadline queue it waits in, or [`BACKLOG`]; `None` while it waits for its
    /// threads.
    pub queued: Option<BlockNumber>,
}

impl<AccountId: PartialEq> Job<AccountId> {
    /// Place of the live replica that `worker` signs for.
    pub fn seat_of(&self, worker: &AccountId) -> Option<usize> {
        self.replicas
            .iter()
            .position(|replica| replica.is_live() && replica.worker == *worker)
    }

    /// Whether anybody still stands by a claim.
    pub fn stands(&self) -> bool {
        self.replicas.iter().any(Replica::is_standing)
    }

    /// The auditor's replica, if there is one.
    pub fn auditor(&self) -> Option<&Replica<AccountId>> {
        let Audit::Drawn(who) = &self.audit else {
            return None;
        };
        self.replicas
            .iter()
            .find(|replica| replica.provider == *who)
    }

    /// Whether its most pay is at least `threshold`.
    pub fn is_high_value(&self, threshold: Balance) -> bool {
        let replicas = self.terms.policy.replicas().into();
        self.terms.max_pay.saturating_mul(replicas) >= threshold
    }
}

/// How a kept receipt was checked.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum Grade {
    /// One provider's word, which nobody was drawn to check; anybody could have
    /// challenged it.
    #[codec(index = 0)]
    WatchedOnly,
    /// An auditor drawn after the first commitment had the same trace.
    #[codec(index = 1)]
    Audited,
    /// Several providers were drawn at once.
    #[codec(index = 2)]
    Replicated {
        /// How many had this trace.
        agreed: u8,
        /// How many revealed one.
        of: u8,
    },
    /// One provider, which could not know when it committed whether an auditor would
    /// be drawn. None confirmed it.
    #[codec(index = 3)]
    Sampled {
        /// Of 256 such jobs, how many get an auditor.
        audit: u8,
    },
}

/// A receipt that stays in state until its owner removes it. A requester who
/// works with its own provider and a private input can obtain any receipt it
/// likes: weigh [`KeptReceipt::grade`] and the providers.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct KeptReceipt<AccountId> {
    /// Whose deposit it is.
    pub owner: AccountId,
    /// Held under `Deposit`.
    pub deposit: Balance,
    /// Model that ran.
    pub model: ModelId,
    /// Its program.
    pub program_hash: ProgramHash,
    /// Root of the input.
    pub input_root: Root,
    /// Samples in it.
    pub batch: u32,
    /// Root of the accepted trace.
    pub trace_root: Root,
    /// Root of the output.
    pub output_root: Root,
    /// Providers whose trace it is.
    pub providers: BoundedVec<AccountId, ConstU32<MAX_SEATS>>,
    /// How it was checked.
    pub grade: Grade,
    /// Block it settled in.
    pub settled: BlockNumber,
}

/// Answer of the view function `job`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct JobView<AccountId> {
    /// The job's number.
    pub id: JobId,
    /// The job, as of the state asked.
    pub job: Job<AccountId>,
    /// Trace roots revealed so far, with the output root each implies.
    pub claims: Vec<Claim>,
    /// Block from which `poke` has something to do, if it is not due already and no
    /// thread is open.
    pub due: BlockNumber,
}

/// A revealed trace.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Claim {
    /// Its root.
    pub trace_root: Root,
    /// Root of the output it implies.
    pub output_root: Root,
}

/// Answer of the view function `provider`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProviderView<AccountId> {
    /// Its account.
    pub account: AccountId,
    /// Its record.
    pub provider: Provider<AccountId>,
    /// Part of the bond that nothing locks.
    pub free: Balance,
    /// Reputation, 4 to 64.
    pub reputation: u8,
    /// Its offer.
    pub offer: Option<Offer>,
}

/// One answer of the view function `offers`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct OfferView<AccountId> {
    /// Who offers.
    pub provider: AccountId,
    /// Where to fetch outputs.
    pub endpoint: Endpoint,
    /// The offer.
    pub offer: Offer,
    /// Whether it takes part in draws now.
    pub live: bool,
    /// Slots that are free.
    pub free_slots: u8,
    /// Part of the bond that nothing locks.
    pub free_bond: Balance,
    /// Reputation, 4 to 64.
    pub reputation: u8,
}

/// Answer of the view function `quote`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct QuoteView {
    /// Held when the job is created: pay, premium and tip.
    pub held: Balance,
    /// Held beside it for the receipt.
    pub deposit: Balance,
    /// Cost of one run.
    pub cost: Cost,
    /// The same in units.
    pub units: u64,
    /// Bytes of the input.
    pub input_len: u64,
    /// Bytes of all outputs joined.
    pub output_len: u64,
    /// Offers that take the job now.
    pub eligible: u32,
    /// Their prices, cheapest first, as many as the policy draws.
    pub cheapest: Vec<Balance>,
}
