//! Measures the store and the query engine against their budgets, and prints JSON.
//!
//! `cargo run --release -p keiki-server --example bench_store`
//!
//! Panels are measured as the hub asks for them, after each second that the store takes in; `first_ms` is the first time
//! of all, when no line is there to be continued.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use keiki_model::group::Group;
use keiki_model::histogram::Exponential;
use keiki_model::panel::Panel;
use keiki_model::query::{Function, Query, Selector};
use keiki_model::series::{Kind, Labels, Sample, Series};
use keiki_model::time::Millis;
use keiki_model::view::Scope;
use keiki_server::query::{Ask, Engine};
use keiki_server::store::{Limits, SourceClass, SourceId, Store};

use self::panels::{lines, table};

mod panels;

const START: Millis = 1_763_800_007_000;
/// For how many seconds a store is filled before anything is asked.
const FILLED: i64 = 970;
/// How many seconds are then measured.
const TICKS: i64 = 60;
const REQUESTS: &str = "http_server_request_duration_seconds";

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A request's duration, seconds: a few milliseconds, with a tail up to a tenth of a second.
    fn duration(&mut self) -> f64 {
        0.004 * (-self.unit().ln()).powf(1.6) + 0.000_5
    }
}

/// Series that report every second: counters and gauges a number, histograms so many requests.
struct Feeder {
    store: Store,
    source: SourceId,
    series: Vec<(Arc<Series>, f64)>,
    values: Vec<f64>,
    random: Random,
    now: Millis,
}

impl Feeder {
    fn new() -> Self {
        let limits = Limits {
            series: 200_000,
            series_per_metric: 200_000,
            ..Limits::default()
        };
        let source = SourceId::new("bench", SourceClass::Own);
        Self {
            store: Store::new(limits),
            source,
            series: Vec::new(),
            values: Vec::new(),
            random: Random(42),
            now: START,
        }
    }

    /// `count` series of a metric; a histogram records this many requests a second.
    fn add(&mut self, name: &str, kind: Kind, count: usize, label: &str, requests: f64) {
        for n in 0..count {
            let own = (label, format!("v{n}"));
            let identity = [("service_name", "shop".to_owned()), ("host_name", "h".to_owned()), own];
            self.series
                .push((Series::new(name, Labels::new(identity), kind, Some(1_000)), requests));
            self.values.push(0.0);
        }
    }

    /// `routes` routes that are called so often, and fail now and then.
    fn serve(&mut self, routes: usize, requests: f64) {
        for (route, status, requests) in (0..routes).flat_map(|n| [(n, "200", requests), (n, "500", 0.05)]) {
            let labels = Labels::new([
                ("service_name", "shop"),
                ("host_name", "h"),
                ("http_request_method", "GET"),
                ("http_response_status_code", status),
                ("http_route", &format!("/route/{route}")),
            ]);
            self.series
                .push((Series::new(REQUESTS, labels, Kind::Histogram, Some(1_000)), requests));
            self.values.push(0.0);
        }
    }

    /// One second passes.
    fn tick(&mut self) {
        let time = self.now + 850;
        self.now += 1_000;
        let random = &mut self.random;
        let samples = self
            .series
            .iter()
            .zip(&mut self.values)
            .map(|((series, requests), value)| match series.kind() {
                Kind::Histogram => {
                    let mut histogram = Exponential::new();
                    let certain = *requests as usize;
                    let chance = usize::from(random.unit() < requests.fract());
                    (0..certain + chance).for_each(|_| assert!(histogram.record(random.duration())));
                    Sample::distribution(series, time, histogram.into())
                }
                Kind::Counter => {
                    *value += random.unit() * 9.0;
                    Sample::number(series, time, *value)
                }
                Kind::Gauge => Sample::number(series, time, random.unit()),
            });
        self.store.append(&self.source, samples.collect(), time);
    }

    fn filled(mut self) -> Self {
        (0..FILLED).for_each(|_| self.tick());
        self
    }

