//! What a panel's snapshot holds.

use keiki_model::group::{self, Group};
use keiki_model::panel::{StatKey, Table};
use keiki_model::preset::Targets;
use keiki_model::query::{Function, Selector};
use keiki_model::target::Status;
use keiki_model::text::Language;

use super::*;
use crate::query::merged::Merged;

fn gauge(bench: &Bench, name: &str, label: (&str, &str), value: f64) {
    let labels = [("service_name", "shop"), ("host_name", "h"), label];
    let samples: Vec<_> = (0..5).map(|n| (-4_150 + n * 1_000, value)).collect();
    bench.numbers(&series(name, &labels, Kind::Gauge, 1_000), &samples);
}

#[test]
fn the_largest_lines_are_drawn_in_the_order_of_their_labels() {
    let bench = Bench::new();
    for cpu in 0..12 {
        let name = cpu.to_string();
        gauge(
            &bench,
            "system_cpu_core_utilization_ratio",
            ("cpu", &name),
            if cpu % 3 == 0 { 0.1 } else { 0.9 },
        );
    }
    let snapshot = bench.panel(group::panel("resources.cores").unwrap());
    let drawn: Vec<_> = snapshot
        .series
        .iter()
        .filter_map(|series| series.labels.get("cpu"))
        .collect();
    assert_eq!(drawn, ["1", "2", "4", "5", "7", "8", "10", "11"]);
}

#[test]
fn a_bucket_on_both_sides_of_a_target_is_not_judged() {
    // The target of the median is 50 ms. All requests lie in the bucket of this number.
    let status = |bounds: &[f64], bucket: usize| {
        let bench = Bench::new();
        let labels = [("service_name", "shop"), ("host_name", "h")];
        let mut counts = vec![0; bounds.len() + 1];
        counts[bucket] = 50;
        let all = vec![(-1_150, explicit(bounds, &counts))];
        bench.distributions(
            &series("http_server_request_duration_seconds", &labels, Kind::Histogram, 1_000),
            all,
        );
        let latency = bench.panel(group::panel("api.latency").unwrap());
        let place = latency
            .spec
            .stats
            .iter()
            .position(|spec| spec.key == StatKey::P50)
            .unwrap();
        latency.stats[place].status
    };
    assert_eq!(status(&[0.1, 0.5], 0), None, "it may be 1 ms or 99");
    assert_eq!(status(&[0.01, 0.05], 1), Some(Status::Ok));
    assert!(status(&[0.2, 0.5, 1.0], 3).is_some_and(|status| status > Status::Ok));
}

#[test]
fn figures_are_rounded_judged_and_limited() {
    let bench = Bench::new();
    gauge(&bench, "system_memory_utilization_ratio", ("none", ""), 0.812_345_678_9);
    gauge(&bench, "system_memory_usage_bytes", ("state", "used"), 16_123_456_789.0);
    gauge(&bench, "system_memory_limit_bytes", ("none", ""), 17_179_869_184.0);
    let memory = bench.panel(group::panel("resources.memory").unwrap());
    assert_eq!(
        (memory.stats[0].value, memory.stats[0].status),
        (Some(0.812_346), Some(Status::Warn))
    );
    assert_eq!(
        (memory.status, memory.series[0].points[299]),
        (Some(Status::Warn), Some(0.812_35))
    );
    let bytes = bench.panel(group::panel("resources.memory_bytes").unwrap());
    assert_eq!(
        (bytes.stats[0].value, bytes.stats[0].limit),
        (Some(16_123_456_789.0), Some(17_179_869_184.0))
    );
    assert_eq!(
        (bytes.status, bytes.series[0].points[299]),
        (None, Some(16_120_000_000.0))
    );
    // A card carries its siblings' figures, judged by their own targets.
    let card = bench.panel(Group::Resources.card());
    let place = card
        .spec
        .stats
        .iter()
        .position(|stat| stat.of.as_deref() == Some("resources.memory"))
        .unwrap();
    assert_eq!(card.stats[place].status, Some(Status::Warn));
}

