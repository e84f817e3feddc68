//! One view's channel: its newest snapshot, the bounded log of its deltas, and who listens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use keiki_instrument::JobInstrument;
use keiki_model::frame::{Delta, Snapshot};
use keiki_model::time::{Millis, SECOND, slot_start};
use keiki_model::view::View;
use tokio::sync::watch;

use super::event;
use super::{Compose, Tick};

/// For how many seconds a view keeps its deltas, so that a client that was away for as long resumes without a hole.
pub(super) const LOG_SECONDS: Millis = 60;

/// A delta as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) prev: u64,
    pub(super) now: Millis,
    pub(super) event: Bytes,
}

/// What a channel last published. Shared by all its subscribers; encoded once.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) snapshot: Arc<Snapshot>,
    /// The end of its newest closed slot.
    closed: Millis,
    /// Of what was told of its time.
    edition: u64,
    /// The snapshot's event, made when somebody first needs it.
    event: OnceLock<Bytes>,
    /// Consecutive deltas up to the snapshot, oldest first.
    pub(super) log: Arc<[Entry]>,
    /// Counts heartbeats, so that a view with long steps wakes its subscribers.
    pub(super) heartbeat: u64,
    /// Set once, when the channel or the hub ends.
    pub(super) farewell: Option<&'static str>,
}

impl Published {
    /// The whole state as one event.
    pub(super) fn event(&self) -> Bytes {
        self.event.get_or_init(|| event::snapshot(&self.snapshot)).clone()
    }

    /// The deltas that lead from tick `mine` to now; `None` where the log does not reach back so far.
    pub(super) fn since(&self, mine: u64) -> Option<&[Entry]> {
        if mine == self.snapshot.seq {
            return Some(&[]);
        }
        let start = self
            .log
            .iter()
            .position(|entry| entry.prev <= mine && mine < entry.seq)?;
        Some(&self.log[start..])
    }
}

/// One view.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) view: View,
    key: Arc<str>,
    state: watch::Sender<Option<Arc<Published>>>,
    /// Held while a tick is computed, so that it is computed once.
    computing: Mutex<()>,
    /// When a page last asked for it, or a subscriber was last there.
    asked: AtomicI64,
}

impl Channel {
    pub(super) fn new(view: View, now: Millis) -> Self {
        let key = view.to_string().into();
        Self {
            view,
            key,
            state: watch::Sender::new(None),
            computing: Mutex::new(()),
            asked: AtomicI64::new(now),
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.state.subscribe()
    }

    pub(super) fn subscribers(&self) -> usize {
        self.state.receiver_count()
    }

    pub(super) fn touch(&self, now: Millis) {
        self.asked.store(now, Ordering::Relaxed);
    }

    pub(super) fn asked(&self) -> Millis {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn published(&self) -> Option<Arc<Published>> {
        self.state.borrow().clone()
    }

    /// The end of what this view shows at a tick.
    fn closed(&self, tick: &Tick) -> Millis {
        let newest = slot_start((tick.second + 1) * SECOND, self.view.pace());
        self.view.until.map_or(newest, |until| until.min(newest))
    }

    /// Brings the channel up to a tick: computes the view unless its newest slot is published already. Returns what is
    /// published then.
    pub(super) fn advance(&self, tick: &Tick, compose: &dyn Compose, jobs: &JobInstrument) -> Arc<Published> {
        let _computing = self.computing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.published();
        let closed = self.closed(tick);
        // A wall clock that was set back has slots that were published before; the view waits until it has caught up.
        let edition = compose.edition();
        let is_new = |old: &Published| old.closed < closed || old.closed == closed && old.edition != edition;
        if let Some(old) = old.as_ref().filter(|old| old.snapshot.seq >= tick.seq || !is_new(old)) {
            return Arc::clone(old);
        }
        let job = jobs.job("compose");
        let snapshot = Arc::new(compose.compose(&self.view, &self.key, tick, closed));
        job.succeed();
        let mut log = VecDeque::new();
        if let Some(old) = &old
            && let Some(delta) = Delta::between(&old.snapshot, &snapshot)
        {
            // Of the past nobody resumes: who comes back gets all of it, and the log needs no more than the newest.
            let kept = if self.view.is_past() { 0 } else { LOG_SECONDS * SECOND };
            let entries = old.log.iter().filter(|entry| entry.now > tick.now - kept);
            log.extend(entries.cloned());
            let job = jobs.job("encode");
            let event = event::delta(&delta);
            job.succeed();
            log.push_back(Entry {
                seq: delta.seq,
                prev: delta.prev,
                now: tick.now,
                event,
            });
        }
        let published = Arc::new(Published {
            snapshot,
            closed,
            edition,
            event: OnceLock::new(),
            log: log.into_iter().collect(),
            heartbeat: old.map_or(0, |old| old.heartbeat),
            farewell: None,
        });
        self.state.send_replace(Some(Arc::clone(&published)));
        published
    }

    /// Wakes the subscribers for a heartbeat.
    pub(super) fn beat(&self) {
        self.replace(|old| Published {
            heartbeat: old.heartbeat + 1,
            ..old
        });
    }

    /// Tells the subscribers to leave.
    pub(super) fn close(&self, why: &'static str) {
        self.replace(|old| Published {
            farewell: Some(why),
            ..old
        });
    }

    fn replace(&self, change: impl FnOnce(Published) -> Published) {
        self.state.send_modify(|state| {
            if let Some(old) = state.take() {
                let event = old.event.get().cloned().map_or_else(OnceLock::new, OnceLock::from);
                let copy = Published {
                    snapshot: Arc::clone(&old.snapshot),
                    closed: old.closed,
                    edition: old.edition,
                    event,
                    log: Arc::clone(&old.log),
                    heartbeat: old.heartbeat,
                    farewell: old.farewell,
                };
                *state = Some(Arc::new(change(copy)));
            }
        });
    }
}
