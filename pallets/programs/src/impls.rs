//! What the calls do, the model registry, views and invariants.

use crate::{pallet::*, types::*};
use alloc::vec::Vec;
use athanor_primitives::{ModelId, ModelQuote, ModelRegistry, ProgramHash, Root};
use athanor_tensor_program::{Invalid, Operand};
use codec::{Decode, Encode};
use frame_support::{
    defensive,
    pallet_prelude::*,
    traits::{Consideration, Footprint},
};
use sp_io::hashing::blake2_256;
#[cfg(feature = "rehearsal")]
use sp_runtime::ArithmeticError;

/// Storage items of a program, and of a model.
const ITEMS: usize = 2;

/// Bytes of a root.
const ROOT_BYTES: usize = core::mem::size_of::<Root>();

impl<T: Config> Pallet<T> {
    /// Stores a program and answers its number of nodes.
    pub(crate) fn do_register_program(
        owner: T::AccountId,
        bytes: BoundedVec<u8, MaxProgramBytes>,
    ) -> Result<u32, DispatchError> {
        let program_hash = blake2_256(&bytes);
        ensure!(
            !Programs::<T>::contains_key(program_hash),
            Error::<T>::ProgramExists
        );
        let program = athanor_tensor_program::load(&bytes).map_err(Error::<T>::from)?;
        let terms = Terms::of(&program).ok_or(Error::<T>::CostOverflow)?;
        let nodes = terms.nodes;
        let len = bytes.len() as u32;
        let deposit = DepositOf::<T>::new(&owner, Footprint::from_parts(ITEMS, bytes.len()))?;
        Programs::<T>::insert(
            program_hash,
            ProgramEntry {
                owner: owner.clone(),
                deposit,
                bytes: len,
                models: 0,
                terms,
            },
        );
        ProgramBytes::<T>::insert(program_hash, bytes);
        Self::deposit_event(Event::ProgramRegistered {
            program_hash,
            owner,
            bytes: len,
            nodes,
        });
        Ok(nodes)
    }

    /// Stores a model version and answers its id.
    pub(crate) fn do_register_model(
        owner: T::AccountId,
        program_hash: ProgramHash,
        roots: BoundedVec<Root, MaxRoots>,
        licence: BoundedVec<u8, MaxLicence>,
        card_root: Option<Root>,
        parent: Option<ModelId>,
    ) -> Result<ModelId, DispatchError> {
        ensure!(is_licence(&licence), Error::<T>::BadLicence);
        if let Some(parent) = parent {
            ensure!(Models::<T>::contains_key(parent), Error::<T>::NoSuchParent);
        }
        let mut program = Programs::<T>::get(program_hash).ok_or(Error::<T>::NoSuchProgram)?;
        ensure!(
            u32::try_from(roots.len()) == Ok(program.terms.root_constants),
            Error::<T>::WrongRootCount
        );
        let model = NextModelId::<T>::get();
        let next = model.checked_add(1).ok_or(Error::<T>::NoMoreIds)?;
        program.models = program.models.checked_add(1).ok_or(Error::<T>::NoMoreIds)?;

        let size = roots
            .len()
            .saturating_mul(ROOT_BYTES)
            .saturating_add(licence.len());
        let deposit = DepositOf::<T>::new(&owner, Footprint::from_parts(ITEMS, size))?;
        NextModelId::<T>::put(next);
        Programs::<T>::insert(program_hash, program);
        ModelRoots::<T>::insert(model, roots);
        Models::<T>::insert(
            model,
            ModelEntry {
                owner: owner.clone(),
                deposit,
                program_hash,
                licence,
                card_root,
                parent,
                retired: false,
                users: 0,
                #[cfg(feature = "rehearsal")]
                bytes: u32::try_from(size).map_err(|_| ArithmeticError::Overflow)?,
            },
        );
        Self::deposit_event(Event::ModelRegistered {
            model,
            program_hash,
            owner,
            parent,
        });
        Ok(model)
    }

