//! Why a model cannot be imported.

use athanor_tensor_program::Invalid;
use thiserror::Error;

/// Why a model cannot be imported, or what is wrong with the samples.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no ONNX model.
    #[error("this is no ONNX model: {reason} (in {place}, at byte {at})")]
    Malformed {
        /// The message that was being read.
        place: &'static str,
        /// Offset of the field in that message.
        at: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// Something is larger than an importer needs to take.
    #[error("{what} is limited to {limit}, this model has {found}")]
    TooLarge {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// What was found.
        found: u64,
    },
    /// A tensor's bytes are in another file.
    #[error(
        "tensor '{tensor}' is kept in another file: save the model as one file \
         (onnx.save(model, path, save_as_external_data=False))"
    )]
    ExternalData {
        /// Name of the tensor.
        tensor: String,
    },
    /// An initialiser cannot be read.
    #[error("initialiser '{tensor}' cannot be read: {reason}")]
    Initialiser {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// The graph contradicts itself.
    #[error("the graph is not valid: {reason}")]
    Graph {
        /// What is wrong.
        reason: String,
    },
    /// A node, directly or not, reads its own output.
    #[error("the graph has a cycle through node '{node}'")]
    Cycle {
        /// A node of the cycle.
        node: String,
    },
    /// An input or its shape cannot be part of a program.
    #[error("input '{input}': {reason}")]
    Input {
        /// Name of the input.
        input: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A node has no exact integer form.
    #[error("node '{node}' ({op}): {reason}")]
    Unsupported {
        /// Name of the node, or of its first output.
        node: String,
        /// Its operator.
        op: String,
        /// Why it cannot be mapped.
        reason: String,
    },
    /// A tensor without quantisation whose range is not known.
    #[error(
        "tensor '{tensor}' between mapped operators has no quantisation (after node '{node}', \
         {op}): give samples so that its range can be measured, or quantise it"
    )]
    NoRange {
        /// Name of the tensor.
        tensor: String,
        /// The node that makes it.
        node: String,
        /// The node's operator.
        op: String,
    },
    /// The samples do not fit the model.
    #[error("samples: {reason}")]
    Samples {
        /// What is wrong.
        reason: String,
    },
    /// The program that came out breaks a rule of tensor programs.
    #[error("{of}: {reason}")]
    Program {
        /// The ONNX node the offending part came from.
        of: String,
        /// The rule.
        reason: Invalid,
    },
    /// A fault of this crate.
    #[error("the importer failed, this is its fault: {reason}")]
    Internal {
        /// What happened.
        reason: String,
    },
}

/// Shorthand.
pub type Result<T> = core::result::Result<T, Error>;
