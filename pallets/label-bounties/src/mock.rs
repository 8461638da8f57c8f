//! A runtime to test with.

use crate::{self as pallet_label_bounties, *};
use athanor_primitives::labels::{CampaignTerms, Refusal, TermsLimits, Ticks};
use core::cell::{Cell, RefCell};
use frame_support::{
    derive_impl, parameter_types,
    traits::{
        fungible::{Balanced, Credit, Inspect, InspectHold, Mutate},
        ConstU128, ConstU64, Contains, Get, Hooks, OnUnbalanced,
    },
    weights::Weight,
    PalletId,
};
use sp_core::{sr25519, Pair};
use sp_runtime::{
    generic,
    traits::{
        AccountIdConversion, BlakeTwo256, Dispatchable, IdentifyAccount, IdentityLookup, Verify,
    },
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidityError, ValidTransaction,
    },
    AccountId32, BuildStorage, DispatchResultWithInfo, MultiSignature, Permill,
};
use std::collections::BTreeMap;

pub(crate) type AccountId = AccountId32;
pub(crate) type TxExtension = (
    frame_system::AuthorizeCall<Test>,
    frame_system::CheckNonZeroSender<Test>,
    frame_system::CheckGenesis<Test>,
    frame_system::CheckNonce<Test>,
    frame_system::CheckWeight<Test>,
);
pub(crate) type Extrinsic =
    generic::UncheckedExtrinsic<AccountId, RuntimeCall, MultiSignature, TxExtension>;
pub(crate) type Block = generic::Block<generic::Header<u32, BlakeTwo256>, Extrinsic>;

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

    #[runtime::pallet_index(62)]
    pub type LabelBounties = pallet_label_bounties;
}

/// Filters this pallet's calls, or one of them, as safe mode and tx-pause do.
#[allow(unreachable_pub)]
pub struct Filter;

impl Contains<RuntimeCall> for Filter {
    fn contains(call: &RuntimeCall) -> bool {
        match call {
            RuntimeCall::LabelBounties(call) => {
                use frame_support::traits::GetCallName;
                !PAUSED.get() && PAUSED_CALL.get() != Some(call.get_call_name())
            }
            _ => true,
        }
    }
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type BaseCallFilter = Filter;
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
}

thread_local! {
    static PAUSED: Cell<bool> = const { Cell::new(false) };
    static PAUSED_CALL: Cell<Option<&'static str>> = const { Cell::new(None) };
    static IDLE_STOPPED: Cell<bool> = const { Cell::new(false) };
    static WITHOUT_VRF: Cell<bool> = const { Cell::new(false) };
    static PAIRS: RefCell<BTreeMap<String, sr25519::Pair>> = const { RefCell::new(BTreeMap::new()) };
}

/// Lets calls of this pallet be allowed, or filtered.
pub(crate) fn allow_calls(allowed: bool) {
    PAUSED.set(!allowed);
}

/// Filters one call of this pallet, or none.
pub(crate) fn pause_call(name: Option<&'static str>) {
    PAUSED_CALL.set(name);
}

/// Lets blocks have no weight left for `on_idle`, or all.
pub(crate) fn stop_idle(stopped: bool) {
    IDLE_STOPPED.set(stopped);
}

/// Lets blocks have no VRF output, or have one.
pub(crate) fn stop_vrf(stopped: bool) {
    WITHOUT_VRF.set(stopped);
}

#[allow(unreachable_pub)]
pub struct DrawSeed;

impl Get<Option<[u8; 32]>> for DrawSeed {
    fn get() -> Option<[u8; 32]> {
        let last = System::block_number().saturating_sub(1);
        (!WITHOUT_VRF.get()).then(|| sp_io::hashing::blake2_256(&last.to_le_bytes()))
    }
}

/// Collects what went where transaction fees go.
#[allow(unreachable_pub)]
pub struct BlockFees;

impl OnUnbalanced<Credit<AccountId, Balances>> for BlockFees {
    fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
        assert!(Balances::resolve(&block_fees(), credit).is_ok());
    }
}

