//! Moving held money. Nothing here fails: whoever cannot be paid is paid into the treasury, and
//! no record is lost over it.

use crate::{Balance, Config, Credits, Error, Event, HoldReason, Pallet};
use frame_support::{
    defensive, ensure,
    storage::with_storage_layer,
    traits::{
        fungible::{
            hold::{Balanced as _, Mutate as _},
            Inspect as _,
        },
        tokens::{DepositConsequence, Fortitude, Precision, Provenance, Restriction},
        Get, OnUnbalanced,
    },
};
use sp_runtime::{traits::AccountIdConversion, DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    /// The account that holds credits.
    pub fn pot() -> T::AccountId {
        T::PalletId::get().into_account_truncating()
    }

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

    /// Moves `amount` of `from`'s held money to `to`'s free balance; else to the treasury, else
    /// back to `from`.
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

    /// Moves `amount` of `from`'s held money to where transaction fees go.
    pub(crate) fn to_block_fees(reason: HoldReason, from: &T::AccountId, amount: Balance) {
        if amount == 0 {
            return;
        }
        let (taken, missing) = T::Currency::slash(&reason.into(), from, amount);
        if missing > 0 {
            defensive!("a hold was smaller than the records say");
        }
        T::BlockFees::on_unbalanced(taken);
    }

    /// Pays `amount` of `from`'s held money to a worker. What his account can't take waits as a
    /// credit, and is paid with what comes later as soon as the sum is enough.
    pub(crate) fn pay_or_credit(
        reason: HoldReason,
        from: &T::AccountId,
        worker: &T::AccountId,
        amount: Balance,
    ) {
        if amount == 0 {
            return;
        }
        if Self::can_take(worker, amount) {
            return Self::move_held(reason, from, worker, amount);
        }
        let credited = with_storage_layer(|| -> DispatchResult {
            let pot = Self::pot();
            ensure!(
                Self::try_move(reason, from, &pot, amount),
                DispatchError::Unavailable
            );
            Self::hold(HoldReason::Credit, &pot, amount)
        });
        if credited.is_err() {
            Self::deposit_event(Event::PaymentDiverted {
                intended: worker.clone(),
                amount,
            });
            return Self::to_treasury(reason, from, amount);
        }
        let credit = Credits::<T>::get(worker).saturating_add(amount);
        Credits::<T>::insert(worker, credit);
        Self::deposit_event(Event::PayCredited {
            worker: worker.clone(),
            amount,
        });
        if Self::can_take(worker, credit) {
            Self::pay_credit(worker, credit);
        }
    }

    fn pay_credit(worker: &T::AccountId, credit: Balance) {
        Credits::<T>::remove(worker);
        Self::move_held(HoldReason::Credit, &Self::pot(), worker, credit);
        Self::deposit_event(Event::CreditPaid {
            worker: worker.clone(),
            amount: credit,
        });
    }

    /// Pays a worker his credit.
    pub(crate) fn do_withdraw(worker: T::AccountId) -> DispatchResult {
        let credit = Credits::<T>::get(&worker);
        ensure!(credit > 0, Error::<T>::NoCredit);
        ensure!(Self::can_take(&worker, credit), Error::<T>::CreditTooSmall);
        Self::pay_credit(&worker, credit);
        Ok(())
    }
}
