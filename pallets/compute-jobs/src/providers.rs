//! Providers: bonds, offers, jail, reputation.

use crate::{
    draw, Assignments, Balance, BlockNumber, Config, Endpoint, Error, Event, Fault, HoldReason,
    LastFault, ModelFilter, Offer, OfferTerms, Offers, Pallet, Provider, Providers, WorkerOf,
    MAX_RELEASES_IN_A_ROW, MAX_SLOTS,
};
use athanor_primitives::{worker_consent, JobId};
use frame_support::{
    defensive, ensure,
    traits::{fungible::hold::Mutate as _, tokens::Precision, Get},
};
use sp_core::sr25519;
use sp_runtime::{DispatchError, DispatchResult, SaturatedConversion};

/// Most doublings of the jail time.
const MAX_JAIL_DOUBLINGS: u8 = 6;

impl<T: Config> Pallet<T> {
    /// The running block.
    pub fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// A worker key has agreed to sign for a provider.
    pub(crate) fn ensure_consent(
        provider: &T::AccountId,
        worker: &T::AccountId,
        consent: [u8; 64],
    ) -> DispatchResult {
        let message = worker_consent(&Self::genesis(), &provider.clone().into());
        let key = sr25519::Public::from_raw(worker.clone().into());
        let signature = sr25519::Signature::from_raw(consent);
        ensure!(
            sp_io::crypto::sr25519_verify(&signature, &message, &key),
            Error::<T>::NoConsent
        );
        Ok(())
    }

    fn ensure_worker_is_free(worker: &T::AccountId) -> DispatchResult {
        ensure!(
            !WorkerOf::<T>::contains_key(worker),
            Error::<T>::WorkerTaken
        );
        ensure!(
            Assignments::<T>::get(worker).is_empty(),
            Error::<T>::WorkerBusy
        );
        Ok(())
    }

    /// A provider that isn't leaving.
    fn active(provider: &T::AccountId) -> Result<Provider<T::AccountId>, DispatchError> {
        let record = Providers::<T>::get(provider).ok_or(Error::<T>::NotAProvider)?;
        ensure!(record.unbonding_until.is_none(), Error::<T>::Unbonding);
        Ok(record)
    }

    pub(crate) fn do_register_provider(
        provider: T::AccountId,
        worker: T::AccountId,
        endpoint: Endpoint,
    ) -> DispatchResult {
        ensure!(
            !Providers::<T>::contains_key(&provider),
            Error::<T>::AlreadyRegistered
        );
        Self::ensure_worker_is_free(&worker)?;
        let bond = T::MinBond::get();
        Self::hold(HoldReason::ProviderBond, &provider, bond)?;
        WorkerOf::<T>::insert(&worker, &provider);
        Providers::<T>::insert(
            &provider,
            Provider {
                worker: worker.clone(),
                endpoint,
                bond,
                locked: 0,
                live: 0,
                fees: 0,
                fees_at: Self::now(),
                releases_in_a_row: 0,
                faults: 0,
                jailed_until: None,
                unbonding_until: None,
                last_fault: None,
            },
        );
        Self::deposit_event(Event::ProviderRegistered {
            provider,
            worker,
            bond,
        });
        Ok(())
    }

    pub(crate) fn do_set_worker(provider: T::AccountId, worker: T::AccountId) -> DispatchResult {
        let mut record = Self::active(&provider)?;
        Self::ensure_worker_is_free(&worker)?;
        WorkerOf::<T>::remove(&record.worker);
        WorkerOf::<T>::insert(&worker, &provider);
        record.worker = worker.clone();
        Providers::<T>::insert(&provider, record);
        Self::deposit_event(Event::WorkerSet { provider, worker });
        Ok(())
    }

    pub(crate) fn do_set_offer(provider: T::AccountId, terms: OfferTerms) -> DispatchResult {
        let mut record = Self::active(&provider)?;
        let now = Self::now();
        ensure!((1..=MAX_SLOTS).contains(&terms.slots), Error::<T>::BadSlots);
        ensure!(terms.bandwidth > 0, Error::<T>::BadBandwidth);
        ensure!(terms.valid_until > now, Error::<T>::OfferOver);
        if let ModelFilter::List(models) = &terms.models {
            ensure!(!models.is_empty(), Error::<T>::NoModels);
        }
        if !Offers::<T>::contains_key(&provider) && Offers::<T>::count() >= T::MaxOffers::get() {
            let own = (record.jailed_until.is_none(), record.free_bond());
            let least = Offers::<T>::iter()
                .map(|(other, offer)| {
                    let (live, free) = Providers::<T>::get(&other).map_or((false, 0), |record| {
                        (Self::is_live(&offer, &record, now), record.free_bond())
                    });
                    ((live, free), other)
                })
                .min();
            let Some((rank, evicted)) = least else {
                return Err(Error::<T>::TooManyOffers.into());
            };
            ensure!(rank < own, Error::<T>::TooManyOffers);
            Offers::<T>::remove(&evicted);
            Self::deposit_event(Event::OfferRemoved { provider: evicted });
        }
        record.releases_in_a_row = 0;
        Providers::<T>::insert(&provider, record);
        Offers::<T>::insert(
            &provider,
            Offer {
                terms,
                since: now,
                paused: false,
            },
        );
        Self::deposit_event(Event::OfferSet { provider });
        Ok(())
    }

