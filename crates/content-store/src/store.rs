mod bucket;
mod incoming;
mod ledger;
mod upload;

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::TryStreamExt;
use tokio::io::AsyncReadExt;
use tokio::runtime::Handle;

use crate::name::parse_name;
use crate::{root_hex, Error, Root};

pub use bucket::Bucket;
pub use incoming::{Incoming, Stored};
pub use ledger::Held;
pub(crate) use ledger::{Account, Charge};
use ledger::{Ledger, Left};
pub(crate) use upload::part_bytes;
pub use upload::{Piece, Progress, Upload, What};

/// Unfinished uploads older than this belong to nobody.
const STALE: Duration = Duration::from_secs(3600);

/// How much a [`Store`] takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one blob.
    pub max_blob: u64,
    /// Most bytes of all blobs and of uploads under way.
    pub max_total: u64,
}

impl Default for Limits {
    /// 32 GiB, the largest tensor a program may have, and 1 TiB in all.
    fn default() -> Self {
        Self {
            max_blob: 32 << 30,
            max_total: 1 << 40,
        }
    }
}

/// One blob of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name.
    pub root: Root,
    /// Its length in bytes.
    pub len: u64,
}

/// What there is under a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Blob,
    Outboard,
    /// Under its seed.
    Sample,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Blob, Self::Outboard, Self::Sample];

    fn name(self) -> &'static str {
        match self {
            Self::Blob => "blobs",
            Self::Outboard => "outboards",
            Self::Sample => "samples",
        }
    }
}

/// Something stored, to be read.
pub(crate) enum Content {
    File(tokio::fs::File),
    Object(Bucket, Kind, Root),
}

/// Blobs in a local folder, or in a [`Bucket`] beside one. Clones share it.
///
/// Several processes may use one folder; each then counts only its own additions towards
/// [`Limits::max_total`] until it is opened again.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    limits: Limits,
    used: AtomicU64,
    bucket: Option<Bucket>,
    /// Blobs that came whole into the bucket since it was opened.
    fresh: Mutex<HashSet<Root>>,
    ledger: Arc<Ledger>,
    /// Held while a blob appears or disappears, so that `used` counts it once.
    change: Mutex<()>,
}

impl Inner {
    fn incoming(&self) -> PathBuf {
        self.dir.join("incoming")
    }

    fn uploads(&self) -> PathBuf {
        self.dir.join("uploads")
    }

    fn path(&self, root: &Root) -> PathBuf {
        self.named(Kind::Blob, root)
    }

    fn outboard_path(&self, root: &Root) -> PathBuf {
        self.named(Kind::Outboard, root)
    }

    fn named(&self, kind: Kind, root: &Root) -> PathBuf {
        let name = root_hex(root);
        let shard = name.get(..2).unwrap_or_default();
        self.dir.join(kind.name()).join(shard).join(&name)
    }

