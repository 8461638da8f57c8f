//! Which paths a container may hold.

use std::collections::HashMap;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;

use crate::{Error, Result};

/// Most bytes of a path.
pub const MAX_PATH: usize = 1_024;

/// Most bytes of one of its names, which most file systems allow.
pub const MAX_NAME: usize = 255;

/// The file that says what a container holds.
pub const MANIFEST: &str = "athanor.json";

/// Checks one path: relative, `/` between names, no `.` or `..`, nothing that a terminal or another
/// system reads as something else.
///
/// # Errors
///
/// [`Error::Path`].
pub fn check(path: &str) -> Result<()> {
    let refused = |reason| {
        Err(Error::Path {
            path: shown(path),
            reason,
        })
    };
    if path.is_empty() {
        return refused("it is empty");
    }
    if path.len() > MAX_PATH {
        return refused("it has more than 1,024 bytes");
    }
    if path.starts_with('/') {
        return refused("it is absolute");
    }
    if path.contains('\\') {
        return refused("it contains a backslash, which some systems read as a separator");
    }
    if path.chars().any(hidden) {
        return refused("it contains a control or direction character");
    }
    for name in path.split('/') {
        match name {
            "" => return refused("it contains an empty name"),
            "." | ".." => return refused("it contains . or .."),
            name if name.len() > MAX_NAME => return refused("a name has more than 255 bytes"),
            _ => {}
        }
    }
    Ok(())
}

/// Control characters and those that turn the direction of writing.
pub(crate) fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The path as errors show it.
fn shown(path: &str) -> String {
    let clean = path.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c });
    clean.take(MAX_NAME).collect()
}

/// What is equal for two names that a system takes for one: Unicode's canonical caseless match.
pub fn folded(path: &str) -> String {
    let decomposed: String = path.nfd().collect();
    UniCase::unicode(decomposed)
        .to_folded_case()
        .nfc()
        .collect()
}

fn key(folded: &str) -> [u8; 32] {
    *blake3::hash(folded.as_bytes()).as_bytes()
}

/// Checks that all paths can stand beside each other, with [`MANIFEST`], on any file system.
///
/// # Errors
///
/// [`Error::Path`] for the first bad path, [`Error::Clash`].
pub fn check_all<'a>(paths: impl Iterator<Item = &'a str> + Clone) -> Result<()> {
    let names = || std::iter::once(MANIFEST).chain(paths.clone());
    // Hashes, not names: a million long paths must not fill the memory a second time.
    let mut files = HashMap::new();
    let other = |at: usize| shown(names().nth(at).unwrap_or_default());
    for (at, path) in names().enumerate() {
        check(path)?;
        if let Some(before) = files.insert(key(&folded(path)), at) {
            return Err(Error::Clash {
                first: other(before),
                second: shown(path),
            });
        }
    }
    for path in names() {
        let folded = folded(path);
        for (at, _) in folded.match_indices('/') {
            if let Some(file) = folded.get(..at).and_then(|folder| files.get(&key(folder))) {
                return Err(Error::Clash {
                    first: other(*file),
                    second: shown(path),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_relative_paths_pass() {
        for path in [
            "a",
            "a/b.txt",
            ".hidden",
            "...",
            "ä/é",
            "a b",
            "x".repeat(255).as_str(),
        ] {
            check(path).unwrap();
        }
        check_all(["a/b", "a/c", "d"].into_iter()).unwrap();
    }

    #[test]
    fn paths_that_lead_elsewhere_or_hide_are_refused() {
        let long = "x/".repeat(512) + "x";
        for path in [
            "",
            "/etc/passwd",
            "a//b",
            "a/",
            "./a",
            "a/./b",
            "..",
            "../a",
            "a/../b",
            "a\0b",
            "a\nb",
            "a\u{1b}[31m",
            "C:\\a",
            "a\u{202e}gpj.exe",
            &"x".repeat(256),
            &long,
        ] {
            assert!(matches!(check(path), Err(Error::Path { .. })), "{path:?}");
        }
    }

    #[test]
    fn names_that_a_system_takes_for_one_clash() {
        for (first, second) in [
            ("a", "a"),
            ("Readme", "README"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("CAFE\u{301}", "caf\u{e9}"),
            ("straße", "STRASSE"),
            ("\u{1fc3}", "\u{397}\u{399}"),
            ("ATHANOR.json", "b"),
        ] {
            let paths = [first, second];
            let error = check_all(paths.into_iter()).unwrap_err();
            assert!(matches!(error, Error::Clash { .. }), "{first} {second}");
        }
    }

    #[test]
    fn a_file_is_no_folder_of_another() {
        for paths in [
            ["a", "a/b"],
            ["a/b", "A"],
            ["x/Y", "X/y/z"],
            ["athanor.json/x", "b"],
        ] {
            let error = check_all(paths.into_iter()).unwrap_err();
            assert!(matches!(error, Error::Clash { .. }), "{paths:?}");
        }
    }

    #[test]
    fn errors_show_no_terminal_escapes() {
        let error = check("a\u{1b}]0;x").unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
}
