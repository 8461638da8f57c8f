//! The program format and its one encoding.

use crate::{
    ops::Op, validate::Invalid, MAX_CONSTANTS, MAX_INPUTS, MAX_NODES, MAX_OPERANDS, MAX_OUTPUTS,
    MAX_PROGRAM_BYTES, MAX_RANK,
};
use alloc::vec::Vec;
use codec::{Compact, Decode, DecodeWithMemTracking, Encode, Input};
use core::fmt;
use scale_info::TypeInfo;

/// Element type: two's complement, little-endian.
///
/// Unsigned data is stored with its top bit flipped (`u − 128` in an `I8`), and
/// its zero point moves along.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, DecodeWithMemTracking, TypeInfo,
)]
pub enum DType {
    /// 8 bits.
    #[codec(index = 0)]
    I8,
    /// 16 bits.
    #[codec(index = 1)]
    I16,
    /// 32 bits.
    #[codec(index = 2)]
    I32,
}

impl DType {
    /// Bytes of one element.
    pub const fn width(self) -> u64 {
        match self {
            DType::I8 => 1,
            DType::I16 => 2,
            DType::I32 => 4,
        }
    }

    /// Smallest value.
    pub const fn min(self) -> i32 {
        match self {
            DType::I8 => i8::MIN as i32,
            DType::I16 => i16::MIN as i32,
            DType::I32 => i32::MIN,
        }
    }

    /// Largest value.
    pub const fn max(self) -> i32 {
        match self {
            DType::I8 => i8::MAX as i32,
            DType::I16 => i16::MAX as i32,
            DType::I32 => i32::MAX,
        }
    }

    /// Whether `value` is one of this type's values.
    pub const fn holds(self, value: i32) -> bool {
        self.min() <= value && value <= self.max()
    }
}

/// Axes of a tensor, outermost first. An activation's batch axis is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Encode, TypeInfo)]
pub struct Shape(pub Vec<u32>);

impl Shape {
    /// Length of the last axis, `None` for a scalar.
    pub fn last(&self) -> Option<u32> {
        self.0.last().copied()
    }

    /// Number of elements: the product of the axes, 1 for a scalar. `None` above
    /// `u64::MAX`.
    pub fn elements(&self) -> Option<u64> {
        self.0
            .iter()
            .try_fold(1u64, |n, axis| n.checked_mul(u64::from(*axis)))
    }
}

impl<const N: usize> From<[u32; N]> for Shape {
    fn from(axes: [u32; N]) -> Self {
        Shape(axes.to_vec())
    }
}

impl Decode for Shape {
    fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
        decode_list(input, MAX_RANK).map(Shape)
    }
}

/// Element type and shape of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode, TypeInfo)]
pub struct TensorType {
    /// Element type.
    pub dtype: DType,
    /// Axes; without the batch axis for an activation.
    pub shape: Shape,
}

impl TensorType {
    /// Bytes of one sample of an activation, or of a constant. `None` above
    /// `u64::MAX`.
    pub fn bytes(&self) -> Option<u64> {
        self.shape.elements()?.checked_mul(self.dtype.width())
    }
}

/// A value fixed by the program or by the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode, TypeInfo)]
pub enum Constant {
    /// Bytes named by a root in the model, so that one program serves many
    /// versions. The root constants take the model's roots in order.
    #[codec(index = 0)]
    Root {
        /// Element type and shape.
        ty: TensorType,
    },
    /// Bytes in the program itself.
    #[codec(index = 1)]
    Inline {
        /// Element type and shape.
        ty: TensorType,
        /// The bytes; exactly as many as `ty` says.
        bytes: Vec<u8>,
    },
}

