use super::{broadcast, Args, Inferred, Operator, Position, Requant, Scope};
use crate::{validate::Invalid, DType, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Product of two operands, element by element.
///
/// - *Operands*: `a` and `b`, each i8 or i16; activations or constants, not both
///   constants. See *Broadcast* in [`ops`](crate::ops).
/// - *Output*: the requantisation's `out`, i8 or i16; the broadcast shape.
/// - *Formula*: `R((a − za)·(b − zb); m, s, z, lo, hi)`.
/// - *Bounds*: `za` and `zb` values of their operand's type, so the product stays
///   within 2^32.
/// - *Judge*: one element of each.
/// - *Cost*: 2 ops an element.
/// - *Source*: TFLite `MUL`; ONNX Runtime `QLinearMul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Mul {
    /// Zero point of `a`.
    pub za: i32,
    /// Zero point of `b`.
    pub zb: i32,
    /// What happens to the product.
    pub requant: Requant,
}

impl Mul {
    fn value(&self, [a, b]: [i32; 2]) -> i32 {
        let from = |x: i32, zero: i32| i64::from(x).wrapping_sub(i64::from(zero));
        self.requant
            .apply(from(a, self.za).wrapping_mul(from(b, self.zb)))
    }
}

impl Operator for Mul {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(2)?;
        for (operand, zero, name) in [(0, self.za, "za"), (1, self.zb, "zb")] {
            let (ty, _) = scope.value(operand)?;
            if ty.dtype == DType::I32 {
                return Err(scope.bad_type(operand, ty));
            }
            scope.attribute(ty.dtype.holds(zero), name)?;
        }
        self.requant.check(scope)?;
        let shape = broadcast::shape(scope)?;
        Ok(Inferred {
            ops: shape
                .elements()
                .and_then(|elements| elements.checked_mul(2))
                .ok_or(Invalid::CostOverflow)?,
            ty: TensorType {
                dtype: self.requant.out,
                shape,
            },
            macs: 0,
            touches: vec![(0, 1), (1, 1)],
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        broadcast::run(args, out, |values| self.value(values))
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        broadcast::range(at, operand)
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        Some(self.value(broadcast::opened(at, got)?) != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, bad_attribute, blank, refused, run},
        Op,
    };

    const PRODUCT: Mul = Mul {
        za: 0,
        zb: 0,
        requant: Requant {
            m: 1,
            s: 0,
            z: 0,
            lo: -32_768,
            hi: 32_767,
            out: DType::I16,
        },
    };

    #[test]
    fn a_product_is_requantised_once() {
        let a = activation(DType::I8, &[3], &[-128, 3, 127]);
        let b = activation(DType::I16, &[1], &[-32_768]);
        let requant = Requant {
            m: 1,
            s: 17,
            ..PRODUCT.requant
        };
        let op = Mul {
            za: 127,
            zb: 32_767,
            requant,
        };
        // 255·65,535, 124·65,535 and 0, each over 2^17.
        assert_eq!(run(Op::Mul(op), &[a, b], 1), [127, 62, 0]);
    }

    #[test]
    fn the_largest_product_does_not_overflow() {
        let a = || activation(DType::I16, &[2], &[-32_768, 32_767]);
        let requant = Requant {
            m: 65_535,
            ..PRODUCT.requant
        };
        let op = Mul {
            za: 32_767,
            zb: -32_768,
            requant,
        };
        assert_eq!(run(Op::Mul(op), &[a(), a()], 1), [0, 0]);
        let op = Mul { zb: 32_767, ..op };
        assert_eq!(run(Op::Mul(op), &[a(), a()], 1), [32_767, 0]);
    }

    #[test]
    fn wide_types_are_refused() {
        let narrow = || blank(DType::I8, &[2]);
        let wide = || blank(DType::I32, &[2]);
        let op = || Op::Mul(PRODUCT);
        assert_eq!(refused(op(), &[wide(), narrow()]).code(), 22);
        assert_eq!(refused(op(), &[narrow(), wide()]).code(), 22);
        let mut op = PRODUCT;
        op.requant.out = DType::I32;
        assert_eq!(bad_attribute(Op::Mul(op), &[narrow(), narrow()]), "out");
        let op = Mul {
            zb: -129,
            ..PRODUCT
        };
        assert_eq!(bad_attribute(Op::Mul(op), &[narrow(), narrow()]), "zb");
    }
}
