//! The run that is disturbed, and what must be left of it.

use std::path::Path;
use std::sync::Arc;

use keiki_model::histogram::{Distribution, Exponential, Parts};
use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::{HistorySettings, Past};
use keiki_store::{Limits, Ring, SourceClass, SourceId, Store, Stored};

use crate::trap::{GONE, Trap, pass};

/// Ten seconds are one step here: an hour passes in a moment.
const TICK: Millis = 10 * SECOND;

const MINUTE: Millis = 60 * SECOND;

/// A quarter of an hour before the end of a record of every tier.
const START: Millis = 10_208 * 2 * 24 * 60 * MINUTE - 15 * MINUTE;

/// How long it runs before it is closed, and in all.
const CLOSED: Millis = START + 27 * MINUTE;
const END: Millis = START + 36 * MINUTE;

/// How long it may take until all is well again.
const BACK: Millis = GONE * SECOND + 4 * TICK;

/// How long samples are kept as they came: a period of them is dropped.
const KEEP: Millis = 16 * MINUTE;

/// How many series there are of each metric.
const SERIES: [usize; 3] = [6, 2, 2];

/// What gauges are labelled with beside their number: so much that the engine's memory does not hold it.
const LABELS: usize = 28;
const LONG: usize = 13_000;

const BUCKETS: usize = 16;

const METRICS: [&str; 3] = ["gauge", "counter_total", "seconds"];

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// In order, after a failure or without any.
    Closed,
    /// All at once, long after whatever failed.
    Late,
    /// All at once, when the status said that nothing is kept.
    Failing,
}

fn open(folder: &Path, now: Millis) -> Result<Store, String> {
    let mut settings = HistorySettings::new(folder);
    settings.keep[0] = KEEP;
    settings.sync = std::time::Duration::from_secs(60);
    let limits = Limits {
        label_bytes: LONG,
        ..Limits::default()
    };
    Store::open(limits, &SourceClass::ALL, settings, now).map_err(|error| error.to_string())
}

fn gauge_at(tick: i64, n: usize) -> f64 {
    (tick * 7_919 % 1_000) as f64 + n as f64 / 10.0
}

/// What a counter grows by in a tick.
const GROWTH: f64 = 3.0;

fn counter_at(tick: i64, n: usize) -> f64 {
    GROWTH * (tick - START / TICK) as f64 + n as f64
}

fn durations_at(tick: i64, n: usize) -> Distribution {
    let counts: [u64; BUCKETS] = std::array::from_fn(|bucket| (tick as u64 % 97 + n as u64 + 1) << bucket);
    let parts = Parts {
        scale: 4,
        offset: -80,
        counts: &counts,
        ..Parts::default()
    };
    Exponential::from_parts(parts).into()
}

fn observed_at(tick: i64, n: usize) -> u64 {
    (tick as u64 % 97 + n as u64 + 1) * ((1 << BUCKETS) - 1)
}

fn all_series() -> Vec<(usize, Arc<Series>)> {
    let kinds = [Kind::Gauge, Kind::Counter, Kind::Histogram];
    let one = |(metric, (kind, count)): (&'static str, (Kind, usize))| {
        (0..count).map(move |n| {
            let long = |label: usize| (format!("long_{label}"), format!("{n:0LONG$}"));
            let long = (0..LABELS).filter(|_| kind == Kind::Gauge).map(long);
            let short = [(HOST_NAME.to_owned(), "h".to_owned()), ("n".to_owned(), n.to_string())];
            let labels = Labels::new(long.chain(short));
            (n, Series::new(metric, labels, kind, Some(TICK as u32)))
        })
    };
    METRICS
        .into_iter()
        .zip(kinds.into_iter().zip(SERIES))
        .flat_map(one)
        .collect()
}

fn sample_at(series: &Arc<Series>, n: usize, tick: i64) -> Sample {
    let time = tick * TICK + 850;
    match series.kind() {
        Kind::Gauge => Sample::number(series, time, gauge_at(tick, n)),
        Kind::Counter => Sample::number(series, time, counter_at(tick, n)),
        Kind::Histogram => Sample::distribution(series, time, durations_at(tick, n)),
    }
}

