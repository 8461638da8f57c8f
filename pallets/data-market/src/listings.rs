//! Listings: terms, seals, prices and who may order.

use crate::{
    Allowed, BadSeals, Balance, Config, Error, Event, HoldReason, Listing, Listings, NextListingId,
    Pallet, Sellers,
};
use athanor_content_tree::{market::Context, Groups};
use athanor_held_money::HeldMoney;
use athanor_primitives::{
    market::{
        Fault, ListingId, ListingStatus, ListingTerms, Seal, SealId, Time, MAX_PARENT_UNITS,
        MAX_SEALS,
    },
    Root,
};
use frame_support::{
    ensure,
    traits::{fungible::Mutate as _, tokens::Preservation, Get},
    BoundedVec,
};
use sp_runtime::{traits::Zero, DispatchError, DispatchResult};

/// Bytes of a listing and its key.
const LISTING_BYTES: u32 = 480;
/// Bytes of a record of a listing and an account.
const ALLOWED_BYTES: u32 = 60;
const GIB: u64 = 1 << 30;

impl<T: Config> Pallet<T> {
    /// Hash of the genesis block, which seals are bound to.
    pub fn genesis() -> [u8; 32] {
        let hash = frame_system::Pallet::<T>::block_hash(
            frame_system::pallet_prelude::BlockNumberFor::<T>::zero(),
        );
        let mut bytes = [0u8; 32];
        for (to, from) in bytes.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        bytes
    }

    /// `ctx` of a seal.
    pub(crate) fn context(
        seller: &T::AccountId,
        x_root: &Root,
        length: u64,
        nonce: &[u8; 16],
    ) -> Context {
        let seller: [u8; 32] = seller.clone().into();
        Context::new(&Self::genesis(), &seller, x_root, length, nonce)
    }

    /// Least time to complain about goods of `length` bytes.
    pub fn least_dispute_window(length: u64) -> Time {
        let gibs = u32::try_from(length.div_ceil(GIB)).unwrap_or(u32::MAX);
        T::DisputeWindowPerGib::get()
            .saturating_mul(gibs)
            .saturating_add(T::MinDisputeWindow::get())
    }

    fn check_price(price: Balance) -> DispatchResult {
        ensure!(
            price == 0 || price >= T::MinPrice::get(),
            Error::<T>::PriceTooLow
        );
        // Products with a price stay far below 2^128.
        ensure!(price < MAX_PRICE, Error::<T>::Overflow);
        Ok(())
    }

    fn check_terms(who: &T::AccountId, terms: &ListingTerms<T::AccountId>) -> DispatchResult {
        let groups = Groups::new(terms.length).map_err(|_| Error::<T>::BadLength)?;
        Self::check_price(terms.price)?;
        let reveal = T::MinRevealWindow::get()..=T::MaxRevealWindow::get();
        ensure!(
            reveal.contains(&terms.reveal_window),
            Error::<T>::BadRevealWindow
        );
        let dispute = Self::least_dispute_window(terms.length)..=T::MaxDisputeWindow::get();
        ensure!(
            dispute.contains(&terms.dispute_window),
            Error::<T>::BadDisputeWindow
        );
        ensure!(
            u64::from(terms.samples) <= groups.count(),
            Error::<T>::TooManySamples
        );
        ensure!(
            terms.derive.is_none_or(|least| least <= MAX_PARENT_UNITS),
            Error::<T>::TooManyUnitsToPools
        );
        if let Some(old) = terms.supersedes {
            Self::own_listing(who, old)?;
        }
        Ok(())
    }

    /// A listing, if it is `who`'s.
    pub(crate) fn own_listing(
        who: &T::AccountId,
        id: ListingId,
    ) -> Result<Listing<T::AccountId>, DispatchError> {
        let listing = Listings::<T>::get(id).ok_or(Error::<T>::NoSuchListing)?;
        ensure!(listing.seller == *who, Error::<T>::NotSeller);
        Ok(listing)
    }

