//! The attacks of the design's list that need no jury and no text. Pages that are huge, missing
//! or full of escapes are the client's to refuse; what that costs a worker is tested here.

use super::crowd::*;
use crate::{
    mock::{self, *},
    *,
};
use athanor_label_math::{pack_answer, Answer, LabelType, Span};
use athanor_primitives::labels::{
    commit_text, request_text, skip_text, voucher_text, BatchId, BatchState, CampaignTerms, Gate,
    Refusal, Voucher,
};
use frame_support::{assert_noop, assert_ok};
use sp_core::Pair;
use sp_runtime::{
    transaction_validity::{TransactionValidityError, ValidTransaction},
    MultiSignature,
};

type E = Error<Test>;

fn named(kind: &str, count: usize) -> Vec<AccountId> {
    (0..count).map(|i| account(&format!("{kind}{i}"))).collect()
}

fn sign(name: &str, text: &[u8]) -> Option<MultiSignature> {
    Some(pair(name).sign(text).into())
}

fn authorise(call: Call<Test>) -> Result<ValidTransaction, TransactionValidityError> {
    mock::authorise(&call.into())
}

fn refusal(call: Call<Test>) -> Refusal {
    mock::refusal(&call.into()).expect("a call that is refused")
}

/// Dispatches a call the pool let through.
fn dispatch_authorised(call: Call<Test>) {
    assert_ok!(authorise(call.clone()));
    assert_ok!(mock::dispatch_authorised(call.into()));
}

fn commit_call(deal: &Deal, name: &str, page: u32, sheet: &[u8]) -> Call<Test> {
    let who = account(name);
    let hash = deal.hash(&who, page, sheet);
    let text = commit_text(
        &LabelBounties::genesis(),
        deal.id,
        page,
        &who.clone().into(),
        &hash,
        None,
    );
    Call::commit {
        batch: deal.id,
        page,
        worker: who,
        hash,
        sealed: None,
        signature: sign(name, &text),
    }
}

fn sheet(deal: &Deal, page: u32) -> Vec<u8> {
    sheet_of(&deal.terms.label, &deal.made[page as usize].truth)
}

/// Two pages that every worker gets both of.
fn two_pages() -> Deal {
    Deal::with(binary(8, 4), 2)
}

/// A crowd on pages of sixteen tasks with four gold: `honest` workers and others of one kind,
/// four pages each. Gives the deal, paid, and both groups.
fn crowd<F: Fn(&Made, usize) -> u32>(
    honest: usize,
    others: usize,
    says_other: impl Fn(&AccountId) -> F,
) -> (Deal, Vec<AccountId>, Vec<AccountId>) {
    let pages = ((honest + others) * 4).div_ceil(5) as u32;
    let deal = Deal::with(binary(16, 4), pages);
    let (good, bad) = (named("honest", honest), named("other", others));
    for _ in 0..4 {
        for who in &good {
            deal.label(who, 1, says::truth(who, 7));
        }
        for who in &bad {
            deal.label(who, 1, says_other(who));
        }
    }
    deal.finish();
    (deal, good, bad)
}

/// Mean share of the full pay, in basis points.
fn mean_share(deal: &Deal, workers: &[AccountId]) -> u32 {
    let sum: u32 = workers.iter().map(|who| u32::from(deal.share(who))).sum();
    sum / workers.len() as u32
}

/// Pay less stake lost.
fn net(deal: &Deal, workers: &[AccountId]) -> i128 {
    workers
        .iter()
        .map(|who| deal.outcome(who))
        .map(|outcome| outcome.pay as i128 - outcome.stake_lost as i128)
        .sum()
}

// Copying.

#[test]
fn copying_a_commit() {
    build_and_execute(|| {
        let deal = two_pages();
        let (alice, bob) = (account("alice"), account("bob"));
        deal.lease(&alice, 2);
        deal.lease(&bob, 2);
        deal.answer(&alice, 0, &says::truth(&alice, 100));
        let (sheet, salt) = deal.kept.borrow()[&(alice.clone(), 0)].clone();
        let copied = deal.hash(&alice, 0, &sheet);
        assert_ok!(LabelBounties::commit(
            signed(&bob),
            deal.id,
            0,
            bob.clone(),
            copied,
            None,
            None
        ));
        deal.close();
        deal.reveal(&alice, 0);
        // What opens it for its author opens nothing for the copier.
        let opening: Sheet = sheet.try_into().unwrap();
        assert_noop!(
            LabelBounties::reveal(signed(&bob), deal.id, 0, bob.clone(), opening, salt),
            E::HashMismatch
        );
        deal.pay();
        let outcome = deal.outcome(&bob);
        // He also let his lease on the other page run out; the first one is free.
        assert_eq!(
            (outcome.pay, outcome.stake_lost),
            (0, deal.terms.page_stake())
        );
    });
}

#[test]
fn copying_a_sealed_opening() {
    build_and_execute(|| {
        let deal = two_pages();
        for name in ["alice", "bob"] {
            deal.lease(&account(name), 2);
        }
        let sheet = sheet(&deal, 0);
        let sealed: Sealed = vec![5; 100].try_into().unwrap();
        let alice = account("alice");
        let hash = deal.hash(&alice, 0, &sheet);
        let genesis = LabelBounties::genesis();
        let text = |worker: &AccountId| {
            let worker: [u8; 32] = worker.clone().into();
            commit_text(&genesis, deal.id, 0, &worker, &hash, Some(&sealed))
        };
        let call = |worker: &AccountId, sealed: Option<Sealed>, signature| Call::commit {
            batch: deal.id,
            page: 0,
            worker: worker.clone(),
            hash,
            sealed,
            signature,
        };
        let signature = sign("alice", &text(&alice));
        // Nobody can exchange or drop the opening, or take the call for himself.
        for other in [None, Some(vec![6; 100].try_into().unwrap())] {
            assert_eq!(
                refusal(call(&alice, other, signature.clone())),
                Refusal::BadSignature
            );
        }
        let bob = account("bob");
        assert_eq!(
            refusal(call(&bob, Some(sealed.clone()), signature.clone())),
            Refusal::BadSignature
        );
        dispatch_authorised(call(&alice, Some(sealed.clone()), signature));
        // With a signature of his own bob has the requester open what is not his.
        let own = sign("bob", &text(&bob));
        dispatch_authorised(call(&bob, Some(sealed), own));
        deal.close();
        let salt = deal.salt(&alice, 0);
        let opening: Sheet = sheet.try_into().unwrap();
        assert_noop!(
            LabelBounties::reveal(signed(&bob), deal.id, 0, bob.clone(), opening.clone(), salt),
            E::HashMismatch
        );
        assert_ok!(LabelBounties::reveal(
            signed(&deal.requester),
            deal.id,
            0,
            alice,
            opening,
            salt
        ));
    });
}

#[test]
fn copying_a_reveal() {
    build_and_execute(|| {
        let deal = two_pages();
        let (alice, bob) = (account("alice"), account("bob"));
        deal.lease(&alice, 2);
        deal.lease(&bob, 2);
        deal.answer(&alice, 0, &says::truth(&alice, 100));
        deal.answer(&bob, 0, &says::always(0));
        deal.close();
        deal.reveal(&alice, 0);
        let sheet: Sheet = sheet(&deal, 0).try_into().unwrap();
        for salt in [deal.salt(&alice, 0), deal.salt(&bob, 0)] {
            let call = Call::reveal {
                batch: deal.id,
                page: 0,
                worker: bob.clone(),
                sheet: sheet.clone(),
                salt,
            };
            assert_eq!(refusal(call), Refusal::HashMismatch);
        }
        deal.reveal(&bob, 0);
    });
}

