mod deny;
mod listen;
mod metrics;
mod range;
mod reload;
mod throttle;
mod tokens;

use std::fmt;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::Groups;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{header, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::Router;
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::BodyExt;
use tempfile::TempPath;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::mpsc;

use crate::name::parse_name;
use crate::pace::Pace;
use crate::store::{Account, Charge, Content, Kind};
use crate::{root_hex, Error, Progress, Root, Sample, Store, What};

pub use deny::DenyList;
pub use listen::{serve, Connections};
pub use metrics::Metrics;
use range::{Asked, Span};
pub use reload::Reload;
use throttle::{Leave, Throttle};
pub use tokens::{Grant, Tokens};

/// A refused body is read on for this long and no further, so that the client is listening when
/// the refusal comes.
const DRAIN_BYTES: usize = 1 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(1);

const PIECE: u64 = 256 * 1024;

/// Whom a request comes from: an extension that [`serve`] gives each request. Without it, no limit
/// of a peer applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Who may do what with a served store, and how much of it at once.
#[derive(Clone)]
pub struct Access {
    /// Token that writes must carry as `Authorization: Bearer <token>`, without a quota. `None` and
    /// no [`tokens`](Self::tokens): anybody may write.
    pub write_token: Option<String>,
    /// Tokens with quotas.
    pub tokens: Tokens,
    /// Nobody may write.
    pub read_only: bool,
    /// Roots that are neither taken nor given.
    pub deny: DenyList,
    /// Most transfers at once; further ones are answered 503.
    pub transfers: usize,
    /// The same for each [`Peer`].
    pub transfers_per_peer: usize,
    /// Bytes per second of all transfers together, in both directions; 0: no limit.
    pub rate: u64,
    /// The same for each [`Peer`].
    pub rate_per_peer: u64,
    /// Longest time without a byte, in either direction.
    pub idle: Duration,
    /// Least average speed of a transfer in bytes per second, after one idle time of grace. Time for
    /// which a rate above holds it back does not count.
    pub min_speed: u64,
    /// Whether blobs may also come in parts. Whoever may write can then set room aside for a day
    /// without sending anything.
    pub uploads: bool,
    /// Where it is counted.
    pub metrics: Option<Metrics>,
}

impl Default for Access {
    /// Anybody may write, 128 transfers at once, of each peer too, no rates, 30 s without a byte,
    /// 8 KiB/s, no uploads in parts.
    fn default() -> Self {
        Self {
            write_token: None,
            tokens: Tokens::default(),
            read_only: false,
            deny: DenyList::default(),
            transfers: 128,
            transfers_per_peer: 128,
            rate: 0,
            rate_per_peer: 0,
            idle: Duration::from_secs(30),
            min_speed: 8 * 1024,
            uploads: false,
            metrics: None,
        }
    }
}

impl Access {
    /// The default with a write token.
    pub fn with_write_token(token: impl Into<String>) -> Self {
        Self {
            write_token: Some(token.into()),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("write_token", &self.write_token.as_ref().map(|_| "…"))
            .field("tokens", &self.tokens)
            .field("read_only", &self.read_only)
            .field("deny", &self.deny.len())
            .field("transfers", &self.transfers)
            .field("transfers_per_peer", &self.transfers_per_peer)
            .field("rate", &self.rate)
            .field("rate_per_peer", &self.rate_per_peer)
            .field("idle", &self.idle)
            .field("min_speed", &self.min_speed)
            .field("uploads", &self.uploads)
            .finish_non_exhaustive()
    }
}

struct Service {
    store: Store,
    /// Hash of the token: hashes compare in constant time.
    token: Option<blake3::Hash>,
    tokens: Tokens,
    /// Whether there were tokens from the start: taking the last one away opens the store to nobody.
    closed: bool,
    read_only: bool,
    deny: DenyList,
    throttle: Arc<Throttle>,
    idle: Duration,
    min_speed: u64,
    metrics: Option<Metrics>,
}

/// Where a request comes from.
struct Origin(Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<Peer>().map(|peer| peer.0)))
    }
}

