//! The query engine: evaluates the catalogue's queries over the store, and makes panels' snapshots.
//!
//! A query is evaluated over slots (a line) or over the window (a figure). [`track`] has the rules for counters and
//! gauges, [`trailing`] those for distributions, [`evaluate`] puts series together, [`panel`] makes the snapshot. What a tick
//! leaves as it was is not made again: points are kept ([`cache`]) and windows move ([`windows`]). Of the past nothing is kept;
//! two threads share its groups ([`share`]).
//! Rounding happens here and nowhere else ([`round`]).

mod cache;
mod combine;
mod condition;
mod evaluate;
mod grid;
mod heat;
mod merged;
mod order;
mod panel;
mod round;
mod select;
mod share;
mod spec;
mod track;
mod trailing;
mod windows;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use keiki_instrument::QueryInstrument;
use keiki_model::group::Group;
use keiki_model::panel::{Failure, Panel, PanelSnapshot, State};
use keiki_model::preset::Targets;
use keiki_model::query::Query;
use keiki_model::series::Series;
use keiki_model::text::Text;
use keiki_model::time::{Millis, SECOND};
use keiki_model::view::{LIVE_WINDOW, Scope};

use self::cache::Cache;
use self::evaluate::Evaluator;
use self::grid::Grid;
use self::select::{Audience, is_of_host, visible};
use self::spec::Specs;
use crate::store::history::{Past, TIERS};
use crate::store::{Reader, Store};

/// A heat map and a table's sparklines are this many times as coarse as the view: their cells would else be too narrow
/// to see.
const COARSER: u32 = 5;

/// How many values one panel may read of the past: what takes about a second, and a few
/// hundred megabytes.
const WORK: usize = 5_000_000;

/// The most parts into which a slot is cut for the extremes of quantiles and shares.
const MOST_PARTS: Millis = 12;

/// What the history is called, as a source and as a database.
pub const HISTORY: &str = "history";

/// The largest step, seconds, that is made coarser. The last slot of a coarser grid may have ended as long ago as four of
/// the view's slots, and its first one must still be in the store.
const COARSENED: u32 = 10;

/// Tells which sources fail now.
pub trait Failures: Send + Sync {
    /// What is wrong with the source of this name, if anything.
    fn failure(&self, source: &str) -> Option<Failure>;

    /// What is wrong with a source that would feed a metric of which there is nothing.
    fn missing(&self, _metric: &str) -> Option<Failure> {
        None
    }

    /// Whether anything fails at all.
    fn any(&self) -> bool {
        true
    }
}

impl<F: Fn(&str) -> Option<Failure> + Send + Sync> Failures for F {
    fn failure(&self, source: &str) -> Option<Failure> {
        self(source)
    }
}

/// How long a source that fails is missed where nobody asks for a window, milliseconds.
const LACKING: Millis = 15 * 60 * SECOND;

/// How a panel is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Whose data.
    pub scope: &'a Scope,
    /// Seconds per slot.
    pub step: u32,
    /// How far back, seconds; a multiple of the step.
    pub window: u32,
    /// The end of the last closed slot, Unix milliseconds; a multiple of the step.
    pub to: Millis,
    /// The wall clock.
    pub now: Millis,
    /// By what time data are stale: the wall clock, or where a stretch of the past ends.
    pub as_of: Millis,
    /// The targets that judge watched services; `None` for the default ones, which judge Keiki itself in any case.
    pub targets: Option<Targets>,
}

impl Ask<'_> {
    /// Whether it reaches further back than the live window.
    fn is_past(&self) -> bool {
        let from = self.to - Millis::from(self.window) * SECOND;
        // A slot of the longest live step may be open yet.
        from < self.now - Millis::from(LIVE_WINDOW + COARSENED) * SECOND
    }
}

/// Answers panels' queries from the store. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    failures: Arc<dyn Failures>,
    specs: Arc<Specs>,
    cache: Arc<Cache>,
    queries: Option<QueryInstrument>,
}

impl Engine {
    /// An engine over a store. A panel without fresh data whose source `failures` knows of is in error.
    pub fn new(store: Store, failures: impl Failures + 'static) -> Self {
        Self {
            store,
            failures: Arc::new(failures),
            specs: Arc::default(),
            cache: Arc::default(),
            queries: None,
        }
    }

    /// Tells where programs reach this Keiki.
    #[must_use]
    pub fn at(self, address: String) -> Self {
        Self {
            specs: Arc::new(Specs::at(address)),
            ..self
        }
    }

