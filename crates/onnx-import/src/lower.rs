//! From a quantised float graph to integer operators.
//!
//! Two questions drive everything. [`Lower::value`] asks for a tensor as it is: an
//! integer tensor with a scale and a zero point. [`Lower::materialise`] asks for a
//! float tensor at a given scale, zero point and type: the `QuantizeLinear` behind
//! it, pushed down through reshapes, clips and constant factors until an operator
//! with a requantising last step takes it.

mod constants;
mod element;
mod linear;
mod rows;
mod shape;

use crate::{
    builder::{Builder, Kind},
    error::{Error, Result},
    float,
    graph::{Graph, Id},
    scale,
    tensor::Elem,
};
use athanor_tensor_program::{
    ops::{Clamp, Op, Requant, Requantize, Reshape, Scale},
    DType, Operand, Shape,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Deepest nesting of questions; the thread's stack is sized for it.
const MAX_DEPTH: usize = 6_000;

/// How the elements of a value are laid out in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As in ONNX.
    Plain,
    /// ONNX `[C,H,W]`, kept as `[H,W,C]`.
    ChannelsLast,
    /// ONNX `[C·H·W]`, kept in the order of `[H,W,C]`.
    Flattened { c: u32, h: u32, w: u32 },
}

/// A tensor of the program that stands for one of the model: real value =
/// (stored − zero)·scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantised {
    pub(crate) at: Operand,
    pub(crate) dtype: DType,
    /// Axes as in ONNX, without the batch.
    pub(crate) shape: Vec<u32>,
    pub(crate) layout: Layout,
    pub(crate) scale: f64,
    pub(crate) zero: i32,
}

impl Quantised {
    /// Axes as they are kept.
    pub(crate) fn stored(&self) -> Vec<u32> {
        match (self.layout, self.shape.as_slice()) {
            (Layout::ChannelsLast, [c, h, w]) => vec![*h, *w, *c],
            _ => self.shape.clone(),
        }
    }

    fn range(&self) -> (f64, f64) {
        let real = |q: i32| (f64::from(q) - f64::from(self.zero)) * self.scale;
        (real(self.dtype.min()), real(self.dtype.max()))
    }
}

/// What a float tensor is to become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) dtype: DType,
    pub(crate) scale: f64,
    pub(crate) zero: i32,
    pub(crate) lo: i32,
    pub(crate) hi: i32,
}

type Key = (Id, DType, u64, i32, i32, i32);

impl Target {
    pub(crate) fn full(dtype: DType, scale: f64, zero: i32) -> Self {
        Self {
            dtype,
            scale,
            zero,
            lo: dtype.min(),
            hi: dtype.max(),
        }
    }

    fn key(&self, id: Id) -> Key {
        (
            id,
            self.dtype,
            self.scale.to_bits(),
            self.zero,
            self.lo,
            self.hi,
        )
    }

    /// The integer a real number becomes, clipped.
    pub(crate) fn quantise(&self, real: f64) -> i32 {
        let q = (real / self.scale).round_ties_even() + f64::from(self.zero);
        if q.is_nan() {
            return self.zero.clamp(self.lo, self.hi);
        }
        q.clamp(f64::from(self.lo), f64::from(self.hi)) as i32
    }

    /// The last step of an operator whose sums are in steps of `step`.
    pub(crate) fn requant(&self, step: f64) -> core::result::Result<Requant, String> {
        let (m, s) = scale::pair(step / self.scale)?;
        Ok(Requant {
            m,
            s,
            z: self.zero,
            lo: self.lo,
            hi: self.hi,
            out: self.dtype,
        })
    }

    fn is_full(&self) -> bool {
        self.lo == self.dtype.min() && self.hi == self.dtype.max()
    }
}

/// An input of the program and the model's input it stands for.
pub(crate) struct InputUse {
    pub(crate) id: Id,
    pub(crate) value: Quantised,
}

pub(crate) struct Lower<'g, 'a> {
    pub(crate) graph: &'g Graph<'a>,
    pub(crate) builder: Builder,
    /// Smallest and largest value of each tensor on the samples.
    ranges: Option<HashMap<Id, (f32, f32)>>,
    known: HashMap<Id, Quantised>,
    /// Bounds that were worked out.
    bounded: HashMap<Id, Option<(f64, f64)>>,
    made: HashMap<Key, Quantised>,
    pub(crate) inputs: Vec<InputUse>,
    /// `QuantizeLinear` nodes that became part of the program.
    pub(crate) kept_quantise: HashSet<usize>,
    /// Tensors that were given an i16 form of their own.
    pub(crate) invented: BTreeMap<Id, f64>,
    pub(crate) remarks: Vec<String>,
    depth: usize,
}

