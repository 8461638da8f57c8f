//! Products and convolutions with constants, and products of two activations.

use super::{
    constants::{encode, permute},
    Layout, Lower, Quantised, Target,
};
use crate::{
    builder::Kind,
    error::Result,
    float::{self, ConvGeometry},
    graph::Id,
    scale,
};
use athanor_tensor_program::{
    ops::{Add, BatchMatMul, Conv2d, Epilogue, MatMul, Op, Requantize, Scale, Window, ZeroPoint},
    DType, Operand,
};

/// Largest K·A·W of one exact 8-bit product.
const MAX_SUM: u64 = (1 << 30) - (1 << 23);
/// Largest K of an 8-bit product whose elements can be judged.
const MAX_K: usize = 16_384;
/// Largest K with a 16-bit left side that can be judged: three bytes a product.
const MAX_K_I16: usize = 15_000;

/// A linear operator with constant weights and what was folded into it.
pub(super) struct Linear {
    node: usize,
    conv: bool,
    x: Id,
    weights: Id,
    /// `[N,K]` weights instead of `[K,N]`.
    transposed: bool,
    bias: Option<Vec<f64>>,
}

/// A product ready to be emitted: weights `[N,K]` (or OHWI) with zero points.
struct Product {
    bytes: Vec<u8>,
    shape: Vec<u32>,
    n: usize,
    k: usize,
    zero: ZeroPoint,
    zero_bytes: Option<Vec<u8>>,
    scales: Vec<f64>,
    bias: Option<Vec<f64>>,
    /// Sums over k of b − zb, for folding a zero point of the left side.
    sums: Vec<i64>,
}

fn reach(zero: i32) -> u64 {
    u64::from((127 - zero).max(zero + 128).unsigned_abs())
}

impl Lower<'_, '_> {
    /// Whether a float tensor is a linear operator with constant weights, maybe with
    /// a bias added behind it.
    pub(super) fn linear(&self, id: Id) -> Result<Option<Linear>> {
        let Some(node) = self.maker(id) else {
            return Ok(None);
        };
        match self.op(node) {
            "MatMul" => {
                let (x, w) = (self.operand(node, 0)?, self.operand(node, 1)?);
                if self.is_constant(x) {
                    return Err(self.fail(
                        node,
                        "its left side is a constant: swap the operands (transposed)",
                    ));
                }
                Ok(self.is_constant(w).then_some(Linear {
                    node,
                    conv: false,
                    x,
                    weights: w,
                    transposed: false,
                    bias: None,
                }))
            }
            "Gemm" => {
                let onnx = &self.graph.nodes[node].node;
                let (x, w) = (self.operand(node, 0)?, self.operand(node, 1)?);
                let bias = self.maybe_operand(node, 2);
                let plain = onnx.int_or("transA", 0) == 0
                    && onnx.float_or("alpha", 1.0) == 1.0
                    && (bias.is_none() || onnx.float_or("beta", 1.0) == 1.0);
                if !plain {
                    return Err(self.fail(node, "alpha, beta and transA must be 1, 1 and 0"));
                }
                if self.is_constant(x) || !self.is_constant(w) {
                    return Err(self.fail(node, "its right side must be a constant, its left not"));
                }
                let transposed = onnx.int_or("transB", 0) != 0;
                let n = self.graph.values[w].shape[usize::from(!transposed)];
                let bias = match bias {
                    Some(bias) => Some(self.per_channel(bias, n, false).ok_or_else(|| {
                        self.fail(node, "its bias is no constant with one value a column")
                    })?),
                    None => None,
                };
                Ok(Some(Linear {
                    node,
                    conv: false,
                    x,
                    weights: w,
                    transposed,
                    bias,
                }))
            }
            "Conv" => {
                let (x, w) = (self.operand(node, 0)?, self.operand(node, 1)?);
                if self.is_constant(x) || !self.is_constant(w) {
                    return Ok(None);
                }
                let n = self.graph.values[w].shape[0];
                let bias = match self.maybe_operand(node, 2) {
                    Some(bias) => Some(self.per_channel(bias, n, false).ok_or_else(|| {
                        self.fail(node, "its bias is no constant with one value a channel")
                    })?),
                    None => None,
                };
                Ok(Some(Linear {
                    node,
                    conv: true,
                    x,
                    weights: w,
                    transposed: false,
                    bias,
                }))
            }
            "Add" => self.linear_with_bias(node),
            _ => Ok(None),
        }
    }

