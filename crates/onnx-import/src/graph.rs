//! The graph behind a file: sorted, with shapes, with every constant computed.
//!
//! Shapes are those of one sample: the first axis of every input is the batch and
//! counts as 1 here.

use crate::{
    error::{Error, Result},
    float::{self, In},
    onnx::{self, Dim, Node},
    tensor::{Elem, Tensor},
};
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

/// Elements computed at import for constants: so many, and four for each byte of
/// the file.
const FOLDED_BASE: usize = 1 << 22;
/// Most multiplications spent on a constant product or convolution.
const MAX_FOLD_WORK: usize = 1 << 30;
/// Longest axis of a tensor.
const MAX_AXIS: usize = 1 << 24;

pub(crate) type Id = usize;

pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) elem: Elem,
    pub(crate) shape: Vec<usize>,
    /// Set if no input of the model matters for it.
    pub(crate) constant: Option<Rc<Tensor>>,
    /// Node and position among its outputs.
    pub(crate) producer: Option<(usize, usize)>,
    /// Nodes that read it, once per operand.
    pub(crate) consumers: Vec<usize>,
}

pub(crate) struct GraphNode<'a> {
    pub(crate) node: Node<'a>,
    pub(crate) ins: Vec<Option<Id>>,
    pub(crate) outs: Vec<Option<Id>>,
}

pub(crate) struct Graph<'a> {
    pub(crate) opset: i64,
    /// In an order in which each reads only earlier ones.
    pub(crate) nodes: Vec<GraphNode<'a>>,
    pub(crate) values: Vec<Value>,
    pub(crate) inputs: Vec<Id>,
    pub(crate) outputs: Vec<Id>,
}

/// What the caller fixes of a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fixed {
    /// Lengths of named axes.
    pub(crate) dims: HashMap<String, usize>,
    /// Inputs that hold one value everywhere.
    pub(crate) fill: HashMap<String, f64>,
    /// Inputs that are constants.
    pub(crate) constants: HashMap<String, Tensor>,
}

fn unsupported(node: &Node<'_>, reason: impl Into<String>) -> Error {
    Error::Unsupported {
        node: node.label(),
        op: node.op.to_string(),
        reason: reason.into(),
    }
}

/// Rewrites the operators that carry scales as operands into the form with
/// `DequantizeLinear` and `QuantizeLinear` around a float operator.
fn expand<'a>(nodes: Vec<Node<'a>>) -> Result<Vec<Node<'a>>> {
    let mut out = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.into_iter().enumerate() {
        expand_one(index, node, &mut out)?;
        if out.len() > 4 * onnx::MAX_GRAPH_NODES {
            return Err(Error::TooLarge {
                what: "the number of nodes",
                limit: 4 * onnx::MAX_GRAPH_NODES as u64,
                found: out.len() as u64,
            });
        }
    }
    Ok(out)
}

