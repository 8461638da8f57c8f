//! A small float evaluator of ONNX: shapes, constants, ranges on samples, tables.
//!
//! It follows ONNX's definitions in plain `f32`, as onnxruntime's CPU provider
//! does, and knows the operators that the importer knows. Every output's size is
//! checked before anything is allocated for it.

mod kernels;
mod shapes;

pub(crate) use kernels::{eval, pool_geometry, ConvGeometry};
pub(crate) use shapes::{axis_of, conv_geometry, infer, pad_amounts, reduce_axes, slice_spec};

use crate::tensor::{Elem, Tensor};

/// Most elements of one tensor.
pub(crate) const MAX_ELEMENTS: usize = 1 << 28;

/// What is known of an operand.
#[derive(Clone, Copy)]
pub(crate) struct In<'a> {
    pub(crate) elem: Elem,
    pub(crate) shape: &'a [usize],
    /// The values, if they do not depend on the model's inputs.
    pub(crate) value: Option<&'a Tensor>,
}

impl<'a> From<&'a Tensor> for In<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        In {
            elem: tensor.elem,
            shape: &tensor.shape,
            value: Some(tensor),
        }
    }
}

/// Elements of a shape, an error above [`MAX_ELEMENTS`].
pub(crate) fn count(shape: &[usize]) -> Result<usize, String> {
    shape
        .iter()
        .try_fold(1usize, |n, axis| n.checked_mul(*axis))
        .filter(|n| *n <= MAX_ELEMENTS)
        .ok_or_else(|| format!("a tensor of shape {shape:?} is too large"))
}

/// Operators that take one tensor to one of the same shape, element by element.
pub(crate) const UNARY: &[&str] = &[
    "Abs",
    "Neg",
    "Sqrt",
    "Exp",
    "Log",
    "Erf",
    "Tanh",
    "Sigmoid",
    "Relu",
    "LeakyRelu",
    "HardSigmoid",
    "HardSwish",
    "Elu",
    "Selu",
    "Celu",
    "Softplus",
    "Softsign",
    "Gelu",
    "FastGelu",
    "QuickGelu",
    "Mish",
    "Floor",
    "Ceil",
    "Round",
    "Reciprocal",
    "Sign",
    "Sin",
    "Cos",
    "Not",
    "Identity",
    "Dropout",
    "Cast",
    "ThresholdedRelu",
];

/// Operators that take two tensors, broadcast, element by element.
pub(crate) const BINARY: &[&str] = &[
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Min",
    "Max",
    "Mod",
    "PRelu",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Less",
    "Greater",
    "LessOrEqual",
    "GreaterOrEqual",
];
