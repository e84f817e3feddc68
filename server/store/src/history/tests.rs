use std::path::Path;
use std::sync::Arc;

use keiki_model::histogram::{Distribution, Explicit, Exponential};
use keiki_model::series::{Kind, Labels, Sample, Series, Value};
use keiki_model::time::{Millis, SECOND};
use tempfile::TempDir;

use super::{DiskError, HistorySettings, Past, TIERS};
use crate::{Limits, Ring, SourceClass, SourceId, Store, Stored};

mod formats;
mod late;
mod restart;

const START: Millis = 1_763_800_000_000;
const HOUR: Millis = 3_600 * SECOND;

/// A source of three series, each a pure function of the second.
struct Bench {
    folder: TempDir,
    store: Store,
    source: SourceId,
    gauge: Arc<Series>,
    counter: Arc<Series>,
    histogram: Arc<Series>,
    now: Millis,
}

fn open(path: &Path, now: Millis) -> Result<Store, DiskError> {
    let limits = Limits {
        one_clock: true,
        ..Limits::default()
    };
    Store::open(limits, &SourceClass::ALL, HistorySettings::new(path), now)
}

fn gauge_at(second: i64) -> f64 {
    (second * 7_919 % 1_000) as f64 / 10.0
}

/// A total that begins anew every 1,000 seconds.
fn counter_at(second: i64) -> f64 {
    (second % 1_000 * 3) as f64
}

