//! Connections: names, bounds, slowness, the end.

mod web_support;

use std::time::{Duration, Instant};

use keiki_server::web::{BindError, Bound, Options, raise_file_limit, while_starting};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web_support::{Server, answer, ask, options};

#[tokio::test]
async fn other_names_are_refused() {
    let allowed = vec!["keiki.example.com".parse().unwrap()];
    let server = Server::start(Options {
        allowed_hosts: allowed,
        ..options()
    })
    .await;
    let port = server.address.port();
    for host in [
        "localhost",
        &format!("127.0.0.1:{port}"),
        "[::1]",
        "keiki.example.com:443",
    ] {
        assert_eq!(
            server.ask("GET", "/healthz", &[("host", host)]).await.status,
            200,
            "{host}"
        );
    }
    for path in [
        "/",
        "/panels/api.latency.json",
        "/api/live",
        "/assets/x",
        "/metrics",
        "/nothing",
    ] {
        let answer = server.ask("GET", path, &[("host", "evil.example")]).await;
        assert_eq!(answer.status, 421, "{path}");
        assert!(answer.text().contains("allowed_hosts below [server]"), "{path}");
    }
    assert_eq!(server.measured("keiki_web_requests_misdirected_total"), 6.0);
}

#[tokio::test]
async fn what_is_not_http_ends_the_connection() {
    let server = Server::start(options()).await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut rest))
            .await
            .expect("it ends");
    }
    let mut stream = server.connect().await;
    let long = "x".repeat(40_000);
    let answer = ask(&mut stream, "GET", "/", &[("x-long", &long)]).await;
    assert_eq!(answer.status, 431);
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn who_dawdles_is_cut_off() {
    let server = Server::start(Options {
        header_timeout: Duration::from_millis(300),
        ..options()
    })
    .await;
    let start = Instant::now();
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut idle = server.connect().await;
    assert_eq!(ask(&mut idle, "GET", "/healthz", &[]).await.status, 200);
    let mut rest = Vec::new();
    for stream in [&mut silent, &mut slow, &mut idle] {
        let ended = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it is still open after {:?}", start.elapsed());
    }
    // A byte now and then does not help.
    let mut drip = server.connect().await;
    let start = Instant::now();
    while drip.write_all(b"x").await.is_ok() && start.elapsed() < Duration::from_secs(3) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn connections_are_bounded_and_refusals_counted() {
    let server = Server::start(Options {
        max_connections: 50,
        ..options()
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..50 {
        open.push(server.connect().await);
    }
    while server.measured("keiki_web_connections") < 50.0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..10 {
        let mut one_more = server.connect().await;
        assert_eq!(answer(&mut one_more, false).await.status, 503);
    }
    assert_eq!(server.measured("keiki_web_connections_refused_total"), 10.0);
    // Those who were first are served.
    assert_eq!(ask(&mut open[7], "GET", "/healthz", &[]).await.status, 200);
    open.truncate(25);
    while server.measured("keiki_web_connections") > 25.0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn ten_thousand_half_open_connections_leave_it_standing() {
    // Both ends are in this process.
    let count = (raise_file_limit(21_000) / 2).min(10_000);
    let server = Server::start(Options {
        max_connections: 20_000,
        header_timeout: Duration::from_secs(60),
        ..options()
    })
    .await;
    let mut open = Vec::new();
    for n in 0..count {
        let mut stream = server.connect().await;
        if n % 10 == 0 {
            stream.write_all(b"GET / HT").await.unwrap();
        }
        open.push(stream);
    }
    let start = Instant::now();
    assert_eq!(server.get("/").await.status, 200);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(server.measured("keiki_web_connections") >= count as f64);
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish_and_no_more() {
    let server = Server::start(options()).await;
    *server.fake.delay.lock().unwrap() = Duration::from_millis(300);
    let mut idle = server.connect().await;
    assert_eq!(ask(&mut idle, "GET", "/healthz", &[]).await.status, 200);
    let mut running = server.connect().await;
    let request = tokio::spawn(async move { ask(&mut running, "GET", "/", &[]).await.status });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    server.shutdown.cancel();
    assert_eq!(request.await.unwrap(), 200);
    server.task.await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_stream_that_does_not_end_is_cut_off_at_the_deadline() {
    let endless = axum::routing::get(|| async {
        axum::body::Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>())
    });
    let server = Server::with_live(options(), endless).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /api/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let start = Instant::now();
    server.shutdown.cancel();
    server.task.await.unwrap().unwrap();
    let taken = start.elapsed();
    assert!(
        taken > Duration::from_millis(900) && taken < Duration::from_secs(2),
        "{taken:?}"
    );
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let first = Bound::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = Bound::bind(first.address()).await.unwrap_err();
    assert!(matches!(error, BindError::InUse(_)));
    assert!(
        error
            .to_string()
            .starts_with(&format!("{} is already in use: ", first.address())),
        "{error}"
    );
}

#[tokio::test]
async fn who_asks_before_the_history_is_open_is_told_so() {
    let options = Options {
        base_path: "/ops".into(),
        ..options()
    };
    let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = bound.address();
    let (done, opened) = tokio::sync::oneshot::channel::<()>();
    let start = tokio::spawn(async move {
        while_starting(&bound, &options, opened).await.unwrap();
        bound
    });
    let mut silent = TcpStream::connect(address).await.unwrap();
    let told = async |path| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream, "GET", path, &[]).await
    };
    for path in ["/ops/", "/ops/readyz", "/ops/api/live", "/healthz"] {
        let answer = told(path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(
            (
                answer.header("retry-after"),
                answer.header("refresh"),
                answer.header("cache-control")
            ),
            ("1", "2", "no-store")
        );
        let text = answer.text();
        assert!(
            text.contains("Keiki is starting") && text.contains("起動しています"),
            "{text}"
        );
    }
    assert_eq!(told("/ops/healthz").await.status, 200);
    done.send(()).unwrap();
    let bound = start.await.unwrap();
    // What has asked nothing yet would else hear later that Keiki is starting.
    assert!(!matches!(silent.read(&mut [0; 1]).await, Ok(1..)));
    TcpStream::connect(bound.address()).await.unwrap();
}
