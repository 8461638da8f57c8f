use super::Epilogue;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Product of two activations, with a fused epilogue.
///
/// - *Operands*: `a[h…,M,K]` i8 or i16 and `b[h'…,N,K]` i8, activations; `lut`,
///   constant `T[256]`, only if the epilogue says so. The axes h' are those of h,
///   except that the first may divide the first of h: grouped heads.
/// - *Output*: `[h…,M,N]`; i32 ([`Epilogue::Raw`]), the epilogue's `out`, or T.
/// - *Formula*: `v[h,m,n] = Σ_k (a[h,m,k] − za)·(b[h',n,k] − zb)`, then the epilogue
///   with [`Scale::Tensor`](super::Scale::Tensor); h' is h with its first index
///   `⌊h·Hb/Ha⌋`, Ha and Hb the lengths of the first axes.
/// - *Bounds*: as [`MatMul`](super::MatMul), with the scalar `zb`.
/// - *Judge*: `a` K·w(a) bytes; `b` K bytes; `lut` one entry.
/// - *Cost*: macs K·|out|, twice that for i16.
/// - *Source*: ONNX `MatMul` between `DequantizeLinear` and `QuantizeLinear`;
///   grouped heads as in grouped-query attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BatchMatMul {
    /// Zero point of the left side; 0 if that is i16.
    pub za: i8,
    /// Zero point of the right side.
    pub zb: i8,
    /// What happens to the sum.
    pub epilogue: Epilogue,
}

super::pending!(BatchMatMul);
