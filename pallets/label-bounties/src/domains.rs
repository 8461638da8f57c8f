//! Domains, whom their owners admit, and how workers did on gold in them.

use crate::{
    Admitted, Config, Domain, Domains, Error, Event, GoldRecord, HoldReason, NextDomainId, Pallet,
};
use athanor_label_math::{Prior, Record};
use athanor_primitives::labels::DomainId;
use frame_support::{ensure, traits::Get};
use sp_runtime::DispatchResult;

/// Most requesters a domain admits, whose deposit is for them too.
pub(crate) const MAX_ADMITTED: u32 = 1_024;

impl GoldRecord {
    /// The numbers as they count in `epoch`: halved once for each epoch since they were written.
    fn at(self, epoch: u32) -> Record {
        let Self { right, wrong, .. } = self;
        Record { right, wrong }.halved(epoch.saturating_sub(self.epoch))
    }
}

impl<T: Config> Pallet<T> {
    /// Makes a domain: an account's own, or with `None` governance's.
    pub(crate) fn do_create_domain(owner: Option<T::AccountId>) -> DispatchResult {
        let domain = NextDomainId::<T>::get();
        let next = domain.checked_add(1).ok_or(Error::<T>::Overflow)?;
        let mut deposit = 0;
        if let Some(who) = &owner {
            deposit = T::DomainDeposit::get();
            Self::hold(HoldReason::Deposit, who, deposit)?;
        }
        NextDomainId::<T>::put(next);
        Domains::<T>::insert(
            domain,
            Domain {
                owner: owner.clone(),
                deposit,
                admitted: 0,
            },
        );
        Self::deposit_event(Event::DomainCreated { domain, owner });
        Ok(())
    }

    /// Lets the gold of a requester's campaigns count in a domain, or no longer.
    pub(crate) fn do_admit(
        caller: Option<T::AccountId>,
        domain: DomainId,
        requester: T::AccountId,
        admit: bool,
    ) -> DispatchResult {
        let mut record = Domains::<T>::get(domain).ok_or(Error::<T>::NoSuchDomain)?;
        ensure!(record.owner == caller, Error::<T>::NotDomainOwner);
        ensure!(
            Admitted::<T>::contains_key(domain, &requester) != admit,
            Error::<T>::NothingToDo
        );
        if admit {
            ensure!(
                record.admitted < MAX_ADMITTED,
                Error::<T>::TooManyRequesters
            );
            record.admitted = record.admitted.saturating_add(1);
            Admitted::<T>::insert(domain, &requester, ());
        } else {
            record.admitted = record.admitted.saturating_sub(1);
            Admitted::<T>::remove(domain, &requester);
        }
        Domains::<T>::insert(domain, record);
        Self::deposit_event(Event::RequesterAdmitted {
            domain,
            requester,
            admitted: admit,
        });
        Ok(())
    }

    fn epoch() -> u32 {
        Self::clock()
            .checked_div(T::RecordHalving::get())
            .unwrap_or(0)
    }

    /// Gold answers of a worker in a domain, as they count now.
    pub(crate) fn record_of(domain: DomainId, who: &T::AccountId) -> Record {
        crate::Record::<T>::get(domain, who).at(Self::epoch())
    }

    /// What the worker's share of right gold answers is hardly below, in units of 1/65,536.
    pub(crate) fn record_bound(domain: DomainId, who: &T::AccountId) -> u32 {
        Self::record_of(domain, who).bound()
    }

    /// What a worker's weight in labels starts with.
    pub(crate) fn prior_of(domain: DomainId, who: &T::AccountId) -> Prior {
        Prior::of(&Self::record_of(domain, who))
    }

    /// Adds the gold answers of one batch, if the domain's owner admits the requester.
    pub(crate) fn add_to_record(
        domain: DomainId,
        requester: &T::AccountId,
        who: &T::AccountId,
        right: u32,
        wrong: u32,
    ) {
        if (right == 0 && wrong == 0) || !Admitted::<T>::contains_key(domain, requester) {
            return;
        }
        let Record { right, wrong } = Self::record_of(domain, who).with(right, wrong);
        crate::Record::<T>::insert(
            domain,
            who,
            GoldRecord {
                right,
                wrong,
                epoch: Self::epoch(),
            },
        );
    }
}
