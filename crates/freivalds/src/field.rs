//! Arithmetic modulo `p = 2^61 − 1`, and the long sums.
//!
//! The sums are what a check spends its time on. Each 61-bit factor is cut into a low
//! part of 31 bits and a high part of 30, so that a product with an 8-bit number has
//! at most 39 bits and 2^22 of them fit an i64 before anything has to be reduced:
//! multiplications of 32 by 32 bits, which compilers turn into SIMD.

use alloc::{vec, vec::Vec};

/// The prime 2^61 − 1.
pub const P: u64 = (1 << 61) - 1;

/// Bits of the low part of a factor.
const LOW: u32 = 31;

/// Terms whose products fit an i64: 2^8 · 2^31 · 2^22 = 2^61.
const BLOCK: usize = 1 << 22;

/// `a + b` of numbers below p.
pub(crate) fn add(a: u64, b: u64) -> u64 {
    fold(u128::from(a).wrapping_add(u128::from(b)))
}

/// `a − b` of numbers below p.
pub(crate) fn sub(a: u64, b: u64) -> u64 {
    add(a, P.wrapping_sub(b))
}

/// `a·b` of numbers below p.
pub(crate) fn mul(a: u64, b: u64) -> u64 {
    // Below 2^122.
    fold(u128::from(a).wrapping_mul(u128::from(b)))
}

/// A number modulo p.
pub(crate) fn reduce(value: i64) -> u64 {
    let size = fold(value.unsigned_abs().into());
    match value < 0 {
        true => sub(0, size),
        false => size,
    }
}

/// A number below 2^122 modulo p: 2^61 is 1.
fn fold(value: u128) -> u64 {
    let low = (value as u64) & P;
    let high = (value >> 61) as u64;
    // Both are at most p, so the sum is below 2^62.
    let sum = low.wrapping_add(high);
    let once = (sum & P).wrapping_add(sum >> 61);
    match once >= P {
        true => once.wrapping_sub(P),
        false => once,
    }
}

/// A signed number of any size modulo p.
fn reduce_wide(value: i128) -> u64 {
    let mut size = value.unsigned_abs();
    let mut sum = 0u64;
    while size > 0 {
        sum = add(sum, fold(size & u128::from(P)));
        size >>= 61;
    }
    match value < 0 {
        true => sub(0, sum),
        false => sum,
    }
}

/// The two parts of a factor.
fn split(factor: u64) -> (i32, i32) {
    let low = factor & ((1 << LOW) - 1);
    // Below 2^31 and 2^30.
    (low as i32, (factor >> LOW) as i32)
}

/// `low + 2^31·high` modulo p.
fn join(low: i64, high: i64) -> u64 {
    add(reduce(low), mul(reduce(high), 1 << LOW))
}

#[cfg(test)]
std::thread_local! {
    /// Multiplications of two machine words done by this thread.
    pub(crate) static DONE: core::cell::Cell<u64> = const { core::cell::Cell::new(0) };
}

/// Counts multiplications, in tests.
fn count(_multiplications: usize) {
    #[cfg(test)]
    DONE.with(|done| done.set(done.get() + _multiplications as u64));
}

/// A vector of factors, cut into parts.
#[derive(Clone, Debug)]
pub(crate) struct Limbs {
    low: Vec<i32>,
    high: Vec<i32>,
}

impl Limbs {
    pub(crate) fn new(factors: &[u64]) -> Self {
        let (low, high) = factors.iter().map(|factor| split(*factor)).unzip();
        Limbs { low, high }
    }

    /// `Σ a·factor` modulo p.
    pub(crate) fn dot(&self, a: &[i8]) -> u64 {
        count(a.len().wrapping_mul(2));
        let blocks = a.chunks(BLOCK);
        let parts = self.low.chunks(BLOCK).zip(self.high.chunks(BLOCK));
        blocks.zip(parts).fold(0, |sum, (a, (low, high))| {
            add(sum, join(narrow_dot(a, low), narrow_dot(a, high)))
        })
    }
}

/// `Σ a·f` of at most [`BLOCK`] terms.
fn narrow_dot(a: &[i8], factors: &[i32]) -> i64 {
    a.iter().zip(factors).fold(0i64, |sum, (a, f)| {
        sum.wrapping_add(i64::from(*a).wrapping_mul(i64::from(*f)))
    })
}

