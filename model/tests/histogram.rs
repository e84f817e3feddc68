//! Distributions against golden vectors, whose expected values were computed by other means (50-digit logarithms).
//!
//! The same vectors run on the server and in WASM.

use keiki_model::histogram::{Distribution, Explicit, Exponential, Interpolated, Mismatch, Parts};
use serde::Deserialize;

/// The vectors.
const GOLDEN: &str = include_str!("../golden/histogram.json");

#[derive(Deserialize)]
struct Golden {
    exponential: Vec<ExponentialCase>,
    parts: Vec<PartsCase>,
    explicit: Vec<ExplicitCase>,
}

/// Values recorded, then others merged in, then everything made coarser. A `null` value stands for NaN.
#[derive(Deserialize)]
struct ExponentialCase {
    name: String,
    scale: i8,
    values: Vec<Option<f64>>,
    expect: Expected,
    quantiles: Vec<(f64, Option<f64>)>,
    below: Vec<(f64, f64)>,
    merge_values: Vec<Option<f64>>,
    merged: Expected,
    downscale_to: i8,
    downscaled: Expected,
}

#[derive(Deserialize)]
struct Expected {
    scale: i8,
    zero_count: u64,
    count: u64,
    sum: f64,
    min: Option<f64>,
    max: Option<f64>,
    buckets: Vec<(i16, u64)>,
}

#[derive(Deserialize)]
struct PartsCase {
    name: String,
    scale: i32,
    zero_count: u64,
    offset: i32,
    counts: Vec<u64>,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    expect: Expected,
}

#[derive(Deserialize)]
struct ExplicitCase {
    name: String,
    bounds: Vec<f64>,
    counts: Vec<u64>,
    sum: f64,
    count: u64,
    mean: Option<f64>,
    quantiles: Vec<ExpectedQuantile>,
    below: Vec<(f64, f64)>,
    merge_counts: Vec<u64>,
    merge_sum: f64,
    merged: Explicit,
    merged_quantiles: Vec<ExpectedQuantile>,
}

/// The fraction; value, lower and upper bound.
type ExpectedQuantile = (f64, Option<(f64, f64, Option<f64>)>);

/// Checks every vector, and panics with the name of the case that does not hold.
fn check(golden: &str) {
    let golden: Golden = serde_json::from_str(golden).expect("golden vectors of the expected shape");
    golden.exponential.iter().for_each(check_exponential);
    golden.parts.iter().for_each(check_parts);
    golden.explicit.iter().for_each(check_explicit);
}

fn check_exponential(case: &ExponentialCase) {
    let name = &case.name;
    let mut histogram = recorded(case.scale, &case.values);
    check_state(name, &histogram, &case.expect);
    for (q, expected) in &case.quantiles {
        let found = histogram.quantile(*q);
        assert!(
            close_option(found, *expected),
            "{name}: quantile {q} is {found:?}, not {expected:?}"
        );
    }
    for (threshold, expected) in &case.below {
        let found = histogram.count_at_or_below(*threshold);
        assert!(
            close(found, *expected),
            "{name}: {found} at or below {threshold}, not {expected}"
        );
    }
    let other = recorded(case.scale, &case.merge_values);
    histogram.merge(&other);
    check_state(&format!("{name}, merged"), &histogram, &case.merged);
    histogram.downscale(case.downscale_to);
    check_state(&format!("{name}, downscaled"), &histogram, &case.downscaled);
    // A coarser one takes in a finer one and stays coarse.
    let mut coarse = recorded(case.downscale_to, &case.values);
    coarse.merge(&other);
    check_state(&format!("{name}, finer into coarser"), &coarse, &case.downscaled);
}

fn recorded(scale: i8, values: &[Option<f64>]) -> Exponential {
    let mut histogram = Exponential::with_scale(scale);
    for value in values {
        let value = value.unwrap_or(f64::NAN);
        assert_eq!(histogram.record(value), value >= 0.0, "{value}");
    }
    histogram
}

