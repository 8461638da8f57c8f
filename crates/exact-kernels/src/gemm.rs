//! Products `v[m,n] = Σ_k (a[m,k] − za)·(b[n,k] − zb[n])` with a fused epilogue.
//!
//! The left side is made unsigned, `u = a + 128`, because VPDPBUSD multiplies
//! unsigned by signed bytes; an i16 left side is two such rows, the high and the
//! low byte of `a + 32,768`. Then, with `A0 = 128 + za`,
//!
//! ```text
//! v = Σ u·b − zb·Σu − A0·Σb + K·A0·zb                        (i8)
//! v = 256·Σ high·b + Σ low·b − 32,768·Σb − zb·Σa            (i16)
//! ```
//!
//! K is at most 65,024 for either, so `Σ u·b` fits 32 bits with its sign. What
//! depends on the column alone is folded into the constants of the epilogue.

use crate::{
    arch::{Left, Scaling, Sums, LANES, MR, NR},
    Level,
};
use std::ops::Range;

/// Longest K: 65,024·255·128 is below 2^31.
pub const MAX_K: usize = 65_024;

/// Element type of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One byte.
    I8,
    /// Two bytes.
    I16,
    /// Four bytes.
    I32,
}

impl Width {
    /// Bytes of an element.
    pub const fn bytes(self) -> usize {
        match self {
            Width::I8 => 1,
            Width::I16 => 2,
            Width::I32 => 4,
        }
    }
}

/// A right side `i8[N,K]`, laid out for the tiles: panels of 64 columns (the last
/// one narrower, in steps of 16), each as `[⌈K/4⌉][columns][4]`, padded with zeros.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    n: usize,
    k: usize,
    quads: usize,
    data: Vec<u8>,
    sums: Vec<i32>,
}

impl Packed {
    /// Bytes that packing `n` rows of `k` takes.
    pub fn bytes(n: usize, k: usize) -> usize {
        let columns = n.div_ceil(LANES).saturating_mul(LANES);
        let quads = k.div_ceil(4).saturating_mul(4);
        columns
            .saturating_mul(quads)
            .saturating_add(n.saturating_mul(4))
    }

    /// Columns.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Length of the sums.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Panels of up to 64 columns.
    pub fn panels(&self) -> usize {
        self.n.div_ceil(NR)
    }

    /// Columns of some panels.
    pub fn columns(&self, panels: Range<usize>) -> Range<usize> {
        (panels.start * NR).min(self.n)..(panels.end * NR).min(self.n)
    }

    /// Packs `b[n,k]`, reusing the room of what was packed before.
    ///
    /// # Panics
    ///
    /// If `b` is not `n·k` bytes, or `k` is above [`MAX_K`].
    pub fn pack(&mut self, level: Level, b: &[u8], n: usize, k: usize) {
        self.reset(b.len(), n, k);
        let quads = self.quads;
        level.call(
            #[inline(always)]
            || {
                let panels = self
                    .data
                    .chunks_mut(quads * NR * 4)
                    .zip(self.sums.chunks_mut(NR));
                for ((panel, sums), b) in panels.zip(b.chunks(NR * k)) {
                    pack_panel(panel, sums, b, k, quads);
                }
            },
        );
    }

    /// As [`Packed::pack`], where `spread` runs the given jobs in any order.
    ///
    /// # Panics
    ///
    /// As [`Packed::pack`].
    pub fn pack_with<'a>(
        &'a mut self,
        level: Level,
        b: &'a [u8],
        n: usize,
        k: usize,
        spread: impl FnOnce(Vec<Box<dyn FnOnce() + Send + 'a>>),
    ) {
        self.reset(b.len(), n, k);
        let quads = self.quads;
        let jobs = self
            .data
            .chunks_mut(quads * NR * 4)
            .zip(self.sums.chunks_mut(NR))
            .zip(b.chunks(NR * k))
            .map(|((panel, sums), b)| {
                let job = move || {
                    level.call(
                        #[inline(always)]
                        || pack_panel(panel, sums, b, k, quads),
                    )
                };
                Box::new(job) as Box<dyn FnOnce() + Send + 'a>
            })
            .collect();
        spread(jobs);
    }

