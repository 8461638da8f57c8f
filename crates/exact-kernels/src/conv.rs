//! Convolution: windows as rows of a product, where they lie or as patches, and depthwise
//! without a product.

use crate::{
    arch::{Left, NR},
    element::{load, Requant},
    gemm::{finish, store, windows, Epilogue, Finish, Offsets, Packed, Rows, Width, MAX_K},
    Level,
};
use std::{borrow::Cow, ops::Range};

/// Where the taps of a kernel fall on an image `[height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Rows of the image.
    pub height: usize,
    /// Columns of the image.
    pub width: usize,
    /// Channels of the image.
    pub channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns from one tap to the next.
    pub dilation: [usize; 2],
    /// Rows above and columns before the image.
    pub pad: [usize; 2],
    /// Rows and columns of the output.
    pub out: [usize; 2],
}

impl Geometry {
    /// Row of the image under tap `i` of output row `p`, if it is inside.
    #[inline(always)]
    fn row(&self, p: usize, i: usize) -> Option<usize> {
        let at = (p * self.stride[0] + i * self.dilation[0]).checked_sub(self.pad[0])?;
        (at < self.height).then_some(at)
    }

    /// Column of the image under tap `j` of output column `q`, if it is inside.
    #[inline(always)]
    fn column(&self, q: usize, j: usize) -> Option<usize> {
        let at = (q * self.stride[1] + j * self.dilation[1]).checked_sub(self.pad[1])?;
        (at < self.width).then_some(at)
    }

    /// Output positions.
    pub fn positions(&self) -> usize {
        self.out[0] * self.out[1]
    }

    /// Calls `f` with the index of the image's first channel under each tap of the window
    /// at output row `p` and column `q` that is inside.
    #[inline(always)]
    fn taps(&self, (p, q): (usize, usize), mut f: impl FnMut(usize)) {
        for i in 0..self.kernel[0] {
            let Some(row) = self.row(p, i) else { continue };
            for j in 0..self.kernel[1] {
                let Some(column) = self.column(q, j) else {
                    continue;
                };
                f((row * self.width + column) * self.channels);
            }
        }
    }

    /// Calls `f` for each output position from `first` on, counted over all images of `x`,
    /// with its image, its row and column, and its `line` bytes of `out`.
    #[inline(always)]
    fn each(
        &self,
        x: &[u8],
        width: Width,
        first: usize,
        line: usize,
        out: &mut [u8],
        mut f: impl FnMut(&[u8], (usize, usize), &mut [u8]),
    ) {
        let image = self.height * self.width * self.channels * width.bytes();
        let (mut sample, at) = (first / self.positions(), first % self.positions());
        let (mut p, mut q) = (at / self.out[1], at % self.out[1]);
        for out in out.chunks_exact_mut(line) {
            f(&x[sample * image..][..image], (p, q), out);
            q += 1;
            if q == self.out[1] {
                (p, q) = (p + 1, 0);
            }
            if p == self.out[0] {
                (sample, p) = (sample + 1, 0);
            }
        }
    }

    /// Writes the patch under an output position, channels `first..first + count`, as
    /// `x + 128`; what is outside the image is the zero point `za`, not 0.
    #[inline(always)]
    pub fn patch(
        &self,
        image: &[u8],
        position: usize,
        first: usize,
        count: usize,
        za: i8,
        out: &mut [u8],
    ) {
        let outside = (za as u8) ^ 0x80;
        let (p, q) = (position / self.out[1], position % self.out[1]);
        let whole = count == self.channels && self.dilation[1] == 1;
        let line = self.kernel[1] * count;
        for (i, out) in out.chunks_exact_mut(line).enumerate() {
            let Some(row) = self.row(p, i) else {
                out.fill(outside);
                continue;
            };
            let row = &image[row * self.width * self.channels..][..self.width * self.channels];
            if whole {
                // Taps next to each other are one run, clipped at both borders.
                let start = q * self.stride[1];
                let before = self.pad[1].saturating_sub(start).min(self.kernel[1]);
                let from = (start + before).saturating_sub(self.pad[1]);
                let taps = (self.kernel[1] - before).min(self.width.saturating_sub(from));
                let (head, rest) = out.split_at_mut(before * count);
                let (inside, tail) = rest.split_at_mut(taps * count);
                head.fill(outside);
                tail.fill(outside);
                if taps > 0 {
                    for (to, from) in inside.iter_mut().zip(&row[from * count..]) {
                        *to = from ^ 0x80;
                    }
                }
                continue;
            }
            for (j, out) in out.chunks_exact_mut(count).enumerate() {
                match self.column(q, j) {
                    None => out.fill(outside),
                    Some(column) => {
                        let from = &row[column * self.channels + first..];
                        for (to, from) in out.iter_mut().zip(from) {
                            *to = from ^ 0x80;
                        }
                    }
                }
            }
        }
    }
}

