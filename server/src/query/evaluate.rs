//! Evaluates queries: over slots to lines, over the window to figures.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use keiki_model::query::{Combine, Function, Query, Selector};
use keiki_model::series::Labels;
use keiki_model::time::Millis;

use super::cache::{Cache, Kept};
use super::combine::{Combined, quotient, together};
use super::grid::Grid;
use super::select::{self, Audience, Group};
use super::share::by_two;
use super::track::Track;
use super::trailing;
use super::windows::Windows;
use crate::store::{Changes, Reader, Ring, Stored};

/// One value per slot; a gap is NaN, which leaves this module only as no value.
pub(crate) type Line = Vec<f64>;

/// The value of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    /// Of a quantile from explicit buckets: the bucket it lies in.
    pub(crate) bucket: Option<(f64, Option<f64>)>,
}

impl From<f64> for Figure {
    fn from(value: f64) -> Self {
        Self { value, bucket: None }
    }
}

/// Tells by its labels whether a group is asked for.
pub(crate) type Wanted<'w> = &'w dyn Fn(&Labels) -> bool;

/// All groups are asked for.
pub(crate) const ALL: Wanted<'static> = &|_| true;

/// Selections already made, by selector and labels.
type Selections<'a> = Vec<(&'a Selector, &'a [String], Rc<Vec<Group<'a>>>)>;

/// Evaluates the queries of one panel over the same slots and window. What several of them read is selected and merged
/// once.
pub(crate) struct Evaluator<'a> {
    reader: &'a Reader<'a>,
    audience: Audience<'a>,
    grid: Grid,
    from: Millis,
    to: Millis,
    /// Lines made before, and the wall clock; without them every line is made anew.
    cache: Option<(&'a Cache, Millis)>,
    visible: RefCell<HashMap<&'a str, Rc<Vec<&'a Stored>>>>,
    selections: RefCell<Selections<'a>>,
}

impl<'a> Evaluator<'a> {
    /// Lines on `grid`, figures of `[from, to)`.
    pub(crate) fn new(reader: &'a Reader<'a>, audience: Audience<'a>, grid: Grid, from: Millis, to: Millis) -> Self {
        let (visible, selections) = (RefCell::default(), RefCell::default());
        Self {
            reader,
            audience,
            grid,
            from,
            to,
            cache: None,
            visible,
            selections,
        }
    }

