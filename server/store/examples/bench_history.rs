//! What a history costs: time to append and to open, disk by tier, memory. `make bench` runs it; numbers go to
//! `end2end/bench/RESULTS.md`. Arguments: hours to simulate (6), series (1000), histograms (50).

use std::sync::Arc;
use std::time::Instant;

use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::{HistorySettings, Past, TIERS};
use keiki_store::{Limits, SourceClass, SourceId, Store};

use self::mix::{durations, memory, value};

mod mix;

const START: Millis = 1_763_800_000_000;

fn open(path: &std::path::Path, now: Millis) -> Store {
    Store::open(Limits::default(), &SourceClass::ALL, HistorySettings::new(path), now).expect("a history")
}

fn size(path: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        _ => entry.metadata().map_or(0, |data| data.len()),
    };
    entries.map(of).sum()
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let hours = arguments.next().unwrap_or(6);
    let (numbers, histograms) = (arguments.next().unwrap_or(1_000), arguments.next().unwrap_or(50));
    let folder = std::env::temp_dir().join(format!("keiki-bench-history-{}", std::process::id()));
    let labels = |n: u64| Labels::new([(HOST_NAME, "bench".to_owned()), ("n", n.to_string())]);
    let kind = |n: u64| if n % 10 >= 7 { Kind::Counter } else { Kind::Gauge };
    let series: Vec<Arc<Series>> = (0..numbers)
        .map(|n| {
            Series::new(
                if n % 10 >= 7 { "bench_total" } else { "bench" },
                labels(n),
                kind(n),
                Some(1_000),
            )
        })
        .chain((0..histograms).map(|n| Series::new("bench_seconds", labels(n), Kind::Histogram, Some(1_000))))
        .collect();
    let source = SourceId::new("bench", SourceClass::Own);
    let store = open(&folder, START);
    let (mut appending, mut tending, mut samples_in) = (0.0, 0.0, 0u64);
    let end = START + Millis::try_from(hours).unwrap_or(1) * 3_600 * SECOND;
    let mut now = START;
    while now < end {
        let second = now / SECOND;
        let time = now + 850;
        let one = |(n, series): (usize, &Arc<Series>)| match series.kind() {
            Kind::Histogram => Sample::distribution(series, time, durations(n as u64, second).into()),
            _ => Sample::number(series, time, value(n as u64, second)),
        };
        let samples: Vec<_> = series.iter().enumerate().map(one).collect();
        samples_in += samples.len() as u64;
        let began = Instant::now();
        store.append(&source, samples, time);
        appending += began.elapsed().as_secs_f64();
        now += SECOND;
        let began = Instant::now();
        while store.tend(now) {}
        tending += began.elapsed().as_secs_f64();
    }
    store.flush(now);
    let stats = store.history().unwrap_or_default();
    let per_second = samples_in as f64 / (appending + tending);
    println!("{numbers} numbers and {histograms} histograms for {hours} h: {samples_in} samples");
    println!(
        "append {appending:.1} s, keep {tending:.1} s: {:.2} M samples/s with all that is kept",
        per_second / 1e6
    );
    for (tier, (rows, bytes)) in TIERS.iter().zip(stats.written) {
        println!(
            "{:>4}: {rows} slots, {:.3} bytes each",
            tier.name,
            bytes as f64 / rows.max(1) as f64
        );
    }
    println!(
        "on disk, all of it: {:.1} MB; resident {:.1} MB",
        size(&folder) as f64 / 1e6,
        memory("VmRSS:")
    );
    for (metric, step, back) in [
        ("bench", 10, 3_600),
        ("bench_total", 60, 5 * 3_600),
        ("bench_seconds", 60, 5 * 3_600),
    ] {
        let past = Past {
            from: now - back * SECOND,
            to: now,
            step: step * SECOND,
            admits: &|_| true,
            work: usize::MAX,
        };
        let began = Instant::now();
        let reader = store.past(&[metric], &past).expect("no limit");
        let found = reader.series(metric).count();
        println!(
            "{metric}: {found} series over {back} s at {step} s read in {:.1} ms",
            began.elapsed().as_secs_f64() * 1e3
        );
    }
    drop(store);
    let began = Instant::now();
    let store = open(&folder, now);
    println!(
        "opened again in {:.2} s, {} series",
        began.elapsed().as_secs_f64(),
        store.stats().series
    );
    drop(store);
    let _ = std::fs::remove_dir_all(&folder);
}
