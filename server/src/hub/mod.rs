//! The hub: every second it turns what the store holds into frames, once per view, for everyone who looks.
//!
//! A view that somebody looks at has a channel. At each tick the watched channels whose slot has closed are computed,
//! diffed against their previous snapshot and encoded; subscribers only copy a handle to the bytes. A view that nobody
//! watches is computed when a page asks for it, and forgotten after a while.

mod apdex;
mod budget;
mod channel;
mod compare;
mod compose;
pub mod event;
mod metrics;
mod subscriber;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use futures::StreamExt;
use keiki_app::live::endpoint::server::{Events, Refusal};
use keiki_instrument::JobInstrument;
use keiki_model::frame::Snapshot;
use keiki_model::time::{Millis, PUBLISH_DELAY, SECOND};
use keiki_model::view::{Item, View};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use self::apdex::Apdex;
pub use self::compose::{Composer, Run};
pub use self::metrics::StreamMetrics;

use self::budget::Budgets;
use self::channel::{Channel, LOG_SECONDS};
use self::event::EventId;
use crate::clock::Clock;

/// How long a view that nobody watches stays: as long as its log could still serve a returning client.
const IDLE: Millis = (LOG_SECONDS + 30) * SECOND;
/// A view is kept up to date for pages for so long after the last one asked.
const WARM: Millis = 10 * SECOND;
/// So many views of the past are read at once for those who have just asked: the rest waits.
const READERS: usize = 4;
/// Ticks between heartbeats; views of shorter steps need none.
const HEARTBEAT_TICKS: u64 = 8;

/// One second that has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// How many ticks the hub has made, from 1.
    pub seq: u64,
    /// The wall-clock second whose samples are published.
    pub second: Millis,
    /// When it is published, Unix milliseconds.
    pub now: Millis,
}

/// Makes snapshots.
pub trait Compose: Send + Sync + 'static {
    /// The view at a tick; `to` is the end of its newest closed slot.
    fn compose(&self, view: &View, key: &Arc<str>, tick: &Tick, to: Millis) -> Snapshot;

    /// Whether there is what a view is about.
    fn knows(&self, _view: &View) -> bool {
        true
    }

    /// Counts what changes a view of the past although its time has passed.
    fn edition(&self) -> u64 {
        0
    }
}

/// What the hub bounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Distinct views in all.
    pub views: usize,
    /// Views of one connection.
    pub views_per_connection: usize,
    /// Distinct views of one token that opens some paths only; all of these together leave a quarter of `views` to the others.
    pub views_per_token: usize,
    /// Open streams; each of a connection's views counts.
    pub subscribers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            views: 256,
            views_per_connection: 32,
            views_per_token: 64,
            subscribers: 12_000,
        }
    }
}

/// Why a snapshot cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The limit of distinct views is reached.
    #[error("too many distinct views are open; close some or raise limits.views")]
    TooManyViews,
    /// No tick has been published yet.
    #[error("no second has been measured yet")]
    NotReady,
    /// The hub has ended.
    #[error("the server is shutting down")]
    Closed,
}

/// The hub. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    compose: Box<dyn Compose>,
    boot: Arc<str>,
    limits: Limits,
    metrics: StreamMetrics,
    jobs: JobInstrument,
    channels: Mutex<HashMap<View, Arc<Channel>>>,
    tick: Mutex<Option<Tick>>,
    /// Held while views of the past are published.
    past: Mutex<()>,
    /// Who reads the past for one who has just asked.
    readers: Semaphore,
    seq: AtomicU64,
    subscribers: AtomicUsize,
    budgets: Arc<Budgets>,
    closed: AtomicBool,
}

/// Counts an open stream while it lives.
struct Counted(Arc<Inner>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.subscribers.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.subscribers.sub(1.0);
    }
}

impl Hub {
    /// A hub that has not ticked yet. `boot` names this run of the server and holds no `-`.
    pub fn new(
        compose: impl Compose,
        boot: Arc<str>,
        limits: Limits,
        metrics: StreamMetrics,
        jobs: JobInstrument,
    ) -> Self {
        debug_assert!(!boot.contains('-'), "an event's id is split at the dash");
        Self(Arc::new(Inner {
            compose: Box::new(compose),
            boot,
            limits,
            metrics,
            jobs,
            channels: Mutex::new(HashMap::new()),
            tick: Mutex::new(None),
            past: Mutex::new(()),
            readers: Semaphore::new(READERS),
            seq: AtomicU64::new(0),
            subscribers: AtomicUsize::new(0),
            budgets: Budgets::new(limits.views_per_token, limits.views),
            closed: AtomicBool::new(false),
        }))
    }

