//! Panels: what is shown ([`PanelSpec`]), how it is asked for ([`Panel`]) and what came back ([`PanelSnapshot`]).
//!
//! A spec is a value with a string id: the built-in panels and a user's own are the same kind of thing. The browser
//! knows only specs and snapshots; the queries stay on the server.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::query::{Query, Selector};
use crate::series::Labels;
use crate::target::{Goal, Status};
use crate::text::Text;
use crate::time::Millis;
use crate::unit::Unit;

/// The fixed keys of stats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatKey {
    /// The newest value: it is of this moment, not of the window.
    Last,
    /// Arithmetic mean over the window.
    Mean,
    /// Smallest value in the window.
    Min,
    /// Largest value in the window; never a limit.
    Max,
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Per second, over the window.
    Rate,
    /// A share, 0 to 1.
    Ratio,
    /// A sum over the window, in the panel's unit.
    Total,
    /// A number of things in the window.
    Count,
}

impl StatKey {
    /// Every key.
    pub const ALL: [Self; 11] = [
        Self::Last,
        Self::Mean,
        Self::Min,
        Self::Max,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Rate,
        Self::Ratio,
        Self::Total,
        Self::Count,
    ];

    /// The key as HTML, JSON and badges write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Rate => "rate",
            Self::Ratio => "ratio",
            Self::Total => "total",
            Self::Count => "count",
        }
    }

    /// The key of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == name)
    }
}

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    /// Lines; the axis may be cut.
    Line,
    /// Lines over filled ground from zero; not stacked.
    Area,
    /// Areas upon each other, in the order of the series.
    StackedArea,
    /// Bars upon each other; fine slots are merged to bars wide enough to see.
    Bar,
    /// Latency over time: a series is a row, its label `le` the upper bound in seconds, its values counts.
    Heat,
    /// A table; its series are the sparklines of its rows.
    Table,
    /// Figures only.
    Stat,
}

impl ChartKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Line,
        Self::Area,
        Self::StackedArea,
        Self::Bar,
        Self::Heat,
        Self::Table,
        Self::Stat,
    ];

    /// Whether it is drawn, and not only written.
    pub fn is_drawn(self) -> bool {
        !matches!(self, Self::Table | Self::Stat)
    }

    /// Its name as it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Area => "area",
            Self::StackedArea => "stacked_area",
            Self::Bar => "bar",
            Self::Heat => "heat",
            Self::Table => "table",
            Self::Stat => "stat",
        }
    }
}

#[test]
fn a_kinds_name_is_that_of_json() {
    for kind in ChartKind::ALL {
        assert_eq!(serde_json::to_value(kind).expect("a name"), kind.as_str());
    }
}

/// Which colours the series take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Palette {
    /// Series without an order, at most eight.
    #[default]
    Categorical,
    /// Ordered series, the extreme is the strongest: p50, p95, p99.
    Ranked,
    /// HTTP status classes; errors are marked apart.
    StatusClass,
}

/// One figure of a panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatSpec {
    /// Its key; unique within (`of`, key).
    pub key: StatKey,
    /// The panel it belongs to where that is not the panel that shows it (an overview card shows its siblings').
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Its name.
    pub label: Text,
    /// Its unit.
    pub unit: Unit,
    /// What it is judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Where its gauge ends by nature (1 for a share). A limit that is itself measured comes with the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub natural_limit: Option<f64>,
    /// Whether a limit is measured with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub limited: bool,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// The key of its cells, unique within the table.
    pub key: StatKey,
    /// Its heading.
    pub label: Text,
    /// Its unit.
    pub unit: Unit,
    /// What its cells are judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Whether a narrow screen leaves it out.
    #[serde(default)]
    pub minor: bool,
}

/// How to feed a panel that has no source: one sentence and the lines of configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// One sentence.
    pub sentence: Text,
    /// Lines of `keiki.toml`, or of code; may be empty.
    pub lines: String,
}

/// What a panel shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PanelSpec {
    /// `<group>.<noun>`.
    pub id: String,
    /// The group's id.
    pub group: String,
    /// Its title.
    pub title: Text,
    /// One or two sentences: what is measured, over what, from where.
    pub help: Text,
    /// What the vertical axis measures, in words, without the unit.
    pub axis: Text,
    /// The unit of its series.
    pub unit: Unit,
    /// How it is drawn.
    pub chart: ChartKind,
    /// Its series' colours.
    #[serde(default)]
    pub palette: Palette,
    /// The axis ends here by nature, if it has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axis_limit: Option<f64>,
    /// How large its values are, to a power of ten, where that alone tells their scale: of a metric that nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magnitude: Option<f64>,
    /// The label that names a series or row, in this order; what is not listed is left out of its name.
    pub naming: Vec<String>,
    /// Its figures; the headline first.
    pub stats: Vec<StatSpec>,
    /// Its table's columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnSpec>,
    /// Whether its table's rows have sparklines: its series, by the rows' labels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sparklines: bool,
    /// How to feed it.
    pub feed: Feed,
}

/// Lines of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Labels that the results carry besides those of their group, such as `stat="p95"`.
    pub labels: Labels,
    /// What is drawn.
    pub query: Query,
}

