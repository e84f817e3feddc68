//! Families: how their samples are named.

use super::{Part, Syntax, Type};

/// The metadata of a family, and what is known of its samples so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Type,
    pub(super) unit: Option<&'a str>,
    pub(super) help: Option<&'a str>,
    /// Whether a `TYPE` line said the type.
    pub(super) typed: bool,
    /// Whether it had a sample.
    pub(super) sampled: bool,
}

impl<'a> Family<'a> {
    pub(super) fn new(name: &'a str) -> Self {
        Self {
            name,
            kind: Type::Unknown,
            unit: None,
            help: None,
            typed: false,
            sampled: false,
        }
    }

    /// What the sample at the beginning of a line is of this family, and how long its name is; `None` if it is none of
    /// this family's.
    pub(super) fn part(&self, line: &str, syntax: Syntax) -> Option<(Part, usize)> {
        let rest = line.as_bytes().strip_prefix(self.name.as_bytes())?;
        suffixes(self.kind, syntax).iter().find_map(|(suffix, part)| {
            let after = rest.strip_prefix(suffix.as_bytes())?;
            let ends = !after.first().is_some_and(|byte| is_name_byte(*byte));
            ends.then_some((*part, self.name.len() + suffix.len()))
        })
    }
}

/// What is appended to the name of a family for the names of its samples.
pub(super) fn suffixes(kind: Type, syntax: Syntax) -> &'static [(&'static str, Part)] {
    match (kind, syntax) {
        (Type::Histogram, Syntax::Prometheus) => &HISTOGRAM[..3],
        (Type::Summary, Syntax::Prometheus) => &SUMMARY[..3],
        (Type::Histogram, Syntax::OpenMetrics) => &HISTOGRAM,
        (Type::Summary, Syntax::OpenMetrics) => &SUMMARY,
        (Type::GaugeHistogram, _) => &[
            ("_bucket", Part::Bucket),
            ("_gsum", Part::Sum),
            ("_gcount", Part::Count),
        ],
        (Type::Counter, Syntax::OpenMetrics) => &[("_total", Part::Value), ("_created", Part::Created)],
        (Type::Info, Syntax::OpenMetrics) => &[("_info", Part::Value)],
        _ => &[("", Part::Value)],
    }
}

const HISTOGRAM: [(&str, Part); 4] = [
    ("_bucket", Part::Bucket),
    ("_sum", Part::Sum),
    ("_count", Part::Count),
    ("_created", Part::Created),
];

const SUMMARY: [(&str, Part); 4] = [
    ("", Part::Quantile),
    ("_sum", Part::Sum),
    ("_count", Part::Count),
    ("_created", Part::Created),
];

/// All suffixes that there are.
pub(super) const SUFFIXES: [&str; 8] = [
    "_total", "_created", "_bucket", "_sum", "_count", "_gsum", "_gcount", "_info",
];

/// The suffixes of a type in words.
pub(super) fn expected(kind: Type, syntax: Syntax) -> &'static str {
    match (kind, syntax) {
        (Type::Counter, _) => "`_total` or `_created`",
        (Type::Histogram, Syntax::Prometheus) => "`_bucket`, `_sum` or `_count`",
        (Type::Histogram, Syntax::OpenMetrics) => "`_bucket`, `_sum`, `_count` or `_created`",
        (Type::GaugeHistogram, _) => "`_bucket`, `_gsum` or `_gcount`",
        (Type::Info, _) => "`_info`",
        _ => "nothing",
    }
}

/// The name of a metric at the beginning of a text; empty if there is none.
pub(super) fn name(text: &str) -> &str {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return "";
    }
    let length = text.bytes().position(|byte| !is_name_byte(byte)).unwrap_or(text.len());
    &text[..length]
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':')
}

/// The type of a `TYPE` line.
pub(super) fn kind(word: &str, syntax: Syntax) -> Option<Type> {
    Some(match (word, syntax) {
        ("counter", _) => Type::Counter,
        ("gauge", _) => Type::Gauge,
        ("histogram", _) => Type::Histogram,
        ("summary", _) => Type::Summary,
        ("untyped", Syntax::Prometheus) | ("unknown", Syntax::OpenMetrics) => Type::Unknown,
        ("gaugehistogram", Syntax::OpenMetrics) => Type::GaugeHistogram,
        ("stateset", Syntax::OpenMetrics) => Type::StateSet,
        ("info", Syntax::OpenMetrics) => Type::Info,
        _ => return None,
    })
}
