use super::{broadcast, Args, Inferred, Operator, Position, Scope};
use crate::{validate::Invalid, DType, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// One of two operands, element by element.
///
/// - *Operands*: `c` i8; `a` and `b` of one type T; activations or constants, at
///   least one an activation. See *Broadcast* in [`ops`](crate::ops).
/// - *Output*: T, the broadcast shape.
/// - *Formula*: `a` if `c ≠ 0`, else `b`.
/// - *Judge*: one element of each.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Where`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Select;

fn value([c, a, b]: [i32; 3]) -> i32 {
    match c {
        0 => b,
        _ => a,
    }
}

impl Operator for Select {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(3)?;
        let (c, a, b) = (scope.value(0)?.0, scope.value(1)?.0, scope.value(2)?.0);
        if c.dtype != DType::I8 {
            return Err(scope.bad_type(0, c));
        }
        if b.dtype != a.dtype {
            return Err(scope.bad_type(2, b));
        }
        let shape = broadcast::shape(scope)?;
        Ok(Inferred {
            ops: shape.elements().ok_or(Invalid::CostOverflow)?,
            ty: TensorType {
                dtype: a.dtype,
                shape,
            },
            macs: 0,
            touches: vec![(0, 1), (1, 1), (2, 1)],
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        broadcast::run(args, out, value)
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        broadcast::range(at, operand)
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        Some(value(broadcast::opened(at, got)?) != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, blank, constant, refused, run},
        Op,
    };

    #[test]
    fn any_condition_but_zero_takes_the_first() {
        let c = activation(DType::I8, &[2, 1], &[-128, 0]);
        let a = activation(DType::I32, &[1, 2], &[1, 2]);
        let b = constant(DType::I32, &[], &[i32::MIN]);
        let found = run(Op::Select(Select), &[c, a, b], 1);
        assert_eq!(found, [1, 2, i32::MIN, i32::MIN]);
    }

    #[test]
    fn conditions_and_types_that_do_not_fit_are_refused() {
        let x = |dtype| blank(dtype, &[2]);
        let code = |operands: &[_]| refused(Op::Select(Select), operands).code();
        assert_eq!(code(&[x(DType::I16), x(DType::I8), x(DType::I8)]), 22);
        assert_eq!(code(&[x(DType::I8), x(DType::I8), x(DType::I16)]), 22);
        assert_eq!(code(&[x(DType::I8), x(DType::I8)]), 17);
        assert_eq!(
            code(&[x(DType::I8), blank(DType::I8, &[3]), x(DType::I8)]),
            23
        );
    }
}
