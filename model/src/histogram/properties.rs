//! The laws of exponential histograms, on random values of the shapes that durations have.

use proptest::prelude::*;

use super::{Distribution, Explicit, Exponential, MIN_SCALE, Mismatch, Packed, SCALE};

/// Maps two uniform numbers in (0, 1) to a value of a distribution.
type Shape = fn(f64, f64) -> f64;

const SHAPES: [(&str, Shape); 5] = [
    ("uniform", |u, _| 0.001 + u),
    ("lognormal", |u, v| {
        (-4.0 + 1.2 * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()).exp()
    }),
    ("exponential", |u, _| -0.05 * u.ln()),
    (
        "bimodal",
        |u, v| if u < 0.8 { 0.002 + 0.001 * v } else { 1.5 + 0.5 * v },
    ),
    ("pareto", |u, _| 0.01 * u.powf(-1.0 / 1.1)),
];

fn uniform() -> impl Strategy<Value = f64> {
    (1_u32..1_000_000).prop_map(|n| f64::from(n) / 1e6)
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let shaped = (0..SHAPES.len(), prop::collection::vec((uniform(), uniform()), 1..600))
        .prop_map(|(shape, pairs)| pairs.into_iter().map(|(u, v)| SHAPES[shape].1(u, v)).collect());
    let any = prop::collection::vec(
        prop_oneof![Just(0.0), Just(1.0), Just(0.5), any::<f64>().prop_map(f64::abs)]
            .prop_filter("finite", |value| value.is_finite() && *value < 1e300),
        0..100,
    );
    prop_oneof![4 => shaped, 1 => any]
}

fn recorded(values: &[f64], scale: i8) -> Exponential {
    let mut histogram = Exponential::with_scale(scale);
    for value in values {
        assert!(histogram.record(*value));
    }
    histogram
}

/// Equal but for the last bit, which reading JSON may change.
fn close(left: Option<f64>, right: Option<f64>) -> bool {
    left == right
        || left
            .zip(right)
            .is_some_and(|(left, right)| (left - right).abs() <= 1e-15 * left)
}

/// All but the sum, which depends on the order of the additions.
fn same(left: &Exponential, right: &Exponential) -> bool {
    let tolerance = 1e-9 * left.sum().abs().max(f64::MIN_POSITIVE);
    left.indices().eq(right.indices())
        && (left.scale(), left.count(), left.zero_count()) == (right.scale(), right.count(), right.zero_count())
        && close(left.min(), right.min())
        && close(left.max(), right.max())
        && (left.sum() - right.sum()).abs() <= tolerance
}

fn check_quantiles(name: &str, values: &mut [f64]) {
    let histogram = recorded(values, SCALE);
    values.sort_by(f64::total_cmp);
    for permille in [0, 1, 10, 250, 500, 900, 950, 990, 999, 1_000] {
        let rank = (permille * values.len()).div_ceil(1_000).max(1);
        let exact = values[rank - 1];
        let found = histogram.quantile(permille as f64 / 1_000.0).unwrap();
        let error = (found - exact).abs() / exact;
        assert!(
            error <= 0.011,
            "{name}: {permille} ‰ is {exact}, found {found}, off by {error}"
        );
    }
}

#[test]
fn quantiles_of_large_samples_are_within_the_promised_error() {
    for (name, shape) in SHAPES {
        // A fixed low-discrepancy sequence instead of random numbers: the same on every run.
        let uniform = |n: u32, step: f64| (f64::from(n) * step).fract().clamp(1e-9, 1.0 - 1e-9);
        let mut values: Vec<f64> = (1..=50_000)
            .map(|n| shape(uniform(n, 0.754_877_666), uniform(n, 0.569_840_291)))
            .collect();
        check_quantiles(name, &mut values);
    }
}

