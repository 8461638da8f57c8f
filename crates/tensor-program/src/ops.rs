//! The operators.
//!
//! Formulas are over the integers: `⌊p/q⌋` rounds towards −∞, `v >> s` is
//! `⌊v/2^s⌋`, `sat_T` clips to the values of type T, and `R` is
//! [`requant`](crate::arith::requant). Shapes leave out the batch: an activation
//! is `[B, s…]`, and no operator looks across samples.
//!
//! *Judge* says what one output element needs, as byte ranges of each operand; a
//! proof carries the 1,024-byte chunks these touch and the chunk of the claimed
//! element.
//!
//! *Broadcast* ([`Add`], [`Mul`], [`Select`]): a constant may stand for an activation
//! and counts as repeated for every sample; at least one operand is an activation.
//! A constant of lower rank than the activations gets leading axes of length 1; then
//! ranks are equal, each axis is equal or 1, and the output takes the longer.
//!
//! Codec indices of operators are fixed for good: an operator that is added later
//! gets a free one, so the encoding of no program changes.

mod abs;
mod add;
mod add_bias;
mod argmax;
mod batch_matmul;
mod broadcast;
mod clamp;
mod concat;
mod conv2d;
pub mod exact;
mod gather;
mod linear;
mod lut16;
mod lut8;
mod matmul;
mod mul;
mod norms;
mod pad;
mod pools;
mod requant;
mod requantize;
mod reshape;
mod rope;
mod row_max;
mod row_mean;
mod row_sum;
mod rows;
mod select;
mod slice;
mod softmax;
#[cfg(test)]
mod testing;
mod topk;
mod transpose;
mod view;
mod window;

pub use abs::Abs;
pub use add::Add;
pub use add_bias::AddBias;
pub use argmax::ArgMax;
pub use batch_matmul::BatchMatMul;
pub use clamp::Clamp;
pub use concat::Concat;
pub use conv2d::Conv2d;
pub use gather::Gather;
pub use linear::{Epilogue, Scale, ZeroPoint};
pub use lut16::Lut16;
pub use lut8::Lut8;
pub use matmul::MatMul;
pub use mul::Mul;
pub use norms::{LayerNorm, RmsNorm};
pub use pad::Pad;
pub use pools::{AvgPool2d, MaxPool2d};
pub use requant::Requant;
pub use requantize::Requantize;
pub use reshape::Reshape;
pub use rope::{Pairs, Rope};
pub use row_max::RowMax;
pub use row_mean::RowMean;
pub use row_sum::RowSum;
pub use select::Select;
pub use slice::Slice;
pub use softmax::Softmax;
pub use topk::TopK;
pub use transpose::Transpose;
pub use window::Window;

