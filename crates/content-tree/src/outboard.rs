use alloc::vec::Vec;

use blake3::hazmat::HasherExt;

use crate::chunks::Cover;
use crate::slice::{with_room, write};
use crate::tree::{left_part, merge, merge_root, value_of, Node, Value};
use crate::{proof_len, root, Chunks, Error, ProveError, Root, CHUNK};

/// Largest base-2 logarithm of the chunks in one group of an [`Outboard`]: 64 MiB.
pub const MAX_GROUP_LOG: u8 = 16;

/// The upper part of a content's tree: what is needed to prove slices without hashing everything
/// again.
///
/// The leaves are *groups* of 2^g chunks. With g = 0 an outboard is 6.25 % of the content and a
/// proof reads only what it opens; each step halves the outboard and doubles what has to be read
/// around every opened chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outboard {
    root: Root,
    len: u64,
    group_log: u8,
    /// Level k holds the values of 2^k groups each, the last of them maybe of fewer. Ends with the
    /// level of two values; empty for a single group, whose value is the root.
    levels: Vec<Vec<Value>>,
}

/// Exact number of bytes of [`Outboard::encode`].
///
/// # Errors
///
/// [`Error::BadGroup`]; [`Error::TooLong`] when the number does not fit.
pub fn outboard_len(len: u64, group_log: u8) -> Result<u64, Error> {
    groups(len, group_log)?
        .saturating_sub(1)
        .checked_mul(64)
        .ok_or(Error::TooLong)
}

fn group_bytes(group_log: u8) -> Result<u64, Error> {
    if group_log > MAX_GROUP_LOG {
        return Err(Error::BadGroup(group_log));
    }
    (CHUNK as u64)
        .checked_shl(u32::from(group_log))
        .ok_or(Error::BadGroup(group_log))
}

fn groups(len: u64, group_log: u8) -> Result<u64, Error> {
    Ok(len.div_ceil(group_bytes(group_log)?).max(1))
}

impl Outboard {
    /// The outboard of `bytes` with groups of 2^`group_log` chunks.
    ///
    /// # Errors
    ///
    /// [`Error::BadGroup`].
    pub fn of(bytes: &[u8], group_log: u8) -> Result<Self, Error> {
        let mut builder = OutboardBuilder::new(group_log)?;
        builder.update(bytes);
        Ok(builder.finish())
    }

    /// Root of the content.
    pub fn root(&self) -> Root {
        self.root
    }

    /// Length of the content in bytes.
    pub fn content_len(&self) -> u64 {
        self.len
    }

    /// Base-2 logarithm of the chunks in a group.
    pub fn group_log(&self) -> u8 {
        self.group_log
    }

    /// The parent nodes in pre-order, each its left value, then its right value; no header. With
    /// g = 4 this is the pre-order outboard of `bao-tree` at block size 16 KiB.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoded = Vec::new();
        self.encode_from(0, self.group_count(), &mut encoded);
        encoded
    }

    fn encode_from(&self, start: u64, count: u64, encoded: &mut Vec<u8>) {
        let Some(left) = left_part(count) else { return };
        let right_start = start.saturating_add(left);
        let right = count.saturating_sub(left);
        if let Some((a, b)) = self
            .group_value(start, left)
            .zip(self.group_value(right_start, right))
        {
            encoded.extend_from_slice(a);
            encoded.extend_from_slice(b);
        }
        self.encode_from(start, left, encoded);
        self.encode_from(right_start, right, encoded);
    }

    /// Reads what [`encode`](Self::encode) wrote, and checks every node of it against `root`.
    ///
    /// # Errors
    ///
    /// [`Error::WrongOutboardLength`] first, [`Error::RootMismatch`], [`Error::BadGroup`].
    pub fn decode(root: &Root, len: u64, group_log: u8, encoded: &[u8]) -> Result<Self, Error> {
        let expected = outboard_len(len, group_log)?;
        let actual = encoded.len() as u64;
        if expected != actual {
            return Err(Error::WrongOutboardLength { expected, actual });
        }
        let count = groups(len, group_log)?;
        if count == 1 {
            return Ok(Self {
                root: *root,
                len,
                group_log,
                levels: Vec::new(),
            });
        }
        let mut leaves = Vec::new();
        let mut rest = encoded;
        decode_from(
            count,
            &|a, b| merge_root(a, b) == *root,
            &mut rest,
            &mut leaves,
        )?;
        Ok(Self {
            root: *root,
            len,
            group_log,
            levels: levels(leaves).0,
        })
    }

    fn group_count(&self) -> u64 {
        self.levels.first().map_or(1, |leaves| leaves.len() as u64)
    }

    /// Value of `count` groups from `start`, which are a subtree, but not the whole tree.
    fn group_value(&self, start: u64, count: u64) -> Option<&Value> {
        let level = count.checked_next_power_of_two()?.checked_ilog2()?;
        let index = usize::try_from(start.checked_shr(level)?).ok()?;
        self.levels.get(usize::try_from(level).ok()?)?.get(index)
    }

    /// Value of a subtree at or above the groups, but not the whole tree.
    pub(crate) fn value(&self, node: Node) -> Option<&Value> {
        let shift = u32::from(self.group_log);
        let group = 1u64.checked_shl(shift)?;
        self.group_value(node.start.checked_shr(shift)?, node.count.div_ceil(group))
    }
}

