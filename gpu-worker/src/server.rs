//! One port for JSON-RPC (HTTP and WebSocket), blobs, metrics and health.
//!
//! | path | who |
//! |---|---|
//! | `/` | JSON-RPC: `POST`, or a WebSocket upgrade; with the token, if one is set |
//! | `/blobs/<root>` | the content store: anybody reads, writers need the token, if one is set |
//! | `/metrics` | anybody |
//! | `/healthz` | anybody: 200 while the process serves |
//! | `/readyz` | anybody: 200 while jobs are taken, else 503 and why not |
//!
//! A request with an `Origin` header comes from a web page, and no web page has
//! any business here: without this check, any page open on the operator's
//! machine could submit jobs over a WebSocket.

use crate::{
    api::{
        Capabilities, DisputeStep, HexBytes, JobReceipt, OtherThread, Overview, Readiness, Roots,
        Status, WorkerApiServer, BAD_ANSWERS, BAD_PROGRAM, CANNOT, LATER, NOT_DONE, OTHER_TICKET,
        QUEUE_FULL, SHUTTING_DOWN, UNKNOWN_JOB,
    },
    dispute::Line,
    engine::{ReceiptError, SubmitError},
    net::Bounded,
    worker::{DisputeProblem, TicketError, Worker},
};
use athanor_content_store::{Access, DenyList, Metrics as StoreMetrics, Peer, Store};
use athanor_primitives::{
    dispute::{Question, MAX_ANSWERS, MAX_DEMANDED},
    ticket::bytes_from_hex,
    JobId, Root, Ticket,
};
use athanor_tensor_program::MAX_PROGRAM_BYTES;
use axum::{
    body::Body,
    extract::{
        connect_info::{ConnectInfo, Connected},
        Request, State,
    },
    http::{header, HeaderMap, Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
    serve::IncomingStream,
    Router,
};
use http_body_util::LengthLimitError;
use jsonrpsee::{
    core::{async_trait, RpcResult},
    server::{
        http::response as rpc_response, stop_channel, ws::is_upgrade_request, BatchRequestConfig,
        Methods, PingConfig, RpcServiceBuilder, Server, ServerHandle, StopHandle,
        TowerServiceBuilder,
    },
    types::{
        error::{ErrorObjectOwned, INVALID_PARAMS_CODE},
        ErrorObject,
    },
};
use std::{
    error::Error as _,
    future::{Future, IntoFuture},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;
use tower::{layer::util::Identity, Service};

/// Longest JSON-RPC request in bytes: the answers of three threads, three of 32 KiB
/// each, in hex, 1,024 roots, and room.
pub const MAX_REQUEST: u32 = 768 * 1024;

/// Longest JSON-RPC answer in bytes, a batch included.
pub const MAX_RESPONSE: u32 = 1024 * 1024;

/// Most calls in one batch.
pub const MAX_BATCH: u32 = 16;

/// Transfers of blobs at a time with each other machine.
const TRANSFERS_PER_PEER: usize = 32;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
struct Remote(SocketAddr);

impl Connected<IncomingStream<'_, Bounded>> for Remote {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Time a request's body may take.
const BODY_TIME: Duration = Duration::from_secs(10);

/// How the port behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Token that JSON-RPC calls and blob uploads must carry.
    pub token: Option<Token>,
    /// Connections from other machines at a time; those from this one do not
    /// count.
    pub connections: usize,
    /// Time after which a connection without a byte is closed.
    pub idle: Duration,
    /// Time that open requests get when the daemon stops.
    pub grace: Duration,
    /// Time that a run under way gets to end when the daemon stops.
    pub finish: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            token: None,
            connections: 256,
            idle: Duration::from_secs(120),
            grace: Duration::from_secs(10),
            finish: Duration::from_secs(30),
        }
    }
}

/// A bearer token. Its text is never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token of 1 to 4,096 visible ASCII characters. White space around it is
    /// left out.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=4_096).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic());
        fits.then(|| Token(text.to_owned()))
    }

    /// The value of an `Authorization` header with this token.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether `headers` carry this token. Compares hashes, which takes the same
    /// time wherever the texts differ.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or("", |(_, token)| token.trim());
        !given.is_empty() && blake3::hash(given.as_bytes()) == blake3::hash(self.0.as_bytes())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Whether a ticket is only watched, and against which claim.
enum Watch {
    No,
    Yes(Option<Vec<Root>>),
}

struct Handler {
    worker: Worker,
}

impl Handler {
    fn counted<T>(&self, method: &str, result: RpcResult<T>) -> RpcResult<T> {
        self.worker.metrics().call(method, result.is_ok());
        result
    }

