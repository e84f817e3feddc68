//! Distributions: many values, kept as counts per bucket, so that they merge over time and over instances.
//!
//! Averages of quantiles mean nothing, so the pipeline carries distributions as far as the query. What Keiki measures
//! itself, and OTLP's exponential histograms, are [`Exponential`]; what arrives with bounds of its own stays
//! [`Explicit`].

mod dense;
mod explicit;
mod exponential;
mod moving;
mod packed;
#[cfg(not(target_family = "wasm"))]
#[cfg(test)]
mod properties;
mod scale;
mod sparse;
mod view;

use serde::{Deserialize, Serialize};

pub use explicit::{Explicit, Interpolated};
pub use exponential::{Exponential, Parts};
pub use moving::Moving;
pub use packed::{Adder, Packed};
pub use scale::{MIN_SCALE, SCALE};
pub use view::View;

/// What was recorded in one stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Base-2 exponential buckets.
    Exponential(Exponential),
    /// The source's own buckets.
    Explicit(Explicit),
}

/// A distribution that lies somewhere else, perhaps among many in one piece of memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part<'a> {
    /// Base-2 exponential buckets.
    Exponential(View<'a>),
    /// The source's own buckets.
    Explicit(&'a Explicit),
}

/// A quantile, and how much is known about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// The value, in the unit of what was recorded.
    pub value: f64,
    /// Where the value is only interpolated: the bucket it lies in, whose upper bound may be missing.
    pub bucket: Option<(f64, Option<f64>)>,
}

/// Two distributions that cannot be added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Both are explicit, with different bounds.
    Bounds,
    /// One is exponential, the other explicit.
    Kinds,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bounds => "the histograms have different bucket bounds",
            Self::Kinds => "one histogram is exponential, the other has explicit bounds",
        })
    }
}

impl std::error::Error for Mismatch {}

/// Why something that was read is not a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed histogram: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<Exponential> for Distribution {
    fn from(histogram: Exponential) -> Self {
        Self::Exponential(histogram)
    }
}

impl From<Explicit> for Distribution {
    fn from(histogram: Explicit) -> Self {
        Self::Explicit(histogram)
    }
}

impl<'a> From<&'a Distribution> for Part<'a> {
    fn from(distribution: &'a Distribution) -> Self {
        match distribution {
            Distribution::Exponential(histogram) => Self::Exponential(histogram.view()),
            Distribution::Explicit(histogram) => Self::Explicit(histogram),
        }
    }
}

impl From<Part<'_>> for Distribution {
    fn from(part: Part<'_>) -> Self {
        match part {
            Part::Exponential(view) => Self::Exponential(view.into()),
            Part::Explicit(histogram) => Self::Explicit(histogram.clone()),
        }
    }
}

impl Part<'_> {
    /// The sum of the values.
    pub fn sum(&self) -> f64 {
        match self {
            Self::Exponential(view) => view.sum(),
            Self::Explicit(histogram) => histogram.sum(),
        }
    }

    /// As [`Distribution::min`].
    pub fn min(&self) -> Option<f64> {
        match self {
            Self::Exponential(view) => view.min(),
            Self::Explicit(_) => None,
        }
    }

    /// As [`Distribution::max`].
    pub fn max(&self) -> Option<f64> {
        match self {
            Self::Exponential(view) => view.max(),
            Self::Explicit(_) => None,
        }
    }

    /// As [`Distribution::quantile`].
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        match self {
            Self::Exponential(view) => view.quantile(q).map(|value| Quantile { value, bucket: None }),
            Self::Explicit(histogram) => histogram.quantile(q).map(|found| Quantile {
                value: found.value,
                bucket: Some((found.lower, found.upper)),
            }),
        }
    }

    /// As [`Distribution::count_at_or_below`].
    pub fn count_at_or_below(&self, threshold: f64) -> f64 {
        match self {
            Self::Exponential(view) => view.count_at_or_below(threshold),
            Self::Explicit(histogram) => histogram.count_at_or_below(threshold),
        }
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        match self {
            Self::Exponential(view) => view.count(),
            Self::Explicit(histogram) => histogram.count(),
        }
    }
}

