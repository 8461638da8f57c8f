//! Second step, worker by worker: the score everybody is measured against.

use crate::int::{div, mul, to_i64};
use crate::score::{Agreement, WorkerSums};
use crate::terms::ScoreTerms;
use crate::{Overflow, BASIS, Q};
use alloc::boxed::Box;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Buckets of the histogram of scores.
pub const BUCKETS: usize = 1_024;

/// Answers by the score of their author, 2^22 units of 2^-32 a bucket.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Hist(Box<[u32; BUCKETS]>);

impl Default for Hist {
    fn default() -> Self {
        Self(Box::new([0; BUCKETS]))
    }
}

impl Hist {
    /// Adds a worker, if [`rank`] gave him a place.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if there is no such bucket or it is full; nothing is then changed.
    pub fn add(&mut self, rank: Rank) -> Result<(), Overflow> {
        let count = self.0.get_mut(usize::from(rank.bucket)).ok_or(Overflow)?;
        *count = count.checked_add(rank.answers).ok_or(Overflow)?;
        Ok(())
    }

    /// Answers in each bucket.
    #[must_use]
    pub fn buckets(&self) -> &[u32] {
        self.0.as_slice()
    }

    /// The reference, after the last worker.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if the numbers are none of a batch.
    pub fn reference(
        &self,
        agreement: &Agreement,
        terms: &ScoreTerms,
    ) -> Result<Reference, Overflow> {
        let total = self
            .0
            .iter()
            .try_fold(0u64, |sum, count| sum.checked_add(u64::from(*count)))
            .ok_or(Overflow)?;
        let mut median = 0i64;
        let mut below = 0u64;
        for (bucket, count) in (0i64..).zip(self.0.iter()) {
            below = below.checked_add(u64::from(*count)).ok_or(Overflow)?;
            if total > 0 && below.checked_mul(2).ok_or(Overflow)? >= total {
                let middle = bucket.checked_mul(2).and_then(|b| b.checked_add(1));
                median = middle
                    .and_then(|b| b.checked_mul(1 << 21))
                    .ok_or(Overflow)?;
                break;
            }
        }
        let v = i128::from(agreement.v);
        let floor = to_i64(div(mul(v, i128::from(terms.floor_bp))?, BASIS)?)?;
        let ceiling = to_i64(div(mul(v, 3)?, 4)?)?;
        Ok(Reference {
            median,
            reference: median.max(floor).min(ceiling).max(1),
            signal: total > 0
                && agreement.v >= Q >> 6
                && median.checked_mul(2).ok_or(Overflow)? >= floor,
        })
    }
}

/// Place of one worker in the histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// Bucket of his score.
    pub bucket: u16,
    /// His answers on pages with colleagues.
    pub answers: u32,
}

/// Score a batch's workers are measured against.
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
pub struct Reference {
    /// Weighted median score of the workers who count, in units of 2^-32; 0 if nobody does.
    pub median: i64,
    /// The score that earns full agreement, in units of 2^-32, at least 1.
    pub reference: i64,
    /// Whether agreement says anything.
    pub signal: bool,
}

/// G′, a worker's agreement with gold over what the terms expect, in −2^32..=5·2^30; `None` if no
/// gold counts for him.
///
/// # Errors
///
/// [`Overflow`] if the sums are none of a worker.
pub fn gold_score(
    sums: &WorkerSums,
    agreement: &Agreement,
    terms: &ScoreTerms,
) -> Result<Option<i64>, Overflow> {
    if !agreement.gold_on || sums.gold == 0 {
        return Ok(None);
    }
    let mean = div(i128::from(sums.gnum), i128::from(sums.gold))?;
    let ratio = div(
        mul(mul(mean, i128::from(Q))?, BASIS)?,
        mul(
            i128::from(agreement.v_gold),
            i128::from(terms.gold_target_bp),
        )?,
    )?;
    Ok(Some(clamp(ratio)?))
}

/// DG, a worker's agreement with colleagues above chance, in units of 2^-32; `None` if he had no
/// colleague.
///
/// # Errors
///
/// [`Overflow`] if the sums are none of a worker.
pub fn peer_agreement(sums: &WorkerSums) -> Result<Option<i64>, Overflow> {
    if sums.cnt == 0 {
        return Ok(None);
    }
    Ok(Some(to_i64(div(
        i128::from(sums.num),
        i128::from(sums.cnt),
    )?)?))
}

/// The worker's place in the histogram; `None` if he does not count: he had no colleague, or gold
/// speaks against him.
///
/// # Errors
///
/// [`Overflow`] if the sums are none of a worker.
pub fn rank(
    sums: &WorkerSums,
    agreement: &Agreement,
    terms: &ScoreTerms,
) -> Result<Option<Rank>, Overflow> {
    let Some(peers) = peer_agreement(sums)? else {
        return Ok(None);
    };
    if gold_score(sums, agreement, terms)?.is_some_and(|gold| gold < Q >> 1) {
        return Ok(None);
    }
    let bucket = peers.checked_shr(22).unwrap_or(0).clamp(0, 1_023);
    Ok(Some(Rank {
        bucket: u16::try_from(bucket).map_err(|_| Overflow)?,
        answers: sums.cnt,
    }))
}

/// A ratio of 2^-32 units, held between −1 and 5/4.
pub(crate) fn clamp(ratio: i128) -> Result<i64, Overflow> {
    let q = i128::from(Q);
    to_i64(ratio.clamp(q.saturating_neg(), div(mul(5, q)?, 4)?))
}
