//! A runtime to test with, and sessions that tests move on.

use crate::{self as pallet_validators, *};
use core::cell::RefCell;
use frame_support::{
    derive_impl, parameter_types,
    traits::{
        fungible::{Balanced, Credit, Inspect},
        ConstU128, ConstU32, OnUnbalanced,
    },
};
use frame_system::EnsureRoot;
use sp_runtime::{BuildStorage, Perbill};
use sp_staking::SessionIndex;

pub(crate) type AccountId = u64;
pub(crate) type Block = frame_system::mocking::MockBlockU32<Test>;

pub(crate) const ED: Balance = 10;
/// What an account begins with.
pub(crate) const FUNDS: Balance = 10_000;
/// The least bond.
pub(crate) const BOND: Balance = 1_000;
/// Sessions back that can be reported.
pub(crate) const KEPT: SessionIndex = 5;
/// Sessions in jail.
pub(crate) const TERM: SessionIndex = 20;
/// Where slashes go.
pub(crate) const TREASURY: AccountId = 99;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;

    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;

    #[runtime::pallet_index(9)]
    pub type Validators = pallet_validators;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
}

/// What the session and collator-selection pallets know.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) session: SessionIndex,
    pub(crate) validators: Vec<AccountId>,
    pub(crate) queued: Vec<AccountId>,
    pub(crate) disabled: Vec<AccountId>,
    pub(crate) invulnerables: Vec<AccountId>,
    /// Best first.
    pub(crate) candidates: Vec<AccountId>,
    pub(crate) seats: u32,
    pub(crate) without_keys: Vec<AccountId>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

pub(crate) fn world<R>(read: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with_borrow_mut(read)
}

#[allow(unreachable_pub)]
pub struct MockSessions;

impl Sessions<AccountId> for MockSessions {
    fn current() -> SessionIndex {
        world(|w| w.session)
    }

    fn validators() -> Vec<AccountId> {
        world(|w| w.validators.clone())
    }

    fn has_keys(who: &AccountId) -> bool {
        world(|w| !w.without_keys.contains(who))
    }

    fn is_listed(who: &AccountId) -> bool {
        world(|w| w.invulnerables.contains(who) || w.candidates.contains(who))
    }

    fn unlist(who: &AccountId) -> bool {
        if Self::is_listed(who) {
            world(|w| {
                if w.invulnerables.len() + w.candidates.len() == 1 {
                    return false;
                }
                w.invulnerables.retain(|other| other != who);
                w.candidates.retain(|other| other != who);
                true
            })
        } else {
            true
        }
    }

    fn disable(who: &AccountId, _severity: Perbill) {
        world(|w| {
            let majority_stays = (w.disabled.len() + 1) * 2 < w.validators.len();
            if majority_stays && w.validators.contains(who) && !w.disabled.contains(who) {
                w.disabled.push(*who);
            }
        });
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn list(who: &[AccountId]) {
        world(|w| w.candidates.extend(who));
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn set_validators(who: Vec<AccountId>) {
        world(|w| w.validators = who);
    }
}

#[allow(unreachable_pub)]
pub struct ToTreasury;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToTreasury {
    fn on_nonzero_unbalanced(amount: Credit<AccountId, Balances>) {
        drop(Balances::resolve(&TREASURY, amount));
    }
}

parameter_types! {
    pub const ReportableFor: SessionIndex = KEPT;
    pub const JailTerm: SessionIndex = TERM;
}

impl Config for Test {
    type WeightInfo = ();
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Slashed = ToTreasury;
    type Sessions = MockSessions;
    type JailOrigin = EnsureRoot<AccountId>;
    type MinBond = ConstU128<BOND>;
    type JailTerm = JailTerm;
    type ReportableFor = ReportableFor;
    type MaxOffences = ConstU32<6>;
}

pub(crate) fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

pub(crate) fn free(who: AccountId) -> Balance {
    Balances::balance(&who)
}

/// What an account's bond holds; checks that the record says so.
pub(crate) fn held(who: AccountId) -> Balance {
    let recorded = Bonds::<Test>::get(who).map_or(0, |bond| bond.held);
    assert_eq!(Validators::on_hold(&who), recorded);
    recorded
}

pub(crate) fn percent(part: u32) -> Perbill {
    Perbill::from_percent(part)
}

/// A report of an offence in `session` is handled.
pub(crate) fn report(who: AccountId, part: u32, session: SessionIndex) {
    use sp_staking::offence::{OffenceDetails, OnOffenceHandler};
    let details = OffenceDetails {
        offender: (who, ()),
        reporters: vec![],
    };
    <Validators as OnOffenceHandler<_, _, _>>::on_offence(&[details], &[percent(part)], session);
}

/// The next session begins, as the session pallet does it.
pub(crate) fn rotate() {
    world(|w| {
        w.session += 1;
        w.validators = w.queued.clone();
        w.disabled.clear();
    });
    Validators::begin_session(world(|w| w.session));
    let (invulnerables, candidates, seats) =
        world(|w| (w.invulnerables.clone(), w.candidates.clone(), w.seats));
    let chosen = Validators::choose(invulnerables, candidates, seats);
    assert!(!chosen.is_empty(), "the set became empty");
    world(|w| w.queued = chosen);
}

pub(crate) fn rotate_to(session: SessionIndex) {
    while MockSessions::current() < session {
        rotate();
    }
}

/// Events of this pallet since the last call.
pub(crate) fn events() -> Vec<Event<Test>> {
    let events = System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::Validators(event) => Some(event),
            _ => None,
        })
        .collect();
    System::reset_events();
    events
}

/// Session 10 of a chain: 1 to 4 are invulnerable validators with a bond, 5 to 9 have money, one
/// candidate may be chosen.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let four: Vec<AccountId> = (1..=4).collect();
    WORLD.set(World {
        session: 10,
        validators: four.clone(),
        queued: four.clone(),
        invulnerables: four.clone(),
        seats: 1,
        ..World::default()
    });
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .unwrap();
    pallet_balances::GenesisConfig::<Test> {
        balances: (1..=9)
            .map(|who| (who, FUNDS))
            .chain([(TREASURY, ED)])
            .collect(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    pallet_validators::GenesisConfig::<Test> {
        bonds: four.into_iter().map(|who| (who, BOND)).collect(),
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a test, then checks the pallet's state and that no money was made or lost.
pub(crate) fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let issued = Balances::total_issuance();
        test();
        Validators::do_try_state().unwrap();
        assert_eq!(Balances::total_issuance(), issued, "money came or went");
    });
}
