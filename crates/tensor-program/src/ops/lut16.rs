use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Any function of one 16-bit value, by interpolation.
///
/// - *Operands*: `x` i16, an activation; `table`, constant `i16[513]`.
/// - *Output*: i16, the shape of `x`.
/// - *Formula*: with `u = x + 32,768`, `j = u >> 7`, `f = u & 127`:
///   `T[j] + ((f·(T[j+1] − T[j]) + 64) >> 7)`, which lies between `T[j]` and
///   `T[j+1]`. Every table is valid.
/// - *Judge*: `x` one element; `table` the two neighbours, 4 bytes.
/// - *Cost*: 4 ops an element.
/// - *Source*: TFLite's 513-entry 16-bit tables (gemmlowp's rounding kept, one
///   rounding, half towards +∞).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Lut16;

super::pending!(Lut16);
