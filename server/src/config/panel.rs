//! `[[panel]]`: from values to the panels of a user's own.

use keiki_model::group::build::{self, Builder, Combine};
use keiki_model::group::{self, Group};
use keiki_model::panel::{ChartKind, Palette, Panel, StatKey};
use keiki_model::query::{Function, Matcher, Query, Test};
use keiki_model::text::Text;
use keiki_model::unit::Unit;

use super::entry::one_of;
use super::problem::Problem;
use super::reader::Entry;
use crate::catalogue::units;

const ID: &str = "id";
const METRIC: &str = "metric";
const DIVIDED_BY: &str = "divided_by";

/// The panels of all tables. Every mistake is noted.
pub(super) fn resolve(entries: &[Entry], problems: &mut Vec<Problem>) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for entry in entries {
        match panel(entry, problems) {
            Err(problem) => problems.push(problem),
            Ok(panel) if panels.iter().any(|other| other.spec.id == panel.spec.id) => {
                let problem = Problem::new(entry.origin(ID), format!("a second [[panel]] {:?}", panel.spec.id));
                problems.push(problem.hint("give each panel an id of its own"));
            }
            Ok(panel) => panels.push(panel),
        }
    }
    panels
}

/// What of a metric is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shown {
    key: StatKey,
    label: Text2,
    function: Function,
}

type Text2 = (&'static str, &'static str);

/// The words of `show`, and what each means.
const SHOWN: [(&str, StatKey, Text2, Function); 9] = [
    ("last", StatKey::Last, ("最新", "Newest"), Function::Last),
    ("mean", StatKey::Mean, ("平均", "Mean"), Function::Avg),
    ("min", StatKey::Min, ("最小", "Min"), Function::Min),
    ("max", StatKey::Max, ("最大", "Max"), Function::Max),
    ("rate", StatKey::Rate, ("毎秒", "Per second"), Function::Rate),
    ("increase", StatKey::Total, ("合計", "In all"), Function::Increase),
    ("p50", StatKey::P50, ("p50", "p50"), Function::Quantile(0.5)),
    ("p95", StatKey::P95, ("p95", "p95"), Function::Quantile(0.95)),
    ("p99", StatKey::P99, ("p99", "p99"), Function::Quantile(0.99)),
];

const COMBINES: [(&str, Combine); 4] = [
    ("sum", Combine::Sum),
    ("mean", Combine::Avg),
    ("min", Combine::Min),
    ("max", Combine::Max),
];

const UNITS: [(&str, Unit); 6] = [
    ("seconds", Unit::Seconds),
    ("bytes", Unit::Bytes),
    ("ratio", Unit::Ratio),
    ("count", Unit::Count),
    ("per_second", Unit::PerSecond),
    ("bytes_per_second", Unit::BytesPerSecond),
];

