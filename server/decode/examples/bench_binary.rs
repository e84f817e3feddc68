//! How fast the binary formats are decoded, in a process's own time, when every series has been seen before.
//!
//! `cargo run --release -p keiki-decode --example bench_binary`

use std::collections::HashMap;
use std::time::{Duration, Instant};

use keiki_decode::otlp::{
    Attributes, Decoder, Encoding, ExponentialPoint, HistogramPoint, Metric, MetricVisitor, NumberPoint, Reason,
    Resource, Scope, Span, SpanVisitor, SummaryPoint,
};
use keiki_decode::remote_write::{self, BucketFault, Labels, MetricType, NativeHistogram};
use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric as MetricMessage, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as SpanMessage};
use prost::Message;

const NOW: u64 = 1_795_000_000_000_000_000;

/// What a source does at the least: look up the series and hand the value on.
#[derive(Default)]
struct Lookup {
    keys: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    sum: f64,
    declared: u64,
}

impl Lookup {
    fn known(&self, raw: &[u8]) -> Option<u32> {
        self.keys.get(raw).copied()
    }

    fn declare(&mut self, raw: &[u8]) -> u32 {
        self.declared += 1;
        let key = self.keys.len() as u32;
        self.keys.insert(raw.into(), key);
        key
    }

    fn take(&mut self, key: u32, value: f64) {
        self.sum += value + f64::from(key & 1);
    }
}

impl remote_write::Visitor for Lookup {
    type Key = u32;

    fn known(&mut self, raw: &[u8]) -> Option<u32> {
        Lookup::known(self, raw)
    }

    fn declare(&mut self, labels: Labels<'_>, raw: &[u8], _is_native: bool) -> u32 {
        assert!(labels.count() > 2);
        Lookup::declare(self, raw)
    }

    fn value(&mut self, key: u32, value: f64, _time_ms: i64) {
        self.take(key, value);
    }

    fn histogram(&mut self, _key: u32, _histogram: &NativeHistogram<'_>, _time_ms: i64) {}
    fn rejected(&mut self, _key: u32, _fault: BucketFault, _time_ms: i64) {}
    fn metadata(&mut self, _family: &str, _kind: MetricType, _unit: &str, _help: &str) {}
}

impl MetricVisitor for Lookup {
    type Key = u32;

