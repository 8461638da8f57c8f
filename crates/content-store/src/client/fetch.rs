use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::{Groups, GROUP};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use tokio::sync::{mpsc, Notify};

use super::{Client, Tries};
use crate::{root_hex, Error, Root};

/// Bytes asked for at a time: whole groups.
const SPAN: u64 = 8 << 20;

const PART_MAGIC: &[u8] = b"athanor fetch 1 ";

/// How [`fetch`] goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// Requests at a time to each source; each holds 8 MiB.
    pub parallel: usize,
}

impl Default for FetchOptions {
    /// Two requests at a time to each source.
    fn default() -> Self {
        Self { parallel: 2 }
    }
}

/// Fetches the blob `root` of `len` bytes into the file `dest` and its outboard into
/// `outboard_dest`, from several sources at a time. Every group is checked against the outboard, and
/// the outboard against the root, before either is written. What has come is kept in `<dest>.part`
/// and `<dest>.marks`, also when this fails or the process ends, and continued from there. No more
/// than `len` bytes are taken, and of each answer no more than was asked for.
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
        state.data.sync_all().map_err(Error::io("sync", &part))?;
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
}

struct Queue {
    waiting: VecDeque<u64>,
    under_way: usize,
    done: Vec<bool>,
    /// Sources that are left.
    left: Vec<usize>,
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
        match known.strip_prefix(head.as_slice()) {
            Some(marks) if size == len => {
                for (done, mark) in done.iter_mut().zip(marks) {
                    *done = *mark == 1;
                }
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
        let waiting = (0u64..)
            .zip(&done)
            .filter(|(_, done)| !**done)
            .map(|(index, _)| index)
            .collect();
        Ok(Self {
            root,
            groups,
            part: part.to_owned(),
            data,
            outboard,
            marks: Mutex::new(marks),
            queue: Mutex::new(Queue {
                waiting,
                under_way: 0,
                done,
                left: Vec::new(),
            }),
            changed: Notify::new(),
        })
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

    /// Checks the bytes of a span and writes them.
    fn store(&self, index: u64, bytes: &[u8]) -> Result<(), Error> {
        let span = self.span(index);
        let group = GROUP as u64;
        let range = span.start / group..span.end.div_ceil(group);
        let path = &self.outboard;
        let outboard = File::open(path).map_err(Error::io("open", path))?;
        let sink = At {
            file: &self.data,
            at: span.start,
        };
        let len = self.groups.content_len();
        stream::verify_range(&self.root, len, range, outboard, bytes, sink)?;
        // The mark must not outlive the bytes.
        self.data
            .sync_data()
            .map_err(Error::io("sync", &self.part))?;
        let head = (PART_MAGIC.len() as u64).saturating_add(40);
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks
            .seek(SeekFrom::Start(head.saturating_add(index)))
            .and_then(|_| marks.write_all(&[1]))
            .map_err(Error::io("write", &self.part))
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
    while let Some(index) = state.next(source).await {
        let span = state.span(index);
        let size = span.end.saturating_sub(span.start);
        let got = async {
            let bytes = client
                .range(&state.root, "blobs", span, state.groups.content_len())
                .await?;
            let state = state.clone();
            blocking(move || state.store(index, &bytes)).await
        };
        let got = got.await;
        state.ended(index, got.is_ok());
        match got {
            Ok(()) => {
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
    /// Exactly the bytes `span` of an object of `len` bytes.
    async fn range(
        &self,
        root: &Root,
        kind: &str,
        span: Range<u64>,
        len: u64,
    ) -> Result<Vec<u8>, Error> {
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
        let mut bytes = Vec::new();
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
        Ok(bytes)
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
    let checked = |path: PathBuf| {
        let (root, len) = (*root, groups.content_len());
        blocking(move || {
            let file = File::open(&path).map_err(Error::io("open", &path))?;
            Ok(stream::check_outboard(&root, len, file)?)
        })
    };
    if tokio::fs::try_exists(dest).await.unwrap_or(false) && checked(dest.to_owned()).await.is_ok()
    {
        return Ok(());
    }
    if groups.outboard_len() == 0 {
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
                client.outboard_to(root, groups, &part).await?;
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
                        tracing::warn!(%error, source = client.base(), "no outboard from a source");
                        last = error;
                        break;
                    }
                }
            }
        }
    }
    Err(last)
}

impl Client {
    /// Goes on with the outboard in `path`, in spans.
    async fn outboard_to(&self, root: &Root, groups: Groups, path: &Path) -> Result<(), Error> {
        let len = groups.outboard_len();
        let mut at = match tokio::fs::metadata(path).await {
            Ok(metadata) => metadata.len().min(len),
            Err(_) => 0,
        };
        while at < len {
            let end = at.saturating_add(SPAN).min(len);
            let bytes = self.range(root, "outboards", at..end, len).await?;
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
