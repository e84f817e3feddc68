//! What comes too late for the rings is in the past as if it had come in time.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::Late;
use super::*;
use crate::Reason;

/// Past this the five minutes of a sample have a record, and what was late its place.
const SETTLED: Millis = 420 * SECOND;

impl Bench {
    fn samples(&self, second: i64) -> [Sample; 3] {
        let time = second * SECOND + 850;
        [
            Sample::number(&self.gauge, time, gauge_at(second)),
            Sample::number(&self.counter, time, counter_at(second)),
            Sample::distribution(&self.histogram, time, durations_at(second).into()),
        ]
    }

    /// Whether the past is the other's, whatever it is made of.
    fn check_like(&self, other: &Self, to: Millis) {
        for tier in &TIERS {
            for series in [&self.gauge, &self.counter, &self.histogram] {
                let [mine, theirs] = [self, other].map(|bench| told(bench, series, to, tier.step));
                let apart = mine.iter().zip(&theirs).find(|(mine, theirs)| mine != theirs);
                assert_eq!(apart, None, "{} in {}", series.name(), tier.name);
                assert_eq!(mine.len(), theirs.len(), "{} in {}", series.name(), tier.name);
            }
        }
    }

    fn lost(&self) -> (u64, u64) {
        let stats = self.store.history().expect("a history");
        (stats.lost, stats.corrupt)
    }
}

/// All that is known of a series up to a time, by time.
fn told(bench: &Bench, series: &Series, to: Millis, step: Millis) -> Vec<(Millis, String)> {
    let Some(stored) = bench.past(series, START - HOUR, to / step * step, step) else {
        return Vec::new();
    };
    let (base, offsets) = stored.times();
    let time = |place: usize| base + Millis::from(offsets[place]);
    match stored.ring() {
        Ring::Counter(ring) | Ring::Gauge(ring) => {
            let all = (0..offsets.len()).map(|place| {
                let folds = ring.folds().map(|folds| {
                    (
                        folds.min[place],
                        folds.max[place],
                        folds.sum.get(place),
                        folds.count.get(place),
                    )
                });
                (time(place), format!("{} {folds:?}", ring.values()[place]))
            });
            all.collect()
        }
        Ring::Histogram(ring) => ring
            .single(0, to)
            .map(|(time, one)| (time, format!("{one:?}")))
            .collect(),
    }
}

/// When samples come that are not in time: how many seconds late, of a stretch of seconds or of single ones, and of which of
/// the three series.
#[derive(Clone, Debug)]
struct Delay {
    first: i64,
    seconds: i64,
    late: i64,
    series: [bool; 3],
}

fn delays() -> impl Strategy<Value = Vec<Delay>> {
    let one =
        (0..3_000_i64, 1..1_500_i64, 65..2_400_i64, any::<[bool; 3]>()).prop_map(|(first, seconds, late, series)| {
            Delay {
                first,
                // All of them at the same time, as after an outage, or each as late as the others.
                seconds,
                late,
                series,
            }
        });
    proptest::collection::vec(one, 1..5)
}

