//! Pages over a real socket: the cache, encodings, headers, addresses.

mod web_support;

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use keiki_server::web::{Options, ViewsError};
use web_support::{Server, ask, options};

#[tokio::test]
async fn a_page_is_made_once_a_tick() {
    let server = Server::start(options()).await;
    let first = server.get("/").await;
    assert_eq!((first.status, first.header("x-cache")), (200, "MISS"));
    assert!(first.text().starts_with("tick 1 of / in ja"));
    let second = server.get("/?utm_source=x&window=5m").await;
    assert_eq!((second.status, second.header("x-cache")), (200, "HIT"));
    assert_eq!(second.body, first.body);
    assert_eq!(server.fake.drawn(), 1);
    // The next tick's page is made by the first who asks, who gets the one before.
    server.fake.tick();
    let stale = server.get("/").await;
    assert_eq!((stale.header("x-cache"), stale.body == first.body), ("HIT", true));
    while server.fake.drawn() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let fresh = server.get("/").await;
    assert_eq!(fresh.header("x-cache"), "HIT");
    assert!(fresh.text().starts_with("tick 2 of"));
    // One that is too old is not sent at all.
    for _ in 0..5 {
        server.fake.tick();
    }
    let late = server.get("/").await;
    assert_eq!(late.header("x-cache"), "MISS");
    assert!(late.text().starts_with("tick 7 of"));
}

#[tokio::test]
async fn many_who_ask_at_once_share_one_making() {
    let server = Arc::new(Server::start(options()).await);
    *server.fake.delay.lock().unwrap() = Duration::from_millis(100);
    let asked: Vec<_> = (0..40)
        .map(|n| {
            let server = Arc::clone(&server);
            let accepted = ["br", "gzip", "identity", "br, gzip"][n % 4];
            tokio::spawn(async move {
                server
                    .ask("GET", "/groups/api", &[("accept-encoding", accepted)])
                    .await
                    .status
            })
        })
        .collect();
    for task in asked {
        assert_eq!(task.await.unwrap(), 200);
    }
    assert_eq!(server.fake.drawn(), 1);
}

#[tokio::test]
async fn every_encoding_holds_the_same_page() {
    let server = Server::start(options()).await;
    let plain = server.get("/").await;
    assert_eq!(plain.header("content-encoding"), "");
    let brotli = server
        .ask("GET", "/", &[("accept-encoding", "gzip, deflate, br")])
        .await;
    assert_eq!(
        (brotli.header("content-encoding"), brotli.header("vary")),
        ("br", "accept-encoding")
    );
    let mut text = Vec::new();
    brotli::Decompressor::new(&brotli.body[..], 4_096)
        .read_to_end(&mut text)
        .unwrap();
    assert_eq!(text, plain.body);
    let gzip = server
        .ask("GET", "/", &[("accept-encoding", "gzip;q=1, br;q=0.5")])
        .await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&gzip.body[..])
        .read_to_end(&mut text)
        .unwrap();
    assert_eq!(text, plain.body);
    assert_eq!(server.fake.drawn(), 1);
    assert!(brotli.body.len() * 10 < plain.body.len());
}

#[tokio::test]
async fn a_known_page_is_not_sent_again() {
    let server = Server::start(options()).await;
    let first = server.get("/").await;
    let etag = first.header("etag").to_owned();
    assert_eq!(etag, "W/\"boot-1\"");
    let known = [("if-none-match", &*etag), ("accept-encoding", "br")];
    let second = server.ask("GET", "/", &known).await;
    assert_eq!(
        (second.status, second.body.len(), second.header("etag")),
        (304, 0, &*etag)
    );
    assert_eq!(
        (second.header("content-encoding"), second.header("cache-control")),
        ("", "no-cache")
    );
    let other = server.ask("GET", "/", &[("if-none-match", "\"x\", \"y\"")]).await;
    assert_eq!(other.status, 200);
    for _ in 0..5 {
        server.fake.tick();
    }
    assert_eq!(server.ask("GET", "/", &known).await.status, 200);
}

