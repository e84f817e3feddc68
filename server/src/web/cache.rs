//! Bodies that depend only on a view, a language and a look: made once a tick, in the encodings that are asked for.
//!
//! - A body that is of the newest tick is sent as it is: that is the common case and costs a look-up.
//! - Otherwise one job per key and encoding makes the new one, on a thread that may block. Whoever accepts the
//!   previous tick's body gets that meanwhile; everyone else waits for the job.
//! - Bodies are bounded in number and bytes. Keys that were asked for once make room for those asked for often and for
//!   common ones, and have a queue of their own: a flood of distinct addresses displaces only itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use keiki_instrument::{CacheInstrument, Counter, JobInstrument, Recorder};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, watch};

use super::assets::Encoding;
use super::compress::compress;
use super::fault::Fault;
use super::headers::X_CACHE;

#[cfg(test)]
mod tests;

/// How many ticks a body that nobody asks for is kept. It can't be sent any more.
const KEPT: u64 = 10;
/// How many ticks a key counts as often asked for after its last request.
const REMEMBERED: u64 = 60;
/// How many new keys may wait to be made before further ones are turned away.
const QUEUE: usize = 64;

/// What a job makes: a body as it is, and its headers.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// The body.
    pub(super) body: Bytes,
    /// The tick of what it shows.
    pub(super) seq: u64,
    /// All headers but those of encoding and cache.
    pub(super) headers: HeaderMap,
}

/// What a body is asked for by.
pub(super) trait Key: Hash + Eq + Clone + Send + Sync + 'static {
    /// Whether it is one of the few that every visitor asks for, and not one of the countless that anybody can think
    /// up. Such keys neither queue behind the others nor make room for them.
    fn is_common(&self) -> bool;
}

/// Makes the body of a key. Gets the `seq` of the body that is there; `None` says that it is still right.
pub(super) type Make<K> = Arc<dyn Fn(&K, Option<u64>) -> Result<Option<Made>, Fault> + Send + Sync>;

/// A body ready to be sent.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) body: Bytes,
    /// With `X-Cache: HIT`.
    pub(super) headers: HeaderMap,
    /// Of this tick is what it shows.
    seq: u64,
    /// At this tick it was still the newest.
    checked: AtomicU64,
}

impl Ready {
    fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    fn check(&self, tick: u64) {
        self.checked.fetch_max(tick, Ordering::Relaxed);
    }
}

type Outcome = Option<Result<Arc<Ready>, Fault>>;

/// One key's bodies.
#[derive(Debug, Default)]
struct Entry {
    /// By [`index`] of the encoding.
    bodies: [RwLock<Option<Arc<Ready>>>; 3],
    /// The jobs that run, likewise.
    jobs: [Mutex<Option<watch::Receiver<Outcome>>>; 3],
    /// Held while the body is made, so that two encodings don't make it twice.
    making: Mutex<()>,
    /// The tick of the last request.
    used: AtomicU64,
    requests: AtomicUsize,
}

/// The cache. Shared as an `Arc`.
pub(super) struct Cache<K> {
    entries: RwLock<HashMap<K, Arc<Entry>>>,
    make: Make<K>,
    max_entries: usize,
    max_bytes: usize,
    /// Places for keys that are common or have been made before, and for all others.
    known: Semaphore,
    new: Semaphore,
    waiting: AtomicUsize,
    instrument: CacheInstrument,
    jobs: JobInstrument,
    turned_away: Counter,
}

fn index(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Identity => 0,
        Encoding::Brotli => 1,
        Encoding::Gzip => 2,
    }
}

