//! Exact integer kernels behind the CPU backend of tensor programs.
//!
//! Every kernel gives the same bits at every [`Level`]: integer sums do not care
//! in which order they are made, and nothing here rounds but where the operator's
//! definition does. Buffers are bytes, little-endian, row-major, as in a program.
//!
//! | module | what lives there |
//! |---|---|
//! | [`level`] | what this machine can do, chosen once at run time |
//! | [`gemm`] | products with packed weights, with the fused epilogue |
//! | [`conv`] | windows of a convolution as rows of a product; depthwise convolution; pools |
//! | [`element`] | requantise, add, multiply, tables, clipping |
//! | [`rows`] | softmax, norms, sums and means over the last axis |
//! | [`layout`] | transposes |
//!
//! All `unsafe` of the crate is in one private module, `arch`.

#![deny(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod arch;
pub mod conv;
pub mod element;
pub mod gemm;
pub mod layout;
pub mod level;
pub mod rows;

pub use level::Level;
