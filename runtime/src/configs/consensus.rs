//! Block production, finality, sessions, and what an equivocation costs.
//!
//! `pallet-collator-selection` lists who stands for a seat: invulnerables, set by governance, and
//! candidates, kicked when idle. `pallet-validators` holds their bonds and chooses among them.
//! [`ValidatorManager`] hands the choice to the session pallet with the identification that
//! `historical` needs, so that an equivocation can be proven against a past session.

use super::*;
use crate::{
    time, Babe, CollatorSelection, Historical, Offences, Session, SessionKeys, Validators,
};
use alloc::vec::Vec;
use frame_support::{
    traits::{ConstU64, KeyOwnerProofSystem},
    PalletId,
};
use pallet_collator_selection::{CandidateList, DesiredCandidates, Invulnerables};
use pallet_session::{
    disabling::{DisablingDecision, DisablingStrategy},
    historical as session_historical,
};
use sp_core::crypto::KeyTypeId;
use sp_runtime::traits::{Convert, ConvertInto, OpaqueKeys};
use sp_staking::{offence::OffenceSeverity, SessionIndex};

/// The most validators a session may have.
pub type MaxAuthorities = ConstU32<1_000>;

parameter_types! {
    pub const EpochDuration: u64 = time::EPOCH_DURATION_IN_BLOCKS as u64;
    pub const ExpectedBlockTime: u64 = time::MILLI_SECS_PER_BLOCK;
    /// Blocks an equivocation may be reported in: four days, or the fast twin's two sessions.
    pub const ReportLongevity: u64 = prod_or_fast!(24, 2) * EpochDuration::get();
    /// Sessions back whose validators are kept, to prove a report with: those blocks, and the
    /// session that they end in the middle of.
    pub const ReportableFor: SessionIndex =
        (ReportLongevity::get() / EpochDuration::get()) as SessionIndex + 1;
    /// Sessions in jail: thirty days, or the fast twin's thirty sessions.
    pub const JailTerm: SessionIndex = prod_or_fast!(180, 30);
    /// The least bond of a validator.
    pub const MinBond: Balance = 1_000 * UNIT;
}

/// Reports of both kinds go through the pallet that punishes, so that it knows of which they are.
type Reports = pallet_validators::KnownKind<Runtime, Offences>;

impl pallet_babe::Config for Runtime {
    type EpochDuration = EpochDuration;
    type ExpectedBlockTime = ExpectedBlockTime;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type DisabledValidators = Session;
    type WeightInfo = ();
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type KeyOwnerProof =
        <Historical as KeyOwnerProofSystem<(KeyTypeId, sp_consensus_babe::AuthorityId)>>::Proof;
    type EquivocationReportSystem =
        pallet_babe::EquivocationReportSystem<Self, Reports, Historical, ReportLongevity>;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    // GRANDPA's set id grows with every session: as many as a report may be old.
    type MaxSetIdSessionEntries = ConstU64<64>;
    type KeyOwnerProof =
        <Historical as KeyOwnerProofSystem<(KeyTypeId, sp_consensus_grandpa::AuthorityId)>>::Proof;
    type EquivocationReportSystem =
        pallet_grandpa::EquivocationReportSystem<Self, Reports, Historical, ReportLongevity>;
}

impl pallet_authority_discovery::Config for Runtime {
    type MaxAuthorities = MaxAuthorities;
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
    type EventHandler = CollatorSelection;
}

parameter_types! {
    pub const ValidatorPotId: PalletId = PalletId(*b"ath/valp");
    /// A candidate that authors nothing for this long is kicked.
    pub const KickThreshold: BlockNumber = 2 * time::EPOCH_DURATION_IN_BLOCKS;
}

impl pallet_collator_selection::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type UpdateOrigin = EnsureRoot<AccountId>;
    type PotId = ValidatorPotId;
    type MaxCandidates = ConstU32<200>;
    type MinEligibleCollators = ConstU32<1>;
    type MaxInvulnerables = ConstU32<50>;
    type KickThreshold = KickThreshold;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type ValidatorRegistration = MayStand;
    type WeightInfo = pallet_collator_selection::weights::SubstrateWeight<Runtime>;
}

/// Keeps who has no session keys or no bond, or is in jail, from standing for a seat.
pub struct MayStand;

impl frame_support::traits::ValidatorRegistration<AccountId> for MayStand {
    fn is_registered(who: &AccountId) -> bool {
        // Collator-selection's benchmarks know of no bonds.
        if cfg!(feature = "runtime-benchmarks") {
            Session::is_registered(who)
        } else {
            Validators::may_stand(who)
        }
    }
}

impl pallet_validators::Config for Runtime {
    type WeightInfo = pallet_validators::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Slashed = governance::ToTreasury;
    type Sessions = Seats;
    type JailOrigin = EnsureRoot<AccountId>;
    type MinBond = MinBond;
    type JailTerm = JailTerm;
    type ReportableFor = ReportableFor;
    type MaxOffences = ConstU32<32>;
}

/// What the bonds' pallet knows of sessions and seats.
pub struct Seats;

impl pallet_validators::Sessions<AccountId> for Seats {
    fn current() -> SessionIndex {
        Session::current_index()
    }

    fn validators() -> Vec<AccountId> {
        Session::validators()
    }

    fn has_keys(who: &AccountId) -> bool {
        Session::load_keys(who).is_some()
    }

    fn is_listed(who: &AccountId) -> bool {
        Invulnerables::<Runtime>::get().contains(who)
            || CandidateList::<Runtime>::get()
                .iter()
                .any(|candidate| candidate.who == *who)
    }

