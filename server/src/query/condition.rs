//! The state of a panel's data: how old, from whom, and whether that source fails.

use keiki_model::panel::{Failure, Panel, State};
use keiki_model::query::{Query, Selector};
use keiki_model::time::{Millis, is_stale};

use super::Failures;
use super::evaluate::Evaluator;
use crate::store::Reader;

/// What is assumed as the interval where nothing reports, milliseconds.
const NO_INTERVAL: u32 = 1_000;

/// The state of a panel's data, and what it follows from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) state: State,
    pub(crate) interval_ms: u32,
    pub(crate) newest: Option<Millis>,
    pub(crate) failure: Option<Failure>,
}

/// The metrics that a panel is about: those of its chart and of its own figures. Limits, and the figures that an overview
/// card borrows from its siblings, do not keep it alive. A panel that only borrows is about what it borrows.
pub(crate) fn metrics(panel: &Panel) -> Vec<&str> {
    let table = panel
        .table
        .iter()
        .flat_map(|table| table.columns.iter().chain(&table.spark));
    let stats = panel.stats.iter().zip(&panel.spec.stats);
    let own = stats.filter(|(_, spec)| spec.of.is_none()).map(|(query, _)| query);
    let selectors = panel
        .lines
        .iter()
        .map(|line| &line.query)
        .chain(own)
        .chain(table)
        .flat_map(Query::selectors);
    let mut metrics = names(selectors.chain(&panel.heat));
    if metrics.is_empty() {
        metrics = names(panel.stats.iter().flat_map(Query::selectors));
    }
    metrics
}

fn names<'a>(selectors: impl Iterator<Item = &'a Selector>) -> Vec<&'a str> {
    let mut names: Vec<_> = selectors.map(|selector| selector.metric.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Judges the data behind these metrics. Conditions on labels do not matter: that no request failed is no reason to
/// call the panel of failures empty.
///
/// The newest sample of all series counts, against the interval of the slowest: a service that falls silent beside
/// another that goes on does not make the panel stale, and a slow source is given its time.
pub(crate) fn condition<'a>(
    evaluator: &Evaluator<'a>,
    reader: &Reader<'_>,
    metrics: &[&'a str],
    failures: &dyn Failures,
    now: Millis,
) -> Condition {
    let mut newest = None;
    let mut interval_ms = 0;
    let mut failure = None;
    for metric in metrics {
        let visible = evaluator.within_window(metric);
        for stored in visible.iter() {
            newest = newest.max(stored.newest());
            interval_ms = interval_ms.max(stored.interval_ms());
        }
        // A source feeds many series; the first tells who to ask, and of several sources the first that fails.
        let mut sources: Vec<_> = visible.iter().map(|stored| stored.source()).collect();
        sources.dedup();
        if sources.is_empty() {
            sources.extend(reader.last_source(metric));
        }
        failure = failure.or_else(|| match &sources[..] {
            [] => failures.missing(metric),
            sources => sources.iter().find_map(|source| failures.failure(source.name())),
        });
    }
    let state = match newest {
        Some(newest) if !is_stale(newest, interval_ms, now) => State::Live,
        _ if failure.is_some() => State::Error,
        Some(_) => State::Stale,
        None => State::Empty,
    };
    let failure = failure.filter(|_| state == State::Error);
    Condition {
        state,
        interval_ms: if newest.is_some() { interval_ms } else { NO_INTERVAL },
        newest,
        failure,
    }
}
