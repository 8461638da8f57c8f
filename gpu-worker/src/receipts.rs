//! Finished receipts on disk, and markers for inputs that may never get one.
//!
//! A daemon that starts knows nothing; when a ticket comes again, its receipt
//! is here and the job need not run again. A file is believed only if it is
//! about the very same ticket and its roots agree with each other.
//!
//! A receipt names the blobs that go with it. The input of a job that never ends
//! well has no receipt: `<input_root>.input`, an empty file left when its fetch
//! starts, takes that place. `<root>.value` does so for the output of a node that is
//! no output of its job and is kept for those who check the claim.

use crate::{
    api::HexBytes,
    engine::{Outcome, Task},
    SEMANTIC_VERSION,
};
use athanor_primitives::{
    ticket::{bytes_from_hex, hex32, hex32s, to_hex},
    JobId, Root, MAX_INLINE_OUTPUT,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashSet,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Longest receipt file that is read: 1,024 roots take 70 KiB.
const MAX_FILE: u64 = 256 * 1024;

/// How long an input is kept for a job that has no receipt and is not at work.
const INPUT_AGE: Duration = Duration::from_secs(24 * 3_600);

/// Ending of the names of the inputs' markers.
const MARKER: &str = "input";

/// Ending of the names of the markers of nodes' outputs.
const VALUE: &str = "value";

/// The folder of receipts. Its methods block.
#[derive(Clone, Debug)]
pub struct Receipts {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    semantic_version: u32,
    job: JobId,
    #[serde(with = "hex32")]
    ticket: [u8; 32],
    #[serde(with = "hex32")]
    program_hash: [u8; 32],
    #[serde(with = "hex32")]
    input_root: Root,
    batch: u32,
    #[serde(with = "hex32")]
    trace_root: Root,
    #[serde(with = "hex32")]
    output_root: Root,
    #[serde(with = "hex32s")]
    node_roots: Vec<Root>,
    output: Option<HexBytes>,
    /// Blobs of the job that may be removed together with this file.
    #[serde(with = "hex32s")]
    blobs: Vec<Root>,
}

/// A receipt file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptFileError {
    /// It can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// It is not a receipt of this job and ticket, or its roots disagree.
    #[error("{path} does not hold: {why}; the job is run again")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Receipts {
    /// Receipts in the folder `dir`, which is made if it is missing.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ReceiptFileError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(|source| ReceiptFileError::Io {
            path: dir.clone(),
            source,
        })?;
        Ok(Receipts { dir })
    }

    fn path(&self, task: &Task) -> PathBuf {
        let digits = to_hex(&task.identity());
        let digits = digits.trim_start_matches("0x");
        self.dir
            .join(format!("{}-{digits}.json", task.ticket().job))
    }

    /// Writes what `task` yielded. `blobs` may be removed together with the
    /// receipt.
    pub fn keep(
        &self,
        task: &Task,
        outcome: &Outcome,
        blobs: Vec<Root>,
    ) -> Result<(), ReceiptFileError> {
        let path = self.path(task);
        let ticket = task.ticket();
        let file = File {
            semantic_version: SEMANTIC_VERSION,
            job: ticket.job,
            ticket: task.identity(),
            program_hash: ticket.program_hash,
            input_root: ticket.input_root,
            batch: ticket.batch,
            trace_root: outcome.trace_root,
            output_root: outcome.output_root,
            node_roots: outcome.node_roots.clone(),
            output: outcome.inline.clone().map(HexBytes),
            blobs,
        };
        let write = || -> io::Result<()> {
            let mut temporary = tempfile::NamedTempFile::new_in(&self.dir)?;
            temporary.write_all(&serde_json::to_vec_pretty(&file)?)?;
            temporary.as_file().sync_all()?;
            temporary.persist(&path).map_err(|error| error.error)?;
            crate::journal::sync_folder(&self.dir)
        };
        write().map_err(|source| ReceiptFileError::Io { path, source })
    }

    /// What `task` yielded in an earlier life of the daemon. `None` if there is
    /// no file.
    pub fn find(&self, task: &Task) -> Result<Option<Outcome>, ReceiptFileError> {
        let path = self.path(task);
        let Some(file) = read(&path)? else {
            return Ok(None);
        };
        match verify(task, file) {
            Ok(outcome) => {
                // Used again: its retention starts anew.
                if let Ok(file) = fs::File::options().write(true).open(&path) {
                    let _ = file.set_modified(SystemTime::now());
                }
                Ok(Some(outcome))
            }
            Err(why) => Err(ReceiptFileError::Wrong {
                path,
                why: why.into(),
            }),
        }
    }

    /// The blobs that go with any receipt here.
    pub fn blobs(&self) -> Result<HashSet<Root>, ReceiptFileError> {
        let io = |source| ReceiptFileError::Io {
            path: self.dir.clone(),
            source,
        };
        let mut blobs = HashSet::new();
        for entry in fs::read_dir(&self.dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                if let Ok(Some(file)) = read(&path) {
                    blobs.extend(file.blobs);
                }
            }
        }
        Ok(blobs)
    }

    /// Leaves a marker for the input `root`, which is about to be fetched.
    pub fn mark_input(&self, root: &Root) -> Result<(), ReceiptFileError> {
        let path = self.marker(root);
        match fs::write(&path, []) {
            Ok(()) => Ok(()),
            Err(source) => Err(ReceiptFileError::Io { path, source }),
        }
    }

    fn marker(&self, root: &Root) -> PathBuf {
        self.named(root, MARKER)
    }

    fn named(&self, root: &Root, ending: &str) -> PathBuf {
        let digits = to_hex(root);
        let digits = digits.trim_start_matches("0x");
        self.dir.join(format!("{digits}.{ending}"))
    }

    /// Leaves a marker for the output `root` of a node, which is about to be stored.
    /// One that is there becomes the youngest.
    pub fn mark_value(&self, root: &Root) -> Result<(), ReceiptFileError> {
        let path = self.named(root, VALUE);
        let mark = || fs::File::create(&path)?.set_modified(SystemTime::now());
        match mark() {
            Ok(()) => Ok(()),
            Err(source) => Err(ReceiptFileError::Io { path, source }),
        }
    }

    /// Whether there is a marker for the output `root` of a node.
    pub fn is_value(&self, root: &Root) -> bool {
        self.named(root, VALUE).exists()
    }

    /// Removes the marker of the output `root` of a node, if there is one.
    pub fn unmark_value(&self, root: &Root) -> Result<(), ReceiptFileError> {
        let path = self.named(root, VALUE);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(ReceiptFileError::Io { path, source })
            }
            _ => Ok(()),
        }
    }

    /// The marked outputs of nodes, the oldest first.
    pub fn values(&self) -> Result<Vec<Root>, ReceiptFileError> {
        let io = |source| ReceiptFileError::Io {
            path: self.dir.clone(),
            source,
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if let Some(root) = marked(&path, VALUE) {
                let at = fs::metadata(&path).and_then(|meta| meta.modified());
                found.push((at.unwrap_or(SystemTime::UNIX_EPOCH), root));
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, root)| root).collect())
    }

    /// Removes receipts not used for `age`, markers of nodes' outputs older than that
    /// and markers of inputs older than a day, those of the roots `in_use` apart. Says which blobs nothing needs any more:
    /// those of removed receipts and markers that no other receipt names and
    /// that are not in use.
    pub fn expire(
        &self,
        age: Duration,
        in_use: &HashSet<Root>,
    ) -> Result<Vec<Root>, ReceiptFileError> {
        let io = |source| ReceiptFileError::Io {
            path: self.dir.clone(),
            source,
        };
        let (mut gone, mut kept) = (Vec::new(), HashSet::new());
        for entry in fs::read_dir(&self.dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let marker = marked(&path, MARKER).map(|root| (root, INPUT_AGE));
            if let Some((root, most)) = marker.or(marked(&path, VALUE).map(|root| (root, age))) {
                if !in_use.contains(&root) && is_older(&path, most) {
                    fs::remove_file(&path)
                        .map_err(|source| ReceiptFileError::Io { path, source })?;
                    gone.push(root);
                }
                continue;
            }
            if path.extension().is_none_or(|ext| ext != "json") {
                continue;
            }
            let old = is_older(&path, age);
            let blobs = match read(&path) {
                Ok(Some(file)) => file.blobs,
                _ => Vec::new(),
            };
            if old {
                fs::remove_file(&path).map_err(|source| ReceiptFileError::Io { path, source })?;
                gone.extend(blobs);
            } else {
                kept.extend(blobs);
            }
        }
        gone.sort_unstable();
        gone.dedup();
        gone.retain(|root| !kept.contains(root) && !in_use.contains(root));
        Ok(gone)
    }
}

