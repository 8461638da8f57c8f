//! Consensus labels, against definitions spelled out token by token and pair by pair.

use crate::crowd::{any_type, config, Dice};
use athanor_label_math::{
    consensus, pack, weight, Agreement, Answer, Consensus, LabelType, Prior, Record, ScoreError,
    Span, WorkerSums,
};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn one(ty: &LabelType, answers: &[Answer], weights: &[i32]) -> Consensus {
    let sheets: Vec<Vec<u8>> = answers
        .iter()
        .map(|answer| pack(ty, &vec![answer.clone(); 4]).unwrap())
        .collect();
    let mut labels = consensus(ty, 4, 3, &sheets, weights).unwrap();
    assert!(labels.windows(2).all(|pair| pair[0] == pair[1]));
    labels.remove(0)
}

fn code(answer: &Answer) -> u32 {
    match answer {
        Answer::Code(code) => *code,
        Answer::Spans(_) => panic!("spans"),
    }
}

fn heard(answers: &[Answer], weights: &[i32], says: impl Fn(&Answer) -> bool) -> i64 {
    answers
        .iter()
        .zip(weights)
        .filter(|(answer, _)| says(answer))
        .map(|(_, weight)| i64::from(*weight))
        .sum()
}

fn slow(ty: &LabelType, answers: &[Answer], weights: &[i32]) -> Answer {
    let all: i64 = weights.iter().copied().map(i64::from).sum();
    match *ty {
        LabelType::Classification { classes } => {
            let votes: Vec<i64> = (0..u32::from(classes))
                .map(|class| heard(answers, weights, |answer| code(answer) == class))
                .collect();
            let most = *votes.iter().max().unwrap();
            Answer::Code(votes.iter().position(|vote| *vote == most).unwrap() as u32)
        }
        LabelType::Preference => {
            let votes: Vec<i64> = (0..4)
                .map(|choice| {
                    let equal = heard(answers, weights, |answer| code(answer) == choice);
                    let near = heard(answers, weights, |answer| {
                        matches!((choice, code(answer)), (2, 0 | 1) | (0 | 1, 2))
                    });
                    2 * equal + near
                })
                .collect();
            let most = *votes.iter().max().unwrap();
            Answer::Code(votes.iter().position(|vote| *vote == most).unwrap() as u32)
        }
        LabelType::Rating { steps } => Answer::Code(
            (0..u32::from(steps))
                .find(|step| 2 * heard(answers, weights, |answer| code(answer) <= *step) >= all)
                .unwrap(),
        ),
        LabelType::MultiLabel { flags } => Answer::Code(
            (0..flags)
                .filter(|flag| {
                    2 * heard(answers, weights, |answer| code(answer) >> flag & 1 == 1) > all
                })
                .map(|flag| 1 << flag)
                .sum(),
        ),
        LabelType::Safety { quorum, .. } => {
            let severities: Vec<u8> = (0..ty.flags())
                .map(|flag| {
                    let mut set: Vec<u8> = answers
                        .iter()
                        .map(|answer| (code(answer) >> (2 * flag) & 3) as u8)
                        .filter(|severity| *severity > 0)
                        .collect();
                    set.sort_unstable();
                    if set.len() < usize::from(quorum) {
                        0
                    } else {
                        set[(set.len() - 1) / 2]
                    }
                })
                .collect();
            Answer::safety(&severities)
        }
        LabelType::Ranking { items } => {
            let points = |item: u8| -> i64 {
                answers
                    .iter()
                    .zip(weights)
                    .map(|(answer, weight)| {
                        let order = Answer::fields(code(answer), 3, items);
                        let place = order.iter().position(|other| *other == item).unwrap();
                        i64::from(*weight) * (i64::from(items) - 1 - place as i64)
                    })
                    .sum()
            };
            let mut order: Vec<u8> = (0..items).collect();
            order.sort_by_key(|item| -points(*item));
            Answer::ranking(&order)
        }
        LabelType::Span { tokens } => {
            let mut label = Vec::new();
            for name in [0u8, 3, 255] {
                let mut open: Option<u16> = None;
                for token in 0..=tokens.min(400) {
                    let covered = heard(answers, weights, |answer| {
                        let Answer::Spans(spans) = answer else {
                            panic!("codes");
                        };
                        spans.iter().any(|span| {
                            span.label == name
                                && (u32::from(span.start)..span.end()).contains(&token.into())
                        })
                    });
                    match open {
                        None if 2 * covered > all => open = Some(token),
                        Some(start) if 2 * covered <= all => {
                            label.push(Span {
                                label: name,
                                start,
                                len: token - start,
                            });
                            open = None;
                        }
                        _ => {}
                    }
                }
                assert_eq!(open, None);
            }
            Answer::Spans(label)
        }
        LabelType::Text => unreachable!("no sheet"),
    }
}

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn equal_to_the_definition(
        ty in any_type(),
        seed in any::<u64>(),
        weights in prop::collection::vec(prop_oneof![1i32..4, 1i32..500_000], 1..=9),
    ) {
        let mut dice = Dice(seed);
        let truth = dice.answer(&ty);
        let answers: Vec<Answer> = weights
            .iter()
            .map(|_| if dice.chance(50) { truth.clone() } else { dice.answer(&ty) })
            .collect();
        let label = one(&ty, &answers, &weights);
        prop_assert_eq!(label.label, Some(slow(&ty, &answers, &weights)));
        prop_assert_eq!(label.thin, weights.len() < 3);
    }

    #[test]
    fn the_order_of_sheets_changes_nothing(
        ty in any_type(),
        seed in any::<u64>(),
        workers in 1usize..=9,
    ) {
        let mut dice = Dice(seed);
        let mut votes: Vec<(Answer, i32)> = (0..workers)
            .map(|_| (dice.answer(&ty), 1 + dice.below(3) as i32))
            .collect();
        let label = |votes: &[(Answer, i32)]| {
            let (answers, weights): (Vec<_>, Vec<_>) = votes.iter().cloned().unzip();
            one(&ty, &answers, &weights)
        };
        let before = label(&votes);
        dice.shuffle(&mut votes);
        prop_assert_eq!(before, label(&votes));
    }

    #[test]
    fn one_voice_is_the_label(ty in any_type(), seed in any::<u64>()) {
        let answer = Dice(seed).answer(&ty);
        if matches!(ty, LabelType::Safety { quorum, .. } if quorum > 1) {
            return Ok(());
        }
        let label = one(&ty, std::slice::from_ref(&answer), &[7]);
        if let (Answer::Spans(mine), Some(Answer::Spans(found))) = (&answer, &label.label) {
            let tokens = |spans: &[Span]| -> BTreeSet<(u8, u32)> {
                spans
                    .iter()
                    .flat_map(|s| (u32::from(s.start)..s.end()).map(move |t| (s.label, t)))
                    .collect()
            };
            prop_assert_eq!(tokens(mine), tokens(found));
        } else {
            prop_assert_eq!(label.label, Some(answer));
        }
        prop_assert_eq!(label.support, 65_536);
        prop_assert!(!label.tie && label.thin);
    }

    #[test]
    fn every_weight_is_positive_and_grows_with_right_answers(
        ty in any_type(),
        gold in 0u32..70_000,
        right in 0u32..70_000,
        prior in (0u8..=20, 0u8..=20),
    ) {
        let on = Agreement { gold_on: true, ..Agreement::default() };
        let right = right.min(gold);
        let sums = |right| WorkerSums { right, gold, ..WorkerSums::default() };
        let prior = Prior { right: prior.0.min(prior.1), answers: prior.1 };
        let mine = weight(&ty, &sums(right), &on, prior);
        prop_assert!(mine > 0);
        if right < gold {
            prop_assert!(weight(&ty, &sums(right + 1), &on, prior) >= mine);
        }
        let off = Agreement::default();
        prop_assert_eq!(
            weight(&ty, &sums(right), &off, prior),
            weight(&ty, &sums(0), &off, prior)
        );
    }
}

