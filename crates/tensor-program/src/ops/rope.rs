use super::Requant;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Which elements of a row turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, TypeInfo)]
pub enum Pairs {
    /// Element i with element i + d/2.
    #[codec(index = 0)]
    Halves,
    /// Element 2i with element 2i + 1.
    #[codec(index = 1)]
    Neighbours,
}

/// Rotation of pairs by an angle that depends on the position.
///
/// - *Operands*: `x[…,S,d]` i8 or i16, an activation; `tab`, constant
///   `i16[P,d/2,2]` of pairs (c, n): cosine and sine.
/// - *Output*: the requantisation's `out`, i8 or i16; the shape of `x`.
/// - *Formula*: at index q on S, with (c, n) = `tab[q + offset, i]` and (u, v) pair i
///   of `x − zx`: u becomes `R(u·c − v·n; …)`, v becomes `R(u·n + v·c; …)`.
/// - *Bounds*: d even, `offset + S ≤ P`, `zx` a value of x's type; the sums stay
///   within ±2^32.
/// - *Judge*: `x` two elements; `tab` 4 bytes.
/// - *Cost*: 4 ops an element.
/// - *Source*: rotary position embedding (RoFormer); ONNX `RotaryEmbedding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Rope {
    /// Which elements turn together.
    pub pairs: Pairs,
    /// Position of index 0 on S.
    pub offset: u32,
    /// Zero point of `x`.
    pub zx: i32,
    /// What happens to the sums.
    pub requant: Requant,
}

super::pending!(Rope);
