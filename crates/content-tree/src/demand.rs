use alloc::vec::Vec;

use crate::chunks::Cover;
use crate::slice::{with_room, write};
use crate::tree::{left_part, merge, merge_root, value_of, Node, Value};
use crate::{chunk_count, root, Chunks, Error, Outboard, ProveError, Root};

/// Most chunks of a subtree that is answered by its bytes.
pub const ANSWER_CHUNKS: u64 = 32;

/// Most groups in an answer by groups.
pub const ANSWER_GROUPS: u64 = 1024;

/// How a [`Subtree`] is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// By its bytes, so many of them.
    Bytes(u64),
    /// By the chaining values of its groups, in order.
    Groups {
        /// Number of groups, from 2 to [`ANSWER_GROUPS`].
        count: u64,
        /// Chunks in each group, a power of two. The last group may have fewer.
        chunks: u64,
    },
}

/// A subtree of a content, with the value its claimant is bound to: the root for the whole tree, a
/// chaining value for any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree {
    len: u64,
    node: Node,
    value: Value,
}

/// The way from a [`Subtree`] to one of its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index of the group.
    pub group: u64,
    /// Its chaining value.
    pub value: Value,
    /// Its siblings, from the group upwards: at most ten.
    pub siblings: Vec<Value>,
}

impl Subtree {
    /// The whole tree of a content of `len` bytes.
    pub fn whole(root: Root, len: u64) -> Self {
        Self {
            len,
            node: Node::whole(len),
            value: root,
        }
    }

    /// `count` chunks from chunk `start` of a content of `len` bytes, claimed to have `value`.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSubtree`] unless the tree has a node of just these chunks.
    pub fn new(len: u64, start: u64, count: u64, value: Value) -> Result<Self, Error> {
        let wanted = Node { start, count };
        let mut node = Node::whole(len);
        while node != wanted {
            let (left, right) = node.split().ok_or(Error::NoSuchSubtree { start, count })?;
            node = if start < right.start { left } else { right };
        }
        Ok(Self { len, node, value })
    }

    /// Length of the whole content in bytes.
    pub fn content_len(&self) -> u64 {
        self.len
    }

    /// First chunk.
    pub fn start(&self) -> u64 {
        self.node.start
    }

    /// Number of chunks.
    pub fn count(&self) -> u64 {
        self.node.count
    }

    /// The value claimed.
    pub fn value(&self) -> Value {
        self.value
    }

    fn is_whole(&self) -> bool {
        self.node.count == chunk_count(self.len)
    }

    /// How it is answered.
    pub fn shape(&self) -> Shape {
        let count = self.node.count;
        if count <= ANSWER_CHUNKS {
            return Shape::Bytes(self.node.byte_len(self.len));
        }
        let chunks = count.div_ceil(ANSWER_GROUPS).next_power_of_two();
        Shape::Groups {
            count: count.div_ceil(chunks),
            chunks,
        }
    }

    /// Exact length of its answer: at most 32 KiB.
    pub fn answer_len(&self) -> u64 {
        match self.shape() {
            Shape::Bytes(len) => len,
            Shape::Groups { count, .. } => count.saturating_mul(32),
        }
    }

    /// Checks an answer against the claimed value.
    ///
    /// # Errors
    ///
    /// [`Error::WrongAnswerLength`] before any hashing, [`Error::RootMismatch`].
    pub fn check(&self, answer: &[u8]) -> Result<(), Error> {
        let (expected, actual) = (self.answer_len(), answer.len() as u64);
        if expected != actual {
            return Err(Error::WrongAnswerLength { expected, actual });
        }
        let value = match self.shape() {
            Shape::Bytes(_) if self.is_whole() => root(answer),
            Shape::Bytes(_) => value_of(self.node.start, answer),
            Shape::Groups { .. } => fold(answer.as_chunks().0, self.is_whole())?,
        };
        if value == self.value {
            Ok(())
        } else {
            Err(Error::RootMismatch)
        }
    }

