use super::{Args, Inferred, Operator, Position, Scope};
use crate::{
    arith::{element, push, saturate},
    validate::Invalid,
    DType,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Magnitude.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T, the shape of `x`.
/// - *Formula*: `sat_T(|x|)`: the smallest value becomes the largest.
/// - *Judge*: `x` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Abs`, saturated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Abs;

fn value(dtype: DType, x: i32) -> i32 {
    saturate(dtype, i64::from(x).saturating_abs())
}

impl Operator for Abs {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let dtype = scope.activation(0)?.dtype;
        scope.elementwise(dtype, 0)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        let dtype = x.ty.dtype;
        for bytes in x.bytes.chunks_exact(usize::try_from(dtype.width()).ok()?) {
            push(dtype, value(dtype, element(dtype, bytes)?), out);
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        Some(vec![at.element_range(operand, at.element)?])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let dtype = at.out.dtype;
        Some(value(dtype, element(dtype, got.first()?)?) != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, blank, blank_constant, infer, refused, run},
        Op,
    };

    #[test]
    fn the_smallest_value_has_the_largest_magnitude() {
        for dtype in [DType::I8, DType::I16, DType::I32] {
            let x = activation(dtype, &[4], &[dtype.min(), -1, 0, dtype.max()]);
            assert_eq!(run(Op::Abs(Abs), &[x], 1), [dtype.max(), 1, 0, dtype.max()]);
        }
        let (ty, cost) = infer(Op::Abs(Abs), &[blank(DType::I16, &[2, 3])]).unwrap();
        assert_eq!(
            (ty.dtype, ty.shape, cost.ops),
            (DType::I16, [2, 3].into(), 6)
        );
    }

    #[test]
    fn a_constant_is_refused() {
        let constant = [blank_constant(DType::I8, &[4])];
        let invalid = Invalid::NotActivation {
            node: 0,
            operand: 0,
        };
        assert_eq!(refused(Op::Abs(Abs), &constant), invalid);
    }
}
