use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::{Groups, GROUP};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

use super::incoming::{sync_folder, Room};
use super::ledger::Account;
use super::{blocking, entries, Bucket, Inner, Kind, Store};
use crate::{root_hex, Error, Root, Sample};

pub(super) const LEAST_PART: u64 = 8 << 20;
const MOST_PARTS: u64 = 10_000;

/// Uploads under way at a time.
const MOST_UPLOADS: usize = 64;

/// Of them with one token.
const MOST_UPLOADS_EACH: usize = 16;

/// An upload to which nothing came for so long is given up.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// Bytes of each part of an upload of `len` bytes but the last: a multiple of the group, at least
/// 8 MiB, so that there are at most 10,000 parts.
pub(crate) fn part_bytes(len: u64) -> u64 {
    len.div_ceil(MOST_PARTS)
        .next_multiple_of(GROUP as u64)
        .max(LEAST_PART)
}

/// How far an [`Upload`] is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whether the blob is in its place.
    pub complete: bool,
    /// Bytes of each part but the last.
    pub part_bytes: u64,
    /// Number of parts.
    pub parts: u64,
    /// Whether the outboard has come.
    pub outboard: bool,
    /// Parts that have not: runs, each first and end.
    pub missing: Vec<(u64, u64)>,
}

/// What a [`Piece`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The outboard.
    Outboard,
    /// The part with this index.
    Part(u64),
}

/// A blob that arrives in parts, in any order, each checked against its outboard as it comes. What
/// has come survives a restart; nothing is visible before all has.
#[derive(Clone, Debug)]
pub struct Upload {
    inner: Arc<Inner>,
    root: Root,
    groups: Groups,
}

impl Store {
    /// Begins an upload, or goes on with one. A blob that is there already is complete at once; if
    /// it came without its outboard, that is made now.
    ///
    /// # Errors
    ///
    /// [`Error::BadContent`] unless a blob of `len` bytes goes in groups; [`Error::TooLarge`],
    /// [`Error::Quota`], [`Error::TooManyUploads`], [`Error::Io`].
    pub async fn upload(&self, root: &Root, len: u64) -> Result<Upload, Error> {
        self.upload_for(None, root, len).await
    }

    /// The same for the bearer of a token: its room is set aside too.
    pub(crate) async fn upload_for(
        &self,
        account: Option<Account>,
        root: &Root,
        len: u64,
    ) -> Result<Upload, Error> {
        let groups = Groups::new(len).map_err(StreamError::from)?;
        self.check_len(len)?;
        let upload = Upload {
            inner: self.inner.clone(),
            root: *root,
            groups,
        };
        let begun = upload.clone();
        blocking(move || begun.begin_for(account.as_ref())).await?;
        Ok(upload)
    }

    /// An upload that was begun, or a blob that is there.
    ///
    /// # Errors
    ///
    /// [`Error::NoUpload`], [`Error::Io`].
    pub async fn find_upload(&self, root: &Root, len: u64) -> Result<Upload, Error> {
        let upload = Upload {
            inner: self.inner.clone(),
            root: *root,
            groups: Groups::new(len).map_err(|_| Error::NoUpload)?,
        };
        let found = upload.clone();
        blocking(move || {
            if found.stored()? || found.folder().is_dir() {
                return Ok(upload);
            }
            Err(Error::NoUpload)
        })
        .await
    }
}

impl Store {
    /// Takes in the outboard alone of a blob that stays elsewhere. The file at `path`, below
    /// [`dir`](Self::dir), is moved. Whether it was not there before.
    ///
    /// # Errors
    ///
    /// [`Error::BadContent`] unless it is the outboard of a blob of that root and length,
    /// [`Error::Quota`], [`Error::Io`], [`Error::Bucket`].
    pub(crate) async fn add_outboard(
        &self,
        root: &Root,
        len: u64,
        temp: TempPath,
        charge: Option<super::Charge>,
    ) -> Result<bool, Error> {
        let (inner, root) = (self.inner.clone(), *root);
        blocking(move || {
            let groups = Groups::new(len).map_err(StreamError::from)?;
            let file = File::open(&temp).map_err(Error::io("open", &temp))?;
            stream::check_outboard(&root, len, file)?;
            let len = groups.outboard_len();
            add_checked(&inner, (Kind::Outboard, &root), len, temp, charge)
        })
        .await
    }

