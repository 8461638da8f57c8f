//! What the operators on elements of several operands share.

use super::{coordinates, Args, Position, Scope};
use crate::{
    arith::{element, push},
    validate::Invalid,
    DType, Shape, TensorType,
};
use alloc::vec::Vec;
use core::ops::Range;

/// The shape that the operator's operands broadcast to.
pub(crate) fn shape(scope: &Scope<'_>) -> Result<Shape, Invalid> {
    let mut rank = None;
    for operand in 0..scope.operands.len() {
        if let (ty, false) = scope.value(operand)? {
            rank = rank.or(Some(ty.shape.0.len()));
        }
    }
    let rank = rank.ok_or(Invalid::NotActivation {
        node: scope.node,
        operand: 0,
    })?;
    let mut axes = alloc::vec![1u32; rank];
    for operand in 0..scope.operands.len() {
        let (ty, constant) = scope.value(operand)?;
        let missing = rank
            .checked_sub(ty.shape.0.len())
            .filter(|missing| constant || *missing == 0)
            .ok_or_else(|| scope.bad_shape(operand))?;
        for (axis, found) in axes.iter_mut().skip(missing).zip(&ty.shape.0) {
            if *axis != 1 && *found != 1 && axis != found {
                return Err(scope.bad_shape(operand));
            }
            if *found != 1 {
                *axis = *found;
            }
        }
    }
    Ok(Shape(axes))
}

/// For each axis of the output, how many elements of the operand a step is.
fn strides(out: &Shape, operand: &Shape) -> Option<Vec<u64>> {
    let missing = out.0.len().checked_sub(operand.0.len())?;
    let mut strides = alloc::vec![0u64; out.0.len()];
    let mut step = 1u64;
    for (stride, axis) in strides.iter_mut().skip(missing).zip(&operand.0).rev() {
        if *axis != 1 {
            *stride = step;
        }
        step = step.checked_mul(u64::from(*axis))?;
    }
    Some(strides)
}

fn offset(strides: &[u64], at: &[u64]) -> Option<u64> {
    strides.iter().zip(at).try_fold(0u64, |sum, (stride, at)| {
        sum.checked_add(stride.checked_mul(*at)?)
    })
}

/// The element of an operand that an element of the output reads.
pub(crate) fn range(at: &Position<'_>, operand: usize) -> Option<Vec<Range<u64>>> {
    let (sample, index) = at.sample()?;
    let strides = strides(&at.out.shape, &at.ty(operand)?.shape)?;
    let index = offset(&strides, &coordinates(&at.out.shape, index)?)?;
    Some(alloc::vec![at.sample_range(operand, sample, index)?])
}

/// The elements a judge opened, one of each operand.
pub(crate) fn opened<const N: usize>(at: &Position<'_>, got: &[Vec<u8>]) -> Option<[i32; N]> {
    let mut values = [0; N];
    for (operand, value) in values.iter_mut().enumerate() {
        *value = element(at.ty(operand)?.dtype, got.get(operand)?)?;
    }
    Some(values)
}

/// Where an operand is read while a row of the output is written.
struct Cursor<'a> {
    dtype: DType,
    width: usize,
    bytes: &'a [u8],
    strides: Vec<u64>,
    /// Byte offset, and its step along the output's last axis.
    at: usize,
    step: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<i32> {
        let end = self.at.checked_add(self.width)?;
        let value = element(self.dtype, self.bytes.get(self.at..end)?)?;
        self.at = self.at.checked_add(self.step)?;
        Some(value)
    }
}

/// Appends `value` of the operands' elements for every element of the output.
pub(crate) fn run<const N: usize>(
    args: &Args<'_>,
    out: &mut Vec<u8>,
    value: impl Fn([i32; N]) -> i32,
) -> Option<()> {
    let TensorType { dtype, shape } = args.out;
    let row = u64::from(shape.last().unwrap_or(1));
    let rows = shape.elements()?.checked_div(row)?;
    for sample in 0..args.batch {
        let mut cursors = Vec::with_capacity(N);
        for arg in args.operands.iter().take(N) {
            let width = usize::try_from(arg.ty.dtype.width()).ok()?;
            let strides = strides(shape, &arg.ty.shape)?;
            let step = usize::try_from(strides.last().copied().unwrap_or_default()).ok()?;
            cursors.push(Cursor {
                dtype: arg.ty.dtype,
                width,
                bytes: arg.sample(sample)?,
                strides,
                at: 0,
                step: step.checked_mul(width)?,
            });
        }
        for index in 0..rows {
            let first = coordinates(shape, index.checked_mul(row)?)?;
            for cursor in &mut cursors {
                let at = usize::try_from(offset(&cursor.strides, &first)?).ok()?;
                cursor.at = at.checked_mul(cursor.width)?;
            }
            for _ in 0..row {
                let mut values = [0; N];
                for (value, cursor) in values.iter_mut().zip(&mut cursors) {
                    *value = cursor.next()?;
                }
                push(*dtype, value(values), out);
            }
        }
    }
    Some(())
}
