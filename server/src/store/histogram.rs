//! The newest distributions of a histogram: as they came, and merged to ten seconds.

use keiki_model::histogram::Distribution;
use keiki_model::time::Millis;

use super::Trim;
use super::slide::Slide;
use super::times::{Place, Times};

/// The length of a merged stretch, milliseconds. A window's figure then reads a tenth of the distributions.
pub const STRETCH: Millis = 10_000;

/// What happened in one aligned stretch.
#[derive(Clone, Debug, Default)]
struct Stretch {
    /// The stretch is `[number × STRETCH, (number + 1) × STRETCH)`.
    number: i64,
    /// All of it merged; `None` if it is not of one make (a program may change its bounds), and then the single
    /// distributions must be read.
    merged: Option<Box<Distribution>>,
}

/// Distributions in order of time. A second in which nothing happened costs twenty bytes.
#[derive(Clone, Debug, Default)]
pub struct Histograms {
    times: Times,
    /// How much had been recorded after each sample, counted from before the first one ever kept.
    totals: Slide<f64>,
    /// What happened since the sample before; nothing is `None`.
    deltas: Slide<Option<Box<Distribution>>>,
    /// The total before the first sample that is still kept.
    before: f64,
    /// Only those in which something happened.
    stretches: Slide<Stretch>,
    /// What the distributions own, estimated.
    owned: usize,
}

impl Histograms {
    pub(super) fn times(&self) -> &Times {
        &self.times
    }

    /// The running number of observations, as a counter's values.
    pub fn totals(&self) -> &[f64] {
        self.totals.as_slice()
    }

    /// The running number of observations before the first sample.
    pub fn before(&self) -> f64 {
        self.before
    }

    /// Time and distribution of every sample within `[from, to)` in which something happened.
    pub fn single(&self, from: Millis, to: Millis) -> impl Iterator<Item = (Millis, &Distribution)> {
        let (first, end) = (self.times.lower_bound(from), self.times.lower_bound(to));
        let deltas = &self.deltas.as_slice()[first..end.max(first)];
        deltas
            .iter()
            .enumerate()
            .filter_map(move |(at, delta)| delta.as_ref().map(|delta| (self.times.get(first + at), &**delta)))
    }

    /// Hands over distributions that together are exactly the samples within `[from, to)`: merged ones where a whole
    /// stretch lies within, single ones at the edges.
    pub fn each<'a>(&'a self, from: Millis, to: Millis, mut take: impl FnMut(&'a Distribution)) {
        // With no sample after the window, its last stretch is whole however short the window ends.
        let end = if self.times.last().is_none_or(|last| last < to) {
            Millis::MAX / 2
        } else {
            to
        };
        let mut single = |from, to| self.single(from, to).for_each(|(_, delta)| take(delta));
        let mut at = from;
        let stretches = self.stretches.as_slice();
        let first = stretches.partition_point(|stretch| stretch.number * STRETCH < from);
        let mut whole = Vec::new();
        for stretch in &stretches[first..] {
            let start = stretch.number * STRETCH;
            if start + STRETCH > end {
                break;
            }
            if let Some(merged) = &stretch.merged {
                single(at, start);
                whole.push(&**merged);
                at = start + STRETCH;
            }
        }
        if at < to {
            single(at, to);
        }
        whole.into_iter().for_each(take);
    }

    pub(super) fn append(&mut self, time: Millis, distribution: Box<Distribution>, trim: &Trim) {
        self.trim(trim);
        let count = distribution.count() as f64;
        let delta = (count > 0.0).then(|| shrunk(distribution));
        self.owned += delta.as_deref().map_or(0, weight);
        match self.times.place(time) {
            Place::End => {
                self.totals
                    .push(self.totals.as_slice().last().copied().unwrap_or(self.before) + count);
                self.times.push(time);
                if let Some(delta) = &delta {
                    self.merge(time, delta);
                }
                self.deltas.push(delta);
            }
            Place::Same(index) => {
                let old = std::mem::replace(&mut self.deltas.as_mut_slice()[index], delta);
                self.owned -= old.as_deref().map_or(0, weight);
                self.add_from(index, count - old.map_or(0.0, |old| old.count() as f64));
                self.merge_anew(time.div_euclid(STRETCH));
            }
            Place::Before(index) => {
                let before = if index == 0 {
                    self.before
                } else {
                    self.totals.as_slice()[index - 1]
                };
                self.times.insert(index, time);
                self.totals.insert(index, before);
                self.deltas.insert(index, delta);
                self.add_from(index, count);
                self.merge_anew(time.div_euclid(STRETCH));
            }
        }
    }

