use super::{
    chunks_touched, exact,
    rows::{check_mask, mask_range, row_bytes, row_range, short_rows, values},
    Args, Inferred, Operator, Position, Requant, Scope,
};
use crate::{arith::push, validate::Invalid, DType, Shape, TensorType};
use alloc::{boxed::Box, vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Softmax of each row, with two tables of powers.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation; `mask`, an activation `i8[n]`,
///   only if the attributes say so.
/// - *Output*: the requantisation's `out`, i8 or i16; the shape of `x`.
/// - *Formula*: element i is kept if `mask[i] ≠ 0` and, if `causal`,
///   `i ≤ q + n − M`, q the row's index on the axis before the last and M that axis'
///   length. With X the largest kept element, `d = min(X − x, 65,535)`,
///   `e = (coarse[d >> 8]·fine[d & 255] + 2^14) >> 15`, or `fine[d]` without
///   `coarse`, 0 where not kept, and S their sum: `p = ⌊(e·2^15 + ⌊S/2⌋)/S⌋`, 0 if
///   none is kept; then `R(p; m, s, z, lo, hi)`.
/// - *Bounds*: n ≤ 16,384, so 2^15 ≤ S ≤ 2^29 and 32 unsigned bits suffice; `coarse`
///   exactly for i16; `fine[0] = coarse[0] = 32,768`, no entry above that; `causal`
///   needs an axis before the last, M ≤ n.
/// - *Judge*: `x` the row; `mask` n bytes.
/// - *Cost*: 12 ops an element.
/// - *Source*: I-BERT's integer softmax with a table instead of its polynomial;
///   TFLite's 16-bit softmax tables.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Softmax {
    /// Whether there is a `mask` operand.
    pub mask: bool,
    /// Whether a row keeps no element behind its own position.
    pub causal: bool,
    /// `⌊32,768·e^(−i·scale) + ½⌋` for i = 0..256, as the importer computed them.
    pub fine: Box<[u16; 256]>,
    /// The same at 256·i; absent for i8.
    pub coarse: Option<Box<[u16; 256]>>,
    /// What happens to the probability, which has 15 fraction bits.
    pub requant: Requant,
}

/// A power of 0, hence the largest entry of a table.
const ONE: u16 = 32_768;

/// What all elements of a row depend on.
struct Row<'a> {
    mask: Option<&'a [u8]>,
    /// Elements from here on are not kept.
    end: u64,
    largest: i32,
    sum: u32,
}

impl Row<'_> {
    fn keeps(&self, index: u64) -> bool {
        keeps(self.mask, self.end, index)
    }
}

fn keeps(mask: Option<&[u8]>, end: u64, index: u64) -> bool {
    index < end
        && mask.is_none_or(|mask| {
            let kept = usize::try_from(index).ok().and_then(|i| mask.get(i));
            kept.is_some_and(|kept| *kept != 0)
        })
}

impl Softmax {
    /// Number of leading elements that causality leaves in a row.
    fn end(&self, x: &Shape, row: u64) -> Option<u64> {
        let (n, before) = x.0.split_last()?;
        let n = u64::from(*n);
        if !self.causal {
            return Some(n);
        }
        let m = u64::from(*before.last()?);
        let q = row.checked_rem(m)?;
        n.checked_sub(m)?.checked_add(q)?.checked_add(1)
    }

    fn weight(&self, largest: i32, x: i32) -> u32 {
        exact::weight(
            &self.fine,
            self.coarse.as_deref(),
            largest.wrapping_sub(x).unsigned_abs(),
        )
    }

    fn row<'a>(&self, dtype: DType, row: &[u8], mask: Option<&'a [u8]>, end: u64) -> Row<'a> {
        let kept = || {
            (0u64..)
                .zip(values(dtype, row))
                .filter(|(i, _)| keeps(mask, end, *i))
                .map(|(_, x)| x)
        };
        let largest = kept().max().unwrap_or_default();
        Row {
            mask,
            end,
            largest,
            sum: kept().fold(0, |sum, x| sum.wrapping_add(self.weight(largest, x))),
        }
    }

    fn value(&self, row: &Row<'_>, index: u64, x: i32) -> i32 {
        let p = match row.keeps(index) {
            true => exact::share(self.weight(row.largest, x), row.sum),
            false => 0,
        };
        self.requant.apply(i64::from(p))
    }
}

