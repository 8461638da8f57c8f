//! The end of a batch, in units of one page or one worker.

use crate::{Balance, Batch, Config, Pallet};
use athanor_primitives::labels::{BatchId, BatchState};
use core::marker::PhantomData;

/// Whether there is more to do for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cranked {
    /// The next unit may be due.
    More,
    /// Nothing is due before the batch's deadline.
    Wait,
    /// The batch is removed.
    #[allow(dead_code)]
    Gone,
}

/// What the units of one call collect.
pub(crate) struct Till<T: Config>(PhantomData<T>);

impl<T: Config> Till<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn start_scoring(id: BatchId, batch: &mut Batch<T::AccountId>) {
        let now = Self::clock();
        Self::enter(id, batch, BatchState::Score { page: 0 }, now);
    }

    pub(crate) fn crank(
        _id: BatchId,
        _batch: &mut Batch<T::AccountId>,
        _till: &mut Till<T>,
    ) -> Cranked {
        Cranked::Wait
    }

    pub(crate) fn settle(
        _id: BatchId,
        _batch: &mut Batch<T::AccountId>,
        _till: Till<T>,
        _who: Option<&T::AccountId>,
    ) -> Balance {
        0
    }
}
