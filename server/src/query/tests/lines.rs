//! The rules of slots and windows, one by one.

use keiki_model::query::{Combine, Function, STATUS_CLASS, Selector};

use super::*;

fn query(function: Function) -> Query {
    Query::new(Selector::new("m"), function)
}

fn one(kind: Kind, interval_ms: u32, samples: &[(Millis, f64)]) -> Bench {
    let bench = Bench::new();
    bench.numbers(&series("m", &[], kind, interval_ms), samples);
    bench
}

fn histogram(samples: Vec<(Millis, Distribution)>) -> Bench {
    let bench = Bench::new();
    bench.distributions(&series("m", &[], Kind::Histogram, 1_000), samples);
    bench
}

/// Every second within its slot, `count` of them until [`NOW`].
fn seconds(count: i64, value: impl Fn(i64) -> f64) -> Vec<(Millis, f64)> {
    (0..count).map(|n| ((n - count) * 1_000 + 850, value(n))).collect()
}

#[test]
fn a_gauge_shows_the_samples_of_the_slot() {
    let bench = one(
        Kind::Gauge,
        1_000,
        &[(-6_000, 4.0), (-5_500, 1.0), (-5_001, 7.0), (-3_000, 2.0)],
    );
    let check = |function, expected: [Option<f64>; 2]| assert_eq!(bench.line(&query(function), 3, 2), expected);
    check(Function::Last, [Some(7.0), Some(2.0)]);
    check(Function::Avg, [Some(4.0), Some(2.0)]);
    check(Function::Min, [Some(1.0), Some(2.0)]);
    check(Function::Max, [Some(7.0), Some(2.0)]);
}

#[test]
fn a_sample_stands_for_two_and_a_half_intervals() {
    let bench = one(Kind::Gauge, 2_000, &[(-8_500, 1.0)]);
    let expected = [
        None,
        Some(1.0),
        Some(1.0),
        Some(1.0),
        Some(1.0),
        Some(1.0),
        None,
        None,
        None,
        None,
    ];
    assert_eq!(bench.line(&query(Function::Last), 1, 10), expected);
    // At exactly two and a half intervals it still does.
    let bench = one(Kind::Gauge, 2_000, &[(-5_000, 1.0)]);
    assert_eq!(bench.line(&query(Function::Last), 1, 1), [Some(1.0)]);
}

#[test]
fn a_slow_scrape_draws_a_line() {
    let samples: Vec<_> = (0..8).map(|n| (-120_000 + n * 15_000 + 300, 30.0 * n as f64)).collect();
    let bench = one(Kind::Counter, 15_000, &samples);
    let line = bench.line(&query(Function::Rate), 1, 60);
    assert!(line.iter().all(|point| *point == Some(2.0)), "{line:?}");
    let bench = one(Kind::Gauge, 15_000, &samples);
    assert!(bench.line(&query(Function::Last), 1, 60).iter().all(Option::is_some));
}

#[test]
fn a_rate_is_the_increase_between_the_samples_around_the_slot() {
    let bench = one(
        Kind::Counter,
        1_000,
        &[(-3_100, 10.0), (-2_100, 14.0), (-990, 20.0), (-100, 29.0)],
    );
    // The second slot has no sample: from the one before it to the one after.
    let expected = [None, Some(4.0), Some(6_000.0 / 1_110.0), Some(15.0 * 1_000.0 / 2_000.0)];
    assert_eq!(bench.line(&query(Function::Rate), 1, 4), expected);
    let bench = one(Kind::Counter, 1_000, &[(-4_100, 10.0), (-3_100, 14.0)]);
    // At the end the last rate holds for as long as a sample stands.
    assert_eq!(
        bench.line(&query(Function::Rate), 1, 5)[1..],
        [Some(4.0), Some(4.0), Some(4.0), None]
    );
}

#[test]
fn an_increase_is_the_rate_times_the_slot() {
    let bench = one(Kind::Counter, 1_000, &seconds(20, |n| 3.0 * n as f64));
    assert_eq!(bench.line(&query(Function::Increase), 5, 2), [Some(15.0), Some(15.0)]);
}

