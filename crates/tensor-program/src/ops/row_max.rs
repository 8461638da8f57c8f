use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Largest element of each row.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation.
/// - *Output*: the type of `x`, `[…]`, the last axis dropped.
/// - *Formula*: `max_i x[i]`.
/// - *Bounds*: n ≤ 16,384 and n·w(x) ≤ 32,768.
/// - *Judge*: `x` the row.
/// - *Cost*: 1 op an element of `x`.
/// - *Source*: ONNX `ReduceMax` over the last axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RowMax;

super::pending!(RowMax);
