use alloc::vec::Vec;

use crate::tree::{left_part, merge, merge_root, value_of};
use crate::{root, Error, ProveError, Root, Value};

/// Bytes of a group. Only the last group of a content may be shorter.
pub const GROUP: usize = 16 * 1024;

/// Base-2 logarithm of the chunks in a group, as [`Outboard`](crate::Outboard) counts them.
pub const GROUP_LOG: u8 = 4;

/// Most bytes of a content in groups: 1 TiB.
pub const MAX_CONTENT: u64 = 1 << 40;

/// Most siblings of a group.
pub const MAX_PATH: usize = 26;

const GROUP_BYTES: u64 = GROUP as u64;

/// Bytes of a node of the outboard: left value, then right value.
pub(crate) const NODE: usize = 64;

/// The groups of a content: a length from 1 to [`MAX_CONTENT`] bytes, and all that follows from it.
///
/// The length must come from something that is known already, never from whoever proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    len: u64,
    count: u64,
}

/// One turn on the way from the root down to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Index of the node in the outboard, which has it at byte 64 × `node`.
    pub node: u64,
    /// Whether the way goes to the right, where the sibling is the node's left value.
    pub right: bool,
}

/// A group's chaining value with its siblings, from the group upwards. For the only group of a
/// content the value is the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupProof {
    /// Index of the group.
    pub index: u64,
    /// Its value.
    pub value: Value,
    /// Its siblings: at most [`MAX_PATH`].
    pub path: Vec<Value>,
}

impl Groups {
    /// The groups of a content of `len` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::BadContentLength`].
    pub const fn new(len: u64) -> Result<Self, Error> {
        if len == 0 || len > MAX_CONTENT {
            return Err(Error::BadContentLength(len));
        }
        Ok(Self {
            len,
            count: len.div_ceil(GROUP_BYTES),
        })
    }

    /// Length of the content in bytes.
    pub const fn content_len(&self) -> u64 {
        self.len
    }

    /// Number of groups: 1 to 2^26.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of the outboard, which has a node for each group but one.
    pub const fn outboard_len(&self) -> u64 {
        self.count.saturating_sub(1).saturating_mul(NODE as u64)
    }

    fn known(&self, index: u64) -> Result<(), Error> {
        if index < self.count {
            return Ok(());
        }
        Err(Error::GroupBeyondEnd {
            index,
            count: self.count,
        })
    }

    /// Bytes of group `index`: 1 to [`GROUP`].
    ///
    /// # Errors
    ///
    /// [`Error::GroupBeyondEnd`].
    pub fn group_len(&self, index: u64) -> Result<usize, Error> {
        self.known(index)?;
        let rest = self.len.saturating_sub(index.saturating_mul(GROUP_BYTES));
        usize::try_from(rest.min(GROUP_BYTES)).map_err(|_| Error::TooLong)
    }

    /// Chaining value of group `index`, whose bytes are `bytes`; of the only group the root.
    ///
    /// # Errors
    ///
    /// [`Error::GroupBeyondEnd`], [`Error::WrongGroupLength`].
    pub fn node(&self, index: u64, bytes: &[u8]) -> Result<Value, Error> {
        let expected = self.group_len(index)?;
        if expected != bytes.len() {
            return Err(Error::WrongGroupLength {
                expected: expected as u64,
                actual: bytes.len() as u64,
            });
        }
        if self.count == 1 {
            return Ok(root(bytes));
        }
        // An aligned offset below 2^40 and 1 to 2^14 bytes: none of the asserts of `hazmat` fires.
        Ok(value_of(index.saturating_mul(16), bytes))
    }

    /// The turns from the root down to group `index`: at most [`MAX_PATH`].
    ///
    /// # Errors
    ///
    /// [`Error::GroupBeyondEnd`].
    pub fn turns(&self, index: u64) -> Result<impl Iterator<Item = Turn>, Error> {
        self.known(index)?;
        let (mut node, mut index, mut count) = (0u64, index, self.count);
        Ok(core::iter::from_fn(move || {
            let left = left_part(count)?;
            let turn = Turn {
                node,
                right: index >= left,
            };
            if turn.right {
                // The left part's nodes, one fewer than its groups, stand between.
                node = node.saturating_add(left);
                index = index.saturating_sub(left);
                count = count.saturating_sub(left);
            } else {
                node = node.saturating_add(1);
                count = left;
            }
            Some(turn)
        }))
    }

    /// The root that follows from the value of group `index` and its siblings, from the group
    /// upwards.
    ///
    /// # Errors
    ///
    /// [`Error::GroupBeyondEnd`]; [`Error::WrongPathLength`] before any hashing.
    pub fn fold(&self, index: u64, value: Value, path: &[Value]) -> Result<Root, Error> {
        let (mut sides, mut levels) = (0u32, 0u32);
        for turn in self.turns(index)? {
            sides = sides.wrapping_shl(1) | u32::from(turn.right);
            levels = levels.saturating_add(1);
        }
        let (expected, actual) = (u64::from(levels), path.len() as u64);
        if expected != actual {
            return Err(Error::WrongPathLength { expected, actual });
        }
        let mut value = value;
        for sibling in path {
            let (left, right) = if sides & 1 == 1 {
                (sibling, &value)
            } else {
                (&value, sibling)
            };
            levels = levels.saturating_sub(1);
            sides >>= 1;
            value = if levels == 0 {
                merge_root(left, right)
            } else {
                merge(left, right)
            };
        }
        Ok(value)
    }

    /// The proof of group `index` out of an outboard, node by node checked against `root`.
    ///
    /// `read(offset, buffer)` fills the whole buffer with the outboard's bytes from that offset; a
    /// range request does.
    ///
    /// # Errors
    ///
    /// [`Error::GroupBeyondEnd`]; [`Error::RootMismatch`] when the outboard is not that root's;
    /// [`ProveError::Read`] with the source's error.
    pub fn prove<E>(
        &self,
        root: &Root,
        index: u64,
        mut read: impl FnMut(u64, &mut [u8; NODE]) -> Result<(), E>,
    ) -> Result<GroupProof, ProveError<E>> {
        let mut value = *root;
        let mut path = Vec::new();
        for turn in self.turns(index)? {
            let mut node = [0; NODE];
            read(turn.node.saturating_mul(NODE as u64), &mut node).map_err(ProveError::Read)?;
            let (left, right) = split_node(&node).ok_or(Error::RootMismatch)?;
            let found = if turn.node == 0 {
                merge_root(&left, &right)
            } else {
                merge(&left, &right)
            };
            if found != value {
                return Err(Error::RootMismatch.into());
            }
            let sibling = if turn.right { left } else { right };
            value = if turn.right { right } else { left };
            path.push(sibling);
        }
        path.reverse();
        Ok(GroupProof { index, value, path })
    }
}

/// Left and right value of a node.
pub(crate) fn split_node(node: &[u8]) -> Option<(Value, Value)> {
    let (left, rest) = node.split_first_chunk::<32>()?;
    let right = rest.first_chunk::<32>()?;
    Some((*left, *right))
}