#[test]
fn reading_reveals_while_a_joined_batch_is_open() {
    build_and_execute(|| {
        let requester = account("requester");
        let terms = CampaignTerms {
            join_delay: 100,
            ..binary(8, 4)
        };
        let parent = Deal::of(&requester, terms, pages(&terms, 2));
        let child = Deal::in_campaign(
            &requester,
            parent.campaign,
            terms,
            pages(&terms, 2),
            Some(parent.id),
        );
        let (alice, bob) = (account("alice"), account("bob"));
        parent.label(&alice, 2, says::truth(&alice, 100));
        child.label(&bob, 1, says::truth(&bob, 100));
        assert_ok!(LabelBounties::cancel(signed(&requester), parent.id));
        run_blocks(10);
        assert_eq!(parent.state(), BatchState::Open);
        let (sheet, salt) = parent.kept.borrow()[&(alice.clone(), 0)].clone();
        let opening: Sheet = sheet.try_into().unwrap();
        assert_noop!(
            LabelBounties::reveal(signed(&alice), parent.id, 0, alice.clone(), opening, salt),
            E::UnexpectedState
        );
        // Who labels in the parent is not served in the follower.
        assert_noop!(
            LabelBounties::request_pages(signed(&alice), child.id, 1, None),
            E::EnrolledInGroup
        );
        child.close();
        assert_eq!(parent.state(), BatchState::Reveal);
        parent.finish();
        child.finish();
    });
}

// Answers that cost nothing.

#[test]
fn constant_answers() {
    build_and_execute(|| {
        let (deal, honest, others) = crowd(12, 3, |who| {
            says::always(u32::from(*who == account("other0")))
        });
        assert!(mean_share(&deal, &honest) > 8_500);
        assert_eq!(mean_share(&deal, &others), 0);
        assert!(net(&deal, &others) < 0);
    });
}

#[test]
fn random_answers() {
    build_and_execute(|| {
        let (deal, honest, others) = crowd(12, 3, says::random);
        assert!(mean_share(&deal, &honest) > 8_500);
        assert!(mean_share(&deal, &others) < 1_000);
        assert!(net(&deal, &others) < 0);
    });
}

#[test]
fn half_effort_answers() {
    build_and_execute(|| {
        let (deal, honest, others) = crowd(12, 3, says::half);
        let full = mean_share(&deal, &honest);
        let half = mean_share(&deal, &others);
        assert!(full > 8_500);
        assert!(half < 7_000 && half + 2_500 < full);
    });
}

#[test]
fn shared_key_answers() {
    build_and_execute(|| {
        let (deal, honest, others) = crowd(12, 3, |_| says::key(1));
        assert!(mean_share(&deal, &honest) > 8_500);
        assert!(mean_share(&deal, &others) < 2_000);
    });
}

#[test]
fn cheap_signal_answers() {
    build_and_execute(|| {
        // All use a feature of the task that has nothing to do with the answer.
        let (deal, honest, others) =
            crowd(12, 3, |_| |_: &Made, task: usize| (task as u32 / 2) % 2);
        assert!(mean_share(&deal, &honest) > 8_500);
        assert!(mean_share(&deal, &others) < 2_000);
    });
}

#[test]
fn hit_and_run_one_page_accounts() {
    build_and_execute(|| {
        let deal = Deal::with(binary(16, 8), 12);
        let (honest, runners) = (named("honest", 12), named("runner", 12));
        for round in 0..4 {
            for who in &honest {
                deal.label(who, 1, says::truth(who, 7));
            }
            for who in &runners[round * 3..][..3] {
                deal.label(who, 1, says::random(who));
            }
        }
        deal.finish();
        assert!(mean_share(&deal, &honest) > 8_000);
        assert!(mean_share(&deal, &runners) < 2_000);
        assert!(net(&deal, &runners) < deal.terms.page_pay() as i128);
    });
}

// The requester.

/// Money of the requester and friends, free and held.
fn total(who: &[AccountId]) -> Balance {
    who.iter().map(all_money).sum()
}

#[test]
fn requesters_own_workers_filling_a_panel() {
    build_and_execute(|| {
        let own = named("own", 5);
        let mut gang = own.clone();
        gang.push(account("requester"));
        let before = total(&gang);
        let deal = two_pages();
        for who in &own {
            deal.label(who, 2, says::truth(who, 100));
        }
        deal.finish();
        // What comes back is less than what was paid in: fees of every slot are gone.
        let fees = 10 * (deal.fee() + deal.slot_fee() * 3 / 4);
        assert_eq!(deal.share(&own[0]), 10_000);
        assert!(total(&gang) + fees <= before);
    });
}

#[test]
fn requesters_own_workers_sabotaging_a_panel() {
    let end = |own: usize, sabotage: bool| {
        let (mut money, mut shares) = (BatchMoney::default(), 0);
        build_and_execute(|| {
            let deal = two_pages();
            let honest = named("honest", 5 - own);
            for who in &honest {
                deal.label(who, 2, says::truth(who, u32::MAX));
            }
            let own = named("own", own);
            for who in &own {
                if sabotage {
                    deal.label(who, 2, says::opposite());
                } else {
                    deal.label(who, 2, says::truth(who, u32::MAX));
                }
            }
            deal.finish();
            for who in &honest {
                assert_eq!(deal.outcome(who).stake_lost, 0);
            }
            if sabotage {
                assert_eq!(mean_share(&deal, &own), 0);
            }
            shares = mean_share(&deal, &honest);
            money = deal.batch().money;
        });
        (money, shares)
    };
    for own in 1..=3 {
        let (quiet, fair) = end(own, false);
        let (noisy, hurt) = end(own, true);
        // One saboteur's number is dropped, and three leave no agreement to go by but the gold.
        // With two of five it hurts, and not a unit of what is not paid is the requester's.
        assert_eq!(fair, 10_000);
        assert!(hurt == fair || (own == 2 && hurt > 5_000), "{own}: {hurt}");
        assert_eq!(noisy.refunded, quiet.refunded);
        assert!(noisy.treasury > quiet.treasury);
    }
}

#[test]
fn false_gold() {
    build_and_execute(|| {
        let terms = binary(16, 4);
        // The first gold task of each page has the wrong answer: a quarter.
        let made = pages_with(&terms, 12, |_, task, truth| truth ^ u32::from(task == 0));
        let deal = Deal::of(&account("requester"), terms, made);
        let honest = named("honest", 15);
        for _ in 0..4 {
            for who in &honest {
                deal.label(who, 1, says::truth(who, 7));
            }
        }
        deal.finish();
        assert!(mean_share(&deal, &honest) > 6_500);
        for who in &honest {
            assert_eq!(deal.outcome(who).stake_lost, 0, "of {who}");
        }
        // Everybody sees it.
        let known = Requesters::<Test>::get(&deal.requester);
        assert!(known.gold_contested >= 10 && known.gold_opened == 48);
    });
}

