//! Answers and their canonical bytes.

use crate::types::{LabelType, TypeError, MAX_SPANS, MAX_TASKS};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// A labelled run of tokens.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Span {
    /// What the tokens are.
    pub label: u8,
    /// First token.
    pub start: u16,
    /// Tokens, at least one.
    pub len: u16,
}

impl Span {
    /// Token behind the last one.
    #[must_use]
    pub fn end(&self) -> u32 {
        u32::from(self.start).saturating_add(u32::from(self.len))
    }
}

/// Answer to one task.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Of every type but spans: the class; the choice; the step; bit `i` for flag `i`; bits
    /// `2i` and `2i + 1` for the severity of flag `i`; bits `3i..3i + 3` for the item at place `i`.
    #[codec(index = 0)]
    Code(u32),
    /// Ascending by label and start; spans of one label do not overlap.
    #[codec(index = 1)]
    Spans(Vec<Span>),
}

impl Answer {
    /// An order of items, best first. Anything but a permutation is refused when it is packed.
    #[must_use]
    pub fn ranking(items: &[u8]) -> Self {
        Self::Code(fields(items, 3))
    }

    /// Severities 0..=3, one a flag.
    #[must_use]
    pub fn safety(severities: &[u8]) -> Self {
        Self::Code(fields(severities, 2))
    }

    /// The first `count` fields of `width` bits: the items of a ranking (3 bits) or the severities
    /// of a safety answer (2 bits).
    #[must_use]
    pub fn fields(code: u32, width: u32, count: u8) -> Vec<u8> {
        let mask = 1u32.checked_shl(width).unwrap_or(0).wrapping_sub(1);
        (0..u32::from(count))
            .map(|field| {
                let bits = code
                    .checked_shr(field.saturating_mul(width))
                    .unwrap_or_default();
                u8::try_from(bits & mask).unwrap_or(u8::MAX)
            })
            .collect()
    }
}

fn fields(values: &[u8], width: u32) -> u32 {
    values.iter().zip(0u32..).fold(0, |code, (value, field)| {
        let bits = u32::from(*value)
            .checked_shl(field.saturating_mul(width))
            .unwrap_or(u32::MAX);
        code | bits
    })
}

/// Why bytes are no sheet, or answers can't be packed into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// The type itself is out of its bounds.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// No tasks, or more than the type allows.
    #[error("a sheet has 1 to 32 answers, 1 to 8 for spans")]
    Tasks,
    /// Too few or too many bytes.
    #[error("the sheet has the wrong length")]
    Length,
    /// Bits behind the last answer are not zero.
    #[error("unused bits of the last byte are not zero")]
    Padding,
    /// A code the type does not have.
    #[error("an answer is outside its type's range")]
    Code,
    /// A ranking that misses an item or names one twice.
    #[error("a ranking is not a permutation of its items")]
    Permutation,
    /// More than 16 spans in one answer.
    #[error("an answer has more than 16 spans")]
    SpanCount,
    /// Spans that are not strictly ascending by label and start.
    #[error("spans are not in ascending order of label and start")]
    SpanOrder,
    /// A span without tokens.
    #[error("a span is empty")]
    SpanEmpty,
    /// A span that ends behind the token limit.
    #[error("a span ends behind the token limit")]
    SpanEnd,
    /// Two spans of one label that share a token.
    #[error("spans of one label overlap")]
    SpanOverlap,
    /// A code for a span type, or spans for another.
    #[error("the answer is of another type")]
    Kind,
}

/// Whether the bytes are the canonical sheet of some `tasks` answers.
///
/// # Errors
///
/// The [`SheetError`] that names what is wrong.
pub fn check_sheet(ty: &LabelType, tasks: u8, sheet: &[u8]) -> Result<(), SheetError> {
    decode(ty, tasks, sheet).map(drop)
}

/// The answers of a sheet.
///
/// # Errors
///
/// The [`SheetError`] that names what is wrong.
pub fn unpack(ty: &LabelType, tasks: u8, sheet: &[u8]) -> Result<Vec<Answer>, SheetError> {
    Ok(match decode(ty, tasks, sheet)? {
        Decoded::Codes(codes) => codes.into_iter().map(Answer::Code).collect(),
        Decoded::Spans(spans) => spans.into_iter().map(Answer::Spans).collect(),
    })
}

/// The canonical sheet of the answers.
///
/// # Errors
///
/// The [`SheetError`] that names the answer's fault.
pub fn pack(ty: &LabelType, answers: &[Answer]) -> Result<Vec<u8>, SheetError> {
    let tasks = u8::try_from(answers.len()).map_err(|_| SheetError::Tasks)?;
    check_shape(ty, tasks)?;
    let mut sheet = Vec::new();
    if let Some(width) = ty.width() {
        let mut pending = 0u64;
        let mut bits = 0u32;
        for answer in answers {
            let Answer::Code(code) = answer else {
                return Err(SheetError::Kind);
            };
            check_code(ty, *code)?;
            pending |= u64::from(*code).checked_shl(bits).unwrap_or(0);
            bits = bits.saturating_add(width);
            while bits >= 8 {
                sheet.push(pending.to_le_bytes()[0]);
                pending >>= 8;
                bits = bits.saturating_sub(8);
            }
        }
        if bits > 0 {
            sheet.push(pending.to_le_bytes()[0]);
        }
        return Ok(sheet);
    }
    for answer in answers {
        let Answer::Spans(spans) = answer else {
            return Err(SheetError::Kind);
        };
        check_spans(ty, spans)?;
        sheet.push(u8::try_from(spans.len()).map_err(|_| SheetError::SpanCount)?);
        for span in spans {
            sheet.push(span.label);
            sheet.extend_from_slice(&span.start.to_le_bytes());
            sheet.extend_from_slice(&span.len.to_le_bytes());
        }
    }
    Ok(sheet)
}

