//! What must outlive the process: a file for each value, replaced as a whole and synced
//! before anything that depends on it leaves this machine.
//!
//! `DATA/<genesis>/<account>/` belongs to one process at a time. Each file begins with
//! the BLAKE3 hash of the rest: one that was damaged is an error and never taken for one
//! that is not there, for a call could then be signed twice.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Longest value that is read, in bytes.
const MAX_VALUE: u64 = 16 << 20;

/// Records can't be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// Another process has them.
    #[error(
        "another gpu-worker provides with this key from {0}: one key belongs to one process, or \
         both would sign"
    )]
    Taken(PathBuf),
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{0} is damaged: restore the folder from a backup, or register a fresh key")]
    Damaged(PathBuf),
}

/// The records of one key on one chain.
#[derive(Debug)]
pub struct Records {
    dir: PathBuf,
    genesis: [u8; 32],
    _lock: fs::File,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Records {
    /// Takes the records of `account` on the chain `genesis`.
    ///
    /// # Errors
    ///
    /// [`RecordsError::Taken`] while another process has them.
    pub fn open(data: &Path, genesis: &[u8; 32], account: &[u8; 32]) -> Result<Self, RecordsError> {
        let dir = data.join(hex(genesis)).join(hex(account));
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| RecordsError::Io { path, source }
        };
        fs::create_dir_all(&dir).map_err(at(&dir))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Salts must stay unknown until they are revealed.
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).map_err(at(&dir))?;
        }
        let path = dir.join("lock");
        let lock = fs::File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Records {
                dir,
                genesis: *genesis,
                _lock: lock,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(RecordsError::Taken(dir)),
            Err(fs::TryLockError::Error(source)) => Err(RecordsError::Io { path, source }),
        }
    }

    /// Hash of the chain's genesis block.
    pub fn genesis(&self) -> [u8; 32] {
        self.genesis
    }

    /// The file of a value: its name is of any bytes.
    fn path(&self, key: &[u8]) -> PathBuf {
        let hash = blake3::hash(key);
        let word: String = key
            .strip_prefix(b"athanor/duties/")
            .unwrap_or_default()
            .iter()
            .map_while(|byte| byte.is_ascii_lowercase().then_some(char::from(*byte)))
            .take(16)
            .collect();
        self.dir.join(format!("{word}-{}", &hash.to_hex()[..32]))
    }

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// [`RecordsError::Damaged`] if the file is not as it was written.
    pub fn load(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RecordsError> {
        let path = self.path(key);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(RecordsError::Io { path, source }),
        };
        let mut bytes = Vec::new();
        if let Err(source) = file.take(MAX_VALUE).read_to_end(&mut bytes) {
            return Err(RecordsError::Io { path, source });
        }
        match bytes.split_first_chunk::<32>() {
            Some((hash, value)) if blake3::hash(value) == *hash => Ok(Some(value.to_vec())),
            _ => Err(RecordsError::Damaged(path)),
        }
    }

    /// Replaces a value. It is on disk when this returns.
    pub fn store(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordsError> {
        let path = self.path(key);
        let fresh = path.with_extension("new");
        let write = || {
            let mut file = fs::File::create(&fresh)?;
            file.write_all(blake3::hash(value).as_bytes())?;
            file.write_all(value)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            // The rename itself is only sure once the folder is.
            fs::File::open(&self.dir)?.sync_all()
        };
        write().map_err(|source| RecordsError::Io { path, source })
    }

    /// Removes a value.
    pub fn remove(&mut self, key: &[u8]) -> Result<(), RecordsError> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(RecordsError::Io { path, source })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"athanor/duties/lane and more";

    #[test]
    fn values_outlive_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let mut records = Records::open(dir.path(), &[1; 32], &[2; 32]).unwrap();
        assert_eq!(records.load(KEY).unwrap(), None);
        records.store(KEY, b"one").unwrap();
        records.store(KEY, b"two").unwrap();
        records.store(b"athanor/duties/other", b"").unwrap();
        drop(records);
        let mut records = Records::open(dir.path(), &[1; 32], &[2; 32]).unwrap();
        assert_eq!(records.load(KEY).unwrap().as_deref(), Some(&b"two"[..]));
        let other = records.load(b"athanor/duties/other").unwrap();
        assert_eq!(other.as_deref(), Some(&b""[..]));
        records.remove(KEY).unwrap();
        records.remove(KEY).unwrap();
        assert_eq!(records.load(KEY).unwrap(), None);
    }

    #[test]
    fn one_process_at_a_time_has_the_records_of_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let first = Records::open(dir.path(), &[1; 32], &[2; 32]).unwrap();
        let second = Records::open(dir.path(), &[1; 32], &[2; 32]);
        assert!(matches!(second, Err(RecordsError::Taken(_))));
        assert!(Records::open(dir.path(), &[1; 32], &[3; 32]).is_ok());
        assert!(Records::open(dir.path(), &[9; 32], &[2; 32]).is_ok());
        drop(first);
        assert!(Records::open(dir.path(), &[1; 32], &[2; 32]).is_ok());
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_a_missing_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut records = Records::open(dir.path(), &[1; 32], &[2; 32]).unwrap();
        records.store(KEY, b"value").unwrap();
        let path = records.path(KEY);
        let good = fs::read(&path).unwrap();
        for bad in [&good[..5], &good[..good.len() - 1], &[][..], &[0; 40]] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(records.load(KEY), Err(RecordsError::Damaged(_))));
        }
    }

    #[test]
    fn what_a_crash_left_half_written_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut records = Records::open(dir.path(), &[1; 32], &[2; 32]).unwrap();
        records.store(KEY, b"value").unwrap();
        fs::write(records.path(KEY).with_extension("new"), b"half").unwrap();
        assert_eq!(records.load(KEY).unwrap().as_deref(), Some(&b"value"[..]));
    }
}
