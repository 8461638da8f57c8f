//! Operators that make each output element of one element of each operand.

use crate::{
    gemm::{store, Width},
    Level,
};
use std::sync::OnceLock;

/// Elements handled at a time.
const BLOCK: usize = 256;

/// `R(x; m, s, z, lo, hi) = clip(((x·m + r) >> s) + z, lo, hi)`, `r = 0` if `s = 0`,
/// else `2^(s−1)`; exact for |x| ≤ 2^46, m < 2^16 and s ≤ 62.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requant {
    /// Multiplier.
    pub m: u16,
    /// Shift, at most 62.
    pub s: u8,
    /// Zero point.
    pub z: i32,
    /// Smallest value.
    pub lo: i32,
    /// Largest value.
    pub hi: i32,
    /// Element type of the result.
    pub out: Width,
}

impl Requant {
    /// The rounding term.
    #[inline(always)]
    pub(crate) fn half(self) -> i64 {
        match self.s {
            0 => 0,
            s => 1 << ((s - 1) & 63),
        }
    }

    /// `R(x)`.
    #[inline(always)]
    pub fn apply(self, x: i64) -> i32 {
        self.finish(x.wrapping_mul(i64::from(self.m)).wrapping_add(self.half()))
    }

    /// What follows the rounding term.
    #[inline(always)]
    fn finish(self, p: i64) -> i32 {
        let (lo, hi) = (i64::from(self.lo), i64::from(self.hi));
        ((p >> (self.s & 63)) + i64::from(self.z)).clamp(lo, hi) as i32
    }
}

/// An operand: bytes of `width`, one element for every output element, or one for
/// all of them.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The elements.
    pub bytes: &'a [u8],
    /// Their type.
    pub width: Width,
    /// Whether the first element stands for all.
    pub one: bool,
}

impl Side<'_> {
    /// Widens elements `from..from + to.len()`.
    #[inline(always)]
    fn load(&self, from: usize, to: &mut [i32]) {
        if self.one {
            let mut first = [0];
            load(self.bytes, self.width, &mut first);
            to.fill(first[0]);
            return;
        }
        let w = self.width.bytes();
        load(&self.bytes[from * w..], self.width, to);
    }
}

/// Widens the first elements of `bytes`.
#[inline(always)]
pub(crate) fn load(bytes: &[u8], width: Width, to: &mut [i32]) {
    match width {
        Width::I8 => {
            // Often fewer than a vectorised loop of any length would take at a time.
            let (to, rest) = to.as_chunks_mut::<16>();
            let behind = bytes.get(to.len() * 16..).unwrap_or_default();
            for (to, bytes) in to.iter_mut().zip(bytes.as_chunks::<16>().0) {
                for (to, byte) in to.iter_mut().zip(bytes) {
                    *to = i32::from(*byte as i8);
                }
            }
            for (to, byte) in rest.iter_mut().zip(behind) {
                *to = i32::from(*byte as i8);
            }
        }
        Width::I16 => {
            for (to, b) in to.iter_mut().zip(bytes.chunks_exact(2)) {
                *to = i32::from(i16::from_le_bytes([b[0], b[1]]));
            }
        }
        Width::I32 => {
            for (to, b) in to.iter_mut().zip(bytes.chunks_exact(4)) {
                *to = i32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            }
        }
    }
}

/// Element `index` of elements of `width`.
///
/// # Panics
///
/// If there are not so many.
pub fn value(bytes: &[u8], width: Width, index: usize) -> i32 {
    let mut one = [0];
    load(
        &bytes[index * width.bytes()..][..width.bytes()],
        width,
        &mut one,
    );
    one[0]
}

/// Applies `f` to blocks of values of `x`, writing elements of `out`.
#[inline(always)]
fn map(x: Side<'_>, width: Width, out: &mut [u8], mut f: impl FnMut(&[i32], &mut [i32])) {
    let w = width.bytes();
    let (mut a, mut v) = ([0i32; BLOCK], [0i32; BLOCK]);
    for (index, out) in out.chunks_mut(BLOCK * w).enumerate() {
        let count = out.len() / w;
        x.load(index * BLOCK, &mut a[..count]);
        f(&a[..count], &mut v[..count]);
        store(&v[..count], width, out);
    }
}

