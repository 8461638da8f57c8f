//! A runtime to test with.

use crate::{
    self as pallet_compute_jobs,
    crypto::{WatcherKey, WorkerKey},
    *,
};
use athanor_primitives::{Cost, JobId, ModelId, ModelQuote, ModelRegistry, Root};
use athanor_tensor_program::{
    ops::{Clamp, Epilogue, MatMul, Scale, ZeroPoint},
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType,
};
use codec::Encode;
use core::cell::RefCell;
use frame_support::{
    derive_impl, parameter_types,
    storage::unhashed,
    traits::{fungible::Inspect, ConstU128, ConstU32, ConstU64, Hooks},
    weights::Weight,
    PalletId,
};
use sp_core::{sr25519, Pair};
use sp_runtime::{
    generic,
    traits::{AccountIdConversion, BlakeTwo256, IdentifyAccount, IdentityLookup, Verify},
    AccountId32, BuildStorage, MultiSignature, MultiSigner, Permill,
};
use std::collections::BTreeMap;

pub(crate) type AccountId = AccountId32;
pub(crate) type TxExtension = (
    frame_system::AuthorizeCall<Test>,
    frame_system::CheckNonZeroSender<Test>,
    frame_system::CheckSpecVersion<Test>,
    frame_system::CheckTxVersion<Test>,
    frame_system::CheckGenesis<Test>,
    frame_system::CheckEra<Test>,
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

    #[runtime::pallet_index(61)]
    pub type ComputeJobs = pallet_compute_jobs;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
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

impl frame_system::offchain::SigningTypes for Test {
    type Public = MultiSigner;
    type Signature = MultiSignature;
}

impl<C> frame_system::offchain::CreateTransactionBase<C> for Test
where
    RuntimeCall: From<C>,
{
    type Extrinsic = Extrinsic;
    type RuntimeCall = RuntimeCall;
}

impl<C> frame_system::offchain::CreateSignedTransaction<C> for Test
where
    RuntimeCall: From<C>,
{
    fn create_signed_transaction<
        K: frame_system::offchain::AppCrypto<MultiSigner, MultiSignature>,
    >(
        call: RuntimeCall,
        public: MultiSigner,
        account: AccountId,
        nonce: <Test as frame_system::Config>::Nonce,
    ) -> Option<Extrinsic> {
        let era = generic::Era::mortal(64, System::block_number().saturating_sub(1).into());
        let extension = (
            frame_system::AuthorizeCall::new(),
            frame_system::CheckNonZeroSender::new(),
            frame_system::CheckSpecVersion::new(),
            frame_system::CheckTxVersion::new(),
            frame_system::CheckGenesis::new(),
            frame_system::CheckEra::from(era),
            frame_system::CheckNonce::from(nonce),
            frame_system::CheckWeight::new(),
        );
        let payload = generic::SignedPayload::new(call, extension).ok()?;
        let signature = payload.using_encoded(|bytes| K::sign(bytes, public))?;
        let (call, extension, _) = payload.deconstruct();
        Some(Extrinsic::new_signed(call, account, signature, extension))
    }
}

thread_local! {
    static VRF: RefCell<Option<[u8; 32]>> = const { RefCell::new(None) };
    static EPOCH: RefCell<Option<(u64, [u8; 32])>> = const { RefCell::new(None) };
    static RETIRED: RefCell<bool> = const { RefCell::new(false) };
    static PROGRAMS: RefCell<Vec<(Vec<u8>, Vec<Root>)>> = const { RefCell::new(Vec::new()) };
    static BLOCKS_WITHOUT_VRF: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static KEYS: RefCell<BTreeMap<String, AccountId>> = const { RefCell::new(BTreeMap::new()) };
    static SECRETS: RefCell<BTreeMap<AccountId, sr25519::Pair>> =
        const { RefCell::new(BTreeMap::new()) };
}

/// Lets blocks have no VRF output.
pub(crate) fn no_vrf_in(blocks: impl IntoIterator<Item = u32>) {
    BLOCKS_WITHOUT_VRF.with_borrow_mut(|list| list.extend(blocks));
}

/// Turns epoch randomness on.
pub(crate) fn set_epoch(epoch: u64) {
    EPOCH.set(Some((
        epoch,
        sp_io::hashing::blake2_256(&epoch.to_le_bytes()),
    )));
}

/// Retires all models.
pub(crate) fn retire_models() {
    RETIRED.set(true);
}

// In storage, so that a refused call takes it back.
fn users_key(model: ModelId) -> Vec<u8> {
    (b"users", model).encode()
}

/// Live jobs of a model.
pub(crate) fn users_of(model: ModelId) -> u32 {
    unhashed::get_or_default(&users_key(model))
}

#[allow(unreachable_pub)]
pub struct AuthorVrf;
impl frame_support::traits::Get<Option<[u8; 32]>> for AuthorVrf {
    fn get() -> Option<[u8; 32]> {
        VRF.with_borrow(|vrf| *vrf)
    }
}

#[allow(unreachable_pub)]
pub struct EpochRandomness;
impl frame_support::traits::Get<Option<(u64, [u8; 32])>> for EpochRandomness {
    fn get() -> Option<(u64, [u8; 32])> {
        EPOCH.with_borrow(|epoch| *epoch)
    }
}

/// The program of models 0 and 1: two clips, and a product with a matrix.
fn usual(model: ModelId) -> Program {
    let matrix = |axes| TensorType {
        dtype: DType::I8,
        shape: Shape(axes),
    };
    let clip = |operand| Node {
        op: Op::Clamp(Clamp { lo: -9, hi: 9 }),
        operands: vec![operand],
    };
    let product = Node {
        op: Op::MatMul(MatMul {
            za: 0,
            zb: ZeroPoint::Tensor(0),
            params: false,
            epilogue: Epilogue::Requant {
                scale: Scale::Tensor { m: 20_000, s: 25 },
                z: 0,
                lo: -100,
                hi: 100,
                out: DType::I8,
                lut: false,
            },
        }),
        operands: vec![Operand::Node(1), Operand::Const(0)],
    };
    Program {
        version: 1,
        max_batch: 100,
        inputs: vec![matrix(vec![64])],
        constants: vec![Constant::Root {
            ty: matrix(vec![64, 64]),
        }],
        nodes: vec![clip(Operand::Input(0)), clip(Operand::Node(0)), product],
        outputs: if model == TWO_OUTPUTS {
            vec![1, 2]
        } else {
            vec![2]
        },
    }
}

/// Models from here on are programs that tests have registered.
const FIRST_PROGRAM: ModelId = 10;

/// Registers a model with a program of its own.
pub(crate) fn register(program: &Program, weights: Vec<Root>) -> ModelId {
    PROGRAMS.with_borrow_mut(|programs| {
        programs.push((program.encoded(), weights));
        FIRST_PROGRAM + programs.len() as ModelId - 1
    })
}

fn registered(model: ModelId) -> Option<(Vec<u8>, Vec<Root>)> {
    let index = model.checked_sub(FIRST_PROGRAM)?;
    PROGRAMS.with_borrow(|programs| programs.get(index as usize).cloned())
}

fn quote_registered(model: ModelId, batch: u32) -> Option<ModelQuote> {
    let program = athanor_tensor_program::load(&registered(model)?.0).unwrap();
    Some(ModelQuote {
        program_hash: program.program().hash(),
        cost: program.cost(batch)?,
        memory: program.memory(batch)?,
        input_len: program.input_len(batch)?,
        output_len: program.output_len(batch)?,
        nodes: program.node_count() as u32,
        outputs: program.outputs().to_vec(),
    })
}

/// Model 0: three nodes, one output of `64 · batch` bytes. Model 1: the same with two
/// outputs. Both take batches up to 100.
#[allow(unreachable_pub)]
pub struct Models;

pub(crate) const MODEL: ModelId = 0;
pub(crate) const TWO_OUTPUTS: ModelId = 1;
/// Model of the benchmarks: as many nodes as there may be.
pub(crate) const LARGE: ModelId = 2;

impl ModelRegistry for Models {
    fn quote(model: ModelId, batch: u32) -> Option<ModelQuote> {
        if RETIRED.with_borrow(|retired| *retired) {
            return None;
        }
        Self::quote_any(model, batch)
    }

    fn quote_any(model: ModelId, batch: u32) -> Option<ModelQuote> {
        if model >= FIRST_PROGRAM {
            return quote_registered(model, batch);
        }
        if model > LARGE || batch == 0 || batch > 100 {
            return None;
        }
        let per_batch = u64::from(batch);
        let nodes = if model == LARGE { MAX_TRACE } else { 3 };
        Some(ModelQuote {
            program_hash: [7; 32],
            cost: Cost {
                macs: 1_000_000 * per_batch,
                ops: 0,
                bytes: 0,
                nodes: nodes.into(),
                load: 1_000_000,
            },
            memory: 1 << 20,
            input_len: 64 * per_batch,
            output_len: 64 * per_batch,
            nodes,
            outputs: if model == TWO_OUTPUTS {
                vec![1, 2]
            } else {
                vec![2]
            },
        })
    }

    fn program(model: ModelId) -> Option<Vec<u8>> {
        Some(registered(model).map_or_else(|| usual(model).encoded(), |(program, _)| program))
    }

    fn weights(model: ModelId) -> Option<Vec<Root>> {
        if let Some((_, weights)) = registered(model) {
            return Some(weights);
        }
        (model <= LARGE).then(|| vec![[8; 32]])
    }

    fn acquire(model: ModelId) {
        unhashed::put(&users_key(model), &(users_of(model) + 1));
    }

    fn release(model: ModelId) {
        unhashed::put(
            &users_key(model),
            &(users_of(model).checked_sub(1).unwrap()),
        );
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_model(_: u32) -> ModelId {
        LARGE
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_program(program: &Program, weights: Vec<Root>) -> ModelId {
        register(program, weights)
    }
}

parameter_types! {
    pub TreasuryAccount: AccountId = PalletId(*b"py/trsry").into_account_truncating();
    pub const JobsPalletId: PalletId = PalletId(*b"ath/jobs");
    pub const ProtocolFee: Permill = Permill::from_percent(2);
    pub static HighValue: Balance = 1_000_000 * AUR;
    pub static WorkerFloat: Balance = AUR;
    pub static MaxOffers: u32 = 256;
    pub static OpenFor: u32 = 100;
    pub static RevealBlocks: u32 = 1_200;
    pub static SeatStake: Balance = 0;
    pub static MaxDeadlinesPerBlock: u32 = 8;
}

impl Config for Test {
    type WeightInfo = ();
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = Models;
    type PalletId = JobsPalletId;
    type Treasury = TreasuryAccount;
    type AuthorVrf = AuthorVrf;
    type EpochRandomness = EpochRandomness;
    type WorkerKey = WorkerKey;
    type WatcherKey = WatcherKey;
    type MinBond = ConstU128<{ 100 * AUR }>;
    type MinCollateral = ConstU128<AUR>;
    type WorkerFloat = WorkerFloat;
    type ProtocolFee = ProtocolFee;
    type MaxOffers = MaxOffers;
    type OpenFor = OpenFor;
    type OpenForHighValue = ConstU32<1_000>;
    type HighValue = HighValue;
    type RoundBlocks = ConstU32<20>;
    type AcceptBase = ConstU32<40>;
    type WorkBase = ConstU32<20>;
    type SealBlocks = ConstU32<6>;
    type RevealBlocks = RevealBlocks;
    type MinWindow = ConstU32<10>;
    type MaxWindow = ConstU32<100_000>;
    type MaxWait = ConstU32<1_000>;
    type UnbondingBlocks = ConstU32<200>;
    type JailBlocks = ConstU32<100>;
    type ReceiptDeposit = ConstU128<{ AUR / 10 }>;
    type SeatStake = SeatStake;
    type PokeReward = ConstU128<{ AUR / 100 }>;
    type MaxDeadlinesPerBlock = MaxDeadlinesPerBlock;
    type BlockTimeMs = ConstU64<3_000>;
    type ReputationUnit = ConstU128<{ AUR / 100 }>;
    type ReputationHalfLife = ConstU32<10_000>;
    type AnnounceBlocks = ConstU32<2>;
    type AnnouncedFor = ConstU32<40>;
    type AskedFor = ConstU32<120>;
    type AnsweredFor = ConstU32<40>;
    type ThreadBond = ConstU128<{ AUR / 2 }>;
    type AnswerPrice = ConstU128<{ AUR / 50 }>;
}

/// Key pair of a name.
pub(crate) fn pair(name: &str) -> sr25519::Pair {
    sr25519::Pair::from_string(&format!("//{name}"), None).unwrap()
}

/// Account of a secret made by `make`, which [`consent`] signs with.
fn keyed(name: String, make: impl FnOnce(&str) -> sr25519::Pair) -> AccountId {
    if let Some(known) = KEYS.with_borrow(|keys| keys.get(&name).cloned()) {
        return known;
    }
    let pair = make(&name);
    let who = <MultiSignature as Verify>::Signer::from(pair.public()).into_account();
    KEYS.with_borrow_mut(|keys| keys.insert(name, who.clone()));
    SECRETS.with_borrow_mut(|secrets| secrets.insert(who.clone(), pair));
    who
}

/// Account of a name.
pub(crate) fn account(name: &str) -> AccountId {
    keyed(name.into(), pair)
}

/// Account of the `i`th key of a kind.
pub(crate) fn key(kind: &str, i: u32) -> AccountId {
    keyed(format!("{kind}/{i}"), |name| {
        sr25519::Pair::from_seed(&sp_io::hashing::blake2_256(name.as_bytes()))
    })
}

/// A worker key's consent to sign for a provider.
pub(crate) fn consent(provider: &AccountId, worker: &AccountId) -> [u8; 64] {
    let message =
        athanor_primitives::worker_consent(&ComputeJobs::genesis(), &provider.clone().into());
    SECRETS
        .with_borrow(|secrets| secrets.get(worker).map(|pair| pair.sign(&message)))
        .expect("a worker with a key")
        .0
}

/// `register_provider` with the worker key's consent.
pub(crate) fn try_register(
    who: RuntimeOrigin,
    worker: AccountId,
    endpoint: Endpoint,
) -> sp_runtime::DispatchResult {
    let consent = consent(&signer(&who), &worker);
    ComputeJobs::register_provider(who, worker, endpoint, consent)
}

/// `set_worker` with its consent.
pub(crate) fn try_set_worker(who: RuntimeOrigin, worker: AccountId) -> sp_runtime::DispatchResult {
    let consent = consent(&signer(&who), &worker);
    ComputeJobs::set_worker(who, worker, consent)
}

fn signer(origin: &RuntimeOrigin) -> AccountId {
    frame_system::ensure_signed(origin.clone()).unwrap()
}

/// Account `i` of a kind.
pub(crate) fn nth(kind: &str, i: u32) -> AccountId {
    AccountId32::new(sp_io::hashing::blake2_256(format!("{kind}/{i}").as_bytes()))
}

/// The `i`th provider.
pub(crate) fn provider(i: u32) -> AccountId {
    nth("provider", i)
}

/// The `i`th provider's worker key.
pub(crate) fn worker(i: u32) -> AccountId {
    key("worker", i)
}

/// Somebody who wants something computed.
pub(crate) fn requester() -> AccountId {
    account("Requester")
}

/// Somebody with money and no part in anything.
pub(crate) fn bystander() -> AccountId {
    account("Bystander")
}

/// The treasury.
pub(crate) fn treasury() -> AccountId {
    TreasuryAccount::get()
}

/// The audit pot.
pub(crate) fn pot() -> AccountId {
    ComputeJobs::audit_pot()
}

pub(crate) fn signed(who: &AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.clone())
}

pub(crate) fn free(who: &AccountId) -> Balance {
    Balances::balance(who)
}

pub(crate) fn total(who: &AccountId) -> Balance {
    Balances::total_balance(who)
}

pub(crate) fn held(reason: HoldReason, who: &AccountId) -> Balance {
    use frame_support::traits::fungible::hold::Inspect;
    Balances::balance_on_hold(&reason.into(), who)
}

/// Genesis: people with 10,000 AUR each, provider worker keys with one.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .unwrap();
    let mut balances = vec![
        (requester(), 10_000 * AUR),
        (bystander(), 10_000 * AUR),
        (account("Alice"), 10_000 * AUR),
        (account("Bob"), 10_000 * AUR),
        (treasury(), AUR),
        (pot(), ED),
    ];
    for i in 0..20 {
        balances.push((provider(i), 10_000 * AUR));
        balances.push((worker(i), AUR));
    }
    pallet_balances::GenesisConfig::<Test> {
        balances,
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    VRF.set(None);
    EPOCH.set(None);
    RETIRED.set(false);
    PROGRAMS.set(Vec::new());
    BLOCKS_WITHOUT_VRF.set(Vec::new());
    HighValue::set(1_000_000 * AUR);
    WorkerFloat::set(AUR);
    MaxOffers::set(256);
    OpenFor::set(100);
    RevealBlocks::set(1_200);
    SeatStake::set(0);
    MaxDeadlinesPerBlock::set(8);
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| {
        frame_system::BlockHash::<Test>::insert(0, sp_core::H256([9; 32]));
        System::set_block_number(1);
    });
    ext
}

/// The same with a keystore.
#[cfg(feature = "runtime-benchmarks")]
pub(crate) fn ext_with_keys() -> sp_io::TestExternalities {
    use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
    let mut ext = new_test_ext();
    ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
    ext
}

/// Runs a test, then checks the pallet's state and that no money came or went.
pub(crate) fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let issued = Balances::total_issuance();
        test();
        check();
        assert_eq!(Balances::total_issuance(), issued, "money came or went");
    });
}