    /// Takes in the sample of a listing, which has `len` bytes. `false` when it was there.
    pub(crate) async fn add_sample(
        &self,
        sample: Sample,
        len: u64,
        temp: TempPath,
        charge: Option<super::Charge>,
    ) -> Result<bool, Error> {
        let inner = self.inner.clone();
        blocking(move || {
            let file = File::open(&temp).map_err(Error::io("open", &temp))?;
            sample.check(&sample.indices()?, file)?;
            add_checked(&inner, (Kind::Sample, &sample.seed), len, temp, charge)
        })
        .await
    }
}

/// Puts a file whose content has been checked in its place; `false` when there is one.
fn add_checked(
    inner: &Arc<Inner>,
    (kind, name): (Kind, &Root),
    len: u64,
    temp: TempPath,
    charge: Option<super::Charge>,
) -> Result<bool, Error> {
    let mut room = Room::new(inner.clone());
    room.hold_all(len)?;
    if let Some(charge) = charge {
        charge.keep(len, false)?;
    }
    let _changing = inner.changing();
    let new = match &inner.bucket {
        Some(_) if inner.len_of(kind, name)?.is_some() => false,
        Some(bucket) => {
            Handle::current().block_on(bucket.put_file(kind, name, &temp))?;
            true
        }
        None => place(temp, &inner.named(kind, name))?,
    };
    if new {
        room.keep();
    }
    Ok(new)
}

impl Upload {
    fn len(&self) -> u64 {
        self.groups.content_len()
    }

    fn reserved(&self) -> u64 {
        self.len().saturating_add(self.groups.outboard_len())
    }

    fn folder(&self) -> PathBuf {
        let name = format!("{}-{}", root_hex(&self.root), self.len());
        self.inner.uploads().join(name)
    }

    fn outboard(&self) -> PathBuf {
        self.folder().join("outboard")
    }

    /// Tokens that hold room for it.
    fn holders(&self) -> PathBuf {
        self.folder().join("holders")
    }

