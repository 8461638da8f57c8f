//! From quantised ONNX to exact tensor programs.
//!
//! [`import`] reads a model as onnxruntime's static quantisation writes it (QDQ or
//! QLinear form) and gives a [`Program`], its weights, and a [`Report`]. The mapping
//! is that of `docs/spec/tensor-program.md`, "From ONNX": scales become multipliers
//! and shifts, zero points and biases map exactly, float operators between quantised
//! tensors become tables or the integer operator of their name.
//!
//! Floats appear only here: weights and tables are computed once and are data from
//! then on. A result may differ from onnxruntime's by one step where its float
//! scaling or its rounding to even decides.
//!
//! Axis 0 of every activation is the batch. Shapes are inferred for one sample,
//! every other axis must be fixed, and nothing may touch axis 0.
//!
//! # What is not mapped
//!
//! | ONNX | why |
//! |---|---|
//! | `DynamicQuantizeLinear`, scales that are no constants | a scale that follows the data is a float computed in the run |
//! | scales of an activation for each channel or block | a tensor of a program has one scale; weights may have one a channel |
//! | 2-, 4- and 8-bit float, 2- and 4-bit integer elements | a program has i8, i16 and i32 |
//! | `SkipLayerNormalization`, `EmbedLayerNormalization`, `Attention`, `BiasGelu` | forms fused by onnxruntime's optimiser, with inner tensors whose ranges nobody can measure: quantise the model as exported |
//! | `BatchNormalization` over other axes than `[C]` and `[C,H,W]` | its channels are no last axis |
//! | values of `TopK`, its smallest, `ArgMin`, the last of equal maxima | the operators give the places of the largest, the first of equals |
//! | `Conv` over one or three axes, `ConvTranspose`, `Resize`, recurrent operators, `If`, `Loop` | no operator of the semantics does this |
//! | `Gather` by indices of a tensor that is no constant, scatters, `NonZero` | places that follow the data can only pick rows of a constant |
//! | `Softmax` and norms over another axis than the last | transpose first |
//!
//! # Properties
//!
//! - *Total*: no bytes, however malformed, make the import panic, recurse without
//!   bound, or allocate beyond a limit that was checked first ([`MAX_FILE_BYTES`],
//!   [`MAX_GRAPH_NODES`], 2^28 elements a tensor).
//! - *Named*: whatever cannot be mapped is an [`Error`] with the node and the reason.
//! - *Checked*: the program is validated before it is returned.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, rustdoc::broken_intra_doc_links)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]
// Axes index several lists of one length at once.
#![allow(clippy::needless_range_loop)]

mod builder;
mod check;
mod error;
mod float;
mod graph;
mod lower;
pub mod npz;
mod onnx;
mod report;
mod scale;
mod tensor;
mod wire;

pub use error::{Error, Result};
pub use onnx::{MAX_FILE_BYTES, MAX_GRAPH_NODES, MAX_INITIALISERS};
pub use report::{type_name, Accuracy, Closeness, Invented, Mapped, Port, Report};
pub use tensor::{Data, Elem, Tensor};

use athanor_tensor_program::{validate, Invalid, Op, Program};
use builder::Finished;
use graph::{Fixed, Graph, Id};
use lower::Lower;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Stack of the thread that maps: its questions nest as deep as the graph.
const STACK_BYTES: usize = 256 << 20;

/// Called with what is being done, how much of it is done, and how much there is.
pub type Progress = Arc<dyn Fn(&str, usize, usize) + Send + Sync>;

