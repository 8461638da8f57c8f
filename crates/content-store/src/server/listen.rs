use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::Request;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{watch, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, Instant, Sleep};

use super::throttle::network;
use super::{Metrics, Peer};

/// Most headers of a request.
const MOST_HEADERS: usize = 64;

/// Most bytes of a request's head.
const LONGEST_HEAD: usize = 16 * 1024;

/// What connections may do.
#[derive(Clone, Debug)]
pub struct Connections {
    /// Most at once; further ones are closed.
    pub most: usize,
    /// The same for each peer.
    pub most_per_peer: usize,
    /// Longest time for the head of a request, the wait for the next request included.
    pub header: Duration,
    /// Longest time without a byte in either direction. Longer than what the store takes to check
    /// and sync the largest part.
    pub idle: Duration,
    /// Whether the last address of `X-Forwarded-For` is the peer's: only behind a proxy of one's own,
    /// which writes it. Anybody else can write what he likes. Then the connections are the proxy's,
    /// and only transfers are counted by peer.
    pub forwarded: bool,
    /// How long requests under way have to end when the service stops.
    pub grace: Duration,
    /// Where connections are counted.
    pub metrics: Option<Metrics>,
}

impl Default for Connections {
    /// 1,024 connections, 32 of each peer, 10 s for a head, 120 s without a byte, no proxy, 10 s to
    /// end.
    fn default() -> Self {
        Self {
            most: 1024,
            most_per_peer: 32,
            header: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            forwarded: false,
            grace: Duration::from_secs(10),
            metrics: None,
        }
    }
}

/// Serves `router` over HTTP/1.1 until `stop`: bounded in connections, in the time they idle and in
/// the size of heads. Each request knows its [`Peer`].
///
/// # Errors
///
/// When the listener breaks for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Connections,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let limits = Arc::new(limits);
    let all = Arc::new(Semaphore::new(limits.most.min(Semaphore::MAX_PERMITS)));
    let peers = Arc::new(Peers::default());
    let (stopping, stopped) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            // Out of file descriptors, most likely: the pause lets some close.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(500)).await;
                continue;
            }
        };
        let counted = !limits.forwarded;
        let place = all.clone().try_acquire_owned().ok().and_then(|permit| {
            let most = if counted {
                limits.most_per_peer
            } else {
                usize::MAX
            };
            Some((permit, peers.enter(network(from.ip()), most)?))
        });
        let Some(place) = place else {
            if let Some(metrics) = &limits.metrics {
                metrics.connections_refused.inc();
            }
            tracing::debug!(%from, "closed: too many connections");
            continue;
        };
        let connection = Connection::new(stream, &limits, place);
        let task = converse(
            connection,
            from,
            router.clone(),
            limits.clone(),
            stopped.clone(),
        );
        tokio::spawn(task);
    }
    drop(stopped);
    // Nobody listens when no connection is left.
    let _ = stopping.send(true);
    let _ = tokio::time::timeout(limits.grace, stopping.closed()).await;
    Ok(())
}

async fn converse(
    connection: Connection,
    from: SocketAddr,
    router: Router,
    limits: Arc<Connections>,
    mut stopped: watch::Receiver<bool>,
) {
    let forwarded = limits.forwarded;
    let service = tower::service_fn(move |mut request: Request<Incoming>| {
        let router = router.clone();
        let named = if forwarded {
            last_forwarded(request.headers())
        } else {
            None
        };
        let peer = Peer(named.unwrap_or(from.ip()));
        request.extensions_mut().insert(peer);
        tower::ServiceExt::oneshot(router, request)
    });
    let talking = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LONGEST_HEAD.max(256 * 1024))
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(service));
    tokio::pin!(talking);
    let ended = tokio::select! {
        ended = talking.as_mut() => Some(ended),
        () = async { drop(stopped.changed().await) } => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            talking.as_mut().graceful_shutdown();
            match tokio::time::timeout(limits.grace, talking).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%from, %error, "connection ended");
    }
}

/// The address that one's own proxy wrote: it comes last.
fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[derive(Debug, Default)]
struct Peers(Mutex<HashMap<IpAddr, usize>>);

#[derive(Debug)]
struct Place {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Peers {
    fn enter(self: &Arc<Self>, peer: IpAddr, most: usize) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count >= most {
            if *count == 0 {
                open.remove(&peer);
            }
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place {
            peers: self.clone(),
            peer,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

/// A connection that fails once no byte moved for too long.
struct Connection {
    stream: TcpStream,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
    metrics: Option<Metrics>,
    _place: (OwnedSemaphorePermit, Place),
}

impl Connection {
    fn new(stream: TcpStream, limits: &Connections, place: (OwnedSemaphorePermit, Place)) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        if let Some(metrics) = &limits.metrics {
            metrics.connections.inc();
        }
        Self {
            stream,
            idle: limits.idle,
            timer: Box::pin(sleep(limits.idle)),
            metrics: limits.metrics.clone(),
            _place: place,
        }
    }

    fn timed<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            let deadline = Instant::now() + self.idle;
            self.timer.as_mut().reset(deadline);
            return result;
        }
        match self.timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(metrics) = &self.metrics {
            metrics.connections.dec();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.timed(context, result)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.timed(context, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.timed(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
