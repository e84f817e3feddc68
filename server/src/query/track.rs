//! The rules by which samples become the value of a slot or of a window.
//!
//! A window is one long slot: [`Track::gauge`] and [`Track::rates`] serve both, with a grid of one slot.

use std::borrow::Cow;

use keiki_model::query::Function;
use keiki_model::time::{Millis, SECOND};

use super::grid::Grid;
use crate::store::{Folds, Ring, Stored};

/// What lies nearer together than this is of one time, milliseconds.
const MOMENT: Millis = 10;

/// The samples of one series, ready to be walked.
pub(crate) struct Track<'a> {
    base: Millis,
    /// What the offsets count, milliseconds.
    unit: Millis,
    offsets: &'a [u32],
    values: Cow<'a, [f64]>,
    /// What a running number of observations was before the first sample; a counter's is not known.
    before: Option<f64>,
    interval: Millis,
    reach: Millis,
    /// Of slots of the past: what more is known of each than its newest value.
    folds: Option<&'a Folds>,
}

/// How much a running total grew, and over which stretch of time that was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Growth {
    pub(crate) increase: f64,
    pub(crate) from: Millis,
    pub(crate) to: Millis,
}

impl Growth {
    /// Per second; nothing where no time was covered.
    pub(crate) fn rate(&self) -> Option<f64> {
        (self.to > self.from).then(|| self.increase * SECOND as f64 / (self.to - self.from) as f64)
    }
}

impl<'a> Track<'a> {
    /// The values as they came; nothing of a histogram.
    pub(crate) fn values(stored: &'a Stored) -> Option<Self> {
        match stored.ring() {
            Ring::Counter(ring) | Ring::Gauge(ring) => Some(Self {
                folds: ring.folds().filter(|_| matches!(stored.ring(), Ring::Gauge(_))),
                ..Self::new(stored, Cow::Borrowed(ring.values()), None)
            }),
            Ring::Histogram(_) => None,
        }
    }

    /// The running total; nothing of a gauge.
    pub(crate) fn total(stored: &'a Stored) -> Option<Self> {
        match stored.ring() {
            Ring::Counter(ring) => Some(Self {
                folds: ring.folds(),
                ..Self::new(stored, ring.total(), None)
            }),
            Ring::Gauge(_) => None,
            Ring::Histogram(ring) => Some(Self::new(stored, Cow::Borrowed(ring.totals()), Some(ring.before()))),
        }
    }

    fn new(stored: &'a Stored, values: Cow<'a, [f64]>, before: Option<f64>) -> Self {
        let (base, offsets) = stored.times();
        let interval = Millis::from(stored.interval_ms());
        Self {
            base,
            unit: stored.unit(),
            offsets,
            values,
            before,
            interval,
            reach: stored.reach_ms(),
            folds: None,
        }
    }

    /// The time of the newest sample before `to`.
    pub(crate) fn newest_before(&self, to: Millis) -> Option<Millis> {
        let end = self
            .offsets
            .partition_point(|&offset| Millis::from(offset) * self.unit < to - self.base);
        end.checked_sub(1)
            .map(|last| self.base + Millis::from(self.offsets[last]) * self.unit)
    }

    /// The value of a gauge in every slot: of the samples within it, or else the newest before it, if its reach goes to
    /// the slot's end.
    pub(crate) fn gauge(&self, function: Function, grid: &Grid, mut take: impl FnMut(usize, f64)) {
        let samples = self.samples();
        let lows = self.folds.map_or(samples.values, |folds| &folds.min);
        let highs = self.folds.map_or(samples.values, |folds| &folds.max);
        samples.walk(grid, |slot, end, first, next| {
            let value = if first < next {
                let inside = &samples.values[first..next];
                match function {
                    Function::Avg => mean(inside, self.folds, first, next),
                    Function::Min => lows[first..next].iter().copied().fold(f64::INFINITY, f64::min),
                    Function::Max => highs[first..next].iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    _ => inside[inside.len() - 1],
                }
            } else if next > 0 && end - samples.time(next - 1) <= self.reach {
                samples.values[next - 1]
            } else {
                return;
            };
            take(slot, value);
        });
    }

    /// The growth per second in every slot.
    pub(crate) fn rates(&self, grid: &Grid, mut take: impl FnMut(usize, f64)) {
        let samples = self.samples();
        samples.walk(grid, |slot, end, first, next| {
            let growth = if first < next {
                self.inside(samples, first, next, grid.step)
            } else {
                self.around(samples, next, end)
            };
            if let Some(rate) = growth.and_then(|growth| growth.rate()) {
                take(slot, rate);
            }
        });
    }