#[test]
fn a_preset_judges_by_its_own_targets_and_keeps_its_spec() {
    let bench = Bench::new();
    let requests = durations();
    bench.distributions(&requests, vec![(-500, recorded(&[0.06]))]);
    let engine = bench.engine();
    let scope = Scope::default();
    let judged = |preset: Option<&str>| {
        let panel = Group::Api.card();
        let snapshot = engine.panel(
            panel,
            &Ask {
                targets: preset.and_then(Targets::of),
                ..ask(&scope, NOW)
            },
        );
        let p50 = snapshot
            .spec
            .stats
            .iter()
            .position(|stat| stat.key == StatKey::P50)
            .unwrap();
        (snapshot.stats[p50].status, snapshot.spec)
    };
    let (status, spec) = judged(None);
    assert_eq!(status, Some(Status::Warn));
    assert!(Arc::ptr_eq(&spec, &judged(None).1));
    let (status, other) = judged(Some("s2"));
    assert_eq!(status, None);
    assert!(Arc::ptr_eq(&other, &judged(Some("s2")).1) && !Arc::ptr_eq(&other, &spec));
    // At a level of load the caption says of which the targets are.
    let slow = Targets::of("s0").unwrap();
    let caption = |load| {
        let targets = Some(slow.at(load, None));
        let lead = engine.panel(
            group::panel("api.latency").unwrap(),
            &Ask {
                targets,
                ..ask(&scope, NOW)
            },
        );
        lead.spec.axis.get(Language::En).to_owned()
    };
    assert_eq!(caption(None), "Response time");
    assert_eq!(caption(Some(0.1)), "Response time, targets for light load");
    assert_eq!(caption(Some(5.0)), "Response time, targets for heavy load");
    // The card and the lead panel share an id, not a spec.
    let lead = engine.panel(group::panel("api.latency").unwrap(), &ask(&scope, NOW));
    assert_ne!(lead.spec.stats, spec.stats);
    assert!(Arc::ptr_eq(&spec, &judged(None).1));
}

#[test]
fn a_quantile_of_explicit_buckets_tells_its_bucket() {
    let bench = Bench::new();
    let requests = durations();
    bench.distributions(&requests, vec![(-500, explicit(&[0.1, 0.25, 0.5], &[0, 90, 9, 1]))]);
    let snapshot = bench.panel(group::panel("api.latency").unwrap());
    let buckets: Vec<_> = snapshot.stats.iter().map(|stat| stat.bucket).collect();
    let (second, third) = (Some((0.1, Some(0.25))), Some((0.25, Some(0.5))));
    assert_eq!(buckets, [second, third, third, None, None]);
    assert_eq!(
        snapshot.stat(StatKey::Max),
        None,
        "explicit buckets do not know their largest value"
    );
}

fn route(bench: &Bench, route: &str, status: &str, requests: usize) {
    let labels = [
        ("service_name", "shop"),
        ("http_route", route),
        ("http_request_method", "GET"),
        ("http_response_status_code", status),
    ];
    let series = series("http_server_request_duration_seconds", &labels, Kind::Histogram, 1_000);
    bench.distributions(
        &series,
        vec![(-2_500, recorded(&vec![0.25; requests])), (-1_500, recorded(&[]))],
    );
}

#[test]
fn a_watched_process_that_is_not_there_says_so() {
    let bench = Bench::new();
    let labels = [("process", "gone"), ("host_name", "h")];
    let running = series("process_watched_count", &labels, Kind::Gauge, 1_000);
    bench.numbers(&running, &[(-1_500, 0.0), (-500, 0.0)]);
    let snapshot = bench.panel(group::panel("resources.watched").unwrap());
    let row = &snapshot.rows[0];
    let cells = snapshot.spec.columns.iter().zip(&row.cells);
    let known: Vec<_> = cells
        .filter_map(|(column, cell)| Some((&*column.label.en, cell.value?)))
        .collect();
    assert_eq!(known, [("Running", 0.0)]);
}

#[test]
fn rows_that_are_alike_in_their_first_column_stand_by_the_next() {
    let bench = Bench::new();
    for (pid, cpu, memory) in [("1", 0.0, 5e6), ("2", 0.0, 9e6), ("3", 0.5, 1e6), ("4", 0.0, 9e6)] {
        let labels = [("process_name", "web"), ("process_pid", pid), ("host_name", "h")];
        let gauge = |name| series(name, &labels, Kind::Gauge, 5_000);
        bench.numbers(&gauge("process_cpu_utilization_ratio"), &[(-500, cpu)]);
        bench.numbers(&gauge("process_memory_usage_bytes"), &[(-500, memory)]);
    }
    let snapshot = bench.panel(group::panel("resources.processes").unwrap());
    let pids: Vec<_> = snapshot
        .rows
        .iter()
        .filter_map(|row| row.labels.get("process_pid"))
        .collect();
    assert_eq!(pids, ["3", "2", "4", "1"]);
}