fn durations_at(second: i64) -> Exponential {
    let mut histogram = Exponential::new();
    for n in 0..second % 4 {
        histogram.record(0.001 * (20 + (second * 31 + n * 17) % 500) as f64);
    }
    histogram
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder.path().join("history"), START).expect("a new history");
        let series = |name, kind| Series::new(name, Labels::new([("host_name", "h")]), kind, Some(1_000));
        Self {
            store,
            source: SourceId::new("host", SourceClass::Own),
            gauge: series("gauge", Kind::Gauge),
            counter: series("counter_total", Kind::Counter),
            histogram: series("seconds", Kind::Histogram),
            now: START,
            folder,
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("history")
    }

    /// Seconds pass, each with a reading of all three.
    fn run(&mut self, seconds: i64) {
        for _ in 0..seconds {
            let second = self.now / SECOND;
            let time = second * SECOND + 850;
            let samples = vec![
                Sample::number(&self.gauge, time, gauge_at(second)),
                Sample::number(&self.counter, time, counter_at(second)),
                Sample::distribution(&self.histogram, time, durations_at(second).into()),
            ];
            let appended = self.store.append(&self.source, samples, time + 5);
            assert_eq!(appended.accepted, 3);
            self.now += SECOND;
            self.tend();
        }
    }

    fn tend(&self) {
        while self.store.tend(self.now) {}
    }

    fn reopen(&mut self) {
        let path = self.path();
        self.store = Store::new(Limits::default());
        self.store = open(&path, self.now).expect("what was there before");
    }

    fn past(&self, series: &Series, from: Millis, to: Millis, step: Millis) -> Option<Stored> {
        let past = Past {
            from,
            to,
            step,
            admits: &|_| true,
            work: 10_000_000,
        };
        let reader = self.store.past(&[series.name()], &past).expect("not too much");
        reader.series(series.name()).next().cloned()
    }

    fn points(&self, series: &Series, from: Millis, to: Millis, step: Millis) -> Vec<(Millis, f64)> {
        let Some(stored) = self.past(series, from, to, step) else {
            return Vec::new();
        };
        let (base, offsets) = stored.times();
        let values = match stored.ring() {
            Ring::Counter(ring) => ring.total().to_vec(),
            Ring::Gauge(ring) => ring.values().to_vec(),
            Ring::Histogram(ring) => ring.totals().to_vec(),
        };
        let times = offsets.iter().map(|offset| base + Millis::from(*offset));
        times
            .zip(values)
            .filter(|(time, _)| (from..to).contains(time))
            .collect()
    }

    /// Whether every second of a stretch is there with its value, once.
    fn check_samples(&self, from: Millis, to: Millis) {
        let expected: Vec<_> = (from / SECOND..to / SECOND)
            .map(|second| (second * SECOND + 850, gauge_at(second)))
            .collect();
        assert_eq!(self.points(&self.gauge, from, to, SECOND), expected);
        let histogram = self.past(&self.histogram, from, to, SECOND).expect("the histogram");
        let Ring::Histogram(ring) = histogram.ring() else {
            panic!("a histogram")
        };
        let found: Vec<_> = ring
            .single(from, to)
            .map(|(time, one)| (time, Distribution::from(one)))
            .collect();
        let expected: Vec<_> = (from / SECOND..to / SECOND)
            .map(|second| (second * SECOND + 850, Distribution::from(durations_at(second))))
            .filter(|(_, one)| !one.is_empty())
            .collect();
        assert!(
            found == expected,
            "the distributions of {} seconds",
            (to - from) / SECOND
        );
    }

    /// Whether the slots of a stretch are what the seconds in them make.
    fn check_slots(&self, from: Millis, to: Millis, step: Millis) {
        let slots: Vec<Millis> = (from / step..to / step).map(|slot| slot * step).collect();
        let seconds = |slot: Millis| (slot / SECOND)..((slot + step) / SECOND);
        let last = |slot: Millis| slot + step - SECOND + 850;

        let gauge = self.past(&self.gauge, from, to, step).expect("the gauge");
        let Ring::Gauge(ring) = gauge.ring() else {
            panic!("a gauge")
        };
        let folds = ring.folds().expect("slots");
        let (base, offsets) = gauge.times();
        let mut checked = 0;
        for (row, offset) in offsets.iter().enumerate() {
            let time = base + Millis::from(*offset);
            let Some(slot) = slots.iter().copied().find(|slot| (*slot..slot + step).contains(&time)) else {
                continue;
            };
            let values: Vec<f64> = seconds(slot).map(gauge_at).collect();
            assert_eq!(time, last(slot));
            assert_eq!(ring.values()[row], values[values.len() - 1]);
            assert_eq!(folds.min[row], values.iter().copied().fold(f64::INFINITY, f64::min));
            assert_eq!(folds.max[row], values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            assert_eq!(folds.count[row] as usize, values.len());
            assert!((folds.sum[row] - values.iter().sum::<f64>()).abs() < 1e-6);
            checked += 1;
        }
        assert_eq!(checked, slots.len());

        let points = self.points(&self.counter, from, to, step);
        assert_eq!(points.len(), slots.len());
        for (pair, slot) in points.windows(2).zip(&slots[1..]) {
            let grown: f64 = seconds(*slot)
                .map(|second| {
                    let (before, now) = (counter_at(second - 1), counter_at(second));
                    if now < before { now } else { now - before }
                })
                .sum();
            assert!(
                (pair[1].1 - pair[0].1 - grown).abs() < 1e-6,
                "growth in the slot at {slot}"
            );
        }

        let histogram = self.past(&self.histogram, from, to, step).expect("the histogram");
        let Ring::Histogram(ring) = histogram.ring() else {
            panic!("a histogram")
        };
        for slot in &slots {
            let all: Vec<Distribution> = seconds(*slot).map(|second| durations_at(second).into()).collect();
            let mut merged = Distribution::merged(all.iter().filter(|one| !one.is_empty()))
                .expect("one make")
                .expect("some");
            if let Distribution::Exponential(merged) = &mut merged {
                merged.downscale(TIERS.iter().rfind(|tier| step % tier.step == 0).expect("a tier").scale);
            }
            let found: Vec<_> = ring
                .single(*slot, slot + step)
                .map(|(_, one)| Distribution::from(one))
                .collect();
            let [found] = &found[..] else {
                panic!("one distribution in a slot")
            };
            let quantiles = |one: &Distribution| [0.5, 0.95, 0.99].map(|q| one.quantile(q).map(|found| found.value));
            assert_eq!(
                (found.count(), found.min(), found.max()),
                (merged.count(), merged.min(), merged.max())
            );
            assert_eq!(quantiles(found), quantiles(&merged));
            assert!((found.sum() - merged.sum()).abs() < 1e-6);
        }
    }
}

