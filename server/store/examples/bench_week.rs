//! Days of 1,000 series, some of them histograms, at a second, simulated: does the memory stay where it is? Prints a line every six hours.
//!
//! `cargo run --release -p keiki-store --example bench_week DAYS NUMBERS HISTOGRAMS` (7, 950, 50); a week takes tens of
//! minutes.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::HistorySettings;
use keiki_store::{Limits, SourceClass, SourceId, Store};

use self::mix::{durations, memory, value};

mod mix;

const START: Millis = 1_763_800_000_000;
const HOUR: Millis = 3_600 * SECOND;

/// Bytes and number of the files in a folder.
fn size(path: &Path) -> (u64, u64) {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        _ => (entry.metadata().map_or(0, |data| data.len()), 1),
    };
    entries.map(of).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<i64>().ok());
    let days = arguments.next().unwrap_or(7);
    let (numbers, histograms) = (arguments.next().unwrap_or(950), arguments.next().unwrap_or(50));
    let folder = std::env::temp_dir().join(format!("keiki-bench-week-{}", std::process::id()));
    let settings = HistorySettings::new(&folder);
    let store = Store::open(Limits::default(), &SourceClass::ALL, settings, START).expect("a history");
    let source = SourceId::new("bench", SourceClass::Own);
    let labels = |n: i64| Labels::new([(HOST_NAME, "bench".to_owned()), ("n", n.to_string())]);
    let number = |n: i64| {
        let (name, kind) = if n % 10 >= 7 {
            ("bench_total", Kind::Counter)
        } else {
            ("bench", Kind::Gauge)
        };
        Series::new(name, labels(n), kind, Some(1_000))
    };
    let histogram = |n: i64| Series::new("bench_seconds", labels(n), Kind::Histogram, Some(1_000));
    let series: Vec<Arc<Series>> = (0..numbers).map(number).chain((0..histograms).map(histogram)).collect();
    let began = Instant::now();
    println!("hours  resident MB  largest MB  disk MB  files  of that known to the store MB  minutes");
    for second in 0..days * 24 * 3_600 {
        let now = START + second * SECOND;
        let samples = series
            .iter()
            .zip(0..)
            .map(|(series, n)| match series.kind() {
                Kind::Histogram => Sample::distribution(series, now + 850, durations(n, second).into()),
                _ => Sample::number(series, now + 850, value(n, second)),
            })
            .collect();
        store.append(&source, samples, now + 850);
        while store.tend(now + SECOND) {}
        if (second + 1) * SECOND % (6 * HOUR) == 0 {
            let (bytes, files) = size(&folder);
            let known = store.history().unwrap_or_default().bytes;
            println!(
                "{:>5}  {:>11.1}  {:>10.1}  {:>7.1}  {files:>5}  {:>29.1}  {:>7.1}",
                (second + 1) / 3_600,
                memory("VmRSS:"),
                memory("VmHWM:"),
                bytes as f64 / 1e6,
                known as f64 / 1e6,
                began.elapsed().as_secs_f64() / 60.0
            );
        }
    }
    drop(store);
    let _ = std::fs::remove_dir_all(&folder);
}