    /// Closes a model for new jobs.
    pub(crate) fn do_retire(who: &T::AccountId, model: ModelId) -> DispatchResult {
        Models::<T>::try_mutate(model, |entry| {
            let entry = entry.as_mut().ok_or(Error::<T>::NoSuchModel)?;
            ensure!(entry.owner == *who, Error::<T>::NotOwner);
            ensure!(!entry.retired, Error::<T>::AlreadyRetired);
            entry.retired = true;
            Self::deposit_event(Event::ModelRetired { model });
            Ok(())
        })
    }

    /// Removes a retired, unused model and returns its deposit.
    pub(crate) fn do_remove_model(who: &T::AccountId, model: ModelId) -> DispatchResult {
        let entry = Models::<T>::get(model).ok_or(Error::<T>::NoSuchModel)?;
        ensure!(entry.owner == *who, Error::<T>::NotOwner);
        ensure!(entry.retired, Error::<T>::NotRetired);
        ensure!(entry.users == 0, Error::<T>::ModelInUse);

        entry.deposit.drop(who)?;
        Models::<T>::remove(model);
        ModelRoots::<T>::remove(model);
        Programs::<T>::mutate(entry.program_hash, |program| {
            match program
                .as_mut()
                .and_then(|p| Some((p.models.checked_sub(1)?, p)))
            {
                Some((left, program)) => program.models = left,
                None => {
                    defensive!("a model's program counts it");
                }
            }
        });
        Self::deposit_event(Event::ModelRemoved {
            model,
            owner: entry.owner,
        });
        Ok(())
    }

    /// Removes a program that no model runs and returns its deposit.
    pub(crate) fn do_remove_program(
        who: &T::AccountId,
        program_hash: ProgramHash,
    ) -> DispatchResult {
        let entry = Programs::<T>::get(program_hash).ok_or(Error::<T>::NoSuchProgram)?;
        ensure!(entry.owner == *who, Error::<T>::NotOwner);
        ensure!(entry.models == 0, Error::<T>::ProgramInUse);

        entry.deposit.drop(who)?;
        Programs::<T>::remove(program_hash);
        ProgramBytes::<T>::remove(program_hash);
        Self::deposit_event(Event::ProgramRemoved {
            program_hash,
            owner: entry.owner,
        });
        Ok(())
    }

    /// The `program` view.
    pub(crate) fn view_program(program_hash: ProgramHash) -> Option<ProgramViewOf<T>> {
        let entry = Programs::<T>::get(program_hash)?;
        Some(ProgramView {
            deposit: Self::amount(&entry.deposit)?,
            owner: entry.owner,
            models: entry.models,
            terms: entry.terms,
            bytes: ProgramBytes::<T>::get(program_hash)?.into_inner(),
        })
    }

    /// The `model` view.
    pub(crate) fn view_model(model: ModelId) -> Option<ModelViewOf<T>> {
        let entry = Models::<T>::get(model)?;
        Some(ModelView {
            deposit: Self::amount(&entry.deposit)?,
            owner: entry.owner,
            program_hash: entry.program_hash,
            roots: ModelRoots::<T>::get(model)?.into_inner(),
            licence: entry.licence.into_inner(),
            card_root: entry.card_root,
            parent: entry.parent,
            retired: entry.retired,
            users: entry.users,
            #[cfg(feature = "rehearsal")]
            bytes: entry.bytes,
            max_batch: Programs::<T>::get(entry.program_hash)?.terms.max_batch,
        })
    }

    /// Amount of a deposit. Its type keeps the field private, but encodes as the amount alone.
    pub(crate) fn amount(deposit: &DepositOf<T>) -> Option<BalanceOf<T>> {
        deposit.using_encoded(|mut bytes| BalanceOf::<T>::decode(&mut bytes).ok())
    }

    fn quote_entry(entry: &ModelEntryOf<T>, batch: u32) -> Option<ModelQuote> {
        Programs::<T>::get(entry.program_hash)?
            .terms
            .quote(entry.program_hash, batch)
    }
}

