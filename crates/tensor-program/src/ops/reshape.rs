use super::{Inferred, Scope};
use crate::{validate::Invalid, Operand, Shape, TensorType};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// The same bytes with another shape.
///
/// - *Operands*: the output of a node.
/// - *Output*: the operand's type, `shape`; as many elements as before.
/// - *Formula*: none; the trace repeats the operand's root.
/// - *Judge*: the claimed root must equal the operand's; no slice.
/// - *Cost*: none but the node.
/// - *Source*: ONNX `Reshape`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Reshape {
    /// The new axes, without the batch axis.
    pub shape: Shape,
}

impl Reshape {
    pub(crate) fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        scope.expect_count(1)?;
        let ty = scope.activation(0)?;
        if !matches!(scope.operands.first(), Some((Operand::Node(_), _))) {
            return Err(Invalid::NotNode {
                node: scope.node,
                operand: 0,
            });
        }
        if self.shape.elements() != ty.shape.elements() {
            return Err(Invalid::ElementsChange { node: scope.node });
        }
        Ok(Inferred {
            ty: TensorType {
                dtype: ty.dtype,
                shape: self.shape.clone(),
            },
            macs: 0,
            ops: 0,
            touches: Vec::new(),
            opens: 1,
        })
    }
}
