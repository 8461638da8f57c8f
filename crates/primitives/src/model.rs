//! What the job escrow has to know of a model.

use crate::{Cost, ModelId, ProgramHash, Root};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;

/// A model version at one batch size: everything a job's terms follow from.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ModelQuote {
    /// Hash of the model's program.
    pub program_hash: ProgramHash,
    /// Exact cost of one run at this batch.
    pub cost: Cost,
    /// Bytes of memory one run needs: constants, input and every node's output.
    pub memory: u64,
    /// Bytes of the input blob.
    pub input_len: u64,
    /// Bytes of all outputs joined.
    pub output_len: u64,
    /// Number of nodes, which is the number of roots in a trace.
    pub nodes: u32,
    /// Indices of the output nodes, 1 to 8 of them.
    pub outputs: Vec<u16>,
}

/// The seam between `pallet-programs` and whoever runs models.
pub trait ModelRegistry {
    /// Terms of `model` at `batch` samples. `None` if the model is unknown,
    /// retired, or `batch` is 0 or above the program's `max_batch`.
    fn quote(model: ModelId, batch: u32) -> Option<ModelQuote>;

    /// As [`ModelRegistry::quote`], also for a retired model: jobs in flight
    /// keep running.
    fn quote_any(model: ModelId, batch: u32) -> Option<ModelQuote>;

    /// Canonical encoding of the model's program.
    fn program(model: ModelId) -> Option<Vec<u8>>;

    /// Roots of the model's `Root` constants, in the program's order.
    fn weights(model: ModelId) -> Option<Vec<Root>>;

    /// Notes that a live job uses `model`, so that it cannot be removed.
    fn acquire(model: ModelId);

    /// Undoes one [`ModelRegistry::acquire`].
    fn release(model: ModelId);

    /// Registers a model whose run at `batch` costs about `cost`, for benchmarks.
    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_model(nodes: u32) -> ModelId;

    /// Registers a model of this program, for benchmarks.
    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_program(program: &athanor_tensor_program::Program, weights: Vec<Root>) -> ModelId;
}
