//! The newest distributions of a histogram: as they came, and merged over stretches.

use keiki_model::histogram::{Distribution, Part};
use keiki_model::time::Millis;

use super::Trim;
use super::distributions::Distributions;
use super::slide::Slide;
use super::stretch::{LENGTHS, Stretches};
use super::times::{Place, Times};

/// Distributions in order of time. A second in which nothing happened costs twenty bytes.
#[derive(Clone, Debug)]
pub struct Histograms {
    times: Times,
    /// How much had been recorded after each sample, counted from before the first one ever kept.
    totals: Slide<f64>,
    /// What happened since the sample before; nothing is `None`.
    deltas: Slide<Option<Box<Distribution>>>,
    /// The same of the past, which only is read.
    past: Option<Distributions>,
    /// The total before the first sample that is still kept.
    before: f64,
    /// From short to long.
    levels: [Stretches; LENGTHS.len()],
    /// What the single distributions own, estimated.
    owned: usize,
}

impl Default for Histograms {
    fn default() -> Self {
        Self {
            times: Times::default(),
            totals: Slide::default(),
            deltas: Slide::default(),
            past: None,
            before: 0.0,
            levels: LENGTHS.map(Stretches::new),
            owned: 0,
        }
    }
}

impl Histograms {
    pub(super) fn times(&self) -> &Times {
        &self.times
    }

    /// Distributions of the past, in order of time. They are merged when they are asked for: nothing is asked twice.
    pub(super) fn past(times: &[Millis], all: Distributions) -> Self {
        let mut total = 0.0;
        let grown = all.iter().map(|one| {
            total += one.map_or(0.0, |one| one.count() as f64);
            total
        });
        let totals: Vec<f64> = grown.collect();
        Self {
            times: Times::past(times),
            totals: totals.into(),
            past: Some(all),
            ..Self::default()
        }
    }

    /// The samples within `[from, to)`.
    pub(super) fn between(&self, from: Millis, to: Millis) -> (Vec<Millis>, Distributions) {
        let (places, times) = self.times.within(from, to);
        (times, places.map(|place| self.delta(place)).collect())
    }

    fn delta(&self, place: usize) -> Option<Part<'_>> {
        match &self.past {
            Some(past) => past.get(place),
            None => self.deltas.as_slice().get(place)?.as_deref().map(Part::from),
        }
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
    pub fn single(&self, from: Millis, to: Millis) -> impl Iterator<Item = (Millis, Part<'_>)> {
        let places = self.times.lower_bound(from)..self.times.lower_bound(to);
        places.filter_map(|place| Some((self.times.get(place), self.delta(place)?)))
    }

    /// Whether [`Histograms::each`] has longer stretches than single samples.
    pub fn has_stretches(&self) -> bool {
        self.past.is_none()
    }

    /// Hands over distributions that together are exactly the samples within `[from, to)`: the longest merged ones that
    /// lie within, and shorter and single ones at the edges.
    pub fn each<'a>(&'a self, from: Millis, to: Millis, take: &mut impl FnMut(Part<'a>)) {
        if self.past.is_some() {
            return self.single(from, to).for_each(|(_, delta)| take(delta));
        }
        // With no sample after the window, its last stretch is whole however early the window ends.
        let open = self.times.last().is_none_or(|last| last < to);
        self.cover(&self.levels, from, if open { Millis::MAX / 2 } else { to }, take);
    }

