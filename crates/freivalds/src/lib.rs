//! Keyed Freivalds: whether `C = A·Bᵀ` without multiplying the matrices.
//!
//! Whoever holds `A` (`m × k`), `B` (`n × k`) and a claimed product `C` (`m × n`)
//! draws a secret vector `r` and compares `C·r` with `A·(Bᵀ·r)`: two products of a
//! matrix and a vector instead of one of matrices, `n·k + m·(n + k)` multiplications
//! instead of `m·n·k`. Zero points and a bias are part of the check.
//!
//! # What a passed check says
//!
//! Let row `i` of `C` be wrong, and `d ≠ 0` be its difference from the true row. All
//! arithmetic here is modulo the prime `p = 2^61 − 1`. The entries of `d` are
//! smaller than `p` in magnitude, because claimed and true values lie in a known
//! [range](Right::new), so some entry `d_j` is not 0 modulo `p` either. The row passes
//! exactly if `Σ_j d_j·r_j = 0`. Whatever the other entries of `r` are, there is one
//! value of `r_j` in `0..p` that makes it so, because `d_j` has an inverse. `r` is
//! uniform in `0..p` and unknown to the claimant when it fixes `C`, hence
//!
//! > a given wrong row passes with probability at most `1/p < 4.4·10⁻¹⁹`, and so does
//! > a wrong `C`, for it has a given first wrong row.
//!
//! A right row always passes: a row that does not pass is wrong, without any doubt.
//! It then takes `n·k` multiplications to say which element is wrong and what it
//! should be: see [`row`].
//!
//! The entries of `r` come from BLAKE3's keyed XOF: the bound above holds up to what
//! telling that function from random is worth. The [`Key`] must be secret, and the
//! context must say which claim is checked, so that what was learned from one check is
//! of no use against the next.
//!
//! # What can't be checked so
//!
//! The check is linear. A product that was requantised before it was committed is not
//! a linear function of its operands any more, and its accumulators can't be had back
//! from it: such a product must be computed, unless its sums are committed too, as those
//! of programs imported with raw products are. Nor can one whose sums may have been
//! saturated: [`Right::new`] refuses a bias that would allow it.
//!
//! # Source
//!
//! R. Freivalds, *Probabilistic machines can use less running time*, IFIP Congress
//! 1977, 839–842; *Fast probabilistic algorithms*, MFCS 1979, LNCS 74, 57–69. With
//! vectors over a field instead of {0, 1}, one round errs with probability one over the
//! field's size instead of one half: R. Motwani, P. Raghavan, *Randomized Algorithms*,
//! 1995, section 7.1.
//!
//! # Example
//!
//! ```
//! use athanor_freivalds::{row, Check, Key, Right, ZeroPoint};
//!
//! // b is 2 × 3: two outputs of three inputs each.
//! let right = Right::new(&[1, 2, 3, 4, 5, 6], 3, 0, ZeroPoint::All(1), Some(&[10, 20]))?;
//! let check = Check::new(&Key::new([7; 32]), b"job 1, node 2", &right);
//!
//! let a = [1, 0, 0, 0, 0, 1];
//! let c = [10, 23, 12, 25];
//! assert_eq!(check.first_wrong_row(&a, &c)?, None);
//! assert_eq!(check.first_wrong_row(&a, &[10, 23, 12, 26])?, Some(1));
//! assert_eq!(row(&right, &a[3..])?, [12, 25]);
//! # Ok::<(), athanor_freivalds::Error>(())
//! ```

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

mod field;

pub use field::P;

use alloc::vec::Vec;
use core::fmt;
use field::{add, mul, reduce, sub, Limbs};
use thiserror::Error;

/// Longest sums and most columns that are checked: sums stay far below `p`.
pub const MAX_LENGTH: usize = 1 << 24;

/// Why nothing was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A matrix does not have the number of elements its shape says.
    #[error("{what} has {found} elements, not {expected}")]
    Shape {
        /// Which.
        what: &'static str,
        /// How many it should have; for a number of rows, what it must be a multiple of.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// No rows, no columns, no terms, or more than [`MAX_LENGTH`].
    #[error("a side of length {0} is not checked: 1 to 2^24 are")]
    Length(usize),
    /// With this bias a sum can leave i32 and be saturated, which no linear check sees.
    #[error("the bias of column {column} is so large that its sums may have been saturated")]
    Saturates {
        /// The column.
        column: usize,
    },
}