use crate::{judge::Refused, validate::Invalid, DType, Operand, Shape, TensorType};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// An operator with its attributes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[non_exhaustive]
pub enum Op {
    /// Product with a constant matrix, with a fused epilogue.
    #[codec(index = 0)]
    MatMul(MatMul),
    /// Product of two activations, with a fused epilogue.
    #[codec(index = 1)]
    BatchMatMul(BatchMatMul),
    /// Convolution with a constant kernel, with a fused epilogue.
    #[codec(index = 2)]
    Conv2d(Conv2d),
    /// A bias per channel.
    #[codec(index = 3)]
    AddBias(AddBias),
    /// Another scale, zero point or element type.
    #[codec(index = 4)]
    Requantize(Requantize),
    /// Weighted sum of two operands: also subtraction and negation.
    #[codec(index = 5)]
    Add(Add),
    /// Product of two operands, element by element.
    #[codec(index = 6)]
    Mul(Mul),
    /// Clipping.
    #[codec(index = 7)]
    Clamp(Clamp),
    /// Magnitude.
    #[codec(index = 8)]
    Abs(Abs),
    /// One of two operands, element by element.
    #[codec(index = 9)]
    Select(Select),
    /// Any function of one 8-bit value.
    #[codec(index = 10)]
    Lut8(Lut8),
    /// Any function of one 16-bit value, by interpolation.
    #[codec(index = 11)]
    Lut16(Lut16),
    /// Sum of each row.
    #[codec(index = 12)]
    RowSum(RowSum),
    /// Largest element of each row.
    #[codec(index = 13)]
    RowMax(RowMax),
    /// Mean of each row, or of its kept elements.
    #[codec(index = 14)]
    RowMean(RowMean),
    /// Softmax of each row.
    #[codec(index = 15)]
    Softmax(Softmax),
    /// Normalisation of each row to mean 0 and variance 1.
    #[codec(index = 16)]
    LayerNorm(LayerNorm),
    /// Normalisation of each row to mean square 1.
    #[codec(index = 17)]
    RmsNorm(RmsNorm),
    /// Index of the largest element of each row.
    #[codec(index = 18)]
    ArgMax(ArgMax),
    /// Indices of the largest elements of each row.
    #[codec(index = 19)]
    TopK(TopK),
    /// The same bytes with another shape.
    #[codec(index = 20)]
    Reshape(Reshape),
    /// The axes in another order.
    #[codec(index = 21)]
    Transpose(Transpose),
    /// Every few indices of a part of one axis.
    #[codec(index = 22)]
    Slice(Slice),
    /// Several operands behind each other along one axis.
    #[codec(index = 23)]
    Concat(Concat),
    /// A constant value around the operand.
    #[codec(index = 24)]
    Pad(Pad),
    /// Rows of a table.
    #[codec(index = 25)]
    Gather(Gather),
    /// Rotation of pairs by position.
    #[codec(index = 26)]
    Rope(Rope),
    /// Largest element of each window.
    #[codec(index = 27)]
    MaxPool2d(MaxPool2d),
    /// Mean of each window.
    #[codec(index = 28)]
    AvgPool2d(AvgPool2d),
}

impl Op {
    /// The operator's name, as in the specification.
    pub const fn name(&self) -> &'static str {
        match self {
            Op::MatMul(_) => "MatMul",
            Op::BatchMatMul(_) => "BatchMatMul",
            Op::Conv2d(_) => "Conv2d",
            Op::AddBias(_) => "AddBias",
            Op::Requantize(_) => "Requantize",
            Op::Add(_) => "Add",
            Op::Mul(_) => "Mul",
            Op::Clamp(_) => "Clamp",
            Op::Abs(_) => "Abs",
            Op::Select(_) => "Select",
            Op::Lut8(_) => "Lut8",
            Op::Lut16(_) => "Lut16",
            Op::RowSum(_) => "RowSum",
            Op::RowMax(_) => "RowMax",
            Op::RowMean(_) => "RowMean",
            Op::Softmax(_) => "Softmax",
            Op::LayerNorm(_) => "LayerNorm",
            Op::RmsNorm(_) => "RmsNorm",
            Op::ArgMax(_) => "ArgMax",
            Op::TopK(_) => "TopK",
            Op::Reshape(_) => "Reshape",
            Op::Transpose(_) => "Transpose",
            Op::Slice(_) => "Slice",
            Op::Concat(_) => "Concat",
            Op::Pad(_) => "Pad",
            Op::Gather(_) => "Gather",
            Op::Rope(_) => "Rope",
            Op::MaxPool2d(_) => "MaxPool2d",
            Op::AvgPool2d(_) => "AvgPool2d",
        }
    }

    pub(crate) fn rule(&self) -> Rule<'_> {
        match self {
            Op::MatMul(op) => Rule::Computed(op),
            Op::BatchMatMul(op) => Rule::Computed(op),
            Op::Conv2d(op) => Rule::Computed(op),
            Op::AddBias(op) => Rule::Computed(op),
            Op::Requantize(op) => Rule::Computed(op),
            Op::Add(op) => Rule::Computed(op),
            Op::Mul(op) => Rule::Computed(op),
            Op::Clamp(op) => Rule::Computed(op),
            Op::Abs(op) => Rule::Computed(op),
            Op::Select(op) => Rule::Computed(op),
            Op::Lut8(op) => Rule::Computed(op),
            Op::Lut16(op) => Rule::Computed(op),
            Op::RowSum(op) => Rule::Computed(op),
            Op::RowMax(op) => Rule::Computed(op),
            Op::RowMean(op) => Rule::Computed(op),
            Op::Softmax(op) => Rule::Computed(op),
            Op::LayerNorm(op) => Rule::Computed(op),
            Op::RmsNorm(op) => Rule::Computed(op),
            Op::ArgMax(op) => Rule::Computed(op),
            Op::TopK(op) => Rule::Computed(op),
            Op::Reshape(op) => Rule::Alias(op),
            Op::Transpose(op) => Rule::Computed(op),
            Op::Slice(op) => Rule::Computed(op),
            Op::Concat(op) => Rule::Computed(op),
            Op::Pad(op) => Rule::Computed(op),
            Op::Gather(op) => Rule::Computed(op),
            Op::Rope(op) => Rule::Computed(op),
            Op::MaxPool2d(op) => Rule::Computed(op),
            Op::AvgPool2d(op) => Rule::Computed(op),
        }
    }
}

