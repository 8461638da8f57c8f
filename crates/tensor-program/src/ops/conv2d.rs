use super::{
    chunks_touched,
    linear::Linear,
    span,
    window::{runs_touched, WindowAxis},
    Args, Epilogue, Inferred, Operator, Position, Scope, Window, ZeroPoint,
};
use crate::{arith::dot, validate::Invalid, DType, Shape, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Two-dimensional convolution with a constant kernel, with a fused epilogue.
///
/// - *Operands*: `x[H,W,C]` i8, an activation; `w`, constant `i8[O,kh,kw,C/groups]`;
///   then, each only if the attributes say so, `zb`, constant `i8[O]`; `params`,
///   constant `i32[O,2]`; `lut`, constant `T[256]`.
/// - *Output*: `[H',W',O]`, see [`Window`]; i32 ([`Epilogue::Raw`]), the epilogue's
///   `out`, or T.
/// - *Formula*: `v[p,q,o] = Σ_{i,j,c} (x[p·sh − t + i·dh, q·sw − l + j·dw, c₀ + c] −
///   za)·(w[o,i,j,c] − zb[o])`, positions outside `x` left out, so that padding
///   counts as `za`; `c₀ = ⌊o·groups/O⌋·C/groups`. Plus `params[o,0]`, then the
///   epilogue with scale `params[o,1]` if it is per channel.
/// - *Bounds*: K·A·W ≤ 2^30 − 2^23 as in [`MatMul`](super::MatMul), with
///   K = kh·kw·C/groups; `groups` divides C and O; strides and dilations at least 1.
/// - *Judge*: `x` C/groups bytes for each tap inside (taps less than a chunk apart
///   count as one range); `w` K bytes; `zb` 1; `params` 8; `lut` one entry.
/// - *Cost*: macs K·|out|.
/// - *Source*: ONNX `QLinearConv` in NHWC and OHWI order; TFLite `CONV_2D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Conv2d {
    /// Where the kernel stands.
    pub window: Window,
    /// Number of groups, at least 1.
    pub groups: u32,
    /// Zero point of `x`, also the value of padding.
    pub za: i8,
    /// Zero point of the kernel.
    pub zb: ZeroPoint,
    /// Whether there is a `params` operand: a bias and a packed scale per channel.
    pub params: bool,
    /// What happens to the sum.
    pub epilogue: Epilogue,
}

/// What follows from the shapes of `x` and `w`.
struct Geometry {
    /// Channels of `x`, of a group in `x` and in the output.
    c: u64,
    group_in: u64,
    group_out: u64,
    rows: WindowAxis,
    columns: WindowAxis,
    /// Whether the taps of a row are one range.
    merged: bool,
}

/// Bytes of one sample of `x` that are bytes of one window, both for group 0.
struct Piece {
    patch: u64,
    source: u64,
    bytes: u64,
}

impl Geometry {
    fn new(op: &Conv2d, x: &Shape, w: &Shape) -> Option<Geometry> {
        let ([h, width, c], [o, kh, kw, group_in]) = (x.0.as_slice(), w.0.as_slice()) else {
            return None;
        };
        let [rows, columns] = op.window.axes([*h, *width], [*kh, *kw]);
        Some(Geometry {
            c: u64::from(*c),
            group_in: u64::from(*group_in),
            group_out: u64::from(o.checked_div(op.groups)?),
            rows,
            columns,
            merged: op.groups == 1 && columns.dilation == 1,
        })
    }

    /// Products of a sum.
    fn k(&self) -> Option<u64> {
        self.rows
            .kernel
            .checked_mul(self.columns.kernel)?
            .checked_mul(self.group_in)
    }

    /// What the window at output (p, q) holds of `x`; the rest of it is padding.
    fn pieces(&self, p: u64, q: u64) -> Option<Vec<Piece>> {
        let (down, right) = (self.rows.taps(p)?, self.columns.taps(q)?);
        let mut pieces = Vec::new();
        for k in 0..down.count {
            let i = down.tap.checked_add(k)?;
            let y = k
                .checked_mul(self.rows.dilation)?
                .checked_add(down.position)?;
            let mut piece = |j: u64, position: u64, taps: u64| {
                let tap = i.checked_mul(self.columns.kernel)?.checked_add(j)?;
                let pixel = y.checked_mul(self.columns.size)?.checked_add(position)?;
                pieces.push(Piece {
                    patch: tap.checked_mul(self.group_in)?,
                    source: pixel.checked_mul(self.c)?,
                    bytes: taps.checked_mul(self.group_in)?,
                });
                Some(())
            };
            if self.merged && right.count > 0 {
                piece(right.tap, right.position, right.count)?;
                continue;
            }
            for l in 0..right.count {
                let step = l.checked_mul(self.columns.dilation)?;
                piece(
                    right.tap.checked_add(l)?,
                    right.position.checked_add(step)?,
                    1,
                )?;
            }
        }
        Some(pieces)
    }
}

