use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Rows of a table.
///
/// - *Operands*: `table`, constant `[V,d…]` i8 or i16; `idx[s…]` of any type, an
///   activation.
/// - *Output*: the table's type, `[s…,d…]`.
/// - *Formula*: row `clip(idx, 0, V − 1)` of the table: no index is invalid.
/// - *Judge*: `idx` one element, then `table` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Gather` on axis 0 of a constant, indices clipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Gather;

super::pending!(Gather);