    /// Continues lines that were made before.
    pub(crate) fn cached(mut self, cache: &'a Cache, now: Millis) -> Self {
        self.cache = Some((cache, now));
        self
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The live series of a metric.
    pub(crate) fn visible(&self, metric: &'a str) -> Rc<Vec<&'a Stored>> {
        // From where the first slot's trailing stretch begins: a series must not leave that slot before its samples do.
        let from = self
            .from
            .min(self.grid.from + self.grid.step - trailing::stretch(self.grid.step));
        let mut visible = self.visible.borrow_mut();
        let found = visible
            .entry(metric)
            .or_insert_with(|| Rc::new(select::visible(self.reader, metric, self.audience, from)));
        Rc::clone(found)
    }

    /// The live series that a selector may read, whatever its conditions.
    pub(crate) fn read_by(&self, selector: &'a Selector) -> Rc<Vec<&'a Stored>> {
        if selector.instead.is_empty() && selector.with.is_none() {
            return self.visible(&selector.metric);
        }
        let each = selector
            .metrics()
            .map(|metric| (select::is_of_host(metric), self.visible(metric)));
        let mut found = select::first_fed(self.reader, each);
        if let Some(with) = &selector.with {
            select::keep_subjects(&mut found, select::is_of_host(with), &self.visible(with));
        }
        Rc::new(found)
    }

    /// Whether all that there is counts, whoever it is of.
    pub(crate) fn is_of_all(&self) -> bool {
        self.audience.scope.services.is_empty() && self.audience.scope.hosts.is_empty()
    }

    /// Whether anything feeds what a selector reads, whatever its conditions.
    pub(crate) fn feeds(&self, selector: &'a Selector) -> bool {
        let is_fed = |metric: &'a str| !self.visible(metric).is_empty();
        selector.metrics().any(is_fed) && selector.with.as_deref().is_none_or(is_fed)
    }

    /// Those of them that have a sample in the window or within reach of its beginning.
    pub(crate) fn within_window(&self, metric: &'a str) -> Vec<&'a Stored> {
        let visible = self.visible(metric);
        visible
            .iter()
            .copied()
            .filter(|stored| select::is_alive(stored, self.from))
            .collect()
    }

    /// The groups of a selection.
    pub(crate) fn groups(&self, selector: &'a Selector, by: &'a [String]) -> Rc<Vec<Group<'a>>> {
        let made = |entry: &&(&Selector, &[String], _)| entry.0 == selector && entry.1 == by;
        if let Some((_, _, groups)) = self.selections.borrow().iter().find(made) {
            return Rc::clone(groups);
        }
        let visible = self.read_by(selector);
        let matching = visible
            .iter()
            .copied()
            .filter(|stored| select::matches(selector, stored.series()));
        let groups = Rc::new(select::group(matching, by));
        self.selections.borrow_mut().push((selector, by, Rc::clone(&groups)));
        groups
    }

    /// The lines already made of a selection's distributions. `what` tells apart what is made of them.
    pub(crate) fn kept(&self, selector: &Selector, by: &[String], what: &str, stretch: Millis) -> Option<Kept<'a>> {
        let (cache, changes, key, now) = self.keyed(selector, by)?;
        let Grid { step, slots, .. } = self.grid;
        Some(cache.open(
            format!("{key} {what} {step} {slots}"),
            changes,
            &self.grid,
            stretch,
            now,
        ))
    }

    /// The windows of this length of a selection's distributions, as far as they were moved.
    fn windows(&self, selector: &Selector, by: &[String], length: Millis) -> Option<Windows<'a>> {
        let (cache, changes, key, now) = self.keyed(selector, by)?;
        Some(cache.windows(format!("{key} {length}"), changes, now))
    }

    /// Where what is made of a selection may be kept: what tells when it is no longer true, what tells the selection apart
    /// from all others, and the time.
    fn keyed(&self, selector: &Selector, by: &[String]) -> Option<(&'a Cache, &'a Changes, String, Millis)> {
        let (cache, now) = self
            .cache
            .filter(|_| selector.instead.is_empty() && selector.with.is_none())?;
        let changes = self.reader.changes(&selector.metric)?;
        let Audience { scope, itself } = self.audience;
        Some((cache, changes, format!("{selector:?} {by:?} {scope:?} {itself}"), now))
    }

    /// The lines of a query, one per group, in no particular order.
    pub(crate) fn lines(&self, query: &'a Query, wanted: Wanted<'_>) -> Vec<(Labels, Line)> {
        match query {
            Query::Select {
                selector,
                function,
                combine,
                by,
            } => {
                let groups = self.groups(selector, by);
                let kept = if groups.iter().any(|group| reads_distributions(group, *function)) {
                    self.kept(
                        selector,
                        by,
                        &format!("{function:?}"),
                        trailing::stretch(self.grid.step),
                    )
                } else {
                    None
                };
                let grid = self.grid;
                let anew = |group: &&Group<'a>| (group.labels.clone(), line(group, &grid, *function, *combine));
                let stretch = trailing::stretch(grid.step);
                let windows = match function {
                    Function::Quantile(q) => self.windows(selector, by, stretch).map(|windows| (windows, *q)),
                    _ => None,
                };
                // A line that goes on by a slot.
                let newest = |group: &Group<'a>, first: usize| {
                    let (windows, q) = windows.as_ref().filter(|_| first + 1 == grid.slots)?;
                    let figure = windows.quantile(group, grid.to() - stretch, grid.to(), *q)?;
                    Some(figure.map_or(f64::NAN, |figure| figure.value))
                };
                let continued = |group: &&Group<'a>| match &kept {
                    Some(kept) if reads_distributions(group, *function) => {
                        let make = |first: usize| match newest(group, first) {
                            Some(value) => vec![value],
                            None => group.trailing(&grid, first, *function),
                        };
                        (group.labels.clone(), kept.line(&group.labels, &grid, 1, make))
                    }
                    _ => anew(group),
                };
                let wanted: Vec<_> = groups.iter().filter(|group| wanted(&group.labels)).collect();
                if self.is_shared() {
                    by_two(&wanted, anew)
                } else {
                    wanted.iter().map(continued).collect()
                }
            }
            Query::Ratio { part, whole } => {
                let parts: HashMap<_, _> = self.lines(part, wanted).into_iter().collect();
                let mut lines = self.lines(whole, wanted);
                for (labels, line) in &mut lines {
                    let part = parts.get(labels);
                    for (slot, value) in line.iter_mut().enumerate() {
                        *value = quotient(part.map(|part| part[slot]), *value);
                    }
                }
                lines
            }
            Query::Or { first, .. } if self.is_fed(first) => self.lines(first, wanted),
            Query::Or { second, .. } => self.lines(second, wanted),
        }
    }

    /// How far the values within each slot went, one pair of lines per group; `None` of what is not made of single values
    /// (quantiles, shares of a whole). Of a sum it is the sum of its parts' extremes: never narrower than what was.
    pub(crate) fn extremes(&self, query: &'a Query, wanted: Wanted<'_>) -> Option<Vec<(Labels, Line, Line)>> {
        let (selector, function, combine, by) = match query {
            Query::Select {
                selector,
                function,
                combine,
                by,
            } => (selector, *function, *combine, by),
            Query::Ratio { .. } => return None,
            Query::Or { first, .. } if self.is_fed(first) => return self.extremes(first, wanted),
            Query::Or { second, .. } => return self.extremes(second, wanted),
        };
        let rates = match function {
            Function::Rate => true,
            Function::Last | Function::Avg => false,
            _ => return None,
        };
        let groups = self.groups(selector, by);
        if groups.iter().any(|group| reads_distributions(group, function)) {
            return None;
        }
        let grid = self.grid;
        let line = |group: &&Group<'a>| {
            let (mut low, mut high) = (Combined::new(combine, grid.slots), Combined::new(combine, grid.slots));
            let track = if rates { Track::total } else { Track::values };
            for track in group.members.iter().filter_map(|stored| track(stored)) {
                track.extremes(rates, &grid, |slot, least, most| {
                    low.add(slot, least);
                    high.add(slot, most);
                });
            }
            (group.labels.clone(), low.finish(), high.finish())
        };
        let wanted: Vec<_> = groups.iter().filter(|group| wanted(&group.labels)).collect();
        Some(if self.is_shared() {
            by_two(&wanted, line)
        } else {
            wanted.iter().map(line).collect()
        })
    }

    /// Whether two threads share the work: of the past there is much. What is live is a matter of microseconds.
    fn is_shared(&self) -> bool {
        self.cache.is_none()
    }

    /// What a query reads, given what is fed.
    pub(crate) fn selectors(&self, query: &'a Query) -> Vec<&'a Selector> {
        match query {
            Query::Select { selector, .. } => vec![selector],
            Query::Ratio { part, whole } => [self.selectors(part), self.selectors(whole)].concat(),
            Query::Or { first, .. } if self.is_fed(first) => self.selectors(first),
            Query::Or { second, .. } => self.selectors(second),
        }
    }

    /// Whether there is anything of what a query measures, whatever its labels.
    fn is_fed(&self, query: &'a Query) -> bool {
        match query {
            Query::Select { selector, .. } => self.feeds(selector),
            Query::Ratio { whole, .. } => self.is_fed(whole),
            Query::Or { first, second } => self.is_fed(first) || self.is_fed(second),
        }
    }

    /// The figures of a query, one per group that has a value, in no particular order.
    ///
    /// What never happened counts as zero: a rate or an increase of selected series, of which there are none, is 0 while
    /// the same metric is reported with other labels. No failed job yet is not an unknown number of failed jobs.
    pub(crate) fn figures(&self, query: &'a Query, wanted: Wanted<'_>) -> Vec<(Labels, Figure)> {
        match query {
            Query::Select {
                selector,
                function,
                combine,
                by,
            } => {
                let groups = self.groups(selector, by);
                let counts = matches!(function, Function::Rate | Function::Increase);
                if counts && groups.is_empty() && by.is_empty() && self.feeds(selector) {
                    return vec![(Labels::none(), 0.0.into())];
                }
                if *function == Function::Last {
                    return self.newest(&groups, *combine, wanted);
                }
                let windows = match function {
                    Function::Quantile(q) => self
                        .windows(selector, by, self.to - self.from)
                        .map(|windows| (windows, *q)),
                    _ => None,
                };
                let figure = |group: &Group<'a>| {
                    let moved = windows.as_ref();
                    let moved = moved.and_then(|(windows, q)| windows.quantile(group, self.from, self.to, *q));
                    let figure = moved.unwrap_or_else(|| self.figure(group, *function, *combine));
                    Some((group.labels.clone(), figure?))
                };
                groups
                    .iter()
                    .filter(|group| wanted(&group.labels))
                    .filter_map(figure)
                    .collect()
            }
            Query::Ratio { part, whole } => {
                let parts: HashMap<_, _> = self.figures(part, wanted).into_iter().collect();
                let ratio = |(labels, whole): (Labels, Figure)| {
                    let value = quotient(parts.get(&labels).map(|part| part.value), whole.value);
                    (!value.is_nan()).then(|| (labels, value.into()))
                };
                self.figures(whole, wanted).into_iter().filter_map(ratio).collect()
            }
            Query::Or { first, .. } if self.is_fed(first) => self.figures(first, wanted),
            Query::Or { second, .. } => self.figures(second, wanted),
        }
    }

    fn figure(&self, group: &Group<'a>, function: Function, combine: Combine) -> Option<Figure> {
        if reads_distributions(group, function) {
            return group.window(self.from, self.to).figure(function);
        }
        let mut combined = Combined::new(combine, 1);
        match function {
            Function::Rate | Function::Increase => {
                let growths = group
                    .members
                    .iter()
                    .filter_map(|stored| Track::total(stored)?.growth(self.from, self.to));
                if function == Function::Rate && combine == Combine::Sum {
                    return together(growths)?.rate().map(Figure::from);
                }
                for growth in growths {
                    let value = if function == Function::Rate {
                        growth.rate()
                    } else {
                        Some(growth.increase)
                    };
                    value.into_iter().for_each(|value| combined.add(0, value));
                }
            }
            _ => {
                let window = Grid {
                    from: self.from,
                    step: self.to - self.from,
                    slots: 1,
                };
                for track in group.members.iter().filter_map(|stored| Track::values(stored)) {
                    track.gauge(function, &window, |slot, value| combined.add(slot, value));
                }
            }
        }
        combined.only()
    }

    /// The newest values: of the window's end, or, where nothing reaches so far, of the newest sample in the window. All
    /// groups are read at the same time, so that a series that ended is not added to those that go on.
    fn newest(&self, groups: &[Group<'a>], combine: Combine, wanted: Wanted<'_>) -> Vec<(Labels, Figure)> {
        let at = |end: Millis| -> Vec<(Labels, Figure)> {
            let moment = Grid {
                from: end - 1,
                step: 1,
                slots: 1,
            };
            let value = |group: &Group<'a>| {
                let mut combined = Combined::new(combine, 1);
                for track in group.members.iter().filter_map(|stored| Track::values(stored)) {
                    track.gauge(Function::Last, &moment, |slot, value| combined.add(slot, value));
                }
                Some((group.labels.clone(), combined.only()?))
            };
            groups.iter().filter_map(value).collect()
        };
        let mut found = at(self.to);
        if found.is_empty() {
            let tracks = groups
                .iter()
                .flat_map(|group| &group.members)
                .filter_map(|stored| Track::values(stored));
            let newest = tracks.filter_map(|track| track.newest_before(self.to)).max();
            found = newest
                .filter(|newest| *newest >= self.from)
                .map(|newest| at(newest + 1))
                .unwrap_or_default();
        }
        found.retain(|(labels, _)| wanted(labels));
        found
    }
}