#[test]
fn nothing_is_missing_at_any_seam() {
    let mut bench = Bench::new();
    bench.run(100 * 60);
    // From records alone, across records and the ring, the ring alone.
    bench.check_samples(START, START + HOUR);
    bench.check_samples(START + HOUR, bench.now);
    bench.check_samples(bench.now - 60 * SECOND, bench.now);
    for tier in &TIERS[1..] {
        let step = tier.step;
        let from = (START / step + 1) * step;
        bench.check_slots(from, bench.now / step * step, step);
    }
    bench.reopen();
    bench.check_samples(START, bench.now);
    bench.check_slots(START, START + HOUR, 10 * SECOND);
    let stats = bench.store.history().expect("a history");
    assert_eq!(
        (stats.lost, stats.corrupt, stats.series, stats.failing),
        (0, 0, 3, None)
    );
}

#[test]
fn what_is_sent_seldom_grows_in_all_tiers_alike() {
    for every in [70, 300, 1_100] {
        let mut bench = Bench::new();
        // As OTLP and remote write come: nothing is said of when the next one will.
        let seldom = Series::new("seldom_total", Labels::none(), Kind::Counter, None);
        let mut sent = Vec::new();
        for second in 0..4 * 3_600 {
            if second % every == 7 {
                let total = 5.0 * f64::from(second);
                let sample = Sample::number(&seldom, bench.now + 300, total);
                bench.store.append(&bench.source, vec![sample], bench.now + 400);
                sent.push((bench.now + 300, total));
            }
            bench.now += SECOND;
            if second % 10 == 0 {
                bench.tend();
            }
        }
        for step in [10 * SECOND, 60 * SECOND, 900 * SECOND] {
            let points = bench.points(&seldom, START, bench.now, step);
            let [first, .., last] = &points[..] else {
                panic!("{points:?}")
            };
            let at = |time| {
                sent.iter()
                    .find(|(sent, _)| *sent == time)
                    .expect("a time of a sample")
                    .1
            };
            assert_eq!(
                last.1 - first.1,
                at(last.0) - at(first.0),
                "every {every} s, by {step} ms"
            );
        }
    }
}

#[test]
fn rings_are_as_they_were_after_a_restart_and_go_on() {
    let mut bench = Bench::new();
    bench.run(20 * 60);
    bench.reopen();
    let ring = |bench: &Bench| {
        let reader = bench.store.read();
        let stored = reader.series("counter_total").next().expect("the counter").clone();
        let Ring::Counter(ring) = stored.ring() else {
            panic!("a counter")
        };
        let (base, offsets) = stored.times();
        (
            base + Millis::from(*offsets.last().expect("samples")),
            ring.values().to_vec(),
        )
    };
    let (newest, values) = ring(&bench);
    assert_eq!(newest, bench.now - SECOND + 850);
    assert!(values.len() >= 900, "{}", values.len());
    bench.run(10 * 60);
    bench.check_samples(START, bench.now);
}

#[test]
fn what_was_in_the_journal_outlives_a_long_absence() {
    let mut bench = Bench::new();
    bench.run(20 * 60 + 17);
    let left = bench.now;
    bench.now += 30 * HOUR;
    bench.reopen();
    bench.tend();
    bench.run(15 * 60);
    // The fine tier has been dropped by now; ten seconds are kept for two days.
    bench.check_slots(START, left / 10_000 * 10_000, 10 * SECOND);
    let points = bench.points(&bench.gauge, left, bench.now - 15 * 60 * SECOND, 10 * SECOND);
    assert!(points.len() <= 1, "a gap stays a gap: {points:?}");
    bench.check_samples(bench.now - 10 * 60 * SECOND, bench.now);
}

