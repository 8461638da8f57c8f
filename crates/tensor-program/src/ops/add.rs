use crate::DType;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Weighted sum of two operands on one shift: also subtraction and negation.
///
/// - *Operands*: `a` and `b`, each i8, i16 or i32; activations or constants, not both
///   constants. See *Broadcast* in [`ops`](crate::ops).
/// - *Output*: `out`, the broadcast shape.
/// - *Formula*: `clip((((a − za)·ma + (b − zb)·mb + r) >> s) + z, lo, hi)` with
///   `r = 0` if `s = 0`, else `2^(s−1)`.
/// - *Bounds*: `ma` and `mb` within ±2^30; `za` a value of a's type, 0 if that is
///   i32, `zb` likewise; so the sum stays below 2·2^61 + 2^61 < 2^63.
/// - *Judge*: one element of each.
/// - *Cost*: 2 ops an element.
/// - *Source*: gemmlowp and TFLite `ADD` with one common shift; ONNX `QLinearAdd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Add {
    /// Zero point of `a`.
    pub za: i32,
    /// Zero point of `b`.
    pub zb: i32,
    /// Multiplier of `a`.
    pub ma: i32,
    /// Multiplier of `b`.
    pub mb: i32,
    /// Right shift, at most 62.
    pub s: u8,
    /// Zero point of the output, a value of `out`.
    pub z: i32,
    /// Smallest output, a value of `out`.
    pub lo: i32,
    /// Largest output, a value of `out`, not below `lo`.
    pub hi: i32,
    /// Element type of the output.
    pub out: DType,
}

super::pending!(Add);
