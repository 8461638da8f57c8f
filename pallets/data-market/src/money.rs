//! Holds, deposits and the pallet's account.

use crate::{Balance, Config, Event, HoldReason, Pallet};
use athanor_held_money::HeldMoney;
use frame_support::traits::Get;
use sp_runtime::traits::AccountIdConversion;

impl<T: Config> HeldMoney for Pallet<T> {
    type AccountId = T::AccountId;
    type Currency = T::Currency;
    type Reason = HoldReason;

    fn treasury() -> T::AccountId {
        T::Treasury::get()
    }

    fn diverted(intended: &T::AccountId, amount: Balance) {
        Self::deposit_event(Event::PaymentDiverted {
            intended: intended.clone(),
            amount,
        });
    }
}

impl<T: Config> Pallet<T> {
    /// The account that holds what is in pools.
    pub fn pot() -> T::AccountId {
        T::PalletId::get().into_account_truncating()
    }

    /// Deposit for one record of `bytes` bytes.
    pub(crate) fn deposit_for(bytes: u32) -> Balance {
        T::DepositPerByte::get()
            .saturating_mul(bytes.into())
            .saturating_add(T::DepositPerItem::get())
    }

    /// φ of a price.
    pub(crate) fn fee_of(price: Balance) -> Balance {
        T::Fee::get().mul_floor(price)
    }

    /// β of a price: a tenth of it, and at least twice what a record in `BadSeals` is worth.
    pub fn order_bond(price: Balance) -> Balance {
        let least = Self::deposit_for(BAD_SEAL_BYTES).saturating_mul(2);
        price.checked_div(10).unwrap_or(0).max(least)
    }

    /// ρ: what is held of a buyer's money for his order, and then for his right.
    pub fn right_deposit() -> Balance {
        Self::deposit_for(RIGHT_BYTES)
    }
}

/// Bytes of a record in `BadSeals`.
const BAD_SEAL_BYTES: u32 = 70;
/// Bytes of an order, its entry in `OpenOrders` and the right it becomes.
const RIGHT_BYTES: u32 = 710;