/// A transfer that was admitted.
struct Transfer {
    leave: Leave,
    pace: Pace,
    metrics: Option<Metrics>,
}

impl Transfer {
    /// Waits until `bytes` may go.
    async fn spend(&mut self, bytes: usize) {
        let held = self.leave.spend(bytes).await;
        if !held.is_zero() {
            self.pace.forgive(held);
            if let Some(metrics) = &self.metrics {
                metrics.throttled.inc_by(held.as_secs_f64());
            }
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(metrics) = &self.metrics {
            metrics.transfers.dec();
        }
    }
}

/// Serves a store.
///
/// | request | answers |
/// |---|---|
/// | `GET`, `HEAD /blobs/<root>` | 200, 206 (one range), 416, 400 (no root), 404 (absent, or private and without the right token), 451 (denied), 503 (busy) |
/// | `PUT /blobs/<root>` | 201, 200 (was there already; the body is not read), 400, 401, 403 (nobody may write), 408 (too slow), 411 (no length), 413 (too large), 422 (the bytes have another root), 451, 503, 507 (the store or the token's quota is full) |
/// | `DELETE /blobs/<root>` | 204: the token that stored it gives it up, and with its last token the blob goes; 401, 404 |
/// | `GET`, `HEAD /outboards/<root>` | as for blobs; there is one for each blob that came in parts |
/// | `PUT /outboards/<root>/<bytes>` | 201, 200: takes in the outboard alone of a blob that lies elsewhere, checked node by node; else as `PUT /blobs/<root>` |
/// | `GET`, `HEAD /samples/<seed>` | as for blobs |
/// | `PUT /samples/<seed>/<root>/<bytes>/<groups>` | 201, 200: takes in the [`Sample`] of goods that lie elsewhere, checked group by group; else as `PUT /blobs/<root>` |
/// | `POST /uploads/<root>/<bytes>` | 200 with [`Progress`] as JSON: begins an upload or goes on with it; 400, 401, 409 (held privately by another), 413, 422 (no blob in groups), 451, 503 (too many), 507 |
/// | `GET /uploads/<root>/<bytes>` | 200 with the same; 401, 404 |
/// | `PUT …/outboard`, `PUT …/parts/<index>` | 200 with the same, after the piece was checked; 401, 404, 408, 409 (the outboard first), 411, 422 (not the blob's), 451, 503 |
/// | `GET /healthz` | 200 |
///
/// A refusal is one line of text. Blobs never change, so they may be cached forever. Uploads take the
/// write token, and are there only with [`Access::uploads`].
pub fn router(store: Store, access: Access) -> Router {
    let metrics = access.metrics.clone();
    let service = Service {
        store,
        token: access
            .write_token
            .map(|token| blake3::hash(token.as_bytes())),
        closed: !access.tokens.is_empty(),
        tokens: access.tokens,
        read_only: access.read_only,
        deny: access.deny,
        throttle: Throttle::new(
            access.transfers,
            access.transfers_per_peer,
            access.rate,
            access.rate_per_peer,
        ),
        idle: access.idle,
        min_speed: access.min_speed,
        metrics: access.metrics,
    };
    let mut routes = Router::new()
        .route("/blobs/{root}", get(read).put(write).delete(give_up))
        .route("/outboards/{root}", get(read_outboard))
        .route("/outboards/{root}/{len}", put(add_outboard))
        .route("/samples/{seed}", get(read_sample))
        .route("/samples/{seed}/{root}/{len}/{groups}", put(add_sample))
        .route("/healthz", get(|| async { "ok\n" }));
    if access.uploads {
        routes = routes
            .route("/uploads/{root}/{len}", get(find).post(begin))
            .route("/uploads/{root}/{len}/outboard", put(write_outboard))
            .route("/uploads/{root}/{len}/parts/{index}", put(write_part));
    }
    let routes = routes.with_state(Arc::new(service));
    match metrics {
        Some(metrics) => routes.layer(middleware::from_fn_with_state(metrics, count)),
        None => routes,
    }
}

async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    // Any word may come as a method; there shall not be a number for each.
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let response = next.run(request).await;
    let status = response.status();
    let labels = [method, status.as_str()];
    metrics.requests.with_label_values(&labels).inc();
    let reason = match status {
        StatusCode::UNAUTHORIZED => "unauthorised",
        StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => "denied",
        StatusCode::SERVICE_UNAVAILABLE => "busy",
        StatusCode::REQUEST_TIMEOUT => "slow",
        StatusCode::INSUFFICIENT_STORAGE => "quota",
        StatusCode::UNPROCESSABLE_ENTITY => "false",
        _ => return response,
    };
    metrics.refused.with_label_values(&[reason]).inc();
    response
}