/// `Σ r·c` modulo p. Each product has at most 92 bits.
pub(crate) fn dot(r: &[u64], c: &[i32]) -> u64 {
    count(r.len());
    // 2^24 terms of 92 bits fit 2^116.
    let sum = r.iter().zip(c).fold(0i128, |sum, (r, c)| {
        sum.wrapping_add(i128::from(*r).wrapping_mul(i128::from(*c)))
    });
    reduce_wide(sum)
}

/// Sums of multiples of rows.
#[derive(Debug)]
pub(crate) struct Columns {
    low: Vec<i64>,
    high: Vec<i64>,
    rows: usize,
    done: Vec<u64>,
}

impl Columns {
    pub(crate) fn new(length: usize) -> Self {
        Columns {
            low: vec![0; length],
            high: vec![0; length],
            rows: 0,
            done: vec![0; length],
        }
    }

    /// Adds `r` times a row.
    pub(crate) fn add(&mut self, r: u64, row: &[i8]) {
        if self.rows == BLOCK {
            self.settle();
        }
        self.rows = self.rows.saturating_add(1);
        count(row.len().wrapping_mul(2));
        let (low, high) = split(r);
        for (sum, b) in self.low.iter_mut().zip(row) {
            *sum = sum.wrapping_add(i64::from(low).wrapping_mul(i64::from(*b)));
        }
        for (sum, b) in self.high.iter_mut().zip(row) {
            *sum = sum.wrapping_add(i64::from(high).wrapping_mul(i64::from(*b)));
        }
    }

    fn settle(&mut self) {
        let sums = self.low.iter_mut().zip(self.high.iter_mut());
        for (done, (low, high)) in self.done.iter_mut().zip(sums) {
            *done = add(*done, join(*low, *high));
            (*low, *high) = (0, 0);
        }
        self.rows = 0;
    }

    /// The sums modulo p.
    pub(crate) fn finish(mut self) -> impl Iterator<Item = u64> {
        self.settle();
        self.done.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn modulo(value: i128) -> u64 {
        value.rem_euclid(P.into()) as u64
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_integers_modulo_p(a in 0..P, b in 0..P, v in any::<i64>(), w in any::<i128>()) {
            let (wide_a, wide_b) = (i128::from(a), i128::from(b));
            prop_assert_eq!(add(a, b), modulo(wide_a + wide_b));
            prop_assert_eq!(sub(a, b), modulo(wide_a - wide_b));
            prop_assert_eq!(mul(a, b), modulo(wide_a * wide_b));
            prop_assert_eq!(reduce(v), modulo(v.into()));
            prop_assert_eq!(reduce_wide(w), modulo(w));
        }
    }

    #[test]
    fn the_ends_of_the_range_are_right() {
        for (a, b) in [(0, 0), (P - 1, P - 1), (P - 1, 1), (1, P - 1), (0, P - 1)] {
            let (wide_a, wide_b) = (i128::from(a), i128::from(b));
            assert_eq!(add(a, b), modulo(wide_a + wide_b));
            assert_eq!(sub(a, b), modulo(wide_a - wide_b));
            assert_eq!(mul(a, b), modulo(wide_a * wide_b));
        }
        for value in [i64::MIN, i64::MAX, P as i64, -(P as i64), 0] {
            assert_eq!(reduce(value), modulo(value.into()));
        }
        for value in [i128::MIN, i128::MAX, 0, P.into()] {
            assert_eq!(reduce_wide(value), modulo(value));
        }
    }

    #[test]
    fn long_sums_of_the_largest_terms_do_not_overflow() {
        let length = BLOCK + 3;
        let expected = modulo(-128 * i128::from(P - 1) * length as i128);
        let limbs = Limbs::new(&vec![P - 1; length]);
        assert_eq!(limbs.dot(&vec![-128; length]), expected);
        let mut columns = Columns::new(1);
        for _ in 0..length {
            columns.add(P - 1, &[-128]);
        }
        assert_eq!(columns.finish().next(), Some(expected));
        let expected = modulo(i128::from(i32::MIN) * i128::from(P - 1) * length as i128);
        assert_eq!(dot(&vec![P - 1; length], &vec![i32::MIN; length]), expected);
    }
}