    /// The sums of the rows of `left` for one panel.
    #[inline(always)]
    fn tile(&self, level: Level, left: &Left<'_>, panel: usize, sums: &mut Sums) {
        let quads = self.quads * 4;
        let groups = self.columns(panel..panel + 1).len().div_ceil(LANES);
        let packed = &self.data[panel * NR * quads..][..groups * LANES * quads];
        level.tile(left, groups, packed, sums);
    }

    fn reset(&mut self, len: usize, n: usize, k: usize) {
        assert!(n > 0 && k > 0 && k <= MAX_K && len == n * k);
        let quads = k.div_ceil(4);
        (self.n, self.k, self.quads) = (n, k, quads);
        self.sums.clear();
        self.sums.resize(n, 0);
        self.data.clear();
        self.data.resize(n.div_ceil(LANES) * LANES * quads * 4, 0);
    }
}

/// Packs up to 64 rows of `b` into a panel that holds zeros.
#[inline(always)]
fn pack_panel(panel: &mut [u8], sums: &mut [i32], b: &[u8], k: usize, quads: usize) {
    /// Quads at a time, so that the panel's lines stay in the first cache.
    const BLOCK: usize = 64;
    let width = panel.len() / quads;
    let whole = k / 4;
    for first in (0..whole).step_by(BLOCK) {
        let last = (first + BLOCK).min(whole);
        for (column, row) in b.chunks_exact(k).enumerate() {
            let to = &mut panel[first * width..last * width];
            for (to, from) in to
                .chunks_exact_mut(width)
                .zip(row[first * 4..last * 4].chunks_exact(4))
            {
                to[column * 4..column * 4 + 4].copy_from_slice(from);
            }
        }
    }
    for (column, (row, sum)) in b.chunks_exact(k).zip(sums).enumerate() {
        *sum = row.iter().map(|byte| i32::from(*byte as i8)).sum();
        for (rest, byte) in row[whole * 4..].iter().enumerate() {
            panel[whole * width + column * 4 + rest] = *byte;
        }
    }
}

/// Rows of a left side, made unsigned: one row of bytes each for i8, two for i16.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    k: usize,
    stride: usize,
    count: usize,
    wide: bool,
    data: Vec<u8>,
}

impl Rows {
    /// Bytes that `count` rows of `k` take at most.
    pub fn bytes(count: usize, k: usize, wide: bool) -> usize {
        let rows = if wide { count * 2 } else { count };
        rows.saturating_mul(stride(k))
    }

    /// Starts over with `count` rows of `k`, of whatever was there before.
    fn reset(&mut self, count: usize, k: usize, wide: bool) {
        assert!(k > 0 && k <= MAX_K);
        self.k = k;
        self.stride = stride(k);
        self.count = count;
        self.wide = wide;
        let rows = if wide { count * 2 } else { count };
        let len = rows * self.stride;
        if self.data.len() < len {
            self.data.resize(len, 0);
        }
    }

    /// Takes over rows of i8.
    ///
    /// # Panics
    ///
    /// If `a` is not a whole number of rows of `k` bytes.
    pub fn narrow(&mut self, level: Level, a: &[u8], k: usize) {
        assert_eq!(a.len() % k, 0);
        self.reset(a.len() / k, k, false);
        level.call(
            #[inline(always)]
            || {
                let rows = self.data.chunks_exact_mut(self.stride);
                for (to, from) in rows.zip(a.chunks_exact(k)) {
                    for (to, from) in to.iter_mut().zip(from) {
                        *to = from ^ 0x80;
                    }
                }
            },
        );
    }

    /// Takes over rows of i16: the high bytes in one row, the low ones in the next.
    ///
    /// # Panics
    ///
    /// If `a` is not a whole number of rows of `k` elements.
    pub fn wide(&mut self, level: Level, a: &[u8], k: usize) {
        assert_eq!(a.len() % (2 * k), 0);
        self.reset(a.len() / (2 * k), k, true);
        level.call(
            #[inline(always)]
            || {
                let rows = self.data.chunks_exact_mut(2 * self.stride);
                for (to, from) in rows.zip(a.chunks_exact(2 * k)) {
                    let (high, low) = to.split_at_mut(self.stride);
                    // One output a loop, so that both are vectorised.
                    let words = from.as_chunks::<2>().0;
                    for (high, word) in high.iter_mut().zip(words) {
                        *high = (u16::from_le_bytes(*word) >> 8) as u8 ^ 0x80;
                    }
                    for (low, word) in low.iter_mut().zip(words) {
                        *low = u16::from_le_bytes(*word) as u8;
                    }
                }
            },
        );
    }

