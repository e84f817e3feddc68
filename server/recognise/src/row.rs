//! The rows of a recogniser's file.

use std::collections::BTreeMap;

use keiki_model::series::Kind;
use serde::Deserialize;

/// A file of rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// What sends these metrics, and in which versions; for readers.
    #[serde(default)]
    #[allow(dead_code, reason = "read by people and required by a test")]
    pub(super) about: String,
    /// Its rows.
    #[serde(default)]
    pub(super) row: Vec<Row>,
}

/// One row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// The foreign metric: of a histogram the name without `_bucket`, of a summary that with `_sum` or `_count`.
    pub(super) metric: String,
    /// The canonical metric that it is.
    #[serde(rename = "as")]
    pub(super) canonical: String,
    /// Conditions on its labels; all must hold.
    #[serde(default)]
    pub(super) when: BTreeMap<String, Condition>,
    /// Its labels and what they are called canonically; others keep their names.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// Canonical labels and what becomes of their values; other values stay.
    #[serde(default)]
    pub(super) values: BTreeMap<String, BTreeMap<String, String>>,
    /// Canonical labels that it has besides; `{service_name}` stands for that label of the series as it came, and so does
    /// any other name in braces.
    #[serde(default)]
    pub(super) set: BTreeMap<String, String>,
    /// Labels that are left out. Only those that tell no two series of a sender apart.
    #[serde(default)]
    pub(super) drop: Vec<String>,
    /// By what values are multiplied.
    #[serde(default = "one")]
    pub(super) scale: f64,
    /// What is added; makes a derived gauge.
    #[serde(default)]
    pub(super) offset: f64,
    /// Takes the growth per second; makes a derived gauge.
    #[serde(default)]
    pub(super) rate: bool,
    /// The metric to divide by; makes a derived gauge. The metric itself makes 1 of each series, to be counted.
    #[serde(default)]
    pub(super) over: Option<String>,
    /// A metric that tells the same in the preferred form: of who sends that, too, only that is read.
    #[serde(default)]
    pub(super) unless: Option<String>,
    /// Makes a derived gauge although values are taken as they are: one series may mean two things.
    #[serde(default)]
    pub(super) also: bool,
}

fn one() -> f64 {
    1.0
}

/// What a label's value must be.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Condition {
    /// One pattern: this; `*` is any but none, `a*` what begins with `a`, `!x` all that is not `x`, and the empty text none.
    One(String),
    /// One of these, and none of those that begin with `!`.
    Several(Vec<String>),
}

impl Condition {
    pub(super) fn holds(&self, value: &str) -> bool {
        let patterns = match self {
            Self::One(pattern) => std::slice::from_ref(pattern),
            Self::Several(patterns) => patterns,
        };
        let mut wanted = patterns.iter().filter(|pattern| !pattern.starts_with('!')).peekable();
        let mut unwanted = patterns.iter().filter_map(|pattern| pattern.strip_prefix('!'));
        (wanted.peek().is_none() || wanted.any(|pattern| is_like(value, pattern)))
            && !unwanted.any(|pattern| is_like(value, pattern))
    }
}

fn is_like(value: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => !value.is_empty(),
        Some(beginning) => value.starts_with(beginning),
        None => value == pattern,
    }
}

impl Row {
    pub(super) fn is_derived(&self) -> bool {
        self.rate || self.also || self.over.is_some() || self.offset != 0.0
    }

    /// What the canonical series is, if the foreign one can be that.
    pub(super) fn kind_of(&self, foreign: Option<Kind>) -> Option<Kind> {
        let kind = super::kind_of(&self.canonical);
        let can_be = |foreign| match foreign {
            // A total may be divided by another, or by itself.
            Kind::Counter => self.rate || self.over.is_some() || kind == Kind::Counter,
            _ => !self.rate && foreign == kind,
        };
        foreign.is_none_or(can_be).then_some(kind)
    }

    /// Whether it makes sense.
    pub(super) fn check(&self) -> Result<(), String> {
        let problem = if self.metric.is_empty() || self.canonical.is_empty() {
            "metric and as must not be empty"
        } else if !self.scale.is_finite() || self.scale == 0.0 || !self.offset.is_finite() {
            "scale must be a number other than 0, and offset a number"
        } else if self.scale < 0.0 && !self.is_derived() {
            "only a derived gauge can have a negative scale"
        } else if self.is_derived() && super::kind_of(&self.canonical) != Kind::Gauge {
            "what is derived (rate, over, offset, also) is a gauge: its name must not end in _total or _duration_seconds"
        } else {
            return Ok(());
        };
        Err(format!(
            "the row of {:?} as {:?}: {problem}",
            self.metric, self.canonical
        ))
    }
}
