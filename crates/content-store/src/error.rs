use std::io;
use std::path::{Path, PathBuf};

use athanor_content_tree::stream::StreamError;
use thiserror::Error as ThisError;

use crate::{root_hex, Root};

/// Why a blob could not be stored, read or transferred.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A file of the store or of the caller could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The text is no root.
    #[error("a root is 64 hex digits (in a URL: lower-case and without 0x)")]
    BadRoot,
    /// The blob is longer than allowed here.
    #[error("the blob is longer than {limit} bytes; raise the limit or use smaller blobs")]
    TooLarge {
        /// Most bytes allowed.
        limit: u64,
    },
    /// The store's folder is full, by its own limit.
    #[error(
        "the store may hold {limit} bytes and has no room for {needed} more; remove blobs or \
         raise its limit"
    )]
    Quota {
        /// Most bytes the store may hold.
        limit: u64,
        /// Bytes that did not fit.
        needed: u64,
    },
    /// The content does not belong to the name.
    #[error(
        "the bytes hash to {}, not to {}",
        root_hex(actual),
        root_hex(expected)
    )]
    RootMismatch {
        /// The root asked for.
        expected: Root,
        /// The root of what came.
        actual: Root,
    },
    /// The content's length differs from the one that is known.
    #[error("the blob has {actual} bytes; {expected} were expected")]
    LengthMismatch {
        /// Bytes expected.
        expected: u64,
        /// Bytes there are, or are said to be.
        actual: u64,
    },
    /// What was sent is no part of that blob, or not its outboard.
    #[error("these are not the bytes of that blob: {0}")]
    BadContent(#[from] StreamError),
    /// Nobody has begun that upload, or it was given up.
    #[error("there is no such upload; begin it again")]
    NoUpload,
    /// A part came before the outboard that it is checked against.
    #[error("send the outboard before the parts")]
    NoOutboard,
    /// The blob does not have so many parts.
    #[error("part {index} does not exist: the upload has {count}")]
    NoSuchPart {
        /// Index given.
        index: u64,
        /// Number of parts.
        count: u64,
    },
    /// So many uploads are under way that no other is begun.
    #[error("{limit} uploads are under way, and there may be no more; try again later")]
    TooManyUploads {
        /// Most uploads at a time.
        limit: usize,
    },
    /// What was stored with the token leaves no room, by the token's quota.
    #[error(
        "this token may hold {limit} bytes and holds {held}: there is no room for {needed} more; \
         remove blobs or ask for a larger quota"
    )]
    TokenBytes {
        /// Most bytes of the token.
        limit: u64,
        /// Bytes it holds.
        held: u64,
        /// Bytes that did not fit.
        needed: u64,
    },
    /// As many blobs were stored with the token as it allows.
    #[error("this token may hold {limit} blobs and does; remove one or ask for a larger quota")]
    TokenBlobs {
        /// Most blobs of the token.
        limit: u64,
    },
    /// Another token holds the blob, privately.
    #[error(
        "another token holds this blob privately; send it whole, which shows that you have it"
    )]
    HeldPrivately,
    /// A token file cannot be used.
    #[error("the token file cannot be used: {why}")]
    BadTokens {
        /// What is wrong. Never holds a secret.
        why: String,
    },
    /// A deny list cannot be used.
    #[error("line {line} of the deny list is no root: a root is 64 hex digits")]
    BadDenyList {
        /// Number of the line, from 1.
        line: usize,
    },
    /// The bucket cannot be used.
    #[error("this is no bucket to use: {why}")]
    BadBucket {
        /// What is wrong.
        why: String,
    },
    /// The bucket did not do what was asked.
    #[error("cannot {action} an object of the bucket: {why}")]
    Bucket {
        /// What was tried.
        action: &'static str,
        /// What it answered.
        why: String,
    },
    /// This is for stores whose blobs are files.
    #[error("blobs of this store lie in a bucket, and this takes a local folder")]
    OnlyLocal,
    /// A file of the store no longer holds what its name says. It was moved to `damaged/`.
    #[error(
        "the stored blob {} was damaged on disk and has been moved aside; store it again",
        root_hex(root)
    )]
    Damaged {
        /// The blob's name.
        root: Root,
    },
    /// The store has no such blob.
    #[error("{url} has no blob {}", root_hex(root))]
    NotFound {
        /// The blob's name.
        root: Root,
        /// The store asked.
        url: String,
    },
    /// Nobody was given to fetch from.
    #[error("there is no source to fetch from; give one")]
    NoSource,
    /// The address of a store cannot be used.
    #[error("{url:?} is no address of a content store: {why}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The token cannot be sent in a header.
    #[error("a token consists of printable ASCII characters without spaces at its ends")]
    BadToken,
    /// The store wants another token, or one at all.
    #[error("{url} refuses the write token; give the one its operator has set")]
    Unauthorised {
        /// The store asked.
        url: String,
    },
    /// The store refused for another reason.
    #[error("{url} answered {status}: {message}")]
    Refused {
        /// The store asked.
        url: String,
        /// HTTP status code.
        status: u16,
        /// What it said, cut to 300 bytes.
        message: String,
    },
    /// The store's answer makes no sense.
    #[error("{url} gave an invalid answer: {why}")]
    BadAnswer {
        /// The store asked.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The store could not be reached, or the connection broke.
    #[error("cannot reach {url}: {source}")]
    Transport {
        /// The store asked.
        url: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// The connection ended before the content did.
    #[error("{url} broke off after {done} of {total} bytes")]
    Cut {
        /// The store asked.
        url: String,
        /// Bytes that came.
        done: u64,
        /// Bytes announced.
        total: u64,
    },
    /// Nothing came or went for too long, or too little.
    #[error("{url} is too slow: gave up after {done} bytes")]
    TooSlow {
        /// The store asked.
        url: String,
        /// Bytes transferred.
        done: u64,
    },
}

impl Error {
    pub(crate) fn io<'a>(
        action: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { source, .. } => !source.is_builder() && !source.is_redirect(),
            Self::Cut { .. } | Self::TooSlow { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }
}