/// What this pallet holds, by account and reason.
pub(crate) fn all_held() -> Vec<((AccountId, HoldReason), Balance)> {
    pallet_balances::Holds::<Test>::iter()
        .flat_map(|(who, holds)| {
            let of = move |hold: frame_support::traits::tokens::IdAmount<_, Balance>| {
                let RuntimeHoldReason::ComputeJobs(reason) = hold.id;
                ((who.clone(), reason), hold.amount)
            };
            holds.into_iter().map(of)
        })
        .collect()
}

/// Checks the pallet's state, and that money is held for live records alone.
pub(crate) fn check() {
    ComputeJobs::do_try_state().unwrap();
    let on_hold = all_held();
    let sum = |reason: HoldReason| -> Balance {
        let of_reason = on_hold.iter().filter(|((_, other), _)| *other == reason);
        of_reason.map(|(_, amount)| *amount).sum()
    };
    let budgets: Balance = Jobs::<Test>::iter_values()
        .map(|job| job.budget + job.premium + job.stake + job.tip)
        .sum();
    let bonds: Balance = Providers::<Test>::iter_values()
        .map(|provider| provider.bond)
        .sum();
    let deposits: Balance = Jobs::<Test>::iter_values()
        .map(|job| job.deposit)
        .sum::<Balance>()
        + Receipts::<Test>::iter_values()
            .map(|kept| kept.deposit)
            .sum::<Balance>();
    assert_eq!(sum(HoldReason::JobBudget), budgets);
    assert_eq!(sum(HoldReason::ProviderBond), bonds);
    assert_eq!(sum(HoldReason::Deposit), deposits);
    let threads: Balance = Threads::<Test>::iter_values()
        .map(|thread| thread.bond + thread.prepaid)
        .sum();
    assert_eq!(sum(HoldReason::ThreadBond), threads);
    assert_eq!(
        sum(HoldReason::AuditPay),
        held(HoldReason::AuditPay, &pot())
    );
    let mut users: BTreeMap<ModelId, u32> = BTreeMap::new();
    for job in Jobs::<Test>::iter_values() {
        *users.entry(job.terms.model).or_default() += 1;
    }
    let programs = PROGRAMS.with_borrow(|programs| programs.len() as ModelId);
    for model in (0..=LARGE).chain(FIRST_PROGRAM..FIRST_PROGRAM + programs) {
        assert_eq!(users_of(model), users.get(&model).copied().unwrap_or(0));
    }
}

