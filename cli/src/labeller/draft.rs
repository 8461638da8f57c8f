//! An answer while it is being given: one widget for each type of label.
//!
//! Drafts are what the journal keeps, so they hold all of what keys have done.

use super::{
    keys::Key,
    task::{Body, Page, Task},
};
use athanor_label_math::{Answer, LabelType, Span, MAX_SPANS};
use serde::{Deserialize, Serialize};

/// Keys of options, in their order.
pub const OPTION_KEYS: &str = "1234567890abcdefghijklmnopqrstuvwxyz";

/// The key of an option.
pub fn option_key(option: usize) -> char {
    OPTION_KEYS.chars().nth(option).unwrap_or('?')
}

fn option_of(c: char) -> Option<usize> {
    OPTION_KEYS
        .chars()
        .position(|key| key == c.to_ascii_lowercase())
}

/// What a key did to a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing; the key means nothing here.
    Nothing,
    /// The view changed, the answer did not.
    Moved,
    /// The draft changed.
    Changed,
    /// The answer is complete: on to the next task.
    Answered,
}

/// An answer while it is being given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draft {
    /// One of some options.
    Choice {
        /// The one chosen.
        chosen: Option<u32>,
        /// Digits typed so far, where steps have two.
        #[serde(default)]
        typed: String,
    },
    /// A set of flags.
    Flags {
        /// Bit `i` for flag `i`.
        bits: u32,
        /// The worker has said that it is all.
        done: bool,
    },
    /// A severity for each flag.
    Severities {
        /// 0 to 3 each.
        levels: Vec<u8>,
        /// The worker has said that it is all.
        done: bool,
    },
    /// An order of items, best first, as far as it is given.
    Order {
        /// Places of the items as shown.
        items: Vec<u8>,
    },
    /// Labelled runs of tokens.
    Spans {
        /// Ascending by label and start.
        spans: Vec<Span>,
        /// The token the cursor is on.
        cursor: u16,
        /// Where a selection began.
        anchor: Option<u16>,
        /// The worker has said that it is all.
        done: bool,
    },
}

impl Draft {
    /// Nothing answered yet.
    pub fn new(ty: &LabelType) -> Self {
        match ty {
            LabelType::MultiLabel { .. } => Self::Flags {
                bits: 0,
                done: false,
            },
            LabelType::Safety { .. } => Self::Severities {
                levels: vec![0; ty.flags().into()],
                done: false,
            },
            LabelType::Ranking { .. } => Self::Order { items: Vec::new() },
            LabelType::Span { .. } => Self::Spans {
                spans: Vec::new(),
                cursor: 0,
                anchor: None,
                done: false,
            },
            _ => Self::Choice {
                chosen: None,
                typed: String::new(),
            },
        }
    }

    /// Whether a draft that was read from a file is one of this task.
    pub fn fits(&self, ty: &LabelType, task: &Task) -> bool {
        let tokens = tokens(task);
        match (self, ty) {
            (Self::Choice { chosen, typed }, ty) => {
                typed.len() <= 12
                    && typed.chars().all(|c| c == '-' || c.is_ascii_digit())
                    && options(ty).is_some_and(|n| chosen.is_none_or(|chosen| chosen < n))
            }
            (Self::Flags { bits, .. }, LabelType::MultiLabel { .. }) => {
                let flags = u32::try_from(task.options.len()).unwrap_or(u32::MAX);
                bits.checked_shr(flags).unwrap_or(0) == 0
            }
            (Self::Severities { levels, .. }, LabelType::Safety { .. }) => {
                levels.len() == usize::from(ty.flags()) && levels.iter().all(|level| *level <= 3)
            }
            (Self::Order { items: order }, LabelType::Ranking { items }) => {
                order.len() <= usize::from(*items)
                    && order.iter().all(|item| item < items)
                    && (1..order.len()).all(|at| !order[..at].contains(&order[at]))
            }
            (
                Self::Spans {
                    spans,
                    cursor,
                    anchor,
                    ..
                },
                LabelType::Span { .. },
            ) => {
                let inside = |at: u16| usize::from(at) < tokens.max(1);
                inside(*cursor)
                    && anchor.is_none_or(inside)
                    && spans.iter().all(|span| span.end() as usize <= tokens)
                    && athanor_label_math::pack_answer(ty, &Answer::Spans(spans.clone())).is_ok()
            }
            _ => false,
        }
    }

