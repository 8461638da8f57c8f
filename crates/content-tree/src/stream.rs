//! Content in groups as files of any length: outboards made and checked, content verified, sealed
//! and opened, in bounded memory and on all cores.
//!
//! As many threads work as rayon has here, and two more that may wait for reading or writing, each on
//! 512 KiB of its own. To see progress, give a reader that counts.
//! After an error what was written before it is right as far as it goes, but not all of it: throw it
//! away. A source that blocks for ever blocks the call.
//!
//! ```
//! use std::io::{sink, Cursor};
//! use athanor_content_tree::stream;
//!
//! let content = vec![7u8; 100_000];
//! let mut outboard = Cursor::new(Vec::new());
//! let root = stream::encode(100_000, content.as_slice(), &mut outboard).unwrap();
//!
//! let mut copy = Vec::new();
//! stream::verify(&root, 100_000, outboard.get_ref().as_slice(), content.as_slice(), &mut copy)
//!     .unwrap();
//! assert_eq!(copy, content);
//! ```

mod pipe;
#[cfg(feature = "market")]
mod salt;
#[cfg(feature = "market")]
mod sample;
mod subtree;
mod window;

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use thiserror::Error;

#[cfg(feature = "market")]
use crate::market::Cipher;
use crate::{Error, Groups, Root, Value};
use pipe::{pipe, Work};
#[cfg(feature = "market")]
pub use salt::{Salted, Unsalted};
#[cfg(feature = "market")]
pub use sample::{check_sample, sample_len};
use subtree::{Known, Subtree};
use window::{node_index, Checked, Window, Windows};

