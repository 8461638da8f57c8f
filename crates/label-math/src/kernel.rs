//! How alike two answers are: κ in 0..=65,536, symmetric.

use crate::sheet::{decode, Answer, Decoded, SheetError, Span};
use crate::types::LabelType;
use crate::Overflow;
use alloc::vec::Vec;

/// κ of two equal answers.
pub const ONE: u32 = 65_536;

/// κ of two answers packed alone.
///
/// # Errors
///
/// The [`SheetError`] of the one that is not canonical.
pub fn kappa(ty: &LabelType, a: &[u8], b: &[u8]) -> Result<u32, SheetError> {
    let a = Sheet::new(ty, 1, a)?;
    let b = Sheet::new(ty, 1, b)?;
    Ok(a.kappa(0, &b, 0).unwrap_or(0))
}

/// κ of two answers.
///
/// # Errors
///
/// The [`SheetError`] of the one that can't be packed.
pub fn kappa_of(ty: &LabelType, a: &Answer, b: &Answer) -> Result<u32, SheetError> {
    kappa(ty, &crate::pack_answer(ty, a)?, &crate::pack_answer(ty, b)?)
}

/// Whether an answer counts as equal to gold; both packed alone.
///
/// # Errors
///
/// The [`SheetError`] of the one that is not canonical.
pub fn is_right(ty: &LabelType, answer: &[u8], gold: &[u8]) -> Result<bool, SheetError> {
    Ok(kappa(ty, answer, gold)? >= ty.mark())
}

/// A decoded sheet in the form its kernel wants: rankings as the bits "item i before item j".
pub(crate) struct Sheet {
    ty: LabelType,
    answers: Decoded,
}

impl Sheet {
    pub(crate) fn new(ty: &LabelType, tasks: u8, bytes: &[u8]) -> Result<Self, SheetError> {
        let mut answers = decode(ty, tasks, bytes)?;
        if let (LabelType::Ranking { items }, Decoded::Codes(codes)) = (ty, &mut answers) {
            for code in codes.iter_mut() {
                *code = orders(*code, *items);
            }
        }
        Ok(Self { ty: *ty, answers })
    }

    /// κ between the answer to task `task` here and the one to `other_task` there; `None` if there
    /// is no such answer.
    pub(crate) fn kappa(&self, task: usize, other: &Self, other_task: usize) -> Option<u32> {
        match (&self.answers, &other.answers) {
            (Decoded::Codes(a), Decoded::Codes(b)) => {
                Some(code_kappa(&self.ty, *a.get(task)?, *b.get(other_task)?))
            }
            (Decoded::Spans(a), Decoded::Spans(b)) => {
                Some(span_kappa(a.get(task)?, b.get(other_task)?))
            }
            _ => None,
        }
    }

    /// Σ over all pairs of tasks of κ.
    pub(crate) fn cross(&self, other: &Self) -> u64 {
        let mut sum = 0u64;
        match (&self.answers, &other.answers) {
            (Decoded::Codes(a), Decoded::Codes(b)) if counted(&self.ty) => {
                let (a, b) = (counts(a), counts(b));
                for (code_a, times_a) in (0u32..).zip(a).filter(|(_, times)| *times > 0) {
                    for (code_b, times_b) in (0u32..).zip(b).filter(|(_, times)| *times > 0) {
                        let kappa = u64::from(code_kappa(&self.ty, code_a, code_b));
                        let times = u64::from(times_a).saturating_mul(u64::from(times_b));
                        sum = sum.saturating_add(kappa.saturating_mul(times));
                    }
                }
            }
            (Decoded::Codes(a), Decoded::Codes(b)) => {
                for code_a in a {
                    for code_b in b {
                        sum = sum.saturating_add(u64::from(code_kappa(&self.ty, *code_a, *code_b)));
                    }
                }
            }
            (Decoded::Spans(a), Decoded::Spans(b)) => {
                for spans_a in a {
                    for spans_b in b {
                        sum = sum.saturating_add(u64::from(span_kappa(spans_a, spans_b)));
                    }
                }
            }
            _ => {}
        }
        sum
    }
}

/// Whether so few codes exist that Σκ over pairs of tasks comes from their counts.
const fn counted(ty: &LabelType) -> bool {
    matches!(
        ty,
        LabelType::Classification { .. } | LabelType::Preference | LabelType::Rating { .. }
    )
}

