//! Arithmetic shared by operators, interpreter, judge and backends.

use crate::DType;
use alloc::vec::Vec;

/// `clip(((x·m + r) >> s) + z, lo, hi)` with `r = 0` if `s = 0`, else `2^(s−1)`:
/// one rounding, half towards +∞ (−2.5 becomes −2).
///
/// Exact for |x| ≤ 2^46 and s ≤ 62, which validation guarantees: then
/// |x·m| + r < 2^63. Source: the fixed-point requantisation of gemmlowp and
/// TFLite with the multiplier narrowed to 16 bits and a single rounding.
pub const fn requant(x: i64, m: u16, s: u8, z: i32, lo: i32, hi: i32) -> i32 {
    let v = round_shift(x.wrapping_mul(m as i64), s).wrapping_add(z as i64);
    if v < lo as i64 {
        lo
    } else if v > hi as i64 {
        hi
    } else {
        v as i32
    }
}

/// `(v + r) >> s` with `r = 0` if `s = 0`, else `2^(s−1)`: `v/2^s` rounded half
/// towards +∞. Exact for s ≤ 62 and |v| + r < 2^63.
pub const fn round_shift(v: i64, s: u8) -> i64 {
    let r = match s.checked_sub(1) {
        Some(bit) => 1i64.wrapping_shl(bit as u32),
        None => 0,
    };
    v.wrapping_add(r).wrapping_shr(s as u32)
}

/// `low + ((f·(high − low) + 64) >> 7)`: the value at `f`/128 of the way from one
/// 16-bit entry of a table to the next, 0 ≤ f ≤ 127. It lies between the two.
pub const fn interpolate(low: i32, high: i32, f: i32) -> i32 {
    let way = high.wrapping_sub(low).wrapping_mul(f);
    low.wrapping_add(way.wrapping_add(64).wrapping_shr(7))
}

/// Multiplier and shift from the second word of a `params` pair:
/// `m = w & 0xFFFF`, `s = min((w >> 16) & 63, 62)`. Every word has a meaning.
pub const fn unpack_scale(word: i32) -> (u16, u8) {
    let bits = word as u32;
    let s = ((bits >> 16) & 63) as u8;
    ((bits & 0xFFFF) as u16, if s > 62 { 62 } else { s })
}

/// The second word of a `params` pair for multiplier `m` and shift `s` (its low
/// six bits).
pub const fn pack_scale(m: u16, s: u8) -> i32 {
    (((s as u32 & 63) << 16) | m as u32) as i32
}

/// `v` clipped to the values of `dtype`.
pub const fn saturate(dtype: DType, v: i64) -> i32 {
    if v < dtype.min() as i64 {
        dtype.min()
    } else if v > dtype.max() as i64 {
        dtype.max()
    } else {
        v as i32
    }
}

/// The element whose little-endian bytes these are. `None` unless they are as
/// many as `dtype` is wide.
pub const fn element(dtype: DType, bytes: &[u8]) -> Option<i32> {
    match (dtype, bytes) {
        (DType::I8, [a]) => Some(*a as i8 as i32),
        (DType::I16, [a, b]) => Some(i16::from_le_bytes([*a, *b]) as i32),
        (DType::I32, [a, b, c, d]) => Some(i32::from_le_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}

/// Appends the low bytes of `value` as an element of `dtype`.
pub fn push(dtype: DType, value: i32, out: &mut Vec<u8>) {
    match dtype {
        DType::I8 => out.push(value as u8),
        DType::I16 => out.extend_from_slice(&(value as i16).to_le_bytes()),
        DType::I32 => out.extend_from_slice(&value.to_le_bytes()),
    }
}

/// `Σ (a[k] − za)·(b[k] − zb)` over the elements of two rows; `a` is i8 or i16,
/// `b` i8. Exact while the validated bound on the row's length holds: the factors fit
/// 16 bits (`za` is 0 for i16) and an 8-bit sum stays below 2^30.
pub(crate) fn dot(a_type: DType, a: &[u8], b: &[u8], za: i8, zb: i8) -> i64 {
    let (za, zb) = (i16::from(za), i16::from(zb));
    // Factors of 16 bits are what processors multiply and add in pairs.
    let product = |x: i16, y: &u8| {
        i32::from(x.wrapping_sub(za)).wrapping_mul(i32::from(i16::from(*y as i8).wrapping_sub(zb)))
    };
    match a_type {
        DType::I8 => i64::from(a.iter().zip(b).fold(0i32, |sum, (x, y)| {
            sum.wrapping_add(product(i16::from(*x as i8), y))
        })),
        _ => a.chunks_exact(2).zip(b).fold(0i64, |sum, (x, y)| {
            let x = element(DType::I16, x).unwrap_or_default() as i16;
            sum.wrapping_add(i64::from(product(x, y)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_towards_plus_infinity() {
        let halve = |x| requant(x, 1, 1, 0, -100, 100);
        assert_eq!([-5, -3, -1, 1, 3, 5].map(halve), [-2, -1, 0, 1, 2, 3]);
    }

    #[test]
    fn the_extremes_of_the_domain_do_not_overflow() {
        let most = 1i64 << 46;
        for s in [0u8, 1, 62] {
            for x in [most, -most] {
                let exact =
                    (i128::from(x) * 65_535 + if s == 0 { 0 } else { 1i128 << (s - 1) }) >> s;
                let clipped = exact.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32;
                assert_eq!(requant(x, u16::MAX, s, 0, i32::MIN, i32::MAX), clipped);
            }
        }
    }

    #[test]
    fn every_word_unpacks_to_a_valid_scale() {
        assert_eq!(unpack_scale(-1), (65_535, 62));
        assert_eq!(unpack_scale(0), (0, 0));
        assert_eq!(unpack_scale(pack_scale(40_000, 31)), (40_000, 31));
    }

    #[test]
    fn an_interpolated_value_lies_between_its_neighbours() {
        for (low, high) in [
            (-32_768, 32_767),
            (32_767, -32_768),
            (5, 5),
            (-1, 0),
            (0, -1),
        ] {
            assert_eq!(interpolate(low, high, 0), low);
            for f in 0..128 {
                let value = interpolate(low, high, f);
                assert!((low.min(high)..=low.max(high)).contains(&value));
                let exact = f64::from(low) + f64::from(f) * f64::from(high - low) / 128.0;
                assert_eq!(f64::from(value), (exact + 0.5).floor());
            }
        }
    }

    #[test]
    fn an_element_of_another_width_is_refused() {
        assert_eq!(element(DType::I8, &[0xFF]), Some(-1));
        assert_eq!(element(DType::I16, &[0xFF]), None);
        assert_eq!(element(DType::I32, &[0, 0, 0, 0x80]), Some(i32::MIN));
    }
}
