//! What OpenMetrics asks of the samples of a family together: that those of one metric, and of one point in time of it,
//! stand together, are there once, and do not contradict each other.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use memchr::memchr2;

use super::error::{Checked, Fault, Problem};
use super::family::Family;
use super::labels::{Labels, unescape};
use super::line::bound_label;
use super::{Part, Type};
use crate::number::number;
use crate::quote::quote;

/// A sample whose line is well-formed.
pub(super) struct Sample<'a, 'f> {
    pub(super) line: &'a str,
    pub(super) family: &'f Family<'a>,
    pub(super) name: &'a str,
    pub(super) part: Part,
    pub(super) labels: Labels<'a>,
    pub(super) value: f64,
    /// The value as it stands in the line.
    pub(super) number: &'a str,
    /// Unix seconds.
    pub(super) time: Option<f64>,
}

impl Sample<'_, '_> {
    /// The label that tells samples of one metric apart.
    fn inner_label(&self) -> Option<&str> {
        match self.family.kind {
            Type::StateSet => Some(self.family.name),
            _ => bound_label(self.part),
        }
    }

    fn fault(&self, problem: Problem) -> Box<Fault> {
        Fault::at(self.line, problem)
    }
}

/// The metrics of the current family.
#[derive(Default)]
pub(super) struct Metrics<'a> {
    /// Those that have ended, by the hash of their labels, with the labels of one of their samples.
    ended: HashMap<u64, &'a str, RandomState>,
    current: Option<Metric<'a>>,
    point: Point<'a>,
    /// Of this process alone, so that no page can be written to make hashes meet.
    hasher: RandomState,
}

/// The metric of the newest sample.
struct Metric<'a> {
    hash: u64,
    labels: &'a str,
    /// The labels that all its samples have, as the first has them, if the one that tells samples apart comes last
    /// there.
    common: Option<&'a str>,
    time: Option<f64>,
}

impl<'a> Metric<'a> {
    /// The value of the label that tells samples apart, if there is to be one, where it stands behind the common labels
    /// and nothing else does; `None` if that cannot be told so simply. Most lines of a page are buckets, and so
    /// written.
    fn inner(&self, text: &'a str, label: Option<&str>) -> Option<Option<&'a str>> {
        let common = self.common?;
        let rest = text.strip_prefix(common)?;
        let Some(label) = label else {
            return rest.is_empty().then_some(None);
        };
        let rest = if common.is_empty() {
            rest
        } else {
            rest.strip_prefix(',')?
        };
        let value = rest.strip_prefix(label)?.strip_prefix("=\"")?.strip_suffix('"')?;
        let is_plain = !value.is_empty() && memchr2(b'"', b'\\', value.as_bytes()).is_none();
        is_plain.then_some(Some(value))
    }
}

/// What the newest metric shows of one moment.
#[derive(Default)]
struct Point<'a> {
    line: &'a str,
    kind: Option<Type>,
    /// The parts that were there, a bit each.
    parts: u8,
    /// The quantiles or states that were there.
    inner: HashSet<u64, RandomState>,
    bound: Option<f64>,
    cumulative: f64,
    has_negative: bool,
    sum: Option<f64>,
    count: Option<f64>,
}

impl<'a> Metrics<'a> {
    /// Whether a sample is to be handed over; not if it repeats one of the same time.
    pub(super) fn add(&mut self, sample: &Sample<'a, '_>) -> Checked<bool> {
        check_value(sample)?;
        let (hash, inner, common) = self.hash(sample);
        if sample.family.kind == Type::Info {
            return self.add_info(sample, hash);
        }
        match &mut self.current {
            Some(metric) if metric.hash == hash => match (metric.time, sample.time) {
                (None, None) => {}
                (Some(before), Some(time)) if time < before => return Err(sample.fault(Problem::TimeBackwards)),
                (Some(before), Some(time)) => {
                    if time > before {
                        metric.time = sample.time;
                        self.point.end()?;
                        self.point.begin(sample);
                    }
                }
                _ => return Err(sample.fault(Problem::SomeTimes)),
            },
            _ => {
                self.end_metric()?;
                let ended = self.ended.get(&hash);
                if ended.is_some_and(|ended| is_same(ended, &sample.labels, sample.inner_label())) {
                    return Err(sample.fault(Problem::Interleaved));
                }
                self.current = Some(Metric {
                    hash,
                    labels: sample.labels.text(),
                    common,
                    time: sample.time,
                });
                self.point.begin(sample);
            }
        }
        self.add_to_point(sample, inner)
    }

