//! What is true, and what an honest mistake looks like.

use crate::dice::Dice;
use athanor_label_math::{pack_answer, Answer, LabelType, SheetError, Span};

/// Where the true answers come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// Every answer as probable as any other.
    Uniform,
    /// Classes with these weights.
    Weighted(Vec<f64>),
    /// Drawn from a list.
    Listed(Vec<Answer>),
}

/// Why a file of truth is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TruthError {
    /// No line.
    #[error("the file has no answers")]
    Empty,
    /// Not a number, or not numbers between commas.
    #[error("line {line}: expected numbers between commas, found {text:?}")]
    Number {
        /// Line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// Numbers that are no answer of the type.
    #[error("line {line}: {source}")]
    Answer {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        source: SheetError,
    },
}

/// Answers from a text of one line each; empty lines don't count.
///
/// A line is the code of a class, choice or step, or numbers between commas: the flags that are
/// set, the severity of each flag, or the items from first to last. Spans are three numbers each:
/// label, first token, tokens; no span is `-`.
///
/// # Errors
///
/// The [`TruthError`] that names the line.
pub fn parse_truth(ty: &LabelType, text: &str) -> Result<Vec<Answer>, TruthError> {
    let mut answers = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let bad = || TruthError::Number {
            line,
            text: text.chars().take(80).collect(),
        };
        let numbers = if text == "-" {
            Vec::new()
        } else {
            text.split(',')
                .map(|number| number.trim().parse::<u16>().map_err(|_| bad()))
                .collect::<Result<Vec<u16>, _>>()?
        };
        let bytes = || {
            numbers
                .iter()
                .map(|number| u8::try_from(*number).map_err(|_| bad()))
                .collect::<Result<Vec<u8>, _>>()
        };
        let answer = match ty {
            LabelType::MultiLabel { .. } => {
                let mut code = 0u32;
                for flag in bytes()? {
                    code |= 1u32.checked_shl(flag.into()).ok_or_else(bad)?;
                }
                Answer::Code(code)
            }
            LabelType::Safety { .. } => Answer::safety(&bytes()?),
            LabelType::Ranking { .. } => Answer::ranking(&bytes()?),
            LabelType::Span { .. } => {
                if numbers.len() % 3 != 0 {
                    return Err(bad());
                }
                let mut spans = Vec::new();
                for span in numbers.chunks_exact(3) {
                    spans.push(Span {
                        label: u8::try_from(span[0]).map_err(|_| bad())?,
                        start: span[1],
                        len: span[2],
                    });
                }
                spans.sort_unstable();
                Answer::Spans(spans)
            }
            _ => match numbers.as_slice() {
                [code] => Answer::Code(u32::from(*code)),
                _ => return Err(bad()),
            },
        };
        pack_answer(ty, &answer).map_err(|source| TruthError::Answer { line, source })?;
        answers.push(answer);
    }
    if answers.is_empty() {
        return Err(TruthError::Empty);
    }
    Ok(answers)
}

/// Tokens of a simulated text.
const TOKENS: u16 = 64;

impl Truth {
    pub(crate) fn draw(&self, ty: &LabelType, dice: &mut Dice) -> Answer {
        match self {
            Self::Uniform => any(ty, dice),
            Self::Weighted(weights) => {
                let all: f64 = weights.iter().sum();
                let mut code = 0;
                let mut left = dice.next() as f64 / u64::MAX as f64 * all;
                for weight in weights {
                    left -= weight;
                    if left < 0.0 {
                        break;
                    }
                    code += 1;
                }
                Answer::Code(code.min(weights.len() as u32 - 1))
            }
            Self::Listed(answers) => answers[dice.below(answers.len())].clone(),
        }
    }
}

/// Any answer: a guess.
pub(crate) fn any(ty: &LabelType, dice: &mut Dice) -> Answer {
    match *ty {
        LabelType::Classification { classes } => Answer::Code(dice.below(classes.into()) as u32),
        LabelType::Preference => Answer::Code(preference(dice)),
        LabelType::Rating { steps } => Answer::Code(dice.below(steps.into()) as u32),
        LabelType::MultiLabel { flags } => Answer::Code(
            (0..flags).fold(0, |code, flag| code | (u32::from(dice.chance(0.3)) << flag)),
        ),
        LabelType::Safety { .. } => {
            let severities: Vec<u8> = (0..ty.flags())
                .map(|_| {
                    if dice.chance(0.3) {
                        1 + dice.below(3) as u8
                    } else {
                        0
                    }
                })
                .collect();
            Answer::safety(&severities)
        }
        LabelType::Ranking { items } => {
            let mut order: Vec<u8> = (0..items).collect();
            dice.shuffle(&mut order);
            Answer::ranking(&order)
        }
        LabelType::Span { tokens } => {
            let mut spans = Vec::new();
            let mut at = 0;
            for _ in 0..3 {
                let start = at + dice.below(12) as u16;
                let len = 1 + dice.below(5) as u16;
                if start + len > tokens.min(TOKENS) {
                    break;
                }
                spans.push(Span {
                    label: dice.below(2) as u8,
                    start,
                    len,
                });
                at = start + len;
            }
            spans.sort_unstable();
            Answer::Spans(spans)
        }
        LabelType::Text => Answer::Code(0),
    }
}

