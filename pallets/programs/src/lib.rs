//! # Programs pallet
//!
//! Registry of tensor programs and of the model versions that run them.
//!
//! ## Pallet API
//!
//! See the [`pallet`] module for the dispatchables, storage, events and errors.
//!
//! ## Overview
//!
//! A *program* is a static graph of integer tensor operators (`athanor-tensor-program`). It is
//! stored once, under the BLAKE2b-256 hash of its canonical encoding, together with the terms that
//! follow from it: cost, memory, input and output lengths as a function of the batch. Whoever
//! registers it holds a deposit by size.
//!
//! A *model version* gives a program its weights: one BLAKE3 root per `Root` constant, in the
//! program's order. One architecture serves many versions, of many owners. A version is never
//! overwritten. The chain can't know that somebody serves the weights; who accepts a job says so
//! for itself.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Live: register_model
//!     Live --> Retired: retire
//!     Retired --> [*]: remove_model, once no job uses it
//! ```
//!
//! Deposits return when a retired model that no job uses, then a program that no model uses, are
//! removed.
//!
//! ### Properties
//!
//! * A stored program is valid: it decodes to its last byte, encodes back to the same bytes, and
//!   passed `athanor_tensor_program::load`.
//! * What [`ModelRegistry::quote`] answers for a model never changes while the model is there.
//! * A model in use by a live job is never removed, and neither is the program of a model.
//! * Model ids are never used twice.
//! * The deposits of all entries of an account add up to its [`HoldReason::Deposit`] hold.
//!
//! ## Low Level / Implementation Details
//!
//! ### Design
//!
//! Cost, memory and lengths are linear in the batch (`fixed + batch · per_sample`). Both numbers
//! are taken at registration, so quoting a job reads a few hundred bytes instead of decoding and
//! validating up to 64 KiB. Program bytes and weight roots lie in maps of their own for the same
//! reason: taking and giving back a model rewrites its small entry only.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]
#![forbid(unsafe_code)]

extern crate alloc;

