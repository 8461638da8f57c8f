use super::{span, Args, Inferred, Operator, Position, Scope};
use crate::{
    arith::{element, push},
    judge::Refused,
    validate::Invalid,
    DType, TensorType,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Largest `k`.
const MAX_K: u8 = 64;

/// Indices of the k largest elements of each row.
///
/// - *Operands*: `x[…,n]` of any type, an activation.
/// - *Output*: i32 `[…,k]`.
/// - *Formula*: indices by element descending, then index ascending.
/// - *Bounds*: 1 ≤ k ≤ 64, k ≤ n.
/// - *Judge*: the row's k claimed indices are opened. Without witness, output j is
///   wrong if its index is outside 0..n, or j > 0, the index before is inside and
///   does not come strictly before it in that order: `x` two elements, nothing where
///   none need be compared. With a witness w < n, only at j = k − 1 and with the
///   index there inside 0..n: wrong if w is none of the k claimed indices and comes
///   before the last of them: `x` two elements. A list that is strictly ordered, and
///   whose last no other element beats, is the true one.
/// - *Cost*: 4 ops an element of `x`.
/// - *Source*: ONNX `TopK`, sorted, indices only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct TopK {
    /// Number of indices.
    pub k: u8,
}

/// The claimed list of the element's row.
struct Listed {
    /// The element's place in it.
    place: usize,
    /// Its row.
    row: u64,
    /// Length of a row of `x`.
    n: u64,
    indices: Vec<i32>,
}

impl Listed {
    fn new(at: &Position<'_>) -> Option<Self> {
        let k = u64::from(at.out.shape.last()?);
        Some(Listed {
            place: usize::try_from(at.element.checked_rem(k)?).ok()?,
            row: at.element.checked_div(k)?,
            n: u64::from(at.ty(0)?.shape.last()?),
            indices: indices(at.opened)?,
        })
    }

    /// The index at a place, if it is one of x's.
    fn inside(&self, place: usize) -> Option<u64> {
        let index = u64::try_from(*self.indices.get(place)?).ok()?;
        (index < self.n).then_some(index)
    }

    fn last(&self) -> Option<u64> {
        self.inside(self.indices.len().checked_sub(1)?)
    }

    fn holds(&self, index: u64) -> bool {
        self.indices
            .iter()
            .any(|claimed| u64::try_from(*claimed) == Ok(index))
    }

    /// The two indices to compare, of which the first must come before the second
    /// for the claim to stand; `None` if there is nothing to compare.
    fn compared(&self, witness: Option<u64>) -> Option<(u64, u64)> {
        match witness {
            Some(witness) => Some((self.last()?, witness)),
            None => Some((
                self.inside(self.place.checked_sub(1)?)?,
                self.inside(self.place)?,
            )),
        }
    }
}

fn indices(bytes: &[u8]) -> Option<Vec<i32>> {
    bytes
        .chunks_exact(4)
        .map(|bytes| element(DType::I32, bytes))
        .collect()
}