parameter_types! {
    pub TreasuryAccount: AccountId = PalletId(*b"py/trsry").into_account_truncating();
    pub const LabelsPalletId: PalletId = PalletId(*b"ath/labl");
    pub const Fee: Permill = Permill::from_percent(2);
    pub const Bond: Permill = Permill::from_percent(10);
    pub static SlotFee: Balance = AUR / 1_000 + 7;
    pub static Limits: TermsLimits = TermsLimits {
        lease: (10, 3_000),
        join_delay: 500,
        ..TermsLimits::standard(ED)
    };
    pub static MaxOpen: Ticks = 40_000;
    pub static RevealFor: Ticks = 100;
    pub static GoldFor: Ticks = 90;
    pub static RetainFor: Ticks = 200;
    pub static MaxQueue: u32 = 64;
    pub static MaxDraws: u32 = 64;
    pub static MaxDrawWeight: Weight = Weight::from_parts(200_000_000_000, u64::MAX);
    pub static MaxAdvance: u32 = 64;
    pub static RecordHalving: Ticks = 1_000;
    pub static IdleCampaign: Ticks = 1_000;
    pub static ContributionsKept: Ticks = 300;
}

impl Config for Test {
    type WeightInfo = ();
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type PalletId = LabelsPalletId;
    type Treasury = TreasuryAccount;
    type BlockFees = BlockFees;
    type DrawSeed = DrawSeed;
    type CallsAllowed = AllCallsAllowed<Test>;
    type Limits = Limits;
    type Fee = Fee;
    type Bond = Bond;
    type SlotFee = SlotFee;
    type CampaignDeposit = ConstU128<{ AUR / 10 }>;
    type BatchDeposit = ConstU128<{ AUR / 5 }>;
    type DepositPerByte = ConstU128<{ AUR / 100_000 }>;
    type DomainDeposit = ConstU128<AUR>;
    type MaxOpen = MaxOpen;
    type RevealFor = RevealFor;
    type GoldFor = GoldFor;
    type RetainFor = RetainFor;
    type MaxQueue = MaxQueue;
    type MaxDraws = MaxDraws;
    type MaxDrawWeight = MaxDrawWeight;
    type MaxAdvance = MaxAdvance;
    type RecordHalving = RecordHalving;
    type IdleCampaign = IdleCampaign;
    type ContributionsKept = ContributionsKept;
    type BlockTimeMs = ConstU64<3_000>;
}

/// Key pair of a name.
pub(crate) fn pair(name: &str) -> sr25519::Pair {
    if let Some(known) = PAIRS.with_borrow(|pairs| pairs.get(name).cloned()) {
        return known;
    }
    let pair = sr25519::Pair::from_seed(&sp_io::hashing::blake2_256(name.as_bytes()));
    PAIRS.with_borrow_mut(|pairs| pairs.insert(name.into(), pair.clone()));
    pair
}

/// Account of a name, without money.
pub(crate) fn poor(name: &str) -> AccountId {
    <MultiSignature as Verify>::Signer::from(pair(name).public()).into_account()
}

/// Account of a name. It gets [`FUNDS`] the first time it is seen.
pub(crate) fn account(name: &str) -> AccountId {
    let who = poor(name);
    if !System::account_exists(&who) && !frame_support::storage::unhashed::exists(&seen_key(name)) {
        frame_support::storage::unhashed::put(&seen_key(name), &());
        Balances::mint_into(&who, FUNDS).unwrap();
        let minted: Balance = frame_support::storage::unhashed::get_or_default(MINTED);
        frame_support::storage::unhashed::put(MINTED, &(minted + FUNDS));
    }
    who
}

pub(crate) const MINTED: &[u8] = b"test/minted";

fn seen_key(name: &str) -> Vec<u8> {
    [b"test/seen/", name.as_bytes()].concat()
}

