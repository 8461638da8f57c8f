//! Networks that can be started from nothing.
//!
//! | preset | validators | for |
//! |---|---|---|
//! | `development` | Alice | one node on one machine |
//! | `local_testnet` | Alice, Bob, Charlie, Dave | four nodes: the least that survives the loss of one |
//! | `staging` | Alice, Bob, Charlie, Dave | a rehearsal of a public network: no sudo, production timing |
//!
//! Keys of the first two are public. `staging` uses them too, so that it can be tried; whoever
//! launches a public network replaces accounts and keys in the exported specification.

use crate::{
    configs::consensus::MinBond, session_keys, AccountId, BabeConfig, Balance, BalancesConfig,
    CollatorSelectionConfig, ComputeJobs, DataMarket, LabelBounties, RuntimeGenesisConfig,
    SessionConfig, SudoConfig, ValidatorsConfig, BABE_GENESIS_EPOCH_CONFIG, EXISTENTIAL_DEPOSIT,
    UNIT,
};
use alloc::{vec, vec::Vec};
use frame_support::build_struct_json_patch;
use serde_json::Value;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// Name of the preset that rehearses a public network.
pub const STAGING_RUNTIME_PRESET: &str = "staging";

/// What an endowed account starts with.
const ENDOWMENT: Balance = 1_000_000 * UNIT;
/// What a candidate deposits for its place on the list, on top of its bond.
const CANDIDACY_DEPOSIT: Balance = 100 * UNIT;

/// A validator's account and the two key rings its session keys come from.
type Validator = (AccountId, Ed25519Keyring, Sr25519Keyring);

fn validator(stash: Sr25519Keyring, finality: Ed25519Keyring, blocks: Sr25519Keyring) -> Validator {
    (stash.to_account_id(), finality, blocks)
}

fn alice() -> Validator {
    validator(
        Sr25519Keyring::AliceStash,
        Ed25519Keyring::Alice,
        Sr25519Keyring::Alice,
    )
}

fn four() -> Vec<Validator> {
    vec![
        alice(),
        validator(
            Sr25519Keyring::BobStash,
            Ed25519Keyring::Bob,
            Sr25519Keyring::Bob,
        ),
        validator(
            Sr25519Keyring::CharlieStash,
            Ed25519Keyring::Charlie,
            Sr25519Keyring::Charlie,
        ),
        validator(
            Sr25519Keyring::DaveStash,
            Ed25519Keyring::Dave,
            Sr25519Keyring::Dave,
        ),
    ]
}

/// `validators` are invulnerable and have their session keys and bonds; every development account and the
/// treasury are endowed; the audit pot, the account of label credits and that of the data market's
/// pools exist.
fn genesis(validators: Vec<Validator>, sudo: Option<AccountId>) -> Value {
    let mut balances: Vec<(AccountId, Balance)> = Sr25519Keyring::well_known()
        .map(|who| (who.to_account_id(), ENDOWMENT))
        .collect();
    balances.push((crate::configs::governance::TreasuryAccount::get(), UNIT));
    balances.push((ComputeJobs::audit_pot(), EXISTENTIAL_DEPOSIT));
    balances.push((LabelBounties::pot(), EXISTENTIAL_DEPOSIT));
    balances.push((DataMarket::pot(), EXISTENTIAL_DEPOSIT));

    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig { balances },
        babe: BabeConfig {
            epoch_config: BABE_GENESIS_EPOCH_CONFIG
        },
        collator_selection: CollatorSelectionConfig {
            invulnerables: validators.iter().map(|(who, ..)| who.clone()).collect(),
            candidacy_bond: CANDIDACY_DEPOSIT,
            // Fewer than a third: an equivocation costs its author the bond, but silence only the
            // seat, and a third that is silent stops finality until it is kicked.
            desired_candidates: (validators.len() as u32).saturating_sub(1) / 3,
        },
        validators: ValidatorsConfig {
            bonds: validators
                .iter()
                .map(|(who, ..)| (who.clone(), MinBond::get()))
                .collect(),
        },
        session: SessionConfig {
            keys: validators
                .into_iter()
                .map(|(who, finality, blocks)| {
                    let keys = session_keys(
                        finality.public().into(),
                        blocks.public().into(),
                        blocks.public().into(),
                    );
                    (who.clone(), who, keys)
                })
                .collect(),
        },
        sudo: SudoConfig { key: sudo },
    })
}

/// The genesis configuration patch of a preset, as JSON.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    let sudo = Some(Sr25519Keyring::Alice.to_account_id());
    let patch = match id.as_ref() {
        DEV_RUNTIME_PRESET => genesis(vec![alice()], sudo),
        LOCAL_TESTNET_RUNTIME_PRESET => genesis(four(), sudo),
        STAGING_RUNTIME_PRESET => genesis(four(), None),
        _ => return None,
    };
    serde_json::to_string(&patch)
        .ok()
        .map(|text| text.into_bytes())
}

/// The presets' names.
pub fn preset_names() -> Vec<PresetId> {
    vec![
        PresetId::from(DEV_RUNTIME_PRESET),
        PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET),
        PresetId::from(STAGING_RUNTIME_PRESET),
    ]
}