    /// Names of the bucket for the parts it has: one JSON array of index and name a line.
    fn names(&self) -> PathBuf {
        self.folder().join("names")
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    fn marks(&self) -> PathBuf {
        self.folder().join("parts")
    }

    fn part_bytes(&self) -> u64 {
        part_bytes(self.len())
    }

    /// Number of parts.
    fn parts(&self) -> u64 {
        self.len().div_ceil(self.part_bytes())
    }

    /// Bytes that belong to a piece.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPart`].
    pub fn piece_len(&self, what: What) -> Result<u64, Error> {
        match what {
            What::Outboard => Ok(self.groups.outboard_len()),
            What::Part(index) => {
                let bytes = self.span(index)?;
                Ok(bytes.end.saturating_sub(bytes.start))
            }
        }
    }

    fn span(&self, index: u64) -> Result<Range<u64>, Error> {
        let count = self.parts();
        if index >= count {
            return Err(Error::NoSuchPart { index, count });
        }
        let start = index.saturating_mul(self.part_bytes());
        Ok(start..start.saturating_add(self.part_bytes()).min(self.len()))
    }

    fn stored(&self) -> Result<bool, Error> {
        let len = self.inner.len_of(Kind::Blob, &self.root)?;
        Ok(len == Some(self.len()))
    }

    fn begin_for(&self, account: Option<&Account>) -> Result<(), Error> {
        let Some(account) = account else {
            return self.begin();
        };
        let ledger = &self.inner.ledger;
        if self.stored()? && ledger.holds(&self.root, &account.name) {
            return self.begin();
        }
        if self.stored()? {
            // Whoever may hold it may read it: a name alone does not get what is private.
            let private = ledger.readers(&self.root);
            if private.is_some_and(|names| !names.contains(&account.name)) {
                return Err(Error::HeldPrivately);
            }
            let charge = ledger.charge(account, &self.root, self.reserved())?;
            charge.keep(self.reserved(), true)?;
            return self.begin();
        }
        let (key, bytes) = ((self.root, self.len()), self.reserved());
        let begin = || self.begin();
        ledger.charge_upload(
            account,
            key,
            bytes,
            MOST_UPLOADS_EACH,
            &self.holders(),
            begin,
        )
    }

    fn begin(&self) -> Result<(), Error> {
        if self.stored()? {
            return self.add_outboard();
        }
        let _changing = self.inner.changing();
        let folder = self.folder();
        if folder.is_dir() {
            return self.complete_files();
        }
        clear_abandoned(&self.inner)?;
        if entries(&self.inner.uploads())?.len() >= MOST_UPLOADS {
            return Err(Error::TooManyUploads {
                limit: MOST_UPLOADS,
            });
        }
        let mut room = Room::new(self.inner.clone());
        room.hold_all(self.reserved())?;
        std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        room.keep();
        self.complete_files()
    }

    /// A crash may have left a folder without its files.
    fn complete_files(&self) -> Result<(), Error> {
        if let Some(bucket) = &self.inner.bucket {
            let path = self.folder().join("multipart");
            if !path.is_file() {
                let begin = bucket.begin(Kind::Blob, &self.root);
                let id = Handle::current().block_on(begin)?;
                write_synced(&path, id.as_bytes())?;
            }
        }
        let data = match self.inner.bucket {
            Some(_) => None,
            None => Some((self.data(), self.len())),
        };
        for (path, len) in data.into_iter().chain([(self.marks(), self.parts())]) {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .map_err(Error::io("create", &path))?;
            file.set_len(len).map_err(Error::io("create", &path))?;
        }
        Ok(())
    }

    /// The outboard of a blob that came whole.
    fn add_outboard(&self) -> Result<(), Error> {
        if self.inner.len_of(Kind::Outboard, &self.root)?.is_some() {
            return Ok(());
        }
        let mut room = Room::new(self.inner.clone());
        room.hold_all(self.groups.outboard_len())?;
        let folder = self.inner.incoming();
        let mut made = tempfile::Builder::new()
            .prefix("outboard-")
            .tempfile_in(&folder)
            .map_err(Error::io("create a file in", &folder))?;
        let actual = match &self.inner.bucket {
            Some(bucket) => {
                let reader = ObjectReader::new(bucket, &self.root, self.len());
                stream::encode(self.len(), reader, made.as_file_mut())?
            }
            None => {
                let path = self.inner.path(&self.root);
                let blob = File::open(&path).map_err(Error::io("open", &path))?;
                stream::encode(self.len(), blob, made.as_file_mut())?
            }
        };
        if actual != self.root {
            return Err(Error::Damaged { root: self.root });
        }
        let _changing = self.inner.changing();
        if let Some(bucket) = &self.inner.bucket {
            let put = bucket.put_file(Kind::Outboard, &self.root, made.path());
            Handle::current().block_on(put)?;
            room.keep();
        } else if place(made.into_temp_path(), &self.inner.outboard_path(&self.root))? {
            room.keep();
        }
        Ok(())
    }

    /// How far it is.
    ///
    /// # Errors
    ///
    /// [`Error::NoUpload`] when it was given up meanwhile; [`Error::Io`].
    pub async fn progress(&self) -> Result<Progress, Error> {
        let upload = self.clone();
        blocking(move || upload.state()).await
    }

    fn state(&self) -> Result<Progress, Error> {
        let parts = self.parts();
        let mut progress = Progress {
            complete: self.stored()?,
            part_bytes: self.part_bytes(),
            parts,
            outboard: true,
            missing: Vec::new(),
        };
        if progress.complete {
            return Ok(progress);
        }
        progress.outboard = self.outboard().is_file();
        let path = self.marks();
        let marks = std::fs::read(&path).map_err(|error| self.given_up("read", &path, error))?;
        for index in 0..parts {
            let mark = usize::try_from(index).ok().and_then(|at| marks.get(at));
            if mark == Some(&1) {
                continue;
            }
            match progress.missing.last_mut() {
                Some((_, end)) if *end == index => *end = index.saturating_add(1),
                _ => progress.missing.push((index, index.saturating_add(1))),
            }
        }
        Ok(progress)
    }

    fn given_up(&self, action: &'static str, path: &Path, error: std::io::Error) -> Error {
        if error.kind() == ErrorKind::NotFound {
            return Error::NoUpload;
        }
        Error::io(action, path)(error)
    }

    /// Starts a piece that arrives in bites.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPart`]; [`Error::NoOutboard`] for a part before the outboard; [`Error::Io`].
    pub async fn piece(&self, what: What) -> Result<Piece, Error> {
        let expected = self.piece_len(what)?;
        let upload = self.clone();
        let temp = blocking(move || {
            let known = upload.outboard().is_file() || upload.stored()?;
            if what != What::Outboard && !known {
                return Err(Error::NoOutboard);
            }
            let folder = upload.inner.incoming();
            tempfile::Builder::new()
                .prefix("part-")
                .tempfile_in(&folder)
                .map_err(Error::io("create a file in", &folder))
        })
        .await?;
        let (file, temp) = temp.into_parts();
        Ok(Piece {
            upload: self.clone(),
            what,
            expected,
            written: 0,
            file: tokio::fs::File::from_std(file),
            temp,
        })
    }

    fn take(&self, what: What, temp: TempPath) -> Result<Progress, Error> {
        if self.stored()? {
            return self.state();
        }
        let mut piece = File::open(&temp).map_err(Error::io("open", &temp))?;
        match what {
            What::Outboard => {
                stream::check_outboard(&self.root, self.len(), &mut piece)?;
                piece.sync_all().map_err(Error::io("sync", &temp))?;
                let to = self.outboard();
                temp.persist(&to)
                    .map_err(|error| self.given_up("write", &to, error.error))?;
            }
            What::Part(index) => self.take_part(index, piece)?,
        }
        let state = self.state()?;
        if state.outboard && state.missing.is_empty() && !state.complete {
            self.put_in_place()?;
            return self.state();
        }
        Ok(state)
    }

    /// Only checked bytes are ever written to `data`, so two senders of one part do no harm.
    fn take_part(&self, index: u64, piece: File) -> Result<(), Error> {
        let span = self.span(index)?;
        let open = |path: &Path, write: bool| {
            OpenOptions::new()
                .read(!write)
                .write(write)
                .open(path)
                .map_err(|error| self.given_up("open", path, error))
        };
        let path = self.outboard();
        let outboard = File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::NoOutboard,
            _ => Error::io("open", &path)(error),
        })?;
        let group = GROUP as u64;
        let range = span.start / group..span.end.div_ceil(group);
        if let Some(bucket) = &self.inner.bucket {
            let mut bytes = Vec::new();
            stream::verify_range(&self.root, self.len(), range, outboard, piece, &mut bytes)?;
            let (key, id) = ((Kind::Blob, &self.root), self.multipart()?);
            let put = bucket.put_part(key, &id, index, bytes.into());
            let name = Handle::current().block_on(put)?;
            let path = self.names();
            let line = serde_json::json!([index, name]);
            let opened = OpenOptions::new().create(true).append(true).open(&path);
            let mut names = opened.map_err(|error| self.given_up("open", &path, error))?;
            writeln!(names, "{line}")
                .and_then(|()| names.sync_data())
                .map_err(Error::io("write", &path))?;
        } else {
            let path = self.data();
            let mut data = open(&path, true)?;
            data.seek(SeekFrom::Start(span.start))
                .map_err(Error::io("write", &path))?;
            stream::verify_range(&self.root, self.len(), range, outboard, piece, &data)?;
            // The mark must not outlive the bytes.
            data.sync_data().map_err(Error::io("sync", &path))?;
        }
        let path = self.marks();
        let mut marks = open(&path, true)?;
        marks
            .seek(SeekFrom::Start(index))
            .and_then(|_| marks.write_all(&[1]))
            .and_then(|()| marks.sync_data())
            .map_err(Error::io("write", &path))
    }

    /// What the bucket calls this upload.
    fn multipart(&self) -> Result<String, Error> {
        let path = self.folder().join("multipart");
        std::fs::read_to_string(&path).map_err(|error| self.given_up("read", &path, error))
    }

    fn complete_in(&self, bucket: &Bucket) -> Result<(), Error> {
        let path = self.names();
        let text =
            std::fs::read_to_string(&path).map_err(|error| self.given_up("read", &path, error))?;
        // A crash may have cut the last line short: the part is marked after its line.
        let lines = text.lines().map(serde_json::from_str::<(u64, String)>);
        let names: BTreeMap<u64, String> = lines.filter_map(Result::ok).collect();
        let names: Vec<String> = (0..self.parts())
            .map(|index| names.get(&index).cloned())
            .collect::<Option<_>>()
            .ok_or(Error::NoUpload)?;
        let had_outboard = self.inner.len_of(Kind::Outboard, &self.root)?.is_some();
        let outboard = self.outboard();
        let id = self.multipart()?;
        Handle::current().block_on(async {
            if !had_outboard {
                bucket
                    .put_file(Kind::Outboard, &self.root, &outboard)
                    .await?;
            }
            bucket.complete((Kind::Blob, &self.root), &id, names).await
        })?;
        if had_outboard {
            self.inner.forget(self.groups.outboard_len());
        }
        Ok(())
    }

    fn put_in_place(&self) -> Result<(), Error> {
        let _changing = self.inner.changing();
        if self.stored()? {
            return Ok(());
        }
        let folder = self.folder();
        self.inner.ledger.settle_upload((self.root, self.len()))?;
        if let Some(bucket) = &self.inner.bucket {
            self.complete_in(bucket)?;
            return std::fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder));
        }
        let (blob, outboard) = (
            self.inner.path(&self.root),
            self.inner.outboard_path(&self.root),
        );
        // The outboard first: who sees the blob finds it.
        if !outboard.is_file() {
            move_synced(&self.outboard(), &outboard)?;
        } else {
            self.inner.forget(self.groups.outboard_len());
        }
        let old = std::fs::metadata(&blob).map_or(0, |old| old.len());
        move_synced(&self.data(), &blob)?;
        self.inner.forget(old);
        std::fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))
    }
}

