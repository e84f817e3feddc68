//! Many histograms into one: a window's quantile for every route is merged anew on each query, and adding to dense
//! buckets is several times as fast as merging sorted ones.

use super::scale::SCALE;
use super::sparse::{self, Sparse, Word};

/// Free buckets at either end: the next histogram reaches a little farther than the first.
const ROOM: i32 = 64;

/// How many buckets are added up at a time. A count has 48 bits: so many of them are no more than 64.
const BLOCK: usize = 32;

/// Buckets from index `low` on, the empty ones included.
#[derive(Debug)]
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

    /// Adds buckets of a scale; the result is at the coarsest scale so far. They need not be in order.
    pub(super) fn add(&mut self, buckets: &[Word], scale: i8) {
        if scale < self.scale {
            let mut coarser = self.sparse();
            coarser.downscale(self.scale.abs_diff(scale).into());
            *self = Self::at(scale);
            self.add(coarser.words(), scale);
        }
        let shift = u32::from(scale.abs_diff(self.scale));
        for &word in buckets {
            let index = i32::from(sparse::index(word) >> shift);
            let slot = match self.counts.get_mut((index - self.low) as usize) {
                Some(slot) => slot,
                None => self.cover(index),
            };
            *slot = slot.saturating_add(sparse::count(word));
        }
    }

    /// The scale and the occupied buckets.
    pub(super) fn finish(self) -> (i8, Sparse) {
        (self.scale, self.sparse())
    }

    /// The occupied buckets.
    fn sparse(&self) -> Sparse {
        let mut words = Vec::new();
        self.copy(&mut words);
        words.shrink_to_fit();
        Sparse::of_words(words)
    }

    /// Puts the occupied buckets behind others.
    pub(super) fn copy(&self, into: &mut Vec<Word>) {
        let mut end = into.len();
        // Whether a bucket is occupied cannot be foreseen: each is written, and those that are not are written over.
        into.resize(end + self.counts.len() + 1, 0);
        for (index, &count) in (self.low..).zip(&self.counts) {
            into[end] = sparse::word(index as i16, count);
            end += usize::from(count > 0);
        }
        into.truncate(end);
    }

    /// In which bucket the value of a rank lies, the first being 1.
    pub(super) fn at_rank(&self, rank: u64) -> Option<i16> {
        let mut seen = 0_u64;
        // Most buckets lie before: these are added up many at a time.
        for (block, counts) in self.counts.chunks(BLOCK).enumerate() {
            let sum = counts.iter().fold(0_u64, |sum, count| sum.wrapping_add(*count));
            if rank > seen.saturating_add(sum) {
                seen = seen.saturating_add(sum);
                continue;
            }
            for (place, count) in counts.iter().enumerate() {
                seen = seen.saturating_add(*count);
                if rank <= seen {
                    return Some((self.low + (block * BLOCK + place) as i32) as i16);
                }
            }
        }
        None
    }

    /// Whether there are occupied buckets on both sides of one.
    pub(super) fn is_between(&self, index: i16) -> bool {
        let place = (i32::from(index) - self.low) as usize;
        let (below, rest) = self.counts.split_at(place.min(self.counts.len()));
        let is_occupied = |count: &u64| *count > 0;
        below.iter().rev().any(is_occupied) && rest.iter().skip(1).any(is_occupied)
    }

    /// How many buckets it spans, with some room at either end.
    pub(super) fn width(&self) -> usize {
        self.counts.len()
    }

    /// Forgets all buckets.
    pub(super) fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// Makes room for a bucket and those near it.
    #[cold]
    fn cover(&mut self, index: i32) -> &mut u64 {
        if self.counts.is_empty() {
            self.low = index - ROOM;
        }
        if index < self.low {
            let low = index - ROOM;
            self.counts
                .splice(..0, std::iter::repeat_n(0, self.low.abs_diff(low) as usize));
            self.low = low;
        }
        let place = (index - self.low) as usize;
        if place >= self.counts.len() {
            self.counts.resize(place + 1 + ROOM as usize, 0);
        }
        &mut self.counts[place]
    }
}
