//! How much one query may read.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A query that would read more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this would read more than {0} values: ask for less time, fewer series, or a coarser step")]
pub struct Overload(pub usize);

/// How much may still be read, by all who read together.
#[derive(Debug)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    pub(super) fn new(values: usize) -> Self {
        // One more than there may be: none left is too many.
        Self(AtomicUsize::new(values.saturating_add(1)))
    }

    pub(super) fn spend(&self, values: usize) {
        let left = |left: usize| Some(left.saturating_sub(values));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}
