//! Exact roots and quotients of the row operators, defined by value: an
//! implementation may find them in any way that is exact.
//!
//! All results are integers; every bound holds for any operand bytes, so nothing
//! overflows where the stated domain is kept, which validation guarantees.

/// `⌊(512·S + c)/(2c)⌋`: the mean of c values whose sum is S with 8 fraction bits,
/// half up; 0 if `c = 0`.
///
/// Domain: |S| ≤ 2^53, 0 ≤ c ≤ 2^53.
pub const fn mean(sum: i64, count: i64) -> i64 {
    match sum
        .wrapping_mul(512)
        .wrapping_add(count)
        .checked_div_euclid(count.wrapping_mul(2))
    {
        Some(mean) => mean,
        None => 0,
    }
}

/// Weight of a score `d` below the largest, with 15 fraction bits:
/// `(coarse[d >> 8]·fine[d & 255] + 2^14) >> 15`, or `fine[d]` without `coarse`.
///
/// Domain: 0 ≤ d ≤ 65,535, with `coarse` absent d ≤ 255; entries at most 32,768. A
/// larger `d` counts as 65,535, without `coarse` as 255.
pub fn weight(fine: &[u16; 256], coarse: Option<&[u16; 256]>, d: u32) -> u32 {
    let entry = |table: &[u16; 256], i: u32| table.get(i as usize).map_or(0, |e| u32::from(*e));
    match coarse {
        None => entry(fine, d.min(255)),
        Some(coarse) => {
            let d = d.min(65_535);
            entry(coarse, d >> 8)
                .wrapping_mul(entry(fine, d & 255))
                .wrapping_add(1 << 14)
                >> 15
        }
    }
}

/// `⌊(e·2^15 + ⌊S/2⌋)/S⌋`: the share of a weight in the sum of all, with 15 fraction
/// bits; 0 if `S = 0`.
///
/// Domain: e ≤ 2^15, S ≤ 2^29, so that 32 unsigned bits suffice.
pub const fn share(e: u32, sum: u32) -> u32 {
    match e
        .wrapping_mul(1 << 15)
        .wrapping_add(sum / 2)
        .checked_div(sum)
    {
        Some(share) => share,
        None => 0,
    }
}

/// What a row is divided by in normalisation: an inverse square root as a multiplier
/// and a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InverseRoot {
    rho: i64,
    h: u32,
}

impl InverseRoot {
    /// Of D with L bits (2^(L−1) ≤ D < 2^L): `t = ⌊(62 − L)/2⌋`, `Q = ⌊√(D·4^t)⌋`, in
    /// 2^30..2^31, `ρ = ⌊2^61/Q⌋`, in 2^30..=2^31, and `h = 49 − t`.
    ///
    /// Domain: 1 ≤ D < 2^62; `None` outside.
    pub const fn new(d: u64) -> Option<Self> {
        let bits = u64::BITS.wrapping_sub(d.leading_zeros());
        if bits == 0 || bits > 62 {
            return None;
        }
        let t = 62u32.wrapping_sub(bits) / 2;
        let q = d.wrapping_shl(t.wrapping_mul(2)).isqrt();
        match (1u64 << 61).checked_div(q) {
            Some(rho) => Some(Self {
                rho: rho as i64,
                h: 49u32.wrapping_sub(t),
            }),
            None => None,
        }
    }

    /// The multiplier ρ.
    pub const fn rho(self) -> u64 {
        self.rho as u64
    }

    /// The shift h, in 19..=49.
    pub const fn h(self) -> u32 {
        self.h
    }

    /// `(c·ρ + 2^(h−1)) >> h`: `c/√D` with 12 fraction bits, half up.
    ///
    /// Domain: |c| ≤ 2^31.
    pub const fn scale(self, c: i64) -> i64 {
        let half = 1i64.wrapping_shl(self.h.wrapping_sub(1));
        c.wrapping_mul(self.rho)
            .wrapping_add(half)
            .wrapping_shr(self.h)
    }
}