    pub(crate) fn do_list(
        who: T::AccountId,
        terms: ListingTerms<T::AccountId>,
    ) -> Result<ListingId, DispatchError> {
        let mut seller = Self::seller_of(&who)?;
        Self::check_terms(&who, &terms)?;
        let id = NextListingId::<T>::get();
        NextListingId::<T>::put(id.checked_add(1).ok_or(Error::<T>::Overflow)?);
        seller.listings = seller.listings.checked_add(1).ok_or(Error::<T>::Overflow)?;
        T::Currency::transfer(
            &who,
            &T::Treasury::get(),
            T::ListingFee::get(),
            Preservation::Preserve,
        )?;
        let deposit = Self::deposit_for(LISTING_BYTES);
        Self::hold(HoldReason::Deposit, &who, deposit)?;
        Self::create_listing_pool(id, &who, &terms.shares)?;
        Sellers::<T>::insert(&who, seller);
        let listing = Listing {
            seller: who.clone(),
            x_root: terms.x_root,
            length: terms.length,
            card_root: terms.card_root,
            licence_root: terms.licence_root,
            uses: terms.uses,
            price: terms.price,
            restricted: terms.restricted,
            reveal_window: terms.reveal_window,
            dispute_window: terms.dispute_window,
            samples: terms.samples,
            derive: terms.derive,
            supersedes: terms.supersedes,
            status: ListingStatus::Open,
            frozen: None,
            seals: BoundedVec::new(),
            listed_at: Self::block(),
            deposit,
            allowed: 0,
            invites: 0,
            open_orders: 0,
            settled: 0,
            missed: 0,
            proven: 0,
            forgotten: 0,
            ratings: 0,
            rating_sum: 0,
            rating_weight: 0,
        };
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::Listed {
            listing: id,
            seller: who,
        });
        Ok(id)
    }

    pub(crate) fn do_seal(
        who: T::AccountId,
        id: ListingId,
        nonce: [u8; 16],
        z_root: Root,
        h_k: [u8; 32],
    ) -> DispatchResult {
        let mut listing = Self::own_listing(&who, id)?;
        ensure!(
            listing.status != ListingStatus::Closed,
            Error::<T>::ListingClosed
        );
        let context = Self::context(&who, &listing.x_root, listing.length, &nonce);
        let seal_id = context.seal_id(&z_root, &h_k);
        ensure!(!BadSeals::<T>::contains_key(seal_id), Error::<T>::SealIsBad);
        ensure!(
            listing.seals.iter().all(|seal| seal.seal_id != seal_id),
            Error::<T>::NothingToDo
        );
        let now = Self::now();
        listing.seals = Self::seals_to_keep(&listing, now)?;
        let seal = Seal {
            nonce,
            z_root,
            h_k,
            seal_id,
            since: now,
        };
        listing
            .seals
            .try_push(seal)
            .map_err(|_| Error::<T>::SealTooSoon)?;
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::Sealed {
            listing: id,
            seal_id,
        });
        Ok(())
    }

    /// Seals that can still be ordered, less those proven bad. The newest of them becomes the one
    /// before the next.
    fn seals_to_keep(
        listing: &Listing<T::AccountId>,
        now: Time,
    ) -> Result<BoundedVec<Seal, frame_support::traits::ConstU32<MAX_SEALS>>, DispatchError> {
        let mut kept = BoundedVec::new();
        for seal in &listing.seals {
            let offered = listing.offered(&seal.seal_id, now, T::OldSealFor::get());
            if offered.is_some() && !BadSeals::<T>::contains_key(seal.seal_id) {
                kept.try_push(*seal).map_err(|_| Error::<T>::SealTooSoon)?;
            }
        }
        Ok(kept)
    }

    pub(crate) fn do_set_price(who: T::AccountId, id: ListingId, price: Balance) -> DispatchResult {
        let mut listing = Self::own_listing(&who, id)?;
        ensure!(
            listing.status != ListingStatus::Closed,
            Error::<T>::ListingClosed
        );
        Self::check_price(price)?;
        listing.price = price;
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::PriceSet { listing: id, price });
        Ok(())
    }

    pub(crate) fn do_pause(who: T::AccountId, id: ListingId) -> DispatchResult {
        let mut listing = Self::own_listing(&who, id)?;
        ensure!(
            listing.status == ListingStatus::Open,
            Error::<T>::UnexpectedState
        );
        listing.status = ListingStatus::Paused { fault: None };
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::Paused {
            listing: id,
            fault: None,
        });
        Ok(())
    }

    /// Pauses a listing whose seller did wrong. One that is closed stays closed.
    pub(crate) fn pause_for(id: ListingId, listing: &mut Listing<T::AccountId>, fault: Fault) {
        if listing.status == ListingStatus::Closed {
            return;
        }
        let fault = Some(fault);
        listing.status = ListingStatus::Paused { fault };
        Self::deposit_event(Event::Paused { listing: id, fault });
    }

    pub(crate) fn do_resume(who: T::AccountId, id: ListingId) -> DispatchResult {
        let mut listing = Self::own_listing(&who, id)?;
        ensure!(
            matches!(listing.status, ListingStatus::Paused { .. }),
            Error::<T>::UnexpectedState
        );
        ensure!(!Self::newest_is_bad(&listing), Error::<T>::SealIsBad);
        listing.status = ListingStatus::Open;
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::Resumed { listing: id });
        Ok(())
    }

    pub(crate) fn newest_is_bad(listing: &Listing<T::AccountId>) -> bool {
        let newest: Option<SealId> = listing.seals.last().map(|seal| seal.seal_id);
        newest.is_some_and(BadSeals::<T>::contains_key)
    }

    pub(crate) fn do_close(who: T::AccountId, id: ListingId) -> DispatchResult {
        let mut listing = Self::own_listing(&who, id)?;
        ensure!(
            listing.status != ListingStatus::Closed,
            Error::<T>::UnexpectedState
        );
        listing.status = ListingStatus::Closed;
        if listing.settled == 0 {
            // A number for people to read.
            Self::change_seller(&who, |seller| {
                seller.unsold = seller.unsold.saturating_add(1);
            });
        }
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::Closed { listing: id });
        Ok(())
    }

    pub(crate) fn do_remove(who: T::AccountId, id: ListingId) -> DispatchResult {
        let listing = Self::own_listing(&who, id)?;
        ensure!(
            listing.status == ListingStatus::Closed,
            Error::<T>::UnexpectedState
        );
        ensure!(listing.open_orders == 0, Error::<T>::HasOrders);
        ensure!(
            listing.allowed == 0 && listing.invites == 0,
            Error::<T>::HasEntries
        );
        Listings::<T>::remove(id);
        Self::give_back(HoldReason::Deposit, &who, listing.deposit);
        Self::change_seller(&who, |seller| {
            seller.listings = seller.listings.saturating_sub(1);
        });
        Self::deposit_event(Event::Removed { listing: id });
        Self::end_listing_pool(id)
    }

    pub(crate) fn do_allow(
        who: T::AccountId,
        id: ListingId,
        account: T::AccountId,
        allowed: bool,
    ) -> DispatchResult {
        let mut listing = Self::own_listing(&who, id)?;
        let known = Allowed::<T>::get(id, &account);
        if allowed {
            ensure!(
                listing.status != ListingStatus::Closed,
                Error::<T>::ListingClosed
            );
            ensure!(known.is_none(), Error::<T>::NothingToDo);
            listing.allowed = listing.allowed.checked_add(1).ok_or(Error::<T>::Overflow)?;
            let deposit = Self::deposit_for(ALLOWED_BYTES);
            Self::hold(HoldReason::Deposit, &who, deposit)?;
            Allowed::<T>::insert(id, &account, deposit);
        } else {
            let deposit = known.ok_or(Error::<T>::NothingToDo)?;
            Self::give_back(HoldReason::Deposit, &who, deposit);
            Allowed::<T>::remove(id, &account);
            listing.allowed = listing.allowed.saturating_sub(1);
        }
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::AccountAllowed {
            listing: id,
            account,
            allowed,
        });
        Ok(())
    }

    pub(crate) fn do_freeze(id: ListingId, code: u16) -> DispatchResult {
        let mut listing = Listings::<T>::get(id).ok_or(Error::<T>::NoSuchListing)?;
        listing.frozen = (code != 0).then_some(code);
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::Frozen { listing: id, code });
        Ok(())
    }
}

/// Prices are below this: there is less money than that.
const MAX_PRICE: Balance = 1 << 96;
