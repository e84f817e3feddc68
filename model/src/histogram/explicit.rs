//! Explicit-bucket histograms, as Prometheus and OTLP deliver them. They keep their own bounds, because spreading
//! their counts over finer buckets would claim a precision that nobody measured.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Malformed, Mismatch};

/// A distribution in the buckets its source chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Explicit {
    bounds: Arc<[f64]>,
    counts: Box<[u64]>,
    sum: f64,
}

/// A quantile estimated within a bucket, with that bucket: a reader should see how much is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interpolated {
    /// The estimate.
    pub value: f64,
    /// The bucket's lower bound (exclusive).
    pub lower: f64,
    /// The bucket's upper bound (inclusive); `None` for the last one, which has none.
    pub upper: Option<f64>,
}

impl Explicit {
    /// A histogram with these upper bounds (finite, ascending, without the last one's +Inf) and this many values in
    /// each bucket: one more than there are bounds, not cumulative. A sum that is not finite counts as 0.
    pub fn new(bounds: Arc<[f64]>, counts: impl Into<Box<[u64]>>, sum: f64) -> Result<Self, Malformed> {
        let counts = counts.into();
        if counts.len() != bounds.len() + 1 {
            return Err(Malformed("there must be one count more than bounds"));
        }
        if !bounds.iter().all(|bound| bound.is_finite()) || !bounds.is_sorted_by(|a, b| a < b) {
            return Err(Malformed("the bounds must be finite and ascending"));
        }
        let sum = if sum.is_finite() { sum } else { 0.0 };
        Ok(Self { bounds, counts, sum })
    }

    /// One with the same bounds and nothing in it.
    pub fn empty_like(&self) -> Self {
        Self {
            bounds: Arc::clone(&self.bounds),
            counts: vec![0; self.counts.len()].into(),
            sum: 0.0,
        }
    }

    /// The upper bounds, without the last bucket's +Inf.
    pub fn bounds(&self) -> &Arc<[f64]> {
        &self.bounds
    }

    /// The count of each bucket, one more than there are bounds; not cumulative.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The sum of the values.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The mean; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum / count as f64)
    }

    /// Adds everything the other recorded; fails, changing nothing, if the bounds differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), Mismatch> {
        if !Arc::ptr_eq(&self.bounds, &other.bounds) && self.bounds != other.bounds {
            return Err(Mismatch::Bounds);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
        self.sum = (self.sum + other.sum).clamp(f64::MIN, f64::MAX);
        Ok(())
    }

    /// Prometheus' `histogram_quantile`: linear within the bucket that holds the rank, taking the first to begin at 0;
    /// the highest bound if the rank lies beyond it. Empty buckets are passed over, so that `q` = 0 is the lower end
    /// of the first occupied one. `None` when empty or without any bound.
    pub fn quantile(&self, q: f64) -> Option<Interpolated> {
        let count = self.count();
        if count == 0 || q.is_nan() || self.bounds.is_empty() {
            return None;
        }
        let rank = q.clamp(0.0, 1.0) * count as f64;
        let mut seen = 0;
        for (lower, upper, n) in self.buckets().filter(|(_, _, n)| *n > 0) {
            let into = rank - seen as f64;
            seen += n;
            // The last occupied bucket takes what rounding may have left over.
            if rank > seen as f64 && seen < count {
                continue;
            }
            let value = match upper {
                Some(upper) => lower + (upper - lower) * (into / n as f64).clamp(0.0, 1.0),
                None => lower,
            };
            return Some(Interpolated { value, lower, upper });
        }
        None
    }

    /// How many values are at or below `threshold`, interpolated linearly within its bucket: exact where the threshold
    /// is a bound. Of the last bucket, nothing counts as below any threshold but infinity.
    pub fn count_at_or_below(&self, threshold: f64) -> f64 {
        let mut below = 0.0;
        for (lower, upper, count) in self.buckets() {
            let upper = upper.unwrap_or(f64::INFINITY);
            if upper <= threshold {
                below += count as f64;
            } else if threshold > lower && upper.is_finite() {
                below += count as f64 * ((threshold - lower) / (upper - lower));
            }
        }
        below
    }

    /// The highest bound; `None` where there is but one bucket. Of values above it no more is known.
    pub fn last_bound(&self) -> Option<f64> {
        self.bounds.last().copied()
    }

    /// How many values are above `lower` and at or below `upper`.
    pub fn count_between(&self, lower: f64, upper: f64) -> f64 {
        (self.count_at_or_below(upper) - self.count_at_or_below(lower)).max(0.0)
    }

    /// Lower bound (exclusive), upper bound (inclusive, `None` for the last bucket) and count of every bucket,
    /// ascending. The first begins at 0, or at its own bound where that is negative.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, Option<f64>, u64)> + '_ {
        let first = self.bounds.first().map_or(0.0, |bound| bound.min(0.0));
        let lowers = std::iter::once(first).chain(self.bounds.iter().copied());
        let uppers = self.bounds.iter().copied().map(Some).chain([None]);
        lowers
            .zip(uppers)
            .zip(&self.counts)
            .map(|((lower, upper), count)| (lower, upper, *count))
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    bounds: Arc<[f64]>,
    counts: Box<[u64]>,
    sum: f64,
}

