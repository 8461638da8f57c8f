use std::future::Future;
use std::io::{ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use reqwest::header::{HeaderMap, CONTENT_RANGE};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::{Error, Incoming, Root, Store};

/// Where a download goes.
pub(super) trait Target {
    /// Bytes it has.
    fn done(&self) -> u64;
    /// Root of those bytes.
    fn root(&self) -> Root;
    fn append(&mut self, piece: &[u8]) -> impl Future<Output = Result<(), Error>> + Send;
    fn restart(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
}

#[derive(Default)]
pub(super) struct Memory {
    bytes: Vec<u8>,
    hasher: blake3::Hasher,
}

impl Memory {
    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }
}

impl Target for Memory {
    fn done(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn root(&self) -> Root {
        *self.hasher.finalize().as_bytes()
    }

    async fn append(&mut self, piece: &[u8]) -> Result<(), Error> {
        if self.bytes.try_reserve(piece.len()).is_err() {
            return Err(Error::TooLarge { limit: self.done() });
        }
        self.bytes.extend_from_slice(piece);
        self.hasher.update(piece);
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Error> {
        *self = Self::default();
        Ok(())
    }
}

/// `<dest>.part`, which outlives the process.
pub(super) struct FileTarget {
    part: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    done: u64,
}

impl FileTarget {
    pub(super) async fn open(dest: &Path, limit: u64) -> Result<Self, Error> {
        let mut name = dest.as_os_str().to_owned();
        name.push(".part");
        let part = PathBuf::from(name);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options
            .open(&part)
            .await
            .map_err(Error::io("open", &part))?;
        let metadata = file.metadata().await.map_err(Error::io("read", &part))?;
        if metadata.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        let (hasher, done) = hash_file(&mut file, &part).await?;
        Ok(Self {
            part,
            file,
            hasher,
            done,
        })
    }

    /// Writes out what there is, or removes it.
    pub(super) async fn close(&mut self, keep: bool) -> Result<(), Error> {
        if keep {
            self.file
                .flush()
                .await
                .map_err(Error::io("write", &self.part))?;
            self.file
                .sync_all()
                .await
                .map_err(Error::io("sync", &self.part))
        } else {
            tokio::fs::remove_file(&self.part)
                .await
                .map_err(Error::io("remove", &self.part))
        }
    }

    pub(super) async fn rename(self, dest: &Path) -> Result<u64, Error> {
        tokio::fs::rename(&self.part, dest)
            .await
            .map_err(Error::io("write", dest))?;
        Ok(self.done)
    }
}

impl Target for FileTarget {
    fn done(&self) -> u64 {
        self.done
    }

    fn root(&self) -> Root {
        *self.hasher.finalize().as_bytes()
    }

    async fn append(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(piece)
            .await
            .map_err(Error::io("write", &self.part))?;
        self.hasher.update(piece);
        self.done = self.done.saturating_add(piece.len() as u64);
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Error> {
        self.file
            .set_len(0)
            .await
            .map_err(Error::io("write", &self.part))?;
        self.file
            .seek(SeekFrom::Start(0))
            .await
            .map_err(Error::io("write", &self.part))?;
        self.hasher = blake3::Hasher::new();
        self.done = 0;
        Ok(())
    }
}

/// A blob on its way from one store into another.
pub(super) struct Uploading {
    store: Store,
    incoming: Incoming,
}

impl Uploading {
    pub(super) async fn begin(store: &Store) -> Result<Self, Error> {
        Ok(Self {
            store: store.clone(),
            incoming: store.begin().await?,
        })
    }

    pub(super) async fn finish(self, root: &Root) -> Result<u64, Error> {
        Ok(self.incoming.finish(Some(root)).await?.len)
    }
}

impl Target for Uploading {
    fn done(&self) -> u64 {
        self.incoming.written()
    }

    fn root(&self) -> Root {
        self.incoming.root()
    }

    async fn append(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.incoming.write(piece).await
    }

    async fn restart(&mut self) -> Result<(), Error> {
        self.incoming = self.store.begin().await?;
        Ok(())
    }
}

/// Length of `dest` if it holds the blob.
pub(super) async fn already(root: &Root, dest: &Path, limit: u64) -> Result<Option<u64>, Error> {
    let mut file = match File::open(dest).await {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", dest)(error)),
    };
    let metadata = file.metadata().await.map_err(Error::io("read", dest))?;
    if !metadata.is_file() {
        let error = std::io::Error::other("it exists and is no file");
        return Err(Error::io("write", dest)(error));
    }
    if metadata.len() > limit {
        return Ok(None);
    }
    let (hasher, len) = hash_file(&mut file, dest).await?;
    Ok((hasher.finalize() == blake3::Hash::from_bytes(*root)).then_some(len))
}

/// Hashes a file from its start; leaves it at its end.
pub(super) async fn hash_file(
    file: &mut File,
    path: &Path,
) -> Result<(blake3::Hasher, u64), Error> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut len = 0u64;
    loop {
        let count = file
            .read(&mut buffer)
            .await
            .map_err(Error::io("read", path))?;
        if count == 0 {
            return Ok((hasher, len));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        len = len.saturating_add(count as u64);
    }
}

/// Total length out of `bytes <from>-<last>/<total>`, if it reaches from `from` to the end.
pub(super) fn content_range(headers: &HeaderMap, from: u64) -> Option<u64> {
    let range = headers
        .get(CONTENT_RANGE)?
        .to_str()
        .ok()?
        .strip_prefix("bytes ")?;
    let (span, total) = range.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (first, last, total): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
    (first == from && last.checked_add(1) == Some(total) && first <= last).then_some(total)
}

/// Total length out of `bytes */<total>`.
pub(super) fn unsatisfied_range(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(CONTENT_RANGE)?
        .to_str()
        .ok()?
        .strip_prefix("bytes */")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        [(CONTENT_RANGE, value.parse().unwrap())]
            .into_iter()
            .collect()
    }

    #[test]
    fn only_the_rest_that_was_asked_for_is_taken() {
        assert_eq!(content_range(&headers("bytes 5-9/10"), 5), Some(10));
        for wrong in [
            "bytes 4-9/10",
            "bytes 5-8/10",
            "bytes 5-9/*",
            "bytes 5-9/11",
            "5-9/10",
            "bytes 5/10",
            "bytes 5-4/5",
            "bytes */10",
            "bytes 5-18446744073709551615/10",
        ] {
            assert_eq!(content_range(&headers(wrong), 5), None, "{wrong}");
        }
        assert_eq!(content_range(&HeaderMap::new(), 0), None);
        assert_eq!(unsatisfied_range(&headers("bytes */10")), Some(10));
        assert_eq!(unsatisfied_range(&headers("bytes 5-9/10")), None);
    }
}
