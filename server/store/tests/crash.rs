//! Kills a process that appends, at a random moment, again and again: what had been appended more than a second before
//! is there afterwards, whole, and once: also what came late and waits for its place. `KEIKI_KILLS` says how often; ten
//! times if it says nothing.
//!
//! The process that is killed is this test itself, started anew with a folder to write to.

#[path = "crash/late.rs"]
mod late;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::{HistorySettings, Past};
use keiki_store::{Limits, Ring, SourceClass, SourceId, Store, Stored};

const FOLDER: &str = "KEIKI_CRASH_FOLDER";
const FROM: &str = "KEIKI_CRASH_FROM";
const SLOW: &str = "KEIKI_CRASH_SLOW";
const AGAIN: &str = "KEIKI_CRASH_AGAIN";
const START: Millis = 1_763_800_000_000;

/// How long a second takes: 300 of them, a record's worth, pass in less than one.
const TICK: Duration = Duration::from_millis(2);

/// And how long where several processes die before a record is due: what is late waits longer than they live.
const SLOW_TICK: Duration = Duration::from_millis(8);

/// How often the server tends its history.
const TENDED: Duration = Duration::from_millis(250);

/// What the process says when it begins to tend it.
const TENDS: &str = "tends";

/// Within how long of that every second death falls, microseconds: late samples are put into their place then.
const MIDST: u64 = 30_000;

const SERIES: usize = 40;

fn open(folder: &Path, now: Millis) -> Store {
    Store::open(Limits::default(), &SourceClass::ALL, HistorySettings::new(folder), now).expect("the history opens")
}

fn series() -> Vec<Arc<Series>> {
    let one = |n: usize| {
        let kind = if n.is_multiple_of(2) {
            Kind::Gauge
        } else {
            Kind::Counter
        };
        let labels = Labels::new([(HOST_NAME, "h".to_owned()), ("n", n.to_string())]);
        Series::new("crash", labels, kind, Some(1_000))
    };
    (0..SERIES).map(one).collect()
}

fn value_at(second: i64, n: usize) -> f64 {
    (second - START / SECOND) as f64 + n as f64 / 1_000.0
}

/// The process that is killed: appends, and says which second it has appended. What came late in the seconds since `again`
/// nobody has told its sender to be kept: it sends that again.
fn append_for_ever(folder: &Path, again: i64, from: Millis, tick: Duration) -> ! {
    let store = open(folder, from);
    let tended = store.clone();
    std::thread::spawn(move || {
        loop {
            writeln!(std::io::stdout(), "{TENDS}").expect("the parent reads");
            while tended.tend(now(&tended)) {}
            std::thread::sleep(TENDED);
        }
    });
    let (series, source) = (series(), SourceId::new("crash", SourceClass::Own));
    let late = late::series();
    let mut came: Vec<Sample> = (again..from / SECOND)
        .flat_map(|second| late::samples(&late, second))
        .collect();
    let mut out = std::io::stdout();
    for second in from / SECOND.. {
        let time = second * SECOND + 850;
        let samples = series
            .iter()
            .enumerate()
            .map(|(n, series)| Sample::number(series, time, value_at(second, n)));
        let mut samples: Vec<Sample> = samples.collect();
        samples.append(&mut came);
        samples.extend(late::samples(&late, second));
        store.append(&source, samples, time);
        writeln!(out, "{second}").expect("the parent reads");
        std::thread::sleep(tick);
    }
    unreachable!("it is killed")
}

/// The clock of the store's samples.
fn now(store: &Store) -> Millis {
    let reader = store.read();
    reader
        .series("crash")
        .filter_map(keiki_store::Stored::newest)
        .max()
        .unwrap_or(START)
}

fn times(stored: &Stored) -> impl Iterator<Item = Millis> {
    let (base, offsets) = stored.times();
    offsets.iter().map(move |offset| base + Millis::from(*offset))
}

/// The number that a series has in its label.
fn number(stored: &Stored) -> usize {
    let n = stored.series().labels().get("n");
    n.and_then(|n| n.parse().ok()).expect("its number")
}

fn told(name: &str) -> i64 {
    let told = std::env::var(name).ok().and_then(|told| told.parse().ok());
    told.expect("a number")
}

