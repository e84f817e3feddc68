//! The times of a ring's samples: sorted, four bytes each.

use std::ops::Range;

use keiki_model::time::{Millis, SECOND};

use super::slide::Slide;

/// From how many of the newest gaps an interval is learned: enough that one late or lost sample does not matter.
const GAPS: usize = 7;

/// How far from where it is guessed a time is looked for.
const NEAR: usize = 4;

/// Where a time belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// After all.
    End,
    /// The sample that has this very time.
    Same(usize),
    /// Before this sample.
    Before(usize),
}

/// Milliseconds since the first time seen, in ascending order; of a past of months whole seconds.
#[derive(Clone, Debug)]
pub(super) struct Times {
    base: Millis,
    /// What the offsets count, milliseconds.
    unit: Millis,
    offsets: Slide<u32>,
    /// The first offset, where there is one, again: every append asks for it, and where it lies nothing else is asked for.
    first: u32,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            base: 0,
            unit: 1,
            offsets: Slide::default(),
            first: 0,
        }
    }
}

impl Times {
    /// Times of the past, ascending. Those that lie more than 49 days apart are kept to the second: their slots are hours.
    pub(super) fn past(times: &[Millis]) -> Self {
        let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
        let unit = if u32::try_from(last - first).is_ok() { 1 } else { SECOND };
        let base = first.div_euclid(unit) * unit;
        let offset = |time: &Millis| u32::try_from((time - base) / unit).unwrap_or(u32::MAX);
        let offsets: Vec<u32> = times.iter().map(offset).collect();
        Self {
            base,
            unit,
            first: offsets.first().copied().unwrap_or(0),
            offsets: offsets.into(),
        }
    }

    /// A time by its offset.
    fn at(&self, offset: u32) -> Millis {
        self.base + Millis::from(offset) * self.unit
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    pub(super) fn get(&self, index: usize) -> Millis {
        self.at(self.offsets.as_slice()[index])
    }

    pub(super) fn first(&self) -> Option<Millis> {
        (self.len() > 0).then(|| self.at(self.first))
    }

    pub(super) fn last(&self) -> Option<Millis> {
        self.offsets.as_slice().last().map(|&offset| self.at(offset))
    }

    /// The base, and the times relative to it, in units.
    pub(super) fn parts(&self) -> (Millis, &[u32]) {
        (self.base, self.offsets.as_slice())
    }

    /// What the offsets count, milliseconds.
    pub(super) fn unit(&self) -> Millis {
        self.unit
    }

    /// The index of the first sample at or after `time`.
    pub(super) fn lower_bound(&self, time: Millis) -> usize {
        let time = time - self.base;
        let is_before = |offset: &u32| Millis::from(*offset) * self.unit < time;
        let all = self.offsets.as_slice();
        let near = self.guessed(time);
        // Where samples are regular it lies there, and to look is one line of memory instead of one for each halving.
        match &all[near.clone()] {
            [first, .., last] if is_before(first) && !is_before(last) => {
                near.start + all[near].partition_point(is_before)
            }
            _ => all.partition_point(is_before),
        }
    }

    /// Around where a time since the base would lie if all samples were as far apart; nowhere where that is far off.
    fn guessed(&self, time: Millis) -> Range<usize> {
        let all = self.offsets.as_slice();
        let (Some(first), Some(last)) = (all.first(), all.last()) else {
            return 0..0;
        };
        let (first, last) = (Millis::from(*first) * self.unit, Millis::from(*last) * self.unit);
        if time <= first || time > last {
            return 0..0;
        }
        let place = (time - first) * (all.len() as Millis - 1) / (last - first);
        let place = usize::try_from(place).unwrap_or(0);
        place.saturating_sub(NEAR)..(place + NEAR).min(all.len())
    }

    /// Which samples lie within `[from, to)`, and their times.
    pub(super) fn within(&self, from: Millis, to: Millis) -> (Range<usize>, Vec<Millis>) {
        let places = self.lower_bound(from)..self.lower_bound(to);
        (places.clone(), places.map(|index| self.get(index)).collect())
    }

    pub(super) fn place(&self, time: Millis) -> Place {
        match self.last() {
            Some(last) if time <= last => {
                let index = self.lower_bound(time);
                if self.get(index) == time {
                    Place::Same(index)
                } else {
                    Place::Before(index)
                }
            }
            _ => Place::End,
        }
    }

    pub(super) fn push(&mut self, time: Millis) {
        let offset = self.offset(time);
        if self.len() == 0 {
            self.first = offset;
        }
        self.offsets.push(offset);
    }

    /// Pushes all of these, which ascend and are later than those that are there.
    pub(super) fn extend(&mut self, times: &[Millis]) {
        let [first, rest @ ..] = times else { return };
        self.push(*first);
        let base = self.base;
        if rest.last().is_none_or(|last| u32::try_from(last - base).is_ok()) {
            self.offsets.extend(rest.iter().map(|time| (time - base) as u32));
        } else {
            rest.iter().for_each(|time| self.push(*time));
        }
    }

    pub(super) fn insert(&mut self, index: usize, time: Millis) {
        let offset = self.offset(time);
        self.offsets.insert(index, offset);
        self.find_first();
    }

    pub(super) fn drop_front(&mut self, count: usize) {
        self.offsets.drop_front(count);
        self.find_first();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len);
    }

