//! Every row of the money table, to the last unit.

use crate::{mock::*, *};
use frame_support::{
    assert_ok,
    traits::{
        fungible::Mutate,
        tokens::{Fortitude, Precision, Preservation},
    },
};
use sp_runtime::Permill;

/// Most pay 12, price 10: what the tests below count with.
fn dear(policy: Policy) -> JobTerms {
    JobTerms {
        max_pay: 12 * AUR,
        ..terms(policy)
    }
}

fn claimed(policy: Policy, kinds: &[u8]) -> (athanor_primitives::JobId, Vec<AccountId>) {
    let (id, keys) = create_and_draw(dear(policy));
    keys.iter()
        .zip(kinds)
        .for_each(|(key, kind)| commit(id, key, *kind));
    run_to(job(id).deadline + 1);
    keys.iter()
        .zip(kinds)
        .for_each(|(key, kind)| reveal(id, key, *kind));
    (id, keys)
}

const TREASURY: Balance = AUR;
const NET: Balance = 98 * AUR / 10;
const FEE: Balance = 2 * AUR / 10;

fn provider_total(key: &AccountId) -> Balance {
    total(&owner_of(key))
}

#[test]
fn accepted_pays_the_provider_less_the_fee_and_returns_the_rest() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(dear(OPTIMISTIC));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        assert_eq!(free(&requester()), 9_988 * AUR);
        finish(id);
        assert_eq!(total(&requester()), 9_990 * AUR);
        assert_eq!(free(&requester()), 9_990 * AUR);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR + NET);
        assert_eq!(free(&treasury()), TREASURY + FEE);
    });
}

#[test]
fn rounding_goes_to_the_treasury() {
    build_and_execute(|| {
        providers(1, 10 * AUR + 1);
        let (id, keys) = create_and_draw(dear(OPTIMISTIC));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        finish(id);
        assert_eq!(free(&treasury()), TREASURY + FEE + 1);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR + NET);
    });
}

#[test]
fn a_settlement_fills_the_worker_key_up_to_the_float_first() {
    build_and_execute(|| {
        WorkerFloat::set(3 * AUR);
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(dear(OPTIMISTIC));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        finish(id);
        assert_eq!(free(&keys[0]), 3 * AUR);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR + NET - 2 * AUR);
    });
}

#[test]
fn a_float_larger_than_the_pay_takes_all_of_it() {
    build_and_execute(|| {
        WorkerFloat::set(300 * AUR);
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(dear(OPTIMISTIC));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        finish(id);
        assert_eq!(free(&keys[0]), AUR + NET);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR);
    });
}

#[test]
fn a_worker_account_too_small_to_exist_leaves_the_pay_to_the_provider() {
    build_and_execute(|| {
        // A run for less than the existential deposit, and a worker key without account.
        providers(1, ED / 2);
        let (id, keys) = create_and_draw(dear(OPTIMISTIC));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        let to = signed(&keys[0]);
        assert_ok!(Balances::transfer_all(to, bystander(), false));
        assert_eq!(total(&keys[0]), 0);
        finish(id);
        assert_eq!(total(&keys[0]), 0);
        let fee = Permill::from_percent(2).mul_ceil(ED / 2);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR + ED / 2 - fee);
    });
}

#[test]
fn a_treasury_that_cannot_take_a_fee_leaves_it_with_its_owner() {
    new_test_ext().execute_with(|| {
        providers(1, ED);
        assert_ok!(Balances::burn_from(
            &treasury(),
            AUR,
            Preservation::Expendable,
            Precision::Exact,
            Fortitude::Force
        ));
        let issued = Balances::total_issuance();
        let (id, keys) = create_and_draw(dear(OPTIMISTIC));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        finish(id);
        let fee = Permill::from_percent(2).mul_ceil(ED);
        assert_eq!(free(&requester()), 10_000 * AUR - ED + fee);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR + ED - fee);
        assert!(events().contains(&Event::PaymentDiverted {
            intended: treasury(),
            amount: fee
        }));
        assert_eq!(Balances::total_issuance(), issued);
        check();
    });
}

#[test]
fn a_poker_who_cannot_take_the_reward_leaves_it_to_the_treasury() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let id = create(JobTerms {
            tip: ED / 2,
            ..dear(OPTIMISTIC)
        });
        crawl_to(System::block_number() + 4);
        assert_ok!(ComputeJobs::poke(signed(&nth("nobody", 0)), id));
        assert_eq!(free(&treasury()), TREASURY + ED / 2);
    });
}

#[test]
fn outvoted_loses_all_of_it_to_requester_and_treasury_never_to_the_majority() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = claimed(TWO_OF_THREE, &[0, 0, 1]);
        finish(id);
        // Collateral 50. 20 % of the budget are 7.2, of the collateral 10.
        let compensation = 72 * AUR / 10;
        assert_eq!(provider_total(&keys[2]), 9_950 * AUR);
        for key in &keys[..2] {
            assert_eq!(provider_total(key), 10_000 * AUR + NET);
        }
        assert_eq!(free(&requester()), 9_980 * AUR + compensation);
        assert_eq!(
            free(&treasury()),
            TREASURY + 2 * FEE + 50 * AUR - compensation
        );
    });
}

