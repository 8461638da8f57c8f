use super::{
    row_sum::reduced,
    rows::{row_bytes, row_range, short_rows, values},
    Args, Inferred, Operator, Position, Scope,
};
use crate::{arith::push, validate::Invalid};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Largest element of each row.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation.
/// - *Output*: the type of `x`, `[…]`, the last axis dropped.
/// - *Formula*: `max_i x[i]`.
/// - *Bounds*: n ≤ 16,384.
/// - *Judge*: `x` the row.
/// - *Cost*: 1 op an element of `x`.
/// - *Source*: ONNX `ReduceMax` over the last axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RowMax;

impl Operator for RowMax {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let (x, _) = short_rows(scope, 0)?;
        reduced(scope, x, x.dtype)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        for row in x
            .bytes
            .chunks_exact(usize::try_from(row_bytes(x.ty)?).ok()?)
        {
            push(x.ty.dtype, values(x.ty.dtype, row).max()?, out);
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        Some(vec![row_range(at, operand, at.element)?])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        Some(values(at.ty(0)?.dtype, got.first()?).max()? != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ops::{
            testing::{activation, blank, infer, noise, refused, run},
            Op,
        },
        DType, Shape,
    };

    #[test]
    fn the_largest_wherever_it_stands() {
        let x = [3, -128, 2, -128, -128, -128, -1, 0, 127];
        let x = activation(DType::I8, &[3, 3], &x);
        assert_eq!(run(Op::RowMax(RowMax), &[x], 1), [3, -128, 127]);
    }

    #[test]
    fn rows_of_all_samples() {
        let x = noise(DType::I16, 3 * 600 * 2, 5);
        let most: Vec<i32> = x
            .chunks(600)
            .map(|row| *row.iter().max().unwrap())
            .collect();
        let x = activation(DType::I16, &[2, 600], &x);
        assert_eq!(run(Op::RowMax(RowMax), &[x], 3), most);
    }

    #[test]
    fn the_type_stays_and_long_rows_are_refused() {
        let (ty, cost) = infer(Op::RowMax(RowMax), &[blank(DType::I16, &[2, 16_384])]).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I16, Shape::from([2])));
        assert_eq!(cost.ops, 32_768);
        assert_eq!(
            refused(Op::RowMax(RowMax), &[blank(DType::I8, &[16_385])]),
            Invalid::ReductionTooLong { node: 0, k: 16_385 }
        );
        assert!(matches!(
            refused(Op::RowMax(RowMax), &[blank(DType::I32, &[2])]),
            Invalid::OperandType { operand: 0, .. }
        ));
    }
}
