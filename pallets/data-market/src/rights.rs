//! What a buyer keeps of a purchase, what he says of it, and who may derive from it.

use crate::{Config, Error, Event, HoldReason, Invites, Listings, Pallet, Rights};
use athanor_held_money::HeldMoney;
use athanor_primitives::market::{Granted, ListingId, Right, STARS};
use frame_support::{ensure, traits::Get};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    fn granted(listing: ListingId, buyer: &T::AccountId) -> Result<Granted, DispatchError> {
        match Rights::<T>::get(listing, buyer) {
            Some(Right::Granted(granted)) => Ok(granted),
            Some(Right::Pending(_)) => Err(Error::<T>::OrderIsOpen.into()),
            None => Err(Error::<T>::NoSuchRight.into()),
        }
    }

    /// Counts a buyer's stars, weighed by the fee his purchase paid.
    pub(crate) fn do_rate(who: T::AccountId, listing: ListingId, stars: u8) -> DispatchResult {
        ensure!(STARS.contains(&stars), Error::<T>::BadStars);
        let mut granted = Self::granted(listing, &who)?;
        ensure!(!granted.rated, Error::<T>::AlreadyRated);
        let age = Self::now().saturating_sub(granted.at);
        ensure!(age <= T::RateFor::get(), Error::<T>::RatingTooLate);
        let mut record = Listings::<T>::get(listing).ok_or(Error::<T>::NoSuchListing)?;
        let weighed = granted
            .fee
            .checked_mul(stars.into())
            .ok_or(Error::<T>::Overflow)?;
        record.rating_sum = record
            .rating_sum
            .checked_add(weighed)
            .ok_or(Error::<T>::Overflow)?;
        record.rating_weight = record
            .rating_weight
            .checked_add(granted.fee)
            .ok_or(Error::<T>::Overflow)?;
        // A count for people to read; the weights above are what matters.
        record.ratings = record.ratings.saturating_add(1);
        granted.rated = true;
        Listings::<T>::insert(listing, record);
        Rights::<T>::insert(listing, &who, Right::Granted(granted));
        Self::deposit_event(Event::Rated {
            listing,
            buyer: who,
            stars,
            weight: granted.fee,
        });
        Ok(())
    }

    /// Removes a buyer's own right and returns what was held for it.
    pub(crate) fn do_forget_right(
        who: T::AccountId,
        listing: ListingId,
        buyer: T::AccountId,
    ) -> DispatchResult {
        ensure!(who == buyer, Error::<T>::NotBuyer);
        let granted = Self::granted(listing, &buyer)?;
        Rights::<T>::remove(listing, &buyer);
        Listings::<T>::mutate(listing, |record| {
            if let Some(record) = record {
                record.forgotten = record.forgotten.saturating_add(1);
            }
        });
        Self::give_back(HoldReason::Deposit, &buyer, granted.deposit);
        Self::deposit_event(Event::RightForgotten { listing, buyer });
        Ok(())
    }

    /// Lets a seller name this listing as a parent for whatever units, or no longer.
    pub(crate) fn do_invite(
        who: T::AccountId,
        listing: ListingId,
        seller: T::AccountId,
        invited: bool,
    ) -> DispatchResult {
        let mut record = Self::own_listing(&who, listing)?;
        let known = Invites::<T>::get(listing, &seller);
        if invited {
            ensure!(known.is_none(), Error::<T>::NothingToDo);
            let deposit = Self::deposit_for(PAIR_BYTES);
            Self::hold(HoldReason::Deposit, &who, deposit)?;
            Invites::<T>::insert(listing, &seller, deposit);
            record.invites = record.invites.checked_add(1).ok_or(Error::<T>::Overflow)?;
        } else {
            let deposit = known.ok_or(Error::<T>::NothingToDo)?;
            Self::give_back(HoldReason::Deposit, &who, deposit);
            Invites::<T>::remove(listing, &seller);
            record.invites = record.invites.saturating_sub(1);
        }
        Listings::<T>::insert(listing, record);
        Self::deposit_event(Event::Invited {
            listing,
            seller,
            invited,
        });
        Ok(())
    }
}

/// Bytes of a record of a listing and an account.
const PAIR_BYTES: u32 = 96;
