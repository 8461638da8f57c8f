//! Athanor's own pallets.
//!
//! Each duration has a twin for `fast-runtime`, so that tests and the demo see every state in
//! minutes.

use super::*;
use crate::{LabelBounties, Programs};
use athanor_primitives::labels::TermsLimits;
use frame_support::{
    traits::{ConstU64, Get},
    PalletId,
};

parameter_types! {
    pub const ProgramDepositBase: Balance = deposit(2, 256);
    pub const ProgramDepositPerByte: Balance = deposit(0, 1);
}

impl pallet_programs::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type DepositBase = ProgramDepositBase;
    type DepositPerByte = ProgramDepositPerByte;
    type WeightInfo = pallet_programs::weights::SubstrateWeight<Runtime>;
}

/// The VRF of the previous block's author.
pub struct AuthorVrf;

impl Get<Option<[u8; 32]>> for AuthorVrf {
    fn get() -> Option<[u8; 32]> {
        pallet_babe::AuthorVrfRandomness::<Runtime>::get()
    }
}

/// The running epoch's index and the randomness it has fixed for the next.
pub struct EpochRandomness;

impl Get<Option<(u64, [u8; 32])>> for EpochRandomness {
    fn get() -> Option<(u64, [u8; 32])> {
        Some((
            pallet_babe::EpochIndex::<Runtime>::get(),
            pallet_babe::NextRandomness::<Runtime>::get(),
        ))
    }
}

parameter_types! {
    pub const JobsPalletId: PalletId = PalletId(*b"ath/jobs");
    pub const MinCollateral: Balance = 10 * UNIT;
    pub const WorkerFloat: Balance = UNIT;
    pub const OpenFor: BlockNumber = prod_or_fast!(400, 60);
    /// More than three epochs.
    pub const OpenForHighValue: BlockNumber = 4 * EPOCH_DURATION_IN_BLOCKS;
    pub const HighValue: Balance = 10_000 * UNIT;
    pub const RoundBlocks: BlockNumber = prod_or_fast!(20, 6);
    pub const AcceptBase: BlockNumber = prod_or_fast!(40, 20);
    pub const WorkBase: BlockNumber = prod_or_fast!(40, 6);
    pub const SealBlocks: BlockNumber = prod_or_fast!(6, 3);
    pub const RevealBlocks: BlockNumber = prod_or_fast!(1_200, 40);
    pub const MinWindow: BlockNumber = prod_or_fast!(100, 10);
    pub const MaxWindow: BlockNumber = prod_or_fast!(7 * DAYS, HOURS);
    pub const MaxWait: BlockNumber = prod_or_fast!(DAYS, HOURS);
    pub const UnbondingBlocks: BlockNumber = prod_or_fast!(7 * DAYS, 20);
    pub const JailBlocks: BlockNumber = prod_or_fast!(DAYS, 20);
    pub const ReceiptDeposit: Balance = deposit(1, 512);
    pub const PokeReward: Balance = MILLI_UNIT;
    pub const SeatStake: Balance = 50 * MILLI_UNIT;
    pub const ReputationUnit: Balance = MILLI_UNIT;
    pub const ReputationHalfLife: BlockNumber = prod_or_fast!(30 * DAYS, HOURS);
    pub const AnnounceBlocks: BlockNumber = 2;
    pub const AnnouncedFor: BlockNumber = prod_or_fast!(400, 40);
    pub const AskedFor: BlockNumber = prod_or_fast!(1_200, 40);
    pub const AnsweredFor: BlockNumber = prod_or_fast!(400, 40);
    pub const ThreadBond: Balance = UNIT;
    /// About twice the fee of a call with 32 KiB.
    pub const AnswerPrice: Balance = 70 * MILLI_UNIT;
}

impl pallet_compute_jobs::Config for Runtime {
    type WeightInfo = pallet_compute_jobs::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = Programs;
    type PalletId = JobsPalletId;
    type Treasury = governance::TreasuryAccount;
    type AuthorVrf = AuthorVrf;
    type EpochRandomness = EpochRandomness;
    type WorkerKey = pallet_compute_jobs::crypto::WorkerKey;
    type WatcherKey = pallet_compute_jobs::crypto::WatcherKey;
    type MinBond = dynamic_params::compute::MinBond;
    type MinCollateral = MinCollateral;
    type WorkerFloat = WorkerFloat;
    type ProtocolFee = dynamic_params::compute::ProtocolFee;
    type MaxOffers = ConstU32<256>;
    type OpenFor = OpenFor;
    type OpenForHighValue = OpenForHighValue;
    type HighValue = HighValue;
    type RoundBlocks = RoundBlocks;
    type AcceptBase = AcceptBase;
    type WorkBase = WorkBase;
    type SealBlocks = SealBlocks;
    type RevealBlocks = RevealBlocks;
    type MinWindow = MinWindow;
    type MaxWindow = MaxWindow;
    type MaxWait = MaxWait;
    type UnbondingBlocks = UnbondingBlocks;
    type JailBlocks = JailBlocks;
    type ReceiptDeposit = ReceiptDeposit;
    type PokeReward = PokeReward;
    type SeatStake = SeatStake;
    type MaxDeadlinesPerBlock = ConstU32<128>;
    type BlockTimeMs = ConstU64<MILLI_SECS_PER_BLOCK>;
    type ReputationUnit = ReputationUnit;
    type ReputationHalfLife = ReputationHalfLife;
    type AnnounceBlocks = AnnounceBlocks;
    type AnnouncedFor = AnnouncedFor;
    type AskedFor = AskedFor;
    type AnsweredFor = AnsweredFor;
    type ThreadBond = ThreadBond;
    type AnswerPrice = AnswerPrice;
}

