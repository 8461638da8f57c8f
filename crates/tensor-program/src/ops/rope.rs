use super::{span, Args, Inferred, Operator, Position, Requant, Scope};
use crate::{
    arith::{element, push},
    validate::Invalid,
    DType, TensorType,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Which elements of a row turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, TypeInfo)]
pub enum Pairs {
    /// Element i with element i + d/2.
    #[codec(index = 0)]
    Halves,
    /// Element 2i with element 2i + 1.
    #[codec(index = 1)]
    Neighbours,
}

/// Rotation of pairs by an angle that depends on the position.
///
/// - *Operands*: `x[…,S,d]` i8 or i16, an activation; `tab`, constant
///   `i16[P,d/2,2]` of pairs (c, n): cosine and sine.
/// - *Output*: the requantisation's `out`, i8 or i16; the shape of `x`.
/// - *Formula*: at index q on S, with (c, n) = `tab[q + offset, i]` and (u, v) pair i
///   of `x − zx`: u becomes `R(u·c − v·n; …)`, v becomes `R(u·n + v·c; …)`.
/// - *Bounds*: d even, `offset + S ≤ P`, `zx` a value of x's type; the sums stay
///   within ±2^32.
/// - *Judge*: `x` two elements; `tab` 4 bytes.
/// - *Cost*: 4 ops an element.
/// - *Source*: rotary position embedding (RoFormer); ONNX `RotaryEmbedding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Rope {
    /// Which elements turn together.
    pub pairs: Pairs,
    /// Position of index 0 on S.
    pub offset: u32,
    /// Zero point of `x`.
    pub zx: i32,
    /// What happens to the sums.
    pub requant: Requant,
}

/// Where an element stands in its row.
struct Place {
    /// Its pair.
    pair: usize,
    /// Whether it is the pair's second.
    second: bool,
    /// The elements of the pair.
    elements: [usize; 2],
}

impl Rope {
    /// `None` unless `index` is below an even `d`.
    fn place(&self, index: usize, d: usize) -> Option<Place> {
        let half = d.checked_div(2)?;
        let (pair, second) = match self.pairs {
            Pairs::Halves => match index.checked_sub(half) {
                Some(pair) => (pair, true),
                None => (index, false),
            },
            Pairs::Neighbours => (index.checked_div(2)?, index.checked_rem(2)? == 1),
        };
        let first = match self.pairs {
            Pairs::Halves => pair,
            Pairs::Neighbours => pair.checked_mul(2)?,
        };
        let other = match self.pairs {
            Pairs::Halves => first.checked_add(half)?,
            Pairs::Neighbours => first.checked_add(1)?,
        };
        Some(Place {
            pair,
            second,
            elements: [first, other],
        })
    }

    /// The element of a pair (u, v) turned by `entry` of the table.
    fn value(&self, second: bool, u: i32, v: i32, entry: &[u8]) -> Option<i32> {
        let (c, n) = entry.split_at_checked(2)?;
        let read = |bytes| element(DType::I16, bytes).map(i64::from);
        let (c, n) = (read(c)?, read(n)?);
        let shifted = |x: i32| i64::from(x).wrapping_sub(i64::from(self.zx));
        let (u, v) = (shifted(u), shifted(v));
        Some(self.requant.apply(match second {
            false => u.wrapping_mul(c).wrapping_sub(v.wrapping_mul(n)),
            true => u.wrapping_mul(n).wrapping_add(v.wrapping_mul(c)),
        }))
    }

    /// The row of the table at index q of S.
    fn position(&self, q: u64) -> Option<u64> {
        q.checked_add(u64::from(self.offset))
    }
}

/// S and d of a shape.
fn last_axes(x: &TensorType) -> Option<(u32, u32)> {
    match x.shape.0.as_slice() {
        [.., s, d] => Some((*s, *d)),
        _ => None,
    }
}

