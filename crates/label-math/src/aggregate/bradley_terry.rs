//! The model of Bradley and Terry (1952) by the iteration of Newman (2023).
#![allow(
    clippy::arithmetic_side_effects,
    reason = "sums of at most 2^25 half wins times 2^60 stay below 2^86"
)]

use super::fixed::{log2, natural, ratio, to_q32, Powers, UNIT};
use super::{AggregateError, MAX_VOTES};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Who won.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The first item.
    First,
    /// The second item.
    Second,
    /// Nobody: half a win for each.
    Tie,
}

/// Two items compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Number of an item.
    pub first: u32,
    /// Number of another.
    pub second: u32,
    /// Who won.
    pub outcome: Outcome,
}

/// Fitted strengths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strengths {
    /// For each item, ascending: natural logarithm of its strength in units of 2^-32, sum about 0.
    /// The first of two wins with probability 1/(1 + exp(second − first)).
    pub items: Vec<(u32, i64)>,
    /// Rounds done.
    pub rounds: u32,
}

/// For each item its opponents, with half wins for and against.
type Table = Vec<Vec<(usize, i128, i128)>>;

fn table(comparisons: &[Comparison]) -> Result<(Vec<u32>, Table), AggregateError> {
    if comparisons.is_empty() {
        return Err(AggregateError::Empty);
    }
    if comparisons.len() > MAX_VOTES {
        return Err(AggregateError::TooMany);
    }
    let mut items = BTreeSet::new();
    let mut wins: BTreeMap<(u32, u32), (i128, i128)> = BTreeMap::new();
    for comparison in comparisons {
        let Comparison {
            first,
            second,
            outcome,
        } = *comparison;
        if first == second {
            return Err(AggregateError::SameItem { item: first });
        }
        items.extend([first, second]);
        let (of_first, of_second) = match outcome {
            Outcome::First => (2, 0),
            Outcome::Second => (0, 2),
            Outcome::Tie => (1, 1),
        };
        let forth = wins.entry((first, second)).or_default();
        forth.0 += of_first;
        forth.1 += of_second;
        let back = wins.entry((second, first)).or_default();
        back.0 += of_second;
        back.1 += of_first;
    }
    let items: Vec<u32> = items.into_iter().collect();
    let at = |item: u32| items.binary_search(&item).unwrap_or_default();
    let mut opponents: Table = vec![Vec::new(); items.len()];
    for ((item, other), (won, lost)) in wins {
        if let Some(list) = opponents.get_mut(at(item)) {
            list.push((at(other), won, lost));
        }
    }
    Ok((items, opponents))
}

/// The items that item 0 reaches through those it beat (or, `back`, that beat it).
fn reached(table: &Table, back: bool) -> Vec<bool> {
    let mut seen = vec![false; table.len()];
    let mut todo = vec![0usize];
    while let Some(item) = todo.pop() {
        match seen.get_mut(item) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        for (other, won, lost) in table.get(item).into_iter().flatten() {
            if (if back { *lost } else { *won }) > 0 {
                todo.push(*other);
            }
        }
    }
    seen
}

/// Strengths of maximum likelihood, within at most `rounds` rounds. A round that moves no strength
/// by more than 2^-40 is the last.
///
/// They exist only if everybody beat everybody through some chain of others (Ford 1957), which is
/// checked first.
///
/// # Errors
///
/// [`AggregateError::Empty`], [`AggregateError::TooMany`], [`AggregateError::SameItem`],
/// [`AggregateError::NotConnected`], [`AggregateError::NotConverged`].
pub fn bradley_terry(comparisons: &[Comparison], rounds: u32) -> Result<Strengths, AggregateError> {
    let (items, table) = table(comparisons)?;
    for back in [false, true] {
        if let Some(apart) = reached(&table, back).iter().position(|seen| !seen) {
            return Err(AggregateError::NotConnected {
                item: items.get(apart).copied().unwrap_or_default(),
                other: items.first().copied().unwrap_or_default(),
            });
        }
    }
    let powers = Powers::new();
    let mut logs = vec![0i128; items.len()];
    for done in 1..=rounds {
        let mut moved = 0i128;
        for (item, opponents) in table.iter().enumerate() {
            let own = logs.get(item).copied().unwrap_or_default();
            let (mut won, mut lost) = (0i128, 0i128);
            for (other, wins, losses) in opponents {
                let their = logs.get(*other).copied().unwrap_or_default();
                let chance = probability(&powers, own - their);
                won += wins * (UNIT - chance);
                lost += losses * chance;
            }
            let spare = won.max(lost).leading_zeros();
            let surplus = 62u32.saturating_sub(spare);
            let step = log2(won >> surplus) - log2(lost >> surplus);
            if let Some(log) = logs.get_mut(item) {
                *log = own + step;
            }
            moved = moved.max(step.abs());
        }
        let count = i128::try_from(items.len()).unwrap_or(1).max(1);
        let mean = logs.iter().sum::<i128>() / count;
        for log in &mut logs {
            *log -= mean;
        }
        if moved <= UNIT >> 40 {
            return Ok(Strengths {
                items: items
                    .into_iter()
                    .zip(logs.into_iter().map(|log| to_q32(natural(log))))
                    .collect(),
                rounds: done,
            });
        }
    }
    Err(AggregateError::NotConverged { rounds })
}

/// 1/(1 + 2^-ahead), never 0 or 1.
fn probability(powers: &Powers, ahead: i128) -> i128 {
    let power = powers.exp2(-ahead.abs());
    let chance = if ahead >= 0 {
        ratio(UNIT, UNIT + power)
    } else {
        ratio(power, UNIT + power)
    };
    chance.clamp(1 << 20, UNIT - (1 << 20))
}