/// Applies `f` to blocks of values of both operands, writing elements of `out`.
#[inline(always)]
fn zip(
    a: Side<'_>,
    b: Side<'_>,
    width: Width,
    out: &mut [u8],
    f: impl Fn(&[i32], &[i32], &mut [i32]),
) {
    let w = width.bytes();
    let (mut x, mut y, mut v) = ([0i32; BLOCK], [0i32; BLOCK], [0i32; BLOCK]);
    for (index, out) in out.chunks_mut(BLOCK * w).enumerate() {
        let count = out.len() / w;
        a.load(index * BLOCK, &mut x[..count]);
        b.load(index * BLOCK, &mut y[..count]);
        f(&x[..count], &y[..count], &mut v[..count]);
        store(&v[..count], width, out);
    }
}

/// `R(x − zx)` with one scale.
pub fn requantize(level: Level, x: &[u8], from: Width, zx: i32, r: Requant, out: &mut [u8]) {
    let side = Side {
        bytes: x,
        width: from,
        one: false,
    };
    let add = r.half() - i64::from(zx) * i64::from(r.m);
    level.call(
        #[inline(always)]
        || {
            map(side, r.out, out, |x, v| {
                for (v, x) in v.iter_mut().zip(x) {
                    *v = r.finish(i64::from(*x) * i64::from(r.m) + add);
                }
            })
        },
    );
}

/// Scales of a requantisation per channel: see [`requantize_rows`].
#[derive(Clone, Debug)]
pub struct Channels {
    mul: Vec<i32>,
    add: Vec<i64>,
    shift: Vec<i64>,
}

impl Channels {
    /// Bytes of the scales of `n` channels.
    pub fn bytes(n: usize) -> usize {
        n.saturating_mul(24)
    }

    /// Of `i32[N,2]`: bias, and a packed multiplier and shift.
    pub fn new(params: &[u8], zx: i32) -> Channels {
        let mut made = Channels {
            mul: Vec::new(),
            add: Vec::new(),
            shift: Vec::new(),
        };
        for pair in params.chunks_exact(8) {
            let bias = i32::from_le_bytes([pair[0], pair[1], pair[2], pair[3]]);
            let word = u32::from_le_bytes([pair[4], pair[5], pair[6], pair[7]]);
            let (m, s) = ((word & 0xFFFF) as i32, i64::from((word >> 16) & 63).min(62));
            let half = if s == 0 { 0 } else { 1i64 << (s - 1) };
            made.mul.push(m);
            made.shift.push(s);
            made.add.push(
                (i64::from(bias) - i64::from(zx))
                    .wrapping_mul(i64::from(m))
                    .wrapping_add(half),
            );
        }
        made
    }
}

/// `R(x − zx + bias[n])` with a scale for each of the elements of a row; of `r`, only
/// what follows the scale counts. `out` is a whole number of rows.
pub fn requantize_rows(
    level: Level,
    x: &[u8],
    from: Width,
    channels: &Channels,
    r: Requant,
    out: &mut [u8],
) {
    let n = channels.mul.len();
    let (w, wx) = (r.out.bytes(), from.bytes());
    level.call(
        #[inline(always)]
        || {
            let (lo, hi, z) = (i64::from(r.lo), i64::from(r.hi), i64::from(r.z));
            let (mut a, mut v) = ([0i32; BLOCK], [0i32; BLOCK]);
            for (out, x) in out.chunks_exact_mut(n * w).zip(x.chunks_exact(n * wx)) {
                for (index, (out, x)) in out
                    .chunks_mut(BLOCK * w)
                    .zip(x.chunks(BLOCK * wx))
                    .enumerate()
                {
                    let count = out.len() / w;
                    let at = index * BLOCK..index * BLOCK + count;
                    load(x, from, &mut a[..count]);
                    let scales = channels.mul[at.clone()]
                        .iter()
                        .zip(&channels.add[at.clone()])
                        .zip(&channels.shift[at]);
                    for ((v, x), ((mul, add), shift)) in
                        v[..count].iter_mut().zip(&a[..count]).zip(scales)
                    {
                        let p = (i64::from(*x) * i64::from(*mul)).wrapping_add(*add);
                        *v = ((p >> (shift & 63)) + z).clamp(lo, hi) as i32;
                    }
                    store(&v[..count], r.out, out);
                }
            }
        },
    );
}

