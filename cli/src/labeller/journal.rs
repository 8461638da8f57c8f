//! Answers on the disk: one small file a page, replaced as a whole after every key that
//! changes an answer, and kept until what was committed is revealed.
//!
//! A file is written beside the old one, flushed, and renamed over it: whatever happens
//! between two keys, the file holds the answers of one of them.

use super::state::Progress;
use crate::{
    error::{Error, Result},
    pending::now,
    scale::hex,
};
use athanor_primitives::ticket::{bytes_from_hex, root_from_hex};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Longest file that is read, in bytes: 32 tasks of 16 spans are far below.
const MAX_FILE: u64 = 131_072;

/// Most files that are looked at.
const MAX_FILES: usize = 65_536;

/// Version of the files.
const VERSION: u8 = 1;

/// Which page of which worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Genesis hash of the chain.
    pub genesis: [u8; 32],
    /// The batch.
    pub batch: u64,
    /// The page.
    pub page: u32,
    /// The account.
    pub worker: [u8; 32],
}

impl Key {
    fn name(&self) -> String {
        let short = |bytes: &[u8; 32]| hex(bytes).get(2..14).unwrap_or_default().to_owned();
        format!(
            "{}-{}-{}-{}.json",
            short(&self.genesis),
            self.batch,
            self.page,
            short(&self.worker)
        )
    }
}

/// What was committed, and what reveals it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The packed answers.
    pub sheet: Vec<u8>,
    /// The salt.
    pub salt: [u8; 32],
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    v: u8,
    genesis: String,
    batch: u64,
    page: u32,
    worker: String,
    /// Root of the page's content: answers to other tasks are no answers to these.
    content_root: String,
    /// Seconds since 1970.
    time: u64,
    progress: Progress,
    sheet: Option<String>,
    salt: Option<String>,
}

impl Record {
    fn committed(&self) -> Option<Committed> {
        Some(Committed {
            sheet: bytes_from_hex(self.sheet.as_deref()?, 2_048)?,
            salt: root_from_hex(self.salt.as_deref()?)?,
        })
    }
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Journals {
    folder: PathBuf,
}

/// The file of one page, locked against a second labeller.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    record: Record,
    resumed: bool,
    _lock: File,
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File {
        action,
        path: path.into(),
        source,
    }
}

impl Journals {
    /// The journals in a folder, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Opens the journal of a page. What it kept is taken up if it is of the same
    /// content.
    ///
    /// # Errors
    ///
    /// If another labeller has it open, or the folder cannot be written.
    pub fn open(&self, key: &Key, content_root: [u8; 32]) -> Result<Journal> {
        fs::create_dir_all(&self.folder)
            .map_err(|error| failed("create the folder", &self.folder, error))?;
        let path = self.folder.join(key.name());
        let lock_path = path.with_extension("lock");
        let lock = private(&lock_path)
            .truncate(false)
            .open(&lock_path)
            .map_err(|error| failed("open", &lock_path, error))?;
        lock.try_lock().map_err(|_| {
            Error::Refused(format!(
                "page {} of batch {} is being labelled by another `athanor label work`",
                key.page, key.batch
            ))
        })?;
        let kept = read(&path).filter(|record| is_of(record, key));
        let kept = kept.filter(|record| {
            // A commit stands, whatever the page file looks like now.
            record.content_root == hex(&content_root) || record.sheet.is_some()
        });
        let resumed = kept.is_some();
        let record = kept.unwrap_or_else(|| Record {
            v: VERSION,
            genesis: hex(&key.genesis),
            batch: key.batch,
            page: key.page,
            worker: hex(&key.worker),
            content_root: hex(&content_root),
            time: now(),
            progress: Progress {
                at: 0,
                drafts: Vec::new(),
            },
            sheet: None,
            salt: None,
        });
        Ok(Journal {
            path,
            record,
            resumed,
            _lock: lock,
        })
    }

    /// What an account has committed on a chain and not yet seen revealed.
    pub fn committed(&self, genesis: &[u8; 32], worker: &[u8; 32]) -> Vec<(Key, Committed)> {
        let Ok(files) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut found: Vec<(Key, Committed)> = files
            .take(MAX_FILES)
            .filter_map(|file| {
                let record = read(&file.ok()?.path())?;
                let key = Key {
                    genesis: root_from_hex(&record.genesis)?,
                    batch: record.batch,
                    page: record.page,
                    worker: root_from_hex(&record.worker)?,
                };
                let ours = key.genesis == *genesis && key.worker == *worker;
                Some((key, record.committed().filter(|_| ours)?))
            })
            .collect();
        found.sort_by_key(|(key, _)| (key.batch, key.page));
        found
    }

    /// Removes the file of a page: it is revealed, or given back.
    pub fn remove(&self, key: &Key) {
        let path = self.folder.join(key.name());
        // A file that stays is looked at once more, and does no harm.
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(path.with_extension("lock"));
    }
}

fn is_of(record: &Record, key: &Key) -> bool {
    record.genesis == hex(&key.genesis)
        && record.worker == hex(&key.worker)
        && (record.batch, record.page) == (key.batch, key.page)
}

fn read(path: &Path) -> Option<Record> {
    if path.extension()? != "json" || fs::metadata(path).ok()?.len() > MAX_FILE {
        return None;
    }
    let record: Record = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (record.v == VERSION).then_some(record)
}

