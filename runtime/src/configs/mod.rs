//! How the pallets are wired, one file a subject.

pub mod athanor;
pub mod consensus;
pub mod governance;

use crate::{
    deposit, migrations, prod_or_fast, time::*, AccountId, Balance, Balances, Block, BlockNumber,
    Hash, Nonce, OriginCaller, PalletInfo, Preimage, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeFreezeReason, RuntimeHoldReason, RuntimeOrigin, RuntimeTask, SafeMode, Signature,
    System, TxExtension, TxPause, UncheckedExtrinsic, EXISTENTIAL_DEPOSIT, MILLI_UNIT, UNIT,
    VERSION,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    derive_impl,
    dispatch::DispatchClass,
    dynamic_params::{dynamic_pallet_params, dynamic_params},
    migrations::FreezeChainOnFailedMigration,
    parameter_types,
    traits::{
        fungible::HoldConsideration, AsEnsureOriginWithArg, ConstU128, ConstU32, ConstU8, Contains,
        EnsureOriginWithArg, InsideBoth, InstanceFilter, LinearStoragePrice, VariantCountOf,
    },
    weights::{
        constants::{BlockExecutionWeight, ExtrinsicBaseWeight, WEIGHT_REF_TIME_PER_SECOND},
        ConstantMultiplier, Weight, WeightToFeeCoefficient, WeightToFeeCoefficients,
        WeightToFeePolynomial,
    },
};
use frame_system::{
    limits::{BlockLength, BlockWeights},
    EnsureRoot, EnsureSigned,
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use scale_info::TypeInfo;
use sp_runtime::{
    generic,
    traits::{AccountIdLookup, BlakeTwo256, Bounded},
    FixedPointNumber, Perbill, Perquintill, SaturatedConversion,
};

/// Share of a block that normal transactions may fill; the rest is for operational ones, so that
/// stuffing blocks does not outlast a dispute window.
const NORMAL_DISPATCH_RATIO: Perbill = Perbill::from_percent(75);
/// Share of a block reckoned to hooks and inherents.
const AVERAGE_ON_INITIALIZE_RATIO: Perbill = Perbill::from_percent(10);
/// One second of execution for a 3 s block.
const MAXIMUM_BLOCK_WEIGHT: Weight = Weight::from_parts(WEIGHT_REF_TIME_PER_SECOND, u64::MAX);

parameter_types! {
    pub const BlockHashCount: BlockNumber = 2_400;
    pub const Version: sp_version::RuntimeVersion = VERSION;
    pub const SS58Prefix: u8 = 42;
    pub RuntimeBlockLength: BlockLength =
        BlockLength::builder().max_length(5 * 1024 * 1024).modify_max_length_for_class(
            DispatchClass::Normal,
            |m| *m = NORMAL_DISPATCH_RATIO * (5 * 1024 * 1024),
        ).build();
    pub RuntimeBlockWeights: BlockWeights = BlockWeights::builder()
        .base_block(BlockExecutionWeight::get())
        .for_class(DispatchClass::all(), |weights| {
            weights.base_extrinsic = ExtrinsicBaseWeight::get();
        })
        .for_class(DispatchClass::Normal, |weights| {
            weights.max_total = Some(NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT);
        })
        .for_class(DispatchClass::Operational, |weights| {
            weights.max_total = Some(MAXIMUM_BLOCK_WEIGHT);
            weights.reserved = Some(
                MAXIMUM_BLOCK_WEIGHT - NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT
            );
        })
        .avg_block_initialization(AVERAGE_ON_INITIALIZE_RATIO)
        .build_or_panic();
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type BaseCallFilter = InsideBoth<SafeMode, TxPause>;
    type Block = Block;
    type BlockWeights = RuntimeBlockWeights;
    type BlockLength = RuntimeBlockLength;
    type AccountId = AccountId;
    type Nonce = Nonce;
    type Hash = Hash;
    type Lookup = AccountIdLookup<AccountId, ()>;
    type BlockHashCount = BlockHashCount;
    type DbWeight = frame_support::weights::constants::ParityDbWeight;
    type Version = Version;
    type AccountData = pallet_balances::AccountData<Balance>;
    type SS58Prefix = SS58Prefix;
    type MaxConsumers = ConstU32<64>;
    type SystemWeightInfo = crate::weights::frame_system::WeightInfo<Runtime>;
    type ExtensionsWeightInfo = crate::weights::frame_system_extensions::WeightInfo<Runtime>;
    type SingleBlockMigrations = migrations::SingleBlockMigrations;
    type MultiBlockMigrator = crate::MultiBlockMigrations;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = crate::Babe;
    type MinimumPeriod = frame_support::traits::ConstU64<{ SLOT_DURATION / 2 }>;
    type WeightInfo = crate::weights::pallet_timestamp::WeightInfo<Runtime>;
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = crate::weights::pallet_balances::WeightInfo<Runtime>;
    type Balance = Balance;
    type DustRemoval = ();
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

/// Weight to fee: the base weight of an extrinsic costs 0.1 mAUR at multiplier 1, and with it a full
/// block about 0.9 AUR.
pub struct WeightToFee;

impl WeightToFeePolynomial for WeightToFee {
    type Balance = Balance;

    fn polynomial() -> WeightToFeeCoefficients<Self::Balance> {
        // The base weight of one extrinsic costs a tenth of a thousandth of an AUR.
        let p = MILLI_UNIT / 10;
        let q = Balance::from(ExtrinsicBaseWeight::get().ref_time());
        [WeightToFeeCoefficient {
            degree: 1,
            negative: false,
            coeff_frac: Perbill::from_rational(p % q, q),
            coeff_integer: p / q,
        }]
        .into_iter()
        .collect()
    }
}

parameter_types! {
    pub const TransactionByteFee: Balance = MILLI_UNIT / 1_000;
    pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
    pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(1, 100_000);
    pub MinimumMultiplier: Multiplier = Multiplier::saturating_from_rational(1, 10);
    pub MaximumMultiplier: Multiplier = Bounded::max_value();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = FungibleAdapter<Balances, governance::FeesToTreasury>;
    type WeightToFee = WeightToFee;
    type LengthToFee = ConstantMultiplier<Balance, TransactionByteFee>;
    type FeeMultiplierUpdate = TargetedFeeAdjustment<
        Self,
        TargetBlockFullness,
        AdjustmentVariable,
        MinimumMultiplier,
        MaximumMultiplier,
    >;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightInfo = crate::weights::pallet_transaction_payment::WeightInfo<Runtime>;
}

impl pallet_assets::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Balance = Balance;
    type RemoveItemsLimit = ConstU32<1_000>;
    type AssetId = u32;
    type AssetIdParameter = codec::Compact<u32>;
    type ReserveData = ();
    type Currency = Balances;
    type CreateOrigin = AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
    type ForceOrigin = EnsureRoot<AccountId>;
    type AssetDeposit = ConstU128<{ 10 * UNIT }>;
    type AssetAccountDeposit = ConstU128<{ deposit(1, 16) }>;
    type MetadataDepositBase = ConstU128<{ deposit(1, 68) }>;
    type MetadataDepositPerByte = ConstU128<{ deposit(0, 1) }>;
    type ApprovalDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
    type StringLimit = ConstU32<50>;
    type Freezer = ();
    type Holder = ();
    type Extra = ();
    type CallbackHandle = ();
    type AssetIdAllocator = ();
    type WeightInfo = crate::weights::pallet_assets::WeightInfo<Runtime>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ();
}

impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = OriginCaller;
    type WeightInfo = crate::weights::pallet_utility::WeightInfo<Runtime>;
}