/// A blob of a bucket, read from front to back.
struct ObjectReader<'a> {
    bucket: &'a Bucket,
    root: &'a Root,
    at: u64,
    len: u64,
    rest: Bytes,
    /// It is read by a thread that belongs to no runtime.
    runtime: Handle,
}

impl<'a> ObjectReader<'a> {
    fn new(bucket: &'a Bucket, root: &'a Root, len: u64) -> Self {
        Self {
            bucket,
            root,
            at: 0,
            len,
            rest: Bytes::new(),
            runtime: Handle::current(),
        }
    }
}

impl Read for ObjectReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() {
            if self.at >= self.len {
                return Ok(0);
            }
            let end = self.at.saturating_add(LEAST_PART).min(self.len);
            let bytes = self.runtime.block_on(async {
                let mut pieces = self
                    .bucket
                    .read(Kind::Blob, self.root, self.at..end)
                    .await?;
                let mut bytes = BytesMut::new();
                while let Some(piece) = pieces.try_next().await? {
                    bytes.extend_from_slice(&piece);
                }
                Ok::<_, Error>(bytes.freeze())
            });
            self.rest = bytes.map_err(std::io::Error::other)?;
            if self.rest.is_empty() {
                return Ok(0);
            }
            self.at = self.at.saturating_add(self.rest.len() as u64);
        }
        let taken = self.rest.len().min(buffer.len());
        let (to, from) = (buffer.get_mut(..taken), self.rest.split_to(taken));
        if let Some(to) = to {
            to.copy_from_slice(&from);
        }
        Ok(taken)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |error| Error::io("write", path)(error);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder)
}

