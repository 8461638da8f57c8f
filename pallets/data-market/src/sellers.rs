//! Sellers: where they serve content, who reveals for them, and their bonds.

use crate::{Balance, Config, Error, Event, HoldReason, Pallet, Seller, Sellers};
use athanor_held_money::HeldMoney;
use athanor_primitives::market::Endpoint;
use frame_support::ensure;
use sp_runtime::{DispatchError, DispatchResult};

/// Bytes of a seller's record and key, without the endpoint.
const SELLER_BYTES: u32 = 170;

impl<T: Config> Pallet<T> {
    pub(crate) fn seller_of(who: &T::AccountId) -> Result<Seller<T::AccountId>, DispatchError> {
        Sellers::<T>::get(who).ok_or_else(|| Error::<T>::NotRegistered.into())
    }

    pub(crate) fn do_register(
        who: T::AccountId,
        endpoint: Endpoint,
        agent: Option<T::AccountId>,
    ) -> DispatchResult {
        let bytes = u32::try_from(endpoint.len()).unwrap_or(u32::MAX);
        let deposit = Self::deposit_for(SELLER_BYTES.saturating_add(bytes));
        let known = Sellers::<T>::get(&who);
        let before = known.as_ref().map_or(0, |seller| seller.deposit);
        Self::hold(HoldReason::Deposit, &who, deposit.saturating_sub(before))?;
        Self::give_back(HoldReason::Deposit, &who, before.saturating_sub(deposit));
        let seller = match known {
            Some(seller) => Seller {
                endpoint,
                agent,
                deposit,
                ..seller
            },
            None => Seller {
                endpoint,
                agent,
                bonded: 0,
                locked: 0,
                deposit,
                listings: 0,
                unsold: 0,
                settled: 0,
                missed: 0,
                proven: 0,
            },
        };
        Sellers::<T>::insert(&who, seller);
        Self::deposit_event(Event::SellerRegistered { seller: who });
        Ok(())
    }

    pub(crate) fn do_bond(who: T::AccountId, amount: Balance) -> DispatchResult {
        ensure!(amount > 0, Error::<T>::NothingToDo);
        let mut seller = Self::seller_of(&who)?;
        seller.bonded = seller
            .bonded
            .checked_add(amount)
            .ok_or(Error::<T>::Overflow)?;
        Self::hold(HoldReason::SellerBond, &who, amount)?;
        Sellers::<T>::insert(&who, seller);
        Self::deposit_event(Event::BondAdded {
            seller: who,
            amount,
        });
        Ok(())
    }

    pub(crate) fn do_unbond(who: T::AccountId, amount: Balance) -> DispatchResult {
        ensure!(amount > 0, Error::<T>::NothingToDo);
        let mut seller = Self::seller_of(&who)?;
        ensure!(amount <= seller.free(), Error::<T>::BondIsLocked);
        seller.bonded = seller
            .bonded
            .checked_sub(amount)
            .ok_or(Error::<T>::Overflow)?;
        Self::give_back(HoldReason::SellerBond, &who, amount);
        Sellers::<T>::insert(&who, seller);
        Self::deposit_event(Event::BondReturned {
            seller: who,
            amount,
        });
        Ok(())
    }

    pub(crate) fn do_deregister(who: T::AccountId) -> DispatchResult {
        let seller = Self::seller_of(&who)?;
        ensure!(seller.listings == 0, Error::<T>::HasListings);
        ensure!(
            seller.missed == 0 && seller.proven == 0,
            Error::<T>::FaultsAreKept
        );
        // Whoever has an open order has a listing.
        ensure!(seller.locked == 0, Error::<T>::BondIsLocked);
        Self::give_back(HoldReason::SellerBond, &who, seller.bonded);
        Self::give_back(HoldReason::Deposit, &who, seller.deposit);
        Sellers::<T>::remove(&who);
        Self::deposit_event(Event::SellerLeft { seller: who });
        Ok(())
    }
}
