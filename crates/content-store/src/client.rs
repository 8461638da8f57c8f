mod address;
mod download;
mod fetch;
mod parts;
mod source;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue, AUTHORIZATION, CONTENT_LENGTH};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use tokio::time::Instant;

use crate::pace::Pace;
use crate::{root_hex, Error, Root, Sample, Store};

use address::PublicOnly;
use download::{FileTarget, Memory, Target, Uploading};
pub use fetch::{fetch, fetch_outboard, fetch_sample, FetchOptions};
pub use source::Source;

/// Patience of a [`Client`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// Longest time to open a connection.
    pub connect: Duration,
    /// Longest time without a byte, in either direction.
    pub idle: Duration,
    /// Longest time a store may take to answer after it has all of an upload: it syncs its disk.
    pub answer: Duration,
    /// Least average speed in bytes per second, after one idle time of grace.
    pub min_speed: u64,
    /// Most attempts that bring nothing; one that brings a mebibyte starts the count anew.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles up to 32 times this.
    pub pause: Duration,
    /// Refuse private, loopback and link-local addresses, after resolution: for addresses that
    /// strangers have written. No proxy is used then.
    pub public_only: bool,
    /// Most redirects of a read, each looked at as the first address is: to `http` or `https` only,
    /// never from `https` to `http`. Writes are never redirected.
    pub redirects: usize,
    /// Send the token with reads too, for private blobs; a redirect elsewhere does not get it.
    pub private: bool,
}

impl Default for ClientOptions {
    /// 10 s to connect, 30 s without a byte, 120 s for an answer, 1 KiB/s, 5 attempts, 200 ms, any
    /// address, no redirects, no token with reads.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            answer: Duration::from_secs(120),
            min_speed: 1024,
            attempts: 5,
            pause: Duration::from_millis(200),
            public_only: false,
            redirects: 0,
            private: false,
        }
    }
}

impl ClientOptions {
    /// For addresses that strangers have written: public ones only, unless `allow_private`, and two
    /// redirects.
    pub fn of_strangers(allow_private: bool) -> Self {
        Self {
            public_only: !allow_private,
            redirects: 2,
            ..Self::default()
        }
    }
}

/// Client of one content store. Clones share connections.
///
/// What it hands out has been hashed: a store can withhold a blob, but cannot give a false one.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// For reads, which may be redirected.
    reading: reqwest::Client,
    base: Url,
    token: Option<HeaderValue>,
    options: ClientOptions,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("options", &self.options)
            .finish()
    }
}

impl Client {
    /// A client of the store at `base`, for instance `http://127.0.0.1:9955`, whose blobs are at
    /// `<base>/blobs/<root>`. `token` goes with writes only. A redirect is an error: the store does
    /// not choose who is asked. Both can be changed: see [`ClientOptions`].
    ///
    /// # Errors
    ///
    /// [`Error::BadUrl`] unless `base` is an `http` or `https` URL without user, query and
    /// fragment, or if it names an address that [`ClientOptions::public_only`] refuses;
    /// [`Error::BadToken`].
    pub fn new(base: &str, token: Option<String>) -> Result<Self, Error> {
        Self::with_options(base, token, ClientOptions::default())
    }