#[test]
fn ties_go_to_the_lowest_code_and_are_marked() {
    let class = LabelType::Classification { classes: 3 };
    let label = one(&class, &[2, 1].map(Answer::Code), &[5, 5]);
    assert_eq!((label.label, label.tie), (Some(Answer::Code(1)), true));
    assert_eq!(label.support, 32_768);
    let label = one(&class, &[2, 1].map(Answer::Code), &[6, 5]);
    assert_eq!((label.label, label.tie), (Some(Answer::Code(2)), false));

    let rating = LabelType::Rating { steps: 5 };
    let label = one(&rating, &[4, 1].map(Answer::Code), &[3, 3]);
    assert_eq!((label.label, label.tie), (Some(Answer::Code(1)), true));
    assert_eq!(label.mean, Some(5 << 15));

    let flags = LabelType::MultiLabel { flags: 2 };
    let label = one(&flags, &[0b01, 0b11].map(Answer::Code), &[3, 3]);
    assert_eq!((label.label, label.tie), (Some(Answer::Code(0b01)), true));

    let order = LabelType::Ranking { items: 3 };
    let answers = [Answer::ranking(&[2, 1, 0]), Answer::ranking(&[0, 1, 2])];
    let label = one(&order, &answers, &[1, 1]);
    assert_eq!(
        (label.label, label.tie),
        (Some(Answer::ranking(&[0, 1, 2])), true)
    );
}

