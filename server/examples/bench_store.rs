//! Measures the store and the query engine against their budgets, and prints JSON.
//!
//! `cargo run --release -p keiki-server --example bench_store`

use std::hint::black_box;
use std::time::Instant;

use keiki_model::group::Group;
use keiki_model::histogram::Exponential;
use keiki_model::panel::{ChartKind, Feed, Line, Palette, Panel, PanelSpec, Table};
use keiki_model::query::{Function, Query, Selector};
use keiki_model::series::{Kind, Labels, Sample, Series};
use keiki_model::text::Text;
use keiki_model::time::Millis;
use keiki_model::unit::Unit;
use keiki_model::view::Scope;
use keiki_server::query::{Ask, Engine};
use keiki_server::store::{Limits, SourceClass, SourceId, Store};

const TO: Millis = 1_763_800_207_000;
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

    /// A request's duration: a few milliseconds, with a long tail.
    fn duration(&mut self) -> f64 {
        0.004 * (-self.unit().ln()).powf(1.6) + 0.000_5
    }
}

fn store() -> Store {
    Store::new(Limits {
        series: 200_000,
        series_per_metric: 200_000,
        ..Limits::default()
    })
}

fn source() -> SourceId {
    SourceId::new("bench", SourceClass::Own)
}

fn engine(store: &Store) -> Engine {
    Engine::new(store.clone(), |_: &str| None)
}

