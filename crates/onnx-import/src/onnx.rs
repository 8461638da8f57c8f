//! The messages of ONNX that an importer reads, borrowed from the file.

use crate::{
    error::{Error, Result},
    tensor::{Data, Elem, Tensor},
    wire::{array, Fields},
};
use std::borrow::Cow;

/// Longest file, in bytes: protobuf's own limit.
pub const MAX_FILE_BYTES: u64 = 1 << 31;
/// Most nodes of a graph.
pub const MAX_GRAPH_NODES: usize = 16_384;
/// Most initialisers of a graph.
pub const MAX_INITIALISERS: usize = 16_384;
const MAX_VALUES: usize = 4_096;
const MAX_NODE_TENSORS: usize = 256;
const MAX_ATTRIBUTES: usize = 64;
const MAX_RANK: usize = 8;
const MAX_OPSETS: usize = 64;

/// The newest version of ONNX's own operators whose definitions were read.
const NEWEST_OPSET: i64 = 25;
/// The oldest version.
const OLDEST_OPSET: i64 = 7;

#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub(crate) opset: i64,
    pub(crate) graph: GraphProto<'a>,
}

#[derive(Debug, Default)]
pub(crate) struct GraphProto<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) initialisers: Vec<TensorProto<'a>>,
    pub(crate) inputs: Vec<ValueInfo<'a>>,
    pub(crate) outputs: Vec<ValueInfo<'a>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Node<'a> {
    pub(crate) inputs: Vec<Cow<'a, str>>,
    pub(crate) outputs: Vec<Cow<'a, str>>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) op: Cow<'a, str>,
    pub(crate) domain: Cow<'a, str>,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: AttributeValue<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum AttributeValue<'a> {
    Float(f32),
    Int(i64),
    Text(&'a [u8]),
    Tensor(TensorProto<'a>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    /// A subgraph, strings, or something newer.
    Other,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TensorProto<'a> {
    pub(crate) name: &'a str,
    dims: Vec<i64>,
    data_type: i64,
    raw: Option<&'a [u8]>,
    floats: Vec<f32>,
    integers: Vec<i64>,
    external: bool,
    segmented: bool,
}

#[derive(Debug, Default)]
pub(crate) struct ValueInfo<'a> {
    pub(crate) name: &'a str,
    pub(crate) elem: Option<i64>,
    /// `None` if the file does not say.
    pub(crate) shape: Option<Vec<Dim<'a>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dim<'a> {
    Fixed(i64),
    Named(&'a str),
}

fn push<T>(list: &mut Vec<T>, item: T, limit: usize, what: &'static str) -> Result<()> {
    if list.len() >= limit {
        return Err(Error::TooLarge {
            what,
            limit: limit as u64,
            found: limit as u64 + 1,
        });
    }
    list.push(item);
    Ok(())
}

/// Reads a model.
pub(crate) fn read(bytes: &[u8]) -> Result<Model<'_>> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::TooLarge {
            what: "the bytes of an ONNX file",
            limit: MAX_FILE_BYTES,
            found: bytes.len() as u64,
        });
    }
    let mut graph = None;
    let mut opset = None;
    let mut seen = 0usize;
    let mut fields = Fields::new("the model", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            7 => graph = Some(fields.bytes(value)?),
            8 => {
                seen += 1;
                if seen > MAX_OPSETS {
                    return Err(Error::TooLarge {
                        what: "the number of operator sets",
                        limit: MAX_OPSETS as u64,
                        found: seen as u64,
                    });
                }
                let (domain, version) = operator_set(fields.bytes(value)?)?;
                if domain.is_empty() || domain == "ai.onnx" {
                    opset = Some(version);
                }
            }
            _ => {}
        }
    }
    let Some(graph) = graph else {
        return Err(Error::Malformed {
            place: "the model",
            at: bytes.len(),
            reason: "it has no graph",
        });
    };
    let opset = opset.ok_or_else(|| Error::Graph {
        reason: "it names no version of ONNX's operators".into(),
    })?;
    if !(OLDEST_OPSET..=NEWEST_OPSET).contains(&opset) {
        return Err(Error::Graph {
            reason: format!(
                "it uses version {opset} of ONNX's operators, known are {OLDEST_OPSET} to \
                 {NEWEST_OPSET}: convert it with onnx.version_converter"
            ),
        });
    }
    Ok(Model {
        opset,
        graph: read_graph(graph)?,
    })
}