    /// For work that is away from the reactor already.
    fn len_of(&self, kind: Kind, root: &Root) -> Result<Option<u64>, Error> {
        if let Some(bucket) = &self.bucket {
            return Handle::current().block_on(bucket.len(kind, root));
        }
        let path = self.named(kind, root);
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    fn only_local(&self) -> Result<(), Error> {
        match self.bucket {
            Some(_) => Err(Error::OnlyLocal),
            None => Ok(()),
        }
    }

    /// Whether there was a blob.
    fn remove(&self, root: &Root, kinds: &[Kind]) -> Result<bool, Error> {
        let mut found = false;
        for kind in kinds {
            let Some(len) = self.len_of(*kind, root)? else {
                continue;
            };
            match &self.bucket {
                Some(bucket) => {
                    Handle::current().block_on(bucket.remove(*kind, root))?;
                }
                None => {
                    let path = self.named(*kind, root);
                    std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                }
            }
            self.forget(len);
            found |= *kind == Kind::Blob;
        }
        self.fresh().remove(root);
        Ok(found)
    }

    fn fresh(&self) -> MutexGuard<'_, HashSet<Root>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // The closure never answers `None`.
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl Store {
    /// Opens the store in `dir`, which is created if need be, and counts what it holds.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the folder cannot be created, read or written.
    pub async fn open(dir: impl Into<PathBuf>, limits: Limits) -> Result<Self, Error> {
        Self::open_at(dir.into(), None, limits).await
    }

    /// Opens a store whose blobs lie in `bucket`. `dir` keeps its books and what is on its way:
    /// without it, nobody knows any more who stored what.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::Bucket`].
    pub async fn open_bucket(
        dir: impl Into<PathBuf>,
        bucket: Bucket,
        limits: Limits,
    ) -> Result<Self, Error> {
        Self::open_at(dir.into(), Some(bucket), limits).await
    }

    async fn open_at(dir: PathBuf, bucket: Option<Bucket>, limits: Limits) -> Result<Self, Error> {
        let mut listed = Vec::new();
        if let Some(bucket) = &bucket {
            for kind in Kind::ALL {
                listed.push(bucket.list(kind).await?);
            }
        }
        blocking(move || {
            let folders = ["blobs", "outboards", "samples", "uploads", "incoming"];
            for folder in folders.map(|name| dir.join(name)) {
                std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
            }
            clear_stale(&dir.join("incoming"))?;
            let owners = dir.join("owners");
            ledger::clear_unfinished(&owners)?;
            if bucket.is_none() {
                for kind in Kind::ALL {
                    listed.push(scan(&dir.join(kind.name()))?);
                }
            }
            let blobs: HashSet<Root> = listed.iter().flatten().map(|blob| blob.root).collect();
            let under_way = upload::under_way(&dir.join("uploads"))?;
            let stored = |root: &Root| blobs.contains(root);
            let ledger = Ledger::open(owners, stored, under_way.into_iter())?;
            let inner = Inner {
                dir,
                limits,
                used: AtomicU64::new(0),
                bucket,
                fresh: Mutex::default(),
                ledger: Arc::new(ledger),
                change: Mutex::new(()),
            };
            upload::clear_abandoned(&inner)?;
            let mut used = upload::reserved(&inner)?;
            for blob in listed.iter().flatten() {
                used = used.saturating_add(blob.len);
            }
            inner.used.store(used, Ordering::Relaxed);
            Ok(Self {
                inner: Arc::new(inner),
            })
        })
        .await
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The limits given to [`open`](Self::open).
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Bytes held, those of uploads under way included.
    pub fn used(&self) -> u64 {
        self.inner.used.load(Ordering::Relaxed)
    }

    /// What the blobs stored with each token come to, by its name.
    pub fn held_by_tokens(&self) -> Vec<(String, Held)> {
        self.inner.ledger.held()
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.inner.ledger
    }

    /// Starts a blob that arrives in pieces.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn begin(&self) -> Result<Incoming, Error> {
        Incoming::begin(self.inner.clone()).await
    }

    /// Starts an outboard or a sample of `len` bytes.
    pub(crate) async fn begin_part(&self, len: u64) -> Result<Incoming, Error> {
        let mut incoming = self.begin().await?;
        incoming.reserve(len)?;
        Ok(incoming)
    }

    /// Stores `bytes`. Storing what is there already changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Quota`], [`Error::Io`].
    pub async fn put_bytes(&self, bytes: Bytes) -> Result<Root, Error> {
        self.check_len(bytes.len() as u64)?;
        let root = hash(bytes.clone()).await?;
        if self.has(&root).await? == Some(bytes.len() as u64) {
            return Ok(root);
        }
        let mut incoming = self.begin().await?;
        incoming.write(&bytes).await?;
        Ok(incoming.finish(Some(&root)).await?.root)
    }

    /// Stores a copy of the file at `path`; gives its root and length.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Quota`], [`Error::Io`].
    pub async fn put_file(&self, path: &Path) -> Result<(Root, u64), Error> {
        let mut file = tokio::fs::File::open(path)
            .await
            .map_err(Error::io("open", path))?;
        let metadata = file.metadata().await.map_err(Error::io("read", path))?;
        self.check_len(metadata.len())?;
        let mut incoming = self.begin().await?;
        incoming.reserve(metadata.len())?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let count = file
                .read(&mut buffer)
                .await
                .map_err(Error::io("read", path))?;
            if count == 0 {
                break;
            }
            incoming
                .write(buffer.get(..count).unwrap_or_default())
                .await?;
        }
        let stored = incoming.finish(None).await?;
        Ok((stored.root, stored.len))
    }

    fn check_len(&self, len: u64) -> Result<(), Error> {
        let limit = self.inner.limits.max_blob;
        if len > limit {
            return Err(Error::TooLarge { limit });
        }
        Ok(())
    }

    /// Length of a blob, `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn has(&self, root: &Root) -> Result<Option<u64>, Error> {
        if let Some(bucket) = &self.inner.bucket {
            return bucket.len(Kind::Blob, root).await;
        }
        let path = self.inner.path(root);
        match tokio::fs::metadata(&path).await {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// The whole of a blob, hashed again on the way; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when it is longer than `limit`; [`Error::Damaged`] when the disk gave
    /// other bytes: the file is then moved to `damaged/` and the blob is absent; [`Error::Io`].
    pub async fn read(&self, root: &Root, limit: u64) -> Result<Option<Bytes>, Error> {
        let Some((content, len)) = self.open_content(Kind::Blob, root).await? else {
            return Ok(None);
        };
        if len > limit {
            return Err(Error::TooLarge { limit });
        }
        let mut bytes = Vec::new();
        let room = usize::try_from(len)
            .ok()
            .filter(|room| bytes.try_reserve_exact(*room).is_ok());
        if room.is_none() {
            return Err(Error::TooLarge { limit });
        }
        match content {
            Content::File(file) => {
                let path = self.inner.path(root);
                file.take(len)
                    .read_to_end(&mut bytes)
                    .await
                    .map_err(Error::io("read", &path))?;
            }
            Content::Object(bucket, kind, root) if len > 0 => {
                let mut pieces = bucket.read(kind, &root, 0..len).await?;
                while let Some(piece) = pieces.try_next().await? {
                    bytes.extend_from_slice(&piece);
                }
            }
            Content::Object(..) => {}
        }
        let bytes = Bytes::from(bytes);
        if hash(bytes.clone()).await? == *root {
            return Ok(Some(bytes));
        }
        self.set_aside(*root).await?;
        Err(Error::Damaged { root: *root })
    }

    /// What is stored under a root, and its length.
    pub(crate) async fn open_content(
        &self,
        kind: Kind,
        root: &Root,
    ) -> Result<Option<(Content, u64)>, Error> {
        if let Some(bucket) = &self.inner.bucket {
            let len = bucket.len(kind, root).await?;
            return Ok(len.map(|len| (Content::Object(bucket.clone(), kind, *root), len)));
        }
        let opened = open(self.inner.named(kind, root)).await?;
        Ok(opened.map(|(file, len)| (Content::File(file), len)))
    }

    /// Where a blob lies, `None` when it is absent or in a bucket. The file must not be changed. Its content is
    /// not hashed again: whoever cannot trust the disk uses [`read`](Self::read).
    pub async fn path(&self, root: &Root) -> Option<PathBuf> {
        self.inner.only_local().ok()?;
        let present = self.has(root).await.ok().flatten().is_some();
        present.then(|| self.inner.path(root))
    }

    /// Removes a blob, and its outboard; `false` when it was absent.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn remove(&self, root: &Root) -> Result<bool, Error> {
        let (inner, root) = (self.inner.clone(), *root);
        blocking(move || {
            let _changing = inner.changing();
            let found = inner.remove(&root, &Kind::ALL)?;
            inner.ledger.forget(&root)?;
            Ok(found)
        })
        .await
    }

    /// A token gives up what was stored with it; the blob goes with its last token. `false` when the
    /// token did not hold it.
    pub(crate) async fn give_up(&self, root: &Root, name: &str) -> Result<bool, Error> {
        let (inner, root, name) = (self.inner.clone(), *root, name.to_owned());
        blocking(move || {
            let _changing = inner.changing();
            // What is private stays so until it is gone.
            match inner.ledger.without(&root, &name) {
                None => return Ok(false),
                Some(Left::Holders) => {}
                Some(Left::Outboard) => {
                    inner.remove(&root, &[Kind::Blob])?;
                }
                Some(Left::Nobody) => {
                    inner.remove(&root, &Kind::ALL)?;
                }
            }
            inner.ledger.strike(&root, &name)?;
            Ok(true)
        })
        .await
    }

    async fn set_aside(&self, root: Root) -> Result<(), Error> {
        let inner = self.inner.clone();
        if inner.bucket.is_some() {
            tracing::error!(root = %root_hex(&root), "the bucket gave other bytes");
            return Ok(());
        }
        blocking(move || {
            let (path, folder) = (inner.path(&root), inner.dir.join("damaged"));
            let _changing = inner.changing();
            let Ok(metadata) = std::fs::metadata(&path) else {
                return Ok(());
            };
            std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
            let aside = folder.join(root_hex(&root));
            std::fs::rename(&path, &aside).map_err(Error::io("move aside", &path))?;
            inner.forget(metadata.len());
            tracing::error!(root = %root_hex(&root), "stored blob is damaged, moved aside");
            Ok(())
        })
        .await
    }

    /// Takes in the file at `path`, whose content the caller has hashed: it must be `root`. The file
    /// is moved where that is possible, so it should lie below [`dir`](Self::dir).
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Quota`], [`Error::Io`], [`Error::OnlyLocal`]: the file then
    /// stays where it is.
    pub async fn adopt(&self, root: &Root, path: &Path) -> Result<u64, Error> {
        self.inner.only_local()?;
        let metadata = tokio::fs::metadata(path)
            .await
            .map_err(Error::io("read", path))?;
        let len = metadata.len();
        self.check_len(len)?;
        let (inner, root, from) = (self.inner.clone(), *root, path.to_owned());
        blocking(move || {
            let to = inner.path(&root);
            let file = std::fs::File::open(&from).map_err(Error::io("open", &from))?;
            file.sync_all().map_err(Error::io("sync", &from))?;
            let _changing = inner.changing();
            let old = std::fs::metadata(&to).ok().map(|old| old.len());
            if old == Some(len) {
                std::fs::remove_file(&from).map_err(Error::io("remove", &from))?;
                return Ok(len);
            }
            let mut room = incoming::Room::new(inner.clone());
            room.hold(len)?;
            let folder = to.parent().unwrap_or(&inner.dir);
            std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            std::fs::rename(&from, &to).map_err(Error::io("write", &to))?;
            incoming::sync_folder(folder)?;
            room.keep();
            inner.forget(old.unwrap_or(0));
            Ok(len)
        })
        .await
    }

    /// Notes that a blob was used now: see [`by_last_use`](Self::by_last_use). A blob that is
    /// absent stays so.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::OnlyLocal`].
    pub async fn touch(&self, root: &Root) -> Result<(), Error> {
        self.inner.only_local()?;
        let path = self.inner.path(root);
        blocking(move || {
            let file = match std::fs::File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(Error::io("open", &path)(error)),
            };
            file.set_modified(SystemTime::now())
                .map_err(Error::io("touch", &path))
        })
        .await
    }

    /// All blobs, those first that were stored or [touched](Self::touch) longest ago.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::OnlyLocal`].
    pub async fn by_last_use(&self) -> Result<Vec<Blob>, Error> {
        self.inner.only_local()?;
        let inner = self.inner.clone();
        blocking(move || {
            let mut blobs: Vec<(SystemTime, Blob)> = scan(&inner.dir.join("blobs"))?
                .into_iter()
                .filter_map(|blob| {
                    let metadata = std::fs::metadata(inner.path(&blob.root)).ok()?;
                    Some((metadata.modified().ok()?, blob))
                })
                .collect();
            blobs.sort_by_key(|(used, blob)| (*used, blob.root));
            Ok(blobs.into_iter().map(|(_, blob)| blob).collect())
        })
        .await
    }

    /// All blobs, sorted by root.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Bucket`].
    pub async fn list(&self) -> Result<Vec<Blob>, Error> {
        if let Some(bucket) = &self.inner.bucket {
            return bucket.list(Kind::Blob).await;
        }
        let blobs = self.inner.dir.join("blobs");
        blocking(move || scan(&blobs)).await
    }
}

