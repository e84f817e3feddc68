//! What is answered, as another implementation reads it.

use keiki_decode::otlp::{Encoding, PartialSuccess, Signal, failure, success};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn json(body: Vec<u8>) -> String {
    String::from_utf8(body).expect("a text")
}

#[test]
fn a_success_is_an_empty_message() {
    for signal in [Signal::Metrics, Signal::Traces] {
        assert_eq!(success(Encoding::Protobuf, signal, None), b"");
        assert_eq!(success(Encoding::Json, signal, None), b"{}");
    }
}

#[test]
fn a_partial_success_says_how_many_and_why() {
    let partial = Some(PartialSuccess {
        rejected: 300,
        message: "it has no \"time\"",
    });
    let body = success(Encoding::Protobuf, Signal::Metrics, partial);
    let read = ExportMetricsServiceResponse::decode(&*body).expect("a response");
    let read = read.partial_success.expect("a partial success");
    assert_eq!(
        (read.rejected_data_points, &*read.error_message),
        (300, "it has no \"time\"")
    );
    let body = success(Encoding::Protobuf, Signal::Traces, partial);
    let read = ExportTraceServiceResponse::decode(&*body).expect("a response");
    let read = read.partial_success.expect("a partial success");
    assert_eq!((read.rejected_spans, &*read.error_message), (300, "it has no \"time\""));
    assert_eq!(
        json(success(Encoding::Json, Signal::Metrics, partial)),
        r#"{"partialSuccess":{"errorMessage":"it has no \"time\"","rejectedDataPoints":"300"}}"#
    );
    assert_eq!(
        json(success(Encoding::Json, Signal::Traces, partial)),
        r#"{"partialSuccess":{"errorMessage":"it has no \"time\"","rejectedSpans":"300"}}"#
    );
}

#[test]
fn a_failure_is_a_status() {
    let body = failure(Encoding::Protobuf, 3, "no");
    let status = RpcStatus::decode(&*body).expect("a status");
    assert_eq!((status.code, &*status.message), (3, "no"));
    assert_eq!(json(failure(Encoding::Json, 3, "no")), r#"{"code":3,"message":"no"}"#);
}

#[test]
fn an_encoding_is_known_by_its_content_type() {
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        assert_eq!(Encoding::of_content_type(encoding.content_type()), Some(encoding));
    }
    assert_eq!(
        Encoding::of_content_type("Application/JSON; charset=utf-8"),
        Some(Encoding::Json)
    );
    assert_eq!(Encoding::of_content_type("text/plain"), None);
}
