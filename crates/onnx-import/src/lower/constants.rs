//! Constants: quantised weights, float vectors, tables.

use super::{Layout, Lower, Quantised, Target};
use crate::{builder::Kind, error::Result, float, graph::Id, tensor::Elem};
use athanor_tensor_program::DType;

/// Little-endian bytes of values that fit the type.
pub(super) fn encode(dtype: DType, values: &[i32]) -> Vec<u8> {
    match dtype {
        DType::I8 => values.iter().map(|v| *v as i8 as u8).collect(),
        DType::I16 => values
            .iter()
            .flat_map(|v| (*v as i16).to_le_bytes())
            .collect(),
        DType::I32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

/// A quantised constant: i8 values (unsigned ones with their top bit flipped) with
/// scales and zero points, one or one for each index of `axis`.
pub(super) struct Weights {
    pub(super) values: Vec<i32>,
    pub(super) shape: Vec<usize>,
    pub(super) scales: Vec<f64>,
    pub(super) zeros: Vec<i32>,
    /// Set if there are several scales or zero points.
    pub(super) axis: Option<usize>,
}

impl Weights {
    /// The scale and zero point of an index of the output channels' axis.
    pub(super) fn channel(&self, n: usize) -> (f64, i32) {
        let pick = |len: usize| if len == 1 { 0 } else { n };
        (
            self.scales
                .get(pick(self.scales.len()))
                .copied()
                .unwrap_or(1.0),
            self.zeros.get(pick(self.zeros.len())).copied().unwrap_or(0),
        )
    }
}

impl Lower<'_, '_> {
    /// A quantised constant behind `DequantizeLinear`, maybe transposed or reshaped
    /// by nothing but axes of length 1.
    pub(super) fn weights(&self, id: Id) -> Result<Option<Weights>> {
        self.weights_behind(id, 8)
    }

    fn weights_behind(&self, id: Id, steps: usize) -> Result<Option<Weights>> {
        let Some(steps) = steps.checked_sub(1) else {
            return Ok(None);
        };
        let Some((node, _)) = self.graph.values[id].producer else {
            return Ok(None);
        };
        match self.op(node) {
            "DequantizeLinear" => self.dequantised(node).map(Some),
            "Identity" | "Cast" => match self.maybe_operand(node, 0) {
                Some(x) => self.weights_behind(x, steps),
                None => Ok(None),
            },
            "Transpose" => {
                let x = self.operand(node, 0)?;
                let Some(inner) = self.weights_behind(x, steps)? else {
                    return Ok(None);
                };
                let rank = inner.shape.len();
                let perm: Vec<usize> = match self.graph.nodes[node].node.ints("perm") {
                    Some(perm) => perm
                        .iter()
                        .map(|i| float::axis_of(*i, rank))
                        .collect::<core::result::Result<_, _>>()
                        .map_err(|reason| self.fail(node, reason))?,
                    None => (0..rank).rev().collect(),
                };
                let values = permute(&inner.values, &inner.shape, &perm);
                Ok(Some(Weights {
                    values,
                    shape: perm.iter().map(|i| inner.shape[*i]).collect(),
                    axis: inner
                        .axis
                        .and_then(|axis| perm.iter().position(|p| *p == axis)),
                    ..inner
                }))
            }
            _ => Ok(None),
        }
    }

    fn dequantised(&self, node: usize) -> Result<Weights> {
        let fixed = |at: usize| -> Result<Option<std::rc::Rc<crate::tensor::Tensor>>> {
            match self.maybe_operand(node, at) {
                None => Ok(None),
                Some(id) => match &self.graph.values[id].constant {
                    Some(tensor) => Ok(Some(tensor.clone())),
                    None => Err(self.fail(node, "its scale or zero point is computed at run time")),
                },
            }
        };
        let (x, scale) = match (fixed(0)?, fixed(1)?) {
            (Some(x), Some(scale)) => (x, scale),
            _ => return Err(self.fail(node, "its operands are missing")),
        };
        if self.graph.nodes[node].node.int_or("block_size", 0) != 0 {
            return Err(self.fail(node, "weights quantised in blocks cannot be mapped"));
        }
        let shift = match x.elem {
            Elem::I8 => 0,
            Elem::U8 => 128,
            other => {
                return Err(self.fail(
                    node,
                    format!("weights of type {other:?} cannot be mapped, 8 bits can"),
                ))
            }
        };
        let ints = x
            .as_ints()
            .ok_or_else(|| self.fail(node, "its operand is no integer"))?;
        let scales: Vec<f64> = scale.to_floats().iter().map(|v| f64::from(*v)).collect();
        if scales.iter().any(|s| !s.is_finite() || *s < 0.0) {
            return Err(self.fail(node, "a scale is negative or no number"));
        }
        let zeros: Vec<i32> = match fixed(2)? {
            Some(zero) => zero
                .as_ints()
                .ok_or_else(|| self.fail(node, "its zero point is no integer"))?
                .iter()
                .map(|z| z - shift)
                .collect(),
            None => vec![-shift],
        };
        if zeros.iter().any(|z| !DType::I8.holds(*z)) {
            return Err(self.fail(node, "its zero point is no value of its type"));
        }
        let many = scales.len().max(zeros.len());
        let axis = if many > 1 {
            let axis = float::axis_of(self.graph.nodes[node].node.int_or("axis", 1), x.shape.len())
                .map_err(|reason| self.fail(node, reason))?;
            if x.shape[axis] != many {
                return Err(self.fail(node, "its scales do not fit its axis"));
            }
            Some(axis)
        } else {
            None
        };
        Ok(Weights {
            values: ints.iter().map(|v| v - shift).collect(),
            shape: x.shape.clone(),
            scales,
            zeros,
            axis,
        })
    }

    /// A constant's values, exactly as its integers say if it is quantised.
    pub(super) fn reals(&self, id: Id) -> Option<Vec<f64>> {
        let value = &self.graph.values[id];
        let tensor = value.constant.as_ref()?;
        let floats = || tensor.to_floats().iter().map(|v| f64::from(*v)).collect();
        let Some((node, _)) = value
            .producer
            .filter(|(node, _)| self.op(*node) == "DequantizeLinear")
        else {
            return Some(floats());
        };
        let constant = |at: usize| {
            self.graph.values[self.maybe_operand(node, at)?]
                .constant
                .clone()
        };
        let (Some(x), Some(scale)) = (constant(0), constant(1)) else {
            return Some(floats());
        };
        let zero = constant(2).and_then(|z| z.scalar()).unwrap_or(0.0);
        let scales = scale.to_floats();
        // Only what biases look like: a list, with one scale or one each.
        match x.as_ints() {
            Some(ints)
                if scales.len() == 1 || (x.shape.len() == 1 && scales.len() == ints.len()) =>
            {
                Some(
                    ints.iter()
                        .enumerate()
                        .map(|(i, q)| {
                            let s = scales.get(if scales.len() == 1 { 0 } else { i });
                            (f64::from(*q) - f64::from(zero)) * f64::from(s.copied().unwrap_or(1.0))
                        })
                        .collect(),
                )
            }
            _ => Some(floats()),
        }
    }

    /// The one value of a constant with one element.
    pub(super) fn real(&self, id: Id) -> Option<f64> {
        self.graph.values[id]
            .constant
            .as_ref()?
            .scalar()
            .map(f64::from)
    }

    /// The axes of a constant without a leading batch axis, `rank` of them at most.
    pub(super) fn constant_dims(&self, id: Id, rank: usize) -> Result<Vec<u32>> {
        let shape = &self.graph.values[id].shape;
        let mut dims: Vec<u32> = shape.iter().map(|n| *n as u32).collect();
        if dims.len() > rank {
            let extra = dims.len() - rank;
            if dims.iter().take(extra).any(|n| *n != 1) {
                return Err(self.fail_at(id, "a constant differs between samples of the batch"));
            }
            dims.drain(..extra);
        }
        Ok(dims)
    }

    /// A constant as operand of an element operator or a join, at `target`.
    pub(super) fn quantised_constant(&mut self, id: Id, target: Target) -> Result<Quantised> {
        let rank = self.graph.values[id].shape.len().saturating_sub(1);
        let shape = self.constant_dims(id, rank)?;
        let values: Vec<i32> = self
            .reals(id)
            .unwrap_or_default()
            .iter()
            .map(|v| target.quantise(*v))
            .collect();
        let at = self.builder.constant(
            target.dtype,
            &shape,
            encode(target.dtype, &values),
            Kind::Weight,
        )?;
        Ok(Quantised {
            at,
            dtype: target.dtype,
            shape,
            layout: Layout::Plain,
            scale: target.scale,
            zero: target.zero,
        })
    }

    /// A constant as the second operand of `Add` or `Mul` for a value of `rank` axes:
    /// symmetric i16, in the layout of the other operand.
    pub(super) fn constant_operand(
        &mut self,
        id: Id,
        rank: usize,
        layout: Layout,
    ) -> Result<Quantised> {
        let mut shape = self.constant_dims(id, rank)?;
        while shape.len() < rank {
            shape.insert(0, 1);
        }
        let reals = self.reals(id).unwrap_or_default();
        let reach = reals.iter().fold(0f64, |m, v| m.max(v.abs()));
        if !reach.is_finite() {
            return Err(self.fail_at(id, "a constant is not finite"));
        }
        let scale = if reach > 0.0 { reach / 32_767.0 } else { 1.0 };
        let target = Target::full(DType::I16, scale, 0);
        let mut values: Vec<i32> = reals.iter().map(|v| target.quantise(*v)).collect();
        let mut stored = shape.clone();
        if let (Layout::ChannelsLast, [c, h, w]) = (layout, shape.as_slice()) {
            let from = [*c as usize, *h as usize, *w as usize];
            values = permute(&values, &from, &[1, 2, 0]);
            stored = vec![*h, *w, *c];
        }
        let at = self.builder.constant(
            DType::I16,
            &stored,
            encode(DType::I16, &values),
            Kind::Weight,
        )?;
        Ok(Quantised {
            at,
            dtype: DType::I16,
            shape,
            layout,
            scale,
            zero: 0,
        })
    }
}

/// Values with their axes in another order.
pub(super) fn permute(values: &[i32], shape: &[usize], perm: &[usize]) -> Vec<i32> {
    let mut strides = vec![1usize; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    let out: Vec<usize> = perm.iter().map(|i| shape[*i]).collect();
    let steps: Vec<usize> = perm.iter().map(|i| strides[*i]).collect();
    let mut index = vec![0usize; out.len()];
    let mut at = 0;
    let mut result = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        result.push(values[at]);
        for axis in (0..out.len()).rev() {
            index[axis] += 1;
            at += steps[axis];
            if index[axis] < out[axis] {
                break;
            }
            at -= steps[axis] * out[axis];
            index[axis] = 0;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_permuted() {
        let values: Vec<i32> = (0..6).collect();
        assert_eq!(permute(&values, &[2, 3], &[1, 0]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(permute(&values, &[1, 2, 3], &[2, 0, 1]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(permute(&[7], &[], &[]), [7]);
    }
}
