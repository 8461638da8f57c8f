//! Element operators and tables.

use super::{Layout, Lower, Quantised, Target};
use crate::{
    builder::Kind,
    error::Result,
    graph::Id,
    scale,
    tensor::{Elem, Tensor},
};
use athanor_tensor_program::{
    ops::{Abs, Add, Lut16, Lut8, Mul, Op, Requant, Requantize, Scale, Select},
    DType, Operand,
};
use std::collections::{BTreeSet, HashMap};

/// Longest chain of element operators that becomes one table.
const MAX_CONE: usize = 256;

/// Element operators between one tensor and the result.
struct Cone {
    source: Id,
    nodes: BTreeSet<usize>,
}

impl Lower<'_, '_> {
    /// The tensor of which `id` is a function element by element: the first along
    /// the graph that has an 8-bit or 16-bit form.
    fn cone(&self, id: Id) -> Option<Cone> {
        // Tensors still to be explained, by the node that makes them: always the latest first,
        // so that a tensor is reached only after everything that reads it.
        let mut frontier: BTreeSet<(Option<usize>, Id)> = BTreeSet::new();
        frontier.insert((self.maker(id), id));
        let mut nodes = BTreeSet::new();
        let mut best: Option<(bool, Id, BTreeSet<usize>)> = None;
        while let Some((Some(node), at)) = frontier.pop_last() {
            if nodes.len() >= MAX_CONE || !self.elementwise(node) {
                break;
            }
            let shape = &self.graph.values[at].shape;
            let mut operands = Vec::new();
            for operand in self.graph.nodes[node].ins.iter().flatten() {
                let value = &self.graph.values[*operand];
                match &value.constant {
                    Some(constant) if constant.len() == 1 => {}
                    Some(_) => return self.finish_cone(best),
                    None if value.shape == *shape => operands.push(*operand),
                    None => return self.finish_cone(best),
                }
            }
            nodes.insert(node);
            for operand in operands {
                frontier.insert((self.maker(operand), operand));
            }
            if frontier.len() == 1 {
                if let Some((_, source)) = frontier.first() {
                    let quantised = self.is_quantised(*source)
                        && (self.maker_of(*source, "DequantizeLinear").is_some()
                            || self.maker(*source).is_none());
                    if quantised || best.as_ref().is_none_or(|(good, ..)| !good) {
                        best = Some((quantised, *source, nodes.clone()));
                    }
                }
            }
        }
        self.finish_cone(best)
    }

    fn finish_cone(&self, best: Option<(bool, Id, BTreeSet<usize>)>) -> Option<Cone> {
        let (_, source, nodes) = best?;
        Some(Cone { source, nodes })
    }

    /// The function from `source` to `id` at given stored integers.
    fn tabulate(
        &self,
        source: Id,
        id: Id,
        value: &Quantised,
        stored: impl Iterator<Item = i32>,
    ) -> Result<Vec<f64>> {
        let reals: Vec<f64> = stored
            .map(|q| (f64::from(q) - f64::from(value.zero)) * value.scale)
            .collect();
        let rank = self.graph.values[source].shape.len().max(1);
        let mut shape = vec![1; rank];
        if let Some(last) = shape.last_mut() {
            *last = reals.len();
        }
        let elem = self.graph.values[source].elem;
        let tensor = match elem.is_float() {
            true => Tensor::floats(shape, reals.iter().map(|v| *v as f32).collect()),
            false => Tensor::ints(elem, shape, reals.iter().map(|v| *v as i32).collect()),
        };
        let given = HashMap::from([(source, tensor)]);
        let values = self.evaluate(&given, id)?;
        if values.len() != reals.len() {
            return Err(self.fail_at(id, "its operators are not element by element"));
        }
        Ok(values.iter().map(|v| f64::from(*v)).collect())
    }

