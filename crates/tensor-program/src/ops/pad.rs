use super::{
    coordinates, flat_index,
    view::{elements_or_most, strides},
    Args, Inferred, Operator, Position, Scope,
};
use crate::{
    arith::{element, push},
    program::decode_list,
    validate::Invalid,
    Shape, TensorType, MAX_RANK,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode, Input};
use core::ops::Range;
use scale_info::TypeInfo;

/// A constant value around the operand.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T; axis i becomes `before[i] + after[i]` longer.
/// - *Formula*: index j of axis i is index `j − before[i]` of x's; `value` where one
///   is outside.
/// - *Bounds*: `value` a value of T; one entry of `before` and `after` for each axis.
/// - *Judge*: `x` one element, or nothing in the padding.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Pad`, mode `constant`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TypeInfo)]
pub struct Pad {
    /// Indices added in front of each axis.
    pub before: Vec<u32>,
    /// Indices added behind each axis.
    pub after: Vec<u32>,
    /// What stands there.
    pub value: i32,
}

impl Decode for Pad {
    fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
        Ok(Pad {
            before: decode_list(input, MAX_RANK)?,
            after: decode_list(input, MAX_RANK)?,
            value: Decode::decode(input)?,
        })
    }
}

/// One axis: padding in front, x's length and padding behind, and how many bytes of
/// x and of the output lie below one index.
struct Axis {
    before: usize,
    inside: usize,
    after: usize,
    x_bytes: usize,
    out_bytes: usize,
}

impl Pad {
    /// The index within its sample of the element of `x` that stands at `element` of
    /// the output; `Some(None)` in the padding.
    fn source(&self, x: &Shape, out: &Shape, element: u64) -> Option<Option<u64>> {
        let mut at = coordinates(out, element)?;
        for ((c, before), axis) in at.iter_mut().zip(&self.before).zip(&x.0) {
            match c.checked_sub(u64::from(*before)) {
                Some(inside) if inside < u64::from(*axis) => *c = inside,
                _ => return Some(None),
            }
        }
        flat_index(x, &at).map(Some)
    }

    fn axes(&self, x: &TensorType, out: &TensorType) -> Option<Vec<Axis>> {
        let width = x.dtype.width();
        let size = |elements: u64| usize::try_from(elements.checked_mul(width)?).ok();
        let (below_x, below_out) = (strides(&x.shape)?, strides(&out.shape)?);
        let pads = self.before.iter().zip(&self.after).zip(&x.shape.0);
        pads.zip(below_x.iter().zip(&below_out))
            .map(|(((before, after), inside), (x_elements, out_elements))| {
                Some(Axis {
                    before: usize::try_from(*before).ok()?,
                    inside: usize::try_from(*inside).ok()?,
                    after: usize::try_from(*after).ok()?,
                    x_bytes: size(*x_elements)?,
                    out_bytes: size(*out_elements)?,
                })
            })
            .collect()
    }
}

/// Appends `x`, padded by repetitions of `value` on these axes.
fn pad(x: &[u8], axes: &[Axis], value: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let Some((axis, rest)) = axes.split_first() else {
        out.extend_from_slice(x);
        return Some(());
    };
    let fill = |indices: usize, out: &mut Vec<u8>| {
        let bytes = indices.checked_mul(axis.out_bytes)?;
        out.extend(value.iter().cycle().take(bytes));
        Some(())
    };
    fill(axis.before, out)?;
    match rest {
        [] => out.extend_from_slice(x.get(..axis.inside.checked_mul(axis.x_bytes)?)?),
        rest => {
            for below in x.chunks_exact(axis.x_bytes).take(axis.inside) {
                pad(below, rest, value, out)?;
            }
        }
    }
    fill(axis.after, out)
}

