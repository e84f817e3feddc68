//! Histograms that come as running totals by bucket, put together into what happened since the time before.

use std::sync::Arc;

use keiki_model::histogram::{Distribution, Explicit};
use keiki_model::series::{Sample, Series};
use keiki_model::time::Millis;

/// How long the rest of a histogram is waited for, milliseconds: senders that split their requests send parts of one
/// histogram apart.
const PATIENCE: Millis = 60_000;

/// How many parts a histogram may have.
pub(crate) const MOST_PARTS: usize = 512;

/// How many times may wait for the rest of their parts.
const MOST_OPEN: usize = 64;

/// Which part of a histogram a number is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    /// How many were at or below this bound; infinity counts all.
    Bucket(f64),
    /// The sum of all values.
    Sum,
}

/// A histogram's numbers of one time.
#[derive(Debug)]
struct Open {
    time: Millis,
    /// In the order of the parts; NaN where it is yet to come.
    values: Vec<f64>,
    missing: usize,
}

/// A histogram and what is known of it.
#[derive(Debug)]
pub(crate) struct Assembling {
    series: Arc<Series>,
    scale: f64,
    /// Its parts, and whether the sender still has them.
    parts: Vec<(Part, bool)>,
    /// The parts that are buckets, by their bounds.
    order: Vec<usize>,
    bounds: Arc<[f64]>,
    open: Vec<Open>,
    /// The totals last used.
    before: Option<(Millis, Vec<f64>)>,
    /// Whether it began at zero within the sender's sight.
    born: bool,
    /// Times of which some part never came.
    pub(crate) incomplete: u64,
}

impl Assembling {
    pub(crate) fn new(series: Arc<Series>, scale: f64, born: bool) -> Self {
        Self {
            series,
            scale,
            parts: Vec::new(),
            order: Vec::new(),
            bounds: Arc::new([]),
            open: Vec::new(),
            before: None,
            born,
            incomplete: 0,
        }
    }

    /// What it is.
    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    /// A sample that says nothing, for the store to refuse and to count.
    pub(crate) fn nothing(&self, time: Millis) -> Option<Sample> {
        let counts = vec![0; self.bounds.len() + 1];
        let nothing = Explicit::new(Arc::clone(&self.bounds), counts, 0.0).ok()?;
        Some(Sample::distribution(&self.series, time, Distribution::from(nothing)))
    }

    /// How many parts it has had.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Its place for a part; new parts begin the histogram anew.
    pub(crate) fn part(&mut self, part: Part) -> usize {
        if let Some(place) = self.parts.iter().position(|(known, _)| *known == part) {
            return place;
        }
        self.parts.push((part, true));
        for open in &mut self.open {
            open.values.push(f64::NAN);
            open.missing += 1;
        }
        self.begin_anew();
        self.parts.len() - 1
    }

    /// After the parts have changed.
    fn begin_anew(&mut self) {
        self.before = None;
        let bound = |place: &usize| match self.parts[*place] {
            (Part::Bucket(bound), true) => Some(bound),
            _ => None,
        };
        let mut order: Vec<_> = (0..self.parts.len()).filter(|place| bound(place).is_some()).collect();
        order.sort_by(|a, b| bound(a).partial_cmp(&bound(b)).unwrap_or(std::cmp::Ordering::Equal));
        self.bounds = order
            .iter()
            .filter_map(bound)
            .filter(|bound| bound.is_finite())
            .map(|bound| bound * self.scale)
            .collect();
        self.order = order;
    }

    /// Takes one number of a time.
    pub(crate) fn put(&mut self, place: usize, time: Millis, value: f64) {
        if self.before.as_ref().is_some_and(|(before, _)| time <= *before) {
            return;
        }
        if self.parts.get(place).is_some_and(|(_, there)| !there) {
            // The sender has it again.
            self.parts[place].1 = true;
            self.open.iter_mut().for_each(|open| open.missing += 1);
            self.begin_anew();
        }
        let open = match self.open.iter_mut().position(|open| open.time == time) {
            Some(found) => &mut self.open[found],
            None => {
                if self.open.len() >= MOST_OPEN {
                    self.open.remove(0);
                    self.incomplete += 1;
                }
                self.open.push(Open {
                    time,
                    values: vec![f64::NAN; self.parts.len()],
                    missing: self.parts.iter().filter(|(_, there)| *there).count(),
                });
                self.open.last_mut().expect("it was just pushed")
            }
        };
        if let Some(known) = open.values.get_mut(place) {
            open.missing -= usize::from(known.is_nan() && !value.is_nan());
            *known = value;
        }
    }

