use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::{Groups, GROUP};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use tokio::sync::{mpsc, Notify};

use super::{Client, Tries};
use crate::{root_hex, Error, Root, Sample};

/// Bytes asked for at a time: whole groups.
const SPAN: u64 = 8 << 20;

const PART_MAGIC: &[u8] = b"athanor fetch 1 ";

/// Bytes after which the disk begins to take them while others come.
const BEHIND: u64 = 32 << 20;

/// How [`fetch`] goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// Requests at a time to each source; each holds 8 MiB.
    pub parallel: usize,
}

impl Default for FetchOptions {
    /// Three requests at a time to each source: one comes while another is checked and written.
    fn default() -> Self {
        Self { parallel: 3 }
    }
}

/// Fetches the blob `root` of `len` bytes into the file `dest` and its outboard into
/// `outboard_dest`, from several sources at a time. Every group is checked against the outboard, and
/// the outboard against the root, before either is written. What has come is kept in `<dest>.part`
/// and `<dest>.marks`, also when this fails or the process ends, and continued from there, after it
/// was checked again. No more than `len` bytes are taken, and of each answer no more than was asked
/// for.
///
/// A source that gives false bytes, has nothing, or fails too often is left, with a warning; the
/// others go on. `progress(done, total)` is told bytes of the blob.
///
/// # Errors
///
/// The last error of the last source, when none is left: as [`Client::get`], and
/// [`Error::BadContent`] for false bytes. [`Error::NoSource`] without sources; [`Error::Io`].
pub async fn fetch(
    sources: &[Client],
    root: &Root,
    len: u64,
    dest: &Path,
    outboard_dest: &Path,
    options: FetchOptions,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), Error> {
    let groups = Groups::new(len).map_err(StreamError::from)?;
    fetch_outboard(sources, root, len, outboard_dest).await?;
    if let Ok(metadata) = tokio::fs::metadata(dest).await {
        if metadata.len() == len && whole(root, groups, dest, outboard_dest).await.is_ok() {
            progress(len, len);
            return Ok(());
        }
    }
    let (part, marks) = (beside(dest, ".part"), beside(dest, ".marks"));
    let (root_, outboard_path) = (*root, outboard_dest.to_owned());
    let state = {
        let (part, marks) = (part.clone(), marks.clone());
        blocking(move || State::open(root_, groups, &part, &marks, outboard_path)).await?
    };
    let state = Arc::new(state);
    let mut done = state.done();
    progress(done, len);
    let (told, mut telling) = mpsc::unbounded_channel();
    let mut workers = tokio::task::JoinSet::new();
    for (number, client) in sources.iter().enumerate() {
        for _ in 0..options.parallel.max(1) {
            let (client, state, told) = (client.clone(), state.clone(), told.clone());
            workers.spawn(async move { work(&client, number, &state, &told).await });
        }
    }
    drop(told);
    while let Some(bytes) = telling.recv().await {
        done = done.saturating_add(bytes);
        progress(done.min(len), len);
    }
    let mut last = None;
    while let Some(ended) = workers.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => last = Some(error),
            Err(error) => last = Some(Error::io("fetch", dest)(std::io::Error::other(error))),
        }
    }
    if !state.is_complete() {
        return Err(last.unwrap_or(Error::NoSource));
    }
    let (part, dest) = (part.clone(), dest.to_owned());
    blocking(move || {
        state.sync()?;
        std::fs::rename(&part, &dest).map_err(Error::io("write", &dest))?;
        sync_folder_of(&dest);
        std::fs::remove_file(&marks).map_err(Error::io("remove", &marks))
    })
    .await
}

/// What is known of a blob on its way.
struct State {
    root: Root,
    groups: Groups,
    part: PathBuf,
    data: File,
    outboard: PathBuf,
    marks: Mutex<File>,
    queue: Mutex<Queue>,
    changed: Notify,
    /// Bytes that the disk was not asked to take yet.
    behind: AtomicU64,
    /// Held while it takes some. What it could not take is said once, and kept here.
    syncing: Mutex<Option<std::io::Error>>,
}