/// What the caller decides.
#[derive(Clone)]
pub struct Options {
    /// Largest batch of a job.
    pub max_batch: u32,
    /// Lengths of axes the model only names, other than the batch.
    pub dims: HashMap<String, usize>,
    /// Inputs that hold one value everywhere, like token types that are all 0.
    pub fill: HashMap<String, f64>,
    /// Inputs that are constants.
    pub constants: HashMap<String, Tensor>,
    /// Arrays `[N, …]` named as the model's inputs, to measure accuracy on; arrays
    /// named as its outputs are compared with.
    pub samples: BTreeMap<String, Tensor>,
    /// Arrays `[N, …]` named as the model's inputs, to measure ranges on; `samples`
    /// if there are none.
    pub calibration: BTreeMap<String, Tensor>,
    /// Most samples to measure ranges on.
    pub range_samples: usize,
    /// Most samples to run the program on.
    pub check_samples: usize,
    /// Whether products put out their exact sums, with bias, requantisation and table
    /// in nodes of their own: the same results bit for bit, and products that a keyed
    /// check can take, for four more bytes an element to write and hash. Convolutions
    /// and products with a left side of 16 bits stay fused.
    pub raw_products: bool,
    /// Progress.
    pub progress: Option<Progress>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_batch: 1_024,
            dims: HashMap::new(),
            fill: HashMap::new(),
            constants: HashMap::new(),
            samples: BTreeMap::new(),
            calibration: BTreeMap::new(),
            range_samples: 64,
            check_samples: 16,
            raw_products: false,
            progress: None,
        }
    }
}

impl core::fmt::Debug for Options {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Options")
            .field("max_batch", &self.max_batch)
            .field("samples", &self.samples.keys())
            .finish_non_exhaustive()
    }
}

/// A model as a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The program, valid.
    pub program: Program,
    /// Bytes of the constants named by root, in order.
    pub weights: Vec<Vec<u8>>,
    /// What was done.
    pub report: Report,
}

/// Maps a model.
///
/// # Errors
///
/// Any [`Error`].
pub fn import(bytes: &[u8], options: &Options) -> Result<Imported> {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("onnx-import".into())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || import_here(bytes, options))
            .map_err(|error| Error::Internal {
                reason: format!("no thread could be started: {error}"),
            })?;
        worker.join().unwrap_or_else(|_| {
            Err(Error::Internal {
                reason: "it panicked".into(),
            })
        })
    })
}

/// A graph evaluated on samples.
struct Measured {
    ranges: HashMap<Id, (f32, f32)>,
    /// For every sample, the model's inputs and outputs.
    samples: Vec<(Vec<Tensor>, Vec<Tensor>)>,
}

fn import_here(bytes: &[u8], options: &Options) -> Result<Imported> {
    let fixed = Fixed {
        dims: options.dims.clone(),
        fill: options.fill.clone(),
        constants: options.constants.clone(),
    };
    let say = |what: &str, done: usize, of: usize| {
        if let Some(progress) = &options.progress {
            progress(what, done, of);
        }
    };
    let graph = Graph::build(bytes, &fixed)?;
    for name in options.fill.keys().chain(options.constants.keys()) {
        let known = graph.values.iter().any(|value| value.name == *name);
        if !known {
            return Err(Error::Input {
                input: name.clone(),
                reason: "the model has no such input".into(),
            });
        }
    }
    let measured = measure(&graph, options, &say)?;
    say("mapping", 0, 1);
    let mut lower = Lower::new(&graph, measured.as_ref().map(|m| m.ranges.clone()));
    lower.builder.raw_products = options.raw_products;
    let mut outputs = Vec::new();
    let mut ports = Vec::new();
    for id in graph.outputs.clone() {
        let (index, value) = lower.as_output(id, &outputs)?;
        outputs.push(index);
        ports.push(port(&graph, id, &value));
    }
    let inputs: Vec<Port> = lower
        .inputs
        .iter()
        .map(|input| port(&graph, input.id, &input.value))
        .collect();
    let Lower {
        builder,
        kept_quantise,
        invented,
        mut remarks,
        inputs: uses,
        ..
    } = lower;
    let finished = builder.finish(&outputs, options.max_batch);
    let validated = validate(&finished.program).map_err(|reason| Error::Program {
        of: blame(&graph, &finished, &reason),
        reason,
    })?;
    for (index, ty) in finished.types.iter().enumerate() {
        if validated.node_type(index) != Some(ty) {
            return Err(Error::Internal {
                reason: format!("node {index} was taken to be {ty:?}"),
            });
        }
    }
    for id in &graph.inputs {
        let read = finished.inputs.iter().any(|at| uses[*at].id == *id);
        if !read {
            remarks.push(format!(
                "input '{}' does not matter for the outputs and is no input of the program",
                graph.values[*id].name
            ));
        }
    }
    let (kept, dropped) = quantisations(&graph, &kept_quantise);
    let mut report = Report {
        program_hash: hex::encode(finished.program.hash()),
        program_bytes: finished.program.encoded().len(),
        nodes: finished.program.nodes.len(),
        weights: finished.weights.len(),
        weight_bytes: finished.weights.iter().map(|w| w.len() as u64).sum(),
        max_batch: options.max_batch,
        macs: validated.cost(1).map_or(0, |cost| cost.macs),
        inputs: finished
            .inputs
            .iter()
            .map(|at| inputs[*at].clone())
            .collect(),
        outputs: ports,
        mapped: mapped(&graph, &finished),
        quantise_kept: kept,
        quantise_dropped: dropped,
        invented: invented
            .into_iter()
            .map(|(id, scale)| Invented {
                tensor: graph.values[id].name.clone(),
                scale,
            })
            .collect(),
        remarks,
        accuracy: vec![],
    };
    let Finished {
        program, weights, ..
    } = finished;
    if let Some(measured) = &measured {
        report.accuracy = check::accuracy(
            &graph,
            &validated,
            &weights,
            &report,
            &measured.samples,
            options,
            &say,
        )?;
    }
    Ok(Imported {
        program,
        weights,
        report,
    })
}

