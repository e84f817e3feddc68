//! Which series a selector means, for whom, and from which source.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::{Mutex, OnceLock, PoisonError};

use keiki_model::query::{Function, STATUS_CLASS, Selector};
pub(crate) use keiki_model::series::is_of_host;
use keiki_model::series::{HOST_NAME, Labels, OTHER, SERVICE_NAME, Series};
use keiki_model::time::Millis;
use keiki_model::view::Scope;

use super::evaluate::Line;
use super::grid::Grid;
use super::merged::Merged;
use super::trailing::{self, Slots};
use crate::store::{KEIKI, Reader, Stored};

/// The label from which [`STATUS_CLASS`] is read.
const STATUS_CODE: &str = "http_response_status_code";

/// Whether a series has a sample since `from`, or one that reaches so far.
pub(crate) fn is_alive(stored: &Stored, from: Millis) -> bool {
    stored.newest().is_some_and(|newest| newest >= from - stored.reach_ms())
}

/// For whom a query is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audience<'a> {
    pub(crate) scope: &'a Scope,
    /// Whether Keiki's own series are shown in place of all others.
    pub(crate) itself: bool,
}

impl Audience<'_> {
    pub(crate) fn admits(&self, series: &Series, of_host: bool) -> bool {
        let label = |name| series.labels().get(name).unwrap_or_default();
        if !self.scope.hosts.is_empty() && !self.scope.hosts.contains(label(HOST_NAME)) {
            return false;
        }
        if of_host {
            return true;
        }
        if self.scope.services.is_empty() {
            (label(SERVICE_NAME) == KEIKI) == self.itself
        } else {
            self.scope.services.contains(label(SERVICE_NAME))
        }
    }
}

/// Series with the same values of the labels that a query groups by.
pub(crate) struct Group<'a> {
    pub(crate) labels: Labels,
    pub(crate) members: Vec<&'a Stored>,
    /// The distributions of slots' trailing stretches, from this slot on, merged when first asked for.
    trailing: Mutex<Option<(usize, Slots<'a>)>>,
    /// The distributions of the whole window.
    window: OnceLock<Merged>,
}

impl Group<'_> {
    /// What a function makes of the distributions of every slot's trailing stretch, from this slot of the grid on.
    pub(crate) fn trailing(&self, grid: &Grid, first: usize, function: Function) -> Line {
        // It goes in whole, so a poisoned one is still sound.
        let mut kept = self.trailing.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|(from, _)| *from > first) {
            let rest = Grid {
                from: grid.from + grid.step * first as Millis,
                slots: grid.slots - first,
                ..*grid
            };
            *kept = Some((first, trailing::trailing(&self.members, &rest)));
        }
        kept.as_ref()
            .map_or_else(Line::new, |(from, all)| all.line(first - from, function))
    }

    /// The distributions of the window.
    pub(crate) fn window(&self, from: Millis, to: Millis) -> &Merged {
        self.window.get_or_init(|| trailing::window(&self.members, from, to))
    }
}

/// The series of a metric that an audience sees and that have a sample at or within reach of a time since `from`. Of
/// two sources that tell of the same subject (a host, or a service) only the more trusted one is taken.
pub(crate) fn visible<'a>(
    reader: &'a Reader<'_>,
    metric: &str,
    audience: Audience<'_>,
    from: Millis,
) -> Vec<&'a Stored> {
    let of_host = is_of_host(metric);
    let mut found: Vec<_> = reader
        .series(metric)
        .filter(|stored| audience.admits(stored.series(), of_host))
        .filter(|stored| is_alive(stored, from))
        .collect();
    keep_the_trusted(reader, &mut found, if of_host { HOST_NAME } else { SERVICE_NAME });
    found
}

/// Whose series it is: a service's, or a host's.
fn subject(stored: &Stored, of_host: bool) -> (bool, Option<&str>) {
    let name = if of_host { HOST_NAME } else { SERVICE_NAME };
    (of_host, stored.series().labels().get(name))
}

