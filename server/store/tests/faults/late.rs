//! Late samples of which the disk does not give a part, because it is damaged or because it never answers there.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::{HistorySettings, Past};
use keiki_store::{Limits, SourceClass, SourceId, Store};

use crate::trap::{Trap, pass};

const START: Millis = 1_763_800_200_000;
const TICK: Millis = 10 * SECOND;

/// Together more than the engine keeps in memory.
const SERIES: usize = 250;
const SECONDS: i64 = 1_200;

/// How many of the series may share a block with those that cannot be read.
const NEIGHBOURS: usize = 25;

struct Bench {
    store: Store,
    source: SourceId,
    now: Millis,
}

fn open(folder: &Path, now: Millis) -> Store {
    Store::open(Limits::default(), &SourceClass::ALL, HistorySettings::new(folder), now).expect("it opens")
}

impl Bench {
    fn append(&self, samples: Vec<Sample>) {
        let count = samples.len() as u64;
        let appended = self.store.append(&self.source, samples, self.now);
        assert_eq!(appended.accepted, count, "{:?}", appended.rejected);
    }

    fn run(&mut self, ticks: i64) {
        let clock = Series::new("clock", Labels::none(), Kind::Gauge, Some(TICK as u32));
        for _ in 0..ticks {
            self.append(vec![Sample::number(&clock, self.now, self.now as f64)]);
            self.now += TICK;
            pass(TICK / SECOND);
            while self.store.tend(self.now) {}
        }
    }

    fn failing(&self) -> Option<(Millis, String)> {
        self.store.history().expect("a history").failing
    }

    /// How many series have all their samples.
    fn whole(&self) -> usize {
        let past = Past {
            from: START,
            to: START + SECONDS * SECOND,
            step: SECOND,
            admits: &|_| true,
            work: 10_000_000,
        };
        let reader = self.store.past(&["late"], &past).expect("not too much");
        let whole = reader
            .series("late")
            .filter(|stored| stored.times().1.len() == SECONDS as usize);
        whole.count()
    }
}

/// The one large file below a folder, if it is there already.
fn large(folder: &Path) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return large(&path);
        }
        let is_table = path.parent().is_some_and(|parent| parent.ends_with("tables"));
        (is_table && entry.metadata().is_ok_and(|data| data.len() > 500_000)).then_some(path)
    })
}

pub(crate) fn run(folder: &Path, trap: &Trap, damaged: bool) {
    let mut bench = Bench {
        store: open(folder, START),
        source: SourceId::new("late", SourceClass::Own),
        now: START + 2_000 * SECOND,
    };
    let series: Vec<Arc<Series>> = (0..SERIES)
        .map(|n| {
            let labels = Labels::new([(HOST_NAME, "h".to_owned()), ("n", n.to_string())]);
            Series::new("late", labels, Kind::Gauge, Some(1_000))
        })
        .collect();
    let value = |second: i64, n: usize| ((second * 250 + n as i64) as f64 * 0.618_033_988_749_894_9).fract();
    let samples = series.iter().enumerate().flat_map(|(n, series)| {
        (0..SECONDS).map(move |second| Sample::number(series, START + second * SECOND, value(second, n)))
    });
    bench.append(samples.collect());
    // Written, but not put into their place.
    bench.store.flush(bench.now);
    let began = Instant::now();
    let table = loop {
        bench.append(vec![Sample::number(&series[0], START - 100 * SECOND, 1.0)]);
        bench.store.flush(bench.now);
        if let Some(table) = large(folder) {
            break table;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "the engine's memory is full");
        std::thread::yield_now();
    };
    let Bench { store, source, now } = bench;
    drop(store);
    if damaged {
        let mut file = std::fs::OpenOptions::new().write(true).open(&table).expect("the file");
        file.seek(SeekFrom::Start(200)).expect("it is longer");
        file.write_all(&[0xaa; 64]).expect("room");
    } else {
        trap.hide(Some(table));
    }
    bench = Bench {
        store: open(folder, now),
        source,
        now,
    };
    bench.run(60);
    assert_eq!(bench.failing(), None, "it comes to an end");
    let whole = bench.whole();
    assert!((SERIES - NEIGHBOURS..SERIES).contains(&whole), "{whole} are whole");
    let stats = bench.store.history().expect("a history");
    assert!(stats.corrupt > 0, "what is left out is counted");
    // Nor does it cost anything from then on.
    let again = Sample::number(&series[SERIES - 1], bench.now - 700 * SECOND + 1, 1.0);
    bench.append(vec![again]);
    for _ in 0..60 {
        bench.run(1);
        assert_eq!(bench.failing(), None, "once is enough");
    }
    if damaged {
        return;
    }
    trap.hide(None);
    let Bench { store, source, now } = bench;
    drop(store);
    bench = Bench {
        store: open(folder, now),
        source,
        now,
    };
    bench.run(60);
    assert_eq!(bench.whole(), SERIES, "they waited for the next start");
}
