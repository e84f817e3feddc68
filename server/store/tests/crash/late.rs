//! Series of which a share of the samples comes late, by up to as much as is allowed: when each comes, and what must be
//! there after a death.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use keiki_model::histogram::{Distribution, Exponential};
use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::{Past, TIERS};
use keiki_store::{Reader, Ring, Store, Stored};

use crate::{START, times};

/// More than are put into their place in one call.
const SERIES: usize = 24;

/// How late a sample may be, seconds: what [`keiki_store::history::HistorySettings`] says of itself.
const LATEST: i64 = 3_600;

/// So many seconds at a time are late together. Of two neighbours one is in time: a longer gap, which a counter is not
/// followed across, must not depend on what has come yet.
const BLOCK: i64 = 45;

/// The finest tier's records, and how long after their end they are written, seconds.
const STRETCH: i64 = 300;
const SETTLED: i64 = 75;

/// Of what is older than this the samples may be gone, and what waits has no place any more, seconds.
const SAMPLES: i64 = 5_300;

const FIRST: i64 = START / SECOND;

/// Names of metrics, by kind.
const METRICS: [(&str, Kind); 3] = [
    ("late", Kind::Gauge),
    ("late_total", Kind::Counter),
    ("late_seconds", Kind::Histogram),
];

pub(crate) fn series() -> Vec<Arc<Series>> {
    let one = |n: usize| {
        let (name, kind) = METRICS[n % METRICS.len()];
        let labels = Labels::new([(HOST_NAME, "h".to_owned()), ("n", n.to_string())]);
        Series::new(name, labels, kind, Some(1_000))
    };
    (0..SERIES).map(one).collect()
}

/// How late the samples of a block are, seconds.
fn delay(n: usize, block: i64) -> i64 {
    let mixed = (block as u64)
        .wrapping_mul(SERIES as u64)
        .wrapping_add(n as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let random = ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as i64;
    // The first is never in time: no ring knows it.
    if n > 0 && (block % 2 == 0 || random % 2 == 0) {
        return 0;
    }
    match random / 2 % 8 {
        // What the rings still take.
        0 if n > 0 => 1 + random / 16 % 60,
        1 => LATEST,
        // Where the five minutes of a sample may have no record yet.
        2 | 3 => 61 + random / 16 % 400,
        _ => 61 + random / 16 % (LATEST - 60),
    }
}

/// In which second a sample comes.
fn due(n: usize, second: i64) -> i64 {
    second + delay(n, second.div_euclid(BLOCK))
}

fn gauge_at(second: i64, n: usize) -> f64 {
    ((second - FIRST) as f64 * 0.618_033_988_749_894_9 + n as f64).fract() * 100.0
}

fn counter_at(second: i64, n: usize) -> f64 {
    ((second - FIRST) * 3 + second % 3 + n as i64) as f64
}

fn durations_at(second: i64, n: usize) -> Distribution {
    let mut durations = Exponential::new();
    durations.record_n(0.001 * (1 + second % 97) as f64, 1 + (second as u64 + n as u64) % 5);
    durations.into()
}

fn time_of(second: i64) -> Millis {
    second * SECOND + 850
}

/// All samples that come in a second.
pub(crate) fn samples(series: &[Arc<Series>], come: i64) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (n, series) in series.iter().enumerate() {
        for block in (come - LATEST).div_euclid(BLOCK)..=come.div_euclid(BLOCK) {
            let second = come - delay(n, block);
            if second.div_euclid(BLOCK) == block && second >= FIRST {
                let time = time_of(second);
                samples.push(match series.kind() {
                    Kind::Gauge => Sample::number(series, time, gauge_at(second, n)),
                    Kind::Counter => Sample::number(series, time, counter_at(second, n)),
                    Kind::Histogram => Sample::distribution(series, time, durations_at(second, n)),
                });
            }
        }
    }
    samples
}

/// What a process did: sent again what came in the seconds since `again`, went on from `from`, and had appended all that
/// came up to `acknowledged` a second before it died.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    pub(crate) again: i64,
    pub(crate) from: i64,
    pub(crate) acknowledged: i64,
}