/// How a node gets its bytes.
pub(crate) enum Rule<'a> {
    /// It computes them element by element.
    Computed(&'a dyn Operator),
    /// They are its operand's.
    Alias(&'a Reshape),
}

pub(crate) trait Operator {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid>;

    /// Appends the output's bytes, all samples. `None` if operands are not as
    /// validated.
    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()>;

    /// Byte range of the claimed output that judging `element` opens: at least the
    /// element itself.
    fn opens(&self, out: &TensorType, element: u64) -> Option<Range<u64>> {
        span(element, out.dtype.width())
    }

    fn check_witness(&self, at: &Position<'_>) -> Result<(), Refused> {
        match at.witness {
            None => Ok(()),
            Some(_) => Err(Refused::Witness),
        }
    }

    /// Elements and witnesses to try, one of which convicts if the claimed element is
    /// wrong. All open the same range of the output, whose true bytes are `ours`.
    fn charges(&self, at: &Position<'_>, _ours: &[u8]) -> Option<Vec<(u64, Option<u64>)>> {
        Some(vec![(at.element, None)])
    }

    /// The order in which a judge reads this many operands.
    fn order(&self, operands: usize) -> Vec<usize> {
        (0..operands).collect()
    }

    /// Byte ranges of one operand that judging `at` needs. `got` holds the bytes of
    /// those read before, each operand's ranges joined, and nothing of the others.
    fn ranges(&self, at: &Position<'_>, operand: usize, got: &[Vec<u8>])
        -> Option<Vec<Range<u64>>>;

    /// Whether the claimed element is wrong, given the bytes of all ranges.
    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool>;
}

/// What validation knows of a node's operands.
pub(crate) struct Scope<'a> {
    pub(crate) node: u16,
    pub(crate) operands: Vec<(Operand, &'a TensorType)>,
}

/// What validation learns of a node.
pub(crate) struct Inferred {
    pub(crate) ty: TensorType,
    /// Multiply-accumulates per sample.
    pub(crate) macs: u64,
    /// Simple steps per sample.
    pub(crate) ops: u64,
    /// For every range a judge may need, the operand and the most chunks it touches.
    pub(crate) touches: Vec<(usize, u64)>,
    /// Most chunks of the claimed output that a judge opens: 1 for one element.
    pub(crate) opens: u64,
}

/// What an operator runs on.
pub(crate) struct Args<'a> {
    pub(crate) batch: u64,
    pub(crate) out: &'a TensorType,
    pub(crate) operands: Vec<Arg<'a>>,
}

impl<'a> Args<'a> {
    pub(crate) fn first(&self) -> Option<&Arg<'a>> {
        self.operands.first()
    }

    pub(crate) fn get(&self, operand: usize) -> Option<&Arg<'a>> {
        self.operands.get(operand)
    }
}

