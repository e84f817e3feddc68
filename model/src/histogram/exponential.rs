//! Base-2 exponential histograms: what Keiki measures itself, and what OTLP delivers.

use serde::{Deserialize, Serialize};

use super::Malformed;
use super::dense::Dense;
use super::scale::{self, MIN_SCALE, SCALE};
use super::sparse::Sparse;
use super::view::{Totals, View};

/// A distribution of non-negative values in sparse base-2 exponential buckets. Merging loses nothing; a quantile is
/// off by at most 1.1 % at the default scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Exponential {
    scale: i8,
    zero_count: u64,
    count: u64,
    sum: f64,
    // Infinite the wrong way round while empty, so that merging needs no special case.
    min: f64,
    max: f64,
    buckets: Sparse,
}

/// An exponential histogram as OTLP delivers it: dense counts from an offset on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    /// The sender's scale. Kept between [`MIN_SCALE`] and [`SCALE`]; a finer one is downscaled.
    pub scale: i32,
    /// How many values were zero, or within the sender's zero threshold.
    pub zero_count: u64,
    /// The index of the first of `counts`.
    pub offset: i32,
    /// The counts of the positive buckets.
    pub counts: &'a [u64],
    /// The sum of the values; estimated from the buckets if `None`.
    pub sum: Option<f64>,
    /// The smallest value **of this stretch of time**; the lowest bucket's lower bound if `None`. A cumulative minimum
    /// does not belong here.
    pub min: Option<f64>,
    /// The largest value, likewise; the highest bucket's upper bound if `None`.
    pub max: Option<f64>,
}

impl Default for Exponential {
    fn default() -> Self {
        Self::new()
    }
}

impl Exponential {
    /// An empty histogram at the default scale. Allocates nothing.
    pub const fn new() -> Self {
        Self {
            scale: SCALE,
            zero_count: 0,
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            buckets: Sparse::new(),
        }
    }

    /// An empty histogram at another scale, kept between [`MIN_SCALE`] and [`SCALE`].
    pub fn with_scale(scale: i8) -> Self {
        Self {
            scale: scale.clamp(MIN_SCALE, SCALE),
            ..Self::new()
        }
    }

    /// A histogram from another program's buckets. The count is what the buckets add up to.
    pub fn from_parts(parts: Parts<'_>) -> Self {
        let mut histogram = Self::with_scale(parts.scale.clamp(i32::from(MIN_SCALE), i32::from(SCALE)) as i8);
        let shift = (parts.scale - parts.scale.min(i32::from(SCALE))).min(63);
        let (lowest, highest) = scale::range(histogram.scale);
        histogram.zero_count = parts.zero_count;
        histogram.count = parts.zero_count;
        histogram
            .buckets
            .reserve(parts.counts.iter().filter(|n| **n > 0).count());
        for (index, &n) in (i64::from(parts.offset)..).zip(parts.counts).filter(|(_, n)| **n > 0) {
            let index = (index >> shift).clamp(i64::from(lowest), i64::from(highest));
            histogram.buckets.add(index as i16, n);
            histogram.count = histogram.count.saturating_add(n);
        }
        if histogram.count == 0 {
            return histogram;
        }
        let valid = |value: &f64| value.is_finite() && *value >= 0.0;
        let (lower, upper) = histogram.edges();
        histogram.min = parts.min.filter(valid).unwrap_or(lower);
        histogram.max = parts.max.filter(valid).unwrap_or(upper);
        if histogram.min > histogram.max {
            (histogram.min, histogram.max) = (lower, upper);
        }
        histogram.sum = parts.sum.filter(valid).unwrap_or_else(|| histogram.estimated_sum());
        histogram
    }

    /// Records one value. Returns `false` and changes nothing for one that is negative or not finite: a duration
    /// cannot be, and one such value would poison the sum for good.
    pub fn record(&mut self, value: f64) -> bool {
        self.record_n(value, 1)
    }

