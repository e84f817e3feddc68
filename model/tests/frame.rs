//! The law of frames: `fold(snapshot_k, deltas k+1…n) == snapshot_n`, for any history of a view.

use std::collections::BTreeMap;
use std::sync::Arc;

use keiki_model::frame::{Delta, Folded, GroupSummary, Header, Snapshot};
use keiki_model::group::Group;
use keiki_model::panel::{Failure, PanelSnapshot, PanelSpec, Row, SeriesPoints, Stat, State};
use keiki_model::series::Labels;
use keiki_model::target::Status;
use keiki_model::text::Text;
use keiki_model::time::Zone;
use proptest::prelude::*;

const SLOTS: u32 = 12;

/// One step of a view's history.
#[derive(Clone, Debug)]
enum Event {
    /// The window moves by some slots; each series gets values or gaps (by the seed).
    Move(u8, u64),
    /// A series is born at a place, with points.
    Born(u8, u8),
    /// A series dies.
    Gone(u8),
    /// A late sample revises a point.
    Late(u8, u8, Option<i16>),
    /// A series gets extremes, or loses them.
    Extremes(u8),
    /// What it is compared with: another line comes, or the last one goes.
    Before(u8, bool),
    /// Two series swap places, as when the top changes.
    Swap(u8, u8),
    /// A stat changes: its value, or its judgement and limit as well.
    Stat(u8, Option<i16>, bool),
    /// A row changes, is added or removed.
    Row(u8, i16),
    RowGone,
    /// The source falls silent, fails or comes back.
    State(u8),
    /// The spec itself changes (another preset).
    Spec(u8),
    /// The view's resolution does not change, but its panel's grid does.
    Grid(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..15_u8, any::<u64>()).prop_map(|(slots, seed)| Event::Move(slots, seed)),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(place, seed)| Event::Born(place, seed)),
        1 => any::<u8>().prop_map(Event::Gone),
        3 => (any::<u8>(), any::<u8>(), any::<Option<i16>>()).prop_map(|(s, p, v)| Event::Late(s, p, v)),
        1 => any::<u8>().prop_map(Event::Extremes),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(seed, comes)| Event::Before(seed, comes)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Event::Swap(a, b)),
        2 => (any::<u8>(), any::<Option<i16>>(), any::<bool>()).prop_map(|(s, v, j)| Event::Stat(s, v, j)),
        2 => (any::<u8>(), any::<i16>()).prop_map(|(place, value)| Event::Row(place, value)),
        1 => Just(Event::RowGone),
        1 => any::<u8>().prop_map(Event::State),
        1 => any::<u8>().prop_map(Event::Spec),
        1 => any::<u8>().prop_map(Event::Grid),
    ]
}

fn snapshot() -> Snapshot {
    let panel = |group: Group| PanelSnapshot {
        spec: Arc::new(group.card().spec.clone()),
        state: State::Live,
        status: None,
        itself: false,
        interval_ms: 1_000,
        newest: None,
        step: 1,
        to: 1_000_000_000,
        slots: SLOTS,
        series: Vec::new(),
        before: Vec::new(),
        rows: Vec::new(),
        stats: vec![Stat::default(); group.card().spec.stats.len()],
        failure: None,
    };
    Snapshot {
        build: "b1".into(),
        boot: "r1".into(),
        seq: 1,
        now: 1_000_000_000,
        view: "overview@1/12".into(),
        header: Header {
            groups: Vec::new(),
            sources: (1, 2),
            services: Vec::new(),
            zone: Zone {
                offset: 32_400,
                name: "JST".into(),
            },
            annotations: Vec::new(),
        },
        panels: Group::ALL.iter().map(|&group| panel(group)).collect(),
    }
}

fn value(number: Option<i16>) -> Option<f64> {
    number.map(|number| f64::from(number) / 8.0)
}