/// An operand's type and all its bytes: of a constant, or of all samples.
pub(crate) struct Arg<'a> {
    pub(crate) ty: &'a TensorType,
    pub(crate) constant: bool,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Arg<'a> {
    /// The bytes of one sample; a constant counts as repeated for every sample.
    pub(crate) fn sample(&self, sample: u64) -> Option<&'a [u8]> {
        if self.constant {
            return Some(self.bytes);
        }
        let range = span(sample, self.ty.bytes()?)?;
        self.bytes
            .get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }
}

/// One element of a node's output and what is claimed of it.
#[derive(Clone, Copy)]
pub(crate) struct Position<'a> {
    pub(crate) element: u64,
    pub(crate) claimed: i32,
    /// The claimed bytes of the range that [`Operator::opens`] names.
    pub(crate) opened: &'a [u8],
    pub(crate) witness: Option<u64>,
    /// The operands' types, and whether they are constants.
    pub(crate) operands: &'a [(&'a TensorType, bool)],
    pub(crate) out: &'a TensorType,
}

impl Position<'_> {
    /// The type of an operand.
    pub(crate) fn ty(&self, operand: usize) -> Option<&TensorType> {
        self.operands.get(operand).map(|(ty, _)| *ty)
    }

    /// The element's sample, and its index within that.
    pub(crate) fn sample(&self) -> Option<(u64, u64)> {
        let one = self.out.shape.elements()?;
        Some((
            self.element.checked_div(one)?,
            self.element.checked_rem(one)?,
        ))
    }

    /// The byte range of element `index` of an operand, counted over all samples.
    pub(crate) fn element_range(&self, operand: usize, index: u64) -> Option<Range<u64>> {
        span(index, self.ty(operand)?.dtype.width())
    }

    /// The byte range of element `index` of one sample of an operand; a constant
    /// counts as repeated for every sample.
    pub(crate) fn sample_range(
        &self,
        operand: usize,
        sample: u64,
        index: u64,
    ) -> Option<Range<u64>> {
        let (ty, constant) = self.operands.get(operand)?;
        let first = match constant {
            true => 0,
            false => sample.checked_mul(ty.shape.elements()?)?,
        };
        span(first.checked_add(index)?, ty.dtype.width())
    }
}

/// The index on every axis of element `index` of a tensor of this shape.
pub(crate) fn coordinates(shape: &Shape, index: u64) -> Option<Vec<u64>> {
    let mut rest = index;
    let mut found = vec![0; shape.0.len()];
    for (at, axis) in found.iter_mut().zip(&shape.0).rev() {
        *at = rest.checked_rem(u64::from(*axis))?;
        rest = rest.checked_div(u64::from(*axis))?;
    }
    Some(found)
}

/// The index of the element at these coordinates of a tensor of this shape.
pub(crate) fn flat_index(shape: &Shape, coordinates: &[u64]) -> Option<u64> {
    shape
        .0
        .iter()
        .zip(coordinates)
        .try_fold(0u64, |index, (axis, at)| {
            index.checked_mul(u64::from(*axis))?.checked_add(*at)
        })
}

/// The range of the `index`-th run of `bytes` bytes.
pub(crate) fn span(index: u64, bytes: u64) -> Option<Range<u64>> {
    let start = index.checked_mul(bytes)?;
    Some(start..start.checked_add(bytes)?)
}

/// Most chunks that `bytes` consecutive bytes at any offset touch.
pub(crate) fn chunks_touched(bytes: u64) -> u64 {
    bytes
        .saturating_add(1_022)
        .div_euclid(1_024)
        .saturating_add(1)
}

impl<'a> Scope<'a> {
    pub(crate) fn expect_count(&self, expected: usize) -> Result<(), Invalid> {
        if self.operands.len() == expected {
            return Ok(());
        }
        Err(Invalid::OperandCount {
            node: self.node,
            expected: expected as u16,
            found: self.operands.len() as u16,
        })
    }

    fn get(&self, operand: usize) -> Result<(Operand, &'a TensorType), Invalid> {
        self.operands
            .get(operand)
            .copied()
            .ok_or(Invalid::OperandCount {
                node: self.node,
                expected: (operand as u16).saturating_add(1),
                found: self.operands.len() as u16,
            })
    }