    /// Makes `count` rows of `k` bytes by `fill`, which gets the row's index and its
    /// bytes and must write all of them, as `a + 128`.
    #[inline(always)]
    pub(crate) fn filled(
        &mut self,
        count: usize,
        k: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) {
        self.reset(count, k, false);
        for (row, to) in self
            .data
            .chunks_exact_mut(self.stride)
            .take(count)
            .enumerate()
        {
            fill(row, &mut to[..k]);
        }
    }

    /// Sum of a row: of `a + 128` for i8, of `a` for i16.
    #[inline(always)]
    fn sum(&self, row: usize) -> i32 {
        let sum = |row: usize| -> i32 {
            let bytes = &self.data[row * self.stride..][..self.k];
            bytes.iter().map(|byte| i32::from(*byte)).sum()
        };
        if self.wide {
            let total = 256 * i64::from(sum(2 * row)) + i64::from(sum(2 * row + 1));
            (total - 32_768 * self.k as i64) as i32
        } else {
            sum(row)
        }
    }
}

/// Bytes from one row to the next: whole cache lines, and one more so that rows of
/// a power of two do not all fall into the same set of the first cache.
fn stride(k: usize) -> usize {
    k.div_ceil(64) * 64 + 64
}

/// Multiplier and shift of every column.
#[derive(Clone, Copy, Debug)]
pub enum Scales {
    /// One pair for all.
    Tensor {
        /// Multiplier.
        m: u16,
        /// Shift, at most 62.
        s: u8,
    },
    /// In the second word of each pair of the parameters.
    Channel,
}

/// What happens to a sum after the bias.
#[derive(Clone, Copy, Debug)]
pub enum Finish<'a> {
    /// Saturated to 32 bits.
    Raw,
    /// `R(v; m, s, z, lo, hi)`, then a table.
    Requant {
        /// Multiplier and shift.
        scales: Scales,
        /// Zero point.
        z: i32,
        /// Smallest value.
        lo: i32,
        /// Largest value.
        hi: i32,
        /// Element type before a table.
        out: Width,
        /// 256 entries of this type, indexed by the i8 value + 128.
        table: Option<(&'a [u8], Width)>,
    },
}

/// Zero point of the right side.
#[derive(Clone, Copy, Debug)]
pub enum Offsets<'a> {
    /// One for all columns.
    One(i8),
    /// One a column.
    Each(&'a [u8]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// `sat(sum + add)`.
    Raw,
    /// The high word of `sum·mul + add`, shifted on: multipliers are scaled so that
    /// every shift is at least 32.
    High,
    /// 64 bits throughout.
    Full,
}

/// The epilogue's constants, one of each a column.
#[derive(Clone, Debug)]
pub struct Epilogue {
    path: Path,
    wide: bool,
    columns: usize,
    /// These are padded to whole lane groups, but `offset` is not.
    mul: Vec<i32>,
    add: Vec<i64>,
    shift: Vec<i32>,
    /// Empty if the right side has no zero point.
    offset: Vec<i32>,
    z: i32,
    lo: i32,
    hi: i32,
    out: Width,
    table: Option<(Vec<u8>, Width)>,
}

/// `m = w & 0xFFFF`, `s = min((w >> 16) & 63, 62)`.
fn unpack(word: i32) -> (u16, u8) {
    let bits = word as u32;
    ((bits & 0xFFFF) as u16, (((bits >> 16) & 63) as u8).min(62))
}

impl Epilogue {
    /// Bytes of an epilogue of `n` columns, at most.
    pub fn bytes(n: usize) -> usize {
        let padded = n.div_ceil(LANES).saturating_mul(LANES);
        padded.saturating_mul(4 + 8 + 4 + 4).saturating_add(1_024)
    }