#[test]
fn an_outage_is_a_gap_but_counts_in_the_window() {
    let bench = one(
        Kind::Counter,
        1_000,
        &[
            (-9_500, 1.0),
            (-8_500, 2.0),
            (-2_500, 14.0),
            (-1_500, 16.0),
            (-500, 18.0),
        ],
    );
    let line = bench.line(&query(Function::Rate), 1, 10);
    let gap = [
        None,
        Some(1.0),
        Some(1.0),
        Some(1.0),
        None,
        None,
        None,
        None,
        Some(2.0),
        Some(2.0),
    ];
    assert_eq!(line, gap);
    assert_eq!(bench.figure(&query(Function::Increase), 10).unwrap().value, 17.0);
}

#[test]
fn a_counter_grows_from_its_first_sample_and_across_restarts() {
    let bench = one(
        Kind::Counter,
        1_000,
        &[
            (-4_500, 100.0),
            (-3_500, 104.0),
            (-2_500, 3.0),
            (-1_500, 5.0),
            (-500, 6.0),
        ],
    );
    assert_eq!(
        bench.line(&query(Function::Rate), 1, 5),
        [None, Some(4.0), Some(3.0), Some(2.0), Some(1.0)]
    );
    assert_eq!(bench.figure(&query(Function::Increase), 300).unwrap().value, 10.0);
    assert_eq!(bench.figure(&query(Function::Rate), 300).unwrap().value, 2.5);
    // A single sample covers no time: it has grown by nothing, at no known rate.
    let bench = one(Kind::Counter, 1_000, &[(-500, 6.0)]);
    assert_eq!(bench.figure(&query(Function::Increase), 300).unwrap().value, 0.0);
    assert_eq!(bench.figure(&query(Function::Rate), 300), None);
}

#[test]
fn a_histogram_that_reports_nothing_has_the_rate_zero() {
    let quiet = |second: i64| recorded(if second % 4 == 0 { &[0.1, 0.2] } else { &[] });
    let bench = histogram((0..8).map(|n| (-8_000 + n * 1_000 + 850, quiet(n))).collect());
    let line = bench.line(&query(Function::Rate), 1, 10);
    let zero = Some(0.0);
    assert_eq!(
        line,
        [None, None, Some(2.0), zero, zero, zero, Some(2.0), zero, zero, zero]
    );
    let line = bench.line(&query(Function::Quantile(1.0)), 1, 10);
    assert_eq!(line[..3], [None, None, Some(0.2)]);
    assert!(
        line[2..].iter().all(Option::is_some),
        "the trailing ten seconds are never empty"
    );
}

#[test]
fn every_delta_in_the_window_counts_in_full() {
    let bench = histogram(
        (0..20)
            .map(|n| (-20_000 + n * 1_000 + 850, recorded(&[0.1; 5])))
            .collect(),
    );
    for window in [1, 7, 10, 20, 300] {
        let value = |function| bench.figure(&query(function), window).unwrap().value;
        assert_eq!(value(Function::Increase), f64::from(window.min(20)) * 5.0, "{window} s");
        assert_eq!(value(Function::Rate), 5.0, "{window} s");
    }
}

#[test]
fn a_quantile_covers_ten_seconds_or_the_slot() {
    let bench = histogram(vec![
        (-39_500, recorded(&[0.5])),
        (-15_500, recorded(&[0.25])),
        (-12_500, recorded(&[8.0])),
    ]);
    let line = bench.line(&query(Function::Max), 1, 20);
    let mut expected = vec![None; 20];
    expected[4..7].fill(Some(0.25));
    expected[7..17].fill(Some(8.0));
    assert_eq!(line, expected);
    // Of three-second slots each point still covers ten seconds, which are no multiple of three.
    assert_eq!(bench.line(&query(Function::Max), 3, 2), [Some(8.0), None]);
    assert_eq!(bench.line(&query(Function::Max), 20, 2), [Some(0.5), Some(8.0)]);
    assert_eq!(bench.line(&query(Function::Min), 20, 2), [Some(0.5), Some(0.25)]);
    assert_eq!(bench.line(&query(Function::Avg), 20, 2), [Some(0.5), Some(4.125)]);
}

