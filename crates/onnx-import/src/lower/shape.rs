//! Operators that move elements and change none.

use super::{Layout, Lower, Quantised, Target};
use crate::{
    error::Result,
    float::{self, In},
    graph::Id,
};
use athanor_tensor_program::ops::{Concat, Op, Pad, Slice};

/// Whether an operator only moves the elements of its first operand (and pads).
pub(super) fn is_view(op: &str) -> bool {
    matches!(
        op,
        "Identity"
            | "Dropout"
            | "Reshape"
            | "Flatten"
            | "Squeeze"
            | "Unsqueeze"
            | "Transpose"
            | "Slice"
            | "Split"
            | "Pad"
            | "Expand"
            | "Gather"
    )
}

impl Lower<'_, '_> {
    fn described(&self, node: usize) -> Vec<Option<In<'_>>> {
        self.graph.nodes[node]
            .ins
            .iter()
            .map(|id| {
                id.map(|id| {
                    let value = &self.graph.values[id];
                    In {
                        elem: value.elem,
                        shape: &value.shape,
                        value: value.constant.as_deref(),
                    }
                })
            })
            .collect()
    }

    /// Applies a view to the integer form of its operand.
    pub(super) fn view(&mut self, node: usize, id: Id, x: Quantised) -> Result<Quantised> {
        let out = self.dims(id)?;
        match self.op(node) {
            "Identity" | "Dropout" => Ok(x),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshape_view(x, &out),
            "Transpose" => self.transpose_view(node, x, &out),
            "Slice" => {
                let spec = float::slice_spec(&self.graph.nodes[node].node, &self.described(node))
                    .map_err(|reason| self.fail(node, reason))?;
                self.slices(node, x, &spec)
            }
            "Split" => self.split(node, id, x),
            "Pad" => self.pad(node, x, &out),
            "Expand" if x.shape == out => Ok(x),
            "Expand" => Err(self.fail(node, "repeating elements is mapped only inside masks")),
            _ => self.gather_view(node, x, &out),
        }
    }

    fn reshape_view(&mut self, x: Quantised, out: &[u32]) -> Result<Quantised> {
        match (x.layout, x.shape.as_slice()) {
            (Layout::ChannelsLast, [c, h, w]) => {
                let (c, h, w) = (*c, *h, *w);
                let stored = x.stored();
                // One position or one channel: both orders are the same.
                if c == 1 || h * w == 1 {
                    let rows = Quantised {
                        shape: stored,
                        layout: Layout::Plain,
                        ..x
                    };
                    return self.reshape(rows, out);
                }
                if *out == [c * h * w] {
                    let rows = Quantised {
                        shape: stored,
                        layout: Layout::Plain,
                        ..x
                    };
                    let flat = self.reshape(rows, out)?;
                    return Ok(Quantised {
                        layout: Layout::Flattened { c, h, w },
                        ..flat
                    });
                }
                let plain = self.plain(x)?;
                self.reshape(plain, out)
            }
            _ if x.shape == out => Ok(x),
            _ => {
                let plain = self.plain(x)?;
                self.reshape(plain, out)
            }
        }
    }

    fn transpose_view(&mut self, node: usize, x: Quantised, out: &[u32]) -> Result<Quantised> {
        let rank = x.shape.len() + 1;
        let perm: Vec<usize> = match self.graph.nodes[node].node.ints("perm") {
            Some(perm) => perm
                .iter()
                .map(|i| float::axis_of(*i, rank))
                .collect::<core::result::Result<_, _>>()
                .map_err(|reason| self.fail(node, reason))?,
            None => (0..rank).rev().collect(),
        };
        if perm.first() != Some(&0) || perm.len() != rank {
            return Err(self.fail(node, "it moves axis 0, the batch"));
        }
        let logical: Vec<usize> = perm.iter().skip(1).map(|i| i - 1).collect();
        self.transpose_by(x, &logical, out)
    }

    /// Axes in another order; `perm` counts without the batch.
    pub(super) fn transpose_by(
        &mut self,
        x: Quantised,
        perm: &[usize],
        out: &[u32],
    ) -> Result<Quantised> {
        let x = match x.layout {
            Layout::Flattened { .. } => self.plain(x)?,
            _ => x,
        };
        let stored = x.stored();
        let physical: Vec<usize> = match x.layout {
            // Channels, rows, columns are kept as axes 2, 0, 1.
            Layout::ChannelsLast => perm
                .iter()
                .map(|i| [2, 0, 1].get(*i).copied().unwrap_or(*i))
                .collect(),
            _ => perm.to_vec(),
        };
        let at = self.builder.transpose(x.at, x.dtype, &stored, &physical)?;
        Ok(Quantised {
            at,
            shape: out.to_vec(),
            layout: Layout::Plain,
            ..x
        })
    }

    /// Slices along every axis that is not whole; entries are (start, step, length)
    /// with the batch first.
    fn slices(
        &mut self,
        node: usize,
        x: Quantised,
        spec: &[(usize, i64, usize)],
    ) -> Result<Quantised> {
        if spec.first() != Some(&(0, 1, 1)) {
            return Err(self.fail(node, "it cuts axis 0, the batch"));
        }
        let mut x = match x.layout {
            Layout::Flattened { .. } => self.plain(x)?,
            _ => x,
        };
        for (axis, (start, step, length)) in spec.iter().skip(1).enumerate() {
            if *length == 0 {
                return Err(self.fail(node, "nothing is left of an axis"));
            }
            if (*start, *length) == (0, x.shape[axis] as usize) && *step == 1 {
                continue;
            }
            if *step < 1 {
                return Err(self.fail(node, "it runs backwards"));
            }
            x = self.slice_axis(x, axis, *start as u32, *length as u32, *step as u32)?;
        }
        Ok(x)
    }

    /// A part of one axis.
    pub(super) fn slice_axis(
        &mut self,
        x: Quantised,
        axis: usize,
        start: u32,
        len: u32,
        step: u32,
    ) -> Result<Quantised> {
        let mut x = x;
        x.shape[axis] = len;
        let stored_axis = match x.layout {
            Layout::ChannelsLast => [2, 0, 1].get(axis).copied().unwrap_or(axis),
            _ => axis,
        };
        let op = Op::Slice(Slice {
            axis: stored_axis as u8,
            start,
            len,
            step,
        });
        let stored = x.stored();
        x.at = self.builder.node(op, vec![x.at], x.dtype, &stored)?;
        Ok(x)
    }

    fn split(&mut self, node: usize, id: Id, x: Quantised) -> Result<Quantised> {
        let node_ref = &self.graph.nodes[node];
        let position = self.graph.values[id].producer.map_or(0, |(_, at)| at);
        let axis = float::axis_of(node_ref.node.int_or("axis", 0), x.shape.len() + 1)
            .map_err(|reason| self.fail(node, reason))?;
        if axis == 0 {
            return Err(self.fail(node, "it cuts axis 0, the batch"));
        }
        let mut start = 0;
        // Parts without a reader have no name; their lengths follow from the others'.
        let described = self.described(node);
        let shapes =
            float::infer(&node_ref.node, &described).map_err(|reason| self.fail(node, reason))?;
        for (_, shape) in shapes.iter().take(position) {
            start += shape[axis] as u32;
        }
        let length = shapes[position].1[axis] as u32;
        let x = match x.layout {
            Layout::Flattened { .. } => self.plain(x)?,
            _ => x,
        };
        if length == 0 {
            return Err(self.fail(node, "a part is empty"));
        }
        if (start, length) == (0, x.shape[axis - 1]) {
            return Ok(x);
        }
        self.slice_axis(x, axis - 1, start, length, 1)
    }

    fn pad(&mut self, node: usize, x: Quantised, out: &[u32]) -> Result<Quantised> {
        let onnx = &self.graph.nodes[node].node;
        if !matches!(onnx.text("mode"), None | Some("constant")) {
            return Err(self.fail(node, "only padding with a constant can be mapped"));
        }
        let (before, after) = float::pad_amounts(onnx, &self.described(node))
            .map_err(|reason| self.fail(node, reason))?;
        if before[0] != 0 || after[0] != 0 {
            return Err(self.fail(node, "it pads axis 0, the batch"));
        }
        let real = match self.maybe_operand(node, 2) {
            Some(id) => match &self.graph.values[id].constant {
                Some(value) => value
                    .scalar()
                    .ok_or_else(|| self.fail(node, "the padding value is no number"))?,
                None => return Err(self.fail(node, "the padding value is no constant")),
            },
            None => onnx.float_or("value", 0.0),
        };
        let x = match x.layout {
            Layout::Flattened { .. } => self.plain(x)?,
            _ => x,
        };
        let full = Target::full(x.dtype, x.scale, x.zero);
        let amounts = |list: &[usize]| -> Vec<u32> {
            let list: Vec<u32> = list.iter().skip(1).map(|n| *n as u32).collect();
            match (x.layout, list.as_slice()) {
                (Layout::ChannelsLast, [c, h, w]) => vec![*h, *w, *c],
                _ => list,
            }
        };
        let op = Op::Pad(Pad {
            before: amounts(&before),
            after: amounts(&after),
            value: full.quantise(f64::from(real)),
        });
        let mut y = Quantised {
            shape: out.to_vec(),
            ..x
        };
        let stored = y.stored();
        y.at = self.builder.node(op, vec![y.at], y.dtype, &stored)?;
        Ok(y)
    }

    /// Constant indices into an activation: slices.
    fn gather_view(&mut self, node: usize, x: Quantised, out: &[u32]) -> Result<Quantised> {
        let axis = float::axis_of(
            self.graph.nodes[node].node.int_or("axis", 0),
            x.shape.len() + 1,
        )
        .map_err(|reason| self.fail(node, reason))?;
        if axis == 0 {
            return Err(self.fail(node, "it picks samples of the batch"));
        }
        let index = self.operand(node, 1)?;
        let Some(index) = self.graph.values[index].constant.clone() else {
            return Err(self.fail(
                node,
                "indices that depend on the input may only pick rows of a constant",
            ));
        };
        let mut x = match x.layout {
            Layout::Flattened { .. } => self.plain(x)?,
            _ => x,
        };
        let n = i64::from(x.shape[axis - 1]);
        let picks: Vec<i64> = index
            .as_ints()
            .unwrap_or_default()
            .iter()
            .map(|i| {
                if *i < 0 {
                    i64::from(*i) + n
                } else {
                    i64::from(*i)
                }
                .clamp(0, (n - 1).max(0))
            })
            .collect();
        let Some(first) = picks.first().copied() else {
            return Err(self.fail(node, "it picks nothing"));
        };
        let step = picks.get(1).map_or(1, |second| second - first);
        let regular = step >= 1
            && picks
                .iter()
                .enumerate()
                .all(|(i, p)| *p == first + step * i as i64);
        if regular {
            x = self.slice_axis(x, axis - 1, first as u32, picks.len() as u32, step as u32)?;
        } else {
            if picks.len() > 16 {
                return Err(self.fail(node, "it picks more than 16 places in no regular order"));
            }
            let mut parts = Vec::with_capacity(picks.len());
            for pick in &picks {
                parts.push(self.slice_axis(x.clone(), axis - 1, *pick as u32, 1, 1)?);
            }
            x = self.join(parts, axis - 1)?;
        }
        if x.shape == out {
            return Ok(x);
        }
        self.reshape_view(x, out)
    }

    /// Puts values of one form and layout behind each other.
    fn join(&mut self, parts: Vec<Quantised>, axis: usize) -> Result<Quantised> {
        let mut all = parts[0].clone();
        all.shape[axis] = parts.iter().map(|p| p.shape[axis]).sum();
        let stored_axis = match all.layout {
            Layout::ChannelsLast => [2, 0, 1].get(axis).copied().unwrap_or(axis),
            _ => axis,
        };
        let op = Op::Concat(Concat {
            axis: stored_axis as u8,
        });
        let stored = all.stored();
        let operands = parts.iter().map(|p| p.at).collect();
        all.at = self.builder.node(op, operands, all.dtype, &stored)?;
        Ok(all)
    }

    pub(super) fn concat(&mut self, node: usize, id: Id, target: Target) -> Result<Quantised> {
        let ins: Vec<Id> = self.graph.nodes[node]
            .ins
            .iter()
            .copied()
            .flatten()
            .collect();
        let rank = self.graph.values[id].shape.len();
        let axis = float::axis_of(self.graph.nodes[node].node.int("axis").unwrap_or(1), rank)
            .map_err(|reason| self.fail(node, reason))?;
        if axis == 0 {
            return Err(self.fail(node, "it joins axis 0, the batch"));
        }
        let mut parts = Vec::with_capacity(ins.len());
        for part in &ins {
            parts.push(if self.is_constant(*part) {
                self.quantised_constant(*part, target)?
            } else {
                self.materialise(*part, target)?
            });
        }
        let last = parts.iter().all(|p| p.layout == Layout::ChannelsLast);
        if !last {
            parts = parts
                .into_iter()
                .map(|p| self.plain(p))
                .collect::<Result<Vec<_>>>()?;
        }
        // Sixteen operands at most: join in layers.
        while parts.len() > 1 {
            let mut joined = Vec::new();
            for group in parts.chunks(16) {
                joined.push(match group {
                    [one] => one.clone(),
                    several => self.join(several.to_vec(), axis - 1)?,
                });
            }
            parts = joined;
        }
        parts
            .pop()
            .ok_or_else(|| self.fail(node, "it joins nothing"))
    }
}
