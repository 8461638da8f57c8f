//! Score, Rank and Pay.

use crate::{
    crowd::{any_crowd, any_type, config, Crowd, Dice, Page},
    rational,
};
use athanor_label_math::{
    pack, pack_answer, pay, rank, score_page, Agreement, Answer, BatchSums, Gold, Hist, LabelType,
    PageScore, Pay, Reference, WorkerSums,
};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

#[derive(Clone, Debug, PartialEq)]
struct Batch {
    sums: BatchSums,
    workers: Vec<WorkerSums>,
    agreement: Agreement,
    reference: Reference,
    pays: Vec<Pay>,
}

fn page(crowd: &Crowd, page: &Page) -> PageScore {
    let sheets: Vec<&[u8]> = page.sheets.iter().map(|(_, s)| s.as_slice()).collect();
    let gold: Vec<Gold<'_>> = page
        .gold
        .iter()
        .map(|(position, answer, void)| Gold {
            position: *position,
            answer,
            void: *void,
        })
        .collect();
    score_page(&crowd.ty, crowd.tasks, &sheets, &gold).unwrap()
}

fn run(crowd: &Crowd) -> Batch {
    let mut sums = BatchSums::default();
    let mut workers = vec![WorkerSums::default(); crowd.workers];
    for each in &crowd.pages {
        let score = page(crowd, each);
        sums.add(&score.batch).unwrap();
        for ((worker, _), part) in each.sheets.iter().zip(&score.workers) {
            workers[*worker].add(part).unwrap();
        }
    }
    let agreement = sums.agreement().unwrap();
    let mut hist = Hist::default();
    for worker in &workers {
        if let Some(place) = rank(worker, &agreement, &crowd.terms).unwrap() {
            hist.add(place).unwrap();
        }
    }
    let reference = hist.reference(&agreement, &crowd.terms).unwrap();
    let pays = workers
        .iter()
        .map(|worker| {
            pay(
                worker,
                &sums,
                &agreement,
                &reference,
                &crowd.terms,
                crowd.price,
            )
            .unwrap()
        })
        .collect();
    Batch {
        sums,
        workers,
        agreement,
        reference,
        pays,
    }
}

fn r(value: impl Into<BigInt>) -> BigRational {
    BigRational::from_integer(value.into())
}

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn equal_to_the_slow_implementation(crowd in any_crowd()) {
        let fast = run(&crowd);
        let slow = rational::batch(&crowd);
        for (worker, other) in fast.workers.iter().zip(&slow.workers) {
            let other = other.clone();
            prop_assert_eq!(r(worker.num), other.num);
            prop_assert_eq!(r(worker.cnt), other.cnt);
            prop_assert_eq!(r(worker.gnum), other.gnum);
            prop_assert_eq!(r(worker.gold), other.gold);
            prop_assert_eq!(r(worker.right), other.right);
            prop_assert_eq!(r(worker.answers), other.answers);
        }
        prop_assert_eq!(r(fast.agreement.v), slow.v);
        prop_assert_eq!(r(fast.agreement.v_gold), slow.v_gold);
        prop_assert_eq!(fast.agreement.gold_on, slow.gold_on);
        prop_assert_eq!(fast.sums.opened, slow.opened);
        prop_assert_eq!(fast.sums.contested, slow.contested);
        prop_assert_eq!(r(fast.reference.median), slow.median);
        prop_assert_eq!(r(fast.reference.reference), slow.reference);
        prop_assert_eq!(fast.reference.signal, slow.signal);
        for (pay, other) in fast.pays.iter().zip(slow.paid) {
            prop_assert_eq!(pay.peers.map(r), other.d);
            prop_assert_eq!(pay.gold.map(r), other.g);
            prop_assert_eq!(r(pay.score_bp), other.score_bp);
            prop_assert_eq!(r(pay.share_bp), other.share_bp);
            prop_assert_eq!(r(pay.pay), other.pay);
            prop_assert_eq!(pay.junk, other.junk);
        }
    }

    #[test]
    fn the_order_of_reveals_pages_and_workers_changes_nothing(
        crowd in any_crowd(),
        seed in any::<u64>(),
    ) {
        let mut dice = Dice(seed);
        let mut other = crowd.clone();
        dice.shuffle(&mut other.pages);
        for page in &mut other.pages {
            dice.shuffle(&mut page.sheets);
        }
        prop_assert_eq!(run(&crowd), run(&other));
    }

    #[test]
    fn a_constant_sheet_agrees_with_nobody(ty in any_type(), tasks in 4u8..=32, seed in any::<u64>()) {
        let tasks = tasks.min(ty.max_tasks());
        let mut dice = Dice(seed);
        let habit = dice.answer(&ty);
        let constant = pack(&ty, &vec![habit; usize::from(tasks)]).unwrap();
        for _ in 0..4 {
            let answers: Vec<Answer> = (0..tasks).map(|_| dice.answer(&ty)).collect();
            let other = pack(&ty, &answers).unwrap();
            let score = score_page(&ty, tasks, &[constant.clone(), other], &[]).unwrap();
            prop_assert_eq!(score.workers[0].num, 0);
            prop_assert_eq!(score.workers[1].num, 0);
            let truth = pack_answer(&ty, &dice.answer(&ty)).unwrap();
            let gold = [Gold { position: 0, answer: &truth, void: false }];
            let score = score_page(&ty, tasks, std::slice::from_ref(&constant), &gold).unwrap();
            prop_assert_eq!(score.workers[0].gnum, 0);
        }
    }

    #[test]
    fn nobody_is_paid_more_than_the_price_or_loses_a_stake_that_is_paid(crowd in any_crowd()) {
        let batch = run(&crowd);
        for (worker, pay) in batch.workers.iter().zip(&batch.pays) {
            prop_assert!(pay.pay <= crowd.price * u128::from(worker.answers));
            prop_assert!(!(pay.junk && pay.score_bp >= 1_500));
        }
    }

    #[test]
    fn void_gold_is_as_no_gold(crowd in any_crowd()) {
        let mut voided = crowd.clone();
        let mut without = crowd.clone();
        for (page, other) in voided.pages.iter_mut().zip(&mut without.pages) {
            page.gold.iter_mut().for_each(|gold| gold.2 = true);
            other.gold.clear();
        }
        prop_assert_eq!(run(&voided), run(&without));
    }
}