#[test]
fn apdex_and_shares_come_from_the_distribution() {
    let bench = histogram(vec![(-500, recorded(&[0.25, 0.25, 1.0, 16.0]))]);
    let figure = |function| bench.figure(&query(function), 60).unwrap().value;
    assert_eq!(figure(Function::Apdex(0.5)), (2.0 + 0.5) / 4.0);
    assert_eq!(figure(Function::Share(0.5, Some(2.0))), 0.25);
    assert_eq!(figure(Function::Share(2.0, None)), 0.25);
    assert_eq!(figure(Function::Share(0.0, Some(0.5))), 0.5);
    assert_eq!(bench.line(&query(Function::Apdex(0.5)), 1, 1), [Some(0.625)]);
}

#[test]
fn series_are_put_together_where_any_has_a_value() {
    let bench = Bench::new();
    bench.numbers(
        &series("m", &[("n", "1")], Kind::Gauge, 1_000),
        &[(-2_500, 1.0), (-1_500, 2.0)],
    );
    bench.numbers(
        &series("m", &[("n", "2")], Kind::Gauge, 1_000),
        &[(-6_500, 3.0), (-1_500, 6.0)],
    );
    let check = |combine, expected: [Option<f64>; 4]| {
        assert_eq!(bench.line(&query(Function::Last).combined(combine), 1, 4)[..], expected);
    };
    check(Combine::Sum, [None, Some(1.0), Some(8.0), Some(8.0)]);
    check(Combine::Avg, [None, Some(1.0), Some(4.0), Some(4.0)]);
    check(Combine::Min, [None, Some(1.0), Some(2.0), Some(2.0)]);
    check(Combine::Max, [None, Some(1.0), Some(6.0), Some(6.0)]);
}

#[test]
fn a_group_grows_for_as_long_as_any_of_it() {
    let bench = Bench::new();
    let route = |route, samples: i64| {
        let series = series("m", &[("route", route)], Kind::Histogram, 1_000);
        bench.distributions(
            &series,
            (0..samples)
                .map(|n| (-1_000 * n - 150, recorded(&[0.1; 6])))
                .rev()
                .collect(),
        );
    };
    route("old", 400);
    route("new", 10);
    let all = bench.figure(&query(Function::Rate), 300).unwrap().value;
    assert_eq!(all, (300.0 * 6.0 + 60.0) / 300.0);
    let grid = Query::new(Selector::new("m").is("route", &["new"]), Function::Rate);
    assert_eq!(bench.figure(&grid, 300).unwrap().value, 6.0);
}

#[test]
fn a_ratio_needs_a_whole_but_not_a_part() {
    let bench = Bench::new();
    let send = |status, route, samples: &[(Millis, f64)]| {
        let labels = [("http_response_status_code", status), ("route", route)];
        bench.numbers(&series("m", &labels, Kind::Counter, 1_000), samples);
    };
    send("200", "/a", &[(-2_500, 0.0), (-1_500, 6.0), (-500, 6.0)]);
    send("503", "/a", &[(-2_500, 0.0), (-1_500, 2.0), (-500, 2.0)]);
    send("204", "/b", &[(-2_500, 0.0), (-1_500, 5.0), (-500, 5.0)]);
    let failed = Selector::new("m").starts_with("http_response_status_code", "5");
    let ratio = |function| Query::ratio(Query::new(failed.clone(), function), query(function)).by(&["route"]);
    let lines = bench.lines(&ratio(Function::Rate), 1, 3);
    let route = |route| Labels::new([("route", route)]);
    assert_eq!(
        lines,
        [
            (route("/a"), vec![None, Some(0.25), None]),
            (route("/b"), vec![None, Some(0.0), None])
        ]
    );
    let whole = Query::ratio(
        Query::new(failed.clone(), Function::Increase),
        query(Function::Increase),
    );
    assert_eq!(bench.figure(&whole, 60).unwrap().value, 2.0 / 13.0);

    let classes = bench.lines(&query(Function::Increase).by(&[STATUS_CLASS]), 1, 1);
    let class = |class| Labels::new([(STATUS_CLASS, class)]);
    assert_eq!(
        classes.iter().map(|(labels, _)| labels.clone()).collect::<Vec<_>>(),
        [class("2xx"), class("5xx")]
    );
}