#[test]
fn a_killed_process_loses_at_most_its_last_second() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let tick = if told(SLOW) > 0 { SLOW_TICK } else { TICK };
        append_for_ever(&PathBuf::from(folder), told(AGAIN), told(FROM), tick);
    }
    let kills: u64 = std::env::var("KEIKI_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(10);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history");
    let (mut again, mut from) = (START / SECOND, START);
    let mut known = late::Known::default();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for kill in 0..kills {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let fate = Fate {
            slow: kill % 4 >= 2,
            lives: Duration::from_millis(1_050 + (random >> 33) % 900),
            midst: (kill % 2 == 1).then_some(Duration::from_micros((random >> 20) % MIDST)),
        };
        let acknowledged = run_and_kill(&path, again, from, &fate);
        let opened = Instant::now();
        let store = open(&path, acknowledged.map_or(from, |second| second * SECOND));
        let opened = opened.elapsed();
        assert!(opened < Duration::from_secs(1), "kill {kill}: opened in {opened:?}");
        let next = from.max((now(&store) / SECOND + 1) * SECOND);
        if let Some(acknowledged) = acknowledged {
            check(&store, from, acknowledged, kill);
            known.lived(late::Life {
                again,
                from: from / SECOND,
                acknowledged,
            });
            again = acknowledged + 1;
            // Now and then the next process finds all as this one left it.
            if kill % 3 != 1 || kill + 1 == kills {
                known.check(&store, now(&store), kill);
            }
        }
        from = next;
    }
}

/// How a process lives, and when it is killed.
struct Fate {
    slow: bool,
    lives: Duration,
    /// So long after it next began to tend the history.
    midst: Option<Duration>,
}

/// Starts the other process, lets it live, kills it; the newest second that it had appended a second before.
fn run_and_kill(folder: &Path, again: i64, from: Millis, fate: &Fate) -> Option<i64> {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "a_killed_process_loses_at_most_its_last_second",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .env(AGAIN, again.to_string())
        .env(SLOW, u8::from(fate.slow).to_string())
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the process starts");
    let lines = BufReader::new(child.stdout.take().expect("its output"));
    let (tends, begun) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let lines = lines.lines().map_while(Result::ok);
        let lines = lines.inspect(|line| {
            if line == TENDS {
                tends.send(()).expect("somebody waits");
            }
        });
        lines
            .filter_map(|line| Some((Instant::now(), line.parse::<i64>().ok()?)))
            .collect::<Vec<_>>()
    });
    std::thread::sleep(fate.lives);
    if let Some(midst) = fate.midst {
        begun.try_iter().for_each(drop);
        begun
            .recv_timeout(Duration::from_secs(5))
            .expect("it tends the history");
        std::thread::sleep(midst);
    }
    let killed = Instant::now();
    child.kill().expect("SIGKILL");
    child.wait().expect("it ended");
    let seen = reader.join().expect("the reader ends with the output");
    let old = |(time, _): &&(Instant, i64)| killed.duration_since(*time) >= Duration::from_secs(1);
    seen.iter().rfind(old).map(|(_, second)| *second)
}

fn check(store: &Store, from: Millis, acknowledged: i64, kill: u64) {
    let to = (acknowledged + 1) * SECOND;
    let past = Past {
        from,
        to,
        step: SECOND,
        admits: &|_| true,
        work: 100_000_000,
    };
    let reader = store.past(&["crash"], &past).expect("not too much");
    let mut found = 0;
    for stored in reader.series("crash") {
        let n = number(stored);
        let (Ring::Gauge(ring) | Ring::Counter(ring)) = stored.ring() else {
            panic!("numbers")
        };
        let kept: Vec<_> = times(stored)
            .zip(ring.values())
            .filter(|(time, _)| (from..to).contains(time))
            .collect();
        let expected = (from / SECOND..=acknowledged).map(|second| (second * SECOND + 850, value_at(second, n)));
        assert!(
            kept.iter().map(|(time, value)| (*time, **value)).eq(expected),
            "kill {kill}: series {n} has {} of {} seconds",
            kept.len(),
            acknowledged - from / SECOND + 1
        );
        found += 1;
    }
    assert_eq!(found, SERIES, "kill {kill}");
    let stats = store.history().expect("a history");
    assert_eq!((stats.corrupt, stats.failing), (0, None));
}
