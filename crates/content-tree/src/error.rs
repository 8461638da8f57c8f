use thiserror::Error;

/// Why a set, a proof or an outboard was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A byte range ends before it starts.
    #[error("the range {start}..{end} ends before it starts")]
    BackwardRange {
        /// First byte asked for.
        start: u64,
        /// End asked for, exclusive.
        end: u64,
    },
    /// A byte range reaches beyond the content.
    #[error("the range ends at byte {end}, but the content has {len} bytes")]
    BeyondEnd {
        /// End asked for, exclusive.
        end: u64,
        /// Length of the content.
        len: u64,
    },
    /// A chunk index is not below the number of chunks.
    #[error("chunk {chunk} does not exist: the content has {count} chunks")]
    NoSuchChunk {
        /// Highest index asked for.
        chunk: u64,
        /// Number of chunks of the content.
        count: u64,
    },
    /// The proof's length differs from the one that follows from content length and chunk set.
    #[error("the proof has {actual} bytes; this length and chunk set take exactly {expected}")]
    WrongProofLength {
        /// The only valid length.
        expected: u64,
        /// Length of the proof given.
        actual: u64,
    },
    /// The bytes do not hash to the root.
    #[error("the bytes do not belong to this root and length")]
    RootMismatch,
    /// The bytes asked for are not part of what the slice proves.
    #[error("bytes {start}..{end} are not covered by the proof")]
    NotProven {
        /// First byte asked for.
        start: u64,
        /// End asked for, exclusive.
        end: u64,
    },
    /// Proof or outboard would not fit into memory on this machine.
    #[error("the result is too long for this machine")]
    TooLong,
    /// The group size of an outboard is out of bounds.
    #[error("an outboard's groups have 2^0 to 2^16 chunks, not 2^{0}")]
    BadGroup(u8),
    /// These chunks are no subtree of a content of that length.
    #[error("{count} chunks from chunk {start} are no subtree of this content")]
    NoSuchSubtree {
        /// First chunk.
        start: u64,
        /// Number of chunks.
        count: u64,
    },
    /// The answer's length differs from the one that follows from the subtree.
    #[error("the answer has {actual} bytes; this subtree takes exactly {expected}")]
    WrongAnswerLength {
        /// The only valid length.
        expected: u64,
        /// Length of the answer given.
        actual: u64,
    },
    /// The subtree has no such group, or is answered by bytes, not by groups.
    #[error("group {group} does not exist: the subtree is answered by {count} groups")]
    NoSuchGroup {
        /// Index asked for.
        group: u64,
        /// Number of groups; 0 when the answer is bytes.
        count: u64,
    },
    /// Content in groups has 1 to 2^40 bytes.
    #[error("content sold in groups has 1 to 2^40 bytes, not {0}")]
    BadContentLength(u64),
    /// A container does not start with its header.
    #[error("this is no container of version 1, or its length does not fit its header")]
    BadHeader,
    /// A group index is not below the number of groups.
    #[error("group {index} does not exist: the content has {count} groups")]
    GroupBeyondEnd {
        /// Index asked for.
        index: u64,
        /// Number of groups of the content.
        count: u64,
    },
    /// Two proofs that belong together are of different groups.
    #[error("one proof is of group {first}, the other of group {second}")]
    TwoGroups {
        /// Index of the one.
        first: u64,
        /// Index of the other.
        second: u64,
    },
    /// The bytes are not as many as the group has.
    #[error("{actual} bytes were given; this group has exactly {expected}")]
    WrongGroupLength {
        /// The only valid length.
        expected: u64,
        /// Bytes given.
        actual: u64,
    },
    /// The siblings are not as many as there are levels between group and subtree.
    #[error("{actual} siblings were given; this group takes exactly {expected}")]
    WrongPathLength {
        /// The only valid number.
        expected: u64,
        /// Siblings given.
        actual: u64,
    },
    /// The outboard's length differs from the one that follows from content length and group size.
    #[error("the outboard has {actual} bytes; this length and group size take exactly {expected}")]
    WrongOutboardLength {
        /// The only valid length.
        expected: u64,
        /// Length of the outboard given.
        actual: u64,
    },
}

/// Why [`prove_with`](crate::prove_with) made no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProveError<E> {
    /// The set does not fit the content, or the bytes read are not those of the outboard.
    #[error(transparent)]
    Tree(#[from] Error),
    /// The source could not be read.
    #[error("cannot read the content: {0}")]
    Read(E),
}