/// The VRF output of a block.
pub(crate) fn vrf_of(block: u32) -> Option<[u8; 32]> {
    (!BLOCKS_WITHOUT_VRF.with_borrow(|list| list.contains(&block)))
        .then(|| sp_io::hashing::blake2_256(&block.to_le_bytes()))
}

/// Begins block `n`: sees the VRF output of the block before.
pub(crate) fn begin(n: u32) {
    System::set_block_number(n);
    VRF.set(vrf_of(n - 1));
    ComputeJobs::on_initialize(n);
}

/// Runs to block `n` with `on_idle` having `weight` left in each block.
pub(crate) fn run_to_with(n: u32, weight: Weight) {
    while System::block_number() < n {
        ComputeJobs::on_idle(System::block_number(), weight);
        begin(System::block_number() + 1);
    }
}

/// Runs to block `n`; the pallet's own housekeeping has whole blocks to itself.
pub(crate) fn run_to(n: u32) {
    run_to_with(n, Weight::MAX);
}

/// Runs to block `n` with full blocks: nothing happens by itself.
pub(crate) fn crawl_to(n: u32) {
    run_to_with(n, Weight::zero());
}

/// A plain offer: `price` per run of batch 1 or more, 4 slots, any model.
pub(crate) fn offer(price: Balance) -> OfferTerms {
    OfferTerms {
        rates: Rates::default(),
        minimum: price,
        times: Times {
            macs: 1_000,
            ..Times::default()
        },
        bandwidth: 1_000_000,
        max_cost: 1_000_000,
        memory: 1 << 30,
        slots: 4,
        models: ModelFilter::AnyUpTo(1 << 30),
        max_collateral: Balance::MAX,
        max_window: BlockNumber::MAX,
        valid_until: 1_000_000,
    }
}

