//! One series and its newest samples.

use std::sync::Arc;

use keiki_model::histogram::{Distribution, Exponential, Part};
use keiki_model::series::{Kind, Sample, Series, Value};
use keiki_model::time::{Millis, REACH};

use super::Trim;
use super::distributions::Distributions;
use super::histogram::Histograms;
use super::reject::Reason;
use super::scalar::{Folds, Scalars};
use super::source::{SourceClass, SourceId};
use super::times::Times;

/// How much longer than the window samples are kept, milliseconds: what lies just before a window's first slot decides
/// that slot's rate or its held value. At least this, or three intervals.
pub(super) const SLACK: Millis = 60_000;

/// What is assumed of a series that declares no interval and has only one sample yet, milliseconds: between the second
/// of own instruments and the quarter of a minute of most scrapes.
const UNKNOWN_INTERVAL: u32 = 10_000;

/// The same of a program that sends OpenTelemetry's protocol: its SDKs export every minute unless they are told otherwise.
const OTLP_INTERVAL: u32 = 60_000;

/// The newest samples, by kind.
#[derive(Clone, Debug)]
pub enum Ring {
    /// A running total.
    Counter(Scalars),
    /// Values of a moment.
    Gauge(Scalars),
    /// Distributions.
    Histogram(Box<Histograms>),
}

/// What an appended sample did to the distributions that were there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    /// Observations came or went in the sample's second.
    pub(super) observed: bool,
    /// Samples of a clock that was set back were forgotten.
    pub(super) cut: bool,
}

/// A series in the store.
#[derive(Clone, Debug)]
pub struct Stored {
    pub(super) series: Arc<Series>,
    pub(super) source: SourceId,
    ring: Ring,
    /// Under which the history keeps it.
    pub(super) number: Option<u32>,
    /// Of the past: the length of the slots that stand for samples, milliseconds.
    slot: Option<Millis>,
}

impl Ring {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter(Scalars::default()),
            Kind::Gauge => Self::Gauge(Scalars::default()),
            Kind::Histogram => Self::Histogram(Box::default()),
        }
    }

    pub(super) fn times(&self) -> &Times {
        match self {
            Self::Counter(ring) | Self::Gauge(ring) => ring.times(),
            Self::Histogram(ring) => ring.times(),
        }
    }

    /// Keeps numbers, whatever their times; a ring of distributions has no place for any.
    pub(super) fn put_numbers(&mut self, times: &[Millis], values: &[f64]) {
        match self {
            Self::Counter(ring) => ring.extend(times, values, true),
            Self::Gauge(ring) => ring.extend(times, values, false),
            Self::Histogram(_) => {}
        }
    }

    /// Keeps a distribution, whatever its time; a ring of numbers has no place for one.
    pub(super) fn put_distribution(&mut self, time: Millis, one: Box<Distribution>) {
        if let Self::Histogram(ring) = self {
            ring.put(time, one);
        }
    }

    /// After all was put.
    pub(super) fn complete(&mut self) {
        if let Self::Histogram(ring) = self {
            ring.complete();
        }
    }

    /// Forgets what is older than a time.
    fn forget_before(&mut self, before: Millis) {
        let trim = Trim {
            before,
            ..Trim::NOTHING
        };
        match self {
            Self::Counter(ring) | Self::Gauge(ring) => ring.trim(&trim),
            Self::Histogram(ring) => {
                ring.trim(&trim);
            }
        }
    }

    pub(super) fn past_samples(times: &[Millis], values: Vec<f64>, counter: bool) -> Self {
        let ring = Scalars::past(times, values, counter, None);
        if counter {
            Self::Counter(ring)
        } else {
            Self::Gauge(ring)
        }
    }

    pub(super) fn past_rows(times: &[Millis], values: Vec<f64>, folds: Folds, counter: bool) -> Self {
        let ring = Scalars::past(times, values, counter, Some(folds));
        if counter {
            Self::Counter(ring)
        } else {
            Self::Gauge(ring)
        }
    }

    pub(super) fn past_counts(times: &[Millis], all: Distributions) -> Self {
        Self::Histogram(Box::new(Histograms::past(times, all)))
    }
}

impl Stored {
    pub(super) fn new(series: Arc<Series>, source: SourceId) -> Self {
        Self {
            ring: Ring::new(series.kind()),
            series,
            source,
            number: None,
            slot: None,
        }
    }

    pub(super) fn of_the_past(series: Arc<Series>, source: SourceId, ring: Ring, slot: Option<Millis>) -> Self {
        Self {
            series,
            source,
            ring,
            number: None,
            slot,
        }
    }

    pub(super) fn number(&self) -> Option<u32> {
        self.number
    }