    fn cover<'a>(&'a self, levels: &'a [Stretches], from: Millis, to: Millis, take: &mut impl FnMut(Part<'a>)) {
        let Some((longest, shorter)) = levels.split_last() else {
            self.single(from, to).for_each(|(_, delta)| take(delta));
            return;
        };
        let mut at = from;
        for (start, end, merged) in longest.within(from, to) {
            if at < start {
                self.cover(shorter, at, start, take);
            }
            take(merged.into());
            at = end;
        }
        if at < to {
            self.cover(shorter, at, to, take);
        }
    }

    /// Keeps a sample, and tells whether observations came or went by it.
    pub(super) fn append(&mut self, time: Millis, distribution: Box<Distribution>) -> bool {
        let count = distribution.count() as f64;
        let delta = (count > 0.0).then(|| shrunk(distribution));
        self.owned += delta.as_deref().map_or(0, weight);
        match self.times.place(time) {
            Place::End => {
                if let Some(delta) = &delta {
                    self.levels.iter_mut().for_each(|level| level.add(time, delta));
                }
                self.push(time, count, delta);
                count > 0.0
            }
            Place::Same(index) => {
                let old = std::mem::replace(&mut self.deltas.as_mut_slice()[index], delta);
                self.owned -= old.as_deref().map_or(0, weight);
                self.add_from(index, count - old.as_ref().map_or(0.0, |old| old.count() as f64));
                self.changed(time, old.is_some() || count > 0.0)
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
                self.changed(time, count > 0.0)
            }
        }
    }

    /// Keeps a sample of before a restart. Running numbers are added up and stretches merged when all are there:
    /// [`Histograms::complete`].
    pub(super) fn put(&mut self, time: Millis, distribution: Box<Distribution>) {
        let delta = (distribution.count() > 0).then(|| shrunk(distribution));
        self.owned += delta.as_deref().map_or(0, weight);
        match self.times.place(time) {
            Place::End => self.push(time, 0.0, delta),
            Place::Same(index) => {
                let old = std::mem::replace(&mut self.deltas.as_mut_slice()[index], delta);
                self.owned -= old.as_deref().map_or(0, weight);
            }
            Place::Before(index) => {
                self.times.insert(index, time);
                self.totals.insert(index, 0.0);
                self.deltas.insert(index, delta);
            }
        }
    }

    fn push(&mut self, time: Millis, count: f64, delta: Option<Box<Distribution>>) {
        let total = self.totals.as_slice().last().copied().unwrap_or(self.before);
        self.times.push(time);
        self.totals.push(total + count);
        self.deltas.push(delta);
    }

    /// Adds up and merges what was put.
    pub(super) fn complete(&mut self) {
        let mut total = self.before;
        for (reached, delta) in self.totals.as_mut_slice().iter_mut().zip(self.deltas.as_slice()) {
            total += delta.as_ref().map_or(0.0, |delta| delta.count() as f64);
            *reached = total;
        }
        let mut levels = LENGTHS.map(Stretches::new);
        for level in &mut levels {
            level.fill(self.single(Millis::MIN / 2, Millis::MAX / 2));
        }
        self.levels = levels;
    }

    fn add_from(&mut self, index: usize, count: f64) {
        for total in &mut self.totals.as_mut_slice()[index..] {
            *total += count;
        }
    }

    /// Merges the stretches of a time anew if what they are made of changed.
    fn changed(&mut self, time: Millis, changed: bool) -> bool {
        if changed {
            let mut levels = std::mem::replace(&mut self.levels, LENGTHS.map(Stretches::new));
            for level in &mut levels {
                let (from, to) = level.around(time);
                level.replace(time, self.single(from, to).map(|(_, delta)| delta));
            }
            self.levels = levels;
        }
        changed
    }

    /// Drops what has left the window. The first stretch may then hold more than its samples, but no window that is
    /// asked for begins before it.
    ///
    /// Tells whether it forgot samples of a clock that was set back.
    pub(super) fn trim(&mut self, trim: &Trim) -> bool {
        let Some((kept, dropped)) = trim.bounds(&self.times) else {
            return false;
        };
        let gone = self.deltas.as_slice()[..dropped]
            .iter()
            .chain(&self.deltas.as_slice()[kept..]);
        self.owned -= gone.flatten().map(|delta| weight(delta)).sum::<usize>();
        if dropped > 0 {
            self.before = self.totals.as_slice()[dropped - 1];
        }
        let cut = kept < self.times.len();
        self.times.truncate(kept);
        self.totals.truncate(kept);
        self.deltas.truncate(kept);
        self.times.drop_front(dropped);
        self.totals.drop_front(dropped);
        self.deltas.drop_front(dropped);
        let (first, last) = (
            self.times.first().unwrap_or(Millis::MAX),
            self.times.last().unwrap_or(Millis::MIN),
        );
        self.levels.iter_mut().for_each(|level| level.keep(first, last));
        if cut && self.times.len() > 0 {
            self.changed(last, true);
        }
        cut
    }

    pub(super) fn bytes(&self) -> usize {
        let levels = self.levels.iter().map(Stretches::bytes).sum::<usize>();
        self.times.bytes() + self.totals.bytes() + self.deltas.bytes() + levels + self.owned
    }
}

fn shrunk(mut distribution: Box<Distribution>) -> Box<Distribution> {
    if let Distribution::Exponential(histogram) = &mut *distribution {
        histogram.shrink_to_fit();
    }
    distribution
}

/// The bytes of a distribution: its box and its buckets.
pub(super) fn weight(distribution: &Distribution) -> usize {
    let buckets = match distribution {
        Distribution::Exponential(histogram) => histogram.indices().count(),
        Distribution::Explicit(histogram) => histogram.counts().len(),
    };
    size_of::<Distribution>() + 8 * buckets
}

#[cfg(test)]
mod tests {
    use keiki_model::histogram::Exponential;

    use super::*;

    fn recorded(count: i64) -> Box<Distribution> {
        let mut one = Exponential::new();
        for _ in 0..count {
            one.record(0.25);
        }
        Box::new(one.into())
    }

    #[test]
    fn what_is_put_twice_and_in_any_order_is_as_if_it_had_come_so() {
        let times = (0..100)
            .chain(0..50)
            .chain((100..200).rev())
            .map(|second| second * 1_000);
        let (mut put, mut appended) = (Histograms::default(), Histograms::default());
        for (count, time) in times.enumerate() {
            let count = count as i64 % 4;
            put.put(time, recorded(count));
            appended.append(time, recorded(count));
        }
        put.complete();
        assert_eq!(put.totals(), appended.totals());
        assert_eq!(put.owned, appended.owned);
        let all = |ring: &Histograms| {
            let single: Vec<_> = ring.single(0, 200_000).map(|(time, one)| (time, one.count())).collect();
            let mut merged = Vec::new();
            ring.each(3_000, 187_000, &mut |one| merged.push(one.count()));
            (single, merged)
        };
        assert_eq!(all(&put), all(&appended));
    }
}
