//! What came of a scenario.

use crate::batch::{Outcome, Played};
use crate::scenario::{Group, Kind, Scenario};
use serde::{Deserialize, Serialize};

/// What one kind of worker got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// Who.
    #[serde(flatten)]
    pub group: Group,
    /// Workers with a page, over all batches.
    pub played: u64,
    /// Mean share of the price that is paid.
    pub share: f64,
    /// The share a tenth of them stays below.
    pub low: f64,
    /// The share a tenth of them is above.
    pub high: f64,
    /// Part of them that is paid nothing.
    pub unpaid: f64,
    /// Part of them that loses the stakes.
    pub stake_lost: f64,
    /// Mean share of the price left after lost stakes.
    pub net: f64,
}

/// What came of a scenario's batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Batches played.
    pub batches: u32,
    /// Pages of each.
    pub pages: u64,
    /// Kinds of workers, as the scenario lists them.
    pub groups: Vec<GroupReport>,
    /// Part of the consensus labels that is true, gold left out.
    pub label_accuracy: f64,
    /// The same with every worker's voice equal.
    pub majority_accuracy: f64,
    /// Cost of a label that is not gold, fees included, over the price of an answer: the requester
    /// pays it whatever the workers get.
    pub cost_per_label: f64,
    /// Cost of a true label.
    pub cost_per_true_label: f64,
    /// Part of the price of all answers that went to workers.
    pub paid: f64,
    /// Part of the batches in which gold counted.
    pub gold_on: f64,
    /// Part of the batches in which agreement counted.
    pub signal: f64,
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 {
        0.0
    } else {
        part / whole
    }
}

impl GroupReport {
    fn new(group: Group, stake: f64, outcomes: &[&Outcome]) -> Self {
        let count = outcomes.len() as f64;
        let mean = |value: &dyn Fn(&Outcome) -> f64| {
            ratio(outcomes.iter().map(|outcome| value(outcome)).sum(), count)
        };
        let mut shares: Vec<f64> = outcomes.iter().map(|outcome| outcome.share).collect();
        shares.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let last = shares.len().saturating_sub(1) as f64;
            shares
                .get((part * last).round() as usize)
                .copied()
                .unwrap_or(0.0)
        };
        Self {
            group,
            played: outcomes.len() as u64,
            share: mean(&|outcome| outcome.share),
            low: at(0.1),
            high: at(0.9),
            unpaid: mean(&|outcome| f64::from(u8::from(outcome.share == 0.0))),
            stake_lost: mean(&|outcome| f64::from(u8::from(outcome.junk))),
            net: mean(&|outcome| outcome.share - if outcome.junk { stake } else { 0.0 }),
        }
    }
}

impl Report {
    pub(crate) fn of_batches(scenario: &Scenario, batches: &[Played]) -> Self {
        let stake = f64::from(scenario.stake_bp) / 10_000.0;
        let fee = f64::from(scenario.fee_bp) / 10_000.0;
        let sum = |value: &dyn Fn(&Played) -> u64| batches.iter().map(value).sum::<u64>() as f64;
        let labels = sum(&|batch| batch.labels);
        let right = sum(&|batch| batch.right);
        let answers = sum(&|batch| batch.slots) * f64::from(scenario.tasks);
        let cost = answers * (1.0 + fee);
        let paid: u128 = batches
            .iter()
            .flat_map(|batch| &batch.workers)
            .map(|outcome| outcome.paid)
            .sum();
        let groups = scenario
            .groups
            .iter()
            .enumerate()
            .map(|(at, group)| {
                let outcomes: Vec<&Outcome> = batches
                    .iter()
                    .flat_map(|batch| &batch.workers)
                    .filter(|outcome| outcome.group == at && outcome.pages > 0)
                    .collect();
                GroupReport::new(*group, stake, &outcomes)
            })
            .collect();
        let count = batches.len() as f64;
        Self {
            batches: scenario.batches,
            pages: scenario.page_count(),
            groups,
            label_accuracy: ratio(right, labels),
            majority_accuracy: ratio(sum(&|batch| batch.right_unweighted), labels),
            cost_per_label: ratio(cost, labels),
            cost_per_true_label: ratio(cost, right),
            paid: ratio(paid as f64, answers * scenario.price as f64),
            gold_on: ratio(sum(&|batch| u64::from(batch.gold_on)), count),
            signal: ratio(sum(&|batch| u64::from(batch.signal)), count),
        }
    }

    /// The first group of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&GroupReport> {
        self.groups.iter().find(|group| group.group.kind == kind)
    }
}