/// One answer packed alone, as gold is committed to.
///
/// # Errors
///
/// The [`SheetError`] that names the answer's fault.
pub fn pack_answer(ty: &LabelType, answer: &Answer) -> Result<Vec<u8>, SheetError> {
    pack(ty, core::slice::from_ref(answer))
}

/// The answer that was packed alone.
///
/// # Errors
///
/// The [`SheetError`] that names what is wrong.
pub fn unpack_answer(ty: &LabelType, bytes: &[u8]) -> Result<Answer, SheetError> {
    unpack(ty, 1, bytes)?.pop().ok_or(SheetError::Length)
}

/// Whether the bytes are one answer packed alone.
///
/// # Errors
///
/// The [`SheetError`] that names what is wrong.
pub fn check_answer(ty: &LabelType, bytes: &[u8]) -> Result<(), SheetError> {
    check_sheet(ty, 1, bytes)
}

/// Answers of one sheet, without a tag on each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Codes(Vec<u32>),
    Spans(Vec<Vec<Span>>),
}

pub(crate) fn check_shape(ty: &LabelType, tasks: u8) -> Result<(), SheetError> {
    ty.check()?;
    if tasks == 0 || tasks > ty.max_tasks().min(MAX_TASKS) {
        return Err(SheetError::Tasks);
    }
    Ok(())
}

pub(crate) fn decode(ty: &LabelType, tasks: u8, sheet: &[u8]) -> Result<Decoded, SheetError> {
    check_shape(ty, tasks)?;
    if let Some(width) = ty.width() {
        if sheet.len() != usize::try_from(ty.max_sheet(tasks)).unwrap_or(usize::MAX) {
            return Err(SheetError::Length);
        }
        let mask = 1u64.checked_shl(width).unwrap_or(0).wrapping_sub(1);
        let mut codes = Vec::with_capacity(usize::from(tasks));
        let mut bytes = sheet.iter();
        let mut pending = 0u64;
        let mut bits = 0u32;
        for _ in 0..tasks {
            while bits < width {
                let byte = u64::from(*bytes.next().ok_or(SheetError::Length)?);
                pending |= byte.checked_shl(bits).unwrap_or(0);
                bits = bits.saturating_add(8);
            }
            let code = u32::try_from(pending & mask).map_err(|_| SheetError::Code)?;
            check_code(ty, code)?;
            codes.push(code);
            pending = pending.checked_shr(width).unwrap_or(0);
            bits = bits.saturating_sub(width);
        }
        if pending != 0 {
            return Err(SheetError::Padding);
        }
        return Ok(Decoded::Codes(codes));
    }
    let mut rest = sheet;
    let mut answers = Vec::with_capacity(usize::from(tasks));
    for _ in 0..tasks {
        let (count, tail) = rest.split_first().ok_or(SheetError::Length)?;
        if *count > MAX_SPANS {
            return Err(SheetError::SpanCount);
        }
        rest = tail;
        let mut spans = Vec::with_capacity(usize::from(*count));
        for _ in 0..*count {
            let (bytes, tail) = rest.split_first_chunk::<5>().ok_or(SheetError::Length)?;
            rest = tail;
            let [label, start @ .., len_low, len_high] = *bytes;
            spans.push(Span {
                label,
                start: u16::from_le_bytes(start),
                len: u16::from_le_bytes([len_low, len_high]),
            });
        }
        check_spans(ty, &spans)?;
        answers.push(spans);
    }
    if !rest.is_empty() {
        return Err(SheetError::Length);
    }
    Ok(Decoded::Spans(answers))
}

fn check_code(ty: &LabelType, code: u32) -> Result<(), SheetError> {
    let below = |limit: u8| {
        if code < u32::from(limit) {
            Ok(())
        } else {
            Err(SheetError::Code)
        }
    };
    match *ty {
        LabelType::Classification { classes } => below(classes),
        LabelType::Preference => below(4),
        LabelType::Rating { steps } => below(steps),
        LabelType::Ranking { items } => {
            if code
                .checked_shr(ty.width().unwrap_or(u32::MAX))
                .unwrap_or(0)
                != 0
            {
                return Err(SheetError::Code);
            }
            let seen = Answer::fields(code, 3, items)
                .into_iter()
                .fold(0u32, |seen, item| {
                    seen | 1u32.checked_shl(u32::from(item)).unwrap_or(0)
                });
            let all = 1u32
                .checked_shl(u32::from(items))
                .unwrap_or(0)
                .wrapping_sub(1);
            if seen == all {
                Ok(())
            } else {
                Err(SheetError::Permutation)
            }
        }
        _ => {
            let width = ty.width().ok_or(SheetError::Kind)?;
            if code.checked_shr(width).unwrap_or(0) == 0 {
                Ok(())
            } else {
                Err(SheetError::Code)
            }
        }
    }
}

fn check_spans(ty: &LabelType, spans: &[Span]) -> Result<(), SheetError> {
    let LabelType::Span { tokens } = *ty else {
        return Err(SheetError::Kind);
    };
    if spans.len() > usize::from(MAX_SPANS) {
        return Err(SheetError::SpanCount);
    }
    let mut before: Option<&Span> = None;
    for span in spans {
        if span.len == 0 {
            return Err(SheetError::SpanEmpty);
        }
        if span.end() > u32::from(tokens) {
            return Err(SheetError::SpanEnd);
        }
        if let Some(before) = before {
            if (before.label, before.start) >= (span.label, span.start) {
                return Err(SheetError::SpanOrder);
            }
            if before.label == span.label && before.end() > u32::from(span.start) {
                return Err(SheetError::SpanOverlap);
            }
        }
        before = Some(span);
    }
    Ok(())
}
