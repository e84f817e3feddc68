//! The typed query: what a panel asks of the store.
//!
//! A query is evaluated in two ways: **over slots** (a line: one value per slot and group) and **over a window** (a
//! stat or a table cell: one value per group). Its meaning is the same in both; a window is one long slot.

use serde::{Deserialize, Serialize};

/// Which series: a metric's name and conditions on labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// Metrics that tell the same in other forms: of a subject (a service, or a host) that does not feed the first, the
    /// first of these that it feeds is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instead: Vec<String>,
    /// Only of subjects that also feed this metric: what is divided must be of those by whom it is divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// All must hold.
    pub matchers: Vec<Matcher>,
}

impl Selector {
    /// All series of a metric.
    pub fn new(metric: &str) -> Self {
        Self {
            metric: metric.to_owned(),
            instead: Vec::new(),
            with: None,
            matchers: Vec::new(),
        }
    }

    /// Of subjects that do not feed the metric, this one.
    #[must_use]
    pub fn instead(mut self, metric: &str) -> Self {
        self.instead.push(metric.to_owned());
        self
    }

    /// Only of subjects that also feed another metric.
    #[must_use]
    pub fn with(mut self, metric: &str) -> Self {
        self.with = Some(metric.to_owned());
        self
    }

    /// Every metric that may be read.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        [&self.metric].into_iter().chain(&self.instead).map(String::as_str)
    }

    /// Only those whose label has one of these values.
    #[must_use]
    pub fn is(mut self, label: &str, values: &[&str]) -> Self {
        self.matchers.push(Matcher {
            label: label.to_owned(),
            test: Test::Is(values.iter().map(|&value| value.to_owned()).collect()),
        });
        self
    }

    /// Only those whose label has none of these values.
    #[must_use]
    pub fn is_not(mut self, label: &str, values: &[&str]) -> Self {
        self.matchers.push(Matcher {
            label: label.to_owned(),
            test: Test::IsNot(values.iter().map(|&value| value.to_owned()).collect()),
        });
        self
    }

    /// Only those whose label begins so.
    #[must_use]
    pub fn starts_with(mut self, label: &str, prefix: &str) -> Self {
        self.matchers.push(Matcher {
            label: label.to_owned(),
            test: Test::StartsWith(prefix.to_owned()),
        });
        self
    }
}

/// A condition on one label. A missing label reads as the empty string.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matcher {
    /// The label's name.
    pub label: String,
    /// The condition.
    pub test: Test,
}

/// What a label's value must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// One of these.
    Is(Vec<String>),
    /// None of these.
    IsNot(Vec<String>),
    /// Any that begins so.
    StartsWith(String),
}

impl Test {
    /// Whether a value passes.
    pub fn holds(&self, value: &str) -> bool {
        match self {
            Self::Is(values) => values.iter().any(|v| v == value),
            Self::IsNot(values) => values.iter().all(|v| v != value),
            Self::StartsWith(prefix) => value.starts_with(prefix.as_str()),
        }
    }
}

/// The virtual label that can be grouped by wherever `http_response_status_code` is: `2xx`, `5xx`, …
pub const STATUS_CLASS: &str = "http_response_status_class";

/// What is made of one series within a slot or window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// The newest value at the end of the slot (gauges; a counter's running total).
    Last,
    /// The mean of the samples (gauges); of a histogram the mean of what was observed.
    Avg,
    /// The smallest sample; of a histogram the smallest observation.
    Min,
    /// The largest sample; of a histogram the largest observation.
    Max,
    /// Reset-aware increase per second, over the time between the samples around the slot; not extrapolated. Of a
    /// histogram: observations per second.
    Rate,
    /// Reset-aware increase. Of a histogram: the number of observations.
    Increase,
    /// The quantile, 0 to 1, of the merged distributions. A line's point covers the trailing `max(step, 10 s)`.
    Quantile(f64),
    /// Apdex with this threshold *T*, seconds: (satisfied ≤ T + half of those ≤ 4 T) / all.
    Apdex(f64),
    /// Observations above the first and at most the second bound, seconds, as a share of all; `None` is no bound.
    Share(f64, Option<f64>),
    /// How many observations lie above the first and at most at the second bound, seconds; over what a quantile's point
    /// covers. Only of use as a part of a ratio.
    Within(f64, Option<f64>),
    /// What Apdex with this threshold *T* counts, likewise: satisfied ≤ T + half of those ≤ 4 T.
    Score(f64),
}

/// How the series of one group become one value. Distributions are always merged first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// Their sum.
    #[default]
    Sum,
    /// Their mean.
    Avg,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// A query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// A function of each matching series, combined by groups.
    Select {
        /// Which series.
        selector: Selector,
        /// What of each.
        function: Function,
        /// How those of one group are put together.
        combine: Combine,
        /// The labels that make a group; the result carries just these. Empty: one group.
        by: Vec<String>,
    },
    /// Part by whole, matched by their groups' labels. Where the whole has a value and the part none, the part is 0;
    /// where the whole is 0, there is no value.
    Ratio {
        /// The numerator.
        part: Box<Query>,
        /// The denominator.
        whole: Box<Query>,
    },
    /// The first, where what it measures is fed at all, and else the second: two ways to know the same thing.
    Or {
        /// The better way.
        first: Box<Query>,
        /// The way out.
        second: Box<Query>,
    },
}

impl Query {
    /// A function of the selected series, summed to one value.
    pub fn new(selector: Selector, function: Function) -> Self {
        Self::Select {
            selector,
            function,
            combine: Combine::Sum,
            by: Vec::new(),
        }
    }

    /// One value per combination of these labels.
    #[must_use]
    pub fn by(mut self, labels: &[&str]) -> Self {
        match &mut self {
            Self::Select { by, .. } => *by = labels.iter().map(|&label| label.to_owned()).collect(),
            Self::Ratio { part, whole } => {
                **part = (**part).clone().by(labels);
                **whole = (**whole).clone().by(labels);
            }
            Self::Or { first, second } => {
                **first = (**first).clone().by(labels);
                **second = (**second).clone().by(labels);
            }
        }
        self
    }

    /// Puts the series of one group together otherwise than by their sum.
    #[must_use]
    pub fn combined(mut self, how: Combine) -> Self {
        if let Self::Select { combine, .. } = &mut self {
            *combine = how;
        }
        self
    }

    /// Part by whole.
    pub fn ratio(part: Self, whole: Self) -> Self {
        Self::Ratio {
            part: Box::new(part),
            whole: Box::new(whole),
        }
    }

    /// This, where it is fed, and else another.
    #[must_use]
    pub fn or(self, second: Self) -> Self {
        Self::Or {
            first: Box::new(self),
            second: Box::new(second),
        }
    }

    /// Every selector that the query reads.
    pub fn selectors(&self) -> Vec<&Selector> {
        match self {
            Self::Select { selector, .. } => vec![selector],
            Self::Ratio { part, whole } => [part.selectors(), whole.selectors()].concat(),
            Self::Or { first, second } => [first.selectors(), second.selectors()].concat(),
        }
    }
}
