//! Who gets what of a sale: pools, their holders, claims and consent.
//!
//! Nothing is pushed: a sale adds to one number of one pool, whatever the number of people behind
//! it, and everybody takes his part out when he likes.

use crate::{
    Balance, Config, Error, Event, HoldReason, Holders, Invites, Listings, Pallet, Pools,
    WeightInfo,
};
use alloc::{collections::BTreeSet, vec::Vec};
use athanor_held_money::HeldMoney;
use athanor_primitives::{
    labels::{CampaignId, ContributorShares},
    market::{
        Beneficiary, ListingId, PoolId, Share, LISTING_UNITS, MAX_ACCOUNTS, MAX_PARENTS,
        MAX_PARENT_UNITS,
    },
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    ensure,
    traits::{fungible::Mutate as _, tokens::Preservation, Get},
    weights::Weight,
};
use scale_info::TypeInfo;
use sp_runtime::{
    helpers_128bit::multiply_by_rational_with_rounding, DispatchError, DispatchResult, Rounding,
};

/// Money that several share.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Pool<AccountId> {
    /// Units of all holders there ever were.
    pub supply: u64,
    /// All that has come in.
    pub received: Balance,
    /// Of that, what has been claimed.
    pub claimed: Balance,
    /// Of that, what was claimed by holders whose records are gone, or went to the treasury
    /// because nobody enrolled.
    pub left: Balance,
    /// Holders with a record.
    pub holders: u32,
    /// Listing pools that pay into this one.
    pub children: u32,
    /// Of a campaign's pool: from when nobody can enrol any more and claims are open.
    pub closes_at: Option<u32>,
    /// When the last listing that pays into it went, or, of a listing's pool, that listing itself.
    pub idle_since: u32,
    /// Of a campaign's pool: the campaign's requester, who alone may name it.
    pub requester: Option<AccountId>,
    /// Who paid the deposit.
    pub owner: AccountId,
    /// Deposit for the pool, and for the holders of a listing's.
    pub deposit: Balance,
}

/// A part of a pool.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct Holder {
    /// Units of the pool's supply.
    pub units: u32,
    /// What the holder has claimed.
    pub claimed: Balance,
    /// Deposit of whoever enrolled; nothing for the holders of a listing's pool.
    pub deposit: Balance,
}

/// What `units` out of `supply` are of all that was received: `⌊received · units / supply⌋`, of a
/// 256-bit product. Nothing when the units are not part of the supply.
pub(crate) fn entitled(received: Balance, units: u32, supply: u64) -> Balance {
    if u64::from(units) > supply {
        return 0;
    }
    multiply_by_rational_with_rounding(received, units.into(), supply.into(), Rounding::Down)
        .unwrap_or(0)
}

impl Holder {
    /// What the holder can claim of a pool.
    pub(crate) fn claimable<AccountId>(&self, pool: &Pool<AccountId>) -> Balance {
        entitled(pool.received, self.units, pool.supply).saturating_sub(self.claimed)
    }
}

impl<AccountId> Pool<AccountId> {
    /// What is in it.
    pub(crate) fn balance(&self) -> Balance {
        self.received.saturating_sub(self.claimed)
    }

    /// Whether claims are open.
    pub(crate) fn is_open(&self, now: u32) -> bool {
        self.closes_at.is_none_or(|closes_at| now >= closes_at)
    }

    /// Whether nobody enrolled in time.
    pub(crate) fn is_nobodys(&self, now: u32) -> bool {
        self.supply == 0 && self.is_open(now)
    }
}

impl<T: Config> Pallet<T> {
    /// Makes the pool of a new listing, out of its seller's deposit. The listing itself need not
    /// be stored yet.
    pub(crate) fn create_listing_pool(
        listing: ListingId,
        seller: &T::AccountId,
        shares: &[Share<T::AccountId>],
    ) -> DispatchResult {
        Self::check_shares(shares)?;
        for share in shares {
            if let Beneficiary::Pool(pool) = share.to {
                Self::adopt(pool, seller, share.units)?;
            }
        }
        let id = PoolId::Listing(listing);
        let holders = u32::try_from(shares.len()).map_err(|_| Error::<T>::BadShares)?;
        let deposit = holder_deposit::<T>()
            .checked_mul(holders.into())
            .and_then(|deposit| deposit.checked_add(pool_deposit::<T>()))
            .ok_or(Error::<T>::Overflow)?;
        Self::hold(HoldReason::Deposit, seller, deposit)?;
        for share in shares {
            let holder = Holder {
                units: share.units,
                claimed: 0,
                deposit: 0,
            };
            Holders::<T>::insert(id, &share.to, holder);
        }
        let pool = Pool {
            supply: LISTING_UNITS.into(),
            received: 0,
            claimed: 0,
            left: 0,
            holders,
            children: 0,
            closes_at: None,
            idle_since: 0,
            requester: None,
            owner: seller.clone(),
            deposit,
        };
        Pools::<T>::insert(id, pool);
        Ok(())
    }

