use super::{
    chunks_touched,
    exact::{affine, InverseRoot},
    linear::params_row,
    rows::{row_bytes, row_range, short_rows, values},
    span, Args, Inferred, Operator, Position, Requant, Scope,
};
use crate::{arith::push, validate::Invalid, DType, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Largest `e`.
const MAX_E: u64 = 1 << 58;

/// Normalisation of each row to mean 0 and variance 1.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation; `params`, constant `i32[n,2]`
///   of pairs (γ, β), only if the attributes say so.
/// - *Output*: the requantisation's `out`, i8 or i16; the shape of `x`.
/// - *Formula*: `S1 = Σx`, `S2 = Σx²`, `c_i = n·x_i − S1`, `D = n·S2 − S1² + e`. Of L
///   bits of D: `t = ⌊(62 − L)/2⌋`, `Q = ⌊√(D·4^t)⌋`, `ρ = ⌊2^61/Q⌋`, `h = 49 − t`,
///   `y_i = (c_i·ρ + 2^(h−1)) >> h`, which has 12 fraction bits. Then `v = y_i`, or
///   `y_i·clip(γ_i, −2^15, 2^15 − 1) + β_i`, and `R(v; m, s, z, lo, hi)`.
///   Square root and quotient are defined by value: see [`InverseRoot`].
/// - *Bounds*: n ≤ 16,384; 1 ≤ e ≤ 2^58; so |c| ≤ 2^30, D ≤ 2^59, |y| ≤ 2^19 + 1 and
///   |v| < 2^36. Zero points cancel.
/// - *Judge*: `x` the row; `params` 8 bytes.
/// - *Cost*: 8 ops an element.
/// - *Source*: I-BERT and I-LLM integer normalisation; ONNX `LayerNormalization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct LayerNorm {
    /// Whether there is a `params` operand.
    pub params: bool,
    /// `max(1, round(ε·n²/scale²))`.
    pub e: u64,
    /// What happens to the normalised value.
    pub requant: Requant,
}

/// Normalisation of each row to mean square 1.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation; `params`, constant `i32[n,2]`
///   of pairs (γ, β), only if the attributes say so.
/// - *Output*: the requantisation's `out`, i8 or i16; the shape of `x`.
/// - *Formula*: with `x' = x − zx`, `c_i = n·x'_i` and `D = n·Σx'² + e`; from there as
///   [`LayerNorm`].
/// - *Bounds*: `zx` a value of x's type; n ≤ 16,384; 1 ≤ e ≤ 2^58; so |c| ≤ 2^30,
///   D ≤ 2^60 + 2^58, and the rest as there.
/// - *Judge*: `x` the row; `params` 8 bytes.
/// - *Cost*: 8 ops an element.
/// - *Source*: I-LLM integer normalisation; ONNX `SimplifiedLayerNormalization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RmsNorm {
    /// Zero point of `x`.
    pub zx: i32,
    /// Whether there is a `params` operand.
    pub params: bool,
    /// `max(1, round(ε·n²/scale²))`.
    pub e: u64,
    /// What happens to the normalised value.
    pub requant: Requant,
}

/// What all elements of a row depend on: `c_i = n·x_i − offset`, divided by a root.
struct Row {
    n: i64,
    offset: i64,
    root: InverseRoot,
}

/// What tells one normalisation from the other.
trait Norm {
    fn params(&self) -> bool;
    fn e(&self) -> u64;
    fn requant(&self) -> &Requant;
    fn check(&self, scope: &Scope<'_>, x: &TensorType) -> Result<(), Invalid>;
    fn row(&self, dtype: DType, n: i64, row: &[u8]) -> Option<Row>;

    fn value(&self, row: &Row, x: i32, params: Option<(i32, i32)>) -> i32 {
        let c = row.n.wrapping_mul(i64::from(x)).wrapping_sub(row.offset);
        let y = row.root.scale(c);
        let v = params.map_or(y, |(gamma, beta)| affine(y, gamma, beta));
        self.requant().apply(v)
    }
}

impl Norm for LayerNorm {
    fn params(&self) -> bool {
        self.params
    }

    fn e(&self) -> u64 {
        self.e
    }

