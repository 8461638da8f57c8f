//! The tickets taken on and not finished, on disk: after a crash they go on by
//! themselves.
//!
//! One file a job, `<job>-<identity>.ticket`, with the ticket and its program.
//! It is durable before the submission is answered and goes when the job ends.
//! What phase the job was in is not written: blobs that arrived are in the
//! store, downloads under way left their beginning, and a job that was finished
//! has its receipt, so whoever reads the ticket again finds out where to go on.

use crate::{
    api::HexBytes,
    engine::{identity, Task},
};
use athanor_primitives::{ticket::to_hex, Ticket};
use athanor_tensor_program::MAX_PROGRAM_BYTES;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// Longest file that is read: a program of 64 KiB in hex, 1,024 weights, room.
const MAX_FILE: u64 = 256 * 1024;

/// Ending of the files' names.
const ENDING: &str = "ticket";

/// The folder of tickets. Its methods block.
#[derive(Clone, Debug)]
pub struct Journal {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    ticket: Ticket,
    program: HexBytes,
}

/// A ticket that was taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The ticket.
    pub ticket: Ticket,
    /// Its program's bytes, not looked at.
    pub program: Vec<u8>,
}

/// The journal can't be used.
#[derive(Debug, thiserror::Error)]
#[error("journal of jobs, {path}: {source}")]
pub struct JournalError {
    path: PathBuf,
    source: io::Error,
}

impl JournalError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| JournalError {
            path: path.to_owned(),
            source,
        }
    }
}

impl Journal {
    /// The journal in the folder `dir`, which is made if it is missing.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(JournalError::at(&dir))?;
        Ok(Journal { dir })
    }

    fn path(&self, task: &Task) -> PathBuf {
        self.dir.join(name(task.ticket().job, &task.identity()))
    }

    /// Writes down that `task`, whose program has the bytes `program`, was taken
    /// on. Durable when this returns.
    pub fn put(&self, task: &Task, program: &[u8]) -> Result<(), JournalError> {
        let path = self.path(task);
        let file = File {
            ticket: task.ticket().clone(),
            program: HexBytes(program.to_vec()),
        };
        let write = || {
            let mut temporary = tempfile::NamedTempFile::new_in(&self.dir)?;
            temporary.write_all(&serde_json::to_vec(&file)?)?;
            temporary.as_file().sync_all()?;
            temporary.persist(&path).map_err(|error| error.error)?;
            sync_folder(&self.dir)
        };
        write().map_err(JournalError::at(&path))
    }

    /// Crosses `task` out. A crash may bring it back; it then ends at once.
    pub fn remove(&self, task: &Task) -> Result<(), JournalError> {
        let path = self.path(task);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(JournalError::at(&path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The tickets taken on and not finished, at most `most`, by job. What is
    /// none, or beyond that, is removed: the node submits a live ticket again.
    pub fn pending(&self, most: usize) -> Result<Vec<Pending>, JournalError> {
        let at = || JournalError::at(&self.dir);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(at())? {
            let path = entry.map_err(at())?.path();
            let pending = match path.extension() {
                Some(ending) if ending == ENDING => read(&path).map_err(JournalError::at(&path))?,
                // A temporary file of a daemon that was killed.
                _ => None,
            };
            match pending {
                Some(pending) if found.len() < most => found.push(pending),
                _ => {
                    tracing::warn!(path = %path.display(), "removed from the journal: not a ticket that can be resumed");
                    fs::remove_file(&path).map_err(JournalError::at(&path))?;
                }
            }
        }
        found.sort_by_key(|pending| pending.ticket.job);
        Ok(found)
    }
}

fn name(job: u64, identity: &[u8; 32]) -> String {
    let digits = to_hex(identity);
    format!("{job}-{}.{ENDING}", digits.trim_start_matches("0x"))
}

/// `None` if the file is not what its name says.
fn read(path: &Path) -> io::Result<Option<Pending>> {
    if fs::metadata(path)?.len() > MAX_FILE {
        return Ok(None);
    }
    let Some(file) = parse(&fs::read(path)?) else {
        return Ok(None);
    };
    let named = name(file.ticket.job, &identity(&file.ticket));
    Ok((path.file_name().is_some_and(|is| is == named.as_str())).then_some(file))
}

/// Reads a journal's file. `None` if it is none.
pub fn parse(bytes: &[u8]) -> Option<Pending> {
    let file: File = serde_json::from_slice(bytes).ok()?;
    (file.program.0.len() <= MAX_PROGRAM_BYTES).then_some(Pending {
        ticket: file.ticket,
        program: file.program.0,
    })
}

/// A rename is durable once its folder is. Where folders can't be opened, the
/// system promises no more.
pub(crate) fn sync_folder(dir: &Path) -> io::Result<()> {
    match fs::File::open(dir) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_primitives::Duty;
    use athanor_tensor_program::{
        ops::Clamp, DType, Node, Op, Operand, Program, Shape, TensorType,
    };

    fn program() -> Vec<u8> {
        Program {
            version: 1,
            max_batch: 4,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([2]),
            }],
            constants: vec![],
            nodes: vec![Node {
                op: Op::Clamp(Clamp { lo: 0, hi: 5 }),
                operands: vec![Operand::Input(0)],
            }],
            outputs: vec![0],
        }
        .encoded()
    }

    fn task(job: u64) -> Task {
        let ticket = Ticket {
            job,
            duty: Duty::Accept,
            deadline: 1,
            model: 0,
            program_hash: sp_crypto_hashing::blake2_256(&program()),
            weights: vec![],
            input_root: [1; 32],
            batch: 1,
            inline_output: false,
        };
        Task::new(ticket, &program()).unwrap()
    }

    fn jobs(journal: &Journal, most: usize) -> Vec<u64> {
        let pending = journal.pending(most).unwrap();
        pending.iter().map(|pending| pending.ticket.job).collect()
    }

    #[test]
    fn what_was_put_is_pending_until_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path().join("jobs")).unwrap();
        journal.put(&task(2), &program()).unwrap();
        journal.put(&task(1), &program()).unwrap();
        journal.put(&task(1), &program()).unwrap();
        let journal = Journal::open(dir.path().join("jobs")).unwrap();
        assert_eq!(jobs(&journal, 9), [1, 2]);
        assert_eq!(journal.pending(9).unwrap()[0].program, program());
        journal.remove(&task(1)).unwrap();
        journal.remove(&task(1)).unwrap();
        assert_eq!(jobs(&journal, 9), [2]);
    }

    #[test]
    fn files_that_are_no_tickets_are_removed_and_the_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        journal.put(&task(1), &program()).unwrap();
        let good = fs::read(journal.path(&task(1))).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        write(".tmpAbc", b"");
        write("7-00.ticket", &good);
        write("3.ticket", &good[..good.len() / 2]);
        write("4.ticket", &vec![b' '; MAX_FILE as usize + 1]);
        assert_eq!(jobs(&journal, 9), [1]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_more_than_the_queue_takes_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        for job in 0..5 {
            journal.put(&task(job), &program()).unwrap();
        }
        assert_eq!(jobs(&journal, 3).len(), 3);
        assert_eq!(jobs(&journal, 9).len(), 3);
    }
}
