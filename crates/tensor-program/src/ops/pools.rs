use super::{
    exact,
    window::{joins, runs_touched, WindowAxis},
    Args, Inferred, Operator, Position, Requant, Scope, Window,
};
use crate::{
    arith::{element, push},
    validate::Invalid,
    DType, Shape, TensorType,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Most positions of a window.
const MAX_TAPS: u64 = 4_096;

/// Largest element of each window.
///
/// - *Operands*: `x[H,W,C]` i8 or i16, an activation.
/// - *Output*: the type of `x`, `[H',W',C]`, see [`Window`].
/// - *Formula*: the maximum over the taps inside `x`.
/// - *Bounds*: kh·kw ≤ 4,096; strides and dilations at least 1; every window holds at
///   least one position of `x`.
/// - *Judge*: `x` one element for each tap inside. For validation the whole window
///   counts, as runs of taps between which no chunk is left untouched.
/// - *Cost*: kh·kw ops an output element.
/// - *Source*: ONNX `MaxPool` in NHWC order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct MaxPool2d {
    /// Height and width of a window, at least 1.
    pub kernel: [u16; 2],
    /// Where the windows stand.
    pub window: Window,
}

/// Mean of each window.
///
/// - *Operands*: `x[H,W,C]` i8 or i16, an activation.
/// - *Output*: the requantisation's `out`, i8 or i16; `[H',W',C]`, see [`Window`].
/// - *Formula*: S the sum of `x − zx` over the taps inside `x`, c their number, or
///   kh·kw if `count_pad`: `v = ⌊(512·S + c)/(2c)⌋`, then `R(v; m, s, z, lo, hi)`.
/// - *Bounds*: as [`MaxPool2d`]; `zx` a value of x's type.
/// - *Judge*: as [`MaxPool2d`].
/// - *Cost*: kh·kw ops an output element.
/// - *Source*: ONNX `AveragePool` in NHWC order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AvgPool2d {
    /// Height and width of a window, at least 1.
    pub kernel: [u16; 2],
    /// Where the windows stand.
    pub window: Window,
    /// Whether taps outside `x` count, as zeros.
    pub count_pad: bool,
    /// Zero point of `x`.
    pub zx: i32,
    /// What happens to the mean.
    pub requant: Requant,
}

/// The windows of a pool over `x[H,W,C]`.
struct Pool {
    down: WindowAxis,
    right: WindowAxis,
    channels: u64,
    width: u64,
}

/// The taps of one output element that lie inside: `rows` runs of `taps`.
struct Inside {
    /// Byte of the first, within its sample.
    start: u64,
    rows: u64,
    taps: u64,
}

impl Pool {
    fn new(kernel: [u16; 2], window: &Window, x: &TensorType) -> Option<Self> {
        let [h, w, channels] = <[u32; 3]>::try_from(x.shape.0.as_slice()).ok()?;
        let [down, right] = window.axes([h, w], kernel.map(u32::from));
        Some(Pool {
            down,
            right,
            channels: channels.into(),
            width: x.dtype.width(),
        })
    }

    /// Bytes between taps of a row.
    fn across(&self) -> Option<u64> {
        self.right
            .dilation
            .checked_mul(self.channels)?
            .checked_mul(self.width)
    }

    /// Bytes between rows of taps.
    fn below(&self) -> Option<u64> {
        self.down
            .dilation
            .checked_mul(self.right.size)?
            .checked_mul(self.channels)?
            .checked_mul(self.width)
    }

    /// The taps inside of the element at these coordinates.
    fn inside(&self, p: u64, q: u64, c: u64) -> Option<Inside> {
        let (down, right) = (self.down.taps(p)?, self.right.taps(q)?);
        let start = down
            .position
            .checked_mul(self.right.size)?
            .checked_add(right.position)?
            .checked_mul(self.channels)?
            .checked_add(c)?
            .checked_mul(self.width)?;
        Some(Inside {
            start,
            rows: down.count,
            taps: right.count,
        })
    }

    /// The taps inside of an element of the output, and its sample.
    fn of_element(&self, at: &Position<'_>) -> Option<(u64, Inside)> {
        let (sample, element) = at.sample()?;
        let [_, columns, channels] = <[u32; 3]>::try_from(at.out.shape.0.as_slice()).ok()?;
        let (columns, channels) = (u64::from(columns), u64::from(channels));
        let place = element.checked_div(channels)?;
        let c = element.checked_rem(channels)?;
        let (p, q) = (place.checked_div(columns)?, place.checked_rem(columns)?);
        Some((sample, self.inside(p, q, c)?))
    }