    /// The same with other patience.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_options(
        base: &str,
        token: Option<String>,
        options: ClientOptions,
    ) -> Result<Self, Error> {
        let base = base_url(base)?;
        let token = token.map(bearer).transpose()?;
        // What is no name is not resolved.
        if options.public_only && literal(&base).is_some_and(|ip| !address::is_public(ip)) {
            return Err(Error::BadUrl {
                url: base.to_string(),
                why: "it is no public address".to_owned(),
            });
        }
        let build = |policy| {
            let mut builder = reqwest::Client::builder()
                .connect_timeout(options.connect)
                .redirect(policy)
                .referer(false)
                .user_agent(concat!("athanor-content-store/", env!("CARGO_PKG_VERSION")));
            if options.public_only {
                builder = builder.dns_resolver(Arc::new(PublicOnly)).no_proxy();
            } else if is_loopback(&base) {
                builder = builder.no_proxy();
            }
            builder.build().map_err(|source| Error::Transport {
                url: base.to_string(),
                source,
            })
        };
        let http = build(Policy::none())?;
        let reading = match options.redirects {
            0 => http.clone(),
            most => build(redirects(most, options.public_only))?,
        };
        Ok(Self {
            http,
            reading,
            base,
            token,
            options,
        })
    }

    /// The address given, with a slash at its end.
    pub fn base(&self) -> &str {
        self.base.as_str()
    }

    fn url(&self) -> String {
        self.base.to_string()
    }

    fn request(&self, method: Method, root: &Root) -> Result<RequestBuilder, Error> {
        self.request_at(method, &format!("blobs/{}", root_hex(root)))
    }

    fn request_at(&self, method: Method, path: &str) -> Result<RequestBuilder, Error> {
        Ok(self.http.request(method, self.url_of(path)?))
    }

    fn read_request(&self, method: Method, path: &str) -> Result<RequestBuilder, Error> {
        let request = self.reading.request(method, self.url_of(path)?);
        Ok(match &self.token {
            Some(token) if self.options.private => request.header(AUTHORIZATION, token.clone()),
            _ => request,
        })
    }

    fn url_of(&self, path: &str) -> Result<Url, Error> {
        self.base.join(path).map_err(|error| Error::BadUrl {
            url: self.url(),
            why: error.to_string(),
        })
    }

    fn pace(&self) -> Pace {
        Pace::new(self.options.idle, self.options.min_speed)
    }

    fn transport(&self, source: reqwest::Error) -> Error {
        // The URL is named by the error already.
        Error::Transport {
            url: self.url(),
            source: source.without_url(),
        }
    }

    fn slow(&self, done: u64) -> Error {
        Error::TooSlow {
            url: self.url(),
            done,
        }
    }

    async fn send(&self, request: RequestBuilder, patience: Duration) -> Result<Response, Error> {
        match tokio::time::timeout(patience, request.send()).await {
            Err(_) => Err(self.slow(0)),
            Ok(sent) => sent.map_err(|source| self.transport(source)),
        }
    }

    /// The error of an answer that is no success.
    async fn refusal(&self, root: &Root, mut response: Response) -> Error {
        let (url, status) = (self.url(), response.status());
        match status {
            StatusCode::NOT_FOUND => return Error::NotFound { root: *root, url },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Error::Unauthorised { url },
            _ => {}
        }
        let mut said = Vec::new();
        let reading = async {
            while let Ok(Some(piece)) = response.chunk().await {
                said.extend_from_slice(piece.get(..300.min(piece.len())).unwrap_or_default());
                if said.len() >= 300 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), reading).await;
        said.truncate(300);
        let message = String::from_utf8_lossy(&said);
        let message = message.trim().replace(|c: char| c.is_control(), " ");
        Error::Refused {
            url,
            status: status.as_u16(),
            message,
        }
    }

    /// Length of a blob, `None` when the store lacks it.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`], [`Error::TooSlow`], [`Error::Refused`], [`Error::BadAnswer`].
    pub async fn head(&self, root: &Root) -> Result<Option<u64>, Error> {
        self.head_of("blobs", root).await
    }

    /// Length of the outboard under a root, `None` when the store lacks it.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub async fn head_outboard(&self, root: &Root) -> Result<Option<u64>, Error> {
        self.head_of("outboards", root).await
    }

    /// Length of the sample under a seed, `None` when the store lacks it.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub async fn head_sample(&self, seed: &Root) -> Result<Option<u64>, Error> {
        self.head_of("samples", seed).await
    }

    async fn head_of(&self, kind: &str, root: &Root) -> Result<Option<u64>, Error> {
        let mut tries = Tries::new(&self.options);
        loop {
            match self.head_once(kind, root).await {
                Err(error) if tries.again(&error, 0).await => {}
                answer => return answer,
            }
        }
    }

    async fn head_once(&self, kind: &str, root: &Root) -> Result<Option<u64>, Error> {
        let path = format!("{kind}/{}", root_hex(root));
        let request = self.read_request(Method::HEAD, &path)?;
        let response = self.send(request, self.options.idle).await?;
        match response.status() {
            StatusCode::OK => {
                content_length(response.headers())
                    .map(Some)
                    .ok_or_else(|| Error::BadAnswer {
                        url: self.url(),
                        why: "it does not tell the blob's length",
                    })
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refusal(root, response).await),
        }
    }

    /// Stores a blob whose root is known. Nothing is sent when the store has it already.
    /// `progress(done, total)` is told bytes.
    ///
    /// # Errors
    ///
    /// [`Error::RootMismatch`] when the bytes have another root: nothing is sent then;
    /// [`Error::Unauthorised`]; [`Error::Refused`] with status 413 when the blob is too large for
    /// the store and 507 when the store is full; [`Error::Io`], [`Error::Transport`],
    /// [`Error::TooSlow`].
    pub async fn put(
        &self,
        root: &Root,
        source: impl Into<Source>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let source = source.into();
        let total = source.size().await?;
        let actual = source.root().await?;
        if actual != *root {
            return Err(Error::RootMismatch {
                expected: *root,
                actual,
            });
        }
        progress(0, total);
        if self.head(root).await? == Some(total) {
            progress(total, total);
            return Ok(());
        }
        let mut tries = Tries::new(&self.options);
        loop {
            match self.put_once(root, &source, total, &mut progress).await {
                Err(error) if tries.again(&error, 0).await => {}
                answer => return answer,
            }
        }
    }

    /// Stores the outboard alone of a blob of `len` bytes that stays elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthorised`]; [`Error::Refused`] with status 422 when it is not the outboard of that
    /// blob, 413, 507; [`Error::Io`], [`Error::Transport`], [`Error::TooSlow`].
    pub async fn put_outboard(
        &self,
        root: &Root,
        len: u64,
        source: impl Into<Source>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let path = format!("outboards/{}/{len}", root_hex(root));
        let source = source.into();
        self.put_checked(root, &path, &source, &mut progress).await
    }

    /// Stores the sample of a listing.
    ///
    /// # Errors
    ///
    /// As [`put_outboard`](Self::put_outboard); status 422 when it is not that sample.
    pub async fn put_sample(
        &self,
        sample: &Sample,
        source: impl Into<Source>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let (seed, root) = (root_hex(&sample.seed), root_hex(&sample.root));
        let path = format!("samples/{seed}/{root}/{}/{}", sample.len, sample.groups);
        let source = source.into();
        self.put_checked(&sample.seed, &path, &source, &mut progress)
            .await
    }

    async fn put_checked(
        &self,
        name: &Root,
        path: &str,
        source: &Source,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let total = source.size().await?;
        let mut tries = Tries::new(&self.options);
        loop {
            let sent = self.put_at(name, path, source, total, progress);
            match sent.await {
                Err(error) if tries.again(&error, 0).await => {}
                answer => return answer,
            }
        }
    }

    /// Gives up a blob that was stored with this client's token: it goes with its last token. `false`
    /// when the token does not hold it.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthorised`], [`Error::Transport`], [`Error::TooSlow`], [`Error::Refused`].
    pub async fn give_up(&self, root: &Root) -> Result<bool, Error> {
        let mut request = self.request(Method::DELETE, root)?;
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        let response = self.send(request, self.options.answer).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.refusal(root, response).await),
        }
    }

    async fn put_once(
        &self,
        root: &Root,
        source: &Source,
        total: u64,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let path = format!("blobs/{}", root_hex(root));
        self.put_at(root, &path, source, total, progress).await
    }

    async fn put_at(
        &self,
        root: &Root,
        path: &str,
        source: &Source,
        total: u64,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let (body, sent) = source.body().await?;
        let mut request = self
            .request_at(Method::PUT, path)?
            .header(CONTENT_LENGTH, total)
            .body(body);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        let response = self.send_body(request, sent, total, progress).await?;
        match response.status() {
            StatusCode::OK | StatusCode::CREATED => {
                progress(total, total);
                Ok(())
            }
            _ => Err(self.refusal(root, response).await),
        }
    }

    /// Sends a body of `total` bytes, of which `sent` counts those taken, and waits for the answer.
    async fn send_body(
        &self,
        request: RequestBuilder,
        sent: Arc<AtomicU64>,
        total: u64,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<Response, Error> {
        let answer = request.send();
        tokio::pin!(answer);
        let pace = self.pace();
        let deadline_after = |done| {
            if done < total {
                pace.deadline(done)
            } else {
                Instant::now() + self.options.answer
            }
        };
        let mut done = 0;
        let mut deadline = deadline_after(done);
        let mut tick = tokio::time::interval(Duration::from_millis(100).min(self.options.idle));
        loop {
            tokio::select! {
                response = &mut answer => {
                    return response.map_err(|source| self.transport(source));
                }
                _ = tick.tick() => {
                    let now = sent.load(Ordering::Relaxed);
                    if now != done {
                        done = now;
                        progress(done, total);
                        deadline = deadline_after(done);
                    }
                    if Instant::now() >= deadline {
                        return Err(self.slow(done));
                    }
                }
            }
        }
    }

    /// Fetches a blob into memory and checks it. With `expected_len` known, any other length is
    /// refused at the store's first word of it. A broken connection is resumed.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::TooLarge`] above `limit`, [`Error::LengthMismatch`],
    /// [`Error::RootMismatch`], [`Error::Refused`], [`Error::BadAnswer`], and when attempts run
    /// out [`Error::Transport`], [`Error::Cut`] or [`Error::TooSlow`].
    pub async fn get(
        &self,
        root: &Root,
        expected_len: Option<u64>,
        limit: u64,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Bytes, Error> {
        let mut target = Memory::default();
        self.download(root, expected_len, limit, &mut target, &mut progress)
            .await?;
        Ok(target.into_bytes())
    }

    /// Fetches a blob into the file `dest` and checks it; gives its length. What has come is kept
    /// in `<dest>.part`, also when this fails or the process ends, and continued from there. A
    /// `dest` that has the right content already is left as it is.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`Error::Io`].
    pub async fn get_to_file(
        &self,
        root: &Root,
        dest: &Path,
        limit: u64,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, Error> {
        if let Some(len) = download::already(root, dest, limit).await? {
            progress(len, len);
            return Ok(len);
        }
        let mut target = FileTarget::open(dest, limit).await?;
        let fetched = self
            .download(root, None, limit, &mut target, &mut progress)
            .await;
        let keep = match &fetched {
            Ok(_) => true,
            // The bytes are worthless.
            Err(Error::RootMismatch { .. }) => false,
            Err(_) => target.done() > 0,
        };
        target.close(keep).await?;
        fetched?;
        target.rename(dest).await
    }

    /// Fetches a blob into `store` and checks it; gives its length. Nothing is fetched when the
    /// store has it. With `expected_len` known, any other length is refused.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`Error::Quota`] and [`Error::Io`] of the store.
    pub async fn get_to_store(
        &self,
        root: &Root,
        store: &Store,
        expected_len: Option<u64>,
        limit: u64,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, Error> {
        if let Some(actual) = store.has(root).await? {
            return match expected_len {
                Some(expected) if expected != actual => {
                    Err(Error::LengthMismatch { expected, actual })
                }
                _ => Ok(actual),
            };
        }
        let mut target = Uploading::begin(store).await?;
        self.download(root, expected_len, limit, &mut target, &mut progress)
            .await?;
        target.finish(root).await
    }

    async fn download<T: Target>(
        &self,
        root: &Root,
        expected_len: Option<u64>,
        limit: u64,
        target: &mut T,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let mut tries = Tries::new(&self.options);
        let mut inherited = target.done() > 0;
        loop {
            let before = target.done();
            match self
                .download_once(root, expected_len, limit, target, progress)
                .await
            {
                Ok(()) => {
                    let actual = target.root();
                    if actual == *root {
                        return Ok(());
                    }
                    if !inherited {
                        return Err(Error::RootMismatch {
                            expected: *root,
                            actual,
                        });
                    }
                    // What an earlier run left may be at fault: once more from the start.
                    inherited = false;
                    target.restart().await?;
                }
                Err(error) => {
                    let gained = target.done().saturating_sub(before);
                    if !tries.again(&error, gained).await {
                        return Err(error);
                    }
                    tracing::debug!(%error, done = target.done(), "transfer goes on");
                }
            }
        }
    }

    async fn download_once<T: Target>(
        &self,
        root: &Root,
        expected_len: Option<u64>,
        limit: u64,
        target: &mut T,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let from = target.done();
        let path = format!("blobs/{}", root_hex(root));
        let mut request = self.read_request(Method::GET, &path)?;
        if from > 0 {
            request = request.header(reqwest::header::RANGE, format!("bytes={from}-"));
        }
        let mut response = self.send(request, self.options.idle).await?;
        let bad = |why| Error::BadAnswer {
            url: self.url(),
            why,
        };
        let total = match response.status() {
            StatusCode::OK => {
                if from > 0 {
                    target.restart().await?;
                }
                content_length(response.headers())
            }
            StatusCode::PARTIAL_CONTENT if from > 0 => {
                let total = download::content_range(response.headers(), from);
                Some(total.ok_or_else(|| bad("it sends another range than was asked for"))?)
            }
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                let total = download::unsatisfied_range(response.headers());
                if total != Some(from) {
                    target.restart().await?;
                    return Err(Error::Cut {
                        url: self.url(),
                        done: 0,
                        total: total.unwrap_or(0),
                    });
                }
                total
            }
            status if status.is_success() => return Err(bad("an unexpected kind of success")),
            _ => return Err(self.refusal(root, response).await),
        };
        if let Some(actual) = total {
            check_len(actual, expected_len, limit)?;
        }
        let nothing_more = response.status() == StatusCode::RANGE_NOT_SATISFIABLE;
        let most = total.or(expected_len).unwrap_or(limit);
        let shown = total.or(expected_len).unwrap_or(0);
        let pace = self.pace();
        let begun = target.done();
        progress(begun, shown.max(begun));
        loop {
            if nothing_more {
                break;
            }
            let done = target.done();
            let piece = match pace
                .next(done.saturating_sub(begun), response.chunk())
                .await
            {
                Err(_) => return Err(self.slow(done)),
                Ok(piece) => piece.map_err(|source| self.transport(source))?,
            };
            let Some(piece) = piece else { break };
            let now = done.saturating_add(piece.len() as u64);
            if now > most {
                return Err(match expected_len {
                    Some(expected) if now > expected => Error::LengthMismatch {
                        expected,
                        actual: now,
                    },
                    _ if now > limit => Error::TooLarge { limit },
                    _ => bad("it sends more than it announced"),
                });
            }
            target.append(&piece).await?;
            progress(now, shown.max(now));
        }
        let done = target.done();
        match total {
            Some(total) if done < total => Err(Error::Cut {
                url: self.url(),
                done,
                total,
            }),
            _ => check_len(done, expected_len, limit),
        }
    }
}

fn check_len(actual: u64, expected: Option<u64>, limit: u64) -> Result<(), Error> {
    if let Some(expected) = expected.filter(|expected| *expected != actual) {
        return Err(Error::LengthMismatch { expected, actual });
    }
    if actual > limit {
        return Err(Error::TooLarge { limit });
    }
    Ok(())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn base_url(text: &str) -> Result<Url, Error> {
    let bad = |why: &str| Error::BadUrl {
        url: text.to_owned(),
        why: why.to_owned(),
    };
    let mut url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad("it does not start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::BadUrl {
            // It may hold a secret.
            url: "…".to_owned(),
            why: "it names a user; use a token instead".to_owned(),
        });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it has a query or a fragment"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn bearer(token: String) -> Result<HeaderValue, Error> {
    if token.is_empty() || token.trim() != token {
        return Err(Error::BadToken);
    }
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Error::BadToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Follows at most so many redirects; names are looked at when they are resolved.
fn redirects(most: usize, public_only: bool) -> Policy {
    Policy::custom(move |attempt| {
        let next = attempt.url();
        let before = attempt.previous().last();
        let why = if attempt.previous().len() > most {
            "it redirects too often"
        } else if !matches!(next.scheme(), "http" | "https") {
            "it redirects to what is neither http nor https"
        } else if next.scheme() == "http" && before.is_some_and(|url| url.scheme() == "https") {
            "it redirects from https to http"
        } else if public_only && literal(next).is_some_and(|ip| !address::is_public(ip)) {
            "it redirects to no public address"
        } else {
            return attempt.follow();
        };
        attempt.error(why)
    })
}

/// The address, where the URL has no name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str().unwrap_or_default();
    host.trim_matches(['[', ']']).parse().ok()
}

fn is_loopback(url: &Url) -> bool {
    url.host_str() == Some("localhost") || literal(url).is_some_and(|ip| ip.is_loopback())
}

/// Counts attempts and pauses between them.
struct Tries {
    most: u32,
    left: u32,
    pause: Duration,
    first_pause: Duration,
}

impl Tries {
    fn new(options: &ClientOptions) -> Self {
        let left = options.attempts.max(1);
        Self {
            most: left,
            left,
            pause: options.pause,
            first_pause: options.pause,
        }
    }

    /// Whether to try again after `error`, in an attempt that brought `gained` bytes; waits if so.
    async fn again(&mut self, error: &Error, gained: u64) -> bool {
        if !error.is_transient() {
            return false;
        }
        if gained >= 1 << 20 {
            (self.left, self.pause) = (self.most, self.first_pause);
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = self
            .pause
            .saturating_mul(2)
            .min(self.first_pause.saturating_mul(32));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_plain_http() {
        assert_eq!(
            base_url("http://127.0.0.1:9955").unwrap().as_str(),
            "http://127.0.0.1:9955/"
        );
        assert_eq!(
            base_url("https://a.example/x").unwrap().as_str(),
            "https://a.example/x/"
        );
        for wrong in [
            "",
            "a.example",
            "ftp://a.example",
            "file:///etc",
            "http://a.example/?q=1",
        ] {
            assert!(
                matches!(base_url(wrong), Err(Error::BadUrl { .. })),
                "{wrong}"
            );
        }
    }

    #[test]
    fn secrets_show_up_in_no_message() {
        let refused = Client::new("http://me:hunter2@a.example", None).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("hunter2"));
        let client = Client::new("http://a.example", Some("hunter2".to_owned())).unwrap();
        assert!(!format!("{client:?}").contains("hunter2"));
    }

    #[test]
    fn a_token_fits_into_a_header() {
        assert!(bearer("t0k-en".to_owned()).is_ok());
        for wrong in ["", " x", "x\n", "a\nb"] {
            assert!(
                matches!(bearer(wrong.to_owned()), Err(Error::BadToken)),
                "{wrong:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_strangers_address_must_be_public() {
        let options = ClientOptions {
            public_only: true,
            attempts: 1,
            ..ClientOptions::default()
        };
        let new = |base: &str| Client::with_options(base, None, options);
        for base in [
            "http://127.0.0.1:1",
            "http://2130706433:1",
            "http://0x7f.1",
            "http://[::1]:1",
            "http://[::ffff:10.0.0.1]",
            "https://169.254.169.254/latest",
        ] {
            assert!(matches!(new(base), Err(Error::BadUrl { .. })), "{base}");
            assert!(Client::new(base, None).is_ok(), "{base}");
        }
        assert!(new("https://1.1.1.1").is_ok());
        // A name is looked up when it is used.
        let client = new("http://localhost:1").unwrap();
        let refused = client.head(&[0; 32]).await;
        assert!(
            matches!(&refused, Err(Error::Transport { source, .. }) if chain(source).contains("no public address")),
            "{refused:?}"
        );
    }

    fn chain(error: &dyn std::error::Error) -> String {
        match error.source() {
            Some(source) => format!("{error}: {}", chain(source)),
            None => error.to_string(),
        }
    }

    #[test]
    fn loopback_goes_past_any_proxy() {
        for (url, yes) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&base_url(url).unwrap()), yes, "{url}");
        }
    }
}
