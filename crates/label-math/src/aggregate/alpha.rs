//! Krippendorff's alpha (Krippendorff, *Content Analysis*, chapter on reliability).

use super::{AggregateError, Vote, MAX_VOTES};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How far two different codes are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All the same.
    Nominal,
    /// By the number of votes between them.
    Ordinal,
    /// By their difference.
    Interval,
}

/// Agreement beyond chance: 1 is full, 0 is chance. In units of 2^-32, one of which it may be off.
///
/// Tasks with one vote don't count.
///
/// # Errors
///
/// [`AggregateError::NoPairs`], [`AggregateError::NoVariation`], [`AggregateError::TooMany`].
pub fn alpha(votes: &[Vote], level: Level) -> Result<i64, AggregateError> {
    if votes.len() > MAX_VOTES {
        return Err(AggregateError::TooMany);
    }
    if level == Level::Interval && votes.iter().any(|vote| vote.label > 65_535) {
        return Err(AggregateError::TooMany);
    }
    let mut tasks: BTreeMap<u32, BTreeMap<u32, i128>> = BTreeMap::new();
    for vote in votes {
        let count = tasks
            .entry(vote.task)
            .or_default()
            .entry(vote.label)
            .or_default();
        *count = count.saturating_add(1);
    }
    tasks.retain(|_, counts| counts.values().sum::<i128>() >= 2);
    if tasks.is_empty() {
        return Err(AggregateError::NoPairs);
    }
    let mut totals: BTreeMap<u32, i128> = BTreeMap::new();
    for counts in tasks.values() {
        for (label, count) in counts {
            let total = totals.entry(*label).or_default();
            *total = total.saturating_add(*count);
        }
    }
    let all: i128 = totals.values().sum();
    let places = places(&totals);
    let distance = |a: u32, b: u32| -> Option<i128> {
        let apart = match level {
            Level::Nominal => i128::from(a != b),
            Level::Interval => i128::from(a.abs_diff(b)),
            Level::Ordinal => places.get(&a)?.checked_sub(*places.get(&b)?)?,
        };
        apart.checked_mul(apart)
    };
    let found = || -> Option<i128> {
        // Grouped by the number of votes, so that only one quotient a group is rounded.
        let mut observed: BTreeMap<i128, i128> = BTreeMap::new();
        for counts in tasks.values() {
            let others = counts.values().sum::<i128>().checked_sub(1)?;
            let sum = observed.entry(others).or_default();
            *sum = sum.checked_add(apart(counts, &distance)?)?;
        }
        let expected = apart(&totals, &distance)?;
        if expected == 0 {
            return Some(i128::MAX);
        }
        let mut disagreement = 0i128;
        for (others, sum) in observed {
            let weight = all.checked_sub(1)?;
            let part = scaled_ratio(sum, weight, others.checked_mul(expected))?;
            disagreement = disagreement.checked_add(part)?;
        }
        (1i128 << 48).checked_sub(disagreement)
    };
    match found() {
        Some(i128::MAX) => Err(AggregateError::NoVariation),
        Some(value) => i64::try_from(value >> 16).map_err(|_| AggregateError::TooMany),
        None => Err(AggregateError::TooMany),
    }
}

/// ⌊2^48·sum·weight/divisor⌋, by long division: the product may be near 2^126 already.
fn scaled_ratio(sum: i128, weight: i128, divisor: Option<i128>) -> Option<i128> {
    let divisor = divisor?;
    let product = sum.checked_mul(weight)?;
    let whole = product.checked_div_euclid(divisor)?;
    let mut rest = product.checked_rem_euclid(divisor)?;
    let mut result = whole.checked_mul(1 << 48)?;
    let mut bit = 1i128 << 47;
    while bit > 0 {
        rest = rest.checked_mul(2)?;
        if rest >= divisor {
            rest = rest.checked_sub(divisor)?;
            result = result.checked_add(bit)?;
        }
        bit >>= 1;
    }
    Some(result)
}

/// Σ over ordered pairs of labels of count · count · distance.
fn apart(
    counts: &BTreeMap<u32, i128>,
    distance: &impl Fn(u32, u32) -> Option<i128>,
) -> Option<i128> {
    let mut sum = 0i128;
    for (a, times_a) in counts {
        for (b, times_b) in counts {
            let part = times_a
                .checked_mul(*times_b)?
                .checked_mul(distance(*a, *b)?)?;
            sum = sum.checked_add(part)?;
        }
    }
    Some(sum)
}

/// For each label twice the number of votes below it plus its own: differences are the distances
/// of the ordinal level, doubled.
fn places(totals: &BTreeMap<u32, i128>) -> BTreeMap<u32, i128> {
    let mut below = 0i128;
    let places: Vec<(u32, i128)> = totals
        .iter()
        .map(|(label, count)| {
            let place = below.saturating_mul(2).saturating_add(*count);
            below = below.saturating_add(*count);
            (*label, place)
        })
        .collect();
    places.into_iter().collect()
}
