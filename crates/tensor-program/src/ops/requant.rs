use super::Scope;
use crate::{arith, validate::Invalid, DType};
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// The last step of every operator with one scale: `R(x; m, s, z, lo, hi)`, see
/// [`requant`](crate::arith::requant()), as an element of `out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, TypeInfo)]
pub struct Requant {
    /// Multiplier.
    pub m: u16,
    /// Right shift, at most 62.
    pub s: u8,
    /// Zero point of the output, a value of `out`.
    pub z: i32,
    /// Smallest output, a value of `out`.
    pub lo: i32,
    /// Largest output, a value of `out`, not below `lo`.
    pub hi: i32,
    /// Element type of the output, `I8` or `I16`.
    pub out: DType,
}

impl Requant {
    pub(crate) fn check(&self, scope: &Scope<'_>) -> Result<(), Invalid> {
        scope.attribute(self.s <= 62, "s")?;
        scope.attribute(self.out != DType::I32, "out")?;
        scope.output_range(self.out, self.z, self.lo, self.hi)
    }

    pub(crate) fn apply(&self, x: i64) -> i32 {
        arith::requant(x, self.m, self.s, self.z, self.lo, self.hi)
    }
}
