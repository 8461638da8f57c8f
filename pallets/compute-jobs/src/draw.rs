//! Weighted draws without replacement, prices and reputation: pure maths.
//!
//! Each candidate gets an exponentially distributed number of its own,
//! `L = 64·2^32 − log2_q32(u + 1)` with `u` from a hash of seed and candidate, and
//! the `n` smallest `L / w` win. That is exactly sampling without replacement in
//! proportion to the weights `w` (Efraimidis and Spirakis, *Weighted random
//! sampling with a reservoir*, 2006), and nobody's coming or going moves
//! another's number. Quotients are compared by cross-multiplication.

use crate::types::{Balance, BlockNumber, ModelFilter, OfferTerms, Purpose};
use alloc::vec::Vec;
use athanor_primitives::{Cost, JobId, ModelId};
use codec::Encode;
use core::cmp::Ordering;
use sp_io::hashing::blake2_256;

/// VRF outputs that make up a round's seed.
pub const SEEDS_PER_ROUND: BlockNumber = 3;

/// Blocks whose VRF outputs are kept.
pub const SEEDS_KEPT: BlockNumber = 1_024;

/// Blocks after a round's start in which its seed is looked for.
pub const SEED_SEARCH: BlockNumber = 64;

/// Epochs whose randomness is kept.
pub const EPOCHS_KEPT: u64 = 8;

/// Epochs after a round's start whose randomness it uses: made of the outputs of
/// the epoch before alone, so of nothing that was known at the start.
pub const EPOCHS_AHEAD: u64 = 2;

/// Least reputation.
pub const LEAST_REPUTATION: u8 = 4;

/// Most reputation.
pub const MOST_REPUTATION: u8 = 64;

/// `⌊2^32 · log2(x)⌋` up to an error of 2^-20 of its last digit; 0 for `x = 0`.
pub fn log2_q32(x: u128) -> u64 {
    let Some(whole) = x.checked_ilog2() else {
        return 0;
    };
    // Mantissa in [1, 2) with 63 binary places.
    let mut mantissa = if whole <= 63 {
        x.wrapping_shl(63u32.saturating_sub(whole))
    } else {
        x.wrapping_shr(whole.saturating_sub(63))
    };
    let mut log = u64::from(whole);
    for _ in 0..32 {
        // Below 2^64, so its square fits.
        mantissa = mantissa.saturating_mul(mantissa) >> 63;
        log <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            log |= 1;
        }
    }
    log
}

/// Seed of one round of one draw of one job, of the VRF outputs or the epoch
/// randomness in `material`.
pub fn round_seed(
    genesis: &[u8; 32],
    job: JobId,
    purpose: Purpose,
    round: u32,
    material: &[[u8; 32]],
) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(material.len().saturating_mul(32).saturating_add(64));
    bytes.extend_from_slice(b"draw");
    bytes.extend_from_slice(genesis);
    bytes.extend_from_slice(&job.to_le_bytes());
    bytes.extend_from_slice(&purpose.encode());
    bytes.extend_from_slice(&round.to_le_bytes());
    for part in material {
        bytes.extend_from_slice(part);
    }
    blake2_256(&bytes)
}

/// A candidate's own number in a draw, at most 2^38.
pub fn lot(seed: &[u8; 32], candidate: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = blake2_256(&[*seed, *candidate].concat());
    let u = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    (64u64 << 32).saturating_sub(log2_q32(u128::from(u).saturating_add(1)))
}

/// Whether the seed of an audit draw calls for an auditor: in `rate` of 256 cases.
pub fn calls_for_audit(seed: &[u8; 32], rate: u8) -> bool {
    let [first, ..] = seed;
    *first < rate
}