    /// The name of this run.
    pub fn boot(&self) -> &str {
        &self.0.boot
    }

    /// The newest published tick; 0 before the first.
    pub fn tick(&self) -> u64 {
        self.0.seq.load(Ordering::Acquire)
    }

    /// Ticks until the token is cancelled, then tells every stream to end.
    pub async fn run<C: Clock>(self, clock: C, shutdown: CancellationToken) {
        loop {
            // The next second that will have closed and settled: k + 1 s + 200 ms.
            let second = (clock.now() - PUBLISH_DELAY).div_euclid(SECOND);
            let due = (second + 1) * SECOND + PUBLISH_DELAY;
            tokio::select! {
                () = clock.sleep_until(due) => {}
                () = shutdown.cancelled() => break,
            }
            let (hub, now) = (self.clone(), clock.now());
            let late = Duration::from_millis(now.saturating_sub(due).unsigned_abs());
            // Composing takes milliseconds: long enough to keep it off the threads that serve.
            let published = tokio::task::spawn_blocking(move || hub.publish(second, now)).await;
            let hub = self.clone();
            // The past is read from disk, and may take as long as it takes: it delays no tick.
            tokio::task::spawn_blocking(move || hub.publish_past());
            if published.is_err() {
                tracing::error!("a tick failed inside; the next one is tried");
            }
            self.0.metrics.published(late);
        }
        self.close();
    }

    /// Publishes one second: every watched view whose slot closed.
    pub fn publish(&self, second: Millis, now: Millis) {
        let inner = &*self.0;
        let seq = self.tick() + 1;
        let tick = Tick { seq, second, now };
        let mut channels: Vec<_> = inner.channels().values().cloned().collect();
        channels.retain(|channel| !channel.view.is_past());
        channels.sort_by_key(|channel| std::cmp::Reverse(channel.subscribers()));
        *inner.tick.lock().unwrap_or_else(PoisonError::into_inner) = Some(tick);
        for (done, channel) in channels.iter().enumerate() {
            inner.jobs.set_length((channels.len() - done) as u64);
            inner.tend(channel, &tick);
        }
        inner.jobs.set_length(0);
        inner.seq.store(seq, Ordering::Release);
        let mut channels = inner.channels();
        channels.retain(|_, channel| channel.subscribers() > 0 || now - channel.asked() <= IDLE);
        inner.metrics.views.set(channels.len() as f64);
    }

    /// Publishes the watched views of the past whose slot closed with the newest tick, unless the one before is still at
    /// it.
    fn publish_past(&self) {
        let inner = &*self.0;
        let _alone = match inner.past.try_lock() {
            Ok(alone) => alone,
            Err(TryLockError::Poisoned(alone)) => alone.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let Some(tick) = *inner.tick.lock().unwrap_or_else(PoisonError::into_inner) else {
            return;
        };
        let channels: Vec<_> = inner
            .channels()
            .values()
            .filter(|channel| channel.view.is_past())
            .cloned()
            .collect();
        channels.iter().for_each(|channel| inner.tend(channel, &tick));
    }

    /// Ends every stream with a farewell.
    fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        for (_, channel) in self.0.channels().drain() {
            channel.close("shutting_down");
        }
    }

    /// The newest snapshot of a view, computed now if nobody watches it.
    ///
    /// # Errors
    /// There is no tick yet, or a limit is reached.
    pub fn snapshot(&self, view: &View) -> Result<Arc<Snapshot>, HubError> {
        let (channel, tick) = self.0.channel(view)?;
        Ok(Arc::clone(&self.0.advance(&channel, &tick).snapshot))
    }

    /// Opens a stream: see [`keiki_app::live::endpoint::live`].
    ///
    /// # Errors
    /// 400 for views that cannot be read, 503 where a limit is reached or nothing has been measured yet.
    pub fn open(&self, views: &str, since: &str) -> Result<Events, Refusal> {
        self.open_within(views, since, None)
    }

