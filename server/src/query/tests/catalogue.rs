//! Every panel of the catalogue comes alive when every metric it reads is fed.

use std::collections::{BTreeMap, BTreeSet};

use keiki_model::group::Group;
use keiki_model::panel::{Panel, State};
use keiki_model::query::{Function, Matcher, Query, Test};
use keiki_model::series::{Kind, Labels, Sample, Series};

use super::*;

/// What a metric must be, so that the catalogue's functions of it have values.
#[derive(Default)]
struct Wanted {
    kind: Option<Kind>,
    labels: BTreeMap<String, BTreeSet<String>>,
}

fn wanted() -> BTreeMap<String, Wanted> {
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    for panel in Group::ALL.iter().flat_map(|group| group.panels()) {
        let table = panel
            .table
            .iter()
            .flat_map(|table| table.columns.iter().chain(&table.spark));
        let queries = panel.lines.iter().map(|line| &line.query).chain(&panel.stats);
        for query in queries.chain(panel.limits.iter().flatten()).chain(table) {
            note(query, &mut wanted);
        }
    }
    wanted
}

fn note(query: &Query, wanted: &mut BTreeMap<String, Wanted>) {
    match query {
        Query::Ratio { part, whole } => {
            note(part, wanted);
            note(whole, wanted);
        }
        Query::Or { first, second } => {
            note(first, wanted);
            note(second, wanted);
        }
        Query::Select {
            selector, function, by, ..
        } => {
            let entry = wanted.entry(selector.metric.clone()).or_default();
            if selector.metric.ends_with("_duration_seconds") {
                entry.kind = Some(Kind::Histogram);
            } else if matches!(function, Function::Rate | Function::Increase) {
                entry.kind = Some(Kind::Counter);
            }
            for name in by {
                entry.labels.entry(name.clone()).or_default();
            }
            for Matcher { label, test } in &selector.matchers {
                let values = entry.labels.entry(label.clone()).or_default();
                match test {
                    Test::Is(all) => values.extend(all.iter().cloned()),
                    Test::IsNot(_) => drop(values.insert("other".to_owned())),
                    Test::StartsWith(prefix) => drop(values.insert(format!("{prefix}03"))),
                }
            }
        }
    }
}

/// Feeds two series of every metric for the newest `seconds`.
fn feed(bench: &Bench, seconds: i64) {
    for (name, wanted) in wanted() {
        let kind = wanted.kind.unwrap_or(Kind::Gauge);
        for which in ["a", "b"] {
            let mut labels = Labels::new([("service_name", "shop"), ("host_name", "h")]);
            for (label, values) in &wanted.labels {
                let value = if which == "a" { values.first() } else { values.last() };
                let code = label == "http_response_status_class";
                let (label, fallback) = if code {
                    ("http_response_status_code", "200")
                } else {
                    (&**label, which)
                };
                if labels.get(label).is_none() {
                    labels.set(label, value.map_or(fallback, |value| value));
                }
            }
            labels.set("instance", which);
            let series = Series::new(name.as_str(), labels, kind, Some(1_000));
            bench.send((0..seconds).map(|second| {
                let time = NOW - seconds * 1_000 + second * 1_000 + 850;
                match kind {
                    Kind::Histogram => Sample::distribution(&series, time, recorded(&[0.01, 0.3, 0.7, 3.0])),
                    Kind::Counter => Sample::number(&series, time, second as f64 * 3.0),
                    Kind::Gauge => Sample::number(&series, time, 0.25 + (second % 7) as f64 / 100.0),
                }
            }));
        }
    }
}

fn all() -> impl Iterator<Item = &'static Panel> {
    Group::ALL
        .iter()
        .flat_map(|group| group.panels().iter().chain([group.card()]))
}

#[test]
fn every_panel_lives_when_fed() {
    let bench = Bench::new();
    feed(&bench, 320);
    for panel in all() {
        let snapshot = bench.panel(panel);
        let id = &panel.spec.id;
        assert_eq!(snapshot.state, State::Live, "{id}");
        assert!(!snapshot.itself, "{id}");
        assert_eq!(
            (snapshot.interval_ms, snapshot.newest),
            (1_000, Some(NOW - 150)),
            "{id}"
        );
        assert_eq!(snapshot.stats.len(), panel.stats.len(), "{id}");
        for (stat, spec) in snapshot.stats.iter().zip(&panel.spec.stats) {
            assert!(
                stat.value.is_some_and(f64::is_finite),
                "{id}: {:?} is {:?}",
                spec.key,
                stat.value
            );
            assert_eq!(stat.status.is_some(), spec.goal.is_some(), "{id}: {:?}", spec.key);
        }
        for (stat, limit) in snapshot.stats.iter().zip(&panel.limits) {
            assert_eq!(stat.limit.is_some(), limit.is_some(), "{id}");
        }
        assert!(!snapshot.series.is_empty(), "{id} draws nothing");
        for series in &snapshot.series {
            assert_eq!(series.points.len(), snapshot.slots as usize, "{id}");
            assert!(
                series.points.iter().all(Option::is_some),
                "{id}{} has a gap",
                series.labels
            );
        }
        assert_eq!(snapshot.rows.is_empty(), panel.table.is_none(), "{id}");
        for row in &snapshot.rows {
            assert_eq!(row.cells.len(), panel.spec.columns.len(), "{id}");
        }
        let coarse = panel.heat.is_some() || panel.table.is_some();
        assert_eq!(
            (snapshot.step, snapshot.slots),
            if coarse { (5, 60) } else { (1, 300) },
            "{id}"
        );
        assert_eq!((snapshot.to, snapshot.from()), (NOW, NOW - 300_000), "{id}");
    }
}

#[test]
fn every_panel_is_empty_when_nothing_was_ever_fed() {
    let bench = Bench::new();
    for panel in all() {
        let snapshot = bench.panel(panel);
        let id = &panel.spec.id;
        assert_eq!(
            (snapshot.state, snapshot.status, snapshot.newest),
            (State::Empty, None, None),
            "{id}"
        );
        assert!(
            snapshot.series.is_empty() && snapshot.rows.is_empty() && !snapshot.itself,
            "{id}"
        );
        assert!(snapshot.stats.iter().all(|stat| stat.value.is_none()), "{id}");
    }
}
