//! A runtime API that checks a live chain's books.
//!
//! Walks whole maps, so it is part of `fast-runtime` builds only, and called off chain:
//! `state_call("ChainCheck_check_state")` answers with a SCALE `Result<(), Vec<u8>>`.

use alloc::vec::Vec;

sp_api::decl_runtime_apis! {
    /// Checks of a chain's state.
    pub trait ChainCheck {
        /// Runs `try_state` of Athanor's pallets on the state of a block. `Err` has the broken
        /// invariant in words (UTF-8).
        fn check_state() -> Result<(), Vec<u8>>;
    }
}

/// Runs the checks.
#[cfg(feature = "fast-runtime")]
pub fn check_state() -> Result<(), Vec<u8>> {
    let in_words = |error: sp_runtime::TryRuntimeError| {
        let words: &'static str = error.into();
        words.as_bytes().to_vec()
    };
    crate::Programs::do_try_state().map_err(in_words)?;
    crate::ComputeJobs::do_try_state().map_err(in_words)?;
    crate::LabelBounties::do_try_state().map_err(in_words)?;
    crate::DataMarket::do_try_state().map_err(in_words)?;
    crate::Validators::do_try_state().map_err(in_words)
}
