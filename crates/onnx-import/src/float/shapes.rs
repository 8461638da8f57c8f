//! Shapes and element types of every operator's outputs.

use super::{count, kernels::ConvGeometry, In, BINARY, UNARY};
use crate::{
    onnx::Node,
    tensor::{Elem, Tensor},
};

type Shapes = Result<Vec<(Elem, Vec<usize>)>, String>;

/// An axis counted from the end if negative.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Result<usize, String> {
    let rank_i = rank as i64;
    let shifted = if axis < 0 {
        axis.saturating_add(rank_i)
    } else {
        axis
    };
    usize::try_from(shifted)
        .ok()
        .filter(|axis| *axis < rank)
        .ok_or_else(|| format!("axis {axis} is outside a tensor of rank {rank}"))
}

fn need<'a>(ins: &[Option<In<'a>>], at: usize) -> Result<In<'a>, String> {
    ins.get(at)
        .copied()
        .flatten()
        .ok_or_else(|| format!("operand {at} is missing"))
}

fn values<'a>(ins: &[Option<In<'a>>], at: usize, what: &str) -> Result<Option<&'a Tensor>, String> {
    match ins.get(at).copied().flatten() {
        None => Ok(None),
        Some(In {
            value: Some(value), ..
        }) => Ok(Some(value)),
        Some(_) => Err(format!(
            "{what} depend on the model's input: only constants can be mapped"
        )),
    }
}

/// A list of integers given as an operand, or before as an attribute.
fn int_list(
    node: &Node<'_>,
    ins: &[Option<In<'_>>],
    at: usize,
    name: &str,
) -> Result<Option<Vec<i64>>, String> {
    if let Some(given) = node.ints(name) {
        return Ok(Some(given.to_vec()));
    }
    match values(ins, at, name)? {
        None => Ok(None),
        Some(tensor) => tensor
            .as_ints()
            .map(|ints| Some(ints.iter().map(|v| i64::from(*v)).collect()))
            .ok_or_else(|| format!("{name} must be integers")),
    }
}

pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let get = |s: &[usize], i: usize| {
        (i + s.len())
            .checked_sub(rank)
            .and_then(|i| s.get(i))
            .copied()
            .unwrap_or(1)
    };
    let mut out = Vec::with_capacity(rank);
    for i in 0..rank {
        let (x, y) = (get(a, i), get(b, i));
        out.push(match (x, y) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => return Err(format!("shapes {a:?} and {b:?} do not broadcast")),
        });
    }
    Ok(out)
}

