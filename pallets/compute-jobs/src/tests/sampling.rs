//! The whole pallet's draws, thousands of them, against shares worked out by hand.
//! Every critical value of chi-square here is exceeded once in a thousand: seeds are
//! fixed, so a failure is a change in the draw, and no accident.

use crate::{mock::*, *};
use athanor_primitives::JobId;
use frame_support::{
    assert_ok,
    storage::{with_transaction, TransactionOutcome},
};
use sp_runtime::DispatchError;

/// Sum of `(seen − expected)² / expected`.
fn chi_square(seen: &[u32], shares: &[f64]) -> f64 {
    assert_eq!(seen.len(), shares.len());
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    let all = f64::from(seen.iter().sum::<u32>());
    seen.iter()
        .zip(shares)
        .map(|(seen, share)| (f64::from(*seen) - all * share).powi(2) / (all * share))
        .sum()
}

/// What `f` gives for job `id`, with nothing of it left in state.
fn imagine<R>(id: JobId, f: impl FnOnce(JobId) -> R) -> R {
    let mut result = None;
    let undone: Result<(), DispatchError> = with_transaction(|| {
        NextJobId::<Test>::put(id);
        System::reset_events();
        result = Some(f(id));
        TransactionOutcome::Rollback(Ok(()))
    });
    undone.unwrap();
    result.unwrap()
}

fn drawn(id: JobId, terms: JobTerms) -> Vec<u32> {
    imagine(id, |id| {
        create(terms);
        crawl_to(System::block_number() + 4);
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        workers(id).iter().map(index_of).collect()
    })
}

/// Five providers and what each weighs in a draw for at most 10 AUR:
/// `min(free slots, bond / C, 8) × reputation × q²`.
fn five() -> [u32; 5] {
    providers(5, 10 * AUR);
    let set = |i: u32, terms| {
        assert_ok!(ComputeJobs::set_offer(signed(&provider(i)), terms));
    };
    // Slots alone: 1 of them. 1 × 4 × 4².
    set(
        0,
        OfferTerms {
            slots: 1,
            ..offer(10 * AUR)
        },
    );
    // 4 slots. 4 × 4 × 4².
    set(1, offer(10 * AUR));
    // Half the price, one slot: q = 8. 1 × 4 × 8².
    set(
        2,
        OfferTerms {
            slots: 1,
            ..offer(5 * AUR)
        },
    );
    // Many slots, and a bond of 100 at a collateral of 50: 2 × 4 × 4².
    let poor = signed(&provider(3));
    assert_ok!(ComputeJobs::deregister(poor.clone()));
    crawl_to(System::block_number() + 200);
    assert_ok!(ComputeJobs::withdraw(poor.clone(), provider(3)));
    assert_ok!(try_register(poor, worker(3), Default::default()));
    set(
        3,
        OfferTerms {
            slots: 64,
            ..offer(10 * AUR)
        },
    );
    // Fees of 3.1 units, a little more than two doublings: reputation 12. 1 × 12 × 4².
    let now = System::block_number();
    Providers::<Test>::mutate(provider(4), |record| {
        let record = record.as_mut().unwrap();
        record.fees = 31 * AUR / 1_000;
        record.fees_at = now;
    });
    set(
        4,
        OfferTerms {
            slots: 1,
            ..offer(10 * AUR)
        },
    );
    run_to(System::block_number() + 1);
    [64, 256, 256, 128, 192]
}

#[test]
fn a_single_draw_is_proportional_to_weight() {
    build_and_execute(|| {
        let weights = five();
        let mut seen = [0u32; 5];
        for id in 0..6_000 {
            let winners = drawn(id, terms(OPTIMISTIC));
            assert_eq!(winners.len(), 1);
            seen[winners[0] as usize] += 1;
        }
        let total = f64::from(weights.iter().sum::<u32>());
        let chi = chi_square(&seen, &weights.map(|weight| f64::from(weight) / total));
        assert!(chi < 18.47, "4 degrees of freedom: {chi}, {seen:?}");
    });
}

