//! The only `unsafe` of the crate: instructions beyond the architecture's
//! baseline, reached through a [`Level`] that proves they are there.

#![allow(unsafe_code)]

use crate::level::{Kind, Level};

/// Columns of a full panel of packed weights.
pub(crate) const NR: usize = 64;

/// Columns of one lane group: a panel has one to four of them.
pub(crate) const LANES: usize = 16;

/// Most rows of one tile.
pub(crate) const MR: usize = 12;

/// Sums of one tile: row r, column c at `r·NR + c`.
pub(crate) type Sums = [i32; MR * NR];

/// The left side of one tile: row r is `lines` runs of `4·quads` bytes each, the first
/// at `at[r]` and each `line` bytes behind the one before.
pub(crate) struct Left<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: &'a [usize],
    pub(crate) lines: usize,
    pub(crate) line: usize,
    pub(crate) quads: usize,
}

impl Level {
    /// Runs `work` compiled for this level. It is inlined there, and so must be
    /// everything in it that is to profit.
    #[inline]
    pub(crate) fn call<R>(self, work: impl FnOnce() -> R) -> R {
        match self.0 {
            Kind::Portable => work(),
            // SAFETY: a `Level` of this kind is only made by `Level::available`, after it
            // found every feature that the function enables.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86::with_avx2(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86::with_avx512(work) },
        }
    }

    /// Rows of a tile that suit a panel of `groups` lane groups.
    pub(crate) fn tile_rows(self, groups: usize) -> usize {
        match (self.0, groups) {
            #[cfg(target_arch = "x86_64")]
            (Kind::Avx512, 4) => 6,
            #[cfg(target_arch = "x86_64")]
            (Kind::Avx512, 3) => 8,
            #[cfg(target_arch = "x86_64")]
            (Kind::Avx512, _) => 12,
            #[cfg(target_arch = "x86_64")]
            (Kind::Avx2, _) => 12,
            (Kind::Portable, _) => 4,
        }
    }

    /// `sums[r·NR + c] = Σ_k a[r][k]·b[k / 4][c][k % 4]` for the rows of `left` and
    /// `16·groups` columns, over all runs of a row; `left` unsigned, `b` signed, sums
    /// wrapping at 32 bits.
    ///
    /// # Panics
    ///
    /// If a slice is shorter than these numbers say, there are not 1 to [`MR`] rows, or
    /// `groups` is not 1 to 4.
    #[inline]
    pub(crate) fn tile(self, left: &Left<'_>, groups: usize, b: &[u8], sums: &mut Sums) {
        let rows = left.at.len();
        assert!((1..=MR).contains(&rows) && (1..=4).contains(&groups) && left.lines > 0);
        let last = left.at.iter().fold(0, |last, at| last.max(*at));
        let row = (left.lines - 1) * left.line + 4 * left.quads;
        assert!(last <= left.bytes.len() && row <= left.bytes.len() - last);
        assert!(b.len() >= left.lines * left.quads * groups * LANES * 4);
        match self.0 {
            Kind::Portable => portable(left, groups, b, sums),
            // SAFETY: the level proves the features; the assertions above are the
            // lengths that `avx2_tile` asks for, and `sums` holds MR rows of NR.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe {
                x86::avx2_tile(left, groups, b.as_ptr().cast(), sums.as_mut_ptr());
            },
            // SAFETY: as above, for `vnni_tile`.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe {
                x86::vnni_tile(left, groups, b.as_ptr().cast(), sums.as_mut_ptr());
            },
        }
    }
}

/// The constants of the last step of products, one of each a column, in whole lane groups.
#[derive(Clone, Copy)]
pub(crate) struct Scaling<'a> {
    pub(crate) add: &'a [i64],
    pub(crate) mul: &'a [i32],
    pub(crate) shift: &'a [i32],
    /// Zero point, smallest and largest value.
    pub(crate) clip: (i32, i32, i32),
}

impl Scaling<'_> {
    fn assert(&self, columns: usize) {
        let n = columns.next_multiple_of(LANES);
        assert!(n <= NR && [self.add.len(), self.mul.len(), self.shift.len()] == [n; 3]);
    }

    #[inline(always)]
    fn apply(&self, sums: &[i32], mut to: impl FnMut(usize, i32)) {
        let (z, lo, hi) = self.clip;
        let scales = self.add.iter().zip(self.mul).zip(self.shift);
        for (column, (sum, ((add, mul), shift))) in sums.iter().zip(scales).enumerate() {
            let product = (i64::from(*sum) * i64::from(*mul)).wrapping_add(*add);
            let high = (product >> 32) as i32;
            to(column, ((high >> (shift & 31)) + z).max(lo).min(hi));
        }
    }
}

