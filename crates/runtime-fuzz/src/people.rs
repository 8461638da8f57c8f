//! Who signs: the accounts of the presets, worker keys of providers, people without money, and the
//! keys of validators.

use athanor_runtime::AccountId;
use sp_core::{crypto::Pair as _, ed25519, sr25519::Pair};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};
use sp_runtime::{traits::IdentifyAccount, MultiSigner};
use std::{collections::BTreeMap, sync::LazyLock};

/// Number of worker keys.
pub const WORKERS: u32 = 8;
/// Number of people without money.
pub const POOR: u32 = 4;

static RICH: LazyLock<Vec<AccountId>> = LazyLock::new(|| {
    Sr25519Keyring::well_known()
        .map(|who| who.to_account_id())
        .collect()
});

static KEYS: LazyLock<BTreeMap<AccountId, Pair>> = LazyLock::new(|| {
    let rich = Sr25519Keyring::well_known().map(|who| who.pair());
    let workers = (0..WORKERS).map(|i| made("worker", i));
    let poor = (0..POOR).map(|i| made("poor", i));
    rich.chain(workers)
        .chain(poor)
        .chain([sponsor()])
        .map(|pair| (account(&pair), pair))
        .collect()
});

/// The keys a validator signs with.
#[derive(Clone)]
pub struct Ring {
    /// Finality.
    pub finality: ed25519::Pair,
    /// Blocks, and network addresses.
    pub blocks: Pair,
}

/// Number of key rings beside those of genesis.
const SPARE_RINGS: u32 = 8;

static RINGS: LazyLock<Vec<Ring>> = LazyLock::new(|| {
    let genesis = [
        (Ed25519Keyring::Alice, Sr25519Keyring::Alice),
        (Ed25519Keyring::Bob, Sr25519Keyring::Bob),
        (Ed25519Keyring::Charlie, Sr25519Keyring::Charlie),
        (Ed25519Keyring::Dave, Sr25519Keyring::Dave),
    ];
    let genesis = genesis.map(|(finality, blocks)| Ring {
        finality: finality.pair(),
        blocks: blocks.pair(),
    });
    let spare = (0..SPARE_RINGS).map(|i| Ring {
        finality: ed25519::Pair::from_seed(&seed("finality", i)),
        blocks: made("blocks", i),
    });
    genesis.into_iter().chain(spare).collect()
});

fn seed(kind: &str, i: u32) -> [u8; 32] {
    sp_io::hashing::blake2_256(format!("{kind}/{i}").as_bytes())
}

fn made(kind: &str, i: u32) -> Pair {
    Pair::from_seed(&seed(kind, i))
}

/// Key rings: those of the validators at genesis, and spare ones.
pub fn rings() -> &'static [Ring] {
    &RINGS
}

/// The account of a key.
pub fn account(pair: &Pair) -> AccountId {
    MultiSigner::from(pair.public()).into_account()
}

/// Accounts with a million AUR each.
pub fn rich() -> &'static [AccountId] {
    &RICH
}

/// The `i`th worker key.
pub fn worker(i: u32) -> AccountId {
    account(&made("worker", i % WORKERS))
}

/// The `i`th account without money.
pub fn poor(i: u32) -> AccountId {
    account(&made("poor", i % POOR))
}

/// The key that makes vouchers.
pub fn sponsor() -> Pair {
    made("sponsor", 0)
}

/// The key of an account, if it is one of ours.
pub fn key(who: &AccountId) -> Option<&'static Pair> {
    KEYS.get(who)
}

/// Everybody.
pub fn everybody() -> impl Iterator<Item = &'static AccountId> {
    KEYS.keys()
}
