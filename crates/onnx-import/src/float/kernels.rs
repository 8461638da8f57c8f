//! The arithmetic.

use super::{
    shapes::{
        self, axis_of, broadcast, constant, conv_geometry, permutation, reduce_axes, shape_bounds,
        slice_spec, split_sizes, to_shape,
    },
    In, BINARY, UNARY,
};
use crate::{
    onnx::Node,
    tensor::{Data, Elem, Tensor},
};

/// Windows of a convolution or a pool, one entry per spatial axis; `pads` holds
/// all beginnings, then all ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConvGeometry {
    pub(crate) kernel: Vec<usize>,
    pub(crate) stride: Vec<usize>,
    pub(crate) dilation: Vec<usize>,
    pub(crate) pads: Vec<usize>,
    pub(crate) out: Vec<usize>,
}

pub(crate) fn pool_geometry(node: &Node<'_>, shape: &[usize]) -> Result<ConvGeometry, String> {
    let kernel: Vec<usize> = node
        .ints("kernel_shape")
        .unwrap_or_default()
        .iter()
        .map(|k| usize::try_from(*k).unwrap_or(0))
        .collect();
    let spatial = shape.get(2..).unwrap_or_default();
    if kernel.len() != spatial.len() {
        return Err("kernel_shape does not fit".into());
    }
    conv_geometry(node, spatial, &kernel)
}

