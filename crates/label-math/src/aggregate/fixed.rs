//! Logarithms and exponentials of base 2 in units of 2^-60.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "factors are below 2^63, so that products are below 2^126"
)]

/// One.
pub(super) const UNIT: i128 = 1 << 60;

/// ln 2.
const LN_2: i128 = 799_144_290_325_165_979;

/// a·b, both of at most a few units, rounded down.
pub(super) const fn mul(a: i128, b: i128) -> i128 {
    (a * b) >> 60
}

/// a/b for 0 <= a of at most 2^6 units and b > 0; 0 if b is none.
pub(super) fn ratio(a: i128, b: i128) -> i128 {
    (a << 60).checked_div(b).unwrap_or(0)
}

/// log2 of a positive number of at most 2^66, within 2^-52; of anything else that of 2^-60.
pub(super) fn log2(value: i128) -> i128 {
    let value = value.max(1);
    let whole = i128::from(127 - value.leading_zeros()) - 60;
    let mut mantissa = if whole >= 0 {
        value >> whole
    } else {
        value << -whole
    };
    let mut result = whole << 60;
    let mut bit = UNIT >> 1;
    while bit > 0 {
        mantissa = mul(mantissa, mantissa);
        if mantissa >= 2 * UNIT {
            mantissa >>= 1;
            result += bit;
        }
        bit >>= 1;
    }
    result
}

/// Powers 2^(2^-i) for i = 1..=60, rounded down.
pub(super) struct Powers([i128; 60]);

impl Powers {
    pub(super) fn new() -> Self {
        let mut power = 2 * UNIT;
        Self(core::array::from_fn(|_| {
            power = (power << 60).isqrt();
            power
        }))
    }

    /// 2^value for value <= 0, within 2^-52.
    pub(super) fn exp2(&self, value: i128) -> i128 {
        let whole = value >> 60;
        if whole < -60 {
            return 0;
        }
        let fraction = value - (whole << 60);
        let mut result = UNIT;
        let mut bit = UNIT >> 1;
        for power in &self.0 {
            if fraction & bit != 0 {
                result = mul(result, *power);
            }
            bit >>= 1;
        }
        result >> -whole
    }
}

/// A number of units in units of 2^-32, rounded to the nearest.
pub(super) fn to_q32(value: i128) -> i64 {
    let rounded = (value + (1 << 27)) >> 28;
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

/// Natural logarithm from one of base 2.
pub(super) const fn natural(log2: i128) -> i128 {
    // Two steps, as a logarithm may be far above one.
    let (high, low) = (log2 >> 30, log2 & ((1 << 30) - 1));
    ((high * LN_2) >> 30) + ((low * LN_2) >> 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: i128) -> f64 {
        value as f64 / UNIT as f64
    }

    #[test]
    fn logarithms_and_powers_are_those_of_floats() {
        let powers = Powers::new();
        let mut value = 1i128;
        for step in 0..4_000 {
            value = (value * 10_123 / 10_000 + 1 + step % 3) % (1 << 64);
            let expected = float(value).log2();
            assert!((float(log2(value)) - expected).abs() < 1e-13 * (1.0 + expected.abs()));
            let back = log2(value.min(UNIT));
            let power = powers.exp2(back);
            assert!(
                (power - value.min(UNIT)).abs() <= 1 + (value >> 50),
                "{value} {power}"
            );
        }
        assert_eq!(log2(UNIT), 0);
        assert_eq!(log2(4 * UNIT), 2 * UNIT);
        assert_eq!(log2(UNIT >> 3), -3 * UNIT);
        assert_eq!(powers.exp2(0), UNIT);
        assert_eq!(powers.exp2(-2 * UNIT), UNIT / 4);
        assert_eq!(powers.exp2(-100 * UNIT), 0);
        assert_eq!(powers.exp2(i128::MIN / 2), 0);
        assert!((float(natural(UNIT)) - core::f64::consts::LN_2).abs() < 1e-15);
        assert!((float(natural(-50 * UNIT)) + 50.0 * core::f64::consts::LN_2).abs() < 1e-13);
    }
}
