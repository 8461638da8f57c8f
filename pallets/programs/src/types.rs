//! Types of the registry.

use crate::{Config, HoldReason};
use alloc::vec::Vec;
use athanor_primitives::{Cost, ModelId, ModelQuote, ProgramHash, Root, MAX_NODES};
use athanor_tensor_program::{Validated, MAX_PROGRAM_BYTES};
use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::{
    traits::{
        fungible::{HoldConsideration, Inspect},
        ConstU32, Footprint, Get,
    },
    BoundedVec,
};
use scale_info::TypeInfo;
use sp_runtime::traits::{Convert, SaturatedConversion, Saturating};

/// Longest encoding of a program, in bytes.
pub type MaxProgramBytes = ConstU32<{ MAX_PROGRAM_BYTES as u32 }>;

/// Most roots of a model: a program has at most 1,024 constants.
pub type MaxRoots = ConstU32<1_024>;

/// Longest licence text, in bytes: long enough for SPDX expressions.
pub type MaxLicence = ConstU32<64>;

/// Most outputs of a program.
pub type MaxOutputs = ConstU32<8>;

/// Balance of the pallet's currency.
pub type BalanceOf<T> =
    <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;

/// A deposit that is held.
pub type DepositOf<T> = HoldConsideration<
    <T as frame_system::Config>::AccountId,
    <T as Config>::Currency,
    DepositReason<T>,
    DepositPrice<T>,
>;

/// [`ProgramEntry`] of a runtime.
pub type ProgramEntryOf<T> = ProgramEntry<<T as frame_system::Config>::AccountId, DepositOf<T>>;

/// [`ModelEntry`] of a runtime.
pub type ModelEntryOf<T> = ModelEntry<<T as frame_system::Config>::AccountId, DepositOf<T>>;

/// [`ProgramView`] of a runtime.
pub type ProgramViewOf<T> = ProgramView<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

/// [`ModelView`] of a runtime.
pub type ModelViewOf<T> = ModelView<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

/// The hold reason of all deposits.
pub struct DepositReason<T>(PhantomData<T>);

impl<T: Config> Get<T::RuntimeHoldReason> for DepositReason<T> {
    fn get() -> T::RuntimeHoldReason {
        HoldReason::Deposit.into()
    }
}

/// Price of a footprint: a base per item and a price per byte.
pub struct DepositPrice<T>(PhantomData<T>);

impl<T: Config> Convert<Footprint, BalanceOf<T>> for DepositPrice<T> {
    // Saturating is safe here: a deposit that saturates cannot be held.
    fn convert(footprint: Footprint) -> BalanceOf<T> {
        let items: BalanceOf<T> = footprint.count.saturated_into();
        let bytes: BalanceOf<T> = footprint.size.saturated_into();
        T::DepositBase::get()
            .saturating_mul(items)
            .saturating_add(T::DepositPerByte::get().saturating_mul(bytes))
    }
}

/// A number that is linear in the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct PerBatch {
    /// What a run takes whatever its batch.
    pub fixed: u64,
    /// What each sample adds.
    pub per_sample: u64,
}

impl PerBatch {
    /// The line through the values at batch 1 and batch 2; a constant if the program takes one
    /// sample only.
    fn through(one: u64, two: Option<u64>) -> Option<Self> {
        let per_sample = match two {
            Some(two) => two.checked_sub(one)?,
            None => 0,
        };
        Some(Self {
            fixed: one.checked_sub(per_sample)?,
            per_sample,
        })
    }

    /// The value at `batch`. `None` if it does not fit.
    pub fn at(&self, batch: u32) -> Option<u64> {
        self.per_sample
            .checked_mul(u64::from(batch))?
            .checked_add(self.fixed)
    }
}

/// Everything that follows from a program, as a function of the batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct Terms {
    /// Largest batch.
    pub max_batch: u32,
    /// Number of nodes.
    pub nodes: u32,
    /// Number of `Root` constants.
    pub root_constants: u32,
    /// Indices of the output nodes.
    pub outputs: BoundedVec<u16, MaxOutputs>,
    /// `macs` of the cost.
    pub cost_macs: PerBatch,
    /// `ops` of the cost.
    pub cost_ops: PerBatch,
    /// `bytes` of the cost.
    pub cost_bytes: PerBatch,
    /// `nodes` of the cost.
    pub cost_nodes: PerBatch,
    /// `load` of the cost.
    pub cost_load: PerBatch,
    /// Bytes of memory.
    pub memory: PerBatch,
    /// Bytes of the input blob.
    pub input_len: PerBatch,
    /// Bytes of all outputs joined.
    pub output_len: PerBatch,
}

