//! Any metric of the store as a panel, `explore.<metric>`, and what there is to explore. A counter is drawn as its rate, a
//! gauge as it is, distributions by their quantiles; `explore.<metric>~<label>` draws a line for each value of a label.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use keiki_model::group::build::{Builder, all, max, mean, panel as build, quantile, rate};
use keiki_model::group::build::{Combine, Max, Mean, Min, P50, P95, P99, Rate};
use keiki_model::panel::{ChartKind, Palette, Panel};
use keiki_model::query::{Function, Query};
use keiki_model::series::{Kind, Series};
use keiki_model::text::Text;
use keiki_model::time::{Millis, SECOND};
use keiki_model::unit::Unit;
use parking_lot::Mutex;

use super::units;
use crate::store::{Ring, SourceId, Store, Stored};

/// The group of such panels; no page of a group has this id.
pub const GROUP: &str = "explore";
/// How many series of a metric are looked at for its labels.
const LOOKED_AT: usize = 2_000;
/// How many metrics are listed at once.
pub const LISTED: usize = 200;
/// How many samples back the size of values is looked for.
const SIZED: usize = 60;
/// Of so many metrics it is remembered how large their values are.
const SETTLED: usize = 1_000;
/// How many series a chart draws.
const DRAWN: usize = 8;

/// A metric, and by which labels its lines are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The metric.
    pub metric: &'a str,
    /// A line for each combination of their values; where there is none, for each series.
    pub by: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    /// Reads a panel's id.
    pub fn parse(id: &'a str) -> Option<Self> {
        let mut parts = id.strip_prefix(GROUP)?.strip_prefix('.')?.split('~');
        let metric = parts.next().filter(|metric| !metric.is_empty())?;
        Some(Self {
            metric,
            by: parts.collect(),
        })
    }
}

/// A kind as the formats of metrics call it.
pub fn word_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

/// A metric that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub metric: String,
    /// What it is.
    pub kind: Kind,
    /// How many series it has; of one that is only remembered, had.
    pub series: usize,
    /// Of one that is only remembered: nothing of it is newer, Unix milliseconds.
    pub last: Option<Millis>,
    /// Who feeds it.
    pub sources: BTreeSet<String>,
    /// Its labels that tell its series apart, each with the number of its values; of at most 2,000 series.
    pub labels: Vec<(String, usize)>,
    /// What it is read as, where that is another name.
    pub read_as: Option<String>,
    /// The groups whose panels read it.
    pub groups: BTreeSet<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The first so many, by name.
    pub found: Vec<Found>,
    /// How many fit in all.
    pub fitting: usize,
    /// How many metrics there are.
    pub all: usize,
}

/// The labels by which series differ, each with the number of its values. What all have alike tells nothing.
fn differing<'a>(series: impl Iterator<Item = &'a Series>) -> Vec<(String, usize)> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut count = 0;
    let mut bearers: BTreeMap<&str, usize> = BTreeMap::new();
    for one in series.take(LOOKED_AT) {
        count += 1;
        for (name, value) in one.labels().iter() {
            values.entry(name).or_default().insert(value);
            *bearers.entry(name).or_default() += 1;
        }
    }
    let kinds = |(name, values): (&str, BTreeSet<&str>)| {
        // That some lack it is a value, too.
        let missing = usize::from(bearers[name] < count);
        (name.to_owned(), values.len() + missing)
    };
    values.into_iter().map(kinds).filter(|(_, kinds)| *kinds > 1).collect()
}

/// How large the values of metrics were found to be: a power of ten. Values beside one must not make the unit jump.
#[derive(Debug, Default)]
pub struct Sizes(Mutex<HashMap<String, f64>>);