#[tokio::test]
async fn every_answer_carries_the_constant_headers() {
    let server = Server::start(options()).await;
    let policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
                  font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
                  frame-ancestors 'none'";
    for path in ["/", "/groups/api?theme=dark", "/groups/none", "/?lang=xx", "/nothing"] {
        assert_eq!(
            server.get(path).await.header("content-security-policy"),
            policy,
            "{path}"
        );
    }
    for path in [
        "/",
        "/nothing",
        "/healthz",
        "/readyz",
        "/metrics",
        "/favicon.svg",
        "/assets/none.js",
        "/panels/api.latency.json",
        "/panels/api.latency.svg",
        "/panels/none.svg",
        "/badges/api.latency.svg",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(answer.header("permissions-policy").contains("camera=()"), "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!answer.header("cross-origin-resource-policy").is_empty(), "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
        assert!(
            !answer.header("content-security-policy").contains("unsafe-inline"),
            "{path}"
        );
    }
    let page = server.get("/?lang=en").await;
    assert_eq!(
        (page.header("content-language"), page.header("content-type")),
        ("en", "text/html; charset=utf-8")
    );
}

#[tokio::test]
async fn only_reading_is_possible() {
    let server = Server::start(options()).await;
    let head = server.ask("HEAD", "/", &[]).await;
    let page = server.get("/").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), page.body.len().to_string());
    for (method, path) in [
        ("POST", "/"),
        ("DELETE", "/groups/api"),
        ("PUT", "/metrics"),
        ("POST", "/assets/x"),
    ] {
        let answer = server.ask(method, path, &[("content-length", "0")]).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.header("allow").contains("GET"), "{method} {path}");
    }
}

#[tokio::test]
async fn unknown_addresses_say_so_and_nothing_more() {
    let server = Server::start(options()).await;
    for path in [
        "/nothing",
        "/groups/none",
        "/groups/..%2f..%2fetc%2fpasswd",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/../../../etc/passwd",
        "/../../etc/passwd",
        "/..%5c..%5cwindows",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/panels/..%2f..%2fetc%2fpasswd.svg",
        "/panels/%00.svg",
        "/groups/%ff",
        "//evil.example",
        "//evil.example/",
        "/embed/none",
        "/embed/..%2f..%2fetc%2fpasswd",
    ] {
        let answer = server.get(path).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        assert_eq!(answer.header("location"), "", "{path}");
        let text = answer.text();
        assert!(
            !text.contains("root:") && !text.contains("evil") && !text.contains("passwd"),
            "{path}: {text}"
        );
    }
    let (ja, en) = ("このアドレスには何もありません。", "There is nothing at this address.");
    for (path, said, not) in [("/nothing?lang=ja", ja, en), ("/nothing?lang=en", en, ja)] {
        let page = server.get(path).await.text();
        assert!(page.contains(said) && !page.contains(not), "{path}");
    }
    assert_eq!(server.fake.drawn(), 0);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = Server::start(options()).await;
    for (path, name) in [
        ("/?window=7m", "window"),
        ("/?lang=fr", "lang"),
        ("/groups/api?theme=%3Cscript%3E", "theme"),
        ("/?sort=oops", "sort"),
        ("/?service=", "service"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().contains(name), "{path}");
        assert!(!answer.text().contains("<script>"), "{path}");
    }
    let long = format!("/?x={}", "x".repeat(5_000));
    assert_eq!(server.get(&long).await.status, 400);
    assert_eq!(server.fake.drawn(), 0);
}

