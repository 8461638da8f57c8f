use super::{Args, Inferred, Operator, Position, Scope};
use crate::{
    arith::{element, push},
    validate::Invalid,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Clipping.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T, the shape of `x`.
/// - *Formula*: `clip(x, lo, hi)`; `lo ≤ hi`, both values of T.
/// - *Judge*: `x` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Clip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Clamp {
    /// Smallest output.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl Clamp {
    fn value(&self, x: i32) -> i32 {
        x.max(self.lo).min(self.hi)
    }
}

impl Operator for Clamp {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let dtype = scope.activation(0)?.dtype;
        scope.clip_range(dtype, self.lo, self.hi)?;
        scope.elementwise(dtype, 0)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        let dtype = x.ty.dtype;
        for bytes in x.bytes.chunks_exact(usize::try_from(dtype.width()).ok()?) {
            push(dtype, self.value(element(dtype, bytes)?), out);
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        Some(vec![at.element_range(operand, at.element)?])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        Some(self.value(element(at.out.dtype, got.first()?)?) != at.claimed)
    }
}
