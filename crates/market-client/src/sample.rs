//! Samples: groups of the goods that the chain's randomness drew, opened for everybody.

use std::collections::BTreeSet;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use athanor_content_tree::market::{draw, sample_seed, SAMPLE_BLOCKS};
use athanor_content_tree::{Groups, Root, GROUP, MAX_PATH};

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
/// [`Error::Tree`] for a group the goods do not have.
pub fn file_len(len: u64, indices: &BTreeSet<u64>) -> Result<u64> {
    let groups = Groups::new(len)?;
    let mut sum = 0u64;
    for index in indices {
        let path = groups.turns(*index)?.count().saturating_mul(32);
        let group = groups.group_len(*index)?;
        sum = sum.saturating_add((8 + group + path) as u64);
    }
    Ok(sum)
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
/// [`Error::Malformed`] for other groups, a short or a long file; [`Error::WrongRoot`]; what `each`
/// gives; [`Error::File`].
pub fn verify(
    source: impl Read,
    x_root: &Root,
    len: u64,
    indices: &BTreeSet<u64>,
    mut each: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    let groups = Groups::new(len)?;
    let mut source = std::io::BufReader::with_capacity(1 << 16, source);
    let short = |_| Error::malformed("sample", "it ends early");
    let mut room = vec![0; GROUP];
    for index in indices {
        let mut number = [0; 8];
        source.read_exact(&mut number).map_err(short)?;
        if u64::from_le_bytes(number) != *index {
            return Err(Error::malformed(
                "sample",
                "it has other groups than were drawn",
            ));
        }
        let size = groups.group_len(*index)?;
        let bytes = room.get_mut(..size).unwrap_or_default();
        source.read_exact(bytes).map_err(short)?;
        let mut path = [[0; 32]; MAX_PATH];
        let turns = groups.turns(*index)?.count();
        let path = path.get_mut(..turns).unwrap_or_default();
        source.read_exact(path.as_flattened_mut()).map_err(short)?;
        let value = groups.node(*index, bytes)?;
        if groups.fold(*index, value, path)? != *x_root {
            return Err(Error::WrongRoot { what: "the sample" });
        }
        each(*index, bytes)?;
    }
    match source.read(&mut [0]) {
        Ok(0) => Ok(()),
        _ => Err(Error::malformed(
            "sample",
            "it goes on after its last group",
        )),
    }
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