#[test]
fn changed_gold() {
    build_and_execute(|| {
        let deal = two_pages();
        let alice = account("alice");
        deal.label(&alice, 2, says::truth(&alice, 100));
        deal.show();
        let open = |opening: GoldOpening| {
            let openings = vec![opening].try_into().unwrap();
            LabelBounties::open_gold(signed(&deal.requester), deal.id, openings)
        };
        let mut other_answer = deal.opening(0);
        other_answer.entries[0].1 = vec![1].try_into().unwrap();
        assert_noop!(open(other_answer), E::WrongGold);
        let mut other_place = deal.opening(0);
        other_place.entries[3].0 = 7;
        assert_noop!(open(other_place), E::WrongGold);
        let mut other_salt = deal.opening(0);
        other_salt.salt[0] ^= 1;
        assert_noop!(open(other_salt), E::WrongGold);
        let mut other_page = deal.opening(1);
        other_page.page = 0;
        assert_noop!(open(other_page), E::WrongGold);
        let mut other_file = deal.opening(0);
        other_file.content_root[0] ^= 1;
        assert_noop!(open(other_file), E::WrongGold);
        let mut no_path = deal.opening(0);
        no_path.path = Default::default();
        assert_noop!(open(no_path), E::WrongGold);
        // Of several none is opened if one is wrong.
        let mut wrong = deal.opening(1);
        wrong.salt[0] ^= 1;
        let both = vec![deal.opening(0), wrong].try_into().unwrap();
        assert_noop!(
            LabelBounties::open_gold(signed(&deal.requester), deal.id, both),
            E::WrongGold
        );
        assert_ok!(open(deal.opening(0)));
        assert_noop!(open(deal.opening(0)), E::AlreadyOpened);
    });
}

#[test]
fn gold_of_pages_without_an_answer() {
    build_and_execute(|| {
        let deal = Deal::with(binary(8, 4), 3);
        let alice = account("alice");
        let leased = deal.label(&alice, 2, says::truth(&alice, 100));
        let [shown, kept] = leased[..] else {
            panic!("two pages, not {leased:?}")
        };
        let untouched = (0..3).find(|page| !leased.contains(page)).unwrap();
        deal.close();
        deal.reveal(&alice, shown);
        deal.leave(BatchState::Reveal);
        let open = |page| {
            let openings = vec![deal.opening(page)].try_into().unwrap();
            LabelBounties::open_gold(signed(&deal.requester), deal.id, openings)
        };
        for page in [kept, untouched] {
            assert_noop!(open(page), E::NothingRevealed);
        }
        assert_ok!(open(shown));
    });
}

/// Gold that pages were committed to like this is not opened.
fn refuses_gold(change: impl Fn(&mut Made)) {
    let terms = binary(8, 4);
    let mut made = pages(&terms, 2);
    for page in &mut made {
        change(page);
        page.commit_gold();
    }
    let deal = Deal::of(&account("requester"), terms, made);
    let alice = account("alice");
    deal.label(&alice, 2, says::truth(&alice, 100));
    deal.show();
    let openings = vec![deal.opening(0)].try_into().unwrap();
    // The commitment is to these entries, so only their form is wrong.
    assert_noop!(
        LabelBounties::open_gold(signed(&deal.requester), deal.id, openings),
        E::BadGold
    );
}

#[test]
fn too_few_or_repeated_gold_positions() {
    build_and_execute(|| {
        let bad = |positions: &[u8]| {
            refuses_gold(|page| {
                page.gold = positions.iter().map(|at| (*at, vec![at % 2])).collect();
            });
        };
        bad(&[0, 1, 2]);
        bad(&[0, 1, 2, 3, 4]);
        bad(&[0, 1, 1, 2]);
        bad(&[0, 2, 1, 3]);
        bad(&[]);
        // Out of the page's tasks.
        bad(&[0, 1, 2, 8]);
        bad(&[0, 1, 2, 255]);
    });
}

#[test]
fn out_of_range_gold() {
    build_and_execute(|| {
        for answer in [vec![2], vec![255], vec![], vec![0, 0]] {
            refuses_gold(|page| page.gold[3].1 = answer.clone());
        }
    });
}

#[test]
fn unopened_gold() {
    build_and_execute(|| {
        let deal = Deal::with(binary(8, 4), 4);
        let workers = named("honest", 5);
        for who in &workers {
            deal.label(who, 4, says::truth(who, 20));
        }
        deal.show();
        let bond = deal.batch().money.bond;
        assert_eq!(deal.revealed(), [0, 1, 2, 3]);
        deal.open_gold(&[1, 2, 3]);
        let before = deal.batch().money;
        deal.leave(BatchState::Gold);
        deal.pay();
        let after = deal.batch().money;
        let rows = 20 * (deal.terms.page_pay() + deal.fee()) - after.paid;
        // A quarter of the pages stayed shut, hence a quarter of the bond is lost.
        assert_eq!(after.treasury - rows, bond.div_ceil(4));
        assert_eq!(after.refunded - before.refunded, bond - bond.div_ceil(4));
        for who in &workers {
            assert!(deal.share(who) > 8_000);
        }
    });
}

#[test]
fn captured_panel_contesting_gold() {
    build_and_execute(|| {
        let terms = CampaignTerms {
            panel_max: 3,
            ..binary(16, 4)
        };
        let deal = Deal::with(terms, 12);
        let (honest, gang) = (named("honest", 6), named("gang", 3));
        // The gang fills two panels and answers the opposite there, gold too.
        for who in &gang {
            let mut left = 4;
            while left > 0 {
                let new = deal.lease(who, left);
                assert!(!new.is_empty());
                for page in new {
                    deal.answer(who, page, &says::opposite());
                    left -= 1;
                }
            }
        }
        for _ in 0..4 {
            for who in &honest {
                deal.label(who, 1, says::truth(who, 9));
            }
        }
        deal.finish();
        let batch = deal.batch();
        assert!(batch.sums.agreement().unwrap().gold_on);
        // What they contest counts against them.
        assert_eq!(mean_share(&deal, &gang), 0);
        assert!(mean_share(&deal, &honest) > 8_000);
        for who in &honest {
            assert_eq!(deal.outcome(who).stake_lost, 0);
        }
    });
}

#[test]
fn requester_withholding_an_opening() {
    let end = |reveals: bool| {
        let mut money = BatchMoney::default();
        build_and_execute(|| {
            let deal = two_pages();
            let (alice, bob) = (account("alice"), account("bob"));
            for who in [&alice, &bob] {
                deal.label(who, 2, says::truth(who, 100));
            }
            // Bob went away; the requester has his sealed openings.
            deal.show_but(if reveals {
                &[]
            } else {
                std::slice::from_ref(&bob)
            });
            deal.open_gold(&deal.revealed());
            deal.pay();
            money = deal.batch().money;
        });
        money
    };
    let (shown, withheld) = (end(true), end(false));
    assert!(withheld.paid < shown.paid);
    assert_eq!(withheld.refunded, shown.refunded);
    assert!(withheld.treasury > shown.treasury);
}

#[test]
fn cancel_after_seeing_openings() {
    build_and_execute(|| {
        let deal = two_pages();
        let workers = named("honest", 3);
        for who in &workers {
            deal.label(who, 1, says::truth(who, 100));
        }
        let late = account("late");
        let leased = deal.lease(&late, 1);
        assert_ok!(LabelBounties::cancel(signed(&deal.requester), deal.id));
        assert_noop!(
            LabelBounties::cancel(signed(&deal.requester), deal.id),
            E::AlreadyCancelled
        );
        assert_noop!(
            LabelBounties::request_pages(signed(&workers[0]), deal.id, 1, None),
            E::ClosesTooSoon
        );
        // A live lease may finish.
        deal.answer(&late, leased[0], &says::truth(&late, 100));
        deal.finish();
        for who in workers.iter().chain([&late]) {
            let outcome = deal.outcome(who);
            assert_eq!(outcome.share_bp, 10_000, "of {who}");
            assert_eq!(outcome.pay, deal.terms.page_pay());
        }
        let unsold = 6 * deal.slot_price();
        let money = deal.batch().money;
        let bond = money.deposited - 10 * deal.slot_price();
        assert_eq!(money.refunded, unsold + bond);
    });
}