/// A table: one row per group.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// One query per column of the spec. All group by the same labels.
    pub columns: Vec<Query>,
    /// The column by whose value rows are chosen and sorted, descending.
    pub order: usize,
    /// How many rows at most.
    pub rows: usize,
    /// The sparkline of a row.
    pub spark: Option<Query>,
}

/// A panel as the catalogue defines it: the spec, and the queries that fill it.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What is shown.
    pub spec: PanelSpec,
    /// What is drawn. At most [`Panel::top`] series a line, the largest ones.
    pub lines: Vec<Line>,
    /// How many groups one line shows at most.
    pub top: usize,
    /// A latency heat map of these distributions.
    pub heat: Option<crate::query::Selector>,
    /// One query per stat of the spec.
    pub stats: Vec<Query>,
    /// For each stat the limit that is measured with it (pool size, memory size), if any.
    pub limits: Vec<Option<Query>>,
    /// The table.
    pub table: Option<Table>,
}

impl Panel {
    /// Every metric that the panel reads.
    pub fn metrics(&self) -> std::collections::BTreeSet<&str> {
        let table = self
            .table
            .iter()
            .flat_map(|table| table.columns.iter().chain(&table.spark));
        self.lines
            .iter()
            .map(|line| &line.query)
            .chain(&self.stats)
            .chain(self.limits.iter().flatten())
            .chain(table)
            .flat_map(Query::selectors)
            .chain(&self.heat)
            .flat_map(Selector::metrics)
            .collect()
    }
}

/// The state of a panel's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its newest sample is fresh.
    Live,
    /// Its newest sample is older than its source's interval allows.
    Stale,
    /// No source has fed it within the window.
    Empty,
    /// Its source fails.
    Error,
}

impl State {
    /// The attribute's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Empty => "empty",
            Self::Error => "error",
        }
    }
}

/// The value of one [`StatSpec`] or [`ColumnSpec`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// The value, in base units, rounded to 6 significant digits.
    #[serde(rename = "v", default)]
    pub value: Option<f64>,
    /// Its judgement.
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// A measured limit (pool size, memory size).
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Of a quantile from explicit buckets: the bucket it lies in; no upper bound is the last bucket.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<(f64, Option<f64>)>,
}

/// Points of one series on its panel's slots. All series of a panel have the same number of points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesPoints {
    /// What the series is.
    pub labels: Labels,
    /// One per slot, oldest first; a gap is `None`. Rounded to 4 significant digits, ratios to 1e-5.
    pub points: Vec<Option<f64>>,
    /// How far the values within each slot went, where slots of the past hold more than one; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub min: Vec<Option<f64>>,
    /// As `min`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub max: Vec<Option<f64>>,
}

impl SeriesPoints {
    /// A series of which no more is known than its points.
    pub fn new(labels: Labels, points: Vec<Option<f64>>) -> Self {
        let (min, max) = (Vec::new(), Vec::new());
        Self {
            labels,
            points,
            min,
            max,
        }
    }
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The labels of its group.
    pub labels: Labels,
    /// One per column.
    pub cells: Vec<Stat>,
}

/// What went wrong with the source of a panel, as facts; the page puts them into words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The source's name.
    pub source: String,
    /// What is the matter, and what helps where that is known. Holds no secret.
    pub message: Text,
    /// Since when it has failed; `None` where it is the question that failed, not a source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Millis>,
}

/// A panel now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PanelSnapshot {
    /// What it shows.
    pub spec: Arc<PanelSpec>,
    /// The state of its data.
    pub state: State,
    /// The worst judgement of its stats; none where nothing judges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Whether its data are Keiki's own, because no watched service feeds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub itself: bool,
    /// The time between two samples of its slowest source, milliseconds.
    pub interval_ms: u32,
    /// The time of its newest sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Millis>,
    /// Seconds per slot.
    pub step: u32,
    /// The end of its last slot (exclusive), Unix milliseconds: a multiple of the step.
    pub to: Millis,
    /// How many slots its window has.
    pub slots: u32,
    /// Its series, each with `slots` points.
    pub series: Vec<SeriesPoints>,
    /// What it is compared with: the same lines of an earlier time, on these slots; of a stack, its total.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<SeriesPoints>,
    /// Its table's rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// One per stat of the spec.
    pub stats: Vec<Stat>,
    /// Why it is in error; of a live one, which of several sources is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl PanelSnapshot {
    /// The start of its first slot, Unix milliseconds.
    pub fn from(&self) -> Millis {
        self.to - Millis::from(self.step) * Millis::from(self.slots) * crate::time::SECOND
    }

    /// The start of a slot, Unix milliseconds.
    pub fn slot_time(&self, slot: usize) -> Millis {
        self.from() + Millis::from(self.step) * crate::time::SECOND * Millis::try_from(slot).unwrap_or_default()
    }

    /// The value of one of its own stats.
    pub fn stat(&self, key: StatKey) -> Option<f64> {
        let own = |(spec, _): &(&StatSpec, &Stat)| spec.key == key && spec.of.is_none();
        self.spec
            .stats
            .iter()
            .zip(&self.stats)
            .find(own)
            .and_then(|(_, stat)| stat.value)
    }
}
