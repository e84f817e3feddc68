//! The same lines, from the other implementation's messages.

use keiki_decode::otlp::{Kind, Metric, SpanKind, StatusCode, Temporality};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    self, exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::log::double;

fn attributes(all: &[KeyValue]) -> String {
    let one = |one: &KeyValue| format!("{}={},", one.key, any(one.value.as_ref()));
    all.iter().map(one).collect()
}

fn any(value: Option<&AnyValue>) -> String {
    use any_value::Value;
    match value.and_then(|value| value.value.as_ref()) {
        None | Some(Value::StringValueStrindex(_)) => "empty".into(),
        Some(Value::StringValue(text)) => format!("text {text:?}"),
        Some(Value::BoolValue(value)) => format!("{value}"),
        Some(Value::IntValue(number)) => format!("int {number}"),
        Some(Value::DoubleValue(number)) => format!("double {}", double(*number)),
        Some(Value::BytesValue(bytes)) => format!("bytes {bytes:?}"),
        Some(Value::ArrayValue(array)) => {
            let values = array.values.iter().map(|value| any(Some(value)));
            format!("{:?}", values.collect::<Vec<_>>())
        }
        Some(Value::KvlistValue(list)) => format!("{{{}}}", attributes(&list.values)),
    }
}

fn resource(resource: Option<&Resource>) -> String {
    let all = resource.map_or(String::new(), |resource| attributes(&resource.attributes));
    format!("resource {all}")
}

fn scope(scope: Option<&InstrumentationScope>) -> String {
    let none = InstrumentationScope::default();
    let scope = scope.unwrap_or(&none);
    format!(
        "scope {} {} {}",
        scope.name,
        scope.version,
        attributes(&scope.attributes)
    )
}

pub(crate) fn metrics(request: &ExportMetricsServiceRequest) -> Vec<String> {
    let mut lines = Vec::new();
    for of_resource in &request.resource_metrics {
        lines.push(resource(of_resource.resource.as_ref()));
        for of_scope in &of_resource.scope_metrics {
            lines.push(scope(of_scope.scope.as_ref()));
            of_scope.metrics.iter().for_each(|one| metric(one, &mut lines));
        }
    }
    lines
}

fn metric(metric: &v1::Metric, lines: &mut Vec<String>) {
    let temporality = |number: i32| match number {
        1 => Some(Temporality::Delta),
        2 => Some(Temporality::Cumulative),
        _ => None,
    };
    // Each point by itself, unless it is to be rejected.
    let (kind, points): (_, Vec<Option<String>>) = match &metric.data {
        None => return,
        Some(Data::Gauge(data)) => (Some(Kind::Gauge), data.data_points.iter().map(number).collect()),
        Some(Data::Sum(data)) => {
            let kind = temporality(data.aggregation_temporality).map(|temporality| Kind::Sum {
                is_monotonic: data.is_monotonic,
                temporality,
            });
            (kind, data.data_points.iter().map(number).collect())
        }
        Some(Data::Histogram(data)) => (
            temporality(data.aggregation_temporality).map(|temporality| Kind::Histogram { temporality }),
            data.data_points.iter().map(histogram).collect(),
        ),
        Some(Data::ExponentialHistogram(data)) => (
            temporality(data.aggregation_temporality).map(|temporality| Kind::ExponentialHistogram { temporality }),
            data.data_points.iter().map(exponential).collect(),
        ),
        Some(Data::Summary(data)) => (Some(Kind::Summary), data.data_points.iter().map(summary).collect()),
    };
    let rejected = format!("rejected {}", metric.name);
    let kind = kind.filter(|_| !metric.name.is_empty());
    let Some(kind) = kind else {
        return lines.extend(points.iter().map(|_| rejected.clone()));
    };
    let head = Metric {
        name: &metric.name,
        unit: &metric.unit,
        description: &metric.description,
        kind,
    };
    lines.push(format!("{head:?}"));
    for point in points {
        lines.push(point.unwrap_or(rejected.clone()));
    }
}

