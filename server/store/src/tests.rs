//! What is kept, what is not and why, and for how long.

use std::sync::Arc;

use keiki_model::histogram::{Distribution, Explicit, Exponential};
use keiki_model::series::{Kind, Labels, Series};
use proptest::prelude::*;

use super::*;

const NOW: Millis = 1_763_800_200_000;

fn source() -> SourceId {
    SourceId::new("test", SourceClass::Own)
}

fn series(name: &str, n: usize) -> Arc<Series> {
    let labels = Labels::new([
        ("n", n.to_string()),
        (SERVICE_NAME, format!("s{}", n % 2)),
        (HOST_NAME, "h".to_owned()),
    ]);
    Series::new(name, labels, Kind::Gauge, Some(1_000))
}

fn recorded(values: &[f64]) -> Distribution {
    let mut histogram = Exponential::new();
    assert!(values.iter().all(|value| histogram.record(*value)));
    histogram.into()
}

/// How many samples are kept of these, and why the others are not.
fn append(store: &Store, samples: Vec<Sample>) -> (u64, Vec<(&'static str, u64)>) {
    let appended = store.append(&source(), samples, NOW);
    let rejected = appended.rejected.iter().filter(|(_, count)| *count > 0);
    (
        appended.accepted,
        rejected.map(|(reason, count)| (reason.as_str(), count)).collect(),
    )
}

fn values(store: &Store, metric: &str) -> Vec<Vec<f64>> {
    let reader = store.read();
    let scalars = |stored: &Stored| match stored.ring() {
        Ring::Counter(ring) | Ring::Gauge(ring) => ring.values().to_vec(),
        Ring::Histogram(ring) => ring.totals().to_vec(),
    };
    reader.series(metric).map(scalars).collect()
}

#[test]
fn what_is_not_kept_is_counted() {
    let store = Store::new(Limits {
        series: 3,
        series_per_metric: 2,
        labels: 3,
        label_bytes: 12,
        ..Limits::default()
    });
    let at = |age: Millis| vec![Sample::number(&series("a", 0), NOW - age, 1.0)];
    assert_eq!(append(&store, at(-5_001)), (0, vec![("future", 1)]));
    assert_eq!(append(&store, at(60_001)), (0, vec![("late", 1)]));
    assert_eq!(store.stats().series, 0, "a rejected sample begins no series");
    assert_eq!(append(&store, at(-5_000)), (1, vec![]));
    assert_eq!(append(&store, at(60_000)), (1, vec![]));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(
            append(&store, vec![Sample::number(&series("a", 0), NOW, value)]),
            (0, vec![("not_finite", 1)])
        );
    }
    let wrong = Sample::distribution(&series("a", 0), NOW, recorded(&[1.0]));
    assert_eq!(append(&store, vec![wrong]), (0, vec![("kind", 1)]));
    let many = Series::new(
        "m",
        Labels::new([("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]),
        Kind::Gauge,
        None,
    );
    assert_eq!(
        append(&store, vec![Sample::number(&many, NOW, 1.0)]),
        (0, vec![("label_count", 1)])
    );
    let long = Series::new("m", Labels::new([("a", "1234567890123")]), Kind::Gauge, None);
    assert_eq!(
        append(&store, vec![Sample::number(&long, NOW, 1.0)]),
        (0, vec![("label_length", 1)])
    );
    let each = |name: &str, n: usize| Sample::number(&series(name, n), NOW, 1.0);
    assert_eq!(
        append(&store, vec![each("a", 1), each("a", 2), each("a", 1)]),
        (2, vec![("metric_limit", 1)])
    );
    assert_eq!(
        append(&store, vec![each("b", 1), each("c", 2)]),
        (1, vec![("series_limit", 1)])
    );
    let stats = store.stats();
    assert_eq!((stats.series, stats.samples_total, stats.rejected.total()), (3, 5, 10));
}

#[test]
fn samples_find_their_place() {
    let store = Store::new(Limits::default());
    let send = |age: Millis, value| append(&store, vec![Sample::number(&series("a", 0), NOW - age, value)]);
    for (age, value) in [
        (10_000, 1.0),
        (5_000, 3.0),
        (7_000, 2.0),
        (0, 4.0),
        (5_000, 3.5),
        (20_000, 0.5),
    ] {
        assert_eq!(send(age, value), (1, vec![]));
    }
    assert_eq!(values(&store, "a"), [[0.5, 1.0, 2.0, 3.5, 4.0]]);
}

#[test]
fn the_same_identity_is_the_same_series_however_often_it_is_made() {
    let store = Store::new(Limits::default());
    for age in [2_000, 1_000, 0] {
        append(&store, vec![Sample::number(&series("a", 0), NOW - age, 1.0)]);
    }
    assert_eq!((store.stats().series, values(&store, "a")), (1, vec![vec![1.0; 3]]));
}

#[test]
fn series_without_samples_in_the_window_are_forgotten_with_all_entries() {
    let store = Store::new(Limits::default());
    append(
        &store,
        (0..100)
            .map(|n| Sample::number(&series("a", n), NOW, n as f64))
            .collect(),
    );
    append(&store, vec![Sample::number(&series("b", 0), NOW, 0.0)]);
    assert_eq!(store.label_values(SERVICE_NAME), ["s0", "s1"]);
    assert_eq!(store.label_values("n").len(), 100);
    store.sweep(NOW + 900_000);
    assert_eq!(store.stats().series, 101);
    // One goes on; the others end, and their places are used again.
    let later = NOW + 900_001;
    store.append(&source(), vec![Sample::number(&series("a", 7), later, 1.0)], later);
    store.sweep(later);
    assert_eq!(
        (store.stats().series, store.label_values(SERVICE_NAME)),
        (1, vec!["s1".to_owned()])
    );
    assert_eq!(values(&store, "a"), [[7.0, 1.0]]);
    assert!(values(&store, "b").is_empty());
    assert!(
        store.read().last_source("b").is_some(),
        "who fed a metric is remembered"
    );
    store.append(
        &source(),
        (50..150)
            .map(|n| Sample::number(&series("a", n), later, n as f64))
            .collect(),
        later,
    );
    assert_eq!(values(&store, "a").len(), 101);
    assert_eq!(store.stats().series, 101);
}

#[test]
fn rings_hold_the_window_and_little_more() {
    let store = Store::new(Limits::default());
    let series = series("a", 0);
    for second in 0..3_000 {
        let now = NOW + second * 1_000;
        store.append(&source(), vec![Sample::number(&series, now, second as f64)], now);
    }
    let kept = &values(&store, "a")[0];
    assert_eq!((kept.len(), kept[0]), (961, 2_039.0));
    store.sweep(NOW + 3_000_000);
    let bytes = store.stats().bytes_estimate;
    assert!(bytes < 16_000, "a full ring of seconds takes {bytes} bytes");
}

#[test]
fn a_clock_set_back_begins_anew() {
    let store = Store::new(Limits::default());
    for at in [0, 1_000, 2_000, -3_600_000, -3_599_000] {
        let now = NOW + at;
        store.append(&source(), vec![Sample::number(&series("a", 0), now, at as f64)], now);
    }
    assert_eq!(values(&store, "a"), [[-3_600_000.0, -3_599_000.0]]);
}

#[test]
fn where_there_is_one_clock_seconds_that_are_written_keep_their_values() {
    let store = Store::new(Limits {
        one_clock: true,
        ..Limits::default()
    });
    let send = |at: Millis, now: Millis, value| {
        let sample = Sample::number(&series("a", 0), NOW + at, value);
        store.append(&source(), vec![sample], NOW + now).rejected
    };
    for at in [0, 1_000, 2_000] {
        assert_eq!(send(at, at, at as f64).total(), 0);
    }
    // Set back by half a minute: refused until it has caught up, and nothing is forgotten.
    for at in [-28_000, 500, 1_000] {
        assert_eq!(send(at, -28_000, 9.0).of(Reason::SetBack), 1, "{at}");
    }
    assert_eq!(send(3_000, 3_000, 3.0).total(), 0);
    assert_eq!(values(&store, "a"), [[0.0, 1_000.0, 2_000.0, 3.0]]);
    // Late samples of a clock that goes on are none of this.
    assert_eq!(send(2_500, 3_500, 4.0).total(), 0);
    // A date that was wrong by more than a day is not waited for.
    let day = 25 * 3_600_000;
    assert_eq!(send(-day, -day, 7.0).total(), 0);
    assert_eq!(values(&store, "a"), [[7.0]]);
}

#[test]
fn two_sources_of_one_series_do_not_mix() {
    let store = Store::new(Limits::default());
    let own = SourceId::new("own", SourceClass::Own);
    let scrape = SourceId::new("scrape:a", SourceClass::Scrape);
    let send = |source: &SourceId, at: Millis, value| {
        let sample = Sample::number(&series("a", 0), NOW + at, value);
        store
            .append(source, vec![sample], NOW + at)
            .rejected
            .of(Reason::OtherSource)
    };
    assert_eq!(send(&scrape, 0, 1.0), 0);
    assert_eq!(send(&own, 100, 2.0), 0, "the more trusted one takes over");
    assert_eq!(values(&store, "a"), [[2.0]]);
    assert_eq!(send(&scrape, 1_000, 1.0), 1);
    assert_eq!(
        send(&SourceId::new("own", SourceClass::Own), 1_100, 3.0),
        0,
        "the name makes the source"
    );
    assert_eq!(send(&scrape, 4_200, 1.0), 0, "the other one is silent");
    assert_eq!(values(&store, "a"), [[1.0]]);
}

#[test]
fn readers_and_writers_share_the_store() {
    let store = Store::new(Limits::default());
    let all: Vec<_> = (0..200).map(|n| series("a", n)).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for second in 0..100 {
                let now = NOW + second * 1_000;
                store.append(
                    &source(),
                    all.iter().map(|series| Sample::number(series, now, 1.0)).collect(),
                    now,
                );
            }
        });
        scope.spawn(|| {
            for _ in 0..1_000 {
                let lengths: Vec<_> = values(&store, "a").iter().map(Vec::len).collect();
                assert!(
                    lengths.windows(2).all(|pair| pair[0] == pair[1]),
                    "a batch is seen whole or not at all"
                );
            }
        });
    });
    assert_eq!(store.stats().samples_total, 20_000);
}