/// Registers providers `0..n` with a bond of 1,000 AUR and an offer at `price` each.
pub(crate) fn providers(n: u32, price: Balance) {
    for i in 0..n {
        let who = signed(&provider(i));
        try_register(who.clone(), worker(i), Default::default()).unwrap();
        ComputeJobs::add_bond(who.clone(), 900 * AUR).unwrap();
        ComputeJobs::set_offer(who, offer(price)).unwrap();
    }
    run_to(System::block_number() + 1);
}

/// `Optimistic` without audit, with a window of 100 blocks.
pub(crate) const OPTIMISTIC: Policy = Policy::Optimistic {
    window: 100,
    audit: 0,
};

/// Three replicas of which two must agree, with a window of 100 blocks.
pub(crate) const TWO_OF_THREE: Policy = Policy::Replicated {
    n: 3,
    quorum: 2,
    window: 100,
};

/// Terms of a job: batch 1 of the usual model for at most 10 AUR each.
pub(crate) fn terms(policy: Policy) -> JobTerms {
    JobTerms {
        model: MODEL,
        input_root: [3; 32],
        batch: 1,
        policy,
        max_pay: 10 * AUR,
        max_wait: 200,
        min_collateral: 0,
        inline_output: false,
        keep_receipt: false,
        tip: 0,
    }
}