    /// What it is.
    pub fn series(&self) -> &Arc<Series> {
        &self.series
    }

    /// Who feeds it.
    pub fn source(&self) -> &SourceId {
        &self.source
    }

    /// Its samples.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The time between two samples, milliseconds: declared, or else learned, or else what its source usually has.
    pub fn interval_ms(&self) -> u32 {
        self.known_interval_ms().unwrap_or(match self.source.class() {
            SourceClass::Otlp => OTLP_INTERVAL,
            _ => UNKNOWN_INTERVAL,
        })
    }

    /// The time between two samples, milliseconds, where it is declared or was learned.
    pub fn known_interval_ms(&self) -> Option<u32> {
        let gaps = match self.source.class() {
            // The first of its samples may be its beginning at zero, at any time before the first export.
            SourceClass::Otlp => 2,
            _ => 1,
        };
        let learned = || self.ring_times().learned_interval(gaps);
        self.series
            .interval_ms()
            .or_else(learned)
            .map(|interval| interval.max(1))
    }

    /// How long a sample stands for its series, milliseconds: two and a half intervals. A slot's stands for its slot, up
    /// to where the newest sample of the next one may lie.
    pub fn reach_ms(&self) -> Millis {
        let interval = f64::from(self.interval_ms());
        let reach = (interval * REACH) as Millis;
        self.slot
            .map_or(reach, |slot| reach.max(slot + (interval * (REACH - 1.0)) as Millis))
    }

    /// The time of the newest sample.
    pub fn newest(&self) -> Option<Millis> {
        self.ring_times().last()
    }

    /// Hands over the samples from a time on.
    pub(super) fn each_since(&self, from: Millis, mut take: impl FnMut(Millis, Value)) {
        match &self.ring {
            Ring::Counter(ring) | Ring::Gauge(ring) => {
                let (times, values) = ring.between(from, Millis::MAX / 2);
                times
                    .into_iter()
                    .zip(values)
                    .for_each(|(time, value)| take(time, Value::Number(value)));
            }
            Ring::Histogram(ring) => {
                let (times, all) = ring.between(from, Millis::MAX / 2);
                let owned = |one: Option<Part<'_>>| one.map_or_else(|| Exponential::new().into(), Distribution::from);
                let all = times.into_iter().zip(all.iter());
                all.for_each(|(time, one)| take(time, Value::Distribution(Box::new(owned(one)))));
            }
        }
    }

    /// The time of the first sample from a time on.
    pub(super) fn next_sample(&self, from: Millis) -> Option<Millis> {
        let times = self.ring_times();
        let index = times.lower_bound(from);
        (index < times.len()).then(|| times.get(index))
    }

    /// The samples' times since the first value of the pair, in [`Stored::unit`]s.
    pub fn times(&self) -> (Millis, &[u32]) {
        self.ring_times().parts()
    }

    /// What [`Stored::times`] counts: milliseconds, or seconds where these are slots of months.
    pub fn unit(&self) -> Millis {
        self.ring_times().unit()
    }

    fn ring_times(&self) -> &Times {
        self.ring.times()
    }

    /// Becomes another source's, of before a restart. Of two that tell of the same series the one that was read last had
    /// taken over when the other one ended.
    pub(super) fn restore(&mut self, series: Arc<Series>, source: SourceId, mut ring: Ring) {
        ring.forget_before(self.newest().unwrap_or(Millis::MIN));
        (self.series, self.source, self.ring) = (series, source, ring);
    }

    /// Forgets what it held before the source that it was taken over from ended.
    pub(super) fn taken_over(&mut self, ended: Millis) {
        self.ring.forget_before(ended);
    }

    pub(super) fn append(&mut self, sample: Sample, trim: &Trim) -> Result<Change, Reason> {
        match (&mut self.ring, sample.value) {
            (Ring::Counter(ring), Value::Number(value)) => ring.append(sample.time, value, true, trim),
            (Ring::Gauge(ring), Value::Number(value)) => ring.append(sample.time, value, false, trim),
            (Ring::Histogram(ring), Value::Distribution(value)) => {
                let cut = ring.trim(trim);
                return Ok(Change {
                    cut,
                    observed: ring.append(sample.time, value),
                });
            }
            _ => return Err(Reason::Kind),
        }
        Ok(Change::default())
    }

    /// An estimate of the memory it takes. Its name and labels count as two hundred bytes, which is the usual.
    pub(super) fn bytes(&self) -> usize {
        200 + match &self.ring {
            Ring::Counter(ring) | Ring::Gauge(ring) => ring.bytes(),
            Ring::Histogram(ring) => ring.bytes(),
        }
    }
}