    async fn take(&self, ticket: Ticket, program: String, watch: Watch) -> RpcResult<Status> {
        if program.len().saturating_sub(2) / 2 > MAX_PROGRAM_BYTES {
            return Err(error(
                BAD_PROGRAM,
                format!("the program is longer than {MAX_PROGRAM_BYTES} bytes"),
            ));
        }
        let Some(program) = bytes_from_hex(&program, MAX_PROGRAM_BYTES) else {
            return Err(error(
                INVALID_PARAMS_CODE,
                "the program must be 0x and pairs of hex digits",
            ));
        };
        let taken = match watch {
            Watch::Yes(claim) => self.worker.watch(ticket, &program, claim).await,
            Watch::No => self.worker.submit(ticket, &program).await,
        };
        taken.map_err(|problem| {
            let code = match &problem {
                TicketError::Program(_) => BAD_PROGRAM,
                TicketError::Submit(SubmitError::OtherTicket(_)) => OTHER_TICKET,
                TicketError::Submit(SubmitError::QueueFull(_) | SubmitError::WatchesFull(_)) => {
                    QUEUE_FULL
                }
                TicketError::ShuttingDown => SHUTTING_DOWN,
            };
            error(code, problem.to_string())
        })
    }
}

fn receipt_code(problem: &ReceiptError) -> i32 {
    match problem {
        ReceiptError::Unknown(_) => UNKNOWN_JOB,
        ReceiptError::NotDone(..) => NOT_DONE,
    }
}

fn dispute_error(problem: DisputeProblem) -> ErrorObjectOwned {
    let code = match &problem {
        DisputeProblem::Receipt(problem) => receipt_code(problem),
        DisputeProblem::Later(_) => LATER,
        DisputeProblem::Answers(_) => BAD_ANSWERS,
        DisputeProblem::Params(_) => INVALID_PARAMS_CODE,
        DisputeProblem::Cannot(_) => CANNOT,
    };
    error(code, problem.to_string())
}

/// Reads the answers of a thread.
fn answers(texts: &[String]) -> RpcResult<Vec<Vec<u8>>> {
    if texts.len() > usize::from(MAX_ANSWERS) {
        return Err(error(BAD_ANSWERS, "a thread has at most 3 answers"));
    }
    let most = usize::try_from(MAX_DEMANDED).unwrap_or(usize::MAX);
    texts
        .iter()
        .map(|text| bytes_from_hex(text, most))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            error(
                BAD_ANSWERS,
                "an answer must be 0x and pairs of hex digits of at most 32 KiB",
            )
        })
}

/// Reads a thread and those beside it.
fn lines(turn: u8, given: &[String], others: Vec<OtherThread>) -> RpcResult<(Line, Vec<Line>)> {
    if others.len() >= usize::from(MAX_ANSWERS) {
        return Err(error(BAD_ANSWERS, "there are at most 2 other threads"));
    }
    let line = |turn: u8, given: &[String]| answers(given).map(|answers| Line { turn, answers });
    let beside = others.iter().map(|other| line(other.turn, &other.answers));
    Ok((line(turn, given)?, beside.collect::<RpcResult<_>>()?))
}

fn error(code: i32, message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObject::owned(code, message.into(), None::<()>)
}

#[async_trait]
impl WorkerApiServer for Handler {
    async fn capabilities(&self) -> RpcResult<Capabilities> {
        self.counted("worker_capabilities", Ok(self.worker.capabilities()))
    }

    async fn submit(&self, ticket: Ticket, program: String) -> RpcResult<Status> {
        let result = self.take(ticket, program, Watch::No).await;
        self.counted("worker_submit", result)
    }

    async fn watch(
        &self,
        ticket: Ticket,
        program: String,
        claim: Option<Roots>,
    ) -> RpcResult<Status> {
        let claim = claim.map(|roots| roots.0);
        let result = self.take(ticket, program, Watch::Yes(claim)).await;
        self.counted("worker_watch", result)
    }

    async fn dispute(
        &self,
        job: JobId,
        claim: Roots,
        node: u16,
        given: Vec<String>,
        turn: Option<u8>,
        others: Option<Vec<OtherThread>>,
    ) -> RpcResult<DisputeStep> {
        let lines = lines(turn.unwrap_or(0), &given, others.unwrap_or_default());
        let result = match lines {
            Ok((line, others)) => {
                let next = self.worker.dispute(job, claim.0, node, line, others).await;
                next.map(DisputeStep::from).map_err(dispute_error)
            }
            Err(error) => Err(error),
        };
        self.counted("worker_dispute", result)
    }