/// `from + 128`, as long as `to`, which often is a few bytes only.
#[inline(always)]
fn flip(to: &mut [u8], from: &[u8]) {
    let (to, rest) = to.as_chunks_mut::<8>();
    let (words, _) = from.as_chunks::<8>();
    let behind = &from[to.len() * 8..];
    for (to, from) in to.iter_mut().zip(words) {
        *to = (u64::from_ne_bytes(*from) ^ 0x8080_8080_8080_8080).to_ne_bytes();
    }
    for (to, from) in rest.iter_mut().zip(behind) {
        *to = from ^ 0x80;
    }
}

/// Makes rows of the patches of `count` output positions from `first` on, counted over
/// all images of `x`.
pub fn patches(
    level: Level,
    geometry: &Geometry,
    rows: &mut Rows,
    x: &[u8],
    first: usize,
    count: usize,
    channels: Range<usize>,
    za: i8,
) {
    let g = geometry;
    let image = g.height * g.width * g.channels;
    let k = g.kernel[0] * g.kernel[1] * channels.len();
    level.call(
        #[inline(always)]
        || {
            rows.filled(count, k, |row, out| {
                let at = first + row;
                let x = &x[at / g.positions() * image..][..image];
                let (from, many) = (channels.start, channels.len());
                g.patch(x, at % g.positions(), from, many, za, out);
            })
        },
    );
}

/// Output columns up to which the rows of an image are laid out whole.
const NARROW: usize = 256;

/// Parts of images with their borders, and where in them windows start. The last quad of
/// a run may read up to three bytes of what follows: their weights are 0.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    data: Vec<u8>,
    at: Vec<usize>,
}

impl Lines {
    /// Bytes for `count` output positions, at most.
    pub fn bytes(g: &Geometry, count: usize) -> usize {
        let (rows, images) = match g.out[1] > NARROW {
            true => (1, 1),
            false => (count / g.out[1] + 2, count / g.positions() + 2),
        };
        let many = match g.out[1] > NARROW {
            true => count,
            false => g.out[1],
        };
        let columns = many.saturating_mul(g.stride[1]) + g.kernel[1];
        (rows * g.stride[0] + images * g.kernel[0])
            .saturating_mul(columns)
            .saturating_mul(g.channels)
            .saturating_add(count * size_of::<usize>() + 3)
    }