fn port(graph: &Graph<'_>, id: Id, value: &lower::Quantised) -> Port {
    Port {
        name: graph.values[id].name.clone(),
        dtype: value.dtype,
        shape: value.shape.clone(),
        scale: graph.values[id].elem.is_float().then_some(value.scale),
        zero_point: value.zero,
        model_type: format!("{:?}", graph.values[id].elem).to_lowercase(),
    }
}

/// The ONNX node an invalid program's error speaks of.
fn blame(graph: &Graph<'_>, finished: &Finished, reason: &Invalid) -> String {
    let text = reason.to_string();
    let node = text
        .split("node ")
        .nth(1)
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse::<usize>().ok());
    match node.and_then(|node| finished.origins.get(node)) {
        Some(origin) if *origin < graph.nodes.len() => {
            let node = &graph.nodes[*origin].node;
            format!("node '{}' ({})", node.label(), node.op)
        }
        _ => "the program".into(),
    }
}

fn quantisations(
    graph: &Graph<'_>,
    kept: &std::collections::HashSet<usize>,
) -> (usize, Vec<String>) {
    let mut dropped = Vec::new();
    let mut count = 0;
    for (index, node) in graph.nodes.iter().enumerate() {
        let constant = node
            .outs
            .iter()
            .flatten()
            .all(|id| graph.values[*id].constant.is_some());
        if node.node.op != "QuantizeLinear" || constant {
            continue;
        }
        if kept.contains(&index) {
            count += 1;
        } else {
            dropped.push(node.node.label());
        }
    }
    (count, dropped)
}

fn mapped(graph: &Graph<'_>, finished: &Finished) -> Vec<Mapped> {
    let mut by_origin: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (index, (node, origin)) in finished
        .program
        .nodes
        .iter()
        .zip(&finished.origins)
        .enumerate()
    {
        let text = format!("{index} {}", described(&node.op));
        by_origin.entry(*origin).or_default().push(text);
    }
    by_origin
        .into_iter()
        .filter_map(|(origin, became)| {
            let node = &graph.nodes.get(origin)?.node;
            Some(Mapped {
                node: node.label(),
                op: node.op.to_string(),
                became,
            })
        })
        .collect()
}

