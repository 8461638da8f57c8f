use super::{
    chunks_touched, linear::Linear, span, Args, Epilogue, Inferred, Operator, Position, Scope,
    ZeroPoint,
};
use crate::{arith::dot, validate::Invalid, DType, Shape, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Product of two activations, with a fused epilogue.
///
/// - *Operands*: `a[h…,M,K]` i8 or i16 and `b[h'…,N,K]` i8, activations; `lut`,
///   constant `T[256]`, only if the epilogue says so. The axes h' are those of h,
///   except that the first may divide the first of h: grouped heads.
/// - *Output*: `[h…,M,N]`; i32 ([`Epilogue::Raw`]), the epilogue's `out`, or T.
/// - *Formula*: `v[h,m,n] = Σ_k (a[h,m,k] − za)·(b[h',n,k] − zb)`, then the epilogue
///   with [`Scale::Tensor`](super::Scale::Tensor); h' is h with its first index
///   `⌊h·Hb/Ha⌋`, Ha and Hb the lengths of the first axes.
/// - *Bounds*: as [`MatMul`](super::MatMul), with the scalar `zb`.
/// - *Judge*: `a` K·w(a) bytes; `b` K bytes; `lut` one entry.
/// - *Cost*: macs K·|out|, twice that for i16.
/// - *Source*: ONNX `MatMul` between `DequantizeLinear` and `QuantizeLinear`;
///   grouped heads as in grouped-query attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BatchMatMul {
    /// Zero point of the left side; 0 if that is i16.
    pub za: i8,
    /// Zero point of the right side.
    pub zb: i8,
    /// What happens to the sum.
    pub epilogue: Epilogue,
}

/// The axes of both operands: `a[…,M,K]` with its heads, `b[…,N,K]` with its.
struct Axes {
    m: u64,
    n: u64,
    k: u64,
    /// Length of the first axis of `a` and of `b`; 1 without heads.
    first: [u64; 2],
    /// Heads for each index of the first axis.
    rest: u64,
}

impl Axes {
    /// `None` unless the shapes fit.
    fn new(a: &Shape, b: &Shape) -> Option<Axes> {
        let ([a_heads @ .., m, k], [b_heads @ .., n, inner]) = (a.0.as_slice(), b.0.as_slice())
        else {
            return None;
        };
        if k != inner {
            return None;
        }
        let (first, rest) = match (a_heads, b_heads) {
            ([], []) => ([1, 1], 1),
            ([fa, a_rest @ ..], [fb, b_rest @ ..])
                if a_rest == b_rest && fa.checked_rem(*fb) == Some(0) =>
            {
                let rest = a_rest
                    .iter()
                    .try_fold(1u64, |n, axis| n.checked_mul(u64::from(*axis)))?;
                ([u64::from(*fa), u64::from(*fb)], rest)
            }
            _ => return None,
        };
        Some(Axes {
            m: u64::from(*m),
            n: u64::from(*n),
            k: u64::from(*k),
            first,
            rest,
        })
    }

    /// Heads of `a` in one sample.
    fn heads(&self) -> Option<u64> {
        self.first[0].checked_mul(self.rest)
    }

    /// The head of `b`, counted over all samples, that a head of `a` in `sample` uses.
    fn right(&self, sample: u64, head: u64) -> Option<u64> {
        let [ours, theirs] = self.first;
        let first = head
            .checked_div(self.rest)?
            .checked_mul(theirs)?
            .checked_div(ours)?;
        sample
            .checked_mul(theirs)?
            .checked_add(first)?
            .checked_mul(self.rest)?
            .checked_add(head.checked_rem(self.rest)?)
    }
}

impl BatchMatMul {
    fn linear(&self) -> Linear {
        Linear {
            za: self.za,
            zb: ZeroPoint::Tensor(self.zb),
            params: false,
            epilogue: self.epilogue,
        }
    }

    fn sum(&self, at: &Position<'_>, got: &[Vec<u8>], zb: i8) -> Option<i64> {
        Some(dot(at.ty(0)?.dtype, got.first()?, got.get(1)?, self.za, zb))
    }
}

impl Operator for BatchMatMul {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        let linear = self.linear();
        linear.expect_count(scope)?;
        let (a, b) = (scope.activation(0)?, scope.activation(1)?);
        if a.dtype == DType::I32 {
            return Err(scope.bad_type(0, a));
        }
        if b.dtype != DType::I8 {
            return Err(scope.bad_type(1, b));
        }
        if a.shape.0.len() < 2 {
            return Err(scope.bad_shape(0));
        }
        let axes = Axes::new(&a.shape, &b.shape).ok_or_else(|| scope.bad_shape(1))?;
        let n = u32::try_from(axes.n).map_err(|_| scope.bad_shape(1))?;
        let dtype = linear.check(scope, n)?;
        linear.check_sum(scope, a.dtype, axes.k)?;