    /// The constants for `b` under a left side with zero point `za` (0 if `wide`,
    /// which is an i16 one). `params` are `i32[N,2]`, bias and packed scale.
    ///
    /// # Panics
    ///
    /// If offsets, parameters or a table have another length than their shape says.
    pub fn new(
        b: &Packed,
        za: i8,
        wide: bool,
        offsets: Offsets<'_>,
        params: Option<&[u8]>,
        finish: Finish<'_>,
    ) -> Epilogue {
        Epilogue::of_sums(b.k, &b.sums, za, wide, offsets, params, finish)
    }

    /// As [`Epilogue::new`] for columns with these sums of `k` weights.
    pub(crate) fn of_sums(
        k: usize,
        sums: &[i32],
        za: i8,
        wide: bool,
        offsets: Offsets<'_>,
        params: Option<&[u8]>,
        finish: Finish<'_>,
    ) -> Epilogue {
        let n = sums.len();
        if let Offsets::Each(offsets) = offsets {
            assert_eq!(offsets.len(), n);
        }
        if let Some(params) = params {
            assert_eq!(params.len(), n * 8);
        }
        let word = |at: usize| {
            params.map_or(0, |p| {
                i32::from_le_bytes([p[at], p[at + 1], p[at + 2], p[at + 3]])
            })
        };
        let offset = |column: usize| match offsets {
            Offsets::One(z) => i64::from(z),
            Offsets::Each(all) => i64::from(all[column] as i8),
        };
        let constant = |column: usize| {
            let folded = folded(k, sums[column], offset(column), za, wide);
            folded + i64::from(word(column * 8))
        };
        let mut made = Epilogue {
            path: Path::Raw,
            wide,
            mul: Vec::new(),
            columns: n,
            add: (0..n).map(constant).collect(),
            shift: Vec::new(),
            offset: Vec::new(),
            z: 0,
            lo: i32::MIN,
            hi: i32::MAX,
            out: Width::I32,
            table: None,
        };
        if (0..n).any(|column| offset(column) != 0) {
            made.offset = (0..n).map(|column| offset(column) as i32).collect();
        }
        let Finish::Requant {
            scales,
            z,
            lo,
            hi,
            out,
            table,
        } = finish
        else {
            made.pad();
            return made;
        };
        (made.z, made.lo, made.hi, made.out) = (z, lo, hi, out);
        made.table = table.map(|(bytes, width)| {
            assert_eq!(bytes.len(), 256 * width.bytes());
            (bytes.to_vec(), width)
        });
        let pair = |column: usize| match scales {
            Scales::Tensor { m, s } => (m, s.min(62)),
            Scales::Channel => unpack(word(column * 8 + 4)),
        };
        let high = !wide && (0..n).all(|column| raised(pair(column)).is_some());
        made.path = if high { Path::High } else { Path::Full };
        for column in 0..n {
            let (m, s) = pair(column);
            let (mul, s, below) = match raised((m, s)) {
                Some((mul, s)) if high => (mul, s, 32),
                _ => (i32::from(m), s, 0),
            };
            let half = match s {
                0 => 0,
                _ => 1i64 << (s - 1),
            };
            made.mul.push(mul);
            made.shift.push(i32::from(s) - below);
            // Only the sum over both of sum·mul + add is bounded, hence wrapping.
            let add = made.add[column].wrapping_mul(i64::from(mul));
            made.add[column] = add.wrapping_add(half);
        }
        made.pad();
        made
    }

    /// Takes over another right side of the same shape and with the same one zero
    /// point, where there are no parameters.
    ///
    /// # Panics
    ///
    /// If `b` has another shape.
    pub fn renew(&mut self, b: &Packed, za: i8, zb: i8) {
        assert_eq!(self.columns, b.n);
        let below = if self.path == Path::High { 32 } else { 0 };
        let scales = self.mul.iter().zip(&self.shift);
        for ((add, sum), (mul, shift)) in self.add.iter_mut().zip(&b.sums).zip(scales) {
            *add = folded(b.k, *sum, zb.into(), za, self.wide);
            if self.path != Path::Raw {
                let half = match shift + below {
                    0 => 0,
                    s => 1i64 << ((s - 1) & 63),
                };
                *add = add.wrapping_mul(i64::from(*mul)).wrapping_add(half);
            }
        }
    }

    /// Fills up the last lane group.
    fn pad(&mut self) {
        let padded = self.columns.next_multiple_of(LANES);
        self.add.resize(padded, 0);
        self.mul.resize(padded, 0);
        self.shift.resize(padded, 0);
    }

