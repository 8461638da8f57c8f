//! From a container back to files.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use athanor_content_tree::market::{payload_len, Header, HEADER_LEN};
use athanor_content_tree::stream::{StreamError, Unsalted};

use crate::files::{self, Behind, NewFolder};
use crate::layout::{self, Piece, BLOCK};
use crate::manifest::{self, Manifest};
use crate::path::MANIFEST;
use crate::{Error, Result};

/// Takes a container's bytes in turn and writes its files into a new folder, which gets its name
/// when all of them were right.
///
/// The manifest determines every byte of the tar but the files' contents, whose lengths and roots
/// it names; so whatever is no plain file at its place, no path that leads elsewhere, and no second
/// writing of the same can come through.
pub struct Unpacker {
    container: Unsalted<Inner>,
    len: u64,
    taken: u64,
}

struct Inner {
    folder: NewFolder,
    container_len: u64,
    /// Bytes of the payload taken.
    at: u64,
    header: Option<Header>,
    manifest: Manifest,
    ahead: VecDeque<Piece>,
    /// The next file whose pieces are not in `ahead` yet.
    next: usize,
    now: Now,
    buffer: Vec<u8>,
}

enum Now {
    Header,
    ManifestHead,
    Manifest(usize),
    Bytes(Vec<u8>),
    Zeros(u64),
    File(Box<Open>),
    End,
}

struct Open {
    index: usize,
    path: PathBuf,
    file: Behind,
    left: u64,
    hasher: blake3::Hasher,
}

impl Unpacker {
    /// An unpacker of a container of `len` bytes into the folder `dest`, which must not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Tree`] for a length no container has; [`Error::Exists`], [`Error::File`].
    pub fn new(len: u64, dest: &Path) -> Result<Self> {
        payload_len(len)?;
        Ok(Self {
            container: Unsalted::new(Inner {
                folder: NewFolder::create(dest)?,
                container_len: len,
                at: 0,
                header: None,
                manifest: Manifest {
                    athanor: 1,
                    files: Vec::new(),
                },
                ahead: VecDeque::new(),
                next: 0,
                now: Now::Header,
                buffer: Vec::new(),
            }),
            len,
            taken: 0,
        })
    }

    /// Gives the folder its name. What was taken must have been all.
    ///
    /// # Errors
    ///
    /// [`Error::Container`] when it ended early; [`Error::File`].
    pub fn finish(self) -> Result<Manifest> {
        let inner = self.container.into_inner();
        if self.taken != self.len || !matches!(inner.now, Now::End) {
            return Err(inner.refused("it ends early"));
        }
        inner.folder.finish()?;
        Ok(inner.manifest)
    }
}