impl pallet_multisig::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type DepositBase = ConstU128<{ deposit(1, 88) }>;
    type DepositFactor = ConstU128<{ deposit(0, 32) }>;
    type MaxSignatories = ConstU32<100>;
    type WeightInfo = crate::weights::pallet_multisig::WeightInfo<Runtime>;
    type BlockNumberProvider = System;
}

/// What a proxy may do in its owner's name.
#[derive(
    Copy,
    Clone,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Debug,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    #[codec(index = 0)]
    Any,
    /// Everything that moves no funds out.
    #[codec(index = 1)]
    NonTransfer,
    /// Voting, referenda and the treasury.
    #[codec(index = 2)]
    Governance,
    /// A provider's daily work: offers and pauses, but neither its bond nor the worker key that
    /// could lose it.
    #[codec(index = 3)]
    Provider,
    /// Session keys, candidacy and bond.
    #[codec(index = 4)]
    Validator,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, c: &RuntimeCall) -> bool {
        match self {
            ProxyType::Any => true,
            ProxyType::NonTransfer => !matches!(
                c,
                RuntimeCall::Balances(..)
                    | RuntimeCall::Assets(..)
                    | RuntimeCall::Sudo(..)
                    | RuntimeCall::ComputeJobs(
                        pallet_compute_jobs::Call::create_job { .. }
                            | pallet_compute_jobs::Call::add_bond { .. }
                            | pallet_compute_jobs::Call::register_provider { .. }
                            | pallet_compute_jobs::Call::set_worker { .. }
                            | pallet_compute_jobs::Call::set_offer { .. }
                            | pallet_compute_jobs::Call::announce { .. }
                            | pallet_compute_jobs::Call::demand { .. }
                            | pallet_compute_jobs::Call::deliver { .. }
                    )
                    | RuntimeCall::LabelBounties(
                        pallet_label_bounties::Call::create_campaign { .. }
                            | pallet_label_bounties::Call::open_batch { .. }
                            | pallet_label_bounties::Call::request_pages { .. }
                            | pallet_label_bounties::Call::commit { .. }
                    )
                    | RuntimeCall::DataMarket(
                        pallet_data_market::Call::bond { .. }
                            | pallet_data_market::Call::register { .. }
                            | pallet_data_market::Call::list { .. }
                            | pallet_data_market::Call::seal { .. }
                            | pallet_data_market::Call::set_price { .. }
                            | pallet_data_market::Call::order { .. }
                            | pallet_data_market::Call::reveal { .. }
                    )
                    // Session keys can lose the bond.
                    | RuntimeCall::Session(..)
                    | RuntimeCall::Validators(pallet_validators::Call::bond { .. })
            ),
            ProxyType::Governance => matches!(
                c,
                RuntimeCall::Referenda(..)
                    | RuntimeCall::ConvictionVoting(..)
                    | RuntimeCall::Preimage(..)
                    | RuntimeCall::Treasury(..)
                    | RuntimeCall::Utility(..)
            ),
            ProxyType::Provider => matches!(
                c,
                RuntimeCall::ComputeJobs(
                    pallet_compute_jobs::Call::set_offer { .. }
                        | pallet_compute_jobs::Call::pause { .. }
                        | pallet_compute_jobs::Call::resume { .. }
                        | pallet_compute_jobs::Call::unjail { .. }
                        | pallet_compute_jobs::Call::poke { .. }
                )
            ),
            ProxyType::Validator => {
                matches!(
                    c,
                    RuntimeCall::Session(..)
                        | RuntimeCall::CollatorSelection(..)
                        | RuntimeCall::Validators(..)
                )
            }
        }
    }

    fn is_superset(&self, o: &Self) -> bool {
        match (self, o) {
            (x, y) if x == y => true,
            (ProxyType::Any, _) => true,
            (_, ProxyType::Any) => false,
            _ => false,
        }
    }
}