proptest! {
    #[test]
    fn sliding_over_cells_is_merging_each_stretch(
        cells in proptest::collection::vec(proptest::option::of(proptest::collection::vec(0.0..50.0_f64, 0..6)), 0..40),
        width in 1..12_usize,
        stride in 1..15_usize,
        scale in MIN_SCALE..=SCALE,
    ) {
        let recorded = |values: &Vec<f64>| {
            let mut histogram = Exponential::with_scale(scale);
            values.iter().for_each(|value| assert!(histogram.record(*value)));
            histogram
        };
        let cells: Vec<Option<Exponential>> = cells.iter().map(|cell| cell.as_ref().map(recorded)).collect();
        let mut packed = Packed::new(scale);
        for cell in &cells {
            match cell.as_ref().filter(|cell| !cell.is_empty()) {
                Some(cell) => prop_assert!(packed.push(cell.view())),
                None => packed.push_empty(),
            }
        }
        let found = packed.sliding(width, stride);
        let quantiles: Vec<_> = (0..found.len()).map(|place| found.get(place).and_then(|one| one.quantile(0.9))).collect();
        prop_assert_eq!(packed.sliding_quantiles(width, stride, 0.9), quantiles);
        let stretches = cells.windows(width).step_by(stride);
        prop_assert_eq!(found.len(), stretches.len());
        for (place, stretch) in stretches.enumerate() {
            let mut merged = Exponential::with_scale(scale);
            stretch.iter().flatten().for_each(|cell| merged.merge(cell));
            let found = found.get(place).map(Exponential::from);
            prop_assert_eq!(found, (!merged.is_empty()).then_some(merged));
        }
    }

    #[test]
    fn a_quantile_is_within_the_promised_error(
        shape in 0..SHAPES.len(),
        pairs in prop::collection::vec((uniform(), uniform()), 1..500),
    ) {
        let (name, shape) = SHAPES[shape];
        let mut values: Vec<f64> = pairs.into_iter().map(|(u, v)| shape(u, v)).collect();
        check_quantiles(name, &mut values);
    }

    #[test]
    fn merging_is_recording_everything(left in values(), right in values()) {
        let mut merged = recorded(&left, SCALE);
        merged.merge(&recorded(&right, SCALE));
        prop_assert!(same(&merged, &recorded(&[left, right].concat(), SCALE)));
    }

    #[test]
    fn merging_commutes_with_downscaling(left in values(), right in values(), scale in MIN_SCALE..=SCALE) {
        let mut merged = recorded(&left, SCALE);
        merged.merge(&recorded(&right, SCALE));
        merged.downscale(scale);
        let (mut coarse_left, mut coarse_right) = (recorded(&left, SCALE), recorded(&right, SCALE));
        coarse_left.downscale(scale);
        coarse_right.downscale(scale);
        coarse_left.merge(&coarse_right);
        prop_assert!(same(&merged, &coarse_left));
        prop_assert!(same(&merged, &recorded(&[left.clone(), right.clone()].concat(), scale)));
        // Merging two scales ends at the coarser, whichever comes first.
        let mut finer_first = recorded(&left, SCALE);
        finer_first.merge(&coarse_right);
        prop_assert!(same(&merged, &finer_first));
    }

    #[test]
    fn merging_all_is_merging_one_by_one(all in prop::collection::vec((values(), -2..=SCALE), 0..8)) {
        let histograms: Vec<_> = all.iter().map(|(values, scale)| recorded(values, *scale)).collect();
        let mut one_by_one = Exponential::new();
        for histogram in &histograms {
            one_by_one.merge(histogram);
        }
        prop_assert!(same(&Exponential::merged(&histograms), &one_by_one));
    }

    #[test]
    fn buckets_are_sorted_and_add_up(values in values(), scale in MIN_SCALE..=SCALE) {
        let histogram = recorded(&values, scale);
        let indices: Vec<_> = histogram.indices().collect();
        prop_assert!(indices.is_sorted_by(|a, b| a.0 < b.0));
        prop_assert!(indices.iter().all(|(_, count)| *count > 0));
        prop_assert_eq!(indices.iter().map(|(_, count)| count).sum::<u64>() + histogram.zero_count(), histogram.count());
        prop_assert_eq!(histogram.count(), values.len() as u64);
        let bounds: Vec<_> = histogram.buckets().collect();
        prop_assert!(bounds.is_sorted_by(|a, b| a.1 <= b.0));
    }

    #[test]
    fn what_is_below_grows_with_the_threshold(values in values(), thresholds in prop::collection::vec(0.0..3.0, 2..20)) {
        let histogram = recorded(&values, SCALE);
        let mut thresholds = thresholds;
        thresholds.sort_by(f64::total_cmp);
        let below: Vec<f64> = thresholds.iter().map(|threshold| histogram.count_at_or_below(*threshold)).collect();
        prop_assert!(below.is_sorted());
        prop_assert!(below.iter().all(|below| (0.0..=values.len() as f64).contains(below)));
    }

    #[test]
    fn what_is_written_reads_back(values in values(), scale in MIN_SCALE..=SCALE) {
        let histogram = recorded(&values, scale);
        let json = serde_json::to_string(&histogram).unwrap();
        let read: Exponential = serde_json::from_str(&json).unwrap();
        prop_assert!(same(&histogram, &read), "{json}");
    }
}

#[test]
fn what_no_duration_can_be_is_refused() {
    let mut histogram = Exponential::new();
    for value in [-0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(!histogram.record(value));
    }
    assert_eq!(histogram, Exponential::new());
    assert!(histogram.record(-0.0) && histogram.record_n(0.0, 2));
    assert_eq!(
        (histogram.zero_count(), histogram.min().map(f64::to_bits)),
        (3, Some(0))
    );
}

#[test]
fn merging_all_refuses_a_mixture() {
    let exponential = Distribution::from(Exponential::new());
    let explicit = Distribution::from(Explicit::new([0.1].into(), [1, 2], 0.5).unwrap());
    assert_eq!(Distribution::merged([&exponential, &explicit]), Err(Mismatch::Kinds));
    assert_eq!(Distribution::merged([&explicit, &exponential]), Err(Mismatch::Kinds));
    assert_eq!(
        Distribution::merged([&explicit, &explicit]).unwrap().unwrap().count(),
        6
    );
    assert_eq!(Distribution::merged([&exponential]), Ok(Some(exponential.clone())));
    assert_eq!(Distribution::merged([] as [&Distribution; 0]), Ok(None));
}

#[test]
fn an_empty_one_has_no_statistics() {
    let histogram = Exponential::new();
    assert_eq!(
        (
            histogram.min(),
            histogram.max(),
            histogram.mean(),
            histogram.quantile(0.5)
        ),
        (None, None, None, None)
    );
    assert_eq!(histogram.count_at_or_below(1.0), 0.0);
}

#[test]
fn malformed_input_is_refused() {
    for json in [
        r#"{"scale":9,"sum":0,"min":null,"max":null,"buckets":[]}"#,
        r#"{"scale":5,"sum":1,"min":1,"max":1,"buckets":[[3,1],[2,1]]}"#,
        r#"{"scale":5,"sum":1,"min":1,"max":1,"buckets":[[3,0]]}"#,
        r#"{"scale":5,"sum":1,"min":2,"max":1,"buckets":[[3,1]]}"#,
        r#"{"scale":5,"sum":-1,"min":1,"max":1,"buckets":[[3,1]]}"#,
    ] {
        assert!(serde_json::from_str::<Exponential>(json).is_err(), "{json}");
    }
}