    pub(crate) fn do_pause(provider: T::AccountId) -> DispatchResult {
        ensure!(
            Providers::<T>::contains_key(&provider),
            Error::<T>::NotAProvider
        );
        Offers::<T>::try_mutate(&provider, |offer| {
            let offer = offer.as_mut().ok_or(Error::<T>::NoOffer)?;
            ensure!(!offer.paused, Error::<T>::AlreadyPaused);
            offer.paused = true;
            Ok::<_, DispatchError>(())
        })?;
        Self::deposit_event(Event::OfferPaused {
            provider,
            automatic: false,
        });
        Ok(())
    }

    pub(crate) fn do_resume(provider: T::AccountId) -> DispatchResult {
        let mut record = Self::active(&provider)?;
        Offers::<T>::try_mutate(&provider, |offer| {
            let offer = offer.as_mut().ok_or(Error::<T>::NoOffer)?;
            ensure!(offer.paused, Error::<T>::NotPaused);
            offer.paused = false;
            offer.since = Self::now();
            Ok::<_, DispatchError>(())
        })?;
        record.releases_in_a_row = 0;
        Providers::<T>::insert(&provider, record);
        Self::deposit_event(Event::OfferResumed { provider });
        Ok(())
    }

    pub(crate) fn do_deregister(provider: T::AccountId) -> DispatchResult {
        let mut record = Self::active(&provider)?;
        ensure!(
            record.live == 0 && record.locked == 0,
            Error::<T>::StillLiable
        );
        let until = Self::now().saturating_add(T::UnbondingBlocks::get());
        record.unbonding_until = Some(until);
        Providers::<T>::insert(&provider, record);
        if Offers::<T>::take(&provider).is_some() {
            Self::deposit_event(Event::OfferRemoved {
                provider: provider.clone(),
            });
        }
        Self::deposit_event(Event::ProviderDeregistered { provider, until });
        Ok(())
    }

    pub(crate) fn do_withdraw(provider: T::AccountId) -> DispatchResult {
        let record = Providers::<T>::get(&provider).ok_or(Error::<T>::NotAProvider)?;
        let until = record.unbonding_until.ok_or(Error::<T>::NotUnbonding)?;
        ensure!(Self::now() >= until, Error::<T>::StillUnbonding);
        ensure!(
            record.live == 0 && record.locked == 0,
            Error::<T>::StillLiable
        );
        T::Currency::release(
            &HoldReason::ProviderBond.into(),
            &provider,
            record.bond,
            Precision::Exact,
        )?;
        WorkerOf::<T>::remove(&record.worker);
        Providers::<T>::remove(&provider);
        Self::deposit_event(Event::BondWithdrawn {
            provider,
            amount: record.bond,
        });
        Ok(())
    }

    pub(crate) fn do_unjail(provider: T::AccountId) -> DispatchResult {
        let mut record = Self::active(&provider)?;
        let until = record.jailed_until.ok_or(Error::<T>::NotJailed)?;
        let now = Self::now();
        ensure!(now >= until, Error::<T>::StillJailed);
        ensure!(record.bond >= T::MinBond::get(), Error::<T>::BondTooSmall);
        record.jailed_until = None;
        Providers::<T>::insert(&provider, record);
        Self::touch_offer(&provider, now);
        Self::deposit_event(Event::ProviderUnjailed { provider });
        Ok(())
    }

    pub(crate) fn do_add_bond(provider: T::AccountId, amount: Balance) -> DispatchResult {
        let mut record = Self::active(&provider)?;
        ensure!(amount > 0, Error::<T>::ZeroAmount);
        Self::hold(HoldReason::ProviderBond, &provider, amount)?;
        record.bond = record.bond.saturating_add(amount);
        Providers::<T>::insert(&provider, record);
        Self::touch_offer(&provider, Self::now());
        Self::deposit_event(Event::BondAdded { provider, amount });
        Ok(())
    }