    /// Lays out what is under `count` windows from `first` on, counted over all images of
    /// `x`; these are in one output row or span whole ones. Returns the bytes of a line.
    #[inline(always)]
    fn fill(&mut self, g: &Geometry, x: &[u8], first: usize, count: usize, za: i8) -> usize {
        let image = g.height * g.width * g.channels;
        let outside = (za as u8) ^ 0x80;
        // The first column under the windows, in the image with its borders, and all of them.
        let (start, many) = match g.out[1] > NARROW {
            true => (first % g.out[1] * g.stride[1], count),
            false => (0, g.out[1]),
        };
        let columns = (many - 1) * g.stride[1] + g.kernel[1];
        let before = g.pad[1].saturating_sub(start).min(columns);
        let from = (start + before).saturating_sub(g.pad[1]).min(g.width);
        let inside = (columns - before).min(g.width - from);
        let line = columns * g.channels;
        self.at.clear();
        self.at.reserve(count);
        let most = Lines::bytes(g, count);
        if self.data.len() < most {
            self.data.resize(most, 0);
        }
        let (mut position, mut len) = (first, 0);
        while position < first + count {
            let (sample, at) = (position / g.positions(), position % g.positions());
            let here = (g.positions() - at).min(first + count - position);
            let (top, bottom) = (at / g.out[1], (at + here - 1) / g.out[1]);
            let lines = (bottom - top) * g.stride[0] + g.kernel[0];
            let end = len + lines * line;
            let x = &x[sample * image..][..image];
            for (index, out) in self.data[len..end].chunks_exact_mut(line).enumerate() {
                match (top * g.stride[0] + index).checked_sub(g.pad[0]) {
                    Some(row) if row < g.height => {
                        let (head, rest) = out.split_at_mut(before * g.channels);
                        let (middle, tail) = rest.split_at_mut(inside * g.channels);
                        head.fill(outside);
                        flip(middle, &x[(row * g.width + from) * g.channels..]);
                        tail.fill(outside);
                    }
                    _ => out.fill(outside),
                }
            }
            let step = g.stride[1] * g.channels;
            for p in top..=bottom {
                let from = if p == top { at % g.out[1] } else { 0 };
                let to = (at + here - p * g.out[1]).min(g.out[1]);
                let at = len + (p - top) * g.stride[0] * line;
                let start = start * g.channels;
                self.at.extend((from..to).map(|q| at + q * step - start));
            }
            (position, len) = (position + here, end);
        }
        line
    }
}

/// Length of the sums of [`direct`]: each row of the kernel takes whole quads. `None` if
/// taps lie apart, windows leave something out, or this is more than a product takes.
pub fn direct_k(g: &Geometry) -> Option<usize> {
    let k = (g.kernel[1] * g.channels).next_multiple_of(4) * g.kernel[0];
    let dense = (0..2).all(|axis| g.dilation[axis] == 1 && g.stride[axis] <= g.kernel[axis]);
    (dense && k <= MAX_K).then_some(k)
}

/// Weights `w[O,kernel,channels]` as rows of [`direct_k`].
pub fn direct_weights<'a>(g: &Geometry, w: &'a [u8]) -> Cow<'a, [u8]> {
    let run = g.kernel[1] * g.channels;
    if run.is_multiple_of(4) {
        return Cow::Borrowed(w);
    }
    let mut padded = vec![0; w.len() / run * run.next_multiple_of(4)];
    let runs = padded.chunks_exact_mut(run.next_multiple_of(4));
    for (to, from) in runs.zip(w.chunks_exact(run)) {
        to[..run].copy_from_slice(from);
    }
    Cow::Owned(padded)
}

/// A convolution over all channels whose windows are read where they lie: the output at
/// positions `first..` over all images of `x`, as many as `out` has room for. The weights
/// are those of [`direct_weights`], and have no zero point.
///
/// # Panics
///
/// If a slice or the weights are not of this shape.
pub fn direct(
    level: Level,
    g: &Geometry,
    lines: &mut Lines,
    x: &[u8],
    first: usize,
    za: i8,
    (packed, epilogue): (&Packed, &Epilogue),
    out: &mut [u8],
) {
    assert!(direct_k(g) == Some(packed.k()) && !epilogue.has_offset());
    let width = epilogue.out().bytes() * packed.n();
    level.call(
        #[inline(always)]
        || {
            let (mut first, mut out) = (first, out);
            while !out.is_empty() {
                let most = match g.out[1] > NARROW {
                    true => g.out[1] - first % g.out[1],
                    false => usize::MAX,
                };
                let count = most.min(out.len() / width);
                let line = lines.fill(g, x, first, count, za);
                let left = Left {
                    bytes: &lines.data,
                    at: &lines.at,
                    lines: g.kernel[0],
                    line,
                    quads: (g.kernel[1] * g.channels).div_ceil(4),
                };
                let (this, rest) = out.split_at_mut(count * width);
                windows(level, &left, packed, epilogue, this);
                (first, out) = (first + count, rest);
            }
        },
    );
}