    /// Weight of `list`, by accounts and pools.
    pub(crate) fn weight_of_list(shares: &[Share<T::AccountId>]) -> Weight {
        let is_pool = |share: &&Share<_>| matches!(share.to, Beneficiary::Pool(_));
        let pools = shares.iter().filter(is_pool).count();
        let accounts = shares.len().saturating_sub(pools);
        // Both are at most a list's bound.
        T::WeightInfo::list(accounts as u32, pools as u32)
    }

    fn check_shares(shares: &[Share<T::AccountId>]) -> DispatchResult {
        let (mut accounts, mut pools) = (0u32, 0u32);
        let (mut sum, mut to_pools) = (0u32, 0u32);
        for share in shares {
            ensure!(share.units > 0, Error::<T>::BadShares);
            sum = sum.checked_add(share.units).ok_or(Error::<T>::BadShares)?;
            match &share.to {
                Beneficiary::Account(who) => {
                    // What the pallet's account claims would not move, and be missing.
                    ensure!(*who != Self::pot(), Error::<T>::BadShares);
                    accounts = accounts.saturating_add(1);
                }
                Beneficiary::Pool(_) => {
                    pools = pools.saturating_add(1);
                    to_pools = to_pools.saturating_add(share.units);
                }
            }
        }
        let different: BTreeSet<_> = shares.iter().map(|share| &share.to).collect();
        ensure!(
            sum == LISTING_UNITS
                && accounts > 0
                && accounts <= MAX_ACCOUNTS
                && pools <= MAX_PARENTS
                && different.len() == shares.len(),
            Error::<T>::BadShares
        );
        ensure!(
            to_pools <= MAX_PARENT_UNITS,
            Error::<T>::TooManyUnitsToPools
        );
        Ok(())
    }

    /// Lets a listing of `seller` pay `units` into a pool, if those behind the pool agree.
    fn adopt(id: PoolId, seller: &T::AccountId, units: u32) -> DispatchResult {
        let mut pool = match id {
            PoolId::Listing(parent) => {
                let listing = Listings::<T>::get(parent).ok_or(Error::<T>::NoSuchPool)?;
                let agrees = listing.seller == *seller
                    || listing.derive.is_some_and(|least| units >= least)
                    || Invites::<T>::contains_key(parent, seller);
                ensure!(agrees, Error::<T>::NoConsent);
                Pools::<T>::get(id).ok_or(Error::<T>::NoSuchPool)?
            }
            PoolId::Campaign(campaign) => {
                let pool = Self::campaign_pool(campaign, seller)?;
                ensure!(
                    pool.requester.as_ref() == Some(seller),
                    Error::<T>::NoConsent
                );
                let now = Self::now();
                ensure!(
                    !pool.is_nobodys(now) && !Self::is_over(id, &pool, now),
                    Error::<T>::NoSuchPool
                );
                pool
            }
        };
        pool.children = pool.children.checked_add(1).ok_or(Error::<T>::Overflow)?;
        Pools::<T>::insert(id, pool);
        Ok(())
    }

    /// The pool of a campaign. If there is none yet and it is time to enrol, `payer` pays for one.
    fn campaign_pool(
        campaign: CampaignId,
        payer: &T::AccountId,
    ) -> Result<Pool<T::AccountId>, DispatchError> {
        if let Some(pool) = Pools::<T>::get(PoolId::Campaign(campaign)) {
            return Ok(pool);
        }
        let settled_for =
            T::Contributors::settled_for(campaign).ok_or(Error::<T>::CampaignNotSettled)?;
        let left = T::EnrolFor::get()
            .checked_sub(settled_for)
            .filter(|left| *left > 0)
            .ok_or(Error::<T>::EnrolmentClosed)?;
        let closes_at = Self::now().checked_add(left).ok_or(Error::<T>::Overflow)?;
        let deposit = pool_deposit::<T>();
        Self::hold(HoldReason::Deposit, payer, deposit)?;
        Ok(Pool {
            supply: 0,
            received: 0,
            claimed: 0,
            left: 0,
            holders: 0,
            children: 0,
            closes_at: Some(closes_at),
            idle_since: closes_at,
            requester: T::Contributors::requester(campaign),
            owner: payer.clone(),
            deposit,
        })
    }