    async fn answer(&self, job: JobId, question: Question) -> RpcResult<HexBytes> {
        let result = match question.job == job {
            true => {
                let answer = self.worker.answer(question).await;
                answer.map(HexBytes).map_err(dispute_error)
            }
            false => Err(error(
                INVALID_PARAMS_CODE,
                "the question is about another job",
            )),
        };
        self.counted("worker_answer", result)
    }

    async fn status(&self, job: JobId) -> RpcResult<Status> {
        let status = self.worker.status(job);
        let unknown = || error(UNKNOWN_JOB, ReceiptError::Unknown(job).to_string());
        self.counted("worker_status", status.ok_or_else(unknown))
    }

    async fn receipt(&self, job: JobId) -> RpcResult<JobReceipt> {
        let result = self.worker.receipt(job);
        let result = result.map_err(|problem| error(receipt_code(&problem), problem.to_string()));
        self.counted("worker_receipt", result)
    }

    async fn cancel(&self, job: JobId) -> RpcResult<bool> {
        self.counted("worker_cancel", Ok(self.worker.cancel(job).await))
    }

    async fn overview(&self) -> RpcResult<Overview> {
        self.counted("worker_overview", Ok(self.worker.overview()))
    }
}

struct Rpc {
    worker: Worker,
    token: Option<Token>,
    methods: Methods,
    builder: TowerServiceBuilder<Identity, Identity>,
    stop: StopHandle,
}

/// The routes, and the handle that ends WebSocket sessions.
pub fn router(worker: Worker, store: Store, options: &Options) -> (Router, ServerHandle) {
    let (stop, handle) = stop_channel();
    let connections = u32::try_from(options.connections).unwrap_or(u32::MAX);
    let builder = Server::builder()
        .max_request_body_size(MAX_REQUEST)
        .max_response_body_size(MAX_RESPONSE)
        .max_connections(connections)
        .max_subscriptions_per_connection(1)
        .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH))
        .set_message_buffer_capacity(32)
        .enable_ws_ping(PingConfig::new())
        .set_rpc_middleware(RpcServiceBuilder::new())
        .to_service_builder();
    let rpc = Rpc {
        token: options.token.clone(),
        methods: Handler {
            worker: worker.clone(),
        }
        .into_rpc()
        .into(),
        builder,
        stop,
        worker: worker.clone(),
    };
    let counted = match StoreMetrics::new(worker.metrics().registry()) {
        Ok(counted) => Some(counted),
        Err(error) => {
            tracing::warn!(%error, "the content store is not counted");
            None
        }
    };
    let router = Router::new()
        .route("/", any(call).with_state(Arc::new(rpc)))
        .route(
            "/metrics",
            get(metrics).with_state((worker.clone(), store.clone(), counted.clone())),
        )
        .route("/readyz", get(ready).with_state(worker.clone()))
        .merge(blobs(worker, store, options, counted));
    (router, handle)
}

/// The content store, with what the worker must know about its use: readers keep
/// a blob from being the next to go, writers need room.
fn blobs(worker: Worker, store: Store, options: &Options, counted: Option<StoreMetrics>) -> Router {
    let access = Access {
        write_token: options.token.as_ref().map(|token| token.0.clone()),
        transfers_per_peer: TRANSFERS_PER_PEER,
        metrics: counted,
        ..Access::default()
    };
    let token = options.token.clone();
    let noted = move |mut request: Request, next: Next| {
        let (worker, token) = (worker.clone(), token.clone());
        async move {
            let from = request.extensions().get::<ConnectInfo<Remote>>();
            let from = from.map(|info| info.0 .0.ip().to_canonical());
            // What runs on this machine, as the node does, shares with no stranger.
            if let Some(from) = from.filter(|from| !from.is_loopback()) {
                request.extensions_mut().insert(Peer(from));
            }
            let name = request.uri().path().strip_prefix("/blobs/");
            let root = name.and_then(|name| athanor_content_store::parse_root(name).ok());
            if let Some(root) = root {
                if request.method() == Method::PUT {
                    let admitted = token
                        .as_ref()
                        .is_none_or(|token| token.admits(request.headers()));
                    let length = request.headers().get(header::CONTENT_LENGTH);
                    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
                    if let (true, Some(length)) = (admitted, length) {
                        worker.room_for_upload(&root, length).await;
                    }
                } else {
                    worker.touch(&root).await;
                }
            }
            next.run(request).await
        }
    };
    athanor_content_store::router(store, access).layer(middleware::from_fn(noted))
}