/// Takes all money from an account, so that it no longer exists.
pub(crate) fn empty(who: &AccountId) {
    let all = Balances::balance(who);
    if all > 0 {
        use frame_support::traits::tokens::Preservation;
        Balances::transfer(who, &treasury(), all, Preservation::Expendable).unwrap();
    }
    assert!(!System::account_exists(who));
}

/// The treasury.
pub(crate) fn treasury() -> AccountId {
    TreasuryAccount::get()
}

/// Where transaction fees go.
pub(crate) fn block_fees() -> AccountId {
    AccountId32::new([0xfe; 32])
}

pub(crate) fn signed(who: &AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.clone())
}

pub(crate) fn free(who: &AccountId) -> Balance {
    Balances::balance(who)
}

pub(crate) fn held(reason: HoldReason, who: &AccountId) -> Balance {
    Balances::balance_on_hold(&reason.into(), who)
}

/// Runs blocks to their ends, and begins the one after them.
pub(crate) fn run_blocks(count: u32) {
    for _ in 0..count {
        let block = System::block_number();
        let left = if IDLE_STOPPED.get() {
            Weight::zero()
        } else {
            Weight::from_parts(500_000_000_000, u64::MAX)
        };
        let spent = LabelBounties::on_idle(block, left);
        assert!(spent.all_lte(left) || IDLE_STOPPED.get());
        System::set_block_number(block + 1);
        LabelBounties::on_initialize(block + 1);
    }
}

/// Lets time pass: the clock moves by `ticks`, the last of them in a block of its own.
pub(crate) fn pass(ticks: Ticks) {
    Clock::<Test>::mutate(|clock| *clock += ticks.saturating_sub(1));
    if ticks > 0 {
        run_blocks(1);
    }
}

/// The usual end of a batch opened now: twelve leases from now.
pub(crate) fn until(terms: &CampaignTerms) -> Ticks {
    let open = terms.lease.saturating_mul(12).min(MaxOpen::get());
    LabelBounties::clock() + open.max(terms.lease + 1)
}

/// What the pool says of a feeless call.
pub(crate) fn authorise(call: &RuntimeCall) -> Result<ValidTransaction, TransactionValidityError> {
    use frame_support::traits::Authorize;
    call.authorize(TransactionSource::External)
        .expect("a call that can be authorised")
        .map(|(valid, _)| valid)
}

/// Why the pool refuses a feeless call.
pub(crate) fn refusal(call: &RuntimeCall) -> Option<Refusal> {
    match authorise(call) {
        Ok(_) => None,
        Err(TransactionValidityError::Invalid(InvalidTransaction::Custom(code))) => {
            Some(Refusal::from_code(code).expect("a known refusal"))
        }
        other => panic!("refused otherwise: {other:?}"),
    }
}

/// Runs a call as an authorised transaction would.
pub(crate) fn dispatch_authorised(
    call: RuntimeCall,
) -> DispatchResultWithInfo<frame_support::dispatch::PostDispatchInfo> {
    call.dispatch(frame_system::RawOrigin::Authorized.into())
}

/// Genesis: treasury, fees and the pallet's account exist.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .unwrap();
    pallet_balances::GenesisConfig::<Test> {
        balances: vec![
            (treasury(), AUR),
            (block_fees(), AUR),
            (LabelsPalletId::get().into_account_truncating(), ED),
        ],
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| {
        allow_calls(true);
        pause_call(None);
        stop_idle(false);
        stop_vrf(false);
        frame_system::BlockHash::<Test>::insert(0, sp_core::H256([0x69; 32]));
        System::set_block_number(1);
        LabelBounties::on_initialize(1);
    });
    ext
}

/// The same with a keystore, for benchmarks.
#[cfg(feature = "runtime-benchmarks")]
pub(crate) fn ext_with_keys() -> sp_io::TestExternalities {
    use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
    let mut ext = new_test_ext();
    ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
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
    LabelBounties::do_try_state().unwrap();
    let minted: Balance = frame_support::storage::unhashed::get_or_default(MINTED);
    assert_eq!(Balances::total_issuance(), minted + 2 * AUR + ED);
}