impl<K: Key> Cache<K> {
    pub(super) fn new(max_entries: usize, max_bytes: usize, recorder: &Recorder, make: Make<K>) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let instrument = CacheInstrument::new(recorder, "page");
        instrument.set_limit_bytes(max_bytes as u64);
        instrument.set_size_bytes(0);
        // The queue of all of Keiki's own work.
        let jobs = JobInstrument::new(recorder, &recorder.identity().service_name);
        jobs.declare("render");
        jobs.declare("encode");
        Self {
            entries: RwLock::default(),
            make,
            max_entries: max_entries.max(1),
            max_bytes,
            known: Semaphore::new(workers),
            new: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
            instrument,
            jobs,
            turned_away: recorder.counter("keiki_web_renders_refused_total", &[]),
        }
    }

    /// The body of a key and whether it was there. `tick` is the newest; a body up to `patience` ticks older will do
    /// where the new one is still to be made.
    pub(super) async fn get(
        self: &Arc<Self>,
        key: K,
        encoding: Encoding,
        tick: u64,
        patience: u64,
    ) -> Result<(Arc<Ready>, bool), Fault> {
        let start = Instant::now();
        let found = self.entries.read().get(&key).cloned();
        let entry = found.unwrap_or_else(|| self.insert(&key, tick));
        entry.used.fetch_max(tick, Ordering::Relaxed);
        entry.requests.fetch_add(1, Ordering::Relaxed);
        let there = entry.bodies[index(encoding)].read().clone();
        if let Some(ready) = &there {
            let age = tick.saturating_sub(ready.checked());
            if age > 0 && age <= patience {
                // Whoever comes next gets the new one.
                self.start(&key, &entry, encoding, tick)?;
            }
            if age <= patience {
                self.instrument.hit(start.elapsed());
                return Ok((Arc::clone(ready), true));
            }
        }
        self.instrument.miss(start.elapsed());
        loop {
            let mut job = self.start(&key, &entry, encoding, tick)?;
            let outcome = match job.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.clone(),
                // The job is gone without an outcome, which only the end of the runtime does.
                Err(_) => return Err(Fault::Internal),
            };
            let ready = outcome.ok_or(Fault::Internal)??;
            // A job that had been running already may be of a tick before this request's.
            if ready.checked() + patience >= tick {
                return Ok((ready, false));
            }
        }
    }

    /// Drops what can no longer be sent, and what is too much.
    pub(super) fn trim(&self, tick: u64) {
        let mut entries = self.entries.write();
        entries.retain(|_, entry| {
            let mut alive = false;
            for (body, job) in entry.bodies.iter().zip(&entry.jobs) {
                let mut body = body.write();
                if body.as_ref().is_some_and(|ready| ready.checked() + KEPT < tick) {
                    *body = None;
                }
                alive |= body.is_some() || job.lock().is_some();
            }
            alive || entry.used.load(Ordering::Relaxed) + KEPT >= tick
        });
        let mut bytes: usize = entries.values().map(|entry| entry.bytes()).sum();
        let mut dropped = 0;
        while bytes > self.max_bytes && entries.len() > 1 {
            let Some(key) = victim(&entries, tick) else { break };
            bytes -= entries.remove(&key).map_or(0, |entry| entry.bytes());
            dropped += 1;
        }
        self.instrument.evicted(dropped);
        self.instrument.set_size_bytes(bytes as u64);
    }

    /// How many keys there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.read().len()
    }

    fn insert(&self, key: &K, tick: u64) -> Arc<Entry> {
        let mut entries = self.entries.write();
        if let Some(entry) = entries.get(key) {
            return Arc::clone(entry);
        }
        while entries.len() >= self.max_entries {
            let Some(key) = victim(&entries, tick) else { break };
            entries.remove(&key);
            self.instrument.evicted(1);
        }
        let entry = Arc::new(Entry {
            used: AtomicU64::new(tick),
            ..Entry::default()
        });
        entries.insert(key.clone(), Arc::clone(&entry));
        entry
    }

    /// The job that makes a body: the one that runs, or a new one.
    fn start(
        self: &Arc<Self>,
        key: &K,
        entry: &Arc<Entry>,
        encoding: Encoding,
        tick: u64,
    ) -> Result<watch::Receiver<Outcome>, Fault> {
        let mut place = entry.jobs[index(encoding)].lock();
        if let Some(job) = &*place {
            return Ok(job.clone());
        }
        let known = key.is_common() || entry.bodies.iter().any(|body| body.read().is_some());
        if !known && self.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.turned_away.inc();
            return Err(Fault::Busy);
        }
        let (sender, receiver) = watch::channel(None);
        *place = Some(receiver.clone());
        let (cache, key, entry) = (Arc::clone(self), key.clone(), Arc::clone(entry));
        tokio::spawn(async move {
            let places = if known { &cache.known } else { &cache.new };
            // The semaphores are never closed.
            let permit = places.acquire().await;
            let job = tokio::task::spawn_blocking({
                let (cache, entry) = (Arc::clone(&cache), Arc::clone(&entry));
                move || cache.run(&key, &entry, encoding, tick)
            });
            let outcome = job.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a page could not be made");
                Err(Fault::Internal)
            });
            drop(permit);
            if !known {
                cache.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            *entry.jobs[index(encoding)].lock() = None;
            sender.send_replace(Some(outcome));
            cache.trim(tick);
        });
        Ok(receiver)
    }

    /// Makes and encodes a body, as far as that is needed.
    fn run(&self, key: &K, entry: &Entry, encoding: Encoding, tick: u64) -> Result<Arc<Ready>, Fault> {
        let plain = {
            let _making = entry.making.lock();
            let there = entry.bodies[0].read().clone();
            match there {
                Some(ready) if ready.checked() >= tick => ready,
                there => self.render(key, entry, there, tick)?,
            }
        };
        if encoding == Encoding::Identity {
            return Ok(plain);
        }
        let slot = &entry.bodies[index(encoding)];
        let there = slot.read().clone();
        if let Some(ready) = there.filter(|ready| ready.seq == plain.seq) {
            ready.check(plain.checked());
            return Ok(ready);
        }
        let timer = self.jobs.job("encode");
        let body = compress(&plain.body, encoding).map_err(|error| {
            tracing::error!(%error, "a page could not be compressed");
            Fault::Internal
        })?;
        timer.succeed();
        let mut headers = plain.headers.clone();
        if let Some(name) = encoding.header() {
            headers.insert(header::CONTENT_ENCODING, name);
        }
        let checked = AtomicU64::new(plain.checked());
        let ready = Arc::new(Ready {
            body,
            headers,
            seq: plain.seq,
            checked,
        });
        *slot.write() = Some(Arc::clone(&ready));
        Ok(ready)
    }

    fn render(&self, key: &K, entry: &Entry, there: Option<Arc<Ready>>, tick: u64) -> Result<Arc<Ready>, Fault> {
        let timer = self.jobs.job("render");
        let made = (self.make)(key, there.as_ref().map(|ready| ready.seq));
        timer.finish(&made);
        match (made?, there) {
            (None, Some(ready)) => {
                ready.check(tick);
                Ok(ready)
            }
            (Some(Made { body, seq, mut headers }), _) => {
                headers.insert(X_CACHE, HeaderValue::from_static("HIT"));
                let checked = AtomicU64::new(tick.max(seq));
                let ready = Arc::new(Ready {
                    body,
                    headers,
                    seq,
                    checked,
                });
                *entry.bodies[0].write() = Some(Arc::clone(&ready));
                Ok(ready)
            }
            (None, None) => Err(Fault::Internal),
        }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        self.bodies
            .iter()
            .filter_map(|body| body.read().as_ref().map(|ready| ready.body.len()))
            .sum()
    }
}

/// The key to drop: of those asked for once the one unused for longest, then of those asked for often, common ones last.
fn victim<K: Key>(entries: &HashMap<K, Arc<Entry>>, tick: u64) -> Option<K> {
    let worth = |key: &K, entry: &Entry| {
        let used = entry.used.load(Ordering::Relaxed);
        let often = entry.requests.load(Ordering::Relaxed) > 1 && used + REMEMBERED >= tick;
        (key.is_common(), often, used)
    };
    entries
        .iter()
        .min_by_key(|(key, entry)| worth(key, entry))
        .map(|(key, _)| key.clone())
}
