//! A runtime to test with.

use crate::{self as pallet_data_market, *};
use athanor_held_money::HeldMoney;
use athanor_primitives::labels::{CampaignId, ContributorShares, Ticks};
use core::cell::{Cell, RefCell};
use frame_support::{
    derive_impl,
    migrations::MultiStepMigrator,
    parameter_types,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::Preservation,
        ConstU128, ConstU64, Hooks, LockableCurrency, WithdrawReasons,
    },
    weights::Weight,
    PalletId,
};
use frame_system::EnsureRoot;
use sp_runtime::{
    traits::{AccountIdConversion, IdentityLookup},
    AccountId32, BuildStorage, Permill,
};
use std::collections::BTreeMap;

pub(crate) type AccountId = AccountId32;
pub(crate) type Block = frame_system::mocking::MockBlockU32<Test>;

/// One unit of money.
pub(crate) const AUR: Balance = 1_000_000_000_000;
/// The existential deposit.
pub(crate) const ED: Balance = AUR / 1_000;
/// Free balance of every account at its first use.
pub(crate) const FUNDS: Balance = 10_000 * AUR;

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

    #[runtime::pallet_index(63)]
    pub type DataMarket = pallet_data_market;
}

thread_local! {
    static MIGRATING: Cell<bool> = const { Cell::new(false) };
    static CAMPAIGNS: RefCell<BTreeMap<CampaignId, Settled>> = const { RefCell::new(BTreeMap::new()) };
}

/// A migration that goes on as long as a test says.
#[allow(unreachable_pub)]
pub struct Migrator;

impl MultiStepMigrator for Migrator {
    fn ongoing() -> bool {
        MIGRATING.get()
    }

    fn step() -> Weight {
        Weight::zero()
    }
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
    type AccountData = pallet_balances::AccountData<Balance>;
    type MultiBlockMigrator = Migrator;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
}

struct Settled {
    requester: AccountId,
    answers: BTreeMap<AccountId, u32>,
    /// Block in which it was settled.
    at: i64,
}

/// Contributors of campaigns that tests made up.
#[allow(unreachable_pub)]
pub struct Contributors;

impl Contributors {
    fn of<R>(campaign: CampaignId, read: impl FnOnce(&Settled) -> R) -> Option<R> {
        CAMPAIGNS.with_borrow(|campaigns| campaigns.get(&campaign).map(read))
    }
}

impl ContributorShares<AccountId> for Contributors {
    fn settled_at(campaign: CampaignId) -> Option<Ticks> {
        Self::of(campaign, |settled| settled.at.max(0) as Ticks)
    }

    fn settled_for(campaign: CampaignId) -> Option<Ticks> {
        Self::of(campaign, |settled| {
            (i64::from(System::block_number()) - settled.at) as Ticks
        })
    }

    fn requester(campaign: CampaignId) -> Option<AccountId> {
        Self::of(campaign, |settled| settled.requester.clone())
    }