    fn infer(
        &self,
        scope: &Scope<'_>,
        window: &Window,
        kernel: [u16; 2],
        x: &TensorType,
        out: DType,
    ) -> Result<Inferred, Invalid> {
        let [kh, kw] = kernel.map(u64::from);
        let taps = kh.saturating_mul(kw);
        scope.attribute((1..=MAX_TAPS).contains(&taps), "kernel")?;
        let [h, w, channels] =
            <[u32; 3]>::try_from(x.shape.0.as_slice()).map_err(|_| scope.bad_shape(0))?;
        let [rows, columns] = window.outputs(scope, [h, w], kernel.map(u32::from))?;
        let filled = self.down.never_empty() && self.right.never_empty();
        scope.attribute(filled, "window")?;
        let (across, below) = self
            .across()
            .zip(self.below())
            .ok_or(Invalid::CostOverflow)?;
        let ty = TensorType {
            dtype: out,
            shape: Shape(vec![rows, columns, channels]),
        };
        let runs = runs_touched(self.width, self.width, [(kw, across), (kh, below)]);
        Ok(Inferred {
            macs: 0,
            ops: scope
                .elements(&ty)?
                .checked_mul(taps)
                .ok_or(Invalid::CostOverflow)?,
            ty,
            touches: runs.into_iter().map(|chunks| (0, chunks)).collect(),
            opens: 1,
        })
    }

    /// Gives `value` the taps inside of every output element in turn.
    fn run(
        &self,
        args: &Args<'_>,
        out: &mut Vec<u8>,
        value: impl Fn(&Taps<'_>) -> Option<i32>,
    ) -> Option<()> {
        let x = args.first()?;
        let (across, below) = (self.across()?, self.below()?);
        for sample in 0..args.batch {
            let bytes = x.sample(sample)?;
            for p in 0..self.down.outputs()? {
                for q in 0..self.right.outputs()? {
                    for c in 0..self.channels {
                        let inside = self.inside(p, q, c)?;
                        let taps = Taps {
                            bytes,
                            start: usize::try_from(inside.start).ok()?,
                            below: usize::try_from(below).ok()?,
                            across: usize::try_from(across).ok()?,
                            dtype: x.ty.dtype,
                            taps: inside.taps,
                            rows: inside.rows,
                        };
                        push(args.out.dtype, value(&taps)?, out);
                    }
                }
            }
        }
        Some(())
    }

    /// One range for each row of taps where its taps leave no chunk between them
    /// untouched, else one for each tap: the chunks are the same.
    fn ranges(&self, at: &Position<'_>) -> Option<Vec<Range<u64>>> {
        let (sample, inside) = self.of_element(at)?;
        let first = sample
            .checked_mul(at.ty(0)?.bytes()?)?
            .checked_add(inside.start)?;
        let (across, below) = (self.across()?, self.below()?);
        let (runs, length) = match joins(self.width, across) {
            true => (1, self.joined(&inside)?),
            false => (inside.taps, self.width),
        };
        let mut ranges = Vec::new();
        for row in 0..inside.rows {
            for run in 0..runs {
                let start = row
                    .checked_mul(below)?
                    .checked_add(run.checked_mul(across)?)?
                    .checked_add(first)?;
                ranges.push(start..start.checked_add(length)?);
            }
        }
        Some(ranges)
    }

    /// Bytes from the first tap of a row to the end of the last.
    fn joined(&self, inside: &Inside) -> Option<u64> {
        inside
            .taps
            .checked_sub(1)?
            .checked_mul(self.across()?)?
            .checked_add(self.width)
    }

    /// The taps in the bytes of [`ranges`](Self::ranges).
    fn opened<'b>(&self, at: &Position<'_>, got: &'b [Vec<u8>]) -> Option<Taps<'b>> {
        let (_, inside) = self.of_element(at)?;
        let (across, below) = match joins(self.width, self.across()?) {
            true => (self.across()?, self.joined(&inside)?),
            false => (self.width, inside.taps.checked_mul(self.width)?),
        };
        Some(Taps {
            bytes: got.first()?,
            start: 0,
            below: usize::try_from(below).ok()?,
            across: usize::try_from(across).ok()?,
            dtype: at.ty(0)?.dtype,
            taps: inside.taps,
            rows: inside.rows,
        })
    }
}

/// Rows of elements at equal distances.
struct Taps<'a> {
    bytes: &'a [u8],
    start: usize,
    below: usize,
    across: usize,
    dtype: DType,
    taps: u64,
    rows: u64,
}

