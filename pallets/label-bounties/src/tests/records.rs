//! Domains, whom they admit, and records of gold.

use super::crowd::*;
use crate::{domains::MAX_ADMITTED, mock::*, *};
use athanor_primitives::labels::{CampaignTerms, Gate};
use frame_support::{assert_noop, assert_ok};
use frame_system::RawOrigin;

type E = Error<Test>;

fn in_domain(domain: u32) -> CampaignTerms {
    CampaignTerms {
        domain: Some(domain),
        ..binary(8, 4)
    }
}

fn domain_of_the_requester() {
    let owner = account("requester");
    assert_ok!(LabelBounties::create_domain(signed(&owner)));
    assert_ok!(LabelBounties::admit(signed(&owner), 0, owner, true));
}

#[test]
fn a_domain_holds_a_deposit_unless_it_is_governances() {
    build_and_execute(|| {
        let owner = account("owner");
        assert_ok!(LabelBounties::create_domain(signed(&owner)));
        assert_ok!(LabelBounties::create_domain(RawOrigin::Root.into()));
        assert_eq!(held(HoldReason::Deposit, &owner), AUR);
        assert_eq!(Domains::<Test>::get(0).unwrap().owner, Some(owner));
        assert_eq!(Domains::<Test>::get(1).unwrap().owner, None);
    });
}

#[test]
fn only_its_owner_admits_and_only_what_changes() {
    build_and_execute(|| {
        let (owner, other) = (account("owner"), account("other"));
        assert_ok!(LabelBounties::create_domain(signed(&owner)));
        assert_ok!(LabelBounties::create_domain(RawOrigin::Root.into()));
        let admit = |by: &AccountId, domain, yes| {
            LabelBounties::admit(signed(by), domain, account("other"), yes)
        };
        assert_noop!(admit(&owner, 2, true), E::NoSuchDomain);
        assert_noop!(admit(&other, 0, true), E::NotDomainOwner);
        assert_noop!(admit(&owner, 1, true), E::NotDomainOwner);
        assert_noop!(
            LabelBounties::admit(RawOrigin::Root.into(), 0, other.clone(), true),
            E::NotDomainOwner
        );
        assert_noop!(admit(&owner, 0, false), E::NothingToDo);
        assert_ok!(admit(&owner, 0, true));
        assert_noop!(admit(&owner, 0, true), E::NothingToDo);
        assert_ok!(admit(&owner, 0, false));
        assert_ok!(LabelBounties::admit(RawOrigin::Root.into(), 1, other, true));
    });
}

#[test]
fn a_domain_admits_so_many_and_no_more() {
    build_and_execute(|| {
        let owner = account("owner");
        assert_ok!(LabelBounties::create_domain(signed(&owner)));
        for i in 0..MAX_ADMITTED {
            let who = AccountId::from(sp_io::hashing::blake2_256(&i.to_le_bytes()));
            assert_ok!(LabelBounties::admit(signed(&owner), 0, who, true));
        }
        let one_more = account("other");
        assert_noop!(
            LabelBounties::admit(signed(&owner), 0, one_more, true),
            E::TooManyRequesters
        );
    });
}

#[test]
fn right_and_wrong_gold_answers_are_counted() {
    build_and_execute(|| {
        domain_of_the_requester();
        let deal = Deal::with(in_domain(0), 4);
        let workers: Vec<_> = (0..4).map(|i| account(&format!("worker{i}"))).collect();
        for who in &workers[..3] {
            deal.label(who, 4, says::truth(who, u32::MAX));
        }
        deal.label(&workers[3], 4, says::always(1));
        deal.finish();
        // Gold is 0, 1, 0, 1 on each of four pages.
        assert_eq!(LabelBounties::record(0, workers[0].clone()).0, 16);
        let (right, wrong, bound) = LabelBounties::record(0, workers[3].clone());
        assert_eq!((right, wrong), (8, 8));
        assert!((20_000..32_768).contains(&bound));
        // Enrolled again, the record is what labels start from.
        let next = Deal::with(in_domain(0), 4);
        next.lease(&workers[3], 1);
        let prior = next.worker(&workers[3]).prior;
        assert_eq!((prior.right, prior.answers), (8, 16));
    });
}

#[test]
fn gold_that_does_not_count_is_not_recorded() {
    build_and_execute(|| {
        domain_of_the_requester();
        let terms = in_domain(0);
        // All of it is false, and everybody says so.
        let made = pages_with(&terms, 4, |_, _, truth| truth ^ 1);
        let deal = Deal::of(&account("requester"), terms, made);
        let workers: Vec<_> = (0..3).map(|i| account(&format!("worker{i}"))).collect();
        for who in &workers {
            deal.label(who, 4, says::truth(who, u32::MAX));
        }
        deal.finish();
        assert!(!deal.batch().sums.agreement().unwrap().gold_on);
        for who in workers {
            assert_eq!(LabelBounties::record(0, who.clone()).0, 0);
            assert_eq!(LabelBounties::record(0, who).1, 0);
        }
    });
}

#[test]
fn records_halve_with_time_whenever_they_are_looked_at() {
    build_and_execute(|| {
        domain_of_the_requester();
        let alice = account("alice");
        let label = || {
            let deal = Deal::with(in_domain(0), 4);
            deal.label(&alice, 4, says::truth(&alice, u32::MAX));
            deal.finish();
        };
        let right = || LabelBounties::record(0, account("alice")).0;
        label();
        let first = right();
        assert_eq!(first, 16);
        pass(RecordHalving::get());
        assert_eq!(right(), 8);
        pass(RecordHalving::get() * 2);
        assert_eq!(right(), 2);
        // What is added is not halved with what is old.
        label();
        assert_eq!(right(), 18);
        pass(RecordHalving::get() * 40);
        assert_eq!(right(), 0);
    });
}

#[test]
fn a_gate_lets_in_whose_record_is_good_enough() {
    build_and_execute(|| {
        domain_of_the_requester();
        let (alice, bob) = (account("alice"), account("bob"));
        for _ in 0..2 {
            let deal = Deal::with(in_domain(0), 4);
            deal.label(&alice, 4, says::truth(&alice, u32::MAX));
            deal.finish();
        }
        let (_, _, bound) = LabelBounties::record(0, alice.clone());
        let gated = |bound| {
            let terms = CampaignTerms {
                gate: Gate::Domain { id: 0, bound },
                ..binary(8, 4)
            };
            Deal::with(terms, 4).id
        };
        let (just, above) = (gated(bound), gated(bound + 1));
        assert_ok!(LabelBounties::request_pages(signed(&alice), just, 1, None));
        assert_noop!(
            LabelBounties::request_pages(signed(&alice), above, 1, None),
            E::RecordTooLow
        );
        assert_noop!(
            LabelBounties::request_pages(signed(&bob), just, 1, None),
            E::RecordTooLow
        );
    });
}
