use std::io;
use std::path::{Path, PathBuf};

use athanor_content_tree::market::JudgeError;
use athanor_content_tree::stream::StreamError;

/// Shorthand for a result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why nothing came of it. Results appear under their final names only when they are whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// `read`, `write`, ….
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Nothing that exists is overwritten.
    #[error("{} exists already and is not overwritten", _0.display())]
    Exists(PathBuf),
    /// What is to be packed, or one of its files, is of a kind that is not packed.
    #[error("{}: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A path of a container is against its rules. The text shows no control characters.
    #[error("the path {path:?} is refused: {reason}")]
    Path {
        /// The path.
        path: String,
        /// The rule.
        reason: &'static str,
    },
    /// Two paths are one to systems that fold case or normalise names, or one is a folder of the
    /// other.
    #[error("the paths {first:?} and {second:?} cannot stand beside each other")]
    Clash {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// A file changed while it was packed.
    #[error("{} changed while it was packed: pack again", _0.display())]
    Changed(PathBuf),
    /// Something is larger than allowed.
    #[error("{what} may have at most {most} {unit}, this has {found}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        most: u64,
        /// What was found, or a number above the limit where counting stopped.
        found: u64,
        /// `bytes`, `files`, ….
        unit: &'static str,
    },
    /// Bytes or text have not the form they should have.
    #[error("{what}: {reason}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A container breaks a rule of its format.
    #[error("this container is refused at byte {at} of its payload: {reason}")]
    Container {
        /// Where, in bytes of the payload.
        at: u64,
        /// The rule.
        reason: String,
    },
    /// Bytes have another root than they should have.
    #[error("{what} does not match its root: it was altered, or belongs elsewhere")]
    WrongRoot {
        /// What was checked.
        what: &'static str,
    },
    /// A card says something else than the listing.
    #[error("the card's {field} is {card}, the listing's {listing}")]
    CardMismatch {
        /// `seller`, `x_root` or `length`.
        field: &'static str,
        /// What the card says.
        card: String,
        /// What the listing says.
        listing: String,
    },
    /// The goods, the ciphertext or an outboard is wrong.
    #[error(transparent)]
    Stream(StreamError),
    /// A length, an index or a path is not one of this content.
    #[error(transparent)]
    Tree(#[from] athanor_content_tree::Error),
    /// The evidence would prove nothing, so it must not be sent: it would publish the buyer's key
    /// for nothing.
    #[error("a complaint would be refused, and would publish your key: {0}")]
    NotProven(#[source] JudgeError),
    /// An encrypted backup cannot be opened with this passphrase.
    #[error("the backup cannot be opened: wrong passphrase, or altered")]
    Unopenable,
    /// A file with a secret can be read by other users.
    #[error("{} can be read by other users (mode {mode:03o}): chmod 600 it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process has the file open.
    #[error("{} is in use by another process", _0.display())]
    Busy(PathBuf),
    /// The caller wanted no more of it.
    #[error("stopped")]
    Cancelled,
    /// The operating system gives no random bytes.
    #[error("the system gives no randomness")]
    NoRandomness,
}

impl Error {
    pub(crate) fn malformed(what: &'static str, reason: impl ToString) -> Self {
        Self::Malformed {
            what,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn file(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(path.clone()),
            _ => Self::File {
                action,
                path: path.clone(),
                source,
            },
        }
    }

    /// The error inside `error`, if one of ours travelled through a reader or writer.
    fn within(error: io::Error) -> std::result::Result<Self, io::Error> {
        error.downcast::<Self>()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

impl From<StreamError> for Error {
    fn from(error: StreamError) -> Self {
        let found = match error {
            StreamError::Read(error) => Self::within(error).map_err(StreamError::Read),
            StreamError::ReadOutboard(error) => {
                Self::within(error).map_err(StreamError::ReadOutboard)
            }
            StreamError::Write(error) => Self::within(error).map_err(StreamError::Write),
            other => Err(other),
        };
        found.unwrap_or_else(Self::Stream)
    }
}
