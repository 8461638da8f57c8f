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
    let kernel = Kernel::new(ty);
    let a = kernel.sheet(1, a)?;
    let b = kernel.sheet(1, b)?;
    Ok(kernel.at(&a, 0, &b, 0).unwrap_or(0))
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

/// The kernel of a type.
pub(crate) struct Kernel {
    ty: LabelType,
    /// Of safety types: for each set of flags the sum of their weights.
    weights: Vec<u16>,
}

/// A decoded sheet in the form its kernel wants.
pub(crate) struct Sheet(Decoded);

impl Kernel {
    pub(crate) fn new(ty: &LabelType) -> Self {
        let weights = match ty {
            LabelType::Safety { weights, .. } => (0..=u8::MAX)
                .map(|set| {
                    weights
                        .iter()
                        .enumerate()
                        .fold(0u16, |sum, (flag, weight)| {
                            let set = u32::from(set).checked_shr(flag as u32).unwrap_or(0) & 1 == 1;
                            sum.saturating_add(if set { u16::from(*weight) } else { 0 })
                        })
                })
                .collect(),
            _ => Vec::new(),
        };
        Self { ty: *ty, weights }
    }

    /// # Errors
    ///
    /// The [`SheetError`] that names what is wrong.
    pub(crate) fn sheet(&self, tasks: u8, bytes: &[u8]) -> Result<Sheet, SheetError> {
        let mut answers = decode(&self.ty, tasks, bytes)?;
        if let Decoded::Codes(codes) = &mut answers {
            for code in codes.iter_mut() {
                *code = self.form(*code);
            }
        }
        Ok(Sheet(answers))
    }

    /// A code as [`Self::codes`] wants it: of a ranking, bit by bit whether item i stands before
    /// item j; of a safety answer, the flags of severity 1 and above, 2 and above, and 3, a byte
    /// each.
    pub(crate) fn form(&self, code: u32) -> u32 {
        match self.ty {
            LabelType::Ranking { items } => orders(code, items),
            LabelType::Safety { .. } => levels(code),
            _ => code,
        }
    }

    /// κ between an answer of one sheet and one of another; `None` if there is no such answer.
    pub(crate) fn at(&self, a: &Sheet, task_a: usize, b: &Sheet, task_b: usize) -> Option<u32> {
        match (&a.0, &b.0) {
            (Decoded::Codes(a), Decoded::Codes(b)) => {
                Some(self.codes(*a.get(task_a)?, *b.get(task_b)?))
            }
            (Decoded::Spans(a), Decoded::Spans(b)) => {
                Some(span_kappa(a.get(task_a)?, b.get(task_b)?))
            }
            _ => None,
        }
    }

    /// Σ over all pairs of tasks of κ.
    pub(crate) fn cross(&self, a: &Sheet, b: &Sheet) -> u64 {
        let mut sum = 0u64;
        match (&a.0, &b.0) {
            (Decoded::Codes(a), Decoded::Codes(b)) if counted(&self.ty) => {
                let (a, b) = (counts(a), counts(b));
                for (code_a, times_a) in (0u32..).zip(a).filter(|(_, times)| *times > 0) {
                    for (code_b, times_b) in (0u32..).zip(b).filter(|(_, times)| *times > 0) {
                        let kappa = u64::from(self.codes(code_a, code_b));
                        let times = u64::from(times_a).saturating_mul(u64::from(times_b));
                        sum = sum.saturating_add(kappa.saturating_mul(times));
                    }
                }
            }
            (Decoded::Codes(a), Decoded::Codes(b)) => {
                for code_a in a {
                    for code_b in b {
                        sum = sum.saturating_add(u64::from(self.codes(*code_a, *code_b)));
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

    /// κ of two codes in their [`Self::form`]. No product here passes 2^26.
    pub(crate) fn codes(&self, a: u32, b: u32) -> u32 {
        match self.ty {
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
                let range = u32::from(steps).saturating_sub(1);
                ONE.saturating_sub(share(a.abs_diff(b), range))
            }
            LabelType::MultiLabel { .. } => share((a & b).count_ones(), (a | b).count_ones()),
            LabelType::Safety { .. } => share(self.weight(a & b), self.weight(a | b)),
            LabelType::Ranking { items } => {
                let items = u32::from(items);
                let pairs = items.saturating_mul(items.saturating_sub(1)) >> 1;
                ONE.saturating_sub(share((a ^ b).count_ones(), pairs))
            }
            LabelType::Span { .. } | LabelType::Text => 0,
        }
    }

    /// Σ of weight · severity of flags given by level.
    fn weight(&self, levels: u32) -> u32 {
        let [one, two, three, _] = levels.to_le_bytes();
        [one, two, three].into_iter().fold(0, |sum, set| {
            let weight = self.weights.get(usize::from(set)).copied();
            sum.saturating_add(weight.unwrap_or(0).into())
        })
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
fn orders(code: u32, items: u8) -> u32 {
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

/// The flags of severity 1 and above, 2 and above, and 3, a byte each.
fn levels(code: u32) -> u32 {
    let mut levels = [0u8; 4];
    let mut bit = 1u8;
    for severity in Answer::fields(code, 2, 8) {
        for level in levels.iter_mut().take(usize::from(severity)) {
            *level |= bit;
        }
        bit = bit.wrapping_shl(1);
    }
    u32::from_le_bytes(levels)
}

fn share(part: u32, whole: u32) -> u32 {
    part.saturating_mul(ONE).checked_div(whole).unwrap_or(ONE)
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