async fn open(path: PathBuf) -> Result<Option<(tokio::fs::File, u64)>, Error> {
    let file = match tokio::fs::File::open(&path).await {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", &path)(error)),
    };
    let metadata = file.metadata().await.map_err(Error::io("read", &path))?;
    Ok(metadata.is_file().then_some((file, metadata.len())))
}

fn scan(blobs: &Path) -> Result<Vec<Blob>, Error> {
    let mut found = BTreeMap::new();
    for (root, path) in scan_names(blobs)? {
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                found.insert(root, metadata.len());
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &path)(error)),
        }
    }
    Ok(found
        .into_iter()
        .map(|(root, len)| Blob { root, len })
        .collect())
}

/// Files `<2 digits>/<64 digits>` in a folder.
fn scan_names(folder: &Path) -> Result<Vec<(Root, PathBuf)>, Error> {
    let mut found = Vec::new();
    for shard in entries(folder)? {
        if !shard.is_dir() {
            continue;
        }
        for path in entries(&shard)? {
            let root = path.file_name().and_then(OsStr::to_str).map(parse_name);
            if let Some(Ok(root)) = root {
                found.push((root, path));
            }
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(Error::io("list", folder))?;
    entries
        .map(|entry| {
            entry
                .map(|entry| entry.path())
                .map_err(Error::io("list", folder))
        })
        .collect()
}

fn clear_stale(incoming: &Path) -> Result<(), Error> {
    for path in entries(incoming)? {
        let age = std::fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .map(|changed| {
                SystemTime::now()
                    .duration_since(changed)
                    .unwrap_or_default()
            });
        if age.is_ok_and(|age| age > STALE) {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Hashes away from the reactor where it takes longer than a thread switch.
async fn hash(bytes: Bytes) -> Result<Root, Error> {
    if bytes.len() <= 256 * 1024 {
        return Ok(athanor_content_tree::root(&bytes));
    }
    blocking(move || Ok(athanor_content_tree::root(&bytes))).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::io("use", Path::new("the store"))(
            std::io::Error::other(error),
        )),
    }
}