/// What [`add`] adds.
#[derive(Clone, Copy, Debug)]
pub struct Sum {
    /// Zero point of the left operand.
    pub za: i32,
    /// Zero point of the right operand.
    pub zb: i32,
    /// Multiplier of the left operand, within ±2^30.
    pub ma: i32,
    /// Multiplier of the right operand, within ±2^30.
    pub mb: i32,
    /// Shift, at most 62.
    pub s: u8,
    /// Zero point of the result.
    pub z: i32,
    /// Smallest value.
    pub lo: i32,
    /// Largest value.
    pub hi: i32,
    /// Element type of the result.
    pub out: Width,
}

/// `clip((((a − za)·ma + (b − zb)·mb + r) >> s) + z, lo, hi)`.
pub fn add(level: Level, a: Side<'_>, b: Side<'_>, sum: Sum, out: &mut [u8]) {
    let finish = Requant {
        m: 0,
        s: sum.s,
        z: sum.z,
        lo: sum.lo,
        hi: sum.hi,
        out: sum.out,
    };
    let add = finish
        .half()
        .wrapping_sub(i64::from(sum.za) * i64::from(sum.ma))
        .wrapping_sub(i64::from(sum.zb) * i64::from(sum.mb));
    level.call(
        #[inline(always)]
        || {
            zip(a, b, sum.out, out, |a, b, v| {
                for ((v, a), b) in v.iter_mut().zip(a).zip(b) {
                    let left = i64::from(*a) * i64::from(sum.ma);
                    let right = i64::from(*b) * i64::from(sum.mb);
                    *v = finish.finish(left.wrapping_add(right).wrapping_add(add));
                }
            })
        },
    );
}

/// `R((a − za)·(b − zb))`.
pub fn mul(level: Level, a: Side<'_>, b: Side<'_>, za: i32, zb: i32, r: Requant, out: &mut [u8]) {
    level.call(
        #[inline(always)]
        || {
            zip(a, b, r.out, out, |a, b, v| {
                for ((v, a), b) in v.iter_mut().zip(a).zip(b) {
                    let product = i64::from(a.wrapping_sub(za)) * i64::from(b.wrapping_sub(zb));
                    *v = r.apply(product);
                }
            })
        },
    );
}

/// `a` where `c` (i8) is not 0, else `b`; all of one type.
pub fn select(level: Level, c: Side<'_>, a: Side<'_>, b: Side<'_>, out: &mut [u8]) {
    let width = a.width;
    let w = width.bytes();
    level.call(
        #[inline(always)]
        || {
            let mut blocks = [[0i32; BLOCK]; 4];
            let [x, y, k, v] = &mut blocks;
            for (index, out) in out.chunks_mut(BLOCK * w).enumerate() {
                let count = out.len() / w;
                c.load(index * BLOCK, &mut k[..count]);
                a.load(index * BLOCK, &mut x[..count]);
                b.load(index * BLOCK, &mut y[..count]);
                for i in 0..count {
                    v[i] = if k[i] != 0 { x[i] } else { y[i] };
                }
                store(&v[..count], width, out);
            }
        },
    );
}

/// Values clipped to `lo..=hi`.
pub fn clamp(level: Level, x: &[u8], width: Width, lo: i32, hi: i32, out: &mut [u8]) {
    let side = Side {
        bytes: x,
        width,
        one: false,
    };
    level.call(
        #[inline(always)]
        || {
            map(side, width, out, |x, v| {
                for (v, x) in v.iter_mut().zip(x) {
                    *v = (*x).max(lo).min(hi);
                }
            })
        },
    );
}

/// Magnitudes, saturated.
pub fn abs(level: Level, x: &[u8], width: Width, out: &mut [u8]) {
    let most = match width {
        Width::I8 => 127,
        Width::I16 => 32_767,
        Width::I32 => i32::MAX,
    };
    let side = Side {
        bytes: x,
        width,
        one: false,
    };
    level.call(
        #[inline(always)]
        || {
            map(side, width, out, |x, v| {
                for (v, x) in v.iter_mut().zip(x) {
                    *v = x.saturating_abs().min(most);
                }
            })
        },
    );
}

/// `sat_i32(x + bias[n])` for rows as long as `bias`, all i32.
pub fn add_bias(level: Level, x: &[u8], bias: &[u8], out: &mut [u8]) {
    level.call(
        #[inline(always)]
        || {
            for (out, x) in out
                .chunks_exact_mut(bias.len())
                .zip(x.chunks_exact(bias.len()))
            {
                for ((out, x), b) in out
                    .chunks_exact_mut(4)
                    .zip(x.chunks_exact(4))
                    .zip(bias.chunks_exact(4))
                {
                    let x = i32::from_le_bytes([x[0], x[1], x[2], x[3]]);
                    let b = i32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                    out.copy_from_slice(&x.saturating_add(b).to_le_bytes());
                }
            }
        },
    );
}