fn panel(entry: &Entry, problems: &mut Vec<Problem>) -> Result<Panel, Problem> {
    let id = id(entry)?;
    let metric = entry.required("panel", METRIC, "shop_orders_total")?;
    let title = entry.required("panel", "title", "Orders")?;
    let mut selector = build::all(metric);
    selector.matchers = entry.each("where", problems, condition);
    let by: Vec<&str> = entry.texts("by").iter().map(|(label, _)| label.as_str()).collect();
    let combine = entry.word("combine", problems, &COMBINES);
    let chart = entry
        .word("chart", problems, &ChartKind::ALL.map(|kind| (kind.as_str(), kind)))
        .unwrap_or(ChartKind::Line);
    let whole = entry.text(DIVIDED_BY);
    let mut shown = entry.each("show", problems, shown);
    if shown.is_empty() {
        let usual = if metric.ends_with("_total") || whole.is_some() {
            "rate"
        } else {
            "mean"
        };
        shown = SHOWN
            .into_iter()
            .filter(|(word, ..)| *word == usual)
            .map(Shown::from)
            .collect();
    }
    let top = entry.count("top", 8);
    let unit = entry.word("unit", problems, &UNITS);
    for (at, one) in shown.iter().enumerate() {
        if shown[..at].iter().any(|other| other.key == one.key) {
            return Err(Problem::new(entry.origin("show"), "the same figure twice").hint("name each once"));
        }
    }
    if let (Some(_), Some(other)) = (whole, shown.iter().find(|one| one.function != Function::Rate)) {
        let message = format!("a share is of two rates, and not of {:?}", other.label.1);
        return Err(Problem::new(entry.origin("show"), message).hint("take show away, or divided_by"));
    }
    if chart == ChartKind::Table && by.is_empty() {
        return Err(
            Problem::new(entry.origin("chart"), "a table has a row for each value of a label")
                .hint("write by = [\"status\"]"),
        );
    }
    if chart == ChartKind::Heat && !by.is_empty() {
        return Err(Problem::new(entry.origin("by"), "a heat map is of all series together").hint("take by away"));
    }
    let unit = unit.unwrap_or_else(|| usual_unit(metric, whole, &shown));
    let query = |function: Function| {
        let query = Query::new(selector.clone(), function);
        let query = match combine {
            Some(combine) => query.combined(combine),
            None => query.combined(usual_combine(function)),
        };
        match whole {
            Some(whole) => Query::ratio(query, build::rate(&build::all(whole))),
            None => query,
        }
    };
    let words = |key: &str, otherwise: &str| Text {
        ja: entry
            .text(&[key, "_ja"].concat())
            .or(entry.text(key))
            .unwrap_or(otherwise)
            .to_owned()
            .into(),
        en: entry.text(key).unwrap_or(otherwise).to_owned().into(),
    };
    let axis = shown.iter().map(|one| one.label);
    let axis = match whole {
        Some(_) => Text::new("割合", "Share"),
        None => joined(axis),
    };
    let builder = build::panel(id, words("title", title), axis, unit, chart, words("help", metric))
        .top(top)
        .naming(&by);
    let builder = match chart {
        ChartKind::Stat => builder,
        ChartKind::Heat => builder.heat(selector.clone()),
        ChartKind::Table => {
            let spark = query(shown[0].function).by(&by);
            shown.iter().fold(builder.table(top, Some(spark)), |builder, one| {
                let (key, unit) = (one.key_of(whole), one.unit_in(unit, metric));
                builder.column(key, one.text(), unit, query(one.function).by(&by))
            })
        }
        _ => lines(builder, &shown, &by, query),
    };
    let builder = if chart == ChartKind::Table {
        builder
    } else {
        shown.iter().fold(builder, |builder, one| {
            let label = if whole.is_some() {
                Text::new("割合", "Share")
            } else {
                one.text()
            };
            builder.stat_in(one.unit_in(unit, metric), one.key_of(whole), label, query(one.function))
        })
    };
    let sentence = Text::of(
        format!("メトリクス {metric} がまだ届いていません。/explore で名前を確かめてください。"),
        format!("No source feeds this panel yet: it is of the metric {metric}. /explore shows what there is."),
    );
    Ok(builder.fed_by(sentence, ""))
}

/// A line for each statistic; of one alone, one for each group.
fn lines(builder: Builder, shown: &[Shown], by: &[&str], query: impl Fn(Function) -> Query) -> Builder {
    let [one] = shown else {
        let names: Vec<&str> = ["stat"].into_iter().chain(by.iter().copied()).collect();
        let ranked = shown.iter().all(|one| matches!(one.function, Function::Quantile(_))) && by.is_empty();
        let builder = shown.iter().fold(builder, |builder, one| {
            builder.line(&[("stat", one.key.as_str())], query(one.function).by(by))
        });
        return builder
            .naming(&names)
            .palette(if ranked { Palette::Ranked } else { Palette::Categorical });
    };
    builder.lines(query(one.function).by(by))
}

