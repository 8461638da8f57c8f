use alloc::vec::Vec;
use core::ops::Range;

use crate::tree::Node;
use crate::{chunk_count, Error, CHUNK};

/// A set of chunk indices, kept as sorted runs that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    runs: Vec<Range<u64>>,
}

/// How much of a subtree is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cover {
    Nothing,
    Part,
    Everything,
}

impl Chunks {
    /// The set without chunks.
    pub const fn empty() -> Self {
        Self { runs: Vec::new() }
    }

    /// All chunks of a content of `len` bytes.
    pub fn all(len: u64) -> Self {
        let runs = core::iter::once(0..chunk_count(len)).collect();
        Self { runs }
    }

    /// The chunks that hold the bytes of `ranges` in a content of `len` bytes. Ranges may come in
    /// any order and overlap. An empty range wants no chunk.
    ///
    /// # Errors
    ///
    /// [`Error::BackwardRange`], [`Error::BeyondEnd`].
    pub fn from_ranges(
        len: u64,
        ranges: impl IntoIterator<Item = Range<u64>>,
    ) -> Result<Self, Error> {
        let mut runs = Vec::new();
        for Range { start, end } in ranges {
            if start > end {
                return Err(Error::BackwardRange { start, end });
            }
            if end > len {
                return Err(Error::BeyondEnd { end, len });
            }
            if start < end {
                runs.push(start >> CHUNK.ilog2()..end.div_ceil(CHUNK as u64));
            }
        }
        Ok(Self::normalised(runs))
    }

    /// The chunks with these indices, of a content of `len` bytes, in any order.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchChunk`].
    pub fn from_indices(len: u64, indices: impl IntoIterator<Item = u64>) -> Result<Self, Error> {
        let count = chunk_count(len);
        let mut runs = Vec::new();
        for chunk in indices {
            if chunk >= count {
                return Err(Error::NoSuchChunk { chunk, count });
            }
            runs.push(chunk..chunk.saturating_add(1));
        }
        Ok(Self::normalised(runs))
    }

    fn normalised(mut runs: Vec<Range<u64>>) -> Self {
        runs.sort_unstable_by_key(|run| run.start);
        runs.dedup_by(|next, kept| {
            let joins = next.start <= kept.end;
            if joins {
                kept.end = kept.end.max(next.end);
            }
            joins
        });
        Self { runs }
    }

    /// Whether no chunk is wanted.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Number of chunks wanted.
    pub fn count(&self) -> u64 {
        self.runs.iter().fold(0, |sum: u64, run| {
            sum.saturating_add(run.end.saturating_sub(run.start))
        })
    }

    /// Whether chunk `index` is wanted.
    pub fn contains(&self, index: u64) -> bool {
        self.cover(Node {
            start: index,
            count: 1,
        }) == Cover::Everything
    }

    /// The runs of wanted chunks, ascending. Between two of them at least one chunk is unwanted.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Range<u64>> + '_ {
        self.runs.iter().cloned()
    }

    /// Both sets together.
    pub fn union(&self, other: &Self) -> Self {
        let mut runs = self.runs.clone();
        runs.extend_from_slice(&other.runs);
        Self::normalised(runs)
    }

    pub(crate) fn cover(&self, node: Node) -> Cover {
        let index = self.runs.partition_point(|run| run.end <= node.start);
        match self.runs.get(index) {
            Some(run) if run.start <= node.start && node.end() <= run.end => Cover::Everything,
            Some(run) if run.start < node.end() => Cover::Part,
            _ => Cover::Nothing,
        }
    }

    pub(crate) fn check(&self, len: u64) -> Result<(), Error> {
        let count = chunk_count(len);
        match self.runs.last() {
            Some(run) if run.end > count => Err(Error::NoSuchChunk {
                chunk: run.end.saturating_sub(1),
                count,
            }),
            _ => Ok(()),
        }
    }
}
