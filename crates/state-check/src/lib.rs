//! Checks every invariant of the runtime's pallets on the state of any block of a chain.
//!
//! A [`State`] is read from a node's RPC ([`rpc::fetch`]) or from what `athanor-node export-state`
//! wrote ([`export::read`]), put behind the runtime as it is compiled into this program, and asked:
//! `try_state` of our pallets, where all money is ([`ours`]), and what the SDK's pallets say of
//! their own records ([`sdk`]). Nothing is written anywhere. The random blocks of `runtime-fuzz`
//! are checked by the same functions.
//!
//! An entry that the runtime cannot decode is, to the runtime and to most of these checks, not there.

pub mod export;
pub mod ours;
pub mod rpc;
pub mod sdk;

use athanor_runtime::{Runtime, VERSION};
use sp_core::{
    storage::{
        well_known_keys::{is_child_storage_key, CODE},
        Storage,
    },
    H256,
};
use sp_io::TestExternalities;
use std::{
    collections::BTreeMap,
    panic::{catch_unwind, AssertUnwindSafe},
};

/// What does not hold, in words.
pub type Broken = String;

/// An invariant's name, and the function that looks whether it holds of the state around it.
pub type Check = (&'static str, fn() -> Result<(), Broken>);

/// Runs checks until the first that fails.
///
/// # Errors
///
/// The check's name, and what does not hold.
pub fn all(checks: &[Check]) -> Result<(), Broken> {
    checks
        .iter()
        .try_for_each(|(name, check)| check().map_err(|broken| format!("{name}: {broken}")))
}

/// The state of one block: storage keys with their values, as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    root: Option<H256>,
}

/// Why a state cannot be checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// It has no record of a runtime, so it is not a state, or not all of one.
    NoRuntime,
    /// Its root is not that of its block's header: something is missing, or was changed.
    OtherRoot,
    /// It has tries below its trie. This runtime makes none.
    ChildTries,
    /// A migration is under way: some entries have their new form, some their old one.
    Migrating,
    /// It was written by another runtime than the one in this program.
    OtherRuntime {
        /// Name and version of the one that wrote it.
        wrote: (String, u32),
    },
}

impl std::fmt::Display for Unchecked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoRuntime => write!(f, "this is not the whole state of a block"),
            Self::OtherRoot => write!(
                f,
                "what was read is not the state that the block's header names: something is missing or changed"
            ),
            Self::Migrating => write!(
                f,
                "a migration is under way: wait until MultiBlockMigrations.Cursor is empty"
            ),
            Self::ChildTries => write!(f, "this state has child tries, which no runtime of ours makes"),
            Self::OtherRuntime { wrote: (name, version) } => write!(
                f,
                "this state is of runtime {name} {version}, this program checks {} {}: take it from \
                 the release that has that runtime",
                VERSION.spec_name, VERSION.spec_version
            ),
        }
    }
}

impl std::error::Error for Unchecked {}

/// What was found in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Number of the block whose state it is.
    pub block: u32,
    /// Its runtime's version.
    pub spec_version: u32,
    /// Entries, and bytes of keys and values.
    pub size: (usize, usize),
    /// Every check's name, and what it found broken.
    pub checks: Vec<(&'static str, Result<(), Broken>)>,
}

impl Report {
    /// The checks that failed, with what they found.
    pub fn broken(&self) -> impl Iterator<Item = (&'static str, &Broken)> {
        self.checks
            .iter()
            .filter_map(|(name, found)| Some((*name, found.as_ref().err()?)))
    }
}

impl State {
    /// Adds an entry. The last value of a key stands.
    pub fn insert(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.entries.insert(key, value);
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries.get(key).map(Vec::as_slice)
    }

    /// Sets the root that its block's header names; [`State::check`] compares it.
    pub fn expect_root(&mut self, root: H256) {
        self.root = Some(root);
    }

    /// Takes the state as it is, whatever root its block's header names.
    pub fn expect_any_root(&mut self) {
        self.root = None;
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Runs all checks.
    ///
    /// # Errors
    ///
    /// If this program has nothing to say about this state. What is broken in it is in the report.
    pub fn check(self) -> Result<Report, Unchecked> {
        if self.entries.keys().any(|key| is_child_storage_key(key)) {
            return Err(Unchecked::ChildTries);
        }
        let bytes = |(key, value): (&Vec<u8>, &Vec<u8>)| key.len() + value.len();
        let size = (self.len(), self.entries.iter().map(bytes).sum());
        let code = self.entries.get(CODE).cloned().unwrap_or_default();
        let storage = Storage {
            top: self.entries,
            children_default: Default::default(),
        };
        let version = VERSION.state_version();
        let mut state = TestExternalities::new_with_code_and_state(&code, storage, version);
        if self.root.is_some_and(|root| root != *state.backend.root()) {
            return Err(Unchecked::OtherRoot);
        }
        state.execute_with(|| {
            let wrote =
                frame_system::LastRuntimeUpgrade::<Runtime>::get().ok_or(Unchecked::NoRuntime)?;
            let wrote = (wrote.spec_name.to_string(), wrote.spec_version.0);
            if (&*wrote.0, wrote.1) != (&*VERSION.spec_name, VERSION.spec_version) {
                return Err(Unchecked::OtherRuntime { wrote });
            }
            if pallet_migrations::Cursor::<Runtime>::exists() {
                return Err(Unchecked::Migrating);
            }
            Ok(Report {
                block: athanor_runtime::System::block_number(),
                spec_version: wrote.1,
                size,
                checks: [ours::CHECKS, sdk::CHECKS]
                    .concat()
                    .into_iter()
                    .map(|(name, check)| (name, run(check)))
                    .collect(),
            })
        })
    }
}

/// A check that panics on what it finds has found something.
fn run(check: fn() -> Result<(), Broken>) -> Result<(), Broken> {
    catch_unwind(AssertUnwindSafe(check))
        .unwrap_or_else(|_| Err("the check itself failed on this state".into()))
}