#[test]
fn late_requester() {
    build_and_execute(|| {
        let deal = two_pages();
        let workers = named("honest", 5);
        for who in &workers {
            deal.label(who, 2, says::truth(who, 100));
        }
        deal.show();
        deal.leave(BatchState::Gold);
        let openings = vec![deal.opening(0)].try_into().unwrap();
        assert_noop!(
            LabelBounties::open_gold(signed(&deal.requester), deal.id, openings),
            E::UnexpectedState
        );
        deal.pay();
        // Nobody's pay depends on the requester's being there; all of his bond does.
        for who in &workers {
            assert_eq!(deal.share(who), 10_000, "of {who}");
        }
        assert_eq!(deal.batch().money.refunded, 0);
    });
}

#[test]
fn dead_requester() {
    build_and_execute(|| {
        let deal = two_pages();
        let workers = named("honest", 3);
        for who in &workers {
            deal.label(who, 2, says::truth(who, 100));
        }
        // Nobody does anything but reveal, and the batch ends all the same.
        deal.leave(BatchState::Open);
        deal.reveal_all_but(&[]);
        for state in [BatchState::Reveal, BatchState::Gold] {
            deal.leave(state);
        }
        deal.pay();
        for who in &workers {
            assert_eq!(deal.share(who), 10_000, "of {who}");
        }
        pass(RetainFor::get());
        while Batches::<Test>::contains_key(deal.id) {
            run_blocks(1);
        }
        assert!(Results::<Test>::contains_key(deal.id));
    });
}

// Pages and leases.

#[test]
fn re_rolling_pages_by_skip_and_expiry() {
    build_and_execute(|| {
        let deal = Deal::with(binary(8, 4), 12);
        let roller = account("roller");
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let page = deal.lease(&roller, 1)[0];
            assert!(seen.insert(page), "a skipped page is offered again");
            assert_ok!(LabelBounties::skip(
                signed(&roller),
                deal.id,
                page,
                roller.clone(),
                None
            ));
        }
        assert_noop!(
            LabelBounties::request_pages(signed(&roller), deal.id, 1, None),
            E::SkippedTooOften
        );
        assert_eq!(deal.worker(&roller).staked, 0);
        pass(2 * deal.terms.lease);
        // Nor is a page whose lease ran out, and from the second on that costs half a stake.
        for _ in 0..3 {
            let page = deal.lease(&roller, 1)[0];
            assert!(seen.insert(page), "a page is offered again");
            pass(deal.terms.lease);
            run_blocks(2);
        }
        deal.finish();
        let lost = deal.outcome(&roller).stake_lost;
        assert_eq!(lost, 2 * (deal.terms.page_stake() / 2));
    });
}

#[test]
fn lease_and_stall() {
    build_and_execute(|| {
        let terms = CampaignTerms {
            panel_max: 3,
            ..binary(8, 4)
        };
        let deal = Deal::with(terms, 4);
        for who in named("stall", 3) {
            assert_eq!(deal.lease(&who, 3).len(), 3);
        }
        // Slots are freed in bundles of 64 ticks, or sooner by anybody who asks for it.
        pass(deal.terms.lease);
        let page = deal.leases(&account("stall0"))[0];
        assert_ok!(LabelBounties::expire(
            signed(&deal.requester),
            deal.id,
            page,
            account("stall0")
        ));
        pass(EXPIRY_TICKS);
        run_blocks(1);
        assert!(deal.leases(&account("stall1")).is_empty());
        // They are free again, and others fill them.
        for who in named("honest", 6) {
            if deal.state() == BatchState::Open {
                deal.label(&who, 3, says::truth(&who, 100));
            }
        }
        deal.finish();
        assert_eq!(deal.batch().used_slots, 12);
        for who in named("stall", 3) {
            let outcome = deal.outcome(&who);
            assert_eq!(outcome.stake_lost, 2 * (deal.terms.page_stake() / 2));
        }
    });
}

#[test]
fn no_reveal() {
    build_and_execute(|| {
        let deal = two_pages();
        let workers = named("honest", 3);
        let silent = account("silent");
        for who in workers.iter().chain([&silent]) {
            deal.label(who, 2, says::truth(who, 100));
        }
        deal.show_but(std::slice::from_ref(&silent));
        deal.open_gold(&deal.revealed());
        deal.pay();
        let outcome = deal.outcome(&silent);
        assert_eq!((outcome.pay, outcome.junk), (0, false));
        assert_eq!(outcome.stake_lost, 2 * deal.terms.page_stake());
        for who in &workers {
            assert_eq!(deal.share(who), 10_000);
        }
        let money = deal.batch().money;
        assert_eq!(money.treasury, 8 * deal.fee() + 2 * deal.terms.page_pay());
    });
}

#[test]
fn double_lease_of_a_page() {
    build_and_execute(|| {
        let deal = Deal::with(binary(8, 4), 3);
        let alice = account("alice");
        let mut all = deal.lease(&alice, 2);
        all.extend(deal.lease(&alice, 1));
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
        deal.answer(&alice, 0, &says::truth(&alice, 100));
        assert_noop!(
            LabelBounties::commit(
                signed(&alice),
                deal.id,
                0,
                alice.clone(),
                [1; 32],
                None,
                None
            ),
            E::AlreadyCommitted
        );
    });
}

#[test]
fn over_quota_account() {
    build_and_execute(|| {
        let terms = CampaignTerms {
            panel_max: 3,
            ..binary(8, 4)
        };
        // ⌈8 · 3 / 4⌉ = 6 of 8 pages.
        let deal = Deal::with(terms, 8);
        let eager = account("eager");
        assert_eq!(deal.label(&eager, 4, says::truth(&eager, 100)).len(), 4);
        assert_noop!(
            LabelBounties::request_pages(signed(&eager), deal.id, 3, None),
            E::QuotaReached
        );
        assert_eq!(deal.label(&eager, 2, says::truth(&eager, 100)).len(), 2);
        assert_noop!(
            LabelBounties::request_pages(signed(&eager), deal.id, 1, None),
            E::QuotaReached
        );
    });
}

#[test]
fn two_requests_at_once() {
    build_and_execute(|| {
        let deal = Deal::usual();
        let alice = account("alice");
        assert_ok!(LabelBounties::request_pages(
            signed(&alice),
            deal.id,
            1,
            None
        ));
        assert_noop!(
            LabelBounties::request_pages(signed(&alice), deal.id, 1, None),
            E::RequestPending
        );
        run_blocks(3);
        assert_ok!(LabelBounties::request_pages(
            signed(&alice),
            deal.id,
            3,
            None
        ));
        run_blocks(3);
        assert_noop!(
            LabelBounties::request_pages(signed(&alice), deal.id, 1, None),
            E::TooManyLeases
        );
    });
}

#[test]
fn missing_pages_cost_their_workers_nothing() {
    build_and_execute(|| {
        let deal = two_pages();
        let alice = account("alice");
        let before = all_money(&alice);
        for page in deal.lease(&alice, 2) {
            assert_ok!(LabelBounties::skip(
                signed(&alice),
                deal.id,
                page,
                alice.clone(),
                None
            ));
        }
        deal.finish();
        assert_eq!(all_money(&alice), before);
        assert_eq!(free(&alice), before);
        let money = deal.batch().money;
        assert_eq!(money.refunded, money.deposited);
    });
}

// Sybils.

fn gated() -> CampaignTerms {
    CampaignTerms {
        gate: Gate::Voucher,
        voucher_key: Some(account("signup").into()),
        ..binary(8, 4)
    }
}

fn voucher(deal: &Deal, signer: &str, worker: &AccountId, voucher: Voucher) -> SignedVoucher {
    let text = voucher_text(
        &LabelBounties::genesis(),
        deal.campaign,
        &worker.clone().into(),
        &voucher,
    );
    SignedVoucher {
        voucher,
        signature: pair(signer).sign(&text).into(),
    }
}