/// The root that a marker's name says; `None` if `path` is no marker of that ending.
fn marked(path: &Path, ending: &str) -> Option<Root> {
    if path.extension()? != ending {
        return None;
    }
    let digits = path.file_stem()?.to_str()?;
    bytes_from_hex(&format!("0x{digits}"), 32)?.try_into().ok()
}

fn is_older(path: &Path, age: Duration) -> bool {
    fs::metadata(path)
        .and_then(|meta| meta.modified())
        .is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed >= age))
}

fn read(path: &Path) -> Result<Option<File>, ReceiptFileError> {
    let io = |source| ReceiptFileError::Io {
        path: path.to_owned(),
        source,
    };
    let wrong = |why: String| ReceiptFileError::Wrong {
        path: path.to_owned(),
        why,
    };
    let length = match fs::metadata(path) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if length > MAX_FILE {
        return Err(wrong(format!(
            "it has {length} bytes, a receipt has at most {MAX_FILE}"
        )));
    }
    let bytes = fs::read(path).map_err(io)?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| wrong(error.to_string()))
}

/// Reads the bytes of a receipt file, which must be about `task`.
pub fn parse(bytes: &[u8], task: &Task) -> Result<Outcome, String> {
    let file = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    verify(task, file).map_err(str::to_owned)
}

