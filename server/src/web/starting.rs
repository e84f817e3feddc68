//! What a Keiki answers that is not ready to show anything: it opens its history, and the disk may take its time. Who looks
//! then must not take it for one that hangs.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Options;
use super::connection::after_failure;
use super::health;
use super::listen::Bound;

/// As long as this those who ask wait with it, and are answered by the Keiki that has started: nearly always it has by then.
const PATIENCE: Duration = Duration::from_secs(1);
/// Connections at a time; the system keeps some more waiting.
const CONNECTIONS: usize = 256;
/// How long one may take, from its first byte to the last.
const LONGEST: Duration = Duration::from_secs(5);

const TEXT: &str = "Keiki を起動しています。履歴を開いているところです。\nKeiki is starting: it opens its history.\n";

/// Does the work with which a start begins. Whoever asks for anything while it takes longer than usual is told that Keiki is
/// starting, and to ask again; where connections are encrypted they wait.
pub async fn while_starting<T>(bound: &Bound, options: &Options, work: impl Future<Output = T>) -> T {
    let tell = async {
        if options.tls.is_some() {
            std::future::pending().await
        }
        sleep(PATIENCE).await;
        tracing::warn!("the history takes its time to open; until then every request is told so");
        tell(bound, &options.base_path).await
    };
    tokio::select! {
        done = work => done,
        never = tell => match never {},
    }
}

/// Tells everybody. With it end the connections that have said nothing yet: a browser keeps some in reserve.
async fn tell(bound: &Bound, base: &str) -> Infallible {
    let living = format!("{base}/healthz");
    let mut connections = JoinSet::new();
    loop {
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = bound.listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(timeout(LONGEST, speak(stream, living.clone())));
                }
                Err(error) => after_failure(&error).await,
            },
        }
    }
}

async fn speak(stream: TcpStream, living: String) {
    let service = service_fn(|request: Request<Incoming>| {
        let lives = request.uri().path() == living;
        async move { Ok::<_, Infallible>(answer(lives)) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).keep_alive(false);
    // How it ends is its peer's affair.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(lives: bool) -> Response {
    if lives {
        return health::plain(StatusCode::OK, health::LIVES.to_owned());
    }
    let mut response = health::plain(StatusCode::SERVICE_UNAVAILABLE, TEXT.to_owned());
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    // For people: the page comes by itself.
    response
        .headers_mut()
        .insert(header::REFRESH, HeaderValue::from_static("2"));
    response
}
