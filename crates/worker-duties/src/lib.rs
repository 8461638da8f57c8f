//! What a GPU provider's worker key has to do next: a state machine without I/O.
//!
//! The same code runs in the off-chain worker of a provider's own node and in a
//! client that follows somebody else's node, `gpu-worker provide`. A driver owns
//! storage, HTTP and signing; this crate decides.
//!
//! # How a driver uses it
//!
//! It implements [`turn::View`] for the state of a block and [`turn::Host`] for what
//! surrounds it, and calls [`turn::take`] once a block for each key. That goes through
//! what the key owes, most urgent first: commits and reveals, answers to challengers,
//! disputes of its own jobs, those of watched ones, accepts, and the rest.
//!
//! # How a turn uses the rest
//!
//! For each [`Ticket`](athanor_primitives::Ticket) that the best block's state
//! holds for a local key, load its [`Record`] (or start one with
//! [`Record::new`]) and call [`next`] until it answers [`Step::Rest`],
//! [`Step::Sign`] or [`Step::Report`]:
//!
//! - [`Step::Ask`]: send [`Request::body`] to the daemon, hand what
//!   [`daemon::answer`] makes of the reply to the following call of [`next`];
//! - [`Step::Save`]: persist the record through [`Record::merge`] *before* going
//!   on, and go on with the merged one;
//! - [`Step::Sign`]: unless the key's [`Lane`] is busy, sign the call with the
//!   nonce of that state and an era of [`MORTAL`] blocks born at the block before
//!   the best one, persist [`Record::signed`] and the lane with the new
//!   [`Flight`], then submit.
//!
//! Claims of others ([`dispute::next`]) and questions of challengers
//! ([`dispute::answer`]) are gone through in the same manner.
//!
//! # Properties
//!
//! - *Idempotent by state.* Whether something happened on chain is read from the
//!   ticket, never from the record, so after any re-organisation the duty that is
//!   asked for again is done again, with the same bytes in the call.
//! - *One commitment per job.* Salt and roots are in storage before a commit can
//!   be signed, and [`Record::merge`] never replaces them.
//! - *One transaction per nonce.* A call is signed only if no earlier one with
//!   this nonce can still be included on this fork. One signed for a runtime that
//!   was upgraded since can't.
//! - *A dispute needs no memory*: what was announced, asked and answered is in state,
//!   the announcement's salt follows from the key's secret, job, claim and node; only
//!   answers that take another thread's are kept until that has them. A claim is
//!   disputed iff the key's own run has another trace root.
//! - *The salt survives a lost record*: it is derived from the key's secret, which
//!   was stored when the key was first seen.
//! - *Nothing a daemon answers panics or is believed unchecked*: roots must hash to
//!   the trace root, their number must be the program's, an inline output must
//!   hash to its trace entry. That the trace is *right* only a second run or a
//!   proof can show.

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

pub mod daemon;
pub mod dispute;
mod duties;
mod flight;
mod problem;
mod record;
pub mod turn;

pub use daemon::{Answer, Request};
pub use duties::{next, watch, Call, Chain, Heard, Key, Role, Shape, Step, Trace};
pub use flight::{Flight, Lane};
pub use problem::Problem;
pub use record::{identity, Record, Run, Seen, Sent};

/// Blocks for which a signed call stays valid, counted from the block before the
/// one whose state it was signed on.
pub const MORTAL: u32 = 64;

/// Blocks after which a live transaction is shown to the pool again, in case the
/// pool lost it: the same bytes, so it can't be included twice.
pub const SHOW_AGAIN: u32 = 8;

/// Blocks between two questions to the daemon about a job that owes nothing yet.
pub const LAZY_POLL: u32 = 4;

/// Blocks after which a job that the daemon refused or failed is submitted again.
pub const SUBMIT_AGAIN: u32 = 16;

/// Most steps [`next`] can need for one ticket and one block; a driver may treat
/// more as a defect.
pub const MAX_STEPS: usize = 16;

#[cfg(test)]
mod tests;
