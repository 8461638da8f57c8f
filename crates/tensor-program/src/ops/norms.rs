use super::Requant;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Normalisation of each row to mean 0 and variance 1.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation; `params`, constant `i32[n,2]`
///   of pairs (γ, β), only if the attributes say so.
/// - *Output*: the requantisation's `out`, i8 or i16; the shape of `x`.
/// - *Formula*: `S1 = Σx`, `S2 = Σx²`, `c_i = n·x_i − S1`, `D = n·S2 − S1² + e`. Of L
///   bits of D: `t = ⌊(62 − L)/2⌋`, `Q = ⌊√(D·4^t)⌋`, `ρ = ⌊2^61/Q⌋`, `h = 49 − t`,
///   `y_i = (c_i·ρ + 2^(h−1)) >> h`, which has 12 fraction bits. Then `v = y_i`, or
///   `y_i·clip(γ_i, −2^15, 2^15 − 1) + β_i`, and `R(v; m, s, z, lo, hi)`.
/// - *Bounds*: n ≤ 16,384 and n·w(x) ≤ 32,768; 1 ≤ e ≤ 2^58.
/// - *Judge*: `x` the row; `params` 8 bytes.
/// - *Cost*: 8 ops an element.
/// - *Source*: I-BERT and I-LLM integer normalisation; ONNX `LayerNormalization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct LayerNorm {
    /// Whether there is a `params` operand.
    pub params: bool,
    /// `max(1, round(ε·n²/scale²))`.
    pub e: u64,
    /// What happens to the normalised value.
    pub requant: Requant,
}

/// Normalisation of each row to mean square 1.
///
/// - *Operands*: `x[…,n]` i8 or i16, an activation; `params`, constant `i32[n,2]`
///   of pairs (γ, β), only if the attributes say so.
/// - *Output*: the requantisation's `out`, i8 or i16; the shape of `x`.
/// - *Formula*: with `x' = x − zx`, `c_i = n·x'_i` and `D = n·Σx'² + e`; from there as
///   [`LayerNorm`].
/// - *Bounds*: `zx` a value of x's type; n ≤ 16,384 and n·w(x) ≤ 32,768;
///   1 ≤ e ≤ 2^58.
/// - *Judge*: `x` the row; `params` 8 bytes.
/// - *Cost*: 8 ops an element.
/// - *Source*: I-LLM integer normalisation; ONNX `SimplifiedLayerNormalization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RmsNorm {
    /// Zero point of `x`.
    pub zx: i32,
    /// Whether there is a `params` operand.
    pub params: bool,
    /// `max(1, round(ε·n²/scale²))`.
    pub e: u64,
    /// What happens to the normalised value.
    pub requant: Requant,
}

super::pending!(LayerNorm);

super::pending!(RmsNorm);
