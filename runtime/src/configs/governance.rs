//! Who decides, and where the common money is.
//!
//! Holders vote with conviction on referenda in three tracks: `root` for everything, `treasurer`
//! for spending, `canceller` to stop a referendum. `sudo` has a key in the `development` and
//! `local` presets only.

use super::*;
use crate::{Referenda, Scheduler, Treasury};
use alloc::borrow::Cow;
use frame_support::{
    traits::{
        fungible::{Balanced, Credit},
        tokens::{PayFromAccount, UnityAssetBalanceConversion},
        OnUnbalanced,
    },
    PalletId,
};
use pallet_referenda::{Curve, Track, TrackInfo};
use sp_runtime::str_array;
use sp_runtime::traits::{AccountIdConversion, IdentityLookup};

/// Origins that referenda can have beside root.
#[frame_support::pallet]
pub mod custom_origins {
    use crate::{Balance, UNIT};
    use frame_support::pallet_prelude::*;

    /// Holds the origins; it has no storage and no calls.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// Nothing to configure.
    #[pallet::config]
    pub trait Config: frame_system::Config {}

    /// An origin made by a referendum's track.
    #[derive(
        PartialEq, Eq, Clone, MaxEncodedLen, Encode, Decode, DecodeWithMemTracking, TypeInfo, Debug,
    )]
    #[pallet::origin]
    pub enum Origin {
        /// May spend from the treasury, up to 100,000 AUR a proposal.
        #[codec(index = 0)]
        Treasurer,
        /// May cancel a referendum; deposits return.
        #[codec(index = 1)]
        ReferendumCanceller,
    }

    /// Passes root (no limit) and [`Origin::Treasurer`] with the most it may spend.
    pub struct Spender;

    impl<O> EnsureOrigin<O> for Spender
    where
        O: OriginTrait + Into<Result<Origin, O>> + From<Origin>,
    {
        type Success = Balance;

        fn try_origin(o: O) -> Result<Self::Success, O> {
            if o.as_system_ref()
                .is_some_and(|raw| matches!(raw, frame_system::RawOrigin::Root))
            {
                return Ok(Balance::MAX);
            }
            match o.into() {
                Ok(Origin::Treasurer) => Ok(100_000 * UNIT),
                Ok(other) => Err(O::from(other)),
                Err(o) => Err(o),
            }
        }

        #[cfg(feature = "runtime-benchmarks")]
        fn try_successful_origin() -> Result<O, ()> {
            Ok(O::root())
        }
    }

    /// Passes root and [`Origin::ReferendumCanceller`].
    pub struct Canceller;

    impl<O> EnsureOrigin<O> for Canceller
    where
        O: OriginTrait + Into<Result<Origin, O>> + From<Origin>,
    {
        type Success = ();

        fn try_origin(o: O) -> Result<Self::Success, O> {
            if o.as_system_ref()
                .is_some_and(|raw| matches!(raw, frame_system::RawOrigin::Root))
            {
                return Ok(());
            }
            match o.into() {
                Ok(Origin::ReferendumCanceller) => Ok(()),
                Ok(other) => Err(O::from(other)),
                Err(o) => Err(o),
            }
        }

        #[cfg(feature = "runtime-benchmarks")]
        fn try_successful_origin() -> Result<O, ()> {
            Ok(O::root())
        }
    }
}

impl custom_origins::Config for Runtime {}

parameter_types! {
    pub const TreasuryPalletId: PalletId = PalletId(*b"ath/trsy");
    pub const SpendPeriod: BlockNumber = prod_or_fast!(7 * DAYS, 10 * MINUTES);
    pub const PayoutPeriod: BlockNumber = prod_or_fast!(30 * DAYS, HOURS);
    pub const NoBurn: sp_runtime::Permill = sp_runtime::Permill::zero();
    pub TreasuryAccount: AccountId = TreasuryPalletId::get().into_account_truncating();
}

impl pallet_treasury::Config for Runtime {
    type Currency = Balances;
    type RejectOrigin = EnsureRoot<AccountId>;
    type RuntimeEvent = RuntimeEvent;
    type SpendPeriod = SpendPeriod;
    type Burn = NoBurn;
    type PalletId = TreasuryPalletId;
    type BurnDestination = ();
    type WeightInfo = crate::weights::pallet_treasury::WeightInfo<Runtime>;
    type SpendFunds = ();
    type MaxApprovals = ConstU32<100>;
    type SpendOrigin = custom_origins::Spender;
    type AssetKind = ();
    type Beneficiary = AccountId;
    type BeneficiaryLookup = IdentityLookup<AccountId>;
    type Paymaster = PayFromAccount<Balances, TreasuryAccount>;
    type BalanceConverter = UnityAssetBalanceConversion;
    type PayoutPeriod = PayoutPeriod;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = SpendArguments;
    type BlockNumberProvider = System;
}

/// What the treasury's benchmarks spend: their 100 units are less than the existential deposit, so
/// both accounts must exist for the payment to be made.
#[cfg(feature = "runtime-benchmarks")]
pub struct SpendArguments;

#[cfg(feature = "runtime-benchmarks")]
impl pallet_treasury::ArgumentsFactory<(), AccountId> for SpendArguments {
    fn create_asset_kind(_: u32) {}

    fn create_beneficiary(seed: [u8; 32]) -> AccountId {
        use frame_support::traits::fungible::{Inspect, Mutate};
        let beneficiary = AccountId::from(seed);
        for account in [&beneficiary, &TreasuryAccount::get()] {
            Balances::set_balance(account, Balances::minimum_balance());
        }
        beneficiary
    }
}

