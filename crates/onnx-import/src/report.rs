//! What an import did, for people and for model cards.

use athanor_tensor_program::DType;
use serde::Serialize;

/// An input or output of a program and what its integers mean.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Port {
    /// Name in the model.
    pub name: String,
    /// `i8`, `i16` or `i32`.
    #[serde(rename = "type", serialize_with = "dtype_name")]
    pub dtype: DType,
    /// Axes without the batch.
    pub shape: Vec<u32>,
    /// Real value of one step; `None` for integers, like token ids, masks and indices.
    pub scale: Option<f64>,
    /// Stored integer of the value 0: unsigned 8-bit data is kept 128 lower.
    pub zero_point: i32,
    /// The model's own element type.
    pub model_type: String,
}

fn dtype_name<S: serde::Serializer>(dtype: &DType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(type_name(*dtype))
}

/// `i8`, `i16` or `i32`.
pub fn type_name(dtype: DType) -> &'static str {
    match dtype {
        DType::I8 => "i8",
        DType::I16 => "i16",
        DType::I32 => "i32",
    }
}

/// A node of the model and what it became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapped {
    /// Name of the node.
    pub node: String,
    /// Its operator.
    pub op: String,
    /// The program's nodes, as `index operator`.
    pub became: Vec<String>,
}

/// A tensor that the model does not quantise and the program keeps at 16 bits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Invented {
    /// Name of the tensor.
    pub tensor: String,
    /// Real value of one step.
    pub scale: f64,
}

/// How near an output of the program is to some floats.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Closeness {
    /// Largest difference.
    pub max_difference: f64,
    /// Mean of the differences' magnitudes.
    pub mean_difference: f64,
    /// Mean cosine between the samples' vectors.
    pub mean_cosine: f64,
    /// Share of the samples with the same largest element.
    pub same_largest: f64,
    /// Share of the elements more than one step of the program's scale away.
    pub beyond_one_step: f64,
}

/// Accuracy of one output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Name of the output.
    pub output: String,
    /// Samples compared.
    pub samples: usize,
    /// Against this crate's float evaluation of the given (quantised) model.
    pub to_model: Closeness,
    /// Against the array of the output's name in the samples, if there is one.
    pub to_reference: Option<Closeness>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// BLAKE2b-256 of the program's encoding, the name of the program on chain.
    pub program_hash: String,
    /// Bytes of the program's encoding.
    pub program_bytes: usize,
    /// Nodes of the program.
    pub nodes: usize,
    /// Constants named by root: as many weight files belong to the model.
    pub weights: usize,
    /// Bytes of all weights.
    pub weight_bytes: u64,
    /// Largest batch of a job.
    pub max_batch: u32,
    /// Multiply-accumulates of one sample.
    pub macs: u64,
    /// Inputs in the order of the input blob.
    pub inputs: Vec<Port>,
    /// Outputs in the order of the output blob.
    pub outputs: Vec<Port>,
    /// What every node of the model that left a trace became.
    pub mapped: Vec<Mapped>,
    /// `QuantizeLinear` nodes that became part of the program.
    pub quantise_kept: usize,
    /// Names of the `QuantizeLinear` nodes that were dropped.
    pub quantise_dropped: Vec<String>,
    /// Tensors that got a 16-bit form of their own.
    pub invented: Vec<Invented>,
    /// What a reader should know besides.
    pub remarks: Vec<String>,
    /// Accuracy on the samples, if there were some.
    pub accuracy: Vec<Accuracy>,
}