const GOOD: Voucher = Voucher {
    pages: 2,
    sponsored: true,
    expires: u32::MAX,
};

fn sponsored(deal: &Deal, name: &str, voucher: SignedVoucher, requests: u32) -> Call<Test> {
    let worker = account(name);
    let text = request_text(
        &LabelBounties::genesis(),
        deal.id,
        &worker.clone().into(),
        requests,
    );
    Call::request_sponsored {
        batch: deal.id,
        worker,
        voucher,
        signature: sign(name, &text),
    }
}

#[test]
fn stakeless_sybil_without_a_voucher() {
    build_and_execute(|| {
        let deal = Deal::with(gated(), 8);
        let sybil = account("sybil");
        assert_noop!(
            LabelBounties::request_pages(signed(&sybil), deal.id, 1, None),
            E::VoucherMissing
        );
        // In a campaign that is open to all nobody can be without stake either.
        let open = Deal::with(binary(8, 4), 8);
        let own = voucher(&open, "sybil", &sybil, GOOD);
        assert_eq!(
            refusal(sponsored(&open, "sybil", own, 0)),
            Refusal::VoucherInvalid
        );
    });
}

#[test]
fn stakeless_sybil_with_a_forged_voucher() {
    build_and_execute(|| {
        let deal = Deal::with(gated(), 8);
        let sybil = account("sybil");
        let forged = voucher(&deal, "sybil", &sybil, GOOD);
        assert_eq!(
            refusal(sponsored(&deal, "sybil", forged, 0)),
            Refusal::VoucherInvalid
        );
        // More than was signed for.
        let mut more = voucher(&deal, "signup", &sybil, GOOD);
        more.voucher.pages = 100;
        assert_eq!(
            refusal(sponsored(&deal, "sybil", more, 0)),
            Refusal::VoucherInvalid
        );
        let paying = Voucher {
            sponsored: false,
            ..GOOD
        };
        let paying = voucher(&deal, "signup", &sybil, paying);
        assert_eq!(
            refusal(sponsored(&deal, "sybil", paying, 0)),
            Refusal::NotSponsored
        );
    });
}

#[test]
fn stakeless_sybil_with_an_expired_voucher() {
    build_and_execute(|| {
        let deal = Deal::with(gated(), 8);
        let sybil = account("sybil");
        let now = System::block_number();
        let old = Voucher {
            expires: now,
            ..GOOD
        };
        let old = voucher(&deal, "signup", &sybil, old);
        assert_ok!(authorise(sponsored(&deal, "sybil", old.clone(), 0)));
        run_blocks(1);
        assert_eq!(
            refusal(sponsored(&deal, "sybil", old, 0)),
            Refusal::VoucherExpired
        );
    });
}

#[test]
fn stakeless_sybil_with_a_foreign_voucher() {
    build_and_execute(|| {
        let deal = Deal::with(gated(), 8);
        let other = Deal::with(gated(), 8);
        // Somebody else's, and the same account's of another campaign.
        let of_alice = voucher(&deal, "signup", &account("alice"), GOOD);
        assert_eq!(
            refusal(sponsored(&deal, "sybil", of_alice, 0)),
            Refusal::VoucherInvalid
        );
        let of_other = voucher(&other, "signup", &account("sybil"), GOOD);
        assert_eq!(
            refusal(sponsored(&deal, "sybil", of_other, 0)),
            Refusal::VoucherInvalid
        );
    });
}

#[test]
fn stakeless_sybil_with_a_used_up_voucher() {
    build_and_execute(|| {
        let deal = Deal::with(gated(), 8);
        let sybil = account("sybil");
        let two = voucher(&deal, "signup", &sybil, GOOD);
        for requests in 0..2 {
            dispatch_authorised(sponsored(&deal, "sybil", two.clone(), requests));
            run_blocks(3);
            let page = deal.leases(&sybil)[0];
            deal.answer(&sybil, page, &says::truth(&sybil, 100));
        }
        assert_eq!(
            refusal(sponsored(&deal, "sybil", two.clone(), 2)),
            Refusal::VoucherUsedUp
        );
        // A second batch of the campaign is no new chance.
        let again = Deal::in_campaign(
            &deal.requester,
            deal.campaign,
            deal.terms,
            pages(&deal.terms, 8),
            None,
        );
        assert_eq!(
            refusal(sponsored(&again, "sybil", two, 0)),
            Refusal::VoucherUsedUp
        );
        deal.finish();
    });
}

#[test]
fn record_farming_with_an_own_domain() {
    build_and_execute(|| {
        assert_ok!(LabelBounties::create_domain(
            frame_system::RawOrigin::Root.into()
        ));
        let farmer = account("requester");
        assert_ok!(LabelBounties::create_domain(signed(&farmer)));
        assert_noop!(
            LabelBounties::admit(signed(&farmer), 0, farmer.clone(), true),
            E::NotDomainOwner
        );
        assert_ok!(LabelBounties::admit(
            signed(&farmer),
            1,
            farmer.clone(),
            true
        ));
        let workers = named("farm", 3);
        let farm = |domain| {
            let terms = CampaignTerms {
                domain: Some(domain),
                ..binary(8, 4)
            };
            let deal = Deal::with(terms, 8);
            for who in &workers {
                deal.label(who, 4, says::truth(who, u32::MAX));
            }
            deal.finish();
        };
        // His gold counts in his own domain, and in nobody else's.
        farm(0);
        farm(1);
        for who in &workers {
            assert_eq!(LabelBounties::record_of(0, who).answers(), 0);
            assert_eq!(LabelBounties::record_of(1, who).right, 16);
        }
        let terms = CampaignTerms {
            gate: Gate::Domain {
                id: 0,
                bound: 40_000,
            },
            ..binary(8, 4)
        };
        let serious = Deal::of(&account("serious"), terms, pages(&terms, 8));
        assert_noop!(
            LabelBounties::request_pages(signed(&workers[0]), serious.id, 1, None),
            E::RecordTooLow
        );
        // Dismissed requesters' gold counts no more.
        assert_ok!(LabelBounties::admit(
            signed(&farmer),
            1,
            farmer.clone(),
            false
        ));
        farm(1);
        assert_eq!(LabelBounties::record_of(1, &workers[0]).right, 16);
    });
}

// Malformed bytes.

