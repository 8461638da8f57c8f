//! View functions.

use crate::{mock::*, *};
use athanor_primitives::{Duty, JobId};
use frame_support::assert_ok;

fn duty(key: &AccountId) -> Option<(Duty, u32)> {
    ComputeJobs::work(key.clone(), 16)
        .first()
        .map(|ticket| (ticket.duty, ticket.deadline))
}

#[test]
fn tickets_follow_the_state_of_a_replicated_job() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        assert_eq!(duty(&worker(0)), None);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        let key = &keys[0];
        let tickets = ComputeJobs::work(key.clone(), 16);
        assert_eq!(tickets.len(), 1);
        let ticket = &tickets[0];
        assert_eq!((ticket.job, ticket.model, ticket.batch), (id, MODEL, 1));
        assert_eq!((ticket.input_root, ticket.program_hash), ([3; 32], [7; 32]));
        assert_eq!(ticket.weights, vec![[8; 32]]);
        assert_eq!(duty(key), Some((Duty::Accept, job(id).deadline)));
        accept(id, key);
        assert_eq!(duty(key), Some((Duty::Commit, job(id).deadline)));
        accept(id, &keys[1]);
        accept(id, &keys[2]);
        assert_eq!(duty(key), Some((Duty::Commit, job(id).deadline)));
        commit(id, key, 0);
        assert_eq!(duty(key), Some((Duty::Wait, job(id).deadline)));
        commit(id, &keys[1], 0);
        commit(id, &keys[2], 0);
        assert_eq!(duty(key), Some((Duty::Wait, job(id).deadline)));
        // One block before the deadline the next block's reveal is in time.
        crawl_to(job(id).deadline - 1);
        assert_eq!(duty(key).unwrap().0, Duty::Reveal);
        run_to(job(id).deadline + 1);
        assert_eq!(duty(key), Some((Duty::Reveal, job(id).deadline)));
        reveal(id, key, 0);
        assert_eq!(duty(key).unwrap().0, Duty::Wait);
        reveal(id, &keys[1], 0);
        reveal(id, &keys[2], 0);
        assert_eq!(duty(key).unwrap().0, Duty::Wait);
        finish(id);
        assert_eq!(duty(key), None);
    });
}

#[test]
fn the_only_replica_of_an_unaudited_job_reveals_at_once() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        assert_eq!(duty(&keys[0]).unwrap().0, Duty::Accept);
        accept(id, &keys[0]);
        assert_eq!(duty(&keys[0]).unwrap().0, Duty::RevealAtOnce);
        reveal(id, &keys[0], 0);
        assert_eq!(duty(&keys[0]).unwrap().0, Duty::Wait);
    });
}

#[test]
fn what_is_too_late_is_no_duty() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        crawl_to(job(id).deadline - 1);
        assert_eq!(duty(&keys[0]).unwrap().0, Duty::Wait);
    });
}

/// Jobs of the first worker's tickets, in order.
fn order(limit: u32) -> Vec<JobId> {
    ComputeJobs::work(worker(0), limit)
        .into_iter()
        .map(|ticket| ticket.job)
        .collect()
}

#[test]
fn what_is_slashed_comes_before_what_may_be_missed_and_then_the_earliest_deadline() {
    build_and_execute(|| {
        providers(1, AUR);
        let (first, _) = create_and_draw(terms(OPTIMISTIC));
        let (second, _) = create_and_draw(terms(OPTIMISTIC));
        let (third, _) = create_and_draw(terms(OPTIMISTIC));
        assert_eq!(order(16), [first, second, third]);
        run_to(job(first).deadline - 5);
        accept(third, &worker(0));
        assert_eq!(duty(&worker(0)).unwrap().0, Duty::RevealAtOnce);
        assert!(job(third).deadline > job(second).deadline);
        assert_eq!(order(16), [third, first, second]);
        assert_eq!(order(1), [third]);
        assert!(order(0).is_empty());
        // An earlier deadline among equals.
        accept(second, &worker(0));
        accept(first, &worker(0));
        assert_eq!(order(16), [first, second, third]);
    });
}

#[test]
fn what_waits_comes_last() {
    build_and_execute(|| {
        providers(1, AUR);
        let (waiting, _) = create_and_draw(terms(OPTIMISTIC));
        accept(waiting, &worker(0));
        reveal(waiting, &worker(0), 0);
        run_to(job(waiting).deadline - 10);
        let (due, _) = create_and_draw(terms(OPTIMISTIC));
        assert!(job(due).deadline > job(waiting).deadline);
        assert_eq!(order(16), [due, waiting]);
        assert_eq!(order(1), [due]);
    });
}

