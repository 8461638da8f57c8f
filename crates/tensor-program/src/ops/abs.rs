use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Magnitude.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T, the shape of `x`.
/// - *Formula*: `sat_T(|x|)`: the smallest value becomes the largest.
/// - *Judge*: `x` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Abs`, saturated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Abs;

super::pending!(Abs);