fn operator_set(bytes: &[u8]) -> Result<(&str, i64)> {
    let (mut domain, mut version) = ("", 0);
    let mut fields = Fields::new("an operator set", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => domain = fields.text(value)?,
            2 => version = fields.integer(value)?,
            _ => {}
        }
    }
    Ok((domain, version))
}

fn read_graph(bytes: &[u8]) -> Result<GraphProto<'_>> {
    let mut graph = GraphProto::default();
    let mut fields = Fields::new("the graph", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => push(
                &mut graph.nodes,
                read_node(fields.bytes(value)?)?,
                MAX_GRAPH_NODES,
                "the number of nodes",
            )?,
            5 => push(
                &mut graph.initialisers,
                read_tensor(fields.bytes(value)?)?,
                MAX_INITIALISERS,
                "the number of initialisers",
            )?,
            11 => push(
                &mut graph.inputs,
                read_value(fields.bytes(value)?)?,
                MAX_INITIALISERS + MAX_VALUES,
                "the number of inputs",
            )?,
            12 => push(
                &mut graph.outputs,
                read_value(fields.bytes(value)?)?,
                MAX_VALUES,
                "the number of outputs",
            )?,
            15 => {
                return Err(Error::Graph {
                    reason: "it has sparse initialisers: store them as dense ones".into(),
                })
            }
            _ => {}
        }
    }
    Ok(graph)
}

fn read_node(bytes: &[u8]) -> Result<Node<'_>> {
    let mut node = Node::default();
    let what = "the tensors of a node";
    let mut fields = Fields::new("a node", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => {
                let name = Cow::Borrowed(fields.text(value)?);
                push(&mut node.inputs, name, MAX_NODE_TENSORS, what)?;
            }
            2 => {
                let name = Cow::Borrowed(fields.text(value)?);
                push(&mut node.outputs, name, MAX_NODE_TENSORS, what)?;
            }
            3 => node.name = Cow::Borrowed(fields.text(value)?),
            4 => node.op = Cow::Borrowed(fields.text(value)?),
            5 => push(
                &mut node.attributes,
                read_attribute(fields.bytes(value)?)?,
                MAX_ATTRIBUTES,
                "the attributes of a node",
            )?,
            7 => node.domain = Cow::Borrowed(fields.text(value)?),
            _ => {}
        }
    }
    Ok(node)
}

fn read_attribute(bytes: &[u8]) -> Result<Attribute<'_>> {
    let mut name = "";
    let mut kind = None;
    let (mut float, mut int, mut text, mut tensor) = (None, None, None, None);
    let (mut floats, mut ints) = (Vec::new(), Vec::new());
    let mut fields = Fields::new("an attribute", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => name = fields.text(value)?,
            2 => float = Some(fields.float(value)?),
            3 => int = Some(fields.integer(value)?),
            4 => text = Some(fields.bytes(value)?),
            5 => tensor = Some(read_tensor(fields.bytes(value)?)?),
            7 => fields.floats(value, &mut floats)?,
            8 => fields.integers(value, &mut ints)?,
            20 => kind = Some(fields.integer(value)?),
            _ => {}
        }
    }
    let value = match kind {
        Some(1) => AttributeValue::Float(float.unwrap_or_default()),
        Some(2) => AttributeValue::Int(int.unwrap_or_default()),
        Some(3) => AttributeValue::Text(text.unwrap_or_default()),
        Some(4) => AttributeValue::Tensor(tensor.unwrap_or_default()),
        Some(6) => AttributeValue::Floats(floats),
        Some(7) => AttributeValue::Ints(ints),
        Some(_) => AttributeValue::Other,
        // Writers before version 3 of the format left the kind out.
        None => match (float, int, text, tensor) {
            (Some(float), ..) => AttributeValue::Float(float),
            (_, Some(int), ..) => AttributeValue::Int(int),
            (_, _, Some(text), _) => AttributeValue::Text(text),
            (.., Some(tensor)) => AttributeValue::Tensor(tensor),
            _ if !floats.is_empty() => AttributeValue::Floats(floats),
            _ => AttributeValue::Ints(ints),
        },
    };
    Ok(Attribute { name, value })
}