fn happen(panel: &mut PanelSnapshot, event: &Event) {
    let slots = panel.slots as usize;
    match event {
        Event::Move(by, seed) => {
            panel.to += i64::from(*by) * i64::from(panel.step) * 1_000;
            panel.newest = (seed % 5 != 0).then_some(panel.to - 100);
            let all = panel.series.iter_mut().chain(&mut panel.before);
            let lists = all.flat_map(|series| [&mut series.points, &mut series.min, &mut series.max]);
            for (place, list) in lists.filter(|list| !list.is_empty()).enumerate() {
                for slot in 0..u64::from(*by) {
                    let mix = seed
                        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                        .rotate_left((slot * 7 + place as u64) as u32 % 64);
                    list.push((mix % 4 != 0).then_some((mix % 1_000) as f64));
                }
                list.drain(..list.len() - slots);
            }
        }
        Event::Born(place, seed) => {
            let labels = Labels::new([("route", format!("/{seed}"))]);
            if panel.series.iter().all(|series| series.labels != labels) {
                let points = (0..slots).map(|slot| (slot % 3 != 0).then_some(slot as f64)).collect();
                let place = usize::from(*place) % (panel.series.len() + 1);
                panel.series.insert(place, SeriesPoints::new(labels, points));
            }
        }
        Event::Gone(place) if !panel.series.is_empty() => {
            panel.series.remove(usize::from(*place) % panel.series.len());
        }
        Event::Late(series, point, number) if !panel.series.is_empty() => {
            let series = usize::from(*series) % panel.series.len();
            let series = &mut panel.series[series];
            series.points[usize::from(*point) % slots] = value(*number);
            if let Some(max) = series.max.get_mut(usize::from(*point) % 7) {
                *max = value(*number);
            }
        }
        Event::Extremes(place) if !panel.series.is_empty() => {
            let place = usize::from(*place) % panel.series.len();
            let series = &mut panel.series[place];
            let extremes = if series.min.is_empty() {
                series.points.clone()
            } else {
                Vec::new()
            };
            (series.min, series.max) = (extremes.clone(), extremes);
        }
        Event::Before(seed, true) => {
            let labels = Labels::new([("route", format!("/{}", seed % 4))]);
            let points = (0..slots).map(|slot| Some(f64::from(*seed) + slot as f64)).collect();
            panel.before.push(SeriesPoints::new(labels, points));
        }
        Event::Before(_, false) => {
            panel.before.pop();
        }
        Event::Swap(a, b) if !panel.series.is_empty() => {
            let count = panel.series.len();
            panel.series.swap(usize::from(*a) % count, usize::from(*b) % count);
        }
        Event::Stat(place, number, judged) => {
            let place = usize::from(*place) % panel.stats.len();
            panel.stats[place].value = value(*number);
            if *judged {
                panel.stats[place].status = number.map(|n| if n > 0 { Status::Bad } else { Status::Ok });
                panel.stats[place].limit = Some(50.0);
                panel.stats[place].bucket = Some((0.1, None));
                panel.status = panel.stats[place].status;
            }
        }
        Event::Row(place, number) => {
            let row = Row {
                labels: Labels::new([("route", place.to_string())]),
                cells: vec![Stat {
                    value: value(Some(*number)),
                    ..Stat::default()
                }],
            };
            match panel.rows.get_mut(usize::from(*place) % 5) {
                Some(old) => *old = row,
                None => panel.rows.push(row),
            }
        }
        Event::RowGone => {
            panel.rows.pop();
        }
        Event::State(which) => {
            panel.state = [State::Live, State::Stale, State::Empty, State::Error][usize::from(*which) % 4];
            panel.itself = *which > 99;
            panel.interval_ms = 1_000 * u32::from(*which);
            panel.failure = (panel.state == State::Error).then(|| Failure {
                source: "web".into(),
                message: Text::same("refused"),
                since: None,
                next_attempt: Some(5),
            });
        }
        Event::Spec(which) => {
            let mut spec = PanelSpec::clone(&panel.spec);
            spec.axis_limit = Some(f64::from(*which));
            panel.spec = Arc::new(spec);
        }
        Event::Grid(step) => {
            panel.step = u32::from(*step % 3) + 1;
            panel.to -= panel.to % (i64::from(panel.step) * 1_000);
        }
        Event::Gone(_) | Event::Extremes(_) | Event::Late(..) | Event::Swap(..) => {}
    }
}

