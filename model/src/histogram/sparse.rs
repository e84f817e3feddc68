//! The occupied buckets of an exponential histogram: sorted, and eight bytes each.

/// Index in the upper 16 bits (with the sign flipped, so that words sort as indices do), count in the lower 48.
pub(super) type Word = u64;

const COUNT_BITS: u32 = 48;
const MAX_COUNT: u64 = (1 << COUNT_BITS) - 1;
const SIGN: u16 = 0x8000;

#[inline]
fn key(index: i16) -> u64 {
    u64::from(index as u16 ^ SIGN)
}

#[inline]
pub(super) fn word(index: i16, count: u64) -> Word {
    key(index) << COUNT_BITS | count.min(MAX_COUNT)
}

#[inline]
pub(super) fn index(word: Word) -> i16 {
    ((word >> COUNT_BITS) as u16 ^ SIGN) as i16
}

#[inline]
pub(super) fn count(word: Word) -> u64 {
    word & MAX_COUNT
}

/// Counts saturate at 2^48 - 1, which is nine years at a million a second.
fn plus(word: Word, n: u64) -> Word {
    (word & !MAX_COUNT) | count(word).saturating_add(n).min(MAX_COUNT)
}

/// Sorted by index, each index once, no count zero. Nothing is allocated while it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sparse(Vec<Word>);

impl Sparse {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i16, u64)> + '_ {
        self.0.iter().map(|&word| (index(word), count(word)))
    }

    /// From words in ascending order without a zero count.
    pub(super) fn of_words(words: Vec<Word>) -> Self {
        Self(words)
    }

    pub(super) fn words(&self) -> &[Word] {
        &self.0
    }

    /// The lowest and the highest index.
    pub(super) fn ends(&self) -> Option<(i16, i16)> {
        self.0
            .first()
            .zip(self.0.last())
            .map(|(first, last)| (index(*first), index(*last)))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Makes room for so many more buckets.
    pub(super) fn reserve(&mut self, buckets: usize) {
        self.0.reserve_exact(buckets);
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Adds `n` > 0 to one bucket.
    pub(super) fn add(&mut self, index: i16, n: u64) {
        let key = key(index);
        let at = match self.0.last() {
            // What is read from elsewhere comes in order.
            Some(last) if last >> COUNT_BITS < key => self.0.len(),
            _ => self.0.partition_point(|word| word >> COUNT_BITS < key),
        };
        match self.0.get_mut(at) {
            Some(word) if *word >> COUNT_BITS == key => *word = plus(*word, n),
            _ => self.0.insert(at, word(index, n)),
        }
    }

    /// Adds all buckets of the other. Histograms of one series soon occupy the same buckets, so that most merges only
    /// add; where buckets are missing, room is made once and filled from the end.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.extend_from_slice(&other.0);
            return;
        }
        let missing = self.add_common(other);
        if missing == 0 {
            return;
        }
        let (mut from, mut theirs) = (self.0.len(), other.0.len());
        let mut to = from + missing;
        self.0.resize(to, 0);
        while to > from {
            let their = other.0[theirs - 1];
            to -= 1;
            if from > 0 && self.0[from - 1] >> COUNT_BITS >= their >> COUNT_BITS {
                from -= 1;
                self.0[to] = self.0[from];
                theirs -= usize::from(self.0[to] >> COUNT_BITS == their >> COUNT_BITS);
            } else {
                theirs -= 1;
                self.0[to] = their;
            }
        }
    }

    /// Adds the counts of the buckets that both have, and tells how many of the other's are missing here.
    fn add_common(&mut self, other: &Self) -> usize {
        let mut missing = 0;
        let mut at = 0;
        for &their in &other.0 {
            let key = their >> COUNT_BITS;
            while at < self.0.len() && self.0[at] >> COUNT_BITS < key {
                at += 1;
            }
            match self.0.get_mut(at) {
                Some(word) if *word >> COUNT_BITS == key => *word = plus(*word, count(their)),
                _ => missing += 1,
            }
        }
        missing
    }

    /// Halves the resolution `shift` times: bucket *i* becomes part of bucket *i* >> `shift`.
    pub(super) fn downscale(&mut self, shift: u32) {
        self.0.dedup_by(|next, kept| {
            let same = index(*next) >> shift == index(*kept) >> shift;
            if same {
                *kept = plus(*kept, count(*next));
            }
            same
        });
        for word in &mut self.0 {
            *word = key(index(*word) >> shift) << COUNT_BITS | count(*word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(pairs: &[(i16, u64)]) -> Sparse {
        let mut sparse = Sparse::default();
        for &(index, n) in pairs {
            sparse.add(index, n);
        }
        sparse
    }

    fn pairs(sparse: &Sparse) -> Vec<(i16, u64)> {
        sparse.iter().collect()
    }

    #[test]
    fn buckets_stay_sorted_across_the_sign() {
        let sparse = sparse(&[(3, 1), (-2, 5), (i16::MIN, 1), (0, 2), (-2, 1), (i16::MAX, 9)]);
        assert_eq!(pairs(&sparse), [(i16::MIN, 1), (-2, 6), (0, 2), (3, 1), (i16::MAX, 9)]);
    }

    #[test]
    fn merging_interleaves_and_adds() {
        let check = |left: &[(i16, u64)], right: &[(i16, u64)], merged: &[(i16, u64)]| {
            let (left, right) = (sparse(left), sparse(right));
            for (mut into, from) in [(left.clone(), &right), (right.clone(), &left)] {
                into.merge(from);
                assert_eq!(pairs(&into), merged);
            }
        };
        check(&[], &[], &[]);
        check(&[(1, 1)], &[], &[(1, 1)]);
        check(&[(1, 1), (2, 1)], &[(1, 3), (2, 4)], &[(1, 4), (2, 5)]);
        check(&[(5, 1)], &[(-9, 1), (-8, 2)], &[(-9, 1), (-8, 2), (5, 1)]);
        check(
            &[(-1, 1), (4, 1), (9, 1)],
            &[(0, 2), (4, 2), (5, 2)],
            &[(-1, 1), (0, 2), (4, 3), (5, 2), (9, 1)],
        );
    }

    #[test]
    fn downscaling_shifts_negative_indices_down() {
        let mut sparse = sparse(&[(-4, 1), (-3, 1), (-1, 1), (0, 1), (1, 1), (2, 1)]);
        sparse.downscale(1);
        assert_eq!(pairs(&sparse), [(-2, 2), (-1, 1), (0, 2), (1, 1)]);
        sparse.downscale(15);
        assert_eq!(pairs(&sparse), [(-1, 3), (0, 3)]);
    }

    #[test]
    fn counts_saturate_without_touching_the_index() {
        let mut sparse = sparse(&[(-7, MAX_COUNT - 1)]);
        sparse.add(-7, u64::MAX);
        assert_eq!(pairs(&sparse), [(-7, MAX_COUNT)]);
    }
}