impl<T> From<Invalid> for Error<T> {
    fn from(reason: Invalid) -> Self {
        let index = |value| match value {
            Operand::Input(index) | Operand::Const(index) | Operand::Node(index) => index,
        };
        match reason {
            Invalid::TooLong { .. } => Self::ProgramTooLong,
            Invalid::Malformed => Self::ProgramMalformed,
            Invalid::TrailingBytes { .. } => Self::ProgramTrailingBytes,
            Invalid::NotCanonical => Self::ProgramNotCanonical,
            Invalid::UnknownVersion { .. } => Self::ProgramVersionUnknown,
            Invalid::MaxBatch { .. } => Self::ProgramMaxBatch,
            Invalid::TooManyInputs { .. } => Self::ProgramTooManyInputs,
            Invalid::TooManyConstants { .. } => Self::ProgramTooManyConstants,
            Invalid::TooManyNodes { .. } => Self::ProgramTooManyNodes,
            Invalid::OutputCount { .. } => Self::ProgramOutputCount,
            Invalid::Rank { value } => Self::ValueRank {
                index: index(value),
            },
            Invalid::Axis { value, .. } => Self::ValueAxis {
                index: index(value),
            },
            Invalid::TooLarge { value } => Self::ValueTooLarge {
                index: index(value),
            },
            Invalid::InputTooLarge => Self::InputTooLarge,
            Invalid::InputOrder { input } => Self::InputOrder { input },
            Invalid::InlineLength { constant } => Self::InlineConstantLength { constant },
            Invalid::OperandCount { node, .. } => Self::NodeOperandCount { node },
            Invalid::UnknownOperand { node, .. } => Self::NodeUnknownOperand { node },
            Invalid::NotActivation { node, .. } => Self::NodeOperandNotActivation { node },
            Invalid::NotConstant { node, .. } => Self::NodeOperandNotConstant { node },
            Invalid::NotNode { node, .. } => Self::NodeOperandNotNode { node },
            Invalid::OperandType { node, .. } => Self::NodeOperandType { node },
            Invalid::OperandShape { node, .. } => Self::NodeOperandShape { node },
            Invalid::Attribute { node, .. } => Self::NodeAttribute { node },
            Invalid::ReductionTooLong { node, .. } => Self::NodeReductionTooLong { node },
            Invalid::NotJudgeable { node, .. } => Self::NodeNotJudgeable { node },
            Invalid::ElementsChange { node } => Self::NodeElementsChange { node },
            Invalid::NoSuchOutput { output } => Self::OutputUnknown { output },
            Invalid::DuplicateOutput { node } => Self::OutputDuplicate { node },
            Invalid::DeadNode { node } => Self::NodeDead { node },
            Invalid::TotalTooLarge => Self::TotalTooLarge,
            Invalid::CostOverflow => Self::CostOverflow,
            _ => Self::InvalidProgram,
        }
    }
}