    pub(crate) fn activation(&self, operand: usize) -> Result<&'a TensorType, Invalid> {
        match self.get(operand)? {
            (Operand::Input(_) | Operand::Node(_), ty) => Ok(ty),
            (Operand::Const(_), _) => Err(Invalid::NotActivation {
                node: self.node,
                operand: operand as u16,
            }),
        }
    }

    /// An activation or a constant, and whether it is a constant.
    pub(crate) fn value(&self, operand: usize) -> Result<(&'a TensorType, bool), Invalid> {
        let (source, ty) = self.get(operand)?;
        Ok((ty, matches!(source, Operand::Const(_))))
    }

    /// An activation with at least one axis besides the batch, and that axis.
    pub(crate) fn rows(&self, operand: usize) -> Result<(&'a TensorType, u32), Invalid> {
        let ty = self.activation(operand)?;
        let last = ty.shape.last().ok_or_else(|| self.bad_shape(operand))?;
        Ok((ty, last))
    }

    pub(crate) fn constant(&self, operand: usize) -> Result<&'a TensorType, Invalid> {
        match self.get(operand)? {
            (Operand::Const(_), ty) => Ok(ty),
            _ => Err(Invalid::NotConstant {
                node: self.node,
                operand: operand as u16,
            }),
        }
    }

    /// Checks that an operand is a constant of exactly this type.
    pub(crate) fn constant_of(
        &self,
        operand: usize,
        dtype: DType,
        axes: &[u32],
    ) -> Result<(), Invalid> {
        let ty = self.constant(operand)?;
        if ty.dtype != dtype {
            return Err(self.bad_type(operand, ty));
        }
        if ty.shape.0 != axes {
            return Err(self.bad_shape(operand));
        }
        Ok(())
    }

    pub(crate) fn bad_type(&self, operand: usize, ty: &TensorType) -> Invalid {
        Invalid::OperandType {
            node: self.node,
            operand: operand as u16,
            found: ty.dtype,
        }
    }

    pub(crate) fn bad_shape(&self, operand: usize) -> Invalid {
        Invalid::OperandShape {
            node: self.node,
            operand: operand as u16,
        }
    }

    pub(crate) fn attribute(&self, ok: bool, attribute: &'static str) -> Result<(), Invalid> {
        if ok {
            Ok(())
        } else {
            Err(Invalid::Attribute {
                node: self.node,
                attribute,
            })
        }
    }

    /// Checks the last steps of a requantisation to `out`.
    pub(crate) fn output_range(&self, out: DType, z: i32, lo: i32, hi: i32) -> Result<(), Invalid> {
        self.attribute(out.holds(z), "z")?;
        self.clip_range(out, lo, hi)
    }

    /// Checks that `lo` and `hi` are values of `out` in this order.
    pub(crate) fn clip_range(&self, out: DType, lo: i32, hi: i32) -> Result<(), Invalid> {
        self.attribute(out.holds(lo), "lo")?;
        self.attribute(out.holds(hi), "hi")?;
        self.attribute(lo <= hi, "lo")
    }

    /// Elements of one sample.
    pub(crate) fn elements(&self, ty: &TensorType) -> Result<u64, Invalid> {
        ty.shape.elements().ok_or(Invalid::CostOverflow)
    }

    /// What an operator that maps each element of operand 0 by itself learns.
    pub(crate) fn elementwise(
        &self,
        dtype: DType,
        more_touches: usize,
    ) -> Result<Inferred, Invalid> {
        let ty = self.activation(0)?;
        let mut touches = vec![(0, 1)];
        touches.extend((0..more_touches).map(|i| (i.saturating_add(1), 1)));
        Ok(Inferred {
            ty: TensorType {
                dtype,
                shape: ty.shape.clone(),
            },
            macs: 0,
            ops: self.elements(ty)?,
            touches,
            opens: 1,
        })
    }
}
