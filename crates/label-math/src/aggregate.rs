//! Aggregation off the chain, over any table of votes: Dawid–Skene, Bradley–Terry,
//! Krippendorff's alpha.
//!
//! Sums, logarithms and exponentials are integers, so that a published result can be computed anew
//! to the last digit on any machine, in any order of votes.

mod alpha;
mod bradley_terry;
mod dawid_skene;
mod fixed;

pub use alpha::{alpha, Level};
pub use bradley_terry::{bradley_terry, Comparison, Outcome, Strengths};
pub use dawid_skene::{dawid_skene, Posteriors, WorkerErrors};

use serde::{Deserialize, Serialize};

/// One answer of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vote {
    /// Number of the task.
    pub task: u32,
    /// Number of the worker.
    pub worker: u32,
    /// The answer's code.
    pub label: u32,
}

/// Why votes can't be aggregated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AggregateError {
    /// There are none.
    #[error("there is nothing to aggregate")]
    Empty,
    /// More than 64 labels, 2^24 votes or comparisons, or codes above 65,535 at a level that
    /// measures distances.
    #[error("more votes or labels than this can aggregate")]
    TooMany,
    /// No task with two votes.
    #[error("no task has two votes")]
    NoPairs,
    /// All votes are the same.
    #[error("all votes are the same: agreement is not defined")]
    NoVariation,
    /// An item compared with itself.
    #[error("item {item} is compared with itself")]
    SameItem {
        /// The item.
        item: u32,
    },
    /// Some items never lose to, or never beat, the others, so that their strength has no bound.
    #[error(
        "item {item} has no chain of wins or of losses to item {other}: strengths have no bound"
    )]
    NotConnected {
        /// An item apart.
        item: u32,
        /// An item of the rest.
        other: u32,
    },
    /// The strengths still moved after the last round.
    #[error("strengths still move after {rounds} rounds")]
    NotConverged {
        /// Rounds done.
        rounds: u32,
    },
}

/// Most votes or comparisons.
pub const MAX_VOTES: usize = 1 << 24;
