//! Requests of OpenTelemetry's spans.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind};
use prost::Message;

use super::IN_A_REQUEST;
use super::metrics::{Patched, attribute, marked, resource};

/// Of every three spans two are of requests and one is of a query; ten attributes each, 50 routes, 30 statements.
fn span(number: usize) -> Span {
    let took = 1_000_000 + (number * 7_919 % 50_000) as u64 * 1_000;
    let (kind, attributes) = if number % 3 < 2 {
        let attributes = vec![
            attribute("http.request.method", ["GET", "POST"][number % 2]),
            attribute("url.path", format!("/api/v1/items/{number}")),
            attribute("http.route", format!("/api/v1/group{}/{{id}}", number % 50)),
            attribute("server.address", "shop.example"),
            attribute("server.port", "443"),
            attribute("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"),
            attribute("network.peer.address", format!("10.0.0.{}", number % 250)),
            attribute("url.scheme", "https"),
            attribute(
                "http.response.status_code",
                if number.is_multiple_of(100) { "500" } else { "200" },
            ),
            attribute("network.protocol.version", "1.1"),
        ];
        (SpanKind::Server, attributes)
    } else {
        let attributes = vec![
            attribute("db.system.name", "postgresql"),
            attribute("db.namespace", "shop"),
            attribute("db.operation.name", "SELECT"),
            attribute("db.collection.name", format!("table{}", number % 30)),
            attribute("db.query.summary", format!("SELECT table{}", number % 30)),
            attribute(
                "db.query.text",
                format!("SELECT * FROM table{} WHERE id = $1", number % 30),
            ),
            attribute("server.address", "db.example"),
            attribute("server.port", "5432"),
            attribute("thread.name", "worker-3"),
            attribute("code.function", "load"),
        ];
        (SpanKind::Client, attributes)
    };
    Span {
        trace_id: (number as u128 + 1).to_be_bytes().into(),
        span_id: (number as u64 + 1).to_be_bytes().into(),
        parent_span_id: vec![1; 8],
        name: format!("span {}", number % 50),
        kind: kind.into(),
        start_time_unix_nano: marked(0),
        end_time_unix_nano: marked(took),
        attributes,
        ..Span::default()
    }
}

pub(crate) fn request(first: usize, base: i64) -> Patched {
    let spans = (first..first + IN_A_REQUEST).map(span).collect();
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        resource: Some(resource()),
        scope_spans,
        ..ResourceSpans::default()
    }];
    Patched::new(ExportTraceServiceRequest { resource_spans }.encode_to_vec(), base)
}
