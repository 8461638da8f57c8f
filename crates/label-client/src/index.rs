//! `index.jsonl`: a line a page with content root, length and gold commitment. Leaves and
//! Merkle root follow from it.

use crate::{
    error::{Error, Result},
    page::{content_root, MAX_PAGE},
    tree,
};
use athanor_primitives::labels::{self, PageLeaf};
use serde::{Deserialize, Serialize};

/// Most pages of a batch.
pub const MAX_PAGES: usize = labels::MAX_PAGES as usize;

/// Longest line of an index, in bytes.
const MAX_LINE: usize = 256;

/// Longest index, in bytes.
pub const MAX_INDEX: usize = MAX_PAGES * (MAX_LINE + 1);

/// What the index says of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// BLAKE3 root of the page's bytes as they are stored; of the encrypted ones if it is
    /// private.
    pub root: [u8; 32],
    /// Their length.
    pub bytes: u32,
    /// The commitment to the page's gold; zeros without gold.
    pub gold: [u8; 32],
}

/// The pages of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// One entry a page, page 0 first.
    pub pages: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    root: String,
    bytes: u32,
    gold: String,
}

fn hex32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
    Some(bytes)
}

impl Index {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        for page in &self.pages {
            out.push_str(&format!(
                "{{\"root\":\"0x{}\",\"bytes\":{},\"gold\":\"0x{}\"}}\n",
                hex::encode(page.root),
                page.bytes,
                hex::encode(page.gold)
            ));
        }
        out.into_bytes()
    }

    /// Reads a file whose root is known.
    ///
    /// # Errors
    ///
    /// [`Error::WrongRoot`] when it is another file; as [`parse`](Self::parse).
    pub fn from_bytes(bytes: &[u8], index_root: &[u8; 32]) -> Result<Self> {
        if bytes.len() <= MAX_INDEX && content_root(bytes) != *index_root {
            return Err(Error::WrongRoot { what: "the index" });
        }
        Self::parse(bytes)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`]; [`Error::Line`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let too_large = |most: usize, found: usize, unit| Error::TooLarge {
            what: "an index",
            most: most as u64,
            found: found as u64,
            unit,
        };
        if bytes.len() > MAX_INDEX {
            return Err(too_large(MAX_INDEX, bytes.len(), "bytes"));
        }
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut pages = Vec::new();
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let at = |reason: String| Error::Line { line, reason };
            if text.len() > MAX_LINE {
                return Err(at(format!("a line has at most {MAX_LINE} bytes")));
            }
            let read: Line = serde_json::from_slice(text).map_err(|error| at(error.to_string()))?;
            let root = hex32(&read.root).ok_or_else(|| at("'root' is no root".into()))?;
            let gold = hex32(&read.gold).ok_or_else(|| at("'gold' is no hash".into()))?;
            if read.bytes == 0 || read.bytes as usize > MAX_PAGE {
                return Err(at(format!("a page has 1 to {MAX_PAGE} bytes")));
            }
            if pages.len() == MAX_PAGES {
                return Err(too_large(MAX_PAGES, MAX_PAGES + 1, "pages"));
            }
            pages.push(Entry {
                root,
                bytes: read.bytes,
                gold,
            });
        }
        Ok(Self { pages })
    }

    /// Leaf of a page; `None` if there is no such page.
    pub fn leaf(&self, page: u32) -> Option<PageLeaf> {
        let entry = self.pages.get(page as usize)?;
        Some(PageLeaf {
            page,
            content_root: entry.root,
            bytes: entry.bytes,
            gold_commit: entry.gold,
        })
    }

    /// Leaf of each page, page 0 first.
    pub fn leaves(&self) -> Vec<PageLeaf> {
        (0..self.pages.len() as u32)
            .filter_map(|page| self.leaf(page))
            .collect()
    }

    /// Root of the tree over the leaves: a batch's `pages_root`.
    pub fn pages_root(&self) -> [u8; 32] {
        labels::pages_root(&self.leaves())
    }

    /// The inner hashes that prove each page's leaf.
    pub fn paths(&self) -> Vec<Vec<[u8; 32]>> {
        tree::paths(&self.leaves())
    }

    /// Root of the file itself: a batch's `index_root`.
    pub fn index_root(&self) -> [u8; 32] {
        content_root(&self.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(pages: u32) -> Index {
        let entry = |page: u32| Entry {
            root: sp_crypto_hashing::blake2_256(&page.to_le_bytes()),
            bytes: page + 1,
            gold: [page as u8; 32],
        };
        Index {
            pages: (0..pages).map(entry).collect(),
        }
    }

    #[test]
    fn an_index_is_read_as_it_was_written() {
        for pages in [1, 2, 3, 100] {
            let index = index(pages);
            let bytes = index.to_bytes();
            assert_eq!(
                Index::from_bytes(&bytes, &index.index_root()).unwrap(),
                index
            );
            for (page, path) in (0..pages).zip(index.paths()) {
                let leaf = index.leaf(page).unwrap();
                assert!(leaf.is_in(&index.pages_root(), pages, &path));
            }
        }
        let bytes = index(3).to_bytes();
        assert_eq!(
            Index::from_bytes(&bytes, &[0; 32]),
            Err(Error::WrongRoot { what: "the index" })
        );
    }

    #[test]
    fn malformed_indices_are_refused_with_their_line() {
        let good = String::from_utf8(index(3).to_bytes()).unwrap();
        for (text, wanted) in [
            (String::new(), "line 1"),
            (good.replacen("0x", "", 1), "line 1: 'root'"),
            (
                good.replacen("\"gold\":\"0x02", "\"gold\":\"0xzz", 1),
                "line 3: 'gold'",
            ),
            (
                good.replacen("\"bytes\":2", "\"bytes\":0", 1),
                "line 2: a page has",
            ),
            (
                good.replacen("\"bytes\":2", "\"bytes\":262145", 1),
                "line 2: a page has",
            ),
            (format!("{good}\n"), "line 4"),
            (format!("{good}{}", " ".repeat(300)), "line 4: a line has"),
            (good.repeat(1_366), "an index may have at most 4096 pages"),
        ] {
            let error = Index::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(wanted), "{wanted}: {error}");
        }
        assert!(Index::parse(&vec![b'x'; MAX_INDEX + 1]).is_err());
    }

    #[test]
    fn an_altered_page_changes_the_root() {
        let first = index(5);
        let mut second = first.clone();
        second.pages[4].gold[0] ^= 1;
        assert_ne!(first.pages_root(), second.pages_root());
    }
}
