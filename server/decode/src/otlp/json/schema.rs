//! Those messages and fields that are read, as JSON names them. Exemplars, links and what belongs to them are left out,
//! and so skipped like any unknown field.

/// A message.
pub(in crate::otlp) struct Message {
    pub(super) name: &'static str,
    /// At most 32.
    pub(super) fields: &'static [Field],
}

/// A field of a message.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) is_repeated: bool,
}

/// How a value is written: in JSON, and as protocol buffers.
pub(super) enum Kind {
    Text,
    Base64,
    Hex,
    Bool,
    Int64,
    Uint64,
    Sint32,
    Uint32,
    Fixed64,
    Sfixed64,
    Double,
    /// Its names by number. The protocol wants numbers; generic libraries send the names.
    Enum(&'static [&'static str]),
    Message(&'static Message),
}

impl Kind {
    pub(super) fn expected(&self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Base64 => "bytes in Base64",
            Self::Hex => "an id in hexadecimal",
            Self::Bool => "true or false",
            Self::Int64 | Self::Sfixed64 | Self::Sint32 => "a whole number, or one in a string",
            Self::Uint64 | Self::Fixed64 | Self::Uint32 => "a whole number from 0, or one in a string",
            Self::Double => "a number, or one in a string",
            Self::Enum(_) => "the number of an enum",
            Self::Message(message) => message.name,
        }
    }
}

const fn one(name: &'static str, number: u32, kind: Kind) -> Field {
    Field {
        name,
        number,
        kind,
        is_repeated: false,
    }
}

const fn many(name: &'static str, number: u32, kind: Kind) -> Field {
    Field {
        name,
        number,
        kind,
        is_repeated: true,
    }
}

macro_rules! messages {
    ($($visibility:vis $ident:ident $name:literal { $($field:expr),* $(,)? })*) => {$(
        $visibility static $ident: Message = Message { name: $name, fields: &[$($field),*] };
    )*};
}

use Kind::{Base64, Bool, Double, Enum, Fixed64, Hex, Int64, Sfixed64, Sint32, Text, Uint32, Uint64};