    /// Keeps an offer out of draws whose seed may be known already.
    fn touch_offer(provider: &T::AccountId, now: BlockNumber) {
        Offers::<T>::mutate(provider, |offer| {
            if let Some(offer) = offer {
                offer.since = now;
            }
        });
    }

    /// Whether an offer takes part in draws.
    pub(crate) fn is_live(
        offer: &Offer,
        provider: &Provider<T::AccountId>,
        now: BlockNumber,
    ) -> bool {
        !offer.paused
            && now < offer.terms.valid_until
            && provider.jailed_until.is_none()
            && provider.unbonding_until.is_none()
    }

    /// Fees that count for a provider's reputation now.
    fn fees_now(provider: &Provider<T::AccountId>, now: BlockNumber) -> Balance {
        let elapsed = now.saturating_sub(provider.fees_at);
        draw::decayed(provider.fees, elapsed, T::ReputationHalfLife::get())
    }

    /// A provider's reputation now, 4 to 64.
    pub fn reputation(provider: &Provider<T::AccountId>, now: BlockNumber) -> u8 {
        draw::reputation(Self::fees_now(provider, now), T::ReputationUnit::get())
    }

    /// Counts the fee of accepted work.
    pub(crate) fn earn(provider: &mut Provider<T::AccountId>, fee: Balance, now: BlockNumber) {
        provider.fees = Self::fees_now(provider, now).saturating_add(fee);
        provider.fees_at = now;
    }

    /// Locks collateral and a slot.
    pub(crate) fn lock(id: JobId, who: &T::AccountId, worker: &T::AccountId, collateral: Balance) {
        Providers::<T>::mutate_extant(who, |provider| {
            provider.locked = provider.locked.saturating_add(collateral);
            provider.live = provider.live.saturating_add(1);
        });
        if Assignments::<T>::try_append(worker, id).is_err() {
            defensive!("a key has more assignments than its provider has slots");
        }
    }

    /// Unlocks collateral and a slot, of which `lost` leaves the bond.
    pub(crate) fn unlock(
        id: JobId,
        who: &T::AccountId,
        worker: &T::AccountId,
        collateral: Balance,
        lost: Balance,
    ) {
        Providers::<T>::mutate_extant(who, |provider| {
            provider.locked = provider.locked.saturating_sub(collateral);
            provider.bond = provider.bond.saturating_sub(lost);
            provider.live = provider.live.saturating_sub(1);
        });
        Assignments::<T>::mutate_exists(worker, |jobs| {
            if let Some(list) = jobs {
                list.retain(|job| *job != id);
                if list.is_empty() {
                    *jobs = None;
                }
            }
        });
    }

    /// Takes a provider out of all draws after a fault. What it had earned in
    /// reputation is lost if the fault takes all, and three quarters of it otherwise.
    pub(crate) fn jail(who: &T::AccountId, job: JobId, fault: Fault, now: BlockNumber) {
        let until = Providers::<T>::mutate_extant(who, |provider| {
            let doublings = provider.faults.min(MAX_JAIL_DOUBLINGS);
            let time = T::JailBlocks::get().saturating_mul(1u32.wrapping_shl(doublings.into()));
            let until = now
                .saturating_add(time)
                .max(provider.jailed_until.unwrap_or_default());
            provider.faults = provider.faults.saturating_add(1);
            provider.jailed_until = Some(until);
            provider.last_fault = Some(LastFault {
                fault,
                job,
                at: now,
            });
            provider.fees = if fault.takes_all() {
                0
            } else {
                Self::fees_now(provider, now) >> 2
            };
            provider.fees_at = now;
            until
        });
        Self::deposit_event(Event::ProviderJailed {
            provider: who.clone(),
            until,
        });
    }

    /// Counts a release against a provider: half its fees no longer count, and the
    /// third in a row pauses its offer.
    pub(crate) fn count_release(who: &T::AccountId, now: BlockNumber) {
        let pause = Providers::<T>::mutate_extant(who, |provider| {
            provider.fees = Self::fees_now(provider, now) >> 1;
            provider.fees_at = now;
            provider.releases_in_a_row = provider.releases_in_a_row.saturating_add(1);
            provider.releases_in_a_row >= MAX_RELEASES_IN_A_ROW
        });
        if pause {
            let paused = Offers::<T>::mutate(who, |offer| {
                offer
                    .as_mut()
                    .is_some_and(|offer| !core::mem::replace(&mut offer.paused, true))
            });
            if paused {
                Self::deposit_event(Event::OfferPaused {
                    provider: who.clone(),
                    automatic: true,
                });
            }
        }
    }
}