impl pallet_proxy::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type ProxyType = ProxyType;
    type ProxyDepositBase = ConstU128<{ deposit(1, 8) }>;
    type ProxyDepositFactor = ConstU128<{ deposit(0, 33) }>;
    type MaxProxies = ConstU32<32>;
    type WeightInfo = crate::weights::pallet_proxy::WeightInfo<Runtime>;
    type MaxPending = ConstU32<32>;
    type CallHasher = BlakeTwo256;
    type AnnouncementDepositBase = ConstU128<{ deposit(1, 8) }>;
    type AnnouncementDepositFactor = ConstU128<{ deposit(0, 66) }>;
    type BlockNumberProvider = System;
}

parameter_types! {
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
    pub const PreimageBaseDeposit: Balance = deposit(1, 64);
    pub const PreimageByteDeposit: Balance = deposit(0, 1);
}

impl pallet_preimage::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = crate::weights::pallet_preimage::WeightInfo<Runtime>;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
    >;
}

parameter_types! {
    pub MaximumSchedulerWeight: Weight = Perbill::from_percent(60) * RuntimeBlockWeights::get().max_block;
}

impl pallet_scheduler::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type MaximumWeight = MaximumSchedulerWeight;
    type ScheduleOrigin = EnsureRoot<AccountId>;
    type OriginPrivilegeCmp = frame_support::traits::EqualPrivilegeOnly;
    type MaxScheduledPerBlock = ConstU32<50>;
    type WeightInfo = crate::weights::pallet_scheduler::WeightInfo<Runtime>;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

