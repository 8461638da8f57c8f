use super::{
    chunks_touched, exact,
    row_sum::reduced,
    rows::{check_mask, mask_range, row_bytes, row_range, short_rows, values},
    Args, Inferred, Operator, Position, Requant, Scope,
};
use crate::{arith::push, validate::Invalid, DType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Mean of each row, of the kept elements only if there is a mask.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation; `mask`, an activation `i8[n]`,
///   only if the attributes say so: element i is kept if `mask[i] ≠ 0`, in all rows
///   of the same sample.
/// - *Output*: the requantisation's `out`, i8 or i16; `[…]`, the last axis dropped.
/// - *Formula*: with c the number kept and S the sum of `x[i] − zx` over them,
///   `v = ⌊(512·S + c)/(2c)⌋`, the mean with 8 fraction bits, or 0 if `c = 0`; then
///   `R(v; m, s, z, lo, hi)`.
/// - *Bounds*: `zx` a value of x's type; n ≤ 16,384, so |v| ≤ 2^24.
/// - *Judge*: `x` the row; `mask` n bytes.
/// - *Cost*: 1 op an element of `x`.
/// - *Source*: ONNX `ReduceMean`; with a mask the pooling of sentence encoders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RowMean {
    /// Zero point of `x`.
    pub zx: i32,
    /// Whether there is a `mask` operand.
    pub mask: bool,
    /// What happens to the mean.
    pub requant: Requant,
}

impl RowMean {
    fn value(&self, dtype: DType, row: &[u8], mask: Option<&[u8]>) -> i32 {
        let (mut sum, mut count) = (0i64, 0i64);
        let mut take = |x: i32| {
            sum = sum.wrapping_add(i64::from(x.wrapping_sub(self.zx)));
            count = count.wrapping_add(1);
        };
        match mask {
            None => values(dtype, row).for_each(take),
            Some(mask) => {
                for (x, kept) in values(dtype, row).zip(mask) {
                    if *kept != 0 {
                        take(x);
                    }
                }
            }
        }
        self.requant.apply(exact::mean(sum, count))
    }
}

impl Operator for RowMean {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(if self.mask { 2 } else { 1 })?;
        let (x, n) = short_rows(scope, 0)?;
        scope.attribute(x.dtype.holds(self.zx), "zx")?;
        self.requant.check(scope)?;
        let mut inferred = reduced(scope, x, self.requant.out)?;
        if self.mask {
            check_mask(scope, 1, n)?;
            inferred.touches.push((1, chunks_touched(u64::from(n))));
        }
        Ok(inferred)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (x, mask) = (args.first()?, args.get(1));
        let row_bytes = usize::try_from(row_bytes(x.ty)?).ok()?;
        for sample in 0..args.batch {
            let mask = match mask {
                Some(mask) => Some(mask.sample(sample)?),
                None => None,
            };
            for row in x.sample(sample)?.chunks_exact(row_bytes) {
                push(self.requant.out, self.value(x.ty.dtype, row, mask), out);
            }
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        Some(vec![match operand {
            0 => row_range(at, 0, at.element)?,
            _ => mask_range(at, operand)?,
        }])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let mask = got.get(1).map(Vec::as_slice);
        Some(self.value(at.ty(0)?.dtype, got.first()?, mask) != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, bad_attribute, blank, blank_constant, infer, noise, refused, run},
        Op,
    };

    const WHOLE: Requant = Requant {
        m: 1,
        s: 0,
        z: 0,
        lo: -32_768,
        hi: 32_767,
        out: DType::I16,
    };

    fn mean(zx: i32, mask: bool) -> Op {
        Op::RowMean(RowMean {
            zx,
            mask,
            requant: WHOLE,
        })
    }

    #[test]
    fn an_empty_mask_gives_the_zero_point() {
        let op = Op::RowMean(RowMean {
            zx: 7,
            mask: true,
            requant: Requant { z: 9, ..WHOLE },
        });
        let x = activation(DType::I8, &[2, 3], &[1, 2, 3, -128, 127, 0]);
        let mask = activation(DType::I8, &[3], &[0, 0, 0]);
        assert_eq!(run(op, &[x, mask], 1), [9, 9]);
    }