/// What normalisation does to a value with 12 fraction bits: `y·clip(γ, −2^15,
/// 2^15 − 1) + β`.
///
/// Domain: |y| ≤ 2^47.
pub const fn affine(y: i64, gamma: i32, beta: i32) -> i64 {
    let gamma = if gamma < i16::MIN as i32 {
        i16::MIN as i64
    } else if gamma > i16::MAX as i32 {
        i16::MAX as i64
    } else {
        gamma as i64
    };
    y.wrapping_mul(gamma).wrapping_add(beta as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn floor_root(v: u128) -> u128 {
        let (mut low, mut high) = (0u128, 1u128 << 64);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if middle * middle <= v {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    fn check_inverse_root(d: u64) {
        let found = InverseRoot::new(d).unwrap();
        let bits = 128 - u128::from(d).leading_zeros();
        let t = (62 - bits) / 2;
        let q = floor_root(u128::from(d) << (2 * t));
        assert!((1 << 30..1 << 31).contains(&q), "{d}");
        let rho = (1u128 << 61) / q;
        assert!((1 << 30..=1 << 31).contains(&rho), "{d}");
        assert_eq!(u128::from(found.rho()), rho, "{d}");
        assert_eq!(found.h(), 49 - t, "{d}");
        assert!((19..=49).contains(&found.h()), "{d}");
        for c in [0i64, 1, -1, 1 << 30, -(1 << 30), 1 << 31, -(1 << 31)] {
            let exact = (i128::from(c) * rho as i128 + (1 << (found.h() - 1))) >> found.h();
            assert_eq!(i128::from(found.scale(c)), exact, "{d} {c}");
        }
    }

    #[test]
    fn an_inverse_root_is_exact_at_every_power_of_two_and_square() {
        for bit in 0..62 {
            let power = 1u64 << bit;
            for d in [power - 1, power, power + 1, 3 * (power / 2)] {
                if (1..1 << 62).contains(&d) {
                    check_inverse_root(d);
                }
            }
        }
        for root in [1u64, 2, 3, 46_340, 46_341, 1 << 30, (1 << 31) - 1] {
            for d in [root * root - 1, root * root, root * root + 1] {
                if d > 0 {
                    check_inverse_root(d);
                }
            }
        }
        check_inverse_root((1 << 62) - 1);
    }

    #[test]
    fn an_inverse_root_of_nothing_or_too_much_is_none() {
        assert_eq!(InverseRoot::new(0), None);
        assert_eq!(InverseRoot::new(1 << 62), None);
        assert_eq!(InverseRoot::new(u64::MAX), None);
    }

    #[test]
    fn a_mean_rounds_half_up_for_both_signs() {
        // 1/512 is half of the last fraction bit.
        assert_eq!(
            [-3, -1, 0, 1, 3].map(|sum| mean(sum, 512)),
            [-1, 0, 0, 1, 2]
        );
        assert_eq!(mean(7, 1), 7 << 8);
        assert_eq!(mean(7, 0), 0);
    }

    #[test]
    fn weights_at_the_ends_of_both_tables() {
        let mut fine = [1u16; 256];
        fine[0] = 32_768;
        fine[255] = 7;
        let mut coarse = fine;
        coarse[255] = 32_768;
        assert_eq!(weight(&fine, None, 0), 32_768);
        assert_eq!(weight(&fine, None, 255), 7);
        assert_eq!(weight(&fine, None, 256), 7);
        assert_eq!(weight(&fine, Some(&coarse), 0), 32_768);
        assert_eq!(weight(&fine, Some(&coarse), 65_535), 7);
        assert_eq!(weight(&fine, Some(&coarse), 65_536), 7);
        assert_eq!(weight(&fine, Some(&coarse), u32::MAX), 7);
        assert_eq!(weight(&fine, Some(&coarse), 256), 1);
        // 1·1 + 2^14 is below half of the last bit kept.
        assert_eq!(weight(&fine, Some(&coarse), 257), 0);
    }

    #[test]
    fn shares_at_their_borders() {
        assert_eq!(share(0, 0), 0);
        assert_eq!(share(32_768, 32_768), 32_768);
        assert_eq!(share(32_768, 1 << 29), 2);
        assert_eq!(share(1 << 14, 1 << 29), 1);
        // A tie goes up.
        assert_eq!(share(1, 1 << 16), 1);
        assert_eq!(share(1, (1 << 16) + 1), 0);
    }

    proptest! {
        #[test]
        fn any_inverse_root_is_exact(d in 1u64..1 << 62, shift in 0u32..62) {
            check_inverse_root((d >> shift).max(1));
        }

        #[test]
        fn any_mean_is_exact(sum in -(1i64 << 30)..=1 << 30, count in 1i64..=16_384) {
            let (p, q) = (512 * i128::from(sum) + i128::from(count), 2 * i128::from(count));
            prop_assert_eq!(i128::from(mean(sum, count)), p.div_euclid(q));
        }

        #[test]
        fn any_share_is_exact(e in 0u32..=1 << 15, sum in 1u32..=1 << 29) {
            let exact = ((u128::from(e) << 15) + u128::from(sum / 2)) / u128::from(sum);
            prop_assert_eq!(u128::from(share(e, sum)), exact);
        }

        #[test]
        fn any_scaled_row_is_exact(y in -(1i64 << 20)..=1 << 20, gamma: i32, beta: i32) {
            let exact = i128::from(y) * i128::from(gamma.clamp(-32_768, 32_767)) + i128::from(beta);
            prop_assert_eq!(i128::from(affine(y, gamma, beta)), exact);
        }
    }
}
