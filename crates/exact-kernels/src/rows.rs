//! Operators over whole rows of the last axis.

use crate::{
    element::{load, Requant},
    gemm::{store, Width},
    Level,
};

/// Longest row.
pub const MAX_ROW: usize = 16_384;

/// Room for one row, kept from row to row.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    values: Vec<i32>,
    more: Vec<i32>,
}

impl Scratch {
    /// Most bytes of it.
    pub const BYTES: usize = 8 * MAX_ROW;

    fn rooms(&mut self, n: usize) -> (&mut [i32], &mut [i32]) {
        if self.values.len() < n {
            self.values.resize(n, 0);
            self.more.resize(n, 0);
        }
        (&mut self.values[..n], &mut self.more[..n])
    }
}

/// What a softmax keeps and how it weighs.
#[derive(Clone, Copy, Debug)]
pub struct Softmax<'a> {
    /// Weights of the 256 smallest distances from the maximum.
    pub fine: &'a [u16; 256],
    /// Weights of multiples of 256, for i16.
    pub coarse: Option<&'a [u16; 256]>,
    /// What happens to the probability.
    pub requant: Requant,
}

/// Softmax of one row. Elements are kept where `mask` (if any) is not 0 and below
/// `limit`.
///
/// # Panics
///
/// If the slices are not of one length.
pub fn softmax(
    level: Level,
    scratch: &mut Scratch,
    x: &[u8],
    width: Width,
    mask: Option<&[u8]>,
    limit: usize,
    op: Softmax<'_>,
    out: &mut [u8],
) {
    let n = x.len() / width.bytes();
    assert_eq!(out.len(), n * op.requant.out.bytes());
    assert!(mask.is_none_or(|mask| mask.len() == n));
    let (x32, e) = scratch.rooms(n);
    level.call(
        #[inline(always)]
        || softmax_row(x, width, mask, limit.min(n), op, x32, e, out),
    );
}

#[inline(always)]
fn softmax_row(
    bytes: &[u8],
    width: Width,
    mask: Option<&[u8]>,
    limit: usize,
    op: Softmax<'_>,
    x: &mut [i32],
    e: &mut [i32],
    out: &mut [u8],
) {
    load(bytes, width, x);
    let kept = |mask: u8| mask != 0;
    let mut top = i32::MIN;
    match mask {
        None => {
            for x in &x[..limit] {
                top = top.max(*x);
            }
        }
        Some(mask) => {
            for (x, mask) in x[..limit].iter().zip(mask) {
                top = top.max(if kept(*mask) { *x } else { i32::MIN });
            }
        }
    }
    let r = op.requant;
    if top == i32::MIN {
        // None is kept: no value of 16 bits or fewer is that low.
        x.fill(r.apply(0));
        store(x, r.out, out);
        return;
    }
    // Elements above the kept maximum exist, masked: their distance is taken as 0.
    for x in x.iter_mut() {
        *x = (top - *x).clamp(0, 65_535);
    }
    match op.coarse {
        None => {
            for (e, d) in e.iter_mut().zip(&*x) {
                *e = i32::from(op.fine[(*d & 255) as usize]);
            }
        }
        Some(coarse) => {
            for (e, d) in e.iter_mut().zip(&*x) {
                let high = u32::from(coarse[((*d >> 8) & 255) as usize]);
                let low = u32::from(op.fine[(*d & 255) as usize]);
                *e = ((high * low + (1 << 14)) >> 15) as i32;
            }
        }
    }
    e[limit..].fill(0);
    if let Some(mask) = mask {
        for (e, mask) in e.iter_mut().zip(mask) {
            *e = if kept(*mask) { *e } else { 0 };
        }
    }
    let sum: i32 = e.iter().sum();
    // ⌊(e·2^15 + ⌊S/2⌋)/S⌋ = ⌊x⌋ with x = (e·2^15 + ⌊S/2⌋ + ½)/S, which is at least
    // 1/(2S) ≥ 2^−30 from any integer, and so the integer nearest to x − ½. Both
    // operations below err by less than 2^−36. Adding 1.5·2^52 rounds to an integer,
    // which then is the low word of the sum's bits; a cast would saturate, slowly.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let inverse = 1.0 / f64::from(sum);
    let half = f64::from(sum / 2) + 0.5;
    for (x, e) in x.iter_mut().zip(&*e) {
        let quotient = (f64::from(*e) * 32_768.0 + half) * inverse;
        *x = ((quotient - 0.5) + ROUND).to_bits() as i32;
    }
    if r.m < 1 << 15 && r.s <= 30 {
        // p·m + r < 2^30 + 2^29.
        let half = r.half() as i32;
        for x in x.iter_mut() {
            *x = (((*x * i32::from(r.m) + half) >> (r.s & 31)) + r.z).clamp(r.lo, r.hi);
        }
    } else {
        for x in x.iter_mut() {
            *x = r.apply(i64::from(*x));
        }
    }
    store(x, r.out, out);
}

