//! The listener: so many connections of strangers at a time, and none that
//! idles for ever.

use axum::serve::Listener;
use prometheus::IntGauge;
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, Instant, Sleep},
};

/// Time a new connection has for its first byte.
const FIRST_BYTE: Duration = Duration::from_secs(10);

/// A TCP listener with a connection limit. Connections over the limit are
/// closed at once. Those from this machine, where the node is, do not count and
/// are always taken: strangers who hold every other one can't keep it out.
#[derive(Debug)]
pub struct Bounded {
    inner: TcpListener,
    free: Arc<Semaphore>,
    /// Whether connections from an address count towards the limit.
    counted: fn(IpAddr) -> bool,
    idle: Duration,
    open: IntGauge,
}

impl Bounded {
    /// Takes at most `connections` from other machines on `inner`, and closes
    /// each after `idle` without a byte in either direction, or 10 s without a
    /// first one. `open` shows how many there are, from anywhere.
    pub fn new(inner: TcpListener, connections: usize, idle: Duration, open: IntGauge) -> Self {
        Bounded {
            inner,
            free: Arc::new(Semaphore::new(connections)),
            counted: is_elsewhere,
            idle,
            open,
        }
    }
}

/// Whether an address is on another machine.
fn is_elsewhere(address: IpAddr) -> bool {
    !address.to_canonical().is_loopback()
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.inner.accept().await {
                Ok((stream, from)) => {
                    let permit = if (self.counted)(from.ip()) {
                        let Ok(permit) = self.free.clone().try_acquire_owned() else {
                            tracing::debug!(%from, "closed: too many connections");
                            continue;
                        };
                        Some(permit)
                    } else {
                        None
                    };
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%from, %error, "no TCP_NODELAY");
                    }
                    return (
                        Connection::new(stream, self.idle, permit, self.open.clone()),
                        from,
                    );
                }
                // Out of file descriptors, most likely: the pause lets some close.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection of [`Bounded`].
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
    open: IntGauge,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn new(
        stream: TcpStream,
        idle: Duration,
        permit: Option<OwnedSemaphorePermit>,
        open: IntGauge,
    ) -> Self {
        open.inc();
        Connection {
            stream,
            idle,
            timer: Box::pin(sleep(idle.min(FIRST_BYTE))),
            open,
            _permit: permit,
        }
    }

    /// Passes on `result`; restarts the timer when bytes moved, and fails once
    /// it has run out.
    fn timed<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            let deadline = Instant::now() + self.idle;
            self.timer.as_mut().reset(deadline);
            return result;
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.timed(cx, result)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.timed(cx, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.timed(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::timeout,
    };

    const IDLE: Duration = Duration::from_millis(100);

    async fn bounded(connections: usize) -> (Bounded, SocketAddr, IntGauge) {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, open) = (
            inner.local_addr().unwrap(),
            IntGauge::new("open", "open").unwrap(),
        );
        (
            Bounded::new(inner, connections, IDLE, open.clone()),
            at,
            open,
        )
    }

    #[tokio::test]
    async fn a_connection_without_a_byte_is_closed() {
        let (mut listener, at, open) = bounded(2).await;
        let mut client = TcpStream::connect(at).await.unwrap();
        let (mut server, _) = listener.accept().await;
        assert_eq!(open.get(), 1);
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(server);
        assert_eq!(open.get(), 0);
    }

    #[tokio::test]
    async fn bytes_keep_a_connection_open() {
        let (mut listener, at, _) = bounded(2).await;
        let mut client = TcpStream::connect(at).await.unwrap();
        let (mut server, _) = listener.accept().await;
        let reads = tokio::spawn(async move {
            for _ in 0..8 {
                server.read_u8().await.unwrap();
            }
        });
        for _ in 0..8 {
            client.write_all(b"x").await.unwrap();
            sleep(IDLE / 4).await;
        }
        reads.await.unwrap();
    }

    #[tokio::test]
    async fn one_connection_too_many_is_closed() {
        let (mut listener, at, open) = bounded(1).await;
        listener.counted = |_| true;
        let _taken = TcpStream::connect(at).await.unwrap();
        let (first, _) = listener.accept().await;
        let mut surplus = TcpStream::connect(at).await.unwrap();
        assert!(timeout(IDLE, listener.accept()).await.is_err());
        assert!(!matches!(surplus.read(&mut [0]).await, Ok(1..)));
        assert_eq!(open.get(), 1);
        drop(first);
        let _next = TcpStream::connect(at).await.unwrap();
        assert!(timeout(IDLE * 50, listener.accept()).await.is_ok());
    }

    #[tokio::test]
    async fn connections_from_this_machine_do_not_count() {
        let (mut listener, at, open) = bounded(1).await;
        let strangers = listener.free.clone().try_acquire_owned().unwrap();
        let (mut clients, mut served) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            clients.push(TcpStream::connect(at).await.unwrap());
            served.push(timeout(IDLE * 50, listener.accept()).await.unwrap());
        }
        assert_eq!(open.get(), 3);
        drop(strangers);
    }

    #[test]
    fn loopback_is_this_machine() {
        for (address, elsewhere) in [
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(
                is_elsewhere(address.parse().unwrap()),
                elsewhere,
                "{address}"
            );
        }
    }
}
