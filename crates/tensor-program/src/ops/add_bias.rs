use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// A bias per channel.
///
/// - *Operands*: `x[…,N]` i32, an activation; `bias`, constant `i32[N]`.
/// - *Output*: i32, the shape of `x`.
/// - *Formula*: `sat_i32(x + bias[n])`.
/// - *Judge*: `x` one element; `bias` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Add` of a bias after `MatMulInteger` or `ConvInteger`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AddBias;

super::pending!(AddBias);