    /// `Add` of a constant to a linear operator that nothing else reads.
    fn linear_with_bias(&self, node: usize) -> Result<Option<Linear>> {
        let (a, b) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let (sum, constant) = match (self.is_constant(a), self.is_constant(b)) {
            (false, true) => (a, b),
            (true, false) => (b, a),
            _ => return Ok(None),
        };
        let inner = self.peel(sum);
        // Nothing else may read what the bias is added to, on either side of a
        // quantisation between them.
        let mut at = sum;
        loop {
            if self.consumers(at).len() != 1 || self.graph.outputs.contains(&at) {
                return Ok(None);
            }
            if at == inner {
                break;
            }
            match self.maker(at).and_then(|node| self.maybe_operand(node, 0)) {
                Some(before) => at = before,
                None => return Ok(None),
            }
        }
        let product = self
            .maker(inner)
            .filter(|node| matches!(self.op(*node), "MatMul" | "Conv" | "Gemm"));
        if product.is_none() {
            return Ok(None);
        }
        let Some(mut linear) = self.linear(inner)? else {
            return Ok(None);
        };
        let out = &self.graph.values[inner].shape;
        let n = match linear.conv {
            true => out.get(1),
            false => out.last(),
        };
        let Some(bias) = n.and_then(|n| self.per_channel(constant, *n, linear.conv)) else {
            return Ok(None);
        };
        linear.bias = Some(match linear.bias {
            Some(first) => first.iter().zip(&bias).map(|(a, b)| a + b).collect(),
            None => bias,
        });
        Ok(Some(linear))
    }

    /// A constant as one value per channel: of the last axis, or of the axis before
    /// the spatial ones.
    fn per_channel(&self, id: Id, n: usize, spatial: bool) -> Option<Vec<f64>> {
        let values = self.reals(id)?;
        let shape = &self.graph.values[id].shape;
        if values.len() == 1 {
            return Some(vec![values[0]; n]);
        }
        let fits = match (spatial, shape.as_slice()) {
            (false, [.., last]) => *last == n && values.len() == n,
            (true, [.., c, 1, 1]) => *c == n && values.len() == n,
            _ => false,
        };
        fits.then_some(values)
    }

    /// The left operand, with a symmetric form if it is 16 bits wide and its zero
    /// point cannot go into the bias.
    fn left(&mut self, id: Id) -> Result<Quantised> {
        self.narrow_value(id)
    }

    fn product(&self, linear: &Linear, x: &Quantised) -> Result<Product> {
        let node = linear.node;
        let Some(weights) = self.weights(linear.weights)? else {
            return Err(self.fail(
                node,
                "its weights are not quantised to 8 bits: quantise the model with onnxruntime \
                 (quantize_static) first",
            ));
        };
        let (values, axis): (&[i32], Option<usize>) = (&weights.values, weights.axis);
        let mut shape = weights.shape.clone();
        let channels_axis;
        let (values, n, k, stored): (Vec<i32>, usize, usize, Vec<u32>) = if linear.conv {
            channels_axis = 0;
            let &[o, c, h, w] = shape.as_slice() else {
                return Err(self.fail(node, "only convolutions over two axes are mapped"));
            };
            (
                permute(values, &[o, c, h, w], &[0, 2, 3, 1]),
                o,
                c * h * w,
                vec![o as u32, h as u32, w as u32, c as u32],
            )
        } else {
            let lead = shape.len().saturating_sub(2);
            if shape.len() < 2 || shape.iter().take(lead).any(|n| *n != 1) {
                return Err(self.fail(node, "its weights are no matrix"));
            }
            let axis_shift = lead;
            shape.drain(..lead);
            let (rows, columns) = (shape[0], shape[1]);
            channels_axis = axis_shift + usize::from(!linear.transposed);
            let (k, n) = match linear.transposed {
                true => (columns, rows),
                false => (rows, columns),
            };
            let mut values = match linear.transposed {
                true => values.to_vec(),
                false => permute(values, &[rows, columns], &[1, 0]),
            };
            if let Layout::Flattened { c, h, w } = x.layout {
                let dims = [n, c as usize, h as usize, w as usize];
                values = permute(&values, &dims, &[0, 2, 3, 1]);
            }
            (values, n, k, vec![n as u32, k as u32])
        };
        if axis.is_some_and(|axis| axis != channels_axis) {
            return Err(self.fail(node, "its scales run along another axis than its outputs"));
        }
        if n == 0 || k == 0 {
            return Err(self.fail(node, "its weights are empty"));
        }
        let per_channel: Vec<(f64, i32)> = (0..n).map(|i| weights.channel(i)).collect();
        let zeros: Vec<i32> = per_channel.iter().map(|(_, z)| *z).collect();
        let one = zeros.iter().all(|z| *z == zeros[0]);
        let sums = values
            .chunks_exact(k)
            .zip(&zeros)
            .map(|(row, zero)| row.iter().map(|v| i64::from(*v) - i64::from(*zero)).sum())
            .collect();
        Ok(Product {
            bytes: encode(DType::I8, &values),
            shape: stored,
            n,
            k,
            zero: match one {
                true => ZeroPoint::Tensor(zeros[0] as i8),
                false => ZeroPoint::Channel,
            },
            zero_bytes: (!one).then(|| encode(DType::I8, &zeros)),
            scales: per_channel.iter().map(|(s, _)| *s).collect(),
            bias: linear.bias.clone(),
            sums,
        })
    }

