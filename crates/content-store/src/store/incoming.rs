use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use tempfile::TempPath;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

use super::{blocking, Charge, Inner, Kind};
use crate::{Error, Root};

/// What became of an [`Incoming`] blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub root: Root,
    /// Its length in bytes.
    pub len: u64,
    /// Whether the store did not have it before.
    pub new: bool,
}

/// A blob on its way into a store. Dropped before [`finish`](Self::finish), it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    file: tokio::fs::File,
    temp: TempPath,
    hasher: blake3::Hasher,
    len: u64,
    room: Room,
}

impl Incoming {
    pub(super) async fn begin(inner: Arc<Inner>) -> Result<Self, Error> {
        let room = Room::new(inner);
        let folder = room.inner.incoming();
        let temp = blocking(move || {
            tempfile::Builder::new()
                .prefix("blob-")
                .tempfile_in(&folder)
                .map_err(Error::io("create a file in", &folder))
        })
        .await?;
        let (file, temp) = temp.into_parts();
        let file = tokio::fs::File::from_std(file);
        Ok(Self {
            file,
            temp,
            hasher: blake3::Hasher::new(),
            len: 0,
            room,
        })
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.len
    }

    /// Makes sure now that `len` bytes in all will fit.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Quota`].
    pub fn reserve(&mut self, len: u64) -> Result<(), Error> {
        self.room.hold(len)
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Quota`], [`Error::Io`]. After an error the blob is of no use.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let len = self.len.saturating_add(bytes.len() as u64);
        self.room.hold(len)?;
        self.hasher.update(bytes);
        self.file
            .write_all(bytes)
            .await
            .map_err(|error| self.failed(error))?;
        self.len = len;
        Ok(())
    }

    /// The root of what was written so far.
    pub fn root(&self) -> Root {
        *self.hasher.finalize().as_bytes()
    }

    /// Puts the blob in its place, durably. With `expected`, only if that is its root.
    ///
    /// # Errors
    ///
    /// [`Error::RootMismatch`], [`Error::Io`]. Nothing is stored then.
    pub async fn finish(self, expected: Option<&Root>) -> Result<Stored, Error> {
        self.finish_for(expected, None).await
    }

    /// The same for the bearer of a token, who holds the blob from then on.
    pub(crate) async fn finish_for(
        mut self,
        expected: Option<&Root>,
        charge: Option<Charge>,
    ) -> Result<Stored, Error> {
        let root = self.root();
        if let Some(expected) = expected.filter(|expected| **expected != root) {
            return Err(Error::RootMismatch {
                expected: *expected,
                actual: root,
            });
        }
        self.file
            .flush()
            .await
            .map_err(|error| self.failed(error))?;
        self.file
            .sync_all()
            .await
            .map_err(|error| self.failed(error))?;
        let Self {
            temp,
            len,
            mut room,
            ..
        } = self;
        blocking(move || {
            room.release_to(len);
            let inner = room.inner.clone();
            if let Some(charge) = charge {
                charge.keep(len, true)?;
            }
            if let Some(bucket) = &inner.bucket {
                if inner.len_of(Kind::Blob, &root)? == Some(len) {
                    let new = false;
                    return Ok(Stored { root, len, new });
                }
                let put = bucket.put_file(Kind::Blob, &root, &temp);
                Handle::current().block_on(put)?;
                // Of two who bring the same at once, one is counted.
                let new = inner.fresh().insert(root);
                if new {
                    room.keep();
                }
                return Ok(Stored { root, len, new });
            }
            let path = inner.path(&root);
            let _changing = inner.changing();
            let old = std::fs::metadata(&path)
                .ok()
                .filter(|old| old.is_file())
                .map(|o| o.len());
            if old == Some(len) {
                return Ok(Stored {
                    root,
                    len,
                    new: false,
                });
            }
            let folder = path.parent().unwrap_or(&inner.dir);
            std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            temp.persist(&path)
                .map_err(|error| Error::io("write", &path)(error.error))?;
            sync_folder(folder)?;
            room.keep();
            inner.forget(old.unwrap_or(0));
            Ok(Stored {
                root,
                len,
                new: old.is_none(),
            })
        })
        .await
    }

    /// The file alone, for content that is checked otherwise. Its room is given back.
    pub(crate) async fn into_file(mut self) -> Result<TempPath, Error> {
        self.file
            .flush()
            .await
            .map_err(|error| self.failed(error))?;
        self.file
            .sync_all()
            .await
            .map_err(|error| self.failed(error))?;
        Ok(self.temp)
    }

    fn failed(&self, error: std::io::Error) -> Error {
        if error.kind() == ErrorKind::StorageFull {
            let limit = self.room.inner.used.load(Ordering::Relaxed);
            return Error::Quota {
                limit,
                needed: self.room.bytes,
            };
        }
        Error::io("write", &self.temp)(error)
    }
}

/// The rename itself must survive a power cut. Folders cannot be opened everywhere; where they
/// cannot, the system gives no stronger promise.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    match std::fs::File::open(folder) {
        Ok(folder_file) => folder_file.sync_all().map_err(Error::io("sync", folder)),
        Err(_) => Ok(()),
    }
}

/// Bytes taken from the store's allowance; given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    inner: Arc<Inner>,
    bytes: u64,
}

impl Room {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Room { inner, bytes: 0 }
    }

    pub(super) fn hold(&mut self, bytes: u64) -> Result<(), Error> {
        let limits = self.inner.limits;
        if bytes > limits.max_blob {
            return Err(Error::TooLarge {
                limit: limits.max_blob,
            });
        }
        self.hold_all(bytes)
    }

    /// As [`hold`](Self::hold), for what is more than one blob.
    pub(super) fn hold_all(&mut self, bytes: u64) -> Result<(), Error> {
        let limits = self.inner.limits;
        let needed = bytes.saturating_sub(self.bytes);
        if needed == 0 {
            return Ok(());
        }
        let more = |used: u64| {
            used.checked_add(needed)
                .filter(|used| *used <= limits.max_total)
        };
        self.inner
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map_err(|_| Error::Quota {
                limit: limits.max_total,
                needed,
            })?;
        self.bytes = bytes;
        Ok(())
    }

    fn release_to(&mut self, bytes: u64) {
        self.inner.forget(self.bytes.saturating_sub(bytes));
        self.bytes = self.bytes.min(bytes);
    }

    pub(super) fn keep(&mut self) {
        self.bytes = 0;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.inner.forget(self.bytes);
    }
}