impl Conv2d {
    fn linear(&self) -> Linear {
        Linear {
            za: self.za,
            zb: self.zb,
            params: self.params,
            epilogue: self.epilogue,
        }
    }

    /// Row, column and channel of an element within its sample, and the sample.
    fn place(at: &Position<'_>) -> Option<([u64; 3], u64)> {
        let (sample, index) = at.sample()?;
        let found: [u64; 3] = super::coordinates(&at.out.shape, index)?.try_into().ok()?;
        Some((found, sample))
    }

    /// The sum of an element from what was opened of its window and its kernel; what
    /// is padding adds nothing.
    fn sum(&self, at: &Position<'_>, got: &[Vec<u8>], zb: i8) -> Option<i64> {
        let geometry = Geometry::new(self, &at.ty(0)?.shape, &at.ty(1)?.shape)?;
        let ([p, q, _], _) = Self::place(at)?;
        let pieces = geometry.pieces(p, q)?;
        let (_, starts) = cover(&pieces)?;
        let (x, w) = (got.first()?, got.get(1)?);
        pieces
            .iter()
            .zip(starts)
            .try_fold(0i64, |sum, (piece, start)| {
                let len = usize::try_from(piece.bytes).ok()?;
                let run = |start: u64| {
                    let start = usize::try_from(start).ok()?;
                    Some(start..start.checked_add(len)?)
                };
                let (x, w) = (x.get(run(start)?)?, w.get(run(piece.patch)?)?);
                Some(sum.wrapping_add(dot(DType::I8, x, w, self.za, zb)))
            })
    }
}

impl Operator for Conv2d {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        let linear = self.linear();
        linear.expect_count(scope)?;
        let (x, w) = (scope.activation(0)?, scope.constant(1)?);
        for (operand, ty) in [(0, x), (1, w)] {
            if ty.dtype != DType::I8 {
                return Err(scope.bad_type(operand, ty));
            }
        }
        let [height, width, c] = x.shape.0[..] else {
            return Err(scope.bad_shape(0));
        };
        let [o, kh, kw, group_in] = w.shape.0[..] else {
            return Err(scope.bad_shape(1));
        };
        let divides = |n: u32| n.checked_rem(self.groups) == Some(0);
        scope.attribute(divides(c) && divides(o), "groups")?;
        if c.checked_div(self.groups) != Some(group_in) {
            return Err(scope.bad_shape(1));
        }
        let [rows, columns] = self.window.outputs(scope, [height, width], [kh, kw])?;
        let dtype = linear.check(scope, o)?;
        let geometry = Geometry::new(self, &x.shape, &w.shape).ok_or_else(|| scope.bad_shape(1))?;
        let k = geometry.k().ok_or(Invalid::CostOverflow)?;
        linear.check_sum(scope, DType::I8, k)?;