/// The line of a group, made anew.
fn line(group: &Group<'_>, grid: &Grid, function: Function, combine: Combine) -> Line {
    if reads_distributions(group, function) {
        return group.trailing(grid, 0, function);
    }
    let mut line = Combined::new(combine, grid.slots);
    for stored in &group.members {
        match function {
            Function::Rate | Function::Increase => {
                let seconds = if function == Function::Rate {
                    1.0
                } else {
                    grid.step as f64 / 1_000.0
                };
                if let Some(track) = Track::total(stored) {
                    track.rates(grid, |slot, rate| line.add(slot, rate * seconds));
                }
            }
            _ => {
                if let Some(track) = Track::values(stored) {
                    track.gauge(function, grid, |slot, value| line.add(slot, value));
                }
            }
        }
    }
    line.finish()
}

/// Whether a function is one of merged distributions. Rates and increases need only their counts.
fn reads_distributions(group: &Group<'_>, function: Function) -> bool {
    match function {
        Function::Quantile(_)
        | Function::Apdex(_)
        | Function::Share(..)
        | Function::Within(..)
        | Function::Score(_) => true,
        Function::Avg | Function::Min | Function::Max => group
            .members
            .iter()
            .any(|stored| matches!(stored.ring(), Ring::Histogram(_))),
        Function::Last | Function::Rate | Function::Increase => false,
    }
}