/// A secret from which all random vectors come.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// A key of 32 secret bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Key(secret)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Zero point of the right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroPoint<'a> {
    /// One for all of it.
    All(i8),
    /// One for each of its rows, that is for each column of the product.
    PerColumn(&'a [i8]),
}

/// Everything about a product but its left side:
/// `c[i][j] = Σ_l (a[i][l] − za)·(b[j][l] − zb[j]) + bias[j]`.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a> {
    b: &'a [i8],
    n: usize,
    k: usize,
    za: i8,
    zb: ZeroPoint<'a>,
    bias: Option<&'a [i32]>,
}

impl<'a> Right<'a> {
    /// A right side `b` of rows of `k`, row-major.
    ///
    /// # Errors
    ///
    /// [`Error::Length`], [`Error::Shape`]; [`Error::Saturates`] if some left side gives
    /// a sum outside i32. Where this passes, every true value is an i32, so it differs
    /// from a claimed one by less than 2^32 < p.
    pub fn new(
        b: &'a [i8],
        k: usize,
        za: i8,
        zb: ZeroPoint<'a>,
        bias: Option<&'a [i32]>,
    ) -> Result<Self, Error> {
        if k == 0 || k > MAX_LENGTH {
            return Err(Error::Length(k));
        }
        let n = b.len().checked_div(k).unwrap_or(0);
        if n == 0 || n > MAX_LENGTH {
            return Err(Error::Length(n));
        }
        let shape = |what, expected, found| match expected == found {
            true => Ok(()),
            false => Err(Error::Shape {
                what,
                expected,
                found,
            }),
        };
        shape("the right side", n.saturating_mul(k), b.len())?;
        if let ZeroPoint::PerColumn(zb) = zb {
            shape("the zero points", n, zb.len())?;
        }
        if let Some(bias) = bias {
            shape("the bias", n, bias.len())?;
        }
        let right = Right {
            b,
            n,
            k,
            za,
            zb,
            bias,
        };
        // |a − za| is at most 255, whatever za is.
        let left = 128u64.saturating_add(u64::from(za.unsigned_abs()));
        for (column, b) in b.chunks_exact(k).enumerate() {
            let zb = i64::from(right.zero_point(column));
            let reach = b.iter().fold(0u64, |sum, b| {
                sum.saturating_add(i64::from(*b).saturating_sub(zb).unsigned_abs())
            });
            let bias = i64::from(right.bias(column)).unsigned_abs();
            if reach.saturating_mul(left).saturating_add(bias) > i32::MAX as u64 {
                return Err(Error::Saturates { column });
            }
        }
        Ok(right)
    }

    /// Columns of the product.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Terms of each sum.
    pub fn k(&self) -> usize {
        self.k
    }

    fn zero_point(&self, column: usize) -> i8 {
        match self.zb {
            ZeroPoint::All(zb) => zb,
            ZeroPoint::PerColumn(zb) => zb.get(column).copied().unwrap_or(0),
        }
    }

    fn bias(&self, column: usize) -> i32 {
        let bias = self.bias.and_then(|bias| bias.get(column));
        bias.copied().unwrap_or(0)
    }
}

/// Multiplications of an element and a number modulo p that a check of `m` rows takes,
/// its preparation included; the product itself takes `m·n·k` of two elements. One that
/// involves an 8-bit element is done as two of machine words.
pub fn multiplications(m: u64, n: u64, k: u64) -> u64 {
    let once = n.saturating_mul(k);
    let each = n.saturating_add(k);
    once.saturating_add(m.saturating_mul(each))
}

/// A right side behind a secret vector: checks any number of rows.
#[derive(Clone, Debug)]
pub struct Check {
    n: usize,
    k: usize,
    /// `r`.
    secret: Vec<u64>,
    /// `Bᵀ·r`, zero points taken off.
    image: Limbs,
    /// `bias·r − za·Σ image`: what every row has on top.
    constant: u64,
}

impl Check {
    /// Draws the secret vector for `context` and multiplies the right side by it:
    /// `n·k` multiplications.
    pub fn new(key: &Key, context: &[u8], right: &Right<'_>) -> Self {
        let secret = draw(key, context, right.n);
        let mut sums = field::Columns::new(right.k);
        let (mut zeros, mut bias) = (0u64, 0u64);
        for (column, (b, r)) in right.b.chunks_exact(right.k).zip(&secret).enumerate() {
            sums.add(*r, b);
            zeros = add(zeros, mul(*r, reduce(right.zero_point(column).into())));
            bias = add(bias, mul(*r, reduce(right.bias(column).into())));
        }
        let image: Vec<u64> = sums.finish().map(|sum| sub(sum, zeros)).collect();
        let total = image.iter().fold(0, |sum, y| add(sum, *y));
        let constant = sub(bias, mul(total, reduce(right.za.into())));
        Check {
            n: right.n,
            k: right.k,
            image: Limbs::new(&image),
            secret,
            constant,
        }
    }

