//! What a source declares about a metric before it reads it: one table per source, walked by tests and by help texts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keiki_model::series::{Kind, Labels, Sample, Series};
use keiki_model::time::Millis;

/// One metric of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name, with its unit: `system_memory_limit_bytes`.
    pub name: &'static str,
    /// What the values mean.
    pub kind: Kind,
    /// The time between two samples, milliseconds.
    pub interval_ms: u32,
    /// The labels beside those of identity.
    pub labels: &'static [&'static str],
    /// One sentence that says what is measured.
    pub help: &'static str,
}

impl Metric {
    /// A series of this metric: `identity` and the values of its own labels, in their order.
    pub fn series(&self, identity: &Labels, values: &[&str]) -> Arc<Series> {
        debug_assert_eq!(
            self.labels.len(),
            values.len(),
            "{} has the labels {:?}",
            self.name,
            self.labels
        );
        let mut labels = identity.clone();
        for (name, value) in self.labels.iter().zip(values) {
            labels.set(*name, *value);
        }
        Series::new(self.name, labels, self.kind, Some(self.interval_ms))
    }
}

/// A metric's name and the values of its own labels.
type Place = (&'static str, Box<[Box<str>]>);

/// The samples of a source's readings. A series is made once, and kept for as long as it is seen.
#[derive(Debug)]
pub(crate) struct Shelf {
    identity: Labels,
    interval_ms: u32,
    time: Millis,
    /// By metric and values; whether this reading has seen it.
    series: HashMap<Place, (Arc<Series>, bool)>,
    samples: Vec<Sample>,
}

impl Shelf {
    /// For readings of one identity, at an interval that may be longer than the metrics declare.
    pub(crate) fn new(identity: Labels, interval: Duration) -> Self {
        Self {
            identity,
            interval_ms: u32::try_from(interval.as_millis()).unwrap_or(u32::MAX),
            time: 0,
            series: HashMap::new(),
            samples: Vec::new(),
        }
    }

    /// Begins a reading; one that was given up in the middle is dropped.
    pub(crate) fn begin(&mut self, now: Millis) {
        self.time = now;
        self.samples.clear();
        for (_, seen) in self.series.values_mut() {
            *seen = false;
        }
    }

    /// The time of this reading.
    pub(crate) fn time(&self) -> Millis {
        self.time
    }

    /// Adds a number under the values of the metric's own labels.
    pub(crate) fn number(&mut self, metric: &Metric, values: &[&str], value: f64) {
        let key = (metric.name, values.iter().map(|&value| value.into()).collect());
        let interval_ms = self.interval_ms.max(metric.interval_ms);
        let make = || (Metric { interval_ms, ..*metric }.series(&self.identity, values), true);
        let (series, seen) = self.series.entry(key).or_insert_with(make);
        *seen = true;
        self.samples.push(Sample::number(series, self.time, value));
    }

    /// Ends the reading.
    pub(crate) fn take(&mut self) -> Vec<Sample> {
        self.series.retain(|_, (_, seen)| *seen);
        std::mem::take(&mut self.samples)
    }
}

/// Declares constants of type [`Metric`] and the list `ALL` of them.
macro_rules! metrics {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] every $interval:literal: $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: $crate::source::metric::Metric = $crate::source::metric::Metric {
                name: $name,
                kind: keiki_model::series::Kind::$kind,
                interval_ms: $interval,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every metric of this table.
        pub const ALL: &[$crate::source::metric::Metric] = &[$($id),*];
    };
}
pub(crate) use metrics;

/// The grammar of a table; every source's tests call it.
#[cfg(test)]
pub(crate) fn check_table(all: &[Metric]) {
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    for (index, metric) in all.iter().enumerate() {
        let Metric {
            name,
            kind,
            interval_ms,
            labels,
            help,
        } = metric;
        assert!(word(name), "{name} is not a metric's name");
        assert!(labels.iter().all(|label| word(label)), "{name} has an odd label");
        assert_eq!(
            name.ends_with("_total"),
            *kind == Kind::Counter,
            "{name}: counters, and only they, end in _total"
        );
        assert!(
            *interval_ms >= 1_000 && interval_ms % 1_000 == 0,
            "{name}: whole seconds"
        );
        assert!(help.ends_with('.'), "{name}: the help is a sentence");
        assert!(
            all[..index].iter().all(|other| other.name != *name),
            "{name} is declared twice"
        );
    }
}
