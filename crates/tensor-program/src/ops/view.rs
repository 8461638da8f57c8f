//! Elements of an operand read in another order.

use super::{coordinates, Args, Position};
use crate::Shape;
use alloc::vec::Vec;
use core::ops::Range;

/// Elements between neighbours on each axis, row-major.
pub(crate) fn strides(shape: &Shape) -> Option<Vec<u64>> {
    let mut stride = 1u64;
    let mut found = Vec::with_capacity(shape.0.len());
    for axis in shape.0.iter().rev() {
        found.push(stride);
        stride = stride.checked_mul(u64::from(*axis))?;
    }
    found.reverse();
    Some(found)
}

/// Elements of a shape that may yet be too large: validation looks at that next, and
/// then says what is wrong with it.
pub(crate) fn elements_or_most(shape: &Shape) -> u64 {
    shape.elements().unwrap_or(u64::MAX)
}

/// An output whose element at (c₀, c₁, …) is operand 0's element
/// `base + Σ cᵢ·strides[i]` of the same sample.
pub(crate) struct View {
    pub(crate) base: u64,
    pub(crate) strides: Vec<u64>,
}

impl View {
    pub(crate) fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        let width = x.ty.dtype.width();
        let bytes = |elements: u64| usize::try_from(elements.checked_mul(width)?).ok();
        let axes = args
            .out
            .shape
            .0
            .iter()
            .zip(&self.strides)
            .map(|(axis, stride)| Some((usize::try_from(*axis).ok()?, bytes(*stride)?)))
            .collect::<Option<Vec<_>>>()?;
        for sample in 0..args.batch {
            copy(x.sample(sample)?, bytes(self.base)?, &axes, bytes(1)?, out)?;
        }
        Some(())
    }

    /// The range of the one element of operand 0.
    pub(crate) fn ranges(&self, at: &Position<'_>) -> Option<Vec<Range<u64>>> {
        let (sample, element) = at.sample()?;
        let index = coordinates(&at.out.shape, element)?
            .iter()
            .zip(&self.strides)
            .try_fold(self.base, |index, (c, stride)| {
                index.checked_add(c.checked_mul(*stride)?)
            })?;
        Some(Vec::from([at.sample_range(0, sample, index)?]))
    }
}

/// Appends what lies below `axes`, each a length and a distance in bytes.
fn copy(
    bytes: &[u8],
    start: usize,
    axes: &[(usize, usize)],
    width: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let run = |start: usize, len: usize| bytes.get(start..start.checked_add(len)?);
    match axes.split_first() {
        None => out.extend_from_slice(run(start, width)?),
        Some(((len, distance), [])) if *distance == width => {
            out.extend_from_slice(run(start, len.checked_mul(width)?)?);
        }
        Some(((len, distance), rest)) => {
            for i in 0..*len {
                let start = i.checked_mul(*distance)?.checked_add(start)?;
                copy(bytes, start, rest, width, out)?;
            }
        }
    }
    Some(())
}