impl Operator for TopK {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let (x, n) = scope.rows(0)?;
        let k = u32::from(self.k);
        scope.attribute((1..=MAX_K).contains(&self.k) && k <= n, "k")?;
        let mut shape = x.shape.clone();
        if let Some(last) = shape.0.last_mut() {
            *last = k;
        }
        Ok(Inferred {
            ty: TensorType {
                dtype: DType::I32,
                shape,
            },
            macs: 0,
            ops: scope
                .elements(x)?
                .checked_mul(4)
                .ok_or(Invalid::CostOverflow)?,
            touches: vec![(0, 1), (0, 1)],
            // At most 256 bytes.
            opens: 2,
        })
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        let dtype = x.ty.dtype;
        let width = usize::try_from(dtype.width()).ok()?;
        let n = usize::try_from(x.ty.shape.last()?).ok()?;
        let k = usize::from(self.k);
        let mut best: Vec<(i32, i32)> = Vec::with_capacity(k.checked_add(1)?);
        for row in x.bytes.chunks_exact(n.checked_mul(width)?) {
            best.clear();
            for (index, bytes) in (0i32..).zip(row.chunks_exact(width)) {
                let value = element(dtype, bytes)?;
                if best.len() == k && best.last().is_some_and(|(least, _)| value <= *least) {
                    continue;
                }
                let place = best.partition_point(|(other, _)| *other >= value);
                best.insert(place, (value, index));
                best.truncate(k);
            }
            for (_, index) in &best {
                push(DType::I32, *index, out);
            }
        }
        Some(())
    }

    fn opens(&self, _: &TensorType, element: u64) -> Option<Range<u64>> {
        let k = u64::from(self.k);
        span(element.checked_div(k)?, k.checked_mul(DType::I32.width())?)
    }

    fn check_witness(&self, at: &Position<'_>) -> Result<(), Refused> {
        let Some(witness) = at.witness else {
            return Ok(());
        };
        let listed = Listed::new(at).ok_or(Refused::Internal)?;
        let at_the_end = listed.place.checked_add(1) == Some(listed.indices.len());
        if at_the_end && witness < listed.n && listed.last().is_some() {
            Ok(())
        } else {
            Err(Refused::Witness)
        }
    }

    fn charges(&self, at: &Position<'_>, ours: &[u8]) -> Option<Vec<(u64, Option<u64>)>> {
        let listed = Listed::new(at)?;
        let first = at.element.checked_sub(listed.place as u64)?;
        let after = first.checked_add(u64::from(self.k))?;
        let mut charges: Vec<_> = (first..after)
            .filter(|element| *element != at.element)
            .map(|element| (element, None))
            .collect();
        if listed.last().is_some() {
            for index in indices(ours)? {
                let witness = u64::try_from(index).ok()?;
                if !listed.holds(witness) {
                    charges.push((after.checked_sub(1)?, Some(witness)));
                }
            }
        }
        charges.push((at.element, None));
        Some(charges)
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        let listed = Listed::new(at)?;
        let Some((before, after)) = listed.compared(at.witness) else {
            return Some(Vec::new());
        };
        let first = listed.row.checked_mul(listed.n)?;
        [before, after]
            .into_iter()
            .map(|index| at.element_range(operand, first.checked_add(index)?))
            .collect()
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let listed = Listed::new(at)?;
        if at.witness.is_none() && listed.inside(listed.place).is_none() {
            return Some(true);
        }
        let Some((before, after)) = listed.compared(at.witness) else {
            return Some(false);
        };
        if at.witness.is_some_and(|witness| listed.holds(witness)) {
            return Some(false);
        }
        let dtype = at.ty(0)?.dtype;
        let (first, second) = got
            .first()?
            .split_at_checked(usize::try_from(dtype.width()).ok()?)?;
        let (first, second) = (element(dtype, first)?, element(dtype, second)?);
        let in_order = first > second || (first == second && before < after);
        Some(!in_order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        interpret,
        judge::{accuse, judge, Claim, Data, FraudProof, Verdict},
        ops::{
            testing::{activation, bad_attribute, blank, infer, noise, run},
            Op,
        },
        validate, Node, Operand, Program, Root, Shape,
    };
    use athanor_content_tree::root;

    fn top(k: u8) -> Op {
        Op::TopK(TopK { k })
    }

    #[test]
    fn equal_values_come_in_the_order_of_their_indices() {
        let x = [5, 9, 5, 9, -1, 9, 0, 0, 0, 0, 0, 0];
        let x = activation(DType::I8, &[2, 6], &x);
        assert_eq!(run(top(4), &[x], 1), [1, 3, 5, 0, 0, 1, 2, 3]);
    }

    #[test]
    fn all_of_a_row_and_one_of_it() {
        let x = [i32::MIN, 7, i32::MAX, i32::MIN];
        let x = || activation(DType::I32, &[4], &x);
        assert_eq!(run(top(4), &[x()], 1), [2, 1, 0, 3]);
        assert_eq!(run(top(1), &[x()], 1), [2]);
        assert_eq!(run(top(1), &[activation(DType::I8, &[1], &[0])], 1), [0]);
    }

    #[test]
    fn random_rows_agree_with_a_sorted_list() {
        for dtype in [DType::I8, DType::I16, DType::I32] {
            let x = noise(dtype, 2 * 3 * 500, 21);
            let mut expected = vec![];
            for row in x.chunks(500) {
                let mut order: Vec<i32> = (0..500).collect();
                order.sort_by_key(|i| core::cmp::Reverse(row[*i as usize]));
                expected.extend_from_slice(&order[..64]);
            }
            let x = activation(dtype, &[3, 500], &x);
            assert_eq!(run(top(64), &[x], 2), expected);
        }
    }

    #[test]
    fn k_is_1_to_64_and_at_most_the_row() {
        for (k, n) in [(0, 9), (65, 100), (10, 9)] {
            assert_eq!(bad_attribute(top(k), &[blank(DType::I8, &[n])]), "k");
        }
        let (ty, cost) = infer(top(64), &[blank(DType::I8, &[3, 64])]).unwrap();
        assert_eq!((ty.dtype, ty.shape), (DType::I32, Shape::from([3, 64])));
        assert_eq!(cost.ops, 4 * 192);
        assert!(infer(top(64), &[blank(DType::I8, &[1 << 24])]).is_ok());
    }

    /// Rows of a claimed list, judged in every way against `x`.
    struct Trial {
        n: u32,
        k: u8,
        x: Vec<u8>,
    }

    impl Trial {
        fn program(&self) -> crate::Validated {
            validate(&Program {
                version: 1,
                max_batch: 1,
                inputs: Vec::from([TensorType {
                    dtype: DType::I8,
                    shape: Shape(vec![self.x.len() as u32 / self.n, self.n]),
                }]),
                constants: vec![],
                nodes: Vec::from([Node {
                    op: top(self.k),
                    operands: Vec::from([Operand::Input(0)]),
                }]),
                outputs: Vec::from([0]),
            })
            .unwrap()
        }

        fn verdict(&self, trace: Root, proof: &FraudProof) -> Result<Verdict, Refused> {
            let claim = Claim {
                batch: 1,
                input: &root(&self.x),
                weights: &[],
                trace: &[trace],
            };
            judge(&self.program(), &claim, proof)
        }

        /// The proof against a claimed list.
        fn accuse(&self, claimed: &[i32]) -> Option<FraudProof> {
            let program = self.program();
            let run = interpret(&program, 1, &self.x, &[]).unwrap();
            let data = Data::new(&program, 1, &self.x, &[], &run).unwrap();
            accuse(&data, 0, &bytes(claimed)).unwrap()
        }
    }

    fn bytes(list: &[i32]) -> Vec<u8> {
        list.iter().flat_map(|i| i.to_le_bytes()).collect()
    }

    #[test]
    fn every_wrong_list_is_convicted_and_the_true_one_by_no_witness() {
        let trial = Trial {
            n: 5,
            k: 3,
            x: vec![3, 7, 7, 0, 3],
        };
        let truth = [1, 2, 0];
        for a in -1..6 {
            for b in -1..6 {
                for c in -1..6 {
                    let claimed = [a, b, c];
                    let Some(proof) = trial.accuse(&claimed) else {
                        assert_eq!(claimed, truth);
                        continue;
                    };
                    let trace = root(&bytes(&claimed));
                    assert_eq!(
                        trial.verdict(trace, &proof),
                        Ok(Verdict::Convicted),
                        "{claimed:?}"
                    );
                    let wrong_root = trial.verdict(root(&bytes(&truth)), &proof);
                    assert_ne!(wrong_root, Ok(Verdict::Convicted));
                }
            }
        }
        // The whole of a content of one chunk is its slice.
        for element in 0..3 {
            for witness in (0..8).map(Some).chain([None]) {
                let proof = FraudProof {
                    node: 0,
                    element,
                    witness,
                    claimed: bytes(&truth),
                    operands: Vec::from([trial.x.clone()]),
                };
                let verdict = trial.verdict(root(&bytes(&truth)), &proof);
                assert_ne!(verdict, Ok(Verdict::Convicted));
                let allowed = match witness {
                    Some(witness) => element == 2 && witness < 5,
                    // Nothing is read at place 0, so its slice must be empty.
                    None => element > 0,
                };
                assert_eq!(verdict.is_ok(), allowed, "{element} {witness:?}");
            }
        }
    }

    #[test]
    fn a_list_across_two_chunks_of_the_claim_is_opened_whole() {
        // Rows of 60 indices are 240 bytes: row 4 lies in chunks 0 and 1.
        let trial = Trial {
            n: 64,
            k: 60,
            x: (0..6 * 64).map(|i| (i * 37 % 251) as u8).collect(),
        };
        let program = trial.program();
        let run = interpret(&program, 1, &trial.x, &[]).unwrap();
        let truth: Vec<i32> = run
            .node(0)
            .chunks_exact(4)
            .map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        for place in [0, 1, 30, 58, 59] {
            for other in [-1, 0, 63, 64, truth[4 * 60 + 58]] {
                let mut claimed = truth.clone();
                claimed[4 * 60 + place] = other;
                if let Some(proof) = trial.accuse(&claimed) {
                    assert!(proof.claimed.len() > 1_024);
                    let trace = root(&bytes(&claimed));
                    assert_eq!(trial.verdict(trace, &proof), Ok(Verdict::Convicted));
                } else {
                    assert_eq!(claimed, truth);
                }
            }
        }
    }

    #[test]
    fn a_witness_cannot_help_where_the_last_index_is_outside() {
        let trial = Trial {
            n: 5,
            k: 2,
            x: vec![1, 2, 3, 4, 5],
        };
        let claimed = [4, 9];
        let proof = FraudProof {
            node: 0,
            element: 1,
            witness: Some(3),
            claimed: bytes(&claimed),
            operands: Vec::from([trial.x.clone()]),
        };
        assert_eq!(
            trial.verdict(root(&bytes(&claimed)), &proof),
            Err(Refused::Witness)
        );
        let without = FraudProof {
            witness: None,
            operands: vec![vec![]],
            ..proof
        };
        assert_eq!(
            trial.verdict(root(&bytes(&claimed)), &without),
            Ok(Verdict::Convicted)
        );
    }
}
