use super::Requant;
use alloc::boxed::Box;
use codec::{Decode, Encode};
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
/// - *Bounds*: n ≤ 16,384 and n·w(x) ≤ 32,768; `coarse` exactly for i16;
///   `fine[0] = coarse[0] = 32,768`, no entry above that; `causal` needs an axis
///   before the last, M ≤ n.
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

super::pending!(Softmax);
