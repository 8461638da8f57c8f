//! Types and crowds as people write them.

use crate::scenario::{Group, Kind};
use athanor_label_math::{LabelType, TypeError};

/// What was written is no type or crowd.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// No such type.
    #[error(
        "{0:?} is no type: classification:K, preference, rating:R, multi-label:F, \
         safety:W,W,… (a weight for each flag), ranking:K or span:TOKENS"
    )]
    Type(String),
    /// A type out of its bounds.
    #[error(transparent)]
    Bounds(#[from] TypeError),
    /// No group of workers.
    #[error(
        "{0:?} is no group: KIND=WORKERS or KIND@ACCURACY=WORKERS, where KIND is honest, constant, \
         random, half-effort, colluding, opposite or sybil"
    )]
    Group(String),
}

/// A type: `classification:4`, `preference`, `rating:5`, `multi-label:6`, `safety:4,2,1`,
/// `ranking:5`, `span:200`. Two safety answers set a flag.
///
/// # Errors
///
/// [`ParseError::Type`], [`ParseError::Bounds`].
pub fn parse_type(text: &str) -> Result<LabelType, ParseError> {
    let bad = || ParseError::Type(text.into());
    let (name, number) = match text.split_once(':') {
        Some((name, number)) => (name, Some(number)),
        None => (text, None),
    };
    let small = || number.and_then(|n| n.parse::<u8>().ok()).ok_or_else(bad);
    let label = match name {
        "classification" => LabelType::Classification { classes: small()? },
        "preference" if number.is_none() => LabelType::Preference,
        "rating" => LabelType::Rating { steps: small()? },
        "multi-label" => LabelType::MultiLabel { flags: small()? },
        "safety" => {
            let mut weights = [0u8; 8];
            let given = number.ok_or_else(bad)?.split(',');
            for (at, weight) in given.enumerate() {
                let slot = weights.get_mut(at).ok_or(TypeError::Flags)?;
                *slot = weight.trim().parse().map_err(|_| bad())?;
            }
            LabelType::Safety { weights, quorum: 2 }
        }
        "ranking" => LabelType::Ranking { items: small()? },
        "span" => LabelType::Span {
            tokens: number.and_then(|n| n.parse().ok()).ok_or_else(bad)?,
        },
        _ => return Err(bad()),
    };
    label.check()?;
    Ok(label)
}

/// A group: `random=2`, or `honest@0.9=20` for workers who are right that often (without it,
/// .85).
///
/// # Errors
///
/// [`ParseError::Group`].
pub fn parse_group(text: &str) -> Result<Group, ParseError> {
    let bad = || ParseError::Group(text.into());
    let (who, workers) = text.split_once('=').ok_or_else(bad)?;
    let (name, accuracy) = match who.split_once('@') {
        Some((name, accuracy)) => (name, accuracy.parse().map_err(|_| bad())?),
        None => (who, 0.85),
    };
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == name.trim())
        .ok_or_else(bad)?;
    if !(0.0..=1.0).contains(&accuracy) {
        return Err(bad());
    }
    Ok(Group {
        kind,
        workers: workers.trim().parse().map_err(|_| bad())?,
        accuracy,
    })
}