#[test]
fn malformed_or_non_canonical_sheet_of_every_type() {
    build_and_execute(|| {
        let span = |label, start, len| Span { label, start, len };
        let spans = |spans: &[Span]| {
            pack_answer(
                &LabelType::Span { tokens: 100 },
                &Answer::Spans(spans.to_vec()),
            )
        };
        assert!(spans(&[span(0, 1, 5), span(0, 3, 5)]).is_err());
        let raw_span = |fields: &[(u8, u16, u16)]| {
            let mut bytes = vec![fields.len() as u8];
            for (label, start, len) in fields {
                bytes.push(*label);
                bytes.extend(start.to_le_bytes());
                bytes.extend(len.to_le_bytes());
            }
            bytes.extend([0, 0, 0]);
            bytes
        };
        // Type, a canonical sheet of four tasks, and others that are none.
        let cases: Vec<(LabelType, Vec<u8>, Vec<Vec<u8>>)> = vec![
            (
                LabelType::Classification { classes: 3 },
                vec![0b10_01_00_01],
                vec![vec![0b11_01_00_01], vec![], vec![1, 0]],
            ),
            (
                LabelType::Preference,
                vec![0b11_10_01_00],
                vec![vec![], vec![0, 0]],
            ),
            (
                LabelType::Rating { steps: 5 },
                // 3 bits a task, 12 in all.
                vec![0b00_001_100, 0b0000_0100],
                vec![
                    vec![0b00_001_101, 0b0000_0100],
                    vec![0b00_001_100, 0b0001_0100],
                    vec![0b00_001_100],
                ],
            ),
            (
                LabelType::MultiLabel { flags: 3 },
                vec![0b11_010_111, 0b0000_1010],
                vec![vec![0b11_010_111, 0b0001_1010], vec![0; 3]],
            ),
            (
                LabelType::Safety {
                    weights: [1, 2, 0, 0, 0, 0, 0, 0],
                    quorum: 2,
                },
                vec![0b1101_0010, 0b0000_1111],
                vec![vec![0], vec![0; 3]],
            ),
            (
                LabelType::Ranking { items: 3 },
                // 0, 1, 2 is 0b010_001_000 with nine bits a task.
                vec![
                    0b1000_1000,
                    0b0001_0000,
                    0b0010_0001,
                    0b0100_0010,
                    0b0000_0100,
                ],
                vec![
                    vec![0; 5],
                    vec![
                        0b1000_1000,
                        0b0001_0000,
                        0b0010_0001,
                        0b0100_0010,
                        0b0000_1100,
                    ],
                    vec![
                        0b1000_1000,
                        0b0001_0000,
                        0b0010_0001,
                        0b0100_0010,
                        0b0001_0100,
                    ],
                ],
            ),
            (
                LabelType::Span { tokens: 100 },
                raw_span(&[(0, 1, 5), (1, 3, 97)]),
                vec![
                    // Not ascending, overlapping, empty, beyond the tokens, too many, cut off.
                    raw_span(&[(1, 3, 5), (0, 1, 5)]),
                    raw_span(&[(0, 1, 5), (0, 5, 5)]),
                    raw_span(&[(0, 1, 0)]),
                    raw_span(&[(0, 1, 100)]),
                    raw_span(&(0..17).map(|at| (0, at * 2, 1)).collect::<Vec<_>>()),
                    raw_span(&[(0, 1, 5)])[..5].to_vec(),
                ],
            ),
        ];
        for (label, good, bad) in cases {
            let terms = CampaignTerms {
                label,
                ..binary(4, 2)
            };
            let made = pages(&binary(4, 2), 4);
            let deal = Deal::of(&account("requester"), terms, made);
            let mut tried = bad.clone();
            tried.push(good);
            let workers = named("types", tried.len());
            for (who, sheet) in workers.iter().zip(&tried) {
                let page = deal.lease(who, 1)[0];
                let hash = deal.hash(who, page, sheet);
                assert_ok!(LabelBounties::commit(
                    signed(who),
                    deal.id,
                    page,
                    who.clone(),
                    hash,
                    None,
                    None
                ));
            }
            deal.close();
            for (at, (who, sheet)) in workers.iter().zip(tried).enumerate() {
                let page = deal.commits(who)[0];
                let salt = deal.salt(who, page);
                let opening: Sheet = sheet.try_into().unwrap();
                let call =
                    LabelBounties::reveal(signed(who), deal.id, page, who.clone(), opening, salt);
                if at < bad.len() {
                    assert_noop!(call, E::BadSheet);
                } else {
                    assert_ok!(call);
                }
            }
        }
    });
}

// Bounds.

#[test]
fn overflow_at_every_bound() {
    build_and_execute(|| {
        let requester = account("requester");
        let rich = Balance::from(u64::MAX) << 32;
        mint(&requester, rich);
        let terms = CampaignTerms {
            pay: u64::MAX.into(),
            panel_max: 9,
            stake: 10_000,
            ..binary(32, 16)
        };
        let mut made = pages(&terms, 2);
        // A batch with as many pages as there may be, of which two exist.
        let leaves: Vec<_> = made.iter().map(|page| page.leaf).collect();
        let campaign = NextCampaignId::<Test>::get();
        assert_ok!(LabelBounties::create_campaign(
            signed(&requester),
            terms,
            Default::default()
        ));
        let id = NextBatchId::<Test>::get();
        assert_ok!(LabelBounties::open_batch(
            signed(&requester),
            campaign,
            athanor_primitives::labels::pages_root(&leaves),
            [7; 32],
            athanor_primitives::labels::MAX_PAGES,
            until(&terms),
            None
        ));
        made.extend(pages(&terms, athanor_primitives::labels::MAX_PAGES).drain(2..));
        let deal = Deal {
            id,
            campaign,
            terms,
            requester: requester.clone(),
            made,
            kept: Default::default(),
        };
        let workers = named("rich", 9);
        for who in &workers {
            mint(who, rich);
            let page = deal.lease(who, 4);
            for page in page {
                deal.answer(who, page, &says::truth(who, 50));
            }
        }
        deal.show();
        deal.leave(BatchState::Gold);
        deal.pay();
        let money = deal.batch().money;
        assert_eq!(
            money.paid + money.treasury + money.refunded + money.fees + money.rewards,
            money.deposited
        );
        assert!(money.paid > 0);
        // More than there is.
        let poor = account("poor");
        assert_ok!(LabelBounties::create_campaign(
            signed(&poor),
            terms,
            Default::default()
        ));
        assert!(LabelBounties::open_batch(
            signed(&poor),
            campaign + 1,
            [1; 32],
            [7; 32],
            athanor_primitives::labels::MAX_PAGES,
            until(&terms),
            None
        )
        .is_err());
    });
}

#[test]
fn one_worker() {
    build_and_execute(|| {
        let deal = two_pages();
        let alice = account("alice");
        deal.label(&alice, 2, says::truth(&alice, 100));
        deal.finish();
        // Gold alone decides.
        assert_eq!(deal.share(&alice), 10_000);
        let lazy = two_pages();
        let bob = account("bob");
        lazy.label(&bob, 2, says::always(1));
        lazy.finish();
        assert_eq!(lazy.share(&bob), 0);
        // But without colleagues nobody loses his stake.
        assert_eq!(lazy.outcome(&bob).stake_lost, 0);
    });
}

#[test]
fn few_workers() {
    build_and_execute(|| {
        let deal = two_pages();
        let workers = named("honest", usize::from(deal.terms.panel_min) - 1);
        for who in &workers {
            deal.label(who, 2, says::truth(who, 100));
        }
        // The requester can't take so few for a panel; the batch ends by itself.
        assert_noop!(
            LabelBounties::close_page(signed(&deal.requester), deal.id, 0),
            E::TooFewCommits
        );
        pass(deal.batch().until - Clock::<Test>::get());
        deal.leave(BatchState::Open);
        deal.reveal_all_but(&[]);
        deal.leave(BatchState::Reveal);
        deal.open_gold(&deal.revealed());
        deal.pay();
        // Who came is paid, and what nobody did returns.
        assert_eq!(mean_share(&deal, &workers), 10_000);
        let money = deal.batch().money;
        let unsold = 2 * (u128::from(deal.terms.panel_max) - workers.len() as u128);
        let bond = money.deposited - 2 * u128::from(deal.terms.panel_max) * deal.slot_price();
        assert_eq!(money.refunded, unsold * deal.slot_price() + bond);
        // Whoever reads the labels is told.
        let labels = LabelBounties::view_consensus(deal.id, 0).unwrap();
        assert!(labels.iter().all(|label| label.thin));
    });
}

#[test]
fn one_page() {
    build_and_execute(|| {
        let deal = Deal::with(binary(16, 8), 1);
        let workers = named("honest", 5);
        for who in &workers {
            deal.label(who, 1, says::truth(who, 20));
        }
        deal.finish();
        assert!(mean_share(&deal, &workers) > 8_000);
    });
}

