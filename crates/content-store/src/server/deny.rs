use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{parse_root, Error, Root};

/// Roots that a store neither takes nor gives. It may be exchanged while the store runs.
#[derive(Clone, Debug, Default)]
pub struct DenyList {
    roots: Arc<RwLock<HashSet<Root>>>,
}

impl DenyList {
    /// Reads a list: one root a line, as people write them; what follows a `#` is a remark.
    ///
    /// # Errors
    ///
    /// [`Error::BadDenyList`] with the number of the first wrong line.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut roots = HashSet::new();
        for (number, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let line = number.saturating_add(1);
            roots.insert(parse_root(entry).map_err(|_| Error::BadDenyList { line })?);
        }
        Ok(Self {
            roots: Arc::new(RwLock::new(roots)),
        })
    }

    /// Reads the list at `path`; see [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::BadDenyList`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        Self::parse(&text)
    }

    /// Takes over the roots of `other`.
    pub fn replace(&self, other: &Self) {
        let new = other
            .roots
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        *self.roots.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// Whether a root is on it.
    pub fn contains(&self, root: &Root) -> bool {
        self.roots
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(root)
    }

    /// How many roots are on it.
    pub fn len(&self) -> usize {
        self.roots
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether no root is on it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_root_a_line_and_remarks() {
        let text = format!(
            "# court order 5\n0x{}  # the first\n\n{}\r\n",
            "AB".repeat(32),
            "cd".repeat(32)
        );
        let list = DenyList::parse(&text).unwrap();
        assert!(list.contains(&[0xab; 32]) && list.contains(&[0xcd; 32]));
        assert!(!list.contains(&[0; 32]));
        assert_eq!(list.len(), 2);
        list.replace(&DenyList::default());
        assert!(list.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_list_or_has_a_wrong_line(text in "([0-9a-fx#\r\n ]{0,70}|.{0,9})*") {
            match DenyList::parse(&text) {
                Ok(list) => proptest::prop_assert!(list.len() <= text.lines().count()),
                Err(Error::BadDenyList { line }) => {
                    proptest::prop_assert!((1..=text.lines().count()).contains(&line));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn the_first_wrong_line_is_named() {
        let text = format!("\n{}\n{}\n", "ab".repeat(32), "ab".repeat(31));
        let wrong = DenyList::parse(&text);
        assert!(
            matches!(wrong, Err(Error::BadDenyList { line: 3 })),
            "{wrong:?}"
        );
    }
}