    /// Whether the right side has zero points.
    pub(crate) fn has_offset(&self) -> bool {
        !self.offset.is_empty()
    }

    /// Takes `zb·Σu` out of the sums of columns `start..`, each with its own Σu.
    #[inline(always)]
    pub(crate) fn offset(&self, sums: &mut [i32; NR], totals: &[i32; NR], start: usize) {
        let offsets = self.offset.get(start..).unwrap_or_default();
        for ((sum, total), offset) in sums.iter_mut().zip(totals).zip(offsets) {
            *sum = sum.wrapping_sub(total.wrapping_mul(*offset));
        }
    }

    /// Whether sums become bytes by the high words of products alone.
    fn narrow(&self) -> bool {
        self.path == Path::High && self.table.is_none() && self.out == Width::I8
    }

    /// The constants of some columns and of what fills up their last lane group.
    #[inline(always)]
    fn scaling(&self, columns: &Range<usize>) -> Scaling<'_> {
        let lanes = columns.start..columns.start + columns.len().next_multiple_of(LANES);
        Scaling {
            add: &self.add[lanes.clone()],
            mul: &self.mul[lanes.clone()],
            shift: &self.shift[lanes],
            clip: (self.z, self.lo, self.hi),
        }
    }

    /// Element type of what is written.
    pub fn out(&self) -> Width {
        self.table.as_ref().map_or(self.out, |(_, width)| *width)
    }
}

/// What the zero points add to the sum of a column whose weights sum to `sum`.
#[inline(always)]
fn folded(k: usize, sum: i32, zb: i64, za: i8, wide: bool) -> i64 {
    if wide {
        return -32_768 * i64::from(sum);
    }
    let a0 = 128 + i64::from(za);
    k as i64 * a0 * zb - a0 * i64::from(sum)
}

/// Multiplier and shift scaled by a power of two so that the shift is at least 32
/// and the multiplier below 2^31. Rounding is the same: the half moves along.
fn raised((m, s): (u16, u8)) -> Option<(i32, u8)> {
    match (m, s) {
        (0, _) => Some((0, 32)),
        (_, 32..) => Some((i32::from(m), s)),
        _ => Some((i32::try_from(i64::from(m) << (32 - s)).ok()?, 32)),
    }
}

/// Multiplies `a` by some panels of `b` and finishes the sums. `out` has, for each
/// row of `a`, the bytes of these panels' columns.
///
/// # Panics
///
/// If `a`, `b`, `epilogue` and `out` are not of one shape.
pub fn multiply(
    level: Level,
    a: &Rows,
    b: &Packed,
    panels: Range<usize>,
    epilogue: &Epilogue,
    out: &mut [&mut [u8]],
) {
    assert_eq!((a.k, a.count, a.wide), (b.k, out.len(), epilogue.wide));
    assert_eq!(epilogue.columns, b.n);
    let columns = b.columns(panels.clone());
    let width = epilogue.out().bytes();
    for out in out.iter() {
        assert_eq!(out.len(), columns.len() * width);
    }
    level.call(
        #[inline(always)]
        || {
            let each = if a.wide { 2 } else { 1 };
            let row_sums: Vec<i32> = match epilogue.offset.is_empty() {
                true => Vec::new(),
                false => (0..a.count).map(|row| a.sum(row)).collect(),
            };
            let first = panels.start * NR;
            let at: [usize; MR] = std::array::from_fn(|row| row * a.stride);
            let mut sums: Sums = [0; MR * NR];
            for panel in panels {
                let columns = b.columns(panel..panel + 1);
                let part = (columns.start - first) * width..(columns.end - first) * width;
                let step = level.tile_rows(columns.len().div_ceil(LANES)) / each;
                for row in (0..a.count).step_by(step) {
                    let rows = step.min(a.count - row);
                    let left = Left {
                        bytes: &a.data[row * each * a.stride..],
                        at: &at[..rows * each],
                        lines: 1,
                        line: 0,
                        quads: b.quads,
                    };
                    b.tile(level, &left, panel, &mut sums);
                    let out = out[row..row + rows].iter_mut();
                    let mut parts = out.map(|out| &mut out[part.clone()]);
                    let row_sums = row_sums.get(row..).unwrap_or_default();
                    finish_rows(level, epilogue, &mut sums, &columns, row_sums, &mut parts);
                }
            }
        },
    );
}