/// Channels that a pool makes at a time.
const POOL: usize = 32;

/// The largest element of each channel under the windows at output positions `first..`
/// over all images of `x`, as many as `out` has room for.
pub fn max(level: Level, g: &Geometry, x: &[u8], width: Width, first: usize, out: &mut [u8]) {
    let line = g.channels * width.bytes();
    level.call(
        #[inline(always)]
        || {
            g.each(
                x,
                width,
                first,
                line,
                out,
                #[inline(always)]
                |x, at, out| g.largest(x, width, at, out),
            );
        },
    );
}

/// The mean of each channel under the windows at output positions `first..` over all
/// images of `x`, as many as `out` has room for: of `x − zx`, as `⌊(512·S + c)/(2c)⌋` of
/// the sum S of the taps inside the image and their number c, or that of all taps if
/// `all`; then `R`. Windows have at most 4,096 taps.
pub fn average(
    level: Level,
    g: &Geometry,
    x: &[u8],
    width: Width,
    first: usize,
    how: (i32, bool),
    r: Requant,
    out: &mut [u8],
) {
    let line = g.channels * r.out.bytes();
    level.call(
        #[inline(always)]
        || {
            g.each(
                x,
                width,
                first,
                line,
                out,
                #[inline(always)]
                |x, at, out| g.mean(x, width, at, how, r, out),
            );
        },
    );
}

impl Geometry {
    /// [`max`] at one position.
    #[inline(always)]
    fn largest(&self, x: &[u8], width: Width, at: (usize, usize), out: &mut [u8]) {
        let w = width.bytes();
        for (index, out) in out.chunks_mut(POOL * w).enumerate() {
            let from = index * POOL;
            if let (Width::I8, Some(out)) = (width, out.first_chunk_mut::<POOL>()) {
                let mut top = [i8::MIN; POOL];
                self.taps(at, |tap| {
                    if let Some(x) = x[tap + from..].first_chunk::<POOL>() {
                        for (top, x) in top.iter_mut().zip(x) {
                            *top = (*top).max(*x as i8);
                        }
                    }
                });
                for (out, top) in out.iter_mut().zip(top) {
                    *out = top as u8;
                }
                continue;
            }
            let (mut top, mut values) = ([i32::MIN; POOL], [0i32; POOL]);
            let top = &mut top[..out.len() / w];
            self.taps(at, |tap| {
                let values = &mut values[..top.len()];
                load(&x[(tap + from) * w..], width, values);
                for (top, value) in top.iter_mut().zip(values) {
                    *top = (*top).max(*value);
                }
            });
            store(top, width, out);
        }
    }

    /// [`average`] at one position.
    #[inline(always)]
    fn mean(
        &self,
        x: &[u8],
        width: Width,
        at: (usize, usize),
        (zx, all): (i32, bool),
        r: Requant,
        out: &mut [u8],
    ) {
        // ⌊N/D⌋ is the integer nearest to (N + ½)/D − ½, from which it is at least 1/(2D)
        // ≥ 2^−14 away from being another; quotients are below 2^26, so the error of these
        // operations is below 2^−24. For adding 1.5·2^52 see `rows::softmax`.
        const ROUND: f64 = 6_755_399_441_055_744.0;
        let (w, wo) = (width.bytes(), r.out.bytes());
        let mut inside = 0;
        self.taps(at, |_| inside += 1);
        let taps = match all {
            true => self.kernel[0] * self.kernel[1],
            false => inside,
        };
        let (taps, zero) = (taps as i32, zx.wrapping_mul(inside as i32));
        let inverse = 1.0 / f64::from(2 * taps);
        let half = f64::from(taps) + 0.5;
        for (index, out) in out.chunks_mut(POOL * wo).enumerate() {
            let (from, count) = (index * POOL, out.len() / wo);
            let (mut sums, mut values) = ([0i32; POOL], [0i32; POOL]);
            self.taps(at, |tap| {
                let values = &mut values[..count];
                load(&x[(tap + from) * w..][..count * w], width, values);
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += *value;
                }
            });
            for (value, sum) in values.iter_mut().zip(&sums) {
                let quotient = (f64::from(*sum - zero) * 512.0 + half) * inverse;
                *value = ((quotient - 0.5) + ROUND).to_bits() as i32;
            }
            for value in &mut values {
                *value = r.apply(i64::from(*value));
            }
            store(&values[..count], r.out, out);
        }
    }
}

