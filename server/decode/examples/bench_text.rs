//! What reading a page costs: samples per second of processor time, with all series known and at first sight, in both
//! syntaxes. `cargo run --release -p keiki-decode --example bench_text`.

use std::collections::HashMap;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use foldhash::fast::RandomState;
use keiki_decode::text::{Declared, Part, Syntax, Type, Visitor, parse};

/// How many series a page has, a little more or less.
const SERIES: usize = 10_000;

/// How much processor time a figure takes.
const TIME: Duration = Duration::from_secs(2);

const BOUNDS: [&str; 12] = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf",
];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
const ROUTES: [&str; 6] = [
    "/",
    "/api/v1/orders/{id}",
    "/api/v1/customers/{id}/invoices",
    "/login",
    "/search",
    "/static/*path",
];

/// What a service of some size shows: half of the series are buckets, the others counters and gauges.
fn page(syntax: Syntax) -> String {
    let mut page = String::new();
    let mut series = 0;
    let mut seed = 88_172_645_463_325_252_u64;
    let mut noise = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let total = if syntax == Syntax::OpenMetrics { "" } else { "_total" };
    for family in 0.. {
        if series >= SERIES {
            break;
        }
        for (name, kind) in [
            ("requests", "counter"),
            ("connections_active", "gauge"),
            ("request_duration_seconds", "histogram"),
        ] {
            let suffix = if kind == "counter" { total } else { "" };
            let name = format!("app{family}_http_server_{name}");
            let _ = writeln!(page, "# HELP {name}{suffix} What the server does, for people to read.");
            let _ = writeln!(page, "# TYPE {name}{suffix} {kind}");
            for instance in 0..24 {
                let labels = format!(
                    "service=\"shop-backend\",method=\"{}\",route=\"{}\",status=\"{}\",zone=\"eu-central-1{}\"",
                    METHODS[instance % 4],
                    ROUTES[instance % 6],
                    [200, 404, 500][instance / 8],
                    ["a", "b"][instance % 2],
                );
                let count = noise() % 10_000_000;
                match kind {
                    "counter" => {
                        let _ = writeln!(page, "{name}_total{{{labels}}} {count}");
                        series += 1;
                    }
                    "gauge" => {
                        let _ = writeln!(page, "{name}{{{labels}}} {}", count as f64 / 128.0);
                        series += 1;
                    }
                    _ if instance % 8 == 0 => {
                        for (index, bound) in BOUNDS.iter().enumerate() {
                            let _ = writeln!(
                                page,
                                "{name}_bucket{{{labels},le=\"{bound}\"}} {}",
                                count * index as u64
                            );
                        }
                        let _ = writeln!(page, "{name}_sum{{{labels}}} {}", noise() as f64 / 1e12);
                        let _ = writeln!(page, "{name}_count{{{labels}}} {}", count * 11);
                        series += 14;
                    }
                    _ => {}
                }
            }
        }
    }
    if syntax == Syntax::OpenMetrics {
        page.push_str("# EOF\n");
    }
    page
}

#[derive(Default)]
struct Series {
    /// By bytes alone: the pages here have no bytes of two types.
    raw: HashMap<Box<[u8]>, usize, RandomState>,
    values: Vec<f64>,
    label_bytes: usize,
}

impl Visitor for Series {
    type Key = usize;

    fn known(&mut self, raw: &[u8], _: Type, _: Part) -> Option<usize> {
        self.raw.get(raw).copied()
    }

    fn declare(&mut self, declared: &Declared<'_>) -> usize {
        for (name, value) in declared.labels.clone() {
            self.label_bytes += name.len() + value.len();
        }
        self.raw.insert(declared.raw.into(), self.values.len());
        self.values.push(0.0);
        self.values.len() - 1
    }

    fn value(&mut self, key: usize, value: f64, _: Option<i64>) {
        self.values[key] = value;
    }
}

/// Processor time of this thread.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds in /proc/thread-self/schedstat"))
}

/// Samples per second of processor time, in millions.
fn rate(page: &str, syntax: Syntax, mut series: impl FnMut() -> Option<Series>) -> f64 {
    let mut known = Series::default();
    parse(page.as_bytes(), syntax, &mut known).expect("a page without mistakes");
    let (start, mut samples) = (processor(), 0);
    while processor() - start < TIME {
        let fresh = series();
        let is_fresh = fresh.is_some();
        let mut visitor = fresh.unwrap_or_default();
        let visitor = if is_fresh { &mut visitor } else { &mut known };
        samples += parse(page.as_bytes(), syntax, visitor)
            .expect("a page without mistakes")
            .samples;
        black_box((&visitor.values, visitor.label_bytes));
    }
    samples as f64 / (processor() - start).as_secs_f64() / 1e6
}

fn main() {
    for syntax in [Syntax::Prometheus, Syntax::OpenMetrics] {
        let page = page(syntax);
        let lines = page.lines().filter(|line| !line.starts_with('#')).count();
        println!("{syntax:?}: {lines} samples, {} KB", page.len() / 1024);
        println!("  known       {:6.2} M samples/s", rate(&page, syntax, || None));
        println!(
            "  first sight {:6.2} M samples/s",
            rate(&page, syntax, || Some(Series::default()))
        );
    }
}
