//! Histograms that come whole, by OpenTelemetry's protocol or as Prometheus' native ones: running totals, or what happened
//! since the time before.

use std::sync::Arc;

use keiki_model::histogram::{Distribution, Explicit, Exponential, Parts};
use keiki_model::series::{Sample, Series};
use keiki_model::time::Millis;

use super::writers::{Met, Start, Writers, is_of};

/// What was observed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Observed {
    /// In the sender's own buckets, one more than there are bounds.
    Explicit {
        bounds: Arc<[f64]>,
        counts: Vec<u64>,
        sum: f64,
    },
    /// In buckets that grow by powers of two; `counts[0]` is that of the index `offset`.
    Exponential {
        scale: i32,
        offset: i32,
        counts: Vec<u64>,
        zero_count: u64,
        sum: f64,
        /// The smallest and largest, where the sender tells them and they are of this time alone.
        min: Option<f64>,
        max: Option<f64>,
    },
}

/// A histogram that comes whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) series: Arc<Series>,
    /// By what values are multiplied.
    pub(super) scale: f64,
    /// The totals last used of those that tell them.
    before: Writers<Observed>,
    /// The time last told of, and what, where several tell.
    told: Option<(Millis, Option<Box<Distribution>>)>,
}

impl Whole {
    pub(super) fn new(series: Arc<Series>, scale: f64) -> Self {
        Self {
            series,
            scale,
            before: Writers::default(),
            told: None,
        }
    }

    /// A sample that says nothing: for the store to refuse and to count.
    pub(super) fn nothing(&self, time: Millis) -> Sample {
        Sample::distribution(&self.series, time, Exponential::new().into())
    }

    /// What happened up to a time.
    pub(super) fn delta(&self, time: Millis, observed: &Observed) -> Option<Sample> {
        let distribution = observed.distribution(self.scale)?;
        Some(Sample::distribution(&self.series, time, distribution))
    }

    /// What happened since totals began anew, which was after the ones before.
    pub(super) fn anew(&mut self, time: Millis, observed: Observed) -> Option<Sample> {
        match self.before.meet(0, time, observed.clone()) {
            Met::Again => None,
            _ => self.grown(time, &observed),
        }
    }

    /// What happened since the totals before of whoever began then; of the first ones only where they are known to have
    /// begun lately.
    pub(super) fn total(
        &mut self,
        time: Millis,
        observed: Observed,
        start: Start,
        began_lately: bool,
    ) -> Option<Sample> {
        let grown = match self.before.meet(start, time, observed.clone()) {
            Met::Again => return None,
            Met::Before(before) => observed.since(&before).unwrap_or(observed),
            Met::Begun => observed,
            Met::Stranger if began_lately => observed,
            Met::Stranger => return None,
        };
        self.grown(time, &grown)
    }

    /// What several tell of one moment is one sample, which is told anew when more of it comes.
    fn grown(&mut self, time: Millis, grown: &Observed) -> Option<Sample> {
        if !self.before.are_several() {
            self.told = Some((time, None));
            return self.delta(time, grown);
        }
        let mut all = grown.distribution(self.scale)?;
        let mut at = time;
        match self.told.take() {
            Some((moment, Some(before))) if is_of(moment, time) && all.merge(&before).is_ok() => at = moment,
            // In its place the one before would be lost.
            Some((moment, _)) if moment == time => at = time + 1,
            _ => {}
        }
        self.told = Some((at, Some(Box::new(all.clone()))));
        Some(Sample::distribution(&self.series, at, all))
    }
}

impl Observed {
    /// The growth since earlier totals; `None` if they are not this one's: it began anew, or has other buckets.
    fn since(&self, before: &Self) -> Option<Self> {
        match (self, before) {
            (
                Self::Explicit { bounds, counts, sum },
                Self::Explicit {
                    bounds: old_bounds,
                    counts: old,
                    sum: old_sum,
                },
            ) if bounds == old_bounds => Some(Self::Explicit {
                bounds: Arc::clone(bounds),
                counts: difference(counts, old)?,
                sum: sum - old_sum,
            }),
            (
                Self::Exponential {
                    scale,
                    offset,
                    counts,
                    zero_count,
                    sum,
                    ..
                },
                Self::Exponential {
                    scale: old_scale,
                    offset: old_offset,
                    counts: old,
                    zero_count: old_zero,
                    sum: old_sum,
                    ..
                },
            ) if scale <= old_scale => {
                let shift = (old_scale - scale).min(31);
                let mut counts = counts.clone();
                for (index, &n) in (i64::from(*old_offset)..).zip(old).filter(|(_, n)| **n > 0) {
                    let place = usize::try_from((index >> shift) - i64::from(*offset)).ok()?;
                    let count = counts.get_mut(place)?;
                    *count = count.checked_sub(n)?;
                }
                Some(Self::Exponential {
                    scale: *scale,
                    offset: *offset,
                    counts,
                    zero_count: zero_count.checked_sub(*old_zero)?,
                    sum: sum - old_sum,
                    // Those of the totals are of all time.
                    min: None,
                    max: None,
                })
            }
            _ => None,
        }
    }

