//! The model of Dawid and Skene (1979), fitted by expectation–maximisation.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "sums of at most 2^24 probabilities of 2^60 stay below 2^85"
)]

use super::fixed::{log2, ratio, to_q32, Powers, UNIT};
use super::{AggregateError, Vote, MAX_VOTES};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Least probability: 10^-10.
const LEAST: i128 = 115_292_150;

/// Most labels.
const MAX_LABELS: usize = 64;

/// Fitted model. Probabilities are in units of 2^-32.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posteriors {
    /// The labels that occur, ascending; the order of every list below.
    pub labels: Vec<u32>,
    /// For each task with a vote, ascending: how probable each label is.
    pub tasks: Vec<(u32, Vec<i64>)>,
    /// How frequent each label is.
    pub priors: Vec<i64>,
    /// For each worker, ascending.
    pub workers: Vec<(u32, WorkerErrors)>,
    /// Rounds done.
    pub rounds: u32,
    /// Whether the last round changed no task's probabilities by more than 2^-40.
    pub converged: bool,
}

/// Confusion matrix of a worker: for each label he used, its probability where each label is true,
/// in units of 2^-32.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerErrors(pub Vec<(u32, Vec<i64>)>);

impl Posteriors {
    /// For each task its most probable label, the lowest of equals.
    #[must_use]
    pub fn best(&self) -> Vec<(u32, u32)> {
        let best = |probabilities: &[i64]| {
            let most = probabilities.iter().max()?;
            let at = probabilities.iter().position(|other| other == most)?;
            self.labels.get(at).copied()
        };
        self.tasks
            .iter()
            .filter_map(|(task, probabilities)| Some((*task, best(probabilities)?)))
            .collect()
    }
}

/// Numbers of the votes' tasks, workers and labels in the sorted lists of those that occur.
struct Table {
    tasks: Vec<u32>,
    workers: Vec<u32>,
    labels: Vec<u32>,
    /// Task, (worker, label) as a number in `used`, label; sorted.
    votes: Vec<(usize, usize, usize)>,
    /// Pairs of worker and label that occur.
    used: Vec<(usize, usize)>,
}

fn sorted(values: impl Iterator<Item = u32>) -> Vec<u32> {
    values.collect::<BTreeSet<u32>>().into_iter().collect()
}

impl Table {
    fn new(votes: &[Vote]) -> Result<Self, AggregateError> {
        if votes.is_empty() {
            return Err(AggregateError::Empty);
        }
        let labels = sorted(votes.iter().map(|vote| vote.label));
        if labels.len() > MAX_LABELS || votes.len() > MAX_VOTES {
            return Err(AggregateError::TooMany);
        }
        let tasks = sorted(votes.iter().map(|vote| vote.task));
        let workers = sorted(votes.iter().map(|vote| vote.worker));
        let at = |list: &[u32], value: u32| list.binary_search(&value).unwrap_or_default();
        let used: Vec<(usize, usize)> = votes
            .iter()
            .map(|vote| (at(&workers, vote.worker), at(&labels, vote.label)))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut rows: Vec<(usize, usize, usize)> = votes
            .iter()
            .map(|vote| {
                let label = at(&labels, vote.label);
                let pair = (at(&workers, vote.worker), label);
                let pair = used.binary_search(&pair).unwrap_or_default();
                (at(&tasks, vote.task), pair, label)
            })
            .collect();
        rows.sort_unstable();
        Ok(Self {
            tasks,
            workers,
            labels,
            votes: rows,
            used,
        })
    }

    /// Each label's share of its task's votes.
    fn shares(&self) -> Vec<Vec<i128>> {
        let mut shares = vec![vec![0i128; self.labels.len()]; self.tasks.len()];
        for (task, _, label) in &self.votes {
            if let Some(count) = shares.get_mut(*task).and_then(|row| row.get_mut(*label)) {
                *count += 1;
            }
        }
        for row in &mut shares {
            let all: i128 = row.iter().sum();
            for share in row {
                *share = ratio(*share, all);
            }
        }
        shares
    }

    fn priors(&self, posteriors: &[Vec<i128>]) -> Vec<i128> {
        let mut priors = vec![0i128; self.labels.len()];
        for row in posteriors {
            for (sum, probability) in priors.iter_mut().zip(row) {
                *sum += probability;
            }
        }
        let tasks = i128::try_from(self.tasks.len()).unwrap_or(1);
        priors.into_iter().map(|sum| sum / tasks.max(1)).collect()
    }

