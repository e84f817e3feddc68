//! Single panels over a real socket: JSON, CSV, pictures, badges.

mod web_support;

use web_support::{NASTY, Server, options};

#[tokio::test]
async fn json_holds_any_label() {
    let server = Server::start(options()).await;
    let answer = server.get("/panels/api.latency.json?window=15m").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json")
    );
    let json = answer.json();
    assert_eq!(
        (&json["panel"], &json["unit"], &json["step"]),
        (&"api.latency".into(), &"seconds".into(), &3.into())
    );
    assert_eq!((json["from"].as_i64(), json["to"].as_i64()), (Some(0), Some(900_000)));
    let series = json["series"].as_array().unwrap();
    for (one, value) in series.iter().zip(NASTY) {
        assert_eq!(one["labels"]["x"], value);
        assert_eq!(one["points"].as_array().unwrap().len(), 300);
        assert_eq!(one["points"][1], serde_json::json!([3_000, 0.25]));
    }
    assert_eq!(json["stats"]["p95"], 0.5);
}

#[tokio::test]
async fn csv_is_a_table() {
    let server = Server::start(options()).await;
    let answer = server.get("/panels/api.latency.csv?window=2s").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "text/csv; charset=utf-8; header=present")
    );
    let text = answer.text();
    assert!(
        text.starts_with("unix_ms,\"api.latency{x=\"\"</script>\"\"}\","),
        "{text}"
    );
    assert!(
        text.ends_with("\r\n898000,0.25,0.25,0.25,0.25,0.25\r\n899000,0.25,0.25,0.25,0.25,0.25\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn data_are_of_the_newest_tick() {
    let server = Server::start(options()).await;
    let first = server.get("/panels/api.latency.json").await;
    assert_eq!(
        (first.header("x-cache"), first.header("etag")),
        ("MISS", "W/\"boot-1\"")
    );
    assert_eq!(
        server
            .get("/panels/api.latency.json?lang=en&theme=dark")
            .await
            .header("x-cache"),
        "HIT"
    );
    server.fake.tick();
    let second = server.get("/panels/api.latency.json").await;
    assert_eq!(
        (second.header("x-cache"), second.header("etag")),
        ("MISS", "W/\"boot-2\"")
    );
}

#[tokio::test]
async fn pictures_and_badges_can_be_shown_elsewhere() {
    let server = Server::start(options()).await;
    let picture = server.get("/panels/api.latency.svg?theme=dark&lang=en&window=1m").await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));
    assert_eq!(picture.text(), "<svg>panel:api.latency@1/60 Some(true) en</svg>");
    assert_eq!(picture.header("cross-origin-resource-policy"), "cross-origin");
    let badge = server.get("/badges/api.latency.svg?stat=p99").await;
    assert_eq!((badge.status, badge.text()), (200, "<svg>Some(P99)</svg>".to_owned()));
    let json = server.get("/panels/api.latency.json").await;
    assert_eq!(json.header("cross-origin-resource-policy"), "same-origin");
}

#[tokio::test]
async fn mistakes_are_named() {
    let server = Server::start(options()).await;
    for (path, parameter) in [
        ("/panels/api.latency.json?window=91d", "window"),
        ("/panels/api.latency.json?from=1", "from"),
        ("/panels/api.latency.csv?to=x", "to"),
        ("/panels/api.latency.svg?theme=blue", "theme"),
        ("/panels/api.latency.json?service=%zz", "service"),
        ("/badges/api.latency.svg?stat=p12", "stat"),
        ("/badges/api.latency.svg?stat=total", "stat"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, "application/json"),
            "{path}"
        );
        assert_eq!(answer.json()["parameter"], parameter, "{path}");
    }
    for path in [
        "/panels/api.none.json",
        "/panels/api.latency.png",
        "/panels/api.latency",
        "/badges/api.latency.json",
    ] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}
