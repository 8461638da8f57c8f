use super::{Epilogue, Window, ZeroPoint};
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Two-dimensional convolution with a constant kernel, with a fused epilogue.
///
/// - *Operands*: `x[H,W,C]` i8, an activation; `w`, constant `i8[O,kh,kw,C/groups]`;
///   then, each only if the attributes say so, `zb`, constant `i8[O]`; `params`,
///   constant `i32[O,2]`; `lut`, constant `T[256]`.
/// - *Output*: `[H',W',O]`, see [`Window`]; i32 ([`Epilogue::Raw`]), the epilogue's
///   `out`, or T.
/// - *Formula*: `v[p,q,o] = Σ_{i,j,c} (x[p·sh − t + i·dh, q·sw − l + j·dw, c₀ + c] −
///   za)·(w[o,i,j,c] − zb[o])`, positions outside `x` left out, so that padding
///   counts as `za`; `c₀ = ⌊o·groups/O⌋·C/groups`. Plus `params[o,0]`, then the
///   epilogue with scale `params[o,1]` if it is per channel.
/// - *Bounds*: K·A·W ≤ 2^30 − 2^23 as in [`MatMul`](super::MatMul), with
///   K = kh·kw·C/groups; `groups` divides C and O; strides and dilations at least 1.
/// - *Judge*: `x` C/groups bytes for each tap inside, or, if there is one group and
///   no horizontal dilation, one range for each row of taps, of at most kw·C bytes;
///   `w` K bytes; `zb` 1; `params` 8; `lut` one entry.
/// - *Cost*: macs K·|out|.
/// - *Source*: ONNX `QLinearConv` in NHWC and OHWI order; TFLite `CONV_2D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Conv2d {
    /// Where the kernel stands.
    pub window: Window,
    /// Number of groups, at least 1.
    pub groups: u32,
    /// Zero point of `x`, also the value of padding.
    pub za: i8,
    /// Zero point of the kernel.
    pub zb: ZeroPoint,
    /// Whether there is a `params` operand: a bias and a packed scale per channel.
    pub params: bool,
    /// What happens to the sum.
    pub epilogue: Epilogue,
}

super::pending!(Conv2d);