    /// Infos that differ in any label can't be told from other metrics, so their order in time says nothing.
    fn add_info(&mut self, sample: &Sample<'a, '_>, hash: u64) -> Checked<bool> {
        let before = self.ended.insert(hash, sample.labels.text());
        if sample.time.is_none() && before.is_some_and(|before| is_same(before, &sample.labels, None)) {
            return Err(sample.fault(Problem::SampleTwice(quote(sample.name))));
        }
        Ok(true)
    }

    /// The hash of a metric's labels, whatever their order; the value of the label that tells its samples apart; and
    /// what stands before that label if it is the last.
    fn hash(&self, sample: &Sample<'a, '_>) -> (u64, Option<Cow<'a, str>>, Option<&'a str>) {
        let (label, text) = (sample.inner_label(), sample.labels.text());
        if let Some(metric) = &self.current
            && let Some(inner) = metric.inner(text, label)
        {
            return (metric.hash, inner.map(Cow::Borrowed), metric.common);
        }
        let (mut hash, mut inner, mut common) = (0_u64, None, label.is_none().then_some(text));
        sample.labels.each_raw(|name, value, raw| {
            if Some(name) == label {
                inner = Some(unescape(value));
                let start = raw.as_ptr().addr() - text.as_ptr().addr();
                let before = (start + raw.len() == text.len()).then_some(&text[..start]);
                common = before.map(|before| before.strip_suffix(',').unwrap_or(before));
            } else if value.contains('\\') {
                // As it would stand there if it needed no escapes: another way to write it is the same label.
                let plain = format!("{name}=\"{}\"", unescape(value));
                hash = hash.wrapping_add(self.hasher.hash_one(plain.as_bytes()));
            } else {
                hash = hash.wrapping_add(self.hasher.hash_one(raw.as_bytes()));
            }
        });
        (hash, inner, common)
    }

    fn add_to_point(&mut self, sample: &Sample<'a, '_>, inner: Option<Cow<'a, str>>) -> Checked<bool> {
        let point = &mut self.point;
        let part = 1 << sample.part as u8;
        let is_first = match (sample.part, sample.family.kind, inner) {
            (Part::Bucket, _, Some(bound)) => {
                point.bucket(number(&bound).unwrap_or(f64::NAN), sample)?;
                true
            }
            (Part::Quantile, _, Some(quantile)) => {
                let quantile = number(&quantile).unwrap_or(f64::NAN);
                point.inner.insert((quantile + 0.0).to_bits())
            }
            (_, Type::StateSet, Some(state)) => point.inner.insert(self.hasher.hash_one(state)),
            _ => point.parts & part == 0,
        };
        if !is_first {
            return match sample.time {
                Some(_) => Ok(false),
                None => Err(sample.fault(Problem::SampleTwice(quote(sample.name)))),
            };
        }
        point.parts |= part;
        match sample.part {
            Part::Sum => point.sum = Some(sample.value),
            Part::Count => point.count = Some(sample.value),
            _ => {}
        }
        Ok(true)
    }

    fn end_metric(&mut self) -> Checked<()> {
        if let Some(metric) = self.current.take() {
            self.point.end()?;
            self.ended.insert(metric.hash, metric.labels);
        }
        Ok(())
    }

    pub(super) fn end_family(&mut self) -> Checked<()> {
        self.point.end()?;
        self.current = None;
        // Clearing takes time by capacity: a large family must not cost all small ones after it.
        if self.ended.capacity() > 64 * (self.ended.len() + 1) {
            self.ended = HashMap::default();
        }
        self.ended.clear();
        Ok(())
    }
}