/// Creates a job.
pub(crate) fn create(terms: JobTerms) -> JobId {
    let id = NextJobId::<Test>::get();
    ComputeJobs::create_job(signed(&requester()), terms).unwrap();
    id
}

/// Creates a job and runs until its providers are drawn. Gives their worker keys.
pub(crate) fn create_and_draw(terms: JobTerms) -> (JobId, Vec<AccountId>) {
    let id = create(terms);
    run_to(System::block_number() + 5);
    assert_eq!(status(id), JobStatus::Assigned);
    (id, workers(id))
}

pub(crate) fn job(id: JobId) -> Job<AccountId> {
    Jobs::<Test>::get(id).expect("a live job")
}

pub(crate) fn status(id: JobId) -> JobStatus {
    job(id).status
}

/// Worker keys of a job's replicas, in the order drawn.
pub(crate) fn workers(id: JobId) -> Vec<AccountId> {
    job(id)
        .replicas
        .iter()
        .map(|replica| replica.worker.clone())
        .collect()
}

/// Number of the provider a worker key belongs to.
pub(crate) fn index_of(key: &AccountId) -> u32 {
    (0..20)
        .find(|i| worker(*i) == *key)
        .expect("one of the workers")
}

/// Provider of a worker key.
pub(crate) fn owner_of(key: &AccountId) -> AccountId {
    provider(index_of(key))
}

