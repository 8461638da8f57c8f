//! Operators over rows and windows, and the chains of float operators that mean
//! one of them.

use super::{linear::window, Layout, Lower, Quantised, Target};
use crate::{
    builder::Kind,
    error::Result,
    float,
    graph::Id,
    tensor::{Elem, Tensor},
};
use athanor_tensor_program::{
    ops::{
        ArgMax, AvgPool2d, Gather, LayerNorm, MaxPool2d, Op, RmsNorm, RowMax, RowMean, Softmax,
        TopK,
    },
    DType, Operand,
};
use std::collections::{BTreeSet, HashMap};

/// A sum this far below the others counts as masked out.
const MASKED: f32 = -100.0;
/// Most elements of a mask that is tried out.
const MAX_MASK_ELEMENTS: usize = 1 << 22;
/// Most nodes of a chain that makes a mask.
const MAX_MASK_NODES: usize = 64;

/// What a mask does to the tensor it meets.
#[derive(Clone, Copy, PartialEq)]
enum MaskKind {
    /// 0 where kept, hugely negative where not.
    Additive,
    /// 1 where kept, 0 where not.
    Factor,
}

impl Lower<'_, '_> {
    /// Chains with a meaning of their own.
    pub(super) fn pattern(
        &mut self,
        node: usize,
        id: Id,
        target: Target,
    ) -> Result<Option<Quantised>> {
        match self.op(node) {
            "Add" | "Mul" | "Div" => {
                if let Some((x, scale, bias, epsilon)) = self.norm_chain(id) {
                    return self
                        .norm(node, x, scale, bias, epsilon, true, target)
                        .map(Some);
                }
                if self.op(node) == "Div" {
                    if let Some(done) = self.masked_mean(node, id, target)? {
                        return Ok(Some(done));
                    }
                    if let Some((x, floor)) = self.l2_chain(node) {
                        return self.l2_normalise(x, floor, target).map(Some);
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    // --- Masks ---

    /// The input of the model that a mask comes from: the only one behind it.
    fn mask_source(&self, id: Id) -> Option<Id> {
        let mut stack = vec![id];
        let mut seen = BTreeSet::new();
        let mut source = None;
        while let Some(at) = stack.pop() {
            if self.is_constant(at) {
                continue;
            }
            match self.maker(at) {
                None => match source {
                    None => source = Some(at),
                    Some(same) if same == at => {}
                    Some(_) => return None,
                },
                Some(node) => {
                    let op = self.op(node);
                    let light = self.elementwise(node)
                        || op == "Cast"
                        || (super::shape::is_view(op) && op != "Gather")
                        || matches!(op, "ReduceSum" | "CastLike");
                    if !light {
                        return None;
                    }
                    if seen.insert(node) {
                        stack.extend(self.graph.nodes[node].ins.iter().flatten());
                    }
                    if seen.len() > MAX_MASK_NODES {
                        return None;
                    }
                }
            }
        }
        let source = source?;
        let largest = seen
            .iter()
            .flat_map(|node| self.graph.nodes[*node].outs.iter().flatten())
            .map(|id| self.graph.values[*id].shape.iter().product::<usize>())
            .max()
            .unwrap_or(0);
        if largest > MAX_MASK_ELEMENTS {
            return None;
        }
        let shape = &self.graph.values[source].shape;
        (shape.len() == 2 && shape[0] == 1).then_some(source)
    }

    /// Masks to try a chain on: all kept, and one with holes.
    fn try_masks(&self, source: Id, id: Id) -> Option<Vec<(Vec<bool>, Vec<f32>)>> {
        let n = self.graph.values[source].shape[1];
        let elem = self.graph.values[source].elem;
        let mut state = 0x2545_F491u32;
        let holes: Vec<bool> = (0..n)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                i == 0 || (i != n - 1 && state >> 31 == 1)
            })
            .collect();
        let mut tried = Vec::new();
        for kept in [vec![true; n], holes] {
            let values = kept.iter().map(|k| i32::from(*k));
            let tensor = match elem.is_float() {
                true => Tensor::floats(vec![1, n], values.map(|v| v as f32).collect()),
                false => Tensor::ints(elem, vec![1, n], values.collect()),
            };
            let given = HashMap::from([(source, tensor)]);
            tried.push((kept, self.evaluate(&given, id).ok()?));
        }
        Some(tried)
    }

    /// The mask input behind a tensor that holds, along `axis`, what `kind` says and
    /// is the same along all others.
    fn mask(&self, id: Id, axis: usize, kind: MaskKind) -> Option<Id> {
        if self.is_constant(id) {
            return None;
        }
        let source = self.mask_source(id)?;
        let shape = &self.graph.values[id].shape;
        let n = self.graph.values[source].shape[1];
        if shape.get(axis) != Some(&n) {
            return None;
        }
        let inner: usize = shape[axis + 1..].iter().product();
        for (kept, values) in self.try_masks(source, id)? {
            let fits =
                values
                    .iter()
                    .enumerate()
                    .all(|(i, v)| match (kind, kept[i / inner.max(1) % n]) {
                        (MaskKind::Additive, true) => v.abs() < 1e-3,
                        (MaskKind::Additive, false) => *v <= MASKED,
                        (MaskKind::Factor, true) => (*v - 1.0).abs() < 0.01,
                        (MaskKind::Factor, false) => v.abs() < 0.01,
                    });
            if !fits {
                return None;
            }
        }
        Some(source)
    }

    /// The i8 operand for a mask input.
    fn mask_operand(&mut self, source: Id) -> Result<Operand> {
        if !self.known.contains_key(&source) {
            return Ok(self.declare(source, Target::full(DType::I8, 1.0, 0))?.at);
        }
        let value = self.value(source)?;
        if value.dtype == DType::I8 && value.zero == 0 {
            return Ok(value.at);
        }
        Ok(self.requantise(value, Target::full(DType::I8, 1.0, 0))?.at)
    }

    /// Whether a constant keeps, in each row, nothing behind the row's own place.
    fn is_causal(&self, id: Id, additive: bool) -> bool {
        let value = &self.graph.values[id];
        let (Some(constant), [lead @ .., m, n]) = (&value.constant, value.shape.as_slice()) else {
            return false;
        };
        if lead.iter().any(|l| *l != 1) || m > n || *n < 2 {
            return false;
        }
        constant.to_floats().iter().enumerate().all(|(i, v)| {
            let kept = i % n <= i / n + (n - m);
            match (additive, kept) {
                (true, true) => v.abs() < 1e-3,
                (true, false) => *v <= MASKED,
                (false, kept) => (*v != 0.0) == kept,
            }
        })
    }

    // --- Softmax ---

    pub(super) fn softmax(&mut self, node: usize, id: Id, target: Target) -> Result<Quantised> {
        let onnx = &self.graph.nodes[node].node;
        let rank = self.graph.values[id].shape.len();
        let default = if self.graph.opset < 13 { 1 } else { -1 };
        let axis = float::axis_of(onnx.int_or("axis", default), rank)
            .map_err(|reason| self.fail(node, reason))?;
        if axis + 1 != rank || rank < 2 {
            return Err(self.fail(node, "it runs over another axis than the last"));
        }
        let mut scores = self.operand(node, 0)?;
        let (mut mask, mut causal) = (None, false);
        for _ in 0..8 {
            let inner = self.peel(scores);
            let Some(maker) = self.maker(inner) else {
                break;
            };
            let last = self.graph.values[inner].shape.len().saturating_sub(1);
            let found = match self.op(maker) {
                "Add" => {
                    let (a, b) = (self.operand(maker, 0)?, self.operand(maker, 1)?);
                    self.find_mask(a, b, last, true)
                        .or_else(|| self.find_mask(b, a, last, true))
                }
                "Where" => {
                    let (c, a, b) = (
                        self.operand(maker, 0)?,
                        self.operand(maker, 1)?,
                        self.operand(maker, 2)?,
                    );
                    let low = |x: Id| self.real(x).is_some_and(|v| v <= f64::from(MASKED));
                    match low(b) {
                        true => self.find_mask(a, c, last, false),
                        false => None,
                    }
                }
                _ => None,
            };
            let Some((rest, source, is_causal)) = found else {
                break;
            };
            if source.is_some() && mask.is_some() {
                return Err(self.fail(node, "two masks are added to its scores"));
            }
            mask = mask.or(source);
            causal |= is_causal;
            scores = rest;
        }
        let value = self.narrow_value(scores)?;
        let value = self.plain(value)?;
        let mut operands = vec![value.at];
        if let Some(mask) = mask {
            operands.push(self.mask_operand(mask)?);
        }
        let table = |step: f64| -> Box<[u16; 256]> {
            let mut entries = Box::new([0u16; 256]);
            for (i, entry) in entries.iter_mut().enumerate() {
                *entry = (32_768.0 * (-(i as f64) * step).exp() + 0.5).floor() as u16;
            }
            entries
        };
        let requant = target
            .requant(1.0 / 32_768.0)
            .map_err(|reason| self.fail(node, reason))?;
        let op = Op::Softmax(Softmax {
            mask: mask.is_some(),
            causal,
            fine: table(value.scale),
            coarse: (value.dtype == DType::I16).then(|| table(256.0 * value.scale)),
            requant,
        });
        let at = self
            .builder
            .node(op, operands, target.dtype, &value.shape)?;
        Ok(Quantised {
            at,
            dtype: target.dtype,
            scale: target.scale,
            zero: target.zero,
            ..value
        })
    }

    /// Whether `mask` masks `scores`: then what is left, the mask's input, and
    /// whether it is the causal one.
    fn find_mask(
        &self,
        scores: Id,
        mask: Id,
        last: usize,
        additive: bool,
    ) -> Option<(Id, Option<Id>, bool)> {
        let scores_shape = &self.graph.values[scores].shape;
        if self.is_constant(mask) {
            return self
                .is_causal(mask, additive)
                .then_some((scores, None, true));
        }
        let rank = self.graph.values[mask].shape.len();
        if rank > scores_shape.len() || rank == 0 || last + 1 != scores_shape.len() {
            return None;
        }
        let kind = if additive {
            MaskKind::Additive
        } else {
            MaskKind::Factor
        };
        // What a mask means is lost by rounding −10,000 and 0 to the scale of scores, so it is
        // read before its quantisation.
        let source = self.mask(self.peel(mask), rank - 1, kind)?;
        Some((scores, Some(source), false))
    }

    // --- Normalisation ---

    /// The chain of `LayerNormalization` before it was an operator: its operand, γ,
    /// β and ε.
    fn norm_chain(&self, id: Id) -> Option<(Id, Option<Id>, Option<Id>, f64)> {
        let mut at = id;
        let side = |this: &Self, node: usize| -> Option<(Id, Id)> {
            let (a, b) = (this.maybe_operand(node, 0)?, this.maybe_operand(node, 1)?);
            match (this.is_constant(a), this.is_constant(b)) {
                (false, true) => Some((a, b)),
                (true, false) => Some((b, a)),
                _ => None,
            }
        };
        let n = *self.graph.values[id].shape.last()?;
        let row = |constant: Id| {
            self.graph.values[constant]
                .constant
                .as_ref()
                .is_some_and(|c| c.len() == n)
        };
        let mut bias = None;
        if let Some(node) = self.maker_of(at, "Add") {
            let (rest, constant) = side(self, node)?;
            if !row(constant) {
                return None;
            }
            bias = Some(constant);
            at = self.peel(rest);
        }
        let mut scale = None;
        if let Some(node) = self.maker_of(at, "Mul") {
            if let Some((rest, constant)) = side(self, node) {
                if !row(constant) {
                    return None;
                }
                scale = Some(constant);
                at = self.peel(rest);
            }
        }
        let (centred, deviation) = match self.maker(at) {
            Some(node) if self.op(node) == "Div" => {
                (self.maybe_operand(node, 0)?, self.maybe_operand(node, 1)?)
            }
            Some(node) if self.op(node) == "Mul" => {
                let (a, b) = (self.maybe_operand(node, 0)?, self.maybe_operand(node, 1)?);
                let reciprocal = |x: Id| {
                    let node = self.maker_of(self.peel(x), "Reciprocal")?;
                    self.maybe_operand(node, 0)
                };
                match (reciprocal(a), reciprocal(b)) {
                    (None, Some(d)) => (a, d),
                    (Some(d), None) => (b, d),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let centred = self.peel(centred);
        let root = self.maker_of(self.peel(deviation), "Sqrt")?;
        let sum = self.maker_of(self.peel(self.maybe_operand(root, 0)?), "Add")?;
        let (variance, epsilon) = side(self, sum)?;
        let epsilon = self.real(epsilon)?;
        let mean_square = self.maker_of(self.peel(variance), "ReduceMean")?;
        let square = self.peel(self.maybe_operand(mean_square, 0)?);
        let squared = self.maker(square)?;
        let base = self.peel(self.maybe_operand(squared, 0)?);
        let two = self.maybe_operand(squared, 1)?;
        let is_square = match self.op(squared) {
            "Pow" => self.real(two) == Some(2.0),
            "Mul" => self.peel(two) == base,
            _ => false,
        };
        let difference = self.maker_of(base, "Sub")?;
        let other = self.maker_of(centred, "Sub")?;
        let x = self.maybe_operand(difference, 0)?;
        let same = |node: usize| -> Option<bool> {
            let mean = self.maker_of(self.peel(self.maybe_operand(node, 1)?), "ReduceMean")?;
            let of = self.maybe_operand(mean, 0)?;
            let equal = self.peel(self.maybe_operand(node, 0)?) == self.peel(x)
                && self.peel(of) == self.peel(x);
            Some(equal && self.reduces_last(mean))
        };
        let whole = is_square
            && same(difference)?
            && (other == difference || same(other)?)
            && self.reduces_last(mean_square)
            && epsilon >= 0.0;
        whole.then_some((x, scale, bias, epsilon))
    }

    fn reduced_axes(&self, node: usize) -> Option<Vec<usize>> {
        let described: Vec<Option<float::In<'_>>> = self.graph.nodes[node]
            .ins
            .iter()
            .map(|id| {
                id.map(|id| {
                    let value = &self.graph.values[id];
                    float::In {
                        elem: value.elem,
                        shape: &value.shape,
                        value: value.constant.as_deref(),
                    }
                })
            })
            .collect();
        float::reduce_axes(&self.graph.nodes[node].node, &described).ok()
    }

    fn reduces_last(&self, node: usize) -> bool {
        let rank = self
            .maybe_operand(node, 0)
            .map_or(0, |id| self.graph.values[id].shape.len());
        rank > 1
            && self.reduced_axes(node) == Some(vec![rank - 1])
            && self.graph.nodes[node].node.int_or("keepdims", 1) != 0
    }

    /// `LayerNormalization` and its relatives as operators.
    pub(super) fn norm_operator(&mut self, node: usize, target: Target) -> Result<Quantised> {
        let onnx = &self.graph.nodes[node].node;
        let centre = self.op(node) == "LayerNormalization";
        let x = self.operand(node, 0)?;
        let rank = self.graph.values[x].shape.len();
        let axis = float::axis_of(onnx.int_or("axis", -1), rank)
            .map_err(|reason| self.fail(node, reason))?;
        if axis + 1 != rank || rank < 2 {
            return Err(self.fail(node, "it normalises more than the last axis"));
        }
        let epsilon = f64::from(onnx.float_or("epsilon", 1e-5));
        let (scale, bias) = (self.maybe_operand(node, 1), self.maybe_operand(node, 2));
        for part in [scale, bias].into_iter().flatten() {
            if !self.is_constant(part) {
                return Err(self.fail(node, "its scale or bias is no constant"));
            }
        }
        self.norm(node, x, scale, bias, epsilon, centre, target)
    }

    fn norm(
        &mut self,
        node: usize,
        x: Id,
        scale: Option<Id>,
        bias: Option<Id>,
        epsilon: f64,
        centre: bool,
        target: Target,
    ) -> Result<Quantised> {
        let value = self.narrow_value(x)?;
        let value = self.plain(value)?;
        let n = *value
            .shape
            .last()
            .ok_or_else(|| self.fail(node, "it has no axis besides the batch"))?;
        let row = |this: &Self, id: Option<Id>, otherwise: f64| -> Result<Vec<f64>> {
            match id {
                None => Ok(vec![otherwise; n as usize]),
                Some(id) => {
                    let reals = this.reals(id).unwrap_or_default();
                    match reals.len() {
                        len if len == n as usize => Ok(reals),
                        1 => Ok(vec![reals[0]; n as usize]),
                        _ => Err(this.fail(node, "its scale or bias is no row")),
                    }
                }
            }
        };
        let params = scale.is_some() || bias.is_some();
        let (gamma, beta) = (row(self, scale, 1.0)?, row(self, bias, 0.0)?);
        let reach = |list: &[f64]| list.iter().fold(0f64, |m, v| m.max(v.abs()));
        // γ in steps of g, β in steps of g/4,096: the least g for which both fit.
        let g = (reach(&gamma) / 32_767.0)
            .max(reach(&beta) * 4_096.0 / 2_147_000_000.0)
            .max(f64::MIN_POSITIVE);
        let mut operands = vec![value.at];
        let step = if params {
            let words: Vec<i32> = gamma
                .iter()
                .zip(&beta)
                .flat_map(|(gamma, beta)| {
                    [
                        (gamma / g).round() as i32,
                        (beta * 4_096.0 / g).round() as i32,
                    ]
                })
                .collect();
            let bytes = super::constants::encode(DType::I32, &words);
            operands.push(
                self.builder
                    .constant(DType::I32, &[n, 2], bytes, Kind::Weight)?,
            );
            g / 4_096.0
        } else {
            1.0 / 4_096.0
        };
        let requant = target
            .requant(step)
            .map_err(|reason| self.fail(node, reason))?;
        let e = self.epsilon(node, epsilon, n, value.scale)?;
        let op = match centre {
            true => Op::LayerNorm(LayerNorm { params, e, requant }),
            false => Op::RmsNorm(RmsNorm {
                zx: value.zero,
                params,
                e,
                requant,
            }),
        };
        let at = self
            .builder
            .node(op, operands, target.dtype, &value.shape)?;
        Ok(Quantised {
            at,
            dtype: target.dtype,
            scale: target.scale,
            zero: target.zero,
            ..value
        })
    }

    fn epsilon(&self, node: usize, epsilon: f64, n: u32, scale: f64) -> Result<u64> {
        let e = (epsilon * f64::from(n) * f64::from(n) / (scale * scale))
            .round()
            .max(1.0);
        if e <= 2f64.powi(58) {
            Ok(e as u64)
        } else {
            Err(self.fail(
                node,
                format!("its epsilon {epsilon} is far above the squares it is added to"),
            ))
        }
    }

    /// `x / max(‖x‖, floor)` over the last axis.
    fn l2_chain(&self, node: usize) -> Option<(Id, f64)> {
        let (x, norm) = (self.maybe_operand(node, 0)?, self.maybe_operand(node, 1)?);
        let mut at = norm;
        let mut floor = 0.0;
        for _ in 0..6 {
            at = self.peel(at);
            let maker = self.maker(at)?;
            let first = self.maybe_operand(maker, 0)?;
            match self.op(maker) {
                "Expand" | "Identity" | "Cast" => at = first,
                "Clip" => {
                    floor = match self.maybe_operand(maker, 1) {
                        Some(low) => self.real(low)?,
                        None => f64::from(self.graph.nodes[maker].node.float("min")?),
                    };
                    at = first;
                }
                "Max" => {
                    let (rest, low) = match self.maybe_operand(maker, 1) {
                        Some(b) if self.is_constant(b) => (first, b),
                        Some(b) => (b, first),
                        None => return None,
                    };
                    floor = self.real(low)?;
                    at = rest;
                }
                "ReduceL2" => {
                    let same = self.peel(first) == self.peel(x) && self.reduces_last(maker);
                    return same.then_some((x, floor));
                }
                "Sqrt" => {
                    let sum = self.maker(self.peel(first))?;
                    let squares = self.peel(self.maybe_operand(sum, 0)?);
                    let base = match self.op(sum) {
                        "ReduceSumSquare" => squares,
                        "ReduceSum" => {
                            let square = self.maker(squares)?;
                            let base = self.peel(self.maybe_operand(square, 0)?);
                            let two = self.maybe_operand(square, 1)?;
                            let is_square = match self.op(square) {
                                "Pow" => self.real(two) == Some(2.0),
                                "Mul" => self.peel(two) == base,
                                _ => false,
                            };
                            if !is_square {
                                return None;
                            }
                            base
                        }
                        _ => return None,
                    };
                    let same = self.peel(base) == self.peel(x) && self.reduces_last(sum);
                    return same.then_some((x, floor));
                }
                _ => return None,
            }
        }
        None
    }

    /// Division of each row by its 2-norm: `RmsNorm` with √n in the scale.
    pub(super) fn l2_normalise(&mut self, x: Id, floor: f64, target: Target) -> Result<Quantised> {
        let node = self.builder.origin;
        let value = self.narrow_value(x)?;
        let value = self.plain(value)?;
        let n = *value
            .shape
            .last()
            .ok_or_else(|| self.fail(node, "it has no axis besides the batch"))?;
        let requant = target
            .requant(1.0 / (4_096.0 * f64::from(n).sqrt()))
            .map_err(|reason| self.fail(node, reason))?;
        // ‖x‖² + floor² instead of max(‖x‖², floor²): n times the mean square.
        let e = self.epsilon(node, floor * floor / f64::from(n), n, value.scale)?;
        let op = Op::RmsNorm(RmsNorm {
            zx: value.zero,
            params: false,
            e,
            requant,
        });
        let at = self
            .builder
            .node(op, vec![value.at], target.dtype, &value.shape)?;
        Ok(Quantised {
            at,
            dtype: target.dtype,
            scale: target.scale,
            zero: target.zero,
            ..value
        })
    }

    // --- Means, sums, maxima ---

    /// `Σ x·mask / Σ mask` over axis 1.
    fn masked_mean(&mut self, node: usize, id: Id, target: Target) -> Result<Option<Quantised>> {
        let (above, below) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let Some(sum) = self.maker_of(self.peel(above), "ReduceSum") else {
            return Ok(None);
        };
        let Some(axes) = self.reduced_axes(sum) else {
            return Ok(None);
        };
        let [axis] = axes[..] else {
            return Ok(None);
        };
        let summed = self.peel(self.operand(sum, 0)?);
        let Some(product) = self.maker_of(summed, "Mul") else {
            return Ok(None);
        };
        let (a, b) = (self.operand(product, 0)?, self.operand(product, 1)?);
        let rank = self.graph.values[summed].shape.len();
        let factor = |id: Id| {
            let own = self.graph.values[id].shape.len();
            let axis = (axis + own).checked_sub(rank)?;
            self.mask(self.peel(id), axis, MaskKind::Factor)
        };
        let (x, source) = match (factor(a), factor(b)) {
            (None, Some(source)) => (a, source),
            (Some(source), None) => (b, source),
            _ => return Ok(None),
        };
        let below = self.peel(below);
        if self.is_constant(below) || self.mask_source(below) != Some(source) {
            return Ok(None);
        }
        let counts = self.try_masks(source, below).is_some_and(|tried| {
            tried.iter().all(|(kept, values)| {
                let n = kept.iter().filter(|k| **k).count() as f32;
                values.iter().all(|v| (v - n).abs() < 0.01 * n)
            })
        });
        if !counts || axis == 0 || self.graph.values[x].shape.len() != rank {
            return Ok(None);
        }
        let mask = self.mask_operand(source)?;
        self.mean_over(node, id, x, &[axis], Some(mask), 1.0, target)
            .map(Some)
    }

    pub(super) fn mean(&mut self, node: usize, id: Id, target: Target) -> Result<Quantised> {
        let x = self.operand(node, 0)?;
        let rank = self.graph.values[x].shape.len();
        let axes = match self.op(node) {
            "GlobalAveragePool" => (2..rank).collect(),
            _ => self
                .reduced_axes(node)
                .ok_or_else(|| self.fail(node, "its axes are not constant"))?,
        };
        if axes.contains(&0) {
            return Err(self.fail(node, "it reduces axis 0, the batch"));
        }
        if axes.is_empty() {
            let value = self.materialise(x, target)?;
            return Ok(value);
        }
        let count: usize = axes
            .iter()
            .map(|a| self.graph.values[x].shape[*a])
            .product();
        let factor = match self.op(node) {
            "ReduceSum" => count as f64,
            _ => 1.0,
        };
        self.mean_over(node, id, x, &axes, None, factor, target)
    }

    /// Moves axes to the end and joins them into one row.
    fn rows_of(&mut self, x: Quantised, axes: &[usize]) -> Result<Quantised> {
        let rank = x.shape.len();
        let reduced: Vec<usize> = axes.iter().map(|a| a - 1).collect();
        let mut perm: Vec<usize> = (0..rank).filter(|i| !reduced.contains(i)).collect();
        let kept = perm.len();
        perm.extend(&reduced);
        let out: Vec<u32> = perm.iter().map(|i| x.shape[*i]).collect();
        let y = self.transpose_by(x, &perm, &out)?;
        let mut shape = out[..kept].to_vec();
        shape.push(out[kept..].iter().product());
        self.reshape(y, &shape)
    }

    fn mean_over(
        &mut self,
        node: usize,
        id: Id,
        x: Id,
        axes: &[usize],
        mask: Option<Operand>,
        factor: f64,
        target: Target,
    ) -> Result<Quantised> {
        let value = self.narrow_value(x)?;
        let rows = self.rows_of(value, axes)?;
        let requant = target
            .requant(rows.scale * factor / 256.0)
            .map_err(|reason| self.fail(node, reason))?;
        let mut operands = vec![rows.at];
        operands.extend(mask);
        let op = Op::RowMean(RowMean {
            zx: rows.zero,
            mask: mask.is_some(),
            requant,
        });
        let mut shape = rows.shape.clone();
        shape.pop();
        let at = self.builder.node(op, operands, target.dtype, &shape)?;
        let y = Quantised {
            at,
            dtype: target.dtype,
            shape,
            layout: Layout::Plain,
            scale: target.scale,
            zero: target.zero,
        };
        let out = self.dims(id)?;
        self.reshape(y, &out)
    }

    pub(super) fn row_max(&mut self, node: usize, id: Id, target: Target) -> Result<Quantised> {
        let x = self.operand(node, 0)?;
        let rank = self.graph.values[x].shape.len();
        let axes = match self.op(node) {
            "GlobalMaxPool" => (2..rank).collect(),
            _ => self
                .reduced_axes(node)
                .ok_or_else(|| self.fail(node, "its axes are not constant"))?,
        };
        if axes.contains(&0) || axes.is_empty() {
            return Err(self.fail(node, "it reduces axis 0, the batch, or nothing"));
        }
        let value = self.narrow_value(x)?;
        let rows = self.rows_of(value, &axes)?;
        let mut shape = rows.shape.clone();
        shape.pop();
        let at = self
            .builder
            .node(Op::RowMax(RowMax), vec![rows.at], rows.dtype, &shape)?;
        let out = self.dims(id)?;
        let y = self.reshape(Quantised { at, shape, ..rows }, &out)?;
        self.requantise(y, target)
    }

    // --- Pools ---

    pub(super) fn max_pool(&mut self, node: usize, id: Id) -> Result<Quantised> {
        let x = self.operand(node, 0)?;
        let value = self.narrow_value(x)?;
        let (kernel, window, value) = self.pool_window(node, value)?;
        let out = self.dims(id)?;
        let op = Op::MaxPool2d(MaxPool2d { kernel, window });
        let mut y = Quantised {
            shape: out,
            ..value
        };
        let stored = y.stored();
        y.at = self
            .builder
            .node(op, vec![value.at], value.dtype, &stored)?;
        Ok(y)
    }

    fn pool_window(
        &mut self,
        node: usize,
        value: Quantised,
    ) -> Result<([u16; 2], athanor_tensor_program::ops::Window, Quantised)> {
        if value.shape.len() != 3 {
            return Err(self.fail(node, "only pools over two axes are mapped"));
        }
        let value = self.channels_last(value)?;
        let mut shape = vec![1usize];
        shape.extend(value.shape.iter().map(|n| *n as usize));
        let geometry = float::pool_geometry(&self.graph.nodes[node].node, &shape)
            .map_err(|reason| self.fail(node, reason))?;
        let window = window(&geometry)
            .ok_or_else(|| self.fail(node, "strides, dilations and pads up to 255 are mapped"))?;
        let side = |i: usize| {
            geometry
                .kernel
                .get(i)
                .and_then(|k| u16::try_from(*k).ok())
                .ok_or_else(|| self.fail(node, "its kernel is too large"))
        };
        Ok(([side(0)?, side(1)?], window, value))
    }

    pub(super) fn average_pool(
        &mut self,
        node: usize,
        id: Id,
        target: Target,
    ) -> Result<Quantised> {
        let x = self.operand(node, 0)?;
        let value = self.narrow_value(x)?;
        let (kernel, window, value) = self.pool_window(node, value)?;
        let onnx = &self.graph.nodes[node].node;
        let count_pad = onnx.int_or("count_include_pad", 0) != 0;
        if count_pad && onnx.int_or("ceil_mode", 0) != 0 {
            return Err(self.fail(
                node,
                "ceil_mode with counted padding divides by odd numbers",
            ));
        }
        let requant = target
            .requant(value.scale / 256.0)
            .map_err(|reason| self.fail(node, reason))?;
        let op = Op::AvgPool2d(AvgPool2d {
            kernel,
            window,
            count_pad,
            zx: value.zero,
            requant,
        });
        let mut y = Quantised {
            shape: self.dims(id)?,
            dtype: target.dtype,
            scale: target.scale,
            zero: target.zero,
            ..value
        };
        let stored = y.stored();
        y.at = self
            .builder
            .node(op, vec![value.at], target.dtype, &stored)?;
        Ok(y)
    }

    // --- Indices ---

    pub(super) fn arg_max(&mut self, node: usize, id: Id) -> Result<Quantised> {
        let onnx = &self.graph.nodes[node].node;
        let x = self.operand(node, 0)?;
        let rank = self.graph.values[x].shape.len();
        let axis = float::axis_of(onnx.int_or("axis", 0), rank)
            .map_err(|reason| self.fail(node, reason))?;
        if axis + 1 != rank || rank < 2 {
            return Err(self.fail(node, "it runs over another axis than the last"));
        }
        if onnx.int_or("select_last_index", 0) != 0 {
            return Err(self.fail(node, "only the first of equal maxima can be mapped"));
        }
        let value = self.value(x)?;
        let value = self.plain(value)?;
        let mut shape = value.shape.clone();
        shape.pop();
        let at = self
            .builder
            .node(Op::ArgMax(ArgMax), vec![value.at], DType::I32, &shape)?;
        let y = Quantised {
            at,
            dtype: DType::I32,
            shape,
            layout: Layout::Plain,
            scale: 1.0,
            zero: 0,
        };
        let out = self.dims(id)?;
        self.reshape(y, &out)
    }

    pub(super) fn top_k(&mut self, node: usize, id: Id) -> Result<Quantised> {
        if self.graph.values[id].producer.map(|(_, at)| at) != Some(1) {
            return Err(self.fail(
                node,
                "its values are asked for: only its indices can be mapped",
            ));
        }
        let onnx = &self.graph.nodes[node].node;
        let x = self.operand(node, 0)?;
        let rank = self.graph.values[x].shape.len();
        let axis = float::axis_of(onnx.int_or("axis", -1), rank)
            .map_err(|reason| self.fail(node, reason))?;
        let plain = axis + 1 == rank
            && rank > 1
            && onnx.int_or("largest", 1) != 0
            && onnx.int_or("sorted", 1) != 0;
        let shape = self.dims(id)?;
        let k = shape.last().copied().unwrap_or(0);
        if !plain || k == 0 || k > 64 {
            return Err(self.fail(
                node,
                "only the sorted largest of the last axis, up to 64, can be mapped",
            ));
        }
        let value = self.value(x)?;
        let value = self.plain(value)?;
        let op = Op::TopK(TopK { k: k as u8 });
        let at = self.builder.node(op, vec![value.at], DType::I32, &shape)?;
        Ok(Quantised {
            at,
            dtype: DType::I32,
            shape,
            layout: Layout::Plain,
            scale: 1.0,
            zero: 0,
        })
    }

    /// Whether a `Gather` picks rows of a constant.
    pub(super) fn gathers_constant(&self, node: usize) -> bool {
        self.maybe_operand(node, 0)
            .is_some_and(|x| self.is_constant(x))
    }

    /// Rows of a constant: at `target`, or in the constant's own form.
    pub(super) fn gather(
        &mut self,
        node: usize,
        id: Id,
        target: Option<Target>,
    ) -> Result<Quantised> {
        let (table, index) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let value = &self.graph.values[table];
        let axis = float::axis_of(
            self.graph.nodes[node].node.int_or("axis", 0),
            value.shape.len(),
        )
        .map_err(|reason| self.fail(node, reason))?;
        if axis != 0 {
            return Err(self.fail(node, "only rows (axis 0) of a constant can be picked"));
        }
        let Some(constant) = value.constant.clone() else {
            return Err(self.fail(node, "its table is no constant"));
        };
        let (own, ints): (Target, Vec<i32>) = match (target, constant.as_ints()) {
            (Some(target), _) if target.dtype != DType::I32 => {
                let reals = reals(&constant);
                (target, reals.iter().map(|v| target.quantise(*v)).collect())
            }
            (_, Some(ints)) => {
                let (dtype, offset) = match constant.elem {
                    Elem::I8 | Elem::Bool => (DType::I8, 0),
                    Elem::U8 => (DType::I8, -128),
                    Elem::I16 => (DType::I16, 0),
                    Elem::U16 => (DType::I16, -32_768),
                    other => {
                        return Err(self.fail(
                            node,
                            format!(
                                "a table of {other:?} is too wide, 8 and 16 bits can be mapped"
                            ),
                        ))
                    }
                };
                let stored = ints.iter().map(|v| v + offset).collect();
                (Target::full(dtype, 1.0, offset), stored)
            }
            (_, None) => {
                let reals = reals(&constant);
                let reach = reals.iter().fold(0f64, |m, v| m.max(v.abs()));
                if !reach.is_finite() {
                    return Err(self.fail(node, "its table is not finite"));
                }
                let scale = if reach > 0.0 { reach / 32_767.0 } else { 1.0 };
                let target = Target::full(DType::I16, scale, 0);
                (target, reals.iter().map(|v| target.quantise(*v)).collect())
            }
        };
        let dims: Vec<u32> = constant.shape.iter().map(|n| *n as u32).collect();
        let bytes = super::constants::encode(own.dtype, &ints);
        let table = self
            .builder
            .constant(own.dtype, &dims, bytes, Kind::Weight)?;
        let index = self.value(index)?;
        let index = self.plain(index)?;
        if index.zero != 0 || index.scale != 1.0 {
            return Err(self.fail(node, "its indices are unsigned bytes: cast them to int64"));
        }
        let shape = self.dims(id)?;
        let at = self
            .builder
            .node(Op::Gather(Gather), vec![table, index.at], own.dtype, &shape)?;
        let y = Quantised {
            at,
            dtype: own.dtype,
            shape,
            layout: Layout::Plain,
            scale: own.scale,
            zero: own.zero,
        };
        match target {
            Some(target) => self.requantise(y, target),
            None => Ok(y),
        }
    }
}

fn reals(constant: &Tensor) -> Vec<f64> {
    constant.to_floats().iter().map(|v| f64::from(*v)).collect()
}