        let ty = TensorType {
            dtype,
            shape: Shape::from([rows, columns, o]),
        };
        let macs = scope
            .elements(&ty)?
            .checked_mul(k)
            .ok_or(Invalid::CostOverflow)?;
        let pixel = u64::from(c);
        let row = pixel.saturating_mul(u64::from(width));
        let mut touches: Vec<(usize, u64)> = runs_touched(
            1,
            geometry.group_in,
            [
                (
                    geometry.columns.kernel,
                    geometry.columns.dilation.saturating_mul(pixel),
                ),
                (
                    geometry.rows.kernel,
                    geometry.rows.dilation.saturating_mul(row),
                ),
            ],
        )
        .into_iter()
        .map(|chunks| (0, chunks))
        .collect();
        touches.push((1, chunks_touched(k)));
        touches.extend(linear.touches());
        Ok(Inferred {
            ty,
            macs,
            ops: 0,
            touches,
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (linear, x, w) = (self.linear(), args.first()?, args.get(1)?);
        let geometry = Geometry::new(self, &x.ty.shape, &w.ty.shape)?;
        let [rows, columns, _] = args.out.shape.0[..] else {
            return None;
        };
        let k = usize::try_from(geometry.k()?).ok()?;
        let group_in = usize::try_from(geometry.group_in).ok()?;
        let group_out = usize::try_from(geometry.group_out).ok()?;
        let mut patch = Vec::new();
        for sample in 0..args.batch {
            let x = x.sample(sample)?;
            for p in 0..u64::from(rows) {
                for q in 0..u64::from(columns) {
                    let pieces = geometry.pieces(p, q)?;
                    let kernels = w.bytes.chunks_exact(k).enumerate();
                    for (channel, kernel) in kernels {
                        if channel.checked_rem(group_out)? == 0 {
                            let first = channel.checked_div(group_out)?.checked_mul(group_in)?;
                            patch.clear();
                            patch.resize(k, self.za as u8);
                            for piece in &pieces {
                                copy(piece, x.get(first..)?, &mut patch)?;
                            }
                        }
                        let sum = |zb| dot(DType::I8, &patch, kernel, self.za, zb);
                        linear.run(args, channel, sum, out)?;
                    }
                }
            }
        }
        Some(())
    }

    fn ranges(
        &self,
        at: &Position<'_>,
        operand: usize,
        got: &[Vec<u8>],
    ) -> Option<Vec<Range<u64>>> {
        let x = at.ty(0)?;
        let geometry = Geometry::new(self, &x.shape, &at.ty(1)?.shape)?;
        let ([p, q, channel], sample) = Self::place(at)?;
        match operand {
            0 => {
                let group = channel.checked_div(geometry.group_out)?;
                let first = x
                    .bytes()?
                    .checked_mul(sample)?
                    .checked_add(group.checked_mul(geometry.group_in)?)?;
                let (ranges, _) = cover(&geometry.pieces(p, q)?)?;
                ranges
                    .iter()
                    .map(|range| {
                        Some(first.checked_add(range.start)?..first.checked_add(range.end)?)
                    })
                    .collect()
            }
            1 => Some(vec![span(channel, geometry.k()?)?]),
            _ => {
                let sum = |zb| self.sum(at, got, zb);
                Some(vec![self.linear().range(at, operand, channel, got, sum)?])
            }
        }
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        self.linear().convicts(at, got, |zb| self.sum(at, got, zb))
    }
}

/// The ranges that hold the pieces, which ascend, and where in these ranges joined
/// each piece starts. Pieces less than a chunk apart share a range: a proof has to
/// open the same chunks, and a judge has fewer ranges to cut out.
fn cover(pieces: &[Piece]) -> Option<(Vec<Range<u64>>, Vec<u64>)> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut starts = Vec::with_capacity(pieces.len());
    let mut joined = 0u64;
    for piece in pieces {
        let end = piece.source.checked_add(piece.bytes)?;
        match ranges.last_mut() {
            Some(last) if piece.source < last.end.checked_add(1_024)? => {
                let gap = piece.source.checked_sub(last.end)?;
                starts.push(joined.checked_add(gap)?);
                joined = joined.checked_add(end.checked_sub(last.end)?)?;
                last.end = end;
            }
            _ => {
                starts.push(joined);
                joined = joined.checked_add(piece.bytes)?;
                ranges.push(piece.source..end);
            }
        }
    }
    Some((ranges, starts))
}

