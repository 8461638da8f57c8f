use super::{broadcast, Args, Inferred, Operator, Position, Scope};
use crate::{arith::round_shift, validate::Invalid, DType, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Weighted sum of two operands on one shift: also subtraction and negation.
///
/// - *Operands*: `a` and `b`, each i8, i16 or i32; activations or constants, not both
///   constants. See *Broadcast* in [`ops`](crate::ops).
/// - *Output*: `out`, the broadcast shape.
/// - *Formula*: `clip((((a − za)·ma + (b − zb)·mb + r) >> s) + z, lo, hi)` with
///   `r = 0` if `s = 0`, else `2^(s−1)`.
/// - *Bounds*: `ma` and `mb` within ±2^30; `za` a value of a's type, 0 if that is
///   i32, `zb` likewise; so the sum stays below 2·2^61 + 2^61 < 2^63.
/// - *Judge*: one element of each.
/// - *Cost*: 2 ops an element.
/// - *Source*: gemmlowp and TFLite `ADD` with one common shift; ONNX `QLinearAdd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Add {
    /// Zero point of `a`.
    pub za: i32,
    /// Zero point of `b`.
    pub zb: i32,
    /// Multiplier of `a`.
    pub ma: i32,
    /// Multiplier of `b`.
    pub mb: i32,
    /// Right shift, at most 62.
    pub s: u8,
    /// Zero point of the output, a value of `out`.
    pub z: i32,
    /// Smallest output, a value of `out`.
    pub lo: i32,
    /// Largest output, a value of `out`, not below `lo`.
    pub hi: i32,
    /// Element type of the output.
    pub out: DType,
}

/// Largest magnitude of a multiplier.
const MAX_MULTIPLIER: i32 = 1 << 30;

impl Add {
    fn value(&self, [a, b]: [i32; 2]) -> i32 {
        let scaled = |x: i32, zero: i32, m: i32| {
            i64::from(x)
                .wrapping_sub(i64::from(zero))
                .wrapping_mul(i64::from(m))
        };
        let sum = scaled(a, self.za, self.ma).wrapping_add(scaled(b, self.zb, self.mb));
        round_shift(sum, self.s)
            .wrapping_add(i64::from(self.z))
            .clamp(i64::from(self.lo), i64::from(self.hi)) as i32
    }
}

impl Operator for Add {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(2)?;
        for (operand, zero, m, names) in [
            (0, self.za, self.ma, ["za", "ma"]),
            (1, self.zb, self.mb, ["zb", "mb"]),
        ] {
            let [zero_name, m_name] = names;
            let (ty, _) = scope.value(operand)?;
            let valid = match ty.dtype {
                DType::I32 => zero == 0,
                dtype => dtype.holds(zero),
            };
            scope.attribute(valid, zero_name)?;
            let bound = (MAX_MULTIPLIER.wrapping_neg())..=MAX_MULTIPLIER;
            scope.attribute(bound.contains(&m), m_name)?;
        }
        scope.attribute(self.s <= 62, "s")?;
        scope.output_range(self.out, self.z, self.lo, self.hi)?;
        let shape = broadcast::shape(scope)?;
        Ok(Inferred {
            ops: shape
                .elements()
                .and_then(|elements| elements.checked_mul(2))
                .ok_or(Invalid::CostOverflow)?,
            ty: TensorType {
                dtype: self.out,
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
        testing::{activation, bad_attribute, blank, blank_constant, constant, refused, run},
        Op,
    };

    const SUM: Add = Add {
        za: 0,
        zb: 0,
        ma: 1,
        mb: 1,
        s: 0,
        z: 0,
        lo: i32::MIN,
        hi: i32::MAX,
        out: DType::I32,
    };

    #[test]
    fn a_negative_multiplier_subtracts_and_halves_round_up() {
        let a = activation(DType::I8, &[4], &[1, 2, -3, 127]);
        let b = activation(DType::I16, &[4], &[0, -1, 0, -32_768]);
        let op = Add {
            mb: -1,
            s: 1,
            ..SUM
        };
        // 0.5, 1.5, −1.5 and 16,447.5.
        assert_eq!(run(Op::Add(op), &[a, b], 1), [1, 2, -1, 16_448]);
    }

    #[test]
    fn operands_broadcast_and_a_constant_repeats_for_every_sample() {
        let a = activation(DType::I8, &[2, 1], &[10, 20, 30, 40]);
        let b = constant(DType::I32, &[3], &[1, 2, 3]);
        let found = run(Op::Add(SUM), &[b, a], 2);
        assert_eq!(found, [11, 12, 13, 21, 22, 23, 31, 32, 33, 41, 42, 43]);
    }

    #[test]
    fn the_largest_sum_does_not_overflow() {
        let extremes = || activation(DType::I32, &[2], &[i32::MIN, i32::MAX]);
        let op = Add {
            ma: 1 << 30,
            mb: 1 << 30,
            s: 62,
            ..SUM
        };
        assert_eq!(run(Op::Add(op), &[extremes(), extremes()], 1), [-1, 1]);
        let op = Add { s: 31, ..op };
        let found = run(Op::Add(op), &[extremes(), extremes()], 1);
        assert_eq!(found, [i32::MIN, i32::MAX]);
    }

    #[test]
    fn attributes_outside_their_range_are_refused() {
        let pair = || [blank(DType::I32, &[2]), blank(DType::I8, &[2])];
        let bad = |op: Add| bad_attribute(Op::Add(op), &pair());
        assert_eq!(bad(Add { za: 1, ..SUM }), "za");
        assert_eq!(bad(Add { zb: 128, ..SUM }), "zb");
        assert_eq!(
            bad(Add {
                ma: (1 << 30) + 1,
                ..SUM
            }),
            "ma"
        );
        assert_eq!(
            bad(Add {
                mb: -(1 << 30) - 1,
                ..SUM
            }),
            "mb"
        );
        assert_eq!(bad(Add { s: 63, ..SUM }), "s");
        assert_eq!(
            bad(Add {
                lo: 1,
                hi: 0,
                ..SUM
            }),
            "lo"
        );
        let narrow = Add {
            out: DType::I8,
            ..SUM
        };
        assert_eq!(bad(Add { z: 128, ..narrow }), "z");
        assert_eq!(bad(narrow), "lo");
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_refused() {
        let x = |axes: &[u32]| blank(DType::I8, axes);
        let c = |axes: &[u32]| blank_constant(DType::I8, axes);
        let code = |operands: &[_]| refused(Op::Add(SUM), operands).code();
        assert_eq!(code(&[x(&[2]), x(&[3])]), 23);
        assert_eq!(code(&[x(&[2, 3]), x(&[3])]), 23);
        assert_eq!(code(&[x(&[3]), c(&[1, 3])]), 23);
        assert_eq!(code(&[c(&[3]), c(&[3])]), 19);
        assert_eq!(code(&[x(&[3])]), 17);
    }
}
