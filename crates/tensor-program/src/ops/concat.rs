use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Several operands behind each other along one axis.
///
/// - *Operands*: 2 to 16 of one type T, activations or constants, not all constants,
///   of equal rank and equal axes but for `axis`. A constant counts as repeated for
///   every sample.
/// - *Output*: T; `axis` is the sum of theirs.
/// - *Formula*: index i of the axis is in the operand whose turn it is.
/// - *Judge*: one element of the operand it falls into.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Concat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Concat {
    /// The axis, without the batch axis.
    pub axis: u8,
}

super::pending!(Concat);
