//! Amounts of AUR, written and read exactly.
//!
//! The chain counts in the smallest unit (a *planck*), 10^12 of which are one
//! AUR. No floating point is involved anywhere.

use std::{fmt, str::FromStr};

/// Decimals of AUR.
pub const DECIMALS: u32 = 12;

/// Smallest units in one AUR.
pub const UNIT: u128 = 1_000_000_000_000;

/// An amount in the smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub u128);

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but white space.
    #[error("an amount is empty: write it like '1.5 AUR'")]
    Empty,
    /// A number without a unit, which could mean two things 10^12 apart.
    #[error("'{0}' has no unit: write '{0} AUR' or '{0} planck' (10^12 planck are 1 AUR)")]
    NoUnit(String),
    /// The unit is unknown.
    #[error("'{0}' is not a unit of money: use AUR, mAUR, uAUR, nAUR or planck")]
    UnknownUnit(String),
    /// The number is malformed.
    #[error("'{0}' is not a number: write digits with at most one point, like '1.5 AUR'")]
    NotANumber(String),
    /// More digits after the point than the unit has.
    #[error("'{text}' is finer than the smallest unit: at most {decimals} digits after the point")]
    TooFine {
        /// What was given.
        text: String,
        /// Digits the unit allows.
        decimals: u32,
    },
    /// The amount does not fit 128 bits.
    #[error("'{0}' is more than can exist")]
    TooLarge(String),
}

/// Decimals of a unit, by its name.
fn decimals(unit: &str) -> Option<u32> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "aur" => 12,
        "maur" => 9,
        "uaur" => 6,
        "naur" => 3,
        "planck" | "plancks" => 0,
        _ => return None,
    })
}

impl FromStr for Amount {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseError::Empty);
        }
        let split = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = unit.trim();
        if number.is_empty() {
            return Err(ParseError::NotANumber(text.into()));
        }
        let (whole, fraction) = match number.split_once('.') {
            Some((_, fraction)) if fraction.contains('.') || fraction.is_empty() => {
                return Err(ParseError::NotANumber(text.into()))
            }
            Some((whole, fraction)) => (whole, fraction),
            None => (number, ""),
        };
        let digits = |part: &str| {
            part.bytes()
                .filter(|c| *c != b'_')
                .map(|c| c - b'0')
                .collect()
        };
        let whole: Vec<u8> = digits(whole);
        let fraction: Vec<u8> = digits(fraction);
        if whole.is_empty() && fraction.is_empty() {
            return Err(ParseError::NotANumber(text.into()));
        }
        if unit.is_empty() {
            if whole.iter().chain(&fraction).all(|digit| *digit == 0) {
                return Ok(Self(0));
            }
            return Err(ParseError::NoUnit(text.into()));
        }
        let decimals = decimals(unit).ok_or_else(|| ParseError::UnknownUnit(unit.into()))?;
        if fraction.len() > decimals as usize {
            return Err(ParseError::TooFine {
                text: text.into(),
                decimals,
            });
        }
        let padding = decimals as usize - fraction.len();
        whole
            .into_iter()
            .chain(fraction)
            .chain(std::iter::repeat_n(0, padding))
            .try_fold(0u128, |sum, digit| {
                sum.checked_mul(10)?.checked_add(digit.into())
            })
            .map(Self)
            .ok_or_else(|| ParseError::TooLarge(text.into()))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0 / UNIT;
        let fraction = self.0 % UNIT;
        let mut text = whole.to_string();
        if fraction != 0 {
            let digits = format!("{fraction:0width$}", width = DECIMALS as usize);
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        text.push_str(" AUR");
        f.pad(&text)
    }
}

impl Amount {
    /// The amount as JSON carries it: a decimal string of the smallest unit.
    pub fn planck(self) -> String {
        self.0.to_string()
    }
}