impl Life {
    fn keeps(&self, n: usize, second: i64) -> bool {
        let due = due(n, second);
        (self.from..=self.acknowledged).contains(&due)
            || (self.again..self.from).contains(&due) && self.from <= self.acknowledged && self.from - second <= LATEST
    }
}

/// What is known of the series from life to life.
#[derive(Default)]
pub(crate) struct Known {
    lives: Vec<Life>,
    /// The seconds of which there was a sample when they were last looked at, by series.
    there: BTreeMap<usize, BTreeSet<i64>>,
}

/// What the samples of a slot come to.
struct Slot {
    newest: i64,
    values: Vec<f64>,
    observed: (u64, f64),
}

impl Known {
    pub(crate) fn lived(&mut self, life: Life) {
        self.lives.push(life);
    }

    /// Puts what waits into its place, and looks at each sample and at all that is made of them.
    pub(crate) fn check(&mut self, store: &Store, now: Millis, kill: u64) {
        while store.tend(now) {}
        let now = now / SECOND;
        let closed = (now - SETTLED).div_euclid(STRETCH) * STRETCH;
        self.check_samples(store, (now - SAMPLES).max(FIRST), closed, now, kill);
        for tier in &TIERS[1..] {
            self.check_slots(store, closed, tier.step / SECOND, kill);
        }
        let stats = store.history().expect("a history");
        assert_eq!((stats.corrupt, stats.failing, stats.lost), (0, None, 0), "kill {kill}");
    }

    fn check_samples(&mut self, store: &Store, from: i64, to: i64, now: i64, kill: u64) {
        let reader = past(store, from, to, 1);
        let lives: Vec<Life> = self
            .lives
            .iter()
            .copied()
            .filter(|life| life.acknowledged >= from)
            .collect();
        let mut there: BTreeMap<usize, BTreeSet<i64>> = BTreeMap::new();
        for (n, stored) in found(&reader) {
            let (base, offsets) = stored.times();
            let seconds = offsets.iter().map(|offset| (base + Millis::from(*offset)) / SECOND);
            let within: Vec<i64> = seconds.filter(|second| (from..to).contains(second)).collect();
            assert!(
                within.is_sorted_by(|one, next| one < next),
                "kill {kill}: series {n} has one twice"
            );
            assert!(
                within.iter().all(|second| due(n, *second) <= now),
                "kill {kill}: series {n} came too soon"
            );
            check_values(stored, n, from..to, kill);
            there.insert(n, within.into_iter().collect());
        }
        for n in 0..SERIES {
            let there = there.remove(&n).unwrap_or_default();
            let kept = |second: &i64| lives.iter().any(|life| life.keeps(n, *second));
            let missing: Vec<i64> = (from..to)
                .filter(|second| kept(second) && !there.contains(second))
                .collect();
            assert!(
                missing.is_empty(),
                "kill {kill}: of series {n} are missing {missing:?} at {now}, closed {to}"
            );
            let all = self.there.entry(n).or_default();
            all.retain(|second| *second < from);
            all.extend(there);
        }
    }

    /// Whether the slots of a tier are what their samples come to, each counted once.
    fn check_slots(&self, store: &Store, closed: i64, step: i64, kill: u64) {
        let (from, to) = (FIRST, closed / step * step);
        let reader = past(store, from, to, step);
        let mut slots: BTreeMap<usize, Vec<Slot>> = self
            .there
            .iter()
            .map(|(n, all)| (*n, folded(*n, all, to, step)))
            .collect();
        for (n, stored) in found(&reader) {
            let expected = slots.remove(&n).unwrap_or_default();
            let what = format!("kill {kill}: series {n}, slots of {step} s");
            let places: Vec<usize> = times(stored)
                .enumerate()
                .filter(|(_, time)| (from * SECOND..to * SECOND).contains(time))
                .map(|(place, _)| place)
                .collect();
            let all: Vec<Millis> = times(stored).collect();
            let newest = places.iter().map(|place| all[*place]);
            let apart = newest.zip(&expected).find(|(time, slot)| *time != time_of(slot.newest));
            assert_eq!(
                apart.map(|(time, slot)| (time, slot.newest)),
                None,
                "{what}: the newest sample"
            );
            assert_eq!(places.len(), expected.len(), "{what}");
            check_folds(stored, &places, &expected, n, &what);
        }
        assert!(
            slots.values().all(Vec::is_empty),
            "kill {kill}: all series have slots of {step} s"
        );
    }
}