impl Taps<'_> {
    fn fold<T>(&self, first: T, step: impl Fn(T, i32) -> T) -> Option<T> {
        let width = usize::try_from(self.dtype.width()).ok()?;
        let mut folded = first;
        let mut row = self.start;
        for _ in 0..self.rows {
            let mut tap = row;
            for _ in 0..self.taps {
                let bytes = self.bytes.get(tap..tap.checked_add(width)?)?;
                folded = step(folded, element(self.dtype, bytes)?);
                tap = tap.checked_add(self.across)?;
            }
            row = row.checked_add(self.below)?;
        }
        Some(folded)
    }
}

impl MaxPool2d {
    fn value(&self, taps: &Taps<'_>) -> Option<i32> {
        taps.fold(i32::MIN, i32::max)
    }
}

impl AvgPool2d {
    fn value(&self, taps: &Taps<'_>) -> Option<i32> {
        let zx = i64::from(self.zx);
        let (sum, inside) = taps.fold((0i64, 0i64), |(sum, count), x| {
            let x = i64::from(x).wrapping_sub(zx);
            (sum.wrapping_add(x), count.wrapping_add(1))
        })?;
        let [kh, kw] = self.kernel.map(i64::from);
        let count = match self.count_pad {
            true => kh.checked_mul(kw)?,
            false => inside,
        };
        Some(self.requant.apply(exact::mean(sum, count)))
    }
}

/// A map `[H,W,C]` of i8 or i16.
fn map<'a>(scope: &Scope<'a>) -> Result<&'a TensorType, Invalid> {
    scope.expect_count(1)?;
    let x = scope.activation(0)?;
    if x.dtype == DType::I32 {
        return Err(scope.bad_type(0, x));
    }
    Ok(x)
}

impl Operator for MaxPool2d {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        let x = map(scope)?;
        let pool = Pool::new(self.kernel, &self.window, x).ok_or_else(|| scope.bad_shape(0))?;
        pool.infer(scope, &self.window, self.kernel, x, x.dtype)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let pool = Pool::new(self.kernel, &self.window, args.first()?.ty)?;
        pool.run(args, out, |taps| self.value(taps))
    }

    fn ranges(&self, at: &Position<'_>, _: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        Pool::new(self.kernel, &self.window, at.ty(0)?)?.ranges(at)
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let pool = Pool::new(self.kernel, &self.window, at.ty(0)?)?;
        Some(self.value(&pool.opened(at, got)?)? != at.claimed)
    }
}