    #[test]
    fn the_mask_of_a_sample_counts_for_all_its_rows() {
        let x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let x = activation(DType::I8, &[2, 3], &x);
        let mask = activation(DType::I8, &[3], &[1, 0, -1, 0, 127, 0]);
        // 2, 5 and 8, 11 with 8 fraction bits.
        assert_eq!(
            run(mean(0, true), &[x, mask], 2),
            [2 << 8, 5 << 8, 8 << 8, 11 << 8]
        );
    }

    #[test]
    fn thirds_round_half_up_below_zero_as_well() {
        let x = activation(DType::I8, &[2, 3], &[1, 0, 0, -1, 0, 0]);
        assert_eq!(run(mean(0, false), &[x], 1), [85, -85]);
        // 1/512 is half of the last fraction bit.
        let mut row = vec![0; 1_024];
        row[0] = 1;
        row[1] = 1;
        row[512] = -1;
        row[513] = -1;
        let x = activation(DType::I8, &[2, 512], &row);
        assert_eq!(run(mean(0, false), &[x], 1), [1, -1]);
        let mut row = vec![0; 1_024];
        row[0] = 1;
        row[512] = -1;
        let x = activation(DType::I8, &[2, 512], &row);
        assert_eq!(run(mean(0, false), &[x], 1), [1, 0]);
    }

    #[test]
    fn the_mean_of_the_longest_row_of_extremes() {
        let op = Op::RowMean(RowMean {
            zx: -32_768,
            mask: false,
            requant: Requant { s: 10, ..WHOLE },
        });
        let x = activation(DType::I16, &[16_384], &[32_767; 16_384]);
        // 65,535/4, half up.
        assert_eq!(run(op, &[x], 1), [16_384]);
    }

    #[test]
    fn random_rows_agree_with_the_formula() {
        let requant = Requant {
            m: 37,
            s: 12,
            ..WHOLE
        };
        let op = Op::RowMean(RowMean {
            zx: 100,
            mask: true,
            requant,
        });
        let x = noise(DType::I16, 2 * 3 * 700, 3);
        let kept = noise(DType::I8, 2 * 700, 4);
        let mut expected = vec![];
        for (sample, rows) in x.chunks(3 * 700).enumerate() {
            for row in rows.chunks(700) {
                let kept = &kept[sample * 700..][..700];
                let picked: Vec<i128> = row
                    .iter()
                    .zip(kept)
                    .filter(|(_, kept)| **kept != 0)
                    .map(|(x, _)| i128::from(*x) - 100)
                    .collect();
                let (s, c) = (picked.iter().sum::<i128>(), picked.len() as i128);
                let v = (512 * s + c).div_euclid(2 * c);
                expected.push(requant.apply(v as i64));
            }
        }
        let x = activation(DType::I16, &[3, 700], &x);
        let kept = activation(DType::I8, &[700], &kept);
        assert_eq!(run(op, &[x, kept], 2), expected);
    }

    #[test]
    fn masks_and_outputs_of_other_types_are_refused() {
        let x = || blank(DType::I8, &[2, 3]);
        let refuse = |mask| refused(mean(0, true), &[x(), mask]);
        assert!(matches!(
            refuse(blank(DType::I16, &[3])),
            Invalid::OperandType { operand: 1, .. }
        ));
        assert!(matches!(
            refuse(blank(DType::I8, &[2, 3])),
            Invalid::OperandShape { operand: 1, .. }
        ));
        assert!(matches!(
            refuse(blank_constant(DType::I8, &[3])),
            Invalid::NotActivation { operand: 1, .. }
        ));
        assert!(matches!(
            refused(mean(0, true), &[x()]),
            Invalid::OperandCount { expected: 2, .. }
        ));
        let wide = Op::RowMean(RowMean {
            zx: 0,
            mask: false,
            requant: Requant {
                out: DType::I32,
                ..WHOLE
            },
        });
        assert_eq!(bad_attribute(wide, &[x()]), "out");
    }

    #[test]
    fn a_row_and_a_mask_that_no_proof_holds_are_refused() {
        let x = |n| blank(DType::I16, &[n]);
        let mask = |n| blank(DType::I8, &[n]);
        assert!(infer(mean(0, false), &[x(16_384)]).is_ok());
        assert!(matches!(
            refused(mean(0, true), &[x(16_384), mask(16_384)]),
            Invalid::NotJudgeable { .. }
        ));
        assert!(infer(mean(0, true), &[x(14_000), mask(14_000)]).is_ok());
    }
}
