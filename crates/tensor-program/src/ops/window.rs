use super::{chunks_touched, Scope};
use crate::validate::Invalid;
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Where the windows of a convolution or a pool stand on `x[H,W,C]`.
///
/// Tap (i, j) of the window at output (p, q) reads
/// `x[p·stride[0] − pad[0] + i·dilation[0], q·stride[1] − pad[1] + j·dilation[1]]`;
/// taps outside `x` are left out. With a kernel of kh × kw the output has
/// `H' = ⌊(H + pad[0] + pad[2] − dilation[0]·(kh−1) − 1)/stride[0]⌋ + 1` rows, the
/// numerator not negative, and W' columns likewise with `pad[1] + pad[3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, TypeInfo)]
pub struct Window {
    /// Steps between windows, down and right, at least 1.
    pub stride: [u8; 2],
    /// Steps between taps, down and right, at least 1.
    pub dilation: [u8; 2],
    /// Positions added at the top, left, bottom and right.
    pub pad: [u8; 4],
}

impl Window {
    /// The windows down and right over `size` positions, with a kernel of this size.
    pub(crate) fn axes(&self, size: [u32; 2], kernel: [u32; 2]) -> [WindowAxis; 2] {
        let [top, left, bottom, right] = self.pad;
        let axis =
            |stride: u8, dilation: u8, before: u8, after: u8, size: u32, kernel: u32| WindowAxis {
                stride: stride.into(),
                dilation: dilation.into(),
                before: before.into(),
                after: after.into(),
                size: size.into(),
                kernel: kernel.into(),
            };
        let ([sh, sw], [dh, dw]) = (self.stride, self.dilation);
        let ([h, w], [kh, kw]) = (size, kernel);
        [
            axis(sh, dh, top, bottom, h, kh),
            axis(sw, dw, left, right, w, kw),
        ]
    }

    /// Rows and columns of the output, with the attributes checked.
    pub(crate) fn outputs(
        &self,
        scope: &Scope<'_>,
        size: [u32; 2],
        kernel: [u32; 2],
    ) -> Result<[u32; 2], Invalid> {
        let [down, right] = self.axes(size, kernel);
        let count = |axis: &WindowAxis| {
            scope.attribute(axis.stride > 0, "stride")?;
            scope.attribute(axis.dilation > 0, "dilation")?;
            axis.outputs()
                .and_then(|count| u32::try_from(count).ok())
                .ok_or(Invalid::Attribute {
                    node: scope.node,
                    attribute: "window",
                })
        };
        Ok([count(&down)?, count(&right)?])
    }
}

/// The windows along one axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowAxis {
    stride: u64,
    pub(crate) dilation: u64,
    before: u64,
    after: u64,
    pub(crate) size: u64,
    pub(crate) kernel: u64,
}

impl WindowAxis {
    /// Number of windows. `None` if the kernel is empty, does not fit the padded
    /// axis, or if the stride is 0.
    pub(crate) fn outputs(&self) -> Option<u64> {
        let extent = self
            .dilation
            .checked_mul(self.kernel.checked_sub(1)?)?
            .checked_add(1)?;
        self.size
            .checked_add(self.before)?
            .checked_add(self.after)?
            .checked_sub(extent)?
            .checked_div(self.stride)?
            .checked_add(1)
    }

    /// The first tap of window `p` that lies inside, the position it reads, and the
    /// number of taps from there that lie inside: 0 if none does.
    pub(crate) fn taps(&self, p: u64) -> Option<Taps> {
        let shifted = p.checked_mul(self.stride)?;
        let ahead = self.before.saturating_sub(shifted);
        let tap = ahead.div_ceil(self.dilation.max(1));
        let position = shifted
            .checked_add(tap.checked_mul(self.dilation)?)?
            .checked_sub(self.before)?;
        let count = match self.size.checked_sub(position) {
            None | Some(0) => 0,
            Some(left) => left
                .div_ceil(self.dilation.max(1))
                .min(self.kernel.saturating_sub(tap)),
        };
        Some(Taps {
            tap,
            position,
            count,
        })
    }

    /// Whether every window has a tap inside.
    ///
    /// A window that starts inside has its first one. Of those that start behind the
    /// end the last is one, so it speaks for all; those that start in front, at most
    /// 255, are looked at one by one: with a dilation above the axis' length a window
    /// in the middle may step over it.
    pub(crate) fn never_empty(&self) -> bool {
        let filled = |p: u64| self.taps(p).is_some_and(|taps| taps.count > 0);
        let Some(last) = self.outputs().and_then(|count| count.checked_sub(1)) else {
            return false;
        };
        let in_front = self.before.div_ceil(self.stride.max(1));
        filled(last) && (0..=last).take_while(|p| *p < in_front).all(filled)
    }
}

/// The taps of one window that lie inside, along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taps {
    /// The first of them, counted from the window's start.
    pub(crate) tap: u64,
    /// The position it reads.
    pub(crate) position: u64,
    /// How many.
    pub(crate) count: u64,
}

