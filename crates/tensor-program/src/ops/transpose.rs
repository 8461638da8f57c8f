use super::{
    view::{strides, View},
    Args, Inferred, Operator, Position, Scope,
};
use crate::{arith::element, program::decode_list, validate::Invalid, Shape, TensorType, MAX_RANK};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode, Input};
use core::ops::Range;
use scale_info::TypeInfo;

/// The axes in another order.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T; axis i of the output is axis `perm[i]` of `x`.
/// - *Formula*: `out[c₀, c₁, …] = x[d₀, d₁, …]` with `d[perm[i]] = cᵢ`.
/// - *Bounds*: `perm` holds each of 0..rank(x) once.
/// - *Judge*: `x` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Transpose`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TypeInfo)]
pub struct Transpose {
    /// A permutation of the axes, without the batch axis.
    pub perm: Vec<u8>,
}

impl Decode for Transpose {
    fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
        decode_list(input, MAX_RANK).map(|perm| Transpose { perm })
    }
}

impl Transpose {
    /// Each axis' entry in the output's order.
    fn permuted<T: Copy>(&self, axes: &[T]) -> Option<Vec<T>> {
        self.perm
            .iter()
            .map(|axis| axes.get(usize::from(*axis)).copied())
            .collect()
    }

    fn view(&self, x: &TensorType) -> Option<View> {
        Some(View {
            base: 0,
            strides: self.permuted(&strides(&x.shape)?)?,
        })
    }
}

impl Operator for Transpose {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let x = scope.activation(0)?;
        let mut sorted = self.perm.clone();
        sorted.sort_unstable();
        let is_permutation = sorted.len() == x.shape.0.len()
            && sorted
                .iter()
                .enumerate()
                .all(|(i, axis)| i == usize::from(*axis));
        scope.attribute(is_permutation, "perm")?;
        let axes = self
            .permuted(&x.shape.0)
            .ok_or_else(|| scope.bad_shape(0))?;
        Ok(Inferred {
            ty: TensorType {
                dtype: x.dtype,
                shape: Shape(axes),
            },
            macs: 0,
            ops: scope.elements(x)?,
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
            testing::{
                activation, bad_attribute, blank, blank_constant, infer, noise, refused, run,
            },
            Op,
        },
        DType,
    };

    fn transpose(perm: &[u8]) -> Op {
        Op::Transpose(Transpose {
            perm: perm.to_vec(),
        })
    }

    #[test]
    fn a_matrix_of_each_sample() {
        let x: Vec<i32> = (0..12).collect();
        let x = activation(DType::I32, &[2, 3], &x);
        assert_eq!(
            run(transpose(&[1, 0]), &[x], 2),
            [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]
        );
    }

    #[test]
    fn every_permutation_of_four_axes() {
        let axes = [2u32, 3, 4, 5];
        let x = noise(DType::I16, 2 * 120, 8);
        for code in 0..256usize {
            let perm = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6];
            let given = activation(DType::I16, &axes, &x);
            let op = transpose(&perm.map(|axis| axis as u8));
            if (0..4).any(|axis| !perm.contains(&axis)) {
                assert_eq!(bad_attribute(op, &[given]), "perm");
                continue;
            }
            let mut expected = vec![];
            let out = perm.map(|axis| axes[axis] as usize);
            for element in 0..240 {
                let (sample, mut rest) = (element / 120, element % 120);
                let mut from = [0; 4];
                for i in (0..4).rev() {
                    from[perm[i]] = rest % out[i];
                    rest /= out[i];
                }
                let [a, b, c, d] = from;
                expected.push(x[sample * 120 + ((a * 3 + b) * 4 + c) * 5 + d]);
            }
            assert_eq!(run(op, &[given], 2), expected);
        }
    }

    #[test]
    fn a_value_without_axes_and_a_constant() {
        let x = activation(DType::I8, &[], &[7, 8]);
        assert_eq!(run(transpose(&[]), &[x], 2), [7, 8]);
        assert!(matches!(
            refused(transpose(&[0]), &[blank_constant(DType::I8, &[3])]),
            Invalid::NotActivation { operand: 0, .. }
        ));
        for perm in [&[0u8][..], &[0, 0], &[1, 2], &[0, 1, 2]] {
            assert_eq!(
                bad_attribute(transpose(perm), &[blank(DType::I8, &[2, 2])]),
                "perm"
            );
        }
    }

    #[test]
    fn one_op_an_element() {
        let (ty, cost) = infer(transpose(&[2, 0, 1]), &[blank(DType::I16, &[2, 3, 4])]).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I16, Shape::from([4, 2, 3])));
        assert_eq!(cost.ops, 24);
    }
}