impl Operator for AvgPool2d {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        let x = map(scope)?;
        let pool = Pool::new(self.kernel, &self.window, x).ok_or_else(|| scope.bad_shape(0))?;
        scope.attribute(x.dtype.holds(self.zx), "zx")?;
        self.requant.check(scope)?;
        pool.infer(scope, &self.window, self.kernel, x, self.requant.out)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let pool = Pool::new(self.kernel, &self.window, args.first()?.ty)?;
        pool.run(args, out, |taps| self.value(taps))
    }

    fn ranges(&self, at: &Position<'_>, _: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        Pool::new(self.kernel, &self.window, at.ty(0)?)?.ranges(at)
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let pool = Pool::new(self.kernel, &self.window, at.ty(0)?)?;
        Some(self.value(&pool.opened(at, got)?)? != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, bad_attribute, blank, infer, noise, refused, run},
        Op,
    };

    const WHOLE: Requant = Requant {
        m: 1,
        s: 0,
        z: 0,
        lo: -32_768,
        hi: 32_767,
        out: DType::I16,
    };

    fn window(stride: [u8; 2], dilation: [u8; 2], pad: [u8; 4]) -> Window {
        Window {
            stride,
            dilation,
            pad,
        }
    }

    const PLAIN: Window = Window {
        stride: [1, 1],
        dilation: [1, 1],
        pad: [0; 4],
    };

    fn most(kernel: [u16; 2], window: Window) -> Op {
        Op::MaxPool2d(MaxPool2d { kernel, window })
    }

    fn mean(kernel: [u16; 2], window: Window, count_pad: bool, zx: i32) -> AvgPool2d {
        AvgPool2d {
            kernel,
            window,
            count_pad,
            zx,
            requant: WHOLE,
        }
    }

    /// The taps inside of every output element, in order.
    fn by_hand(x: &[i32], axes: [usize; 3], kernel: [u16; 2], at: &Window) -> Vec<Vec<i32>> {
        let [h, w, c] = axes.map(|n| n as i64);
        let [kh, kw] = kernel.map(i64::from);
        let ([sh, sw], [dh, dw]) = (at.stride.map(i64::from), at.dilation.map(i64::from));
        let [t, l, b, r] = at.pad.map(i64::from);
        let mut all = vec![];
        for sample in x.chunks(axes.iter().product()) {
            for p in 0..=(h + t + b - dh * (kh - 1) - 1) / sh {
                for q in 0..=(w + l + r - dw * (kw - 1) - 1) / sw {
                    for channel in 0..c {
                        let mut taps = vec![];
                        for i in 0..kh {
                            for j in 0..kw {
                                let (y, x) = (p * sh - t + i * dh, q * sw - l + j * dw);
                                if (0..h).contains(&y) && (0..w).contains(&x) {
                                    taps.push(sample[((y * w + x) * c + channel) as usize]);
                                }
                            }
                        }
                        all.push(taps);
                    }
                }
            }
        }
        all
    }

    fn mean_by_hand(op: &AvgPool2d, taps: &[i32]) -> i32 {
        let sum: i64 = taps.iter().map(|x| i64::from(*x - op.zx)).sum();
        let count = match op.count_pad {
            true => i64::from(op.kernel[0]) * i64::from(op.kernel[1]),
            false => taps.len() as i64,
        };
        op.requant.apply((512 * sum + count).div_euclid(2 * count))
    }

    #[test]
    fn padding_on_each_border_is_left_out() {
        let x = || activation(DType::I8, &[2, 2, 1], &[-4, -3, -2, -1]);
        let padded = |pad| run(most([2, 2], window([1, 1], [1, 1], pad)), &[x()], 1);
        assert_eq!(padded([0; 4]), [-1]);
        assert_eq!(padded([1, 0, 0, 0]), [-3, -1]);
        assert_eq!(padded([0, 1, 0, 0]), [-2, -1]);
        assert_eq!(padded([0, 0, 1, 0]), [-1, -1]);
        assert_eq!(padded([0, 0, 0, 1]), [-1, -1]);
        assert_eq!(padded([1; 4]), [-4, -3, -3, -2, -1, -1, -2, -1, -1]);
    }

    #[test]
    fn means_count_padding_or_not() {
        let x = || activation(DType::I8, &[1, 1, 1], &[10]);
        let corner = window([1, 1], [1, 1], [1, 1, 0, 0]);
        let op = |count_pad, zx| Op::AvgPool2d(mean([2, 2], corner, count_pad, zx));
        assert_eq!(run(op(false, 0), &[x()], 1), [10 << 8]);
        assert_eq!(run(op(true, 0), &[x()], 1), [10 << 6]);
        assert_eq!(run(op(true, 12), &[x()], 1), [-(2 << 6)]);
    }

    #[test]
    fn random_maps_agree_with_the_formula() {
        for (dtype, axes, kernel, at) in [
            (DType::I8, [5, 6, 3], [3, 2], PLAIN),
            (
                DType::I16,
                [7, 4, 2],
                [3, 3],
                window([2, 1], [1, 1], [1; 4]),
            ),
            (
                DType::I8,
                [6, 6, 1],
                [2, 3],
                window([3, 2], [3, 2], [2, 1, 0, 3]),
            ),
            (
                DType::I16,
                [4, 3, 700],
                [2, 2],
                window([1, 2], [2, 1], [0, 1, 1, 0]),
            ),
            (
                DType::I8,
                [3, 4, 1_100],
                [3, 3],
                window([2, 2], [1, 1], [1; 4]),
            ),
            (
                DType::I8,
                [40, 30, 1],
                [16, 15],
                window([9, 9], [1, 2], [0; 4]),
            ),
        ] {
            let x = noise(dtype, 2 * axes.iter().product::<usize>(), 77);
            let given = || activation(dtype, &axes.map(|n| n as u32), &x);
            let taps = by_hand(&x, axes, kernel, &at);
            let expected: Vec<i32> = taps
                .iter()
                .map(|taps| *taps.iter().max().unwrap())
                .collect();
            assert_eq!(run(most(kernel, at), &[given()], 2), expected);
            for count_pad in [false, true] {
                let op = AvgPool2d {
                    requant: Requant {
                        m: 5,
                        s: 9,
                        z: 3,
                        ..WHOLE
                    },
                    ..mean(kernel, at, count_pad, 11)
                };
                let expected: Vec<i32> = taps.iter().map(|taps| mean_by_hand(&op, taps)).collect();
                assert_eq!(run(Op::AvgPool2d(op), &[given()], 2), expected);
            }
        }
    }

    #[test]
    fn the_largest_window_of_extremes() {
        let op = AvgPool2d {
            requant: Requant { s: 10, ..WHOLE },
            ..mean([64, 64], PLAIN, false, -32_768)
        };
        let x = || activation(DType::I16, &[64, 64, 1], &[32_767; 4_096]);
        assert_eq!(run(Op::AvgPool2d(op), &[x()], 1), [16_384]);
        assert_eq!(run(most([64, 64], PLAIN), &[x()], 1), [32_767]);
    }

    #[test]
    fn windows_without_an_input_position_are_refused() {
        let x = |h, w| blank(DType::I8, &[h, w, 1]);
        let refuse = |kernel, at, x| bad_attribute(most(kernel, at), &[x]);
        for pad in [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]] {
            let at = window([1, 1], [1, 1], pad);
            assert_eq!(refuse([1, 1], at, x(3, 3)), "window");
            assert!(infer(most([2, 2], at), &[x(3, 3)]).is_ok());
        }
        // The last window starts at 4 of 3, or is not there with a larger stride.
        let behind = |stride| window([stride, 1], [1, 1], [0, 0, 2, 0]);
        assert_eq!(refuse([1, 1], behind(4), x(3, 1)), "window");
        assert!(infer(most([1, 1], behind(5)), &[x(3, 1)]).is_ok());
        // Only the window in the middle steps over the one row.
        let over = window([1, 1], [2, 1], [2, 0, 2, 0]);
        assert_eq!(refuse([2, 1], over, x(1, 1)), "window");
        let both_ends = window([2, 1], [2, 1], [2, 0, 2, 0]);
        assert!(infer(most([2, 1], both_ends), &[x(1, 1)]).is_ok());
    }

    #[test]
    fn attributes_out_of_range_are_refused() {
        let x = || blank(DType::I8, &[3, 3, 1]);
        let refuse = |kernel, at| bad_attribute(most(kernel, at), &[x()]);
        assert_eq!(refuse([0, 1], PLAIN), "kernel");
        assert_eq!(refuse([1, 0], PLAIN), "kernel");
        assert_eq!(refuse([64, 65], PLAIN), "kernel");
        assert_eq!(refuse([4, 1], PLAIN), "window");
        assert_eq!(refuse([1, 1], window([0, 1], [1, 1], [0; 4])), "stride");
        assert_eq!(refuse([1, 1], window([1, 0], [1, 1], [0; 4])), "stride");
        assert_eq!(refuse([1, 1], window([1, 1], [0, 1], [0; 4])), "dilation");
        assert_eq!(refuse([1, 1], window([1, 1], [1, 0], [0; 4])), "dilation");
        let far = Op::AvgPool2d(mean([1, 1], PLAIN, false, 128));
        assert_eq!(bad_attribute(far, &[x()]), "zx");
        for x in [blank(DType::I8, &[3, 3]), blank(DType::I8, &[1, 3, 3, 1])] {
            assert!(matches!(
                refused(most([1, 1], PLAIN), &[x]),
                Invalid::OperandShape { operand: 0, .. }
            ));
        }
        assert!(matches!(
            refused(most([1, 1], PLAIN), &[blank(DType::I32, &[3, 3, 1])]),
            Invalid::OperandType { operand: 0, .. }
        ));
    }

    #[test]
    fn as_many_taps_as_a_proof_holds() {
        let fits = |kernel, axes: [u32; 3]| infer(most(kernel, PLAIN), &[blank(DType::I8, &axes)]);
        assert!(fits([5, 5], [64, 64, 2_048]).is_ok());
        assert!(matches!(
            fits([7, 7], [64, 64, 2_048]),
            Err(Invalid::NotJudgeable { .. })
        ));
        // Neighbours share chunks.
        assert!(fits([8, 8], [8, 8, 64]).is_ok());
        assert!(fits([14, 14], [14, 14, 128]).is_ok());
        assert!(fits([64, 64], [64, 64, 1]).is_ok());
        assert!(matches!(
            fits([64, 64], [100, 1_000, 1]),
            Err(Invalid::NotJudgeable { .. })
        ));
    }

    #[test]
    fn one_op_a_tap() {
        let x = || blank(DType::I8, &[5, 5, 2]);
        let at = window([2, 2], [1, 1], [1; 4]);
        let (ty, cost) = infer(most([3, 3], at), &[x()]).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I8, Shape::from([3, 3, 2])));
        assert_eq!(cost.ops, 9 * 18);
        let (ty, cost) = infer(Op::AvgPool2d(mean([3, 3], at, true, 0)), &[x()]).unwrap();
        assert_eq!((ty.dtype, cost.ops), (DType::I16, 9 * 18));
    }
}
