//! What JSON may be, and where it says it is wrong.

use keiki_decode::otlp::{Decoder, Encoding};

use super::log::Log;

fn lines(body: &str) -> Vec<String> {
    let mut log = Log::default();
    let decoded = Decoder::default().metrics(Encoding::Json, body.as_bytes(), &mut log);
    decoded.expect("a request");
    log.lines.split_off(2)
}

fn point(point: &str) -> String {
    let metric = format!(r#"{{"name":"m","gauge":{{"dataPoints":[{point}]}}}}"#);
    format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}]}}"#)
}

#[track_caller]
fn reads(one: &str, expected: &str) {
    assert_eq!(lines(&point(one))[1], expected);
}

#[track_caller]
fn refused(body: &str, expected: &str) {
    let error = Decoder::default().metrics(Encoding::Json, body.as_bytes(), &mut Log::default());
    let error = error.expect_err("no request").to_string();
    let error = error.strip_prefix("the request is malformed: ").expect("how it begins");
    let (message, _) = error.split_once(" at line ").expect("a place");
    assert_eq!(message, expected);
}

#[test]
fn numbers_may_be_strings_and_nothing_is_absent() {
    reads(r#"{"timeUnixNano":"5","asInt":"-7"}"#, "point  0-5 false -7");
    reads(
        r#"{"timeUnixNano":5,"asInt":7.0,"attributes":null,"flags":null}"#,
        "point  0-5 false 7",
    );
    reads(
        r#"{"timeUnixNano":5e3,"asInt":7,"attributes":[null]}"#,
        "point  0-5000 false 7",
    );
    reads(
        r#"{"timeUnixNano":"18446744073709551615","asDouble":"NaN","exemplars":[{"x":[{}]}]}"#,
        "point  0-18446744073709551615 false NaN/7ff8000000000000",
    );
    reads(
        r#"{"timeUnixNano":5,"asDouble":3,"unknown":{"a":[1,"x",null]}}"#,
        "point  0-5 false 3.0/4008000000000000",
    );
    reads(r#"{"timeUnixNano":5,"as\u0049nt":1,"flags":1}"#, "point  0-5 true 1");
}

#[test]
fn enums_may_be_names() {
    let sum = |temporality: &str| {
        let sum = format!(r#"{{"aggregationTemporality":{temporality},"isMonotonic":true,"dataPoints":[]}}"#);
        format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","sum":{sum}}}]}}]}}]}}"#)
    };
    for temporality in ["1", "\"AGGREGATION_TEMPORALITY_DELTA\""] {
        let metric = lines(&sum(temporality)).remove(0);
        assert!(
            metric.ends_with("kind: Sum { is_monotonic: true, temporality: Delta } }"),
            "{metric}"
        );
    }
    refused(
        &sum("\"DELTA\""),
        "resourceMetrics[0].scopeMetrics[0].metrics[0].sum.aggregationTemporality: there is no \"DELTA\" among its values",
    );
}

#[test]
fn errors_tell_the_path() {
    let path = "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0]";
    let bad = |field: &str, name: &str, what: &str| refused(&point(field), &format!("{path}.{name}: {what}"));
    let integer = "a whole number, or one in a string";
    bad(
        r#"{"asInt":"x"}"#,
        "asInt",
        &format!("\"x\" is no number; expected {integer}"),
    );
    bad(r#"{"asInt":1.5}"#, "asInt", &format!("1.5 is not {integer} of 64 bits"));
    bad(
        r#"{"asInt":9223372036854775808}"#,
        "asInt",
        &format!("9223372036854775808 is not {integer} of 64 bits"),
    );
    bad(
        r#"{"timeUnixNano":-1}"#,
        "timeUnixNano",
        "-1 is not a whole number from 0, or one in a string of 64 bits",
    );
    bad(
        r#"{"asDouble":"inf"}"#,
        "asDouble",
        "\"inf\" is no number; expected a number, or one in a string",
    );
    bad(
        r#"{"asDouble":true}"#,
        "asDouble",
        "invalid type: boolean `true`, expected a number, or one in a string",
    );
    bad(
        r#"{"attributes":{}}"#,
        "attributes",
        "invalid type: map, expected an array",
    );
    bad(
        r#"{"attributes":[{"key":7}]}"#,
        "attributes[0].key",
        "a number; expected a string",
    );
    bad(
        r#"{"attributes":[{"value":"x"}]}"#,
        "attributes[0].value",
        "invalid type: string \"x\", expected AnyValue",
    );
    bad(
        r#"{"attributes":[{"value":{"bytesValue":"Z"}}]}"#,
        "attributes[0].value.bytesValue",
        "the bytes are not Base64",
    );
    bad(r#"{"asInt":1,"asInt":2}"#, "asInt", "the field stands more than once");
    refused(
        "[]",
        "body: invalid type: sequence, expected an object, ExportMetricsServiceRequest",
    );
    refused("{} x", "body: trailing characters");
    refused("", "body: EOF while parsing a value");
    refused(
        r#"{"resourceMetrics":[{"#,
        "resourceMetrics[0]: EOF while parsing an object",
    );
}

#[test]
fn ids_are_hexadecimal() {
    let body = |id: &str| format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{id}"}}]}}]}}]}}"#);
    let read = |id: &str| Decoder::default().traces(Encoding::Json, body(id).as_bytes(), &mut Log::default());
    assert!(read("00fFAa").is_ok_and(|decoded| decoded.rejected == 1));
    for id in ["0", "0g", "é0"] {
        let error = read(id).expect_err("no id").to_string();
        assert!(error.contains("traceId: the id is not hexadecimal"), "{error}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(depth), "]}}".repeat(depth));
        point(&format!(
            r#"{{"timeUnixNano":5,"asInt":1,"attributes":[{{"value":{open}{close}}}]}}"#
        ))
    };
    assert!(lines(&nested(16))[1].starts_with("point"));
    assert_eq!(lines(&nested(17))[1], "rejected m");
    // Beyond the parser's own depth.
    let error = Decoder::default().metrics(Encoding::Json, nested(60).as_bytes(), &mut Log::default());
    let error = error.expect_err("too deep").to_string();
    assert!(error.contains("recursion limit exceeded"), "{error}");
    // What is skipped is parsed all the same.
    let skipped = format!(r#"{{"x":{}}}"#, "[".repeat(100_000));
    assert!(
        Decoder::default()
            .metrics(Encoding::Json, skipped.as_bytes(), &mut Log::default())
            .is_err()
    );
}
