/// Shorthand for a result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file, a key or a plan was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line of a file is wrong. Lines count from 1.
    #[error("line {line}: {reason}")]
    Line {
        /// The line.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Something is larger than allowed.
    #[error("{what} may have at most {most} {unit}, this has {found}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        most: u64,
        /// What was found, or a number above the limit where counting stopped.
        found: u64,
        /// `bytes`, `tasks`, ….
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
    /// The tasks and gold given make no batch.
    #[error("{0}")]
    Plan(String),
    /// Bytes have another root than they should have.
    #[error("{what} does not match its root: it was altered, or belongs elsewhere")]
    WrongRoot {
        /// What was checked.
        what: &'static str,
    },
    /// An encrypted message cannot be opened with this key and context.
    #[error("{what} cannot be opened: wrong key, wrong context, or altered")]
    Unopenable {
        /// What was to be opened.
        what: &'static str,
    },
    /// A signature is not the account's.
    #[error("the signature is not one of {account} over this text")]
    BadSignature {
        /// The account, `0x` hex.
        account: String,
    },
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
}
