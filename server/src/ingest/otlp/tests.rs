use std::sync::Arc;

use keiki_recognise::Recognisers;

use super::*;

fn metrics(limit: usize) -> Metrics {
    Metrics::new(Arc::new(Recognisers::new(&[]).expect("rows")), limit)
}

/// A request of one summary with as many series.
fn summaries(from: usize, count: usize) -> String {
    let point = |n: usize| {
        format!(
            r#"{{"attributes":[{{"key":"n","value":{{"stringValue":"{n}"}}}}],"timeUnixNano":"1700000000000000000","count":"3","sum":1.5}}"#
        )
    };
    let points: Vec<_> = (from..from + count).map(point).collect();
    format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"wait","summary":{{"dataPoints":[{}]}}}}]}}]}}]}}"#,
        points.join(",")
    )
}

#[test]
fn what_is_beyond_the_limit_is_counted_and_not_remembered() {
    let mut it = metrics(10);
    let now = 1_700_000_000_500;
    let mut send = |from, count| {
        let taken = it.read(Encoding::Json, summaries(from, count).as_bytes(), now);
        let taken = taken.expect("a request");
        (taken.samples.len(), it.ledger().take_beyond(), it.ledger().remembered())
    };
    // A summary is two numbers, and is itself remembered as none.
    assert_eq!(send(0, 5), (10, 0, 15));
    for from in (5..500).step_by(5) {
        assert_eq!(send(from, 5), (0, 5, 15));
    }
    assert_eq!(send(0, 5), (10, 0, 15), "those that are known go on");
}