/// Axes a reduction reduces, in order.
pub(crate) fn reduce_axes(node: &Node<'_>, ins: &[Option<In<'_>>]) -> Result<Vec<usize>, String> {
    let rank = need(ins, 0)?.shape.len();
    let list = int_list(node, ins, 1, "axes")?.unwrap_or_default();
    if list.is_empty() {
        if node.int_or("noop_with_empty_axes", 0) != 0 {
            return Ok(Vec::new());
        }
        return Ok((0..rank).collect());
    }
    let mut axes = list
        .iter()
        .map(|axis| axis_of(*axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}

fn reduced(shape: &[usize], axes: &[usize], keep: bool) -> Vec<usize> {
    let mut out = Vec::new();
    for (i, axis) in shape.iter().enumerate() {
        match (axes.contains(&i), keep) {
            (false, _) => out.push(*axis),
            (true, true) => out.push(1),
            (true, false) => {}
        }
    }
    out
}

/// `(start, step, length)` of every axis of a `Slice`.
pub(crate) fn slice_spec(
    node: &Node<'_>,
    ins: &[Option<In<'_>>],
) -> Result<Vec<(usize, i64, usize)>, String> {
    let shape = need(ins, 0)?.shape;
    let starts = int_list(node, ins, 1, "starts")?.ok_or("starts are missing")?;
    let ends = int_list(node, ins, 2, "ends")?.ok_or("ends are missing")?;
    let axes =
        int_list(node, ins, 3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = int_list(node, ins, 4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("starts, ends, axes and steps differ in number".into());
    }
    let mut spec: Vec<(usize, i64, usize)> = shape.iter().map(|n| (0, 1, *n)).collect();
    for (((start, end), axis), step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let axis = axis_of(*axis, shape.len())?;
        let n = shape[axis] as i64;
        if *step == 0 {
            return Err("a step is 0".into());
        }
        let wrap = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
        let (lo, hi) = if *step > 0 { (0, n) } else { (-1, n - 1) };
        let clamp_start = |v: i64| v.clamp(0, if *step > 0 { n } else { (n - 1).max(0) });
        let start = clamp_start(wrap(*start));
        let end = if *step < 0 && *end <= i64::from(i32::MIN) + 1 {
            -1
        } else {
            wrap(*end).clamp(lo, hi.max(lo))
        };
        let span = if *step > 0 { end - start } else { start - end };
        let step_size = step.unsigned_abs() as i64;
        let length = if span <= 0 {
            0
        } else {
            (span + step_size - 1) / step_size
        };
        spec[axis] = (start.max(0) as usize, *step, length as usize);
    }
    Ok(spec)
}

/// Elements put before and after each axis by a `Pad`; negative ones are refused.
pub(crate) fn pad_amounts(
    node: &Node<'_>,
    ins: &[Option<In<'_>>],
) -> Result<(Vec<usize>, Vec<usize>), String> {
    let rank = need(ins, 0)?.shape.len();
    let pads = int_list(node, ins, 1, "pads")?.ok_or("pads are missing")?;
    let axes = match ins.get(3).copied().flatten() {
        Some(_) => int_list(node, ins, 3, "axes")?.unwrap_or_default(),
        None => (0..rank as i64).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(format!("{} pads for {} axes", pads.len(), axes.len()));
    }
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (i, axis) in axes.iter().enumerate() {
        let axis = axis_of(*axis, rank)?;
        let amount = |v: i64| {
            usize::try_from(v)
                .ok()
                .filter(|v| *v <= super::MAX_ELEMENTS)
                .ok_or_else(|| format!("padding by {v}"))
        };
        before[axis] = amount(pads[i])?;
        after[axis] = amount(pads[i + axes.len()])?;
    }
    Ok((before, after))
}

/// Where the windows of a convolution or a pool over `spatial` axes stand.
pub(crate) fn conv_geometry(
    node: &Node<'_>,
    spatial: &[usize],
    kernel: &[usize],
) -> Result<ConvGeometry, String> {
    let n = spatial.len();
    let list = |name: &str, otherwise: usize, len: usize| -> Result<Vec<usize>, String> {
        let Some(given) = node.ints(name) else {
            return Ok(vec![otherwise; len]);
        };
        if given.len() != len {
            return Err(format!("{name} has {} entries, not {len}", given.len()));
        }
        given
            .iter()
            .map(|v| {
                usize::try_from(*v)
                    .ok()
                    .filter(|v| *v <= 1 << 20)
                    .ok_or_else(|| format!("{name} holds {v}"))
            })
            .collect()
    };
    let stride = list("strides", 1, n)?;
    let dilation = list("dilations", 1, n)?;
    let mut pads = list("pads", 0, 2 * n)?;
    if stride.contains(&0) || dilation.contains(&0) || kernel.contains(&0) {
        return Err("a stride, dilation or kernel axis is 0".into());
    }
    let auto = node.text("auto_pad").unwrap_or("NOTSET").to_owned();
    let ceil = node.int_or("ceil_mode", 0) != 0;
    let mut out = Vec::with_capacity(n);
    for i in 0..n {
        let extent = (kernel[i] - 1)
            .checked_mul(dilation[i])
            .and_then(|e| e.checked_add(1))
            .ok_or("a kernel is too large")?;
        match auto.as_str() {
            "NOTSET" | "" => {}
            "VALID" => {
                pads[i] = 0;
                pads[i + n] = 0;
            }
            "SAME_UPPER" | "SAME_LOWER" => {
                let target = spatial[i].div_ceil(stride[i]);
                let needed = ((target.max(1) - 1) * stride[i] + extent).saturating_sub(spatial[i]);
                let (small, large) = (needed / 2, needed - needed / 2);
                let upper = auto == "SAME_UPPER";
                pads[i] = if upper { small } else { large };
                pads[i + n] = if upper { large } else { small };
            }
            other => return Err(format!("auto_pad {other} is not known")),
        }
        let padded = spatial[i] + pads[i] + pads[i + n];
        let free = padded
            .checked_sub(extent)
            .ok_or("the kernel is larger than its padded input")?;
        let mut steps = if ceil {
            free.div_ceil(stride[i])
        } else {
            free / stride[i]
        };
        // A window that would begin in the padding after the input does not count.
        if ceil && steps * stride[i] >= spatial[i] + pads[i] {
            steps = steps.saturating_sub(1);
        }
        if ceil {
            let reach = steps * stride[i] + extent;
            pads[i + n] += reach.saturating_sub(padded);
        }
        out.push(steps + 1);
    }
    Ok(ConvGeometry {
        kernel: kernel.to_vec(),
        stride,
        dilation,
        pads,
        out,
    })
}

/// Element types and shapes of a node's outputs.
///
/// # Errors
///
/// What does not fit, or that the operator is not known here.
pub(crate) fn infer(node: &Node<'_>, ins: &[Option<In<'_>>]) -> Shapes {
    let out = infer_any(node, ins)?;
    for (_, shape) in &out {
        count(shape)?;
    }
    Ok(out)
}

fn infer_any(node: &Node<'_>, ins: &[Option<In<'_>>]) -> Shapes {
    let op = node.op.as_ref();
    let one = |elem: Elem, shape: Vec<usize>| Ok(vec![(elem, shape)]);
    let same = |ins: &[Option<In<'_>>]| -> Shapes {
        let x = need(ins, 0)?;
        Ok(vec![(x.elem, x.shape.to_vec())])
    };
    match op {
        "Cast" => {
            let to =
                Elem::from_onnx(node.int_or("to", 0)).ok_or("the type to cast to is not known")?;
            one(to, need(ins, 0)?.shape.to_vec())
        }
        "CastLike" => one(need(ins, 1)?.elem, need(ins, 0)?.shape.to_vec()),
        "Dropout" => {
            let x = need(ins, 0)?;
            Ok(vec![
                (x.elem, x.shape.to_vec()),
                (Elem::Bool, x.shape.to_vec()),
            ])
        }
        op if UNARY.contains(&op) => same(ins),
        op if BINARY.contains(&op) => {
            let (a, b) = (need(ins, 0)?, need(ins, 1)?);
            let mut shape = broadcast(a.shape, b.shape)?;
            for more in ins.iter().skip(2).flatten() {
                shape = broadcast(&shape, more.shape)?;
            }
            let elem = match op {
                "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" => Elem::Bool,
                _ => a.elem,
            };
            if a.elem.is_float() != b.elem.is_float() {
                return Err("its operands have different element types".into());
            }
            one(elem, shape)
        }
        "Clip"
        | "Softmax"
        | "LogSoftmax"
        | "BatchNormalization"
        | "LpNormalization"
        | "RMSNormalization"
        | "SimplifiedLayerNormalization"
        | "QuickNorm"
        | "BiasGelu" => {
            if op == "BatchNormalization" && node.outputs.len() > 1 {
                return Err("it is in training form".into());
            }
            same(ins)
        }
        "LayerNormalization" | "SkipLayerNormalization" => same(ins),
        "Where" => {
            let (c, a, b) = (need(ins, 0)?, need(ins, 1)?, need(ins, 2)?);
            if a.elem.is_float() != b.elem.is_float() {
                return Err("its operands have different element types".into());
            }
            let shape = broadcast(&broadcast(c.shape, a.shape)?, b.shape)?;
            one(a.elem, shape)
        }
        "Constant" => {
            let value = constant(node)?;
            one(value.elem, value.shape)
        }
        "ConstantOfShape" => {
            let shape = values(ins, 0, "its shape")?.ok_or("its shape is missing")?;
            let shape = to_shape(shape)?;
            let elem = match node.tensor("value") {
                Some(value) => value.decode().map_err(|e| e.to_string())?.elem,
                None => Elem::F32,
            };
            one(elem, shape)
        }
        "Shape" => {
            let rank = need(ins, 0)?.shape.len();
            let (start, end) = shape_bounds(node, rank);
            one(Elem::I64, vec![end.saturating_sub(start)])
        }
        "Size" => one(Elem::I64, vec![]),
        "Range" => {
            let numbers: Option<Vec<f32>> = (0..3)
                .map(|i| values(ins, i, "its bounds").ok().flatten()?.scalar())
                .collect();
            let Some([start, limit, delta]) = numbers.as_deref().and_then(|n| n.first_chunk::<3>())
            else {
                return Err("its bounds must be constants".into());
            };
            let n = ((f64::from(*limit) - f64::from(*start)) / f64::from(*delta)).ceil();
            if !(0.0..=(super::MAX_ELEMENTS as f64)).contains(&n) {
                return Err("its bounds make no list".into());
            }
            one(need(ins, 0)?.elem, vec![n as usize])
        }
        "Reshape" => {
            let x = need(ins, 0)?;
            let want = match node.ints("shape") {
                Some(shape) => shape.to_vec(),
                None => int_list(node, ins, 1, "its shape")?.ok_or("its shape is missing")?,
            };
            one(
                x.elem,
                reshaped(x.shape, &want, node.int_or("allowzero", 0) != 0)?,
            )
        }
        "Flatten" => {
            let x = need(ins, 0)?;
            let axis = node.int_or("axis", 1);
            let axis = if axis == x.shape.len() as i64 {
                x.shape.len()
            } else {
                axis_of(axis, x.shape.len())?
            };
            let (a, b) = x.shape.split_at(axis);
            one(x.elem, vec![count(a)?, count(b)?])
        }
        "Squeeze" => {
            let x = need(ins, 0)?;
            let axes = int_list(node, ins, 1, "axes")?;
            let axes = match axes {
                Some(list) => list
                    .iter()
                    .map(|a| axis_of(*a, x.shape.len()))
                    .collect::<Result<Vec<_>, _>>()?,
                None => (0..x.shape.len()).filter(|i| x.shape[*i] == 1).collect(),
            };
            if axes.iter().any(|a| x.shape[*a] != 1) {
                return Err("a squeezed axis is longer than 1".into());
            }
            one(x.elem, reduced(x.shape, &axes, false))
        }
        "Unsqueeze" => {
            let x = need(ins, 0)?;
            let axes = int_list(node, ins, 1, "axes")?.ok_or("axes are missing")?;
            let rank = x.shape.len() + axes.len();
            if rank > 16 {
                return Err("its result has too many axes".into());
            }
            let axes = axes
                .iter()
                .map(|a| axis_of(*a, rank))
                .collect::<Result<Vec<_>, _>>()?;
            let mut old = x.shape.iter();
            let shape: Option<Vec<usize>> = (0..rank)
                .map(|i| {
                    if axes.contains(&i) {
                        Some(1)
                    } else {
                        old.next().copied()
                    }
                })
                .collect();
            one(x.elem, shape.ok_or("an axis is named twice")?)
        }
        "Transpose" => {
            let x = need(ins, 0)?;
            let perm = permutation(node, x.shape.len())?;
            one(x.elem, perm.iter().map(|i| x.shape[*i]).collect())
        }
        "Expand" => {
            let x = need(ins, 0)?;
            let shape = to_shape(values(ins, 1, "its shape")?.ok_or("its shape is missing")?)?;
            one(x.elem, broadcast(x.shape, &shape)?)
        }
        "Slice" => {
            let spec = slice_spec(node, ins)?;
            one(
                need(ins, 0)?.elem,
                spec.iter().map(|(_, _, n)| *n).collect(),
            )
        }
        "Split" => {
            let x = need(ins, 0)?;
            let (axis, sizes) = split_sizes(node, ins)?;
            Ok(sizes
                .iter()
                .map(|n| {
                    let mut shape = x.shape.to_vec();
                    shape[axis] = *n;
                    (x.elem, shape)
                })
                .collect())
        }
        "Concat" => {
            let x = need(ins, 0)?;
            let axis = axis_of(node.int("axis").unwrap_or(1), x.shape.len())?;
            let mut shape = x.shape.to_vec();
            shape[axis] = 0;
            for at in 0..ins.len() {
                let part = need(ins, at)?;
                let fits = part.shape.len() == shape.len()
                    && part.elem == x.elem
                    && (0..shape.len()).all(|i| i == axis || part.shape[i] == x.shape[i]);
                if !fits {
                    return Err("its operands differ in more than the joined axis".into());
                }
                shape[axis] += part.shape[axis];
            }
            one(x.elem, shape)
        }
        "Pad" => {
            let x = need(ins, 0)?;
            let (before, after) = pad_amounts(node, ins)?;
            let shape = (0..x.shape.len())
                .map(|i| before[i] + x.shape[i] + after[i])
                .collect();
            one(x.elem, shape)
        }
        "Gather" => {
            let (x, idx) = (need(ins, 0)?, need(ins, 1)?);
            if idx.elem.is_float() {
                return Err("its indices are no integers".into());
            }
            let axis = axis_of(node.int_or("axis", 0), x.shape.len())?;
            let mut shape = x.shape[..axis].to_vec();
            shape.extend(idx.shape);
            shape.extend(&x.shape[axis + 1..]);
            one(x.elem, shape)
        }
        "MatMul" => {
            let (a, b) = (need(ins, 0)?, need(ins, 1)?);
            if a.shape.is_empty() || b.shape.is_empty() {
                return Err("an operand is a scalar".into());
            }
            if !a.elem.is_float() || !b.elem.is_float() {
                return Err("its operands are no floats".into());
            }
            one(a.elem, matmul_shape(a.shape, b.shape)?)
        }
        "Gemm" => {
            let (a, b) = (need(ins, 0)?, need(ins, 1)?);
            let (&[a0, a1], &[b0, b1]) = (a.shape, b.shape) else {
                return Err("its operands must have two axes".into());
            };
            let (m, k) = if node.int_or("transA", 0) != 0 {
                (a1, a0)
            } else {
                (a0, a1)
            };
            let (k2, n) = if node.int_or("transB", 0) != 0 {
                (b1, b0)
            } else {
                (b0, b1)
            };
            if k != k2 {
                return Err(format!("it multiplies {k} columns with {k2} rows"));
            }
            one(a.elem, vec![m, n])
        }
        "Conv" => {
            let (x, w) = (need(ins, 0)?, need(ins, 1)?);
            if x.shape.len() < 3 || w.shape.len() != x.shape.len() {
                return Err("its operands must have the same rank, 3 at least".into());
            }
            let group = usize::try_from(node.int_or("group", 1)).unwrap_or(0);
            let (c, o) = (x.shape[1], w.shape[0]);
            let fits = group > 0
                && c.checked_rem(group) == Some(0)
                && o.checked_rem(group) == Some(0)
                && w.shape[1] == c / group;
            if !fits {
                return Err(format!(
                    "{c} channels in {group} groups do not fit its weights"
                ));
            }
            let geometry = conv_geometry(node, &x.shape[2..], &w.shape[2..])?;
            let mut shape = vec![x.shape[0], o];
            shape.extend(&geometry.out);
            one(x.elem, shape)
        }
        "MaxPool" | "AveragePool" => {
            let x = need(ins, 0)?;
            if x.shape.len() < 3 {
                return Err("its operand must have three axes at least".into());
            }
            let kernel = node
                .ints("kernel_shape")
                .ok_or("kernel_shape is missing")?
                .iter()
                .map(|k| usize::try_from(*k).unwrap_or(0))
                .collect::<Vec<_>>();
            if kernel.len() != x.shape.len() - 2 || kernel.iter().any(|k| *k > 1 << 20) {
                return Err("kernel_shape does not fit".into());
            }
            let geometry = conv_geometry(node, &x.shape[2..], &kernel)?;
            let mut shape = x.shape[..2].to_vec();
            shape.extend(&geometry.out);
            if op == "MaxPool" && node.outputs.len() > 1 {
                return Err("its indices are asked for".into());
            }
            one(x.elem, shape)
        }
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let x = need(ins, 0)?;
            if x.shape.len() < 3 {
                return Err("its operand must have three axes at least".into());
            }
            let shape = x
                .shape
                .iter()
                .enumerate()
                .map(|(i, n)| if i < 2 { *n } else { 1 })
                .collect();
            one(x.elem, shape)
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceL2" | "ReduceSumSquare" => {
            let x = need(ins, 0)?;
            let axes = reduce_axes(node, ins)?;
            one(
                x.elem,
                reduced(x.shape, &axes, node.int_or("keepdims", 1) != 0),
            )
        }
        "ArgMax" => {
            let x = need(ins, 0)?;
            let axis = axis_of(node.int_or("axis", 0), x.shape.len())?;
            one(
                Elem::I64,
                reduced(x.shape, &[axis], node.int_or("keepdims", 1) != 0),
            )
        }
        "TopK" => {
            let x = need(ins, 0)?;
            let axis = axis_of(node.int_or("axis", -1), x.shape.len())?;
            let k = top_k(node, ins)?;
            if k > x.shape[axis] {
                return Err(format!("it takes {k} of {} elements", x.shape[axis]));
            }
            let mut shape = x.shape.to_vec();
            shape[axis] = k;
            Ok(vec![(x.elem, shape.clone()), (Elem::I64, shape)])
        }
        "QuantizeLinear" => {
            let x = need(ins, 0)?;
            if !x.elem.is_float() {
                return Err("its operand is no float".into());
            }
            let elem = match ins.get(2).copied().flatten() {
                Some(zero) => zero.elem,
                None => Elem::from_onnx(node.int_or("output_dtype", 2)).unwrap_or(Elem::U8),
            };
            if !matches!(elem, Elem::U8 | Elem::I8 | Elem::U16 | Elem::I16) {
                return Err(format!("it quantises to {elem:?}"));
            }
            one(elem, x.shape.to_vec())
        }
        "DequantizeLinear" => {
            let x = need(ins, 0)?;
            if x.elem.is_float() {
                return Err("its operand is no integer".into());
            }
            one(need(ins, 1)?.elem, x.shape.to_vec())
        }
        "ToInt32" => one(Elem::I32, need(ins, 0)?.shape.to_vec()),
        "DynamicQuantizeLinear" => Err(
            "scales computed at run time (dynamic quantisation) have no exact integer form: \
                 use static quantisation"
                .into(),
        ),
        "If" | "Loop" | "Scan" => Err("control flow cannot be part of a program".into()),
        _ => Err("this operator cannot be mapped".into()),
    }
}

pub(crate) fn top_k(node: &Node<'_>, ins: &[Option<In<'_>>]) -> Result<usize, String> {
    let k = match node.int("k") {
        Some(k) => k,
        None => i64::from(
            *values(ins, 1, "k")?
                .and_then(Tensor::as_ints)
                .and_then(<[i32]>::first)
                .ok_or("k is missing")?,
        ),
    };
    usize::try_from(k).map_err(|_| format!("k is {k}"))
}

pub(crate) fn shape_bounds(node: &Node<'_>, rank: usize) -> (usize, usize) {
    let at = |v: i64| {
        let v = if v < 0 {
            v.saturating_add(rank as i64)
        } else {
            v
        };
        v.clamp(0, rank as i64) as usize
    };
    let start = at(node.int_or("start", 0));
    (start, at(node.int_or("end", rank as i64)).max(start))
}

pub(crate) fn to_shape(tensor: &Tensor) -> Result<Vec<usize>, String> {
    let ints = tensor.as_ints().ok_or("a shape must be integers")?;
    if ints.len() > 16 {
        return Err("a shape has too many axes".into());
    }
    ints.iter()
        .map(|v| usize::try_from(*v).map_err(|_| format!("a shape holds {v}")))
        .collect()
}

fn reshaped(from: &[usize], want: &[i64], allow_zero: bool) -> Result<Vec<usize>, String> {
    if want.len() > 16 {
        return Err("its shape has too many axes".into());
    }
    let total = count(from)?;
    let mut shape = Vec::with_capacity(want.len());
    let mut open = None;
    for (i, axis) in want.iter().enumerate() {
        shape.push(match *axis {
            0 if !allow_zero => *from
                .get(i)
                .ok_or("its shape copies an axis that is not there")?,
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            v => usize::try_from(v).map_err(|_| format!("its shape holds {v}"))?,
        });
    }
    let rest = count(&shape)?;
    if let Some(open) = open {
        shape[open] = total.checked_div(rest).unwrap_or(0);
    }
    if count(&shape)? != total {
        return Err(format!("{from:?} cannot become {want:?}"));
    }
    Ok(shape)
}

pub(crate) fn permutation(node: &Node<'_>, rank: usize) -> Result<Vec<usize>, String> {
    let Some(perm) = node.ints("perm") else {
        return Ok((0..rank).rev().collect());
    };
    let perm = perm
        .iter()
        .map(|i| axis_of(*i, rank))
        .collect::<Result<Vec<_>, _>>()?;
    let mut sorted = perm.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err("perm is no permutation of the axes".into());
    }
    Ok(perm)
}