/// An output of the usual model at batch 1.
pub(crate) fn output(kind: u8) -> InlineOutput {
    vec![kind; 64].try_into().unwrap()
}

/// Node roots of a trace: honest runs all have kind 0.
pub(crate) fn trace(kind: u8) -> Trace {
    let out = athanor_content_tree::root(&output(kind));
    vec![[1; 32], [kind.wrapping_add(2); 32], out]
        .try_into()
        .unwrap()
}

/// Root of a trace.
pub(crate) fn root_of(kind: u8) -> Root {
    athanor_tensor_program::trace_root(&trace(kind))
}

/// A worker's salt.
pub(crate) const SALT: [u8; 32] = [5; 32];

/// The commitment of a worker to a trace.
pub(crate) fn commitment(id: JobId, key: &AccountId, kind: u8) -> [u8; 32] {
    athanor_primitives::commitment(
        &ComputeJobs::genesis(),
        id,
        key.as_ref(),
        &root_of(kind),
        &SALT,
    )
}

pub(crate) fn accept(id: JobId, key: &AccountId) {
    ComputeJobs::accept(signed(key), id).unwrap();
}

pub(crate) fn commit(id: JobId, key: &AccountId, kind: u8) {
    ComputeJobs::commit(signed(key), id, commitment(id, key, kind)).unwrap();
}

