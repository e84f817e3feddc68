//! Sums of distributions over windows that move: a second later a window of five minutes is the same one but for a second at
//! either end.
//!
//! As with points ([`super::cache`]) the store's numbers of changes tell whether what lies between is still the same. What a
//! sum cannot say (its smallest and largest value are not kept) is left to those who make it anew.

use std::cell::RefCell;
use std::collections::HashMap;

use keiki_model::histogram::{Moving, Part};
use keiki_model::series::Labels;
use keiki_model::time::{Millis, SECOND};

use super::cache::Cache;
use super::evaluate::Figure;
use super::select::Group;
use super::trailing;
use crate::store::{Changes, Ring, Stored};

/// By how much a window is moved at most, milliseconds: rings keep what has left their longest window for longer.
const FARTHEST: Millis = 10 * SECOND;

/// The windows of groups.
pub(super) type Groups = HashMap<Labels, Window>;

/// The sum of what lies within `[from, to)`.
#[derive(Debug)]
pub(super) struct Window {
    from: Millis,
    to: Millis,
    generation: u64,
    /// The number of the latest change when it was made.
    newest: u64,
    sum: Moving,
}

/// The windows of one question, taken out of the cache while they are moved.
pub(crate) struct Windows<'a> {
    cache: &'a Cache,
    key: String,
    changes: &'a Changes,
    now: Millis,
    groups: RefCell<Groups>,
    /// What was last asked of `changes`, and its answer: it is the same for nearly all groups.
    latest: RefCell<Option<(Millis, Millis, u64)>>,
}

impl<'a> Windows<'a> {
    pub(super) fn new(cache: &'a Cache, key: String, changes: &'a Changes, now: Millis, groups: Groups) -> Self {
        Self {
            cache,
            key,
            changes,
            now,
            groups: RefCell::new(groups),
            latest: RefCell::default(),
        }
    }

    /// A quantile of what a group has within `[from, to)`: no figure where there is nothing; `None` where that must be made
    /// anew.
    pub(crate) fn quantile(&self, group: &Group<'_>, from: Millis, to: Millis, q: f64) -> Option<Option<Figure>> {
        let mut groups = self.groups.borrow_mut();
        let is_moved = |window: &mut Window| self.is_true(window) && window.move_to(&group.members, from, to);
        if !groups.get_mut(&group.labels).is_some_and(is_moved) {
            groups.remove(&group.labels);
            let sum = trailing::with_window(&group.members, from, to, Moving::of)?;
            let window = Window {
                from,
                to,
                generation: 0,
                newest: 0,
                sum,
            };
            groups.insert(group.labels.clone(), window);
        }
        let window = groups.get_mut(&group.labels)?;
        (window.generation, window.newest) = (self.changes.generation(), self.changes.newest());
        if window.sum.is_empty() {
            return Some(None);
        }
        window.sum.quantile(q).map(|value| Some(value.into()))
    }

    /// Whether what it holds is still so.
    fn is_true(&self, window: &Window) -> bool {
        let (from, to) = (window.from, window.to);
        let mut known = self.latest.borrow_mut();
        let latest = match *known {
            Some((at, until, latest)) if (at, until) == (from, to) => latest,
            _ => self.changes.latest(from, to),
        };
        *known = Some((from, to, latest));
        window.generation == self.changes.generation() && latest <= window.newest
    }
}

impl Drop for Windows<'_> {
    fn drop(&mut self) {
        let mut groups = self.groups.take();
        let newest = groups.values().map(|window| window.to).max();
        // Those that are not asked for any more would never be moved again.
        groups.retain(|_, window| newest.is_some_and(|newest| newest - window.to <= FARTHEST));
        self.cache.put_windows(std::mem::take(&mut self.key), self.now, groups);
    }
}

impl Window {
    /// Moves it to `[from, to)`, which is as long; `false` where it can't, and it is then of no more use.
    fn move_to(&mut self, members: &[&Stored], from: Millis, to: Millis) -> bool {
        let by = from - self.from;
        if !(0..=FARTHEST.min(self.to - self.from)).contains(&by) || to - self.to != by {
            return false;
        }
        let (gone, new) = (self.from..from, self.to..to);
        (self.from, self.to) = (from, to);
        by == 0
            || (each(members, gone.start, gone.end, |part| self.sum.take(&part))
                && each(members, new.start, new.end, |part| self.sum.add(&part)))
    }
}

/// Whether all samples of `[from, to)` are taken.
fn each(members: &[&Stored], from: Millis, to: Millis, mut take: impl FnMut(Part<'_>) -> bool) -> bool {
    members.iter().all(|stored| match stored.ring() {
        Ring::Histogram(ring) => ring.single(from, to).all(|(_, part)| take(part)),
        _ => true,
    })
}
