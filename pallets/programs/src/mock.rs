//! A runtime to test the pallet in.

use crate as pallet_programs;
use crate::*;
use frame_support::{derive_impl, parameter_types};
use sp_runtime::BuildStorage;

pub(crate) type AccountId = u64;
pub(crate) type Balance = u64;

pub(crate) const ALICE: AccountId = 1;
pub(crate) const BOB: AccountId = 2;
/// An account that can pay no deposit.
pub(crate) const POOR: AccountId = 3;

pub(crate) const WEALTH: Balance = 1_000_000;
pub(crate) const BASE: Balance = 100;
pub(crate) const PER_BYTE: Balance = 3;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeHoldReason,
        RuntimeFreezeReason,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(60)]
    pub type Programs = pallet_programs;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
}

parameter_types! {
    pub const DepositBase: Balance = BASE;
    pub const DepositPerByte: Balance = PER_BYTE;
}

impl Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type DepositBase = DepositBase;
    type DepositPerByte = DepositPerByte;
    type WeightInfo = ();
}

/// A fresh chain in block 1.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .expect("the default genesis builds");
    pallet_balances::GenesisConfig::<Test> {
        balances: vec![(ALICE, WEALTH), (BOB, WEALTH), (POOR, 10)],
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .expect("the balances are valid");
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a test on a fresh chain and checks every invariant at its end.
pub(crate) fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        Programs::do_try_state().expect("every invariant holds at the end of a test");
    });
}

/// What `who` has on hold as deposits.
pub(crate) fn held(who: AccountId) -> Balance {
    use frame_support::traits::fungible::InspectHold;
    Balances::balance_on_hold(&HoldReason::Deposit.into(), &who)
}

/// The events of this pallet so far.
pub(crate) fn events() -> Vec<Event<Test>> {
    System::read_events_for_pallet::<Event<Test>>()
}