fn move_synced(from: &Path, to: &Path) -> Result<(), Error> {
    let folder = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    File::open(from)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("sync", from))?;
    std::fs::rename(from, to).map_err(Error::io("write", to))?;
    sync_folder(folder)
}

/// `false` when another was there before.
fn place(temp: TempPath, to: &Path) -> Result<bool, Error> {
    if to.is_file() {
        return Ok(false);
    }
    move_synced(&temp, to)?;
    // It is gone from where it was.
    let _ = temp.keep();
    Ok(true)
}

/// Root and length out of an upload's folder name.
fn parse_folder(path: &Path) -> Option<(Root, u64)> {
    let (root, len) = path.file_name()?.to_str()?.split_once('-')?;
    Some((crate::name::parse_name(root).ok()?, len.parse().ok()?))
}

/// Uploads under way: root, length, and where their holders are written.
pub(super) fn under_way(uploads: &Path) -> Result<Vec<(Root, u64, PathBuf)>, Error> {
    let named = |path: PathBuf| {
        let (root, len) = parse_folder(&path)?;
        Some((root, len, path.join("holders")))
    };
    Ok(entries(uploads)?.into_iter().filter_map(named).collect())
}

/// Bytes set aside for all uploads under way.
pub(super) fn reserved(inner: &Inner) -> Result<u64, Error> {
    let mut sum = 0u64;
    for path in entries(&inner.uploads())? {
        let known = parse_folder(&path).and_then(|(_, len)| Groups::new(len).ok());
        let bytes = known.map_or(0, |g| g.content_len().saturating_add(g.outboard_len()));
        sum = sum.saturating_add(bytes);
    }
    Ok(sum)
}

