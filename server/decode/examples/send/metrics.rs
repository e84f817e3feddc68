//! Requests of OpenTelemetry's metrics, and what they have in common with those of spans.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::{IN_A_REQUEST, Request, STEP};

/// No time is near this: times stand in a request as eight bytes, and are found by it.
const MARK: u64 = 0xfeed_0000_0000_0000;

const NANOS: i64 = 1_000_000;

/// The place of a time in a request: so many nanoseconds after the round's.
pub(crate) fn marked(nanos: u64) -> u64 {
    MARK + nanos
}

/// A request whose times are put in anew for every round.
pub(crate) struct Patched {
    body: Vec<u8>,
    /// Where times stand, and how far each lies after the round's, nanoseconds.
    times: Vec<(usize, u64)>,
    base: i64,
}

impl Patched {
    pub(crate) fn new(body: Vec<u8>, base: i64) -> Self {
        let mut times = Vec::new();
        let mut at = 0;
        while let Some(Ok(bytes)) = body.get(at..at + 8).map(<[u8; 8]>::try_from) {
            let nanos = u64::from_le_bytes(bytes).wrapping_sub(MARK);
            if nanos < 1 << 40 {
                times.push((at, nanos));
                at += 8;
            } else {
                at += 1;
            }
        }
        Self { body, times, base }
    }
}

impl Request for Patched {
    fn body(&mut self, round: usize) -> &[u8] {
        let time = (self.base + round as i64 * STEP) * NANOS;
        for &(at, nanos) in &self.times {
            self.body[at..at + 8].copy_from_slice(&(time.cast_unsigned() + nanos).to_le_bytes());
        }
        &self.body
    }
}

pub(crate) fn attribute(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.into())),
        }),
        ..KeyValue::default()
    }
}

pub(crate) fn resource() -> Resource {
    Resource {
        attributes: vec![
            attribute("service.name", "checkout-api"),
            attribute("service.instance.id", "checkout-1"),
            attribute("host.name", "a.example"),
            attribute("telemetry.sdk.language", "python"),
        ],
        ..Resource::default()
    }
}

/// Gauges and running totals, half of each.
pub(crate) fn request(first: usize, base: i64) -> Patched {
    let point = |number: usize| NumberDataPoint {
        attributes: vec![
            attribute("http.request.method", ["GET", "POST", "PUT"][number % 3]),
            attribute("http.response.status_code", "200"),
            attribute("http.route", format!("/api/v1/items/{number}")),
            attribute("network.protocol.version", "1.1"),
            attribute(
                "server.address",
                format!("10.0.{}.{}", number / 250 % 250, number % 250),
            ),
            attribute("url.scheme", "http"),
        ],
        time_unix_nano: marked(0),
        value: Some(number_data_point::Value::AsDouble(number as f64 * 1.37)),
        ..NumberDataPoint::default()
    };
    let half = first + IN_A_REQUEST / 2;
    let metric = |name: &str, data| Metric {
        name: name.into(),
        data: Some(data),
        ..Metric::default()
    };
    let metrics = vec![
        metric(
            "app.level",
            Data::Gauge(Gauge {
                data_points: (first..half).map(point).collect(),
            }),
        ),
        metric(
            "app.work",
            Data::Sum(Sum {
                data_points: (half..first + IN_A_REQUEST).map(point).collect(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
        ),
    ];
    let scope_metrics = vec![ScopeMetrics {
        metrics,
        ..ScopeMetrics::default()
    }];
    let resource_metrics = vec![ResourceMetrics {
        resource: Some(resource()),
        scope_metrics,
        ..ResourceMetrics::default()
    }];
    Patched::new(ExportMetricsServiceRequest { resource_metrics }.encode_to_vec(), base)
}
