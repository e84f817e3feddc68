//! Points made before: a second later nearly all of a line is the same line.
//!
//! What a slot shows of distributions depends on its trailing stretch of seconds alone, and the store numbers every
//! change of a second ([`Changes`]). A point is used again exactly while the number of its stretch is the same, so that a
//! line from here equals one made anew; tests compare the two. Counters and gauges are not kept: they are made anew in
//! less time than it takes to find them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keiki_model::series::Labels;
use keiki_model::time::{Millis, SECOND};

use super::grid::Grid;
use super::windows::{Groups, Windows};
use crate::store::Changes;

/// How long lines are kept that nobody asks for, milliseconds.
const UNUSED: Millis = 60 * SECOND;

/// How often those are looked for, milliseconds.
const SWEEP: Millis = 10 * SECOND;

/// Lines by what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<String, Entry>,
    windows: HashMap<String, Moved>,
    swept: Millis,
}

#[derive(Debug)]
struct Entry {
    used: Millis,
    lines: HashMap<Labels, Points>,
}

#[derive(Debug)]
struct Moved {
    used: Millis,
    groups: Groups,
}

#[derive(Debug)]
struct Points {
    to: Millis,
    generation: u64,
    /// The number of each slot's stretch when its point was made.
    numbers: Arc<[u64]>,
    /// So many values for each slot as are asked for.
    values: Vec<f64>,
}

/// The lines of one question, taken out of the cache while they are continued. Those that are not asked for again have
/// ended and are not put back.
pub(crate) struct Kept<'a> {
    cache: &'a Cache,
    key: String,
    now: Millis,
    generation: u64,
    numbers: Arc<[u64]>,
    old: RefCell<HashMap<Labels, Points>>,
    new: RefCell<HashMap<Labels, Points>>,
}

impl Cache {
    /// The lines of a question, which `key` must tell apart from all others but for the time it is asked. Each point
    /// covers `stretch` milliseconds up to its slot's end.
    pub(crate) fn open(&self, key: String, changes: &Changes, grid: &Grid, stretch: Millis, now: Millis) -> Kept<'_> {
        let entry = self.lock().entries.remove(&key);
        let end = |slot: usize| grid.from + grid.step * (slot as Millis + 1);
        Kept {
            cache: self,
            key,
            now,
            generation: changes.generation(),
            numbers: (0..grid.slots)
                .map(|slot| changes.latest(end(slot) - stretch, end(slot)))
                .collect(),
            old: RefCell::new(entry.map(|entry| entry.lines).unwrap_or_default()),
            new: RefCell::default(),
        }
    }

    /// The windows of a question, which `key` must tell apart from all others but for the time it is asked.
    pub(crate) fn windows<'a>(&'a self, key: String, changes: &'a Changes, now: Millis) -> Windows<'a> {
        let moved = self.lock().windows.remove(&key);
        let groups = moved.map(|moved| moved.groups).unwrap_or_default();
        Windows::new(self, key, changes, now, groups)
    }

    /// Keeps windows for the next time.
    pub(super) fn put_windows(&self, key: String, now: Millis, groups: Groups) {
        self.lock().windows.insert(key, Moved { used: now, groups });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Entries go in and out whole, so a poisoned map is still a sound one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept<'_> {
    /// The values of a line, `width` for each slot; `make` gives those from a slot on.
    pub(crate) fn line(
        &self,
        labels: &Labels,
        grid: &Grid,
        width: usize,
        make: impl FnOnce(usize) -> Vec<f64>,
    ) -> Vec<f64> {
        let old = self.old.borrow_mut().remove(labels);
        let mut values = old.map(|old| self.still_true(old, grid, width)).unwrap_or_default();
        let first = values.len() / width;
        if first < grid.slots {
            values.extend(make(first));
        }
        let points = Points {
            to: grid.to(),
            generation: self.generation,
            numbers: Arc::clone(&self.numbers),
            values: values.clone(),
        };
        self.new.borrow_mut().insert(labels.clone(), points);
        values
    }

    /// The old values that are still true, from the grid's first slot on.
    fn still_true(&self, old: Points, grid: &Grid, width: usize) -> Vec<f64> {
        let moved = grid.to() - old.to;
        let Points {
            generation,
            numbers,
            mut values,
            ..
        } = old;
        if generation != self.generation || moved < 0 || moved % grid.step != 0 {
            return Vec::new();
        }
        let moved = usize::try_from(moved / grid.step)
            .unwrap_or(usize::MAX)
            .min(numbers.len());
        let same = self
            .numbers
            .iter()
            .zip(&numbers[moved..])
            .take_while(|(new, old)| new == old)
            .count();
        values.drain(..moved * width);
        values.truncate(same * width);
        values
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        let lines = self.new.take();
        let mut state = self.cache.lock();
        // A clock set back makes old entries look as if they were of the future.
        if (self.now - state.swept).abs() >= SWEEP {
            state.swept = self.now;
            let is_used = |used: Millis| (self.now - used).abs() <= UNUSED;
            state.entries.retain(|_, entry| is_used(entry.used));
            state.windows.retain(|_, moved| is_used(moved.used));
        }
        if !lines.is_empty() {
            let entry = Entry { used: self.now, lines };
            state.entries.insert(std::mem::take(&mut self.key), entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asks_for_is_forgotten() {
        let cache = Cache::default();
        let grid = Grid::ending(100_000, 1, 5);
        let changes = Changes::default();
        let made = |key: &str, now| {
            let mut made = 0;
            let kept = cache.open(key.to_owned(), &changes, &grid, 10_000, now);
            kept.line(&Labels::none(), &grid, 1, |first| {
                made = grid.slots - first;
                vec![0.0; made]
            });
            made
        };
        assert_eq!([made("a", 0), made("a", 1_000), made("b", 61_000)], [5, 0, 5]);
        assert_eq!(cache.lock().entries.len(), 2);
        assert_eq!([made("b", 71_001), made("a", 71_002)], [0, 5]);
        made("b", -3_600_000);
        assert_eq!(
            cache.lock().entries.len(),
            1,
            "of what is of the future, only that which was just asked for stays"
        );
    }
}
