//! OTLP in both encodings with whatever the network may bring: no panic, and memory in proportion.
//!
//! `cargo run --release -p keiki-decode --example fuzz_otlp -- <seed> <seconds>`

#[path = "fuzz/binary.rs"]
mod fuzz;

use keiki_decode::otlp::{
    Attributes, Decoder, Encoding, ExponentialPoint, HistogramPoint, Metric, MetricVisitor, NumberPoint, Reason,
    Resource, Scope, Span, SpanVisitor, SummaryPoint,
};
use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message;

/// What a request may take beside eight times its size, bytes.
const ROOM: usize = 1 << 20;

/// Looks at all it is handed.
#[derive(Default)]
struct Look {
    /// Renders no labels, which takes memory of its own.
    is_quiet: bool,
    label: String,
    points: u64,
    spans: u64,
    rejected: u64,
}

impl Look {
    fn attributes(&mut self, attributes: Attributes<'_>) {
        for (key, value) in attributes {
            if self.is_quiet {
                continue;
            }
            self.label.clear();
            self.label.push_str(key);
            value.render(&mut self.label);
        }
    }
}

impl MetricVisitor for Look {
    type Key = ();

    fn resource(&mut self, resource: &Resource<'_>) {
        self.attributes(resource.attributes);
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        self.attributes(scope.attributes);
    }

    fn metric(&mut self, metric: &Metric<'_>) {
        assert!(!metric.name.is_empty());
    }

    fn known(&mut self, _raw: &[u8]) -> Option<()> {
        None
    }

    fn declare(&mut self, attributes: Attributes<'_>, _raw: &[u8]) {
        self.attributes(attributes);
    }

    fn number(&mut self, (): (), point: &NumberPoint) {
        assert!(point.value.is_some() || point.time.no_recorded_value);
        self.points += 1;
    }

    fn histogram(&mut self, (): (), point: &HistogramPoint<'_>) {
        assert!(point.counts.is_empty() || point.counts.len() == point.bounds.len() + 1);
        assert!(point.bounds.is_sorted());
        self.points += 1;
    }

    fn exponential(&mut self, (): (), point: &ExponentialPoint<'_>) {
        for buckets in [point.positive, point.negative] {
            assert!(buckets.offset.checked_add(buckets.counts.len() as i32).is_some());
        }
        self.points += 1;
    }

    fn summary(&mut self, (): (), point: &SummaryPoint<'_>) {
        assert!(point.quantiles.iter().all(|one| one.quantile <= 1.0));
        self.points += 1;
    }

    fn rejected(&mut self, _metric: &str, _reason: Reason, points: u64) {
        self.rejected += points;
    }
}

impl SpanVisitor for Look {
    fn resource(&mut self, resource: &Resource<'_>) {
        self.attributes(resource.attributes);
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        self.attributes(scope.attributes);
    }

    fn span(&mut self, span: &Span<'_>) {
        self.attributes(span.attributes);
        self.spans += 1;
    }

    fn rejected(&mut self, _reason: Reason) {
        self.rejected += 1;
    }
}

const METRICS: &str = r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},
"scopeMetrics":[{"scope":{"name":"s","attributes":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":"7"},{"boolValue":true}]}}}]},
"metrics":[{"name":"g","unit":"1","gauge":{"dataPoints":[{"timeUnixNano":"9","asDouble":1.5,"attributes":[{"key":"k",
"value":{"kvlistValue":{"values":[{"key":"x","value":{"doubleValue":2.5}}]}}}]}]}},
{"name":"c","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"timeUnixNano":"9","asInt":"-3","flags":1}]}},
{"name":"h","histogram":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"9","count":"3","sum":1.0,
"bucketCounts":["1","2"],"explicitBounds":[0.5],"min":0.1,"max":2.0}]}},
{"name":"e","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"9","count":"3","scale":5,
"zeroCount":"1","positive":{"offset":-4,"bucketCounts":["1","1"]},"negative":{"offset":2,"bucketCounts":["0"]}}]}},
{"name":"s","summary":{"dataPoints":[{"timeUnixNano":"9","count":"3","sum":1.0,
"quantileValues":[{"quantile":0.5,"value":1.0}]}]}}]}]}]}"#;

const TRACES: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},
"scopeSpans":[{"scope":{"name":"s","version":"1"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10",
"spanId":"0102030405060708","parentSpanId":"0102030405060709","name":"GET","kind":2,"startTimeUnixNano":"5",
"endTimeUnixNano":"9","attributes":[{"key":"http.route","value":{"stringValue":"/a"}},
{"key":"b","value":{"bytesValue":"AQID"}}],"events":[{"name":"exception","timeUnixNano":"6"}],
"status":{"code":2,"message":"no"}}]}]}]}"#;

fn main() {
    let metrics: ExportMetricsServiceRequest = serde_json::from_str(METRICS).expect("metrics");
    let traces: ExportTraceServiceRequest = serde_json::from_str(TRACES).expect("traces");
    let seeds = vec![
        metrics.encode_to_vec(),
        traces.encode_to_vec(),
        METRICS.into(),
        TRACES.into(),
    ];
    // The second time, the same requests take no memory at all.
    let mut decoder = Decoder::default();
    let mut steady = || {
        let mut look = Look {
            is_quiet: true,
            ..Look::default()
        };
        let read = decoder.metrics(Encoding::Protobuf, &seeds[0], &mut look);
        assert!(read.is_ok_and(|decoded| decoded.accepted == 5));
        let read = decoder.traces(Encoding::Protobuf, &seeds[1], &mut look);
        assert!(read.is_ok_and(|decoded| decoded.accepted == 1));
    };
    steady();
    assert_eq!(fuzz::memory(steady), 0);

    let deep = b"{\"arrayValue\":{\"values\":[".repeat(20);
    let dictionary: &[&[u8]] = &[
        &[0x0a, 0x00],
        &[0x12, 0x00],
        &[0xff; 10],
        &[0x80; 9],
        &[0x0b, 0x0c],
        &[0x2a, 0x02, 0x0a, 0x00],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        b"null",
        b"\"NaN\"",
        b"-1e99",
        b"18446744073709551615",
        b"\"-9223372036854775808\"",
        b"[[[[[[[[",
        b"{\"values\":[",
        b"\\u0000",
        b"\"asInt\":",
        &deep,
    ];
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    let mut look = Look::default();
    fuzz::run(seeds, dictionary, |input| {
        let before = accepted;
        let memory = fuzz::memory(|| {
            let mut decoder = Decoder::default();
            for encoding in [Encoding::Protobuf, Encoding::Json] {
                for result in [
                    decoder.metrics(encoding, input, &mut look),
                    decoder.traces(encoding, input, &mut look),
                ] {
                    match result {
                        Ok(_) => accepted += 1,
                        Err(error) => {
                            refused += 1;
                            assert!(!error.to_string().is_empty());
                        }
                    }
                }
            }
        });
        assert!(memory < ROOM + 8 * input.len(), "{memory} bytes for {input:?}");
        accepted > before
    });
    println!(
        "{accepted} accepted, {refused} refused, {} points, {} spans, {} rejected",
        look.points, look.spans, look.rejected
    );
}