    /// Opens a stream within the budget of a token that opens some paths only, if it is one's.
    ///
    /// # Errors
    /// As [`Hub::open`]; 503 also where the token's streams hold as many distinct views as they may.
    pub fn open_within(&self, views: &str, since: &str, token: Option<&str>) -> Result<Events, Refusal> {
        let refuse = |status, message: String| {
            self.0.metrics.refused();
            Err(Refusal { status, message })
        };
        let items = match Item::list(views) {
            Ok(items) => items,
            Err(error) => return refuse(400, error.to_string()),
        };
        let most = self.0.limits.views_per_connection;
        if items.len() > most {
            return refuse(
                400,
                format!("{} views on one connection: the limit is {most}", items.len()),
            );
        }
        if let Some(item) = items.iter().find(|item| !self.0.compose.knows(&item.view)) {
            return refuse(400, format!("there is nothing to show of {}", item.view));
        }
        // An id of another run is of no use: the client gets snapshots.
        let since = EventId::parse(since)
            .filter(|id| *id.boot == *self.0.boot)
            .map(|id| id.tick);
        let mut streams = Vec::with_capacity(items.len());
        for item in items {
            let held = token.map(|token| self.0.budgets.take(token, &item.view));
            if let Some(None) = held {
                self.0.metrics.over_budget();
                let most = self.0.limits.views_per_token;
                return refuse(
                    503,
                    format!(
                        "this token, or all such tokens, hold too many distinct views: limits.views_per_token is {most}"
                    ),
                );
            }
            let (channel, tick) = match self.0.channel(&item.view) {
                Ok(found) => found,
                Err(error) => return refuse(503, error.to_string()),
            };
            let Some(counted) = Inner::count(&self.0) else {
                return refuse(
                    503,
                    format!("{} streams are open: the limit is reached", self.0.limits.subscribers),
                );
            };
            let receiver = channel.subscribe();
            if channel.view.is_past() {
                // Nobody waits for the past on a thread that serves: it comes when it is read.
                let inner = Arc::clone(&self.0);
                tokio::spawn(async move {
                    // Whoever asks again and again, and goes, must not take the threads that all others need.
                    let Ok(_permit) = inner.readers.acquire().await else {
                        return;
                    };
                    if channel.subscribers() == 0 {
                        return;
                    }
                    let reading = Arc::clone(&inner);
                    let read = tokio::task::spawn_blocking(move || reading.advance(&channel, &tick)).await;
                    if read.is_err() {
                        tracing::error!("a reading of the past failed inside");
                    }
                });
            } else {
                self.0.advance(&channel, &tick);
            }
            // Of a long window the next event may be a minute away, of a stretch of the past it never comes: who asks for one
            // gets all of it, and knows that the stream lives.
            let since = since.filter(|_| !item.new && !item.view.is_past());
            streams
                .push(subscriber::stream(receiver, since, self.0.metrics.clone(), Box::new((counted, held))).boxed());
        }
        if streams.len() == 1 {
            return Ok(streams.remove(0));
        }
        Ok(futures::stream::select_all(streams).boxed())
    }
}

impl Inner {
    fn channels(&self) -> MutexGuard<'_, HashMap<View, Arc<Channel>>> {
        // Held for map operations only; nothing panics in between.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channel(&self, view: &View) -> Result<(Arc<Channel>, Tick), HubError> {
        let tick = self
            .tick
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ok_or(HubError::NotReady)?;
        let mut channels = self.channels();
        // Read under the lock that `close` drains under, so that no stream is opened after the last farewell.
        if self.closed.load(Ordering::Acquire) {
            return Err(HubError::Closed);
        }
        if let Some(channel) = channels.get(view) {
            channel.touch(tick.now);
            return Ok((Arc::clone(channel), tick));
        }
        if channels.len() >= self.limits.views {
            // A view that nobody watches gives way; watched ones never do.
            let idle = channels
                .iter()
                .filter(|(_, c)| c.subscribers() == 0)
                .min_by_key(|(_, c)| c.asked());
            let idle = idle.map(|(view, _)| view.clone()).ok_or(HubError::TooManyViews)?;
            channels.remove(&idle);
        }
        let channel = Arc::new(Channel::new(view.clone(), tick.now));
        channels.insert(view.clone(), Arc::clone(&channel));
        Ok((channel, tick))
    }

    /// Brings a channel up to a tick, if anybody looks at it.
    fn tend(&self, channel: &Channel, tick: &Tick) {
        let watched = channel.subscribers() > 0;
        if watched {
            channel.touch(tick.now);
        }
        if watched || tick.now - channel.asked() <= WARM {
            self.advance(channel, tick);
        }
        let is_slow = channel.view.until.is_some() || u64::from(channel.view.pace()) > HEARTBEAT_TICKS;
        if watched && is_slow && tick.seq.is_multiple_of(HEARTBEAT_TICKS) {
            channel.beat();
        }
    }

    fn advance(&self, channel: &Channel, tick: &Tick) -> Arc<channel::Published> {
        channel.advance(tick, &*self.compose, &self.jobs)
    }

    fn count(this: &Arc<Self>) -> Option<Counted> {
        let before = this.subscribers.fetch_add(1, Ordering::Relaxed);
        this.metrics.subscribers.add(1.0);
        let counted = Counted(Arc::clone(this));
        (before < this.limits.subscribers).then_some(counted)
    }
}