fn erf(x: f32) -> f32 {
    libm::erff(x)
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn unary(node: &Node<'_>) -> Option<Box<dyn Fn(f32) -> f32>> {
    let alpha = |otherwise: f32| node.float_or("alpha", otherwise);
    Some(match node.op.as_ref() {
        "Abs" => Box::new(f32::abs),
        "Neg" => Box::new(|x: f32| -x),
        "Sqrt" => Box::new(f32::sqrt),
        "Exp" => Box::new(f32::exp),
        "Log" => Box::new(f32::ln),
        "Erf" => Box::new(erf),
        "Tanh" => Box::new(f32::tanh),
        "Sigmoid" => Box::new(sigmoid),
        "Relu" => Box::new(|x: f32| x.max(0.0)),
        "LeakyRelu" => {
            let a = alpha(0.01);
            Box::new(move |x| if x < 0.0 { a * x } else { x })
        }
        "ThresholdedRelu" => {
            let a = alpha(1.0);
            Box::new(move |x| if x > a { x } else { 0.0 })
        }
        "HardSigmoid" => {
            let (a, b) = (alpha(0.2), node.float_or("beta", 0.5));
            Box::new(move |x| (a * x + b).clamp(0.0, 1.0))
        }
        "HardSwish" => Box::new(|x: f32| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "Elu" => {
            let a = alpha(1.0);
            Box::new(move |x: f32| if x < 0.0 { a * (x.exp() - 1.0) } else { x })
        }
        "Celu" => {
            let a = alpha(1.0);
            Box::new(move |x: f32| x.max(0.0) + (a * ((x / a).exp() - 1.0)).min(0.0))
        }
        "Selu" => {
            let (a, g) = (alpha(1.673_263_2), node.float_or("gamma", 1.050_701));
            Box::new(move |x: f32| g * if x <= 0.0 { a * x.exp() - a } else { x })
        }
        "Softplus" => Box::new(|x: f32| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        "Softsign" => Box::new(|x: f32| x / (1.0 + x.abs())),
        "Gelu" if node.text("approximate") == Some("tanh") => Box::new(gelu_tanh),
        "Gelu" => Box::new(|x: f32| 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))),
        "FastGelu" => Box::new(gelu_tanh),
        "QuickGelu" => {
            let a = alpha(1.702);
            Box::new(move |x| x * sigmoid(a * x))
        }
        "Mish" => Box::new(|x: f32| x * (x.max(0.0) + (-x.abs()).exp().ln_1p()).tanh()),
        "Floor" => Box::new(f32::floor),
        "Ceil" => Box::new(f32::ceil),
        "Round" => Box::new(f32::round_ties_even),
        "Reciprocal" => Box::new(|x: f32| 1.0 / x),
        "Sign" => Box::new(|x: f32| if x == 0.0 { 0.0 } else { x.signum() }),
        "Sin" => Box::new(f32::sin),
        "Cos" => Box::new(f32::cos),
        "Identity" | "Dropout" => Box::new(|x| x),
        _ => return None,
    })
}

fn gelu_tanh(x: f32) -> f32 {
    0.5 * x * (1.0 + (0.797_884_6 * (x + 0.044_715 * x * x * x)).tanh())
}

/// Strides of `shape` seen as `out`: 0 where it is repeated.
fn strides(shape: &[usize], out: &[usize]) -> Vec<usize> {
    let mut result = vec![0; out.len()];
    let mut stride = 1;
    for (i, n) in shape.iter().enumerate().rev() {
        if *n != 1 {
            result[i + out.len() - shape.len()] = stride;
        }
        stride *= n;
    }
    result
}

/// Calls `visit` with the offsets into `shapes` for every element of `out`, in
/// order.
fn odometer<const N: usize>(
    out: &[usize],
    steps: [&[usize]; N],
    mut visit: impl FnMut([usize; N]),
) {
    let total: usize = out.iter().product();
    let mut index = vec![0usize; out.len()];
    let mut at = [0usize; N];
    for _ in 0..total {
        visit(at);
        for axis in (0..out.len()).rev() {
            index[axis] += 1;
            for (a, s) in at.iter_mut().zip(steps) {
                *a += s[axis];
            }
            if index[axis] < out[axis] {
                break;
            }
            for (a, s) in at.iter_mut().zip(steps) {
                *a -= s[axis] * out[axis];
            }
            index[axis] = 0;
        }
    }
}

fn zip<T: Copy, R>(
    a: (&[T], &[usize]),
    b: (&[T], &[usize]),
    out: &[usize],
    f: impl Fn(T, T) -> R,
) -> Vec<R> {
    if a.1 == b.1 {
        return a.0.iter().zip(b.0).map(|(x, y)| f(*x, *y)).collect();
    }
    if let ([y], true) = (b.0, a.1 == out) {
        return a.0.iter().map(|x| f(*x, *y)).collect();
    }
    let (sa, sb) = (strides(a.1, out), strides(b.1, out));
    let mut result = Vec::with_capacity(out.iter().product());
    odometer(out, [&sa, &sb], |[i, j]| result.push(f(a.0[i], b.0[j])));
    result
}

fn binary(op: &str, a: &Tensor, b: &Tensor) -> Result<Tensor, String> {
    let shape = broadcast(&a.shape, &b.shape)?;
    let compare = |f: fn(f32, f32) -> bool| {
        let (x, y) = (a.to_floats(), b.to_floats());
        let values = zip((&x, &a.shape), (&y, &b.shape), &shape, |x, y| {
            i32::from(f(x, y))
        });
        Ok(Tensor::ints(Elem::Bool, shape.clone(), values))
    };
    match op {
        "Equal" => return compare(|x, y| x == y),
        "Less" => return compare(|x, y| x < y),
        "Greater" => return compare(|x, y| x > y),
        "LessOrEqual" => return compare(|x, y| x <= y),
        "GreaterOrEqual" => return compare(|x, y| x >= y),
        _ => {}
    }
    match (&a.data, &b.data) {
        (Data::F(x), Data::F(y)) => {
            let f: fn(f32, f32) -> f32 = match op {
                "Add" => |x, y| x + y,
                "Sub" => |x, y| x - y,
                "Mul" => |x, y| x * y,
                "Div" => |x, y| x / y,
                "Pow" => |x, y| if y == 2.0 { x * x } else { x.powf(y) },
                "Min" => f32::min,
                "Max" => f32::max,
                "Mod" => |x, y| x % y,
                "PRelu" => |x, y| if x < 0.0 { x * y } else { x },
                _ => return Err("this operator cannot be mapped".into()),
            };
            let values = zip((x, &a.shape), (y, &b.shape), &shape, f);
            Ok(Tensor::floats(shape, values))
        }
        (Data::I(x), Data::I(y)) => {
            let f: fn(i32, i32) -> i32 = match op {
                "Add" => i32::saturating_add,
                "Sub" => i32::saturating_sub,
                "Mul" => i32::saturating_mul,
                "Div" => |x, y| x.checked_div(y).unwrap_or(0),
                "Min" => i32::min,
                "Max" => i32::max,
                "Mod" => |x, y| x.checked_rem_euclid(y).unwrap_or(0),
                "Pow" => |x, y| x.saturating_pow(u32::try_from(y).unwrap_or(0)),
                "And" => |x, y| x & y,
                "Or" => |x, y| x | y,
                "Xor" => |x, y| x ^ y,
                _ => return Err("this operator takes no integers".into()),
            };
            let values = zip((x, &a.shape), (y, &b.shape), &shape, f);
            Ok(Tensor::ints(a.elem, shape, values))
        }
        _ => Err("its operands have different element types".into()),
    }
}

/// Copies elements of any kind by a function that fills indices.
fn pick(x: &Tensor, shape: Vec<usize>, indices: impl Iterator<Item = usize>) -> Tensor {
    match &x.data {
        Data::F(v) => {
            let values = indices.map(|i| v[i]).collect();
            Tensor {
                elem: x.elem,
                shape,
                data: Data::F(values),
            }
        }
        Data::I(v) => Tensor::ints(x.elem, shape, indices.map(|i| v[i]).collect()),
    }
}

fn pick_strided(x: &Tensor, shape: Vec<usize>, start: usize, steps: &[isize]) -> Tensor {
    let total: usize = shape.iter().product();
    let mut indices = Vec::with_capacity(total);
    let mut index = vec![0usize; shape.len()];
    let mut at = start as isize;
    for _ in 0..total {
        indices.push(at as usize);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= steps[axis] * shape[axis] as isize;
            index[axis] = 0;
        }
    }
    pick(x, shape, indices.into_iter())
}

fn row_strides(shape: &[usize]) -> Vec<isize> {
    let mut out = vec![1isize; shape.len()];
    for i in (1..shape.len()).rev() {
        out[i - 1] = out[i] * shape[i] as isize;
    }
    out
}

/// `[m,k] × [k,n]` added to `out`.
fn gemm(a: &[f32], b: &[f32], k: usize, n: usize, out: &mut [f32]) {
    if k == 0 || n == 0 {
        return;
    }
    for (row, sums) in a.chunks_exact(k).zip(out.chunks_exact_mut(n)) {
        for (x, b_row) in row.iter().zip(b.chunks_exact(n)) {
            if *x != 0.0 {
                for (s, y) in sums.iter_mut().zip(b_row) {
                    *s += x * y;
                }
            }
        }
    }
}

fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor, String> {
    let shape = shapes::matmul_shape(&a.shape, &b.shape)?;
    let (x, y) = (a.to_floats(), b.to_floats());
    let (m, k) = match a.shape.as_slice() {
        [k] => (1, *k),
        [.., m, k] => (*m, *k),
        [] => return Err("an operand is a scalar".into()),
    };
    let n = if b.shape.len() == 1 {
        1
    } else {
        b.shape.last().copied().unwrap_or(1)
    };
    let lead = |s: &[usize]| s[..s.len().saturating_sub(2)].to_vec();
    let (ah, bh) = (lead(&a.shape), lead(&b.shape));
    let heads = broadcast(&ah, &bh)?;
    let (sa, sb) = (strides(&ah, &heads), strides(&bh, &heads));
    let mut out = vec![0f32; shape.iter().product()];
    let mut at = 0;
    odometer(&heads, [&sa, &sb], |[i, j]| {
        gemm(
            &x[i * m * k..][..m * k],
            &y[j * k * n..][..k * n],
            k,
            n,
            &mut out[at..at + m * n],
        );
        at += m * n;
    });
    Ok(Tensor::floats(shape, out))
}

/// Calls `visit(output position, input offset)` for every tap inside the input.
fn taps(
    geometry: &ConvGeometry,
    spatial: &[usize],
    position: &[usize],
    mut visit: impl FnMut(usize, usize),
) {
    let kernel_total: usize = geometry.kernel.iter().product();
    let n = spatial.len();
    let mut index = vec![0usize; n];
    for tap in 0..kernel_total {
        let mut offset = 0;
        let mut inside = true;
        for i in 0..n {
            let at = position[i] * geometry.stride[i] + index[i] * geometry.dilation[i];
            match at.checked_sub(geometry.pads[i]) {
                Some(at) if at < spatial[i] => offset = offset * spatial[i] + at,
                _ => inside = false,
            }
        }
        if inside {
            visit(tap, offset);
        }
        for i in (0..n).rev() {
            index[i] += 1;
            if index[i] < geometry.kernel[i] {
                break;
            }
            index[i] = 0;
        }
    }
}

fn positions(out: &[usize]) -> Vec<Vec<usize>> {
    let total: usize = out.iter().product();
    let mut list = Vec::with_capacity(total);
    let mut index = vec![0usize; out.len()];
    for _ in 0..total {
        list.push(index.clone());
        for i in (0..out.len()).rev() {
            index[i] += 1;
            if index[i] < out[i] {
                break;
            }
            index[i] = 0;
        }
    }
    list
}

fn conv(node: &Node<'_>, x: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, String> {
    let geometry = conv_geometry(node, &x.shape[2..], &w.shape[2..])?;
    let group = usize::try_from(node.int_or("group", 1)).unwrap_or(1).max(1);
    let (b, c, o) = (x.shape[0], x.shape[1], w.shape[0]);
    let spatial = &x.shape[2..];
    let (plane, taps_total): (usize, usize) =
        (spatial.iter().product(), geometry.kernel.iter().product());
    let out_plane: usize = geometry.out.iter().product();
    let (cg, og) = (c / group, o / group);
    let k = cg * taps_total;
    let (xs, ws) = (x.to_floats(), w.to_floats());
    let bias = bias.map(Tensor::to_floats);
    let where_to = positions(&geometry.out);
    let mut out = vec![0f32; b * o * out_plane];
    // Columns of one group: [k, positions], so that the product's inner loop runs over positions.
    let mut columns = vec![0f32; k * out_plane];
    for sample in 0..b {
        for g in 0..group {
            columns.fill(0.0);
            for (p, position) in where_to.iter().enumerate() {
                taps(&geometry, spatial, position, |tap, offset| {
                    for ch in 0..cg {
                        let from = ((sample * c) + g * cg + ch) * plane + offset;
                        columns[(ch * taps_total + tap) * out_plane + p] = xs[from];
                    }
                });
            }
            let start = (sample * o + g * og) * out_plane;
            gemm(
                &ws[g * og * k..][..og * k],
                &columns,
                k,
                out_plane,
                &mut out[start..start + og * out_plane],
            );
        }
    }
    if let Some(bias) = bias {
        if bias.len() != o {
            return Err("its bias does not fit".into());
        }
        for (i, row) in out.chunks_exact_mut(out_plane.max(1)).enumerate() {
            let add = bias[i % o];
            row.iter_mut().for_each(|v| *v += add);
        }
    }
    let mut shape = vec![b, o];
    shape.extend(&geometry.out);
    Ok(Tensor::floats(shape, out))
}

fn pool(node: &Node<'_>, x: &Tensor, geometry: &ConvGeometry, max: bool) -> Result<Tensor, String> {
    let spatial = &x.shape[2..];
    let plane: usize = spatial.iter().product();
    let include = node.int_or("count_include_pad", 0) != 0;
    let whole: usize = geometry.kernel.iter().product();
    let xs = x.to_floats();
    let where_to = positions(&geometry.out);
    let mut out = Vec::with_capacity(x.shape[0] * x.shape[1] * where_to.len());
    for channel in xs.chunks_exact(plane.max(1)) {
        for position in &where_to {
            let (mut best, mut sum, mut n) = (f32::NEG_INFINITY, 0f32, 0usize);
            taps(geometry, spatial, position, |_, offset| {
                best = best.max(channel[offset]);
                sum += channel[offset];
                n += 1;
            });
            out.push(if max {
                best
            } else {
                sum / if include { whole } else { n.max(1) } as f32
            });
        }
    }
    let mut shape = x.shape[..2].to_vec();
    shape.extend(&geometry.out);
    let data = match x.elem.is_float() {
        true => Data::F(out),
        false => Data::I(out.iter().map(|v| *v as i32).collect()),
    };
    Ok(Tensor {
        elem: x.elem,
        shape,
        data,
    })
}

