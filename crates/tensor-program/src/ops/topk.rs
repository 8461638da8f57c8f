use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Indices of the k largest elements of each row.
///
/// - *Operands*: `x[…,n]` of any type, an activation.
/// - *Output*: i32 `[…,k]`.
/// - *Formula*: indices by element descending, then index ascending.
/// - *Bounds*: 1 ≤ k ≤ 64, k ≤ n.
/// - *Judge*: the row's k claimed indices are opened. Without witness, output j is
///   wrong if its index is outside 0..n, or j > 0, the index before is inside and
///   does not come strictly before it in that order: `x` two elements. With a
///   witness w < n, only at j = k − 1: wrong if w is none of the k claimed indices
///   and comes before the last of them: `x` two elements.
/// - *Cost*: 4 ops an element of `x`.
/// - *Source*: ONNX `TopK`, sorted, indices only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct TopK {
    /// Number of indices.
    pub k: u8,
}

super::pending!(TopK);
