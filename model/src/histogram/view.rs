//! An exponential histogram seen from where it is asked: by itself, or among many in one piece of memory.

use super::sparse::{self, Sparse, Word};
use super::{Exponential, rank, scale};

/// An exponential histogram that lies somewhere else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View<'a> {
    pub(super) scale: i8,
    pub(super) totals: Totals,
    pub(super) buckets: &'a [Word],
}

/// What a histogram tells beside its buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Totals {
    pub(super) zero_count: u64,
    pub(super) count: u64,
    pub(super) sum: f64,
    // Infinite the wrong way round while empty, so that merging needs no special case.
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Totals {
    pub(super) const EMPTY: Self = Self {
        zero_count: 0,
        count: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    pub(super) fn add(&mut self, other: &Self) {
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        self.count = self.count.saturating_add(other.count);
        self.sum = (self.sum + other.sum).min(f64::MAX);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// `bucket` tells in which bucket the value of a rank lies, of those that are not zero.
    pub(super) fn quantile(&self, q: f64, scale: i8, bucket: impl FnOnce(u64) -> Option<i16>) -> Option<f64> {
        let (min, max) = (self.min, self.max);
        if self.count == 0 || q.is_nan() {
            return None;
        }
        if q <= 0.0 || q >= 1.0 {
            return Some(if q <= 0.0 { min } else { max });
        }
        let rank = rank(q, self.count);
        if rank <= self.zero_count {
            return Some(min);
        }
        let found = bucket(rank - self.zero_count);
        Some(found.map_or(max, |index| scale::middle(index, scale).clamp(min, max)))
    }
}

impl<'a> View<'a> {
    /// The scale: 2^scale buckets per power of two.
    pub fn scale(&self) -> i8 {
        self.scale
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.totals.count
    }

    /// How many of them were zero.
    pub fn zero_count(&self) -> u64 {
        self.totals.zero_count
    }

    /// The sum of the values.
    pub fn sum(&self) -> f64 {
        self.totals.sum
    }

    /// The smallest value; `None` when empty.
    pub fn min(&self) -> Option<f64> {
        (self.count() > 0).then_some(self.totals.min)
    }

    /// The largest value; `None` when empty.
    pub fn max(&self) -> Option<f64> {
        (self.count() > 0).then_some(self.totals.max)
    }

    /// Index and count of each occupied bucket, ascending, without the zeros.
    pub fn indices(&self) -> impl ExactSizeIterator<Item = (i16, u64)> + DoubleEndedIterator + use<'a> {
        self.buckets
            .iter()
            .map(|&word| (sparse::index(word), sparse::count(word)))
    }

    /// As [`Exponential::buckets`].
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64, u64)> + use<'a> {
        let scale = self.scale;
        let zeros = (self.zero_count() > 0).then_some((0.0, 0.0, self.zero_count()));
        zeros.into_iter().chain(self.indices().map(move |(index, count)| {
            let index = i32::from(index);
            (
                scale::lower_bound(index, scale),
                scale::lower_bound(index + 1, scale),
                count,
            )
        }))
    }

    /// As [`Exponential::quantile`].
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.totals.quantile(q, self.scale, |rank| {
            let mut seen = 0_u64;
            let found = self.indices().find(|(_, count)| {
                seen = seen.saturating_add(*count);
                rank <= seen
            });
            found.map(|(index, _)| index)
        })
    }

    /// As [`Exponential::count_at_or_below`].
    pub fn count_at_or_below(&self, threshold: f64) -> f64 {
        let Totals { count, min, max, .. } = self.totals;
        if count == 0 || threshold.is_nan() || threshold < min {
            return 0.0;
        }
        if threshold >= max {
            return count as f64;
        }
        let mut below = 0.0;
        for (lower, upper, count) in self.buckets() {
            if upper <= threshold {
                below += count as f64;
                continue;
            }
            let (lower, upper) = (lower.max(min), upper.min(max));
            if threshold > lower {
                below += count as f64 * ((threshold - lower) / (upper - lower));
            }
            break;
        }
        below
    }
}

impl<'a> From<&'a Exponential> for View<'a> {
    fn from(histogram: &'a Exponential) -> Self {
        histogram.view()
    }
}

impl From<View<'_>> for Exponential {
    fn from(view: View<'_>) -> Self {
        Self::of(view.scale, view.totals, Sparse::of_words(view.buckets.to_vec()))
    }
}