        let mut shape = a.shape.clone();
        shape.0.pop();
        shape.0.push(n);
        let ty = TensorType { dtype, shape };
        let macs = scope
            .elements(&ty)?
            .checked_mul(axes.k)
            .and_then(|macs| macs.checked_mul(a.dtype.width()))
            .ok_or(Invalid::CostOverflow)?;
        let row = axes.k.saturating_mul(a.dtype.width());
        let mut touches = vec![(0, chunks_touched(row)), (1, chunks_touched(axes.k))];
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
        let axes = Axes::new(&a.ty.shape, &b.ty.shape)?;
        let (m, n, k) = (
            usize::try_from(axes.m).ok()?,
            usize::try_from(axes.n).ok()?,
            usize::try_from(axes.k).ok()?,
        );
        let row = k.checked_mul(usize::try_from(a.ty.dtype.width()).ok()?)?;
        let heads = axes.heads()?;
        for (index, a_head) in a.bytes.chunks_exact(m.checked_mul(row)?).enumerate() {
            let index = index as u64;
            let right = axes.right(index.checked_div(heads)?, index.checked_rem(heads)?)?;
            let size = n.checked_mul(k)?;
            let start = usize::try_from(right).ok()?.checked_mul(size)?;
            let b_head = b.bytes.get(start..start.checked_add(size)?)?;
            for a_row in a_head.chunks_exact(row) {
                for (channel, b_row) in b_head.chunks_exact(k).enumerate() {
                    let sum = |zb| dot(a.ty.dtype, a_row, b_row, self.za, zb);
                    linear.run(args, channel, sum, out)?;
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
        let (a, b) = (at.ty(0)?, at.ty(1)?);
        let axes = Axes::new(&a.shape, &b.shape)?;
        let channel = at.element.checked_rem(axes.n)?;
        let row = at.element.checked_div(axes.n)?;
        let range = match operand {
            0 => span(row, axes.k.checked_mul(a.dtype.width())?)?,
            1 => {
                let (index, heads) = (row.checked_div(axes.m)?, axes.heads()?);
                let right = axes.right(index.checked_div(heads)?, index.checked_rem(heads)?)?;
                span(right.checked_mul(axes.n)?.checked_add(channel)?, axes.k)?
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, bad_attribute, blank, infer, noise, refused, run},
        Op, Scale,
    };

    const RAW: BatchMatMul = BatchMatMul {
        za: 0,
        zb: 0,
        epilogue: Epilogue::Raw,
    };

    fn requant(scale: Scale) -> Epilogue {
        Epilogue::Requant {
            scale,
            z: 0,
            lo: -128,
            hi: 127,
            out: DType::I8,
            lut: false,
        }
    }

    #[test]
    fn every_head_multiplies_its_own_and_groups_share() {
        let (batch, ha, hb, rest, m, n, k) = (2usize, 4, 2, 3, 2, 5, 7);
        let a = noise(DType::I8, batch * ha * rest * m * k, 1);
        let b = noise(DType::I8, batch * hb * rest * n * k, 2);
        let op = BatchMatMul {
            za: 5,
            zb: -9,
            ..RAW
        };
        let mut expected = vec![];
        for sample in 0..batch {
            for head in 0..ha {
                for inner in 0..rest {
                    for row in 0..m {
                        for column in 0..n {
                            let left = ((sample * ha + head) * rest + inner) * m + row;
                            let shared = sample * hb + head * hb / ha;
                            let right = (shared * rest + inner) * n + column;
                            expected.push(
                                (0..k)
                                    .map(|i| (a[left * k + i] - 5) * (b[right * k + i] + 9))
                                    .sum::<i32>(),
                            );
                        }
                    }
                }
            }
        }
        let operands = [
            activation(DType::I8, &[4, 3, 2, 7], &a),
            activation(DType::I8, &[2, 3, 5, 7], &b),
        ];
        assert_eq!(run(Op::BatchMatMul(op), &operands, batch as u32), expected);
    }

    #[test]
    fn a_left_side_of_16_bits_costs_twice() {
        let op = BatchMatMul {
            epilogue: requant(Scale::Tensor { m: 1, s: 8 }),
            ..RAW
        };
        let a = activation(DType::I16, &[1, 2], &[-32_768, 32_767]);
        let b = activation(DType::I8, &[2, 2], &[-128, 127, 127, -128]);
        assert_eq!(run(Op::BatchMatMul(op), &[a, b], 1), [127, -128]);
        let operands = [blank(DType::I16, &[3, 5]), blank(DType::I8, &[2, 5])];
        assert_eq!(infer(Op::BatchMatMul(op), &operands).unwrap().1.macs, 60);
    }

    #[test]
    fn shapes_and_sums_that_do_not_fit_are_refused() {
        let x = |axes: &[u32]| blank(DType::I8, axes);
        let code = |operands: &[_]| refused(Op::BatchMatMul(RAW), operands).code();
        assert_eq!(code(&[x(&[2, 3]), x(&[2, 4])]), 23);
        assert_eq!(code(&[x(&[3]), x(&[3])]), 23);
        assert_eq!(code(&[x(&[2, 2, 3]), x(&[2, 3])]), 23);
        assert_eq!(code(&[x(&[3, 2, 3]), x(&[2, 2, 3])]), 23);
        assert_eq!(code(&[x(&[2, 2, 3]), x(&[4, 2, 3])]), 23);
        assert_eq!(code(&[x(&[2, 4, 2, 3]), x(&[2, 2, 2, 3])]), 23);
        assert_eq!(code(&[x(&[2, 3]), blank(DType::I16, &[2, 3])]), 22);
        assert_eq!(code(&[x(&[1, 65_025]), x(&[1, 65_025])]), 25);
        let wide = [blank(DType::I16, &[2, 3]), x(&[2, 3])];
        assert_eq!(bad_attribute(Op::BatchMatMul(RAW), &wide), "epilogue");
        let op = BatchMatMul { za: 1, ..RAW };
        assert_eq!(bad_attribute(Op::BatchMatMul(op), &wide), "za");
        let op = BatchMatMul {
            epilogue: requant(Scale::Channel),
            ..RAW
        };
        let narrow = [x(&[2, 3]), x(&[2, 3])];
        assert_eq!(bad_attribute(Op::BatchMatMul(op), &narrow), "params");
    }
}
