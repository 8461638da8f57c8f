//! One batch: dealt, answered, scored, paid.

use crate::dice::Dice;
use crate::scenario::{Kind, Scenario, ScenarioError};
use crate::truth::{any, opposite, seen};
use athanor_label_math::{
    consensus, pack, pack_answer, pay, rank, score_page, weight, Answer, BatchSums, Gold, Hist,
    LabelType, Prior, ScoreError, WorkerSums,
};

/// What a batch did to one worker.
pub(crate) struct Outcome {
    pub(crate) group: usize,
    pub(crate) pages: u32,
    pub(crate) share: f64,
    pub(crate) paid: u128,
    pub(crate) junk: bool,
}

/// What came of a batch.
pub(crate) struct Played {
    pub(crate) workers: Vec<Outcome>,
    /// Tasks that are not gold.
    pub(crate) labels: u64,
    /// Those whose consensus is the truth.
    pub(crate) right: u64,
    /// Those whose plain majority is.
    pub(crate) right_unweighted: u64,
    pub(crate) slots: u64,
    pub(crate) gold_on: bool,
    pub(crate) signal: bool,
}

struct Page {
    authors: Vec<usize>,
    sheets: Vec<Vec<u8>>,
    truth: Vec<Answer>,
    gold: Vec<(u8, Vec<u8>)>,
}

/// Panels such that no worker has two pages more than another.
fn deal(scenario: &Scenario, workers: usize, dice: &mut Dice) -> Vec<Vec<usize>> {
    let panel = usize::from(scenario.panel);
    let mut order: Vec<usize> = Vec::new();
    (0..scenario.page_count())
        .map(|_| {
            let mut authors: Vec<usize> = Vec::with_capacity(panel);
            while authors.len() < panel {
                if order.is_empty() {
                    order = (0..workers).collect();
                    dice.shuffle(&mut order);
                }
                // Somebody may end one round and begin the next on the same page.
                let next = order.iter().position(|worker| !authors.contains(worker));
                match next {
                    Some(at) => authors.push(order.remove(at)),
                    None => {
                        let mut more: Vec<usize> = (0..workers).collect();
                        dice.shuffle(&mut more);
                        order.extend(more);
                    }
                }
            }
            authors
        })
        .collect()
}

fn page(
    scenario: &Scenario,
    authors: Vec<usize>,
    kinds: &[usize],
    habits: &[Answer],
    dice: &mut Dice,
) -> Result<Page, ScoreError> {
    let ty = &scenario.label;
    let tasks = usize::from(scenario.tasks);
    let mut positions: Vec<u8> = (0..scenario.tasks).collect();
    dice.shuffle(&mut positions);
    positions.truncate(scenario.gold.into());
    positions.sort_unstable();
    let mut truth: Vec<Answer> = (0..tasks).map(|_| scenario.truth.draw(ty, dice)).collect();
    if let (true, LabelType::Classification { classes }) = (scenario.balanced_gold, ty) {
        let first = dice.below(usize::from(*classes));
        for (item, position) in positions.iter().enumerate() {
            let class = (first + item) % usize::from(*classes);
            truth[usize::from(*position)] = Answer::Code(class as u32);
        }
    }
    let key: Vec<Answer> = (0..tasks).map(|_| scenario.truth.draw(ty, dice)).collect();
    let mut persons: Vec<Option<Vec<Answer>>> = vec![None; scenario.groups.len()];
    let mut sheets = Vec::with_capacity(authors.len());
    for author in &authors {
        let group = kinds[*author];
        let accuracy = scenario.groups[group].accuracy;
        let answers: Vec<Answer> = match scenario.groups[group].kind {
            Kind::Honest => truth.iter().map(|t| seen(ty, t, accuracy, dice)).collect(),
            Kind::Constant => vec![habits[*author].clone(); tasks],
            Kind::Random => (0..tasks).map(|_| any(ty, dice)).collect(),
            Kind::HalfEffort => {
                let mut attentive: Vec<bool> = (0..tasks).map(|task| task < tasks / 2).collect();
                dice.shuffle(&mut attentive);
                truth
                    .iter()
                    .zip(attentive)
                    .map(|(truth, attentive)| {
                        if attentive {
                            seen(ty, truth, accuracy, dice)
                        } else {
                            habits[*author].clone()
                        }
                    })
                    .collect()
            }
            Kind::Colluding => key.clone(),
            Kind::Opposite => truth
                .iter()
                .map(|t| {
                    let honest = seen(ty, t, accuracy, dice);
                    opposite(ty, &honest, dice)
                })
                .collect(),
            Kind::Sybil => persons[group]
                .get_or_insert_with(|| truth.iter().map(|t| seen(ty, t, accuracy, dice)).collect())
                .clone(),
        };
        sheets.push(pack(ty, &answers)?);
    }
    let gold = positions
        .into_iter()
        .map(|position| {
            let right = &truth[usize::from(position)];
            let answer = if dice.chance(scenario.false_gold) {
                seen(ty, right, 0.0, dice)
            } else {
                right.clone()
            };
            Ok((position, pack_answer(ty, &answer)?))
        })
        .collect::<Result<Vec<_>, ScoreError>>()?;
    Ok(Page {
        authors,
        sheets,
        truth,
        gold,
    })
}