    /// Records the same value `n` times.
    pub fn record_n(&mut self, value: f64, n: u64) -> bool {
        if !(value >= 0.0 && value.is_finite()) {
            return false;
        }
        if n == 0 {
            return true;
        }
        // Minus zero passes the test above, and must not become the minimum.
        let value = value.abs();
        if value == 0.0 {
            self.zero_count = self.zero_count.saturating_add(n);
        } else {
            self.buckets.add(scale::index_of(value, self.scale), n);
        }
        self.count = self.count.saturating_add(n);
        self.sum = (self.sum + value * n as f64).min(f64::MAX);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        true
    }

    /// The scale: 2^scale buckets per power of two.
    pub fn scale(&self) -> i8 {
        self.scale
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them were zero.
    pub fn zero_count(&self) -> u64 {
        self.zero_count
    }

    /// The sum of the values.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The smallest value; `None` when empty.
    pub fn min(&self) -> Option<f64> {
        (!self.is_empty()).then_some(self.min)
    }

    /// The largest value; `None` when empty.
    pub fn max(&self) -> Option<f64> {
        (!self.is_empty()).then_some(self.max)
    }

    /// The mean; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum / self.count as f64)
    }

    /// Adds everything the other recorded. Exact: the result is what recording all values into one would have given
    /// (at the coarser of the two scales).
    pub fn merge(&mut self, other: &Self) {
        self.downscale(other.scale);
        if other.scale > self.scale {
            let mut coarser = other.buckets.clone();
            coarser.downscale(other.scale.abs_diff(self.scale).into());
            self.buckets.merge(&coarser);
        } else {
            self.buckets.merge(&other.buckets);
        }
        self.add_totals(other);
    }

    /// All of these in one: the same as merging one after the other, and several times as fast for more than a few.
    pub fn merged<'a>(histograms: impl IntoIterator<Item = impl Into<View<'a>>>) -> Self {
        let mut totals = Totals::EMPTY;
        let mut dense = Dense::new();
        for histogram in histograms {
            let histogram = histogram.into();
            dense.add(histogram.buckets, histogram.scale);
            totals.add(&histogram.totals);
        }
        let (scale, buckets) = dense.finish();
        Self::of(scale, totals, buckets)
    }

    /// Makes the buckets coarser; exact, by index shift. Does nothing if `scale` is not below the present one.
    pub fn downscale(&mut self, scale: i8) {
        let scale = scale.max(MIN_SCALE);
        if scale < self.scale {
            self.buckets.downscale(self.scale.abs_diff(scale).into());
            self.scale = scale;
        }
    }

    /// The smallest value that at least the fraction `q` of all values do not exceed: its bucket's geometric middle,
    /// never outside what was recorded. `q` ≤ 0 gives the minimum, `q` ≥ 1 the maximum; `None` when empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.view().quantile(q)
    }

    /// How many values are at or below `threshold`, interpolated within its bucket: exact where the threshold is a
    /// bucket's bound, as every power of two is.
    pub fn count_at_or_below(&self, threshold: f64) -> f64 {
        self.view().count_at_or_below(threshold)
    }

    /// How many values are above `lower` and at or below `upper`.
    pub fn count_between(&self, lower: f64, upper: f64) -> f64 {
        (self.count_at_or_below(upper) - self.count_at_or_below(lower)).max(0.0)
    }

    /// Lower bound (exclusive), upper bound (inclusive) and count of each occupied bucket, ascending. Zeros come first
    /// as (0, 0, count).
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64, u64)> + '_ {
        self.view().buckets()
    }

    /// Index and count of each occupied bucket, ascending, without the zeros.
    pub fn indices(&self) -> impl Iterator<Item = (i16, u64)> + '_ {
        self.buckets.iter()
    }

    /// Forgets everything but the scale, and keeps the memory for what comes next.
    pub fn clear(&mut self) {
        let mut buckets = std::mem::take(&mut self.buckets);
        buckets.clear();
        *self = Self {
            buckets,
            ..Self::with_scale(self.scale)
        };
    }

    /// Gives back memory that no bucket uses. A clone has none of it.
    pub fn shrink_to_fit(&mut self) {
        self.buckets.shrink();
    }

    fn add_totals(&mut self, other: &Self) {
        let mut totals = self.totals();
        totals.add(&other.totals());
        let buckets = std::mem::take(&mut self.buckets);
        *self = Self::of(self.scale, totals, buckets);
    }

    /// What it is, without owning it.
    pub fn view(&self) -> View<'_> {
        View {
            scale: self.scale,
            totals: self.totals(),
            buckets: self.buckets.words(),
        }
    }

    pub(super) fn of(scale: i8, totals: Totals, buckets: Sparse) -> Self {
        let Totals {
            zero_count,
            count,
            sum,
            min,
            max,
        } = totals;
        Self {
            scale,
            zero_count,
            count,
            sum,
            min,
            max,
            buckets,
        }
    }

    fn totals(&self) -> Totals {
        let Self {
            zero_count,
            count,
            sum,
            min,
            max,
            ..
        } = *self;
        Totals {
            zero_count,
            count,
            sum,
            min,
            max,
        }
    }

    fn edges(&self) -> (f64, f64) {
        let bound = |index: i32| scale::lower_bound(index, self.scale);
        match self.buckets.ends() {
            None => (0.0, 0.0),
            Some((_, last)) if self.zero_count > 0 => (0.0, bound(i32::from(last) + 1)),
            Some((first, last)) => (bound(first.into()), bound(i32::from(last) + 1)),
        }
    }

    fn estimated_sum(&self) -> f64 {
        let middles = self.buckets.iter();
        middles
            .map(|(index, n)| scale::middle(index, self.scale) * n as f64)
            .sum::<f64>()
            .min(f64::MAX)
    }
}

