use super::{Requant, Window};
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Largest element of each window.
///
/// - *Operands*: `x[H,W,C]` i8 or i16, an activation.
/// - *Output*: the type of `x`, `[H',W',C]`, see [`Window`].
/// - *Formula*: the maximum over the taps inside `x`.
/// - *Bounds*: kh·kw ≤ 4,096; strides and dilations at least 1; every window holds at
///   least one position of `x`.
/// - *Judge*: `x` one element for each tap inside.
/// - *Cost*: kh·kw ops an output element.
/// - *Source*: ONNX `MaxPool` in NHWC order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct MaxPool2d {
    /// Height and width of a window, at least 1.
    pub kernel: [u16; 2],
    /// Where the windows stand.
    pub window: Window,
}

/// Mean of each window.
///
/// - *Operands*: `x[H,W,C]` i8 or i16, an activation.
/// - *Output*: the requantisation's `out`, i8 or i16; `[H',W',C]`, see [`Window`].
/// - *Formula*: S the sum of `x − zx` over the taps inside `x`, c their number, or
///   kh·kw if `count_pad`: `v = ⌊(512·S + c)/(2c)⌋`, then `R(v; m, s, z, lo, hi)`.
/// - *Bounds*: as [`MaxPool2d`]; `zx` a value of x's type.
/// - *Judge*: `x` one element for each tap inside.
/// - *Cost*: kh·kw ops an output element.
/// - *Source*: ONNX `AveragePool` in NHWC order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AvgPool2d {
    /// Height and width of a window, at least 1.
    pub kernel: [u16; 2],
    /// Where the windows stand.
    pub window: Window,
    /// Whether taps outside `x` count, as zeros.
    pub count_pad: bool,
    /// Zero point of `x`.
    pub zx: i32,
    /// What happens to the mean.
    pub requant: Requant,
}

super::pending!(MaxPool2d);

super::pending!(AvgPool2d);