    /// Any function of one quantised tensor as a table. `None` if `id` is none.
    pub(super) fn table(&mut self, id: Id, target: Target) -> Result<Option<Quantised>> {
        let Some(cone) = self.cone(id) else {
            return Ok(None);
        };
        let source = cone.source;
        if let Some(done) = self.fused_table(&cone, id, target)? {
            return Ok(Some(done));
        }
        let value = self.narrow_value(source)?;
        match value.dtype {
            DType::I8 => {
                let values = self.tabulate(source, id, &value, -128..128)?;
                let entries: Vec<i32> = values.iter().map(|v| target.quantise(*v)).collect();
                let table = self.table_constant(target.dtype, &entries)?;
                let stored = value.stored();
                let at = self.builder.node(
                    Op::Lut8(Lut8),
                    vec![value.at, table],
                    target.dtype,
                    &stored,
                )?;
                Ok(Some(with(value, at, target)))
            }
            _ => {
                // 513 points, the last one step beyond the largest value.
                let points = (0..=512).map(|j| 128 * j - 32_768);
                let values = self.tabulate(source, id, &value, points)?;
                let fine = match target.dtype {
                    DType::I16 => target,
                    _ => Target {
                        dtype: DType::I16,
                        scale: target.scale / 256.0,
                        zero: 256 * target.zero.clamp(-128, 127),
                        lo: 256 * target.lo.clamp(-128, 127),
                        hi: 256 * target.hi.clamp(-128, 127),
                    },
                };
                let entries: Vec<i32> = values.iter().map(|v| fine.quantise(*v)).collect();
                let table = self.table_constant(DType::I16, &entries)?;
                let stored = value.stored();
                let at = self.builder.node(
                    Op::Lut16(Lut16),
                    vec![value.at, table],
                    DType::I16,
                    &stored,
                )?;
                let wide = with(value, at, fine);
                self.requantise(wide, target).map(Some)
            }
        }
    }

    /// A table on the result of a linear operator, in one node.
    fn fused_table(&mut self, cone: &Cone, id: Id, target: Target) -> Result<Option<Quantised>> {
        if self.known.contains_key(&cone.source) {
            return Ok(None);
        }
        let Some(dequantise) = self.maker_of(cone.source, "DequantizeLinear") else {
            return Ok(None);
        };
        let stored = self.operand(dequantise, 0)?;
        let Some(quantise) = self.maker_of(stored, "QuantizeLinear") else {
            return Ok(None);
        };
        let alone = self.consumers(stored) == [dequantise]
            && self
                .consumers(cone.source)
                .iter()
                .all(|n| cone.nodes.contains(n))
            && !self.graph.outputs.contains(&stored)
            && !self.graph.outputs.contains(&cone.source);
        let (pre, _) = self.quantise_target(quantise)?;
        let x = self.operand(quantise, 0)?;
        if !alone || pre.dtype != DType::I8 || self.made.contains_key(&pre.key(x)) {
            return Ok(None);
        }
        let (x, pre) = self.through_clips(x, pre)?;
        let Some(linear) = self.linear(x)? else {
            return Ok(None);
        };
        self.kept_quantise.insert(quantise);
        let value = Quantised {
            at: Operand::Input(0),
            dtype: DType::I8,
            shape: vec![],
            layout: Layout::Plain,
            scale: pre.scale,
            zero: pre.zero,
        };
        let values = self.tabulate(cone.source, id, &value, -128..128)?;
        let entries: Vec<i32> = values.iter().map(|v| target.quantise(*v)).collect();
        let table = self.table_constant(target.dtype, &entries)?;
        let y = self.emit_linear_with(&linear, pre, Some((table, target.dtype)))?;
        Ok(Some(Quantised {
            dtype: target.dtype,
            scale: target.scale,
            zero: target.zero,
            ..y
        }))
    }

    /// Walks over clips before a quantisation.
    fn through_clips(&self, mut x: Id, mut target: Target) -> Result<(Id, Target)> {
        while let Some(node) = self.maker(x) {
            if !matches!(self.op(node), "Relu" | "Clip") {
                break;
            }
            target = self.clipped(node, target)?;
            x = self.operand(node, 0)?;
        }
        Ok((x, target))
    }

    /// Two operands of equal rank and layout.
    fn align(&mut self, node: usize, id: Id, a: Id, b: Id) -> Result<(Quantised, Quantised)> {
        let rank = self.dims(id)?.len();
        let fixed = |this: &mut Self, x: Id| -> Result<Option<Quantised>> {
            match this.is_constant(x) {
                true => Ok(None),
                false => this.value(x).map(Some),
            }
        };
        let (mut qa, mut qb) = (fixed(self, a)?, fixed(self, b)?);
        let last = [&qa, &qb]
            .into_iter()
            .flatten()
            .any(|q| q.layout == Layout::ChannelsLast && q.shape.len() == rank);
        for side in [&mut qa, &mut qb] {
            if let Some(q) = side.take() {
                let mut q = if last && q.shape.len() == 3 {
                    self.channels_last(q)?
                } else {
                    self.plain(q)?
                };
                if q.shape.len() < rank {
                    let mut shape = vec![1; rank - q.shape.len()];
                    shape.extend(&q.shape);
                    q = self.reshape(q, &shape)?;
                    if last {
                        q = self.channels_last(q)?;
                    }
                }
                *side = Some(q);
            }
        }
        let layout = if last {
            Layout::ChannelsLast
        } else {
            Layout::Plain
        };
        match (qa, qb) {
            (Some(qa), Some(qb)) => Ok((qa, qb)),
            (Some(qa), None) => Ok((qa, self.constant_operand(b, rank, layout)?)),
            (None, Some(qb)) => Ok((self.constant_operand(a, rank, layout)?, qb)),
            (None, None) => Err(self.fail(node, "both its operands are constants")),
        }
    }

