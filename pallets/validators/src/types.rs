//! Records, and what this pallet asks of the sessions around it.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::{
    traits::Get, BoundedVec, CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound,
};
use scale_info::TypeInfo;
use sp_runtime::Perbill;
use sp_staking::{
    offence::{Kind, Offence as Offending, OffenceError, ReportOffence},
    SessionIndex,
};

/// Amounts, in the smallest unit.
pub type Balance = u128;

/// Where a bond stands in its life.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Debug,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum BondState {
    /// Answers for its owner, who may stand for a seat. Left by `unbond`.
    #[codec(index = 0)]
    Active,
    /// Answers for its owner, who may not stand. Left by `bond`, and by `poke` from `until` on.
    #[codec(index = 1)]
    Leaving {
        /// First session in which nothing that its owner did as a validator can be reported.
        until: SessionIndex,
    },
}

/// What an account answers with.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Debug,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Bond {
    /// What is held for it.
    pub held: Balance,
    /// Where it stands.
    pub state: BondState,
}

/// How long an account is barred.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Debug,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Term {
    /// Until this session begins. Left by `unjail`, and when it begins.
    #[codec(index = 0)]
    Until(SessionIndex),
    /// Until governance releases it. Left by `unjail`.
    #[codec(index = 1)]
    UntilReleased,
}

impl Term {
    /// Whether it still runs in `session`.
    pub fn runs(&self, session: SessionIndex) -> bool {
        match self {
            Term::Until(until) => session < *until,
            Term::UntilReleased => true,
        }
    }

    /// The longer of two.
    pub fn longer(self, other: Term) -> Term {
        match (self, other) {
            (Term::Until(a), Term::Until(b)) => Term::Until(a.max(b)),
            _ => Term::UntilReleased,
        }
    }
}

/// What an account did in one session.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Debug,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Offence {
    /// The session it happened in.
    pub session: SessionIndex,
    /// Name of the offence first reported, such as `grandpa:equivoca`. Zeros if nobody said.
    pub kind: Kind,
    /// The greatest part of the bond that a report of that session takes.
    pub fraction: Perbill,
    /// The bond when the first report of that session came.
    pub base: Balance,
    /// What was taken for it.
    pub slashed: Balance,
}

/// Why an account is or was barred, and how long.
#[derive(
    CloneNoBound,
    PartialEqNoBound,
    EqNoBound,
    Encode,
    Decode,
    DecodeWithMemTracking,
    DebugNoBound,
    MaxEncodedLen,
    TypeInfo,
)]
#[scale_info(skip_type_params(Max))]
pub struct Sentence<Max: Get<u32>> {
    /// How long.
    pub term: Term,
    /// What it did, one entry a session. Empty if governance jailed it by hand.
    pub offences: BoundedVec<Offence, Max>,
}

/// The sessions and the list of those who stand for a seat.
pub trait Sessions<AccountId> {
    /// The session that runs.
    fn current() -> SessionIndex;

    /// Its validators.
    fn validators() -> Vec<AccountId>;

    /// Whether an account has session keys. Without, it cannot be a validator.
    fn has_keys(who: &AccountId) -> bool;

    /// Whether an account stands for a seat or has one for ever.
    fn is_listed(who: &AccountId) -> bool;

    /// Takes an account off the list, and gives whether it is off. The last on the list stays.
    fn unlist(who: &AccountId) -> bool;

    /// Stops a validator from authoring until the session ends, as far as a majority stays.
    fn disable(who: &AccountId, severity: Perbill);

    /// Puts accounts on the list, among as many others as it may have.
    #[cfg(feature = "runtime-benchmarks")]
    fn list(who: &[AccountId]);

    /// Makes accounts the validators of the session that runs.
    #[cfg(feature = "runtime-benchmarks")]
    fn set_validators(who: Vec<AccountId>);
}

/// Hands reports on to `Inner`, and lets the pallet know of which kind they are, which
/// [`sp_staking::offence::OnOffenceHandler`] does not.
pub struct KnownKind<T, Inner>(PhantomData<(T, Inner)>);

impl<T, Inner, Reporter, Offender, O> ReportOffence<Reporter, Offender, O> for KnownKind<T, Inner>
where
    T: crate::Config,
    O: Offending<Offender>,
    Inner: ReportOffence<Reporter, Offender, O>,
{
    fn report_offence(reporters: Vec<Reporter>, offence: O) -> Result<(), OffenceError> {
        crate::Reporting::<T>::put(O::ID);
        let reported = Inner::report_offence(reporters, offence);
        crate::Reporting::<T>::kill();
        reported
    }

    fn is_known_offence(offenders: &[Offender], time_slot: &O::Slot) -> bool {
        Inner::is_known_offence(offenders, time_slot)
    }
}
