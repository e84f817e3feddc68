//! Queries against golden vectors, whose expected values were computed by other means: a plain reading of the rules in
//! another language, with sorted lists for distributions.

use std::collections::BTreeMap;

use keiki_model::histogram::{Distribution, Explicit, Exponential};
use keiki_model::panel::{ChartKind, Feed, Line, Palette, Panel, PanelSpec, StatKey, StatSpec};
use keiki_model::query::Query;
use keiki_model::series::{Kind, Labels, Sample, Series};
use keiki_model::text::Text;
use keiki_model::time::Millis;
use keiki_model::unit::Unit;
use keiki_model::view::Scope;
use keiki_server::query::{Ask, Engine};
use keiki_server::store::{Limits, SourceClass, SourceId, Store};
use serde::Deserialize;

/// The vectors. A store's samples come in the order of the file.
const GOLDEN: &str = include_str!("../../model/golden/query.json");

#[derive(Deserialize)]
struct Golden {
    stores: BTreeMap<String, Vec<Told>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Told {
    name: String,
    kind: Kind,
    interval_ms: u32,
    labels: Labels,
    samples: Vec<(Millis, Value)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Number(f64),
    Recorded(Vec<f64>),
    Buckets { bounds: Vec<f64>, counts: Vec<u64> },
}

#[derive(Deserialize)]
struct Case {
    name: String,
    store: String,
    query: Query,
    unit: Unit,
    step: u32,
    window: u32,
    to: Millis,
    lines: Vec<ExpectedLine>,
    /// Only of queries that group by no labels, since a figure is one number.
    figure: Option<Figure>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct ExpectedLine {
    labels: Labels,
    points: Vec<Option<f64>>,
}

/// What the query makes of the whole window without labels.
#[derive(Debug, Deserialize, PartialEq)]
struct Figure {
    v: Option<f64>,
    #[serde(default)]
    b: Option<(f64, Option<f64>)>,
}

fn filled(told: &[Told]) -> Store {
    let store = Store::new(Limits::default());
    let source = SourceId::new("golden", SourceClass::Own);
    for Told {
        name,
        kind,
        interval_ms,
        labels,
        samples,
    } in told
    {
        let series = Series::new(name.as_str(), labels.clone(), *kind, Some(*interval_ms));
        let mut now = Millis::MIN;
        for (time, value) in samples {
            now = now.max(*time);
            let sample = match value {
                Value::Number(value) => Sample::number(&series, *time, *value),
                Value::Recorded(values) => {
                    let mut histogram = Exponential::new();
                    assert!(values.iter().all(|value| histogram.record(*value)));
                    Sample::distribution(&series, *time, histogram.into())
                }
                Value::Buckets { bounds, counts } => {
                    let explicit =
                        Explicit::new(bounds[..].into(), &counts[..], 0.0).expect("the buckets are well-formed");
                    Sample::distribution(&series, *time, Distribution::Explicit(explicit))
                }
            };
            assert_eq!(store.append(&source, vec![sample], now).accepted, 1, "{name}{labels}");
        }
    }
    store
}

/// A panel that draws a query and shows its figure.
fn panel(query: &Query, unit: Unit) -> Panel {
    let stat = StatSpec {
        key: StatKey::Last,
        of: None,
        label: Text::default(),
        unit,
        goal: None,
        natural_limit: None,
        limited: false,
    };
    let spec = PanelSpec {
        id: "golden.case".to_owned(),
        group: "golden".to_owned(),
        title: Text::default(),
        help: Text::default(),
        axis: Text::default(),
        unit,
        chart: ChartKind::Line,
        palette: Palette::default(),
        axis_limit: None,
        magnitude: None,
        naming: Vec::new(),
        stats: vec![stat],
        columns: Vec::new(),
        sparklines: false,
        feed: Feed::default(),
    };
    let line = Line {
        labels: Labels::none(),
        query: query.clone(),
    };
    Panel {
        spec,
        lines: vec![line],
        top: 8,
        heat: None,
        stats: vec![query.clone()],
        limits: vec![None],
        table: None,
    }
}

#[test]
fn queries_give_what_was_worked_out() {
    let golden: Golden = serde_json::from_str(GOLDEN).expect("the vectors are well-formed");
    for case in &golden.cases {
        let engine = Engine::new(filled(&golden.stores[&case.store]), |_: &str| None);
        let scope = Scope::default();
        let Case { step, window, to, .. } = *case;
        let ask = Ask {
            scope: &scope,
            step,
            window,
            to,
            now: to,
            as_of: to,
            targets: None,
        };
        let snapshot = engine.panel(&panel(&case.query, case.unit), &ask);
        assert_eq!(
            (snapshot.to, snapshot.step, snapshot.slots),
            (to, step, window / step),
            "{}",
            case.name
        );
        let lines: Vec<_> = snapshot
            .series
            .into_iter()
            .map(|series| ExpectedLine {
                labels: series.labels,
                points: series.points,
            })
            .collect();
        assert_eq!(lines, case.lines, "{}", case.name);
        if let Some(expected) = &case.figure {
            let figure = Figure {
                v: snapshot.stats[0].value,
                b: snapshot.stats[0].bucket,
            };
            assert_eq!(figure, *expected, "{}", case.name);
        }
    }
}
