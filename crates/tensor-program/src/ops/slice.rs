use super::{
    view::{strides, View},
    Args, Inferred, Operator, Position, Scope,
};
use crate::{arith::element, validate::Invalid, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Every `step`-th index of a part of one axis.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T; the axis becomes `len` long.
/// - *Formula*: index i of the axis is index `start + i·step` of x's.
/// - *Bounds*: `len ≥ 1`, `step ≥ 1`, `start + (len − 1)·step` inside the axis.
/// - *Judge*: `x` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Slice` with a positive step; `Split`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Slice {
    /// The axis, without the batch axis.
    pub axis: u8,
    /// First index.
    pub start: u32,
    /// Number of indices.
    pub len: u32,
    /// Distance of indices.
    pub step: u32,
}

impl Slice {
    fn view(&self, x: &TensorType) -> Option<View> {
        let mut strides = strides(&x.shape)?;
        let stride = strides.get_mut(usize::from(self.axis))?;
        let base = stride.checked_mul(u64::from(self.start))?;
        *stride = stride.checked_mul(u64::from(self.step))?;
        Some(View { base, strides })
    }
}

impl Operator for Slice {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let x = scope.activation(0)?;
        let mut shape = x.shape.clone();
        let axis = shape
            .0
            .get_mut(usize::from(self.axis))
            .ok_or(Invalid::Attribute {
                node: scope.node,
                attribute: "axis",
            })?;
        scope.attribute(self.step > 0, "step")?;
        scope.attribute(self.len > 0, "len")?;
        let last = u64::from(self.len)
            .saturating_sub(1)
            .saturating_mul(u64::from(self.step))
            .saturating_add(u64::from(self.start));
        scope.attribute(last < u64::from(*axis), "start")?;
        *axis = self.len;
        let ty = TensorType {
            dtype: x.dtype,
            shape,
        };
        Ok(Inferred {
            macs: 0,
            ops: scope.elements(&ty)?,
            ty,
            touches: vec![(0, 1)],
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        self.view(args.first()?.ty)?.run(args, out)
    }

    fn ranges(&self, at: &Position<'_>, _: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        self.view(at.ty(0)?)?.ranges(at)
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        Some(element(at.out.dtype, got.first()?)? != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ops::{
            testing::{activation, bad_attribute, blank, infer, run},
            Op,
        },
        DType, Shape,
    };

    fn slice(axis: u8, start: u32, len: u32, step: u32) -> Op {
        Op::Slice(Slice {
            axis,
            start,
            len,
            step,
        })
    }

    #[test]
    fn every_axis_of_every_sample() {
        let x: Vec<i32> = (0..24).collect();
        let x = || activation(DType::I8, &[3, 4], &x);
        assert_eq!(
            run(slice(0, 2, 1, 1), &[x()], 2),
            [8, 9, 10, 11, 20, 21, 22, 23]
        );
        assert_eq!(
            run(slice(1, 1, 2, 2), &[x()], 2),
            [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23]
        );
        assert_eq!(
            run(slice(0, 0, 2, 2), &[x()], 2),
            [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23]
        );
    }

    #[test]
    fn the_last_index_may_be_the_axis_last() {
        let x = |n| blank(DType::I8, &[n]);
        assert!(infer(slice(0, 3, 3, 3), &[x(10)]).is_ok());
        assert_eq!(bad_attribute(slice(0, 3, 3, 3), &[x(9)]), "start");
        assert_eq!(bad_attribute(slice(0, 10, 1, 1), &[x(10)]), "start");
        assert_eq!(bad_attribute(slice(0, 0, 1, 0), &[x(10)]), "step");
        assert_eq!(bad_attribute(slice(0, 0, 0, 1), &[x(10)]), "len");
        assert_eq!(bad_attribute(slice(1, 0, 1, 1), &[x(10)]), "axis");
        assert!(infer(slice(0, 9, 1, u32::MAX), &[x(10)]).is_ok());
        assert_eq!(
            bad_attribute(slice(0, u32::MAX, u32::MAX, u32::MAX), &[x(10)]),
            "start"
        );
    }

    #[test]
    fn one_op_an_element_of_the_output() {
        let (ty, cost) = infer(slice(0, 1, 2, 3), &[blank(DType::I32, &[5, 7])]).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I32, Shape::from([2, 7])));
        assert_eq!(cost.ops, 14);
    }
}
