//! The tar of a container, whose every byte but the files' own follows from its manifest.

use tar::{EntryType, Header};

use crate::manifest::{Entry, Manifest};
use crate::path::MANIFEST;
use crate::{Error, Result};

pub(crate) const BLOCK: usize = 512;

/// Two blocks of zeros end a tar.
pub(crate) const END: u64 = 2 * BLOCK as u64;

/// Largest size of a ustar header: eleven octal digits.
const MAX_SIZE: u64 = (1 << 33) - 1;

/// Longest name of a ustar header.
const MAX_USTAR: usize = 100;

/// Zeros after `len` bytes.
pub(crate) fn padding(len: u64) -> u64 {
    len.next_multiple_of(BLOCK as u64) - len
}

fn block(name: &[u8], size: u64, kind: EntryType) -> [u8; BLOCK] {
    let mut header = Header::new_ustar();
    if let Some(ustar) = header.as_ustar_mut() {
        for (to, from) in ustar.name.iter_mut().zip(name) {
            *to = *from;
        }
    }
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_entry_type(kind);
    header.set_cksum();
    *header.as_bytes()
}

/// A pax record: its length in decimal, which counts itself, a blank, `key=value`, a line feed.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    format!("{len} {key}={value}\n")
}

/// The header of a file: one ustar block, after a pax header where the path is long or not ASCII or
/// the file has 8 GiB or more.
pub(crate) fn head(path: &str, len: u64) -> Vec<u8> {
    let mut records = String::new();
    let (mut name, mut size) = (path, len);
    if !path.is_ascii() || path.len() > MAX_USTAR {
        records += &record("path", path);
        name = "pax";
    }
    if len > MAX_SIZE {
        records += &record("size", &len.to_string());
        size = 0;
    }
    let mut head = Vec::new();
    if !records.is_empty() {
        let len = records.len() as u64;
        head.extend(block(b"PaxHeader", len, EntryType::XHeader));
        head.extend(records.as_bytes());
        head.resize(head.len().next_multiple_of(BLOCK), 0);
    }
    head.extend(block(name.as_bytes(), size, EntryType::Regular));
    head
}

/// Bytes of a file with its header and padding.
fn space(path: &str, len: u64) -> Option<u64> {
    let head = head(path, len).len() as u64;
    len.checked_next_multiple_of(BLOCK as u64)?
        .checked_add(head)
}

/// Bytes of the tar of a manifest that has `encoded` bytes.
pub(crate) fn tar_len(manifest: &Manifest, encoded: usize) -> Result<u64> {
    let first = space(MANIFEST, encoded as u64);
    let files = manifest.files.iter();
    files
        .map(|file| space(&file.path, file.length))
        .chain([first, Some(END)])
        .try_fold(0u64, |sum, space| sum.checked_add(space?))
        .ok_or_else(|| Error::malformed(MANIFEST, "its files are longer than any container"))
}

/// A piece of the tar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The contents of the file with this index.
    File(usize),
    /// So many zeros.
    Zeros(u64),
}

/// The pieces of the tar after `athanor.json` and its padding.
pub(crate) fn pieces(files: &[Entry]) -> impl Iterator<Item = Piece> + '_ {
    let of_file = |(index, file): (usize, &Entry)| {
        [
            Piece::Bytes(head(&file.path, file.length)),
            Piece::File(index),
            Piece::Zeros(padding(file.length)),
        ]
    };
    let files = files.iter().enumerate().flat_map(of_file);
    files.chain([Piece::Zeros(END)])
}

/// What is wrong with the first block of a header that is not the one expected.
pub(crate) fn describe(found: &[u8]) -> String {
    let Some(found) = found.first_chunk::<BLOCK>() else {
        return "a header is cut".into();
    };
    let header = Header::from_byte_slice(found);
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::XHeader => {
            return "a header is not the one its manifest demands".into()
        }
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::Directory => "a folder",
        EntryType::XGlobalHeader => "a global header",
        EntryType::GNULongName | EntryType::GNULongLink | EntryType::GNUSparse => "a GNU extension",
        _ => "an entry of an unknown kind",
    };
    format!("there is {kind} where its manifest demands a file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        assert_eq!(record("path", "a"), "9 path=a\n");
        for len in 1..1_100 {
            let record = record("path", &"x".repeat(len));
            let number: usize = record.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(number, record.len());
        }
    }

    #[test]
    fn short_names_take_one_block_and_others_a_pax_header() {
        assert_eq!(head("a/b.txt", 3).len(), BLOCK);
        assert_eq!(head(&"x".repeat(100), MAX_SIZE).len(), BLOCK);
        assert_eq!(head(&"x".repeat(101), 3).len(), 3 * BLOCK);
        assert_eq!(head("é", 3).len(), 3 * BLOCK);
        assert_eq!(head("a", MAX_SIZE + 1).len(), 3 * BLOCK);
    }

    #[test]
    fn other_readers_see_path_and_size() {
        let mut tar = head(&"é/".repeat(80), 1 << 33);
        tar.extend(head("plain", 0));
        let mut archive = tar::Archive::new(tar.as_slice());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path_bytes().as_ref(), "é/".repeat(80).as_bytes());
        assert_eq!(entry.size(), 1 << 33);
        assert_eq!(entry.header().mode().unwrap(), 0o644);
    }
}