    fn distribution(&self, scale_by: f64) -> Option<Distribution> {
        match self {
            Self::Explicit { bounds, counts, sum } => {
                let bounds = if scale_by == 1.0 {
                    Arc::clone(bounds)
                } else {
                    bounds.iter().map(|bound| bound * scale_by).collect()
                };
                let explicit = Explicit::new(bounds, counts.clone(), sum * scale_by).ok()?;
                Some(explicit.into())
            }
            Self::Exponential {
                scale,
                offset,
                counts,
                zero_count,
                sum,
                min,
                max,
            } => {
                // Another unit shifts the buckets; by how much is rounded to one of theirs.
                let shift = (scale_by.log2() * f64::from(*scale).exp2()).round();
                let times = |value: f64| value * scale_by;
                let parts = Parts {
                    scale: *scale,
                    offset: offset.saturating_add(shift as i32),
                    counts,
                    zero_count: *zero_count,
                    sum: Some(times(*sum)).filter(|sum| sum.is_finite()),
                    min: min.map(times),
                    max: max.map(times),
                };
                Some(Exponential::from_parts(parts).into())
            }
        }
    }
}

fn difference(counts: &[u64], before: &[u64]) -> Option<Vec<u64>> {
    let pairs = counts.iter().zip(before);
    pairs.map(|(now, before)| now.checked_sub(*before)).collect()
}

#[cfg(test)]
mod tests {
    use keiki_model::series::{Kind, Labels, Value};

    use super::*;

    fn whole(scale: f64) -> Whole {
        Whole::new(
            Series::new("a_duration_seconds", Labels::none(), Kind::Histogram, None),
            scale,
        )
    }

    fn explicit(counts: [u64; 3], sum: f64) -> Observed {
        Observed::Explicit {
            bounds: Arc::new([100.0, 500.0]),
            counts: counts.into(),
            sum,
        }
    }

    fn exponential(scale: i32, offset: i32, counts: &[u64], sum: f64) -> Observed {
        Observed::Exponential {
            scale,
            offset,
            counts: counts.into(),
            zero_count: 1,
            sum,
            min: Some(0.0),
            max: None,
        }
    }

    fn distribution(sample: Option<Sample>) -> Distribution {
        match sample.expect("a sample").value {
            Value::Distribution(distribution) => *distribution,
            Value::Number(_) => panic!("a histogram is no number"),
        }
    }

    #[test]
    fn totals_become_growth() {
        let mut it = whole(0.001);
        assert!(
            it.total(1_000, explicit([1, 1, 1], 900.0), 0, false).is_none(),
            "what was before is of no time"
        );
        let grown = distribution(it.total(2_000, explicit([2, 3, 1], 1_600.0), 0, false));
        assert!(grown.count() == 3 && (grown.sum() - 0.7).abs() < 1e-9);
        assert_eq!(
            grown.quantile(0.5).and_then(|found| found.bucket),
            Some((0.1, Some(0.5)))
        );
        assert!(
            it.total(2_000, explicit([9, 9, 9], 0.0), 0, false).is_none(),
            "a repeat counts nothing"
        );
        let anew = distribution(it.total(3_000, explicit([1, 0, 0], 50.0), 0, false));
        assert_eq!((anew.count(), anew.sum()), (1, 0.05), "a restart began at zero");
        assert_eq!(
            distribution(whole(1.0).total(1_000, explicit([1, 1, 1], 900.0), 0, true)).count(),
            3
        );
    }

    #[test]
    fn several_that_tell_the_same_add_up() {
        let mut it = whole(1.0);
        let mut count = |time, n, start| {
            let sample = it.total(time, explicit([n, 0, 0], n as f64), start, false);
            sample.map(|sample| (sample.time, distribution(Some(sample)).count()))
        };
        let (one, other) = (500_000_000, 600_000_000);
        assert_eq!(count(1_000, 900, one), None);
        assert_eq!(count(1_000, 100, other), None);
        assert_eq!(count(2_000, 903, one), Some((2_000, 3)));
        assert_eq!(count(2_004, 104, other), Some((2_000, 7)), "together");
        assert_eq!(count(3_000, 9, 2_500_000_000), Some((3_000, 9)), "a third one, all new");
    }

    #[test]
    fn a_coarser_scale_continues_a_finer_one() {
        let mut it = whole(1.0);
        it.total(1_000, exponential(3, 8, &[4, 0, 2, 2], 20.0), 0, false);
        let grown = distribution(it.total(2_000, exponential(2, 4, &[4, 5], 29.0), 0, false));
        assert_eq!((grown.count(), grown.sum()), (1, 9.0));
        let anew = distribution(it.total(3_000, exponential(5, 0, &[1], 1.0), 0, false));
        assert_eq!(anew.count(), 2, "a finer one began anew");
    }

    #[test]
    fn units_shift_buckets() {
        // 100 to 200 ms: the buckets of scale 20 are exact to a millionth.
        let value = 150.0_f64;
        let index = (value.log2() * f64::from(20).exp2()).ceil() as i32 - 1;
        let observed = Observed::Exponential {
            scale: 20,
            offset: index,
            counts: vec![10],
            zero_count: 0,
            sum: 1_500.0,
            min: None,
            max: None,
        };
        let seconds = distribution(whole(0.001).delta(1_000, &observed));
        let median = seconds.quantile(0.5).expect("a median").value;
        assert!((median / 0.15 - 1.0).abs() < 0.012, "{median}");
    }
}
