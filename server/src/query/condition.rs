//! The state of a panel's data: how old, from whom, and whether that source fails.

use keiki_model::panel::{Failure, Panel, State};
use keiki_model::query::{Query, Selector};
use keiki_model::time::{Millis, is_stale};

use super::Failures;
use super::evaluate::Evaluator;
use crate::store::{Reader, SourceClass, SourceId};

/// What is assumed as the interval where nothing reports, milliseconds.
const NO_INTERVAL: u32 = 1_000;

/// Spans come with requests only: silence for less than a minute, three of these, is no news of a service that is idle.
const SPANS_INTERVAL: u32 = 20_000;

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
/// `selectors` tells what a query reads.
pub(crate) fn metrics<'a>(panel: &'a Panel, selectors: impl Fn(&'a Query) -> Vec<&'a Selector>) -> Vec<&'a str> {
    let stats = panel.stats.iter().zip(&panel.spec.stats);
    let own = stats.filter(|(_, spec)| spec.of.is_none()).map(|(query, _)| query);
    let mut metrics = drawn(panel, &selectors);
    metrics.extend(names(own.flat_map(&selectors)));
    if metrics.is_empty() {
        metrics = names(panel.stats.iter().flat_map(&selectors));
    }
    metrics.sort_unstable();
    metrics.dedup();
    metrics
}

/// Those of its chart or table.
fn drawn<'a>(panel: &'a Panel, selectors: impl Fn(&'a Query) -> Vec<&'a Selector>) -> Vec<&'a str> {
    let table = panel
        .table
        .iter()
        .flat_map(|table| table.columns.iter().chain(&table.spark));
    let queries = panel.lines.iter().map(|line| &line.query).chain(table);
    names(queries.flat_map(selectors).chain(&panel.heat))
}

fn names<'a>(selectors: impl Iterator<Item = &'a Selector>) -> Vec<&'a str> {
    let mut names: Vec<_> = selectors.flat_map(Selector::metrics).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The interval by which a source is judged stale, milliseconds.
fn patient(interval_ms: u32, class: SourceClass) -> u32 {
    match class {
        SourceClass::Spans => interval_ms.max(SPANS_INTERVAL),
        _ => interval_ms,
    }
}

/// Judges the data behind a panel. Conditions on labels do not matter: that no request failed is no reason to call the
/// panel of failures empty. Of two ways to know the same thing, the one that is shown counts; where neither is fed, both
/// do, since either source would fill the panel.
///
/// The newest sample of all series counts, against the interval of the slowest: a service that falls silent beside
/// another that goes on does not make the panel stale, and a slow source is given its time. But where the source of what
/// is drawn fails, figures from elsewhere do not make up for it.
pub(crate) fn condition<'a>(
    evaluator: &Evaluator<'a>,
    reader: &Reader<'_>,
    panel: &'a Panel,
    failures: &dyn Failures,
    now: Millis,
) -> Condition {
    let shown = |query: &'a Query| {
        let all = query.selectors();
        let is_fed = all.iter().any(|selector| evaluator.feeds(selector));
        if is_fed { evaluator.selectors(query) } else { all }
    };
    let (metrics, drawn) = (metrics(panel, shown), drawn(panel, shown));
    let mut newest = None;
    let mut interval_ms = 0;
    let mut failure = None;
    let mut lacking = false;
    let mut partial = None;
    for metric in &metrics {
        let (mut newest_of_it, mut known, mut assumed) = (None, 0, 0);
        let visible = evaluator.within_window(metric);
        // A source feeds many series, one after the other.
        let mut sources: Vec<(&SourceId, Option<Millis>)> = Vec::new();
        for stored in visible.iter() {
            newest_of_it = newest_of_it.max(stored.newest());
            match sources.last_mut() {
                Some((source, newest)) if *source == stored.source() => *newest = (*newest).max(stored.newest()),
                _ => sources.push((stored.source(), stored.newest())),
            }
            match stored.known_interval_ms() {
                Some(interval) => known = known.max(patient(interval, stored.source().class())),
                None => assumed = assumed.max(stored.interval_ms()),
            }
        }
        // A series that has just begun is of a program whose others are known, as a rule.
        let interval_of_it = if known > 0 { known } else { assumed };
        newest = newest.max(newest_of_it);
        interval_ms = interval_ms.max(interval_of_it);
        if sources.is_empty() {
            sources.extend(reader.last_source(metric).map(|source| (source, None)));
        }
        let failing = |(source, _): &(&SourceId, _)| failures.failure(source.name());
        // Of several sources the first that fails.
        let why = match &sources[..] {
            [] => failures.missing(metric),
            sources => sources.iter().find_map(failing),
        };
        let silent = |newest: Millis| is_stale(newest, interval_of_it, now);
        let is_fresh = newest_of_it.is_some_and(|newest| !silent(newest));
        if partial.is_none() && is_fresh && drawn.contains(metric) {
            let is_silent = |source: &SourceId| {
                let mut of_it = sources.iter().filter(|(other, _)| *other == source);
                of_it.all(|(_, newest)| newest.is_none_or(silent))
            };
            let mut old = sources.iter().filter(|(_, newest)| newest.is_some_and(silent));
            partial = old.find_map(|found| failing(found).filter(|_| is_silent(found.0)));
            // One that has sent nothing for longer than the window, or never.
            if partial.is_none() && evaluator.is_of_all() {
                let is_here = |failure: &Failure| sources.iter().any(|(source, _)| *source.name() == *failure.source);
                partial = failures.missing(metric).filter(|failure| !is_here(failure));
            }
        }
        if why.is_some() && !is_fresh && drawn.contains(metric) && !lacking {
            lacking = true;
            failure = None;
        }
        failure = failure.or(why);
    }
    let state = match newest {
        Some(newest) if !lacking && !is_stale(newest, interval_ms, now) => State::Live,
        _ if failure.is_some() => State::Error,
        Some(_) => State::Stale,
        None => State::Empty,
    };
    let failure = match state {
        State::Live => partial,
        State::Error => failure,
        State::Stale | State::Empty => None,
    };
    Condition {
        state,
        interval_ms: if newest.is_some() { interval_ms } else { NO_INTERVAL },
        newest,
        failure,
    }
}