/// Weights of a depthwise convolution: one input and one output channel a group.
#[derive(Clone, Debug)]
pub struct Depthwise {
    taps: usize,
    channels: usize,
    /// `w[o, tap]` as `[tap][o]`.
    weights: Vec<i16>,
    epilogue: Epilogue,
}

impl Depthwise {
    /// Bytes for a kernel of `taps` over `channels`.
    pub fn bytes(channels: usize, taps: usize) -> usize {
        channels
            .saturating_mul(taps)
            .saturating_mul(2)
            .saturating_add(channels.saturating_mul(4))
            .saturating_add(Epilogue::bytes(channels))
    }

    /// Of `w[O,taps]`.
    ///
    /// # Panics
    ///
    /// If a slice has another length than the shapes say.
    pub fn new(
        w: &[u8],
        channels: usize,
        taps: usize,
        za: i8,
        offsets: Offsets<'_>,
        params: Option<&[u8]>,
        end: Finish<'_>,
    ) -> Depthwise {
        assert_eq!(w.len(), channels * taps);
        let mut weights = vec![0i16; channels * taps];
        let mut sums = vec![0i32; channels];
        for ((channel, row), sum) in w.chunks_exact(taps).enumerate().zip(&mut sums) {
            for (tap, byte) in row.iter().enumerate() {
                let weight = *byte as i8;
                weights[tap * channels + channel] = i16::from(weight);
                *sum += i32::from(weight);
            }
        }
        Depthwise {
            taps,
            channels,
            weights,
            epilogue: Epilogue::of_sums(taps, &sums, za, false, offsets, params, end),
        }
    }

    /// The output at positions `first..`, as many as `out` has room for.
    ///
    /// # Panics
    ///
    /// If `image`, `geometry` and `out` are not of this kernel's shape.
    pub fn run(
        &self,
        level: Level,
        geometry: &Geometry,
        za: i8,
        image: &[u8],
        first: usize,
        out: &mut [u8],
    ) {
        let width = self.epilogue.out().bytes() * self.channels;
        assert_eq!(geometry.channels, self.channels);
        assert_eq!(geometry.kernel[0] * geometry.kernel[1], self.taps);
        assert_eq!(out.len() % width, 0);
        level.call(
            #[inline(always)]
            || {
                for (index, out) in out.chunks_exact_mut(width).enumerate() {
                    self.position(level, geometry, za, image, first + index, out);
                }
            },
        );
    }