impl Constant {
    /// Element type and shape.
    pub fn ty(&self) -> &TensorType {
        match self {
            Constant::Root { ty } | Constant::Inline { ty, .. } => ty,
        }
    }
}

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, TypeInfo)]
pub enum Operand {
    /// The input of this index.
    #[codec(index = 0)]
    Input(u16),
    /// The constant of this index.
    #[codec(index = 1)]
    Const(u16),
    /// The output of the node of this index, lower than the reader's.
    #[codec(index = 2)]
    Node(u16),
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Input(i) => write!(f, "input {i}"),
            Operand::Const(i) => write!(f, "constant {i}"),
            Operand::Node(i) => write!(f, "node {i}"),
        }
    }
}

/// One operator with its attributes and operands. Its output's type is inferred.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TypeInfo)]
pub struct Node {
    /// Operator and attributes.
    pub op: Op,
    /// Operands in the operator's order.
    pub operands: Vec<Operand>,
}

impl Decode for Node {
    fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
        Ok(Node {
            op: Decode::decode(input)?,
            operands: decode_list(input, MAX_OPERANDS)?,
        })
    }
}

/// A graph of integer operators over a batch of samples.
///
/// Fields are public so that importers can build one; only
/// [`validate`](crate::validate()) says whether it means anything.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TypeInfo)]
pub struct Program {
    /// Semantic version, [`VERSION`](crate::VERSION).
    pub version: u8,
    /// Largest batch a job may ask for, 1 to 2^24.
    pub max_batch: u32,
    /// Input activations, from the widest element type to the narrowest.
    pub inputs: Vec<TensorType>,
    /// Constants.
    pub constants: Vec<Constant>,
    /// Nodes; each reads inputs, constants and earlier nodes.
    pub nodes: Vec<Node>,
    /// Indices of the nodes whose outputs are the program's.
    pub outputs: Vec<u16>,
}

impl Decode for Program {
    fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
        Ok(Program {
            version: Decode::decode(input)?,
            max_batch: Decode::decode(input)?,
            inputs: decode_list(input, MAX_INPUTS)?,
            constants: decode_list(input, MAX_CONSTANTS)?,
            nodes: decode_list(input, MAX_NODES)?,
            outputs: decode_list(input, MAX_OUTPUTS)?,
        })
    }
}

impl Program {
    /// Decodes a program from its only encoding.
    ///
    /// # Errors
    ///
    /// [`Invalid::TooLong`], [`Invalid::Malformed`], [`Invalid::TrailingBytes`] or
    /// [`Invalid::NotCanonical`]. Lengths are checked before anything is
    /// allocated for them.
    pub fn decode_canonical(bytes: &[u8]) -> Result<Program, Invalid> {
        if bytes.len() > MAX_PROGRAM_BYTES {
            return Err(Invalid::TooLong {
                bytes: bytes.len() as u64,
            });
        }
        let mut rest = bytes;
        let program = Program::decode(&mut rest).map_err(|_| Invalid::Malformed)?;
        if !rest.is_empty() {
            return Err(Invalid::TrailingBytes {
                bytes: rest.len() as u64,
            });
        }
        if program.encoded() != bytes {
            return Err(Invalid::NotCanonical);
        }
        Ok(program)
    }

    /// The program's only encoding.
    pub fn encoded(&self) -> Vec<u8> {
        self.encode()
    }

    /// BLAKE2b-256 of [`Program::encoded`], the program's name on chain.
    pub fn hash(&self) -> [u8; 32] {
        sp_crypto_hashing::blake2_256(&self.encoded())
    }
}

/// Decodes a list of at most `max` items, refusing a longer one before
/// allocating for it.
pub(crate) fn decode_list<T: Decode, I: Input>(
    input: &mut I,
    max: usize,
) -> Result<Vec<T>, codec::Error> {
    let Compact(len) = Compact::<u32>::decode(input)?;
    let len = usize::try_from(len).map_err(|_| "list too long")?;
    if len > max {
        return Err("list too long".into());
    }
    let mut items = Vec::with_capacity(len);
    for _ in 0..len {
        items.push(T::decode(input)?);
    }
    Ok(items)
}
