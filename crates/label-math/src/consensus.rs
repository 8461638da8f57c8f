//! Consensus labels: what a page's sheets say together.

use crate::kernel::{mean_kappa, span_kappa, Kernel};
use crate::record::Record;
use crate::score::{Agreement, ScoreError, WorkerSums, MAX_PANEL};
use crate::sheet::{check_shape, decode, Answer, Decoded, Span};
use crate::types::LabelType;
use crate::Overflow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// ln(p/(1 − p)) in units of 2^-16, at the middle of each 64th of p.
const LOGIT: [i32; 64] = [
    -317_469, -244_430, -209_895, -186_770, -169_207, -154_945, -142_867, -132_339, -122_966,
    -114_485, -106_713, -99_514, -92_789, -86_461, -80_467, -74_758, -69_296, -64_045, -58_979,
    -54_072, -49_305, -44_660, -40_120, -35_671, -31_302, -27_000, -22_754, -18_555, -14_394,
    -10_261, -6_149, -2_048, 2_048, 6_149, 10_261, 14_394, 18_555, 22_754, 27_000, 31_302, 35_671,
    40_120, 44_660, 49_305, 54_072, 58_979, 64_045, 69_296, 74_758, 80_467, 86_461, 92_789, 99_514,
    106_713, 114_485, 122_966, 132_339, 142_867, 154_945, 169_207, 186_770, 209_895, 244_430,
    317_469,
];

/// ln n in units of 2^-16, for n = 1..=16.
const LN: [i32; 16] = [
    0, 45_426, 71_999, 90_852, 105_476, 117_425, 127_527, 136_278, 143_997, 150_902, 157_148,
    162_851, 168_097, 172_953, 177_475, 181_704,
];

/// A worker's record in the campaign's domain when he was enrolled, cut down to at most 20 answers.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Prior {
    /// Right answers, at most `answers`.
    pub right: u8,
    /// Answers, at most 20.
    pub answers: u8,
}

impl Prior {
    /// Most answers of a prior.
    pub const MAX: u8 = 20;

    /// A longer record keeps its share of right answers, rounded down.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let most = u64::from(Self::MAX);
        let answers = record.answers();
        let (right, answers) = if answers <= most {
            (u64::from(record.right), answers)
        } else {
            let right = u64::from(record.right).saturating_mul(most);
            (right.checked_div(answers).unwrap_or(0), most)
        };
        Self {
            right: u8::try_from(right).unwrap_or(Self::MAX),
            answers: u8::try_from(answers).unwrap_or(Self::MAX),
        }
    }
}

/// ω, the weight of a worker's labels: ln(p/(1 − p)) + ln(K − 1) in units of 2^-16, always
/// positive.
///
/// p = (right + 7)/(gold answers + 10), the prior counted in, within 1/K + 2 % and 98 %. Gold that
/// is off does not count.
#[must_use]
pub fn weight(ty: &LabelType, sums: &WorkerSums, agreement: &Agreement, prior: Prior) -> i32 {
    let (right, gold) = if agreement.gold_on {
        (sums.right.min(sums.gold), sums.gold)
    } else {
        (0, 0)
    };
    let right = u64::from(right)
        .saturating_add(u64::from(prior.right.min(prior.answers)))
        .saturating_add(7);
    let answers = u64::from(gold)
        .saturating_add(u64::from(prior.answers))
        .saturating_add(10);
    let classes = u64::from(ty.classes());
    let least = (1u64 << 16)
        .checked_div(classes)
        .unwrap_or(0)
        .saturating_add(1_310);
    let p = (right << 16)
        .checked_div(answers)
        .unwrap_or(0)
        .max(least)
        .min(64_225);
    let logit = usize::try_from(p >> 10)
        .ok()
        .and_then(|at| LOGIT.get(at))
        .copied()
        .unwrap_or(0);
    let classes = usize::from(ty.classes());
    let others = LN
        .get(classes.saturating_sub(2))
        .copied()
        .unwrap_or_default();
    logit.saturating_add(others)
}

/// What the sheets of a page say about one task.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Consensus {
    /// The label; `None` without a sheet. Spans may be more than one answer holds.
    pub label: Option<Answer>,
    /// Mean of ratings in units of 2^-16, by weight.
    pub mean: Option<u32>,
    /// Mean κ between the label and the answers in units of 2^-16, by weight.
    pub support: u32,
    /// Something was decided by the order of codes: two labels, halves or items weigh the same.
    pub tie: bool,
    /// Fewer sheets than the panel's least number.
    pub thin: bool,
}