    fn add_from(&mut self, index: usize, count: f64) {
        for total in &mut self.totals.as_mut_slice()[index..] {
            *total += count;
        }
    }

    /// Adds the newest sample to its stretch.
    fn merge(&mut self, time: Millis, delta: &Distribution) {
        let number = time.div_euclid(STRETCH);
        match self.stretches.as_mut_slice().last_mut() {
            Some(last) if last.number == number => {
                if last.merged.as_mut().is_some_and(|merged| merged.merge(delta).is_err()) {
                    last.merged = None;
                }
            }
            _ => self.stretches.push(Stretch {
                number,
                merged: Some(Box::new(delta.clone())),
            }),
        }
    }

    /// Merges a stretch from its samples, after one was changed or came late.
    fn merge_anew(&mut self, number: i64) {
        let from = number * STRETCH;
        let merged = Distribution::merged(self.single(from, from + STRETCH).map(|(_, delta)| delta));
        let merged = match merged {
            Ok(None) => None,
            Ok(Some(merged)) => Some(Stretch {
                number,
                merged: Some(Box::new(merged)),
            }),
            Err(_) => Some(Stretch { number, merged: None }),
        };
        let at = self
            .stretches
            .as_slice()
            .partition_point(|stretch| stretch.number < number);
        let found = self
            .stretches
            .as_slice()
            .get(at)
            .is_some_and(|stretch| stretch.number == number);
        match (merged, found) {
            (Some(stretch), true) => self.stretches.as_mut_slice()[at] = stretch,
            (Some(stretch), false) => self.stretches.insert(at, stretch),
            // Empty again: it stays, as one that must be read singly.
            (None, true) => self.stretches.as_mut_slice()[at].merged = None,
            (None, false) => {}
        }
    }

    fn trim(&mut self, trim: &Trim) {
        let Some((kept, dropped)) = trim.bounds(&self.times) else {
            return;
        };
        let (end, all) = (self.times.get(kept.max(1) - 1), self.times.len());
        let gone = self.deltas.as_slice()[..dropped]
            .iter()
            .chain(&self.deltas.as_slice()[kept..]);
        self.owned -= gone.flatten().map(|delta| weight(delta)).sum::<usize>();
        self.times.truncate(kept);
        self.totals.truncate(kept);
        self.deltas.truncate(kept);
        if dropped > 0 {
            self.before = self.totals.as_slice()[dropped - 1];
        }
        self.times.drop_front(dropped);
        self.totals.drop_front(dropped);
        self.deltas.drop_front(dropped);
        if kept < all {
            let number = end.div_euclid(STRETCH);
            self.stretches.truncate(
                self.stretches
                    .as_slice()
                    .partition_point(|stretch| stretch.number <= number),
            );
            self.merge_anew(number);
        }
        let first = self.times.first().map_or(i64::MAX, |first| first.div_euclid(STRETCH));
        let old = self
            .stretches
            .as_slice()
            .partition_point(|stretch| stretch.number < first);
        self.stretches.drop_front(old);
        // The first stretch may have lost some of its samples, but no window that the store answers begins before it.
    }

    pub(super) fn bytes(&self) -> usize {
        let merged = self.stretches.len() * 2 * size_of::<Distribution>();
        self.times.bytes() + self.totals.bytes() + self.deltas.bytes() + self.stretches.bytes() + merged + self.owned
    }
}

fn shrunk(mut distribution: Box<Distribution>) -> Box<Distribution> {
    if let Distribution::Exponential(histogram) = &mut *distribution {
        histogram.shrink_to_fit();
    }
    distribution
}

/// The bytes of a distribution: its box and its buckets.
fn weight(distribution: &Distribution) -> usize {
    let buckets = match distribution {
        Distribution::Exponential(histogram) => histogram.indices().count(),
        Distribution::Explicit(histogram) => histogram.counts().len(),
    };
    size_of::<Distribution>() + 8 * buckets
}
