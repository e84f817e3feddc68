//! Several programs that say the same of themselves: workers of one service whose resource tells no instance. Each counts for
//! itself, and from its own beginning on; by that they are told apart.

use keiki_model::time::Millis;

use super::millis;

/// How many are told apart. Of more, those that were silent longest are met again as strangers.
const MOST: usize = 64;

/// When a total began, Unix nanoseconds; 0 where nobody says so.
pub(crate) type Start = u64;

/// What is known of who tells a total.
#[derive(Debug, PartialEq)]
pub(super) enum Met<T> {
    /// It told this before.
    Before(T),
    /// It told of this time, or of a later one, already.
    Again,
    /// It began after all that was told until now: all of its total is new.
    Begun,
    /// It is new here, and nobody knows since when it has counted how much.
    Stranger,
}

/// The totals of those that tell the same.
#[derive(Debug)]
pub(super) struct Writers<T>(Vec<(Start, Millis, T)>);

impl<T> Default for Writers<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Totals that are told within so long of each other are of one moment, milliseconds: workers often export at the same pace, and
/// nobody exports faster.
const MOMENT: Millis = 500;

/// Whether a time is of the moment that was told of before.
pub(super) fn is_of(moment: Millis, time: Millis) -> bool {
    (moment..moment + MOMENT).contains(&time)
}

impl<T> Writers<T> {
    /// Whether several tell.
    pub(super) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Notes a total.
    pub(super) fn meet(&mut self, start: Start, time: Millis, total: T) -> Met<T> {
        if let Some((_, at, before)) = self.0.iter_mut().find(|(other, ..)| *other == start) {
            if *at >= time {
                return Met::Again;
            }
            *at = time;
            return Met::Before(std::mem::replace(before, total));
        }
        let newest = self.0.iter().map(|(_, at, _)| *at).max();
        if self.0.len() == MOST {
            let oldest = self.0.iter().enumerate().min_by_key(|(_, (_, at, _))| *at);
            if let Some((place, _)) = oldest {
                self.0.swap_remove(place);
            }
        }
        self.0.push((start, time, total));
        match newest {
            Some(newest) if millis(start) >= newest => Met::Begun,
            _ => Met::Stranger,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_are_told_apart_by_their_beginnings() {
        let mut all = Writers::default();
        let nanos = |ms: u64| ms * 1_000_000;
        assert_eq!(all.meet(nanos(500), 1_000, 7), Met::Stranger);
        assert_eq!(all.meet(nanos(500), 2_000, 9), Met::Before(7));
        assert_eq!(all.meet(nanos(500), 2_000, 9), Met::Again);
        assert_eq!(all.meet(nanos(600), 2_100, 40), Met::Stranger, "beside the first one");
        assert_eq!(all.meet(nanos(2_200), 3_000, 3), Met::Begun, "after all");
        assert_eq!(all.meet(nanos(500), 3_000, 12), Met::Before(9));
    }

    #[test]
    fn of_many_the_silent_ones_are_forgotten() {
        let mut all = Writers::default();
        for n in 0..=MOST as u64 {
            assert_eq!(all.meet(n + 1, 1_000 + n as Millis, n), Met::Stranger);
        }
        assert_eq!(all.0.len(), MOST);
        assert_eq!(all.meet(MOST as u64, 9_000, 0), Met::Before(MOST as u64 - 1));
        assert_eq!(all.meet(1, 9_000, 0), Met::Stranger);
    }
}
