//! Jobs created from this machine that have not been seen to end: what is needed to
//! take up an interrupted command again.
//!
//! One small file a job in `~/.local/state/athanor/jobs`. Nothing depends on them but
//! convenience: the chain knows everything a file says but where its output should go.

use crate::{
    error::{Error, Result},
    scale,
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 16_384;

/// Most files that are looked at.
const MAX_FILES: usize = 1_024;

/// Seconds after which a file is of no use: no job lives so long.
const MAX_AGE: u64 = 60 * 24 * 3_600;

/// A job, or a transaction that may have created one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Genesis hash of its chain, `0x` hex.
    pub genesis: String,
    /// Whose it is.
    pub requester: String,
    /// Its number, once it is known.
    pub job: Option<u64>,
    /// The model.
    pub model: u64,
    /// Root of the input, `0x` hex.
    pub input_root: String,
    /// Best block when the transaction was sent.
    pub sent_at: u64,
    /// Seconds since 1970 when it was.
    pub time: u64,
    /// Where the output should go.
    pub out: Option<PathBuf>,
}

/// A file of the folder.
#[derive(Clone, Debug)]
pub struct Entry {
    path: PathBuf,
    /// What it says.
    pub pending: Pending,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

impl Journal {
    /// The journal in a folder, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes a new entry.
    pub fn begin(&self, pending: Pending) -> Result<Entry> {
        fs::create_dir_all(&self.folder).map_err(|source| Error::File {
            action: "create the folder",
            path: self.folder.clone(),
            source,
        })?;
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).map_err(|error| Error::File {
            action: "name a file in",
            path: self.folder.clone(),
            source: io::Error::other(error.to_string()),
        })?;
        let name = format!("{}-{}.json", pending.time, &scale::hex(&random)[2..]);
        let entry = Entry {
            path: self.folder.join(name),
            pending,
        };
        entry.write()?;
        Ok(entry)
    }

    /// The entries of a chain, the newest first. Files that are none are left alone,
    /// those past their time removed.
    pub fn entries(&self, genesis: &str) -> Vec<Entry> {
        let Ok(files) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut entries: Vec<Entry> = files
            .take(MAX_FILES)
            .filter_map(|file| read(&file.ok()?.path()))
            .filter(|entry| entry.pending.genesis == genesis)
            .collect();
        let oldest = now().saturating_sub(MAX_AGE);
        entries.retain(|entry| {
            let fresh = entry.pending.time >= oldest;
            if !fresh {
                entry.remove();
            }
            fresh
        });
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.pending.time, entry.pending.job)));
        entries
    }

    /// The entry of a job, if there is one.
    pub fn of_job(&self, genesis: &str, job: u64) -> Option<Entry> {
        self.entries(genesis)
            .into_iter()
            .find(|entry| entry.pending.job == Some(job))
    }
}

fn read(path: &Path) -> Option<Entry> {
    if path.extension()? != "json" || fs::metadata(path).ok()?.len() > MAX_FILE {
        return None;
    }
    let pending = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Some(Entry {
        path: path.into(),
        pending,
    })
}

impl Entry {
    // A file half written must not pass for one: it is renamed into place.
    fn write(&self) -> Result<()> {
        let failed = |source| Error::File {
            action: "write",
            path: self.path.clone(),
            source,
        };
        let text = serde_json::to_vec_pretty(&self.pending)
            .map_err(|error| failed(io::Error::other(error)))?;
        let draft = self.path.with_extension("draft");
        fs::write(&draft, text).map_err(failed)?;
        fs::rename(&draft, &self.path).map_err(failed)
    }

    /// Notes the job's number.
    pub fn set_job(&mut self, job: u64) -> Result<()> {
        self.pending.job = Some(job);
        self.write()
    }

    /// Removes the file. One that stays is removed when its time is over.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(time: u64) -> Pending {
        Pending {
            genesis: "0x01".into(),
            requester: "5G".into(),
            job: None,
            model: 3,
            input_root: "0x02".into(),
            sent_at: 90,
            time,
            out: Some("output.bin".into()),
        }
    }

    #[test]
    fn what_was_begun_is_found_again_the_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path().join("state/jobs"));
        assert!(journal.entries("0x01").is_empty());
        journal.begin(pending(now() - 10)).unwrap();
        let mut newest = journal.begin(pending(now())).unwrap();
        newest.set_job(7).unwrap();
        let other = Pending {
            genesis: "0x09".into(),
            ..pending(now())
        };
        journal.begin(other).unwrap();

        let found = journal.entries("0x01");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].pending, newest.pending);
        assert_eq!(found[1].pending.job, None);
        assert_eq!(journal.of_job("0x01", 7).unwrap().pending.job, Some(7));
        assert!(journal.of_job("0x09", 7).is_none());
        newest.remove();
        assert!(journal.of_job("0x01", 7).is_none());
    }

    #[test]
    fn strange_files_are_left_alone_and_old_ones_removed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path().into());
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        fs::write(folder.path().join("broken.json"), "{").unwrap();
        fs::write(folder.path().join("long.json"), vec![b' '; 20_000]).unwrap();
        journal.begin(pending(now() - MAX_AGE - 9)).unwrap();
        assert!(journal.entries("0x01").is_empty());
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 3, "the old entry is gone, the strange files are not");
    }
}
