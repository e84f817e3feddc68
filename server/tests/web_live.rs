//! The stream's address over a real socket: what the web adds to the events.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod web_support;

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use keiki_app::live::endpoint::server::{Events, Refusal};
use keiki_server::web::Options;
use keiki_server::web::live::{Streams, route};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use web_support::{Server, options};

/// Repeats what it is asked, or refuses.
struct Echo;

impl Streams for Echo {
    fn open(&self, views: &str, since: &str, _token: Option<&str>) -> Result<Events, Refusal> {
        match views {
            "bad" => Err(Refusal {
                status: 400,
                message: "unknown view \"bad\"".into(),
            }),
            "full" => Err(Refusal {
                status: 503,
                message: "too many streams".into(),
            }),
            _ => {
                let event = Bytes::from(format!("event: snapshot\ndata: {views} since {since}\n\n"));
                Ok(Box::pin(stream::iter([event]).chain(stream::pending())))
            }
        }
    }
}

async fn first_event(server: &Server, path: &str, header: &str) -> String {
    let mut stream = server.connect().await;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n").as_bytes())
        .await
        .unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(6).any(|window| window == b"data: ") || !bytes.ends_with(b"\n\n\r\n") {
        assert!(
            stream.read_buf(&mut bytes).await.unwrap() > 0,
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn events_come_as_they_are() {
    for base in ["", "/ops/keiki"] {
        let server = Server::with_live(
            Options {
                base_path: base.into(),
                ..options()
            },
            route(Arc::new(Echo)),
        )
        .await;
        let path = format!("{base}/api/live?views=overview%401%2F300%3Bnew&since=b-7");
        let answer = first_event(&server, &path, "referer: http://localhost/\r\naccept: text/html\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        for header in [
            "content-type: text/event-stream",
            "cache-control: no-store, no-transform",
            "x-accel-buffering: no",
            "x-content-type-options: nosniff",
        ] {
            assert!(answer.contains(header), "{answer}");
        }
        assert!(
            answer.contains("event: snapshot\ndata: overview@1/300;new since b-7\n\n"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn an_event_source_resumes_by_its_header() {
    let server = Server::with_live(options(), route(Arc::new(Echo))).await;
    let answer = first_event(&server, "/api/live", "last-event-id: b-9\r\n").await;
    assert!(answer.contains("data:  since b-9\n"), "{answer}");
}

#[tokio::test]
async fn a_refusal_has_a_status_and_a_sentence() {
    let server = Server::with_live(options(), route(Arc::new(Echo))).await;
    let bad = server.get("/api/live?views=bad").await;
    assert_eq!((bad.status, bad.text()), (400, "unknown view \"bad\"\n".to_owned()));
    let full = server.get("/api/live?views=full").await;
    assert_eq!((full.status, full.header("retry-after")), (503, "2"));
    assert_eq!(
        server.ask("POST", "/api/live", &[("content-length", "0")]).await.status,
        405
    );
}
