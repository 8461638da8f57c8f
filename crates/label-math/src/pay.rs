//! Third step, worker by worker: from score to pay.

use crate::int::{add, div, mul, sub, to_i64};
use crate::rank::{clamp, gold_score, peer_agreement, Reference};
use crate::score::{Agreement, BatchSums, WorkerSums};
use crate::terms::ScoreTerms;
use crate::{Overflow, BASIS, Q};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Highest price of an answer.
pub const MAX_PRICE: u128 = 1 << 64;

/// Everything that leads to one worker's pay.
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
pub struct Pay {
    /// DG, agreement with colleagues above chance, in units of 2^-32.
    pub agreement: Option<i64>,
    /// D, the same over the reference, −2^32..=5·2^30.
    pub peers: Option<i64>,
    /// G′, agreement with gold over the target, −2^32..=5·2^30.
    pub gold: Option<i64>,
    /// How far above gold alone the score may stand.
    pub offset: i64,
    /// s, in basis points.
    pub score_bp: i32,
    /// f, share of the price that is paid, in basis points.
    pub share_bp: u16,
    /// Pay, in units of the price.
    pub pay: u128,
    /// Whether the stake is lost.
    pub junk: bool,
}

/// What a worker is paid for his answers at this price each.
///
/// # Errors
///
/// [`Overflow`] if the price is above [`MAX_PRICE`] or the sums are none of a worker.
pub fn pay(
    sums: &WorkerSums,
    batch: &BatchSums,
    agreement: &Agreement,
    reference: &Reference,
    terms: &ScoreTerms,
    price: u128,
) -> Result<Pay, Overflow> {
    let above_chance = peer_agreement(sums)?;
    let peers = match above_chance {
        Some(dg) => Some(clamp(div(
            mul(i128::from(dg), i128::from(Q))?,
            i128::from(reference.reference),
        )?)?),
        None => None,
    };
    let gold = gold_score(sums, agreement, terms)?;
    let offset = offset(sums.gold);
    let in_bp = |s: i64| div(mul(i128::from(s), BASIS)?, i128::from(Q));
    let score = match (gold, peers) {
        (Some(g), Some(d)) if reference.signal => {
            let both = div(add(i128::from(d), i128::from(g))?, 2)?;
            in_bp(to_i64(both.min(add(i128::from(g), i128::from(offset))?))?)?
        }
        (Some(g), _) => in_bp(g)?,
        (None, Some(d)) => in_bp(d)?,
        (None, None) => i128::from(terms.s0_bp),
    };
    let share = share(score, terms)?;
    let junk = match (gold, peers) {
        (Some(g), Some(d)) if reference.signal && sums.gold >= 4 => {
            let mild = u64::from(batch.contested).saturating_mul(8) <= u64::from(batch.opened);
            in_bp(g)? < 1_500 && score < 1_500 && (in_bp(d)? < 1_500 || mild)
        }
        _ => false,
    };
    Ok(Pay {
        agreement: above_chance,
        peers,
        gold,
        offset,
        score_bp: i32::try_from(score).map_err(|_| Overflow)?,
        share_bp: share,
        pay: amount(price, sums.answers, share)?,
        junk,
    })
}

fn share(score: i128, terms: &ScoreTerms) -> Result<u16, Overflow> {
    let (s0, s1) = (i128::from(terms.s0_bp), i128::from(terms.s1_bp));
    if score < s0 {
        return Ok(0);
    }
    let width = sub(s1, s0)?;
    let above = width.min(sub(score, s0)?);
    let rest = sub(BASIS, i128::from(terms.phi_bp))?;
    let share = add(i128::from(terms.phi_bp), div(mul(rest, above)?, width)?)?;
    u16::try_from(share).map_err(|_| Overflow)
}

/// min(Q/3, √(2^64/g)); Q/3 without gold.
fn offset(gold: u32) -> i64 {
    let third = Q.checked_div(3).unwrap_or(0);
    match (1u128 << 64).checked_div(u128::from(gold)) {
        Some(square) => i64::try_from(square.isqrt()).map_or(third, |root| root.min(third)),
        None => third,
    }
}

/// ⌊price · answers · share / 10,000⌋.
///
/// # Errors
///
/// [`Overflow`] if the price is above [`MAX_PRICE`].
pub fn amount(price: u128, answers: u32, share_bp: u16) -> Result<u128, Overflow> {
    if price > MAX_PRICE {
        return Err(Overflow);
    }
    price
        .checked_mul(u128::from(answers))
        .and_then(|full| full.checked_mul(u128::from(share_bp)))
        .and_then(|part| part.checked_div(10_000))
        .ok_or(Overflow)
}