fn expand_one<'a>(index: usize, mut node: Node<'a>, out: &mut Vec<Node<'a>>) -> Result<()> {
    let base = node.op.strip_prefix("QLinear").map(str::to_owned);
    let base = match (base, node.op.as_ref()) {
        (Some(base), _) => base,
        (None, "QGemm") => "Gemm".into(),
        (None, "MatMulInteger") => "MatMul".into(),
        (None, "ConvInteger") => "Conv".into(),
        _ => {
            if node.domain == "ai.onnx" {
                node.domain = Cow::Borrowed("");
            }
            out.push(node);
            return Ok(());
        }
    };
    let op = node.op.to_string();
    let given = |at: usize| node.inputs.get(at).cloned().unwrap_or_default();
    let fresh = |what: &str| -> Cow<'a, str> { Cow::Owned(format!("{what}@{index}")) };
    let dequantise = |x: Cow<'a, str>,
                      scale: Cow<'a, str>,
                      zero: Cow<'a, str>,
                      axis: Option<i64>,
                      y: Cow<'a, str>| {
        let mut inputs = vec![x, scale];
        if !zero.is_empty() {
            inputs.push(zero);
        }
        Node {
            inputs,
            outputs: vec![y],
            name: Cow::Owned(format!("{}/dequantise", node.label())),
            op: Cow::Borrowed("DequantizeLinear"),
            domain: Cow::Borrowed(""),
            attributes: axis
                .map(|axis| onnx::Attribute {
                    name: "axis",
                    value: onnx::AttributeValue::Int(axis),
                })
                .into_iter()
                .collect(),
        }
    };
    // Operands by position: tensors as (x, scale, zero, axis of a per-channel scale).
    let mut inner = node.clone();
    inner.op = Cow::Owned(base.clone());
    inner.domain = Cow::Borrowed("");
    let mut tensors: Vec<(usize, usize, usize, Option<i64>)> = Vec::new();
    let mut passed: Vec<Cow<'a, str>> = Vec::new();
    let mut result: Option<(usize, usize)> = None;
    let one: Cow<'a, str> = fresh("one");
    match op.as_str() {
        "QLinearConv" => {
            tensors = vec![(0, 1, 2, None), (3, 4, 5, Some(0))];
            result = Some((6, 7));
        }
        "QLinearMatMul" => {
            tensors = vec![(0, 1, 2, None), (3, 4, 5, Some(1))];
            result = Some((6, 7));
        }
        "QLinearAdd" | "QLinearMul" => {
            tensors = vec![(0, 1, 2, None), (3, 4, 5, None)];
            result = Some((6, 7));
        }
        "QLinearSigmoid"
        | "QLinearLeakyRelu"
        | "QLinearSoftmax"
        | "QLinearGlobalAveragePool"
        | "QLinearAveragePool"
        | "QLinearReduceMean" => {
            if node.int_or("channels_last", 0) != 0 {
                return Err(unsupported(&node, "its channels_last form is not mapped"));
            }
            tensors = vec![(0, 1, 2, None)];
            result = Some((3, 4));
        }
        "QLinearConcat" => {
            tensors = (0..node.inputs.len().saturating_sub(2) / 3)
                .map(|i| (2 + 3 * i, 3 + 3 * i, 4 + 3 * i, None))
                .collect();
            result = Some((0, 1));
        }
        "QLinearWhere" => {
            passed.push(given(0));
            tensors = vec![(1, 2, 3, None), (4, 5, 6, None)];
            result = Some((7, 8));
        }
        "QGemm" => {
            let axis = if node.int_or("transB", 0) != 0 { 0 } else { 1 };
            tensors = vec![(0, 1, 2, None), (3, 4, 5, Some(axis))];
            result = Some((7, 8));
        }
        "MatMulInteger" | "ConvInteger" => {
            out.push(Node {
                inputs: vec![],
                outputs: vec![one.clone()],
                name: one.clone(),
                op: Cow::Borrowed("Constant"),
                domain: Cow::Borrowed(""),
                attributes: vec![onnx::Attribute {
                    name: "value_float",
                    value: onnx::AttributeValue::Float(1.0),
                }],
            });
        }
        _ => return Err(unsupported(&node, "this operator cannot be mapped")),
    }
    if tensors.is_empty() {
        let axis = if op == "ConvInteger" { 0 } else { 1 };
        for (at, zero, axis) in [(0, 2, None), (1, 3, Some(axis))] {
            let y = fresh(&format!("operand{at}"));
            // A zero point per channel goes with one scale per channel, all 1.
            let node = dequantise(given(at), one.clone(), given(zero), axis, y.clone());
            out.push(node);
            passed.push(y);
        }
    }
    for (at, scale, zero, axis) in tensors {
        if given(at).is_empty() || given(scale).is_empty() {
            return Err(unsupported(
                &node,
                format!("operand {at} or its scale is missing"),
            ));
        }
        let y = fresh(&format!("operand{at}"));
        out.push(dequantise(
            given(at),
            given(scale),
            given(zero),
            axis,
            y.clone(),
        ));
        passed.push(y);
    }
    let bias = match op.as_str() {
        "QLinearConv" => Some((given(8), given(1), given(4))),
        "QGemm" => Some((given(6), given(1), given(4))),
        _ => None,
    };
    if let Some((bias, a, b)) = bias.filter(|(bias, ..)| !bias.is_empty()) {
        let (scale, y) = (fresh("bias_scale"), fresh("bias"));
        out.push(Node {
            inputs: vec![a, b],
            outputs: vec![scale.clone()],
            name: scale.clone(),
            op: Cow::Borrowed("Mul"),
            domain: Cow::Borrowed(""),
            attributes: vec![],
        });
        out.push(dequantise(
            bias,
            scale,
            Cow::Borrowed(""),
            Some(0),
            y.clone(),
        ));
        passed.push(y);
    }
    inner.inputs = passed;
    let y = fresh("sum");
    let finished = node.outputs.clone();
    inner.outputs = vec![y.clone()];
    let close = match result {
        Some((scale, zero)) => {
            let mut inputs = vec![y, given(scale)];
            if !given(zero).is_empty() {
                inputs.push(given(zero));
            }
            Node {
                inputs,
                outputs: finished,
                name: Cow::Owned(format!("{}/quantise", node.label())),
                op: Cow::Borrowed("QuantizeLinear"),
                domain: Cow::Borrowed(""),
                attributes: vec![],
            }
        }
        None => Node {
            inputs: vec![y],
            outputs: finished,
            name: Cow::Owned(format!("{}/sum", node.label())),
            op: Cow::Borrowed("ToInt32"),
            domain: Cow::Borrowed(""),
            attributes: vec![],
        },
    };
    out.push(inner);
    out.push(close);
    Ok(())
}