messages! {
    pub(in crate::otlp) METRICS "ExportMetricsServiceRequest" {
        many("resourceMetrics", 1, Kind::Message(&RESOURCE_METRICS)),
    }
    pub(in crate::otlp) TRACES "ExportTraceServiceRequest" {
        many("resourceSpans", 1, Kind::Message(&RESOURCE_SPANS)),
    }

    RESOURCE "Resource" {
        many("attributes", 1, Kind::Message(&KEY_VALUE)),
    }
    SCOPE "InstrumentationScope" {
        one("name", 1, Text),
        one("version", 2, Text),
        many("attributes", 3, Kind::Message(&KEY_VALUE)),
    }
    KEY_VALUE "KeyValue" {
        one("key", 1, Text),
        one("value", 2, Kind::Message(&ANY_VALUE)),
    }
    ANY_VALUE "AnyValue" {
        one("stringValue", 1, Text),
        one("boolValue", 2, Bool),
        one("intValue", 3, Int64),
        one("doubleValue", 4, Double),
        one("arrayValue", 5, Kind::Message(&ARRAY_VALUE)),
        one("kvlistValue", 6, Kind::Message(&KEY_VALUE_LIST)),
        one("bytesValue", 7, Base64),
    }
    ARRAY_VALUE "ArrayValue" {
        many("values", 1, Kind::Message(&ANY_VALUE)),
    }
    KEY_VALUE_LIST "KeyValueList" {
        many("values", 1, Kind::Message(&KEY_VALUE)),
    }

    RESOURCE_METRICS "ResourceMetrics" {
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeMetrics", 2, Kind::Message(&SCOPE_METRICS)),
    }
    SCOPE_METRICS "ScopeMetrics" {
        one("scope", 1, Kind::Message(&SCOPE)),
        many("metrics", 2, Kind::Message(&METRIC)),
    }
    METRIC "Metric" {
        one("name", 1, Text),
        one("description", 2, Text),
        one("unit", 3, Text),
        one("gauge", 5, Kind::Message(&GAUGE)),
        one("sum", 7, Kind::Message(&SUM)),
        one("histogram", 9, Kind::Message(&HISTOGRAM)),
        one("exponentialHistogram", 10, Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        one("summary", 11, Kind::Message(&SUMMARY)),
    }
    GAUGE "Gauge" {
        many("dataPoints", 1, Kind::Message(&NUMBER_POINT)),
    }
    SUM "Sum" {
        many("dataPoints", 1, Kind::Message(&NUMBER_POINT)),
        one("aggregationTemporality", 2, Enum(&TEMPORALITIES)),
        one("isMonotonic", 3, Bool),
    }
    HISTOGRAM "Histogram" {
        many("dataPoints", 1, Kind::Message(&HISTOGRAM_POINT)),
        one("aggregationTemporality", 2, Enum(&TEMPORALITIES)),
    }
    EXPONENTIAL_HISTOGRAM "ExponentialHistogram" {
        many("dataPoints", 1, Kind::Message(&EXPONENTIAL_POINT)),
        one("aggregationTemporality", 2, Enum(&TEMPORALITIES)),
    }
    SUMMARY "Summary" {
        many("dataPoints", 1, Kind::Message(&SUMMARY_POINT)),
    }
    NUMBER_POINT "NumberDataPoint" {
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("asDouble", 4, Double),
        one("asInt", 6, Sfixed64),
        many("attributes", 7, Kind::Message(&KEY_VALUE)),
        one("flags", 8, Uint32),
    }
    HISTOGRAM_POINT "HistogramDataPoint" {
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        many("bucketCounts", 6, Fixed64),
        many("explicitBounds", 7, Double),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        one("flags", 10, Uint32),
        one("min", 11, Double),
        one("max", 12, Double),
    }
    EXPONENTIAL_POINT "ExponentialHistogramDataPoint" {
        many("attributes", 1, Kind::Message(&KEY_VALUE)),
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        one("scale", 6, Sint32),
        one("zeroCount", 7, Fixed64),
        one("positive", 8, Kind::Message(&BUCKETS)),
        one("negative", 9, Kind::Message(&BUCKETS)),
        one("flags", 10, Uint32),
        one("min", 12, Double),
        one("max", 13, Double),
        one("zeroThreshold", 14, Double),
    }
    BUCKETS "Buckets" {
        one("offset", 1, Sint32),
        many("bucketCounts", 2, Uint64),
    }
    SUMMARY_POINT "SummaryDataPoint" {
        one("startTimeUnixNano", 2, Fixed64),
        one("timeUnixNano", 3, Fixed64),
        one("count", 4, Fixed64),
        one("sum", 5, Double),
        many("quantileValues", 6, Kind::Message(&VALUE_AT_QUANTILE)),
        many("attributes", 7, Kind::Message(&KEY_VALUE)),
        one("flags", 8, Uint32),
    }
    VALUE_AT_QUANTILE "ValueAtQuantile" {
        one("quantile", 1, Double),
        one("value", 2, Double),
    }

    RESOURCE_SPANS "ResourceSpans" {
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeSpans", 2, Kind::Message(&SCOPE_SPANS)),
    }
    SCOPE_SPANS "ScopeSpans" {
        one("scope", 1, Kind::Message(&SCOPE)),
        many("spans", 2, Kind::Message(&SPAN)),
    }
    SPAN "Span" {
        one("traceId", 1, Hex),
        one("spanId", 2, Hex),
        one("parentSpanId", 4, Hex),
        one("name", 5, Text),
        one("kind", 6, Enum(&SPAN_KINDS)),
        one("startTimeUnixNano", 7, Fixed64),
        one("endTimeUnixNano", 8, Fixed64),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        many("events", 11, Kind::Message(&EVENT)),
        one("status", 15, Kind::Message(&STATUS)),
    }
    // Events are counted, not read.
    EVENT "Event" {}
    STATUS "Status" {
        one("message", 2, Text),
        one("code", 3, Enum(&STATUS_CODES)),
    }
}

static TEMPORALITIES: [&str; 3] = [
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

static SPAN_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

static STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