#[test]
fn no_reveal_loses_all_of_it() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(dear(TWO_OF_THREE));
        keys.iter().for_each(|key| commit(id, key, 0));
        run_to(job(id).deadline + 1);
        keys[..2].iter().for_each(|key| reveal(id, key, 0));
        run_to(job(id).deadline + 1);
        // Locked until the end, then shared out.
        assert_eq!(
            Providers::<Test>::get(owner_of(&keys[2])).unwrap().locked,
            50 * AUR
        );
        check();
        finish(id);
        let compensation = 72 * AUR / 10;
        assert_eq!(provider_total(&keys[2]), 9_950 * AUR);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR + NET);
        assert_eq!(free(&requester()), 9_980 * AUR + compensation);
        assert_eq!(
            free(&treasury()),
            TREASURY + 2 * FEE + 50 * AUR - compensation
        );
    });
}

#[test]
fn of_a_failed_job_standing_replicas_are_paid_from_what_others_lost() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(dear(TWO_OF_THREE));
        keys.iter().for_each(|key| commit(id, key, 0));
        run_to(job(id).deadline + 1);
        reveal(id, &keys[0], 0);
        finish(id);
        // Two of three did not reveal: 100 lost. The compensation is 7.2 in all.
        let compensation = 72 * AUR / 10;
        assert_eq!(free(&requester()), 10_000 * AUR + compensation);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR + NET);
        assert_eq!(provider_total(&keys[1]), 9_950 * AUR);
        assert_eq!(provider_total(&keys[2]), 9_950 * AUR);
        assert_eq!(
            free(&treasury()),
            TREASURY + 100 * AUR - compensation - 10 * AUR + FEE
        );
    });
}

#[test]
fn a_failed_jobs_disagreeing_replicas_are_all_paid_from_a_strike_in_proportion() {
    build_and_execute(|| {
        // The struck one is cheap: its collateral does not cover the others' pay.
        providers(2, 10 * AUR);
        let who = signed(&provider(2));
        try_register(who.clone(), worker(2), Default::default()).unwrap();
        ComputeJobs::set_offer(who, offer(AUR / 5)).unwrap();
        run_to(3);
        let policy = Policy::Replicated {
            n: 3,
            quorum: 2,
            window: 100,
        };
        let (id, keys) = create_and_draw(dear(policy));
        let cheap = keys.iter().position(|key| index_of(key) == 2).unwrap();
        for (seat, key) in keys.iter().enumerate() {
            commit(id, key, seat as u8);
        }
        run_to(job(id).deadline + 1);
        for (seat, key) in keys.iter().enumerate().filter(|(seat, _)| *seat != cheap) {
            reveal(id, key, seat as u8);
        }
        finish(id);
        // 1 AUR lost, a fifth of it to the requester; 0.8 shared by 10 to 10.
        assert_eq!(provider_total(&worker(2)), 9_999 * AUR);
        assert_eq!(free(&requester()), 10_000 * AUR + AUR / 5);
        let share = 4 * AUR / 10;
        let fee = Permill::from_percent(2).mul_ceil(share);
        for i in 0..2 {
            assert_eq!(provider_total(&worker(i)), 10_000 * AUR + share - fee);
        }
        assert_eq!(free(&treasury()), TREASURY + 2 * fee);
    });
}

#[test]
fn late_costs_a_tenth_of_the_collateral_which_the_treasury_gets() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(dear(OPTIMISTIC));
        accept(id, &keys[0]);
        run_to(job(id).deadline + 1);
        assert_eq!(Jobs::<Test>::get(id), None);
        assert_eq!(provider_total(&keys[0]), 9_995 * AUR);
        assert_eq!(free(&treasury()), TREASURY + 5 * AUR);
        assert_eq!(free(&requester()), 10_000 * AUR);
    });
}

#[test]
fn late_of_a_job_that_settles_returns_its_pay_to_the_requester() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(dear(TWO_OF_THREE));
        keys.iter().for_each(|key| accept(id, key));
        keys[..2].iter().for_each(|key| commit(id, key, 0));
        run_to(job(id).deadline + 1);
        run_to(job(id).deadline + 1);
        keys[..2].iter().for_each(|key| reveal(id, key, 0));
        finish(id);
        assert_eq!(free(&requester()), 9_980 * AUR);
        assert_eq!(free(&treasury()), TREASURY + 5 * AUR + 2 * FEE);
    });
}

#[test]
fn collateral_is_the_largest_of_three() {
    build_and_execute(|| {
        providers(1, AUR / 100);
        let (id, _) = create_and_draw(dear(OPTIMISTIC));
        assert_eq!(job(id).replicas[0].collateral, AUR);
        let (id, _) = create_and_draw(JobTerms {
            min_collateral: 77 * AUR,
            ..dear(OPTIMISTIC)
        });
        assert_eq!(job(id).replicas[0].collateral, 77 * AUR);
        assert_ok!(ComputeJobs::set_offer(
            signed(&provider(0)),
            offer(12 * AUR)
        ));
        run_to(System::block_number() + 1);
        let (id, _) = create_and_draw(dear(OPTIMISTIC));
        assert_eq!(job(id).replicas[0].collateral, 60 * AUR);
    });
}

#[test]
fn audits_raise_the_collateral_to_what_makes_lying_a_loss() {
    let factor = |audit| Policy::Optimistic { window: 0, audit }.collateral_factor();
    assert_eq!([0, 4, 8, 16, 32, 64].map(factor), [5, 107, 54, 27, 14, 7]);
    assert_eq!(TWO_OF_THREE.collateral_factor(), 5);
}

#[test]
fn a_frozen_balance_does_not_stop_a_payment() {
    use frame_support::traits::{LockableCurrency, WithdrawReasons};
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(dear(OPTIMISTIC));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        let all = WithdrawReasons::all();
        Balances::set_lock(*b"anything", &requester(), Balance::MAX, all);
        finish(id);
        assert_eq!(provider_total(&keys[0]), 10_000 * AUR + NET);
    });
}
