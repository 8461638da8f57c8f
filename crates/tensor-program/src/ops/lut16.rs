use super::{chunks_touched, Args, Inferred, Operator, Position, Scope};
use crate::{
    arith::{element, interpolate, push},
    validate::Invalid,
    DType,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Any function of one 16-bit value, by interpolation.
///
/// - *Operands*: `x` i16, an activation; `table`, constant `i16[513]`.
/// - *Output*: i16, the shape of `x`.
/// - *Formula*: with `u = x + 32,768`, `j = u >> 7`, `f = u & 127`:
///   `T[j] + ((f·(T[j+1] − T[j]) + 64) >> 7)`, which lies between `T[j]` and
///   `T[j+1]`. Every table is valid.
/// - *Judge*: `x` one element; `table` the two neighbours, 4 bytes.
/// - *Cost*: 4 ops an element.
/// - *Source*: TFLite's 513-entry 16-bit tables (gemmlowp's rounding kept, one
///   rounding, half towards +∞).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Lut16;

/// Entries of the table.
const ENTRIES: u32 = 513;

/// The first of the two neighbouring entries that `x` lies between, in bytes, and
/// both: 4 bytes.
fn neighbours(x: i32) -> Option<Range<u64>> {
    let first = u64::try_from(x.checked_add(32_768)?.checked_div(128)?)
        .ok()?
        .checked_mul(2)?;
    Some(first..first.checked_add(4)?)
}

fn value(x: i32, pair: &[u8]) -> Option<i32> {
    let (low, high) = pair.split_at_checked(2)?;
    let (low, high) = (element(DType::I16, low)?, element(DType::I16, high)?);
    Some(interpolate(low, high, x & 127))
}

impl Operator for Lut16 {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(2)?;
        let x = scope.activation(0)?;
        if x.dtype != DType::I16 {
            return Err(scope.bad_type(0, x));
        }
        scope.constant_of(1, DType::I16, &[ENTRIES])?;
        let inferred = scope.elementwise(DType::I16, 0)?;
        Ok(Inferred {
            ops: inferred.ops.checked_mul(4).ok_or(Invalid::CostOverflow)?,
            touches: vec![(0, 1), (1, chunks_touched(4))],
            ..inferred
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (x, table) = (args.first()?, args.get(1)?);
        for bytes in x.bytes.chunks_exact(2) {
            let x = element(DType::I16, bytes)?;
            let pair = neighbours(x)?;
            let pair = usize::try_from(pair.start).ok()?..usize::try_from(pair.end).ok()?;
            push(DType::I16, value(x, table.bytes.get(pair)?)?, out);
        }
        Some(())
    }

    fn ranges(
        &self,
        at: &Position<'_>,
        operand: usize,
        got: &[Vec<u8>],
    ) -> Option<Vec<Range<u64>>> {
        let range = match operand {
            0 => at.element_range(0, at.element)?,
            _ => neighbours(element(DType::I16, got.first()?)?)?,
        };
        Some(vec![range])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let x = element(DType::I16, got.first()?)?;
        Some(value(x, got.get(1)?)? != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, blank, blank_constant, constant, infer, noise, refused, run},
        Op,
    };

    #[test]
    fn a_table_is_interpolated_between_its_entries() {
        let entries: Vec<i32> = (0..513).map(|i| (i - 256) * 100).collect();
        let table = constant(DType::I16, &[513], &entries);
        let x = activation(DType::I16, &[5], &[-32_768, 0, 64, -1, 32_767]);
        let found = run(Op::Lut16(Lut16), &[x, table], 1);
        assert_eq!(found, [-25_600, 0, 50, -1, 25_599]);
    }

    #[test]
    fn any_table_is_valid() {
        let table = constant(DType::I16, &[513], &noise(DType::I16, 513, 3));
        let x = activation(DType::I16, &[300], &noise(DType::I16, 300, 4));
        run(Op::Lut16(Lut16), &[x, table], 1);
        let operands = [blank(DType::I16, &[3]), blank_constant(DType::I16, &[513])];
        assert_eq!(infer(Op::Lut16(Lut16), &operands).unwrap().1.ops, 12);
    }

    #[test]
    fn other_types_and_lengths_are_refused() {
        let code = |operands: &[_]| refused(Op::Lut16(Lut16), operands).code();
        let table = |dtype, entries| blank_constant(dtype, &[entries]);
        let x = || blank(DType::I16, &[3]);
        assert_eq!(code(&[blank(DType::I8, &[3]), table(DType::I16, 513)]), 22);
        assert_eq!(code(&[x(), table(DType::I8, 513)]), 22);
        assert_eq!(code(&[x(), table(DType::I16, 512)]), 23);
        assert_eq!(code(&[x(), blank(DType::I16, &[513])]), 20);
    }
}
