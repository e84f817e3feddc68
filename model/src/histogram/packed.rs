//! Exponential histograms side by side: what is read of months is hundreds of thousands of them, and two pieces of
//! memory for each would take longer to ask for than to fill.

use std::ops::Range;

use super::dense::Dense;
use super::scale::{self, MIN_SCALE, SCALE};
use super::sparse::{self, Word};
use super::view::{Totals, View};
use super::{Malformed, Part};

/// So many counts below such a one are no more than 64 bits can hold.
const SMALL: u64 = 1 << 40;
const FEW: usize = 1 << 20;

/// What is in one place of [`Packed`], beside its buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    /// Where its buckets end; they begin where those before end.
    end: usize,
    totals: Totals,
}

/// Exponential histograms of one scale, in order; nothing was recorded in those that are empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    scale: i8,
    rows: Vec<Row>,
    buckets: Vec<Word>,
}

impl Packed {
    /// None yet.
    pub fn new(scale: i8) -> Self {
        Self {
            scale: scale.clamp(MIN_SCALE, SCALE),
            rows: Vec::new(),
            buckets: Vec::new(),
        }
    }

    /// Room for so many more, with so many buckets in all.
    pub fn reserve(&mut self, histograms: usize, buckets: usize) {
        self.rows.reserve(histograms);
        self.buckets.reserve(buckets);
    }

    /// Room for so many times as much as there is.
    pub fn make_room(&mut self, times: usize) {
        let more = times.saturating_sub(1);
        self.reserve(
            self.rows.len().saturating_mul(more),
            self.buckets.len().saturating_mul(more),
        );
    }

    /// The scale of all.
    pub fn scale(&self) -> i8 {
        self.scale
    }

    /// Whether those that come next may be of this scale; it is that of all where there is nothing but empty ones.
    pub fn take_scale(&mut self, scale: i8) -> bool {
        let scale = scale.clamp(MIN_SCALE, SCALE);
        if self.scale != scale && self.counts().all(|count| count == 0) {
            self.scale = scale;
        }
        self.scale == scale
    }

