//! Moving held money. Nothing here fails: whoever cannot be paid, is paid into the
//! treasury, and no record is lost over it.

use crate::{Balance, Config, Event, HoldReason, Pallet, Rules};
use alloc::vec::Vec;
use athanor_primitives::JobId;
use frame_support::{
    defensive,
    traits::{
        fungible::{hold::Mutate as _, Inspect as _},
        tokens::{DepositConsequence, Fortitude, Precision, Provenance, Restriction},
        Get,
    },
};
use sp_runtime::DispatchResult;

/// Held money that payments are drawn from, in turn.
pub(crate) struct Sources<AccountId> {
    /// What it is held for.
    pub(crate) reason: HoldReason,
    /// Whose, and how much is left.
    pub(crate) left: Vec<(AccountId, Balance)>,
}

impl<AccountId> Sources<AccountId> {
    /// What is left in all.
    pub(crate) fn total(&self) -> Balance {
        self.left
            .iter()
            .fold(0, |sum, (_, left)| sum.saturating_add(*left))
    }
}

impl<T: Config> Pallet<T> {
    /// Holds `amount` of `who`'s money.
    pub(crate) fn hold(reason: HoldReason, who: &T::AccountId, amount: Balance) -> DispatchResult {
        if amount == 0 {
            return Ok(());
        }
        T::Currency::hold(&reason.into(), who, amount)
    }

    /// Gives `amount` of `who`'s held money back.
    pub(crate) fn give_back(reason: HoldReason, who: &T::AccountId, amount: Balance) {
        if amount == 0 {
            return;
        }
        match T::Currency::release(&reason.into(), who, amount, Precision::BestEffort) {
            Ok(released) if released == amount => (),
            _ => {
                defensive!("a hold was smaller than the records say");
            }
        }
    }

    /// Whether `to`'s account can take `amount`: it exists, or it is enough to open one.
    pub(crate) fn can_take(to: &T::AccountId, amount: Balance) -> bool {
        T::Currency::can_deposit(to, amount, Provenance::Extant) == DepositConsequence::Success
    }

    /// Moves `amount` of `from`'s held money to `to`'s free balance; else to the
    /// treasury, else back to `from`.
    pub(crate) fn move_held(
        reason: HoldReason,
        from: &T::AccountId,
        to: &T::AccountId,
        amount: Balance,
    ) {
        if amount == 0 {
            return;
        }
        if from == to {
            return Self::give_back(reason, from, amount);
        }
        if Self::try_move(reason, from, to, amount) {
            return;
        }
        Self::deposit_event(Event::PaymentDiverted {
            intended: to.clone(),
            amount,
        });
        let treasury = T::Treasury::get();
        if *to == treasury || *from == treasury || !Self::try_move(reason, from, &treasury, amount)
        {
            Self::give_back(reason, from, amount);
        }
    }

    fn try_move(
        reason: HoldReason,
        from: &T::AccountId,
        to: &T::AccountId,
        amount: Balance,
    ) -> bool {
        Self::can_take(to, amount)
            && T::Currency::transfer_on_hold(
                &reason.into(),
                from,
                to,
                amount,
                Precision::Exact,
                Restriction::Free,
                // A freeze, such as a vote's, covers held money too; debts come first.
                Fortitude::Force,
            )
            .is_ok()
    }

    /// Moves `amount` of `from`'s held money to the treasury.
    pub(crate) fn to_treasury(reason: HoldReason, from: &T::AccountId, amount: Balance) {
        Self::move_held(reason, from, &T::Treasury::get(), amount);
    }

    /// Moves `amount` out of `sources` to `to`, as far as they go.
    pub(crate) fn take_from(
        sources: &mut Sources<T::AccountId>,
        to: &T::AccountId,
        amount: Balance,
    ) {
        let mut open = amount;
        for (from, left) in sources.left.iter_mut() {
            let part = open.min(*left);
            Self::move_held(sources.reason, from, to, part);
            *left = left.saturating_sub(part);
            open = open.saturating_sub(part);
        }
        if open > 0 {
            defensive!("a payment was larger than its sources");
        }
    }

    /// Pays a replica `pay`, drawn from `sources` in turn: φ to the treasury, then
    /// the worker key's account up to the float, then the provider.
    pub(crate) fn pay_replica(
        id: JobId,
        rules: &Rules,
        sources: &mut Sources<T::AccountId>,
        provider: &T::AccountId,
        worker: &T::AccountId,
        pay: Balance,
    ) {
        let fee = rules.fee.mul_ceil(pay);
        let net = pay.saturating_sub(fee);
        let missing = rules.float.saturating_sub(T::Currency::balance(worker));
        let mut to_worker = net.min(missing);
        if worker == provider || !Self::can_take(worker, to_worker) {
            to_worker = 0;
        }
        Self::take_from(sources, &T::Treasury::get(), fee);
        Self::take_from(sources, worker, to_worker);
        Self::take_from(sources, provider, net.saturating_sub(to_worker));
        Self::deposit_event(Event::ReplicaPaid {
            job: id,
            provider: provider.clone(),
            pay,
            fee,
            to_worker,
        });
    }
}