#[test]
fn malformed_status_codes_are_of_no_class() {
    let bench = Bench::new();
    for code in ["200", "2000", "20x", "-", "999", "099"] {
        bench.numbers(
            &series("m", &[("http_response_status_code", code)], Kind::Gauge, 1_000),
            &[(-500, 1.0)],
        );
    }
    bench.numbers(&series("m", &[], Kind::Gauge, 1_000), &[(-500, 1.0)]);
    let lines = bench.lines(&query(Function::Last).by(&[STATUS_CLASS]), 1, 1);
    let class = |class, count: f64| (Labels::new([(STATUS_CLASS, class)]), vec![Some(count)]);
    assert_eq!(
        lines,
        [
            (Labels::none(), vec![Some(1.0)]),
            class("2xx", 1.0),
            class("_OTHER", 5.0)
        ]
    );
}

#[test]
fn what_never_happened_is_zero_while_its_metric_is_reported() {
    let bench = Bench::new();
    bench.numbers(
        &series("m", &[("outcome", "ok")], Kind::Counter, 1_000),
        &seconds(9, |n| n as f64),
    );
    let failed = |function| Query::new(Selector::new("m").is("outcome", &["failed"]), function);
    assert_eq!(bench.figure(&failed(Function::Increase), 60).unwrap().value, 0.0);
    assert_eq!(bench.figure(&failed(Function::Rate), 60).unwrap().value, 0.0);
    assert_eq!(bench.figure(&failed(Function::Last), 60), None);
    let other = Query::new(Selector::new("other"), Function::Increase);
    assert_eq!(bench.figure(&other, 60), None);
}

#[test]
fn the_newest_value_leaves_out_series_that_ended() {
    let bench = Bench::new();
    bench.numbers(&series("m", &[("n", "ended")], Kind::Gauge, 1_000), &[(-30_000, 100.0)]);
    bench.numbers(
        &series("m", &[("n", "on")], Kind::Gauge, 1_000),
        &[(-2_000, 5.0), (-900, 7.0)],
    );
    assert_eq!(bench.figure(&query(Function::Last), 60).unwrap().value, 7.0);
    // Where all have ended, what was known last is shown, and the panel's state tells how old it is.
    let bench = one(Kind::Gauge, 1_000, &[(-40_000, 3.0), (-30_000, 100.0)]);
    assert_eq!(bench.figure(&query(Function::Last), 60).unwrap().value, 100.0);
    assert_eq!(bench.figure(&query(Function::Last), 20), None);
}

#[test]
fn other_buckets_are_left_out_of_a_quantile_but_not_of_a_count() {
    let bench = Bench::new();
    let old = series("m", &[("version", "1")], Kind::Histogram, 1_000);
    let new = series("m", &[("version", "2")], Kind::Histogram, 1_000);
    bench.distributions(&old, vec![(-900, explicit(&[0.1, 1.0], &[10, 0, 0]))]);
    bench.distributions(&new, vec![(-800, explicit(&[0.25, 0.5, 1.0], &[0, 16, 0, 0]))]);
    let figure = bench.figure(&query(Function::Quantile(0.5)), 60).unwrap();
    assert_eq!((figure.value, figure.bucket), (0.375, Some((0.25, Some(0.5)))));
    assert_eq!(bench.figure(&query(Function::Increase), 60).unwrap().value, 26.0);
    assert_eq!(bench.line(&query(Function::Quantile(0.5)), 1, 1), [Some(figure.value)]);
}

#[test]
fn a_program_may_change_its_buckets() {
    let bench = histogram(vec![
        (-3_500, explicit(&[0.1, 1.0], &[4, 0, 0])),
        (-2_500, explicit(&[0.2], &[9, 0])),
        (-1_500, explicit(&[0.1, 1.0], &[2, 0, 0])),
    ]);
    assert_eq!(bench.figure(&query(Function::Increase), 60).unwrap().value, 15.0);
    assert_eq!(bench.figure(&query(Function::Quantile(1.0)), 60).unwrap().value, 0.2);
}

#[test]
fn a_late_sample_revises_the_line() {
    let bench = one(
        Kind::Counter,
        1_000,
        &[(-4_500, 0.0), (-3_500, 2.0), (-1_500, 6.0), (-500, 8.0)],
    );
    assert_eq!(bench.line(&query(Function::Rate), 1, 4), [Some(2.0); 4]);
    bench.late(Sample::number(
        &series("m", &[], Kind::Counter, 1_000),
        NOW - 2_500,
        5.0,
    ));
    assert_eq!(
        bench.line(&query(Function::Rate), 1, 4),
        [Some(2.0), Some(3.0), Some(1.0), Some(2.0)]
    );
}