/// The frames of a history: the snapshot after each tick, and the delta that leads to it, as they come off the wire.
fn frames(history: &[Vec<(u8, Event)>]) -> Vec<(Snapshot, Delta)> {
    let mut now = snapshot();
    let mut frames = Vec::new();
    for (tick, events) in history.iter().enumerate() {
        let before = now.clone();
        now.seq += 1 + (tick % 2) as u64;
        now.now += 1_000;
        for (panel, event) in events {
            happen(&mut now.panels[usize::from(*panel) % Group::ALL.len()], event);
        }
        now.header.groups = vec![GroupSummary {
            id: "api".into(),
            state: State::Live,
            status: now.panels[0].status,
            lacks: now.panels[0].failure.is_some(),
        }];
        let delta = Delta::between(&before, &now).expect("the same panels");
        let wire = serde_json::to_string(&delta).expect("plain data");
        assert!(!wire.contains('\n'));
        let read: Delta = serde_json::from_str(&wire).expect("what was written");
        assert_eq!(read, delta, "the wire loses nothing");
        frames.push((now.clone(), read));
    }
    frames
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn folding_the_deltas_gives_the_snapshot(
        history in prop::collection::vec(prop::collection::vec((any::<u8>(), event()), 0..8), 1..14),
        start in any::<prop::sample::Index>(),
    ) {
        let frames = frames(&history);
        // A client may begin at any snapshot, and reads it off the wire.
        let start = start.index(frames.len());
        let wire = serde_json::to_string(&frames[start].0).expect("plain data");
        let mut state: Snapshot = serde_json::from_str(&wire).expect("what was written");
        prop_assert_eq!(&state, &frames[start].0);
        for (expected, delta) in &frames[start + 1..] {
            prop_assert_eq!(state.fold(delta.clone()), Folded::Applied);
            prop_assert_eq!(&state, expected);
            // A repeat changes nothing.
            prop_assert_eq!(state.fold(delta.clone()), Folded::Ignored);
            prop_assert_eq!(&state, expected);
        }
    }

    #[test]
    fn a_delta_that_does_not_follow_is_refused(
        history in prop::collection::vec(prop::collection::vec((any::<u8>(), event()), 0..4), 3..6),
    ) {
        let frames = frames(&history);
        let mut state = frames[0].0.clone();
        prop_assert_eq!(state.fold(frames[2].1.clone()), Folded::Broken);
        prop_assert_eq!(&state, &frames[0].0, "a refused delta leaves the state alone");
        let mut other = frames[1].1.clone();
        other.boot = "r2".into();
        prop_assert_eq!(state.fold(other), Folded::Broken);
    }
}

#[test]
fn a_quiet_tick_costs_next_to_nothing() {
    let frames = frames(&[vec![], vec![]]);
    let delta = &frames[1].1;
    assert!(delta.panels.is_empty() && delta.header.is_none());
    assert!(serde_json::to_string(delta).expect("plain data").len() < 150);
}

#[test]
fn labels_come_back_from_the_wire_as_they_were() {
    let nasty = ["</script>", "\u{0}\u{1b}\u{7f}", "a\"b\\c", "行\n列", "\u{2028}"];
    let labels = Labels::new(
        nasty
            .iter()
            .enumerate()
            .map(|(place, value)| (format!("l{place}"), (*value).to_owned())),
    );
    let wire = serde_json::to_string(&labels).expect("plain data");
    assert!(!wire.contains('\n'));
    let read: BTreeMap<String, String> = serde_json::from_str(&wire).expect("a map");
    assert_eq!(read.len(), nasty.len());
    assert_eq!(serde_json::from_str::<Labels>(&wire).expect("what was written"), labels);
}