    /// The answer, if it is complete.
    pub fn answer(&self, ty: &LabelType) -> Option<Answer> {
        match self {
            Self::Choice { chosen, .. } => chosen.map(Answer::Code),
            Self::Flags { bits, done } => done.then_some(Answer::Code(*bits)),
            Self::Severities { levels, done } => done.then(|| Answer::safety(levels)),
            Self::Order { items } => match ty {
                LabelType::Ranking { items: all } if items.len() == usize::from(*all) => {
                    Some(Answer::ranking(items))
                }
                _ => None,
            },
            Self::Spans { spans, done, .. } => done.then(|| Answer::Spans(spans.clone())),
        }
    }

    /// What a key does.
    pub fn key(&mut self, key: Key, page: &Page, task: &Task) -> Done {
        let ty = &page.ty;
        match self {
            Self::Choice { chosen, typed } => choose(key, page, chosen, typed),
            Self::Flags { bits, done } => match key {
                Key::Char(c) => match option_of(c).filter(|at| *at < task.options.len()) {
                    Some(at) => {
                        *bits ^= 1u32.checked_shl(at as u32).unwrap_or(0);
                        *done = false;
                        Done::Changed
                    }
                    None => Done::Nothing,
                },
                Key::Enter => {
                    *done = true;
                    Done::Answered
                }
                _ => Done::Nothing,
            },
            Self::Severities { levels, done } => match key {
                Key::Char(c) => match option_of(c).and_then(|at| levels.get_mut(at)) {
                    Some(level) => {
                        *level = (*level + 1) % 4;
                        *done = false;
                        Done::Changed
                    }
                    None => Done::Nothing,
                },
                Key::Enter => {
                    *done = true;
                    Done::Answered
                }
                _ => Done::Nothing,
            },
            Self::Order { items } => order(key, ty, items),
            Self::Spans {
                spans,
                cursor,
                anchor,
                done,
            } => {
                let LabelType::Span { .. } = ty else {
                    return Done::Nothing;
                };
                let mut editor = Editor {
                    spans,
                    cursor,
                    anchor,
                    done,
                };
                editor.key(key, task)
            }
        }
    }
}

/// How many options a type has whose answer is one of them.
pub fn options(ty: &LabelType) -> Option<u32> {
    match ty {
        LabelType::Classification { classes } => Some((*classes).into()),
        LabelType::Preference => Some(4),
        LabelType::Rating { steps } => Some((*steps).into()),
        _ => None,
    }
}

/// Tokens of a task.
pub fn tokens(task: &Task) -> usize {
    match &task.body {
        Body::Tokens(tokens) => tokens.len(),
        _ => 0,
    }
}

/// The steps of a rating as they are called.
pub fn steps(page: &Page) -> Vec<i64> {
    let count = options(&page.ty).unwrap_or(0);
    (0..i64::from(count))
        .map(|step| step + i64::from(page.first))
        .collect()
}

fn choose(key: Key, page: &Page, chosen: &mut Option<u32>, typed: &mut String) -> Done {
    let Some(count) = options(&page.ty) else {
        return Done::Nothing;
    };
    match (&page.ty, key) {
        (LabelType::Preference, Key::Char(c)) => {
            let code = match c.to_ascii_lowercase() {
                'a' | '1' => 0,
                'b' | '2' => 1,
                't' | '3' => 2,
                'x' | '4' => 3,
                _ => return Done::Nothing,
            };
            *chosen = Some(code);
            Done::Answered
        }
        (LabelType::Rating { .. }, key) => rate(key, &steps(page), chosen, typed),
        (LabelType::Classification { .. }, Key::Char(c)) => {
            match option_of(c).and_then(|at| u32::try_from(at).ok()) {
                Some(code) if code < count => {
                    *chosen = Some(code);
                    Done::Answered
                }
                _ => Done::Nothing,
            }
        }
        (_, Key::Enter) if chosen.is_some() => Done::Answered,
        _ => Done::Nothing,
    }
}

/// A number of the scale, typed. It counts as soon as no other number begins with it.
fn rate(key: Key, steps: &[i64], chosen: &mut Option<u32>, typed: &mut String) -> Done {
    let code_of = |text: &str| {
        let step: i64 = text.parse().ok()?;
        let at = steps.iter().position(|other| *other == step)?;
        u32::try_from(at).ok()
    };
    match key {
        Key::Char(c) if c == '-' || c.is_ascii_digit() => {
            let text = format!("{typed}{c}");
            let begun = steps
                .iter()
                .filter(|step| step.to_string().starts_with(&text))
                .count();
            match (begun, code_of(&text)) {
                (0, _) => Done::Nothing,
                (1, Some(code)) => {
                    *chosen = Some(code);
                    typed.clear();
                    Done::Answered
                }
                _ => {
                    *typed = text;
                    Done::Changed
                }
            }
        }
        Key::Enter if !typed.is_empty() => match code_of(&std::mem::take(typed)) {
            Some(code) => {
                *chosen = Some(code);
                Done::Answered
            }
            None => Done::Changed,
        },
        Key::Enter if chosen.is_some() => Done::Answered,
        Key::Backspace if !typed.is_empty() => {
            typed.pop();
            Done::Changed
        }
        _ => Done::Nothing,
    }
}