    fn result(&self, id: Id, at: Operand, layout: Layout, target: Target) -> Result<Quantised> {
        Ok(Quantised {
            at,
            dtype: target.dtype,
            shape: self.dims(id)?,
            layout,
            scale: target.scale,
            zero: target.zero,
        })
    }

    fn result_stored(&self, id: Id, layout: Layout) -> Result<Vec<u32>> {
        let dims = self.dims(id)?;
        Ok(match (layout, dims.as_slice()) {
            (Layout::ChannelsLast, [c, h, w]) => vec![*h, *w, *c],
            _ => dims,
        })
    }

    /// Sum or difference.
    pub(super) fn add(&mut self, node: usize, id: Id, target: Target) -> Result<Quantised> {
        let (a, b) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let (qa, qb) = self.align(node, id, a, b)?;
        let sign = if self.op(node) == "Sub" { -1.0 } else { 1.0 };
        let (fa, fb) = (qa.scale / target.scale, sign * qb.scale / target.scale);
        let op = self.sum(node, (fa, qa.zero), (fb, qb.zero), target)?;
        let stored = self.result_stored(id, qa.layout)?;
        let at = self
            .builder
            .node(op, vec![qa.at, qb.at], target.dtype, &stored)?;
        self.result(id, at, qa.layout, target)
    }

    /// `fa·(a − za) + fb·(b − zb)` with one common shift.
    fn sum(
        &self,
        node: usize,
        (fa, za): (f64, i32),
        (fb, zb): (f64, i32),
        target: Target,
    ) -> Result<Op> {
        let top = fa.abs().max(fb.abs()).max(2f64.powi(-60));
        // The larger multiplier in [2^28, 2^29).
        let mut s = 28 - top.log2().floor() as i32;
        if !(0..=i32::MAX).contains(&s) || !top.is_finite() {
            return Err(self.fail(
                node,
                format!("the scale of an operand is {top:.3e} times that of the sum"),
            ));
        }
        s = s.min(62);
        let m = |f: f64| (f * 2f64.powi(s)).round() as i32;
        Ok(Op::Add(Add {
            za,
            zb,
            ma: m(fa),
            mb: m(fb),
            s: s as u8,
            z: target.zero,
            lo: target.lo,
            hi: target.hi,
            out: target.dtype,
        }))
    }

    pub(super) fn negate(&mut self, node: usize, target: Target) -> Result<Quantised> {
        let x = self.operand(node, 0)?;
        let value = self.value(x)?;
        let zero = self.table_constant(DType::I8, &[0])?;
        let op = self.sum(
            node,
            (-value.scale / target.scale, value.zero),
            (0.0, 0),
            target,
        )?;
        let stored = value.stored();
        let shape = vec![1u32; stored.len()];
        let zero = match shape.len() {
            1 => zero,
            _ => self
                .builder
                .constant(DType::I8, &shape, vec![0], Kind::Table)?,
        };
        let at = self
            .builder
            .node(op, vec![value.at, zero], target.dtype, &stored)?;
        Ok(with(value, at, target))
    }

    pub(super) fn absolute(&mut self, node: usize, target: Target) -> Result<Quantised> {
        let x = self.operand(node, 0)?;
        let value = self.value(x)?;
        let own = Target::full(value.dtype, value.scale, 0);
        let value = self.requantise(value, own)?;
        let stored = value.stored();
        let at = self
            .builder
            .node(Op::Abs(Abs), vec![value.at], value.dtype, &stored)?;
        self.requantise(Quantised { at, ..value }, target)
    }

