use alloc::vec::Vec;
use core::ops::Range;

use crate::chunks::Cover;
use crate::tree::{merge, merge_root, value_of, Node, Value};
use crate::{root, Chunks, Error, Root};

/// Exact number of bytes of the proof of `chunks` in a content of `len` bytes.
///
/// Work is in proportion to the runs of `chunks`, not to their size.
///
/// # Errors
///
/// [`Error::NoSuchChunk`]; [`Error::TooLong`] when the number does not fit.
pub fn proof_len(len: u64, chunks: &Chunks) -> Result<u64, Error> {
    chunks.check(len)?;
    if chunks.is_empty() {
        return Ok(0);
    }
    measure(Node::whole(len), len, chunks)
}

fn measure(node: Node, len: u64, chunks: &Chunks) -> Result<u64, Error> {
    match (chunks.cover(node), node.split()) {
        (Cover::Nothing, _) => Ok(32),
        (Cover::Part, Some((left, right))) => measure(left, len, chunks)?
            .checked_add(measure(right, len, chunks)?)
            .ok_or(Error::TooLong),
        _ => Ok(node.byte_len(len)),
    }
}

/// The proof of `chunks` in `bytes`.
///
/// Hashes all of `bytes`; [`prove_with`](crate::prove_with) does not.
///
/// # Errors
///
/// [`Error::NoSuchChunk`] when the set is not one of this content.
pub fn prove(bytes: &[u8], chunks: &Chunks) -> Result<Vec<u8>, Error> {
    let len = bytes.len() as u64;
    let mut proof = with_room(proof_len(len, chunks)?)?;
    if !chunks.is_empty() {
        write(Node::whole(len), bytes, chunks, &mut proof)?;
    }
    Ok(proof)
}

pub(crate) fn with_room(size: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let size = usize::try_from(size).map_err(|_| Error::TooLong)?;
    bytes.try_reserve_exact(size).map_err(|_| Error::TooLong)?;
    Ok(bytes)
}

/// Appends the part of the proof that belongs to `node`, whose bytes are `bytes`.
pub(crate) fn write(
    node: Node,
    bytes: &[u8],
    chunks: &Chunks,
    proof: &mut Vec<u8>,
) -> Result<(), Error> {
    match (chunks.cover(node), node.split()) {
        (Cover::Nothing, _) => proof.extend_from_slice(&value_of(node.start, bytes)),
        (Cover::Part, Some((left, right))) => {
            let middle = usize::try_from(right.offset().saturating_sub(node.offset()))
                .map_err(|_| Error::TooLong)?;
            let (left_bytes, right_bytes) =
                bytes.split_at_checked(middle).ok_or(Error::RootMismatch)?;
            write(left, left_bytes, chunks, proof)?;
            write(right, right_bytes, chunks, proof)?;
        }
        _ => proof.extend_from_slice(bytes),
    }
    Ok(())
}

/// Checks `proof` against a root and a length the caller knows, and opens the wanted chunks.
///
/// `len` must never be taken from whoever made the proof.
///
/// # Errors
///
/// [`Error::NoSuchChunk`], [`Error::WrongProofLength`] before any hashing,
/// [`Error::RootMismatch`].
pub fn verify<'a>(
    root: &Root,
    len: u64,
    chunks: &Chunks,
    proof: &'a [u8],
) -> Result<Slice<'a>, Error> {
    let expected = proof_len(len, chunks)?;
    let actual = proof.len() as u64;
    if expected != actual {
        return Err(Error::WrongProofLength { expected, actual });
    }
    let mut reader = Reader {
        proof,
        at: 0,
        len,
        chunks,
        spans: Vec::new(),
    };
    if !chunks.is_empty() && reader.root()? != *root {
        return Err(Error::RootMismatch);
    }
    Ok(Slice {
        len,
        proof,
        spans: reader.spans,
    })
}

struct Reader<'a, 'c> {
    proof: &'a [u8],
    at: usize,
    len: u64,
    chunks: &'c Chunks,
    spans: Vec<Span>,
}

impl<'a> Reader<'a, '_> {
    /// The length was compared before, so taking cannot fail; the error keeps this total.
    fn take(&mut self, count: u64) -> Result<&'a [u8], Error> {
        let count = usize::try_from(count).map_err(|_| Error::TooLong)?;
        let end = self.at.checked_add(count).ok_or(Error::TooLong)?;
        let taken = self.proof.get(self.at..end).ok_or(Error::RootMismatch)?;
        self.at = end;
        Ok(taken)
    }

    /// Takes the bytes of a wholly wanted subtree and notes where they stand. Runs of wanted
    /// chunks are contiguous in a proof: only unwanted subtrees put anything in between.
    fn open(&mut self, node: Node) -> Result<&'a [u8], Error> {
        let at = self.at;
        let bytes = self.take(node.byte_len(self.len))?;
        let start = node.offset();
        let end = start.saturating_add(bytes.len() as u64);
        match self.spans.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => self.spans.push(Span { start, end, at }),
        }
        Ok(bytes)
    }

    fn root(&mut self) -> Result<Root, Error> {
        let node = Node::whole(self.len);
        match (self.chunks.cover(node), node.split()) {
            (Cover::Part, Some((left, right))) => {
                Ok(merge_root(&self.value(left)?, &self.value(right)?))
            }
            _ => Ok(root(self.open(node)?)),
        }
    }

    fn value(&mut self, node: Node) -> Result<Value, Error> {
        match (self.chunks.cover(node), node.split()) {
            (Cover::Nothing, _) => Value::try_from(self.take(32)?).map_err(|_| Error::RootMismatch),
            (Cover::Part, Some((left, right))) => {
                Ok(merge(&self.value(left)?, &self.value(right)?))
            }
            _ => Ok(value_of(node.start, self.open(node)?)),
        }
    }
}

/// One run of opened bytes: content `start..end`, in the proof from `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u64,
    end: u64,
    at: usize,
}

/// Bytes of a content that a proof has opened. Borrows the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<'a> {
    len: u64,
    proof: &'a [u8],
    spans: Vec<Span>,
}

impl<'a> Slice<'a> {
    /// Length of the whole content, as the verifier gave it.
    pub fn content_len(&self) -> u64 {
        self.len
    }

    /// The bytes `range` of the content. An empty range reads nothing and needs no proof.
    ///
    /// # Errors
    ///
    /// [`Error::BackwardRange`], [`Error::BeyondEnd`]; [`Error::NotProven`] when a chunk of it was
    /// not wanted.
    pub fn read(&self, range: Range<u64>) -> Result<&'a [u8], Error> {
        let Range { start, end } = range;
        if start > end {
            return Err(Error::BackwardRange { start, end });
        }
        if end > self.len {
            return Err(Error::BeyondEnd { end, len: self.len });
        }
        if start == end {
            return Ok(&[]);
        }
        let missing = Error::NotProven { start, end };
        let index = self.spans.partition_point(|span| span.end <= start);
        let span = self
            .spans
            .get(index)
            .filter(|span| span.start <= start && end <= span.end);
        let span = span.ok_or(missing)?;
        let place = |byte: u64| {
            let past = usize::try_from(byte.saturating_sub(span.start)).ok()?;
            span.at.checked_add(past)
        };
        let (first, last) = place(start).zip(place(end)).ok_or(missing)?;
        self.proof.get(first..last).ok_or(missing)
    }

    /// All opened bytes with their offsets, ascending; neighbouring chunks come as one piece.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, &'a [u8])> + '_ {
        self.spans
            .iter()
            .filter_map(|span| Some((span.start, self.read(span.start..span.end).ok()?)))
    }
}