/// An id of a built-in group that no built-in panel has.
fn id(entry: &Entry) -> Result<&str, Problem> {
    let id = entry.required("panel", ID, "api.orders")?;
    let at = |message: String| Problem::new(entry.origin(ID), message);
    let groups = || Group::ALL.iter().map(|group| group.id()).collect::<Vec<_>>().join(", ");
    let (of, noun) = id.split_once('.').unwrap_or((id, ""));
    if Group::from_id(of).is_none() {
        return Err(at(format!("{of:?} is no group")).hint(format!("write one of {} before the point", groups())));
    }
    if noun.is_empty()
        || !noun
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    {
        let problem = at(format!("{id:?} is no id of a panel"));
        return Err(problem.hint("write the group, a point, and small letters, digits or underscores"));
    }
    if group::panel(id).is_some() {
        return Err(at(format!("{id:?} is a panel of Keiki's own")).hint("choose another name after the point"));
    }
    Ok(id)
}

impl Shown {
    fn from((_, key, label, function): (&'static str, StatKey, Text2, Function)) -> Self {
        Self { key, label, function }
    }

    fn text(&self) -> Text {
        Text::new(self.label.0, self.label.1)
    }

    /// The key of its figure: of a share it is that of shares.
    fn key_of(&self, whole: Option<&str>) -> StatKey {
        if whole.is_some() { StatKey::Ratio } else { self.key }
    }

    /// The unit of its figure: beside quantiles in seconds stands a rate of events.
    fn unit_in(&self, unit: Unit, metric: &str) -> Unit {
        match (self.function, unit) {
            (Function::Rate, Unit::Seconds) => Unit::PerSecond,
            (Function::Increase, Unit::PerSecond | Unit::Seconds) => Unit::Count,
            (Function::Increase, Unit::BytesPerSecond) => Unit::Bytes,
            (
                Function::Last | Function::Avg | Function::Min | Function::Max | Function::Quantile(_),
                Unit::PerSecond,
            ) if units::of_metric(metric) == Unit::Seconds => Unit::Seconds,
            _ => unit,
        }
    }
}

fn shown(word: &str) -> Result<Shown, String> {
    let found = SHOWN.into_iter().find(|(name, ..)| *name == word);
    found
        .map(Shown::from)
        .ok_or_else(|| one_of(word, SHOWN.map(|(name, ..)| name)))
}

/// `status=paid`, `status!=paid` or `status=pa*`.
fn condition(text: &str) -> Result<Matcher, String> {
    let bad = || format!("{text:?} is no condition: write \"label=value\", \"label!=value\" or \"label=beginning*\"");
    let (label, value) = text.split_once('=').ok_or_else(bad)?;
    let (label, not) = label.strip_suffix('!').map_or((label, false), |label| (label, true));
    let (label, value) = (label.trim().to_owned(), value.trim().to_owned());
    if label.is_empty() || (not && value.ends_with('*')) {
        return Err(bad());
    }
    let test = match (not, value.strip_suffix('*')) {
        (true, _) => Test::IsNot(vec![value]),
        (false, Some(beginning)) => Test::StartsWith(beginning.to_owned()),
        (false, None) => Test::Is(vec![value]),
    };
    Ok(Matcher { label, test })
}

fn usual_unit(metric: &str, whole: Option<&str>, shown: &[Shown]) -> Unit {
    match shown.first().map(|one| one.function) {
        _ if whole.is_some() => Unit::Ratio,
        Some(Function::Rate) => units::of_rate(metric),
        _ => units::of_metric(metric),
    }
}

/// Extremes of extremes, a mean of means; all else is summed.
fn usual_combine(function: Function) -> Combine {
    match function {
        Function::Min => Combine::Min,
        Function::Max => Combine::Max,
        _ => Combine::Sum,
    }
}

fn joined(labels: impl Iterator<Item = Text2>) -> Text {
    let (ja, en): (Vec<_>, Vec<_>) = labels.unzip();
    Text::of(ja.join("・"), en.join(", "))
}