    fn resource(&mut self, _resource: &Resource<'_>) {}
    fn scope(&mut self, _scope: &Scope<'_>) {}
    fn metric(&mut self, _metric: &Metric<'_>) {}

    fn known(&mut self, raw: &[u8]) -> Option<u32> {
        Lookup::known(self, raw)
    }

    fn declare(&mut self, _attributes: Attributes<'_>, raw: &[u8]) -> u32 {
        Lookup::declare(self, raw)
    }

    fn number(&mut self, key: u32, point: &NumberPoint) {
        self.take(key, point.value.map_or(0.0, |value| value.as_f64()));
    }

    fn histogram(&mut self, _key: u32, _point: &HistogramPoint<'_>) {}
    fn exponential(&mut self, _key: u32, _point: &ExponentialPoint<'_>) {}
    fn summary(&mut self, _key: u32, _point: &SummaryPoint<'_>) {}
    fn rejected(&mut self, metric: &str, reason: Reason, _points: u64) {
        panic!("{metric}: {reason}");
    }
}

impl SpanVisitor for Lookup {
    fn resource(&mut self, _resource: &Resource<'_>) {}
    fn scope(&mut self, _scope: &Scope<'_>) {}

    fn span(&mut self, span: &Span<'_>) {
        let wanted = span
            .attributes
            .filter(|(key, _)| matches!(*key, "http.route" | "http.method"));
        self.sum += wanted.count() as f64 + span.duration_nanos() as f64;
    }

    fn rejected(&mut self, reason: Reason) {
        panic!("{reason}");
    }
}

/// What a client library's process reports of a request.
fn labels(series: usize) -> Vec<(&'static str, String)> {
    vec![
        ("__name__", "http_server_request_duration_seconds_bucket".into()),
        ("instance", format!("10.0.{}.{}:9090", series / 250 % 250, series % 250)),
        ("job", "checkout-api".into()),
        ("le", format!("{}", series % 12)),
        ("method", ["GET", "POST", "PUT"][series % 3].into()),
        ("route", format!("/api/v1/items/{}", series / 36)),
        ("status", "200".into()),
    ]
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

fn remote_write_bodies() -> Vec<Vec<u8>> {
    let series = |number: usize| TimeSeries {
        labels: labels(number)
            .into_iter()
            .map(|(name, value)| Label {
                name: name.into(),
                value,
            })
            .collect(),
        samples: vec![Sample {
            value: number as f64 * 1.37,
            timestamp: 1_795_000_000_000 + number as i64 % 1_000,
        }],
    };
    let body = |first: usize| {
        let timeseries = (first..first + 1_000).map(series).collect();
        let message = WriteRequest { timeseries }.encode_to_vec();
        snap::raw::Encoder::new().compress_vec(&message).expect("it is packed")
    };
    (0..10).map(|request| body(request * 1_000)).collect()
}

fn attribute(key: &str, value: String) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value)),
        }),
        ..KeyValue::default()
    }
}

fn metrics_bodies() -> Vec<Vec<u8>> {
    let point = |number: usize| NumberDataPoint {
        attributes: labels(number)
            .into_iter()
            .skip(1)
            .map(|(key, value)| attribute(key, value))
            .collect(),
        start_time_unix_nano: NOW,
        time_unix_nano: NOW + number as u64,
        value: Some(number_data_point::Value::AsDouble(number as f64 * 1.37)),
        ..NumberDataPoint::default()
    };
    let body = |first: usize| {
        let metric = MetricMessage {
            name: "http.server.active_requests".into(),
            data: Some(Data::Gauge(Gauge {
                data_points: (first..first + 1_000).map(point).collect(),
            })),
            ..MetricMessage::default()
        };
        let scope_metrics = ScopeMetrics {
            metrics: vec![metric],
            ..ScopeMetrics::default()
        };
        let resource_metrics = vec![ResourceMetrics {
            scope_metrics: vec![scope_metrics],
            ..ResourceMetrics::default()
        }];
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
    };
    (0..10).map(|request| body(request * 1_000)).collect()
}

fn traces_bodies() -> Vec<Vec<u8>> {
    let keys = [
        "http.method",
        "url.path",
        "http.route",
        "server.address",
        "user_agent.original",
    ];
    let more = [
        "network.peer.address",
        "url.scheme",
        "http.status",
        "thread.name",
        "code.function",
    ];
    let span = |number: usize| SpanMessage {
        trace_id: (number as u128 + 1).to_be_bytes().into(),
        span_id: (number as u64 + 1).to_be_bytes().into(),
        parent_span_id: vec![1; 8],
        name: "GET /api/v1/items/{id}".into(),
        kind: 2,
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW + number as u64,
        attributes: keys
            .iter()
            .chain(&more)
            .map(|key| attribute(key, format!("value-{number}-of-it")))
            .collect(),
        ..SpanMessage::default()
    };
    let body = |first: usize| {
        let scope_spans = ScopeSpans {
            spans: (first..first + 1_000).map(span).collect(),
            ..ScopeSpans::default()
        };
        let resource_spans = vec![ResourceSpans {
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        }];
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    };
    (0..10).map(|request| body(request * 1_000)).collect()
}

/// Processor time of this process. The machine may be shared, and the clock on the wall counts the others in.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn bench(name: &str, bodies: &[Vec<u8>], mut decode: impl FnMut(&[u8], &mut Lookup)) {
    let mut lookup = Lookup::default();
    bodies.iter().for_each(|body| decode(body, &mut lookup));
    let declared = lookup.declared;
    let (started, began) = (processor_time(), Instant::now());
    let mut requests = 0;
    while began.elapsed() < Duration::from_secs(3) {
        for body in bodies {
            decode(body, &mut lookup);
            requests += 1;
        }
    }
    let took = (processor_time() - started).as_secs_f64();
    assert_eq!(lookup.declared, declared, "all is known");
    let bytes = bodies.iter().map(Vec::len).sum::<usize>() / bodies.len();
    let records = f64::from(requests) * 1_000.0;
    println!(
        "{name}: {:.2} M a processor second, {:.0} MB/s, requests of {bytes} bytes ({:.1})",
        records / took / 1e6,
        f64::from(requests) * bytes as f64 / took / 1e6,
        lookup.sum
    );
}

fn main() {
    let limit = 32 << 20;
    let mut decoder = remote_write::Decoder::default();
    bench("remote write, samples", &remote_write_bodies(), |body, lookup| {
        decoder.decode(body, limit, lookup).expect("a request");
    });
    let mut unpack = snap::raw::Decoder::new();
    let mut unpacked = vec![0; limit];
    bench("  of which snappy alone", &remote_write_bodies(), |body, _| {
        unpack.decompress(body, &mut unpacked).expect("a block");
    });
    let mut decoder = Decoder::default();
    bench(
        "OTLP, data points of 6 attributes",
        &metrics_bodies(),
        |body, lookup| {
            decoder.metrics(Encoding::Protobuf, body, lookup).expect("a request");
        },
    );
    bench("OTLP, spans of 10 attributes", &traces_bodies(), |body, lookup| {
        decoder.traces(Encoding::Protobuf, body, lookup).expect("a request");
    });
}