    /// For each used pair of worker and label: its probability where each label is true.
    fn errors(&self, posteriors: &[Vec<i128>]) -> Vec<Vec<i128>> {
        let labels = self.labels.len();
        let mut errors = vec![vec![0i128; labels]; self.used.len()];
        for (task, pair, _) in &self.votes {
            if let (Some(sums), Some(row)) = (errors.get_mut(*pair), posteriors.get(*task)) {
                for (sum, probability) in sums.iter_mut().zip(row) {
                    *sum += probability;
                }
            }
        }
        let mut totals = vec![vec![0i128; labels]; self.workers.len()];
        for ((worker, _), sums) in self.used.iter().zip(&mut errors) {
            if let Some(total) = totals.get_mut(*worker) {
                for (total, sum) in total.iter_mut().zip(sums) {
                    *sum = (*sum).max(LEAST);
                    *total += *sum;
                }
            }
        }
        for ((worker, _), sums) in self.used.iter().zip(&mut errors) {
            if let Some(total) = totals.get(*worker) {
                for (sum, total) in sums.iter_mut().zip(total) {
                    *sum = divided(*sum, *total);
                }
            }
        }
        errors
    }

    fn posteriors(&self, powers: &Powers, priors: &[i128], errors: &[Vec<i128>]) -> Vec<Vec<i128>> {
        let priors: Vec<i128> = priors.iter().map(|p| log2((*p).max(LEAST))).collect();
        let errors: Vec<Vec<i128>> = errors
            .iter()
            .map(|row| row.iter().map(|p| log2(*p)).collect())
            .collect();
        let mut rows = vec![priors; self.tasks.len()];
        for (task, pair, _) in &self.votes {
            if let (Some(row), Some(logs)) = (rows.get_mut(*task), errors.get(*pair)) {
                for (sum, log) in row.iter_mut().zip(logs) {
                    *sum += log;
                }
            }
        }
        for row in &mut rows {
            let most = row.iter().copied().max().unwrap_or(0);
            for value in row.iter_mut() {
                *value = powers.exp2(*value - most);
            }
            let all: i128 = row.iter().sum();
            for value in row {
                *value = ratio(*value, all);
            }
        }
        rows
    }
}

/// a/b for a <= b, which may be far above one.
fn divided(a: i128, b: i128) -> i128 {
    let spare = b.unsigned_abs().leading_zeros().saturating_sub(1);
    let surplus = 61u32.saturating_sub(spare.min(61));
    ratio(a >> surplus, b >> surplus)
}

/// Fits the model by at most `rounds` rounds, from each label's share of a task's votes.
///
/// Labels nobody used have no probability. A probability counts as at least 10^-10 before its
/// logarithm is taken.
///
/// # Errors
///
/// [`AggregateError::Empty`], [`AggregateError::TooMany`].
pub fn dawid_skene(votes: &[Vote], rounds: u32) -> Result<Posteriors, AggregateError> {
    let table = Table::new(votes)?;
    let powers = Powers::new();
    let mut posteriors = table.shares();
    let mut priors = table.priors(&posteriors);
    let mut errors = table.errors(&posteriors);
    let mut done = 0u32;
    let mut converged = false;
    while done < rounds && !converged {
        let next = table.posteriors(&powers, &priors, &errors);
        converged = next
            .iter()
            .flatten()
            .zip(posteriors.iter().flatten())
            .all(|(new, old)| (new - old).abs() <= UNIT >> 40);
        posteriors = next;
        priors = table.priors(&posteriors);
        errors = table.errors(&posteriors);
        done += 1;
    }
    let in_q32 = |row: &Vec<i128>| row.iter().copied().map(to_q32).collect::<Vec<i64>>();
    let mut workers: BTreeMap<u32, WorkerErrors> = BTreeMap::new();
    for ((worker, label), row) in table.used.iter().zip(&errors) {
        let (Some(worker), Some(label)) = (table.workers.get(*worker), table.labels.get(*label))
        else {
            continue;
        };
        workers
            .entry(*worker)
            .or_insert_with(|| WorkerErrors(Vec::new()))
            .0
            .push((*label, in_q32(row)));
    }
    Ok(Posteriors {
        tasks: table
            .tasks
            .iter()
            .copied()
            .zip(posteriors.iter().map(in_q32))
            .collect(),
        priors: in_q32(&priors),
        labels: table.labels,
        workers: workers.into_iter().collect(),
        rounds: done,
        converged,
    })
}