    /// Scales and biases of a product at `target`: an epilogue's scale and the bytes
    /// of `params` if there must be some. `fold` is subtracted from the left side's
    /// values first.
    fn epilogue(
        &self,
        node: usize,
        product: &Product,
        x_scale: f64,
        fold: i64,
        target: &Target,
    ) -> Result<(Scale, Option<Vec<u8>>)> {
        let mut pairs = Vec::with_capacity(product.n);
        let mut biases = Vec::with_capacity(product.n);
        for n in 0..product.n {
            let mut step = x_scale * product.scales[n];
            if step == 0.0 {
                // A channel of zero scale is 0 whatever its sum: only its bias counts, at a
                // step fine enough for it.
                step = target.scale / 1024.0;
                if product
                    .bytes
                    .chunks_exact(product.k)
                    .nth(n)
                    .is_some_and(|row| {
                        row.iter()
                            .any(|b| i64::from(*b as i8) != i64::from(self.zero_at(product, n)))
                    })
                {
                    return Err(self.fail(node, "a channel has scale 0 and weights that are not 0"));
                }
            }
            let real = product.bias.as_ref().map_or(0.0, |bias| bias[n]);
            let bias = (real / step).round_ties_even() - (fold * product.sums[n]) as f64;
            if bias.is_nan() || bias.abs() > f64::from(i32::MAX) {
                return Err(self.fail(
                    node,
                    format!("the bias of channel {n} is {bias:.3e} steps of its products, 2^31 is the limit"),
                ));
            }
            biases.push(bias as i32);
            pairs.push(scale::pair(step / target.scale).map_err(|reason| self.fail(node, reason))?);
        }
        let one = pairs.iter().all(|pair| *pair == pairs[0]);
        let scale = match one {
            true => Scale::Tensor {
                m: pairs[0].0,
                s: pairs[0].1,
            },
            false => Scale::Channel,
        };
        let needed = !one || biases.iter().any(|b| *b != 0);
        let params = needed.then(|| {
            let words: Vec<i32> = biases
                .iter()
                .zip(&pairs)
                .flat_map(|(bias, (m, s))| [*bias, scale::word(*m, *s)])
                .collect();
            encode(DType::I32, &words)
        });
        Ok((scale, params))
    }

    fn zero_at(&self, product: &Product, n: usize) -> i8 {
        match (&product.zero_bytes, product.zero) {
            (Some(bytes), _) => bytes.get(n).map_or(0, |b| *b as i8),
            (None, ZeroPoint::Tensor(z)) => z,
            (None, ZeroPoint::Channel) => 0,
        }
    }

    pub(super) fn emit_linear(&mut self, linear: &Linear, target: Target) -> Result<Quantised> {
        self.emit_linear_with(linear, target, None)
    }

    /// A linear operator at `target`, then maybe an 8-bit table with entries of a
    /// type.
    pub(super) fn emit_linear_with(
        &mut self,
        linear: &Linear,
        target: Target,
        lut: Option<(Operand, DType)>,
    ) -> Result<Quantised> {
        let origin = self.builder.origin;
        self.builder.origin = linear.node;
        let y = if target.dtype == DType::I32 {
            Err(self.fail(linear.node, "its sum is asked for at 32 bits with a scale"))
        } else if linear.conv {
            self.emit_conv(linear, target, lut)
        } else {
            self.emit_matmul(linear, target, lut)
        };
        self.builder.origin = origin;
        y
    }

    fn left_zero(&self, node: usize, x: &Quantised) -> Result<i8> {
        i8::try_from(x.zero)
            .map_err(|_| self.fail(node, "the zero point of its left side does not fit"))
    }

