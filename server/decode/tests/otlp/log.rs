//! A visitor that writes down what it is handed, one line each.

use std::collections::HashMap;
use std::fmt::Write;

use keiki_decode::otlp::{
    Attributes, Exponential, ExponentialPoint, HistogramPoint, Metric, MetricVisitor, Number, NumberPoint, PointTime,
    Reason, Resource, Scope, Span, SpanVisitor, SummaryPoint, Value,
};

/// A number with nothing lost and no NaN unequal to itself.
pub(crate) fn double(number: f64) -> String {
    format!("{number:?}/{:x}", number.to_bits())
}

#[derive(Default)]
pub(crate) struct Log {
    pub lines: Vec<String>,
    keys: HashMap<Vec<u8>, usize>,
    /// The attributes of each key.
    attributes: Vec<String>,
}

impl Log {
    fn line(&mut self, line: String) {
        self.lines.push(line);
    }
}

fn attributes(all: Attributes<'_>) -> String {
    let mut out = String::new();
    for (key, value) in all {
        let _ = write!(out, "{key}={},", any(value));
    }
    out
}

fn any(value: Value<'_>) -> String {
    match value {
        Value::Empty => "empty".into(),
        Value::String(text) => format!("text {text:?}"),
        Value::Bool(value) => format!("{value}"),
        Value::Int(number) => format!("int {number}"),
        Value::Double(number) => format!("double {}", double(number)),
        Value::Bytes(bytes) => format!("bytes {bytes:?}"),
        Value::Array(values) => format!("{:?}", values.map(any).collect::<Vec<_>>()),
        Value::KeyValues(list) => format!("{{{}}}", attributes(list)),
    }
}

fn time(time: PointTime) -> String {
    format!(
        "{}-{} {}",
        time.start_unix_nanos, time.unix_nanos, time.no_recorded_value
    )
}

fn buckets(buckets: Exponential<'_>) -> String {
    // Where no bucket is, there is no first one either.
    let offset = if buckets.counts.is_empty() { 0 } else { buckets.offset };
    format!("{offset}:{:?}", buckets.counts)
}

impl MetricVisitor for Log {
    type Key = usize;

    fn resource(&mut self, resource: &Resource<'_>) {
        self.line(format!("resource {}", attributes(resource.attributes)));
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        self.line(format!(
            "scope {} {} {}",
            scope.name,
            scope.version,
            attributes(scope.attributes)
        ));
    }

    fn metric(&mut self, metric: &Metric<'_>) {
        self.line(format!("{metric:?}"));
    }

    fn known(&mut self, raw: &[u8]) -> Option<usize> {
        self.keys.get(raw).copied()
    }

    fn declare(&mut self, all: Attributes<'_>, raw: &[u8]) -> usize {
        assert_eq!(all.raw(), raw);
        self.keys.insert(raw.to_vec(), self.attributes.len());
        self.attributes.push(attributes(all));
        self.attributes.len() - 1
    }

    fn number(&mut self, key: usize, point: &NumberPoint) {
        let value = match point.value {
            None => "none".into(),
            Some(Number::Int(number)) => number.to_string(),
            Some(Number::Double(number)) => double(number),
        };
        self.line(format!("point {} {} {value}", self.attributes[key], time(point.time)));
    }

    fn histogram(&mut self, key: usize, point: &HistogramPoint<'_>) {
        self.line(format!(
            "point {} {} {} {:?} {:?} {:?} {:?} {:?}",
            self.attributes[key],
            time(point.time),
            point.count,
            point.sum.map(double),
            point.min.map(double),
            point.max.map(double),
            point.bounds,
            point.counts,
        ));
    }

    fn exponential(&mut self, key: usize, point: &ExponentialPoint<'_>) {
        self.line(format!(
            "point {} {} {} {:?} {:?} {:?} {} {} {} {} {}",
            self.attributes[key],
            time(point.time),
            point.count,
            point.sum.map(double),
            point.min.map(double),
            point.max.map(double),
            point.scale,
            point.zero_count,
            double(point.zero_threshold),
            buckets(point.positive),
            buckets(point.negative),
        ));
    }

    fn summary(&mut self, key: usize, point: &SummaryPoint<'_>) {
        let quantiles = point.quantiles.iter();
        let quantiles = quantiles.map(|one| (double(one.quantile), double(one.value)));
        self.line(format!(
            "point {} {} {} {} {:?}",
            self.attributes[key],
            time(point.time),
            point.count,
            double(point.sum),
            quantiles.collect::<Vec<_>>(),
        ));
    }

    fn rejected(&mut self, metric: &str, _reason: Reason, points: u64) {
        (0..points).for_each(|_| self.line(format!("rejected {metric}")));
    }
}

impl SpanVisitor for Log {
    fn resource(&mut self, resource: &Resource<'_>) {
        MetricVisitor::resource(self, resource);
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        MetricVisitor::scope(self, scope);
    }

    fn span(&mut self, span: &Span<'_>) {
        self.line(format!(
            "span {:?} {:?} {:?} {:?} {:?} {}-{} {} {:?} {:?} {}",
            span.trace_id,
            span.span_id,
            span.parent_span_id,
            span.name,
            span.kind,
            span.start_unix_nanos,
            span.end_unix_nanos,
            attributes(span.attributes),
            span.status.code,
            span.status.message,
            span.events,
        ));
    }

    fn rejected(&mut self, _reason: Reason) {
        self.line("rejected".into());
    }
}