#[test]
fn a_folder_has_one_owner() {
    let bench = Bench::new();
    let error = open(&bench.path(), START).expect_err("it is in use");
    assert!(matches!(error, DiskError::InUse(_)), "{error}");
    assert!(error.to_string().contains("--data-dir"), "{error}");
}

#[test]
fn too_much_is_refused_with_a_reason() {
    let mut bench = Bench::new();
    bench.run(10 * 60);
    let past = Past {
        from: START,
        to: bench.now,
        step: SECOND,
        admits: &|_| true,
        work: 100,
    };
    let error = bench.store.past(&["gauge"], &past).err().expect("too much");
    assert!(error.to_string().contains("coarser step"), "{error}");
    let nobody = Past {
        admits: &|_| false,
        ..past
    };
    assert!(bench.store.past(&["gauge"], &nobody).is_ok());
}

#[test]
fn what_is_damaged_is_left_out_and_the_rest_is_read() {
    let mut bench = Bench::new();
    bench.run(40 * 60);
    bench.store.flush(bench.now);
    // One record of the gauge becomes garbage, as the engine delivers it.
    let history = bench.store.history.as_ref().expect("a history");
    let disk = history.disk().expect("a disk");
    let start = TIERS[0].chunk_of(START + 10 * 60 * SECOND);
    let number = history.number(&bench.gauge, &bench.source).expect("a number");
    let records = disk.tier(0, TIERS[0].period_of(start));
    let key = super::disk::record_key(0, number, start / TIERS[0].chunk);
    assert!(records.contains_key(key).expect("the record"), "there is such a record");
    records.insert(key, [1, 2, 3]).expect("room");
    let found = bench.points(&bench.gauge, START, bench.now, SECOND);
    assert_eq!(found.len(), 40 * 60 - 300);
    assert!(found.iter().all(|(time, value)| *value == gauge_at(time / SECOND)));
    assert!(bench.store.history().is_some_and(|stats| stats.corrupt > 0));
    assert_eq!(bench.points(&bench.counter, START, bench.now, SECOND).len(), 40 * 60);
}

#[test]
fn old_periods_are_dropped_and_coarser_ones_stay() {
    let mut bench = Bench::new();
    bench.run(30 * 60);
    bench.now += 5 * HOUR;
    bench.run(10 * 60);
    bench.reopen();
    bench.tend();
    assert!(bench.points(&bench.gauge, START, START + HOUR, SECOND).is_empty());
    let from = START / 10_000 * 10_000 + 10_000;
    bench.check_slots(from, START + 29 * 60 * SECOND, 10 * SECOND);
}

#[test]
fn a_wrong_date_that_is_set_right_does_not_stop_the_history() {
    let mut bench = Bench::new();
    bench.run(20 * 60);
    let right = bench.now;
    bench.now += 400 * 24 * HOUR;
    bench.run(12 * 60);
    bench.now = right;
    bench.run(20 * 60);
    bench.check_samples(right + 300 * SECOND, bench.now);
    let stats = bench.store.history().expect("a history");
    assert_eq!((stats.failing, stats.corrupt), (None, 0));
    bench.reopen();
    bench.check_samples(bench.now - 20 * 60 * SECOND + 300 * SECOND, bench.now);
    bench.run(10 * 60);
    bench.check_samples(bench.now - 10 * 60 * SECOND, bench.now);
}

