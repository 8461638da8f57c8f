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

/// A bias per channel.
///
/// - *Operands*: `x[…,N]` i32, an activation; `bias`, constant `i32[N]`.
/// - *Output*: i32, the shape of `x`.
/// - *Formula*: `sat_i32(x + bias[n])`.
/// - *Judge*: `x` one element; `bias` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Add` of a bias after `MatMulInteger` or `ConvInteger`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AddBias;

fn value(x: i32, bias: i32) -> i32 {
    saturate(DType::I32, i64::from(x).saturating_add(i64::from(bias)))
}

impl Operator for AddBias {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(2)?;
        let (x, channels) = scope.rows(0)?;
        if x.dtype != DType::I32 {
            return Err(scope.bad_type(0, x));
        }
        scope.constant_of(1, DType::I32, &[channels])?;
        scope.elementwise(DType::I32, 1)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (x, bias) = (args.first()?, args.get(1)?);
        for row in x.bytes.chunks_exact(bias.bytes.len()) {
            for (x, bias) in row.chunks_exact(4).zip(bias.bytes.chunks_exact(4)) {
                let (x, bias) = (element(DType::I32, x)?, element(DType::I32, bias)?);
                push(DType::I32, value(x, bias), out);
            }
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        let index = match operand {
            0 => at.element,
            _ => at.element.checked_rem(u64::from(at.out.shape.last()?))?,
        };
        Some(vec![at.element_range(operand, index)?])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let (x, bias) = (
            element(DType::I32, got.first()?)?,
            element(DType::I32, got.get(1)?)?,
        );
        Some(value(x, bias) != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, blank, blank_constant, constant, refused, run},
        Op,
    };

    #[test]
    fn the_bias_is_added_to_every_row_and_saturates() {
        let x = activation(DType::I32, &[2, 2], &[i32::MAX, i32::MIN, 5, -5]);
        let bias = constant(DType::I32, &[2], &[1, -1]);
        assert_eq!(
            run(Op::AddBias(AddBias), &[x, bias], 1),
            [i32::MAX, i32::MIN, 6, -6]
        );
    }

    #[test]
    fn other_types_and_lengths_are_refused() {
        let op = || Op::AddBias(AddBias);
        let i32s = |axes: &[u32]| blank(DType::I32, axes);
        let bias = |dtype, axes: &[u32]| blank_constant(dtype, axes);
        let code = |operands: &[_]| refused(op(), operands).code();
        assert_eq!(code(&[blank(DType::I8, &[2]), bias(DType::I32, &[2])]), 22);
        assert_eq!(code(&[i32s(&[2]), bias(DType::I16, &[2])]), 22);
        assert_eq!(code(&[i32s(&[2]), bias(DType::I32, &[3])]), 23);
        assert_eq!(code(&[i32s(&[]), bias(DType::I32, &[])]), 23);
        assert_eq!(code(&[i32s(&[2]), i32s(&[2])]), 20);
        assert_eq!(code(&[i32s(&[2])]), 17);
    }
}