/// Draws `n` of `candidates` (account, weight) and returns their indices, first
/// drawn first. `None` if fewer than `n` have a weight.
pub fn sample(seed: &[u8; 32], candidates: &[([u8; 32], u64)], n: usize) -> Option<Vec<usize>> {
    let mut lots: Vec<(u64, u64, &[u8; 32], usize)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, (_, weight))| *weight > 0)
        .map(|(index, (who, weight))| (lot(seed, who), *weight, who, index))
        .collect();
    if lots.len() < n {
        return None;
    }
    lots.sort_unstable_by(|(l1, w1, who1, _), (l2, w2, who2, _)| {
        let left = u128::from(*l1).saturating_mul(u128::from(*w2));
        let right = u128::from(*l2).saturating_mul(u128::from(*w1));
        match left.cmp(&right) {
            Ordering::Equal => who1.cmp(who2),
            unequal => unequal,
        }
    });
    Some(
        lots.into_iter()
            .take(n)
            .map(|(_, _, _, index)| index)
            .collect(),
    )
}

/// Weight of a candidate: `min(free slots, free bond / collateral, 8) × reputation × q²`
/// with `q = clamp(4·max_pay / pay, 4, 16)`. Dumping prices and inventing slots
/// buy at most 16 × 8.
pub fn weight(
    free_slots: u8,
    free_bond: Balance,
    collateral: Balance,
    reputation: u8,
    max_pay: Balance,
    pay: Balance,
) -> u64 {
    let covered = free_bond.checked_div(collateral).unwrap_or(Balance::MAX);
    let capacity = Balance::from(free_slots).min(covered).min(8) as u64;
    let q = max_pay
        .saturating_mul(4)
        .checked_div(pay)
        .unwrap_or(16)
        .clamp(4, 16) as u64;
    capacity
        .saturating_mul(u64::from(reputation))
        .saturating_mul(q)
        .saturating_mul(q)
}

/// Fees that still count for reputation after `elapsed` blocks: halved for each
/// half-life, on a straight line between.
pub fn decayed(fees: Balance, elapsed: BlockNumber, half_life: BlockNumber) -> Balance {
    let half_life = half_life.max(1);
    let halves = elapsed.checked_div(half_life).unwrap_or(0);
    let rest = Balance::from(elapsed.checked_rem(half_life).unwrap_or(0));
    let left = fees.checked_shr(halves).unwrap_or(0);
    let span = Balance::from(half_life).saturating_mul(2);
    let part = match left.checked_mul(rest) {
        Some(product) => product.checked_div(span).unwrap_or(0),
        None => left.checked_div(span).unwrap_or(0).saturating_mul(rest),
    };
    left.saturating_sub(part)
}

/// Reputation that `fees` give: 4, and 4 more for each doubling of `unit + fees`
/// over `unit`, up to 64.
pub fn reputation(fees: Balance, unit: Balance) -> u8 {
    let unit = unit.max(1);
    let doublings = log2_q32(unit.saturating_add(fees)).saturating_sub(log2_q32(unit));
    let gained = u8::try_from(doublings >> 30).unwrap_or(u8::MAX);
    LEAST_REPUTATION.saturating_add(gained).min(MOST_REPUTATION)
}

impl OfferTerms {
    /// Price of a run: `max(minimum, ⌈rates · cost⌉)`. `None` on overflow.
    pub fn pay(&self, cost: &Cost) -> Option<Balance> {
        let sum = [
            (self.rates.macs, cost.macs),
            (self.rates.ops, cost.ops),
            (self.rates.bytes, cost.bytes),
            (self.rates.nodes, cost.nodes),
            (self.rates.load, cost.load),
        ]
        .into_iter()
        .try_fold(0u128, |sum, (rate, count)| {
            sum.checked_add(rate.checked_mul(count.into())?)
        })?;
        Some(sum.div_ceil(1_000_000).max(self.minimum))
    }

    /// Blocks of `block_time` milliseconds that a run takes by the declared times.
    /// `None` on overflow.
    pub fn run_blocks(&self, cost: &Cost, block_time: u64) -> Option<BlockNumber> {
        // In 10^-6 ns: times are nanoseconds per 10^6.
        let sum = [
            (self.times.macs, cost.macs),
            (self.times.ops, cost.ops),
            (self.times.bytes, cost.bytes),
            (self.times.nodes, cost.nodes),
            (self.times.load, cost.load),
        ]
        .into_iter()
        .try_fold(0u128, |sum, (time, count)| {
            sum.checked_add(u128::from(time).checked_mul(count.into())?)
        })?;
        let block = u128::from(block_time.max(1)).checked_mul(1_000_000_000_000)?;
        BlockNumber::try_from(sum.div_ceil(block)).ok()
    }

