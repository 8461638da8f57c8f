use crate::{Error, Root};

/// The 64 lower-case hex digits of a root: its name in paths and URLs.
pub fn root_hex(root: &Root) -> String {
    hex::encode(root)
}

/// Reads a root as people write it: 64 hex digits of either case, with or without `0x`.
///
/// # Errors
///
/// [`Error::BadRoot`].
pub fn parse_root(text: &str) -> Result<Root, Error> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut root = Root::default();
    hex::decode_to_slice(digits, &mut root).map_err(|_| Error::BadRoot)?;
    Ok(root)
}

/// Reads a root as it stands in paths and URLs: there is one name for a blob, not several.
pub(crate) fn parse_name(text: &str) -> Result<Root, Error> {
    let root = parse_root(text)?;
    if root_hex(&root) == text {
        Ok(root)
    } else {
        Err(Error::BadRoot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_64_lower_case_digits() {
        let root = [0xab; 32];
        assert_eq!(parse_name(&root_hex(&root)).unwrap(), root);
        for wrong in [
            String::new(),
            "ab".repeat(31),
            "ab".repeat(33),
            "AB".repeat(32),
            format!("0x{}", "ab".repeat(32)),
            "zz".repeat(32),
            format!("../{}", "a".repeat(61)),
            "é".repeat(32),
        ] {
            assert!(matches!(parse_name(&wrong), Err(Error::BadRoot)), "{wrong}");
        }
    }

    #[test]
    fn people_may_write_a_prefix_and_capitals() {
        assert_eq!(
            parse_root(&format!("0x{}", "AB".repeat(32))).unwrap(),
            [0xab; 32]
        );
        assert!(parse_root("0x").is_err());
        assert!(parse_root(&format!("0x0x{}", "ab".repeat(31))).is_err());
    }
}
