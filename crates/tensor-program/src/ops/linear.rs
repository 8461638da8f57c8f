//! What the linear operators share: zero points, scales, epilogue.

use super::Scope;
use crate::{
    arith::{requant, saturate, unpack_scale},
    validate::Invalid,
    DType,
};
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Zero point of a constant right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum ZeroPoint {
    /// One for the whole constant.
    #[codec(index = 0)]
    Tensor(i8),
    /// One per output channel: an operand, a constant `i8[N]`.
    #[codec(index = 1)]
    Channel,
}

impl ZeroPoint {
    /// The largest magnitude of `b − zb`.
    pub(crate) fn reach(self) -> u64 {
        match self {
            ZeroPoint::Tensor(z) => reach(z),
            ZeroPoint::Channel => 255,
        }
    }
}

/// The largest magnitude of `x − z` over all i8 values x.
pub(crate) fn reach(z: i8) -> u64 {
    let z = i64::from(z);
    let (above, below) = (127i64.saturating_sub(z), z.saturating_add(128));
    above.max(below).unsigned_abs()
}

/// Multiplier and shift of a requantisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum Scale {
    /// One pair for the whole tensor.
    #[codec(index = 0)]
    Tensor {
        /// Multiplier.
        m: u16,
        /// Right shift, at most 62.
        s: u8,
    },
    /// One pair per channel (the last axis), packed into the second word of each
    /// row of `params`: see [`unpack_scale`].
    #[codec(index = 1)]
    Channel,
}

impl Scale {
    pub(crate) fn check(self, scope: &Scope<'_>) -> Result<(), Invalid> {
        match self {
            Scale::Tensor { s, .. } => scope.attribute(s <= 62, "s"),
            Scale::Channel => Ok(()),
        }
    }

    /// Multiplier and shift, given the channel's second word.
    pub(crate) fn pair(self, word: Option<i32>) -> Option<(u16, u8)> {
        match self {
            Scale::Tensor { m, s } => Some((m, s)),
            Scale::Channel => word.map(unpack_scale),
        }
    }
}

/// What a linear operator does with its exact sum after the bias is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum Epilogue {
    /// Output `sat_i32(v)`.
    #[codec(index = 0)]
    Raw,
    /// Output `R(v; m, s, z, lo, hi)`, then optionally a table.
    #[codec(index = 1)]
    Requant {
        /// Multiplier and shift.
        scale: Scale,
        /// Zero point of the output, inside `out`.
        z: i32,
        /// Lower clip, inside `out`; the zero point makes a ReLU.
        lo: i32,
        /// Upper clip, inside `out` and not below `lo`.
        hi: i32,
        /// `I8` or `I16`.
        out: DType,
        /// Whether the last operand is a [`Lut8`](super::Lut8) table, constant
        /// `T[256]`, applied to the clipped value; `out` is `I8` then.
        lut: bool,
    },
}

impl Epilogue {
    pub(crate) fn has_lut(self) -> bool {
        matches!(self, Epilogue::Requant { lut: true, .. })
    }

    /// Checks the attributes and gives the element type before a table.
    pub(crate) fn check(self, scope: &Scope<'_>, params: bool) -> Result<DType, Invalid> {
        let Epilogue::Requant {
            scale,
            z,
            lo,
            hi,
            out,
            lut,
        } = self
        else {
            return Ok(DType::I32);
        };
        scale.check(scope)?;
        scope.attribute(params || scale != Scale::Channel, "params")?;
        scope.attribute(out != DType::I32, "out")?;
        scope.attribute(!lut || out == DType::I8, "lut")?;
        scope.output_range(out, z, lo, hi)?;
        Ok(out)
    }

    /// The value before a table, for the exact sum `v` without bias.
    pub(crate) fn apply(self, v: i64, params: Option<(i32, i32)>) -> Option<i32> {
        let v = v.wrapping_add(params.map_or(0, |(bias, _)| i64::from(bias)));
        match self {
            Epilogue::Raw => Some(saturate(DType::I32, v)),
            Epilogue::Requant {
                scale, z, lo, hi, ..
            } => {
                let (m, s) = scale.pair(params.map(|(_, word)| word))?;
                Some(requant(v, m, s, z, lo, hi))
            }
        }
    }
}

/// The two words of a row of `params`.
pub(crate) fn params_row(bytes: &[u8]) -> Option<(i32, i32)> {
    let (bias, word) = bytes.split_at_checked(4)?;
    Some((
        i32::from_le_bytes(bias.try_into().ok()?),
        i32::from_le_bytes(word.try_into().ok()?),
    ))
}