    /// Blocks of `block_time` milliseconds that fetching `load` bytes takes by the
    /// declared bandwidth. `None` on overflow, and without a bandwidth.
    pub fn load_blocks(&self, load: u64, block_time: u64) -> Option<BlockNumber> {
        let per_block = u128::from(self.bandwidth).checked_mul(block_time.max(1).into())?;
        if per_block == 0 {
            return None;
        }
        BlockNumber::try_from(u128::from(load).checked_mul(1_000)?.div_ceil(per_block)).ok()
    }

    /// Whether a run of `model` at this cost is within the offer's limits.
    pub fn fits(&self, model: ModelId, cost: &Cost, memory: u64) -> bool {
        let listed = match &self.models {
            ModelFilter::List(models) => models.contains(&model),
            ModelFilter::AnyUpTo(load) => cost.load <= *load,
        };
        listed && cost.units() <= self.max_cost && memory <= self.memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(i: u8) -> [u8; 32] {
        [i; 32]
    }

    fn seed(i: u32) -> [u8; 32] {
        blake2_256(&i.to_le_bytes())
    }

    #[test]
    fn logarithms_are_exact_at_powers_of_two() {
        for power in 0..=64u32 {
            assert_eq!(log2_q32(1u128 << power), u64::from(power) << 32);
        }
        assert_eq!(log2_q32(0), 0);
        assert_eq!(log2_q32(u128::MAX), (128 << 32) - 1);
    }

    #[test]
    fn logarithms_agree_with_floats() {
        for x in [
            3u128,
            5,
            7,
            10,
            1_000,
            12_345_678_901,
            u64::MAX as u128 / 3,
            1 << 63 | 12_345,
        ] {
            let float = (x as f64).log2() * 4_294_967_296.0;
            assert!((log2_q32(x) as f64 - float).abs() < 4.0, "{x}");
        }
    }

    #[test]
    fn logarithms_never_fall() {
        let mut last = 0;
        for x in (1u128..2_000).chain((0..2_000).map(|i| (1 << 64) - 2_000 + i)) {
            let log = log2_q32(x);
            assert!(log >= last, "{x}");
            last = log;
        }
    }

    #[test]
    fn draws_are_proportional_to_weight() {
        // Chi-square with 4 degrees of freedom: 18.47 is exceeded once in a thousand.
        let weights = [1u64, 2, 4, 8, 1_000 / 100];
        let total: u64 = weights.iter().sum();
        let candidates: Vec<_> = weights
            .iter()
            .enumerate()
            .map(|(i, w)| (who(i as u8), *w))
            .collect();
        let draws = 20_000u32;
        let mut hits = [0u32; 5];
        for i in 0..draws {
            hits[sample(&seed(i), &candidates, 1).unwrap()[0]] += 1;
        }
        let chi: f64 = hits
            .iter()
            .zip(weights)
            .map(|(hit, w)| {
                let expected = f64::from(draws) * w as f64 / total as f64;
                (f64::from(*hit) - expected).powi(2) / expected
            })
            .sum();
        assert!(chi < 18.47, "chi-square {chi}, {hits:?}");
    }

    #[test]
    fn second_draws_are_proportional_without_replacement() {
        // Ordered pairs out of weights 1, 2, 3: P(i, j) = w_i / 6 · w_j / (6 − w_i).
        // Chi-square with 5 degrees of freedom: 20.52 is exceeded once in a thousand.
        let weights = [1u64, 2, 3];
        let candidates: Vec<_> = weights
            .iter()
            .enumerate()
            .map(|(i, w)| (who(i as u8), *w))
            .collect();
        let draws = 20_000u32;
        let mut hits = [[0u32; 3]; 3];
        for i in 0..draws {
            let drawn = sample(&seed(i), &candidates, 2).unwrap();
            assert_ne!(drawn[0], drawn[1]);
            hits[drawn[0]][drawn[1]] += 1;
        }
        let mut chi = 0.0;
        for i in 0..3 {
            for j in (0..3).filter(|j| *j != i) {
                let share = weights[i] as f64 / 6.0 * weights[j] as f64 / (6 - weights[i]) as f64;
                let expected = f64::from(draws) * share;
                chi += (f64::from(hits[i][j]) - expected).powi(2) / expected;
            }
        }
        assert!(chi < 20.52, "chi-square {chi}, {hits:?}");
    }

    #[test]
    fn large_weights_do_not_overflow() {
        let candidates = [(who(1), u64::MAX), (who(2), u64::MAX), (who(3), 1)];
        assert_eq!(sample(&seed(1), &candidates, 3).unwrap().len(), 3);
    }

    #[test]
    fn a_newcomer_moves_nobody_elses_number() {
        let few: Vec<_> = (0..5u8).map(|i| (who(i), 3)).collect();
        let many: Vec<_> = (0..9u8).map(|i| (who(i), 3)).collect();
        for i in 0..200 {
            let order: Vec<_> = sample(&seed(i), &many, 9)
                .unwrap()
                .into_iter()
                .filter(|i| *i < 5)
                .collect();
            assert_eq!(sample(&seed(i), &few, 5).unwrap(), order);
        }
    }

    #[test]
    fn too_few_candidates_give_no_draw() {
        assert_eq!(sample(&seed(0), &[(who(1), 1), (who(2), 0)], 2), None);
        assert_eq!(sample(&seed(0), &[], 1), None);
        assert_eq!(sample(&seed(0), &[], 0), Some(Vec::new()));
    }

    #[test]
    fn seeds_depend_on_every_part() {
        let base = round_seed(&[1; 32], 2, Purpose::Assign, 3, &[[4; 32]]);
        assert_ne!(
            base,
            round_seed(&[9; 32], 2, Purpose::Assign, 3, &[[4; 32]])
        );
        assert_ne!(
            base,
            round_seed(&[1; 32], 9, Purpose::Assign, 3, &[[4; 32]])
        );
        assert_ne!(
            base,
            round_seed(&[1; 32], 2, Purpose::Redraw, 3, &[[4; 32]])
        );
        assert_ne!(
            base,
            round_seed(&[1; 32], 2, Purpose::Assign, 9, &[[4; 32]])
        );
        assert_ne!(
            base,
            round_seed(&[1; 32], 2, Purpose::Assign, 3, &[[9; 32]])
        );
    }

    #[test]
    fn invented_slots_and_dumped_prices_buy_at_most_their_caps() {
        let honest = weight(1, 100, 100, 4, 1_000, 1_000);
        assert_eq!(weight(64, u128::MAX, 1, 4, 1_000, 1_000), honest * 8);
        assert_eq!(weight(1, 100, 100, 4, 1_000, 0), honest * 16);
        assert_eq!(weight(64, u128::MAX, 0, 4, u128::MAX, 1), honest * 128);
    }

    #[test]
    fn slots_without_bond_weigh_nothing_more() {
        assert_eq!(weight(64, 250, 100, 4, 1, 1), weight(2, 250, 100, 4, 1, 1));
        assert_eq!(weight(1, 99, 100, 4, 1, 1), 0);
    }

    #[test]
    fn fees_halve_with_each_half_life() {
        assert_eq!(decayed(1_000, 0, 10), 1_000);
        assert_eq!(decayed(1_000, 5, 10), 750);
        assert_eq!(decayed(1_000, 10, 10), 500);
        assert_eq!(decayed(1_000, 25, 10), 188);
        assert_eq!(decayed(u128::MAX, u32::MAX, 1), 0);
        assert!(decayed(u128::MAX, 5, 10) > u128::MAX / 2);
    }

    #[test]
    fn reputation_rises_with_the_logarithm_of_fees() {
        assert_eq!(reputation(0, 100), 4);
        assert_eq!(reputation(100, 100), 8);
        assert_eq!(reputation(300, 100), 12);
        assert_eq!(reputation(100 << 15, 100), 64);
        assert_eq!(reputation(u128::MAX, 1), 64);
        assert_eq!(reputation(0, 0), 4);
    }
}