/// Why a request was refused.
enum Refusal {
    Store(Error),
    Absent,
    Unauthorised,
    ReadOnly,
    Denied,
    NoLength,
    Busy,
    Slow,
    Broken,
    Unsatisfiable { len: u64 },
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let (status, message) = match self {
            Self::Absent => (StatusCode::NOT_FOUND, "no such blob".to_owned()),
            Self::Unauthorised => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                let message = "writing needs the right token: Authorization: Bearer <token>";
                (StatusCode::UNAUTHORIZED, message.to_owned())
            }
            Self::ReadOnly => (
                StatusCode::FORBIDDEN,
                "this store takes nothing in".to_owned(),
            ),
            Self::Denied => (
                StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
                "this store neither takes nor gives that blob".to_owned(),
            ),
            Self::NoLength => (
                StatusCode::LENGTH_REQUIRED,
                "announce the length of the body: Content-Length".to_owned(),
            ),
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many transfers, try again".to_owned(),
                )
            }
            Self::Slow => (
                StatusCode::REQUEST_TIMEOUT,
                "the body came too slowly".to_owned(),
            ),
            Self::Broken => (StatusCode::BAD_REQUEST, "the body ended early".to_owned()),
            Self::Unsatisfiable { len } => {
                if let Ok(value) = HeaderValue::try_from(format!("bytes */{len}")) {
                    headers.insert(header::CONTENT_RANGE, value);
                }
                let message = format!("the blob has {len} bytes");
                (StatusCode::RANGE_NOT_SATISFIABLE, message)
            }
            Self::Store(error) => {
                let status = match error {
                    Error::BadRoot => StatusCode::BAD_REQUEST,
                    Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                    Error::RootMismatch { .. } => StatusCode::UNPROCESSABLE_ENTITY,
                    Error::Quota { .. } | Error::TokenBytes { .. } | Error::TokenBlobs { .. } => {
                        StatusCode::INSUFFICIENT_STORAGE
                    }
                    Error::BadContent(_) => StatusCode::UNPROCESSABLE_ENTITY,
                    Error::NoUpload | Error::NoSuchPart { .. } => StatusCode::NOT_FOUND,
                    Error::NoOutboard | Error::HeldPrivately => StatusCode::CONFLICT,
                    Error::TooManyUploads { .. } => StatusCode::SERVICE_UNAVAILABLE,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                if status == StatusCode::INTERNAL_SERVER_ERROR {
                    // Paths are for the operator, not for the public.
                    tracing::error!(%error, "content store failed");
                    (status, "the store cannot use its disk".to_owned())
                } else {
                    (status, error.to_string())
                }
            }
        };
        (status, headers, format!("{message}\n")).into_response()
    }
}

impl Service {
    fn transfer(&self, origin: &Origin) -> Result<Transfer, Refusal> {
        let leave = self.throttle.enter(origin.0).ok_or(Refusal::Busy)?;
        if let Some(metrics) = &self.metrics {
            metrics.transfers.inc();
        }
        Ok(Transfer {
            leave,
            pace: Pace::new(self.idle, self.min_speed),
            metrics: self.metrics.clone(),
        })
    }