/// The nodes that the outputs need, each after what it reads.
fn sort(nodes: &[Node<'_>], outputs: &[&str]) -> Result<Vec<usize>> {
    let mut makes: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|name| !name.is_empty()) {
            if makes.insert(output, index).is_some() {
                return Err(Error::Graph {
                    reason: format!("two nodes make tensor '{output}'"),
                });
            }
        }
    }
    let mut order = Vec::new();
    // 0 unseen, 1 begun, 2 done. An explicit stack: a chain may be as long as the graph.
    let mut state = vec![0u8; nodes.len()];
    for output in outputs {
        let Some(first) = makes.get(output) else {
            continue;
        };
        let mut stack = vec![(*first, 0usize)];
        while let Some((node, next)) = stack.pop() {
            if state[node] == 2 {
                continue;
            }
            state[node] = 1;
            match nodes[node].inputs.get(next) {
                Some(input) => {
                    stack.push((node, next + 1));
                    if let Some(before) = makes.get(input.as_ref()) {
                        match state[*before] {
                            0 => stack.push((*before, 0)),
                            1 => {
                                return Err(Error::Cycle {
                                    node: nodes[*before].label(),
                                })
                            }
                            _ => {}
                        }
                    }
                }
                None => {
                    state[node] = 2;
                    order.push(node);
                }
            }
        }
    }
    Ok(order)
}

