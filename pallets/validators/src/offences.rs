//! What a report costs: at once, in its session, and afterwards.

use crate::{
    Bonds, Config, Event, HoldReason, Offence, Pallet, Reporting, Sentences, Sessions, Term,
    WeightInfo, LOG,
};
use frame_support::{
    traits::{fungible::hold::Balanced, Get, Imbalance, OnUnbalanced},
    weights::Weight,
};
use sp_runtime::Perbill;
use sp_staking::{
    offence::{OffenceDetails, OnOffenceHandler},
    SessionIndex,
};

impl<T: Config, Identification>
    OnOffenceHandler<T::AccountId, (T::AccountId, Identification), Weight> for Pallet<T>
{
    fn on_offence(
        offenders: &[OffenceDetails<T::AccountId, (T::AccountId, Identification)>],
        slash_fraction: &[Perbill],
        session: SessionIndex,
    ) -> Weight {
        let mut weight = Weight::zero();
        for (details, fraction) in offenders.iter().zip(slash_fraction) {
            Self::punish(&details.offender.0, *fraction, session);
            weight = weight.saturating_add(T::WeightInfo::on_offence());
        }
        weight
    }
}

impl<T: Config> Pallet<T> {
    /// Disables, unlists, slashes and jails.
    ///
    /// All reports of one session together take the greatest fraction among them of the bond as it
    /// was at the first: two proofs of one mistake cost as much as one.
    pub(crate) fn punish(who: &T::AccountId, fraction: Perbill, session: SessionIndex) {
        T::Sessions::disable(who, fraction);
        // Before the slash: a candidacy's own deposit is given back here, and is no part of it.
        if !T::Sessions::unlist(who) {
            log::warn!(
                target: LOG,
                "an offender stays on the list of validators, being the last: {who:?}",
            );
        }
        let bonded = Bonds::<T>::get(who).map_or(0, |bond| bond.held);
        let now = T::Sessions::current();
        // Whatever this does to an older term, it makes none shorter.
        Self::extend(who, Term::Until(now));
        let owed = Sentences::<T>::mutate(who, |sentence| {
            let sentence = sentence.as_mut()?;
            let known = sentence.offences.iter().position(|o| o.session == session);
            let at = match known {
                Some(at) => at,
                None => {
                    if sentence.offences.is_full() {
                        let oldest = sentence.offences.iter().enumerate();
                        let oldest = oldest.min_by_key(|(_, o)| o.session).map(|(at, _)| at);
                        if let Some(at) = oldest {
                            sentence.offences.remove(at);
                        }
                    }
                    let kind = Reporting::<T>::get();
                    let offence = Offence {
                        session,
                        kind,
                        fraction: Perbill::zero(),
                        base: bonded,
                        slashed: 0,
                    };
                    sentence.offences.try_push(offence).ok()?;
                    sentence.offences.len().checked_sub(1)?
                }
            };
            let offence = sentence.offences.get_mut(at)?;
            if known.is_some() && fraction <= offence.fraction {
                return None;
            }
            offence.fraction = fraction.max(offence.fraction);
            let due = offence.fraction.mul_ceil(offence.base);
            let owed = due.saturating_sub(offence.slashed).min(bonded);
            offence.slashed = offence.slashed.saturating_add(owed);
            sentence.term = sentence
                .term
                .longer(Term::Until(now.saturating_add(T::JailTerm::get())));
            Some((owed, sentence.term))
        });
        let Some((owed, term)) = owed else {
            return;
        };
        let (credit, missing) = T::Currency::slash(&HoldReason::Bond.into(), who, owed);
        if missing > 0 {
            frame_support::defensive!("a bond's hold was smaller than its record");
        }
        let amount = credit.peek();
        T::Slashed::on_unbalanced(credit);
        Bonds::<T>::mutate_exists(who, |bond| {
            let left = bond.map(|b| crate::Bond {
                held: b.held.saturating_sub(owed),
                ..b
            });
            *bond = left.filter(|bond| bond.held > 0);
        });
        Self::deposit_event(Event::Slashed {
            who: who.clone(),
            amount,
            session,
        });
        Self::deposit_event(Event::Jailed {
            who: who.clone(),
            term,
        });
    }
}