#[tokio::test]
async fn everything_lives_below_the_base_path() {
    let server = Server::start(Options {
        base_path: "/ops/keiki".into(),
        ..options()
    })
    .await;
    for path in [
        "/ops/keiki/",
        "/ops/keiki/groups/api",
        "/ops/keiki/healthz",
        "/ops/keiki/panels/api.latency.json",
    ] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    assert_eq!(server.get("/ops/keiki/api/live").await.text(), "live");
    for path in ["/", "/groups/api", "/healthz", "/ops", "/ops/keikix"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
    for (path, target) in [
        ("/ops/keiki", "/ops/keiki/"),
        ("/ops/keiki?window=1m", "/ops/keiki/?window=1m"),
        ("/ops/keiki/groups/api/", "/ops/keiki/groups/api"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (308, target), "{path}");
    }
    assert!(server.get("/ops/keiki/").await.text().contains("of /ops/keiki/ in ja"));
    let routes = server.recorder.collect(0);
    let known = routes
        .iter()
        .any(|sample| sample.series.labels().get("http_route") == Some("/groups/{group}"));
    let other = routes
        .iter()
        .any(|sample| sample.series.labels().get("http_route") == Some("_OTHER"));
    let live = routes
        .iter()
        .any(|sample| sample.series.labels().get("http_route") == Some("/api/live"));
    assert!(known && other && !live);
}

#[tokio::test]
async fn a_flood_of_addresses_displaces_only_itself() {
    let server = Server::start(options()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        ask(&mut stream, "GET", "/", &[]).await;
        ask(&mut stream, "GET", "/groups/api", &[]).await;
    }
    for n in 0..1_000 {
        let answer = ask(&mut stream, "GET", &format!("/?service=s{n}"), &[]).await;
        assert_eq!(answer.status, 200);
    }
    // What differs only in what no page reads is one page.
    let before = server.fake.drawn();
    for n in 0..1_000 {
        let answer = ask(&mut stream, "GET", &format!("/?x{n}=1&window=5m&utm={n}"), &[]).await;
        assert_eq!((answer.status, answer.header("x-cache")), (200, "HIT"));
    }
    assert_eq!(server.fake.drawn(), before);
    assert_eq!(
        ask(&mut stream, "GET", "/groups/api", &[]).await.header("x-cache"),
        "HIT"
    );
    // Sixteen entries of less than 20 kB.
    assert!(
        server.measured("cache_size_bytes") < 400_000.0,
        "{}",
        server.measured("cache_size_bytes")
    );
    assert!(server.measured("cache_evictions_total") > 900.0);
}

#[tokio::test]
async fn a_flood_all_at_once_is_turned_away() {
    let server = Arc::new(
        Server::start(Options {
            max_connections: 1_000,
            ..options()
        })
        .await,
    );
    *server.fake.delay.lock().unwrap() = Duration::from_millis(20);
    assert_eq!(server.get("/").await.status, 200);
    let flood: Vec<_> = (0..300)
        .map(|n| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.get(&format!("/?service=s{n}")).await.status })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // A known page is renewed beside the queue.
    for _ in 0..5 {
        server.fake.tick();
    }
    assert_eq!(server.get("/").await.status, 200);
    assert!(
        flood.iter().any(|task| !task.is_finished()),
        "it came after the queue, not beside it"
    );
    let mut refused = 0;
    for task in flood {
        match task.await.unwrap() {
            200 => {}
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!((150..=240).contains(&refused), "{refused}");
    assert_eq!(server.measured("keiki_web_renders_refused_total"), f64::from(refused));
}

#[tokio::test]
async fn without_data_the_answer_is_a_clear_503() {
    let server = Server::start(options()).await;
    assert_eq!(
        (server.get("/readyz").await.status, server.get("/healthz").await.text()),
        (200, "ok\n".to_owned())
    );
    *server.fake.refuses.lock().unwrap() = Some(ViewsError::Unavailable);
    let page = server.get("/").await;
    assert_eq!(
        (page.status, page.header("retry-after"), page.header("cache-control")),
        (503, "2", "no-store")
    );
    let data = server.get("/panels/api.latency.json").await;
    assert_eq!(data.status, 503);
    assert!(data.json()["error"].as_str().unwrap().contains("Try again"));
    let ready = server.get("/readyz").await;
    assert_eq!(
        (ready.status, ready.text()),
        (503, "waiting for the first second\n".to_owned())
    );
    assert_eq!(server.get("/healthz").await.status, 200);
    *server.fake.refuses.lock().unwrap() = None;
    assert_eq!(server.get("/").await.status, 200);
}