parameter_types! {
    pub const LabelsPalletId: PalletId = PalletId(*b"ath/labl");
    pub LabelLimits: TermsLimits = TermsLimits {
        lease: prod_or_fast!((10 * MINUTES, DAYS), (10, DAYS)),
        ..TermsLimits::standard(EXISTENTIAL_DEPOSIT)
    };
    pub const LabelFee: sp_runtime::Permill = sp_runtime::Permill::from_percent(2);
    pub const LabelBond: sp_runtime::Permill = sp_runtime::Permill::from_percent(10);
    pub const SlotFee: Balance = 5 * MILLI_UNIT / 2;
    pub const CampaignDeposit: Balance = deposit(1, 450);
    pub const BatchDeposit: Balance = deposit(2, 1_800);
    pub const LabelDepositPerByte: Balance = deposit(0, 1);
    pub const DomainDeposit: Balance = deposit(1, 64);
    pub const MaxOpen: BlockNumber = 7 * DAYS;
    pub const RevealFor: BlockNumber = prod_or_fast!(DAYS, 40);
    pub const GoldFor: BlockNumber = prod_or_fast!(DAYS, 40);
    pub const RetainFor: BlockNumber = prod_or_fast!(7 * DAYS, 100);
    pub MaxDrawWeight: Weight = Perbill::from_percent(15) * MAXIMUM_BLOCK_WEIGHT;
    pub const RecordHalving: BlockNumber = 90 * DAYS;
    pub const IdleCampaign: BlockNumber = prod_or_fast!(90 * DAYS, 200);
    pub const ContributionsKept: BlockNumber = prod_or_fast!(30 * DAYS, 200);
}

impl pallet_label_bounties::Config for Runtime {
    type WeightInfo = pallet_label_bounties::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type PalletId = LabelsPalletId;
    type Treasury = governance::TreasuryAccount;
    type BlockFees = governance::FeesToTreasury;
    type DrawSeed = AuthorVrf;
    type CallsAllowed = pallet_label_bounties::AllCallsAllowed<Runtime>;
    type Limits = LabelLimits;
    type Fee = LabelFee;
    type Bond = LabelBond;
    type SlotFee = SlotFee;
    type CampaignDeposit = CampaignDeposit;
    type BatchDeposit = BatchDeposit;
    type DepositPerByte = LabelDepositPerByte;
    type DomainDeposit = DomainDeposit;
    type MaxOpen = MaxOpen;
    type RevealFor = RevealFor;
    type GoldFor = GoldFor;
    type RetainFor = RetainFor;
    type MaxQueue = ConstU32<1_024>;
    type MaxDraws = ConstU32<256>;
    type MaxDrawWeight = MaxDrawWeight;
    type MaxAdvance = ConstU32<256>;
    type RecordHalving = RecordHalving;
    type IdleCampaign = IdleCampaign;
    type ContributionsKept = ContributionsKept;
    type BlockTimeMs = ConstU64<MILLI_SECS_PER_BLOCK>;
}

parameter_types! {
    pub const MarketPalletId: PalletId = PalletId(*b"ath/mrkt");
    pub const MarketFee: sp_runtime::Permill = sp_runtime::Permill::from_percent(2);
    pub const ListingFee: Balance = UNIT / 2;
    pub const MinPrice: Balance = UNIT / 100;
    pub const MarketDepositPerItem: Balance = deposit(1, 0);
    pub const MarketDepositPerByte: Balance = deposit(0, 1);
    pub const MinRevealWindow: BlockNumber = prod_or_fast!(30 * MINUTES, 20);
    pub const DefaultRevealWindow: BlockNumber = prod_or_fast!(4 * HOURS, 20);
    pub const MaxRevealWindow: BlockNumber = 7 * DAYS;
    pub const MinDisputeWindow: BlockNumber = prod_or_fast!(6 * HOURS, 20);
    pub const DefaultDisputeWindow: BlockNumber = prod_or_fast!(24 * HOURS, 20);
    pub const MaxDisputeWindow: BlockNumber = 14 * DAYS;
    pub const DisputeWindowPerGib: BlockNumber = prod_or_fast!(MINUTES, 1);
    pub const OldSealFor: BlockNumber = prod_or_fast!(24 * HOURS, 40);
    pub const RateFor: BlockNumber = prod_or_fast!(30 * DAYS, 100);
    pub const EnrolFor: BlockNumber = prod_or_fast!(30 * DAYS, 40);
    pub const PoolIdle: BlockNumber = prod_or_fast!(90 * DAYS, 100);
}

impl pallet_data_market::Config for Runtime {
    type WeightInfo = pallet_data_market::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type PalletId = MarketPalletId;
    type Treasury = governance::TreasuryAccount;
    type Contributors = LabelBounties;
    type FreezeOrigin = EnsureRoot<AccountId>;
    type Fee = MarketFee;
    type ListingFee = ListingFee;
    type MinPrice = MinPrice;
    type DepositPerItem = MarketDepositPerItem;
    type DepositPerByte = MarketDepositPerByte;
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
    type BlockTimeMs = ConstU64<MILLI_SECS_PER_BLOCK>;
}
