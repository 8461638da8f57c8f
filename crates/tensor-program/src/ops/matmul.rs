use super::{
    chunks_touched, linear::Linear, span, Args, Epilogue, Inferred, Operator, Position, Scope,
    ZeroPoint,
};
use crate::{arith::dot, validate::Invalid, DType, Shape, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Product with a constant matrix, with a fused epilogue.
///
/// - *Operands*: `a[…,K]` i8 or i16, an activation; `b`, constant `i8[N,K]`; then,
///   each only if the attributes say so, `zb`, constant `i8[N]`; `params`, constant
///   `i32[N,2]`; `lut`, constant `T[256]`.
/// - *Output*: `[…,N]`; i32 ([`Epilogue::Raw`]), the epilogue's `out`, or T.
/// - *Formula*: `v[m,n] = Σ_k (a[m,k] − za)·(b[n,k] − zb[n])`, plus `params[n,0]`,
///   then the epilogue with scale `params[n,1]` if it is per channel.
/// - *Bounds*: for i8, K·A·W ≤ 2^30 − 2^23 with A the largest of |a − za| and W
///   that of |b − zb| (255 per channel). For i16, K ≤ 65,024, za = 0 and no `Raw`.
/// - *Judge*: `a` K·w(a) bytes; `b` K bytes; `zb` 1; `params` 8; `lut` one entry.
/// - *Cost*: macs K·|out|, twice that for i16.
/// - *Source*: gemmlowp and TFLite (integer product with zero points, fused bias
///   and requantisation), ONNX `QLinearMatMul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct MatMul {
    /// Zero point of the left side; 0 if that is i16.
    pub za: i8,
    /// Zero point of the right side.
    pub zb: ZeroPoint,
    /// Whether there is a `params` operand: a bias and a packed scale per channel.
    pub params: bool,
    /// What happens to the sum.
    pub epilogue: Epilogue,
}

impl MatMul {
    fn linear(&self) -> Linear {
        Linear {
            za: self.za,
            zb: self.zb,
            params: self.params,
            epilogue: self.epilogue,
        }
    }

    fn sum(&self, at: &Position<'_>, got: &[Vec<u8>], zb: i8) -> Option<i64> {
        Some(dot(at.ty(0)?.dtype, got.first()?, got.get(1)?, self.za, zb))
    }
}

impl Operator for MatMul {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        let linear = self.linear();
        linear.expect_count(scope)?;
        let (a, k) = scope.rows(0)?;
        if a.dtype == DType::I32 {
            return Err(scope.bad_type(0, a));
        }
        let b = scope.constant(1)?;
        if b.dtype != DType::I8 {
            return Err(scope.bad_type(1, b));
        }
        let n = match b.shape.0.as_slice() {
            [n, inner] if *inner == k => *n,
            _ => return Err(scope.bad_shape(1)),
        };
        let dtype = linear.check(scope, n)?;
        let length = u64::from(k);
        linear.check_sum(scope, a.dtype, length)?;

        let mut axes = a.shape.0.clone();
        axes.pop();
        axes.push(n);
        let ty = TensorType {
            dtype,
            shape: Shape(axes),
        };
        let macs = scope
            .elements(&ty)?
            .checked_mul(length)
            .and_then(|macs| macs.checked_mul(a.dtype.width()))
            .ok_or(Invalid::CostOverflow)?;
        let row = length.saturating_mul(a.dtype.width());
        let mut touches = vec![(0, chunks_touched(row)), (1, chunks_touched(length))];
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
        let (linear, a, b) = (self.linear(), args.first()?, args.get(1)?);
        let k = usize::try_from(a.ty.shape.last()?).ok()?;
        let row = k.checked_mul(usize::try_from(a.ty.dtype.width()).ok()?)?;
        for a_row in a.bytes.chunks_exact(row) {
            for (channel, b_row) in b.bytes.chunks_exact(k).enumerate() {
                let sum = |zb| dot(a.ty.dtype, a_row, b_row, self.za, zb);
                linear.run(args, channel, sum, out)?;
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
        let n = u64::from(at.out.shape.last()?);
        let (row, channel) = (at.element.checked_div(n)?, at.element.checked_rem(n)?);
        let a = at.ty(0)?;
        let k = u64::from(a.shape.last()?);
        let range = match operand {
            0 => span(row, k.checked_mul(a.dtype.width())?)?,
            1 => span(channel, k)?,
            _ => self
                .linear()
                .range(at, operand, channel, got, |zb| self.sum(at, got, zb))?,
        };
        Some(vec![range])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        self.linear().convicts(at, got, |zb| self.sum(at, got, zb))
    }
}
