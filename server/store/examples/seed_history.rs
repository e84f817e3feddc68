//! Fills a data directory with a made-up host, for tests and for looking at: some days by the minute, the newest two hours
//! by the second, and in them one second in which all memory was in use.
//!
//! Arguments: the folder of the history (`<data-dir>/history`), when it ends (Unix milliseconds), how long before that the
//! memory was full (seconds), how many days. The host is called `seeded`. A day takes some seconds, most of them for files
//! that are dropped again.

use std::sync::Arc;

use keiki_model::series::{HOST_NAME, Kind, Labels, Sample, Series};
use keiki_model::time::{Millis, SECOND};
use keiki_store::history::HistorySettings;
use keiki_store::{Limits, SourceClass, SourceId, Store};

const MINUTE: Millis = 60 * SECOND;
const DAY: Millis = 86_400 * SECOND;
/// By the second from so long before the end.
const FINE: Millis = 7_200 * SECOND;

/// From -1 to 1, busiest at two in the afternoon and on weekdays.
fn busy(time: Millis) -> f64 {
    let day = (time % DAY) as f64 / DAY as f64;
    let week = if (time / DAY + 4) % 7 < 5 { 1.0 } else { 0.35 };
    week * (std::f64::consts::TAU * (day - 0.333)).sin()
}

/// The same for the same time, between 0 and 1.
fn noise(time: Millis) -> f64 {
    let mut x = time.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 40) as f64 / (1_u64 << 24) as f64
}

fn series(name: &str, labels: &[(&str, &str)], kind: Kind) -> Arc<Series> {
    let labels = Labels::new([(HOST_NAME, "seeded")].into_iter().chain(labels.iter().copied()));
    Series::new(name, labels, kind, None)
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [folder, end, before, days] = &arguments[..] else {
        eprintln!("seed_history <folder> <end, Unix ms> <seconds before the end> <days>");
        std::process::exit(2);
    };
    let end: Millis = end.parse().expect("Unix milliseconds");
    let full = end - before.parse::<Millis>().expect("seconds") * SECOND;
    let days: Millis = days.parse().expect("a number of days");
    let mode = |mode| series("system_cpu_utilization_ratio", &[("cpu_mode", mode)], Kind::Gauge);
    let network = |direction| {
        let labels = [("network_io_direction", direction), ("network_interface_name", "eth0")];
        series("system_network_io_bytes_total", &labels, Kind::Counter)
    };
    let memory = series("system_memory_utilization_ratio", &[], Kind::Gauge);
    let usage = series("system_cpu_usage_ratio", &[], Kind::Gauge);
    let [user, system] = ["user", "system"].map(mode);
    let [received, sent] = ["receive", "transmit"].map(network);
    let mut bytes = 0.0;

    let mut now = (end - days * DAY) / MINUTE * MINUTE;
    let settings = HistorySettings::new(folder);
    let store = Store::open(Limits::default(), &SourceClass::ALL, settings, now).expect("an empty folder");
    let source = SourceId::new("host", SourceClass::Own);
    while now < end {
        let step = if now < end - FINE { MINUTE } else { SECOND };
        let load = 0.25 + 0.18 * busy(now) + 0.08 * noise(now);
        let is_full = now.div_euclid(SECOND) == full.div_euclid(SECOND);
        let used = if is_full {
            0.98
        } else {
            0.4 + 0.05 * busy(now) + 0.01 * noise(now + 1)
        };
        bytes += load * 2e6 * step as f64 / SECOND as f64;
        let time = now + 850;
        let gauges = [
            (&memory, used),
            (&usage, load),
            (&user, load * 0.7),
            (&system, load * 0.3),
        ];
        let counters = [(&received, bytes), (&sent, bytes / 3.0)];
        let samples = gauges.into_iter().chain(counters);
        let samples = samples.map(|(series, value)| Sample::number(series, time, f64::trunc(value * 1e4) / 1e4));
        store.append(&source, samples.collect(), time);
        now += step;
        // What is kept ages by a few minutes at most from one time to the next.
        if now % (2 * MINUTE) == 0 {
            while store.tend(now) {}
            let failing = store.history().and_then(|stats| stats.failing);
            assert_eq!(failing, None, "the history is kept");
        }
    }
    while store.tend(now) {}
    store.flush(now);
}