/// 1 or more printable ASCII characters; the bound is the type's.
fn is_licence(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

impl<T: Config> ModelRegistry for Pallet<T> {
    fn quote(model: ModelId, batch: u32) -> Option<ModelQuote> {
        let entry = Models::<T>::get(model).filter(|entry| !entry.retired)?;
        Self::quote_entry(&entry, batch)
    }

    fn quote_any(model: ModelId, batch: u32) -> Option<ModelQuote> {
        Self::quote_entry(&Models::<T>::get(model)?, batch)
    }

    fn program(model: ModelId) -> Option<Vec<u8>> {
        let entry = Models::<T>::get(model)?;
        ProgramBytes::<T>::get(entry.program_hash).map(BoundedVec::into_inner)
    }

    fn weights(model: ModelId) -> Option<Vec<Root>> {
        ModelRoots::<T>::get(model).map(BoundedVec::into_inner)
    }

    fn acquire(model: ModelId) {
        Models::<T>::mutate(model, |entry| {
            match entry
                .as_mut()
                .and_then(|e| Some((e.users.checked_add(1)?, e)))
            {
                Some((users, entry)) => entry.users = users,
                None => {
                    defensive!("only a model that was quoted is acquired");
                }
            }
        });
    }

    fn release(model: ModelId) {
        Models::<T>::mutate(model, |entry| {
            match entry
                .as_mut()
                .and_then(|e| Some((e.users.checked_sub(1)?, e)))
            {
                Some((users, entry)) => entry.users = users,
                None => {
                    defensive!("only a model that was acquired is released");
                }
            }
        });
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_model(nodes: u32) -> ModelId {
        crate::benchmarking::model_with_nodes::<T>(nodes)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_program(
        program: &athanor_tensor_program::Program,
        weights: alloc::vec::Vec<Root>,
    ) -> ModelId {
        crate::benchmarking::model_of::<T>(program, weights)
    }
}

impl<T: Config> Pallet<T> {
    /// Checks every invariant of the pallet. Reads all of its state: for tests and try-runtime.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        Self::try_state_programs()?;
        Self::try_state_models()?;
        Self::try_state_deposits()
    }

    /// Each program has bytes, hashes to its key, is valid, gives the terms that are stored, and
    /// counts the models that run it. No bytes are left without an entry.
    fn try_state_programs() -> Result<(), sp_runtime::TryRuntimeError> {
        let mut models = alloc::collections::BTreeMap::<ProgramHash, u32>::new();
        for entry in Models::<T>::iter_values() {
            let count = models.entry(entry.program_hash).or_default();
            *count = count.saturating_add(1);
        }
        let mut programs = 0u32;
        for (hash, entry) in Programs::<T>::iter() {
            programs = programs.saturating_add(1);
            let bytes = ProgramBytes::<T>::get(hash).ok_or("a program has no bytes")?;
            ensure!(
                blake2_256(&bytes) == hash,
                "a program does not hash to its key"
            );
            ensure!(
                bytes.len() as u32 == entry.bytes,
                "a program's length is wrong"
            );
            let program =
                athanor_tensor_program::load(&bytes).map_err(|_| "a stored program is invalid")?;
            ensure!(
                Terms::of(&program) == Some(entry.terms),
                "a program's terms are wrong"
            );
            ensure!(
                models.remove(&hash).unwrap_or_default() == entry.models,
                "a program miscounts its models"
            );
        }
        ensure!(
            models.is_empty(),
            "a model names a program that is not there"
        );
        ensure!(
            ProgramBytes::<T>::iter_keys().count() as u32 == programs,
            "program bytes without an entry"
        );
        Ok(())
    }

    /// Each model has an id that was given out and as many roots as its program asks for. No roots
    /// are left without an entry.
    fn try_state_models() -> Result<(), sp_runtime::TryRuntimeError> {
        let next = NextModelId::<T>::get();
        let mut models = 0u32;
        for (id, entry) in Models::<T>::iter() {
            models = models.saturating_add(1);
            ensure!(id < next, "a model's id was never given out");
            let program = Programs::<T>::get(entry.program_hash).ok_or("a model has no program")?;
            let roots = ModelRoots::<T>::get(id).ok_or("a model has no roots")?;
            ensure!(
                roots.len() as u32 == program.terms.root_constants,
                "a model has the wrong number of roots"
            );
            ensure!(is_licence(&entry.licence), "a model's licence is malformed");
            #[cfg(feature = "rehearsal")]
            ensure!(
                entry.bytes as usize
                    == roots
                        .len()
                        .saturating_mul(ROOT_BYTES)
                        .saturating_add(entry.licence.len()),
                "a model's bytes are wrong"
            );
        }
        ensure!(
            ModelRoots::<T>::iter_keys().count() as u32 == models,
            "roots without a model"
        );
        Ok(())
    }

    /// The deposits of each account's entries add up to its hold.
    fn try_state_deposits() -> Result<(), sp_runtime::TryRuntimeError> {
        use frame_support::traits::fungible::InspectHold;
        use sp_runtime::traits::{CheckedAdd, Zero};

        let programs = Programs::<T>::iter_values().map(|entry| (entry.owner, entry.deposit));
        let models = Models::<T>::iter_values().map(|entry| (entry.owner, entry.deposit));
        let mut held = alloc::collections::BTreeMap::<T::AccountId, BalanceOf<T>>::new();
        for (owner, deposit) in programs.chain(models) {
            let amount = Self::amount(&deposit).ok_or("a deposit does not decode")?;
            let sum = held.entry(owner).or_insert_with(Zero::zero);
            *sum = sum.checked_add(&amount).ok_or("deposits overflow")?;
        }
        for (owner, sum) in held {
            ensure!(
                T::Currency::balance_on_hold(&HoldReason::Deposit.into(), &owner) == sum,
                "an account's deposits do not add up to its hold"
            );
        }
        Ok(())
    }
}
