//! A queue in one piece of memory: pushed at the end, dropped at the front, read as a slice.

/// How many places are added when a long queue is full, and how many dead ones at its front are worth moving over.
const STRIDE: usize = 64;

/// Like `VecDeque`, but always contiguous, because queries walk it far more often than it moves; and it grows by a
/// fixed stride once it is long, because thousands of them would else waste half of their memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slide<T> {
    items: Vec<T>,
    head: usize,
}

impl<T> From<Vec<T>> for Slide<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, head: 0 }
    }
}

impl<T: Default> Slide<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        &self.items[self.head..]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.items[self.head..]
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len() - self.head
    }

    pub(crate) fn push(&mut self, item: T) {
        self.make_room();
        self.items.push(item);
    }

    /// Pushes all of these, into as much room as they need.
    pub(crate) fn extend(&mut self, items: impl ExactSizeIterator<Item = T>) {
        self.items.reserve_exact(items.len());
        self.items.extend(items);
    }

    /// Puts an item before the one at `index`.
    pub(crate) fn insert(&mut self, index: usize, item: T) {
        self.make_room();
        self.items.insert(self.head + index, item);
    }

    /// Drops the first `count` items. Their memory is used again after some more pushes.
    pub(crate) fn drop_front(&mut self, count: usize) {
        let end = (self.head + count).min(self.items.len());
        self.items[self.head..end].fill_with(T::default);
        self.head = end;
        if self.head == self.items.len() {
            self.items.clear();
            self.head = 0;
        }
    }

    /// Keeps the first `len` items.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.items.truncate(self.head + len);
    }

    /// The bytes it occupies, without what its items own.
    pub(crate) fn bytes(&self) -> usize {
        self.items.capacity() * size_of::<T>()
    }

    fn make_room(&mut self) {
        if self.items.len() < self.items.capacity() {
            return;
        }
        if self.head >= STRIDE.min(self.items.len().div_ceil(2)).max(1) {
            self.items.drain(..self.head);
            self.head = 0;
        } else {
            self.items.reserve_exact((self.items.len() / 2).clamp(4, STRIDE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_window_moves_without_growing() {
        let mut slide = Slide::default();
        let mut capacity = 0;
        for n in 0..10_000_u32 {
            slide.push(n);
            if slide.len() > 960 {
                slide.drop_front(slide.len() - 960);
            }
            if n == 2_000 {
                capacity = slide.items.capacity();
            }
        }
        assert_eq!(slide.as_slice(), (9_040..10_000).collect::<Vec<_>>());
        assert_eq!(slide.items.capacity(), capacity);
        assert!(capacity <= 960 + 2 * STRIDE, "{capacity}");
    }

    #[test]
    fn it_is_a_queue_with_places() {
        let mut slide = Slide::default();
        for n in [1, 2, 4] {
            slide.push(n);
        }
        slide.drop_front(1);
        slide.insert(1, 3);
        assert_eq!(slide.as_slice(), [2, 3, 4]);
        slide.truncate(2);
        slide.as_mut_slice()[0] = 7;
        assert_eq!(slide.as_slice(), [7, 3]);
        slide.drop_front(9);
        assert_eq!((slide.len(), slide.head), (0, 0));
    }
}