    /// How many, the empty ones included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none, not even an empty one.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The one in a place; `None` where nothing was recorded, or beyond the last.
    pub fn get(&self, place: usize) -> Option<View<'_>> {
        let row = self.rows.get(place).filter(|row| row.totals.count > 0)?;
        Some(View {
            scale: self.scale,
            totals: row.totals,
            buckets: self.buckets_of(place..place + 1),
        })
    }

    /// How many values each place has.
    pub fn counts(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.rows.iter().map(|row| row.totals.count)
    }

    /// Adds one in which nothing happened.
    pub fn push_empty(&mut self) {
        self.close(Totals::EMPTY);
    }

    /// Adds one; `false`, and nothing is added, where it is of another scale. The first one that is not empty says which.
    pub fn push(&mut self, one: View<'_>) -> bool {
        if self.buckets.is_empty() && self.counts().all(|count| count == 0) {
            self.scale = one.scale;
        }
        if self.scale != one.scale {
            return false;
        }
        self.buckets.extend_from_slice(one.buckets);
        self.close(one.totals);
        true
    }

    /// Adds one from its parts: how many were zero; sum, smallest and largest; the index of its first bucket, how far each
    /// of the others lies from the one before, and the counts of all.
    ///
    /// # Errors
    /// It is none, and nothing is added.
    pub fn push_parts(
        &mut self,
        zero_count: u64,
        values: [f64; 3],
        first: i32,
        steps: &[u32],
        counts: &[u64],
    ) -> Result<(), Malformed> {
        let begin = self.buckets.len();
        let added = self.add_buckets(zero_count, first, steps, counts);
        self.finish(begin, zero_count, values, added)
    }

    /// As [`Packed::push_parts`], with the counts of all buckets between the first and the last one, the empty ones included.
    ///
    /// # Errors
    /// It is none, and nothing is added.
    pub fn push_run(&mut self, zero_count: u64, values: [f64; 3], first: i32, counts: &[u64]) -> Result<(), Malformed> {
        let begin = self.buckets.len();
        let added = self.add_run(zero_count, first, counts);
        self.finish(begin, zero_count, values, added)
    }

    fn finish(
        &mut self,
        begin: usize,
        zero_count: u64,
        [sum, min, max]: [f64; 3],
        added: Result<u64, Malformed>,
    ) -> Result<(), Malformed> {
        let valid =
            |count| count == 0 || (sum.is_finite() && sum >= 0.0 && 0.0 <= min && min <= max && max.is_finite());
        match added {
            Ok(0) => self.push_empty(),
            Ok(count) if valid(count) => self.close(Totals {
                zero_count,
                count,
                sum,
                min,
                max,
            }),
            wrong => {
                self.buckets.truncate(begin);
                wrong?;
                return Err(Malformed("sum, minimum and maximum are out of order"));
            }
        }
        Ok(())
    }

    fn add_run(&mut self, zero_count: u64, first: i32, counts: &[u64]) -> Result<u64, Malformed> {
        if counts.is_empty() {
            return Ok(zero_count);
        }
        let (lowest, highest) = scale::range(self.scale);
        let last = i64::from(first) + counts.len() as i64 - 1;
        if first < i32::from(lowest) || last > i64::from(highest) {
            return Err(Malformed("a bucket is beyond the scale"));
        }
        let mut end = self.buckets.len();
        // Whether a bucket is occupied cannot be foreseen: each is written, and those that are not are written over.
        self.buckets.resize(end + counts.len() + 1, 0);
        let mut sum = zero_count;
        for (index, &count) in (first..).zip(counts) {
            self.buckets[end] = sparse::word(index as i16, count);
            end += usize::from(count > 0);
            sum = sum.saturating_add(count);
        }
        self.buckets.truncate(end);
        Ok(sum)
    }

    fn add_buckets(&mut self, zero_count: u64, first: i32, steps: &[u32], counts: &[u64]) -> Result<u64, Malformed> {
        const WRONG: Malformed = Malformed("the buckets are not sorted, or one is empty");
        let Some((n, rest)) = counts.split_first() else {
            return Ok(zero_count);
        };
        let (lowest, highest) = scale::range(self.scale);
        // There are millions of buckets: what may be wrong with one is looked at of all at once. One less than nothing has
        // the highest bit, as no usual count has.
        let (mut all, mut lesser) = (0, 0);
        counts.iter().for_each(|n| {
            all |= *n;
            lesser |= n.wrapping_sub(1);
        });
        let apart = steps.iter().fold(0, |lesser, step| lesser | step.wrapping_sub(1));
        let is_small = all < SMALL && lesser < SMALL && counts.len() < FEW;
        let valid = (is_small || counts.iter().all(|n| *n > 0)) && apart < 1 << 31 && steps.len() == rest.len();
        let count = if is_small {
            zero_count.saturating_add(counts.iter().sum())
        } else {
            counts.iter().fold(zero_count, |sum, n| sum.saturating_add(*n))
        };
        let mut index = i64::from(first);
        let valid = valid && index >= i64::from(lowest);
        self.buckets.reserve(counts.len());
        self.buckets.push(sparse::word(first as i16, *n));
        self.buckets.extend(steps.iter().zip(rest).map(|(step, n)| {
            index += i64::from(*step);
            sparse::word(index as i16, *n)
        }));
        (valid && index <= i64::from(highest)).then_some(count).ok_or(WRONG)
    }

    /// Adds all of the other's; `false`, and nothing is added, where they are of another scale.
    pub fn append(&mut self, other: &Self) -> bool {
        let is_void = |packed: &Self| packed.counts().all(|count| count == 0);
        if self.scale != other.scale {
            if is_void(self) {
                self.scale = other.scale;
            } else if !is_void(other) {
                return false;
            }
        }
        let shift = self.buckets.len();
        self.buckets.extend_from_slice(&other.buckets);
        let moved = |row: &Row| Row {
            end: row.end + shift,
            ..*row
        };
        self.rows.extend(other.rows.iter().map(moved));
        true
    }

    /// All of each `width` neighbours in one, from the first ones on by `stride`. The same as merging each stretch by
    /// itself, but what two stretches share is added up once.
    #[must_use]
    pub fn sliding(&self, width: usize, stride: usize) -> Self {
        let mut found = Self::new(self.scale);
        self.slide(width, stride, |totals, window| {
            window.copy(&mut found.buckets);
            found.close(totals);
        });
        found
    }

    /// The quantiles of [`Packed::sliding`], without making these.
    pub fn sliding_quantiles(&self, width: usize, stride: usize, q: f64) -> Vec<Option<f64>> {
        let mut found = Vec::with_capacity(self.len() / stride.max(1) + 1);
        self.slide(width, stride, |totals, window| {
            found.push(totals.quantile(q, self.scale, |rank| window.at_rank(rank)));
        });
        found
    }

    /// Calls `take` with what each stretch of `width` places holds.
    fn slide(&self, width: usize, stride: usize, mut take: impl FnMut(Totals, &Dense)) {
        let (width, stride) = (width.max(1), stride.max(1));
        let mut window = Dense::at(self.scale);
        let (mut first, mut end) = (0, 0);
        while first + width <= self.len() {
            window.add(self.buckets_of(end.max(first)..first + width), self.scale);
            end = first + width;
            let mut totals = Totals::EMPTY;
            self.rows[first..end].iter().for_each(|row| totals.add(&row.totals));
            take(totals, &window);
            window.subtract(self.buckets_of(first..(first + stride).min(end)));
            first += stride;
        }
    }

    /// The buckets of some places, those of each by themselves in order.
    fn buckets_of(&self, places: Range<usize>) -> &[Word] {
        &self.buckets[self.start(places.start)..self.start(places.end)]
    }

    /// Keeps those of some places alone.
    pub fn keep(&mut self, places: Range<usize>) {
        let (first, end) = (self.start(places.start), self.start(places.end));
        self.buckets.truncate(end);
        self.buckets.drain(..first);
        self.rows.truncate(places.end);
        self.rows.drain(..places.start.min(self.rows.len()));
        self.rows.iter_mut().for_each(|row| row.end -= first);
    }

    /// Where the buckets of a place begin.
    fn start(&self, place: usize) -> usize {
        place.checked_sub(1).map_or(0, |before| {
            self.rows.get(before).map_or(self.buckets.len(), |row| row.end)
        })
    }

    fn close(&mut self, totals: Totals) {
        self.rows.push(Row {
            end: self.buckets.len(),
            totals,
        });
    }
}