impl Operator for Pad {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let x = scope.activation(0)?;
        let rank = x.shape.0.len();
        scope.attribute(self.before.len() == rank, "before")?;
        scope.attribute(self.after.len() == rank, "after")?;
        scope.attribute(x.dtype.holds(self.value), "value")?;
        // An axis that does not fit 32 bits is too long as well.
        let axes = x.shape.0.iter().zip(self.before.iter().zip(&self.after));
        let axes = axes
            .map(|(axis, (before, after))| axis.saturating_add(*before).saturating_add(*after))
            .collect();
        let ty = TensorType {
            dtype: x.dtype,
            shape: Shape(axes),
        };
        Ok(Inferred {
            macs: 0,
            ops: elements_or_most(&ty.shape),
            ty,
            touches: vec![(0, 1)],
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        let axes = self.axes(x.ty, args.out)?;
        let mut value = Vec::new();
        push(x.ty.dtype, self.value, &mut value);
        for sample in 0..args.batch {
            pad(x.sample(sample)?, &axes, &value, out)?;
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, _: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        let (sample, element) = at.sample()?;
        match self.source(&at.ty(0)?.shape, &at.out.shape, element)? {
            None => Some(Vec::new()),
            Some(index) => Some(vec![at.sample_range(0, sample, index)?]),
        }
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let bytes = got.first()?;
        let value = match bytes.is_empty() {
            true => self.value,
            false => element(at.out.dtype, bytes)?,
        };
        Some(value != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ops::{
            testing::{activation, bad_attribute, blank, infer, noise, refused, run},
            Op,
        },
        DType, Operand,
    };

    fn op(before: &[u32], after: &[u32], value: i32) -> Op {
        Op::Pad(Pad {
            before: before.to_vec(),
            after: after.to_vec(),
            value,
        })
    }

    #[test]
    fn each_border_of_each_sample() {
        let x = || activation(DType::I8, &[1, 2], &[1, 2, 3, 4]);
        assert_eq!(
            run(op(&[1, 0], &[0, 0], 9), &[x()], 2),
            [9, 9, 1, 2, 9, 9, 3, 4]
        );
        assert_eq!(
            run(op(&[0, 0], &[1, 0], 9), &[x()], 2),
            [1, 2, 9, 9, 3, 4, 9, 9]
        );
        assert_eq!(run(op(&[0, 1], &[0, 0], 9), &[x()], 2), [9, 1, 2, 9, 3, 4]);
        assert_eq!(run(op(&[0, 0], &[0, 1], 9), &[x()], 2), [1, 2, 9, 3, 4, 9]);
        assert_eq!(run(op(&[0, 0], &[0, 0], 9), &[x()], 2), [1, 2, 3, 4]);
        let x = activation(DType::I16, &[], &[-5]);
        assert_eq!(run(op(&[], &[], 9), &[x], 1), [-5]);
    }

    #[test]
    fn three_axes_agree_with_the_formula() {
        let x = noise(DType::I16, 2 * 24, 6);
        let (before, after) = ([2u32, 0, 3], [1u32, 2, 0]);
        let mut expected = vec![];
        for sample in 0..2 {
            for a in 0..5i64 {
                for b in 0..5i64 {
                    for c in 0..7i64 {
                        let (a, b, c) = (a - 2, b, c - 3);
                        let inside = (0..2).contains(&a) && b < 3 && (0..4).contains(&c);
                        expected.push(match inside {
                            true => x[sample * 24 + ((a * 3 + b) * 4 + c) as usize],
                            false => -300,
                        });
                    }
                }
            }
        }
        let x = activation(DType::I16, &[2, 3, 4], &x);
        assert_eq!(run(op(&before, &after, -300), &[x], 2), expected);
    }

    #[test]
    fn entries_and_value_must_fit() {
        let x = || blank(DType::I8, &[2, 2]);
        assert_eq!(bad_attribute(op(&[0], &[0, 0], 0), &[x()]), "before");
        assert_eq!(bad_attribute(op(&[0, 0], &[0, 0, 0], 0), &[x()]), "after");
        assert_eq!(bad_attribute(op(&[0, 0], &[0, 0], 128), &[x()]), "value");
        for (before, after) in [
            ([1 << 24, 0], [0, 0]),
            ([0, 0], [0, u32::MAX]),
            ([u32::MAX, u32::MAX], [u32::MAX, u32::MAX]),
        ] {
            assert!(matches!(
                refused(op(&before, &after, 0), &[x()]),
                Invalid::Axis {
                    value: Operand::Node(0),
                    ..
                }
            ));
        }
        let far = refused(
            op(&[u32::MAX; 4], &[u32::MAX; 4], 0),
            &[blank(DType::I8, &[1; 4])],
        );
        assert!(matches!(far, Invalid::Axis { .. }));
    }

    #[test]
    fn one_op_an_element_of_the_output() {
        let (ty, cost) = infer(op(&[1], &[2], 0), &[blank(DType::I32, &[5])]).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I32, Shape::from([8])));
        assert_eq!((cost.ops, cost.bytes), (8, 20 + 2 * 32));
    }

    #[test]
    fn long_lists_do_not_decode() {
        let long = Pad {
            before: vec![0; 7],
            after: vec![],
            value: 0,
        };
        assert!(Pad::decode(&mut long.encode().as_slice()).is_err());
        let short = Pad {
            before: vec![0; 6],
            ..long
        };
        assert_eq!(Pad::decode(&mut short.encode().as_slice()), Ok(short));
    }
}
