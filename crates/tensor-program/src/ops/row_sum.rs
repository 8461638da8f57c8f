use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Sum of each row.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation.
/// - *Output*: i32 `[…]`, the last axis dropped.
/// - *Formula*: `Σ_i (x[i] − zx)`.
/// - *Bounds*: `zx` a value of x's type; n ≤ 16,384 and n·w(x) ≤ 32,768, so the sum
///   stays within 2^30.
/// - *Judge*: `x` the row.
/// - *Cost*: 1 op an element of `x`.
/// - *Source*: ONNX `ReduceSum` over the last axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RowSum {
    /// Zero point of `x`.
    pub zx: i32,
}

super::pending!(RowSum);
