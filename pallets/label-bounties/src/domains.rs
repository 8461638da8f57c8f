//! Domains and records.

use crate::{Config, Pallet, Record};
use athanor_label_math::{Prior, Record as Counts};
use athanor_primitives::labels::DomainId;

impl<T: Config> Pallet<T> {
    fn counts(domain: DomainId, who: &T::AccountId) -> Counts {
        let record = Record::<T>::get(domain, who);
        Counts {
            right: record.right,
            wrong: record.wrong,
        }
    }

    pub(crate) fn record_bound(domain: DomainId, who: &T::AccountId) -> u32 {
        Self::counts(domain, who).bound()
    }

    pub(crate) fn prior_of(domain: DomainId, who: &T::AccountId) -> Prior {
        Prior::of(&Self::counts(domain, who))
    }
}
