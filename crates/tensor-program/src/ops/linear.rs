//! What the linear operators share: zero points, scales, epilogue.

use super::{
    lut8::{table_entry, TABLE},
    span, Arg, Args, Position, Scope,
};
use crate::{
    arith::{element, push, requant, saturate, unpack_scale},
    validate::Invalid,
    DType,
};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use core::ops::Range;
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

/// Largest `K·A·W` of an 8-bit product, A and W the largest magnitudes of its
/// factors: sums and their bias fit 32 bits, and a 31-bit proof field.
const MAX_SUM: u64 = (1 << 30) - (1 << 23);

/// Largest K of a product with a 16-bit left side.
const MAX_K_I16: u64 = 65_024;

/// What the linear operators do alike: zero points, the bound on their sums, and all
/// that follows the sum. Operands 0 and 1 are the factors; those of the right side's
/// zero points, the `params` and the table follow, as far as there are any.
#[derive(Clone, Copy)]
pub(crate) struct Linear {
    pub(crate) za: i8,
    pub(crate) zb: ZeroPoint,
    pub(crate) params: bool,
    pub(crate) epilogue: Epilogue,
}

/// Operand indices of what may be absent.
struct Slots {
    zb: Option<usize>,
    params: Option<usize>,
    lut: Option<usize>,
    count: usize,
}

/// Zero point of the right side, bias and packed scale of one channel.
type Channel = (i8, Option<(i32, i32)>);

impl Linear {
    fn slots(&self) -> Slots {
        let mut count = 2usize;
        let mut slot = |present: bool| {
            present.then(|| {
                let at = count;
                count = count.saturating_add(1);
                at
            })
        };
        let zb = slot(self.zb == ZeroPoint::Channel);
        let params = slot(self.params);
        let lut = slot(self.epilogue.has_lut());
        Slots {
            zb,
            params,
            lut,
            count,
        }
    }

    pub(crate) fn expect_count(&self, scope: &Scope<'_>) -> Result<(), Invalid> {
        scope.expect_count(self.slots().count)
    }

    /// Checks the epilogue, and the operands behind the factors for this many
    /// channels; gives the element type of the output.
    pub(crate) fn check(&self, scope: &Scope<'_>, channels: u32) -> Result<DType, Invalid> {
        let slots = self.slots();
        let before_lut = self.epilogue.check(scope, self.params)?;
        if let Some(zb) = slots.zb {
            scope.constant_of(zb, DType::I8, &[channels])?;
        }
        if let Some(params) = slots.params {
            scope.constant_of(params, DType::I32, &[channels, 2])?;
        }
        let Some(lut) = slots.lut else {
            return Ok(before_lut);
        };
        let table = scope.constant(lut)?;
        scope.constant_of(lut, table.dtype, &[TABLE])?;
        Ok(table.dtype)
    }

    /// Checks that no sum of `k` products leaves its bound, with a left side of type
    /// `a`.
    pub(crate) fn check_sum(&self, scope: &Scope<'_>, a: DType, k: u64) -> Result<(), Invalid> {
        let bounded = match a {
            DType::I8 => {
                let per_product = reach(self.za).saturating_mul(self.zb.reach());
                k.saturating_mul(per_product) <= MAX_SUM
            }
            DType::I16 | DType::I32 => {
                scope.attribute(self.za == 0, "za")?;
                scope.attribute(self.epilogue != Epilogue::Raw, "epilogue")?;
                k <= MAX_K_I16
            }
        };
        if bounded {
            return Ok(());
        }
        Err(Invalid::ReductionTooLong {
            node: scope.node,
            k: u32::try_from(k).unwrap_or(u32::MAX),
        })
    }

    /// What a judge touches of the operands behind the factors.
    pub(crate) fn touches(&self) -> impl Iterator<Item = (usize, u64)> {
        let slots = self.slots();
        [slots.zb, slots.params, slots.lut]
            .into_iter()
            .flatten()
            .map(|slot| (slot, 1))
    }

    /// What belongs to a channel, given the operand of a slot at it.
    fn channel<'a>(&self, read: impl Fn(usize, u64) -> Option<&'a [u8]>) -> Option<Channel> {
        let slots = self.slots();
        let zb = match (self.zb, slots.zb) {
            (ZeroPoint::Tensor(zb), _) => zb,
            (ZeroPoint::Channel, slot) => *read(slot?, 1)?.first()? as i8,
        };
        let params = match slots.params {
            Some(slot) => Some(params_row(read(slot, 8)?)?),
            None => None,
        };
        Some((zb, params))
    }

    /// Appends what one channel makes of its sum, which depends on the right side's
    /// zero point.
    pub(crate) fn run(
        &self,
        args: &Args<'_>,
        channel: usize,
        sum: impl FnOnce(i8) -> i64,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let (zb, params) = self.channel(|slot, width| {
            let width = usize::try_from(width).ok()?;
            let start = channel.checked_mul(width)?;
            args.get(slot)?.bytes.get(start..start.checked_add(width)?)
        })?;
        let value = self.epilogue.apply(sum(zb), params)?;
        match self.slots().lut {
            Some(lut) => {
                let table: &Arg<'_> = args.get(lut)?;
                out.extend_from_slice(table_entry(table, value)?);
            }
            None => push(args.out.dtype, value, out),
        }
        Some(())
    }

    fn before_lut(&self, got: &[Vec<u8>], sum: impl FnOnce(i8) -> Option<i64>) -> Option<i32> {
        let (zb, params) = self.channel(|slot, _| got.get(slot).map(Vec::as_slice))?;
        self.epilogue.apply(sum(zb)?, params)
    }

    /// The range a judge reads of an operand behind the factors.
    pub(crate) fn range(
        &self,
        at: &Position<'_>,
        operand: usize,
        channel: u64,
        got: &[Vec<u8>],
        sum: impl FnOnce(i8) -> Option<i64>,
    ) -> Option<Range<u64>> {
        let slots = self.slots();
        if slots.zb == Some(operand) {
            return span(channel, 1);
        }
        if slots.params == Some(operand) {
            return span(channel, 8);
        }
        let index = i64::from(self.before_lut(got, sum)?).checked_add(128)?;
        at.element_range(operand, u64::try_from(index).ok()?)
    }

    /// Whether the claimed element is wrong, given its sum.
    pub(crate) fn convicts(
        &self,
        at: &Position<'_>,
        got: &[Vec<u8>],
        sum: impl FnOnce(i8) -> Option<i64>,
    ) -> Option<bool> {
        let value = match self.slots().lut {
            Some(lut) => element(at.out.dtype, got.get(lut)?)?,
            None => self.before_lut(got, sum)?,
        };
        Some(value != at.claimed)
    }
}