    fn emit_matmul(
        &mut self,
        linear: &Linear,
        target: Target,
        lut: Option<(Operand, DType)>,
    ) -> Result<Quantised> {
        let node = linear.node;
        let mut x = self.left(linear.x)?;
        if x.layout == Layout::ChannelsLast {
            x = self.plain(x)?;
        }
        let product = self.product(linear, &x)?;
        if x.shape.last().copied() != Some(product.k as u32) {
            return Err(self.fail(node, "its left side has another last axis than its weights"));
        }
        let mut fold = 0;
        if x.dtype == DType::I16 {
            if product.k > MAX_K_I16 {
                return Err(self.fail(
                    node,
                    format!(
                        "it sums {} products of 16 bits, {MAX_K_I16} is the limit",
                        product.k
                    ),
                ));
            }
            if x.zero != 0 {
                let zero = i64::from(x.zero);
                let most = product
                    .sums
                    .iter()
                    .map(|s| (s * zero).abs())
                    .max()
                    .unwrap_or(0);
                if most < i64::from(i32::MAX) / 2 {
                    fold = zero;
                } else {
                    let (lo, hi) = x.range();
                    let scale = lo.abs().max(hi.abs()) / 32_767.0;
                    x = self.requantise(x, Target::full(DType::I16, scale, 0))?;
                }
            }
        }
        let (scale, params) = self.epilogue(node, &product, x.scale, fold, &target)?;
        let za = match x.dtype {
            DType::I8 => self.left_zero(node, &x)?,
            _ => 0,
        };
        let mut out_shape = x.shape.clone();
        if let Some(last) = out_shape.last_mut() {
            *last = product.n as u32;
        }
        let width = match product.zero {
            ZeroPoint::Tensor(z) => reach(i32::from(z)),
            ZeroPoint::Channel => 255,
        };
        let sum = |k: usize| k as u64 * reach(i32::from(za)) * width;
        let too_long = x.dtype == DType::I8 && (sum(product.k) > MAX_SUM || product.k > MAX_K);
        let at = if too_long {
            if sum(product.k) >= 1 << 31 {
                return Err(self.fail(
                    node,
                    format!("it sums {} products, which may exceed 32 bits", product.k),
                ));
            }
            self.split_matmul(&x, za, &product, &out_shape, scale, params, &target, lut)?
        } else {
            let w = self.builder.constant(
                DType::I8,
                &product.shape,
                product.bytes.clone(),
                Kind::Weight,
            )?;
            let mut operands = vec![x.at, w];
            self.more_operands(&product, &params, lut, &mut operands)?;
            let op = Op::MatMul(MatMul {
                za,
                zb: product.zero,
                params: params.is_some(),
                epilogue: epilogue(scale, &target, lut.is_some()),
            });
            let dtype = lut.map_or(target.dtype, |(_, dtype)| dtype);
            self.builder.node(op, operands, dtype, &out_shape)?
        };
        Ok(Quantised {
            at,
            dtype: lut.map_or(target.dtype, |(_, dtype)| dtype),
            shape: out_shape,
            layout: Layout::Plain,
            scale: target.scale,
            zero: target.zero,
        })
    }

    fn more_operands(
        &mut self,
        product: &Product,
        params: &Option<Vec<u8>>,
        lut: Option<(Operand, DType)>,
        operands: &mut Vec<Operand>,
    ) -> Result<()> {
        let n = product.n as u32;
        if let Some(zeros) = &product.zero_bytes {
            operands.push(
                self.builder
                    .constant(DType::I8, &[n], zeros.clone(), Kind::Weight)?,
            );
        }
        if let Some(params) = params {
            operands.push(self.builder.constant(
                DType::I32,
                &[n, 2],
                params.clone(),
                Kind::Weight,
            )?);
        }
        operands.extend(lut.map(|(table, _)| table));
        Ok(())
    }