impl Operator for Softmax {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(if self.mask { 2 } else { 1 })?;
        let (x, n) = short_rows(scope, 0)?;
        let powers =
            |table: &[u16; 256]| table.first() == Some(&ONE) && table.iter().all(|e| *e <= ONE);
        scope.attribute(powers(&self.fine), "fine")?;
        let needed = x.dtype == DType::I16;
        scope.attribute(self.coarse.is_some() == needed, "coarse")?;
        scope.attribute(self.coarse.as_deref().is_none_or(powers), "coarse")?;
        if self.causal {
            let before = x.shape.0.split_last().and_then(|(_, before)| before.last());
            if before.is_none_or(|m| *m > n) {
                return Err(scope.bad_shape(0));
            }
        }
        self.requant.check(scope)?;
        let row = row_bytes(x).ok_or_else(|| scope.bad_shape(0))?;
        let mut touches = vec![(0, chunks_touched(row))];
        if self.mask {
            check_mask(scope, 1, n)?;
            touches.push((1, chunks_touched(u64::from(n))));
        }
        Ok(Inferred {
            ty: TensorType {
                dtype: self.requant.out,
                shape: x.shape.clone(),
            },
            macs: 0,
            ops: scope
                .elements(x)?
                .checked_mul(12)
                .ok_or(Invalid::CostOverflow)?,
            touches,
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (x, mask) = (args.first()?, args.get(1));
        let dtype = x.ty.dtype;
        let row_bytes = usize::try_from(row_bytes(x.ty)?).ok()?;
        for sample in 0..args.batch {
            let mask = match mask {
                Some(mask) => Some(mask.sample(sample)?),
                None => None,
            };
            for (q, bytes) in (0u64..).zip(x.sample(sample)?.chunks_exact(row_bytes)) {
                let row = self.row(dtype, bytes, mask, self.end(&x.ty.shape, q)?);
                for (i, x) in (0u64..).zip(values(dtype, bytes)) {
                    push(self.requant.out, self.value(&row, i, x), out);
                }
            }
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        let n = u64::from(at.out.shape.last()?);
        Some(vec![match operand {
            0 => row_range(at, 0, at.element.checked_div(n)?)?,
            _ => mask_range(at, operand)?,
        }])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let x = at.ty(0)?;
        let n = u64::from(x.shape.last()?);
        let (row, index) = (at.element.checked_div(n)?, at.element.checked_rem(n)?);
        let bytes = got.first()?;
        let mask = got.get(1).map(Vec::as_slice);
        let row = self.row(x.dtype, bytes, mask, self.end(&x.shape, row)?);
        let own = values(x.dtype, bytes).nth(usize::try_from(index).ok()?)?;
        Some(self.value(&row, index, own) != at.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{activation, bad_attribute, blank, infer, noise, refused, run},
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

    fn powers(step: f64) -> Box<[u16; 256]> {
        Box::new(core::array::from_fn(|i| {
            (32_768.0 * (-(i as f64) * step).exp() + 0.5) as u16
        }))
    }

    fn narrow(mask: bool, causal: bool) -> Softmax {
        Softmax {
            mask,
            causal,
            fine: powers(0.1),
            coarse: None,
            requant: WHOLE,
        }
    }

    fn wide(mask: bool, causal: bool) -> Softmax {
        Softmax {
            fine: powers(0.001),
            coarse: Some(powers(0.256)),
            ..narrow(mask, causal)
        }
    }

    /// The formula of the documentation, over wide integers.
    fn by_hand(op: &Softmax, x: &[i32], mask: Option<&[i32]>, n: usize, m: usize) -> Vec<i32> {
        let rows = x.len() / n;
        let samples = mask.map_or(1, |mask| mask.len() / n);
        let mut out = vec![];
        for (r, row) in x.chunks(n).enumerate() {
            let mask = mask.map(|mask| &mask[r / (rows / samples) * n..][..n]);
            let kept: Vec<bool> = (0..n)
                .map(|i| mask.is_none_or(|mask| mask[i] != 0) && (!op.causal || i + m <= r % m + n))
                .collect();
            let most = (0..n).filter(|i| kept[*i]).map(|i| row[i]).max();
            let e: Vec<u128> = (0..n)
                .map(|i| {
                    if !kept[i] {
                        return 0;
                    }
                    let d = (most.unwrap() - row[i]).min(65_535) as usize;
                    match &op.coarse {
                        Some(coarse) => {
                            (u128::from(coarse[d >> 8]) * u128::from(op.fine[d & 255]) + (1 << 14))
                                >> 15
                        }
                        None => u128::from(op.fine[d]),
                    }
                })
                .collect();
            let sum: u128 = e.iter().sum();
            for e in e {
                let p = ((e << 15) + sum / 2).checked_div(sum).unwrap_or_default();
                out.push(op.requant.apply(p as i64));
            }
        }
        out
    }

    #[test]
    fn equal_scores_share_equally_and_one_score_takes_all() {
        let x = activation(DType::I8, &[2, 4], &[5, 5, 5, 5, 127, -128, -128, -128]);
        assert_eq!(
            run(Op::Softmax(narrow(false, false)), &[x], 1),
            [8_192, 8_192, 8_192, 8_192, 32_767, 0, 0, 0]
        );
        let x = activation(DType::I16, &[1], &[-32_768]);
        let op = Softmax {
            requant: Requant { s: 1, ..WHOLE },
            ..wide(false, false)
        };
        assert_eq!(run(Op::Softmax(op), &[x], 1), [16_384]);
    }

    #[test]
    fn an_empty_mask_gives_the_zero_point_everywhere() {
        let op = Softmax {
            requant: Requant { z: -3, ..WHOLE },
            ..narrow(true, false)
        };
        let x = activation(DType::I8, &[2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
        let mask = activation(DType::I8, &[2], &[0, 0, 1, 0]);
        assert_eq!(
            run(Op::Softmax(op), &[x, mask], 2),
            [-3, -3, -3, -3, 32_765, -3, 32_765, -3]
        );
    }

    #[test]
    fn the_widest_distance_reaches_the_end_of_both_tables() {
        let mut op = wide(false, false);
        op.fine[255] = 3;
        if let Some(coarse) = &mut op.coarse {
            coarse[255] = 32_768;
        }
        let x = activation(DType::I16, &[2], &[32_767, -32_768]);
        // e = 3 for the one, 32,768 for the other.
        assert_eq!(run(Op::Softmax(op), &[x], 1), [32_765, 3]);
    }

    #[test]
    fn causal_with_fewer_queries_than_keys_sees_the_past_keys() {
        let op = narrow(false, true);
        let x = activation(DType::I8, &[2, 4], &[0; 8]);
        // n − M = 2: query 0 sees keys 0..=2, query 1 all four.
        assert_eq!(
            run(Op::Softmax(op.clone()), &[x], 1),
            [10_923, 10_923, 10_923, 0, 8_192, 8_192, 8_192, 8_192]
        );
        let x = activation(DType::I8, &[3, 3], &[0; 9]);
        assert_eq!(
            run(Op::Softmax(op), &[x], 1),
            [32_767, 0, 0, 16_384, 16_384, 0, 10_923, 10_923, 10_923]
        );
    }

    #[test]
    fn a_masked_causal_row_may_keep_nothing() {
        let op = narrow(true, true);
        let x = activation(DType::I8, &[2, 2], &[9, 9, 9, 9]);
        let mask = activation(DType::I8, &[2], &[0, 1]);
        assert_eq!(run(Op::Softmax(op), &[x, mask], 1), [0, 0, 0, 32_767]);
    }

    #[test]
    fn random_rows_agree_with_the_formula() {
        for (dtype, op) in [
            (DType::I8, narrow(true, true)),
            (DType::I16, wide(true, true)),
            (DType::I16, wide(false, false)),
            (DType::I8, narrow(false, true)),
        ] {
            let (heads, m, n) = (2, 3, 40);
            let x = noise(dtype, 2 * heads * m * n, 11);
            let mask: Vec<i32> = noise(DType::I8, 2 * n, 12).iter().map(|v| v & 1).collect();
            let axes = [heads as u32, m as u32, n as u32];
            let mut operands = vec![activation(dtype, &axes, &x)];
            if op.mask {
                operands.push(activation(DType::I8, &[n as u32], &mask));
            }
            let expected = by_hand(&op, &x, op.mask.then_some(&mask), n, m);
            assert_eq!(run(Op::Softmax(op), &operands, 2), expected);
        }
    }

    #[test]
    fn the_longest_row_of_equal_scores_does_not_overflow() {
        let op = Softmax {
            requant: Requant { m: 8_000, ..WHOLE },
            ..wide(false, false)
        };
        let x = activation(DType::I16, &[16_384], &[-7; 16_384]);
        // p = 2 of 32,768.
        assert_eq!(run(Op::Softmax(op), &[x], 1), [16_000; 16_384]);
    }

    #[test]
    fn tables_that_are_no_powers_are_refused() {
        let x = |dtype| blank(dtype, &[2, 4]);
        let mut low = narrow(false, false);
        low.fine[0] = 32_767;
        assert_eq!(bad_attribute(Op::Softmax(low), &[x(DType::I8)]), "fine");
        let mut high = narrow(false, false);
        high.fine[255] = 32_769;
        assert_eq!(bad_attribute(Op::Softmax(high), &[x(DType::I8)]), "fine");
        let mut high = wide(false, false);
        high.coarse = Some(Box::new([32_769; 256]));
        assert_eq!(bad_attribute(Op::Softmax(high), &[x(DType::I16)]), "coarse");
        let (narrow, wide) = (narrow(false, false), wide(false, false));
        assert_eq!(
            bad_attribute(Op::Softmax(narrow), &[x(DType::I16)]),
            "coarse"
        );
        assert_eq!(bad_attribute(Op::Softmax(wide), &[x(DType::I8)]), "coarse");
    }

    #[test]
    fn causal_rows_need_a_query_axis_no_longer_than_the_keys() {
        let op = || Op::Softmax(narrow(false, true));
        for axes in [&[4u32][..], &[5, 4]] {
            assert!(matches!(
                refused(op(), &[blank(DType::I8, axes)]),
                Invalid::OperandShape { operand: 0, .. }
            ));
        }
        let (ty, cost) = infer(op(), &[blank(DType::I8, &[4, 4])]).unwrap();
        assert_eq!((ty.dtype, cost.ops), (DType::I16, 12 * 16));
    }
}