/// What every point begins with, unless it has no time.
fn point(all: &[KeyValue], start: u64, time: u64, flags: u32) -> Option<String> {
    (time > 0).then(|| format!("point {} {start}-{time} {}", attributes(all), flags & 1 == 1))
}

fn number(one: &v1::NumberDataPoint) -> Option<String> {
    let value = match one.value {
        None if one.flags & 1 == 0 => return None,
        None => "none".into(),
        Some(number_data_point::Value::AsInt(number)) => number.to_string(),
        Some(number_data_point::Value::AsDouble(number)) => double(number),
    };
    let head = point(&one.attributes, one.start_time_unix_nano, one.time_unix_nano, one.flags)?;
    Some(format!("{head} {value}"))
}

fn histogram(one: &v1::HistogramDataPoint) -> Option<String> {
    let head = point(&one.attributes, one.start_time_unix_nano, one.time_unix_nano, one.flags)?;
    let is_plain = one.explicit_bounds.is_empty() && one.bucket_counts.is_empty();
    if !is_plain && one.explicit_bounds.len() + 1 != one.bucket_counts.len() {
        return None;
    }
    Some(format!(
        "{head} {} {:?} {:?} {:?} {:?} {:?}",
        one.count,
        one.sum.map(double),
        one.min.map(double),
        one.max.map(double),
        one.explicit_bounds,
        one.bucket_counts,
    ))
}

fn exponential(one: &v1::ExponentialHistogramDataPoint) -> Option<String> {
    let head = point(&one.attributes, one.start_time_unix_nano, one.time_unix_nano, one.flags)?;
    let buckets = |buckets: &Option<Buckets>| {
        let buckets = buckets.clone().unwrap_or_default();
        let offset = if buckets.bucket_counts.is_empty() {
            0
        } else {
            buckets.offset
        };
        format!("{offset}:{:?}", buckets.bucket_counts)
    };
    Some(format!(
        "{head} {} {:?} {:?} {:?} {} {} {} {} {}",
        one.count,
        one.sum.map(double),
        one.min.map(double),
        one.max.map(double),
        one.scale,
        one.zero_count,
        double(one.zero_threshold),
        buckets(&one.positive),
        buckets(&one.negative),
    ))
}

fn summary(one: &v1::SummaryDataPoint) -> Option<String> {
    let head = point(&one.attributes, one.start_time_unix_nano, one.time_unix_nano, one.flags)?;
    let quantiles = one.quantile_values.iter();
    let quantiles = quantiles.map(|one| (double(one.quantile), double(one.value)));
    Some(format!(
        "{head} {} {} {:?}",
        one.count,
        double(one.sum),
        quantiles.collect::<Vec<_>>()
    ))
}

pub(crate) fn traces(request: &ExportTraceServiceRequest) -> Vec<String> {
    let mut lines = Vec::new();
    for of_resource in &request.resource_spans {
        lines.push(resource(of_resource.resource.as_ref()));
        for of_scope in &of_resource.scope_spans {
            lines.push(scope(of_scope.scope.as_ref()));
            let spans = of_scope.spans.iter();
            lines.extend(spans.map(|one| span(one).unwrap_or("rejected".into())));
        }
    }
    lines
}

fn span(span: &Span) -> Option<String> {
    let trace_id = <[u8; 16]>::try_from(&*span.trace_id).ok().filter(|id| *id != [0; 16])?;
    let span_id = <[u8; 8]>::try_from(&*span.span_id).ok().filter(|id| *id != [0; 8])?;
    let parent = match &*span.parent_span_id {
        [] => None,
        id => Some(<[u8; 8]>::try_from(id).ok()?).filter(|id| *id != [0; 8]),
    };
    if span.start_time_unix_nano == 0 || span.end_time_unix_nano == 0 {
        return None;
    }
    let kind = match span.kind {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    };
    let status = span.status.clone().unwrap_or_default();
    let code = match status.code {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    };
    Some(format!(
        "span {trace_id:?} {span_id:?} {parent:?} {:?} {kind:?} {}-{} {} {code:?} {:?} {}",
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        attributes(&span.attributes),
        status.message,
        span.events.len(),
    ))
}
