//! A sender's series over several pages.

use keiki_model::series::{HOST_NAME, SERVICE_INSTANCE_ID, SERVICE_NAME, Value};

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
