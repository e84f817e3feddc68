//! The recorder: every series of one process, by name and labels.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use keiki_model::series::{HOST_NAME, Kind, Labels, OTHER, SERVICE_INSTANCE_ID, SERVICE_NAME, Sample, Series};
use keiki_model::time::{Millis, SECOND};

use crate::instruments::{Counter, Gauge, Histogram};
use crate::names;
use crate::sync::lock;

/// How many series one metric may have, unless the recorder is made with another limit.
pub const SERIES_LIMIT: usize = 1_000;

/// How long a label's value may be, bytes of UTF-8; the rest is cut off.
pub const MAX_LABEL_BYTES: usize = 200;

/// Who is measured. Becomes labels of every series; an empty part becomes none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The service.
    pub service_name: String,
    /// This running instance of it.
    pub service_instance_id: String,
    /// The host on which the instance runs.
    pub host_name: String,
}

/// Hands out instruments and collects their values. Clones are handles of the same recorder.
///
/// The same name and labels always give the same instrument. A metric keeps the kind of its first use: an instrument
/// of another kind under the same name records into nothing. Series stay as long as the recorder, so their number is
/// bounded: beyond the limit of a metric every new one becomes the series whose label values are all `_OTHER`, and
/// `keiki_instrument_series_limited_total` grows.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    identity: Identity,
    series_limit: usize,
    limited: Counter,
    registry: Mutex<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    metrics: HashMap<Box<str>, Metric>,
    /// All series, in the order in which they came.
    series: Vec<(Arc<Series>, Cell)>,
}

#[derive(Debug)]
struct Metric {
    kind: Kind,
    /// By the labels as given, without the identity.
    cells: HashMap<Labels, Cell>,
}

#[derive(Clone, Debug)]
enum Cell {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl Cell {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter(Counter::default()),
            Kind::Gauge => Self::Gauge(Gauge::default()),
            Kind::Histogram => Self::Histogram(Histogram::default()),
        }
    }
}

impl Recorder {
    /// A recorder with the default limit of series per metric.
    pub fn new(identity: Identity) -> Self {
        Self::with_series_limit(identity, SERIES_LIMIT)
    }

    /// A recorder with another limit of series per metric.
    pub fn with_series_limit(identity: Identity, series_limit: usize) -> Self {
        let limited = Counter::default();
        let mut registry = Registry::default();
        registry.insert(
            &identity,
            names::SERIES_LIMITED,
            Labels::none(),
            Cell::Counter(limited.clone()),
            Kind::Counter,
        );
        Self(Arc::new(Shared {
            identity,
            series_limit,
            limited,
            registry: Mutex::new(registry),
        }))
    }

    /// Who is measured.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The counter of this name and these labels.
    pub fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Counter {
        match self.cell(name, labels, Kind::Counter) {
            Cell::Counter(counter) => counter,
            _ => Counter::default(),
        }
    }

    /// The gauge of this name and these labels.
    pub fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Gauge {
        match self.cell(name, labels, Kind::Gauge) {
            Cell::Gauge(gauge) => gauge,
            _ => Gauge::default(),
        }
    }

    /// The histogram of this name and these labels.
    pub fn histogram(&self, name: &str, labels: &[(&str, &str)]) -> Histogram {
        match self.cell(name, labels, Kind::Histogram) {
            Cell::Histogram(histogram) => histogram,
            _ => Histogram::default(),
        }
    }

    /// A sample of every series, to be called once a second by the one who passes them on: of a counter the running
    /// total, of a gauge the value, of a histogram what was recorded since the previous call. A histogram without
    /// records gives an empty distribution, so that no requests are a rate of zero and not stale; a gauge without a
    /// value gives nothing.
    pub fn collect(&self, now: Millis) -> Vec<Sample> {
        let registry = lock(&self.0.registry);
        let samples = registry.series.iter().filter_map(|(series, cell)| match cell {
            Cell::Counter(counter) => Some(Sample::number(series, now, counter.get() as f64)),
            Cell::Gauge(gauge) => gauge.get().map(|value| Sample::number(series, now, value)),
            Cell::Histogram(histogram) => Some(Sample::distribution(series, now, histogram.take().into())),
        });
        samples.collect()
    }

    fn cell(&self, name: &str, labels: &[(&str, &str)], kind: Kind) -> Cell {
        let mut labels = Labels::new(labels.iter().map(|(name, value)| (*name, bounded(value))));
        let mut registry = lock(&self.0.registry);
        if let Some(metric) = registry.metrics.get(name) {
            if metric.kind != kind {
                return Cell::new(kind);
            }
            if let Some(cell) = metric.cells.get(&labels) {
                return cell.clone();
            }
            if metric.cells.len() >= self.0.series_limit {
                self.0.limited.inc();
                labels = Labels::new(labels.iter().map(|(name, _)| (name, OTHER)));
                if let Some(cell) = metric.cells.get(&labels) {
                    return cell.clone();
                }
            }
        }
        let cell = Cell::new(kind);
        registry.insert(&self.0.identity, name, labels, cell.clone(), kind);
        cell
    }
}

