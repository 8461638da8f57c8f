use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// One of two operands, element by element.
///
/// - *Operands*: `c` i8; `a` and `b` of one type T; activations or constants, at
///   least one an activation. See *Broadcast* in [`ops`](crate::ops).
/// - *Output*: T, the broadcast shape.
/// - *Formula*: `a` if `c ≠ 0`, else `b`.
/// - *Judge*: one element of each.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Where`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Select;

super::pending!(Select);
