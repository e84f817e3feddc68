//! Many histograms into one: a window's quantile for every route is merged anew on each query, and adding to dense
//! buckets is several times as fast as merging sorted ones.

use super::scale::SCALE;
use super::sparse::Sparse;

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

    /// Takes buckets of this scale back that were added.
    pub(super) fn subtract(&mut self, buckets: &Sparse) {
        for (index, count) in buckets.iter() {
            if let Some(slot) = self.counts.get_mut((i32::from(index) - self.low) as usize) {
                *slot = slot.saturating_sub(count);
            }
        }
    }

    /// Adds buckets of a scale; the result is at the coarsest scale so far.
    pub(super) fn add(&mut self, buckets: &Sparse, scale: i8) {
        if scale < self.scale {
            let mut coarser = self.sparse();
            coarser.downscale(self.scale.abs_diff(scale).into());
            *self = Self::at(scale);
            self.add(&coarser, scale);
        }
        let Some((first, last)) = buckets.ends() else { return };
        let shift = u32::from(scale.abs_diff(self.scale));
        self.cover(i32::from(first >> shift), i32::from(last >> shift));
        let (low, counts) = (self.low, &mut self.counts[..]);
        for (index, count) in buckets.iter() {
            let slot = &mut counts[(i32::from(index >> shift) - low) as usize];
            *slot = slot.saturating_add(count);
        }
    }

    /// The scale and the occupied buckets.
    pub(super) fn finish(self) -> (i8, Sparse) {
        (self.scale, self.sparse())
    }

    /// The occupied buckets.
    pub(super) fn sparse(&self) -> Sparse {
        let occupied = || (self.low..).zip(&self.counts).filter(|(_, count)| **count > 0);
        let buckets = occupied().map(|(index, count)| (index as i16, *count));
        Sparse::from_sorted(occupied().count(), buckets)
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