    /// Product, or quotient by a constant.
    pub(super) fn mul(&mut self, node: usize, id: Id, target: Target) -> Result<Quantised> {
        let (a, b) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let divide = self.op(node) == "Div";
        if divide && !self.is_constant(b) {
            return Err(self.fail(node, "division by a value that depends on the input"));
        }
        if let Some(done) = self.scale_channels(node, id, target, divide)? {
            return Ok(done);
        }
        if divide {
            return Err(self.fail(
                node,
                "division by a constant is mapped for one number or one positive number a channel",
            ));
        }
        let narrow = |this: &mut Self, x: Id| match this.is_constant(x) {
            true => Ok(()),
            false => this.narrow_value(x).map(|_| ()),
        };
        narrow(self, a)?;
        narrow(self, b)?;
        let (mut qa, mut qb) = self.align(node, id, a, b)?;
        for (q, x) in [(&mut qa, a), (&mut qb, b)] {
            if q.dtype == DType::I32 {
                let own = self.invented_target(x)?;
                *q = self.requantise(q.clone(), own)?;
            }
        }
        let inner = match target.dtype {
            DType::I32 => return Err(self.fail(node, "its product is asked for at 32 bits")),
            _ => target,
        };
        let requant: Requant = inner
            .requant(qa.scale * qb.scale)
            .map_err(|reason| self.fail(node, reason))?;
        let op = Op::Mul(Mul {
            za: qa.zero,
            zb: qb.zero,
            requant,
        });
        let stored = self.result_stored(id, qa.layout)?;
        let at = self
            .builder
            .node(op, vec![qa.at, qb.at], target.dtype, &stored)?;
        self.result(id, at, qa.layout, target)
    }

    /// Multiplication by one positive constant for each index of the last axis (of
    /// the layout): a requantisation per channel.
    fn scale_channels(
        &mut self,
        node: usize,
        id: Id,
        target: Target,
        divide: bool,
    ) -> Result<Option<Quantised>> {
        let (a, b) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let (x, factors) = match (self.is_constant(a), self.is_constant(b)) {
            (false, true) => (a, b),
            (true, false) => (b, a),
            _ => return Ok(None),
        };
        if !self.is_quantised(x) || self.graph.values[x].shape != self.graph.values[id].shape {
            return Ok(None);
        }
        let reals = self.reals(factors).unwrap_or_default();
        if reals.iter().any(|f| !(f.is_finite() && *f > 0.0)) {
            return Ok(None);
        }
        let value = self.value(x)?;
        let rank = value.shape.len();
        let mut dims = self.constant_dims(factors, rank)?;
        while dims.len() < rank {
            dims.insert(0, 1);
        }
        let channel = match value.layout {
            Layout::ChannelsLast => 0,
            Layout::Plain => rank.saturating_sub(1),
            Layout::Flattened { .. } => return Ok(None),
        };
        let n = match value.shape.get(channel) {
            Some(n) => *n as usize,
            None => return Ok(None),
        };
        let along = dims.iter().enumerate().all(|(i, d)| {
            if i == channel {
                *d as usize == n
            } else {
                *d == 1
            }
        });
        if !along || reals.len() != n {
            return Ok(None);
        }
        let mut words = Vec::with_capacity(2 * n);
        for f in reals {
            let f = if divide { 1.0 / f } else { f };
            let (m, s) = scale::pair(value.scale * f / target.scale)
                .map_err(|reason| self.fail(node, reason))?;
            words.extend([0, scale::word(m, s)]);
        }
        let bytes = super::constants::encode(DType::I32, &words);
        let params = self
            .builder
            .constant(DType::I32, &[n as u32, 2], bytes, Kind::Weight)?;
        let op = Op::Requantize(Requantize {
            zx: value.zero,
            scale: Scale::Channel,
            z: target.zero,
            lo: target.lo,
            hi: target.hi,
            out: target.dtype,
        });
        let stored = value.stored();
        let at = self
            .builder
            .node(op, vec![value.at, params], target.dtype, &stored)?;
        Ok(Some(with(value, at, target)))
    }