#[test]
fn a_job_is_seen_with_its_claims() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        assert_eq!(ComputeJobs::job(0), None);
        let (id, _) = to_claimed(TWO_OF_THREE, &[0, 1, 0]);
        let view = ComputeJobs::job(id).unwrap();
        assert_eq!((view.id, view.due), (id, job(id).deadline));
        let mut roots: Vec<_> = view.claims.iter().map(|claim| claim.trace_root).collect();
        roots.sort();
        let mut expected = [root_of(0), root_of(1)];
        expected.sort();
        assert_eq!(roots, expected);
        let honest = view
            .claims
            .iter()
            .find(|claim| claim.trace_root == root_of(0))
            .unwrap();
        assert_eq!(honest.output_root, trace(0)[2]);
    });
}

#[test]
fn providers_and_offers_are_seen_with_what_is_free() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        assert_eq!(ComputeJobs::provider(bystander()), None);
        let (_, keys) = create_and_draw(terms(OPTIMISTIC));
        let view = ComputeJobs::provider(owner_of(&keys[0])).unwrap();
        assert_eq!((view.free, view.reputation), (950 * AUR, 4));
        assert_ok!(ComputeJobs::pause(signed(&owner_of(&keys[0]))));
        let offers = ComputeJobs::offers();
        assert_eq!(offers.len(), 2);
        for offer in offers {
            let busy = offer.provider == owner_of(&keys[0]);
            assert_eq!(
                (offer.live, offer.free_slots),
                (!busy, if busy { 3 } else { 4 })
            );
        }
    });
}

#[test]
fn a_quote_says_what_is_held_and_who_would_take_it() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let cheap = OfferTerms {
            rates: Rates {
                macs: 2 * AUR,
                ..Rates::default()
            },
            ..offer(1)
        };
        assert_ok!(ComputeJobs::set_offer(signed(&provider(1)), cheap));
        let quote = |batch, max_pay| {
            ComputeJobs::quote(QuoteTerms {
                batch,
                max_pay,
                tip: AUR,
                keep_receipt: true,
                ..quote_terms(TWO_OF_THREE)
            })
        };
        let view = quote(1, 10 * AUR).unwrap();
        assert_eq!((view.held, view.deposit), (31 * AUR, AUR / 10));
        assert_eq!(view.cheapest, [2 * AUR, 10 * AUR, 10 * AUR]);
        assert_eq!(
            (view.eligible, view.input_len, view.output_len),
            (3, 64, 64)
        );
        assert_eq!(view.units, 5);
        assert_eq!(quote(1, 9 * AUR).unwrap().cheapest, [2 * AUR]);
        assert_eq!(quote(0, AUR), None);
        assert_eq!(quote(1, Balance::MAX), None);
        let audited = Policy::Optimistic {
            window: 100,
            audit: 16,
        };
        let view = ComputeJobs::quote(QuoteTerms {
            max_pay: AUR,
            tip: 7,
            ..quote_terms(audited)
        });
        assert_eq!(view.unwrap().held, AUR + AUR / 16 + 7);
    });
}

fn quote_terms(policy: Policy) -> QuoteTerms {
    QuoteTerms {
        model: MODEL,
        batch: 1,
        policy,
        max_pay: 10 * AUR,
        max_wait: None,
        min_collateral: 0,
        tip: 0,
        keep_receipt: false,
    }
}

#[test]
fn a_quote_counts_offers_that_can_lock_the_collateral_asked_for() {
    build_and_execute(|| {
        providers(3, AUR);
        let careful = OfferTerms {
            max_collateral: 20 * AUR,
            ..offer(AUR)
        };
        assert_ok!(ComputeJobs::set_offer(signed(&provider(1)), careful));
        let eligible = |min_collateral| {
            let terms = QuoteTerms {
                min_collateral,
                ..quote_terms(OPTIMISTIC)
            };
            ComputeJobs::quote(terms).unwrap().eligible
        };
        assert_eq!(eligible(0), 3);
        assert_eq!(eligible(20 * AUR), 3);
        assert_eq!(eligible(20 * AUR + 1), 2);
        // No bond is larger.
        assert_eq!(eligible(1_000 * AUR), 2);
        assert_eq!(eligible(1_000 * AUR + 1), 0);
    });
}

#[test]
fn a_quote_counts_offers_that_are_done_within_the_wait_asked_for() {
    build_and_execute(|| {
        providers(3, AUR);
        // A run of a hundred blocks of 3 s: 20 and four times that to work in.
        let slow = OfferTerms {
            times: Times {
                macs: 300_000_000_000,
                ..Times::default()
            },
            ..offer(AUR)
        };
        assert_ok!(ComputeJobs::set_offer(signed(&provider(1)), slow));
        let quote = |max_wait| {
            ComputeJobs::quote(QuoteTerms {
                max_wait,
                ..quote_terms(OPTIMISTIC)
            })
        };
        let eligible = |max_wait| quote(Some(max_wait)).unwrap().eligible;
        assert_eq!(eligible(420), 3);
        assert_eq!(eligible(419), 2);
        assert_eq!(eligible(1_000), 3);
        assert_eq!(quote(None), quote(Some(1_000)));
        // Waits that `create_job` refuses.
        assert_eq!(quote(Some(19)), None);
        assert_eq!(quote(Some(1_001)), None);
    });
}
