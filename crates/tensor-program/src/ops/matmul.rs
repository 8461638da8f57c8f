use super::{
    chunks_touched,
    linear::{params_row, reach, Epilogue, ZeroPoint},
    lut8::{table_entry, TABLE},
    span, Args, Inferred, Operator, Position, Scope,
};
use crate::{
    arith::{dot, element, push},
    validate::Invalid,
    DType, Shape, TensorType,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Largest `K·A·W` of an 8-bit product, A and W the largest magnitudes of its
/// factors: sums and their bias fit 32 bits, and a 31-bit proof field.
const MAX_SUM: u64 = (1 << 30) - (1 << 23);

/// Largest K of a product with a 16-bit left side.
const MAX_K_I16: u64 = 65_024;

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

/// Operand indices of what may be absent.
struct Slots {
    zb: Option<usize>,
    params: Option<usize>,
    lut: Option<usize>,
    count: usize,
}

impl MatMul {
    fn slots(&self) -> Slots {
        let mut count = 2usize;
        let mut slot = |present: bool| {
            present.then(|| {
                let at = count;
                count = count.saturating_add(1);
                at
            })
        };
        let zb = slot(self.zb == ZeroPoint::Channel);
        let params = slot(self.params);
        let lut = slot(self.epilogue.has_lut());
        Slots {
            zb,
            params,
            lut,
            count,
        }
    }

    fn zero_point(&self, channel: Option<u8>) -> Option<i8> {
        match self.zb {
            ZeroPoint::Tensor(z) => Some(z),
            ZeroPoint::Channel => channel.map(|byte| byte as i8),
        }
    }

    /// The value before a table, from the bytes of the ranges a judge reads.
    fn before_lut(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<i32> {
        let slots = self.slots();
        let read = |slot: Option<usize>| match slot {
            Some(slot) => got.get(slot).map(|bytes| Some(bytes.as_slice())),
            None => Some(None),
        };
        let zb = self.zero_point(read(slots.zb)?.and_then(|bytes| bytes.first().copied()))?;
        let params = match read(slots.params)? {
            Some(bytes) => Some(params_row(bytes)?),
            None => None,
        };
        let v = dot(at.ty(0)?.dtype, got.first()?, got.get(1)?, self.za, zb);
        self.epilogue.apply(v, params)
    }
}

impl Operator for MatMul {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        let slots = self.slots();
        scope.expect_count(slots.count)?;
        let (a, k) = scope.rows(0)?;
        let b = scope.constant(1)?;
        if b.dtype != DType::I8 {
            return Err(scope.bad_type(1, b));
        }
        let n = match b.shape.0.as_slice() {
            [n, inner] if *inner == k => *n,
            _ => return Err(scope.bad_shape(1)),
        };
        let before_lut = self.epilogue.check(scope, self.params)?;
        if let Some(zb) = slots.zb {
            scope.constant_of(zb, DType::I8, &[n])?;
        }
        if let Some(params) = slots.params {
            scope.constant_of(params, DType::I32, &[n, 2])?;
        }
        let dtype = match slots.lut {
            Some(lut) => {
                let table = scope.constant(lut)?;
                scope.constant_of(lut, table.dtype, &[TABLE])?;
                table.dtype
            }
            None => before_lut,
        };

        let length = u64::from(k);
        let bounded = match a.dtype {
            DType::I8 => {
                let per_product = reach(self.za).saturating_mul(self.zb.reach());
                length.saturating_mul(per_product) <= MAX_SUM
            }
            DType::I16 => {
                scope.attribute(self.za == 0, "za")?;
                scope.attribute(self.epilogue != Epilogue::Raw, "epilogue")?;
                length <= MAX_K_I16
            }
            DType::I32 => return Err(scope.bad_type(0, a)),
        };
        if !bounded {
            return Err(Invalid::ReductionTooLong {
                node: scope.node,
                k,
            });
        }

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
        touches.extend(
            [slots.zb, slots.params, slots.lut]
                .iter()
                .flatten()
                .map(|at| (*at, 1)),
        );
        Ok(Inferred {
            ty,
            macs,
            ops: 0,
            touches,
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let slots = self.slots();
        let (a, b) = (args.first()?, args.get(1)?);
        let k = usize::try_from(a.ty.shape.last()?).ok()?;
        let row = k.checked_mul(usize::try_from(a.ty.dtype.width()).ok()?)?;
        let operand = |slot: Option<usize>| match slot {
            Some(slot) => args.get(slot).map(Some),
            None => Some(None),
        };
        let (zb, params, lut) = (
            operand(slots.zb)?,
            operand(slots.params)?,
            operand(slots.lut)?,
        );
        for a_row in a.bytes.chunks_exact(row) {
            let mut zbs = zb.map(|arg| arg.bytes.iter());
            let mut rows = params.map(|arg| arg.bytes.chunks_exact(8));
            for b_row in b.bytes.chunks_exact(k) {
                let zb = self.zero_point(zbs.as_mut().and_then(|z| z.next().copied()))?;
                let pair = match &mut rows {
                    Some(rows) => Some(params_row(rows.next()?)?),
                    None => None,
                };
                let v = self
                    .epilogue
                    .apply(dot(a.ty.dtype, a_row, b_row, self.za, zb), pair)?;
                match lut {
                    Some(table) => out.extend_from_slice(table_entry(table, v)?),
                    None => push(self.before_lut_type(), v, out),
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
        let slots = self.slots();
        let n = u64::from(at.out.shape.last()?);
        let (row, channel) = (at.element.checked_div(n)?, at.element.checked_rem(n)?);
        let a = at.ty(0)?;
        let k = u64::from(a.shape.last()?);
        let range = match operand {
            0 => span(row, k.checked_mul(a.dtype.width())?)?,
            1 => span(channel, k)?,
            _ if slots.zb == Some(operand) => span(channel, 1)?,
            _ if slots.params == Some(operand) => span(channel, 8)?,
            _ => {
                let index = i64::from(self.before_lut(at, got)?).checked_add(128)?;
                at.element_range(operand, u64::try_from(index).ok()?)?
            }
        };
        Some(vec![range])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let value = match self.slots().lut {
            Some(lut) => element(at.out.dtype, got.get(lut)?)?,
            None => self.before_lut(at, got)?,
        };
        Some(value != at.claimed)
    }
}

impl MatMul {
    fn before_lut_type(&self) -> DType {
        match self.epilogue {
            Epilogue::Raw => DType::I32,
            Epilogue::Requant { out, .. } => out,
        }
    }
}