/// `table[x + 128]` for each i8 x; entries of `width`.
///
/// # Panics
///
/// If `table` has not 256 entries.
pub fn lut8(x: &[u8], table: &[u8], width: Width, out: &mut [u8]) {
    let w = width.bytes();
    assert_eq!(table.len(), 256 * w);
    match width {
        Width::I8 => {
            for (out, x) in out.iter_mut().zip(x) {
                *out = table[usize::from(x ^ 0x80)];
            }
        }
        _ => {
            for (out, x) in out.chunks_exact_mut(w).zip(x) {
                out.copy_from_slice(&table[usize::from(x ^ 0x80) * w..][..w]);
            }
        }
    }
}

/// A table for [`lut16`]: each entry with the step to the next.
#[derive(Debug)]
pub struct Table16 {
    steps: Vec<(i32, i32)>,
    /// The result for every u16 that an i16 is read as, made when it pays.
    whole: OnceLock<Vec<u16>>,
}

impl Table16 {
    /// Bytes of a table at most.
    pub const BYTES: usize = 512 * 8 + 65_536 * 2;

    /// Elements for which making all results first is worth it.
    const MANY: usize = 65_536;

    /// Of `i16[513]`.
    ///
    /// # Panics
    ///
    /// If it has not 513 entries.
    pub fn new(table: &[u8]) -> Table16 {
        assert_eq!(table.len(), 513 * 2);
        let entry = |i: usize| i32::from(i16::from_le_bytes([table[2 * i], table[2 * i + 1]]));
        Table16 {
            steps: (0..512)
                .map(|i| (entry(i), entry(i + 1) - entry(i)))
                .collect(),
            whole: OnceLock::new(),
        }
    }

    /// Gets ready for as many elements: [`lut16`] is faster afterwards if they are many.
    pub fn expect(&self, level: Level, elements: usize) {
        if elements < Table16::MANY {
            return;
        }
        self.whole.get_or_init(|| {
            let mut whole = vec![0u16; 65_536];
            level.call(
                #[inline(always)]
                || {
                    for (index, part) in whole.as_chunks_mut::<128>().0.iter_mut().enumerate() {
                        // The upper half of the table belongs to the values from 0 on.
                        let (base, step) = self.steps[index ^ 256];
                        for (f, value) in part.iter_mut().enumerate() {
                            *value = (base + ((f as i32 * step + 64) >> 7)) as u16;
                        }
                    }
                },
            );
            whole
        });
    }
}

/// `T[j] + ((f·(T[j+1] − T[j]) + 64) >> 7)` with `u = x + 32,768`, `j = u >> 7`,
/// `f = u & 127`, for each i16 x.
pub fn lut16(level: Level, x: &[u8], table: &Table16, out: &mut [u8]) {
    if let Some(Ok(whole)) = table
        .whole
        .get()
        .map(|whole| <&[u16; 65_536]>::try_from(whole.as_slice()))
    {
        for (out, x) in out.as_chunks_mut().0.iter_mut().zip(x.as_chunks().0) {
            *out = whole[usize::from(u16::from_le_bytes(*x))].to_le_bytes();
        }
        return;
    }
    let Ok(table) = <&[(i32, i32); 512]>::try_from(table.steps.as_slice()) else {
        return;
    };
    level.call(
        #[inline(always)]
        || {
            let (mut base, mut step) = ([0i32; BLOCK], [0i32; BLOCK]);
            for (out, x) in out.chunks_mut(2 * BLOCK).zip(x.chunks(2 * BLOCK)) {
                for ((base, step), x) in base.iter_mut().zip(&mut step).zip(x.chunks_exact(2)) {
                    let u = u16::from_le_bytes([x[0], x[1]]) ^ 0x8000;
                    (*base, *step) = table[usize::from(u >> 7)];
                }
                for (((out, x), base), step) in out
                    .chunks_exact_mut(2)
                    .zip(x.chunks_exact(2))
                    .zip(&base)
                    .zip(&step)
                {
                    let f = i32::from(u16::from_le_bytes([x[0], x[1]]) & 127);
                    let v = base + ((f * step + 64) >> 7);
                    out.copy_from_slice(&(v as i16).to_le_bytes());
                }
            }
        },
    );
}
