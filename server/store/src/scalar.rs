//! The newest samples of a counter or a gauge.

use std::borrow::Cow;

use keiki_model::time::Millis;

use super::Trim;
use super::slide::Slide;
use super::times::{Place, Times};

/// What is known of slots beside their newest value, one entry for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folds {
    /// The smallest value of a gauge, or rate per second of a counter; NaN where there was none.
    pub min: Vec<f64>,
    /// The largest.
    pub max: Vec<f64>,
    /// The sum of a gauge's values; nothing of a counter.
    pub sum: Vec<f64>,
    /// How many values of a gauge; nothing of a counter.
    pub count: Vec<u32>,
}

/// Samples in order of time, twelve bytes each.
#[derive(Clone, Debug, Default)]
pub struct Scalars {
    times: Times,
    values: Slide<f64>,
    /// Of the past: each sample is a slot.
    folds: Option<Box<Folds>>,
    /// Of a counter: when it began anew, and what it had reached by then. Kept beside the values because restarts are
    /// rare: a running total of its own would make every counter half as large again.
    resets: Vec<(Millis, f64)>,
}

impl Scalars {
    pub(super) fn times(&self) -> &Times {
        &self.times
    }

    /// Samples of the past, in order of time.
    pub(super) fn past(times: &[Millis], values: Vec<f64>, counter: bool, folds: Option<Folds>) -> Self {
        let mut scalars = Self {
            times: Times::past(times),
            values: values.into(),
            folds: folds.map(Box::new),
            resets: Vec::new(),
        };
        if counter && scalars.folds.is_none() {
            scalars.find_resets();
        }
        scalars
    }

    /// What is known of each slot, where these are slots of the past and not samples.
    pub fn folds(&self) -> Option<&Folds> {
        self.folds.as_deref()
    }

    /// The samples within `[from, to)`.
    pub(super) fn between(&self, from: Millis, to: Millis) -> (Vec<Millis>, Vec<f64>) {
        let (places, times) = self.times.within(from, to);
        (times, self.values.as_slice().get(places).unwrap_or_default().to_vec())
    }

    /// The values as they came.
    pub fn values(&self) -> &[f64] {
        self.values.as_slice()
    }