/// Chance of each set of three, over all orders of drawing it without replacement.
fn sets_of_three(weights: &[u32; 5]) -> Vec<([u32; 3], f64)> {
    let w = |i: usize| f64::from(weights[i]);
    let total: f64 = (0..5).map(w).sum();
    let mut sets: Vec<([u32; 3], f64)> = Vec::new();
    for (a, b, c) in (0..125).map(|n| (n / 25, n / 5 % 5, n % 5)) {
        if a == b || b == c || a == c {
            continue;
        }
        let chance = w(a) / total * w(b) / (total - w(a)) * w(c) / (total - w(a) - w(b));
        let mut set = [a as u32, b as u32, c as u32];
        set.sort_unstable();
        match sets.iter_mut().find(|(other, _)| *other == set) {
            Some((_, sum)) => *sum += chance,
            None => sets.push((set, chance)),
        }
    }
    sets
}

#[test]
fn a_draw_of_three_is_proportional_without_replacement() {
    build_and_execute(|| {
        let sets = sets_of_three(&five());
        assert_eq!(sets.len(), 10);
        let mut seen = [0u32; 10];
        for id in 0..6_000 {
            let mut winners = drawn(id, terms(TWO_OF_THREE));
            winners.sort_unstable();
            let set = sets
                .iter()
                .position(|(set, _)| winners == *set)
                .expect("three different ones");
            seen[set] += 1;
        }
        let shares: Vec<_> = sets.iter().map(|(_, share)| *share).collect();
        let chi = chi_square(&seen, &shares);
        assert!(chi < 27.88, "9 degrees of freedom: {chi}, {seen:?}");
    });
}

#[test]
fn a_redraw_is_proportional_among_those_left() {
    build_and_execute(|| {
        let weights = five();
        let mut seen = [[0u32; 5]; 5];
        for id in 0..6_000 {
            let (first, second) = imagine(id, |id| {
                create(terms(OPTIMISTIC));
                crawl_to(System::block_number() + 4);
                assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
                let first = index_of(&workers(id)[0]);
                crawl_to(job(id).deadline);
                assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
                crawl_to(System::block_number() + 4);
                assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
                (first, index_of(&workers(id)[0]))
            });
            seen[first as usize][second as usize] += 1;
        }
        compare_second_draws(&weights, &seen);
    });
}

/// Shares of who comes second, given who came first: each in proportion among the other
/// four. 3 degrees of freedom for each of five firsts.
fn compare_second_draws(weights: &[u32; 5], seen: &[[u32; 5]; 5]) {
    let mut chi = 0.0;
    for (first, seconds) in seen.iter().enumerate() {
        assert_eq!(seconds[first], 0, "one owner has two parts in a job");
        let others: Vec<usize> = (0..5).filter(|i| *i != first).collect();
        let total: f64 = others.iter().map(|i| f64::from(weights[*i])).sum();
        let shares: Vec<_> = others
            .iter()
            .map(|i| f64::from(weights[*i]) / total)
            .collect();
        let counts: Vec<_> = others.iter().map(|i| seconds[*i]).collect();
        assert!(counts.iter().sum::<u32>() > 30, "too few to compare");
        chi += chi_square(&counts, &shares);
    }
    assert!(chi < 37.70, "15 degrees of freedom: {chi}, {seen:?}");
}

/// Whether a job has an auditor, and who its claimant and auditor are.
fn audit_of(id: JobId, audit: u8) -> (u32, Option<u32>) {
    audit_after(id, audit, |_| ())
}

/// The same with something done while the audit's seed is known and its draw still due.
fn audit_after(id: JobId, audit: u8, meanwhile: impl FnOnce(u32)) -> (u32, Option<u32>) {
    imagine(id, |id| {
        create(terms(Policy::Optimistic { window: 100, audit }));
        crawl_to(System::block_number() + 4);
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        let claimant = workers(id)[0].clone();
        commit(id, &claimant, 0);
        crawl_to(job(id).deadline);
        meanwhile(index_of(&claimant));
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        let auditor = job(id).auditor().map(|replica| index_of(&replica.worker));
        (index_of(&claimant), auditor)
    })
}