/// What governance may change without an upgrade.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic_params {
    use super::*;

    /// GPU jobs.
    #[dynamic_pallet_params]
    #[codec(index = 0)]
    pub mod compute {
        /// The protocol's share of a provider's pay.
        #[codec(index = 0)]
        pub static ProtocolFee: sp_runtime::Permill = sp_runtime::Permill::from_percent(2);
        /// The least a provider must bond.
        #[codec(index = 1)]
        pub static MinBond: Balance = 100 * UNIT;
    }
}

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
    fn default() -> Self {
        RuntimeParameters::Compute(dynamic_params::compute::Parameters::ProtocolFee(
            dynamic_params::compute::ProtocolFee,
            Some(sp_runtime::Permill::from_percent(2)),
        ))
    }
}

/// Root sets parameters.
pub struct EnsureParameterAdmin;

impl EnsureOriginWithArg<RuntimeOrigin, RuntimeParametersKey> for EnsureParameterAdmin {
    type Success = ();

    fn try_origin(
        origin: RuntimeOrigin,
        _key: &RuntimeParametersKey,
    ) -> Result<Self::Success, RuntimeOrigin> {
        frame_system::ensure_root(origin.clone()).map_err(|_| origin)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin(_key: &RuntimeParametersKey) -> Result<RuntimeOrigin, ()> {
        Ok(RuntimeOrigin::root())
    }
}

impl pallet_parameters::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeParameters = RuntimeParameters;
    type AdminOrigin = EnsureParameterAdmin;
    type WeightInfo = crate::weights::pallet_parameters::WeightInfo<Runtime>;
}

/// Calls that work in safe mode: those that keep the chain going and that end safe mode. Without
/// sudo a referendum ends it, so holders must be able to propose and to vote.
pub struct SafeModeWhitelist;