#[test]
fn two_reveals() {
    build_and_execute(|| {
        let deal = two_pages();
        let workers = named("honest", 2);
        for who in &workers {
            deal.label(who, 2, says::truth(who, 100));
        }
        deal.finish();
        assert_eq!(mean_share(&deal, &workers), 10_000);
        assert_eq!(deal.batch().sums.contested, 0);
    });
}

#[test]
fn no_reveal_at_all() {
    build_and_execute(|| {
        let deal = two_pages();
        let workers = named("silent", 2);
        for who in &workers {
            deal.label(who, 2, says::truth(who, 100));
        }
        deal.show_but(&workers);
        deal.pay();
        for who in &workers {
            assert_eq!(deal.outcome(who).pay, 0);
            assert_eq!(deal.outcome(who).stake_lost, 2 * deal.terms.page_stake());
        }
        let money = deal.batch().money;
        let row = deal.terms.page_pay() + deal.fee();
        assert_eq!(money.treasury, 4 * row);
        // No gold was needed, so the bond is not touched.
        let bond = money.deposited - 10 * deal.slot_price();
        assert_eq!(money.refunded, 6 * deal.slot_price() + bond);
    });
}

#[test]
fn nobody_at_all() {
    build_and_execute(|| {
        let deal = two_pages();
        deal.finish();
        let money = deal.batch().money;
        assert_eq!(money.refunded, money.deposited);
        assert_eq!(deal.batch().workers, 0);
    });
}

#[test]
fn no_eligible_worker_for_the_reference() {
    build_and_execute(|| {
        let deal = two_pages();
        // Three constant sheets: none is near gold, so none counts for the reference.
        let workers = named("lazy", 3);
        for who in &workers {
            deal.label(who, 2, says::always(0));
        }
        deal.finish();
        let batch = deal.batch();
        assert!(!batch.reference.unwrap().signal);
        for who in &workers {
            assert_eq!(deal.share(who), 0);
            assert_eq!(deal.outcome(who).stake_lost, 0);
        }
    });
}

// Cranks and the pool.

#[test]
fn crank_griefing_and_out_of_order_cranks() {
    build_and_execute(|| {
        let deal = two_pages();
        let (alice, griefer) = (account("alice"), account("griefer"));
        deal.label(&alice, 2, says::truth(&alice, 100));
        for _ in 0..3 {
            assert_noop!(
                LabelBounties::advance(signed(&griefer), deal.id, 1),
                E::NothingDue
            );
        }
        assert_noop!(
            LabelBounties::advance(signed(&griefer), deal.id, 0),
            E::NothingToDo
        );
        assert_noop!(
            LabelBounties::advance(signed(&griefer), deal.id + 1, 1),
            E::NoSuchBatch
        );
        stop_idle(true);
        assert_ok!(LabelBounties::cancel(signed(&deal.requester), deal.id));
        let before = all_money(&griefer);
        assert_ok!(LabelBounties::advance(signed(&griefer), deal.id, 1));
        assert_noop!(
            LabelBounties::advance(signed(&griefer), deal.id, 1),
            E::NothingDue
        );
        deal.reveal_all_but(&[]);
        // However many units are asked for, only what is due is done, and each once.
        let mut calls = 0;
        while deal.state() != BatchState::Gold {
            assert_ok!(LabelBounties::advance(signed(&griefer), deal.id, u32::MAX));
            calls += 1;
            assert!(calls < 10);
        }
        deal.open_gold(&deal.revealed());
        while deal.state() != BatchState::Paid {
            assert_ok!(LabelBounties::advance(signed(&griefer), deal.id, 1));
            calls += 1;
            assert!(calls < 20);
        }
        assert_noop!(
            LabelBounties::advance(signed(&griefer), deal.id, 1),
            E::NothingDue
        );
        // A quarter of the fee of the two used slots, whatever the number of calls.
        let reward = 2 * 2 * (deal.slot_fee() / 8);
        assert_eq!(all_money(&griefer), before + reward);
        assert_eq!(deal.batch().money.rewards, reward);
        stop_idle(false);
    });
}

#[test]
fn pool_flood_by_one_lease() {
    build_and_execute(|| {
        let deal = two_pages();
        deal.lease(&account("alice"), 2);
        let sheets: Vec<_> = (0..10u32)
            .map(|i| {
                sheet_of(
                    &deal.terms.label,
                    &[i & 1, i >> 1 & 1, i >> 2 & 1, 1, 0, 0, 1, 1],
                )
            })
            .collect();
        let tags: std::collections::BTreeSet<_> = sheets
            .iter()
            .map(|sheet| {
                let valid = authorise(commit_call(&deal, "alice", 0, sheet)).unwrap();
                assert!(valid.requires.is_empty() && valid.propagate);
                assert_eq!(valid.longevity, 64);
                valid.provides
            })
            .collect();
        // They exclude each other: the pool holds one.
        assert_eq!(tags.len(), 1);
        let other = authorise(commit_call(&deal, "alice", 1, &sheets[0])).unwrap();
        assert!(!tags.contains(&other.provides));
        // A skip of the same lease may wait beside it, once.
        let alice = account("alice");
        let text = skip_text(&LabelBounties::genesis(), deal.id, 0, &alice.clone().into());
        let skip = authorise(Call::skip {
            batch: deal.id,
            page: 0,
            worker: alice,
            signature: sign("alice", &text),
        })
        .unwrap();
        assert!(!tags.contains(&skip.provides));
        assert_eq!(skip.provides.len(), 1);
    });
}

#[test]
fn feeless_call_that_fails_in_dispatch() {
    build_and_execute(|| {
        let deal = Deal::with(gated(), 8);
        let alice = account("alice");
        let two = voucher(&deal, "signup", &alice, GOOD);
        let request = sponsored(&deal, "alice", two.clone(), 0);
        dispatch_authorised(request.clone());
        // Whatever a call could be refused for is seen before it gets into a block.
        assert_eq!(refusal(request), Refusal::RequestPending);
        run_blocks(3);
        let page = deal.leases(&alice)[0];
        assert_eq!(
            refusal(sponsored(&deal, "alice", two, 1)),
            Refusal::TooManyLeases
        );
        let commit = commit_call(&deal, "alice", page, &sheet(&deal, page));
        let reveal = Call::reveal {
            batch: deal.id,
            page,
            worker: alice.clone(),
            sheet: sheet(&deal, page).try_into().unwrap(),
            salt: deal.salt(&alice, page),
        };
        assert_eq!(refusal(reveal.clone()), Refusal::UnexpectedState);
        dispatch_authorised(commit.clone());
        assert_eq!(refusal(commit.clone()), Refusal::AlreadyCommitted);
        let text = skip_text(
            &LabelBounties::genesis(),
            deal.id,
            page,
            &alice.clone().into(),
        );
        let skip = Call::skip {
            batch: deal.id,
            page,
            worker: alice.clone(),
            signature: sign("alice", &text),
        };
        assert_eq!(refusal(skip), Refusal::AlreadyCommitted);
        deal.close();
        assert_eq!(refusal(commit), Refusal::UnexpectedState);
        dispatch_authorised(reveal.clone());
        assert_eq!(refusal(reveal), Refusal::AlreadyRevealed);
    });
}