    /// Makes an account a holder of a campaign's pool, with a unit for each of its paid answers.
    pub(crate) fn do_enrol(who: T::AccountId, campaign: CampaignId) -> DispatchResult {
        let id = PoolId::Campaign(campaign);
        let mut pool = Self::campaign_pool(campaign, &who)?;
        ensure!(!pool.is_open(Self::now()), Error::<T>::EnrolmentClosed);
        let beneficiary = Beneficiary::Account(who.clone());
        ensure!(
            !Holders::<T>::contains_key(id, &beneficiary),
            Error::<T>::AlreadyEnrolled
        );
        let units = T::Contributors::paid_answers(campaign, &who);
        ensure!(units > 0, Error::<T>::NothingToEnrol);
        let deposit = holder_deposit::<T>();
        Self::hold(HoldReason::Deposit, &who, deposit)?;
        pool.supply = pool
            .supply
            .checked_add(units.into())
            .ok_or(Error::<T>::Overflow)?;
        pool.holders = pool.holders.checked_add(1).ok_or(Error::<T>::Overflow)?;
        Pools::<T>::insert(id, pool);
        let holder = Holder {
            units,
            claimed: 0,
            deposit,
        };
        Holders::<T>::insert(id, beneficiary, holder);
        Self::deposit_event(Event::Enrolled {
            campaign,
            worker: who,
            units,
        });
        Ok(())
    }

    /// Counts `amount`, which lies on the pallet's account already, as this pool's.
    pub(crate) fn credit_pool(id: PoolId, amount: Balance) -> DispatchResult {
        let mut pool = Pools::<T>::get(id).ok_or(Error::<T>::NoSuchPool)?;
        pool.received = pool
            .received
            .checked_add(amount)
            .ok_or(Error::<T>::Overflow)?;
        Pools::<T>::insert(id, pool);
        Ok(())
    }

    /// Claims for the seller out of his listing's pool, if there is anything and he can be paid.
    pub(crate) fn claim_for_seller(listing: ListingId, seller: &T::AccountId) {
        let id = PoolId::Listing(listing);
        let beneficiary = Beneficiary::Account(seller.clone());
        let claimed =
            frame_support::storage::with_storage_layer(|| Self::do_claim(id, beneficiary));
        if let Err(error) = claimed {
            // It stays claimable.
            log::debug!(target: crate::LOG, "nothing claimed for a seller: {error:?}");
        }
    }

    /// Whether nothing can come into a pool any more.
    fn is_over(id: PoolId, pool: &Pool<T::AccountId>, now: u32) -> bool {
        pool.children == 0
            && match id {
                PoolId::Listing(listing) => !Listings::<T>::contains_key(listing),
                PoolId::Campaign(_) => {
                    pool.is_open(now) && now.saturating_sub(pool.idle_since) >= T::PoolIdle::get()
                }
            }
    }

    /// What a claim would pay now.
    pub(crate) fn view_claimable(id: PoolId, beneficiary: Beneficiary<T::AccountId>) -> Balance {
        let now = Self::now();
        let Some(pool) = Pools::<T>::get(id).filter(|pool| pool.is_open(now)) else {
            return 0;
        };
        if pool.is_nobodys(now) {
            let treasury = Beneficiary::Account(T::Treasury::get());
            return if beneficiary == treasury {
                pool.balance()
            } else {
                0
            };
        }
        Holders::<T>::get(id, beneficiary).map_or(0, |holder| holder.claimable(&pool))
    }

    /// Pays a holder what is his, and removes what is over.
    pub(crate) fn do_claim(id: PoolId, beneficiary: Beneficiary<T::AccountId>) -> DispatchResult {
        let mut pool = Pools::<T>::get(id).ok_or(Error::<T>::NoSuchPool)?;
        let now = Self::now();
        ensure!(pool.is_open(now), Error::<T>::PoolNotOpen);
        let amount = if pool.is_nobodys(now) {
            ensure!(
                beneficiary == Beneficiary::Account(T::Treasury::get()),
                Error::<T>::NoSuchHolder
            );
            let amount = pool.balance();
            pool.left = add::<T>(pool.left, amount)?;
            amount
        } else {
            let mut holder = Holders::<T>::get(id, &beneficiary).ok_or(Error::<T>::NoSuchHolder)?;
            let amount = holder.claimable(&pool);
            holder.claimed = add::<T>(holder.claimed, amount)?;
            Holders::<T>::insert(id, &beneficiary, holder);
            amount
        };
        pool.claimed = add::<T>(pool.claimed, amount)?;
        if amount > 0 {
            match &beneficiary {
                Beneficiary::Account(who) => Self::pay_out(who, amount)?,
                // The money is on the pallet's account, and stays there.
                Beneficiary::Pool(parent) => Self::credit_pool(*parent, amount)?,
            }
            Self::deposit_event(Event::Claimed {
                pool: id,
                beneficiary: beneficiary.clone(),
                amount,
            });
        }
        if !Self::is_over(id, &pool, now) {
            ensure!(amount > 0, Error::<T>::NothingToClaim);
            Pools::<T>::insert(id, pool);
            return Ok(());
        }
        let removed = Self::wind_up(id, pool, Some(&beneficiary))?;
        ensure!(amount > 0 || removed, Error::<T>::NothingToClaim);
        Ok(())
    }