/// Why a stream was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The length or the range is not one of a content in groups.
    #[error(transparent)]
    Tree(#[from] Error),
    /// The source ended before the length was reached.
    #[error("the content ended after {at} bytes, before its {len}")]
    Short {
        /// Bytes that came.
        at: u64,
        /// Bytes that should have come.
        len: u64,
    },
    /// The source goes on after its length.
    #[error("more than {len} bytes came")]
    Long {
        /// Bytes that should have come.
        len: u64,
    },
    /// A group is not the one that the outboard names. Of a window's groups the first.
    #[error("group {index} has other bytes than its outboard says")]
    BadGroup {
        /// Index of the group.
        index: u64,
    },
    /// A node of the outboard does not have the value its parent or the root says, or there are
    /// fewer or more nodes than the length demands.
    #[error("the outboard is not the one of this root and length (node {node})")]
    BadOutboard {
        /// Index of the node.
        node: u64,
    },
    /// The source cannot be read.
    #[error("cannot read the content: {0}")]
    Read(#[source] io::Error),
    /// The outboard cannot be read.
    #[error("cannot read the outboard: {0}")]
    ReadOutboard(#[source] io::Error),
    /// The result cannot be written.
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
}

/// Root of the `len` bytes of `source`, whose outboard is written to `outboard`, from its start.
///
/// # Errors
///
/// [`StreamError`].
pub fn encode(
    len: u64,
    source: impl Read + Send,
    outboard: impl Write + Seek + Send,
) -> Result<Root, StreamError> {
    encode_to(len, source, io::sink(), outboard)
}

/// As [`encode`], and writes the bytes to `sink`.
///
/// # Errors
///
/// [`StreamError`].
pub fn encode_to(
    len: u64,
    source: impl Read + Send,
    sink: impl Write + Send,
    outboard: impl Write + Seek + Send,
) -> Result<Root, StreamError> {
    let groups = Groups::new(len)?;
    let mut maker = Maker::new(groups, outboard);
    let windows = Windows::all(groups);
    let leaf = |index, bytes: &mut [u8], _| groups.node(index, bytes).map_err(Into::into);
    let work = Work {
        before: |_: Window| Ok(()),
        middle: |window: Window, bytes: &mut [u8], ()| {
            let mut nodes = window.room();
            let value = Subtree::of(window).make(bytes, None, Some(&mut nodes), &leaf)?;
            Ok((value, nodes))
        },
        after: |window: Window, (value, nodes): (_, Vec<u8>)| maker.add(window, value, &nodes),
    };
    pipe(windows, source, sink, work)?;
    maker.finish()
}

/// Checks an outboard alone, node by node, against root and length.
///
/// # Errors
///
/// [`StreamError::BadOutboard`], [`StreamError::ReadOutboard`], [`StreamError::Tree`].
pub fn check_outboard(root: &Root, len: u64, outboard: impl Read) -> Result<(), StreamError> {
    let groups = Groups::new(len)?;
    let mut checked = Checked::new(groups, root, in_turn(outboard));
    for window in Windows::all(groups).shared() {
        let (value, nodes) = checked.next(window)?;
        Subtree::of(window).shared().check_nodes(Known {
            value,
            nodes: &nodes,
        })?;
    }
    checked.finish()
}

/// Checks every group of `source` against root, length and outboard, and writes it to `sink`.
///
/// # Errors
///
/// [`StreamError`].
pub fn verify(
    root: &Root,
    len: u64,
    outboard: impl Read + Send,
    source: impl Read + Send,
    sink: impl Write + Send,
) -> Result<(), StreamError> {
    let groups = Groups::new(len)?;
    let mut checked = Checked::new(groups, root, in_turn(outboard));
    let leaf = |index, bytes: &mut [u8], known| compare(groups, index, bytes, known);
    let work = Work {
        before: |window: Window| checked.next(window),
        middle: |window: Window, bytes: &mut [u8], known| check(window, bytes, &known, &leaf),
        after: |_: Window, ()| Ok(()),
    };
    pipe(Windows::all(groups), source, sink, work)?;
    checked.finish()
}

/// As [`verify`], for the groups `range` alone, which are all that `source` has. Of the outboard
/// only their nodes and those above them are read.
///
/// # Errors
///
/// [`StreamError`]; [`Error::GroupBeyondEnd`] for a range that is empty or ends after the content.
pub fn verify_range(
    root: &Root,
    len: u64,
    range: Range<u64>,
    outboard: impl Read + Seek + Send,
    source: impl Read + Send,
    sink: impl Write + Send,
) -> Result<(), StreamError> {
    let groups = Groups::new(len)?;
    let windows = Windows::of(groups, range)?;
    let mut outboard = outboard;
    let mut checked = Checked::new(groups, root, |at, buffer: &mut [u8]| {
        outboard.seek(SeekFrom::Start(at))?;
        outboard.read_exact(buffer)
    });
    let leaf = |index, bytes: &mut [u8], known| compare(groups, index, bytes, known);
    let work = Work {
        before: |window: Window| checked.next(window),
        middle: |window: Window, bytes: &mut [u8], known| check(window, bytes, &known, &leaf),
        after: |_: Window, ()| Ok(()),
    };
    pipe(windows, source, sink, work)
}

/// As [`verify_range`], of bytes that lie in memory, and stay as they are.
///
/// # Errors
///
/// As [`verify_range`].
pub fn verify_bytes(
    root: &Root,
    len: u64,
    range: Range<u64>,
    outboard: impl Read + Seek,
    bytes: &mut [u8],
) -> Result<(), StreamError> {
    let groups = Groups::new(len)?;
    let windows = Windows::of(groups, range)?;
    let (given, wanted) = (bytes.len() as u64, windows.bytes());
    if given < wanted {
        let (at, len) = (given, wanted);
        return Err(StreamError::Short { at, len });
    }
    if given > wanted {
        return Err(StreamError::Long { len: wanted });
    }
    let mut outboard = outboard;
    let mut checked = Checked::new(groups, root, |at, buffer: &mut [u8]| {
        outboard.seek(SeekFrom::Start(at))?;
        outboard.read_exact(buffer)
    });
    let leaf = |index, bytes: &mut [u8], known| compare(groups, index, bytes, known);
    let mut rest = bytes;
    for window in windows.shared() {
        let (part, after) = rest
            .split_at_mut_checked(window.bytes)
            .ok_or(Error::TooLong)?;
        let known = checked.next(window)?;
        let subtree = Subtree::of(window).shared();
        subtree.make(part, Some(Known::of(&known)), None, &leaf)?;
        rest = after;
    }
    Ok(())
}

/// Seals the goods: checks every group of `x` against `x_root` and its outboard, writes the
/// ciphertext to `z` and its outboard to `z_outboard`, from its start. Gives `z_root`.
///
/// # Errors
///
/// [`StreamError`].
#[cfg(feature = "market")]
pub fn seal(
    cipher: &Cipher,
    x_root: &Root,
    len: u64,
    x_outboard: impl Read + Send,
    x: impl Read + Send,
    z: impl Write + Send,
    z_outboard: impl Write + Seek + Send,
) -> Result<Root, StreamError> {
    let groups = Groups::new(len)?;
    let mut checked = Checked::new(groups, x_root, in_turn(x_outboard));
    let mut maker = Maker::new(groups, z_outboard);
    let leaf = |index, bytes: &mut [u8], known| {
        compare(groups, index, bytes, known)?;
        cipher.apply(index, bytes);
        Ok(groups.node(index, bytes)?)
    };
    let work = Work {
        before: |window: Window| checked.next(window),
        middle: |window: Window, bytes: &mut [u8], known: (Value, Vec<u8>)| {
            let mut nodes = window.room();
            let known = Some(Known::of(&known));
            let value = Subtree::of(window).make(bytes, known, Some(&mut nodes), &leaf)?;
            Ok((value, nodes))
        },
        after: |window: Window, (value, nodes): (_, Vec<u8>)| maker.add(window, value, &nodes),
    };
    pipe(Windows::all(groups), x, z, work)?;
    checked.finish()?;
    maker.finish()
}

/// Opens the ciphertext: decrypts `z`, checks every group against `x_root` and the goods' outboard,
/// and writes the goods to `x`.
///
/// # Errors
///
/// [`StreamError`]; [`StreamError::BadGroup`] names the group to complain of.
#[cfg(feature = "market")]
pub fn open(
    cipher: &Cipher,
    x_root: &Root,
    len: u64,
    x_outboard: impl Read + Send,
    z: impl Read + Send,
    x: impl Write + Send,
) -> Result<(), StreamError> {
    let groups = Groups::new(len)?;
    let mut checked = Checked::new(groups, x_root, in_turn(x_outboard));
    let leaf = |index, bytes: &mut [u8], known| {
        cipher.apply(index, bytes);
        compare(groups, index, bytes, known)
    };
    let work = Work {
        before: |window: Window| checked.next(window),
        middle: |window: Window, bytes: &mut [u8], known| check(window, bytes, &known, &leaf),
        after: |_: Window, ()| Ok(()),
    };
    pipe(Windows::all(groups), z, x, work)?;
    checked.finish()
}

/// Checks what [`seal`] made, in one pass: every group of `z` against `z_root` and its outboard, and
/// what it decrypts to against `x_root` and the goods' outboard.
///
/// # Errors
///
/// [`StreamError`].
#[cfg(feature = "market")]
pub fn check_seal(
    cipher: &Cipher,
    len: u64,
    (x_root, x_outboard): (&Root, impl Read + Send),
    (z_root, z_outboard): (&Root, impl Read + Send),
    z: impl Read + Send,
) -> Result<(), StreamError> {
    let groups = Groups::new(len)?;
    let mut opened = Checked::new(groups, x_root, in_turn(x_outboard));
    let mut sealed = Checked::new(groups, z_root, in_turn(z_outboard));
    let as_sealed = |index, bytes: &mut [u8], known| compare(groups, index, bytes, known);
    let as_opened = |index, bytes: &mut [u8], known| {
        cipher.apply(index, bytes);
        compare(groups, index, bytes, known)
    };
    let work = Work {
        before: |window: Window| Ok((sealed.next(window)?, opened.next(window)?)),
        middle: |window: Window, bytes: &mut [u8], (z, x)| {
            check(window, bytes, &z, &as_sealed)?;
            check(window, bytes, &x, &as_opened)
        },
        after: |_: Window, ()| Ok(()),
    };
    pipe(Windows::all(groups), z, io::sink(), work)?;
    sealed.finish()?;
    opened.finish()
}

fn compare(
    groups: Groups,
    index: u64,
    bytes: &[u8],
    known: Option<Value>,
) -> Result<Value, StreamError> {
    let value = groups.node(index, bytes)?;
    if known.is_some_and(|known| known != value) {
        return Err(StreamError::BadGroup { index });
    }
    Ok(value)
}

fn check(
    window: Window,
    bytes: &mut [u8],
    known: &(Value, Vec<u8>),
    leaf: &subtree::Leaf<'_>,
) -> Result<(), StreamError> {
    Subtree::of(window).make(bytes, Some(Known::of(known)), None, leaf)?;
    Ok(())
}

/// An outboard that is read once from front to back: whoever reads all of it never skips.
fn in_turn(outboard: impl Read) -> impl FnMut(u64, &mut [u8]) -> io::Result<()> {
    let mut outboard = BufReader::with_capacity(1 << 16, outboard);
    move |_, buffer: &mut [u8]| outboard.read_exact(buffer)
}

/// Puts windows together to a tree and writes its outboard.
struct Maker<W> {
    groups: Groups,
    outboard: W,
    /// Subtrees that wait for their right neighbour: first group, groups, value. Their sizes fall.
    waiting: Vec<(u64, u64, Value)>,
}

impl<W: Write + Seek> Maker<W> {
    fn new(groups: Groups, outboard: W) -> Self {
        Self {
            groups,
            outboard,
            waiting: Vec::new(),
        }
    }

    fn write(&mut self, node: u64, bytes: &[u8]) -> Result<(), StreamError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let at = SeekFrom::Start(node.saturating_mul(64));
        self.outboard.seek(at).map_err(StreamError::Write)?;
        self.outboard.write_all(bytes).map_err(StreamError::Write)
    }

    fn add(&mut self, window: Window, value: Value, nodes: &[u8]) -> Result<(), StreamError> {
        self.write(window.node, nodes)?;
        let (mut start, mut count, mut value) = (window.start, window.count, value);
        let last = start.saturating_add(count) == self.groups.count();
        // A subtree is complete when its neighbour is of its size, or nothing follows.
        while let Some((before, size, left)) =
            self.waiting.pop_if(|(_, size, _)| last || *size == count)
        {
            let whole = size.saturating_add(count);
            let node = node_index(self.groups, before, whole);
            self.write(node, [left, value].as_flattened())?;
            value = if whole == self.groups.count() {
                crate::tree::merge_root(&left, &value)
            } else {
                crate::tree::merge(&left, &value)
            };
            (start, count) = (before, whole);
        }
        self.waiting.push((start, count, value));
        Ok(())
    }

    fn finish(mut self) -> Result<Root, StreamError> {
        self.outboard.flush().map_err(StreamError::Write)?;
        match self.waiting.as_slice() {
            [(0, count, root)] if *count == self.groups.count() => Ok(*root),
            _ => Err(Error::RootMismatch.into()),
        }
    }
}