    /// Its answer, out of its bytes.
    ///
    /// # Errors
    ///
    /// [`Error::WrongAnswerLength`] when `bytes` are not as many as the subtree has;
    /// [`Error::RootMismatch`] when they have another value.
    pub fn answer(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let (expected, actual) = (self.node.byte_len(self.len), bytes.len() as u64);
        if expected != actual {
            return Err(Error::WrongAnswerLength { expected, actual });
        }
        let mut answer = with_room(self.answer_len())?;
        match self.shape() {
            Shape::Bytes(_) => answer.extend_from_slice(bytes),
            Shape::Groups { count, .. } => {
                let mut rest = bytes;
                for group in 0..count {
                    let node = self.group(group)?;
                    let size = usize::try_from(node.byte_len(self.len));
                    let (now, later) = size
                        .ok()
                        .and_then(|size| rest.split_at_checked(size))
                        .ok_or(Error::TooLong)?;
                    answer.extend_from_slice(&value_of(node.start, now));
                    rest = later;
                }
            }
        }
        self.check(&answer)?;
        Ok(answer)
    }

    /// Its answer, out of an outboard of the content and a source of its bytes, which is read only
    /// where the outboard has no value. `read(offset, buffer)` fills the whole buffer.
    ///
    /// # Errors
    ///
    /// [`Error::RootMismatch`] when outboard and source are not those of the claimed value;
    /// [`ProveError::Read`] with the source's error.
    pub fn answer_with<E>(
        &self,
        outboard: &Outboard,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<Vec<u8>, ProveError<E>> {
        if outboard.content_len() != self.len {
            return Err(Error::RootMismatch.into());
        }
        let mut load = |node: Node| {
            let size = node.byte_len(self.len);
            let mut bytes = with_room(size)?;
            bytes.resize(usize::try_from(size).map_err(|_| Error::TooLong)?, 0);
            read(node.offset(), &mut bytes).map_err(ProveError::Read)?;
            Ok::<_, ProveError<E>>(bytes)
        };
        let answer = match self.shape() {
            Shape::Bytes(_) => load(self.node)?,
            Shape::Groups { count, chunks } => {
                let mut answer = with_room(self.answer_len())?;
                let known = chunks >= 1 << outboard.group_log();
                for group in 0..count {
                    let node = self.group(group)?;
                    let value = match outboard.value(node).filter(|_| known) {
                        Some(value) => *value,
                        None => value_of(node.start, &load(node)?),
                    };
                    answer.extend_from_slice(&value);
                }
                answer
            }
        };
        self.check(&answer)?;
        Ok(answer)
    }

    /// The chunks of a group.
    fn group(&self, group: u64) -> Result<Node, Error> {
        let (count, chunks) = match self.shape() {
            Shape::Groups { count, chunks } => (count, chunks),
            Shape::Bytes(_) => (0, 0),
        };
        if group >= count {
            return Err(Error::NoSuchGroup { group, count });
        }
        let past = group.saturating_mul(chunks);
        let start = self.node.start.saturating_add(past);
        Ok(Node {
            start,
            count: chunks.min(self.node.count.saturating_sub(past)),
        })
    }

    /// The sides on the way from the subtree down to a group: the nodes that are not taken, the
    /// lowest last, and for each whether it is the right one.
    fn siblings(&self, group: Node) -> Vec<(Node, bool)> {
        let mut sides = Vec::new();
        let mut node = self.node;
        while node != group {
            let Some((left, right)) = node.split() else {
                break;
            };
            let go_left = group.start < right.start;
            let (next, other) = if go_left {
                (left, right)
            } else {
                (right, left)
            };
            sides.push((other, go_left));
            node = next;
        }
        sides
    }

    /// The step to `group`, out of a checked answer.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchGroup`], and those of [`check`](Self::check).
    pub fn step(&self, answer: &[u8], group: u64) -> Result<Step, Error> {
        let node = self.group(group)?;
        self.check(answer)?;
        let values = answer.as_chunks::<32>().0;
        let missing = Error::NoSuchGroup {
            group,
            count: values.len() as u64,
        };
        let value = usize::try_from(group)
            .ok()
            .and_then(|index| values.get(index));
        let value = *value.ok_or(missing)?;
        let chunks = match self.shape() {
            Shape::Groups { chunks, .. } => chunks,
            Shape::Bytes(_) => return Err(missing),
        };
        let mut siblings = Vec::new();
        for (side, _) in self.siblings(node).iter().rev() {
            let first = side
                .start
                .saturating_sub(self.node.start)
                .checked_div(chunks);
            let range = first.and_then(|first| {
                let last = first.checked_add(side.count.div_ceil(chunks))?;
                values.get(usize::try_from(first).ok()?..usize::try_from(last).ok()?)
            });
            siblings.push(fold(range.ok_or(missing)?, false)?);
        }
        Ok(Step {
            group,
            value,
            siblings,
        })
    }

    /// The subtree a step leads to, if its siblings lead back to this one's value.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchGroup`], [`Error::WrongPathLength`] before any hashing,
    /// [`Error::RootMismatch`].
    pub fn descend(&self, step: &Step) -> Result<Self, Error> {
        let node = self.group(step.group)?;
        let sides = self.siblings(node);
        let (expected, actual) = (sides.len() as u64, step.siblings.len() as u64);
        if expected != actual {
            return Err(Error::WrongPathLength { expected, actual });
        }
        let mut value = step.value;
        let mut level = expected;
        for ((_, is_right), sibling) in sides.iter().rev().zip(&step.siblings) {
            level = level.saturating_sub(1);
            let (left, right) = if *is_right {
                (&value, sibling)
            } else {
                (sibling, &value)
            };
            value = if level == 0 && self.is_whole() {
                merge_root(left, right)
            } else {
                merge(left, right)
            };
        }
        if value != self.value {
            return Err(Error::RootMismatch);
        }
        Ok(Self {
            len: self.len,
            node,
            value: step.value,
        })
    }
}

/// Merges values in tree shape.
fn fold(values: &[Value], is_root: bool) -> Result<Value, Error> {
    if let [value] = values {
        return Ok(*value);
    }
    let left = left_part(values.len() as u64).and_then(|left| usize::try_from(left).ok());
    let parts = left.and_then(|left| values.split_at_checked(left));
    let (left, right) = parts.ok_or(Error::RootMismatch)?;
    let (left, right) = (fold(left, false)?, fold(right, false)?);
    Ok(if is_root {
        merge_root(&left, &right)
    } else {
        merge(&left, &right)
    })
}

/// The answers of one thread of demands, from the whole tree down, as the challenger keeps them.
#[derive(Clone, Debug)]
pub struct Trail {
    current: Subtree,
    known: Vec<(Node, Value)>,
}

impl Trail {
    /// A thread that starts with the whole tree.
    pub fn new(root: Root, len: u64) -> Self {
        Self {
            current: Subtree::whole(root, len),
            known: Vec::new(),
        }
    }