fn verify(task: &Task, file: File) -> Result<Outcome, &'static str> {
    let (ticket, program) = (task.ticket(), task.program());
    if file.semantic_version != SEMANTIC_VERSION {
        return Err("it was made under another version of the operators");
    }
    if file.job != ticket.job || file.ticket != task.identity() {
        return Err("it is about another ticket");
    }
    if file.node_roots.len() != program.node_count() {
        return Err("it has another number of roots than the program has nodes");
    }
    if athanor_tensor_program::trace_root(&file.node_roots) != file.trace_root {
        return Err("its trace root is not the hash of its node roots");
    }
    if athanor_tensor_program::output_root(program.outputs(), &file.node_roots)
        != Some(file.output_root)
    {
        return Err("its output root is not in its trace");
    }
    let small = program
        .output_len(ticket.batch)
        .filter(|len| *len <= MAX_INLINE_OUTPUT.into());
    let inline = file.output.map(|bytes| bytes.0);
    match (small, &inline) {
        (None, None) => {}
        (Some(_), Some(bytes)) => {
            let mut rest = bytes.as_slice();
            for output in program.outputs() {
                let index = usize::from(*output);
                let part = program
                    .node_len(index, ticket.batch)
                    .and_then(|len| usize::try_from(len).ok())
                    .and_then(|len| rest.split_at_checked(len));
                let Some((this, after)) = part else {
                    return Err("its output is too short");
                };
                if file.node_roots.get(index) != Some(blake3::hash(this).as_bytes()) {
                    return Err("its output does not hash to its trace entry");
                }
                rest = after;
            }
            if !rest.is_empty() {
                return Err("its output is too long");
            }
        }
        _ => return Err("its output is missing, or too large to be there"),
    }
    Ok(Outcome {
        node_roots: file.node_roots,
        trace_root: file.trace_root,
        output_root: file.output_root,
        inline,
        checked: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_primitives::{Duty, Ticket};
    use athanor_tensor_program::{
        ops::Clamp, DType, Node, Op, Operand, Program, Shape, TensorType,
    };

    fn task(job: JobId) -> Task {
        let program = Program {
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
        };
        let ticket = Ticket {
            job,
            duty: Duty::Accept,
            deadline: 1,
            model: 0,
            program_hash: program.hash(),
            weights: vec![],
            input_root: [1; 32],
            batch: 1,
            inline_output: false,
        };
        Task::new(ticket, &program.encoded()).unwrap()
    }

    /// Makes a file look `by` older.
    fn age(path: &Path, by: Duration) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - by).unwrap();
    }

    fn outcome() -> Outcome {
        let root = *blake3::hash(&[1, 2]).as_bytes();
        Outcome {
            node_roots: vec![root],
            trace_root: athanor_tensor_program::trace_root(&[root]),
            output_root: root,
            inline: Some(vec![1, 2]),
            checked: None,
        }
    }

    #[test]
    fn a_kept_receipt_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let receipts = Receipts::open(dir.path()).unwrap();
        assert_eq!(receipts.find(&task(1)).unwrap(), None);
        receipts.keep(&task(1), &outcome(), vec![]).unwrap();
        assert_eq!(receipts.find(&task(1)).unwrap(), Some(outcome()));
        assert_eq!(receipts.find(&task(2)).unwrap(), None);
    }

    #[test]
    fn a_receipt_that_was_tampered_with_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let receipts = Receipts::open(dir.path()).unwrap();
        let zeros = to_hex(&[0; 32]);
        for (field, value) in [
            ("trace_root", serde_json::json!(zeros)),
            ("output_root", serde_json::json!(zeros)),
            ("node_roots", serde_json::json!([zeros])),
            ("node_roots", serde_json::json!([])),
            ("output", serde_json::json!("0x0103")),
            ("output", serde_json::json!("0x01")),
            ("output", serde_json::json!("0x010200")),
            ("output", serde_json::json!(null)),
            ("ticket", serde_json::json!(zeros)),
            ("job", serde_json::json!(2)),
            ("semantic_version", serde_json::json!(0)),
            ("unknown", serde_json::json!(0)),
        ] {
            receipts.keep(&task(1), &outcome(), vec![]).unwrap();
            let path = receipts.path(&task(1));
            let mut json: serde_json::Value =
                serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            json[field] = value;
            fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
            let error = receipts.find(&task(1)).unwrap_err();
            assert!(
                matches!(error, ReceiptFileError::Wrong { .. }),
                "{field}: {error}"
            );
        }
        fs::write(receipts.path(&task(1)), vec![b' '; MAX_FILE as usize + 1]).unwrap();
        assert!(receipts.find(&task(1)).is_err());
    }

    #[test]
    fn old_receipts_go_with_the_blobs_nobody_else_names() {
        let dir = tempfile::tempdir().unwrap();
        let receipts = Receipts::open(dir.path()).unwrap();
        receipts
            .keep(&task(1), &outcome(), vec![[1; 32], [2; 32]])
            .unwrap();
        receipts.keep(&task(2), &outcome(), vec![[2; 32]]).unwrap();
        let (hour, none) = (Duration::from_secs(3_600), HashSet::new());
        age(&receipts.path(&task(1)), hour);
        let expire = |age| receipts.expire(age, &none).unwrap();
        assert_eq!(expire(hour * 2), Vec::<Root>::new());
        assert_eq!(expire(hour / 2), [[1; 32]]);
        assert_eq!(receipts.find(&task(1)).unwrap(), None);
        assert!(receipts.find(&task(2)).unwrap().is_some());
    }

    #[test]
    fn values_are_listed_the_oldest_first_and_go_with_age() {
        let dir = tempfile::tempdir().unwrap();
        let receipts = Receipts::open(dir.path()).unwrap();
        let (old, young, output) = ([1; 32], [2; 32], [3; 32]);
        let (hour, none) = (Duration::from_secs(3_600), HashSet::new());
        for (root, by) in [(young, hour), (output, hour * 3), (old, hour * 2)] {
            receipts.mark_value(&root).unwrap();
            age(&receipts.named(&root, VALUE), by);
        }
        assert_eq!(receipts.values().unwrap(), [output, old, young]);
        receipts.mark_value(&old).unwrap();
        assert_eq!(receipts.values().unwrap(), [output, young, old]);
        receipts.keep(&task(1), &outcome(), vec![output]).unwrap();
        // What a receipt names stays when its marker goes.
        assert_eq!(
            receipts.expire(hour * 2, &none).unwrap(),
            Vec::<Root>::new()
        );
        assert_eq!(receipts.values().unwrap(), [young, old]);
        assert_eq!(receipts.expire(hour / 2, &none).unwrap(), [young]);
        assert!(receipts.is_value(&old));
        receipts.unmark_value(&old).unwrap();
        receipts.unmark_value(&old).unwrap();
        assert!(!receipts.is_value(&old));
    }

    #[test]
    fn an_input_without_a_receipt_goes_after_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let receipts = Receipts::open(dir.path()).unwrap();
        let (dead, live, done, fresh) = ([1; 32], [2; 32], [3; 32], [0xAB; 32]);
        for root in [dead, live, done, fresh] {
            receipts.mark_input(&root).unwrap();
            if root != fresh {
                age(&receipts.marker(&root), INPUT_AGE);
            }
        }
        receipts.keep(&task(1), &outcome(), vec![done]).unwrap();
        let month = INPUT_AGE * 30;
        let in_use = HashSet::from([live]);
        assert_eq!(receipts.expire(month, &in_use).unwrap(), [dead]);
        for (root, stays) in [(dead, false), (live, true), (done, false), (fresh, true)] {
            assert_eq!(receipts.marker(&root).exists(), stays, "{root:?}");
        }
        // The job that was live has ended since.
        assert_eq!(receipts.expire(month, &HashSet::new()).unwrap(), [live]);
        assert!(receipts.find(&task(1)).unwrap().is_some());
    }
}
