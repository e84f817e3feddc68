//! Snapshots made up from the catalogue: every panel with plausible data in any state.

use std::sync::Arc;

use keiki_model::frame::{GroupSummary, Header, Snapshot};
use keiki_model::group::Group;
use keiki_model::panel::{ChartKind, Failure, PanelSnapshot, PanelSpec, Row, SeriesPoints, Stat, StatKey, State};
use keiki_model::series::Labels;
use keiki_model::target::{Direction, Goal, Status};
use keiki_model::text::Text;
use keiki_model::time::Zone;
use keiki_model::unit::Unit;
use keiki_model::view::{Subject, View};

/// 2026-11-21 14:07:03.2 in Tokyo.
pub(crate) const NOW: i64 = 1_795_237_623_200;

/// The state that a panel is to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    Missed,
    Passed,
    Stale,
    Empty,
    Failed,
}

pub(crate) const MOODS: [Mood; 6] = [
    Mood::Fine,
    Mood::Missed,
    Mood::Passed,
    Mood::Stale,
    Mood::Empty,
    Mood::Failed,
];

/// A view's snapshot with a mood for each panel, by its place.
pub(crate) fn snapshot(view: &View, mood: impl Fn(usize) -> Mood) -> Snapshot {
    let specs: Vec<&PanelSpec> = match &view.subject {
        Subject::Overview => Group::ALL.iter().map(|group| &group.card().spec).collect(),
        Subject::Group(group) => group.panels().iter().map(|panel| &panel.spec).collect(),
        Subject::Panel(id) => keiki_model::group::panel(id).iter().map(|panel| &panel.spec).collect(),
    };
    let panels: Vec<_> = specs
        .into_iter()
        .enumerate()
        .map(|(at, spec)| panel(spec, view, mood(at), at as u64 + 1))
        .collect();
    let summary = |(at, group): (usize, &Group)| {
        let shown = matches!(view.subject, Subject::Overview).then(|| &panels[at]);
        GroupSummary {
            id: group.id().to_owned(),
            state: shown.map_or(State::Live, |panel| panel.state),
            status: shown.map_or(Some(Status::Ok), |panel| panel.status),
            lacks: false,
        }
    };
    Snapshot {
        build: "build".into(),
        boot: "boot".into(),
        seq: 42,
        now: NOW,
        view: view.to_string().into(),
        header: Header {
            groups: Group::ALL.iter().enumerate().map(summary).collect(),
            sources: (5, 5),
            services: vec!["wellness-api".to_owned()],
            zone: Zone {
                offset: 9 * 3_600,
                name: "JST".to_owned(),
            },
            annotations: Vec::new(),
        },
        panels,
    }
}

/// A number from 0 to 1 that looks like chance and never changes.
fn chance(seed: u64) -> f64 {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    x ^= x >> 32;
    x = x.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    x ^= x >> 29;
    (x >> 11) as f64 / (1u64 << 53) as f64
}

fn typical(unit: Unit, key: Option<StatKey>) -> f64 {
    let base = match unit {
        Unit::Seconds => 0.0294,
        Unit::Bytes => 412e6,
        Unit::Ratio => 0.26,
        Unit::Count => 24.0,
        Unit::PerSecond => 419.0,
        Unit::BytesPerSecond => 18.6e6,
    };
    let factor = match key {
        Some(StatKey::P95) => 3.5,
        Some(StatKey::P99) => 5.1,
        Some(StatKey::Max) => 9.0,
        Some(StatKey::Mean) => 1.4,
        Some(StatKey::Count | StatKey::Total) if unit != Unit::Bytes => 3_700.0,
        _ => 1.0,
    };
    let value: f64 = base * factor;
    if unit == Unit::Ratio { value.min(0.97) } else { value }
}

fn judged(goal: Option<&Goal>, usual: f64, mood: Mood) -> (f64, Option<Status>) {
    let Some(goal) = goal else { return (usual, None) };
    let below = goal.direction == Direction::Below;
    let value = match (mood, goal.allowed) {
        (Mood::Passed, Some(allowed)) => allowed * if below { 1.08 } else { 0.9 },
        (Mood::Missed | Mood::Passed, _) => goal.target * if below { 1.026 } else { 0.985 },
        _ if below => goal.target * 0.59,
        _ => goal.target + (1.0 - goal.target) * 0.4,
    };
    (value, Some(goal.judge(value)))
}

fn round(value: f64) -> f64 {
    format!("{value:.5e}").parse().expect("the test made it so")
}