impl Contains<RuntimeCall> for SafeModeWhitelist {
    fn contains(call: &RuntimeCall) -> bool {
        matches!(
            call,
            RuntimeCall::System(..)
                | RuntimeCall::Timestamp(..)
                | RuntimeCall::SafeMode(..)
                | RuntimeCall::TxPause(..)
                | RuntimeCall::Babe(..)
                | RuntimeCall::Grandpa(..)
                | RuntimeCall::Session(..)
                // Validators replace lost keys and leave, and offenders can be jailed.
                | RuntimeCall::Validators(..)
                | RuntimeCall::Sudo(..)
                | RuntimeCall::Preimage(..)
                | RuntimeCall::Referenda(..)
                | RuntimeCall::ConvictionVoting(..)
                // Deadlines run on, and missing them costs a provider its collateral and a
                // challenger its bond. Who can't dispute may be outvoted by a lie.
                | RuntimeCall::ComputeJobs(
                    pallet_compute_jobs::Call::accept { .. }
                        | pallet_compute_jobs::Call::commit { .. }
                        | pallet_compute_jobs::Call::reveal { .. }
                        | pallet_compute_jobs::Call::announce { .. }
                        | pallet_compute_jobs::Call::challenge { .. }
                        | pallet_compute_jobs::Call::demand { .. }
                        | pallet_compute_jobs::Call::answer { .. }
                )
                // Orders can be stopped, their ends cannot: market time runs on.
                | RuntimeCall::DataMarket(
                    pallet_data_market::Call::reveal { .. }
                        | pallet_data_market::Call::complain { .. }
                        | pallet_data_market::Call::poke { .. }
                        | pallet_data_market::Call::claim { .. }
                        | pallet_data_market::Call::forget_right { .. }
                )
        )
    }
}

parameter_types! {
    pub const SafeModeDuration: BlockNumber = prod_or_fast!(DAYS, 10 * MINUTES);
    pub const SafeModeDeposit: Option<Balance> = None;
    pub const SafeModeReleaseDelay: Option<BlockNumber> = None;
}

impl pallet_safe_mode::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WhitelistedCalls = SafeModeWhitelist;
    type EnterDuration = SafeModeDuration;
    type ExtendDuration = SafeModeDuration;
    // Nobody buys a stop of the chain.
    type EnterDepositAmount = SafeModeDeposit;
    type ExtendDepositAmount = SafeModeDeposit;
    type ForceEnterOrigin = frame_system::EnsureRootWithSuccess<AccountId, SafeModeDuration>;
    type ForceExtendOrigin = frame_system::EnsureRootWithSuccess<AccountId, SafeModeDuration>;
    type ForceExitOrigin = EnsureRoot<AccountId>;
    type ForceDepositOrigin = EnsureRoot<AccountId>;
    type Notify = ();
    type ReleaseDelay = SafeModeReleaseDelay;
    type WeightInfo = pallet_safe_mode::weights::SubstrateWeight<Runtime>;
}

/// Calls that can never be paused: those that lift the pause, and those that providers lose
/// collateral, challengers and sellers their bonds and buyers their money without.
pub struct TxPauseWhitelist;

impl Contains<pallet_tx_pause::RuntimeCallNameOf<Runtime>> for TxPauseWhitelist {
    fn contains(full_name: &pallet_tx_pause::RuntimeCallNameOf<Runtime>) -> bool {
        matches!(
            (full_name.0.as_slice(), full_name.1.as_slice()),
            (b"TxPause", _)
                | (b"Sudo", _)
                | (b"Preimage" | b"Referenda" | b"ConvictionVoting", _)
                | (b"Timestamp", _)
                | (
                    b"ComputeJobs",
                    b"accept"
                        | b"commit"
                        | b"reveal"
                        | b"announce"
                        | b"challenge"
                        | b"demand"
                        | b"answer"
                )
                | (
                    b"DataMarket",
                    b"reveal" | b"complain" | b"poke" | b"claim" | b"forget_right"
                )
                | (b"Validators", b"unbond" | b"poke")
        )
    }
}

impl pallet_tx_pause::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PauseOrigin = EnsureRoot<AccountId>;
    type UnpauseOrigin = EnsureRoot<AccountId>;
    type WhitelistedCalls = TxPauseWhitelist;
    type MaxNameLen = ConstU32<256>;
    type WeightInfo = crate::weights::pallet_tx_pause::WeightInfo<Runtime>;
}

parameter_types! {
    pub MbmServiceWeight: Weight = Perbill::from_percent(80) * RuntimeBlockWeights::get().max_block;
}