/// Multiplies the rows of `left` by all of `b`.
///
/// # Panics
///
/// If `left`, `b`, `epilogue` and `out` are not of one shape.
#[inline(always)]
pub(crate) fn windows(
    level: Level,
    left: &Left<'_>,
    b: &Packed,
    epilogue: &Epilogue,
    out: &mut [u8],
) {
    let row = b.n * epilogue.out().bytes();
    assert_eq!((epilogue.columns, out.len()), (b.n, left.at.len() * row));
    assert_eq!(left.lines * left.quads, b.quads);
    let width = epilogue.out().bytes();
    let mut sums: Sums = [0; MR * NR];
    for panel in 0..b.panels() {
        let columns = b.columns(panel..panel + 1);
        let part = columns.start * width..columns.end * width;
        let step = level.tile_rows(columns.len().div_ceil(LANES));
        for (at, out) in left.at.chunks(step).zip(out.chunks_mut(step * row)) {
            b.tile(level, &Left { at, ..*left }, panel, &mut sums);
            let out = out.chunks_exact_mut(row);
            let mut parts = out.map(|out| &mut out[part.clone()]);
            finish_rows(level, epilogue, &mut sums, &columns, &[], &mut parts);
        }
    }
}

/// Finishes the rows of a tile, one of `out` each. `row_sums` are those of [`finish`].
#[inline(always)]
fn finish_rows<'a>(
    level: Level,
    e: &Epilogue,
    sums: &mut Sums,
    columns: &Range<usize>,
    row_sums: &[i32],
    out: &mut impl Iterator<Item = &'a mut [u8]>,
) {
    if e.narrow() && !e.has_offset() {
        let mut rows: [&mut [u8]; MR] = std::array::from_fn(|_| <&mut [u8]>::default());
        let mut count = 0;
        for (row, out) in rows.iter_mut().zip(out) {
            *row = out;
            count += 1;
        }
        level.narrow(sums, e.scaling(columns), &mut rows[..count]);
        return;
    }
    let each = if e.wide { 2 * NR } else { NR };
    for (row, (sums, out)) in sums.chunks_exact_mut(each).zip(out).enumerate() {
        let row_sum = row_sums.get(row).copied();
        finish(level, e, sums, columns.clone(), row_sum, out);
    }
}

/// Finishes one row of a panel: `sums` are its 64 sums, for i16 those of the high
/// bytes and then those of the low ones. `row_sum` is Σu or Σa, `None` if what the
/// right side's zero points ask for has been taken out.
#[inline(always)]
pub(crate) fn finish(
    level: Level,
    e: &Epilogue,
    sums: &mut [i32],
    columns: Range<usize>,
    row_sum: Option<i32>,
    out: &mut [u8],
) {
    let count = columns.len();
    let groups = count.div_ceil(LANES);
    let (sums, low) = sums.split_at_mut(NR);
    let row_sum = row_sum.filter(|_| e.has_offset());
    if let (Some(row_sum), false) = (row_sum, e.wide) {
        // Bounded: K·255·W is below 2^31 wherever a program is valid.
        for (sum, offset) in sums.iter_mut().zip(&e.offset[columns.clone()]) {
            *sum = sum.wrapping_sub(row_sum.wrapping_mul(*offset));
        }
    }
    // Whole lane groups, up to what the last one is padded to.
    let padded = groups * LANES;
    let lanes = columns.start..columns.start + padded;
    let mut values = [0i32; NR];
    let value = &mut values[..padded];
    let add = &e.add[lanes.clone()];
    let (mul, shift) = (&e.mul[lanes.clone()], &e.shift[lanes]);
    match e.path {
        Path::Raw => {
            for ((value, sum), add) in value.iter_mut().zip(&*sums).zip(add) {
                let v = i64::from(*sum).wrapping_add(*add);
                *value = v.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
            }
        }
        Path::High if e.narrow() => {
            level.narrow(sums, e.scaling(&columns), &mut [out]);
            return;
        }
        Path::High => level.requantise(&sums[..padded], e.scaling(&columns), value),
        Path::Full => {
            let (lo, hi, z) = (i64::from(e.lo), i64::from(e.hi), i64::from(e.z));
            let mut x = [0i64; NR];
            if e.wide {
                for ((x, high), low) in x[..padded].iter_mut().zip(&*sums).zip(&*low) {
                    *x = (i64::from(*high) << 8) + i64::from(*low);
                }
                if let Some(row_sum) = row_sum {
                    for (x, offset) in x.iter_mut().zip(&e.offset[columns]) {
                        *x -= i64::from(row_sum) * i64::from(*offset);
                    }
                }
            } else {
                for (x, sum) in x[..padded].iter_mut().zip(&*sums) {
                    *x = i64::from(*sum);
                }
            }
            for ((((value, x), add), mul), shift) in
                value.iter_mut().zip(&x).zip(add).zip(mul).zip(shift)
            {
                let product = x.wrapping_mul(i64::from(*mul)).wrapping_add(*add);
                *value = ((product >> (shift & 63)) + z).max(lo).min(hi) as i32;
            }
        }
    }
    let values = &values[..count];
    match (&e.table, e.out) {
        (None, width) => store(values, width, out),
        (Some((table, Width::I8)), _) => {
            for (out, value) in out.iter_mut().zip(values) {
                *out = table[usize::from((*value as u8) ^ 0x80)];
            }
        }
        (Some((table, width)), _) => {
            let w = width.bytes();
            for (out, value) in out.chunks_exact_mut(w).zip(values) {
                out.copy_from_slice(&table[usize::from((*value as u8) ^ 0x80) * w..][..w]);
            }
        }
    }
}

