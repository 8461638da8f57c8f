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
//! Codec indices of operators are fixed for good: an operator that is added later
//! gets a free one, so the encoding of no program changes.

mod argmax;
mod clamp;
mod linear;
mod lut8;
mod matmul;
mod requantize;
mod reshape;

pub use argmax::ArgMax;
pub use clamp::Clamp;
pub use linear::{Epilogue, Scale, ZeroPoint};
pub use lut8::Lut8;
pub use matmul::MatMul;
pub use requantize::Requantize;
pub use reshape::Reshape;

use crate::{judge::Refused, validate::Invalid, DType, Operand, TensorType};
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
    /// Another scale, zero point or element type.
    #[codec(index = 4)]
    Requantize(Requantize),
    /// Clipping.
    #[codec(index = 7)]
    Clamp(Clamp),
    /// Any function of one 8-bit value.
    #[codec(index = 10)]
    Lut8(Lut8),
    /// Index of the largest element of each row.
    #[codec(index = 18)]
    ArgMax(ArgMax),
    /// The same bytes with another shape.
    #[codec(index = 20)]
    Reshape(Reshape),
}

impl Op {
    /// The operator's name, as in the specification.
    pub const fn name(&self) -> &'static str {
        match self {
            Op::MatMul(_) => "MatMul",
            Op::Requantize(_) => "Requantize",
            Op::Clamp(_) => "Clamp",
            Op::Lut8(_) => "Lut8",
            Op::ArgMax(_) => "ArgMax",
            Op::Reshape(_) => "Reshape",
        }
    }

    pub(crate) fn rule(&self) -> Rule<'_> {
        match self {
            Op::MatMul(op) => Rule::Computed(op),
            Op::Requantize(op) => Rule::Computed(op),
            Op::Clamp(op) => Rule::Computed(op),
            Op::Lut8(op) => Rule::Computed(op),
            Op::ArgMax(op) => Rule::Computed(op),
            Op::Reshape(op) => Rule::Alias(op),
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

    /// Appends the output's bytes. `None` if operands are not as validated.
    fn run(&self, args: &[Arg<'_>], out: &mut Vec<u8>) -> Option<()>;

    fn check_witness(&self, at: &Position<'_>) -> Result<(), Refused> {
        match at.witness {
            None => Ok(()),
            Some(_) => Err(Refused::Witness),
        }
    }

    /// Byte ranges of one operand that judging `at` needs. Operands are asked in
    /// order: `got` holds the bytes of those before, each operand's ranges joined.
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
}

/// An operand's type and all its bytes.
pub(crate) struct Arg<'a> {
    pub(crate) ty: &'a TensorType,
    pub(crate) bytes: &'a [u8],
}

/// One element of a node's output and what is claimed of it.
pub(crate) struct Position<'a> {
    pub(crate) element: u64,
    pub(crate) claimed: i32,
    pub(crate) witness: Option<u64>,
    pub(crate) operands: &'a [&'a TensorType],
    pub(crate) out: &'a TensorType,
}

impl Position<'_> {
    /// The type of an operand.
    pub(crate) fn ty(&self, operand: usize) -> Option<&TensorType> {
        self.operands.get(operand).copied()
    }

    /// The byte range of element `index` of an operand, counted over all samples.
    pub(crate) fn element_range(&self, operand: usize, index: u64) -> Option<Range<u64>> {
        span(index, self.ty(operand)?.dtype.width())
    }
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
        })
    }
}