impl Level {
    /// `v = clip((((sums·mul + add) >> 32) >> shift) + z, lo, hi)` of each column. Shifts
    /// are below 32.
    ///
    /// # Panics
    ///
    /// If sums, values and constants are not of one length, whole lane groups up to [`NR`].
    #[inline(always)]
    pub(crate) fn requantise(self, sums: &[i32], scaling: Scaling<'_>, values: &mut [i32]) {
        scaling.assert(sums.len());
        assert!(sums.len() == values.len() && sums.len().is_multiple_of(LANES));
        #[cfg(target_arch = "x86_64")]
        if self.0 == Kind::Avx512 {
            for (group, (sums, values)) in sums
                .chunks_exact(LANES)
                .zip(values.chunks_exact_mut(LANES))
                .enumerate()
            {
                // SAFETY: the level proves the features; the assertions say that there are
                // constants for this group, and these are LANES sums and values.
                unsafe { x86::requantise(scaling, group, sums.as_ptr(), values.as_mut_ptr()) };
            }
            return;
        }
        scaling.apply(sums, |column, value| values[column] = value);
    }

    /// As [`Level::requantise`], to bytes: of rows of a tile, whose columns `out` has.
    ///
    /// # Panics
    ///
    /// If there are more rows than `sums` has, or rows of other lengths than constants.
    #[inline(always)]
    pub(crate) fn narrow(self, sums: &[i32], scaling: Scaling<'_>, out: &mut [&mut [u8]]) {
        let Some(columns) = out.first().map(|out| out.len()) else {
            return;
        };
        scaling.assert(columns);
        assert!(columns > 0 && out.iter().all(|out| out.len() == columns));
        assert!(sums.len() >= out.len() * NR);
        #[cfg(target_arch = "x86_64")]
        if self.0 == Kind::Avx512 {
            for group in 0..columns.div_ceil(LANES) {
                // SAFETY: the level proves the features; the assertions above are the
                // lengths that `narrow` asks for.
                unsafe { x86::narrow(scaling, group, columns, sums.as_ptr(), out) };
            }
            return;
        }
        for (sums, out) in sums.chunks_exact(NR).zip(out) {
            scaling.apply(&sums[..columns], |column, value| out[column] = value as u8);
        }
    }
}

