//! What a worker's gold answers say about him.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Gold answers of one worker in one domain.
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
pub struct Record {
    /// Right ones.
    pub right: u32,
    /// Wrong ones.
    pub wrong: u32,
}

impl Record {
    /// Adds the gold of a batch. Full counters stay full.
    #[must_use]
    pub const fn with(self, right: u32, wrong: u32) -> Self {
        Self {
            right: self.right.saturating_add(right),
            wrong: self.wrong.saturating_add(wrong),
        }
    }

    /// The record after it was halved `times` times.
    #[must_use]
    pub fn halved(self, times: u32) -> Self {
        Self {
            right: self.right.checked_shr(times).unwrap_or(0),
            wrong: self.wrong.checked_shr(times).unwrap_or(0),
        }
    }

    /// Gold answers.
    #[must_use]
    pub fn answers(&self) -> u64 {
        u64::from(self.right).saturating_add(u64::from(self.wrong))
    }

    /// Lower bound of the share of right answers, in units of 2^-16: mean − √(mean(1 − mean)/(n + 2))
    /// with mean = (right + 1)/(n + 2), so that a short record can't be a good one. 0..=65,535.
    #[must_use]
    pub fn bound(&self) -> u32 {
        let n = u128::from(self.answers()).saturating_add(2);
        let right = u128::from(self.right).saturating_add(1);
        let mean = (right << 16).checked_div(n).unwrap_or(0);
        let variance = mean
            .saturating_mul((1u128 << 16).saturating_sub(mean))
            .checked_div(n)
            .unwrap_or(0);
        u32::try_from(mean.saturating_sub(variance.isqrt())).unwrap_or(0)
    }
}