pub(crate) fn reveal(id: JobId, key: &AccountId, kind: u8) {
    ComputeJobs::reveal(signed(key), id, SALT, TraceReveal::Roots(trace(kind)), None).unwrap();
}

/// Takes a job of several replicas to `Revealing`, each having committed to its kind of
/// trace.
pub(crate) fn to_revealing(policy: Policy, kinds: &[u8]) -> (JobId, Vec<AccountId>) {
    let (id, keys) = create_and_draw(terms(policy));
    for (key, kind) in keys.iter().zip(kinds) {
        commit(id, key, *kind);
    }
    assert_eq!(status(id), JobStatus::Sealed);
    run_to(job(id).deadline + 1);
    assert_eq!(status(id), JobStatus::Revealing);
    (id, keys)
}

/// Takes a job to `Claimed` with these kinds of traces.
pub(crate) fn to_claimed(policy: Policy, kinds: &[u8]) -> (JobId, Vec<AccountId>) {
    let (id, keys) = to_revealing(policy, kinds);
    for (key, kind) in keys.iter().zip(kinds) {
        reveal(id, key, *kind);
    }
    assert_eq!(status(id), JobStatus::Claimed);
    (id, keys)
}

/// Runs until a job has ended.
pub(crate) fn finish(id: JobId) {
    while let Some(job) = Jobs::<Test>::get(id) {
        run_to((job.deadline + 1).max(System::block_number() + 1));
    }
}

/// Events of this pallet so far.
pub(crate) fn events() -> Vec<Event<Test>> {
    System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::ComputeJobs(event) => Some(event),
            _ => None,
        })
        .collect()
}