#[test]
fn whenever_samples_come_the_past_is_the_same() {
    // Less than samples are kept.
    const SECONDS: i64 = 7_000;
    let mut in_time = Bench::new();
    in_time.run(SECONDS);
    let mut runner = TestRunner::new_with_rng(
        Config::with_cases(6),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let strategy = (delays(), any::<u64>(), 0..SECONDS);
    let case = |(delays, seed, restart): (Vec<Delay>, u64, i64)| {
        let mut bench = Bench::new();
        let mut late: Vec<(i64, i64, usize)> = Vec::new();
        for second in 0..SECONDS {
            let at = START / SECOND + second;
            bench.now = at * SECOND;
            let mut now = Vec::new();
            for (place, sample) in bench.samples(at).into_iter().enumerate() {
                let delay = delays
                    .iter()
                    .find(|delay| delay.series[place] && (delay.first..delay.first + delay.seconds).contains(&second));
                match delay {
                    // As a backlog: all after its end, in any order.
                    Some(delay) if delay.seconds + delay.late < 3_500 => {
                        let mixed = (second as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
                        let due = delay.first + delay.seconds + delay.late.min(1_000) + (mixed % 64) as i64;
                        late.push((due, at, place));
                    }
                    Some(delay) => late.push((second + delay.late, at, place)),
                    None => now.push(sample),
                }
            }
            let due: Vec<_> = late.extract_if(.., |(due, ..)| *due <= second).collect();
            now.extend(due.into_iter().map(|(_, at, place)| {
                let [gauge, counter, histogram] = bench.samples(at);
                [gauge, counter, histogram].into_iter().nth(place).expect("three")
            }));
            let count = now.len() as u64;
            let appended = bench.store.append(&bench.source, now, bench.now + 855);
            prop_assert_eq!(appended.accepted, count, "{:?}", appended);
            bench.now += SECOND;
            bench.tend();
            if second == restart {
                bench.reopen();
            }
        }
        prop_assert_eq!((late.len(), bench.lost()), (0, (0, 0)));
        let settled = bench.now - SETTLED;
        bench.check_like(&in_time, settled);
        bench.reopen();
        bench.check_like(&in_time, settled);
        Ok(())
    };
    runner.run(&strategy, case).expect("the same past");
}

#[test]
fn what_is_too_late_is_counted_and_what_is_there_stays() {
    let mut bench = Bench::new();
    bench.run(20 * 60);
    let old = |late: Millis| Sample::number(&bench.gauge, (bench.now - late) / SECOND * SECOND + 850, -1.0);
    let samples = vec![
        old(600 * SECOND),
        old(3_700 * SECOND),
        old(-10 * SECOND),
        Sample::number(&bench.gauge, bench.now - 700 * SECOND, f64::NAN),
        // Between two others.
        Sample::number(&bench.gauge, (bench.now - 900 * SECOND) / SECOND * SECOND, 1e6),
        Sample::number(&bench.gauge, (bench.now - 900 * SECOND) / SECOND * SECOND, -1e6),
    ];
    let between = samples[4].time;
    let appended = bench.store.append(&bench.source, samples, bench.now);
    assert_eq!(appended.accepted, 3);
    let rejected = [Reason::Late, Reason::Future, Reason::NotFinite].map(|reason| appended.rejected.of(reason));
    assert_eq!(rejected, [1, 1, 1]);
    let edition = bench.store.edition();
    bench.run(60);
    assert!(bench.store.edition() > edition);
    bench.check_samples(between + SECOND, bench.now);
    let points = bench.points(&bench.gauge, between - 500, between + 500, SECOND);
    assert_eq!(
        points,
        [(between - 150, gauge_at(between / SECOND - 1)), (between, 1e6)]
    );
    let reader = bench.store.read();
    let stored = reader.series("gauge").next().expect("the gauge");
    let Ring::Gauge(ring) = stored.ring() else {
        panic!("a gauge")
    };
    assert!(!ring.values().contains(&1e6), "the rings stay as they are");
}

#[test]
fn a_backlog_of_series_that_no_ring_knows_outlives_a_death() {
    let mut bench = Bench::new();
    bench.now += 2_000 * SECOND;
    bench.reopen();
    let seconds = START / SECOND..START / SECOND + 1_800;
    let samples: Vec<_> = seconds.clone().rev().flat_map(|second| bench.samples(second)).collect();
    let count = samples.len() as u64;
    assert_eq!(bench.store.append(&bench.source, samples, bench.now).accepted, count);
    assert_eq!(bench.store.stats().series, 0);
    // Written, but not yet in its place; as after a death nothing is closed.
    bench.store.tend(bench.now);
    let copy = tempfile::tempdir().expect("a folder");
    copied(&bench.path(), &copy.path().join("history"));
    bench.folder = copy;
    bench.reopen();
    bench.run(SETTLED / SECOND);
    bench.check_samples(START, START + 1_500 * SECOND);
    let from = (START / 60_000 + 1) * 60_000;
    for step in [10 * SECOND, 60 * SECOND] {
        bench.check_slots(from, from + 1_200 * SECOND, step);
    }
    assert_eq!(bench.lost(), (0, 0));
}

#[test]
fn a_death_in_the_midst_of_a_round_leaves_no_tiers_apart_however_long_keiki_is_off() {
    let minutes = |minutes: i64| minutes * 60 * SECOND;
    for off in [minutes(5), minutes(100), minutes(185), minutes(3 * 24 * 60)] {
        let mut bench = Bench::new();
        bench.run(300);
        let gap = bench.now / SECOND..bench.now / SECOND + 300;
        bench.now += 300 * SECOND;
        bench.run(1_800);
        let samples: Vec<_> = gap.flat_map(|second| bench.samples(second)).collect();
        assert_eq!(bench.store.append(&bench.source, samples, bench.now).accepted, 900);
        bench.store.flush(bench.now);
        let history = bench.store.history.clone().expect("a history");
        history.merge_late_in_finest(bench.now);
        drop(history);
        let copy = tempfile::tempdir().expect("a folder");
        copied(&bench.path(), &copy.path().join("history"));
        bench.folder = copy;
        bench.now += off;
        bench.reopen();
        bench.tend();
        assert_eq!(bench.lost(), (0, 0), "after {off}");
        for step in [10, 60, 900].map(|seconds| seconds * SECOND) {
            let from = (START / step + 1) * step;
            // The samples are gone by then, and later the slots of ten seconds are.
            if off < minutes(24 * 60) || step >= 60 * SECOND {
                bench.check_slots(from, from + 1_800 * SECOND / step * step, step);
            }
        }
        // Nothing waits any more, or keeps what is too old.
        bench.run(SETTLED / SECOND);
        let is_kept = !bench
            .points(&bench.gauge, START, START + 1_500 * SECOND, SECOND)
            .is_empty();
        assert_eq!(is_kept, off < minutes(120), "after {off}");
    }
}

#[test]
fn what_waits_for_the_disk_is_bounded_whatever_it_is() {
    let mut wide = Exponential::new();
    for n in 0..400 {
        wide.record(0.001 * 1.03_f64.powi(n));
    }
    let values = [Value::Distribution(Box::new(wide.into())), Value::Number(1.0 / 3.0)];
    for (value, most) in values.iter().zip([100_000, 4_000_000]) {
        let mut late = Late::default();
        let taken = (0..most).take_while(|n| late.push(7, START + n, value)).count() as u64;
        assert!(taken > 10_000, "{taken} found room");
        assert!(taken < most as u64, "all found room");
        late.keep(Some(7), START, value);
        assert_eq!((late.len(), late.lost()), (taken, 1));
    }
}

/// A folder as it is: copied anew where the engine, which goes on, took a file away meanwhile.
fn copied(from: &Path, to: &Path) {
    for _ in 0..100 {
        match copy(from, to) {
            Ok(()) => return,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::remove_dir_all(to).expect("a folder")
            }
            Err(error) => panic!("no copy: {error}"),
        }
    }
    panic!("the folder never stood still");
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