impl From<Explicit> for Wire {
    fn from(Explicit { bounds, counts, sum }: Explicit) -> Self {
        Self { bounds, counts, sum }
    }
}

impl TryFrom<Wire> for Explicit {
    type Error = Malformed;

    fn try_from(Wire { bounds, counts, sum }: Wire) -> Result<Self, Malformed> {
        Self::new(bounds, counts, sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explicit(bounds: &[f64], counts: &[u64]) -> Explicit {
        Explicit::new(bounds.into(), counts, 0.0).unwrap()
    }

    #[test]
    fn bounds_and_counts_must_fit() {
        for (bounds, counts) in [
            (&[0.1, 0.2][..], &[1, 2][..]),
            (&[0.2, 0.1], &[1, 2, 3]),
            (&[0.1, 0.1], &[1, 2, 3]),
            (&[0.1, f64::INFINITY], &[1, 2, 3]),
            (&[f64::NAN], &[1, 2]),
        ] {
            assert!(Explicit::new(bounds.into(), counts, 0.0).is_err(), "{bounds:?}");
        }
    }

    #[test]
    fn a_quantile_names_its_bucket() {
        let histogram = explicit(&[0.1, 0.25, 0.5], &[10, 10, 0, 5]);
        let check = |q, value: f64, lower, upper| {
            let found = histogram.quantile(q).unwrap();
            assert!(
                (found.value - value).abs() < 1e-12 && (found.lower, found.upper) == (lower, upper),
                "{q}: {found:?}"
            );
        };
        check(0.0, 0.0, 0.0, Some(0.1));
        check(0.2, 0.05, 0.0, Some(0.1));
        check(0.6, 0.175, 0.1, Some(0.25));
        check(0.8, 0.25, 0.1, Some(0.25));
        check(0.9, 0.5, 0.5, None);
        check(1.0, 0.5, 0.5, None);
        assert_eq!(explicit(&[0.1], &[0, 0]).quantile(0.5), None);
        assert_eq!(explicit(&[], &[7]).quantile(0.5), None);
    }

    #[test]
    fn other_bounds_do_not_merge() {
        let mut histogram = explicit(&[0.1, 0.25], &[1, 2, 3]);
        assert_eq!(
            histogram.merge(&explicit(&[0.1, 0.3], &[1, 1, 1])),
            Err(Mismatch::Bounds)
        );
        assert_eq!(histogram.merge(&explicit(&[0.1, 0.25], &[1, 0, 1])), Ok(()));
        assert_eq!(histogram.counts(), [2, 2, 4]);
        assert!(histogram.empty_like().is_empty());
    }

    #[test]
    fn what_lies_below_a_threshold() {
        let histogram = explicit(&[0.1, 0.5], &[4, 8, 2]);
        assert_eq!(histogram.count_at_or_below(0.1), 4.0);
        assert_eq!(histogram.count_at_or_below(0.3), 8.0);
        assert_eq!(histogram.count_at_or_below(9.0), 12.0);
        assert_eq!(histogram.count_at_or_below(f64::INFINITY), 14.0);
        assert_eq!(histogram.count_between(0.1, 0.5), 8.0);
    }
}