fn portable(left: &Left<'_>, groups: usize, b: &[u8], sums: &mut Sums) {
    let width = groups * LANES;
    for (at, sums) in left.at.iter().zip(sums.chunks_exact_mut(NR)) {
        for (group, sums) in sums.chunks_exact_mut(LANES).take(groups).enumerate() {
            let mut total = [0i32; LANES];
            for (line, b) in b
                .chunks_exact(left.quads * width * 4)
                .take(left.lines)
                .enumerate()
            {
                let a = &left.bytes[at + line * left.line..][..4 * left.quads];
                for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(width * 4)) {
                    let b = &b[group * LANES * 4..][..LANES * 4];
                    for (sum, b) in total.iter_mut().zip(b.chunks_exact(4)) {
                        for (a, b) in a.iter().zip(b) {
                            *sum = sum.wrapping_add(i32::from(*a) * i32::from(*b as i8));
                        }
                    }
                }
            }
            sums.copy_from_slice(&total);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Left, Scaling, LANES, NR};
    use std::arch::x86_64::*;

    /// # Safety
    ///
    /// The machine has AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    /// # Safety
    ///
    /// The machine has AVX2 and AVX-512 F, BW, DQ, VL and VNNI.
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    pub(super) unsafe fn with_avx512<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    /// The constants of a lane group, those of 64 bits for its even columns and its odd ones.
    struct Lanes {
        mul: [__m512i; 2],
        add: [__m512i; 2],
        shift: __m512i,
        clip: [__m512i; 3],
    }

    impl Lanes {
        /// # Safety
        ///
        /// The machine has AVX-512 F, and there are constants for this group.
        #[target_feature(enable = "avx512f")]
        #[inline]
        unsafe fn new(scaling: Scaling<'_>, group: usize) -> Lanes {
            let at = group * LANES;
            // SAFETY: 16 elements of each from `at` on.
            let (mul, add, shift) = unsafe {
                let add = scaling.add.as_ptr().add(at);
                (
                    _mm512_loadu_si512(scaling.mul.as_ptr().add(at).cast()),
                    [
                        _mm512_loadu_si512(add.cast()),
                        _mm512_loadu_si512(add.add(8).cast()),
                    ],
                    _mm512_loadu_si512(scaling.shift.as_ptr().add(at).cast()),
                )
            };
            let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
            let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
            let (z, lo, hi) = scaling.clip;
            Lanes {
                mul: [mul, _mm512_srli_epi64::<32>(mul)],
                add: [even, odd].map(|which| _mm512_permutex2var_epi64(add[0], which, add[1])),
                shift,
                clip: [z, lo, hi].map(|value| _mm512_set1_epi32(value)),
            }
        }

        /// The last step of products, by VPMULDQ: see [`super::Level::requantise`].
        ///
        /// # Safety
        ///
        /// The machine has AVX-512 F. `sums` is readable for 16 words.
        #[target_feature(enable = "avx512f")]
        #[inline]
        unsafe fn apply(&self, sums: *const i32) -> __m512i {
            // SAFETY: the caller's.
            let even = unsafe { _mm512_loadu_si512(sums.cast()) };
            let odd = _mm512_srli_epi64::<32>(even);
            let even = _mm512_add_epi64(_mm512_mul_epi32(even, self.mul[0]), self.add[0]);
            let odd = _mm512_add_epi64(_mm512_mul_epi32(odd, self.mul[1]), self.add[1]);
            let high = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64::<32>(even), odd);
            let value = _mm512_add_epi32(_mm512_srav_epi32(high, self.shift), self.clip[0]);
            _mm512_min_epi32(_mm512_max_epi32(value, self.clip[1]), self.clip[2])
        }
    }

    /// # Safety
    ///
    /// The machine has AVX-512 F. There are constants for this group, `sums` is readable
    /// and `values` writable for 16 words.
    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(super) unsafe fn requantise(
        scaling: Scaling<'_>,
        group: usize,
        sums: *const i32,
        values: *mut i32,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let value = Lanes::new(scaling, group).apply(sums);
            _mm512_storeu_si512(values.cast(), value);
        }
    }

    /// # Safety
    ///
    /// The machine has AVX-512 F, BW and VL. There are constants for this group, `sums` has
    /// NR words for each row of `out`, rows have `columns` bytes, more than `16·group`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    #[inline]
    pub(super) unsafe fn narrow(
        scaling: Scaling<'_>,
        group: usize,
        columns: usize,
        sums: *const i32,
        out: &mut [&mut [u8]],
    ) {
        let at = group * LANES;
        // SAFETY: the caller's.
        let lanes = unsafe { Lanes::new(scaling, group) };
        let mask = 0xFFFFu16 >> (at + LANES).saturating_sub(columns);
        for (row, out) in out.iter_mut().enumerate() {
            // SAFETY: at + 16 ≤ NR words of this row; of its bytes those that the mask says.
            unsafe {
                let value = lanes.apply(sums.add(row * NR + at));
                let bytes = _mm512_cvtepi32_epi8(value);
                _mm_mask_storeu_epi8(out.as_mut_ptr().add(at).cast(), mask, bytes);
            }
        }
    }

    /// One tile by VPDPBUSD, whose left factor is unsigned: four products and their
    /// sum for each of 16 columns. The wrapping form, not the saturating one.
    ///
    /// # Safety
    ///
    /// The machine has AVX-512 F and VNNI. The runs of ROWS rows of `left` from `first` on
    /// lie inside its bytes, `b` is readable for `lines·quads·GROUPS·64` bytes, `sums`
    /// writable for `ROWS·NR` words.
    #[target_feature(enable = "avx512f,avx512vnni")]
    #[inline]
    unsafe fn vnni<const ROWS: usize, const GROUPS: usize>(
        left: &Left<'_>,
        first: usize,
        b: *const i8,
        sums: *mut i32,
    ) {
        let mut acc = [[_mm512_setzero_si512(); GROUPS]; ROWS];
        // SAFETY: rows from `first` on are rows of `left`, and start inside its bytes.
        let rows: [*const u8; ROWS] = std::array::from_fn(|row| unsafe {
            left.bytes.as_ptr().add(*left.at.get_unchecked(first + row))
        });
        let mut b = b;
        for line in 0..left.lines {
            for quad in 0..left.quads {
                let mut weights = [_mm512_setzero_si512(); GROUPS];
                for (group, weights) in weights.iter_mut().enumerate() {
                    // SAFETY: `b` has moved by (line·quads + quad)·GROUPS·64 bytes, and has
                    // 64 of each group left.
                    *weights = unsafe { _mm512_loadu_si512(b.add(group * 64).cast()) };
                }
                // SAFETY: at most to the end of `b`.
                b = unsafe { b.add(GROUPS * 64) };
                for (row, acc) in rows.iter().zip(&mut acc) {
                    // SAFETY: four bytes of a run of this row.
                    let four = unsafe {
                        row.add(line * left.line + 4 * quad)
                            .cast::<i32>()
                            .read_unaligned()
                    };
                    let four = _mm512_set1_epi32(four);
                    for (acc, weights) in acc.iter_mut().zip(weights) {
                        *acc = _mm512_dpbusd_epi32(*acc, four, weights);
                    }
                }
            }
        }
        for (row, acc) in acc.iter().enumerate() {
            for (group, acc) in acc.iter().enumerate() {
                // SAFETY: row < ROWS and group·16 + 16 ≤ 64 = NR, inside ROWS·NR words.
                unsafe { _mm512_storeu_si512(sums.add(row * NR + group * LANES).cast(), *acc) };
            }
        }
    }

    /// # Safety
    ///
    /// As [`vnni`], for all rows of `left`, 1 to 12, and `groups` from 1 to 4.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) unsafe fn vnni_tile(left: &Left<'_>, groups: usize, b: *const i8, sums: *mut i32) {
        // The registers hold 24 sums of 16 columns; more rows are made in parts.
        macro_rules! rows {
            ($groups:literal, $most:literal, $($count:literal)*) => {{
                let mut done = 0;
                while done < left.at.len() {
                    let some = (left.at.len() - done).min($most);
                    // SAFETY: the caller's, for `some` of its rows from row `done` on.
                    unsafe {
                        let sums = sums.add(done * NR);
                        match some {
                            $($count => vnni::<$count, $groups>(left, done, b, sums),)*
                            _ => return,
                        }
                    }
                    done += some;
                }
            }};
        }
        match groups {
            1 => rows!(1, 12, 1 2 3 4 5 6 7 8 9 10 11 12),
            2 => rows!(2, 12, 1 2 3 4 5 6 7 8 9 10 11 12),
            3 => rows!(3, 8, 1 2 3 4 5 6 7 8),
            _ => rows!(4, 6, 1 2 3 4 5 6),
        }
    }

    /// One tile by VPMADDWD on operands widened to 16 bits. Not VPMADDUBSW, which
    /// saturates its sums at 16 bits.
    ///
    /// # Safety
    ///
    /// The machine has AVX2. The runs of ROWS rows of `left` from `first` on lie inside its
    /// bytes, `b` is readable for `lines·quads·groups·64`, `sums` writable for `ROWS·NR`
    /// words; `group < groups`.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn avx2<const ROWS: usize>(
        left: &Left<'_>,
        first: usize,
        group: usize,
        groups: usize,
        b: *const i8,
        sums: *mut i32,
    ) {
        // Each of four registers holds two partial sums for each of four columns.
        let mut acc = [[_mm256_setzero_si256(); 4]; ROWS];
        // SAFETY: rows from `first` on are rows of `left`, and start inside its bytes.
        let rows: [*const u8; ROWS] = std::array::from_fn(|row| unsafe {
            left.bytes.as_ptr().add(*left.at.get_unchecked(first + row))
        });
        // SAFETY: group < groups, of 64 bytes each.
        let mut b = unsafe { b.add(group * 64) };
        for line in 0..left.lines {
            for quad in 0..left.quads {
                let fours = rows.map(|row| {
                    // SAFETY: four bytes of a run of this row.
                    let four = unsafe {
                        row.add(line * left.line + 4 * quad)
                            .cast::<i32>()
                            .read_unaligned()
                    };
                    _mm256_cvtepu8_epi16(_mm_set1_epi32(four))
                });
                for part in 0..4 {
                    // SAFETY: part < 4, so the 16 bytes end inside the 64 of this group.
                    let bytes = unsafe { _mm_loadu_si128(b.add(part * 16).cast()) };
                    let weights = _mm256_cvtepi8_epi16(bytes);
                    for (acc, four) in acc.iter_mut().zip(fours) {
                        acc[part] = _mm256_add_epi32(acc[part], _mm256_madd_epi16(four, weights));
                    }
                }
                // Behind the last quad this is beyond `b`, and not read.
                b = b.wrapping_add(groups * 64);
            }
        }
        for (row, acc) in acc.iter().enumerate() {
            for (half, pair) in acc.chunks_exact(2).enumerate() {
                let both = _mm256_hadd_epi32(pair[0], pair[1]);
                let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(both);
                // SAFETY: row < ROWS and group·16 + half·8 + 8 ≤ NR, inside ROWS·NR words.
                unsafe {
                    let to = sums.add(row * NR + group * LANES + half * 8);
                    _mm256_storeu_si256(to.cast(), ordered);
                }
            }
        }
    }

    /// # Safety
    ///
    /// As [`avx2`], for all rows of `left` and all groups.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn avx2_tile(left: &Left<'_>, groups: usize, b: *const i8, sums: *mut i32) {
        for group in 0..groups {
            for done in (0..left.at.len()).step_by(2) {
                // SAFETY: the caller's, for one or two of its rows from row `done` on.
                unsafe {
                    let sums = sums.add(done * NR);
                    match left.at.len() - done {
                        1 => avx2::<1>(left, done, group, groups, b, sums),
                        _ => avx2::<2>(left, done, group, groups, b, sums),
                    }
                }
            }
        }
    }
}
