//! Slots of equal length on the wall clock.

use keiki_model::time::{Millis, SECOND};

/// The slots of a line: the first begins at `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) from: Millis,
    /// The length of a slot, milliseconds.
    pub(crate) step: Millis,
    pub(crate) slots: usize,
}

impl Grid {
    /// The last slots that ended by `to`: as many as fit into `window` seconds, at least one.
    pub(crate) fn ending(to: Millis, step_seconds: u32, window_seconds: u32) -> Self {
        let step = Millis::from(step_seconds.max(1)) * SECOND;
        let slots = (window_seconds / step_seconds.max(1)).max(1);
        Self {
            from: (to.div_euclid(step) - Millis::from(slots)) * step,
            step,
            slots: slots as usize,
        }
    }

    /// The end of the last slot.
    pub(crate) fn to(&self) -> Millis {
        self.from + self.step * self.slots as Millis
    }
}