    fn paid_answers(campaign: CampaignId, worker: &AccountId) -> u32 {
        Self::of(campaign, |settled| settled.answers.get(worker).copied())
            .flatten()
            .unwrap_or(0)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn contribute(requester: &AccountId, worker: &AccountId, answers: u32) -> CampaignId {
        contribute(7, requester, &[(worker.clone(), answers)], 0);
        7
    }
}

/// Makes up a campaign that was settled `settled_for` blocks ago.
pub(crate) fn contribute(
    campaign: CampaignId,
    requester: &AccountId,
    answers: &[(AccountId, u32)],
    settled_for: u32,
) {
    let settled = Settled {
        requester: requester.clone(),
        answers: answers.iter().cloned().collect(),
        at: i64::from(System::block_number()) - i64::from(settled_for),
    };
    CAMPAIGNS.with_borrow_mut(|campaigns| campaigns.insert(campaign, settled));
}

parameter_types! {
    pub TreasuryAccount: AccountId = PalletId(*b"py/trsry").into_account_truncating();
    pub const MarketPalletId: PalletId = PalletId(*b"ath/mrkt");
    pub const Fee: Permill = Permill::from_percent(2);
    pub static ListingFee: Balance = AUR / 2;
    pub static MinRevealWindow: u32 = 600;
    pub static MinDisputeWindow: u32 = 7_200;
    pub const DefaultRevealWindow: u32 = 4_800;
    pub const MaxRevealWindow: u32 = 201_600;
    pub const DefaultDisputeWindow: u32 = 28_800;
    pub const MaxDisputeWindow: u32 = 403_200;
    pub const DisputeWindowPerGib: u32 = 20;
    pub static OldSealFor: u32 = 28_800;
    pub const RateFor: u32 = 864_000;
    pub static EnrolFor: u32 = 864_000;
    pub static PoolIdle: u32 = 2_592_000;
}

impl Config for Test {
    type WeightInfo = ();
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type PalletId = MarketPalletId;
    type Treasury = TreasuryAccount;
    type Contributors = Contributors;
    type FreezeOrigin = EnsureRoot<AccountId>;
    type Fee = Fee;
    type ListingFee = ListingFee;
    type MinPrice = ConstU128<{ AUR / 100 }>;
    type DepositPerItem = ConstU128<{ AUR / 100 }>;
    type DepositPerByte = ConstU128<{ AUR / 100_000 }>;
    type MinRevealWindow = MinRevealWindow;
    type DefaultRevealWindow = DefaultRevealWindow;
    type MaxRevealWindow = MaxRevealWindow;
    type MinDisputeWindow = MinDisputeWindow;
    type DefaultDisputeWindow = DefaultDisputeWindow;
    type MaxDisputeWindow = MaxDisputeWindow;
    type DisputeWindowPerGib = DisputeWindowPerGib;
    type OldSealFor = OldSealFor;
    type RateFor = RateFor;
    type EnrolFor = EnrolFor;
    type PoolIdle = PoolIdle;
    type BlockTimeMs = ConstU64<3_000>;
}

/// Account of a name, without money.
pub(crate) fn poor(name: &str) -> AccountId {
    AccountId32::new(sp_io::hashing::blake2_256(name.as_bytes()))
}

/// Account of a name. It gets [`FUNDS`] the first time it is seen.
pub(crate) fn account(name: &str) -> AccountId {
    let who = poor(name);
    if !frame_support::storage::unhashed::exists(&seen_key(name)) {
        frame_support::storage::unhashed::put(&seen_key(name), &());
        Balances::mint_into(&who, FUNDS).unwrap();
        let minted: Balance = frame_support::storage::unhashed::get_or_default(MINTED);
        frame_support::storage::unhashed::put(MINTED, &(minted + FUNDS));
    }
    who
}

const MINTED: &[u8] = b"test/minted";

fn seen_key(name: &str) -> Vec<u8> {
    [b"test/seen/", name.as_bytes()].concat()
}

/// Freezes all of an account's money, as a vote does.
pub(crate) fn freeze_all(who: &AccountId) {
    Balances::set_lock(*b"a vote  ", who, Balance::MAX, WithdrawReasons::all());
}

/// The treasury.
pub(crate) fn treasury() -> AccountId {
    TreasuryAccount::get()
}

pub(crate) fn signed(who: &AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.clone())
}

pub(crate) fn free(who: &AccountId) -> Balance {
    Balances::balance(who)
}

pub(crate) fn held(reason: HoldReason, who: &AccountId) -> Balance {
    DataMarket::on_hold(reason, who)
}

/// Lets `blocks` blocks pass.
pub(crate) fn pass(blocks: u32) {
    if blocks > 0 {
        let block = System::block_number() + blocks;
        System::set_block_number(block);
        DataMarket::on_initialize(block);
    }
}

/// Runs `blocks` blocks.
pub(crate) fn run_blocks(blocks: u32) {
    for _ in 0..blocks {
        pass(1);
    }
}

/// Runs `blocks` blocks that admit inherents only.
pub(crate) fn migrate(blocks: u32) {
    MIGRATING.set(true);
    run_blocks(blocks);
    MIGRATING.set(false);
}

/// Moves free money.
pub(crate) fn give(from: &AccountId, to: &AccountId, amount: Balance) {
    Balances::transfer(from, to, amount, Preservation::Preserve).unwrap();
}

/// Events of this pallet since the last call.
pub(crate) fn events() -> Vec<Event<Test>> {
    let events = System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::DataMarket(event) => Some(event),
            _ => None,
        })
        .collect();
    System::reset_events();
    events
}

/// Genesis: the treasury and the pallet's account exist.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .unwrap();
    pallet_balances::GenesisConfig::<Test> {
        balances: vec![
            (treasury(), AUR),
            (MarketPalletId::get().into_account_truncating(), ED),
        ],
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| {
        MIGRATING.set(false);
        CAMPAIGNS.set(BTreeMap::new());
        frame_system::BlockHash::<Test>::insert(0, sp_core::H256([0x69; 32]));
        System::set_block_number(1);
        DataMarket::on_initialize(1);
    });
    ext
}

/// Runs a test, then checks the pallet's state and that no money was made or lost.
pub(crate) fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        check();
    });
}

/// Checks the pallet's state and that no money was made or lost.
pub(crate) fn check() {
    DataMarket::do_try_state().unwrap();
    let minted: Balance = frame_support::storage::unhashed::get_or_default(MINTED);
    assert_eq!(Balances::total_issuance(), minted + AUR + ED);
}
