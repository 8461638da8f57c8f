//! # Validators pallet
//!
//! Bonds of validators, and what an offence costs them.
//!
//! ## Pallet API
//!
//! See the [`pallet`] module for calls, storage, events and errors.
//!
//! ## Overview
//!
//! Another pallet lists who stands for a seat: invulnerables, set by governance, and candidates.
//! This one says who of them may be *chosen*: whoever has session keys, a bond held here, and is
//! not in jail. It handles offences: the offender is disabled at once and in every session until
//! its removal bites, taken off the list, slashed, and jailed.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Active: bond
//!     Active --> Leaving: unbond, off the list
//!     Leaving --> Active: bond
//!     Leaving --> [*]: poke, when nothing can be reported any more
//!     Active --> [*]: all of it slashed
//!     Leaving --> [*]: all of it slashed
//! ```
//!
//! ## Low Level / Implementation Details
//!
//! *Time* is sessions. A report names the session of the offence, and is provable as long as that
//! session's validators are on record: [`Config::ReportableFor`] sessions. A bond that leaves waits
//! until the last session its owner served in is out of reach.
//!
//! *A slash* takes the reported fraction of the bond as it was at the first report of that session.
//! More reports of one session, of whatever kind, take the difference to the greatest fraction
//! among them: two proofs of one mistake cost as much as one, and a fraction that grows because
//! others offended in the same slot is paid in full.
//!
//! *A sentence* stays on record until its term is over and none of its offences can be reported
//! again, so that no second report is a first. Anybody can `poke` it away then.
//!
//! ## Properties
//!
//! - *Answerable*: whoever may stand has at least [`Config::MinBond`] held, from before it is
//!   chosen until nothing it did can be reported.
//! - *Never empty*: [`Pallet::choose`] gives somebody as long as a validator has keys.
//! - *Conserved*: what is held of anybody is what his bond's record says.
//! - *Always ends*: a bond that leaves has a session from which on anybody can return it; so has a
//!   term, unless governance set it, who can end every one.
//! - *Not promised*: that a majority of offenders is kept from harm. Disabling stops while a
//!   majority is enabled, and GRANDPA's votes cannot be disabled at all.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
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

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bonds;
mod choice;
mod offences;
mod try_state;
pub mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

/// Target of log lines.
pub(crate) const LOG: &str = "runtime::validators";

