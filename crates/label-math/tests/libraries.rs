//! What crowd-kit, choix and krippendorff say about the same votes (`vectors/make.py`).

use athanor_label_math::{
    alpha, bradley_terry, consensus, dawid_skene, pack, AggregateError, Answer, Comparison,
    LabelType, Level, Outcome, Vote,
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vectors {
    dawid_skene: Vec<Skene>,
    majority: Vec<Majority>,
    bradley_terry: Vec<Terry>,
    alpha: Vec<Alpha>,
}

#[derive(Deserialize)]
struct Skene {
    name: String,
    rounds: u32,
    votes: Vec<(u32, u32, u32)>,
    labels: Vec<u32>,
    posteriors: Vec<Vec<f64>>,
    priors: Vec<f64>,
}

#[derive(Deserialize)]
struct Majority {
    name: String,
    classes: u8,
    votes: Vec<(u32, u32, u32)>,
    weights: Vec<(u32, i32)>,
    plain: Vec<u32>,
    weighted: Vec<u32>,
}

#[derive(Deserialize)]
struct Terry {
    name: String,
    comparisons: Vec<(u32, u32, u8)>,
    strengths: Vec<f64>,
}

#[derive(Deserialize)]
struct Alpha {
    name: String,
    votes: Vec<(u32, u32, u32)>,
    alpha: BTreeMap<String, f64>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/aggregate.json")).unwrap()
}

fn votes(rows: &[(u32, u32, u32)]) -> Vec<Vote> {
    rows.iter()
        .map(|(task, worker, label)| Vote {
            task: *task,
            worker: *worker,
            label: *label,
        })
        .collect()
}

fn float(q32: i64) -> f64 {
    q32 as f64 / 4_294_967_296.0
}

fn compared(rows: &[(u32, u32, u8)]) -> Vec<Comparison> {
    rows.iter()
        .map(|(first, second, outcome)| Comparison {
            first: *first,
            second: *second,
            outcome: [Outcome::Tie, Outcome::First, Outcome::Second][usize::from(*outcome)],
        })
        .collect()
}

#[test]
fn posteriors_are_those_of_crowd_kit() {
    for case in vectors().dawid_skene {
        let found = dawid_skene(&votes(&case.votes), case.rounds).unwrap();
        assert_eq!(found.labels, case.labels, "{}", case.name);
        assert_eq!(found.tasks.len(), case.posteriors.len());
        for ((task, mine), theirs) in found.tasks.iter().zip(&case.posteriors) {
            for (mine, theirs) in mine.iter().zip(theirs) {
                assert!(
                    (float(*mine) - theirs).abs() < 1e-6,
                    "{}, task {task}: {} and {theirs}",
                    case.name,
                    float(*mine)
                );
            }
        }
        for (mine, theirs) in found.priors.iter().zip(&case.priors) {
            assert!((float(*mine) - theirs).abs() < 1e-6);
        }
    }
}

#[test]
fn consensus_is_the_majority_vote_of_crowd_kit() {
    for case in vectors().majority {
        let ty = LabelType::Classification {
            classes: case.classes,
        };
        let weights: BTreeMap<u32, i32> = case.weights.iter().copied().collect();
        let mut pages: BTreeMap<u32, BTreeMap<u32, Vec<Answer>>> = BTreeMap::new();
        for (task, worker, label) in &case.votes {
            let page = pages.entry(task / 4).or_default();
            page.entry(*worker).or_default().push(Answer::Code(*label));
        }
        let mut theirs = case.plain.iter().zip(&case.weighted);
        for page in pages.values() {
            let sheets: Vec<Vec<u8>> = page.values().map(|a| pack(&ty, a).unwrap()).collect();
            let own: Vec<i32> = page.keys().map(|worker| weights[worker]).collect();
            let plain = consensus(&ty, 4, 1, &sheets, &vec![1; own.len()]).unwrap();
            let weighted = consensus(&ty, 4, 1, &sheets, &own).unwrap();
            for (task, (plain, weighted)) in plain.iter().zip(&weighted).enumerate() {
                let votes = |label: &Answer| page.values().filter(|a| a[task] == *label).count();
                let (their_plain, their_weighted) = theirs.next().unwrap();
                let mine = plain.label.as_ref().unwrap();
                let their_plain = Answer::Code(*their_plain);
                // Of labels with as many votes it takes the one that is most frequent elsewhere.
                assert_eq!(votes(mine), votes(&their_plain), "{}", case.name);
                assert!(plain.tie || *mine == their_plain);
                assert!(!weighted.tie);
                assert_eq!(weighted.label, Some(Answer::Code(*their_weighted)));
            }
        }
        assert!(theirs.next().is_none());
    }
}

#[test]
fn strengths_are_those_of_choix() {
    for case in vectors().bradley_terry {
        let found = bradley_terry(&compared(&case.comparisons), 10_000).unwrap();
        assert_eq!(found.items.len(), case.strengths.len());
        for ((item, mine), theirs) in found.items.iter().zip(&case.strengths) {
            assert!(
                (float(*mine) - theirs).abs() < 1e-6,
                "{}, item {item}: {} and {theirs}",
                case.name,
                float(*mine)
            );
        }
    }
}

#[test]
fn alphas_are_those_of_krippendorff() {
    for case in vectors().alpha {
        for (level, theirs) in &case.alpha {
            let level = match level.as_str() {
                "nominal" => Level::Nominal,
                "ordinal" => Level::Ordinal,
                "interval" => Level::Interval,
                other => panic!("{other}"),
            };
            let mine = float(alpha(&votes(&case.votes), level).unwrap());
            assert!(
                (mine - theirs).abs() < 1e-9,
                "{}, {level:?}: {mine} and {theirs}",
                case.name
            );
        }
    }
}

#[test]
fn the_order_of_votes_changes_nothing() {
    let vectors = vectors();
    let mut table = votes(&vectors.dawid_skene[0].votes);
    let mut games = compared(&vectors.bradley_terry[1].comparisons);
    let before = (
        dawid_skene(&table, 40).unwrap(),
        bradley_terry(&games, 10_000).unwrap(),
        alpha(&table, Level::Ordinal).unwrap(),
    );
    table.reverse();
    games.rotate_left(7);
    let after = (
        dawid_skene(&table, 40).unwrap(),
        bradley_terry(&games, 10_000).unwrap(),
        alpha(&table, Level::Ordinal).unwrap(),
    );
    assert_eq!(before, after);
}

#[test]
fn a_liar_is_read_the_other_way_round() {
    let mut table = Vec::new();
    for task in 0..40 {
        let truth = task % 2;
        for worker in 0..4 {
            table.push(Vote {
                task,
                worker,
                label: if worker == 3 { 1 - truth } else { truth },
            });
        }
    }
    let found = dawid_skene(&table, 100).unwrap();
    assert!(found.converged);
    for (task, label) in found.best() {
        assert_eq!(label, task % 2);
    }
    let (worker, errors) = found.workers.last().unwrap();
    assert_eq!(*worker, 3);
    assert!(float(errors.0[0].1[1]) > 0.99);
}

#[test]
fn what_can_not_be_aggregated_is_named() {
    let vote = |task, worker, label| Vote {
        task,
        worker,
        label,
    };
    assert_eq!(dawid_skene(&[], 9), Err(AggregateError::Empty));
    let many: Vec<Vote> = (0..65).map(|label| vote(0, label, label)).collect();
    assert_eq!(dawid_skene(&many, 9), Err(AggregateError::TooMany));
    assert_eq!(alpha(&[], Level::Nominal), Err(AggregateError::NoPairs));
    assert_eq!(
        alpha(&[vote(0, 0, 1), vote(1, 0, 2)], Level::Nominal),
        Err(AggregateError::NoPairs)
    );
    assert_eq!(
        alpha(&[vote(0, 0, 1), vote(0, 1, 1)], Level::Nominal),
        Err(AggregateError::NoVariation)
    );
    assert_eq!(
        alpha(&[vote(0, 0, 1), vote(0, 1, 65_536)], Level::Interval),
        Err(AggregateError::TooMany)
    );

    let won = |first, second| Comparison {
        first,
        second,
        outcome: Outcome::First,
    };
    assert_eq!(bradley_terry(&[], 9), Err(AggregateError::Empty));
    assert_eq!(
        bradley_terry(&[won(4, 4)], 9),
        Err(AggregateError::SameItem { item: 4 })
    );
    assert_eq!(
        bradley_terry(&[won(0, 1), won(1, 0), won(2, 0)], 9),
        Err(AggregateError::NotConnected { item: 2, other: 0 })
    );
    assert_eq!(
        bradley_terry(&[won(0, 1), won(1, 0), won(1, 2)], 9),
        Err(AggregateError::NotConnected { item: 2, other: 0 })
    );
    let uneven: Vec<Comparison> = [won(1, 0); 9].into_iter().chain([won(0, 1)]).collect();
    assert_eq!(
        bradley_terry(&uneven, 1),
        Err(AggregateError::NotConverged { rounds: 1 })
    );
    let found = bradley_terry(&uneven, 1_000).unwrap();
    assert!((float(found.items[1].1 - found.items[0].1) - 9f64.ln()).abs() < 1e-9);
}