proptest! {
    /// Whatever comes in whatever order, a window holds exactly its samples.
    #[test]
    fn a_window_of_distributions_is_exactly_its_samples(
        samples in prop::collection::vec((-60_000..1_i64, prop::collection::vec(1..40_u32, 0..3), 0..10_u8), 1..80),
        later in 0..200_i64,
        window in (0..130_000_i64, 1..130_000_i64),
    ) {
        let store = Store::new(Limits { window_ms: 120_000, ..Limits::default() });
        let series = Series::new("m", Labels::none(), Kind::Histogram, Some(1_000));
        let mut kept = std::collections::BTreeMap::new();
        let mut now = NOW;
        for (age, values, odd) in samples {
            now += later * 10;
            // Now and then a program changes its buckets.
            let distribution = if odd == 0 {
                Explicit::new([0.5].into(), [values.len() as u64, 0], 0.0).unwrap().into()
            } else {
                recorded(&values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>())
            };
            kept.insert(now + age, values.len() as u64);
            assert_eq!(store.append(&source(), vec![Sample::distribution(&series, now + age, distribution)], now).accepted, 1);
        }
        let (from, to) = (now - 120_000 + window.0, now - 120_000 + window.0 + window.1);
        let expected: u64 = kept.range(from..to).map(|(_, count)| count).sum();
        let reader = store.read();
        for stored in reader.series("m") {
            let Ring::Histogram(ring) = stored.ring() else { continue };
            let mut count = 0;
            ring.each(from, to, &mut |distribution| count += distribution.count());
            prop_assert_eq!(count, expected);
            let all: u64 = kept.range(now - 180_000..).map(|(_, count)| count).sum();
            let total = ring.totals().last().copied().unwrap_or_default() - ring.before();
            prop_assert_eq!(total, all as f64);
        }
    }
}
