//! Samples: groups of the goods that the chain's randomness drew, opened for everybody.

use std::collections::BTreeSet;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use athanor_content_tree::market::{draw, sample_seed, SAMPLE_BLOCKS};
use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::{Groups, Root};

use crate::files::{self, advance, NewFile, Progress};
use crate::open::{group_of, proof};
use crate::{Error, Result};

/// Of so many groups one may be shown.
pub const SHARE: u64 = 20;

/// Most groups of a sample of goods of `len` bytes that a seller should promise: one of 20, since
/// what is opened is given away.
///
/// # Errors
///
/// [`Error::Tree`] for a length no goods have.
pub fn most(len: u64) -> Result<u32> {
    let most = Groups::new(len)?.count() / SHARE;
    Ok(u32::try_from(most).unwrap_or(u32::MAX))
}

/// The groups of a listing's sample: `promised` of them, or all. `pre_outputs` are the VRF
/// pre-outputs of the blocks listed_at + 1 to listed_at + 8.
///
/// # Errors
///
/// [`Error::Tree`] for a length no goods have.
pub fn indices(
    pre_outputs: &[[u8; 32]; SAMPLE_BLOCKS],
    x_root: &Root,
    len: u64,
    promised: u32,
) -> Result<BTreeSet<u64>> {
    let groups = Groups::new(len)?;
    Ok(draw(&sample_seed(pre_outputs, x_root), &groups, promised))
}

/// Bytes of the sample file of these groups.
///
/// # Errors
///
/// [`Error::Stream`] for a group the goods do not have.
pub fn file_len(len: u64, indices: &BTreeSet<u64>) -> Result<u64> {
    Ok(stream::sample_len(len, indices)?)
}

/// Writes the sample file of these groups into the new file `dest`.
///
/// # Errors
///
/// [`Error::WrongRoot`] when goods and outboard are not of this root; [`Error::Tree`],
/// [`Error::Exists`], [`Error::File`].
pub fn write(
    x: &Path,
    x_outboard: &Path,
    x_root: &Root,
    len: u64,
    indices: &BTreeSet<u64>,
    dest: &Path,
    progress: Progress<'_>,
) -> Result<()> {
    let groups = Groups::new(len)?;
    let new = NewFile::create(dest, false)?;
    let failed = Error::file("write", dest);
    let mut out = BufWriter::new(new.file()?);
    for index in indices {
        let bytes = group_of(x, groups, *index)?;
        let proof = proof(x_root, groups, *index, x_outboard)?;
        if groups.node(*index, &bytes)? != proof.value {
            return Err(Error::WrongRoot { what: "the goods" });
        }
        out.write_all(&index.to_le_bytes())
            .and_then(|()| out.write_all(&bytes))
            .and_then(|()| out.write_all(proof.path.as_flattened()))
            .map_err(&failed)?;
        advance(progress, bytes.len() as u64)?;
    }
    out.flush().map_err(&failed)?;
    drop(out);
    new.finish()
}

/// Checks a sample file: exactly these groups, each with its path to the root. `each` is given the
/// index and the bytes of every group that is right, in ascending order, before the next is read.
///
/// # Errors
///
/// [`Error::WrongRoot`] for other groups or other bytes; [`Error::Malformed`] for a short or a long
/// file; what `each` gives; [`Error::File`].
pub fn verify(
    source: impl Read,
    x_root: &Root,
    len: u64,
    indices: &BTreeSet<u64>,
    each: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    stream::check_sample(x_root, len, indices, source, each).map_err(|error| match error {
        Error::Stream(StreamError::BadGroup { .. }) => Error::WrongRoot { what: "the sample" },
        Error::Stream(StreamError::Short { .. }) => Error::malformed("sample", "it ends early"),
        Error::Stream(StreamError::Long { .. }) => {
            Error::malformed("sample", "it goes on after its last group")
        }
        other => other,
    })
}

/// As [`verify`], of a file.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_file(
    path: &Path,
    x_root: &Root,
    len: u64,
    indices: &BTreeSet<u64>,
    each: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    verify(files::open(path)?, x_root, len, indices, each)
}

/// Checks a sample file, and writes what its groups hold to the new file `dest`, each without its
/// first `skip` bytes. A file of any length fits: it is read and written group by group.
///
/// # Errors
///
/// As [`verify`]; nothing is left of `dest` then. [`Error::Exists`], [`Error::File`].
pub fn extract(
    path: &Path,
    x_root: &Root,
    len: u64,
    indices: &BTreeSet<u64>,
    skip: usize,
    dest: &Path,
) -> Result<()> {
    let new = NewFile::create(dest, false)?;
    let failed = Error::file("write", dest);
    let mut out = BufWriter::with_capacity(1 << 18, new.file()?);
    verify_file(path, x_root, len, indices, |_, bytes| {
        out.write_all(bytes.get(skip..).unwrap_or_default())
            .map_err(&failed)
    })?;
    out.flush().map_err(&failed)?;
    drop(out);
    new.finish()
}