/// Copies a piece of a window from a sample.
fn copy(piece: &Piece, x: &[u8], patch: &mut [u8]) -> Option<()> {
    let (to, from, len) = (
        usize::try_from(piece.patch).ok()?,
        usize::try_from(piece.source).ok()?,
        usize::try_from(piece.bytes).ok()?,
    );
    patch
        .get_mut(to..to.checked_add(len)?)?
        .copy_from_slice(x.get(from..from.checked_add(len)?)?);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{
            activation, bad_attribute, blank, blank_constant, constant, infer, noise, refused, run,
        },
        Op,
    };

    const WINDOW: Window = Window {
        stride: [1; 2],
        dilation: [1; 2],
        pad: [0; 4],
    };

    const RAW: Conv2d = Conv2d {
        window: WINDOW,
        groups: 1,
        za: 0,
        zb: ZeroPoint::Tensor(0),
        params: false,
        epilogue: Epilogue::Raw,
    };

    /// The formula, tap by tap.
    fn formula(
        op: &Conv2d,
        x: &[i32],
        [h, w, c]: [i64; 3],
        k: &[i32],
        [o, kh, kw]: [i64; 3],
    ) -> Vec<i32> {
        let ([sh, sw], [dh, dw]) = (op.window.stride, op.window.dilation);
        let [t, l, b, r] = op.window.pad.map(i64::from);
        let size = |n: i64, pad: i64, d: u8, taps: i64, s: u8| {
            (n + pad - i64::from(d) * (taps - 1) - 1) / i64::from(s) + 1
        };
        let (g, ZeroPoint::Tensor(zb)) = (i64::from(op.groups), op.zb) else {
            panic!("one zero point")
        };
        let mut out = vec![];
        for p in 0..size(h, t + b, dh, kh, sh) {
            for q in 0..size(w, l + r, dw, kw, sw) {
                for channel in 0..o {
                    let mut sum = 0;
                    for (i, j, n) in (0..kh)
                        .flat_map(|i| (0..kw).map(move |j| (i, j)))
                        .flat_map(|(i, j)| (0..c / g).map(move |n| (i, j, n)))
                    {
                        let y = p * i64::from(sh) - t + i * i64::from(dh);
                        let z = q * i64::from(sw) - l + j * i64::from(dw);
                        if !(0..h).contains(&y) || !(0..w).contains(&z) {
                            continue;
                        }
                        let from = (y * w + z) * c + channel * g / o * (c / g) + n;
                        let with = ((channel * kh + i) * kw + j) * (c / g) + n;
                        sum += (x[from as usize] - i32::from(op.za))
                            * (k[with as usize] - i32::from(zb));
                    }
                    out.push(sum);
                }
            }
        }
        out
    }

    fn check(op: Conv2d, [h, w, c]: [u32; 3], [o, kh, kw]: [u32; 3]) {
        let inner = c / op.groups;
        let x = noise(DType::I8, (h * w * c) as usize, 7);
        let k = noise(DType::I8, (o * kh * kw * inner) as usize, 8);
        let expected = formula(
            &op,
            &x,
            [h, w, c].map(i64::from),
            &k,
            [o, kh, kw].map(i64::from),
        );
        let operands = [
            activation(DType::I8, &[h, w, c], &x),
            constant(DType::I8, &[o, kh, kw, inner], &k),
        ];
        assert_eq!(run(Op::Conv2d(op), &operands, 1), expected, "{op:?}");
    }

    #[test]
    fn strides_padding_dilation_and_groups_are_as_in_the_formula() {
        let with = |stride, dilation, pad, groups| Conv2d {
            window: Window {
                stride,
                dilation,
                pad,
            },
            groups,
            za: -128,
            zb: ZeroPoint::Tensor(3),
            ..RAW
        };
        check(with([1, 1], [1, 1], [0; 4], 1), [5, 6, 3], [4, 3, 2]);
        check(with([2, 3], [1, 1], [1, 2, 0, 1], 1), [5, 6, 3], [2, 3, 3]);
        check(with([1, 2], [3, 2], [2, 1, 2, 3], 1), [5, 6, 3], [2, 2, 3]);
        check(with([1, 1], [1, 1], [1; 4], 6), [4, 4, 6], [12, 3, 3]);
        check(with([1, 1], [1, 1], [1; 4], 2), [4, 4, 6], [4, 2, 2]);
        // Windows that hold nothing but padding.
        check(with([2, 2], [1, 1], [5, 4, 3, 6], 1), [1, 2, 2], [2, 2, 2]);
        check(with([1, 1], [255, 255], [255; 4], 1), [2, 2, 1], [1, 2, 2]);
    }

    #[test]
    fn bias_scales_and_zero_points_go_by_channel_and_a_table_follows() {
        let op = Conv2d {
            zb: ZeroPoint::Channel,
            params: true,
            epilogue: Epilogue::Requant {
                scale: super::super::Scale::Channel,
                z: 1,
                lo: -128,
                hi: 127,
                out: DType::I8,
                lut: true,
            },
            ..RAW
        };
        let pack = crate::arith::pack_scale;
        let table: Vec<i32> = (0..256).map(|i| (i - 128) * 1_000).collect();
        let operands = [
            activation(DType::I8, &[1, 2, 1], &[10, 20]),
            constant(DType::I8, &[2, 1, 1, 1], &[3, 4]),
            constant(DType::I8, &[2], &[1, 2]),
            constant(DType::I32, &[2, 2], &[5, pack(1, 0), -10, pack(1, 1)]),
            constant(DType::I32, &[256], &table),
        ];
        // (10·2 + 5) + 1, (10·2 − 10)/2 + 1, and the same of 20.
        assert_eq!(
            run(Op::Conv2d(op), &operands, 1),
            [26_000, 6_000, 46_000, 16_000]
        );
    }

    #[test]
    fn a_convolution_costs_its_taps_times_its_outputs() {
        let op = Conv2d {
            window: Window {
                pad: [1; 4],
                ..WINDOW
            },
            ..RAW
        };
        let operands = [
            blank(DType::I8, &[8, 9, 4]),
            blank_constant(DType::I8, &[5, 3, 3, 4]),
        ];
        let (ty, cost) = infer(Op::Conv2d(op), &operands).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I32, [8, 9, 5].into()));
        assert_eq!((cost.macs, cost.ops), (8 * 9 * 5 * 36, 0));
    }

    #[test]
    fn shapes_and_attributes_that_do_not_fit_are_refused() {
        let x = |axes: &[u32]| blank(DType::I8, axes);
        let w = |axes: &[u32]| blank_constant(DType::I8, axes);
        let code = |op, operands: &[_]| refused(Op::Conv2d(op), operands).code();
        assert_eq!(code(RAW, &[x(&[4, 4]), w(&[1, 1, 1, 4])]), 23);
        assert_eq!(code(RAW, &[x(&[4, 4, 4]), w(&[1, 1, 4])]), 23);
        assert_eq!(code(RAW, &[x(&[4, 4, 4]), w(&[1, 1, 1, 2])]), 23);
        assert_eq!(
            code(RAW, &[blank(DType::I16, &[4, 4, 4]), w(&[1, 1, 1, 4])]),
            22
        );
        assert_eq!(code(RAW, &[x(&[4, 4, 4]), x(&[1, 1, 1, 4])]), 20);
        assert_eq!(code(RAW, &[x(&[4, 4, 4])]), 17);

        let bad = |op, c, o| {
            let operands = [x(&[4, 4, c]), w(&[o, 2, 2, 2])];
            bad_attribute(Op::Conv2d(op), &operands)
        };
        let groups = |groups| Conv2d { groups, ..RAW };
        assert_eq!(bad(groups(0), 2, 2), "groups");
        assert_eq!(bad(groups(3), 4, 3), "groups");
        assert_eq!(bad(groups(2), 4, 3), "groups");
        let window = |window| Conv2d { window, ..RAW };
        assert_eq!(
            bad(
                window(Window {
                    stride: [0, 1],
                    ..WINDOW
                }),
                2,
                2
            ),
            "stride"
        );
        assert_eq!(
            bad(
                window(Window {
                    dilation: [1, 0],
                    ..WINDOW
                }),
                2,
                2
            ),
            "dilation"
        );
        assert_eq!(
            bad(
                window(Window {
                    dilation: [4, 1],
                    ..WINDOW
                }),
                2,
                2
            ),
            "window"
        );
    }

    #[test]
    fn a_sum_that_is_too_long_is_refused_and_so_are_taps_too_far_apart() {
        let code = |op, x: &[u32], w: &[u32]| {
            let operands = [blank(DType::I8, x), blank_constant(DType::I8, w)];
            infer(Op::Conv2d(op), &operands).map_err(|invalid| invalid.code())
        };
        assert!(code(RAW, &[9, 9, 512], &[1, 3, 3, 512]).is_ok());
        assert_eq!(
            code(RAW, &[9, 9, 8_000], &[1, 3, 3, 8_000]).unwrap_err(),
            25
        );
        assert_eq!(
            code(RAW, &[9, 9, 4_000], &[1, 3, 3, 4_000]).unwrap_err(),
            26
        );
        let depthwise = Conv2d { groups: 64, ..RAW };
        assert!(code(depthwise, &[9, 9, 64], &[64, 7, 7, 1]).is_ok());
        let depthwise = Conv2d {
            groups: 4_096,
            ..RAW
        };
        assert!(code(depthwise, &[9, 9, 4_096], &[4_096, 5, 5, 1]).is_ok());
        assert_eq!(
            code(depthwise, &[9, 9, 4_096], &[4_096, 7, 7, 1]).unwrap_err(),
            26
        );
    }
}