impl Terms {
    /// Takes down the terms of a program. `None` if a number is not linear in the batch, which
    /// contradicts the definition of programs.
    pub fn of(program: &Validated) -> Option<Self> {
        let max_batch = program.max_batch();
        let line = |value: &dyn Fn(u32) -> Option<u64>| {
            let two = if max_batch > 1 { Some(value(2)?) } else { None };
            let line = PerBatch::through(value(1)?, two)?;
            (line.at(max_batch) == value(max_batch)).then_some(line)
        };
        let cost = |part: fn(Cost) -> u64| line(&|batch| program.cost(batch).map(part));
        Some(Self {
            max_batch,
            nodes: u32::try_from(program.node_count()).ok()?,
            root_constants: u32::try_from(program.root_constant_count()).ok()?,
            outputs: program.outputs().to_vec().try_into().ok()?,
            cost_macs: cost(|cost| cost.macs)?,
            cost_ops: cost(|cost| cost.ops)?,
            cost_bytes: cost(|cost| cost.bytes)?,
            cost_nodes: cost(|cost| cost.nodes)?,
            cost_load: cost(|cost| cost.load)?,
            memory: line(&|batch| program.memory(batch))?,
            input_len: line(&|batch| program.input_len(batch))?,
            output_len: line(&|batch| program.output_len(batch))?,
        })
    }

    /// Cost of a run. `None` if `batch` is 0 or above [`Terms::max_batch`].
    pub fn cost(&self, batch: u32) -> Option<Cost> {
        self.takes(batch).then_some(())?;
        Some(Cost {
            macs: self.cost_macs.at(batch)?,
            ops: self.cost_ops.at(batch)?,
            bytes: self.cost_bytes.at(batch)?,
            nodes: self.cost_nodes.at(batch)?,
            load: self.cost_load.at(batch)?,
        })
    }

    /// The quote for a run. `None` if `batch` is 0 or above [`Terms::max_batch`].
    pub fn quote(&self, program_hash: ProgramHash, batch: u32) -> Option<ModelQuote> {
        Some(ModelQuote {
            program_hash,
            cost: self.cost(batch)?,
            memory: self.memory.at(batch)?,
            input_len: self.input_len.at(batch)?,
            output_len: self.output_len.at(batch)?,
            nodes: self.nodes,
            outputs: self.outputs.to_vec(),
        })
    }

    fn takes(&self, batch: u32) -> bool {
        (1..=self.max_batch).contains(&batch)
    }
}

/// A registered program.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct ProgramEntry<AccountId, Deposit> {
    /// Who registered it and holds the deposit.
    pub owner: AccountId,
    /// The deposit.
    pub deposit: Deposit,
    /// Length of its encoding.
    pub bytes: u32,
    /// Number of models that run it.
    pub models: u32,
    /// What follows from it.
    pub terms: Terms,
}

/// A registered model version. Its roots are in a map of their own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct ModelEntry<AccountId, Deposit> {
    /// Who registered it and holds the deposit.
    pub owner: AccountId,
    /// The deposit.
    pub deposit: Deposit,
    /// The program it runs.
    pub program_hash: ProgramHash,
    /// Terms of use.
    pub licence: BoundedVec<u8, MaxLicence>,
    /// BLAKE3 root of its model card.
    pub card_root: Option<Root>,
    /// The version it was made from.
    pub parent: Option<ModelId>,
    /// It takes no new jobs.
    pub retired: bool,
    /// Number of live jobs that use it.
    pub users: u32,
    /// Bytes of its roots and licence, which its deposit was taken for.
    #[cfg(feature = "rehearsal")]
    pub bytes: u32,
}

/// What the `program` view function shows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProgramView<AccountId, Balance> {
    /// Who registered it.
    pub owner: AccountId,
    /// Amount of the deposit.
    pub deposit: Balance,
    /// Number of models that run it.
    pub models: u32,
    /// What follows from it.
    pub terms: Terms,
    /// Its canonical encoding.
    pub bytes: Vec<u8>,
}

/// What the `model` view function shows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ModelView<AccountId, Balance> {
    /// Who registered it.
    pub owner: AccountId,
    /// Amount of the deposit.
    pub deposit: Balance,
    /// The program it runs.
    pub program_hash: ProgramHash,
    /// Roots of its `Root` constants, in the program's order.
    pub roots: Vec<Root>,
    /// Terms of use.
    pub licence: Vec<u8>,
    /// BLAKE3 root of its model card.
    pub card_root: Option<Root>,
    /// The version it was made from.
    pub parent: Option<ModelId>,
    /// It takes no new jobs.
    pub retired: bool,
    /// Number of live jobs that use it.
    pub users: u32,
    /// Largest batch of its program.
    pub max_batch: u32,
    /// Bytes of its roots and licence, which its deposit was taken for.
    #[cfg(feature = "rehearsal")]
    pub bytes: u32,
}

/// Fewest bytes of a node's encoding: operator, number of operands, one operand of three bytes.
const LEAST_NODE_BYTES: u32 = 5;

/// Most nodes that a program of `bytes` bytes can have.
pub(crate) fn most_nodes(bytes: u32) -> u32 {
    bytes
        .checked_div(LEAST_NODE_BYTES)
        .unwrap_or(bytes)
        .min(MAX_NODES)
}
