//! Why a data point or a span is not handed over.

use std::fmt;

use crate::wire::{self, Fault};

/// Why a data point or a span is not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A text of its own, of its metric, scope or resource is not UTF-8.
    Utf8,
    /// The value of an attribute is nested too deep.
    Depth,
    /// The metric has no name.
    NoName,
    /// It has no time.
    NoTime,
    /// It has no value, and does not say that there is none.
    NoValue,
    /// Its metric does not say whether its values are running totals or differences.
    Temporality,
    /// There is not one bucket more than there are bounds.
    Buckets,
    /// The bounds of its buckets are not finite or not in ascending order.
    Bounds,
    /// It has more buckets or quantiles than anyone needs.
    TooMany,
    /// The scale or the offset of its exponential buckets is out of range.
    Scale,
    /// A quantile is not within 0 and 1.
    Quantile,
    /// The id of its trace is not 16 bytes, or they are zeros.
    TraceId,
    /// Its id, or its parent's, is not 8 bytes, or they are zeros.
    SpanId,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::Utf8,
        Self::Depth,
        Self::NoName,
        Self::NoTime,
        Self::NoValue,
        Self::Temporality,
        Self::Buckets,
        Self::Bounds,
        Self::TooMany,
        Self::Scale,
        Self::Quantile,
        Self::TraceId,
        Self::SpanId,
    ];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Depth => "depth",
            Self::NoName => "no_name",
            Self::NoTime => "no_time",
            Self::NoValue => "no_value",
            Self::Temporality => "temporality",
            Self::Buckets => "buckets",
            Self::Bounds => "bounds",
            Self::TooMany => "too_many",
            Self::Scale => "scale",
            Self::Quantile => "quantile",
            Self::TraceId => "trace_id",
            Self::SpanId => "span_id",
        }
    }
}

/// For the sender, in the message of a partial success.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "a text is not UTF-8",
            Self::Depth => "an attribute is nested too deep",
            Self::NoName => "the metric has no name",
            Self::NoTime => "it has no time",
            Self::NoValue => "it has no value",
            Self::Temporality => "the metric has no aggregation temporality",
            Self::Buckets => "the numbers of buckets and bounds do not fit",
            Self::Bounds => "the bounds are not finite and ascending",
            Self::TooMany => "it has too many buckets or quantiles",
            Self::Scale => "the scale or an offset is out of range",
            Self::Quantile => "a quantile is not within 0 and 1",
            Self::TraceId => "the trace id is not 16 bytes other than zero",
            Self::SpanId => "a span id is not 8 bytes other than zero",
        })
    }
}

/// What can be wrong where a data point or a span is read.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The request can't be read on.
    Wire(wire::Error),
    /// This one is not handed over.
    Reason(Reason),
}

impl From<wire::Error> for Trouble {
    fn from(error: wire::Error) -> Self {
        // A text that is none harms nobody else: where it ends is known.
        match error.fault {
            Fault::Utf8 => Self::Reason(Reason::Utf8),
            _ => Self::Wire(error),
        }
    }
}

impl From<Reason> for Trouble {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

/// Keeps apart what ends the request and what costs one its place.
pub(super) fn place<T>(result: Result<T, Trouble>) -> Result<Result<T, Reason>, wire::Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Trouble::Reason(reason)) => Ok(Err(reason)),
        Err(Trouble::Wire(error)) => Err(error),
    }
}
