use std::sync::Arc;

use super::*;
use crate::frame::AnnotationKind;
use crate::panel::{Palette, PanelSpec, SeriesPoints, Stat, StatKey, StatSpec, State};
use crate::query::STATUS_CLASS;
use crate::series::Labels;
use crate::target::Goal;
use crate::text::Text;
use crate::unit::Unit;

pub(super) const JST: i32 = 9 * 3_600;
/// 2026-11-21T14:07:03+09:00.
const TO: Millis = 1_795_237_623_000;

/// A panel of one-second slots; each series is named by its place.
pub(super) fn panel(chart: ChartKind, unit: Unit, goal: Option<Goal>, series: &[Vec<Option<f64>>]) -> PanelSnapshot {
    let slots = series.first().map_or(300, Vec::len);
    let stat = StatSpec {
        key: StatKey::Last,
        of: None,
        label: Text::same("x"),
        unit,
        goal,
        natural_limit: None,
        limited: false,
    };
    PanelSnapshot {
        spec: Arc::new(PanelSpec {
            id: "api.made_up".to_owned(),
            group: "api".to_owned(),
            title: Text::same("Made up"),
            help: Text::default(),
            axis: Text::new("値", "Value"),
            unit,
            chart,
            palette: Palette::Categorical,
            axis_limit: None,
            magnitude: None,
            naming: vec!["name".to_owned()],
            stats: vec![stat],
            columns: Vec::new(),
            sparklines: false,
            feed: crate::panel::Feed::default(),
        }),
        state: State::Live,
        status: None,
        itself: false,
        interval_ms: 1_000,
        newest: Some(TO),
        step: 1,
        to: TO,
        slots: u32::try_from(slots).expect("few slots"),
        series: series
            .iter()
            .enumerate()
            .map(|(place, points)| SeriesPoints::new(Labels::new([("name", format!("s{place}"))]), points.clone()))
            .collect(),
        before: Vec::new(),
        rows: Vec::new(),
        stats: vec![Stat::default()],
        failure: None,
    }
}

fn options(zone: &Zone) -> Options<'_> {
    Options {
        language: Language::En,
        zone,
        annotations: &[],
        points: 150,
        hidden: &[],
        apart: APART,
    }
}

pub(super) fn model(panel: &PanelSnapshot, points: usize) -> ChartModel {
    modelled(panel, points, APART)
}

pub(super) fn model_apart(panel: &PanelSnapshot, apart: f64) -> ChartModel {
    modelled(panel, 150, apart)
}

fn modelled(panel: &PanelSnapshot, points: usize, apart: f64) -> ChartModel {
    let zone = Zone {
        offset: JST,
        name: "JST".to_owned(),
    };
    let options = Options {
        points,
        apart,
        ..options(&zone)
    };
    ChartModel::new(panel, &options)
}

fn labels(ticks: &[Tick]) -> Vec<&str> {
    ticks.iter().map(|tick| tick.label.as_str()).collect()
}

fn edit(panel: &mut PanelSnapshot, change: impl FnOnce(&mut PanelSpec)) {
    let mut spec = (*panel.spec).clone();
    change(&mut spec);
    panel.spec = Arc::new(spec);
}

fn wave(count: usize, low: f64, high: f64) -> Vec<Option<f64>> {
    #[allow(clippy::cast_precision_loss, reason = "small")]
    let at = |slot: usize| low + (high - low) * (0.5 + 0.5 * (slot as f64 / 7.0).sin());
    (0..count).map(|slot| Some(at(slot))).collect()
}