    /// The account of a writer; `None` for one without a quota.
    fn authorise(&self, headers: &HeaderMap) -> Result<Option<Account>, Refusal> {
        if self.read_only {
            return Err(Refusal::ReadOnly);
        }
        let given = tokens::bearer(headers);
        if self.token.is_some() && given == self.token {
            return Ok(None);
        }
        if let Some(grant) = self.tokens.grant(headers) {
            return Ok(Some(Account {
                name: grant.name.clone(),
                bytes: grant.bytes,
                blobs: grant.blobs,
                private: grant.private,
            }));
        }
        let open = self.token.is_none() && !self.closed && self.tokens.is_empty();
        if open {
            Ok(None)
        } else {
            Err(Refusal::Unauthorised)
        }
    }

    fn not_denied(&self, root: &Root) -> Result<(), Refusal> {
        match self.deny.contains(root) {
            true => Err(Refusal::Denied),
            false => Ok(()),
        }
    }

    /// Whether the blob is private. What may not be read is absent: to say more would tell whoever
    /// guesses a content that he guessed right.
    fn admit(&self, root: &Root, headers: &HeaderMap) -> Result<bool, Refusal> {
        self.not_denied(root)?;
        let Some(holders) = self.store.ledger().readers(root) else {
            return Ok(false);
        };
        if self.token.is_some() && tokens::bearer(headers) == self.token {
            return Ok(true);
        }
        let grant = self.tokens.grant(headers).ok_or(Refusal::Absent)?;
        let reads = |name: &String| *name == grant.name || grant.reads.contains(name);
        match holders.iter().any(reads) {
            true => Ok(true),
            false => Err(Refusal::Absent),
        }
    }
}

async fn read(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    origin: Origin,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    give(&service, Kind::Blob, &name, &origin, &method, &headers).await
}

async fn read_outboard(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    origin: Origin,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    give(&service, Kind::Outboard, &name, &origin, &method, &headers).await
}

async fn read_sample(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    origin: Origin,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    give(&service, Kind::Sample, &name, &origin, &method, &headers).await
}

async fn give(
    service: &Service,
    kind: Kind,
    name: &str,
    origin: &Origin,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let root = parse_name(name)?;
    let private = service.admit(&root, headers)?;
    let Some((content, len)) = service.store.open_content(kind, &root).await? else {
        return Err(Refusal::Absent);
    };
    let etag = format!("\"{name}\"");
    let same = headers
        .get(header::IF_RANGE)
        .is_none_or(|tag| tag.as_bytes() == etag.as_bytes());
    let (status, span) = match headers.get(header::RANGE).filter(|_| same) {
        None => (StatusCode::OK, Span { start: 0, end: len }),
        Some(value) => match range::parse(value.as_bytes(), len) {
            Asked::Whole => (StatusCode::OK, Span { start: 0, end: len }),
            Asked::Part(span) => (StatusCode::PARTIAL_CONTENT, span),
            Asked::Outside => return Err(Refusal::Unsatisfiable { len }),
        },
    };
    let size = span.end.saturating_sub(span.start);
    let body = if *method == Method::HEAD || size == 0 {
        Body::empty()
    } else {
        let transfer = service.transfer(origin)?;
        stream(content, span, transfer).await?
    };

    let mut response = Response::new(body);
    *response.status_mut() = status;
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_LENGTH, size.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = span.end.saturating_sub(1);
        set(
            header::CONTENT_RANGE,
            format!("bytes {}-{last}/{len}", span.start),
        );
    }
    set(header::CONTENT_TYPE, "application/octet-stream".to_owned());
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    let shared = if private { "private" } else { "public" };
    set(
        header::CACHE_CONTROL,
        format!("{shared}, max-age=31536000, immutable"),
    );
    set(header::ETAG, etag);
    Ok(response)
}