    /// Tells how long its reading of the history takes.
    #[must_use]
    pub fn measured(self, queries: QueryInstrument) -> Self {
        Self {
            queries: Some(queries),
            ..self
        }
    }

    /// The panel now. Heat maps and tables come in slots five times as long as asked for (unless these are longer than
    /// ten seconds), ending at the last one that has closed; their figures are of the window as asked for.
    ///
    /// What reaches further back than the live window is read from the history, by [`Engine::past`].
    pub fn panel(&self, panel: &Panel, ask: &Ask<'_>) -> PanelSnapshot {
        let from = ask.to - Millis::from(ask.window) * SECOND;
        if ask.is_past()
            && let Some(finest) = self.store.finest(from, ask.now)
        {
            return self.past(panel, ask, finest);
        }
        let reader = self.store.read();
        let is_fine = panel.heat.is_none() && panel.table.is_none();
        let coarser = if is_fine || ask.step > COARSENED { 1 } else { COARSER };
        let grid = Grid::ending(ask.to, ask.step.saturating_mul(coarser), ask.window);
        let itself = self.is_itself(&reader, panel, ask.scope);
        let metrics = condition::metrics(panel, Query::selectors);
        let audience = Audience {
            scope: ask.scope,
            itself,
        };
        let evaluator = Evaluator::new(&reader, audience, grid, from, ask.to).cached(&self.cache, ask.now);
        let condition = condition::condition(&evaluator, &reader, panel, &*self.failures, ask.as_of);
        let itself = itself && !metrics.iter().all(|metric| is_of_host(metric));
        // What a watched service is asked to meet says nothing of Keiki.
        let targets = ask.targets.filter(|_| !itself);
        let spec = self.specs.get(&panel.spec, targets);
        panel::snapshot(panel, spec, &evaluator, None, condition, itself)
    }

    /// The panel over any stretch of time, in slots no finer than what is still kept of it. Whose data it shows is
    /// decided by what is there now. Reads from disk.
    fn past(&self, panel: &Panel, ask: &Ask<'_>, finest: Millis) -> PanelSnapshot {
        // Whole slots of what is kept, and all of the last one.
        let step = ask
            .step
            .next_multiple_of(u32::try_from(finest / SECOND).unwrap_or(1).max(1));
        let last = (ask.to + finest - 1).div_euclid(finest) * finest;
        let is_fine = panel.heat.is_none() && panel.table.is_none();
        // Of slots of hours the one that is open counts: else the newest hours would be missing.
        let length = step.saturating_mul(if is_fine { 1 } else { COARSER });
        let open = Millis::from(length) * SECOND - 1;
        let grid = Grid::ending(ask.to + open, length, ask.window);
        let step = Millis::from(step) * SECOND;
        let from = grid
            .from
            .min(ask.to - Millis::from(ask.window) * SECOND)
            .div_euclid(step)
            * step;
        let itself = self.is_itself(&self.store.read(), panel, ask.scope);
        let audience = Audience {
            scope: ask.scope,
            itself,
        };
        let admits = |series: &Series| audience.admits(series, is_of_host(series.name()));
        let all: Vec<_> = panel.metrics().into_iter().collect();
        let past = Past {
            from,
            to: last,
            step,
            admits: &admits,
            work: WORK,
        };
        let timer = self.queries.as_ref().map(|queries| queries.query(HISTORY, "read"));
        let read = self.store.past(&all, &past);
        timer.into_iter().for_each(|timer| timer.finish(&read));
        let (reader, overload) = match read {
            Ok(reader) => (reader, None),
            Err(overload) => (Reader::empty(), Some(overload)),
        };
        let metrics = condition::metrics(panel, Query::selectors);
        let itself = itself && !metrics.iter().all(|metric| is_of_host(metric));
        let evaluator = Evaluator::new(&reader, audience, grid, from, ask.to);
        let mut condition = condition::condition(&evaluator, &reader, panel, &*self.failures, ask.as_of);
        if ask.as_of < ask.now && condition.state == State::Live {
            // Who fails now says nothing of then.
            condition.failure = None;
        }
        if let Some(overload) = overload {
            condition.state = State::Error;
            condition.failure = Some(Failure {
                source: HISTORY.to_owned(),
                message: Text::of(
                    format!(
                        "読み取る値が上限の {} を超えます。期間を短くするか、系列を減らすか、刻みを粗くしてください",
                        overload.0
                    ),
                    overload.to_string(),
                ),
                since: None,
                next_attempt: None,
            });
        }
        let spec = self.specs.get(&panel.spec, ask.targets.filter(|_| !itself));
        let parts = parts(grid.step, finest);
        let finer = Grid {
            step: grid.step / parts,
            slots: grid.slots * usize::try_from(parts).unwrap_or(1),
            ..grid
        };
        let finer = (grid.step > SECOND).then(|| Evaluator::new(&reader, audience, finer, from, ask.to));
        panel::snapshot(panel, spec, &evaluator, finer.as_ref(), condition, itself)
    }

