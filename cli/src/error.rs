//! Errors of the command line: what went wrong, what to do next, and the exit
//! code scripts can rely on.

use std::path::PathBuf;
use subxt::{
    error::{DispatchError, TransactionEventsError},
    Metadata,
};

/// Everything was done.
pub const OK: u8 = 0;
/// Something was refused or went wrong.
pub const FAILED: u8 = 1;
/// The command line itself was wrong; nothing was tried.
pub const USAGE: u8 = 2;
/// The job ended otherwise than settled.
pub const JOB_NOT_SETTLED: u8 = 3;
/// The node or the content store could not be reached, or what became of a
/// transaction is not known.
pub const UNREACHABLE: u8 = 4;

/// Shorthand for a command's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line asks for something contradictory or incomplete.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// `read`, `write`, ….
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key file can be read by other users.
    #[error("{} can be read by other users (mode {mode:03o})", path.display())]
    KeyFileMode {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A secret is malformed. Its text is not repeated.
    #[error("this is no secret key: {0}")]
    BadSecret(String),
    /// The node did not answer.
    #[error("cannot reach the node at {url}: {reason}")]
    NodeUnreachable {
        /// Where it was looked for.
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// The content store did not answer, or answered with something else.
    #[error(transparent)]
    Store(#[from] athanor_content_store::Error),
    /// Files of the data market are not what they should be.
    #[error(transparent)]
    Market(#[from] athanor_market_client::Error),
    /// The node runs a chain without something this command needs.
    #[error("this chain has no {0}")]
    NotThisChain(String),
    /// The node sent something that cannot be understood.
    #[error("the node's answer to {what} cannot be read: {reason}")]
    Protocol {
        /// What was asked.
        what: String,
        /// Why the answer is useless.
        reason: String,
    },
    /// The runtime refused the call; it changed nothing but the fee.
    #[error("{call} was refused: {name}{}", docs_suffix(docs))]
    Dispatch {
        /// The call, as `Pallet.call`.
        call: String,
        /// The error's name, as `Pallet.Error`.
        name: String,
        /// The error's documentation from the chain's metadata.
        docs: String,
    },
    /// The transaction pool refused the transaction, or dropped it.
    #[error("{call} was not included: {reason}")]
    Rejected {
        /// The call, as `Pallet.call`.
        call: String,
        /// The pool's reason.
        reason: String,
    },
    /// A transaction was sent, and whether a block takes it is not known.
    #[error(
        "{call}: {reason}; it may still be included for up to {blocks} blocks. Look before you \
         send it again"
    )]
    Unconfirmed {
        /// The call, as `Pallet.call`.
        call: String,
        /// What was waited for in vain, or what the node said.
        reason: String,
        /// Blocks the transaction stays valid for at most.
        blocks: u64,
    },
    /// There is nothing of that name on the chain.
    #[error("{0}")]
    NotFound(String),
    /// The request contradicts what is on the chain or in a file.
    #[error("{0}")]
    Refused(String),
    /// A job ended otherwise than settled. Its summary has been printed.
    #[error("job {job} ended as {state}")]
    JobEnded {
        /// The job.
        job: u64,
        /// Its terminal state.
        state: String,
    },
    /// Waiting took longer than allowed.
    #[error("{0}")]
    TimedOut(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted {
        /// How to go on.
        next: Option<String>,
    },
}

fn docs_suffix(docs: &str) -> String {
    if docs.is_empty() {
        String::new()
    } else {
        format!("\n  {docs}")
    }
}

impl Error {
    /// The exit code that goes with the error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::JobEnded { .. } => JOB_NOT_SETTLED,
            Self::NodeUnreachable { .. } | Self::Unconfirmed { .. } => UNREACHABLE,
            Self::Store(error) if unreachable(error) => UNREACHABLE,
            _ => FAILED,
        }
    }

    /// Whether what was asked for may still happen.
    pub fn may_come_true(&self) -> bool {
        matches!(
            self,
            Self::Unconfirmed { .. } | Self::NodeUnreachable { .. }
        )
    }

    /// What to do next, if something general can be said.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Usage(_) => "see the command's --help for its options and examples".into(),
            Self::KeyFileMode { path, .. } => {
                format!("run: chmod 600 {}", path.display())
            }
            Self::BadSecret(_) => {
                "a secret is a 12 to 24 word mnemonic, 0x and 64 hex digits, or a development key \
                 like //Alice; `athanor keys new` makes one"
                    .into()
            }
            Self::NodeUnreachable { .. } => {
                "check that a node runs there, or name another one with --node URL".into()
            }
            Self::Store(error) if unreachable(error) => {
                "check that the store runs there, or name another one with --store URL".into()
            }
            Self::Store(athanor_content_store::Error::Unauthorised { .. }) => {
                "give the file that holds it with --store-token-file FILE".into()
            }
            Self::NotThisChain(_) | Self::Protocol { .. } => {
                "this client and the node seem to be of different versions".into()
            }
            Self::Rejected { reason, .. } if reason.contains("pay some fees") => {
                "the signing account cannot pay the fee: `athanor account balance` shows what it \
                 has"
                .into()
            }
            Self::Rejected { .. } => {
                "nothing was changed: once the reason is gone it is safe to try again".into()
            }
            Self::Dispatch { name, .. }
                if name.starts_with("Token.") || name == "Arithmetic.Underflow" =>
            {
                "`athanor account balance` shows what the signing account has".into()
            }
            Self::Interrupted { next } => return next.clone(),
            Self::TimedOut(_) => "the job goes on without this command; watch it again".into(),
            _ => return None,
        })
    }

    /// The error as the terminal shows it, with the next step on its own line.
    pub fn render(&self) -> String {
        match self.hint() {
            Some(hint) => format!("error: {self}\n  hint: {hint}"),
            None => format!("error: {self}"),
        }
    }

    /// An answer of the node that cannot be used.
    pub fn protocol(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Protocol {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

/// Whether a store could not be reached, rather than refused.
fn unreachable(error: &athanor_content_store::Error) -> bool {
    use athanor_content_store::Error as Store;
    matches!(
        error,
        Store::Transport { .. } | Store::Cut { .. } | Store::TooSlow { .. }
    )
}

/// Names a dispatch error and finds its documentation in the metadata.
pub fn dispatch(call: &str, error: &DispatchError, metadata: &Metadata) -> Error {
    let (name, docs) = match error {
        DispatchError::Module(module) => match module.details() {
            Ok(details) => {
                let detail = nested(details.variant, &module.bytes()[2..], metadata.types());
                let docs = join_docs(&details.variant.docs);
                let name = format!("{}.{}", details.pallet.name(), details.variant.name);
                match detail {
                    Some((field, more)) => (
                        format!("{name}({field})"),
                        format!("{docs} {more}").trim().to_owned(),
                    ),
                    None => (name, docs),
                }
            }
            Err(_) => (
                format!(
                    "error {} of pallet {}",
                    module.error_index(),
                    module.pallet_index()
                ),
                String::new(),
            ),
        },
        other => plain(other),
    };
    Error::Dispatch {
        call: call.into(),
        name,
        docs,
    }
}

/// Name and explanation of an error that comes from no pallet.
fn plain(error: &DispatchError) -> (String, String) {
    match error {
        DispatchError::Token(token) => (format!("Token.{token:?}"), token.to_string()),
        DispatchError::Arithmetic(error) => (format!("Arithmetic.{error:?}"), error.to_string()),
        other => (format!("{other:?}"), other.to_string()),
    }
}

/// Name and documentation of the error inside an error, if it carries one.
fn nested(
    variant: &scale_info::Variant<scale_info::form::PortableForm>,
    bytes: &[u8],
    types: &scale_info::PortableRegistry,
) -> Option<(String, String)> {
    let field = variant.fields.first()?;
    let scale_info::TypeDef::Variant(inner) = &types.resolve(field.ty.id)?.type_def else {
        return None;
    };
    let index = bytes.first()?;
    let found = inner
        .variants
        .iter()
        .find(|variant| variant.index == *index)?;
    Some((found.name.clone(), join_docs(&found.docs)))
}

/// Joins the lines of a documentation comment into one paragraph.
pub fn join_docs<S: AsRef<str>>(docs: &[S]) -> String {
    docs.iter()
        .map(|line| line.as_ref().trim())
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Turns what the events of a transaction say into an error of ours.
pub fn transaction_events(call: &str, error: TransactionEventsError, metadata: &Metadata) -> Error {
    match error {
        TransactionEventsError::ExtrinsicFailed(error) => dispatch(call, &error, metadata),
        other => Error::protocol(format!("the events of {call}"), other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use subxt::error::TokenError;

    #[test]
    fn nested_errors_are_named_too() {
        use scale_info::{MetaType, TypeInfo};
        #[derive(TypeInfo)]
        #[allow(dead_code)]
        enum Fault {
            Other,
            /// The shapes do not match.
            WrongShape,
        }
        #[derive(TypeInfo)]
        #[allow(dead_code)]
        enum Outer {
            InvalidProgram(Fault),
            NotOwner,
        }
        let mut registry = scale_info::Registry::new();
        let id = registry.register_type(&MetaType::new::<Outer>()).id;
        let types: scale_info::PortableRegistry = registry.into();
        let scale_info::TypeDef::Variant(outer) = &types.resolve(id).unwrap().type_def else {
            panic!("an enum");
        };
        let (name, _) = nested(&outer.variants[0], &[1, 0, 0], &types).unwrap();
        assert_eq!(name, "WrongShape");
        assert_eq!(nested(&outer.variants[0], &[9, 0, 0], &types), None);
        assert_eq!(nested(&outer.variants[1], &[0, 0, 0], &types), None);
    }

    #[test]
    fn exit_codes_tell_usage_network_job_and_the_rest_apart() {
        assert_eq!(Error::Usage("x".into()).exit_code(), 2);
        let node = Error::NodeUnreachable {
            url: "ws://x".into(),
            reason: "refused".into(),
        };
        assert_eq!(node.exit_code(), 4);
        let cut = athanor_content_store::Error::Cut {
            url: "http://x".into(),
            done: 1,
            total: 2,
        };
        assert_eq!(Error::Store(cut).exit_code(), 4);
        assert_eq!(
            Error::Store(athanor_content_store::Error::BadRoot).exit_code(),
            1
        );
        assert_eq!(
            Error::JobEnded {
                job: 1,
                state: "failed".into()
            }
            .exit_code(),
            3
        );
        assert_eq!(Error::NotFound("no job 7".into()).exit_code(), 1);
        let rejected = Error::Rejected {
            call: "ComputeJobs.cancel".into(),
            reason: "bad signature".into(),
        };
        assert_eq!(rejected.exit_code(), 1);
    }

    #[test]
    fn a_refused_call_is_shown_with_the_runtimes_own_words() {
        let error = Error::Dispatch {
            call: "ComputeJobs.cancel".into(),
            name: "ComputeJobs.UnexpectedStatus".into(),
            docs: "The job is in another state.".into(),
        };
        assert_eq!(
            error.render(),
            "error: ComputeJobs.cancel was refused: ComputeJobs.UnexpectedStatus\n  The job is in \
             another state."
        );
    }

    #[test]
    fn token_errors_point_at_the_balance() {
        let (name, docs) = plain(&DispatchError::Token(TokenError::FundsUnavailable));
        let text = Error::Dispatch {
            call: "Balances.transfer".into(),
            name,
            docs,
        }
        .render();
        assert!(text.contains("Token.FundsUnavailable"), "{text}");
        assert!(text.contains("hint: `athanor account balance`"), "{text}");
    }

    #[test]
    fn a_bad_secret_is_never_repeated() {
        let text = Error::BadSecret("it has 11 words".into()).render();
        assert!(text.contains("11 words") && text.contains("hint:"));
    }

    #[test]
    fn documentation_lines_become_one_paragraph() {
        assert_eq!(join_docs(&[" One.", "", " Two."]), "One. Two.");
        assert_eq!(join_docs::<&str>(&[]), "");
    }
}