mod impls;
pub mod migrations;
pub mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(any(test, feature = "runtime-benchmarks"))]
mod samples;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
// What FRAME's macros expand to; our own code is in the other modules, or here without it.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::*;
    use athanor_primitives::{Cost, ModelId, ModelRegistry, ProgramHash, Root};
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{hold, Mutate},
            StorageVersion,
        },
    };
    use frame_system::pallet_prelude::*;

    /// Version of the storage layout.
    const STORAGE_VERSION: StorageVersion =
        StorageVersion::new(if cfg!(feature = "rehearsal") { 1 } else { 0 });

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Where deposits are held.
        type Currency: Mutate<Self::AccountId>
            + hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;

        /// Deposit per storage item. A program takes two, a model two.
        ///
        /// It has to make filling the state with tiny entries dearer than what they cost every
        /// node to keep.
        #[pallet::constant]
        type DepositBase: Get<BalanceOf<Self>>;

        /// Deposit per byte of a program, and of a model's roots and licence.
        ///
        /// With the largest program of 64 KiB it has to stay payable by a person.
        #[pallet::constant]
        type DepositPerByte: Get<BalanceOf<Self>>;

        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds balance.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A program or a model version lies in state.
        #[codec(index = 0)]
        Deposit,
    }

    /// Programs by the BLAKE2b-256 hash of their encoding.
    // Identity: the key is a cryptographic hash already.
    #[pallet::storage]
    pub type Programs<T: Config> = StorageMap<_, Identity, ProgramHash, ProgramEntryOf<T>>;

    /// Canonical encoding of each program.
    // Identity: the key is a cryptographic hash already.
    #[pallet::storage]
    pub type ProgramBytes<T: Config> =
        StorageMap<_, Identity, ProgramHash, BoundedVec<u8, MaxProgramBytes>>;

    /// Model versions.
    // Twox64Concat: ids are given out in order, nobody can choose one.
    #[pallet::storage]
    pub type Models<T: Config> = StorageMap<_, Twox64Concat, ModelId, ModelEntryOf<T>>;

    /// Roots of each model's `Root` constants, in the program's order.
    // Twox64Concat: ids are given out in order, nobody can choose one.
    #[pallet::storage]
    pub type ModelRoots<T: Config> =
        StorageMap<_, Twox64Concat, ModelId, BoundedVec<Root, MaxRoots>>;

    /// The id that the next model gets.
    #[pallet::storage]
    pub type NextModelId<T: Config> = StorageValue<_, ModelId, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A program was stored.
        ProgramRegistered {
            /// BLAKE2b-256 hash of its encoding.
            program_hash: ProgramHash,
            /// Who holds the deposit.
            owner: T::AccountId,
            /// Length of the encoding.
            bytes: u32,
            /// Number of nodes.
            nodes: u32,
        },
        /// A model version was stored.
        ModelRegistered {
            /// Its id.
            model: ModelId,
            /// The program it runs.
            program_hash: ProgramHash,
            /// Who holds the deposit.
            owner: T::AccountId,
            /// The version it was made from.
            parent: Option<ModelId>,
        },
        /// A model version takes no new jobs any more.
        ModelRetired {
            /// Its id.
            model: ModelId,
        },
        /// A model version was removed and its deposit returned.
        ModelRemoved {
            /// Its id.
            model: ModelId,
            /// Who got the deposit back.
            owner: T::AccountId,
        },
        /// A program was removed and its deposit returned.
        ProgramRemoved {
            /// BLAKE2b-256 hash of its encoding.
            program_hash: ProgramHash,
            /// Who got the deposit back.
            owner: T::AccountId,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// This program is registered already: use its hash.
        ProgramExists,
        /// No program has this hash: register it first.
        NoSuchProgram,
        /// No model has this id: `ModelRegistered` events carry the ids.
        NoSuchModel,
        /// The parent names no model: leave it out or name an existing version.
        NoSuchParent,
        /// Only the account that registered it may do this.
        NotOwner,
        /// Models still run this program: remove all of them first.
        ProgramInUse,
        /// Live jobs still use this model: wait until they have settled.
        ModelInUse,
        /// Only a retired model can be removed: call `retire` first.
        NotRetired,
        /// The model is retired already.
        AlreadyRetired,
        /// The number of roots differs from the program's number of `Root` constants.
        WrongRootCount,
        /// The licence must be 1 to 64 printable ASCII characters, such as an SPDX expression.
        BadLicence,
        /// All model ids are used up.
        NoMoreIds,
        /// The program is not valid: `athanor program inspect` says why.
        InvalidProgram,
        /// A program has at most 65,536 bytes: name large constants by root.
        ProgramTooLong,
        /// The bytes are no SCALE-encoded program, or a list in it is too long.
        ProgramMalformed,
        /// Bytes follow the program: remove them.
        ProgramTrailingBytes,
        /// The bytes are not the program's one encoding: encode it again.
        ProgramNotCanonical,
        /// The chain does not know the program's semantic version: use version 1.
        ProgramVersionUnknown,
        /// The program's `max_batch` must be 1 to 16,777,216.
        ProgramMaxBatch,
        /// A program has at most 16 inputs.
        ProgramTooManyInputs,
        /// A program has at most 1,024 constants.
        ProgramTooManyConstants,
        /// A program has at most 1,024 nodes.
        ProgramTooManyNodes,
        /// A program has 1 to 8 outputs.
        ProgramOutputCount,
        /// A value has too many axes: at most 6, the batch axis of an activation counted.
        ValueRank {
            /// Index of the input, constant or node.
            index: u16,
        },
        /// An axis of a value must be 1 to 16,777,216 long.
        ValueAxis {
            /// Index of the input, constant or node.
            index: u16,
        },
        /// A value is too large: at most 2^31 bytes a sample and 2^35 at `max_batch`.
        ValueTooLarge {
            /// Index of the input, constant or node.
            index: u16,
        },
        /// The inputs joined have more than 2^35 bytes at `max_batch`: lower it.
        InputTooLarge,
        /// An input is wider than the one before it: declare inputs from i32 to i8.
        InputOrder {
            /// Index of the input.
            input: u16,
        },
        /// An inline constant must have exactly the bytes of its shape and type.
        InlineConstantLength {
            /// Index of the constant.
            constant: u16,
        },
        /// A node has too few or too many operands for its operator and attributes.
        NodeOperandCount {
            /// Index of the node.
            node: u16,
        },
        /// A node reads something that does not exist before it.
        NodeUnknownOperand {
            /// Index of the node.
            node: u16,
        },
        /// An operand of a node must be an activation, not a constant.
        NodeOperandNotActivation {
            /// Index of the node.
            node: u16,
        },
        /// An operand of a node must be a constant.
        NodeOperandNotConstant {
            /// Index of the node.
            node: u16,
        },
        /// An operand of a node must be the output of a node.
        NodeOperandNotNode {
            /// Index of the node.
            node: u16,
        },
        /// An operand of a node has an element type that its operator does not take there.
        NodeOperandType {
            /// Index of the node.
            node: u16,
        },
        /// The shape of an operand of a node does not fit its operator.
        NodeOperandShape {
            /// Index of the node.
            node: u16,
        },
        /// An attribute of a node is out of its range.
        NodeAttribute {
            /// Index of the node.
            node: u16,
        },
        /// A node sums more products than its zero points allow: split it.
        NodeReductionTooLong {
            /// Index of the node.
            node: u16,
        },
        /// A proof of one element of a node could exceed its limit: split the node.
        NodeNotJudgeable {
            /// Index of the node.
            node: u16,
        },
        /// A reshape must keep the number of elements.
        NodeElementsChange {
            /// Index of the node.
            node: u16,
        },
        /// An output names no node.
        OutputUnknown {
            /// Index among the outputs.
            output: u16,
        },
        /// A node is an output twice: name it once.
        OutputDuplicate {
            /// Index of the node.
            node: u16,
        },
        /// A node reaches no output: remove it.
        NodeDead {
            /// Index of the node.
            node: u16,
        },
        /// All values together have more than 2^42 bytes at `max_batch`: lower it.
        TotalTooLarge,
        /// The cost at `max_batch` does not fit 64 bits: lower it.
        CostOverflow,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call(weight(<T as Config>::WeightInfo))]
    impl<T: Config> Pallet<T> {
        /// Stores a program under its hash.
        ///
        /// ## Dispatch Origin
        ///
        /// Must be signed; the signer becomes the program's owner.
        ///
        /// ## Details
        ///
        /// Decodes and validates the program and takes down its cost, memory and lengths per
        /// batch. Holds a deposit of two items and its length. The weight charged before assumes
        /// the most nodes that fit into the bytes; what was too much is given back.
        ///
        /// ## Parameters
        ///
        /// - `bytes`: The canonical SCALE encoding, at most 64 KiB.
        ///
        /// ## Events
        ///
        /// [`Event::ProgramRegistered`].
        #[pallet::call_index(0)]
        #[pallet::weight({
            let b = bytes.len() as u32;
            T::WeightInfo::register_program(b, most_nodes(b))
        })]
        pub fn register_program(
            origin: OriginFor<T>,
            bytes: BoundedVec<u8, MaxProgramBytes>,
        ) -> DispatchResultWithPostInfo {
            let owner = ensure_signed(origin)?;
            let b = bytes.len() as u32;
            let nodes = Self::do_register_program(owner, bytes)?;
            Ok(Some(T::WeightInfo::register_program(b, nodes)).into())
        }

        /// Stores a model version: a program together with the roots of its weights.
        ///
        /// ## Dispatch Origin
        ///
        /// Must be signed; the signer becomes the model's owner. The program may be anybody's.
        ///
        /// ## Details
        ///
        /// Holds a deposit of two items and the length of roots and licence. Nothing of the model
        /// can be changed later: register another version and name this one as its parent.
        ///
        /// ## Parameters
        ///
        /// - `program_hash`: A registered program.
        /// - `roots`: One BLAKE3 root per `Root` constant, in the program's order.
        /// - `licence`: Terms of use, for instance an SPDX expression.
        /// - `card_root`: BLAKE3 root of a model card.
        /// - `parent`: The version that this one was made from.
        ///
        /// ## Events
        ///
        /// [`Event::ModelRegistered`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::register_model(roots.len() as u32))]
        pub fn register_model(
            origin: OriginFor<T>,
            program_hash: ProgramHash,
            roots: BoundedVec<Root, MaxRoots>,
            licence: BoundedVec<u8, MaxLicence>,
            card_root: Option<Root>,
            parent: Option<ModelId>,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_register_model(owner, program_hash, roots, licence, card_root, parent)
                .map(|_| ())
        }

        /// Closes a model version for new jobs. Jobs in flight keep running.
        ///
        /// ## Dispatch Origin
        ///
        /// Must be signed by the model's owner.
        ///
        /// ## Details
        ///
        /// There is no way back; registering the same roots again is a new version.
        ///
        /// ## Parameters
        ///
        /// - `model`: The model's id.
        ///
        /// ## Events
        ///
        /// [`Event::ModelRetired`].
        #[pallet::call_index(2)]
        pub fn retire(origin: OriginFor<T>, model: ModelId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_retire(&who, model)
        }

        /// Removes a retired model version and returns its deposit.
        ///
        /// ## Dispatch Origin
        ///
        /// Must be signed by the model's owner.
        ///
        /// ## Details
        ///
        /// Refused while a live job uses the model.
        ///
        /// ## Parameters
        ///
        /// - `model`: The model's id.
        ///
        /// ## Events
        ///
        /// [`Event::ModelRemoved`].
        #[pallet::call_index(3)]
        pub fn remove_model(origin: OriginFor<T>, model: ModelId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_remove_model(&who, model)
        }

        /// Removes a program that no model runs and returns its deposit.
        ///
        /// ## Dispatch Origin
        ///
        /// Must be signed by the program's owner.
        ///
        /// ## Parameters
        ///
        /// - `program_hash`: The program's hash.
        ///
        /// ## Events
        ///
        /// [`Event::ProgramRemoved`].
        #[pallet::call_index(4)]
        pub fn remove_program(origin: OriginFor<T>, program_hash: ProgramHash) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_remove_program(&who, program_hash)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The program of this hash: owner, terms, bytes. `None` if there is none.
        pub fn program(program_hash: ProgramHash) -> Option<ProgramViewOf<T>> {
            Self::view_program(program_hash)
        }

        /// The model of this id: owner, program, roots, licence. `None` if there is none.
        pub fn model(model: ModelId) -> Option<ModelViewOf<T>> {
            Self::view_model(model)
        }

        /// Exact cost of running `model` on `batch` samples. `None` if there is no such model, or
        /// the batch is 0 or above the program's `max_batch`.
        pub fn cost(model: ModelId, batch: u32) -> Option<Cost> {
            <Self as ModelRegistry>::quote_any(model, batch).map(|quote| quote.cost)
        }

        /// Bytes of memory that running `model` on `batch` samples takes. `None` as for `cost`.
        pub fn memory(model: ModelId, batch: u32) -> Option<u64> {
            <Self as ModelRegistry>::quote_any(model, batch).map(|quote| quote.memory)
        }
    }
}