/// Constants of a norm, made once for all rows.
#[derive(Clone, Debug)]
pub struct Norm {
    /// Zero point of the row, `None` where the mean is taken out instead.
    zero: Option<i32>,
    e: u64,
    gamma: Vec<i64>,
    beta: Vec<i64>,
    requant: Requant,
}

impl Norm {
    /// Element type of what is written.
    pub fn out(&self) -> Width {
        self.requant.out
    }

    /// Bytes of the constants of a row of `n`.
    pub fn bytes(n: usize) -> usize {
        n.saturating_mul(16)
    }

    /// A layer norm (`zero` is `None`) or a root mean square norm with that zero
    /// point; `params` are `i32[n,2]`, pairs (γ, β).
    pub fn new(zero: Option<i32>, e: u64, params: Option<&[u8]>, requant: Requant) -> Norm {
        let (mut gamma, mut beta) = (Vec::new(), Vec::new());
        for pair in params.unwrap_or_default().chunks_exact(8) {
            let g = i32::from_le_bytes([pair[0], pair[1], pair[2], pair[3]]);
            let b = i32::from_le_bytes([pair[4], pair[5], pair[6], pair[7]]);
            gamma.push(i64::from(g.clamp(-32_768, 32_767)));
            beta.push(i64::from(b));
        }
        Norm {
            zero,
            e,
            gamma,
            beta,
            requant,
        }
    }
}

/// A norm of one row.
///
/// # Panics
///
/// If the slices are not of one length.
pub fn norm(
    level: Level,
    scratch: &mut Scratch,
    x: &[u8],
    width: Width,
    op: &Norm,
    out: &mut [u8],
) {
    let n = x.len() / width.bytes();
    assert_eq!(out.len(), n * op.requant.out.bytes());
    assert!(op.gamma.is_empty() || op.gamma.len() == n);
    let (values, _) = scratch.rooms(n);
    level.call(
        #[inline(always)]
        || norm_row(x, width, op, values, out),
    );
}

#[inline(always)]
fn norm_row(bytes: &[u8], width: Width, op: &Norm, x: &mut [i32], out: &mut [u8]) {
    load(bytes, width, x);
    let n = x.len() as i64;
    let zero = op.zero.unwrap_or(0);
    let (mut s1, mut s2) = (0i64, 0i64);
    for x in x.iter_mut() {
        *x = x.wrapping_sub(zero);
        s1 += i64::from(*x);
        s2 += i64::from(*x) * i64::from(*x);
    }
    let (mean, spread) = match op.zero {
        None => (s1, n * s2 - s1 * s1),
        Some(_) => (0, n * s2),
    };
    let d = (spread as u64).wrapping_add(op.e).max(1);
    let bits = 64 - d.leading_zeros();
    let t = 62u32.saturating_sub(bits) / 2;
    let q = (d << (2 * t)).isqrt().max(1);
    let rho = ((1u64 << 61) / q) as i64;
    let h = 49 - t;
    let half = 1i64 << (h - 1);
    let r = op.requant;
    let normal = |x: i32| {
        let c = n.wrapping_mul(i64::from(x)) - mean;
        (c.wrapping_mul(rho).wrapping_add(half)) >> (h & 63)
    };
    if op.gamma.is_empty() {
        for x in x.iter_mut() {
            *x = r.apply(normal(*x));
        }
    } else {
        for ((x, gamma), beta) in x.iter_mut().zip(&op.gamma).zip(&op.beta) {
            *x = r.apply(normal(*x).wrapping_mul(*gamma).wrapping_add(*beta));
        }
    }
    store(x, r.out, out);
}

