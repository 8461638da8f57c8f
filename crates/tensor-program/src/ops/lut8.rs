use super::{Arg, Args, Inferred, Operator, Position, Scope};
use crate::{arith::element, validate::Invalid, DType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Entries of a table over one 8-bit value.
pub(crate) const TABLE: u32 = 256;

/// Any function of one 8-bit value.
///
/// - *Operands*: `x` i8, an activation; `table`, constant `T[256]`.
/// - *Output*: T, the shape of `x`.
/// - *Formula*: `table[x + 128]`. Every table is valid.
/// - *Judge*: `x` one element; `table` the one entry.
/// - *Cost*: 1 op an element.
/// - *Source*: TFLite's 8-bit activation tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Lut8;

/// The bytes of `table[value + 128]`.
pub(crate) fn table_entry<'a>(table: &Arg<'a>, value: i32) -> Option<&'a [u8]> {
    let width = usize::try_from(table.ty.dtype.width()).ok()?;
    let start = usize::try_from(value.checked_add(128)?)
        .ok()?
        .checked_mul(width)?;
    table.bytes.get(start..start.checked_add(width)?)
}

impl Operator for Lut8 {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(2)?;
        let x = scope.activation(0)?;
        if x.dtype != DType::I8 {
            return Err(scope.bad_type(0, x));
        }
        let dtype = scope.constant(1)?.dtype;
        scope.constant_of(1, dtype, &[TABLE])?;
        scope.elementwise(dtype, 1)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (x, table) = (args.first()?, args.get(1)?);
        for byte in x.bytes {
            out.extend_from_slice(table_entry(table, i32::from(*byte as i8))?);
        }
        Some(())
    }

    fn ranges(
        &self,
        at: &Position<'_>,
        operand: usize,
        got: &[Vec<u8>],
    ) -> Option<Vec<Range<u64>>> {
        let index = match operand {
            0 => at.element,
            _ => {
                let x = i64::from(element(DType::I8, got.first()?)?);
                u64::try_from(x.checked_add(128)?).ok()?
            }
        };
        Some(vec![at.element_range(operand, index)?])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        Some(element(at.out.dtype, got.get(1)?)? != at.claimed)
    }
}
