//! How long it takes to open a history again: days of many series, by the second at the end.
//!
//! `cargo run --release -p keiki-store --example bench_open SERIES HOURS` (10000, 48); it takes minutes to fill.

use std::sync::Arc;
use std::time::Instant;

use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::HistorySettings;
use keiki_store::{Limits, SourceClass, SourceId, Store};

use self::mix::{durations, memory, value};

mod mix;

const START: Millis = 1_763_800_000_000;
/// By the second from so long before the end, before that every ten: what is opened are the newest 16 minutes.
const FINE: Millis = 25 * 60 * SECOND;
/// How often it is opened.
const ROUNDS: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<i64>().ok());
    let (count, hours) = (arguments.next().unwrap_or(10_000), arguments.next().unwrap_or(48));
    let folder = std::env::temp_dir().join(format!("keiki-bench-open-{}", std::process::id()));
    let open = |now: Millis| {
        Store::open(Limits::default(), &SourceClass::ALL, HistorySettings::new(&folder), now).expect("a history")
    };
    let series: Vec<Arc<Series>> = (0..count)
        .map(|n| {
            let labels = Labels::new([(HOST_NAME, "bench".to_owned()), ("n", n.to_string())]);
            let (name, kind) = match n % 20 {
                0 => ("bench_seconds", Kind::Histogram),
                1..=6 => ("bench_total", Kind::Counter),
                _ => ("bench", Kind::Gauge),
            };
            Series::new(name, labels, kind, Some(1_000))
        })
        .collect();
    let source = SourceId::new("bench", SourceClass::Own);
    let store = open(START);
    let end = START + hours * 3_600 * SECOND;
    let mut now = START;
    while now < end {
        let second = now / SECOND;
        let one = |(n, series): (u64, &Arc<Series>)| match series.kind() {
            Kind::Histogram => Sample::distribution(series, now + 850, durations(n, second).into()),
            Kind::Counter => Sample::number(series, now + 850, (second * 3) as f64),
            Kind::Gauge => Sample::number(series, now + 850, value(n, second)),
        };
        let samples = (0..).zip(&series).map(one).collect();
        let appended = store.append(&source, samples, now + 850);
        assert_eq!(appended.accepted, series.len() as u64, "{:?}", appended.rejected);
        now += if end - now <= FINE { SECOND } else { 10 * SECOND };
        while store.tend(now) {}
    }
    store.flush(now);
    drop(store);
    println!("{count} series over {hours} h; resident {:.0} MB", memory("VmRSS:"));
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let store = open(now);
        println!(
            "opened again in {:.2} s, {} series",
            began.elapsed().as_secs_f64(),
            store.stats().series
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
}