fn decode_from(
    count: u64,
    matches: &dyn Fn(&Value, &Value) -> bool,
    rest: &mut &[u8],
    leaves: &mut Vec<Value>,
) -> Result<(), Error> {
    let Some(left) = left_part(count) else {
        return Ok(());
    };
    let mut next = || {
        let (value, tail) = rest.split_first_chunk::<32>().ok_or(Error::RootMismatch)?;
        *rest = tail;
        Ok::<Value, Error>(*value)
    };
    let (a, b) = (next()?, next()?);
    if !matches(&a, &b) {
        return Err(Error::RootMismatch);
    }
    for (count, value) in [(left, a), (count.saturating_sub(left), b)] {
        if count == 1 {
            leaves.push(value);
        } else {
            decode_from(count, &|a, b| merge(a, b) == value, rest, leaves)?;
        }
    }
    Ok(())
}

/// The levels above two or more leaves, and the root. An odd value out moves up unchanged, which
/// gives BLAKE3's tree.
fn levels(leaves: Vec<Value>) -> (Vec<Vec<Value>>, Option<Root>) {
    let mut levels = Vec::new();
    let mut level = leaves;
    while level.len() > 2 {
        let next = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [a, b] => Some(merge(a, b)),
                [a] => Some(*a),
                _ => None,
            })
            .collect();
        levels.push(core::mem::replace(&mut level, next));
    }
    let root = match level.as_slice() {
        [a, b] => Some(merge_root(a, b)),
        _ => None,
    };
    levels.push(level);
    (levels, root)
}

/// Makes an [`Outboard`] from bytes that arrive in pieces.
#[derive(Clone, Debug)]
pub struct OutboardBuilder {
    group_log: u8,
    group_bytes: u64,
    len: u64,
    leaves: Vec<Value>,
    hasher: blake3::Hasher,
    /// Bytes in the hasher, which holds the newest group. A full group stays there until another
    /// byte comes, because the only group of a content is a root.
    held: u64,
}

impl OutboardBuilder {
    /// A builder for groups of 2^`group_log` chunks.
    ///
    /// # Errors
    ///
    /// [`Error::BadGroup`] above [`MAX_GROUP_LOG`].
    pub fn new(group_log: u8) -> Result<Self, Error> {
        Ok(Self {
            group_log,
            group_bytes: group_bytes(group_log)?,
            len: 0,
            leaves: Vec::new(),
            hasher: blake3::Hasher::new(),
            held: 0,
        })
    }

    /// Appends `bytes`.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.held == self.group_bytes {
                self.leaves.push(self.hasher.finalize_non_root());
                // `Hasher::reset` would keep the old input offset.
                self.hasher = blake3::Hasher::new();
                self.hasher.set_input_offset(self.len);
                self.held = 0;
            }
            let room = usize::try_from(self.group_bytes.saturating_sub(self.held))
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.hasher.update(now);
            self.held = self.held.saturating_add(now.len() as u64);
            self.len = self.len.saturating_add(now.len() as u64);
            bytes = later;
        }
    }

    /// The outboard of everything appended.
    pub fn finish(mut self) -> Outboard {
        let (len, group_log) = (self.len, self.group_log);
        if self.leaves.is_empty() {
            let root = *self.hasher.finalize().as_bytes();
            return Outboard {
                root,
                len,
                group_log,
                levels: Vec::new(),
            };
        }
        self.leaves.push(self.hasher.finalize_non_root());
        let (levels, root) = levels(self.leaves);
        // Two leaves or more always have a root.
        Outboard {
            root: root.unwrap_or_default(),
            len,
            group_log,
            levels,
        }
    }
}

/// The proof of `chunks`, from an outboard and a source of the content's bytes.
///
/// `read(offset, buffer)` fills the whole buffer from that byte offset. Only groups with wanted
/// chunks are read, one at a time; each is compared with the outboard, so a proof that is returned
/// verifies.
///
/// # Errors
///
/// [`Error::NoSuchChunk`]; [`Error::RootMismatch`] when the bytes are not those of the outboard;
/// [`ProveError::Read`] with the source's error.
pub fn prove_with<E>(
    outboard: &Outboard,
    chunks: &Chunks,
    mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
) -> Result<Vec<u8>, ProveError<E>> {
    let size = proof_len(outboard.len, chunks)?;
    let mut proof = with_room(size)?;
    if !chunks.is_empty() {
        let mut buffer = Vec::new();
        prove_from(
            Node::whole(outboard.len),
            outboard,
            chunks,
            &mut read,
            &mut buffer,
            &mut proof,
        )?;
    }
    Ok(proof)
}

fn prove_from<E>(
    node: Node,
    outboard: &Outboard,
    chunks: &Chunks,
    read: &mut impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    buffer: &mut Vec<u8>,
    proof: &mut Vec<u8>,
) -> Result<(), ProveError<E>> {
    let value = outboard.value(node);
    match (chunks.cover(node), value) {
        (Cover::Nothing, Some(value)) => {
            proof.extend_from_slice(value);
            return Ok(());
        }
        _ if node.count > 1 << outboard.group_log => {
            if let Some((left, right)) = node.split() {
                prove_from(left, outboard, chunks, read, buffer, proof)?;
                return prove_from(right, outboard, chunks, read, buffer, proof);
            }
        }
        _ => {}
    }
    let size = usize::try_from(node.byte_len(outboard.len)).map_err(|_| Error::TooLong)?;
    buffer.clear();
    buffer.try_reserve(size).map_err(|_| Error::TooLong)?;
    buffer.resize(size, 0);
    read(node.offset(), buffer).map_err(ProveError::Read)?;
    let same = match value {
        Some(value) => value_of(node.start, buffer) == *value,
        None => root(buffer) == outboard.root,
    };
    if !same {
        return Err(Error::RootMismatch.into());
    }
    write(node, buffer, chunks, proof)?;
    Ok(())
}