    /// The values of a counter as if it had never begun anew: after a restart it counts on from what it had reached,
    /// as Prometheus' `increase` takes it. Only differences mean something.
    pub fn total(&self) -> Cow<'_, [f64]> {
        if self.resets.is_empty() {
            return Cow::Borrowed(self.values.as_slice());
        }
        let mut resets = self.resets.iter().peekable();
        let mut lost = 0.0;
        let values = self.values.as_slice().iter().enumerate();
        let adjusted = values.map(|(index, value)| {
            while let Some((_, reached)) = resets.next_if(|(time, _)| *time <= self.times.get(index)) {
                lost += reached;
            }
            lost + value
        });
        Cow::Owned(adjusted.collect())
    }

    pub(super) fn append(&mut self, time: Millis, value: f64, counter: bool, trim: &Trim) {
        self.trim(trim);
        match self.times.place(time) {
            Place::End => {
                if counter
                    && let Some(&last) = self.values.as_slice().last()
                    && value < last
                {
                    self.resets.push((time, last));
                }
                self.times.push(time);
                self.values.push(value);
                return;
            }
            Place::Same(index) => self.values.as_mut_slice()[index] = value,
            Place::Before(index) => {
                self.times.insert(index, time);
                self.values.insert(index, value);
            }
        }
        if counter {
            self.find_resets();
        }
    }

    /// Keeps samples as [`Scalars::append`] does, in the order in which they came, but looks once at what is there: after a
    /// failure of the disk the journal holds everything twice.
    pub(super) fn extend(&mut self, times: &[Millis], values: &[f64], counter: bool) {
        if times.is_sorted_by(|one, next| one < next) {
            return self.merge(times, values, counter);
        }
        let mut samples: Vec<(Millis, f64)> = times.iter().copied().zip(values.iter().copied()).collect();
        // Those of one time stay as they came: the last one counts.
        samples.sort_by_key(|(time, _)| *time);
        let last_of_each = samples.chunk_by(|one, next| one.0 == next.0).filter_map(<[_]>::last);
        let (times, values): (Vec<_>, Vec<_>) = last_of_each.copied().unzip();
        self.merge(&times, &values, counter);
    }

    /// Puts samples in ascending order among those that are there, in the place of those of the same time.
    fn merge(&mut self, times: &[Millis], values: &[f64], counter: bool) {
        let Some(&first) = times.first() else { return };
        let from = match self.times.place(first) {
            Place::End => return self.push_all(times, values, counter),
            Place::Same(index) | Place::Before(index) => index,
        };
        let old = (from..self.times.len()).map(|index| (self.times.get(index), self.values.as_slice()[index]));
        let old: Vec<(Millis, f64)> = old.collect();
        let mut old = old.into_iter().peekable();
        let mut all = Vec::with_capacity(old.len() + times.len());
        for (&time, &value) in times.iter().zip(values) {
            while let Some(before) = old.next_if(|one| one.0 < time) {
                all.push(before);
            }
            old.next_if(|one| one.0 == time);
            all.push((time, value));
        }
        all.extend(old);
        let (times, values): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        self.times.truncate(from);
        self.values.truncate(from);
        self.resets
            .truncate(self.resets.partition_point(|(time, _)| *time < times[0]));
        self.push_all(&times, &values, counter);
    }

    /// Pushes samples that ascend and are later than those that are there.
    fn push_all(&mut self, times: &[Millis], values: &[f64], counter: bool) {
        if counter {
            let mut last = self.values.as_slice().last().copied().unwrap_or(f64::NEG_INFINITY);
            for (time, value) in times.iter().zip(values) {
                #[cfg(test)]
                tests::LOOKED.set(tests::LOOKED.get() + 1);
                if *value < last {
                    self.resets.push((*time, last));
                }
                last = *value;
            }
        }
        self.times.extend(times);
        self.values.extend(values.iter().copied());
    }

    fn find_resets(&mut self) {
        self.resets.clear();
        for (index, pair) in self.values.as_slice().windows(2).enumerate() {
            #[cfg(test)]
            tests::LOOKED.set(tests::LOOKED.get() + 1);
            if pair[1] < pair[0] {
                self.resets.push((self.times.get(index + 1), pair[0]));
            }
        }
    }

    pub(super) fn trim(&mut self, trim: &Trim) {
        let Some((kept, dropped)) = trim.bounds(&self.times) else {
            return;
        };
        self.times.truncate(kept);
        self.values.truncate(kept);
        self.times.drop_front(dropped);
        self.values.drop_front(dropped);
        let first = self.times.first();
        let last = self.times.last();
        self.resets
            .retain(|(time, _)| first.is_some_and(|first| *time > first) && last.is_some_and(|last| *time <= last));
    }

    pub(super) fn bytes(&self) -> usize {
        self.times.bytes() + self.values.bytes() + self.resets.capacity() * size_of::<(Millis, f64)>()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        /// How many pairs of neighbours were compared to find restarts.
        pub(super) static LOOKED: Cell<usize> = const { Cell::new(0) };
    }

    const KEEP: Trim = Trim {
        before: i64::MIN,
        after: i64::MAX,
    };

    fn counter(samples: &[(Millis, f64)]) -> Scalars {
        let mut scalars = Scalars::default();
        for &(time, value) in samples {
            scalars.append(time, value, true, &KEEP);
        }
        scalars
    }

    #[test]
    fn a_restart_counts_on() {
        let counter = counter(&[(1, 5.0), (2, 8.0), (3, 2.0), (4, 3.0), (5, 0.0), (6, 1.0)]);
        assert_eq!(*counter.total(), [5.0, 8.0, 10.0, 11.0, 11.0, 12.0]);
        assert_eq!(counter.values(), [5.0, 8.0, 2.0, 3.0, 0.0, 1.0]);
    }

    #[test]
    fn a_late_sample_can_make_and_unmake_a_restart() {
        let mut scalars = counter(&[(1, 5.0), (4, 9.0)]);
        scalars.append(3, 2.0, true, &KEEP);
        assert_eq!(*scalars.total(), [5.0, 7.0, 14.0]);
        scalars.append(3, 7.0, true, &KEEP);
        assert_eq!(*scalars.total(), [5.0, 7.0, 9.0]);
    }

    #[test]
    fn what_leaves_takes_its_restarts_along() {
        let mut scalars = counter(&[(1, 5.0), (2, 1.0), (3, 4.0), (4, 2.0)]);
        scalars.append(
            5,
            6.0,
            true,
            &Trim {
                before: 3,
                after: i64::MAX,
            },
        );
        assert_eq!(*scalars.total(), [4.0, 6.0, 10.0]);
        scalars.append(
            6,
            6.0,
            true,
            &Trim {
                before: 4,
                after: i64::MAX,
            },
        );
        assert!(scalars.resets.is_empty());
        assert_eq!(*scalars.total(), [2.0, 6.0, 6.0]);
    }

    #[test]
    fn many_at_once_are_as_one_by_one() {
        let day = 86_400_000;
        let batches: [&[(Millis, f64)]; 6] = [
            &[(1, 5.0), (2, 8.0), (3, 2.0)],
            &[(4, 1.0), (5, 3.0)],
            // Late, twice, and in no order.
            &[(5, 4.0), (9, 5.0)],
            &[(12, 6.0), (11, 2.0)],
            &[],
            // Farther apart than offsets count.
            &[(20, 7.0), (60 * day, 8.0), (61 * day, 1.0)],
        ];
        let mut at_once = Scalars::default();
        for (number, batch) in batches.iter().enumerate() {
            let (times, values): (Vec<_>, Vec<_>) = batch.iter().copied().unzip();
            at_once.extend(&times, &values, true);
            let one_by_one = counter(&batches[..=number].concat());
            assert_eq!(at_once.values(), one_by_one.values());
            assert_eq!(at_once.resets, one_by_one.resets);
            let times = |scalars: &Scalars| scalars.times.within(0, 90 * day).1;
            assert_eq!(times(&at_once), times(&one_by_one));
        }
    }

    proptest! {
        #[test]
        fn any_samples_at_once_are_as_one_by_one(
            batches in prop::collection::vec(prop::collection::vec((0..40_i64, 0..6_u8), 0..30), 0..6),
            counts in any::<bool>(),
        ) {
            let (mut at_once, mut one_by_one) = (Scalars::default(), Scalars::default());
            for batch in batches {
                let (times, values): (Vec<_>, Vec<_>) = batch.into_iter().map(|(time, value)| (time, f64::from(value))).unzip();
                at_once.extend(&times, &values, counts);
                for (time, value) in times.iter().zip(&values) {
                    one_by_one.append(*time, *value, counts, &KEEP);
                }
                prop_assert_eq!(at_once.values(), one_by_one.values());
                prop_assert_eq!(&at_once.resets, &one_by_one.resets);
                prop_assert_eq!(at_once.times.within(0, 40), one_by_one.times.within(0, 40));
            }
        }
    }

    #[test]
    fn what_is_there_already_is_looked_at_once() {
        let samples = 2_000;
        let times: Vec<Millis> = (0..samples).collect();
        let values: Vec<f64> = times.iter().map(|time| (time % 700) as f64).collect();
        let twice = ([&*times, &times].concat(), [&*values, &values].concat());
        let mut scalars = Scalars::default();
        LOOKED.set(0);
        scalars.extend(&times, &values, true);
        scalars.extend(&times, &values, true);
        scalars.extend(&twice.0, &twice.1, true);
        assert!(LOOKED.get() <= 3 * samples as usize, "{} comparisons", LOOKED.get());
        assert_eq!((scalars.values(), scalars.resets.len()), (&*values, 2));
    }

    #[test]
    fn times_of_a_clock_that_was_set_back_are_forgotten() {
        let mut scalars = counter(&[(10, 1.0), (5_000, 2.0), (6_000, 1.0)]);
        scalars.append(
            20,
            3.0,
            true,
            &Trim {
                before: 0,
                after: 1_000,
            },
        );
        assert_eq!((scalars.values(), scalars.resets.len()), (&[1.0, 3.0][..], 0));
    }
}
