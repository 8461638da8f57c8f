use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};

use crate::{Error, Result};

/// Ending of the name that a result has until it is whole. Whatever bears it and is used by nobody
/// was left by a process that was killed, and is thrown away by the next one.
const PART: &str = ".athanor-part";

/// Bytes that are written before the disk is told to take them.
const BEHIND: u64 = 32 << 20;

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
    name.push(PART);
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
    options.read(true).write(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Holds a part until it is closed. Who had it before may have given it its name meanwhile: then it
/// is not ours.
fn hold(file: &File, part: &Path, dest: &Path) -> Result<()> {
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => Error::Busy(part.into()),
        fs::TryLockError::Error(source) => Error::file("lock", part)(source),
    })?;
    free(dest)?;
    match fs::symlink_metadata(part) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::Busy(part.into())),
    }
}

/// Whether there is something of the right kind under the name of a part.
fn left_over(part: &Path, right: impl Fn(&fs::Metadata) -> bool) -> Result<bool> {
    match fs::symlink_metadata(part) {
        Ok(found) if right(&found) => Ok(true),
        Ok(_) => Err(Error::Exists(part.into())),
        Err(_) => Ok(false),
    }
}

/// Creates a file that did not exist.
pub(crate) fn create(path: &Path) -> Result<File> {
    let file = options(false).create_new(true).open(path);
    file.map_err(Error::file("write", path))
}

/// Writes a file while the disk takes what was written before. With one sync at the end the disk
/// would idle first, and the processor afterwards.
pub(crate) struct Behind {
    file: File,
    /// Bytes since the disk was last told.
    waiting: u64,
    disk: Option<Disk>,
}

struct Disk {
    tell: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Disk {
    fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (tell, told) = sync_channel(1);
        let work = move || told.into_iter().try_for_each(|()| file.sync_data());
        let thread = thread::Builder::new().spawn(work)?;
        Ok(Self { tell, thread })
    }

    fn end(self) -> io::Result<()> {
        drop(self.tell);
        let lost = |_| Err(io::Error::other("a thread panicked"));
        self.thread.join().unwrap_or_else(lost)
    }
}

impl Behind {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            waiting: 0,
            disk: None,
        }
    }

    fn tell(&mut self) -> io::Result<()> {
        let disk = match self.disk.take() {
            Some(disk) => disk,
            None => Disk::start(&self.file)?,
        };
        match disk.tell.try_send(()) {
            // It has an error, which the system tells once.
            Err(TrySendError::Disconnected(())) => disk.end(),
            Ok(()) | Err(TrySendError::Full(())) => {
                self.disk = Some(disk);
                Ok(())
            }
        }
    }

    /// Until the disk has all of it.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.disk.take().map_or(Ok(()), Disk::end)?;
        self.file.sync_all()
    }
}

impl Write for Behind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.waiting = self.waiting.saturating_add(count as u64);
        if self.waiting >= BEHIND {
            self.waiting = 0;
            self.tell()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        // Nothing of it goes on after an error.
        if let Some(disk) = self.disk.take() {
            let _ = disk.end();
        }
    }
}

/// A file that gets its name when it is whole. `NAME.athanor-part` until then, removed when dropped,
/// or by the next one after a kill.
pub(crate) struct NewFile {
    dest: PathBuf,
    part: PathBuf,
    file: Option<File>,
}

impl NewFile {
    pub(crate) fn create(dest: &Path, private: bool) -> Result<Self> {
        free(dest)?;
        let part = part(dest)?;
        let failed = Error::file("write", &part);
        // A link is not followed.
        let old = left_over(&part, fs::Metadata::is_file)?;
        let file = options(private)
            .create(true)
            .truncate(false)
            .create_new(!old)
            .open(&part);
        let file = file.map_err(&failed)?;
        hold(&file, &part, dest)?;
        #[cfg(unix)]
        if private {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::Permissions::from_mode(0o600);
            file.set_permissions(mode).map_err(&failed)?;
        }
        file.set_len(0).map_err(&failed)?;
        Ok(Self {
            dest: dest.into(),
            part,
            file: Some(file),
        })
    }