impl<'a> Graph<'a> {
    /// Sorts a graph, infers its shapes and computes its constants.
    pub(crate) fn build(bytes: &'a [u8], fixed: &Fixed) -> Result<Graph<'a>> {
        let model = onnx::read(bytes)?;
        let onnx::Model { opset, graph } = model;
        let nodes = expand(graph.nodes)?;
        let output_names: Vec<&str> = graph.outputs.iter().map(|o| o.name).collect();
        if output_names.is_empty() {
            return Err(Error::Graph {
                reason: "it has no outputs".into(),
            });
        }
        let order = sort(&nodes, &output_names)?;
        let mut this = Graph {
            opset,
            nodes: Vec::with_capacity(order.len()),
            values: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        let mut ids: HashMap<String, Id> = HashMap::new();
        let used: BTreeSet<&str> = order
            .iter()
            .flat_map(|i| nodes[*i].inputs.iter().map(AsRef::as_ref))
            .chain(output_names.iter().copied())
            .collect();
        for tensor in &graph.initialisers {
            if !used.contains(tensor.name) || fixed.constants.contains_key(tensor.name) {
                continue;
            }
            this.define_constant(&mut ids, tensor.name, tensor.decode()?)?;
        }
        for info in &graph.inputs {
            if ids.contains_key(info.name) || !used.contains(info.name) {
                continue;
            }
            match fixed.constants.get(info.name) {
                Some(tensor) => this.define_constant(&mut ids, info.name, tensor.clone())?,
                None => this.define_input(&mut ids, info, fixed)?,
            }
        }
        let mut slots: Vec<Option<Node<'a>>> = nodes.into_iter().map(Some).collect();
        let mut budget = FOLDED_BASE + 4 * bytes.len();
        for index in order {
            let Some(node) = slots.get_mut(index).and_then(Option::take) else {
                continue;
            };
            this.add_node(&mut ids, node, &mut budget)?;
        }
        for name in output_names {
            let id = ids.get(name).copied().ok_or_else(|| Error::Graph {
                reason: format!("nothing makes output '{name}'"),
            })?;
            this.outputs.push(id);
        }
        Ok(this)
    }

    fn define(&mut self, ids: &mut HashMap<String, Id>, name: &str, value: Value) -> Result<Id> {
        let id = self.values.len();
        if ids.insert(name.into(), id).is_some() {
            return Err(Error::Graph {
                reason: format!("tensor '{name}' is made twice"),
            });
        }
        self.values.push(value);
        Ok(id)
    }

    fn define_constant(
        &mut self,
        ids: &mut HashMap<String, Id>,
        name: &str,
        tensor: Tensor,
    ) -> Result<()> {
        let value = Value {
            name: name.into(),
            elem: tensor.elem,
            shape: tensor.shape.clone(),
            constant: Some(Rc::new(tensor)),
            producer: None,
            consumers: vec![],
        };
        self.define(ids, name, value).map(|_| ())
    }

    fn define_input(
        &mut self,
        ids: &mut HashMap<String, Id>,
        info: &onnx::ValueInfo<'_>,
        fixed: &Fixed,
    ) -> Result<()> {
        let fail = |reason: String| Error::Input {
            input: info.name.into(),
            reason,
        };
        let elem = info
            .elem
            .and_then(Elem::from_onnx)
            .ok_or_else(|| fail("its element type is not known".into()))?;
        let dims = info
            .shape
            .as_ref()
            .ok_or_else(|| fail("it has no shape: run onnx.shape_inference first".into()))?;
        if dims.is_empty() {
            return Err(fail("it is a scalar, an input needs a batch axis".into()));
        }
        let mut shape = vec![1];
        for (axis, dim) in dims.iter().enumerate().skip(1) {
            let length = match dim {
                Dim::Fixed(n) => usize::try_from(*n).unwrap_or(0),
                Dim::Named(name) => *fixed.dims.get(*name).ok_or_else(|| {
                    fail(format!(
                        "the length of axis {axis} ('{name}') is open: fix it with --dim \
                         {name}=LENGTH; only the first axis, the batch, may vary"
                    ))
                })?,
            };
            if !(1..=MAX_AXIS).contains(&length) {
                return Err(fail(format!("axis {axis} has length {length}")));
            }
            shape.push(length);
        }
        let total = float::count(&shape).map_err(fail)?;
        if let Some(value) = fixed.fill.get(info.name) {
            let tensor = match elem.is_float() {
                true => Tensor::floats(shape, vec![*value as f32; total]),
                false => Tensor::ints(elem, shape, vec![*value as i32; total]),
            };
            return self.define_constant(ids, info.name, tensor);
        }
        let value = Value {
            name: info.name.into(),
            elem,
            shape,
            constant: None,
            producer: None,
            consumers: vec![],
        };
        let id = self.define(ids, info.name, value)?;
        self.inputs.push(id);
        Ok(())
    }

    fn add_node(
        &mut self,
        ids: &mut HashMap<String, Id>,
        node: Node<'a>,
        budget: &mut usize,
    ) -> Result<()> {
        let known = ["", "com.microsoft", "com.ms.internal.nhwc"];
        if !known.contains(&node.domain.as_ref()) {
            let reason = format!("operators of domain '{}' are not known", node.domain);
            return Err(unsupported(&node, reason));
        }
        let mut ins = Vec::with_capacity(node.inputs.len());
        for name in &node.inputs {
            ins.push(match name.as_ref() {
                "" => None,
                name => Some(*ids.get(name).ok_or_else(|| {
                    unsupported(&node, format!("it reads '{name}', which nothing makes"))
                })?),
            });
        }
        let operands: Vec<Option<In<'_>>> = ins
            .iter()
            .map(|id| {
                id.map(|id| {
                    let value = &self.values[id];
                    In {
                        elem: value.elem,
                        shape: &value.shape,
                        value: value.constant.as_deref(),
                    }
                })
            })
            .collect();
        let shapes = float::infer(&node, &operands).map_err(|reason| unsupported(&node, reason))?;
        if shapes.len() < node.outputs.len() {
            return Err(unsupported(
                &node,
                "more outputs are asked for than are mapped",
            ));
        }
        let constant = operands
            .iter()
            .flatten()
            .all(|operand| operand.value.is_some())
            || node.op == "Shape"
            || node.op == "Size";
        let size: usize = shapes
            .iter()
            .map(|(_, s)| s.iter().product::<usize>())
            .sum();
        let depth = operands
            .first()
            .copied()
            .flatten()
            .and_then(|x| match node.op.as_ref() {
                "MatMul" | "Gemm" => x.shape.last().copied(),
                "Conv" => operands
                    .get(1)
                    .copied()
                    .flatten()
                    .map(|w| w.shape[1..].iter().product()),
                "MaxPool" | "AveragePool" => Some(x.shape[2..].iter().product()),
                _ => Some(1),
            })
            .unwrap_or(1);
        let affordable = size.saturating_mul(depth) <= MAX_FOLD_WORK && size <= *budget;
        let folded = if constant && affordable {
            *budget -= size;
            if matches!(node.op.as_ref(), "Shape" | "Size") {
                // Only the shape is known, and only that is asked for.
                let dims = operands
                    .first()
                    .copied()
                    .flatten()
                    .map(|x| x.shape.to_vec());
                Some(vec![shape_value(&node, &dims.unwrap_or_default())])
            } else {
                let given: Vec<Option<&Tensor>> =
                    operands.iter().map(|x| x.and_then(|x| x.value)).collect();
                let tensors = float::eval(&node, self.opset, &given)
                    .map_err(|reason| unsupported(&node, reason))?;
                Some(tensors)
            }
        } else {
            None
        };
        let index = self.nodes.len();
        let mut folded = folded.map(|tensors| tensors.into_iter().map(Rc::new));
        let mut outs = Vec::with_capacity(node.outputs.len());
        let names: Vec<String> = node.outputs.iter().map(ToString::to_string).collect();
        for (at, (name, (elem, shape))) in names.iter().zip(shapes).enumerate() {
            let constant = folded.as_mut().and_then(Iterator::next);
            if name.is_empty() {
                outs.push(None);
                continue;
            }
            let value = Value {
                name: name.clone(),
                elem,
                shape,
                constant,
                producer: Some((index, at)),
                consumers: vec![],
            };
            outs.push(Some(self.define(ids, name, value)?));
        }
        for id in ins.iter().flatten() {
            self.values[*id].consumers.push(index);
        }
        self.nodes.push(GraphNode { node, ins, outs });
        Ok(())
    }

    /// Computes the whole graph on one sample; `visit` sees every tensor that
    /// depends on the inputs.
    pub(crate) fn run(
        &self,
        inputs: &[Tensor],
        mut visit: impl FnMut(Id, &Tensor),
    ) -> Result<Vec<Tensor>> {
        let mut last = vec![0usize; self.values.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for id in node.ins.iter().flatten() {
                last[*id] = index;
            }
        }
        for id in &self.outputs {
            last[*id] = usize::MAX;
        }
        let mut held: Vec<Option<Tensor>> = vec![None; self.values.len()];
        for (id, tensor) in self.inputs.iter().zip(inputs) {
            visit(*id, tensor);
            held[*id] = Some(tensor.clone());
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let computed = node
                .outs
                .iter()
                .flatten()
                .any(|id| self.values[*id].constant.is_none());
            if computed {
                let tensors = self.eval_node(node, |id| held[id].as_ref())?;
                for (id, tensor) in node.outs.iter().zip(tensors) {
                    if let Some(id) = id {
                        visit(*id, &tensor);
                        held[*id] = Some(tensor);
                    }
                }
            }
            for id in node.ins.iter().flatten() {
                if last[*id] == index {
                    held[*id] = None;
                }
            }
        }
        Ok(self
            .outputs
            .iter()
            .filter_map(|id| {
                held[*id]
                    .clone()
                    .or_else(|| self.values[*id].constant.as_deref().cloned())
            })
            .collect())
    }

    fn eval_node<'t>(
        &'t self,
        node: &GraphNode<'_>,
        held: impl Fn(Id) -> Option<&'t Tensor>,
    ) -> Result<Vec<Tensor>> {
        let operands: Vec<Option<&Tensor>> = node
            .ins
            .iter()
            .map(|id| id.and_then(|id| held(id).or_else(|| self.values[id].constant.as_deref())))
            .collect();
        float::eval(&node.node, self.opset, &operands)
            .map_err(|reason| unsupported(&node.node, reason))
    }

    /// Computes `target` from given values of some tensors.
    pub(crate) fn run_from(&self, given: &HashMap<Id, Tensor>, target: Id) -> Result<Tensor> {
        let mut needed = BTreeSet::new();
        let mut stack = vec![target];
        while let Some(id) = stack.pop() {
            if given.contains_key(&id) || self.values[id].constant.is_some() {
                continue;
            }
            if let Some((node, _)) = self.values[id].producer {
                if needed.insert(node) {
                    stack.extend(self.nodes[node].ins.iter().flatten());
                }
            }
        }
        let mut held = given.clone();
        for index in needed {
            let node = &self.nodes[index];
            let tensors = self.eval_node(node, |id| held.get(&id))?;
            for (id, tensor) in node.outs.iter().zip(tensors) {
                if let Some(id) = id {
                    held.insert(*id, tensor);
                }
            }
        }
        held.remove(&target)
            .or_else(|| self.values[target].constant.as_deref().cloned())
            .ok_or_else(|| Error::Internal {
                reason: format!("'{}' was not computed", self.values[target].name),
            })
    }
}

fn shape_value(node: &Node<'_>, dims: &[usize]) -> Tensor {
    if node.op == "Size" {
        let total = dims.iter().product::<usize>() as i32;
        return Tensor::ints(Elem::I64, vec![], vec![total]);
    }
    let at = |v: i64| {
        let v = if v < 0 {
            v.saturating_add(dims.len() as i64)
        } else {
            v
        };
        v.clamp(0, dims.len() as i64) as usize
    };
    let (start, end) = (
        at(node.int_or("start", 0)),
        at(node.int_or("end", dims.len() as i64)),
    );
    let part: Vec<i32> = dims
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(|n| *n as i32)
        .collect();
    Tensor::ints(Elem::I64, vec![part.len()], part)
}
