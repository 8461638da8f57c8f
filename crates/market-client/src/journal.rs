//! Journals: what a program did, line by line, safe on the disk before it goes on.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::{Error, Result};

/// Most bytes of a journal that is opened.
const MAX_JOURNAL: u64 = 256 << 20;

/// An append-only file of JSON lines, open in one process at a time.
///
/// What [`append`](Self::append) returned for is there after a crash. A line that was being written
/// then is dropped when the journal is opened again: nothing was done on its strength.
#[derive(Debug)]
pub struct Journal<T> {
    path: PathBuf,
    file: File,
    entry: PhantomData<fn(T)>,
}

impl<T: Serialize + DeserializeOwned> Journal<T> {
    /// Opens a journal, which need not exist, and gives its entries.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] while another process has it; [`Error::Malformed`] with the line that is no
    /// entry; [`Error::TooLarge`], [`Error::File`].
    pub fn open(path: &Path) -> Result<(Self, Vec<T>)> {
        let failed = Error::file("open", path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(path).map_err(&failed)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => Error::Busy(path.into()),
            std::fs::TryLockError::Error(error) => failed(error),
        })?;
        let mut bytes = Vec::new();
        let source = Read::by_ref(&mut file).take(MAX_JOURNAL + 1);
        { source }.read_to_end(&mut bytes).map_err(&failed)?;
        if bytes.len() as u64 > MAX_JOURNAL {
            return Err(Error::TooLarge {
                what: "a journal",
                most: MAX_JOURNAL,
                found: bytes.len() as u64,
                unit: "bytes",
            });
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |last| last + 1);
        let entries = bytes.get(..whole).unwrap_or_default();
        let entries = entries
            .split_inclusive(|byte| *byte == b'\n')
            .enumerate()
            .map(|(at, line)| {
                serde_json::from_slice(line).map_err(|error| {
                    Error::malformed("journal", format!("line {}: {error}", at + 1))
                })
            })
            .collect::<Result<Vec<T>>>()?;
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(&failed)?;
        }
        file.seek(SeekFrom::Start(whole as u64)).map_err(&failed)?;
        // The name of a new file must be as durable as its lines.
        file.sync_all().map_err(&failed)?;
        let parent = path.parent().filter(|path| !path.as_os_str().is_empty());
        let parent = File::open(parent.unwrap_or(Path::new(".")));
        parent
            .and_then(|folder| folder.sync_all())
            .map_err(&failed)?;
        Ok((
            Self {
                path: path.into(),
                file,
                entry: PhantomData,
            },
            entries,
        ))
    }

    /// Appends an entry and waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; do nothing on the strength of the entry then.
    pub fn append(&mut self, entry: &T) -> Result<()> {
        let failed = Error::file("write", &self.path);
        let mut line =
            serde_json::to_vec(entry).map_err(|error| Error::malformed("journal", error))?;
        line.push(b'\n');
        let at = self.file.stream_position().map_err(&failed)?;
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            // Half a line must not stand before the next one.
            let _ = self.file.set_len(at);
            let _ = self.file.seek(SeekFrom::Start(at));
            failed(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::fs;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Step {
        order: u64,
        note: String,
    }

    fn step(order: u64) -> Step {
        Step {
            order,
            note: "line\nfeed".into(),
        }
    }

    #[test]
    fn entries_survive_and_a_torn_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, entries) = Journal::open(&path).unwrap();
        assert_eq!(entries, Vec::<Step>::new());
        journal.append(&step(1)).unwrap();
        journal.append(&step(2)).unwrap();
        drop(journal);
        let bytes = fs::read(&path).unwrap();
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in 0..=bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            let (mut journal, entries) = Journal::<Step>::open(&path).unwrap();
            let whole = usize::from(cut >= first) + usize::from(cut == bytes.len());
            assert_eq!(entries, [step(1), step(2)][..whole]);
            journal.append(&step(3)).unwrap();
            drop(journal);
            let (_, entries) = Journal::<Step>::open(&path).unwrap();
            assert_eq!(entries.last(), Some(&step(3)));
            assert_eq!(entries.len(), whole + 1);
        }
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let good = serde_json::to_string(&step(1)).unwrap();
        fs::write(&path, format!("{good}\n{{}}\n{good}\n")).unwrap();
        let error = Journal::<Step>::open(&path).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn two_cannot_write_one_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (_journal, _) = Journal::<Step>::open(&path).unwrap();
        assert!(matches!(Journal::<Step>::open(&path), Err(Error::Busy(_))));
    }
}