async fn ready(State(worker): State<Worker>) -> Response {
    let readiness = worker.readiness();
    let status = match readiness {
        Readiness::Ready => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{readiness}\n")).into_response()
}

async fn metrics(
    State((worker, store, counted)): State<(Worker, Store, Option<StoreMetrics>)>,
) -> Response {
    if let Some(counted) = counted {
        counted.refresh(&store, &DenyList::default());
    }
    match worker.metrics_text() {
        Ok(text) => (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn call(State(rpc): State<Arc<Rpc>>, request: Request) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::ORIGIN) {
        rpc.worker.metrics().denied.inc();
        return (
            StatusCode::FORBIDDEN,
            "web pages may not call a gpu-worker\n",
        )
            .into_response();
    }
    if rpc
        .token
        .as_ref()
        .is_some_and(|token| !token.admits(headers))
    {
        rpc.worker.metrics().denied.inc();
        return (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer")],
            "calls need the daemon's token: Authorization: Bearer <token>\n",
        )
            .into_response();
    }
    let request = if is_upgrade_request(&request) {
        request
    } else {
        // Read here, not in jsonrpsee, which answers 500 to a chunked body that
        // is too long and gives a slow one all the time it wants.
        let (parts, body) = request.into_parts();
        let limit = usize::try_from(MAX_REQUEST).unwrap_or(usize::MAX);
        match tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, limit)).await {
            Ok(Ok(bytes)) => Request::from_parts(parts, Body::from(bytes)),
            Ok(Err(error)) if error.source().is_some_and(|e| e.is::<LengthLimitError>()) => {
                return rpc_response::too_large(MAX_REQUEST).map(Body::new);
            }
            Ok(Err(_)) => {
                return (StatusCode::BAD_REQUEST, "the body ended early\n").into_response();
            }
            Err(_) => {
                let message = "the body took longer than 10 s\n";
                return (StatusCode::REQUEST_TIMEOUT, message).into_response();
            }
        }
    };
    let mut service = rpc
        .builder
        .clone()
        .build(rpc.methods.clone(), rpc.stop.clone());
    match service.call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(%error, "a JSON-RPC request broke");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Takes up what an earlier life left, then serves `worker` and `store` on
/// `listener` until `stop` is ready. Then new jobs are turned away, a run under
/// way and open requests get their time, and everything else waits for the next
/// start. Once `at_once` is ready too, nothing gets any time.
pub async fn serve(
    listener: TcpListener,
    worker: Worker,
    store: Store,
    options: Options,
    stop: impl Future<Output = ()> + Send + 'static,
    at_once: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    worker.resume().await;
    let open = worker.metrics().connections.clone();
    let (router, handle) = router(worker.clone(), store, &options);
    let listener = Bounded::new(listener, options.connections, options.idle, open);
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let (hurry, hurried) = tokio::sync::watch::channel(false);
    let hurrying = tokio::spawn(async move {
        at_once.await;
        hurry.send_replace(true);
        // Kept until the daemon ends: a closed channel would read as hurry.
        std::future::pending::<()>().await;
    });
    let wait = |mut hurried: tokio::sync::watch::Receiver<bool>| async move {
        if hurried.wait_for(|hurry| *hurry).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let (finish, draining, soon) = (options.finish, worker.clone(), wait(hurried.clone()));
    let router = router.into_make_service_with_connect_info::<Remote>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        tokio::select! {
            () = draining.drain(finish) => {}
            () = soon => {}
        }
        if handle.stop().is_err() {
            tracing::debug!("no WebSocket session to end");
        }
        let _ = stopping.send(());
    });
    let late = async {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::select! {
            () = tokio::time::sleep(options.grace) => {}
            () = wait(hurried.clone()) => {}
        }
    };
    tokio::select! {
        result = server.into_future() => result?,
        () = late => tracing::warn!("some connections did not end in time and are cut"),
    }
    tokio::select! {
        () = worker.shut_down(options.grace) => {}
        () = wait(hurried) => {}
    }
    hurrying.abort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn the_right_token_is_admitted() {
        let token = Token::new(" secret\n").unwrap();
        assert!(token.admits(&headers("Bearer secret")));
        assert!(token.admits(&headers("bearer  secret")));
    }

    #[test]
    fn anything_else_is_not() {
        let token = Token::new("secret").unwrap();
        for value in [
            "",
            "secret",
            "Bearer",
            "Bearer ",
            "Bearer secre",
            "Bearer secret2",
            "Basic secret",
        ] {
            assert!(!token.admits(&headers(value)), "{value:?}");
        }
        assert!(!token.admits(&HeaderMap::new()));
    }

    #[test]
    fn a_token_is_visible_ascii_of_sensible_length() {
        for text in ["", " \n", "a b", "schlüssel", &"x".repeat(4_097)] {
            assert!(Token::new(text).is_none(), "{text:?}");
        }
        assert!(Token::new(&"x".repeat(4_096)).is_some());
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Token::new("secret").unwrap()), "Token(..)");
    }
}