/// Runs, and says up to when all must be there.
pub(crate) fn run(folder: &Path, trap: &Trap, dies: bool) -> (Millis, Ended) {
    let (all, source) = (all_series(), SourceId::new("faults", SourceClass::Own));
    let mut store = opened(folder, START, trap);
    // In an empty folder there is nothing that must not be put aside.
    let was_new = trap.struck().is_some();
    let (mut now, mut failing_since, mut was_closed) = (START, None, false);
    while now < END || failing_since.is_some() {
        // What came while nothing is kept is in the rings alone: it would not outlive them.
        if now >= CLOSED && !was_closed && failing_since.is_none() {
            was_closed = true;
            if !dies {
                store.flush(now);
            }
            drop(store);
            store = opened(folder, now, trap);
        }
        let tick = now / TICK;
        let samples: Vec<_> = all.iter().map(|(n, series)| sample_at(series, *n, tick)).collect();
        let appended = store.append(&source, samples, now + 900);
        assert_eq!(appended.accepted, all.len() as u64, "the live part goes on");
        now += TICK;
        pass(TICK / SECOND);
        while store.tend(now) {}
        let stats = store.history().expect("a history");
        // Only what is read while opening may be left out of the rings: it stays on disk.
        assert!(stats.corrupt == 0 || was_closed && trap.struck().is_some());
        if now % MINUTE == 0 && stats.corrupt == 0 {
            live(&store, now);
        }
        match stats.failing {
            Some((since, why)) => {
                let struck = trap.struck();
                assert!(struck.is_some(), "{why}");
                let first = *failing_since.get_or_insert(now);
                // Later if it was well again for less than a tick.
                assert!(
                    (first..=now).contains(&since),
                    "it says since when: {since}, not {first}"
                );
                assert!(now - first <= BACK, "it comes back by itself after {struck:?}: {why}");
                if dies {
                    return (now - TICK, Ended::Failing);
                }
            }
            None => failing_since = None,
        }
    }
    if !was_new {
        assert!(aside(folder).is_none(), "what is sound is not put aside");
    }
    if dies {
        return (now, Ended::Late);
    }
    // Should this fail, it only has not outlived the loss of power yet.
    store.flush(now);
    (now, Ended::Closed)
}

/// Opens; the call that fails may be one of this, and then it is done again.
fn opened(folder: &Path, now: Millis, trap: &Trap) -> Store {
    let mut why = String::new();
    for attempt in 0..BACK / TICK {
        match open(folder, now + attempt) {
            Ok(store) => return store,
            Err(error) => why = error,
        }
        assert!(trap.struck().is_some(), "{why}");
        pass(TICK / SECOND);
    }
    panic!("it does not open: {why}")
}

/// A folder that was put aside.
fn aside(folder: &Path) -> Option<String> {
    let mut beside = std::fs::read_dir(folder.parent()?).ok()?.flatten();
    beside.find_map(|entry| {
        entry
            .file_name()
            .into_string()
            .ok()
            .filter(|name| name.contains("damaged"))
    })
}

/// The rings hold the newest quarter of an hour, whatever becomes of the disk.
fn live(store: &Store, now: Millis) {
    let from = START.max(now - 14 * MINUTE);
    let reader = store.read();
    let stored: Vec<_> = METRICS.iter().flat_map(|metric| reader.series(metric)).collect();
    assert_eq!(stored.len(), SERIES.iter().sum::<usize>());
    for stored in stored {
        same(stored, from, now, "live");
    }
}

