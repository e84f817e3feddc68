//! A sender's series over several pages.

use keiki_model::series::{HOST_NAME, Kind, SERVICE_INSTANCE_ID, SERVICE_NAME, Sample, Value};

use super::super::FORGOTTEN;
use super::*;

const MINUTE: Millis = 60_000;

fn ledger(limit: usize) -> Ledger {
    let identity = Labels::new([
        (SERVICE_NAME, "shop"),
        (SERVICE_INSTANCE_ID, "shop:9100"),
        (HOST_NAME, "a"),
    ]);
    let sender = Sender {
        identity,
        interval_ms: Some(15_000),
        limit,
    };
    Ledger::new(sender, Arc::new(Recognisers::new(&[]).expect("rows")))
}

/// A number: name, kind, labels, value.
type Told<'a> = (&'a str, Kind, &'a [(&'a str, &'a str)], f64);

/// One page of numbers.
fn page(ledger: &mut Ledger, now: Millis, rows: &[Told<'_>]) -> Vec<(String, Millis, f64)> {
    for (name, kind, labels, value) in rows {
        let labels = Labels::new(labels.iter().copied());
        let raw = format!("{name}{labels}");
        let key = ledger
            .find(raw.as_bytes())
            .unwrap_or_else(|| ledger.number(raw.as_bytes(), name, Some(*kind), &labels, now));
        ledger.put(key, *value, now);
    }
    let tell = |sample: Sample| {
        let own: Vec<_> = sample
            .series
            .labels()
            .iter()
            .filter(|(name, _)| ![SERVICE_NAME, SERVICE_INSTANCE_ID, HOST_NAME].contains(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let Value::Number(value) = sample.value else {
            panic!("a number")
        };
        (
            format!("{}{{{}}}", sample.series.name(), own.join(",")),
            sample.time,
            value,
        )
    };
    let mut all: Vec<_> = ledger.take_page(true, now).into_iter().map(tell).collect();
    all.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    all
}

#[test]
fn what_is_new_on_a_later_page_began_at_zero() {
    let mut it = ledger(10);
    let labels: &[(&str, &str)] = &[("endpoint", "/a"), ("method", "GET"), ("status", "200")];
    let calls = |value| [("api_calls_total", Kind::Counter, labels, value)];
    let name = "http_server_requests_total{http_request_method=GET,http_response_status_code=200,http_route=/a}";
    assert_eq!(page(&mut it, 1_000, &[]), []);
    assert_eq!(
        page(&mut it, 16_000, &calls(7.0)),
        [(name.to_owned(), 1_000, 0.0), (name.to_owned(), 16_000, 7.0)]
    );
    assert_eq!(page(&mut it, 31_000, &calls(9.0)), [(name.to_owned(), 31_000, 9.0)]);
    let readings = it.readings();
    assert_eq!(
        readings["api_calls_total"].known_as,
        Some(("wellness".to_owned(), "http_server_requests_total".to_owned()))
    );
    let mut first = ledger(10);
    assert_eq!(
        page(&mut first, 16_000, &calls(7.0)).len(),
        1,
        "nobody knows since when the first page's are"
    );
    let mut late = ledger(10);
    page(&mut late, 1_000, &[]);
    assert_eq!(
        page(&mut late, 10 * MINUTE, &calls(7.0)).len(),
        1,
        "nor what was in a long silence"
    );
}

#[test]
fn gauges_are_derived_of_counters_and_of_each_other() {
    let mut it = ledger(20);
    let rows = |idle: f64, available: f64| -> Vec<Told<'static>> {
        vec![
            ("node_memory_MemAvailable_bytes", Kind::Gauge, &[], available),
            (
                "node_cpu_seconds_total",
                Kind::Counter,
                &[("cpu", "0"), ("mode", "idle")],
                idle,
            ),
            ("node_memory_MemTotal_bytes", Kind::Gauge, &[], 1_000.0),
        ]
    };
    let derived = |all: Vec<(String, Millis, f64)>| -> Vec<(String, f64)> {
        all.into_iter()
            .filter(|(name, ..)| name.starts_with("system_"))
            .map(|(name, _, value)| (name, value))
            .collect()
    };
    let told = |name: &str, value: f64| (name.to_owned(), value);
    assert_eq!(
        derived(page(&mut it, 1_000, &rows(50.0, 250.0))),
        [
            told("system_cpu_logical_count{cpu=0}", 1.0),
            told("system_memory_limit_bytes{}", 1_000.0),
            told("system_memory_utilization_ratio{}", 0.75)
        ]
    );
    assert_eq!(
        derived(page(&mut it, 11_000, &rows(59.0, 500.0))),
        [
            told("system_cpu_core_utilization_ratio{cpu=0}", 1.0 - 0.9),
            told("system_cpu_logical_count{cpu=0}", 1.0),
            told("system_cpu_usage_ratio{cpu=0}", 1.0 - 0.9),
            told("system_memory_limit_bytes{}", 1_000.0),
            told("system_memory_utilization_ratio{}", 0.5)
        ]
    );
    assert_eq!(
        derived(page(&mut it, 21_000, &rows(3.0, 500.0))).len(),
        3,
        "a restart has no rate"
    );
}

#[test]
fn the_limit_holds_and_what_is_gone_makes_room() {
    let mut it = ledger(2);
    let gauge = |name: &'static str| (name, Kind::Gauge, &[][..], 1.0);
    assert_eq!(page(&mut it, 1_000, &[gauge("a"), gauge("b"), gauge("c")]).len(), 2);
    assert_eq!((it.refused, it.len()), (1, 2));
    let later = 1_000 + FORGOTTEN + 2 * MINUTE;
    assert_eq!(page(&mut it, later, &[gauge("a")]).len(), 1);
    assert_eq!(it.len(), 1, "b was not mentioned for long");
    assert_eq!(page(&mut it, later + MINUTE, &[gauge("a"), gauge("c")]).len(), 2);
}

#[test]
fn a_page_does_not_say_who_sends_it() {
    let mut it = ledger(2);
    let key = it.number(b"x", "x", Some(Kind::Gauge), &Labels::new([(HOST_NAME, "b")]), 1_000);
    it.put(key, 1.0, 1_000);
    let samples = it.take_page(true, 1_000);
    let labels = samples[0].series.labels();
    assert_eq!(
        (labels.get(HOST_NAME), labels.get("exported_host_name")),
        (Some("a"), Some("b"))
    );
    it.put(key, 2.0, 2_000);
    it.forget_page();
    assert!(it.take_page(true, 2_000).is_empty());
}

#[test]
fn growth_that_comes_late_or_twice_is_counted_once() {
    let mut it = ledger(5);
    let key = it.number(b"jobs", "jobs_total", Some(Kind::Counter), &Labels::none(), 1_000);
    let mut total = |time: Millis, growth: f64| {
        it.change(key, Change::Growth(growth), time);
        let told = |sample: Sample| match sample.value {
            Value::Number(value) => (sample.time, value),
            Value::Distribution(_) => panic!("a number"),
        };
        it.take_page(false, 20_000).into_iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        total(10_000, 5.0),
        [(9_000, 0.0), (10_000, 5.0)],
        "it grew from nothing"
    );
    assert_eq!(total(12_000, 2.0), [(12_000, 7.0)]);
    assert_eq!(total(12_000, 2.0), [], "sent again");
    assert_eq!(
        total(11_000, 1.0),
        [(12_000, 8.0)],
        "what is late adds to what is known, and is no restart"
    );
    assert_eq!(
        total(90_000_000, 4.0),
        [(90_000_000, 12.0)],
        "the store refuses what is of the future"
    );
    assert_eq!(total(13_000, 1.0), [(13_000, 9.0)], "and nothing is built on it");
}

#[test]
fn what_is_divided_may_come_as_totals() {
    let mut it = ledger(9);
    let labels = Labels::none();
    let part = it.number(
        b"a",
        "node_memory_MemAvailable_bytes",
        Some(Kind::Gauge),
        &labels,
        1_000,
    );
    let whole = it.number(b"b", "node_memory_MemTotal_bytes", Some(Kind::Gauge), &labels, 1_000);
    it.change(part, Change::Total(250.0, None), 1_000);
    it.change(whole, Change::Total(1_000.0, None), 1_000);
    let samples = it.take_page(false, 1_000);
    let used = samples
        .iter()
        .find(|sample| sample.series.name() == "system_memory_utilization_ratio");
    assert_eq!(used.map(|sample| sample.value.clone()), Some(Value::Number(0.75)));
}

#[test]
fn divisors_of_hosts_that_are_gone_make_room() {
    let mut it = ledger(4);
    for round in 0..20 {
        let now = 1_000 + round * (FORGOTTEN + 2 * MINUTE);
        let host = format!("h{round}");
        let labels = Labels::new([("node", host.as_str())]);
        for name in ["node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"] {
            let raw = format!("{name}{host}");
            let key = it.number(raw.as_bytes(), name, Some(Kind::Gauge), &labels, now);
            it.put(key, 10.0, now);
        }
        assert_eq!(it.take_page(false, now).len(), 3, "of host {round}");
        it.take_page(false, now + FORGOTTEN + MINUTE + 1);
    }
    assert_eq!((it.len(), it.readings().len()), (0, 0));
}

/// The samples of a page of text, by name and value; of a distribution its count.
fn text(ledger: &mut Ledger, now: Millis, page: &str) -> Vec<(String, Kind, f64)> {
    let rules = crate::source::scrape::Rules::default();
    let syntax = crate::ingest::text::Syntax::Prometheus;
    let samples = crate::ingest::text::read(page.as_bytes(), syntax, &rules, ledger, now).expect("a page");
    let tell = |sample: Sample| {
        let value = match sample.value {
            Value::Number(value) => value,
            Value::Distribution(observed) => observed.count() as f64,
        };
        (sample.series.name().to_owned(), sample.series.kind(), value)
    };
    let mut all: Vec<_> = samples.into_iter().map(tell).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn what_changes_its_type_is_read_as_what_it_has_become() {
    let mut it = ledger(20);
    let told = |name: &str, kind, value| (name.to_owned(), kind, value);
    let all = |kind: &str| format!("# TYPE x {kind}\nx 5\n# TYPE y gauge\ny 1\n");
    let y = || told("y", Kind::Gauge, 1.0);
    assert_eq!(text(&mut it, 1_000, &all("gauge")), [told("x", Kind::Gauge, 5.0), y()]);
    for now in [16_000, 31_000] {
        // It does not begin at zero: it was there before.
        assert_eq!(
            text(&mut it, now, &all("counter")),
            [told("x", Kind::Counter, 5.0), y()]
        );
    }
    assert_eq!(
        (it.len(), it.readings()["x"].series),
        (2, 1),
        "nothing of the former kind is left"
    );
    let parts = "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n";
    let as_histogram = format!("# TYPE h histogram\n{parts}");
    assert_eq!(
        text(&mut it, 46_000, &as_histogram),
        [told("h", Kind::Histogram, 3.0)],
        "it is new"
    );
    let grown = as_histogram.replace("} 3", "} 5").replace("_count 3", "_count 5");
    assert_eq!(text(&mut it, 61_000, &grown), [told("h", Kind::Histogram, 2.0)]);
    // Without its type the same bytes are four series.
    assert_eq!(text(&mut it, 76_000, parts).len(), 4);
    assert_eq!(text(&mut it, 91_000, parts).len(), 4);
    assert_eq!((it.len(), it.readings().contains_key("h")), (6, false));
    assert!(text(&mut it, 106_000, &as_histogram).is_empty());
    assert_eq!(text(&mut it, 121_000, &grown), [told("h", Kind::Histogram, 2.0)]);
    assert_eq!(it.len(), 3);
}

#[test]
fn of_two_conventions_at_once_the_newer_one_is_read() {
    let mut it = ledger(20);
    let histogram = |name: &str, labels: &str, count: u32| {
        format!(
            "# TYPE {name} histogram\n{name}_bucket{{{labels},le=\"10\"}} {count}\n\
             {name}_bucket{{{labels},le=\"+Inf\"}} {count}\n{name}_sum{{{labels}}} 1\n{name}_count{{{labels}}} {count}\n"
        )
    };
    let route = "http_route=\"/a\"";
    let old = |count| histogram("http_server_duration_milliseconds", route, count);
    let new = |count| histogram("http_server_request_duration_seconds", route, count);
    let canonical = "http_server_request_duration_seconds";
    // In whatever order they come, each request counts once.
    text(&mut it, 1_000, "");
    let mut counted = 0.0;
    for (now, page) in [
        (16_000, old(3) + &new(3)),
        (31_000, new(4) + &old(4)),
        (46_000, old(6) + &new(6)),
        (61_000, old(9) + &new(9)),
    ] {
        let all = text(&mut it, now, &page);
        counted += all
            .iter()
            .filter(|(name, ..)| name == canonical)
            .map(|(.., count)| count)
            .sum::<f64>();
    }
    assert_eq!(counted, 9.0);
    let readings = it.readings();
    assert_eq!(readings["http_server_duration_milliseconds"].known_as, None);
    // Nobody has sent the newer one for long: the other one is read again.
    let later = 61_000 + FORGOTTEN + 2 * MINUTE;
    text(&mut it, later - 1_000, &old(9));
    text(&mut it, later, &old(9));
    text(&mut it, later + 15_000, &old(9));
    assert_eq!(
        text(&mut it, later + 30_000, &old(11)),
        [(canonical.into(), Kind::Histogram, 2.0)]
    );
}

#[test]
fn several_that_tell_the_same_add_up() {
    let mut it = ledger(10);
    let key = it.number(b"calls", "calls_total", Some(Kind::Counter), &Labels::none(), 0);
    let (one, other) = (1_000_000_000, 2_000_000_000);
    let mut now = 1_000_000;
    let mut told = |it: &mut Ledger, all: &[(Millis, f64, u64)]| {
        now += MINUTE;
        for (after, total, start) in all {
            it.change(key, Change::TotalSince(*total, *start), now + after);
        }
        let tell = |sample: Sample| match sample.value {
            Value::Number(value) => (sample.time - now, value),
            Value::Distribution(_) => panic!("a number"),
        };
        it.take_page(false, now + 100).into_iter().map(tell).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut it, &[(0, 1_000.0, one), (10, 400.0, other)]), [(0, 1_000.0)]);
    assert_eq!(
        told(&mut it, &[(0, 1_005.0, one), (10, 407.0, other)]),
        [(0, 1_005.0), (0, 1_012.0)],
        "two of one moment"
    );
    assert_eq!(
        told(&mut it, &[(20, 410.0, other), (10, 1_006.0, one), (10, 1_006.0, one)]),
        [(20, 1_015.0), (20, 1_016.0)],
        "never back in time, and nothing twice"
    );
    // The last one began anew after all of this: a restart, which the total shows as one.
    let start = (1_000_000 + 3 * MINUTE + 50_000) as u64 * 1_000_000;
    assert_eq!(told(&mut it, &[(0, 30.0, start)]), [(50_000 - MINUTE, 0.0), (0, 30.0)]);
    assert_eq!(
        told(&mut it, &[(0, 34.0, start), (10, 412.0, other)]),
        [(0, 34.0), (0, 36.0)]
    );
}