impl Registry {
    fn insert(&mut self, identity: &Identity, name: &str, labels: Labels, cell: Cell, kind: Kind) {
        // The identity is set last: whose series it is, is not for an instrument to say.
        let identified = labels
            .clone()
            .with(SERVICE_NAME, &identity.service_name)
            .with(SERVICE_INSTANCE_ID, &identity.service_instance_id)
            .with(HOST_NAME, &identity.host_name);
        self.series.push((
            Series::new(name, identified, kind, u32::try_from(SECOND).ok()),
            cell.clone(),
        ));
        let metric = self.metrics.entry(name.into()).or_insert_with(|| Metric {
            kind,
            cells: HashMap::new(),
        });
        metric.cells.insert(labels, cell);
    }
}

fn bounded(value: &str) -> &str {
    &value[..value.floor_char_boundary(MAX_LABEL_BYTES)]
}

#[cfg(test)]
mod tests {
    use keiki_model::series::Value;

    use super::*;
    use crate::memo::tests::{number, recorder};

    #[test]
    fn the_same_identity_is_the_same_instrument() {
        let recorder = recorder();
        recorder.counter("a_total", &[("x", "1"), ("y", "2")]).inc();
        recorder.clone().counter("a_total", &[("y", "2"), ("x", "1")]).add(2);
        recorder.counter("a_total", &[("x", "1")]).add(10);
        let samples = recorder.collect(5_000);
        assert_eq!(number(&samples, "a_total", &[("x", "1"), ("y", "2")]), Some(3.0));
        assert_eq!(number(&samples, "a_total", &[("x", "1"), ("y", "")]), Some(10.0));
    }

    #[test]
    fn series_carry_who_is_measured_and_are_made_once() {
        let recorder = recorder();
        recorder.gauge("g", &[(HOST_NAME, "forged")]).set(1.0);
        let sample = |now| {
            recorder
                .collect(now)
                .into_iter()
                .find(|sample| sample.series.name() == "g")
                .unwrap()
        };
        let (first, second) = (sample(1_000), sample(2_000));
        assert!(Arc::ptr_eq(&first.series, &second.series));
        assert_eq!(
            (first.time, second.time, first.series.interval_ms()),
            (1_000, 2_000, Some(1_000))
        );
        let expected = r#"{host_name="host",service_instance_id="instance",service_name="service"}"#;
        assert_eq!(first.series.labels().to_string(), expected);
    }

    #[test]
    fn a_histogram_gives_what_is_new_and_an_empty_one_when_nothing_is() {
        let recorder = recorder();
        let histogram = recorder.histogram("h_seconds", &[]);
        let count = || {
            let samples = recorder.collect(0);
            let sample = samples
                .iter()
                .find(|sample| sample.series.name() == "h_seconds")
                .unwrap();
            let Value::Distribution(distribution) = &sample.value else {
                panic!("not a distribution")
            };
            distribution.count()
        };
        assert_eq!(count(), 0);
        histogram.record_seconds(0.2);
        histogram.record_seconds(0.3);
        assert_eq!(count(), 2);
        assert_eq!(count(), 0);
    }

    #[test]
    fn series_beyond_the_limit_become_one() {
        let recorder = Recorder::with_series_limit(Identity::default(), 2);
        for n in 0..5 {
            recorder.counter("a_total", &[("x", &n.to_string())]).inc();
        }
        recorder.counter("a_total", &[("x", "0")]).inc();
        recorder.counter("b_total", &[("x", "9")]).inc();
        let samples = recorder.collect(0);
        assert_eq!(number(&samples, "a_total", &[("x", "0")]), Some(2.0));
        assert_eq!(number(&samples, "a_total", &[("x", "1")]), Some(1.0));
        assert_eq!(number(&samples, "a_total", &[("x", "2")]), None);
        assert_eq!(number(&samples, "a_total", &[("x", OTHER)]), Some(3.0));
        assert_eq!(number(&samples, "b_total", &[("x", "9")]), Some(1.0));
        assert_eq!(number(&samples, names::SERIES_LIMITED, &[]), Some(3.0));
    }

    #[test]
    fn long_label_values_are_cut_between_characters() {
        let recorder = recorder();
        recorder.counter("a_total", &[("x", &"計".repeat(100))]).inc();
        assert_eq!(
            number(&recorder.collect(0), "a_total", &[("x", &"計".repeat(66))]),
            Some(1.0)
        );
    }

    #[test]
    fn another_kind_of_the_same_name_records_into_nothing() {
        let recorder = recorder();
        recorder.counter("a_total", &[]).inc();
        recorder.gauge("a_total", &[]).set(9.0);
        assert_eq!(number(&recorder.collect(0), "a_total", &[]), Some(1.0));
    }
}