fn counts(codes: &[u32]) -> [u8; 32] {
    let mut counts = [0u8; 32];
    for code in codes {
        if let Some(count) = usize::try_from(*code)
            .ok()
            .and_then(|code| counts.get_mut(code))
        {
            *count = count.saturating_add(1);
        }
    }
    counts
}

/// Bit for each pair i < j of items, in the order (0,1), (0,2), …: i stands before j.
pub(crate) fn orders(code: u32, items: u8) -> u32 {
    let mut place = [0u8; 8];
    for (at, item) in (0u8..).zip(Answer::fields(code, 3, items)) {
        if let Some(slot) = place.get_mut(usize::from(item)) {
            *slot = at;
        }
    }
    let places: Vec<u8> = place.into_iter().take(usize::from(items)).collect();
    let mut bits = 0u32;
    let mut bit = 1u32;
    for (i, first) in places.iter().enumerate() {
        for second in places.iter().skip(i.saturating_add(1)) {
            if first < second {
                bits |= bit;
            }
            bit = bit.wrapping_shl(1);
        }
    }
    bits
}

fn share(part: u32, whole: u32) -> u32 {
    part.saturating_mul(ONE).checked_div(whole).unwrap_or(ONE)
}

/// For codes of the same type that were decoded; no product here passes 2^26.
pub(crate) fn code_kappa(ty: &LabelType, a: u32, b: u32) -> u32 {
    match *ty {
        LabelType::Classification { .. } => {
            if a == b {
                ONE
            } else {
                0
            }
        }
        LabelType::Preference => {
            if a == b {
                ONE
            } else if (a == 2 && b < 2) || (b == 2 && a < 2) {
                ONE.wrapping_shr(1)
            } else {
                0
            }
        }
        LabelType::Rating { steps } => {
            ONE.saturating_sub(share(a.abs_diff(b), u32::from(steps).saturating_sub(1)))
        }
        LabelType::MultiLabel { .. } => share((a & b).count_ones(), (a | b).count_ones()),
        LabelType::Safety { weights, .. } => {
            let (mut least, mut most) = (0u32, 0u32);
            let (mut a, mut b) = (a, b);
            for weight in weights {
                let weight = u32::from(weight);
                least = least.saturating_add(weight.saturating_mul((a & 3).min(b & 3)));
                most = most.saturating_add(weight.saturating_mul((a & 3).max(b & 3)));
                a >>= 2;
                b >>= 2;
            }
            share(least, most)
        }
        LabelType::Ranking { items } => {
            let items = u32::from(items);
            let pairs = items.saturating_mul(items.saturating_sub(1)) >> 1;
            ONE.saturating_sub(share((a ^ b).count_ones(), pairs))
        }
        LabelType::Span { .. } | LabelType::Text => 0,
    }
}

/// F1 of labelled tokens, by one merge of the sorted lists.
pub(crate) fn span_kappa(a: &[Span], b: &[Span]) -> u32 {
    let tokens = |spans: &[Span]| {
        spans
            .iter()
            .fold(0u64, |sum, span| sum.saturating_add(u64::from(span.len)))
    };
    let total = tokens(a).saturating_add(tokens(b));
    let mut shared = 0u64;
    let (mut left, mut right) = (a.iter(), b.iter());
    let (mut x, mut y) = (left.next(), right.next());
    while let (Some(p), Some(q)) = (x, y) {
        if p.label == q.label {
            let end = p.end().min(q.end());
            let start = u32::from(p.start.max(q.start));
            shared = shared.saturating_add(u64::from(end.saturating_sub(start)));
        }
        if (p.label, p.end()) <= (q.label, q.end()) {
            x = left.next();
        } else {
            y = right.next();
        }
    }
    let twice = shared.saturating_mul(u64::from(ONE)).saturating_mul(2);
    let kappa = twice.checked_div(total).unwrap_or(u64::from(ONE));
    u32::try_from(kappa).unwrap_or(ONE)
}

/// Weighted mean of κ, rounded down; 0 of nothing.
pub(crate) fn mean_kappa(values: impl Iterator<Item = (u32, i64)>) -> Result<u32, Overflow> {
    let (mut sum, mut weights) = (0i64, 0i64);
    for (kappa, weight) in values {
        let part = weight.checked_mul(i64::from(kappa)).ok_or(Overflow)?;
        sum = sum.checked_add(part).ok_or(Overflow)?;
        weights = weights.checked_add(weight).ok_or(Overflow)?;
    }
    u32::try_from(sum.checked_div(weights).unwrap_or(0)).map_err(|_| Overflow)
}