/// A number of bytes, like `1797`, `64 KiB` or `2GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text
            .find(|c: char| !(c.is_ascii_digit() || c == '_'))
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let number: u64 = number
            .replace('_', "")
            .parse()
            .map_err(|_| format!("'{text}' is not a number of bytes: write it like '64 MiB'"))?;
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "kib" => 10,
            "mib" => 20,
            "gib" => 30,
            "tib" => 40,
            _ => {
                return Err(format!(
                    "'{}' is not a unit: use KiB, MiB, GiB or TiB",
                    unit.trim()
                ))
            }
        };
        number
            .checked_mul(1u64 << shift)
            .map(Self)
            .ok_or_else(|| format!("'{text}' is more bytes than 64 bits can count"))
    }
}

/// Bytes as people read them, exact when they are few.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 10_240 {
        return format!("{bytes} B");
    }
    let mut scaled = bytes;
    let mut rest = 0;
    let mut unit = 0;
    for index in 0..UNITS.len() {
        rest = scaled % 1024;
        scaled /= 1024;
        unit = index;
        if scaled < 1024 {
            break;
        }
    }
    format!("{scaled}.{} {}", rest * 10 / 1024, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<u128, ParseError> {
        text.parse::<Amount>().map(|amount| amount.0)
    }

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(parse("1.5 AUR"), Ok(1_500_000_000_000));
        assert_eq!(parse("1.5AUR"), Ok(1_500_000_000_000));
        assert_eq!(parse(" 10_000 aur "), Ok(10_000 * UNIT));
        assert_eq!(parse("0.000000000001 AUR"), Ok(1));
        assert_eq!(parse(".5 AUR"), Ok(UNIT / 2));
        assert_eq!(parse("2.5 mAUR"), Ok(2_500_000_000));
        assert_eq!(parse("1 uAUR"), Ok(1_000_000));
        assert_eq!(parse("1 nAUR"), Ok(1_000));
        assert_eq!(parse("7 planck"), Ok(7));
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(
            parse("340282366920938463463374607431768211455 planck"),
            Ok(u128::MAX)
        );
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        assert_eq!(parse(""), Err(ParseError::Empty));
        assert_eq!(parse("5"), Err(ParseError::NoUnit("5".into())));
        assert_eq!(parse("5 DOT"), Err(ParseError::UnknownUnit("DOT".into())));
        assert_eq!(
            parse("1e3 AUR"),
            Err(ParseError::UnknownUnit("e3 AUR".into()))
        );
        for text in [
            "AUR",
            "-1 AUR",
            ". AUR",
            "1. AUR",
            "1.2.3 AUR",
            "_ AUR",
            "1,5 AUR",
        ] {
            assert!(
                matches!(
                    parse(text),
                    Err(ParseError::NotANumber(_) | ParseError::UnknownUnit(_))
                ),
                "{text}"
            );
        }
        assert!(matches!(
            parse("0.0000000000001 AUR"),
            Err(ParseError::TooFine { .. })
        ));
        assert!(matches!(
            parse("0.5 planck"),
            Err(ParseError::TooFine { decimals: 0, .. })
        ));
        assert!(matches!(
            parse("340282366920938463463374607431768211456 planck"),
            Err(ParseError::TooLarge(_))
        ));
    }

    #[test]
    fn byte_counts_take_binary_units() {
        assert_eq!("64 KiB".parse(), Ok(Bytes(65_536)));
        assert_eq!("2GiB".parse(), Ok(Bytes(2 << 30)));
        assert_eq!("1_797".parse(), Ok(Bytes(1797)));
        for text in ["", "KiB", "1.5 MiB", "3 MB", "99999999999 TiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        assert_eq!(human_bytes(1797), "1797 B");
        assert_eq!(human_bytes(115_008), "112.3 KiB");
        assert_eq!(human_bytes(3 << 30), "3.0 GiB");
        assert_eq!(human_bytes(u64::MAX), "16777215.9 TiB");
    }

    proptest! {
        #[test]
        fn every_amount_survives_being_written_and_read(planck: u128) {
            let amount = Amount(planck);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
            prop_assert_eq!(format!("{planck} planck").parse::<Amount>(), Ok(amount));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = text.parse::<Amount>();
            let _ = text.parse::<Bytes>();
        }
    }
}
