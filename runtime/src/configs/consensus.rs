//! Block production, finality, sessions, and what an equivocation costs.
//!
//! `pallet-collator-selection` chooses the validators: invulnerables, set by governance, and
//! candidates with a bond, kicked when idle. [`ValidatorManager`] hands its choice to the session
//! pallet with the identification that `historical` needs, so that an equivocation can be proven
//! against a past session.

use super::*;
use crate::{time, Babe, CollatorSelection, Historical, Offences, Session, SessionKeys};
use alloc::vec::Vec;
use frame_support::{
    traits::{ConstU64, KeyOwnerProofSystem},
    PalletId,
};
use pallet_session::{
    disabling::{DisablingDecision, DisablingStrategy},
    historical as session_historical,
};
use sp_core::crypto::KeyTypeId;
use sp_runtime::traits::{Convert, ConvertInto, OpaqueKeys};
use sp_staking::{
    offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
    SessionIndex,
};

/// The most validators a session may have.
pub type MaxAuthorities = ConstU32<1_000>;

parameter_types! {
    pub const EpochDuration: u64 = time::EPOCH_DURATION_IN_BLOCKS as u64;
    pub const ExpectedBlockTime: u64 = time::MILLI_SECS_PER_BLOCK;
    /// Blocks an equivocation may be reported in: four days, or the fast twin's twelve sessions.
    pub const ReportLongevity: u64 = prod_or_fast!(24, 12) * EpochDuration::get();
}

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
        pallet_babe::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
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
        pallet_grandpa::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
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
    type ValidatorRegistration = Session;
    type WeightInfo = pallet_collator_selection::weights::SubstrateWeight<Runtime>;
}

/// Hands collator-selection's choice to the session pallet.
pub struct ValidatorManager;

impl pallet_session::SessionManager<AccountId> for ValidatorManager {
    fn new_session(index: SessionIndex) -> Option<Vec<AccountId>> {
        // An empty set would stop the chain for good; keeping the old one does not.
        <CollatorSelection as pallet_session::SessionManager<AccountId>>::new_session(index)
            .filter(|validators| !validators.is_empty())
    }

    fn start_session(index: SessionIndex) {
        <CollatorSelection as pallet_session::SessionManager<AccountId>>::start_session(index);
        // Nothing older can be reported; two sessions pass before a chosen validator acts.
        let kept = ReportLongevity::get() / EpochDuration::get() + 2;
        let oldest = index.saturating_sub(kept as SessionIndex);
        if oldest > 0 {
            Historical::prune_up_to(oldest);
        }
    }

    fn end_session(index: SessionIndex) {
        <CollatorSelection as pallet_session::SessionManager<AccountId>>::end_session(index)
    }
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
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
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
    type OnOffenceHandler = RemoveOffenders;
}

/// Disables an offender at once and takes it out of the set, two sessions later.
///
/// The last validator is never removed: a chain without one can't go on.
pub struct RemoveOffenders;

impl OnOffenceHandler<AccountId, (AccountId, ()), Weight> for RemoveOffenders {
    fn on_offence(
        offenders: &[OffenceDetails<AccountId, (AccountId, ())>],
        slash_fraction: &[Perbill],
        _session: SessionIndex,
    ) -> Weight {
        let mut weight = Weight::zero();
        for (details, fraction) in offenders.iter().zip(slash_fraction) {
            let (who, ()) = &details.offender;
            Session::report_offence(who.clone(), OffenceSeverity(*fraction));
            let left = CollatorSelection::leave_intent(RuntimeOrigin::signed(who.clone())).is_ok();
            let removed = left
                || CollatorSelection::remove_invulnerable(RuntimeOrigin::root(), who.clone())
                    .is_ok();
            if !removed {
                log_offender_kept(who);
            }
            weight = weight.saturating_add(
                <Runtime as frame_system::Config>::DbWeight::get().reads_writes(8, 6),
            );
        }
        weight
    }
}

fn log_offender_kept(who: &AccountId) {
    log::warn!(
        target: "runtime::offences",
        "an offender stays in the validator set: {who:?} (the last one, or already gone)",
    );
}