impl Distribution {
    /// An empty one that this and its like merge into: the same kind, scale and bounds.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        match self {
            Self::Exponential(histogram) => Exponential::with_scale(histogram.scale()).into(),
            Self::Explicit(histogram) => histogram.empty_like().into(),
        }
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Exponential(histogram) => histogram.is_empty(),
            Self::Explicit(histogram) => histogram.is_empty(),
        }
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        match self {
            Self::Exponential(histogram) => histogram.count(),
            Self::Explicit(histogram) => histogram.count(),
        }
    }

    /// The sum of the values.
    pub fn sum(&self) -> f64 {
        match self {
            Self::Exponential(histogram) => histogram.sum(),
            Self::Explicit(histogram) => histogram.sum(),
        }
    }

    /// The mean; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        match self {
            Self::Exponential(histogram) => histogram.mean(),
            Self::Explicit(histogram) => histogram.mean(),
        }
    }

    /// The smallest value; `None` when empty, and for explicit buckets, which do not know it.
    pub fn min(&self) -> Option<f64> {
        match self {
            Self::Exponential(histogram) => histogram.min(),
            Self::Explicit(_) => None,
        }
    }

    /// The largest value; `None` when empty, and for explicit buckets, which do not know it.
    pub fn max(&self) -> Option<f64> {
        match self {
            Self::Exponential(histogram) => histogram.max(),
            Self::Explicit(_) => None,
        }
    }

    /// The value that the fraction `q` of all values do not exceed; `None` when empty.
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        Part::from(self).quantile(q)
    }

    /// How many values are at or below `threshold`, interpolated within its bucket.
    pub fn count_at_or_below(&self, threshold: f64) -> f64 {
        Part::from(self).count_at_or_below(threshold)
    }

    /// How many values are above `lower` and at or below `upper`, interpolated: what Apdex counts as tolerating.
    pub fn count_between(&self, lower: f64, upper: f64) -> f64 {
        (self.count_at_or_below(upper) - self.count_at_or_below(lower)).max(0.0)
    }

    /// Lower bound (exclusive), upper bound (inclusive; `None` if there is none) and count of each bucket, ascending:
    /// the cells of a heat map's column.
    pub fn buckets(&self) -> Box<dyn Iterator<Item = (f64, Option<f64>, u64)> + '_> {
        match self {
            Self::Exponential(histogram) => Box::new(
                histogram
                    .buckets()
                    .map(|(lower, upper, count)| (lower, Some(upper), count)),
            ),
            Self::Explicit(histogram) => Box::new(histogram.buckets()),
        }
    }

    /// All of these in one; `None` if there are none, an error if they are not of one make. Prefer it to repeated
    /// [`merge`](Self::merge) where more than a few are merged.
    pub fn merged<'a, I>(distributions: I) -> Result<Option<Self>, Mismatch>
    where
        I: IntoIterator,
        I::Item: Into<Part<'a>>,
    {
        let mut distributions = distributions.into_iter().map(Into::into);
        let first = match distributions.next() {
            None => return Ok(None),
            Some(Part::Exponential(first)) => first,
            Some(Part::Explicit(first)) => {
                let mut merged = Self::from(first.clone());
                distributions.try_for_each(|next| merged.merge(&next.into()))?;
                return Ok(Some(merged));
            }
        };
        let mut mismatch = Ok(());
        let rest = distributions.map_while(|next| match next {
            Part::Exponential(next) => Some(next),
            Part::Explicit(_) => {
                mismatch = Err(Mismatch::Kinds);
                None
            }
        });
        let merged = Exponential::merged(std::iter::once(first).chain(rest));
        mismatch.map(|()| Some(merged.into()))
    }

    /// Adds everything the other recorded; fails, changing nothing, if they are not of one make.
    pub fn merge(&mut self, other: &Self) -> Result<(), Mismatch> {
        match (self, other) {
            (Self::Exponential(mine), Self::Exponential(theirs)) => {
                mine.merge(theirs);
                Ok(())
            }
            (Self::Explicit(mine), Self::Explicit(theirs)) => mine.merge(theirs),
            _ => Err(Mismatch::Kinds),
        }
    }
}

/// The nearest rank of a quantile, 1 to `count`. The small factor keeps 0.07 × 100 from becoming rank 8 through the
/// rounding of the product.
fn rank(q: f64, count: u64) -> u64 {
    let rank = (q * count as f64 * (1.0 - 1e-12)).ceil();
    (rank as u64).clamp(1, count)
}