fn softmax(node: &Node<'_>, opset: i64, x: &Tensor) -> Result<Tensor, String> {
    let rank = x.shape.len();
    let axis = axis_of(node.int_or("axis", if opset < 13 { 1 } else { -1 }), rank)?;
    // Before version 13 everything from the axis on is one row.
    let inner: usize = if opset < 13 {
        1
    } else {
        x.shape[axis + 1..].iter().product()
    };
    let n: usize = if opset < 13 {
        x.shape[axis..].iter().product()
    } else {
        x.shape[axis]
    };
    let mut values = x.to_floats();
    for block in values.chunks_exact_mut((n * inner).max(1)) {
        for i in 0..inner {
            let row = || (0..n).map(|j| j * inner + i);
            let top = row().map(|at| block[at]).fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0f32;
            for at in row() {
                block[at] = (block[at] - top).exp();
                sum += block[at];
            }
            for at in row() {
                block[at] /= sum;
            }
        }
    }
    Ok(Tensor::floats(x.shape.clone(), values))
}

/// Normalises rows of `n` values.
fn normalise(
    x: &Tensor,
    n: usize,
    epsilon: f32,
    centre: bool,
    scale: Option<&Tensor>,
    bias: Option<&Tensor>,
) -> Result<Tensor, String> {
    let mut values = x.to_floats();
    let scale = scale.map(Tensor::to_floats);
    let bias = bias.map(Tensor::to_floats);
    for part in [&scale, &bias].into_iter().flatten() {
        if part.len() != n {
            return Err("its scale or bias does not fit".into());
        }
    }
    for row in values.chunks_exact_mut(n.max(1)) {
        let mean = if centre {
            row.iter().map(|v| f64::from(*v)).sum::<f64>() / n as f64
        } else {
            0.0
        };
        let square = row
            .iter()
            .map(|v| (f64::from(*v) - mean).powi(2))
            .sum::<f64>()
            / n as f64;
        let by = 1.0 / (square + f64::from(epsilon)).sqrt();
        for (i, v) in row.iter_mut().enumerate() {
            let mut y = (f64::from(*v) - mean) * by;
            if let Some(scale) = &scale {
                y *= f64::from(scale[i]);
            }
            if let Some(bias) = &bias {
                y += f64::from(bias[i]);
            }
            *v = y as f32;
        }
    }
    Ok(Tensor::floats(x.shape.clone(), values))
}

fn reduce(op: &str, x: &Tensor, axes: &[usize], shape: Vec<usize>) -> Tensor {
    let keep: Vec<usize> = x
        .shape
        .iter()
        .enumerate()
        .map(|(i, n)| if axes.contains(&i) { 1 } else { *n })
        .collect();
    let to = strides(&keep, &x.shape);
    let xs = x.to_floats();
    let total: usize = keep.iter().product();
    let start = match op {
        "ReduceMax" => f64::NEG_INFINITY,
        "ReduceMin" => f64::INFINITY,
        _ => 0.0,
    };
    let mut sums = vec![start; total];
    let mut from = 0;
    odometer(&x.shape, [&to], |[at]| {
        let v = f64::from(xs[from]);
        from += 1;
        let sum = &mut sums[at];
        match op {
            "ReduceMax" => *sum = sum.max(v),
            "ReduceMin" => *sum = sum.min(v),
            "ReduceL2" | "ReduceSumSquare" => *sum += v * v,
            _ => *sum += v,
        }
    });
    let n = (x.len() / total.max(1)).max(1) as f64;
    let values = sums.iter().map(|s| match op {
        "ReduceMean" => s / n,
        "ReduceL2" => s.sqrt(),
        _ => *s,
    });
    match x.elem.is_float() {
        true => Tensor::floats(shape, values.map(|v| v as f32).collect()),
        false => Tensor::ints(x.elem, shape, values.map(|v| v as i32).collect()),
    }
}

/// The (scale, zero point) of each element along `axis`, or of all.
fn per_axis(
    node: &Node<'_>,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
) -> Result<(Vec<f32>, Vec<i32>, usize), String> {
    let mut scales = scale.to_floats();
    let zeros = match zero {
        Some(zero) => zero
            .as_ints()
            .ok_or("its zero point is no integer")?
            .to_vec(),
        None => vec![0; scales.len()],
    };
    if let [one] = scales[..] {
        scales = vec![one; zeros.len()];
    }
    if zeros.len() != scales.len() {
        return Err("scale and zero point differ in length".into());
    }
    if node.int_or("block_size", 0) != 0 {
        return Err("blocked quantisation cannot be mapped".into());
    }
    if scales.len() == 1 {
        return Ok((scales, zeros, x.len().max(1)));
    }
    let axis = axis_of(node.int_or("axis", 1), x.shape.len())?;
    if scale.shape.len() > 1 || x.shape[axis] != scales.len() {
        return Err("its scales do not fit its axis".into());
    }
    let inner = x.shape[axis + 1..].iter().product::<usize>().max(1);
    Ok((scales, zeros, inner))
}

fn quantize(
    node: &Node<'_>,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
) -> Result<Tensor, String> {
    let elem = match zero {
        Some(zero) => zero.elem,
        None => Elem::from_onnx(node.int_or("output_dtype", 2)).unwrap_or(Elem::U8),
    };
    let (lo, hi) = elem.range();
    let (scales, zeros, inner) = per_axis(node, x, scale, zero)?;
    let values = x
        .to_floats()
        .iter()
        .enumerate()
        .map(|(i, v)| {
            let at = i / inner % scales.len();
            let q = (v / scales[at]).round_ties_even();
            (q.clamp(-1e9, 1e9) as i32 + zeros[at]).clamp(lo, hi)
        })
        .collect();
    Ok(Tensor::ints(elem, x.shape.clone(), values))
}

