//! Convolution: patches as rows of a product, and depthwise without a product.

use crate::{
    arch::NR,
    element::load,
    gemm::{finish, store, Epilogue, Finish, Offsets, Rows, Width},
    Level,
};
use std::ops::Range;

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

    /// Calls `f` with the index of the image's first channel under each tap inside.
    #[inline(always)]
    pub fn taps(&self, position: usize, mut f: impl FnMut(usize)) {
        let (p, q) = (position / self.out[1], position % self.out[1]);
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
            });
        },
    );
}

/// The largest element of each channel under the window at an output position.
pub fn max(
    level: Level,
    geometry: &Geometry,
    x: &[u8],
    width: Width,
    position: usize,
    out: &mut [u8],
) {
    let w = width.bytes();
    level.call(
        #[inline(always)]
        || {
            for (index, out) in out.chunks_mut(NR * w).enumerate() {
                let count = out.len() / w;
                let (mut top, mut values) = ([i32::MIN; NR], [0i32; NR]);
                geometry.taps(position, |at| {
                    let from = (at + index * NR) * w;
                    load(&x[from..from + count * w], width, &mut values[..count]);
                    for (top, value) in top.iter_mut().zip(&values) {
                        *top = (*top).max(*value);
                    }
                });
                store(&top[..count], width, out);
            }
        },
    );
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
                    self.position(geometry, za, image, first + index, out);
                }
            },
        );
    }

    #[inline(always)]
    fn position(&self, g: &Geometry, za: i8, image: &[u8], position: usize, out: &mut [u8]) {
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
            finish(&self.epilogue, &mut sums, start..start + count, None, out);
        }
    }
}