#[test]
fn a_quorum_sets_a_safety_flag_against_the_majority() {
    let safety = LabelType::Safety {
        weights: [4, 2, 0, 0, 0, 0, 0, 0],
        quorum: 2,
    };
    let answers = [[3, 0], [1, 1], [0, 0], [0, 0], [0, 0]].map(|s| Answer::safety(&s));
    let label = one(&safety, &answers, &[1, 1, 9, 9, 9]);
    assert_eq!(label.label, Some(Answer::safety(&[1, 0])));
    assert!(label.tie);
}

#[test]
fn no_sheet_has_no_label() {
    let none: [&[u8]; 0] = [];
    let labels = consensus(&LabelType::Preference, 4, 1, &none, &[]).unwrap();
    assert_eq!(labels.len(), 4);
    assert!(labels
        .iter()
        .all(|label| label.label.is_none() && label.thin));
}

#[test]
fn weights_must_fit_the_sheets() {
    let ty = LabelType::Preference;
    let sheets: [&[u8]; 2] = [&[0], &[1]];
    for weights in [&[1][..], &[1, 0], &[1, -1], &[1, 1, 1]] {
        assert_eq!(
            consensus(&ty, 4, 1, &sheets, weights),
            Err(ScoreError::Weights)
        );
    }
    assert_eq!(
        consensus(&ty, 4, 1, &[sheets[0]; 10], &[1; 10]),
        Err(ScoreError::Panel)
    );
}

#[test]
fn a_prior_has_at_most_twenty_answers() {
    let of = |right, wrong| Prior::of(&Record { right, wrong });
    assert_eq!(
        of(3, 2),
        Prior {
            right: 3,
            answers: 5
        }
    );
    assert_eq!(
        of(20, 0),
        Prior {
            right: 20,
            answers: 20
        }
    );
    assert_eq!(
        of(30, 10),
        Prior {
            right: 15,
            answers: 20
        }
    );
    assert_eq!(
        of(u32::MAX, 1),
        Prior {
            right: 19,
            answers: 20
        }
    );
    assert_eq!(of(0, 0), Prior::default());
}

/// ln by its own series, exactly: 2·Σ z^(2k+1)/(2k+1) with z = (x − 1)/(x + 1), after x was brought
/// near 1 by halving.
fn ln(x: &BigRational) -> BigRational {
    let int = |value: i64| BigRational::from_integer(BigInt::from(value));
    let series = |x: &BigRational| {
        let z = (x - int(1)) / (x + int(1));
        let square = &z * &z;
        let mut power = z.clone();
        let mut sum = int(0);
        for k in 0..14 {
            sum += &power / int(2 * k + 1);
            power *= &square;
        }
        sum * int(2)
    };
    let mut halvings = 0;
    let mut x = x.clone();
    while x > int(4) / int(3) {
        x /= int(2);
        halvings += 1;
    }
    while x < int(2) / int(3) {
        x *= int(2);
        halvings -= 1;
    }
    series(&x) + int(halvings) * series(&int(2))
}

#[test]
fn the_tables_of_weights_are_rounded_logarithms() {
    let int = |value: i64| BigRational::from_integer(BigInt::from(value));
    let on = Agreement {
        gold_on: true,
        ..Agreement::default()
    };
    let rounded = |value: BigRational| (value * int(65_536)).round().to_integer();
    let mut seen = BTreeSet::new();
    for classes in 2..=16u8 {
        let ty = LabelType::Classification { classes };
        for right in 0..=640u32 {
            let sums = WorkerSums {
                right,
                gold: 640,
                ..WorkerSums::default()
            };
            let p = (u64::from(right) + 7) * 65_536 / 650;
            let p = p.max(65_536 / u64::from(classes) + 1_310).min(64_225);
            let step = (p * 64 / 65_536) as i64;
            if !seen.insert((classes, step)) {
                continue;
            }
            let logit = rounded(ln(&(int(2 * step + 1) / int(127 - 2 * step))));
            let others = rounded(ln(&int(i64::from(classes) - 1)));
            assert_eq!(
                BigInt::from(weight(&ty, &sums, &on, Prior::default())),
                logit + others,
                "{classes} classes, step {step}"
            );
        }
    }
    assert!(seen.len() > 700);
}