#[test]
fn a_table_has_a_row_per_group() {
    let bench = Bench::new();
    route(&bench, "/items/10", "200", 3);
    route(&bench, "/items/9", "200", 3);
    route(&bench, "/cart", "200", 7);
    route(&bench, "/cart", "500", 1);
    let panel = group::panel("api.endpoints").unwrap();
    let snapshot = bench.panel(panel);
    let rows: Vec<_> = snapshot
        .rows
        .iter()
        .filter_map(|row| row.labels.get("http_route"))
        .collect();
    assert_eq!(rows, ["/cart", "/items/9", "/items/10"]);
    let cell = |row: usize, key| {
        let place = snapshot
            .spec
            .columns
            .iter()
            .position(|column| column.key == key)
            .unwrap();
        snapshot.rows[row].cells[place].value
    };
    assert_eq!(
        [StatKey::Count, StatKey::Ratio, StatKey::P95].map(|key| cell(0, key)),
        [Some(8.0), Some(0.125), Some(0.25)]
    );
    assert_eq!(
        [StatKey::Count, StatKey::Ratio].map(|key| cell(1, key)),
        [Some(3.0), Some(0.0)]
    );
    // Sparklines stand in the order of their labels, which the order of the rows does not disturb.
    let sparks: Vec<_> = snapshot
        .series
        .iter()
        .filter_map(|series| series.labels.get("http_route"))
        .collect();
    assert_eq!(sparks, ["/cart", "/items/9", "/items/10"]);
    assert_eq!((snapshot.step, snapshot.slots, snapshot.to), (5, 60, NOW));

    let few = Panel {
        table: panel.table.clone().map(|table| Table { rows: 2, ..table }),
        ..panel.clone()
    };
    let snapshot = bench.panel(&few);
    assert_eq!((snapshot.rows.len(), snapshot.series.len()), (2, 2));
}

#[test]
fn a_heat_map_counts_by_the_ladder() {
    let bench = Bench::new();
    let requests = durations();
    let samples = (0..10).map(|n| {
        (
            -10_000 + n * 1_000 + 850,
            recorded(if n == 2 { &[0.0, 0.015, 0.017, 0.09, 300.0] } else { &[] }),
        )
    });
    bench.distributions(&requests, samples.collect());
    let panel = group::panel("api.distribution").unwrap();
    let scope = Scope::default();
    // Three seconds into a slot of five seconds: only closed ones are shown.
    let snapshot = bench.engine().panel(
        panel,
        &Ask {
            to: NOW + 3_000,
            now: NOW + 3_200,
            ..ask(&scope, NOW)
        },
    );
    assert_eq!((snapshot.step, snapshot.slots, snapshot.to), (5, 60, NOW));
    let bounds: Vec<_> = snapshot
        .series
        .iter()
        .filter_map(|series| series.labels.get("le"))
        .collect();
    assert_eq!(bounds.len(), 19);
    assert_eq!(
        (bounds[0], bounds[6], bounds[17], bounds[18]),
        ("0.0001", "0.01", "60", "+Inf")
    );
    assert_eq!(snapshot.series[18].labels.get("gt"), Some("60"));
    let column = |slot: usize| {
        snapshot
            .series
            .iter()
            .map(|series| series.points[slot])
            .collect::<Vec<_>>()
    };
    assert!(column(57).iter().all(Option::is_none), "not measured");
    assert!(
        column(59).iter().all(|count| *count == Some(0.0)),
        "measured, and nothing happened"
    );
    let counts: Vec<_> = column(58).into_iter().flatten().collect();
    assert_eq!(counts.iter().sum::<f64>(), 5.0);
    assert_eq!(
        (counts[0], counts[7], counts[9], counts[17], counts[18]),
        (1.0, 2.0, 1.0, 0.0, 1.0)
    );
}

#[test]
fn what_exceeds_a_last_bucket_is_above_its_bound_and_no_more_is_said() {
    let bench = Bench::new();
    let requests = durations();
    let counts = explicit(&[0.5, 2.5], &[0, 4, 3]);
    bench.distributions(&requests, vec![(-1_500, counts)]);
    let snapshot = bench.panel(group::panel("api.distribution").unwrap());
    let last = snapshot.series.last().unwrap();
    assert_eq!(
        (last.labels.get("le"), last.labels.get("gt")),
        (Some("+Inf"), Some("2.5"))
    );
    let count = |series: &keiki_model::panel::SeriesPoints| series.points.iter().flatten().sum::<f64>();
    assert_eq!(count(last), 3.0);
    assert_eq!(snapshot.series.iter().map(count).sum::<f64>(), 7.0);
}

