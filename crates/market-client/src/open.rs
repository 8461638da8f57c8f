//! Opening what was bought: decrypting, checking every group, and evidence where one is wrong.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use athanor_content_tree::market::{Evidence, Fault, Sale, Secret};
use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::{GroupProof, Groups, Root};

use crate::files::{self, Metered, NewFile, Progress};
use crate::manifest::Manifest;
use crate::unpack::Unpacker;
use crate::{Error, Result};

/// What the buyer has on his disk.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// The ciphertext.
    pub z: &'a Path,
    /// Its outboard.
    pub z_outboard: &'a Path,
    /// The goods' outboard.
    pub x_outboard: &'a Path,
}

/// Checks all that a buyer must have before he pays: every group of z, and the goods' outboard node
/// by node. Without the latter no evidence could be made.
///
/// # Errors
///
/// [`Error::Stream`] names what is wrong; [`Error::File`].
pub fn check_before_order(
    x_root: &Root,
    z_root: &Root,
    len: u64,
    files: Files<'_>,
    progress: Progress<'_>,
) -> Result<()> {
    stream::check_outboard(x_root, len, files::open(files.x_outboard)?)?;
    let source = Metered::new(files::open(files.z)?, progress);
    let outboard = files::open(files.z_outboard)?;
    Ok(stream::verify(z_root, len, outboard, source, io::sink())?)
}

/// Checks any file against its root and outboard.
///
/// # Errors
///
/// [`Error::Stream`] with the first bad group or node; [`Error::File`].
pub fn verify_file(
    root: &Root,
    path: &Path,
    outboard: &Path,
    progress: Progress<'_>,
) -> Result<()> {
    let file = files::open(path)?;
    let len = files::len(&file, path)?;
    let source = Metered::new(file, progress);
    Ok(stream::verify(
        root,
        len,
        files::open(outboard)?,
        source,
        io::sink(),
    )?)
}

fn decrypt(
    sale: &Sale,
    key: &Secret,
    files: Files<'_>,
    sink: impl io::Write + Send,
    progress: Progress<'_>,
) -> Result<()> {
    Ok(stream::open(
        &sale.context.cipher(key),
        &sale.x_root,
        sale.len,
        files::open(files.x_outboard)?,
        Metered::new(files::open(files.z)?, progress),
        sink,
    )?)
}

/// The key that the seller revealed to the buyer with scalar `b`.
///
/// # Errors
///
/// [`Error::WrongRoot`] when it is not the one he committed to: [`find_fault`] makes the evidence.
pub fn unwrap(sale: &Sale, b: &Secret) -> Result<Secret> {
    let key = sale.context.unwrap(&sale.wrapped, sale.order, b);
    if sale.context.commit(&key) != sale.commitment {
        return Err(Error::WrongRoot {
            what: "the key that was revealed",
        });
    }
    Ok(key)
}

/// Decrypts and checks the goods into the new file `dest`.
///
/// # Errors
///
/// [`Error::WrongRoot`] for a wrong key, [`Error::Stream`] with the bad group: nothing is left of
/// the file then. [`Error::Exists`], [`Error::File`].
pub fn open_to_file(
    sale: &Sale,
    b: &Secret,
    files: Files<'_>,
    dest: &Path,
    progress: Progress<'_>,
) -> Result<()> {
    let key = unwrap(sale, b)?;
    let new = NewFile::create(dest, false)?;
    let mut goods = new.behind()?;
    decrypt(sale, &key, files, &mut goods, progress)?;
    goods.finish().map_err(Error::file("write", dest))?;
    new.finish()
}

/// Decrypts and checks a container and unpacks it into the new folder `dest`.
///
/// # Errors
///
/// As [`open_to_file`], and as [`unpack`](crate::unpack::unpack) for what breaks the container's
/// rules: such goods are the ones that were named, and no fault for the judge.
pub fn open_and_unpack(
    sale: &Sale,
    b: &Secret,
    files: Files<'_>,
    dest: &Path,
    progress: Progress<'_>,
) -> Result<Manifest> {
    let key = unwrap(sale, b)?;
    let mut unpacker = Unpacker::new(sale.len, dest)?;
    decrypt(sale, &key, files, &mut unpacker, progress)?;
    unpacker.finish()
}

pub(crate) fn proof(
    root: &Root,
    groups: Groups,
    index: u64,
    outboard: &Path,
) -> Result<GroupProof> {
    let mut file = files::open(outboard)?;
    groups
        .prove(root, index, |at, node: &mut [u8; 64]| {
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(node)
        })
        .map_err(|error| match error {
            athanor_content_tree::ProveError::Read(error) => Error::file("read", outboard)(error),
            _ => Error::WrongRoot {
                what: "an outboard",
            },
        })
}

pub(crate) fn group_of(z: &Path, groups: Groups, index: u64) -> Result<Vec<u8>> {
    let failed = Error::file("read", z);
    let mut file: File = files::open(z)?;
    let mut bytes = vec![0; groups.group_len(index)?];
    file.seek(SeekFrom::Start(
        index.saturating_mul(athanor_content_tree::GROUP as u64),
    ))
    .and_then(|_| file.read_exact(&mut bytes))
    .map_err(failed)?;
    Ok(bytes)
}

/// Looks for what is wrong with a sale, and makes the evidence of it. `None`: all is right.
///
/// The evidence is judged here as the chain would, and given only if it is proven: a complaint that
/// fails would publish `b`.
///
/// # Errors
///
/// [`Error::NotProven`] when the files are not those of the order; [`Error::Stream`],
/// [`Error::WrongRoot`], [`Error::File`].
pub fn find_fault(
    sale: &Sale,
    b: &Secret,
    files: Files<'_>,
    progress: Progress<'_>,
) -> Result<Option<(Evidence, Fault)>> {
    let evidence = match unwrap(sale, b) {
        Err(_) => Evidence::of_key(b),
        Ok(key) => match decrypt(sale, &key, files, io::sink(), progress) {
            Ok(()) => return Ok(None),
            Err(Error::Stream(StreamError::BadGroup { index })) => {
                let groups = Groups::new(sale.len)?;
                Evidence::of_group(
                    b,
                    group_of(files.z, groups, index)?,
                    &proof(&sale.z_root, groups, index, files.z_outboard)?,
                    &proof(&sale.x_root, groups, index, files.x_outboard)?,
                )?
            }
            Err(error) => return Err(error),
        },
    };
    match sale.judge(&evidence) {
        Ok(fault) => Ok(Some((evidence, fault))),
        Err(error) => Err(Error::NotProven(error)),
    }
}