fn dequantize(
    node: &Node<'_>,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
) -> Result<Tensor, String> {
    let (scales, zeros, inner) = per_axis(node, x, scale, zero)?;
    let ints = x.as_ints().ok_or("its operand is no integer")?;
    let values = ints
        .iter()
        .enumerate()
        .map(|(i, q)| {
            let at = i / inner % scales.len();
            (i64::from(*q) - i64::from(zeros[at])) as f32 * scales[at]
        })
        .collect();
    Ok(Tensor::floats(x.shape.clone(), values))
}

fn clip(
    node: &Node<'_>,
    x: &Tensor,
    lo: Option<&Tensor>,
    hi: Option<&Tensor>,
) -> Result<Tensor, String> {
    let bound = |given: Option<&Tensor>, name: &str| match given {
        Some(tensor) => tensor.scalar().map(Some).ok_or("a bound is no scalar"),
        None => Ok(node.float(name)),
    };
    let (lo, hi) = (bound(lo, "min")?, bound(hi, "max")?);
    let f = |v: f32| v.max(lo.unwrap_or(f32::MIN)).min(hi.unwrap_or(f32::MAX));
    Ok(match &x.data {
        Data::F(values) => Tensor::floats(x.shape.clone(), values.iter().map(|v| f(*v)).collect()),
        Data::I(values) => Tensor::ints(
            x.elem,
            x.shape.clone(),
            values.iter().map(|v| f(*v as f32) as i32).collect(),
        ),
    })
}

/// Computes a node.
///
/// # Errors
///
/// As [`infer`](super::infer); operands must be those it accepted.
pub(crate) fn eval(
    node: &Node<'_>,
    opset: i64,
    ins: &[Option<&Tensor>],
) -> Result<Vec<Tensor>, String> {
    let described: Vec<Option<In<'_>>> = ins.iter().map(|t| t.map(In::from)).collect();
    let shapes = super::infer(node, &described)?;
    let mut tensors = compute(node, opset, ins, &described, &shapes)?;
    for (tensor, (elem, shape)) in tensors.iter_mut().zip(&shapes) {
        let fits = shape.iter().product::<usize>() == tensor.len()
            && elem.is_float() == tensor.elem.is_float();
        if !fits {
            return Err("its result has another shape than was inferred".into());
        }
        tensor.elem = *elem;
        tensor.shape.clone_from(shape);
    }
    Ok(tensors)
}

