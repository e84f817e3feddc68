//! Which seconds of a metric's distributions changed since when, so that what was made of the others can be used again.

use keiki_model::time::{Millis, SECOND};

use super::slide::Slide;

/// A number for every second, larger than all before whenever observations of that second come or go. Numbers of two
/// moments are equal exactly if nothing happened in between.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Raised when more changed than single seconds: a series ended, or passed to another source.
    generation: u64,
    newest: u64,
    /// The second, since 1970, of the first number.
    first: i64,
    numbers: Slide<u64>,
}

impl Changes {
    /// The number of the latest change of everything at once. What was made under another one is void.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The number of the latest change of all.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// The number of the latest change within `[from, to)`, whole seconds; 0 if there was none.
    pub fn latest(&self, from: Millis, to: Millis) -> u64 {
        let index = |time: Millis| {
            let index = usize::try_from(time.div_euclid(SECOND) - self.first).unwrap_or(0);
            index.min(self.numbers.len())
        };
        let range = index(from)..index(to);
        self.numbers
            .as_slice()
            .get(range)
            .unwrap_or_default()
            .iter()
            .copied()
            .max()
            .unwrap_or(0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.newest == 0
    }

    /// Observations of a second came or went; if `cut`, also others after it. What lies before `oldest` is of no use.
    pub(super) fn note(&mut self, time: Millis, cut: bool, oldest: Millis) {
        self.newest += 1;
        if cut {
            self.forget();
        }
        let second = time.div_euclid(SECOND);
        if self.numbers.len() == 0 || second < self.first {
            // The first one, or a clock set back: the numbers begin anew.
            self.forget();
            self.first = second;
            self.numbers.drop_front(self.numbers.len());
        }
        let old = (oldest.div_euclid(SECOND) - self.first).clamp(0, second - self.first);
        self.numbers.drop_front(usize::try_from(old).unwrap_or(0));
        self.first += old;
        let at = usize::try_from(second - self.first).unwrap_or(0);
        while self.numbers.len() <= at {
            self.numbers.push(0);
        }
        self.numbers.as_mut_slice()[at] = self.newest;
    }

    /// Voids everything made so far.
    pub(super) fn forget(&mut self) {
        self.generation += 1;
    }
}