/// Otherwise the comparison above would say little.
#[test]
fn the_crowds_reach_every_branch() {
    let mut runner = TestRunner::deterministic();
    let (mut gold_off, mut no_signal, mut junk, mut contested) = (0, 0, 0, 0);
    let (mut capped_by_gold, mut partly_paid, mut unpaid, mut neither) = (0, 0, 0, 0);
    let (mut negative, mut held_low, mut held_high) = (0, 0, 0);
    for _ in 0..600 {
        let crowd = any_crowd().new_tree(&mut runner).unwrap().current();
        let batch = run(&crowd);
        gold_off += usize::from(batch.sums.opened > 0 && !batch.agreement.gold_on);
        no_signal += usize::from(batch.sums.vd > 0 && !batch.reference.signal);
        contested += usize::from(batch.sums.contested > 0);
        held_low += usize::from(batch.reference.reference > batch.reference.median);
        held_high += usize::from(batch.reference.reference < batch.reference.median);
        for pay in &batch.pays {
            junk += usize::from(pay.junk);
            partly_paid += usize::from((1..10_000).contains(&pay.share_bp));
            unpaid += usize::from(pay.share_bp == 0);
            neither += usize::from(pay.gold.is_none() && pay.peers.is_none());
            negative += usize::from(pay.score_bp < 0);
            if let (Some(gold), Some(peers)) = (pay.gold, pay.peers) {
                capped_by_gold += usize::from(gold + pay.offset < (gold + peers) / 2);
            }
        }
    }
    for (name, times) in [
        ("gold off", gold_off),
        ("no signal", no_signal),
        ("junk", junk),
        ("contested", contested),
        ("capped by gold", capped_by_gold),
        ("partly paid", partly_paid),
        ("unpaid", unpaid),
        ("neither gold nor peers", neither),
        ("below zero", negative),
        ("reference held up", held_low),
        ("reference held down", held_high),
    ] {
        assert!(times >= 5, "{name}: {times} times");
    }
}

#[test]
fn a_single_reveal_is_judged_by_gold_alone() {
    let ty = LabelType::Classification { classes: 2 };
    let sheet = pack(&ty, &[0, 1, 0, 1].map(Answer::Code)).unwrap();
    let gold = [
        Gold {
            position: 1,
            answer: &[1],
            void: false,
        },
        Gold {
            position: 2,
            answer: &[0],
            void: false,
        },
    ];
    let page = score_page(&ty, 4, &[sheet], &gold).unwrap();
    let agreement = page.batch.agreement().unwrap();
    assert!(agreement.gold_on);
    let terms = Default::default();
    assert_eq!(rank(&page.workers[0], &agreement, &terms).unwrap(), None);
    let reference = Hist::default().reference(&agreement, &terms).unwrap();
    assert!(!reference.signal);
    let pay = pay(
        &page.workers[0],
        &page.batch,
        &agreement,
        &reference,
        &terms,
        10,
    )
    .unwrap();
    assert_eq!((pay.peers, pay.score_bp, pay.pay), (None, 12_500, 40));
}

#[test]
fn without_colleagues_and_gold_the_least_share_is_paid() {
    let ty = LabelType::Preference;
    let sheet = pack(&ty, &[0, 1, 2, 3].map(Answer::Code)).unwrap();
    let page = score_page(&ty, 4, &[sheet], &[]).unwrap();
    let agreement = page.batch.agreement().unwrap();
    let terms = Default::default();
    let reference = Hist::default().reference(&agreement, &terms).unwrap();
    let pay = pay(
        &page.workers[0],
        &page.batch,
        &agreement,
        &reference,
        &terms,
        1_000,
    )
    .unwrap();
    assert_eq!(
        (pay.score_bp, pay.share_bp, pay.pay, pay.junk),
        (4_000, 3_000, 1_200, false)
    );
}

#[test]
fn a_page_without_reveals_adds_nothing() {
    let ty = LabelType::Rating { steps: 5 };
    let gold = [Gold {
        position: 0,
        answer: &[4],
        void: false,
    }];
    let none: [&[u8]; 0] = [];
    assert_eq!(
        score_page(&ty, 4, &none, &gold).unwrap(),
        PageScore::default()
    );
}