/// The series of the first of several metrics that each subject feeds; what a more trusted source tells comes before.
pub(crate) fn first_fed<'a>(
    reader: &Reader<'_>,
    metrics: impl Iterator<Item = (bool, Rc<Vec<&'a Stored>>)>,
) -> Vec<&'a Stored> {
    let metrics: Vec<_> = metrics.collect();
    let rank = |stored: &Stored| reader.rank(stored.source().class());
    let mut best = HashMap::new();
    let all = || {
        let numbered = metrics.iter().enumerate();
        numbered.flat_map(|(order, (of_host, series))| series.iter().map(move |stored| (order, *of_host, *stored)))
    };
    for (order, of_host, stored) in all() {
        let place = (rank(stored), order);
        let best = best.entry(subject(stored, of_host)).or_insert(place);
        *best = place.min(*best);
    }
    let is_best = |(order, of_host, stored): &(usize, bool, &'a Stored)| {
        best[&subject(stored, *of_host)] == (rank(stored), *order)
    };
    all().filter(is_best).map(|(_, _, stored)| stored).collect()
}

/// Leaves only the series of subjects that others are of, too.
pub(crate) fn keep_subjects(series: &mut Vec<&Stored>, of_host: bool, others: &[&Stored]) {
    let subjects: HashSet<_> = others.iter().map(|stored| subject(stored, of_host)).collect();
    series.retain(|stored| subjects.contains(&subject(stored, of_host)));
}

/// Leaves of each subject's series only those of the best class among them: nothing is summed twice.
fn keep_the_trusted(reader: &Reader<'_>, series: &mut Vec<&Stored>, subject: &str) {
    let Some(first) = series.first().map(|stored| stored.source().class()) else {
        return;
    };
    if series.iter().all(|stored| stored.source().class() == first) {
        return;
    }
    let rank = |stored: &Stored| reader.rank(stored.source().class());
    let mut best: HashMap<Option<&str>, u8> = HashMap::new();
    for stored in series.iter() {
        let best = best.entry(stored.series().labels().get(subject)).or_insert(u8::MAX);
        *best = (*best).min(rank(stored));
    }
    series.retain(|stored| rank(stored) == best[&stored.series().labels().get(subject)]);
}

/// Whether all of a selector's conditions hold.
pub(crate) fn matches(selector: &Selector, series: &Series) -> bool {
    selector
        .matchers
        .iter()
        .all(|matcher| matcher.test.holds(label(series, &matcher.label)))
}

/// The groups that labels make, in no particular order. Without labels there is one group, if there is any series.
pub(crate) fn group<'a>(series: impl IntoIterator<Item = &'a Stored>, by: &[String]) -> Vec<Group<'a>> {
    let mut places: HashMap<Vec<&'a str>, usize> = HashMap::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for stored in series {
        let values: Vec<_> = by.iter().map(|name| label(stored.series(), name)).collect();
        let place = *places.entry(values).or_insert_with_key(|values| {
            let labels = by.iter().zip(values).map(|(name, value)| (name.as_str(), *value));
            groups.push(Group {
                labels: Labels::new(labels),
                members: Vec::new(),
                trailing: Mutex::new(None),
                window: OnceLock::new(),
            });
            groups.len() - 1
        });
        groups[place].members.push(stored);
    }
    groups
}

/// The value of a label, the empty string where there is none; also of the virtual one.
fn label<'a>(series: &'a Series, name: &str) -> &'a str {
    if name == STATUS_CLASS {
        return series.labels().get(STATUS_CODE).map_or("", status_class);
    }
    series.labels().get(name).unwrap_or_default()
}

fn status_class(code: &str) -> &'static str {
    match code.as_bytes() {
        // Many exporters tell no more than the class.
        [class, b'0'..=b'9', b'0'..=b'9'] | [class, b'x' | b'X', b'x' | b'X'] => match class {
            b'1' => "1xx",
            b'2' => "2xx",
            b'3' => "3xx",
            b'4' => "4xx",
            b'5' => "5xx",
            _ => OTHER,
        },
        _ => OTHER,
    }
}
