use super::{view::elements_or_most, Args, Inferred, Operator, Position, Scope};
use crate::{arith::element, validate::Invalid, DType, Shape, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Rows of a table.
///
/// - *Operands*: `table`, constant `[V,d…]` i8 or i16; `idx[s…]` of any type, an
///   activation.
/// - *Output*: the table's type, `[s…,d…]`.
/// - *Formula*: row `clip(idx, 0, V − 1)` of the table: no index is invalid.
/// - *Judge*: `idx` one element, then `table` one element, which follows from it.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Gather` on axis 0 of a constant, indices clipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Gather;

/// Rows of the table, and the elements of one.
fn table_size(table: &Shape) -> Option<(u64, u64)> {
    let (rows, below) = table.0.split_first()?;
    let row = below
        .iter()
        .try_fold(1u64, |n, axis| n.checked_mul(u64::from(*axis)))?;
    Some((u64::from(*rows), row))
}

/// The row that an index names.
fn clipped(idx: i32, rows: u64) -> u64 {
    u64::try_from(idx).unwrap_or(0).min(rows.saturating_sub(1))
}

impl Operator for Gather {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(2)?;
        let (table, idx) = (scope.constant(0)?, scope.activation(1)?);
        if table.dtype == DType::I32 {
            return Err(scope.bad_type(0, table));
        }
        let (_, below) = table
            .shape
            .0
            .split_first()
            .ok_or_else(|| scope.bad_shape(0))?;
        let mut axes = idx.shape.0.clone();
        axes.extend_from_slice(below);
        let ty = TensorType {
            dtype: table.dtype,
            shape: Shape(axes),
        };
        Ok(Inferred {
            macs: 0,
            ops: elements_or_most(&ty.shape),
            ty,
            touches: vec![(0, 1), (1, 1)],
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (table, idx) = (args.first()?, args.get(1)?);
        let (rows, row) = table_size(&table.ty.shape)?;
        let row = usize::try_from(row.checked_mul(table.ty.dtype.width())?).ok()?;
        let width = usize::try_from(idx.ty.dtype.width()).ok()?;
        for bytes in idx.bytes.chunks_exact(width) {
            let at = clipped(element(idx.ty.dtype, bytes)?, rows);
            let start = usize::try_from(at).ok()?.checked_mul(row)?;
            out.extend_from_slice(table.bytes.get(start..start.checked_add(row)?)?);
        }
        Some(())
    }

    fn order(&self, _: usize) -> Vec<usize> {
        vec![1, 0]
    }

    fn ranges(
        &self,
        at: &Position<'_>,
        operand: usize,
        got: &[Vec<u8>],
    ) -> Option<Vec<Range<u64>>> {
        let (rows, row) = table_size(&at.ty(0)?.shape)?;
        let (index, below) = (at.element.checked_div(row)?, at.element.checked_rem(row)?);
        let range = match operand {
            1 => at.element_range(1, index)?,
            _ => {
                let idx = element(at.ty(1)?.dtype, got.get(1)?)?;
                let start = clipped(idx, rows).checked_mul(row)?;
                at.element_range(0, start.checked_add(below)?)?
            }
        };
        Some(vec![range])
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
            testing::{activation, blank, blank_constant, constant, infer, noise, refused, run},
            Op,
        },
        Operand,
    };

    #[test]
    fn an_index_out_of_range_takes_the_nearest_row() {
        let table = || constant(DType::I8, &[3, 2], &[1, 2, 3, 4, 5, 6]);
        let idx = activation(DType::I32, &[5], &[i32::MIN, -1, 1, 3, i32::MAX]);
        assert_eq!(
            run(Op::Gather(Gather), &[table(), idx], 1),
            [1, 2, 1, 2, 3, 4, 5, 6, 5, 6]
        );
        let idx = activation(DType::I8, &[], &[-128, 127]);
        assert_eq!(run(Op::Gather(Gather), &[table(), idx], 2), [1, 2, 5, 6]);
    }

    #[test]
    fn rows_longer_than_a_chunk_and_of_one_element() {
        let table = noise(DType::I16, 7 * 600, 4);
        let idx = [6, 0, 3, 3];
        let expected: Vec<i32> = idx
            .iter()
            .flat_map(|i| table[*i as usize * 600..][..600].to_vec())
            .collect();
        let wide = constant(DType::I16, &[7, 20, 30], &table);
        let given = activation(DType::I16, &[2, 1], &idx);
        assert_eq!(run(Op::Gather(Gather), &[wide, given], 2), expected);
        let flat = constant(DType::I16, &[4_200], &table);
        let given = activation(DType::I16, &[2], &[4_199, 1]);
        assert_eq!(
            run(Op::Gather(Gather), &[flat, given], 1),
            [table[4_199], table[1]]
        );
    }

    #[test]
    fn table_and_indices_of_other_kinds_are_refused() {
        let idx = || blank(DType::I32, &[2]);
        let refuse = |table, idx| refused(Op::Gather(Gather), &[table, idx]);
        assert!(matches!(
            refuse(blank_constant(DType::I32, &[3, 2]), idx()),
            Invalid::OperandType { operand: 0, .. }
        ));
        assert!(matches!(
            refuse(blank_constant(DType::I8, &[]), idx()),
            Invalid::OperandShape { operand: 0, .. }
        ));
        assert!(matches!(
            refuse(blank(DType::I8, &[3, 2]), idx()),
            Invalid::NotConstant { operand: 0, .. }
        ));
        assert!(matches!(
            refuse(
                blank_constant(DType::I8, &[3, 2]),
                blank_constant(DType::I8, &[2])
            ),
            Invalid::NotActivation { operand: 1, .. }
        ));
        assert!(matches!(
            refuse(
                blank_constant(DType::I8, &[3, 2, 2]),
                blank(DType::I8, &[2, 2, 2, 2])
            ),
            Invalid::Rank {
                value: Operand::Node(0)
            }
        ));
    }

    #[test]
    fn the_whole_table_counts_as_read() {
        let (ty, cost) = infer(
            Op::Gather(Gather),
            &[blank_constant(DType::I16, &[10, 4]), blank(DType::I8, &[3])],
        )
        .unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I16, Shape::from([3, 4])));
        assert_eq!((cost.ops, cost.bytes), (12, 80 + 3 + 2 * 24));
    }
}
