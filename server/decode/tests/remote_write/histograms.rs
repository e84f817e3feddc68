//! Native histograms.

use keiki_decode::remote_write::{BucketFault, CUSTOM_BOUNDS, Count as Counted, NativeHistogram, STALE};
use proptest::prelude::*;

use super::messages::{BucketSpan, Count, Histogram, TimeSeries, ZeroCount};
use super::{label, read, request};

/// All of it as text.
pub(crate) fn shown(histogram: &NativeHistogram<'_>) -> String {
    let buckets = [histogram.positive, histogram.negative].map(|buckets| buckets.iter().collect::<Vec<_>>());
    format!(
        "{:?} {:?} {} {} {:?} {buckets:?} {:?} {:?} {}",
        histogram.count,
        histogram.sum,
        histogram.schema,
        histogram.zero_threshold,
        histogram.zero_count,
        histogram.custom_bounds,
        histogram.reset_hint,
        histogram.is_stale(),
    )
}

fn spans(all: &[(i32, u32)]) -> Vec<BucketSpan> {
    let span = |(offset, length): &(i32, u32)| BucketSpan {
        offset: *offset,
        length: *length,
    };
    all.iter().map(span).collect()
}

fn integers() -> Histogram {
    Histogram {
        count: Some(Count::Integer(12)),
        sum: 3.5,
        schema: 3,
        zero_threshold: 0.125,
        zero_count: Some(ZeroCount::Integer(2)),
        negative_spans: spans(&[(-2, 1)]),
        negative_deltas: vec![1],
        positive_spans: spans(&[(-1, 2), (3, 1)]),
        positive_deltas: vec![2, 1, -1],
        reset_hint: 2,
        timestamp: 77,
        ..Histogram::default()
    }
}

fn result(histogram: Histogram) -> Result<String, BucketFault> {
    let series = TimeSeries {
        labels: vec![label("__name__", "h")],
        histograms: vec![histogram],
        ..TimeSeries::default()
    };
    let (mut log, decoded) = read(&request(vec![series])).expect("a request");
    let (result, time_ms) = log.histograms.remove(0);
    assert_eq!(time_ms, 77);
    assert_eq!(
        (decoded.histograms, decoded.rejected),
        (result.is_ok().into(), result.is_err().into())
    );
    result
}

#[test]
fn differences_become_counts_and_spans_become_indices() {
    let expected = "Integer(12) 3.5 3 0.125 Integer(2) [[(-1, Integer(2)), (0, Integer(3)), (4, Integer(2))], \
        [(-2, Integer(1))]] [] No false";
    assert_eq!(result(integers()).as_deref(), Ok(expected));
}

#[test]
fn counts_may_be_fractions() {
    let histogram = Histogram {
        count: Some(Count::Float(2.5)),
        zero_count: Some(ZeroCount::Float(0.5)),
        negative_spans: Vec::new(),
        negative_deltas: Vec::new(),
        positive_deltas: Vec::new(),
        positive_counts: vec![0.5, 1.0, 0.5],
        reset_hint: 3,
        ..integers()
    };
    let expected = "Float(2.5) 3.5 3 0.125 Float(0.5) [[(-1, Float(0.5)), (0, Float(1.0)), (4, Float(0.5))], []] [] \
        Gauge false";
    assert_eq!(result(histogram).as_deref(), Ok(expected));
}

fn custom() -> Histogram {
    Histogram {
        schema: CUSTOM_BOUNDS,
        zero_threshold: 0.0,
        zero_count: None,
        negative_spans: Vec::new(),
        negative_deltas: Vec::new(),
        positive_spans: spans(&[(0, 3)]),
        custom_values: vec![0.1, 0.5],
        ..integers()
    }
}

#[test]
fn bounds_may_be_its_own() {
    let expected = "Integer(12) 3.5 -53 0 Integer(0) [[(0, Integer(2)), (1, Integer(3)), (2, Integer(2))], []] \
        [0.1, 0.5] No false";
    assert_eq!(result(custom()).as_deref(), Ok(expected));
}

#[test]
fn an_end_is_told_by_the_sum() {
    let stale = Histogram {
        sum: f64::from_bits(STALE),
        timestamp: 77,
        ..Histogram::default()
    };
    assert!(result(stale).expect("a histogram").ends_with("true"));
}

#[test]
fn what_contradicts_itself_costs_only_itself() {
    let fault = |change: &dyn Fn(&mut Histogram)| {
        let mut histogram = integers();
        change(&mut histogram);
        result(histogram).expect_err("a contradiction")
    };
    assert_eq!(fault(&|one| one.schema = 60), BucketFault::Schema);
    assert_eq!(fault(&|one| one.schema = -10), BucketFault::Schema);
    assert_eq!(fault(&|one| one.positive_deltas.push(1)), BucketFault::Spans);
    assert_eq!(fault(&|one| one.positive_counts.push(1.0)), BucketFault::Spans);
    assert_eq!(
        fault(&|one| one.positive_spans[0].length = u32::MAX),
        BucketFault::Spans
    );
    assert_eq!(fault(&|one| one.count = Some(Count::Float(1.0))), BucketFault::Spans);
    assert_eq!(fault(&|one| one.positive_spans[1].offset = -1), BucketFault::Overlap);
    assert_eq!(
        fault(&|one| one.positive_spans[0].offset = i32::MAX),
        BucketFault::Overlap
    );
    assert_eq!(fault(&|one| one.positive_deltas[0] = -1), BucketFault::Negative);
    assert_eq!(
        fault(&|one| one.positive_deltas = vec![i64::MAX, 1, 0]),
        BucketFault::Negative
    );
    assert_eq!(
        fault(&|one| one.positive_spans = spans(&[(1, 0); 20_000])),
        BucketFault::TooMany
    );
    assert_eq!(
        fault(&|one| one.custom_values = vec![0.0; 20_000]),
        BucketFault::TooMany
    );
    let bounds = |bounds: &[f64]| {
        result(Histogram {
            custom_values: bounds.into(),
            ..custom()
        })
    };
    assert_eq!(bounds(&[0.5, 0.1]), Err(BucketFault::Bounds));
    assert_eq!(bounds(&[0.5, f64::NAN]), Err(BucketFault::Bounds));
    assert_eq!(bounds(&[0.5]), Err(BucketFault::Bounds));
    assert_eq!(
        result(Histogram {
            negative_spans: spans(&[(0, 1)]),
            negative_deltas: vec![1],
            ..custom()
        }),
        Err(BucketFault::Bounds)
    );
}

proptest! {
    #[test]
    fn buckets_of_others_are_read(
        gaps in prop::collection::vec((0..40_i32, prop::collection::vec(0..1_000_i64, 0..6)), 0..8),
        first in -1_000..1_000_i32,
        sum in any::<i32>(),
    ) {
        let mut histogram = Histogram {
            count: Some(Count::Integer(9)),
            sum: sum.into(),
            timestamp: 77,
            ..Histogram::default()
        };
        let (mut expected, mut next, mut before) = (Vec::new(), 0, 0);
        for (place, (gap, counts)) in gaps.iter().enumerate() {
            let offset = if place == 0 { first } else { *gap };
            next += offset;
            for count in counts {
                expected.push((next, Counted::Integer(*count as u64)));
                histogram.positive_deltas.push(count - before);
                before = *count;
                next += 1;
            }
            histogram.positive_spans.push(BucketSpan { offset, length: counts.len() as u32 });
        }
        let shown = result(histogram).expect("a histogram");
        let buckets = format!("[{expected:?}, []]");
        prop_assert!(shown.contains(&buckets), "{} has no {}", shown, buckets);
    }
}
