//! What the operators that read a whole row share.

use super::{span, Position, Scope};
use crate::{arith::element, validate::Invalid, DType, TensorType};
use core::ops::Range;

/// Longest row, in elements: a row fits a proof, and sums of squares fit 64 bits.
const MAX_ROW: u32 = 16_384;

/// An activation i8 or i16 whose rows are short enough, and their length.
pub(crate) fn short_rows<'a>(
    scope: &Scope<'a>,
    operand: usize,
) -> Result<(&'a TensorType, u32), Invalid> {
    let (x, n) = scope.rows(operand)?;
    if x.dtype == DType::I32 {
        return Err(scope.bad_type(operand, x));
    }
    if n > MAX_ROW {
        return Err(Invalid::ReductionTooLong {
            node: scope.node,
            k: n,
        });
    }
    Ok((x, n))
}

/// Checks that an operand is a mask over rows of `n` elements.
pub(crate) fn check_mask(scope: &Scope<'_>, operand: usize, n: u32) -> Result<(), Invalid> {
    let mask = scope.activation(operand)?;
    if mask.dtype != DType::I8 {
        return Err(scope.bad_type(operand, mask));
    }
    if mask.shape.0 != [n] {
        return Err(scope.bad_shape(operand));
    }
    Ok(())
}

/// The elements of a row.
pub(crate) fn values(dtype: DType, row: &[u8]) -> impl Iterator<Item = i32> + Clone + '_ {
    // An element has 1, 2 or 4 bytes, so none is missing in a whole chunk.
    row.chunks_exact(dtype.width() as usize)
        .map(move |bytes| element(dtype, bytes).unwrap_or_default())
}

/// Bytes of a row of an operand.
pub(crate) fn row_bytes(ty: &TensorType) -> Option<u64> {
    u64::from(ty.shape.last()?).checked_mul(ty.dtype.width())
}

/// The range of a row of an operand, counted over all samples.
pub(crate) fn row_range(at: &Position<'_>, operand: usize, row: u64) -> Option<Range<u64>> {
    span(row, row_bytes(at.ty(operand)?)?)
}

/// The range of the mask of the element's sample.
pub(crate) fn mask_range(at: &Position<'_>, operand: usize) -> Option<Range<u64>> {
    row_range(at, operand, at.sample()?.0)
}