/// A task of its own feeds the body, so that the time a client takes to read is measured and the
/// place of one that does not read comes back.
async fn stream(content: Content, span: Span, transfer: Transfer) -> Result<Body, Refusal> {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(2);
    match content {
        Content::File(mut file) => {
            file.seek(SeekFrom::Start(span.start))
                .await
                .map_err(Error::io("read", std::path::Path::new("blob")))?;
            tokio::spawn(feed_file(file, span, transfer, sender));
        }
        Content::Object(bucket, kind, root) => {
            let mut pieces = bucket.read(kind, &root, span.start..span.end).await?;
            tokio::spawn(async move {
                let (mut transfer, mut done) = (transfer, 0u64);
                while let Some(piece) = pieces.next().await {
                    let piece = piece.map_err(io::Error::other);
                    let size = piece.as_ref().map_or(0, Bytes::len);
                    if !feed(&mut transfer, done, &sender, piece).await {
                        return;
                    }
                    done = done.saturating_add(size as u64);
                }
            });
        }
    }
    let pieces = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(Body::from_stream(pieces))
}

async fn feed_file(
    mut file: tokio::fs::File,
    span: Span,
    mut transfer: Transfer,
    sender: mpsc::Sender<io::Result<Bytes>>,
) {
    let mut at = span.start;
    while at < span.end {
        let size = span.end.saturating_sub(at).min(PIECE);
        let mut piece = vec![0; usize::try_from(size).unwrap_or(0)];
        let read = file.read_exact(&mut piece).await;
        let piece = read.map(|_| Bytes::from(piece));
        let done = at.saturating_sub(span.start);
        if !feed(&mut transfer, done, &sender, piece).await {
            return;
        }
        at = at.saturating_add(size);
    }
}

/// Hands on the piece after `done` bytes; whether to go on.
async fn feed(
    transfer: &mut Transfer,
    done: u64,
    sender: &mpsc::Sender<io::Result<Bytes>>,
    piece: io::Result<Bytes>,
) -> bool {
    if let Err(error) = &piece {
        tracing::error!(%error, "cannot read a blob");
    }
    let (failed, size) = (piece.is_err(), piece.as_ref().map_or(0, Bytes::len));
    transfer.spend(size).await;
    let sent = transfer.pace.next(done, sender.send(piece)).await;
    let sent = matches!(sent, Ok(Ok(())));
    if let (true, Some(metrics)) = (sent, &transfer.metrics) {
        metrics.sent.inc_by(size as u64);
    }
    sent && !failed
}

async fn write(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    origin: Origin,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    match take(&service, &name, &origin, &parts.headers, &mut body).await {
        Ok(status) => (status, format!("{name}\n")).into_response(),
        Err(refusal) => {
            drain(&mut body).await;
            refusal.into_response()
        }
    }
}

fn announced(headers: &HeaderMap) -> Result<u64, Refusal> {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .ok_or(Refusal::NoLength)
}

async fn take(
    service: &Service,
    name: &str,
    origin: &Origin,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<StatusCode, Refusal> {
    let account = service.authorise(headers)?;
    let root: Root = parse_name(name)?;
    service.not_denied(&root)?;
    let held = |account: &Account| service.store.ledger().holds(&root, &account.name);
    // Another's is read all the same: whoever may hold it may read it, and has to have it.
    if account.as_ref().is_none_or(held) && service.store.has(&root).await?.is_some() {
        drain(body).await;
        return Ok(StatusCode::OK);
    }
    let len = announced(headers)?;
    let mut transfer = service.transfer(origin)?;
    let charge = |account| service.store.ledger().charge(account, &root, len);
    let charge = account.as_ref().map(charge).transpose()?;
    let mut incoming = service.store.begin().await?;
    incoming.reserve(len)?;
    while let Some(frame) = next_frame(&mut transfer, incoming.written(), body).await? {
        incoming.write(&frame).await?;
    }
    let stored = incoming.finish_for(Some(&root), charge).await?;
    tracing::info!(root = %root_hex(&root), bytes = stored.len, "blob stored");
    Ok(if stored.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    })
}

async fn add_outboard(
    State(service): State<Arc<Service>>,
    Path((root, len)): Path<(String, String)>,
    origin: Origin,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    let taken = take_outboard(&service, (&root, &len), &origin, &parts.headers, &mut body);
    match taken.await {
        Ok(status) => (status, format!("{root}\n")).into_response(),
        Err(refusal) => {
            drain(&mut body).await;
            refusal.into_response()
        }
    }
}