/// What is left in a folder is all that was appended, once.
pub(crate) fn whole(folder: &Path, now: Millis) {
    let store = open(folder, now).unwrap_or_else(|why| panic!("it opens: {why}"));
    let stats = store.history().expect("a history");
    assert_eq!((stats.corrupt, stats.failing), (0, None));
    if now == START {
        // It failed before anything was kept.
        return;
    }
    live(&store, now);
    let finest = START.max(now - KEEP);
    for (step, from) in [(SECOND, finest), (TICK, START), (MINUTE, START), (15 * MINUTE, START)] {
        let past = Past {
            from,
            to: now,
            step,
            admits: &|_| true,
            work: 100_000_000,
        };
        let reader = store.past(&METRICS, &past).expect("not too much");
        let stored: Vec<_> = METRICS.iter().flat_map(|metric| reader.series(metric)).collect();
        assert_eq!(stored.len(), SERIES.iter().sum::<usize>(), "series at {step}");
        for stored in stored {
            if step <= TICK {
                same(stored, from, now, "past");
            } else {
                folded(stored, now, step);
            }
        }
    }
    let stats = store.history().expect("a history");
    assert_eq!((stats.corrupt, stats.failing), (0, None));
}

fn number_of(stored: &Stored) -> usize {
    let number = stored.series().labels().get("n").and_then(|n| n.parse().ok());
    number.expect("its number")
}

/// Every tick is there with its value, once.
fn same(stored: &Stored, from: Millis, to: Millis, what: &str) {
    let (n, name) = (number_of(stored), stored.series().name());
    let (base, offsets) = stored.times();
    let times: Vec<_> = offsets.iter().map(|offset| base + Millis::from(*offset)).collect();
    let ticks: Vec<_> = (from / TICK..to / TICK).collect();
    let kept = times.iter().filter(|time| (from..to).contains(time));
    assert!(
        kept.copied().eq(ticks.iter().map(|tick| tick * TICK + 850)),
        "{what}: {name} {n} has {} of {} ticks",
        times.iter().filter(|time| (from..to).contains(time)).count(),
        ticks.len()
    );
    let first = times.partition_point(|time| *time < from);
    match stored.ring() {
        Ring::Gauge(ring) => {
            let values = ring.values()[first..].iter().copied();
            assert!(
                values.take(ticks.len()).eq(ticks.iter().map(|tick| gauge_at(*tick, n))),
                "{what}: {name} {n}"
            );
        }
        Ring::Counter(ring) => {
            let grown = ring.total()[first..].windows(2).all(|pair| pair[1] - pair[0] == GROWTH);
            assert!(grown, "{what}: {name} {n} grows by what it grew");
        }
        Ring::Histogram(ring) => {
            let found = ring.single(from, to).map(|(_, one)| one.count());
            assert!(
                found.eq(ticks.iter().map(|tick| observed_at(*tick, n))),
                "{what}: {name} {n}"
            );
        }
    }
}

/// The slots of a coarser tier hold as much as was appended.
fn folded(stored: &Stored, now: Millis, step: Millis) {
    let (n, name) = (number_of(stored), stored.series().name());
    let ticks = START / TICK..now / TICK;
    let all = (now - START) / TICK;
    match stored.ring() {
        Ring::Gauge(ring) => {
            let folds = ring.folds().expect("slots");
            assert_eq!(folds.count.iter().copied().map(Millis::from).sum::<Millis>(), all);
            let expected: f64 = ticks.map(|tick| gauge_at(tick, n)).sum();
            let found: f64 = folds.sum.iter().sum();
            assert!(
                (found - expected).abs() < 1e-3,
                "{name} {n} in slots of {step}: {found}, not {expected}"
            );
        }
        Ring::Counter(ring) => {
            // The first has nothing that it grew from.
            let grown = ring.total().last().copied();
            assert_eq!(grown, Some(GROWTH * (all - 1) as f64), "{name} {n} in slots of {step}");
        }
        Ring::Histogram(ring) => {
            let mut found = 0;
            ring.each(START, now, &mut |one| found += one.count());
            let expected: u64 = ticks.map(|tick| observed_at(tick, n)).sum();
            assert_eq!(found, expected, "{name} {n} in slots of {step}");
        }
    }
}
