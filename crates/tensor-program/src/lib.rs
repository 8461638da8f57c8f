//! Exact integer tensor programs.
//!
//! A [`Program`] is a small graph of integer operators. Everything about it is
//! exact: any two correct implementations give the same bytes for the same
//! input, so a chain can compare roots and judge a single element. This crate is
//! the one definition, used four times: reference interpreter
//! ([`interpret`]), oracle for faster backends, judge inside the runtime
//! ([`judge`]), and cost model ([`Validated::cost`]).
//!
//! Operators are documented in [`ops`]: formula, shapes, the byte ranges a judge
//! reads, cost and source. The written specification is
//! `docs/spec/tensor-program.md`. The feature `testing` adds random programs and
//! adversarial data for tests of this crate and of backends.
//!
//! # Properties
//!
//! - *Total*: no bytes, however malformed, make decoding, validation, execution
//!   or judging panic, or allocate beyond a bound that was checked first.
//! - *Closed over data*: operand bytes never matter for validity. Constants named
//!   by root are never seen by the validator, so every operator has a defined
//!   result for every byte string of the right length.
//! - *Complete*: every node of a valid program can be judged by a proof of at
//!   most [`judge::MAX_PROOF_BYTES`].
//! - *Sound*: no proof convicts a true element, unless BLAKE3 is broken.
//! - *One encoding*: a program and a fraud proof have one valid byte string each.
//!
//! # Example
//!
//! ```
//! use athanor_tensor_program::{
//!     interpret, load, ops::Clamp, DType, Node, Op, Operand, Program, Shape, TensorType,
//! };
//!
//! let program = Program {
//!     version: 1,
//!     max_batch: 2,
//!     inputs: vec![TensorType { dtype: DType::I8, shape: Shape::from([3]) }],
//!     constants: vec![],
//!     nodes: vec![Node { op: Op::Clamp(Clamp { lo: 0, hi: 5 }), operands: vec![Operand::Input(0)] }],
//!     outputs: vec![0],
//! };
//! let program = load(&program.encoded())?;
//! let run = interpret(&program, 1, &[7, 3, 0xFF], &[])?;
//! assert_eq!(run.output(), [5, 3, 0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

pub mod arith;
mod cost;
mod interpret;
pub mod judge;
pub mod ops;
mod program;
#[cfg(feature = "testing")]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
pub mod testing;
mod trace;
mod validate;

pub use cost::Cost;
pub use interpret::{interpret, Execution, RunError};
pub use ops::Op;
pub use program::{Constant, DType, Node, Operand, Program, Shape, TensorType};
pub use trace::{output_root, trace_root};
pub use validate::{load, validate, Invalid, Validated};

/// BLAKE3 root of a tensor's bytes.
pub type Root = athanor_content_tree::Root;

/// The semantic version this crate implements: the meaning of every operator.
pub const VERSION: u8 = 1;

/// Longest encoding of a program, in bytes.
pub const MAX_PROGRAM_BYTES: usize = 65_536;

/// Most nodes of a program, hence most roots of a trace.
pub const MAX_NODES: usize = 1_024;

/// Most constants of a program.
pub const MAX_CONSTANTS: usize = 1_024;

/// Most inputs of a program.
pub const MAX_INPUTS: usize = 16;

/// Most outputs of a program.
pub const MAX_OUTPUTS: usize = 8;

/// Most operands of a node.
pub const MAX_OPERANDS: usize = 16;

/// Most axes of a tensor, the batch axis of an activation counted.
pub const MAX_RANK: usize = 6;

/// Longest axis, the batch axis included.
pub const MAX_AXIS: u32 = 1 << 24;

/// Most bytes of one sample of an activation, or of a constant.
pub const MAX_SAMPLE_BYTES: u64 = 1 << 31;

/// Most bytes of one value at the largest batch.
pub const MAX_TENSOR_BYTES: u64 = 1 << 35;

/// Most bytes of all values of a program together at the largest batch.
pub const MAX_TOTAL_BYTES: u64 = 1 << 42;

/// Most bytes the slices of one node's proof may need, bounded by validation.
pub const MAX_JUDGE_BYTES: u64 = 47 * 1_024;
