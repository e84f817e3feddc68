use keiki_decode::otlp::{Decoder, Encoding};
use keiki_model::series::Value as Kept;

use super::*;

#[test]
fn statements_are_summed_up_without_their_values() {
    for (statement, wanted) in [
        ("SELECT * FROM users WHERE name = 'secret'", "SELECT users"),
        ("insert into \"shop\".orders (a) values (1)", "INSERT shop.orders"),
        ("UPDATE items SET a = 1", "UPDATE items"),
        ("select 1", "SELECT"),
        ("WITH x AS (SELECT a FROM b) SELECT * FROM x", "WITH b"),
        ("SELECT a FROM 'secret'", "SELECT"),
        ("'secret'", OTHER),
        ("", OTHER),
    ] {
        assert_eq!(summarised(statement), wanted, "{statement}");
    }
}

#[test]
fn users_have_pseudonyms() {
    let (one, other) = (Spans::new(9, b"one"), Spans::new(9, b"other"));
    let name = one.pseudonym("taro@example.jp");
    assert!(name.starts_with("u-") && name.len() == 12 && !name.contains("taro"));
    assert_eq!(name, one.pseudonym("taro@example.jp"));
    assert_ne!(name, other.pseudonym("taro@example.jp"));
    assert_ne!(name, one.pseudonym("hanako@example.jp"));
}

/// What one request of spans in JSON tells: metric, labels of its own, count.
fn told_of(it: &mut Spans, now: Millis, scope: &str, spans: &str) -> Vec<(String, String, u64)> {
    let body = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
        "scopeSpans":[{{"scope":{{"name":"{scope}"}},"spans":[{spans}]}}]}}]}}"#
    );
    it.begin(now);
    let decoded = Decoder::default().traces(Encoding::Json, body.as_bytes(), it);
    decoded.expect("spans");
    let (samples, ..) = it.take();
    let mut all: Vec<_> = samples
        .into_iter()
        .map(|sample| {
            let labels = ["db_query_summary", "db_namespace", "error_type"];
            let labels = labels.map(|name| sample.series.labels().get(name).unwrap_or_default());
            let Kept::Distribution(found) = &sample.value else {
                panic!("a duration is a distribution")
            };
            (sample.series.name().to_owned(), labels.join("|"), found.count())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn an_operation_of_firestore_counts_once() {
    let now = 1_700_000_000_000;
    let span = |id: u8, parent: u8, name: &str, more: &str| {
        format!(
            r#"{{"traceId":"{:032x}","spanId":"{id:016x}","parentSpanId":"{parent:016x}","name":"{name}","kind":1,
            "startTimeUnixNano":"{}000000","endTimeUnixNano":"{now}000000","attributes":[
            {{"key":"gcp.firestore.settings.database_id","value":{{"stringValue":"(default)"}}}}]{more}}}"#,
            7,
            now - 40
        )
    };
    let spans = [
        // The inner one ends first, and so comes first.
        span(3, 2, "Batch.Commit", ""),
        span(2, 1, "DocumentReference.Set", ""),
        span(4, 1, "Query.Get", r#","status":{"code":2}"#),
        span(6, 5, "Transaction.Get.Document", ""),
        span(5, 1, "Transaction.Run", ""),
    ]
    .join(",");
    let row = |labels: &str| (DATABASE.to_owned(), labels.to_owned(), 1);
    let mut it = Spans::new(100, b"secret");
    assert_eq!(
        told_of(&mut it, now, "@google-cloud/firestore", &spans),
        [
            row("DocumentReference.Set|(default)|"),
            row("Query.Get|(default)|error"),
            row("Transaction.Get.Document|(default)|"),
        ]
    );
    assert_eq!(told_of(&mut it, now, "somebody.else", &spans), []);
}
