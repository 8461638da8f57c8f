use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Called with the bytes done since the last call, from several threads. Gives whether to go on;
/// if not, the work ends with [`Error::Cancelled`].
pub type Progress<'a> = &'a (dyn Fn(u64) -> bool + Sync);

pub(crate) fn advance(progress: Progress<'_>, bytes: u64) -> Result<()> {
    if progress(bytes) {
        return Ok(());
    }
    Err(Error::Cancelled)
}

/// A reader that tells how far it is.
pub(crate) struct Metered<'a, R> {
    source: R,
    progress: Progress<'a>,
}

impl<'a, R> Metered<'a, R> {
    pub(crate) fn new(source: R, progress: Progress<'a>) -> Self {
        Self { source, progress }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        advance(self.progress, count as u64)?;
        Ok(count)
    }
}

pub(crate) fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(Error::file("read", path))?;
    let kind = file.metadata().map_err(Error::file("read", path))?;
    if !kind.is_file() {
        return Err(Error::Unfit {
            path: path.into(),
            reason: "this is no file",
        });
    }
    Ok(file)
}

pub(crate) fn len(file: &File, path: &Path) -> Result<u64> {
    Ok(file.metadata().map_err(Error::file("read", path))?.len())
}

/// Reads a file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64, what: &'static str) -> Result<Vec<u8>> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(Error::file("read", path))?;
    if bytes.len() as u64 > most {
        return Err(Error::TooLarge {
            what,
            most,
            found: bytes.len() as u64,
            unit: "bytes",
        });
    }
    Ok(bytes)
}

fn part(path: &Path) -> Result<PathBuf> {
    let mut name = path
        .file_name()
        .ok_or_else(|| Error::Unfit {
            path: path.into(),
            reason: "this is no name for a new file or folder",
        })?
        .to_os_string();
    name.push(".part");
    Ok(path.with_file_name(name))
}

fn free(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(Error::Exists(path.into())),
        Err(_) => Ok(()),
    }
}

fn sync_parent(path: &Path) -> Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let sync = File::open(parent).and_then(|folder| folder.sync_all());
    sync.map_err(Error::file("write", parent))
}

fn options(private: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Creates a file that did not exist.
pub(crate) fn create(path: &Path) -> Result<File> {
    let file = options(false).open(path);
    file.map_err(Error::file("write", path))
}

/// A file that gets its name when it is whole. `NAME.part` until then, removed when dropped.
pub(crate) struct NewFile {
    dest: PathBuf,
    part: PathBuf,
    file: Option<File>,
}

impl NewFile {
    pub(crate) fn create(dest: &Path, private: bool) -> Result<Self> {
        free(dest)?;
        let part = part(dest)?;
        let file = options(private).open(&part);
        let file = file.map_err(Error::file("write", &part))?;
        Ok(Self {
            dest: dest.into(),
            part,
            file: Some(file),
        })
    }

    pub(crate) fn file(&self) -> Result<&File> {
        self.file.as_ref().ok_or(Error::Exists(self.dest.clone()))
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        let failed = Error::file("write", &self.dest);
        self.file()?.sync_all().map_err(&failed)?;
        // Unlike a rename a link never replaces.
        fs::hard_link(&self.part, &self.dest)
            .or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Err(error),
                _ => fs::rename(&self.part, &self.dest),
            })
            .map_err(&failed)?;
        self.file = None;
        let _ = fs::remove_file(&self.part);
        sync_parent(&self.dest)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Writes a whole new file, synced to the disk before it gets its name; with `private` readable by
/// its owner alone.
///
/// # Errors
///
/// [`Error::Exists`], [`Error::File`].
pub fn write_new(path: &Path, bytes: &[u8], private: bool) -> Result<()> {
    let new = NewFile::create(path, private)?;
    let mut file = new.file()?;
    file.write_all(bytes).map_err(Error::file("write", path))?;
    new.finish()
}

/// A folder that gets its name when it is whole. `NAME.part` until then, removed when dropped.
pub(crate) struct NewFolder {
    dest: PathBuf,
    part: PathBuf,
    done: bool,
}

impl NewFolder {
    pub(crate) fn create(dest: &Path) -> Result<Self> {
        free(dest)?;
        let part = part(dest)?;
        fs::create_dir(&part).map_err(Error::file("write", &part))?;
        Ok(Self {
            dest: dest.into(),
            part,
            done: false,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.part
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        free(&self.dest)?;
        let sync = File::open(&self.part).and_then(|folder| folder.sync_all());
        sync.map_err(Error::file("write", &self.part))?;
        fs::rename(&self.part, &self.dest).map_err(Error::file("write", &self.dest))?;
        self.done = true;
        sync_parent(&self.dest)
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_appear_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("a");
        drop(NewFile::create(&dest, false).unwrap());
        drop(NewFolder::create(&dest).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        write_new(&dest, b"one", false).unwrap();
        assert!(matches!(
            write_new(&dest, b"two", false),
            Err(Error::Exists(_))
        ));
        assert!(matches!(NewFolder::create(&dest), Err(Error::Exists(_))));
        assert_eq!(fs::read(&dest).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn long_files_and_folders_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, [0; 10]).unwrap();
        assert_eq!(read(&path, 10, "a thing").unwrap().len(), 10);
        assert!(matches!(
            read(&path, 9, "a thing"),
            Err(Error::TooLarge { .. })
        ));
        assert!(read(folder.path(), 9, "a thing").is_err());
    }
}