impl Sizes {
    /// The power of ten of the largest value. It rises at once, and falls when half of it is not reached.
    pub(super) fn settle(&self, metric: &str, largest: f64) -> f64 {
        let mut sizes = self.0.lock();
        if let Some(known) = sizes.get(metric)
            && (known / 2.0..known * 10.0).contains(&largest)
        {
            return *known;
        }
        let size = 10_f64.powf(largest.log10().floor());
        // Those of whom nobody asks any more are not told from the others: all begin anew.
        if sizes.len() >= SETTLED {
            sizes.clear();
        }
        sizes.insert(metric.to_owned(), size);
        size
    }
}

/// How large the values of a metric are now: the largest. Of a counter that is its rate. Nothing where they are whole
/// numbers of things, which need no scale.
fn largest(store: &Store, metric: &str, kind: Kind, unit: Unit) -> Option<f64> {
    let reader = store.read();
    let all = reader.series(metric).filter(|stored| stored.series().kind() == kind);
    let sizes: Vec<f64> = all
        .take(LOOKED_AT)
        .filter_map(size)
        .filter(|size| size.is_finite())
        .collect();
    if unit == Unit::Count && kind == Kind::Gauge && sizes.iter().all(|size| size.fract() == 0.0) {
        return None;
    }
    let largest = sizes.into_iter().fold(0.0, f64::max);
    (largest > 0.0).then_some(largest)
}

/// How large the newest value of one series is.
fn size(stored: &Stored) -> Option<f64> {
    match stored.ring() {
        Ring::Gauge(ring) => ring.values().last().map(|value| value.abs()),
        Ring::Counter(ring) => {
            let (values, (_, offsets)) = (ring.values(), stored.times());
            let before = values
                .len()
                .checked_sub(1)?
                .checked_sub(1)?
                .min(values.len().saturating_sub(SIZED));
            let apart = f64::from(offsets.last()? - offsets.get(before)?) * stored.unit() as f64 / 1_000.0;
            let grown = values.last()? - values[before];
            // One that began anew has another time.
            (apart > 0.0 && grown >= 0.0).then_some(grown / apart)
        }
        Ring::Histogram(ring) => {
            let newest = stored.newest()?;
            let lately = ring.single(newest - SIZED as Millis * SECOND, newest + 1);
            lately.filter_map(|(_, one)| one.max()).reduce(f64::max)
        }
    }
}

/// The panel of a metric; `None` where no series bears its name, nor did one that is remembered.
pub fn panel(store: &Store, asked: &Asked<'_>, sizes: &Sizes) -> Option<Panel> {
    let metric = asked.metric;
    let gathered = gathered(store, metric).or_else(|| remembered(store, metric))?;
    let labels = differing(gathered.series.iter().map(|(series, _)| &**series));
    // What is read as another metric has that one's unit.
    let read_as = gathered.series.first().map_or(metric, |(series, _)| series.name());
    let kind = gathered.kind;
    Some(drawn(asked, kind, read_as, &labels, |unit| {
        largest(store, metric, kind, unit).map(|largest| sizes.settle(metric, largest))
    }))
}

/// The panel of a metric of which nothing is left: who looks at it is told so, and sees it again when it comes again.
pub fn nothing(asked: &Asked<'_>) -> Panel {
    drawn(asked, Kind::Gauge, asked.metric, &[], |_| None)
}