/// Consensus labels of a page's tasks. `weights` has one [`weight`] for each sheet.
///
/// # Errors
///
/// [`ScoreError`] if a sheet is malformed, there are more than nine, or weights are missing or not
/// positive.
pub fn consensus<S: AsRef<[u8]>>(
    ty: &LabelType,
    tasks: u8,
    n_min: u8,
    sheets: &[S],
    weights: &[i32],
) -> Result<Vec<Consensus>, ScoreError> {
    if sheets.len() > usize::from(MAX_PANEL) {
        return Err(ScoreError::Panel);
    }
    if sheets.len() != weights.len() || weights.iter().any(|weight| *weight <= 0) {
        return Err(ScoreError::Weights);
    }
    check_shape(ty, tasks)?;
    let thin = sheets.len() < usize::from(n_min);
    let weights: Vec<i64> = weights.iter().copied().map(i64::from).collect();
    let sheets = sheets
        .iter()
        .map(|sheet| decode(ty, tasks, sheet.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let kernel = Kernel::new(ty);
    let mut labels = Vec::with_capacity(usize::from(tasks));
    for task in 0..usize::from(tasks) {
        let mut codes = Vec::new();
        let mut spans = Vec::new();
        for (sheet, weight) in sheets.iter().zip(&weights) {
            match sheet {
                Decoded::Codes(all) => codes.push((*all.get(task).ok_or(Overflow)?, *weight)),
                Decoded::Spans(all) => {
                    spans.push((all.get(task).ok_or(Overflow)?.as_slice(), *weight));
                }
            }
        }
        labels.push(label(&kernel, ty, thin, &codes, &spans)?);
    }
    Ok(labels)
}

fn label(
    kernel: &Kernel,
    ty: &LabelType,
    thin: bool,
    codes: &[(u32, i64)],
    spans: &[(&[Span], i64)],
) -> Result<Consensus, Overflow> {
    let mut mean = None;
    let (label, tie) = if let LabelType::Span { .. } = ty {
        if spans.is_empty() {
            (None, false)
        } else {
            let (label, tie) = common_spans(spans)?;
            (Some(Answer::Spans(label)), tie)
        }
    } else if codes.is_empty() {
        (None, false)
    } else {
        let (code, tie) = match *ty {
            LabelType::Rating { .. } => {
                mean = Some(mean_step(codes)?);
                lower_median(codes.to_vec())?
            }
            LabelType::MultiLabel { flags } => majority_bits(flags, codes)?,
            LabelType::Safety { quorum, .. } => severities(ty.flags(), quorum, codes)?,
            LabelType::Ranking { items } => borda(items, codes)?,
            _ => heaviest_class(kernel, ty, codes)?,
        };
        (Some(Answer::Code(code)), tie)
    };
    let support = match &label {
        None => 0,
        Some(Answer::Code(code)) => {
            let label = kernel.form(*code);
            mean_kappa(
                codes
                    .iter()
                    .map(|(answer, weight)| (kernel.codes(label, kernel.form(*answer)), *weight)),
            )?
        }
        Some(Answer::Spans(label)) => mean_kappa(
            spans
                .iter()
                .map(|(answer, weight)| (span_kappa(label, answer), *weight)),
        )?,
    };
    Ok(Consensus {
        label,
        mean,
        support,
        tie,
        thin,
    })
}

fn total(weights: impl Iterator<Item = i64>) -> Result<i64, Overflow> {
    let mut sum = 0i64;
    for weight in weights {
        sum = sum.checked_add(weight).ok_or(Overflow)?;
    }
    Ok(sum)
}

fn twice(value: i64) -> Result<i64, Overflow> {
    value.checked_mul(2).ok_or(Overflow)
}

fn heaviest_class(
    kernel: &Kernel,
    ty: &LabelType,
    codes: &[(u32, i64)],
) -> Result<(u32, bool), Overflow> {
    let mut best = (0u32, -1i64);
    let mut tie = false;
    for code in 0..u32::from(ty.classes()) {
        let mut sum = 0i64;
        for (answer, weight) in codes {
            let kappa = i64::from(kernel.codes(code, *answer));
            let part = weight.checked_mul(kappa).ok_or(Overflow)?;
            sum = sum.checked_add(part).ok_or(Overflow)?;
        }
        if sum > best.1 {
            best = (code, sum);
            tie = false;
        } else if sum == best.1 {
            tie = true;
        }
    }
    Ok((best.0, tie))
}

/// The least value at which half of the weight is reached; a tie if it is reached exactly.
fn lower_median(mut codes: Vec<(u32, i64)>) -> Result<(u32, bool), Overflow> {
    codes.sort_unstable();
    let all = total(codes.iter().map(|(_, weight)| *weight))?;
    let mut below = 0i64;
    let mut steps = codes.iter().peekable();
    while let Some((step, weight)) = steps.next() {
        below = below.checked_add(*weight).ok_or(Overflow)?;
        if twice(below)? >= all {
            let next_differs = steps.peek().is_some_and(|(next, _)| next != step);
            return Ok((*step, twice(below)? == all && next_differs));
        }
    }
    Err(Overflow)
}

fn mean_step(codes: &[(u32, i64)]) -> Result<u32, Overflow> {
    let mut sum = 0i64;
    for (step, weight) in codes {
        let part = weight.checked_mul(i64::from(*step)).ok_or(Overflow)?;
        sum = sum.checked_add(part).ok_or(Overflow)?;
    }
    let all = total(codes.iter().map(|(_, weight)| *weight))?;
    let mean = sum
        .checked_mul(1 << 16)
        .and_then(|scaled| scaled.checked_div(all))
        .ok_or(Overflow)?;
    u32::try_from(mean).map_err(|_| Overflow)
}

fn majority_bits(flags: u8, codes: &[(u32, i64)]) -> Result<(u32, bool), Overflow> {
    let all = total(codes.iter().map(|(_, weight)| *weight))?;
    let mut code = 0u32;
    let mut tie = false;
    for flag in 0..u32::from(flags) {
        let bit = 1u32.checked_shl(flag).ok_or(Overflow)?;
        let set = total(
            codes
                .iter()
                .filter(|(answer, _)| answer & bit != 0)
                .map(|(_, weight)| *weight),
        )?;
        let set = twice(set)?;
        if set > all {
            code |= bit;
        }
        tie |= set == all;
    }
    Ok((code, tie))
}

/// Counts heads, not weights: a flag that needs two of five must not fall to one good record.
fn severities(flags: u8, quorum: u8, codes: &[(u32, i64)]) -> Result<(u32, bool), Overflow> {
    let mut code = 0u32;
    let mut tie = false;
    for flag in 0..u32::from(flags) {
        let shift = flag.checked_mul(2).ok_or(Overflow)?;
        let set: Vec<(u32, i64)> = codes
            .iter()
            .map(|(answer, _)| (answer.checked_shr(shift).unwrap_or(0) & 3, 1))
            .filter(|(severity, _)| *severity > 0)
            .collect();
        if set.len() >= usize::from(quorum) {
            let (severity, even) = lower_median(set)?;
            code |= severity.checked_shl(shift).ok_or(Overflow)?;
            tie |= even;
        }
    }
    Ok((code, tie))
}

fn borda(items: u8, codes: &[(u32, i64)]) -> Result<(u32, bool), Overflow> {
    let mut points = [0i64; 8];
    for (code, weight) in codes {
        for (behind, item) in (0i64..).zip(Answer::fields(*code, 3, items).into_iter().rev()) {
            let slot = points.get_mut(usize::from(item)).ok_or(Overflow)?;
            let part = weight.checked_mul(behind).ok_or(Overflow)?;
            *slot = slot.checked_add(part).ok_or(Overflow)?;
        }
    }
    let mut order: Vec<(i64, u8)> = points
        .into_iter()
        .zip(0u8..items)
        .map(|(points, item)| (points.saturating_neg(), item))
        .collect();
    order.sort_unstable();
    let tie = order
        .iter()
        .zip(order.iter().skip(1))
        .any(|(first, second)| first.0 == second.0);
    let items: Vec<u8> = order.into_iter().map(|(_, item)| item).collect();
    match Answer::ranking(&items) {
        Answer::Code(code) => Ok((code, tie)),
        Answer::Spans(_) => Err(Overflow),
    }
}

/// Runs of tokens that more than half of the weight gives the same label.
fn common_spans(spans: &[(&[Span], i64)]) -> Result<(Vec<Span>, bool), Overflow> {
    let all = total(spans.iter().map(|(_, weight)| *weight))?;
    let mut steps: BTreeMap<(u8, u32), i64> = BTreeMap::new();
    for (answer, weight) in spans {
        for span in *answer {
            for (at, change) in [
                (u32::from(span.start), *weight),
                (span.end(), weight.saturating_neg()),
            ] {
                let step = steps.entry((span.label, at)).or_default();
                *step = step.checked_add(change).ok_or(Overflow)?;
            }
        }
    }
    let mut label = Vec::new();
    let mut tie = false;
    let mut open: Option<u32> = None;
    let mut weight = 0i64;
    for ((name, at), change) in steps {
        weight = weight.checked_add(change).ok_or(Overflow)?;
        let covered = twice(weight)?;
        tie |= covered == all;
        match open {
            None if covered > all => open = Some(at),
            Some(start) if covered <= all => {
                label.push(Span {
                    label: name,
                    start: u16::try_from(start).map_err(|_| Overflow)?,
                    len: u16::try_from(at.saturating_sub(start)).map_err(|_| Overflow)?,
                });
                open = None;
            }
            _ => {}
        }
    }
    Ok((label, tie))
}