    /// Hands over what is whole, in order of time. `whole` says that nothing more comes of any time, and that what did not
    /// come is not there any more; else parts that the first time brings may still be on their way, and the first is only
    /// what later ones are compared with.
    pub(crate) fn finish(&mut self, whole: bool, now: Millis, take: &mut Vec<Sample>) {
        self.open.sort_by_key(|open| open.time);
        while let Some(first) = self.open.first() {
            if first.missing > 0 && !whole {
                if first.time > now - PATIENCE {
                    return;
                }
                self.incomplete += 1;
                self.open.remove(0);
                continue;
            }
            let Open { time, values, missing } = self.open.remove(0);
            if missing > 0 {
                // Other buckets than before, as after a deployment: what is there now is what later pages are compared with.
                for (part, value) in self.parts.iter_mut().zip(&values) {
                    part.1 = !value.is_nan();
                }
                self.begin_anew();
                self.born = false;
                self.incomplete += 1;
            }
            let nothing = || vec![0.0; values.len()];
            let before = self
                .before
                .take()
                .map(|(_, values)| values)
                .or_else(|| self.born.then(nothing));
            if let Some(before) = before {
                take.extend(self.since(time, &before, &values));
            }
            self.born = false;
            self.before = Some((time, values));
        }
    }

    /// What happened between two totals; after a restart all that there is.
    fn since(&self, time: Millis, before: &[f64], values: &[f64]) -> Option<Sample> {
        let restarted = self.order.iter().any(|&place| values[place] < before[place]);
        let grown = |place: usize| {
            if restarted {
                values[place]
            } else {
                values[place] - before[place]
            }
        };
        let mut below = 0.0;
        let mut counts: Vec<u64> = Vec::with_capacity(self.bounds.len() + 1);
        for &place in &self.order {
            let up_to = grown(place).max(below);
            counts.push((up_to - below).round() as u64);
            below = up_to;
        }
        // One that does not say how many there are in all has nothing beyond its last bound.
        counts.resize(self.bounds.len() + 1, 0);
        let sum = self
            .parts
            .iter()
            .position(|part| *part == (Part::Sum, true))
            .map_or(f64::NAN, grown);
        let sum = if sum.is_finite() {
            sum * self.scale
        } else {
            self.estimated(&counts)
        };
        let explicit = Explicit::new(Arc::clone(&self.bounds), counts, sum).ok()?;
        Some(Sample::distribution(&self.series, time, Distribution::from(explicit)))
    }

    /// The middle of each bucket times what is in it, where the sender tells no sum.
    fn estimated(&self, counts: &[u64]) -> f64 {
        let lower = [0.0].into_iter().chain(self.bounds.iter().copied());
        let upper = self.bounds.iter().copied().chain(self.bounds.last().copied());
        let middles = lower.zip(upper).map(|(lower, upper)| (lower + upper) / 2.0);
        middles.zip(counts).map(|(middle, count)| middle * *count as f64).sum()
    }
}

#[cfg(test)]
mod tests {
    use keiki_model::series::{Kind, Labels, Value};

    use super::*;

    fn histogram(scale: f64, born: bool) -> Assembling {
        let series = Series::new("a_duration_seconds", Labels::none(), Kind::Histogram, None);
        Assembling::new(series, scale, born)
    }

    fn put(histogram: &mut Assembling, time: Millis, parts: &[(Part, f64)]) {
        for (part, value) in parts {
            let place = histogram.part(*part);
            histogram.put(place, time, *value);
        }
    }

    fn finish(histogram: &mut Assembling, whole: bool, now: Millis) -> Vec<(Millis, Vec<f64>, Vec<u64>, f64)> {
        let mut all = Vec::new();
        histogram.finish(whole, now, &mut all);
        let tell = |sample: Sample| match sample.value {
            Value::Distribution(distribution) => match *distribution {
                Distribution::Explicit(it) => (sample.time, it.bounds().to_vec(), it.counts().to_vec(), it.sum()),
                Distribution::Exponential(_) => panic!("explicit bounds stay explicit"),
            },
            Value::Number(_) => panic!("a histogram is no number"),
        };
        all.into_iter().map(tell).collect()
    }

