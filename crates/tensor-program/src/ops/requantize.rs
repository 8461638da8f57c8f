use super::{
    linear::{params_row, Scale},
    span, Args, Inferred, Operator, Position, Scope,
};
use crate::{
    arith::{element, push, requant},
    validate::Invalid,
    DType,
};
use alloc::{vec, vec::Vec};
use codec::{Decode, Encode};
use core::ops::Range;
use scale_info::TypeInfo;

/// Another scale, zero point or element type.
///
/// - *Operands*: `x[…,N]` of any type, an activation; with [`Scale::Channel`] also
///   `params`, constant `i32[N,2]`, N the last axis.
/// - *Output*: `out`, the shape of `x`.
/// - *Formula*: `R(x − zx; m, s, z, lo, hi)`; per channel
///   `R(x − zx + params[n,0]; …)` with the scale in `params[n,1]`.
/// - *Judge*: `x` one element; `params` 8 bytes.
/// - *Cost*: 1 op an element.
/// - *Source*: gemmlowp's output pipeline, TFLite `REQUANTIZE`, ONNX
///   `QuantizeLinear` of a `DequantizeLinear`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Requantize {
    /// Zero point of `x`, a value of its type.
    pub zx: i32,
    /// Multiplier and shift.
    pub scale: Scale,
    /// Zero point of the output, a value of `out`.
    pub z: i32,
    /// Smallest output.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
    /// Element type of the output.
    pub out: DType,
}

impl Requantize {
    fn value(&self, x: i32, params: Option<(i32, i32)>) -> Option<i32> {
        let bias = match self.scale {
            Scale::Tensor { .. } => 0,
            Scale::Channel => i64::from(params?.0),
        };
        let (m, s) = self.scale.pair(params.map(|(_, word)| word))?;
        let v = i64::from(x)
            .wrapping_sub(i64::from(self.zx))
            .wrapping_add(bias);
        Some(requant(v, m, s, self.z, self.lo, self.hi))
    }
}

impl Operator for Requantize {
    fn infer(&self, scope: &Scope<'_>) -> Result<Inferred, Invalid> {
        let more = match self.scale {
            Scale::Tensor { .. } => {
                scope.expect_count(1)?;
                0
            }
            Scale::Channel => {
                scope.expect_count(2)?;
                let (_, channels) = scope.rows(0)?;
                scope.constant_of(1, DType::I32, &[channels, 2])?;
                1
            }
        };
        let x = scope.activation(0)?;
        scope.attribute(x.dtype.holds(self.zx), "zx")?;
        self.scale.check(scope)?;
        scope.output_range(self.out, self.z, self.lo, self.hi)?;
        scope.elementwise(self.out, more)
    }

    fn run(&self, args: &Args<'_>, out: &mut Vec<u8>) -> Option<()> {
        let x = args.first()?;
        let dtype = x.ty.dtype;
        let width = usize::try_from(dtype.width()).ok()?;
        match args.get(1) {
            None => {
                for bytes in x.bytes.chunks_exact(width) {
                    push(self.out, self.value(element(dtype, bytes)?, None)?, out);
                }
            }
            Some(params) => {
                let channels = usize::try_from(x.ty.shape.last()?).ok()?;
                for row in x.bytes.chunks_exact(channels.checked_mul(width)?) {
                    for (bytes, pair) in row.chunks_exact(width).zip(params.bytes.chunks_exact(8)) {
                        let pair = params_row(pair)?;
                        push(
                            self.out,
                            self.value(element(dtype, bytes)?, Some(pair))?,
                            out,
                        );
                    }
                }
            }
        }
        Some(())
    }

    fn ranges(&self, at: &Position<'_>, operand: usize, _: &[Vec<u8>]) -> Option<Vec<Range<u64>>> {
        let range = match operand {
            0 => at.element_range(0, at.element)?,
            _ => {
                let channels = u64::from(at.out.shape.last()?);
                span(at.element.checked_rem(channels)?, 8)?
            }
        };
        Some(vec![range])
    }

    fn convicts(&self, at: &Position<'_>, got: &[Vec<u8>]) -> Option<bool> {
        let params = match got.get(1) {
            Some(bytes) => Some(params_row(bytes)?),
            None => None,
        };
        let x = element(at.ty(0)?.dtype, got.first()?)?;
        Some(self.value(x, params)? != at.claimed)
    }
}