#[test]
fn the_row_without_end_begins_where_those_in_it_do() {
    let bench = Bench::new();
    let (quick, slow) = (durations(), durations_of("billing"));
    // The one with the low last bound exceeded it never.
    bench.distributions(&quick, vec![(-1_500, explicit(&[0.5, 2.5], &[5, 4, 0]))]);
    bench.distributions(&slow, vec![(-1_500, explicit(&[0.5, 90.0], &[1, 0, 2]))]);
    let open = |bench: &Bench| {
        let snapshot = bench.panel(group::panel("api.distribution").unwrap());
        let last = snapshot.series.last().unwrap().clone();
        (
            last.labels.get("gt").map(str::to_owned),
            last.points.iter().flatten().sum::<f64>(),
        )
    };
    assert_eq!(open(&bench), (Some("60".into()), 2.0));

    let bench = Bench::new();
    bench.distributions(&quick, vec![(-1_500, explicit(&[0.000_3], &[1, 1]))]);
    assert_eq!(open(&bench), (Some("0.0003".into()), 1.0), "to the digit");
}

#[test]
fn a_count_without_buckets_is_neither_slow_nor_fast() {
    let bench = Bench::new();
    let bare = durations_of("billing");
    bench.distributions(&bare, vec![(-1_500, explicit(&[], &[5]))]);
    let distribution = group::panel("api.distribution").unwrap();
    assert!(bench.panel(distribution).series.is_empty());
    bench.distributions(&durations(), vec![(-1_500, explicit(&[0.5, 2.5], &[2, 1, 0]))]);
    let snapshot = bench.panel(distribution);
    assert!(snapshot.series.iter().all(|series| series.labels.get("gt").is_none()));
    let all: f64 = snapshot
        .series
        .iter()
        .flat_map(|series| series.points.iter().flatten())
        .sum();
    assert_eq!(all, 3.0);

    let both = Merged::of(&[
        (&explicit(&[], &[5])).into(),
        (&explicit(&[0.5, 2.5], &[2, 1, 0])).into(),
    ]);
    let figure = |function| both.figure(function).map(|figure| figure.value);
    assert_eq!(figure(Function::Apdex(0.5)), Some((2.0 + 1.0 * 0.75 / 2.0) / 3.0));
    assert_eq!(figure(Function::Share(0.0, Some(0.5))), Some(2.0 / 3.0));
    assert_eq!(figure(Function::Within(0.5, None)), Some(1.0));
    assert!(
        figure(Function::Quantile(0.5)).is_some(),
        "though the bare count is larger"
    );
    assert_eq!(
        Merged::of(&[(&explicit(&[], &[5])).into()]).figure(Function::Apdex(0.5)),
        None
    );
}

#[test]
fn a_heat_map_shows_the_rows_from_the_lowest_to_the_highest_in_use() {
    let bench = Bench::new();
    let requests = durations();
    bench.distributions(&requests, vec![(-1_500, recorded(&[0.015, 0.3]))]);
    let snapshot = bench.panel(group::panel("api.distribution").unwrap());
    let bounds: Vec<_> = snapshot
        .series
        .iter()
        .filter_map(|series| series.labels.get("le"))
        .collect();
    assert_eq!(bounds, ["0.02", "0.05", "0.1", "0.2", "0.5"]);
}

#[test]
fn a_line_carries_its_own_labels_beside_its_groups() {
    let bench = Bench::new();
    let requests = durations();
    bench.distributions(&requests, vec![(-1_500, recorded(&[0.015, 0.3]))]);
    let mut panel = group::panel("api.latency").unwrap().clone();
    let by_service =
        Query::new(Selector::new("http_server_request_duration_seconds"), Function::Rate).by(&["service_name"]);
    panel.lines[0].query = by_service;
    let snapshot = bench.panel(&panel);
    assert_eq!(
        snapshot.series[0].labels,
        Labels::new([("service_name", "shop"), ("stat", "p50")])
    );
    assert_eq!(snapshot.series[1].labels, Labels::new([("stat", "p95")]));
}
