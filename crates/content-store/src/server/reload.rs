use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{DenyList, Metrics, Tokens};
use crate::Error;

const EVERY: Duration = Duration::from_secs(2);

/// Files that a served store takes over when they change, within two seconds. One that cannot be
/// used is left alone, with an error in the log: what held before goes on holding.
#[derive(Clone, Debug, Default)]
pub struct Reload {
    /// Deny list, see [`DenyList::parse`].
    pub deny: Option<PathBuf>,
    /// Token file, see [`Tokens::parse`].
    pub tokens: Option<PathBuf>,
    /// Where failures are counted.
    pub metrics: Option<Metrics>,
}

/// Tells a file from a changed one.
type Stamp = Option<(SystemTime, u64)>;

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl Reload {
    /// Reads both files once.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::BadDenyList`], [`Error::BadTokens`].
    pub fn load(&self) -> Result<(DenyList, Tokens), Error> {
        let deny = self.deny.as_deref().map(DenyList::load).transpose()?;
        let tokens = self.tokens.as_deref().map(Tokens::load).transpose()?;
        Ok((deny.unwrap_or_default(), tokens.unwrap_or_default()))
    }

    /// Keeps `deny` and `tokens` as the files say, for ever.
    pub async fn follow(self, deny: DenyList, tokens: Tokens) {
        let look = |path: &Option<PathBuf>| path.as_deref().and_then(stamp);
        let (mut of_deny, mut of_tokens) = (None, None);
        loop {
            if let Some(path) = &self.deny {
                if look(&self.deny) != of_deny {
                    of_deny = look(&self.deny);
                    let new = DenyList::load(path);
                    self.taken(path, new.map(|new| deny.replace(&new)));
                }
            }
            if let Some(path) = &self.tokens {
                if look(&self.tokens) != of_tokens {
                    of_tokens = look(&self.tokens);
                    let new = Tokens::load(path);
                    self.taken(path, new.map(|new| tokens.replace(&new)));
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    fn taken(&self, path: &Path, result: Result<(), Error>) {
        match result {
            Ok(()) => tracing::info!(path = %path.display(), "read"),
            Err(error) => {
                tracing::error!(%error, "a changed file is not taken over");
                if let Some(metrics) = &self.metrics {
                    metrics.reload_failed();
                }
            }
        }
    }
}