fn drawn(
    asked: &Asked<'_>,
    kind: Kind,
    read_as: &str,
    labels: &[(String, usize)],
    magnitude: impl Fn(Unit) -> Option<f64>,
) -> Panel {
    let metric = asked.metric;
    let by: Vec<&str> = if asked.by.is_empty() {
        labels.iter().map(|(name, _)| name.as_str()).collect()
    } else {
        asked.by.clone()
    };
    let id = [
        &[GROUP, ".", metric],
        &*asked.by.iter().flat_map(|label| ["~", label]).collect::<Vec<_>>(),
    ]
    .concat()
    .concat();
    let title = [metric.to_owned(), asked.by.join(", ")]
        .into_iter()
        .filter(|part| !part.is_empty());
    let title = Text::from(title.collect::<Vec<_>>().join(" · "));
    let what = all(metric);
    let (ja, en) = match kind {
        Kind::Counter => ("1 秒あたりの増加", "Increase per second"),
        Kind::Gauge => ("値", "Value"),
        Kind::Histogram => ("分位数", "Quantiles"),
    };
    let (how_ja, how_en) = if read_as == metric {
        ("をそのまま。".to_owned(), ", as it came.".to_owned())
    } else {
        (
            format!("を {read_as} の単位で。"),
            format!(", read as {read_as} and in its unit."),
        )
    };
    let help = Text::of(
        format!(
            "{metric}（{}）{how_ja}線は最大 {DRAWN} 本、平均の大きい順。",
            word_of(kind)
        ),
        format!(
            "{metric}, a {}{how_en} At most {DRAWN} lines, the largest by their mean.",
            word_of(kind)
        ),
    );
    let (unit, chart) = match kind {
        Kind::Counter => (units::of_rate(read_as), ChartKind::Line),
        Kind::Gauge | Kind::Histogram => (units::of_metric(read_as), ChartKind::Line),
    };
    let named = |builder: Builder, query: Query| builder.lines(query.by(&by)).naming(&by);
    let builder = build(&id, title, Text::new(ja, en), unit, chart, help)
        .top(DRAWN)
        .magnitude(magnitude(unit));
    let builder = match kind {
        Kind::Counter => named(builder, rate(&what)).stat(Rate, Text::new("合計", "All"), rate(&what)),
        Kind::Gauge => named(builder, mean(&what))
            .stat(Mean, Text::new("平均", "Mean"), mean(&what).combined(Combine::Avg))
            .stat(
                Min,
                Text::new("最小", "Min"),
                Query::new(what.clone(), Function::Min).combined(Combine::Min),
            )
            .stat(Max, Text::new("最大", "Max"), max(&what)),
        Kind::Histogram => {
            let builder = if asked.by.is_empty() {
                [(P50, 0.5), (P95, 0.95), (P99, 0.99)]
                    .into_iter()
                    .fold(builder.palette(Palette::Ranked), |builder, (key, q)| {
                        builder.statistic(key, quantile(&what, q))
                    })
            } else {
                named(builder, quantile(&what, 0.95))
            };
            builder
                .stat(P50, Text::same("p50"), quantile(&what, 0.5))
                .stat(P95, Text::same("p95"), quantile(&what, 0.95))
                .stat(P99, Text::same("p99"), quantile(&what, 0.99))
                .stat_in(Unit::PerSecond, Rate, Text::new("件数", "Observed"), rate(&what))
        }
    };
    let sentence = Text::new("この期間には届いていません。", "Nothing came in this time.");
    builder.fed_by(sentence, &lines_to_keep(metric, read_as, &by, kind))
}

/// The lines of `keiki.toml` that make such a panel one of a group's.
/// By the name that it is read as: that has its unit.
fn lines_to_keep(metric: &str, read_as: &str, by: &[&str], kind: Kind) -> String {
    let noun: String = metric
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    // What JSON quotes, TOML reads alike.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut lines = format!(
        "[[panel]]\nid = \"api.{noun}\"\ntitle = {}\nmetric = {}\n",
        quoted(metric),
        quoted(read_as)
    );
    let shown = match kind {
        Kind::Counter => "[\"rate\"]",
        Kind::Gauge => "[\"mean\"]",
        Kind::Histogram => "[\"p50\", \"p95\", \"p99\"]",
    };
    lines += &format!("show = {shown}\n");
    if !by.is_empty() && kind != Kind::Histogram {
        let by: Vec<String> = by.iter().map(|label| quoted(label)).collect();
        lines += &format!("by = [{}]\n", by.join(", "));
    }
    lines
}

/// A metric's series, as far as they are looked at.
struct Gathered {
    metric: String,
    kind: Kind,
    count: usize,
    series: Vec<(Arc<Series>, SourceId)>,
    last: Option<Millis>,
}