fn compute(
    node: &Node<'_>,
    opset: i64,
    ins: &[Option<&Tensor>],
    described: &[Option<In<'_>>],
    shapes: &[(Elem, Vec<usize>)],
) -> Result<Vec<Tensor>, String> {
    let op = node.op.as_ref();
    let get = |at: usize| ins.get(at).copied().flatten();
    let need = |at: usize| get(at).ok_or_else(|| format!("operand {at} is missing"));
    let shape = || shapes.first().map(|(_, s)| s.clone()).unwrap_or_default();
    let one = |tensor: Tensor| Ok(vec![tensor]);
    match op {
        "Cast" | "CastLike" | "ToInt32" => {
            let x = need(0)?;
            let to = shapes.first().map_or(Elem::F32, |(elem, _)| *elem);
            one(cast(x, to))
        }
        "Not" => {
            let x = need(0)?;
            let ints = x.as_ints().ok_or("its operand is no truth value")?;
            one(Tensor::ints(
                Elem::Bool,
                x.shape.clone(),
                ints.iter().map(|v| i32::from(*v == 0)).collect(),
            ))
        }
        "Identity" => one(need(0)?.clone()),
        "Dropout" => {
            let x = need(0)?;
            let mask = Tensor::ints(Elem::Bool, x.shape.clone(), vec![1; x.len()]);
            Ok(vec![x.clone(), mask])
        }
        op if UNARY.contains(&op) => {
            let x = need(0)?;
            let f = unary(node).ok_or("this operator cannot be mapped")?;
            one(match &x.data {
                Data::F(v) => Tensor::floats(x.shape.clone(), v.iter().map(|v| f(*v)).collect()),
                Data::I(v) => Tensor::ints(
                    x.elem,
                    x.shape.clone(),
                    v.iter().map(|v| f(*v as f32) as i32).collect(),
                ),
            })
        }
        op if BINARY.contains(&op) => {
            let mut result = binary(op, need(0)?, need(1)?)?;
            for more in ins.iter().skip(2).flatten() {
                result = binary(op, &result, more)?;
            }
            one(result)
        }
        "Clip" => one(clip(node, need(0)?, get(1), get(2))?),
        "Where" => {
            let (c, a, b) = (need(0)?, need(1)?, need(2)?);
            let out = shape();
            let steps = [
                strides(&c.shape, &out),
                strides(&a.shape, &out),
                strides(&b.shape, &out),
            ];
            let cond = c.as_ints().ok_or("its condition is no truth value")?;
            let by = [&steps[0][..], &steps[1], &steps[2]];
            one(match (&a.data, &b.data) {
                (Data::F(x), Data::F(y)) => {
                    let mut v = Vec::with_capacity(out.iter().product());
                    odometer(&out, by, |[i, j, k]| {
                        v.push(if cond[i] != 0 { x[j] } else { y[k] });
                    });
                    Tensor::floats(out, v)
                }
                (Data::I(x), Data::I(y)) => {
                    let mut v = Vec::with_capacity(out.iter().product());
                    odometer(&out, by, |[i, j, k]| {
                        v.push(if cond[i] != 0 { x[j] } else { y[k] });
                    });
                    Tensor::ints(a.elem, out, v)
                }
                _ => return Err("its operands have different element types".into()),
            })
        }
        "Constant" => one(constant(node)?),
        "ConstantOfShape" => {
            let shape = to_shape(need(0)?)?;
            let total = super::count(&shape)?;
            let value = match node.tensor("value") {
                Some(value) => value.decode().map_err(|e| e.to_string())?,
                None => Tensor::floats(vec![1], vec![0.0]),
            };
            one(match &value.data {
                Data::F(v) => Tensor::floats(shape, vec![v.first().copied().unwrap_or(0.0); total]),
                Data::I(v) => Tensor::ints(
                    value.elem,
                    shape,
                    vec![v.first().copied().unwrap_or(0); total],
                ),
            })
        }
        "Shape" => {
            let x = need(0)?;
            let (start, end) = shape_bounds(node, x.shape.len());
            let dims = x.shape[start..end].iter().map(|n| *n as i32).collect();
            one(Tensor::ints(Elem::I64, vec![end - start], dims))
        }
        "Size" => one(Tensor::ints(Elem::I64, vec![], vec![need(0)?.len() as i32])),
        "Range" => {
            let (start, delta) = (need(0)?, need(2)?);
            let (s, d) = (
                start.scalar().ok_or("its bounds are no scalars")?,
                delta.scalar().ok_or("its bounds are no scalars")?,
            );
            let n = shape().first().copied().unwrap_or(0);
            let values = (0..n).map(|i| s + d * i as f32);
            one(match start.elem.is_float() {
                true => Tensor::floats(vec![n], values.collect()),
                false => Tensor::ints(start.elem, vec![n], values.map(|v| v as i32).collect()),
            })
        }
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
            one(need(0)?.clone().with_shape(shape()))
        }
        "Transpose" => {
            let x = need(0)?;
            let perm = permutation(node, x.shape.len())?;
            let own = row_strides(&x.shape);
            let steps: Vec<isize> = perm.iter().map(|i| own[*i]).collect();
            one(pick_strided(x, shape(), 0, &steps))
        }
        "Expand" => {
            let x = need(0)?;
            let out = shape();
            let steps: Vec<isize> = strides(&x.shape, &out)
                .iter()
                .map(|s| *s as isize)
                .collect();
            one(pick_strided(x, out, 0, &steps))
        }
        "Slice" => {
            let x = need(0)?;
            let spec = slice_spec(node, described)?;
            let own = row_strides(&x.shape);
            let start: isize = spec
                .iter()
                .zip(&own)
                .map(|((s, ..), o)| *s as isize * o)
                .sum();
            let steps: Vec<isize> = spec
                .iter()
                .zip(&own)
                .map(|((_, s, _), o)| *s as isize * o)
                .collect();
            one(pick_strided(x, shape(), start as usize, &steps))
        }
        "Split" => {
            let x = need(0)?;
            let (axis, sizes) = split_sizes(node, described)?;
            let own = row_strides(&x.shape);
            let mut at = 0;
            Ok(sizes
                .iter()
                .zip(shapes)
                .map(|(n, (_, shape))| {
                    let part = pick_strided(x, shape.clone(), at * own[axis] as usize, &own);
                    at += n;
                    part
                })
                .collect())
        }
        "Concat" => {
            let out = shape();
            let axis = axis_of(node.int("axis").unwrap_or(1), out.len())?;
            let outer: usize = out[..axis].iter().product();
            let inner: usize = out[axis + 1..].iter().product();
            let parts: Vec<&Tensor> = ins.iter().copied().flatten().collect();
            one(match need(0)?.elem.is_float() {
                true => {
                    let lists: Vec<Vec<f32>> = parts.iter().map(|p| p.to_floats()).collect();
                    Tensor::floats(out.clone(), concat(&lists, &parts, axis, outer, inner))
                }
                false => {
                    let lists: Vec<Vec<i32>> = parts
                        .iter()
                        .map(|p| p.as_ints().unwrap_or_default().to_vec())
                        .collect();
                    let values = concat(&lists, &parts, axis, outer, inner);
                    Tensor::ints(need(0)?.elem, out.clone(), values)
                }
            })
        }
        "Pad" => {
            if !matches!(node.text("mode"), None | Some("constant")) {
                return Err("only padding with a constant can be mapped".into());
            }
            let x = need(0)?;
            let (before, _) = shapes::pad_amounts(node, described)?;
            let out = shape();
            let value = match get(2) {
                Some(value) => value.scalar().ok_or("the padding value is no scalar")?,
                None => node.float_or("value", 0.0),
            };
            let total = super::count(&out)?;
            let to = row_strides(&out);
            let start: isize = before.iter().zip(&to).map(|(b, s)| *b as isize * s).sum();
            let steps: Vec<usize> = to.iter().map(|s| *s as usize).collect();
            let mut from = 0;
            let mut floats = vec![value; total];
            let xs = x.to_floats();
            odometer(&x.shape, [&steps], |[at]| {
                floats[start as usize + at] = xs[from];
                from += 1;
            });
            one(match x.elem.is_float() {
                true => Tensor::floats(out, floats),
                false => Tensor::ints(x.elem, out, floats.iter().map(|v| *v as i32).collect()),
            })
        }
        "Gather" => {
            let (x, idx) = (need(0)?, need(1)?);
            let axis = axis_of(node.int_or("axis", 0), x.shape.len())?;
            let n = x.shape[axis];
            let inner: usize = x.shape[axis + 1..].iter().product();
            let outer: usize = x.shape[..axis].iter().product();
            let idx = idx.as_ints().ok_or("its indices are no integers")?;
            if n == 0 && !idx.is_empty() {
                return Err("it gathers from an empty axis".into());
            }
            let mut indices = Vec::with_capacity(outer * idx.len() * inner);
            for o in 0..outer {
                for i in idx {
                    let at = if *i < 0 {
                        i64::from(*i) + n as i64
                    } else {
                        i64::from(*i)
                    };
                    let at = at.clamp(0, n as i64 - 1) as usize;
                    indices.extend((0..inner).map(|k| (o * n + at) * inner + k));
                }
            }
            one(pick(x, shape(), indices.into_iter()))
        }
        "MatMul" => one(matmul(need(0)?, need(1)?)?),
        "Gemm" => {
            let flip = |x: &Tensor, name: &str| {
                if node.int_or(name, 0) == 0 {
                    return x.clone();
                }
                let own = row_strides(&x.shape);
                let shape = x.shape.iter().rev().copied().collect();
                let steps: Vec<isize> = own.iter().rev().copied().collect();
                pick_strided(x, shape, 0, &steps)
            };
            let (a, b) = (flip(need(0)?, "transA"), flip(need(1)?, "transB"));
            let mut y = matmul(&a, &b)?;
            let (alpha, beta) = (node.float_or("alpha", 1.0), node.float_or("beta", 1.0));
            if alpha != 1.0 {
                y = binary("Mul", &y, &Tensor::floats(vec![], vec![alpha]))?;
            }
            if let Some(c) = get(2) {
                let c = binary("Mul", c, &Tensor::floats(vec![], vec![beta]))?;
                y = binary("Add", &y, &c)?;
            }
            one(y)
        }
        "Conv" => one(conv(node, need(0)?, need(1)?, get(2))?),
        "MaxPool" | "AveragePool" => {
            let x = need(0)?;
            let geometry = pool_geometry(node, &x.shape)?;
            one(pool(node, x, &geometry, op == "MaxPool")?)
        }
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let x = need(0)?;
            let axes: Vec<usize> = (2..x.shape.len()).collect();
            let name = if op == "GlobalMaxPool" {
                "ReduceMax"
            } else {
                "ReduceMean"
            };
            one(reduce(name, x, &axes, shape()))
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceL2" | "ReduceSumSquare" => {
            let axes = reduce_axes(node, described)?;
            one(reduce(op, need(0)?, &axes, shape()))
        }
        "Softmax" => one(softmax(node, opset, need(0)?)?),
        "LayerNormalization" => {
            let x = need(0)?;
            let axis = axis_of(node.int_or("axis", -1), x.shape.len())?;
            let n = x.shape[axis..].iter().product();
            let epsilon = node.float_or("epsilon", 1e-5);
            one(normalise(x, n, epsilon, true, get(1), get(2))?)
        }
        "SkipLayerNormalization" => {
            let x = binary("Add", need(0)?, need(1)?)?;
            let x = match get(4) {
                Some(bias) => binary("Add", &x, bias)?,
                None => x,
            };
            let n = x.shape.last().copied().unwrap_or(1);
            let epsilon = node.float_or("epsilon", 1e-12);
            one(normalise(&x, n, epsilon, true, get(2), get(3))?)
        }
        "RMSNormalization" | "SimplifiedLayerNormalization" => {
            let x = need(0)?;
            let axis = axis_of(node.int_or("axis", -1), x.shape.len())?;
            let n = x.shape[axis..].iter().product();
            let epsilon = node.float_or("epsilon", 1e-5);
            one(normalise(x, n, epsilon, false, get(1), None)?)
        }
        "LpNormalization" => {
            let x = need(0)?;
            let axis = axis_of(node.int_or("axis", -1), x.shape.len())?;
            if node.int_or("p", 2) != 2 || axis + 1 != x.shape.len() {
                return Err("only the 2-norm over the last axis can be mapped".into());
            }
            let mut values = x.to_floats();
            for row in values.chunks_exact_mut(x.shape[axis].max(1)) {
                let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
                row.iter_mut().for_each(|v| *v /= norm);
            }
            one(Tensor::floats(x.shape.clone(), values))
        }
        "BatchNormalization" => {
            let x = need(0)?;
            let channels = x.shape.get(1).copied().unwrap_or(1);
            let parts = (1..5)
                .map(|i| need(i).map(Tensor::to_floats))
                .collect::<Result<Vec<_>, _>>()?;
            if parts.iter().any(|p| p.len() != channels) {
                return Err("its parameters do not fit".into());
            }
            let epsilon = node.float_or("epsilon", 1e-5);
            let inner: usize = x.shape.get(2..).unwrap_or_default().iter().product();
            let values = x
                .to_floats()
                .iter()
                .enumerate()
                .map(|(i, v)| {
                    let c = i / inner.max(1) % channels;
                    (v - parts[2][c]) / (parts[3][c] + epsilon).sqrt() * parts[0][c] + parts[1][c]
                })
                .collect();
            one(Tensor::floats(x.shape.clone(), values))
        }
        "BiasGelu" => {
            let x = binary("Add", need(0)?, need(1)?)?;
            let values = x
                .to_floats()
                .iter()
                .map(|x| 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)))
                .collect();
            one(Tensor::floats(x.shape, values))
        }
        "ArgMax" => {
            let x = need(0)?;
            if node.int_or("select_last_index", 0) != 0 {
                return Err("only the first of equal maxima can be mapped".into());
            }
            let axis = axis_of(node.int_or("axis", 0), x.shape.len())?;
            let (n, inner) = (x.shape[axis], x.shape[axis + 1..].iter().product::<usize>());
            let xs = x.to_floats();
            let mut out = Vec::new();
            for block in xs.chunks_exact((n * inner).max(1)) {
                for i in 0..inner {
                    let mut best = 0;
                    for j in 1..n {
                        if block[j * inner + i] > block[best * inner + i] {
                            best = j;
                        }
                    }
                    out.push(best as i32);
                }
            }
            one(Tensor::ints(Elem::I64, shape(), out))
        }
        "TopK" => {
            let x = need(0)?;
            let axis = axis_of(node.int_or("axis", -1), x.shape.len())?;
            let k = shapes::top_k(node, described)?;
            let supported = axis + 1 == x.shape.len()
                && node.int_or("largest", 1) != 0
                && node.int_or("sorted", 1) != 0;
            if !supported {
                return Err("only the sorted largest of the last axis can be mapped".into());
            }
            let xs = x.to_floats();
            let (mut values, mut indices) = (Vec::new(), Vec::new());
            for row in xs.chunks_exact(x.shape[axis].max(1)) {
                let mut order: Vec<usize> = (0..row.len()).collect();
                order.sort_by(|a, b| row[*b].total_cmp(&row[*a]).then(a.cmp(b)));
                values.extend(order.iter().take(k).map(|i| row[*i]));
                indices.extend(order.iter().take(k).map(|i| *i as i32));
            }
            let out = shape();
            Ok(vec![
                Tensor::floats(out.clone(), values),
                Tensor::ints(Elem::I64, out, indices),
            ])
        }
        "QuantizeLinear" => one(quantize(node, need(0)?, need(1)?, get(2))?),
        "DequantizeLinear" => one(dequantize(node, need(0)?, need(1)?, get(2))?),
        _ => Err("this operator cannot be mapped".into()),
    }
}