    /// A product too long for one node: parts of it summed in 32 bits.
    fn split_matmul(
        &mut self,
        x: &Quantised,
        za: i8,
        product: &Product,
        out_shape: &[u32],
        scale: Scale,
        params: Option<Vec<u8>>,
        target: &Target,
        lut: Option<(Operand, DType)>,
    ) -> Result<Operand> {
        let width = match product.zero {
            ZeroPoint::Tensor(z) => reach(i32::from(z)),
            ZeroPoint::Channel => 255,
        };
        let longest = (MAX_SUM / (reach(i32::from(za)) * width)).min(MAX_K as u64) as usize;
        let parts = product.k.div_ceil(longest);
        let each = product.k.div_ceil(parts);
        let mut total: Option<Operand> = None;
        let x = self.plain(x.clone())?;
        for part in 0..parts {
            let (start, end) = (part * each, ((part + 1) * each).min(product.k));
            let axis = x.shape.len() - 1;
            let piece = self.slice_axis(x.clone(), axis, start as u32, (end - start) as u32, 1)?;
            let bytes: Vec<u8> = product
                .bytes
                .chunks_exact(product.k)
                .flat_map(|row| row[start..end].iter().copied())
                .collect();
            let shape = [product.n as u32, (end - start) as u32];
            let w = self
                .builder
                .constant(DType::I8, &shape, bytes, Kind::Weight)?;
            let mut operands = vec![piece.at, w];
            self.more_operands(product, &None, None, &mut operands)?;
            let op = Op::MatMul(MatMul {
                za,
                zb: product.zero,
                params: false,
                epilogue: Epilogue::Raw,
            });
            let sum = self.builder.node(op, operands, DType::I32, out_shape)?;
            total = Some(match total {
                None => sum,
                Some(before) => {
                    let op = Op::Add(Add {
                        za: 0,
                        zb: 0,
                        ma: 1,
                        mb: 1,
                        s: 0,
                        z: 0,
                        lo: i32::MIN,
                        hi: i32::MAX,
                        out: DType::I32,
                    });
                    self.builder
                        .node(op, vec![before, sum], DType::I32, out_shape)?
                }
            });
        }
        let mut operands: Vec<Operand> = total.into_iter().collect();
        let scale = match &params {
            Some(params) => {
                let shape = [product.n as u32, 2];
                operands.push(self.builder.constant(
                    DType::I32,
                    &shape,
                    params.clone(),
                    Kind::Weight,
                )?);
                Scale::Channel
            }
            None => scale,
        };
        let op = Op::Requantize(Requantize {
            zx: 0,
            scale,
            z: target.zero,
            lo: target.lo,
            hi: target.hi,
            out: target.dtype,
        });
        let at = self.builder.node(op, operands, target.dtype, out_shape)?;
        match lut {
            Some((table, dtype)) => self.builder.node(
                Op::Lut8(athanor_tensor_program::ops::Lut8),
                vec![at, table],
                dtype,
                out_shape,
            ),
            None => Ok(at),
        }
    }

    fn window(&self, node: usize, geometry: &ConvGeometry) -> Result<Window> {
        window(geometry).ok_or_else(|| {
            self.fail(
                node,
                "only two axes, strides, dilations and pads up to 255 are mapped",
            )
        })
    }

    fn emit_conv(
        &mut self,
        linear: &Linear,
        target: Target,
        lut: Option<(Operand, DType)>,
    ) -> Result<Quantised> {
        let node = linear.node;
        let x = self.left(linear.x)?;
        if x.shape.len() != 3 {
            return Err(self.fail(node, "only convolutions over two axes are mapped"));
        }
        let mut x = self.channels_last(x)?;
        if x.dtype != DType::I8 {
            let name = self.graph.values[linear.x].name.clone();
            let range = x.range();
            let narrow = self
                .narrow_target(linear.x, Some(range))
                .ok_or_else(|| self.fail(node, "the range of its operand is not known"))?;
            self.remarks.push(format!(
                "'{name}' is read by a convolution, which takes 8 bits: it was narrowed"
            ));
            x = self.requantise(x, narrow)?;
        }
        let product = self.product(linear, &x)?;
        let za = self.left_zero(node, &x)?;
        let (scale, params) = self.epilogue(node, &product, x.scale, 0, &target)?;
        let (at, shape) = self.conv_node(
            linear,
            &x,
            za,
            &product,
            &params,
            epilogue(scale, &target, lut.is_some()),
            lut,
            target.dtype,
        )?;
        Ok(Quantised {
            at,
            dtype: lut.map_or(target.dtype, |(_, dtype)| dtype),
            shape,
            layout: Layout::ChannelsLast,
            scale: target.scale,
            zero: target.zero,
        })
    }