#[test]
fn records_that_grow_hold_each_slot_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history");
    let source = SourceId::new("host", SourceClass::Own);
    let labels = || Labels::new([("host_name", "h")]);
    let counter = Series::new("counter_total", labels(), Kind::Counter, Some(10_000));
    let seconds = Series::new("seconds", labels(), Kind::Histogram, Some(10_000));
    let mut store = open(&path, START).expect("a new history");
    let mut now = START;
    for hours in [2, 3, 5, 8] {
        while now < START + hours * HOUR {
            let mut one = Exponential::new();
            one.record_n(0.25, 2);
            let samples = vec![
                Sample::number(&counter, now + 850, (now - START) as f64 / 1e3),
                Sample::distribution(&seconds, now + 850, one.into()),
            ];
            assert_eq!(store.append(&source, samples, now + 900).accepted, 2);
            now += 10 * SECOND;
            while store.tend(now) {}
        }
        for step in [60 * SECOND, 900 * SECOND] {
            let past = Past {
                from: START,
                to: now,
                step,
                admits: &|_| true,
                work: 10_000_000,
            };
            let reader = store.past(&["counter_total", "seconds"], &past).expect("not too much");
            for (metric, each) in [("counter_total", 10.0), ("seconds", 2.0)] {
                let stored = reader.series(metric).next().expect("it is there");
                let totals = match stored.ring() {
                    Ring::Counter(ring) => ring.total().to_vec(),
                    Ring::Histogram(ring) => ring.totals().to_vec(),
                    Ring::Gauge(_) => panic!("none of them"),
                };
                let slots = now.div_euclid(step) - START.div_euclid(step);
                assert!(
                    (totals.len() as i64 - slots).abs() <= 1,
                    "{metric}: {} of {slots}",
                    totals.len()
                );
                let grown = totals[totals.len() - 1] - totals[totals.len() - 2];
                let samples = (now - 1).rem_euclid(step) / (10 * SECOND) + 1;
                assert_eq!(grown, each * samples as f64, "{metric} at {step}");
                let all = (now - START) as f64 / 10_000.0 * each;
                assert!(
                    (totals[totals.len() - 1] - all).abs() <= each,
                    "{metric} at {step}: {totals:?}"
                );
            }
        }
        drop(store);
        store = open(&path, now).expect("what was there before");
    }
}

#[test]
fn what_is_too_old_gives_its_room_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history");
    let store = open(&path, START).expect("a new history");
    let source = SourceId::new("host", SourceClass::Own);
    let series: Vec<_> = (0..100)
        .map(|n| Series::new("gauge", Labels::new([("n", n.to_string())]), Kind::Gauge, Some(10_000)))
        .collect();
    let files = || walk(&path.join("keyspaces"));
    let mut now = START;
    let folders = files().1;
    while now < START + 24 * HOUR {
        // As much as a sample can be, so that files of a tier fill in hours.
        let noise = |n: i64| ((now / 10_000 * 100 + n) as f64 * 0.618_033_988_749_894_9).fract();
        let samples = (0..).zip(&series).map(|(n, one)| Sample::number(one, now, noise(n)));
        store.append(&source, samples.collect(), now);
        now += 10 * SECOND;
        if now % 60_000 == 0 {
            while store.tend(now) {}
        }
    }
    let stats = store.history().expect("a history");
    let (_, written) = stats.written[0];
    assert!(
        stats.tiers[0] < written / 2,
        "{} of {written} bytes are left",
        stats.tiers[0]
    );
    let (bytes, now_folders) = files();
    assert_eq!(now_folders, folders, "no keyspace is made while it runs");
    assert!(bytes < 64 << 20, "{bytes}");
}

/// The bytes below a folder, and how many folders it has.
fn walk(path: &Path) -> (u64, usize) {
    let entries: Vec<_> = std::fs::read_dir(path).expect("a folder").flatten().collect();
    let folders = entries.iter().filter(|entry| entry.path().is_dir());
    let inside = folders.clone().map(|entry| walk(&entry.path()).0).sum::<u64>();
    let files = entries
        .iter()
        .filter_map(|entry| entry.metadata().ok())
        .filter(|data| data.is_file());
    (inside + files.map(|data| data.len()).sum::<u64>(), folders.count())
}