    const ALL: Part = Part::Bucket(f64::INFINITY);

    #[test]
    fn totals_become_what_happened_in_between() {
        let mut it = histogram(0.001, false);
        let page = |low: f64, high: f64, all: f64, sum: f64| {
            [
                (ALL, all),
                (Part::Bucket(100.0), low),
                (Part::Bucket(250.0), high),
                (Part::Sum, sum),
            ]
        };
        put(&mut it, 1_000, &page(5.0, 8.0, 9.0, 900.0));
        assert_eq!(finish(&mut it, true, 1_000), [], "what was before is not of this time");
        put(&mut it, 2_000, &page(6.0, 11.0, 13.0, 1_900.0));
        assert_eq!(
            finish(&mut it, true, 2_000),
            [(2_000, vec![0.1, 0.25], vec![1, 2, 1], 1.0)]
        );
        put(&mut it, 3_000, &page(1.0, 1.0, 2.0, 300.0));
        assert_eq!(
            finish(&mut it, true, 3_000),
            [(3_000, vec![0.1, 0.25], vec![1, 0, 1], 0.3)],
            "a restart began at zero"
        );
        put(&mut it, 4_000, &page(1.0, 1.0, 2.0, 300.0));
        assert_eq!(
            finish(&mut it, true, 4_000),
            [(4_000, vec![0.1, 0.25], vec![0, 0, 0], 0.0)]
        );
    }

    #[test]
    fn one_that_was_not_there_before_began_at_zero() {
        let mut it = histogram(1.0, true);
        put(&mut it, 1_000, &[(Part::Bucket(1.0), 2.0), (ALL, 3.0)]);
        assert_eq!(
            finish(&mut it, true, 1_000),
            [(1_000, vec![1.0], vec![2, 1], 2.0)],
            "without a sum it is estimated"
        );
    }

    #[test]
    fn other_buckets_begin_anew() {
        let mut it = histogram(1.0, false);
        put(&mut it, 1_000, &[(Part::Bucket(1.0), 1.0), (ALL, 2.0)]);
        put(&mut it, 2_000, &[(Part::Bucket(1.0), 2.0), (ALL, 4.0)]);
        assert_eq!(finish(&mut it, true, 2_000).len(), 1);
        put(&mut it, 3_000, &[(Part::Bucket(5.0), 900.0), (ALL, 900.0)]);
        assert_eq!(finish(&mut it, true, 3_000), [], "nobody knows what of it was before");
        put(&mut it, 4_000, &[(Part::Bucket(5.0), 903.0), (ALL, 904.0)]);
        assert_eq!(
            finish(&mut it, true, 4_000),
            [(4_000, vec![5.0], vec![3, 1], 2.5 * 3.0 + 5.0)]
        );
    }

    #[test]
    fn times_that_wait_are_bounded() {
        let mut it = histogram(1.0, false);
        it.part(ALL);
        for time in 0..10_000 {
            put(&mut it, time, &[(Part::Bucket(1.0), 1.0)]);
        }
        assert_eq!((it.open.len(), it.incomplete), (MOST_OPEN, 10_000 - MOST_OPEN as u64));
    }

    #[test]
    fn parts_may_come_apart() {
        let mut it = histogram(1.0, false);
        put(&mut it, 1_000, &[(Part::Bucket(1.0), 1.0), (ALL, 1.0)]);
        assert_eq!(finish(&mut it, false, 1_000), []);
        put(&mut it, 2_000, &[(Part::Bucket(1.0), 4.0)]);
        put(&mut it, 3_000, &[(Part::Bucket(1.0), 9.0)]);
        assert_eq!(finish(&mut it, false, 3_500), [], "the rest may still come");
        put(&mut it, 2_000, &[(ALL, 5.0)]);
        assert_eq!(finish(&mut it, false, 4_000), [(2_000, vec![1.0], vec![3, 1], 2.5)]);
        assert_eq!(finish(&mut it, false, 64_000), []);
        assert_eq!(it.incomplete, 1, "the rest of the third second never came");
        put(&mut it, 4_000, &[(Part::Bucket(1.0), 10.0), (ALL, 11.0)]);
        assert_eq!(finish(&mut it, false, 64_000), [(4_000, vec![1.0], vec![6, 0], 3.0)]);
    }
}