async fn take_outboard(
    service: &Service,
    (root, len): (&str, &str),
    origin: &Origin,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<StatusCode, Refusal> {
    let account = service.authorise(headers)?;
    let (root, len) = named(root, len)?;
    service.not_denied(&root)?;
    let groups = Groups::new(len).map_err(|error| Error::from(StreamError::from(error)))?;
    let expected = groups.outboard_len();
    let object = (Kind::Outboard, &root);
    let taken = take_checked(service, object, (origin, headers), account, expected, body);
    let Some((temp, charge)) = taken.await? else {
        return Ok(StatusCode::OK);
    };
    let new = service.store.add_outboard(&root, len, temp, charge).await?;
    Ok(created(new))
}

fn created(new: bool) -> StatusCode {
    match new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    }
}

/// Takes a body of exactly `expected` bytes that is to be checked; `None` when it is there already.
async fn take_checked(
    service: &Service,
    (kind, root): (Kind, &Root),
    (origin, headers): (&Origin, &HeaderMap),
    account: Option<Account>,
    expected: u64,
    body: &mut Body,
) -> Result<Option<(TempPath, Option<Charge>)>, Refusal> {
    let ledger = service.store.ledger();
    let foreign = ledger.readers(root).is_some_and(|names| {
        let own = account.as_ref().map(|account| &account.name);
        !own.is_some_and(|own| names.contains(own))
    });
    if foreign && account.is_some() {
        return Err(Error::HeldPrivately.into());
    }
    let announced = announced(headers)?;
    if announced != expected {
        let len = expected;
        return Err(Error::from(match announced > expected {
            true => StreamError::Long { len },
            false => StreamError::Short { at: announced, len },
        })
        .into());
    }
    let present = service.store.open_content(kind, root).await?;
    if present.is_some()
        && account
            .as_ref()
            .is_none_or(|a| ledger.has_part(root, &a.name))
    {
        drain(body).await;
        return Ok(None);
    }
    let mut transfer = service.transfer(origin)?;
    let charge = |account| ledger.charge(account, root, expected);
    let charge = account.as_ref().map(charge).transpose()?;
    let mut incoming = service.store.begin_part(expected).await?;
    while let Some(frame) = next_frame(&mut transfer, incoming.written(), body).await? {
        incoming.write(&frame).await?;
    }
    Ok(Some((incoming.into_file().await?, charge)))
}

async fn add_sample(
    State(service): State<Arc<Service>>,
    Path((seed, root, len, groups)): Path<(String, String, String, String)>,
    origin: Origin,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    let named = (seed.as_str(), root.as_str(), len.as_str(), groups.as_str());
    let taken = take_sample(&service, named, &origin, &parts.headers, &mut body);
    match taken.await {
        Ok(status) => (status, format!("{seed}\n")).into_response(),
        Err(refusal) => {
            drain(&mut body).await;
            refusal.into_response()
        }
    }
}

async fn take_sample(
    service: &Service,
    (seed, root, len, groups): (&str, &str, &str, &str),
    origin: &Origin,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<StatusCode, Refusal> {
    let account = service.authorise(headers)?;
    let (root, len) = named(root, len)?;
    let sample = Sample {
        seed: parse_name(seed)?,
        root,
        len,
        groups: groups.parse().map_err(|_| Error::NoUpload)?,
    };
    service.not_denied(&sample.root)?;
    service.not_denied(&sample.seed)?;
    let expected = stream::sample_len(len, &sample.indices()?).map_err(Error::from)?;
    let object = (Kind::Sample, &sample.seed);
    let taken = take_checked(service, object, (origin, headers), account, expected, body);
    let Some((temp, charge)) = taken.await? else {
        return Ok(StatusCode::OK);
    };
    let new = service
        .store
        .add_sample(sample, expected, temp, charge)
        .await?;
    Ok(created(new))
}

async fn give_up(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let account = service.authorise(&headers)?;
    // Whoever has no account here has nothing to give up.
    let account = account.ok_or(Refusal::Unauthorised)?;
    let root = parse_name(&name)?;
    match service.store.give_up(&root, &account.name).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::Absent),
    }
}