    /// The subtree to be answered next.
    pub fn current(&self) -> &Subtree {
        &self.current
    }

    /// Takes the answer of the current subtree and goes to one of its groups; gives the step to
    /// send.
    ///
    /// # Errors
    ///
    /// As [`Subtree::step`]. Nothing changes then.
    pub fn descend(&mut self, answer: &[u8], group: u64) -> Result<Step, Error> {
        let step = self.current.step(answer, group)?;
        let next = self.current.descend(&step)?;
        let sides = self.current.siblings(next.node);
        let values = step.siblings.iter().copied();
        self.known
            .extend(sides.into_iter().rev().map(|(node, _)| node).zip(values));
        self.current = next;
        Ok(step)
    }

    /// The slice proof of `chunks` against the root the thread started with, out of the bytes that
    /// answer the current subtree.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSubtree`] unless all of `chunks` lie in the current subtree and that is
    /// answered by bytes; [`Error::WrongAnswerLength`], [`Error::RootMismatch`].
    pub fn prove(&self, answer: &[u8], chunks: &Chunks) -> Result<Vec<u8>, Error> {
        self.prove_beside(answer, chunks, &[])
    }

    /// As [`prove`](Self::prove), for chunks that reach into the current subtree's neighbours.
    ///
    /// `content` is another content of the same length, the challenger's own. It serves where the
    /// claim was seen to have the same bytes: in the siblings on the way whose values it has. Each
    /// of those that is needed is hashed once.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSubtree`] when one of `chunks` is neither in the current subtree nor in such a
    /// sibling, or that subtree is not answered by bytes; [`Error::WrongAnswerLength`],
    /// [`Error::RootMismatch`].
    pub fn prove_beside(
        &self,
        answer: &[u8],
        chunks: &Chunks,
        content: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.prove_with(answer, None, chunks, content)
    }