#[test]
fn audits_come_as_often_as_was_paid_for() {
    for audit in [4u8, 8, 16, 32, 64] {
        build_and_execute(|| {
            providers(3, AUR);
            fill_pot();
            let mut seen = [0u32; 2];
            for id in 0..3_000 {
                seen[usize::from(audit_of(id, audit).1.is_some())] += 1;
            }
            let share = f64::from(audit) / 256.0;
            let chi = chi_square(&seen, &[1.0 - share, share]);
            assert!(
                chi < 10.83,
                "1 degree of freedom at {audit}: {chi}, {seen:?}"
            );
        });
    }
}

fn fill_pot() {
    assert_ok!(Balances::transfer_allow_death(
        signed(&bystander()),
        pot(),
        1_000 * AUR
    ));
}

#[test]
fn auditors_are_drawn_in_proportion_among_the_others() {
    build_and_execute(|| {
        let [a, b, c, _, e] = five();
        // C is 7 times the pay here, not 5: a bond of 100 covers one, not two.
        let weights = [a, b, c, 64, e];
        fill_pot();
        let mut seen = [[0u32; 5]; 5];
        for id in 0..16_000 {
            if let (claimant, Some(auditor)) = audit_of(id, 64) {
                seen[claimant as usize][auditor as usize] += 1;
            }
        }
        compare_second_draws(&weights, &seen);
    });
}

#[test]
fn an_audit_is_independent_of_who_is_audited() {
    build_and_execute(|| {
        five();
        fill_pot();
        let mut seen = [[0u32; 2]; 5];
        for id in 0..8_000 {
            let (claimant, auditor) = audit_of(id, 64);
            seen[claimant as usize][usize::from(auditor.is_some())] += 1;
        }
        let chi: f64 = seen
            .iter()
            .map(|counts| chi_square(counts, &[0.75, 0.25]))
            .sum();
        assert!(chi < 20.52, "5 degrees of freedom: {chi}, {seen:?}");
    });
}

#[test]
fn slots_or_prices_invented_to_win_draws() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        let set = |i: u32, terms| {
            assert_ok!(ComputeJobs::set_offer(signed(&provider(i)), terms));
        };
        set(
            0,
            OfferTerms {
                slots: 1,
                ..offer(10 * AUR)
            },
        );
        // As many slots as there may be, for nothing: 8 × 16 times the weight, whatever
        // the bond would cover.
        set(
            1,
            OfferTerms {
                slots: 64,
                ..offer(0)
            },
        );
        run_to(System::block_number() + 1);
        let mut seen = [0u32; 2];
        for id in 0..6_000 {
            seen[drawn(id, terms(OPTIMISTIC))[0] as usize] += 1;
        }
        let chi = chi_square(&seen, &[1.0 / 129.0, 128.0 / 129.0]);
        assert!(chi < 10.83, "1 degree of freedom: {chi}, {seen:?}");
    });
}

#[test]
fn poke_timed_for_an_audits_seed() {
    build_and_execute(|| {
        five();
        fill_pot();
        let mut audits = 0;
        for id in 0..200 {
            let at_once = audit_of(id, 64);
            let later = audit_after(id, 64, |_| crawl_to(System::block_number() + 300));
            assert_eq!(at_once, later);
            audits += usize::from(at_once.1.is_some());
        }
        assert!(audits > 20);
    });
}

#[test]
fn offer_changed_after_the_audits_seed_is_known() {
    build_and_execute(|| {
        five();
        fill_pot();
        let mut audits = [0, 0];
        for id in 0..200 {
            let (claimant, before) = audit_of(id, 64);
            let stays = (claimant + 1) % 5;
            // Whatever could raise a chance takes the offer out.
            let (_, after) = audit_after(id, 64, |claimant| {
                for i in (0..5).filter(|i| *i != claimant && *i != (claimant + 1) % 5) {
                    let who = signed(&provider(i));
                    if i % 2 == 0 {
                        assert_ok!(ComputeJobs::set_offer(who, offer(AUR)));
                    } else {
                        assert_ok!(ComputeJobs::add_bond(who, AUR));
                    }
                }
            });
            assert_eq!(before.is_some(), after.is_some());
            assert!(after.is_none_or(|auditor| auditor == stays));
            audits[0] += usize::from(before.is_some());
            audits[1] += usize::from(before == Some(stays));
        }
        assert!(audits[0] > audits[1] && audits[1] > 0, "{audits:?}");
    });
}