fn described(op: &Op) -> String {
    use athanor_tensor_program::ops::Epilogue;
    let epilogue = match op {
        Op::MatMul(op) => Some(op.epilogue),
        Op::BatchMatMul(op) => Some(op.epilogue),
        Op::Conv2d(op) => Some(op.epilogue),
        _ => None,
    };
    match epilogue {
        Some(Epilogue::Requant { lut: true, .. }) => format!("{} with table", op.name()),
        _ => op.name().into(),
    }
}

/// One sample of every input of the model.
pub(crate) fn sample(
    graph: &Graph<'_>,
    samples: &BTreeMap<String, Tensor>,
    index: usize,
) -> Result<Vec<Tensor>> {
    let mut inputs = Vec::with_capacity(graph.inputs.len());
    for id in &graph.inputs {
        let value = &graph.values[*id];
        let fail = |reason: String| Error::Samples { reason };
        let array = samples.get(&value.name).ok_or_else(|| {
            fail(format!(
                "there is no array '{}' for the model's input of that name",
                value.name
            ))
        })?;
        let rest = value.shape.get(1..).unwrap_or_default();
        let fits = array
            .shape
            .split_first()
            .is_some_and(|(_, tail)| tail == rest);
        if !fits {
            return Err(fail(format!(
                "array '{}' has shape {:?}, the model wants [N, {}]",
                value.name,
                array.shape,
                rest.iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            )));
        }
        let size: usize = rest.iter().product();
        let part = index * size..(index + 1) * size;
        let data = match (&array.data, value.elem.is_float()) {
            (Data::F(v), true) => v.get(part).map(|v| Data::F(v.to_vec())),
            (Data::I(v), true) => v
                .get(part)
                .map(|v| Data::F(v.iter().map(|v| *v as f32).collect())),
            (Data::I(v), false) => v.get(part).map(|v| Data::I(v.to_vec())),
            (Data::F(_), false) => {
                return Err(fail(format!(
                    "array '{}' holds floats, the model wants integers",
                    value.name
                )))
            }
        };
        let tensor = data.and_then(|data| Tensor::new(value.elem, value.shape.clone(), data));
        inputs.push(
            tensor.ok_or_else(|| fail(format!("array '{}' has too few samples", value.name)))?,
        );
    }
    Ok(inputs)
}

fn sample_count(graph: &Graph<'_>, arrays: &BTreeMap<String, Tensor>) -> Result<usize> {
    let count = graph
        .inputs
        .iter()
        .filter_map(|id| arrays.get(&graph.values[*id].name))
        .filter_map(|array| array.shape.first().copied())
        .min()
        .unwrap_or(0);
    if count == 0 {
        return Err(Error::Samples {
            reason: "no array is named as an input of the model".into(),
        });
    }
    Ok(count)
}

fn measure(
    graph: &Graph<'_>,
    options: &Options,
    say: &dyn Fn(&str, usize, usize),
) -> Result<Option<Measured>> {
    let arrays = match options.calibration.is_empty() {
        true => &options.samples,
        false => &options.calibration,
    };
    if arrays.is_empty() {
        return Ok(None);
    }
    let count = sample_count(graph, arrays)?.min(options.range_samples.max(1));
    let mut ranges: HashMap<Id, (f32, f32)> = HashMap::new();
    for index in 0..count {
        say("measuring ranges", index, count);
        let inputs = sample(graph, arrays, index)?;
        graph.run(&inputs, |id, tensor| {
            if let Data::F(values) = &tensor.data {
                let entry = ranges
                    .entry(id)
                    .or_insert((f32::INFINITY, f32::NEG_INFINITY));
                for value in values {
                    entry.0 = entry.0.min(*value);
                    entry.1 = entry.1.max(*value);
                }
            }
        })?;
    }
    let mut samples = Vec::new();
    if !options.samples.is_empty() {
        let count = sample_count(graph, &options.samples)?.min(options.check_samples);
        for index in 0..count {
            say("evaluating the model in floats", index, count);
            let inputs = sample(graph, &options.samples, index)?;
            let outputs = graph.run(&inputs, |_, _| {})?;
            samples.push((inputs, outputs));
        }
    }
    Ok(Some(Measured { ranges, samples }))
}
