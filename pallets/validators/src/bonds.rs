//! Bonds: made, given notice of, returned.

use crate::{
    Balance, Bond, BondState, Bonds, Config, Error, Event, HoldReason, Pallet, Sentences, Sessions,
    Term,
};
use frame_support::{
    ensure,
    traits::{
        fungible::hold::{Inspect as _, Mutate as _},
        tokens::Precision,
        Get,
    },
};
use sp_runtime::DispatchResult;
use sp_staking::SessionIndex;

impl<T: Config> Pallet<T> {
    /// First session in which nothing done up to the end of `session` can be reported.
    pub(crate) fn unreportable_after(session: SessionIndex) -> SessionIndex {
        session
            .saturating_add(T::ReportableFor::get())
            .saturating_add(1)
    }

    pub(crate) fn do_bond(who: T::AccountId, amount: Balance) -> DispatchResult {
        let bond = Bonds::<T>::get(&who);
        let comes_back = bond.is_some_and(|bond| bond.state != BondState::Active);
        ensure!(amount > 0 || comes_back, Error::<T>::NothingToDo);
        let held = bond
            .map_or(0, |bond| bond.held)
            .checked_add(amount)
            .ok_or(Error::<T>::Overflow)?;
        ensure!(held >= T::MinBond::get(), Error::<T>::BondTooSmall);
        T::Currency::hold(&HoldReason::Bond.into(), &who, amount)?;
        Bonds::<T>::insert(
            &who,
            Bond {
                held,
                state: BondState::Active,
            },
        );
        Self::deposit_event(Event::Bonded { who, amount, held });
        Ok(())
    }

    pub(crate) fn do_unbond(who: T::AccountId) -> DispatchResult {
        let bond = Bonds::<T>::get(&who).ok_or(Error::<T>::NotBonded)?;
        ensure!(bond.state == BondState::Active, Error::<T>::AlreadyLeaving);
        ensure!(!T::Sessions::is_listed(&who), Error::<T>::StillStanding);
        // Whoever was chosen before serves in the session that was chosen already, the next.
        let until = Self::unreportable_after(T::Sessions::current().saturating_add(1));
        let state = BondState::Leaving { until };
        Bonds::<T>::insert(&who, Bond { state, ..bond });
        Self::deposit_event(Event::NoticeGiven { who, until });
        Ok(())
    }

    pub(crate) fn do_poke(who: T::AccountId) -> DispatchResult {
        let session = T::Sessions::current();
        let bond = Bonds::<T>::get(&who);
        let due = bond
            .filter(|bond| matches!(bond.state, BondState::Leaving { until } if session >= until));
        if let Some(bond) = due {
            let reason = HoldReason::Bond.into();
            T::Currency::release(&reason, &who, bond.held, Precision::Exact)?;
            Bonds::<T>::remove(&who);
            Self::deposit_event(Event::BondReturned {
                who: who.clone(),
                amount: bond.held,
            });
        }
        let over = Sentences::<T>::get(&who).is_some_and(|sentence| {
            let last = sentence.offences.iter().map(|o| o.session).max();
            !sentence.term.runs(session)
                && last.is_none_or(|last| session >= Self::unreportable_after(last))
        });
        if over {
            Sentences::<T>::remove(&who);
            Self::deposit_event(Event::SentenceForgotten { who });
        }
        ensure!(due.is_some() || over, Error::<T>::NothingDue);
        Ok(())
    }

    pub(crate) fn do_jail(who: T::AccountId, sessions: Option<SessionIndex>) -> DispatchResult {
        ensure!(sessions != Some(0), Error::<T>::NothingToDo);
        let now = T::Sessions::current();
        let term = sessions.map_or(Term::UntilReleased, |n| Term::Until(now.saturating_add(n)));
        let term = Self::extend(&who, term);
        T::Sessions::disable(&who, sp_runtime::Perbill::zero());
        T::Sessions::unlist(&who);
        Self::deposit_event(Event::Jailed { who, term });
        Ok(())
    }

    pub(crate) fn do_unjail(who: T::AccountId) -> DispatchResult {
        let now = T::Sessions::current();
        Sentences::<T>::try_mutate(&who, |sentence| {
            let sentence = sentence
                .as_mut()
                .filter(|sentence| sentence.term.runs(now))
                .ok_or(Error::<T>::NotJailed)?;
            // The offences stay, or a second report of one would be a first.
            sentence.term = Term::Until(now);
            Ok::<(), Error<T>>(())
        })?;
        Self::deposit_event(Event::Released { who });
        Ok(())
    }

    /// Makes an account's term at least this long, and gives what it is now.
    pub(crate) fn extend(who: &T::AccountId, term: Term) -> Term {
        Sentences::<T>::mutate(who, |sentence| match sentence {
            Some(sentence) => {
                sentence.term = sentence.term.longer(term);
                sentence.term
            }
            None => {
                *sentence = Some(crate::Sentence {
                    term,
                    offences: Default::default(),
                });
                term
            }
        })
    }

    /// What is held of an account's money for its bond.
    pub fn on_hold(who: &T::AccountId) -> Balance {
        T::Currency::balance_on_hold(&HoldReason::Bond.into(), who)
    }
}