/// The lowest decile of some runs, milliseconds: what else the machine does only ever adds.
fn measure(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<_> = (0..101)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

/// Samples per second, of known and of new series.
fn append() -> (f64, f64) {
    let (store, source) = (store(), source());
    let labels = |n: usize| {
        Labels::new([
            ("service_name", "shop".to_owned()),
            ("host_name", "h".to_owned()),
            ("n", n.to_string()),
        ])
    };
    let series: Vec<_> = (0..10_000)
        .map(|n| {
            Series::new(
                format!("metric_{}_total", n % 100),
                labels(n),
                Kind::Counter,
                Some(1_000),
            )
        })
        .collect();
    let batch = |time: Millis| -> Vec<_> {
        series
            .iter()
            .map(|series| Sample::number(series, time, time as f64))
            .collect()
    };
    let start = TO - 1_100_000;
    let begun = Instant::now();
    store.append(&source, batch(start), start);
    let new = series.len() as f64 / begun.elapsed().as_secs_f64();
    let mut spent = 0.0;
    for second in 1..200 {
        let time = start + second * 1_000;
        let batch = batch(time);
        let begun = Instant::now();
        black_box(store.append(&source, batch, time));
        spent += begun.elapsed().as_secs_f64();
    }
    (series.len() as f64 * 199.0 / spent, new)
}

/// A service under load: so many routes, each with this many requests a second, for as long as the store holds.
fn serve(store: &Store, routes: usize, requests: usize) {
    let (source, mut random) = (source(), Random(42));
    let series: Vec<_> = (0..routes)
        .flat_map(|route| ["200", "500"].map(|status| (route, status)))
        .map(|(route, status)| {
            let labels = Labels::new([
                ("service_name", "shop"),
                ("host_name", "h"),
                ("http_request_method", "GET"),
                ("http_response_status_code", status),
                ("http_route", &format!("/route/{route}")),
            ]);
            Series::new(REQUESTS, labels, Kind::Histogram, Some(1_000))
        })
        .collect();
    for second in 0..960 {
        let time = TO - 960_000 + second * 1_000 + 850;
        let samples = series.iter().enumerate().map(|(n, series)| {
            let mut histogram = Exponential::new();
            let requests = if n % 2 == 0 {
                requests
            } else {
                usize::from(random.unit() < 0.05)
            };
            (0..requests).for_each(|_| assert!(histogram.record(random.duration())));
            Sample::distribution(series, time, histogram.into())
        });
        store.append(&source, samples.collect(), time);
    }
}

fn numbers(store: &Store, name: &str, kind: Kind, count: usize, label: &str) {
    let (source, mut random) = (source(), Random(7));
    let series: Vec<_> = (0..count)
        .map(|n| {
            let labels = Labels::new([("service_name", "shop"), ("host_name", "h"), (label, &format!("v{n}"))]);
            Series::new(name, labels, kind, Some(1_000))
        })
        .collect();
    let mut values = vec![0.0; count];
    for second in 0..960 {
        let time = TO - 960_000 + second * 1_000 + 850;
        let samples: Vec<_> = series
            .iter()
            .zip(&mut values)
            .map(|(series, value)| {
                *value = if kind == Kind::Counter {
                    *value + random.unit() * 9.0
                } else {
                    random.unit()
                };
                Sample::number(series, time, *value)
            })
            .collect();
        store.append(&source, samples, time);
    }
}

fn bare(chart: ChartKind) -> Panel {
    let spec = PanelSpec {
        id: "bench.panel".to_owned(),
        group: "bench".to_owned(),
        title: Text::default(),
        help: Text::default(),
        axis: Text::default(),
        unit: Unit::Seconds,
        chart,
        palette: Palette::default(),
        axis_limit: None,
        naming: Vec::new(),
        stats: Vec::new(),
        columns: Vec::new(),
        feed: Feed::default(),
    };
    Panel {
        spec,
        lines: Vec::new(),
        top: 8,
        heat: None,
        stats: Vec::new(),
        limits: Vec::new(),
        table: None,
    }
}

fn main() {
    let scope = Scope::default();
    let ask = Ask {
        scope: &scope,
        step: 1,
        window: 300,
        to: TO,
        now: TO + 200,
        preset: None,
    };
    let (known, new) = append();

    // One p95 for each of 50 routes over five minutes: the rows of a table with this one column.
    let routes = store();
    serve(&routes, 50, 40);
    let by_route =
        Query::new(Selector::new(REQUESTS), Function::Quantile(0.95)).by(&["http_request_method", "http_route"]);
    let mut table = bare(ChartKind::Table);
    table.table = Some(Table {
        columns: vec![by_route],
        order: 0,
        rows: 50,
        spark: None,
    });
    table.spec.columns = Group::Api
        .panels()
        .iter()
        .flat_map(|panel| panel.spec.columns.iter().take(1).cloned())
        .collect();
    let p95 = measure(|| assert_eq!(black_box(engine(&routes).panel(&table, &ask)).rows.len(), 50));

    // What a group's page asks for under that load, panel by panel.
    let api: Vec<_> = Group::Api
        .panels()
        .iter()
        .map(|panel| {
            let engine = engine(&routes);
            (
                panel.spec.id.clone(),
                measure(|| drop(black_box(engine.panel(panel, &ask)))),
            )
        })
        .collect();

    let counters = store();
    numbers(&counters, "work_total", Kind::Counter, 100, "n");
    let mut rates = bare(ChartKind::Line);
    let query = Query::new(Selector::new("work_total"), Function::Rate);
    rates.lines = vec![Line {
        labels: Labels::none(),
        query,
    }];
    let rate = measure(|| assert_eq!(black_box(engine(&counters).panel(&rates, &ask)).series.len(), 1));

    // The default overview of a machine and of a service with 20 routes and little to do.
    let idle = store();
    serve(&idle, 20, 1);
    for (name, label, count) in [
        ("system_cpu_utilization_ratio", "cpu_mode", 8),
        ("system_cpu_usage_ratio", "none", 1),
        ("system_memory_utilization_ratio", "none", 1),
        ("system_filesystem_utilization_ratio", "mountpoint", 6),
        ("queue_length", "queue", 3),
        ("cache_size_bytes", "cache_tier", 2),
        ("db_client_connection_count", "db_client_connection_state", 2),
    ] {
        numbers(&idle, name, Kind::Gauge, count, label);
    }
    numbers(
        &idle,
        "system_disk_io_bytes_total",
        Kind::Counter,
        8,
        "disk_io_direction",
    );
    numbers(&idle, "cache_evictions_total", Kind::Counter, 2, "cache_tier");
    let engine_of_idle = engine(&idle);
    let cards: Vec<_> = Group::ALL
        .iter()
        .map(|group| {
            (
                group.id(),
                measure(|| drop(black_box(engine_of_idle.panel(group.card(), &ask)))),
            )
        })
        .collect();
    let overview: f64 = cards.iter().map(|(_, time)| time).sum();

    let stats = routes.stats();
    let report = serde_json::json!({
        "append_known_series_per_second": known.round(),
        "append_new_series_per_second": new.round(),
        "p95_of_50_routes_over_5_min_ms": p95,
        "sum_of_rates_of_100_series_300_steps_ms": rate,
        "overview_20_routes_ms": overview,
        "cards_ms": cards,
        "api_page_50_routes_ms": api,
        "bytes_of_100_histograms_full": stats.bytes_estimate,
    });
    println!("{report:#}");
}