/// Removes uploads to which nothing came for long.
pub(super) fn clear_abandoned(inner: &Inner) -> Result<(), Error> {
    for path in entries(&inner.uploads())? {
        let touched = ["parts", "names", "outboard", "data", ""]
            .iter()
            .filter_map(|name| std::fs::metadata(path.join(name)).ok()?.modified().ok())
            .max();
        let age = touched.and_then(|touched| SystemTime::now().duration_since(touched).ok());
        if age.is_none_or(|age| age <= ABANDONED) {
            continue;
        }
        let name = parse_folder(&path);
        let multipart = std::fs::read_to_string(path.join("multipart"));
        if let (Some(bucket), Some((root, _)), Ok(id)) = (&inner.bucket, &name, multipart) {
            Handle::current().block_on(bucket.abort(Kind::Blob, root, &id));
        }
        std::fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        if let Some(key) = name {
            inner.ledger.forget_upload(key);
        }
        let known = parse_folder(&path).and_then(|(_, len)| Groups::new(len).ok());
        inner.forget(known.map_or(0, |g| g.content_len().saturating_add(g.outboard_len())));
    }
    Ok(())
}

/// A piece of an [`Upload`] on its way. Dropped before [`finish`](Self::finish), it leaves nothing.
#[derive(Debug)]
pub struct Piece {
    upload: Upload,
    what: What,
    expected: u64,
    written: u64,
    file: tokio::fs::File,
    temp: TempPath,
}

impl Piece {
    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::BadContent`] as soon as more have come than belong to the piece; [`Error::Io`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.written.saturating_add(bytes.len() as u64);
        if written > self.expected {
            let len = self.expected;
            return Err(StreamError::Long { len }.into());
        }
        self.file
            .write_all(bytes)
            .await
            .map_err(Error::io("write", &self.temp))?;
        self.written = written;
        Ok(())
    }

    /// Checks the piece and keeps it. The last one puts the blob and its outboard in their place.
    ///
    /// # Errors
    ///
    /// [`Error::BadContent`] when it is not the blob's, [`Error::NoUpload`] when the upload was
    /// given up meanwhile, [`Error::Io`]. Nothing is kept then.
    pub async fn finish(mut self) -> Result<Progress, Error> {
        if self.written < self.expected {
            return Err(StreamError::Short {
                at: self.written,
                len: self.expected,
            }
            .into());
        }
        self.file
            .flush()
            .await
            .map_err(Error::io("write", &self.temp))?;
        let Self {
            upload, what, temp, ..
        } = self;
        blocking(move || upload.take(what, temp)).await
    }
}