    fn conv_node(
        &mut self,
        linear: &Linear,
        x: &Quantised,
        za: i8,
        product: &Product,
        params: &Option<Vec<u8>>,
        epilogue: Epilogue,
        lut: Option<(Operand, DType)>,
        dtype: DType,
    ) -> Result<(Operand, Vec<u32>)> {
        let node = linear.node;
        let onnx = &self.graph.nodes[node].node;
        let [_, h, w] = x.shape[..] else {
            return Err(self.fail(node, "only convolutions over two axes are mapped"));
        };
        let kernel = [product.shape[1] as usize, product.shape[2] as usize];
        let geometry = float::conv_geometry(onnx, &[h as usize, w as usize], &kernel)
            .map_err(|reason| self.fail(node, reason))?;
        let window = self.window(node, &geometry)?;
        let groups = u32::try_from(onnx.int_or("group", 1)).unwrap_or(1);
        let mut shape = vec![product.n as u32];
        shape.extend(geometry.out.iter().map(|n| *n as u32));
        let stored = [shape[1], shape[2], shape[0]];
        let weights = self.builder.constant(
            DType::I8,
            &product.shape,
            product.bytes.clone(),
            Kind::Weight,
        )?;
        let mut operands = vec![x.at, weights];
        self.more_operands(product, params, lut, &mut operands)?;
        let op = Op::Conv2d(Conv2d {
            window,
            groups,
            za,
            zb: product.zero,
            params: params.is_some(),
            epilogue,
        });
        let dtype = lut.map_or(dtype, |(_, dtype)| dtype);
        let at = self.builder.node(op, operands, dtype, &stored)?;
        Ok((at, shape))
    }

    /// A `BatchNormalization` that no convolution took in: a factor and an offset for
    /// every channel. It is a depthwise convolution with one tap, of weight 127 or its
    /// negative, which makes the steps of the bias that much finer. Of 16 bits, which
    /// are fine enough, it is a requantisation, whose scales can only be positive.
    pub(super) fn batch_norm(&mut self, node: usize, target: Target) -> Result<Quantised> {
        let id = self.operand(node, 0)?;
        let epsilon = f64::from(self.graph.nodes[node].node.float_or("epsilon", 1e-5));
        let mut parts = Vec::with_capacity(4);
        for at in 1..5 {
            let part = self.reals(self.operand(node, at)?);
            parts.push(part.ok_or_else(|| self.fail(node, "its parameters are no constants"))?);
        }
        let [gamma, beta, mean, variance] = parts.as_slice() else {
            return Err(self.fail(node, "it lacks parameters"));
        };
        if parts.iter().any(|part| part.len() != gamma.len()) {
            return Err(self.fail(node, "its parameters are of different lengths"));
        }
        if target.dtype == DType::I32 {
            return Err(self.fail(node, "it is asked for at 32 bits with a scale"));
        }
        let factors: Vec<f64> = gamma
            .iter()
            .zip(variance)
            .map(|(gamma, variance)| gamma / (variance + epsilon).sqrt())
            .collect();
        let offsets = beta.iter().zip(mean).zip(&factors);
        let offsets: Vec<f64> = offsets.map(|((b, m), f)| b - m * f).collect();
        if factors.iter().chain(&offsets).any(|v| !v.is_finite()) {
            return Err(self.fail(node, "a factor or an offset is no number"));
        }
        let mut x = self.narrow_value(id)?;
        let flat = x.shape.len() == 1;
        if x.shape.first().copied() != Some(factors.len() as u32) || !(flat || x.shape.len() == 3) {
            return Err(self.fail(node, "only one over [C] or [C,H,W] is mapped"));
        }
        x = match flat {
            true => self.plain(x)?,
            false => self.channels_last(x)?,
        };
        let scaled = x.dtype != DType::I8 && factors.iter().all(|factor| *factor > 0.0);
        if !scaled && x.dtype != DType::I8 {
            let range = x.range();
            let narrow = self
                .narrow_target(id, Some(range))
                .ok_or_else(|| self.fail(node, "the range of its operand is not known"))?;
            self.remarks.push(
                "a BatchNormalization has factors not above 0, for which its operand was narrowed \
                 to 8 bits"
                    .into(),
            );
            x = self.requantise(x, narrow)?;
        }
        let most = if scaled { 1 } else { 127 };
        let weights: Vec<i32> = factors
            .iter()
            .map(|factor| match *factor {
                0.0 => 0,
                factor => most * factor.signum() as i32,
            })
            .collect();
        let (n, c) = (factors.len(), factors.len() as u32);
        let product = Product {
            bytes: encode(DType::I8, &weights),
            shape: vec![c, 1, 1, 1],
            n,
            k: 1,
            zero: ZeroPoint::Tensor(0),
            zero_bytes: None,
            scales: factors.iter().map(|f| f.abs() / f64::from(most)).collect(),
            bias: Some(offsets),
            sums: weights.iter().map(|weight| i64::from(*weight)).collect(),
        };
        let (scale, params) = self.epilogue(node, &product, x.scale, 0, &target)?;
        let stored = x.stored();
        let at = if scaled {
            let mut operands = vec![x.at];
            let scale = match params {
                Some(params) => {
                    let params =
                        self.builder
                            .constant(DType::I32, &[c, 2], params, Kind::Weight)?;
                    operands.push(params);
                    Scale::Channel
                }
                None => scale,
            };
            let op = Op::Requantize(Requantize {
                zx: x.zero,
                scale,
                z: target.zero,
                lo: target.lo,
                hi: target.hi,
                out: target.dtype,
            });
            self.builder.node(op, operands, target.dtype, &stored)?
        } else {
            let image = match flat {
                true => [1, 1, c],
                false => [stored[0], stored[1], c],
            };
            let za = self.left_zero(node, &x)?;
            let read = match flat {
                true => self.reshape(x.clone(), &image)?.at,
                false => x.at,
            };
            let bytes = product.bytes.clone();
            let shape = &product.shape;
            let weights = self
                .builder
                .constant(DType::I8, shape, bytes, Kind::Weight)?;
            let mut operands = vec![read, weights];
            self.more_operands(&product, &params, None, &mut operands)?;
            let op = Op::Conv2d(Conv2d {
                window: Window {
                    stride: [1, 1],
                    dilation: [1, 1],
                    pad: [0; 4],
                },
                groups: c,
                za,
                zb: product.zero,
                params: params.is_some(),
                epilogue: epilogue(scale, &target, false),
            });
            let at = self.builder.node(op, operands, target.dtype, &image)?;
            let made = Quantised {
                at,
                dtype: target.dtype,
                shape: image.to_vec(),
                layout: Layout::Plain,
                ..x.clone()
            };
            match flat {
                true => self.reshape(made, &[c])?.at,
                false => at,
            }
        };
        Ok(Quantised {
            at,
            dtype: target.dtype,
            scale: target.scale,
            zero: target.zero,
            ..x
        })
    }