/// `Σ(x − zx)` of each row of `n`, as i32.
pub fn row_sum(level: Level, x: &[u8], width: Width, n: usize, zx: i32, out: &mut [u8]) {
    level.call(
        #[inline(always)]
        || {
            for (out, row) in out
                .chunks_exact_mut(4)
                .zip(x.chunks_exact(n * width.bytes()))
            {
                let sum = total(row, width) - n as i64 * i64::from(zx);
                out.copy_from_slice(&(sum as i32).to_le_bytes());
            }
        },
    );
}

/// Sum of i8 or i16 elements, at most [`MAX_ROW`] of them.
#[inline(always)]
fn total(row: &[u8], width: Width) -> i64 {
    let sum: i32 = match width {
        Width::I8 => row.iter().map(|byte| i32::from(*byte as i8)).sum(),
        _ => row
            .chunks_exact(2)
            .map(|b| i32::from(i16::from_le_bytes([b[0], b[1]])))
            .sum(),
    };
    i64::from(sum)
}

/// Largest element of each row of `n`.
pub fn row_max(level: Level, x: &[u8], width: Width, n: usize, out: &mut [u8]) {
    let w = width.bytes();
    let mut block = [0i32; 256];
    level.call(
        #[inline(always)]
        || {
            for (out, row) in out.chunks_exact_mut(w).zip(x.chunks_exact(n * w)) {
                let mut top = i32::MIN;
                for part in row.chunks(256 * w) {
                    let block = &mut block[..part.len() / w];
                    load(part, width, block);
                    for x in block.iter() {
                        top = top.max(*x);
                    }
                }
                store(&[top], width, out);
            }
        },
    );
}

/// Mean of each row of `n`, of the elements whose `mask` is not 0 if there is one.
pub fn row_mean(
    level: Level,
    x: &[u8],
    width: Width,
    n: usize,
    zx: i32,
    mask: Option<&[u8]>,
    r: Requant,
    out: &mut [u8],
) {
    level.call(
        #[inline(always)]
        || {
            let kept = match mask {
                None => n as i64,
                Some(mask) => mask.iter().filter(|byte| **byte != 0).count() as i64,
            };
            for (out, row) in out
                .chunks_exact_mut(r.out.bytes())
                .zip(x.chunks_exact(n * width.bytes()))
            {
                let sum = match (mask, width) {
                    (None, _) => total(row, width),
                    (Some(mask), Width::I8) => {
                        let mut sum = 0i32;
                        for (byte, mask) in row.iter().zip(mask) {
                            sum += if *mask != 0 {
                                i32::from(*byte as i8)
                            } else {
                                0
                            };
                        }
                        i64::from(sum)
                    }
                    (Some(mask), _) => {
                        let mut sum = 0i32;
                        for (b, mask) in row.chunks_exact(2).zip(mask) {
                            let x = i32::from(i16::from_le_bytes([b[0], b[1]]));
                            sum += if *mask != 0 { x } else { 0 };
                        }
                        i64::from(sum)
                    }
                };
                store(
                    &[r.apply(mean(sum - kept * i64::from(zx), kept))],
                    r.out,
                    out,
                );
            }
        },
    );
}

/// `⌊(512·S + c)/(2c)⌋`, 0 if c = 0.
#[inline(always)]
pub(crate) fn mean(sum: i64, count: i64) -> i64 {
    if count == 0 {
        return 0;
    }
    (512 * sum + count).div_euclid(2 * count)
}