    /// Which source a panel lacks now, wholly or in part, that fed it a while ago. Costs next to nothing while none fails.
    pub(crate) fn lacking(&self, panel: &Panel, scope: &Scope, now: Millis) -> Option<Failure> {
        if !self.failures.any() {
            return None;
        }
        let reader = self.store.read();
        let grid = Grid::ending(now, 1, 1);
        let audience = Audience {
            scope,
            itself: self.is_itself(&reader, panel, scope),
        };
        let evaluator = Evaluator::new(&reader, audience, grid, now - LACKING, now);
        let condition = condition::condition(&evaluator, &reader, panel, &*self.failures, now);
        condition.newest.and(condition.failure)
    }

    /// Whether a panel shows Keiki's own data: as its group does. One of a user's own, or of a metric, is by itself.
    fn is_itself(&self, reader: &Reader<'_>, panel: &Panel, scope: &Scope) -> bool {
        let built_in = keiki_model::group::panel(&panel.spec.id).and_then(|_| Group::from_id(&panel.spec.group));
        match built_in {
            Some(group) => self.shows_itself(reader, &SERVICE_METRICS[&group], scope),
            None => self.shows_itself(reader, &of_services(panel), scope),
        }
    }

    /// A source that was set up and can't be read speaks for its group, too: it is in error, and Keiki's own data do not
    /// hide that.
    fn shows_itself(&self, reader: &Reader<'_>, metrics: &BTreeSet<&str>, scope: &Scope) -> bool {
        shows_itself(reader, metrics, scope) && !metrics.iter().any(|metric| self.failures.missing(metric).is_some())
    }

    /// Whether a group shows Keiki's own data, because no watched service feeds any of its panels and the scope names no
    /// service. One answer for the whole group: a service's requests should not stand beside Keiki's own queue.
    pub fn group_is_itself(&self, group: Group, scope: &Scope) -> bool {
        self.shows_itself(&self.store.read(), &SERVICE_METRICS[&group], scope)
    }

    /// Counts the changes of what is known of the past.
    pub fn edition(&self) -> u64 {
        self.store.edition()
    }

    /// The values that a label has, sorted.
    pub fn label_values(&self, label: &str) -> Vec<String> {
        self.store.label_values(label)
    }
}

/// Into how many parts a slot of the past can be cut, to see how far what is not made of single values went within it.
fn parts(step: Millis, finest: Millis) -> Millis {
    // What was read is as fine as the coarsest tier that the step is a multiple of.
    let kept = TIERS.iter().rev().map(|tier| tier.step.max(finest));
    let read = kept.into_iter().find(|tier| step % tier == 0).unwrap_or(step);
    let all = step / read;
    (1..=MOST_PARTS).rev().find(|parts| all % parts == 0).unwrap_or(1)
}

/// The metrics of each group that belong to services.
static SERVICE_METRICS: LazyLock<HashMap<Group, BTreeSet<&str>>> = LazyLock::new(|| {
    let metrics = |group: &Group| group.panels().iter().flat_map(of_services).collect();
    Group::ALL.iter().map(|group| (*group, metrics(group))).collect()
});

fn of_services(panel: &Panel) -> BTreeSet<&str> {
    panel
        .metrics()
        .into_iter()
        .filter(|metric| !is_of_host(metric))
        .collect()
}

/// A service that has fallen silent still counts as feeding until its last sample has left the store: its panels turn
/// stale and do not show another service's data instead.
fn shows_itself(reader: &Reader<'_>, metrics: &BTreeSet<&str>, scope: &Scope) -> bool {
    if !scope.services.is_empty() {
        return false;
    }
    let has =
        |metric: &str, itself: bool| !visible(reader, metric, Audience { scope, itself }, Millis::MIN / 2).is_empty();
    let foreign = |metric: &str| reader.has_foreign(metric) && (scope.hosts.is_empty() || has(metric, false));
    !metrics.iter().any(|metric| foreign(metric)) && metrics.iter().any(|metric| has(metric, true))
}

#[cfg(test)]
mod tests;