    /// The 32-bit sums of an integer product or convolution.
    pub(super) fn raw_linear(&mut self, node: usize, id: Id) -> Result<Quantised> {
        let Some(linear) = self.linear(id)? else {
            let Some(product) = self.maker_of(id, "MatMul") else {
                return Err(self.fail(node, "its sums are no product with a constant"));
            };
            return self.raw_batch(product);
        };
        self.builder.origin = linear.node;
        let mut x = self.value(linear.x)?;
        if x.dtype != DType::I8 {
            return Err(self.fail(node, "its left side is not 8 bits wide"));
        }
        let (at, shape) = if linear.conv {
            if x.shape.len() != 3 {
                return Err(self.fail(node, "only convolutions over two axes are mapped"));
            }
            x = self.channels_last(x)?;
            let za = self.left_zero(node, &x)?;
            let product = self.product(&linear, &x)?;
            let (at, shape) = self.conv_node(
                &linear,
                &x,
                za,
                &product,
                &None,
                Epilogue::Raw,
                None,
                DType::I32,
            )?;
            (at, shape)
        } else {
            x = self.plain(x)?;
            let za = self.left_zero(node, &x)?;
            let product = self.product(&linear, &x)?;
            let mut shape = x.shape.clone();
            if let Some(last) = shape.last_mut() {
                *last = product.n as u32;
            }
            let w = self.builder.constant(
                DType::I8,
                &product.shape,
                product.bytes.clone(),
                Kind::Weight,
            )?;
            let mut operands = vec![x.at, w];
            self.more_operands(&product, &None, None, &mut operands)?;
            let op = Op::MatMul(MatMul {
                za,
                zb: product.zero,
                params: false,
                epilogue: Epilogue::Raw,
            });
            (self.builder.node(op, operands, DType::I32, &shape)?, shape)
        };
        Ok(Quantised {
            at,
            dtype: DType::I32,
            shape,
            layout: if linear.conv {
                Layout::ChannelsLast
            } else {
                Layout::Plain
            },
            scale: 1.0,
            zero: 0,
        })
    }

    fn raw_batch(&mut self, node: usize) -> Result<Quantised> {
        let (x, y) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let (a, b) = (self.value(x)?, self.value(y)?);
        if a.dtype != DType::I8 || b.dtype != DType::I8 {
            return Err(self.fail(node, "its operands are not 8 bits wide"));
        }
        let (at, shape) = self.batch_node(node, a, b, Epilogue::Raw, DType::I32)?;
        Ok(Quantised {
            at,
            dtype: DType::I32,
            shape,
            layout: Layout::Plain,
            scale: 1.0,
            zero: 0,
        })
    }

