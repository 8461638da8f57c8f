use blake3::hazmat::{merge_subtrees_non_root, merge_subtrees_root, HasherExt, Mode};

/// BLAKE3 hash of a content: its name.
pub type Root = [u8; 32];

/// Chaining value of a subtree that is not the whole tree.
pub type Value = [u8; 32];

/// Bytes of a chunk. Only the last chunk of a content may be shorter.
pub const CHUNK: usize = 1024;

const CHUNK_BYTES: u64 = 1024;

/// The BLAKE3 hash of `bytes`.
pub fn root(bytes: &[u8]) -> Root {
    *blake3::hash(bytes).as_bytes()
}

/// Number of chunks of a content of `len` bytes: at least one, and the only chunk of an empty
/// content is empty.
pub fn chunk_count(len: u64) -> u64 {
    len.div_ceil(CHUNK_BYTES).max(1)
}

/// Bytes in chunk `index` of a content of `len` bytes; 0 when it has no such chunk.
pub fn chunk_len(len: u64, index: u64) -> u64 {
    let start = index.saturating_mul(CHUNK_BYTES);
    len.saturating_sub(start).min(CHUNK_BYTES)
}

/// A subtree: `count` chunks from `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) start: u64,
    pub(crate) count: u64,
}

impl Node {
    pub(crate) fn whole(len: u64) -> Self {
        Self {
            start: 0,
            count: chunk_count(len),
        }
    }

    /// First chunk after this subtree. Chunk indices stay below 2^54.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.count)
    }

    /// Whether all its chunks are in `other`.
    pub(crate) fn is_in(&self, other: Node) -> bool {
        other.start <= self.start && self.end() <= other.end()
    }

    /// Left and right part; `None` for a single chunk.
    pub(crate) fn split(&self) -> Option<(Self, Self)> {
        let left = left_part(self.count)?;
        Some((
            Self {
                start: self.start,
                count: left,
            },
            Self {
                start: self.start.saturating_add(left),
                count: self.count.saturating_sub(left),
            },
        ))
    }

    /// Offset of its first byte.
    pub(crate) fn offset(&self) -> u64 {
        self.start.saturating_mul(CHUNK_BYTES)
    }

    /// Its bytes in a content of `len` bytes.
    pub(crate) fn byte_len(&self, len: u64) -> u64 {
        let end = self.end().saturating_mul(CHUNK_BYTES).min(len);
        end.saturating_sub(self.offset())
    }
}

/// The largest power of two below `count`; `None` below two.
pub(crate) fn left_part(count: u64) -> Option<u64> {
    1u64.checked_shl(count.checked_sub(1)?.checked_ilog2()?)
}

/// Chaining value of the subtree that starts at chunk `start` and holds exactly `bytes`.
///
/// `bytes` is never empty here: only an empty content has an empty chunk, and that is a root.
pub(crate) fn value_of(start: u64, bytes: &[u8]) -> Value {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(start.saturating_mul(CHUNK_BYTES));
    hasher.update(bytes);
    hasher.finalize_non_root()
}

pub(crate) fn merge(left: &Value, right: &Value) -> Value {
    merge_subtrees_non_root(left, right, Mode::Hash)
}

pub(crate) fn merge_root(left: &Value, right: &Value) -> Root {
    *merge_subtrees_root(left, right, Mode::Hash).as_bytes()
}
