use super::Requant;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Product of two operands, element by element.
///
/// - *Operands*: `a` and `b`, each i8 or i16; activations or constants, not both
///   constants. See *Broadcast* in [`ops`](crate::ops).
/// - *Output*: the requantisation's `out`, i8 or i16; the broadcast shape.
/// - *Formula*: `R((a − za)·(b − zb); m, s, z, lo, hi)`.
/// - *Bounds*: `za` and `zb` values of their operand's type, so the product stays
///   within 2^32.
/// - *Judge*: one element of each.
/// - *Cost*: 2 ops an element.
/// - *Source*: TFLite `MUL`; ONNX Runtime `QLinearMul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Mul {
    /// Zero point of `a`.
    pub za: i32,
    /// Zero point of `b`.
    pub zb: i32,
    /// What happens to the product.
    pub requant: Requant,
}

super::pending!(Mul);