/// What lives of a metric. The store is held for one metric at a time: who appends waits for no more.
fn gathered(store: &Store, metric: &str) -> Option<Gathered> {
    let reader = store.read();
    let series = reader.series(metric).take(LOOKED_AT);
    let series: Vec<_> = series
        .map(|stored| (Arc::clone(stored.series()), stored.source().clone()))
        .collect();
    Gathered::of(metric, reader.series(metric).count(), series, None)
}

/// What is remembered of a metric.
fn remembered(store: &Store, metric: &str) -> Option<Gathered> {
    let (count, all) = store.remembered(metric, LOOKED_AT);
    let last = all.iter().map(|one| one.last).max();
    let series = all.into_iter().map(|one| (one.series, one.source)).collect();
    Gathered::of(metric, count, series, last)
}

/// The names of all metrics, and whether they live.
fn names(store: &Store) -> BTreeMap<String, bool> {
    let mut names: BTreeMap<String, bool> = store.remembered_names().into_iter().map(|name| (name, false)).collect();
    names.extend(store.read().names().into_iter().map(|name| (name.to_owned(), true)));
    names
}

/// Whether a text holds a word in small letters, however it is written itself.
fn has(text: &str, word: &str) -> bool {
    if text.is_ascii() {
        let mut places = text.as_bytes().windows(word.len());
        return places.any(|place| place.eq_ignore_ascii_case(word.as_bytes()));
    }
    text.to_lowercase().contains(word)
}

impl Gathered {
    /// Of a metric that has these series; nothing where there are none.
    fn of(metric: &str, count: usize, mut series: Vec<(Arc<Series>, SourceId)>, last: Option<Millis>) -> Option<Self> {
        // Gauges that are computed of a counter bear its name, too.
        let mut kinds = series.iter().map(|(series, _)| series.kind());
        let kind = kinds.find(|kind| *kind != Kind::Gauge).unwrap_or(Kind::Gauge);
        series.retain(|(series, _)| series.kind() == kind);
        (!series.is_empty()).then(|| Self {
            metric: metric.to_owned(),
            kind,
            count,
            series,
            last,
        })
    }

    /// Whether a word is in its name, in a label's name or value, or in its sources' names.
    fn fits(&self, word: &str) -> bool {
        let told = |(series, source): &(Arc<Series>, SourceId)| {
            let mut labels = series.labels().iter();
            has(source.name(), word) || labels.any(|(name, value)| has(name, word) || has(value, word))
        };
        has(&self.metric, word) || self.series.iter().any(told)
    }
}

/// What a store holds or remembers that has all of these words.
pub(super) fn find(store: &Store, panels: &[&Panel], words: &str, unseen: bool) -> Findings {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut readers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for panel in panels {
        for metric in panel.metrics() {
            readers.entry(metric).or_default().insert(&panel.spec.group);
        }
    }
    let mut findings = Findings::default();
    for (metric, lives) in names(store) {
        let found = if lives {
            gathered(store, &metric)
        } else {
            remembered(store, &metric)
        };
        // It may have ended meanwhile.
        let Some(one) = found else { continue };
        findings.all += 1;
        // Under its own name it may be read as another metric.
        let read_as = one.series.first().map(|(series, _)| series.name());
        let read_as = read_as.filter(|name| *name != one.metric).map(str::to_owned);
        let groups = [Some(one.metric.as_str()), read_as.as_deref()].into_iter().flatten();
        let groups = groups.filter_map(|name| readers.get(name)).flatten();
        let groups: BTreeSet<String> = groups.map(|&group| group.to_owned()).collect();
        if (unseen && !groups.is_empty()) || !words.iter().all(|word| one.fits(word)) {
            continue;
        }
        findings.fitting += 1;
        if findings.found.len() < LISTED {
            findings.found.push(Found {
                kind: one.kind,
                series: one.count,
                last: one.last,
                sources: one.series.iter().map(|(_, source)| source.name().to_owned()).collect(),
                labels: differing(one.series.iter().map(|(series, _)| &**series)),
                read_as,
                groups,
                metric: one.metric,
            });
        }
    }
    findings
}
