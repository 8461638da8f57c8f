use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use athanor_content_tree::stream;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use reqwest::Body;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
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

    /// Its root and its outboard, which is written to a file.
    pub(super) async fn outboard(&self) -> Result<(Root, NamedTempFile), Error> {
        let (source, len) = (self.clone(), self.size().await?);
        let made = tokio::task::spawn_blocking(move || {
            let folder = std::env::temp_dir();
            let failed = Error::io("create a file in", &folder);
            let mut made = NamedTempFile::new().map_err(failed)?;
            let root = match &source {
                Self::Bytes(bytes) => stream::encode(len, bytes.as_ref(), made.as_file_mut()),
                Self::File(path) => {
                    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
                    stream::encode(len, file, made.as_file_mut())
                }
            };
            Ok((root?, made))
        });
        match made.await {
            Ok(made) => made,
            Err(error) => Err(Error::io("hash", Path::new("the blob"))(io::Error::other(
                error,
            ))),
        }
    }

    /// As [`body`](Self::body), of these bytes alone.
    pub(super) async fn body_part(
        &self,
        range: Range<u64>,
    ) -> Result<(Body, Arc<AtomicU64>), Error> {
        let size = range.end.saturating_sub(range.start);
        match self {
            Self::Bytes(bytes) => {
                let at = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
                Self::Bytes(bytes.slice(at(range.start)..at(range.end)))
                    .body()
                    .await
            }
            Self::File(path) => {
                let sent = Arc::new(AtomicU64::new(0));
                let counter = sent.clone();
                let count = move |piece: &Bytes| {
                    counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
                };
                let mut file = tokio::fs::File::open(path)
                    .await
                    .map_err(Error::io("open", path))?;
                file.seek(SeekFrom::Start(range.start))
                    .await
                    .map_err(Error::io("read", path))?;
                let pieces = ReaderStream::with_capacity(file.take(size), PIECE);
                Ok((Body::wrap_stream(pieces.inspect_ok(count)), sent))
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
