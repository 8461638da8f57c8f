//! Moving held money so that no payee can stop a payment.
//!
//! A pallet that ends an order, a job or a batch must be able to pay whatever the accounts have
//! become meanwhile. [`HeldMoney`] moves what `fungible` holds: whoever cannot be paid is paid into
//! the treasury, and if that cannot be either, the money stays with whose it was. No record is lost
//! over it, no vote's lock delays it.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

use frame_support::{
    defensive,
    dispatch::DispatchResult,
    traits::{
        fungible::{hold, Inspect},
        tokens::{DepositConsequence, Fortitude, Precision, Provenance, Restriction},
    },
};

/// Amounts of a holder of money's currency.
pub type BalanceOf<M> =
    <<M as HeldMoney>::Currency as Inspect<<M as HeldMoney>::AccountId>>::Balance;

/// A pallet that holds money.
pub trait HeldMoney {
    /// Accounts.
    type AccountId: Eq + Clone;

    /// What is held.
    type Currency: hold::Mutate<Self::AccountId>;

    /// What it is held for.
    type Reason: Copy + Into<<Self::Currency as hold::Inspect<Self::AccountId>>::Reason>;

    /// Who gets what its owner cannot take. It should exist for ever.
    fn treasury() -> Self::AccountId;

    /// Called when `intended` could not take `amount`: it went to the treasury, or stayed with
    /// whose hold it was.
    fn diverted(intended: &Self::AccountId, amount: BalanceOf<Self>);

    /// Holds `amount` of `who`'s money.
    ///
    /// # Errors
    ///
    /// The currency's, if there is too little.
    fn hold(
        reason: Self::Reason,
        who: &Self::AccountId,
        amount: BalanceOf<Self>,
    ) -> DispatchResult {
        if amount == BalanceOf::<Self>::default() {
            return Ok(());
        }
        <Self::Currency as hold::Mutate<_>>::hold(&reason.into(), who, amount)
    }

    /// What is held of `who`'s money.
    fn on_hold(reason: Self::Reason, who: &Self::AccountId) -> BalanceOf<Self> {
        <Self::Currency as hold::Inspect<_>>::balance_on_hold(&reason.into(), who)
    }

    /// Gives `amount` of `who`'s held money back.
    fn give_back(reason: Self::Reason, who: &Self::AccountId, amount: BalanceOf<Self>) {
        if amount == BalanceOf::<Self>::default() {
            return;
        }
        let released = <Self::Currency as hold::Mutate<_>>::release(
            &reason.into(),
            who,
            amount,
            Precision::BestEffort,
        );
        if released != Ok(amount) {
            defensive!("a hold was smaller than the records say");
        }
    }

    /// Whether `to`'s account can take `amount`: it exists, or it is enough to open one.
    fn can_take(to: &Self::AccountId, amount: BalanceOf<Self>) -> bool {
        Self::Currency::can_deposit(to, amount, Provenance::Extant) == DepositConsequence::Success
    }

    /// Moves `amount` of `from`'s held money to `to`'s free balance, or changes nothing and gives
    /// `false`.
    fn try_move(
        reason: Self::Reason,
        from: &Self::AccountId,
        to: &Self::AccountId,
        amount: BalanceOf<Self>,
    ) -> bool {
        Self::can_take(to, amount)
            && <Self::Currency as hold::Mutate<_>>::transfer_on_hold(
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

    /// Moves `amount` of `from`'s held money to `to`'s free balance; else to the treasury, else
    /// back to `from`. Gives whether `to` has it.
    fn move_held(
        reason: Self::Reason,
        from: &Self::AccountId,
        to: &Self::AccountId,
        amount: BalanceOf<Self>,
    ) -> bool {
        if amount == BalanceOf::<Self>::default() {
            return true;
        }
        if from == to {
            Self::give_back(reason, from, amount);
            return true;
        }
        if Self::try_move(reason, from, to, amount) {
            return true;
        }
        Self::diverted(to, amount);
        let treasury = Self::treasury();
        if *to == treasury || *from == treasury || !Self::try_move(reason, from, &treasury, amount)
        {
            Self::give_back(reason, from, amount);
        }
        false
    }

    /// Moves `amount` of `from`'s held money to the treasury.
    fn to_treasury(reason: Self::Reason, from: &Self::AccountId, amount: BalanceOf<Self>) {
        Self::move_held(reason, from, &Self::treasury(), amount);
    }
}

#[cfg(test)]
mod tests;
