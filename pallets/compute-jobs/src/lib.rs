//! # Compute jobs pallet
//!
//! Escrow for GPU jobs: providers with bonds and offers, jobs whose pay is held
//! in full, draws by verifiable randomness, receipts by commit and reveal, and
//! settlement by rule.
//!
//! ## Pallet API
//!
//! See the [`pallet`] module for calls, storage, events and errors, and the view
//! functions `job`, `provider`, `offers`, `work`, `quote`, `claims`, `trace`,
//! `threads` and `questions` for reading.
//!
//! ## Overview
//!
//! A requester creates a job for a model version and an input named by its
//! BLAKE3 root. A few blocks later providers are drawn among the offers that
//! were already there, by the VRF outputs of blocks after the job. Each says
//! that it holds the blobs, runs the tensor program, publishes a commitment, and
//! when all have, the roots of every node's output. After a window in which
//! anybody could have objected the agreeing replicas are paid and the rest of
//! the budget returns. An objection is a *thread*: an announcement, demands for the
//! claimant's data, and a fraud proof of one element, judged in the call. A claim
//! that is proven false, or whose data are withheld, costs its replicas all their
//! collateral.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Open: create_job
//!     Open --> Assigned: draw
//!     Open --> Expired: deadline
//!     Open --> Cancelled: cancel
//!     Assigned --> Assigned: deadline, missing redrawn (twice)
//!     Assigned --> Running: all accepted
//!     Assigned --> Failed: deadline, below quorum
//!     Running --> Sealed: all committed, or deadline with quorum
//!     Running --> Claimed: reveal by the only replica
//!     Running --> Failed: deadline, below quorum
//!     Sealed --> Assigned: deadline, an auditor is drawn (once)
//!     Sealed --> Revealing: deadline
//!     Assigned --> Revealing: deadline, the auditor is missing
//!     Revealing --> Claimed: all revealed, or deadline with one
//!     Revealing --> Failed: deadline, none revealed
//!     Claimed --> Settled: deadline, one trace wins
//!     Claimed --> Failed: deadline, none wins
//!     Settled --> [*]
//!     Failed --> [*]
//!     Expired --> [*]
//!     Cancelled --> [*]
//! ```
//!
//! A thread of a `Claimed` job, which keeps it from its verdict:
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Announced: announce
//!     [*] --> Asked: deliver
//!     Announced --> Asked: demand
//!     Announced --> [*]: challenge; deadline, bond lost
//!     Asked --> Answered: answer
//!     Asked --> [*]: deadline, claim struck
//!     Answered --> Asked: demand
//!     Answered --> [*]: challenge; deadline, bond lost
//! ```
//!
//! ## Low Level / Implementation Details
//!
//! *Time.* Every live state has exactly one deadline, kept in the job. Every call
//! on a job first runs `advance`, which carries out what deadlines already passed
//! demand; `poke` is only that. Buckets of job ids per block are a to-do list for
//! `on_idle`: full ones spill into later blocks, and a job that found no room is
//! poked later, never judged otherwise.
//!
//! *Draws.* `on_initialize(b)` stores what the author of block `b − 1` drew. A
//! round that counts from block `c` uses the first three outputs after `c` and
//! offers unchanged since before `c`, whenever the call comes, so whoever calls
//! can choose neither. See [`draw`] for the sampling.
//!
//! *Audits.* The draw for an auditor counts from the block the commitment was
//! sealed in, so that a provider commits before anybody can know whether it will
//! be checked, and by whom. The auditor is one more replica of the same job; its
//! pay comes from a pot that all audited jobs pay a premium into.
//!
//! *Money.* Budgets, bonds and deposits are `fungible` holds. All payments of a
//! job happen when it ends, out of the requester's and the struck providers'
//! holds. See `docs/spec/compute-jobs.md` for the table.
//!
//! ## Properties
//!
//! - *Nobody's goodwill*: each live job can be brought to its end by anybody,
//!   with calls that anybody may make.
//! - *Covered*: the collateral of live assignments never exceeds the bond, and a
//!   job's pay never exceeds what is held for it.
//! - *Conserved*: no call creates or burns money. A payment its receiver's
//!   account cannot take goes to the treasury, and if that cannot take it either,
//!   back to whose hold it was.
//! - *Late at worst*: when blocks are full or a bucket is, transitions happen
//!   later; deadlines for calls stay where they are.
//! - *Not promised*: that a result is right. A wrong one costs its providers
//!   their collateral once it is shown to be wrong, or outvoted.
//! - *Disputable*: whoever can run a job can show its false claims to be false within
//!   the window, whatever the claimant does and however many threads others open.
//! - *Bounded*: no thread lives longer than a few of its deadlines, none is opened
//!   after the window, and each is closed on its own.

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
mod audit;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod crypto;
pub mod disputes;
pub mod draw;
mod jobs;
mod money;
mod offchain;
mod providers;
mod queue;
mod try_state;
pub mod types;
mod views;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use disputes::types::*;
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
// What FRAME's macros expand to; our own code is in the other modules, or here without it.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::*;
    use crate::disputes::Convicted;
    use alloc::boxed::Box;
    use alloc::vec::Vec;
    use athanor_primitives::{
        Asked, JobId, ModelId, ModelRegistry, Opening, Question, Root, ThreadId, Ticket, Value,
    };
    use athanor_tensor_program::judge::FraudProof;
    use frame_support::{
        dispatch::PostDispatchInfo,
        pallet_prelude::*,
        traits::fungible::{hold, Inspect, Mutate},
        PalletId,
    };
    use frame_system::{
        offchain::{AppCrypto, CreateSignedTransaction},
        pallet_prelude::*,
    };
    use sp_runtime::{Permill, SaturatedConversion};

    /// Version of the storage layout.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// See the crate documentation.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime has to supply.
    #[pallet::config]
    pub trait Config:
        CreateSignedTransaction<Call<Self>>
        + frame_system::Config<
            RuntimeEvent: From<Event<Self>>,
            AccountId: Into<[u8; 32]> + From<[u8; 32]>,
        >
    {
        /// Weights of this pallet's calls and hooks.
        type WeightInfo: WeightInfo;

        /// The currency jobs are paid in.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + Mutate<Self::AccountId>
            + hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;

        /// Where models and their costs are looked up.
        type Models: ModelRegistry;

        /// The audit pot's account is derived from it. Like the treasury's it should
        /// hold the existential deposit from genesis on.
        #[pallet::constant]
        type PalletId: Get<PalletId>;

        /// Account that fees, slashes and what rounding leaves go to. It must hold
        /// the existential deposit from genesis on, or small amounts cannot reach it.
        type Treasury: Get<Self::AccountId>;

        /// VRF output of the *previous* block's author, as
        /// `pallet_babe::AuthorVrfRandomness` has it while a block runs. `None` if
        /// that block had none.
        type AuthorVrf: Get<Option<[u8; 32]>>;

        /// Index of the running epoch and the randomness of the next, as
        /// `pallet_babe::{EpochIndex, NextRandomness}` have them. Draws for jobs of
        /// at least [`Config::HighValue`] use it. `None` turns that off: all draws
        /// use [`Config::AuthorVrf`].
        type EpochRandomness: Get<Option<(u64, [u8; 32])>>;

        /// The key the off-chain worker signs with, see [`crypto::WorkerKey`].
        type WorkerKey: AppCrypto<Self::Public, Self::Signature>;

        /// The key it disputes the claims of others with, see [`crypto::WatcherKey`].
        type WatcherKey: AppCrypto<Self::Public, Self::Signature>;

        /// Bond of a provider at registration and when leaving jail. Bounds the
        /// number of providers and covers the small jobs of a newcomer.
        #[pallet::constant]
        type MinBond: Get<Balance>;

        /// Least collateral of an assignment: dearer than a refusal to reveal is
        /// worth to anybody.
        #[pallet::constant]
        type MinCollateral: Get<Balance>;

        /// Free balance each settlement fills a worker key's account up to, enough
        /// for the fees of several jobs. At least the existential deposit.
        #[pallet::constant]
        type WorkerFloat: Get<Balance>;

        /// Share of each pay that goes to the treasury, φ.
        #[pallet::constant]
        type ProtocolFee: Get<Permill>;

        /// Most offers at a time. A draw reads them all.
        #[pallet::constant]
        type MaxOffers: Get<u32>;

        /// Blocks in which a job must find eligible offers, also for a redraw. At
        /// least one round.
        #[pallet::constant]
        type OpenFor: Get<BlockNumber>;

        /// The same for jobs of at least [`Config::HighValue`]: more than three epochs.
        #[pallet::constant]
        type OpenForHighValue: Get<BlockNumber>;

        /// Sum of a job's most pay from which epoch randomness is used, if there is any.
        #[pallet::constant]
        type HighValue: Get<Balance>;

        /// Blocks between two rounds of a draw; at least 4, or a round would end
        /// before its seed.
        #[pallet::constant]
        type RoundBlocks: Get<BlockNumber>;

        /// Blocks to accept a job in, beyond the time for fetching its blobs.
        #[pallet::constant]
        type AcceptBase: Get<BlockNumber>;

        /// Blocks to compute in, beyond four times the declared time.
        #[pallet::constant]
        type WorkBase: Get<BlockNumber>;

        /// Blocks between the last commitment and the first reveal: longer than
        /// re-orgs are deep.
        #[pallet::constant]
        type SealBlocks: Get<BlockNumber>;

        /// Blocks to reveal in. Missing it costs the whole collateral, so it is long.
        #[pallet::constant]
        type RevealBlocks: Get<BlockNumber>;

        /// Least window, to which twice the work time is added.
        #[pallet::constant]
        type MinWindow: Get<BlockNumber>;

        /// Longest window: collateral is locked so long.
        #[pallet::constant]
        type MaxWindow: Get<BlockNumber>;

        /// Largest `max_wait`: requester and fast providers wait so long for the slowest.
        #[pallet::constant]
        type MaxWait: Get<BlockNumber>;

        /// Blocks between `deregister` and `withdraw`.
        #[pallet::constant]
        type UnbondingBlocks: Get<BlockNumber>;

        /// Blocks in jail after the first fault; each further one doubles them, six
        /// times at most.
        #[pallet::constant]
        type JailBlocks: Get<BlockNumber>;

        /// Deposit for a kept receipt.
        #[pallet::constant]
        type ReceiptDeposit: Get<Balance>;

        /// Paid from the tip for each poked transition.
        #[pallet::constant]
        type PokeReward: Get<Balance>;

        /// Held of a requester for each provider drawn at first, and lost if too few
        /// accept: dearer than the use of slots and collateral that a job nobody can
        /// run keeps from others.
        #[pallet::constant]
        type SeatStake: Get<Balance>;

        /// Jobs and threads in one bucket of the deadline queue.
        #[pallet::constant]
        type MaxDeadlinesPerBlock: Get<u32>;

        /// Milliseconds per block, to turn declared times into blocks. At least 1.
        #[pallet::constant]
        type BlockTimeMs: Get<u64>;

        /// Protocol fees with which a provider's reputation starts to rise: 15
        /// doublings above it is the most. At least 1.
        #[pallet::constant]
        type ReputationUnit: Get<Balance>;

        /// Blocks in which the fees that count for reputation halve. At least 1.
        #[pallet::constant]
        type ReputationHalfLife: Get<BlockNumber>;

        /// Blocks between an announcement and the challenge or demand it announces: a
        /// proof seen in the pool comes too late to be announced.
        #[pallet::constant]
        type AnnounceBlocks: Get<BlockNumber>;

        /// Blocks in which an announcement must be acted upon, long enough to get a
        /// call into full blocks. More than [`Config::AnnounceBlocks`].
        #[pallet::constant]
        type AnnouncedFor: Get<BlockNumber>;

        /// Blocks to answer a demand in, to which [`ASKED_EACH`] are added for each
        /// other thread asking the same claimant. Missing it costs the whole
        /// collateral, so it is long.
        #[pallet::constant]
        type AskedFor: Get<BlockNumber>;

        /// Blocks in which an answer must be followed by a demand or a challenge.
        #[pallet::constant]
        type AnsweredFor: Get<BlockNumber>;

        /// Least bond of a thread, which delays a job's verdict.
        #[pallet::constant]
        type ThreadBond: Get<Balance>;

        /// Paid to a claimant for an answer: about twice the fee of its 32 KiB.
        #[pallet::constant]
        type AnswerPrice: Get<Balance>;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A requester's: pay, audit premium, stake and tip of live jobs.
        #[codec(index = 0)]
        JobBudget,
        /// A provider's: what its faults are paid from.
        #[codec(index = 1)]
        ProviderBond,
        /// A challenger's: bond of a thread and what it prepaid for answers.
        #[codec(index = 2)]
        ThreadBond,
        /// For a kept receipt.
        #[codec(index = 3)]
        Deposit,
        /// The audit pot's: pay of auditors at work.
        #[codec(index = 4)]
        AuditPay,
    }

    // Accounts are chosen by their owners, hence Blake2_128Concat throughout. Ids and
    // block numbers are ours to count, hence Twox64Concat.

    /// Providers by account.
    #[pallet::storage]
    pub type Providers<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Provider<T::AccountId>>;

    /// Provider a worker key signs for in jobs drawn from now on.
    #[pallet::storage]
    pub type WorkerOf<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId>;

    /// Offers by provider, at most [`Config::MaxOffers`].
    #[pallet::storage]
    pub type Offers<T: Config> = CountedStorageMap<_, Blake2_128Concat, T::AccountId, Offer>;

    /// Live jobs.
    #[pallet::storage]
    pub type Jobs<T: Config> = StorageMap<_, Twox64Concat, JobId, Job<T::AccountId>>;

    /// Number of the next job.
    #[pallet::storage]
    pub type NextJobId<T: Config> = StorageValue<_, JobId, ValueQuery>;

    /// Live jobs each worker key is assigned to.
    #[pallet::storage]
    pub type Assignments<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, AssignedJobs, ValueQuery>;

    /// Node roots of each trace revealed for a live job, so that watchers need no
    /// old block.
    #[pallet::storage]
    pub type NodeRoots<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Blake2_128Concat, Root, Trace>;

    /// Receipts kept on request.
    #[pallet::storage]
    pub type Receipts<T: Config> = StorageMap<_, Twox64Concat, JobId, KeptReceipt<T::AccountId>>;

    /// Open threads by job.
    #[pallet::storage]
    pub type Threads<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, ThreadId, Thread<T::AccountId>>;

    /// Answers by job, thread and place in the thread. They stay until the thread is
    /// closed, so that a challenger needs no old block.
    #[pallet::storage]
    pub type Answers<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Twox64Concat, JobId>,
            NMapKey<Twox64Concat, ThreadId>,
            NMapKey<Twox64Concat, u8>,
        ),
        AnswerBytes,
    >;

    /// Open thread whose demand about a claim and node was answered first: it has a
    /// share in the reward. By job, trace root and node.
    // A trace root is chosen by who reveals it, hence Blake2_128Concat.
    #[pallet::storage]
    pub type FirstAnswered<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Twox64Concat, JobId>,
            NMapKey<Blake2_128Concat, Root>,
            NMapKey<Twox64Concat, u16>,
        ),
        ThreadId,
    >;

    /// VRF output of each of the last [`draw::SEEDS_KEPT`] blocks that had one.
    #[pallet::storage]
    pub type Seeds<T: Config> = StorageMap<_, Twox64Concat, BlockNumber, [u8; 32]>;

    /// Next epoch's randomness as first seen in each of the last
    /// [`draw::EPOCHS_KEPT`] epochs.
    #[pallet::storage]
    pub type EpochSeeds<T: Config> = StorageMap<_, Twox64Concat, u64, [u8; 32]>;

    /// Jobs and threads with something to do in a block, or soon after.
    #[pallet::storage]
    pub type Deadlines<T: Config> = StorageMap<
        _,
        Twox64Concat,
        BlockNumber,
        BoundedVec<Due, <T as Config>::MaxDeadlinesPerBlock>,
        ValueQuery,
    >;

    /// Jobs and threads that no bucket had room for, and such that found room since.
    #[pallet::storage]
    pub type Backlog<T: Config> = StorageMap<_, Twox64Concat, u64, Due>;

    /// Place of the first entry of [`Backlog`].
    #[pallet::storage]
    pub type BacklogStart<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// Place of the next entry of [`Backlog`].
    #[pallet::storage]
    pub type BacklogEnd<T: Config> = StorageValue<_, u64, ValueQuery>;

    /// First block whose bucket may still hold entries.
    #[pallet::storage]
    pub type QueueCursor<T: Config> = StorageValue<_, BlockNumber, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A provider registered and its bond is held.
        ProviderRegistered {
            /// Its account.
            provider: T::AccountId,
            /// The key that signs for it.
            worker: T::AccountId,
            /// Amount held.
            bond: Balance,
        },
        /// Another key signs for a provider in jobs drawn from now on.
        WorkerSet {
            /// The provider.
            provider: T::AccountId,
            /// The key.
            worker: T::AccountId,
        },
        /// A provider's bond grew.
        BondAdded {
            /// The provider.
            provider: T::AccountId,
            /// By how much.
            amount: Balance,
        },
        /// An offer was made or changed.
        OfferSet {
            /// Whose.
            provider: T::AccountId,
        },
        /// An offer takes part in no further draw.
        OfferPaused {
            /// Whose.
            provider: T::AccountId,
            /// Three releases in a row did it, not its owner.
            automatic: bool,
        },
        /// An offer takes part in draws for later jobs again.
        OfferResumed {
            /// Whose.
            provider: T::AccountId,
        },
        /// An offer was removed: its provider deregistered, or another took its place.
        OfferRemoved {
            /// Whose.
            provider: T::AccountId,
        },
        /// A provider's bond is unbonding.
        ProviderDeregistered {
            /// The provider.
            provider: T::AccountId,
            /// Block from which it may be withdrawn.
            until: BlockNumber,
        },
        /// A provider's bond was given back and its record removed.
        BondWithdrawn {
            /// The provider.
            provider: T::AccountId,
            /// Amount released.
            amount: Balance,
        },
        /// A provider is out of all draws.
        ProviderJailed {
            /// The provider.
            provider: T::AccountId,
            /// Block from which it may call `unjail`.
            until: BlockNumber,
        },
        /// A provider is back in draws for later jobs.
        ProviderUnjailed {
            /// The provider.
            provider: T::AccountId,
        },
        /// A job was created and its budget is held.
        JobCreated {
            /// The job.
            job: JobId,
            /// Whose.
            requester: T::AccountId,
            /// Model to run.
            model: ModelId,
            /// Held for pay, audit premium, stake and tip.
            held: Balance,
            /// First block in which it expires without a draw.
            deadline: BlockNumber,
        },
        /// A job changed to a state with a deadline. A redraw is `Assigned` again.
        JobAdvanced {
            /// The job.
            job: JobId,
            /// Its state now.
            status: JobStatus,
            /// First block in which that state's calls are too late.
            deadline: BlockNumber,
        },
        /// A provider was drawn for a job.
        ReplicaAssigned {
            /// The job.
            job: JobId,
            /// Who was drawn.
            provider: T::AccountId,
            /// The key that signs.
            worker: T::AccountId,
            /// What it will be paid.
            pay: Balance,
            /// What it stands to lose.
            collateral: Balance,
        },
        /// A provider holds input and weights.
        ReplicaAccepted {
            /// The job.
            job: JobId,
            /// Who.
            provider: T::AccountId,
        },
        /// A provider did not accept in time and is free again.
        ReplicaReleased {
            /// The job.
            job: JobId,
            /// Who.
            provider: T::AccountId,
        },
        /// A provider is done and committed to its trace.
        ReplicaCommitted {
            /// The job.
            job: JobId,
            /// Who.
            provider: T::AccountId,
            /// Hash of trace root and salt.
            commitment: [u8; 32],
        },
        /// A provider showed its trace.
        ReplicaRevealed {
            /// The job.
            job: JobId,
            /// Who.
            provider: T::AccountId,
            /// Root of the trace.
            trace_root: Root,
            /// Root of the output.
            output_root: Root,
            /// The output, if it was asked for and nobody had shown this trace.
            output: Option<InlineOutput>,
        },
        /// A provider was found at fault.
        ReplicaStruck {
            /// The job.
            job: JobId,
            /// Who.
            provider: T::AccountId,
            /// What for.
            fault: Fault,
            /// What it loses, at once or when the job ends.
            amount: Balance,
        },
        /// A provider was paid.
        ReplicaPaid {
            /// The job.
            job: JobId,
            /// Who.
            provider: T::AccountId,
            /// Its pay, fee included.
            pay: Balance,
            /// What of it went to the treasury.
            fee: Balance,
            /// What of it filled up the worker key's account.
            to_worker: Balance,
        },
        /// A requester was compensated out of a struck provider's collateral.
        RequesterCompensated {
            /// The job.
            job: JobId,
            /// By whom.
            provider: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// A result was accepted and paid.
        JobSettled {
            /// The job.
            job: JobId,
            /// Root of the accepted trace.
            trace_root: Root,
            /// Root of the output.
            output_root: Root,
            /// How it was checked.
            grade: Grade,
            /// What of budget, premium, stake and tip returned.
            refunded: Balance,
        },
        /// A job ended without a result.
        JobFailed {
            /// The job.
            job: JobId,
            /// Why.
            reason: FailReason,
            /// What of budget, premium, stake and tip returned.
            refunded: Balance,
        },
        /// A job found no eligible offers in time.
        JobExpired {
            /// The job.
            job: JobId,
            /// What of budget, premium, stake and tip returned.
            refunded: Balance,
        },
        /// A job was cancelled by its requester.
        JobCancelled {
            /// The job.
            job: JobId,
            /// What of budget, premium, stake and tip returned.
            refunded: Balance,
        },
        /// Somebody carried out what was due.
        JobPoked {
            /// The job.
            job: JobId,
            /// Who.
            poker: T::AccountId,
            /// What the tip paid.
            reward: Balance,
        },
        /// A receipt stays in state.
        ReceiptKept {
            /// The job it is of.
            job: JobId,
        },
        /// A kept receipt was removed and its deposit returned.
        ReceiptRemoved {
            /// The job it was of.
            job: JobId,
        },
        /// A thread was opened.
        ThreadOpened {
            /// The job.
            job: JobId,
            /// The thread.
            thread: ThreadId,
            /// Who opened it.
            challenger: T::AccountId,
            /// What for.
            kind: ThreadKind,
            /// Held until it is closed.
            bond: Balance,
            /// First block in which its calls are too late.
            deadline: BlockNumber,
        },
        /// A claimant has to show data, or its claim is struck.
        DataDemanded {
            /// The job.
            job: JobId,
            /// The thread.
            thread: ThreadId,
            /// The claim.
            trace_root: Root,
            /// Which tensor.
            value: Value,
            /// What of it.
            asked: Asked,
            /// First block in which an answer is too late.
            deadline: BlockNumber,
        },
        /// A claimant showed data and was paid for it.
        DataAnswered {
            /// The job.
            job: JobId,
            /// The thread.
            thread: ThreadId,
            /// The key that answered.
            worker: T::AccountId,
            /// First block in which the next demand or a challenge is too late.
            deadline: BlockNumber,
        },
        /// A claim was shown to be false, or its data were withheld.
        ClaimStruck {
            /// The job.
            job: JobId,
            /// The claim.
            trace_root: Root,
            /// Which of the two.
            fault: Fault,
            /// Who proved it, or asked in vain.
            prover: T::AccountId,
            /// Whose demand about the same node was answered first, else the same.
            asker: T::AccountId,
        },
        /// A thread was closed, and what was prepaid in it returned.
        ThreadClosed {
            /// The job.
            job: JobId,
            /// The thread.
            thread: ThreadId,
            /// How it ended.
            end: ThreadEnd,
            /// What of its bond was lost.
            lost: Balance,
        },
        /// A share of a struck provider's collateral went to who showed its claim to be
        /// false.
        ChallengerRewarded {
            /// The job.
            job: JobId,
            /// Whose collateral.
            provider: T::AccountId,
            /// To whom.
            challenger: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// An account could not take a payment; it went to the treasury or stayed
        /// with whose hold it was.
        PaymentDiverted {
            /// Who should have had it.
            intended: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// A job's premium went into the audit pot.
        PremiumPaid {
            /// The job.
            job: JobId,
            /// How much.
            amount: Balance,
        },
        /// It was drawn whether a job is audited.
        AuditDrawn {
            /// The job.
            job: JobId,
            /// Whether the seed called for an auditor.
            called: bool,
            /// Who it is. Nobody if none was called for, no offer was eligible, or
            /// the pot could pay none that was.
            auditor: Option<T::AccountId>,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// This account is a provider already. Use `set_worker`, `set_offer` or
        /// `add_bond`; to start anew, `deregister` and `withdraw` first.
        AlreadyRegistered,
        /// This account is not a registered provider. Call `register_provider` first.
        NotAProvider,
        /// The worker key signs for a provider already. Use a key of its own for
        /// each provider.
        WorkerTaken,
        /// The worker key has not agreed to sign for this provider. Give its signature
        /// of the consent: `athanor provider consent` makes it.
        NoConsent,
        /// The worker key has unfinished jobs. Wait until they end or use another key.
        WorkerBusy,
        /// The provider is unbonding. Once it is withdrawn, register again.
        Unbonding,
        /// The provider has live assignments. Pause the offer and wait until the
        /// jobs have ended.
        StillLiable,
        /// The provider is not unbonding. It has to call `deregister` first.
        NotUnbonding,
        /// The unbonding time is not over. See `unbonding_until` of the provider.
        StillUnbonding,
        /// The provider is not in jail.
        NotJailed,
        /// The jail time is not over. See `jailed_until` of the provider.
        StillJailed,
        /// The bond is below `MinBond`. Call `add_bond` with the difference first.
        BondTooSmall,
        /// The amount is zero. Give the amount to add.
        ZeroAmount,
        /// An offer needs 1 to 64 slots.
        BadSlots,
        /// An offer needs a bandwidth of at least one byte per second.
        BadBandwidth,
        /// An offer must be valid beyond this block. Raise `valid_until`.
        OfferOver,
        /// The list of models is empty, so the offer would take no job. List a
        /// model or use `AnyUpTo`.
        NoModels,
        /// There are as many offers as there may be, and none has less free bond.
        /// Call `add_bond` or wait.
        TooManyOffers,
        /// The provider has no offer. Call `set_offer` first.
        NoOffer,
        /// The offer is paused already.
        AlreadyPaused,
        /// The offer is not paused.
        NotPaused,
        /// The model does not exist or is retired, or its program does not take so
        /// many samples. See the view functions of the programs pallet.
        UnknownModel,
        /// `Replicated` takes 1 to 7 providers and a quorum of more than half and
        /// at most all of them.
        BadQuorum,
        /// The audit rate must be 0, 4, 8, 16, 32 or 64 of 256.
        BadAuditRate,
        /// The window is shorter than `MinWindow` or longer than `MaxWindow`.
        BadWindow,
        /// `max_wait` is less than `WorkBase`, so that no offer could be eligible,
        /// or more than `MaxWait`.
        BadMaxWait,
        /// The output cannot be revealed inline: the program has several, or it is
        /// larger than 1 KiB at this batch. Use a smaller batch or fetch it by root.
        OutputNotInline,
        /// The amounts add up to more than there can be. Lower `max_pay` or `tip`.
        BudgetOverflow,
        /// There is no live job of this number. It may have ended: see its events.
        NoSuchJob,
        /// The job is not in a state that allows this, or its deadline has passed.
        /// See its `status` and `deadline`.
        UnexpectedStatus,
        /// Only the job's requester may do this.
        NotRequester,
        /// This key is not assigned to the job. Sign with the worker key the
        /// provider had when it was drawn.
        NotAssigned,
        /// This replica has accepted already.
        AlreadyAccepted,
        /// This replica has committed already, and a commitment is final.
        AlreadyCommitted,
        /// This replica has revealed already.
        AlreadyRevealed,
        /// This replica has not committed. Call `commit` in time; only the single
        /// replica of an unaudited job may reveal at once.
        NotCommitted,
        /// Salt and trace do not give the commitment. Reveal what was committed to,
        /// with the key that committed.
        CommitmentMismatch,
        /// A trace must have one root for every node of the program.
        WrongTraceLength,
        /// No other replica of this job has revealed this trace. Reveal all its
        /// node roots.
        UnknownTrace,
        /// The job wants its output inline. Give the output with the first reveal of a
        /// trace.
        OutputMissing,
        /// The job does not want its output inline. Leave it out.
        OutputNotWanted,
        /// The output does not hash to its entry of the trace, or has the wrong length.
        OutputMismatch,
        /// Nothing is due for this job. See `due` of its view.
        NothingDue,
        /// No receipt of this job is kept.
        NoSuchReceipt,
        /// Only who paid the deposit of a receipt may remove it.
        NotReceiptOwner,
        /// Job numbers are used up.
        TooManyJobs,
        /// There is no open thread of this number. It may have been closed: see its
        /// events.
        NoSuchThread,
        /// The job has had as many threads as can be numbered.
        TooManyThreads,
        /// Only who opened a thread may go on with it.
        NotChallenger,
        /// The announcement is not old enough. Wait `announce_blocks` of the job's rules.
        AnnouncementTooYoung,
        /// The opening is not that of the announcement: it must be made for this chain,
        /// job and account.
        AnnouncementMismatch,
        /// Nothing was announced openly yet. Give the opening.
        OpeningMissing,
        /// The thread's opening is known. Leave it out, and ask for a group of the last
        /// answer.
        AlreadyOpened,
        /// No replica of this job revealed this trace. See `claims`.
        NoSuchClaim,
        /// The claim has been struck. There is nothing to ask for.
        ClaimStruck,
        /// The proof is about another node than the announcement. Announce the node
        /// that is proven wrong.
        WrongNode,
        /// A proof has at most 49,152 bytes.
        ProofTooLong,
        /// The program has no such node.
        NoSuchNode,
        /// The node's output has no such element.
        NoSuchElement,
        /// A proof has one slice for each operand of its node.
        WrongOperandCount,
        /// The witness is missing, out of range, or not used by this operator.
        BadWitness,
        /// The slice of the claimed output does not open its root at the element.
        BadClaimedSlice,
        /// The slice of an operand does not open its root where it has to.
        BadOperandSlice,
        /// The proof shows that the element is right. Only wrong ones convict.
        ProofHarmless,
        /// The proof met what a stored program and claim exclude: report this.
        NotJudged,
        /// Only the announced node and its operands can be asked for: nodes, the input,
        /// and constants given by root. Announce another node.
        NotAnOperand,
        /// The thread has had all its answers. Send the proof.
        TooManyAnswers,
        /// The last answer has no such group, or is the bytes themselves.
        NoSuchGroup,
        /// The number of siblings is not that of the levels up to what was asked last.
        WrongPathLength,
        /// Group and siblings do not lead to what was asked last. Take them from the
        /// last answer.
        DemandMismatch,
        /// Only a worker key of a replica that stands by the claim may answer.
        NotClaimant,
        /// The answer's length is not that of what was asked.
        WrongAnswerLength,
        /// The answer does not hash to what was claimed.
        AnswerMismatch,
        /// The requester has asked for as many pieces as one may. Split the work over
        /// several jobs.
        TooManyDeliveries,
        /// The program has no such output, or the output no such piece.
        NoSuchPiece,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(n: BlockNumberFor<T>) -> Weight {
            Self::note_seeds(n.saturated_into());
            T::WeightInfo::on_initialize()
        }

        fn on_idle(n: BlockNumberFor<T>, remaining: Weight) -> Weight {
            Self::work_off_queue(n.saturated_into(), remaining)
        }

        fn offchain_worker(n: BlockNumberFor<T>) {
            Self::offchain_run(n.saturated_into());
        }

        fn integrity_test() {
            assert!(T::MaxOffers::get() > 0, "MaxOffers must be at least 1");
            assert!(
                T::MaxDeadlinesPerBlock::get() > 0,
                "MaxDeadlinesPerBlock must be at least 1"
            );
            assert!(T::BlockTimeMs::get() > 0, "BlockTimeMs must be at least 1");
            assert!(
                T::ReputationUnit::get() > 0,
                "ReputationUnit must be at least 1"
            );
            assert!(
                T::ReputationHalfLife::get() > 0,
                "ReputationHalfLife must be at least 1"
            );
            assert!(
                T::RoundBlocks::get() > draw::SEEDS_PER_ROUND,
                "RoundBlocks is too short"
            );
            assert!(
                T::OpenFor::get() >= T::RoundBlocks::get(),
                "OpenFor is below RoundBlocks"
            );
            assert!(T::SealBlocks::get() > 0, "SealBlocks must be at least 1");
            assert!(
                T::RevealBlocks::get() > 0,
                "RevealBlocks must be at least 1"
            );
            assert!(T::AcceptBase::get() > 0, "AcceptBase must be at least 1");
            assert!(T::WorkBase::get() > 0, "WorkBase must be at least 1");
            assert!(
                T::MaxWait::get() >= T::WorkBase::get(),
                "MaxWait is below WorkBase"
            );
            assert!(T::MinWindow::get() > 0, "MinWindow must be at least 1");
            assert!(
                T::MaxWindow::get() >= T::MinWindow::get(),
                "MaxWindow is below MinWindow"
            );
            assert!(
                T::AnnouncedFor::get() > T::AnnounceBlocks::get(),
                "AnnouncedFor is not above AnnounceBlocks"
            );
            assert!(T::AskedFor::get() > 0, "AskedFor must be at least 1");
            assert!(T::AnsweredFor::get() > 0, "AnsweredFor must be at least 1");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_n: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Register as a provider.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the provider.
        ///
        /// ## Details
        ///
        /// Holds [`Config::MinBond`] of the provider's balance. An offer is a
        /// separate call.
        ///
        /// ## Parameters
        ///
        /// - `worker`: the key that signs for the provider, in the keystore of one
        ///   node (two would hold different salts). It serves one provider.
        /// - `endpoint`: where requesters' clients may fetch outputs.
        /// - `consent`: the worker key's sr25519 signature of
        ///   [`athanor_primitives::worker_consent`].
        ///
        /// ## Events
        ///
        /// [`Event::ProviderRegistered`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register_provider())]
        pub fn register_provider(
            origin: OriginFor<T>,
            worker: T::AccountId,
            endpoint: Endpoint,
            consent: [u8; 64],
        ) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::ensure_consent(&provider, &worker, consent)?;
            Self::do_register_provider(provider, worker, endpoint)
        }

        /// Let another key sign for the provider.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the provider.
        ///
        /// ## Details
        ///
        /// Counts for jobs drawn from now on. The old key finishes its own.
        ///
        /// ## Parameters
        ///
        /// - `worker`: the key, without unfinished jobs.
        /// - `consent`: its sr25519 signature of [`athanor_primitives::worker_consent`].
        ///
        /// ## Events
        ///
        /// [`Event::WorkerSet`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::set_worker())]
        pub fn set_worker(
            origin: OriginFor<T>,
            worker: T::AccountId,
            consent: [u8; 64],
        ) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::ensure_consent(&provider, &worker, consent)?;
            Self::do_set_worker(provider, worker)
        }

        /// Make or change the provider's offer.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the provider.
        ///
        /// ## Details
        ///
        /// Counts for draws of jobs created after it, and un-pauses. When there are
        /// [`Config::MaxOffers`] offers, a new one takes the place of one that is
        /// not live, or of the live one with the least free bond if its own is more.
        ///
        /// ## Parameters
        ///
        /// - `offer`: the terms.
        ///
        /// ## Events
        ///
        /// [`Event::OfferSet`], perhaps [`Event::OfferRemoved`] of another provider.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_offer())]
        pub fn set_offer(origin: OriginFor<T>, offer: OfferTerms) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::do_set_offer(provider, offer)
        }

        /// Take the provider's offer out of all draws, at once.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the provider.
        ///
        /// ## Details
        ///
        /// Jobs it was drawn for go on.
        ///
        /// ## Events
        ///
        /// [`Event::OfferPaused`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::pause())]
        pub fn pause(origin: OriginFor<T>) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::do_pause(provider)
        }

        /// Put the provider's offer back into the draws of later jobs.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the provider.
        ///
        /// ## Details
        ///
        /// Counts for draws of jobs created after it.
        ///
        /// ## Events
        ///
        /// [`Event::OfferResumed`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::resume())]
        pub fn resume(origin: OriginFor<T>) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::do_resume(provider)
        }

        /// Start unbonding.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the provider.
        ///
        /// ## Details
        ///
        /// Refused while the provider has live assignments. Removes its offer.
        /// [`Config::UnbondingBlocks`] later anybody may call `withdraw`.
        ///
        /// ## Events
        ///
        /// [`Event::ProviderDeregistered`], [`Event::OfferRemoved`] if it had one.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::deregister())]
        pub fn deregister(origin: OriginFor<T>) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::do_deregister(provider)
        }

        /// Give an unbonded provider's bond back.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody.
        ///
        /// ## Details
        ///
        /// Releases the whole bond to the provider and removes its record.
        ///
        /// ## Parameters
        ///
        /// - `provider`: whose.
        ///
        /// ## Events
        ///
        /// [`Event::BondWithdrawn`].
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>, provider: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_withdraw(provider)
        }

        /// Leave jail.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the provider.
        ///
        /// ## Details
        ///
        /// After the jail time, with a bond of at least [`Config::MinBond`]. The
        /// offer counts for draws of jobs created after it.
        ///
        /// ## Events
        ///
        /// [`Event::ProviderUnjailed`].
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::unjail())]
        pub fn unjail(origin: OriginFor<T>) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::do_unjail(provider)
        }

        /// Add to the provider's bond.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the provider.
        ///
        /// ## Details
        ///
        /// More free bond weighs more in draws, so this counts as a change of the
        /// offer: it takes part in draws of jobs created after it.
        ///
        /// ## Parameters
        ///
        /// - `amount`: held in addition.
        ///
        /// ## Events
        ///
        /// [`Event::BondAdded`].
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::add_bond())]
        pub fn add_bond(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
            let provider = ensure_signed(origin)?;
            Self::do_add_bond(provider, amount)
        }

        /// Create a job.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester.
        ///
        /// ## Details
        ///
        /// Holds `n · max_pay + tip`, the audit premium `max_pay · audit / 256`,
        /// [`Config::SeatStake`] `n` times, and [`Config::ReceiptDeposit`] if the
        /// receipt is to be kept. Whatever is not paid out returns when the job ends;
        /// the premium is paid when providers are drawn, tip and stake are lost if too
        /// few of them accept.
        ///
        /// ## Parameters
        ///
        /// - `terms`: model, input, policy and limits.
        ///
        /// ## Events
        ///
        /// [`Event::JobCreated`].
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::create_job().saturating_add(T::WeightInfo::queue_job()))]
        pub fn create_job(origin: OriginFor<T>, terms: JobTerms) -> DispatchResult {
            let requester = ensure_signed(origin)?;
            Self::do_create_job(requester, terms)
        }

        /// Cancel a job nobody was drawn for.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester.
        ///
        /// ## Details
        ///
        /// Only while `Open`, and not once its draw can be carried out: the work in
        /// hand runs its course and is paid.
        ///
        /// ## Parameters
        ///
        /// - `job`: which.
        ///
        /// ## Events
        ///
        /// [`Event::JobCancelled`].
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::cancel().saturating_add(Pallet::<T>::most_advance()))]
        pub fn cancel(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let requester = ensure_signed(origin)?;
            let spent = Self::do_cancel(requester, job)?;
            Ok(Some(T::WeightInfo::cancel().saturating_add(spent)).into())
        }

        /// Say that input and weights are held and match their roots.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the worker key of an assigned provider.
        ///
        /// ## Details
        ///
        /// From here on being late costs collateral.
        ///
        /// ## Parameters
        ///
        /// - `job`: which.
        ///
        /// ## Events
        ///
        /// [`Event::ReplicaAccepted`].
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::accept().saturating_add(Pallet::<T>::most_advance()))]
        pub fn accept(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let worker = ensure_signed(origin)?;
            let spent = Self::do_accept(worker, job)?;
            Ok(Some(T::WeightInfo::accept().saturating_add(spent)).into())
        }

        /// Commit to a trace.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the worker key of an assigned provider.
        ///
        /// ## Details
        ///
        /// Final. Counts as `accept` too. Salt and trace have to be kept safe: not
        /// revealing costs the whole collateral.
        ///
        /// ## Parameters
        ///
        /// - `job`: which.
        /// - `commitment`: see [`athanor_primitives::commitment`].
        ///
        /// ## Events
        ///
        /// [`Event::ReplicaCommitted`].
        #[pallet::call_index(12)]
        #[pallet::weight((
            T::WeightInfo::commit().saturating_add(Pallet::<T>::most_advance()),
            DispatchClass::Operational,
        ))]
        pub fn commit(
            origin: OriginFor<T>,
            job: JobId,
            commitment: [u8; 32],
        ) -> DispatchResultWithPostInfo {
            let worker = ensure_signed(origin)?;
            let spent = Self::do_commit(worker, job, commitment)?;
            Ok(Some(T::WeightInfo::commit().saturating_add(spent)).into())
        }

        /// Show the trace that was committed to.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the worker key of an assigned provider.
        ///
        /// ## Details
        ///
        /// The first who reveals a trace gives the roots of every node, and the
        /// output if the job wants it inline; the others name the trace root. The
        /// only replica of an unaudited job may call this without `commit`; its
        /// salt is then ignored.
        ///
        /// ## Parameters
        ///
        /// - `job`: which.
        /// - `salt`: of the commitment.
        /// - `trace`: node roots, or the root of a trace revealed before.
        /// - `output`: bytes of the output.
        ///
        /// ## Events
        ///
        /// [`Event::ReplicaRevealed`].
        #[pallet::call_index(13)]
        #[pallet::weight((
            T::WeightInfo::reveal(match trace {
                TraceReveal::Roots(roots) => roots.len() as u32,
                TraceReveal::Root(_) => 0,
            }).saturating_add(Pallet::<T>::most_advance()),
            DispatchClass::Operational,
        ))]
        pub fn reveal(
            origin: OriginFor<T>,
            job: JobId,
            salt: [u8; 32],
            trace: TraceReveal,
            output: Option<InlineOutput>,
        ) -> DispatchResultWithPostInfo {
            let worker = ensure_signed(origin)?;
            let roots = match &trace {
                TraceReveal::Roots(roots) => roots.len() as u32,
                TraceReveal::Root(_) => 0,
            };
            let spent = Self::do_reveal(worker, job, salt, trace, output)?;
            Ok(Some(T::WeightInfo::reveal(roots).saturating_add(spent)).into())
        }

        /// Carry out what is due for a job.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody.
        ///
        /// ## Details
        ///
        /// Draws if the seed is there, and does what passed deadlines demand. Each
        /// transition pays [`Config::PokeReward`] out of what is left of the tip.
        ///
        /// ## Parameters
        ///
        /// - `job`: which.
        ///
        /// ## Events
        ///
        /// [`Event::JobPoked`] and those of the transitions.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::poke().saturating_add(Pallet::<T>::most_advance()))]
        pub fn poke(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let poker = ensure_signed(origin)?;
            let spent = Self::do_poke(poker, job)?;
            Ok(Some(T::WeightInfo::poke().saturating_add(spent)).into())
        }

        /// Remove a kept receipt.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester of the job.
        ///
        /// ## Details
        ///
        /// Gives the deposit back.
        ///
        /// ## Parameters
        ///
        /// - `job`: whose receipt.
        ///
        /// ## Events
        ///
        /// [`Event::ReceiptRemoved`].
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::remove_receipt())]
        pub fn remove_receipt(origin: OriginFor<T>, job: JobId) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_remove_receipt(owner, job)
        }

        /// Announce that a claim of a job is false, without saying which, or where.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody.
        ///
        /// ## Details
        ///
        /// Opens a thread, while the job is `Claimed` and its window not over. Holds
        /// the larger of [`Config::ThreadBond`] and a tenth of the highest pay. A
        /// worker key whose replica stands by a claim needs no bond, once for each
        /// other claim. After [`Config::AnnounceBlocks`] and within
        /// [`Config::AnnouncedFor`] `challenge` or `demand` has to follow, or the bond
        /// is lost.
        ///
        /// ## Parameters
        ///
        /// - `job`: which.
        /// - `announcement`: see [`athanor_primitives::Opening::announcement`].
        ///
        /// ## Events
        ///
        /// [`Event::ThreadOpened`].
        #[pallet::call_index(16)]
        #[pallet::weight((
            T::WeightInfo::announce().saturating_add(Pallet::<T>::most_advance()),
            DispatchClass::Operational,
        ))]
        pub fn announce(
            origin: OriginFor<T>,
            job: JobId,
            announcement: [u8; 32],
        ) -> DispatchResultWithPostInfo {
            let challenger = ensure_signed(origin)?;
            let spent = Self::do_announce(challenger, job, announcement)?;
            Ok(Some(T::WeightInfo::announce().saturating_add(spent)).into())
        }

        /// Prove that one element of a claimed trace is wrong.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by who opened the thread.
        ///
        /// ## Details
        ///
        /// Judged at once. If it convicts, every replica of the claim is struck, the
        /// bond returns and the call is free; what the replicas lose is shared out when
        /// the job ends, two fifths of it to the sender and to who was first answered
        /// about this node, half each. A proof that is malformed or convicts nobody is
        /// an error and changes nothing. If the claim was struck before, the thread is
        /// closed and the bond returns.
        ///
        /// ## Parameters
        ///
        /// - `job`, `thread`: which.
        /// - `opening`: of the announcement, unless a demand has shown it.
        /// - `proof`: about the announced node.
        ///
        /// ## Events
        ///
        /// [`Event::ClaimStruck`], [`Event::ReplicaStruck`], [`Event::ThreadClosed`].
        #[pallet::call_index(17)]
        #[pallet::weight((
            T::WeightInfo::challenge(proof.encoded_size() as u32, MAX_TRACE)
                .saturating_add(T::WeightInfo::transition()),
            DispatchClass::Operational,
        ))]
        pub fn challenge(
            origin: OriginFor<T>,
            job: JobId,
            thread: ThreadId,
            opening: Option<Opening>,
            proof: Box<FraudProof>,
        ) -> DispatchResultWithPostInfo {
            let challenger = ensure_signed(origin)?;
            let length = proof.encoded_size() as u32;
            let nodes = Self::nodes_of(job);
            let (convicted, spent) = Self::do_challenge(challenger, job, thread, opening, proof)?;
            let weight = T::WeightInfo::challenge(length, nodes).saturating_add(spent);
            Ok(PostDispatchInfo {
                actual_weight: Some(weight),
                pays_fee: match convicted {
                    Convicted::Now => Pays::No,
                    Convicted::Before => Pays::Yes,
                },
            })
        }

        /// Ask a claimant for data.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by who opened the thread.
        ///
        /// ## Details
        ///
        /// The first demand of a thread is for a whole tensor, the next are for a group
        /// of the answer before. Three answers reach any chunk of any tensor. Holds
        /// [`Config::AnswerPrice`], which goes to who answers. If nobody does within
        /// [`Config::AskedFor`], the claim is struck and the asker rewarded. If the
        /// claim was struck before, the thread is closed and the bond returns.
        ///
        /// ## Parameters
        ///
        /// - `job`, `thread`: which.
        /// - `demand`: what is asked for.
        ///
        /// ## Events
        ///
        /// [`Event::DataDemanded`].
        #[pallet::call_index(18)]
        #[pallet::weight((
            T::WeightInfo::demand(MAX_TRACE).saturating_add(T::WeightInfo::transition()),
            DispatchClass::Operational,
        ))]
        pub fn demand(
            origin: OriginFor<T>,
            job: JobId,
            thread: ThreadId,
            demand: Demand,
        ) -> DispatchResultWithPostInfo {
            let challenger = ensure_signed(origin)?;
            let nodes = match demand {
                Demand::First { .. } => Self::nodes_of(job),
                Demand::Next { .. } => 0,
            };
            let spent = Self::do_demand(challenger, job, thread, demand)?;
            Ok(Some(T::WeightInfo::demand(nodes).saturating_add(spent)).into())
        }

        /// Show what a thread asks for.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by a worker key of a replica that stands by the claim.
        ///
        /// ## Details
        ///
        /// Pays the signer what was prepaid.
        ///
        /// ## Parameters
        ///
        /// - `job`, `thread`: which.
        /// - `bytes`: the bytes or groups of a subtree, for a delivery a slice. See
        ///   [`athanor_primitives::Asked`].
        ///
        /// ## Events
        ///
        /// [`Event::DataAnswered`].
        #[pallet::call_index(19)]
        #[pallet::weight((
            T::WeightInfo::answer(bytes.len() as u32).saturating_add(T::WeightInfo::transition()),
            DispatchClass::Operational,
        ))]
        pub fn answer(
            origin: OriginFor<T>,
            job: JobId,
            thread: ThreadId,
            bytes: AnswerBytes,
        ) -> DispatchResultWithPostInfo {
            let worker = ensure_signed(origin)?;
            let length = bytes.len() as u32;
            let spent = Self::do_answer(worker, job, thread, bytes)?;
            Ok(Some(T::WeightInfo::answer(length).saturating_add(spent)).into())
        }

        /// Let a claimant deliver a piece of the output.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the requester.
        ///
        /// ## Details
        ///
        /// Opens a thread, within the window, that asks for a slice of up to
        /// [`athanor_primitives::dispute::PIECE_CHUNKS`] chunks. Holds
        /// [`Config::AnswerPrice`] and no bond. At most [`MAX_DELIVERIES`] in a job.
        ///
        /// ## Parameters
        ///
        /// - `job`: which.
        /// - `trace_root`: the claim.
        /// - `output`: place in the program's list of outputs.
        /// - `piece`: which of its pieces.
        ///
        /// ## Events
        ///
        /// [`Event::ThreadOpened`], [`Event::DataDemanded`].
        #[pallet::call_index(20)]
        #[pallet::weight(
            T::WeightInfo::deliver(MAX_TRACE).saturating_add(Pallet::<T>::most_advance())
        )]
        pub fn deliver(
            origin: OriginFor<T>,
            job: JobId,
            trace_root: Root,
            output: u8,
            piece: u32,
        ) -> DispatchResultWithPostInfo {
            let requester = ensure_signed(origin)?;
            let nodes = Self::nodes_of(job);
            let spent = Self::do_deliver(requester, job, trace_root, output, piece)?;
            Ok(Some(T::WeightInfo::deliver(nodes).saturating_add(spent)).into())
        }

        /// Carry out what is due for a thread.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody.
        ///
        /// ## Details
        ///
        /// Closes a thread whose deadline has passed or whose claim was struck. The
        /// requester may also close a delivery that was answered.
        ///
        /// ## Parameters
        ///
        /// - `job`, `thread`: which.
        ///
        /// ## Events
        ///
        /// [`Event::ThreadClosed`], and [`Event::ClaimStruck`] if data were withheld.
        #[pallet::call_index(21)]
        #[pallet::weight(
            T::WeightInfo::poke_thread().saturating_add(T::WeightInfo::transition())
        )]
        pub fn poke_thread(
            origin: OriginFor<T>,
            job: JobId,
            thread: ThreadId,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let spent = Self::do_poke_thread(who, job, thread)?;
            Ok(Some(T::WeightInfo::poke_thread().saturating_add(spent)).into())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// A live job. `None` once it has ended: see its last event, or its kept receipt.
        pub fn job(job: JobId) -> Option<JobView<T::AccountId>> {
            Self::view_job(job)
        }

        /// A provider and its offer.
        pub fn provider(account: T::AccountId) -> Option<ProviderView<T::AccountId>> {
            Self::view_provider(account)
        }

        /// All offers.
        pub fn offers() -> Vec<OfferView<T::AccountId>> {
            Self::view_offers()
        }

        /// What a worker key owes now, at most `limit` tickets: commits and reveals
        /// first, then accepts, then those with nothing to do, each by deadline.
        pub fn work(worker: T::AccountId, limit: u32) -> Vec<Ticket> {
            Self::tickets(&worker, limit as usize)
        }

        /// What a job would hold, and what the offers that take it now ask for.
        /// `None` if `create_job` would refuse the model, batch, policy, wait or amounts.
        pub fn quote(terms: QuoteTerms) -> Option<QuoteView> {
            Self::view_quote(terms)
        }

        /// Jobs whose claims may be disputed, from number `from` on, at most `limit`, in
        /// order.
        pub fn claims(from: JobId, limit: u32) -> Vec<ClaimView> {
            Self::view_claims(from, limit)
        }

        /// Node roots of a trace revealed for a live job.
        pub fn trace(job: JobId, trace_root: Root) -> Option<Vec<Root>> {
            Self::view_trace(job, trace_root)
        }

        /// Open threads of a job, with all answers given in them.
        pub fn threads(job: JobId) -> Vec<ThreadView<T::AccountId>> {
            Self::view_threads(job)
        }

        /// What a worker key owes answers to, at most `limit`, the earliest deadline
        /// first.
        pub fn questions(worker: T::AccountId, limit: u32) -> Vec<Question> {
            Self::view_questions(&worker, limit)
        }
    }
}
