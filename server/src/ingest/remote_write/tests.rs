use std::sync::Arc;

use keiki_model::series::Value;
use keiki_model::view::Scope;
use keiki_recognise::Recognisers;

use super::super::ledger::Sender;
use super::*;
use crate::catalogue::explore::{self, Asked, Sizes};
use crate::query::{Ask, Engine};
use crate::store::history::HistorySettings;
use crate::store::{Limits, SourceClass, SourceId, Store};

const LIMIT: usize = 1 << 20;
/// A time, and how far two are apart, milliseconds.
const T: Millis = 1_700_000_000_000;
const STEP: Millis = 10_000;

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn double(field: u64, value: f64) -> Vec<u8> {
    [varint(field << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

fn message(field: u64, parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    [varint(field << 3 | 2), varint(body.len() as u64), body].concat()
}

fn signed(field: u64, value: i64) -> Vec<u8> {
    number(field, (value << 1 ^ value >> 63) as u64)
}

/// A request as it comes: one literal is a snappy block, too.
fn request(series: &[Vec<u8>]) -> Vec<u8> {
    let body = series.concat();
    let literal = (body.len() as u16 - 1).to_le_bytes().to_vec();
    [varint(body.len() as u64), vec![61 << 2], literal, body].concat()
}

fn series(name: &str, more: &[(&str, &str)], values: &[Vec<u8>]) -> Vec<u8> {
    let mut labels = vec![("__name__", name), ("instance", "localhost:8080"), ("job", "shop")];
    labels.extend(more);
    labels.sort_unstable();
    let text = |field, text: &str| message(field, &[text.as_bytes().to_vec()]);
    let mut parts: Vec<Vec<u8>> = labels
        .into_iter()
        .map(|(label, value)| message(1, &[text(1, label), text(2, value)]))
        .collect();
    parts.extend_from_slice(values);
    message(1, &parts)
}

fn value(value: f64, time: Millis) -> Vec<u8> {
    message(2, &[double(1, value), number(2, time as u64)])
}

/// Observations of one to two, of two to four, and of zero, as a native histogram of schema 0.
fn native(counts: [i64; 2], zeros: u64, sum: f64, hint: u64, time: Millis) -> Vec<u8> {
    let span = message(11, &[signed(1, 1), number(2, 2)]);
    let differences = [counts[0], counts[1] - counts[0]]
        .map(|n| varint((n << 1 ^ n >> 63) as u64))
        .concat();
    let count = counts[0] + counts[1] + zeros as i64;
    message(
        4,
        &[
            number(1, count as u64),
            double(3, sum),
            signed(4, 0),
            double(5, 0.0),
            number(6, zeros),
            span,
            message(12, &[differences]),
            number(14, hint),
            number(15, time as u64),
        ],
    )
}

fn reader() -> RemoteWrite {
    let sender = Sender {
        identity: Labels::none(),
        interval_ms: None,
        limit: 100,
    };
    RemoteWrite::new(
        Ledger::new(sender, Arc::new(Recognisers::new(&[]).expect("rows"))),
        "here",
    )
}

fn read(reader: &mut RemoteWrite, now: Millis, all: &[Vec<u8>]) -> Written {
    reader.read(&request(all), LIMIT, now).expect("a request")
}

/// Name, count and sum of each.
fn told(written: &Written) -> Vec<(String, f64, f64)> {
    let tell = |sample: &Sample| match &sample.value {
        Value::Number(number) => (sample.series.name().to_owned(), 1.0, *number),
        Value::Distribution(found) => (sample.series.name().to_owned(), found.count() as f64, found.sum()),
    };
    written.samples.iter().map(tell).collect()
}

fn one(name: &str, count: f64, sum: f64) -> Vec<(String, f64, f64)> {
    vec![(name.to_owned(), count, sum)]
}

#[test]
fn a_native_histogram_tells_what_was_observed_since_the_one_before() {
    let mut it = reader();
    let mut at = |time, counts, zeros, sum, hint| {
        read(
            &mut it,
            time,
            &[series("wait_seconds", &[], &[native(counts, zeros, sum, hint, time)])],
        )
    };
    assert!(
        told(&at(T, [100, 200], 1, 700.0, 0)).is_empty(),
        "what was before is of no time"
    );
    let grown = at(T + STEP, [103, 201], 1, 708.0, 2);
    assert_eq!(told(&grown), one("wait_seconds", 4.0, 8.0));
    let Value::Distribution(found) = &grown.samples[0].value else {
        panic!("a histogram is no number");
    };
    let median = found.quantile(0.5).expect("a median").value;
    assert!((1.0..=2.0).contains(&median), "{median}");
    assert!(told(&at(T + STEP, [103, 201], 1, 708.0, 2)).is_empty(), "sent again");
    let anew = at(T + 2 * STEP, [150, 250], 1, 900.0, 1);
    assert_eq!(
        told(&anew),
        one("wait_seconds", 401.0, 900.0),
        "as many, and yet new ones"
    );
    assert_eq!(anew.refused, 0);
}

#[test]
fn of_a_histogram_in_both_forms_one_is_read() {
    let mut it = reader();
    let classic = |time, n: f64| {
        let bucket = |bound| series("wait_seconds_bucket", &[("le", bound)], &[value(n, time)]);
        vec![
            bucket("1"),
            bucket("+Inf"),
            series("wait_seconds_sum", &[], &[value(n, time)]),
            series("wait_seconds_count", &[], &[value(n, time)]),
        ]
    };
    assert!(told(&read(&mut it, T, &classic(T, 5.0))).is_empty());
    let time = T + STEP;
    assert_eq!(
        told(&read(&mut it, time, &classic(time, 7.0))),
        one("wait_seconds", 2.0, 2.0)
    );

    // The service is asked for native ones from now on, and goes on with the classic ones.
    for (step, n, expected) in [(2, 10, None), (3, 14, Some(8.0)), (4, 15, Some(2.0))] {
        let time = T + step * STEP;
        let mut both = classic(time, n as f64);
        both.push(series(
            "wait_seconds",
            &[],
            &[native([n, n], 0, n as f64 * 4.0, 0, time)],
        ));
        let written = read(&mut it, time, &both);
        let expected = expected.map_or_else(Vec::new, |count| one("wait_seconds", count, count * 2.0));
        assert_eq!(told(&written), expected, "{step}");
        assert_eq!(
            (written.decoded.samples, written.decoded.histograms, written.refused),
            (4, 1, 0)
        );
    }
}

#[test]
fn what_is_not_taken_is_told() {
    let mut it = reader();
    let gauge = read(
        &mut it,
        T,
        &[series("wait_seconds", &[], &[native([1, 1], 0, 1.0, 3, T)])],
    );
    assert_eq!((gauge.refused, told(&gauge)), (1, vec![]));
    assert!(gauge.why.is_some_and(|why| why.contains("gauge")));
    // A number stays one, whatever else comes of it.
    let number = series("depth", &[], &[value(3.0, T), native([1, 1], 0, 1.0, 0, T)]);
    let written = read(&mut it, T, &[number]);
    assert_eq!((written.refused, told(&written)), (1, one("depth", 1.0, 3.0)));
    // The end of a series is no histogram, and no mistake.
    let end = native([0, 0], 0, f64::from_bits(0x7ff0_0000_0000_0002), 0, T);
    let written = read(&mut it, T, &[series("wait_seconds", &[], &[end])]);
    assert_eq!((written.refused, told(&written)), (0, vec![]));
}

/// What a family is.
fn metadata(family: &str, kind: u64) -> Vec<u8> {
    message(3, &[number(1, kind), message(2, &[family.as_bytes().to_vec()])])
}

#[test]
fn what_a_metric_is_may_be_said_after_it_came() {
    let mut it = reader();
    let kind = |written: &Written| {
        written
            .samples
            .iter()
            .map(|sample| sample.series.kind())
            .collect::<Vec<_>>()
    };
    let at = |n: i64| [series("jobs", &[], &[value(n as f64, T + n * STEP)])];
    assert_eq!(kind(&read(&mut it, T, &at(0))), [Kind::Gauge]);
    // Counters, as of a program whose metrics have no suffix.
    let told = [at(1)[0].clone(), metadata("jobs", 1)];
    read(&mut it, T + STEP, &told);
    assert_eq!(kind(&read(&mut it, T + 2 * STEP, &at(2))), [Kind::Counter]);
    read(&mut it, T + 2 * STEP, &told[1..]);
    assert_eq!(it.ledger().len(), 1);
    assert_eq!(
        kind(&read(&mut it, T + 3 * STEP, &at(3))),
        [Kind::Counter],
        "said again, nothing new"
    );
}

#[test]
fn what_is_not_kept_is_not_remembered_without_end() {
    let mut it = reader();
    // The bucket makes it known that these are a histogram's, so that its counts say nothing more.
    read(&mut it, T, &[metadata("wait", 3)]);
    for n in 0..1_000 {
        let count = series("wait_count", &[("n", &n.to_string())], &[value(1.0, T)]);
        assert_eq!(told(&read(&mut it, T, &[count])), vec![]);
    }
    assert_eq!(it.ledger().remembered(), 400);
    it.ledger().rest(T);
    it.ledger().rest(T + 20 * 60_000);
    assert_eq!(
        it.ledger().remembered(),
        0,
        "forgotten, although nothing comes any more"
    );
}

#[test]
fn a_backlog_of_half_an_hour_is_drawn_in_the_window_of_an_hour() {
    const SECONDS: Millis = 1_000;
    let folder = tempfile::tempdir().expect("a folder");
    let began = T.div_euclid(900 * SECONDS) * 900 * SECONDS;
    let settings = HistorySettings::new(folder.path());
    let store = Store::open(Limits::default(), &SourceClass::ALL, settings, began).expect("a new history");
    let source = SourceId::new("remote_write", SourceClass::RemoteWrite);
    let engine = Engine::new(store.clone(), |_: &str| None);
    let mut it = reader();
    let sent = |time: Millis| {
        let at = (time - began) as f64 / 1e3;
        [
            series("taken_total", &[], &[value(3.0 * at, time)]),
            series("waiting", &[], &[value(at, time)]),
            series("took_seconds_bucket", &[("le", "0.5")], &[value(at / 5.0, time)]),
            series("took_seconds_bucket", &[("le", "+Inf")], &[value(at / 5.0 * 2.0, time)]),
            series("took_seconds_sum", &[], &[value(at, time)]),
            series("took_seconds_count", &[], &[value(at / 5.0 * 2.0, time)]),
        ]
    };
    let mut take = |times: &[Millis], now: Millis| {
        let all: Vec<_> = times.iter().flat_map(|time| sent(*time)).collect();
        let written = read(&mut it, now, &all);
        let count = written.samples.len() as u64;
        let appended = store.append(&source, written.samples, now);
        assert_eq!((appended.accepted, written.refused), (count, 0), "{appended:?}");
    };
    let pass = |now: Millis| while store.tend(now) {};
    // Ten minutes, an outage of thirty, and what was kept back meanwhile at once.
    let (cut, back, end) = (began + 600 * SECONDS, began + 2_400 * SECONDS, began + 3_300 * SECONDS);
    let edition = engine.edition();
    let times = |from, to| (from..to).step_by(15 * SECONDS as usize);
    for now in times(began, cut) {
        take(&[now], now);
        pass(now);
    }
    for now in times(cut, back) {
        pass(now);
    }
    for some in times(cut, back).collect::<Vec<_>>().chunks(20) {
        take(some, back);
    }
    for now in times(back, end) {
        take(&[now], now);
        pass(now);
    }
    assert!(
        engine.edition() > edition,
        "what was composed of that time is composed again"
    );
    let scope = Scope::default();
    let ask = Ask {
        scope: &scope,
        step: 60,
        window: 3_600,
        to: end,
        now: end,
        as_of: end,
        targets: None,
    };
    let expected = [("taken_total", 3.0), ("waiting", f64::NAN), ("took_seconds", f64::NAN)];
    for (metric, rate) in expected {
        let asked = Asked { metric, by: Vec::new() };
        let panel = explore::panel(&store, &asked, &Sizes::default()).expect("a panel");
        let shown = engine.panel(&panel, &ask);
        let line = shown.series.first().expect("a line");
        let points = &line.points[line.points.len() - 54..];
        for (place, point) in points.iter().enumerate() {
            let point = point.unwrap_or_else(|| panic!("{metric}: nothing in minute {place}: {points:?}"));
            assert!(
                rate.is_nan() || (point - rate).abs() < 1e-6,
                "{metric}: {point} in minute {place}"
            );
        }
    }
}
