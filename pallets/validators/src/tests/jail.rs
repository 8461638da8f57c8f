//! Offences, terms, and records of them.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::traits::BadOrigin;
use sp_staking::offence::{Offence as Offending, OffenceError, ReportOffence};

#[test]
fn an_offender_is_disabled_slashed_unlisted_and_jailed() {
    build_and_execute(|| {
        report(1, 25, 10);
        assert_eq!((held(1), free(1)), (750, FUNDS - BOND));
        assert_eq!(free(TREASURY), ED + 250);
        assert_eq!(world(|w| w.disabled.clone()), [1]);
        assert_eq!(world(|w| w.invulnerables.clone()), [2, 3, 4]);
        assert_eq!(Validators::jailed(&1), Some(percent(25)));
        assert_eq!(
            events(),
            [
                Event::Slashed {
                    who: 1,
                    amount: 250,
                    session: 10
                },
                Event::Jailed {
                    who: 1,
                    term: Term::Until(10 + TERM)
                },
            ]
        );
        let sentence = Sentences::<Test>::get(1).unwrap();
        let offence = sentence.offences.first().unwrap();
        assert_eq!(
            (offence.session, offence.base, offence.slashed),
            (10, BOND, 250)
        );
    });
}

#[test]
fn an_offender_is_disabled_in_every_session_until_it_is_out() {
    build_and_execute(|| {
        report(1, 10, 10);
        rotate();
        assert_eq!(world(|w| w.validators.clone()), [1, 2, 3, 4]);
        assert_eq!(world(|w| w.disabled.clone()), [1]);
        rotate();
        assert_eq!(world(|w| w.validators.clone()), [2, 3, 4]);
        assert_eq!(world(|w| w.disabled.clone()), [] as [u64; 0]);
    });
}

#[test]
fn a_term_ends_by_itself_and_the_bond_decides_again() {
    build_and_execute(|| {
        report(1, 100, 10);
        assert_eq!(held(1), 0);
        rotate_to(10 + TERM - 1);
        assert_eq!(Validators::jailed(&1), Some(percent(100)));
        rotate();
        assert_eq!(Validators::jailed(&1), None);
        assert!(!Validators::may_stand(&1));
        assert_ok!(Validators::bond(signed(1), BOND));
        assert!(Validators::may_stand(&1));
    });
}

#[test]
fn governance_jails_and_releases() {
    build_and_execute(|| {
        assert_noop!(Validators::jail(signed(1), 2, None), BadOrigin);
        assert_noop!(Validators::unjail(signed(1), 2), BadOrigin);
        assert_noop!(
            Validators::jail(RuntimeOrigin::root(), 2, Some(0)),
            Error::<Test>::NothingToDo
        );
        assert_noop!(
            Validators::unjail(RuntimeOrigin::root(), 2),
            Error::<Test>::NotJailed
        );
        assert_ok!(Validators::jail(RuntimeOrigin::root(), 2, None));
        assert_eq!(held(2), BOND);
        rotate_to(200);
        assert!(Validators::jailed(&2).is_some());
        assert_noop!(Validators::poke(signed(9), 2), Error::<Test>::NothingDue);
        assert_ok!(Validators::unjail(RuntimeOrigin::root(), 2));
        assert!(Validators::may_stand(&2));
        assert_noop!(
            Validators::unjail(RuntimeOrigin::root(), 2),
            Error::<Test>::NotJailed
        );
    });
}

#[test]
fn a_shorter_term_shortens_nothing() {
    build_and_execute(|| {
        assert_ok!(Validators::jail(RuntimeOrigin::root(), 2, Some(100)));
        assert_ok!(Validators::jail(RuntimeOrigin::root(), 2, Some(1)));
        report(2, 1, 10);
        assert_eq!(Sentences::<Test>::get(2).unwrap().term, Term::Until(110));
        assert_ok!(Validators::jail(RuntimeOrigin::root(), 2, None));
        report(2, 2, 10);
        assert_eq!(Sentences::<Test>::get(2).unwrap().term, Term::UntilReleased);
    });
}

#[test]
fn a_sentence_is_forgotten_when_it_is_served_and_cannot_come_again() {
    build_and_execute(|| {
        report(1, 10, 10);
        assert_ok!(Validators::unjail(RuntimeOrigin::root(), 1));
        rotate_to(10 + KEPT);
        assert_noop!(Validators::poke(signed(9), 1), Error::<Test>::NothingDue);
        rotate();
        assert_ok!(Validators::poke(signed(9), 1));
        assert_eq!(Sentences::<Test>::get(1), None);
        assert_eq!(events().last(), Some(&Event::SentenceForgotten { who: 1 }));
    });
}

struct DoubleBlock;

impl Offending<(u64, ())> for DoubleBlock {
    const ID: sp_staking::offence::Kind = *b"babe:equivocatio";
    type Slot = u64;

    fn offenders(&self) -> Vec<(u64, ())> {
        vec![(1, ())]
    }
    fn session_index(&self) -> u32 {
        10
    }
    fn validator_set_count(&self) -> u32 {
        4
    }
    fn slot(&self) -> u64 {
        0
    }
    fn slash_fraction(&self, _offenders: u32) -> sp_runtime::Perbill {
        percent(10)
    }
}

struct Handles;

impl ReportOffence<u64, (u64, ()), DoubleBlock> for Handles {
    fn report_offence(_: Vec<u64>, offence: DoubleBlock) -> Result<(), OffenceError> {
        if world(|w| w.session) != offence.session_index() {
            return Err(OffenceError::DuplicateReport);
        }
        report(1, 10, offence.session_index());
        Ok(())
    }

    fn is_known_offence(_: &[(u64, ())], slot: &u64) -> bool {
        *slot == 7
    }
}

#[test]
fn a_sentence_says_of_which_kind_the_offence_was() {
    build_and_execute(|| {
        type Reports = KnownKind<Test, Handles>;
        assert_ok!(Reports::report_offence(vec![], DoubleBlock));
        let offence = Sentences::<Test>::get(1).unwrap().offences[0];
        assert_eq!(&offence.kind, b"babe:equivocatio");
        assert!(!Reporting::<Test>::exists(), "the kind outlives its report");
        rotate();
        assert!(Reports::report_offence(vec![], DoubleBlock).is_err());
        assert!(!Reporting::<Test>::exists());
        type Known = dyn Fn(&[(u64, ())], &u64) -> bool;
        let known: &Known = &<Reports as ReportOffence<u64, _, DoubleBlock>>::is_known_offence;
        assert!(known(&[(1, ())], &7) && !known(&[(1, ())], &8));
    });
}