/// Four fifths of a fee go to the treasury, one fifth and the tip to the block's author.
pub struct FeesToTreasury;

impl FeesToTreasury {
    fn share(fees: Credit<AccountId, Balances>, tips: Option<Credit<AccountId, Balances>>) {
        use frame_support::traits::Imbalance;
        let (treasury, mut author) = fees.ration(80, 20);
        if let Some(tips) = tips {
            author.subsume(tips);
        }
        resolve(TreasuryAccount::get(), treasury);
        let author_account = crate::Authorship::author().unwrap_or_else(TreasuryAccount::get);
        resolve(author_account, author);
    }
}

impl OnUnbalanced<Credit<AccountId, Balances>> for FeesToTreasury {
    fn on_unbalanceds(mut fees_then_tips: impl Iterator<Item = Credit<AccountId, Balances>>) {
        if let Some(fees) = fees_then_tips.next() {
            Self::share(fees, fees_then_tips.next());
        }
    }

    // What pallets give: without this the SDK's default burns it.
    fn on_nonzero_unbalanced(fees: Credit<AccountId, Balances>) {
        Self::share(fees, None);
    }
}

/// All of it goes to the treasury.
pub struct ToTreasury;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToTreasury {
    fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
        resolve(TreasuryAccount::get(), credit);
    }
}

/// Pays `credit` to `who`; what its account can't take (below the existential deposit) is burnt
/// with the credit.
fn resolve(who: AccountId, credit: Credit<AccountId, Balances>) {
    drop(<Balances as Balanced<AccountId>>::resolve(&who, credit));
}

parameter_types! {
    pub const VoteLockingPeriod: BlockNumber = prod_or_fast!(7 * DAYS, 2 * MINUTES);
    pub const UndecidingTimeout: BlockNumber = prod_or_fast!(14 * DAYS, HOURS);
}

impl pallet_conviction_voting::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_conviction_voting::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type Polls = Referenda;
    type MaxTurnout = frame_support::traits::TotalIssuanceOf<Balances, AccountId>;
    type MaxVotes = ConstU32<256>;
    type VoteLockingPeriod = VoteLockingPeriod;
    type BlockNumberProvider = System;
    type VotingHooks = ();
}

/// The tracks of referenda.
pub struct Tracks;

const fn track(
    id: u16,
    name: &str,
    max_deciding: u32,
    deposit: Balance,
    prepare: BlockNumber,
    decision: BlockNumber,
    enactment: BlockNumber,
) -> Track<u16, Balance, BlockNumber> {
    Track {
        id,
        info: TrackInfo {
            name: str_array(name),
            max_deciding: prod_or_fast!(max_deciding, 10),
            decision_deposit: deposit,
            prepare_period: prod_or_fast!(prepare, 4),
            decision_period: prod_or_fast!(decision, 20 * MINUTES),
            confirm_period: prod_or_fast!(prepare, 4),
            min_enactment_period: prod_or_fast!(enactment, 2),
            min_approval: Curve::make_linear(
                1,
                1,
                sp_arithmetic::FixedI64::from_rational(50, 100),
                sp_arithmetic::FixedI64::from_rational(100, 100),
            ),
            min_support: Curve::make_linear(
                1,
                1,
                sp_arithmetic::FixedI64::from_rational(5, 1_000),
                sp_arithmetic::FixedI64::from_rational(50, 100),
            ),
        },
    }
}

const TRACKS: [Track<u16, Balance, BlockNumber>; 3] = [
    track(0, "root", 1, 10_000 * UNIT, 12 * HOURS, 14 * DAYS, DAYS),
    track(
        1,
        "treasurer",
        10,
        1_000 * UNIT,
        6 * HOURS,
        14 * DAYS,
        12 * HOURS,
    ),
    track(
        2,
        "canceller",
        100,
        5_000 * UNIT,
        2 * HOURS,
        7 * DAYS,
        HOURS,
    ),
];

impl pallet_referenda::TracksInfo<Balance, BlockNumber> for Tracks {
    type Id = u16;
    type RuntimeOrigin = OriginCaller;

    fn tracks() -> impl Iterator<Item = Cow<'static, Track<Self::Id, Balance, BlockNumber>>> {
        TRACKS.iter().map(Cow::Borrowed)
    }

    fn track_for(origin: &Self::RuntimeOrigin) -> Result<Self::Id, ()> {
        match origin {
            OriginCaller::system(frame_system::RawOrigin::Root) => Ok(0),
            OriginCaller::Origins(custom_origins::Origin::Treasurer) => Ok(1),
            OriginCaller::Origins(custom_origins::Origin::ReferendumCanceller) => Ok(2),
            _ => Err(()),
        }
    }
}

impl pallet_referenda::Config for Runtime {
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = crate::weights::pallet_referenda::WeightInfo<Runtime>;
    type Scheduler = Scheduler;
    type Currency = Balances;
    type SubmitOrigin = AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
    type CancelOrigin = custom_origins::Canceller;
    type KillOrigin = EnsureRoot<AccountId>;
    type Slash = SlashToTreasury;
    type Votes = pallet_conviction_voting::VotesOf<Runtime>;
    type Tally = pallet_conviction_voting::TallyOf<Runtime>;
    type SubmissionDeposit = ConstU128<{ 10 * UNIT }>;
    type MaxQueued = ConstU32<100>;
    type UndecidingTimeout = UndecidingTimeout;
    type AlarmInterval = ConstU32<1>;
    type Tracks = Tracks;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

/// Lost referendum deposits go to the treasury.
pub type SlashToTreasury = Treasury;
