//! Buying and selling data: what has to be done next, apart from node, store and clock.
//!
//! - [`seller`] is the whole behaviour of `data serve`: a look at the chain in, transactions out.
//! - [`buyer`] is that of `data buy`: what its journal says and a look at the chain in, the next
//!   step out.
//! - [`files`] names the files of a purchase.
//! - [`metrics`] are those of the daemon.
//! - [`view`] reads what the chain answers, [`wire`] encodes what it is sent.

pub mod buyer;
pub mod files;
pub mod metrics;
pub mod seller;
pub mod view;
pub mod wire;

/// The pallet.
pub const PALLET: &str = "DataMarket";