fn order(key: Key, ty: &LabelType, items: &mut Vec<u8>) -> Done {
    let LabelType::Ranking { items: all } = *ty else {
        return Done::Nothing;
    };
    match key {
        Key::Char(c) => {
            let item = option_of(c)
                .and_then(|at| u8::try_from(at).ok())
                .filter(|item| *item < all && !items.contains(item));
            let Some(item) = item else {
                return Done::Nothing;
            };
            items.push(item);
            if items.len() + 1 == usize::from(all) {
                // The last place is no choice.
                items.extend((0..all).find(|item| !items.contains(item)));
                return Done::Answered;
            }
            Done::Changed
        }
        Key::Backspace if items.len() == usize::from(all) => {
            items.truncate(items.len().saturating_sub(2));
            Done::Changed
        }
        Key::Backspace => match items.pop() {
            Some(_) => Done::Changed,
            None => Done::Nothing,
        },
        Key::Enter if items.len() == usize::from(all) => Done::Answered,
        _ => Done::Nothing,
    }
}

struct Editor<'a> {
    spans: &'a mut Vec<Span>,
    cursor: &'a mut u16,
    anchor: &'a mut Option<u16>,
    done: &'a mut bool,
}

impl Editor<'_> {
    fn key(&mut self, key: Key, task: &Task) -> Done {
        let last = u16::try_from(tokens(task))
            .unwrap_or(u16::MAX)
            .saturating_sub(1);
        match key {
            Key::Left => self.go(self.cursor.saturating_sub(1), last),
            Key::Right => self.go(self.cursor.saturating_add(1), last),
            Key::Home => self.go(0, last),
            Key::End => self.go(last, last),
            Key::Char(' ') => {
                *self.anchor = match *self.anchor {
                    None => Some(*self.cursor),
                    Some(_) => None,
                };
                Done::Moved
            }
            Key::Char(c) => match option_of(c).filter(|at| *at < task.options.len()) {
                Some(label) if tokens(task) > 0 => self.label(label),
                _ => Done::Nothing,
            },
            Key::Backspace | Key::Delete => self.unlabel(),
            Key::Enter => {
                *self.anchor = None;
                *self.done = true;
                Done::Answered
            }
            _ => Done::Nothing,
        }
    }

    fn go(&mut self, to: u16, last: u16) -> Done {
        *self.cursor = to.min(last);
        Done::Moved
    }

    /// Labels the selection, or the token under the cursor. What it covers of the same
    /// label becomes one span with it.
    fn label(&mut self, label: usize) -> Done {
        let Ok(label) = u8::try_from(label) else {
            return Done::Nothing;
        };
        let from = self.anchor.unwrap_or(*self.cursor);
        let (mut start, mut end) = (
            u32::from(from.min(*self.cursor)),
            u32::from(from.max(*self.cursor)) + 1,
        );
        let mut spans = self.spans.clone();
        spans.retain(|span| {
            let joined = span.label == label && u32::from(span.start) < end && span.end() > start;
            if joined {
                start = start.min(span.start.into());
                end = end.max(span.end());
            }
            !joined
        });
        let (Ok(start), Ok(len)) = (u16::try_from(start), u16::try_from(end - start)) else {
            return Done::Nothing;
        };
        spans.push(Span { label, start, len });
        if spans.len() > usize::from(MAX_SPANS) {
            return Done::Nothing;
        }
        spans.sort_unstable();
        *self.spans = spans;
        *self.anchor = None;
        *self.done = false;
        Done::Changed
    }

    /// Takes the spans under the cursor away, or ends the selection.
    fn unlabel(&mut self) -> Done {
        if self.anchor.take().is_some() {
            return Done::Moved;
        }
        let at = u32::from(*self.cursor);
        let before = self.spans.len();
        self.spans
            .retain(|span| !(u32::from(span.start) <= at && at < span.end()));
        if self.spans.len() == before {
            return Done::Nothing;
        }
        *self.done = false;
        Done::Changed
    }
}