fn panel(spec: &PanelSpec, view: &View, mood: Mood, seed: u64) -> PanelSnapshot {
    let state = match mood {
        Mood::Stale => State::Stale,
        Mood::Empty => State::Empty,
        Mood::Failed => State::Error,
        Mood::Fine | Mood::Missed | Mood::Passed => State::Live,
    };
    let fed = mood != Mood::Empty;
    let mut blamed = false;
    let stats: Vec<Stat> = spec
        .stats
        .iter()
        .map(|stat| {
            // Only one of the figures is off.
            let off = stat.goal.is_some() && !blamed && stat.key != StatKey::P50;
            blamed |= off;
            let mood = if off { mood } else { Mood::Fine };
            let (value, status) = judged(stat.goal.as_ref(), typical(stat.unit, Some(stat.key)), mood);
            Stat {
                value: fed.then(|| round(value)),
                status: status.filter(|_| fed),
                limit: (stat.unit == Unit::Count && stat.key == StatKey::Last && spec.id == "database.connections")
                    .then_some(50.0),
                bucket: None,
            }
        })
        .collect();
    let to = NOW.div_euclid(i64::from(view.step) * 1_000) * i64::from(view.step) * 1_000;
    let status = stats.iter().filter_map(|stat| stat.status).max();
    PanelSnapshot {
        before: Vec::new(),
        spec: Arc::new(spec.clone()),
        state,
        status: status.filter(|_| matches!(state, State::Live | State::Stale)),
        itself: seed == 6,
        interval_ms: 1_000,
        newest: fed.then_some(if mood == Mood::Stale { NOW - 14_200 } else { NOW - 400 }),
        step: view.step,
        to,
        slots: view.slots(),
        series: if fed {
            series(spec, view.slots() as usize, mood, seed)
        } else {
            Vec::new()
        },
        rows: if fed { rows(spec) } else { Vec::new() },
        stats,
        failure: (mood == Mood::Failed).then(|| Failure {
            source: "redis://127.0.0.1:6379".to_owned(),
            message: Text::same("connection refused (os error 111)"),
            since: Some(NOW - 95_000),
            next_attempt: Some(NOW + 8_000),
        }),
    }
}

fn wave(base: f64, slots: usize, gap: usize, seed: u64) -> Vec<Option<f64>> {
    (0..slots)
        .map(|slot| {
            let bump = if slot * 10 > slots * 3 {
                1.0 + 1.2 * (-((slot * 10 - slots * 3) as f64) / (slots as f64 * 2.0)).exp()
            } else {
                1.0
            };
            let noise = 0.85 + 0.3 * chance(seed * 10_007 + slot as u64);
            (slot + gap < slots).then(|| {
                format!("{:.3e}", base * bump * noise)
                    .parse()
                    .expect("the test made it so")
            })
        })
        .collect()
}

fn series(spec: &PanelSpec, slots: usize, mood: Mood, seed: u64) -> Vec<SeriesPoints> {
    let gap = if mood == Mood::Stale { slots / 20 } else { 0 };
    let base = typical(spec.unit, None);
    let line = |labels: Labels, scale: f64, seed: u64| SeriesPoints::new(labels, wave(base * scale, slots, gap, seed));
    let naming: Vec<&str> = spec.naming.iter().map(String::as_str).collect();
    match (spec.chart, naming.as_slice()) {
        (ChartKind::Stat, _) => Vec::new(),
        (ChartKind::Heat, _) => [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5]
            .iter()
            .enumerate()
            .map(|(at, le)| {
                let counts = [3.0, 90.0, 420.0, 260.0, 60.0, 9.0, 1.0][at];
                let points = wave(counts, slots, gap, seed + at as u64);
                let whole = points.into_iter().map(|point| point.map(f64::round));
                SeriesPoints::new(Labels::new([("le", le.to_string())]), whole.collect())
            })
            .collect(),
        (ChartKind::Table, _) => rows(spec)
            .into_iter()
            .enumerate()
            .map(|(at, row)| line(row.labels, 1.0, seed + 31 * at as u64))
            .collect(),
        (_, []) => vec![line(Labels::none(), 1.0, seed)],
        (_, ["stat"]) => [("p50", 1.0), ("p95", 2.6), ("p99", 5.0)]
            .iter()
            .enumerate()
            .map(|(at, (stat, scale))| line(Labels::new([("stat", *stat)]), *scale, seed + at as u64))
            .collect(),
        (_, [first, rest @ ..]) => ["user", "sys", "iowait"]
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let name = if spec.palette == keiki_model::panel::Palette::StatusClass {
                    ["2xx", "3xx", "5xx"][at]
                } else {
                    name
                };
                let labels = rest
                    .iter()
                    .fold(Labels::new([(*first, name)]), |labels, more| labels.with(more, "in"));
                line(labels, [0.7, 0.2, 0.06][at], seed + at as u64)
            })
            .collect(),
    }
}

fn rows(spec: &PanelSpec) -> Vec<Row> {
    if spec.columns.is_empty() {
        return Vec::new();
    }
    let names = [
        "/api/v1/sessions",
        "/api/v1/sessions/{id}/messages",
        "/api/v1/dashboard",
        "/api/v1/users/{id}",
        "/api/v1/checkins",
        "/api/v1/reports/{id}",
        "/api/v1/auth/token",
        "/healthz",
        "/api/v1/reports/generate",
        "/<b>&\"'",
    ];
    names
        .iter()
        .enumerate()
        .map(|(at, name)| Row {
            labels: spec
                .naming
                .iter()
                .fold(Labels::none(), |labels, label| match label.as_str() {
                    "http_request_method" => labels.with(label, if at % 3 == 1 { "POST" } else { "GET" }),
                    "process_pid" => labels.with(label, &(1_200 + 37 * at).to_string()),
                    label => labels.with(label, name),
                }),
            cells: spec
                .columns
                .iter()
                .enumerate()
                .map(|(column, spec)| {
                    let scale = 0.2 + 2.0 * chance((at * 31 + column) as u64);
                    let value = round(typical(spec.unit, Some(spec.key)) * scale).min(if spec.unit == Unit::Ratio {
                        0.9
                    } else {
                        f64::MAX
                    });
                    let mood = if at == 3 { Mood::Missed } else { Mood::Fine };
                    let (value, status) = judged(spec.goal.as_ref(), value, mood);
                    Stat {
                        value: (at != 7).then(|| round(value)),
                        status,
                        ..Stat::default()
                    }
                })
                .collect(),
        })
        .collect()
}
