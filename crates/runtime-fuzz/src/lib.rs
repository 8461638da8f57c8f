//! Random blocks through the whole runtime, all pallets together.
//!
//! A *walk* is a list of numbers, one a step. A step looks at the state, picks what could happen
//! next — a call that makes sense there, the same with other bytes in it or by somebody else, the
//! same in a batch, through a proxy or a multisig, a decision of governance, some blocks — and
//! does it as a node would: blocks begin with a pre-digest and the timestamp and run all hooks,
//! calls are signed transactions with every extension, or authorise themselves. Whatever a step
//! needs follows from its number and the state, so a walk of which steps are left out is a walk
//! too, and one that fails can be made small.
//!
//! After every transaction and every block:
//!
//! - `try_state` of every pallet of ours holds, what is issued is what accounts have, and nobody has
//!   more on hold than is reserved: see [`athanor_state_check::ours`];
//! - after every block, so does what the pallets of the SDK say of their state: see
//!   [`athanor_state_check::sdk`];
//! - nothing came or went but what was burnt;
//! - no block is heavier than it may be, and no normal call used what is reserved;
//! - nothing panicked.
//!
//! [`decoding`] does the same for the bytes a transaction comes in.
//!
//! Windows are short in builds with `fast-runtime` only. Without it walks run, and do not get far.

pub mod chain;
pub mod decoding;
pub mod dice;
pub mod moves;
pub mod people;
pub mod tally;
pub mod walk;