impl<'g, 'a> Lower<'g, 'a> {
    pub(crate) fn new(graph: &'g Graph<'a>, ranges: Option<HashMap<Id, (f32, f32)>>) -> Self {
        Self {
            graph,
            builder: Builder::default(),
            ranges,
            known: HashMap::new(),
            bounded: HashMap::new(),
            made: HashMap::new(),
            inputs: Vec::new(),
            kept_quantise: HashSet::new(),
            invented: BTreeMap::new(),
            remarks: Vec::new(),
            depth: 0,
        }
    }

    // --- Questions about the graph ---

    pub(crate) fn op(&self, node: usize) -> &'g str {
        &self.graph.nodes[node].node.op
    }

    /// The node that makes a tensor, if it depends on the inputs.
    pub(crate) fn maker(&self, id: Id) -> Option<usize> {
        let value = &self.graph.values[id];
        match value.constant {
            Some(_) => None,
            None => value.producer.map(|(node, _)| node),
        }
    }

    /// The node that makes a tensor, if it is of this kind.
    pub(crate) fn maker_of(&self, id: Id, op: &str) -> Option<usize> {
        self.maker(id).filter(|node| self.op(*node) == op)
    }

    pub(crate) fn operand(&self, node: usize, at: usize) -> Result<Id> {
        self.maybe_operand(node, at)
            .ok_or_else(|| self.fail(node, format!("operand {at} is missing")))
    }

    pub(crate) fn maybe_operand(&self, node: usize, at: usize) -> Option<Id> {
        self.graph.nodes[node].ins.get(at).copied().flatten()
    }

    pub(crate) fn is_constant(&self, id: Id) -> bool {
        self.graph.values[id].constant.is_some()
    }

    pub(crate) fn consumers(&self, id: Id) -> &'g [usize] {
        &self.graph.values[id].consumers
    }

    pub(crate) fn fail(&self, node: usize, reason: impl Into<String>) -> Error {
        let node = &self.graph.nodes[node].node;
        Error::Unsupported {
            node: node.label(),
            op: node.op.to_string(),
            reason: reason.into(),
        }
    }

    pub(crate) fn fail_at(&self, id: Id, reason: impl Into<String>) -> Error {
        match self.graph.values[id].producer {
            Some((node, _)) => self.fail(node, reason),
            None => Error::Input {
                input: self.graph.values[id].name.clone(),
                reason: reason.into(),
            },
        }
    }

    /// Axes of a tensor without its batch axis.
    pub(crate) fn dims(&self, id: Id) -> Result<Vec<u32>> {
        let shape = &self.graph.values[id].shape;
        match shape.split_first() {
            Some((1, rest)) => Ok(rest.iter().map(|n| *n as u32).collect()),
            _ => Err(self.fail_at(
                id,
                format!(
                    "its result has shape {shape:?} for one sample: the first axis is the batch \
                     and must stay alone"
                ),
            )),
        }
    }

    /// Skips a `QuantizeLinear` and the `DequantizeLinear` behind it.
    pub(crate) fn peel(&self, id: Id) -> Id {
        let Some(dequantise) = self.maker_of(id, "DequantizeLinear") else {
            return id;
        };
        let Some(inner) = self.maybe_operand(dequantise, 0) else {
            return id;
        };
        self.maker_of(inner, "QuantizeLinear")
            .and_then(|quantise| self.maybe_operand(quantise, 0))
            .unwrap_or(id)
    }

    /// Whether a tensor has an integer form without further rounding.
    pub(crate) fn is_quantised(&self, mut id: Id) -> bool {
        for _ in 0..MAX_DEPTH {
            if self.known.contains_key(&id) || !self.graph.values[id].elem.is_float() {
                return !self.is_constant(id);
            }
            let Some(node) = self.maker(id) else {
                return false;
            };
            let next = match self.op(node) {
                "DequantizeLinear" => return true,
                "MaxPool" | "Relu" | "Clip" => self.maybe_operand(node, 0),
                op if shape::is_view(op) => match self.maybe_operand(node, 0) {
                    Some(x) if self.is_constant(x) => None,
                    x => x,
                },
                "Mul" | "Div" => self.positive_factor(node).map(|(x, _)| x),
                _ => None,
            };
            match next {
                Some(next) => id = next,
                None => return false,
            }
        }
        false
    }

    /// `x` and the factor of a product or quotient with one positive constant.
    pub(crate) fn positive_factor(&self, node: usize) -> Option<(Id, f64)> {
        let (a, b) = (self.maybe_operand(node, 0)?, self.maybe_operand(node, 1)?);
        if !self.graph.values[a].elem.is_float() {
            return None;
        }
        let scalar = |id: Id| {
            let factor = f64::from(self.graph.values[id].constant.as_ref()?.scalar()?);
            (factor > 0.0 && factor.is_finite()).then_some(factor)
        };
        let (x, factor) = match (self.op(node), scalar(a), scalar(b)) {
            ("Mul", _, Some(factor)) => (a, factor),
            ("Mul", Some(factor), _) => (b, factor),
            ("Div", _, Some(factor)) => (a, 1.0 / factor),
            _ => return None,
        };
        // A constant of higher rank would add axes.
        let same = self.graph.values[x].shape == self.result_shape(node)?;
        (same && !self.is_constant(x)).then_some((x, factor))
    }

    fn result_shape(&self, node: usize) -> Option<Vec<usize>> {
        let id = self.graph.nodes[node].outs.first().copied().flatten()?;
        Some(self.graph.values[id].shape.clone())
    }

    // --- Ranges ---

    fn sampled(&self, id: Id) -> Option<(f64, f64)> {
        let (lo, hi) = self.ranges.as_ref()?.get(&id)?;
        (lo.is_finite() && hi.is_finite()).then(|| (f64::from(*lo), f64::from(*hi)))
    }

    /// The form of a tensor between operators that the model does not quantise: a
    /// symmetric i16. A range that was measured gets a quarter on top; one that
    /// holds for every input gets nothing.
    fn invented_target(&mut self, id: Id) -> Result<Target> {
        let reach = match (self.sampled(id), self.bounds(id, 0)) {
            (Some((lo, hi)), bounds) => {
                let measured = 1.25 * lo.abs().max(hi.abs());
                bounds.map_or(measured, |(lo, hi)| measured.min(lo.abs().max(hi.abs())))
            }
            (None, Some((lo, hi))) => lo.abs().max(hi.abs()),
            (None, None) => {
                let value = &self.graph.values[id];
                let (node, op) = match value.producer {
                    Some((node, _)) => (self.graph.nodes[node].node.label(), self.op(node).into()),
                    None => (value.name.clone(), "input".into()),
                };
                return Err(Error::NoRange {
                    tensor: value.name.clone(),
                    node,
                    op,
                });
            }
        };
        let scale = if reach > 0.0 { reach / 32_767.0 } else { 1.0 };
        self.invented.insert(id, scale);
        Ok(Target::full(DType::I16, scale, 0))
    }

    /// An 8-bit form of a tensor.
    fn narrow_target(&mut self, id: Id, given: Option<(f64, f64)>) -> Option<Target> {
        let (lo, hi) = self.sampled(id).or(given).or_else(|| self.bounds(id, 0))?;
        let (lo, hi) = (lo.min(0.0), hi.max(0.0));
        let scale = if hi > lo { (hi - lo) / 255.0 } else { 1.0 };
        let zero = (-128.0 - lo / scale).round().clamp(-128.0, 127.0) as i32;
        Some(Target::full(DType::I8, scale, zero))
    }

    /// Bounds that hold for every input.
    fn bounds(&mut self, id: Id, depth: usize) -> Option<(f64, f64)> {
        if depth > 32 {
            return None;
        }
        if let Some(known) = self.known.get(&id) {
            return Some(known.range());
        }
        if let Some(bounds) = self.bounded.get(&id) {
            return *bounds;
        }
        let bounds = self
            .find_bounds(id, depth)
            .filter(|(lo, hi)| lo.is_finite() && hi.is_finite());
        self.bounded.insert(id, bounds);
        bounds
    }

    fn find_bounds(&mut self, id: Id, depth: usize) -> Option<(f64, f64)> {
        if let Some(constant) = &self.graph.values[id].constant {
            let values = constant.to_floats();
            let fold = |f: fn(f32, f32) -> f32| values.iter().copied().reduce(f).map(f64::from);
            return Some((fold(f32::min)?, fold(f32::max)?));
        }
        let node = self.maker(id)?;
        let first = self.maybe_operand(node, 0)?;
        let op = self.op(node);
        match op {
            "DequantizeLinear" => {
                let quantise = self.maker_of(first, "QuantizeLinear")?;
                let target = self.quantise_target(quantise).ok()?;
                let real = |q: i32| (f64::from(q) - f64::from(target.0.zero)) * target.0.scale;
                Some((real(target.0.lo), real(target.0.hi)))
            }
            "Softmax" | "Sigmoid" | "HardSigmoid" => Some((0.0, 1.0)),
            "Tanh" | "Erf" | "LpNormalization" | "Softsign" => Some((-1.0, 1.0)),
            "Relu" => {
                let (lo, hi) = self.bounds(first, depth + 1)?;
                Some((lo.max(0.0), hi.max(0.0)))
            }
            "Gelu" | "FastGelu" | "QuickGelu" | "HardSwish" => {
                let (_, hi) = self.bounds(first, depth + 1)?;
                Some((-0.5, hi.max(0.0)))
            }
            "Add" | "Sub" => {
                let (a, b) = (
                    self.bounds(first, depth + 1)?,
                    self.bounds(self.maybe_operand(node, 1)?, depth + 1)?,
                );
                Some(match op {
                    "Add" => (a.0 + b.0, a.1 + b.1),
                    _ => (a.0 - b.1, a.1 - b.0),
                })
            }
            "Mul" => {
                let (a, b) = (
                    self.bounds(first, depth + 1)?,
                    self.bounds(self.maybe_operand(node, 1)?, depth + 1)?,
                );
                let all = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
                Some((
                    all.iter().copied().fold(f64::INFINITY, f64::min),
                    all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                ))
            }
            "LayerNormalization" => {
                let n = f64::from(*self.dims(id).ok()?.last()?);
                let mut most = |at: usize| -> Option<f64> {
                    let id = self.maybe_operand(node, at)?;
                    let (lo, hi) = self.bounds(id, depth + 1)?;
                    Some(lo.abs().max(hi.abs()))
                };
                let reach = most(1)? * n.sqrt() + most(2).unwrap_or(0.0);
                Some((-reach, reach))
            }
            "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean"
            | "ReduceMax" | "ReduceMin" | "Gather" => self.bounds(first, depth + 1),
            "Concat" => {
                let mut all = (f64::INFINITY, f64::NEG_INFINITY);
                for part in self.graph.nodes[node].ins.clone().into_iter().flatten() {
                    let (lo, hi) = self.bounds(part, depth + 1)?;
                    all = (all.0.min(lo), all.1.max(hi));
                }
                Some(all)
            }
            op if shape::is_view(op) && op != "Pad" => self.bounds(first, depth + 1),
            _ => None,
        }
    }

    // --- The two questions ---

    fn enter(&mut self, id: Id) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fail_at(id, "the graph is nested too deeply here"));
        }
        Ok(())
    }

    /// The tensor in an integer form of its own.
    pub(crate) fn value(&mut self, id: Id) -> Result<Quantised> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        self.enter(id)?;
        let origin = self.builder.origin;
        if let Some(node) = self.maker(id) {
            self.builder.origin = node;
        }
        let value = self.find_value(id)?;
        self.builder.origin = origin;
        self.depth -= 1;
        self.known.insert(id, value.clone());
        Ok(value)
    }

    fn find_value(&mut self, id: Id) -> Result<Quantised> {
        if self.is_constant(id) {
            return Err(self.fail_at(
                id,
                "a constant stands where a value that depends on the input is needed",
            ));
        }
        self.dims(id)?;
        let elem = self.graph.values[id].elem;
        let Some(node) = self.maker(id) else {
            if elem.is_float() {
                let target = match self.border_target(id) {
                    Some(target) => target,
                    None => self.invented_target(id)?,
                };
                return self.materialise(id, target);
            }
            let (dtype, zero) = match elem {
                Elem::I8 | Elem::Bool => (DType::I8, 0),
                Elem::U8 => (DType::I8, -128),
                Elem::I16 => (DType::I16, 0),
                Elem::U16 => (DType::I16, -32_768),
                _ => (DType::I32, 0),
            };
            return self.declare(id, Target::full(dtype, 1.0, zero));
        };
        let op = self.op(node);
        match op {
            "QuantizeLinear" => {
                let (target, offset) = self.quantise_target(node)?;
                self.kept_quantise.insert(node);
                let x = self.operand(node, 0)?;
                let value = self.materialise(x, target)?;
                Ok(Quantised {
                    scale: 1.0,
                    zero: offset,
                    ..value
                })
            }
            "DequantizeLinear" => {
                let x = self.operand(node, 0)?;
                let (scale, zero) = self.scale_and_zero(node)?;
                let value = self.value(x)?;
                let zero = value
                    .zero
                    .checked_add(zero)
                    .filter(|z| value.dtype.holds(*z));
                let zero =
                    zero.ok_or_else(|| self.fail(node, "its zero point is no value of its type"))?;
                Ok(Quantised {
                    scale: value.scale * scale,
                    zero,
                    ..value
                })
            }
            "ToInt32" => {
                let x = self.operand(node, 0)?;
                self.raw_linear(node, x)
            }
            "Cast" => {
                let x = self.operand(node, 0)?;
                let from = self.graph.values[x].elem;
                if from.is_float() && !elem.is_float() {
                    return Err(self.fail(node, "it rounds floats outside a quantisation"));
                }
                if elem == Elem::Bool && from != Elem::Bool {
                    return Err(self.fail(node, "it makes truth values of numbers"));
                }
                if !from.is_float() || self.is_quantised(x) {
                    return self.value(x);
                }
                let target = self.invented_target(id)?;
                self.materialise(id, target)
            }
            "Gather" if self.gathers_constant(node) => self.gather(node, id, None),
            "ArgMax" => self.arg_max(node, id),
            "TopK" => self.top_k(node, id),
            "MaxPool" if self.is_quantised(id) => self.max_pool(node, id),
            "Relu" | "Clip" if self.is_quantised(id) => {
                let x = self.operand(node, 0)?;
                let value = self.value(x)?;
                let full = Target::full(value.dtype, value.scale, value.zero);
                let target = self.clipped(node, full)?;
                self.requantise(value, target)
            }
            "Mul" | "Div" if self.is_quantised(id) => match self.positive_factor(node) {
                Some((x, factor)) => {
                    let value = self.value(x)?;
                    Ok(Quantised {
                        scale: value.scale * factor,
                        ..value
                    })
                }
                None => Err(self.fail(node, "its factor is no positive constant")),
            },
            op if shape::is_view(op) && self.is_quantised(id) => {
                let x = self.operand(node, 0)?;
                let value = self.value(x)?;
                self.view(node, id, value)
            }
            "Concat" if !elem.is_float() => Err(self.fail(
                node,
                "joining integer tensors is mapped only between floats",
            )),
            _ if elem.is_float() => {
                let target = self.invented_target(id)?;
                self.materialise(id, target)
            }
            _ => Err(self.fail(
                node,
                "it computes with integers in a way that has no mapping",
            )),
        }
    }

    /// How the model itself quantises an input, for readers of its floats.
    fn border_target(&self, id: Id) -> Option<Target> {
        self.consumers(id)
            .iter()
            .find(|node| self.op(**node) == "QuantizeLinear")
            .and_then(|node| self.quantise_target(*node).ok())
            .map(|(target, _)| target)
    }

    /// Declares an input of the model as one of the program.
    fn declare(&mut self, id: Id, target: Target) -> Result<Quantised> {
        let shape = self.dims(id)?;
        let at = self.builder.input(target.dtype, &shape)?;
        let value = Quantised {
            at,
            dtype: target.dtype,
            shape,
            layout: Layout::Plain,
            scale: target.scale,
            zero: target.zero,
        };
        self.inputs.push(InputUse {
            id,
            value: value.clone(),
        });
        self.known.insert(id, value.clone());
        Ok(value)
    }

    /// The target of a `QuantizeLinear` and the offset of its stored integers:
    /// unsigned ones are kept with their top bit flipped.
    fn quantise_target(&self, node: usize) -> Result<(Target, i32)> {
        let (scale, zero) = self.scale_and_zero(node)?;
        let elem = self.graph.nodes[node]
            .outs
            .first()
            .copied()
            .flatten()
            .map(|id| self.graph.values[id].elem);
        let (dtype, offset) = match elem {
            Some(Elem::U8) => (DType::I8, -128),
            Some(Elem::I8) => (DType::I8, 0),
            Some(Elem::U16) => (DType::I16, -32_768),
            Some(Elem::I16) => (DType::I16, 0),
            _ => return Err(self.fail(node, "it quantises to a type that cannot be mapped")),
        };
        let zero = zero.saturating_add(offset);
        if !dtype.holds(zero) {
            return Err(self.fail(node, "its zero point is no value of its type"));
        }
        Ok((Target::full(dtype, scale, zero), offset))
    }

    /// The one scale and zero point of a (de)quantising node.
    fn scale_and_zero(&self, node: usize) -> Result<(f64, i32)> {
        let constant = |at: usize| match self.maybe_operand(node, at) {
            None => Ok(None),
            Some(id) => match &self.graph.values[id].constant {
                Some(tensor) => Ok(Some(tensor.clone())),
                None => Err(self.fail(
                    node,
                    "its scale or zero point is computed at run time (dynamic quantisation): use \
                     static quantisation",
                )),
            },
        };
        let scale = constant(1)?.ok_or_else(|| self.fail(node, "its scale is missing"))?;
        let scale = scale.scalar().ok_or_else(|| {
            self.fail(
                node,
                "an activation has one scale for each channel: only weights may",
            )
        })?;
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(self.fail(node, format!("its scale is {scale}")));
        }
        let zero = match constant(2)? {
            None => 0,
            Some(zero) => match zero.as_ints() {
                Some([zero]) => *zero,
                _ => return Err(self.fail(node, "its zero point is not one integer")),
            },
        };
        Ok((f64::from(scale), zero))
    }

    /// A float tensor at the scale, zero point and type of `target`.
    pub(crate) fn materialise(&mut self, id: Id, target: Target) -> Result<Quantised> {
        if let Some(made) = self.made.get(&target.key(id)) {
            return Ok(made.clone());
        }
        self.enter(id)?;
        let origin = self.builder.origin;
        if let Some(node) = self.maker(id) {
            self.builder.origin = node;
        }
        let value = self.make(id, target)?;
        self.builder.origin = origin;
        self.depth -= 1;
        self.made.insert(target.key(id), value.clone());
        Ok(value)
    }

    fn make(&mut self, id: Id, target: Target) -> Result<Quantised> {
        if let Some(known) = self.known.get(&id) {
            let known = known.clone();
            return self.requantise(known, target);
        }
        let Some(node) = self.maker(id) else {
            if self.is_constant(id) {
                return Err(self.fail_at(id, "a constant is quantised where an activation belongs"));
            }
            let full = Target::full(target.dtype, target.scale, target.zero);
            let value = self.declare(id, full)?;
            return self.requantise(value, target);
        };
        // Several readers of a tensor that is not quantised share one i16 form, so that it is
        // computed once.
        let shared = self.consumers(id).len() > 1
            && self.same_readers(id) != 1
            && !self.is_quantised(id)
            && (self.sampled(id).is_some() || self.bounds(id, 0).is_some());
        if shared {
            let own = self.invented_target(id)?;
            if own.key(id) != target.key(id) {
                let value = self.value(id)?;
                return self.requantise(value, target);
            }
        }
        if let Some(done) = self.pattern(node, id, target)? {
            return Ok(done);
        }
        let op = self.op(node);
        match op {
            "DequantizeLinear" => {
                let value = self.value(id)?;
                return self.requantise(value, target);
            }
            "Cast" if !self.is_quantised(id) => {
                let x = self.operand(node, 0)?;
                return self.materialise(x, target);
            }
            "Cast" | "MaxPool" if self.is_quantised(id) => {
                let value = self.value(id)?;
                return self.requantise(value, target);
            }
            "Gather" if self.gathers_constant(node) => return self.gather(node, id, Some(target)),
            "Relu" | "Clip" => {
                let x = self.operand(node, 0)?;
                let target = self.clipped(node, target)?;
                return self.materialise(x, target);
            }
            "Mul" | "Div" => {
                if let Some((x, factor)) = self.positive_factor(node) {
                    let scale = target.scale / factor;
                    return self.materialise(x, Target { scale, ..target });
                }
            }
            op if shape::is_view(op) => {
                let x = self.operand(node, 0)?;
                let inner = self.materialise(x, target)?;
                return self.view(node, id, inner);
            }
            _ => {}
        }
        self.compute(node, id, target)
    }

    /// How many different things the readers of a tensor ask for: equal
    /// quantisations count once.
    fn same_readers(&self, id: Id) -> usize {
        let mut seen = HashSet::new();
        for node in self.consumers(id) {
            let key = match self.op(*node) {
                "QuantizeLinear" => match self.quantise_target(*node) {
                    Ok((target, _)) => (0, Some(target.key(id))),
                    Err(_) => (*node, None),
                },
                _ => (*node, None),
            };
            seen.insert(key);
        }
        seen.len()
    }

    /// An operator that computes something new.
    fn compute(&mut self, node: usize, id: Id, target: Target) -> Result<Quantised> {
        if let Some(linear) = self.linear(id)? {
            return self.emit_linear(&linear, target);
        }
        if let Some(done) = self.table(id, target)? {
            return Ok(done);
        }
        match self.op(node) {
            "MatMul" => self.batch_matmul(node, target),
            "BatchNormalization" => self.batch_norm(node, target),
            "Add" | "Sub" => self.add(node, id, target),
            "Mul" | "Div" => self.mul(node, id, target),
            "Neg" => self.negate(node, target),
            "Abs" => self.absolute(node, target),
            "Where" => self.select(node, id, target),
            "Concat" => self.concat(node, id, target),
            "Softmax" => self.softmax(node, id, target),
            "LayerNormalization" | "RMSNormalization" | "SimplifiedLayerNormalization" => {
                self.norm_operator(node, target)
            }
            "LpNormalization" => {
                let x = self.operand(node, 0)?;
                self.l2_normalise(x, 0.0, target)
            }
            "MaxPool" => {
                let value = self.max_pool(node, id)?;
                self.requantise(value, target)
            }
            "AveragePool" => self.average_pool(node, id, target),
            "GlobalAveragePool" | "ReduceMean" | "ReduceSum" => self.mean(node, id, target),
            "ReduceMax" | "GlobalMaxPool" => self.row_max(node, id, target),
            op => {
                let reason = match op {
                    "Conv" | "Gemm" => "its weights are not constants".into(),
                    _ => {
                        if crate::float::UNARY.contains(&op) || crate::float::BINARY.contains(&op) {
                            "an element of its result depends on more than one quantised tensor, \
                             or on none of 8 or 16 bits"
                                .to_owned()
                        } else {
                            "this operator cannot be mapped".into()
                        }
                    }
                };
                Err(self.fail(node, reason))
            }
        }
    }

    /// The target of what a `Relu` or `Clip` reads.
    fn clipped(&self, node: usize, target: Target) -> Result<Target> {
        let bound = |at: usize, name: &str| -> Result<Option<f64>> {
            if self.op(node) == "Relu" {
                return Ok((at == 1).then_some(0.0));
            }
            match self.maybe_operand(node, at) {
                Some(id) => self.graph.values[id]
                    .constant
                    .as_ref()
                    .and_then(|t| t.scalar())
                    .map(|v| Some(f64::from(v)))
                    .ok_or_else(|| self.fail(node, "a bound is no constant number")),
                None => Ok(self.graph.nodes[node].node.float(name).map(f64::from)),
            }
        };
        let (lo, hi) = (bound(1, "min")?, bound(2, "max")?);
        let mut out = target;
        if let Some(lo) = lo {
            out.lo = target.quantise(lo);
        }
        if let Some(hi) = hi {
            out.hi = target.quantise(hi).max(out.lo);
        }
        out.hi = out.hi.max(out.lo);
        Ok(out)
    }

    /// Another scale, zero point, type or range.
    pub(crate) fn requantise(&mut self, x: Quantised, target: Target) -> Result<Quantised> {
        let shape = x.stored();
        let close = (x.scale / target.scale - 1.0).abs() < 1e-12;
        let same = x.dtype == target.dtype && x.zero == target.zero && close;
        let at = if same && target.is_full() {
            x.at
        } else if same {
            let op = Op::Clamp(Clamp {
                lo: target.lo,
                hi: target.hi,
            });
            self.builder.node(op, vec![x.at], x.dtype, &shape)?
        } else {
            let (m, s) = scale::pair(x.scale / target.scale)
                .map_err(|reason| self.fail(self.builder.origin, reason))?;
            let op = Op::Requantize(Requantize {
                zx: x.zero,
                scale: Scale::Tensor { m, s },
                z: target.zero,
                lo: target.lo,
                hi: target.hi,
                out: target.dtype,
            });
            self.builder.node(op, vec![x.at], target.dtype, &shape)?
        };
        Ok(Quantised {
            at,
            dtype: target.dtype,
            scale: target.scale,
            zero: target.zero,
            ..x
        })
    }

    /// The tensor as i8 or i16: i32 is narrowed.
    pub(crate) fn narrow_value(&mut self, id: Id) -> Result<Quantised> {
        let value = self.value(id)?;
        if value.dtype != DType::I32 {
            return Ok(value);
        }
        let target = self.invented_target(id)?;
        self.requantise(value, target)
    }

    /// The tensor as i8.
    fn value8(&mut self, id: Id) -> Result<Quantised> {
        if !self.is_quantised(id) {
            if let Some(target) = self.narrow_target(id, None) {
                return self.materialise(id, target);
            }
        }
        let value = self.value(id)?;
        if value.dtype == DType::I8 {
            return Ok(value);
        }
        let name = self.graph.values[id].name.clone();
        let target = self
            .narrow_target(id, Some(value.range()))
            .ok_or_else(|| self.fail_at(id, "its range is not known"))?;
        self.remarks.push(format!(
            "'{name}' is the right side of a product of two activations, which is 8 bits wide: it \
             was narrowed"
        ));
        self.requantise(value, target)
    }

    /// A value as the output of a node, in the model's layout.
    pub(crate) fn as_output(&mut self, id: Id, taken: &[u16]) -> Result<(u16, Quantised)> {
        if self.is_constant(id) {
            return Err(self.fail_at(id, "an output of the model does not depend on its input"));
        }
        let value = self.value(id)?;
        let mut value = self.plain(value)?;
        let copy = match value.at {
            Operand::Node(index) => taken.contains(&index),
            _ => true,
        };
        if copy {
            value.at = self.builder.copy(value.at, value.dtype, &value.shape)?;
        }
        match value.at {
            Operand::Node(index) => Ok((index, value)),
            _ => Err(Error::Internal {
                reason: "an output is no node".into(),
            }),
        }
    }

    /// A node with the same values: reshapes read nodes only.
    pub(crate) fn as_node(&mut self, value: Quantised) -> Result<Quantised> {
        if matches!(value.at, Operand::Node(_)) {
            return Ok(value);
        }
        let stored = value.stored();
        let op = Op::Clamp(Clamp {
            lo: value.dtype.min(),
            hi: value.dtype.max(),
        });
        let at = self
            .builder
            .node(op, vec![value.at], value.dtype, &stored)?;
        Ok(Quantised { at, ..value })
    }

    /// The same elements in the same order with other axes.
    pub(crate) fn reshape(&mut self, value: Quantised, shape: &[u32]) -> Result<Quantised> {
        let mut value = value;
        if value.shape != shape {
            value = self.as_node(value)?;
            let op = Op::Reshape(Reshape {
                shape: Shape(shape.to_vec()),
            });
            value.at = self.builder.node(op, vec![value.at], value.dtype, shape)?;
            value.shape = shape.to_vec();
        }
        Ok(value)
    }

    /// The layout of ONNX.
    pub(crate) fn plain(&mut self, value: Quantised) -> Result<Quantised> {
        match (value.layout, value.shape.as_slice()) {
            (Layout::Plain, _) => Ok(value),
            (Layout::ChannelsLast, _) => {
                let stored = value.stored();
                let at = self
                    .builder
                    .transpose(value.at, value.dtype, &stored, &[2, 0, 1])?;
                Ok(Quantised {
                    at,
                    layout: Layout::Plain,
                    ..value
                })
            }
            (Layout::Flattened { c, h, w }, _) => {
                let flat = value.shape.clone();
                let rows = Quantised {
                    layout: Layout::Plain,
                    ..value
                };
                let mut cube = self.reshape(rows, &[h, w, c])?;
                cube.at = self
                    .builder
                    .transpose(cube.at, cube.dtype, &[h, w, c], &[2, 0, 1])?;
                cube.shape = vec![c, h, w];
                self.reshape(cube, &flat)
            }
        }
    }

    /// `[C,H,W]` kept as `[H,W,C]`.
    pub(crate) fn channels_last(&mut self, value: Quantised) -> Result<Quantised> {
        if value.layout == Layout::ChannelsLast {
            return Ok(value);
        }
        let value = self.plain(value)?;
        let at = self
            .builder
            .transpose(value.at, value.dtype, &value.shape, &[1, 2, 0])?;
        Ok(Quantised {
            at,
            layout: Layout::ChannelsLast,
            ..value
        })
    }

    pub(crate) fn table_constant(&mut self, dtype: DType, values: &[i32]) -> Result<Operand> {
        let bytes = constants::encode(dtype, values);
        self.builder
            .constant(dtype, &[values.len() as u32], bytes, Kind::Table)
    }

    /// The values of a tensor computed from given values of others.
    pub(crate) fn evaluate(
        &self,
        given: &HashMap<Id, crate::tensor::Tensor>,
        id: Id,
    ) -> Result<Vec<f32>> {
        Ok(self.graph.run_from(given, id)?.to_floats())
    }

    pub(crate) fn elementwise(&self, node: usize) -> bool {
        let op = self.op(node);
        float::UNARY.contains(&op)
            || float::BINARY.contains(&op)
            || matches!(op, "Clip" | "Where" | "QuantizeLinear" | "DequantizeLinear")
    }
}