    #[inline(always)]
    fn position(
        &self,
        level: Level,
        g: &Geometry,
        za: i8,
        image: &[u8],
        position: usize,
        out: &mut [u8],
    ) {
        let (p, q) = (position / g.out[1], position % g.out[1]);
        let w = self.epilogue.out().bytes();
        let outside = i32::from((za as u8) ^ 0x80);
        for start in (0..self.channels).step_by(NR) {
            let count = NR.min(self.channels - start);
            let mut sums = [0i32; NR];
            // Σu over the taps, which only a zero point of the weights needs.
            let mut totals = [0i32; NR];
            let need = self.epilogue.has_offset();
            for i in 0..g.kernel[0] {
                for j in 0..g.kernel[1] {
                    let tap = i * g.kernel[1] + j;
                    let weights = &self.weights[tap * self.channels + start..][..count];
                    match (g.row(p, i), g.column(q, j)) {
                        (Some(row), Some(column)) => {
                            let at = (row * g.width + column) * g.channels + start;
                            let x = &image[at..at + count];
                            for ((sum, x), w) in sums.iter_mut().zip(x).zip(weights) {
                                *sum += i32::from(*x ^ 0x80) * i32::from(*w);
                            }
                            if need {
                                for (total, x) in totals.iter_mut().zip(x) {
                                    *total += i32::from(*x ^ 0x80);
                                }
                            }
                        }
                        _ => {
                            for (sum, w) in sums.iter_mut().zip(weights) {
                                *sum += outside * i32::from(*w);
                            }
                            if need {
                                for total in totals.iter_mut() {
                                    *total += outside;
                                }
                            }
                        }
                    }
                }
            }
            if need {
                self.epilogue.offset(&mut sums, &totals, start);
            }
            let out = &mut out[start * w..(start + count) * w];
            finish(
                level,
                &self.epilogue,
                &mut sums,
                start..start + count,
                None,
                out,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::Scales;
    use std::time::Instant;

    fn same(height: usize, channels: usize) -> Geometry {
        Geometry {
            height,
            width: height,
            channels,
            kernel: [3, 3],
            stride: [1, 1],
            dilation: [1, 1],
            pad: [1, 1],
            out: [height, height],
        }
    }

    fn time(name: &str, unit: f64, mut run: impl FnMut()) {
        let mut times: Vec<f64> = (0..301)
            .map(|_| {
                let t = Instant::now();
                run();
                t.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let t = times[100];
        println!("{name}: {:.1} us, {:.1} G/s", t * 1e6, unit / t / 1e9);
    }

    #[test]
    #[ignore = "a measurement: run it alone"]
    fn speed() {
        let r = Requant {
            m: 20_000,
            s: 16,
            z: 3,
            lo: -128,
            hi: 127,
            out: Width::I8,
        };
        for level in Level::available() {
            for (images, g, n) in [
                (64, same(8, 1), 16),
                (64, same(8, 16), 32),
                (64, same(4, 32), 32),
                (1, same(56, 64), 64),
            ] {
                let bytes = images * g.height * g.width * g.channels;
                let x: Vec<u8> = (0..bytes).map(|i| (i * 7 + i / 11) as u8).collect();
                let len = n * 9 * g.channels;
                let w: Vec<u8> = (0..len).map(|i| (i * 5 + i / 7) as u8).collect();
                let Some(k) = direct_k(&g) else { continue };
                let mut packed = Packed::default();
                packed.pack(level, &direct_weights(&g, &w), n, k);
                let end = Finish::Requant {
                    scales: Scales::Tensor { m: 20_000, s: 28 },
                    z: 3,
                    lo: -128,
                    hi: 127,
                    out: Width::I8,
                    table: None,
                };
                let e = Epilogue::new(&packed, 3, false, Offsets::One(0), None, end);
                let mut out = vec![0; images * g.positions() * n];
                let mut lines = Lines::default();
                let macs = (images * g.positions() * len) as f64;
                let name = format!("{level} {images} of {}x{0}x{} to {n}", g.height, g.channels);
                time(&name, macs, || {
                    for (index, out) in out.chunks_mut(768 * n).enumerate() {
                        let first = index * 768;
                        direct(level, &g, &mut lines, &x, first, 3, (&packed, &e), out);
                    }
                });
                let halves = Geometry {
                    kernel: [2, 2],
                    stride: [2, 2],
                    pad: [0, 0],
                    out: [g.height / 2, g.width / 2],
                    ..g
                };
                let out = &mut out[..bytes / 4];
                time(&format!("{name}: max"), bytes as f64, || {
                    max(level, &halves, &x, Width::I8, 0, out);
                });
                time(&format!("{name}: average"), bytes as f64, || {
                    average(level, &halves, &x, Width::I8, 0, (3, false), r, out);
                });
            }
        }
    }
}
