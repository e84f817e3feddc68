//! Prometheus' native histograms, as what is observed.

use std::sync::Arc;

use keiki_decode::remote_write::{Buckets, CUSTOM_BOUNDS, Count, NativeHistogram, ResetHint};

use super::whole::Observed;

/// How far apart the lowest and the highest bucket may lie; what is wider is kept in coarser ones. At the finest scale that
/// is kept, a factor of 2^64 between the smallest and the largest value.
const WIDEST: i64 = 2_048;

/// Above this, what has a fraction can't be told from what has none.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The observations that a native histogram counts.
///
/// # Errors
/// Why it is not taken.
pub(super) fn observed(histogram: &NativeHistogram<'_>) -> Result<Observed, &'static str> {
    if histogram.reset_hint == ResetHint::Gauge {
        return Err("a native histogram that is a gauge counts nothing");
    }
    if !counts(&histogram.negative)?.is_empty() {
        return Err("a native histogram of values below zero is not taken");
    }
    let found = counts(&histogram.positive)?;
    if histogram.schema == CUSTOM_BOUNDS {
        let mut counts = vec![0; histogram.custom_bounds.len() + 1];
        for (index, n) in found {
            // The decoder has seen that there are as many bounds.
            if let Some(count) = usize::try_from(index).ok().and_then(|index| counts.get_mut(index)) {
                *count = n;
            }
        }
        return Ok(Observed::Explicit {
            bounds: Arc::from(histogram.custom_bounds),
            counts,
            sum: histogram.sum,
        });
    }
    let ends = found.first().zip(found.last());
    let shift = ends.map_or(0, |((lowest, _), (highest, _))| shift(lowest - 1, highest - 1));
    // An index is by one higher than in OTLP's buckets.
    let place = |index: i64| (index - 1) >> shift;
    let offset = found.first().map_or(0, |(index, _)| place(*index));
    let mut counts = vec![0_u64; ends.map_or(0, |(_, (highest, _))| (place(*highest) - offset) as usize + 1)];
    for (index, n) in found {
        let count = &mut counts[(place(index) - offset) as usize];
        *count = count.saturating_add(n);
    }
    Ok(Observed::Exponential {
        scale: histogram.schema - shift as i32,
        offset: offset as i32,
        counts,
        zero_count: whole(histogram.zero_count)?,
        sum: histogram.sum,
        min: None,
        max: None,
    })
}

/// By how many powers of two buckets must grow for these to lie near enough to each other.
fn shift(lowest: i64, highest: i64) -> u32 {
    let mut shift = 0;
    while (highest >> shift) - (lowest >> shift) >= WIDEST {
        shift += 1;
    }
    shift
}

/// The buckets that have something in them.
fn counts(buckets: &Buckets<'_>) -> Result<Vec<(i64, u64)>, &'static str> {
    let counts = buckets
        .iter()
        .map(|(index, count)| Ok((i64::from(index), whole(count)?)));
    counts.filter(|found| !matches!(found, Ok((_, 0)))).collect()
}

/// A number of observations that is one.
fn whole(count: Count) -> Result<u64, &'static str> {
    match count {
        Count::Integer(count) => Ok(count),
        Count::Float(count) if (0.0..=EXACT).contains(&count) && count.fract() == 0.0 => Ok(count as u64),
        Count::Float(_) => Err("a native histogram with fractions of observations is not taken"),
    }
}

#[cfg(test)]
mod tests {
    use keiki_decode::remote_write::{Counts, Span};

    use super::*;

    fn buckets<'a>(spans: &'a [Span], counts: Counts<'a>) -> Buckets<'a> {
        Buckets { spans, counts }
    }

    fn native<'a>(schema: i32, positive: Buckets<'a>) -> NativeHistogram<'a> {
        NativeHistogram {
            count: Count::Integer(0),
            sum: 12.0,
            schema,
            zero_threshold: 0.0,
            zero_count: Count::Integer(2),
            positive,
            negative: buckets(&[], Counts::Integer(&[])),
            custom_bounds: &[],
            reset_hint: ResetHint::Unknown,
        }
    }

    fn span(offset: i32, length: u32) -> Span {
        Span { offset, length }
    }

    #[test]
    fn spans_become_counts_side_by_side() {
        // Bucket 1 of schema 0 holds (1, 2]: in OTLP's buckets that is index 0.
        let spans = [span(1, 2), span(1, 1)];
        let it = observed(&native(0, buckets(&spans, Counts::Integer(&[3, 0, 4]))));
        let Ok(Observed::Exponential {
            scale: 0,
            offset: 0,
            counts,
            zero_count: 2,
            sum: 12.0,
            ..
        }) = it
        else {
            panic!("{it:?}");
        };
        assert_eq!(counts, [3, 0, 0, 4]);
    }

    #[test]
    fn what_lies_far_apart_is_kept_coarser() {
        let spans = [span(-40_000, 1), span(80_000, 1)];
        let it = observed(&native(8, buckets(&spans, Counts::Integer(&[1, 2]))));
        let Ok(Observed::Exponential {
            scale, offset, counts, ..
        }) = it
        else {
            panic!("{it:?}");
        };
        let shift = 8 - scale;
        assert!(
            counts.len() as i64 <= WIDEST && counts.len() as i64 > WIDEST / 4,
            "{}",
            counts.len()
        );
        assert_eq!(offset, -40_001 >> shift);
        assert_eq!((counts.first(), counts.last()), (Some(&1), Some(&2)));
    }

    #[test]
    fn bounds_of_its_own_stay_what_they_are() {
        let spans = [span(1, 2)];
        let it = observed(&NativeHistogram {
            custom_bounds: &[0.1, 0.5],
            ..native(CUSTOM_BOUNDS, buckets(&spans, Counts::Float(&[3.0, 1.0])))
        });
        let Ok(Observed::Explicit {
            bounds,
            counts,
            sum: 12.0,
        }) = it
        else {
            panic!("{it:?}");
        };
        assert_eq!((&*bounds, &*counts), (&[0.1, 0.5][..], &[0, 3, 1][..]));
    }

    #[test]
    fn what_counts_no_observations_is_refused() {
        let spans = [span(0, 1)];
        let half = native(0, buckets(&spans, Counts::Float(&[0.5])));
        assert!(observed(&half).is_err_and(|why| why.contains("fractions")));
        let one = native(0, buckets(&spans, Counts::Integer(&[1])));
        let gauge = NativeHistogram {
            reset_hint: ResetHint::Gauge,
            ..one
        };
        assert!(observed(&gauge).is_err_and(|why| why.contains("gauge")));
        let below = NativeHistogram {
            negative: one.positive,
            ..one
        };
        assert!(observed(&below).is_err_and(|why| why.contains("below zero")));
        let nothing = native(0, buckets(&[], Counts::Integer(&[])));
        assert!(matches!(observed(&nothing), Ok(Observed::Exponential { counts, .. }) if counts.is_empty()));
    }
}
