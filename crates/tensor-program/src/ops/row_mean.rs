use super::Requant;
use codec::{Decode, Encode};
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
/// - *Bounds*: `zx` a value of x's type; n ≤ 16,384 and n·w(x) ≤ 32,768.
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

super::pending!(RowMean);