fn concat<T: Copy>(
    lists: &[Vec<T>],
    parts: &[&Tensor],
    axis: usize,
    outer: usize,
    inner: usize,
) -> Vec<T> {
    let mut out = Vec::with_capacity(lists.iter().map(Vec::len).sum());
    for o in 0..outer {
        for (list, part) in lists.iter().zip(parts) {
            let run = part.shape[axis] * inner;
            out.extend_from_slice(&list[o * run..(o + 1) * run]);
        }
    }
    out
}

fn cast(x: &Tensor, to: Elem) -> Tensor {
    let shape = x.shape.clone();
    match (&x.data, to.is_float()) {
        (Data::F(v), true) => Tensor {
            elem: to,
            shape,
            data: Data::F(v.clone()),
        },
        (Data::I(v), true) => Tensor {
            elem: to,
            shape,
            data: Data::F(v.iter().map(|v| *v as f32).collect()),
        },
        (Data::F(v), false) => {
            let f = |v: &f32| match to {
                Elem::Bool => i32::from(*v != 0.0),
                _ => *v as i32,
            };
            Tensor::ints(to, shape, v.iter().map(f).collect())
        }
        (Data::I(v), false) => {
            let (lo, hi) = to.range();
            let f = |v: &i32| match to {
                Elem::Bool => i32::from(*v != 0),
                _ => (*v).clamp(lo, hi),
            };
            Tensor::ints(to, shape, v.iter().map(f).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn node(op: &'static str) -> Node<'static> {
        Node {
            op: Cow::Borrowed(op),
            outputs: vec![Cow::Borrowed("y")],
            ..Node::default()
        }
    }

    fn floats(shape: &[usize], values: &[f32]) -> Tensor {
        Tensor::floats(shape.to_vec(), values.to_vec())
    }

    #[test]
    fn operands_broadcast_as_in_numpy() {
        let a = floats(&[2, 1, 3], &[1., 2., 3., 4., 5., 6.]);
        let b = floats(&[2, 1], &[10., 20.]);
        let y = eval(&node("Add"), 17, &[Some(&a), Some(&b)]).unwrap();
        assert_eq!(y[0].shape, [2, 2, 3]);
        assert_eq!(
            y[0].to_floats(),
            [11., 12., 13., 21., 22., 23., 14., 15., 16., 24., 25., 26.]
        );
        let c = floats(&[2], &[0., 0.]);
        assert!(eval(&node("Add"), 17, &[Some(&a), Some(&c)]).is_err());
    }

    #[test]
    fn products_of_stacks_are_those_of_their_matrices() {
        let a = floats(&[2, 1, 2], &[1., 2., 3., 4.]);
        let b = floats(&[2, 1], &[5., 6.]);
        let y = eval(&node("MatMul"), 17, &[Some(&a), Some(&b)]).unwrap();
        assert_eq!(
            (y[0].shape.as_slice(), y[0].to_floats()),
            (&[2, 1, 1][..], vec![17., 39.])
        );
    }

    #[test]
    fn quantising_rounds_half_to_even_and_saturates() {
        let x = floats(&[5], &[0.5, 1.5, 2.5, 1000., -1000.]);
        let one = floats(&[], &[1.]);
        let zero = Tensor::ints(Elem::U8, vec![], vec![10]);
        let y = eval(
            &node("QuantizeLinear"),
            17,
            &[Some(&x), Some(&one), Some(&zero)],
        )
        .unwrap();
        assert_eq!(y[0].as_ints(), Some(&[10, 12, 12, 255, 0][..]));
    }

    #[test]
    fn an_output_beyond_the_limit_is_refused_before_it_is_made() {
        let a = floats(&[1 << 15, 1], &vec![0.; 1 << 15]);
        let b = floats(&[1, 1 << 15], &vec![0.; 1 << 15]);
        let error = eval(&node("MatMul"), 17, &[Some(&a), Some(&b)]).unwrap_err();
        assert!(error.contains("too large"), "{error}");
    }
}