    fn unlist(who: &AccountId) -> bool {
        // Each refuses whom it does not know, and the last. Governance may put somebody on both
        // lists.
        let left = CollatorSelection::leave_intent(RuntimeOrigin::signed(who.clone())).is_ok();
        let removed =
            CollatorSelection::remove_invulnerable(RuntimeOrigin::root(), who.clone()).is_ok();
        removed
            || if left {
                !Invulnerables::<Runtime>::get().contains(who)
            } else {
                !Self::is_listed(who)
            }
    }

    fn disable(who: &AccountId, severity: Perbill) {
        Session::report_offence(who.clone(), OffenceSeverity(severity));
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn list(who: &[AccountId]) {
        let others = |i: u8| AccountId::new([i; 32]);
        let all: Vec<_> = (0..200 - who.len() as u8)
            .map(others)
            .chain(who.iter().cloned())
            .map(|who| pallet_collator_selection::CandidateInfo { who, deposit: 0 })
            .collect();
        CandidateList::<Runtime>::put(frame_support::BoundedVec::try_from(all).unwrap_or_default());
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn set_validators(who: Vec<AccountId>) {
        pallet_session::Validators::<Runtime>::put(who);
    }
}

/// Hands the choice of validators to the session pallet.
pub struct ValidatorManager;

impl pallet_session::SessionManager<AccountId> for ValidatorManager {
    fn new_session(index: SessionIndex) -> Option<Vec<AccountId>> {
        // It kicks the idle. Its choice is no use: who may not be chosen would still take a seat.
        <CollatorSelection as pallet_session::SessionManager<AccountId>>::new_session(index);
        let candidates = CandidateList::<Runtime>::get();
        let chosen = Validators::choose(
            invulnerables(),
            candidates
                .into_iter()
                .rev()
                .map(|candidate| candidate.who)
                .collect(),
            DesiredCandidates::<Runtime>::get(),
        );
        // An empty set would stop the chain for good; keeping the old one does not.
        Some(chosen).filter(|validators| !validators.is_empty())
    }

    fn start_session(index: SessionIndex) {
        <CollatorSelection as pallet_session::SessionManager<AccountId>>::start_session(index);
        Validators::begin_session(index);
        // Nothing older can be reported.
        let oldest = index.saturating_sub(ReportableFor::get());
        if oldest > 0 {
            Historical::prune_up_to(oldest);
        }
    }

    fn end_session(index: SessionIndex) {
        <CollatorSelection as pallet_session::SessionManager<AccountId>>::end_session(index)
    }
}

/// Everybody on the list once: collator-selection sorts it, and keeps whom governance names twice
/// twice.
fn invulnerables() -> Vec<AccountId> {
    let mut list = Invulnerables::<Runtime>::get().into_inner();
    let named = list.len();
    list.dedup();
    if list.len() < named {
        Invulnerables::<Runtime>::put(frame_support::BoundedVec::truncate_from(list.clone()));
    }
    list
}

impl session_historical::SessionManager<AccountId, ()> for ValidatorManager {
    fn new_session(index: SessionIndex) -> Option<Vec<(AccountId, ())>> {
        <Self as pallet_session::SessionManager<AccountId>>::new_session(index)
            .map(|validators| validators.into_iter().map(|who| (who, ())).collect())
    }

    fn start_session(index: SessionIndex) {
        <Self as pallet_session::SessionManager<AccountId>>::start_session(index)
    }

    fn end_session(index: SessionIndex) {
        <Self as pallet_session::SessionManager<AccountId>>::end_session(index)
    }
}

/// Validators are identified by their account alone.
pub struct NoIdentification;

impl Convert<AccountId, Option<()>> for NoIdentification {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

/// Disables an offender for the rest of its session as long as a majority stays enabled.
///
/// The SDK's own strategies allow a third less one, which is nobody in a set of three.
pub struct DisableWhileMajorityStays;

impl DisableWhileMajorityStays {
    /// Whether one more of `validators` may be disabled when `disabled` already are.
    pub fn allows(validators: usize, disabled: usize) -> bool {
        disabled.saturating_add(1).saturating_mul(2) < validators
    }
}

impl DisablingStrategy<Runtime> for DisableWhileMajorityStays {
    fn decision(
        offender: &AccountId,
        _severity: OffenceSeverity,
        disabled: &Vec<(u32, OffenceSeverity)>,
    ) -> DisablingDecision {
        let validators = pallet_session::Validators::<Runtime>::get();
        let index = validators
            .iter()
            .position(|who| who == offender)
            .map(|i| i as u32);
        let disable = index.filter(|i| {
            !disabled.iter().any(|(j, _)| j == i) && Self::allows(validators.len(), disabled.len())
        });
        DisablingDecision {
            disable,
            reenable: None,
        }
    }
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = Babe;
    type NextSessionRotation = Babe;
    type SessionManager = session_historical::NoteHistoricalRoot<Self, ValidatorManager>;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type Keys = SessionKeys;
    type DisablingStrategy = DisableWhileMajorityStays;
    type WeightInfo = crate::weights::pallet_session::WeightInfo<Runtime>;
    type Currency = Balances;
    type KeyDeposit = ConstU128<{ 10 * UNIT }>;
}

impl session_historical::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type FullIdentification = ();
    type FullIdentificationOf = NoIdentification;
}

impl pallet_offences::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type IdentificationTuple = session_historical::IdentificationTuple<Self>;
    type OnOffenceHandler = Validators;
}