/// Writes the low bytes of values.
#[inline(always)]
pub(crate) fn store(values: &[i32], width: Width, out: &mut [u8]) {
    match width {
        Width::I8 => {
            for (out, value) in out.iter_mut().zip(values) {
                *out = *value as u8;
            }
        }
        Width::I16 => {
            for (out, value) in out.chunks_exact_mut(2).zip(values) {
                out.copy_from_slice(&(*value as i16).to_le_bytes());
            }
        }
        Width::I32 => {
            for (out, value) in out.chunks_exact_mut(4).zip(values) {
                out.copy_from_slice(&value.to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    #[ignore = "a measurement: run it alone"]
    fn speed() {
        for level in Level::available() {
            for (m, n, k) in [
                (1, 384, 384),
                (1024, 384, 384),
                (1024, 1536, 384),
                (1024, 384, 1536),
                (256, 4096, 4096),
                (1024, 64, 576),
            ] {
                let a: Vec<u8> = (0..m * k).map(|i| (i * 7 + i / 11) as u8).collect();
                let b: Vec<u8> = (0..n * k).map(|i| (i * 5 + i / 7) as u8).collect();
                let mut packed = Packed::default();
                packed.pack(level, &b, n, k);
                let t = Instant::now();
                packed.pack(level, &b, n, k);
                let pack = t.elapsed().as_secs_f64();
                let scales = Scales::Tensor { m: 20_000, s: 28 };
                let finish = Finish::Requant {
                    scales,
                    z: 3,
                    lo: -128,
                    hi: 127,
                    out: Width::I8,
                    table: None,
                };
                let e = Epilogue::new(&packed, 3, false, Offsets::One(0), None, finish);
                let mut out = vec![0u8; m * n];
                let mut rows = Rows::default();
                let mut times = vec![];
                for _ in 0..9 {
                    let t = Instant::now();
                    for (a, out) in a.chunks(96 * k).zip(out.chunks_mut(96 * n)) {
                        rows.narrow(level, a, k);
                        let mut out: Vec<&mut [u8]> = out.chunks_mut(n).collect();
                        multiply(level, &rows, &packed, 0..packed.panels(), &e, &mut out);
                    }
                    times.push(t.elapsed().as_secs_f64());
                }
                times.sort_by(f64::total_cmp);
                let t = times[4];
                println!(
                    "{level} {m}x{n}x{k}: {:.1} us {:.1} GMAC/s, pack {:.2} GB/s",
                    t * 1e6,
                    (m * n * k) as f64 / t / 1e9,
                    (n * k) as f64 / pack / 1e9
                );
            }
        }
    }
}