    /// `Where` with a condition of 0 and 1.
    pub(super) fn select(&mut self, node: usize, id: Id, target: Target) -> Result<Quantised> {
        let (c, a, b) = (
            self.operand(node, 0)?,
            self.operand(node, 1)?,
            self.operand(node, 2)?,
        );
        let rank = self.dims(id)?.len();
        let cond = if self.is_constant(c) {
            let mut shape = self.constant_dims(c, rank)?;
            while shape.len() < rank {
                shape.insert(0, 1);
            }
            let values: Vec<i32> = self
                .reals(c)
                .unwrap_or_default()
                .iter()
                .map(|v| i32::from(*v != 0.0))
                .collect();
            let bytes = super::constants::encode(DType::I8, &values);
            self.builder
                .constant(DType::I8, &shape, bytes, Kind::Weight)?
        } else {
            let value = self.condition(node, c)?;
            let value = self.plain(value)?;
            let mut shape = vec![1; rank.saturating_sub(value.shape.len())];
            shape.extend(&value.shape);
            self.reshape(value, &shape)?.at
        };
        let mut sides = Vec::with_capacity(2);
        for side in [a, b] {
            let q = if self.is_constant(side) {
                let mut q = self.quantised_constant(side, target)?;
                if q.shape.len() < rank {
                    let mut shape = vec![1; rank - q.shape.len()];
                    shape.extend(&q.shape);
                    let values: Vec<i32> = self
                        .reals(side)
                        .unwrap_or_default()
                        .iter()
                        .map(|v| target.quantise(*v))
                        .collect();
                    let bytes = super::constants::encode(target.dtype, &values);
                    q.at = self
                        .builder
                        .constant(target.dtype, &shape, bytes, Kind::Weight)?;
                    q.shape = shape;
                }
                q
            } else {
                let q = self.materialise(side, target)?;
                let q = self.plain(q)?;
                let mut shape = vec![1; rank.saturating_sub(q.shape.len())];
                shape.extend(&q.shape);
                self.reshape(q, &shape)?
            };
            sides.push(q.at);
        }
        let shape = self.dims(id)?;
        let mut operands = vec![cond];
        operands.extend(sides);
        let at = self
            .builder
            .node(Op::Select(Select), operands, target.dtype, &shape)?;
        self.result(id, at, Layout::Plain, target)
    }

    /// A truth value as i8, not 0 where it holds.
    fn condition(&mut self, node: usize, id: Id) -> Result<Quantised> {
        if self.maker(id).is_none() && self.graph.values[id].elem == Elem::Bool {
            return self.value(id);
        }
        let target = Target::full(DType::I8, 1.0, 0);
        let refused = |lower: &Self| {
            lower.fail(
                node,
                "its condition is neither an input nor a comparison of one 8-bit tensor with a \
                 constant",
            )
        };
        let source = self.cone(id).ok_or_else(|| refused(self))?.source;
        if !self.graph.values[source].elem.is_float() {
            let value = self.value(source)?;
            if value.dtype != DType::I8 {
                return self.far_condition(source, id, value)?.ok_or_else(|| {
                    self.fail(node, "its condition tells integers beyond 8 bits apart")
                });
            }
        } else if self.narrow_value(source)?.dtype != DType::I8 {
            // A table of 16 bits is interpolated, which no step survives.
            return Err(refused(self));
        }
        self.table(id, target)?.ok_or_else(|| refused(self))
    }

    /// A truth value of wide integers that is the same for all beyond 8 bits on either
    /// side, so that they may be saturated first. `None` if it is not.
    fn far_condition(&mut self, source: Id, id: Id, value: Quantised) -> Result<Option<Quantised>> {
        let target = Target::full(DType::I8, 1.0, 0);
        let near = self.tabulate(source, id, &value, -128..128)?;
        let below = self.tabulate(
            source,
            id,
            &value,
            [-129, -1_000, -32_768, -8_388_608].into_iter(),
        )?;
        let above = self.tabulate(
            source,
            id,
            &value,
            [128, 1_000, 32_767, 8_388_607].into_iter(),
        )?;
        let same = below.iter().all(|v| Some(v) == near.first())
            && above.iter().all(|v| Some(v) == near.last());
        if !same || value.zero != 0 || value.scale != 1.0 {
            return Ok(None);
        }
        let value = self.requantise(value, target)?;
        let entries: Vec<i32> = near.iter().map(|v| target.quantise(*v)).collect();
        let table = self.table_constant(DType::I8, &entries)?;
        let stored = value.stored();
        let operands = vec![value.at, table];
        let at = self
            .builder
            .node(Op::Lut8(Lut8), operands, DType::I8, &stored)?;
        Ok(Some(with(value, at, target)))
    }
}

fn with(value: Quantised, at: Operand, target: Target) -> Quantised {
    Quantised {
        at,
        dtype: target.dtype,
        scale: target.scale,
        zero: target.zero,
        ..value
    }
}