    /// A product of two activations.
    pub(super) fn batch_matmul(&mut self, node: usize, target: Target) -> Result<Quantised> {
        let (x, y) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let mut a = self.narrow_value(x)?;
        let b = self.value8(y)?;
        if a.dtype == DType::I16 && a.zero != 0 {
            let (lo, hi) = a.range();
            let reach = lo.abs().max(hi.abs());
            a = self.requantise(a, Target::full(DType::I16, reach / 32_767.0, 0))?;
        }
        let requant = target
            .requant(a.scale * b.scale)
            .map_err(|reason| self.fail(node, reason))?;
        let scale = Scale::Tensor {
            m: requant.m,
            s: requant.s,
        };
        let (at, shape) =
            self.batch_node(node, a, b, epilogue(scale, &target, false), target.dtype)?;
        Ok(Quantised {
            at,
            dtype: target.dtype,
            shape,
            layout: Layout::Plain,
            scale: target.scale,
            zero: target.zero,
        })
    }

    fn batch_node(
        &mut self,
        node: usize,
        a: Quantised,
        b: Quantised,
        epilogue: Epilogue,
        dtype: DType,
    ) -> Result<(Operand, Vec<u32>)> {
        let mut a = self.plain(a)?;
        let mut b = self.plain(b)?;
        if a.shape.len() < 2 || b.shape.len() < 2 {
            return Err(self.fail(node, "both sides need rows and columns besides the batch"));
        }
        let rank = a.shape.len().max(b.shape.len());
        for side in [&mut a, &mut b] {
            if side.shape.len() < rank {
                let mut shape = vec![1; rank - side.shape.len()];
                shape.extend(&side.shape);
                *side = self.reshape(side.clone(), &shape)?;
            }
        }
        let (ah, bh) = (&a.shape[..rank - 2], &b.shape[..rank - 2]);
        let heads = match (ah.split_first(), bh.split_first()) {
            (None, None) => true,
            (Some((a0, ar)), Some((b0, br))) => ar == br && a0 % b0 == 0,
            _ => false,
        };
        if !heads {
            return Err(self.fail(
                node,
                format!("the leading axes {ah:?} and {bh:?} of its sides do not fit"),
            ));
        }
        let mut perm: Vec<usize> = (0..rank).collect();
        perm.swap(rank - 1, rank - 2);
        let out: Vec<u32> = perm.iter().map(|i| b.shape[*i]).collect();
        let n = b.shape[rank - 1];
        let k = a.shape[rank - 1] as usize;
        let b = self.transpose_by(b, &perm, &out)?;
        let (za, zb) = (
            if a.dtype == DType::I8 {
                self.left_zero(node, &a)?
            } else {
                0
            },
            self.left_zero(node, &b)?,
        );
        let long = match a.dtype {
            DType::I8 => {
                k > MAX_K || k as u64 * reach(i32::from(za)) * reach(i32::from(zb)) > MAX_SUM
            }
            _ => k > MAX_K_I16,
        };
        if long {
            return Err(self.fail(
                node,
                format!("it sums {k} products of two activations: too many"),
            ));
        }
        let mut shape = a.shape.clone();
        shape[rank - 1] = n;
        let op = Op::BatchMatMul(BatchMatMul { za, zb, epilogue });
        let at = self.builder.node(op, vec![a.at, b.at], dtype, &shape)?;
        Ok((at, shape))
    }
}

pub(super) fn window(geometry: &ConvGeometry) -> Option<Window> {
    let byte = |v: usize| u8::try_from(v).ok();
    let two = |list: &[usize]| match list {
        [a, b] => Some([byte(*a)?, byte(*b)?]),
        _ => None,
    };
    let pad = match geometry.pads.as_slice() {
        [t, l, b, r] => [byte(*t)?, byte(*l)?, byte(*b)?, byte(*r)?],
        _ => return None,
    };
    Some(Window {
        stride: two(&geometry.stride)?,
        dilation: two(&geometry.dilation)?,
        pad,
    })
}

fn epilogue(scale: Scale, target: &Target, lut: bool) -> Epilogue {
    Epilogue::Requant {
        scale,
        z: target.zero,
        lo: target.lo,
        hi: target.hi,
        out: target.dtype,
        lut,
    }
}
