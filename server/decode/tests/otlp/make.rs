//! Requests at random, all kinds of points and spans and some that are to be rejected.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exponential_histogram_data_point::Buckets,
    metric::Data, number_data_point, summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event, span::Link};

pub(crate) struct Make {
    state: u64,
    /// Whether there may be NaN and infinities: the other implementation's JSON has no word for them.
    any_double: bool,
}

impl Make {
    pub(crate) fn new(seed: u64, any_double: bool) -> Self {
        Self {
            state: seed,
            any_double,
        }
    }

    /// By the generator "SplitMix64".
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn rarely(&mut self) -> bool {
        self.below(12) == 0
    }

    fn some<T>(&mut self, one: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(4) > 0).then(|| one(self))
    }

    fn several<T>(&mut self, most: u64, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }

    fn integer(&mut self) -> u64 {
        let bits = self.below(64);
        self.next() >> bits
    }

    fn double(&mut self) -> f64 {
        let number = match self.below(4) {
            0 => self.below(100) as f64 / 8.0,
            1 => -(self.next() as f64) / 1e13,
            2 if self.any_double => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][self.below(3) as usize],
            _ => f64::from_bits(self.next()),
        };
        if self.any_double || number.is_finite() {
            number
        } else {
            0.1
        }
    }

    fn text(&mut self) -> String {
        let words = ["", "a", "http.route", "Größe", "\"\\\n\u{1}", "日本", "x y", "0"];
        let word = words[self.below(8) as usize];
        word.repeat(if self.rarely() { 40 } else { 1 })
    }

    fn attributes(&mut self, depth: u64) -> Vec<KeyValue> {
        self.several(5, |make| KeyValue {
            key: make.text(),
            value: Some(make.value(depth)),
            ..KeyValue::default()
        })
    }

    fn value(&mut self, depth: u64) -> AnyValue {
        let kinds = if depth < 3 { 8 } else { 6 };
        let value = match self.below(kinds) {
            0 | 1 => Some(Value::StringValue(self.text())),
            2 => Some(Value::BoolValue(self.below(2) == 1)),
            3 => Some(Value::IntValue(self.integer() as i64 ^ -(self.below(2) as i64))),
            4 => Some(Value::DoubleValue(self.double())),
            5 => Some(Value::BytesValue(self.several(9, |make| make.next() as u8))),
            6 => Some(Value::ArrayValue(ArrayValue {
                values: self.several(3, |make| make.value(depth + 1)),
            })),
            _ => Some(Value::KvlistValue(KeyValueList {
                values: self.attributes(depth + 1),
            })),
        };
        AnyValue { value }
    }

    fn resource(&mut self) -> Option<Resource> {
        self.some(|make| Resource {
            attributes: make.attributes(0),
            ..Resource::default()
        })
    }

    fn scope(&mut self) -> Option<InstrumentationScope> {
        self.some(|make| InstrumentationScope {
            name: make.text(),
            version: make.text(),
            attributes: make.attributes(1),
            dropped_attributes_count: 3,
        })
    }

    fn time(&mut self) -> u64 {
        if self.rarely() { 0 } else { 1 + self.integer() }
    }

    pub(crate) fn metrics(&mut self) -> ExportMetricsServiceRequest {
        let scope_metrics = |make: &mut Self| ScopeMetrics {
            scope: make.scope(),
            metrics: make.several(4, Self::metric),
            schema_url: make.text(),
        };
        let resource_metrics = |make: &mut Self| ResourceMetrics {
            resource: make.resource(),
            scope_metrics: make.several(3, scope_metrics),
            schema_url: make.text(),
        };
        ExportMetricsServiceRequest {
            resource_metrics: self.several(3, resource_metrics),
        }
    }

    fn metric(&mut self) -> Metric {
        let aggregation_temporality = if self.rarely() { 0 } else { 1 + self.below(2) as i32 };
        let data = match self.below(5) {
            0 => Data::Gauge(Gauge {
                data_points: self.several(5, Self::number),
            }),
            1 => Data::Sum(Sum {
                data_points: self.several(5, Self::number),
                aggregation_temporality,
                is_monotonic: self.below(2) == 1,
            }),
            2 => Data::Histogram(Histogram {
                data_points: self.several(5, Self::histogram),
                aggregation_temporality,
            }),
            3 => Data::ExponentialHistogram(ExponentialHistogram {
                data_points: self.several(5, Self::exponential),
                aggregation_temporality,
            }),
            _ => Data::Summary(Summary {
                data_points: self.several(5, Self::summary),
            }),
        };
        Metric {
            name: self.text(),
            description: self.text(),
            unit: self.text(),
            metadata: self.attributes(2),
            data: Some(data),
        }
    }

    fn number(&mut self) -> NumberDataPoint {
        let value = if self.below(2) == 0 {
            number_data_point::Value::AsInt(self.next() as i64)
        } else {
            number_data_point::Value::AsDouble(self.double())
        };
        NumberDataPoint {
            attributes: self.attributes(1),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            flags: self.below(2) as u32,
            value: if self.rarely() { None } else { Some(value) },
            ..NumberDataPoint::default()
        }
    }

    fn histogram(&mut self) -> HistogramDataPoint {
        let mut bounds = self.several(6, |make| make.below(1_000) as f64 / 8.0);
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let counts = match self.below(10) {
            0 => 0,
            1 => bounds.len(),
            _ => bounds.len() + 1,
        };
        HistogramDataPoint {
            attributes: self.attributes(1),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.integer(),
            sum: self.some(Self::double),
            bucket_counts: (0..counts).map(|_| self.integer()).collect(),
            explicit_bounds: bounds,
            flags: self.below(2) as u32,
            min: self.some(Self::double),
            max: self.some(Self::double),
            ..HistogramDataPoint::default()
        }
    }

    fn buckets(&mut self) -> Buckets {
        Buckets {
            offset: self.next() as i32 / 2,
            bucket_counts: self.several(8, Self::integer),
        }
    }

    fn exponential(&mut self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: self.attributes(1),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.integer(),
            sum: self.some(Self::double),
            scale: self.below(31) as i32 - 10,
            zero_count: self.integer(),
            positive: self.some(Self::buckets),
            negative: self.some(Self::buckets),
            flags: self.below(2) as u32,
            min: self.some(Self::double),
            max: self.some(Self::double),
            zero_threshold: self.double(),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn summary(&mut self) -> SummaryDataPoint {
        SummaryDataPoint {
            attributes: self.attributes(1),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.integer(),
            sum: self.double(),
            quantile_values: self.several(4, |make| ValueAtQuantile {
                quantile: make.below(101) as f64 / 100.0,
                value: make.double(),
            }),
            flags: self.below(2) as u32,
        }
    }

    pub(crate) fn traces(&mut self) -> ExportTraceServiceRequest {
        let scope_spans = |make: &mut Self| ScopeSpans {
            scope: make.scope(),
            spans: make.several(6, Self::span),
            schema_url: make.text(),
        };
        let resource_spans = |make: &mut Self| ResourceSpans {
            resource: make.resource(),
            scope_spans: make.several(3, scope_spans),
            schema_url: make.text(),
        };
        ExportTraceServiceRequest {
            resource_spans: self.several(3, resource_spans),
        }
    }

    fn id(&mut self, width: usize) -> Vec<u8> {
        match self.below(20) {
            0 => vec![0; width],
            1 => vec![7; width + 1],
            _ => (0..width).map(|_| self.next() as u8).collect(),
        }
    }

    fn span(&mut self) -> Span {
        Span {
            trace_id: self.id(16),
            span_id: self.id(8),
            parent_span_id: self.some(|make| make.id(8)).unwrap_or_default(),
            trace_state: self.text(),
            flags: 257,
            name: self.text(),
            kind: self.below(7) as i32,
            start_time_unix_nano: self.time(),
            end_time_unix_nano: self.time(),
            attributes: self.attributes(1),
            dropped_attributes_count: 1,
            events: self.several(3, |make| Event {
                name: make.text(),
                attributes: make.attributes(2),
                ..Event::default()
            }),
            dropped_events_count: 2,
            links: self.several(2, |make| Link {
                attributes: make.attributes(2),
                ..Link::default()
            }),
            dropped_links_count: 0,
            status: self.some(|make| Status {
                message: make.text(),
                code: make.below(4) as i32,
            }),
        }
    }
}