    /// As [`prove_beside`](Self::prove_beside), for chunks that reach into the subtree of
    /// `another` thread about the same content, given with the bytes that answer it.
    ///
    /// # Errors
    ///
    /// As [`prove_beside`](Self::prove_beside), for either thread;
    /// [`Error::NoSuchSubtree`] when the other is about a content of another length.
    pub fn prove_with(
        &self,
        answer: &[u8],
        another: Option<(&Trail, &[u8])>,
        chunks: &Chunks,
        content: &[u8],
    ) -> Result<Vec<u8>, Error> {
        for (trail, answer) in core::iter::once((self, answer)).chain(another) {
            let is_bytes = matches!(trail.current.shape(), Shape::Bytes(_));
            if !is_bytes || trail.current.len != self.current.len {
                return Err(trail.outside());
            }
            trail.current.check(answer)?;
        }
        let mut proof = Vec::new();
        if !chunks.is_empty() {
            let whole = Node::whole(self.current.len);
            self.write(whole, answer, another, chunks, content, &mut proof)?;
        }
        Ok(proof)
    }

    fn outside(&self) -> Error {
        Error::NoSuchSubtree {
            start: self.current.node.start,
            count: self.current.node.count,
        }
    }

    fn write(
        &self,
        node: Node,
        answer: &[u8],
        another: Option<(&Trail, &[u8])>,
        chunks: &Chunks,
        content: &[u8],
        proof: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let threads = || core::iter::once((self, answer)).chain(another);
        if let Some((_, answer)) = threads().find(|(trail, _)| trail.current.node == node) {
            return write(node, answer, chunks, proof);
        }
        let leads_on = threads().any(|(trail, _)| trail.current.node.is_in(node));
        let known = threads().find_map(|(trail, _)| {
            let mut known = trail.known.iter();
            known.find(|(known, _)| *known == node)
        });
        if chunks.cover(node) == Cover::Nothing {
            let (_, value) = known.ok_or(self.outside())?;
            proof.extend_from_slice(value);
            return Ok(());
        }
        if let Some((_, value)) = known.filter(|_| !leads_on) {
            let start = usize::try_from(node.offset()).ok();
            let size = usize::try_from(node.byte_len(self.current.len)).ok();
            let bytes = start
                .zip(size)
                .and_then(|(start, size)| content.get(start..start.checked_add(size)?))
                .filter(|bytes| value_of(node.start, bytes) == *value)
                .ok_or(self.outside())?;
            return write(node, bytes, chunks, proof);
        }
        let (left, right) = node.split().ok_or(self.outside())?;
        self.write(left, answer, another, chunks, content, proof)?;
        self.write(right, answer, another, chunks, content, proof)
    }
}
