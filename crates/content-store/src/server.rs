mod range;

use std::fmt;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use athanor_content_tree::stream::StreamError;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{header, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::Router;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::{mpsc, OwnedSemaphorePermit, Semaphore};

use crate::name::parse_name;
use crate::pace::Pace;
use crate::{root_hex, Error, Progress, Root, Store, What};

use range::{Asked, Span};

/// A refused body is read on for this long and no further, so that the client is listening when
/// the refusal comes.
const DRAIN_BYTES: usize = 1 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(1);

const PIECE: u64 = 64 * 1024;

/// Who may do what with a served store, and how much of it at once.
#[derive(Clone)]
pub struct Access {
    /// Token that `PUT` must carry as `Authorization: Bearer <token>`; `None`: anybody may write.
    pub write_token: Option<String>,
    /// Most transfers at once; further ones are answered 503.
    pub transfers: usize,
    /// Longest time without a byte, in either direction.
    pub idle: Duration,
    /// Least average speed of a transfer in bytes per second, after one idle time of grace.
    pub min_speed: u64,
    /// Whether blobs may also come in parts. Whoever may write can then set room aside for a day
    /// without sending anything.
    pub uploads: bool,
}

impl Default for Access {
    /// Anybody may write, 128 transfers at once, 30 s without a byte, 8 KiB/s, no uploads in parts.
    fn default() -> Self {
        Self {
            write_token: None,
            transfers: 128,
            idle: Duration::from_secs(30),
            min_speed: 8 * 1024,
            uploads: false,
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
            .field("transfers", &self.transfers)
            .field("idle", &self.idle)
            .field("min_speed", &self.min_speed)
            .field("uploads", &self.uploads)
            .finish()
    }
}

struct Service {
    store: Store,
    /// Hash of the token: hashes compare in constant time.
    token: Option<blake3::Hash>,
    transfers: Arc<Semaphore>,
    idle: Duration,
    min_speed: u64,
}

/// Serves a store.
///
/// | request | answers |
/// |---|---|
/// | `GET`, `HEAD /blobs/<root>` | 200, 206 (one range), 416, 400 (no root), 404, 503 (busy) |
/// | `PUT /blobs/<root>` | 201, 200 (was there already; the body is not read), 400, 401, 408 (too slow), 413 (too large), 422 (the bytes have another root), 503, 507 (the store is full) |
/// | `GET`, `HEAD /outboards/<root>` | as for blobs; there is one for each blob that came in parts |
/// | `POST /uploads/<root>/<bytes>` | 200 with [`Progress`] as JSON: begins an upload or goes on with it; 400, 401, 413, 422 (no blob in groups), 503 (too many), 507 |
/// | `GET /uploads/<root>/<bytes>` | 200 with the same; 401, 404 |
/// | `PUT …/outboard`, `PUT …/parts/<index>` | 200 with the same, after the piece was checked; 401, 404, 408, 409 (the outboard first), 422 (not the blob's), 503 |
/// | `GET /healthz` | 200 |
///
/// A refusal is one line of text. Blobs never change, so they may be cached forever. Uploads take the
/// write token, and are there only with [`Access::uploads`].
pub fn router(store: Store, access: Access) -> Router {
    let service = Service {
        store,
        token: access
            .write_token
            .map(|token| blake3::hash(token.as_bytes())),
        transfers: Arc::new(Semaphore::new(access.transfers.min(Semaphore::MAX_PERMITS))),
        idle: access.idle,
        min_speed: access.min_speed,
    };
    let mut routes = Router::new()
        .route("/blobs/{root}", get(read).put(write))
        .route("/outboards/{root}", get(read_outboard))
        .route("/healthz", get(|| async { "ok\n" }));
    if access.uploads {
        routes = routes
            .route("/uploads/{root}/{len}", get(find).post(begin))
            .route("/uploads/{root}/{len}/outboard", put(write_outboard))
            .route("/uploads/{root}/{len}/parts/{index}", put(write_part));
    }
    routes.with_state(Arc::new(service))
}

/// Why a request was refused.
enum Refusal {
    Store(Error),
    Absent,
    Unauthorised,
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
                    Error::Quota { .. } => StatusCode::INSUFFICIENT_STORAGE,
                    Error::BadContent(_) => StatusCode::UNPROCESSABLE_ENTITY,
                    Error::NoUpload | Error::NoSuchPart { .. } => StatusCode::NOT_FOUND,
                    Error::NoOutboard => StatusCode::CONFLICT,
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
    fn permit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.transfers
            .clone()
            .try_acquire_owned()
            .map_err(|_| Refusal::Busy)
    }

    fn pace(&self) -> Pace {
        Pace::new(self.idle, self.min_speed)
    }

    fn authorise(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(wanted) = self.token else {
            return Ok(());
        };
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
        match given {
            Some((_, token)) if blake3::hash(token) == wanted => Ok(()),
            _ => Err(Refusal::Unauthorised),
        }
    }
}

async fn read(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let opened = service.store.open_blob(&parse_name(&name)?).await?;
    serve(&service, opened, &name, &method, &headers).await
}

async fn read_outboard(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let opened = service.store.open_outboard(&parse_name(&name)?).await?;
    serve(&service, opened, &name, &method, &headers).await
}

async fn serve(
    service: &Service,
    opened: Option<(tokio::fs::File, u64)>,
    name: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let etag = format!("\"{name}\"");
    let Some((file, len)) = opened else {
        return Err(Refusal::Absent);
    };
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
        let permit = service.permit()?;
        stream(file, span, service.pace(), permit).await?
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
    set(
        header::CACHE_CONTROL,
        "public, max-age=31536000, immutable".to_owned(),
    );
    set(header::ETAG, etag);
    Ok(response)
}

/// A task of its own feeds the body, so that the time a client takes to read is measured and the
/// permit of one that does not read comes back.
async fn stream(
    mut file: tokio::fs::File,
    span: Span,
    pace: Pace,
    permit: OwnedSemaphorePermit,
) -> Result<Body, Refusal> {
    let failed = |error| {
        tracing::error!(%error, "cannot read a blob");
        Refusal::Store(Error::io("read", std::path::Path::new("blob"))(error))
    };
    file.seek(SeekFrom::Start(span.start))
        .await
        .map_err(failed)?;
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(2);
    tokio::spawn(async move {
        let _permit = permit;
        let mut at = span.start;
        while at < span.end {
            let size = span.end.saturating_sub(at).min(PIECE);
            let mut piece = vec![0; usize::try_from(size).unwrap_or(0)];
            let read = file.read_exact(&mut piece).await;
            let failed = read.is_err();
            let piece = read.map(|_| Bytes::from(piece));
            let sent = pace
                .next(at.saturating_sub(span.start), sender.send(piece))
                .await;
            if failed || !matches!(sent, Ok(Ok(()))) {
                return;
            }
            at = at.saturating_add(size);
        }
    });
    let pieces = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(Body::from_stream(pieces))
}

async fn write(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    match take(&service, &name, &parts.headers, &mut body).await {
        Ok(status) => (status, format!("{name}\n")).into_response(),
        Err(refusal) => {
            drain(&mut body).await;
            refusal.into_response()
        }
    }
}

async fn take(
    service: &Service,
    name: &str,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<StatusCode, Refusal> {
    service.authorise(headers)?;
    let root: Root = parse_name(name)?;
    if service.store.has(&root).await?.is_some() {
        drain(body).await;
        return Ok(StatusCode::OK);
    }
    let _permit = service.permit()?;
    let mut incoming = service.store.begin().await?;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if let Some(len) = announced.and_then(|value| value.parse().ok()) {
        incoming.reserve(len)?;
    }
    let pace = service.pace();
    while let Some(frame) = next_frame(&pace, incoming.written(), body).await? {
        incoming.write(&frame).await?;
    }
    let stored = incoming.finish(Some(&root)).await?;
    tracing::info!(root = %root_hex(&root), bytes = stored.len, "blob stored");
    Ok(if stored.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    })
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
    service.authorise(&headers)?;
    let (root, len) = named(&root, &len)?;
    let upload = service.store.upload(&root, len).await?;
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
    request: Request,
) -> Response {
    write_piece(&service, (&root, &len), Ok(What::Outboard), request).await
}

async fn write_part(
    State(service): State<Arc<Service>>,
    Path((root, len, index)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let what = index.parse().map(What::Part).map_err(|_| Error::NoUpload);
    write_piece(&service, (&root, &len), what, request).await
}

async fn write_piece(
    service: &Service,
    (root, len): (&str, &str),
    what: Result<What, Error>,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    let taken = async {
        service.authorise(&parts.headers)?;
        let (root, len) = named(root, len)?;
        take_piece(service, &root, len, what?, &parts.headers, &mut body).await
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
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Progress, Refusal> {
    let _permit = service.permit()?;
    let upload = service.store.find_upload(root, len).await?;
    let expected = upload.piece_len(what)?;
    let progress = upload.progress().await?;
    if progress.complete {
        drain(body).await;
        return Ok(progress);
    }
    let mut piece = upload.piece(what).await?;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > expected) {
        return Err(Error::from(StreamError::Long { len: expected }).into());
    }
    let pace = service.pace();
    while let Some(frame) = next_frame(&pace, piece.written(), body).await? {
        piece.write(&frame).await?;
    }
    let progress = piece.finish().await?;
    if progress.complete {
        tracing::info!(root = %root_hex(root), bytes = len, "blob stored from parts");
    }
    Ok(progress)
}

async fn next_frame(pace: &Pace, done: u64, body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    match pace.next(done, body.frame()).await {
        Err(_) => Err(Refusal::Slow),
        Ok(None) => Ok(None),
        Ok(Some(Err(_))) => Err(Refusal::Broken),
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
    }
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