struct Queue {
    waiting: VecDeque<u64>,
    under_way: usize,
    done: Vec<bool>,
    /// Sources that are left.
    left: Vec<usize>,
}

impl Queue {
    fn wait_for_the_rest(&mut self) {
        let rest = (0u64..).zip(&self.done).filter(|(_, done)| !**done);
        self.waiting = rest.map(|(index, _)| index).collect();
    }
}

impl State {
    fn open(
        root: Root,
        groups: Groups,
        part: &Path,
        marks_path: &Path,
        outboard: PathBuf,
    ) -> Result<Self, Error> {
        let len = groups.content_len();
        let spans = len.div_ceil(SPAN);
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            options.open(path).map_err(Error::io("open", path))
        };
        let (data, mut marks) = (open(part)?, open(marks_path)?);
        let head = [PART_MAGIC, &root, &len.to_le_bytes()].concat();
        let mut known = Vec::new();
        let most = (head.len() as u64).saturating_add(spans);
        let reading = (&mut marks).take(most).read_to_end(&mut known);
        reading.map_err(Error::io("read", marks_path))?;
        let size = data.metadata().map_err(Error::io("read", part))?.len();
        let mut done = vec![false; usize::try_from(spans).unwrap_or(0)];
        let mut marked = false;
        match known.strip_prefix(head.as_slice()) {
            Some(marks) if size == len => {
                for (done, mark) in done.iter_mut().zip(marks) {
                    *done = *mark == 1;
                }
                marked = true;
            }
            // Nothing there, or of another blob.
            _ => {
                let failed = |error| Error::io("write", marks_path)(error);
                marks.set_len(0).map_err(failed)?;
                data.set_len(len).map_err(Error::io("write", part))?;
                marks.seek(SeekFrom::Start(0)).map_err(failed)?;
                marks.write_all(&head).map_err(failed)?;
                marks.set_len(most).map_err(failed)?;
                marks.sync_all().map_err(failed)?;
            }
        }
        let state = Self {
            root,
            groups,
            part: part.to_owned(),
            data,
            outboard,
            marks: Mutex::new(marks),
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                under_way: 0,
                done,
                left: Vec::new(),
            }),
            changed: Notify::new(),
            behind: AtomicU64::new(0),
            syncing: Mutex::new(None),
        };
        if marked {
            state.check_marked()?;
        }
        state.queue().wait_for_the_rest();
        Ok(state)
    }

    /// A mark may have outlived its bytes when the machine went down.
    fn check_marked(&self) -> Result<(), Error> {
        let failed = |error| Error::io("read", &self.part)(error);
        let count = self.queue().done.len();
        let mut bytes = Vec::new();
        for index in 0..count {
            if !self.queue().done.get(index).is_some_and(|done| *done) {
                continue;
            }
            let at = index as u64;
            let span = self.span(at);
            let size = span.end.saturating_sub(span.start);
            bytes.clear();
            let mut data = &self.data;
            data.seek(SeekFrom::Start(span.start)).map_err(failed)?;
            data.take(size).read_to_end(&mut bytes).map_err(failed)?;
            match self.check(at, &mut bytes) {
                Ok(()) => {}
                Err(Error::BadContent(_)) => {
                    if let Some(done) = self.queue().done.get_mut(index) {
                        *done = false;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn span(&self, index: u64) -> Range<u64> {
        let len = self.groups.content_len();
        let start = index.saturating_mul(SPAN).min(len);
        start..start.saturating_add(SPAN).min(len)
    }

    fn done(&self) -> u64 {
        let queue = self.queue();
        let spans = (0u64..).zip(&queue.done).filter(|(_, done)| **done);
        spans.fold(0, |sum, (index, _)| {
            let span = self.span(index);
            sum.saturating_add(span.end.saturating_sub(span.start))
        })
    }

    fn is_complete(&self) -> bool {
        self.queue().done.iter().all(|done| *done)
    }

    /// The next span for a source; `None` when there is none left for it.
    async fn next(&self, source: usize) -> Option<u64> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on nothing is missed.
            changed.as_mut().enable();
            {
                let mut queue = self.queue();
                if queue.left.contains(&source) {
                    return None;
                }
                if let Some(index) = queue.waiting.pop_front() {
                    queue.under_way = queue.under_way.saturating_add(1);
                    return Some(index);
                }
                // What others have under way may come back.
                if queue.under_way == 0 {
                    return None;
                }
            }
            changed.await;
        }
    }

    fn ended(&self, index: u64, stored: bool) {
        let mut queue = self.queue();
        queue.under_way = queue.under_way.saturating_sub(1);
        if stored {
            let at = usize::try_from(index).unwrap_or(usize::MAX);
            if let Some(done) = queue.done.get_mut(at) {
                *done = true;
            }
        } else {
            queue.waiting.push_front(index);
        }
        drop(queue);
        self.changed.notify_waiters();
    }

    /// Whether this is the first to leave it.
    fn leave(&self, source: usize) -> bool {
        let mut queue = self.queue();
        let first = !queue.left.contains(&source);
        if first {
            queue.left.push(source);
        }
        drop(queue);
        self.changed.notify_waiters();
        first
    }

    fn check(&self, index: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let span = self.span(index);
        let group = GROUP as u64;
        let range = span.start / group..span.end.div_ceil(group);
        let path = &self.outboard;
        let outboard = File::open(path).map_err(Error::io("open", path))?;
        let len = self.groups.content_len();
        Ok(stream::verify_bytes(
            &self.root, len, range, outboard, bytes,
        )?)
    }

    /// Checks the bytes of a span and writes them.
    fn store(&self, index: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.check(index, bytes)?;
        let mut sink = At {
            file: &self.data,
            at: self.span(index).start,
        };
        sink.write_all(bytes)
            .map_err(Error::io("write", &self.part))?;
        let head = (PART_MAGIC.len() as u64).saturating_add(40);
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks
            .seek(SeekFrom::Start(head.saturating_add(index)))
            .and_then(|_| marks.write_all(&[1]))
            .map_err(Error::io("write", &self.part))
    }

    /// Has the disk take what came, beside what comes, so that little is left for the end.
    fn write_behind(self: &Arc<Self>, bytes: u64) {
        let behind = self.behind.fetch_add(bytes, Ordering::Relaxed);
        if behind.saturating_add(bytes) < BEHIND {
            return;
        }
        let state = self.clone();
        drop(tokio::task::spawn_blocking(move || {
            let Ok(mut failed) = state.syncing.try_lock() else {
                return;
            };
            state.behind.store(0, Ordering::Relaxed);
            if let Err(error) = state.data.sync_data() {
                failed.get_or_insert(error);
            }
        }));
    }

    fn sync(&self) -> Result<(), Error> {
        let mut failed = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        match failed.take() {
            Some(error) => Err(error),
            None => self.data.sync_all(),
        }
        .map_err(Error::io("sync", &self.part))
    }
}

/// Writes to a place of a file that others write to elsewhere.
struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Write for At<'_> {
    #[cfg(unix)]
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = std::os::unix::fs::FileExt::write_at(self.file, bytes, self.at)?;
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }

    #[cfg(windows)]
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = std::os::windows::fs::FileExt::seek_write(self.file, bytes, self.at)?;
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn work(
    client: &Client,
    source: usize,
    state: &Arc<State>,
    told: &mpsc::UnboundedSender<u64>,
) -> Result<(), Error> {
    let mut tries = Tries::new(&client.options);
    // One room for all: fresh pages cost as much as the check.
    let mut room = Vec::new();
    while let Some(index) = state.next(source).await {
        let span = state.span(index);
        let size = span.end.saturating_sub(span.start);
        let mut bytes = std::mem::take(&mut room);
        let got = async {
            let len = state.groups.content_len();
            client
                .range(&state.root, "blobs", span, len, &mut bytes)
                .await?;
            let state = state.clone();
            blocking(move || {
                state.store(index, &mut bytes)?;
                Ok(bytes)
            })
            .await
        };
        let got = got.await;
        state.ended(index, got.is_ok());
        match got {
            Ok(bytes) => {
                room = bytes;
                state.write_behind(size);
                tries = Tries::new(&client.options);
                // Nobody to tell: then the fetch was dropped.
                let _ = told.send(size);
            }
            Err(error) => {
                if !tries.again(&error, 0).await {
                    if state.leave(source) {
                        tracing::warn!(%error, source = client.base(), "a source is left");
                    }
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

impl Client {
    /// Exactly the bytes `span` of an object of `len` bytes, in place of what is in `bytes`.
    async fn range(
        &self,
        root: &Root,
        kind: &str,
        span: Range<u64>,
        len: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let bad = |why| Error::BadAnswer {
            url: self.url(),
            why,
        };
        let size = span.end.saturating_sub(span.start);
        let last = span.end.saturating_sub(1);
        let request = self
            .read_request(Method::GET, &format!("{kind}/{}", root_hex(root)))?
            .header(RANGE, format!("bytes={}-{last}", span.start));
        let mut response = self.send(request, self.options.idle).await?;
        let whole = span.start == 0 && span.end == len;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let expected = format!("bytes {}-{last}/{len}", span.start);
                let given = response.headers().get(CONTENT_RANGE);
                if given.is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
                    return Err(bad("it sends another range than was asked for"));
                }
            }
            StatusCode::OK if whole => {}
            StatusCode::OK => return Err(bad("it does not send ranges")),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                return Err(bad("what it has is shorter than the blob"))
            }
            status if status.is_success() => return Err(bad("an unexpected kind of success")),
            _ => return Err(self.refusal(root, response).await),
        }
        let most = usize::try_from(size).unwrap_or(usize::MAX);
        bytes.clear();
        bytes
            .try_reserve_exact(most)
            .map_err(|_| Error::TooLarge { limit: size })?;
        let pace = self.pace();
        loop {
            let done = bytes.len() as u64;
            let piece = match pace.next(done, response.chunk()).await {
                Err(_) => return Err(self.slow(done)),
                Ok(piece) => piece.map_err(|source| self.transport(source))?,
            };
            let Some(piece) = piece else { break };
            if piece.len() > most.saturating_sub(bytes.len()) {
                return Err(bad("it sends more than was asked for"));
            }
            bytes.extend_from_slice(&piece);
        }
        let done = bytes.len() as u64;
        if done < size {
            return Err(Error::Cut {
                url: self.url(),
                done,
                total: size,
            });
        }
        Ok(())
    }
}

/// Fetches the outboard of the blob `root` of `len` bytes into the file `dest`, from the first source
/// that has the right one, and checks it node by node. What has come is kept in `<dest>.part` and
/// continued from there; a right `dest` is left as it is.
///
/// # Errors
///
/// As [`fetch`].
pub async fn fetch_outboard(
    sources: &[Client],
    root: &Root,
    len: u64,
    dest: &Path,
) -> Result<(), Error> {
    let groups = Groups::new(len).map_err(StreamError::from)?;
    let root = *root;
    let object = Object {
        kind: "outboards",
        name: root,
        len: groups.outboard_len(),
    };
    let check = move |file: File| Ok(stream::check_outboard(&root, len, file)?);
    object.fetch(sources, dest, check).await
}

/// Fetches a listing's [`Sample`] into the file `dest`, from the first source that has the right one,
/// and checks it group by group. What has come is kept in `<dest>.part` and continued from there; a
/// right `dest` is left as it is.
///
/// # Errors
///
/// As [`fetch`].
pub async fn fetch_sample(sources: &[Client], sample: &Sample, dest: &Path) -> Result<(), Error> {
    let indices = sample.indices()?;
    let object = Object {
        kind: "samples",
        name: sample.seed,
        len: stream::sample_len(sample.len, &indices)?,
    };
    let sample = *sample;
    let check = move |file: File| sample.check(&indices, file);
    object.fetch(sources, dest, check).await
}

/// A small thing that is fetched into a file and then checked.
struct Object {
    kind: &'static str,
    name: Root,
    len: u64,
}

impl Object {
    async fn fetch(
        &self,
        sources: &[Client],
        dest: &Path,
        check: impl Fn(File) -> Result<(), Error> + Clone + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let checked = |path: PathBuf| {
            let check = check.clone();
            blocking(move || check(File::open(&path).map_err(Error::io("open", &path))?))
        };
        let present = tokio::fs::try_exists(dest).await.unwrap_or(false);
        if present && checked(dest.to_owned()).await.is_ok() {
            return Ok(());
        }
        if self.len == 0 {
            return tokio::fs::write(dest, [])
                .await
                .map_err(Error::io("write", dest));
        }
        let part = beside(dest, ".part");
        let mut last = Error::NoSource;
        for client in sources {
            let mut tries = Tries::new(&client.options);
            loop {
                let got = async {
                    client.object_to(self, &part).await?;
                    checked(part.clone()).await
                };
                match got.await {
                    Ok(()) => {
                        let (part, dest) = (part.clone(), dest.to_owned());
                        return blocking(move || {
                            std::fs::rename(&part, &dest).map_err(Error::io("write", &dest))?;
                            sync_folder_of(&dest);
                            Ok(())
                        })
                        .await;
                    }
                    Err(error) => {
                        // False bytes shall not be gone on with.
                        if matches!(error, Error::BadContent(_)) {
                            remove(&part).await?;
                        }
                        if !tries.again(&error, 0).await {
                            let kind = self.kind;
                            tracing::warn!(%error, kind, source = client.base(), "a source is left");
                            last = error;
                            break;
                        }
                    }
                }
            }
        }
        Err(last)
    }
}

impl Client {
    /// Goes on with an object in `path`, in spans.
    async fn object_to(&self, object: &Object, path: &Path) -> Result<(), Error> {
        let len = object.len;
        let mut at = match tokio::fs::metadata(path).await {
            Ok(metadata) => metadata.len().min(len),
            Err(_) => 0,
        };
        while at < len {
            let end = at.saturating_add(SPAN).min(len);
            let mut bytes = Vec::new();
            self.range(&object.name, object.kind, at..end, len, &mut bytes)
                .await?;
            let path = path.to_owned();
            blocking(move || {
                let mut options = OpenOptions::new();
                let file = options.create(true).truncate(false).write(true).open(&path);
                let file = file.map_err(Error::io("open", &path))?;
                let failed = |error| Error::io("write", &path)(error);
                file.set_len(at).map_err(failed)?;
                At { file: &file, at }.write_all(&bytes).map_err(failed)?;
                file.sync_all().map_err(failed)
            })
            .await?;
            at = end;
        }
        Ok(())
    }
}

/// Checks a file that was there before.
async fn whole(root: &Root, groups: Groups, path: &Path, outboard: &Path) -> Result<(), Error> {
    let (root, path, outboard) = (*root, path.to_owned(), outboard.to_owned());
    blocking(move || {
        let blob = File::open(&path).map_err(Error::io("open", &path))?;
        let nodes = File::open(&outboard).map_err(Error::io("open", &outboard))?;
        let len = groups.content_len();
        Ok(stream::verify(&root, len, nodes, blob, std::io::sink())?)
    })
    .await
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

async fn remove(path: &Path) -> Result<(), Error> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Where a folder cannot be opened, the system gives no stronger promise.
fn sync_folder_of(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        if let Err(error) = folder.sync_all() {
            tracing::debug!(%error, "a folder cannot be synced");
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::io("use", Path::new("the download"))(
            std::io::Error::other(error),
        )),
    }
}