    pub(super) fn bytes(&self) -> usize {
        self.offsets.bytes()
    }

    /// What three of four of the newest gaps do not exceed, milliseconds; unknown where there are fewer than `least`. The longer ones
    /// tell: workers that export one shortly after the other make short ones in between.
    pub(super) fn learned_interval(&self, least: usize) -> Option<u32> {
        let offsets = self.offsets.as_slice();
        let newest = &offsets[offsets.len().saturating_sub(GAPS + 1)..];
        let mut gaps = [0; GAPS];
        let mut count = 0;
        for (gap, pair) in gaps.iter_mut().zip(newest.windows(2)) {
            *gap = pair[1] - pair[0];
            count += 1;
        }
        gaps[..count].sort_unstable();
        let unit = u32::try_from(self.unit).unwrap_or(1);
        let gap = gaps[..count]
            .get(count.saturating_sub(1) * 3 / 4)
            .filter(|_| count >= least);
        gap.map(|gap| gap.saturating_mul(unit))
    }

    fn find_first(&mut self) {
        self.first = self.offsets.as_slice().first().copied().unwrap_or(0);
    }

    /// The time relative to the base, which moves where it must: for the first sample, for one before all others, and
    /// once in 49 days.
    fn offset(&mut self, time: Millis) -> u32 {
        if let Ok(offset) = u32::try_from(time - self.base)
            && self.len() > 0
        {
            return offset;
        }
        let base = self.first().map_or(time, |first| first.min(time));
        let shift = self.base - base;
        for offset in self.offsets.as_mut_slice() {
            *offset = u32::try_from(Millis::from(*offset) + shift).unwrap_or(u32::MAX);
        }
        self.base = base;
        self.find_first();
        u32::try_from(time - base).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(all: &[Millis]) -> Times {
        let mut times = Times::default();
        for &time in all {
            times.push(time);
        }
        times
    }

    #[test]
    fn the_base_moves_for_earlier_and_for_far_later_times() {
        let now = 1_763_800_000_000;
        let mut times = times(&[now, now + 1_000]);
        times.insert(0, now - 5_000);
        assert_eq!(
            (0..3).map(|index| times.get(index) - now).collect::<Vec<_>>(),
            [-5_000, 0, 1_000]
        );
        times.drop_front(2);
        let later = now + 40 * 86_400_000;
        times.push(later);
        times.drop_front(1);
        times.push(later + 40 * 86_400_000);
        assert_eq!((times.get(0), times.get(1) - times.get(0)), (later, 40 * 86_400_000));
    }

    #[test]
    fn a_past_of_months_has_all_its_times() {
        let day = 86_400_000;
        let all: Vec<Millis> = (0..90).map(|n| 1_763_800_000_850 + n * day).collect();
        let times = Times::past(&all);
        assert_eq!((times.first(), times.last()), (Some(all[0] - 850), Some(all[89] - 850)));
        assert_eq!(times.lower_bound(all[60]), 61);
        assert_eq!(times.learned_interval(1), Some(86_400_000));
        let weeks = Times::past(&all[..40]);
        assert_eq!((weeks.unit(), weeks.get(39)), (1, all[39]));
    }

    #[test]
    fn places() {
        let times = times(&[10, 20, 30]);
        let check = |time, place| assert_eq!(times.place(time), place);
        check(5, Place::Before(0));
        check(20, Place::Same(1));
        check(29, Place::Before(2));
        check(31, Place::End);
        assert_eq!(Times::default().place(1), Place::End);
    }

    #[test]
    fn a_lost_sample_does_not_change_the_learned_interval() {
        assert_eq!(
            times(&[0, 15_000, 30_000, 60_000, 75_000, 90_010]).learned_interval(1),
            Some(15_010)
        );
        let two_workers = [0, 2_000, 10_000, 12_000, 20_000, 22_000, 30_000, 32_000];
        for end in 5..=two_workers.len() {
            assert_eq!(times(&two_workers[..end]).learned_interval(2), Some(8_000), "{end}");
        }
        assert_eq!(times(&[0]).learned_interval(1), None);
        let two = times(&[0, 5_000]);
        assert_eq!((two.learned_interval(1), two.learned_interval(2)), (Some(5_000), None));
    }
}
