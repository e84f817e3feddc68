//! A disk that takes nothing more: the live part goes on, the status says since when nothing is kept, and when there is
//! room again all that the rings still hold is written.
//!
//! A limit on the size of files stands for the disk. It holds for a whole process, so that the test runs itself anew;
//! the shell in between ignores the signal that would end who hits the limit.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::{HistorySettings, Past};
use keiki_store::{Limits, Ring, SourceClass, SourceId, Store};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const FOLDER: &str = "KEIKI_FULL_FOLDER";
const START: Millis = 1_763_800_000_000;
const SERIES: usize = 200;

/// How large a file may become; `None` for any size.
fn limit(bytes: Option<u64>) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    let current = bytes.or(maximum);
    setrlimit(Resource::Fsize, Rlimit { current, maximum }).expect("a limit below the hard one");
}

fn largest_file(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("the folder").flatten();
    let size = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => largest_file(&entry.path()),
        // What is written, not what is reserved.
        _ => entry.metadata().map_or(0, |data| data.blocks() * 512),
    };
    entries.map(size).max().unwrap_or(0)
}

struct Bench {
    store: Store,
    series: Vec<std::sync::Arc<Series>>,
    source: SourceId,
    now: Millis,
}

impl Bench {
    fn new(folder: &Path) -> Self {
        let labels = |n: usize| Labels::new([(HOST_NAME, "h".to_owned()), ("n", n.to_string())]);
        Self {
            store: open(folder, START),
            series: (0..SERIES)
                .map(|n| Series::new("full", labels(n), Kind::Gauge, Some(1_000)))
                .collect(),
            source: SourceId::new("full", SourceClass::Own),
            now: START,
        }
    }

    fn tick(&mut self) {
        let time = self.now + 850;
        let value = (self.now - START) as f64;
        let samples = self.series.iter().map(|series| Sample::number(series, time, value));
        let appended = self.store.append(&self.source, samples.collect(), time);
        assert_eq!(appended.accepted, SERIES as u64, "the live part goes on");
        self.now += SECOND;
        while self.store.tend(self.now) {}
    }

    /// There is room again.
    fn recover(&self) {
        limit(None);
        let began = Instant::now();
        while self.failing().is_some() {
            while self.store.tend(self.now) {}
            assert!(began.elapsed() < Duration::from_secs(20), "it comes back by itself");
            std::thread::yield_now();
        }
    }

    fn failing(&self) -> Option<(Millis, String)> {
        self.store.history().expect("a history").failing
    }
}

fn fill_and_recover(folder: &Path) {
    let mut bench = Bench::new(folder);
    (0..400).for_each(|_| bench.tick());
    assert_eq!(bench.failing(), None);

    limit(Some(largest_file(folder) + 1_000));
    let full = bench.now;
    while bench.failing().is_none() {
        bench.tick();
        assert!(bench.now < full + 400 * SECOND, "the limit is hit");
    }
    let (since, why) = bench.failing().expect("a reason");
    assert!((full..=bench.now).contains(&since), "since {since}");
    assert!(why.contains("File too large"), "{why}");
    (0..60).for_each(|_| bench.tick());
    assert_eq!(
        bench.failing().map(|(since, _)| since),
        Some(since),
        "it does not forget since when"
    );

    bench.recover();
    bench.tick();
    // What had no room is kept again at once, not only when its record is made: nothing is flushed here.
    let now = bench.now;
    bench.store = Store::new(Limits::default());
    bench.store = open(folder, now);
    whole(&bench.store, now);
    (0..700).for_each(|_| bench.tick());
    bench.store.flush(bench.now);
    let now = bench.now;
    drop(bench);
    whole(&open(folder, now), now);
}

/// Longer than the rings remember.
fn fill_and_recover_late(folder: &Path) {
    let mut bench = Bench::new(folder);
    (0..400).for_each(|_| bench.tick());
    limit(Some(largest_file(folder) + 1_000));
    while bench.failing().is_none() {
        bench.tick();
    }
    let full = bench.now;
    (0..30 * 60).for_each(|_| bench.tick());
    bench.recover();
    (0..700).for_each(|_| bench.tick());
    let past = Past {
        from: START,
        to: full,
        step: SECOND,
        admits: &|_| true,
        work: 10_000_000,
    };
    let reader = bench.store.past(&["full"], &past).expect("not too much");
    let mut found = 0;
    for stored in reader.series("full") {
        let (base, offsets) = stored.times();
        let before = offsets.iter().filter(|offset| base + Millis::from(**offset) < full);
        // But for the second in which it failed.
        assert!(
            before.count() as Millis >= (full - START) / SECOND - 2,
            "what was written stays"
        );
        found += 1;
    }
    assert_eq!(found, SERIES);
}

fn open(folder: &Path, now: Millis) -> Store {
    Store::open(Limits::default(), &SourceClass::ALL, HistorySettings::new(folder), now).expect("it opens")
}

/// Every second since the start is there.
fn whole(store: &Store, now: Millis) {
    let past = Past {
        from: START,
        to: now,
        step: SECOND,
        admits: &|_| true,
        work: 10_000_000,
    };
    let reader = store.past(&["full"], &past).expect("not too much");
    let mut found = 0;
    for stored in reader.series("full") {
        let Ring::Gauge(ring) = stored.ring() else {
            panic!("gauges")
        };
        assert_eq!(
            ring.values().len() as Millis,
            (now - START) / SECOND,
            "nothing is missing"
        );
        found += 1;
    }
    assert_eq!(found, SERIES);
}

/// Runs a test in a process of its own, whose limit may be hit.
fn alone(test: &str, run: fn(&Path)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return run(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().expect("this test"))
        .arg(test)
        .env(FOLDER, folder.path().join("history"))
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_full_disk_costs_nothing_that_memory_still_holds() {
    alone("a_full_disk_costs_nothing_that_memory_still_holds", fill_and_recover);
}

#[test]
fn a_disk_that_was_full_for_long_costs_nothing_that_was_written() {
    alone(
        "a_disk_that_was_full_for_long_costs_nothing_that_was_written",
        fill_and_recover_late,
    );
}