#[test]
fn invalid_signature_flood() {
    build_and_execute(|| {
        let deal = two_pages();
        deal.lease(&account("alice"), 2);
        let mut call = commit_call(&deal, "alice", 0, &sheet(&deal, 0));
        let Call::commit { signature, .. } = &mut call else {
            unreachable!()
        };
        *signature = sign("mallory", b"anything");
        assert_eq!(refusal(call.clone()), Refusal::BadSignature);
        let Call::commit { signature, .. } = &mut call else {
            unreachable!()
        };
        *signature = None;
        assert_eq!(refusal(call), Refusal::BadSignature);
        // Without a lease no signature is even looked at.
        let mut call = commit_call(&deal, "mallory", 0, &sheet(&deal, 0));
        let Call::commit { signature, .. } = &mut call else {
            unreachable!()
        };
        *signature = None;
        assert_eq!(refusal(call), Refusal::NoLease);
    });
}

#[test]
fn replay_on_another_chain_campaign_batch_or_page() {
    build_and_execute(|| {
        let deal = two_pages();
        let other = two_pages();
        let alice = account("alice");
        deal.lease(&alice, 2);
        other.lease(&alice, 2);
        let sheet = sheet(&deal, 0);
        let hash = deal.hash(&alice, 0, &sheet);
        let genesis = LabelBounties::genesis();
        let worker: [u8; 32] = alice.clone().into();
        let call = |batch: BatchId, page, text: &[u8]| Call::commit {
            batch,
            page,
            worker: alice.clone(),
            hash,
            sealed: None,
            signature: sign("alice", text),
        };
        let here = commit_text(&genesis, deal.id, 0, &worker, &hash, None);
        assert_eq!(refusal(call(other.id, 0, &here)), Refusal::BadSignature);
        assert_eq!(refusal(call(deal.id, 1, &here)), Refusal::BadSignature);
        let elsewhere = commit_text(&[9; 32], deal.id, 0, &worker, &hash, None);
        assert_eq!(refusal(call(deal.id, 0, &elsewhere)), Refusal::BadSignature);
        let skip = skip_text(&genesis, deal.id, 0, &worker);
        assert_eq!(refusal(call(deal.id, 0, &skip)), Refusal::BadSignature);
        dispatch_authorised(call(deal.id, 0, &here));

        // The commitment, too, is to this batch, page and chain.
        deal.commit(&alice, 1, &deal.made[1].truth);
        other.commit(&alice, 0, &other.made[0].truth);
        other.close();
        deal.close();
        let opening: Sheet = sheet.try_into().unwrap();
        for (batch, page) in [(other.id, 0), (deal.id, 1)] {
            assert_noop!(
                LabelBounties::reveal(
                    signed(&alice),
                    batch,
                    page,
                    alice.clone(),
                    opening.clone(),
                    deal.salt(&alice, 0)
                ),
                E::HashMismatch
            );
        }
        assert_ok!(LabelBounties::reveal(
            signed(&alice),
            deal.id,
            0,
            alice.clone(),
            opening,
            deal.salt(&alice, 0)
        ));
    });
}

#[test]
fn replayed_request() {
    build_and_execute(|| {
        let deal = Deal::with(gated(), 8);
        let alice = account("alice");
        let two = voucher(&deal, "signup", &alice, GOOD);
        let first = sponsored(&deal, "alice", two, 0);
        dispatch_authorised(first.clone());
        run_blocks(3);
        let page = deal.leases(&alice)[0];
        deal.answer(&alice, page, &says::truth(&alice, 100));
        assert_eq!(refusal(first), Refusal::BadSignature);
    });
}

/// Terms under which somebody alone on a page without gold earns half an existential deposit.
fn half_an_ed() -> CampaignTerms {
    CampaignTerms {
        pay: ED * 10 / 8,
        score: athanor_label_math::ScoreTerms {
            phi_bp: 500,
            ..Default::default()
        },
        panel_min: 1,
        panel_max: 1,
        gold: 0,
        ..gated()
    }
}

/// A sponsored account answers one page, and the batch is paid.
fn work_alone(deal: &Deal, name: &str) {
    let worker = poor(name);
    let pass = voucher(deal, "signup", &worker, Voucher { pages: 9, ..GOOD });
    let text = request_text(
        &LabelBounties::genesis(),
        deal.id,
        &worker.clone().into(),
        0,
    );
    dispatch_authorised(Call::request_sponsored {
        batch: deal.id,
        worker: worker.clone(),
        voucher: pass,
        signature: sign(name, &text),
    });
    run_blocks(3);
    let page = deal.leases(&worker)[0];
    deal.answer(&worker, page, &says::always(1));
    deal.finish();
}

#[test]
fn pay_below_the_existential_deposit_to_a_new_account() {
    build_and_execute(|| {
        let terms = half_an_ed();
        let newcomer = poor("nobody");
        let requester = account("requester");
        let first = Deal::with(terms, 4);
        let work = |deal: &Deal| work_alone(deal, "nobody");
        // Nobody to compare with and no gold: the base share, here half an existential deposit.
        work(&first);
        assert_eq!(Credits::<Test>::get(&newcomer), ED / 2);
        assert!(!System::account_exists(&newcomer));
        assert_noop!(
            LabelBounties::withdraw(signed(&requester), newcomer.clone()),
            E::CreditTooSmall
        );
        // Credits of batches add up until they open the account.
        let second = Deal::in_campaign(&requester, first.campaign, terms, pages(&terms, 4), None);
        work(&second);
        assert_eq!(free(&newcomer), ED);
        assert_eq!(Credits::<Test>::get(&newcomer), 0);
        assert_noop!(
            LabelBounties::withdraw(signed(&requester), newcomer.clone()),
            E::NoCredit
        );
        // Once an account exists it takes any pay at once.
        let third = Deal::in_campaign(&requester, first.campaign, terms, pages(&terms, 4), None);
        work(&third);
        assert_eq!(free(&newcomer), ED + ED / 2);
    });
}

#[test]
fn credit_of_an_account_that_somebody_opened() {
    build_and_execute(|| {
        let newcomer = poor("nobody");
        let deal = Deal::with(half_an_ed(), 4);
        work_alone(&deal, "nobody");
        assert_eq!(Credits::<Test>::get(&newcomer), ED / 2);
        mint(&newcomer, ED);
        // Anybody may pay it out, and only to its owner.
        let anybody = account("anybody");
        let before = all_money(&anybody);
        assert_ok!(LabelBounties::withdraw(signed(&anybody), newcomer.clone()));
        assert_eq!(free(&newcomer), ED + ED / 2);
        assert_eq!(all_money(&anybody), before);
    });
}

#[test]
fn chain_paused_in_every_state() {
    build_and_execute(|| {
        let deal = two_pages();
        let alice = account("alice");
        let halt = |deal: &Deal| {
            let before = deal.batch();
            let clock = Clock::<Test>::get();
            allow_calls(false);
            run_blocks(50);
            assert_eq!(Clock::<Test>::get(), clock);
            assert_eq!(deal.batch(), before);
            assert_noop!(
                LabelBounties::advance(signed(&account("alice")), deal.id, 1),
                E::Paused
            );
            allow_calls(true);
        };
        deal.lease(&alice, 2);
        halt(&deal);
        // Leases did not run out.
        for page in 0..2 {
            deal.answer(&alice, page, &says::truth(&alice, 100));
        }
        deal.close();
        halt(&deal);
        deal.reveal(&alice, 0);
        halt(&deal);
        deal.reveal(&alice, 1);
        deal.leave(BatchState::Reveal);
        halt(&deal);
        stop_idle(true);
        deal.open_gold(&deal.revealed());
        let crank = account("crank");
        while deal.state() != BatchState::Paid {
            halt(&deal);
            assert_ok!(LabelBounties::advance(signed(&crank), deal.id, 1));
        }
        halt(&deal);
        stop_idle(false);
        assert_eq!(deal.share(&alice), 10_000);
    });
}
