//! Tensors of floats and integers, as the evaluator computes with them.

/// ONNX element types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Elem {
    /// `float`
    F32,
    /// `double`; kept as `float`
    F64,
    /// `float16`; kept as `float`
    F16,
    /// `uint8`
    U8,
    /// `int8`
    I8,
    /// `uint16`
    U16,
    /// `int16`
    I16,
    /// `int32`
    I32,
    /// `uint32`, cut to 31 bits
    U32,
    /// `int64`, cut to 32 bits
    I64,
    /// `uint64`, cut to 31 bits
    U64,
    /// `bool`
    Bool,
}

impl Elem {
    pub(crate) fn from_onnx(code: i64) -> Option<Self> {
        Some(match code {
            1 => Elem::F32,
            2 => Elem::U8,
            3 => Elem::I8,
            4 => Elem::U16,
            5 => Elem::I16,
            6 => Elem::I32,
            7 => Elem::I64,
            9 => Elem::Bool,
            10 => Elem::F16,
            11 => Elem::F64,
            12 => Elem::U32,
            13 => Elem::U64,
            _ => return None,
        })
    }

    /// Bytes of one element in a file.
    pub(crate) fn width(self) -> usize {
        match self {
            Elem::U8 | Elem::I8 | Elem::Bool => 1,
            Elem::U16 | Elem::I16 | Elem::F16 => 2,
            Elem::F32 | Elem::I32 | Elem::U32 => 4,
            Elem::F64 | Elem::I64 | Elem::U64 => 8,
        }
    }

    /// Whether this is a floating-point type.
    pub fn is_float(self) -> bool {
        matches!(self, Elem::F32 | Elem::F64 | Elem::F16)
    }

    /// Smallest and largest value of an integer type, as kept here.
    pub(crate) fn range(self) -> (i32, i32) {
        match self {
            Elem::U8 => (0, 255),
            Elem::I8 => (-128, 127),
            Elem::U16 => (0, 65_535),
            Elem::I16 => (-32_768, 32_767),
            Elem::Bool => (0, 1),
            Elem::U32 | Elem::U64 => (0, i32::MAX),
            _ => (i32::MIN, i32::MAX),
        }
    }
}

/// Values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Of a floating-point type.
    F(Vec<f32>),
    /// Of an integer type.
    I(Vec<i32>),
}

impl Data {
    pub(crate) fn len(&self) -> usize {
        match self {
            Data::F(values) => values.len(),
            Data::I(values) => values.len(),
        }
    }
}

/// A tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Element type.
    pub elem: Elem,
    /// Axes, the batch axis included.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub data: Data,
}

impl Tensor {
    /// A tensor, `None` if number or kind of the values do not fit.
    pub fn new(elem: Elem, shape: Vec<usize>, data: Data) -> Option<Self> {
        let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d))?;
        let fits = count == data.len() && elem.is_float() == matches!(data, Data::F(_));
        fits.then_some(Self { elem, shape, data })
    }

    /// A tensor in the form of a `TensorProto`, as ONNX's test data files hold one.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes.
    pub fn from_onnx(bytes: &[u8]) -> crate::Result<Self> {
        crate::onnx::read_tensor(bytes)?.decode()
    }

    pub(crate) fn floats(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self {
            elem: Elem::F32,
            shape,
            data: Data::F(values),
        }
    }

    pub(crate) fn ints(elem: Elem, shape: Vec<usize>, values: Vec<i32>) -> Self {
        Self {
            elem,
            shape,
            data: Data::I(values),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as floats.
    pub fn to_floats(&self) -> Vec<f32> {
        match &self.data {
            Data::F(values) => values.clone(),
            Data::I(values) => values.iter().map(|v| *v as f32).collect(),
        }
    }

    /// The values of an integer tensor.
    pub fn as_ints(&self) -> Option<&[i32]> {
        match &self.data {
            Data::I(values) => Some(values),
            Data::F(_) => None,
        }
    }

    /// The one value of a tensor with one element.
    pub(crate) fn scalar(&self) -> Option<f32> {
        match &self.data {
            Data::F(values) if values.len() == 1 => values.first().copied(),
            Data::I(values) if values.len() == 1 => values.first().map(|v| *v as f32),
            _ => None,
        }
    }

    pub(crate) fn with_shape(mut self, shape: Vec<usize>) -> Self {
        self.shape = shape;
        self
    }
}