impl<'a> Point<'a> {
    fn begin(&mut self, sample: &Sample<'a, '_>) {
        let mut inner = std::mem::take(&mut self.inner);
        if inner.capacity() > 64 * (inner.len() + 1) {
            inner = HashSet::default();
        }
        inner.clear();
        *self = Self {
            line: sample.line,
            kind: Some(sample.family.kind),
            inner,
            ..Self::default()
        };
    }

    fn bucket(&mut self, bound: f64, sample: &Sample<'_, '_>) -> Checked<()> {
        if self.bound.is_some_and(|before| bound <= before) {
            return Err(sample.fault(Problem::Buckets(
                "the bound of a bucket should be greater than that of the bucket before",
            )));
        }
        if sample.value < self.cumulative {
            return Err(sample.fault(Problem::Buckets(
                "the value of a bucket should be at least that of the bucket before, which it includes",
            )));
        }
        self.bound = Some(bound);
        self.cumulative = sample.value;
        self.has_negative |= bound < 0.0;
        Ok(())
    }

    /// Checks what can only be told when a point is complete.
    fn end(&mut self) -> Checked<()> {
        let kind = self.kind.take();
        let is_gauge = kind == Some(Type::GaugeHistogram);
        if !is_gauge && kind != Some(Type::Histogram) {
            return Ok(());
        }
        let problem = if self.bound != Some(f64::INFINITY) {
            "has no bucket `+Inf`"
        } else if self.count.is_some_and(|count| count != self.cumulative) {
            "has a count that is not the value of its bucket `+Inf`"
        } else if self.sum.is_some() != self.count.is_some() {
            "has only one of a count and a sum; expected both or none"
        } else if self.has_negative && self.sum.is_some() && !is_gauge {
            "has a sum and a bucket below zero; such a histogram has no sum"
        } else if !self.has_negative && self.sum.is_some_and(|sum| sum < 0.0) {
            "has a negative sum without a bucket below zero"
        } else {
            return Ok(());
        };
        Err(Fault::at(self.line, Problem::Histogram(problem)))
    }
}

/// Whether labels are the same but for their order and one of them, which tells samples of a metric apart.
fn is_same(one: &str, other: &Labels<'_>, inner: Option<&str>) -> bool {
    let sorted = |labels: Labels<'_>| {
        let kept = labels.filter(|(name, _)| Some(*name) != inner);
        let mut kept: Vec<_> = kept
            .map(|(name, value)| (name.to_owned(), value.into_owned()))
            .collect();
        kept.sort_unstable();
        kept
    };
    sorted(Labels::new(one)) == sorted(other.clone())
}

/// Checks a value by what it is the value of.
fn check_value(sample: &Sample<'_, '_>) -> Checked<()> {
    let value = sample.value;
    let is_total = value >= 0.0;
    let is_count = is_total && value.fract() == 0.0;
    let (is_right, what, expected) = match (sample.family.kind, sample.part) {
        (_, Part::Created) => return Ok(()),
        (Type::Counter, _) => (is_total, "the total of a counter", "0 or more"),
        (_, Part::Bucket) => (is_count, "the value of a bucket", "a whole number, 0 or more"),
        (_, Part::Count) => (is_count, "a count", "a whole number, 0 or more"),
        (Type::GaugeHistogram, Part::Sum) => (!value.is_nan(), "a sum", "a number"),
        (_, Part::Sum) => (is_total, "the sum of a histogram or summary", "0 or more"),
        // Where nothing was observed, a quantile is NaN.
        (_, Part::Quantile) => (value >= 0.0 || value.is_nan(), "the value of a quantile", "0 or more"),
        (Type::StateSet, _) => (value == 0.0 || value == 1.0, "the value of a state", "0 or 1"),
        (Type::Info, _) => (value == 1.0, "the value of an info", "1"),
        _ => return Ok(()),
    };
    if is_right {
        return Ok(());
    }
    Err(Fault::at(
        sample.number,
        Problem::Value {
            what,
            expected,
            found: quote(sample.number),
        },
    ))
}
