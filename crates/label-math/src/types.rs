//! What a task asks for.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Fewest tasks of a page.
pub const MIN_TASKS: u8 = 4;
/// Most tasks of a page.
pub const MAX_TASKS: u8 = 32;
/// Most tasks of a page of spans or texts.
pub const MAX_LONG_TASKS: u8 = 8;
/// Longest sheet, in bytes.
pub const MAX_SHEET: u32 = 1_024;
/// Most spans of one answer.
pub const MAX_SPANS: u8 = 16;
/// Bytes of one span in a sheet.
pub const SPAN_BYTES: u32 = 5;

/// Type of a campaign's answers, with its bounds.
#[derive(
    Clone,
    Copy,
    Debug,
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
#[serde(rename_all = "snake_case")]
pub enum LabelType {
    /// One of some classes.
    #[codec(index = 0)]
    Classification {
        /// Number of classes, 2..=16.
        classes: u8,
    },
    /// Which of two is better: 0 the first, 1 the second, 2 a tie, 3 both are bad.
    #[codec(index = 1)]
    Preference,
    /// A step of a scale.
    #[codec(index = 2)]
    Rating {
        /// Number of steps, 2..=32.
        steps: u8,
    },
    /// A set of flags.
    #[codec(index = 3)]
    MultiLabel {
        /// Number of flags, 1..=32.
        flags: u8,
    },
    /// A severity of 0..=3 for each of some flags.
    #[codec(index = 4)]
    Safety {
        /// Weights of the flags, 1..=16 each; 0 behind the last flag.
        weights: [u8; 8],
        /// Answers of a panel that must set a flag for the consensus to set it, 1..=9.
        quorum: u8,
    },
    /// An order of some items.
    #[codec(index = 5)]
    Ranking {
        /// Number of items, 3..=8.
        items: u8,
    },
    /// Labelled runs of tokens.
    #[codec(index = 6)]
    Span {
        /// Most tokens a task may have, at least 1.
        tokens: u16,
    },
    /// Free text. Reserved: [`LabelType::check`] refuses it.
    #[codec(index = 7)]
    Text,
}

/// Why a [`LabelType`] is no type of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// Not 2..=16 classes.
    #[error("a classification has 2 to 16 classes")]
    Classes,
    /// Not 2..=32 steps.
    #[error("a rating has 2 to 32 steps")]
    Steps,
    /// Not 1..=32 flags, or 1..=8 for safety.
    #[error("multi-label has 1 to 32 flags, safety 1 to 8")]
    Flags,
    /// A weight above 16, or one behind a zero.
    #[error("weights of safety flags are 1 to 16, and zeros only behind the last")]
    Weights,
    /// Not 1..=9.
    #[error("the quorum of a safety flag is 1 to 9")]
    Quorum,
    /// Not 3..=8 items.
    #[error("a ranking has 3 to 8 items")]
    Items,
    /// A token limit of zero.
    #[error("the token limit of spans is at least 1")]
    Tokens,
    /// Free text, which is reserved.
    #[error("free text is not supported yet")]
    TextReserved,
    /// Not 4..=32 tasks a page, or 4..=8 for spans.
    #[error("a page has 4 to 32 tasks, 4 to 8 for spans")]
    Tasks,
}

impl LabelType {
    /// Whether the bounds hold.
    ///
    /// # Errors
    ///
    /// The [`TypeError`] that names the bound.
    pub fn check(&self) -> Result<(), TypeError> {
        match *self {
            Self::Classification { classes } if !(2..=16).contains(&classes) => {
                Err(TypeError::Classes)
            }
            Self::Rating { steps } if !(2..=32).contains(&steps) => Err(TypeError::Steps),
            Self::MultiLabel { flags } if !(1..=32).contains(&flags) => Err(TypeError::Flags),
            Self::Safety { weights, quorum } => {
                let flags = weights.iter().take_while(|weight| **weight > 0).count();
                if flags == 0 {
                    return Err(TypeError::Flags);
                }
                if weights.iter().any(|weight| *weight > 16)
                    || weights.iter().skip(flags).any(|weight| *weight > 0)
                {
                    return Err(TypeError::Weights);
                }
                if !(1..=9).contains(&quorum) {
                    return Err(TypeError::Quorum);
                }
                Ok(())
            }
            Self::Ranking { items } if !(3..=8).contains(&items) => Err(TypeError::Items),
            Self::Span { tokens: 0 } => Err(TypeError::Tokens),
            Self::Text => Err(TypeError::TextReserved),
            _ => Ok(()),
        }
    }

    /// Whether the bounds hold and a page may have this many tasks.
    ///
    /// # Errors
    ///
    /// The [`TypeError`] that names the bound.
    pub fn check_tasks(&self, tasks: u8) -> Result<(), TypeError> {
        self.check()?;
        if (MIN_TASKS..=self.max_tasks()).contains(&tasks) {
            Ok(())
        } else {
            Err(TypeError::Tasks)
        }
    }

    /// Most tasks of a page.
    #[must_use]
    pub const fn max_tasks(&self) -> u8 {
        match self {
            Self::Span { .. } | Self::Text => MAX_LONG_TASKS,
            _ => MAX_TASKS,
        }
    }

    /// Flags of a multi-label or safety type, otherwise 0.
    #[must_use]
    pub fn flags(&self) -> u8 {
        match self {
            Self::MultiLabel { flags } => *flags,
            Self::Safety { weights, .. } => {
                let flags = weights.iter().take_while(|weight| **weight > 0).count();
                u8::try_from(flags).unwrap_or(u8::MAX)
            }
            _ => 0,
        }
    }

    /// Classes of a type whose answers are one of some classes, 2 for the other types: the K of
    /// the consensus weights.
    #[must_use]
    pub const fn classes(&self) -> u8 {
        match self {
            Self::Classification { classes } => *classes,
            Self::Preference => 4,
            _ => 2,
        }
    }

    /// Bits of an answer in a fixed-width sheet; `None` for spans and text.
    #[must_use]
    pub fn width(&self) -> Option<u32> {
        let ceil_log2 = |n: u8| u8::BITS.saturating_sub(n.saturating_sub(1).leading_zeros());
        match *self {
            Self::Classification { classes } => Some(ceil_log2(classes)),
            Self::Preference => Some(2),
            Self::Rating { steps } => Some(ceil_log2(steps)),
            Self::MultiLabel { flags } => Some(u32::from(flags)),
            Self::Safety { .. } => Some(u32::from(self.flags()).saturating_mul(2)),
            Self::Ranking { items } => Some(u32::from(items).saturating_mul(3)),
            Self::Span { .. } | Self::Text => None,
        }
    }

    /// Longest sheet of this many tasks, in bytes.
    #[must_use]
    pub fn max_sheet(&self, tasks: u8) -> u32 {
        let tasks = u32::from(tasks);
        match self {
            Self::Text => tasks.saturating_mul(36),
            Self::Span { .. } => {
                let spans = u32::from(MAX_SPANS).saturating_mul(SPAN_BYTES);
                tasks.saturating_mul(spans.saturating_add(1))
            }
            _ => self.width().unwrap_or(0).saturating_mul(tasks).div_ceil(8),
        }
    }

    /// κ from which an answer counts as equal to gold.
    #[must_use]
    pub const fn mark(&self) -> u32 {
        match self {
            Self::Classification { .. } | Self::Preference => 65_536,
            _ => 49_152,
        }
    }
}
