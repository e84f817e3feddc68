//! Samples folded into slots: what the coarser tiers keep.

use keiki_model::series::Kind;
use keiki_model::time::{Millis, REACH};

use crate::scalar::Folds;

/// Numbers, each of a slot or of one sample. The time is that of the newest sample within, so that a rate over a slot
/// is what it would be of the samples themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) times: Vec<Millis>,
    /// Of a gauge: its newest value.
    pub(super) last: Vec<f64>,
    /// Of a gauge: the sum of its values. Of a counter: how much it grew since the row before, restarts counted on.
    pub(super) sum: Vec<f64>,
    /// The smallest value, or rate per second from one sample to the next; NaN where there was none.
    pub(super) min: Vec<f64>,
    pub(super) max: Vec<f64>,
    /// Of a gauge: how many values.
    pub(super) count: Vec<u32>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether these can be of a series of a kind: of a counter no newest value is kept. Once a number could be given twice, so
    /// that a record may be another series'.
    pub(super) fn are_of(&self, kind: Kind) -> bool {
        self.last.is_empty() == (kind == Kind::Counter)
    }

    /// Each sample a row. A counter's first sample has nothing that it grew from.
    pub(super) fn of_samples(kind: Kind, times: Vec<Millis>, values: Vec<f64>, interval: Millis) -> Self {
        if kind == Kind::Gauge {
            return Self {
                count: vec![1; times.len()],
                sum: values.clone(),
                min: values.clone(),
                max: values.clone(),
                last: values,
                times,
            };
        }
        let reach = (interval as f64 * REACH) as Millis;
        let mut rows = Self::default();
        for (index, (time, value)) in times.iter().zip(&values).enumerate() {
            let (mut grown, mut rate) = (0.0, f64::NAN);
            if let Some(before) = index.checked_sub(1) {
                // After a restart it counts on from what it had reached.
                grown = if *value < values[before] {
                    *value
                } else {
                    value - values[before]
                };
                let apart = time - times[before];
                if apart <= reach {
                    rate = grown * 1_000.0 / apart as f64;
                }
            }
            rows.sum.push(grown);
            rows.min.push(rate);
            rows.max.push(rate);
        }
        rows.times = times;
        rows
    }

    /// The rows within the slots of a length from `from` on; those before only told what came before.
    pub(super) fn folded(&self, step: Millis, from: Millis) -> Self {
        let mut folded = Self::default();
        let mut slot = None;
        for row in self.times.partition_point(|time| *time < from)..self.len() {
            let time = self.times[row];
            let number = time.div_euclid(step);
            if slot == Some(number) {
                folded.merge_last(self, row);
            } else {
                folded.push(self, row);
            }
            slot = Some(number);
        }
        folded
    }

    /// Adds the rows of a later stretch of time.
    pub(super) fn extend(&mut self, later: Self) {
        self.times.extend(later.times);
        self.last.extend(later.last);
        self.sum.extend(later.sum);
        self.min.extend(later.min);
        self.max.extend(later.max);
        self.count.extend(later.count);
    }

    /// The rows from one place to another, with their times, which are given.
    pub(super) fn cut(mut self, times: &[Millis], first: usize, end: usize) -> Self {
        for column in [&mut self.last, &mut self.sum, &mut self.min, &mut self.max] {
            column.truncate(end);
            column.drain(..first.min(column.len()));
        }
        self.count.truncate(end);
        self.count.drain(..first.min(self.count.len()));
        self.times = times[first..end].to_vec();
        self
    }

    fn push(&mut self, from: &Self, row: usize) {
        self.times.push(from.times[row]);
        self.sum.push(from.sum[row]);
        self.min.push(from.min[row]);
        self.max.push(from.max[row]);
        self.last.extend(from.last.get(row));
        self.count.extend(from.count.get(row));
    }

    fn merge_last(&mut self, from: &Self, row: usize) {
        let Some(at) = self.len().checked_sub(1) else { return };
        self.times[at] = from.times[row];
        self.sum[at] += from.sum[row];
        // `min` and `max` of numbers pass over NaN.
        self.min[at] = self.min[at].min(from.min[row]);
        self.max[at] = self.max[at].max(from.max[row]);
        if let (Some(last), Some(newer)) = (self.last.get_mut(at), from.last.get(row)) {
            *last = *newer;
        }
        if let (Some(count), Some(more)) = (self.count.get_mut(at), from.count.get(row)) {
            *count = count.saturating_add(*more);
        }
    }

    /// As a ring holds them: times, values, and what else is known of each slot.
    pub(super) fn into_ring(self) -> (Vec<Millis>, Vec<f64>, Folds) {
        if self.last.is_empty() {
            let mut total = 0.0;
            let total = self.sum.iter().map(|grown| {
                total += grown;
                total
            });
            let values = total.collect();
            return (
                self.times,
                values,
                Folds {
                    min: self.min,
                    max: self.max,
                    sum: Vec::new(),
                    count: Vec::new(),
                },
            );
        }
        let folds = Folds {
            min: self.min,
            max: self.max,
            sum: self.sum,
            count: self.count,
        };
        (self.times, self.last, folds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_in_steps_is_folding_at_once() {
        let times: Vec<Millis> = (0..600).map(|second| second * 1_000 + 850).collect();
        let values: Vec<f64> = (0..600).map(|n| f64::from((n * 7919) % 1_000)).collect();
        for kind in [Kind::Gauge, Kind::Counter] {
            let rows = Rows::of_samples(kind, times.clone(), values.clone(), 1_000);
            let at_once = rows.folded(60_000, 0);
            let in_steps = rows.folded(10_000, 0).folded(60_000, 0);
            assert_eq!(at_once.times, in_steps.times);
            assert_eq!(at_once.last, in_steps.last);
            assert_eq!(at_once.max, in_steps.max);
            let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(near(&at_once.sum, &in_steps.sum) && at_once.count == in_steps.count);
        }
    }

    #[test]
    fn a_restarted_counter_counts_on() {
        let rows = Rows::of_samples(
            Kind::Counter,
            vec![850, 1_850, 2_850, 9_850],
            vec![5.0, 8.0, 2.0, 3.0],
            1_000,
        );
        assert_eq!(rows.sum, [0.0, 3.0, 2.0, 1.0]);
        assert_eq!(&rows.max[1..3], [3.0, 2.0]);
        assert!(rows.max[3].is_nan(), "no rate across a gap");
        let folded = rows.folded(10_000, 0);
        assert_eq!(
            (folded.sum[0], folded.min[0], folded.max[0], folded.times[0]),
            (6.0, 2.0, 3.0, 9_850)
        );
    }
}