    /// The time that panels take, milliseconds: at first, and from second to second.
    fn measure(&mut self, panels: &[&Panel]) -> (f64, f64) {
        let engine = Engine::new(self.store.clone(), |_: &str| None);
        let scope = Scope::default();
        let mut times: Vec<_> = (0..TICKS)
            .map(|_| {
                self.tick();
                let ask = Ask {
                    scope: &scope,
                    step: 1,
                    window: 300,
                    to: self.now,
                    now: self.now + 200,
                    as_of: self.now + 200,
                    targets: None,
                };
                let start = Instant::now();
                for panel in panels {
                    assert!(black_box(engine.panel(panel, &ask)).slots > 0);
                }
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        let first = times.remove(0);
        (first, typical(times))
    }
}

/// The lowest decile: what else the machine does only ever adds.
fn typical(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

/// Samples per second through [`Store::append`]: of known series, and of new ones.
fn append() -> (f64, f64) {
    let mut feeder = Feeder::new();
    for metric in 0..100 {
        feeder.add(&format!("metric_{metric}_total"), Kind::Counter, 100, "n", 0.0);
    }
    let count = feeder.series.len() as f64;
    let second = |time: Millis| {
        let samples = feeder
            .series
            .iter()
            .map(|(series, _)| Sample::number(series, time, time as f64))
            .collect();
        let begun = Instant::now();
        black_box(feeder.store.append(&feeder.source, samples, time));
        begun.elapsed().as_secs_f64()
    };
    let new = second(START);
    let known = typical((1..200).map(|n| second(START + n * 1_000)).collect());
    (count / known, count / new)
}

/// The resident memory of this process, bytes.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(f64::NAN) * 4_096.0
}

/// A table of the routes with one column.
fn p95_by_route() -> Panel {
    let query = Query::new(Selector::new("plain_seconds"), Function::Quantile(0.95)).by(&["http_route"]);
    let mut panel = table(query, 50);
    let columns = Group::Api.panels().iter().flat_map(|panel| &panel.spec.columns);
    panel.spec.columns = columns.take(1).cloned().collect();
    panel
}

fn rates() -> Panel {
    lines(Query::new(Selector::new("work_total"), Function::Rate), 8)
}

/// What a machine and a service with 20 routes and little to do report.
fn idle() -> Feeder {
    let mut feeder = Feeder::new();
    feeder.serve(20, 0.3);
    for (name, label, count) in [
        ("system_cpu_utilization_ratio", "cpu_mode", 8),
        ("system_cpu_usage_ratio", "none", 1),
        ("system_memory_utilization_ratio", "none", 1),
        ("system_filesystem_utilization_ratio", "mountpoint", 6),
        ("queue_length", "queue", 3),
        ("cache_size_bytes", "cache_tier", 2),
        ("db_client_connection_count", "db_client_connection_state", 2),
    ] {
        feeder.add(name, Kind::Gauge, count, label, 0.0);
    }
    feeder.add("system_disk_io_bytes_total", Kind::Counter, 8, "disk_io_direction", 0.0);
    feeder.add("cache_evictions_total", Kind::Counter, 2, "cache_tier", 0.0);
    for (name, label) in [
        ("db_client_operation_duration_seconds", "db_query_summary"),
        ("cache_operation_duration_seconds", "cache_result"),
        ("job_run_duration_seconds", "queue"),
        ("user_request_duration_seconds", "user"),
    ] {
        feeder.add(name, Kind::Histogram, 4, label, 0.3);
    }
    feeder
}

fn main() {
    let before = resident();
    let mut host = Feeder::new();
    host.add("host_total", Kind::Counter, 700, "n", 0.0);
    let host = host.filled();
    let host_bytes = resident() - before;
    drop(host);

    let (known, new) = append();

    let mut plain = Feeder::new();
    plain.add("plain_seconds", Kind::Histogram, 50, "http_route", 20.0);
    let (first_p95, p95) = plain.filled().measure(&[&p95_by_route()]);

    let mut work = Feeder::new();
    work.add("work_total", Kind::Counter, 100, "n", 0.0);
    let (_, rate) = work.filled().measure(&[&rates()]);

    let before = resident();
    let mut busy = Feeder::new();
    busy.serve(50, 40.0);
    let mut busy = busy.filled();
    let busy_bytes = resident() - before;
    let api: serde_json::Map<_, _> = Group::Api
        .panels()
        .iter()
        .map(|panel| {
            let (first, next) = busy.measure(&[panel]);
            (
                panel.spec.id.clone(),
                serde_json::json!({ "first_ms": first, "next_ms": next }),
            )
        })
        .collect();

    let cards: Vec<_> = Group::ALL.iter().map(|group| group.card()).collect();
    let (first, next) = idle().filled().measure(&cards);

    let report = serde_json::json!({
        "append_known_series_per_second": known.round(),
        "append_new_series_per_second": new.round(),
        "p95_of_50_routes_over_5_min_first_ms": first_p95,
        "p95_of_50_routes_over_5_min_ms": p95,
        "sum_of_rates_of_100_series_300_steps_ms": rate,
        "overview_of_20_routes": { "first_ms": first, "next_ms": next },
        "api_group_of_50_busy_routes": api,
        "bytes_of_700_full_scalar_rings": host_bytes,
        "bytes_of_50_busy_routes": busy_bytes,
    });
    println!("{report:#}");
}