fn folded(n: usize, seconds: &BTreeSet<i64>, to: i64, step: i64) -> Vec<Slot> {
    let all: Vec<i64> = seconds.range(..to).copied().collect();
    let slots = all.chunk_by(|one, next| one / step == next / step);
    let of = |seconds: &[i64]| Slot {
        newest: seconds[seconds.len() - 1],
        values: seconds.iter().map(|second| gauge_at(*second, n)).collect(),
        observed: seconds.iter().fold((0, 0.0), |(count, sum), second| {
            let durations = durations_at(*second, n);
            (count + durations.count(), sum + durations.sum())
        }),
    };
    slots.map(of).collect()
}

fn check_folds(stored: &Stored, places: &[usize], expected: &[Slot], n: usize, what: &str) {
    let near = |one: f64, other: f64| (one - other).abs() < 1e-6 * other.abs().max(1.0);
    match stored.ring() {
        Ring::Gauge(ring) => {
            let folds = ring.folds().expect("slots");
            for (&place, Slot { newest, values, .. }) in places.iter().zip(expected) {
                let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
                let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                assert_eq!(
                    folds.count[place] as usize,
                    values.len(),
                    "{what}: the number at {newest}"
                );
                assert!(
                    near(folds.sum[place], values.iter().sum()),
                    "{what}: the sum at {newest}"
                );
                assert_eq!(
                    (folds.min[place], folds.max[place], ring.values()[place]),
                    (smallest, largest, gauge_at(*newest, n)),
                    "{what}: at {newest}"
                );
            }
        }
        Ring::Counter(ring) => {
            let total = ring.total();
            for (places, slots) in places.windows(2).zip(expected.windows(2)) {
                let grown = total[places[1]] - total[places[0]];
                let expected = counter_at(slots[1].newest, n) - counter_at(slots[0].newest, n);
                assert!(
                    near(grown, expected),
                    "{what}: grown by {grown}, not {expected}, at {}",
                    slots[1].newest
                );
            }
        }
        Ring::Histogram(ring) => {
            for Slot {
                newest,
                observed: (count, sum),
                ..
            } in expected
            {
                let time = time_of(*newest);
                let found: Vec<Distribution> = ring.single(time, time + 1).map(|(_, one)| one.into()).collect();
                let [found] = &found[..] else {
                    panic!("{what}: {} distributions at {newest}", found.len())
                };
                assert_eq!(found.count(), *count, "{what}: the number at {newest}");
                assert!(near(found.sum(), *sum), "{what}: the sum at {newest}");
            }
        }
    }
}

fn check_values(stored: &Stored, n: usize, within: std::ops::Range<i64>, kill: u64) {
    let number = |values: &[f64], at: fn(i64, usize) -> f64| {
        for (time, value) in times(stored).zip(values) {
            if within.contains(&(time / SECOND)) {
                assert_eq!(
                    (time, *value),
                    (time_of(time / SECOND), at(time / SECOND, n)),
                    "kill {kill}: series {n}"
                );
            }
        }
    };
    match stored.ring() {
        Ring::Gauge(ring) => number(ring.values(), gauge_at),
        Ring::Counter(ring) => number(ring.values(), counter_at),
        Ring::Histogram(ring) => {
            for (time, one) in ring.single(within.start * SECOND, within.end * SECOND) {
                let expected = (time_of(time / SECOND), durations_at(time / SECOND, n));
                assert_eq!((time, Distribution::from(one)), expected, "kill {kill}: series {n}");
            }
        }
    }
}

fn past(store: &Store, from: i64, to: i64, step: i64) -> Reader<'static> {
    let past = Past {
        from: from * SECOND,
        to: to * SECOND,
        step: step * SECOND,
        admits: &|_| true,
        work: 1_000_000_000,
    };
    store.past(&METRICS.map(|(name, _)| name), &past).expect("not too much")
}

fn found<'a>(reader: &'a Reader<'_>) -> impl Iterator<Item = (usize, &'a Stored)> {
    let all = METRICS.iter().flat_map(|(name, _)| reader.series(name));
    all.map(|stored| (crate::number(stored), stored))
}
