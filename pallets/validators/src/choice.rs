//! Who may stand, who is chosen, and what is done when a session begins.

use crate::{Bond, BondState, Bonds, Config, Pallet, Sentences, Sessions, WeightInfo, LOG};
use alloc::vec::Vec;
use frame_support::{dispatch::DispatchClass, traits::Get};
use sp_runtime::Perbill;
use sp_staking::SessionIndex;

impl<T: Config> Pallet<T> {
    /// The severity of what an account is in jail for; `None` if it is not.
    pub fn jailed(who: &T::AccountId) -> Option<Perbill> {
        let sentence = Sentences::<T>::get(who)?;
        let worst = sentence.offences.iter().map(|o| o.fraction).max();
        sentence
            .term
            .runs(T::Sessions::current())
            .then(|| worst.unwrap_or_default())
    }

    /// Whether an account's bond answers for it, and for how long it likes.
    pub fn is_bonded(who: &T::AccountId) -> bool {
        Bonds::<T>::get(who)
            .is_some_and(|bond| bond.state == BondState::Active && bond.held >= T::MinBond::get())
    }

    /// Whether an account may stand for a seat: it has session keys and a bond, and is not in jail.
    pub fn may_stand(who: &T::AccountId) -> bool {
        T::Sessions::has_keys(who) && Self::is_bonded(who) && Self::jailed(who).is_none()
    }

    /// The validators of a session to come, out of those with a seat for ever and the candidates,
    /// best first, for `seats` seats.
    ///
    /// Never empty as long as a validator has keys. If nobody may stand, bonds don't matter; if all
    /// are in jail, the validators of now go on, since a chain that stops helps nobody.
    pub fn choose(
        invulnerables: Vec<T::AccountId>,
        candidates: Vec<T::AccountId>,
        seats: u32,
    ) -> Vec<T::AccountId> {
        let pick = |fits: &dyn Fn(&T::AccountId) -> bool| -> Vec<T::AccountId> {
            let seats = usize::try_from(seats).unwrap_or(usize::MAX);
            // Governance may name a candidate invulnerable: he has one seat then, not two.
            let stood = candidates
                .iter()
                .filter(|who| fits(who) && !invulnerables.contains(who))
                .take(seats);
            let kept = invulnerables.iter().filter(|who| fits(who));
            kept.chain(stood).cloned().collect()
        };
        let chosen = pick(&Self::may_stand);
        if !chosen.is_empty() {
            return chosen;
        }
        log::warn!(target: LOG, "no validator has a bond; choosing without");
        let chosen = pick(&|who| T::Sessions::has_keys(who) && Self::jailed(who).is_none());
        if !chosen.is_empty() {
            return chosen;
        }
        log::error!(target: LOG, "no validator can be chosen; those of now go on");
        let mut now = T::Sessions::validators();
        now.retain(T::Sessions::has_keys);
        now
    }

    /// Disables again who is in jail and still among the validators, and makes bonds of those who
    /// leave wait for what they do in this session.
    ///
    /// To be called after the session pallet has forgotten whom it had disabled.
    pub fn begin_session(session: SessionIndex) {
        let validators = T::Sessions::validators();
        let weight = T::WeightInfo::begin_session(validators.len() as u32);
        for who in &validators {
            if let Some(severity) = Self::jailed(who) {
                T::Sessions::disable(who, severity);
            }
            let late = Self::unreportable_after(session);
            let bond = Bonds::<T>::get(who);
            if let Some(
                bond @ Bond {
                    state: BondState::Leaving { until },
                    ..
                },
            ) = bond
            {
                if until < late {
                    let state = BondState::Leaving { until: late };
                    Bonds::<T>::insert(who, Bond { state, ..bond });
                }
            }
        }
        frame_system::Pallet::<T>::register_extra_weight_unchecked(
            weight,
            DispatchClass::Mandatory,
        );
    }
}
