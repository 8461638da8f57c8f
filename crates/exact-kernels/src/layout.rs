//! Axes in another order.

use crate::gemm::Width;

/// Side of the squares in which a transpose moves elements.
const SQUARE: usize = 32;

/// A permutation of axes with everything that stays together joined.
#[derive(Clone, Debug)]
pub struct Permutation {
    /// Length of each output axis but the last run, and its stride in the input, both
    /// in elements, outermost first.
    axes: Vec<(usize, usize)>,
    /// Elements that stay together.
    run: usize,
    width: usize,
}

impl Permutation {
    /// Output axis i is axis `perm[i]` of an input of this shape. `None` if `perm` is
    /// no permutation of its axes.
    pub fn new(shape: &[usize], perm: &[usize], width: Width) -> Option<Permutation> {
        let mut seen = vec![false; shape.len()];
        for axis in perm {
            *seen.get_mut(*axis)? = true;
        }
        if perm.len() != shape.len() || seen.contains(&false) {
            return None;
        }
        let mut strides = vec![1usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        // Neighbours that stay neighbours become one axis.
        let mut axes: Vec<(usize, usize)> = Vec::new();
        for axis in perm {
            let (len, stride) = (shape[*axis], strides[*axis]);
            if len == 1 {
                continue;
            }
            match axes.last_mut() {
                Some(last) if last.1 == stride * len => *last = (last.0 * len, stride),
                _ => axes.push((len, stride)),
            }
        }
        let run = match axes.last() {
            Some((len, 1)) => *len,
            _ => 1,
        };
        if run > 1 {
            axes.pop();
        }
        Some(Permutation {
            axes,
            run,
            width: width.bytes(),
        })
    }

    /// Moves one input of this shape.
    ///
    /// # Panics
    ///
    /// If `x` and `out` are not of the shape's size.
    pub fn apply(&self, x: &[u8], out: &mut [u8]) {
        assert_eq!(x.len(), out.len());
        match (self.run * self.width, self.axes.as_slice()) {
            (_, []) => out.copy_from_slice(x),
            (1, axes) => self.squares::<1>(axes, x, out),
            (2, axes) => self.squares::<2>(axes, x, out),
            (4, axes) => self.squares::<4>(axes, x, out),
            (bytes, axes) => {
                let mut runs = out.chunks_exact_mut(bytes);
                walk(axes, 0, &mut |from| {
                    if let Some(run) = runs.next() {
                        let from = from * self.width;
                        run.copy_from_slice(&x[from..from + bytes]);
                    }
                });
            }
        }
    }

    /// Moves units of W bytes, in squares over the output's last axis and the axis
    /// that is last in the input, so that neither side jumps with every element.
    fn squares<const W: usize>(&self, axes: &[(usize, usize)], x: &[u8], out: &mut [u8]) {
        let unit = W / self.width;
        // Output strides in units.
        let mut to = vec![1usize; axes.len()];
        for axis in (1..axes.len()).rev() {
            to[axis - 1] = to[axis] * axes[axis].0;
        }
        let last = axes.len() - 1;
        let inner = (0..last).min_by_key(|axis| axes[*axis].1);
        let Some(inner) = inner else {
            // One axis that is not contiguous: elements of a stride.
            for (index, out) in out.chunks_exact_mut(W).enumerate() {
                let from = index * axes[last].1 * self.width;
                out.copy_from_slice(&x[from..from + W]);
            }
            return;
        };
        let rest: Vec<(usize, usize, usize)> = (0..last)
            .filter(|axis| *axis != inner)
            .map(|axis| (axes[axis].0, axes[axis].1, to[axis]))
            .collect();
        let ((rows, row_from), row_to) = (axes[inner], to[inner]);
        let (columns, column_from) = axes[last];
        debug_assert!(unit >= 1);
        walk2(&rest, 0, 0, &mut |from, at| {
            for r0 in (0..rows).step_by(SQUARE) {
                for c0 in (0..columns).step_by(SQUARE) {
                    for r in r0..(r0 + SQUARE).min(rows) {
                        let count = SQUARE.min(columns - c0);
                        let start = (at + r * row_to + c0) * W;
                        let line = &mut out[start..start + count * W];
                        let source = (from + r * row_from + c0 * column_from) * self.width;
                        let step = column_from * self.width;
                        for (index, unit) in line.chunks_exact_mut(W).enumerate() {
                            let source = source + index * step;
                            unit.copy_from_slice(&x[source..source + W]);
                        }
                    }
                }
            }
        });
    }
}

fn walk(axes: &[(usize, usize)], from: usize, f: &mut impl FnMut(usize)) {
    match axes.split_first() {
        None => f(from),
        Some(((len, stride), rest)) => {
            for index in 0..*len {
                walk(rest, from + index * stride, f);
            }
        }
    }
}

fn walk2(axes: &[(usize, usize, usize)], from: usize, to: usize, f: &mut impl FnMut(usize, usize)) {
    match axes.split_first() {
        None => f(from, to),
        Some(((len, a, b), rest)) => {
            for index in 0..*len {
                walk2(rest, from + index * a, to + index * b, f);
            }
        }
    }
}