    /// Pays from the pallet's account.
    fn pay_out(who: &T::AccountId, amount: Balance) -> DispatchResult {
        ensure!(Self::can_take(who, amount), Error::<T>::CannotBePaid);
        T::Currency::transfer(&Self::pot(), who, amount, Preservation::Preserve)?;
        Ok(())
    }

    /// Of a pool that is over: a campaign's lets the holder go who has claimed, a listing's ends
    /// when all have, and once it was idle for [`Config::PoolIdle`] also without those whose
    /// accounts are gone and who are owed too little to open them: that is dust then. Gives whether
    /// a record was removed.
    fn wind_up(
        id: PoolId,
        mut pool: Pool<T::AccountId>,
        claimant: Option<&Beneficiary<T::AccountId>>,
    ) -> Result<bool, DispatchError> {
        let mut removed = false;
        if let PoolId::Campaign(_) = id {
            if let Some(Beneficiary::Account(who)) = claimant {
                let beneficiary = Beneficiary::Account(who.clone());
                if let Some(holder) = Holders::<T>::take(id, beneficiary) {
                    pool.left = add::<T>(pool.left, holder.claimed)?;
                    pool.holders = pool.holders.saturating_sub(1);
                    Self::give_back(HoldReason::Deposit, who, holder.deposit);
                    removed = true;
                }
            }
            if pool.holders > 0 {
                Pools::<T>::insert(id, pool);
                return Ok(removed);
            }
        } else {
            let given_up = Self::now().saturating_sub(pool.idle_since) >= T::PoolIdle::get();
            let waits = |(beneficiary, holder): (Beneficiary<T::AccountId>, Holder)| {
                let amount = holder.claimable(&pool);
                let payable = match &beneficiary {
                    Beneficiary::Account(who) => !given_up || Self::can_take(who, amount),
                    Beneficiary::Pool(_) => true,
                };
                amount > 0 && payable
            };
            if Holders::<T>::iter_prefix(id).any(waits) {
                Pools::<T>::insert(id, pool);
                return Ok(false);
            }
            let beneficiaries: Vec<_> = Holders::<T>::iter_key_prefix(id).collect();
            for beneficiary in beneficiaries {
                Holders::<T>::remove(id, &beneficiary);
                if let Beneficiary::Pool(parent) = beneficiary {
                    Self::orphan(parent);
                }
            }
        }
        let dust = pool.balance();
        if dust > 0 {
            Self::pay_out(&T::Treasury::get(), dust)?;
        }
        Self::give_back(HoldReason::Deposit, &pool.owner, pool.deposit);
        Pools::<T>::remove(id);
        Self::deposit_event(Event::PoolEnded { pool: id });
        Ok(true)
    }

    /// A listing's pool that paid into this one is gone.
    fn orphan(id: PoolId) {
        Pools::<T>::mutate(id, |pool| {
            if let Some(pool) = pool {
                pool.children = pool.children.saturating_sub(1);
                pool.idle_since = pool.closes_at.unwrap_or(0).max(Self::now());
            }
        });
    }

    /// Ends the pool of a listing that was removed, if nothing is left in it. Else the last claim
    /// does.
    pub(crate) fn end_listing_pool(listing: ListingId) -> DispatchResult {
        let id = PoolId::Listing(listing);
        let Some(mut pool) = Pools::<T>::get(id) else {
            return Ok(());
        };
        let now = Self::now();
        pool.idle_since = now;
        if Self::is_over(id, &pool, now) {
            Self::wind_up(id, pool, None)?;
        } else {
            Pools::<T>::insert(id, pool);
        }
        Ok(())
    }
}

fn add<T: Config>(sum: Balance, amount: Balance) -> Result<Balance, DispatchError> {
    sum.checked_add(amount)
        .ok_or_else(|| Error::<T>::Overflow.into())
}

/// Bytes of keys and hashes that come with a record.
const KEYS: usize = 96;

fn deposit_of<T: Config>(record: usize) -> Balance {
    let bytes = record.saturating_add(KEYS);
    Pallet::<T>::deposit_for(u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// Deposit for a pool, without its holders.
pub(crate) fn pool_deposit<T: Config>() -> Balance {
    deposit_of::<T>(Pool::<T::AccountId>::max_encoded_len())
}

/// Deposit for a holder.
pub(crate) fn holder_deposit<T: Config>() -> Balance {
    deposit_of::<T>(Holder::max_encoded_len())
}
