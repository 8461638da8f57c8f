use crate::{program::decode_list, MAX_RANK};
use alloc::vec::Vec;
use codec::{Decode, Encode, Input};
use scale_info::TypeInfo;

/// A constant value around the operand.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T; axis i becomes `before[i] + after[i]` longer.
/// - *Formula*: index j of axis i is index `j − before[i]` of x's; `value` where one
///   is outside.
/// - *Bounds*: `value` a value of T; one entry of `before` and `after` for each axis.
/// - *Judge*: `x` one element, or nothing in the padding.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Pad`, mode `constant`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TypeInfo)]
pub struct Pad {
    /// Indices added in front of each axis.
    pub before: Vec<u32>,
    /// Indices added behind each axis.
    pub after: Vec<u32>,
    /// What stands there.
    pub value: i32,
}

impl Decode for Pad {
    fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
        Ok(Pad {
            before: decode_list(input, MAX_RANK)?,
            after: decode_list(input, MAX_RANK)?,
            value: Decode::decode(input)?,
        })
    }
}

super::pending!(Pad);