    /// Whether `a` (rows of `k`) times the right side is `c` (rows of `n`): the first row
    /// that is wrong, `None` if all pass. Takes `m·(n + k)` multiplications.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`].
    pub fn first_wrong_row(&self, a: &[i8], c: &[i32]) -> Result<Option<usize>, Error> {
        Ok(self.wrong_rows(a, c)?.next())
    }

    /// All wrong rows, as [`first_wrong_row`](Self::first_wrong_row) finds the first.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`].
    pub fn wrong_rows<'b>(
        &'b self,
        a: &'b [i8],
        c: &'b [i32],
    ) -> Result<impl Iterator<Item = usize> + 'b, Error> {
        let m = a.len().checked_div(self.k).unwrap_or(0);
        if m.saturating_mul(self.k) != a.len() {
            return Err(Error::Shape {
                what: "the left side",
                expected: self.k,
                found: a.len(),
            });
        }
        let expected = m.saturating_mul(self.n);
        if c.len() != expected {
            return Err(Error::Shape {
                what: "the product",
                expected,
                found: c.len(),
            });
        }
        let rows = a.chunks_exact(self.k).zip(c.chunks_exact(self.n));
        let wrong = rows.enumerate().filter(|(_, (a, c))| {
            let ours = add(self.image.dot(a), self.constant);
            ours != field::dot(&self.secret, c)
        });
        Ok(wrong.map(|(row, _)| row))
    }
}

/// The true row of the product for the left row `a`, `n·k` multiplications: which
/// element of a wrong row is wrong.
///
/// # Errors
///
/// [`Error::Shape`].
pub fn row(right: &Right<'_>, a: &[i8]) -> Result<Vec<i32>, Error> {
    if a.len() != right.k {
        return Err(Error::Shape {
            what: "the left row",
            expected: right.k,
            found: a.len(),
        });
    }
    let za = i64::from(right.za);
    let columns = right.b.chunks_exact(right.k).enumerate();
    Ok(columns
        .map(|(column, b)| {
            let zb = i64::from(right.zero_point(column));
            let sum = a.iter().zip(b).fold(0i64, |sum, (a, b)| {
                let product = i64::from(*a)
                    .saturating_sub(za)
                    .saturating_mul(i64::from(*b).saturating_sub(zb));
                sum.saturating_add(product)
            });
            let value = sum.saturating_add(right.bias(column).into());
            // `Right::new` has seen to it that nothing is clipped here.
            i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
        })
        .collect())
}

/// `count` numbers uniform in `0..p`: 61 bits of a keyed XOF each, drawn again if they
/// are `p` itself.
fn draw(key: &Key, context: &[u8], count: usize) -> Vec<u64> {
    let mut reader = blake3::Hasher::new_keyed(&key.0)
        .update(b"athanor/freivalds")
        .update(context)
        .finalize_xof();
    let mut numbers = Vec::with_capacity(count);
    let mut bytes = [0u8; 1_024];
    while numbers.len() < count {
        reader.fill(&mut bytes);
        for word in bytes.as_chunks::<8>().0 {
            let number = u64::from_le_bytes(*word) & P;
            if number < P && numbers.len() < count {
                numbers.push(number);
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// The layers of a transformer of GPT-2's size over 1,024 tokens. Counted are the
    /// multiplications of machine words that are really done.
    #[test]
    fn a_check_takes_at_least_fifty_times_fewer_multiplications() {
        let m = 1_024;
        for (k, n) in [(768, 3_072), (768, 2_304), (768, 768), (3_072, 768)] {
            let b = vec![1; n * k];
            let right = Right::new(&b, k, 0, ZeroPoint::All(0), None).unwrap();
            field::DONE.with(|done| done.set(0));
            let check = Check::new(&Key::new([5; 32]), b"", &right);
            let (a, c) = (vec![2; m * k], vec![2 * k as i32; m * n]);
            assert_eq!(check.first_wrong_row(&a, &c), Ok(None));
            let done = field::DONE.with(|done| done.get());
            let said = multiplications(m as u64, n as u64, k as u64);
            assert!(said <= done && done <= 2 * said, "{done} {said}");
            let factor = (m * n * k) as u64 / done;
            assert!(factor >= 140, "{k} to {n}: {factor}");
        }
    }
}
