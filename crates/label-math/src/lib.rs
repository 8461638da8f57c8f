//! Label bounties as arithmetic: answer sheets, how alike they are, what they are worth.
//!
//! Everything here is a pure function of bytes and integers, so that the chain, every client and
//! anybody who checks an old batch come to the same numbers. Nothing knows of accounts or money:
//! a worker is a place in a list, a price is a number.
//!
//! # Steps
//!
//! 1. [`score_page`] for each page in page order gives what it adds to its batch
//!    ([`BatchSums`]) and to each worker ([`WorkerSums`]); after the last one,
//!    [`BatchSums::agreement`].
//! 2. [`rank`] for each worker fills a [`Hist`]; after the last one, [`Hist::reference`].
//! 3. [`pay`] for each worker.
//!
//! [`weight`] and [`consensus`] give the labels a page's sheets say together; no money hangs on
//! them. With the feature `std` there are also [`dawid_skene`], [`bradley_terry`] and [`alpha`]
//! over any table of votes.
//!
//! # Properties
//!
//! - *Unbiased*: agreement is on the same task minus on different tasks, by which a sheet of one
//!   and the same answer agrees with nobody: exactly 0, for every type of answer.
//! - *Order*: sums don't depend on the order of sheets, pages or workers.
//! - *Total*: no input panics; sums that can't come from a batch give [`Overflow`].
//! - Quotients round towards minus infinity. Scores are in units of 2^-32 ([`Q`] = 1), κ in units
//!   of 2^-16.

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
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

#[cfg(feature = "std")]
mod aggregate;
mod consensus;
mod int;
mod kernel;
mod pay;
mod rank;
mod record;
mod score;
mod sheet;
mod terms;
mod types;

#[cfg(feature = "std")]
pub use aggregate::{
    alpha, bradley_terry, dawid_skene, AggregateError, Comparison, Level, Outcome, Posteriors,
    Strengths, Vote, WorkerErrors, MAX_VOTES,
};
pub use consensus::{consensus, weight, Consensus, Prior};
pub use kernel::{is_right, kappa, kappa_of, ONE};
pub use pay::{amount, pay, Pay, MAX_PRICE};
pub use rank::{gold_score, peer_agreement, rank, Hist, Rank, Reference, BUCKETS};
pub use record::Record;
pub use score::{
    score_page, Agreement, BatchSums, Gold, PageScore, ScoreError, WorkerSums, MAX_PANEL,
};
pub use sheet::{
    check_answer, check_sheet, pack, pack_answer, unpack, unpack_answer, Answer, SheetError, Span,
};
pub use terms::{ScoreTerms, TermsError};
pub use types::{
    LabelType, TypeError, MAX_LONG_TASKS, MAX_SHEET, MAX_SPANS, MAX_TASKS, MIN_TASKS, SPAN_BYTES,
};

/// One, in units of scores.
pub const Q: i64 = 1 << 32;

pub(crate) const BASIS: i128 = 10_000;

/// Numbers that no batch within the limits can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a number is out of the bounds of a batch")]
pub struct Overflow;