/// Most chunks that each of the runs touches into which `first` bytes, of elements of
/// `width`, fall when they are repeated (times, distance), and that again.
///
/// Repetitions that leave no chunk between them untouched are one run: `k` of ℓ bytes
/// at distance D ≤ ℓ + 1,023 are one of (k − 1)·D + ℓ bytes, else they are k runs.
pub(crate) fn runs_touched(width: u64, first: u64, repeats: [(u64, u64); 2]) -> Vec<u64> {
    let (mut length, mut copies) = (first, 1u64);
    for (times, distance) in repeats {
        if joins(length, distance) {
            let further = times.saturating_sub(1).saturating_mul(distance);
            length = length.saturating_add(further);
        } else {
            copies = copies.saturating_mul(times);
        }
    }
    let chunks = match length <= width {
        true => 1,
        false => chunks_touched(length),
    };
    // More runs than a proof has room for chunks are refused, however many they are.
    vec![chunks; usize::try_from(copies.min(64)).unwrap_or(64)]
}

/// Whether runs of `length` bytes at this distance leave no chunk between them
/// untouched.
pub(crate) fn joins(length: u64, distance: u64) -> bool {
    distance <= length.saturating_add(1_023)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_JUDGE_BYTES;
    use proptest::prelude::*;

    fn axis(size: u64, kernel: u64, dilation: u64, stride: u64, pad: [u64; 2]) -> WindowAxis {
        WindowAxis {
            stride,
            dilation,
            before: pad[0],
            after: pad[1],
            size,
            kernel,
        }
    }

    fn taps_by_hand(axis: &WindowAxis, p: u64) -> Vec<(u64, u64)> {
        (0..axis.kernel)
            .filter_map(|i| {
                let at = (p * axis.stride + i * axis.dilation) as i64 - axis.before as i64;
                (0..axis.size as i64)
                    .contains(&at)
                    .then_some((i, at as u64))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn taps_are_those_inside(
            size in 1u64..40, kernel in 1u64..8, dilation in 1u64..50, stride in 1u64..9,
            before in 0u64..60, after in 0u64..60,
        ) {
            let axis = axis(size, kernel, dilation, stride, [before, after]);
            let Some(count) = axis.outputs() else {
                prop_assert!(size + before + after < dilation * (kernel - 1) + 1);
                return Ok(());
            };
            let mut all_filled = true;
            for p in 0..count {
                let by_hand = taps_by_hand(&axis, p);
                let taps = axis.taps(p).unwrap();
                prop_assert_eq!(taps.count, by_hand.len() as u64);
                for (n, (tap, position)) in by_hand.iter().enumerate() {
                    prop_assert_eq!(taps.tap + n as u64, *tap);
                    prop_assert_eq!(taps.position + n as u64 * dilation, *position);
                }
                all_filled &= !by_hand.is_empty();
            }
            prop_assert_eq!(axis.never_empty(), all_filled);
        }

        #[test]
        fn runs_bound_the_chunks_of_any_window(
            width in 1u64..3, times in [1u64..9, 1..9], distance in [1u64..3000, 1..9000],
            start in 0u64..2048,
        ) {
            let (start, distance) = (start * width, distance.map(|d| d * width));
            let bound: u64 = runs_touched(width, width, [(times[0], distance[0]), (times[1], distance[1])])
                .iter()
                .sum();
            let mut chunks = vec![];
            for i in 0..times[1] {
                for j in 0..times[0] {
                    chunks.push((start + i * distance[1] + j * distance[0]) / 1_024);
                }
            }
            chunks.sort_unstable();
            chunks.dedup();
            prop_assert!(chunks.len() as u64 <= bound);
        }
    }

    #[test]
    fn a_window_in_the_middle_may_be_the_empty_one() {
        let steps_over = axis(1, 2, 2, 1, [2, 2]);
        assert_eq!(steps_over.outputs(), Some(3));
        assert_eq!(
            [0, 1, 2].map(|p| steps_over.taps(p).unwrap().count),
            [1, 0, 1]
        );
        assert!(!steps_over.never_empty());
        assert!(axis(2, 2, 2, 1, [2, 2]).never_empty());
        assert!(!axis(3, 1, 1, 1, [0, 1]).never_empty());
        assert!(!axis(3, 1, 1, 1, [1, 0]).never_empty());
    }

    #[test]
    fn a_kernel_longer_than_the_padded_axis_has_no_output() {
        assert_eq!(axis(3, 4, 1, 1, [0, 0]).outputs(), None);
        assert_eq!(axis(3, 4, 1, 1, [0, 1]).outputs(), Some(1));
        assert_eq!(axis(3, 0, 1, 1, [0, 0]).outputs(), None);
        assert_eq!(axis(3, 2, 255, 1, [255, 0]).outputs(), Some(3));
    }

    #[test]
    fn neighbouring_taps_share_chunks_and_distant_ones_do_not() {
        // 8×8 over [64,64,64] i8: rows of 449 bytes every 4,096.
        assert_eq!(runs_touched(1, 1, [(8, 64), (8, 4_096)]), vec![2; 8]);
        // The same over [8,8,64] is one run.
        assert_eq!(runs_touched(1, 1, [(8, 64), (8, 512)]), [5]);
        assert_eq!(runs_touched(1, 1, [(5, 1_025), (5, 9_000)]), vec![1; 25]);
        assert_eq!(runs_touched(1, 1, [(5, 1_024), (1, 9_000)]), [5]);
        assert_eq!(runs_touched(2, 2, [(1, 4_000), (1, 9_000)]), [1]);
        let most = runs_touched(1, 1, [(4_096, 2_000), (1, 1)]);
        assert!(most.len() as u64 * 1_024 > MAX_JUDGE_BYTES);
    }
}
