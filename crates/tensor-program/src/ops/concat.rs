use super::{
    coordinates, flat_index, view::elements_or_most, Args, Inferred, Operator, Position, Scope,
};
use crate::{arith::element, validate::Invalid, TensorType};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Several operands behind each other along one axis.
///
/// - *Operands*: 2 to 16 of one type T, activations or constants, not all constants,
///   of equal rank and equal axes but for `axis`. A constant counts as repeated for
///   every sample.
/// - *Output*: T; `axis` is the sum of theirs.
/// - *Formula*: index i of the axis is in the operand whose turn it is.
/// - *Judge*: one element of the operand it falls into, nothing of the others.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Concat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Concat {
    /// The axis, without the batch axis.
    pub axis: u8,
}

impl Concat {
    /// The range of the element inside one operand, if it falls into that.
    fn range(&self, at: &Position<'_>, operand: usize) -> Option<Option<Range<u64>>> {
        let axis = usize::from(self.axis);
        let (sample, element) = at.sample()?;
        let mut place = coordinates(&at.out.shape, element)?;
        let index = place.get_mut(axis)?;
        for earlier in 0..operand {
            let length = at.ty(earlier)?.shape.0.get(axis)?;
            match index.checked_sub(u64::from(*length)) {
                Some(rest) => *index = rest,
                None => return Some(None),
            }
        }
        let x = at.ty(operand)?;
        if *index >= u64::from(*x.shape.0.get(axis)?) {
            return Some(None);
        }
        at.sample_range(operand, sample, flat_index(&x.shape, &place)?)
            .map(Some)
    }
}

impl Operator for Concat {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        let count = scope.operands.len();
        if count < 2 {
            scope.expect_count(2)?;
        }
        let axis = usize::from(self.axis);
        let (first, _) = scope.value(0)?;
        let mut shape = first.shape.clone();
        scope.attribute(axis < shape.0.len(), "axis")?;
        let mut total = 0u32;
        let mut constants = 0usize;
        for operand in 0..count {
            let (x, constant) = scope.value(operand)?;
            constants = constants.saturating_add(usize::from(constant));
            if x.dtype != first.dtype {
                return Err(scope.bad_type(operand, x));
            }
            let fits = x.shape.0.len() == shape.0.len()
                && x.shape
                    .0
                    .iter()
                    .zip(&shape.0)
                    .enumerate()
                    .all(|(i, (ours, theirs))| i == axis || ours == theirs);
            if !fits {
                return Err(scope.bad_shape(operand));
            }
            // An axis that does not fit 32 bits is too long as well.
            total = total.saturating_add(x.shape.0.get(axis).copied().unwrap_or_default());
        }
        if constants == count {
            scope.activation(0)?;
        }
        if let Some(length) = shape.0.get_mut(axis) {
            *length = total;
        }
        let ty = TensorType {
            dtype: first.dtype,
            shape,
        };
        Ok(Inferred {
            macs: 0,
            ops: elements_or_most(&ty.shape),
            ty,
            touches: (0..count).map(|operand| (operand, 1)).collect(),
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let axis = usize::from(self.axis);
        let (outer, _) = args.out.shape.0.split_at_checked(axis)?;
        let times = outer
            .iter()
            .try_fold(1u64, |n, axis| n.checked_mul(u64::from(*axis)))?;
        for sample in 0..args.batch {
            let mut parts = Vec::with_capacity(args.operands.len());
            for x in &args.operands {
                let bytes = x.sample(sample)?;
                let run = (bytes.len() as u64).checked_div(times)?;
                parts.push(bytes.chunks_exact(usize::try_from(run).ok()?.max(1)));
            }
            for _ in 0..times {
                for part in &mut parts {
                    out.extend_from_slice(part.next()?);
                }
            }
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        Some(self.range(at, operand)?.into_iter().collect())
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let bytes = got.iter().find(|bytes| !bytes.is_empty())?;
        Some(element(at.out.dtype, bytes)? != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ops::{
            testing::{
                activation, bad_attribute, blank, blank_constant, constant, infer, refused, run,
            },
            Op,
        },
        DType, Operand, Shape,
    };

    fn concat(axis: u8) -> Op {
        Op::Concat(Concat { axis })
    }

    #[test]
    fn a_constant_is_repeated_for_every_sample() {
        let x = || activation(DType::I8, &[2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
        let row = constant(DType::I8, &[1, 2], &[-1, -2]);
        assert_eq!(
            run(concat(0), &[row, x()], 2),
            [-1, -2, 1, 2, 3, 4, -1, -2, 5, 6, 7, 8]
        );
        let column = constant(DType::I8, &[2, 1], &[-1, -2]);
        assert_eq!(
            run(concat(1), &[x(), column], 2),
            [1, 2, -1, 3, 4, -2, 5, 6, -1, 7, 8, -2]
        );
    }

    #[test]
    fn sixteen_operands_each_in_its_turn() {
        let operands: Vec<_> = (0..16)
            .map(|i| match i % 3 {
                0 => constant(DType::I16, &[2, 1], &[i, -i]),
                _ => activation(DType::I16, &[2, 1], &[i, -i]),
            })
            .collect();
        let expected: Vec<i32> = (0..16).chain((0..16).map(|i: i32| -i)).collect();
        assert_eq!(run(concat(1), &operands, 1), expected);
    }

    #[test]
    fn operands_that_do_not_join_are_refused() {
        let x = || blank(DType::I8, &[2, 3]);
        assert!(matches!(
            refused(concat(0), &[x()]),
            Invalid::OperandCount {
                expected: 2,
                found: 1,
                ..
            }
        ));
        assert_eq!(bad_attribute(concat(2), &[x(), x()]), "axis");
        assert!(matches!(
            refused(concat(0), &[x(), blank(DType::I16, &[2, 3])]),
            Invalid::OperandType { operand: 1, .. }
        ));
        for axes in [&[2u32, 4][..], &[3], &[1, 2, 3]] {
            assert!(matches!(
                refused(concat(0), &[x(), blank(DType::I8, axes)]),
                Invalid::OperandShape { operand: 1, .. }
            ));
        }
        let fixed = || blank_constant(DType::I8, &[2, 3]);
        assert!(matches!(
            refused(concat(0), &[fixed(), fixed()]),
            Invalid::NotActivation { operand: 0, .. }
        ));
        let long = || blank_constant(DType::I8, &[1 << 24]);
        assert!(matches!(
            refused(concat(0), &[long(), blank(DType::I8, &[1])]),
            Invalid::Axis {
                value: Operand::Node(0),
                ..
            }
        ));
    }

    #[test]
    fn one_op_an_element_of_the_output() {
        let (ty, cost) = infer(
            concat(1),
            &[blank(DType::I16, &[2, 3]), blank(DType::I16, &[2, 4])],
        )
        .unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I16, Shape::from([2, 7])));
        assert_eq!(cost.ops, 14);
    }
}
