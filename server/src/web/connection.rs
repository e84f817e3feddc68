//! Connections: how many, how long they may wait, and how they end.
//!
//! A connection that has said nothing yet costs a small task and no buffer: HTTP starts with the first byte. Every
//! phase has its bound: the first byte and the headers the header timeout, a write [`super::stall`], a shutdown its
//! deadline.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keiki_instrument::{Counter, Gauge, Recorder};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Options;
use super::entrance::Entrance;
use super::host::Hosts;
use super::listen::Bound;
use super::stall::Impatient;
use super::tls::Encryption;

/// Room for a request's line and headers, and for what of a response is copied together.
const BUFFER_BYTES: usize = 16 * 1024;
/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);
/// What a connection hears that is one too many. Its request has not been read.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What the connections tell of themselves.
#[derive(Clone, Debug)]
pub struct ConnectionMetrics {
    open: Gauge,
    refused: Counter,
    misdirected: Counter,
}

impl ConnectionMetrics {
    /// The metrics, made in a recorder.
    pub fn new(recorder: &Recorder) -> Self {
        let open = recorder.gauge("keiki_web_connections", &[]);
        open.add(0.0);
        Self {
            open,
            refused: recorder.counter("keiki_web_connections_refused_total", &[]),
            misdirected: recorder.counter("keiki_web_requests_misdirected_total", &[]),
        }
    }
}

/// What all connections share.
struct Server {
    http: http1::Builder,
    entrance: Entrance,
    encryption: Option<Encryption>,
    hosts: Hosts,
    header_timeout: Duration,
    metrics: ConnectionMetrics,
    /// Finish what runs, take nothing new.
    shutdown: CancellationToken,
    /// The time for that is over.
    deadline: CancellationToken,
}

/// Takes connections until `shutdown`, then waits for those that are open.
pub(super) async fn accept(
    bound: Bound,
    options: &Options,
    entrance: Entrance,
    encryption: Option<Encryption>,
    metrics: ConnectionMetrics,
    shutdown: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(BUFFER_BYTES);
    let server = Arc::new(Server {
        http,
        entrance,
        encryption,
        hosts: Hosts::new(bound.address(), &options.allowed_hosts),
        header_timeout: options.header_timeout,
        metrics,
        shutdown,
        deadline: CancellationToken::new(),
    });
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(options.max_connections.min(Semaphore::MAX_PERMITS)));
    let listener = bound.listener;
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = server.shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    after_failure(&error).await;
                    continue;
                }
            },
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            server.metrics.refused.inc();
            // It may not fit into a socket that its peer closed meanwhile; nobody waits for it.
            let _ = stream.try_write(FULL);
            continue;
        };
        let server = Arc::clone(&server);
        connections.spawn(async move {
            server.metrics.open.add(1.0);
            let open = server.metrics.open.clone();
            server.run(stream, peer).await;
            open.sub(1.0);
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(options.shutdown_timeout, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "connections cut off at the end of the shutdown timeout"
        );
        server.deadline.cancel();
        connections.wait().await;
    }
}

/// A peer that gave up meanwhile is nothing; a system without room for more gets a moment.
pub(super) async fn after_failure(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "cannot take a connection");
        tokio::time::sleep(PAUSE).await;
    }
}

impl Server {
    async fn run(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Small frames every second must not wait for one another. An error shows at the first use.
        let _ = stream.set_nodelay(true);
        let spoke = tokio::select! {
            first = tokio::time::timeout(self.header_timeout, stream.readable()) => matches!(first, Ok(Ok(()))),
            () = self.shutdown.cancelled() => false,
        };
        if !spoke {
            return;
        }
        let stream = Impatient::new(stream);
        // What speaks is several times the size of a waiting connection.
        match &self.encryption {
            None => Box::pin(Arc::clone(&self).speak(stream, peer)).await,
            Some(encryption) => {
                let handshake = tokio::time::timeout(self.header_timeout, encryption.acceptor().accept(stream));
                // Who speaks no TLS, or breaks off, is not answered.
                let stream = tokio::select! {
                    stream = Box::pin(handshake) => stream,
                    () = self.shutdown.cancelled() => return,
                };
                if let Ok(Ok(stream)) = stream {
                    Box::pin(Arc::clone(&self).speak(stream, peer)).await;
                }
            }
        }
    }

    async fn speak(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr) {
        let server = Arc::clone(&self);
        let service = service_fn(move |request| Arc::clone(&server).answer(request, peer));
        let mut connection = std::pin::pin!(self.http.serve_connection(TokioIo::new(stream), service));
        // How a connection ends is its peer's affair; nothing is left to do with an error.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = self.deadline.cancelled() => {}
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Result<Response, Infallible> {
        if let Some(refusal) = self.hosts.refuse(&request, self.entrance.asks()) {
            self.metrics.misdirected.inc();
            return Ok(refusal);
        }
        self.entrance.answer(request, peer).await
    }
}
