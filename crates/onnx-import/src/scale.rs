//! From float scales to multipliers and shifts.

/// Multiplier and shift of `R(x; m, s, …)` nearest to the factor `f`: with
/// `e = ⌊log2 f⌋`, `s = 14 − e` and `m = round(f·2^s)`, halved if it reaches 2^15.
/// Factors below 2^−48 become 0.
///
/// # Errors
///
/// The reason, if `f` is no number, negative, or 2^15 and more.
pub(crate) fn pair(f: f64) -> Result<(u16, u8), String> {
    if !f.is_finite() || f < 0.0 {
        return Err(format!("a scale of {f} is not possible"));
    }
    if f >= 32_768.0 {
        return Err(format!(
            "the scales of its operands are {f:.3e} times that of its result, 32768 is the limit"
        ));
    }
    if f < 2f64.powi(-48) {
        return Ok((0, 0));
    }
    let mut e = f.log2().floor() as i32;
    // The logarithm may round over the edge of a power of two.
    if 2f64.powi(e) > f {
        e -= 1;
    } else if 2f64.powi(e + 1) <= f {
        e += 1;
    }
    let mut s = 14 - e;
    let mut m = (f * 2f64.powi(s)).round();
    if m >= 32_768.0 {
        m /= 2.0;
        s -= 1;
    }
    if s < 0 {
        // Between 2^14.99… and 2^15 the rounded multiplier may not be halved again.
        return Err(format!("a factor of {f} is too large"));
    }
    Ok((m as u16, s as u8))
}

/// The second word of a channel's parameters.
pub(crate) fn word(m: u16, s: u8) -> i32 {
    i32::from(m) | i32::from(s) << 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn factors_become_the_nearest_pair() {
        assert_eq!(pair(1.0), Ok((16_384, 14)));
        assert_eq!(pair(0.5), Ok((16_384, 15)));
        assert_eq!(pair(3.0), Ok((24_576, 13)));
        assert_eq!(pair(1.0 - 1e-9), Ok((16_384, 14)));
        assert_eq!(pair(2f64.powi(-48)), Ok((16_384, 62)));
        assert_eq!(pair(2f64.powi(-49)), Ok((0, 0)));
        assert_eq!(pair(0.0), Ok((0, 0)));
        assert!(pair(32_768.0).is_err());
        assert!(pair(-1.0).is_err());
        assert!(pair(f64::NAN).is_err());
    }

    proptest! {
        #[test]
        fn the_error_is_half_a_step_of_fifteen_bits(log in -47.9f64..14.9) {
            let f = 2f64.powf(log);
            let (m, s) = pair(f).unwrap();
            prop_assert!((16_384..=32_767).contains(&m) && s <= 62);
            let got = f64::from(m) / 2f64.powi(i32::from(s));
            prop_assert!((got / f - 1.0).abs() <= 1.0 / 32_768.0);
        }
    }
}
