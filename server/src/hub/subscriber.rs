//! One subscriber of one view: a stream of encoded events that never queues.
//!
//! A subscriber remembers only the tick it has. Woken, it takes from the channel what leads from there to now: deltas of
//! the log, or a snapshot if it fell too far behind. A reader that does not read is not polled, and costs nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::watch;

use super::channel::Published;
use super::event::{self, Farewell};
use super::metrics::StreamMetrics;

/// A subscriber further behind than this is sent a snapshot: it is smaller than so many deltas.
const MAX_DELTAS: usize = 30;
/// A resuming client is sent up to all that the log holds: it wants the points between.
const MAX_RESUMED: usize = usize::MAX;

struct Subscriber {
    channel: watch::Receiver<Option<Arc<Published>>>,
    metrics: StreamMetrics,
    /// The tick that the client has.
    mine: Option<u64>,
    heartbeat: u64,
    pending: VecDeque<Bytes>,
    ended: bool,
    /// Counts this subscriber while it lives.
    _counted: Box<dyn Send + Sync>,
}

/// The events of a view for one client. `since` is the tick that it has, if it has one.
pub(super) fn stream(
    mut channel: watch::Receiver<Option<Arc<Published>>>,
    since: Option<u64>,
    metrics: StreamMetrics,
    counted: Box<dyn Send + Sync>,
) -> impl Stream<Item = Bytes> + Send {
    channel.mark_changed();
    let heartbeat = channel.borrow().as_ref().map_or(0, |published| published.heartbeat);
    let subscriber = Subscriber {
        channel,
        metrics,
        mine: None,
        heartbeat,
        pending: VecDeque::new(),
        ended: false,
        _counted: counted,
    };
    futures::stream::unfold((subscriber, since), |(mut subscriber, since)| async move {
        let event = subscriber.next(since).await?;
        Some((event, (subscriber, None)))
    })
}

impl Subscriber {
    async fn next(&mut self, mut since: Option<u64>) -> Option<Bytes> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.metrics.sent(event.len());
                return Some(event);
            }
            if self.ended || self.channel.changed().await.is_err() {
                return None;
            }
            let published = self.channel.borrow_and_update().clone();
            if let Some(published) = published {
                self.take(&published, since.take());
            }
        }
    }

    fn take(&mut self, published: &Published, since: Option<u64>) {
        let (known, most) = match (self.mine, since) {
            (None, Some(since)) => (Some(since), MAX_RESUMED),
            (mine, _) => (mine, MAX_DELTAS),
        };
        let deltas = known
            .and_then(|tick| published.since(tick))
            .filter(|deltas| deltas.len() <= most);
        match deltas {
            Some(deltas) => self.pending.extend(deltas.iter().map(|entry| entry.event.clone())),
            None => {
                if self.mine.is_some() {
                    self.metrics.resynced();
                }
                self.pending.push_back(published.event());
            }
        }
        self.mine = Some(published.snapshot.seq);
        if self.heartbeat != published.heartbeat {
            self.heartbeat = published.heartbeat;
            if self.pending.is_empty() {
                self.pending.push_back(Bytes::from_static(event::HEARTBEAT));
            }
        }
        if let Some(error) = published.farewell {
            self.pending
                .push_back(event::farewell(&Farewell { error, retry_ms: 500 }));
            self.ended = true;
        }
    }
}
