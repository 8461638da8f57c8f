use super::{
    chunks_touched,
    rows::{row_bytes, row_range, short_rows, values},
    Args, Inferred, Operator, Position, Scope,
};
use crate::{arith::push, validate::Invalid, DType, Shape, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Sum of each row.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation.
/// - *Output*: i32 `[…]`, the last axis dropped.
/// - *Formula*: `Σ_i (x[i] − zx)`.
/// - *Bounds*: `zx` a value of x's type; n ≤ 16,384, so the sum stays within 2^30.
/// - *Judge*: `x` the row.
/// - *Cost*: 1 op an element of `x`.
/// - *Source*: ONNX `ReduceSum` over the last axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RowSum {
    /// Zero point of `x`.
    pub zx: i32,
}

impl RowSum {
    fn value(&self, dtype: DType, row: &[u8]) -> i32 {
        values(dtype, row).fold(0i32, |sum, x| sum.wrapping_add(x.wrapping_sub(self.zx)))
    }
}

impl Operator for RowSum {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let (x, _) = short_rows(scope, 0)?;
        scope.attribute(x.dtype.holds(self.zx), "zx")?;
        reduced(scope, x, DType::I32)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        for row in x
            .bytes
            .chunks_exact(usize::try_from(row_bytes(x.ty)?).ok()?)
        {
            push(DType::I32, self.value(x.ty.dtype, row), out);
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        Some(vec![row_range(at, operand, at.element)?])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        Some(self.value(at.ty(0)?.dtype, got.first()?) != at.claimed)
    }
}

/// What an operator learns that makes one element of each row of operand 0.
pub(crate) fn reduced(
    scope: &Scope<'_>,
    x: &TensorType,
    dtype: DType,
) -> Result<Inferred, Invalid> {
    let mut axes = x.shape.0.clone();
    axes.pop();
    let row = row_bytes(x).ok_or_else(|| scope.bad_shape(0))?;
    Ok(Inferred {
        ty: TensorType {
            dtype,
            shape: Shape(axes),
        },
        macs: 0,
        ops: scope.elements(x)?,
        touches: vec![(0, chunks_touched(row))],
        opens: 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, bad_attribute, blank, infer, noise, refused, run},
        Op,
    };

    fn sum(zx: i32) -> Op {
        Op::RowSum(RowSum { zx })
    }

    #[test]
    fn zero_points_at_both_ends() {
        let x = [-128, 127, 0, 127, 127, 127];
        let x = || activation(DType::I8, &[2, 3], &x);
        assert_eq!(run(sum(-128), &[x()], 1), [383, 765]);
        assert_eq!(run(sum(127), &[x()], 1), [-382, 0]);
        let x = activation(DType::I16, &[2], &[-32_768, 32_767]);
        assert_eq!(run(sum(-32_768), &[x], 1), [65_535]);
    }

    #[test]
    fn the_longest_row_of_extremes_stays_within_its_bound() {
        let x = activation(DType::I16, &[16_384], &[32_767; 16_384]);
        assert_eq!(run(sum(-32_768), &[x], 1), [16_384 * 65_535]);
        let too_long = blank(DType::I8, &[16_385]);
        assert_eq!(
            refused(sum(0), &[too_long]),
            Invalid::ReductionTooLong { node: 0, k: 16_385 }
        );
    }

    #[test]
    fn rows_of_all_samples_and_of_one_element() {
        let x = noise(DType::I8, 3 * 4 * 5, 1);
        let sums: Vec<i32> = x.chunks(5).map(|row| row.iter().sum()).collect();
        assert_eq!(run(sum(0), &[activation(DType::I8, &[4, 5], &x)], 3), sums);
        assert_eq!(run(sum(0), &[activation(DType::I8, &[60, 1], &x)], 1), x);
    }

    #[test]
    fn what_is_not_a_row_of_i8_or_i16_is_refused() {
        assert!(matches!(
            refused(sum(0), &[blank(DType::I32, &[3])]),
            Invalid::OperandType { operand: 0, .. }
        ));
        assert!(matches!(
            refused(sum(0), &[blank(DType::I8, &[])]),
            Invalid::OperandShape { operand: 0, .. }
        ));
        assert_eq!(bad_attribute(sum(128), &[blank(DType::I8, &[3])]), "zx");
    }

    #[test]
    fn one_op_an_element() {
        let (ty, cost) = infer(sum(0), &[blank(DType::I16, &[7, 3])]).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I32, Shape::from([7])));
        assert_eq!((cost.macs, cost.ops, cost.bytes), (0, 21, 42 + 2 * 28));
    }
}
