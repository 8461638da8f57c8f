use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Every `step`-th index of a part of one axis.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T; the axis becomes `len` long.
/// - *Formula*: index i of the axis is index `start + i·step` of x's.
/// - *Bounds*: `len ≥ 1`, `step ≥ 1`, `start + (len − 1)·step` inside the axis.
/// - *Judge*: `x` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Slice` with a positive step; `Split`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Slice {
    /// The axis, without the batch axis.
    pub axis: u8,
    /// First index.
    pub start: u32,
    /// Number of indices.
    pub len: u32,
    /// Distance of indices.
    pub step: u32,
}

super::pending!(Slice);