impl Operator for Rope {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(2)?;
        let x = scope.activation(0)?;
        if x.dtype == DType::I32 {
            return Err(scope.bad_type(0, x));
        }
        let (s, d) = last_axes(x)
            .filter(|(_, d)| d.is_multiple_of(2))
            .ok_or_else(|| scope.bad_shape(0))?;
        let tab = scope.constant(1)?;
        if tab.dtype != DType::I16 {
            return Err(scope.bad_type(1, tab));
        }
        let fits = match tab.shape.0.as_slice() {
            [p, pairs, 2] => *pairs == d / 2 && self.position(s.into()) <= Some((*p).into()),
            _ => false,
        };
        if !fits {
            return Err(scope.bad_shape(1));
        }
        scope.attribute(x.dtype.holds(self.zx), "zx")?;
        self.requant.check(scope)?;
        Ok(Inferred {
            ty: TensorType {
                dtype: self.requant.out,
                shape: x.shape.clone(),
            },
            macs: 0,
            ops: scope
                .elements(x)?
                .checked_mul(4)
                .ok_or(Invalid::CostOverflow)?,
            touches: vec![(0, 1), (0, 1), (1, 1)],
            opens: 1,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (x, tab) = (args.first()?, args.get(1)?);
        let (s, d) = last_axes(x.ty)?;
        let d = usize::try_from(d).ok()?;
        let width = usize::try_from(x.ty.dtype.width()).ok()?;
        let angles = tab.bytes.chunks_exact(d.checked_mul(2)?);
        let angles = angles
            .skip(usize::try_from(self.offset).ok()?)
            .take(usize::try_from(s).ok()?)
            .cycle();
        let rows = x.bytes.chunks_exact(d.checked_mul(width)?);
        for (row, angles) in rows.zip(angles) {
            let read = |index: usize| {
                let start = index.checked_mul(width)?;
                element(x.ty.dtype, row.get(start..start.checked_add(width)?)?)
            };
            for index in 0..d {
                let place = self.place(index, d)?;
                let [u, v] = place.elements;
                let start = place.pair.checked_mul(4)?;
                let entry = angles.get(start..start.checked_add(4)?)?;
                let value = self.value(place.second, read(u)?, read(v)?, entry)?;
                push(self.requant.out, value, out);
            }
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        let (s, d) = last_axes(at.out)?;
        let (row, index) = split(at.element, d)?;
        let place = self.place(usize::try_from(index).ok()?, usize::try_from(d).ok()?)?;
        if operand == 0 {
            let first = row.checked_mul(u64::from(d))?;
            return place
                .elements
                .into_iter()
                .map(|element| at.element_range(0, first.checked_add(element as u64)?))
                .collect();
        }
        let (_, q) = split(row, s)?;
        let entry = self
            .position(q)?
            .checked_mul(u64::from(d / 2))?
            .checked_add(place.pair as u64)?;
        Some(vec![span(entry, 4)?])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let (_, d) = last_axes(at.out)?;
        let (_, index) = split(at.element, d)?;
        let place = self.place(usize::try_from(index).ok()?, usize::try_from(d).ok()?)?;
        let dtype = at.ty(0)?.dtype;
        let (u, v) = got
            .first()?
            .split_at_checked(usize::try_from(dtype.width()).ok()?)?;
        let (u, v) = (element(dtype, u)?, element(dtype, v)?);
        Some(self.value(place.second, u, v, got.get(1)?)? != at.claimed)
    }
}

/// Which run of `axis` elements, and which of these.
fn split(element: u64, axis: u32) -> Option<(u64, u64)> {
    let axis = u64::from(axis);
    Some((element.checked_div(axis)?, element.checked_rem(axis)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        testing::{
            activation, bad_attribute, blank, blank_constant, constant, infer, noise, refused, run,
        },
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

    fn rope(pairs: Pairs, offset: u32, zx: i32) -> Rope {
        Rope {
            pairs,
            offset,
            zx,
            requant: WHOLE,
        }
    }

    #[test]
    fn a_quarter_turn_of_either_pairing() {
        // c = 0, n = 1: (u, v) becomes (−v, u).
        let tab = || constant(DType::I16, &[1, 2, 2], &[0, 1, 0, 1]);
        let x = || activation(DType::I8, &[1, 4], &[1, 2, 3, 4]);
        assert_eq!(
            run(Op::Rope(rope(Pairs::Halves, 0, 0)), &[x(), tab()], 1),
            [-3, -4, 1, 2]
        );
        assert_eq!(
            run(Op::Rope(rope(Pairs::Neighbours, 0, 0)), &[x(), tab()], 1),
            [-2, 1, -4, 3]
        );
    }

    #[test]
    fn heads_and_samples_share_the_positions_from_the_offset() {
        let tab: Vec<i32> = (0..4 * 2).map(|i| i * 10).collect();
        let tab = constant(DType::I16, &[4, 1, 2], &tab);
        let x = activation(DType::I8, &[2, 2, 2], &[[1, 0]; 8].concat());
        // (1, 0) becomes (c, n) of positions 2 and 3.
        let once = [40, 50, 60, 70];
        assert_eq!(
            run(Op::Rope(rope(Pairs::Halves, 2, 0)), &[x, tab], 2),
            [once; 4].concat()
        );
    }

    #[test]
    fn the_largest_sums_stay_within_their_bound() {
        let op = Rope {
            requant: Requant { s: 18, ..WHOLE },
            ..rope(Pairs::Neighbours, 0, -32_768)
        };
        let tab = constant(DType::I16, &[1, 1, 2], &[-32_768, -32_768]);
        let x = activation(DType::I16, &[1, 2], &[32_767, 32_767]);
        // u·n + v·c = −65,535·65,536 = −2^32 + 2^16.
        assert_eq!(run(Op::Rope(op), &[x, tab], 1), [0, -16_384]);
    }

    #[test]
    fn random_rows_agree_with_the_formula() {
        for pairs in [Pairs::Halves, Pairs::Neighbours] {
            for dtype in [DType::I8, DType::I16] {
                let (s, d) = (5, 8);
                let x = noise(dtype, 2 * 3 * s * d, 31);
                let tab = noise(DType::I16, 9 * 4 * 2, 32);
                let op = Rope {
                    requant: Requant {
                        m: 21,
                        s: 19,
                        z: 7,
                        ..WHOLE
                    },
                    ..rope(pairs, 4, -9)
                };
                let mut expected = vec![];
                for (row, values) in x.chunks(d).enumerate() {
                    for i in 0..d {
                        let (j, first) = match pairs {
                            Pairs::Halves => (i % 4, i < 4),
                            Pairs::Neighbours => (i / 2, i % 2 == 0),
                        };
                        let (u, v) = match pairs {
                            Pairs::Halves => (values[j], values[j + 4]),
                            Pairs::Neighbours => (values[2 * j], values[2 * j + 1]),
                        };
                        let (u, v) = (i64::from(u) + 9, i64::from(v) + 9);
                        let at = ((row % s + 4) * 4 + j) * 2;
                        let (c, n) = (i64::from(tab[at]), i64::from(tab[at + 1]));
                        expected.push(op.requant.apply(match first {
                            true => u * c - v * n,
                            false => u * n + v * c,
                        }));
                    }
                }
                let x = activation(dtype, &[3, s as u32, d as u32], &x);
                let tab = constant(DType::I16, &[9, 4, 2], &tab);
                assert_eq!(run(Op::Rope(op), &[x, tab], 2), expected);
            }
        }
    }

    #[test]
    fn odd_rows_short_tables_and_other_types_are_refused() {
        let op = |offset| Op::Rope(rope(Pairs::Halves, offset, 0));
        let tab = |p| blank_constant(DType::I16, &[p, 2, 2]);
        let x = || blank(DType::I8, &[3, 4]);
        assert!(infer(op(7), &[x(), tab(10)]).is_ok());
        for offset in [8, u32::MAX] {
            assert!(matches!(
                refused(op(offset), &[x(), tab(10)]),
                Invalid::OperandShape { operand: 1, .. }
            ));
        }
        for axes in [&[3u32, 5][..], &[4], &[]] {
            assert!(matches!(
                refused(op(0), &[blank(DType::I8, axes), tab(10)]),
                Invalid::OperandShape { operand: 0, .. }
            ));
        }
        assert!(matches!(
            refused(op(0), &[blank(DType::I32, &[3, 4]), tab(10)]),
            Invalid::OperandType { operand: 0, .. }
        ));
        assert!(matches!(
            refused(op(0), &[x(), blank_constant(DType::I8, &[10, 2, 2])]),
            Invalid::OperandType { operand: 1, .. }
        ));
        let far = Op::Rope(rope(Pairs::Halves, 0, 128));
        assert_eq!(bad_attribute(far, &[x(), tab(10)]), "zx");
    }

    #[test]
    fn four_ops_an_element() {
        let tab = blank_constant(DType::I16, &[3, 2, 2]);
        let op = Op::Rope(rope(Pairs::Halves, 0, 0));
        let (ty, cost) = infer(op, &[blank(DType::I8, &[3, 4]), tab]).unwrap();
        assert_eq!((ty.dtype, cost.ops), (DType::I16, 48));
    }
}