    /// The smallest and the largest value in every slot, down to the last sample; `rates` of the growth per second from one
    /// sample to the next. A slot without a sample has what the line has there.
    pub(crate) fn extremes(&self, rates: bool, grid: &Grid, mut take: impl FnMut(usize, f64, f64)) {
        let samples = self.samples();
        let widen = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        samples.walk(grid, |slot, end, first, next| {
            let nothing = (f64::INFINITY, f64::NEG_INFINITY);
            let (low, high) = match self.folds {
                // What had no rate is NaN, which these pass over.
                Some(folds) if first < next => (
                    folds.min[first..next].iter().copied().fold(nothing.0, f64::min),
                    folds.max[first..next].iter().copied().fold(nothing.1, f64::max),
                ),
                None if first < next && rates => (first..next)
                    .map(|place| self.since(samples, place, place))
                    // Distributions of several makes of one slot stand milliseconds apart.
                    .filter(|growth| growth.to - growth.from >= MOMENT)
                    .filter_map(|growth| growth.rate())
                    .fold(nothing, widen),
                None if first < next => samples.values[first..next].iter().copied().fold(nothing, widen),
                _ if rates => {
                    let rate = self.around(samples, next, end).and_then(|growth| growth.rate());
                    rate.map_or(nothing, |rate| (rate, rate))
                }
                _ if next > 0 && end - samples.time(next - 1) <= self.reach => {
                    let value = samples.values[next - 1];
                    (value, value)
                }
                _ => nothing,
            };
            if low <= high {
                take(slot, low, high);
            }
        });
    }

    /// The growth within a window. With a sample inside, all that the samples inside report: a counter grows from the
    /// last sample before, or from its first one; of a histogram every sample counts in full.
    pub(crate) fn growth(&self, from: Millis, to: Millis) -> Option<Growth> {
        let samples = self.samples();
        let mut found = None;
        let grid = Grid {
            from,
            step: to - from,
            slots: 1,
        };
        samples.walk(&grid, |_, end, first, next| {
            found = if first < next {
                Some(self.since(samples, first, next - 1).moved(self.base))
            } else {
                let rate = self.around(samples, next, end).and_then(|growth| growth.rate());
                rate.map(|rate| Growth {
                    increase: rate * (to - from) as f64 / SECOND as f64,
                    from,
                    to,
                })
            };
        });
        found
    }

    fn samples(&self) -> Samples<'_> {
        Samples {
            base: self.base,
            unit: self.unit,
            offsets: self.offsets,
            values: &self.values,
        }
    }

    /// From before the sample `first` to `last`: from the previous sample if that is within reach.
    fn since(&self, samples: Samples<'_>, first: usize, last: usize) -> Growth {
        if first > 0 && samples.time(first) - samples.time(first - 1) <= self.reach {
            return samples.between(first - 1, last);
        }
        match self.before {
            // What a histogram's sample reports happened within its interval.
            Some(before) => Growth {
                increase: samples.values[last] - if first > 0 { samples.values[first - 1] } else { before },
                from: samples.time(first) - self.interval,
                to: samples.time(last),
            },
            None => samples.between(first, last),
        }
    }

    /// Of a slot with the samples from `first` up to `next`: from the last sample before the slot to the last one
    /// within. Nothing where these lie farther apart than a reach and the slot.
    fn inside(&self, samples: Samples<'_>, first: usize, next: usize, step: Millis) -> Option<Growth> {
        let last = next - 1;
        if first == 0 {
            return Some(self.since(samples, first, last));
        }
        let growth = samples.between(first - 1, last);
        (growth.to - growth.from <= self.reach + step).then_some(growth)
    }

    /// Of a slot without a sample that ends at `end`, `next` being the first sample after: between the samples around
    /// it, or else as between the two before it, as far as they reach.
    fn around(&self, samples: Samples<'_>, next: usize, end: Millis) -> Option<Growth> {
        let last = next.checked_sub(1)?;
        if next < samples.offsets.len() && samples.time(next) - samples.time(last) <= self.reach {
            return Some(samples.between(last, next));
        }
        (end - samples.time(last) <= self.reach).then(|| self.since(samples, last, last))
    }
}

/// The mean of values, or of all the values that were folded into slots.
fn mean(inside: &[f64], folds: Option<&Folds>, first: usize, next: usize) -> f64 {
    match folds {
        None => inside.iter().sum::<f64>() / inside.len() as f64,
        Some(folds) => {
            let counts = folds.count[first..next].iter();
            folds.sum[first..next].iter().sum::<f64>() / counts.map(|count| f64::from(*count)).sum::<f64>()
        }
    }
}

impl Growth {
    fn moved(self, by: Millis) -> Self {
        Self {
            from: self.from + by,
            to: self.to + by,
            ..self
        }
    }
}

/// Times and values as slices: walking them must not ask at every step whether the values are borrowed. All times here
/// count from the base.
#[derive(Clone, Copy)]
struct Samples<'a> {
    base: Millis,
    unit: Millis,
    offsets: &'a [u32],
    values: &'a [f64],
}

impl Samples<'_> {
    /// Slot by slot: its number, its end, its first sample and the first one after it.
    #[inline]
    fn walk(self, grid: &Grid, mut visit: impl FnMut(usize, Millis, usize, usize)) {
        let mut end = grid.from - self.base;
        let mut next = self
            .offsets
            .partition_point(|&offset| Millis::from(offset) * self.unit < end);
        for slot in 0..grid.slots {
            end += grid.step;
            let first = next;
            while self
                .offsets
                .get(next)
                .is_some_and(|&offset| Millis::from(offset) * self.unit < end)
            {
                next += 1;
            }
            visit(slot, end, first, next);
        }
    }

    #[inline]
    fn time(self, index: usize) -> Millis {
        Millis::from(self.offsets[index]) * self.unit
    }

    #[inline]
    fn between(self, a: usize, b: usize) -> Growth {
        Growth {
            increase: self.values[b] - self.values[a],
            from: self.time(a),
            to: self.time(b),
        }
    }
}