impl Write for Unpacker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.container.write(bytes)?;
        self.taken = self.taken.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Inner {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.take(bytes)?;
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Inner {
    fn refused(&self, reason: impl Into<String>) -> Error {
        Error::Container {
            at: self.at,
            reason: reason.into(),
        }
    }

    /// Collects up to `wanted` bytes. Gives how many were taken of `bytes`, and whether all are
    /// there.
    fn collect(&mut self, bytes: &[u8], wanted: usize) -> (usize, bool) {
        let missing = wanted.saturating_sub(self.buffer.len());
        let now = bytes.get(..missing.min(bytes.len())).unwrap_or_default();
        self.buffer.extend_from_slice(now);
        (now.len(), self.buffer.len() == wanted)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        match std::mem::replace(&mut self.now, Now::End) {
            Now::Header => {
                let (count, all) = self.collect(bytes, HEADER_LEN);
                self.now = Now::Header;
                if all {
                    self.read_header()?;
                }
                Ok(count)
            }
            Now::ManifestHead => {
                let (count, all) = self.collect(bytes, BLOCK);
                self.now = Now::ManifestHead;
                if all {
                    self.read_manifest_head()?;
                }
                Ok(count)
            }
            Now::Manifest(len) => {
                let (count, all) = self.collect(bytes, len);
                self.now = Now::Manifest(len);
                if all {
                    self.read_manifest(len)?;
                }
                Ok(count)
            }
            Now::Bytes(wanted) => {
                let (count, all) = self.collect(bytes, wanted.len());
                if all && self.buffer != wanted {
                    return Err(self.refused(layout::describe(&self.buffer)));
                }
                self.now = Now::Bytes(wanted);
                if all {
                    self.advance()?;
                }
                Ok(count)
            }
            Now::Zeros(left) => {
                let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                let now = bytes.get(..count).unwrap_or_default();
                if now.iter().any(|byte| *byte != 0) {
                    return Err(self.refused("there are bytes where its manifest has none"));
                }
                let left = left.saturating_sub(count as u64);
                self.now = Now::Zeros(left);
                if left == 0 {
                    self.advance()?;
                }
                Ok(count)
            }
            Now::File(mut open) => {
                let left = open.left;
                let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                let now = bytes.get(..count).unwrap_or_default();
                open.hasher.update(now);
                let written = open.file.write_all(now);
                written.map_err(Error::file("write", &open.path))?;
                open.left = left.saturating_sub(count as u64);
                if open.left == 0 {
                    self.close(*open)?;
                    self.advance()?;
                } else {
                    self.now = Now::File(open);
                }
                Ok(count)
            }
            Now::End => Err(self.refused("there are bytes after its end")),
        }
    }

    fn read_header(&mut self) -> Result<()> {
        let bytes = self.buffer.first_chunk::<HEADER_LEN>();
        let bytes = bytes.ok_or(athanor_content_tree::Error::BadHeader)?;
        let header = Header::decode(self.container_len, bytes)?;
        manifest::count(u64::from(header.files))?;
        self.header = Some(header);
        self.buffer.clear();
        self.now = Now::ManifestHead;
        Ok(())
    }

    fn read_manifest_head(&mut self) -> Result<()> {
        let len = tar::Header::from_byte_slice(&self.buffer).entry_size();
        let len = len.map_err(|_| self.refused("athanor.json does not come first"))?;
        manifest::check_len(len)?;
        if self.buffer != layout::head(MANIFEST, len) {
            return Err(self.refused("athanor.json does not come first"));
        }
        self.buffer.clear();
        // At most 64 MiB, and what comes is counted before it is kept.
        self.now = Now::Manifest(usize::try_from(len).map_err(|_| self.refused("too long"))?);
        Ok(())
    }

    fn read_manifest(&mut self, len: usize) -> Result<()> {
        let manifest = Manifest::decode(&self.buffer)?;
        let header = self.header;
        let header = header.ok_or(athanor_content_tree::Error::BadHeader)?;
        let fits = header.files as usize == manifest.files.len()
            && header.tar_len == layout::tar_len(&manifest, len)?;
        if !fits {
            return Err(self.refused("header and athanor.json are of different containers"));
        }
        self.buffer = Vec::new();
        self.manifest = manifest;
        self.ahead
            .push_back(Piece::Zeros(layout::padding(len as u64)));
        self.advance()
    }

    /// Goes on to the next piece that has bytes.
    fn advance(&mut self) -> Result<()> {
        self.buffer.clear();
        loop {
            if self.ahead.is_empty() {
                match self.manifest.files.get(self.next) {
                    Some(file) => {
                        let one = std::slice::from_ref(file);
                        // Of the one file's pieces all but the end of the tar.
                        self.ahead.extend(layout::pieces(one).take(3));
                        self.next += 1;
                    }
                    None if self.next == self.manifest.files.len() => {
                        self.ahead.push_back(Piece::Zeros(layout::END));
                        self.next += 1;
                    }
                    None => {
                        self.now = Now::End;
                        return Ok(());
                    }
                }
            }
            match self.ahead.pop_front() {
                Some(Piece::Bytes(bytes)) => {
                    self.now = Now::Bytes(bytes);
                    return Ok(());
                }
                Some(Piece::Zeros(0)) | None => {}
                Some(Piece::Zeros(count)) => {
                    self.now = Now::Zeros(count);
                    return Ok(());
                }
                Some(Piece::File(_)) => {
                    let open = self.open(self.next.saturating_sub(1))?;
                    if open.left > 0 {
                        self.now = Now::File(Box::new(open));
                        return Ok(());
                    }
                    self.close(open)?;
                }
            }
        }
    }

    fn open(&self, index: usize) -> Result<Open> {
        let entry = self.manifest.files.get(index);
        let entry = entry.ok_or_else(|| self.refused("a file has no entry"))?;
        // Checked with the manifest: relative, no `..`, no file is a folder of another. The folder
        // is new, so nothing in it leads elsewhere.
        let path = self.folder.path().join(&entry.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::file("write", parent))?;
        }
        Ok(Open {
            index,
            file: Behind::new(files::create(&path)?),
            path,
            left: entry.length,
            hasher: blake3::Hasher::new(),
        })
    }

    fn close(&self, open: Open) -> Result<()> {
        let entry = self.manifest.files.get(open.index);
        let root = *open.hasher.finalize().as_bytes();
        if entry.is_none_or(|entry| entry.blake3 != root) {
            return Err(self.refused("a file has another BLAKE3 root than athanor.json says"));
        }
        open.file.finish().map_err(Error::file("write", &open.path))
    }
}

/// Unpacks the container in the file `container` into the new folder `dest`.
///
/// # Errors
///
/// [`Error::Container`] and the manifest's errors for whatever is against the rules; nothing is
/// left of it then. [`Error::Exists`], [`Error::File`].
pub fn unpack(container: &Path, dest: &Path, progress: files::Progress<'_>) -> Result<Manifest> {
    let file = files::open(container)?;
    let len = files::len(&file, container)?;
    let mut unpacker = Unpacker::new(len, dest)?;
    let mut buffer = vec![0; 1 << 20];
    let mut source = files::Metered::new(file, progress);
    loop {
        let count = match io::Read::read(&mut source, &mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(StreamError::Read(error).into()),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        unpacker.write_all(bytes).map_err(StreamError::Write)?;
    }
    unpacker.finish()
}