fn private(_: &Path) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

impl Journal {
    /// Progress that was kept from before, if there was any.
    pub fn resumed(&self) -> Option<Progress> {
        self.resumed.then(|| self.record.progress.clone())
    }

    /// What was committed before, if anything was.
    pub fn committed(&self) -> Option<Committed> {
        self.record.committed()
    }

    /// Writes the progress.
    pub fn save(&mut self, progress: Progress) -> Result<()> {
        self.record.progress = progress;
        self.write()
    }

    /// Notes what is about to be committed, before it is sent: a commit whose opening is
    /// lost costs the stake.
    pub fn commit(&mut self, sheet: &[u8], salt: &[u8; 32]) -> Result<()> {
        self.record.sheet = Some(hex(sheet));
        self.record.salt = Some(hex(salt));
        self.write()
    }

    /// Forgets a commit that the chain has refused, so that the page can be answered
    /// again.
    pub fn uncommit(&mut self) -> Result<()> {
        self.record.sheet = None;
        self.record.salt = None;
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        self.record.time = now();
        let text = serde_json::to_vec(&self.record)
            .map_err(|error| failed("write", &self.path, io::Error::other(error)))?;
        let draft = self.path.with_extension("draft");
        let written = private(&draft)
            .truncate(true)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(&text)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&draft, &self.path))
            .and_then(|()| match self.path.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            });
        written.map_err(|error| failed("write", &self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::draft::Draft, *};

    fn key(page: u32) -> Key {
        Key {
            genesis: [1; 32],
            batch: 12,
            page,
            worker: [7; 32],
        }
    }

    fn progress(at: usize, chosen: u32) -> Progress {
        Progress {
            at,
            drafts: vec![Draft::Choice {
                chosen: Some(chosen),
                typed: String::new(),
            }],
        }
    }

    #[test]
    fn what_was_saved_is_resumed_after_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::new(folder.path().join("labels"));
        let mut journal = journals.open(&key(3), [9; 32]).unwrap();
        assert_eq!(journal.resumed(), None);
        journal.save(progress(4, 1)).unwrap();
        journal.save(progress(5, 0)).unwrap();
        drop(journal);
        // What a crash in the middle of a write leaves is never read.
        let half = journals.folder.join(key(3).name()).with_extension("draft");
        fs::write(half, "{\"v\":1,").unwrap();
        let journal = journals.open(&key(3), [9; 32]).unwrap();
        assert_eq!(journal.resumed(), Some(progress(5, 0)));
        drop(journal);
        assert_eq!(journals.open(&key(4), [9; 32]).unwrap().resumed(), None);
    }

    #[test]
    fn answers_to_another_content_are_not_resumed_but_a_commit_is() {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::new(folder.path().into());
        let mut journal = journals.open(&key(3), [9; 32]).unwrap();
        journal.save(progress(4, 1)).unwrap();
        drop(journal);
        assert_eq!(journals.open(&key(3), [8; 32]).unwrap().resumed(), None);
        let mut journal = journals.open(&key(3), [9; 32]).unwrap();
        journal.commit(&[1, 2], &[5; 32]).unwrap();
        drop(journal);
        let kept = journals.open(&key(3), [8; 32]).unwrap().committed();
        assert_eq!(kept.unwrap().sheet, [1, 2]);
    }

    #[test]
    fn a_second_labeller_of_a_page_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::new(folder.path().into());
        let first = journals.open(&key(3), [9; 32]).unwrap();
        let error = journals.open(&key(3), [9; 32]).unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
        assert!(journals.open(&key(4), [9; 32]).is_ok());
        drop(first);
        assert!(journals.open(&key(3), [9; 32]).is_ok());
    }

    #[test]
    fn commits_are_found_again_by_chain_and_account() {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::new(folder.path().into());
        for page in [5, 3, 4] {
            let mut journal = journals.open(&key(page), [9; 32]).unwrap();
            journal.save(progress(0, 0)).unwrap();
            if page != 4 {
                journal.commit(&[page as u8], &[5; 32]).unwrap();
            }
        }
        fs::write(folder.path().join("broken.json"), "{").unwrap();
        fs::write(folder.path().join("long.json"), vec![b' '; 200_000]).unwrap();
        let found = journals.committed(&[1; 32], &[7; 32]);
        let pages: Vec<u32> = found.iter().map(|(key, _)| key.page).collect();
        assert_eq!(pages, [3, 5]);
        assert_eq!(found[0].1.sheet, [3]);
        assert!(journals.committed(&[2; 32], &[7; 32]).is_empty());
        assert!(journals.committed(&[1; 32], &[8; 32]).is_empty());
        journals.remove(&key(3));
        assert_eq!(journals.committed(&[1; 32], &[7; 32]).len(), 1);
        let mut journal = journals.open(&key(5), [9; 32]).unwrap();
        journal.uncommit().unwrap();
        assert!(journals.committed(&[1; 32], &[7; 32]).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_answers_and_salts() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::new(folder.path().into());
        let mut journal = journals.open(&key(3), [9; 32]).unwrap();
        journal.commit(&[1], &[5; 32]).unwrap();
        let mode = fs::metadata(&journal.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
