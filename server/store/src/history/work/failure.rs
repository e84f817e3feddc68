//! A disk that fails, and one that is back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use keiki_model::time::Millis;

use super::super::disk::Disk;
use super::super::journal::Entries;
use super::super::{History, Journal};
use super::{Rings, Worker};

/// How long after a failure the folder is opened again.
const RETRY: Duration = Duration::from_secs(5);

/// How much of the rings is written to the journal again in one call, bytes, but for what the last series adds: their lock is
/// held for about a millisecond.
const AGAIN: usize = 256 << 10;

impl History {
    pub(super) fn fail(&self, worker: &mut Worker, now: Millis, error: &fjall::Error) {
        let message = format!("{}: {}", self.settings.path.display(), told(error));
        let mut failing = self.failing.lock();
        if failing.is_none() {
            tracing::error!("the history is not kept: {message}");
        }
        let since = failing.as_ref().map_or(now, |(since, _)| *since);
        *failing = Some((since, message));
        worker.job = None;
        worker.late.give_up();
        worker.retried = Some(Instant::now());
        // The engine refuses all writes after one failed: it is opened anew.
        self.is_open.store(false, Ordering::Relaxed);
        *self.disk.write() = None;
    }

    /// What is appended while there is no disk waits in the rings, not in the journal.
    pub(super) fn discard(&self, rings: &impl Rings) {
        let (entries, lost) = rings.journal(Journal::take);
        let late = rings.take_late();
        let late = late.len() + late.lost();
        self.lost.fetch_add(
            lost + late + entries.map_or(0, |entries| entries.count),
            Ordering::Relaxed,
        );
    }

    /// After a failure, writes some of what the rings hold and no record does to the journal. `true` where it did so.
    pub(super) fn journal_again(&self, worker: &mut Worker, disk: &Disk, rings: &impl Rings) -> fjall::Result<bool> {
        let Some(mut place) = worker.again else {
            return Ok(false);
        };
        let from = self.closed(0);
        let mut entries = Entries::default();
        let next = rings.read(|state| {
            while entries.bytes() < AGAIN
                && let Some(stored) = state.series.get(place)
            {
                if let Some(stored) = stored
                    && let Some(number) = stored.number()
                {
                    stored.each_since(from, |time, value| entries.push(number, time, &value));
                }
                place += 1;
            }
            (place < state.series.len()).then_some(place)
        });
        // Not before: who they are must be known at least as long as they are.
        let fresh = self.dictionary.write().take_fresh();
        self.commit_entries(worker, disk, (entries.count > 0).then_some(entries), fresh)?;
        worker.again = next;
        Ok(true)
    }

    pub(super) fn reopen(&self, worker: &mut Worker, now: Millis) -> bool {
        if worker.retried.is_some_and(|retried| retried.elapsed() < RETRY) {
            return false;
        }
        worker.retried = Some(Instant::now());
        match Disk::open(&self.settings.path) {
            Ok(disk) => {
                *self.disk.write() = Some(Arc::new(disk));
                self.is_open.store(true, Ordering::Relaxed);
                true
            }
            Err(error) => {
                let mut failing = self.failing.lock();
                let since = failing.as_ref().map_or(now, |(since, _)| *since);
                *failing = Some((since, error.to_string()));
                false
            }
        }
    }
}

/// An error of the engine in words for an operator.
fn told(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(error) => error.to_string(),
        fjall::Error::Poisoned => "the engine stopped after a write failed".into(),
        error => error.to_string(),
    }
}

#[cfg(test)]
impl History {
    /// The disk has failed, and is to be opened again at once.
    pub(in super::super) fn break_off(&self, now: Millis) {
        let worker = &mut self.worker.lock();
        self.fail(worker, now, &fjall::Error::Poisoned);
        worker.retried = None;
    }
}