    fn requant(&self) -> &Requant {
        &self.requant
    }

    fn check(&self, _: &Scope<'_>, _: &TensorType) -> Result<(), Invalid> {
        Ok(())
    }

    fn row(&self, dtype: DType, n: i64, row: &[u8]) -> Option<Row> {
        let (mut sum, mut squares) = (0i64, 0i64);
        for x in values(dtype, row).map(i64::from) {
            sum = sum.wrapping_add(x);
            squares = squares.wrapping_add(x.wrapping_mul(x));
        }
        let variance = n.wrapping_mul(squares).wrapping_sub(sum.wrapping_mul(sum));
        let d = u64::try_from(variance).ok()?.checked_add(self.e)?;
        Some(Row {
            n,
            offset: sum,
            root: InverseRoot::new(d)?,
        })
    }
}

impl Norm for RmsNorm {
    fn params(&self) -> bool {
        self.params
    }

    fn e(&self) -> u64 {
        self.e
    }

    fn requant(&self) -> &Requant {
        &self.requant
    }

    fn check(&self, scope: &Scope<'_>, x: &TensorType) -> Result<(), Invalid> {
        scope.attribute(x.dtype.holds(self.zx), "zx")
    }

    fn row(&self, dtype: DType, n: i64, row: &[u8]) -> Option<Row> {
        let zx = i64::from(self.zx);
        let squares = values(dtype, row).fold(0i64, |squares, x| {
            let x = i64::from(x).wrapping_sub(zx);
            squares.wrapping_add(x.wrapping_mul(x))
        });
        let d = u64::try_from(n.wrapping_mul(squares))
            .ok()?
            .checked_add(self.e)?;
        Some(Row {
            n,
            offset: n.wrapping_mul(zx),
            root: InverseRoot::new(d)?,
        })
    }
}

impl<T: Norm> Operator for T {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(if self.params() { 2 } else { 1 })?;
        let (x, n) = short_rows(scope, 0)?;
        self.check(scope, x)?;
        scope.attribute((1..=MAX_E).contains(&self.e()), "e")?;
        self.requant().check(scope)?;
        let row = row_bytes(x).ok_or_else(|| scope.bad_shape(0))?;
        let mut touches = vec![(0, chunks_touched(row))];
        if self.params() {
            scope.constant_of(1, DType::I32, &[n, 2])?;
            touches.push((1, 1));
        }
        Ok(Inferred {
            ty: TensorType {
                dtype: self.requant().out,
                shape: x.shape.clone(),
            },
            macs: 0,
            ops: scope
                .elements(x)?
                .checked_mul(8)
                .ok_or(Invalid::CostOverflow)?,
            touches,
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (x, params) = (args.first()?, args.get(1));
        let dtype = x.ty.dtype;
        let n = i64::from(x.ty.shape.last()?);
        for bytes in x
            .bytes
            .chunks_exact(usize::try_from(row_bytes(x.ty)?).ok()?)
        {
            let row = self.row(dtype, n, bytes)?;
            let mut pairs = params.map(|params| params.bytes.chunks_exact(8));
            for x in values(dtype, bytes) {
                let pair = match &mut pairs {
                    Some(pairs) => Some(params_row(pairs.next()?)?),
                    None => None,
                };
                push(self.requant().out, self.value(&row, x, pair), out);
            }
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        let n = u64::from(at.out.shape.last()?);
        Some(vec![match operand {
            0 => row_range(at, 0, at.element.checked_div(n)?)?,
            _ => span(at.element.checked_rem(n)?, 8)?,
        }])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let dtype = at.ty(0)?.dtype;
        let n = at.out.shape.last()?;
        let bytes = got.first()?;
        let pair = match got.get(1) {
            Some(bytes) => Some(params_row(bytes)?),
            None => None,
        };
        let row = self.row(dtype, i64::from(n), bytes)?;
        let index = at.element.checked_rem(u64::from(n))?;
        let x = values(dtype, bytes).nth(usize::try_from(index).ok()?)?;
        Some(self.value(&row, x, pair) != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, bad_attribute, blank, constant, infer, noise, refused, run},
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

    fn layer(params: bool, e: u64) -> LayerNorm {
        LayerNorm {
            params,
            e,
            requant: WHOLE,
        }
    }

    fn rms(zx: i32, params: bool, e: u64) -> RmsNorm {
        RmsNorm {
            zx,
            params,
            e,
            requant: WHOLE,
        }
    }

    fn floor_root(v: u128) -> u128 {
        let mut low = 0u128;
        for bit in (0..63).rev() {
            let next = low | 1 << bit;
            if next * next <= v {
                low = next;
            }
        }
        low
    }

    /// The formula of the documentation, over wide integers, from c and D.
    fn by_hand(c: i128, d: i128, params: Option<(i32, i32)>, requant: &Requant) -> i32 {
        let bits = 128 - d.leading_zeros();
        let t = (62 - bits) / 2;
        let q = floor_root((d as u128) << (2 * t)) as i128;
        let rho = (1i128 << 61) / q;
        let h = 49 - t;
        let y = (c * rho + (1 << (h - 1))) >> h;
        assert!(y.abs() <= (1 << 19) + 1);
        let v = match params {
            None => y,
            Some((gamma, beta)) => y * i128::from(gamma.clamp(-32_768, 32_767)) + i128::from(beta),
        };
        assert!(v.abs() < 1 << 36);
        requant.apply(v as i64)
    }

    fn layer_by_hand(op: &LayerNorm, x: &[i32], n: usize, params: Option<&[i32]>) -> Vec<i32> {
        let mut out = vec![];
        for row in x.chunks(n) {
            let wide = || row.iter().map(|x| i128::from(*x));
            let (s1, s2) = (wide().sum::<i128>(), wide().map(|x| x * x).sum::<i128>());
            let n = n as i128;
            let d = n * s2 - s1 * s1 + i128::from(op.e);
            for (i, x) in wide().enumerate() {
                let pair = params.map(|params| (params[2 * i], params[2 * i + 1]));
                out.push(by_hand(n * x - s1, d, pair, &op.requant));
            }
        }
        out
    }

    fn rms_by_hand(op: &RmsNorm, x: &[i32], n: usize, params: Option<&[i32]>) -> Vec<i32> {
        let mut out = vec![];
        for row in x.chunks(n) {
            let wide = || row.iter().map(|x| i128::from(*x) - i128::from(op.zx));
            let n = n as i128;
            let d = n * wide().map(|x| x * x).sum::<i128>() + i128::from(op.e);
            for (i, x) in wide().enumerate() {
                let pair = params.map(|params| (params[2 * i], params[2 * i + 1]));
                out.push(by_hand(n * x, d, pair, &op.requant));
            }
        }
        out
    }

    #[test]
    fn two_opposite_values_become_one_and_minus_one() {
        let x = activation(DType::I8, &[2], &[10, 30]);
        assert_eq!(
            run(Op::LayerNorm(layer(false, 1)), &[x], 1),
            [-4_091, 4_091]
        );
        let x = activation(DType::I16, &[2], &[-20_000, 20_000]);
        assert_eq!(
            run(Op::LayerNorm(layer(false, 1)), &[x], 1),
            [-4_096, 4_096]
        );
        let x = activation(DType::I16, &[2], &[-20_000, 20_000]);
        assert_eq!(run(Op::RmsNorm(rms(0, false, 1)), &[x], 1), [-4_096, 4_096]);
    }

    #[test]
    fn a_row_without_variance_gives_beta() {
        // V = 0 and D = 1, the smallest.
        let params = [5, 100, i32::MAX, -7, i32::MIN, 32_767];
        let x = activation(DType::I16, &[3], &[-32_768; 3]);
        let params = || constant(DType::I32, &[3, 2], &params);
        assert_eq!(
            run(Op::LayerNorm(layer(true, 1)), &[x, params()], 1),
            [100, -7, 32_767]
        );
        let x = activation(DType::I8, &[3], &[11; 3]);
        assert_eq!(
            run(Op::RmsNorm(rms(11, true, 1)), &[x, params()], 1),
            [100, -7, 32_767]
        );
    }

    #[test]
    fn the_largest_sums_of_both_norms_do_not_overflow() {
        let n = 4_096;
        let half: Vec<i32> = (0..n).map(|i| [-32_768, 32_767][i % 2]).collect();
        let op = layer(false, 1 << 58);
        let x = activation(DType::I16, &[n as u32], &half);
        assert_eq!(
            run(Op::LayerNorm(op), &[x], 1),
            layer_by_hand(&op, &half, n, None)
        );
        // D = 2^60 − 2^45 + … + 2^58 at the longest row.
        let n = 16_384;
        let x = vec![32_767; n];
        let op = rms(-32_768, false, 1 << 58);
        let expected = rms_by_hand(&op, &x, n, None);
        let x = activation(DType::I16, &[n as u32], &x);
        assert_eq!(run(Op::RmsNorm(op), &[x], 1), expected);
    }

    #[test]
    fn a_lone_value_in_the_longest_row_stays_within_its_bound() {
        let n = 16_384;
        let mut x = vec![0; n];
        x[n - 1] = -32_768;
        let op = LayerNorm {
            requant: Requant { s: 5, ..WHOLE },
            ..layer(false, 1)
        };
        let expected = layer_by_hand(&op, &x, n, None);
        // −√(n − 1) with 7 fraction bits.
        assert_eq!(expected[n - 1], -16_383);
        let given = activation(DType::I16, &[n as u32], &x);
        assert_eq!(run(Op::LayerNorm(op), &[given], 1), expected);
    }

    #[test]
    fn random_rows_agree_with_the_formula() {
        for (dtype, n, e) in [
            (DType::I8, 1, 1),
            (DType::I8, 37, 12_345),
            (DType::I16, 384, 1),
            (DType::I16, 600, 1 << 40),
        ] {
            let x = noise(dtype, 2 * 3 * n, n as u64);
            let params = noise(DType::I32, 2 * n, 9);
            let given = || activation(dtype, &[3, n as u32], &x);
            let pairs = constant(DType::I32, &[n as u32, 2], &params);
            let op = LayerNorm {
                requant: Requant {
                    m: 300,
                    s: 20,
                    ..WHOLE
                },
                ..layer(true, e)
            };
            let expected = layer_by_hand(&op, &x, n, Some(&params));
            assert_eq!(run(Op::LayerNorm(op), &[given(), pairs], 2), expected);
            let op = rms(-5, false, e);
            let expected = rms_by_hand(&op, &x, n, None);
            assert_eq!(run(Op::RmsNorm(op), &[given()], 2), expected);
        }
    }

    #[test]
    fn attributes_and_operands_out_of_range_are_refused() {
        let x = || blank(DType::I8, &[3]);
        for e in [0, (1 << 58) + 1, u64::MAX] {
            assert_eq!(bad_attribute(Op::LayerNorm(layer(false, e)), &[x()]), "e");
            assert_eq!(bad_attribute(Op::RmsNorm(rms(0, false, e)), &[x()]), "e");
        }
        assert_eq!(bad_attribute(Op::RmsNorm(rms(200, false, 1)), &[x()]), "zx");
        assert!(infer(Op::LayerNorm(layer(false, 1 << 58)), &[x()]).is_ok());
        assert!(matches!(
            refused(
                Op::LayerNorm(layer(true, 1)),
                &[x(), constant(DType::I32, &[2, 3], &[])]
            ),
            Invalid::OperandShape { operand: 1, .. }
        ));
        assert!(matches!(
            refused(
                Op::RmsNorm(rms(0, true, 1)),
                &[x(), blank(DType::I32, &[3, 2])]
            ),
            Invalid::NotConstant { operand: 1, .. }
        ));
        assert_eq!(
            refused(
                Op::LayerNorm(layer(false, 1)),
                &[blank(DType::I8, &[16_385])]
            ),
            Invalid::ReductionTooLong { node: 0, k: 16_385 }
        );
    }

    #[test]
    fn eight_ops_an_element() {
        let (ty, cost) =
            infer(Op::RmsNorm(rms(0, false, 1)), &[blank(DType::I8, &[5, 7])]).unwrap();
        assert_eq!((ty.dtype, cost.ops, cost.macs), (DType::I16, 280, 0));
    }
}
