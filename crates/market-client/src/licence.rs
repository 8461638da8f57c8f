//! The licence of goods: its text, whose root stands on the chain, and its SPDX expression.

use std::path::Path;

use crate::{files, path::hidden, Error, Result};

/// Most bytes of a licence's text.
pub const MAX_LICENCE: u64 = 1 << 20;

/// Most bytes of an expression.
const MAX_EXPRESSION: usize = 256;

/// A licence's text, as bytes, with their BLAKE3 root.
///
/// # Errors
///
/// [`Error::Malformed`] unless it is UTF-8 with something in it and nothing that plays with a
/// terminal; [`Error::TooLarge`], [`Error::File`].
pub fn read(path: &Path) -> Result<(Vec<u8>, [u8; 32])> {
    let bytes = files::read(path, MAX_LICENCE, "a licence")?;
    let root = check(&bytes)?;
    Ok((bytes, root))
}

/// Checks a licence's text and gives its root.
///
/// # Errors
///
/// As [`read`].
pub fn check(bytes: &[u8]) -> Result<[u8; 32]> {
    let bad = |reason| Err(Error::malformed("licence", reason));
    if bytes.len() as u64 > MAX_LICENCE {
        return bad("it has more than 1 MiB");
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return bad("it is not UTF-8");
    };
    if text.trim().is_empty() {
        return bad("it is empty");
    }
    let plain = |c| matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{feff}') || !hidden(c);
    if !text.chars().all(plain) {
        return bad("it contains control characters");
    }
    Ok(*blake3::hash(bytes).as_bytes())
}

/// Checks an SPDX expression: identifiers of SPDX's list, `LicenseRef-…` for others, `AND`, `OR`,
/// `WITH`.
///
/// # Errors
///
/// [`Error::Malformed`] with the place.
pub fn check_spdx(expression: &str) -> Result<()> {
    if expression.len() > MAX_EXPRESSION {
        return Err(Error::malformed(
            "SPDX expression",
            "it has more than 256 bytes",
        ));
    }
    let mut words = expression.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
    if words.any(|word| word.ends_with("LicenseRef-")) {
        return Err(Error::malformed(
            "SPDX expression",
            "a LicenseRef has no name",
        ));
    }
    spdx::Expression::parse(expression)
        .map(|_| ())
        .map_err(|error| Error::malformed("SPDX expression", error.reason))
}

/// The one licence of SPDX's list that an expression names, if it is no more than that.
pub(crate) fn single(expression: &str) -> Option<&'static str> {
    spdx::license_id(expression).map(|id| id.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_those_of_spdx() {
        for good in [
            "MIT",
            "CC-BY-4.0",
            "MIT OR Apache-2.0",
            "LicenseRef-athanor-data",
            "CDLA-Permissive-2.0",
        ] {
            check_spdx(good).unwrap();
        }
        for bad in [
            "",
            "mit license",
            "MIT OR",
            "LicenseRef-",
            "CC BY 4.0",
            &"MIT AND ".repeat(50),
        ] {
            assert!(check_spdx(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_licence_is_plain_text() {
        assert_eq!(
            check(b"Do as you like.\n").unwrap(),
            *blake3::hash(b"Do as you like.\n").as_bytes()
        );
        for bad in [&b""[..], b" \n", b"\xff\xfe", b"a\x1b[2J", b"a\0"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert!(check(&vec![b'a'; (1 << 20) + 1]).is_err());
    }
}