/// Reads a tensor as `TensorProto`, the form of ONNX's test data files.
pub(crate) fn read_tensor(bytes: &[u8]) -> Result<TensorProto<'_>> {
    let mut tensor = TensorProto::default();
    let mut fields = Fields::new("a tensor", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => fields.integers(value, &mut tensor.dims)?,
            2 => tensor.data_type = fields.integer(value)?,
            3 => tensor.segmented = true,
            4 => fields.floats(value, &mut tensor.floats)?,
            5 | 7 | 11 => fields.integers(value, &mut tensor.integers)?,
            8 => tensor.name = fields.text(value)?,
            9 => tensor.raw = Some(fields.bytes(value)?),
            10 => fields.doubles(value, &mut tensor.floats)?,
            13 => tensor.external = true,
            14 => tensor.external |= fields.integer(value)? == 1,
            _ => {}
        }
    }
    Ok(tensor)
}

fn read_value(bytes: &[u8]) -> Result<ValueInfo<'_>> {
    let mut info = ValueInfo::default();
    let mut fields = Fields::new("a value", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => info.name = fields.text(value)?,
            2 => {
                let mut ty = Fields::new("a type", fields.bytes(value)?);
                while let Some((number, value)) = ty.next()? {
                    if number == 1 {
                        read_tensor_type(ty.bytes(value)?, &mut info)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(info)
}

fn read_tensor_type<'a>(bytes: &'a [u8], info: &mut ValueInfo<'a>) -> Result<()> {
    let mut fields = Fields::new("a tensor type", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => info.elem = Some(fields.integer(value)?),
            2 => {
                let mut dims = Vec::new();
                let mut shape = Fields::new("a shape", fields.bytes(value)?);
                while let Some((number, value)) = shape.next()? {
                    if number == 1 {
                        let dim = read_dim(shape.bytes(value)?)?;
                        push(&mut dims, dim, MAX_RANK, "the rank of a tensor")?;
                    }
                }
                info.shape = Some(dims);
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_dim(bytes: &[u8]) -> Result<Dim<'_>> {
    let mut dim = Dim::Named("");
    let mut fields = Fields::new("a dimension", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => dim = Dim::Fixed(fields.integer(value)?),
            2 => dim = Dim::Named(fields.text(value)?),
            _ => {}
        }
    }
    Ok(dim)
}

impl TensorProto<'_> {
    /// The tensor's values. Never more memory than a small multiple of the bytes
    /// in the file.
    pub(crate) fn decode(&self) -> Result<Tensor> {
        let fail = |reason: String| Error::Initialiser {
            tensor: self.name.into(),
            reason,
        };
        if self.external {
            return Err(Error::ExternalData {
                tensor: self.name.into(),
            });
        }
        if self.segmented {
            return Err(fail("it is stored in segments".into()));
        }
        if self.dims.len() > MAX_RANK {
            return Err(fail(format!("it has more than {MAX_RANK} axes")));
        }
        let elem = Elem::from_onnx(self.data_type)
            .ok_or_else(|| fail(format!("its element type {} is not known", self.data_type)))?;
        let mut shape = Vec::with_capacity(self.dims.len());
        let mut count = 1usize;
        for dim in &self.dims {
            let axis = usize::try_from(*dim).map_err(|_| fail("an axis is negative".into()))?;
            count = count
                .checked_mul(axis)
                .ok_or_else(|| fail("it has too many elements".into()))?;
            shape.push(axis);
        }
        let data = match self.raw {
            Some(raw) => {
                let width = elem.width();
                if count.checked_mul(width) != Some(raw.len()) {
                    return Err(fail(format!(
                        "its {count} elements of {width} bytes are stored in {} bytes",
                        raw.len()
                    )));
                }
                decode_raw(elem, raw)
            }
            None => {
                let given = self.floats.len().max(self.integers.len());
                if given != count {
                    return Err(fail(format!("it has {given} values for {count} elements")));
                }
                match elem {
                    Elem::F16 => Data::F(
                        self.integers
                            .iter()
                            .map(|bits| half_to_f32(*bits as u16))
                            .collect(),
                    ),
                    Elem::F32 | Elem::F64 => Data::F(self.floats.clone()),
                    _ => Data::I(self.integers.iter().map(|v| saturate(*v)).collect()),
                }
            }
        };
        Tensor::new(elem, shape, data).ok_or_else(|| fail("its values do not fit its type".into()))
    }
}

/// 64-bit numbers appear in ONNX as shapes, axes and "to the end"; all of them
/// keep their meaning when cut to 32 bits.
pub(crate) fn saturate(value: i64) -> i32 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

pub(crate) fn decode_raw(elem: Elem, raw: &[u8]) -> Data {
    let width = elem.width();
    let parts = raw.chunks_exact(width);
    match elem {
        Elem::F32 => Data::F(parts.map(|p| f32::from_le_bytes(array(p))).collect()),
        Elem::F64 => Data::F(parts.map(|p| f64::from_le_bytes(array(p)) as f32).collect()),
        Elem::F16 => Data::F(
            parts
                .map(|p| half_to_f32(u16::from_le_bytes(array(p))))
                .collect(),
        ),
        Elem::U8 => Data::I(raw.iter().map(|b| i32::from(*b)).collect()),
        Elem::Bool => Data::I(raw.iter().map(|b| i32::from(*b != 0)).collect()),
        Elem::I8 => Data::I(raw.iter().map(|b| i32::from(*b as i8)).collect()),
        Elem::U16 => Data::I(
            parts
                .map(|p| i32::from(u16::from_le_bytes(array(p))))
                .collect(),
        ),
        Elem::I16 => Data::I(
            parts
                .map(|p| i32::from(i16::from_le_bytes(array(p))))
                .collect(),
        ),
        Elem::I32 => Data::I(parts.map(|p| i32::from_le_bytes(array(p))).collect()),
        Elem::U32 => Data::I(
            parts
                .map(|p| saturate(i64::from(u32::from_le_bytes(array(p)))))
                .collect(),
        ),
        Elem::I64 => Data::I(
            parts
                .map(|p| saturate(i64::from_le_bytes(array(p))))
                .collect(),
        ),
        Elem::U64 => Data::I(
            parts
                .map(|p| u64::from_le_bytes(array(p)).min(i32::MAX as u64) as i32)
                .collect(),
        ),
    }
}

/// IEEE 754 binary16 to binary32, exactly.
pub(crate) fn half_to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

impl Node<'_> {
    /// The node's name, or that of its first output.
    pub(crate) fn label(&self) -> String {
        if !self.name.is_empty() {
            return self.name.to_string();
        }
        self.outputs
            .iter()
            .find(|name| !name.is_empty())
            .map_or_else(|| "unnamed".into(), ToString::to_string)
    }

    fn attribute(&self, name: &str) -> Option<&AttributeValue<'_>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| &attribute.value)
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        match self.attribute(name)? {
            AttributeValue::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn int_or(&self, name: &str, otherwise: i64) -> i64 {
        self.int(name).unwrap_or(otherwise)
    }

    pub(crate) fn float(&self, name: &str) -> Option<f32> {
        match self.attribute(name)? {
            AttributeValue::Float(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn float_or(&self, name: &str, otherwise: f32) -> f32 {
        self.float(name).unwrap_or(otherwise)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            AttributeValue::Text(value) => core::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    pub(crate) fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attribute(name)? {
            AttributeValue::Ints(values) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn floats(&self, name: &str) -> Option<&[f32]> {
        match self.attribute(name)? {
            AttributeValue::Floats(values) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn tensor(&self, name: &str) -> Option<&TensorProto<'_>> {
        match self.attribute(name)? {
            AttributeValue::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_become_the_same_number() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7C00, f32::INFINITY),
        ] {
            assert_eq!(half_to_f32(bits), value, "{bits:#06x}");
        }
        assert!(half_to_f32(0x7E00).is_nan());
    }

    #[test]
    fn a_file_that_is_no_model_is_refused() {
        for bytes in [&b""[..], b"PK\x03\x04 not onnx", &[0x08, 0x07]] {
            assert!(matches!(read(bytes), Err(Error::Malformed { .. })));
        }
    }

    #[test]
    fn a_tensor_in_another_file_is_refused_by_name() {
        // dims 2, FLOAT, name "w", data_location EXTERNAL
        let bytes = [0x08, 2, 0x10, 1, 0x42, 1, b'w', 0x70, 1];
        let tensor = read_tensor(&bytes).unwrap();
        assert_eq!(
            tensor.decode().unwrap_err(),
            Error::ExternalData { tensor: "w".into() }
        );
    }

    #[test]
    fn huge_dimensions_without_data_allocate_nothing() {
        let mut bytes = vec![];
        for _ in 0..3 {
            bytes.extend([0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]);
        }
        bytes.extend([0x10, 1, 0x42, 1, b'w']);
        let tensor = read_tensor(&bytes).unwrap();
        assert!(matches!(tensor.decode(), Err(Error::Initialiser { .. })));
    }
}
