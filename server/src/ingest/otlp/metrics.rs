//! Metrics of OpenTelemetry's protocol.

use std::sync::Arc;

use keiki_decode::otlp::{
    Attributes, ExponentialPoint, HistogramPoint, Kind as Sent, Metric, MetricVisitor, NumberPoint, PointTime, Reason,
    Resource, Scope, SummaryPoint, Temporality,
};
use keiki_model::series::{Kind, Labels};
use keiki_model::time::Millis;

use super::super::ledger::{Change, Key, Ledger};
use super::super::millis;
use super::super::whole::Observed;
use super::{identity, names, told};

/// Writes a request into the ledger.
pub(super) struct Reader<'a> {
    ledger: &'a mut Ledger,
    now: Millis,
    identity: Labels,
    /// The resource's bytes, and those of the metric that come before a series' own.
    resource: Vec<u8>,
    prefix: Vec<u8>,
    metric: String,
    kind: Sent,
    pub(super) rejected: Option<String>,
}

/// What is kept of a summary.
const SUMS: [&str; 2] = ["_sum", "_count"];

/// Separates the parts of a series' bytes: no text holds it.
const BETWEEN: u8 = 0xff;

impl<'a> Reader<'a> {
    pub(super) fn new(ledger: &'a mut Ledger, now: Millis) -> Self {
        Self {
            ledger,
            now,
            identity: Labels::none(),
            resource: Vec::new(),
            prefix: Vec::new(),
            metric: String::new(),
            kind: Sent::Gauge,
            rejected: None,
        }
    }

    /// The bytes of one of the metric's series.
    fn raw(&mut self, own: &[u8]) -> &[u8] {
        let length = self.resource.len() + self.metric.len() + 2;
        self.prefix.truncate(length);
        self.prefix.extend_from_slice(own);
        &self.prefix
    }

    fn labels(&self, attributes: Attributes<'_>) -> Labels {
        let mut labels = self.identity.clone();
        for (key, value) in attributes {
            labels.set(names::label(key), value.to_string());
        }
        labels
    }

    /// Totals since their beginning, or growth since the point before.
    fn observed(&mut self, key: Key, time: &PointTime, observed: Observed) {
        if time.no_recorded_value {
            return;
        }
        let change = match self.kind {
            Sent::Histogram { temporality } | Sent::ExponentialHistogram { temporality }
                if temporality == Temporality::Delta =>
            {
                Change::Observed(observed)
            }
            _ => Change::Totals(observed, time.start_unix_nanos),
        };
        self.ledger.change(key, change, millis(time.unix_nanos));
    }
}

/// A total, and when it began, where that is said.
fn total(value: f64, time: &PointTime) -> Change {
    match time.start_unix_nanos {
        0 => Change::Total(value, None),
        start => Change::TotalSince(value, start),
    }
}

impl MetricVisitor for Reader<'_> {
    type Key = Key;

    fn resource(&mut self, resource: &Resource<'_>) {
        self.identity = identity(resource);
        self.resource.clear();
        self.resource.extend_from_slice(resource.attributes.raw());
    }

    fn scope(&mut self, _: &Scope<'_>) {}

    fn metric(&mut self, metric: &Metric<'_>) {
        self.metric = names::metric(metric);
        self.kind = metric.kind;
        self.prefix.clear();
        self.prefix.extend_from_slice(&self.resource);
        self.prefix.push(BETWEEN);
        self.prefix.extend_from_slice(self.metric.as_bytes());
        self.prefix.push(BETWEEN);
    }

    fn known(&mut self, raw: &[u8]) -> Option<Key> {
        self.raw(raw);
        self.ledger.find(&self.prefix)
    }

    fn declare(&mut self, attributes: Attributes<'_>, raw: &[u8]) -> Key {
        let labels = self.labels(attributes);
        self.raw(raw);
        let kind = match self.kind {
            Sent::Sum { is_monotonic: true, .. } => Kind::Counter,
            Sent::Gauge | Sent::Sum { .. } => Kind::Gauge,
            Sent::Histogram { .. } | Sent::ExponentialHistogram { .. } => {
                return self.ledger.whole(&self.prefix, &self.metric, &labels, self.now);
            }
            // Its quantiles are of no use to anybody: they can't be put together. Its sums are series of their own.
            Sent::Summary => {
                for suffix in SUMS {
                    let raw = [&self.prefix, suffix.as_bytes()].concat();
                    let name = [&self.metric, suffix].concat();
                    let key = self
                        .ledger
                        .find(&raw)
                        .unwrap_or_else(|| self.ledger.number(&raw, &name, Some(Kind::Counter), &labels, self.now));
                    if self.ledger.is_refused(key) {
                        return key;
                    }
                }
                return self.ledger.nothing(&self.prefix, self.now);
            }
        };
        self.ledger
            .number(&self.prefix, &self.metric, Some(kind), &labels, self.now)
    }

    fn number(&mut self, key: Key, point: &NumberPoint) {
        let Some(value) = point.value.filter(|_| !point.time.no_recorded_value) else {
            return;
        };
        let (value, time) = (value.as_f64(), millis(point.time.unix_nanos));
        let change = match self.kind {
            Sent::Sum {
                temporality: Temporality::Delta,
                ..
            } => Change::Growth(value),
            Sent::Sum { is_monotonic: true, .. } => total(value, &point.time),
            _ => Change::Total(value, None),
        };
        self.ledger.change(key, change, time);
    }

    fn histogram(&mut self, key: Key, point: &HistogramPoint<'_>) {
        // One without buckets has but a count; it is kept as a single one.
        let counts = if point.counts.is_empty() {
            vec![point.count]
        } else {
            point.counts.to_vec()
        };
        let observed = Observed::Explicit {
            bounds: Arc::from(point.bounds),
            counts,
            sum: point.sum.unwrap_or(0.0),
        };
        self.observed(key, &point.time, observed);
    }

    fn exponential(&mut self, key: Key, point: &ExponentialPoint<'_>) {
        let alone = matches!(
            self.kind,
            Sent::ExponentialHistogram {
                temporality: Temporality::Delta
            }
        );
        let observed = Observed::Exponential {
            scale: point.scale,
            offset: point.positive.offset,
            counts: point.positive.counts.to_vec(),
            zero_count: point.zero_count,
            sum: point.sum.unwrap_or(f64::NAN),
            min: point.min.filter(|_| alone),
            max: point.max.filter(|_| alone),
        };
        self.observed(key, &point.time, observed);
    }

    fn summary(&mut self, key: Key, point: &SummaryPoint<'_>) {
        if point.time.no_recorded_value {
            return;
        }
        if self.ledger.is_refused(key) {
            // For it to be counted.
            return self.ledger.change(key, total(point.sum, &point.time), 0);
        }
        for (suffix, value) in SUMS.into_iter().zip([point.sum, point.count as f64]) {
            let raw = [&self.prefix, suffix.as_bytes()].concat();
            if let Some(key) = self.ledger.find(&raw) {
                self.ledger
                    .change(key, total(value, &point.time), millis(point.time.unix_nanos));
            }
        }
    }

    fn rejected(&mut self, metric: &str, reason: Reason, _: u64) {
        self.rejected.get_or_insert_with(|| told(metric, reason));
    }
}
