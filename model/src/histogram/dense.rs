//! Many histograms into one: a window's quantile for every route is merged anew on each query, and adding to dense
//! buckets is several times as fast as merging sorted ones.

use super::scale::SCALE;
use super::sparse::{self, Sparse, Word};

/// Free buckets at either end: the next histogram reaches a little farther than the first.
const ROOM: i32 = 64;

/// Buckets from index `low` on, the empty ones included.
pub(super) struct Dense {
    scale: i8,
    low: i32,
    counts: Vec<u64>,
}

impl Dense {
    pub(super) const fn new() -> Self {
        Self {
            scale: SCALE,
            low: 0,
            counts: Vec::new(),
        }
    }

    /// An empty one at another scale.
    pub(super) fn at(scale: i8) -> Self {
        Self { scale, ..Self::new() }
    }

    pub(super) fn scale(&self) -> i8 {
        self.scale
    }

    /// Takes buckets of this scale back that were added.
    pub(super) fn subtract(&mut self, buckets: &[Word]) {
        for &word in buckets {
            if let Some(slot) = self
                .counts
                .get_mut((i32::from(sparse::index(word)) - self.low) as usize)
            {
                *slot = slot.saturating_sub(sparse::count(word));
            }
        }
    }

    /// Adds buckets of a scale; the result is at the coarsest scale so far.
    pub(super) fn add(&mut self, buckets: &[Word], scale: i8) {
        if scale < self.scale {
            let mut coarser = self.sparse();
            coarser.downscale(self.scale.abs_diff(scale).into());
            *self = Self::at(scale);
            self.add(coarser.words(), scale);
        }
        let (Some(&first), Some(&last)) = (buckets.first(), buckets.last()) else {
            return;
        };
        let shift = u32::from(scale.abs_diff(self.scale));
        self.cover(
            i32::from(sparse::index(first) >> shift),
            i32::from(sparse::index(last) >> shift),
        );
        let (low, counts) = (self.low, &mut self.counts[..]);
        for &word in buckets {
            let slot = &mut counts[(i32::from(sparse::index(word) >> shift) - low) as usize];
            *slot = slot.saturating_add(sparse::count(word));
        }
    }

    /// The scale and the occupied buckets.
    pub(super) fn finish(self) -> (i8, Sparse) {
        (self.scale, self.sparse())
    }

    /// The occupied buckets.
    pub(super) fn sparse(&self) -> Sparse {
        let mut words = Vec::with_capacity(self.counts.iter().filter(|count| **count > 0).count());
        words.extend(self.words());
        Sparse::of_words(words)
    }

    /// Moves the occupied buckets behind others; all are empty then.
    pub(super) fn drain(&mut self, into: &mut Vec<Word>) {
        into.extend(self.words());
        self.counts.fill(0);
    }

    fn words(&self) -> impl Iterator<Item = Word> + '_ {
        let occupied = (self.low..).zip(&self.counts).filter(|(_, count)| **count > 0);
        occupied.map(|(index, count)| sparse::word(index as i16, *count))
    }

    fn cover(&mut self, first: i32, last: i32) {
        if self.counts.is_empty() {
            self.low = first - ROOM;
        }
        if first < self.low {
            let low = first - ROOM;
            self.counts
                .splice(..0, std::iter::repeat_n(0, self.low.abs_diff(low) as usize));
            self.low = low;
        }
        let length = (last - self.low) as usize + 1;
        if length > self.counts.len() {
            self.counts.resize(length + ROOM as usize, 0);
        }
    }
}