/// Root and length out of a path.
fn named(root: &str, len: &str) -> Result<(Root, u64), Refusal> {
    let len = len.parse().map_err(|_| Error::NoUpload)?;
    Ok((parse_name(root)?, len))
}

fn json(progress: &Progress) -> Response {
    let body = serde_json::to_vec(progress).unwrap_or_default();
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

async fn begin(
    State(service): State<Arc<Service>>,
    Path((root, len)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let account = service.authorise(&headers)?;
    let (root, len) = named(&root, &len)?;
    service.not_denied(&root)?;
    let upload = service.store.upload_for(account, &root, len).await?;
    Ok(json(&upload.progress().await?))
}

async fn find(
    State(service): State<Arc<Service>>,
    Path((root, len)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    service.authorise(&headers)?;
    let (root, len) = named(&root, &len)?;
    let upload = service.store.find_upload(&root, len).await?;
    Ok(json(&upload.progress().await?))
}

async fn write_outboard(
    State(service): State<Arc<Service>>,
    Path((root, len)): Path<(String, String)>,
    origin: Origin,
    request: Request,
) -> Response {
    let what = Ok(What::Outboard);
    write_piece(&service, (&root, &len), what, &origin, request).await
}

async fn write_part(
    State(service): State<Arc<Service>>,
    Path((root, len, index)): Path<(String, String, String)>,
    origin: Origin,
    request: Request,
) -> Response {
    let what = index.parse().map(What::Part).map_err(|_| Error::NoUpload);
    write_piece(&service, (&root, &len), what, &origin, request).await
}

async fn write_piece(
    service: &Service,
    (root, len): (&str, &str),
    what: Result<What, Error>,
    origin: &Origin,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    let taken = async {
        service.authorise(&parts.headers)?;
        let (root, len) = named(root, len)?;
        service.not_denied(&root)?;
        let announced = announced(&parts.headers)?;
        let transfer = service.transfer(origin)?;
        take_piece(service, &root, len, what?, announced, transfer, &mut body).await
    };
    match taken.await {
        Ok(progress) => json(&progress),
        Err(refusal) => {
            drain(&mut body).await;
            refusal.into_response()
        }
    }
}

async fn take_piece(
    service: &Service,
    root: &Root,
    len: u64,
    what: What,
    announced: u64,
    mut transfer: Transfer,
    body: &mut Body,
) -> Result<Progress, Refusal> {
    let upload = service.store.find_upload(root, len).await?;
    let expected = upload.piece_len(what)?;
    let progress = upload.progress().await?;
    if progress.complete {
        drain(body).await;
        return Ok(progress);
    }
    let mut piece = upload.piece(what).await?;
    if announced > expected {
        return Err(Error::from(StreamError::Long { len: expected }).into());
    }
    while let Some(frame) = next_frame(&mut transfer, piece.written(), body).await? {
        piece.write(&frame).await?;
    }
    let progress = piece.finish().await?;
    if progress.complete {
        tracing::info!(root = %root_hex(root), bytes = len, "blob stored from parts");
    }
    Ok(progress)
}

async fn next_frame(
    transfer: &mut Transfer,
    done: u64,
    body: &mut Body,
) -> Result<Option<Bytes>, Refusal> {
    let frame = match transfer.pace.next(done, body.frame()).await {
        Err(_) => return Err(Refusal::Slow),
        Ok(None) => return Ok(None),
        Ok(Some(Err(_))) => return Err(Refusal::Broken),
        Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
    };
    transfer.spend(frame.len()).await;
    if let Some(metrics) = &transfer.metrics {
        metrics.received.inc_by(frame.len() as u64);
    }
    Ok(Some(frame))
}

fn drain(body: &mut Body) -> impl Future<Output = ()> + Send + '_ {
    let reading = async move {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(size) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    async move {
        let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
    }
}
