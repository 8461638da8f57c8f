//! Checked integer steps shared by the scoring modules.

use crate::Overflow;

pub(crate) fn add(a: i128, b: i128) -> Result<i128, Overflow> {
    a.checked_add(b).ok_or(Overflow)
}

pub(crate) fn sub(a: i128, b: i128) -> Result<i128, Overflow> {
    a.checked_sub(b).ok_or(Overflow)
}

pub(crate) fn mul(a: i128, b: i128) -> Result<i128, Overflow> {
    a.checked_mul(b).ok_or(Overflow)
}

/// Quotient rounded towards minus infinity, for a positive divisor.
pub(crate) fn div(a: i128, b: i128) -> Result<i128, Overflow> {
    if b <= 0 {
        return Err(Overflow);
    }
    a.checked_div_euclid(b).ok_or(Overflow)
}

pub(crate) fn to_i64(a: i128) -> Result<i64, Overflow> {
    i64::try_from(a).map_err(|_| Overflow)
}