#[frame_support::pallet]
// What FRAME's macros expand to; our own code is in the other modules, or here without it.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::*;
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{hold, Credit, Inspect, Mutate},
            OnUnbalanced,
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_staking::{offence::Kind, SessionIndex};

    /// Version of the storage layout.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// See the crate documentation.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime has to supply.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Weights of this pallet's calls, and of what the session and offences pallets make it do.
        type WeightInfo: WeightInfo;

        /// The currency of bonds.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + Mutate<Self::AccountId>
            + hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>
            + hold::Balanced<Self::AccountId>;

        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;

        /// Takes what was slashed.
        type Slashed: OnUnbalanced<Credit<Self::AccountId, Self::Currency>>;

        /// The sessions, and who stands for a seat.
        type Sessions: Sessions<Self::AccountId>;

        /// Who may jail and release.
        type JailOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// The least bond with which one may stand. Raising it takes everybody below out of the
        /// choice: let a release bond more before.
        #[pallet::constant]
        type MinBond: Get<Balance>;

        /// Sessions an offender is barred for, from the report on.
        #[pallet::constant]
        type JailTerm: Get<SessionIndex>;

        /// Sessions back that an offence can be reported from: those whose validators are kept.
        #[pallet::constant]
        type ReportableFor: Get<SessionIndex>;

        /// The most sessions a sentence lists offences of: all that can be reported, or the oldest
        /// would be paid for twice.
        #[pallet::constant]
        type MaxOffences: Get<u32>;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// What a validator answers with.
        #[codec(index = 0)]
        Bond,
    }

    // Accounts are chosen by their owners, hence Blake2_128Concat.

    /// Bonds.
    #[pallet::storage]
    pub type Bonds<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Bond>;

    /// Who is or was in jail, how long, and why.
    #[pallet::storage]
    pub type Sentences<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Sentence<T::MaxOffences>>;

    /// Kind of the offence whose report is being handled; none between reports.
    #[pallet::storage]
    pub type Reporting<T: Config> = StorageValue<_, Kind, ValueQuery>;

    /// Bonds at genesis, out of balances at genesis.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Who, and how much.
        pub bonds: Vec<(T::AccountId, Balance)>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for (who, amount) in &self.bonds {
                let bonded = Pallet::<T>::do_bond(who.clone(), *amount);
                assert!(
                    bonded.is_ok(),
                    "a bond at genesis needs the least bond and a balance: {bonded:?}"
                );
            }
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An account bonded, added to its bond, or took its notice back.
        Bonded {
            /// Who.
            who: T::AccountId,
            /// What was added.
            amount: Balance,
            /// The bond now.
            held: Balance,
        },
        /// An account will take its bond back.
        NoticeGiven {
            /// Who.
            who: T::AccountId,
            /// First session in which it can. Later, if it still serves then.
            until: SessionIndex,
        },
        /// A bond was given back.
        BondReturned {
            /// Who.
            who: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// An offence was paid for.
        Slashed {
            /// Who.
            who: T::AccountId,
            /// How much; 0 if nothing was bonded.
            amount: Balance,
            /// Session of the offence.
            session: SessionIndex,
        },
        /// An account was barred from standing.
        Jailed {
            /// Who.
            who: T::AccountId,
            /// How long.
            term: Term,
        },
        /// Governance ended an account's term.
        Released {
            /// Who.
            who: T::AccountId,
        },
        /// A sentence that was served and can't come again was removed.
        SentenceForgotten {
            /// Who.
            who: T::AccountId,
        },
    }

    /// Why a call is refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account has no bond: call `bond` first.
        NotBonded,
        /// The bond would be smaller than `MinBond`: bond more.
        BondTooSmall,
        /// Notice was given already: wait for its session, or take it back with `bond`.
        AlreadyLeaving,
        /// The account stands for a seat, or is invulnerable: leave the list first.
        StillStanding,
        /// No deadline of this account has passed: wait.
        NothingDue,
        /// The account is not in jail.
        NotJailed,
        /// An amount or a term of 0 changes nothing: give more.
        NothingToDo,
        /// The amount is too large to be counted: give less.
        Overflow,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_n: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }

        fn integrity_test() {
            assert!(T::MinBond::get() > 0, "a bond of 0 is no bond");
            assert!(T::JailTerm::get() > 0, "a term of 0 bars nobody");
            assert!(
                // The session that runs, and those back.
                T::MaxOffences::get() > T::ReportableFor::get(),
                "a sentence must have room for every session that can be reported"
            );
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Bond, add to a bond, or take a notice back.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed.
        ///
        /// ## Details
        ///
        /// The amount is held of the caller's money. With [`Config::MinBond`] and session keys he
        /// may stand for a seat.
        ///
        /// ## Parameters
        ///
        /// - `amount`: what is added. 0 only takes a notice back.
        ///
        /// ## Events
        ///
        /// [`Event::Bonded`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::bond())]
        pub fn bond(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_bond(who, amount)
        }

        /// Give notice of taking the bond back.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed, by an account that does not stand for a seat.
        ///
        /// ## Details
        ///
        /// The bond stays held, and answers, until nothing can be reported any more of the sessions
        /// the caller served in; then [`Pallet::poke`] returns it.
        ///
        /// ## Events
        ///
        /// [`Event::NoticeGiven`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::unbond())]
        pub fn unbond(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unbond(who)
        }

        /// Do what is due for an account: return a bond whose notice is over, remove a sentence
        /// that was served and of which nothing can be reported again.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed, by anybody.
        ///
        /// ## Parameters
        ///
        /// - `who`: the account.
        ///
        /// ## Events
        ///
        /// [`Event::BondReturned`], [`Event::SentenceForgotten`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::poke())]
        pub fn poke(origin: OriginFor<T>, who: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_poke(who)
        }

        /// Bar an account from standing, and take it off the list.
        ///
        /// ## Dispatch Origin
        ///
        /// [`Config::JailOrigin`].
        ///
        /// ## Parameters
        ///
        /// - `who`: the account.
        /// - `sessions`: for how many from now on; `None` until it is released. An older term that
        ///   is longer stays.
        ///
        /// ## Events
        ///
        /// [`Event::Jailed`].
        #[pallet::call_index(3)]
        #[pallet::weight((T::WeightInfo::jail(), DispatchClass::Operational))]
        pub fn jail(
            origin: OriginFor<T>,
            who: T::AccountId,
            sessions: Option<SessionIndex>,
        ) -> DispatchResult {
            T::JailOrigin::ensure_origin(origin)?;
            Self::do_jail(who, sessions)
        }

        /// End an account's term.
        ///
        /// ## Dispatch Origin
        ///
        /// [`Config::JailOrigin`].
        ///
        /// ## Details
        ///
        /// What it did stays on record, so that nothing is paid for twice. It has to stand again
        /// itself; an invulnerable has to be made one again.
        ///
        /// ## Parameters
        ///
        /// - `who`: the account.
        ///
        /// ## Events
        ///
        /// [`Event::Released`].
        #[pallet::call_index(4)]
        #[pallet::weight((T::WeightInfo::unjail(), DispatchClass::Operational))]
        pub fn unjail(origin: OriginFor<T>, who: T::AccountId) -> DispatchResult {
            T::JailOrigin::ensure_origin(origin)?;
            Self::do_unjail(who)
        }
    }
}