pub(crate) fn split_sizes(
    node: &Node<'_>,
    ins: &[Option<In<'_>>],
) -> Result<(usize, Vec<usize>), String> {
    let x = need(ins, 0)?;
    let axis = axis_of(node.int_or("axis", 0), x.shape.len())?;
    let n = x.shape[axis];
    let sizes = match int_list(node, ins, 1, "split")? {
        Some(list) => list
            .iter()
            .map(|v| usize::try_from(*v).map_err(|_| format!("a part has length {v}")))
            .collect::<Result<Vec<_>, _>>()?,
        None => {
            let parts = usize::try_from(node.int_or("num_outputs", node.outputs.len() as i64))
                .ok()
                .filter(|p| (1..=256).contains(p))
                .ok_or("its number of parts is odd")?;
            let each = n.div_ceil(parts);
            (0..parts)
                .map(|i| each.min(n.saturating_sub(i * each)))
                .collect()
        }
    };
    let sum = sizes.iter().try_fold(0usize, |a, b| a.checked_add(*b));
    if sum != Some(n) || sizes.len() < node.outputs.len() {
        return Err("its parts do not add up".into());
    }
    Ok((axis, sizes))
}

pub(crate) fn matmul_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let a2 = if a.len() == 1 {
        vec![1, a[0]]
    } else {
        a.to_vec()
    };
    let b2 = if b.len() == 1 {
        vec![b[0], 1]
    } else {
        b.to_vec()
    };
    let (ah, am) = a2.split_at(a2.len() - 2);
    let (bh, bm) = b2.split_at(b2.len() - 2);
    if am[1] != bm[0] {
        return Err(format!("shapes {a:?} and {b:?} do not multiply"));
    }
    let mut shape = broadcast(ah, bh)?;
    if a.len() > 1 {
        shape.push(am[0]);
    }
    if b.len() > 1 {
        shape.push(bm[1]);
    }
    Ok(shape)
}

/// The value of a `Constant` node.
pub(crate) fn constant(node: &Node<'_>) -> Result<Tensor, String> {
    if let Some(tensor) = node.tensor("value") {
        return tensor.decode().map_err(|e| e.to_string());
    }
    let ints = |list: &[i64]| {
        list.iter()
            .map(|v| crate::onnx::saturate(*v))
            .collect::<Vec<_>>()
    };
    if let Some(v) = node.float("value_float") {
        return Ok(Tensor::floats(vec![], vec![v]));
    }
    if let Some(list) = node.floats("value_floats") {
        return Ok(Tensor::floats(vec![list.len()], list.to_vec()));
    }
    if let Some(v) = node.int("value_int") {
        return Ok(Tensor::ints(Elem::I64, vec![], ints(&[v])));
    }
    if let Some(list) = node.ints("value_ints") {
        return Ok(Tensor::ints(Elem::I64, vec![list.len()], ints(list)));
    }
    Err("it holds no tensor".into())
}