#[test]
fn the_target_is_a_tick_with_room_above() {
    let latency = panel(
        ChartKind::Line,
        Unit::Seconds,
        Some(Goal::below(0.1, None)),
        &[wave(300, 0.004, 0.098)],
    );
    let model = model(&latency, 150);
    assert_eq!(model.label, "Value, ms");
    assert_eq!(labels(&model.y_ticks), ["150", "100", "50", "0"]);
    assert_eq!(model.y_ticks[1].role, Role::Target);
    assert!(!model.cut);
    let warn = model.warn.expect("a stretch beyond the target");
    assert!(warn.top == 0.0 && (warn.height - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn a_line_far_from_zero_cuts_the_axis_and_an_area_never() {
    let hits = vec![wave(300, 0.92, 0.935)];
    let mut line = panel(ChartKind::Line, Unit::Ratio, Some(Goal::above(0.9, Some(0.8))), &hits);
    edit(&mut line, |spec| spec.axis_limit = Some(1.0));
    let line = model(&line, 150);
    assert!(line.cut);
    assert_eq!(labels(&line.y_ticks), ["100", "95", "90", "85", "80"]);
    assert_eq!(line.y_ticks[2].role, Role::Target);
    let area = model(&panel(ChartKind::Area, Unit::Ratio, None, &hits), 150);
    assert!(!area.cut && area.range.0 == 0.0);
    assert_eq!(labels(&area.y_ticks), ["100", "75", "50", "25", "0"]);
}

#[test]
fn flat_empty_and_single_series_have_an_axis() {
    for value in [0.0, 0.612, 1e-9, 5e11] {
        for chart in [ChartKind::Line, ChartKind::Area, ChartKind::StackedArea, ChartKind::Bar] {
            let flat = model(&panel(chart, Unit::PerSecond, None, &[vec![Some(value); 300]]), 150);
            assert!(
                (2..=5).contains(&flat.y_ticks.len()),
                "{value} {chart:?} {:?}",
                flat.y_ticks
            );
            assert!(flat.series[0].points.iter().all(|point| point.high.is_finite()));
        }
    }
    let mut single = vec![None; 300];
    single[299] = Some(3.0);
    let single = model(&panel(ChartKind::Line, Unit::Count, None, &[single]), 150);
    assert_eq!(single.series[0].points.len(), 1);
    assert_eq!(single.gaps.len(), 1);
    let empty = model(&panel(ChartKind::Line, Unit::Count, None, &[vec![None; 300]]), 150);
    assert!(empty.is_empty() && empty.y_ticks.is_empty());
    assert_eq!(empty.gaps[0].label.as_deref(), Some("no data 5 min"));
    let none = model(&panel(ChartKind::Line, Unit::Count, None, &[]), 150);
    assert!(none.is_empty() && none.gaps.len() == 1);
}

#[test]
fn shares_end_at_one_by_whatever_hair_their_sum_misses_it() {
    let cpu = [vec![Some(0.6); 300], vec![Some(0.400_3); 300]];
    let full = panel(
        ChartKind::StackedArea,
        Unit::Ratio,
        Some(Goal::below(0.7, Some(0.8))),
        &cpu,
    );
    let full = model(&full, 150);
    assert_eq!(full.range, (0.0, 1.0));
    assert_eq!(full.y_ticks.first().map(|tick| tick.label.as_str()), Some("100"));
    let cores = model(&panel(ChartKind::Line, Unit::Ratio, None, &[wave(300, 0.97, 1.0)]), 150);
    assert_eq!((cores.range.1, cores.cut), (1.0, true));
}

#[test]
fn a_measured_limit_has_a_short_label() {
    let mut memory = panel(ChartKind::StackedArea, Unit::Bytes, None, &[wave(300, 20e9, 22e9)]);
    memory.stats[0].limit = Some(25.276_5e9);
    let model = model(&memory, 150);
    let limit = model.y_ticks.iter().find(|tick| tick.role == Role::Limit);
    assert_eq!(limit.map(|tick| tick.label.as_str()), Some("25.3"));
    assert_eq!(model.label, "Value, GB");
}

#[test]
fn counts_have_whole_ticks() {
    let few = model(&panel(ChartKind::Area, Unit::Count, None, &[wave(300, 0.0, 2.0)]), 150);
    assert_eq!(labels(&few.y_ticks), ["2", "1", "0"]);
    let none = model(&panel(ChartKind::Area, Unit::Count, None, &[vec![Some(0.0); 300]]), 150);
    assert_eq!(labels(&none.y_ticks), ["1", "0"]);
}

#[test]
fn a_target_far_beyond_the_values_stands_at_the_edge() {
    let fast = panel(
        ChartKind::Line,
        Unit::Seconds,
        Some(Goal::below(0.2, None)),
        &[wave(300, 0.001, 0.003)],
    );
    let model = model(&fast, 150);
    assert_eq!(labels(&model.y_ticks), ["200", "2", "1", "0"]);
    assert!(model.y_ticks[0].beyond && model.warn.is_none());
}

#[test]
fn time_ticks_travel_with_the_data() {
    let five = panel(ChartKind::Line, Unit::Count, None, &[wave(300, 0.0, 9.0)]);
    let model = model(&five, 150);
    assert_eq!(labels(&model.x_ticks), ["14:03", "14:04", "14:05", "14:06", "14:07"]);
    assert!((model.x_ticks[4].at - 0.99).abs() < 1e-9);
    let zone = Zone {
        offset: JST,
        name: String::new(),
    };
    let minute = ticks::time(TO - 60_000, TO, &zone);
    assert_eq!(labels(&minute), [":15", ":30", ":45", "14:07"]);
    let week = ticks::time(TO - 7 * 86_400_000, TO, &zone);
    assert_eq!(labels(&week), ["11/15", "11/17", "11/19", "11/21"]);
    let day = ticks::time(TO - 86_400_000, TO, &zone);
    assert_eq!(labels(&day), ["18:00", "00:00", "06:00", "12:00"]);
}

#[test]
fn gaps_are_hatched_and_break_the_line() {
    let mut points = wave(300, 0.1, 0.2);
    points[187..214].fill(None);
    let mut latency = panel(ChartKind::Line, Unit::Seconds, None, &[points.clone()]);
    let gaps = model(&latency, 150).gaps;
    assert_eq!(gaps.len(), 1);
    assert!((gaps[0].left - 187.0 / 300.0).abs() < 1e-9);
    assert!((gaps[0].width - 28.0 / 300.0).abs() < 1e-9);
    for most in [150, 300] {
        let breaks = model(&latency, most).series[0]
            .points
            .iter()
            .filter(|point| point.is_break())
            .count();
        assert_eq!(breaks, 1);
    }
    // The newest values under way are no gap yet; three seconds on they are.
    latency.series[0].points[297..].fill(None);
    assert_eq!(model(&latency, 150).gaps.len(), 1);
    latency.series[0].points[296..].fill(None);
    assert_eq!(model(&latency, 150).gaps.len(), 2);
}

#[test]
fn stacks_stand_upon_each_other() {
    let cpu = [vec![Some(0.1); 300], vec![Some(0.2); 300], vec![Some(0.05); 300]];
    let model = model(&panel(ChartKind::StackedArea, Unit::Ratio, None, &cpu), 150);
    let heights: Vec<(f64, f64)> = model
        .series
        .iter()
        .map(|s| (s.points[0].low, s.points[0].high))
        .collect();
    let near = |pair: (f64, f64), low: f64, high: f64| (pair.0 - low).abs() < 1e-9 && (pair.1 - high).abs() < 1e-9;
    assert_eq!(model.range, (0.0, 0.4));
    assert!(near(heights[0], 0.0, 0.25) && near(heights[1], 0.25, 0.75) && near(heights[2], 0.75, 0.875));
    let tops: Vec<f64> = model.ends.iter().map(|end| end.top).collect();
    assert!(tops.windows(2).all(|pair| pair[1] - pair[0] > 0.0999), "{tops:?}");
}

#[test]
fn bars_merge_slots_at_round_times() {
    let bars = model(
        &panel(ChartKind::Bar, Unit::PerSecond, None, &[wave(300, 0.0, 9.0)]),
        150,
    );
    assert!((bars.column - 5.0 / 300.0).abs() < 1e-9);
    let points = &bars.series[0].points;
    assert_eq!(points.len(), 60);
    // The window ends 3 s after a whole five seconds.
    assert!((points[0].left - 2.0 / 300.0).abs() < 1e-9);
    assert!(bars.ends.is_empty());
}

#[test]
fn a_hidden_series_leaves_the_axis_to_the_others_and_keeps_its_colour() {
    let both = panel(
        ChartKind::Line,
        Unit::PerSecond,
        None,
        &[wave(300, 1e5, 9e5), wave(300, 0.0, 9.0)],
    );
    let zone = Zone::default();
    let hidden = ["s0".to_owned()];
    let options = Options {
        language: Language::Ja,
        hidden: &hidden,
        ..options(&zone)
    };
    let model = ChartModel::new(&both, &options);
    assert_eq!(model.range, (0.0, 10.0));
    assert!(model.series[0].hidden && model.series[0].points.is_empty());
    assert_eq!(model.series[1].class, "series-2");
    assert_eq!(model.ends.len(), 1);
}

#[test]
fn ranks_and_status_classes_take_their_colours() {
    for (count, expected) in [
        (1, vec!["rank-2"]),
        (2, vec!["rank-1", "rank-3"]),
        (3, vec!["rank-1", "rank-2", "rank-3"]),
    ] {
        let mut ranked = panel(ChartKind::Line, Unit::Seconds, None, &vec![wave(300, 1.0, 2.0); count]);
        edit(&mut ranked, |spec| spec.palette = Palette::Ranked);
        let classes: Vec<&str> = keys(&ranked, Language::En).iter().map(|key| key.class).collect();
        assert_eq!(classes, expected);
    }
    let mut failures = vec![Some(0.0); 300];
    failures[100] = Some(1.0);
    let mut statuses = panel(
        ChartKind::StackedArea,
        Unit::PerSecond,
        None,
        &[wave(300, 900.0, 1e3), failures],
    );
    edit(&mut statuses, |spec| {
        spec.palette = Palette::StatusClass;
        spec.naming = vec![STATUS_CLASS.to_owned()];
    });
    for (series, class) in statuses.series.iter_mut().zip(["2xx", "5xx"]) {
        series.labels = Labels::new([(STATUS_CLASS, class)]);
    }
    let model = model(&statuses, 150);
    assert_eq!(model.series[1].class, "class-5");
    assert_eq!(model.rug, [101.0 / 300.0]);
}

#[test]
fn heat_rows_follow_their_bounds() {
    let bounds = ["0.001", "0.01", "0.1", "1", "+Inf"];
    let mut heat = panel(
        ChartKind::Heat,
        Unit::Seconds,
        None,
        &bounds.map(|_| vec![Some(0.0); 300]),
    );
    for (series, bound) in heat.series.iter_mut().zip(bounds) {
        series.labels = Labels::new([("le", bound)]);
    }
    heat.series[1].points[100] = Some(1.0);
    heat.series[3].points[100] = Some(1_000.0);
    let model = model(&heat, 150);
    let map = model.heat.as_ref().expect("a heat map");
    assert_eq!((map.rows, map.columns, map.per), (3, 60, 5_000));
    let drawn: Vec<(usize, u8)> = map.cells.iter().map(|cell| (cell.row, cell.level)).collect();
    assert_eq!(drawn, [(0, 1), (2, 8)]);
    assert_eq!(labels(&model.y_ticks), ["1,000", "100", "10", "1"]);
    assert!(model.gaps.is_empty());
}

#[test]
fn readouts_are_the_exact_values() {
    let mut points = wave(300, 0.1, 0.2);
    points[299] = Some(0.1234);
    let latency = panel(ChartKind::Line, Unit::Seconds, None, &[points]);
    let last = readout(&latency, TO - 1, Language::En).expect("within the window");
    assert_eq!((last.time, last.values[0].figure.as_str()), (TO - 1_000, "123"));
    assert_eq!(readout(&latency, TO, Language::En), None);
    let table = readouts(&latency, 30, Language::En);
    assert_eq!(
        (table.len(), table[0].time, table[1].time),
        (30, TO - 1_000, TO - 11_000)
    );
    assert_eq!(headings(&latency, Language::Ja), ["s0（ms）"]);
}

#[test]
fn a_chart_is_told_in_words() {
    let mut points = vec![None; 300];
    (points[10], points[299]) = (Some(0.1), Some(0.2));
    let latency = panel(ChartKind::Line, Unit::Seconds, None, &[points, vec![None; 300]]);
    assert_eq!(
        summary(&latency, Language::En),
        "s0: newest 200 ms, from 100 ms to 200 ms."
    );
    assert_eq!(
        summary(&latency, Language::Ja),
        "s0：最新 200ms、最小 100ms、最大 200ms。"
    );
    let mut points = vec![None; 300];
    points[239] = Some(0.1);
    let old = panel(ChartKind::Line, Unit::Seconds, None, &[points]);
    assert_eq!(
        summary(&old, Language::En),
        "s0: last 100 ms, 1 min before the end, from 100 ms to 100 ms."
    );
    let mut rows = vec![vec![Some(0.0); 300], vec![Some(0.0); 300]];
    (rows[0][299], rows[1][298], rows[1][290]) = (Some(1.0), Some(1_000.0), Some(2_000.0));
    let mut heat = panel(ChartKind::Heat, Unit::Seconds, None, &rows);
    for (series, bound) in heat.series.iter_mut().zip(["0.01", "1"]) {
        series.labels = Labels::new([("le", bound)]);
    }
    assert_eq!(headings(&heat, Language::En), ["≤ 10 ms", "≤ 1,000 ms"]);
    let table = readouts(&heat, 30, Language::En);
    let figures: Vec<_> = table[0].values.iter().map(|value| value.figure.as_str()).collect();
    assert_eq!(
        (table.len(), table[0].lasts, &figures[..]),
        (30, 10_000, &["1", "3,000"][..])
    );
    assert_eq!(
        summary(&heat, Language::En),
        "3,001 in all, most of them in the row ≤ 1,000 ms: 100%."
    );
    heat.series[1].labels = Labels::new([("le", "+Inf")]);
    assert_eq!(headings(&heat, Language::En), ["≤ 10 ms", "> 10 ms"]);
    let open = model(&heat, 150);
    assert_eq!(
        labels(&open.y_ticks),
        ["10", "5"],
        "nothing lies at a place above the last bound"
    );
    heat.series[1].labels = Labels::new([("gt", "0.005"), ("le", "+Inf")]);
    assert_eq!(headings(&heat, Language::En), ["≤ 10 ms", "> 5 ms"]);
    let open = model(&heat, 150);
    let map = open.heat.as_ref().expect("a heat map");
    let highest = map.cells.iter().find(|cell| cell.row == 1).expect("a cell");
    assert_eq!(map.describe(highest, &open.scale, Language::En).0, "> 5 ms");
    heat.series.remove(0);
    assert_eq!(labels(&model(&heat, 150).y_ticks), ["5"], "it stands alone");
}

#[test]
fn percentages_are_short() {
    let table = [
        (0.0, "0%"),
        (1.0, "100%"),
        (1.0 / 3.0, "33.33%"),
        (0.205, "20.5%"),
        (-0.02, "-2%"),
        (-0.0025, "-0.25%"),
    ];
    for (share, expected) in table {
        assert_eq!(percent(share), expected);
    }
    assert_eq!(percent(f64::NAN), "0%");
}

#[test]
fn extremes_are_a_band_and_widen_the_axis() {
    let mut load = panel(ChartKind::Line, Unit::PerSecond, None, &[vec![Some(10.0); 300]]);
    load.series[0].min = vec![Some(8.0); 300];
    load.series[0].max = vec![Some(12.0); 300];
    load.series[0].max[137] = Some(90.0);
    let model = model(&load, 150);
    assert!(model.range.1 >= 90.0);
    let [band] = &model.shades[..] else { panic!("one band") };
    assert_eq!((band.kind, band.class), ("band", model.series[0].class));
    assert!(band.points.len() <= 150);
    let top = band
        .points
        .iter()
        .max_by(|a, b| a.high.total_cmp(&b.high))
        .expect("points");
    // A spike of one slot stands where it was, whatever is thinned.
    assert!((top.high - 90.0 / model.range.1).abs() < 1e-9 && (top.left - 138.0 / 300.0).abs() < 0.01);
    let hidden = vec![model.series[0].name.clone()];
    let zone = Zone::default();
    let options = Options {
        hidden: &hidden,
        ..options(&zone)
    };
    assert_eq!(
        ChartModel::new(&load, &options).shades,
        [],
        "what is hidden has no band"
    );
}

#[test]
fn a_stack_has_one_band_and_one_ghost() {
    let parts = [vec![Some(1.0); 60], vec![Some(2.0); 60]];
    let mut stack = panel(ChartKind::StackedArea, Unit::PerSecond, None, &parts);
    stack.series[1].min = vec![Some(1.0); 60];
    stack.series[1].max = vec![Some(7.0); 60];
    stack.before = vec![SeriesPoints::new(Labels::none(), vec![Some(4.0); 60])];
    let model = model(&stack, 150);
    let kinds: Vec<_> = model.shades.iter().map(|shade| (shade.kind, shade.class)).collect();
    assert_eq!(kinds, [("band", ""), ("ghost", "")]);
    let height = |value: f64| value / model.range.1;
    let (band, ghost) = (model.shades[0].points[30], model.shades[1].points[30]);
    assert!((band.high - height(8.0)).abs() < 1e-9 && (band.low - height(2.0)).abs() < 1e-9);
    assert!((ghost.high - height(4.0)).abs() < 1e-9);
}

#[test]
fn what_was_told_is_marked() {
    let told = |ago: Millis, kind, text: &str| Annotation {
        time: TO - ago * 1_000,
        number: 0,
        kind,
        text: text.into(),
    };
    let annotations = [
        told(400, AnnotationKind::Note, "before the window"),
        told(200, AnnotationKind::Deployment, "v1.2"),
        told(190, AnnotationKind::Note, "<b>rolled back</b>"),
        told(1, AnnotationKind::ClockSet, ""),
    ];
    let zone = Zone::default();
    let marked = |language| {
        let options = Options {
            language,
            annotations: &annotations,
            ..options(&zone)
        };
        let model = ChartModel::new(
            &panel(ChartKind::Line, Unit::PerSecond, None, &[wave(300, 1.0, 2.0)]),
            &options,
        );
        model
            .marks
            .into_iter()
            .map(|mark| (mark.label, mark.roomy))
            .collect::<Vec<_>>()
    };
    let words = |texts: [(&str, bool); 3]| texts.map(|(text, roomy)| (text.to_owned(), roomy));
    assert_eq!(
        marked(Language::En),
        words([
            ("Deployment v1.2", false),
            ("<b>rolled back</b>", true),
            ("Clock set", false)
        ])
    );
    assert_eq!(marked(Language::Ja)[0].0, "デプロイ v1.2");
}
