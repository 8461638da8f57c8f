use std::cell::RefCell;

use frame_support::{
    assert_noop, derive_impl,
    traits::{
        fungible::{Inspect, InspectHold, Mutate},
        tokens::Preservation,
        ConstU64, LockableCurrency, WithdrawReasons,
    },
};
use sp_runtime::{BuildStorage, TokenError};

use super::HeldMoney;

const ED: u64 = 10;
const ALICE: u64 = 1;
const BOB: u64 = 2;
const NOBODY: u64 = 3;
const TREASURY: u64 = 9;

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
}

type Block = frame_system::mocking::MockBlock<Test>;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u64>;
}

/// Why something is held here.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    codec::Encode,
    codec::Decode,
    codec::DecodeWithMemTracking,
    codec::MaxEncodedLen,
    scale_info::TypeInfo,
)]
#[allow(unreachable_pub)]
pub enum Reason {
    Price,
    Bond,
}

impl frame_support::traits::VariantCount for Reason {
    const VARIANT_COUNT: u32 = 2;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type ExistentialDeposit = ConstU64<ED>;
    type RuntimeHoldReason = Reason;
}

thread_local! {
    static DIVERTED: RefCell<Vec<(u64, u64)>> = const { RefCell::new(Vec::new()) };
}

struct Money;

impl HeldMoney for Money {
    type AccountId = u64;
    type Currency = Balances;
    type Reason = Reason;

    fn treasury() -> u64 {
        TREASURY
    }

    fn diverted(intended: &u64, amount: u64) {
        DIVERTED.with_borrow_mut(|all| all.push((*intended, amount)));
    }
}

/// Runs with these accounts, and checks that no money was made or lost.
fn with(balances: &[(u64, u64)], test: impl FnOnce()) {
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .unwrap();
    pallet_balances::GenesisConfig::<Test> {
        balances: balances.to_vec(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    DIVERTED.take();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        let issued = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issued);
    });
}

/// Free and held for the price.
fn of(who: u64) -> (u64, u64) {
    (Balances::balance(&who), Money::on_hold(Reason::Price, &who))
}

#[test]
fn what_is_held_is_counted_by_reason_and_given_back() {
    with(&[(ALICE, 1_000)], || {
        Money::hold(Reason::Price, &ALICE, 300).unwrap();
        Money::hold(Reason::Bond, &ALICE, 50).unwrap();
        Money::hold(Reason::Price, &ALICE, 0).unwrap();
        assert_eq!(of(ALICE), (650, 300));
        assert_eq!(Money::on_hold(Reason::Bond, &ALICE), 50);
        Money::give_back(Reason::Price, &ALICE, 0);
        Money::give_back(Reason::Price, &ALICE, 120);
        assert_eq!(of(ALICE), (770, 180));
        assert_eq!(Money::on_hold(Reason::Bond, &ALICE), 50);
    });
}

#[test]
fn more_than_there_is_cannot_be_held() {
    with(&[(ALICE, 1_000)], || {
        assert_noop!(
            Money::hold(Reason::Price, &ALICE, 1_000),
            TokenError::FundsUnavailable
        );
        Money::hold(Reason::Price, &ALICE, 1_000 - ED).unwrap();
    });
}

#[test]
fn held_money_reaches_its_payee_and_opens_his_account() {
    with(&[(ALICE, 1_000), (BOB, 100)], || {
        Money::hold(Reason::Price, &ALICE, 500).unwrap();
        assert!(Money::move_held(Reason::Price, &ALICE, &BOB, 200));
        assert!(Money::move_held(Reason::Price, &ALICE, &NOBODY, ED));
        assert!(Money::move_held(Reason::Price, &ALICE, &BOB, 0));
        assert_eq!(
            (of(ALICE), of(BOB), of(NOBODY)),
            ((500, 290), (300, 0), (ED, 0))
        );
        assert!(DIVERTED.take().is_empty());
    });
}

#[test]
fn what_a_payee_cannot_take_is_the_treasurys() {
    with(&[(ALICE, 1_000), (TREASURY, 100)], || {
        Money::hold(Reason::Price, &ALICE, 500).unwrap();
        assert!(!Money::move_held(Reason::Price, &ALICE, &NOBODY, ED - 1));
        assert_eq!((of(ALICE), of(NOBODY)), ((500, 500 - (ED - 1)), (0, 0)));
        assert_eq!(of(TREASURY), (100 + ED - 1, 0));
        assert_eq!(DIVERTED.take(), [(NOBODY, ED - 1)]);
    });
}

#[test]
fn what_nobody_can_take_goes_back_to_whose_it_was() {
    with(&[(ALICE, 1_000)], || {
        Money::hold(Reason::Price, &ALICE, 500).unwrap();
        assert!(!Money::move_held(Reason::Price, &ALICE, &NOBODY, ED - 1));
        assert_eq!(of(ALICE), (500 + ED - 1, 500 - (ED - 1)));
        assert_eq!(DIVERTED.take(), [(NOBODY, ED - 1)]);
        // Nor is there a second try where the treasury was meant.
        Money::to_treasury(Reason::Price, &ALICE, ED - 1);
        assert_eq!(of(ALICE), (500 + 2 * (ED - 1), 500 - 2 * (ED - 1)));
        assert_eq!(of(TREASURY), (0, 0));
        assert_eq!(DIVERTED.take(), [(TREASURY, ED - 1)]);
    });
}

#[test]
fn a_payee_who_pays_himself_has_it_free_again() {
    with(&[(ALICE, 1_000)], || {
        Money::hold(Reason::Price, &ALICE, 500).unwrap();
        assert!(Money::move_held(Reason::Price, &ALICE, &ALICE, 1));
        assert_eq!(of(ALICE), (501, 499));
        assert!(DIVERTED.take().is_empty());
    });
}

#[test]
fn a_votes_lock_delays_no_payment() {
    with(&[(ALICE, 1_000), (BOB, 100)], || {
        Money::hold(Reason::Price, &ALICE, 500).unwrap();
        Balances::set_lock(*b"a vote  ", &ALICE, u64::MAX, WithdrawReasons::all());
        let transfer = Balances::transfer(&ALICE, &BOB, 1, Preservation::Expendable);
        assert!(transfer.is_err(), "the lock holds nothing");
        assert!(Money::move_held(Reason::Price, &ALICE, &BOB, 500));
        assert_eq!((of(ALICE), of(BOB)), ((500, 0), (600, 0)));
    });
}

#[test]
fn more_than_is_held_moves_nothing() {
    with(&[(ALICE, 1_000), (BOB, 100)], || {
        Money::hold(Reason::Price, &ALICE, 500).unwrap();
        assert!(!Money::try_move(Reason::Price, &ALICE, &BOB, 501));
        assert!(!Money::try_move(Reason::Bond, &ALICE, &BOB, 1));
        assert_eq!((of(ALICE), of(BOB)), ((500, 500), (100, 0)));
        assert_eq!(Balances::total_balance_on_hold(&ALICE), 500);
    });
}
