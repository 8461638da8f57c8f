use crate::{program::decode_list, MAX_RANK};
use alloc::vec::Vec;
use codec::{Decode, Encode, Input};
use scale_info::TypeInfo;

/// The axes in another order.
///
/// - *Operands*: `x` of any type T, an activation.
/// - *Output*: T; axis i of the output is axis `perm[i]` of `x`.
/// - *Formula*: a permutation of the elements of each sample.
/// - *Judge*: `x` one element.
/// - *Cost*: 1 op an element.
/// - *Source*: ONNX `Transpose`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TypeInfo)]
pub struct Transpose {
    /// A permutation of the axes, without the batch axis.
    pub perm: Vec<u8>,
}

impl Decode for Transpose {
    fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
        decode_list(input, MAX_RANK).map(|perm| Transpose { perm })
    }
}

super::pending!(Transpose);