fn check_state(name: &str, histogram: &Exponential, expected: &Expected) {
    assert_eq!(
        histogram.indices().collect::<Vec<_>>(),
        expected.buckets,
        "{name}: buckets"
    );
    let found = (histogram.scale(), histogram.zero_count(), histogram.count());
    assert_eq!(
        found,
        (expected.scale, expected.zero_count, expected.count),
        "{name}: scale, zeros, count"
    );
    assert!(
        close(histogram.sum(), expected.sum),
        "{name}: sum {} is not {}",
        histogram.sum(),
        expected.sum
    );
    let (min, max) = (histogram.min(), histogram.max());
    assert!(close_option(min, expected.min), "{name}: minimum {min:?}");
    assert!(close_option(max, expected.max), "{name}: maximum {max:?}");
    let json = serde_json::to_string(histogram).expect("a histogram can be written");
    let read: Exponential = serde_json::from_str(&json).expect("and read");
    assert!(
        read.indices().eq(histogram.indices()) && read.count() == histogram.count(),
        "{name}: {json}"
    );
}

fn check_parts(case: &PartsCase) {
    let PartsCase {
        scale,
        zero_count,
        offset,
        ref counts,
        sum,
        min,
        max,
        ..
    } = *case;
    let histogram = Exponential::from_parts(Parts {
        scale,
        zero_count,
        offset,
        counts,
        sum,
        min,
        max,
    });
    check_state(&case.name, &histogram, &case.expect);
}

fn check_explicit(case: &ExplicitCase) {
    let name = &case.name;
    let made = |counts: &Vec<u64>, sum| Explicit::new(case.bounds.clone().into(), counts.clone(), sum);
    let mut histogram = made(&case.counts, case.sum).expect("valid bounds");
    assert_eq!(histogram.count(), case.count, "{name}: count");
    assert!(
        close_option(histogram.mean(), case.mean),
        "{name}: mean {:?}",
        histogram.mean()
    );
    check_interpolated(name, &histogram, &case.quantiles);
    for (threshold, expected) in &case.below {
        let found = histogram.count_at_or_below(*threshold);
        assert!(
            close(found, *expected),
            "{name}: {found} at or below {threshold}, not {expected}"
        );
    }
    let other = made(&case.merge_counts, case.merge_sum).expect("valid bounds");
    assert_eq!(histogram.merge(&other), Ok(()), "{name}: merge");
    assert_eq!(histogram, case.merged, "{name}: merged");
    check_interpolated(&format!("{name}, merged"), &histogram, &case.merged_quantiles);

    let mut distribution = Distribution::from(histogram);
    assert_eq!(
        distribution.merge(&Exponential::new().into()),
        Err(Mismatch::Kinds),
        "{name}: kinds"
    );
    assert_eq!(
        (distribution.min(), distribution.max()),
        (None, None),
        "{name}: minimum and maximum"
    );
    assert!(distribution.empty_like().is_empty(), "{name}: empty like it");
}

fn check_interpolated(name: &str, histogram: &Explicit, quantiles: &[ExpectedQuantile]) {
    for (q, expected) in quantiles {
        let found = histogram.quantile(*q);
        let same = match (found, expected) {
            (None, None) => true,
            (Some(Interpolated { value, lower, upper }), Some(expected)) => {
                close(value, expected.0) && (lower, upper) == (expected.1, expected.2)
            }
            _ => false,
        };
        assert!(same, "{name}: quantile {q} is {found:?}, not {expected:?}");
    }
}

/// Equal but for rounding: sums depend on the order of the additions.
fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-12 * expected.abs()
}

fn close_option(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => close(found, expected),
        (None, None) => true,
        _ => false,
    }
}

#[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
#[cfg_attr(not(target_family = "wasm"), test)]
fn golden_vectors_hold() {
    check(GOLDEN);
}