/// Adds histograms up, one sum after the other, at one scale or what is coarser among them.
pub struct Adder {
    dense: Dense,
    totals: Totals,
}

impl Adder {
    /// Of buckets that are no finer than this scale.
    pub fn new(scale: i8) -> Self {
        Self {
            dense: Dense::at(scale.clamp(MIN_SCALE, SCALE)),
            totals: Totals::EMPTY,
        }
    }

    /// Adds one.
    pub fn add(&mut self, one: View<'_>) {
        self.dense.add(one.buckets, one.scale);
        self.totals.add(&one.totals);
    }

    /// Adds all of these, or none: `false` where one is not exponential, or of another scale.
    pub fn add_all(&mut self, parts: &[Part<'_>]) -> bool {
        let fits = |part: &Part<'_>| matches!(part, Part::Exponential(one) if one.scale == self.dense.scale());
        if !parts.iter().all(fits) {
            return false;
        }
        for part in parts {
            if let Part::Exponential(one) = part {
                self.add(*one);
            }
        }
        true
    }

    /// A quantile of all of these together, by themselves; `None` where they cannot be added up.
    pub fn quantile(&mut self, parts: &[Part<'_>], q: f64) -> Option<Option<f64>> {
        if !self.add_all(parts) {
            return None;
        }
        let totals = std::mem::replace(&mut self.totals, Totals::EMPTY);
        let found = totals.quantile(q, self.dense.scale(), |rank| self.dense.at_rank(rank));
        self.dense.clear();
        Some(found)
    }

    /// Puts the sum behind those that are there, and begins anew; `false` where it is of another scale, and nothing is put.
    pub fn put(&mut self, into: &mut Packed) -> bool {
        if into.scale != self.dense.scale() && !into.buckets.is_empty() {
            return false;
        }
        into.scale = self.dense.scale();
        self.dense.copy(&mut into.buckets);
        self.dense.clear();
        into.close(std::mem::replace(&mut self.totals, Totals::EMPTY));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Exponential;
    use super::*;

    fn recorded(values: &[f64]) -> Exponential {
        let mut histogram = Exponential::new();
        values.iter().for_each(|value| {
            histogram.record(*value);
        });
        histogram
    }

    #[test]
    fn what_is_packed_is_what_was_put_in() {
        let all = [recorded(&[1.0, 2.0, 0.0]), recorded(&[]), recorded(&[1e-9, 5.0])];
        let mut packed = Packed::new(-3);
        for one in &all {
            if one.is_empty() {
                packed.push_empty();
            } else {
                assert!(packed.push(one.view()));
            }
        }
        let found = |packed: &Packed| -> Vec<Exponential> {
            let one = |place| packed.get(place).map_or_else(Exponential::new, Exponential::from);
            (0..packed.len()).map(one).collect()
        };
        assert_eq!(found(&packed), all);
        let mut coarse = recorded(&[3.0]);
        coarse.downscale(2);
        assert!(!packed.push(coarse.view()), "one scale");
        let mut twice = packed.clone();
        assert!(twice.append(&packed));
        twice.keep(2..5);
        assert_eq!(found(&twice), [all[2].clone(), all[0].clone(), all[1].clone()]);
    }

    #[test]
    fn sums_are_merges() {
        let (a, b) = (recorded(&[1.0, 2.0, 0.0]), recorded(&[1e-9, 5.0]));
        let mut adder = Adder::new(3);
        let mut packed = Packed::new(3);
        for all in [[&a, &b], [&b, &b]] {
            all.iter().for_each(|one| adder.add(one.view()));
            assert!(adder.put(&mut packed));
        }
        for (place, [one, other]) in [[&a, &b], [&b, &b]].into_iter().enumerate() {
            let mut merged = one.clone();
            merged.merge(other);
            merged.downscale(3);
            assert_eq!(packed.get(place).map(Exponential::from), Some(merged));
        }
    }

    #[test]
    fn a_run_is_its_occupied_buckets() {
        let (mut runs, mut parts) = (Packed::new(5), Packed::new(5));
        let values = [9.0, 1.0, 3.0];
        for _ in 0..2 {
            assert!(runs.push_run(1, values, -2, &[4, 0, 0, 1, 2]).is_ok());
            assert!(parts.push_parts(1, values, -2, &[3, 1], &[4, 1, 2]).is_ok());
            assert!(runs.push_run(0, [0.0; 3], 0, &[]).is_ok(), "nothing happened");
            assert!(parts.push_parts(0, [0.0; 3], 0, &[], &[]).is_ok());
        }
        assert_eq!(runs, parts);
        let (lowest, highest) = scale::range(5);
        assert!(runs.push_run(0, values, i32::from(lowest) - 1, &[1]).is_err());
        assert!(runs.push_run(0, values, i32::from(highest), &[1, 1]).is_err());
        assert!(runs.push_run(0, [1.0, 3.0, 2.0], 0, &[1]).is_err());
        assert_eq!(runs, parts, "and nothing is added");
    }

    #[test]
    fn parts_that_are_none_are_refused() {
        let mut packed = Packed::new(5);
        let mut put =
            |values, first, steps: &[u32], counts: &[u64]| packed.push_parts(0, values, first, steps, counts).is_ok();
        assert!(put([3.0, 1.0, 2.0], 0, &[31], &[1, 1]));
        assert!(!put([3.0, 1.0, 2.0], 31, &[0], &[1, 1]));
        assert!(!put([3.0, 1.0, 2.0], 0, &[], &[0]));
        assert!(!put([3.0, 1.0, 2.0], 0, &[1], &[1, 0]));
        assert!(!put([3.0, 1.0, 2.0], 0, &[], &[1, 1]));
        assert!(!put([3.0, 2.0, 1.0], 0, &[], &[1]));
        assert!(!put([f64::NAN, 1.0, 2.0], 0, &[], &[1]));
        assert!(!put([3.0, 1.0, 2.0], 40_000, &[], &[1]));
        assert!(!put([3.0, 1.0, 2.0], -40_000, &[], &[1]));
        assert!(!put([3.0, 1.0, 2.0], 0, &[u32::MAX], &[1, 1]));
        assert!(put([0.0, 0.0, 0.0], 0, &[], &[]), "nothing happened");
        assert_eq!(packed.counts().collect::<Vec<_>>(), [2, 0]);
    }
}