impl pallet_migrations::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    #[cfg(not(feature = "runtime-benchmarks"))]
    type Migrations = migrations::MultiBlockMigrations;
    #[cfg(feature = "runtime-benchmarks")]
    type Migrations = pallet_migrations::mock_helpers::MockedMigrations;
    type CursorMaxLen = ConstU32<65_536>;
    type IdentifierMaxLen = ConstU32<256>;
    type MigrationStatusHandler = ();
    type FailedMigrationHandler = frame_support::migrations::EnterSafeModeOnFailedMigration<
        SafeMode,
        FreezeChainOnFailedMigration,
    >;
    type MaxServiceWeight = MbmServiceWeight;
    type WeightInfo = crate::weights::pallet_migrations::WeightInfo<Runtime>;
}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = crate::weights::pallet_sudo::WeightInfo<Runtime>;
}

impl frame_system::offchain::SigningTypes for Runtime {
    type Public = <Signature as sp_runtime::traits::Verify>::Signer;
    type Signature = Signature;
}

impl<C> frame_system::offchain::CreateTransactionBase<C> for Runtime
where
    RuntimeCall: From<C>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

impl<C> frame_system::offchain::CreateTransaction<C> for Runtime
where
    RuntimeCall: From<C>,
{
    type Extension = TxExtension;

    fn create_transaction(call: RuntimeCall, extension: TxExtension) -> UncheckedExtrinsic {
        generic::UncheckedExtrinsic::new_transaction(call, extension)
    }
}

impl<C> frame_system::offchain::CreateBare<C> for Runtime
where
    RuntimeCall: From<C>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        generic::UncheckedExtrinsic::new_bare(call)
    }
}

impl<C> frame_system::offchain::CreateAuthorizedTransaction<C> for Runtime
where
    RuntimeCall: From<C>,
{
    fn create_extension() -> TxExtension {
        tx_extension_of(0, generic::Era::Immortal)
    }
}

/// The extension of a transaction of our own, alive for 64 blocks from the one it is made on.
fn tx_extension(nonce: Nonce) -> TxExtension {
    let period = 64;
    let current = System::block_number()
        .saturated_into::<u64>()
        .saturating_sub(1);
    tx_extension_of(nonce, generic::Era::mortal(period, current))
}

pub(crate) fn tx_extension_of(nonce: Nonce, era: generic::Era) -> TxExtension {
    (
        frame_system::AuthorizeCall::<Runtime>::new(),
        frame_system::CheckNonZeroSender::<Runtime>::new(),
        frame_system::CheckSpecVersion::<Runtime>::new(),
        frame_system::CheckTxVersion::<Runtime>::new(),
        frame_system::CheckGenesis::<Runtime>::new(),
        frame_system::CheckEra::<Runtime>::from(era),
        frame_system::CheckNonce::<Runtime>::from(nonce),
        frame_system::CheckWeight::<Runtime>::new(),
        crate::extensions::CheckOperational,
        pallet_transaction_payment::ChargeTransactionPayment::<Runtime>::from(0),
        frame_metadata_hash_extension::CheckMetadataHash::<Runtime>::new(false),
        frame_system::WeightReclaim::<Runtime>::new(),
    )
}

impl<C> frame_system::offchain::CreateSignedTransaction<C> for Runtime
where
    RuntimeCall: From<C>,
{
    fn create_signed_transaction<
        K: frame_system::offchain::AppCrypto<Self::Public, Self::Signature>,
    >(
        call: RuntimeCall,
        public: <Signature as sp_runtime::traits::Verify>::Signer,
        account: AccountId,
        nonce: Nonce,
    ) -> Option<UncheckedExtrinsic> {
        let payload = crate::SignedPayload::new(call, tx_extension(nonce)).ok()?;
        let signature = payload.using_encoded(|bytes| K::sign(bytes, public))?;
        let (call, extension, _) = payload.deconstruct();
        Some(generic::UncheckedExtrinsic::new_signed(
            call,
            account.into(),
            signature,
            extension,
        ))
    }
}
