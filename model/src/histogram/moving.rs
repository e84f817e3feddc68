//! What fell into a window that moves on: what has left it is taken back, and what is new is added.

use super::dense::Dense;
use super::{Part, View, rank, scale, sparse};

/// How many buckets it may span; what is wider is not worth keeping.
const WIDEST: usize = 4_096;

/// How many values it may hold: far fewer than what a bucket can count.
const MOST: u64 = 1 << 47;

/// The sum of exponential histograms of one scale, for quantiles alone: its smallest and largest value are not known, since
/// these can't be taken back.
#[derive(Debug)]
pub struct Moving {
    dense: Dense,
    zero_count: u64,
    count: u64,
}

impl Moving {
    /// All of these together; `None` where they can't be kept so.
    pub fn of(parts: &[Part<'_>]) -> Option<Self> {
        let first = match parts.first()? {
            Part::Exponential(first) => first.scale,
            Part::Explicit(_) => return None,
        };
        let mut sum = Self {
            dense: Dense::at(first),
            zero_count: 0,
            count: 0,
        };
        parts.iter().all(|part| sum.add(part)).then_some(sum)
    }

    /// Adds one; `false` where it can't, and this is then of no more use.
    pub fn add(&mut self, part: &Part<'_>) -> bool {
        let Some(one) = self.fitting(part) else { return false };
        self.zero_count += one.zero_count();
        self.count += one.count();
        self.dense.add(one.buckets, one.scale);
        self.count <= MOST && self.dense.width() <= WIDEST
    }

    /// Takes one back that was added; `false` where it can't, and this is then of no more use.
    pub fn take(&mut self, part: &Part<'_>) -> bool {
        let Some(one) = self.fitting(part) else { return false };
        let left = |all: u64, gone: u64| all.checked_sub(gone);
        let (Some(zero_count), Some(count)) = (left(self.zero_count, one.zero_count()), left(self.count, one.count()))
        else {
            return false;
        };
        (self.zero_count, self.count) = (zero_count, count);
        self.dense.subtract(one.buckets);
        true
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What [`View::quantile`] says of the sum; `None` also where that is for the smallest or the largest value to say.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.is_empty() || !(q > 0.0 && q < 1.0) {
            return None;
        }
        let rank = rank(q, self.count)
            .checked_sub(self.zero_count)
            .filter(|rank| *rank > 0)?;
        let index = self.dense.at_rank(rank)?;
        // Between other buckets it is between smallest and largest.
        (self.dense.is_between(index)).then(|| scale::middle(index, self.dense.scale()))
    }

    /// One of this scale whose smallest and largest value are in its outer buckets, or beyond: another program may say
    /// anything.
    fn fitting<'a>(&self, part: &Part<'a>) -> Option<View<'a>> {
        let Part::Exponential(one) = part else { return None };
        let scale = self.dense.scale();
        let index = |word: Option<&u64>| word.map(|word| sparse::index(*word));
        let (first, last) = (index(one.buckets.first()), index(one.buckets.last()));
        let (min, max) = (one.totals.min, one.totals.max);
        let lies_below = |first| min <= 0.0 || scale::index_of(min, scale) <= first;
        let lies_above = |last| max > 0.0 && scale::index_of(max, scale) >= last;
        let fits =
            one.scale == scale && one.count() <= MOST && first.is_none_or(lies_below) && last.is_none_or(lies_above);
        fits.then_some(*one)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Distribution, Exponential, Parts};
    use super::*;

    fn recorded(values: &[f64]) -> Distribution {
        let mut histogram = Exponential::new();
        values.iter().for_each(|value| {
            histogram.record(*value);
        });
        histogram.into()
    }

    #[test]
    fn it_says_what_a_sum_made_anew_says_or_nothing() {
        let value = |second: usize, n: usize| ((second * 31 + n * 17) % 97) as f64 * 0.003;
        let seconds: Vec<_> = (0..200)
            .map(|second| recorded(&(0..second % 7).map(|n| value(second, n)).collect::<Vec<_>>()))
            .collect();
        let parts = |from: usize, to: usize| -> Vec<Part<'_>> {
            let some = seconds[from..to].iter().filter(|one| !one.is_empty());
            some.map(Part::from).collect()
        };
        let mut moving = Moving::of(&parts(0, 20)).expect("a sum");
        let mut said = 0;
        for first in 1..180 {
            assert!(parts(first - 1, first).iter().all(|part| moving.take(part)));
            assert!(parts(first + 19, first + 20).iter().all(|part| moving.add(part)));
            let anew = Distribution::merged(parts(first, first + 20)).expect("one make");
            for q in [0.0, 0.01, 0.5, 0.95, 0.99, 1.0] {
                let Some(found) = moving.quantile(q) else { continue };
                said += 1;
                let expected = anew.as_ref().and_then(|anew| anew.quantile(q));
                assert_eq!(Some(found), expected.map(|quantile| quantile.value), "{first} {q}");
            }
        }
        assert!(said > 300, "{said}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut moving = Moving::of(&[Part::from(&recorded(&[1.0, 2.0, 3.0]))]).expect("a sum");
        let mut coarse = Exponential::with_scale(2);
        coarse.record(1.0);
        assert!(!moving.add(&Part::from(&Distribution::from(coarse))));
        let odd = Parts {
            scale: 5,
            zero_count: 0,
            offset: 0,
            counts: &[1, 2, 1],
            sum: None,
            min: Some(1.04),
            max: Some(1.05),
        };
        let odd = Distribution::from(Exponential::from_parts(odd));
        assert!(
            !moving.add(&Part::from(&odd)),
            "it says that its smallest value lies in an inner bucket"
        );
        assert!(!moving.take(&Part::from(&recorded(&[1.0; 9]))));
    }
}
