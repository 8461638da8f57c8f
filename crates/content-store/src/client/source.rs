use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use reqwest::Body;
use tokio_util::io::ReaderStream;

use super::download::hash_file;
use crate::{Error, Root};

const PIECE: usize = 64 * 1024;

/// Bytes to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, which is read as it is sent.
    File(PathBuf),
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl Source {
    /// Length in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn size(&self) -> Result<u64, Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => {
                let metadata = tokio::fs::metadata(path)
                    .await
                    .map_err(Error::io("read", path))?;
                Ok(metadata.len())
            }
        }
    }

    /// Its root, for [`Client::put`](crate::Client::put).
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn root(&self) -> Result<Root, Error> {
        match self {
            Self::Bytes(bytes) => Ok(athanor_content_tree::root(bytes)),
            Self::File(path) => {
                let mut file = tokio::fs::File::open(path)
                    .await
                    .map_err(Error::io("open", path))?;
                let (hasher, _) = hash_file(&mut file, path).await?;
                Ok(*hasher.finalize().as_bytes())
            }
        }
    }

    /// A request body, and how many bytes of it have been taken.
    pub(super) async fn body(&self) -> Result<(Body, Arc<AtomicU64>), Error> {
        let sent = Arc::new(AtomicU64::new(0));
        let counter = sent.clone();
        let count = move |piece: &Bytes| {
            counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
        };
        let body = match self {
            Self::Bytes(bytes) => {
                let mut rest = bytes.clone();
                let pieces = std::iter::from_fn(move || {
                    let piece = rest.split_to(rest.len().min(PIECE));
                    (!piece.is_empty()).then_some(piece)
                });
                let pieces = futures::stream::iter(pieces).inspect(count);
                Body::wrap_stream(pieces.map(Ok::<_, io::Error>))
            }
            Self::File(path) => {
                let file = tokio::fs::File::open(path)
                    .await
                    .map_err(Error::io("open", path))?;
                let pieces = ReaderStream::with_capacity(file, PIECE);
                Body::wrap_stream(pieces.inspect_ok(count))
            }
        };
        Ok((body, sent))
    }
}
