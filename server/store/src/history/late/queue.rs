//! The late samples that wait in memory for the next write.

use keiki_model::series::Value;
use keiki_model::time::Millis;

use super::super::codec::Corrupt;
use super::super::journal::{Entries, Read};

/// How much may wait to be written, bytes: some two million numbers, or a hundred thousand distributions of a hundred
/// buckets, many times what comes between two calls.
const MOST_WAITING: usize = 32 << 20;

/// Late samples that have yet to be written. They lie beside the rings, under their lock.
#[derive(Debug, Default)]
pub(crate) struct Late {
    samples: Entries,
    /// How many were to be kept, and too many waited.
    lost: u64,
}

impl Late {
    /// Takes one; `false` where too much waits.
    pub(crate) fn push(&mut self, series: u32, time: Millis, value: &Value) -> bool {
        let has_room = self.samples.bytes() < MOST_WAITING;
        if has_room {
            self.samples.push(series, time, value);
        }
        has_room
    }

    /// Takes one whatever waits: its taker writes them down as they come.
    pub(super) fn push_anyway(&mut self, series: u32, time: Millis, value: &Value) {
        self.samples.push(series, time, value);
    }

    /// Hands over each, in the order in which they came.
    pub(super) fn each(&self, take: impl FnMut(u32, Millis, Read)) -> Result<(), Corrupt> {
        self.samples.each(take)
    }

    /// Keeps one that leaves its ring before a record was made of it, as where another source takes the series over.
    pub(crate) fn keep(&mut self, series: Option<u32>, time: Millis, value: &Value) {
        let kept = series.is_some_and(|series| self.push(series, time, value));
        self.lost += u64::from(!kept);
    }

    pub(in super::super) fn len(&self) -> u64 {
        self.samples.count
    }

    /// How many found no room.
    pub(in super::super) fn lost(&self) -> u64 {
        self.lost
    }
}