/// A tenth of pairs are ties, a twentieth are both bad.
fn preference(dice: &mut Dice) -> u32 {
    match dice.below(20) {
        0 | 1 => 2,
        2 => 3,
        _ => dice.below(2) as u32,
    }
}

/// What somebody sees who is right with this probability: about each flag, pair or span, for the
/// types that have such parts.
pub(crate) fn seen(ty: &LabelType, truth: &Answer, accuracy: f64, dice: &mut Dice) -> Answer {
    match (*ty, truth) {
        (LabelType::MultiLabel { flags }, Answer::Code(code)) => {
            Answer::Code((0..flags).fold(0, |seen, flag| {
                let set = code >> flag & 1;
                let right = dice.chance(accuracy);
                seen | ((if right { set } else { 1 - set }) << flag)
            }))
        }
        (LabelType::Safety { .. }, Answer::Code(code)) => {
            let severities: Vec<u8> = Answer::fields(*code, 2, ty.flags())
                .into_iter()
                .map(|severity| {
                    if dice.chance(accuracy) {
                        severity
                    } else {
                        other(severity, 4, dice)
                    }
                })
                .collect();
            Answer::safety(&severities)
        }
        (LabelType::Ranking { items }, Answer::Code(code)) => {
            // Neighbours change places.
            let mut order = Answer::fields(*code, 3, items);
            for place in 1..order.len() {
                if !dice.chance(accuracy) {
                    order.swap(place - 1, place);
                }
            }
            Answer::ranking(&order)
        }
        (LabelType::Span { tokens }, Answer::Spans(spans)) => {
            let mut seen: Vec<Span> = spans
                .iter()
                .filter_map(|span| {
                    if dice.chance(accuracy) {
                        return Some(*span);
                    }
                    // Missed, or ending a token late or early.
                    match dice.below(3) {
                        0 => None,
                        1 if span.len > 1 => Some(Span {
                            len: span.len - 1,
                            ..*span
                        }),
                        _ => Some(Span {
                            label: 1 - span.label.min(1),
                            ..*span
                        }),
                    }
                })
                .filter(|span| span.end() <= u32::from(tokens))
                .collect();
            seen.sort_unstable();
            Answer::Spans(seen)
        }
        (_, truth) if dice.chance(accuracy) => truth.clone(),
        (LabelType::Rating { steps }, Answer::Code(code)) => {
            let up = *code == 0 || (*code + 1 < u32::from(steps) && dice.chance(0.5));
            Answer::Code(if up { code + 1 } else { code - 1 })
        }
        (LabelType::Classification { classes }, Answer::Code(code)) => {
            Answer::Code(other(*code as u8, classes, dice).into())
        }
        (_, Answer::Code(code)) => Answer::Code(other(*code as u8, 4, dice).into()),
        (_, answer) => answer.clone(),
    }
}

/// Another one of `count` codes.
fn other(code: u8, count: u8, dice: &mut Dice) -> u8 {
    let code = usize::from(code);
    let count = usize::from(count);
    ((code + 1 + dice.below(count - 1)) % count) as u8
}

/// The answer farthest from one.
pub(crate) fn opposite(ty: &LabelType, answer: &Answer, dice: &mut Dice) -> Answer {
    match (*ty, answer) {
        (LabelType::Preference, Answer::Code(code)) => Answer::Code(code ^ 1),
        (LabelType::Rating { steps }, Answer::Code(code)) => {
            Answer::Code(u32::from(steps) - 1 - code)
        }
        (LabelType::MultiLabel { flags }, Answer::Code(code)) => {
            Answer::Code(!code & (u32::MAX >> (32 - u32::from(flags))))
        }
        (LabelType::Safety { .. }, Answer::Code(code)) => Answer::safety(
            &Answer::fields(*code, 2, ty.flags())
                .into_iter()
                .map(|severity| 3 - severity)
                .collect::<Vec<u8>>(),
        ),
        (LabelType::Ranking { items }, Answer::Code(code)) => {
            let mut order = Answer::fields(*code, 3, items);
            order.reverse();
            Answer::ranking(&order)
        }
        (LabelType::Classification { classes }, Answer::Code(code)) => {
            Answer::Code(other(*code as u8, classes, dice).into())
        }
        _ => any(ty, dice),
    }
}
