use super::{Args, Inferred, Operator, Position, Scope};
use crate::{
    arith::{element, push},
    judge::Refused,
    validate::Invalid,
    DType, Shape, TensorType,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Index of the largest element of each row, the lowest if several are equal.
///
/// - *Operands*: `x[…,n]` of any type, an activation.
/// - *Output*: i32 `[…]`, the last axis dropped.
/// - *Formula*: the least i with `x[i] ≥ x[j]` for all j.
/// - *Judge*: by counterexample. A claimed index outside 0..n is wrong by itself,
///   without witness and without reading `x`. Otherwise a witness w < n convicts if
///   `x[w] > x[claimed]`, or they are equal and w < claimed; `x` two elements.
/// - *Cost*: 1 op an element of `x`.
/// - *Source*: ONNX `ArgMax` with `select_last_index = 0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ArgMax;

/// The claimed index and the row's length, if the index lies inside.
fn claimed_inside(at: &Position<'_>) -> Option<(Option<u64>, u64)> {
    let n = u64::from(at.ty(0)?.shape.last()?);
    Some((u64::try_from(at.claimed).ok().filter(|index| *index < n), n))
}

impl Operator for ArgMax {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let (x, _) = scope.rows(0)?;
        let mut axes = x.shape.0.clone();
        axes.pop();
        Ok(Inferred {
            ty: TensorType {
                dtype: DType::I32,
                shape: Shape(axes),
            },
            macs: 0,
            ops: scope.elements(x)?,
            touches: vec![(0, 1), (0, 1)],
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        let dtype = x.ty.dtype;
        let width = usize::try_from(dtype.width()).ok()?;
        let n = usize::try_from(x.ty.shape.last()?).ok()?;
        for row in x.bytes.chunks_exact(n.checked_mul(width)?) {
            let mut best = (0i32, None);
            for (index, bytes) in row.chunks_exact(width).enumerate() {
                let value = element(dtype, bytes)?;
                if best.1.is_none_or(|most| value > most) {
                    best = (i32::try_from(index).ok()?, Some(value));
                }
            }
            push(DType::I32, best.0, out);
        }
        Some(())
    }

    fn check_witness(&self, at: &Position<'_>) -> Result<(), Refused> {
        let (inside, n) = claimed_inside(at).ok_or(Refused::Internal)?;
        match (inside, at.witness) {
            (None, None) => Ok(()),
            (Some(_), Some(witness)) if witness < n => Ok(()),
            _ => Err(Refused::Witness),
        }
    }

    fn charges(&self, at: &Position<'_>, ours: &[u8]) -> Option<Vec<(u64, Option<u64>)>> {
        let witness = match claimed_inside(at)?.0 {
            Some(_) => Some(u64::try_from(element(DType::I32, ours)?).ok()?),
            None => None,
        };
        Some(vec![(at.element, witness)])
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        let (inside, n) = claimed_inside(at)?;
        let first = at.element.checked_mul(n)?;
        inside
            .into_iter()
            .chain(at.witness)
            .map(|index| at.element_range(operand, first.checked_add(index)?))
            .collect()
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let (Some(claimed), _) = claimed_inside(at)? else {
            return Some(true);
        };
        let witness = at.witness?;
        let dtype = at.ty(0)?.dtype;
        let mut values = got
            .first()?
            .chunks_exact(usize::try_from(dtype.width()).ok()?);
        let (ours, theirs) = (
            element(dtype, values.next()?)?,
            element(dtype, values.next()?)?,
        );
        Some(theirs > ours || (theirs == ours && witness < claimed))
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
        Operand, MAX_AXIS,
    };

    #[test]
    fn the_lowest_index_of_equal_elements() {
        let x = activation(DType::I8, &[3, 3], &[5, 5, 5, -128, -128, 127, 0, 9, 9]);
        assert_eq!(run(Op::ArgMax(ArgMax), &[x], 1), [0, 2, 1]);
    }

    #[test]
    fn rows_of_every_type_and_sample() {
        for dtype in [DType::I8, DType::I16, DType::I32] {
            let x = noise(dtype, 2 * 3 * 700, 13);
            let expected: Vec<i32> = x
                .chunks(700)
                .map(|row| {
                    let most = row.iter().max().unwrap();
                    row.iter().position(|x| x == most).unwrap() as i32
                })
                .collect();
            let x = activation(dtype, &[3, 700], &x);
            assert_eq!(run(Op::ArgMax(ArgMax), &[x], 2), expected);
        }
    }

    #[test]
    fn the_longest_row_is_judged_by_two_elements() {
        let n = MAX_AXIS as usize;
        let mut x = vec![-3; n];
        x[n - 1] = 4;
        let x = activation(DType::I8, &[MAX_AXIS], &x);
        assert_eq!(run(Op::ArgMax(ArgMax), &[x], 1), [MAX_AXIS as i32 - 1]);
        assert!(matches!(
            refused(Op::ArgMax(ArgMax), &[blank(DType::I8, &[MAX_AXIS + 1])]),
            Invalid::Axis {
                value: Operand::Input(0),
                ..
            }
        ));
    }

    #[test]
    fn one_op_an_element() {
        let (ty, cost) = infer(Op::ArgMax(ArgMax), &[blank(DType::I32, &[4, 5])]).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I32, Shape::from([4])));
        assert_eq!(cost.ops, 20);
    }
}