/// What is written and read. The count is left out, being the sum of the buckets'.
#[derive(Serialize, Deserialize)]
struct Wire {
    scale: i8,
    #[serde(default, skip_serializing_if = "is_zero")]
    zero_count: u64,
    sum: f64,
    min: Option<f64>,
    max: Option<f64>,
    buckets: Vec<(i16, u64)>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl From<Exponential> for Wire {
    fn from(histogram: Exponential) -> Self {
        Self {
            scale: histogram.scale,
            zero_count: histogram.zero_count,
            sum: histogram.sum,
            min: histogram.min(),
            max: histogram.max(),
            buckets: histogram.buckets.iter().collect(),
        }
    }
}

impl TryFrom<Wire> for Exponential {
    type Error = Malformed;

    fn try_from(wire: Wire) -> Result<Self, Malformed> {
        if !(MIN_SCALE..=SCALE).contains(&wire.scale) {
            return Err(Malformed("the scale is out of range"));
        }
        let mut histogram = Self::with_scale(wire.scale);
        let mut count = wire.zero_count;
        let mut previous = None;
        for (index, n) in wire.buckets {
            if n == 0 || previous.is_some_and(|previous| previous >= index) {
                return Err(Malformed("the buckets are not sorted, or one is empty"));
            }
            previous = Some(index);
            histogram.buckets.add(index, n);
            count = count.saturating_add(n);
        }
        histogram.zero_count = wire.zero_count;
        histogram.count = count;
        if count == 0 {
            return Ok(histogram);
        }
        match (wire.min, wire.max) {
            (Some(min), Some(max)) if 0.0 <= min && min <= max && max.is_finite() => {
                (histogram.min, histogram.max) = (min, max);
            }
            _ => return Err(Malformed("minimum and maximum are missing or out of order")),
        }
        if !(wire.sum >= 0.0 && wire.sum.is_finite()) {
            return Err(Malformed("the sum is negative or not finite"));
        }
        histogram.sum = wire.sum;
        Ok(histogram)
    }
}