pub(crate) fn play(scenario: &Scenario, number: u32) -> Result<Played, ScenarioError> {
    let ty = &scenario.label;
    let mut dice = Dice::new(scenario.seed, number);
    let kinds: Vec<usize> = scenario
        .groups
        .iter()
        .enumerate()
        .flat_map(|(group, workers)| vec![group; workers.workers as usize])
        .collect();
    let habits: Vec<Answer> = kinds.iter().map(|_| any(ty, &mut dice)).collect();
    let mut sums = BatchSums::default();
    let mut workers = vec![WorkerSums::default(); kinds.len()];
    let mut pages = Vec::new();
    for authors in deal(scenario, kinds.len(), &mut dice) {
        let page = page(scenario, authors, &kinds, &habits, &mut dice)?;
        let gold: Vec<Gold<'_>> = page
            .gold
            .iter()
            .map(|(position, answer)| Gold {
                position: *position,
                answer,
                void: false,
            })
            .collect();
        let score = score_page(ty, scenario.tasks, &page.sheets, &gold)?;
        sums.add(&score.batch)?;
        for (author, part) in page.authors.iter().zip(&score.workers) {
            workers[*author].add(part)?;
        }
        pages.push(page);
    }
    let agreement = sums.agreement()?;
    let mut hist = Hist::default();
    for worker in &workers {
        if let Some(place) = rank(worker, &agreement, &scenario.terms)? {
            hist.add(place)?;
        }
    }
    let reference = hist.reference(&agreement, &scenario.terms)?;
    let mut outcomes = Vec::with_capacity(kinds.len());
    for (group, worker) in kinds.iter().zip(&workers) {
        let paid = pay(
            worker,
            &sums,
            &agreement,
            &reference,
            &scenario.terms,
            scenario.price.into(),
        )?;
        outcomes.push(Outcome {
            group: *group,
            pages: worker.answers / u32::from(scenario.tasks),
            share: f64::from(paid.share_bp) / 10_000.0,
            paid: paid.pay,
            junk: paid.junk,
        });
    }
    let mut played = Played {
        workers: outcomes,
        labels: 0,
        right: 0,
        right_unweighted: 0,
        slots: 0,
        gold_on: agreement.gold_on,
        signal: reference.signal,
    };
    for page in &pages {
        played.slots += page.authors.len() as u64;
        let weights: Vec<i32> = page
            .authors
            .iter()
            .map(|author| weight(ty, &workers[*author], &agreement, Prior::default()))
            .collect();
        let labels = consensus(ty, scenario.tasks, 1, &page.sheets, &weights)?;
        let plain = consensus(ty, scenario.tasks, 1, &page.sheets, &vec![1; weights.len()])?;
        for (task, truth) in page.truth.iter().enumerate() {
            if page.gold.iter().any(|(at, _)| usize::from(*at) == task) {
                continue;
            }
            played.labels += 1;
            played.right += u64::from(labels[task].label.as_ref() == Some(truth));
            played.right_unweighted += u64::from(plain[task].label.as_ref() == Some(truth));
        }
    }
    Ok(played)
}