    pub(crate) fn file(&self) -> Result<&File> {
        self.file.as_ref().ok_or(Error::Exists(self.dest.clone()))
    }

    /// To write much of it; [`Behind::finish`] comes before [`finish`](Self::finish).
    pub(crate) fn behind(&self) -> Result<Behind> {
        let file = self.file()?.try_clone();
        Ok(Behind::new(file.map_err(Error::file("write", &self.part))?))
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
        // Held until its other name is gone: the next one would empty it.
        let _ = fs::remove_file(&self.part);
        self.file = None;
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

/// A folder that gets its name when it is whole. `NAME.athanor-part` until then, removed when
/// dropped, or emptied by the next one after a kill.
pub(crate) struct NewFolder {
    dest: PathBuf,
    part: PathBuf,
    done: bool,
    /// Holds it, where folders can be held.
    _held: Option<File>,
}

impl NewFolder {
    pub(crate) fn create(dest: &Path) -> Result<Self> {
        free(dest)?;
        let part = part(dest)?;
        let failed = Error::file("write", &part);
        let old = left_over(&part, fs::Metadata::is_dir)?;
        if !old {
            fs::create_dir(&part).map_err(&failed)?;
        }
        let held = File::open(&part).ok();
        match &held {
            Some(held) => hold(held, &part, dest)?,
            None if old => return Err(Error::Exists(part)),
            None => {}
        }
        for entry in fs::read_dir(&part).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            let removed = match entry.file_type().map_err(&failed)?.is_dir() {
                true => fs::remove_dir_all(entry.path()),
                false => fs::remove_file(entry.path()),
            };
            removed.map_err(&failed)?;
        }
        Ok(Self {
            dest: dest.into(),
            part,
            done: false,
            _held: held,
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
    fn what_a_killed_process_left_is_thrown_away_and_what_another_uses_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("a");
        let part = folder.path().join("a.athanor-part");
        fs::write(&part, b"half of something longer").unwrap();
        let new = NewFile::create(&dest, true).unwrap();
        new.file().unwrap().write_all(b"whole").unwrap();
        assert!(matches!(NewFile::create(&dest, true), Err(Error::Busy(_))));
        new.finish().unwrap();
        assert_eq!(fs::read(&dest).unwrap(), b"whole");

        let dest = folder.path().join("b");
        let part = folder.path().join("b.athanor-part");
        fs::create_dir_all(part.join("deep/er")).unwrap();
        fs::write(part.join("deep/file"), b"x").unwrap();
        fs::write(part.join("file"), b"x").unwrap();
        let new = NewFolder::create(&dest).unwrap();
        assert!(matches!(NewFolder::create(&dest), Err(Error::Busy(_))));
        fs::write(new.path().join("one"), b"1").unwrap();
        new.finish().unwrap();
        assert_eq!(fs::read_dir(&dest).unwrap().count(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

        // What is of another kind was not left by us.
        let part = folder.path().join("c.athanor-part");
        fs::create_dir(&part).unwrap();
        let refused = NewFile::create(&folder.path().join("c"), false);
        assert!(matches!(refused, Err(Error::Exists(path)) if path == part));
    }

    #[test]
    fn what_is_written_while_the_disk_works_is_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut behind = Behind::new(create(&path).unwrap());
        let piece: Vec<u8> = (0..=255).cycle().take(BEHIND as usize / 2 - 1).collect();
        for _ in 0..5 {
            behind.write_all(&piece).unwrap();
        }
        assert!(behind.disk.is_some());
        behind.finish().unwrap();
        assert!(fs::read(&path).unwrap() == piece.repeat(5));

        // What the disk refuses is said, at the latest at the end.
        let full = File::options().write(true).open("/dev/full");
        let mut behind = Behind::new(full.unwrap());
        assert!(behind.write_all(&piece).is_err());
        let null = File::options().write(true).open("/dev/null");
        let mut behind = Behind::new(null.unwrap());
        let written = (0..5).try_for_each(|_| behind.write_all(&piece));
        assert!(written.and(behind.finish()).is_err(), "it cannot be synced");
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
